package githubtest_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"callboard.dev/callboard/clients/clientstest"
	"callboard.dev/callboard/clients/github/githubtest"
)

// receiver keeps the webhooks that it is told.
type receiver struct {
	mu   sync.Mutex
	told []told
}

type told struct {
	header http.Header
	raw    []byte
	body   map[string]any
}

func (r *receiver) ServeHTTP(w http.ResponseWriter, request *http.Request) {
	raw, _ := io.ReadAll(request.Body)
	one := told{header: request.Header, raw: raw}
	_ = json.Unmarshal(raw, &one.body)
	r.mu.Lock()
	defer r.mu.Unlock()
	r.told = append(r.told, one)
}

// take returns what was told since the last time, once all is.
func (r *receiver) take(s *site) []told {
	s.Deliveries()
	r.mu.Lock()
	defer r.mu.Unlock()
	out := r.told
	r.told = nil
	return out
}

func listen(s *site) *receiver {
	r := &receiver{}
	s.SetWebhook(githubtest.Webhook{URL: "http://callboard.example/webhooks/github", Secret: "shared", Client: &http.Client{Transport: clientstest.Transport{Handler: r}}})
	return r
}

func events(list []told) string {
	var out []string
	for _, one := range list {
		text := one.header.Get("X-GitHub-Event")
		if action, ok := one.body["action"].(string); ok {
			text += "." + action
		}
		out = append(out, text)
	}
	return strings.Join(out, " ")
}

// Every change is told once, signed, and in the order it happened.
func TestWebhooks(t *testing.T) {
	s := newSite(t, githubtest.Settings{})
	r := listen(s)
	if got := events(r.take(s)); got != "ping" {
		t.Errorf("at first: %s", got)
	}
	ctx := t.Context()
	for _, step := range []struct {
		name   string
		change func() error
		want   string
	}{
		{"push", func() error {
			_, err := s.Push(ctx, "larkfold/tiles", "gapless", "ben", "Fewer still", githubtest.File{Path: "web/new.ts", Data: []byte("x\n")})
			return err
		}, "pull_request.synchronize push"},
		{"review", func() error {
			_, err := s.ReviewPullRequest(ctx, "larkfold/tiles", 3, githubtest.Review{AuthorLogin: "cleo", State: "APPROVED"})
			return err
		}, "pull_request_review.submitted"},
		{"label", func() error { return s.Label("larkfold/tiles", 3, "ada", "ready") }, "pull_request.labeled"},
		{"comment", func() error { _, err := s.Comment("larkfold/tiles", 1, "ada", "Hm"); return err }, "issue_comment.created"},
		{"merge", func() error { return s.MergePullRequest(ctx, "larkfold/tiles", 3, "MERGE", "ada") }, "pull_request.closed push issues.closed"},
		{"issue", func() error {
			_, err := s.AddIssue("larkfold/tiles", githubtest.Issue{Title: "Another", AuthorLogin: "ada"})
			return err
		}, "issues.opened"},
		{"close", func() error { return s.CloseIssue("larkfold/tiles", 4, "NOT_PLANNED", "ada") }, "issues.closed"},
		{"reopen", func() error { return s.ReopenIssue("larkfold/tiles", 4, "ada") }, "issues.reopened"},
		{"assign", func() error { return s.Assign("larkfold/tiles", 4, "ada", "ben") }, "issues.assigned"},
		{"release", func() error {
			_, err := s.AddRelease("larkfold/tiles", githubtest.Release{TagName: "v2.0.0", AuthorLogin: "ada"})
			return err
		}, "release.published"},
		{"rename", func() error { return s.RenameRepository("larkfold/empty", "hollow") }, "repository.renamed"},
		{"archive", func() error {
			return s.UpdateRepository("larkfold/hollow", func(r *githubtest.Repository) { r.IsArchived = true })
		}, "repository.archived"},
		{"delete", func() error { return s.DeleteRepository("larkfold/hollow") }, "repository.deleted"},
	} {
		must(t, step.change())
		list := r.take(s)
		if got := events(list); got != step.want {
			t.Errorf("%s: told %q, want %q", step.name, got, step.want)
		}
		for _, one := range list {
			if one.header.Get("X-Hub-Signature-256") != githubtest.Sign("shared", one.raw) || one.header.Get("X-GitHub-Delivery") == "" {
				t.Errorf("%s: %v", step.name, one.header)
			}
			if one.body["repository"] == nil || one.body["sender"] == nil || one.body["organization"] == nil {
				t.Errorf("%s: %s", step.name, one.raw)
			}
		}
		if step.name == "push" {
			push := list[1].body
			commits, _ := push["commits"].([]any)
			if push["ref"] != "refs/heads/gapless" || push["before"] != s.side || len(commits) != 1 || fmt.Sprint(commits[0].(map[string]any)["added"]) != "[web/new.ts]" {
				t.Errorf("%s", list[1].raw)
			}
		}
		if step.name == "merge" && list[0].body["pull_request"].(map[string]any)["merged"] != true {
			t.Errorf("%s", list[0].raw)
		}
	}
	if got := githubtest.Sign("It's a Secret to Everybody", []byte("Hello, World!")); got != "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17" {
		t.Errorf("the example of GitHub's documentation is signed %s", got)
	}
}

