//go:build servers

package cache_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"callboard.dev/callboard/clients/cache"
	"callboard.dev/callboard/clients/cache/cachetest"
	"callboard.dev/callboard/clients/cache/redistest"
)

// clientOf returns a client as Callboard makes it.
func clientOf(t testing.TB, o redis.UniversalOptions) redis.UniversalClient {
	o.ContextTimeoutEnabled = true
	client := redis.NewUniversalClient(&o)
	t.Cleanup(func() { client.Close() })
	return client
}

// kinds are the ways in which a Redis is there.
func kinds(t *testing.T, test func(t *testing.T, options redis.UniversalOptions)) {
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

var stores atomic.Int64

// patient is a budget for machines that are busy: the tests are about what is kept, not about how fast.
const patient = 5 * time.Second

func TestRedis(t *testing.T) {
	kinds(t, func(t *testing.T, options redis.UniversalOptions) {
		client := clientOf(t, options)
		cachetest.Store(t, func(t *testing.T) cache.Store {
			s := cache.NewRedis(client, cache.RedisConfig{Prefix: fmt.Sprint("test", stores.Add(1)), Budget: patient})
			t.Cleanup(func() { s.Close() })
			return s
		})
	})
}

// replicas returns two caches that share a Redis.
func replicas(t *testing.T, options redis.UniversalOptions, budget time.Duration) []*cache.Cache {
	prefix := fmt.Sprint("test", stores.Add(1))
	var out []*cache.Cache
	for range 2 {
		c := cache.New(cache.Config{Store: cache.NewRedis(clientOf(t, options), cache.RedisConfig{Prefix: prefix, Budget: budget})})
		t.Cleanup(func() { c.Close() })
		out = append(out, c)
	}
	return out
}

// A thousand that want the same of two replicas cause one fetch for each value.
func TestHerd(t *testing.T) {
	kinds(t, func(t *testing.T, options redis.UniversalOptions) {
		both := replicas(t, options, patient)
		s := &source{takes: 300 * time.Millisecond}
		var group sync.WaitGroup
		for i := range 1000 {
			names := []string{"a", "b", "c", "d"}
			names = append(names[i%4:], names[:i%4]...)
			group.Go(func() {
				for _, r := range both[i%2].Load(t.Context(), want(names...), s.fetch) {
					if r.State == cache.Failed {
						t.Errorf("loaded %v", r)
					}
				}
			})
		}
		group.Wait()
		if s.values.Load() != 4 {
			t.Errorf("%d values were asked for, want 4", s.values.Load())
		}
	})
}

// What one replica is told is out of date is so for the other at once.
func TestReplicasHearOfChanges(t *testing.T) {
	kinds(t, func(t *testing.T, options redis.UniversalOptions) {
		both := replicas(t, options, patient)
		s := &source{}
		for i := range 20 {
			for _, c := range both {
				if r := c.Load(t.Context(), want("a"), s.fetch)[0]; string(r.Value.Body) != fmt.Sprint(i+1) {
					t.Fatalf("after %d changes %s was loaded", i, shown([]cache.Result{r}))
				}
			}
			if err := both[i%2].Invalidate(t.Context(), "tag a"); err != nil {
				t.Fatal(err)
			}
			// The other replica hears of it soon: it is asked until it has.
			deadline := time.Now().Add(10 * time.Second)
			for {
				r := both[(i+1)%2].Load(t.Context(), want("a"), s.fetch)[0]
				if string(r.Value.Body) == fmt.Sprint(i+2) {
					break
				}
				if time.Now().After(deadline) {
					t.Fatalf("the other replica shows %s after the %d. change", shown([]cache.Result{r}), i+1)
				}
			}
		}
	})
}

// numbered is a source whose values grow with every change of their tag, so that it shows whether a value is from before a change.
type numbered struct {
	now   [8]atomic.Int64
	asked atomic.Int64
}

func (n *numbered) load(ctx context.Context, c *cache.Cache, i int) (int64, cache.State, error) {
	r := c.Load(ctx, want(fmt.Sprint(i)), func(context.Context, []cache.Missing) []cache.Fetched {
		n.asked.Add(1)
		return []cache.Fetched{{Value: cache.Value{Body: fmt.Appendf(nil, "%d %d", i, n.now[i].Load())}}}
	})[0]
	var of int
	var value int64
	if r.State != cache.Failed {
		if _, err := fmt.Sscanf(string(r.Value.Body), "%d %d", &of, &value); err != nil || of != i {
			return 0, r.State, fmt.Errorf("%q was loaded for %d", r.Value.Body, i)
		}
	}
	return value, r.State, r.Err
}

// Redis's master dies under load: no request fails, no value is another's, and once it is over changes are seen again.
func TestMasterDies(t *testing.T) {
	test := func(t *testing.T, options redis.UniversalOptions, kill func()) {
		both := replicas(t, options, 200*time.Millisecond)
		var n numbered
		ctx, stop := context.WithCancel(t.Context())
		var group sync.WaitGroup
		var loads, failed atomic.Int64
		for worker := range 8 {
			group.Go(func() {
				for i := worker; ctx.Err() == nil; i++ {
					_, state, err := n.load(t.Context(), both[i%2], i%8)
					loads.Add(1)
					if state == cache.Failed || err != nil {
						failed.Add(1)
						t.Errorf("loaded %v: %v", state, err)
					}
				}
			})
		}
		changes := func(times int) {
			for i := range times {
				n.now[i%8].Add(1)
				_ = both[i%2].Invalidate(t.Context(), fmt.Sprint("tag ", i%8)) // fails while there is no master: it is told later
			}
		}
		changes(100)
		before := loads.Load()
		kill()
		for loads.Load() < before+5000 {
			changes(1)
		}
		// When Redis is whole again both see every change.
		deadline := time.Now().Add(60 * time.Second)
		for !both[0].Status().Healthy || !both[1].Status().Healthy {
			if time.Now().After(deadline) {
				t.Fatalf("Redis does not come back: %+v", both[0].Status().Health)
			}
			changes(1)
		}
		stop()
		group.Wait()
		changes(8)
		for i := range 8 {
			for r, c := range both {
				for {
					value, _, err := n.load(t.Context(), c, i)
					if err == nil && value == n.now[i].Load() {
						break
					}
					if time.Now().After(deadline.Add(30 * time.Second)) {
						t.Fatalf("replica %d shows %d of %d, which is %d by now (%v)", r, value, i, n.now[i].Load(), err)
					}
				}
			}
		}
		t.Logf("%d loads, %d asked of the source, %d failed", loads.Load(), n.asked.Load(), failed.Load())
	}
	t.Run("sentinel", func(t *testing.T) {
		s := redistest.WithSentinel(t)
		test(t, redis.UniversalOptions{Addrs: s.Addresses, MasterName: s.Master}, s.Servers[0].Kill)
	})
	t.Run("cluster", func(t *testing.T) {
		servers := redistest.Cluster(t)
		var addresses []string
		for _, s := range servers {
			addresses = append(addresses, s.Address)
		}
		test(t, redis.UniversalOptions{Addrs: addresses, IsClusterMode: true}, servers[0].Kill)
	})
	t.Run("single, for good", func(t *testing.T) {
		server := redistest.Single(t)
		c := replicas(t, redis.UniversalOptions{Addrs: []string{server.Address}}, 100*time.Millisecond)[0]
		s := &source{}
		c.Load(t.Context(), want("a"), s.fetch)
		server.Kill()
		for i := range 200 {
			if r := c.Load(t.Context(), want("a", fmt.Sprint(i%5)), s.fetch); r[0].State != cache.Cached || r[1].State == cache.Failed {
				t.Fatalf("loaded %s", shown(r))
			}
		}
		if err := c.Invalidate(t.Context(), "tag a"); err == nil {
			t.Error("nobody could be told, and there is no error")
		}
		if r := c.Load(t.Context(), want("a"), s.fetch)[0]; r.State != cache.Live {
			t.Errorf("after a change that only this process knows of, loaded %s", shown([]cache.Result{r}))
		}
		if h := c.Status().Health; h.Healthy || h.LastError == "" {
			t.Errorf("the report is %+v", h)
		}
	})
}

// A Redis that does not answer, is full, or holds rubbish costs a moment at most.
func TestRedisMisbehaves(t *testing.T) {
	t.Run("stopped", func(t *testing.T) {
		server := redistest.Single(t)
		c := replicas(t, redis.UniversalOptions{Addrs: []string{server.Address}}, 100*time.Millisecond)[0]
		s := &source{}
		c.Load(t.Context(), want("a"), s.fetch)
		if err := server.Signal(syscall.SIGSTOP); err != nil {
			t.Fatal(err)
		}
		defer server.Signal(syscall.SIGCONT)
		for i := range 100 { // a minute and more, if each waited as long as the client's own time-outs are
			if r := c.Load(t.Context(), want("a", fmt.Sprint("new", i)), s.fetch); r[0].State != cache.Cached || r[1].State != cache.Live {
				t.Fatalf("loaded %s", shown(r))
			}
		}
		if c.Status().Healthy {
			t.Error("it is reported as healthy")
		}
	})
	t.Run("full", func(t *testing.T) {
		server := redistest.Single(t, "--maxmemory", "2mb", "--maxmemory-policy", "noeviction")
		c := replicas(t, redis.UniversalOptions{Addrs: []string{server.Address}}, patient)[0]
		client := clientOf(t, redis.UniversalOptions{Addrs: []string{server.Address}})
		for i := 0; ; i++ {
			if err := client.Set(t.Context(), fmt.Sprint("filler", i), make([]byte, 50_000), 0).Err(); err != nil {
				break
			}
		}
		s := &source{}
		for range 3 {
			for _, r := range c.Load(t.Context(), want("a", "b"), s.fetch) {
				if r.State == cache.Failed {
					t.Fatalf("loaded %v", r)
				}
			}
		}
		if s.asked.Load() != 1 {
			t.Errorf("the source was asked %d times, want once: this process remembers", s.asked.Load())
		}
	})
	t.Run("rubbish", func(t *testing.T) {
		server := redistest.Single(t)
		options := redis.UniversalOptions{Addrs: []string{server.Address}}
		client := clientOf(t, options)
		s := &source{}
		both := replicas(t, options, patient)
		both[0].Load(t.Context(), want("a", "b", "c", "d"), s.fetch)
		keys, err := client.Keys(t.Context(), "*entry*").Result()
		if err != nil || len(keys) != 4 {
			t.Fatalf("the keys are %v (%v)", keys, err)
		}
		text, _ := client.Get(t.Context(), keys[3]).Bytes()
		text[len(text)-1] ^= 1
		stamps, _ := client.Keys(t.Context(), "*stamp*").Result()
		err = errors.Join(client.Set(t.Context(), keys[0], "rubbish", 0).Err(), client.Del(t.Context(), keys[1]).Err(), client.LPush(t.Context(), keys[1], "x").Err(),
			client.Set(t.Context(), keys[2], "", 0).Err(), client.Set(t.Context(), keys[3], text, 0).Err(), client.Set(t.Context(), stamps[0], "no number", 0).Err())
		if err != nil {
			t.Fatal(err)
		}
		for range 3 {
			for _, r := range both[1].Load(t.Context(), want("a", "b", "c", "d"), s.fetch) {
				if r.State == cache.Failed {
					t.Errorf("loaded %s", shown([]cache.Result{r}))
				}
			}
		}
	})
	t.Run("nowhere", func(t *testing.T) {
		c := replicas(t, redis.UniversalOptions{Addrs: []string{"127.0.0.1:1"}}, 100*time.Millisecond)[0]
		s := &source{}
		expectReal(t, c, s, "live 1")
		expectReal(t, c, s, "cached 1")
	})
}

func expectReal(t *testing.T, c *cache.Cache, s *source, what string) {
	t.Helper()
	if got := shown(c.Load(t.Context(), want("a"), s.fetch)); got != what {
		t.Errorf("loaded %s, want %s", got, what)
	}
}

// No name and no credential is in Redis in clear where it need not be.
func TestKeysTellNothing(t *testing.T) {
	server := redistest.Single(t)
	options := redis.UniversalOptions{Addrs: []string{server.Address}}
	c := replicas(t, options, patient)[0]
	wanted := want("the-secret-name")
	wanted[0].Key.Scope, wanted[0].Tags = cache.ScopeOf("ghp_secret"), nil
	c.Load(t.Context(), wanted, (&source{}).fetch)
	keys, err := clientOf(t, options).Keys(t.Context(), "*").Result()
	if err != nil || len(keys) == 0 {
		t.Fatalf("there is nothing (%v)", err)
	}
	for _, key := range keys {
		for _, secret := range []string{"the-secret-name", "ghp_secret"} {
			if len(key) > 200 || strings.Contains(key, secret) {
				t.Errorf("the key %q tells %q", key, secret)
			}
		}
	}
}

func BenchmarkRedisHit(b *testing.B) {
	server := redistest.Single(b)
	client := redis.NewClient(&redis.Options{Addr: server.Address})
	defer client.Close()
	for _, n := range []int{1, 20} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			// Two stores, of which the one that reads remembers nothing of its own.
			writer := cache.New(cache.Config{Store: cache.NewRedis(client, cache.RedisConfig{Prefix: "bench", Budget: patient})})
			defer writer.Close()
			var names []string
			for i := range n {
				names = append(names, fmt.Sprint("larkfold/repository-", i))
			}
			s := &source{}
			writer.Load(b.Context(), want(names...), s.fetch)
			reader := cache.New(cache.Config{Store: cache.NewRedis(client, cache.RedisConfig{Prefix: "bench", Budget: patient, Memory: 1})})
			defer reader.Close()
			before := s.asked.Load()
			for b.Loop() {
				reader.Load(b.Context(), want(names...), s.fetch)
			}
			b.ReportMetric(float64(s.asked.Load()-before)/float64(b.N), "asked/op")
		})
	}
}

// BenchmarkRedisPing is what one round trip costs.
func BenchmarkRedisPing(b *testing.B) {
	server := redistest.Single(b)
	client := redis.NewClient(&redis.Options{Addr: server.Address})
	defer client.Close()
	for b.Loop() {
		client.Ping(b.Context())
	}
}
