package reports

import (
	"context"
	"time"

	"callboard.dev/callboard/subgraphs/pipelines/coverage"
	"callboard.dev/callboard/subgraphs/pipelines/store"
)

// Coverage is what the reports of a commit say together.
type Coverage struct {
	Commit string
	Report *coverage.Report // of all flags, each line once
	Totals coverage.Totals  // of Report
	Flags  []FlagCoverage   // by name
}

// FlagCoverage is what the reports of one flag say.
type FlagCoverage struct {
	Flag   string
	Report *coverage.Report
	Totals coverage.Totals
	Branch string    // "" where it is not known, or the run was for a pull request
	Run    string    // "" where it is not known
	At     time.Time // of the run, or of the upload
	Taken  time.Time // when what it says was over or received

	Located   bool     // the paths are those of the repository
	Foreign   int      // files of the reports that are none of the repository, and are left out
	Ambiguous int      // files that could be several, and are left out
	Unread    []Unread // that should have been part of it, and could not be read
}

// Coverage returns the coverage of a commit, nil where nobody has reported any. An error is one of the store.
func (r *Reports) Coverage(ctx context.Context, of Repository, commit string) (*Coverage, error) {
	key, commit, err := of.named(commit)
	if err != nil {
		return nil, err
	}
	kept, err := r.store.Reports(ctx, key, KindCoverage, []string{commit})
	if err != nil || len(kept) == 0 {
		return nil, err
	}
	return r.limits.coverages(commit, kept)
}

// coverages reads stored reports of one commit.
func (l Limits) coverages(commit string, kept []store.Report) (*Coverage, error) {
	out := &Coverage{Commit: commit}
	var all []*coverage.Report
	for _, k := range kept {
		report, a, err := l.coverageOf(k)
		if err != nil {
			return nil, err
		}
		all = append(all, report)
		out.Flags = append(out.Flags, FlagCoverage{
			Flag: k.Flag, Report: report, Totals: report.Totals(), Branch: k.Branch, Run: k.Run, At: k.At, Taken: k.Taken,
			Located: a.Located, Foreign: a.Foreign, Ambiguous: a.Ambiguous, Unread: a.Unread,
		})
	}
	var err error
	if out.Report, err = coverage.Merge(l.Coverage, all...); err != nil {
		return nil, err
	}
	out.Totals = out.Report.Totals()
	return out, nil
}

// only returns what some of the flags say, nil where there are none of them.
func (c *Coverage) only(l Limits, wanted func(FlagCoverage) bool) (*coverage.Report, error) {
	var all []*coverage.Report
	for _, f := range c.Flags {
		if wanted(f) {
			all = append(all, f.Report)
		}
	}
	if len(all) == 0 {
		return nil, nil
	}
	return coverage.Merge(l.Coverage, all...)
}
