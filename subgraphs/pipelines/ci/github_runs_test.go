package ci_test

import (
	"archive/zip"
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"callboard.dev/callboard/clients"
	"callboard.dev/callboard/clients/github/githubtest"
	"callboard.dev/callboard/subgraphs/pipelines/ci"
)

// A run is followed from its start to its end: by its key, and by its commit, which tells when its first job began.
func TestGitHubRunGoesOn(t *testing.T) {
	s := newGitHubSite(t, githubtest.Settings{})
	key := s.start(t, "larkfold/tiles", githubtest.Run{Workflow: "Check"})
	s.asked()
	run := gitHubOne(t, s.driver.Runs, key)
	if n := s.asked(); n != 1 {
		t.Errorf("%d requests", n)
	}
	want := &ci.Run{
		Key: key, Pipeline: run.Pipeline, PipelineName: "Check", Number: 1, Attempt: 1, Title: "Say more", Status: ci.Queued, Word: "QUEUED", Trigger: ci.ByPush, TriggerWord: "push", Repository: "larkfold/tiles",
		Commit: s.head, Branch: "main", Actor: run.Actor, CreatedAt: gitHubNoon, URL: run.URL, Reruns: ci.Reruns{Cancel: true},
	}
	if diff := cmp.Diff(want, run); diff != "" || run.Actor.Login != "ada" || !strings.HasPrefix(run.URL, "https://github.com/larkfold/tiles/actions/runs/") || !strings.HasPrefix(run.Pipeline, "larkfold/tiles#w") || run.Lasts() != nil {
		t.Errorf("a queued run is (-want +got)\n%s", diff)
	}
	commit := ci.CommitName{Repository: "larkfold/tiles", OID: s.head}
	byCommit := func() *ci.Run {
		t.Helper()
		list := gitHubOne(t, s.driver.CommitRuns, commit)
		if len(list) != 1 || list[0].Key != key {
			t.Fatalf("runs of the commit are %+v", list)
		}
		return list[0]
	}
	if r := byCommit(); r.Status != ci.Queued || !r.StartedAt.IsZero() || r.Attempt != 0 || r.Actor.Login != "ada" {
		t.Errorf("a queued run is %+v", r)
	}

	s.pass(25 * time.Second)
	if r := gitHubOne(t, s.driver.Runs, key); r.Status != ci.Running || !r.StartedAt.Equal(gitHubNoon) || !r.FinishedAt.IsZero() || r.Duration != nil {
		t.Errorf("a run that runs is %+v", r)
	}
	if r := byCommit(); r.Status != ci.Running || !r.StartedAt.Equal(gitHubNoon.Add(2*time.Second)) || !r.FinishedAt.IsZero() || r.Duration != nil {
		t.Errorf("a run that runs is %+v", r)
	}

	s.pass(time.Minute)
	if r := gitHubOne(t, s.driver.Runs, key); r.Status != ci.Failed || !r.FinishedAt.Equal(gitHubNoon.Add(46*time.Second)) || *r.Duration != 46*time.Second || r.Reruns != (ci.Reruns{All: true, Failed: true}) || r.Lasts() == nil {
		t.Errorf("it ends as %+v", r)
	}
	if r := byCommit(); r.Status != ci.Failed || !r.FinishedAt.Equal(gitHubNoon.Add(46*time.Second)) || *r.Duration != 44*time.Second {
		t.Errorf("it ends as %+v", r)
	}
	// After what failed was run again a day later, the time between does not count.
	s.pass(24 * time.Hour)
	if _, err := s.driver.RerunFailed(t.Context(), key); err != nil {
		t.Fatal(err)
	}
	s.pass(2 * time.Minute)
	if r := byCommit(); r.Status != ci.Succeeded || *r.Duration > 2*time.Minute {
		t.Errorf("a run of which a part was run again is %+v in %v", r, r.Duration)
	}
}

