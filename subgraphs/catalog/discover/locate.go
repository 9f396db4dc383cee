package discover

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"callboard.dev/callboard/subgraphs/catalog/descriptor"
	"callboard.dev/callboard/subgraphs/catalog/glob"
)

var remote = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9+.-]+://`)

// collect returns the files the catalog is made of, in the order in which they were reached: those found by name, those that
// were registered, then what Locations in them name, and so on. A file that is reached twice, on whatever path, is taken once,
// which also ends cycles of Locations.
func (s *survey) collect() []*file {
	s.located = nil
	s.globbed = false
	s.beside = map[string]bool{}
	var level []wanted
	for _, name := range slices.Sorted(maps.Keys(s.tree)) {
		for _, origin := range s.tree[name].descriptors {
			level = append(level, wanted{path: strings.TrimPrefix(origin, "file:"), origin: origin, found: true})
		}
	}
	for _, target := range s.locations {
		issue := descriptor.Issue{File: target, Document: -1}
		for _, path := range s.expand(target, issue) {
			level = append(level, wanted{path: path, origin: "file:" + target})
		}
	}
	var out []*file
	seen, seenReal := map[string]bool{}, map[string]bool{}
	for registered := true; len(level) > 0; registered = false {
		level = slices.DeleteFunc(level, func(w wanted) bool {
			was := seen[w.path]
			seen[w.path] = true
			return was
		})
		s.load(level)
		var next []wanted
		for _, w := range level {
			f := s.files[w.path]
			if f == nil { // stopped halfway
				continue
			}
			if f.missing {
				if registered && !w.found {
					s.located = append(s.located, descriptor.Issue{
						Severity: descriptor.SeverityError, Rule: "location-missing", File: w.path, Document: -1,
						Message: "the registered location is not there; create the file or remove the location",
					})
				}
				continue
			}
			if seenReal[f.real] && f.real != "" {
				continue
			}
			seenReal[f.real] = true
			out = append(out, f)
			next = append(next, s.targets(f)...)
		}
		level = next
	}
	for path := range s.files {
		if !seen[path] {
			delete(s.files, path)
		}
	}
	for path := range s.dirty {
		if !seen[path] {
			delete(s.dirty, path)
		}
	}
	return out
}

// targets returns the files that the Locations of a file name.
func (s *survey) targets(f *file) []wanted {
	var out []wanted
	for i, entity := range f.Entities {
		if entity == nil || entity.Kind != "Location" {
			continue
		}
		kind, _ := entity.Spec["type"].(string)
		presence, _ := entity.Spec["presence"].(string)
		for _, target := range f.Documents[i].Targets {
			issue := descriptor.Issue{
				Severity: descriptor.SeverityWarning, File: f.path, Document: entity.Source.Document, Line: target.Line, Ref: entity.Ref,
			}
			switch {
			case s.elsewhere[target.Text]: // it is served anyway
				continue
			case kind == "url" || remote.MatchString(target.Text):
				issue.Rule = "location-remote"
				issue.Message = fmt.Sprintf("the target %q is remote, and a file on disk leads to files on disk alone; have a source search its repository, or check that out below a searched folder", target.Text)
				s.located = append(s.located, issue)
				continue
			case kind != "" && kind != "file":
				issue.Rule = "location-type"
				issue.Message = fmt.Sprintf("targets of type %q are not read; write type: file, or leave the type out", kind)
				s.located = append(s.located, issue)
				continue
			}
			name := filepath.FromSlash(target.Text)
			if !filepath.IsAbs(name) {
				name = filepath.Join(filepath.Dir(f.path), name)
			}
			name = filepath.Clean(name)
			if root := s.checkoutOf(f.path); strings.ContainsRune(name, 0) || !s.mayRead(name, root) {
				issue.Rule = "location-outside"
				issue.Message = fmt.Sprintf("the target %q lies outside the checkout %s and the configured folders, and is not read; move it, or register it", target.Text, root)
				s.located = append(s.located, issue)
				continue
			}
			matches := s.expand(name, issue)
			for _, path := range matches {
				if s.absent(path) {
					if presence != "optional" {
						issue.Rule = "location-target-missing"
						issue.Message = fmt.Sprintf("the target %q is not there; create it, correct the path, or write presence: optional", target.Text)
						s.located = append(s.located, issue)
					}
				}
				out = append(out, wanted{path: path, origin: f.origin})
			}
			if len(matches) == 0 && presence != "optional" {
				issue.Rule = "location-target-missing"
				issue.Message = fmt.Sprintf("nothing matches the target %q; correct the pattern, or write presence: optional", target.Text)
				s.located = append(s.located, issue)
			}
		}
	}
	return out
}

// absent tells whether a file is known not to be there, without asking the disk again for one that is known.
func (s *survey) absent(path string) bool {
	if known := s.files[path]; known != nil && s.dirty[path] == clean {
		return known.missing
	}
	return !exists(path)
}

// expand returns the files a path with wildcards matches, sorted, or the path itself where it has none or is there as it is.
func (s *survey) expand(name string, issue descriptor.Issue) []string {
	if !glob.Is(name) || exists(name) {
		return []string{name}
	}
	s.globbed = true
	found := glob.Find(disk{}, "/", filepath.ToSlash(name))
	if found.Stopped {
		issue.Severity, issue.Rule = descriptor.SeverityWarning, "location-glob-size"
		issue.Message = fmt.Sprintf("the pattern %q covers too much, and only a part was searched: at most %d files among %d entries; narrow it", name, glob.MaxMatches, glob.MaxEntries)
		s.located = append(s.located, issue)
	}
	for _, folder := range found.Folders {
		s.watchBeside(filepath.FromSlash(folder))
	}
	for i, match := range found.Files {
		found.Files[i] = filepath.FromSlash(match)
	}
	return found.Files
}

// disk is the tree that patterns are searched for in. A link to a folder is none.
type disk struct{}

func (disk) Look(path string) (folder, there bool) {
	info, err := os.Stat(filepath.FromSlash(path))
	return err == nil && info.IsDir(), err == nil
}

func (disk) Folder(path string) ([]glob.Entry, bool) {
	entries, err := os.ReadDir(filepath.FromSlash(path))
	if err != nil {
		return nil, false
	}
	out := make([]glob.Entry, len(entries))
	for i, entry := range entries {
		out[i] = glob.Entry{Name: entry.Name(), Folder: entry.IsDir()}
	}
	return out, true
}
