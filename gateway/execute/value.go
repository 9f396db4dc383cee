package execute

import (
	"bytes"
	"errors"

	"callboard.dev/callboard/gateway/plan"
)

// kind tells what a value is.
type kind uint8

const (
	kindAbsent kind = iota // no fetch has brought it
	kindNull
	kindRaw    // a leaf: JSON bytes of an answer
	kindObject // slots of an object
	kindList   // items of a list
)

// value is one value of the tree. It holds no pointer, so the collector need not look at it.
type value struct {
	kind   kind
	answer uint16 // raw: which answer the bytes are in
	at     uint32 // raw: offset; object: its slots; list: its items
	length uint32 // raw: bytes; list: items
}

// tree is the response being assembled.
type tree struct {
	answers [][]byte
	values  []value
	scratch []value
	root    uint32
	shared  bool // some objects or lists are in several places
	apart   bool // none may be: what is below an object depends on what is above it

	// While an answer is read, what it changes is noted, so that one that turns out to be broken leaves nothing behind. A value that was absent before
	// needs no note: it tells by itself which answer it is of.
	mark    uint32   // values from here on are the answer's own
	changes []change // of other values before mark
	before  bool     // tree.shared before the answer
	reading uint16   // position of the answer in answers

	seen seen
}

// change is a value that was overwritten.
type change struct {
	at  uint32
	old value
}

// maxValues bounds the tree of one request, at 12 bytes a value. An answer of empty objects could otherwise grow a hundredfold when its slots
// are laid out.
const maxValues = 8 << 20

var errTooLarge = errors.New("it holds more values than one response may have")

// reset empties the tree, keeping its memory.
func (t *tree) reset() {
	clear(t.answers)
	*t = tree{answers: t.answers[:0], values: t.values[:0], scratch: t.scratch[:0], changes: t.changes[:0], seen: seen{marks: t.seen.marks, epoch: t.seen.epoch}}
}

// begin starts to note changes.
func (t *tree) begin() {
	t.mark, t.changes, t.before, t.reading = uint32(len(t.values)), t.changes[:0], t.shared, uint16(len(t.answers))
}

// set changes a value.
func (t *tree) set(at uint32, v value) {
	if old := t.values[at]; at < t.mark && (old.kind != kindAbsent || v.kind == kindNull) {
		t.changes = append(t.changes, change{at, old})
	}
	t.values[at] = v
}

// undo takes back what was changed since begin.
func (t *tree) undo() {
	for i := len(t.changes) - 1; i >= 0; i-- {
		t.values[t.changes[i].at] = t.changes[i].old
	}
	t.values, t.scratch, t.shared = t.values[:t.mark], t.scratch[:0], t.before
	t.changes = t.changes[:0]
	for i, v := range t.values {
		if v.kind == kindRaw && v.answer == t.reading || v.kind > kindRaw && v.at >= t.mark {
			t.values[i] = value{}
		}
	}
}

// newObject makes an object with absent slots and returns where they start.
func (t *tree) newObject(layout *plan.Object) uint32 {
	at := len(t.values)
	t.grow(len(layout.Slots))
	return uint32(at)
}

// grow adds n absent values.
func (t *tree) grow(n int) {
	have := len(t.values)
	if have+n <= cap(t.values) {
		t.values = t.values[:have+n]
		clear(t.values[have:])
		return
	}
	grown := make([]value, have+n, max(2*cap(t.values), have+n, 256))
	copy(grown, t.values)
	t.values = grown
}

// bytes returns the JSON of a raw value.
func (t *tree) bytes(v value) []byte {
	return t.answers[v.answer][v.at : v.at+v.length]
}

// typename returns the object type of the object at the position, "" where it is not known.
func (t *tree) typename(layout *plan.Object, at uint32) string {
	if layout.Type != "" {
		return layout.Type
	}
	v := t.values[at]
	if v.kind != kindRaw {
		return ""
	}
	text := t.bytes(v)
	if len(text) < 2 || text[0] != '"' {
		return ""
	}
	text = text[1 : len(text)-1]
	if len(layout.Types) <= maxCompared {
		for _, name := range layout.Types {
			if string(text) == name {
				return name
			}
		}
	}
	if bytes.IndexByte(text, '\\') >= 0 {
		return ""
	}
	return string(text)
}

// maxCompared is up to how many names an object's type is compared with, to save a copy of it.
const maxCompared = 32

// seen remembers objects and lists by their position. Each that is shared must be walked through once only: shared ones can be nested in
// shared ones, and the number of ways to them then multiplies with every level.
type seen struct {
	marks []uint32 // by position: the epoch it was last seen in
	epoch uint32
}

// walk forgets what was seen, for a walk of its own. It returns nil, which remembers nothing, where nothing is shared.
func (t *tree) walk() *seen {
	if !t.shared {
		return nil
	}
	s := &t.seen
	if n := len(t.values); len(s.marks) < n {
		s.marks = append(s.marks, make([]uint32, n-len(s.marks))...)
	}
	if s.epoch++; s.epoch == 0 { // it went all the way round
		clear(s.marks)
		s.epoch = 1
	}
	return s
}

// again tells whether it was asked about the value before.
func (s *seen) again(v value) bool {
	if s == nil || v.kind == kindList && v.length == 0 { // an empty list has no position of its own
		return false
	}
	before := s.marks[v.at] == s.epoch
	s.marks[v.at] = s.epoch
	return before
}
