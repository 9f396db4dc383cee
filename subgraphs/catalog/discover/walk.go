package discover

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"unicode/utf8"

	"callboard.dev/callboard/subgraphs/catalog/descriptor"
)

// fileNames are the names that a descriptor is found by; a file of another name is read where a Location names it.
var fileNames = []string{"catalog-info.yaml", "catalog-info.yml"}

// folder is one folder that was looked into.
type folder struct {
	path        string
	folders     []string // below it, looked into too; sorted
	descriptors []string // "file:path", sorted; the path is a part of that text, and need not be kept twice
	inherited   []ignoreRule
	rules       []ignoreRule // for what is in it
	checkout    bool         // there is a .git in it
	issues      []descriptor.Issue
}

// walk looks into a folder and all below it that are not ignored. Symbolic links to folders are not followed, so there are no
// loops. Bare repositories have no files to find and are left out, as are .git, node_modules (packages bring the descriptors of
// their authors' organisations) and vendor where Go filled it (for the same reason).
func (s *survey) walk(path string, inherited []ignoreRule) {
	if s.tree[path] != nil || s.ctx.Err() != nil {
		return
	}
	f := &folder{path: path, inherited: inherited}
	s.tree[path] = f
	s.watch(path) // before reading, so that nothing falls between
	s.read(f)
	for _, name := range f.folders {
		s.walk(name, f.rules)
	}
}

// read fills in what is in the folder now.
func (s *survey) read(f *folder) {
	f.folders, f.descriptors, f.issues = nil, nil, nil
	entries, err := os.ReadDir(f.path)
	if err != nil {
		f.issues = append(f.issues, descriptor.Issue{
			Severity: descriptor.SeverityError, Rule: "folder-unreadable", File: printable(f.path), Document: -1,
			Message: "the folder cannot be read, so descriptors in it are not found: " + reason(err) + "; correct its path or its permissions",
		})
	}
	f.checkout = slices.ContainsFunc(entries, func(e fs.DirEntry) bool { return e.Name() == ".git" })
	if isBare(entries) {
		s.log.Debug("a bare repository has no work tree to search", "folder", f.path)
		return
	}
	f.rules = s.rulesOf(f)
	for _, entry := range entries {
		name := entry.Name()
		path := filepath.Join(f.path, name)
		switch {
		case name == ".git" || name == "node_modules":
		case entry.IsDir():
			if name == "vendor" && exists(filepath.Join(path, "modules.txt")) {
				continue
			}
			if !ignored(f.rules, path, true) {
				f.folders = append(f.folders, path)
			}
		case slices.Contains(fileNames, name) && !ignored(f.rules, path, false):
			if !utf8.ValidString(path) {
				f.issues = append(f.issues, descriptor.Issue{
					Severity: descriptor.SeverityError, Rule: "file-name-encoding", File: printable(path), Document: -1,
					Message: "the name of a folder on the way to the file is not UTF-8, so the file is not read; rename the folder",
				})
				continue
			}
			f.descriptors = append(f.descriptors, "file:"+path)
		}
	}
}

// rulesOf returns the ignore rules for what is in the folder: a checkout starts anew, then each folder adds its own.
func (s *survey) rulesOf(f *folder) []ignoreRule {
	rules := f.inherited
	if f.checkout {
		rules = s.ignoreFile(f, filepath.Join(f.path, ".git", "info", "exclude"))
	}
	own := s.ignoreFile(f, filepath.Join(f.path, ".gitignore"))
	return append(rules[:len(rules):len(rules)], own...)
}

func (s *survey) ignoreFile(f *folder, path string) []ignoreRule {
	text, err := descriptor.ReadRegular(path, maxIgnoreSize)
	if err == nil {
		return parseIgnore(text, f.path)
	}
	var pathError *fs.PathError
	if !errors.Is(err, fs.ErrNotExist) && !(errors.As(err, &pathError) && strings.Contains(path, "/.git/")) {
		issue := descriptor.Issue{
			Severity: descriptor.SeverityWarning, Rule: "ignore-file-unreadable", File: printable(path), Document: -1,
			Message: "the ignore file cannot be read and ignores nothing: " + reason(err) + "; correct it or remove it",
		}
		if !slices.Contains(f.issues, issue) {
			f.issues = append(f.issues, issue)
		}
	}
	return nil
}

