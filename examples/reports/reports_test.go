package reports_test

import (
	"bytes"
	"math"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"callboard.dev/callboard/examples"
	"callboard.dev/callboard/examples/reports"
	"callboard.dev/callboard/subgraphs/pipelines/coverage"
)

func build(t *testing.T) string {
	t.Helper()
	folder := filepath.Join(t.TempDir(), "organisation")
	if err := examples.Build(t.Context(), folder, reports.Repository); err != nil {
		t.Fatal(err)
	}
	return filepath.Join(folder, reports.Repository)
}

func git(t *testing.T, folder string, args ...string) string {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), "git", append([]string{"-C", folder}, args...)...).Output()
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimSpace(string(out))
}

// The tests of every commit say today what is written down.
func TestReportsAreFresh(t *testing.T) {
	made, err := reports.Make(t.Context(), build(t))
	if err != nil {
		t.Fatal(err)
	}
	const how = "run: go run ./examples/reports/make"
	for commit, want := range made {
		got, ok := reports.Of(reports.Repository, commit)
		switch {
		case !ok:
			t.Errorf("there is no report of %s; %s", commit, how)
		case !bytes.Equal(got.Coverage, want.Coverage), !bytes.Equal(got.Tests, want.Tests):
			t.Errorf("the report of %s is stale; %s\n%s\n%s", commit, how, want.Coverage, want.Tests)
		}
	}
	for _, commit := range reports.Commits() {
		if _, ok := made[commit]; !ok {
			t.Errorf("there is a report of %s, which is no commit; %s", commit, how)
		}
	}
}

// covered reads the report of a commit, with the paths of the repository.
func covered(t *testing.T, folder, commit string) *coverage.Report {
	t.Helper()
	report, ok := reports.Of(reports.Repository, commit)
	if !ok {
		t.Fatalf("there is no report of %s", commit)
	}
	read, err := coverage.Parse(bytes.NewReader(report.Coverage), coverage.Settings{})
	if err != nil {
		t.Fatal(err)
	}
	located := read.Locate(strings.Split(git(t, folder, "ls-tree", "-r", "--name-only", commit), "\n"))
	return located.Report
}

// What the open pull request does to the coverage, counted by hand. A line has code where a block of statements begins, ends or lies on it; Go ends the last block of
// a function that begins behind an "if" with its last statement, and others with the bracket.
//
//	cmd/playback/main.go      31 lines before and after: 17-33 (17), 36-40 (5), 43-51 (9); no test runs any of them: 0 %
//	session/session.go        30 lines before and after: 30-32 (3), 35-42 (8), 45-53 (9), 57-66 (10); all are run but 62 and 63, where somebody hands over what
//	                          nobody plays: 93.33 %. The change writes line 65, which is run
//	session/crossfade.go      is new, 10 lines: 9-13 (5), 17-21 (5); run are 9, 10 and 13, which decide how long a fade is, but neither 11 and 12, where there is
//	                          nothing to fade, nor any of 17-21: 30 %
//
// Before, 28 of 61 lines were run, which is 45.90 %, and now 31 of 71, which is 43.66 %: 2.24 percentage points less. Of the 11 lines that are written, 4 are run.
// The change of each file that was there before is 0.
func TestWhatThePullRequestDoes(t *testing.T) {
	folder := build(t)
	const branch = "gapless-crossfade"
	base, head := git(t, folder, "merge-base", "main", branch), git(t, folder, "rev-parse", branch)
	before, after := covered(t, folder, base), covered(t, folder, head)
	for _, want := range []struct {
		of             *coverage.Report
		path           string
		covered, total int
	}{
		{before, "cmd/playback/main.go", 0, 31}, {before, "session/session.go", 28, 30},
		{after, "cmd/playback/main.go", 0, 31}, {after, "session/session.go", 28, 30}, {after, "session/crossfade.go", 3, 10},
	} {
		file := want.of.File(want.path)
		if file == nil {
			t.Fatalf("%s is in no report", want.path)
		}
		if got := file.Totals().Lines; got != (coverage.Count{Covered: want.covered, Total: want.total}) {
			t.Errorf("%s: %+v, want %d of %d", want.path, got, want.covered, want.total)
		}
	}
	change := coverage.Compare(before, after, []coverage.Touched{
		{Path: "session/crossfade.go", Hunks: []coverage.Hunk{{BaseStart: 0, BaseLines: 0, HeadStart: 1, HeadLines: 22}}},
		{Path: "session/session.go", Hunks: []coverage.Hunk{{BaseStart: 65, BaseLines: 1, HeadStart: 65, HeadLines: 1}}},
	})
	if points, ok := change.Lines(); !ok || math.Abs(points+2.2397) > 0.0001 {
		t.Errorf("the change is %v percentage points", points)
	}
	if change.Added != (coverage.Count{Covered: 4, Total: 11}) {
		t.Errorf("of the lines that are written, %+v are run", change.Added)
	}
	for _, file := range change.Files {
		if points, ok := file.Lines(); ok && points != 0 {
			t.Errorf("%s changes by %v", file.Path, points)
		}
	}
	if diff := git(t, folder, "diff", "-U0", base, head, "--", "session/session.go"); !strings.Contains(diff, "@@ -65 +65 @@") {
		t.Errorf("the change of session.go is\n%s", diff)
	}
}

// The coverage of main goes down when handing over comes, and up when it is tested.
func TestCoverageOfMainChanges(t *testing.T) {
	folder := build(t)
	at := func(subject string) (float64, bool) {
		return covered(t, folder, git(t, folder, "log", "--all", "--format=%H", "--grep", "^"+subject+"$")).Totals().Lines.Rate()
	}
	before, _ := at("Go 1.25")
	untested, _ := at("Hand a session over to another device")
	tested, _ := at("Test that the first device stops")
	if !(untested < before && before < tested) {
		t.Errorf("%v, then %v, then %v", before, untested, tested)
	}
	if !slices.Contains(reports.Commits(), git(t, folder, "rev-parse", "main")) {
		t.Error("there is no report of main")
	}
}
