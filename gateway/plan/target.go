package plan

import (
	"slices"
	"strconv"
	"strings"

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

// targets lists the subgraphs that can be entered by a key from what is at hand, directly or through others, as far as they matter for the fields. At the
// root, where nothing is at hand, every subgraph with the root type is one, and wherever the root of queries is, as it needs no key.
//
// Most of the time the subgraphs that have the fields can be entered without any other, and nobody else is looked at: what a plan costs must not grow with the
// number of subgraphs that know a type.
func (c *chooser) targets(def *ast.Definition, have []*presence, fields []*operation.Field) []*target {
	if len(fields) == 0 {
		return nil
	}
	known := c.planner.knownAs(def)
	root := len(have) == 0 || def == c.supergraph.Full.Query
	from := known.entries
	if root {
		from = known.views
	}
	wanted := wantedOf(from, fields)
	list := c.reach(def, have, wanted, root)
	if len(wanted) == len(from) || !slices.ContainsFunc(wanted, func(view *supergraph.View) bool {
		return !holds(have, view) && !slices.ContainsFunc(list, func(t *target) bool { return sameObject(t.to.view, view) })
	}) {
		return list
	}
	return c.reach(def, have, from, root)
}

// wantedOf returns the views that have any of the fields, or know an object's type where that is wanted.
func wantedOf(views []*supergraph.View, fields []*operation.Field) []*supergraph.View {
	var list []*supergraph.View
	for _, view := range views {
		if slices.ContainsFunc(fields, func(f *operation.Field) bool {
			return view.Fields[f.Name] != nil || f.Name == "__typename" && supergraph.Abstract(view.Type.Def) && !view.InterfaceObject
		}) {
			list = append(list, view)
		}
	}
	return list
}

// reach lists the entries into the views that can be made, each once what it needs is reached.
func (c *chooser) reach(def *ast.Definition, have []*presence, views []*supergraph.View, root bool) []*target {
	if len(views) == 0 {
		return nil
	}
	return once(c, &c.routes, routeKey{def.Name, haveKey(have), viewsKey(views)}, func() ([]*target, bool) {
		var list []*target
		reached := slices.Clone(have)
		if root {
			for _, view := range views {
				if !holds(reached, view) {
					list = append(list, &target{to: c.presence(view, nil), depth: 1, fetches: c.fetchID(view.Subgraph, def.Name, "")})
				}
			}
			return list, true
		}
		for jumps := false; ; {
			added := c.entered(def, have, reached, list, views, jumps)
			if !c.step() || len(added) == 0 && jumps {
				return list, false
			}
			jumps = len(added) == 0 // what no key at hand reaches, one that must first be computed may
			for _, t := range added {
				list = append(list, t)
				reached = append(reached, t.to)
			}
			reached = sortPresences(slices.Clone(reached))
		}
	})
}

func viewsKey(views []*supergraph.View) string {
	var b strings.Builder
	for _, view := range views {
		b.WriteString(strconv.Itoa(view.Subgraph.Index))
		b.WriteByte(' ')
		b.WriteString(view.Type.Name)
		b.WriteByte(',')
	}
	return b.String()
}

// entered lists the entries into the views that what was reached so far makes possible. With jumps, keys may be asked for that are computed from what other
// subgraphs have.
func (c *chooser) entered(def *ast.Definition, have, reached []*presence, earlier []*target, views []*supergraph.View, jumps bool) []*target {
	var added []*target
	for _, view := range views {
		if holds(reached, view) || slices.ContainsFunc(added, func(t *target) bool { return sameObject(t.to.view, view) }) {
			continue
		}
		if jumps && !c.computed(def, view) {
			continue
		}
		if t := c.byKey(def, have, reached, earlier, view, jumps); t != nil {
			added = append(added, t)
		}
	}
	return added
}

// holds tells whether an object at hand in these ways is at hand in the view.
func holds(reached []*presence, view *supergraph.View) bool {
	return slices.ContainsFunc(reached, func(at *presence) bool { return sameObject(at.view, view) })
}

// sameObject tells whether what one view of a subgraph knows of an object the other does too. Interface objects are types of their own.
func sameObject(a, b *supergraph.View) bool {
	return a == b || a.Subgraph == b.Subgraph && !a.InterfaceObject && !b.InterfaceObject
}

// computed tells whether a key of the view has a field that some subgraph computes from what others have.
func (c *chooser) computed(def *ast.Definition, view *supergraph.View) bool {
	for _, key := range view.Keys {
		for _, selection := range key.Fields.Selections {
			f, ok := selection.(*ast.Field)
			if !ok || !key.Resolvable {
				continue
			}
			if c.planner.knownAs(def).computed[f.Name] {
				return true
			}
		}
	}
	return false
}

// byKey returns the cheapest entry into the view by one of its keys, or nil.
func (c *chooser) byKey(def *ast.Definition, have, reached []*presence, earlier []*target, view *supergraph.View, jumps bool) *target {
	var best *target
	for _, key := range view.Keys {
		if !key.Resolvable {
			continue
		}
		demand := c.planner.fieldSet(view.Type.Def, key.Fields)
		if demand == nil {
			continue
		}
		supply := c.unit(def, reached, demand, demand.Fields, jumps)
		if supply == nil {
			continue
		}
		t := &target{
			to: c.presence(view, nil), demand: demand, supply: supply, depth: 1 + supply.depth,
			fetches: c.fetchID(view.Subgraph, view.Type.Name, "").union(supply.fetches),
		}
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
	for _, view := range c.planner.knownAs(def).conditional[field.Name] {
		own := view.Fields[field.Name]
		if !own.Resolvable() || !c.here(own) {
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
	return list
}

// byRequirement returns the cheapest entry into the view with the requirement satisfied, or nil. Equal entries share one pointer.
func (c *chooser) byRequirement(def *ast.Definition, have []*presence, view *supergraph.View, requires supergraph.FieldSet, filled *fill) *target {
	condition := requires.Text + filled.String()
	key := routeKey{def.Name + " " + view.Type.Name + " " + view.Subgraph.Name + " " + condition, haveKey(have), ""}
	return once(c, &c.entries, key, func() (*target, bool) {
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
		return best, best != nil
	})
}

// fetchID numbers an entry, so that choices that share it count it once.
func (c *chooser) fetchID(subgraph *supergraph.Subgraph, typeName, requires string) idSet {
	name := subgraph.Name + " " + typeName + " " + requires
	id, seen := c.fetchIDs[name]
	if !seen {
		id = len(c.fetchIDs)
		c.fetchIDs[name] = id
	}
	return single(id)
}
