//go:build servers

package live_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"callboard.dev/callboard/clients/cache/redistest"
	"callboard.dev/callboard/subgraphs/pipelines/live"
)

// patience is how long anything may take here: many times what it takes on two busy processors.
const patience = time.Minute

// replica is a process that shares a Redis with others.
type replica struct {
	*live.Hub
	client redis.UniversalClient
	lines  *lines
}

// lines is a log.
type lines struct {
	mu   sync.Mutex
	text strings.Builder
}

func (l *lines) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(b)
}

func (l *lines) count(what string) int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return strings.Count(l.text.String(), what)
}

func startReplica(t *testing.T, options redis.UniversalOptions) *replica {
	t.Helper()
	options.ContextTimeoutEnabled = true
	client := redis.NewUniversalClient(&options)
	log := &lines{}
	h := live.New(live.Config{Redis: client, Every: 250 * time.Millisecond, Log: slog.New(slog.NewTextHandler(log, nil))})
	t.Cleanup(func() {
		h.Close()
		_ = client.Close()
	})
	return &replica{h, client, log}
}

// numbers is a source that is the next number at each look, by whomever; so nothing is found twice.
type numbers struct {
	last      atomic.Int64
	upTo      int64 // the last one; 0 for none
	mu        sync.Mutex
	now, most int
	by        map[*replica]int
	takes     time.Duration
}

func (n *numbers) lookOf(r *replica) live.Look {
	return func(context.Context) ([]byte, bool, error) {
		n.mu.Lock()
		if n.by == nil {
			n.by = map[*replica]int{}
		}
		n.by[r]++
		n.now++
		n.most = max(n.most, n.now)
		n.mu.Unlock()
		time.Sleep(n.takes)
		i := n.last.Add(1)
		n.mu.Lock()
		n.now--
		n.mu.Unlock()
		return fmt.Append(nil, i), n.upTo > 0 && i >= n.upTo, nil
	}
}

func (n *numbers) looks(r *replica) int {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.by[r]
}

// seen is what a client has seen.
type seen struct {
	texts []string
	lost  int
	id    string
}

func (s *seen) last() string {
	if len(s.texts) == 0 {
		return ""
	}
	return s.texts[len(s.texts)-1]
}

// read reads until enough is seen.
func (s *seen) read(t *testing.T, w *live.Watch, enough func() bool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	for !enough() {
		e, err := w.Next(ctx)
		if errors.Is(err, io.EOF) {
			return
		}
		if err != nil {
			t.Errorf("after %v: %v", s.texts, err)
			return
		}
		s.texts = append(s.texts, string(e.Data))
		s.id = e.ID
		if e.Lost {
			s.lost++
		}
	}
}

func (s *seen) atLeast(n int) func() bool { return func() bool { return len(s.texts) >= n } }

// stream is all that the stream of a topic has.
func stream(t *testing.T, client redis.UniversalClient) (texts []string) {
	t.Helper()
	var mu sync.Mutex
	read := func(ctx context.Context, c redis.Cmdable) error {
		keys, err := c.Keys(ctx, live.DefaultPrefix+":v1:*:events").Result()
		if err != nil {
			return err
		}
		mu.Lock()
		defer mu.Unlock()
		for _, key := range keys {
			messages, err := client.XRange(ctx, key, "-", "+").Result()
			if err != nil {
				return err
			}
			for _, m := range messages {
				texts = append(texts, m.Values["data"].(string))
			}
		}
		return nil
	}
	var err error
	if c, ok := client.(*redis.ClusterClient); ok {
		err = c.ForEachMaster(t.Context(), func(ctx context.Context, c *redis.Client) error { return read(ctx, c) })
	} else {
		err = read(t.Context(), client)
	}
	if err != nil {
		t.Fatal(err)
	}
	return texts
}

// from is the part of all that begins with first.
func from(all []string, first string) []string {
	return all[max(slices.Index(all, first), 0):]
}

