package view

import (
	"callboard.dev/callboard/subgraphs/catalog/descriptor"
	"callboard.dev/callboard/subgraphs/catalog/index"
	"callboard.dev/callboard/subgraphs/relay"
)

// EntityFilter is the filter of a list as a client writes it. What is nil is not asked for.
type EntityFilter struct {
	All                []*EntityFilter
	Any                []*EntityFilter
	Not                *EntityFilter
	Kind               *string
	Kinds              []string
	Type               *string
	Types              []string
	Lifecycle          *string
	Lifecycles         []string
	Tag                *string
	Tags               []string
	Label              *KeyValueFilter
	Annotation         *KeyValueFilter
	Namespace          *string
	Name               *string
	Ref                *string
	Refs               []string
	Owner              *string
	OwnedBy            *string
	IncludeDescendants *bool
	IncludeAncestors   *bool
	System             *string
	Domain             *string
	HasTitle           *bool
	HasIssues          *bool
	Dangling           *bool
	Orphaned           *bool
}

// KeyValueFilter asks for a key of a map and, where given, its value.
type KeyValueFilter struct {
	Key   string
	Value *string
}

// EntityOrder is one thing to order a list by.
type EntityOrder struct {
	Field     EntityOrderField
	Direction OrderDirection
}

// The enums of the schema that have no values of their own in Go.
type (
	EntityOrderField string
	OrderDirection   string
	FacetField       string
)

var orderFields = map[EntityOrderField]index.Field{
	"NAME": index.FieldName, "TITLE": index.FieldTitle, "KIND": index.FieldKind, "NAMESPACE": index.FieldNamespace,
	"TYPE": index.FieldType, "LIFECYCLE": index.FieldLifecycle, "OWNER": index.FieldOwner, "SYSTEM": index.FieldSystem,
	"DOMAIN": index.FieldDomain, "REF": index.FieldRef, "RELEVANCE": index.FieldRelevance,
}

var facetFields = map[FacetField]index.Field{
	"KIND": index.FieldKind, "NAMESPACE": index.FieldNamespace, "TYPE": index.FieldType, "LIFECYCLE": index.FieldLifecycle,
	"OWNER": index.FieldOwner, "SYSTEM": index.FieldSystem, "DOMAIN": index.FieldDomain,
}

// Limits on what one filter may ask for. A portal's page needs a dozen conditions; these leave room for programs, and keep one
// request from costing a second.
const (
	maxFilterDepth = 20
	maxFilters     = 500
	maxFilterRefs  = 1000
	maxQueryBytes  = 1000
)

// List returns the entities of within that match a filter and a text, in pages.
func List(
	x *index.Index, within index.Filter, filter *EntityFilter, query *string, orderBy []*EntityOrder, args relay.Args,
) (*EntityConnection, error) {
	all := index.All{}
	if within != nil {
		all = append(all, within)
	}
	if filter != nil {
		reading := filterReading{}
		read, err := reading.filter(filter, 0)
		if err != nil {
			return nil, err
		}
		all = append(all, read)
	}
	set := x.Select(all)
	var scores index.Scores
	if query != nil {
		if len(*query) > maxQueryBytes {
			return nil, Refuse(CodeBadFilter, "query has %d bytes; at most %d are searched for", len(*query), maxQueryBytes)
		}
		scores = x.Search(*query, set)
	}
	var keys []index.Key
	for _, order := range orderBy {
		keys = append(keys, index.Key{Field: orderFields[order.Field], Descending: order.Direction == "DESC"})
	}
	if orderBy == nil && scores != nil {
		keys = []index.Key{{Field: index.FieldRelevance}}
	}
	page, err := x.Page(set, keys, scores, args)
	if err != nil {
		return nil, pageError(err)
	}
	return &EntityConnection{x, set, page}, nil
}

// filterReading turns a client's filter into one of the index, within limits.
type filterReading struct{ filters, refs int }

