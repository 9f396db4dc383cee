package testreport

import (
	"encoding/xml"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"
)

// junit is what is known while a report is read.
type junit struct {
	r      *Report
	limits Limits
	texts  texts
	suites []int // of Report.Suites, from the outermost: those that are open
	cases  int

	open            *Case // in which we are
	suite           int   // of it
	ofSuite         bool  // it stands for its suite, and ends with the element that tells what is wrong
	loose           int   // the suite of cases that are in none, from 1; 0 while there is none
	details, output window
	sinks           []*window // where the text of each open element goes; nil for nowhere
	failed, errored bool
	skipped, flaky  bool
}

// parseJUnit reads the XML that began with JUnit's Ant task and that everybody writes differently: testsuites, or testsuite alone, or several one behind the other;
// suites in suites; with or without counts. What is read: names, times, files and lines; failure, error and skipped; Surefire's rerunFailure, rerunError,
// flakyFailure and flakyError; what failing cases wrote. A failure of a suite itself becomes a case of its own. Properties, and what suites wrote, are passed over.
func parseJUnit(in *input, r *Report) error {
	e := newElements(in)
	j := &junit{r: r, limits: in.limits, texts: texts{in.limits, in.limits.Texts, &in.cut}, details: window{limit: in.limits.Details}, output: window{limit: in.limits.Details}}
	rooted := false
	for {
		token, err := e.next()
		if err == io.EOF {
			break
		}
		if err != nil {
			return err
		}
		switch t := token.(type) {
		case xml.StartElement:
			if len(j.sinks) == 0 {
				if t.Name.Local != "testsuites" && t.Name.Local != "testsuite" {
					return fmt.Errorf("%w: its root element is %.60q", ErrFormat, t.Name.Local)
				}
				rooted = true
			}
			if err := j.start(t); err != nil {
				return err
			}
		case xml.EndElement:
			j.end(t.Name.Local)
		case xml.CharData:
			if n := len(j.sinks); n > 0 && j.sinks[n-1] != nil {
				j.sinks[n-1].Write(t)
			}
		}
	}
	if !rooted {
		return ErrFormat
	}
	r.Cut += in.cut
	return nil
}

// start begins an element. The text of one that is not known goes where that of the one around it does, as of Surefire's stackTrace.
func (j *junit) start(t xml.StartElement) error {
	var sink *window
	if n := len(j.sinks); n > 0 {
		sink = j.sinks[n-1]
	}
	name := t.Name.Local
	if j.open == nil {
		switch name {
		case "testsuite":
			if err := j.startSuite(t); err != nil {
				return err
			}
		case "testcase":
			if err := j.startCase(t, attribute(t, "name")); err != nil {
				return err
			}
		case "failure", "error":
			if len(j.suites) > 0 {
				if err := j.startCase(xml.StartElement{}, "(suite)"); err != nil {
					return err
				}
				j.ofSuite = true
				sink = j.problem(t)
			}
		}
	} else {
		switch name {
		case "testsuite", "testsuites", "testcase":
			return &SyntaxError{Reason: "a " + name + " in a case"}
		case "failure", "error", "skipped", "rerunFailure", "rerunError", "flakyFailure", "flakyError":
			sink = j.problem(t)
		case "system-out", "system-err":
			sink = &j.output
		case "properties":
			sink = nil
		}
	}
	j.sinks = append(j.sinks, sink)
	return nil
}

func (j *junit) startSuite(t xml.StartElement) error {
	if len(j.r.Suites) >= j.limits.Suites {
		return &LimitError{Limit: LimitSuites, Max: int64(j.limits.Suites)}
	}
	name := attribute(t, "name")
	if n := len(j.suites); n > 0 {
		if around := j.r.Suites[j.suites[n-1]].Name; around != "" {
			name = around + " > " + name
		}
	}
	j.suites = append(j.suites, len(j.r.Suites))
	j.r.Suites = append(j.r.Suites, Suite{Name: j.texts.name(name), Duration: parseSeconds(attribute(t, "time")), Started: parseTime(attribute(t, "timestamp"))})
	return nil
}

