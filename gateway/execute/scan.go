package execute

import (
	"bytes"
	"fmt"
	"unicode/utf8"
)

// scanner reads JSON and checks all of it, because the bytes of values go to clients as they are: a string with a control character or
// broken UTF-8, or a number that is not JSON's, never passes.
type scanner struct {
	data   []byte
	answer uint16
	pos    int
	depth  int
}

// maxNesting bounds how deep values are nested: far beyond any answer, far below what a goroutine's stack holds.
const maxNesting = 500

func (s *scanner) space() {
	for s.pos < len(s.data) {
		switch s.data[s.pos] {
		case ' ', '\t', '\n', '\r':
			s.pos++
		default:
			return
		}
	}
}

// peek returns the first byte of the next value, 0 at the end.
func (s *scanner) peek() byte {
	s.space()
	if s.pos < len(s.data) {
		return s.data[s.pos]
	}
	return 0
}

func (s *scanner) unexpected() error {
	if s.pos >= len(s.data) {
		return fmt.Errorf("it ends too early")
	}
	return fmt.Errorf("unexpected %q at byte %d", s.data[s.pos], s.pos)
}

// end checks that nothing follows.
func (s *scanner) end() error {
	if s.peek() != 0 || s.pos < len(s.data) {
		return s.unexpected()
	}
	return nil
}

// null reads null if it comes next.
func (s *scanner) null() bool {
	return s.peek() == 'n' && s.literal("null")
}

func (s *scanner) literal(text string) bool {
	if bytes.HasPrefix(s.data[s.pos:], []byte(text)) {
		s.pos += len(text)
		return true
	}
	return false
}

// members reads an object, calling member with each key (without quotes, escapes as they stand) when its value comes next.
func (s *scanner) members(member func(key []byte) error) error {
	if s.peek() != '{' {
		return s.unexpected()
	}
	if s.depth++; s.depth > maxNesting {
		return fmt.Errorf("values are nested more than %d levels deep", maxNesting)
	}
	s.pos++
	if s.peek() == '}' {
		s.pos++
		s.depth--
		return nil
	}
	for {
		if s.peek() != '"' {
			return s.unexpected()
		}
		start := s.pos
		if err := s.str(); err != nil {
			return err
		}
		key := s.data[start+1 : s.pos-1]
		if s.peek() != ':' {
			return s.unexpected()
		}
		s.pos++
		if err := member(key); err != nil {
			return err
		}
		switch s.peek() {
		case ',':
			s.pos++
		case '}':
			s.pos++
			s.depth--
			return nil
		default:
			return s.unexpected()
		}
	}
}

// items reads a list, calling item when each value comes next.
func (s *scanner) items(item func() error) error {
	if s.peek() != '[' {
		return s.unexpected()
	}
	if s.depth++; s.depth > maxNesting {
		return fmt.Errorf("values are nested more than %d levels deep", maxNesting)
	}
	s.pos++
	if s.peek() == ']' {
		s.pos++
		s.depth--
		return nil
	}
	for {
		if err := item(); err != nil {
			return err
		}
		switch s.peek() {
		case ',':
			s.pos++
		case ']':
			s.pos++
			s.depth--
			return nil
		default:
			return s.unexpected()
		}
	}
}

// skip reads any value.
func (s *scanner) skip() error {
	switch c := s.peek(); {
	case c == '"':
		return s.str()
	case c == '{':
		return s.members(func([]byte) error { return s.skip() })
	case c == '[':
		return s.items(s.skip)
	case c == '-' || c >= '0' && c <= '9':
		return s.number()
	case c == 't' && s.literal("true"), c == 'f' && s.literal("false"), c == 'n' && s.literal("null"):
		return nil
	}
	return s.unexpected()
}

// str reads a string.
func (s *scanner) str() error {
	start := s.pos
	i := start + 1
	for i < len(s.data) {
		switch c := s.data[i]; {
		case c == '"':
			s.pos = i + 1
			if !utf8.Valid(s.data[start:s.pos]) {
				return fmt.Errorf("the string at byte %d is not UTF-8", start)
			}
			return nil
		case c == '\\':
			if i+1 >= len(s.data) {
				return fmt.Errorf("it ends inside a string")
			}
			switch s.data[i+1] {
			case '"', '\\', '/', 'b', 'f', 'n', 'r', 't':
				i += 2
			case 'u':
				if i+6 > len(s.data) || !hex(s.data[i+2:i+6]) {
					return fmt.Errorf("a broken escape at byte %d", i)
				}
				i += 6
			default:
				return fmt.Errorf("a broken escape at byte %d", i)
			}
		case c < 0x20:
			return fmt.Errorf("a control character inside the string at byte %d", i)
		default:
			i++
		}
	}
	return fmt.Errorf("it ends inside a string")
}

func hex(digits []byte) bool {
	for _, c := range digits {
		if (c < '0' || c > '9') && (c < 'a' || c > 'f') && (c < 'A' || c > 'F') {
			return false
		}
	}
	return true
}

// number reads a number by JSON's grammar.
func (s *scanner) number() error {
	i := s.pos
	digits := func() bool {
		start := i
		for i < len(s.data) && s.data[i] >= '0' && s.data[i] <= '9' {
			i++
		}
		return i > start
	}
	at := func(c byte) bool { return i < len(s.data) && s.data[i] == c }
	if at('-') {
		i++
	}
	if at('0') {
		i++
	} else if !digits() {
		return s.unexpected()
	}
	if at('.') {
		i++
		if !digits() {
			return s.unexpected()
		}
	}
	if at('e') || at('E') {
		i++
		if at('+') || at('-') {
			i++
		}
		if !digits() {
			return s.unexpected()
		}
	}
	s.pos = i
	return nil
}
