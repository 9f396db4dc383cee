// Package remote keeps up with catalog files that lie on repository hosts. Origins, each of which can list and read the catalog
// files of one host, go in; what is served of their files comes out, again whenever something changed.
//
// The one rule: what was served is served until its origin says that it is gone. An origin that is down, a file that cannot be
// read or that turns bad cost nothing but an issue that says so, also across a restart, as the last texts are in a store.
//
// Documents are as in local files. What one includes, and the files that a Location names, are read through the origin of the file
// that says so, and never from another host or the local disk. A Location may name patterns: they stand for what the origin lists of the repository,
// and for the files that are known where it lists nothing. Each origin has a follower, whose goroutine owns all that is known of
// it: follow.go has its loop, apply.go what answers change, reach.go how files lead to entities and to further files, pattern.go what patterns stand
// for, keep.go how they are remembered, resolve.go what may be read. Open this file first.
package remote

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"time"

	"callboard.dev/callboard/subgraphs/catalog/descriptor"
	"callboard.dev/callboard/subgraphs/catalog/store"
)

// Origin is a system in which catalog files lie. Its methods may be called at once. Errors are shown to users, so they hold no
// secrets.
type Origin interface {
	// Name is how it is called: unique, and the same in every process and after every restart.
	Name() string
	// Files searches for catalog files. known has those of the last search by URL, with the validators they had. The result has
	// every file there is; one of known that is not in it is gone. With an error, what is in the result counts, and nothing
	// is gone.
	Files(ctx context.Context, known map[string]string) ([]File, error)
	// Read reads files by URL, which may be any below the root of one of its files. wanted has the validators that are known;
	// empty where none is. The result has one File for each, in any order; with an error it may have fewer.
	Read(ctx context.Context, wanted map[string]string) ([]File, error)
	// List lists what lies below roots of its files. known has the validators of what was listed last by root; empty where nothing was. The result has
	// one Listing for each, in any order; with an error it may have fewer.
	List(ctx context.Context, known map[string]string) ([]Listing, error)
}

// Listing is what an origin says of the files below a root.
type Listing struct {
	Root      string
	Files     []string // the URLs of all regular files, in any order
	Whole     bool     // these are all there are
	Validator string   // what tells this from other listings, such as the id of the commit
	Unchanged bool     // it is as the known validator says; Files, Whole and Validator are not given
	Err       error    // why they cannot be listed, or not all
}

// File is what an origin says of a file.
type File struct {
	URL       string // absolute, without query and fragment: where people would read it
	Root      string // the URL, with a slash at its end, of the folder whose files it may include; its own folder where empty
	Text      []byte // not to be changed afterwards
	Validator string // what tells this text from others, such as the object id of the blob
	Unchanged bool   // it is as the known validator says; Text and Validator are not given
	Err       error  // why it cannot be read; fs.ErrNotExist says that it is not there
}

// Config says what to keep up with. Zero values are right but for Origins and Store.
type Config struct {
	Origins  []Origin
	Store    store.Store              // where the texts are remembered
	Every    time.Duration            // how often an origin is searched by one of all replicas, beside Refresh; 0 for defaultEvery
	EveryOf  map[string]time.Duration // the same of single origins, by their names, in place of Every
	Timeout  time.Duration            // the longest that one search may take; 0 for defaultTimeout
	MaxFiles int                      // of one origin, with those that are included; 0 for defaultMaxFiles
	MaxBytes int                      // of the texts of one origin together; 0 for defaultMaxBytes
	Log      *slog.Logger             // nil for silence
}

const (
	// defaultEvery is often enough where webhooks tell of most changes.
	defaultEvery = 10 * time.Minute
	// defaultTimeout lets a host with thousands of repositories be searched within its limits.
	defaultTimeout = 5 * time.Minute
	// defaultMaxFiles is some times what organisations with ten thousand repositories have.
	defaultMaxFiles = 50_000
	// defaultMaxBytes is far above what descriptors take, some kilobytes each, and leaves room for interface definitions.
	defaultMaxBytes = 256 << 20
)

