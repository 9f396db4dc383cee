package catalog

import (
	"context"
	"crypto/sha256"
	"fmt"

	"callboard.dev/callboard/subgraphs/catalog/descriptor"
	"callboard.dev/callboard/subgraphs/catalog/graph"
	"callboard.dev/callboard/subgraphs/catalog/view"
	"callboard.dev/callboard/subgraphs/relay"
)

// resolver is the roots of the catalog's graph.
type resolver struct{ catalog *Catalog }

func (r resolver) Query() graph.QueryResolver       { return query(r) }
func (r resolver) Mutation() graph.MutationResolver { return mutation(r) }
func (r resolver) Entity() graph.EntityResolver     { return entities{} }

type query struct{ catalog *Catalog }

// Entity is the entity that a reference names.
func (query) Entity(ctx context.Context, ref string) (view.CatalogEntity, error) {
	parsed, err := view.ParseRef(ref, "")
	if err != nil {
		return nil, err
	}
	return view.Find(indexOf(ctx), parsed), nil
}

// Entities are the entities that match.
func (query) Entities(
	ctx context.Context, filter *view.EntityFilter, query *string, orderBy []*view.EntityOrder,
	first *int, after *string, last *int, before *string,
) (*view.EntityConnection, error) {
	args := relay.Args{First: first, After: after, Last: last, Before: before}
	return view.List(indexOf(ctx), nil, filter, query, orderBy, args)
}

// IngestionIssues are the issues that match.
func (query) IngestionIssues(
	ctx context.Context, filter *graph.IngestionIssueFilter, first *int, after *string, last *int, before *string,
) (*graph.IngestionIssueConnection, error) {
	x := indexOf(ctx)
	issues := x.Issues()
	if filter != nil {
		match, err := issueMatcher(*filter)
		if err != nil {
			return nil, err
		}
		var kept []descriptor.Issue
		for _, issue := range issues {
			if match(issue) {
				kept = append(kept, issue)
			}
		}
		issues = kept
	}
	page, err := relay.Cut(issues, relay.Args{First: first, After: after, Last: last, Before: before}, issueKey, nil)
	if err != nil {
		return nil, view.Refuse(view.CodeBadPage, "%v", err)
	}
	out := &graph.IngestionIssueConnection{
		Nodes: make([]*view.IngestionIssue, len(page.Items)), Edges: make([]*graph.IngestionIssueEdge, len(page.Items)),
		PageInfo: page.Info, TotalCount: page.TotalCount,
	}
	for i, issue := range page.Items {
		shown := view.Issue(x, issue)
		out.Nodes[i] = &shown
		out.Edges[i] = &graph.IngestionIssueEdge{Cursor: page.Cursors[i], Node: shown}
	}
	return out, nil
}

// issueKey names an issue in a cursor. Messages can be long, so it is a hash of everything the issue says.
func issueKey(issue descriptor.Issue) string {
	sum := sha256.Sum256(fmt.Appendf(nil, "%q %q %q %d %d %q %q",
		issue.Severity, issue.Rule, issue.File, issue.Document, issue.Line, issue.Ref, issue.Message))
	return string(sum[:12])
}

func issueMatcher(f graph.IngestionIssueFilter) (func(descriptor.Issue) bool, error) {
	var ref descriptor.Ref
	if text := f.Ref.Value(); text != nil {
		var err error
		if ref, err = view.ParseRef(*text, ""); err != nil {
			return nil, err
		}
	}
	severity, rule, file := f.Severity.Value(), f.Rule.Value(), f.File.Value()
	return func(issue descriptor.Issue) bool {
		return (severity == nil || issue.Severity == *severity) && (rule == nil || issue.Rule == *rule) &&
			(file == nil || issue.File == *file) && (f.Ref.Value() == nil || issue.Ref == ref)
	}, nil
}

