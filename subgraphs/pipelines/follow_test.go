package pipelines_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"callboard.dev/callboard/subgraphs/pipelines"
	"callboard.dev/callboard/subgraphs/pipelines/ci"
)

// noted is a system whose logs have notes in them, which it counts and does not tell, as Jenkins does.
type noted struct{ *system }

const note = "\x02a note that nobody sees\x03"

func (n noted) Logs(_ context.Context, queries []ci.LogQuery) ([]*ci.Log, []error) {
	return each(n.system, "Logs", queries, func(q ci.LogQuery) (*ci.Log, bool) {
		raw, ok := n.logs[q.Run]
		from := int(min(q.After, int64(len(raw))))
		if q.Tail > 0 {
			if from = max(0, len(raw)-q.Tail); from > 0 {
				from += strings.IndexByte(raw[from:], '\n') + 1
			}
		}
		return &ci.Log{Text: strings.ReplaceAll(raw[from:], note, ""), Start: int64(from), Next: int64(len(raw)), Size: int64(len(raw)), Runs: !n.runs[q.Run].Status.Done()}, ok
	})
}

// TestLogWithNotes checks that each line comes once, too, where a system counts other bytes than it tells.
func TestLogWithNotes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const run = "team/app/main#3"
		w := newWorld(t)
		w.systems[1] = w.system(ci.Jenkins, "ci.example", noted{w.jenkins}, nil)
		w.open(t, pipelines.Config{Systems: w.systems})
		id := map[string]any{"id": idOf("r", "ci.example", run)}
		var all []string
		raw := ""
		write := func(n int, open string) {
			for range n {
				line := fmt.Sprintf("line %d", len(all))
				all = append(all, line)
				raw += note + line + "\n"
			}
			w.jenkins.set(func() { w.jenkins.logs[run] = raw + open })
			time.Sleep(7 * time.Second)
		}
		write(3, "")
		early := w.follow(id)
		write(10, note+"line")
		write(1, "")
		second := w.follow(id)
		write(0, "")
		write(5000, note) // more than a part
		write(2, "")
		w.jenkins.change(run, func(r *ci.Run) { r.Status = ci.Failed })
		write(1, note+"the end")
		time.Sleep(time.Minute)
		synctest.Wait()
		all = append(all, "the end")
		early.has(t, all)
		second.has(t, all)
	})
}

// TestLogOfOneJob checks that who follows the log of a run stays with the job that it began with, while another comes to tell more of the run.
func TestLogOfOneJob(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const build, deploy = "larkfold/tiles#j1", "larkfold/tiles#j2"
		w := newWorld(t)
		id := w.running()
		w.hub.set(func() { w.hub.logs[build], w.hub.teller = "one\n", build })
		next := w.subscribe(t.Context(), watchLog, map[string]any{"id": id})
		w.want(one(t, next), `"job":"`+idOf("j", "github.com", build)+`","lines":["one"]`)
		w.hub.set(func() { w.hub.logs[build], w.hub.logs[deploy], w.hub.teller = "one\ntwo\n", "other\n", deploy })
		text := one(t, next)
		w.want(text, `"job":"`+idOf("j", "github.com", build)+`","lines":["two"]`)
		time.Sleep(10 * time.Second) // which job tells most is remembered for a while
		w.want(one(t, w.subscribe(t.Context(), watchLog, map[string]any{"id": id})), `"job":"`+idOf("j", "github.com", deploy)+`","lines":["other"]`)
		w.want(one(t, w.subscribe(t.Context(), watchLog, map[string]any{"id": id, "job": idOf("j", "github.com", build)})), `"lines":["one","two"]`)

		// Who was cut off goes on after next, with the same job.
		_, cursor, _ := strings.Cut(text, `"next":"`)
		cursor, _, _ = strings.Cut(cursor, `"`)
		w.hub.set(func() { w.hub.logs[build] = "one\ntwo\nthree\n" })
		w.want(one(t, next), `"lines":["three"]`)
		w.want(one(t, w.subscribe(t.Context(), watchLog, map[string]any{"id": id, "after": cursor})), `"job":"`+idOf("j", "github.com", build)+`","lines":["three"]`, `"isCutBefore":false`)
		w.want(one(t, w.subscribe(t.Context(), watchLog, map[string]any{"id": id, "after": cursor, "job": idOf("j", "github.com", deploy)})), `"code":"BAD_PAGE"`)
	})
}

// TestLogIsCutBefore checks that it is said where a log that is followed begins before what is shown first.
func TestLogIsCutBefore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		id := w.running()
		w.hub.set(func() { w.hub.logs[run6] = strings.Repeat("line\n", 20_000) })
		next := w.subscribe(t.Context(), watchLog, map[string]any{"id": id})
		w.want(one(t, next), `"isCutBefore":true`)
		w.hub.set(func() { w.hub.logs[run6] += strings.Repeat("more\n", 20_000) })
		w.want(one(t, next), `"lines":["more"`, `"isCutBefore":false`)
	})
}
