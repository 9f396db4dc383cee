package check

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/vektah/gqlparser/v2/ast"

	"callboard.dev/callboard/gateway/plan"
	"callboard.dev/callboard/gateway/supergraph"
)

// object stands for all objects of one object type at one position of the response that are at hand in the same ways.
type object struct {
	layout   *plan.Object
	typename string
	path     string
	ways     []*way
	fills    [][]*fill         // by slot: what brings its value
	below    map[int][]*object // by slot: what its value can be
	above    []*object
	entered  []*entry
	wanted   []bool // by slot: something needs its value
}

// way is one way an object is at hand: a selection set of a fetch, of which it is an object.
type way struct {
	id        int
	fetch     *plan.Fetch
	schema    *schema
	typename  string // the object type it is to the subgraph
	sets      []ast.SelectionSet
	selection *plan.Selection
	provides  []ast.SelectionSet // external fields that the subgraph resolves here all the same

	entities *plan.Entities // what the fetch was entered by; nil for root fields
	entry    *entry         // for the very object that was entered
	depth    int            // how many steps below where the fetch was entered
}

// entry is the sending of an object to a fetch; for root fields of objects below the root it has a set alone.
type entry struct {
	fetch          *plan.Fetch
	entities       *plan.Entities
	target         *plan.Target
	representation *plan.Representation
	set            ast.SelectionSet
}

// fill is a value of an object that one way brings.
type fill struct {
	way      *way
	fields   []*ast.Field      // as asked: equal ones, of which each may stand in a fragment of its own
	declared *supergraph.Field // as the subgraph declares it; nil for __typename
}

// walk follows the fetches of a plan.
type walk struct {
	*checking
	entries  map[*plan.Object][]*entry
	ways     map[string]*way
	sets     map[*ast.Selection]int
	objects  map[objectKey]*object
	all      []*object // in the order they were found
	read     map[*ast.Field]bool
	useful   map[*ast.Field]bool
	tooLarge bool
}

type objectKey struct {
	layout   *plan.Object
	typename string
	ways     string
}

// maxObjects bounds the work of checking: where a position can be reached in many ways, each set of them counts. Plans of real operations have some hundreds.
const maxObjects = 1_000_000

// follow finds every object that the plan's fetches can bring, and returns the root.
func (k *checking) follow() *object {
	k.needed, k.lacks = map[int]bool{}, map[lackKey]*lack{}
	w := &k.walk
	*w = walk{
		checking: k, entries: map[*plan.Object][]*entry{}, ways: map[string]*way{}, sets: map[*ast.Selection]int{}, objects: map[objectKey]*object{},
		read: map[*ast.Field]bool{}, useful: map[*ast.Field]bool{},
	}
	var ways []*way
	for _, f := range k.plan.Fetches {
		d := k.documents[f]
		if f.At != nil {
			if along, err := k.layouts(f.At); err == nil {
				layout := along[len(along)-1]
				w.entries[layout] = append(w.entries[layout], &entry{fetch: f, set: d.root})
			}
			continue
		}
		if f.Root != nil {
			ways = append(ways, w.way(&way{fetch: f, schema: d.schema, typename: k.plan.Root.Type, sets: []ast.SelectionSet{d.root}, selection: f.Root}))
		}
		for i, e := range f.Entities {
			for _, t := range e.Targets {
				along, _ := k.layouts(t.Path)
				layout := along[len(along)-1]
				w.entries[layout] = append(w.entries[layout], &entry{fetch: f, entities: e, target: t, set: d.entities[i]})
			}
		}
	}
	root := w.object(k.plan.Root, k.plan.Root.Type, "", ways, nil)
	if w.tooLarge {
		k.found(nil, "", "its fetches bring more than %d kinds of objects: it is too large to be checked", maxObjects)
	}
	return root
}

