package clients

import (
	"context"
	"crypto/sha256"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"runtime/debug"
	"slices"
	"strconv"
	"sync"
	"time"

	"golang.org/x/sync/singleflight"

	"callboard.dev/callboard/clients/cache"
)

// coalescing sends one of the identical GETs that are in flight and gives its answer to all of them. The one that is sent ends neither with the
// caller who happened to be first nor at that caller's deadline, but when nobody waits for it any more.
type coalescing struct {
	source  string
	timeout time.Duration // of what is sent
	log     *slog.Logger
	group   singleflight.Group

	mu      sync.Mutex
	flights map[string]*flight
}

// flight is a request on its way. The lock of coalescing guards the count.
type flight struct {
	ctx     context.Context
	cancel  context.CancelFunc
	waiting int
}

func (c *coalescing) pass(r *http.Request, next http.RoundTripper) (*http.Response, error) {
	ctx := r.Context()
	if r.Method != http.MethodGet && r.Method != "" || r.Body != nil && r.Body != http.NoBody || callOf(ctx).streamed {
		return next.RoundTrip(r)
	}
	// Who waits for nothing is refused a budget earlier than others, who must not get that refusal.
	key := identity(r) + strconv.Itoa(int(cache.UrgencyOf(ctx)))
	f, landed := c.board(key, r, next)
	defer c.leave(key, f)
	select {
	case <-ctx.Done():
		return nil, ctx.Err()
	case got := <-landed:
		if got.Err != nil {
			return nil, got.Err
		}
		return again(got.Val.(*http.Response), r), nil
	}
}

// board finds the flight of the key, or starts one.
func (c *coalescing) board(key string, r *http.Request, next http.RoundTripper) (*flight, <-chan singleflight.Result) {
	c.mu.Lock()
	defer c.mu.Unlock()
	f := c.flights[key]
	if f == nil {
		f = new(flight)
		f.ctx, f.cancel = context.WithTimeout(context.WithoutCancel(r.Context()), c.timeout)
		if c.flights == nil {
			c.flights = map[string]*flight{}
		}
		c.flights[key] = f
	}
	f.waiting++
	return f, c.group.DoChan(key, func() (answer any, err error) {
		defer func() {
			if p := recover(); p != nil { // singleflight would end the process
				c.log.Error("a bug: a request panicked", "source", c.source, "panic", fmt.Sprint(p), "stack", string(debug.Stack()))
				answer, err = nil, &Error{Kind: ErrUnavailable, Source: c.source, Message: "Callboard failed to ask it; please report this bug", ours: true}
			}
		}()
		resp, err := next.RoundTrip(r.WithContext(f.ctx))
		c.mu.Lock()
		if c.flights[key] == f {
			delete(c.flights, key) // who comes now starts another
		}
		c.mu.Unlock()
		return resp, err
	})
}

func (c *coalescing) leave(key string, f *flight) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if f.waiting--; f.waiting > 0 {
		return
	}
	f.cancel()
	if c.flights[key] == f {
		delete(c.flights, key)
		c.group.Forget(key)
	}
}

// ignoredHeaders do not change what is answered.
var ignoredHeaders = []string{"User-Agent", "Traceparent", "Tracestate", "Baggage"}

// identity returns what makes a request the same as another: method, address, every header that may change the answer, and whose credential it
// goes with. It is a hash: addresses may hold what must not be in a key.
func identity(r *http.Request) string {
	h := sha256.New()
	line := func(texts ...string) {
		for _, text := range texts {
			io.WriteString(h, strconv.Itoa(len(text)))
			io.WriteString(h, ":")
			io.WriteString(h, text)
		}
	}
	scope := passageOf(r.Context()).scope
	line(string(scope[:]), r.Method, r.URL.String())
	names := make([]string, 0, len(r.Header))
	for name := range r.Header {
		if !slices.Contains(ignoredHeaders, name) {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	for _, name := range names {
		line(name, strconv.Itoa(len(r.Header[name])))
		line(r.Header[name]...)
	}
	return string(h.Sum(nil))
}
