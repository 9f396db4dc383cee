package clients

import (
	"context"
	"errors"
	"io"
	"net/http"
	"sync"
	"time"

	"github.com/cenkalti/backoff/v5"
	"golang.org/x/time/rate"
)

// When an attempt is followed by another, by judgement.
const (
	maxAttempts = 4                      // the chance that a fourth helps where three failed is small
	firstPause  = 200 * time.Millisecond // on average; what a server needs to be taken out of a load balancer is longer, and people wait
	maxPause    = 5 * time.Second        // on average
	maxHeeded   = 15 * time.Second       // the longest Retry-After that a request waits for rather than fail

	retryShare    = 0.1             // of the requests may be retries: an upstream in trouble gets a tenth more, not four times as much
	retrySaved    = 20              // retries that quiet times save up
	retryFloor    = 6 * time.Second // one retry in this time is always affordable, for sources that are hardly asked
	retryFloorRow = 5               // so many of them at once
)

// retries asks again where that is safe and may help.
type retries struct {
	floor *rate.Limiter

	mu    sync.Mutex
	saved float64
}

func newRetries() *retries {
	return &retries{floor: rate.NewLimiter(rate.Every(retryFloor), retryFloorRow)}
}

func (t *retries) pass(r *http.Request, next http.RoundTripper) (*http.Response, error) {
	t.earn()
	var pauses *backoff.ExponentialBackOff
	for number := 1; ; number++ {
		resp, err := next.RoundTrip(r)
		if number == maxAttempts || !mayRepeat(r) || r.Context().Err() != nil {
			return resp, err
		}
		again, told := worthwhile(resp, err)
		if !again {
			return resp, err
		}
		second, ok := replay(r)
		if !ok {
			return resp, err
		}
		if pauses == nil {
			// Full jitter: any time from nothing to twice the average, so that those who failed together do not come back together.
			pauses = &backoff.ExponentialBackOff{InitialInterval: firstPause, RandomizationFactor: 1, Multiplier: 2, MaxInterval: maxPause}
		}
		pause := pauses.NextBackOff()
		if told > 0 {
			if told > maxHeeded {
				return resp, err
			}
			pause += told
		}
		if deadline, ok := r.Context().Deadline(); ok && time.Until(deadline) <= pause || !t.spend() {
			return resp, err
		}
		if wait(r.Context(), pause) != nil {
			return resp, err
		}
		if resp != nil {
			io.Copy(io.Discard, io.LimitReader(resp.Body, 4<<10))
			resp.Body.Close()
		}
		r = second
	}
}

// mayRepeat tells whether the request does the same when it is done twice.
func mayRepeat(r *http.Request) bool {
	switch r.Method {
	case "", http.MethodGet, http.MethodHead, http.MethodOptions, http.MethodPut, http.MethodDelete:
		return true
	}
	return callOf(r.Context()).safe
}

// worthwhile tells whether another attempt may bring more, and how long the source says to wait for it.
func worthwhile(resp *http.Response, err error) (bool, time.Duration) {
	if err == nil {
		switch resp.StatusCode {
		case http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout, http.StatusTooManyRequests:
			told, _ := retryAfter(resp.Header, time.Now())
			return true, told
		}
		return false, 0
	}
	e := Of(err)
	switch {
	case errors.Is(err, context.Canceled), e == nil, e.ours:
		return false, 0
	case e.Kind == ErrLimited: // an answer that the limiter has read
		return true, max(time.Until(e.RetryAt), 0)
	}
	return e.broken, 0
}

func (t *retries) earn() {
	t.mu.Lock()
	t.saved = min(t.saved+retryShare, retrySaved)
	t.mu.Unlock()
}

// spend takes a retry out of what is affordable.
func (t *retries) spend() bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.saved >= 1 {
		t.saved--
		return true
	}
	return t.floor.Allow()
}
