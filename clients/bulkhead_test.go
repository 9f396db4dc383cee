package clients

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

func TestBulkhead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBulkhead("example", 3, 1000)
		var now, most atomic.Int64
		network := stub(func(r *http.Request) (*http.Response, error) {
			if n := now.Add(1); n > most.Load() {
				most.Store(n)
			}
			defer now.Add(-1)
			return says(200, ""), wait(r.Context(), time.Second)
		})
		var all sync.WaitGroup
		started := time.Now()
		for range 30 {
			all.Go(func() {
				if _, err := b.pass(get(t.Context()), network); err != nil {
					t.Error(err)
				}
			})
		}
		synctest.Wait()
		if in, waiting := b.load(); in != 3 || waiting != 27 {
			t.Errorf("%d are in flight and %d wait", in, waiting)
		}
		all.Wait()
		if most.Load() != 3 || time.Since(started) != 10*time.Second {
			t.Errorf("%d at once, %v in all", most.Load(), time.Since(started))
		}
		if in, waiting := b.load(); in != 0 || waiting != 0 {
			t.Errorf("%d are in flight and %d wait", in, waiting)
		}
	})
}

func TestBulkheadRefuses(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBulkhead("example", 1, 2)
		hold := make(chan struct{})
		network := stub(func(*http.Request) (*http.Response, error) {
			<-hold
			return says(200, ""), nil
		})
		var all sync.WaitGroup
		all.Go(func() { b.pass(get(t.Context()), network) })
		synctest.Wait()
		ctx, leave := context.WithCancel(t.Context())
		all.Go(func() {
			if _, err := b.pass(get(ctx), network); !errors.Is(err, context.Canceled) {
				t.Errorf("who left got %v", err)
			}
		})
		all.Go(func() {
			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			defer cancel()
			_, err := b.pass(get(ctx), network)
			wantError(t, err, ErrTimeout)
		})
		synctest.Wait()
		if _, err := b.pass(get(t.Context()), network); wantError(t, err, ErrUnavailable).Status != 0 {
			t.Error("it was asked")
		}
		leave()
		time.Sleep(2 * time.Second)
		close(hold)
		all.Wait()
		if _, err := b.pass(get(t.Context()), network); err != nil {
			t.Errorf("a place is lost: %v", err)
		}
	})
}

// An answer that is handed on as it comes holds its place until it is closed.
func TestBulkheadStreams(t *testing.T) {
	b := newBulkhead("example", 1, 0)
	network := stub(func(*http.Request) (*http.Response, error) {
		return &http.Response{StatusCode: 200, Body: io.NopCloser(strings.NewReader("log"))}, nil
	})
	resp, err := b.pass(get(t.Context()), network)
	if err != nil {
		t.Fatal(err)
	}
	_, err = b.pass(get(t.Context()), network)
	wantError(t, err, ErrUnavailable)
	resp.Body.Close()
	resp.Body.Close()
	if resp, err = b.pass(get(t.Context()), network); err != nil {
		t.Fatal(err)
	}
	if _, err = b.pass(get(t.Context()), network); err == nil {
		t.Error("a place was given back twice")
	}
	resp.Body.Close()
}

func TestBulkheadSurvivesPanics(t *testing.T) {
	b := newBulkhead("example", 1, 0)
	func() {
		defer func() { recover() }()
		b.pass(get(t.Context()), stub(func(*http.Request) (*http.Response, error) { panic("bug") }))
	}()
	if _, err := b.pass(get(t.Context()), always(200)); err != nil {
		t.Errorf("the place is lost: %v", err)
	}
}
