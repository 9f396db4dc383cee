package satisfy

import (
	"cmp"
	"encoding/binary"
	"slices"
	"strings"

	"github.com/vektah/gqlparser/v2/ast"

	"callboard.dev/callboard/gateway/supergraph"
)

// graph is the supergraph made ready for the walk: what is looked up again and again is worked out once, when first asked for.
type graph struct {
	*supergraph.Supergraph
	roots     map[*ast.Definition]bool
	units     map[string]*unit
	possible  map[string]map[string]bool
	sorted    map[string][]string
	presences map[string]*presence
	sets      map[string]*set
	texts     map[string]int     // numbers of what is provided
	setters   []*supergraph.Type // types that set a context
	sources   []source           // everything that an argument takes from a context
}

// source is a context, and what an argument picks in the object that sets it.
type source struct {
	context string
	pick    supergraph.FieldSet
}

func newGraph(s *supergraph.Supergraph) *graph {
	g := &graph{
		Supergraph: s, roots: map[*ast.Definition]bool{}, units: map[string]*unit{}, possible: map[string]map[string]bool{}, sorted: map[string][]string{},
		presences: map[string]*presence{}, sets: map[string]*set{}, texts: map[string]int{},
	}
	for _, def := range []*ast.Definition{s.Full.Query, s.Full.Mutation, s.Full.Subscription} {
		if def != nil {
			g.roots[def] = true
		}
	}
	for name := range s.Full.Types {
		t := s.Type(name)
		if len(t.Contexts) > 0 {
			g.setters = append(g.setters, t)
		}
		for _, view := range t.Views {
			if view == nil {
				continue
			}
			for _, f := range view.Fields {
				for _, argument := range f.Context {
					if g.sourceNumber(argument) < 0 {
						g.sources = append(g.sources, source{argument.Context, argument.Selections})
					}
				}
			}
		}
	}
	slices.SortFunc(g.sources, func(a, b source) int {
		return cmp.Or(cmp.Compare(a.context, b.context), cmp.Compare(a.pick.Text, b.pick.Text))
	})
	return g
}

// unit is what fields are asked of: an object type, or an interface of whose objects nothing tells the type.
type unit struct {
	def     *ast.Definition
	api     *ast.Definition    // what clients see of it; nil where it is hidden
	holders []*supergraph.View // views that may have its fields: its own, and @interfaceObject types of its interfaces, by subgraph
	sets    map[string]bool    // contexts it sets
}

func (u *unit) abstract() bool { return u.def.Kind != ast.Object }

func (g *graph) unit(name string) *unit {
	if u := g.units[name]; u != nil {
		return u
	}
	u := &unit{def: g.Full.Types[name], api: g.API.Types[name], sets: map[string]bool{}}
	g.units[name] = u
	own := g.Type(name)
	above := []*supergraph.Type{own}
	for _, i := range u.def.Interfaces {
		if t := g.Type(i); t != nil {
			above = append(above, t)
		}
	}
	for _, subgraph := range g.Subgraphs {
		for _, t := range above {
			view := t.Views[subgraph.Index]
			if view != nil && (t == own || view.InterfaceObject && !u.abstract()) {
				u.holders = append(u.holders, view)
			}
		}
	}
	for _, t := range g.setters {
		if t == own || supergraph.Abstract(t.Def) && g.possibleSet(t.Name)[name] {
			for _, context := range t.Contexts {
				u.sets[context] = true
			}
		}
	}
	return u
}

// possibleSet returns the object types that a value of the named type can be.
func (g *graph) possibleSet(name string) map[string]bool {
	found, ok := g.possible[name]
	if !ok {
		found = map[string]bool{}
		for _, object := range g.objects(name) {
			found[object] = true
		}
		g.possible[name] = found
	}
	return found
}

// objects returns the same, sorted.
func (g *graph) objects(name string) []string {
	found, ok := g.sorted[name]
	if !ok {
		found = g.Possible(name)
		g.sorted[name] = found
	}
	return found
}

// applies tells whether a fragment with the condition is meant for every object of the unit, and whether for some.
func (g *graph) applies(u *unit, condition string) (all, some bool) {
	switch {
	case condition == "" || condition == u.def.Name || u.abstract() && slices.Contains(u.def.Interfaces, condition):
		return true, true
	case u.abstract():
		for name := range g.possibleSet(u.def.Name) {
			some = some || g.possibleSet(condition)[name]
		}
		return false, some
	}
	all = g.possibleSet(condition)[u.def.Name]
	return all, all
}

