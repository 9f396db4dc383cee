package clients

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

func newTestCoalescing() *coalescing {
	return &coalescing{source: "example", timeout: 30 * time.Second, log: slog.New(slog.DiscardHandler)}
}

// slow answers after a second with the number of the request.
func slow() *counting {
	return &counting{answer: func(n int64, r *http.Request) (*http.Response, error) {
		if err := wait(r.Context(), time.Second); err != nil {
			return nil, err
		}
		return says(200, fmt.Sprint("answer ", n), "X", "y"), nil
	}}
}

func TestCoalescing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, network := newTestCoalescing(), slow()
		var all sync.WaitGroup
		for range 100 {
			all.Go(func() {
				resp, err := c.pass(get(t.Context()), network)
				if err != nil {
					t.Error(err)
					return
				}
				text, _ := io.ReadAll(resp.Body)
				if string(text) != "answer 1" || resp.Header.Get("X") != "y" {
					t.Errorf("got %q", text)
				}
				resp.Header.Set("X", "mine alone")
			})
		}
		all.Wait()
		if network.n.Load() != 1 {
			t.Errorf("%d requests went out", network.n.Load())
		}
		resp, err := c.pass(get(t.Context()), network)
		if err != nil {
			t.Fatal(err)
		}
		if text, _ := io.ReadAll(resp.Body); string(text) != "answer 2" {
			t.Errorf("what was over is shared: %q", text)
		}
		if len(c.flights) != 0 {
			t.Errorf("%d flights are left", len(c.flights))
		}
	})
}

func TestCoalescingKeepsApart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, network := newTestCoalescing(), slow()
		with := func(name, value string) *http.Request {
			r := get(t.Context())
			r.Header.Add(name, value)
			return r
		}
		two := with("Accept", "a")
		two.Header.Add("Accept", "b")
		requests := []*http.Request{
			get(t.Context()),
			request(t.Context(), "GET", "https://api.example/repos/a/b?x"),
			request(t.Context(), "HEAD", "https://api.example/repos/a/b"),
			with("Accept", "a"), with("Accept", "ab"), two,
			with("X-Tenant", "a"),
			scoped(get(t.Context()), "one"), scoped(get(t.Context()), "other"),
			query(t.Context()), query(t.Context()),
			get(WithStream(t.Context())), get(WithStream(t.Context())),
		}
		var all sync.WaitGroup
		for _, r := range requests {
			all.Go(func() { c.pass(r, network) })
		}
		all.Wait()
		if n := network.n.Load(); n != int64(len(requests)) {
			t.Errorf("of %d different requests %d went out", len(requests), n)
		}
	})
}

func TestCoalescingOutlivesTheFirst(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, network := newTestCoalescing(), slow()
		first, leave := context.WithCancel(t.Context())
		var all sync.WaitGroup
		all.Go(func() {
			if _, err := c.pass(get(first), network); !errors.Is(err, context.Canceled) {
				t.Errorf("the first got %v", err)
			}
		})
		synctest.Wait()
		all.Go(func() {
			if _, err := c.pass(get(t.Context()), network); err != nil {
				t.Errorf("the second got %v", err)
			}
		})
		synctest.Wait()
		leave()
		all.Wait()
		if network.n.Load() != 1 {
			t.Errorf("%d requests went out", network.n.Load())
		}
	})
}

func TestCoalescingEndsWithTheLast(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newTestCoalescing()
		var ended time.Time
		network := stub(func(r *http.Request) (*http.Response, error) {
			<-r.Context().Done()
			ended = time.Now()
			return nil, r.Context().Err()
		})
		started := time.Now()
		var all sync.WaitGroup
		for i := range 3 {
			all.Go(func() {
				ctx, cancel := context.WithTimeout(t.Context(), time.Duration(i+1)*time.Second)
				defer cancel()
				c.pass(get(ctx), network)
			})
		}
		all.Wait()
		synctest.Wait()
		if took := ended.Sub(started); took != 3*time.Second {
			t.Errorf("what nobody waits for ended after %v", took)
		}
		c.pass(get(t.Context()), always(200)) // does not meet what has ended
	})
}

func TestCoalescingContainsPanics(t *testing.T) {
	c := newTestCoalescing()
	_, err := c.pass(get(t.Context()), stub(func(*http.Request) (*http.Response, error) { panic("bug") }))
	wantError(t, err, ErrUnavailable)
	if len(c.flights) != 0 {
		t.Error("the flight is left")
	}
	if _, err := c.pass(get(t.Context()), always(200)); err != nil {
		t.Errorf("the next got %v", err)
	}
}
