package gitlabtest_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"callboard.dev/callboard/clients/gitlab/gitlabtest"
	"callboard.dev/callboard/clients/gitlab/gitlabtest/stage"
	official "gitlab.com/gitlab-org/api/client-go/v2"
)

const search = "/api/v4/projects/larkfold%2Fplatform%2Fsearch"

// TestRefusals checks who is told what, in GitLab's words.
func TestRefusals(t *testing.T) {
	s := stage.Set(t, gitlabtest.Settings{})
	for _, c := range []struct {
		path, token string
		status      int
		body        string
	}{
		{search, stage.AdaToken, 200, ""},
		{search, stage.OtherToken, 404, `{"message":"404 Project Not Found"}`},
		{search, "", 404, `{"message":"404 Project Not Found"}`},
		{search, "glpat-nobody", 401, `{"message":"401 Unauthorized"}`},
		{search, stage.OldToken, 401, `{"error":"invalid_token","error_description":"Token is expired. You can either do re-authorization or token refresh."}`},
		{search, stage.ScopedToken, 403, `{"error":"insufficient_scope","error_description":"The request requires higher privileges than provided by the access token.","scope":"api"}`},
		{"/api/v4/projects/larkfold%2Fapps%2Fplayer", "", 200, ""},
		{"/api/v4/projects/larkfold%2Fhandbook", "", 404, `{"message":"404 Project Not Found"}`},
		{"/api/v4/projects/larkfold%2Fhandbook", stage.OtherToken, 200, ""},
		{"/api/v4/projects/999", stage.AdaToken, 404, `{"message":"404 Project Not Found"}`},
		{"/api/v4/groups/larkfold%2Fplatform", stage.OtherToken, 404, `{"message":"404 Group Not Found"}`},
		{"/api/v4/groups/larkfold%2Fplatform", stage.AdaToken, 200, ""},
		{"/api/v4/user", "", 401, `{"message":"401 Unauthorized"}`},
		{"/api/v4/nothing/here", stage.AdaToken, 404, `{"error":"404 Not Found"}`},
		{search + "/repository/files/no%2Ego?ref=main", stage.AdaToken, 404, `{"message":"404 File Not Found"}`},
		{search + "/repository/files/rank%2Ego?ref=nope", stage.AdaToken, 404, `{"message":"404 Commit Not Found"}`},
		{search + "/repository/files/%2E%2E%2F%2E%2E%2Fetc%2Fpasswd?ref=main", stage.AdaToken, 404, `{"message":"404 File Not Found"}`},
		{search + "/repository/tree?ref=nope", stage.AdaToken, 404, `{"message":"404 Tree Not Found"}`},
		{search + "/repository/branches/nope", stage.AdaToken, 404, `{"message":"404 Branch Not Found"}`},
		{search + "/merge_requests/99", stage.AdaToken, 404, `{"message":"404 Not found"}`},
		{search + "/merge_requests?state=open", stage.AdaToken, 400, `{"error":"state does not have a valid value"}`},
		{search + "/merge_requests?per_page=x", stage.AdaToken, 400, `{"error":"per_page is invalid"}`},
		{search + "/hooks", stage.AdaToken, 403, `{"message":"403 Forbidden"}`},
		{search + "/hooks", stage.RitaToken, 200, "[]"},
		{search + "/issues/3", stage.RitaToken, 200, ""}, // confidential
		{"/api/v4/projects/larkfold%2Fplatform%2Fempty/repository/commits", stage.AdaToken, 404, `{"message":"404 Repository Not Found"}`},
	} {
		w := ask(s, "GET", c.path, c.token)
		if w.Code != c.status || c.body != "" && w.Body.String() != c.body {
			t.Errorf("%s of %q: %d %s, want %d %s", c.path, c.token, w.Code, w.Body, c.status, c.body)
		}
	}
}

