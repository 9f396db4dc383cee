package execute

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"math"

	"callboard.dev/callboard/gateway/plan"
)

// sourcesMember tells whether extensions could have reports on sources, which only those who asked get.
var sourcesMember = []byte(`"sources"`)

// maxSubgraphErrors bounds the errors read from one answer.
const maxSubgraphErrors = 1000

// ReadAnswer reads a GraphQL response: a JSON object with data, errors or both. Its data is checked when it is merged.
func ReadAnswer(text []byte) (*Answer, error) {
	answer := &Answer{}
	s := &scanner{data: text}
	err := readMembers(s, answer, func() error {
		start := s.pos
		err := s.skip()
		answer.Data = text[start:s.pos]
		return err
	})
	if err != nil {
		return nil, err
	}
	return answer, nil
}

// CheckData tells what is wrong with data as JSON, by the rules that hold for answers.
func CheckData(data []byte) error {
	s := &scanner{data: data}
	if err := s.skip(); err != nil {
		return err
	}
	return s.end()
}

// readMembers reads a GraphQL response, calling data when the value of the member data comes next; its other members go into the answer. Of a member that
// is there twice the last counts.
func readMembers(s *scanner, answer *Answer, data func() error) error {
	errs := &answer.Errors
	hasData, hasErrors := false, false
	err := s.members(func(key []byte) error {
		s.peek()
		switch {
		case string(key) == "data":
			hasData = true
			return data()
		case string(key) == "errors" && !s.null():
			start := s.pos
			if err := s.skip(); err != nil {
				return err
			}
			*errs = nil
			if err := json.Unmarshal(s.data[start:s.pos], errs); err != nil {
				return fmt.Errorf("its errors are not a list of errors: %w", err)
			}
			*errs = (*errs)[:min(len(*errs), maxSubgraphErrors)]
			hasErrors = len(*errs) > 0
			return nil
		case string(key) == "errors":
			return nil
		case string(key) == "extensions":
			start := s.pos
			if err := s.skip(); err != nil {
				return err
			}
			answer.Sources = nil
			if bytes.Contains(s.data[start:s.pos], sourcesMember) {
				answer.Sources = readSources(s.data[start:s.pos])
			}
			return nil
		}
		return s.skip()
	})
	if err == nil {
		err = s.end()
	}
	if err == nil && !hasData && !hasErrors {
		err = errors.New("it has neither data nor errors")
	}
	return err
}

// merge reads an answer into the tree. Where it cannot be read, nothing of it stays.
func (t *tree) merge(s *sent, answer *Answer) error {
	t.begin()
	err := t.mergeAnswer(s, answer)
	if err != nil {
		t.undo()
	}
	return err
}

func (t *tree) mergeAnswer(s *sent, answer *Answer) error {
	text := answer.Text
	if text == nil {
		text = answer.Data
	}
	if len(text) == 0 {
		if len(answer.Errors) == 0 {
			return errors.New("it has neither data nor errors")
		}
		return nil
	}
	if len(text) > math.MaxUint32/2 || len(t.answers) >= math.MaxUint16 {
		return errTooLarge
	}
	t.answers = append(t.answers, text)
	in := &s.scanner
	*in = scanner{data: text, answer: uint16(len(t.answers) - 1)}
	if answer.Text != nil {
		again := false
		return readMembers(in, answer, func() error {
			if again {
				t.undo()
			}
			again = true
			return t.readData(in, s)
		})
	}
	if err := t.readData(in, s); err != nil {
		return err
	}
	return in.end()
}

// readData reads the data of an answer.
func (t *tree) readData(in *scanner, s *sent) error {
	if s.missing = in.null(); s.missing {
		return nil
	}
	if s.fetch.At != nil {
		start := in.pos
		for _, at := range s.objects {
			in.pos = start
			if err := t.readObject(in, s.fetch.Root, at); err != nil {
				return err
			}
		}
		return nil
	}
	if s.fetch.Root != nil {
		return t.readObject(in, s.fetch.Root, t.root)
	}
	return in.members(func(key []byte) error {
		for i := range s.lists {
			if string(key) == s.lists[i].key {
				return t.readList(in, &s.lists[i])
			}
		}
		return in.skip()
	})
}

