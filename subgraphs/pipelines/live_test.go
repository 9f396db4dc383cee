package pipelines_test

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"callboard.dev/callboard/subgraphs/pipelines/ci"
	"callboard.dev/callboard/subgraphs/pipelines/logtext"
)

const (
	watchRun = `subscription($id: ID!, $after: String) { pipelineRun(id: $id, after: $after) { status attempt event missedEvents freshness source stages { name status jobs { name status } } } }`
	watchLog = `subscription($id: ID!, $job: ID, $after: String) { pipelineLog(run: $id, job: $job, after: $after) { job lines next isCutBefore hasMore isComplete } }`
)

// running has run 6 of larkfold/tiles run with one stage, and returns its id.
func (w *world) running() string {
	w.hub.change(run6, func(r *ci.Run) {
		r.Status, r.Word, r.Duration, r.FinishedAt = ci.Running, "IN_PROGRESS", nil, time.Time{}
	})
	w.hub.set(func() {
		w.hub.stages[run6] = []ci.Stage{{Name: "test", Status: ci.Running, Jobs: []ci.Job{{Key: "larkfold/tiles#j1", Name: "test", Status: ci.Running}}}}
	})
	return w.run(6)
}

const run6 = "larkfold/tiles#r6"

// event is what a subscription to a run says.
type event struct {
	Status, Event, Freshness, Source string
	Attempt                          int
	MissedEvents                     bool
	Stages                           []struct{ Name, Status string }
}

func eventOf(t testing.TB, text string) event {
	t.Helper()
	var read struct {
		Data   struct{ PipelineRun *event }
		Errors []any
	}
	if err := json.Unmarshal([]byte(text), &read); err != nil || read.Data.PipelineRun == nil || len(read.Errors) > 0 {
		t.Fatalf("this is no event of a run: %s", text)
	}
	return *read.Data.PipelineRun
}

// TestManyWatchOneRun checks that a thousand who watch one run cost one look for each interval, that they are told only what differs, and that all is over when the run is.
func TestManyWatchOneRun(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const many = 1000
		w := newWorld(t)
		id := w.running()
		time.Sleep(10 * time.Second) // what is remembered is out of date
		before := w.hub.count("Runs")
		var (
			group sync.WaitGroup
			mu    sync.Mutex
			told  = map[string]int{} // how many were told what
		)
		for range many {
			next := w.subscribe(t.Context(), watchRun, map[string]any{"id": id})
			group.Go(func() {
				for {
					text, ok := next()
					if !ok {
						return
					}
					e := eventOf(t, text)
					mu.Lock()
					told[fmt.Sprintf("%s %d %s missed=%v %s", e.Status, e.Attempt, e.Stages[0].Status, e.MissedEvents, e.Freshness)]++
					mu.Unlock()
				}
			})
		}
		synctest.Wait()
		if n := w.hub.count("Runs") - before; n != 1 {
			t.Errorf("to begin with the system was asked %d times", n)
		}
		time.Sleep(time.Minute)
		synctest.Wait()
		// A look every 5 s, give or take a tenth.
		if n := w.hub.count("Runs") - before; n < 10 || n > 15 {
			t.Errorf("within a minute the system was asked %d times", n)
		}
		w.hub.set(func() {
			w.hub.stages[run6] = []ci.Stage{{Name: "test", Status: ci.Failed, Jobs: []ci.Job{{Key: "larkfold/tiles#j1", Name: "test", Status: ci.Failed}}}}
		})
		time.Sleep(10 * time.Second)
		w.hub.change(run6, func(r *ci.Run) { r.Status = ci.Failed })
		time.Sleep(10 * time.Second)
		group.Wait()
		for _, what := range []string{"RUNNING 1 RUNNING missed=false LIVE", "RUNNING 1 FAILED missed=false LIVE", "FAILED 1 FAILED missed=false LIVE"} {
			if told[what] != many {
				t.Errorf("%d were told %s", told[what], what)
			}
		}
		if len(told) != 3 {
			t.Errorf("they were told %v", told)
		}
		asked := w.hub.all()
		time.Sleep(time.Hour)
		if n := w.hub.all() - asked; n != 0 {
			t.Errorf("nobody watches, and the system was asked %d times", n)
		}
	})
}

