package gitlabtest_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"callboard.dev/callboard/clients/clientstest"
	"callboard.dev/callboard/clients/gitlab/gitlabtest"
	"callboard.dev/callboard/clients/gitlab/gitlabtest/stage"
)

// graphql sends a query and returns the answer as text.
func graphql(t *testing.T, s http.Handler, token, query string, variables map[string]any) string {
	t.Helper()
	body := clientstest.JSON(map[string]any{"query": query, "variables": variables})
	r := httptest.NewRequest("POST", address+"/api/graphql", strings.NewReader(string(body)))
	r.Header.Set("Content-Type", "application/json")
	if token != "" {
		r.Header.Set("Authorization", "Bearer "+token)
	}
	w := httptest.NewRecorder()
	s.ServeHTTP(w, r)
	return strings.TrimSpace(w.Body.String())
}

func TestGraphQL(t *testing.T) {
	s := stage.Set(t, gitlabtest.Settings{})
	for _, c := range []struct{ name, token, query, want string }{
		{"who asks", stage.AdaToken, `{ currentUser { username name __typename } }`, `{"data":{"currentUser":{"username":"ada","name":"Ada Writer","__typename":"CurrentUser"}}}`},
		{"nobody asks", "", `{ currentUser { username } }`, `{"data":{"currentUser":null}}`},
		{"a bad token", "glpat-bad", `{ currentUser { username } }`, `{"errors":[{"message":"Invalid token"}]}`},
		{"what one may not see is null, without an error", stage.OtherToken, `{ project(fullPath: "larkfold/platform/search") { name } }`, `{"data":{"project":null}}`},
		{"a project", stage.AdaToken, `{ project(fullPath: "Larkfold/Platform/search") { id name topics starCount openIssuesCount openMergeRequestsCount visibility languages { name share color } group { fullPath } } }`,
			`{"data":{"project":{"id":"gid://gitlab/Project/10","name":"Search","topics":["go","search"],"starCount":7,"openIssuesCount":2,"openMergeRequestsCount":3,"visibility":"private","languages":[{"name":"Go","share":90.5,"color":"#00ADD8"},{"name":"Shell","share":9.5,"color":"#89e051"}],"group":{"fullPath":"larkfold/platform"}}}}`},
		{"the head of the default branch", stage.AdaToken, `{ project(fullPath: "larkfold/platform/search") { repository { rootRef tree { lastCommit { sha title authorName committedDate author { username } } trees { nodes { path } } blobs(first: 2) { nodes { name mode } pageInfo { hasNextPage } } } } } }`,
			`{"data":{"project":{"repository":{"rootRef":"main","tree":{"lastCommit":{"sha":"` + s.Head + `","title":"Move main","authorName":"Ada Writer","committedDate":"2026-02-10T09:00:00+01:00","author":{"username":"ada"}},"trees":{"nodes":[{"path":"docs"}]},"blobs":{"nodes":[{"name":"README.md","mode":"100644"},{"name":"catalog-info.yaml","mode":"100644"}],"pageInfo":{"hasNextPage":true}}}}}}}`},
		{"a repository without commits", stage.AdaToken, `{ project(fullPath: "larkfold/platform/empty") { repository { empty rootRef tree { lastCommit { sha } } } } }`, `{"data":{"project":{"repository":{"empty":true,"rootRef":null,"tree":null}}}}`},
		{"merge requests", stage.AdaToken, `{ project(fullPath: "larkfold/platform/search") { mergeRequests(state: opened, sort: UPDATED_DESC, first: 2) { count nodes { iid title draft detailedMergeStatus author { username } reviewers { nodes { username mergeRequestInteraction { reviewState } } } approvedBy { nodes { username } } labels { nodes { title } } } } } }`,
			`{"data":{"project":{"mergeRequests":{"count":3,"nodes":[{"iid":"5","title":"Faster index","draft":false,"detailedMergeStatus":"REQUESTED_CHANGES","author":{"username":"max"},"reviewers":{"nodes":[{"username":"ada","mergeRequestInteraction":{"reviewState":"REQUESTED_CHANGES"}}]},"approvedBy":{"nodes":[]},"labels":{"nodes":[{"title":"bug"}]}},{"iid":"4","title":"Draft: Old ideas","draft":true,"detailedMergeStatus":"DRAFT_STATUS","author":{"username":"max"},"reviewers":{"nodes":[{"username":"ada","mergeRequestInteraction":{"reviewState":"UNREVIEWED"}}]},"approvedBy":{"nodes":[]},"labels":{"nodes":[]}}]}}}}`},
		{"what one reviews", stage.RitaToken, `{ user(username: "ada") { reviewRequestedMergeRequests(state: opened) { count nodes { iid project { fullPath } } } authoredMergeRequests(state: opened) { count } } }`,
			`{"data":{"user":{"reviewRequestedMergeRequests":{"count":2,"nodes":[{"iid":"5","project":{"fullPath":"larkfold/platform/search"}},{"iid":"4","project":{"fullPath":"larkfold/platform/search"}}]},"authoredMergeRequests":{"count":1}}}}`},
		{"one's own, as somebody who may not see them", stage.OtherToken, `{ user(username: "ada") { authoredMergeRequests { count } } }`, `{"data":{"user":{"authoredMergeRequests":{"count":0}}}}`},
		{"protected branches are for maintainers", stage.AdaToken, `{ project(fullPath: "larkfold/platform/search") { branchRules { nodes { name } } } }`, `{"data":{"project":{"branchRules":null}}}`},
		{"protected branches", stage.RitaToken, `{ project(fullPath: "larkfold/platform/search") { branchRules { nodes { name isDefault branchProtection { allowForcePush pushAccessLevels { nodes { accessLevelDescription } } } } } } }`,
			`{"data":{"project":{"branchRules":{"nodes":[{"name":"main","isDefault":true,"branchProtection":{"allowForcePush":false,"pushAccessLevels":{"nodes":[{"accessLevelDescription":"Maintainers"}]}}},{"name":"release/*","isDefault":false,"branchProtection":{"allowForcePush":false,"pushAccessLevels":{"nodes":[{"accessLevelDescription":"No one"}]}}}]}}}}`},
	} {
		if got := graphql(t, s, c.token, c.query, nil); got != c.want {
			t.Errorf("%s:\n%s\nwant\n%s", c.name, got, c.want)
		}
	}
}

