package ci_test

import (
	"errors"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"callboard.dev/callboard/clients"
	"callboard.dev/callboard/clients/clientstest"
	"callboard.dev/callboard/clients/github/githubtest"
	"callboard.dev/callboard/subgraphs/pipelines/ci"
)

func TestGitHubRunsAgain(t *testing.T) {
	s := newGitHubSite(t, githubtest.Settings{})
	key := s.start(t, "larkfold/tiles", githubtest.Run{Workflow: "Check"})
	if _, err := s.driver.Rerun(t.Context(), key); !errors.Is(err, ci.ErrRefused) || !strings.Contains(err.Error(), "already running") {
		t.Errorf("running again what runs: %v", err)
	}
	s.pass(time.Minute)
	s.asked()
	run, err := s.driver.RerunFailed(t.Context(), key)
	if err != nil || run.Key != key || run.Attempt != 2 || run.Status.Done() || run.Duration != nil || !run.Reruns.Cancel {
		t.Fatalf("the second attempt is %+v, %v", run, err)
	}
	if n := s.asked(); n != 2 {
		t.Errorf("%d requests", n)
	}
	s.pass(2 * time.Minute)
	if _, err := s.driver.RerunFailed(t.Context(), key); !errors.Is(err, ci.ErrRefused) {
		t.Errorf("running again what failed where nothing did: %v", err)
	}
	// What has been done is told, also where it cannot be looked at then.
	s.Faults.Add(clientstest.Fault{Kind: clientstest.Status, Route: "GET /repos/{owner}/{repo}/actions/runs/{id}"})
	run, err = s.driver.Rerun(t.Context(), key)
	if err != nil || run.Key != key || run.Status != ci.Queued {
		t.Errorf("the third attempt is %+v, %v", run, err)
	}
	s.Faults.Clear()
	if run := gitHubOne(t, s.driver.Runs, key); run.Attempt != 3 {
		t.Errorf("the third attempt is %+v", run)
	}
	s.asked()
	if run, err = s.driver.Cancel(t.Context(), key); err != nil || run.Key != key || run.Status.Done() {
		t.Errorf("a cancelled run is %+v, %v", run, err)
	}
	if n := s.asked(); n != 2 {
		t.Errorf("%d requests", n)
	}
	s.pass(time.Minute)
	if run := gitHubOne(t, s.driver.Runs, key); run.Status != ci.Canceled || run.Reruns != (ci.Reruns{All: true, Failed: true}) {
		t.Errorf("a cancelled run is %+v", run)
	}
	if _, err := s.driver.Cancel(t.Context(), key); !errors.Is(err, ci.ErrRefused) || !strings.Contains(err.Error(), "completed") {
		t.Errorf("cancelling what is over: %v", err)
	}
	for name, do := range map[string]func(string) error{
		"rerun":        func(key string) error { _, err := s.driver.Rerun(t.Context(), key); return err },
		"rerun failed": func(key string) error { _, err := s.driver.RerunFailed(t.Context(), key); return err },
		"cancel":       func(key string) error { _, err := s.driver.Cancel(t.Context(), key); return err },
	} {
		if err := do("larkfold/tiles#r1"); !errors.Is(err, clients.ErrNotFound) {
			t.Errorf("%s of what is not there: %v", name, err)
		}
		if err := do("larkfold/tiles#w1"); !errors.Is(err, ci.ErrInvalid) {
			t.Errorf("%s of a workflow: %v", name, err)
		}
	}
	s.pass(40 * 24 * time.Hour)
	if _, err := s.driver.Rerun(t.Context(), key); !errors.Is(err, ci.ErrRefused) || !strings.Contains(err.Error(), "over a month ago") {
		t.Errorf("running again what is old: %v", err)
	}
}