// TestWatchEnds checks that a subscription ends with its context, with the subgraph, and where there is nothing to watch.
func TestWatchEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		id := w.running()
		ctx, cancel := context.WithCancel(t.Context())
		next := w.subscribe(ctx, watchRun, map[string]any{"id": id})
		lines := w.subscribe(ctx, watchLog, map[string]any{"id": id})
		w.hub.set(func() { w.hub.logs[run6] = "one\n" })
		one(t, next)
		one(t, lines)
		cancel()
		over(t, next)
		over(t, lines)
		synctest.Wait()

		for _, unknown := range []string{"", "bm90aGluZw", w.pipeline(), idOf("r", "github.com", "larkfold/tiles#r77"), idOf("r", "gone.example", "larkfold/tiles#r6")} {
			next := w.subscribe(t.Context(), watchRun, map[string]any{"id": unknown})
			if text := one(t, next); text != `{"data":{"pipelineRun":null}}` {
				t.Errorf("of %q it says %s", unknown, text)
			}
			over(t, next)
			next = w.subscribe(t.Context(), watchLog, map[string]any{"id": unknown})
			if text := one(t, next); text != `{"data":{"pipelineLog":null}}` {
				t.Errorf("of the log of %q it says %s", unknown, text)
			}
			over(t, next)
		}
		w.want(one(t, w.subscribe(t.Context(), watchLog, map[string]any{"id": id, "job": id})), `"code":"BAD_INPUT"`)
		w.want(one(t, w.subscribe(t.Context(), watchLog, map[string]any{"id": id, "after": "x"})), `"code":"BAD_PAGE"`)

		next = w.subscribe(t.Context(), watchRun, map[string]any{"id": id})
		lines = w.subscribe(t.Context(), watchLog, map[string]any{"id": id})
		one(t, next)
		one(t, lines)
		_ = w.opened.Close()
		over(t, next)
		over(t, lines)
	})
}

// TestResume checks that who was cut off goes on after what was seen last, and is told where something is missing.
func TestResume(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		id := w.running()
		ctx, cancel := context.WithCancel(t.Context())
		next := w.subscribe(ctx, watchRun, map[string]any{"id": id})
		kept := w.subscribe(t.Context(), watchRun, map[string]any{"id": id}) // somebody watches on
		first := eventOf(t, one(t, next))
		cancel()
		one(t, kept)
		for attempt := 2; attempt <= 5; attempt++ {
			w.hub.change(run6, func(r *ci.Run) { r.Attempt = attempt })
			one(t, kept)
		}
		next = w.subscribe(t.Context(), watchRun, map[string]any{"id": id, "after": first.Event})
		for attempt := 2; attempt <= 5; attempt++ {
			if e := eventOf(t, one(t, next)); e.Attempt != attempt || e.MissedEvents {
				t.Errorf("after the first, this came: %+v", e)
			}
		}
		for _, unknown := range []string{"nonsense", "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"} {
			if e := eventOf(t, one(t, w.subscribe(t.Context(), watchRun, map[string]any{"id": id, "after": unknown}))); e.Attempt != 5 || !e.MissedEvents {
				t.Errorf("after %s, this came: %+v", unknown, e)
			}
		}
	})
}

// TestWatchSaysWhatIsStale checks that who watches is told when a system does not answer, and when it does again.
func TestWatchSaysWhatIsStale(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		id := w.running()
		next := w.subscribe(t.Context(), watchRun, map[string]any{"id": id})
		if e := eventOf(t, one(t, next)); e.Freshness != "LIVE" || e.Source != "github.com" {
			t.Errorf("it begins with %+v", e)
		}
		w.hub.fail("Runs", down("github.com"))
		if e := eventOf(t, one(t, next)); e.Freshness != "STALE" || e.Status != "RUNNING" {
			t.Errorf("where the system is away it says %+v", e)
		}
		time.Sleep(5 * time.Minute)
		w.hub.fail("Runs", nil)
		if e := eventOf(t, one(t, next)); e.Freshness != "LIVE" {
			t.Errorf("where the system is there again it says %+v", e)
		}
	})
}

