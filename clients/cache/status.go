package cache

import (
	"cmp"
	"slices"
	"sync"
	"sync/atomic"
)

// Status is how a cache does.
type Status struct {
	Health
	Kinds []KindStatus // sorted by source, then kind
}

// KindStatus counts what was asked for of one kind of value, since the cache was made.
type KindStatus struct {
	Source, Kind                string
	Live, Cached, Stale, Failed int64
	Refreshed                   int64 // fetched behind answers
}

// counters count by source and kind.
type counters struct{ all sync.Map }

type counter struct{ live, cached, stale, failed, refreshed atomic.Int64 }

type sourceKind struct{ source, kind string }

func (c *counters) of(k Key) *counter {
	key := sourceKind{k.Source, k.Kind}
	if found, ok := c.all.Load(key); ok {
		return found.(*counter)
	}
	found, _ := c.all.LoadOrStore(key, &counter{})
	return found.(*counter)
}

func (c *counter) add(s State) {
	switch s {
	case Live:
		c.live.Add(1)
	case Cached:
		c.cached.Add(1)
	case Stale:
		c.stale.Add(1)
	case Failed:
		c.failed.Add(1)
	}
}

// Status returns how the cache does. It asks nobody.
func (c *Cache) Status() Status {
	out := Status{Health: c.store.Health()}
	c.counters.all.Range(func(key, value any) bool {
		k, n := key.(sourceKind), value.(*counter)
		out.Kinds = append(out.Kinds, KindStatus{Source: k.source, Kind: k.kind, Live: n.live.Load(), Cached: n.cached.Load(), Stale: n.stale.Load(),
			Failed: n.failed.Load(), Refreshed: n.refreshed.Load()})
		return true
	})
	slices.SortFunc(out.Kinds, func(a, b KindStatus) int { return cmp.Or(cmp.Compare(a.Source, b.Source), cmp.Compare(a.Kind, b.Kind)) })
	return out
}
