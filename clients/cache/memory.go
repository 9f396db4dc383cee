package cache

import (
	"context"
	"math"
	"sync"
	"sync/atomic"
	"time"

	"github.com/maypok86/otter/v2"
)

// Memory is a store in this process. Nothing of it fails.
type Memory struct {
	entries   *otter.Cache[string, *Entry]
	stamps    *otter.Cache[string, Stamp]
	evictions atomic.Int64

	mu      sync.Mutex // held while stamps change
	heard   func(tags []string)
	leases  map[string]*lease
	leasing sync.Mutex
}

// lease is the right of one caller.
type lease struct{ until time.Time }

// DefaultMemory is how many bytes of entries are kept where nothing is said.
const DefaultMemory = 64 << 20

const (
	entryBytes = 400 // what an entry takes beside its texts: measured, map and lists included
	stampBytes = 150
	// stampsPart is the part of the memory that stamps may take. What has no stamp is asked for again.
	stampsPart = 16
)

// NewMemory returns an empty store that takes so many bytes at most; DefaultMemory where 0.
func NewMemory(bytes int64) *Memory {
	if bytes <= 0 {
		bytes = DefaultMemory
	}
	m := &Memory{leases: map[string]*lease{}}
	m.entries = otter.Must(&otter.Options[string, *Entry]{
		MaximumWeight: uint64(bytes - bytes/stampsPart),
		Weigher:       func(key string, e *Entry) uint32 { return e.weight(key) },
		OnDeletion: func(e otter.DeletionEvent[string, *Entry]) {
			if e.WasEvicted() {
				m.evictions.Add(1)
			}
		},
	})
	m.stamps = otter.Must(&otter.Options[string, Stamp]{
		MaximumWeight: uint64(bytes / stampsPart),
		Weigher:       func(tag string, _ Stamp) uint32 { return uint32(len(tag) + stampBytes) },
	})
	return m
}

func (e *Entry) weight(key string) uint32 {
	n := entryBytes + len(key) + len(e.Value.Body) + len(e.Value.Validator)
	for _, tag := range e.Tags {
		n += len(tag) + 24
	}
	return uint32(min(n, math.MaxUint32))
}

// Read returns what is kept.
func (m *Memory) Read(_ context.Context, lookups []Lookup) ([]Found, error) {
	out := make([]Found, len(lookups))
	now := time.Now()
	for i := range lookups {
		e, ok := m.entries.GetIfPresent(lookups[i].Key)
		if !ok {
			continue
		}
		if !now.Before(e.until()) {
			m.entries.Invalidate(lookups[i].Key)
			continue
		}
		out[i] = Found{Entry: e, Current: m.current(e)}
	}
	return out, nil
}

// current tells whether the stamps of an entry are what they were.
func (m *Memory) current(e *Entry) bool {
	for i, tag := range e.Tags {
		stamp, ok := m.stamps.GetIfPresent(tag)
		if !ok || stamp != e.Stamps[i] {
			return false
		}
	}
	return true
}

// Lease grants a key to one caller of this process at a time.
func (m *Memory) Lease(ctx context.Context, lookups []Lookup, d time.Duration) (Leases, error) {
	out := Leases{Got: make([]bool, len(lookups)), Stamps: make([][]Stamp, len(lookups))}
	now := time.Now()
	got := map[string]*lease{}
	m.leasing.Lock()
	for i := range lookups {
		key := lookups[i].Key
		if taken := m.leases[key]; taken == nil || !now.Before(taken.until) {
			got[key] = &lease{until: now.Add(d)}
			m.leases[key] = got[key]
			out.Got[i] = true
		}
	}
	m.leasing.Unlock()
	ours := func(f func(key string, l *lease)) {
		m.leasing.Lock()
		defer m.leasing.Unlock()
		for key, l := range got {
			if m.leases[key] == l {
				f(key, l)
			}
		}
	}
	out.Renew = func(_ context.Context, d time.Duration) {
		until := time.Now().Add(d)
		ours(func(_ string, l *lease) { l.until = until })
	}
	out.Release = func(context.Context) { ours(func(key string, _ *lease) { delete(m.leases, key) }) }
	for i := range lookups {
		out.Stamps[i], _ = m.Stamps(ctx, lookups[i].Tags, stampNow())
	}
	return out, nil
}

// Stamps returns the stamps of the tags; one that has none is given first.
func (m *Memory) Stamps(_ context.Context, tags []string, first Stamp) ([]Stamp, error) {
	out := make([]Stamp, len(tags))
	for i, tag := range tags {
		out[i], _ = m.stamps.GetIfPresent(tag)
		if out[i] == 0 {
			out[i] = m.raise(tag, func(have Stamp) Stamp {
				if have != 0 {
					return have
				}
				return first
			})
		}
	}
	return out, nil
}

// raise sets a stamp and returns it.
func (m *Memory) raise(tag string, to func(have Stamp) Stamp) Stamp {
	m.mu.Lock()
	defer m.mu.Unlock()
	have, _ := m.stamps.GetIfPresent(tag)
	next := to(have)
	if next != have {
		m.stamps.Set(tag, next)
	}
	return next
}

func stampNow() Stamp { return Stamp(time.Now().UnixMicro()) }

// Write keeps entries.
func (m *Memory) Write(_ context.Context, entries []Keyed) error {
	for _, e := range entries {
		m.entries.Set(e.Key, e.Entry)
	}
	return nil
}

// Remove forgets entries.
func (m *Memory) Remove(_ context.Context, keys []string) error {
	for _, key := range keys {
		m.entries.Invalidate(key)
	}
	return nil
}

// Bump gives the tags new stamps.
func (m *Memory) Bump(_ context.Context, tags []string) error {
	for _, tag := range tags {
		m.raise(tag, func(have Stamp) Stamp { return max(have+1, stampNow()) })
	}
	m.tell(tags)
	return nil
}

// Heard calls f with tags when they get new stamps.
func (m *Memory) Heard(f func(tags []string)) { m.heard = f }

func (m *Memory) tell(tags []string) {
	if m.heard != nil {
		m.heard(tags)
	}
}

// Health tells how much is kept.
func (m *Memory) Health() Health {
	return Health{Entries: int64(m.entries.EstimatedSize()), Bytes: int64(m.entries.WeightedSize() + m.stamps.WeightedSize()), Evictions: m.evictions.Load(), Healthy: true}
}

// Close ends what the store does beside its calls.
func (m *Memory) Close() error {
	m.entries.StopAllGoroutines()
	m.stamps.StopAllGoroutines()
	return nil
}
