package gitlab

import (
	"context"
	"mime"
	"time"

	official "gitlab.com/gitlab-org/api/client-go/v2"

	"callboard.dev/callboard/clients"
)

// TestCounts is how many tests there were, and how they ended.
type TestCounts struct {
	Total, Succeeded, Failed, Skipped, Errors int
	Time                                      time.Duration
}

// TestSummary is how the tests of a pipeline ended, as far as its jobs that are over tell by now.
type TestSummary struct {
	TestCounts
	Suites   []SuiteSummary
	Complete bool // these are all suites: at most 1,000 are kept
}

// SuiteSummary is how the tests of a job, or of a group of jobs, ended.
type SuiteSummary struct {
	Name string
	TestCounts
	Jobs  []int64 // their ids, at most 100
	Error string  // why a report could not be read; "" where all could
}

// TestReport is the tests of a pipeline one by one.
type TestReport struct {
	TestCounts
	Suites   []TestSuite
	Complete bool // these are all suites and cases
}

// TestSuite is the tests of a job, or of a group of jobs.
type TestSuite struct {
	Name string
	TestCounts
	Cases []TestCase // those that did not succeed first, where there are more than are kept
}

// TestCase is a test.
type TestCase struct {
	Name, Class, File string
	Status            string // "success", "failed", "skipped" or "error"
	Time              time.Duration
	Output            string // what it says of its failure, its first 16 KiB
	Stack             string // its first 16 KiB
	RecentFailures    int    // of the last 14 days on BaseBranch; 0 where GitLab does not tell
	BaseBranch        string
}

// The bounds of reports: of suites, of cases in all of a report, and of the text of a case in bytes. An answer above maxAnswer is refused before.
const (
	maxSuites = 1000
	maxCases  = 20_000
	maxOutput = 16 << 10
)

// TestSummary returns how the tests of a pipeline ended; one without tests has none. It makes one request to the REST interface, which is cheap for GitLab:
// it keeps the sums.
func (c *Client) TestSummary(ctx context.Context, n PipelineNumber) (*TestSummary, error) {
	if err := n.check(); err != nil {
		return nil, err
	}
	ctx = clients.WithRoute(ctx, "GET /api/v4/projects/{id}/pipelines/{pipeline}/test_report_summary")
	found, _, err := c.rest.Pipelines.GetPipelineTestReportSummary(n.Project, n.ID, with(ctx))
	if err != nil {
		return nil, c.rested(ctx, err)
	}
	if found == nil {
		return nil, bad(c.source, "its answer is not what it should be")
	}
	t := &found.Total
	out := &TestSummary{TestCounts: counts(t.Count, t.Success, t.Failed, t.Skipped, t.Error, t.Time), Complete: len(found.TestSuites) <= maxSuites}
	for i := range found.TestSuites[:min(len(found.TestSuites), maxSuites)] {
		s := &found.TestSuites[i]
		suite := SuiteSummary{Name: cut(s.Name, maxLine), TestCounts: counts(s.TotalCount, s.SuccessCount, s.FailedCount, s.SkippedCount, s.ErrorCount, s.TotalTime)}
		suite.Jobs = append(suite.Jobs, s.BuildIDs[:min(len(s.BuildIDs), maxPage)]...)
		if s.SuiteError != nil {
			suite.Error = cut(*s.SuiteError, maxLine)
		}
		out.Suites = append(out.Suites, suite)
	}
	return out, nil
}

func counts(total, succeeded, failed, skipped, errors int64, seconds float64) TestCounts {
	number := func(n int64) int { return int(min(max(n, 0), 1<<31-1)) }
	return TestCounts{Total: number(total), Succeeded: number(succeeded), Failed: number(failed), Skipped: number(skipped), Errors: number(errors), Time: lasting(seconds)}
}

// TestReport returns the tests of a pipeline, up to 20,000 of them; one without tests has none. It makes one request to the REST interface, which is dear for
// GitLab: it reads the reports of all jobs. An answer above 16 MiB is an error of kind clients.ErrBadAnswer.
func (c *Client) TestReport(ctx context.Context, n PipelineNumber) (*TestReport, error) {
	if err := n.check(); err != nil {
		return nil, err
	}
	ctx = clients.WithRoute(ctx, "GET /api/v4/projects/{id}/pipelines/{pipeline}/test_report")
	found, _, err := c.rest.Pipelines.GetPipelineTestReport(n.Project, n.ID, with(ctx))
	if err != nil {
		return nil, c.rested(ctx, err)
	}
	if found == nil {
		return nil, bad(c.source, "its answer is not what it should be")
	}
	out := &TestReport{TestCounts: counts(found.TotalCount, found.SuccessCount, found.FailedCount, found.SkippedCount, found.ErrorCount, found.TotalTime),
		Complete: len(found.TestSuites) <= maxSuites}
	left := maxCases
	for _, s := range found.TestSuites[:min(len(found.TestSuites), maxSuites)] {
		if s == nil {
			continue
		}
		suite := TestSuite{Name: cut(s.Name, maxLine), TestCounts: counts(s.TotalCount, s.SuccessCount, s.FailedCount, s.SkippedCount, s.ErrorCount, s.TotalTime)}
		// Where not all can be kept, those that nobody looks for are left out.
		all := len(s.TestCases) <= left
		for _, wanted := range []func(status string) bool{func(status string) bool { return all || status != "success" }, func(status string) bool { return !all && status == "success" }} {
			for _, t := range s.TestCases {
				if t == nil || !wanted(t.Status) {
					continue
				}
				if left == 0 {
					out.Complete = false
					break
				}
				left--
				suite.Cases = append(suite.Cases, testCase(t))
			}
		}
		out.Suites = append(out.Suites, suite)
	}
	return out, nil
}

func testCase(t *official.PipelineTestCases) TestCase {
	out := TestCase{Name: cut(t.Name, maxLine), Class: cut(t.Classname, maxLine), File: cut(t.File, maxPath), Status: state(t.Status), Time: lasting(t.ExecutionTime),
		Stack: cut(t.StackTrace, maxOutput)}
	switch output := t.SystemOutput.(type) {
	case string:
		out.Output = cut(output, maxOutput)
	case map[string]any: // what a report in a shape of its own has become
		if text, ok := output["message"].(string); ok {
			out.Output = cut(text, maxOutput)
		}
	}
	if r := t.RecentFailures; r != nil {
		out.RecentFailures, out.BaseBranch = int(min(max(r.Count, 0), 1<<31-1)), cut(r.BaseBranch, maxRef)
	}
	return out
}

// disposition returns the name of the file that a Content-Disposition tells.
func disposition(text string) string {
	_, parameters, err := mime.ParseMediaType(text)
	if err != nil {
		return ""
	}
	return parameters["filename"]
}
