// Package cachetest holds the test that every store of package cache passes. A function that opens a store goes in. The one rule: it knows nothing of any
// store but what cache.Store promises.
package cachetest

import (
	"context"
	"fmt"
	"reflect"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"callboard.dev/callboard/clients/cache"
)

// Store tests a store. open returns an empty one, and closes it when the test ends.
func Store(t *testing.T, open func(t *testing.T) cache.Store) {
	t.Helper()
	run := func(name string, test func(t *testing.T, s tested)) {
		t.Run(name, func(t *testing.T) {
			store := open(t)
			s := tested{Store: store, t: t, heard: &sync.Map{}}
			store.Heard(func(tags []string) {
				for _, tag := range tags {
					s.heard.Store(tag, true)
				}
			})
			test(t, s)
		})
	}
	run("what is written is read", writtenIsRead)
	run("stamps decide what is current", stampsDecide)
	run("a lease is one caller's", leases)
	run("stamps are made and kept", stamps)
	run("what is removed is gone", removed)
	run("entries end", ends)
	run("many at once", many)
}

type tested struct {
	cache.Store
	t     *testing.T
	heard *sync.Map
}

func (s tested) must(err error) {
	s.t.Helper()
	if err != nil {
		s.t.Fatal(err)
	}
}

func (s tested) read(lookups ...cache.Lookup) []cache.Found {
	s.t.Helper()
	found, err := s.Read(s.t.Context(), lookups)
	s.must(err)
	if len(found) != len(lookups) {
		s.t.Fatalf("%d are found for %d", len(found), len(lookups))
	}
	return found
}

// lease returns the stamps of one lookup, which must be granted.
func (s tested) lease(l cache.Lookup) []cache.Stamp {
	s.t.Helper()
	got, err := s.Lease(s.t.Context(), []cache.Lookup{l}, time.Minute)
	s.must(err)
	if !got.Got[0] {
		s.t.Fatalf("%s is not granted", l.Key)
	}
	got.Release(s.t.Context())
	return got.Stamps[0]
}

func entry(body string, life time.Duration, tags []string, stamps []cache.Stamp) *cache.Entry {
	return &cache.Entry{Value: cache.Value{Body: []byte(body), At: time.Now().Truncate(time.Microsecond)}, Policy: cache.Policy{Fresh: life}, Tags: tags, Stamps: stamps}
}

func writtenIsRead(t *testing.T, s tested) {
	at := time.UnixMicro(time.Now().UnixMicro())
	policy := cache.Policy{Fresh: time.Minute, Revalidate: time.Hour, OnError: 2 * time.Hour, Absent: time.Minute}
	entries := map[string]*cache.Entry{
		"plain":            {Value: cache.Value{Body: []byte("{}"), At: at}, Policy: policy},
		"absent":           {Value: cache.Value{Absent: true, At: at}, Policy: policy},
		"with":             {Value: cache.Value{Body: []byte("\x00\xff\n"), Validator: `W/"é"`, At: at}, Policy: policy},
		"large":            {Value: cache.Value{Body: []byte(fmt.Sprintf("%0100000d", 1)), At: at}, Policy: policy},
		"oddly: {named}\n": {Value: cache.Value{Body: []byte("odd"), At: at}, Policy: policy},
	}
	var keyed []cache.Keyed
	lookups := []cache.Lookup{{Key: "nothing"}}
	for key, e := range entries {
		keyed = append(keyed, cache.Keyed{Key: key, Entry: e})
		lookups = append(lookups, cache.Lookup{Key: key})
	}
	s.must(s.Write(t.Context(), keyed))
	for i, found := range s.read(lookups...) {
		want := entries[lookups[i].Key]
		switch {
		case want == nil:
			if found.Entry != nil {
				t.Errorf("nothing was written under %q, and %v is found", lookups[i].Key, found.Entry)
			}
		case found.Entry == nil || !found.Current:
			t.Errorf("%q is not found, or not current", lookups[i].Key)
		default:
			got := found.Entry
			if string(got.Value.Body) != string(want.Value.Body) || got.Value.Absent != want.Value.Absent || got.Value.Validator != want.Value.Validator || !got.Value.At.Equal(at) || got.Policy != policy {
				t.Errorf("%q is read as %+v, want %+v", lookups[i].Key, got, want)
			}
		}
	}
}

