package compose

import (
	"fmt"
	"slices"
	"strings"

	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/parser"
	"github.com/vektah/gqlparser/v2/validator"
)

// rootNames are what the root types are called in the supergraph.
var rootNames = map[ast.Operation]string{ast.Query: "Query", ast.Mutation: "Mutation", ast.Subscription: "Subscription"}

var rootUsed = map[ast.Operation]Code{ast.Query: RootQueryUsed, ast.Mutation: RootMutationUsed, ast.Subscription: RootSubscriptionUsed}

// normalize takes the machinery of the subgraph protocol out of a document and gives its root types their usual names.
func (s *subgraph) normalize(doc *ast.SchemaDocument) Errors {
	if errs := s.stripDefinitions(doc); len(errs) > 0 {
		return errs
	}
	roots := rootTypes(doc)
	if query := roots[ast.Query]; query != "" {
		stripProtocolFields(doc, query)
	}
	return s.renameRoots(doc, roots)
}

// stripDefinitions removes the definitions that every subgraph is taken to have.
func (s *subgraph) stripDefinitions(doc *ast.SchemaDocument) Errors {
	var errs Errors
	strip := func(def *ast.Definition) bool {
		leaf := def.Kind == ast.Scalar || def.Kind == ast.Enum || def.Kind == ast.InputObject
		switch {
		case machinery[def.Name], s.machinery[def.Name], leaf && isReserved(def.Name), def.Kind == ast.Scalar && builtInScalars[def.Name]:
			return true
		case isReserved(def.Name):
			errs = append(errs, Error{InvalidGraphQL, fmt.Sprintf("the name %s is reserved for the supergraph; rename the type", def.Name), []Place{s.place(def.Position)}})
		}
		return false
	}
	doc.Definitions = slices.DeleteFunc(doc.Definitions, strip)
	doc.Extensions = slices.DeleteFunc(doc.Extensions, strip)
	linked := len(s.links) > 0
	stripDirective := func(d *ast.DirectiveDefinition) bool {
		if name, ok := s.canonical[d.Name]; ok {
			errs = append(errs, s.checkDefinition(d, name)...)
			return true
		}
		if isReserved(d.Name) {
			errs = append(errs, Error{InvalidGraphQL, fmt.Sprintf("the name @%s is reserved for the supergraph; rename the directive", d.Name), []Place{s.place(d.Position)}})
		}
		return builtInDirectives[d.Name] || linked && d.Name == s.linkName
	}
	doc.Directives = slices.DeleteFunc(doc.Directives, stripDirective)
	doc.DirectiveExtensions = slices.DeleteFunc(doc.DirectiveExtensions, func(d *ast.DirectiveDefinition) bool {
		return s.canonical[d.Name] != ""
	})
	return errs
}

// checkDefinition compares a subgraph's own definition of a federation directive with the specification's: arguments may be missing
// where they are optional, and every string-like scalar will do.
func (s *subgraph) checkDefinition(d *ast.DirectiveDefinition, name string) Errors {
	spec, _ := directiveNamed(name)
	doc, err := parser.ParseSchema(&ast.Source{Input: "directive @" + name + spec.rest})
	if err != nil || len(doc.Directives) != 1 {
		return nil
	}
	wanted := doc.Directives[0]
	fail := func(format string, args ...any) Errors {
		return Errors{{DirectiveDefinitionInvalid, fmt.Sprintf("@%s is not defined as its specification says: ", d.Name) + fmt.Sprintf(format, args...) + "; remove the definition, it is implied", []Place{s.place(d.Position)}}}
	}
	for _, arg := range d.Arguments {
		want := wanted.Arguments.ForName(arg.Name)
		if want == nil {
			return fail("it has no argument %q", arg.Name)
		}
		if !sameShape(arg.Type, want.Type) {
			return fail("argument %q is %s, not %s", arg.Name, want.Type, arg.Type)
		}
	}
	for _, want := range wanted.Arguments {
		if want.Type.NonNull && want.DefaultValue == nil && d.Arguments.ForName(want.Name) == nil {
			return fail("argument %q is missing", want.Name)
		}
	}
	for _, location := range d.Locations {
		if !slices.Contains(wanted.Locations, location) {
			return fail("it cannot be on %s", location)
		}
	}
	return nil
}

func sameShape(a, b *ast.Type) bool {
	if a.Elem != nil || b.Elem != nil {
		return a.Elem != nil && b.Elem != nil && sameShape(a.Elem, b.Elem)
	}
	strict := func(name string) bool { return name == "Int" || name == "Boolean" || name == "Float" }
	return a.NamedType == b.NamedType || !strict(a.NamedType) && !strict(b.NamedType)
}

// rootTypes returns what the document calls its root types.
func rootTypes(doc *ast.SchemaDocument) map[ast.Operation]string {
	roots := map[ast.Operation]string{}
	if len(doc.Schema) == 0 {
		for operation, name := range rootNames {
			if doc.Definitions.ForName(name) != nil || doc.Extensions.ForName(name) != nil {
				roots[operation] = name
			}
		}
	}
	for _, defs := range []ast.SchemaDefinitionList{doc.Schema, doc.SchemaExtension} {
		for _, def := range defs {
			for _, t := range def.OperationTypes {
				roots[t.Operation] = t.Type
			}
		}
	}
	return roots
}