func servers(t *testing.T, test func(t *testing.T, options redis.UniversalOptions)) {
	t.Run("single", func(t *testing.T) {
		test(t, redis.UniversalOptions{Addrs: []string{redistest.Single(t).Address}})
	})
	t.Run("sentinel", func(t *testing.T) {
		s := redistest.WithSentinel(t)
		test(t, redis.UniversalOptions{Addrs: s.Addresses, MasterName: s.Master})
	})
	t.Run("cluster", func(t *testing.T) {
		var addresses []string
		for _, s := range redistest.Cluster(t) {
			addresses = append(addresses, s.Address)
		}
		test(t, redis.UniversalOptions{Addrs: addresses, IsClusterMode: true})
	})
}

// Of three replicas one looks, and the watchers of all see the same; so does who comes back to another replica, until the end.
func TestReplicas(t *testing.T) {
	servers(t, func(t *testing.T, options redis.UniversalOptions) {
		n := &numbers{upTo: 24, takes: 10 * time.Millisecond}
		var replicas []*replica
		for range 3 {
			replicas = append(replicas, startReplica(t, options))
		}
		var group sync.WaitGroup
		all := make([]seen, 9)
		for i := range all {
			r := replicas[i%3]
			w := watch(t, r.Hub, "run", "", n.lookOf(r))
			group.Go(func() {
				all[i].read(t, w, all[i].atLeast(1000))
				w.Close()
			})
		}
		roaming := seen{}
		for i := 0; ; i++ { // a client that comes back after every second event, each time to another replica
			r := replicas[i%3]
			w := watch(t, r.Hub, "run", roaming.id, n.lookOf(r))
			before := len(roaming.texts)
			roaming.read(t, w, roaming.atLeast(before+2))
			w.Close()
			if len(roaming.texts) < before+2 || roaming.last() == "24" {
				break
			}
		}
		group.Wait()
		want := stream(t, replicas[0].client)
		if len(want) != 24 {
			t.Errorf("found %v, want every number up to 24", want)
		}
		for i, s := range append(all, roaming) {
			if len(s.texts) == 0 || !slices.Equal(s.texts, from(want, s.texts[0])) || s.lost > 0 || len(s.texts) < 20 {
				t.Errorf("watcher %d saw %v (%d times others were lost), want %v", i, s.texts, s.lost, want)
			}
		}
		if n.most != 1 {
			t.Errorf("%d looked at once", n.most)
		}
		for i, r := range replicas {
			if text := r.lines.text.String(); text != "" {
				t.Errorf("replica %d logged %s", i, text)
			}
		}
	})
}

// Whoever looks dies: another goes on within seconds, and a client that comes back to it misses nothing and sees nothing twice.
func TestHolderDies(t *testing.T) {
	servers(t, func(t *testing.T, options redis.UniversalOptions) {
		n := &numbers{}
		doomed, other := startReplica(t, options), startReplica(t, options)
		w := watch(t, doomed.Hub, "run", "", n.lookOf(doomed))
		client := seen{}
		client.read(t, w, client.atLeast(3))
		observer := seen{}
		observing := watch(t, other.Hub, "run", "", n.lookOf(other))
		observer.read(t, observing, observer.atLeast(3))
		client.read(t, w, client.atLeast(5))
		if n.looks(other) > 0 {
			t.Error("two look")
		}
		_ = doomed.client.Close() // from here on it neither renews nor publishes
		died := time.Now()
		for n.looks(other) == 0 {
			observer.read(t, observing, observer.atLeast(len(observer.texts)+1))
		}
		t.Logf("another looked after %v", time.Since(died))
		resumed := watch(t, other.Hub, "run", client.id, n.lookOf(other))
		observer.read(t, observing, observer.atLeast(len(observer.texts)+5))
		client.read(t, resumed, func() bool { return client.last() == observer.last() })
		want := stream(t, other.client)
		if got := client.texts; !slices.Equal(got, from(want, got[0])[:len(got)]) || client.lost > 0 {
			t.Errorf("the client saw %v (%d times others were lost), the stream has %v", got, client.lost, want)
		}
		if got := observer.texts; !slices.Equal(got, from(want, got[0])[:len(got)]) || observer.lost > 0 {
			t.Errorf("who watched the other saw %v (%d times others were lost), the stream has %v", got, observer.lost, want)
		}
		// Who watches where Redis cannot be reached goes on to see what this replica finds by itself.
		stranded := len(client.texts)
		client.read(t, w, client.atLeast(stranded+3))
		if !doomed.Status().Alone || doomed.lines.count("level=WARN") != 1 {
			t.Errorf("status %+v, log %s", doomed.Status(), doomed.lines.text.String())
		}
	})
}

