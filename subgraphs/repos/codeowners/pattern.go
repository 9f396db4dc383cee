package codeowners

import (
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"
)

// pattern is a gitignore pattern, with GitHub's exceptions: no negation, no character ranges, and a last "*" after a slash
// reaches one level only.
//
//	*.go          files of that name anywhere
//	/build/       everything below build at the top, but no file of that name
//	docs          what is called so anywhere, and everything below it
//	a/**/b        b below a, with any folders between them, or none
//	docs/*        what lies in docs at the top, and nothing below that
type pattern struct {
	segments []string // "**" stands for any number of segments
	folder   bool     // it ends with a slash: only folders match it
	shallow  bool     // what lies below a match does not match
}

func compile(text string) (pattern, error) {
	switch {
	case strings.HasPrefix(text, "!"):
		return pattern{}, errors.New("a pattern cannot be negated; write a later rule for what is excepted")
	case strings.ContainsAny(text, "[]"):
		if strings.HasPrefix(text, "[") || strings.HasPrefix(text, "^[") {
			return pattern{}, errors.New("sections are not understood; write rules only")
		}
		return pattern{}, fmt.Errorf("pattern %q has a character range, which is not understood; write one rule for each", shorten(text))
	case strings.HasPrefix(text, `\#`):
		return pattern{}, errors.New(`a pattern cannot start with "#", with or without a backslash`)
	}
	p := pattern{folder: strings.HasSuffix(text, "/")}
	trimmed := strings.TrimSuffix(text, "/")
	anchored := strings.Contains(trimmed, "/")
	trimmed = strings.TrimPrefix(trimmed, "/")
	if trimmed == "" {
		if text == "/" {
			return pattern{}, errors.New(`pattern "/" matches nothing; write "*" for everything`)
		}
		return pattern{}, fmt.Errorf("pattern %q has no name between its slashes", shorten(text))
	}
	parts := strings.Split(trimmed, "/")
	for i, part := range parts {
		switch {
		case part == "":
			return pattern{}, fmt.Errorf("pattern %q has two slashes in a row", shorten(text))
		case part == "**" && i > 0 && parts[i-1] == "**":
			continue // means the same twice
		}
		p.segments = append(p.segments, part)
	}
	last := len(p.segments) - 1
	switch {
	case p.segments[last] == "**" && anchored: // everything inside, but not the folder itself
		p.segments = append(p.segments, "*")
	case p.segments[last] == "**":
		p.segments[last] = "*"
	case p.segments[last] == "*" && anchored && !p.folder:
		p.shallow = true
	}
	if !anchored {
		p.segments = append([]string{"**"}, p.segments...)
	}
	return p, nil
}

// matcher matches paths, as long as it has steps left. Once it has none, what it says means nothing.
type matcher struct{ left int }

// matches reports whether the pattern matches the path, or a folder the path lies in.
func (m *matcher) matches(p pattern, path []string, isFolder bool) bool {
	if p.shallow {
		return m.segments(p.segments, path, false)
	}
	if p.folder {
		if isFolder && m.segments(p.segments, path, false) {
			return true
		}
		return len(path) > 1 && m.segments(p.segments, path[:len(path)-1], true)
	}
	return m.segments(p.segments, path, true)
}

// segments reports whether the pattern matches the whole path, or with prefix the beginning of it. Going back to the last
// "**" is enough, as an earlier one could only take what a later one can take as well; so the work is at most the product of
// the two lengths.
func (m *matcher) segments(pattern, path []string, prefix bool) bool {
	p, s := 0, 0
	star, mark := -1, 0
	for {
		if m.left--; m.left <= 0 {
			return false
		}
		switch {
		case p == len(pattern) && (prefix || s == len(path)):
			return true
		case p < len(pattern) && pattern[p] == "**":
			star, mark = p, s
			p++
			continue
		case p < len(pattern) && s < len(path) && m.segment(pattern[p], path[s]):
			p++
			s++
			continue
		}
		if star < 0 || mark >= len(path) {
			return false
		}
		mark++
		p, s = star+1, mark
	}
}

// segment reports whether a pattern without slashes matches a name: "*" any characters, "?" one, and a backslash takes
// the meaning from what follows.
func (m *matcher) segment(pattern, name string) bool {
	p, s := 0, 0
	star, mark := -1, 0
	for p < len(pattern) || s < len(name) {
		if m.left--; m.left <= 0 {
			return false
		}
		if p < len(pattern) {
			switch c := pattern[p]; {
			case c == '*':
				star, mark = p, s
				p++
				continue
			case c == '?' && s < len(name):
				_, size := utf8.DecodeRuneInString(name[s:])
				p, s = p+1, s+size
				continue
			case c == '\\' && p+1 < len(pattern):
				if s < len(name) && pattern[p+1] == name[s] {
					p, s = p+2, s+1
					continue
				}
			case s < len(name) && c == name[s] && c != '?':
				p, s = p+1, s+1
				continue
			}
		}
		if star < 0 || mark >= len(name) {
			return false
		}
		mark++
		p, s = star+1, mark
	}
	return true
}
