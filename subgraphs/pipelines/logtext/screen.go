package logtext

import (
	"strings"
	"unicode/utf8"
)

// screen is one line of a terminal, as wide as a line may be long. Of what is beyond only the bytes are counted.
type screen struct {
	width     int
	cells     []rune
	at        int  // the column of the cursor
	most      int  // columns that were written to
	over      int  // bytes beyond the width
	changed   bool // something was written over or erased
	hidden    bool // what is written is not shown
	machinery bool // a CI system's own was on it
}

func (s *screen) reset() { *s = screen{width: s.width, cells: s.cells[:0]} }

// put writes a character.
func (s *screen) put(r rune) {
	if s.hidden {
		return
	}
	if s.at < len(s.cells) {
		s.cells[s.at] = r
		s.at++
		s.changed = true
		return
	}
	for len(s.cells) < s.width && len(s.cells) < s.at {
		s.cells = append(s.cells, ' ')
	}
	if s.at < s.width {
		s.cells = append(s.cells, r)
	} else if s.at >= s.most {
		s.over += utf8.RuneLen(r)
	}
	s.at++
	s.most = max(s.most, s.at)
}

// move puts the cursor into a column; none is far beyond the width.
func (s *screen) move(column int) {
	s.at = min(max(column, 0), max(s.width, s.most))
}

// erase clears from the cursor to the end of the line (0), from its beginning to the cursor (1), or all of it (2).
func (s *screen) erase(what int) {
	s.changed = true
	switch what {
	case 0:
		s.cells = s.cells[:min(s.at, len(s.cells))]
		if s.at <= s.width {
			s.most, s.over = s.at, 0
		}
	case 1:
		for i := range min(s.at+1, len(s.cells)) {
			s.cells[i] = ' '
		}
	case 2:
		s.cells, s.most, s.over = s.cells[:0], 0, 0
	}
}

// text is what is seen, and how many bytes more there would be.
func (s *screen) text() (string, int) {
	var b strings.Builder
	b.Grow(len(s.cells))
	for _, r := range s.cells {
		b.WriteRune(r)
	}
	text := b.String()
	if s.changed && s.over == 0 {
		text = strings.TrimRight(text, " ")
	}
	return text, s.over
}