// Runs of a commit are the newest of each workflow, the newest first.
func TestGitHubCommitRuns(t *testing.T) {
	s := newGitHubSite(t, githubtest.Settings{})
	s.start(t, "larkfold/tiles", githubtest.Run{Workflow: "Check"})
	s.pass(time.Second)
	lint := s.start(t, "larkfold/tiles", githubtest.Run{Workflow: "Lint", Jobs: gitHubCheck().Jobs})
	s.pass(time.Second)
	check := s.start(t, "larkfold/tiles", githubtest.Run{Workflow: "Check"})
	got, errs := s.driver.CommitRuns(t.Context(), []ci.CommitName{{Repository: "larkfold/tiles", OID: s.head}, {Repository: "larkfold/tiles", OID: s.first}, {Repository: "larkfold/tiles", OID: "main"}, {Repository: "larkfold/tiles", OID: strings.Repeat("1", 40)}})
	if errs[0] != nil || errs[1] != nil || !errors.Is(errs[2], ci.ErrInvalid) || !errors.Is(errs[3], clients.ErrNotFound) {
		t.Fatal(errs)
	}
	if len(got[0]) != 2 || got[0][0].Key != check || got[0][1].Key != lint || len(got[1]) != 0 {
		t.Errorf("runs are %+v, %+v", got[0], got[1])
	}
}

func TestGitHubRunPages(t *testing.T) {
	s := newGitHubSite(t, githubtest.Settings{})
	var keys []string // the newest first
	for i := range 7 {
		run := githubtest.Run{Workflow: "Check"}
		if i%2 == 1 {
			run.Workflow, run.Jobs = "Lint", gitHubCheck().Jobs[:1]
		}
		keys = append([]string{s.start(t, "larkfold/tiles", run)}, keys...)
		s.pass(time.Minute)
	}
	all := ci.RunsQuery{Repository: "larkfold/tiles", Paging: ci.Paging{First: 100}}
	page := gitHubOne(t, s.driver.RunPages, all)
	if len(page.Items) != 7 || *page.Total != 7 || page.Next || len(page.Cursors) != 7 {
		t.Fatalf("all runs are %+v", page)
	}
	// Whatever the sizes of pages, one after the other they are the list.
	for size := 1; size <= 8; size++ {
		for _, mixed := range []bool{false, true} {
			var got []string
			q := ci.RunsQuery{Repository: "larkfold/tiles", Paging: ci.Paging{First: size}}
			for turn := 0; ; turn++ {
				if mixed {
					q.Paging.First = 1 + (size+turn)%3
				}
				s.asked()
				page := gitHubOne(t, s.driver.RunPages, q)
				if n := s.asked(); n > 2 || !mixed && n != 1 {
					t.Errorf("%d requests for a page of %d", n, q.Paging.First)
				}
				for _, r := range page.Items {
					got = append(got, r.Key)
				}
				if !page.Next {
					break
				}
				if len(page.Items) != q.Paging.First || turn > 10 {
					t.Fatalf("page %d is %+v", turn, page)
				}
				q.Paging.After = page.Cursors[len(page.Cursors)-1]
			}
			if !cmp.Equal(got, keys) {
				t.Errorf("pages of %d (mixed %v) are %q, want %q", size, mixed, got, keys)
			}
		}
	}
	for name, test := range map[string]struct {
		q    ci.RunsQuery
		want int
	}{
		"of a pipeline": {ci.RunsQuery{Pipeline: page.Items[0].Pipeline}, 4}, "of a branch": {ci.RunsQuery{Repository: "larkfold/tiles", Branch: "main"}, 7}, "of another": {ci.RunsQuery{Repository: "larkfold/tiles", Branch: "none"}, 0},
		"of a commit": {ci.RunsQuery{Repository: "larkfold/tiles", Commit: s.head}, 7}, "that failed": {ci.RunsQuery{Repository: "larkfold/tiles", Status: ci.Failed}, 4}, "that succeeded": {ci.RunsQuery{Repository: "larkfold/tiles", Status: ci.Succeeded}, 3},
		"that are unstable": {ci.RunsQuery{Repository: "larkfold/tiles", Status: ci.Unstable}, 0}, "since then": {ci.RunsQuery{Repository: "larkfold/tiles", Since: gitHubNoon.Add(3 * time.Minute)}, 4},
		"until then": {ci.RunsQuery{Repository: "larkfold/tiles", Until: gitHubNoon.Add(3 * time.Minute)}, 4},
	} {
		test.q.Paging.First = 10
		if got := gitHubOne(t, s.driver.RunPages, test.q); len(got.Items) != test.want || *got.Total != test.want {
			t.Errorf("%s: %d, %d", name, len(got.Items), *got.Total)
		}
	}
	for _, q := range []ci.RunsQuery{
		{Paging: ci.Paging{First: 1}}, {Repository: "larkfold/tiles", Pipeline: page.Items[0].Pipeline, Paging: ci.Paging{First: 1}}, {Repository: "larkfold/tiles"}, {Repository: "larkfold/tiles", Paging: ci.Paging{First: 101}},
		{Repository: "larkfold/tiles", Paging: ci.Paging{First: 1, After: "x"}}, {Repository: "larkfold/tiles", Paging: ci.Paging{First: 1, After: "-1"}}, {Repository: "larkfold/tiles", Paging: ci.Paging{First: 1, After: "99999999"}},
		{Repository: "larkfold/tiles", Paging: ci.Paging{First: 1, After: "5000"}}, {Repository: "larkfold/tiles", Commit: "main", Paging: ci.Paging{First: 1}}, {Repository: "larkfold/tiles", Branch: "a b", Paging: ci.Paging{First: 1}}, {Repository: "..", Paging: ci.Paging{First: 1}},
	} {
		if err := gitHubError(t, s.driver.RunPages, q); !errors.Is(err, ci.ErrInvalid) {
			t.Errorf("%+v: %v", q, err)
		}
	}
}

