package reports_test

import (
	"errors"
	"fmt"
	"reflect"
	"strings"
	"testing"

	"callboard.dev/callboard/clients"
	"callboard.dev/callboard/subgraphs/pipelines/ci"
	"callboard.dev/callboard/subgraphs/pipelines/coverage"
	"callboard.dev/callboard/subgraphs/pipelines/reports"
)

// lcov is a report of one file with lines from 1 on, of which the first so many were run.
func lcov(file string, covered, total int) string {
	out := "SF:" + file + "\n"
	for n := range total {
		hits := 0
		if n < covered {
			hits = 1
		}
		out += fmt.Sprintf("DA:%d,%d\n", n+1, hits)
	}
	return out + "end_of_record\n"
}

// TestChange compares what go test wrote at the head of a change with what it wrote where the change began. Lines with code are those of Go's blocks:
//
//	base   queue/queue.go   4 5 8 were run, 6 7 not (negative numbers)                     3 of 5
//	       radio/radio.go   4 5 6 were run                                                 3 of 3     6 of 8 are 75 %
//	head   queue/queue.go   4 5 8 of the new function were run, 6 7 not; Double, eight
//	                        lines further down: 12 13 14 15 16 were run                    8 of 10
//	       radio/radio.go   nothing was run, as its test is gone                           0 of 3     8 of 13 are 61.54 %
//
// The change wrote the lines 3 to 10 of queue/queue.go, of which 4 to 8 have code.
func TestChange(t *testing.T) {
	p, s := newPlayer(t), newStage(t, nil)
	s.commits(p)
	for i, commit := range []string{p.before, p.base, p.head} {
		s.collect(run(commit, i+1), map[string]string{"out/coverage.out": p.profiles[commit]})
	}
	c, err := s.CoverageChange(t.Context(), s.of, p.comparison(), p.head)
	if err != nil {
		t.Fatal(err)
	}
	if c.Base != p.base || !c.Exact || !c.Complete || c.Head != p.head {
		t.Errorf("%+v", c)
	}
	if c.Coverage.Base.Lines != (coverage.Count{Covered: 6, Total: 8}) || c.Coverage.Head.Lines != (coverage.Count{Covered: 8, Total: 13}) {
		t.Errorf("%+v and %+v", c.Coverage.Base, c.Coverage.Head)
	}
	if points, ok := c.Coverage.Lines(); !ok || fmt.Sprintf("%.2f", points) != "-13.46" {
		t.Error(points, ok)
	}
	if c.Coverage.Added != (coverage.Count{Covered: 3, Total: 5}) {
		t.Errorf("added %+v", c.Coverage.Added)
	}
	if got, want := printed(c.Coverage.Files), strings.Join([]string{
		"queue/queue.go COMPARED 3/5 to 8/10, added 3/5 without [6 7], now tested [14 15], no longer []",
		"queue/queue_test.go NO_LINES 0/0 to 0/0, added 0/0 without [], now tested [], no longer []",
		"radio/radio_test.go NO_LINES 0/0 to 0/0, added 0/0 without [], now tested [], no longer []",
	}, "\n"); got != want {
		t.Errorf("%s\nwant\n%s", got, want)
	}
	if got, want := printed(c.Coverage.Elsewhere), "radio/radio.go COMPARED 3/3 to 0/3, added 0/0 without [], now tested [], no longer [4 5 6]"; got != want {
		t.Errorf("elsewhere\n%s\nwant\n%s", got, want)
	}
	if len(c.Flags) != 1 || c.Flags[0].Flag != "CI" || len(c.OnlyBase)+len(c.OnlyHead)+len(c.Unlike) != 0 {
		t.Errorf("%+v", c)
	}
}

