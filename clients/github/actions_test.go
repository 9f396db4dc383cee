package github_test

import (
	"cmp"
	"context"
	"errors"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"callboard.dev/callboard/clients"
	"callboard.dev/callboard/clients/clientstest"
	"callboard.dev/callboard/clients/git"
	"callboard.dev/callboard/clients/github"
	"callboard.dev/callboard/clients/github/githubtest"
)

// clock is a time that the test moves.
type clock struct {
	mu sync.Mutex
	at time.Time
}

func (c *clock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.at
}

func (c *clock) pass(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.at = c.at.Add(d)
}

// noon is when the builds of the tests begin.
var noon = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// check is a workflow of three jobs, whose tests fail in the first attempt.
func check() githubtest.Workflow {
	return githubtest.Workflow{
		Name: "Check", Path: ".github/workflows/check.yml", Events: []string{"push", "pull_request", "workflow_dispatch"}, Inputs: []string{"target"},
		Jobs: []githubtest.JobPlan{
			{Name: "lint", Queue: 2 * time.Second, Steps: []githubtest.StepPlan{{Name: "Run vet", Takes: 10 * time.Second, Log: "vetting"}}},
			{Name: "test", Queue: 5 * time.Second, Labels: []string{"self-hosted", "linux"}, Steps: []githubtest.StepPlan{
				{Name: "Run go test", Takes: 40 * time.Second, Conclusion: "FAILURE", Attempts: 1, Log: "one\ntwo\nthree\nfour"},
				{Name: "Upload", Takes: time.Second, Always: true},
			},
				Artifacts:   []githubtest.ArtifactPlan{{Name: "reports", Files: map[string][]byte{"junit.xml": []byte("<testsuites/>")}, Always: true}},
				Annotations: []githubtest.Annotation{{Path: "main.go", StartLine: 3, EndLine: 4, Level: "failure", Message: "TestGaps failed", Title: "test"}},
				Title:       "1 failed", Summary: "**1** of 12",
			},
			{Name: "build", Needs: []string{"lint", "test"}, Steps: []githubtest.StepPlan{{Name: "Run go build", Takes: 20 * time.Second}}},
		},
	}
}

// builds is a site with a workflow, whose time the test moves, and a client that gets logs from elsewhere.
type builds struct {
	*site
	*clock
	client  *github.Client
	fetched *[]*http.Request // from elsewhere
}

func newBuilds(t testing.TB) *builds {
	t.Helper()
	c := &clock{at: noon}
	b := &builds{site: newSite(t, githubtest.Settings{Now: c.now}), clock: c, fetched: new([]*http.Request)}
	b.client = b.site.client.Fetching(func(ctx context.Context, u *url.URL) (*http.Response, error) {
		r, err := http.NewRequestWithContext(ctx, http.MethodGet, u.String(), nil)
		if err != nil {
			return nil, err
		}
		*b.fetched = append(*b.fetched, r)
		return clientstest.Transport{Handler: b.Storage()}.RoundTrip(r)
	})
	if err := b.AddWorkflow("larkfold/tiles", check()); err != nil {
		t.Fatal(err)
	}
	return b
}

// start starts a run of the workflow on main.
func (b *builds) start(t testing.TB) int {
	t.Helper()
	id, err := b.StartRun(t.Context(), "larkfold/tiles", githubtest.Run{Workflow: "Check", By: "ada"})
	if err != nil {
		t.Fatal(err)
	}
	return id
}

// jobs returns the latest jobs of a run by their names.
func (b *builds) jobs(t testing.TB, run int) map[string]*github.Job {
	t.Helper()
	page, err := b.client.Jobs(t.Context(), github.JobFilter{Slug: tiles, Run: run})
	if err != nil {
		t.Fatal(err)
	}
	out := map[string]*github.Job{}
	for _, j := range page.Jobs {
		out[j.Name] = j
	}
	return out
}

func (b *builds) run(t testing.TB, id int) *github.WorkflowRun {
	t.Helper()
	run, err := b.client.WorkflowRun(t.Context(), tiles, id)
	if err != nil {
		t.Fatal(err)
	}
	return run
}

