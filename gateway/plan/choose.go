package plan

import (
	"slices"
	"sort"
	"strconv"
	"strings"

	"github.com/vektah/gqlparser/v2/ast"

	"callboard.dev/callboard/gateway/operation"
	"callboard.dev/callboard/gateway/supergraph"
)

// The costs that choices are compared by. A request to a subgraph dwarfs everything; between plans of as many requests the one
// with the shorter chain wins, then the one that asks for fewer fields.
const (
	costFetch = 10_000
	costDepth = 100
	costField = 1
)

// siteChoice says how the selections at one position are answered, unit by unit: fields answered alike for every type the position can
// have, then fields that depend on the object type.
type siteChoice struct {
	selections *operation.Selections
	def        *ast.Definition
	have       []*presence
	units      []*choice
	cost       int
}

// choice says how fields of one unit are answered: an object type, or an abstract type whose objects are all answered alike.
type choice struct {
	unit    *ast.Definition
	have    []*presence
	targets []*target // subgraphs to enter first, in an order that respects what each needs
	fields  []fieldChoice
	cost    int
	depth   int
	fetches idSet // the entries this choice makes, for counting what two choices share
}

// fieldChoice is one field with where it comes from: usually one source, more where no subgraph has everything below it.
type fieldChoice struct {
	field   *operation.Field
	sources []source
	below   *siteChoice
}

// source is a presence the field is asked of: one at hand, or one that a target brings.
type source struct {
	at     *presence
	target *target // nil where the object is at hand
}

// chooser makes the choices of one plan.
type chooser struct {
	*budget
	planner    *Planner
	supergraph *supergraph.Supergraph
	decide     func(label string) bool // nil: no label is on
	labels     map[string]bool         // what was decided
	fills      map[fillKey]*fill

	presences    map[presenceKey]*presence
	selectionIDs map[*operation.Selections]int
	fetchIDs     map[string]int

	sites   memo[choiceKey, *siteChoice]
	units   memo[choiceKey, *choice]
	routes  memo[routeKey, []*target]
	entries memo[routeKey, *target]
	rests   idSet      // the open questions that were taken to be impossible
	forget  [][]func() // for each open question: what to forget when it is answered

	alone map[*operation.Field]*operation.Selections // of one field each

	dead map[string]int // coordinates no subgraph could answer, by how deep they were found
}

type choiceKey struct {
	selections *operation.Selections
	unit       string
	have       string
	mode       byte
}

type routeKey struct {
	unit  string
	have  string
	views string
}

func newChooser(b *budget, p *Planner, decide func(label string) bool) *chooser {
	return &chooser{
		budget: b, planner: p, supergraph: p.Supergraph, decide: decide,
		presences: map[presenceKey]*presence{}, selectionIDs: map[*operation.Selections]int{}, fetchIDs: map[string]int{},
		sites: newMemo[choiceKey, *siteChoice](), units: newMemo[choiceKey, *choice](), routes: newOpenMemo[routeKey, []*target](), entries: newMemo[routeKey, *target](),
		alone: map[*operation.Field]*operation.Selections{}, dead: map[string]int{},
	}
}

// step counts one step of work and tells whether to go on.
func (c *chooser) step() bool { return c.spend(1) }

// deepest names a field that nothing could answer, for an error.
func (c *chooser) deepest() string {
	best, depth := "the operation", -1
	names := make([]string, 0, len(c.dead))
	for name := range c.dead {
		names = append(names, name)
	}
	sort.Strings(names)
	for _, name := range names {
		if c.dead[name] > depth {
			best, depth = name, c.dead[name]
		}
	}
	return best
}

func haveKey(have []*presence) string {
	var b strings.Builder
	for _, at := range have {
		b.WriteString(strconv.Itoa(at.id))
		b.WriteByte(',')
	}
	return b.String()
}

// site chooses for the selections at a position of the declared type whose object is at hand in the given ways; none at all is the root. It
// returns nil where something cannot be answered.
func (c *chooser) site(def *ast.Definition, have []*presence, selections *operation.Selections) *siteChoice {
	return once(c, &c.sites, choiceKey{selections, def.Name, haveKey(have), 's'}, func() (*siteChoice, bool) {
		found := c.newSite(def, have, selections)
		return found, found != nil
	})
}

