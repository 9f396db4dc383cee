// Package cache remembers what upstream systems and subgraphs answered. Keys and a function that asks the source go in; values come out, each with the state
// it is in: live, cached, stale or failed.
//
// The one rule: a cache never makes a request fail, or wait longer than a small budget, because the cache's own store is down, slow, full or answers rubbish.
// What the store cannot do is left out, and Status tells.
//
// Start with Cache.Load. store.go is what a store must do; memory.go and redis.go are the stores; guard.go bounds what comes from Redis; flight.go is
// how many that want the same wait for one; entry.go is how an entry is written down.
//
// Why invalidation goes by stamps (November 2026): a tag has a stamp that only grows, and an entry keeps the stamps its tags had before the source was asked
// for it. It is fresh only while they are the same. Deleting the entries of a tag instead would need a list of them, and would miss a value that was being
// fetched while the tag was invalidated: that value is old, and would be stored after the deletion. And what is out of date can still be shown where the
// source is down.
package cache

import (
	"context"
	"crypto/sha256"
	"log/slog"
	"time"
)

// Key names one value.
type Key struct {
	Source string // the configured name of what answers, such as "github.com"
	Kind   string // what the value is, such as "repository"
	Scope  Scope  // whose credentials it is read with
	Name   string // which one, such as "larkfold/artist-web"
}

// Scope tells apart values that are read with different credentials. The zero value is for what anybody may see.
type Scope [16]byte

// ScopeOf returns the scope of a credential, from which the credential cannot be found out. That of no credential is the zero value.
func ScopeOf(credential string) Scope {
	if credential == "" {
		return Scope{}
	}
	sum := sha256.Sum256([]byte("callboard scope\x00" + credential))
	return Scope(sum[:16])
}

// Policy says how long a value is good for what. All but Fresh are counted from the end of Fresh.
type Policy struct {
	Fresh      time.Duration // it answers without asking
	Revalidate time.Duration // it answers, and the source is asked behind the answer
	OnError    time.Duration // it answers where the source fails
	Absent     time.Duration // as Fresh, for that there is no such thing; nothing else holds for that
}

// life is how long a value of the policy is of any use.
func (p Policy) life(absent bool) time.Duration {
	if absent {
		return p.Absent
	}
	return min(p.Fresh+max(p.Revalidate, p.OnError, 0), maxLife)
}

// maxLife is how long anything is kept: longer than anybody wants to see something old, and shorter than stamps are.
const maxLife = 14 * 24 * time.Hour

// Value is what a source said.
type Value struct {
	Body      []byte    // not to be changed
	Absent    bool      // that there is no such thing; Body is empty
	Validator string    // what a conditional request sends back, such as an ETag; empty for none
	At        time.Time // when the source said it, or last said that it still holds; now where a Fetch leaves it out
	Tags      []string  // further tags, learnt from the answer
	Policy    *Policy   // in place of Wanted's, where the answer says so; nil for none
	NoStore   bool      // the value is for those who wait for it now, and not kept
}

// Wanted is one value that is wanted.
type Wanted struct {
	Key    Key
	Policy Policy
	Tags   []string // Invalidate of any of them ends Fresh and Revalidate
}

// Missing is one value that a Fetch is to bring.
type Missing struct {
	Index    int    // in the list of what was wanted
	Previous *Value // what is known already, for a conditional request; nil for nothing
}

// Fetched is what became of one Missing.
type Fetched struct {
	Value     Value
	Unchanged bool  // the source says that Previous still holds; of Value only At, Validator and Policy count, where they are set
	Err       error // why there is no value
	Final     bool  // with Err: the source has answered, such as that access is no longer granted, so what was known before must not be shown
}

// Fetch asks the source for all that is missing at once, and returns one Fetched for each, in order. Its context is not that of one caller, for several may
// wait for what it brings: it ends when none of them waits any more, or after Config.FetchTimeout.
type Fetch func(ctx context.Context, missing []Missing) []Fetched

// State is where a value comes from.
type State uint8

// The states of a value.
const (
	Live   State = iota // the source said it just now
	Cached              // it is remembered, and fresh
	Stale               // it is remembered, and no longer fresh
	Failed              // there is none
)

// Result is what became of one Wanted.
type Result struct {
	Value Value // zero where State is Failed
	State State
	Err   error // with Failed: why. With Stale: why it was not renewed; nil where it is being renewed
}

// Urgency tells a Fetch, and what it calls, how much depends on it.
type Urgency uint8

// The urgencies, the least urgent first.
const (
	Background Urgency = iota // nobody waits for it
	Renewal                   // somebody waits, and has something stale to show else
	Needed                    // somebody waits, and has nothing
)

type urgencyKey struct{}

// UrgencyOf returns the urgency of what is done with the context: Needed where Load did not say otherwise.
func UrgencyOf(ctx context.Context) Urgency {
	if u, ok := ctx.Value(urgencyKey{}).(Urgency); ok {
		return u
	}
	return Needed
}

// WithUrgency returns a context with the urgency.
func WithUrgency(ctx context.Context, u Urgency) context.Context {
	return context.WithValue(ctx, urgencyKey{}, u)
}

// Config is what a Cache can be told. The zero value of everything but Store is right.
type Config struct {
	Store        Store
	FetchTimeout time.Duration // for one Fetch; DefaultFetchTimeout where 0
	Refreshes    int           // Fetches behind answers at once; DefaultRefreshes where 0
	Log          *slog.Logger  // nowhere where nil
}

// What a cache does that is told nothing else.
const (
	DefaultFetchTimeout = 30 * time.Second // above that of any source: the source's own error says more
	DefaultRefreshes    = 16
	// leaseTime is how long others wait for a replica that died, or whose giving back the store did not hear of. One that lives has its right renewed in time.
	leaseTime = 3 * time.Second
	// pollTime is how often it is looked whether another replica has brought what it asks for: well below what people notice.
	pollTime = 20 * time.Millisecond
	// maxBody bounds what is kept of one value, in bytes: a few pages of the largest lists.
	maxBody = 8 << 20
)

// Cache remembers values. It is safe for concurrent use.
type Cache struct {
	config    Config
	store     Store
	flights   flights
	refreshes chan struct{} // a place for each refresh behind an answer
	counters  counters
	closed    context.Context
	close     context.CancelFunc
}

// New returns a cache over the store.
func New(c Config) *Cache {
	if c.FetchTimeout == 0 {
		c.FetchTimeout = DefaultFetchTimeout
	}
	if c.Refreshes == 0 {
		c.Refreshes = DefaultRefreshes
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	out := &Cache{config: c, store: c.Store, refreshes: make(chan struct{}, c.Refreshes)}
	c.Store.Heard(out.flights.outdate)
	out.closed, out.close = context.WithCancel(context.Background())
	return out
}

// Close ends what is being fetched behind answers and closes the store. Nothing may be asked of the cache afterwards.
func (c *Cache) Close() error {
	c.close()
	c.flights.wait()
	return c.store.Close()
}

// Invalidate ends the freshness of everything that has one of the tags, here and in all replicas. An error tells that other replicas may not have heard of it
// yet; they will when the store is back.
func (c *Cache) Invalidate(ctx context.Context, tags ...string) error {
	if len(tags) == 0 {
		return nil
	}
	return c.store.Bump(ctx, tags)
}