// An answer that still tells of the attempt before is told as the next one.
func TestGitHubTellsTheAttemptBefore(t *testing.T) {
	d := gitHubSays(t, `{"id":34,"run_attempt":1,"status":"completed","conclusion":"failure","run_started_at":"2026-03-01T12:00:00Z","updated_at":"2026-03-01T12:01:00Z"}`)
	run, err := d.Rerun(t.Context(), "larkfold/tiles#r34")
	if err != nil || run.Attempt != 2 || run.Status != ci.Queued || run.Word != "QUEUED" || !run.StartedAt.IsZero() || !run.FinishedAt.IsZero() || run.Duration != nil || run.Reruns != (ci.Reruns{Cancel: true}) {
		t.Errorf("%+v, %v", run, err)
	}
}

func TestGitHubStarts(t *testing.T) {
	s := newGitHubSite(t, githubtest.Settings{})
	check := gitHubOne(t, s.driver.All, "larkfold/tiles")[0].Key
	s.asked()
	run, err := s.driver.Start(t.Context(), ci.StartQuery{Pipeline: check, Ref: "feature/gapless", Parameters: map[string]string{"target": "web"}})
	if err != nil || run.Commit != s.side || run.Branch != "feature/gapless" || run.Trigger != ci.ByHand || run.Pipeline != check || run.Status != ci.Queued {
		t.Fatalf("a run that was started is %+v, %v", run, err)
	}
	if n := s.asked(); n != 2 {
		t.Errorf("%d requests", n)
	}
	if run, err = s.driver.Start(t.Context(), ci.StartQuery{Pipeline: check}); err != nil || run.Commit != s.head || run.Branch != "main" {
		t.Errorf("a run of the default branch is %+v, %v", run, err)
	}
	if n := s.asked(); n != 3 {
		t.Errorf("%d requests", n)
	}
	for name, q := range map[string]ci.StartQuery{
		"a ref that is not there": {Pipeline: check, Ref: "none"}, "a parameter that is not there": {Pipeline: check, Ref: "main", Parameters: map[string]string{"x": "y"}}, "a ref that is none": {Pipeline: check, Ref: "a b"},
		"a run": {Pipeline: run.Key, Ref: "main"}, "what cannot be started": {Pipeline: gitHubOne(t, s.driver.All, "larkfold/tiles")[1].Key, Ref: "main"}, "an empty repository": {Pipeline: "larkfold/empty#w1"},
	} {
		if _, err := s.driver.Start(t.Context(), q); !errors.Is(err, ci.ErrInvalid) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := s.driver.Start(t.Context(), ci.StartQuery{Pipeline: "larkfold/tiles#w1", Ref: "main"}); !errors.Is(err, clients.ErrNotFound) {
		t.Errorf("a workflow that is not there: %v", err)
	}
	// It has been started: that it cannot be looked at is no reason to say that it has not.
	s.Faults.Add(clientstest.Fault{Kind: clientstest.Status, Route: "GET /repos/{owner}/{repo}/actions/runs/{id}"})
	if run, err = s.driver.Start(t.Context(), ci.StartQuery{Pipeline: check, Ref: "main"}); err != nil || !strings.HasPrefix(run.Key, "larkfold/tiles#r") || run.Pipeline != check || run.Status != ci.Queued || run.Branch != "main" {
		t.Errorf("a run that cannot be looked at is %+v, %v", run, err)
	}
}

// A server that does not tell which run it made is asked for the only one that is new.
func TestGitHubStartsOnOldServers(t *testing.T) {
	s := newGitHubSite(t, githubtest.Settings{Enterprise: true})
	check := gitHubOne(t, s.driver.All, "larkfold/tiles")[0].Key
	s.start(t, "larkfold/tiles", githubtest.Run{Workflow: "Check", Event: "workflow_dispatch"})
	s.asked()
	run, err := s.driver.Start(t.Context(), ci.StartQuery{Pipeline: check, Ref: "main"})
	if err != nil || run.Key == "" || run.Commit != s.head || run.Number != 2 {
		t.Fatalf("a run that was started is %+v, %v", run, err)
	}
	if n := s.asked(); n != 4 {
		t.Errorf("%d requests", n)
	}
	// It cannot be told where the list does not have it yet.
	s.Faults.Add(clientstest.Fault{Kind: clientstest.Status, Route: "GET /api/v3/repos/{owner}/{repo}/actions/workflows/{id}/runs"})
	if _, err := s.driver.Start(t.Context(), ci.StartQuery{Pipeline: check, Ref: "main"}); !errors.Is(err, clients.ErrUnavailable) {
		t.Errorf("nothing is started that could not be found: %v", err)
	}
	s.Faults.Clear()
	if list := gitHubOne(t, s.driver.RunPages, ci.RunsQuery{Pipeline: check, Paging: ci.Paging{First: 10}}); len(list.Items) != 2 {
		t.Errorf("%d runs", len(list.Items))
	}
}

// A server that does not know the question is asked without it, and where two runs are new none is taken for ours.
func TestGitHubStartsOnOlderServers(t *testing.T) {
	dispatched, lists := 0, 0
	d := gitHubAnswers(t, "git.larkfold.example", func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodPost {
			body := make([]byte, 1000)
			n, _ := r.Body.Read(body)
			if strings.Contains(string(body[:n]), "return_run_details") {
				w.WriteHeader(http.StatusUnprocessableEntity)
				_, _ = w.Write([]byte(`{"message":"Invalid request.\n\n\"return_run_details\" is not a permitted key."}`))
				return
			}
			dispatched++
			w.WriteHeader(http.StatusNoContent)
			return
		}
		if lists++; lists == 1 {
			_, _ = w.Write([]byte(`{"total_count":1,"workflow_runs":[{"id":7}]}`))
			return
		}
		_, _ = w.Write([]byte(`{"total_count":3,"workflow_runs":[{"id":9},{"id":8},{"id":7}]}`))
	})
	run, err := d.Start(t.Context(), ci.StartQuery{Pipeline: "larkfold/tiles#w12", Ref: "refs/heads/main"})
	if err != nil || dispatched != 1 || lists != 2 {
		t.Fatalf("%d runs, %d lists, %v", dispatched, lists, err)
	}
	want := &ci.Run{Pipeline: "larkfold/tiles#w12", Repository: "larkfold/tiles", Status: ci.Queued, Word: "QUEUED", Trigger: ci.ByHand, TriggerWord: "workflow_dispatch", Branch: "main", Reruns: ci.Reruns{Cancel: true}}
	if diff := cmp.Diff(want, run); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}

