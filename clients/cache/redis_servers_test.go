//go:build servers

package cache_test

import (
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
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

// What another replica has brought is had in one round trip, however many values are wanted; and in none the next time, when this process hears of changes.
func TestHitsTakeOneRoundTrip(t *testing.T) {
	server := redistest.Single(t)
	proxy := redistest.Between(t, server)
	open := func(address string) *cache.Cache {
		client := clientOf(t, redis.UniversalOptions{Addrs: []string{address}})
		c := cache.New(cache.Config{Store: cache.NewRedis(client, cache.RedisConfig{Prefix: "test", Budget: patient})})
		t.Cleanup(func() { c.Close() })
		return c
	}
	s := &source{change: func(f *cache.Fetched, m cache.Missing) {
		if m.Index%2 == 1 {
			f.Value.Tags = []string{"learnt"}
		}
	}}
	var names []string
	for i := range 40 {
		names = append(names, fmt.Sprint("repository-", i))
	}
	// Of the first three, no answer says a tag.
	writer, reader := open(server.Address), open(proxy.Address)
	for _, lot := range [][]string{{"connect"}, names[:1], names[1:2], names[2:20], names[20:]} {
		writer.Load(t.Context(), want(lot...), s.fetch)
	}
	asked := s.asked.Load()
	turns := func(c *cache.Cache, names ...string) int64 {
		t.Helper()
		before := proxy.Turns()
		for _, r := range c.Load(t.Context(), want(names...), s.fetch) {
			if r.State != cache.Cached {
				t.Fatalf("loaded %s", shown([]cache.Result{r}))
			}
		}
		return proxy.Turns() - before
	}
	turns(reader, "connect") // with what a connection starts with
	if n := turns(reader, names[0]); n > 1 {
		t.Errorf("one value took %d round trips", n)
	}
	if n := turns(reader, names[1], names[0]); n > 1 {
		t.Errorf("two values took %d round trips", n)
	}
	// Tags that answers alone tell take another one.
	if n := turns(reader, names...); n > 2 {
		t.Errorf("%d values took %d round trips, want one and one for the tags that are learnt from them", len(names), n)
	}
	deadline := time.Now().Add(30 * time.Second)
	for turns(reader, names...) != 0 {
		if time.Now().After(deadline) {
			t.Fatal("what this process remembers and hears of is asked for again and again")
		}
	}
	if s.asked.Load() != asked {
		t.Errorf("the source was asked %d times more", s.asked.Load()-asked)
	}
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
