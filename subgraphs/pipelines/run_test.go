package pipelines_test

import (
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"callboard.dev/callboard/subgraphs/pipelines/ci"
)

const (
	runPages = `query($id: ID!, $branch: String, $commit: GitObjectID, $status: PipelineStatus, $first: Int, $after: String) { pipeline(id: $id) { runs(branch: $branch, commit: $commit, status: $status, first: $first, after: $after) {
		nodes { number } pageInfo { hasNextPage hasPreviousPage endCursor } totalCount } } }`
	health   = `query($id: ID!, $runs: Int! = 20) { pipeline(id: $id) { health(runs: $runs) { runs succeeded failed successRate medianDuration medianQueueTime brokenSince { number } } } }`
	series   = `query($id: ID!, $metric: PipelineMetric!, $branch: String, $from: DateTime, $to: DateTime) { pipeline(id: $id) { series(metric: $metric, branch: $branch, from: $from, to: $to) { unit source points { at value commit run } } } }`
	estimate = `query($id: ID!) { pipelineRun(id: $id) { duration estimate { duration remaining method runs } } }`
)

type runPage struct {
	Pipeline struct {
		Runs *struct {
			Nodes    []struct{ Number int }
			PageInfo struct {
				HasNextPage, HasPreviousPage bool
				EndCursor                    *string
			}
		}
	}
}

// numbers are those of the runs of a page; "none" for null.
func (p runPage) numbers() string {
	if p.Pipeline.Runs == nil {
		return "none"
	}
	var out []string
	for _, n := range p.Pipeline.Runs.Nodes {
		out = append(out, fmt.Sprint(n.Number))
	}
	return strings.Join(out, " ")
}

// TestRuns checks what runs of a pipeline there are by what is asked for, and their pages.
func TestRuns(t *testing.T) {
	w := newWorld(t)
	w.hub.change("larkfold/tiles#r2", func(r *ci.Run) { r.Branch = "next" })
	id := w.pipeline()
	for _, c := range []struct {
		with    map[string]any
		numbers string
	}{
		{map[string]any{}, "6 5 4 3 2 1"},
		{map[string]any{"branch": "next"}, "2"},
		{map[string]any{"branch": "gone"}, ""},
		{map[string]any{"status": "FAILED"}, "6 5"},
		{map[string]any{"commit": strings.Repeat("4", 40)}, "4"},
		{map[string]any{"first": 2}, "6 5"},
		{map[string]any{"first": 100}, "6 5 4 3 2 1"},
		{map[string]any{"first": 0}, ""},
	} {
		c.with["id"] = id
		if got := into[runPage](w, runPages, c.with).numbers(); got != c.numbers {
			t.Errorf("%v: there are %q, wanted %q", c.with, got, c.numbers)
		}
	}
	var all []string
	with := map[string]any{"id": id, "first": 4}
	for n := range 2 {
		page := into[runPage](w, runPages, with)
		all = append(all, page.numbers())
		info := page.Pipeline.Runs.PageInfo
		if info.HasNextPage != (n == 0) || info.HasPreviousPage != (n == 1) || info.EndCursor == nil {
			t.Fatalf("page %d is %+v", n, info)
		}
		with["after"] = *info.EndCursor
	}
	if strings.Join(all, "|") != "6 5 4 3|2 1" {
		t.Errorf("the pages have %v", all)
	}
	if page := into[runPage](w, runPages, map[string]any{"id": id, "first": 0}); !page.Pipeline.Runs.PageInfo.HasNextPage {
		t.Error("after a page of none there is nothing")
	}
	for _, bad := range []map[string]any{{"first": -1}, {"first": 101}, {"after": ""}, {"after": "MTp4"}, {"after": logCursor(1, "")}} {
		bad["id"] = id
		w.want(w.ask(runPages, bad), `"code":"BAD_PAGE"`, `"runs":null`)
	}
}

