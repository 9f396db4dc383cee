package discover

import (
	"errors"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/fsnotify/fsnotify"
)

// Events come in bursts: an editor writes, renames and removes, a branch switch touches thousands of files. A snapshot is made
// once it has been quiet for quietFor, but at the latest lateAfter the first event, so that a stream of events without end is
// followed too. Both leave most of the 100 ms within which a change should be seen to the reading.
const (
	quietFor  = 20 * time.Millisecond
	lateAfter = 80 * time.Millisecond
)

// run owns the survey until the end: it collects events, and looks again after each burst.
func (d *Discovery) run(poll time.Duration) {
	s := d.survey
	defer close(d.done)
	defer s.close()
	var events chan fsnotify.Event
	var failures chan error
	if s.watcher != nil {
		events, failures = s.watcher.Events, s.watcher.Errors
	}
	burst := newBurst()
	ticker := time.NewTicker(poll)
	defer ticker.Stop()
	pending := changes{}
	settle := func() {
		burst.end()
		s.apply(pending)
		pending = changes{}
	}
	for {
		select {
		case <-s.ctx.Done():
			return
		case event := <-events:
			if s.note(event, &pending) {
				burst.event()
			}
		case err := <-failures:
			s.log.Warn("watching files", "error", err)
			if errors.Is(err, fsnotify.ErrEventOverflow) { // events were lost, so anything may have changed
				pending.all = true
				burst.event()
			}
		case <-burst.timer.C:
			settle()
			d.look()
		case <-ticker.C:
			if s.notePolled(&pending) {
				settle()
				s.settled = false
				d.look()
			}
		case r := <-d.requests:
			settle()
			err := r.do()
			s.settled = false
			d.look()
			r.done <- err
		}
	}
}

// burst is the clock of a burst of events: its timer fires when the burst is over.
type burst struct {
	timer  *time.Timer
	latest time.Time // when it is over in any case; zero between bursts
}

func newBurst() *burst {
	b := &burst{timer: time.NewTimer(time.Hour)}
	b.timer.Stop()
	return b
}

func (b *burst) event() {
	now := time.Now()
	if b.latest.IsZero() {
		b.latest = now.Add(lateAfter)
	}
	b.timer.Reset(max(0, min(quietFor, b.latest.Sub(now))))
}

func (b *burst) end() {
	b.timer.Stop()
	b.latest = time.Time{}
}

// changes is what a burst of events puts in doubt.
type changes struct {
	all     bool
	folders map[string]bool // to be looked into again
	gone    map[string]bool // folders that were removed or replaced
	files   map[string]dirt
}

func (c *changes) folder(path string) {
	if c.folders == nil {
		c.folders = map[string]bool{}
	}
	c.folders[path] = true
}

func (c *changes) file(path string, how dirt) {
	if c.files == nil {
		c.files = map[string]dirt{}
	}
	c.files[path] = max(c.files[path], how)
}

// note files an event under what it puts in doubt, and tells whether that is anything: most writes below a checkout are none
// of the catalog's business.
func (s *survey) note(event fsnotify.Event, c *changes) bool {
	path, dir := filepath.Clean(event.Name), filepath.Dir(event.Name)
	structural := event.Has(fsnotify.Create) || event.Has(fsnotify.Remove) || event.Has(fsnotify.Rename)
	relevant := false
	if s.files[path] != nil {
		c.file(path, touched)
		relevant = true
	}
	for _, dependent := range s.includes[path] {
		c.file(dependent, included)
		relevant = true
	}
	for _, link := range s.links[dir] {
		c.file(link, touched)
		relevant = true
	}
	base := filepath.Base(path)
	switch {
	case base == ".gitignore" || base == ".git" && structural:
		c.folder(dir)
		return true
	case s.tree[path] != nil && structural:
		if c.gone == nil {
			c.gone = map[string]bool{}
		}
		c.gone[path] = true
		c.folder(dir)
		return true
	case !structural:
		return relevant
	case slices.Contains(fileNames, base):
		c.folder(dir)
		return true
	}
	if event.Has(fsnotify.Create) && s.tree[dir] != nil {
		if info, err := os.Lstat(path); err == nil && info.IsDir() {
			c.folder(dir)
			return true
		}
	}
	return relevant || s.globbed
}

