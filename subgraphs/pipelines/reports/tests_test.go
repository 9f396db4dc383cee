package reports_test

import (
	"errors"
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"

	"callboard.dev/callboard/subgraphs/pipelines/ci"
	"callboard.dev/callboard/subgraphs/pipelines/reports"
	"callboard.dev/callboard/subgraphs/pipelines/testreport"
)

// outcomes is a report of tests: a name with a letter behind it for how it ended, (p)assed, (f)ailed, (s)kipped or passed when it was run again, (r).
func outcomes(text string) string {
	out := "<testsuite name='s'>"
	for one := range strings.FieldsSeq(text) {
		name, how := one[:len(one)-1], map[byte]string{'p': "", 'f': "<failure message='it fails'/>", 's': "<skipped/>", 'r': "<flakyFailure message='it failed'/>"}[one[len(one)-1]]
		out += fmt.Sprintf("<testcase classname='c' name='%s'>%s</testcase>", name, how)
	}
	return out + "</testsuite>"
}

func commitOf(n int) string { return fmt.Sprintf("%040x", n) }

func names(changes []testreport.Change) string {
	var out []string
	for _, c := range changes {
		if c.Head != nil {
			out = append(out, c.Head.Name)
		} else {
			out = append(out, c.Base.Name)
		}
	}
	return strings.Join(out, " ")
}

// TestTestChange compares the tests of a run with those of the nearest commit before that has any of the same flags.
func TestTestChange(t *testing.T) {
	s := newStage(t, func(c *reports.Config) {
		c.Rules = func(string, string) []reports.Rule {
			return []reports.Rule{{Kind: reports.KindTests, Files: []string{"unit.xml"}, Flag: "unit"}, {Kind: reports.KindTests, Files: []string{"end.xml"}, Flag: "end"}}
		}
	})
	s.collect(run(commitOf(1), 1), map[string]string{"unit.xml": outcomes("ap bf cf df"), "end.xml": outcomes("xf")})
	s.collect(run(commitOf(2), 2), map[string]string{"end.xml": outcomes("xp")})
	head := run(commitOf(3), 3)
	s.collect(head, map[string]string{"unit.xml": outcomes("af bp cf ds ef")})
	tests, err := s.Tests(t.Context(), s.of, commitOf(3), head.Key)
	if err != nil {
		t.Fatal(err)
	}
	base := []string{commitOf(2), commitOf(1)}
	c, err := s.TestChange(t.Context(), s.of, base, tests.Report, tests.Flags...)
	if err != nil {
		t.Fatal(err)
	}
	if c.Base != commitOf(1) || c.Exact || len(c.Missing) != 0 || names(c.Tests.NewlyFailing) != "a e" || names(c.Tests.Fixed) != "b" || names(c.Tests.StillFailing) != "c" || names(c.Tests.Unseen) != "d" {
		t.Errorf("%+v, %+v", c, c.Tests)
	}
	// what both flags have is missing on one side, and is said
	if c, err = s.TestChange(t.Context(), s.of, base, tests.Report, "unit", "end"); err != nil || c.Base != commitOf(2) || !c.Exact || !reflect.DeepEqual(c.Missing, []string{"unit"}) {
		t.Errorf("%+v, %v", c, err)
	}
	// without flags the nearest commit with any tests is taken
	if c, err = s.TestChange(t.Context(), s.of, base, tests.Report); err != nil || c.Base != commitOf(2) {
		t.Errorf("%+v, %v", c, err)
	}
	if c, err = s.TestChange(t.Context(), s.of, []string{commitOf(9), ""}, tests.Report); err != nil || c.Base != "" || c.Exact || names(c.Tests.Failing) != "a c e" || len(c.Tests.NewlyFailing) != 0 {
		t.Errorf("%+v, %v", c, err)
	}
	if _, err = s.TestChange(t.Context(), s.of, []string{"main"}, tests.Report); !errors.Is(err, ci.ErrInvalid) {
		t.Error(err)
	}
}