func TestGitHubCompares(t *testing.T) {
	s := newGitHubSite(t, githubtest.Settings{})
	forge := s.driver.(ci.Forge)
	s.asked()
	got, errs := forge.Compare(t.Context(), []ci.ComparisonQuery{
		{Repository: "larkfold/tiles", Base: s.head, Head: s.side}, {Repository: "larkfold/tiles", Base: s.first, Head: s.head}, {Repository: "larkfold/tiles", Base: "none", Head: s.head}, {Repository: "larkfold/tiles", Base: "a..b", Head: s.head},
	})
	if n := s.asked(); n != 4 { // three comparisons, and what is before the merge bases
		t.Errorf("%d requests", n)
	}
	if errs[0] != nil || errs[1] != nil || !errors.Is(errs[2], clients.ErrNotFound) || !errors.Is(errs[3], ci.ErrInvalid) {
		t.Fatal(errs)
	}
	root := s.work.Git("tiles", "rev-parse", s.first+"^")
	want := &ci.Comparison{MergeBase: s.first, Ancestors: []string{s.first, root}, Complete: true, Files: []ci.Touched{
		{Path: "ABOUT.md", From: "README.md", Hunks: []ci.Hunk{}}, {Path: "main.go", Hunks: []ci.Hunk{{BaseStart: 4, BaseLines: 1, HeadStart: 4, HeadLines: 2}}},
	}}
	if diff := cmp.Diff(want, got[0]); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
	if added := got[1].Files; len(added) != 1 || !cmp.Equal(added[0], ci.Touched{Path: "docs/more.md", Hunks: []ci.Hunk{{HeadStart: 1, HeadLines: 1}}}) {
		t.Errorf("a new file is %+v", added)
	}
}