func (c *chooser) newSite(def *ast.Definition, have []*presence, selections *operation.Selections) *siteChoice {
	site := &siteChoice{selections: selections, def: def, have: have}
	if !supergraph.Abstract(def) {
		unit := c.unit(def, have, selections, selections.Fields, true)
		if unit == nil {
			return nil
		}
		site.units, site.cost = []*choice{unit}, unit.cost
		return site
	}
	general, specific := c.split(def, have, selections)
	for _, field := range specific {
		if field.On == nil && !c.whole(def, have, selections, field) {
			name := def.Name + "." + field.Name + " of all its types"
			c.dead[name] = max(c.dead[name], maxPlanDepth)
			return nil
		}
	}
	var seen idSet
	if len(general) > 0 {
		unit := c.unit(def, have, selections, general, true)
		if unit == nil {
			return nil
		}
		site.units, site.cost, seen = append(site.units, unit), unit.cost, unit.fetches
		for _, t := range unit.targets {
			if !t.conditional() && !slices.Contains(have, t.to) {
				have = append(slices.Clone(have), t.to)
			}
		}
		have = sortPresences(have)
	}
	if len(specific) == 0 {
		return site
	}
	for _, objectType := range c.supergraph.Possible(def.Name) {
		if !c.spend(1 + len(specific)/8) {
			return nil
		}
		var fields []*operation.Field
		for _, field := range specific {
			if field.Applies(objectType) {
				fields = append(fields, field)
			}
		}
		if len(fields) == 0 || !occurs(objectType, have) || c.hidden(objectType, selections) {
			continue
		}
		unit := c.unit(c.supergraph.Full.Types[objectType], have, selections, fields, true)
		if unit == nil {
			return nil
		}
		site.units = append(site.units, unit)
		site.cost += unit.cost - costFetch*(unit.fetches.count()-seen.added(unit.fetches))
		seen = seen.union(unit.fetches)
	}
	return site
}

// maxPlanDepth is deeper than anything in a plan: where a field cannot be answered as a whole, that says more than which part is missing where.
const maxPlanDepth = 1 << 30

// whole tells whether a field that is wanted of every object of an abstract type, whichever type it is, can be. What is at hand must know some of
// the types; subgraphs that know none in common can only agree on null. And where a field above is asked of several subgraphs, they may add to what each of them has, but not divide the types among them: what
// is said of every object is one subgraph's to say.
func (c *chooser) whole(def *ast.Definition, have []*presence, selections *operation.Selections, field *operation.Field) bool {
	var types []*ast.Definition
	c.spend(1 + len(c.supergraph.Possible(def.Name))/8)
	for _, name := range c.supergraph.Possible(def.Name) {
		if occurs(name, have) {
			types = append(types, c.supergraph.Full.Types[name])
		}
	}
	if len(have) == 1 {
		return len(types) > 0
	}
	alone := c.alone[field]
	if alone == nil {
		alone = &operation.Selections{Type: selections.Type, Fields: []*operation.Field{field}}
		c.alone[field] = alone
	}
	answers := func(at *presence, t *ast.Definition) bool {
		return c.unit(t, []*presence{at}, alone, alone.Fields, true) != nil
	}
	divided := true
	for _, t := range types {
		divided = divided && slices.ContainsFunc(have, func(at *presence) bool { return answers(at, t) })
	}
	return !divided || slices.ContainsFunc(have, func(at *presence) bool {
		return !slices.ContainsFunc(types, func(t *ast.Definition) bool { return !answers(at, t) })
	})
}

// hidden tells whether the selections are a client's and the object type is not one that clients may see: what is null to them need not be
// fetched. A key or requirement, whose selections are of the full schema, may well need it.
func (c *chooser) hidden(objectType string, selections *operation.Selections) bool {
	api := c.supergraph.API.Types
	return api[objectType] == nil && selections.Type == api[selections.Type.Name]
}

// split separates the fields that can be answered alike for every object of an abstract type from those to be answered type by type.
func (c *chooser) split(def *ast.Definition, have []*presence, selections *operation.Selections) (general, specific []*operation.Field) {
	typed := len(have) == 0
	for _, at := range have {
		typed = typed || at.typed()
	}
	targets := c.targets(def, have, c.open(def, have, selections.Fields))
	hasTypename := false
	for _, field := range selections.Fields {
		if field.On == nil && (field.Name == "__typename" || len(c.options(def, have, targets, field, true)) > 0) {
			general = append(general, field)
			hasTypename = hasTypename || field.Name == "__typename"
		} else {
			specific = append(specific, field)
		}
	}
	if !typed && len(specific) > 0 && !hasTypename {
		general = append(general, typenameField)
	}
	return general, specific
}

// typenameField is asked for where the planner itself needs to know an object's type.
var typenameField = &operation.Field{Key: "__typename", Name: "__typename", Definition: &ast.FieldDefinition{Name: "__typename", Type: ast.NonNullNamedType("String", nil)}}

// unit chooses for fields of one unit. With jumps false only what is at hand may answer, as a key must be.
func (c *chooser) unit(def *ast.Definition, have []*presence, selections *operation.Selections, fields []*operation.Field, jumps bool) *choice {
	mode := byte('j')
	if !jumps {
		mode = 'd'
	}
	return once(c, &c.units, choiceKey{selections, def.Name, haveKey(have), mode}, func() (*choice, bool) {
		var targets []*target
		if jumps {
			targets = c.targets(def, have, c.open(def, have, fields))
		}
		found := c.choose(def, have, targets, fields, jumps)
		return found, found != nil
	})
}

