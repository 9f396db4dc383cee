// Package patch reads what is changed in one file from a unified diff, as repository hosts give it: a text of anybody's goes in, and out come the pieces
// that differ, without the lines around them, as git diff -U0 has them.
//
// The one rule: a diff is taken whole or not at all. One that is cut off, or is not what its numbers say, has no pieces.
package patch

import (
	"strconv"
	"strings"
)

// Hunk is a piece that differs: BaseLines lines from BaseStart are replaced by HeadLines lines from HeadStart, counted from 1. Where a side has no lines, its
// start is the line before the piece, 0 at the beginning of a file.
type Hunk struct{ BaseStart, BaseLines, HeadStart, HeadLines int }

const (
	// maxHunks bounds the pieces of a file, by judgement: nobody's change is of more.
	maxHunks = 100_000
	// maxLine bounds the numbers of lines: more is an error of who wrote them.
	maxLine = 1 << 30
)

// Hunks returns the pieces of a diff of one file, in order, and whether it could be read to its end. Lines before the first piece, which name the file, do not
// matter. An empty text has no pieces.
func Hunks(text string) ([]Hunk, bool) {
	r := reader{found: []Hunk{}}
	for line := range strings.Lines(text) {
		if !r.line(line) {
			return nil, false
		}
	}
	r.end()
	if r.baseLeft != 0 || r.headLeft != 0 || len(r.found) > maxHunks {
		return nil, false
	}
	return r.found, true
}

// reader is how far a diff is read.
type reader struct {
	found []Hunk
	begun bool // the first piece has
	// What its header promises of the piece that is read, and is still to come.
	baseLeft, headLeft int
	base, head         int  // the next lines of both sides
	open               Hunk // lines that differ, up to the next that is the same
}

func (r *reader) line(line string) bool {
	if r.baseLeft == 0 && r.headLeft == 0 {
		switch {
		case strings.HasPrefix(line, "@@ "):
			r.end()
			return r.header(line)
		case !r.begun:
			return true // it names the file
		}
		return line[0] == '\\' // "No newline at end of file"
	}
	switch line[0] {
	case ' ', '\n', '\r': // an empty line, of which some take away the space
		r.end()
		r.base, r.head, r.baseLeft, r.headLeft = r.base+1, r.head+1, r.baseLeft-1, r.headLeft-1
	case '-':
		r.start()
		r.open.BaseLines++
		r.base, r.baseLeft = r.base+1, r.baseLeft-1
	case '+':
		r.start()
		r.open.HeadLines++
		r.head, r.headLeft = r.head+1, r.headLeft-1
	case '\\':
	default:
		return false
	}
	return r.baseLeft >= 0 && r.headLeft >= 0 && len(r.found) <= maxHunks
}

// start notes where lines that differ begin.
func (r *reader) start() {
	if r.open.BaseLines == 0 && r.open.HeadLines == 0 {
		r.open.BaseStart, r.open.HeadStart = r.base, r.head
	}
}

// end adds the lines that differ as a piece. Those that follow on the piece before are more of it.
func (r *reader) end() {
	h := r.open
	r.open = Hunk{}
	if h.BaseLines == 0 && h.HeadLines == 0 {
		return
	}
	if n := len(r.found); n > 0 {
		last := &r.found[n-1]
		base, head := after(last.BaseStart, last.BaseLines), after(last.HeadStart, last.HeadLines)
		if h.BaseStart == base && h.HeadStart == head {
			h = Hunk{first(last.BaseStart, last.BaseLines), last.BaseLines + h.BaseLines, first(last.HeadStart, last.HeadLines), last.HeadLines + h.HeadLines}
			r.found = r.found[:n-1]
		}
	}
	if h.BaseLines == 0 {
		h.BaseStart--
	}
	if h.HeadLines == 0 {
		h.HeadStart--
	}
	r.found = append(r.found, h)
}

// first returns the line that a side of a piece begins with, or would.
func first(start, lines int) int {
	if lines == 0 {
		return start + 1
	}
	return start
}

// after returns the line after a side of a piece.
func after(start, lines int) int { return first(start, lines) + lines }

// header reads the line before a piece, such as "@@ -1,4 +1,5 @@ func main() {".
func (r *reader) header(line string) bool {
	fields := strings.Fields(line)
	if len(fields) < 4 || fields[0] != "@@" || fields[3] != "@@" {
		return false
	}
	base, baseLines, ok := span(fields[1], "-")
	if !ok {
		return false
	}
	head, headLines, ok := span(fields[2], "+")
	if !ok {
		return false
	}
	base, head = first(base, baseLines), first(head, headLines)
	if base < 1 || head < 1 || r.begun && (base < r.base || head < r.head || base-r.base != head-r.head) || !r.begun && base != head {
		return false // what lies between pieces is the same, so it is of one length
	}
	r.begun, r.base, r.head, r.baseLeft, r.headLeft = true, base, head, baseLines, headLines
	return true
}

// span reads a side of a header: "-12,3", or "-12" for one line.
func span(text, sign string) (start, lines int, ok bool) {
	text, ok = strings.CutPrefix(text, sign)
	if !ok {
		return 0, 0, false
	}
	first, count, counted := strings.Cut(text, ",")
	if start, ok = number(first); !ok {
		return 0, 0, false
	}
	if !counted {
		return start, 1, true
	}
	lines, ok = number(count)
	return start, lines, ok
}

// number reads digits alone.
func number(text string) (int, bool) {
	const digits = 10
	if text == "" || len(text) > digits || strings.Trim(text, "0123456789") != "" {
		return 0, false
	}
	n, err := strconv.Atoi(text)
	return n, err == nil && n <= maxLine
}