// A receiver that fails is written down, and nothing waits for it.
func TestDeliveries(t *testing.T) {
	s := newSite(t, githubtest.Settings{})
	server := httptest.NewServer(http.NotFoundHandler())
	s.SetWebhook(githubtest.Webhook{URL: server.URL, Events: []string{"issues"}})
	must(t, s.CloseIssue("larkfold/tiles", 1, "", "ada"))
	must(t, s.Label("larkfold/tiles", 3, "ada", "unheard"))
	s.Deliveries()
	server.Close()
	must(t, s.ReopenIssue("larkfold/tiles", 1, "ada"))
	list := s.Deliveries()
	if len(list) != 3 || list[0].Event != "ping" || list[1].Status != 404 || list[2].Err == "" || list[2].Action != "reopened" {
		t.Errorf("%+v", list)
	}
}

func TestMerging(t *testing.T) {
	for _, method := range []string{"MERGE", "SQUASH", "REBASE"} {
		s := newSite(t, githubtest.Settings{})
		must(t, s.MergePullRequest(t.Context(), "larkfold/tiles", 3, method, "ada"))
		want := map[string]string{
			"MERGE":  "Merge pull request #3 from larkfold/gapless|Ada Marsh|" + s.head + " " + s.side,
			"SQUASH": "Play without gaps (#3)|Ada Marsh|" + s.head,
			"REBASE": "No gaps|ben|" + s.head,
		}[method]
		if got := s.work.Git("tiles", "log", "-1", "--format=%s|%an|%P", "main"); got != want {
			t.Errorf("%s: %q, want %q", method, got, want)
		}
		if got := s.work.Git("tiles", "show", "main:web/app.ts") + s.work.Git("tiles", "show", "main:main.go"); !strings.Contains(got, "b = 3") || !strings.Contains(got, "println") {
			t.Errorf("%s: %s", method, got)
		}
		text := s.data(`{ repository(owner: "larkfold", name: "tiles") { pullRequest(number: 3) { state merged mergedBy { login } additions mergeCommit { oid } mergeable headRefOid } issue(number: 1) { state stateReason } defaultBranchRef { target { oid ... on Commit { associatedPullRequests(first: 1) { nodes { number } } } } } } }`)
		tip := s.work.Git("tiles", "rev-parse", "main")
		if want := fmt.Sprintf(`{"repository":{"pullRequest":{"state":"MERGED","merged":true,"mergedBy":{"login":"ada"},"additions":2,"mergeCommit":{"oid":%q},"mergeable":"UNKNOWN","headRefOid":%q},"issue":{"state":"CLOSED","stateReason":"COMPLETED"},"defaultBranchRef":{"target":{"oid":%q,"associatedPullRequests":{"nodes":[{"number":3}]}}}}}`, tip, s.side, tip); text != want {
			t.Errorf("%s: got  %s\nwant %s", method, text, want)
		}
		if err := s.MergePullRequest(t.Context(), "larkfold/tiles", 3, method, "ada"); !errors.Is(err, githubtest.ErrRefused) {
			t.Errorf("merged twice: %v", err)
		}
	}
}