// notePolled puts in doubt what no event tells of.
func (s *survey) notePolled(c *changes) bool {
	found := false
	for path := range s.unwatched {
		found = true
		c.folder(path)
		for name, f := range s.files {
			if filepath.Dir(name) == path || filepath.Dir(f.real) == path {
				c.file(name, polled)
			}
		}
		for name, dependents := range s.includes {
			if filepath.Dir(name) == path {
				for _, dependent := range dependents {
					c.file(dependent, included)
				}
			}
		}
	}
	for _, path := range s.folders {
		if s.tree[path] == nil || !exists(path) || len(s.tree[path].issues) > 0 {
			found = true
			c.folder(path)
		}
	}
	return found
}

// apply brings the tree up to date, and marks the files to be read again.
func (s *survey) apply(c changes) {
	s.rewatched = map[string]bool{}
	if c.all {
		for path := range s.tree {
			c.folder(path)
		}
		for path := range s.files {
			c.file(path, touched)
		}
	}
	for path, how := range c.files {
		s.dirty[path] = max(s.dirty[path], how)
	}
	if c.all || len(c.gone) > 0 {
		s.settled = false
	}
	for path := range c.gone {
		if slices.Contains(s.folders, path) { // a configured folder is looked for again, and may be back
			c.folder(path)
			s.unwatch(path)
			s.watch(path)
			continue
		}
		s.drop(path)
	}
	// Outer folders first: looking into one again may drop or find those below it.
	for _, path := range slices.Sorted(maps.Keys(c.folders)) {
		if s.tree[path] != nil {
			s.watch(path)
		}
		s.refresh(path)
	}
	s.doubtRewatched()
}

// doubtRewatched puts in doubt the files in folders whose watches are new: what was read of a folder before, or of another one of
// its name that was there then, may have changed without an event.
func (s *survey) doubtRewatched() {
	if len(s.rewatched) == 0 {
		return
	}
	for path, f := range s.files {
		if s.rewatched[filepath.Dir(path)] || s.rewatched[filepath.Dir(f.real)] {
			s.dirty[path] = max(s.dirty[path], touched)
		}
	}
	for name, dependents := range s.includes {
		if !s.rewatched[filepath.Dir(name)] {
			continue
		}
		for _, dependent := range dependents {
			s.dirty[dependent] = included
		}
	}
}

var (
	errNoWatcher  = errors.New("the system gives no watcher")
	errMaxWatches = errors.New("the configured limit is reached")
)

// watch asks for the events of a folder, or notes that it must be polled.
func (s *survey) watch(path string) {
	if s.watched[path] {
		return
	}
	delete(s.unwatched, path)
	switch {
	case s.watcher == nil:
		s.unwatched[path] = errNoWatcher
		return
	case s.maxWatches > 0 && len(s.watched) >= s.maxWatches:
		s.unwatched[path] = errMaxWatches
		return
	}
	if err := s.watcher.Add(path); err != nil {
		s.unwatched[path] = err
		return
	}
	s.watched[path], s.rewatched[path] = true, true
}

func (s *survey) unwatch(path string) {
	if s.watched[path] {
		_ = s.watcher.Remove(path) // it fails where the folder is gone, and its watch with it
	}
	delete(s.watched, path)
	delete(s.unwatched, path)
}

// watchBeside watches a folder outside the tree in which something matters. Where the folder is not there, the polling looks
// for it.
func (s *survey) watchBeside(path string) {
	s.beside[path] = true
	if s.tree[path] == nil {
		s.watch(path)
	}
}

// watchFor watches what the files depend on: their folders where they lie outside the tree, the files they include, and the
// ends of symbolic links.
func (s *survey) watchFor(files []*file) {
	s.includes, s.links = map[string][]string{}, map[string][]string{}
	for _, f := range files {
		for _, name := range f.Includes {
			s.includes[name] = append(s.includes[name], f.path)
			s.watchBeside(filepath.Dir(name))
		}
		if f.real != "" && f.real != f.path {
			s.includes[f.real] = append(s.includes[f.real], f.path)
			s.links[filepath.Dir(f.path)] = append(s.links[filepath.Dir(f.path)], f.path)
			s.watchBeside(filepath.Dir(f.real))
		}
	}
	for path := range s.files {
		s.watchBeside(filepath.Dir(path))
	}
	for _, path := range slices.Concat(slices.Collect(maps.Keys(s.watched)), slices.Collect(maps.Keys(s.unwatched))) {
		if s.tree[path] == nil && !s.beside[path] {
			s.unwatch(path)
		}
	}
}

func (s *survey) close() {
	if s.watcher != nil {
		_ = s.watcher.Close()
	}
}
