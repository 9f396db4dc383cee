// Package testreport reads what test runners write: JUnit XML, as Surefire, pytest, gotestsum, Jest, Bazel and Gradle each understand it, and the stream of go test
// -json. The bytes of a report go in, which anybody may have uploaded; out come suites with their cases, and from two reports what broke between them.
//
// The one rule: what a report claims of itself in numbers is not believed; cases are counted, and a run that was cut short never looks like one that passed.
//
// Start with Parse. junit.go and gojson.go each know a format; xml.go makes text of the bytes that a decoder of XML can hold; window.go keeps the ends of long texts;
// compare.go finds what broke.
package testreport

import (
	"crypto/sha256"
	"encoding/hex"
	"time"
)

// Format is what a report was written in.
type Format string

// The formats that are understood.
const (
	JUnit  Format = "JUNIT"   // XML with testsuites or testsuite
	GoJSON Format = "GO_JSON" // go test -json
)

// Formats returns all formats, in alphabetical order.
func Formats() []Format { return []Format{GoJSON, JUnit} }

// Status is how a case ended.
type Status string

// The statuses.
const (
	Passed  Status = "PASSED"
	Failed  Status = "FAILED"  // what it checks is not so
	Error   Status = "ERROR"   // it could not be found out: it broke, did not end, or was not built
	Skipped Status = "SKIPPED" // it was not run
	Flaky   Status = "FLAKY"   // it failed, and passed when it was run again
)

// Failing says whether somebody has to look at it.
func (s Status) Failing() bool { return s == Failed || s == Error }

// Report is what came of a run of tests. It is not changed once it is made.
type Report struct {
	Format Format
	Suites []Suite // in the order of the report; those without cases are left out
	Cut    int     // texts that were longer than a limit, or were left out as all together were
	Other  int     // lines of a stream that were no events: what programs wrote past the test runner
}

// Suite is a group of cases: a class, a file, a package, or whatever the runner makes one.
type Suite struct {
	Name     string    // of a nested suite with those of the suites around it in front, with " > " between
	Started  time.Time // zero where not told; in UTC where no time zone is
	Duration time.Duration
	Cases    []Case
}

// Case is one test. Texts that are longer than their limit have a mark where something is left out.
type Case struct {
	ID       ID
	Name     string
	Class    string // or package; empty where not told
	File     string // as written; for Go the name of the file without its folder
	Line     int    // from 1; 0 where not told
	Duration time.Duration
	Status   Status
	Type     string // of the failure, as "java.lang.AssertionError"
	Message  string // what failed, or why it was skipped
	Details  string // stack traces, or what a failing test of Go wrote
	Output   string // what a failing case wrote, where the report tells it apart
	Attempts int    // how often it was run, where it was run again; at least 1
}

// ID is the identity of a case from one report to another: that of its class and name, or of its suite and name where it has no class, as 32 hexadecimal digits.
type ID string

func identity(class, suite, name string) ID {
	if class == "" {
		class = "suite\x00" + suite
	}
	sum := sha256.Sum256([]byte(class + "\x00" + name))
	return ID(hex.EncodeToString(sum[:16]))
}

// New returns the report of suites that somebody else has read, such as a system that has understood reports of JUnit itself. Texts are made fit to be shown and cut
// to the default Limits as those of Parse are, the cases get their IDs and at least one attempt, suites without cases are left out, and cases of one suite that failed
// and passed become flaky; those of several suites do not: they may be of jobs that ran the same in different ways. The suites are the report's from then on.
func New(format Format, suites []Suite) *Report {
	r := &Report{Format: format}
	t := texts{defaults, defaults.Texts, &r.Cut}
	long := func(text string) string {
		if text == "" {
			return ""
		}
		w := t.window()
		w.Write([]byte(text))
		return t.details(&w)
	}
	for _, s := range suites {
		s.Name, s.Duration = t.name(s.Name), max(s.Duration, 0)
		for i := range s.Cases {
			c := &s.Cases[i]
			c.Name, c.Class, c.File, c.Type, c.Message = t.name(c.Name), t.name(c.Class), t.name(c.File), t.name(c.Type), t.message(c.Message)
			c.Details, c.Output, c.Duration, c.Line = long(c.Details), long(c.Output), max(c.Duration, 0), max(c.Line, 0)
			c.ID, c.Attempts = identity(c.Class, s.Name, c.Name), max(c.Attempts, 1)
		}
		one := Report{Suites: []Suite{s}}
		one.finish()
		r.Suites = append(r.Suites, one.Suites...)
	}
	return r
}

// Totals is what was counted.
type Totals struct {
	Passed, Failed, Errors, Skipped, Flaky int
	Duration                               time.Duration // of all cases, one after the other
}

// Cases is how many there are.
func (t Totals) Cases() int { return t.Passed + t.Failed + t.Errors + t.Skipped + t.Flaky }

// Failing is how many somebody has to look at.
func (t Totals) Failing() int { return t.Failed + t.Errors }

// Totals counts the cases of the report.
func (r *Report) Totals() Totals {
	var t Totals
	for i := range r.Suites {
		t.add(&r.Suites[i])
	}
	return t
}

// Totals counts the cases of the suite.
func (s *Suite) Totals() Totals {
	var t Totals
	t.add(s)
	return t
}

func (t *Totals) add(s *Suite) {
	for i := range s.Cases {
		c := &s.Cases[i]
		t.Duration = addDurations(t.Duration, c.Duration)
		switch c.Status {
		case Passed:
			t.Passed++
		case Failed:
			t.Failed++
		case Error:
			t.Errors++
		case Skipped:
			t.Skipped++
		case Flaky:
			t.Flaky++
		}
	}
}

// finish leaves out suites without cases and joins cases that failed and passed in one report: runners that run failing tests again write each run down.
func (r *Report) finish() {
	runs := map[ID][]*Case{}
	for i := range r.Suites {
		for j := range r.Suites[i].Cases {
			c := &r.Suites[i].Cases[j]
			runs[c.ID] = append(runs[c.ID], c)
		}
	}
	for _, same := range runs {
		join(same)
	}
	suites := r.Suites[:0]
	for _, s := range r.Suites {
		cases := s.Cases[:0]
		for _, c := range s.Cases {
			if c.Attempts > 0 {
				cases = append(cases, c)
			}
		}
		if s.Cases = cases; len(cases) > 0 {
			suites = append(suites, s)
		}
	}
	r.Suites = suites
}

// join makes one flaky case of cases of one identity, of which some passed and some failed. The others get no attempts, which no case has.
func join(same []*Case) {
	var passed, failing *Case
	for _, c := range same {
		if c.Status == Passed || c.Status == Flaky {
			passed = c
		} else if c.Status.Failing() && failing == nil {
			failing = c
		}
	}
	if passed == nil || failing == nil {
		return
	}
	joined := *failing
	joined.Status, joined.Attempts, joined.Duration = Flaky, 0, 0
	for _, c := range same {
		if c.Status != Skipped {
			joined.Attempts += c.Attempts
			joined.Duration = addDurations(joined.Duration, c.Duration)
			c.Attempts = 0
		}
	}
	*failing = joined
}
