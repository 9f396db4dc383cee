package pipelines_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"callboard.dev/callboard/subgraphs/pipelines/ci"
)

// part is a part of a log as a client reads it.
type part struct {
	Job                              *string
	Lines                            []string
	Next                             string
	IsCutBefore, HasMore, IsComplete bool
	Size                             *float64
}

const (
	readLog  = `query($id: ID!, $tail: Int, $after: String) { pipelineRun(id: $id) { log(tail: $tail, after: $after) { job lines next isCutBefore hasMore isComplete size } } }`
	readJobs = `query($id: ID!) { pipelineRun(id: $id) { jobs { id name log(tail: 1) { job lines } } } }`
)

// log is a part of the log of a run; nil where there is none.
func (w *world) log(variables map[string]any) *part {
	w.t.Helper()
	return into[struct{ PipelineRun struct{ Log *part } }](w, readLog, variables).PipelineRun.Log
}

// done has run 6 be done with that log, and returns its id.
func (w *world) done(log string) string {
	w.hub.set(func() { w.hub.logs[run6] = log })
	return w.run(6)
}

// TestLogTail checks the end of a log, and what is said where there is none or the arguments cannot be used.
func TestLogTail(t *testing.T) {
	w := newWorld(t)
	id := w.running()
	if none := w.log(map[string]any{"id": id}); none != nil {
		t.Errorf("nothing was written, and it says %+v", none)
	}
	w.hub.set(func() { w.hub.logs[run6] = "" })
	w.forget(t)
	if none := w.log(map[string]any{"id": id}); none != nil {
		t.Errorf("nothing was written, and it says %+v", none)
	}
	w.hub.set(func() { w.hub.logs[run6] = "2026-11-27T10:00:00.1234567Z one\n2026-11-27T10:00:01Z ##[error]two\nthr" })
	w.forget(t)
	got := w.log(map[string]any{"id": id})
	if got == nil || strings.Join(got.Lines, "|") != "one|two" || got.IsComplete || got.HasMore || got.IsCutBefore || got.Size == nil || *got.Size != 70 {
		t.Errorf("of a log that goes on it says %+v", got)
	}
	w.want(w.ask(`query($id: ID!) { pipelineRun(id: $id) { log { entries { text at level } } } }`, map[string]any{"id": id}), `{"text":"two","at":"2026-11-27T10:00:01Z","level":"error"}`)
	w.want(w.ask(readJobs, map[string]any{"id": id}), `"lines":["two"]`)

	var all strings.Builder
	for n := range 9000 {
		fmt.Fprintf(&all, "line %d\n", n)
	}
	w.hub.set(func() { w.hub.logs[run6] = all.String() })
	w.hub.change(run6, func(r *ci.Run) { r.Status = ci.Failed })
	w.forget(t)
	for _, c := range []struct {
		tail  any
		lines int
	}{{nil, 100}, {1, 1}, {5000, 5000}, {100, 100}} {
		got := w.log(map[string]any{"id": id, "tail": c.tail})
		if len(got.Lines) != c.lines || got.Lines[c.lines-1] != "line 8999" || !got.IsCutBefore || !got.IsComplete || got.HasMore {
			t.Errorf("its last %v lines are %d, %v %v %v", c.tail, len(got.Lines), got.IsCutBefore, got.IsComplete, got.HasMore)
		}
	}
	for _, tail := range []int{0, -1, 5001, 1 << 30} {
		w.want(w.ask(readLog, map[string]any{"id": id, "tail": tail}), `"code":"BAD_INPUT"`, `"log":null`)
	}
	w.want(w.ask(readLog, map[string]any{"id": id, "tail": 1, "after": got.Next}), `"code":"BAD_INPUT"`)
	for _, after := range []string{"", "x", "MTo", "MTpsb2c6LTE6", "MTpsb2c6OTk5OTk5OTk5OTk5OTk5OTk5OTk5OTk6", "MTpzOmxvZzo"} {
		w.want(w.ask(readLog, map[string]any{"id": id, "after": after}), `"code":"BAD_PAGE"`)
	}
	w.want(w.ask(`query($id: ID!, $after: String) { pipelineRun(id: $id) { jobs { log(after: $after) { lines } } } }`, map[string]any{"id": id, "after": logCursor(0, "larkfold/tiles#j9")}), `"code":"BAD_PAGE"`)
}

