package plan

import (
	"maps"
	"slices"

	"github.com/vektah/gqlparser/v2/ast"

	"callboard.dev/callboard/gateway/operation"
	"callboard.dev/callboard/gateway/supergraph"
)

// build turns choices into fetches. It is what a plan is while it is still being made: everything here is mutable, and finish
// copies it into a Plan.
type build struct {
	*budget
	planner   *Planner
	operation *operation.Operation
	rootSite  *site
	fetches   []*fetch
	mutations int    // root fields of a mutation built so far
	way       way    // to the position being built
	group     string // the object types above that position, where fields are had in another way for each
	unfilled  []func()
}

// site is one object position of the response.
type site struct {
	def     *ast.Definition
	parent  *site
	via     *slot // the parent's slot that holds the object
	slots   []*slot
	entered []*place // places that entity fetches made here
	typed   []*node  // selections on this position that know the object type
	types   []*fetch // fetches that bring the object type, in the order they were made
	asks    bool     // something depends on the object type
}

// slot is one value of a site. Fields of equal name and arguments share one, whatever the client calls them.
type slot struct {
	name      string
	arguments operation.Arguments
	key       string // for root fields of a mutation, which never share: the response key
	composite string // named type of a composite value
	site      *site
	index     int
	from      map[*fetch]bool // the fetches that bring it
}

// fetch is a request being built.
type fetch struct {
	subgraph  *supergraph.Subgraph
	site      *site // for entities: whose objects are sent; nil for root fields
	below     *site // for root fields of objects that are not the root itself
	selection *node
	after     map[*fetch]bool
	entries   []*entry
	groups    map[string]bool // of the objects it sends
	order     int             // position of creation
	mutation  int             // for a mutation's root fields: the position of the first
	level     int
	filled    []*filledArguments // of fields that take arguments from a context
	way       way                // for entities: to the objects that want it; nil until there are some
}

// entry is one kind of representation a fetch sends.
type entry struct {
	unit     *ast.Definition
	view     *supergraph.View
	typename string
	fields   []RepresentationField
}

// node is a selection set of a fetch.
type node struct {
	site     *site
	view     *supergraph.View // the type the set is written on
	children []*child
	bySlot   map[*slot][]*child // the children, where there are many
}

// child is one field of a selection set, inside a fragment on the type where on is not empty.
type child struct {
	on   string
	slot *slot
	node *node
	typ  *ast.Type // as the subgraph declares it
	fill *fill     // arguments it takes from a context
}

// place is a selection set where fields of a site can be asked for.
type place struct {
	fetch    *fetch
	node     *node
	view     *supergraph.View
	fragment string // type condition all fields go under; "" for none
	unit     *ast.Definition
	filled   bool // the fetch is for fields that take arguments from a context
}

// places finds the place of each source of a choice.
type places map[source]*place

func newBuild(p *Planner, left *budget, op *operation.Operation, root *ast.Definition) *build {
	return &build{budget: left, planner: p, operation: op, rootSite: &site{def: root}}
}

// root builds what a choice for root fields says.
func (b *build) root(choice *siteChoice) {
	if b.operation.Kind == ast.Mutation {
		b.mutations++
	}
	for _, unit := range choice.units {
		b.unit(b.rootSite, unit, places{})
	}
}

// site builds what a choice says at a position, from the places where its object is at hand. It returns the fetches that the answers
// come from.
func (b *build) site(s *site, choice *siteChoice, at places) map[*fetch]bool {
	from := map[*fetch]bool{}
	for _, unit := range choice.units {
		if unit.unit != s.def && supergraph.Abstract(s.def) {
			s.asks = true
		}
		for f := range b.unit(s, unit, at) {
			from[f] = true
		}
	}
	for _, place := range at {
		from[place.fetch] = true
	}
	return from
}

// unit builds one unit's choice. Places it makes are added to at, for the units after it.
func (b *build) unit(s *site, choice *choice, at places) map[*fetch]bool {
	from := map[*fetch]bool{}
	for _, t := range choice.targets {
		b.enter(s, choice.unit, t, at)
	}
	for _, field := range choice.fields {
		for f := range b.field(s, choice.unit, field, at) {
			from[f] = true
		}
	}
	return from
}

