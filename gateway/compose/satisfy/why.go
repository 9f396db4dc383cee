package satisfy

import (
	"cmp"
	"slices"

	"github.com/vektah/gqlparser/v2/ast"

	"callboard.dev/callboard/gateway/supergraph"
)

// miss is a field of a state that nothing answers.
type miss struct {
	field       *ast.FieldDefinition
	environment *environment
	reasons     []Reason
}

func (r Reason) equal(o Reason) bool {
	return r.Obstacle == o.Obstacle && r.Subgraph == o.Subgraph && r.Type == o.Type && slices.Equal(r.Keys, o.Keys) && r.Lack == o.Lack && r.Label == o.Label
}

// report makes findings of what is missing in a state: one of all fields that are for the same reasons. A field is reported once, with the
// first path on which it is missing.
func (w *walk) report(u *unit, reached *set, from *trail, on string, missing []miss) {
	first := len(w.findings)
	for _, m := range missing {
		at := u.def.Name + "." + m.field.Name
		if earlier, ok := w.reported[at]; ok {
			if earlier < first {
				w.findings[earlier].Others++
			}
			continue
		}
		same := slices.IndexFunc(w.findings[first:], func(f Finding) bool {
			return slices.EqualFunc(f.Reasons, m.reasons, Reason.equal) && slices.Equal(f.Labels, m.environment.labels)
		})
		if same >= 0 {
			w.findings[first+same].Fields = append(w.findings[first+same].Fields, m.field.Name)
			w.reported[at] = first + same
			continue
		}
		w.reported[at] = len(w.findings)
		w.findings = append(w.findings, Finding{
			Kind: Unanswered, Type: u.def.Name, Fields: []string{m.field.Name}, Path: w.path(&trail{parent: from, step: Step{On: on, Field: m.field}}),
			AtHand: reached.subgraphs(), Labels: m.environment.labels, Reasons: m.reasons,
		})
	}
}

// untyped makes a finding of objects whose type nothing can tell.
func (w *walk) untyped(u *unit, reached *set, env *environment, from *trail) {
	if earlier, ok := w.reported[u.def.Name]; ok {
		w.findings[earlier].Others++
		return
	}
	w.reported[u.def.Name] = len(w.findings)
	w.environment = env
	var reasons []Reason
	for _, view := range u.holders {
		if !view.InterfaceObject {
			reasons = append(reasons, w.noEntry(u, reached, view))
		}
	}
	w.findings = append(w.findings, Finding{
		Kind: Untyped, Type: u.def.Name, Path: w.path(&trail{parent: from, step: Step{}}),
		AtHand: reached.subgraphs(), Labels: env.labels, Reasons: reasons,
	})
}

// why tells for each subgraph that has the field why it does not answer it.
func (w *walk) why(u *unit, reached *set, env *environment, name string) []Reason {
	w.environment = env
	var reasons []Reason
	for _, view := range u.holders {
		if f := view.Fields[name]; f != nil {
			reasons = append(reasons, w.obstacle(u, reached, view, f))
		}
	}
	return reasons
}

func (w *walk) obstacle(u *unit, reached *set, view *supergraph.View, f *supergraph.Field) Reason {
	r := Reason{Subgraph: view.Subgraph.Name, Type: view.Type.Name}
	switch {
	case f.Overridden:
		r.Obstacle = Overridden
		return r
	case f.External:
		r.Obstacle = External
		return r
	case f.Label != "":
		if on, known := w.environment.value(f.Label); known && on != f.LabelOn {
			r.Obstacle, r.Label = OtherLabel, Label{f.Label, f.LabelOn}
			return r
		}
	}
	for _, argument := range f.Context {
		if !slices.Contains(w.environment.sources, w.sourceNumber(argument)) {
			r.Obstacle, r.Lack = ContextNotSet, Lack{argument.Context, argument.Name}
			return r
		}
	}
	if !f.Requires.Empty() && w.enters(u, reached, view) {
		r.Obstacle, r.Lack = RequirementOut, w.lack(u, reached, f.Requires)
		return r
	}
	return w.noEntry(u, reached, view)
}

// noEntry tells why a view cannot be entered.
func (w *walk) noEntry(u *unit, reached *set, view *supergraph.View) Reason {
	r := Reason{Obstacle: NoKey, Subgraph: view.Subgraph.Name, Type: view.Type.Name}
	for _, key := range view.Keys {
		if !key.Resolvable {
			continue
		}
		r.Keys = append(r.Keys, w.lack(u, reached, key.Fields))
	}
	switch {
	case len(r.Keys) > 0:
		r.Obstacle = KeyOutOfReach
	case len(view.Keys) > 0:
		r.Obstacle = KeyNotEntered
		for _, key := range view.Keys {
			r.Keys = append(r.Keys, Lack{Set: key.Fields.Text})
		}
	}
	return r
}

func (w *walk) lack(u *unit, reached *set, fields supergraph.FieldSet) Lack {
	return Lack{fields.Text, cmp.Or(w.lacking(u, reached, fields.Selections, 0), u.def.Name)}
}

// lacking returns the coordinate of the first field of the selections that is not to be had, "" where all are.
func (w *walk) lacking(u *unit, have *set, selections ast.SelectionSet, depth int) string {
	for _, selection := range selections {
		switch s := selection.(type) {
		case *ast.Field:
			if w.answersField(u, have, s) {
				continue
			}
			at := u.def.Name + "." + s.Name
			def, below := w.declared(u, s.Name), w.below(u, have, s.Name)
			if len(s.SelectionSet) == 0 || def == nil || below == nil || depth > maxDepth {
				return at
			}
			for _, name := range w.graph.objects(def.Name) {
				one := w.unit(name)
				if !below.occurs(name) {
					continue
				}
				if found := w.lacking(one, w.reach(one, w.as(below, one)), s.SelectionSet, depth+1); found != "" {
					return found
				}
			}
			return at
		case *ast.InlineFragment:
			if all, _ := w.applies(u, s.TypeCondition); all {
				if found := w.lacking(u, have, s.SelectionSet, depth+1); found != "" {
					return found
				}
			}
		}
	}
	return ""
}
