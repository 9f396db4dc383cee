package main_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"callboard.dev/callboard/clients/clientstest"
	"callboard.dev/callboard/clients/github/githubtest"
	"callboard.dev/callboard/clients/gitlab/gitlabtest"
)

const publicURL = "https://callboard.larkfold.example"

// said are the requests that wrote something on a host, but for questions in GraphQL.
func said(watch *clientstest.Watch) (out []clientstest.Seen) {
	for _, request := range watch.Requests() {
		if request.Method != http.MethodGet && request.Method != http.MethodHead && !strings.HasSuffix(request.URL.Path, "/graphql") {
			out = append(out, request)
		}
	}
	return out
}

// body is what a request said.
func body(t *testing.T, request clientstest.Seen) map[string]any {
	t.Helper()
	var out map[string]any
	if err := json.Unmarshal(request.Body, &out); err != nil {
		t.Fatalf("%s %s: %v: %s", request.Method, request.URL.Path, err, request.Body)
	}
	return out
}

// announced is a stage on which a pull request was opened, whose link is made in one way.
type announced struct {
	*theatre
	as           string
	view         string // the address that the link leads to
	path, method string // of what is said first, and the method of what is said then
}

func announcing(t *testing.T, as string) announced {
	t.Helper()
	s := newTheatre(t)
	s.announce = as + " larkfold/tiles"
	s.Hold()
	s.up(s.config("", "publicURL: "+publicURL+"\n"))
	open := func(repository string) (int, string) {
		head, err := s.GitHub.Push(t.Context(), repository, "words", "arjun-mehta", "Say it in other words", githubtest.File{Path: "WORDS.md", Data: []byte("Other words.\n")})
		s.do(err)
		opened, err := s.GitHub.AddPullRequest(t.Context(), repository, githubtest.PullRequest{Title: "Other words", AuthorLogin: "arjun-mehta", HeadRefName: "words"})
		s.do(err)
		return opened.Number, head
	}
	open("larkfold/catalogue-api") // of which nothing is announced
	number, head := open("larkfold/tiles")
	s.do(s.GitLab.ChangeMergeRequest("larkfold/data/mixes", 268, "arjun-mehta", func(m *gitlabtest.MergeRequest) { m.Title += ", in other words" }))
	out := announced{theatre: s, as: as, method: http.MethodPatch, path: fmt.Sprintf("/api/v3/repos/larkfold/tiles/issues/%d/comments", number),
		view: publicURL + "/pull-request?url=" + url.QueryEscape(fmt.Sprintf("https://github.larkfold.example/larkfold/tiles/pull/%d", number))}
	if as == "status" {
		out.path, out.method = "/api/v3/repos/larkfold/tiles/statuses/"+head, http.MethodPost
	}
	return out
}

// text is what a request says, with the address that it leads to.
func (a announced) text(t *testing.T, request clientstest.Seen) string {
	if a.as == "status" {
		return fmt.Sprintf("%v <%v>", body(t, request)["description"], body(t, request)["target_url"])
	}
	return fmt.Sprint(body(t, request)["body"])
}

// A pull request that is opened gets one link to its view, in the way that the configuration says, and what that says is changed where it is when its build is done.
// Those of repositories and systems of which the configuration says nothing get none.
func TestPullRequestsAreAnnounced(t *testing.T) {
	t.Parallel()
	stages := []announced{announcing(t, "comment"), announcing(t, "status")}
	for _, s := range stages { // they wait at the same time: there are ten seconds from one thing that is said to the next
		until(t, "it is announced", func() bool { return len(said(&s.GitHub.Watch)) > 0 })
		s.Skip(t.Context(), 2*time.Minute)
	}
	for _, s := range stages {
		until(t, "it is told that its build is done", func() bool {
			list := said(&s.GitHub.Watch)
			return len(list) > 1 && strings.Contains(s.text(t, list[len(list)-1]), "1 of 1 build passed")
		})
		all := said(&s.GitHub.Watch)
		if all[0].Method != http.MethodPost || all[0].URL.Path != s.path || all[0].Status != http.StatusCreated || !strings.Contains(s.text(t, all[0]), "<"+s.view+">") {
			t.Errorf("at first %s %s, answered with %d, says %s, not %s", all[0].Method, all[0].URL.Path, all[0].Status, s.text(t, all[0]), s.view)
		}
		for _, request := range all[1:] {
			if request.Method != s.method || request.Status >= 300 || s.as == "status" && request.URL.Path != s.path {
				t.Errorf("then %s %s, answered with %d, says %s", request.Method, request.URL.Path, request.Status, request.Body)
			}
			if s.as == "status" && body(t, request)["context"] != "callboard" {
				t.Errorf("the status is %s", request.Body)
			}
		}
		if wrote := said(&s.GitLab.Watch); len(wrote) > 0 {
			t.Errorf("GitLab was told %s", wrote[0].Body)
		}
	}
}
