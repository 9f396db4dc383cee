package plan

import (
	"slices"
	"time"

	"github.com/vektah/gqlparser/v2/ast"

	"callboard.dev/callboard/gateway/supergraph"
)

// CachePolicy is what a subgraph's schema says of how long what one fetch asks for may be remembered. The zero value says nothing.
//
// The rules are those of Apollo Server's documentation on caching: a root field, and a field with fields below it, may not be remembered unless it or its type says
// for how long, or that it inherits that; other fields are as what is around them; of all ages the lowest counts. An entity is as its type says. A field wins over its
// type in the age. Of scopes the stricter wins, unlike there, and what is for anybody has to say so wherever an age would have to be said: one public field does
// not make public what is beside it.
type CachePolicy struct {
	Said    bool          // some hint says for how long
	MaxAge  time.Duration // by the schema alone; 0 is not at all
	Most    time.Duration // where Said: the lowest of what is said, which nothing else may exceed
	Public  bool          // all of it is said to be for anybody
	Private bool          // some of it is for whoever asks alone
}

// KeyField is one field of a key.
type KeyField struct {
	Name   string
	Fields []KeyField
}

// cacheRules adds up what the hints say.
type cacheRules struct {
	*budget
	graph    *supergraph.Supergraph
	subgraph *supergraph.Subgraph
	policy   CachePolicy
	aged     bool // policy.MaxAge is the lowest so far
	unsaid   bool // something does not say that it is for anybody
}

// cachePolicy returns what the subgraph's schema says of the selections of fetches: of root fields where views is nil, else of entities with those views.
func (b *build) cachePolicy(subgraph *supergraph.Subgraph, n *node, views []*supergraph.View) CachePolicy {
	if !subgraph.CacheHints {
		return CachePolicy{}
	}
	c := &cacheRules{budget: b.budget, graph: b.planner.Supergraph, subgraph: subgraph}
	public := true
	for _, view := range views {
		hint := c.typeHint(view)
		c.hint(hint, false, false)
		public = public && hint.Scope == supergraph.CacheScopePublic
	}
	c.fields(n, views == nil, public && views != nil)
	c.policy.Public = !c.unsaid && !c.policy.Private
	return c.policy
}

// fields adds the fields of a selection set. public tells whether the objects that have them are for anybody.
func (c *cacheRules) fields(n *node, root, public bool) {
	for _, child := range n.children {
		c.must(1)
		if child.slot == typenameSlot || child.slot.name == "__typename" {
			continue
		}
		var view *supergraph.View
		if child.on != "" {
			view = c.graph.View(child.on, c.subgraph)
		} else {
			view = n.view
		}
		below := c.field(view, child, root, public)
		if child.node != nil {
			c.fields(child.node, false, below)
		}
	}
}

// field adds a field, as every type that may have it says, and returns whether its value is for anybody.
func (c *cacheRules) field(view *supergraph.View, child *child, root, public bool) bool {
	if view == nil { // what nobody knows is not remembered
		return c.hint(supergraph.CacheHint{}, false, false)
	}
	declared := view.Fields[child.slot.name]
	counted, below := false, true
	count := func(f *supergraph.Field) {
		if f == nil {
			return
		}
		counted = true
		hint, composite := f.Cache, child.node != nil
		if composite {
			own := c.typeHint(c.graph.View(f.Type.Name(), c.subgraph))
			if !hint.Aged {
				hint.Aged, hint.MaxAge = own.Aged, own.MaxAge
			}
			hint.Inherit = hint.Inherit || own.Inherit
			hint.Scope = max(hint.Scope, own.Scope)
		} else {
			hint.Inherit = true
		}
		below = c.hint(hint, hint.Inherit && !root, public) && below
	}
	if supergraph.Abstract(view.Type.Def) && !view.InterfaceObject {
		c.must(1 + len(view.Objects)/8)
		for _, name := range view.Objects {
			if own := c.graph.View(name, c.subgraph); own != nil {
				count(own.Fields[child.slot.name])
			}
		}
	}
	if !counted || declared != nil && (declared.Cache.Aged || declared.Cache.Scope == supergraph.CacheScopePrivate) {
		count(declared)
	}
	if !counted {
		return c.hint(supergraph.CacheHint{}, false, false)
	}
	return below
}

