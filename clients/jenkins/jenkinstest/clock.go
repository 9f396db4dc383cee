package jenkinstest

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// entry is an item of the queue.
type entry struct {
	id        int64
	job       *item
	causes    []Cause
	values    []value
	since     time.Time
	quiet     time.Time // until then it waits for more changes
	cancelled bool
	left      time.Time // when it left, zero before
	build     *build
	commit    string
	changes   []Change
	replay    *build
}

// waits reports whether it is still in the queue.
func (e *entry) waits() bool { return e.left.IsZero() }

// rememberedFor is how long Jenkins tells of an item that has left the queue (hudson.model.Queue.leftItems).
const rememberedFor = 5 * time.Minute

// build is one run of a job.
type build struct {
	*entry
	number   int
	plan     Plan
	started  time.Time
	stopped  time.Time // when it was stopped, zero where it was not
	answers  map[string]time.Time
	estimate time.Duration
	states   []string // of its tests, once it has ended, in order
	since    []int    // likewise, the build each has failed since
	over     bool     // its end was noticed
}

// enqueue puts a build into the queue. One that waits already and is the same takes its place: the quiet period begins anew.
func (s *Server) enqueue(i *item, values []value, quiet time.Duration, causes ...Cause) *entry {
	now := s.world.clock
	for _, e := range s.world.queue {
		if e.waits() && e.job == i && slices.Equal(texts(e.values), texts(values)) && e.replay == nil {
			e.causes = append(e.causes, causes...)
			if quiet > 0 {
				e.quiet = now.Add(quiet)
			}
			return e
		}
	}
	s.world.lastItem++
	e := &entry{id: s.world.lastItem, job: i, causes: causes, values: values, since: now, quiet: now.Add(quiet)}
	s.world.queue = append(s.world.queue, e)
	return e
}

func texts(values []value) []string {
	var out []string
	for _, v := range values {
		out = append(out, v.Name+"="+v.text)
	}
	return out
}

// advance brings the world to the time it is, one event after the other: items leave the queue when their quiet period is over and something is
// free to build them, and builds end.
func (s *Server) advance() {
	w := &s.world
	now := s.settings.Now()
	if now.Before(w.clock) {
		now = w.clock
	}
	for {
		s.settle()
		next := time.Time{}
		earliest := func(t time.Time) {
			if t.After(w.clock) && !t.After(now) && (next.IsZero() || t.Before(next)) {
				next = t
			}
		}
		for _, e := range w.queue {
			if e.waits() {
				earliest(e.quiet)
			} else if b := e.build; b != nil && !b.over {
				if end, ends := b.end(); ends {
					earliest(end)
				}
			}
		}
		if next.IsZero() {
			break
		}
		w.clock = next
	}
	w.clock = now
	w.queue = slices.DeleteFunc(w.queue, func(e *entry) bool {
		return !e.waits() && now.Sub(e.left) > rememberedFor && (e.build == nil || e.build.over)
	})
}

// settle lets happen what is due at the time of the clock.
func (s *Server) settle() {
	w := &s.world
	for _, e := range w.queue {
		if b := e.build; b != nil && !b.over {
			if end, ends := b.end(); ends && !end.After(w.clock) {
				b.finish()
				s.tell(b, "COMPLETED")
				s.tell(b, "FINALIZED")
			}
		}
	}
	for _, e := range w.queue {
		if e.waits() && !e.quiet.After(w.clock) && s.blockedBy(e) == "" && s.busy() < s.settings.Executors {
			b := s.begin(e, w.clock, nil)
			s.tell(b, "QUEUED")
			s.tell(b, "STARTED")
		}
	}
}

// busy returns how many builds run.
func (s *Server) busy() int {
	n := 0
	for _, e := range s.world.queue {
		if e.build != nil && !e.build.over {
			n++
		}
	}
	return n
}

