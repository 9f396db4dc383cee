// Package logtext makes lines that are fit to show of what a build wrote. Untrusted bytes go in, in one piece or as they come; out come lines of text as one would see
// them on a terminal after the build: without colours and what moves the cursor, with only the last state of a progress bar, and with what a CI system says of them
// in its own way, such as that they are an error.
//
// The one rule: a line is valid UTF-8, holds no control character but tabs, is no longer than it may be, and never depends on where the bytes were cut.
//
// Start with Cleaner. screen.go is a line of a terminal; escape.go knows what tells a terminal to do things; vendor.go knows the CI systems; tail.go reads the end of
// what is long.
package logtext

import (
	"bytes"
	"fmt"
	"strings"
	"time"
	"unicode/utf8"
)

// Format is whose additions of its own a log has.
type Format uint8

// The formats.
const (
	Plain  Format = iota // nobody's
	GitHub               // of a job of GitHub Actions: "##[error]" and the like at the beginning of lines
	GitLab               // of a job of GitLab: "section_start:1796000000:name"
)

// Level is what the CI system, not the build, says of a line.
type Level string

// The levels.
const (
	Unmarked Level = ""
	Warning  Level = "warning"
	Error    Level = "error"
)

// Line is one line, fit to show.
type Line struct {
	At    time.Time // when it was written; zero where the log does not say, or Settings.Times does not ask
	Text  string
	Level Level
}

// Limits is how much is shown. A zero is the default.
type Limits struct {
	Line  int // bytes of one line; of a longer one the end is left out, and a mark says how much
	Lines int // of one window; the rest is left out, and one more line says how many
	Bytes int // of all lines of one window; likewise
}

// The defaults, by judgement: nobody reads more than that of a line, and what a page shows at once is less.
var defaults = Limits{Line: 4096, Lines: 10_000, Bytes: 1 << 20}

// mostAtOnce is for how many lines there is room from the beginning, at most.
const mostAtOnce = 1 << 15

// The least that limits can be: marks need room.
var least = Limits{Line: 64, Lines: 2, Bytes: 128}

func (l Limits) filled() Limits {
	for _, v := range []struct {
		limit       *int
		with, least int
	}{{&l.Line, defaults.Line, least.Line}, {&l.Lines, defaults.Lines, least.Lines}, {&l.Bytes, defaults.Bytes, least.Bytes}} {
		if *v.limit <= 0 {
			*v.limit = v.with
		}
		*v.limit = max(*v.limit, v.least)
	}
	l.Line = min(l.Line, l.Bytes)
	return l
}

// Settings is how a log is read. The zero value is right for one of which nothing is known.
type Settings struct {
	Format Format
	Times  bool // lines begin with times, such as "2026-11-27T10:00:00.1234567Z ", which are taken off
	Limits Limits
}

// Clean returns the lines of a text.
func Clean(text string, s Settings) []Line {
	c := NewCleaner(s)
	c.take([]byte(text))
	c.rest()
	return c.taken()
}

// Cleaner makes lines of bytes as they come. It is for one goroutine at a time.
type Cleaner struct {
	settings Settings
	screen   screen
	escape   escape
	broken   []byte // the beginning of a character of which the rest is to come
	start    start  // what there is of a line's beginning, where that may be a time
	at       time.Time
	begun    bool // the line has any bytes

	lines []Line
	size  int // bytes of lines
	left  int // lines that are left out
	last  int // how many lines are kept, where it is the last that are
}

// NewCleaner returns a Cleaner that was not fed yet.
func NewCleaner(s Settings) *Cleaner {
	s.Limits = s.Limits.filled()
	c := &Cleaner{settings: s, screen: screen{width: s.Limits.Line + longMarker}}
	c.begin()
	return c
}

// Feed takes the next bytes, and returns the lines that end in them.
func (c *Cleaner) Feed(window []byte) []Line {
	c.take(window)
	return c.taken()
}

// End says that no bytes will come, and returns the last line where it has no end.
func (c *Cleaner) End() []Line {
	c.rest()
	return c.taken()
}

// begin begins a line.
func (c *Cleaner) begin() {
	c.screen.reset()
	c.escape = escape{}
	c.start.reset(c.settings)
	c.at, c.begun = time.Time{}, false
}

func (c *Cleaner) take(b []byte) {
	if c.lines == nil {
		c.lines = make([]Line, 0, min(bytes.Count(b, []byte("\n"))+1, c.settings.Limits.Lines, mostAtOnce))
	}
	for len(b) > 0 {
		if !c.begun {
			if n := bytes.IndexByte(b, '\n'); n >= 0 && c.simple(b[:n]) {
				b = b[n+1:]
				continue
			}
		}
		b = b[c.some(b):]
	}
}