// RegisteredLocations are the locations that clients registered.
func (q query) RegisteredLocations(context.Context) ([]*graph.RegisteredLocation, error) {
	targets, known := q.catalog.locations.Targets()
	if !known {
		return nil, view.Refuse(codeUnavailable, "the catalog's store has not answered since the catalog was started, so what is registered is not known; try again")
	}
	out := make([]*graph.RegisteredLocation, len(targets))
	for i, target := range targets {
		out[i] = &graph.RegisteredLocation{Target: target}
	}
	return out, nil
}

// entities finds the entities that other subgraphs name by their keys. One that is not there, or is of another kind than the one
// that was asked for, is null.
type entities struct{}

func find[T view.CatalogEntity, Representation any](
	ctx context.Context, representations []*Representation, ref func(*Representation) string,
) ([]T, error) {
	x := indexOf(ctx)
	out := make([]T, len(representations))
	for i, representation := range representations {
		parsed, err := view.ParseRef(ref(representation), "")
		if err != nil { // no reference, so there is no such entity
			continue
		}
		out[i], _ = view.Find(x, parsed).(T)
	}
	return out, nil
}

func (entities) FindManyCatalogEntityByRefs(ctx context.Context, reps []*graph.CatalogEntityByRefsInput) ([]view.CatalogEntity, error) {
	return find[view.CatalogEntity](ctx, reps, func(r *graph.CatalogEntityByRefsInput) string { return r.Ref })
}

func (entities) FindManyComponentByRefs(ctx context.Context, reps []*graph.ComponentByRefsInput) ([]*view.Component, error) {
	return find[*view.Component](ctx, reps, func(r *graph.ComponentByRefsInput) string { return r.Ref })
}

func (entities) FindManyAPIByRefs(ctx context.Context, reps []*graph.APIByRefsInput) ([]*view.API, error) {
	return find[*view.API](ctx, reps, func(r *graph.APIByRefsInput) string { return r.Ref })
}

func (entities) FindManyResourceByRefs(ctx context.Context, reps []*graph.ResourceByRefsInput) ([]*view.Resource, error) {
	return find[*view.Resource](ctx, reps, func(r *graph.ResourceByRefsInput) string { return r.Ref })
}

func (entities) FindManySystemByRefs(ctx context.Context, reps []*graph.SystemByRefsInput) ([]*view.System, error) {
	return find[*view.System](ctx, reps, func(r *graph.SystemByRefsInput) string { return r.Ref })
}

func (entities) FindManyDomainByRefs(ctx context.Context, reps []*graph.DomainByRefsInput) ([]*view.Domain, error) {
	return find[*view.Domain](ctx, reps, func(r *graph.DomainByRefsInput) string { return r.Ref })
}

func (entities) FindManyGroupByRefs(ctx context.Context, reps []*graph.GroupByRefsInput) ([]*view.Group, error) {
	return find[*view.Group](ctx, reps, func(r *graph.GroupByRefsInput) string { return r.Ref })
}

func (entities) FindManyUserByRefs(ctx context.Context, reps []*graph.UserByRefsInput) ([]*view.User, error) {
	return find[*view.User](ctx, reps, func(r *graph.UserByRefsInput) string { return r.Ref })
}

func (entities) FindManyLocationByRefs(ctx context.Context, reps []*graph.LocationByRefsInput) ([]*view.Location, error) {
	return find[*view.Location](ctx, reps, func(r *graph.LocationByRefsInput) string { return r.Ref })
}

func (entities) FindManyTemplateByRefs(ctx context.Context, reps []*graph.TemplateByRefsInput) ([]*view.Template, error) {
	return find[*view.Template](ctx, reps, func(r *graph.TemplateByRefsInput) string { return r.Ref })
}

func (entities) FindManyAiResourceByRefs(ctx context.Context, reps []*graph.AiResourceByRefsInput) ([]*view.AiResource, error) {
	return find[*view.AiResource](ctx, reps, func(r *graph.AiResourceByRefsInput) string { return r.Ref })
}
