package reports_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"callboard.dev/callboard/clients"
	"callboard.dev/callboard/subgraphs/pipelines/ci"
	"callboard.dev/callboard/subgraphs/pipelines/coverage"
	"callboard.dev/callboard/subgraphs/pipelines/reports"
	"callboard.dev/callboard/subgraphs/pipelines/testreport"
)

const junit = `<testsuite name="s"><testcase classname="c" name="a"/><testcase classname="c" name="b"><failure message="no"/></testcase></testsuite>`

func gzipped(t testing.TB, text string) []byte {
	t.Helper()
	var out bytes.Buffer
	z := gzip.NewWriter(&out)
	if _, err := z.Write([]byte(text)); err != nil || z.Close() != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

// TestCollect finds the reports that tools usually write in what a run left, whatever the archives are called, and knows then what came of its tests.
func TestCollect(t *testing.T) {
	p, s := newPlayer(t), newStage(t, nil)
	s.commits(p)
	r := run(p.base, 1)
	s.system.leave("go", true, packed(t, map[string]string{"coverage.out": p.profiles[p.base], "go-test.json": p.events[p.base], "notes.txt": "mode: none"}))
	s.system.leave("web", true, packed(t, map[string]string{"reports/junit.xml": junit}))
	s.system.left = append(s.system.left, ci.Artifact{Key: "9", Name: "old", Archive: true, Expired: true})
	if err := s.Collect(t.Context(), s.of, r); err != nil {
		t.Fatal(err)
	}
	tests, err := s.Tests(t.Context(), s.of, strings.ToUpper(p.base), r.Key)
	if err != nil || tests == nil {
		t.Fatal(tests, err)
	}
	// one test of each package of the program, and the two of the page
	if got := tests.Report.Totals(); got.Passed != 3 || got.Failed != 1 || len(tests.Flags) != 1 || tests.Flags[0] != "CI" || tests.Runs[0] != r.Key || !tests.At.Equal(r.CreatedAt) {
		t.Errorf("%+v, %+v", got, tests)
	}
	if tests, err := s.Tests(t.Context(), s.of, p.base, "larkfold/player#r2"); tests != nil || err != nil {
		t.Error("another run has", tests, err)
	}
	if c, err := s.Coverage(t.Context(), s.of, p.base); err != nil || c.Totals.Lines != (coverage.Count{Covered: 6, Total: 8}) || !c.Flags[0].Located || c.Flags[0].Branch != "main" {
		t.Errorf("%+v, %v", c, err)
	}
	if len(s.log.text) != 0 || s.system.opened != 2 {
		t.Errorf("%d fetched, and logged %q", s.system.opened, s.log.text)
	}
}

// TestCollectOnce has several ask at once, in two processes, and again later: each artifact is fetched once.
func TestCollectOnce(t *testing.T) {
	p := newPlayer(t)
	var config reports.Config
	s := newStage(t, func(c *reports.Config) { config = *c })
	s.commits(p)
	other := reports.New(config)
	s.system.gate = make(chan struct{})
	s.system.leave("go", true, packed(t, map[string]string{"coverage.out": p.profiles[p.base]}))
	r := run(p.base, 1)
	var all sync.WaitGroup
	errs := make(chan error, 20)
	for i := range 20 {
		who := []*reports.Reports{s.Reports, other}[i%2]
		all.Go(func() { errs <- who.Collect(t.Context(), s.of, r) })
	}
	close(s.system.gate)
	all.Wait()
	close(errs)
	for err := range errs {
		if err != nil {
			t.Error(err)
		}
	}
	for _, who := range []*reports.Reports{s.Reports, other, reports.New(config)} {
		if err := who.Collect(t.Context(), s.of, r); err != nil {
			t.Error(err)
		}
	}
	if s.system.opened != 1 || s.system.listed != 1 {
		t.Errorf("listed %d times, fetched %d times", s.system.listed, s.system.opened)
	}
	again := run(p.base, 1)
	again.Attempt = 2
	if err := s.Collect(t.Context(), s.of, again); err != nil || s.system.opened != 2 {
		t.Error("another attempt:", s.system.opened, err)
	}
}

// TestCollectAgain tries again after what passes, and not after what does not.
func TestCollectAgain(t *testing.T) {
	p := newPlayer(t)
	var config reports.Config
	s := newStage(t, func(c *reports.Config) { config = *c })
	s.commits(p)
	s.system.leave("go", true, packed(t, map[string]string{"coverage.out": p.profiles[p.base], "coverage.xml": "<html/>", "junit.xml": "<testsuite>"}))
	r := run(p.base, 1)
	s.system.openErr = &clients.Error{Kind: clients.ErrUnavailable, Source: "github.example"}
	if err := s.Collect(t.Context(), s.of, r); !errors.Is(err, clients.ErrUnavailable) {
		t.Error(err)
	}
	s.system.openErr, s.system.filesErr = nil, &clients.Error{Kind: clients.ErrLimited, Source: "github.example"}
	if err := s.Collect(t.Context(), s.of, r); !errors.Is(err, clients.ErrLimited) {
		t.Error(err)
	}
	stopped, stop := context.WithCancel(t.Context())
	stop()
	if err := s.Collect(stopped, s.of, r); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	if c, err := s.Coverage(t.Context(), s.of, p.base); c != nil || err != nil || len(s.log.text) != 0 && !strings.Contains(s.log.text[0], "coverage.xml") {
		t.Error(c, err, s.log.text)
	}
	s.system.filesErr, s.log.text = nil, nil
	for range 3 {
		if err := reports.New(config).Collect(t.Context(), s.of, r); err != nil {
			t.Error(err)
		}
	}
	if len(s.log.text) != 2 || !strings.Contains(strings.Join(s.log.text, "\n"), "coverage.xml") || !strings.Contains(strings.Join(s.log.text, "\n"), "junit.xml") {
		t.Errorf("logged %q", s.log.text)
	}
	c, err := s.Coverage(t.Context(), s.of, p.base)
	if err != nil || c.Totals.Lines.Total != 8 || len(c.Flags[0].Unread) != 1 || c.Flags[0].Unread[0].Name != "go > coverage.xml" {
		t.Errorf("%+v, %v", c, err)
	}
	if tests, err := s.Tests(t.Context(), s.of, p.base, ""); tests != nil || err != nil {
		t.Errorf("a report that was cut short: %+v, %v", tests, err)
	}
}

// TestCollectNothing asks nobody about what cannot have left reports.
func TestCollectNothing(t *testing.T) {
	p, s := newPlayer(t), newStage(t, nil)
	running, nowhere := run(p.base, 1), run("", 2)
	running.Status = ci.Running
	for _, r := range []*ci.Run{nil, running, nowhere} {
		if err := s.Collect(t.Context(), s.of, r); err != nil {
			t.Error(err)
		}
	}
	if err := newStage(t, func(c *reports.Config) { c.Rules = func(string, string) []reports.Rule { return nil } }).Collect(t.Context(), s.of, run(p.base, 3)); err != nil {
		t.Error(err)
	}
	if s.system.listed != 0 {
		t.Errorf("asked %d times", s.system.listed)
	}
}

// TestCollectFiles reads artifacts that are files, packed with gzip or not, as GitLab and Jenkins have them; the repository of a run of Jenkins is found by its remote.
func TestCollectFiles(t *testing.T) {
	p := newPlayer(t)
	jenkins := &system{}
	s := newStage(t, nil)
	s.commits(p)
	from := systemAt(t, "jenkins.example", ci.Jenkins, nil, jenkins)
	jenkins.leave("build/TEST-a.xml", false, []byte(junit))
	jenkins.leave("build/junit.xml.gz", false, gzipped(t, strings.ReplaceAll(junit, `"c"`, `"d"`)))
	jenkins.leave("cover.out", false, []byte(p.profiles[p.base]))
	jenkins.leave("reports.zip", false, packed(t, map[string]string{"x/lcov.info": lcov("radio/radio.go", 0, 9)}))
	jenkins.leave("program.tar.gz", false, []byte("\x1f\x8bnothing"))
	r := run(p.base, 1)
	r.Key, r.Remote, r.Repository = "player#1", "git@github.example:larkfold/player.git", ""
	if err := s.Collect(t.Context(), reports.Repository{System: from}, r); err != nil {
		t.Fatal(err)
	}
	tests, err := s.Tests(t.Context(), s.of, p.base, "player#1")
	if err != nil || tests == nil || tests.Report.Totals().Cases() != 4 {
		t.Errorf("%+v, %v", tests, err)
	}
	// three of nine lines of the radio are in the other report too
	if c, err := s.Coverage(t.Context(), s.of, p.base); err != nil || c.Totals.Lines != (coverage.Count{Covered: 6, Total: 14}) {
		t.Errorf("%+v, %v", c, err)
	}
	if jenkins.opened != 4 || len(s.log.text) != 0 {
		t.Errorf("%d fetched, and logged %q", jenkins.opened, s.log.text)
	}
	r.Remote = "https://elsewhere.example/larkfold/player"
	if err := s.Collect(t.Context(), reports.Repository{System: from}, r); !errors.Is(err, reports.ErrNoRepository) {
		t.Error(err)
	}
}

// TestCollectAttempts leaves out what earlier attempts of a run left, which GitHub lists behind.
func TestCollectAttempts(t *testing.T) {
	p, s := newPlayer(t), newStage(t, nil)
	s.system.leave("tests", true, packed(t, map[string]string{"junit.xml": `<testsuite><testcase name="a"/></testsuite>`}))
	s.system.leave("tests", true, packed(t, map[string]string{"junit.xml": `<testsuite><testcase name="a"><failure/></testcase></testsuite>`}))
	if err := s.Collect(t.Context(), s.of, run(p.base, 1)); err != nil {
		t.Fatal(err)
	}
	if tests, err := s.Tests(t.Context(), s.of, p.base, ""); err != nil || tests.Report.Totals().Failed != 0 || tests.Report.Totals().Cases() != 1 {
		t.Errorf("%+v, %v", tests, err)
	}
}

// TestCollectFork keeps the series of a branch free of what pull requests report, whose branches have the names their authors like.
func TestCollectFork(t *testing.T) {
	p, s := newPlayer(t), newStage(t, nil)
	s.commits(p)
	fork := run(p.head, 2)
	fork.Trigger = ci.ByPullRequest
	s.collect(run(p.base, 1), map[string]string{"cover.out": p.profiles[p.base]})
	s.collect(fork, map[string]string{"cover.out": p.profiles[p.head]})
	series, err := s.CoverageSeries(t.Context(), s.of, "main", nil, time.Time{}, time.Time{}, 0)
	if err != nil || len(series.Points) != 1 || series.Points[0].Commit != p.base || series.Points[0].Percent != 75 || series.Flag != "CI" {
		t.Errorf("%+v, %v", series, err)
	}
}

// TestSeries follows a branch over time.
func TestSeries(t *testing.T) {
	p := newPlayer(t)
	s := newStage(t, func(c *reports.Config) {
		c.Rules = func(string, string) []reports.Rule {
			return []reports.Rule{{Kind: reports.KindCoverage, Files: []string{"unit.info"}, Flag: "unit"}, {Kind: reports.KindCoverage, Files: []string{"all.info"}, Flag: "all"}}
		}
	})
	s.commits(p)
	for i, commit := range []string{p.before, p.base, p.head} {
		s.collect(run(commit, i+1), map[string]string{"unit.info": lcov("queue/queue.go", i+1, 4)})
	}
	s.collect(run(p.head, 4), map[string]string{"all.info": lcov("queue/queue.go", 4, 4)})
	all := "all"
	none := "none"
	hours := func(n int) time.Time { return began.Add(time.Duration(n) * time.Hour) }
	for name, c := range map[string]struct {
		flag     *string
		from, to time.Time
		most     int
		want     string
	}{
		"of most reports": {nil, time.Time{}, time.Time{}, 0, "unit of [all unit]: 25 50 75"},
		"of one flag":     {&all, time.Time{}, time.Time{}, 0, "all of [all unit]: 100"},
		"of no flag":      {&none, time.Time{}, time.Time{}, 0, ""},
		"in a time":       {nil, hours(2), hours(3), 0, "unit of [unit]: 50"},
		"the newest":      {nil, time.Time{}, hours(4), 2, "unit of [unit]: 50 75"},
	} {
		series, err := s.CoverageSeries(t.Context(), s.of, "main", c.flag, c.from, c.to, c.most)
		if err != nil {
			t.Fatal(err)
		}
		got := ""
		if series != nil {
			got = fmt.Sprintf("%s of %v:", series.Flag, series.Flags)
			for _, point := range series.Points {
				got += fmt.Sprintf(" %g", point.Percent)
			}
		}
		if got != c.want {
			t.Errorf("%s: %q, want %q", name, got, c.want)
		}
	}
}

// TestRules checks rules, and which files are reports by them.
func TestRules(t *testing.T) {
	for name, rule := range map[string]reports.Rule{
		"no kind": {}, "a kind": {Kind: "lint"}, "a pattern": {Kind: reports.KindTests, Files: []string{"a/[b"}}, "no pattern": {Kind: reports.KindTests, Files: []string{""}},
		"a format": {Kind: reports.KindTests, Format: string(coverage.LCOV)}, "a flag": {Kind: reports.KindTests, Flag: "a\nb"}, "an artifact": {Kind: reports.KindTests, Artifact: "["},
	} {
		if rule.Check() == nil {
			t.Errorf("%s is no mistake", name)
		}
	}
	for _, rule := range append(reports.Usual(), reports.Rule{Kind: reports.KindTests, Format: string(testreport.JUnit), Flag: "unit", Files: []string{"**/*.xml"}}) {
		if err := rule.Check(); err != nil {
			t.Error(err)
		}
	}
	p := newPlayer(t)
	for _, c := range []struct {
		pattern, file string
		want          bool
	}{
		{"junit.xml", "junit.xml", true}, {"junit.xml", "a/junit.xml", false}, {"**/junit.xml", "junit.xml", true}, {"**/junit.xml", "a/b/junit.xml", true}, {"**", "a/b/junit.xml", true},
		{"a/**/junit.xml", "a/junit.xml", true}, {"a/**/junit.xml", "b/a/junit.xml", false}, {"*/junit.xml", "a/b/junit.xml", false}, {"**/a/**/*.xml", "x/a/y/z/junit.xml", true},
		{"**/j?nit.[xy]ml", "a/junit.xml", true}, {"junit.xml", "../../junit.xml", true}, {"junit.xml", `C:\junit.xml`, false}, {"C:/junit.xml", `C:\junit.xml`, true}, {"junit.xml", "/junit.xml", true},
	} {
		s := newStage(t, func(cfg *reports.Config) {
			cfg.Rules = func(string, string) []reports.Rule {
				return []reports.Rule{{Kind: reports.KindTests, Files: []string{c.pattern}}}
			}
		})
		s.collect(run(p.base, 1), map[string]string{c.file: junit})
		if tests, err := s.Tests(t.Context(), s.of, p.base, ""); err != nil || (tests != nil) != c.want {
			t.Errorf("%s and %s: %v, %v", c.pattern, c.file, tests, err)
		}
	}
}

// TestCollectBounds refuses what is larger than a run may leave, and reads the rest.
func TestCollectBounds(t *testing.T) {
	p := newPlayer(t)
	for name, c := range map[string]struct {
		limits reports.Limits
		cases  int
		logged int
	}{
		"as it is":               {reports.Limits{}, 8, 0},
		"two artifacts":          {reports.Limits{Artifacts: 2}, 4, 2},
		"three reports":          {reports.Limits{Reports: 3}, 6, 1},
		"small artifacts":        {reports.Limits{Artifact: 100}, 0, 4},
		"few bytes in all":       {reports.Limits{Fetched: 500}, 4, 2},
		"small files":            {reports.Limits{File: 100}, 0, 4},
		"few bytes are unpacked": {reports.Limits{Unpacked: int64(len(junit)) * 5 / 2}, 4, 2},
		"few cases":              {reports.Limits{Tests: testreport.Limits{Cases: 5}}, 4, 2},
	} {
		t.Run(name, func(t *testing.T) {
			s := newStage(t, func(cfg *reports.Config) { cfg.Limits = c.limits })
			for i := range 4 {
				s.system.leave(fmt.Sprint("tests", i), true, packed(t, map[string]string{"junit.xml": junit}))
			}
			if err := s.Collect(t.Context(), s.of, run(p.base, 1)); err != nil {
				t.Fatal(err)
			}
			tests, err := s.Tests(t.Context(), s.of, p.base, "")
			if err != nil {
				t.Fatal(err)
			}
			cases, unread := 0, c.logged
			if tests != nil {
				cases, unread = tests.Report.Totals().Cases(), len(tests.Unread)
			}
			if cases != c.cases || len(s.log.text) != c.logged || unread != c.logged {
				t.Errorf("%d cases, %d unread, logged %q (an archive has %d bytes)", cases, unread, s.log.text, len(packed(t, map[string]string{"junit.xml": junit})))
			}
		})
	}
}