func stampsDecide(t *testing.T, s tested) {
	ctx := t.Context()
	l := cache.Lookup{Key: "a", Tags: []string{"tag one", "tag:two"}}
	stamps := s.lease(l)
	s.must(s.Write(ctx, []cache.Keyed{{Key: "a", Entry: entry("1", time.Minute, l.Tags, stamps)}}))
	if f := s.read(l)[0]; f.Entry == nil || !f.Current {
		t.Fatalf("what was just written is %+v", f)
	}
	before := s.lease(l)
	if !reflect.DeepEqual(before, stamps) {
		t.Errorf("the stamps are %v, and were %v", before, stamps)
	}
	s.must(s.Bump(ctx, []string{"tag:two", "another"}))
	if _, ok := s.heard.Load("tag:two"); !ok {
		t.Error("nobody heard of the new stamp")
	}
	if f := s.read(l)[0]; f.Entry == nil || f.Current {
		t.Errorf("after the tag changed it is %+v", f)
	}
	// A value that was asked for before the tag changed is never current.
	s.must(s.Write(ctx, []cache.Keyed{{Key: "a", Entry: entry("2", time.Minute, l.Tags, before)}}))
	if f := s.read(l)[0]; f.Entry == nil || f.Current {
		t.Errorf("a value from before the change is %+v", f)
	}
	after := s.lease(l)
	if after[0] != before[0] || after[1] <= before[1] {
		t.Errorf("the stamps went from %v to %v", before, after)
	}
	s.must(s.Write(ctx, []cache.Keyed{{Key: "a", Entry: entry("3", time.Minute, l.Tags, after)}}))
	if f := s.read(l)[0]; f.Entry == nil || !f.Current || string(f.Entry.Value.Body) != "3" {
		t.Errorf("a value from after the change is %+v", f)
	}
	// Tags that only the entry has count too.
	learnt := cache.Lookup{Key: "b"}
	s.must(s.Write(ctx, []cache.Keyed{{Key: "b", Entry: entry("4", time.Minute, []string{"tag:two"}, after[1:])}}))
	if f := s.read(learnt)[0]; !f.Current {
		t.Error("a value with a tag of its own is not current")
	}
	s.must(s.Bump(ctx, []string{"tag:two"}))
	if f := s.read(learnt)[0]; f.Current {
		t.Error("a value whose own tag changed is current")
	}
	s.must(s.Write(ctx, []cache.Keyed{{Key: "c", Entry: entry("5", time.Minute, []string{"never"}, []cache.Stamp{0})}}))
	if f := s.read(cache.Lookup{Key: "c"})[0]; f.Current {
		t.Error("a value without a stamp is current")
	}
}

func leases(t *testing.T, s tested) {
	ctx := t.Context()
	a, b := cache.Lookup{Key: "a"}, cache.Lookup{Key: "b"}
	first, err := s.Lease(ctx, []cache.Lookup{a}, time.Minute)
	s.must(err)
	second, err := s.Lease(ctx, []cache.Lookup{a, b}, time.Minute)
	s.must(err)
	if !first.Got[0] || second.Got[0] || !second.Got[1] {
		t.Errorf("granted are %v and then %v", first.Got, second.Got)
	}
	second.Release(ctx)
	if again, err := s.Lease(ctx, []cache.Lookup{a, b}, time.Minute); err != nil || again.Got[0] || !again.Got[1] {
		t.Errorf("after the second gave back what it had, granted are %v (%v)", again.Got, err)
	}
	first.Release(ctx)
	if again, err := s.Lease(ctx, []cache.Lookup{a}, time.Minute); err != nil || !again.Got[0] {
		t.Errorf("after the first gave it back, granted are %v (%v)", again.Got, err)
	}
	// One that is not given back ends by itself, and giving it back late takes nobody else's.
	short, err := s.Lease(ctx, []cache.Lookup{{Key: "short"}}, 20*time.Millisecond)
	s.must(err)
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	for {
		next, err := s.Lease(ctx, []cache.Lookup{{Key: "short"}}, time.Minute)
		s.must(err)
		if next.Got[0] {
			break
		}
	}
	short.Renew(ctx, time.Millisecond)
	short.Release(ctx)
	if taken, err := s.Lease(ctx, []cache.Lookup{{Key: "short"}}, time.Minute); err != nil || taken.Got[0] {
		t.Errorf("a lease was taken away by renewing or giving back an older one: %v (%v)", taken.Got, err)
	}
	// One that is renewed ends when that says, here sooner than it would have.
	long, err := s.Lease(ctx, []cache.Lookup{{Key: "long"}}, time.Minute)
	s.must(err)
	long.Renew(ctx, 20*time.Millisecond)
	for {
		next, err := s.Lease(ctx, []cache.Lookup{{Key: "long"}}, time.Minute)
		s.must(err)
		if next.Got[0] {
			break
		}
	}
	if taken, err := s.Lease(ctx, []cache.Lookup{{Key: "short"}}, time.Minute); err != nil || taken.Got[0] {
		t.Errorf("a lease ended when an older one was renewed: %v (%v)", taken.Got, err)
	}
}

