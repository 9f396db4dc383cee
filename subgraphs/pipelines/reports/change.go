package reports

import (
	"context"
	"fmt"
	"slices"

	"callboard.dev/callboard/clients/git"
	"callboard.dev/callboard/subgraphs/pipelines/ci"
	"callboard.dev/callboard/subgraphs/pipelines/coverage"
	"callboard.dev/callboard/subgraphs/pipelines/store"
)

// Change is what a change did to the coverage.
type Change struct {
	Head string // object id of the commit
	Base string // object id of the commit that it is compared with; "" where none before it has a report of one of its flags
	// Exact tells that Base is where the change left the other branch. Else it is a commit before that: the totals of the base are then of a time before, and which
	// lines elsewhere are tested now, or are no longer, is not told, as others may have changed them.
	Exact    bool
	Complete bool // all files that are touched are known
	// Coverage has the totals of both sides, of the flags that both have, and each touched file. Without a base its Base is empty, all flags of the
	// head are in it, and no file is compared: only what was added is known.
	Coverage *coverage.Comparison
	Flags    []FlagChange // that both sides have and that are compared, by name

	// What is left out, on both sides, as the other one has nothing like it, by name.
	OnlyHead []string // flags that only the head has reports of
	OnlyBase []string // flags that only the base has reports of
	Unlike   []string // flags with reports whose paths are those of the repository on one side alone
}

// FlagChange is what became of one flag.
type FlagChange struct {
	Flag       string
	Base, Head coverage.Totals
}

// Lines returns the change of line coverage in percentage points, and false where one side has no lines.
func (f FlagChange) Lines() (float64, bool) {
	return (&coverage.Comparison{Base: f.Base, Head: f.Head}).Lines()
}

// maxAncestors is how many commits before a change are looked at for reports, by judgement: what is older says little of the change.
const maxAncestors = 100

// CoverageChange tells what a head changes against where it left its base, as a comparison of both says it; nil where the head has no report. It is compared with
// the newest commit from the merge base on backwards that has reports of a flag that the head has reports of.
func (r *Reports) CoverageChange(ctx context.Context, of Repository, c *ci.Comparison, head string) (*Change, error) {
	key, head, err := of.named(head)
	if err != nil {
		return nil, err
	}
	kept, err := r.store.Reports(ctx, key, KindCoverage, []string{head})
	if err != nil || len(kept) == 0 {
		return nil, err
	}
	now, err := r.limits.coverages(head, kept)
	if err != nil {
		return nil, err
	}
	commits, err := commitsOf(append([]string{c.MergeBase}, c.Ancestors...))
	if err != nil {
		return nil, err
	}
	flags := map[string]bool{}
	for _, f := range now.Flags {
		flags[f.Flag] = true
	}
	change := &Change{Head: head, Complete: c.Complete}
	if change.Base, err = r.nearest(ctx, key, KindCoverage, commits, func(flag string) bool { return flags[flag] }); err != nil {
		return nil, err
	}
	was := &Coverage{}
	if change.Base != "" {
		change.Exact = change.Base == commits[0] && c.MergeBase != ""
		if kept, err = r.store.Reports(ctx, key, KindCoverage, []string{change.Base}); err != nil {
			return nil, err
		}
		if was, err = r.limits.coverages(change.Base, kept); err != nil {
			return nil, err
		}
	}
	return change, change.compare(r.limits, was, now, c.Files)
}

// commitsOf returns the object ids of commits, each once, in their order. Empty ones are left out.
func commitsOf(commits []string) ([]string, error) {
	var out []string
	for _, commit := range commits {
		if commit == "" {
			continue
		}
		id, ok := git.ParseOID(commit)
		if !ok {
			return nil, fmt.Errorf("%w: %.100q is no object id of a commit", ci.ErrInvalid, commit)
		}
		if !slices.Contains(out, string(id)) && len(out) <= maxAncestors {
			out = append(out, string(id))
		}
	}
	return out, nil
}

// nearest returns the first of the commits that has a report of a flag that is wanted, "" where none has.
func (r *Reports) nearest(ctx context.Context, key, kind string, commits []string, wanted func(flag string) bool) (string, error) {
	if len(commits) == 0 {
		return "", nil
	}
	heads, err := r.store.ReportHeads(ctx, key, kind, commits)
	if err != nil {
		return "", err
	}
	for _, commit := range commits {
		if slices.ContainsFunc(heads, func(h store.Report) bool { return h.Commit == commit && wanted(h.Flag) }) {
			return commit, nil
		}
	}
	return "", nil
}

// compare compares the flags that both sides have.
func (c *Change) compare(l Limits, was, now *Coverage, files []ci.Touched) error {
	if c.Base != "" {
		c.match(was, now)
	}
	like := func(f FlagCoverage) bool {
		return c.Base == "" || slices.ContainsFunc(c.Flags, func(o FlagChange) bool { return o.Flag == f.Flag })
	}
	head, err := now.only(l, like)
	if err != nil {
		return err
	}
	base, err := was.only(l, like)
	if err != nil {
		return err
	}
	if head == nil { // no flag is like one of the base
		head = &coverage.Report{}
	}
	if base == nil {
		base = &coverage.Report{}
	}
	c.Coverage = coverage.Compare(base, head, touchedOf(files))
	if !c.Exact {
		c.Coverage.Elsewhere = nil
		for i := range c.Coverage.Files {
			c.Coverage.Files[i].Covered, c.Coverage.Files[i].Uncovered = nil, nil
		}
	}
	return nil
}

// match tells which flags can be compared.
func (c *Change) match(was, now *Coverage) {
	for _, h := range now.Flags {
		i := slices.IndexFunc(was.Flags, func(b FlagCoverage) bool { return b.Flag == h.Flag })
		switch {
		case i < 0:
			c.OnlyHead = append(c.OnlyHead, h.Flag)
		case was.Flags[i].Located != h.Located:
			c.Unlike = append(c.Unlike, h.Flag)
		default:
			c.Flags = append(c.Flags, FlagChange{Flag: h.Flag, Base: was.Flags[i].Totals, Head: h.Totals})
		}
	}
	for _, b := range was.Flags {
		if !slices.ContainsFunc(now.Flags, func(h FlagCoverage) bool { return h.Flag == b.Flag }) {
			c.OnlyBase = append(c.OnlyBase, b.Flag)
		}
	}
}

// touchedOf says which files are touched in the words of package coverage.
func touchedOf(files []ci.Touched) []coverage.Touched {
	out := make([]coverage.Touched, 0, len(files))
	for _, f := range files {
		t := coverage.Touched{Path: f.Path, From: f.From, Same: f.Hunks != nil && len(f.Hunks) == 0}
		if f.From == f.Path {
			t.From = ""
		}
		for _, h := range f.Hunks {
			t.Hunks = append(t.Hunks, coverage.Hunk(h))
		}
		out = append(out, t)
	}
	return out
}
