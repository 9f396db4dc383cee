//go:build servers

package live_test

import (
	"context"
	"fmt"
	"os"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"callboard.dev/callboard/clients/cache/redistest"
	"callboard.dev/callboard/subgraphs/pipelines/live"
)

// Redis dies and comes back, empty: watchers never see an error or an event twice, and in the end one looks again. Where each looks for itself, what another process found
// may come after what was found here within the time that it takes to say so: then it is older by no more than a few looks, and says that others were lost.
func TestRedisDies(t *testing.T) {
	server := redistest.Single(t)
	options := redis.UniversalOptions{Addrs: []string{server.Address}}
	outage(t, options, func() { server.Kill() }, func() { server.Again(t) })
}

// Redis stands still for a while.
func TestRedisFreezes(t *testing.T) {
	server := redistest.Single(t)
	signal := func(s os.Signal) {
		if err := server.Signal(s); err != nil {
			t.Error(err)
		}
	}
	outage(t, redis.UniversalOptions{Addrs: []string{server.Address}}, func() { signal(syscall.SIGSTOP) }, func() { signal(syscall.SIGCONT) })
}

// A master dies, and others take its place.
func TestMasterDies(t *testing.T) {
	t.Run("sentinel", func(t *testing.T) {
		s := redistest.WithSentinel(t)
		outage(t, redis.UniversalOptions{Addrs: s.Addresses, MasterName: s.Master}, s.Servers[0].Kill, func() {})
	})
	t.Run("cluster", func(t *testing.T) {
		all := redistest.Cluster(t)
		var addresses []string
		for _, s := range all {
			addresses = append(addresses, s.Address)
		}
		options := redis.UniversalOptions{Addrs: addresses, IsClusterMode: true}
		client := redis.NewUniversalClient(&options)
		defer client.Close()
		outage(t, options, func() { // the one that has the topic
			for _, s := range all {
				one := redis.NewClient(&redis.Options{Addr: s.Address})
				keys, err := one.Keys(t.Context(), live.DefaultPrefix+"*").Result()
				role, wrong := one.Info(t.Context(), "replication").Result()
				_ = one.Close()
				if err != nil || wrong != nil {
					t.Error(err, wrong)
				}
				if len(keys) > 0 && strings.Contains(role, "role:master") {
					s.Kill()
					return
				}
			}
			t.Error("no master has the topic")
		}, func() {})
	})
}

func outage(t *testing.T, options redis.UniversalOptions, begin, end func()) {
	n := &numbers{}
	replicas := []*replica{startReplica(t, options), startReplica(t, options)}
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	var group sync.WaitGroup
	var all [6]seen
	var losses [6][]bool
	var progress [6]atomic.Int64
	for i := range all {
		r := replicas[i%2]
		w := watch(t, r.Hub, "run", "", n.lookOf(r))
		group.Go(func() {
			for {
				e, err := w.Next(ctx)
				if ctx.Err() != nil {
					return
				}
				if err != nil {
					t.Errorf("a watcher was told of it: %v", err)
					return
				}
				all[i].texts = append(all[i].texts, string(e.Data))
				all[i].id = e.ID
				losses[i] = append(losses[i], e.Lost)
				progress[i].Add(1)
			}
		})
	}
	until := func(what string, condition func() bool) {
		t.Helper()
		deadline, pace := time.After(patience), time.NewTicker(10*time.Millisecond)
		defer pace.Stop()
		for !condition() {
			select {
			case <-pace.C:
			case <-deadline:
				t.Fatalf("%s: %+v, %+v", what, replicas[0].Status(), replicas[1].Status())
			}
		}
	}
	more := func(events int64) func() bool {
		var before [6]int64
		for i := range progress {
			before[i] = progress[i].Load()
		}
		return func() bool {
			for i := range progress {
				if progress[i].Load() < before[i]+events {
					return false
				}
			}
			return true
		}
	}
	looking := func() int { return replicas[0].Status().Looking + replicas[1].Status().Looking }
	until("nothing is seen", more(3))
	until("not one looks", func() bool { return looking() == 1 })
	begin()
	until("nobody notices", func() bool { return replicas[0].Status().Alone || replicas[1].Status().Alone })
	until("watchers see nothing while Redis is away", more(4))
	end()
	until("Redis is not found again", func() bool { return !replicas[0].Status().Alone && !replicas[1].Status().Alone })
	until("not one looks again", func() bool { return looking() == 1 })
	until("watchers see nothing after Redis came back", more(4))
	stop()
	group.Wait()
	for i := range all {
		const few = 4 // looks of two processes in the half second that publishing may take
		last, had := 0, map[int]bool{}
		for n, text := range all[i].texts {
			var now int
			if _, err := fmt.Sscan(text, &now); err != nil || had[now] || now <= last && !losses[i][n] || now <= last-few {
				t.Errorf("watcher %d saw %v: %d after %d", i, all[i].texts, now, last)
				break
			}
			last, had[now] = now, true
		}
	}
	// Who comes back, to either replica, sees all that comes after what it saw last, or is told that it does not.
	for i, r := range replicas {
		after := all[1-i]
		w := watch(t, r.Hub, "run", after.id, n.lookOf(r))
		resumed := seen{}
		resumed.read(t, w, resumed.atLeast(3))
		want := from(stream(t, r.client), after.last())[1:]
		if !slices.Equal(resumed.texts, want[:min(3, len(want))]) || resumed.lost > 0 {
			t.Errorf("after %s a watcher of replica %d saw %v (%d times others were lost), want %v", after.last(), i, resumed.texts, resumed.lost, want)
		}
		if r.lines.count("level=WARN") > 3 {
			t.Errorf("replica %d logged %s", i, r.lines.text.String())
		}
	}
}

