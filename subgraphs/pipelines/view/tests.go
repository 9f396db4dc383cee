package view

import (
	"context"
	"slices"
	"strconv"
	"sync"
	"time"

	"callboard.dev/callboard/subgraphs/pipelines/ci"
	"callboard.dev/callboard/subgraphs/pipelines/reports"
	"callboard.dev/callboard/subgraphs/pipelines/testreport"
	"callboard.dev/callboard/subgraphs/relay"
	"callboard.dev/callboard/subgraphs/scalar"
	"callboard.dev/callboard/subgraphs/upstream"
)

// TestStatus is how a test ended.
type TestStatus string

// TestResults is what came of the tests of a run.
type TestResults struct {
	Total, Passed, Failed, Skipped int
	HasCases                       bool

	run    *PipelineRun
	report *testreport.Report // nil where only the numbers are known
	flags  []string           // of the reports that it is made of
	flaked []testreport.ID

	once     sync.Once
	change   *reports.TestChange
	failure  error
	duration time.Duration
}

// TestSuite is tests that belong together.
type TestSuite struct {
	Name                   string
	Total, Failed, Skipped int
	Duration               *scalar.Duration
}

// TestCase is a test.
type TestCase struct {
	Name                   string
	ClassName, Suite       *string
	Status                 TestStatus
	Duration               *scalar.Duration
	Message, Details, File *string
	Line                   *int
}

// Bounds of the texts of one test, in bytes.
const (
	maxMessage = 8 << 10
	maxDetails = 64 << 10
)

// collectWait is how long a request waits for the reports of a run to be fetched, where no webhook has told that it is done. It goes on behind.
const collectWait = 2 * time.Second

// collect has the reports of a run fetched that is done, and waits for it for a while.
func (r *PipelineRun) collect(ctx context.Context) {
	of := reports.Repository{System: r.system} // what hosts no repositories is asked, and finds the one that it is of by itself
	if !r.run.Status.Done() {
		return
	}
	if r.system.Host != nil {
		var ok bool
		if of, ok = r.repository(); !ok {
			return
		}
	}
	source := r.request.source
	name := "collect " + r.ID + " " + strconv.Itoa(r.run.Attempt) + " " + strconv.FormatInt(r.run.FinishedAt.Unix(), 10)
	done := source.Behind.Do(name, func(ctx context.Context) {
		if err := source.Reports.Collect(ctx, of, r.run); err != nil {
			source.Log.Debug("the reports of a run could not be collected: they are when somebody asks again", "system", r.system.Name, "run", r.run.Key, "error", err)
		}
	})
	if done == nil {
		return
	}
	timer := time.NewTimer(collectWait)
	defer timer.Stop()
	select {
	case <-done:
	case <-timer.C:
	case <-ctx.Done():
	}
}

// repository returns the repository whose commit it is a run for; false where that is of no configured host.
func (r *PipelineRun) repository() (reports.Repository, bool) {
	if r.system.Host != nil && r.run.Repository != "" {
		return reports.Repository{System: r.system, Path: r.run.Repository}, true
	}
	return r.request.source.Reports.Find(r.run.Remote)
}

// Tests are what came of its tests.
func (r *PipelineRun) Tests(ctx context.Context) (*TestResults, error) {
	counted := r.run.Tests != nil && !upstream.Selects(ctx, "duration", "suites", "failing", "newlyFailing", "fixed", "flaky", "comparedWith", "hasCases")
	if counted {
		return r.counted(), nil
	}
	if r.system.TellsResults() {
		l, err := r.request.of(r.system).tests.Load(ctx, r.run.Key)
		if err != nil {
			return nil, err
		}
		if l.Known() && l.Value != nil && l.Value.Report != nil {
			return r.showTests(l.Value.Report, nil, nil), nil
		}
	}
	// What reports say while it runs is of an earlier attempt.
	if of, ok := r.repository(); ok && r.run.Commit != "" && r.run.Status.Done() {
		r.collect(ctx)
		known, err := r.request.source.Reports.Tests(ctx, of, r.run.Commit, r.run.Key)
		if err != nil {
			return nil, Refuse(CodeUnavailable, "the reports of the tests cannot be read now: try again later")
		}
		if known != nil && known.Report != nil {
			return r.showTests(known.Report, known.Flags, known.Flaked), nil
		}
	}
	if r.run.Tests != nil {
		return r.counted(), nil
	}
	return nil, nil
}

// counted is what the system tells along with the run.
func (r *PipelineRun) counted() *TestResults {
	t := r.run.Tests
	return &TestResults{Total: t.Total, Passed: t.Passed, Failed: t.Failed, Skipped: t.Skipped, run: r}
}

