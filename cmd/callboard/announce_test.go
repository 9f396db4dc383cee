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

// A pull request that is opened gets one link to its view, in the way that the configuration says, and what that says is changed where it is when its build is done.
// Those of repositories and systems of which the configuration says nothing get none.
func TestPullRequestsAreAnnounced(t *testing.T) {
	for _, as := range []string{"comment", "status"} {
		t.Run(as, func(t *testing.T) {
			t.Parallel()
			s := newTheatre(t)
			s.announce = as + " larkfold/tiles"
			s.Hold()
			s.up(s.config("", "publicURL: "+publicURL+"\n"))
			pull := func(repository string) (int, string) {
				head, err := s.GitHub.Push(t.Context(), repository, "words", "arjun-mehta", "Say it in other words", githubtest.File{Path: "WORDS.md", Data: []byte("Other words.\n")})
				s.do(err)
				opened, err := s.GitHub.AddPullRequest(t.Context(), repository, githubtest.PullRequest{Title: "Other words", AuthorLogin: "arjun-mehta", HeadRefName: "words"})
				s.do(err)
				return opened.Number, head
			}
			pull("larkfold/catalogue-api") // of which nothing is announced
			number, head := pull("larkfold/tiles")
			s.do(s.GitLab.ChangeMergeRequest("larkfold/data/mixes", 268, "arjun-mehta", func(m *gitlabtest.MergeRequest) { m.Title += ", in other words" }))
			path, method := fmt.Sprintf("/api/v3/repos/larkfold/tiles/issues/%d/comments", number), http.MethodPatch
			text := func(request clientstest.Seen) string { return fmt.Sprint(body(t, request)["body"]) }
			view := publicURL + "/pull-request?url=" + url.QueryEscape(fmt.Sprintf("https://github.larkfold.example/larkfold/tiles/pull/%d", number))
			if as == "status" {
				path, method = "/api/v3/repos/larkfold/tiles/statuses/"+head, http.MethodPost
				text = func(request clientstest.Seen) string {
					return fmt.Sprintf("%v <%v>", body(t, request)["description"], body(t, request)["target_url"])
				}
			}
			until(t, "it is announced", func() bool { return len(said(&s.GitHub.Watch)) > 0 })
			s.Skip(t.Context(), 2*time.Minute)
			var last clientstest.Seen
			until(t, "it is told that its build is done", func() bool {
				list := said(&s.GitHub.Watch)
				last = list[len(list)-1]
				return len(list) > 1 && strings.Contains(text(last), "1 of 1 build passed")
			})
			all := said(&s.GitHub.Watch)
			if all[0].Method != http.MethodPost || all[0].URL.Path != path || all[0].Status != http.StatusCreated || !strings.Contains(text(all[0]), "<"+view+">") {
				t.Errorf("at first %s %s, answered with %d, says %s, not %s", all[0].Method, all[0].URL.Path, all[0].Status, text(all[0]), view)
			}
			for _, request := range all[1:] {
				if request.Method != method || request.Status >= 300 || as == "status" && request.URL.Path != path {
					t.Errorf("then %s %s, answered with %d, says %s", request.Method, request.URL.Path, request.Status, request.Body)
				}
				if as == "status" && body(t, request)["context"] != "callboard" {
					t.Errorf("the status is %s", request.Body)
				}
			}
			if wrote := said(&s.GitLab.Watch); len(wrote) > 0 {
				t.Errorf("GitLab was told %s", wrote[0].Body)
			}
		})
	}
}