// A nudge at any replica has the one look that does.
func TestNudgeAcross(t *testing.T) {
	servers(t, func(t *testing.T, options redis.UniversalOptions) {
		options.ContextTimeoutEnabled = true
		var hubs []*live.Hub
		for range 3 {
			client := redis.NewUniversalClient(&options)
			h := live.New(live.Config{Redis: client, Every: time.Hour})
			t.Cleanup(func() {
				h.Close()
				_ = client.Close()
			})
			hubs = append(hubs, h)
		}
		look, count := counter()
		var got [2]seen
		var watches [2]*live.Watch
		for i := range watches { // the third replica watches nothing
			watches[i] = watch(t, hubs[i], "run", "", look)
			got[i].read(t, watches[i], got[i].atLeast(1))
		}
		for round := range 6 {
			hubs[round%3].Nudge("run")
			for i := range watches {
				got[i].read(t, watches[i], got[i].atLeast(round+2))
			}
		}
		begin, before := time.Now(), count.Load()
		for range 20 {
			for _, h := range hubs {
				for range 100 {
					h.Nudge("run")
				}
			}
			time.Sleep(50 * time.Millisecond)
		}
		if n, most := count.Load()-before, int64(time.Since(begin)/(250*time.Millisecond))+2; n > most {
			t.Errorf("%d looks in %v", n, time.Since(begin))
		}
	})
}

