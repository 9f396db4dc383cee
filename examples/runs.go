package examples

import (
	"cmp"
	"encoding/xml"
	"fmt"
	"hash/fnv"
	"math"
	"slices"
	"strings"
	"time"
)

// FirstDay is the first day of which the runs of pipelines are told.
var FirstDay = time.Date(2026, time.January, 1, 0, 0, 0, 0, time.UTC)

// Commit is what has to be known of a commit for the runs that there were for it. Who asks for them reads it from git.
type Commit struct {
	OID, Subject string
	Author       string // a login
	At           time.Time
	Branch       string // main, or that of a pull request
	Pull         int    // the number of the pull request it belongs to; 0 for one of main
	Head         bool   // the newest of a pull request that is open
	Tag          string // that names it; empty for none
}

// Run is a run of a pipeline.
type Run struct {
	Pipeline *Pipeline
	Commit   Commit
	Event    string // Push, PullRequest, Schedule or Tagged
	Begins   time.Time
	Work     []Work
	Again    []Work        // what it did when it was run again; nil where it was not
	Cancel   time.Duration // how long after it began somebody canceled it; zero where nobody did
	Outcome  string        // as Exception has it; empty where it is good
}

// Work is what a job of a run does.
type Work struct {
	*Job
	Waits   time.Duration
	Acts    []Act
	Cases   []Case
	Lines   float64 // the part of the lines that are run, in percent; zero for not told
	Outcome string  // Failed, TimedOut, Unstable or Waiting; empty where it is good
	Asks    string  // what somebody has to answer before it goes on; of Waiting
}

// Act is what a step does.
type Act struct {
	Name, Command string
	Takes         time.Duration
	Log           string
	Outcome       string // Failed or TimedOut; empty where it is good
}

// Case is a test that was run.
type Case struct {
	Class, Name      string
	Takes            time.Duration
	Message, Details string // why it failed; it did not where Message is empty
}

// Runs returns the runs of the pipelines of a repository, in the order of time. Commits are all of main's first parents and of its pull requests, in any order;
// now is when the hosts come up. It fails where a run is told of a commit, a pull request or a night that is not there.
func (p *Pipelines) Runs(repository string, commits []Commit, now time.Time) ([]Run, error) {
	var out []Run
	for i := range p.Pipelines {
		one := &p.Pipelines[i]
		if one.Repository != repository {
			continue
		}
		runs, err := p.runs(one, commits, now)
		if err != nil {
			return nil, fmt.Errorf("pipeline %s of %s: %w", one.Name, repository, err)
		}
		out = append(out, runs...)
	}
	slices.SortStableFunc(out, func(a, b Run) int { return a.Begins.Compare(b.Begins) })
	return out, nil
}

// runs are those of one pipeline.
func (p *Pipelines) runs(one *Pipeline, commits []Commit, now time.Time) ([]Run, error) {
	told := map[int]bool{} // the exceptions that were met
	var out []Run
	add := func(c Commit, event string, at time.Time, is func(Exception) bool) {
		e := Exception{}
		if i := slices.IndexFunc(one.Runs, is); i >= 0 {
			e, told[i] = one.Runs[i], true
		}
		if event == PullRequest && c.Head {
			at = now.Add(-cmp.Or(e.Ago, 40*time.Minute+time.Duration(hash(c.OID, one.Name)%360)*time.Minute))
		}
		out = append(out, p.run(one, c, event, at, e))
	}
	since := cmp.Or(one.Since, FirstDay)
	within := func(at time.Time) bool {
		return !at.Before(since) && (one.Until.IsZero() || at.Before(one.Until.AddDate(0, 0, 1)))
	}
	for _, c := range commits {
		soon := c.At.Add(time.Duration(8+hash(c.OID)%50) * time.Second)
		switch {
		case c.Pull == 0 && one.starts(Push) && within(c.At):
			add(c, Push, soon, func(e Exception) bool { return e.Commit == c.Subject })
		case c.Pull != 0 && one.starts(PullRequest) && (c.Head || within(c.At)):
			add(c, PullRequest, soon, func(e Exception) bool { return e.Commit == c.Subject || c.Head && e.Pull == c.Pull })
		}
		if c.Tag != "" && c.Pull == 0 && one.starts(Tagged) && within(c.At) {
			add(c, Tagged, c.At.Add(12*time.Minute), func(e Exception) bool { return e.Commit == c.Subject })
		}
	}
	for n := one.Nights; n > 0 && one.starts(Schedule); n-- {
		day := LastDay.AddDate(0, 0, 1-n)
		at := day.Add(one.At).Add(time.Duration(hash(one.Name, day.String())%20) * time.Second)
		var newest *Commit
		for i, c := range commits {
			if c.Pull == 0 && c.At.Before(at) && (newest == nil || c.At.After(newest.At)) {
				newest = &commits[i]
			}
		}
		if newest != nil && within(at) {
			add(*newest, Schedule, at, func(e Exception) bool { return e.Night == day.Format(time.DateOnly) })
		}
	}
	for i, e := range one.Runs {
		if !told[i] {
			return nil, fmt.Errorf("there was no run of the commit %q, the pull request %d or the night %q", e.Commit, e.Pull, e.Night)
		}
	}
	return out, nil
}