// way returns the one way that is equal to made.
func (w *walk) way(made *way) *way {
	var key strings.Builder
	fmt.Fprintf(&key, "%d %s %d %p %p", made.fetch.ID, made.typename, made.depth, made.entities, made.selection)
	if made.entry != nil {
		fmt.Fprintf(&key, " %p %p", made.entry.target, made.entry.representation)
	}
	for _, list := range [][]ast.SelectionSet{made.sets, made.provides} {
		key.WriteString(" |")
		for _, set := range list {
			if len(set) > 0 {
				id, seen := w.sets[&set[0]]
				if !seen {
					id = len(w.sets)
					w.sets[&set[0]] = id
				}
				key.WriteString(" " + strconv.Itoa(id))
			}
		}
	}
	if found := w.ways[key.String()]; found != nil {
		return found
	}
	made.id = len(w.ways)
	w.ways[key.String()] = made
	return made
}

// object returns the object of the type that is at hand in the given ways and those that entity fetches add.
func (w *walk) object(layout *plan.Object, typename, path string, ways []*way, above *object) *object {
	var key strings.Builder
	for _, way := range ways {
		key.WriteString(strconv.Itoa(way.id) + " ")
	}
	id := objectKey{layout, typename, key.String()}
	if found := w.objects[id]; found != nil {
		if !slices.Contains(found.above, above) {
			found.above = append(found.above, above)
		}
		return found
	}
	o := &object{
		layout: layout, typename: typename, path: path, ways: slices.Clone(ways), below: map[int][]*object{},
		fills: make([][]*fill, len(layout.Slots)), wanted: make([]bool, len(layout.Slots)),
	}
	if above != nil {
		o.above = []*object{above}
	}
	w.objects[id] = o
	if len(w.all) >= maxObjects {
		w.tooLarge = true
		return o
	}
	w.all = append(w.all, o)
	for _, e := range w.entries[layout] {
		w.enter(o, e)
	}
	for _, way := range o.ways {
		w.fill(o, way)
	}
	for slot := range o.fills {
		if below := layout.Slots[slot].Object; below != nil {
			w.below(o, slot, below)
		}
	}
	return o
}

// applicable returns the representation that is sent for an object type; "" is one that is not known.
func applicable(list []*plan.Representation, typename string) *plan.Representation {
	for _, r := range list {
		if r.On == nil && (typename != "" || r.Typename != "") || slices.Contains(r.On, typename) {
			return r
		}
	}
	return nil
}

// enter adds the way that an entity fetch brings, where the object is sent to it and known there.
func (w *walk) enter(o *object, at *entry) {
	if at.target == nil { // root fields, which need no representation; but it must be known that there is an object
		if !slices.ContainsFunc(o.ways, func(by *way) bool { return w.before[at.fetch.ID][by.fetch.ID] }) {
			w.found(at.fetch, o.path, "it waits for nothing that tells whether there is an object here")
		}
		o.ways = append(o.ways, w.way(&way{
			fetch: at.fetch, schema: w.documents[at.fetch].schema, typename: o.typename, sets: []ast.SelectionSet{at.set}, selection: at.fetch.Root,
		}))
		return
	}
	r := applicable(at.target.Representations, o.typename)
	if r == nil {
		return
	}
	e := *at
	e.representation = r
	o.entered = append(o.entered, &e)
	schema := w.documents[e.fetch].schema
	if as := schema.kinds(e.name(o))[o.typename]; as != "" {
		o.ways = append(o.ways, w.way(&way{
			fetch: e.fetch, schema: schema, typename: as, sets: []ast.SelectionSet{e.set}, selection: e.target.Selection, entities: e.entities, entry: &e,
		}))
	}
}

// name returns the __typename that is sent for the object.
func (e *entry) name(o *object) string {
	if e.representation.Typename != "" {
		return e.representation.Typename
	}
	return o.typename
}

