package check

import (
	"slices"

	"github.com/vektah/gqlparser/v2/ast"

	"callboard.dev/callboard/gateway/plan"
	"callboard.dev/callboard/gateway/supergraph"
)

// sent checks what is sent for each object: that it is of the type it is sent as, that the subgraph can enter it by what is sent, and that there
// is nothing in it without need.
func (k *checking) sent() {
	applied := map[*plan.Representation]bool{}
	for _, o := range k.walk.all {
		for _, e := range o.entered {
			applied[e.representation] = true
			k.entry(o, e)
		}
	}
	for _, f := range k.plan.Fetches {
		for _, e := range f.Entities {
			for _, t := range e.Targets {
				for _, r := range t.Representations {
					if !applied[r] {
						k.found(f, pathText(t.Path), "no object can be here that is sent as %s", sentAs(r))
					}
				}
			}
		}
	}
}

func sentAs(r *plan.Representation) string {
	if r.Typename == "" {
		return "its own type"
	}
	return r.Typename
}

// entry checks one representation of one object.
func (k *checking) entry(o *object, e *entry) {
	r, name := e.representation, e.name(o)
	schema := k.documents[e.fetch].schema
	view := schema.view(name)
	if !slices.Contains(k.graph.Possible(name), o.typename) || view == nil {
		k.found(e.fetch, o.path, "an object of type %s is sent as %s, which it is not there", o.typename, name)
		return
	}
	complete := map[string]bool{} // top-level members of keys that are sent whole
	some := false
	for _, key := range view.Keys {
		if !key.Resolvable || k.carries(o, r.Fields, key.Fields.Selections, true) != "" {
			continue
		}
		names := map[string]bool{}
		k.topLevel(o, key.Fields.Selections, names)
		nullable := false
		for name := range names {
			nullable = nullable || member(o, r.Fields, name).Null
		}
		if nullable {
			continue
		}
		some = true
		for name := range names {
			complete[name] = true
		}
	}
	if !some {
		k.found(e.fetch, o.path, "the representation of %s has no complete key by which %s is entered there", o.typename, name)
		return
	}
	for _, f := range r.Fields {
		if applies(f.On, o.typename) && !f.Null && !complete[f.Name] {
			k.found(e.fetch, o.path, "the representation leaves %s out where its %s is null, which is of no key", o.typename, f.Name)
		}
	}
	k.extra(o, e, view)
}

// topLevel adds the names of the set's own fields that the object has.
func (k *checking) topLevel(o *object, set ast.SelectionSet, names map[string]bool) {
	for _, selection := range set {
		switch selection := selection.(type) {
		case *ast.Field:
			if selection.Name != "__typename" {
				names[selection.Name] = true
			}
		case *ast.InlineFragment:
			if selection.TypeCondition == "" || slices.Contains(k.graph.Possible(selection.TypeCondition), o.typename) {
				k.topLevel(o, selection.SelectionSet, names)
			}
		}
	}
}

// extra checks that every member of a representation is of a key, or of the requirement of a field that is asked.
func (k *checking) extra(o *object, e *entry, view *supergraph.View) {
	known := map[string]bool{}
	for _, key := range view.Keys {
		k.topLevel(o, key.Fields.Selections, known)
	}
	for slot := range o.fills {
		for _, f := range o.fills[slot] {
			if f.declared != nil && f.way.entry != nil && f.way.entry.target == e.target {
				k.topLevel(o, f.declared.Requires.Selections, known)
			}
		}
	}
	seen := map[string]bool{}
	for _, f := range e.representation.Fields {
		if !applies(f.On, o.typename) {
			continue
		}
		if !known[f.Name] {
			k.found(e.fetch, o.path, "the representation of %s has %s, of which nothing has need", o.typename, f.Name)
		}
		if seen[f.Name] {
			k.found(e.fetch, o.path, "the representation of %s has %s twice", o.typename, f.Name)
		}
		seen[f.Name] = true
	}
}
