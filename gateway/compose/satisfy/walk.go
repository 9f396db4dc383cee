package satisfy

import (
	"slices"
	"strings"

	"github.com/vektah/gqlparser/v2/ast"

	"callboard.dev/callboard/gateway/supergraph"
)

// walk visits the states that operations can lead to.
type walk struct {
	*evaluation
	checker *Checker
	queue   []position
	seen    map[place][]*environment
	before  *walk // a walk whose states need not be visited again; nil for none

	findings []Finding
	reported map[string]int // position in findings of each coordinate
	divided  []division
}

// place is what a state is about, apart from its environment: a position of a type, or an object.
type place struct {
	unit *unit // the object's type; nil for a position
	def  *ast.Definition
	set  *set
}

// position is where an object of the declared type is at hand in some ways.
type position struct {
	def         *ast.Definition
	set         *set
	environment *environment
	trail       *trail
}

// trail is how a position was first reached. The trails of a walk form a tree.
type trail struct {
	parent *trail
	kind   ast.Operation
	step   Step
}

// division is a field that is to be asked of one subgraph, of several that resolve it.
type division struct {
	typeName    string
	field       *ast.FieldDefinition
	environment *environment
	trail       *trail
	parts       []part
}

// part is one of the subgraphs, with what it has below the field.
type part struct {
	subgraph *supergraph.Subgraph
	below    *set
}

func newWalk(c *Checker) *walk {
	budget := c.Budget
	if budget == 0 {
		budget = DefaultBudget
	}
	e := &evaluation{
		graph: newGraph(c.Supergraph), all: environments{}, budget: budget,
		active: map[question]int{}, partial: map[question]*set{}, lowest: uncut, provided: map[providedKey]map[string][]ast.SelectionSet{},
	}
	return &walk{evaluation: e, checker: c, seen: map[place][]*environment{}, reported: map[string]int{}}
}

// enterRoot puts the root of a kind of operation on the queue: there, every subgraph that has the root type is at hand.
func (w *walk) enterRoot(kind ast.Operation) {
	def := w.Root(kind)
	if def == nil {
		return
	}
	var list []*presence
	for _, view := range w.Type(def.Name).Views {
		if view != nil {
			list = append(list, w.presence(view, nil))
		}
	}
	w.queue = append(w.queue, position{def, w.set(list), w.all.with(nil, nil), &trail{kind: kind}})
}

func (w *walk) run() {
	for len(w.queue) > 0 && w.step() {
		next := w.queue[0]
		w.queue = w.queue[1:]
		w.visit(next)
	}
	w.queue = nil
}

// first tells whether the place was not visited yet in an environment that covers this one, and notes it as visited.
func (w *walk) first(at place, env *environment) bool {
	for one := w; one != nil; one = one.before {
		w.steps += len(one.seen[at])
		if slices.ContainsFunc(one.seen[at], func(earlier *environment) bool { return earlier.covers(env) }) {
			return false
		}
	}
	w.seen[at] = append(w.seen[at], env)
	return true
}

// visit goes from a position to the objects that can be there, type by type. Only where nothing at hand knows the type is anything asked of
// the declared type.
func (w *walk) visit(p position) {
	if !w.first(place{def: p.def, set: p.set}, p.environment) {
		return
	}
	if !supergraph.Abstract(p.def) {
		w.object(w.unit(p.def.Name), p, "")
		return
	}
	if p.set.typed() {
		w.objects(p)
		return
	}
	u := w.unit(p.def.Name)
	fork(w.evaluation, p.environment, func() *set { return w.reach(u, p.set) }, func(env *environment, reached *set) {
		w.fields(u, reached, env, p.trail, "")
		if reached.typed() {
			w.objects(position{p.def, reached, env, p.trail})
		} else if slices.ContainsFunc(w.visible(p.def), func(u *unit) bool { return reached.occurs(u.def.Name) }) {
			w.untyped(u, reached, env, p.trail)
		}
	})
}

// visible returns the object types that clients can see in a position of the type.
func (w *walk) visible(def *ast.Definition) []*unit {
	var list []*unit
	for _, name := range w.graph.objects(def.Name) {
		if u := w.unit(name); u.api != nil {
			list = append(list, u)
		}
	}
	return list
}

func (w *walk) objects(p position) {
	for _, u := range w.visible(p.def) {
		if p.set.occurs(u.def.Name) && w.step() {
			w.object(u, p, u.def.Name)
		}
	}
	if w.checker.Reached != nil {
		w.reachedOf(p)
	}
}

// reachedOf reports what can be asked of the declared type of a position, as it can be of each object type.
func (w *walk) reachedOf(p position) {
	w.checker.Reached(w.path(&trail{parent: p.trail}))
	for _, f := range w.API.Types[p.def.Name].Fields {
		missing := slices.ContainsFunc(w.visible(p.def), func(u *unit) bool {
			_, reported := w.reported[u.def.Name+"."+f.Name]
			return reported
		})
		if !missing {
			w.checker.Reached(w.path(&trail{parent: p.trail, step: Step{Field: f}}))
		}
	}
}

