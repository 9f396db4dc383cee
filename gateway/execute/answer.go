package execute

import (
	"errors"
	"fmt"
	"math"

	"callboard.dev/callboard/gateway/plan"
)

// readRoot merges the data of root fields.
func (t *tree) readRoot(data []byte, selection *plan.Selection) error {
	s, err := t.open(data)
	if err != nil || s == nil {
		return err
	}
	if s.null() {
		return s.end()
	}
	if err := t.readObject(s, selection, t.root); err != nil {
		return err
	}
	return s.end()
}

// readEntities merges the data of _entities fields into the objects that were sent.
func (t *tree) readEntities(data []byte, f *plan.Fetch, lists []representations) error {
	s, err := t.open(data)
	if err != nil || s == nil {
		return err
	}
	if s.null() {
		return s.end()
	}
	err = s.members(func(key []byte) error {
		for i, e := range f.Entities {
			if string(key) == e.Key {
				return t.readList(s, e, &lists[i])
			}
		}
		return s.skip()
	})
	if err != nil {
		return err
	}
	return s.end()
}

// open starts reading an answer and keeps its bytes for as long as the tree lives. It returns nil where there is no data.
func (t *tree) open(data []byte) (*scanner, error) {
	if len(data) == 0 {
		return nil, nil
	}
	if len(data) > math.MaxUint32/2 || len(t.answers) >= math.MaxUint16 {
		return nil, errTooLarge
	}
	t.answers = append(t.answers, data)
	return &scanner{data: data, answer: uint16(len(t.answers) - 1)}, nil
}

// readList reads the entities in the order their representations were sent.
func (t *tree) readList(s *scanner, e *plan.Entities, sent *representations) error {
	if s.null() {
		sent.unanswered = true
		return nil
	}
	n := 0
	err := s.items(func() error {
		if n >= len(sent.objects) {
			return errors.New("more entities than were asked for")
		}
		objects := sent.objects[n]
		n++
		if s.null() {
			return nil
		}
		start := s.pos
		read := map[int]uint32{} // by target: the object that was read, to copy for others of the same target
		for _, o := range objects {
			selection := e.Targets[o.target].Selection
			if from, again := read[o.target]; again && t.holdsNone(selection, o.at) {
				t.copyObject(selection, from, o.at)
				continue
			}
			s.pos = start
			if err := t.readObject(s, selection, o.at); err != nil {
				return err
			}
			read[o.target] = o.at
		}
		return nil
	})
	if err == nil && n < len(sent.objects) {
		return fmt.Errorf("%d entities for %d representations", n, len(sent.objects))
	}
	return err
}

// holdsNone tells whether the object has nothing yet in any of the selection's composite fields: what it has must be merged with, which copying
// cannot do.
func (t *tree) holdsNone(selection *plan.Selection, at uint32) bool {
	for _, f := range selection.Fields {
		if f.Selection != nil && t.values[at+uint32(f.Slot)].kind > kindNull {
			return false
		}
	}
	return true
}

// copyObject gives another object the values that were read for the first one. Objects below are shared: they are the same entity's.
func (t *tree) copyObject(selection *plan.Selection, from, to uint32) {
	if from == to {
		return
	}
	for _, f := range selection.Fields {
		if v := t.values[from+uint32(f.Slot)]; t.values[to+uint32(f.Slot)].kind <= kindNull {
			t.put(to+uint32(f.Slot), v)
			t.shared = t.shared || v.kind == kindObject || v.kind == kindList
		}
	}
}

// readObject reads an object of an answer into the slots at the position. What is there already is kept, or merged with where both
// are objects or lists.
func (t *tree) readObject(s *scanner, selection *plan.Selection, at uint32) error {
	if s.peek() != '{' {
		return fmt.Errorf("an object is wanted at byte %d", s.pos)
	}
	next := 0
	fields := selection.Fields
	return s.members(func(key []byte) error {
		// Subgraphs answer in the order of the query, so the next field is usually the one.
		for i := range fields {
			f := &fields[(next+i)%len(fields)]
			if string(key) == f.Key {
				next = (next + i + 1) % len(fields)
				v, err := t.readValue(s, f.Selection, t.values[at+uint32(f.Slot)])
				if err != nil {
					return err
				}
				t.put(at+uint32(f.Slot), v)
				return nil
			}
		}
		return s.skip()
	})
}

// readValue reads one value. have is what the slot holds already.
func (t *tree) readValue(s *scanner, selection *plan.Selection, have value) (value, error) {
	first := s.peek()
	if first == 'n' {
		if !s.null() {
			return value{}, s.unexpected()
		}
		if have.kind == kindAbsent {
			have.kind = kindNull
		}
		return have, nil
	}
	switch {
	case selection == nil || first != '{' && first != '[':
		start := s.pos
		if err := s.skip(); err != nil {
			return value{}, err
		}
		return value{kind: kindRaw, answer: s.answer, at: uint32(start), length: uint32(s.pos - start)}, nil
	case first == '{':
		at := have.at
		if have.kind != kindObject {
			if len(t.values) > maxValues {
				return value{}, errTooLarge
			}
			at = t.newObject(selection.Object)
		}
		return value{kind: kindObject, at: at}, t.readObject(s, selection, at)
	}
	return t.readItems(s, selection, have)
}

// readItems reads a list; one of the same length that is there already is merged item by item.
func (t *tree) readItems(s *scanner, selection *plan.Selection, have value) (value, error) {
	mark := len(t.scratch)
	defer func() { t.scratch = t.scratch[:mark] }()
	err := s.items(func() error {
		i := len(t.scratch) - mark
		var old value
		if have.kind == kindList && uint32(i) < have.length {
			old = t.values[have.at+uint32(i)]
		}
		v, err := t.readValue(s, selection, old)
		if len(t.scratch) > maxValues {
			return errTooLarge
		}
		t.scratch = append(t.scratch, v)
		return err
	})
	if err != nil {
		return value{}, err
	}
	items := t.scratch[mark:]
	if len(t.values)+len(items) > maxValues {
		return value{}, errTooLarge
	}
	at := len(t.values)
	t.grow(len(items))
	copy(t.values[at:], items)
	return value{kind: kindList, at: uint32(at), length: uint32(len(items))}, nil
}
