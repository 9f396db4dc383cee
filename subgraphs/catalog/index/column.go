package index

import (
	"slices"
	"strings"
	"unicode/utf8"

	"callboard.dev/callboard/subgraphs/catalog/descriptor"
)

// Field is a property of which an entity has at most one value: it can be ordered by, and most of them counted.
type Field int

// The fields. FieldRelevance has values only while a text is searched for.
const (
	FieldName Field = iota
	FieldTitle
	FieldKind
	FieldNamespace
	FieldType
	FieldLifecycle
	FieldOwner  // the reference text of the owner, there or not
	FieldSystem // the reference text of the system it is part of
	FieldDomain // the reference text of its domain, or of its system's domain
	fieldCount
	FieldRef       = fieldCount
	FieldRelevance = fieldCount + 1
)

// orderedBytes is how much of a value counts when entities are ordered and filtered by it. Cursors carry the values, so it bounds them too;
// no reader of a list tells titles apart by their two hundredth letter, and a whole reference fits.
const orderedBytes = 256

// column holds one field of every entity. Values that differ only in case are one value.
type column struct {
	dictionary
	codes []uint32 // by ID: the position in values plus one, or 0 where there is none
}

// dictionary holds texts of which those that differ only in case are one value.
type dictionary struct {
	values    []string // folded, sorted, each once
	spellings []string // the commonest way to write each value
	mixed     []bool   // whether a value is written in more than one way
}

// newColumn reads a field of the entities; the empty text is no value, and of a long one only the start is kept.
func newColumn(entities []*descriptor.Entity, of func(*descriptor.Entity) string) column {
	c := column{codes: make([]uint32, len(entities))}
	var written spellingCount
	for id, entity := range entities {
		if v := ordered(of(entity)); v != "" {
			c.codes[id] = written.add(v) + 1
		}
	}
	c.fold(&written)
	return c
}

// newTargetColumn makes a column of the references of targets; noID stands for none.
func (x *Index) newTargetColumn(target func(ID) uint32) column {
	c := column{codes: make([]uint32, x.Len())}
	var written spellingCount
	seen := make([]uint32, x.Len()+len(x.edges.missing)) // the code of each target
	for id := range c.codes {
		to := target(ID(id))
		switch {
		case to == noID:
			continue
		case seen[to] != 0:
			written.times[seen[to]-1]++
		default:
			seen[to] = written.add(ordered(x.targetText(to))) + 1
		}
		c.codes[id] = seen[to]
	}
	c.fold(&written)
	return c
}

// fold turns the codes that add gave, plus one, into those of the values.
func (c *column) fold(written *spellingCount) {
	var recode []uint32
	c.dictionary, recode = written.fold()
	for id, code := range c.codes {
		if code != 0 {
			c.codes[id] = recode[code-1] + 1
		}
	}
}

// code returns the code of a folded value, or false where no entity has it.
func (c *column) code(folded string) (uint32, bool) {
	at, ok := slices.BinarySearch(c.values, folded)
	return uint32(at) + 1, ok
}

// place returns where a folded value stands among the values: twice its code where it is there, and the odd number of the gap
// it would fill where it is not.
func (c *column) place(folded string) uint32 {
	at, ok := slices.BinarySearch(c.values, folded)
	if ok {
		return 2 * (uint32(at) + 1)
	}
	return 2*uint32(at) + 1
}

// spellingCount collects texts and how often each is written in which way.
type spellingCount struct {
	codes map[string]uint32
	texts []string
	times []uint32
}

// add counts one more writing of text and returns the number it has among the texts.
func (s *spellingCount) add(text string) uint32 {
	if s.codes == nil {
		s.codes = make(map[string]uint32)
	}
	code, ok := s.codes[text]
	if !ok {
		code = uint32(len(s.texts))
		s.codes[text] = code
		s.texts = append(s.texts, text)
		s.times = append(s.times, 0)
	}
	s.times[code]++
	return code
}

// fold merges the texts that differ only in case. It returns the folded values, sorted, the commonest spelling of each (the
// smallest of equals) and, for each number that add gave, the position of its value.
func (s *spellingCount) fold() (d dictionary, recode []uint32) {
	type spelling struct {
		folded string
		code   uint32
	}
	all := make([]spelling, len(s.texts))
	for i, text := range s.texts {
		all[i] = spelling{fold(text), uint32(i)}
	}
	slices.SortFunc(all, func(a, b spelling) int {
		if order := strings.Compare(a.folded, b.folded); order != 0 {
			return order
		}
		if s.times[a.code] != s.times[b.code] {
			return int(s.times[b.code]) - int(s.times[a.code])
		}
		return strings.Compare(s.texts[a.code], s.texts[b.code])
	})
	recode = make([]uint32, len(s.texts))
	for i, one := range all {
		if i == 0 || one.folded != all[i-1].folded {
			d.values = append(d.values, one.folded)
			d.spellings = append(d.spellings, s.texts[one.code])
			d.mixed = append(d.mixed, false)
		} else {
			d.mixed[len(d.mixed)-1] = true
		}
		recode[one.code] = uint32(len(d.values) - 1)
	}
	d.values, d.spellings, d.mixed = slices.Clip(d.values), slices.Clip(d.spellings), slices.Clip(d.mixed)
	return d, recode
}

// fold makes texts that differ only in case equal.
func fold(text string) string { return strings.ToLower(text) }

// ordered cuts a value to the part that counts in an order, at the start of a rune.
func ordered(value string) string {
	if len(value) <= orderedBytes {
		return value
	}
	end := orderedBytes
	for end > orderedBytes-utf8.UTFMax && !utf8.RuneStart(value[end]) {
		end--
	}
	return value[:end]
}