// A run is followed from its start to its end, by both interfaces.
func TestRunGoesOn(t *testing.T) {
	b := newBuilds(t)
	id := b.start(t)
	run := b.run(t, id)
	if run.Status != "QUEUED" || run.Conclusion != "" || run.Attempt != 1 || run.Number != 1 || run.Event != "push" || run.Branch != "main" || run.Commit != b.head || run.Title != "Say more" ||
		run.Workflow.Name != "Check" || run.Workflow.Path != ".github/workflows/check.yml" || !run.CreatedAt.Equal(noon) || !run.RequestedAt.Equal(noon) || run.Actor.Login != "ada" || run.TriggeringActor.Login != "ada" || run.Repository != tiles {
		t.Errorf("a queued run is %+v", run)
	}
	jobs := b.jobs(t, id)
	if len(jobs) != 2 || jobs["test"].Status != "QUEUED" || !jobs["test"].StartedAt.IsZero() || jobs["test"].Runner != "" || !slices.Equal(jobs["test"].Labels, []string{"self-hosted", "linux"}) {
		t.Errorf("queued jobs are %+v", jobs)
	}
	if _, known := jobs["test"].Queued(); known {
		t.Error("how long a job waits is known before it has waited")
	}

	b.pass(25 * time.Second) // test has run for 20 of 41 seconds
	jobs = b.jobs(t, id)
	test := jobs["test"]
	if wait, known := test.Queued(); !known || wait != 5*time.Second || test.Status != "IN_PROGRESS" || test.Runner == "" || test.RunnerGroup != "GitHub Actions" || test.Run != id || test.Workflow != "Check" {
		t.Errorf("a job that runs waited %v: %+v", wait, test)
	}
	if len(test.Steps) != 4 || test.Steps[0].Status != "COMPLETED" || test.Steps[1].Name != "Run go test" || test.Steps[1].Status != "IN_PROGRESS" || !test.Steps[1].StartedAt.Equal(noon.Add(5*time.Second)) || test.Steps[2].Status != "QUEUED" {
		t.Errorf("steps are %+v", test.Steps)
	}
	if lint := jobs["lint"]; lint.Conclusion != "SUCCESS" || !lint.CompletedAt.Equal(noon.Add(12*time.Second)) {
		t.Errorf("the first job is %+v", lint)
	}
	lists, errs := b.client.Runs(t.Context(), []github.RunsQuery{{Revision: github.Revision{Slug: tiles, Name: "HEAD"}}})
	if errs[0] != nil || len(lists[0]) != 1 || len(lists[0][0].Runs) != 1 {
		t.Fatal(lists, errs)
	}
	got := lists[0][0].Runs[0]
	if got.DatabaseID != id || got.Number != 1 || got.Event != "push" || got.Status != "IN_PROGRESS" || got.Branch != "main" || got.Commit != b.head || got.Workflow.Path != ".github/workflows/check.yml" || got.Workflow.State != "ACTIVE" ||
		!got.StartedAt.Equal(noon.Add(2*time.Second)) || got.Checks.Total != 2 || !got.Checks.Complete || got.Checks.ByState["SUCCESS"] != 1 || got.Checks.ByState["IN_PROGRESS"] != 1 || got.Actor.Login != "ada" || got.URL != run.URL {
		t.Errorf("the same run is %+v, %+v", got, got.Checks)
	}
	if lists[0][0].Checks != "PENDING" || lists[0][0].More {
		t.Errorf("checks together are %+v", lists[0][0])
	}

	b.pass(time.Minute)
	run = b.run(t, id)
	if run.Status != "COMPLETED" || run.Conclusion != "FAILURE" || !run.UpdatedAt.Equal(noon.Add(46*time.Second)) {
		t.Errorf("the run ends as %+v", run)
	}
	jobs = b.jobs(t, id)
	if jobs["build"].Conclusion != "SKIPPED" || jobs["test"].Conclusion != "FAILURE" || jobs["test"].Steps[1].Conclusion != "FAILURE" || jobs["test"].Steps[2].Conclusion != "SUCCESS" {
		t.Errorf("jobs end as %+v", jobs)
	}
	one, err := b.client.Job(t.Context(), tiles, jobs["test"].DatabaseID)
	if err != nil || one.Name != "test" || len(one.Steps) != 4 {
		t.Errorf("a job is %+v, %v", one, err)
	}
}

