package check

import (
	"slices"
	"sort"

	"github.com/vektah/gqlparser/v2/ast"

	"callboard.dev/callboard/gateway/operation"
	"callboard.dev/callboard/gateway/supergraph"
)

// schema is a subgraph's own schema, rebuilt from the supergraph's views. It has what the subgraph knows, whether it resolves it or not.
type schema struct {
	*ast.Schema
	subgraph *supergraph.Subgraph
	graph    *supergraph.Supergraph
	keyed    map[string]bool // coordinates inside some key: the subgraph has their values even where it calls them external
}

// schema returns the schema of the named subgraph, or nil where there is none of the name.
func (c *Checker) schema(name string) *schema {
	c.mu.Lock()
	defer c.mu.Unlock()
	if found := c.schemas[name]; found != nil {
		return found
	}
	subgraph := c.Supergraph.Subgraph(name)
	if subgraph == nil {
		return nil
	}
	if c.schemas == nil {
		c.schemas = map[string]*schema{}
	}
	made := &schema{subgraph: subgraph, graph: c.Supergraph, keyed: map[string]bool{}}
	if name == supergraph.IntrospectionName { // it answers about the API schema, by that schema
		made.Schema = c.Supergraph.API
	} else {
		made.rebuild()
	}
	c.schemas[name] = made
	return made
}

// view returns the subgraph's part of the named type, or nil.
func (s *schema) view(name string) *supergraph.View { return s.graph.View(name, s.subgraph) }

// rebuild makes the types by hand: checking a schema document would ask of it what does not matter here, such as that an object type still has
// the interface's field that moved to another subgraph.
func (s *schema) rebuild() {
	s.Schema = &ast.Schema{
		Types: map[string]*ast.Definition{}, Directives: s.graph.Full.Directives,
		PossibleTypes: map[string][]*ast.Definition{}, Implements: map[string][]*ast.Definition{},
	}
	names := make([]string, 0, len(s.graph.Full.Types))
	for name := range s.graph.Full.Types {
		names = append(names, name)
	}
	sort.Strings(names)
	for _, name := range names {
		def := s.graph.Full.Types[name]
		if def.BuiltIn {
			s.Types[name] = def
		} else if view := s.view(name); view != nil {
			s.Types[name] = definition(view, def)
		}
	}
	s.addRoots()
	s.addEntities(names)
	for _, name := range names {
		if def := s.Types[name]; def != nil {
			s.relate(def)
		}
	}
	for _, name := range names {
		if view := s.view(name); view != nil {
			for _, key := range view.Keys {
				s.addKeyed(s.Types[name], key.Fields.Selections)
			}
		}
	}
}

// definition returns a type as the view has it.
func definition(view *supergraph.View, def *ast.Definition) *ast.Definition {
	out := &ast.Definition{Kind: def.Kind, Name: def.Name, Directives: def.Directives, Interfaces: view.Implements, Position: def.Position}
	if view.InterfaceObject {
		out.Kind = ast.Object
	}
	for _, field := range def.Fields {
		own := view.Fields[field.Name]
		if own == nil {
			continue
		}
		declared := &ast.FieldDefinition{Name: field.Name, Type: own.Type, Arguments: slices.Clone(own.Arguments), DefaultValue: field.DefaultValue, Directives: field.Directives, Position: field.Position}
		for _, a := range own.Context {
			declared.Arguments = append(declared.Arguments, &ast.ArgumentDefinition{Name: a.Name, Type: a.Type})
		}
		out.Fields = append(out.Fields, declared)
	}
	for _, value := range def.EnumValues {
		if view.EnumValues[value.Name] {
			out.EnumValues = append(out.EnumValues, value)
		}
	}
	if def.Kind == ast.Union {
		for name := range view.Possible {
			out.Types = append(out.Types, name)
		}
		sort.Strings(out.Types)
	}
	return out
}

