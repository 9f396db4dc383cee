package view

import (
	"context"
	"slices"
	"sync"

	"callboard.dev/callboard/clients/git"
	"callboard.dev/callboard/subgraphs/pipelines/ci"
	"callboard.dev/callboard/subgraphs/pipelines/reports"
)

// branchName names a branch of a repository.
type branchName struct {
	of     reports.Repository
	branch string
}

// flaky returns the tests of a branch that are not to be relied on. It is asked for once for each request: many reports are read for it.
func (q *Request) flaky(ctx context.Context, of reports.Repository, branch string) ([]reports.Flake, error) {
	q.mu.Lock()
	known := q.flakes[branchName{of, branch}]
	if known == nil {
		known = sync.OnceValues(func() ([]reports.Flake, error) { return q.source.Reports.Flaky(ctx, of, branch) })
		q.flakes[branchName{of, branch}] = known
	}
	q.mu.Unlock()
	return known()
}

// counts returns how many tests each of the runs had, or how many of them failed.
func (p *Pipeline) counts(ctx context.Context, metric PipelineMetric, runs []*ci.Run) (func(i int) (float64, bool), error) {
	known := make([]*ci.TestCounts, len(runs))
	var without []int
	for i, r := range runs {
		if known[i] = r.Tests; known[i] == nil {
			without = append(without, i)
		}
	}
	kept, err := p.kept(ctx, reports.KindTests, runs, without)
	if err != nil {
		return nil, Refuse(CodeUnavailable, "the reports of the tests cannot be read now: try again later")
	}
	for _, k := range kept {
		r := runs[k.run]
		heads := slices.DeleteFunc(k.heads, func(h reports.Head) bool { return h.Run != r.Key })
		switch len(heads) {
		case 0:
		case 1:
			known[k.run] = &ci.TestCounts{Total: heads[0].Count.Total, Failed: heads[0].Fails}
		default: // a test that several flags have is one
			found, err := p.request.source.Reports.Tests(ctx, k.of, r.Commit, r.Key)
			if err != nil {
				return nil, Refuse(CodeUnavailable, "the reports of the tests cannot be read now: try again later")
			}
			if found != nil && found.Report != nil {
				totals := found.Report.Totals()
				known[k.run] = &ci.TestCounts{Total: totals.Cases(), Failed: totals.Failing()}
			}
		}
	}
	return func(i int) (float64, bool) {
		switch {
		case known[i] == nil:
			return 0, false
		case metric == metricFailedTests:
			return float64(known[i].Failed), true
		}
		return float64(known[i].Total), true
	}, nil
}

// kept is what is kept of the reports of a run's commit.
type kept struct {
	run   int // which of the runs
	of    reports.Repository
	heads []reports.Head
}

// kept returns what is kept of some of the runs of a pipeline, without reading it: one question for each repository, of which a pipeline has one. Those of which there is
// nothing are left out.
func (p *Pipeline) kept(ctx context.Context, kind string, runs []*ci.Run, which []int) ([]kept, error) {
	places := map[reports.Repository][]int{}
	for _, i := range which {
		if _, ok := git.ParseOID(runs[i].Commit); !ok {
			continue
		}
		if of, ok := p.request.showRun(p.system, p.Provenance, runs[i]).repository(); ok {
			places[of] = append(places[of], i)
		}
	}
	var out []kept
	for of, here := range places {
		commits := make([]string, len(here))
		for n, i := range here {
			commits[n] = runs[i].Commit
		}
		heads, err := p.request.source.Reports.Heads(ctx, of, kind, commits)
		if err != nil {
			return nil, err
		}
		for n, i := range here {
			if len(heads[n]) > 0 {
				out = append(out, kept{i, of, heads[n]})
			}
		}
	}
	return out, nil
}
