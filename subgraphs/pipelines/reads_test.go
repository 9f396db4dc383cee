package pipelines_test

import (
	"context"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"callboard.dev/callboard/subgraphs/pipelines/ci"
	"callboard.dev/callboard/subgraphs/pipelines/store"
	"callboard.dev/callboard/subgraphs/pipelines/store/sqlite"
	"callboard.dev/callboard/subgraphs/pipelines/testreport"
)

// counting is a store that counts what is read.
type counting struct {
	store.Store
	bodies, heads, series atomic.Int32
}

func (c *counting) Reports(ctx context.Context, repository, kind string, commits []string) ([]store.Report, error) {
	c.bodies.Add(1)
	return c.Store.Reports(ctx, repository, kind, commits)
}

func (c *counting) ReportHeads(ctx context.Context, repository, kind string, commits []string) ([]store.Report, error) {
	c.heads.Add(1)
	return c.Store.ReportHeads(ctx, repository, kind, commits)
}

func (c *counting) Series(ctx context.Context, q store.SeriesQuery) ([]store.Report, error) {
	c.series.Add(1)
	return c.Store.Series(ctx, q)
}

// tested is a system that knows of tests.
type tested struct{ *system }

func (tested) Tests(_ context.Context, keys []string) ([]*ci.Tests, []error) {
	out := make([]*ci.Tests, len(keys))
	for i := range out {
		report, err := testreport.Parse(strings.NewReader(`<testsuite name="s"><testcase name="a" classname="c"/></testsuite>`), testreport.Settings{})
		if err != nil {
			panic(err)
		}
		out[i] = &ci.Tests{Report: report, Done: true}
	}
	return out, make([]error, len(keys))
}

// TestSeriesReadsNoReports checks that a figure over time is told by what is kept beside reports, with one question for all runs, and that no report is read for it.
func TestSeriesReadsNoReports(t *testing.T) {
	counted := &counting{Store: sqlite.New("")}
	old := newWorld(t)
	id := old.run(5)
	w := openOver(t, old, tested{old.hub}, counted)
	defer w.opened.Close()
	for n, kind := range []string{store.Coverage, store.Tests} {
		for run := 1; run <= 6; run += 2 {
			digit := string(rune('0' + run))
			err := counted.SaveReport(t.Context(), store.Report{Repository: "github.com/larkfold/tiles", Commit: strings.Repeat(digit, 40), Kind: kind, Run: "larkfold/tiles#r" + digit,
				At: time.Now(), Taken: time.Now(), Covered: run, Total: 10, Failed: n, Body: []byte("not to be read")})
			if err != nil {
				t.Fatal(err)
			}
		}
	}
	const series = `query($id: ID!, $metric: PipelineMetric!) { pipelineRun(id: $id) { pipeline { series(metric: $metric, branch: "main") { points { value } } } } }`
	for metric, points := range map[string]string{
		"COVERAGE": `"points":[{"value":10},{"value":30},{"value":50}]`, "TESTS": `"points":[{"value":10},{"value":10},{"value":10}]`, "FAILED_TESTS": `"points":[{"value":1},{"value":1},{"value":1}]`,
	} {
		counted.heads.Store(0)
		w.want(w.send(t.Context(), "", series, map[string]any{"id": id, "metric": metric}), points)
		if heads, bodies := counted.heads.Load(), counted.bodies.Load(); heads != 1 || bodies != 0 {
			t.Errorf("%s: %d questions, and reports were read %d times", metric, heads, bodies)
		}
	}
}

// TestFlakyIsReadOnce checks that what is flaky on a branch is read once for all its runs.
func TestFlakyIsReadOnce(t *testing.T) {
	counted := &counting{Store: sqlite.New("")}
	old := newWorld(t)
	id := old.run(5)
	w := openOver(t, old, tested{old.hub}, counted)
	defer w.opened.Close()
	answer := w.send(t.Context(), "", `query($id: ID!) { pipelineRun(id: $id) { pipeline { runs(first: 6) { nodes { tests { total flaky { name } } } } } } }`, map[string]any{"id": id})
	if n := strings.Count(answer, `"flaky":[]`); n != 6 {
		t.Errorf("%d runs tell: %s", n, answer)
	}
	if n := counted.series.Load(); n != 1 {
		t.Errorf("it was read %d times", n)
	}
}
