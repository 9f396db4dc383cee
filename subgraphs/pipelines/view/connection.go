package view

import (
	"cmp"
	"slices"
	"strings"

	"callboard.dev/callboard/subgraphs/pipelines/ci"
	"callboard.dev/callboard/subgraphs/relay"
)

// edge is an item of a page.
type edge[T any] struct {
	Cursor string
	Node   T
}

// list is a page of a list.
type list[T, E any] struct {
	Edges      []E
	Nodes      []T
	PageInfo   relay.PageInfo
	TotalCount *int
}

func (l *list[T, E]) add(cursor string, node T, wrap func(edge[T]) E) {
	l.Nodes = append(l.Nodes, node)
	l.Edges = append(l.Edges, wrap(edge[T]{cursor, node}))
}

// Each kind of item has a page and an edge of its own, as the schema has.
type (
	PipelineConnection struct {
		list[*Pipeline, *PipelineEdge]
	}
	PipelineEdge          struct{ edge[*Pipeline] }
	PipelineRunConnection struct {
		list[*PipelineRun, *PipelineRunEdge]
	}
	PipelineRunEdge        struct{ edge[*PipelineRun] }
	CoverageFileConnection struct {
		Edges      []*CoverageFileEdge
		Nodes      []*CoverageFile
		PageInfo   relay.PageInfo
		TotalCount int
	}
	CoverageFileEdge         struct{ edge[*CoverageFile] }
	PipelineActionConnection struct {
		list[*PipelineAction, *PipelineActionEdge]
	}
	PipelineActionEdge struct{ edge[*PipelineAction] }
)

// cut returns one page of items that are all known, by keys that name them.
func cut[T, E any](items []T, args relay.Args, key func(T) string, wrap func(edge[T]) E) (list[T, E], error) {
	out := list[T, E]{Edges: []E{}, Nodes: []T{}}
	page, err := relay.Cut(items, args, key, nil)
	if err != nil {
		return out, Refuse(CodeBadPage, "%v", err)
	}
	for i, item := range page.Items {
		out.add(page.Cursors[i], item, wrap)
	}
	out.PageInfo, out.TotalCount = page.Info, new(len(items))
	return out, nil
}

// systemCursor starts the key in a cursor that is a system's own.
const systemCursor = "s:"

// forward is a page of a system's list, as the client wants it.
type forward struct {
	ci.Paging
	none bool // no item is wanted, but systems give at least one
}

// pagingOf reads the arguments of a list that is read forward alone.
func pagingOf(first *int, after *string) (forward, error) {
	args := relay.Args{First: first, After: after}
	if err := args.Check(); err != nil {
		return forward{}, Refuse(CodeBadPage, "%v", err)
	}
	out := forward{Paging: ci.Paging{First: relay.DefaultPage}}
	if first != nil {
		out.First, out.none = max(*first, 1), *first == 0
	}
	if after == nil {
		return out, nil
	}
	key, err := relay.Key(*after)
	if err != nil {
		return forward{}, Refuse(CodeBadPage, "after: %v", err)
	}
	var ok bool
	if out.After, ok = strings.CutPrefix(key, systemCursor); !ok {
		return forward{}, Refuse(CodeBadPage, "after: %q is not a cursor of this list; use endCursor of an earlier page", *after)
	}
	return out, nil
}

// showPage returns what the schema shows of a system's page.
func showPage[S, T, E any](wanted forward, page *ci.Page[S], show func(S) T, wrap func(edge[T]) E) list[T, E] {
	out := list[T, E]{Edges: []E{}, Nodes: []T{}, TotalCount: page.Total}
	n := min(len(page.Items), len(page.Cursors), wanted.First)
	if out.PageInfo.HasNextPage = page.Next || n < len(page.Items); wanted.none {
		out.PageInfo.HasNextPage, n = out.PageInfo.HasNextPage || n > 0, 0
	}
	out.PageInfo.HasPreviousPage = wanted.After != ""
	for i := range n {
		out.add(relay.Cursor(systemCursor+page.Cursors[i]), show(page.Items[i]), wrap)
	}
	if n > 0 {
		first, last := relay.Cursor(systemCursor+page.Cursors[0]), relay.Cursor(systemCursor+page.Cursors[n-1])
		out.PageInfo.StartCursor, out.PageInfo.EndCursor = &first, &last
	}
	return out
}

// byTime sorts runs, the newest first, and leaves all but the first of one id out.
func byTime(runs []*PipelineRun) []*PipelineRun {
	slices.SortStableFunc(runs, func(a, b *PipelineRun) int {
		return cmp.Or(b.run.CreatedAt.Compare(a.run.CreatedAt), cmp.Compare(a.ID, b.ID))
	})
	seen := map[string]bool{}
	return slices.DeleteFunc(runs, func(r *PipelineRun) bool {
		again := seen[r.ID]
		seen[r.ID] = true
		return again
	})
}