// simple takes a whole line that has nothing to interpret, and reports whether it is one.
func (c *Cleaner) simple(b []byte) bool {
	b = bytes.TrimSuffix(b, []byte("\r"))
	for _, ch := range b {
		if ch < ' ' && ch != '\t' || ch >= 0x7f {
			return false
		}
	}
	if c.settings.Times {
		n, at, maybe := timeOf(b)
		if maybe && n == 0 && len(b) > 0 {
			return false
		}
		c.at, b = at, b[n:]
		if n > 0 && c.settings.Format == GitLab {
			b = b[streamOf(b):]
		}
	}
	shown := b[:min(len(b), c.screen.width)]
	c.emit(string(shown), len(b)-len(shown), false)
	c.at = time.Time{}
	return true
}

// some takes some bytes, at least one, and at most to the end of a line.
func (c *Cleaner) some(b []byte) int {
	if len(c.broken) > 0 {
		c.broken = append(c.broken, b[0])
		if utf8.FullRune(c.broken) {
			all := c.broken
			c.broken = nil
			for len(all) > 0 {
				if !utf8.FullRune(all) {
					c.broken = all
					break
				}
				r, n := utf8.DecodeRune(all)
				c.character(r)
				all = all[n:]
			}
		}
		return 1
	}
	c.begun = true
	for i := 0; i < len(b); {
		if ch := b[i]; ch < utf8.RuneSelf {
			if n := c.run(b[i:]); n > 0 {
				i += n
				continue
			}
			i++
			if c.character(rune(ch)); ch == '\n' {
				return i
			}
			continue
		}
		if !utf8.FullRune(b[i:]) {
			c.broken = append([]byte(nil), b[i:]...)
			return len(b)
		}
		r, n := utf8.DecodeRune(b[i:])
		c.character(r)
		i += n
	}
	return len(b)
}

// run takes characters that do nothing but follow what is there, and returns how many. It is only for speed.
func (c *Cleaner) run(b []byte) (n int) {
	s := &c.screen
	if c.start.open || c.escape.state != ground || s.hidden || s.at != len(s.cells) {
		return 0
	}
	b = b[:min(len(b), s.width-s.at)]
	for n < len(b) && b[n] >= ' ' && b[n] < 0x7f {
		s.cells = append(s.cells, rune(b[n]))
		n++
	}
	s.at += n
	s.most = max(s.most, s.at)
	return n
}

// character takes one character: a line's beginning first, then what the terminal makes of it.
func (c *Cleaner) character(r rune) {
	if c.start.open {
		rest, again := c.start.take(r, c)
		for _, r := range rest {
			c.show(r)
		}
		if !again {
			return
		}
	}
	c.show(r)
}

func (c *Cleaner) show(r rune) {
	if r == '\n' {
		c.end()
		return
	}
	c.escape.take(r, c)
}

// end ends a line.
func (c *Cleaner) end() {
	text, over := c.screen.text()
	c.emit(text, over, c.screen.machinery)
	c.begin()
}

// rest ends a line that has no end.
func (c *Cleaner) rest() {
	for range c.broken {
		c.character(utf8.RuneError)
	}
	c.broken = nil
	if !c.begun {
		return
	}
	for _, r := range c.start.give() {
		c.show(r)
	}
	c.end()
}

// emit adds a line of which so many bytes more are left out already. One that only a CI system's machinery was on is not one.
func (c *Cleaner) emit(text string, over int, machinery bool) {
	text, level, drop := c.settings.Format.read(text, len(text)+over <= c.settings.Limits.Line)
	if drop || machinery && text == "" {
		return
	}
	text = cut(text, over, c.settings.Limits.Line)
	if c.last > 0 {
		if len(c.lines) >= 2*c.last {
			c.lines = append(c.lines[:0], c.lines[len(c.lines)-c.last:]...)
		}
		c.lines = append(c.lines, Line{c.at, text, level})
		return
	}
	if c.left > 0 || len(c.lines) >= c.settings.Limits.Lines || c.size+len(text) > c.settings.Limits.Bytes {
		c.left++
		return
	}
	c.size += len(text)
	c.lines = append(c.lines, Line{c.at, text, level})
}

// taken returns the lines there are, with a mark where some are left out.
func (c *Cleaner) taken() []Line {
	out := c.lines
	if c.left > 0 {
		mark := func() string { return fmt.Sprintf("[... %d lines left out ...]", c.left) }
		for len(out) > 0 && (len(out) >= c.settings.Limits.Lines || c.size+len(mark()) > c.settings.Limits.Bytes) {
			c.size -= len(out[len(out)-1].Text)
			out = out[:len(out)-1]
			c.left++
		}
		out = append(out, Line{Text: mark()})
	}
	c.lines, c.size, c.left = nil, 0, 0
	return out
}

// cut shortens a text after which there are so many bytes more, so that with a mark it is no longer than the limit.
func cut(text string, over, limit int) string {
	total := len(text) + over
	if total <= limit {
		return text
	}
	mark := func(left int) string { return fmt.Sprintf(" [... %d bytes left out ...]", left) }
	keep := min(limit-len(mark(total)), len(text))
	for keep > 0 && keep < len(text) && !utf8.RuneStart(text[keep]) {
		keep--
	}
	return strings.Clone(text[:keep]) + mark(total-keep)
}