// blockedBy says why an item whose quiet period is over may not begin, "" where it may.
func (s *Server) blockedBy(e *entry) string {
	if e.job.Concurrent {
		return ""
	}
	for _, other := range s.world.queue {
		if b := other.build; b != nil && !b.over && b.job == e.job {
			return fmt.Sprintf("Build #%d is already in progress", b.number)
		}
	}
	return ""
}

// begin makes a build of an item of the queue.
func (s *Server) begin(e *entry, at time.Time, plan *Plan) *build {
	i := e.job
	b := &build{entry: e, number: i.next, started: at, answers: map[string]time.Time{}, estimate: i.estimate()}
	switch {
	case plan != nil:
		b.plan = *plan
	case len(i.Plans) > 0:
		b.plan = i.Plans[min(i.planned, len(i.Plans)-1)]
		i.planned++
	}
	if e.commit == "" {
		e.commit = i.Head
	}
	i.next++
	i.builds = append(i.builds, b)
	e.left, e.build = at, b
	b.judge()
	return b
}

// estimate is Jenkins' guess: the average of the latest three builds that went well, -1 ms where there is none.
func (i *item) estimate() time.Duration {
	sum, n := time.Duration(0), 0
	for k := len(i.builds) - 1; k >= 0 && n < 3; k-- {
		b := i.builds[k]
		if result := b.result(); b.over && (result == "SUCCESS" || result == "UNSTABLE") {
			end, _ := b.end()
			sum, n = sum+end.Sub(b.started), n+1
		}
	}
	if n == 0 {
		return -time.Millisecond
	}
	return sum / time.Duration(n)
}

// moment is when a step runs.
type moment struct {
	Step
	id         string // of its node
	begin, end time.Time
	asks       bool // it waits for an answer
	state      string
}

// act is when a stage runs. It is not there before it begins.
type act struct {
	id         string
	name       string
	begin, end time.Time
	state      string
	steps      []moment
}

// timeline works out when the stages and steps of the build run, as far as that is certain: a step that waits for an answer ends it, as do
// failing and being stopped. open says that it goes on at some time that nobody knows.
func (b *build) timeline() (acts []act, end time.Time, open bool) {
	t, id := b.started, 5
	done := false
	for _, stage := range b.plan.Stages {
		if done {
			break
		}
		a := act{id: fmt.Sprint(id), name: stage.Name, begin: t, state: "SUCCESS"}
		id++
		for _, step := range stage.Steps {
			m := moment{Step: step, id: fmt.Sprint(id), begin: t, end: t.Add(step.Duration), state: "SUCCESS"}
			id++
			if step.Asks != "" {
				answered, ok := b.answers[m.id]
				if m.end = answered; !ok {
					m.asks, open, done = true, true, true
					m.end = t
				}
			}
			switch {
			case !b.stopped.IsZero() && (m.asks || m.end.After(b.stopped)):
				m.state, m.end, m.asks, open, done = "ABORTED", b.stopped, false, false, true
			case m.asks:
				m.state = "PAUSED_PENDING_INPUT"
			case step.Failure != "":
				m.state, done = "FAILED", true
			}
			t = m.end
			a.steps = append(a.steps, m)
			if m.state != "SUCCESS" {
				a.state = m.state
			}
			if done {
				break
			}
		}
		a.end = t
		acts = append(acts, a)
		id++ // where its block ends
	}
	return acts, t, open
}

// end returns when the build ends, and whether that is certain.
func (b *build) end() (time.Time, bool) {
	_, end, open := b.timeline()
	return end, !open
}

// result returns what the build ends as, if nothing happens.
func (b *build) result() string {
	acts, _, _ := b.timeline()
	for _, a := range acts {
		switch a.state {
		case "ABORTED":
			return "ABORTED"
		case "FAILED":
			return "FAILURE"
		}
	}
	if b.plan.Result != "" {
		return b.plan.Result
	}
	for _, suite := range b.plan.Suites {
		for _, c := range suite.Cases {
			if c.Failure != "" {
				return "UNSTABLE"
			}
		}
	}
	return "SUCCESS"
}

