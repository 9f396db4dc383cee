package execute

import (
	"bytes"
	"errors"
	"fmt"
	"slices"

	"callboard.dev/callboard/gateway/plan"
)

// response writes the whole response, into the memory given.
func (r *run) response(out []byte) []byte {
	size := 64
	for _, answer := range r.tree.answers {
		size += len(answer) + len(answer)/8
	}
	out = slices.Grow(out[:0], size)
	r.errors.settle()
	w := &r.writer
	*w = writer{run: r, out: append(out, `{"data":`...), path: w.path[:0], explained: len(r.errors.list) > 0}
	shown := w.object(r.plan.Root, r.plan.Shape, r.tree.root)
	if w.full {
		r.errors = errorList{}
		r.errors.add(responseError{Code: CodeTooLarge,
			Message: fmt.Sprintf("the response would hold more than %d values or %d bytes: ask for less at once, with smaller pages", maxWritten, maxResponse)})
	}
	out = w.out
	if !shown {
		out = append(out[:len(`{"data":`)], "null"...)
	}
	if len(r.errors.list) > 0 {
		out = r.errors.append(append(out, `,"errors":`...))
	}
	if r.in.Sources {
		out = r.appendSources(out)
	}
	*w = writer{path: w.path[:0]}
	return append(out, '}')
}

// How much one response may hold. Its size is not bounded by what subgraphs sent: an entity that is in many places was sent once.
const (
	maxWritten  = maxValues
	maxResponse = 2 * DefaultMaxAnswer
)

// writer writes the client's view of the tree. A value that cannot be shown is null, and so is everything around it up to the first
// place where null is allowed: what was written is cut back to there.
type writer struct {
	run  *run
	out  []byte
	path []step // response keys and list positions, for errors

	written int  // values, those that were cut back included
	full    bool // maxWritten or maxResponse is reached: nothing of the response is sent

	explained bool // errors of fetches are there already, and say why values are missing
	raised    bool // an error was noted for the null that is on its way outwards
}

// step is a part of a path in the response: a key, or where that is empty a position.
type step struct {
	key string
	n   int
}

// object writes an object. It returns false, with nothing written, where the object must be null.
func (w *writer) object(layout *plan.Object, shape *plan.Shape, at uint32) bool {
	typename := shape.Type
	if typename == "" {
		typename = w.run.tree.typename(layout, at)
		visible, possible := shape.Types[typename]
		if !possible && typename != "" {
			w.violation(CodeBadAnswer, "the subgraph's object type is not one of "+shape.Name)
		}
		if !visible && (typename != "" || !shape.Untyped) {
			return false
		}
	}
	start := len(w.out)
	first := true
	for i := range shape.Fields {
		f := &shape.Fields[i]
		if f.On != nil && !slices.Contains(f.On, typename) {
			continue
		}
		w.out = append(w.out, f.Member...)
		if first {
			w.out[start] = '{' // in place of the comma
			first = false
		}
		if f.Typename {
			w.out = appendQuoted(w.out, typename)
			continue
		}
		var v value
		var below *plan.Object
		if !f.Unasked {
			v = w.run.tree.values[at+uint32(f.Slot)]
			if v.kind == kindRaw && f.Type.Element == nil && w.plain(v, f.Type) {
				continue
			}
			below = layout.Slots[f.Slot].Object
		}
		declared := f.Type
		if own := f.Own[typename]; own != nil {
			declared = own
		}
		w.path = append(w.path, step{key: f.Key})
		ok := w.value(v, declared, below, f, typename)
		w.path = w.path[:len(w.path)-1]
		if !ok {
			w.out = w.out[:start]
			return false
		}
	}
	if first {
		w.out = append(w.out, '{')
	}
	w.out = append(w.out, '}')
	return true
}

// plain writes a string where one is wanted, as most values are. Others it leaves to value.
func (w *writer) plain(v value, t *plan.Type) bool {
	if t.Leaf != plan.LeafString && t.Leaf != plan.LeafID || w.written >= maxWritten || len(w.out) > maxResponse {
		return false
	}
	text := w.run.tree.bytes(v)
	if text[0] != '"' {
		return false
	}
	w.written++
	w.out = append(w.out, text...)
	return true
}

// value writes a value of the type. It returns false, with nothing written, where null is not allowed and nothing else can be shown.
func (w *writer) value(v value, t *plan.Type, layout *plan.Object, f *plan.ShapeField, parent string) bool {
	start := len(w.out)
	if w.written++; w.written > maxWritten || start > maxResponse {
		w.full = true
	}
	if w.full {
		return false
	}
	if v.kind > kindNull && w.some(v, t, layout, f, parent) {
		return true
	}
	if w.full {
		return false
	}
	w.out = w.out[:start]
	if t.NonNull {
		if !w.raised && !w.explained {
			w.violation(CodeNull, "cannot return null for the non-nullable field "+parent+"."+f.Name)
		}
		return false
	}
	w.raised = false
	w.out = append(w.out, "null"...)
	return true
}