// Running again makes the next attempt: of all jobs, of those that failed and what needs them, or of one.
func TestRunsAgain(t *testing.T) {
	b := newBuilds(t)
	id := b.start(t)
	ctx := t.Context()
	if err := b.client.Rerun(ctx, tiles, id, false); !errors.Is(err, github.ErrConflict) || !strings.Contains(err.Error(), "already running") {
		t.Errorf("running again what runs: %v", err)
	}
	b.pass(time.Minute)
	first := b.jobs(t, id)
	if err := b.client.RerunFailed(ctx, tiles, id, true); err != nil {
		t.Fatal(err)
	}
	second := b.jobs(t, id)
	if second["lint"].DatabaseID != first["lint"].DatabaseID || second["test"].DatabaseID == first["test"].DatabaseID || second["test"].Attempt != 2 || second["build"] != nil {
		t.Errorf("jobs of the second attempt are %+v", second)
	}
	if run := b.run(t, id); run.Attempt != 2 || run.Status == "COMPLETED" || !run.RequestedAt.Equal(noon.Add(time.Minute)) || !run.CreatedAt.Equal(noon) {
		t.Errorf("the second attempt is %+v", run)
	}
	b.pass(2 * time.Minute)
	if run := b.run(t, id); run.Conclusion != "SUCCESS" || run.Attempt != 2 {
		t.Errorf("the second attempt ends as %+v", run)
	}
	of := func(f github.JobFilter) (names []string) {
		f.Slug, f.Run = tiles, id
		page, err := b.client.Jobs(ctx, f)
		if err != nil {
			t.Fatal(err)
		}
		for _, j := range page.Jobs {
			names = append(names, j.Name+" "+j.Conclusion)
		}
		return names
	}
	if got, want := of(github.JobFilter{All: true}), []string{"lint SUCCESS", "test FAILURE", "build SKIPPED", "test SUCCESS", "build SUCCESS"}; !slices.Equal(got, want) {
		t.Errorf("all jobs are %q, want %q", got, want)
	}
	if got, want := of(github.JobFilter{Attempt: 1}), []string{"lint SUCCESS", "test FAILURE", "build SKIPPED"}; !slices.Equal(got, want) {
		t.Errorf("jobs of the first attempt are %q, want %q", got, want)
	}
	if err := b.client.RerunFailed(ctx, tiles, id, false); !errors.Is(err, github.ErrConflict) {
		t.Errorf("running again the failed jobs of what succeeded: %v", err)
	}
	if err := b.client.RerunJob(ctx, tiles, b.jobs(t, id)["build"].DatabaseID, false); err != nil {
		t.Fatal(err)
	}
	b.pass(time.Minute)
	if run := b.run(t, id); run.Attempt != 3 || run.Conclusion != "SUCCESS" || b.jobs(t, id)["test"].Attempt != 2 || b.jobs(t, id)["build"].Attempt != 3 {
		t.Errorf("a job alone runs again as %+v", run)
	}
	if err := b.client.Rerun(ctx, tiles, id, false); err != nil {
		t.Fatal(err)
	}
	if got := len(b.jobs(t, id)); got != 2 {
		t.Errorf("%d jobs are queued of the fourth attempt", got)
	}
	lists, errs := b.client.Runs(ctx, []github.RunsQuery{{Revision: github.Revision{Slug: tiles, Name: "main"}, Depth: 2}})
	if errs[0] != nil || len(lists[0]) != 2 || lists[0][0].Runs[0].Checks.Total != 2 || len(lists[0][1].Runs) != 0 {
		t.Errorf("runs of two commits are %+v, %v", lists, errs)
	}
	for attempt, want := range map[int]string{1: "FAILURE", 2: "SUCCESS", 3: "SUCCESS", 4: ""} {
		if run, err := b.client.RunAttempt(ctx, tiles, id, attempt); err != nil || run.Attempt != attempt || run.Conclusion != want || run.RequestedAt.IsZero() {
			t.Errorf("attempt %d was %+v, %v", attempt, run, err)
		}
	}
	if _, err := b.client.RunAttempt(ctx, tiles, id, 5); !errors.Is(err, clients.ErrNotFound) {
		t.Errorf("an attempt that was not made: %v", err)
	}
	if states, err := b.site.Runs("larkfold/tiles"); err != nil || len(states) != 1 || states[0].ID != id || states[0].Attempt != 4 || states[0].Status != "QUEUED" || len(states[0].Jobs) != 2 {
		t.Errorf("runs are %+v, %v", states, err)
	}
	for _, err := range []error{b.client.Rerun(ctx, tiles, 1, false), b.client.RerunJob(ctx, tiles, 1, false), b.client.Cancel(ctx, tiles, 1)} {
		if !errors.Is(err, clients.ErrNotFound) {
			t.Errorf("of what is not there: %v", err)
		}
	}
	// Who may only read is refused.
	if err := b.AddToken("cleo-token", githubtest.Token{Login: "cleo"}); err != nil {
		t.Fatal(err)
	}
	if err := b.as(t, "cleo-token", false).Cancel(ctx, tiles, id); !errors.Is(err, clients.ErrForbidden) {
		t.Errorf("cancelling without permission: %v", err)
	}
	if err := b.as(t, "cleo-token", false).Rerun(ctx, tiles, id, false); !errors.Is(err, clients.ErrForbidden) {
		t.Errorf("running again without permission: %v", err)
	}
}

