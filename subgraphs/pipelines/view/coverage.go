package view

import (
	"context"
	"slices"
	"strings"
	"time"

	"callboard.dev/callboard/subgraphs/pipelines/ci"
	"callboard.dev/callboard/subgraphs/pipelines/coverage"
	"callboard.dev/callboard/subgraphs/pipelines/reports"
	"callboard.dev/callboard/subgraphs/relay"
)

// The closed sets of the schema around coverage.
type (
	CoverageOrigin  string
	CoverageVerdict string
)

// Coverage is how much of the code tests ran.
type Coverage struct {
	Origin                   CoverageOrigin
	Lines, Branches          *float64
	CoveredLines, TotalLines *int
	Flags                    []*CoverageFlag

	known  *coverage.Report // nil where the system tells a share alone
	change func(ctx context.Context) (*CoverageChange, error)
}

// CoverageFlag is what reports of one flag say.
type CoverageFlag struct {
	Name  string
	Lines *float64
}

// CoverageFile is the coverage of a file.
type CoverageFile struct {
	Path                     string
	Lines                    *float64
	CoveredLines, TotalLines int
}

// CoverageChange is what a change does to the coverage.
type CoverageChange struct {
	AgainstMergeBase, Before, After *float64
	MergeBase                       string
	Base                            *string
	IsExact                         bool
	AddedLines, AddedLinesCovered   int
	LeftOutFlags                    []string
	Files, Elsewhere                []*CoverageFileChange
}

// CoverageFileChange is what a change does to the coverage of a file.
type CoverageFileChange struct {
	Path                          string
	PreviousPath                  *string
	Verdict                       CoverageVerdict
	Before, After, Change         *float64
	UntestedLines, UncoveredLines []int
}

// Bounds of what one change shows, as the schema says them.
const (
	maxChangedFiles = 300
	maxElsewhere    = 100
	maxLines        = 1000
)

// percent returns a share in percent, nil where there is nothing to be run.
func percent(c coverage.Count) *float64 {
	rate, ok := c.Rate()
	if !ok {
		return nil
	}
	return new(rate * 100)
}

func unreadable() error {
	return Refuse(CodeUnavailable, "the reports of coverage cannot be read now: try again later")
}

func showCoverage(c *reports.Coverage) *Coverage {
	out := &Coverage{Origin: "REPORT", Lines: percent(c.Totals.Lines), Branches: percent(c.Totals.Branches), CoveredLines: &c.Totals.Lines.Covered, TotalLines: &c.Totals.Lines.Total,
		Flags: []*CoverageFlag{}, known: c.Report}
	for _, f := range c.Flags {
		out.Flags = append(out.Flags, &CoverageFlag{Name: f.Flag, Lines: percent(f.Totals.Lines)})
	}
	return out
}

// Coverage is how much of the code its tests ran.
func (r *PipelineRun) Coverage(ctx context.Context) (*Coverage, error) {
	if of, ok := r.repository(); ok && r.run.Commit != "" {
		r.collect(ctx)
		known, err := r.request.source.Reports.Coverage(ctx, of, r.run.Commit)
		if err != nil {
			return nil, unreadable()
		}
		if known != nil && known.Report != nil {
			out := showCoverage(known)
			out.change = r.coverageChange
			return out, nil
		}
	}
	share := r.run.Coverage
	if share == nil && r.system.TellsResults() {
		l, err := r.request.of(r.system).coverages.Load(ctx, r.run.Key)
		if err != nil {
			return nil, err
		}
		share = l.Value
	}
	if share == nil {
		return nil, nil
	}
	return &Coverage{Origin: "PROVIDER", Lines: share, Flags: []*CoverageFlag{}}, nil
}

// coverageChange tells what the pull request of the run does to the coverage, or its branch where it is another than the default branch.
func (r *PipelineRun) coverageChange(ctx context.Context) (*CoverageChange, error) {
	of, ok := r.repository()
	if !ok {
		return nil, nil
	}
	c, err := r.comparison(ctx)
	if err != nil || c == nil || c.MergeBase == r.run.Commit {
		return nil, err
	}
	return r.request.coverageChange(ctx, of, c, r.run.Commit)
}