// A workflow has a stage for each job, with its steps. A job that needs others comes when they are through.
func TestGitHubStages(t *testing.T) {
	s := newGitHubSite(t, githubtest.Settings{})
	key := s.start(t, "larkfold/tiles", githubtest.Run{Workflow: "Check"})
	s.pass(25 * time.Second)
	s.asked()
	got := gitHubOne(t, s.driver.Stages, key)
	if n := s.asked(); n != 2 {
		t.Errorf("%d requests", n)
	}
	if len(got.Stages) != 2 || !got.Complete || got.Done || got.Lasts() != nil {
		t.Fatalf("stages are %+v", got)
	}
	lint, test := got.Stages[0], got.Stages[1]
	if lint.Name != "lint" || lint.Status != ci.Succeeded || lint.Word != "SUCCESS" || *lint.Duration != 10*time.Second || len(lint.Jobs) != 1 || *lint.Jobs[0].Waited != 2*time.Second || lint.Jobs[0].Runner == "" {
		t.Errorf("the first is %+v", lint)
	}
	if test.Status != ci.Running || !test.StartedAt.Equal(gitHubNoon.Add(5*time.Second)) || !test.FinishedAt.IsZero() || test.Duration != nil || !strings.HasPrefix(test.Jobs[0].Key, "larkfold/tiles#j") {
		t.Errorf("the second is %+v", test)
	}
	var steps []string
	for _, step := range test.Jobs[0].Steps {
		steps = append(steps, fmt.Sprint(step.Number, " ", step.Name, " ", step.Status))
	}
	if want := []string{"1 Set up job SUCCEEDED", "2 Run go test RUNNING", "3 Upload QUEUED", "4 Complete job QUEUED"}; !cmp.Equal(steps, want) {
		t.Errorf("steps are %q, want %q", steps, want)
	}
	s.asked()
	alone := gitHubOne(t, s.driver.Steps, test.Jobs[0].Key)
	if n := s.asked(); n != 1 || !cmp.Equal(alone, test.Jobs[0].Steps) {
		t.Errorf("%d requests: steps are %+v", n, alone)
	}

	s.pass(time.Minute)
	got = gitHubOne(t, s.driver.Stages, key)
	if len(got.Stages) != 3 || !got.Complete || !got.Done || got.Lasts() == nil || got.Stages[1].Status != ci.Failed {
		t.Fatalf("stages end as %+v", got)
	}
	build := got.Stages[2].Jobs[0]
	if build.Status != ci.Skipped || !build.StartedAt.IsZero() || build.Duration != nil || build.FinishedAt.IsZero() || build.Waited != nil || build.Steps == nil || len(build.Steps) != 0 {
		t.Errorf("a skipped job is %+v", build)
	}
	if step := got.Stages[1].Jobs[0].Steps[1]; step.Status != ci.Failed || *step.Duration != 40*time.Second {
		t.Errorf("the step that failed is %+v", step)
	}
	if gitHubOne(t, s.driver.Tests, key) != nil || gitHubOne(t, s.driver.Coverages, key) != nil {
		t.Error("GitHub tells of tests")
	}
	if err := gitHubError(t, s.driver.Stages, "larkfold/tiles#r1"); !errors.Is(err, clients.ErrNotFound) {
		t.Errorf("of a run that is not there: %v", err)
	}
}