// parseTime reads the start of a suite, which has a time zone or has none.
func parseTime(text string) time.Time {
	text = strings.TrimSpace(text)
	for _, layout := range []string{time.RFC3339Nano, "2006-01-02T15:04:05.999999999", "2006-01-02 15:04:05.999999999", "2006-01-02T15:04:05-0700"} {
		if t, err := time.Parse(layout, text); err == nil {
			return t
		}
	}
	return time.Time{}
}

func (j *junit) startCase(t xml.StartElement, name string) error {
	if len(j.suites) == 0 { // directly in testsuites
		if j.loose == 0 {
			if err := j.startSuite(xml.StartElement{}); err != nil {
				return err
			}
			j.suites, j.loose = j.suites[:0], len(j.r.Suites)
		}
		j.suite = j.loose - 1
	} else {
		j.suite = j.suites[len(j.suites)-1]
	}
	if j.cases++; j.cases > j.limits.Cases {
		return &LimitError{Limit: LimitCases, Max: int64(j.limits.Cases)}
	}
	c := &Case{Name: j.texts.name(name), Class: j.texts.name(attribute(t, "classname")), File: j.texts.name(attribute(t, "file")), Duration: parseSeconds(attribute(t, "time")), Attempts: 1}
	if c.Class == "" {
		c.Class = j.texts.name(attribute(t, "class"))
	}
	if n, err := strconv.Atoi(strings.TrimSpace(attribute(t, "line"))); err == nil && n > 0 {
		c.Line = n
	}
	c.ID = identity(c.Class, j.r.Suites[j.suite].Name, c.Name)
	j.open = c
	j.failed, j.errored, j.skipped, j.flaky = false, false, false, false
	j.details.reset()
	j.output.reset()
	switch strings.ToLower(attribute(t, "status")) {
	case "notrun", "skipped", "disabled", "ignored": // as Googletest does
		j.skipped = true
	}
	if result := strings.ToLower(attribute(t, "result")); result == "skipped" || result == "suppressed" {
		j.skipped = true
	}
	return nil
}

// problem takes in what is wrong with the open case and returns where the text of it goes.
func (j *junit) problem(t xml.StartElement) *window {
	c := j.open
	switch t.Name.Local {
	case "failure":
		j.failed = true
	case "error":
		j.errored = true
	case "skipped":
		j.skipped = true
	case "rerunFailure", "rerunError":
		c.Attempts++
	case "flakyFailure", "flakyError":
		c.Attempts++
		j.flaky = true
	}
	if c.Message == "" {
		c.Message = attribute(t, "message")
	}
	if c.Type == "" {
		c.Type = attribute(t, "type")
	}
	if j.details.total > 0 {
		j.details.Write([]byte("\n"))
	}
	return &j.details
}

func (j *junit) end(name string) {
	j.sinks = j.sinks[:len(j.sinks)-1]
	if name == "testsuite" && j.open == nil {
		j.suites = j.suites[:len(j.suites)-1]
	}
	if j.open == nil || name != "testcase" && !(j.ofSuite && (name == "failure" || name == "error")) {
		return
	}
	c := j.open
	j.open, j.ofSuite = nil, false
	switch {
	case j.errored:
		c.Status = Error
	case j.failed:
		c.Status = Failed
	case j.skipped:
		c.Status = Skipped
	case j.flaky:
		c.Status = Flaky
	default:
		c.Status = Passed
	}
	c.Message, c.Type = j.texts.message(c.Message), j.texts.name(c.Type)
	if j.details.total > 0 {
		c.Details = j.texts.details(&j.details)
		if c.Message == "" {
			c.Message = j.texts.message(firstLine(c.Details))
		}
	}
	if j.output.total > 0 && c.Status != Passed && c.Status != Skipped {
		c.Output = j.texts.details(&j.output)
	}
	s := &j.r.Suites[j.suite]
	s.Cases = append(s.Cases, *c)
}

func firstLine(text string) string {
	for line := range strings.Lines(text) {
		if line = strings.TrimSpace(line); line != "" {
			return line
		}
	}
	return ""
}
