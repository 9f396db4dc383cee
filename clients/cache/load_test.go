package cache_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"callboard.dev/callboard/clients/cache"
)

// source is what a test's values come from.
type source struct {
	asked  atomic.Int64  // calls of fetch
	values atomic.Int64  // values asked for
	takes  time.Duration // a call
	err    error
	final  bool
	change func(f *cache.Fetched, m cache.Missing)
	last   atomic.Value // cache.Urgency of the last call
	ended  atomic.Int64 // calls whose context ended first
}

func (s *source) fetch(ctx context.Context, missing []cache.Missing) []cache.Fetched {
	n := s.asked.Add(1)
	s.values.Add(int64(len(missing)))
	s.last.Store(cache.UrgencyOf(ctx))
	if s.takes > 0 {
		select {
		case <-time.After(s.takes):
		case <-ctx.Done():
			s.ended.Add(1)
		}
	}
	out := make([]cache.Fetched, len(missing))
	for i, m := range missing {
		if s.err != nil {
			out[i] = cache.Fetched{Err: s.err, Final: s.final}
			continue
		}
		out[i].Value.Body = fmt.Appendf(nil, "%d", n)
		if s.change != nil {
			s.change(&out[i], m)
		}
	}
	return out
}

var policy = cache.Policy{Fresh: time.Minute, Revalidate: time.Hour, OnError: 24 * time.Hour, Absent: 10 * time.Second}

func want(names ...string) []cache.Wanted {
	var out []cache.Wanted
	for _, name := range names {
		out = append(out, cache.Wanted{Key: cache.Key{Source: "forge", Kind: "thing", Name: name}, Policy: policy, Tags: []string{"tag " + name, "all"}})
	}
	return out
}

func shown(results []cache.Result) string {
	var out []string
	for _, r := range results {
		text := [...]string{"live", "cached", "stale", "failed"}[r.State] + " " + string(r.Value.Body)
		if r.Value.Absent {
			text += "absent"
		}
		if r.Err != nil {
			text += " (" + r.Err.Error() + ")"
		}
		out = append(out, text)
	}
	return strings.Join(out, ", ")
}

// inBubble runs a test with a cache over memory, in a bubble of its own time.
func inBubble(t *testing.T, test func(t *testing.T, c *cache.Cache, s *source)) {
	synctest.Test(t, func(t *testing.T) {
		c := cache.New(cache.Config{Store: cache.NewMemory(0)})
		defer c.Close()
		test(t, c, &source{})
	})
}

func expect(t *testing.T, c *cache.Cache, s *source, wanted []cache.Wanted, what string) {
	t.Helper()
	if got := shown(c.Load(t.Context(), wanted, s.fetch)); got != what {
		t.Errorf("loaded %s, want %s", got, what)
	}
	synctest.Wait()
}

func TestLifeOfAValue(t *testing.T) {
	inBubble(t, func(t *testing.T, c *cache.Cache, s *source) {
		expect(t, c, s, want("a"), "live 1")
		expect(t, c, s, want("a"), "cached 1")
		time.Sleep(59 * time.Second)
		expect(t, c, s, want("a"), "cached 1")
		time.Sleep(2 * time.Second)
		expect(t, c, s, want("a"), "stale 1") // and it is asked for behind the answer
		if s.last.Load() != cache.Background {
			t.Error("nobody waits for it, and the source is asked as if somebody did")
		}
		expect(t, c, s, want("a"), "cached 2")
		time.Sleep(62 * time.Minute)
		s.err = errors.New("down")
		expect(t, c, s, want("a"), "stale 2 (down)")
		if s.last.Load() != cache.Renewal {
			t.Error("there is something to show, and the source is asked as if there were not")
		}
		s.err = nil
		expect(t, c, s, want("a"), "live 4")
		time.Sleep(25 * time.Hour)
		s.err = errors.New("down")
		expect(t, c, s, want("a"), "failed  (down)")
		if s.last.Load() != cache.Needed {
			t.Error("there is nothing to show, and the source is asked as if there were")
		}
	})
}

func TestAbsent(t *testing.T) {
	inBubble(t, func(t *testing.T, c *cache.Cache, s *source) {
		s.change = func(f *cache.Fetched, _ cache.Missing) { f.Value = cache.Value{Absent: true} }
		expect(t, c, s, want("a"), "live absent")
		time.Sleep(9 * time.Second)
		expect(t, c, s, want("a"), "cached absent")
		time.Sleep(2 * time.Second)
		s.err = errors.New("down")
		expect(t, c, s, want("a"), "failed  (down)")
	})
}

func TestOnlyWhatIsMissing(t *testing.T) {
	inBubble(t, func(t *testing.T, c *cache.Cache, s *source) {
		expect(t, c, s, want("a", "b"), "live 1, live 1")
		expect(t, c, s, want("c", "a", "d", "b", "c"), "live 2, cached 1, live 2, cached 1, live 2")
		if s.values.Load() != 4 {
			t.Errorf("%d values were asked for, want 4", s.values.Load())
		}
		other := want("a")
		other[0].Key.Scope = cache.ScopeOf("somebody else's")
		expect(t, c, s, other, "live 3")
		expect(t, c, s, nil, "")
	})
}