func TestRunIsCancelled(t *testing.T) {
	b := newBuilds(t)
	id := b.start(t)
	b.pass(20 * time.Second)
	if err := b.client.Cancel(t.Context(), tiles, id); err != nil {
		t.Fatal(err)
	}
	b.pass(5 * time.Second)
	jobs := b.jobs(t, id)
	if run := b.run(t, id); run.Conclusion != "CANCELLED" || jobs["test"].Conclusion != "CANCELLED" || jobs["lint"].Conclusion != "SUCCESS" || jobs["test"].Steps[1].Conclusion != "CANCELLED" || jobs["build"] != nil {
		t.Errorf("a cancelled run is %+v with %+v", run, jobs)
	}
	if err := b.client.Cancel(t.Context(), tiles, id); !errors.Is(err, github.ErrConflict) || !strings.Contains(err.Error(), "completed") {
		t.Errorf("cancelling what is over: %v", err)
	}
	if err := b.client.RerunFailed(t.Context(), tiles, id, false); err != nil {
		t.Fatal(err)
	}
	b.pass(5 * time.Minute)
	if run := b.run(t, id); run.Conclusion != "SUCCESS" {
		t.Errorf("a cancelled run runs again as %+v", run)
	}
}

func TestRunIsDispatched(t *testing.T) {
	b := newBuilds(t)
	ctx := t.Context()
	got, err := b.client.Dispatch(ctx, github.Dispatch{Slug: tiles, Workflow: "check.yml", Ref: "feature/gapless", Inputs: map[string]string{"target": "web"}, Telling: true})
	if err != nil || got.DatabaseID == 0 || got.URL == "" {
		t.Fatal(got, err)
	}
	if run := b.run(t, got.DatabaseID); run.Event != "workflow_dispatch" || run.Branch != "feature/gapless" || run.Commit != b.side {
		t.Errorf("a dispatched run is %+v", run)
	}
	if got, err := b.client.Dispatch(ctx, github.Dispatch{Slug: tiles, Workflow: "check.yml", Ref: "main"}); err != nil || got.DatabaseID != 0 {
		t.Errorf("a dispatch that tells nothing: %+v, %v", got, err)
	}
	for name, d := range map[string]github.Dispatch{
		"a ref that is not there": {Workflow: "check.yml", Ref: "none"}, "an input that is not there": {Workflow: "check.yml", Ref: "main", Inputs: map[string]string{"x": "y"}},
		"a path": {Workflow: "../x", Ref: "main"}, "no ref": {Workflow: "check.yml"},
	} {
		d.Slug = tiles
		if _, err := b.client.Dispatch(ctx, d); !errors.Is(err, github.ErrInvalid) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := b.client.Dispatch(ctx, github.Dispatch{Slug: tiles, Workflow: "none.yml", Ref: "main"}); !errors.Is(err, clients.ErrNotFound) {
		t.Errorf("a workflow that is not there: %v", err)
	}
	page, err := b.client.WorkflowRuns(ctx, github.RunFilter{Slug: tiles, Event: "workflow_dispatch", Status: "QUEUED", Actor: "ada", Since: noon, Until: noon.Add(time.Hour), Page: github.RESTPage{Size: 1}})
	if err != nil || page.Total != 2 || len(page.Runs) != 1 || !page.HasNext {
		t.Errorf("runs are %+v, %v", page, err)
	}
	for _, f := range []github.RunFilter{{Branch: "none"}, {Commit: b.first}, {Event: "push"}, {Status: "FAILURE"}, {Actor: "ben"}, {Since: noon.Add(time.Hour)}} {
		f.Slug = tiles
		if page, err := b.client.WorkflowRuns(ctx, f); err != nil || page.Total != 0 {
			t.Errorf("runs of %+v are %+v, %v", f, page, err)
		}
	}
	page, err = b.client.WorkflowRuns(ctx, github.RunFilter{Slug: tiles, Workflow: "check.yml", Branch: "main", Commit: b.head, Page: github.RESTPage{Number: 1, Size: 100}})
	if err != nil || page.Total != 1 || page.HasNext {
		t.Errorf("runs of a workflow are %+v, %v", page, err)
	}
	flows, err := b.client.Workflows(ctx, tiles, github.RESTPage{})
	if err != nil || flows.Total != 1 || flows.Workflows[0].Path != ".github/workflows/check.yml" || flows.Workflows[0].State != "ACTIVE" {
		t.Errorf("workflows are %+v, %v", flows, err)
	}
}

// A page of a portal with the runs of twenty components is one request.
func TestRunsOfManyAreOneRequest(t *testing.T) {
	b := newBuilds(t)
	id := b.start(t)
	b.Watch.Reset()
	queries := slices.Repeat([]github.RunsQuery{{Revision: github.Revision{Slug: tiles, Name: "HEAD"}}}, 18)
	queries = append(queries, github.RunsQuery{Revision: github.Revision{Slug: tiles, Name: "no-such-branch"}}, github.RunsQuery{Revision: github.Revision{Slug: github.Slug{Owner: "larkfold", Name: "none"}, Name: "HEAD"}})
	lists, errs := b.client.Runs(t.Context(), queries)
	if got := len(b.Watch.Requests()); got != 1 || b.Watch.Points()["graphql"] != 4 {
		t.Errorf("%d requests of %v points", got, b.Watch.Points())
	}
	for i := range 18 {
		if errs[i] != nil || github.Latest(lists[i])[0].DatabaseID != id {
			t.Fatalf("%d: %+v, %v", i, lists[i], errs[i])
		}
	}
	for _, err := range errs[18:] {
		if !errors.Is(err, clients.ErrNotFound) {
			t.Errorf("what is not there: %v", err)
		}
	}
}

// What a pull request starts is found by its number, and says which it is for.
func TestRunsOfPullRequests(t *testing.T) {
	b := newBuilds(t)
	oid, err := b.Push(t.Context(), "larkfold/tiles", "feature/gapless", "ben", "More", githubtest.File{Path: "x.go", Data: []byte("package main\n")})
	if err != nil {
		t.Fatal(err)
	}
	got, errs := b.client.PullRequestRuns(t.Context(), []github.PullRequestNumber{{Slug: tiles, Number: 2}, {Slug: tiles, Number: 99}})
	if errs[0] != nil || got[0].Commit != git.OID(oid) || len(got[0].Runs) != 2 || !errors.Is(errs[1], clients.ErrNotFound) {
		t.Fatal(got, errs)
	}
	events := []string{got[0].Runs[0].Event, got[0].Runs[1].Event}
	if slices.Sort(events); !slices.Equal(events, []string{"pull_request", "push"}) {
		t.Errorf("runs are of %q", events)
	}
	for _, run := range got[0].Runs {
		if whole := b.run(t, run.DatabaseID); run.Event == "pull_request" && (!slices.Equal(whole.PullRequests, []int{2}) || whole.Title != "Play without gaps") {
			t.Errorf("the run is %+v", whole)
		}
	}
	if latest := github.Latest(got[:1]); len(latest) != 1 {
		t.Errorf("the latest runs are %+v", latest)
	}
}

// Webhooks tell how a build goes on, and in which order.
func TestWebhooksOfBuilds(t *testing.T) {
	b := newBuilds(t)
	var mu sync.Mutex
	var told []string
	var last *github.Event
	receiver := http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		e, err := github.ParseEvent(r.Header, body)
		if err != nil {
			t.Error(err)
			return
		}
		mu.Lock()
		defer mu.Unlock()
		switch ran := e.Ran; {
		case ran.Run != nil:
			told = append(told, "run "+e.Action+" "+cmp.Or(ran.Run.Conclusion, ran.Run.Status))
		case ran.Job != nil:
			told = append(told, ran.Job.Name+" "+e.Action+" "+cmp.Or(ran.Job.Conclusion, ran.Job.Status))
		case ran.CheckRun != nil:
			told = append(told, "check "+ran.CheckRun.Name+" "+e.Action)
		case ran.Suite != nil:
			told = append(told, "suite "+e.Action)
		case ran.Status != nil:
			told = append(told, "status "+ran.Status.State)
		}
		last = e
	})
	b.SetWebhook(githubtest.Webhook{URL: "https://callboard.example/hook", Client: &http.Client{Transport: clientstest.Transport{Handler: receiver}}})
	id, err := b.StartRun(t.Context(), "larkfold/tiles", githubtest.Run{Workflow: "Check", By: "ada", Event: "pull_request", Branch: "feature/gapless", PullRequest: 2})
	if err != nil {
		t.Fatal(err)
	}
	b.pass(time.Minute)
	if next := b.Advance(); !next.IsZero() {
		t.Errorf("something is due at %v", next)
	}
	b.Deliveries()
	want := []string{
		"suite requested", "run requested QUEUED", "check lint created", "lint queued QUEUED", "check test created", "test queued QUEUED",
		"lint in_progress IN_PROGRESS", "run in_progress IN_PROGRESS", "test in_progress IN_PROGRESS", "lint completed SUCCESS", "check lint completed",
		"test completed FAILURE", "check test completed", "check build created", "build completed SKIPPED", "check build completed", "suite completed", "run completed FAILURE",
	}
	mu.Lock()
	defer mu.Unlock()
	if !slices.Equal(told, want) {
		t.Errorf("told is\n%s\nwant\n%s", strings.Join(told, "\n"), strings.Join(want, "\n"))
	}
	if run := last.Ran.Run; run.DatabaseID != id || run.Repository != tiles || run.Workflow.Name != "Check" || run.Workflow.DatabaseID == 0 || run.Attempt != 1 || run.Commit != b.side || run.Branch != "feature/gapless" ||
		!slices.Equal(run.PullRequests, []int{2}) || !slices.Equal(last.PullRequests, []int{2}) || !slices.Contains(last.Commits, b.side) || last.Sender != "ada" {
		t.Errorf("the last event is %+v with %+v", last, run)
	}
}