// TestChangeBefore compares with the newest commit before the merge base that has a report, and says so: the change is what it was, and nothing is said of which
// lines elsewhere are tested now, as other changes lie between.
//
//	before   queue/queue.go   3 of 5 are 60 %
func TestChangeBefore(t *testing.T) {
	p, s := newPlayer(t), newStage(t, nil)
	s.commits(p)
	for i, commit := range []string{p.before, p.head} {
		s.collect(run(commit, i+1), map[string]string{"cover.out": p.profiles[commit]})
	}
	c, err := s.CoverageChange(t.Context(), s.of, p.comparison(), p.head)
	if err != nil {
		t.Fatal(err)
	}
	if c.Base != p.before || c.Exact || c.Coverage.Elsewhere != nil || c.Coverage.Added != (coverage.Count{Covered: 3, Total: 5}) || c.Coverage.Base.Lines != (coverage.Count{Covered: 3, Total: 5}) {
		t.Errorf("%+v, %+v", c, c.Coverage)
	}
	if got, want := printed(c.Coverage.Files[:1]), "queue/queue.go COMPARED 3/5 to 8/10, added 3/5 without [6 7], now tested [], no longer []"; got != want {
		t.Errorf("%s\nwant\n%s", got, want)
	}
}

// TestChangeAlone says what a change added where no commit before it has a report.
func TestChangeAlone(t *testing.T) {
	p, s := newPlayer(t), newStage(t, nil)
	s.commits(p)
	if c, err := s.CoverageChange(t.Context(), s.of, p.comparison(), p.head); c != nil || err != nil {
		t.Error(c, err)
	}
	s.collect(run(p.head, 1), map[string]string{"cover.out": p.profiles[p.head]})
	c, err := s.CoverageChange(t.Context(), s.of, p.comparison(), p.head)
	if err != nil || c.Base != "" || c.Exact || c.Coverage.Added != (coverage.Count{Covered: 3, Total: 5}) || c.Coverage.Head.Lines.Total != 13 {
		t.Fatalf("%+v, %v", c, err)
	}
	if _, ok := c.Coverage.Lines(); ok {
		t.Error("a change against nothing")
	}
}

// TestChangeFlags never compares what ran more tests with what ran fewer: what one side lacks is left out on the other.
func TestChangeFlags(t *testing.T) {
	p := newPlayer(t)
	rules := func(string, string) []reports.Rule {
		return []reports.Rule{{Kind: reports.KindCoverage, Files: []string{"unit.info"}, Flag: "unit"}, {Kind: reports.KindCoverage, Files: []string{"whole.info"}, Flag: "integration"},
			{Kind: reports.KindCoverage, Files: []string{"old.info"}, Flag: "old"}}
	}
	s := newStage(t, func(c *reports.Config) { c.Rules = rules })
	s.commits(p)
	const file = "queue/queue.go"
	s.collect(run(p.base, 1), map[string]string{"unit.info": lcov(file, 4, 10), "old.info": lcov(file, 10, 10)})
	s.collect(run(p.head, 2), map[string]string{"unit.info": lcov(file, 5, 10), "whole.info": lcov(file, 9, 10)})
	c, err := s.CoverageChange(t.Context(), s.of, p.comparison(), p.head)
	if err != nil {
		t.Fatal(err)
	}
	if points, ok := c.Coverage.Lines(); !ok || fmt.Sprintf("%.2f", points) != "10.00" {
		t.Error(points, ok)
	}
	if len(c.Flags) != 1 || c.Flags[0].Flag != "unit" || !reflect.DeepEqual(c.OnlyHead, []string{"integration"}) || !reflect.DeepEqual(c.OnlyBase, []string{"old"}) {
		t.Errorf("%+v", c)
	}
	// all flags together have each line once
	all, err := s.Coverage(t.Context(), s.of, p.head)
	if err != nil || all.Totals.Lines != (coverage.Count{Covered: 9, Total: 10}) || len(all.Flags) != 2 || all.Flags[0].Flag != "integration" || all.Flags[1].Totals.Lines.Covered != 5 {
		t.Errorf("%+v, %v", all, err)
	}
	// a merge base whose reports are of other flags alone is like one without
	s.collect(run(p.before, 3), map[string]string{"whole.info": lcov(file, 9, 10)})
	s2 := newStage(t, func(c *reports.Config) { c.Rules = rules })
	s2.commits(p)
	s2.collect(run(p.base, 1), map[string]string{"old.info": lcov(file, 10, 10)})
	s2.collect(run(p.before, 2), map[string]string{"unit.info": lcov(file, 5, 10)})
	s2.collect(run(p.head, 3), map[string]string{"unit.info": lcov(file, 5, 10)})
	if c, err = s2.CoverageChange(t.Context(), s2.of, p.comparison(), p.head); err != nil || c.Base != p.before || c.Exact {
		t.Errorf("%+v, %v", c, err)
	}
}

