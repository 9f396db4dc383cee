package plan

import (
	"maps"
	"slices"
	"sort"
	"strconv"

	"github.com/vektah/gqlparser/v2/ast"

	"callboard.dev/callboard/gateway/supergraph"
)

// finish orders the fetches, joins entity fetches that can travel in one request, prints each operation, and copies all into a Plan.
func (b *build) finish() *Plan {
	b.markTypes(b.rootSite)
	joined := b.join()
	layouts := &layouts{budget: b.budget, objects: map[*site]*Object{}, planner: b.planner}
	plan := &Plan{Kind: b.operation.Kind, Root: layouts.object(b.rootSite)}
	groups := map[*fetch]int{}
	for i, group := range joined {
		for _, f := range group {
			groups[f] = i
		}
	}
	for i, group := range joined {
		f := b.finishFetch(i, group, groups, layouts)
		plan.Fetches = append(plan.Fetches, f)
		for _, before := range f.After {
			plan.Fetches[before].Before = append(plan.Fetches[before].Before, i)
		}
		plan.Filled = plan.Filled || slices.ContainsFunc(f.Entities, func(e *Entities) bool { return e.Context != nil })
	}
	return plan
}

// markTypes asks for __typename wherever something depends on it.
func (b *build) markTypes(s *site) {
	b.must(1 + len(s.slots)/8)
	if s.asks && supergraph.Abstract(s.def) {
		for _, n := range s.typed {
			n.children = slices.Insert(n.children, 0, &child{slot: typenameSlot})
		}
		for _, p := range s.entered {
			if supergraph.Abstract(p.view.Type.Def) && !p.view.InterfaceObject {
				c := &child{on: p.fragment, slot: typenameSlot}
				if !slices.ContainsFunc(p.node.children, func(o *child) bool { return o.slot == typenameSlot && o.on == c.on }) {
					p.node.children = slices.Insert(p.node.children, 0, c)
				}
			}
		}
	}
	for _, own := range s.slots {
		if own.site != nil {
			b.markTypes(own.site)
		}
	}
}

var typenameSlot = &slot{name: "__typename", index: 0}

// join groups the fetches into requests: those of one subgraph at the same distance from the start travel together, and those that can wait with later
// ones. The groups come in an order in which each stands after those it waits for.
func (b *build) join() [][]*fetch {
	for _, f := range b.fetches {
		f.level = -1
	}
	var level func(f *fetch) int
	level = func(f *fetch) int {
		if f.level < 0 {
			f.level = 0
			for before := range f.after {
				f.level = max(f.level, level(before)+1)
			}
		}
		return f.level
	}
	for _, f := range b.fetches {
		level(f)
	}
	b.delay()
	sorted := slices.Clone(b.fetches)
	sort.SliceStable(sorted, func(i, j int) bool {
		if sorted[i].level != sorted[j].level {
			return sorted[i].level < sorted[j].level
		}
		return sorted[i].order < sorted[j].order
	})
	var groups [][]*fetch
	for _, f := range sorted {
		at := -1
		if f.site != nil {
			at = slices.IndexFunc(groups, func(g []*fetch) bool {
				return g[0].site != nil && g[0].subgraph == f.subgraph && g[0].level == f.level
			})
		}
		if at < 0 {
			groups = append(groups, []*fetch{f})
		} else {
			groups[at] = append(groups[at], f)
		}
	}
	return groups
}

// delay puts off an entity fetch that nothing waits for until its subgraph is asked anyway, and so saves a request. The response is not there before that
// one is answered in any case.
func (b *build) delay() {
	waited := map[*fetch]bool{}
	for _, f := range b.fetches {
		for before := range f.after {
			waited[before] = true
		}
	}
	last := slices.Clone(b.fetches) // the last to start first: where they go to is where earlier ones may go
	sort.SliceStable(last, func(i, j int) bool { return last[i].level > last[j].level })
	for _, f := range last {
		if f.site == nil || waited[f] {
			continue
		}
		to := f.level
		for _, other := range b.fetches {
			if other.site != nil && other.subgraph == f.subgraph && other.level > f.level && (to == f.level || other.level < to) {
				to = other.level
			}
		}
		f.level = to
	}
}

