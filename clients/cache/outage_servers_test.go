//go:build servers

package cache_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"callboard.dev/callboard/clients/cache"
	"callboard.dev/callboard/clients/cache/redistest"
)

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

// recovery is how long it may take until Redis is whole and found again: ten times what it takes on two busy processors, and less than the minute after which
// the client of a cluster looks around by itself.
const recovery = 50 * time.Second

// Redis's master dies or freezes under load: no request fails, no value is another's, no replica shows what it was told is out of date, and once it is over
// changes are seen by all again.
func TestMasterDies(t *testing.T) {
	test := func(t *testing.T, options redis.UniversalOptions, fail, recovered func()) {
		both := replicas(t, options, 200*time.Millisecond)
		var n numbered
		ctx, stop := context.WithCancel(t.Context())
		defer stop()
		var group sync.WaitGroup
		var loads atomic.Int64
		for worker := range 8 {
			group.Go(func() {
				pace := time.NewTicker(time.Millisecond) // the servers have the same processors
				defer pace.Stop()
				for i := worker; ctx.Err() == nil; i++ {
					if _, state, err := n.load(t.Context(), both[i/8%2], i%8); state == cache.Failed || err != nil {
						t.Errorf("loaded %v: %v", state, err)
					}
					loads.Add(1)
					<-pace.C
				}
			})
		}
		changed := 0
		change := func() {
			i, c := changed%8, both[changed/8%2]
			changed++
			now := n.now[i].Add(1)
			_ = c.Invalidate(t.Context(), fmt.Sprint("tag ", i)) // fails while there is no master: it is told later
			if value, state, err := n.load(t.Context(), c, i); err != nil || value != now {
				t.Errorf("the replica that was told of change %d of %d shows %d (%v, %v)", now, i, value, state, err)
			}
		}
		for range 100 {
			change()
		}
		// until goes on changing things until the condition holds.
		until := func(what string, condition func() bool) {
			pace := time.NewTicker(time.Millisecond)
			defer pace.Stop()
			for deadline := time.Now().Add(recovery); !condition(); change() {
				<-pace.C
				if time.Now().After(deadline) {
					t.Fatalf("%s: %+v, %+v", what, both[0].Status().Health, both[1].Status().Health)
				}
			}
		}
		fail()
		before := loads.Load()
		until("loads stand still", func() bool { return loads.Load() > before+1000 })
		noticed := func(c *cache.Cache) bool { return c.Status().LastError != "" }
		until("nobody notices", func() bool { return noticed(both[0]) || noticed(both[1]) })
		until("Redis does not come back", func() bool { return both[0].Status().Healthy && both[1].Status().Healthy })
		recovered()
		before = loads.Load()
		until("loads stand still", func() bool { return loads.Load() > before+1000 })
		stop()
		group.Wait()
		for range 16 {
			change()
		}
		deadline := time.Now().Add(recovery)
		for i := range n.now {
			for r, c := range both {
				for {
					value, _, err := n.load(t.Context(), c, i)
					if err == nil && value == n.now[i].Load() {
						break
					}
					if time.Now().After(deadline) {
						t.Fatalf("replica %d shows %d of %d, which is %d by now (%v)", r, value, i, n.now[i].Load(), err)
					}
				}
			}
		}
		t.Logf("%d loads, %d changes, %d asked of the source", loads.Load(), changed, n.asked.Load())
	}
	groups := map[string]func(t *testing.T) (redis.UniversalOptions, *redistest.Server){
		"sentinel": func(t *testing.T) (redis.UniversalOptions, *redistest.Server) {
			s := redistest.WithSentinel(t)
			return redis.UniversalOptions{Addrs: s.Addresses, MasterName: s.Master}, s.Servers[0]
		},
		"cluster": func(t *testing.T) (redis.UniversalOptions, *redistest.Server) {
			servers := redistest.Cluster(t)
			var addresses []string
			for _, s := range servers {
				addresses = append(addresses, s.Address)
			}
			return redis.UniversalOptions{Addrs: addresses, IsClusterMode: true}, servers[0]
		},
	}
	for name, group := range groups {
		t.Run(name+", killed", func(t *testing.T) {
			options, master := group(t)
			test(t, options, master.Kill, func() {})
		})
		t.Run(name+", frozen", func(t *testing.T) {
			options, master := group(t)
			signal := func(s os.Signal) func() {
				return func() {
					if err := master.Signal(s); err != nil {
						t.Error(err)
					}
				}
			}
			test(t, options, signal(syscall.SIGSTOP), signal(syscall.SIGCONT))
		})
	}
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
		for i := range 100 { // a minute and more, if each waited as long as the client's own time-outs are
			if r := c.Load(t.Context(), want("a", fmt.Sprint("new", i)), s.fetch); r[0].State != cache.Cached || r[1].State != cache.Live {
				t.Fatalf("loaded %s", shown(r))
			}
		}
		if c.Status().Healthy {
			t.Error("it is reported as healthy")
		}
		if err := server.Signal(syscall.SIGCONT); err != nil {
			t.Fatal(err)
		}
		comesBack(t, c, s)
	})
	t.Run("slow", func(t *testing.T) {
		proxy := redistest.Between(t, redistest.Single(t))
		c := replicas(t, redis.UniversalOptions{Addrs: []string{proxy.Address}}, 100*time.Millisecond)[0]
		s := &source{}
		c.Load(t.Context(), want("a"), s.fetch)
		proxy.Hold() // whatever is loaded until it is free is loaded without an answer
		for i := range 100 {
			if r := c.Load(t.Context(), want("a", fmt.Sprint("new", i)), s.fetch); r[0].State != cache.Cached || r[1].State != cache.Live {
				t.Fatalf("loaded %s", shown(r))
			}
		}
		if h := c.Status().Health; h.Healthy || h.LastError == "" {
			t.Errorf("the report is %+v", h)
		}
		proxy.Free()
		comesBack(t, c, s)
	})
	t.Run("rubbish instead of answers", func(t *testing.T) {
		for what, say := range map[string]func(said []byte) []byte{
			"another protocol": func([]byte) []byte { return []byte("HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n") },
			"other bytes": func(said []byte) []byte {
				for i := range said {
					said[i] ^= 0x55
				}
				return said
			},
			"a part":            func(said []byte) []byte { return said[:len(said)/2] },
			"too long a string": func([]byte) []byte { return []byte("$999999999999\r\nx") },
			"too long a list":   func([]byte) []byte { return []byte("*2147483647\r\n$1\r\nx\r\n") },
			"answers to others": func(said []byte) []byte { return append([]byte("+OK\r\n$1\r\nx\r\n"), said...) },
			"errors":            func([]byte) []byte { return []byte("-WRONG it is\r\n") },
		} {
			t.Run(what, func(t *testing.T) {
				t.Parallel()
				proxy := redistest.Between(t, redistest.Single(t))
				c := replicas(t, redis.UniversalOptions{Addrs: []string{proxy.Address}}, 200*time.Millisecond)[0]
				s := &source{}
				c.Load(t.Context(), want("a"), s.fetch)
				proxy.Say(say)
				for i := range 30 {
					if r := c.Load(t.Context(), want("a", fmt.Sprint("new", i)), s.fetch); r[0].State != cache.Cached || r[1].State != cache.Live {
						t.Fatalf("loaded %s", shown(r))
					}
				}
				if h := c.Status().Health; h.Healthy || h.LastError == "" {
					t.Errorf("the report is %+v", h)
				}
				proxy.Say(nil)
				comesBack(t, c, s)
			})
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
	t.Run("one in place of the other", func(t *testing.T) {
		server := redistest.Single(t)
		options := redis.UniversalOptions{Addrs: []string{server.Address}}
		client := clientOf(t, options)
		both := replicas(t, options, patient)
		s := &source{}
		both[0].Load(t.Context(), want("a"), s.fetch)
		both[0].Load(t.Context(), want("b"), s.fetch)
		keys, err := client.Keys(t.Context(), "*entry*").Result()
		if err != nil || len(keys) != 2 {
			t.Fatalf("the keys are %v (%v)", keys, err)
		}
		for i, text := range client.MGet(t.Context(), keys...).Val() {
			if err := client.Set(t.Context(), keys[1-i], text, 0).Err(); err != nil {
				t.Fatal(err)
			}
		}
		if got := shown(both[1].Load(t.Context(), want("a", "b"), s.fetch)); got != "live 3, live 3" {
			t.Errorf("loaded %s", got)
		}
	})
	t.Run("nowhere", func(t *testing.T) {
		c := replicas(t, redis.UniversalOptions{Addrs: []string{"127.0.0.1:1"}}, 100*time.Millisecond)[0]
		s := &source{}
		expectReal(t, c, s, "live 1")
		expectReal(t, c, s, "cached 1")
	})
}

// comesBack waits until Redis does again what it is asked.
func comesBack(t *testing.T, c *cache.Cache, s *source) {
	t.Helper()
	deadline := time.Now().Add(recovery)
	for i := 0; !c.Status().Healthy; i++ {
		if time.Now().After(deadline) {
			t.Fatalf("Redis does not come back: %+v", c.Status().Health)
		}
		c.Load(t.Context(), want(fmt.Sprint("back", i)), s.fetch)
		time.Sleep(time.Millisecond) // between looks
	}
}

func expectReal(t *testing.T, c *cache.Cache, s *source, what string) {
	t.Helper()
	if got := shown(c.Load(t.Context(), want("a"), s.fetch)); got != what {
		t.Errorf("loaded %s, want %s", got, what)
	}
}
