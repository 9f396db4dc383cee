package view

import (
	"context"
	"slices"
	"time"

	"callboard.dev/callboard/subgraphs/relay"
	"callboard.dev/callboard/subgraphs/repos/host"
	"callboard.dev/callboard/subgraphs/scalar"
	"callboard.dev/callboard/subgraphs/upstream"
)

// hostList is a page of a list of a host.
type hostList[T, E any] struct {
	Edges      []E
	Nodes      []T
	PageInfo   relay.PageInfo
	TotalCount *int
}

// showPage returns what the schema shows of a host's page; nil where the host has no such list.
func showPage[S, T, E any](wanted page, l host.Loaded[*host.Page[S]], err error, show func(S) T, wrap func(edge[T]) E) (*hostList[T, E], error) {
	if err != nil || !l.Known() || l.Value == nil {
		return nil, err
	}
	out := &hostList[T, E]{Edges: []E{}, Nodes: []T{}, TotalCount: l.Value.Total}
	shown := wanted.trim(l.Value.Cursors[:min(len(l.Value.Cursors), len(l.Value.Items))], l.Value.Next, l.Value.Prev)
	out.PageInfo = shown.info
	for i, cursor := range shown.cursors {
		node := show(l.Value.Items[i])
		out.Nodes = append(out.Nodes, node)
		out.Edges = append(out.Edges, wrap(edge[T]{cursor, node}))
	}
	return out, nil
}

// The lists of a repository that are nothing but pages.
type (
	ReleaseConnection struct {
		hostList[*Release, *ReleaseEdge]
	}
	ReleaseEdge     struct{ edge[*Release] }
	LabelConnection struct {
		hostList[*Label, *LabelEdge]
	}
	LabelEdge              struct{ edge[*Label] }
	TrackerIssueConnection struct {
		hostList[*TrackerIssue, *TrackerIssueEdge]
	}
	TrackerIssueEdge struct{ edge[*TrackerIssue] }
)

// listOf makes the question for a page of a repository's list.
func listOf(wanted page) func(path string) host.ListQuery {
	return func(path string) host.ListQuery { return host.ListQuery{Repository: path, Paging: wanted.Paging} }
}

// Releases are the releases.
func (r *Repository) Releases(ctx context.Context, first *int, after *string) (*ReleaseConnection, error) {
	if r.host == nil {
		return nil, nil
	}
	wanted, err := pagingOf(relay.Args{First: first, After: after})
	if err != nil {
		return nil, err
	}
	l, err := together(ctx, r.cohort, r.request.of(r.host).releases, r.card.Path, listOf(wanted))
	list, err := showPage(wanted, l, err, showRelease, func(e edge[*Release]) *ReleaseEdge { return &ReleaseEdge{e} })
	if list == nil || err != nil {
		return nil, err
	}
	return &ReleaseConnection{*list}, nil
}

// Labels are the labels.
func (r *Repository) Labels(ctx context.Context, first *int, after *string) (*LabelConnection, error) {
	if r.host == nil {
		return nil, nil
	}
	wanted, err := pagingOf(relay.Args{First: first, After: after})
	if err != nil {
		return nil, err
	}
	l, err := together(ctx, r.cohort, r.request.of(r.host).labels, r.card.Path, listOf(wanted))
	list, err := showPage(wanted, l, err, showLabel, func(e edge[*Label]) *LabelEdge { return &LabelEdge{e} })
	if list == nil || err != nil {
		return nil, err
	}
	return &LabelConnection{*list}, nil
}

// The closed sets of the schema around trackers.
type (
	TrackerIssueState      string
	TrackerIssueOrderField string
)

// TrackerIssueOrder is how issues are to be ordered.
type TrackerIssueOrder struct {
	Field     TrackerIssueOrderField
	Direction OrderDirection
}

// TrackerIssue is an issue in a host's tracker.
type TrackerIssue struct {
	Provenance
	Number              int
	Title               string
	State               TrackerIssueState
	URL                 scalar.URL
	Author              *HostUser
	CreatedAt           time.Time
	UpdatedAt, ClosedAt *time.Time
	Labels              []*Label
	Assignees           []*HostUser
	CommentCount        *int
}

// TrackerIssues are the issues in the host's tracker.
func (r *Repository) TrackerIssues(ctx context.Context, states []TrackerIssueState, labels []string, assignee *string, orderBy *TrackerIssueOrder, first *int, after *string, last *int, before *string) (*TrackerIssueConnection, error) {
	if r.host == nil {
		return nil, nil
	}
	wanted, err := pagingOf(relay.Args{First: first, After: after, Last: last, Before: before})
	if err != nil {
		return nil, err
	}
	if len(states) == 1 && states[0] == "OPEN" && len(labels) == 0 && assignee == nil && r.card.OpenIssues != nil && !upstream.Selects(ctx, "nodes", "edges", "pageInfo") {
		return &TrackerIssueConnection{hostList[*TrackerIssue, *TrackerIssueEdge]{TotalCount: r.card.OpenIssues}}, nil
	}
	query := host.IssueQuery{States: textsOf(states), Labels: labels, Assignee: orEmpty(assignee), Order: host.Order{Field: "CREATED_AT", Desc: true}, Paging: wanted.Paging}
	if orderBy != nil {
		query.Order = host.Order{Field: string(orderBy.Field), Desc: orderBy.Direction != "ASC"}
	}
	l, err := together(ctx, r.cohort, r.request.of(r.host).issues, r.card.Path, func(path string) host.IssueQuery {
		query.Repository = path
		return query
	})
	show := func(i *host.Issue) *TrackerIssue {
		out := &TrackerIssue{Provenance: sourced(r.host, l), Number: i.Number, Title: i.Title, State: orElse(oneOf[TrackerIssueState](i.State, "OPEN"), "CLOSED"),
			Author: showUser(i.Author), CreatedAt: i.CreatedAt, UpdatedAt: moment(i.UpdatedAt), ClosedAt: moment(i.ClosedAt), Labels: showLabels(i.Labels),
			Assignees: showUsers(i.Assignees), CommentCount: i.Comments}
		if address := webAddress(i.URL); address != nil {
			out.URL = *address
		}
		return out
	}
	list, err := showPage(wanted, l, err, show, func(e edge[*TrackerIssue]) *TrackerIssueEdge { return &TrackerIssueEdge{e} })
	if list == nil || err != nil {
		return nil, err
	}
	return &TrackerIssueConnection{*list}, nil
}

// sortedSet returns the texts sorted, each once.
func sortedSet(texts []string) []string {
	slices.Sort(texts)
	return slices.Compact(texts)
}
