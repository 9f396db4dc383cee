// Package view is the catalog's graph as Go types: an index.Index and a number go in, and what the schema says about an entity
// comes out, one method for each field. gqlgen binds the types of schema/catalog.graphqls to the types here by their names, so
// the generated code calls these methods and there is no resolver for a field of an entity.
//
// The one rule: everything reached from an entity is read from the index that the entity came from, so one answer never mixes
// two states of the catalog. Open entity.go first; connection.go holds the lists, filter.go turns input into filters.
package view

import (
	"errors"
	"fmt"

	"callboard.dev/callboard/subgraphs/catalog/descriptor"
	"callboard.dev/callboard/subgraphs/catalog/index"
	"github.com/vektah/gqlparser/v2/gqlerror"
)

// The codes of the errors a client can make, in extensions.code.
const (
	CodeBadRef    = "BAD_REF"    // a text is no reference
	CodeBadFilter = "BAD_FILTER" // a filter cannot be used
	CodeBadOrder  = "BAD_ORDER"  // an order cannot be used
	CodeBadPage   = "BAD_PAGE"   // first, after, last or before cannot be used
)

// Refuse returns an error with a code for the client.
func Refuse(code, format string, args ...any) error {
	return &gqlerror.Error{Message: fmt.Sprintf(format, args...), Extensions: map[string]any{"code": code}}
}

// ParseRef reads a reference as clients write them: in any letter case, without a namespace for the default one, and without a
// kind where one is implied.
func ParseRef(text, impliedKind string) (descriptor.Ref, error) {
	ref, err := descriptor.ParseRef(text, descriptor.RefDefaults{Kind: impliedKind})
	if err != nil {
		return descriptor.Ref{}, Refuse(CodeBadRef, "%v", err)
	}
	return ref, nil
}

// Of returns the entity with a number as the type of its kind, or nil for a kind the schema has no type for.
func Of(x *index.Index, id index.ID) CatalogEntity {
	e := node{x, id}
	switch x.Entity(id).Ref.Kind {
	case "component":
		return &Component{e}
	case "api":
		return &API{e}
	case "resource":
		return &Resource{e}
	case "system":
		return &System{e}
	case "domain":
		return &Domain{e}
	case "group":
		return &Group{e}
	case "user":
		return &User{e}
	case "location":
		return &Location{e}
	case "template":
		return &Template{e}
	case "airesource":
		return &AiResource{e}
	}
	return nil
}

// Find returns the entity that ref names, or nil.
func Find(x *index.Index, ref descriptor.Ref) CatalogEntity {
	if id, ok := x.Lookup(ref); ok {
		return Of(x, id)
	}
	return nil
}

// The kinds of the schema's types, by the name of the type's kind in references.
var kinds = map[string]bool{
	"component": true, "api": true, "resource": true, "system": true, "domain": true, "group": true, "user": true,
	"location": true, "template": true, "airesource": true,
}

// Served returns the snapshot without the entities of kinds that the schema has no type for, and an issue for each of those.
func Served(s descriptor.Snapshot) descriptor.Snapshot {
	known := func(e *descriptor.Entity) bool { return kinds[e.Ref.Kind] }
	all := true
	for _, e := range s.Entities {
		all = all && known(e)
	}
	if all {
		return s
	}
	out := descriptor.Snapshot{Issues: append([]descriptor.Issue(nil), s.Issues...)}
	for _, e := range s.Entities {
		if known(e) {
			out.Entities = append(out.Entities, e)
			continue
		}
		out.Issues = append(out.Issues, descriptor.Issue{
			Severity: descriptor.SeverityError, Rule: "kind-without-type",
			Message: fmt.Sprintf("the graph has no type for the kind %s, so the entity cannot be queried; use a kind it has", e.Kind),
			File:    e.Source.File, Document: e.Source.Document, Line: e.Source.Line, Ref: e.Ref,
		})
	}
	return out
}

// pageError gives an error about paging or order its code.
func pageError(err error) error {
	if errors.Is(err, index.ErrOrder) {
		return Refuse(CodeBadOrder, "%v", err)
	}
	return Refuse(CodeBadPage, "%v", err)
}

// orNil returns nil for the empty text, which the format does not tell from none.
func orNil(text string) *string {
	if text == "" {
		return nil
	}
	return &text
}