func (one *Pipeline) starts(event string) bool {
	if len(one.Starts) == 0 {
		return event == Push || event == PullRequest && !one.Single || event == Schedule && one.Nights > 0
	}
	return slices.Contains(one.Starts, event)
}

// Next returns what a run does that begins now: it is good, or as the exception says.
func (p *Pipelines) Next(one *Pipeline, c Commit, event string, now time.Time, e Exception) Run {
	return p.run(one, c, event, now, e)
}

func (p *Pipelines) run(one *Pipeline, c Commit, event string, at time.Time, e Exception) Run {
	r := Run{Pipeline: one, Commit: c, Event: event, Begins: at.UTC().Truncate(time.Second), Outcome: e.Outcome}
	r.Work = p.work(one, c, event, r.Begins, e)
	switch e.Outcome {
	case Flaky:
		r.Again = p.work(one, c, event, r.Begins.Add(time.Second), Exception{Job: e.Job})
	case Canceled:
		r.Cancel = e.After
	}
	return r
}

// work is what the jobs of a run do.
func (p *Pipelines) work(one *Pipeline, c Commit, event string, at time.Time, e Exception) []Work {
	var out []Work
	for i := range one.Jobs {
		j := &one.Jobs[i]
		if len(j.On) > 0 && !slices.Contains(j.On, event) && j.Name != e.Job {
			continue
		}
		seed := c.OID + at.String() + j.Name
		w := Work{Job: j, Waits: vary(j.Queue, seed)}
		if lines := cmp.Or(j.Percent, j.Covered); lines != 0 {
			w.Lines = math.Round(10*(lines+float64(hash(c.OID)%16)/10-0.8)) / 10
		}
		for n, s := range j.Steps {
			act := Act{Name: cmp.Or(s.Name, "Run "+s.Run), Command: s.Run, Takes: vary(s.Takes, seed, fmt.Sprint(n)), Log: p.log(s.Log, one, c, w.Lines)}
			w.Acts = append(w.Acts, act)
		}
		for _, t := range j.Tests {
			class, name, _ := strings.Cut(t, " > ")
			w.Cases = append(w.Cases, Case{Class: class, Name: name, Takes: time.Duration(1+hash(seed, t)%900) * time.Millisecond})
		}
		if j.Name == e.Job {
			w.spoil(p, one, c, e)
		}
		out = append(out, w)
	}
	return out
}

// spoil makes work what an exception says.
func (w *Work) spoil(p *Pipelines, one *Pipeline, c Commit, e Exception) {
	last := &w.Acts[len(w.Acts)-1]
	w.Waits, w.Outcome = cmp.Or(e.Queue, w.Waits), e.Outcome
	if e.Log != "" {
		last.Log = p.log(e.Log, one, c, w.Lines)
	}
	for i := range w.Cases {
		if e.Test == w.Cases[i].Name {
			w.Cases[i].Message, w.Cases[i].Details = e.Message, e.Details
		}
	}
	switch e.Outcome {
	case Flaky, Failed:
		w.Outcome, last.Outcome = Failed, Failed
	case TimedOut:
		last.Outcome = TimedOut
		last.Takes *= 2
	case Unstable:
		last.Log += "There are test failures: " + e.Test + "\n"
	case Waiting:
		w.Asks = e.Message
	}
}

// log is a text, with what it says of the commit.
func (p *Pipelines) log(name string, one *Pipeline, c Commit, lines float64) string {
	text, ok := p.Texts[name]
	if !ok {
		text = colours.Replace(name)
	}
	return strings.NewReplacer("{commit}", c.OID[:min(7, len(c.OID))], "{subject}", c.Subject, "{repository}", one.Repository, "{percent}", fmt.Sprint(math.Round(lines))).Replace(text)
}

// vary makes a span a little shorter or longer, the same for the same words.
func vary(d time.Duration, words ...string) time.Duration {
	return (d * time.Duration(90+hash(words...)%25) / 100).Round(time.Millisecond)
}

func hash(words ...string) uint64 {
	h := fnv.New64a()
	for _, w := range words {
		_, _ = h.Write([]byte(w + "\x00"))
	}
	return h.Sum64()
}

// JUnit writes tests as JUnit XML.
func JUnit(suite string, cases []Case) []byte {
	type failure struct {
		Message string `xml:"message,attr"`
		Text    string `xml:",chardata"`
	}
	type testcase struct {
		Class   string   `xml:"classname,attr"`
		Name    string   `xml:"name,attr"`
		Time    string   `xml:"time,attr"`
		Failure *failure `xml:"failure"`
	}
	type testsuite struct {
		XMLName  xml.Name   `xml:"testsuite"`
		Name     string     `xml:"name,attr"`
		Tests    int        `xml:"tests,attr"`
		Failures int        `xml:"failures,attr"`
		Cases    []testcase `xml:"testcase"`
	}
	out := testsuite{Name: suite, Tests: len(cases)}
	for _, c := range cases {
		one := testcase{Class: c.Class, Name: c.Name, Time: fmt.Sprintf("%.3f", c.Takes.Seconds())}
		if c.Message != "" {
			out.Failures++
			one.Failure = &failure{c.Message, c.Details}
		}
		out.Cases = append(out.Cases, one)
	}
	text, err := xml.MarshalIndent(out, "", "  ")
	if err != nil {
		panic("examples: bug: writing JUnit XML: " + err.Error())
	}
	return append([]byte(xml.Header), append(text, '\n')...)
}