// TestHealth checks the figures of how a pipeline did.
func TestHealth(t *testing.T) {
	w := newWorld(t)
	id := w.pipeline()
	for n := 1; n <= 6; n++ {
		w.hub.change(fmt.Sprintf("larkfold/tiles#r%d", n), func(r *ci.Run) { r.Waited = new(time.Duration(n) * time.Second) })
	}
	// 1 to 4 succeeded and took as many minutes; 5 and 6 failed.
	w.want(w.ask(health, map[string]any{"id": id}), `{"runs":6,"succeeded":4,"failed":2,"successRate":0.6666666666666666,"medianDuration":"PT2M30S","medianQueueTime":"PT3.5S","brokenSince":{"number":5}}`)
	w.want(w.ask(health, map[string]any{"id": id, "runs": 2}), `{"runs":2,"succeeded":0,"failed":2,"successRate":0,"medianDuration":null,"medianQueueTime":"PT5.5S","brokenSince":null}`)
	for _, runs := range []int{0, -1, 101} {
		w.want(w.ask(health, map[string]any{"id": id, "runs": runs}), `"code":"BAD_INPUT"`)
	}
	w.forget(t)
	w.hub.change(run6, func(r *ci.Run) { r.Status = ci.Running })
	w.hub.change("larkfold/tiles#r5", func(r *ci.Run) { r.Status = ci.Canceled })
	w.hub.change("larkfold/tiles#r3", func(r *ci.Run) { r.Status = ci.TimedOut })
	w.want(w.ask(health, map[string]any{"id": id}), `{"runs":5,"succeeded":3,"failed":1,"successRate":0.75,"medianDuration":"PT2M",`, `"brokenSince":null`)
	w.forget(t)
	w.hub.change("larkfold/tiles#r1", func(r *ci.Run) { r.Branch = "next" })
	w.want(w.ask(health, map[string]any{"id": id}), `{"runs":4,"succeeded":2,`)
	w.want(w.ask(`query($id: ID!) { pipeline(id: $id) { latestRun { number freshness } isDisabled file url parameters { name } } }`, map[string]any{"id": id}), `"latestRun":{"number":6,"freshness":"LIVE"}`, `"isDisabled":false`, `"parameters":null`)
}

// TestSeries checks each figure over time.
func TestSeries(t *testing.T) {
	w := newWorld(t)
	id := w.pipeline()
	for n := 1; n <= 6; n++ {
		w.hub.change(fmt.Sprintf("larkfold/tiles#r%d", n), func(r *ci.Run) {
			if n%2 == 0 {
				r.Waited, r.Coverage, r.Tests = new(time.Duration(n)*time.Second), new(70+float64(n)), &ci.TestCounts{Total: 10 * n, Passed: 9 * n, Failed: n}
			}
		})
	}
	w.hub.change("larkfold/tiles#r3", func(r *ci.Run) { r.Status = ci.Skipped })
	type points struct {
		Pipeline struct {
			Series *struct {
				Unit, Source string
				Points       []struct {
					At          time.Time
					Value       float64
					Commit, Run *string
				}
			}
		}
	}
	values := func(with map[string]any) string {
		t.Helper()
		with["id"] = id
		got := into[points](w, series, with).Pipeline.Series
		if got == nil {
			return "none"
		}
		out := got.Unit
		last := time.Time{}
		for _, p := range got.Points {
			if p.At.Before(last) || p.Run == nil || p.Commit == nil {
				t.Errorf("%v: this point is amiss: %+v", with, p)
			}
			last = p.At
			out += fmt.Sprintf(" %g", p.Value)
		}
		return out
	}
	for metric, wanted := range map[string]string{"DURATION": "s 60 120 180 240 300 360", "QUEUE_TIME": "s 2 4 6", "SUCCESS": "1 1 1 1 0 0", "COVERAGE": "% 72 74 76", "TESTS": "1 20 40 60", "FAILED_TESTS": "1 2 4 6"} {
		if got := values(map[string]any{"metric": metric}); got != wanted {
			t.Errorf("%s is %s, wanted %s", metric, got, wanted)
		}
	}
	if got := values(map[string]any{"metric": "DURATION", "from": "2026-11-01T12:00:00Z", "to": "2026-11-01T14:30:00Z"}); got != "s 120 180 240" {
		t.Errorf("between two times it is %s", got)
	}
	if got := values(map[string]any{"metric": "DURATION", "branch": "gone"}); got != "s" {
		t.Errorf("of a branch without runs it is %s", got)
	}
	// One that began before another and took longer comes after it.
	w.forget(t)
	w.hub.change("larkfold/tiles#r1", func(r *ci.Run) { r.FinishedAt = r.FinishedAt.Add(90 * time.Minute) })
	if got := values(map[string]any{"metric": "DURATION"}); got != "s 120 60 180 240 300 360" {
		t.Errorf("where one took longer it is %s", got)
	}
}