func (q *Request) coverageChange(ctx context.Context, of reports.Repository, c *ci.Comparison, head string) (*CoverageChange, error) {
	change, err := q.source.Reports.CoverageChange(ctx, of, c, head)
	if err != nil {
		return nil, unreadable()
	}
	if change != nil && change.Base == "" { // nobody has told of the base yet
		found, err := q.runsAt(ctx, of, c.MergeBase)
		if err != nil {
			return nil, err
		}
		q.collectAll(ctx, found)
		if change, err = q.source.Reports.CoverageChange(ctx, of, c, head); err != nil {
			return nil, unreadable()
		}
	}
	if change == nil || change.Coverage == nil {
		return nil, nil
	}
	with := change.Coverage
	out := &CoverageChange{MergeBase: c.MergeBase, Base: orNull(change.Base), IsExact: change.Exact, Before: percent(with.Base.Lines), After: percent(with.Head.Lines),
		AddedLines: with.Added.Total, AddedLinesCovered: with.Added.Covered, LeftOutFlags: slices.Concat(change.OnlyHead, change.OnlyBase, change.Unlike),
		Files: showFileChanges(with.Files, maxChangedFiles), Elsewhere: showFileChanges(with.Elsewhere, maxElsewhere)}
	if out.LeftOutFlags == nil {
		out.LeftOutFlags = []string{}
	}
	slices.Sort(out.LeftOutFlags)
	if points, ok := with.Lines(); ok {
		out.AgainstMergeBase = &points
	}
	return out, nil
}

func showFileChanges(list []coverage.Change, most int) []*CoverageFileChange {
	out := []*CoverageFileChange{}
	for i := range list[:min(len(list), most)] {
		c := &list[i]
		shown := &CoverageFileChange{Path: c.Path, Verdict: CoverageVerdict(c.Verdict), Before: percent(c.Base.Lines), After: percent(c.Head.Lines),
			UntestedLines: showLines(c.Untested), UncoveredLines: showLines(c.Uncovered)}
		if c.From != c.Path {
			shown.PreviousPath = orNull(c.From)
		}
		if points, ok := c.Lines(); ok {
			shown.Change = &points
		}
		out = append(out, shown)
	}
	return out
}

func showLines(numbers []uint32) []int {
	out := make([]int, 0, min(len(numbers), maxLines))
	for _, n := range numbers[:min(len(numbers), maxLines)] {
		if n <= 1<<31-1 {
			out = append(out, int(n))
		}
	}
	return out
}

// Change is what the pull request of the run does to it.
func (c *Coverage) Change(ctx context.Context) (*CoverageChange, error) {
	if c.change == nil {
		return nil, nil
	}
	return c.change(ctx)
}

// Files are the files.
func (c *Coverage) Files(path *string, first *int, after *string) (*CoverageFileConnection, error) {
	if c.known == nil {
		return nil, nil
	}
	below := strings.Trim(orEmpty(path), "/")
	var files []*CoverageFile
	for i := range c.known.Files {
		f := &c.known.Files[i]
		if below != "" && f.Path != below && !strings.HasPrefix(f.Path, below+"/") {
			continue
		}
		lines := f.Totals().Lines
		files = append(files, &CoverageFile{Path: f.Path, Lines: percent(lines), CoveredLines: lines.Covered, TotalLines: lines.Total})
	}
	page, err := cut(files, relay.Args{First: first, After: after}, func(f *CoverageFile) string { return f.Path }, func(e edge[*CoverageFile]) *CoverageFileEdge { return &CoverageFileEdge{e} })
	if err != nil {
		return nil, err
	}
	return &CoverageFileConnection{Edges: page.Edges, Nodes: page.Nodes, PageInfo: page.PageInfo, TotalCount: *page.TotalCount}, nil
}

