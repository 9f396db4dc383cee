package plan

import (
	"cmp"
	"encoding/json"
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
	layouts := &layouts{objects: map[*site]*Object{}, planner: b.planner}
	plan := &Plan{Kind: b.operation.Kind, Root: layouts.object(b.rootSite)}
	for i, group := range joined {
		plan.Fetches = append(plan.Fetches, b.finishFetch(i, group, joined, layouts))
	}
	return plan
}

// markTypes asks for __typename wherever something depends on it.
func (b *build) markTypes(s *site) {
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

// join groups the fetches into requests: those of one subgraph at the same distance from the start travel together. The groups come in an
// order in which each stands after those it waits for.
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

// finishFetch makes the request of one group.
func (b *build) finishFetch(id int, group []*fetch, groups [][]*fetch, layouts *layouts) *Fetch {
	out := &Fetch{ID: id, Subgraph: group[0].subgraph.Name, Kind: ast.Query, Mutation: group[0].mutation}
	after := map[int]bool{}
	for _, f := range group {
		for before := range f.after {
			for i, other := range groups {
				if slices.Contains(other, before) {
					after[i] = true
				}
			}
		}
	}
	for i := range groups {
		if after[i] {
			out.After = append(out.After, i)
		}
	}
	t := &printer{planner: b.planner, layouts: layouts, variables: map[string]bool{}, keys: map[*node]map[*child]string{}, shapes: map[*node]map[string]string{}}
	if group[0].site == nil {
		out.Kind = b.operation.Kind
		out.Root = t.selection(group[0].selection)
	} else {
		b.finishEntities(out, group, t)
	}
	out.Text, out.Variables = t.operation(out, b.operation)
	quoted, err := json.Marshal(out.Text)
	if err != nil {
		panic("bug: a string that is not JSON: " + err.Error())
	}
	out.Prefix = append([]byte(`{"query":`), quoted...)
	return out
}

// finishEntities gives the fetch an _entities field for each distinct selection, with every path whose objects want it.
func (b *build) finishEntities(out *Fetch, group []*fetch, t *printer) {
	byText := map[string]*Entities{}
	for _, f := range group {
		before := t.text.Len()
		selection := t.selection(f.selection)
		text := t.text.String()[before:]
		target := &Target{Path: path(f.site), Selection: selection}
		for _, e := range f.sortedEntries() {
			r := &Representation{Typename: e.typename, Fields: inOrder(e.fields)}
			if e.unit != f.site.def && supergraph.Abstract(f.site.def) {
				r.On = []string{e.unit.Name}
			}
			if e.typename == "" && e.unit.Kind == ast.Object {
				r.Typename = e.unit.Name
			}
			target.Representations = append(target.Representations, r)
		}
		if same := byText[text]; same != nil {
			same.Targets = append(same.Targets, target)
			rest := t.text.String()[:before]
			t.text.Reset()
			t.text.WriteString(rest)
			continue
		}
		e := &Entities{Key: "_entities", Variable: "representations", Targets: []*Target{target}}
		if n := len(out.Entities); n > 0 {
			e.Key, e.Variable = "_e"+strconv.Itoa(n), "r"+strconv.Itoa(n)
		}
		byText[text] = e
		out.Entities = append(out.Entities, e)
		t.texts = append(t.texts, text)
	}
}

// inOrder sorts the fields of a representation: those of its key as the key has them, then those of requirements by name. Wherever an entity is found
// and whatever was required of it first, it is sent in the same words, and so once.
func inOrder(fields []RepresentationField) []RepresentationField {
	sorted := slices.Clone(fields)
	for i := range sorted {
		sorted[i].Fields = inOrder(sorted[i].Fields)
	}
	rank := func(f RepresentationField) int {
		switch {
		case f.Name == "__typename":
			return 0
		case !f.Null:
			return 1
		}
		return 2
	}
	slices.SortStableFunc(sorted, func(a, b RepresentationField) int {
		if rank(a) == 2 && rank(b) == 2 {
			return cmp.Compare(a.Name, b.Name)
		}
		return cmp.Compare(rank(a), rank(b))
	})
	return sorted
}

// sortedEntries returns the entries, those for an object type before the one for all.
func (f *fetch) sortedEntries() []*entry {
	sorted := slices.Clone(f.entries)
	sort.SliceStable(sorted, func(i, j int) bool {
		return sorted[i].unit != f.site.def && sorted[j].unit == f.site.def
	})
	return sorted
}

// path returns the way from the root to the site.
func path(s *site) []Step {
	if s.parent == nil {
		return nil
	}
	return append(path(s.parent), Step{Slot: s.via.index, Name: s.via.name})
}

// layouts makes one Object for each site.
type layouts struct {
	planner *Planner
	objects map[*site]*Object
}

func (l *layouts) object(s *site) *Object {
	if found := l.objects[s]; found != nil {
		return found
	}
	o := &Object{Slots: make([]Slot, len(s.slots)+1)}
	l.objects[s] = o
	if !supergraph.Abstract(s.def) {
		o.Type = s.def.Name
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