// TestEstimate checks how long a run is thought to take, and why.
func TestEstimate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) { // so that how long something runs is known
		w := newWorld(t)
		check := func(why string, texts ...string) {
			t.Helper()
			w.forget(t)
			// Each alone: who waits for what another has asked for holds up the clock of the test.
			answer := w.ask(estimate, map[string]any{"id": w.run(6)}) + w.ask(`query($id: ID!) { pipelineRun(id: $id) { estimatedRemaining } }`, map[string]any{"id": w.run(6)})
			for _, text := range texts {
				if !strings.Contains(answer, text) {
					t.Errorf("%s: it says %s, which has not %s", why, answer, text)
				}
			}
		}
		check("a run that is done", `"duration":"PT6M"`, `"estimatedRemaining":null`, `"estimate":null`)
		runs := func(branch string) {
			w.hub.change(run6, func(r *ci.Run) {
				r.Status, r.Branch, r.StartedAt, r.FinishedAt, r.Duration = ci.Running, branch, time.Now().Add(-time.Minute), time.Time{}, nil
			})
		}
		runs("main") // of it 1 to 4 succeeded
		check("its own branch", `"duration":"PT1M0`, `"estimatedRemaining":"PT1M29.99`, `"estimate":{"duration":"PT2M30S","remaining":"PT1M29.99`, `"method":"MEDIAN_OF_RUNS","runs":4}`)
		for _, n := range []int{3, 4} {
			w.hub.change(fmt.Sprintf("larkfold/tiles#r%d", n), func(r *ci.Run) { r.Branch = "next" })
		}
		check("too few of its branch", `"method":"MEDIAN_OF_RUNS","runs":4`)
		w.hub.change("larkfold/tiles#r5", func(r *ci.Run) { r.Status, r.Duration = ci.Succeeded, new(20*time.Minute) })
		check("three of its branch", `"estimate":{"duration":"PT2M","remaining":"PT59.99`, `"method":"MEDIAN_OF_RUNS","runs":3}`)
		time.Sleep(time.Hour)
		check("it has taken longer", `"duration":"PT1H1M0`, `"remaining":"PT0S"`)
		w.hub.change(run6, func(r *ci.Run) { r.Status, r.StartedAt = ci.Queued, time.Time{} })
		check("it waits", `"duration":null`, `"estimate":{"duration":"PT2M","remaining":"PT2M"`)
		w.hub.change(run6, func(r *ci.Run) { r.Estimate = new(8 * time.Minute) })
		check("the system says so", `"estimate":{"duration":"PT8M","remaining":"PT8M","method":"PROVIDER","runs":null}`)
		w.hub.change(run6, func(r *ci.Run) { r.Estimate = nil })
		for n := 1; n <= 5; n++ {
			w.hub.change(fmt.Sprintf("larkfold/tiles#r%d", n), func(r *ci.Run) { r.Status = ci.Failed })
		}
		check("none succeeded", `"estimate":null`, `"estimatedRemaining":null`)
	})
}