func (r *PipelineRun) showTests(report *testreport.Report, flags []string, flaked []testreport.ID) *TestResults {
	totals := report.Totals()
	return &TestResults{Total: totals.Cases(), Passed: totals.Passed + totals.Flaky, Failed: totals.Failing(), Skipped: totals.Skipped, HasCases: true,
		duration: totals.Duration, run: r, report: report, flags: flags, flaked: flaked}
}

// Duration is how long they took together.
func (t *TestResults) Duration() *scalar.Duration { return orNoSpan(t.duration) }

func orNoSpan(d time.Duration) *scalar.Duration {
	if d <= 0 {
		return nil
	}
	return span(&d)
}

// firstOf returns how many items of a list are wanted.
func firstOf(first *int) (int, error) {
	if err := (relay.Args{First: first}).Check(); err != nil {
		return 0, Refuse(CodeBadPage, "%v", err)
	}
	if first == nil {
		return relay.DefaultPage, nil
	}
	return *first, nil
}

// Suites are the suites.
func (t *TestResults) Suites(first *int) ([]*TestSuite, error) {
	n, err := firstOf(first)
	if err != nil || t.report == nil {
		return []*TestSuite{}, err
	}
	out := []*TestSuite{}
	for i := range t.report.Suites[:min(n, len(t.report.Suites))] {
		s := &t.report.Suites[i]
		totals := s.Totals()
		out = append(out, &TestSuite{Name: s.Name, Total: totals.Cases(), Failed: totals.Failing(), Skipped: totals.Skipped, Duration: orNoSpan(totals.Duration)})
	}
	return out, nil
}

func showCase(suite string, c *testreport.Case) *TestCase {
	out := &TestCase{Name: c.Name, ClassName: orNull(c.Class), Suite: orNull(suite), Status: TestStatus(c.Status), Duration: orNoSpan(c.Duration),
		Message: orNull(cutText(c.Message, maxMessage)), Details: orNull(cutText(c.Details, maxDetails)), File: orNull(c.File), Line: orNoNumber(c.Line)}
	return out
}

// Failing are the tests that failed.
func (t *TestResults) Failing(first *int) ([]*TestCase, error) {
	n, err := firstOf(first)
	out := []*TestCase{}
	if err != nil || t.report == nil {
		return out, err
	}
	for i := range t.report.Suites {
		s := &t.report.Suites[i]
		for j := range s.Cases {
			if c := &s.Cases[j]; len(out) < n && (c.Status == testreport.Failed || c.Status == testreport.Error) {
				out = append(out, showCase(s.Name, c))
			}
		}
	}
	return out, nil
}

// compare tells what changed against the commit where the run's left its base, or the newest before of which something is known; nil where there is none.
func (t *TestResults) compare(ctx context.Context) (*reports.TestChange, error) {
	t.once.Do(func() { t.change, t.failure = t.compareOnce(ctx) })
	return t.change, t.failure
}

func (t *TestResults) compareOnce(ctx context.Context) (*reports.TestChange, error) {
	of, ok := t.run.repository()
	if t.report == nil || !ok || t.run.run.Commit == "" {
		return nil, nil
	}
	before, err := t.run.before(ctx)
	if err != nil || len(before) == 0 {
		return nil, err
	}
	q := t.run.request
	look := func() (*reports.TestChange, error) {
		change, err := q.source.Reports.TestChange(ctx, of, before, t.report, t.flags...)
		if err != nil {
			return nil, Refuse(CodeUnavailable, "the reports of the tests cannot be read now: try again later")
		}
		if change == nil || change.Base == "" {
			return nil, nil
		}
		return change, nil
	}
	if change, err := look(); change != nil || err != nil {
		return change, err
	}
	// Nobody has told of the base yet.
	found, err := q.runsAt(ctx, of, before[0])
	if err != nil {
		return nil, err
	}
	if len(t.flags) > 0 {
		q.collectAll(ctx, found)
		return look()
	}
	for _, r := range found {
		if r.run.Pipeline != t.run.run.Pipeline || r.system != t.run.system {
			continue
		}
		l, err := q.of(r.system).tests.Load(ctx, r.run.Key)
		if err != nil {
			return nil, err
		}
		if l.Known() && l.Value != nil && l.Value.Report != nil {
			return &reports.TestChange{Base: before[0], Exact: true, Tests: testreport.Compare(l.Value.Report, t.report)}, nil
		}
	}
	return nil, nil
}