// open returns the fields for which a target may be of use: all but leaves that something at hand answers.
func (c *chooser) open(def *ast.Definition, have []*presence, fields []*operation.Field) []*operation.Field {
	if len(have) == 0 {
		return fields
	}
	var open []*operation.Field
	for _, field := range fields {
		if field.Selections != nil || len(c.options(def, have, nil, field, false)) == 0 {
			open = append(open, field)
		}
	}
	return open
}

// option is one way to answer a field.
type option struct {
	sources []source
	below   *siteChoice
	cost    int
	depth   int
}

// options lists the ways to answer a field from what is at hand, what the targets bring and, with jumps, entries made for it alone.
func (c *chooser) options(def *ast.Definition, have []*presence, targets []*target, field *operation.Field, jumps bool) []option {
	if field.Name == "__typename" && def.Kind == ast.Object {
		return []option{{}}
	}
	var list []option
	type found struct {
		source source
		child  *presence
	}
	var composite []found
	add := func(s source, requires bool) {
		if !c.step() {
			return
		}
		if field.Name == "__typename" {
			if s.at.typed() {
				list = append(list, option{sources: []source{s}, cost: costField, depth: s.depth()})
			}
			return
		}
		answer := c.direct(def, s.at, field, requires)
		if answer == nil || requires && (answer.Requires.Text != s.target.requires || c.fillOf(field, answer) != s.target.fill) {
			return
		}
		if field.Selections == nil {
			list = append(list, option{sources: []source{s}, cost: costField, depth: s.depth()})
			return
		}
		if child := c.below(def, s.at, answer); child != nil {
			composite = append(composite, found{s, child})
		}
	}
	for _, at := range have {
		add(source{at: at}, false)
	}
	for _, t := range targets {
		add(source{t.to, t}, t.conditional())
	}
	if jumps && len(have) > 0 {
		for _, t := range c.required(def, have, field) {
			add(source{t.to, t}, true)
		}
	}
	combine := func(parts ...found) {
		o := option{cost: costField}
		children := make([]*presence, 0, len(parts))
		for _, part := range parts {
			if slices.Contains(children, part.child) {
				continue
			}
			o.sources = append(o.sources, part.source)
			o.depth = max(o.depth, part.source.depth())
			children = append(children, part.child)
		}
		declared := c.supergraph.Full.Types[field.Definition.Type.Name()]
		if o.below = c.site(declared, sortPresences(children), field.Selections); o.below != nil {
			o.cost += o.below.cost
			list = append(list, o)
		}
	}
	cheap := false
	for _, part := range composite {
		before := len(list)
		combine(part)
		cheap = cheap || len(list) > before && list[before].cost < costFetch
	}
	if cheap || len(composite) < 2 || def == c.supergraph.Full.Mutation { // what a mutation does is done once
		return list
	}
	// Nothing answers all of it by itself: ask two, and where that is not enough all, of the subgraphs that share the field.
	before := len(list)
	for i := range composite[:min(len(composite), maxPaired)] {
		for j := i + 1; j < min(len(composite), maxPaired); j++ {
			combine(composite[i], composite[j])
		}
	}
	if before == 0 && len(list) == 0 {
		combine(composite...)
	}
	return list
}

// maxPaired bounds how many subgraphs that share a field are tried in pairs.
const maxPaired = 8

func (s source) depth() int {
	if s.target == nil {
		return 0
	}
	return s.target.depth
}

// choose picks the targets to enter so that every field is answered at the least cost.
func (c *chooser) choose(def *ast.Definition, have []*presence, targets []*target, fields []*operation.Field, jumps bool) *choice {
	all := make([][]option, len(fields))
	var relevant []*target
	for i, field := range fields {
		all[i] = c.options(def, have, targets, field, jumps)
		if len(all[i]) == 0 {
			name := def.Name + "." + field.Name
			c.dead[name] = max(c.dead[name], len(c.sites.active)+len(c.units.active))
			return nil
		}
		for _, o := range all[i] {
			for _, s := range o.sources {
				if s.target != nil && !slices.Contains(relevant, s.target) {
					relevant = append(relevant, s.target)
				}
			}
		}
	}
	if c.err != nil {
		return nil
	}
	picked := c.pick(relevant, all)
	if picked == nil {
		return nil
	}
	out := &choice{unit: def, have: have}
	used := map[*target]bool{}
	for i, field := range fields {
		best, _ := cheapest(all[i], picked)
		for _, s := range best.sources {
			if s.target != nil {
				used[s.target] = true
				out.depth = max(out.depth, s.target.depth)
			}
		}
		out.cost += best.cost
		out.fields = append(out.fields, fieldChoice{field, best.sources, best.below})
	}
	for _, t := range relevant {
		if used[t] {
			out.enter(t)
		}
	}
	for _, t := range out.targets {
		out.fetches = out.fetches.union(t.fetches)
	}
	out.cost += costFetch*out.fetches.count() + costDepth*out.depth
	return out
}

// enter adds a target after everything its demand comes from.
func (ch *choice) enter(t *target) {
	if slices.Contains(ch.targets, t) {
		return
	}
	for _, before := range t.after {
		ch.enter(before)
	}
	ch.targets = append(ch.targets, t)
}
