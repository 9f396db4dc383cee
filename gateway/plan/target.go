package plan

import (
	"math/bits"
	"slices"

	"github.com/vektah/gqlparser/v2/ast"

	"callboard.dev/callboard/gateway/operation"
	"callboard.dev/callboard/gateway/supergraph"
)

// target is a subgraph that can be entered at a position: by a key, by a key and what a field requires, or, at the root, just so.
type target struct {
	to       *presence
	key      *operation.Selections // the key alone, where the demand has a requirement too
	demand   *operation.Selections // what the representation is made of; nil at the root
	supply   *choice               // where the demand comes from
	typename string                // sent as __typename; "" means the object's own
	requires string                // the requirement this entry satisfies; it answers only fields with that requirement
	fill     *fill                 // the arguments this entry brings; it answers only the field that takes them
	after    []*target             // targets the supply comes from
	depth    int
	fetches  idSet
}

// conditional tells whether the entry is for certain fields alone.
func (t *target) conditional() bool { return t.requires != "" || t.fill != nil }

// targets lists the subgraphs that can be entered by a key from what is at hand, directly or through others. At the root, where
// nothing is at hand, every subgraph with the root type is one.
func (c *chooser) targets(def *ast.Definition, have []*presence) []*target {
	key := routeKey{def.Name, haveKey(have)}
	if found, ok := c.routes[key]; ok {
		return found
	}
	var list []*target
	if len(have) == 0 {
		for _, subgraph := range c.supergraph.Subgraphs {
			if view := c.supergraph.View(def.Name, subgraph); view != nil {
				list = append(list, &target{to: c.presence(view, nil), depth: 1, fetches: c.fetchID(subgraph, def.Name, "")})
			}
		}
		c.routes[key] = list
		return list
	}
	outer := c.cut
	c.cut = false
	reached := slices.Clone(have)
	for {
		var added []*target
		for _, subgraph := range c.supergraph.Subgraphs {
			for _, view := range c.entries(def, subgraph) {
				if slices.ContainsFunc(reached, func(at *presence) bool { return at.view.Subgraph == subgraph }) {
					continue
				}
				if t := c.byKey(def, have, reached, list, view); t != nil {
					added = append(added, t)
					break
				}
			}
		}
		if len(added) == 0 || !c.step() {
			break
		}
		for _, t := range added {
			list = append(list, t)
			reached = append(reached, t.to)
		}
		reached = sortPresences(slices.Clone(reached))
	}
	if !c.cut {
		c.routes[key] = list
	}
	c.cut = c.cut || outer
	return list
}

// entries lists the views by which an object of the unit can be entered in a subgraph: its own type, or an interface of it.
func (c *chooser) entries(def *ast.Definition, subgraph *supergraph.Subgraph) []*supergraph.View {
	var views []*supergraph.View
	if own := c.supergraph.View(def.Name, subgraph); own != nil && len(own.Keys) > 0 {
		views = append(views, own)
	}
	if def.Kind == ast.Object {
		for _, name := range def.Interfaces {
			if view := c.supergraph.View(name, subgraph); view != nil && view.InterfaceObject && len(view.Keys) > 0 {
				views = append(views, view)
			}
		}
	}
	return views
}

// byKey returns the cheapest entry into the view by one of its keys, or nil.
func (c *chooser) byKey(def *ast.Definition, have, reached []*presence, earlier []*target, view *supergraph.View) *target {
	var best *target
	for _, key := range view.Keys {
		if !key.Resolvable {
			continue
		}
		demand := c.planner.fieldSet(view.Type.Def, key.Fields)
		if demand == nil {
			continue
		}
		supply := c.unit(def, reached, demand, demand.Fields, false)
		if supply == nil {
			continue
		}
		t := &target{to: c.presence(view, nil), demand: demand, supply: supply, depth: 1, fetches: c.fetchID(view.Subgraph, view.Type.Name, "")}
		for _, field := range supply.fields {
			for _, s := range field.sources {
				if slices.Contains(have, s.at) {
					continue
				}
				for _, other := range earlier {
					if other.to == s.at && !slices.Contains(t.after, other) {
						t.after = append(t.after, other)
						t.depth = max(t.depth, other.depth+1)
						t.fetches = t.fetches.union(other.fetches)
					}
				}
			}
		}
		t.typename = typenameSent(def, view, have)
		if best == nil || supply.cost+costFetch*t.fetches.count() < best.supply.cost+costFetch*best.fetches.count() {
			best = t
		}
	}
	return best
}

