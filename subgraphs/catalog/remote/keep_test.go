package remote_test

import (
	"context"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"callboard.dev/callboard/subgraphs/catalog/remote"
	"callboard.dev/callboard/subgraphs/catalog/store"
)

func TestReplicasShareWhatTheyRead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, h := memory(t), newHost(map[string]string{file: group("web", "One"), other: group("cart", "One")})
		a := follow(t, s, remote.Config{}, h)
		synctest.Wait()
		b := follow(t, s, remote.Config{}, h)
		b.want(t, "cart One", "web One")
		later(time.Second)
		h.set(func() { h.catalog[file] = group("web", "Two"); delete(h.catalog, other) })
		refresh(t, a, file, other)
		synctest.Wait()
		b.Changed(t.Context())
		synctest.Wait()
		b.want(t, "web Two")
		a.Changed(t.Context())
		synctest.Wait()
		a.want(t, "web Two")

		// One searches for both, as long as they hear of each other.
		before := 0
		h.set(func() { before = h.searches })
		for range 12 * 60 {
			later(5 * time.Second)
			a.Changed(t.Context())
			b.Changed(t.Context())
		}
		h.set(func() {
			if made := h.searches - before; made < 5 || made > 8 {
				t.Errorf("in an hour, two replicas made %d searches", made)
			}
		})
		b.Close()
		h.set(func() { h.catalog[file] = group("web", "Three") })
		refresh(t, a)
		a.want(t, "web Three")
		synctest.Wait()
		follow(t, s, remote.Config{}, h).want(t, "web Three")
	})
}

// flaky is a store that can be told not to answer.
type flaky struct {
	store.Store
	down atomic.Bool
}

func (f *flaky) Files(ctx context.Context, origin string, after int64) (store.Files, error) {
	if f.down.Load() {
		return store.Files{}, errDown
	}
	return f.Store.Files(ctx, origin, after)
}

func (f *flaky) SaveFiles(ctx context.Context, origin string, change store.Change) (int64, error) {
	if f.down.Load() {
		return 0, errDown
	}
	return f.Store.SaveFiles(ctx, origin, change)
}

func TestStoreThatIsDown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, h := &flaky{Store: memory(t)}, newHost(map[string]string{file: group("web", "One"), other: group("cart", "One")})
		first := follow(t, s, remote.Config{}, h)
		synctest.Wait()
		first.Close()
		s.down.Store(true)
		h.set(func() { h.down = errDown })
		r := follow(t, s, remote.Config{}, h)
		synctest.Wait()
		r.want(t)
		s.down.Store(false)
		r.Changed(t.Context())
		synctest.Wait()
		r.want(t, "cart One", "web One")

		s.down.Store(true)
		h.set(func() { h.down, h.catalog[file] = nil, group("web", "Two"); delete(h.catalog, other) })
		refresh(t, r)
		r.want(t, "web Two") // served all the same
		later(time.Minute)
		follow(t, s.Store, remote.Config{}, &host{name: "host.example", down: errDown}).want(t, "cart One", "web One")
		s.down.Store(false)
		later(time.Minute)
		follow(t, s.Store, remote.Config{}, &host{name: "host.example", down: errDown}).want(t, "web Two")
	})
}

func TestTextsThatTakeSeveralChanges(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, h := memory(t), newHost(map[string]string{})
		for i := range 8 {
			h.catalog[fmt.Sprintf("https://host.example/r%d/catalog-info.yaml", i)] = group(fmt.Sprint("g", i), "One") + strings.Repeat("#\n", 1<<20)
		}
		r := follow(t, s, remote.Config{}, h)
		later(time.Second)
		r.Close()
		if got, err := s.Files(t.Context(), "host.example", 0); err != nil || len(got.URLs) != 8 || got.State.Searched.IsZero() {
			t.Errorf("remembered are %d files, %v, %v", len(got.URLs), got.State, err)
		}
	})
}
