package jenkins_test

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"
	"time"

	"callboard.dev/callboard/clients"
	"callboard.dev/callboard/clients/clientstest"
	"callboard.dev/callboard/clients/jenkins"
	"callboard.dev/callboard/clients/jenkins/jenkinstest"
	"callboard.dev/callboard/clients/jenkins/jenkinstest/stage"
)

var settings = jenkinstest.Settings{Address: address}

// TestJobs checks that a page of jobs is one request, wherever they lie, and that each gets its own value or error.
func TestJobs(t *testing.T) {
	s := stage.Set(t, settings)
	c := on(t, s, stage.Max, stage.MaxToken)
	names := []string{stage.Main, stage.Nightly, "music/nothing", stage.Lint, stage.Feature, "music/search", stage.Main, "../x", "none/at/all", "MUSIC/Search/PR-7"}
	jobs, errs := c.Jobs(t.Context(), names)
	if n := s.Watch.Count(""); n != 1 {
		t.Errorf("%d requests: %v", n, s.Watch.Counts())
	}
	var got []string
	for i, j := range jobs {
		switch {
		case j == nil:
			got = append(got, fmt.Sprint(names[i], " ", clients.CodeOf(errs[i]), errors.Is(errs[i], jenkins.ErrInvalid)))
		case j.Last == nil:
			got = append(got, fmt.Sprint(j.Name, " ", j.Kind, " ", j.Color, " ", j.Title, " never"))
		default:
			got = append(got, fmt.Sprint(j.Name, " ", j.Kind, " ", j.Color, " ", j.Title, " ", j.Last.Number, " ", j.Last.Result, " ", j.Last.Duration, " ", j.URL))
		}
	}
	want := []string{
		"music/search/main pipeline blue main 3 SUCCESS 1m40s " + address + "/job/music/job/search/job/main/",
		"nightly report freestyle blue nightly report 1 SUCCESS 1m40s " + address + "/job/nightly%20report/",
		"music/nothing NOT_FOUNDfalse",
		"music/tools/lint pipeline blue lint 1 SUCCESS 1m0s " + address + "/job/music/job/tools/job/lint/",
		"music/search/feature%2Franking pipeline notbuilt feature/ranking never",
		"music/search multibranch  search never",
		"music/search/main pipeline blue main 3 SUCCESS 1m40s " + address + "/job/music/job/search/job/main/",
		"../x true",
		"none/at/all NOT_FOUNDfalse",
		"MUSIC/Search/PR-7 pipeline notbuilt PR-7 never",
	}
	if !slices.Equal(got, want) {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	// What the page tells of a build is what is told of it alone, without what the page leaves out.
	alone := ok[*jenkins.Build](t)(c.Build(t.Context(), id(stage.Main, 3)))
	alone.Changes, alone.Artifacts, alone.Estimate = nil, nil, 0
	if one := jobs[0].Last; fmt.Sprintf("%+v", one) != fmt.Sprintf("%+v", alone) {
		t.Errorf("in a page\n%+v\nalone\n%+v", one, alone)
	}
}

// TestJobsTogether checks which folder is listed, and how one job is asked for.
func TestJobsTogether(t *testing.T) {
	s := stage.Set(t, settings)
	c := on(t, s, stage.Max, stage.MaxToken)
	for _, one := range []struct {
		names []string
		path  string
	}{
		{[]string{stage.Main, stage.Feature}, "/jenkins/job/music/job/search/api/json"},
		{[]string{stage.Main, stage.Lint}, "/jenkins/job/music/api/json"},
		{[]string{stage.Main, stage.Lint, stage.Nightly}, "/jenkins/api/json"},
		{[]string{stage.Feature}, "/jenkins/job/music/job/search/job/feature%252Franking/api/json"},
	} {
		s.Watch.Reset()
		if _, errs := c.Jobs(t.Context(), one.names); errors.Join(errs...) != nil {
			t.Errorf("%v: %v", one.names, errs)
		}
		requests := s.Watch.Requests()
		if len(requests) != 1 || requests[0].URL.EscapedPath() != one.path {
			t.Errorf("%v: %v", one.names, requests)
		}
	}
	if jobs, errs := c.Jobs(t.Context(), nil); len(jobs)+len(errs) != 0 {
		t.Errorf("of nothing: %v %v", jobs, errs)
	}
}

// TestJobsOfLargeFolders checks that a job which Jenkins does not list, as there are too many before it, is found nonetheless, and that one
// that is not there is not.
func TestJobsOfLargeFolders(t *testing.T) {
	s := stage.Set(t, settings)
	if err := s.AddFolder("many", ""); err != nil {
		t.Fatal(err)
	}
	for i := range 1100 {
		if err := s.AddJob(fmt.Sprintf("many/job-%04d", i), jenkinstest.Job{}); err != nil {
			t.Fatal(err)
		}
	}
	c := on(t, s, stage.Max, stage.MaxToken)
	s.Watch.Reset()
	jobs, errs := c.Jobs(t.Context(), []string{"many/job-0001", "many/job-1099", "many/none"})
	if errs[0] != nil || errs[1] != nil || jobs[1].Name != "many/job-1099" || !errors.Is(errs[2], clients.ErrNotFound) {
		t.Errorf("%v %v", jobs, errs)
	}
	if n := s.Watch.Count(""); n != 3 {
		t.Errorf("%d requests: one for the folder and one for each that may lie behind", n)
	}
	// Twenty components of twenty folders.
	names := make([]string, 20)
	for i := range names {
		names[i] = fmt.Sprintf("team-%02d/service", i)
		if err := errors.Join(s.AddFolder(names[i][:7], ""), s.AddJob(names[i], jenkinstest.Job{Plans: []jenkinstest.Plan{stage.Good()}, Remote: stage.Remote, Head: stage.Head}),
			s.Past(names[i], stage.Now.Add(-time.Hour), stage.Good(), jenkinstest.Trigger{})); err != nil {
			t.Fatal(err)
		}
	}
	s.Watch.Reset()
	jobs, errs = c.Jobs(t.Context(), names)
	if err := errors.Join(errs...); err != nil || s.Watch.Count("") != 1 {
		t.Errorf("%d requests, %v", s.Watch.Count(""), err)
	}
	for _, j := range jobs {
		if j.Last == nil || j.Last.Result != jenkins.Success {
			t.Errorf("%+v", j)
		}
	}
}

// TestJobsTooLarge checks that jobs are asked for one by one where the folder they are in is more than is read, here and in the transport.
func TestJobsTooLarge(t *testing.T) {
	plain, whole := stage.Set(t, settings), stage.Set(t, jenkinstest.Settings{})
	for _, one := range []struct {
		s *stage.Stage
		c *jenkins.Client
	}{{plain, on(t, plain, stage.Max, stage.MaxToken)}, {whole, through(t, whole, stage.Max, stage.MaxToken)}} {
		one.s.Faults.Add(clientstest.Fault{Kind: clientstest.Huge, Bytes: 17 << 20, Times: 1})
		jobs, errs := one.c.Jobs(t.Context(), []string{stage.Main, stage.Lint, "none"})
		if errs[0] != nil || errs[1] != nil || jobs[0].Last.Number != 3 || !errors.Is(errs[2], clients.ErrNotFound) {
			t.Errorf("%v, %v", errs, one.s.Watch.Counts())
		}
	}
}

func TestJob(t *testing.T) {
	s := stage.Set(t, settings)
	c := on(t, s, stage.Max, stage.MaxToken)
	main := ok[*jenkins.Job](t)(c.Job(t.Context(), stage.Main))
	if main.Next != 4 || main.Health != 100 || main.Last.Estimate != 100*time.Second || main.LastCompleted != 3 || main.LastSuccessful != 3 || main.Last.Number != 3 || !main.Buildable || main.Queued || main.Object != nil {
		t.Errorf("%+v", main)
	}
	pull := ok[*jenkins.Job](t)(c.Job(t.Context(), stage.Pull))
	if pull.Object == nil || pull.Object.Title != "Rank by taste" || pull.Object.URL != "https://git.larkfold.example/larkfold/search/pull/7" || pull.Health != -1 {
		t.Errorf("%+v", pull)
	}
	folder := ok[*jenkins.Job](t)(c.Job(t.Context(), "music/search"))
	if got := fmt.Sprint(folder.Jobs); got != "[{music/search/feature%2Franking feature/ranking pipeline notbuilt} {music/search/main main pipeline blue} {music/search/PR-7 PR-7 pipeline notbuilt}]" || folder.Kind != jenkins.Multibranch {
		t.Errorf("%s of %+v", got, folder)
	}
	deploy := ok[*jenkins.Job](t)(c.Job(t.Context(), stage.Deploy))
	if got := fmt.Sprint(deploy.Definitions); got != "[{ENVIRONMENT Where to ChoiceParameterDefinition staging [staging production]} {VERSION  StringParameterDefinition latest []} {DRY_RUN  BooleanParameterDefinition true []} {PASSWORD  PasswordParameterDefinition  []}]" {
		t.Error(got)
	}
	if got := c.JobURL(stage.Feature); got != address+"/job/music/job/search/job/feature%252Franking/" {
		t.Error(got)
	}
	if _, err := c.Job(t.Context(), "music/none"); !errors.Is(err, clients.ErrNotFound) {
		t.Error(err)
	}
}

// TestBranches finds the build of a pull request by its address, in one request.
func TestBranches(t *testing.T) {
	s := stage.Set(t, settings)
	c := on(t, s, stage.Max, stage.MaxToken)
	if err := s.Past(stage.Pull, stage.Now.Add(-time.Hour), stage.Broken(), jenkinstest.Trigger{}); err != nil {
		t.Fatal(err)
	}
	branches := ok[[]*jenkins.Job](t)(c.Branches(t.Context(), "music/search"))
	if n := s.Watch.Count(""); n != 1 || len(branches) != 3 {
		t.Errorf("%d requests, %d branches", n, len(branches))
	}
	at := slices.IndexFunc(branches, func(j *jenkins.Job) bool {
		return j.Object != nil && j.Object.URL == "https://git.larkfold.example/larkfold/search/pull/7"
	})
	if at < 0 || branches[at].Name != stage.Pull || branches[at].Last.Result != jenkins.Failure || string(branches[at].Last.Revisions[0].Commit) != stage.Head {
		t.Errorf("%+v", branches)
	}
}

func TestBuild(t *testing.T) {
	s := stage.Set(t, settings)
	c := on(t, s, stage.Max, stage.MaxToken)
	b := ok[*jenkins.Build](t)(c.Build(t.Context(), id(stage.Main, 3)))
	if b.URL != address+"/job/music/job/search/job/main/3/" || b.Title != "#3" || b.Building || b.Result != jenkins.Success || !b.Started.Equal(stage.Now.Add(-time.Hour)) ||
		b.Duration != 100*time.Second || b.Estimate != 100*time.Second || b.QueueID != 3 {
		t.Errorf("%+v", b)
	}
	if got := fmt.Sprint(b.Revisions, b.Causes, *b.Tests, b.Tests.Passed(), b.Artifacts); got != "[{"+stage.Head+" main ["+stage.Remote+"]}] [{jenkins.branch.BranchEventCause Push event to branch main   #0}] {3 0 1} 2 [{search 1.0.tar.gz build/search 1.0.tar.gz} {far.bin far.bin}]" {
		t.Error(got)
	}
	if b.Causes[0].Trigger() != jenkins.Push || (jenkins.Cause{Class: "x"}).Trigger() != jenkins.Unknown {
		t.Error(b.Causes[0].Trigger())
	}
	if len(b.Changes) != 1 || b.Changes[0].Commit != stage.Head || b.Changes[0].Message != "Rank by plays" || b.Changes[0].Author != "Ada Lark" || b.Changes[0].At.IsZero() {
		t.Errorf("%+v", b.Changes)
	}
	nightly := ok[*jenkins.Build](t)(c.Build(t.Context(), id(stage.Nightly, 1)))
	if len(nightly.Changes) != 1 || len(nightly.Revisions) != 1 || nightly.Revisions[0].Branch != "main" {
		t.Errorf("freestyle: %+v", nightly)
	}
	lint := ok[*jenkins.Build](t)(c.Build(t.Context(), id(stage.Lint, 1)))
	if lint.Causes[0].By != id(stage.Main, 3) {
		t.Errorf("upstream: %+v", lint.Causes)
	}
	for _, missing := range []jenkins.BuildID{id(stage.Main, 4), id("none", 1)} {
		if _, err := c.Build(t.Context(), missing); !errors.Is(err, clients.ErrNotFound) {
			t.Errorf("%v: %v", missing, err)
		}
	}
}

func TestBuilds(t *testing.T) {
	s := stage.Set(t, settings)
	c := on(t, s, stage.Max, stage.MaxToken)
	numbers := func(q jenkins.BuildsQuery) string {
		t.Helper()
		var out []int
		for _, b := range ok[[]jenkins.Build](t)(c.Builds(t.Context(), q)) {
			out = append(out, b.Number)
		}
		return fmt.Sprint(out)
	}
	if got := numbers(jenkins.BuildsQuery{Job: stage.Main}); got != "[3 2 1]" {
		t.Error(got)
	}
	if got := numbers(jenkins.BuildsQuery{Job: stage.Main, Skip: 1, Most: 1}); got != "[2]" {
		t.Error(got)
	}
	for range 130 {
		if err := s.Past(stage.Lint, stage.Now.Add(-time.Hour), jenkinstest.Plan{}, jenkinstest.Trigger{}); err != nil {
			t.Fatal(err)
		}
	}
	if got := numbers(jenkins.BuildsQuery{Job: stage.Lint, Skip: 99, Most: 3}); got != "[32 31 30]" {
		t.Errorf("beyond the 100 that Jenkins lists: %s", got)
	}
}

func TestStages(t *testing.T) {
	s := stage.Set(t, settings)
	c := on(t, s, stage.Ada, stage.AdaToken)
	ctx := t.Context()
	all := ok[*jenkins.Stages](t)(c.Stages(ctx, id(stage.Main, 3)))
	var got []string
	for _, one := range all.Stages {
		_, steps, err := c.Steps(ctx, id(stage.Main, 3), one.ID)
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, fmt.Sprint(one.Name, " ", one.State, " ", one.Duration))
		for _, step := range steps {
			got = append(got, fmt.Sprintf("- %s: %s %s %s %v", step.Name, step.Detail, step.State, step.Duration, step.HasLog))
		}
	}
	want := "Checkout SUCCESS 10s\n- Check out from version control:  SUCCESS 10s true\nBuild SUCCESS 40s\n- Shell Script: make SUCCESS 40s true\nTest SUCCESS 50s\n- Shell Script: make test SUCCESS 45s true\n- Archive JUnit-formatted test results:  SUCCESS 5s false"
	if strings.Join(got, "\n") != want || all.State != jenkins.StateSuccess || all.Duration != 100*time.Second {
		t.Errorf("%+v:\n%s", all, strings.Join(got, "\n"))
	}
	_, steps, _ := c.Steps(ctx, id(stage.Main, 3), all.Stages[0].ID)
	if log := ok[*jenkins.StepLog](t)(c.StepLog(ctx, id(stage.Main, 3), steps[0].ID)); log.Text != "Fetching <origin>\nChecked out\n" || log.More || log.State != jenkins.StateSuccess {
		t.Errorf("%+v", log)
	}
	lint := ok[*jenkins.Stages](t)(c.Stages(ctx, id(stage.Lint, 1)))
	_, steps, _ = c.Steps(ctx, id(stage.Lint, 1), lint.Stages[0].ID)
	if log := ok[*jenkins.StepLog](t)(c.StepLog(ctx, id(stage.Lint, 1), steps[0].ID)); !log.More || len(log.Text) != 10<<10 {
		t.Errorf("of a long log %d bytes, %v", len(log.Text), log.More)
	}
	// One that is under way, and one that fails.
	if _, err := s.Server.Trigger(stage.Pull, jenkinstest.Trigger{}); err != nil {
		t.Fatal(err)
	}
	s.Pass(20 * time.Second) // 5 of them in the queue
	now := ok[*jenkins.Stages](t)(c.Stages(ctx, id(stage.Pull, 1)))
	if len(now.Stages) != 2 || now.State != jenkins.StateInProgress || now.Stages[1].State != jenkins.StateInProgress || now.Stages[1].Duration != 5*time.Second || now.Queued != 5*time.Second {
		t.Errorf("%+v", now)
	}
	s.Pass(time.Minute)
	now = ok[*jenkins.Stages](t)(c.Stages(ctx, id(stage.Pull, 1)))
	_, steps, _ = c.Steps(ctx, id(stage.Pull, 1), now.Stages[1].ID)
	if len(now.Stages) != 2 || now.State != jenkins.StateFailed || steps[0].Failure != "script returned exit code 2" {
		t.Errorf("%+v %+v", now, steps)
	}
	// One that waits for an answer.
	ok[int64](t)(c.Start(ctx, jenkins.StartQuery{Job: stage.Release}))
	s.Pass(time.Minute)
	now = ok[*jenkins.Stages](t)(c.Stages(ctx, id(stage.Release, 1)))
	inputs := ok[[]jenkins.Input](t)(c.Inputs(ctx, id(stage.Release, 1)))
	if now.State != jenkins.StatePaused || now.Paused != 55*time.Second || len(inputs) != 1 || inputs[0].Message != "Publish it?" {
		t.Errorf("%+v %+v", now, inputs)
	}
	if _, err := c.Stages(ctx, id(stage.Nightly, 1)); !errors.Is(err, clients.ErrNotFound) {
		t.Errorf("of a freestyle build: %v", err)
	}
	without := on(t, stage.Set(t, jenkinstest.Settings{Address: address, Without: []string{jenkinstest.StageView, jenkinstest.Metrics}}), stage.Max, stage.MaxToken)
	if _, err := without.Stages(ctx, id(stage.Main, 3)); !errors.Is(err, clients.ErrNotFound) {
		t.Errorf("without the plugin: %v", err)
	}
}

