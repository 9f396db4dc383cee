// Package stage is the Jenkins that tests of the simulator and of the client ask: nothing goes in but the settings that a test varies; a Server
// with people, jobs and builds, and a clock that stands still until it is told to go on, come out.
//
// The one rule: what is on the stage is written in this file, so that a test can be read beside it.
package stage

import (
	"strings"
	"sync"
	"testing"
	"time"

	"callboard.dev/callboard/clients/jenkins/jenkinstest"
)

// Now is when the clock begins.
var Now = time.Date(2026, 5, 4, 9, 0, 0, 0, time.UTC)

// Who is there. Ada may build; Max may read.
const (
	Ada, AdaToken, AdaPassword = "ada", "11f0e1c2d3b4a5968778695a4b3c2d1e0f", "correct horse"
	Max, MaxToken              = "max", "11a0b1c2d3e4f5061728394a5b6c7d8e9f"
)

// What there is to build.
const (
	Main    = "music/search/main"
	Feature = "music/search/feature%2Franking"
	Pull    = "music/search/PR-7"
	Lint    = "music/tools/lint"
	Nightly = "nightly report" // freestyle
	Deploy  = "deploy"         // with parameters
	Release = "music/release"  // asks before it publishes
)

// The repository of music/search, and what its main branch was at.
const (
	Remote = "https://git.larkfold.example/larkfold/search.git"
	Old    = "3f1c2a9d8e7b6c5a4f3e2d1c0b9a8f7e6d5c4b3a"
	Head   = "da1560886d4f094c3e6c9ef40349f7d38b5d27d7"
)

// Clock is a clock that stands still until it is told to go on.
type Clock struct {
	mu  sync.Mutex
	now time.Time
}