// enter makes sure that the target's subgraph has the site's objects, in a fetch that waits for what its representations need.
func (b *build) enter(s *site, unit *ast.Definition, t *target, at places) {
	b.must(1)
	as := source{t.to, t}
	if at[as] != nil {
		return
	}
	if t.demand == nil && s != b.rootSite {
		at[as] = b.enterBelow(s, t, at)
		return
	}
	if t.demand == nil {
		at[as] = b.enterRoot(t)
		return
	}
	needs := b.unit(s, t.supply, at)
	if supergraph.Abstract(s.def) && (unit != s.def || t.typename == "") {
		s.needType(needs)
	}
	fields := b.representation(s, t.demand, t.to.view.Subgraph)
	if t.key != nil {
		allowNull(fields, t.key)
	}
	found := b.reusable(s, unit, t, fields, needs)
	if found == nil {
		found = b.newEntities(s, t)
	}
	found.fetch.way = found.fetch.way.join(b.way)
	for f := range needs {
		if f != found.fetch {
			found.fetch.after[f] = true
		}
	}
	found.fetch.groups[b.group] = true
	found.fetch.add(&entry{unit: unit, view: t.to.view, typename: t.typename, fields: fields})
	if unit != s.def && supergraph.Abstract(s.def) || t.typename == "" {
		s.asks = true
	}
	at[as] = &place{fetch: found.fetch, node: found.fetch.selection, view: t.to.view, fragment: t.to.view.Type.Name, unit: unit, filled: t.fill != nil}
	if t.fill != nil {
		b.unfilled = append(b.unfilled, func() { b.fill(s, found.fetch, t.fill) })
	}
	s.entered = append(s.entered, at[as])
	if supergraph.Abstract(t.to.view.Type.Def) && !t.to.view.InterfaceObject {
		s.types = append(s.types, found.fetch)
	}
	if !t.conditional() && at[source{at: t.to}] == nil {
		at[source{at: t.to}] = at[as]
	}
}

// needType adds a fetch that brings the object type to what an entry waits for, where none is among it: whether an object is sent at all, or
// under which name, depends on it.
func (s *site) needType(needs map[*fetch]bool) {
	for _, f := range s.types {
		if needs[f] {
			return
		}
	}
	if len(s.types) > 0 {
		needs[s.types[0]] = true
	}
}

// enterRoot returns the root selection of the target's subgraph. In a mutation, everything asked for a root field is answered before the next one runs:
// consecutive root fields of one subgraph share a fetch, up to one below which another fetch is needed.
func (b *build) enterRoot(t *target) *place {
	mutation := b.operation.Kind == ast.Mutation
	var last *fetch
	for _, f := range b.fetches {
		if f.site != nil || f.below != nil {
			continue
		}
		if !mutation && f.subgraph == t.to.view.Subgraph {
			return &place{fetch: f, node: f.selection, view: t.to.view}
		}
		last = f
	}
	if mutation && last != nil && last.subgraph == t.to.view.Subgraph && last == b.fetches[len(b.fetches)-1] {
		return &place{fetch: last, node: last.selection, view: t.to.view}
	}
	f := &fetch{subgraph: t.to.view.Subgraph, selection: &node{site: b.rootSite, view: t.to.view}, after: map[*fetch]bool{}, order: len(b.fetches), mutation: b.mutations}
	if mutation {
		for _, earlier := range b.fetches {
			f.after[earlier] = true
		}
	}
	b.fetches = append(b.fetches, f)
	return &place{fetch: f, node: f.selection, view: t.to.view}
}

// enterBelow returns the root selection of the target's subgraph, for objects of the root type at a site below the root. The fetch waits for what says that
// there are any.
func (b *build) enterBelow(s *site, t *target, at places) *place {
	f := &fetch{subgraph: t.to.view.Subgraph, below: s, selection: &node{site: s, view: t.to.view}, after: map[*fetch]bool{}, order: len(b.fetches), mutation: b.mutations}
	for _, p := range at {
		f.after[p.fetch] = true
	}
	f.way = f.way.join(b.way)
	b.fetches = append(b.fetches, f)
	return &place{fetch: f, node: f.selection, view: t.to.view}
}

