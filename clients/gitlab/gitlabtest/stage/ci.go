package stage

import (
	"fmt"
	"strings"
	"time"

	"callboard.dev/callboard/clients/gitlab/gitlabtest/ci"
)

// Log is what the tests write: a thousand numbered lines of 16 bytes.
var Log = func() string {
	var out strings.Builder
	for i := range 1000 {
		fmt.Fprintf(&out, "line %010d\n", i) // 16 bytes
	}
	return out.String()
}()

// Jobs returns what a pipeline of Search does: a build of 10 seconds; tests of a minute, that may fail and then succeed when they are retried, beside a
// look at the style that may fail and does; then another pipeline, and a deployment that waits for somebody.
func Jobs(coverage float64, fails bool) []*ci.Job {
	passed := []ci.TestCase{{Name: "TestRank", Class: "search", File: "rank_test.go", Seconds: 1.5}, {Name: "TestTaste", Class: "search", Status: ci.Skipped}}
	unit := &ci.Job{Name: "unit", Stage: "test", Duration: time.Minute, Coverage: coverage, Log: Log, Tags: []string{"linux"}, Tests: passed,
		Files: map[string]string{"coverage/index.html": "<p>80%</p>", "junit.xml": "<testsuite/>"}, Artifacts: []ci.Artifact{{Kind: "junit", Name: "junit.xml.gz", Format: "gzip", Size: 120}}}
	if fails {
		again := *unit
		unit.Again, unit.Outcome = &again, ci.Failed
		unit.Tests = []ci.TestCase{{Name: "TestRank", Class: "search", File: "rank_test.go", Status: ci.Failed, Seconds: 1.25, Output: "want 1, got 2", Stack: "rank_test.go:7", RecentFailures: 3}, passed[1]}
	}
	return []*ci.Job{
		{Name: "compile", Stage: "build", Duration: 10 * time.Second, Log: "go build\n"}, unit,
		{Name: "style", Stage: "test", Duration: 5 * time.Second, AllowFailure: true, Outcome: ci.Failed},
		{Name: "images", Stage: "deploy", Child: &ci.Pipeline{Jobs: []*ci.Job{{Name: "image", Stage: "build", Duration: 20 * time.Second}}}},
		{Name: "production", Stage: "deploy", Manual: true, AllowFailure: true},
	}
}

// Pipelines are the ids of what Run has begun.
type Pipelines struct {
	Old    [3]int64 // of main, over for days, the oldest first; their coverage is 80, 81.25 and 82.5 percent
	Child  int64    // of the newest of Old
	Failed int64    // of merge request 1, over for an hour: its tests have failed
	Player int64    // of Player
}

// Run lets pipelines of Search and Player run, up to Now. Pushes to Search begin some from then on.
func (s *Stage) Run() Pipelines {
	s.t.Helper()
	s.must(s.SetCI(Search, Jobs(82.5, false)))
	var out Pipelines
	add := func(path string, p ci.Pipeline) int64 {
		s.t.Helper()
		id, err := s.AddPipeline(path, p)
		s.must(err)
		return id
	}
	for i := range out.Old {
		out.Old[i] = add(Search, ci.Pipeline{Ref: "main", User: "ada", CreatedAt: Now.AddDate(0, 0, i-5), Jobs: Jobs(80+1.25*float64(i), false), SHA: s.Head})
	}
	for _, p := range s.Server.Pipelines(Search) {
		if p.Parent == out.Old[2] {
			out.Child = p.ID
		}
	}
	out.Failed = add(Search, ci.Pipeline{Name: "Merge request", MergeRequest: 1, User: "ada", CreatedAt: Now.Add(-time.Hour), Jobs: Jobs(79, true), Variables: []ci.Variable{{Key: "LEVEL", Value: "3"}}})
	out.Player = add(Player, ci.Pipeline{Ref: "main", User: "rita", CreatedAt: Now.Add(-2 * time.Hour), Jobs: []*ci.Job{{Name: "test"}}})
	return out
}
