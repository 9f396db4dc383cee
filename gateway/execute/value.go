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

	start   uint32 // where values begin that the answer being read added
	written []overwritten
}

// overwritten is a value that the answer being read put another in the place of.
type overwritten struct {
	at   uint32
	have value
}

// maxValues bounds the tree of one request, at 12 bytes a value. An answer of empty objects could otherwise grow a hundredfold when its slots
// are laid out.
const maxValues = 8 << 20

var errTooLarge = errors.New("it holds more values than one response may have")

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
	if len(text) < 2 || text[0] != '"' || bytes.IndexByte(text, '\\') >= 0 {
		return ""
	}
	return string(text[1 : len(text)-1])
}

// begin starts to read an answer.
func (t *tree) begin() { t.start, t.written = uint32(len(t.values)), t.written[:0] }

// put sets a value, and remembers what was there if that was there before the answer.
func (t *tree) put(at uint32, v value) {
	if at < t.start {
		t.written = append(t.written, overwritten{at, t.values[at]})
	}
	t.values[at] = v
}

// undo takes back what the answer wrote. What it added is reached from nowhere then.
func (t *tree) undo() {
	for i := len(t.written) - 1; i >= 0; i-- {
		t.values[t.written[i].at] = t.written[i].have
	}
}
