// Package glob finds the files that patterns stand for: a tree and a pattern go in, the files come out, sorted. What the names of a path may be is said
// as in shells: * is anything within a name, ? one character, [a-z] one of these and [!a-z] one of the others; {a,b} stands for either, and ** for any
// number of folders.
//
// The one rule: a pattern stands for the same files on a disk, which is looked into folder by folder, and in a list of paths that a host gave.
//
// What is in .git and node_modules is found only where a pattern names these. Open this file first; name.go has what one name must match, files.go the
// tree of a list.
package glob

import (
	"slices"
	"strings"
)

// Limits of one pattern: what it may match, and how many folder entries it may look at to find that.
const (
	MaxMatches = 10_000
	MaxEntries = 200_000
)

const (
	// maxAlternatives bounds what the {a,b} of one pattern are expanded to. Further ones are left out.
	maxAlternatives = 256
	// maxPattern is longer than any path that systems take, in bytes.
	maxPattern = 8192
)

// Tree is what is searched. Its paths have slashes.
type Tree interface {
	// Look tells whether there is something at a path, and whether that is a folder.
	Look(path string) (folder, there bool)
	// Folder returns what is in a folder; nothing and false where it cannot be read.
	Folder(path string) ([]Entry, bool)
}

// Entry is something in a folder.
type Entry struct {
	Name   string
	Folder bool
}

// Found is what a pattern stands for.
type Found struct {
	Files   []string // sorted
	Folders []string // that were read to find them
	Stopped bool     // at a limit: there may be more
}

// Is tells whether a path is a pattern.
func Is(path string) bool { return strings.ContainsAny(path, "*?[{") }

// Find searches a folder, whose own name is no pattern, for what a pattern stands for. That lies below the folder, whatever the pattern.
func Find(tree Tree, folder, pattern string) Found {
	if len(pattern) > maxPattern {
		return Found{}
	}
	s := search{tree: tree}
	for _, alternative := range braces(pattern) {
		if names, ok := names(alternative); ok {
			s.walk(folder, names)
		}
	}
	slices.Sort(s.found.Files)
	s.found.Files = slices.Compact(s.found.Files)
	return s.found
}

// names takes a pattern apart. One that goes up stands for nothing: it could only be seen for that once its braces are expanded.
func names(pattern string) (out []Name, ok bool) {
	for part := range strings.SplitSeq(pattern, "/") {
		switch n := NewName(part); {
		case part == "..":
			return nil, false
		case part == "" || part == ".":
		case n.Deep && len(out) > 0 && out[len(out)-1].Deep:
		default:
			out = append(out, n)
		}
	}
	return out, len(out) > 0
}

// search is the search for one pattern.
type search struct {
	tree    Tree
	found   Found
	entries int
}

func (s *search) walk(at string, names []Name) {
	first, last := names[0], len(names) == 1
	if first.Literal { // go down without reading the folders on the way
		below := join(at, first.text)
		switch folder, there := s.tree.Look(below); {
		case !there:
		case !last && folder:
			s.walk(below, names[1:])
		case last && !folder:
			s.match(below)
		}
		return
	}
	entries, ok := s.tree.Folder(at)
	if !ok {
		return
	}
	s.found.Folders = append(s.found.Folders, at)
	if first.Deep && !last {
		s.walk(at, names[1:])
	}
	for _, entry := range entries {
		if s.entries++; s.entries > MaxEntries || s.found.Stopped {
			s.found.Stopped = true
			return
		}
		below := join(at, entry.Name)
		switch {
		case entry.Name == ".git" || entry.Name == "node_modules":
		case first.Deep && entry.Folder:
			s.walk(below, names)
		case first.Deep && last:
			s.match(below)
		case first.Deep || !first.Matches(entry.Name):
		case last && !entry.Folder:
			s.match(below)
		case !last && entry.Folder:
			s.walk(below, names[1:])
		}
	}
}

// join is path.Join for one plain name: a search does little else.
func join(folder, name string) string {
	if folder == "" || folder == "/" {
		return folder + name
	}
	return folder + "/" + name
}

func (s *search) match(path string) {
	if len(s.found.Files) >= MaxMatches {
		s.found.Stopped = true
		return
	}
	s.found.Files = append(s.found.Files, path)
}

// braces expands {a,b} into one pattern for each alternative.
func braces(pattern string) []string {
	done, todo := []string{}, []string{pattern}
	for len(todo) > 0 && len(done) < maxAlternatives {
		pattern := todo[0]
		todo = todo[1:]
		before, rest, opened := strings.Cut(pattern, "{")
		inner, after, closed := strings.Cut(rest, "}")
		if !opened || !closed {
			done = append(done, pattern)
			continue
		}
		var next []string
		for alternative := range strings.SplitSeq(inner, ",") {
			if next = append(next, before+alternative+after); len(next) == maxAlternatives {
				break
			}
		}
		todo = append(next, todo[:min(len(todo), maxAlternatives)]...)
	}
	return done
}
