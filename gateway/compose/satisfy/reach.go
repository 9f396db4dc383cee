package satisfy

import (
	"cmp"
	"math"
	"slices"

	"github.com/vektah/gqlparser/v2/ast"

	"callboard.dev/callboard/gateway/supergraph"
)

// maxDepth bounds how deep questions may lie in each other: a key whose fields need a key whose fields need ... What lies deeper counts as out of
// reach.
const maxDepth = 500

// evaluation answers the questions of the walk, in one environment at a time, and counts the steps of all.
type evaluation struct {
	*graph
	all         environments
	environment *environment
	wanted      string // a label that had no value where one was needed: the answer is not to be trusted

	budget, steps int
	spent         bool

	active  map[question]int  // what is being answered further up, and how far up
	partial map[question]*set // what is known so far of those that are about what is reached
	lowest  int               // the highest of those that were met again, and taken as a no; uncut for none

	provided map[providedKey]map[string][]ast.SelectionSet
}

// question is about a set of presences of a unit: what they reach (view and selection nil), whether a selection is answered, or whether what a
// field requires in a view is.
type question struct {
	unit      *unit
	set       *set
	view      *supergraph.View
	selection *ast.Selection // the first of its set
}

// memo is what is known in one environment. What was answered while a question was cut short is kept only where it is a yes.
type memo struct {
	reach map[question]*set
	yes   map[question]bool
}

func newMemo() memo { return memo{reach: map[question]*set{}, yes: map[question]bool{}} }

// uncut is lower than any question.
const uncut = math.MaxInt

type providedKey struct {
	unit     *unit
	presence *presence
}

// step counts work and tells whether to go on.
func (e *evaluation) step() bool {
	e.steps++
	e.spent = e.spent || e.steps > e.budget
	return !e.spent
}

// ask answers a question by its memo, or by answer. Where it depends on its own answer, it is a no.
func (e *evaluation) ask(q question, answer func() bool) bool {
	memo := e.environment.memo
	if found, ok := memo.yes[q]; ok {
		return found
	}
	if !e.step() {
		return false
	}
	finish, again := e.begin(q)
	if again {
		return false
	}
	yes := answer()
	if final := finish(); (yes || final) && e.wanted == "" && !e.spent {
		memo.yes[q] = yes
	}
	return yes
}

// begin notes that a question is being answered, or tells that it is already, further up. finish tells whether the answer is final: it is not
// where it took as a no what is still being answered further up.
func (e *evaluation) begin(q question) (finish func() (final bool), again bool) {
	if at, again := e.active[q]; again {
		e.lowest = min(e.lowest, at)
		return nil, true
	}
	at := len(e.active)
	if at > maxDepth {
		e.lowest = 0
		return nil, true
	}
	e.active[q] = at
	outer := e.lowest
	e.lowest = uncut
	return func() bool {
		delete(e.active, q)
		final := e.lowest >= at
		if final {
			e.lowest = uncut
		}
		e.lowest = min(e.lowest, outer)
		return final
	}, false
}

// reach returns the presences of an object of the unit that follow from those given: subgraphs entered by key, from what is at hand or from
// subgraphs entered before.
func (e *evaluation) reach(u *unit, have *set) *set {
	q := question{unit: u, set: have}
	if found := e.environment.memo.reach[q]; found != nil {
		return found
	}
	finish, again := e.begin(q)
	if again {
		return cmp.Or(e.partial[q], have) // what comes of more is found when the loop below, further up, goes round again
	}
	reached := have
	for {
		e.partial[q] = reached
		var added []*presence
		for _, view := range u.holders {
			if !reached.has(view) && e.enters(u, reached, view) {
				added = append(added, e.presence(view, nil))
			}
		}
		if len(added) == 0 || !e.step() {
			break
		}
		reached = e.set(append(added, reached.list...))
	}
	delete(e.partial, q)
	if finish() && e.wanted == "" && !e.spent {
		e.environment.memo.reach[q] = reached
	}
	return reached
}

// enters tells whether the view can be entered from the presences: by one of its keys or, as every subgraph can be asked for root fields
// at any time, because it is of a root type.
func (e *evaluation) enters(u *unit, reached *set, view *supergraph.View) bool {
	if e.roots[u.def] {
		return true
	}
	for _, key := range view.Keys {
		if key.Resolvable && e.answers(u, reached, key.Fields.Selections) {
			return true
		}
	}
	return false
}

// answers tells whether all of the selections can be had of an object of the unit whose presences these are.
func (e *evaluation) answers(u *unit, have *set, selections ast.SelectionSet) bool {
	for _, selection := range selections {
		if !e.step() {
			return false
		}
		switch s := selection.(type) {
		case *ast.Field:
			if !e.answersField(u, have, s) {
				return false
			}
		case *ast.InlineFragment:
			all, some := e.applies(u, s.TypeCondition)
			if some && !all || all && !e.answers(u, have, s.SelectionSet) {
				return false
			}
		}
	}
	return true
}

func (e *evaluation) answersField(u *unit, have *set, f *ast.Field) bool {
	switch {
	case f.Name == "__typename":
		return !u.abstract() || have.typed()
	case len(f.SelectionSet) == 0:
		return e.answered(u, have, f.Name)
	}
	return e.ask(question{unit: u, set: have, selection: &f.SelectionSet[0]}, func() bool {
		below := e.below(u, have, f.Name)
		return below != nil && e.answersAt(e.declared(u, f.Name), below, f.SelectionSet)
	})
}

