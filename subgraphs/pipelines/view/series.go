package view

import (
	"context"
	"slices"
	"time"

	"callboard.dev/callboard/subgraphs/pipelines/ci"
)

// PipelineMetric is a figure of a pipeline.
type PipelineMetric string

// The figures.
const (
	metricDuration    PipelineMetric = "DURATION"
	metricQueueTime   PipelineMetric = "QUEUE_TIME"
	metricSuccess     PipelineMetric = "SUCCESS"
	metricCoverage    PipelineMetric = "COVERAGE"
	metricTests       PipelineMetric = "TESTS"
	metricFailedTests PipelineMetric = "FAILED_TESTS"
)

// units are what the figures are in.
var units = map[PipelineMetric]string{metricDuration: "s", metricQueueTime: "s", metricSuccess: "1", metricCoverage: "%", metricTests: "1", metricFailedTests: "1"}

// PipelineSeries is a figure over time.
type PipelineSeries struct {
	Unit, Source string
	Points       []*PipelinePoint
}

// PipelinePoint is a figure at one time.
type PipelinePoint struct {
	At          time.Time
	Value       float64
	Commit, Run *string
}

// maxPoints is how many points a series of runs has: what one page of a system has.
const maxPoints = 100

// Series is a figure over time.
func (p *Pipeline) Series(ctx context.Context, metric PipelineMetric, branch *string, from, to *time.Time) (*PipelineSeries, error) {
	query := ci.RunsQuery{Branch: orEmpty(branch), Paging: ci.Paging{First: maxPoints}}
	if branch == nil {
		var err error
		if query.Branch, err = p.defaultBranch(ctx); err != nil {
			return nil, err
		}
	}
	if from != nil {
		query.Since = *from
	}
	if to != nil {
		query.Until = *to
	}
	done, _, err := p.done(ctx, query)
	if err != nil {
		return nil, err
	}
	value, err := p.figures(ctx, metric, done)
	if err != nil {
		return nil, err
	}
	out := &PipelineSeries{Unit: units[metric], Source: p.system.Name, Points: []*PipelinePoint{}}
	for i, r := range slices.Backward(done) {
		at := r.FinishedAt
		if at.IsZero() {
			at = r.CreatedAt
		}
		if v, known := value(i); known && !at.IsZero() {
			out.Points = append(out.Points, &PipelinePoint{At: at, Value: v, Commit: orNull(r.Commit), Run: new(encodeID(runID, p.system, r.Key))})
		}
	}
	slices.SortStableFunc(out.Points, func(a, b *PipelinePoint) int { return a.At.Compare(b.At) }) // who began later may be done sooner
	return out, nil
}

// figures returns what tells the figure of each of the runs, and whether there is one.
func (p *Pipeline) figures(ctx context.Context, metric PipelineMetric, runs []*ci.Run) (func(i int) (float64, bool), error) {
	seconds := func(d *time.Duration) (float64, bool) {
		if d == nil {
			return 0, false
		}
		return d.Seconds(), true
	}
	switch metric {
	case metricDuration:
		return func(i int) (float64, bool) { return seconds(runs[i].Duration) }, nil
	case metricQueueTime:
		return func(i int) (float64, bool) { return seconds(runs[i].Waited) }, nil
	case metricSuccess:
		return func(i int) (float64, bool) {
			if runs[i].Status == ci.Succeeded {
				return 1, true
			}
			return 0, runs[i].Status.Red()
		}, nil
	case metricCoverage:
		return p.coverages(ctx, runs)
	case metricTests, metricFailedTests:
		return p.counts(ctx, metric, runs)
	}
	return nil, Refuse(CodeBadInput, "there is no such figure as %s", metric)
}