// hint adds what is said of a value, and returns whether it is for anybody. inherits tells that it is, where it says nothing, as what is around it, of which public
// says whether that is.
func (c *cacheRules) hint(hint supergraph.CacheHint, inherits, public bool) bool {
	switch {
	case hint.Aged:
		if !c.policy.Said || hint.MaxAge < c.policy.Most {
			c.policy.Most = hint.MaxAge
		}
		c.policy.Said = true
		c.age(hint.MaxAge)
	case !inherits:
		c.age(0)
	}
	switch {
	case hint.Scope == supergraph.CacheScopePrivate:
		c.policy.Private = true
		return false
	case hint.Scope == supergraph.CacheScopePublic:
		return true
	case inherits:
		return public
	}
	c.unsaid = true
	return false
}

func (c *cacheRules) age(d time.Duration) {
	if !c.aged || d < c.policy.MaxAge {
		c.policy.MaxAge, c.aged = d, true
	}
}

// typeHint returns what a view says of its objects: of an interface or a union, with what its object types say that is stricter.
func (c *cacheRules) typeHint(view *supergraph.View) supergraph.CacheHint {
	if view == nil {
		return supergraph.CacheHint{}
	}
	hint := view.Cache
	if !supergraph.Abstract(view.Type.Def) || view.InterfaceObject {
		return hint
	}
	c.must(1 + len(view.Objects)/8)
	for _, name := range view.Objects {
		own := c.graph.View(name, c.subgraph)
		if own == nil {
			continue
		}
		if hint.Aged && own.Cache.Aged {
			hint.MaxAge = min(hint.MaxAge, own.Cache.MaxAge)
		}
		if own.Cache.Scope == supergraph.CacheScopePrivate {
			hint.Scope = own.Cache.Scope
		}
	}
	return hint
}

// stricter returns what holds of what two policies are for.
func (p CachePolicy) stricter(other CachePolicy) CachePolicy {
	out := CachePolicy{
		Said: p.Said || other.Said, MaxAge: min(p.MaxAge, other.MaxAge), Most: min(p.Most, other.Most),
		Public: p.Public && other.Public, Private: p.Private || other.Private,
	}
	switch {
	case !p.Said:
		out.Most = other.Most
	case !other.Said:
		out.Most = p.Most
	}
	return out
}

// String prints the policy, "" where it says nothing.
func (p CachePolicy) String() string {
	if !p.Said && !p.Private && !p.Public {
		return ""
	}
	text := "remembered for " + p.MaxAge.String()
	if p.MaxAge == 0 {
		text = "not remembered"
		if p.Most > 0 {
			text += " unless the answer says so, for " + p.Most.String() + " at most"
		}
	}
	switch {
	case p.Private:
		text += ", private"
	case p.Public:
		text += ", public"
	}
	return text
}

// cacheKeys returns the keys by which the views can be entered.
func cacheKeys(views []*supergraph.View) [][]KeyField {
	var keys [][]KeyField
	var seen []string
	for _, view := range views {
		for _, key := range view.Keys {
			if key.Resolvable && !slices.Contains(seen, key.Fields.Text) {
				seen = append(seen, key.Fields.Text)
				keys = append(keys, keyFields(key.Fields.Selections))
			}
		}
	}
	return keys
}

func keyFields(set ast.SelectionSet) []KeyField {
	var fields []KeyField
	for _, selection := range set {
		switch selection := selection.(type) {
		case *ast.Field:
			fields = append(fields, KeyField{Name: selection.Name, Fields: keyFields(selection.SelectionSet)})
		case *ast.InlineFragment:
			fields = append(fields, keyFields(selection.SelectionSet)...)
		}
	}
	return fields
}

// views returns the views that the fetch sends representations of.
func (f *fetch) views() []*supergraph.View {
	var views []*supergraph.View
	for _, e := range f.sortedEntries() {
		if !slices.Contains(views, e.view) {
			views = append(views, e.view)
		}
	}
	return views
}

// AppendAsked appends what is asked of every entity of e, with the declarations of the client's variables in it. Where it is equal in two fetches of one subgraph,
// an entity's answers to them are, for equal values of the variables.
func (f *Fetch) AppendAsked(b []byte, e *Entities) []byte {
	for i, name := range f.Variables {
		if slices.Contains(e.Uses, name) {
			b = append(append(b, f.declared[i]...), ' ')
		}
	}
	// The name of the variable with the representations is where the list stands in its fetch.
	return append(b, e.text[len("(representations:$")+len(e.Variable)+len(hole):]...)
}
