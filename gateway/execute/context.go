package execute

import (
	"bytes"
	"slices"

	"callboard.dev/callboard/gateway/plan"
)

// maxGroups bounds how many different sets of arguments from a context one request carries: each repeats the _entities field.
const maxGroups = 1000

// group is the representations of objects whose arguments from a context are equal.
type group struct {
	representations
	index index
	text  []byte
}

// representGroups writes the representations of an _entities field some of whose arguments come from objects above those sent: a group for each
// set of values, none where no object is to be sent.
func (r *run) representGroups(e *plan.Entities) []*group {
	var groups []*group
	byContext := map[string]*group{}
	var key []byte
	for i, target := range e.Targets {
		r.tree.eachWay(r.plan.Root, target.Path, func(way []located) {
			context := make([][]byte, len(e.Context))
			key = key[:0]
			for v := range e.Context {
				var ok bool
				if context[v], ok = r.tree.contextValue(&e.Context[v], way); !ok {
					return
				}
				key = append(append(key, context[v]...), 0)
			}
			g := byContext[string(key)]
			if g == nil {
				g = &group{representations: representations{context: context}}
				g.index.reset()
			}
			last := way[len(way)-1]
			from := len(g.text)
			if len(g.first) > 0 {
				g.text = append(g.text, ',')
			}
			var ok bool
			start := len(g.text)
			if g.text, ok = r.tree.appendRepresentation(g.text, target, last.layout, last.at); !ok || !g.send(&g.index, g.text, start, place{target: int32(i), at: last.at}) {
				g.text = g.text[:from]
			}
			if ok && byContext[string(key)] == nil {
				byContext[string(key)] = g
				groups = append(groups, g)
			}
		})
	}
	return groups
}

// located is an object with its layout.
type located struct {
	layout *plan.Object
	at     uint32
}

// eachWay calls found with the objects on every way along the path, the root first. The slice is good until found returns.
func (t *tree) eachWay(root *plan.Object, path []plan.Step, found func(way []located)) {
	way := []located{{root, t.root}}
	var object func()
	var values func(v value, below *plan.Object)
	values = func(v value, below *plan.Object) {
		switch v.kind {
		case kindObject:
			way = append(way, located{below, v.at})
			object()
			way = way[:len(way)-1]
		case kindList:
			for i := range v.length {
				values(t.values[v.at+i], below)
			}
		}
	}
	object = func() {
		depth := len(way) - 1
		if depth == len(path) {
			found(way)
			return
		}
		here, step := way[depth], path[depth]
		if !t.takes(step, here.layout, here.at) {
			return
		}
		values(t.values[here.at+uint32(step.Slot)], here.layout.Slots[step.Slot].Object)
	}
	object()
}

// contextValue returns the value that fills an argument, as JSON. It is false where none is there, or null where the argument takes none: the object
// is left out.
func (t *tree) contextValue(v *plan.ContextVariable, way []located) ([]byte, bool) {
	for i := range v.Sources {
		source := &v.Sources[i]
		from := way[len(way)-1-source.Up]
		if source.On != nil && !slices.Contains(source.On, t.typename(from.layout, from.at)) {
			continue
		}
		text, ok := t.appendPicked(nil, from.layout, from.at, source.Fields)
		if !ok || bytes.Equal(text, []byte("null")) && v.Type[len(v.Type)-1] == '!' {
			return nil, false
		}
		return text, true
	}
	return nil, false
}

// appendPicked writes the one value that the fields lead to from an object.
func (t *tree) appendPicked(b []byte, layout *plan.Object, at uint32, fields []plan.RepresentationField) ([]byte, bool) {
	typename := t.typename(layout, at)
	for _, f := range fields {
		if f.On == nil || slices.Contains(f.On, typename) {
			return t.appendPickedValue(b, layout.Slots[f.Slot].Object, t.values[at+uint32(f.Slot)], f.Fields)
		}
	}
	return append(b, "null"...), true
}

func (t *tree) appendPickedValue(b []byte, below *plan.Object, v value, fields []plan.RepresentationField) (_ []byte, ok bool) {
	switch v.kind {
	case kindNull:
		return append(b, "null"...), true
	case kindRaw:
		return append(b, t.bytes(v)...), true
	case kindObject:
		return t.appendPicked(b, below, v.at, fields)
	case kindList:
		b = append(b, '[')
		for i := range v.length {
			if i > 0 {
				b = append(b, ',')
			}
			if b, ok = t.appendPickedValue(b, below, t.values[v.at+i], fields); !ok {
				return b, false
			}
		}
		return append(b, ']'), true
	}
	return b, false
}