func TestWhatAnswersSay(t *testing.T) {
	inBubble(t, func(t *testing.T, c *cache.Cache, s *source) {
		s.change = func(f *cache.Fetched, _ cache.Missing) { f.Value.Validator = "v" + string(f.Value.Body) }
		expect(t, c, s, want("a"), "live 1")
		time.Sleep(2 * time.Hour)
		s.change = func(f *cache.Fetched, m cache.Missing) {
			if m.Previous == nil || m.Previous.Validator != "v1" {
				t.Errorf("what was known is %v", m.Previous)
			}
			*f = cache.Fetched{Unchanged: true}
		}
		expect(t, c, s, want("a"), "live 1")
		expect(t, c, s, want("a"), "cached 1")
		s.change = func(f *cache.Fetched, _ cache.Missing) { *f = cache.Fetched{Unchanged: true} }
		expect(t, c, s, want("new"), "failed  (the source says that nothing changed, and nothing was known)")
		s.change = func(f *cache.Fetched, _ cache.Missing) { f.Value.NoStore = true }
		expect(t, c, s, want("secret"), "live 4")
		expect(t, c, s, want("secret"), "live 5")
		s.change = func(f *cache.Fetched, _ cache.Missing) { f.Value.Policy = &cache.Policy{Fresh: time.Second} }
		expect(t, c, s, want("short"), "live 6")
		time.Sleep(2 * time.Second)
		expect(t, c, s, want("short"), "live 7")
		s.change = func(f *cache.Fetched, _ cache.Missing) { f.Value.Body = make([]byte, 9<<20) }
		for range 2 {
			before := s.asked.Load()
			if got := c.Load(t.Context(), want("huge"), s.fetch)[0]; len(got.Value.Body) != 9<<20 || s.asked.Load() == before {
				t.Error("what is too large is kept, or not given to those who wait")
			}
		}
	})
}

// What the source takes back is not shown any more, however short it was known.
func TestFinal(t *testing.T) {
	inBubble(t, func(t *testing.T, c *cache.Cache, s *source) {
		expect(t, c, s, want("a"), "live 1")
		time.Sleep(2 * time.Hour)
		s.err, s.final = errors.New("no longer yours"), true
		expect(t, c, s, want("a"), "failed  (no longer yours)")
		s.err, s.final = errors.New("down"), false
		expect(t, c, s, want("a"), "failed  (down)")
	})
}

func TestInvalidate(t *testing.T) {
	inBubble(t, func(t *testing.T, c *cache.Cache, s *source) {
		expect(t, c, s, want("a", "b"), "live 1, live 1")
		if err := c.Invalidate(t.Context(), "tag a"); err != nil {
			t.Fatal(err)
		}
		expect(t, c, s, want("a", "b"), "live 2, cached 1")
		_ = c.Invalidate(t.Context(), "all")
		s.err = errors.New("down")
		expect(t, c, s, want("a", "b"), "stale 2 (down), stale 1 (down)") // what is out of date is better than nothing
		s.err = nil
		s.change = func(f *cache.Fetched, _ cache.Missing) { f.Value.Tags = []string{"learnt"} }
		expect(t, c, s, want("c"), "live 4")
		expect(t, c, s, want("c"), "cached 4")
		time.Sleep(time.Second)
		_ = c.Invalidate(t.Context(), "learnt")
		expect(t, c, s, want("c"), "live 5")
	})
}

// A value that was being fetched while its tag was invalidated is handed to those who wait already, and to nobody else.
func TestInvalidateWhileFetching(t *testing.T) {
	for _, learnt := range []bool{false, true} {
		inBubble(t, func(t *testing.T, c *cache.Cache, s *source) {
			s.takes = time.Second
			wanted := want("a")
			if learnt {
				wanted[0].Tags = nil
				s.change = func(f *cache.Fetched, _ cache.Missing) { f.Value.Tags = []string{"tag a"} }
			}
			var early, late string
			var group sync.WaitGroup
			group.Go(func() { early = shown(c.Load(t.Context(), wanted, s.fetch)) })
			time.Sleep(500 * time.Millisecond)
			_ = c.Invalidate(t.Context(), "tag a")
			if !learnt {
				group.Go(func() { late = shown(c.Load(t.Context(), wanted, s.fetch)) })
			}
			group.Wait()
			if early != "live 1" || !learnt && late != "live 2" {
				t.Errorf("before the change %s was loaded, after it %s", early, late)
			}
			s.takes = 0
			next := "cached 2"
			if learnt {
				next = "live 2"
			}
			expect(t, c, s, wanted, next)
		})
	}
}

