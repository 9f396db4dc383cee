package logtext

import "unicode/utf8"

// What tells a terminal to do things (ECMA-48, and what xterm adds): ESC and one character, control sequences (ESC [ ... letter), and strings (ESC ] ... BEL, for titles
// and links). All are left out; those that move the cursor within the line, erase or hide are obeyed. The end of a line ends each, so that one that is not ended, or
// cut off, takes no more than its line.

const (
	// maxSequence is how many characters a control sequence can have. What is longer is none; the rest of it is text.
	maxSequence = 256
	// maxString likewise, of a string: links are the longest that there are.
	maxString = 8 << 10
	// maxNumber is the greatest number in a sequence.
	maxNumber = 1 << 20
)

type state uint8

const (
	ground state = iota
	escaped
	intermediate // ESC and what needs one more character
	sequence
	inString
	stringEscaped // ESC in a string
)

// escape is where in such a sequence one is.
type escape struct {
	state   state
	length  int
	numbers [16]int
	count   int  // of numbers that have begun
	private bool // the sequence means something that is not in the standard
}

const (
	bel = 0x07
	can = 0x18
	sub = 0x1a
	esc = 0x1b
	del = 0x7f
	dcs = 0x90 // these are ESC and a letter in one character
	sos = 0x98
	csi = 0x9b
	st  = 0x9c
	osc = 0x9d
	pm  = 0x9e
	apc = 0x9f
)

// take follows one character, which is no end of a line.
func (e *escape) take(r rune, c *Cleaner) {
	if e.state == ground && r >= ' ' && r < del { // nearly all
		c.screen.put(r)
		return
	}
	switch {
	case r == can || r == sub:
		e.state = ground
		return
	case r == esc && e.state == inString:
		e.state = stringEscaped
		return
	case r == esc:
		*e = escape{state: escaped}
		return
	}
	switch e.state {
	case ground:
		e.plain(r, c)
	case escaped:
		e.letter(r, c)
	case intermediate:
		if e.length++; r >= '0' || e.length > maxSequence {
			e.state = ground
		}
		if r >= del {
			e.take(r, c)
		}
	case sequence:
		e.inSequence(r, c)
	case inString:
		if e.length++; r == bel || r == st {
			e.state = ground
		} else if e.length > maxString {
			e.state = ground
			e.take(r, c)
		}
	case stringEscaped:
		*e = escape{state: escaped}
		if r != '\\' {
			e.take(r, c)
		} else {
			e.state = ground
		}
	}
}

// plain takes what is not in a sequence.
func (e *escape) plain(r rune, c *Cleaner) {
	s := &c.screen
	switch {
	case r == '\r':
		c.settings.Format.returned(s)
		s.move(0)
	case r == '\b':
		s.move(s.at - 1)
	case r == '\t':
		s.put(r)
	case r < ' ', r == del, r == '\uFEFF': // a mark of byte order is not shown
	case r < 0xa0 && r > del:
		e.begin(r)
	case r >= '\u202A' && r <= '\u202E', r >= '\u2066' && r <= '\u2069': // they have text look other than it is
		s.put(utf8.RuneError)
	case r == '\u2028', r == '\u2029': // some end lines there
		s.put(' ')
	default:
		s.put(r)
	}
}

// begin begins a sequence by its one character.
func (e *escape) begin(r rune) {
	switch r {
	case csi:
		*e = escape{state: sequence}
	case osc, dcs, sos, pm, apc:
		*e = escape{state: inString}
	}
}

// letter takes the character after ESC.
func (e *escape) letter(r rune, c *Cleaner) {
	switch {
	case r >= '@' && r <= '_': // the other way to write what is one character
		e.state = ground
		e.begin(r + 0x40)
	case r >= '0' && r < del:
		e.state = ground
	case r >= ' ' && r < '0':
		e.state = intermediate
	case r >= del:
		e.state = ground
		e.take(r, c)
	}
}

// inSequence takes what is in a control sequence.
func (e *escape) inSequence(r rune, c *Cleaner) {
	e.length++
	switch {
	case e.length > maxSequence, r >= del:
		e.state = ground
		e.take(r, c)
	case r >= '@':
		e.state = ground
		e.obey(r, c)
	case r >= '0' && r <= '9':
		e.count = max(e.count, 1)
		if e.count <= len(e.numbers) {
			n := &e.numbers[e.count-1]
			*n = min(*n*10+int(r-'0'), maxNumber)
		}
	case r == ';' || r == ':':
		e.count = max(e.count, 1) + 1
	case r >= ' ': // a mark that it is private, or an intermediate character
		e.private = true
	}
}

// number is the first number, or what is meant where there is none.
func (e *escape) number(none int) int {
	if e.count == 0 || e.numbers[0] == 0 {
		return none
	}
	return e.numbers[0]
}

// obey does what a control sequence says that ends in the letter.
func (e *escape) obey(letter rune, c *Cleaner) {
	s := &c.screen
	if e.private {
		return
	}
	switch letter {
	case 'K', 'J':
		s.erase(e.number(0))
	case 'G':
		s.move(e.number(1) - 1)
	case 'C':
		s.move(s.at + e.number(1))
	case 'D':
		s.move(s.at - e.number(1))
	case 'm':
		for i := range min(max(e.count, 1), len(e.numbers)) {
			switch e.numbers[i] {
			case 38, 48, 58:
				return // what follows is a colour
			case 8:
				s.hidden = true
			case 0, 28:
				s.hidden = false
			}
		}
	}
}