func stamps(t *testing.T, s tested) {
	first, err := s.Stamps(t.Context(), []string{"a", "b"}, 5)
	s.must(err)
	second, err := s.Stamps(t.Context(), []string{"b", "c"}, 7)
	s.must(err)
	if first[0] != 5 || first[1] != 5 || second[0] != 5 || second[1] != 7 {
		t.Errorf("the stamps are %v and %v, want [5 5] and [5 7]", first, second)
	}
	for range 3 {
		before, err := s.Stamps(t.Context(), []string{"a"}, 5)
		s.must(err)
		s.must(s.Bump(t.Context(), []string{"a"}))
		after, err := s.Stamps(t.Context(), []string{"a"}, 5)
		s.must(err)
		if after[0] <= before[0] {
			t.Errorf("a new stamp is %d after %d", after[0], before[0])
		}
	}
}

func removed(t *testing.T, s tested) {
	s.must(s.Write(t.Context(), []cache.Keyed{{Key: "a", Entry: entry("1", time.Minute, nil, nil)}, {Key: "b", Entry: entry("2", time.Minute, nil, nil)}}))
	s.must(s.Remove(t.Context(), []string{"a", "none"}))
	if f := s.read(cache.Lookup{Key: "a"}, cache.Lookup{Key: "b"}); f[0].Entry != nil || f[1].Entry == nil {
		t.Errorf("of a removed and a kept entry there are %v", f)
	}
}

func ends(t *testing.T, s tested) {
	old := entry("1", time.Minute, nil, nil)
	old.Value.At = time.Now().Add(-time.Hour)
	s.must(s.Write(t.Context(), []cache.Keyed{{Key: "a", Entry: old}}))
	if f := s.read(cache.Lookup{Key: "a"}); f[0].Entry != nil {
		t.Error("an entry is there after its end")
	}
}

func many(t *testing.T, s tested) {
	var group sync.WaitGroup
	var wrong atomic.Int64
	for worker := range 8 {
		group.Go(func() {
			for i := range 50 {
				key := fmt.Sprintf("key %d", (worker+i)%10)
				l := cache.Lookup{Key: key, Tags: []string{"all", key}}
				leases, err := s.Lease(t.Context(), []cache.Lookup{l}, time.Minute)
				if err != nil {
					wrong.Add(1)
					continue
				}
				if leases.Got[0] {
					err = s.Write(t.Context(), []cache.Keyed{{Key: key, Entry: entry(key, time.Minute, l.Tags, leases.Stamps[0])}})
				}
				leases.Release(t.Context())
				found, err2 := s.Read(t.Context(), []cache.Lookup{l})
				if err != nil || err2 != nil || found[0].Entry != nil && string(found[0].Entry.Value.Body) != key {
					wrong.Add(1)
				}
				if i%20 == 0 {
					_ = s.Bump(t.Context(), []string{key})
				}
			}
		})
	}
	group.Wait()
	if n := wrong.Load(); n > 0 {
		t.Errorf("%d reads or writes went wrong", n)
	}
}