func TestReport(t *testing.T) {
	s := stage.Set(t, settings)
	c := on(t, s, stage.Max, stage.MaxToken)
	r := ok[*jenkins.Report](t)(c.Report(t.Context(), jenkins.ReportQuery{Build: id(stage.Main, 2), Stacks: true}))
	if got := fmt.Sprintf("%+v", *r); got != "{TestCounts:{Total:3 Failed:1 Skipped:1} Duration:500ms Suites:[{Name:search Duration:500ms Cases:["+
		"{Class:search.RankTest Name:ranksByPlays State:PASSED Duration:300ms Age:0 Since:0 Message: Stack:} "+
		"{Class:search.RankTest Name:ranksByTaste State:REGRESSION Duration:200ms Age:1 Since:2 Message:expected [a b] but was [b a] Stack:at search.RankTest.ranksByTaste(RankTest.java:42)} "+
		"{Class:search.IndexTest Name:big State:SKIPPED Duration:0s Age:0 Since:0 Message: Stack:}]}] Complete:true}" {
		t.Error(got)
	}
	if r = ok[*jenkins.Report](t)(c.Report(t.Context(), jenkins.ReportQuery{Build: id(stage.Main, 3)})); r.Suites[0].Cases[1].State != jenkins.TestFixed {
		t.Errorf("%+v", r)
	}
	large := stage.Good()
	for i := range 3000 {
		large.Suites[0].Cases = append(large.Suites[0].Cases, jenkinstest.Case{Class: "x", Name: fmt.Sprint(i)})
	}
	if err := s.Past(stage.Main, stage.Now.Add(-time.Minute*30), large, jenkinstest.Trigger{}); err != nil {
		t.Fatal(err)
	}
	if r = ok[*jenkins.Report](t)(c.Report(t.Context(), jenkins.ReportQuery{Build: id(stage.Main, 4)})); r.Total != 3003 || r.Complete || len(r.Suites[0].Cases) != 2000 {
		t.Errorf("%d tests, %d told", r.Total, len(r.Suites[0].Cases))
	}
	if _, err := c.Report(t.Context(), jenkins.ReportQuery{Build: id(stage.Lint, 1)}); !errors.Is(err, clients.ErrNotFound) {
		t.Error(err)
	}
}