// A log is there when its job is done; that which tells most is found.
func TestGitHubLogs(t *testing.T) {
	s := newGitHubSite(t, githubtest.Settings{})
	key := s.start(t, "larkfold/tiles", githubtest.Run{Workflow: "Check"})
	log := func(q ci.LogQuery) *ci.Log {
		t.Helper()
		q.Run = key
		if q.Most == 0 {
			q.Most = 1 << 20
		}
		return gitHubOne(t, s.driver.Logs, q)
	}
	s.pass(25 * time.Second)
	jobs := gitHubOne(t, s.driver.Stages, key).Stages
	lint, test := jobs[0].Jobs[0].Key, jobs[1].Jobs[0].Key
	s.asked()
	for name, q := range map[string]ci.LogQuery{"named": {Job: test}, "found": {}} {
		if got := log(q); *got != (ci.Log{Job: test, Size: -1, Runs: true}) || got.Lasts() != nil {
			t.Errorf("the log of a job that runs, %s, is %+v", name, got)
		}
	}
	if n := s.asked(); n != 3 {
		t.Errorf("%d requests", n)
	}
	if got := log(ci.LogQuery{Job: lint}); got.Job != lint || !strings.Contains(got.Text, "vetting") || got.Runs || got.More || got.Size != int64(len(got.Text)) || got.Next != got.Size || got.Lasts() == nil {
		t.Errorf("a log is %+v", got)
	}

	s.pass(time.Minute)
	s.asked()
	whole := log(ci.LogQuery{})
	if n := s.asked(); n != 2 { // and one to where GitHub keeps it
		t.Errorf("%d requests", n)
	}
	if whole.Job != test || !strings.Contains(whole.Text, "three") || whole.Runs || whole.Start != 0 {
		t.Fatalf("the log that tells most is %+v", whole)
	}
	// By parts of any size it is the same.
	var text strings.Builder
	for q := (ci.LogQuery{Job: test, Most: 37}); ; {
		part := log(q)
		if part.Start != q.After || part.Next != part.Start+int64(len(part.Text)) || len(part.Text) > 37 {
			t.Fatalf("a part is %+v", part)
		}
		text.WriteString(part.Text)
		if q.After = part.Next; !part.More {
			break
		}
	}
	if text.String() != whole.Text {
		t.Errorf("parts are %q, want %q", text.String(), whole.Text)
	}
	tail := log(ci.LogQuery{Tail: 100})
	if !strings.HasSuffix(whole.Text, tail.Text) || len(tail.Text) > 100 || tail.Start+int64(len(tail.Text)) != whole.Size || whole.Text[tail.Start-1] != '\n' || tail.Next != whole.Size || tail.Size != whole.Size || tail.More {
		t.Errorf("the tail is %+v of %q", tail, whole.Text)
	}
	if tail := log(ci.LogQuery{Tail: 1 << 30}); tail.Text != whole.Text || tail.Start != 0 {
		t.Errorf("a tail of all is %+v", tail)
	}
	if past := log(ci.LogQuery{Job: test, After: whole.Size + 10}); past.Text != "" || past.More {
		t.Errorf("what is behind the end is %+v", past)
	}
	build := gitHubOne(t, s.driver.Stages, key).Stages[2].Jobs[0].Key
	if got := log(ci.LogQuery{Job: build}); *got != (ci.Log{Job: build}) {
		t.Errorf("the log of a skipped job is %+v", got)
	}
	for _, q := range []ci.LogQuery{
		{Run: key}, {Run: key, Most: 1, After: -1}, {Run: key, Most: 1, Tail: -1}, {Run: key, Most: 1, Tail: 1, After: 1}, {Run: key, Most: 1, Job: key}, {Run: key, Most: 1, Job: "larkfold/part-00#j1"}, {Run: key, Job: test, Most: 1, After: 1 << 40}, {Run: test, Most: 1},
	} {
		if err := gitHubError(t, s.driver.Logs, q); !errors.Is(err, ci.ErrInvalid) {
			t.Errorf("%+v: %v", q, err)
		}
	}
	if err := gitHubError(t, s.driver.Logs, ci.LogQuery{Run: key, Job: "larkfold/tiles#j1", Most: 1}); !errors.Is(err, clients.ErrNotFound) {
		t.Errorf("of a job that is not there: %v", err)
	}
}

