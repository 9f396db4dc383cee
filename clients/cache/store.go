package cache

import (
	"context"
	"time"
)

// Store keeps entries and the stamps of tags. Implementations are safe for concurrent use, and pass the test in package cachetest. An error is for the
// report alone: the caller goes on without what the store did not do.
type Store interface {
	// Read returns what is kept under each key, in order. On error it returns what it could find out.
	Read(ctx context.Context, lookups []Lookup) ([]Found, error)
	// Lease asks for the right to bring values. Of several callers, also in other processes, one gets it for a key, until it gives it back or the time is up.
	// The stamps of the tags are made where there are none.
	Lease(ctx context.Context, lookups []Lookup, d time.Duration) (Leases, error)
	// Stamps returns the stamps of tags; a tag that has none is given this one. 0 is where the store could not tell.
	Stamps(ctx context.Context, tags []string, first Stamp) ([]Stamp, error)
	// Write keeps entries. One that has no stamp for one of its tags is kept, and never current.
	Write(ctx context.Context, entries []Keyed) error
	// Remove forgets what is kept under the keys.
	Remove(ctx context.Context, keys []string) error
	// Bump gives each tag a stamp that it never had. It is heard of by all who share the store.
	Bump(ctx context.Context, tags []string) error
	// Heard has f called with tags that got new stamps, soon after, also where another process gave them. It is called once, before the store is used.
	Heard(f func(tags []string))
	// Health tells how the store does.
	Health() Health
	Close() error
}

// Lookup names an entry and the tags of what is wanted.
type Lookup struct {
	Key  string
	Tags []string
}

// Found is what is kept under a key.
type Found struct {
	Entry   *Entry // nil for nothing
	Current bool   // the stamps of its tags are what they were
}

// Leases are the rights a caller got.
type Leases struct {
	Got    []bool    // for each lookup
	Stamps [][]Stamp // for each lookup, for each of its tags; 0 where the store could not tell
	// Renew has those of the rights that have not ended last this long from now.
	Renew func(ctx context.Context, d time.Duration)
	// Release gives the rights back.
	Release func(ctx context.Context)
}

// Stamp is the stamp of a tag: a time in microseconds since 1970, or one more than the stamp before, whichever is greater. 0 is none.
type Stamp int64

// Entry is what is kept of a value. It is not changed once it is kept.
type Entry struct {
	Value  Value
	Policy Policy
	Tags   []string
	Stamps []Stamp // for each tag

	seen int64 // the epoch in which a Redis store compared it with Redis last
}

// Keyed is an entry under its key.
type Keyed struct {
	Key   string
	Entry *Entry
}

// Health is how a store does.
type Health struct {
	Entries   int64 // in this process
	Bytes     int64 // that they take in this process
	Evictions int64 // entries dropped for lack of room in this process
	Shared    bool  // whether replicas keep things together
	Healthy   bool  // whether what they share does what it is asked; true where nothing is shared
	LastError string
	LastAt    time.Time // of LastError
}

// until returns when the entry is of no use any more.
func (e *Entry) until() time.Time { return e.Value.At.Add(e.Policy.life(e.Value.Absent)) }