func TestCoverage(t *testing.T) {
	s := stage.Set(t, settings)
	c := on(t, s, stage.Max, stage.MaxToken)
	for i, one := range []struct {
		plugin, want string
		requests     int
	}{
		{"coverage", "coverage [{branch 25 0 0} {line 80 0 0}] [{line 50 0 0}] [{line -1.5 0 0}] INACTIVE map[loc:8063]", 1},
		{"cobertura", "cobertura [{branch 25 1 4} {line 80 8 10}] [] []  map[]", 2},
		{"jacoco", "jacoco [{branch 25 1 4} {line 80 8 10}] [] []  map[]", 3},
	} {
		plan := stage.Good()
		plan.Coverage.Plugin = one.plugin
		if err := s.Past(stage.Feature, stage.Now.Add(-time.Hour), plan, jenkinstest.Trigger{}); err != nil {
			t.Fatal(err)
		}
		s.Watch.Reset()
		found := ok[*jenkins.Coverage](t)(c.Coverage(t.Context(), id(stage.Feature, i+1)))
		if got := fmt.Sprint(found.Plugin, " ", found.Project, " ", found.Changed, " ", found.Delta, " ", found.Gates, " ", found.Words); got != one.want {
			t.Errorf("%s:\n%s, want\n%s", one.plugin, got, one.want)
		}
		if rate, ok := found.Of("line"); !ok || rate.Percent != 80 {
			t.Errorf("%s: %+v", one.plugin, rate)
		}
		if n := s.Watch.Count(""); n != one.requests {
			t.Errorf("%s: %d requests", one.plugin, n)
		}
	}
	files := ok[[]jenkins.ChangedFile](t)(c.ChangedLines(t.Context(), id(stage.Main, 3)))
	if got := fmt.Sprint(files); got != "[{search/rank.go 3 2 1 [{3 5 COVERED} {8 8 MISSED} {9 10 PARTIALLY_COVERED}]}]" {
		t.Error(got)
	}
	if _, err := c.ChangedLines(t.Context(), id(stage.Feature, 2)); !errors.Is(err, clients.ErrNotFound) {
		t.Errorf("of another plugin: %v", err)
	}
	if _, err := c.Coverage(t.Context(), id(stage.Lint, 1)); !errors.Is(err, clients.ErrNotFound) {
		t.Error(err)
	}
}

func TestArtifact(t *testing.T) {
	s := stage.Set(t, settings)
	c := on(t, s, stage.Max, stage.MaxToken)
	f := ok[*jenkins.File](t)(c.Artifact(t.Context(), id(stage.Main, 3), "build/search 1.0.tar.gz"))
	text, err := io.ReadAll(f.Body)
	if f.Body.Close() != nil || err != nil || string(text) != "archive" || f.Size != 7 || f.Type != "application/gzip" && f.Type != "application/octet-stream" && f.Type != "application/x-gzip" {
		t.Errorf("%+v %q %v", f, text, err)
	}
	_, err = c.Artifact(t.Context(), id(stage.Main, 3), "far.bin")
	var elsewhere *jenkins.Elsewhere
	if !errors.As(err, &elsewhere) || elsewhere.Address.String() != "https://bucket.larkfold.example/far.bin?signature=SECRET" || strings.Contains(err.Error(), "SECRET") {
		t.Errorf("%v", err)
	}
	if _, err := c.Artifact(t.Context(), id(stage.Main, 3), "none"); !errors.Is(err, clients.ErrNotFound) {
		t.Error(err)
	}
}
