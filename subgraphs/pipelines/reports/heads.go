package reports

import (
	"context"
	"time"

	"callboard.dev/callboard/subgraphs/pipelines/coverage"
)

// Head is what is known of a report without reading it.
type Head struct {
	Flag  string
	Run   string         // "" where it is not known
	At    time.Time      // of the run, or of the upload
	Count coverage.Count // lines that were run, or tests that passed
	Fails int            // tests that failed
}

// Heads returns what is known of the reports of one kind, KindCoverage or KindTests, of many commits, by flag: for lists, of which it reads little and at once. The
// lines of several flags are partly the same, and must not be added up: Coverage does that.
func (r *Reports) Heads(ctx context.Context, of Repository, kind string, commits []string) ([][]Head, error) {
	key, err := of.key()
	if err != nil {
		return nil, err
	}
	places := map[string][]int{}
	var wanted []string
	for i, commit := range commits {
		_, id, err := of.named(commit)
		if err != nil {
			return nil, err
		}
		if places[id] == nil {
			wanted = append(wanted, id)
		}
		places[id] = append(places[id], i)
	}
	out := make([][]Head, len(commits))
	if len(wanted) == 0 {
		return out, nil
	}
	kept, err := r.store.ReportHeads(ctx, key, kind, wanted)
	if err != nil {
		return nil, err
	}
	for _, k := range kept {
		for _, i := range places[k.Commit] {
			out[i] = append(out[i], Head{Flag: k.Flag, Run: k.Run, At: k.At, Count: coverage.Count{Covered: k.Covered, Total: k.Total}, Fails: k.Failed})
		}
	}
	return out, nil
}
