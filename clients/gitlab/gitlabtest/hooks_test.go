package gitlabtest_test

import (
	"fmt"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"callboard.dev/callboard/clients/gitlab/gitlabtest"
	"callboard.dev/callboard/clients/gitlab/gitlabtest/stage"
)

type receiver func(*http.Request) int

func (f receiver) RoundTrip(r *http.Request) (*http.Response, error) {
	return &http.Response{StatusCode: f(r), Body: http.NoBody, Request: r}, nil
}

// TestFailingHook checks that GitLab leaves a hook that keeps failing alone for a while, and longer each time.
func TestFailingHook(t *testing.T) {
	var now atomic.Pointer[time.Time]
	set := func(at time.Time) { now.Store(&at) }
	set(stage.Now)
	var status atomic.Int64
	status.Store(500)
	s := stage.Set(t, gitlabtest.Settings{Now: func() time.Time { return *now.Load() },
		Client: &http.Client{Transport: receiver(func(*http.Request) int { return int(status.Load()) })}})
	id, err := s.AddHook(stage.Search, gitlabtest.Hook{URL: "https://callboard.example", Issues: true})
	if err != nil {
		t.Fatal(err)
	}
	happens := func() int {
		t.Helper()
		if _, err := s.OpenIssue(stage.Search, gitlabtest.Issue{Title: "x", Author: "ada"}); err != nil {
			t.Fatal(err)
		}
		return len(s.Deliveries())
	}
	for range 4 {
		happens()
	}
	if n := happens(); n != 4 {
		t.Fatalf("%d deliveries, want 4 and then none", n)
	}
	path := fmt.Sprintf("/api/v4/projects/larkfold%%2Fplatform%%2Fsearch/hooks/%d", id)
	if w := ask(s, "GET", path, stage.RitaToken); !strings.Contains(w.Body.String(), `"alert_status":"temporarily_disabled"`) || !strings.Contains(w.Body.String(), `"disabled_until":"2026-02-27T12:01:00.000Z"`) {
		t.Errorf("%s", w.Body)
	}
	set(stage.Now.Add(61 * time.Second))
	if n := happens(); n != 5 {
		t.Errorf("%d deliveries after the pause", n)
	}
	set(stage.Now.Add(150 * time.Second)) // the second pause is of two minutes
	if n := happens(); n != 5 {
		t.Errorf("%d deliveries in the second pause", n)
	}
	status.Store(204)
	set(stage.Now.Add(200 * time.Second))
	happens()
	if n := happens(); n != 7 {
		t.Errorf("%d deliveries after it has recovered", n)
	}
	if w := ask(s, "GET", path, stage.RitaToken); !strings.Contains(w.Body.String(), `"alert_status":"executable"`) {
		t.Errorf("%s", w.Body)
	}
}

// TestWanted checks that a hook is told of what it wants, and that what puts things in as they were tells nobody.
func TestWanted(t *testing.T) {
	s := stage.Set(t, gitlabtest.Settings{Client: &http.Client{Transport: receiver(func(*http.Request) int { return 200 })}})
	if _, err := s.AddHook(stage.Search, gitlabtest.Hook{URL: "https://callboard.example", MergeRequests: true}); err != nil {
		t.Fatal(err)
	}
	if _, err := s.AddHook(stage.Search, gitlabtest.Hook{URL: "https://callboard.example", SigningToken: "whsec_short"}); err == nil {
		t.Error("a signing token of too few bytes was taken")
	}
	if _, err := s.AddIssue(stage.Search, gitlabtest.Issue{Title: "x", Author: "ada"}); err != nil {
		t.Fatal(err)
	}
	if _, err := s.OpenIssue(stage.Search, gitlabtest.Issue{Title: "x", Author: "ada"}); err != nil {
		t.Fatal(err)
	}
	if _, err := s.AddMergeRequest(t.Context(), stage.Search, gitlabtest.MergeRequest{Title: "x", SourceBranch: "old", Author: "ada"}); err != nil {
		t.Fatal(err)
	}
	if n := len(s.Deliveries()); n != 0 {
		t.Errorf("%d deliveries of nothing that is wanted", n)
	}
	if err := s.ChangeMergeRequest(stage.Search, 1, "rita", func(m *gitlabtest.MergeRequest) { m.State = gitlabtest.Merged }); err != nil {
		t.Fatal(err)
	}
	d := s.Deliveries()
	if len(d) != 1 || d[0].Header.Get("X-Gitlab-Event") != "Merge Request Hook" || d[0].Status != 200 || d[0].Header.Get("Idempotency-Key") == d[0].Header.Get("X-Gitlab-Event-UUID") {
		t.Errorf("%+v", d)
	}
}

// TestTogether lets many read while things change, for the race detector.
func TestTogether(t *testing.T) {
	s := stage.Set(t, gitlabtest.Settings{Client: &http.Client{Transport: receiver(func(*http.Request) int { return 200 })}})
	if _, err := s.AddHook(stage.Search, gitlabtest.Hook{URL: "https://callboard.example", MergeRequests: true, Issues: true, Push: true}); err != nil {
		t.Fatal(err)
	}
	var all sync.WaitGroup
	for i := range 4 {
		all.Go(func() {
			for range 5 {
				for _, path := range []string{search, search + "/merge_requests", search + "/issues", search + "/merge_requests/1/approvals", "/api/v4/projects", search + "/hooks"} {
					if w := ask(s, "GET", path, stage.RitaToken); w.Code != 200 {
						t.Errorf("%s: %d", path, w.Code)
					}
				}
				ask(s, "POST", search+"/merge_requests/5/approve", stage.RitaToken)
				ask(s, "POST", search+"/merge_requests/5/unapprove", stage.RitaToken)
				graphql(t, s, stage.RitaToken, `{ project(fullPath: "larkfold/platform/search") { mergeRequests { nodes { title approvedBy { nodes { username } } } } issues { count } } }`, nil)
				if _, err := s.OpenIssue(stage.Search, gitlabtest.Issue{Title: "x", Author: "ada"}); err != nil {
					t.Error(err)
				}
				if err := s.ChangeMergeRequest(stage.Search, 1, "ada", func(m *gitlabtest.MergeRequest) { m.Title = fmt.Sprint("title ", i) }); err != nil {
					t.Error(err)
				}
				if err := s.Pushed(t.Context(), stage.Search, "ada", "refs/heads/feature/ranking", s.Commits["Rank by plays"], s.Feature); err != nil {
					t.Error(err)
				}
			}
		})
	}
	all.Wait()
	s.Deliveries()
}