func TestManyWaitForOne(t *testing.T) {
	inBubble(t, func(t *testing.T, c *cache.Cache, s *source) {
		s.takes = time.Second
		var group sync.WaitGroup
		for i := range 1000 {
			names := []string{"a", "b", "c"}[i%3:]
			group.Go(func() {
				for _, r := range c.Load(t.Context(), want(names...), s.fetch) {
					if r.State != cache.Live {
						t.Errorf("loaded %v", r)
					}
				}
			})
		}
		group.Wait()
		if s.values.Load() != 3 {
			t.Errorf("%d values were asked for, want 3", s.values.Load())
		}
	})
}

// Who gives up ends its own wait; the fetch ends with the last who waits.
func TestGivingUp(t *testing.T) {
	inBubble(t, func(t *testing.T, c *cache.Cache, s *source) {
		s.takes = 10 * time.Second
		short, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		var first, second string
		var group sync.WaitGroup
		group.Go(func() { first = shown(c.Load(short, want("a"), s.fetch)) })
		group.Go(func() {
			time.Sleep(100 * time.Millisecond)
			second = shown(c.Load(t.Context(), want("a"), s.fetch))
		})
		group.Wait()
		if first != "failed  (context deadline exceeded)" || second != "live 1" || s.ended.Load() != 0 {
			t.Errorf("loaded %s and %s, and %d fetches were given up", first, second, s.ended.Load())
		}
		short, cancel = context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		c.Load(short, want("b"), s.fetch)
		synctest.Wait()
		if s.ended.Load() != 1 {
			t.Errorf("nobody waits any more, and %d fetches were given up", s.ended.Load())
		}
		time.Sleep(time.Minute)
		expect(t, c, s, want("a"), "stale 1")
	})
}

func TestFetchesThatGoWrong(t *testing.T) {
	inBubble(t, func(t *testing.T, c *cache.Cache, _ *source) {
		panics := func(context.Context, []cache.Missing) []cache.Fetched { panic("no") }
		short := func(context.Context, []cache.Missing) []cache.Fetched { return nil }
		hangs := func(ctx context.Context, m []cache.Missing) []cache.Fetched {
			<-ctx.Done()
			return []cache.Fetched{{Err: ctx.Err()}}
		}
		for _, f := range []cache.Fetch{panics, short, hangs} {
			if got := c.Load(t.Context(), want("a"), f)[0]; got.State != cache.Failed || got.Err == nil {
				t.Errorf("loaded %v", got)
			}
		}
	})
}

// Refreshes behind answers are bounded in number, and each value is asked for once.
func TestRefreshesAreBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := cache.New(cache.Config{Store: cache.NewMemory(0), Refreshes: 2})
		defer c.Close()
		s := &source{}
		c.Load(t.Context(), want("a", "b", "c"), s.fetch)
		time.Sleep(2 * time.Minute)
		s.takes = 10 * time.Second
		for range 10 {
			for _, name := range []string{"a", "b", "c"} {
				expect(t, c, s, want(name), "stale 1")
			}
		}
		if s.asked.Load() != 3 {
			t.Errorf("the source was asked %d times, want 3: at first, and twice behind answers", s.asked.Load())
		}
		// Who has something to show waits for nobody, also while its tag changes.
		time.Sleep(time.Minute)
		if got := c.Status().Kinds; len(got) != 1 || got[0].Stale != 30 || got[0].Live != 3 || got[0].Refreshed != 2 {
			t.Errorf("the status is %+v", got)
		}
	})
}

func TestMemoryIsBounded(t *testing.T) {
	m := cache.NewMemory(1 << 20)
	c := cache.New(cache.Config{Store: m})
	defer c.Close()
	fetch := func(_ context.Context, missing []cache.Missing) []cache.Fetched {
		out := make([]cache.Fetched, len(missing))
		for i := range out {
			out[i].Value.Body = make([]byte, 1000)
		}
		return out
	}
	for i := range 5000 {
		c.Load(t.Context(), want(fmt.Sprint(i)), fetch)
	}
	if h := c.Status().Health; h.Bytes > 1<<20+100_000 || h.Evictions == 0 {
		t.Errorf("%d bytes are kept, and %d entries were dropped", h.Bytes, h.Evictions)
	}
}

func BenchmarkMemoryHit(b *testing.B) {
	for _, n := range []int{1, 20} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			c := cache.New(cache.Config{Store: cache.NewMemory(0)})
			defer c.Close()
			s := &source{}
			var names []string
			for i := range n {
				names = append(names, fmt.Sprint("larkfold/repository-", i))
			}
			wanted := want(names...)
			c.Load(b.Context(), wanted, s.fetch)
			b.ReportAllocs()
			for b.Loop() {
				c.Load(b.Context(), wanted, s.fetch)
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(n), "ns/key")
		})
	}
}

func BenchmarkMiss(b *testing.B) {
	c := cache.New(cache.Config{Store: cache.NewMemory(0)})
	defer c.Close()
	s := &source{change: func(f *cache.Fetched, _ cache.Missing) { f.Value.NoStore = true }}
	wanted := want("a")
	b.ReportAllocs()
	for b.Loop() {
		c.Load(b.Context(), wanted, s.fetch)
	}
}