// TestFlaky finds the tests that both passed and failed for one commit: as the test runner says, or as a run that was tried again.
func TestFlaky(t *testing.T) {
	s := newStage(t, nil)
	collect := func(commit, number, attempt int, text string) {
		r := run(commitOf(commit), number)
		r.Attempt, r.FinishedAt = attempt, r.FinishedAt.Add(time.Duration(attempt)*time.Minute)
		s.collect(r, map[string]string{"junit.xml": outcomes(text)})
	}
	collect(1, 1, 1, "ap br cf dp")
	collect(2, 2, 1, "af bp cf dp es")
	collect(2, 2, 2, "ap br cf dp ef") // a was fixed by being run again, and e only failed
	collect(2, 2, 3, "ap bp cf df ef") // d passed before; what a did is still known
	collect(3, 3, 1, "ap bp cp dp ep") // c failed for other commits alone
	flaky, err := s.Flaky(t.Context(), s.of, "main")
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, f := range flaky {
		var of []string
		for _, c := range f.Commits {
			of = append(of, c[39:])
		}
		got = append(got, fmt.Sprintf("%s of %s for %s in %d reports, last %s", f.Case.Name, f.Suite, strings.Join(of, " and "), f.Reports, f.Last.Format("15:04")))
	}
	want := []string{"b of s for 2 and 1 in 3 reports, last 12:00", "a of s for 2 in 3 reports, last 12:00", "d of s for 2 in 3 reports, last 12:00"}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
	tests, err := s.Tests(t.Context(), s.of, commitOf(2), "")
	if err != nil || len(tests.Flaked) != 3 || tests.Report.Totals().Failed != 3 {
		t.Errorf("%+v, %v", tests, err)
	}
	if flaky, err := s.Flaky(t.Context(), s.of, "other"); len(flaky) != 0 || err != nil {
		t.Error(flaky, err)
	}
}

// TestTexts keeps as much of what failing tests wrote as there is room for, and every case.
func TestTexts(t *testing.T) {
	s := newStage(t, func(c *reports.Config) { c.Limits.Texts = 1000 })
	long := strings.Repeat("x", 300)
	text := "<testsuite>"
	for i := range 10 {
		text += fmt.Sprintf("<testcase name='t%d'><failure message='m%d'>%s</failure></testcase>", i, i, long)
	}
	s.collect(run(commitOf(1), 1), map[string]string{"junit.xml": text + "</testsuite>"})
	tests, err := s.Tests(t.Context(), s.of, commitOf(1), "")
	if err != nil || tests.Report.Totals().Failed != 10 || tests.Report.Cut != 7 || tests.Report.Suites[0].Cases[9].Message != "m9" || tests.Report.Suites[0].Cases[2].Details != long || tests.Report.Suites[0].Cases[3].Details != "" {
		t.Errorf("%+v, %v", tests, err)
	}
}

// TestHeads knows the counts of many commits at once.
func TestHeads(t *testing.T) {
	s := newStage(t, nil)
	s.collect(run(commitOf(1), 1), map[string]string{"junit.xml": outcomes("ap bf cr ds"), "lcov.info": lcov("a.go", 1, 2)})
	s.collect(run(commitOf(2), 2), map[string]string{"junit.xml": outcomes("ap")})
	commits := []string{commitOf(2), commitOf(3), strings.ToUpper(commitOf(1)), commitOf(2)}
	for kind, want := range map[string]string{reports.KindTests: "[1/1] [] [2/4-1] [1/1]", reports.KindCoverage: "[] [] [1/2] []"} {
		heads, err := s.Heads(t.Context(), s.of, kind, commits)
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, of := range heads {
			text := ""
			for _, h := range of {
				text += fmt.Sprintf("%d/%d", h.Count.Covered, h.Count.Total)
				if h.Fails > 0 {
					text += fmt.Sprintf("-%d", h.Fails)
				}
			}
			got = append(got, "["+text+"]")
		}
		if strings.Join(got, " ") != want {
			t.Errorf("%s: %s, want %s", kind, got, want)
		}
	}
	if _, err := s.Heads(t.Context(), s.of, reports.KindTests, []string{"main"}); !errors.Is(err, ci.ErrInvalid) {
		t.Error(err)
	}
}