// object visits an object of one type.
func (w *walk) object(u *unit, p position, on string) {
	if u.api == nil {
		return
	}
	fork(w.evaluation, p.environment, func() *set { return w.reach(u, w.as(p.set, u)) }, func(env *environment, reached *set) {
		w.fields(u, reached, env, p.trail, on)
	})
}

// answer is what is known of one field of a state.
type answer struct {
	ok      bool
	parts   []part // for a composite field that is to be asked once
	below   *set   // for another composite field
	sources []int  // contexts below
}

// fields asks for every field that clients can see of a unit, and goes on below them.
func (w *walk) fields(u *unit, reached *set, env *environment, from *trail, on string) {
	if u.api == nil || !w.first(place{unit: u, set: reached}, env) {
		return
	}
	typed := u.abstract() && reached.typed() // then what the objects' types answer is what counts
	var missing []miss
	for _, f := range u.api.Fields {
		if strings.HasPrefix(f.Name, "__") {
			continue
		}
		to := &trail{parent: from, step: Step{On: on, Field: f}}
		below := w.API.Types[f.Type.Name()]
		once := u.def == w.Full.Mutation
		var next []position
		fork(w.evaluation, env, func() answer {
			if below.IsLeafType() {
				return answer{ok: w.answered(u, reached, f.Name)}
			}
			return w.composite(u, reached, f.Name, once)
		}, func(env *environment, a answer) {
			switch {
			case typed:
				return
			case !a.ok:
				missing = append(missing, miss{field: f, environment: env, reasons: w.why(u, reached, env, f.Name)})
				return
			case len(a.parts) > 1:
				w.divided = append(w.divided, division{u.def.Name, f, env, to, a.parts})
			case a.below != nil:
				next = append(next, position{w.Full.Types[below.Name], a.below, w.all.with(env.labels, a.sources), to})
			}
			if w.checker.Reached != nil {
				w.checker.Reached(w.path(to))
			}
		})
		w.queue = append(w.queue, w.merged(next)...)
	}
	w.report(u, reached, from, on, missing)
}

// composite answers a field that returns objects.
func (w *walk) composite(u *unit, reached *set, name string, once bool) answer {
	var a answer
	if once {
		for _, p := range reached.list {
			if f := w.direct(u, reached, p, name); f != nil {
				if below := w.appendBelow(nil, u, p, f); below != nil {
					a.parts = append(a.parts, part{p.view.Subgraph, w.set(below)})
				}
			}
		}
	}
	a.below = w.below(u, reached, name)
	a.ok = a.below != nil
	for n, one := range w.sources {
		if u.sets[one.context] && w.picks(u, reached, one.pick.Selections) || !u.sets[one.context] && slices.Contains(w.environment.sources, n) {
			a.sources = append(a.sources, n)
		}
	}
	return a
}

// picks tells whether the selection picks something of an object of the unit, and it can be had.
func (w *walk) picks(u *unit, reached *set, selections ast.SelectionSet) bool {
	some := slices.ContainsFunc(selections, func(selection ast.Selection) bool {
		fragment, ok := selection.(*ast.InlineFragment)
		if !ok {
			return true
		}
		all, _ := w.applies(u, fragment.TypeCondition)
		return all
	})
	return some && w.answers(u, reached, selections)
}

// divisions tries each field that is to be asked of one subgraph with each of those it could be asked of. It is in order if one of them is enough
// for everything below.
func (w *walk) divisions() {
	for _, d := range w.divided {
		var parts []Finding
		for _, one := range d.parts {
			sub := &walk{evaluation: w.evaluation, checker: &Checker{}, seen: map[place][]*environment{}, before: w, reported: map[string]int{}}
			sub.queue = []position{{w.Full.Types[d.field.Type.Name()], one.below, d.environment, d.trail}}
			sub.run()
			if w.spent {
				return
			}
			if len(sub.findings) == 0 {
				parts = nil
				break
			}
			first := sub.findings[0]
			first.From = one.subgraph.Name
			parts = append(parts, first)
		}
		if len(parts) > 0 {
			w.findings = append(w.findings, Finding{Kind: Divided, Type: d.typeName, Fields: []string{d.field.Name}, Path: w.path(d.trail), Labels: d.environment.labels, Parts: parts})
		}
	}
}

// path writes down a trail.
func (w *walk) path(t *trail) Path {
	p := Path{schema: w.API}
	for ; t.parent != nil; t = t.parent {
		p.Steps = append(p.Steps, t.step)
	}
	p.Kind = t.kind
	slices.Reverse(p.Steps)
	return p
}

func (w *walk) result() Result {
	return Result{Findings: w.findings, Complete: !w.spent}
}
