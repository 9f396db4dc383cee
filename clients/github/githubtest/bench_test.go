package githubtest_test

import (
	"testing"

	"callboard.dev/callboard/clients/github/githubtest"
)

// A page of pull requests with what a list of them shows.
func BenchmarkPullRequests(b *testing.B) {
	s := newSite(b, githubtest.Settings{Limits: &githubtest.Limits{GraphQL: 1 << 40}})
	const body = `{"query":"{ repository(owner: \"larkfold\", name: \"tiles\") { pullRequests(first: 50, states: OPEN) { totalCount nodes { number title isDraft reviewDecision mergeable additions author { login } labels(first: 10) { nodes { name color } } commits(last: 1) { nodes { commit { statusCheckRollup { state } } } } } pageInfo { hasNextPage endCursor } } } }"}`
	for b.Loop() {
		request(s, body)
	}
}
