// Package supergraph is the composed schema as data: which subgraph has which part of which type, which fields it resolves, and by
// which keys an entity is entered there. The text of a supergraph goes in (Read), an immutable Supergraph comes out; it is shared
// by every request and never changes.
//
// The one rule: what clients may see is the API schema alone; Full and the views are for planning, and may hold what clients
// may not see.
//
// Start with View: a subgraph's own part of one type. read.go makes them from the join directives.
package supergraph

import (
	"github.com/vektah/gqlparser/v2/ast"
)

// IntrospectionName is the name of the subgraph that answers __schema and __type. It is in every supergraph, is not written in
// its text, and is answered by the gateway itself.
const IntrospectionName = "__introspection"

// Supergraph is a composed schema.
type Supergraph struct {
	Text      string
	API       *ast.Schema // what clients see: no federation machinery, nothing inaccessible
	Full      *ast.Schema // the API schema and what is inaccessible, for planning
	Subgraphs []*Subgraph // in the order of the text, the introspection subgraph last
	Labels    []string    // of progressive overrides, sorted
	Contexts  bool        // some argument is taken from a context

	types map[string]*Type
}

// Subgraph is one schema that the supergraph was composed from.
type Subgraph struct {
	Index int    // position in Supergraph.Subgraphs
	Name  string // as composed
	URL   string // routing address; may be empty
	// CacheHints tells whether its schema says anything of how long answers may be remembered.
	CacheHints bool
}

// Type is one named type of the supergraph, with the view each subgraph has of it.
type Type struct {
	Name     string
	Def      *ast.Definition // in Full
	Views    []*View         // by Subgraph.Index; nil where the subgraph lacks the type
	Contexts []string        // the contexts that its objects set for what is below them

	possible []string // see Supergraph.Possible
}

// View is a subgraph's own part of one type.
type View struct {
	Type            *Type
	Subgraph        *Subgraph
	Keys            []Key
	InterfaceObject bool              // an interface that this subgraph sees as an object type
	Fields          map[string]*Field // by name; nil for types without fields
	Possible        map[string]bool   // object types that a value of this type can be here: itself for an object type, every object type of the supergraph for an interface object
	Objects         []string          // the names in Possible, sorted
	EnumValues      map[string]bool
	Implements      []string // interfaces that the type implements in this subgraph, sorted
	Cache           CacheHint
}

// Key is a set of fields by which an entity of a type is entered in a subgraph.
type Key struct {
	Fields     FieldSet
	Resolvable bool
}

// Field is a subgraph's own part of one field.
type Field struct {
	Name       string
	Type       *ast.Type // as this subgraph declares it
	Arguments  ast.ArgumentDefinitionList
	External   bool     // known to the subgraph, but resolved there only where another field provides it
	Overridden bool     // moved to another subgraph; never asked here
	Requires   FieldSet // what the subgraph wants in the representation before it can resolve the field
	Provides   FieldSet // external fields of the field's type that the subgraph resolves below this field
	// Label is that of a progressive override: the field is asked here only for operations for which the label is on, where LabelOn is true,
	// and only for the others where it is false. "" means always.
	Label   string
	LabelOn bool
	// Context are the arguments that the gateway fills in, which clients do not see.
	Context []ContextArgument
	Cache   CacheHint
}

// ContextArgument is an argument whose value is taken from an object above the field's own: the nearest whose type sets the context.
type ContextArgument struct {
	Name       string
	Type       *ast.Type
	Context    string
	Selections FieldSet // picks one value in each type that sets the context
}

// Resolvable tells whether the subgraph answers the field by itself, given its requirements, for the operations that its label is for.
func (f *Field) Resolvable() bool { return !f.External && !f.Overridden }

// FieldSet is the parsed text of a key, a requirement or a provision. Equal sets of one supergraph share one Selections
// pointer, so it may serve as a map key. The zero value is the empty set.
type FieldSet struct {
	Text       string
	Selections ast.SelectionSet
}

// Empty tells whether the set names no field.
func (s FieldSet) Empty() bool { return len(s.Selections) == 0 }

// Type returns the named type, or nil.
func (s *Supergraph) Type(name string) *Type { return s.types[name] }

// Subgraph returns the subgraph with the name, or nil.
func (s *Supergraph) Subgraph(name string) *Subgraph {
	for _, subgraph := range s.Subgraphs {
		if subgraph.Name == name {
			return subgraph
		}
	}
	return nil
}

// View returns the subgraph's part of the named type, or nil.
func (s *Supergraph) View(typeName string, subgraph *Subgraph) *View {
	if t := s.types[typeName]; t != nil {
		return t.Views[subgraph.Index]
	}
	return nil
}

// Root returns the root type of the operation kind, or nil where the schema has none.
func (s *Supergraph) Root(kind ast.Operation) *ast.Definition {
	switch kind {
	case ast.Mutation:
		return s.Full.Mutation
	case ast.Subscription:
		return s.Full.Subscription
	}
	return s.Full.Query
}

// Possible returns the names of the object types that a value of the named type can be, sorted; an object type is its own only one. The
// list is not to be changed.
func (s *Supergraph) Possible(typeName string) []string {
	if t := s.types[typeName]; t != nil {
		return t.possible
	}
	return nil
}

// Abstract tells whether the definition is an interface or a union.
func Abstract(def *ast.Definition) bool {
	return def != nil && (def.Kind == ast.Interface || def.Kind == ast.Union)
}