// A job that is held goes on as the test says.
func TestHeldJob(t *testing.T) {
	b := newBuilds(t)
	id, err := b.StartRun(t.Context(), "larkfold/tiles", githubtest.Run{Workflow: "Deploy", By: "ada", Jobs: []githubtest.JobPlan{{Name: "roll out", Held: true, Steps: []githubtest.StepPlan{{Name: "Apply"}, {Name: "Wait"}}}}})
	if err != nil {
		t.Fatal(err)
	}
	b.pass(time.Hour)
	job := b.jobs(t, id)["roll out"]
	if job.Status != "QUEUED" {
		t.Errorf("it began by itself: %+v", job)
	}
	for _, err := range []error{
		b.BeginJob("larkfold/tiles", job.DatabaseID), b.WriteLog("larkfold/tiles", job.DatabaseID, "applying"), b.NextStep("larkfold/tiles", job.DatabaseID, "SUCCESS"), b.FinishJob("larkfold/tiles", job.DatabaseID, "FAILURE"),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	job = b.jobs(t, id)["roll out"]
	if job.Conclusion != "FAILURE" || job.Steps[1].Conclusion != "SUCCESS" || job.Steps[2].Conclusion != "FAILURE" {
		t.Errorf("it ends as %+v", job)
	}
	if log, err := b.client.JobLog(t.Context(), tiles, job.DatabaseID, github.Window{}); err != nil || !strings.Contains(string(log.Text), "applying") {
		t.Errorf("its log is %+v, %v", log, err)
	}
	if err := b.FinishJob("larkfold/tiles", job.DatabaseID, "SUCCESS"); !errors.Is(err, githubtest.ErrRefused) {
		t.Errorf("ending it twice: %v", err)
	}
}
