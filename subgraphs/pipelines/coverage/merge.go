package coverage

import "slices"

// Merge adds up reports of one commit, as of the shards of its tests. Hits add up. Of branches, functions and statements a report only tells how many were run, not
// which: the largest number is taken, which is certain, while together they may have run more. Paths are compared as they are: where the reports were made in
// different folders or by different tools, Locate each first. The result is over no limit of the zero Limits where none is given.
func Merge(l Limits, reports ...*Report) (*Report, error) {
	limits := l.filled()
	out := &Report{}
	lines := 0
	for i, r := range reports {
		if i == 0 {
			out.Format = r.Format
		} else if out.Format != r.Format {
			out.Format = ""
		}
		for _, root := range r.Roots {
			if !slices.Contains(out.Roots, root) {
				out.Roots = append(out.Roots, root)
			}
		}
		if len(out.Roots) > limits.Roots {
			return nil, &LimitError{Limit: LimitRoots, Max: int64(limits.Roots)}
		}
		out.Files = unite(append(out.Files, r.Files...), foldRuns)
		if len(out.Files) > limits.Files {
			return nil, &LimitError{Limit: LimitFiles, Max: int64(limits.Files)}
		}
		lines = 0
		for i := range out.Files {
			lines += len(out.Files[i].Lines)
		}
		if lines > limits.Lines {
			return nil, &LimitError{Limit: LimitLines, Max: int64(limits.Lines)}
		}
	}
	return out, nil
}
