package testreport

import (
	"bytes"
	"encoding/json"
	"io"
	"maps"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// event is one line of the stream (cmd/test2json, and cmd/go for what happens while it builds).
type event struct {
	Time        string
	Action      string
	Package     string
	ImportPath  string // of what is built
	Test        string
	Elapsed     float64 // in seconds
	Output      string
	FailedBuild string // the ImportPath of what could not be built
}

// stream is what is known while events are read.
type stream struct {
	r        *Report
	limits   Limits
	texts    texts
	packages map[string]*goPackage
	order    []*goPackage
	builds   map[string]*window // by ImportPath
	running  int
	began    int // tests, so far
	cases    int
}

type goPackage struct {
	suite   Suite
	started bool
	ended   bool
	failing bool            // one of its cases is
	parents map[string]bool // of subtests that fail
	output  window
	tests   map[string]*goTest // that run
}

type goTest struct {
	name   string
	began  int // the how manieth of the stream it is
	output window
}

// parseGoJSON reads what go test -json writes: an event a line, of packages that run at once. A case is a test, example, fuzz target or subtest; its details are what
// it wrote if it did not pass. A test that begins and does not end, and a package that fails although none of its tests does (it was not built, it panicked, or
// something called os.Exit), is an Error, and so is all that was running when the stream ends. Lines that are no events are counted.
func parseGoJSON(in *input, r *Report) error {
	s := &stream{r: r, limits: in.limits, texts: texts{in.limits, in.limits.Texts, &r.Cut}, packages: map[string]*goPackage{}, builds: map[string]*window{}}
	for ; ; in.line++ {
		text, cut, err := in.record()
		if err == io.EOF {
			break
		}
		if err != nil {
			return err
		}
		text = bytes.TrimSpace(text)
		if len(text) == 0 {
			continue
		}
		var e event
		if cut || text[0] != '{' || json.Unmarshal(text, &e) != nil || e.Action == "" {
			r.Other++
			continue
		}
		if err := s.event(&e); err != nil {
			return err
		}
	}
	for _, p := range s.order {
		if !p.ended {
			if err := s.endPackage(p, &event{Action: "fail"}, cutOff); err != nil {
				return err
			}
		}
		r.Suites = append(r.Suites, p.suite)
	}
	return nil
}

func (s *stream) event(e *event) error {
	if e.Action == "build-output" || e.Action == "build-fail" {
		w := s.builds[e.ImportPath]
		if w == nil {
			if len(s.builds) >= s.limits.Suites {
				return &LimitError{Limit: LimitSuites, Max: int64(s.limits.Suites)}
			}
			w = &window{limit: s.limits.Details}
			s.builds[e.ImportPath] = w
		}
		w.Write([]byte(e.Output))
		return nil
	}
	p := s.packages[e.Package]
	if p == nil {
		if len(s.order) >= s.limits.Suites {
			return &LimitError{Limit: LimitSuites, Max: int64(s.limits.Suites)}
		}
		p = &goPackage{suite: Suite{Name: s.texts.name(e.Package)}, output: s.texts.window()}
		s.packages[e.Package] = p
		s.order = append(s.order, p)
	}
	if !p.started {
		p.started = true
		p.suite.Started = parseTime(e.Time)
	}
	if e.Test == "" {
		switch e.Action {
		case "output":
			p.output.Write([]byte(e.Output))
		case "pass", "fail", "skip":
			return s.endPackage(p, e, "the package ended before the test did")
		case "start":
			p.ended = false
		}
		return nil
	}
	switch e.Action {
	case "run":
		_, err := s.test(p, e.Test)
		return err
	case "output":
		if strings.HasPrefix(e.Output, "=== ") {
			return nil
		}
		t, err := s.test(p, e.Test)
		if err == nil {
			t.output.Write([]byte(e.Output))
		}
		return err
	case "pass", "fail", "skip":
		t, err := s.test(p, e.Test)
		if err != nil {
			return err
		}
		delete(p.tests, e.Test)
		s.running--
		return s.endTest(p, t, map[string]Status{"pass": Passed, "fail": Failed, "skip": Skipped}[e.Action], e.Elapsed, "")
	}
	return nil
}

// test returns a test that runs. One that was not said to begin does so now.
func (s *stream) test(p *goPackage, name string) (*goTest, error) {
	if t := p.tests[name]; t != nil {
		return t, nil
	}
	if s.cases+s.running >= s.limits.Cases {
		return nil, &LimitError{Limit: LimitCases, Max: int64(s.limits.Cases)}
	}
	s.running++
	s.began++
	t := &goTest{name: name, began: s.began, output: s.texts.window()}
	if p.tests == nil {
		p.tests = map[string]*goTest{}
	}
	p.tests[name] = t
	p.ended = false
	return t, nil
}

// placed is what testing puts before what a test writes.
var placed = regexp.MustCompile(`^\s*([^\s:]+\.go):(\d+): ?(.*)`)

func (s *stream) endTest(p *goPackage, t *goTest, status Status, elapsed float64, why string) error {
	if s.cases++; s.cases > s.limits.Cases {
		return &LimitError{Limit: LimitCases, Max: int64(s.limits.Cases)}
	}
	c := Case{Name: s.texts.name(t.name), Class: p.suite.Name, Duration: seconds(elapsed), Status: status, Attempts: 1}
	c.ID = identity(c.Class, "", c.Name)
	if status != Passed {
		c.Details = s.texts.details(&t.output)
		for line := range strings.Lines(c.Details) {
			if m := placed.FindStringSubmatch(line); m != nil {
				c.File = s.texts.name(path.Base(m[1]))
				c.Line, _ = strconv.Atoi(m[2])
				c.Message = s.texts.message(m[3])
				break
			}
		}
		switch {
		case why != "":
			c.Message = s.texts.message(why)
		case c.Message == "":
			c.Message = s.texts.message(telling(c.Details))
		}
		if c.Message == "" && p.parents[t.name] {
			c.Message = s.texts.message("a subtest fails")
		}
	}
	if status.Failing() {
		p.failing = true
		if i := strings.LastIndexByte(t.name, '/'); i > 0 {
			if p.parents == nil {
				p.parents = map[string]bool{}
			}
			p.parents[t.name[:i]] = true
		}
	}
	p.suite.Cases = append(p.suite.Cases, c)
	return nil
}

// telling returns the first line that is not of the frame that testing puts around tests.
func telling(text string) string {
	for line := range strings.Lines(text) {
		line = strings.TrimSpace(line)
		if line != "" && !strings.HasPrefix(line, "--- ") && !strings.HasPrefix(line, "# ") && line != "FAIL" && !strings.HasPrefix(line, "FAIL\t") {
			return line
		}
	}
	return ""
}

// endPackage ends a package and all that still runs in it.
func (s *stream) endPackage(p *goPackage, e *event, why string) error {
	p.ended = true
	p.suite.Duration = addDurations(p.suite.Duration, seconds(e.Elapsed))
	tests := slices.SortedFunc(maps.Values(p.tests), func(a, b *goTest) int { return a.began - b.began })
	p.tests, s.running = nil, s.running-len(tests)
	for _, t := range tests {
		if err := s.endTest(p, t, Error, 0, why); err != nil {
			return err
		}
	}
	if e.Action != "fail" || p.failing {
		return nil
	}
	t := &goTest{name: "(package)", output: p.output}
	if build := s.builds[e.FailedBuild]; build != nil {
		t.output = *build
		why = "it was not built"
		if text, _ := build.text(); telling(text) != "" {
			why += ": " + telling(text)
		}
	} else if why != cutOff {
		why = "" // the first line of the output tells
	}
	return s.endTest(p, t, Error, e.Elapsed, why)
}

// cutOff is why what was running is an error when the stream ends.
const cutOff = "the stream ended before the package did"
