package cache

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"
)

// Load returns the values, one for each that is wanted and in their order: from what is remembered, or by one call of fetch for all that is missing and that
// nobody is asking for already.
func (c *Cache) Load(ctx context.Context, wanted []Wanted, fetch Fetch) []Result {
	lookups := make([]Lookup, len(wanted))
	for i := range wanted {
		lookups[i] = Lookup{Key: wanted[i].Key.text(), Tags: wanted[i].Tags}
	}
	found, err := c.store.Read(ctx, lookups)
	if err != nil {
		c.config.Log.Debug("what is remembered cannot be read", "error", err)
	}
	out := make([]Result, len(wanted))
	now := time.Now()
	var missing, renewable []int
	for i := range wanted {
		switch f := found[i]; f.use(now) {
		case fresh:
			out[i] = Result{Value: f.Entry.Value, State: Cached}
			c.counters.of(wanted[i].Key).cached.Add(1)
		case renew:
			out[i] = Result{Value: f.Entry.Value, State: Stale}
			c.counters.of(wanted[i].Key).stale.Add(1)
			renewable = append(renewable, i)
		default:
			missing = append(missing, i)
		}
	}
	if len(renewable) > 0 {
		c.refresh(ctx, wanted, lookups, found, renewable, fetch)
	}
	if len(missing) > 0 {
		c.loadMissing(ctx, wanted, lookups, found, missing, fetch, out)
	}
	return out
}

// use is what an entry is good for.
type use uint8

const (
	nothing use = iota
	onError     // to be shown where the source fails
	renew       // to be shown while the source is asked
	fresh
)

func (f Found) use(now time.Time) use {
	if f.Entry == nil {
		return nothing
	}
	age, p := now.Sub(f.Entry.Value.At), f.Entry.Policy
	if f.Entry.Value.Absent {
		if f.Current && age < p.Absent {
			return fresh
		}
		return nothing
	}
	switch {
	case f.Current && age < p.Fresh:
		return fresh
	case f.Current && age < p.Fresh+p.Revalidate:
		return renew
	case age < p.Fresh+p.OnError:
		return onError
	}
	return nothing
}

// previous is what a conditional request can start from.
func (f Found) previous() *Value {
	if f.Entry == nil || f.Entry.Value.Absent {
		return nil
	}
	return &f.Entry.Value
}

// loadMissing waits for what must be fetched.
func (c *Cache) loadMissing(ctx context.Context, wanted []Wanted, lookups []Lookup, found []Found, missing []int, fetch Fetch, out []Result) {
	now := time.Now()
	urgency := Renewal
	for _, i := range missing {
		if found[i].use(now) == nothing {
			urgency = Needed
		}
	}
	waits := c.flights.join(lookups, missing, func(own []int, g *group) {
		j := &job{cache: c, wanted: wanted, lookups: lookups, found: found, fetch: fetch, group: g}
		j.start(WithUrgency(ctx, urgency), own, func() {})
	})
	var again []int
	for n, i := range missing {
		result := waits[n].wait(ctx)
		if result.elsewhere {
			again = append(again, i)
			continue
		}
		counter := c.counters.of(wanted[i].Key)
		if result.State == Failed && !result.final && found[i].use(time.Now()) != nothing {
			result.Result = Result{Value: found[i].Entry.Value, State: Stale, Err: result.Err}
		}
		out[i] = result.Result
		counter.add(out[i].State)
	}
	if len(again) > 0 { // what was joined gave up, as nobody had waited for it
		c.loadMissing(ctx, wanted, lookups, found, again, fetch, out)
	}
}

// refresh fetches behind the answer what is still good to show, where there is a place for that and nobody does it already.
func (c *Cache) refresh(ctx context.Context, wanted []Wanted, lookups []Lookup, found []Found, renewable []int, fetch Fetch) {
	select {
	case c.refreshes <- struct{}{}:
	default:
		return
	}
	started := false
	c.flights.lead(lookups, renewable, func(own []int, g *group) {
		started = true
		for _, i := range own {
			c.counters.of(wanted[i].Key).refreshed.Add(1)
		}
		j := &job{cache: c, wanted: wanted, lookups: lookups, found: found, fetch: fetch, group: g}
		j.start(WithUrgency(ctx, Background), own, func() { <-c.refreshes })
	})
	if !started {
		<-c.refreshes
	}
}