// finishFetch makes the request of one group.
func (b *build) finishFetch(id int, group []*fetch, groups map[*fetch]int, layouts *layouts) *Fetch {
	out := &Fetch{ID: id, Subgraph: group[0].subgraph.Name, Kind: ast.Query, Mutation: group[0].mutation}
	after := map[int]bool{}
	for _, f := range group {
		b.must(1 + len(f.after))
		for before := range f.after {
			after[groups[before]] = true
		}
	}
	out.After = slices.Sorted(maps.Keys(after))
	t := &printer{budget: b.budget, operation: b.operation, layouts: layouts, variables: map[string]bool{}, keys: map[*node]map[*child]string{}, shapes: map[*node]map[string]string{}}
	if group[0].site == nil {
		if group[0].below != nil {
			out.At = path(group[0].below, group[0].way)
		} else {
			out.Kind = b.operation.Kind
		}
		out.Root = t.selection(group[0].selection)
		if out.Kind == ast.Query {
			out.Cache = b.cachePolicy(group[0].subgraph, group[0].selection, nil)
		}
	} else {
		b.finishEntities(out, group, t)
	}
	out.declared, out.Variables = t.declarations(b.operation)
	if out.Root != nil {
		out.rootText = t.text.String()
	}
	out.Text, out.Prefix = out.TextFor(nil)
	return out
}

// finishEntities gives the fetch an _entities field for each distinct selection, with every path whose objects want it.
func (b *build) finishEntities(out *Fetch, group []*fetch, t *printer) {
	byText := map[string]*Entities{}
	for _, f := range group {
		before, others := t.text.Len(), t.variables
		t.variables = map[string]bool{}
		context := t.contextVariables(f)
		selection := t.selection(f.selection)
		text := t.text.String()[before:]
		uses := slices.Sorted(maps.Keys(t.variables))
		maps.Copy(t.variables, others)
		target := &Target{Path: path(f.site, f.way), Selection: selection}
		for _, e := range f.sortedEntries() {
			r := &Representation{Typename: e.typename, Fields: inOrder(b.settle(f.site, e.fields))}
			if e.unit != f.site.def && supergraph.Abstract(f.site.def) {
				r.On = []string{e.unit.Name}
			}
			if e.typename == "" && e.unit.Kind == ast.Object {
				r.Typename = e.unit.Name
			}
			target.Representations = append(target.Representations, r)
		}
		views := f.views()
		policy := b.cachePolicy(f.subgraph, f.selection, views)
		if same := byText[text]; same != nil && context == nil {
			same.Targets = append(same.Targets, target)
			same.Cache = same.Cache.stricter(policy)
			t.text.Truncate(before)
			continue
		}
		e := &Entities{Key: "_entities", Variable: "representations", Targets: []*Target{target}, Context: context, Uses: uses, Cache: policy, Keys: cacheKeys(views)}
		if n := len(out.Entities); n > 0 {
			e.Key, e.Variable = "_e"+strconv.Itoa(n), "r"+strconv.Itoa(n)
		}
		e.Variable = t.free(e.Variable)
		e.text = "(representations:$" + e.Variable + hole + ")" + text
		byText[text] = e
		out.Entities = append(out.Entities, e)
	}
}

// sortedEntries returns the entries, those for an object type before the one for all.
func (f *fetch) sortedEntries() []*entry {
	sorted := slices.Clone(f.entries)
	sort.SliceStable(sorted, func(i, j int) bool {
		return sorted[i].unit != f.site.def && sorted[j].unit == f.site.def
	})
	return sorted
}

// layouts makes one Object for each site.
type layouts struct {
	*budget
	planner *Planner
	objects map[*site]*Object
}

func (l *layouts) object(s *site) *Object {
	if found := l.objects[s]; found != nil {
		return found
	}
	l.must(1 + len(s.slots)/8)
	l.hold(1, heldBytes*len(s.slots))
	o := &Object{Slots: make([]Slot, len(s.slots)+1)}
	l.objects[s] = o
	if !supergraph.Abstract(s.def) {
		o.Type = s.def.Name
	} else {
		o.Types = l.planner.Supergraph.Possible(s.def.Name)
	}
	o.Slots[0] = Slot{Name: "__typename"}
	for _, own := range s.slots {
		o.Slots[own.index] = Slot{Name: own.name + own.arguments.Text}
		if own.site != nil {
			o.Slots[own.index].Object = l.object(own.site)
		}
	}
	return o
}
