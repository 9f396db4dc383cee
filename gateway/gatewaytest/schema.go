package gatewaytest

import (
	"fmt"
	"slices"
	"strings"

	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/parser"
	"github.com/vektah/gqlparser/v2/validator"
)

// subgraphSchema is a subgraph's schema as its own server has it: without federation directives, with the fields a gateway enters by.
type subgraphSchema struct {
	*ast.Schema
	keys             map[string][]key            // by type
	interfaceObjects map[string]bool             // object types that stand for an interface
	fields           map[string]*federationField // by coordinate
	keyed            map[string]bool             // coordinates inside some key: resolved even where they are external
}

// key is one @key.
type key struct {
	set        ast.SelectionSet
	resolvable bool
}

// federationField is what federation directives say of a field.
type federationField struct {
	external bool
	requires ast.SelectionSet
	provides ast.SelectionSet
}

// readSubgraph reads a subgraph's schema, of either version of Federation.
func readSubgraph(name, sdl string) (*subgraphSchema, error) {
	doc, err := parser.ParseSchemas(validator.Prelude, &ast.Source{Name: name, Input: sdl})
	if err != nil {
		return nil, fmt.Errorf("reading the schema of subgraph %s: %w", name, err)
	}
	s := &subgraphSchema{keys: map[string][]key{}, interfaceObjects: map[string]bool{}, fields: map[string]*federationField{}, keyed: map[string]bool{}}
	names := importedNames(doc)
	entities := map[string]bool{}
	all := append(slices.Clone(doc.Definitions), doc.Extensions...)
	for _, def := range all {
		if err := s.readDefinition(def, names); err != nil {
			return nil, fmt.Errorf("reading the schema of subgraph %s: type %s: %w", name, def.Name, err)
		}
		if def.Kind == ast.Object && len(s.keys[def.Name]) > 0 {
			entities[def.Name] = true
		}
	}
	doc.Directives = slices.DeleteFunc(doc.Directives, func(d *ast.DirectiveDefinition) bool {
		return !d.Position.Src.BuiltIn && !slices.ContainsFunc(d.Locations, func(l ast.DirectiveLocation) bool { return l == ast.LocationField })
	})
	for _, schema := range append(slices.Clone(doc.Schema), doc.SchemaExtension...) {
		schema.Directives = nil
	}
	query := "Query"
	for _, schema := range append(slices.Clone(doc.Schema), doc.SchemaExtension...) {
		for _, root := range schema.OperationTypes {
			if root.Operation == ast.Query {
				query = root.Type
			}
		}
	}
	machinery := "scalar _Any\ntype _Service { sdl: String }\nextend type " + query + " { _service: _Service! }\n"
	if len(entities) > 0 {
		machinery += "union _Entity = " + strings.Join(sortedKeys(entities), " | ") + "\n" +
			"extend type " + query + " { _entities(representations: [_Any!]!): [_Entity]! }\n"
	}
	added, err := parser.ParseSchema(&ast.Source{Name: "federation", Input: machinery})
	if err != nil {
		return nil, fmt.Errorf("bug: federation's own definitions: %w", err)
	}
	doc.Merge(added)
	if s.Schema, err = validator.ValidateSchemaDocument(doc); err != nil {
		return nil, fmt.Errorf("reading the schema of subgraph %s: %w", name, err)
	}
	for _, typename := range sortedKeys(s.keys) {
		for _, k := range s.keys[typename] {
			s.markKeyed(s.Types[typename], k.set)
		}
	}
	return s, nil
}

// readDefinition notes the federation directives of a definition and its fields, and removes them.
func (s *subgraphSchema) readDefinition(def *ast.Definition, names map[string]string) error {
	external := false
	for _, d := range def.Directives {
		switch names[d.Name] {
		case "key":
			set, err := fieldSet(d)
			if err != nil {
				return err
			}
			resolvable := d.Arguments.ForName("resolvable")
			s.keys[def.Name] = append(s.keys[def.Name], key{set, resolvable == nil || resolvable.Value.Raw != "false"})
		case "interfaceObject":
			s.interfaceObjects[def.Name] = true
		case "external":
			external = true
		}
	}
	def.Directives = standard(def.Directives)
	for _, field := range def.Fields {
		own := &federationField{external: external}
		for _, d := range field.Directives {
			var err error
			switch names[d.Name] {
			case "external":
				own.external = true
			case "requires":
				own.requires, err = fieldSet(d)
			case "provides":
				own.provides, err = fieldSet(d)
			}
			if err != nil {
				return fmt.Errorf("%s: %w", field.Name, err)
			}
		}
		s.fields[def.Name+"."+field.Name] = own
		field.Directives = standard(field.Directives)
		for _, arg := range field.Arguments {
			arg.Directives = standard(arg.Directives)
		}
	}
	for _, value := range def.EnumValues {
		value.Directives = standard(value.Directives)
	}
	return nil
}

func (s *subgraphSchema) markKeyed(def *ast.Definition, set ast.SelectionSet) {
	for _, selection := range set {
		switch selection := selection.(type) {
		case *ast.Field:
			if def == nil || def.Fields.ForName(selection.Name) == nil {
				continue
			}
			s.keyed[def.Name+"."+selection.Name] = true
			s.markKeyed(s.Types[def.Fields.ForName(selection.Name).Type.Name()], selection.SelectionSet)
		case *ast.InlineFragment:
			on := def
			if selection.TypeCondition != "" {
				on = s.Types[selection.TypeCondition]
			}
			s.markKeyed(on, selection.SelectionSet)
		}
	}
}

// importedNames maps the names that federation directives have in the document to their own.
func importedNames(doc *ast.SchemaDocument) map[string]string {
	names := map[string]string{}
	for _, own := range []string{"key", "external", "requires", "provides", "interfaceObject"} {
		names[own] = own
		names["federation__"+own] = own
	}
	for _, schema := range append(slices.Clone(doc.Schema), doc.SchemaExtension...) {
		for _, d := range schema.Directives.ForNames("link") {
			list := d.Arguments.ForName("import")
			if list == nil {
				continue
			}
			for _, child := range list.Value.Children {
				name, as := child.Value.Children.ForName("name"), child.Value.Children.ForName("as")
				if name != nil && as != nil {
					names[strings.TrimPrefix(as.Raw, "@")] = strings.TrimPrefix(name.Raw, "@")
				}
			}
		}
	}
	return names
}

// fieldSet parses the argument fields of a directive.
func fieldSet(d *ast.Directive) (ast.SelectionSet, error) {
	arg := d.Arguments.ForName("fields")
	if arg == nil {
		return nil, fmt.Errorf("@%s has no argument fields", d.Name)
	}
	doc, err := parser.ParseQuery(&ast.Source{Name: d.Name, Input: "{" + arg.Value.Raw + "}"})
	if err != nil {
		return nil, fmt.Errorf("@%s(fields: %q): %w", d.Name, arg.Value.Raw, err)
	}
	return doc.Operations[0].SelectionSet, nil
}

// standard keeps the directives that the GraphQL specification itself defines.
func standard(list ast.DirectiveList) ast.DirectiveList {
	return slices.DeleteFunc(list, func(d *ast.Directive) bool {
		return d.Name != "deprecated" && d.Name != "specifiedBy" && d.Name != "oneOf"
	})
}