// reusable finds a fetch of the same subgraph for the same objects that can carry the target's entry without waiting for itself, and without
// having to send one field with two values.
func (b *build) reusable(s *site, unit *ast.Definition, t *target, fields []RepresentationField, needs map[*fetch]bool) *place {
	for _, p := range s.entered {
		// A fetch whose arguments come from further up starts late, and what is built after it must not have to wait for it.
		if p.fetch.subgraph != t.to.view.Subgraph || p.filled != (t.fill != nil) {
			continue
		}
		// One object is sent once: entries of one fetch are for different object types, or the same for all.
		if p.unit == unit && p.view != t.to.view || p.unit != unit && (p.unit == s.def || unit == s.def) {
			continue
		}
		if !p.fetch.accepts(b.group, unit, t.to.view, fields) {
			continue
		}
		free := !slices.ContainsFunc(p.fetch.entries, func(e *entry) bool { return e.unit == unit && contradict(e.fields, fields) })
		for f := range needs {
			free = free && f != p.fetch && !b.waits(f, p.fetch)
		}
		if free {
			return p
		}
	}
	return nil
}

func (b *build) newEntities(s *site, t *target) *place {
	f := &fetch{subgraph: t.to.view.Subgraph, site: s, selection: &node{site: s, view: nil}, after: map[*fetch]bool{}, groups: map[string]bool{}, order: len(b.fetches), mutation: b.mutations}
	b.fetches = append(b.fetches, f)
	return &place{fetch: f}
}

// accepts tells whether the fetch may send the fields for objects of the group. Objects of another group were had in another way and may have other
// keys: they are sent what they were, or by another fetch. An interface object is asked the same whatever its type, so that every type must be sent
// the same.
func (f *fetch) accepts(group string, unit *ast.Definition, view *supergraph.View, fields []RepresentationField) bool {
	for _, have := range f.entries {
		if view.InterfaceObject && have.view == view && have.unit != unit && !sameFields(have.fields, fields) {
			return false
		}
	}
	if f.groups[group] && len(f.groups) == 1 {
		return true
	}
	for _, have := range f.entries {
		if have.unit == unit && have.view == view {
			return sameFields(have.fields, fields)
		}
	}
	return true
}

// waits tells whether f starts only after other, directly or not.
func (b *build) waits(f, other *fetch) bool {
	seen := map[*fetch]bool{}
	var walk func(f *fetch) bool
	walk = func(f *fetch) bool {
		b.must(1)
		if seen[f] {
			return false
		}
		seen[f] = true
		for before := range f.after {
			if before == other || walk(before) {
				return true
			}
		}
		return false
	}
	return walk(f)
}

// add makes the fetch send the entry; an entry for the same unit is widened.
func (f *fetch) add(e *entry) {
	for _, have := range f.entries {
		if have.unit == e.unit && have.view == e.view {
			have.fields = mergeFields(have.fields, e.fields)
			return
		}
	}
	f.entries = append(f.entries, e)
}

// field asks for one field at each of its sources, and builds what is below it. It returns the fetches the answer comes from.
func (b *build) field(s *site, unit *ast.Definition, field fieldChoice, at places) map[*fetch]bool {
	b.must(1)
	from := map[*fetch]bool{}
	if field.field.Name == "__typename" {
		if unit.Kind != ast.Object {
			s.asks = true
			for _, source := range field.sources {
				from[at[source].fetch] = true
			}
		}
		return from
	}
	key := ""
	if s == b.rootSite && b.operation.Kind == ast.Mutation {
		key = field.field.Key
	}
	own := b.slot(s, field.field, key)
	below := places{}
	for _, asked := range field.sources {
		p := at[asked]
		from[p.fetch] = true
		declared := b.declared(p.view, unit, field.field.Name)
		c := b.ask(p, unit, own, declared.Type)
		if asked.target != nil && asked.target.fill != nil && c.fill == nil {
			c.fill = asked.target.fill
		}
		if own.site == nil {
			continue
		}
		child := b.childPlace(p, c, declared)
		for _, presence := range field.below.have {
			if presence.view == child.view {
				below[source{at: presence}] = child
			}
		}
	}
	if own.site != nil {
		outer := b.group
		if b.group += "."; unit != s.def {
			b.group += unit.Name
		}
		b.way = append(b.way, b.step(s, unit, from))
		for f := range b.site(own.site, field.below, below) {
			from[f] = true
		}
		b.way, b.group = b.way[:len(b.way)-1], outer
	}
	if own.from == nil {
		own.from = map[*fetch]bool{}
	}
	maps.Copy(own.from, from)
	return from
}

