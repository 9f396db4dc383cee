package logtext

import (
	"bytes"
	"strings"
	"time"
	"unicode/utf8"
)

// longMarker is as long as any marker at the beginning of a line, so that a line is not cut before its marker is read.
const longMarker = 64

// markers are what GitHub's runner writes at the beginning of lines, between "##[" and "]".
var markers = map[string]struct {
	level Level
	drop  bool // the line is nothing else
}{
	"group": {}, "section": {}, "command": {}, "notice": {}, "debug": {},
	"error": {level: Error}, "warning": {level: Warning},
	"endgroup": {drop: true}, "add-matcher": {drop: true}, "remove-matcher": {drop: true},
}

// read takes what the CI system wrote off a line, of which the text may be not the whole.
func (f Format) read(text string, whole bool) (rest string, level Level, drop bool) {
	switch f {
	case GitHub:
		name, found := strings.CutPrefix(text, "##[")
		if !found {
			return text, Unmarked, false
		}
		name, rest, found = strings.Cut(name, "]")
		if m, known := markers[name]; found && known {
			return rest, m.level, m.drop
		}
	case GitLab:
		if name, found := strings.CutPrefix(text, "section_"); found && whole && isSection(name) {
			return "", Unmarked, true
		}
		if strings.HasPrefix(text, "ERROR: Job failed") { // the runner's last word
			return text, Error, false
		}
	}
	return text, Unmarked, false
}

// returned is for a carriage return: with it GitLab's runner has the terminal write over what is for machines alone.
func (f Format) returned(s *screen) {
	const begin = "section_"
	if f != GitLab || s.over > 0 || len(s.cells) < len(begin) || s.cells[0] != 's' || string(s.cells[:len(begin)]) != begin {
		return
	}
	if isSection(string(s.cells[len(begin):min(len(s.cells), len(begin)+maxSection+1)])) {
		s.erase(2)
		s.machinery = true
	}
}

// maxSection is the longest that GitLab's markers can be.
const maxSection = 512

// isSection says whether the text is the rest of a marker: "start:1796000000:my_section[collapsed=true]".
func isSection(text string) bool {
	if len(text) > maxSection {
		return false
	}
	text, found := strings.CutPrefix(text, "start:")
	if !found {
		if text, found = strings.CutPrefix(text, "end:"); !found {
			return false
		}
	}
	digits, name, found := strings.Cut(text, ":")
	if !found || digits == "" || strings.Trim(digits, "0123456789") != "" {
		return false
	}
	if open := strings.IndexByte(name, '['); open >= 0 && strings.HasSuffix(name, "]") {
		name = name[:open]
	}
	return name != "" && !strings.ContainsFunc(name, func(r rune) bool { return r <= ' ' || r >= utf8.RuneSelf || r == '[' || r == ']' })
}

// timeOf reads the time that a line begins with, and says how many bytes that takes, with the space after it. Where there is none, maybe says whether there could be
// one if the line went on.
func timeOf(b []byte) (n int, at time.Time, maybe bool) {
	const shape = "dddd-dd-ddTdd:dd:dd"
	for ; n < len(shape); n++ {
		if n == len(b) {
			return 0, at, true
		}
		if digit := b[n] >= '0' && b[n] <= '9'; shape[n] == 'd' && !digit || shape[n] != 'd' && shape[n] != b[n] {
			return 0, at, false
		}
	}
	if n < len(b) && b[n] == '.' {
		for n++; n < len(b) && b[n] >= '0' && b[n] <= '9'; n++ {
		}
	}
	if n > len(shape)+len(".123456789") || n < len(b) && b[n] != 'Z' {
		return 0, at, false
	}
	if n+1 >= len(b) {
		return 0, at, true
	}
	if end := b[n+1]; end != ' ' && end != '\r' && end != '\n' {
		return 0, at, false
	}
	at, err := time.Parse(time.RFC3339Nano, string(b[:n+1]))
	if err != nil {
		return 0, time.Time{}, false
	}
	if b[n+1] == ' ' {
		return n + 2, at, true
	}
	return n + 1, at, true
}

// streamOf is how many bytes after a time say by which way GitLab's runner got the line: "00O " for the first one's output, "01E+" for the second one's errors that go
// on after what was there before.
func streamOf(b []byte) int {
	const shape = 4
	if len(b) < shape || !hex(b[0]) || !hex(b[1]) || b[2] != 'O' && b[2] != 'E' || b[3] != ' ' && b[3] != '+' {
		return 0
	}
	return shape
}

func hex(c byte) bool { return c >= '0' && c <= '9' || c >= 'a' && c <= 'f' }

// start is the beginning of a line, while it may be a time.
type start struct {
	open bool
	text []byte
	read bool // there was a time; now comes what GitLab's runner writes after it
}

func (s *start) reset(of Settings) { *s = start{open: of.Times, text: s.text[:0]} }

// give gives back what is no time after all.
func (s *start) give() string {
	s.open = false
	return string(s.text)
}

// take takes a character. It returns what is no part of a time after all, and whether the character itself is none.
func (s *start) take(r rune, c *Cleaner) (rest string, again bool) {
	if r == '\uFEFF' && len(s.text) == 0 && !s.read {
		return "", false // GitHub's logs begin with it
	}
	if r >= utf8.RuneSelf {
		return s.give(), true
	}
	s.text = append(s.text, byte(r))
	if s.read {
		return s.stream()
	}
	n, at, maybe := timeOf(s.text)
	switch {
	case n > 0:
		c.at = at
		s.text = bytes.Clone(s.text[n:])
		if s.open = c.settings.Format == GitLab && r == ' '; s.open {
			s.read = true
			return "", false
		}
		return "", r != ' '
	case maybe:
		return "", false
	}
	s.text = s.text[:len(s.text)-1]
	return s.give(), true
}

// stream takes the characters after the time.
func (s *start) stream() (rest string, again bool) {
	const shape = "00O "
	if streamOf(s.text) > 0 {
		s.open = false
		return "", false
	}
	if n := len(s.text); n < len(shape) && streamOf(append(bytes.Clone(s.text), shape[n:]...)) > 0 {
		return "", false
	}
	last := len(s.text) - 1
	s.text = s.text[:last]
	return s.give(), true
}
