package view

import (
	"context"
	"strings"

	"callboard.dev/callboard/clients/git"
	"callboard.dev/callboard/subgraphs/relay"
)

// edge is an item of a page.
type edge[T any] struct {
	Cursor string
	Node   T
}

// list is a page of a list that is known in full.
type list[T, E any] struct {
	Edges      []E
	Nodes      []T
	PageInfo   relay.PageInfo
	TotalCount int
}

// Each kind of item has a page and an edge of its own, as the schema has.
type (
	RepositoryConnection struct {
		list[*Repository, *RepositoryEdge]
	}
	RepositoryEdge        struct{ edge[*Repository] }
	GitRefEdge            struct{ edge[*GitRef] }
	ContributorConnection struct {
		list[*Contributor, *ContributorEdge]
	}
	ContributorEdge     struct{ edge[*Contributor] }
	TreeEntryConnection struct {
		list[*TreeEntry, *TreeEntryEdge]
	}
	TreeEntryEdge         struct{ edge[*TreeEntry] }
	ChangedFileConnection struct {
		list[*ChangedFile, *ChangedFileEdge]
	}
	ChangedFileEdge          struct{ edge[*ChangedFile] }
	CodeownersRuleConnection struct {
		list[*CodeownersRule, *CodeownersRuleEdge]
	}
	CodeownersRuleEdge struct{ edge[*CodeownersRule] }
	CommitEdge         struct{ edge[*Commit] }
)

// GitRefConnection is a page of branches or tags.
type GitRefConnection struct {
	Edges      []*GitRefEdge
	Nodes      []*GitRef
	PageInfo   relay.PageInfo
	TotalCount *int
}

// cut returns one page of items, each turned into what the schema shows of it.
func cut[S, T, E any](items []S, args relay.Args, key func(S) string, show func(S) T, wrap func(edge[T]) E) (list[T, E], error) {
	page, err := relay.Cut(items, args, key, nil)
	if err != nil {
		return list[T, E]{}, Refuse(CodeBadPage, "%v", err)
	}
	out := list[T, E]{Edges: make([]E, len(page.Items)), Nodes: make([]T, len(page.Items)), PageInfo: page.Info, TotalCount: page.TotalCount}
	for i, item := range page.Items {
		out.Nodes[i] = show(item)
		out.Edges[i] = wrap(edge[T]{Cursor: page.Cursors[i], Node: out.Nodes[i]})
	}
	return out, nil
}

// CommitConnection is a page of a history, which is not walked further than the page.
type CommitConnection struct {
	Edges    []*CommitEdge
	Nodes    []*Commit
	PageInfo relay.PageInfo

	repository *Repository
	start      git.OID
	filter     git.Filter
	total      *int // where it came with the page
}

// TotalCount walks the whole history, where the page did not come with it.
func (c *CommitConnection) TotalCount(ctx context.Context) (*int, error) {
	switch {
	case c.start == "":
		return new(0), nil
	case c.total != nil:
		return c.total, nil
	}
	return c.repository.facts.count(ctx, c.start, c.filter)
}

// foldedWords returns the words of a query in lower case.
func foldedWords(query *string) []string {
	if query == nil {
		return nil
	}
	return strings.Fields(strings.ToLower(*query))
}

func holdsAll(text string, words []string) bool {
	text = strings.ToLower(text)
	for _, word := range words {
		if !strings.Contains(text, word) {
			return false
		}
	}
	return true
}

func orEmpty(text *string) string {
	if text == nil {
		return ""
	}
	return *text
}

func orNull(text string) *string {
	if text == "" {
		return nil
	}
	return &text
}