// runsAt returns the newest run of each pipeline for a commit, also those that others have linked to it.
func (q *Request) runsAt(ctx context.Context, of reports.Repository, commit string) ([]*PipelineRun, error) {
	name := ci.CommitName{Repository: of.Path, OID: commit}
	q.prepareLinked(ctx, of.System, name)
	l, err := q.of(of.System).commits.Load(ctx, name)
	if err != nil {
		return nil, err
	}
	out := q.showRuns(of.System, sourced(of.System, l), l.Value)
	linked, err := q.linked(ctx, of.System, name)
	return byTime(append(out, linked...)), err
}

// collectAll has the reports of runs fetched that are done, all at once.
func (q *Request) collectAll(ctx context.Context, runs []*PipelineRun) {
	var group sync.WaitGroup
	for _, r := range runs {
		group.Go(func() { r.collect(ctx) })
	}
	group.Wait()
}

// before returns the commits that a run is compared with, the nearest first: that where its branch left the default branch or the one that its pull request goes
// into, and those before it.
func (r *PipelineRun) before(ctx context.Context) ([]string, error) {
	c, err := r.comparison(ctx)
	if err != nil || c == nil {
		return nil, err
	}
	return slices.DeleteFunc(slices.Clone(c.Ancestors), func(oid string) bool { return oid == r.run.Commit }), nil
}

// comparison returns what its commit changes against the branch that it is to go into; nil where nobody can tell.
func (r *PipelineRun) comparison(ctx context.Context) (*ci.Comparison, error) {
	of, ok := r.repository()
	if !ok || r.run.Commit == "" {
		return nil, nil
	}
	base := r.base
	if base == "" {
		base = defaultBranch
	}
	return r.request.compare(ctx, of, base, r.run.Commit)
}

// defaultBranch is what every host takes for the default branch.
const defaultBranch = "HEAD"

func (q *Request) compare(ctx context.Context, of reports.Repository, base, head string) (*ci.Comparison, error) {
	l, err := q.of(of.System).comparisons.Load(ctx, ci.ComparisonQuery{Repository: of.Path, Base: base, Head: head})
	if err != nil || !l.Known() {
		return nil, err
	}
	return l.Value, nil
}

func showChanges(list []testreport.Change, most int) []*TestCase {
	out := []*TestCase{}
	for _, c := range list[:min(len(list), most)] {
		shown := c.Head
		if shown == nil {
			shown = c.Base
		}
		out = append(out, showCase(c.Suite, shown))
	}
	return out
}

// NewlyFailing are those that did not fail before.
func (t *TestResults) NewlyFailing(ctx context.Context, first *int) ([]*TestCase, error) {
	n, err := firstOf(first)
	if err != nil {
		return nil, err
	}
	change, err := t.compare(ctx)
	if err != nil || change == nil {
		return nil, err
	}
	return showChanges(change.Tests.NewlyFailing, n), nil
}

// Fixed are those that failed before and pass now.
func (t *TestResults) Fixed(ctx context.Context, first *int) ([]*TestCase, error) {
	n, err := firstOf(first)
	if err != nil {
		return nil, err
	}
	change, err := t.compare(ctx)
	if err != nil || change == nil {
		return nil, err
	}
	return showChanges(change.Tests.Fixed, n), nil
}

// Flaky are those that are not to be relied on.
func (t *TestResults) Flaky(ctx context.Context, first *int) ([]*TestCase, error) {
	n, err := firstOf(first)
	if err != nil || t.report == nil {
		return []*TestCase{}, err
	}
	unsure := map[testreport.ID]bool{}
	for _, id := range t.flaked {
		unsure[id] = true
	}
	if of, ok := t.run.repository(); ok {
		known, err := t.run.request.flaky(ctx, of, t.run.run.Branch)
		if err != nil {
			return nil, Refuse(CodeUnavailable, "the reports of the tests cannot be read now: try again later")
		}
		for _, f := range known {
			unsure[f.Case.ID] = true
		}
	}
	out := []*TestCase{}
	for i := range t.report.Suites {
		s := &t.report.Suites[i]
		for j := range s.Cases {
			if c := &s.Cases[j]; len(out) < n && (unsure[c.ID] || c.Status == testreport.Flaky) {
				out = append(out, showCase(s.Name, c))
			}
		}
	}
	return out, nil
}

// ComparedWith is the commit that newlyFailing and fixed compare with.
func (t *TestResults) ComparedWith(ctx context.Context) (*string, error) {
	change, err := t.compare(ctx)
	if err != nil || change == nil {
		return nil, err
	}
	return &change.Base, nil
}
