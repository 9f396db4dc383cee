package github_test

import (
	"testing"

	"callboard.dev/callboard/clients/github"
)

// The queries are written after the calculations in "Rate limits and node limits for the GraphQL API"; the figures are GitHub's.
func TestCostIsWhatGitHubSays(t *testing.T) {
	for _, test := range []struct {
		name, query             string
		variables               map[string]any
		requests, points, nodes int
	}{
		{name: "points: a hundred repositories, fifty issues of each, sixty labels of each issue",
			query:    `{viewer{repositories(first:100){nodes{issues(first:50){nodes{labels(first:60){nodes{name}}}}}}}}`,
			requests: 5101, points: 51, nodes: 100 + 5000 + 300000},
		{name: "nodes: a simple query",
			query:    `query{viewer{repositories(first:50){edges{repository:node{name issues(first:10){totalCount edges{node{title bodyHTML}}}}}}}}`,
			requests: 51, points: 1, nodes: 550},
		{name: "nodes: a complex query, by fragments",
			query: `query{viewer{repositories(first:50){edges{repository:node{name
				pullRequests(first:20){edges{pullRequest:node{title ...C}}}
				issues(last:20){totalCount edges{node{title bodyHTML ...on Issue{comments(first:10){edges{comment:node{bodyHTML}}}}}}}}}}
				followers(first:10){edges{follower:node{login}}}}}
				fragment C on PullRequest{comments(first:10){edges{comment:node{bodyHTML}}}}`,
			requests: 1 + 50 + 1000 + 50 + 1000 + 1, points: 21, nodes: 22_060},
		{name: "by variables",
			query:     `query($n:Int,$m:Int,$null:Int){viewer{repositories(first:$n,last:$null){nodes{issues(first:$null,last:$m){totalCount}}}}}`,
			variables: map[string]any{"n": 50, "m": 10.0, "null": nil},
			requests:  51, points: 1, nodes: 550},
		{name: "nothing but an object", query: `{viewer{login}}`, requests: 0, points: 1, nodes: 0},
		{name: "a fragment that holds itself, which GitHub refuses", query: `{...A} fragment A on Query{viewer{repositories(first:1){nodes{...A}}}}`, requests: -1, points: -1, nodes: -1},
	} {
		t.Run(test.name, func(t *testing.T) {
			cost, err := github.CostOf(test.query, test.variables)
			if err != nil {
				t.Fatal(err)
			}
			if test.requests >= 0 && (cost != github.Cost{Requests: test.requests, Nodes: test.nodes} || cost.Points() != test.points) {
				t.Errorf("cost is %+v and %d points, want %d requests, %d nodes and %d points", cost, cost.Points(), test.requests, test.nodes, test.points)
			}
		})
	}
	if _, err := github.CostOf("{", nil); err == nil {
		t.Error("half a query has a cost")
	}
}
