package discover

import (
	"bytes"
	"errors"
	"hash/maphash"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"callboard.dev/callboard/subgraphs/catalog/descriptor"
)

// file is what is known of one descriptor file. It is replaced, never changed, when the file is read again.
type file struct {
	path, real string
	origin     string // the location that led to it, "file:path"
	found      bool   // by its name rather than through a location
	missing    bool
	size       int64
	modified   time.Time
	sum        uint64
	parsed     descriptor.File
	served     []*descriptor.Entity // one for each document: its own, or the last good one, or nil
	issues     []descriptor.Issue
}

// dirt says how much of a file is in doubt.
type dirt int

const (
	clean    dirt = iota
	polled        // look whether size or time changed
	touched       // read it again
	included      // something it includes changed: read it again and parse it in any case
)

// wanted is a file that the catalog is made of, and how it was reached.
type wanted struct {
	path   string
	origin string
	found  bool // by its name rather than through a location
	root   string
}

var hashSeed = maphash.MakeSeed()

// load reads the files that are not known or in doubt, on all processors.
func (s *survey) load(files []wanted) {
	var todo []wanted
	for _, w := range files {
		if known := s.files[w.path]; known == nil || known.origin != w.origin || known.found != w.found || s.dirty[w.path] != clean {
			w.root = s.checkoutOf(w.path)
			todo = append(todo, w)
		}
	}
	loaded := make([]*file, len(todo))
	var next atomic.Int64
	var workers sync.WaitGroup
	for range min(runtime.GOMAXPROCS(0), len(todo)) {
		workers.Go(func() {
			for i := next.Add(1) - 1; i < int64(len(todo)) && s.ctx.Err() == nil; i = next.Add(1) - 1 {
				loaded[i] = s.loadOne(todo[i], s.files[todo[i].path], s.dirty[todo[i].path])
			}
		})
	}
	workers.Wait()
	for i, f := range loaded {
		if f != nil {
			s.files[todo[i].path] = f
			delete(s.dirty, todo[i].path)
		}
	}
}

// loadOne reads one file. It only reads what it is given and may run on any goroutine.
func (s *survey) loadOne(w wanted, known *file, doubt dirt) *file {
	f := &file{path: w.path, origin: w.origin, found: w.found}
	if known != nil && (known.origin != w.origin || known.found != w.found) {
		doubt = included // the entities name their origin, and only what is found may be a template's
	}
	real, err := filepath.EvalSymlinks(w.path)
	if err != nil {
		return s.unreadable(f, known, err)
	}
	if real == w.path {
		real = w.path // one text for both
	}
	f.real = real
	if real != w.path && !s.mayRead(real, w.root) {
		f.issues = []descriptor.Issue{{
			Severity: descriptor.SeverityError, Rule: "file-outside", File: w.path, Document: -1,
			Message: "the file is a link that leaves its checkout and the configured folders, and is not read; replace it by a file",
		}}
		return f
	}
	info, err := os.Stat(real)
	if err != nil {
		return s.unreadable(f, known, err)
	}
	f.size, f.modified = info.Size(), info.ModTime()
	if doubt == polled && known != nil && !known.missing && known.real == real && known.size == f.size && known.modified.Equal(f.modified) {
		return known
	}
	text, err := descriptor.ReadRegular(real, descriptor.MaxFileSize)
	if err != nil {
		return s.unreadable(f, known, err)
	}
	f.sum = maphash.Bytes(hashSeed, text)
	if doubt != included && known != nil && !known.missing && known.sum == f.sum && known.real == real && known.size == f.size {
		return known
	}
	f.parsed = descriptor.Parse(text, descriptor.Input{File: w.path, Origin: w.origin, Root: w.root})
	f.issues = f.parsed.Issues
	if w.found && isSkeleton(text, f.parsed) && (known == nil || !slices.ContainsFunc(known.served, func(e *descriptor.Entity) bool { return e != nil })) {
		f.parsed.Documents = nil
		f.issues = []descriptor.Issue{{
			Severity: descriptor.SeverityWarning, Rule: "template-skeleton", File: w.path, Document: -1, Line: f.parsed.Issues[0].Line,
			Message: "template expressions keep every document of the file from being valid, so it is taken for part of a template; if it is none: " + f.parsed.Issues[0].Message,
		}}
		return f
	}
	f.serve(known)
	return f
}

