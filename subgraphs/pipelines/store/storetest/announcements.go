package storetest

import (
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"callboard.dev/callboard/subgraphs/pipelines/store"
)

const pull = "host.example/team/repo#7"

// manyTries take longer than a microsecond: how long the shortest lease lasts, if the clock does not stand still.
const manyTries = 1000

// lease takes the lease on an announcement that nobody has.
func lease(t *testing.T, s store.Store, name string) store.Announcement {
	t.Helper()
	a, held, err := s.Announce(t.Context(), name, time.Hour)
	if err != nil || !held || a.Lease == "" || a.Name != name {
		t.Fatalf("the lease on %s: %+v, %v, %v", name, a, held, err)
	}
	return a
}

// announced wants what somebody sees who does not hold the lease.
func announced(t *testing.T, s store.Store, want store.Announcement) {
	t.Helper()
	got, held, err := s.Announce(t.Context(), want.Name, time.Hour)
	if err != nil || held {
		t.Fatalf("the lease was taken twice: %v", err)
	}
	same(t, "announced", got, want)
}

func announcementsAreRemembered(t *testing.T, open Opener) {
	ctx, s, other := t.Context(), open(), open()
	mine := lease(t, s, pull)
	same(t, "at first", mine, store.Announcement{Name: pull, Lease: mine.Lease})
	announced(t, other, store.Announcement{Name: pull})
	mine.Reference, mine.Digest, mine.At = "comment/ä", "digest", someTime
	done(t, s.SaveAnnouncement(ctx, mine))
	refused(t, "saved twice", s.SaveAnnouncement(ctx, mine), store.ErrLost)
	theirs := lease(t, other, pull)
	if theirs.Lease == mine.Lease {
		t.Error("two leases are the same")
	}
	same(t, "then", theirs, store.Announcement{Name: pull, Reference: "comment/ä", Digest: "digest", At: someTime, Lease: theirs.Lease})
	announced(t, s, store.Announcement{Name: pull, Reference: "comment/ä", Digest: "digest", At: someTime})
	done(t, other.SaveAnnouncement(ctx, theirs)) // there is nothing new
	again := lease(t, open(), pull)
	same(t, "when nothing was new", again, store.Announcement{Name: pull, Reference: "comment/ä", Digest: "digest", At: someTime, Lease: again.Lease})
	again.Digest, again.At = "another", time.Time{}
	before := time.Now().Add(-time.Millisecond)
	done(t, s.SaveAnnouncement(ctx, again))
	if now := lease(t, s, pull); now.Digest != "another" || now.At.Before(before) {
		t.Errorf("posted now: %+v", now)
	}
	done(t, s.SaveAnnouncement(ctx, lease(t, s, "another"))) // nothing was posted
	if another := lease(t, other, "another"); !another.Nothing() || !another.At.IsZero() {
		t.Errorf("where nothing was posted: %+v", another)
	}
}

func aLeaseIsOneReplicas(t *testing.T, open Opener) {
	ctx := t.Context()
	stores := []store.Store{open(), open(), open()}
	for round := range 5 {
		var asking sync.WaitGroup
		var mu sync.Mutex
		var holders []store.Announcement
		for i := range 30 {
			asking.Go(func() {
				a, held, err := stores[i%len(stores)].Announce(ctx, pull, time.Hour)
				if err != nil {
					t.Error(err)
				}
				if held {
					mu.Lock()
					holders = append(holders, a)
					mu.Unlock()
				}
			})
		}
		asking.Wait()
		if len(holders) != 1 {
			t.Fatalf("%d have the lease", len(holders))
		}
		if want := ""; round > 0 {
			want = fmt.Sprint("comment ", round-1)
			if holders[0].Reference != want {
				t.Errorf("the comment is %q, want %q", holders[0].Reference, want)
			}
		}
		holders[0].Reference = fmt.Sprint("comment ", round)
		done(t, stores[round%len(stores)].SaveAnnouncement(ctx, holders[0]))
	}
}

// briefly takes a lease that has ended when another takes the same.
func briefly(t *testing.T, s, other store.Store, name string) (late, mine store.Announcement) {
	t.Helper()
	late, held, err := s.Announce(t.Context(), name, time.Microsecond)
	if err != nil || !held {
		t.Fatalf("a short lease: %v, %v", held, err)
	}
	for range manyTries {
		if mine, held, err = other.Announce(t.Context(), name, time.Hour); err != nil || held {
			done(t, err)
			return late, mine
		}
	}
	t.Fatal("a short lease does not end")
	return late, mine
}