// job is one fetch with all around it.
type job struct {
	cache   *Cache
	wanted  []Wanted
	lookups []Lookup
	found   []Found
	fetch   Fetch
	group   *group
}

// start runs the job on a goroutine of its own. What is in ctx holds for the fetch, but for its end.
func (j *job) start(ctx context.Context, own []int, ended func()) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), j.cache.config.FetchTimeout)
	stop := context.AfterFunc(j.cache.closed, cancel)
	if UrgencyOf(ctx) != Background {
		j.group.cancelWith(cancel)
	}
	j.cache.flights.running.Go(func() {
		defer ended()
		defer stop()
		defer cancel()
		j.run(ctx, own)
	})
}

// run brings the values: those that this process has the right to bring at once, the others when another replica has brought them or given up.
func (j *job) run(ctx context.Context, own []int) {
	background := UrgencyOf(ctx) == Background
	waiting := own
	for first := true; len(waiting) > 0; first = false {
		if !first {
			select {
			case <-ctx.Done():
				j.failAll(waiting, context.Cause(ctx))
				return
			case <-time.After(pollTime):
			}
			if waiting = j.brought(ctx, waiting); len(waiting) == 0 {
				return
			}
		}
		leases, err := j.cache.store.Lease(ctx, j.some(waiting), leaseTime)
		if err != nil {
			j.cache.config.Log.Debug("no right to fetch could be got: fetching without", "error", err)
		}
		var mine, others []int
		var stamps [][]Stamp
		for n, i := range waiting {
			if leases.Got[n] {
				mine, stamps = append(mine, i), append(stamps, leases.Stamps[n])
			} else {
				others = append(others, i)
			}
		}
		if len(mine) > 0 {
			j.bringRest(ctx, mine, stamps, leases, err == nil)
		}
		if background { // another replica does it
			for _, i := range others {
				j.group.land(j.lookups[i].Key, landed{elsewhere: true})
			}
			return
		}
		waiting = others
	}
}

func (j *job) some(which []int) []Lookup {
	out := make([]Lookup, len(which))
	for n, i := range which {
		out[n] = j.lookups[i]
	}
	return out
}

// brought hands out what another replica has brought, and returns what is still waited for.
func (j *job) brought(ctx context.Context, waiting []int) (rest []int) {
	found, err := j.cache.store.Read(ctx, j.some(waiting))
	if err != nil {
		j.cache.config.Log.Debug("what is remembered cannot be read", "error", err)
	}
	now := time.Now()
	for n, i := range waiting {
		if found[n].use(now) == fresh {
			j.group.land(j.lookups[i].Key, landed{Result: Result{Value: found[n].Entry.Value, State: Live}})
		} else {
			rest = append(rest, i)
		}
	}
	return rest
}

// bringRest brings what this process has the right to bring, but for what another replica has brought since it was looked for, where the store is well.
func (j *job) bringRest(ctx context.Context, mine []int, stamps [][]Stamp, leases Leases, well bool) {
	release := sync.OnceFunc(func() { leases.Release(context.WithoutCancel(ctx)) })
	defer release()
	if well {
		rest := j.brought(ctx, mine)
		var own [][]Stamp
		for n, i := range mine {
			if slices.Contains(rest, i) {
				own = append(own, stamps[n])
			}
		}
		mine, stamps = rest, own
	}
	if len(mine) == 0 {
		return
	}
	fetching, fetched := context.WithCancel(ctx)
	defer fetched()
	j.cache.flights.running.Go(func() {
		for {
			select {
			case <-fetching.Done():
				return
			case <-time.After(leaseTime / 3):
				leases.Renew(fetching, leaseTime)
			}
		}
	})
	j.bring(ctx, mine, stamps, func(kept bool) {
		if well && kept { // nobody waits longer because of a store that is not well
			release()
		}
	})
}

