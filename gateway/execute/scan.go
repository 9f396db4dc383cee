package execute

import (
	"encoding/binary"
	"fmt"
	"math/bits"
	"unicode/utf8"
)

// scanner reads JSON and checks all of it, because the bytes of values go to clients as they are: a string with a control character or
// broken UTF-8, or a number that is not JSON's, never passes.
type scanner struct {
	data   []byte
	pos    int
	depth  int
	answer uint16
}

// maxNesting bounds how deep values are nested: far beyond any answer, far below what a goroutine's stack holds.
const maxNesting = 500

// peek skips space and returns the first byte of what follows, 0 at the end.
func (s *scanner) peek() byte {
	if s.pos < len(s.data) && s.data[s.pos] > ' ' {
		return s.data[s.pos]
	}
	return s.space()
}

func (s *scanner) space() byte {
	for ; s.pos < len(s.data); s.pos++ {
		switch c := s.data[s.pos]; c {
		case ' ', '\t', '\n', '\r':
		default:
			return c
		}
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
	if end := s.pos + len(text); end <= len(s.data) && string(s.data[s.pos:end]) == text {
		s.pos = end
		return true
	}
	return false
}

// open reads the bracket that opens an object or a list, and the one that closes it where it is empty.
func (s *scanner) open(bracket byte) (empty bool, err error) {
	if s.peek() != bracket {
		return false, s.unexpected()
	}
	s.pos++
	if s.peek() == bracket+2 { // in ASCII, both kinds of brackets are two apart
		s.pos++
		return true, nil
	}
	if s.depth++; s.depth > maxNesting {
		return false, fmt.Errorf("values are nested more than %d levels deep", maxNesting)
	}
	return false, nil
}

// more reads what follows a member or an item: a comma, or the bracket that closes the object or list.
func (s *scanner) more(bracket byte) (bool, error) {
	switch s.peek() {
	case ',':
		s.pos++
		return true, nil
	case bracket + 2:
		s.pos++
		s.depth--
		return false, nil
	}
	return false, s.unexpected()
}

// key reads the key of a member, and the colon. The key comes without quotes, escapes as they stand.
func (s *scanner) key() ([]byte, error) {
	if s.peek() != '"' {
		return nil, s.unexpected()
	}
	start := s.pos
	if err := s.str(); err != nil {
		return nil, err
	}
	key := s.data[start+1 : s.pos-1]
	if s.peek() != ':' {
		return nil, s.unexpected()
	}
	s.pos++
	return key, nil
}

// members reads an object, calling member with each key when its value comes next.
func (s *scanner) members(member func(key []byte) error) error {
	empty, err := s.open('{')
	for more := !empty; more && err == nil; {
		var key []byte
		if key, err = s.key(); err == nil {
			if err = member(key); err == nil {
				more, err = s.more('{')
			}
		}
	}
	return err
}

// items reads a list, calling item when each value comes next.
func (s *scanner) items(item func() error) error {
	empty, err := s.open('[')
	for more := !empty; more && err == nil; {
		if err = item(); err == nil {
			more, err = s.more('[')
		}
	}
	return err
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

const (
	eachByte = 0x0101010101010101
	highBits = 0x8080808080808080
)

// special marks the bytes of eight that are not plain: a quote, a backslash, a control character or not ASCII. The lowest bit set is that of the first;
// bits above it may be wrong, as a subtraction borrows from the byte after one that is.
func special(x uint64) uint64 {
	quote := (x ^ '"'*eachByte) - eachByte
	escape := (x ^ '\\'*eachByte) - eachByte
	control := x - ' '*eachByte
	return (quote | escape | control | x) & highBits
}

// str reads a string: sixteen bytes at a time, as long as they are plain.
func (s *scanner) str() error {
	data := s.data
	i := s.pos + 1
	for ; i+16 <= len(data); i += 16 {
		first := special(binary.LittleEndian.Uint64(data[i:]))
		second := special(binary.LittleEndian.Uint64(data[i+8:]))
		if first|second == 0 {
			continue
		}
		if first != 0 {
			i += bits.TrailingZeros64(first) >> 3
		} else {
			i += 8 + bits.TrailingZeros64(second)>>3
		}
		if data[i] == '"' {
			s.pos = i + 1
			return nil
		}
		break
	}
	return s.restOfString(i)
}

// restOfString reads a string from the position on, up to which it is plain.
func (s *scanner) restOfString(i int) error {
	start := s.pos
	ascii := true
	for i < len(s.data) {
		switch c := s.data[i]; {
		case c == '"':
			s.pos = i + 1
			if !ascii && !utf8.Valid(s.data[start:s.pos]) {
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
			ascii = ascii && c < utf8.RuneSelf
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
	data := s.data
	i := s.pos
	digits := func() bool {
		start := i
		for i < len(data) && data[i]-'0' <= 9 {
			i++
		}
		return i > start
	}
	at := func(c byte) bool { return i < len(data) && data[i] == c }
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