// readList reads the entities in the order their representations were sent.
func (t *tree) readList(s *scanner, sent *representations) error {
	if s.null() {
		sent.missing = true
		return nil
	}
	targets := sent.entities.Targets
	if len(sent.read) < len(targets) {
		sent.read = make([]uint32, len(targets))
	}
	n := 0
	empty, err := s.open('[')
	for more := !empty; more && err == nil; {
		if n >= len(sent.first) {
			return errors.New("more entities than were asked for")
		}
		if !s.null() {
			if err := t.readEntity(s, sent, sent.first[n]); err != nil {
				return err
			}
		}
		n++
		more, err = s.more('[')
	}
	if err == nil && n < len(sent.first) {
		return fmt.Errorf("%d entities for %d representations", n, len(sent.first))
	}
	return err
}

// readEntity reads one entity into every object that stands for it.
func (t *tree) readEntity(s *scanner, sent *representations, first int32) error {
	start, end := s.pos, s.pos
	read := sent.read // by target: the position after that of the object that was read, to copy for others of the same target
	clear(read)
	for i := first; i >= 0; i = sent.places[i].next {
		o := sent.places[i]
		selection := sent.entities.Targets[o.target].Selection
		if from := read[o.target]; from > 0 && !t.apart && t.holdsNone(selection, o.at) {
			t.copyObject(selection, from-1, o.at)
			continue
		}
		s.pos = start
		if err := t.readObject(s, selection, o.at); err != nil {
			return err
		}
		read[o.target], end = o.at+1, s.pos
	}
	s.pos = end
	return nil
}

// holdsNone tells whether the object has nothing yet in any of the selection's composite fields: what it has must be merged with, which copying
// cannot do.
func (t *tree) holdsNone(selection *plan.Selection, at uint32) bool {
	for i := range selection.Fields {
		f := &selection.Fields[i]
		if f.Selection != nil && t.values[at+uint32(f.Slot)].kind > kindNull {
			return false
		}
	}
	return true
}

// holdsNothing tells whether the object has nothing in any of the selection's fields.
func (t *tree) holdsNothing(selection *plan.Selection, at uint32) bool {
	for i := range selection.Fields {
		if t.values[at+uint32(selection.Fields[i].Slot)].kind > kindNull {
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
	for i := range selection.Fields {
		slot := uint32(selection.Fields[i].Slot)
		if v := t.values[from+slot]; t.values[to+slot].kind <= kindNull {
			t.set(to+slot, v)
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
	empty, err := s.open('{')
	fields := selection.Fields
	next := 0
	for more := !empty; more && err == nil; {
		s.peek()
		var f *plan.SelectionField
		if next < len(fields) && s.literal(fields[next].Member) { // subgraphs answer in the order of the query
			f = &fields[next]
			next++
		} else {
			var key []byte
			if key, err = s.key(); err != nil {
				return err
			}
			for i := range fields {
				n := next + i
				if n >= len(fields) {
					n -= len(fields)
				}
				if string(key) == fields[n].Key {
					f, next = &fields[n], n+1
					break
				}
			}
			if f == nil {
				if err = s.skip(); err != nil {
					return err
				}
				more, err = s.more('{')
				continue
			}
		}
		slot := at + uint32(f.Slot)
		if s.pos < len(s.data) && s.data[s.pos] == '"' { // most values by far
			start := s.pos
			if err = s.str(); err != nil {
				return err
			}
			t.set(slot, value{kind: kindRaw, answer: s.answer, at: uint32(start), length: uint32(s.pos - start)})
		} else {
			v, err := t.readValue(s, f.Selection, t.values[slot])
			if err != nil {
				return err
			}
			t.set(slot, v)
		}
		more, err = s.more('{')
	}
	return err
}

// readValue reads one value. have is what the slot holds already.
func (t *tree) readValue(s *scanner, selection *plan.Selection, have value) (value, error) {
	first := s.peek()
	switch {
	case first == 'n':
		if !s.null() {
			return value{}, s.unexpected()
		}
		if have.kind == kindAbsent {
			have.kind = kindNull
		}
		return have, nil
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
	empty, err := s.open('[')
	for more := !empty; more && err == nil; {
		i := len(t.scratch) - mark
		var old value
		if have.kind == kindList && uint32(i) < have.length {
			old = t.values[have.at+uint32(i)]
		}
		var v value
		if v, err = t.readValue(s, selection, old); err != nil {
			break
		}
		if len(t.scratch) > maxValues {
			err = errTooLarge
			break
		}
		t.scratch = append(t.scratch, v)
		more, err = s.more('[')
	}
	items := t.scratch[mark:]
	t.scratch = t.scratch[:mark]
	if err == nil && len(t.values)+len(items) > maxValues {
		err = errTooLarge
	}
	if err != nil {
		return value{}, err
	}
	at := len(t.values)
	t.grow(len(items))
	copy(t.values[at:], items)
	return value{kind: kindList, at: uint32(at), length: uint32(len(items))}, nil
}
