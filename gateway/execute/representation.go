package execute

import (
	"hash/maphash"
	"slices"

	"callboard.dev/callboard/gateway/plan"
)

// representations is what one _entities field sends: each distinct representation once, with the objects it stands for.
type representations struct {
	entities *plan.Entities
	key      string   // of the answer
	context  [][]byte // values of the variables that fill arguments
	first    []int32  // by position in the list sent: the first of its places
	last     []int32
	texts    []span // where each is in the list's text
	places   []place
	read     []uint32 // for reading the answer
	missing  bool     // the answer has null for the list
}

// place is one object of the tree that wants an entity's answer.
type place struct {
	target int32  // position in Entities.Targets
	next   int32  // the next place of the same representation, -1 for none
	at     uint32 // the object
}

type span struct{ from, to uint32 }

// reset empties the list, keeping its memory.
func (l *representations) reset(e *plan.Entities, key string) {
	*l = representations{entities: e, key: key, first: l.first[:0], last: l.last[:0], texts: l.texts[:0], places: l.places[:0], read: l.read}
}

// index finds representations by their text.
type index struct {
	slots []uint32 // positions in the list, counted from 1; 0 is free
}

var seed = maphash.MakeSeed()

// reset empties the index.
func (x *index) reset() {
	if len(x.slots) == 0 {
		x.slots = make([]uint32, 64)
	}
	clear(x.slots)
}

// find returns the position of the representation that ends the text, which is new where it is the length of the list.
func (x *index) find(l *representations, text []byte, from int) int {
	if 2*len(l.texts) >= len(x.slots) {
		x.slots = make([]uint32, 4*len(x.slots))
		for i, t := range l.texts {
			x.slots[x.free(l, text, text[t.from:t.to])] = uint32(i + 1)
		}
	}
	at := x.free(l, text, text[from:])
	if n := x.slots[at]; n > 0 {
		return int(n - 1)
	}
	x.slots[at] = uint32(len(l.texts) + 1)
	return len(l.texts)
}

// free returns the slot that holds the representation, or is free for it.
func (x *index) free(l *representations, text, one []byte) int {
	mask := len(x.slots) - 1
	at := int(maphash.Bytes(seed, one)) & mask
	for ; x.slots[at] > 0; at = (at + 1) & mask {
		if t := l.texts[x.slots[at]-1]; string(text[t.from:t.to]) == string(one) {
			break
		}
	}
	return at
}

// represent appends the representations of an _entities field, from the tree as it is now.
func (r *run) represent(b []byte, l *representations) []byte {
	r.index.reset()
	for i, target := range l.entities.Targets {
		layout, objects := r.objectsAt(target.Path)
		for _, at := range objects {
			from := len(b)
			if len(l.first) > 0 {
				b = append(b, ',')
			}
			var ok bool
			start := len(b)
			if b, ok = r.tree.appendRepresentation(b, target, layout, at); !ok || !l.send(&r.index, b, start, place{target: int32(i), at: at}) {
				b = b[:from]
			}
		}
	}
	return b
}

// send adds an object whose representation ends the text. It is false where an equal one is sent already.
func (l *representations) send(x *index, text []byte, from int, p place) bool {
	p.next = -1
	at := int32(len(l.places))
	l.places = append(l.places, p)
	n := x.find(l, text, from)
	if n < len(l.first) {
		l.places[l.last[n]].next = at
		l.last[n] = at
		return false
	}
	l.first, l.last = append(l.first, at), append(l.last, at)
	l.texts = append(l.texts, span{uint32(from), uint32(len(text))})
	return true
}

// appendRepresentation writes what is sent for an object. ok is false where it is not sent.
func (t *tree) appendRepresentation(b []byte, target *plan.Target, layout *plan.Object, at uint32) (_ []byte, ok bool) {
	typename := t.typename(layout, at)
	representation := applicable(target.Representations, typename)
	if representation == nil {
		return b, false
	}
	name := representation.Typename
	if name == "" {
		name = typename
	}
	b = append(b, `{"__typename":`...)
	b = appendQuoted(b, name)
	if b, ok = t.appendFields(b, layout, at, typename, representation.Fields, false); !ok {
		return b, false
	}
	return append(b, '}'), true
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

// objectsAt returns the objects at the end of a path from the root, in order, and their layout. An object that is in several places is there once.
// The list is good until the next call.
func (r *run) objectsAt(path []plan.Step) (*plan.Object, []uint32) {
	t := &r.tree
	layout, objects := r.plan.Root, append(r.objects[:0], t.root)
	next := r.next[:0]
	for _, step := range path {
		seen := t.walk()
		next = next[:0]
		for _, at := range objects {
			if !t.takes(step, layout, at) {
				continue
			}
			next = t.appendObjects(next, t.values[at+uint32(step.Slot)], seen)
		}
		layout, objects, next = layout.Slots[step.Slot].Object, next, objects
	}
	r.objects, r.next = objects, next
	return layout, objects
}

// takes tells whether a path goes on from the object.
func (t *tree) takes(step plan.Step, layout *plan.Object, at uint32) bool {
	return step.On == nil || slices.Contains(step.On, t.typename(layout, at))
}

// appendObjects adds the object that v is, or the objects in the list that v is.
func (t *tree) appendObjects(objects []uint32, v value, seen *seen) []uint32 {
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

// appendFields writes the members of a representation, each with a comma before it. nullable tells that what is around them is a requirement that was
// found to be there: what is null in it is null there too. ok is false where a value is missing that must be there: the object cannot be asked for.
func (t *tree) appendFields(b []byte, layout *plan.Object, at uint32, typename string, fields []plan.RepresentationField, nullable bool) (_ []byte, ok bool) {
	for i := range fields {
		f := &fields[i]
		if f.On != nil && typename == "" { // whether it must be there is not known
			return b, false
		}
		if f.On != nil && !slices.Contains(f.On, typename) {
			continue
		}
		v := t.values[at+uint32(f.Slot)]
		null := nullable || f.Null
		if v.kind == kindAbsent || v.kind == kindNull && !null {
			return b, false
		}
		b = append(b, f.Member...)
		if v.kind == kindRaw {
			b = append(b, t.bytes(v)...)
		} else if b, ok = t.appendValue(b, layout.Slots[f.Slot].Object, v, f, null); !ok {
			return b, false
		}
	}
	return b, true
}

func (t *tree) appendValue(b []byte, layout *plan.Object, v value, f *plan.RepresentationField, null bool) (_ []byte, ok bool) {
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
			if b, ok = t.appendValue(b, layout, t.values[v.at+i], f, null); !ok {
				return b, false
			}
		}
		return append(b, ']'), true
	case kindObject:
		typename := t.typename(layout, v.at)
		b = append(b, '{')
		start := len(b)
		if typename != "" && f.Typed {
			b = append(b, `,"__typename":`...)
			b = appendQuoted(b, typename)
		}
		if b, ok = t.appendFields(b, layout, v.at, typename, f.Fields, null); !ok {
			return b, false
		}
		if len(b) > start { // every member has a comma before it
			b = slices.Delete(b, start, start+1)
		}
		return append(b, '}'), true
	}
	return b, false
}

// appendQuoted writes a GraphQL name as a JSON string; names need no escapes.
func appendQuoted(b []byte, name string) []byte {
	b = append(b, '"')
	b = append(b, name...)
	return append(b, '"')
}