// fillAll fills the arguments that fields take from a context.
func (b *build) fillAll() {
	for _, fill := range b.unfilled {
		fill()
	}
}

// declared returns the field as the place's subgraph declares it for the unit.
func (b *build) declared(view *supergraph.View, unit *ast.Definition, name string) *supergraph.Field {
	if unit.Kind == ast.Object && !view.InterfaceObject && view.Type.Def != unit {
		if own := b.planner.Supergraph.View(unit.Name, view.Subgraph); own != nil && own.Fields[name] != nil {
			return own.Fields[name]
		}
	}
	return view.Fields[name]
}

// childPlace returns the place below a composite field.
func (b *build) childPlace(p *place, c *child, declared *supergraph.Field) *place {
	view := b.planner.Supergraph.View(declared.Type.Name(), p.view.Subgraph)
	if c.node == nil {
		c.node = &node{site: c.slot.site, view: view}
		if !view.InterfaceObject {
			c.slot.site.typed = append(c.slot.site.typed, c.node)
			c.slot.site.types = append(c.slot.site.types, p.fetch)
		}
	}
	return &place{fetch: p.fetch, node: c.node, view: view}
}

// ask adds the field to the place's selection set, inside a fragment where the field is the unit's alone.
func (b *build) ask(p *place, unit *ast.Definition, s *slot, declared *ast.Type) *child {
	on := p.fragment
	if unit.Kind == ast.Object && supergraph.Abstract(p.view.Type.Def) && !p.view.InterfaceObject {
		on = unit.Name
	}
	known := p.node.asked(s)
	b.must(1 + len(known)/8)
	for _, c := range known {
		if c.slot == s && (c.on == on || c.on == "" && s.site == nil && wrapping(c) == declared.String()) {
			return c
		}
	}
	b.hold(1, 0)
	c := &child{on: on, slot: s, typ: declared}
	p.node.children = append(p.node.children, c)
	if p.node.bySlot != nil {
		p.node.bySlot[s] = append(p.node.bySlot[s], c)
	}
	return c
}

// fewChildren are gone through faster than looked up.
const fewChildren = 32

// asked returns the children for the slot, and where there are few in all, those for others too.
func (n *node) asked(s *slot) []*child {
	if len(n.children) <= fewChildren {
		return n.children
	}
	if n.bySlot == nil {
		n.bySlot = map[*slot][]*child{}
		for _, c := range n.children {
			n.bySlot[c.slot] = append(n.bySlot[c.slot], c)
		}
	}
	return n.bySlot[s]
}

// slot returns the site's slot for a field, a new one where there is none yet.
func (b *build) slot(s *site, field *operation.Field, key string) *slot {
	b.must(1 + len(s.slots)/8)
	if own := s.find(field, key); own != nil {
		return own
	}
	b.hold(2, 0)
	own := &slot{name: field.Name, arguments: field.Arguments, key: key, composite: compositeName(field), index: len(s.slots) + 1}
	if own.composite != "" {
		own.site = &site{def: b.planner.Supergraph.Full.Types[own.composite], parent: s, via: own}
	}
	s.slots = append(s.slots, own)
	return own
}

func (s *site) find(field *operation.Field, key string) *slot {
	composite := compositeName(field)
	for _, own := range s.slots {
		if own.name == field.Name && own.arguments.Text == field.Arguments.Text && own.key == key && own.composite == composite {
			return own
		}
	}
	return nil
}

// compositeName returns the named type of a composite field, "" for a leaf.
func compositeName(field *operation.Field) string {
	if field.Selections == nil {
		return ""
	}
	return field.Definition.Type.Name()
}