func TestConflict(t *testing.T) {
	s := newSite(t, githubtest.Settings{})
	_, err := s.Push(t.Context(), "larkfold/tiles", "main", "ada", "Otherwise", githubtest.File{Path: "web/app.ts", Data: []byte("export const a = 9\n")})
	must(t, err)
	if got := s.data(`{ repository(owner: "larkfold", name: "tiles") { pullRequest(number: 3) { mergeable mergeStateStatus } } }`); got != `{"repository":{"pullRequest":{"mergeable":"CONFLICTING","mergeStateStatus":"DIRTY"}}}` {
		t.Error(got)
	}
	if err := s.MergePullRequest(t.Context(), "larkfold/tiles", 3, "MERGE", "ada"); !errors.Is(err, githubtest.ErrRefused) {
		t.Errorf("%v", err)
	}
}

func TestMutations(t *testing.T) {
	s := newSite(t, githubtest.Settings{})
	r := listen(s)
	r.take(s)
	var ids struct {
		Repository struct {
			ID          string
			Issue       struct{ ID string }
			PullRequest struct{ ID string }
			Label       struct{ ID string }
		}
	}
	must(t, json.Unmarshal([]byte(s.data(`{ repository(owner: "larkfold", name: "tiles") { id issue(number: 1) { id } pullRequest(number: 3) { id } label(name: "bug") { id } } }`)), &ids))
	pull := ids.Repository.PullRequest.ID
	_, err := s.Push(t.Context(), "larkfold/tiles", "faster", "ben", "Faster", githubtest.File{Path: "fast.go", Data: []byte("package main\n")})
	must(t, err)
	r.take(s)
	for _, step := range []struct{ token, mutation, want, told string }{
		{"cleo", `createIssue(input: {repositoryId: "` + ids.Repository.ID + `", title: "New", clientMutationId: "x"}) { clientMutationId issue { number author { login } } }`, `{"data":{"createIssue":{"clientMutationId":"x","issue":{"number":4,"author":{"login":"ada"}}}}}`, "issues.opened"},
		{"ada-token", `addComment(input: {subjectId: "` + ids.Repository.Issue.ID + `", body: "Hm"}) { commentEdge { node { body } } subject { id } }`, `"body":"Hm"`, "issue_comment.created"},
		{"ada-token", `removeLabelsFromLabelable(input: {labelableId: "` + pull + `", labelIds: ["` + ids.Repository.Label.ID + `"]}) { labelable { labels(first: 9) { nodes { name } } } }`, `"nodes":[{"name":"audio"}]`, "pull_request.unlabeled"},
		{"ada-token", `createPullRequest(input: {repositoryId: "` + ids.Repository.ID + `", baseRefName: "main", headRefName: "faster", title: "Faster", draft: true}) { pullRequest { number isDraft changedFiles } }`, `"pullRequest":{"number":5,"isDraft":true,"changedFiles":1}`, "pull_request.opened"},
		{"ada-token", `createPullRequest(input: {repositoryId: "` + ids.Repository.ID + `", baseRefName: "main", headRefName: "faster", title: "Again"}) { pullRequest { number } }`, `A pull request already exists for larkfold:faster`, ""},
		{"ada-token", `createPullRequest(input: {repositoryId: "` + ids.Repository.ID + `", baseRefName: "main", headRefName: "none", title: "Again"}) { pullRequest { number } }`, `"type":"UNPROCESSABLE"`, ""},
		{"stranger-token", `closePullRequest(input: {pullRequestId: "` + pull + `"}) { pullRequest { state } }`, `"type":"FORBIDDEN"`, ""},
		{"ada-token", `requestReviews(input: {pullRequestId: "` + pull + `", union: true, userIds: ["` + id(t, s, "ada") + `"]}) { pullRequest { reviewRequests(first: 9) { totalCount } } }`, `"totalCount":2`, "pull_request.review_requested"},
		{"ada-token", `addPullRequestReview(input: {pullRequestId: "` + pull + `", event: APPROVE}) { pullRequestReview { state } }`, `"state":"APPROVED"`, "pull_request_review.submitted"},
		{"ben-token", `addPullRequestReview(input: {pullRequestId: "` + pull + `", event: APPROVE}) { pullRequestReview { state } }`, `Can not approve`, ""},
		{"ben-token", `mergePullRequest(input: {pullRequestId: "` + pull + `"}) { pullRequest { state } }`, `Base branch policy prohibits the merge`, ""},
		{"ada-token", `updatePullRequest(input: {pullRequestId: "` + pull + `", title: "Better"}) { pullRequest { title } }`, `"title":"Better"`, "pull_request.edited"},
		{"ada-token", `mergePullRequest(input: {pullRequestId: "` + pull + `", expectedHeadOid: "0000000000000000000000000000000000000000"}) { pullRequest { state } }`, `Head branch was modified`, ""},
		{"ada-token", `closePullRequest(input: {pullRequestId: "` + pull + `"}) { pullRequest { state } }`, `"state":"CLOSED"`, "pull_request.closed"},
		{"ada-token", `reopenPullRequest(input: {pullRequestId: "` + pull + `"}) { pullRequest { state } }`, `"state":"OPEN"`, "pull_request.reopened"},
		{"ada-token", `createLabel(input: {repositoryId: "` + ids.Repository.ID + `", name: "fresh", color: "00ff00"}) { label { name } }`, `"name":"fresh"`, ""},
		{"ada-token", `closeIssue(input: {issueId: "` + ids.Repository.Issue.ID + `", stateReason: NOT_PLANNED}) { issue { state stateReason } }`, `"issue":{"state":"CLOSED","stateReason":"NOT_PLANNED"}`, "issues.closed"},
		{"ada-token", `reopenIssue(input: {issueId: "` + ids.Repository.Issue.ID + `"}) { issue { state } }`, `"state":"OPEN"`, "issues.reopened"},
	} {
		token := step.token
		if token == "cleo" {
			token = "ada-token"
		}
		a, _ := s.query("mutation { "+step.mutation+" }", nil, token)
		if !strings.Contains(a.text, step.want) {
			t.Errorf("%s\ngot  %s\nwant %s", step.mutation, a.text, step.want)
		}
		if got := events(r.take(s)); got != step.told {
			t.Errorf("%s: told %q, want %q", step.mutation, got, step.told)
		}
	}
}

