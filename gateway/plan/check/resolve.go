package check

import (
	"fmt"
	"slices"

	"github.com/vektah/gqlparser/v2/ast"

	"callboard.dev/callboard/gateway/plan"
	"callboard.dev/callboard/gateway/supergraph"
)

// resolved checks that each subgraph resolves by itself what it is asked of each object.
func (k *checking) resolved() {
	for _, o := range k.walk.all {
		for slot := range o.fills {
			for _, f := range o.fills[slot] {
				k.resolves(o, f)
			}
		}
	}
}

func (k *checking) resolves(o *object, f *fill) {
	by := f.way
	if f.declared == nil {
		if by.typename != o.typename {
			k.found(by.fetch, o.path, "it asks for the __typename of %s, which is not the object type %s there", by.typename, o.typename)
		}
		return
	}
	declared, path, coordinate := f.declared, join(o.path, f.declared.Name), by.typename+"."+f.declared.Name
	if declared.Overridden {
		k.found(by.fetch, path, "it asks for %s, which has moved to another subgraph", coordinate)
	}
	if declared.Label != "" {
		on, decided := k.plan.Labels[declared.Label]
		if !decided {
			k.found(by.fetch, path, "it asks for %s without the label %s being decided", coordinate, declared.Label)
		} else if on != declared.LabelOn {
			k.found(by.fetch, path, "it asks for %s, which is elsewhere where the label %s is %t", coordinate, declared.Label, on)
		}
	}
	if declared.External && !by.schema.keyed[coordinate] && !by.provided(declared.Name) {
		k.found(by.fetch, path, "it asks for %s, which is external and not provided here", coordinate)
	}
	if !declared.Requires.Empty() {
		if by.entry == nil {
			k.found(by.fetch, path, "it asks for %s, which requires %q, of an object that was not sent to it", coordinate, declared.Requires.Text)
		} else if lacking := k.carries(o, by.entry.representation.Fields, declared.Requires.Selections, true); lacking != "" {
			k.found(by.fetch, path, "it asks for %s, which requires %q; the representation lacks %s", coordinate, declared.Requires.Text, lacking)
		}
	}
	for i := range declared.Context {
		k.filled(o, f, &declared.Context[i])
	}
}

// provided tells whether the subgraph resolves an external field of the object.
func (w *way) provided(name string) bool {
	found := false
	for _, set := range w.provides {
		w.schema.collect(set, w.typename, func(field *ast.Field) { found = found || field.Name == name })
	}
	return found
}

// filled checks that an argument is filled with what the nearest object above has for it.
func (k *checking) filled(o *object, f *fill, a *supergraph.ContextArgument) {
	by, path := f.way, join(o.path, f.declared.Name)
	coordinate := by.typename + "." + f.declared.Name + "(" + a.Name + ":)"
	variable := ""
	for _, field := range f.fields {
		if given := field.Arguments.ForName(a.Name); given == nil || given.Value.Kind != ast.Variable || variable != "" && given.Value.Raw != variable {
			k.found(by.fetch, path, "it does not fill the argument %s", coordinate)
			return
		} else {
			variable = given.Value.Raw
		}
	}
	var v *plan.ContextVariable
	if by.entities != nil {
		at := slices.IndexFunc(by.entities.Context, func(v plan.ContextVariable) bool { return v.Variable == variable })
		if at >= 0 {
			v = &by.entities.Context[at]
		}
	}
	if v == nil || v.Argument != a.Name || v.Type != a.Type.String() {
		k.found(by.fetch, path, "it fills the argument %s with $%s, which is no value from the context %s", coordinate, variable, a.Context)
		return
	}
	some := false
	level := []*object{o}
	for steps := 1; len(level) > 0; steps++ {
		var next []*object
		for _, at := range level {
			next = addEach(next, at.above)
		}
		level = nil
		for _, above := range next {
			up := steps - by.depth
			from := source(v, up, above.typename)
			if !k.sets(above.typename, a.Context) {
				if from != nil {
					k.found(by.fetch, path, "it fills the argument %s from %s at %s, which does not set the context %s", coordinate, above.typename, above.path, a.Context)
				}
				level = append(level, above)
				continue
			}
			some = true
			if from == nil {
				k.unfilled(o, by, path, "it does not fill the argument %s from %s at %s, which sets the context %s", coordinate, above.typename, above.path, a.Context)
			} else if lacking := k.picks(above, from.Fields, a.Selections.Selections); lacking != "" {
				k.found(by.fetch, path, "it fills the argument %s from %s at %s, but not with its %s", coordinate, above.typename, above.path, lacking)
			}
		}
	}
	if !some {
		k.unfilled(o, by, path, "no object above sets the context %s that fills the argument %s", a.Context, coordinate)
	}
}

