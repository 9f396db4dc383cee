package view

import (
	"context"

	"callboard.dev/callboard/subgraphs/pipelines/announce"
	"callboard.dev/callboard/subgraphs/pipelines/ci"
	"callboard.dev/callboard/subgraphs/pipelines/reports"
)

// Describe says how a pull request is, for what is put on it.
func (q *Request) Describe(ctx context.Context, p announce.Pull) (announce.Summary, error) {
	name := ci.PullRequestName{Repository: p.Repository, Number: p.Number, URL: p.URL, Head: p.Head}
	l, err := q.of(p.System).pulls.Load(ctx, name)
	if err != nil {
		return announce.Summary{}, err
	}
	runs := q.showRuns(p.System, sourced(p.System, l), l.Value)
	head := p.Head
	if head == "" && len(runs) > 0 {
		head = runs[0].run.Commit
	}
	linked, err := q.linked(ctx, p.System, ci.CommitName{Repository: p.Repository, OID: head})
	if err != nil {
		q.source.Log.Warn("builds that others have linked to a pull request cannot be had: what is said of it lacks them", "system", p.System.Name, "pull", p.URL, "error", err)
	}
	out := announce.Summary{Head: head}
	for _, r := range byTime(append(runs, linked...)) {
		out.Builds = append(out.Builds, announce.Build{Name: r.run.PipelineName, Status: r.run.Status, URL: r.run.URL, System: r.system})
		if !r.run.Status.Red() {
			continue
		}
		tests, err := r.Tests(ctx)
		if err != nil || tests == nil {
			continue // that some broke is told by the build
		}
		if change, err := tests.compare(ctx); err == nil && change != nil {
			out.NewlyFailing += len(change.Tests.NewlyFailing)
		}
	}
	if head == "" {
		return out, nil
	}
	of := reports.Repository{System: p.System, Path: p.Repository}
	if known, err := q.source.Reports.Coverage(ctx, of, head); err != nil || known == nil {
		return out, nil // it is told once it is known
	}
	c, err := q.compare(ctx, of, defaultBranch, head)
	if err != nil || c == nil {
		return out, nil
	}
	if change, err := q.coverageChange(ctx, of, c, head); err == nil && change != nil {
		out.Coverage = change.AgainstMergeBase
	}
	return out, nil
}

// Pull returns the pull request that a run is for; false where it is for none of a configured host.
func (q *Request) Pull(s *ci.System, r *ci.Run) (announce.Pull, bool) {
	of, ok := q.showRun(s, Provenance{}, r).repository()
	if !ok || r.PullRequest < 1 {
		return announce.Pull{}, false
	}
	out := announce.Pull{System: of.System, Repository: of.Path, Number: r.PullRequest, URL: of.System.Host.PullRequestURL(of.Path, r.PullRequest)}
	if s.Host != nil {
		out.Head = r.Commit // Jenkins builds a merge that no host has
	}
	return out, true
}