// fill notes what one way brings of the object.
func (w *walk) fill(o *object, by *way) {
	byKey := map[string][]*ast.Field{}
	for _, set := range by.sets {
		by.schema.collect(set, by.typename, func(field *ast.Field) { byKey[field.Alias] = append(byKey[field.Alias], field) })
	}
	for _, read := range by.selection.Fields {
		fields := byKey[read.Key]
		if len(fields) == 0 {
			continue // asked of other object types
		}
		for _, field := range fields {
			w.read[field] = true
		}
		one := &fill{way: by, fields: fields}
		name := fields[0].Name
		if name != "__typename" {
			if view := by.schema.view(by.typename); view != nil {
				one.declared = view.Fields[name]
			}
			if one.declared == nil {
				w.found(by.fetch, join(o.path, name), "its subgraph does not have %s.%s", by.typename, name)
				continue
			}
		}
		if slot, asked := o.layout.Slots[read.Slot].Name, name+argumentsText(one.clientArguments()); slot != asked {
			w.found(by.fetch, join(o.path, name), "the answer to %s is read into the slot of %s", asked, slot)
			continue
		}
		o.fills[read.Slot] = append(o.fills[read.Slot], one)
	}
	for _, set := range by.sets { // a selection set cannot be empty: where nothing below is needed it has a __typename that nobody reads
		if field, alone := set[0].(*ast.Field); alone && len(set) == 1 && field.Alias == "__typename" && !w.read[field] {
			w.read[field], w.useful[field] = true, true
		}
	}
}

// clientArguments returns the arguments that are not taken from a context.
func (f *fill) clientArguments() ast.ArgumentList {
	list := f.fields[0].Arguments
	if f.declared == nil || len(f.declared.Context) == 0 {
		return list
	}
	return slices.DeleteFunc(slices.Clone(list), func(a *ast.Argument) bool {
		return slices.ContainsFunc(f.declared.Context, func(c supergraph.ContextArgument) bool { return c.Name == a.Name })
	})
}

// collect calls found with each field of the set that is asked of the object type.
func (s *schema) collect(set ast.SelectionSet, object string, found func(field *ast.Field)) {
	for _, selection := range set {
		switch selection := selection.(type) {
		case *ast.Field:
			found(selection)
		case *ast.InlineFragment:
			if s.is(object, selection.TypeCondition) {
				s.collect(selection.SelectionSet, object, found)
			}
		}
	}
}

// below finds what the value in a slot can be: the object types that each of those who bring it can answer with.
func (w *walk) below(o *object, slot int, layout *plan.Object) {
	var kinds map[string]bool
	each := make([]map[string]string, len(o.fills[slot]))
	for i, f := range o.fills[slot] {
		each[i] = f.way.schema.kinds(f.declared.Type.Name())
		if kinds == nil {
			kinds = map[string]bool{}
			for name := range each[i] {
				kinds[name] = true
			}
		}
		maps.DeleteFunc(kinds, func(name string, _ bool) bool { return each[i][name] == "" })
	}
	path := join(o.path, fieldName(o.layout.Slots[slot]))
	for _, name := range slices.Sorted(maps.Keys(kinds)) {
		if layout.Type != "" && layout.Type != name {
			w.found(o.fills[slot][0].way.fetch, path, "an object of type %s can be here; the layout is that of %s alone", name, layout.Type)
			continue
		}
		var ways []*way
		for i, f := range o.fills[slot] {
			if made := w.way(f.below(each[i][name])); !slices.Contains(ways, made) {
				ways = append(ways, made)
			}
		}
		o.below[slot] = append(o.below[slot], w.object(layout, name, path, ways, o))
	}
}

// below returns the way an object in the value is at hand, which is of the object type to the subgraph.
func (f *fill) below(typename string) *way {
	from := f.way
	out := &way{fetch: from.fetch, schema: from.schema, typename: typename, entities: from.entities, depth: from.depth + 1}
	for _, field := range f.fields {
		out.sets = append(out.sets, field.SelectionSet)
	}
	for _, read := range from.selection.Fields {
		if read.Key == f.fields[0].Alias {
			out.selection = read.Selection
		}
	}
	if !f.declared.Provides.Empty() {
		out.provides = append(out.provides, f.declared.Provides.Selections)
	}
	for _, set := range from.provides {
		from.schema.collect(set, from.typename, func(field *ast.Field) {
			if field.Name == f.declared.Name && len(field.SelectionSet) > 0 {
				out.provides = append(out.provides, field.SelectionSet)
			}
		})
	}
	return out
}

// join adds a field to a path.
func join(path, field string) string {
	if path == "" {
		return field
	}
	return path + "." + field
}
