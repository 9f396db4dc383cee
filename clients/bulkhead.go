package clients

import (
	"context"
	"errors"
	"net/http"
	"sync/atomic"

	"golang.org/x/sync/semaphore"
)

// bulkhead bounds how many requests a source works on at once, so that a slow one holds neither itself nor us. The others wait for their turn,
// unless too many do.
type bulkhead struct {
	source   string
	places   *semaphore.Weighted
	queue    int64
	waiting  atomic.Int64
	inFlight atomic.Int64
}

func newBulkhead(source string, places, queue int) *bulkhead {
	return &bulkhead{source: source, places: semaphore.NewWeighted(int64(places)), queue: int64(queue)}
}

func (b *bulkhead) load() (inFlight, waiting int) {
	return int(b.inFlight.Load()), int(b.waiting.Load())
}

func (b *bulkhead) pass(r *http.Request, next http.RoundTripper) (*http.Response, error) {
	if err := b.enter(r.Context()); err != nil {
		return nil, err
	}
	left := false
	defer func() {
		if !left {
			b.leave()
		}
	}()
	resp, err := next.RoundTrip(r)
	if err != nil || textOf(resp) != nil {
		return resp, err
	}
	left = true
	resp.Body = &onClose{ReadCloser: resp.Body, do: b.leave} // the source is at work until all of it came
	return resp, nil
}

func (b *bulkhead) enter(ctx context.Context) error {
	if !b.places.TryAcquire(1) {
		if b.waiting.Add(1) > b.queue {
			b.waiting.Add(-1)
			return &Error{Kind: ErrUnavailable, Source: b.source, ours: true, Message: "too many requests wait for it already; try again in a moment"}
		}
		err := b.places.Acquire(ctx, 1)
		b.waiting.Add(-1)
		if errors.Is(err, context.Canceled) {
			return context.Canceled
		}
		if err != nil {
			return &Error{Kind: ErrTimeout, Source: b.source, ours: true, Err: context.DeadlineExceeded, Message: "too many requests wait for it, and this one's turn did not come in time; try again later"}
		}
	}
	b.inFlight.Add(1)
	return nil
}

func (b *bulkhead) leave() {
	b.inFlight.Add(-1)
	b.places.Release(1)
}