// forget has everything be asked for again.
func (w *world) forget(t *testing.T) {
	t.Helper()
	if err := w.cache.Invalidate(t.Context(), "source:github.com", "source:ci.example"); err != nil {
		t.Fatal(err)
	}
}

// whole reads a log from its beginning to its end, and returns its lines and how many parts it came in.
func (w *world) whole(id string) (lines []string, parts int) {
	w.t.Helper()
	after := logCursor(0, "")
	for parts < 100 {
		got := w.log(map[string]any{"id": id, "after": after})
		if got == nil {
			w.t.Fatalf("there is no part %d", parts)
		}
		if parts++; got.IsCutBefore && parts == 1 {
			w.t.Error("the first part says that it is not the first")
		}
		lines = append(lines, got.Lines...)
		if got.IsComplete {
			if got.HasMore {
				w.t.Error("it is complete, and there is more")
			}
			return lines, parts
		}
		if got.Next == after {
			w.t.Fatalf("part %d ends where it begins", parts)
		}
		after = got.Next
	}
	w.t.Fatal("it has no end")
	return nil, 0
}

// TestLogWhole checks that reading on from next gives all of a log once, wherever parts are cut: within characters, escape sequences, and bytes that are no text.
func TestLogWhole(t *testing.T) {
	many := func(line string) string { return strings.Repeat(line+"\n", 3<<20/(len(line)+1)) }
	for name, c := range map[string]struct{ text, line string }{
		"characters": {many("gr\u00fcn \u2713 \U0001F600 \u65e5\u672c\u8a9e"), "gr\u00fcn \u2713 \U0001F600 \u65e5\u672c\u8a9e"},
		"colours":    {many("\x1b[31mred\x1b[0m and \x1b[1;38;5;200mloud\x1b[m"), "red and loud"},
		"no text":    {many("a\xff\xfe\xc3b"), "a\uFFFD\uFFFD\uFFFDb"},
		"no line":    {strings.Repeat("\n", 300_001), ""},
		"returns":    {many("10 %\r100 %\r"), "100 %"},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			id := w.done(c.text)
			lines, parts := w.whole(id)
			if n := strings.Count(c.text, "\n"); len(lines) != n || parts < 3 {
				t.Errorf("of %d lines it has %d, in %d parts", n, len(lines), parts)
			}
			for i, line := range lines {
				if line != c.line {
					t.Fatalf("line %d is %q", i, line)
				}
			}
		})
	}
}

// TestLogOneLine checks that a line longer than a part comes in several, none of which ends within a character or a sequence.
func TestLogOneLine(t *testing.T) {
	for _, piece := range []string{"\u2713", "\x1b[31m\u65e5", "\xff"} {
		w := newWorld(t)
		lines, parts := w.whole(w.done(strings.Repeat(piece, 3<<20/len(piece)) + "\nend"))
		if parts < 3 || len(lines) != parts+1 || lines[len(lines)-1] != "end" {
			t.Fatalf("of %q, %d lines came in %d parts", piece, len(lines), parts)
		}
		for _, line := range lines[:len(lines)-1] {
			begins, _, _ := strings.Cut(line, " ")
			if wanted := strings.TrimPrefix(strings.ToValidUTF8(piece, "\uFFFD"), "\x1b[31m"); strings.Trim(begins, wanted+"\u2026") != "" {
				t.Errorf("of %q a line begins with %.20q and ends with %q", piece, line, line[max(0, len(line)-40):])
			}
		}
	}
}

// TestLogWithoutEnd checks that a line that goes on comes whole with what follows.
func TestLogWithoutEnd(t *testing.T) {
	w := newWorld(t)
	id := w.running()
	w.hub.set(func() { w.hub.logs[run6] = "one\ntw" })
	first := w.log(map[string]any{"id": id})
	w.hub.set(func() { w.hub.logs[run6] = "one\ntwo th" })
	w.forget(t)
	second := w.log(map[string]any{"id": id, "after": first.Next})
	w.hub.set(func() { w.hub.logs[run6] = "one\ntwo three" })
	w.hub.change(run6, func(r *ci.Run) { r.Status = ci.Succeeded })
	w.forget(t)
	third := w.log(map[string]any{"id": id, "after": second.Next})
	text, _ := json.Marshal([][]string{first.Lines, second.Lines, third.Lines})
	if string(text) != `[["one"],[],["two three"]]` || second.IsComplete || !third.IsComplete || second.Next != first.Next {
		t.Errorf("it came as %s: %+v", text, third)
	}
}