func id(t *testing.T, s *site, login string) string {
	t.Helper()
	var found struct{ User struct{ ID string } }
	must(t, json.Unmarshal([]byte(s.data(fmt.Sprintf(`{ user(login: %q) { id } }`, login))), &found))
	return found.User.ID
}

func TestRefusals(t *testing.T) {
	s := newSite(t, githubtest.Settings{})
	must(t, s.UpdateRepository("larkfold/empty", func(r *githubtest.Repository) { r.IsArchived = true }))
	ctx := t.Context()
	for name, err := range map[string]error{
		"a login twice":       second(s.AddUser(githubtest.User{Login: "ADA"})),
		"no login":            second(s.AddUser(githubtest.User{Login: "a b"})),
		"an unknown member":   second(s.AddOrganization(githubtest.Organization{Login: "other"}, []string{"nobody"}, nil)),
		"a repository twice":  second(s.AddRepository(ctx, githubtest.Repository{OwnerLogin: "larkfold", Name: "Tiles"})),
		"no folder":           second(s.AddRepository(ctx, githubtest.Repository{OwnerLogin: "larkfold", Name: "x", Folder: "/etc"})),
		"an archived one":     second(s.AddIssue("larkfold/empty", githubtest.Issue{AuthorLogin: "ada"})),
		"a number twice":      second(s.AddIssue("larkfold/tiles", githubtest.Issue{AuthorLogin: "ada", Number: 3})),
		"no commits":          second(s.AddPullRequest(ctx, "larkfold/tiles", githubtest.PullRequest{AuthorLogin: "ada", HeadRefName: "main"})),
		"one's own review":    second(s.ReviewPullRequest(ctx, "larkfold/tiles", 3, githubtest.Review{AuthorLogin: "ben", State: "APPROVED"})),
		"a branch's bad name": second(s.Push(ctx, "larkfold/tiles", "--upload-pack=x", "ada", "x")),
		"a path outside":      second(s.Push(ctx, "larkfold/tiles", "x", "ada", "x", githubtest.File{Path: "../x", Data: []byte("x")})),
		"a token of nobody":   s.AddToken("x", githubtest.Token{Login: "nobody"}),
	} {
		if err == nil {
			t.Errorf("%s is accepted", name)
		}
	}
}

func second[T any](_ T, err error) error { return err }
