package cache

import (
	"context"
	"slices"
	"sync"
)

// flights are the fetches under way, by key. Several that want the same value wait for one flight.
type flights struct {
	mu      sync.Mutex
	flying  map[string]*flight
	running sync.WaitGroup
}

// flight is a value on its way.
type flight struct {
	group  *group
	key    string
	tags   []string
	done   chan struct{} // closed when landed is set
	landed landed
	// waiting counts those who wait. Guarded by flights.mu.
	waiting int
}

// landed is what became of a flight.
type landed struct {
	Result
	final     bool // what was known must not be shown
	elsewhere bool // nothing was asked: another replica does it
}

// group is the flights of one fetch.
type group struct {
	flights *flights
	cancel  context.CancelFunc // nil where the fetch goes on without anybody waiting
	// members that have not landed. Guarded by flights.mu.
	members map[string]*flight
}

func (f *flights) wait() { f.running.Wait() }

// join returns the flights of what is missing: those under way, and new ones of one group, for which start is called with the positions of its values.
func (f *flights) join(lookups []Lookup, missing []int, start func(own []int, g *group)) []*flight {
	out := make([]*flight, len(missing))
	g := &group{flights: f, members: map[string]*flight{}}
	var own []int
	f.mu.Lock()
	for n, i := range missing {
		known := f.flying[lookups[i].Key]
		if known == nil {
			known = f.add(g, lookups[i])
			own = append(own, i)
		}
		known.waiting++
		out[n] = known
	}
	f.mu.Unlock()
	if len(own) > 0 {
		start(own, g)
	}
	return out
}

// lead starts a group for those of the values that nobody is fetching.
func (f *flights) lead(lookups []Lookup, which []int, start func(own []int, g *group)) {
	g := &group{flights: f, members: map[string]*flight{}}
	var own []int
	f.mu.Lock()
	for _, i := range which {
		if f.flying[lookups[i].Key] == nil {
			f.add(g, lookups[i])
			own = append(own, i)
		}
	}
	f.mu.Unlock()
	if len(own) > 0 {
		start(own, g)
	}
}

func (f *flights) add(g *group, l Lookup) *flight {
	out := &flight{group: g, key: l.Key, tags: l.Tags, done: make(chan struct{})}
	if f.flying == nil {
		f.flying = map[string]*flight{}
	}
	f.flying[l.Key], g.members[l.Key] = out, out
	return out
}

// outdate lets nobody join the flights of values that have one of the tags: what they bring was asked for before it changed.
func (f *flights) outdate(tags []string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for key, one := range f.flying {
		if slices.ContainsFunc(one.tags, func(tag string) bool { return slices.Contains(tags, tag) }) {
			delete(f.flying, key)
		}
	}
}

// cancelWith lets the fetch be given up when nobody waits for any of it.
func (g *group) cancelWith(cancel context.CancelFunc) {
	g.flights.mu.Lock()
	defer g.flights.mu.Unlock()
	g.cancel = cancel
}

// land hands out what became of a flight of the group.
func (g *group) land(key string, l landed) {
	f := g.flights
	f.mu.Lock()
	one := g.members[key]
	if one == nil {
		f.mu.Unlock()
		return
	}
	delete(g.members, key)
	if f.flying[key] == one {
		delete(f.flying, key)
	}
	f.mu.Unlock()
	one.landed = l
	close(one.done)
}

// wait returns what became of the flight, or that ctx has ended.
func (one *flight) wait(ctx context.Context) landed {
	select {
	case <-one.done:
		return one.landed
	default:
	}
	select {
	case <-one.done:
		return one.landed
	case <-ctx.Done():
		one.leave()
		return landed{Result: Result{State: Failed, Err: context.Cause(ctx)}}
	}
}

// leave is for one who waits no longer. A fetch that nobody waits for is given up.
func (one *flight) leave() {
	f := one.group.flights
	f.mu.Lock()
	one.waiting--
	cancel := one.group.cancel
	for _, member := range one.group.members {
		if member.waiting > 0 {
			cancel = nil
		}
	}
	f.mu.Unlock()
	if cancel != nil {
		cancel()
	}
}