// some writes a value that is not null.
func (w *writer) some(v value, t *plan.Type, layout *plan.Object, f *plan.ShapeField, parent string) bool {
	switch {
	case t.Element != nil:
		if v.kind == kindRaw && w.run.tree.bytes(v)[0] == '[' {
			return w.rawItems(v, t, f, parent)
		}
		if v.kind != kindList {
			w.violation(CodeBadAnswer, parent+"."+f.Name+" must be a list")
			return false
		}
		w.out = append(w.out, '[')
		for i := range v.length {
			if i > 0 {
				w.out = append(w.out, ',')
			}
			w.path = append(w.path, step{n: int(i)})
			ok := w.value(w.run.tree.values[v.at+i], t.Element, layout, f, parent)
			w.path = w.path[:len(w.path)-1]
			if !ok {
				return false
			}
		}
		w.out = append(w.out, ']')
		return true
	case f.Shape != nil:
		if v.kind != kindObject {
			w.violation(CodeBadAnswer, parent+"."+f.Name+" must be an object")
			return false
		}
		return w.object(layout, f.Shape, v.at)
	case v.kind != kindRaw:
		w.violation(CodeBadAnswer, parent+"."+f.Name+" must be a single value")
		return false
	}
	return w.leaf(w.run.tree.bytes(v), t, f, parent)
}

// rawItems writes a list of leaf values, which is one raw value in the tree.
func (w *writer) rawItems(v value, t *plan.Type, f *plan.ShapeField, parent string) bool {
	s := &scanner{data: w.run.tree.answers[v.answer][:v.at+v.length], answer: v.answer, pos: int(v.at)}
	w.out = append(w.out, '[')
	n := 0
	err := s.items(func() error {
		if n > 0 {
			w.out = append(w.out, ',')
		}
		s.space()
		item := value{kind: kindNull}
		if start := s.pos; !s.null() {
			if err := s.skip(); err != nil {
				return err
			}
			item = value{kind: kindRaw, answer: v.answer, at: uint32(start), length: uint32(s.pos - start)}
		}
		w.path = append(w.path, step{n: n})
		ok := w.value(item, t.Element, nil, f, parent)
		w.path = w.path[:len(w.path)-1]
		n++
		if !ok {
			return errNull
		}
		return nil
	})
	if err != nil {
		return false
	}
	w.out = append(w.out, ']')
	return true
}

// errNull ends the reading of a list of which an item is null and must not be.
var errNull = errors.New("null where it is not allowed")

// leaf writes a leaf value after checking that it is of its type.
func (w *writer) leaf(text []byte, t *plan.Type, f *plan.ShapeField, parent string) bool {
	c := text[0]
	ok := true
	switch t.Leaf {
	case plan.LeafInt:
		ok = isInt(text)
	case plan.LeafFloat:
		ok = c == '-' || c >= '0' && c <= '9'
	case plan.LeafString:
		ok = c == '"'
	case plan.LeafBoolean:
		ok = c == 't' || c == 'f'
	case plan.LeafID:
		if isWhole(text) { // an ID is a string for clients, whatever the subgraph sends
			w.out = append(append(append(w.out, '"'), text...), '"')
			return true
		}
		ok = c == '"'
	case plan.LeafEnum:
		visible, known := false, false
		if c == '"' {
			visible, known = t.Values[string(text[1:len(text)-1])]
		}
		if known && !visible { // hidden from clients: null to them, and nobody's error
			return false
		}
		ok = visible
	}
	if !ok {
		w.violation(CodeBadAnswer, parent+"."+f.Name+" is not a value of type "+t.Name)
		return false
	}
	w.out = append(w.out, text...)
	return true
}

// isWhole tells whether the JSON is a number without fraction or exponent.
func isWhole(text []byte) bool {
	return (text[0] == '-' || text[0] >= '0' && text[0] <= '9') && !bytes.ContainsAny(text, ".eE")
}

// isInt tells whether the JSON is a whole number of 32 bits.
func isInt(text []byte) bool {
	digits := text
	if digits[0] == '-' {
		digits = digits[1:]
	}
	if len(digits) > len("2147483648") {
		return false
	}
	var n int64
	for _, c := range digits {
		if c < '0' || c > '9' {
			return false
		}
		n = 10*n + int64(c-'0')
	}
	if len(digits) < len(text) {
		n = -n
	}
	return len(digits) > 0 && n == int64(int32(n))
}

// violation notes an answer that breaks the schema, at the place being written.
func (w *writer) violation(code, message string) {
	w.raised = true
	path := make([]any, len(w.path))
	for i, s := range w.path {
		if path[i] = s.n; s.key != "" {
			path[i] = s.key
		}
	}
	w.run.errors.add(responseError{Message: message, Path: path, Code: code})
}