func (r *filterReading) filter(f *EntityFilter, depth int) (index.Filter, error) {
	r.filters++
	if depth > maxFilterDepth || r.filters > maxFilters {
		return nil, Refuse(CodeBadFilter, "a filter may nest %d deep and hold %d filters; ask in several requests", maxFilterDepth, maxFilters)
	}
	out := index.All{}
	for _, inner := range f.All {
		read, err := r.filter(inner, depth+1)
		if err != nil {
			return nil, err
		}
		out = append(out, read)
	}
	if f.Any != nil {
		choice := index.Any{}
		for _, inner := range f.Any {
			read, err := r.filter(inner, depth+1)
			if err != nil {
				return nil, err
			}
			choice = append(choice, read)
		}
		out = append(out, choice)
	}
	if f.Not != nil {
		read, err := r.filter(f.Not, depth+1)
		if err != nil {
			return nil, err
		}
		out = append(out, index.Not{Filter: read})
	}
	out = append(out, r.values(f)...)
	byRef, err := r.byRef(f)
	if err != nil {
		return nil, err
	}
	return append(out, byRef...), nil
}

// values reads the conditions on plain values.
func (r *filterReading) values(f *EntityFilter) index.All {
	var out index.All
	is := func(field index.Field, value *string) {
		if value != nil {
			out = append(out, index.Is{Field: field, Values: []string{*value}})
		}
	}
	among := func(field index.Field, values []string) {
		if values != nil {
			out = append(out, index.Is{Field: field, Values: values})
		}
	}
	whether := func(wanted *bool, filter index.Filter) {
		switch {
		case wanted == nil:
		case *wanted:
			out = append(out, filter)
		default:
			out = append(out, index.Not{Filter: filter})
		}
	}
	is(index.FieldKind, f.Kind)
	among(index.FieldKind, f.Kinds)
	is(index.FieldType, f.Type)
	among(index.FieldType, f.Types)
	is(index.FieldLifecycle, f.Lifecycle)
	among(index.FieldLifecycle, f.Lifecycles)
	is(index.FieldNamespace, f.Namespace)
	is(index.FieldName, f.Name)
	if f.Tag != nil {
		out = append(out, index.Tagged{*f.Tag})
	}
	if f.Tags != nil {
		out = append(out, index.Tagged(f.Tags))
	}
	if f.Label != nil {
		out = append(out, index.Labelled(*f.Label))
	}
	if f.Annotation != nil {
		out = append(out, index.Annotated(*f.Annotation))
	}
	whether(f.HasTitle, index.Has{Field: index.FieldTitle})
	whether(f.HasIssues, index.Troubled{})
	whether(f.Dangling, index.Dangling{})
	whether(f.Orphaned, index.Orphaned{})
	return out
}

// byRef reads the conditions that name entities.
func (r *filterReading) byRef(f *EntityFilter) (index.All, error) {
	var out index.All
	refs := func(texts []string) error {
		if texts == nil {
			return nil
		}
		if r.refs += len(texts); r.refs > maxFilterRefs {
			return Refuse(CodeBadFilter, "a filter may name %d entities; ask in several requests", maxFilterRefs)
		}
		among := index.Among{}
		for _, text := range texts {
			ref, err := ParseRef(text, "")
			if err != nil {
				return err
			}
			among = append(among, ref)
		}
		out = append(out, among)
		return nil
	}
	if err := refs(f.Refs); err != nil {
		return nil, err
	}
	if f.Ref != nil {
		if err := refs([]string{*f.Ref}); err != nil {
			return nil, err
		}
	}
	for _, one := range []struct {
		text  *string
		kind  string
		field index.Field
	}{{f.Owner, "group", index.FieldOwner}, {f.System, "system", index.FieldSystem}, {f.Domain, "domain", index.FieldDomain}} {
		if one.text == nil {
			continue
		}
		ref, err := ParseRef(*one.text, one.kind)
		if err != nil {
			return nil, err
		}
		out = append(out, index.Is{Field: one.field, Values: []string{ref.String()}})
	}
	if f.OwnedBy == nil {
		if isTrue(f.IncludeDescendants) || isTrue(f.IncludeAncestors) {
			return nil, Refuse(CodeBadFilter, "includeDescendants and includeAncestors need ownedBy in the same filter; name the owner")
		}
		return out, nil
	}
	var owner descriptor.Ref
	owner, err := ParseRef(*f.OwnedBy, "group")
	if err != nil {
		return nil, err
	}
	return append(out, index.OwnedBy{
		Owner: owner, Descendants: isTrue(f.IncludeDescendants), Ancestors: isTrue(f.IncludeAncestors),
	}), nil
}