func (b *build) finish() { b.over = true }

// runs reports whether it is not over at a time.
func (b *build) runs(now time.Time) bool {
	end, ends := b.end()
	return !ends || end.After(now)
}

// judge compares the tests with those of the build before that had some.
func (b *build) judge() {
	before := map[string]int{} // 0 for passed, else the build it fails since
	for _, other := range b.job.builds {
		if other != b && other.number < b.number && len(other.plan.Suites) > 0 {
			clear(before)
			n := 0
			for _, suite := range other.plan.Suites {
				for _, c := range suite.Cases {
					before[suite.Name+"\x00"+c.Class+"\x00"+c.Name] = other.since[n]
					n++
				}
			}
		}
	}
	for _, suite := range b.plan.Suites {
		for _, c := range suite.Cases {
			since, known := before[suite.Name+"\x00"+c.Class+"\x00"+c.Name]
			state, now := "PASSED", 0
			switch {
			case c.Skipped:
				state = "SKIPPED"
			case c.Failure != "" && since > 0:
				state, now = "FAILED", since
			case c.Failure != "":
				state, now = "FAILED", b.number
				if known {
					state = "REGRESSION"
				}
			case since > 0:
				state = "FIXED"
			}
			b.states, b.since = append(b.states, state), append(b.since, now)
		}
	}
}

// note is a console note: what Jenkins hides in a log for its pages, and counts in the log's size.
const note = "\x1b[8mha:////4AAAAJcqLkRvIGl0QAAAAA==\x1b[0m"

// log returns what the build has written by a time, as it is in Jenkins' file: with notes.
func (b *build) log(now time.Time) string {
	var out strings.Builder
	for _, c := range b.causes {
		out.WriteString(note + c.Text + "\n")
	}
	pipeline := b.job.kind == Pipeline
	if pipeline {
		out.WriteString(note + "[Pipeline] Start of Pipeline\n")
	}
	acts, end, open := b.timeline()
	for _, a := range acts {
		if a.begin.After(now) {
			return out.String()
		}
		if pipeline {
			fmt.Fprintf(&out, "%s[Pipeline] stage\n%s[Pipeline] { (%s)\n", note, note, a.name)
		}
		for _, m := range a.steps {
			if m.begin.After(now) {
				return out.String()
			}
			if pipeline && m.Name != "" {
				out.WriteString(note + "[Pipeline] " + strings.ToLower(strings.Fields(m.Name)[0]) + "\n")
			}
			if m.Detail != "" {
				out.WriteString("+ " + m.Detail + "\n")
			}
			out.WriteString(m.written(now))
			switch {
			case m.asks:
				out.WriteString(m.Asks + "\nProceed or Abort\n")
			case m.state == "FAILED" && !m.end.After(now):
				out.WriteString("ERROR: " + m.Failure + "\n")
			case m.state == "ABORTED" && !m.end.After(now):
				out.WriteString("Aborted by someone\n")
			}
		}
		if pipeline && !a.end.After(now) && !open {
			out.WriteString(note + "[Pipeline] }\n")
		}
	}
	if !open && !end.After(now) {
		if pipeline {
			out.WriteString(note + "[Pipeline] End of Pipeline\n")
		}
		out.WriteString("Finished: " + b.result() + "\n")
	}
	return out.String()
}

// written returns how much of its log a step has written by a time: line by line.
func (m *moment) written(now time.Time) string {
	text := m.Log
	if text != "" && !strings.HasSuffix(text, "\n") {
		text += "\n"
	}
	until := m.end
	if now.Before(until) {
		until = now
	}
	if m.Duration <= 0 || until.Sub(m.begin) >= m.Duration {
		return text
	}
	lines := strings.SplitAfter(text, "\n")
	n := int(float64(len(lines)-1) * float64(until.Sub(m.begin)) / float64(m.Duration))
	return strings.Join(lines[:n], "")
}