// unreadable is the outcome for a file whose bytes cannot be had. A file that is gone takes its entities along; one that is
// still there keeps the last good ones.
func (s *survey) unreadable(f, known *file, err error) *file {
	gone := errors.Is(err, fs.ErrNotExist) && !exists(f.path)
	switch {
	case gone:
		f.missing = true
		return f
	case errors.Is(err, descriptor.ErrTooLarge):
		size := int64(0)
		if info, err := os.Stat(f.path); err == nil {
			size = info.Size()
		}
		f.issues = []descriptor.Issue{descriptor.SizeIssue(f.path, size)}
	default:
		f.issues = []descriptor.Issue{{
			Severity: descriptor.SeverityError, Rule: "file-unreadable", File: f.path, Document: -1,
			Message: "the file cannot be read: " + reason(err) + "; correct its permissions, or what it links to",
		}}
	}
	f.serve(known)
	return f
}

// serve decides which entity stands for each document: its own or, where it is refused, the last good one of the same ref, or
// of the same position where the ref cannot be told. So a file that is being edited never empties the catalog.
func (f *file) serve(known *file) {
	f.served = make([]*descriptor.Entity, len(f.parsed.Documents))
	taken := map[descriptor.Ref]bool{}
	for i, document := range f.parsed.Documents {
		if f.served[i] = document.Entity; document.Entity != nil {
			taken[document.Ref] = true
		}
	}
	if known == nil {
		return
	}
	if len(f.parsed.Documents) == 0 {
		if len(f.issues) > 0 { // the whole file was refused
			f.parsed.Documents, f.parsed.Includes = known.parsed.Documents, known.parsed.Includes
			f.served = known.served
			f.explain(-1, descriptor.Ref{})
		}
		return
	}
	for i, document := range f.parsed.Documents {
		if f.served[i] != nil {
			continue
		}
		for j, old := range known.parsed.Documents {
			entity := known.served[j]
			if entity == nil || taken[entity.Ref] {
				continue
			}
			if document.Ref == entity.Ref || document.Ref == (descriptor.Ref{}) && document.Position == old.Position {
				f.served[i], taken[entity.Ref] = entity, true
				f.parsed.Documents[i].Targets = old.Targets
				f.explain(document.Position, entity.Ref)
				break
			}
		}
	}
}

// explain adds to the errors of a document, or of the whole file, that an older version is served.
func (f *file) explain(position int, ref descriptor.Ref) {
	f.issues = slices.Clone(f.issues)
	for i := range f.issues {
		if issue := &f.issues[i]; issue.Document == position && issue.Severity == descriptor.SeverityError {
			issue.Message += "; until then the last good version is served"
			if issue.Ref == (descriptor.Ref{}) {
				issue.Ref = ref
			}
		}
	}
}

// isSkeleton tells a file that templates fill in from one that is wrong: no document is valid, and what is wrong with one of them
// is on a line with a template expression.
func isSkeleton(text []byte, parsed descriptor.File) bool {
	if len(parsed.Issues) == 0 || slices.ContainsFunc(parsed.Documents, func(d descriptor.Document) bool { return d.Entity != nil }) {
		return false
	}
	wrong := map[int]bool{}
	for _, issue := range parsed.Issues {
		wrong[issue.Line] = wrong[issue.Line] || issue.Severity == descriptor.SeverityError
	}
	number := 0
	for line := range bytes.Lines(text) {
		if number++; wrong[number] && (bytes.Contains(line, []byte("{{")) || bytes.Contains(line, []byte("{%"))) {
			return true
		}
	}
	return false
}

// mayRead tells whether a path, free of symbolic links, lies in the checkout or in a configured folder.
func (s *survey) mayRead(real, root string) bool {
	for _, allowed := range append([]string{root}, s.folders...) {
		if inside(allowed, real) {
			return true
		}
		if resolved, err := filepath.EvalSymlinks(allowed); err == nil && inside(resolved, real) {
			return true
		}
	}
	return false
}
