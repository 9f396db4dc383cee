// Package discover finds catalog descriptors on local disk. Folders and registered files go in; snapshots of all their entities
// and issues come out, a new one whenever something changed. The one rule: a snapshot follows from the disk alone. Whatever the
// order of events that led there, the same files give the same entities, winners of conflicts and issues; only a document that
// was good before and is refused now is served on in its last good version.
//
// Below the folders, files named catalog-info.yaml or catalog-info.yml are found, except where a .gitignore excludes them (in
// a checkout or not), and in .git, node_modules and Go's vendor folders. Checkouts, worktrees, submodules and plain folders are
// all searched; bare repositories have no files to find. Location entities lead to further files, inside their checkout or the
// folders. The stages of a search are in Discovery.look in this file; open it first.
// Most edits change what is in a file and nothing else, and take the short way of reread.go.
package discover

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/fsnotify/fsnotify"

	"callboard.dev/callboard/subgraphs/catalog/descriptor"
)

// Config says where to search. Zero values are right.
type Config struct {
	Folders    []string      // searched, with all below them
	Locations  []string      // further files, or patterns of files with *, ?, [a-z], {a,b} and **
	MaxWatches int           // the most folders to watch; the rest are polled; 0 for as many as the system gives
	Poll       time.Duration // how often to look at what cannot be watched; 0 for defaultPoll
	Log        *slog.Logger
	Given      map[string][]descriptor.Served // files that are read elsewhere, as for Give
}

// defaultPoll is slow enough to cost nothing, and what it is for is rare: folders beyond the system's limit of watches, and
// targets in folders that are not there.
const defaultPoll = 5 * time.Second

// ErrClosed is returned by the methods of a Discovery that was closed.
var ErrClosed = errors.New("the discovery is closed")

// Discovery watches folders and publishes what their descriptors say.
type Discovery struct {
	survey   *survey
	publish  func(descriptor.Snapshot)
	last     descriptor.Snapshot
	requests chan request
	cancel   context.CancelFunc
	done     chan struct{}
}

type request struct {
	do   func() error
	done chan error
}

// survey is everything known of the disk. It belongs to one goroutine.
type survey struct {
	ctx       context.Context
	log       *slog.Logger
	folders   []string           // absolute, clean, sorted
	locations []string           // the same
	tree      map[string]*folder // what was walked
	files     map[string]*file   // what was read, by the path it is named by
	roots     map[string]string  // folder -> checkout
	dirty     map[string]dirt
	located   []descriptor.Issue             // of locations and their targets
	globbed   bool                           // some location has a pattern
	collected []*file                        // what the last snapshot was made of
	given     map[string][]descriptor.Served // files that are read elsewhere, by who gave them
	elsewhere map[string]bool                // the names of those files
	served    int                            // entities in it, those left out for conflicts included
	settled   bool                           // since the last snapshot, nothing changed but what is in files

	watcher    *fsnotify.Watcher
	maxWatches int
	watched    map[string]bool
	rewatched  map[string]bool     // folders watched since the changes before
	unwatched  map[string]error    // folder -> why it is not watched
	beside     map[string]bool     // folders outside the tree in which something matters
	includes   map[string][]string // included file, or end of a link -> files that depend on it
	links      map[string][]string // folder -> files in it that are symbolic links
}

// Open searches the folders, publishes the first snapshot, and goes on watching in the background until the context ends or
// Close is called. It calls publish from one goroutine, and never again once Close has returned. Folders that cannot be read
// are issues, not errors.
func Open(ctx context.Context, c Config, publish func(descriptor.Snapshot)) (*Discovery, error) {
	folders, err := absolute(c.Folders)
	if err != nil {
		return nil, fmt.Errorf("searching folders: %w", err)
	}
	locations, err := absolute(c.Locations)
	if err != nil {
		return nil, fmt.Errorf("reading locations: %w", err)
	}
	log := c.Log
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	if c.Poll <= 0 {
		c.Poll = defaultPoll
	}
	ctx, cancel := context.WithCancel(ctx)
	s := &survey{
		ctx: ctx, log: log, folders: folders, locations: locations, maxWatches: c.MaxWatches,
		tree: map[string]*folder{}, files: map[string]*file{}, roots: map[string]string{}, dirty: map[string]dirt{}, given: map[string][]descriptor.Served{},
		watched: map[string]bool{}, rewatched: map[string]bool{}, unwatched: map[string]error{},
	}
	if s.watcher, err = fsnotify.NewWatcher(); err != nil {
		log.Warn("files cannot be watched and are polled", "every", c.Poll, "error", err)
		s.watcher = nil
	}
	for giver, files := range c.Given {
		s.give(giver, files)
	}
	d := &Discovery{survey: s, publish: publish, requests: make(chan request), cancel: cancel, done: make(chan struct{})}
	for _, folder := range folders {
		s.walk(folder, s.outerRules(folder))
	}
	d.look()
	if err := ctx.Err(); err != nil {
		cancel()
		s.close()
		return nil, fmt.Errorf("searching for descriptors: %w", err)
	}
	s.rewatched = map[string]bool{} // all were watched before they were read
	go d.run(c.Poll)
	return d, nil
}

// look makes a snapshot of what the survey knows, reading what is in doubt, and publishes it where it differs from the last.
func (d *Discovery) look() {
	s := d.survey
	snapshot, ok := s.reread(d.last) // where only what is in files has changed
	if !ok {
		s.collected = s.collect()       // files, through locations
		s.watchFor(s.collected)         // what they depend on
		snapshot = s.merge(s.collected) // entities, by ref
		s.settled = s.ctx.Err() == nil
	}
	first := d.last.Entities == nil // an empty snapshot is worth publishing once
	if s.ctx.Err() == nil && (first || !same(d.last, snapshot)) {
		d.last = snapshot
		d.publish(snapshot)
	}
}