// bring calls fetch, keeps what it brings and hands it out. Before it does it calls done, which tells whether all could be kept: who has been handed something
// and asks again must not meet the right to bring that.
func (j *job) bring(ctx context.Context, mine []int, stamps [][]Stamp, done func(kept bool)) {
	missing := make([]Missing, len(mine))
	for n, i := range mine {
		missing[n] = Missing{Index: i, Previous: j.found[i].previous()}
	}
	started := stampNow()
	fetched := j.call(ctx, missing)
	var entries []Keyed
	var gone []string
	out := make([]landed, len(mine))
	now := time.Now()
	for n, i := range mine {
		f := &fetched[n]
		if f.Err == nil && f.Unchanged {
			f.renew(missing[n].Previous)
		}
		if f.Err != nil {
			out[n] = landed{Result: Result{State: Failed, Err: f.Err}, final: f.Final}
			if f.Final {
				gone = append(gone, j.lookups[i].Key)
			}
			continue
		}
		if f.Value.At.IsZero() {
			f.Value.At = now
		}
		out[n] = landed{Result: Result{Value: f.Value, State: Live}}
		if e := j.entryOf(ctx, j.wanted[i], f.Value, stamps[n], started); e != nil {
			entries = append(entries, Keyed{j.lookups[i].Key, e})
		} else if j.found[i].Entry != nil {
			gone = append(gone, j.lookups[i].Key)
		}
	}
	// Kept first: who asks next must find it.
	kept := true
	if len(entries) > 0 {
		if err := j.cache.store.Write(context.WithoutCancel(ctx), entries); err != nil {
			kept = false
			j.cache.config.Log.Debug("values could not be kept", "error", err)
		}
	}
	if len(gone) > 0 {
		if err := j.cache.store.Remove(context.WithoutCancel(ctx), gone); err != nil {
			kept = false
			j.cache.config.Log.Warn("what must not be shown any more could not be removed", "error", err)
		}
	}
	done(kept)
	for n, i := range mine {
		j.group.land(j.lookups[i].Key, out[n])
	}
}

// call calls fetch, and makes a failure of a panic and of a list of the wrong length.
func (j *job) call(ctx context.Context, missing []Missing) (out []Fetched) {
	failAll := func(err error) []Fetched {
		out := make([]Fetched, len(missing))
		for i := range out {
			out[i].Err = err
		}
		return out
	}
	defer func() {
		if p := recover(); p != nil {
			j.cache.config.Log.Error("bug: a fetch panicked", "panic", p)
			out = failAll(errors.New("bug: asking the source panicked"))
		}
	}()
	out = j.fetch(ctx, missing)
	if len(out) != len(missing) {
		return failAll(fmt.Errorf("bug: %d values were fetched for %d that are wanted", len(out), len(missing)))
	}
	return out
}

// renew makes the value of what the source says still holds.
func (f *Fetched) renew(previous *Value) {
	if previous == nil {
		f.Err = errors.New("the source says that nothing changed, and nothing was known")
		return
	}
	value := *previous
	value.At = f.Value.At
	if f.Value.Validator != "" {
		value.Validator = f.Value.Validator
	}
	if f.Value.Policy != nil {
		value.Policy = f.Value.Policy
	}
	f.Value = value
}

func (j *job) failAll(which []int, err error) {
	for _, i := range which {
		j.group.land(j.lookups[i].Key, landed{Result: Result{State: Failed, Err: err}})
	}
}

// entryOf returns what is kept of a value, nil where nothing is.
func (j *job) entryOf(ctx context.Context, w Wanted, v Value, stamps []Stamp, started Stamp) *Entry {
	p := w.Policy
	if v.Policy != nil {
		p = *v.Policy
	}
	if len(v.Validator) > maxText {
		v.Validator = ""
	}
	if v.NoStore || len(v.Body) > maxBody || len(w.Tags)+len(v.Tags) > maxTags || p.life(v.Absent) <= 0 {
		return nil
	}
	e := &Entry{Value: v, Policy: p, Tags: w.Tags, Stamps: stamps}
	e.Value.Policy, e.Value.Tags = nil, nil
	if len(v.Tags) == 0 {
		return e
	}
	// What was learnt only now may have been invalidated while the source was asked: a stamp of that time or later does not count.
	before := started - Stamp(maxSkew.Microseconds())
	learnt, err := j.cache.store.Stamps(ctx, v.Tags, before)
	if err != nil {
		j.cache.config.Log.Debug("stamps cannot be read", "error", err)
	}
	for i, stamp := range learnt {
		if stamp > before {
			learnt[i] = 0
		}
	}
	e.Tags = append(append(make([]string, 0, len(w.Tags)+len(v.Tags)), w.Tags...), v.Tags...)
	e.Stamps = append(append(make([]Stamp, 0, len(e.Tags)), stamps...), learnt...)
	return e
}

// maxSkew is how far the clocks of replicas may be apart.
const maxSkew = 5 * time.Second