// TestRunByAddress checks what runs are found by addresses of pages.
func TestRunByAddress(t *testing.T) {
	w := newWorld(t)
	const byURL = `query($url: URL) { pipelineRun(url: $url) { number source } }`
	for address, wanted := range map[string]string{
		"https://github.com/larkfold/tiles/actions/runs/5":                      `{"number":5,"source":"github.com"}`,
		"https://github.com/larkfold/tiles/actions/runs/5/job/1?pr=1#s":         `{"number":5,"source":"github.com"}`,
		"https://ci.example/job/team/job/app/job/main/3/console":                `{"number":3,"source":"ci.example"}`,
		"https://github.com/larkfold/tiles/actions/runs/77":                     "null",
		"https://github.com/larkfold/tiles/actions/runs/05":                     "null",
		"https://github.com/larkfold/tiles":                                     "null",
		"https://elsewhere.example/larkfold/tiles/actions/runs/5":               "null",
		"https://github.com/larkfold/tiles/actions/runs/9999999999999999999999": "null",
	} {
		if answer := w.ask(byURL, map[string]any{"url": address}); answer != `{"data":{"pipelineRun":`+wanted+`}}` {
			t.Errorf("%s is %s", address, answer)
		}
	}
	w.want(w.ask(byURL, nil), `"code":"BAD_INPUT"`)
	w.want(w.ask(`query($id: ID, $url: URL) { pipelineRun(id: $id, url: $url) { number } }`, map[string]any{"id": w.run(5), "url": "https://github.com/larkfold/tiles/actions/runs/5"}), `"code":"BAD_INPUT"`)
}

// TestOtherIDs checks that an id is null where it names nothing, or something of another kind.
func TestOtherIDs(t *testing.T) {
	w := newWorld(t)
	before := w.hub.all()
	run, pipeline := idOf("r", "github.com", "larkfold/tiles#r5"), idOf("p", "github.com", "larkfold/tiles#w1")
	for _, id := range []string{"", "x", "====", pipeline, idOf("j", "github.com", "larkfold/tiles#r5"), idOf("r", "gone.example", "larkfold/tiles#r5"), idOf("r", "github.com", ""), run + "=", "ci1:r:github.com:larkfold/tiles#r5"} {
		w.want(w.ask(`query($id: ID) { pipelineRun(id: $id) { number } }`, map[string]any{"id": id}), `{"data":{"pipelineRun":null}}`)
		w.want(w.ask(`query($id: ID!) { _entities(representations: [{__typename: "PipelineRun", id: $id}]) { ... on PipelineRun { number } } }`, map[string]any{"id": id}), `{"data":{"_entities":[null]}}`)
	}
	for _, id := range []string{"", "x", run, idOf("p", "gone.example", "larkfold/tiles#w1")} {
		w.want(w.ask(`query($id: ID!) { pipeline(id: $id) { name } }`, map[string]any{"id": id}), `{"data":{"pipeline":null}}`)
		w.want(w.ask(`query($id: ID!) { _entities(representations: [{__typename: "Pipeline", id: $id}]) { ... on Pipeline { name } } }`, map[string]any{"id": id}), `{"data":{"_entities":[null]}}`)
	}
	if n := w.hub.all() - before; n != 0 {
		t.Errorf("for nothing the system was asked %d times", n)
	}
	w.want(w.ask(`query($id: ID) { pipelineRun(id: $id) { number } }`, map[string]any{"id": idOf("r", "github.com", "larkfold/tiles#r77")}), `{"data":{"pipelineRun":null}}`)
	w.want(w.ask(`query($a: ID!, $b: ID!) { _entities(representations: [{__typename: "PipelineRun", id: $a}, {__typename: "Pipeline", id: $b}, {__typename: "PipelineRun", id: "x"}]) { ... on PipelineRun { number } ... on Pipeline { name } } }`,
		map[string]any{"a": run, "b": pipeline}), `{"data":{"_entities":[{"number":5},{"name":"Check"},null]}}`)
}
