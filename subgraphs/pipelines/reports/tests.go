package reports

import (
	"cmp"
	"context"
	"slices"
	"time"

	"callboard.dev/callboard/subgraphs/pipelines/store"
	"callboard.dev/callboard/subgraphs/pipelines/testreport"
)

// Tests is what the reports of tests of a commit, or of one of its runs, say together.
type Tests struct {
	Commit string
	Report *testreport.Report
	Flags  []string        // that it is of, by name
	Runs   []string        // that are known, by name
	At     time.Time       // of the newest
	Unread []Unread        // that should have been part of it, and could not be read
	Flaked []testreport.ID // cases that both passed and failed for the commit, of which the report has only how they ended last, in order
}

// Tests returns what came of the tests of a commit, or of one run of it where that is given as ci.Run.Key; nil where nobody has reported any. An error is one of
// the store.
func (r *Reports) Tests(ctx context.Context, of Repository, commit, run string) (*Tests, error) {
	key, commit, err := of.named(commit)
	if err != nil {
		return nil, err
	}
	return r.tests(ctx, key, commit, func(k store.Report) bool { return run == "" || k.Run == run })
}

// tests puts together what is kept of a commit; nil where nothing is.
func (r *Reports) tests(ctx context.Context, key, commit string, wanted func(store.Report) bool) (*Tests, error) {
	kept, err := r.store.Reports(ctx, key, KindTests, []string{commit})
	if err != nil {
		return nil, err
	}
	var out *Tests
	for _, k := range kept {
		if !wanted(k) {
			continue
		}
		report, a, err := r.limits.testsOf(k)
		if err != nil {
			return nil, err
		}
		if out == nil {
			out = &Tests{Commit: commit}
		}
		if out.Report, err = joined(r.limits.Tests, out.Report, report); err != nil {
			return nil, err
		}
		if k.At.After(out.At) {
			out.At = k.At
		}
		if k.Run != "" {
			out.Runs = append(out.Runs, k.Run)
		}
		out.Flags, out.Unread, out.Flaked = append(out.Flags, k.Flag), append(out.Unread, a.Unread...), append(out.Flaked, a.Flaked...)
	}
	if out != nil {
		slices.Sort(out.Runs)
		slices.Sort(out.Flaked)
		out.Runs, out.Flaked = slices.Compact(out.Runs), slices.Compact(out.Flaked)
	}
	return out, nil
}

// TestChange is what a change did to the tests.
type TestChange struct {
	Base  string // object id of the commit that it is compared with; "" where none has a report that is like that of the head
	Exact bool   // it is the first commit that was asked for
	// Tests has what newly fails, still fails, is fixed, or is flaky. Without a base what fails is Failing, and nothing is new.
	Tests *testreport.Comparison
	// Missing are flags of the head that the base has no reports of: cases of theirs that fail count as new.
	Missing []string
}

// TestChange compares tests with those of the first of the commits, the nearest first, that has a report of one of the flags. Without flags, as for what a CI
// system itself knows of tests, any reports are compared with.
func (r *Reports) TestChange(ctx context.Context, of Repository, base []string, head *testreport.Report, flags ...string) (*TestChange, error) {
	key, err := of.key()
	if err != nil {
		return nil, err
	}
	commits, err := commitsOf(base)
	if err != nil {
		return nil, err
	}
	wanted := func(flag string) bool { return len(flags) == 0 || slices.Contains(flags, flag) }
	out := &TestChange{}
	if out.Base, err = r.nearest(ctx, key, KindTests, commits, wanted); err != nil {
		return nil, err
	}
	var was *testreport.Report
	if out.Base != "" {
		tests, err := r.tests(ctx, key, out.Base, func(k store.Report) bool { return wanted(k.Flag) })
		if err != nil {
			return nil, err
		}
		if tests == nil { // forgotten since
			out.Base = ""
		} else {
			was = tests.Report
			out.Missing = slices.DeleteFunc(slices.Clone(flags), func(flag string) bool { return slices.Contains(tests.Flags, flag) })
			slices.Sort(out.Missing)
		}
	}
	out.Exact = out.Base != "" && out.Base == commits[0]
	out.Tests = testreport.Compare(was, head)
	return out, nil
}

// Flake is a test that is not to be relied on.
type Flake struct {
	Case    testreport.Case // as the newest report that tells of it has it
	Suite   string
	Commits []string  // for which it both passed and failed, the newest first
	Last    time.Time // of the newest of these
	Reports int       // of how many reports that have the case
}

// Flaky returns the cases that both passed and failed for one commit, as its reports one after the other say or the test runner itself, in the newest reports of a
// branch; those first that did so most often, and then most lately.
func (r *Reports) Flaky(ctx context.Context, of Repository, branch string) ([]Flake, error) {
	key, err := of.key()
	if err != nil {
		return nil, err
	}
	series, err := r.store.Series(ctx, store.SeriesQuery{Repository: key, Kind: KindTests, Branch: branch, Most: r.limits.Flaky})
	if err != nil {
		return nil, err
	}
	type seen struct {
		flake   Flake
		reports int
		has     bool // the case is known, and not only its identity
	}
	known := map[testreport.ID]*seen{}
	newest := slices.Clone(series)
	slices.Reverse(newest)
	for len(newest) > 0 { // one commit at a time, as reports can be large
		commit := newest[0].Commit
		flags := map[string]bool{}
		rest := newest[:0]
		for _, h := range newest {
			if h.Commit == commit {
				flags[h.Flag] = true
			} else {
				rest = append(rest, h)
			}
		}
		newest = rest
		tests, err := r.tests(ctx, key, commit, func(k store.Report) bool { return k.Branch == branch && flags[k.Flag] })
		if err != nil {
			return nil, err
		}
		if tests == nil {
			continue
		}
		flaked := map[testreport.ID]bool{}
		for _, id := range tests.Flaked {
			flaked[id] = true
		}
		here := map[testreport.ID]bool{}
		for i := range tests.Report.Suites {
			suite := &tests.Report.Suites[i]
			for j := range suite.Cases {
				c := &suite.Cases[j]
				k := known[c.ID]
				if k == nil {
					k = &seen{}
					known[c.ID] = k
				}
				if !here[c.ID] {
					here[c.ID] = true
					k.reports++
				}
				if c.Status != testreport.Flaky && !flaked[c.ID] {
					continue
				}
				if !k.has {
					k.has, k.flake.Case, k.flake.Suite, k.flake.Last = true, *c, suite.Name, tests.At
				}
				if !slices.Contains(k.flake.Commits, commit) {
					k.flake.Commits = append(k.flake.Commits, commit)
				}
			}
		}
	}
	var out []Flake
	for _, k := range known {
		if k.has {
			k.flake.Reports = k.reports
			out = append(out, k.flake)
		}
	}
	slices.SortFunc(out, func(a, b Flake) int {
		return cmp.Or(cmp.Compare(len(b.Commits), len(a.Commits)), b.Last.Compare(a.Last), cmp.Compare(a.Case.Class, b.Case.Class), cmp.Compare(a.Suite, b.Suite), cmp.Compare(a.Case.Name, b.Case.Name))
	})
	return out, nil
}