// answersAt is answers for a position of any type.
func (e *evaluation) answersAt(def *ast.Definition, have *set, selections ast.SelectionSet) bool {
	if def == nil {
		return false
	}
	u := e.unit(def.Name)
	if !supergraph.Abstract(def) {
		return e.answers(u, e.reach(u, e.as(have, u)), selections)
	}
	if !have.typed() {
		have = e.reach(u, have)
		if e.answers(u, have, selections) {
			return true
		}
		if !have.typed() {
			return false
		}
	}
	for _, name := range e.objects(def.Name) {
		if !e.step() {
			return false
		}
		if one := e.unit(name); have.occurs(name) && !e.answers(one, e.reach(one, e.as(have, one)), selections) {
			return false
		}
	}
	return true
}

// declared returns the type of what a field returns.
func (e *evaluation) declared(u *unit, name string) *ast.Definition {
	if f := u.def.Fields.ForName(name); f != nil {
		return e.Full.Types[f.Type.Name()]
	}
	return nil
}

// answered tells whether something at hand, or an entry made for the field alone, answers it.
func (e *evaluation) answered(u *unit, have *set, name string) bool {
	for _, p := range have.list {
		if e.direct(u, have, p, name) != nil {
			return true
		}
	}
	for _, view := range u.holders {
		if e.computed(u, have, view, name) != nil {
			return true
		}
	}
	return false
}

// below returns the presences of the object that a field returns: one for each way the field is answered; nil where it is not answered.
func (e *evaluation) below(u *unit, have *set, name string) *set {
	list := e.presencesBelow(u, have, name)
	if len(list) == 0 {
		return nil
	}
	return e.set(list)
}

func (e *evaluation) presencesBelow(u *unit, have *set, name string) []*presence {
	var list []*presence
	for _, p := range have.list {
		if f := e.direct(u, have, p, name); f != nil {
			list = e.appendBelow(list, u, p, f)
		}
	}
	for _, view := range u.holders {
		if f := e.computed(u, have, view, name); f != nil {
			list = e.appendBelow(list, u, e.presence(view, nil), f)
		}
	}
	return list
}

func (e *evaluation) appendBelow(list []*presence, u *unit, p *presence, f *supergraph.Field) []*presence {
	view := e.View(f.Type.Name(), p.view.Subgraph)
	if view == nil {
		return list
	}
	provides := slices.Clone(e.providing(u, p)[f.Name])
	if !f.Provides.Empty() {
		provides = append(provides, f.Provides.Selections)
	}
	return append(list, e.presence(view, provides))
}

// direct returns the field by which the presence answers by itself, nil where it does not.
func (e *evaluation) direct(u *unit, have *set, p *presence, name string) *supergraph.Field {
	if !e.step() {
		return nil
	}
	f := p.view.Fields[name]
	if f == nil || !u.abstract() || !p.typed() || p.view.Type.Def.Kind == ast.Object {
		return e.own(u, have, p, p.view, f)
	}
	for _, object := range e.objects(p.view.Type.Name) { // an interface's field is answered if every object type answers it
		own := e.View(object, p.view.Subgraph)
		if !p.view.Possible[object] {
			continue
		}
		if own == nil || e.own(u, have, p, own, own.Fields[name]) == nil {
			return nil
		}
	}
	return f
}

// own returns the field if the subgraph of the view resolves it for the presence without a requirement.
func (e *evaluation) own(u *unit, have *set, p *presence, view *supergraph.View, f *supergraph.Field) *supergraph.Field {
	if f == nil || f.Overridden {
		return nil
	}
	if f.External || !f.Requires.Empty() {
		if _, provided := e.providing(u, p)[f.Name]; !provided {
			return nil
		}
	}
	if len(f.Context) > 0 && (!e.sourced(f) || !e.keyed(u, have, view, f)) || !e.resolvedHere(f) {
		return nil
	}
	return f
}

// computed returns the field of the view if it has a requirement that can be had, together with a key to enter the view by.
func (e *evaluation) computed(u *unit, have *set, view *supergraph.View, name string) *supergraph.Field {
	f := view.Fields[name]
	if f == nil || !f.Resolvable() || f.Requires.Empty() || len(f.Context) > 0 && !e.sourced(f) || !e.resolvedHere(f) || !e.keyed(u, have, view, f) {
		return nil
	}
	return f
}

// keyed tells whether the view can be entered for the field, by a key and with what the field requires.
func (e *evaluation) keyed(u *unit, have *set, view *supergraph.View, f *supergraph.Field) bool {
	q := question{unit: u, set: have, view: view}
	if !f.Requires.Empty() {
		q.selection = &f.Requires.Selections[0]
	}
	return e.ask(q, func() bool {
		for _, key := range view.Keys {
			if key.Resolvable && e.answers(u, have, key.Fields.Selections) {
				return e.answers(u, have, f.Requires.Selections)
			}
		}
		return false
	})
}

// providing returns what the presence provides of an object of the unit: fields, with what is provided below them.
func (e *evaluation) providing(u *unit, p *presence) map[string][]ast.SelectionSet {
	if len(p.provides) == 0 {
		return nil
	}
	key := providedKey{u, p}
	found, ok := e.provided[key]
	if !ok {
		found = map[string][]ast.SelectionSet{}
		for _, selections := range p.provides {
			e.addProvided(found, u, selections)
		}
		e.provided[key] = found
	}
	return found
}

func (e *evaluation) addProvided(in map[string][]ast.SelectionSet, u *unit, selections ast.SelectionSet) {
	for _, selection := range selections {
		if !e.step() {
			return
		}
		switch s := selection.(type) {
		case *ast.Field:
			if _, seen := in[s.Name]; !seen {
				in[s.Name] = nil
			}
			if len(s.SelectionSet) > 0 {
				in[s.Name] = append(in[s.Name], s.SelectionSet)
			}
		case *ast.InlineFragment:
			if all, _ := e.applies(u, s.TypeCondition); all {
				e.addProvided(in, u, s.SelectionSet)
			}
		}
	}
}
