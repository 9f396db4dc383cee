package execute

import (
	"slices"

	"callboard.dev/callboard/gateway/plan"
)

// representations is what one _entities field sends: each distinct representation once, with the objects it stands for.
type representations struct {
	text       []byte
	objects    [][]place // by position in the list sent
	unanswered bool      // the answer has null for the list
}

// place is one object of the tree that wants an entity's answer.
type place struct {
	target int    // position in Entities.Targets
	at     uint32 // the object
}

// represent writes the representations of an _entities field from the tree as it is now.
func (r *run) represent(e *plan.Entities) representations {
	var out representations
	index := map[string]int{}
	var one []byte
	for i, target := range e.Targets {
		layout, objects := r.tree.objectsAt(r.plan.Root, target.Path)
		for _, at := range objects {
			typename := r.tree.typename(layout, at)
			representation := applicable(target.Representations, typename)
			if representation == nil {
				continue
			}
			name := representation.Typename
			if name == "" {
				name = typename
			}
			one = append(one[:0], `{"__typename":`...)
			one = appendQuoted(one, name)
			var ok bool
			if one, ok = r.tree.appendFields(one, layout, at, typename, representation.Fields); !ok {
				continue
			}
			one = append(one, '}')
			n, again := index[string(one)]
			if !again {
				n = len(out.objects)
				index[string(one)] = n
				out.objects = append(out.objects, nil)
				if n > 0 {
					out.text = append(out.text, ',')
				}
				out.text = append(out.text, one...)
			}
			out.objects[n] = append(out.objects[n], place{i, at})
		}
	}
	return out
}

// applicable returns the first representation for the object type, or nil.
func applicable(list []*plan.Representation, typename string) *plan.Representation {
	for _, r := range list {
		if r.On == nil && (typename != "" || r.Typename != "") || r.On != nil && slices.Contains(r.On, typename) {
			return r
		}
	}
	return nil
}

// objectsAt returns the objects at the end of a path, in order, and their layout. An object that is in several places is there once.
func (t *tree) objectsAt(layout *plan.Object, path []plan.Step) (*plan.Object, []uint32) {
	objects := []uint32{t.root}
	for _, step := range path {
		seen := t.newSeen()
		var next []uint32
		for _, at := range objects {
			next = t.appendObjects(next, t.values[at+uint32(step.Slot)], seen)
		}
		layout, objects = layout.Slots[step.Slot].Object, next
	}
	return layout, objects
}

// appendObjects adds the object that v is, or the objects in the list that v is.
func (t *tree) appendObjects(objects []uint32, v value, seen seen) []uint32 {
	switch {
	case v.kind == kindObject && !seen.again(v):
		return append(objects, v.at)
	case v.kind == kindList && !seen.again(v):
		for i := range v.length {
			objects = t.appendObjects(objects, t.values[v.at+i], seen)
		}
	}
	return objects
}

// seen remembers objects and lists by their position. Each that is shared must be walked through once only: shared ones can be nested in
// shared ones, and the number of ways to them then multiplies with every level.
type seen map[uint32]bool

// newSeen returns nil, which remembers nothing, where nothing is shared.
func (t *tree) newSeen() seen {
	if !t.shared {
		return nil
	}
	return seen{}
}

// again tells whether it was asked about the value before.
func (s seen) again(v value) bool {
	if s == nil || v.kind == kindList && v.length == 0 { // an empty list has no position of its own
		return false
	}
	before := s[v.at]
	s[v.at] = true
	return before
}

// appendFields writes the members of a representation, each with a comma before it. ok is false where a value is missing that must be there, or the
// type that tells which must: the object cannot be asked for.
func (t *tree) appendFields(b []byte, layout *plan.Object, at uint32, typename string, fields []plan.RepresentationField) (_ []byte, ok bool) {
	for _, f := range fields {
		if f.On != nil && typename == "" {
			return b, false
		}
		if f.On != nil && !slices.Contains(f.On, typename) {
			continue
		}
		if f.Name == "__typename" {
			if typename != "" {
				b = append(b, `,"__typename":`...)
				b = appendQuoted(b, typename)
			}
			continue
		}
		v := t.values[at+uint32(f.Slot)]
		if v.kind == kindAbsent || v.kind == kindNull && !f.Null {
			return b, false
		}
		b = append(b, ',')
		b = appendQuoted(b, f.Name)
		b = append(b, ':')
		if b, ok = t.appendValue(b, layout.Slots[f.Slot].Object, v, f); !ok {
			return b, false
		}
	}
	return b, true
}

func (t *tree) appendValue(b []byte, layout *plan.Object, v value, f plan.RepresentationField) (_ []byte, ok bool) {
	switch v.kind {
	case kindNull:
		return append(b, "null"...), true
	case kindRaw:
		return append(b, t.bytes(v)...), true
	case kindList:
		b = append(b, '[')
		for i := range v.length {
			if i > 0 {
				b = append(b, ',')
			}
			if b, ok = t.appendValue(b, layout, t.values[v.at+i], f); !ok {
				return b, false
			}
		}
		return append(b, ']'), true
	case kindObject:
		typename := t.typename(layout, v.at)
		below := f.Fields
		b = append(b, '{')
		start := len(b)
		if f.Null { // what a requirement finds null below is null there too
			below = nullable(below)
		}
		if b, ok = t.appendFields(b, layout, v.at, typename, below); !ok {
			return b, false
		}
		if len(b) > start { // every member has a comma before it
			b = slices.Delete(b, start, start+1)
		}
		return append(b, '}'), true
	}
	return b, false
}

func nullable(fields []plan.RepresentationField) []plan.RepresentationField {
	out := slices.Clone(fields)
	for i := range out {
		out[i].Null = true
	}
	return out
}

// appendQuoted writes a GraphQL name as a JSON string; names need no escapes.
func appendQuoted(b []byte, name string) []byte {
	b = append(b, '"')
	b = append(b, name...)
	return append(b, '"')
}