// Now returns what the clock shows.
func (c *Clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

// Pass lets time pass.
func (c *Clock) Pass(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

// Stage is a Server and its clock.
type Stage struct {
	*jenkinstest.Server
	*Clock
}

// Good is a plan of 100 s in three stages that goes well: three tests, coverage, two artifacts.
func Good() jenkinstest.Plan {
	return jenkinstest.Plan{
		Stages: []jenkinstest.Stage{
			{Name: "Checkout", Steps: []jenkinstest.Step{{Name: "Check out from version control", Log: "Fetching <origin>\nChecked out", Duration: 10 * time.Second}}},
			{Name: "Build", Steps: []jenkinstest.Step{{Name: "Shell Script", Detail: "make", Log: "compiling a\ncompiling b\ncompiling c\ncompiling d", Duration: 40 * time.Second}}},
			{Name: "Test", Steps: []jenkinstest.Step{
				{Name: "Shell Script", Detail: "make test", Log: "ok search 1.2s\nnaïve café ✓", Duration: 45 * time.Second},
				{Name: "Archive JUnit-formatted test results", Duration: 5 * time.Second},
			}},
		},
		Suites: []jenkinstest.Suite{{Name: "search", Cases: []jenkinstest.Case{
			{Class: "search.RankTest", Name: "ranksByPlays", Duration: 300 * time.Millisecond},
			{Class: "search.RankTest", Name: "ranksByTaste", Duration: 200 * time.Millisecond},
			{Class: "search.IndexTest", Name: "big", Skipped: true},
		}}},
		Coverage: &jenkinstest.Covered{
			Project: map[string]jenkinstest.Fraction{"line": {Covered: 8, Total: 10}, "branch": {Covered: 1, Total: 4}},
			Changed: map[string]jenkinstest.Fraction{"line": {Covered: 1, Total: 2}},
			Delta:   map[string]float64{"line": -1.5}, Words: map[string]string{"loc": "8063"},
			Files: []jenkinstest.ChangedFile{{Path: "search/rank.go", Blocks: []jenkinstest.Block{{First: 3, Last: 5, State: "COVERED"}, {First: 8, Last: 8, State: "MISSED"}, {First: 9, Last: 10, State: "PARTIALLY_COVERED"}}}},
		},
		Artifacts: []jenkinstest.Artifact{{Path: "build/search 1.0.tar.gz", Content: []byte("archive")}, {Path: "far.bin", Elsewhere: "https://bucket.larkfold.example/far.bin?signature=SECRET"}},
	}
}

// Failing is Good, but one test fails.
func Failing() jenkinstest.Plan {
	p := Good()
	p.Suites[0].Cases[1].Failure, p.Suites[0].Cases[1].Stack = "expected [a b] but was [b a]", "at search.RankTest.ranksByTaste(RankTest.java:42)"
	return p
}

// Broken is a plan whose build fails after 30 s.
func Broken() jenkinstest.Plan {
	p := Good()
	p.Stages[1].Steps[0] = jenkinstest.Step{Name: "Shell Script", Detail: "make", Log: "compiling a\nerror: x < y & z", Duration: 20 * time.Second, Failure: "script returned exit code 2"}
	return p
}

// Set sets the stage.
func Set(t testing.TB, settings jenkinstest.Settings) *Stage {
	t.Helper()
	clock := &Clock{now: Now}
	if settings.Now == nil {
		settings.Now = clock.Now
	}
	s := jenkinstest.New(settings)
	t.Cleanup(s.Close)
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	s.AddUser(jenkinstest.User{ID: Ada, FullName: "Ada Lark", Token: AdaToken, Password: AdaPassword, Build: true})
	s.AddUser(jenkinstest.User{ID: Max, FullName: "Max", Token: MaxToken})
	must(s.AddFolder("music", "All that sounds"))
	must(s.AddMultibranch("music/search", ""))
	must(s.AddFolder("music/tools", ""))
	branch := func(name string, job jenkinstest.Job) {
		t.Helper()
		_, err := s.AddBranch("music/search", name, job)
		must(err)
	}
	branch("main", jenkinstest.Job{Remote: Remote, Head: Head, Plans: []jenkinstest.Plan{Good()}})
	branch("feature/ranking", jenkinstest.Job{Remote: Remote, Head: Head, Plans: []jenkinstest.Plan{Failing(), Good()}})
	branch("PR-7", jenkinstest.Job{Remote: Remote, Head: Head, Plans: []jenkinstest.Plan{Broken()},
		Object: &jenkinstest.Object{Title: "Rank by taste", URL: "https://git.larkfold.example/larkfold/search/pull/7"}})
	must(s.AddJob(Lint, jenkinstest.Job{Description: "<b>Style</b> of all tools", Plans: []jenkinstest.Plan{{Stages: []jenkinstest.Stage{{Name: "Lint", Steps: []jenkinstest.Step{{Name: "Shell Script", Detail: "lint", Duration: time.Minute}}}}}}}))
	must(s.AddJob(Nightly, jenkinstest.Job{Kind: jenkinstest.Freestyle, Remote: Remote, Head: Old, Plans: []jenkinstest.Plan{Good()}}))
	must(s.AddJob(Deploy, jenkinstest.Job{Parameters: []jenkinstest.Parameter{
		{Name: "ENVIRONMENT", Description: "Where to", Choices: []string{"staging", "production"}},
		{Name: "VERSION", Default: "latest"}, {Name: "DRY_RUN", Flag: true, Default: "true"}, {Name: "PASSWORD", Secret: true, Default: "PLANTED"},
	}, Plans: []jenkinstest.Plan{Good()}}))
	must(s.AddJob(Release, jenkinstest.Job{Plans: []jenkinstest.Plan{{Stages: []jenkinstest.Stage{
		{Name: "Approve", Steps: []jenkinstest.Step{{Name: "Wait for interactive input", Asks: "Publish it?"}}},
		{Name: "Publish", Steps: []jenkinstest.Step{{Name: "Shell Script", Detail: "publish", Duration: time.Minute}}},
	}}}}))
	// Three builds of main, of which the second fails a test: an hour apart, the latest an hour ago.
	change := jenkinstest.Change{Commit: Head, Message: "Rank by plays\n\nThe rest is as it was.", Author: "Ada Lark", At: Now.Add(-2 * time.Hour), Paths: []string{"rank.go"}}
	must(s.Past(Main, Now.Add(-3*time.Hour), Good(), jenkinstest.Trigger{Commit: Old}))
	must(s.Past(Main, Now.Add(-2*time.Hour), Failing(), jenkinstest.Trigger{Commit: Old}))
	must(s.Past(Main, Now.Add(-time.Hour), Good(), jenkinstest.Trigger{Commit: Head, Changes: []jenkinstest.Change{change}}))
	must(s.Past(Nightly, Now.Add(-9*time.Hour), Good(), jenkinstest.Trigger{Cause: jenkinstest.Cause{Class: "hudson.triggers.TimerTrigger$TimerTriggerCause", Text: "Started by timer"}, Changes: []jenkinstest.Change{change}}))
	must(s.Past(Lint, Now.Add(-time.Hour), jenkinstest.Plan{Stages: []jenkinstest.Stage{{Name: "Lint", Steps: []jenkinstest.Step{{Name: "Shell Script", Log: strings.Repeat("a line of forty bytes, with its end ....\n", 1000), Duration: time.Minute}}}}},
		jenkinstest.Trigger{Cause: jenkinstest.Cause{Class: "hudson.model.Cause$UpstreamCause", Text: "Started by upstream project", Upstream: Main, Number: 3}}))
	return &Stage{Server: s, Clock: clock}
}
