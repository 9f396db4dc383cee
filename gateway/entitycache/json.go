package entitycache

import (
	"bytes"
	"slices"
)

// What is read here is JSON already: package execute has checked it. Of anything else something comes out, in bounds.

// member is one member of an object: its name as it is written, without quotes, and its value.
type member struct{ name, value []byte }

// maxNesting bounds how deep values are nested that are put into order; execute lets none pass that are nested deeper.
const maxNesting = 500

// valueEnd returns the position after the value that begins at the position, which is no space.
func valueEnd(text []byte, at int) int {
	if at >= len(text) {
		return len(text)
	}
	switch text[at] {
	case '"':
		return stringEnd(text, at)
	case '{', '[':
		depth := 0
		for at < len(text) {
			switch text[at] {
			case '"':
				at = stringEnd(text, at)
				continue
			case '{', '[':
				depth++
			case '}', ']':
				if depth--; depth == 0 {
					return at + 1
				}
			}
			at++
		}
		return len(text)
	}
	for ; at < len(text); at++ {
		switch text[at] {
		case ',', ']', '}', ' ', '\t', '\r', '\n', ':':
			return at
		}
	}
	return at
}

// stringEnd returns the position after the string that begins at the position.
func stringEnd(text []byte, at int) int {
	for at++; at < len(text); at++ {
		next := bytes.IndexByte(text[at:], '"')
		if next < 0 {
			return len(text)
		}
		at += next
		escapes := 0
		for escapes < at && text[at-1-escapes] == '\\' {
			escapes++
		}
		if escapes%2 == 0 {
			return at + 1
		}
	}
	return len(text)
}

// skip returns the position of the first byte from the position on that is neither space nor the separator.
func skip(text []byte, at int, separator byte) int {
	for at < len(text) && (text[at] == ' ' || text[at] == '\t' || text[at] == '\r' || text[at] == '\n' || text[at] == separator) {
		at++
	}
	return at
}

// readMembers appends the members of an object.
func readMembers(members []member, object []byte) []member {
	at := skip(object, 1, ' ')
	for at < len(object) && object[at] == '"' {
		end := stringEnd(object, at)
		name := object[at+1 : max(end-1, at+1)]
		from := skip(object, end, ':')
		to := valueEnd(object, from)
		members = append(members, member{name, object[from:to]})
		at = skip(object, to, ',')
	}
	return members
}

// readItems appends the items of a list. It is false for what is none.
func readItems(items [][]byte, list []byte) (_ [][]byte, ok bool) {
	if len(list) == 0 || list[0] != '[' {
		return items, false
	}
	at := skip(list, 1, ' ')
	for at < len(list) && list[at] != ']' {
		to := valueEnd(list, at)
		if to <= at {
			return items, false
		}
		items = append(items, list[at:to])
		at = skip(list, to, ',')
	}
	return items, at < len(list)
}

// find returns the value of the member with the name. It is false where the object has none or several.
func find(object []byte, name string) (value []byte, ok bool) {
	if len(object) == 0 || object[0] != '{' {
		return nil, false
	}
	for _, m := range readMembers(nil, object) {
		if string(m.name) == name {
			if ok {
				return nil, false
			}
			value, ok = m.value, true
		}
	}
	return value, ok
}

func sortMembers(members []member) {
	for i := 1; i < len(members); i++ {
		if bytes.Compare(members[i-1].name, members[i].name) > 0 {
			slices.SortStableFunc(members, func(a, b member) int { return bytes.Compare(a.name, b.name) })
			return
		}
	}
}

// scratch is memory for taking values apart, which grows with how deep they are nested.
type scratch struct {
	members []member
	items   [][]byte
}

// object returns the members of an object. They are good until back is called with what there was before.
func (s *scratch) object(value []byte) (members []member, before int) {
	before = len(s.members)
	s.members = readMembers(s.members, value)
	return s.members[before:], before
}

func (s *scratch) back(before int) { s.members = s.members[:before] }

// appendCanonical appends a value with the members of every object in the order of their names, and without space. Strings and numbers stay as they are
// written: texts that differ never become one.
func (s *scratch) appendCanonical(b, value []byte) []byte { return s.appendOrdered(b, value, 0) }

func (s *scratch) appendOrdered(b, value []byte, depth int) []byte {
	switch {
	case len(value) > 0 && value[0] == '{' && depth < maxNesting:
		members, before := s.object(value)
		b = s.appendMembers(b, members, depth)
		s.back(before)
		return b
	case len(value) > 0 && value[0] == '[' && depth < maxNesting:
		before := len(s.items)
		s.items, _ = readItems(s.items, value)
		b = append(b, '[')
		for i, item := range s.items[before:] {
			if i > 0 {
				b = append(b, ',')
			}
			b = s.appendOrdered(b, item, depth+1)
		}
		s.items = s.items[:before]
		return append(b, ']')
	}
	return append(b, value...)
}

// appendMembers appends the object with the members, which it puts into order.
func (s *scratch) appendMembers(b []byte, members []member, depth int) []byte {
	sortMembers(members)
	b = append(b, '{')
	for i, m := range members {
		if i > 0 {
			b = append(b, ',')
		}
		b = append(append(append(b, '"'), m.name...), '"', ':')
		b = s.appendOrdered(b, m.value, depth+1)
	}
	return append(b, '}')
}

// typenameOf returns the type of a representation with the members, quotes left out.
func typenameOf(members []member) []byte {
	for _, m := range members {
		if string(m.name) == "__typename" && len(m.value) >= 2 && m.value[0] == '"' {
			return m.value[1 : len(m.value)-1]
		}
	}
	return nil
}