// stripProtocolFields removes _service and _entities from the query type, and the type where nothing else is left.
func stripProtocolFields(doc *ast.SchemaDocument, query string) {
	left, stripped := false, false
	strip := func(def *ast.Definition) bool {
		if def.Name != query {
			return false
		}
		before := len(def.Fields)
		def.Fields = slices.DeleteFunc(def.Fields, func(f *ast.FieldDefinition) bool { return f.Name == "_service" || f.Name == "_entities" })
		empty := before > 0 && len(def.Fields) == 0
		stripped = stripped || empty
		left = left || !empty
		return empty
	}
	doc.Definitions = slices.DeleteFunc(doc.Definitions, strip)
	doc.Extensions = slices.DeleteFunc(doc.Extensions, strip)
	if left || !stripped {
		return
	}
	for _, defs := range []ast.SchemaDefinitionList{doc.Schema, doc.SchemaExtension} {
		for _, def := range defs {
			def.OperationTypes = slices.DeleteFunc(def.OperationTypes, func(t *ast.OperationTypeDefinition) bool { return t.Type == query })
		}
	}
}

// renameRoots gives the root types their usual names, everywhere they are named.
func (s *subgraph) renameRoots(doc *ast.SchemaDocument, roots map[ast.Operation]string) Errors {
	var errs Errors
	renamed, taken := map[string]string{}, map[string]ast.Operation{}
	s.roots = map[string]bool{}
	for _, operation := range []ast.Operation{ast.Query, ast.Mutation, ast.Subscription} {
		name, ok := roots[operation]
		usual := rootNames[operation]
		if def := doc.Definitions.ForName(usual); name != usual && def != nil {
			errs = append(errs, Error{rootUsed[operation], fmt.Sprintf("the type %s is not the %s type of this subgraph; rename it, or make it the %s type", usual, operation, operation), []Place{s.place(def.Position)}})
		}
		if !ok {
			continue
		}
		if other, ok := taken[name]; ok {
			errs = append(errs, Error{InvalidGraphQL, fmt.Sprintf("%s is both the %s and the %s type; give each a type of its own", name, other, operation), []Place{s.place(nil)}})
		}
		taken[name] = operation
		s.roots[usual] = true
		if name != usual {
			renamed[name] = usual
		}
	}
	if len(errs) > 0 || len(renamed) == 0 {
		return errs
	}
	rename := func(name string) string {
		if to, ok := renamed[name]; ok {
			return to
		}
		return name
	}
	for _, defs := range []ast.DefinitionList{doc.Definitions, doc.Extensions} {
		for _, def := range defs {
			def.Name = rename(def.Name)
			for _, f := range def.Fields {
				t := f.Type
				for t.Elem != nil {
					t = t.Elem
				}
				t.NamedType = rename(t.NamedType)
			}
			for i, member := range def.Types {
				def.Types[i] = rename(member)
			}
		}
	}
	for _, defs := range []ast.SchemaDefinitionList{doc.Schema, doc.SchemaExtension} {
		for _, def := range defs {
			for _, t := range def.OperationTypes {
				t.Type = rename(t.Type)
			}
		}
	}
	return errs
}

// complete returns the document with the definitions that go without saying: GraphQL's own, and the federation directives under
// the names the subgraph has for them.
func (s *subgraph) complete(doc *ast.SchemaDocument) *ast.SchemaDocument {
	var b strings.Builder
	if len(s.links) > 0 {
		fmt.Fprintf(&b, "directive @%s(url: String, as: String, for: String, import: [String]) repeatable on SCHEMA\n", s.linkName)
	}
	for _, local := range sortedKeys(s.canonical) {
		d, _ := directiveNamed(s.canonical[local])
		fmt.Fprintf(&b, "directive @%s %s\n", local, d.rest)
	}
	for _, name := range sortedKeys(s.machinery) {
		fmt.Fprintf(&b, "scalar %s\n", name)
	}
	b.WriteString(s.impliedCacheControl(doc))
	whole := validator.PreludeDocument()
	if implied, err := parser.ParseSchema(&ast.Source{Name: "federation", Input: b.String(), BuiltIn: true}); err == nil {
		whole.Merge(implied)
	}
	whole.Merge(doc)
	return whole
}

// upgrade brings Federation 1 subgraphs to the meanings of Federation 2, as far as that takes no field sets: directives that did
// nothing are dropped, and an extension needs a definition somewhere.
func (c *composition) upgrade() {
	defined := map[string]bool{}
	for _, s := range c.subgraphs {
		for name := range s.types {
			if s.defined[name] || s.version != federation1 {
				defined[name] = true
			}
		}
	}
	for _, s := range c.subgraphs {
		if s.version != federation1 {
			continue
		}
		for _, name := range s.order {
			def := s.types[name]
			if !defined[name] && !s.roots[name] {
				c.fail(ExtensionWithNoBase, fmt.Sprintf("%s is extended, but no subgraph defines it; write type instead of extend type in the subgraph it belongs to", name), s.place(def.Position))
			}
			if def.Kind == ast.Interface {
				def.Directives = s.without(def.Directives, "key")
			}
			for _, f := range def.Fields {
				if def.Kind == ast.Interface {
					f.Directives = s.without(f.Directives, "external", "requires", "provides")
				}
				if target := s.types[f.Type.Name()]; target == nil || !target.IsCompositeType() {
					f.Directives = s.without(f.Directives, "provides")
				}
			}
		}
	}
}

// without returns the list without some federation directives.
func (s *subgraph) without(applied ast.DirectiveList, names ...string) ast.DirectiveList {
	if len(applied) == 0 {
		return applied
	}
	kept := make(ast.DirectiveList, 0, len(applied))
	for _, d := range applied {
		if name, ok := s.canonical[d.Name]; !ok || !slices.Contains(names, name) {
			kept = append(kept, d)
		}
	}
	return kept
}

func sortedKeys[V any](m map[string]V) []string {
	keys := make([]string, 0, len(m))
	for key := range m {
		keys = append(keys, key)
	}
	slices.Sort(keys)
	return keys
}
