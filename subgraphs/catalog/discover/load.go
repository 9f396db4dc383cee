package discover

import (
	"errors"
	"hash/maphash"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
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
	descriptor.Served
}

// last is what was served of a file; nil where nothing was.
func (f *file) last() *descriptor.Served {
	if f == nil {
		return nil
	}
	return &f.Served
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
		f.Issues = []descriptor.Issue{{
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
	parsed := descriptor.Parse(text, descriptor.Input{File: w.path, Origin: w.origin, Root: w.root})
	if w.found && !known.last().Serves() {
		if skeleton, is := descriptor.Skeleton(text, parsed); is {
			f.File = skeleton
			return f
		}
	}
	f.Served = descriptor.Serve(parsed, known.last())
	return f
}

// unreadable is the outcome for a file whose bytes cannot be had. A file that is gone takes its entities along; one that is
// still there keeps the last good ones.
func (s *survey) unreadable(f, known *file, err error) *file {
	gone := errors.Is(err, fs.ErrNotExist) && !exists(f.path)
	var refused descriptor.File
	switch {
	case gone:
		f.missing = true
		return f
	case errors.Is(err, descriptor.ErrTooLarge):
		size := int64(0)
		if info, err := os.Stat(f.path); err == nil {
			size = info.Size()
		}
		refused.Issues = []descriptor.Issue{descriptor.SizeIssue(f.path, size)}
	default:
		refused.Issues = []descriptor.Issue{{
			Severity: descriptor.SeverityError, Rule: "file-unreadable", File: f.path, Document: -1,
			Message: "the file cannot be read: " + reason(err) + "; correct its permissions, or what it links to",
		}}
	}
	f.Served = descriptor.Serve(refused, known.last())
	return f
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