// What the stream does not have any more cannot be resumed, on any replica.
func TestTrimmedStream(t *testing.T) {
	options := redis.UniversalOptions{Addrs: []string{redistest.Single(t).Address}}
	one, two := startReplica(t, options), startReplica(t, options)
	i := 0
	look := func(context.Context) ([]byte, bool, error) {
		i++
		return append(make([]byte, live.MaxData-2), fmt.Sprintf("%02d", i)...), false, nil
	}
	w := watch(t, one.Hub, "run", "", look)
	var ids []string
	for range 10 {
		e, err := w.Next(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		ids = append(ids, e.ID)
	}
	if got := stream(t, one.client); len(got) > 6 {
		t.Errorf("the stream keeps %d events of a megabyte", len(got))
	}
	for _, c := range []struct {
		after, want string
		lost        bool
	}{{ids[0], "", true}, {ids[8], "10", false}} {
		e, err := watch(t, two.Hub, "run", c.after, look).Next(t.Context())
		if got := string(e.Data[live.MaxData-2:]); err != nil || e.Lost != c.lost || c.want != "" && got != c.want {
			t.Errorf("resumed at %s, lost %v (%v), want %s", got, e.Lost, err, c.want)
		}
	}
}

// What others keep under our keys is no event: watchers see what is looked at here.
func TestForeignKeys(t *testing.T) {
	options := redis.UniversalOptions{Addrs: []string{redistest.Single(t).Address}}
	r := startReplica(t, options)
	look, _ := counter()
	w := watch(t, r.Hub, "run", "", look)
	var s seen
	s.read(t, w, s.atLeast(2))
	keys, err := r.client.Keys(t.Context(), live.DefaultPrefix+":v1:*:events").Result()
	if err != nil || len(keys) != 1 {
		t.Fatal(keys, err)
	}
	for _, foreign := range []func(key string) error{
		func(key string) error { return r.client.Set(t.Context(), key, "text", 0).Err() },
		func(key string) error {
			return r.client.XAdd(t.Context(), &redis.XAddArgs{Stream: key, Values: []string{"a", "b"}}).Err()
		},
		func(key string) error {
			return r.client.XAdd(t.Context(), &redis.XAddArgs{Stream: key, Values: []string{"before", "", "digest", "zz", "end", "never", "data", "x"}}).Err()
		},
	} {
		if err := r.client.Del(t.Context(), keys[0]).Err(); err != nil {
			t.Fatal(err)
		}
		if err := foreign(keys[0]); err != nil {
			t.Fatal(err)
		}
		s.read(t, w, func() bool { return r.Status().Alone })
		s.read(t, w, s.atLeast(len(s.texts)+2))
	}
	if err := r.client.Del(t.Context(), keys[0]).Err(); err != nil {
		t.Fatal(err)
	}
	s.read(t, w, func() bool { return !r.Status().Alone })
	s.read(t, w, s.atLeast(len(s.texts)+2))
	for i, text := range s.texts {
		if text != fmt.Sprint(i+1) {
			t.Fatalf("saw %v", s.texts)
		}
	}
}

// Who ends hands over: another looks next, and the end is heard by all.
func TestHandOver(t *testing.T) {
	options := redis.UniversalOptions{Addrs: []string{redistest.Single(t).Address}}
	one, two := startReplica(t, options), startReplica(t, options)
	n := &numbers{upTo: 12}
	first := watch(t, one.Hub, "run", "", n.lookOf(one))
	var client, other seen
	client.read(t, first, client.atLeast(3))
	w := watch(t, two.Hub, "run", client.id, n.lookOf(two))
	other.read(t, w, other.atLeast(2))
	if n.looks(two) != 0 {
		t.Error("two look")
	}
	one.Close()
	other.read(t, w, other.atLeast(1000)) // to the end
	want := from(stream(t, two.client), "4")
	if !slices.Equal(other.texts, want) || other.lost > 0 {
		t.Errorf("saw %v (%d times others were lost), want %v", other.texts, other.lost, want)
	}
	if n.most != 1 {
		t.Errorf("%d looked at once", n.most)
	}
	// Later it is only looked whether that is still so.
	w.Close()
	var late seen
	late.read(t, watch(t, two.Hub, "run", "", func(context.Context) ([]byte, bool, error) { return []byte(other.last()), true, nil }), late.atLeast(1000))
	if after := stream(t, two.client); !slices.Equal(late.texts, []string{other.last()}) || late.id != other.id || !slices.Equal(from(after, "4"), want) {
		t.Errorf("who comes late saw %v, the stream has %v", late.texts, after)
	}
}

// Many topics on two replicas: each is looked at by one, and Redis is asked for all of them together.
func TestManyTopics(t *testing.T) {
	options := redis.UniversalOptions{Addrs: []string{redistest.Single(t).Address}}
	one, two := startReplica(t, options), startReplica(t, options)
	const topics = 500
	var group sync.WaitGroup
	var looks [topics]atomic.Int64
	for i := range topics {
		for _, r := range []*replica{one, two} {
			w := watch(t, r.Hub, fmt.Sprint("run ", i), "", func(context.Context) ([]byte, bool, error) { return fmt.Append(nil, looks[i].Add(1)), false, nil })
			group.Go(func() {
				var s seen
				s.read(t, w, s.atLeast(4))
			})
		}
	}
	group.Wait()
	deadline := time.Now().Add(patience)
	for one.Status().Looking+two.Status().Looking != topics {
		if time.Now().After(deadline) {
			t.Fatalf("%+v, %+v", one.Status(), two.Status())
		}
		time.Sleep(10 * time.Millisecond)
	}
	t.Logf("%d warnings", one.lines.count("level=WARN")+two.lines.count("level=WARN"))
	if one.Status().Topics != topics || one.Status().Alone || two.Status().Alone {
		t.Errorf("%+v, %+v", one.Status(), two.Status())
	}
}