// TestChangeUnlocated leaves out what has the paths of the repository on one side alone: no file of it would be found on the other.
func TestChangeUnlocated(t *testing.T) {
	p, s := newPlayer(t), newStage(t, nil)
	s.commits(p)
	s.collect(run(p.base, 1), map[string]string{"cover.out": p.profiles[p.base]})
	s.system.filesErr = clients.ErrForbidden
	s.collect(run(p.head, 2), map[string]string{"cover.out": p.profiles[p.head]})
	all, err := s.Coverage(t.Context(), s.of, p.head)
	if err != nil || all.Flags[0].Located || all.Report.File("larkfold.example/player/queue/queue.go") == nil {
		t.Fatalf("%+v, %v", all, err)
	}
	c, err := s.CoverageChange(t.Context(), s.of, p.comparison(), p.head)
	if err != nil || !reflect.DeepEqual(c.Unlike, []string{"CI"}) || len(c.Flags) != 0 || c.Coverage.Head.Lines.Total != 0 {
		t.Errorf("%+v, %v", c, err)
	}
}

// TestFilesPartly keeps the paths of files that are not in an incomplete list.
func TestFilesPartly(t *testing.T) {
	p, s := newPlayer(t), newStage(t, nil)
	s.system.files[p.base], s.system.partial = []string{"queue/queue.go", "README.md"}, true
	s.collect(run(p.base, 1), map[string]string{"cover.out": p.profiles[p.base]})
	all, err := s.Coverage(t.Context(), s.of, p.base)
	if err != nil || all.Report.File("queue/queue.go") == nil || all.Report.File("larkfold.example/player/radio/radio.go") == nil || all.Totals.Lines.Total != 8 || all.Flags[0].Foreign != 0 {
		t.Errorf("%+v, %v", all, err)
	}
}

// TestNames refuses what names no repository and no commit.
func TestNames(t *testing.T) {
	p, s := newPlayer(t), newStage(t, nil)
	if _, err := s.Coverage(t.Context(), reports.Repository{System: s.of.System, Path: "larkfold"}, p.head); !errors.Is(err, reports.ErrNoRepository) {
		t.Error(err)
	}
	if _, err := s.Coverage(t.Context(), reports.Repository{}, p.head); !errors.Is(err, reports.ErrNoRepository) {
		t.Error(err)
	}
	if _, err := s.Tests(t.Context(), s.of, "main", ""); !errors.Is(err, ci.ErrInvalid) {
		t.Error(err)
	}
	for text, want := range map[string]string{
		"https://github.example/larkfold/player":              "larkfold/player",
		"https://github.example/larkfold/player/pull/12":      "larkfold/player",
		"https://ada:secret@github.example/larkfold/player":   "larkfold/player",
		"git@github.example:larkfold/player.git":              "larkfold/player",
		"ssh://git@github.example:2222/larkfold/player.git":   "larkfold/player",
		"github.example/larkfold/player":                      "larkfold/player",
		"GitHub.example/larkfold/player":                      "larkfold/player",
		"https://gitlab.example/larkfold/player":              "",
		"github.example/larkfold":                             "",
		"larkfold/player":                                     "",
		"":                                                    "",
		"https://github.example@evil.example/larkfold/player": "",
		"file:///larkfold/player":                             "",
	} {
		of, ok := s.Find(text)
		if ok != (want != "") || of.Path != want {
			t.Errorf("%s is %q, %v", text, of.Path, ok)
		}
	}
}

// printed shows what became of files.
func printed(files []coverage.Change) string {
	var out []string
	for _, f := range files {
		count := func(c coverage.Count) string { return fmt.Sprintf("%d/%d", c.Covered, c.Total) }
		out = append(out, fmt.Sprintf("%s %s %s to %s, added %s without %v, now tested %v, no longer %v", f.Path, f.Verdict, count(f.Base.Lines), count(f.Head.Lines), count(f.Added), f.Untested, f.Covered, f.Uncovered))
	}
	return strings.Join(out, "\n")
}