func aLeaseEnds(t *testing.T, open Opener) {
	ctx, s, other := t.Context(), open(), open()
	late, mine := briefly(t, s, other, pull)
	late.Reference, mine.Reference, mine.At = "late", "mine", someTime
	refused(t, "saving with a lease that another has", s.SaveAnnouncement(ctx, late), store.ErrLost)
	done(t, other.SaveAnnouncement(ctx, mine))
	refused(t, "saving with a lease that another had", s.SaveAnnouncement(ctx, late), store.ErrLost)
	if got := lease(t, s, pull); got.Reference != "mine" {
		t.Errorf("announced is %+v", got)
	}
	slow, held, err := s.Announce(ctx, "slow", time.Microsecond)
	if err != nil || !held {
		t.Fatalf("another lease: %v, %v", held, err)
	}
	slow.Reference = "slow"
	done(t, s.SaveAnnouncement(ctx, slow)) // late, but nobody else came
}

func announcementsThatCannotBeKept(t *testing.T, open Opener) {
	ctx, s := t.Context(), open()
	for name, want := range map[string]error{"": store.ErrInvalid, "\x00": store.ErrInvalid, strings.Repeat("x", store.MaxName+1): store.ErrTooLarge} {
		_, held, err := s.Announce(ctx, name, time.Hour)
		refused(t, fmt.Sprintf("%.20q", name), err, want)
		if held {
			t.Error("the lease is held with an error")
		}
	}
	for _, lease := range []time.Duration{0, -time.Second} {
		_, _, err := s.Announce(ctx, pull, lease)
		refused(t, lease.String(), err, store.ErrInvalid)
	}
	mine := lease(t, s, pull)
	for what, wrong := range map[string]struct {
		change func(a *store.Announcement)
		want   error
	}{
		"no lease":          {func(a *store.Announcement) { a.Lease = "" }, store.ErrInvalid},
		"a strange digest":  {func(a *store.Announcement) { a.Digest = "\xff" }, store.ErrInvalid},
		"a long reference":  {func(a *store.Announcement) { a.Reference = strings.Repeat("x", store.MaxName+1) }, store.ErrTooLarge},
		"a strange time":    {func(a *store.Announcement) { a.At = time.Unix(1<<50, 0) }, store.ErrInvalid},
		"another's lease":   {func(a *store.Announcement) { a.Lease = "another's" }, store.ErrLost},
		"the lease on more": {func(a *store.Announcement) { a.Name = "another" }, store.ErrLost},
	} {
		a := mine
		a.Reference, a.At = "comment", someTime
		wrong.change(&a)
		refused(t, what, s.SaveAnnouncement(ctx, a), wrong.want)
	}
	announced(t, s, store.Announcement{Name: pull})
}

func oldAnnouncementsAreForgotten(t *testing.T, open Opener) {
	ctx, s := t.Context(), open()
	post := func(name string, at time.Time) {
		a := lease(t, s, name)
		a.Reference, a.At = name, at
		done(t, s.SaveAnnouncement(ctx, a))
	}
	post("old", after(0))
	post("held", after(0))
	post("new", after(2))
	held := lease(t, s, "held")
	done(t, s.Prune(ctx, after(1)))
	for name, there := range map[string]bool{"old": false, "new": true} {
		if got := lease(t, s, name); got.Nothing() == there {
			t.Errorf("%s is %+v", name, got)
		}
	}
	held.Digest, held.At = "newer", after(3)
	done(t, s.SaveAnnouncement(ctx, held))
	if got := lease(t, s, "held"); got.Reference != "held" || got.Digest != "newer" {
		t.Errorf("what was being posted is %+v", got)
	}
	// Who died with a lease has posted nothing, and leaves nothing for ever.
	dead, held2, err := s.Announce(ctx, "dead", time.Microsecond)
	if err != nil || !held2 {
		t.Fatal(held2, err)
	}
	dead.Reference = "comment"
	for range manyTries {
		done(t, s.Prune(ctx, time.Now().Add(time.Hour)))
		if err = s.SaveAnnouncement(ctx, dead); err != nil {
			break
		}
		dead, _, err = s.Announce(ctx, "dead", time.Microsecond)
		done(t, err)
		dead.Reference = "comment"
	}
	refused(t, "saving what was forgotten", err, store.ErrLost)
}