// written is what somebody who watches a log has got.
type written struct {
	mu    sync.Mutex
	lines []string
	wrong []string
	ended bool // it was told that nothing more comes
}

func (w *world) follow(variables map[string]any) *written {
	out := &written{}
	next := w.subscribe(w.t.Context(), watchLog, variables)
	go func() {
		for {
			text, ok := next()
			if !ok {
				return
			}
			var read struct {
				Data struct {
					PipelineLog *struct {
						Lines       []string
						IsCutBefore bool
						IsComplete  bool
					}
				}
			}
			err := json.Unmarshal([]byte(text), &read)
			out.mu.Lock()
			if part := read.Data.PipelineLog; err != nil || part == nil || part.IsCutBefore && len(out.lines) > 0 || out.ended {
				out.wrong = append(out.wrong, text)
			} else {
				out.lines = append(out.lines, part.Lines...)
				out.ended = part.IsComplete
			}
			out.mu.Unlock()
		}
	}()
	return out
}

// has checks that somebody has got just these lines.
func (o *written) has(t *testing.T, lines []string) {
	t.Helper()
	o.mu.Lock()
	defer o.mu.Unlock()
	if len(o.wrong) > 0 {
		t.Errorf("this should not have come: %.300q", o.wrong)
	}
	if !o.ended || !slices.Equal(o.lines, lines) {
		at := 0
		for at < min(len(lines), len(o.lines)) && lines[at] == o.lines[at] {
			at++
		}
		t.Errorf("ended: %v; of %d lines, %d came; the first %d are the same, then there is %.80q for %.80q", o.ended, len(lines), len(o.lines), at, o.lines[at:min(at+2, len(o.lines))], lines[at:min(at+2, len(lines))])
	}
}

// TestLogGrows checks that everybody who watches a log gets each of its lines once, whenever they come and however much is written at once.
func TestLogGrows(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		id := w.running()
		var all []string
		text := ""
		write := func(n int, open string) {
			for range n {
				line := fmt.Sprintf("%d: it is grün ✓ %s", len(all), strings.Repeat("x", len(all)%200))
				all = append(all, line)
				text += line + "\n"
			}
			w.hub.set(func() { w.hub.logs[run6] = text + open })
		}
		write(0, "")
		early := w.follow(map[string]any{"id": id})
		time.Sleep(7 * time.Second) // there is nothing yet
		write(3, "")
		time.Sleep(7 * time.Second)
		second := w.follow(map[string]any{"id": id})
		write(100, "7: it")
		time.Sleep(7 * time.Second)
		write(3000, "an open line that others com") // several parts at once
		third := w.follow(map[string]any{"id": id})
		from := len(all)
		time.Sleep(7 * time.Second)
		text += "an open line that others complete\n"
		all = append(all, "an open line that others complete")
		long := strings.Repeat("long", 10_000) // it begins before what one look tells
		write(1, long[:20_000])
		time.Sleep(7 * time.Second)
		text += long + "\n"
		all = append(all, logtext.Clean(long, logtext.Settings{})[0].Text)
		write(2000, "the end is no whole line")
		w.hub.change(run6, func(r *ci.Run) { r.Status = ci.Failed })
		time.Sleep(15 * time.Second)
		synctest.Wait()
		all = append(all, "the end is no whole line")
		early.has(t, all)
		second.has(t, all)
		third.mu.Lock() // it began with the end of what there was then
		begun := len(all) - len(third.lines)
		third.mu.Unlock()
		if begun <= 0 || begun >= from {
			t.Fatalf("who came third began with line %d of %d", begun, from)
		}
		third.has(t, all[begun:])
		late := w.follow(map[string]any{"id": id}) // when all is done
		synctest.Wait()
		late.mu.Lock()
		n := len(late.lines)
		late.mu.Unlock()
		if n == 0 {
			t.Fatal("who came late got nothing")
		}
		late.has(t, all[len(all)-n:])
	})
}