// TestGraphQLPages walks a list forwards and backwards, while it changes.
func TestGraphQLPages(t *testing.T) {
	s := stage.Set(t, gitlabtest.Settings{})
	query := func(args string) string {
		answer := graphql(t, s, stage.RitaToken, `{ project(fullPath: "larkfold/platform/search") { mergeRequests(`+args+`) { nodes { iid } pageInfo { hasNextPage hasPreviousPage endCursor } } } }`, nil)
		answer = strings.TrimPrefix(answer, `{"data":{"project":{"mergeRequests":`)
		return answer
	}
	first := query("first: 2, sort: CREATED_ASC")
	if !strings.HasPrefix(first, `{"nodes":[{"iid":"2"},{"iid":"3"}],"pageInfo":{"hasNextPage":true,"hasPreviousPage":false,`) {
		t.Fatal(first)
	}
	_, cursor, _ := strings.Cut(first, `"endCursor":"`)
	cursor, _, _ = strings.Cut(cursor, `"`)
	if next := query(`first: 2, sort: CREATED_ASC, after: "` + cursor + `"`); !strings.HasPrefix(next, `{"nodes":[{"iid":"1"},{"iid":"4"}],"pageInfo":{"hasNextPage":true,"hasPreviousPage":true,`) {
		t.Error(next)
	}
	if back := query(`last: 1, sort: CREATED_ASC, before: "` + cursor + `"`); !strings.HasPrefix(back, `{"nodes":[{"iid":"2"}]`) {
		t.Error(back)
	}
	for _, bad := range []string{`after: "nonsense"`, `first: 1, last: 1`, `first: -1`} {
		if answer := query(bad); !strings.Contains(answer, `"errors"`) {
			t.Errorf("%s: %s", bad, answer)
		}
	}
}

// TestComplexity checks the limits of a query against what is known of GitLab's own.
func TestComplexity(t *testing.T) {
	s := stage.Set(t, gitlabtest.Settings{})
	// Published: of this query 35 projects are the most that GitLab.com allows.
	branches := func(n int) string {
		return fmt.Sprintf(`{ projects(first: %d, ids: [], membership: true) { pageInfo { hasNextPage endCursor } nodes { id name visibility httpUrlToRepo fullPath group { id } repository { rootRef branchNames(limit: 100, offset: 0, searchPattern: "*") } } } }`, n)
	}
	if answer := graphql(t, s, stage.AdaToken, branches(33), nil); strings.Contains(answer, "complexity") {
		t.Errorf("33 projects with their branches: %s", answer)
	}
	if answer := graphql(t, s, stage.AdaToken, branches(100), nil); !strings.Contains(answer, "which exceeds max complexity of 250") {
		t.Errorf("100 projects with their branches: %s", answer)
	}
	if answer := graphql(t, s, "", branches(20), nil); !strings.Contains(answer, "which exceeds max complexity of 200") {
		t.Errorf("20 projects for nobody: %s", answer)
	}
	// Since 18.4.2 the content of several files is too much.
	blobs := `query ($paths: [String!]!) { project(fullPath: "larkfold/platform/search") { repository { blobs(paths: $paths) { nodes { path rawTextBlob } } } } }`
	if answer := graphql(t, s, stage.AdaToken, blobs, map[string]any{"paths": []string{"rank.go"}}); !strings.Contains(answer, "func rank") {
		t.Errorf("one file: %s", answer)
	}
	if answer := graphql(t, s, stage.AdaToken, blobs, map[string]any{"paths": []string{"rank.go", "run.go"}}); !strings.Contains(answer, "exceeds max complexity") {
		t.Errorf("two files: %s", answer)
	}
	paths := make([]string, 51)
	for i := range paths {
		paths[i] = "larkfold/apps/player"
	}
	if answer := graphql(t, s, stage.AdaToken, `query ($p: [String!]) { projects(fullPaths: $p) { nodes { id } } }`, map[string]any{"p": paths}); !strings.Contains(answer, "You cannot provide more than 50 full_paths") {
		t.Errorf("51 paths: %s", answer)
	}
	if answer := graphql(t, s, stage.AdaToken, "{ currentUser { username } }"+strings.Repeat(" ", 10_000), nil); answer != `{"errors":[{"message":"Query too large"}]}` {
		t.Errorf("a long query: %s", answer)
	}
	if answer := graphql(t, s, stage.AdaToken, `{ queryComplexity { score limit } }`, nil); answer != `{"data":{"queryComplexity":{"score":3,"limit":250}}}` {
		t.Errorf("its own complexity: %s", answer)
	}
}