// typenameSent returns the __typename of representations for the view, or "" for the object's own.
func typenameSent(def *ast.Definition, view *supergraph.View, have []*presence) string {
	if view.InterfaceObject || def.Kind == ast.Object {
		return view.Type.Name
	}
	for _, at := range have {
		if at.typed() {
			return ""
		}
	}
	return view.Type.Name
}

// required lists the entries that satisfy a requirement of the field or bring arguments it takes from a context, one for each subgraph that has it
// with one.
func (c *chooser) required(def *ast.Definition, have []*presence, field *operation.Field) []*target {
	var list []*target
	for _, subgraph := range c.supergraph.Subgraphs {
		for _, view := range c.entries(def, subgraph) {
			own := view.Fields[field.Name]
			if own == nil || !own.Resolvable() || !c.here(own) || own.Requires.Empty() && len(own.Context) == 0 {
				continue
			}
			filled := c.fillOf(field, own)
			if len(own.Context) > 0 && filled == nil {
				continue
			}
			if t := c.byRequirement(def, have, view, own.Requires, filled); t != nil {
				list = append(list, t)
			}
		}
	}
	return list
}

// byRequirement returns the cheapest entry into the view with the requirement satisfied, or nil. Equal entries share one pointer.
func (c *chooser) byRequirement(def *ast.Definition, have []*presence, view *supergraph.View, requires supergraph.FieldSet, filled *fill) *target {
	condition := requires.Text + filled.String()
	key := routeKey{def.Name + " " + view.Type.Name + " " + view.Subgraph.Name + " " + condition, haveKey(have)}
	if found, ok := c.routes[key]; ok {
		if len(found) == 0 {
			return nil
		}
		return found[0]
	}
	outer := c.cut
	c.cut = false
	var best *target
	for _, k := range view.Keys {
		if !k.Resolvable {
			continue
		}
		demand := c.planner.both(view.Type.Def, k.Fields, requires)
		if demand == nil {
			continue
		}
		supply := c.unit(def, have, demand, demand.Fields, true)
		if supply == nil {
			continue
		}
		t := &target{
			to: c.presence(view, nil), key: c.planner.fieldSet(view.Type.Def, k.Fields), demand: demand, supply: supply, requires: requires.Text, fill: filled, depth: 1 + supply.depth,
			fetches: c.fetchID(view.Subgraph, view.Type.Name, condition).union(supply.fetches), typename: typenameSent(def, view, have),
		}
		if best == nil || supply.cost < best.supply.cost {
			best = t
		}
	}
	if best != nil {
		c.routes[key] = []*target{best}
	} else if !c.cut {
		c.routes[key] = []*target{}
	}
	c.cut = c.cut || outer
	return best
}

// idSet is a set of small numbers.
type idSet []uint64

func (s idSet) count() int {
	n := 0
	for _, word := range s {
		n += bits.OnesCount64(word)
	}
	return n
}

func (s idSet) union(o idSet) idSet {
	if len(s) < len(o) {
		s, o = o, s
	}
	out := slices.Clone(s)
	for i, word := range o {
		out[i] |= word
	}
	return out
}

// added counts the members of o that s lacks.
func (s idSet) added(o idSet) int { return s.union(o).count() - s.count() }

// fetchID numbers an entry, so that choices that share it count it once.
func (c *chooser) fetchID(subgraph *supergraph.Subgraph, typeName, requires string) idSet {
	name := subgraph.Name + " " + typeName + " " + requires
	id, seen := c.fetchIDs[name]
	if !seen {
		id = len(c.fetchIDs)
		c.fetchIDs[name] = id
	}
	set := make(idSet, id/64+1)
	set[id/64] = 1 << (id % 64)
	return set
}
