package cache_test

import (
	"context"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"callboard.dev/callboard/clients/cache"
)

// shared is the end of a store that several replicas have.
type shared struct {
	cache.Store
	beforeLease, beforeRelease func()

	dead bool // what it holds it neither renews nor gives back
}

func (s *shared) Lease(ctx context.Context, lookups []cache.Lookup, d time.Duration) (cache.Leases, error) {
	if s.beforeLease != nil {
		s.beforeLease()
	}
	out, err := s.Store.Lease(ctx, lookups, d)
	if release := out.Release; s.beforeRelease != nil {
		out.Release = func(ctx context.Context) {
			s.beforeRelease()
			release(ctx)
		}
	}
	if s.dead {
		out.Renew, out.Release = func(context.Context, time.Duration) {}, func(context.Context) {}
	}
	return out, err
}

func (s *shared) Heard(func(tags []string)) {}

func (s *shared) Close() error { return nil }

// inReplicas runs a test with two caches over one store, in a bubble of its own time.
func inReplicas(t *testing.T, first, second *shared, test func(t *testing.T, one, two *cache.Cache)) {
	synctest.Test(t, func(t *testing.T) {
		store := cache.NewMemory(0)
		defer store.Close()
		first.Store, second.Store = store, store
		one, two := cache.New(cache.Config{Store: first}), cache.New(cache.Config{Store: second})
		defer one.Close()
		defer two.Close()
		test(t, one, two)
	})
}

// What another replica brings between the look at what is remembered and the right to fetch is not fetched again.
func TestBroughtMeanwhile(t *testing.T) {
	late := &shared{}
	inReplicas(t, &shared{}, late, func(t *testing.T, one, two *cache.Cache) {
		s := &source{}
		late.beforeLease = func() { one.Load(t.Context(), want("a", "b"), s.fetch) }
		if got := shown(two.Load(t.Context(), want("a", "b", "c"), s.fetch)); got != "live 1, live 1, live 2" {
			t.Errorf("loaded %s", got)
		}
		if s.values.Load() != 3 {
			t.Errorf("%d values were asked for, want 3", s.values.Load())
		}
	})
}

// However long a fetch takes, others wait for it.
func TestLongFetchIsTheOnlyOne(t *testing.T) {
	inReplicas(t, &shared{}, &shared{}, func(t *testing.T, one, two *cache.Cache) {
		s := &source{takes: 25 * time.Second}
		var group sync.WaitGroup
		for i, c := range []*cache.Cache{one, two} {
			group.Go(func() {
				time.Sleep(time.Duration(i) * 10 * time.Second)
				if got := shown(c.Load(t.Context(), want("a"), s.fetch)); got != "live 1" {
					t.Errorf("replica %d loaded %s", i, got)
				}
			})
		}
		group.Wait()
		if s.asked.Load() != 1 {
			t.Errorf("the source was asked %d times, want once", s.asked.Load())
		}
	})
}

// A replica that dies while it fetches, or whose giving back nobody hears of, does not keep others waiting for long.
func TestReplicaDies(t *testing.T) {
	inReplicas(t, &shared{dead: true}, &shared{}, func(t *testing.T, one, two *cache.Cache) {
		s := &source{change: func(f *cache.Fetched, _ cache.Missing) { f.Value.NoStore = true }}
		one.Load(t.Context(), want("a"), s.fetch)
		began := time.Now()
		if got := shown(two.Load(t.Context(), want("a"), s.fetch)); got != "live 2" {
			t.Errorf("loaded %s", got)
		}
		if waited := time.Since(began); waited > 4*time.Second { // of the bubble's time
			t.Errorf("it waited %v", waited)
		}
	})
}

// Who has got a value, has it invalidated and asks again has the right to bring it.
func TestRightIsGivenBackFirst(t *testing.T) {
	late := &shared{}
	inReplicas(t, late, &shared{}, func(t *testing.T, one, two *cache.Cache) {
		s := &source{}
		late.beforeRelease = func() { time.Sleep(time.Second) }
		one.Load(t.Context(), want("b"), s.fetch)
		if err := two.Invalidate(t.Context(), "all"); err != nil {
			t.Fatal(err)
		}
		if got := shown(two.Load(t.Context(), want("a", "b"), s.fetch)); got != "live 2, live 2" {
			t.Errorf("loaded %s", got)
		}
	})
}