// covered returns the coverage of a commit, nil where there is none. Where nobody has told of it yet, the reports of its runs are fetched.
func (q *Request) covered(ctx context.Context, of reports.Repository, commit string, runs func() ([]*PipelineRun, error)) (*reports.Coverage, error) {
	known, err := q.source.Reports.Coverage(ctx, of, commit)
	if err != nil {
		return nil, unreadable()
	}
	if known != nil && known.Report != nil {
		return known, nil
	}
	found, err := runs()
	if err != nil {
		return nil, err
	}
	q.collectAll(ctx, found)
	if known, err = q.source.Reports.Coverage(ctx, of, commit); err != nil {
		return nil, unreadable()
	}
	if known == nil || known.Report == nil {
		return nil, nil
	}
	return known, nil
}

// Coverage is how much of the code the tests ran at the commit.
func (c *Commit) Coverage(ctx context.Context) (*Coverage, error) {
	if !c.known {
		return nil, nil
	}
	of := reports.Repository{System: c.at.system, Path: c.at.name}
	known, err := c.request.covered(ctx, of, c.oid, func() ([]*PipelineRun, error) { return c.request.runsAt(ctx, of, c.oid) })
	if err != nil || known == nil {
		return nil, err
	}
	return showCoverage(known), nil
}

// CoverageChange is what it does to the coverage.
func (p *PullRequest) CoverageChange(ctx context.Context) (*CoverageChange, error) {
	head := orEmpty(p.HeadRefOid)
	if p.number == 0 || head == "" {
		return nil, nil
	}
	of := reports.Repository{System: p.at.system, Path: p.at.name}
	known, err := p.request.covered(ctx, of, head, func() ([]*PipelineRun, error) {
		own, linked, err := p.runs(ctx)
		return append(own, linked...), err
	})
	if err != nil || known == nil {
		return nil, err // without any, the host need not be asked what is compared with what
	}
	c, err := p.request.compare(ctx, of, p.BaseRefName, head)
	if err != nil || c == nil {
		return nil, err
	}
	return p.request.coverageChange(ctx, of, c, head)
}

// CoverageSeries is the coverage over time, as reports tell it.
func (r *Repository) CoverageSeries(ctx context.Context, branch, flag *string, from, to *time.Time) (*PipelineSeries, error) {
	if len(r.choices) == 0 {
		return nil, nil
	}
	at := r.choices[0][0]
	var since, until time.Time
	if from != nil {
		since = *from
	}
	if to != nil {
		until = *to
	}
	if branch == nil {
		branch = r.DefaultBranch
	}
	found, err := r.request.source.Reports.CoverageSeries(ctx, reports.Repository{System: at.system, Path: at.name}, orEmpty(branch), flag, since, until, maxSeries)
	if err != nil {
		return nil, unreadable()
	}
	out := &PipelineSeries{Unit: units[metricCoverage], Source: "reports", Points: []*PipelinePoint{}}
	if found == nil {
		return out, nil
	}
	for _, p := range found.Points {
		out.Points = append(out.Points, &PipelinePoint{At: p.At, Value: p.Percent, Commit: orNull(p.Commit)})
	}
	return out, nil
}

// maxSeries is how many points the coverage of a repository has at most, by judgement.
const maxSeries = 1000

// coverages returns the coverage of each of the runs: as the system tells it, else of the reports of its commit.
func (p *Pipeline) coverages(ctx context.Context, runs []*ci.Run) (func(i int) (float64, bool), error) {
	shares := make([]*float64, len(runs))
	var without []int
	for i, r := range runs {
		if shares[i] = r.Coverage; shares[i] == nil {
			without = append(without, i)
		}
	}
	kept, err := p.kept(ctx, reports.KindCoverage, runs, without)
	if err != nil {
		return nil, unreadable()
	}
	read := map[string]*float64{} // by commit
	for _, k := range kept {
		commit := runs[k.run].Commit
		if len(k.heads) == 1 {
			shares[k.run] = percent(k.heads[0].Count)
			continue
		}
		share, done := read[commit]
		if !done { // lines that several flags have are one
			known, err := p.request.source.Reports.Coverage(ctx, k.of, commit)
			if err != nil {
				return nil, unreadable()
			}
			if known != nil {
				share = percent(known.Totals.Lines)
			}
			read[commit] = share
		}
		shares[k.run] = share
	}
	return func(i int) (float64, bool) {
		if shares[i] == nil {
			return 0, false
		}
		return *shares[i], true
	}, nil
}
