//go:build servers

package pipelines_test

import (
	"context"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"callboard.dev/callboard/clients/cache/redistest"
	"callboard.dev/callboard/subgraphs/pipelines"
	"callboard.dev/callboard/subgraphs/pipelines/ci"
	"callboard.dev/callboard/subgraphs/pipelines/store/sqlite"
)

// connection is what one replica asks a system through.
type connection struct {
	*system
	redis redis.UniversalClient
	looks atomic.Int64 // for runs
}

func (c *connection) Runs(ctx context.Context, keys []string) ([]*ci.Run, []error) {
	c.looks.Add(1)
	return c.system.Runs(ctx, keys)
}

// replicas are two subgraphs over the same systems, which share a Redis and a database.
func replicas(t *testing.T) (first, second *world, through [2]*connection) {
	t.Helper()
	server := redistest.Single(t)
	first = newWorld(t)
	second = newWorld(t)
	second.hub, second.jenkins = first.hub, first.jenkins
	file := filepath.Join(t.TempDir(), "pipelines.db")
	for i, w := range []*world{first, second} {
		client := redis.NewUniversalClient(&redis.UniversalOptions{Addrs: []string{server.Address}, ContextTimeoutEnabled: true})
		t.Cleanup(func() { _ = client.Close() })
		through[i] = &connection{system: first.hub, redis: client}
		w.systems = []*ci.System{w.system(ci.GitHubActions, "github.com", through[i], w.systems[0].Host), w.system(ci.Jenkins, "ci.example", w.jenkins, nil)}
		w.open(t, pipelines.Config{Systems: w.systems, Redis: client, Store: sqlite.New(file), Every: 300 * time.Millisecond})
		w.forgetting(t)
	}
	return first, second, through
}

// forgetting has the world remember nothing for long: what is looked at is what there is.
func (w *world) forgetting(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	var group sync.WaitGroup
	group.Go(func() {
		for ctx.Err() == nil {
			_ = w.cache.Invalidate(ctx, "source:github.com")
			select {
			case <-ctx.Done():
			case <-time.After(50 * time.Millisecond):
			}
		}
	})
	t.Cleanup(func() { cancel(); group.Wait() })
}

// TestReplicasShareALook checks that of two replicas one looks, and that who was cut off from one goes on at the other without missing anything or seeing it twice.
func TestReplicasShareALook(t *testing.T) {
	first, second, through := replicas(t)
	id := first.running()
	at := first.subscribe(t.Context(), watchRun, map[string]any{"id": id})
	last := eventOf(t, one(t, at))
	other := second.subscribe(t.Context(), watchRun, map[string]any{"id": id})
	if e := eventOf(t, one(t, other)); e.Event != last.Event {
		t.Errorf("the other replica begins with another event: %+v, not %+v", e, last)
	}
	before := [2]int64{through[0].looks.Load(), through[1].looks.Load()}
	attempt := 1
	step := func() {
		attempt++
		first.hub.change(run6, func(r *ci.Run) { r.Attempt = attempt })
	}
	for range 3 {
		step()
		last = eventOf(t, one(t, at))
		if e := eventOf(t, one(t, other)); e.Event != last.Event || e.Attempt != attempt {
			t.Errorf("the one says %+v, the other %+v", last, e)
		}
	}
	if a, b := through[0].looks.Load()-before[0], through[1].looks.Load()-before[1]; a < 3 || b != 0 {
		t.Errorf("the one replica looked %d times, the other %d times", a, b)
	}
	// The first ends while the run goes on, and can tell nobody. Its client saw no more than last.
	_ = through[0].redis.Close()
	_ = first.opened.Close()
	for _, more := at(); more; {
		_, more = at() // what it found when it could ask nobody
	}
	for range 3 {
		step()
		one(t, other) // so that each is an event
	}
	resumed := second.subscribe(t.Context(), watchRun, map[string]any{"id": id, "after": last.Event})
	for n := last.Attempt + 1; n <= attempt; n++ {
		if e := eventOf(t, one(t, resumed)); e.Attempt != n || e.MissedEvents {
			t.Errorf("after attempt %d it goes on with %+v", n-1, e)
		}
	}
	second.hub.change(run6, func(r *ci.Run) { r.Status = ci.Succeeded })
	if e := eventOf(t, one(t, resumed)); e.Status != "SUCCEEDED" {
		t.Errorf("it ends with %+v", e)
	}
	over(t, resumed)
}

// TestReplicasActOnce checks that mutations with one key that reach two replicas at once start one run.
func TestReplicasActOnce(t *testing.T) {
	first, second, _ := replicas(t)
	id := first.run(5)
	first.hub.set(func() { first.hub.block = make(chan struct{}) })
	var group sync.WaitGroup
	answers := make([]string, 8)
	for i := range answers {
		w := []*world{first, second}[i%2]
		group.Go(func() { answers[i] = w.send(t.Context(), token, again, map[string]any{"id": id, "key": "k1"}) })
	}
	for first.hub.count("Rerun") == 0 {
		time.Sleep(time.Millisecond)
	}
	close(first.hub.block)
	group.Wait()
	for _, answer := range answers {
		if !strings.Contains(answer, `"attempt":2`) || !strings.Contains(answer, `"userErrors":[]`) {
			t.Errorf("it says %s", answer)
		}
	}
	if n := first.hub.count("Rerun"); n != 1 {
		t.Errorf("it was run again %d times", n)
	}
}
