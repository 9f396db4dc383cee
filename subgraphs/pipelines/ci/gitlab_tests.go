package ci

import (
	"context"
	"strings"

	"callboard.dev/callboard/clients/gitlab"
	"callboard.dev/callboard/subgraphs/pipelines/testreport"
)

// gitLabCases are GitLab's words for how tests ended ("Get a pipeline's test report" of its documentation).
var gitLabCases = map[string]testreport.Status{
	"success": testreport.Passed, "failed": testreport.Failed, "error": testreport.Error, "skipped": testreport.Skipped,
}

// Tests makes one request for every 7 runs, to know which are done, and then one for each run, a few at a time. A suite is of a job, or of jobs that GitLab has grouped. That a run
// has none is an answer without a Report, which is remembered as others are: to ask is dear for GitLab.
func (g *gitLab) Tests(ctx context.Context, runs []string) ([]*Tests, []error) {
	// The states come first: the report of a run that is done by then is whole.
	found, numbers, errs := g.numbered(ctx, runs)
	var places []int
	for i := range runs {
		if errs[i] == nil {
			places = append(places, i)
		}
	}
	reports, failed := gitLabEach(places, func(i int) (*gitlab.TestReport, error) { return g.client.TestReport(ctx, numbers[i]) })
	out := make([]*Tests, len(runs))
	for n, i := range places {
		if errs[i] = g.failed(false, failed[n]); errs[i] == nil {
			out[i] = &Tests{Cut: !reports[n].Complete, Done: gitLabStatus(found[i].Status, false).Done()}
			if report := gitLabReport(reports[n]); len(report.Suites) > 0 {
				out[i].Report = report
			}
		}
	}
	return out, errs
}

// gitLabReport is a report that GitLab has read, of whatever format. How often a test failed lately is not told on: it says nothing of this run.
func gitLabReport(r *gitlab.TestReport) *testreport.Report {
	suites := make([]testreport.Suite, len(r.Suites))
	for i, s := range r.Suites {
		suites[i] = testreport.Suite{Name: s.Name, Duration: s.Time, Cases: make([]testreport.Case, len(s.Cases))}
		for n, c := range s.Cases {
			suites[i].Cases[n] = gitLabCase(c)
		}
	}
	return testreport.New(testreport.JUnit, suites)
}

func gitLabCase(c gitlab.TestCase) testreport.Case {
	status, ok := gitLabCases[c.Status]
	if !ok {
		status = testreport.Error
	}
	out := testreport.Case{Name: c.Name, Class: c.Class, File: c.File, Duration: c.Time, Status: status}
	if status == testreport.Passed {
		out.Output = c.Output
		return out
	}
	// GitLab has one text for a message and what follows it.
	text := strings.TrimSpace(c.Output)
	first, rest, _ := strings.Cut(text, "\n")
	out.Message = first
	switch {
	case rest == "" || strings.Contains(c.Stack, rest):
		out.Details = c.Stack
	case c.Stack == "" || strings.Contains(text, c.Stack):
		out.Details = text
	default:
		out.Details = text + "\n\n" + c.Stack
	}
	return out
}
