package git

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
)

// weigher is a remembered answer that knows about how many bytes it holds.
type weigher interface{ weight() int }

// entryWeight is what a remembered answer costs beside its own bytes: its key, its place in the cache.
const entryWeight = 200

func weigh(key string, value any) uint32 {
	n := entryWeight + len(key)
	if w, ok := value.(weigher); ok {
		n += w.weight()
	}
	return uint32(n)
}

// flight is one computation that several callers wait for. It is cancelled when the last of them has gone.
type flight struct {
	done    chan struct{}
	cancel  context.CancelFunc
	waiting int
	value   any
	err     error
}

// remember returns the answer under key, computing it at most once at a time. The key must name the repository and only
// immutable things in it, so that an answer is right for ever; errors are not kept.
func remember[T any](ctx context.Context, c *Client, key string, compute func(context.Context) (T, error)) (T, error) {
	if value, ok := c.cache.GetIfPresent(key); ok {
		return value.(T), nil
	}
	return share(ctx, c, key, true, compute)
}

// share computes an answer at most once at a time for all who ask under one key, and keeps it where that is wanted.
func share[T any](ctx context.Context, c *Client, key string, keep bool, compute func(context.Context) (T, error)) (T, error) {
	var none T
	c.mu.Lock()
	f := c.flights[key]
	if f == nil {
		own, cancel := context.WithCancel(context.WithoutCancel(ctx))
		f = &flight{done: make(chan struct{}), cancel: cancel}
		c.flights[key] = f
		go func() {
			defer cancel()
			value, err := guard(own, c, compute)
			c.mu.Lock()
			defer c.mu.Unlock()
			f.value, f.err = value, err
			if err == nil && keep {
				c.cache.Set(key, value)
			}
			if c.flights[key] == f {
				delete(c.flights, key)
			}
			close(f.done)
		}()
	}
	f.waiting++
	c.mu.Unlock()

	select {
	case <-f.done:
		if f.err != nil {
			return none, f.err
		}
		return f.value.(T), nil
	case <-ctx.Done():
		c.mu.Lock()
		defer c.mu.Unlock()
		if f.waiting--; f.waiting == 0 {
			f.cancel()
			if c.flights[key] == f { // a caller who comes now must not wait for a computation that is going away
				delete(c.flights, key)
			}
		}
		return none, contextError(ctx)
	}
}

// guard turns a panic into an error: nobody above this goroutine could, and one repository must not take the process down.
func guard[T any](ctx context.Context, c *Client, compute func(context.Context) (T, error)) (value T, err error) {
	defer func() {
		if cause := recover(); cause != nil {
			c.log.Error("bug in the git client", "panic", cause, "stack", string(debug.Stack()))
			err = fmt.Errorf("%w: a bug of the git client, which has logged it", ErrBadRepository)
		}
	}()
	return compute(ctx)
}

// contextError tells a deadline from a caller that went away.
func contextError(ctx context.Context) error {
	if err := ctx.Err(); errors.Is(err, context.DeadlineExceeded) {
		return fmt.Errorf("%w: %w", ErrTimeout, err)
	}
	return ctx.Err()
}
