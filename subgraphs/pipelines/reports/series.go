package reports

import (
	"cmp"
	"context"
	"maps"
	"slices"
	"time"

	"callboard.dev/callboard/subgraphs/pipelines/coverage"
	"callboard.dev/callboard/subgraphs/pipelines/store"
)

// Point is the coverage of one commit of a series.
type Point struct {
	At      time.Time
	Commit  string
	Percent float64 // of lines, 0 to 100
	Covered int
	Total   int // above 0
}

// Series is the coverage of a branch over time, as one flag tells it.
type Series struct {
	Flag   string
	Flags  []string // that the branch has reports of in that time, by name
	Points []Point  // the oldest first
}

// CoverageSeries returns the coverage of a branch from a time on until before another, the newest most points of it (all that the store returns at once where it is
// 0). A time that is zero is no bound. Without a flag it is of the one that most of the reports are of. It is nil where there is none.
func (r *Reports) CoverageSeries(ctx context.Context, of Repository, branch string, flag *string, from, to time.Time, most int) (*Series, error) {
	key, err := of.key()
	if err != nil {
		return nil, err
	}
	kept, err := r.store.Series(ctx, store.SeriesQuery{Repository: key, Kind: KindCoverage, Branch: branch, From: from, To: to})
	if err != nil {
		return nil, err
	}
	count := map[string]int{}
	for _, k := range kept {
		count[k.Flag]++
	}
	out := &Series{Flags: slices.Sorted(maps.Keys(count))}
	if flag != nil {
		out.Flag = *flag
		if len(kept) == store.MaxSeries { // of this flag there may be more
			if kept, err = r.store.Series(ctx, store.SeriesQuery{Repository: key, Kind: KindCoverage, Branch: branch, Flag: flag, From: from, To: to, Most: most}); err != nil {
				return nil, err
			}
		}
	} else if len(out.Flags) > 0 {
		out.Flag = slices.MaxFunc(out.Flags, func(a, b string) int { return cmp.Or(cmp.Compare(count[a], count[b]), cmp.Compare(b, a)) })
	}
	for _, k := range kept {
		if rate, ok := (coverage.Count{Covered: k.Covered, Total: k.Total}).Rate(); ok && k.Flag == out.Flag {
			out.Points = append(out.Points, Point{At: k.At, Commit: k.Commit, Percent: rate * 100, Covered: k.Covered, Total: k.Total})
		}
	}
	if most > 0 {
		out.Points = out.Points[max(0, len(out.Points)-most):]
	}
	if len(out.Points) == 0 {
		return nil, nil
	}
	return out, nil
}
