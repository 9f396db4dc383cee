package view

import (
	"encoding/json"
	"fmt"

	"callboard.dev/callboard/subgraphs/catalog/descriptor"
	"callboard.dev/callboard/subgraphs/catalog/index"
	"callboard.dev/callboard/subgraphs/relay"
	"callboard.dev/callboard/subgraphs/scalar"
)

// CatalogEntity is any of the kinds' types.
type CatalogEntity interface {
	IsCatalogEntity()
	IsEntity()
}

// node is what all kinds have in common. Its methods are the fields of the interface CatalogEntity; those that only some
// kinds have in the schema are in kind.go.
type node struct {
	x  *index.Index
	id index.ID
}

// IsCatalogEntity makes every type that embeds node a CatalogEntity.
func (node) IsCatalogEntity() {}

// IsEntity marks the types that other subgraphs may extend.
func (node) IsEntity() {}

func (e node) entity() *descriptor.Entity { return e.x.Entity(e.id) }

// Ref is the canonical reference.
func (e node) Ref() string { return e.x.RefText(e.id) }

// Kind is the kind as written.
func (e node) Kind() string { return e.entity().Kind }

// APIVersion is the version of the format.
func (e node) APIVersion() string { return e.entity().APIVersion }

// Namespace is the namespace as written, or the default one.
func (e node) Namespace() string { return e.entity().Namespace }

// Name is the name as written.
func (e node) Name() string { return e.entity().Name }

// Title is the name for people.
func (e node) Title() *string { return orNil(e.entity().Metadata.Title) }

// Description says what it is.
func (e node) Description() *string { return orNil(e.entity().Metadata.Description) }

// Labels are the labels; the caller must not change them.
func (e node) Labels() scalar.StringMap { return e.entity().Metadata.Labels }

// Annotations are the annotations; the caller must not change them.
func (e node) Annotations() scalar.StringMap { return e.entity().Metadata.Annotations }

// Tags are the tags in the order of the file; the caller must not change them.
func (e node) Tags() []string {
	if tags := e.entity().Metadata.Tags; tags != nil {
		return tags
	}
	return []string{}
}

// EntityLink is a link of an entity.
type EntityLink struct {
	URL   scalar.URL
	Title *string
	Icon  *string
	Type  *string
}

// Links are the links in the order of the file.
func (e node) Links() []EntityLink {
	links := e.entity().Metadata.Links
	out := make([]EntityLink, len(links))
	for i, link := range links {
		out[i] = EntityLink{scalar.URL(link.URL), orNil(link.Title), orNil(link.Icon), orNil(link.Type)}
	}
	return out
}

// Type is the type, or nil where the kind or the file has none.
func (e node) Type() *string { return e.specText("type") }

// Spec is all of the spec, with sorted keys.
func (e node) Spec() (scalar.JSON, error) {
	spec := e.entity().Spec
	if spec == nil {
		return scalar.JSON("{}"), nil
	}
	text, err := json.Marshal(spec)
	if err != nil {
		return nil, fmt.Errorf("writing the spec of %s as JSON: %w", e.Ref(), err)
	}
	return text, nil
}

func (e node) specText(field string) *string {
	text, _ := e.entity().Spec[field].(string)
	return orNil(text)
}

// Owner is the owner, or nil where none is there.
func (e node) Owner() CatalogEntity {
	for _, edge := range e.x.Relations(e.id, "ownedBy") {
		if edge.Reason == "" && (edge.Target.Kind == "group" || edge.Target.Kind == "user") {
			return Of(e.x, edge.ID)
		}
	}
	return nil
}

// OwnerRef is the reference of the owner, there or not.
func (e node) OwnerRef() *string {
	for _, edge := range e.x.Relations(e.id, "ownedBy") {
		ref := edge.Target.String()
		return &ref
	}
	return nil
}

// Relations are all relations, or those of some types.
func (e node) Relations(types []string, first *int, after *string, last *int, before *string) (*RelationConnection, error) {
	edges := e.x.AllRelations(e.id)
	if types != nil {
		wanted := make(map[string]bool, len(types))
		for _, t := range types {
			wanted[t] = true
		}
		kept := edges[:0]
		for _, edge := range edges {
			if wanted[edge.Type] {
				kept = append(kept, edge)
			}
		}
		edges = kept
	}
	return newRelationConnection(e.x, edges, relay.Args{First: first, After: after, Last: last, Before: before})
}

// EntitySource tells where an entity was read.
type EntitySource struct {
	File     string
	Line     int
	Document int
	Location string
}

// Source tells where it was read.
func (e node) Source() EntitySource {
	s := e.entity().Source
	return EntitySource{s.File, s.Line, s.Document, s.Location}
}

// Issues are what is wrong with it.
func (e node) Issues() []IngestionIssue { return Issues(e.x, e.x.IssuesOf(e.id)) }

// IngestionIssue is something that is wrong with the catalog.
type IngestionIssue struct {
	Severity descriptor.Severity
	Rule     string
	Message  string
	File     string
	Line     *int
	Document *int
	Ref      *string

	x   *index.Index
	ref descriptor.Ref
}

// Issues shows issues of an index.
func Issues(x *index.Index, issues []descriptor.Issue) []IngestionIssue {
	out := make([]IngestionIssue, len(issues))
	for i, issue := range issues {
		out[i] = Issue(x, issue)
	}
	return out
}

// Issue shows one issue of an index.
func Issue(x *index.Index, issue descriptor.Issue) IngestionIssue {
	out := IngestionIssue{
		Severity: issue.Severity, Rule: issue.Rule, Message: issue.Message, File: issue.File, x: x, ref: issue.Ref,
	}
	if issue.Line > 0 {
		out.Line = &issue.Line
	}
	if issue.Document >= 0 {
		out.Document = &issue.Document
	}
	if issue.Ref != (descriptor.Ref{}) {
		out.Ref = orNil(issue.Ref.String())
	}
	return out
}

// Entity is the entity concerned, or nil where it has no valid name or was refused.
func (i IngestionIssue) Entity() CatalogEntity { return Find(i.x, i.ref) }