// Ancestors are those of the branch itself: what was merged into it is none of its history.
func TestGitHubAncestors(t *testing.T) {
	s := newGitHubSite(t, githubtest.Settings{})
	w := s.work
	w.Git("tiles", "merge", "-q", "--no-ff", "-m", "Merge", "feature/gapless")
	merge := w.Git("tiles", "rev-parse", "HEAD")
	var last string
	for range 25 {
		last = w.Commit("tiles", "Go on")
	}
	compare := func(base, head string) []string {
		return gitHubOne(t, s.driver.(ci.Forge).Compare, ci.ComparisonQuery{Repository: "larkfold/tiles", Base: base, Head: head}).Ancestors
	}
	want := strings.Fields(w.Git("tiles", "rev-list", "--first-parent", merge))
	if got := compare(merge, last); !cmp.Equal(got, want) || len(want) != 4 {
		t.Errorf("ancestors are %q, want %q", got, want)
	}
	if got := compare(last, last); len(got) != 21 {
		t.Errorf("%d ancestors", len(got))
	}
}

func TestGitHubSaysOfCommits(t *testing.T) {
	s := newGitHubSite(t, githubtest.Settings{})
	forge := s.driver.(ci.Forge)
	status := ci.CommitStatus{Repository: "larkfold/tiles", Commit: s.head, State: ci.Failed, Name: "callboard", Description: strings.Repeat("x", 200), URL: "https://callboard.example/p/1"}
	if err := forge.SetStatus(t.Context(), status); err != nil {
		t.Fatal(err)
	}
	links := gitHubOne(t, forge.Linked, ci.CommitName{Repository: "larkfold/tiles", OID: s.head})
	if !cmp.Equal(links, []string{"https://callboard.example/p/1"}) {
		t.Errorf("links are %q", links)
	}
	for name, change := range map[string]func(*ci.CommitStatus){
		"a state that cannot be said": func(s *ci.CommitStatus) { s.State = ci.Unstable }, "no commit": func(s *ci.CommitStatus) { s.Commit = "main" }, "an address that is none": func(s *ci.CommitStatus) { s.URL = "javascript:x" },
	} {
		other := status
		change(&other)
		if err := forge.SetStatus(t.Context(), other); !errors.Is(err, ci.ErrInvalid) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if err := gitHubError(t, forge.Linked, ci.CommitName{Repository: "larkfold/tiles", OID: "main"}); !errors.Is(err, ci.ErrInvalid) {
		t.Errorf("of a branch: %v", err)
	}
}

func TestGitHubComments(t *testing.T) {
	s := newGitHubSite(t, githubtest.Settings{})
	forge := s.driver.(ci.Forge)
	ctx := t.Context()
	s.asked()
	id, err := forge.Comment(ctx, "larkfold/tiles", 1, "", "One")
	if err != nil || id == "" {
		t.Fatal(id, err)
	}
	again, err := forge.Comment(ctx, "larkfold/tiles", 1, id, "Two")
	if err != nil || again != id {
		t.Errorf("another text is in %s, %v", again, err)
	}
	if n := s.asked(); n != 2 {
		t.Errorf("%d requests", n)
	}
	number, err := strconv.Atoi(id)
	if err != nil {
		t.Fatal(err)
	}
	gone := strconv.Itoa(number + 1000)
	if fresh, err := forge.Comment(ctx, "larkfold/tiles", 1, gone, "Three"); err != nil || fresh == id || fresh == gone {
		t.Errorf("where it is gone there is %s, %v", fresh, err)
	}
	for _, test := range []struct {
		number   int
		id, text string
	}{{1, "x", "x"}, {1, "", ""}, {0, "", "x"}} {
		if _, err := forge.Comment(ctx, "larkfold/tiles", test.number, test.id, test.text); !errors.Is(err, ci.ErrInvalid) {
			t.Errorf("%+v: %v", test, err)
		}
	}
	if _, err := forge.Comment(ctx, "larkfold/tiles", 99, "", "x"); !errors.Is(err, clients.ErrNotFound) {
		t.Errorf("on what is not there: %v", err)
	}
}