func TestGitHubArtifacts(t *testing.T) {
	s := newGitHubSite(t, githubtest.Settings{})
	key := s.start(t, "larkfold/tiles", githubtest.Run{Workflow: "Check"})
	if got := gitHubOne(t, s.driver.Artifacts, key); got == nil || len(got) != 0 {
		t.Errorf("artifacts are %+v", got)
	}
	s.pass(time.Minute)
	s.asked()
	list := gitHubOne(t, s.driver.Artifacts, key)
	if n := s.asked(); n != 1 || len(list) != 1 {
		t.Fatalf("%d requests: artifacts are %+v", n, list)
	}
	a := list[0]
	if a.Name != "reports" || !a.Archive || a.Expired || a.Size <= 0 || a.Expires.IsZero() || a.URL != "https://github.com/"+strings.Replace(strings.Replace(key, "#r", "/actions/runs/", 1), "#", "", 1)+"/artifacts/"+a.Key {
		t.Errorf("an artifact is %+v", a)
	}
	body, size, err := s.driver.Open(t.Context(), key, a.Key, 1<<30)
	if err != nil {
		t.Fatal(err)
	}
	defer body.Close()
	data, err := io.ReadAll(body)
	if err != nil || size != int64(len(data)) || size != a.Size {
		t.Fatalf("%d of %d bytes, %v", len(data), size, err)
	}
	archive, err := zip.NewReader(bytes.NewReader(data), size)
	if err != nil || len(archive.File) != 1 || archive.File[0].Name != "junit.xml" {
		t.Errorf("%+v, %v", archive, err)
	}
	if _, _, err := s.driver.Open(t.Context(), key, a.Key, 3); !errors.Is(err, clients.ErrBadAnswer) {
		t.Errorf("more than is wanted: %v", err)
	}
	for _, name := range []string{"", "x", "01", "-1", "1/../2"} {
		if _, _, err := s.driver.Open(t.Context(), key, name, 1<<20); !errors.Is(err, ci.ErrInvalid) {
			t.Errorf("%q: %v", name, err)
		}
	}
	if _, _, err := s.driver.Open(t.Context(), key, a.Key, 0); !errors.Is(err, ci.ErrInvalid) {
		t.Errorf("nothing is wanted: %v", err)
	}
	var id int
	if _, err := fmt.Sscan(a.Key, &id); err != nil {
		t.Fatal(err)
	}
	if err := s.ExpireArtifact(id); err != nil {
		t.Fatal(err)
	}
	if _, _, err := s.driver.Open(t.Context(), key, a.Key, 1<<20); !errors.Is(err, clients.ErrNotFound) {
		t.Errorf("one that has expired: %v", err)
	}
	if list := gitHubOne(t, s.driver.Artifacts, key); !list[0].Expired {
		t.Errorf("one that has expired is %+v", list[0])
	}
}
