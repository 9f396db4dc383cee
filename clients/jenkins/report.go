package jenkins

import (
	"context"
	"time"
)

// TestState is what became of a test, in the words of Jenkins' JUnit plugin: one of those below.
type TestState string

// What becomes of tests. Fixed and Regression are Passed and Failed where it was the other way in the build before.
const (
	TestPassed     TestState = "PASSED"
	TestFixed      TestState = "FIXED"
	TestFailed     TestState = "FAILED"
	TestRegression TestState = "REGRESSION"
	TestSkipped    TestState = "SKIPPED"
)

// Report is the report of the tests of a build.
type Report struct {
	TestCounts
	Duration time.Duration
	Suites   []Suite // at most 1,000
	Complete bool    // Suites are all, with all of their cases
}

// Suite is the cases of one suite.
type Suite struct {
	Name     string
	Duration time.Duration
	Cases    []Case
}

// Case is one test.
type Case struct {
	Class, Name string
	State       TestState
	Duration    time.Duration
	Age         int    // for how many builds it has failed, with this; 0 where it does not
	Since       int    // the number of the build it first failed in; 0 where it does not
	Message     string // why it failed
	Stack       string // where; only with ReportQuery.Stacks
}

// ReportQuery asks for a report of tests.
type ReportQuery struct {
	Build  BuildID
	Stacks bool // with where each test failed, and up to 200 cases of a suite instead of 2,000
}

// Bounds of a report, by judgement: Jenkins cannot be asked for the cases that failed alone, and writes all it is asked for into memory.
const (
	maxSuites = 1000
	maxCases  = 2000 // of a suite
	fewCases  = 200  // likewise, where each may come with a stack
	allCases  = 20_000
)

type wireReport struct {
	FailCount    int
	PassCount    *int
	SkipCount    int
	TotalCount   int
	Duration     float64
	Suites       []wireSuite
	ChildReports []struct{ Result wireReport }
}

type wireSuite struct {
	Name     string
	Duration float64
	Cases    []struct {
		ClassName, Name, Status string
		Duration                float64
		Age, FailedSince        int
		ErrorDetails            string
		ErrorStackTrace         string
	}
}

// Report returns the report of the tests of a build. It makes one request. A build without tests fails with an error of kind
// clients.ErrNotFound.
func (c *Client) Report(ctx context.Context, q ReportQuery) (*Report, error) {
	if err := q.Build.check(); err != nil {
		return nil, err
	}
	cases, most := "className,name,status,duration,age,failedSince,errorDetails", maxCases
	if q.Stacks {
		cases, most = cases+",errorStackTrace", fewCases
	}
	counts := "failCount,passCount,skipCount,duration,suites[name,duration,cases[" + cases + "]" + ranged(0, most) + "]" + ranged(0, maxSuites)
	var w wireReport
	tree := counts + ",totalCount,childReports[result[" + counts + "]]" // of a Maven project there is a report of each module
	if err := c.read(ctx, "/job/{job}/{build}/testReport/api/json", q.Build.path()+"/testReport/api/json", tree, &w); err != nil {
		return nil, err
	}
	return w.value(), nil
}

func (w *wireReport) value() *Report {
	r := &Report{Duration: seconds(w.Duration)}
	parts := []*wireReport{w}
	for i := range w.ChildReports[:min(len(w.ChildReports), maxList)] {
		parts = append(parts, &w.ChildReports[i].Result)
	}
	told := 0
	for _, part := range parts {
		if part != w || len(w.ChildReports) == 0 {
			r.add(part)
		}
		if part != w {
			r.Duration += seconds(part.Duration)
		}
		for _, s := range part.Suites {
			if len(r.Suites) >= maxSuites {
				break
			}
			suite := Suite{Name: line(s.Name), Duration: seconds(s.Duration)}
			for _, one := range s.Cases[:min(len(s.Cases), maxCases, allCases-told)] {
				suite.Cases = append(suite.Cases, Case{Class: line(one.ClassName), Name: line(one.Name), State: TestState(line(one.Status)), Duration: seconds(one.Duration),
					Age: max(0, one.Age), Since: max(0, one.FailedSince), Message: cut(one.ErrorDetails, maxText), Stack: cut(one.ErrorStackTrace, maxText)})
			}
			told += len(suite.Cases)
			r.Suites = append(r.Suites, suite)
		}
	}
	r.Complete = told == r.Total
	return r
}

func (r *Report) add(w *wireReport) {
	r.Failed += max(0, w.FailCount)
	r.Skipped += max(0, w.SkipCount)
	if w.PassCount != nil {
		r.Total += max(0, w.FailCount) + max(0, w.SkipCount) + max(0, *w.PassCount)
	} else {
		r.Total += max(0, w.TotalCount)
	}
}

// seconds returns a duration that an answer has in seconds.
func seconds(s float64) time.Duration {
	const longest = 1e8 // three years
	if !(s > 0) {       // NaN is not
		return 0
	}
	return time.Duration(min(s, longest) * float64(time.Second))
}
