package plan

import (
	"sort"
	"strconv"

	"github.com/vektah/gqlparser/v2/ast"

	"callboard.dev/callboard/gateway/operation"
	"callboard.dev/callboard/gateway/supergraph"
)

// presence is one way an object is at hand: a subgraph's view of it, and what that subgraph provides here beyond its own fields.
// Presences are interned, so pointers compare.
type presence struct {
	id       int
	view     *supergraph.View
	provides []*operation.Selections
}

type presenceKey struct {
	view     *supergraph.View
	provides string
}

func (c *chooser) presence(view *supergraph.View, provides []*operation.Selections) *presence {
	key := presenceKey{view: view}
	for _, s := range provides {
		id, seen := c.selectionIDs[s]
		if !seen {
			id = len(c.selectionIDs)
			c.selectionIDs[s] = id
		}
		key.provides += strconv.Itoa(id) + ","
	}
	if found, ok := c.presences[key]; ok {
		return found
	}
	p := &presence{id: len(c.presences), view: view, provides: provides}
	c.presences[key] = p
	return p
}

func sortPresences(list []*presence) []*presence {
	sort.Slice(list, func(i, j int) bool { return list[i].id < list[j].id })
	return list
}

// direct returns the field of a view that answers f, wanted of an object that the unit describes: an object type, or an abstract type
// of which any object may be meant. It returns nil where the subgraph cannot answer by itself. requires tells whether fields
// with a requirement count.
func (c *chooser) direct(unit *ast.Definition, at *presence, f *operation.Field, requires bool) *supergraph.Field {
	view := at.view
	accept := func(v *supergraph.View) *supergraph.Field {
		field := v.Fields[f.Name]
		if field == nil || field.Overridden || !c.here(field) || !requires && len(field.Context) > 0 {
			return nil
		}
		if (field.External || !requires && !field.Requires.Empty()) && !at.providing(unit, f.Name) {
			return nil
		}
		return field
	}
	switch {
	case view.Type.Def.Kind == ast.Object || view.InterfaceObject:
		return accept(view)
	case unit.Kind == ast.Object:
		if own := c.supergraph.View(unit.Name, view.Subgraph); own != nil && view.Possible[unit.Name] {
			return accept(own)
		}
		return nil
	}
	declared := view.Fields[f.Name]
	if declared == nil || unit != view.Type.Def && !c.covers(unit, view) {
		return nil
	}
	if !c.spend(len(view.Objects) / 8) {
		return nil
	}
	for _, name := range view.Objects { // an interface's field is answered if every object type answers it
		own := c.supergraph.View(name, view.Subgraph)
		if own == nil || accept(own) == nil {
			return nil
		}
	}
	return declared
}

// here tells whether the label of a progressive override leaves the field with its subgraph. What was decided is noted.
func (c *chooser) here(field *supergraph.Field) bool {
	if field.Label == "" {
		return true
	}
	on, decided := c.labels[field.Label]
	if !decided {
		on = c.decide != nil && c.decide(field.Label)
		if c.labels == nil {
			c.labels = map[string]bool{}
		}
		c.labels[field.Label] = on
	}
	return on == field.LabelOn
}

// covers tells whether a view of another abstract type than the unit may answer for the unit: its fields mean the same for every object.
func (c *chooser) covers(unit *ast.Definition, view *supergraph.View) bool {
	return supergraph.Abstract(view.Type.Def) && len(view.Possible) > 0
}

// providing tells whether the presence provides the field.
func (at *presence) providing(unit *ast.Definition, name string) bool {
	for _, selections := range at.provides {
		for _, field := range selections.Fields {
			if field.Name == name && (field.On == nil || unit.Kind == ast.Object && field.Applies(unit.Name)) {
				return true
			}
		}
	}
	return false
}

// below returns the presence of the object in a composite field that the presence answers.
func (c *chooser) below(unit *ast.Definition, at *presence, field *supergraph.Field) *presence {
	view := c.supergraph.View(field.Type.Name(), at.view.Subgraph)
	if view == nil {
		return nil
	}
	var provides []*operation.Selections
	if !field.Provides.Empty() {
		if s := c.planner.fieldSet(view.Type.Def, field.Provides); s != nil {
			provides = append(provides, s)
		}
	}
	for _, selections := range at.provides {
		for _, f := range selections.Fields {
			if f.Name == field.Name && f.Selections != nil && (f.On == nil || unit.Kind == ast.Object && f.Applies(unit.Name)) {
				provides = append(provides, f.Selections)
			}
		}
	}
	return c.presence(view, provides)
}

// typed tells whether the presence knows the object type of what it holds.
func (at *presence) typed() bool { return !at.view.InterfaceObject }

// occurs tells whether an object at hand in all these ways can have the object type.
func occurs(objectType string, have []*presence) bool {
	for _, at := range have {
		if at.typed() && !at.view.Possible[objectType] {
			return false
		}
	}
	return true
}