// TestChanges checks who may change what.
func TestChanges(t *testing.T) {
	s := stage.Set(t, gitlabtest.Settings{})
	player := "/api/v4/projects/larkfold%2Fapps%2Fplayer"
	if _, err := s.AddMergeRequest(t.Context(), stage.Player, gitlabtest.MergeRequest{Title: "x", SourceBranch: "x", Author: "ada"}); err != nil {
		t.Fatal(err)
	}
	if _, err := s.AddIssue(stage.Player, gitlabtest.Issue{Title: "x", Author: "ada"}); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		method, path, token string
		status              int
	}{
		{"POST", player + "/merge_requests/1/approve", "", 401},
		{"POST", player + "/merge_requests/1/approve", stage.ScopedToken, 403},
		{"POST", player + "/merge_requests/1/approve", stage.OtherToken, 403},
		{"POST", player + "/merge_requests/1/approve", stage.RitaToken, 201},
		{"POST", player + "/merge_requests/1/approve", stage.RitaToken, 401}, // a second time
		{"POST", player + "/merge_requests/2/approve", stage.RitaToken, 404},
		{"PUT", player + "/merge_requests/1?state_event=close", stage.OtherToken, 403},
		{"PUT", player + "/merge_requests/1?state_event=close", stage.AdaToken, 200}, // its author
		{"PUT", player + "/issues/1?state_event=close", stage.OtherToken, 403},
		{"POST", player + "/issues?title=mine", stage.OtherToken, 201}, // anybody who sees the project
		{"POST", player + "/issues", stage.OtherToken, 400},
		{"POST", search + "/issues?title=mine", stage.OtherToken, 404},
		{"POST", search + "/hooks?url=https://x.example", stage.AdaToken, 403},
		{"POST", search + "/hooks?url=nonsense", stage.RitaToken, 422},
		{"DELETE", search + "/hooks/1", stage.RitaToken, 404},
	} {
		if w := ask(s, c.method, c.path, c.token); w.Code != c.status {
			t.Errorf("%s %s of %q: %d %s, want %d", c.method, c.path, c.token, w.Code, w.Body, c.status)
		}
	}
}