// presence is one way an object is at hand: a subgraph's view of it, and what the subgraph provides here beyond its own fields. Presences are
// interned.
type presence struct {
	id       int
	view     *supergraph.View
	provides []ast.SelectionSet
}

func (p *presence) typed() bool { return !p.view.InterfaceObject }

func (g *graph) presence(view *supergraph.View, provides []ast.SelectionSet) *presence {
	var key strings.Builder
	key.WriteString(view.Type.Name)
	key.WriteByte(' ')
	key.Write(binary.AppendVarint(nil, int64(view.Subgraph.Index)))
	for _, selections := range provides {
		key.Write(binary.AppendVarint(nil, int64(g.textNumber(selections))))
	}
	if found := g.presences[key.String()]; found != nil {
		return found
	}
	p := &presence{id: len(g.presences), view: view, provides: provides}
	g.presences[key.String()] = p
	return p
}

// textNumber numbers selections by what they say.
func (g *graph) textNumber(selections ast.SelectionSet) int {
	var b strings.Builder
	writeSelections(&b, selections)
	n, seen := g.texts[b.String()]
	if !seen {
		n = len(g.texts)
		g.texts[b.String()] = n
	}
	return n
}

func writeSelections(b *strings.Builder, selections ast.SelectionSet) {
	b.WriteByte('{')
	for _, selection := range selections {
		switch s := selection.(type) {
		case *ast.Field:
			b.WriteString(s.Name)
			if len(s.SelectionSet) > 0 {
				writeSelections(b, s.SelectionSet)
			}
		case *ast.InlineFragment:
			b.WriteString("..." + s.TypeCondition)
			writeSelections(b, s.SelectionSet)
		}
		b.WriteByte(' ')
	}
	b.WriteByte('}')
}

// set is the presences of an object in one position. Sets are interned.
type set struct {
	id   int
	list []*presence // by id
}

func (g *graph) set(list []*presence) *set {
	slices.SortFunc(list, func(a, b *presence) int { return a.id - b.id })
	list = slices.Compact(list)
	key := make([]byte, 0, 2*len(list))
	for _, p := range list {
		key = binary.AppendUvarint(key, uint64(p.id))
	}
	if found := g.sets[string(key)]; found != nil {
		return found
	}
	s := &set{id: len(g.sets), list: list}
	g.sets[string(key)] = s
	return s
}

// has tells whether the view is among the presences, whatever is provided.
func (s *set) has(view *supergraph.View) bool {
	return slices.ContainsFunc(s.list, func(p *presence) bool { return p.view == view })
}

// typed tells whether something at hand knows the object's type.
func (s *set) typed() bool { return slices.ContainsFunc(s.list, (*presence).typed) }

// occurs tells whether an object at hand in all these ways can have the object type.
func (s *set) occurs(objectType string) bool {
	for _, p := range s.list {
		if p.typed() && !p.view.Possible[objectType] {
			return false
		}
	}
	return true
}

// subgraphs names the subgraphs of the presences, in the order of the supergraph.
func (s *set) subgraphs() []string {
	list := slices.Clone(s.list)
	slices.SortStableFunc(list, func(a, b *presence) int { return a.view.Subgraph.Index - b.view.Subgraph.Index })
	var names []string
	for _, p := range list {
		if name := p.view.Subgraph.Name; name != supergraph.IntrospectionName && !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	return names
}

// as returns the presences of an object that turned out to be of the unit's type: where a subgraph has it as an interface or union, its own view of
// the type.
func (g *graph) as(s *set, u *unit) *set {
	if u.abstract() || !slices.ContainsFunc(s.list, func(p *presence) bool { return p.view.Type.Name != u.def.Name }) {
		return s
	}
	list := make([]*presence, 0, len(s.list))
	for _, p := range s.list {
		switch {
		case p.view.Type.Name == u.def.Name, p.view.InterfaceObject && p.view.Possible[u.def.Name]:
			list = append(list, p)
		case p.view.Possible[u.def.Name]:
			if own := g.View(u.def.Name, p.view.Subgraph); own != nil {
				list = append(list, g.presence(own, p.provides))
			}
		}
	}
	return g.set(list)
}

// sourceNumber returns the position in sources of what a context argument takes, or -1.
func (g *graph) sourceNumber(argument supergraph.ContextArgument) int {
	return slices.IndexFunc(g.sources, func(one source) bool {
		return one.context == argument.Context && one.pick.Text == argument.Selections.Text
	})
}