// ErrUnknownOrigin is wrapped by the error for an origin that there is none of.
var ErrUnknownOrigin = errors.New("no such origin")

// ErrClosed is returned where what is asked for will not be done any more.
var ErrClosed = errors.New("remote files are not followed any more")

// Give takes what is served of an origin's files, in place of what it was given for that origin before.
type Give func(ctx context.Context, origin string, files []descriptor.Served) error

// Remote follows origins.
type Remote struct {
	followers map[string]*follower
	cancel    context.CancelFunc
	running   sync.WaitGroup
}

// Open reads what is remembered of the origins. Where the store does not answer, that is caught up with later.
func Open(ctx context.Context, c Config) (*Remote, error) {
	if c.Every <= 0 {
		c.Every = defaultEvery
	}
	if c.Timeout <= 0 {
		c.Timeout = defaultTimeout
	}
	if c.MaxFiles <= 0 {
		c.MaxFiles = defaultMaxFiles
	}
	if c.MaxBytes <= 0 {
		c.MaxBytes = defaultMaxBytes
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	r := &Remote{followers: map[string]*follower{}}
	for _, origin := range c.Origins {
		name := origin.Name()
		if name == "" || r.followers[name] != nil {
			return nil, fmt.Errorf("following remote files: %q is not the name of one origin", name)
		}
		own := c
		if every := c.EveryOf[name]; every > 0 {
			own.Every = every
		}
		r.followers[name] = newFollower(origin, own)
	}
	var starting sync.WaitGroup
	for _, f := range r.followers {
		starting.Go(func() { f.start(ctx) })
	}
	starting.Wait()
	return r, nil
}

// Given returns what is served of what is remembered, by origin. Call it before Follow.
func (r *Remote) Given() map[string][]descriptor.Served {
	out := map[string][]descriptor.Served{}
	for name, f := range r.followers {
		out[name] = f.serving()
	}
	return out
}

// Follow searches all origins and goes on doing so until ctx ends or Close is called. Each origin has its own goroutine that
// calls give.
func (r *Remote) Follow(ctx context.Context, give Give) {
	ctx, r.cancel = context.WithCancel(ctx)
	for _, f := range r.followers {
		f.give = give
		r.running.Go(func() { f.run(ctx) })
	}
}

// Close ends what Follow began, and waits for it.
func (r *Remote) Close() {
	if r.cancel != nil {
		r.cancel()
	}
	r.running.Wait()
}

// Changed says that the store may have changed, or answers again.
func (r *Remote) Changed(ctx context.Context) {
	for _, f := range r.followers {
		select {
		case f.requests <- func() { f.load(); f.save() }:
		case <-f.ended:
		case <-ctx.Done():
		}
	}
}

// Refresh reads files of an origin again, or without any URL searches all of it, and returns once what came of it is served. A
// URL that ends in a slash stands for all known files below it, and has patterns looked for again there. One that was not known is taken for a catalog file until the next
// search. The error is the origin's.
func (r *Remote) Refresh(ctx context.Context, origin string, urls ...string) error {
	f := r.followers[origin]
	if f == nil {
		return fmt.Errorf("refreshing %q: %w", origin, ErrUnknownOrigin)
	}
	for _, url := range urls {
		if _, err := parseURL(url); err != nil {
			return fmt.Errorf("refreshing %s: %w", origin, err)
		}
	}
	urls = slices.Clone(urls)
	answer := make(chan error, 1)
	select {
	case f.requests <- func() { f.refresh(urls, answer) }:
	case <-f.ended:
		return ErrClosed
	case <-ctx.Done():
		return ctx.Err()
	}
	select {
	case err := <-answer:
		return err
	case <-f.ended:
		return ErrClosed
	case <-ctx.Done():
		return ctx.Err()
	}
}