// TestPages checks the headers in which GitLab says where a page lies.
func TestPages(t *testing.T) {
	s := stage.Set(t, gitlabtest.Settings{})
	for i := range 50 {
		if err := s.AddProject(t.Context(), gitlabtest.Project{Path: fmt.Sprintf("larkfold/apps/p%02d", i), Visibility: gitlabtest.Public}); err != nil {
			t.Fatal(err)
		}
	}
	w := ask(s, "GET", "/api/v4/groups/larkfold/projects?include_subgroups=true&per_page=10&page=2", stage.RitaToken)
	for name, want := range map[string]string{"X-Total": "54", "X-Total-Pages": "6", "X-Page": "2", "X-Per-Page": "10", "X-Next-Page": "3", "X-Prev-Page": "1"} {
		if got := w.Header().Get(name); got != want {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
	if link := w.Header().Get("Link"); !strings.Contains(link, `page=3&per_page=10>; rel="next"`) || !strings.Contains(link, `page=6&per_page=10>; rel="last"`) || !strings.HasPrefix(link, "<"+address+"/api/v4/groups/larkfold/projects?") {
		t.Errorf("Link: %s", link)
	}
	if w := ask(s, "GET", "/api/v4/projects?per_page=1000", stage.RitaToken); w.Header().Get("X-Per-Page") != "100" {
		t.Errorf("a page of %s", w.Header().Get("X-Per-Page"))
	}
	// Commits are not counted.
	w = ask(s, "GET", search+"/repository/commits?per_page=2", stage.AdaToken)
	if w.Header().Get("X-Next-Page") != "2" || w.Header().Get("X-Total") != "" || strings.Contains(w.Header().Get("Link"), `rel="last"`) {
		t.Errorf("commits: %v", w.Header())
	}
	// By key, until there is no next page.
	c := client(t, s, stage.RitaToken)
	seen := map[int64]bool{}
	options := &official.ListProjectsOptions{ListOptions: official.ListOptions{Pagination: "keyset", PerPage: 7}, OrderBy: official.Ptr("id"), Sort: official.Ptr("asc")}
	var more []official.RequestOptionFunc
	for pages := 0; pages < 20; pages++ {
		list, resp, err := c.Projects.ListProjects(options, more...)
		if err != nil {
			t.Fatal(err)
		}
		for _, p := range list {
			seen[p.ID] = true
		}
		if resp.NextLink == "" {
			break
		}
		more = []official.RequestOptionFunc{official.WithKeysetPaginationParameters(resp.NextLink)}
	}
	if len(seen) != 54 {
		t.Errorf("%d projects by key, want 54", len(seen))
	}
}

// TestTotalsAboveTenThousand checks that large lists are not counted.
func TestTotalsAboveTenThousand(t *testing.T) {
	s := stage.Set(t, gitlabtest.Settings{})
	for range 10_000 {
		if _, err := s.AddIssue(stage.Player, gitlabtest.Issue{Title: "one more", Author: "max"}); err != nil {
			t.Fatal(err)
		}
	}
	player := "/api/v4/projects/larkfold%2Fapps%2Fplayer/issues"
	if w := ask(s, "GET", player, ""); w.Header().Get("X-Total") != "10000" {
		t.Errorf("10,000: %v", w.Header())
	}
	if _, err := s.AddIssue(stage.Player, gitlabtest.Issue{Title: "too many", Author: "max"}); err != nil {
		t.Fatal(err)
	}
	w := ask(s, "GET", player, "")
	if w.Header().Get("X-Total") != "" || w.Header().Get("X-Total-Pages") != "" || strings.Contains(w.Header().Get("Link"), "last") || w.Header().Get("X-Next-Page") != "2" {
		t.Errorf("10,001: %v", w.Header())
	}
}

// TestLimits checks that a user's limit is his own, is told on every answer, and begins anew with the window.
func TestLimits(t *testing.T) {
	now := stage.Now
	s := stage.Set(t, gitlabtest.Settings{Limit: 3, Now: func() time.Time { return now }})
	for i := range 3 {
		w := ask(s, "GET", "/api/v4/user", stage.AdaToken)
		if want := fmt.Sprint(2 - i); w.Code != 200 || w.Header().Get("RateLimit-Remaining") != want {
			t.Fatalf("request %d: %d, %s left, want %s", i, w.Code, w.Header().Get("RateLimit-Remaining"), want)
		}
	}
	now = now.Add(10 * time.Second)
	w := ask(s, "GET", "/api/v4/user", stage.AdaToken)
	if w.Code != 429 || w.Header().Get("Retry-After") != "50" || w.Body.String() != "Retry later\n" || w.Header().Get("RateLimit-Reset") != fmt.Sprint(stage.Now.Add(time.Minute).Unix()) {
		t.Errorf("exhausted: %d %v %s", w.Code, w.Header(), w.Body)
	}
	if w := ask(s, "GET", "/api/v4/user", stage.RitaToken); w.Code != 200 {
		t.Errorf("somebody else: %d", w.Code)
	}
	now = now.Add(50 * time.Second)
	if w := ask(s, "GET", "/api/v4/user", stage.AdaToken); w.Code != 200 {
		t.Errorf("a minute later: %d", w.Code)
	}
}

// TestValidators checks that an answer that has not changed is not sent again.
func TestValidators(t *testing.T) {
	s := stage.Set(t, gitlabtest.Settings{})
	for _, path := range []string{search, search + "/merge_requests", search + "/repository/files/rank%2Ego/raw?ref=main"} {
		etag := ask(s, "GET", path, stage.AdaToken).Header().Get("Etag")
		if etag == "" {
			t.Fatalf("%s has no validator", path)
		}
		if w := ask(s, "GET", path, stage.AdaToken, "If-None-Match", etag); w.Code != http.StatusNotModified || w.Body.Len() > 0 {
			t.Errorf("%s again: %d with %d bytes", path, w.Code, w.Body.Len())
		}
	}
	etag := ask(s, "GET", search, stage.AdaToken).Header().Get("Etag")
	if err := s.ChangeProject(stage.Search, func(p *gitlabtest.Project) { p.Stars++ }); err != nil {
		t.Fatal(err)
	}
	if w := ask(s, "GET", search, stage.AdaToken, "If-None-Match", etag); w.Code != 200 {
		t.Errorf("after a change: %d", w.Code)
	}
}

// TestFreeTier checks that what the paid tiers add is not there.
func TestFreeTier(t *testing.T) {
	s := stage.Set(t, gitlabtest.Settings{Free: true})
	w := ask(s, "GET", search+"/merge_requests/1/approvals", stage.AdaToken)
	var approvals map[string]any
	if err := json.Unmarshal(w.Body.Bytes(), &approvals); err != nil {
		t.Fatal(err)
	}
	if len(approvals) != 4 || approvals["approved"] != true {
		t.Errorf("approvals: %v", approvals)
	}
	if w := ask(s, "GET", "/api/v4/groups/larkfold/search?scope=blobs&search=x", stage.RitaToken); w.Code != 400 {
		t.Errorf("searching code in a group: %d %s", w.Code, w.Body)
	}
	answer := graphql(t, s, stage.AdaToken, `{ project(fullPath: "larkfold/platform/search") { mergeRequest(iid: "1") { approvalsRequired } } }`, nil)
	if !strings.Contains(answer, "approvalsRequired") || !strings.Contains(answer, "errors") {
		t.Errorf("a field of the paid tiers: %s", answer)
	}
}