// unfilled adds a finding about an argument without a value. An object that was to be sent is then left out, which is wrong only where its answer is wanted.
func (k *checking) unfilled(o *object, by *way, path, format string, args ...any) {
	if by.entry == nil {
		k.found(by.fetch, path, format, args...)
		return
	}
	l := k.lack(o, by.entry)
	l.list = append(l.list, Finding{Fetch: by.fetch.ID, Subgraph: by.fetch.Subgraph, Path: path, Message: fmt.Sprintf(format, args...)})
}

// source returns the first source for objects of the type that many steps above the entities sent, or nil.
func source(v *plan.ContextVariable, up int, typename string) *plan.ContextSource {
	for i := range v.Sources {
		if s := &v.Sources[i]; s.Up == up && up >= 0 && (s.On == nil || slices.Contains(s.On, typename)) {
			return s
		}
	}
	return nil
}

// sets tells whether objects of the type set the context: as declared by the type, or by an interface or union of it.
func (k *checking) sets(typename, name string) bool {
	set := k.contexts[typename]
	if set == nil {
		set = map[string]bool{}
		k.contexts[typename] = set
		for other := range k.graph.Full.Types {
			if t := k.graph.Type(other); t != nil && len(t.Contexts) > 0 && slices.Contains(k.graph.Possible(other), typename) {
				for _, own := range t.Contexts {
					set[own] = true
				}
			}
		}
	}
	return set[name]
}

// carries returns what a representation of the object lacks of a field set, "" where it lacks nothing. typed tells whether the __typename is sent: at
// the top always, below where the representation says so. The object types in a set are those of the whole graph.
func (k *checking) carries(o *object, fields []plan.RepresentationField, set ast.SelectionSet, typed bool) (lacking string) {
	for _, selection := range set {
		switch selection := selection.(type) {
		case *ast.Field:
			if selection.Name == "__typename" {
				if !typed {
					return "__typename"
				}
				continue
			}
			sent := member(o, fields, selection.Name)
			if sent == nil || o.layout.Slots[sent.Slot].Name != selection.Name+argumentsText(selection.Arguments) {
				return selection.Name + argumentsText(selection.Arguments)
			}
			for _, below := range o.below[sent.Slot] {
				if lacking = k.carries(below, sent.Fields, selection.SelectionSet, sent.Typed); lacking != "" {
					return selection.Name + "." + lacking
				}
			}
		case *ast.InlineFragment:
			if selection.TypeCondition != "" && !slices.Contains(k.graph.Possible(selection.TypeCondition), o.typename) {
				continue
			}
			if selection.TypeCondition != "" && !typed {
				return "__typename, by which " + selection.TypeCondition + " is told"
			}
			if lacking = k.carries(o, fields, selection.SelectionSet, typed); lacking != "" {
				return lacking
			}
		}
	}
	return ""
}

// member returns the representation's field of the name for the object, or nil.
func member(o *object, fields []plan.RepresentationField, name string) *plan.RepresentationField {
	for i := range fields {
		if f := &fields[i]; f.Name == name && applies(f.On, o.typename) {
			return f
		}
	}
	return nil
}

// applies tells whether a list of object types, nil for all, has the type.
func applies(on []string, typename string) bool { return on == nil || slices.Contains(on, typename) }

// picks returns what the way to one value lacks of a selection, "" where it leads there.
func (k *checking) picks(o *object, fields []plan.RepresentationField, set ast.SelectionSet) (lacking string) {
	var want *ast.Field
	var find func(set ast.SelectionSet)
	find = func(set ast.SelectionSet) {
		for _, selection := range set {
			switch selection := selection.(type) {
			case *ast.Field:
				if want == nil {
					want = selection
				}
			case *ast.InlineFragment:
				if selection.TypeCondition == "" || slices.Contains(k.graph.Possible(selection.TypeCondition), o.typename) {
					find(selection.SelectionSet)
				}
			}
		}
	}
	find(set)
	if want == nil {
		return "" // nothing is selected for this type: the value is null
	}
	text := want.Name + argumentsText(want.Arguments)
	for _, f := range fields {
		if !applies(f.On, o.typename) {
			continue
		}
		if o.layout.Slots[f.Slot].Name != text {
			return text
		}
		for _, below := range o.below[f.Slot] {
			if lacking = k.picks(below, f.Fields, want.SelectionSet); lacking != "" {
				return want.Name + "." + lacking
			}
		}
		return ""
	}
	return text
}