// outerRules returns the rules that a checkout's folders above path hold for what is below it. A folder that is asked for by
// name is searched even where they exclude it.
func (s *survey) outerRules(path string) []ignoreRule {
	var above []string
	for at := path; !exists(filepath.Join(at, ".git")); at = filepath.Dir(at) {
		if at == filepath.Dir(at) {
			return nil // no checkout
		}
		above = append(above, filepath.Dir(at))
	}
	var rules []ignoreRule
	scratch := &folder{}
	for i, at := range slices.Backward(above) {
		if i == len(above)-1 {
			scratch.path = at
			rules = s.ignoreFile(scratch, filepath.Join(at, ".git", "info", "exclude"))
		}
		scratch.path = at
		rules = append(rules, s.ignoreFile(scratch, filepath.Join(at, ".gitignore"))...)
		next := path
		if i > 0 {
			next = above[i-1]
		}
		if ignored(rules, next, true) {
			return nil
		}
	}
	return rules
}

// drop forgets a folder and all below it.
func (s *survey) drop(path string) {
	f := s.tree[path]
	if f == nil {
		return
	}
	delete(s.tree, path)
	s.unwatch(path)
	for _, name := range f.folders {
		s.drop(name)
	}
}

// refresh looks into a folder again, and walks what is new in it.
func (s *survey) refresh(path string) {
	f := s.tree[path]
	if f == nil {
		return
	}
	old, oldFiles, oldRules, wasCheckout := f.folders, f.descriptors, f.rules, f.checkout
	s.read(f)
	if wasCheckout != f.checkout || !slices.Equal(old, f.folders) || !slices.Equal(oldFiles, f.descriptors) || !slices.EqualFunc(oldRules, f.rules, ignoreRule.equal) {
		s.settled = false
	}
	if wasCheckout != f.checkout { // what files may refer to is different
		clear(s.roots)
		for name := range s.files {
			if inside(path, name) {
				s.dirty[name] = included
			}
		}
	}
	if !slices.EqualFunc(oldRules, f.rules, ignoreRule.equal) {
		for _, name := range old {
			s.drop(name)
		}
		old = nil
	}
	for _, name := range old {
		if !slices.Contains(f.folders, name) {
			s.drop(name)
		}
	}
	for _, name := range f.folders {
		s.walk(name, f.rules)
	}
}

func isBare(entries []fs.DirEntry) bool {
	found := 0
	for _, entry := range entries {
		switch entry.Name() {
		case "HEAD":
			if !entry.IsDir() {
				found++
			}
		case "objects", "refs":
			if entry.IsDir() {
				found++
			}
		}
	}
	return found == 3
}

// checkoutOf returns the folder that a file may refer into: the nearest work tree, else the configured folder it is in, else its
// own folder. A work tree is told by its .git, which is a file in worktrees and submodules.
func (s *survey) checkoutOf(file string) string {
	dir := filepath.Dir(file)
	if root, ok := s.roots[dir]; ok {
		return root
	}
	root := ""
	for at := dir; ; at = filepath.Dir(at) {
		if exists(filepath.Join(at, ".git")) {
			root = at
			break
		}
		if at == filepath.Dir(at) {
			break
		}
	}
	for _, configured := range s.folders {
		if root == "" && (dir == configured || inside(configured, dir)) {
			root = configured
		}
	}
	if root == "" {
		root = dir
	}
	s.roots[dir] = root
	return root
}

func inside(folder, path string) bool {
	_, ok := below(filepath.ToSlash(folder), filepath.ToSlash(path))
	return ok
}

func exists(path string) bool {
	_, err := os.Lstat(path)
	return err == nil
}

// reason is an error's cause without the path, which the issue names already.
func reason(err error) string {
	var pathError *fs.PathError
	if errors.As(err, &pathError) {
		return fmt.Sprintf("%s: %v", pathError.Op, pathError.Err)
	}
	return err.Error()
}

// printable returns a path that can stand in a message and in JSON.
func printable(path string) string {
	if utf8.ValidString(path) {
		return path
	}
	return string(bytes.ToValidUTF8([]byte(path), []byte("\uFFFD")))
}
