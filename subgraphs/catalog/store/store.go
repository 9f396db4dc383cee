// Package store is what the catalog must not forget, and what its replicas share: the locations that clients registered and,
// for files of repository hosts, the last text of each. Changes go in, and come out again after a restart and in every other
// process that opened the same database.
//
// The one rule: what a change was acknowledged for is there until a later change takes it away, whoever is killed in between.
//
// Store in this file is the interface; open it first. Package sqlite keeps it in one file, which several processes of one machine
// may open, and package postgres in a server. Package storetest holds the test that both must pass.
package store

import (
	"context"
	"errors"
	"time"

	"callboard.dev/callboard/subgraphs/database"
)

// MaxLocations bounds what clients can make the catalog read and remember; more are better listed in one Location entity.
const MaxLocations = 1000

// Errors of a Store that are not of its database.
var (
	// ErrFull is wrapped by the error for a change that would make more than MaxLocations.
	ErrFull = errors.New("too many locations are registered")
	// ErrNewer is wrapped by the error for a database that a newer program has migrated. No later attempt succeeds.
	ErrNewer = database.ErrNewer
	// ErrClosed is wrapped by the error of a Store that was closed.
	ErrClosed = database.ErrClosed
)

// Store remembers. Its methods may be called at once; each is one transaction and fails where the database cannot be used, and
// the next call tries again. Opening one asks nothing of the database: the first call migrates it.
type Store interface {
	// Revision returns a number that every change makes larger by one. It starts above 0.
	Revision(ctx context.Context) (int64, error)
	// Wait returns the revision once it is another than known, whoever changed it, within some seconds of the change. It
	// returns an error where the context ends first or the database cannot be used.
	Wait(ctx context.Context, known int64) (int64, error)

	// Locations returns the registered targets, sorted.
	Locations(ctx context.Context) ([]string, error)
	// AddLocations remembers targets, all or none of them; those that are there already stay. It returns the revision.
	AddLocations(ctx context.Context, targets ...string) (int64, error)
	// RemoveLocation forgets a target, and tells whether it was there. It returns the revision.
	RemoveLocation(ctx context.Context, target string) (found bool, revision int64, err error)

	// Files returns what is known of an origin's files, with those that were changed after a revision; all of them after 0.
	Files(ctx context.Context, origin string, after int64) (Files, error)
	// SaveFiles remembers a change of an origin's files, and returns the revision.
	SaveFiles(ctx context.Context, origin string, change Change) (int64, error)

	// Close gives back what the store holds. Calls under way fail.
	Close() error
}

// Files is what a store knows of an origin's files at one revision.
type Files struct {
	Revision int64
	Changed  []File   // sorted by URL
	URLs     []string // of all there are, changed or not, sorted
	State    State
}

// Change is a change of an origin's files.
type Change struct {
	Files []File
	// Gone are the URLs of files to forget, with when the origin was asked. A file that was asked for later stays.
	Gone map[string]time.Time
	// State, where given, takes the place of the one before.
	State *State
}

// File is a file of an origin. Of two versions the one asked for later stays. Times are kept to the microsecond.
type File struct {
	URL       string
	Root      string // the URL of the folder whose files it may include
	Found     bool   // it is one of the origin's catalog files; else another one led to it or includes it
	Missing   bool   // the origin says that it is not there; it is remembered for what Good holds
	Text      []byte // as it was read last
	Good      []byte // the last text without an error; empty where that is Text, or there was none
	Validator string // what tells this text from others, such as the number of the blob
	Asked     time.Time
	Error     string // why it cannot be read now; empty where it can
	Since     time.Time
}

// State is how an origin as a whole does.
type State struct {
	Searched time.Time // when all its files were last read without an error; zero for never
	Error    string    // why it cannot be searched now; empty where it can
	Since    time.Time // when that began
}