// relate notes of which abstract types the type is.
func (s *schema) relate(def *ast.Definition) {
	switch def.Kind {
	case ast.Union:
		for _, name := range def.Types {
			if member := s.Types[name]; member != nil {
				s.AddPossibleType(def.Name, member)
				s.AddImplements(name, def)
			}
		}
	case ast.Object, ast.Interface:
		for _, name := range def.Interfaces {
			if of := s.Types[name]; of != nil {
				s.AddPossibleType(name, def)
				s.AddImplements(def.Name, of)
			}
		}
		if def.Kind == ast.Object {
			s.AddPossibleType(def.Name, def)
		}
	}
}

func (s *schema) addRoots() {
	root := func(def *ast.Definition) *ast.Definition {
		if def == nil {
			return nil
		}
		return s.Types[def.Name]
	}
	s.Mutation, s.Subscription = root(s.graph.Full.Mutation), root(s.graph.Full.Subscription)
	if s.Query = root(s.graph.Full.Query); s.Query == nil && s.graph.Full.Query != nil {
		s.Query = &ast.Definition{Kind: ast.Object, Name: s.graph.Full.Query.Name}
		s.Types[s.Query.Name] = s.Query
	}
}

// The names of Federation's own parts of a subgraph's schema.
const (
	entitiesField = "_entities"
	entityUnion   = "_Entity"
	anyScalar     = "_Any"
)

// addEntities adds the field by which objects are entered.
func (s *schema) addEntities(names []string) {
	union := &ast.Definition{Kind: ast.Union, Name: entityUnion}
	for _, name := range names {
		view := s.view(name)
		if view != nil && s.Types[name].Kind == ast.Object && slices.ContainsFunc(view.Keys, func(key supergraph.Key) bool { return key.Resolvable }) {
			union.Types = append(union.Types, name)
		}
	}
	if len(union.Types) == 0 || s.Query == nil {
		return
	}
	s.AddTypes(union, &ast.Definition{Kind: ast.Scalar, Name: anyScalar})
	s.relate(union)
	list := ast.NonNullListType(ast.NonNullNamedType(anyScalar, nil), nil)
	s.Query.Fields = append(s.Query.Fields, &ast.FieldDefinition{
		Name:      entitiesField,
		Arguments: ast.ArgumentDefinitionList{{Name: "representations", Type: list}},
		Type:      ast.NonNullListType(ast.NamedType(entityUnion, nil), nil),
	})
}

func (s *schema) addKeyed(def *ast.Definition, set ast.SelectionSet) {
	for _, selection := range set {
		switch selection := selection.(type) {
		case *ast.Field:
			if def == nil || def.Fields.ForName(selection.Name) == nil {
				continue
			}
			s.keyed[def.Name+"."+selection.Name] = true
			s.addKeyed(s.Types[def.Fields.ForName(selection.Name).Type.Name()], selection.SelectionSet)
		case *ast.InlineFragment:
			on := def
			if selection.TypeCondition != "" {
				on = s.Types[selection.TypeCondition]
			}
			s.addKeyed(on, selection.SelectionSet)
		}
	}
}

// kinds returns the object types that a value of the named type can be, each with the object type it is to the subgraph: another one where that
// is an interface object.
func (s *schema) kinds(name string) map[string]string {
	kinds := map[string]string{}
	for _, def := range s.PossibleTypes[name] {
		if def.Kind != ast.Object {
			continue
		}
		if view := s.view(def.Name); view != nil && view.InterfaceObject {
			for _, object := range s.graph.Possible(def.Name) {
				if kinds[object] == "" {
					kinds[object] = def.Name
				}
			}
			continue
		}
		kinds[def.Name] = def.Name
	}
	return kinds
}

// is tells whether objects that are of the object type to the subgraph are of the named type.
func (s *schema) is(object, name string) bool {
	return name == "" || object == name || slices.ContainsFunc(s.PossibleTypes[name], func(def *ast.Definition) bool { return def.Name == object })
}

// argumentsText prints the arguments of a field as slots are named by them.
func argumentsText(list ast.ArgumentList) string { return operation.NewArguments(list).Text }