// Where Redis is not there from the beginning, each looks for itself, and shares when it comes.
func TestNoRedis(t *testing.T) {
	server := redistest.Single(t)
	server.Kill()
	r := startReplica(t, redis.UniversalOptions{Addrs: []string{server.Address}})
	n := &numbers{}
	w := watch(t, r.Hub, "run", "", n.lookOf(r))
	s := seen{}
	s.read(t, w, s.atLeast(3))
	server.Again(t)
	s.read(t, w, func() bool { return !r.Status().Alone })
	s.read(t, w, s.atLeast(len(s.texts)+3))
	if len(stream(t, r.client)) == 0 {
		t.Error("nothing is shared")
	}
	want := ""
	for i := range s.texts {
		want += fmt.Sprint(" ", i+1)
	}
	if got := " " + strings.Join(s.texts, " "); got != want {
		t.Errorf("saw%s, want%s", got, want)
	}
}

// What was only for a while, while Redis stood still and each looked for itself, does not stay with those who saw it, though the stream never had it.
func TestBackToWhatWas(t *testing.T) {
	server := redistest.Single(t)
	options := redis.UniversalOptions{Addrs: []string{server.Address}}
	one, two := startReplica(t, options), startReplica(t, options)
	var apart atomic.Bool
	look := func(here string) live.Look {
		return func(context.Context) ([]byte, bool, error) {
			if apart.Load() {
				return []byte(here), false, nil
			}
			return []byte("was"), false, nil
		}
	}
	watches := []*live.Watch{watch(t, one.Hub, "run", "", look("one")), watch(t, two.Hub, "run", "", look("two"))}
	var all [2]seen
	read := func(n int, want ...string) {
		t.Helper()
		for i, w := range watches {
			if all[i].read(t, w, all[i].atLeast(n)); all[i].last() != want[i%len(want)] {
				t.Fatalf("watcher %d saw %v", i, all[i].texts)
			}
		}
	}
	read(1, "was")
	if err := server.Signal(syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	for !one.Status().Alone || !two.Status().Alone {
		time.Sleep(10 * time.Millisecond)
	}
	apart.Store(true)
	read(2, "one", "two")
	apart.Store(false)
	if err := server.Signal(syscall.SIGCONT); err != nil {
		t.Fatal(err)
	}
	read(3, "was")
	// And then they go on together.
	for one.Status().Alone || two.Status().Alone || one.Status().Looking+two.Status().Looking != 1 {
		time.Sleep(10 * time.Millisecond)
	}
	apart.Store(true)
	for i, w := range watches {
		all[i].read(t, w, all[i].atLeast(4))
	}
	if all[0].last() != all[1].last() || all[0].id != all[1].id {
		t.Errorf("watchers of two replicas saw %+v, %+v", all[0], all[1])
	}
}