// Close stops watching. No snapshot is published after it returns.
func (d *Discovery) Close() error {
	d.cancel()
	<-d.done
	return nil
}

// Add registers a location, a file or a pattern of files as in Config.Locations, and returns once a snapshot with it was
// published. As it serves requests of users, it refuses what lies outside the configured folders.
func (d *Discovery) Add(ctx context.Context, target string) error {
	s := d.survey
	if remote.MatchString(target) {
		return fmt.Errorf("adding location %q: URLs are not read here; check the repository out below a searched folder", target)
	}
	name, err := filepath.Abs(target)
	if err != nil {
		return fmt.Errorf("adding location %q: %w", target, err)
	}
	return d.ask(ctx, func() error {
		if !slices.ContainsFunc(s.folders, func(folder string) bool { return inside(folder, name) }) {
			return fmt.Errorf("adding location %q: it lies outside the searched folders; list it in the configuration instead", target)
		}
		if slices.Contains(s.locations, name) {
			return nil
		}
		if matches := s.expand(name, descriptor.Issue{}); len(matches) == 0 || matches[0] == name && !exists(name) {
			return fmt.Errorf("adding location %q: %w; correct the path", target, fs.ErrNotExist)
		}
		s.locations = append(s.locations, name)
		slices.Sort(s.locations)
		return nil
	})
}

// Remove unregisters a location, and returns once a snapshot without it was published. What is found in other ways stays.
func (d *Discovery) Remove(ctx context.Context, target string) error {
	name, err := filepath.Abs(target)
	if err != nil {
		return fmt.Errorf("removing location %q: %w", target, err)
	}
	return d.ask(ctx, func() error {
		s := d.survey
		i := slices.Index(s.locations, name)
		if i < 0 {
			return fmt.Errorf("removing location %q: %w among the registered ones", target, fs.ErrNotExist)
		}
		s.locations = slices.Delete(slices.Clone(s.locations), i, i+1)
		return nil
	})
}

// Replace makes targets the registered locations, and returns once a snapshot with them was published. They are what was added
// before, here or elsewhere, so they are not refused: what is not there is an issue.
func (d *Discovery) Replace(ctx context.Context, targets []string) error {
	locations, err := absolute(targets)
	if err != nil {
		return fmt.Errorf("reading locations: %w", err)
	}
	return d.ask(ctx, func() error {
		d.survey.locations = locations
		return nil
	})
}

// Give makes files that are read elsewhere part of the snapshots, in the place of those given by the same giver before, and returns once
// a snapshot with them was published. Of documents that describe one ref the first file by path or URL wins, wherever it is.
func (d *Discovery) Give(ctx context.Context, giver string, files []descriptor.Served) error {
	return d.ask(ctx, func() error {
		d.survey.give(giver, files)
		return nil
	})
}

// give takes files that are read elsewhere, and remembers how they are called.
func (s *survey) give(giver string, files []descriptor.Served) {
	s.given[giver] = files
	s.elsewhere = map[string]bool{}
	for _, files := range s.given {
		for _, f := range files {
			for _, entity := range f.Entities {
				if entity != nil {
					s.elsewhere[entity.Source.File] = true
				}
			}
		}
	}
}

// Validate reads text as if it were the content of file, and returns what discovery would make of it. Nothing is stored.
func (d *Discovery) Validate(text []byte, file string) descriptor.File {
	name, err := filepath.Abs(file)
	if err != nil {
		name = file
	}
	s := &survey{folders: d.survey.folders, roots: map[string]string{}}
	return descriptor.Parse(text, descriptor.Input{File: name, Root: s.checkoutOf(name)})
}

// Check reads one file and returns what discovery would make of it.
func Check(name string) (descriptor.File, error) {
	absolute, err := filepath.Abs(name)
	if err != nil {
		return descriptor.File{}, fmt.Errorf("checking %s: %w", name, err)
	}
	text, err := descriptor.ReadRegular(absolute, descriptor.MaxFileSize)
	if errors.Is(err, descriptor.ErrTooLarge) {
		info, statErr := os.Stat(absolute)
		if statErr == nil {
			return descriptor.File{Issues: []descriptor.Issue{descriptor.SizeIssue(absolute, info.Size())}}, nil
		}
	}
	if err != nil {
		return descriptor.File{}, fmt.Errorf("checking %s: %w", name, err)
	}
	s := &survey{roots: map[string]string{}}
	return descriptor.Parse(text, descriptor.Input{File: absolute, Root: s.checkoutOf(absolute)}), nil
}

// ask runs do on the goroutine that owns the survey.
func (d *Discovery) ask(ctx context.Context, do func() error) error {
	r := request{do: do, done: make(chan error, 1)}
	select {
	case d.requests <- r:
	case <-d.done:
		return ErrClosed
	case <-ctx.Done():
		return ctx.Err()
	}
	select {
	case err := <-r.done:
		return err
	case <-d.done:
		return ErrClosed
	case <-ctx.Done():
		return ctx.Err()
	}
}

func absolute(names []string) ([]string, error) {
	var out []string
	for _, name := range names {
		path, err := filepath.Abs(name)
		if err != nil {
			return nil, err
		}
		out = append(out, path)
	}
	slices.Sort(out)
	return slices.Compact(out), nil
}
