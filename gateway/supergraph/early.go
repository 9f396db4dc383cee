package supergraph

import "github.com/vektah/gqlparser/v2/ast"

// early completes what readTypes made of a supergraph of join v0.1, which says less than later ones: an entity has an owner, which has the fields that
// name no subgraph; a subgraph knows the fields of its keys, and what its fields provide and require, without a note of it; a type that names no
// subgraph is a value, and is wherever something leads to it. See https://specs.apollo.dev/join/v0.1.
func (r *reader) early(doc *ast.SchemaDocument) {
	if doc.Directives.ForName("join__owner") == nil {
		return
	}
	values := map[*Type]bool{}
	for _, def := range doc.Definitions {
		t := r.supergraph.types[def.Name]
		if t == nil {
			continue
		}
		values[t] = len(def.Directives.ForNames("join__type")) == 0 && !r.root(t)
		var owner *Subgraph
		if d := def.Directives.ForName("join__owner"); d != nil {
			owner = r.graph(d)
		}
		for _, field := range def.Fields {
			r.unnamed(t, field, owner)
		}
	}
	for _, imply := range []func(*View){r.keyed, r.named} { // what is in a key is no external field, whatever else names it
		for _, t := range r.supergraph.types {
			for _, view := range t.Views {
				if view != nil {
					imply(view)
				}
			}
		}
	}
	for _, subgraph := range r.supergraph.Subgraphs {
		r.dropUnreached(subgraph, values)
	}
}

func (r *reader) root(t *Type) bool {
	s := r.supergraph.Full
	return t.Def == s.Query || t.Def == s.Mutation || t.Def == s.Subscription
}

// unnamed gives a field that names no subgraph to the owner of its type, where there is one, and else to every subgraph with the type.
func (r *reader) unnamed(t *Type, field *ast.FieldDefinition, owner *Subgraph) {
	d := field.Directives.ForName("join__field")
	if d != nil && argument(d, "graph") != "" {
		return
	}
	for _, view := range t.Views {
		switch {
		case view == nil:
		case owner != nil && view.Subgraph != owner:
			delete(view.Fields, field.Name)
		case d != nil:
			view.Fields[field.Name] = r.readField(field, d)
		}
	}
}

// keyed adds the fields of a view's keys. Interfaces were not entered by keys.
func (r *reader) keyed(view *View) {
	if view.Type.Def.Kind != ast.Object {
		view.Keys = nil
	}
	for _, key := range view.Keys {
		r.know(view, key.Fields.Selections, false)
	}
}

// named adds the fields that provisions and requirements of a view's fields name.
func (r *reader) named(view *View) {
	for _, def := range view.Type.Def.Fields {
		if field := view.Fields[def.Name]; field != nil {
			r.know(view, field.Requires.Selections, true)
			r.know(r.viewIn(field.Type.Name(), view.Subgraph), field.Provides.Selections, true)
		}
	}
}

// know adds the selected fields to a view that lacks them, and to those below.
func (r *reader) know(view *View, selections ast.SelectionSet, external bool) {
	if view == nil {
		return
	}
	for _, selection := range selections {
		switch s := selection.(type) {
		case *ast.InlineFragment:
			on := view
			if s.TypeCondition != "" {
				on = r.viewIn(s.TypeCondition, view.Subgraph)
			}
			r.know(on, s.SelectionSet, external)
		case *ast.Field:
			def := view.Type.Def.Fields.ForName(s.Name)
			if def == nil {
				continue
			}
			if view.Fields[s.Name] == nil {
				view.Fields[s.Name] = &Field{Name: s.Name, Type: def.Type, Arguments: def.Arguments, External: external}
			}
			if len(s.SelectionSet) > 0 {
				r.know(r.viewIn(def.Type.Name(), view.Subgraph), s.SelectionSet, external)
			}
		}
	}
}

// viewIn returns the subgraph's view of a type, an empty one where it has none; nil where there is no such type with fields.
func (r *reader) viewIn(typeName string, subgraph *Subgraph) *View {
	t := r.supergraph.types[typeName]
	if t == nil || !t.Def.IsCompositeType() {
		return nil
	}
	if t.Views[subgraph.Index] == nil {
		t.Views[subgraph.Index] = &View{Type: t, Subgraph: subgraph}
	}
	view := t.Views[subgraph.Index]
	if view.Fields == nil && t.Def.Kind != ast.Union {
		view.Fields = map[string]*Field{}
	}
	return view
}

// dropUnreached takes from a subgraph the values that nothing else of it leads to.
func (r *reader) dropUnreached(subgraph *Subgraph, values map[*Type]bool) {
	reached := map[*Type]bool{}
	var reach func(t *Type)
	reach = func(t *Type) {
		if t == nil || reached[t] || t.Views[subgraph.Index] == nil {
			return
		}
		reached[t] = true
		for _, field := range t.Views[subgraph.Index].Fields {
			reach(r.supergraph.types[field.Type.Name()])
			for _, argument := range field.Arguments {
				reach(r.supergraph.types[argument.Type.Name()])
			}
		}
		for _, name := range possibleNames(r.supergraph.Full, t.Def) {
			reach(r.supergraph.types[name])
		}
	}
	for _, t := range r.supergraph.types {
		if !values[t] {
			reach(t)
		}
	}
	for t := range values {
		if values[t] && !reached[t] {
			t.Views[subgraph.Index] = nil
		}
	}
}
