package view

import (
	"context"
	"time"

	"callboard.dev/callboard/subgraphs/pipelines/ci"
	"callboard.dev/callboard/subgraphs/scalar"
)

// PipelineEstimateMethod is why a run is thought to take so long.
type PipelineEstimateMethod string

// PipelineEstimate is how long a run is thought to take.
type PipelineEstimate struct {
	Duration, Remaining scalar.Duration
	Method              PipelineEstimateMethod
	Runs                *int
}

const (
	// estimateFrom is how many runs are looked at, and estimateBranch how many of one branch are enough to go by them alone, by judgement: the last days of
	// a pipeline that runs often, and no more than one page.
	estimateFrom   = 20
	estimateBranch = 3
)

// Estimate is how long it is thought to take, and why.
func (r *PipelineRun) Estimate(ctx context.Context) (*PipelineEstimate, error) {
	if r.run.Status.Done() || r.run.Status == ci.Unknown {
		return nil, nil
	}
	if r.run.Estimate != nil && *r.run.Estimate > 0 {
		return r.estimated(*r.run.Estimate, "PROVIDER", nil), nil
	}
	p := r.Pipeline()
	done, _, err := p.done(ctx, ci.RunsQuery{Status: ci.Succeeded, Paging: ci.Paging{First: estimateFrom}})
	if err != nil {
		return nil, err
	}
	var all, same []time.Duration
	for _, other := range done {
		if other.Duration == nil || other.Key == r.run.Key {
			continue
		}
		all = append(all, *other.Duration)
		if other.Branch == r.run.Branch {
			same = append(same, *other.Duration)
		}
	}
	if len(same) >= estimateBranch {
		all = same
	}
	if len(all) == 0 {
		return nil, nil
	}
	return r.estimated(*median(all), "MEDIAN_OF_RUNS", new(len(all))), nil
}

func (r *PipelineRun) estimated(whole time.Duration, method PipelineEstimateMethod, runs *int) *PipelineEstimate {
	remaining := whole
	if !r.run.StartedAt.IsZero() {
		remaining = max(whole-since(r.run.StartedAt), 0)
	}
	return &PipelineEstimate{Duration: scalar.Duration(whole), Remaining: scalar.Duration(remaining), Method: method, Runs: runs}
}

// EstimatedRemaining is how much longer it will take.
func (r *PipelineRun) EstimatedRemaining(ctx context.Context) (*scalar.Duration, error) {
	e, err := r.Estimate(ctx)
	if err != nil || e == nil {
		return nil, err
	}
	return &e.Remaining, nil
}
