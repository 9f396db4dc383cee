package clients

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"sync/atomic"
	"time"

	"github.com/sony/gobreaker/v2"
)

// Circuit says whether a source is asked.
type Circuit string

// The states of a circuit.
const (
	CircuitClosed   Circuit = "closed"    // it is asked
	CircuitOpen     Circuit = "open"      // it failed too often and is left alone
	CircuitHalfOpen Circuit = "half-open" // one request finds out whether it works again
)

// When a source is left alone, and for how long. By judgement: five failures in a row are no accident, nor is half of all that went out in half
// a minute; ten seconds are long for a person and short for a server that restarts.
const (
	circuitRow    = 5
	circuitEnough = 20 // exchanges in the window before the share of failures counts
	circuitShare  = 0.5
	circuitWindow = 30 * time.Second
	circuitBucket = 3 * time.Second
	circuitPause  = 10 * time.Second
)

// circuit keeps requests from a source that is down. Time-outs, broken connections and 5xx count; never a 4xx, which is an answer, nor what the
// caller or this process gave up by itself.
type circuit struct {
	source  string
	health  *health
	breaker *gobreaker.TwoStepCircuitBreaker[struct{}]
	until   atomic.Int64 // in ns since 1970, when an open circuit lets a request through
}

func newCircuit(source string, h *health, log *slog.Logger, observe Observer) *circuit {
	c := &circuit{source: source, health: h}
	c.breaker = gobreaker.NewTwoStepCircuitBreaker[struct{}](gobreaker.Settings{
		Name:         source,
		Interval:     circuitWindow,
		BucketPeriod: circuitBucket,
		Timeout:      circuitPause,
		ReadyToTrip: func(n gobreaker.Counts) bool {
			return n.ConsecutiveFailures >= circuitRow || n.Requests >= circuitEnough && float64(n.TotalFailures) >= circuitShare*float64(n.Requests)
		},
		IsExcluded: func(err error) bool { return err == errNotCounted },
		OnStateChange: func(_ string, from, to gobreaker.State) {
			if to == gobreaker.StateOpen {
				c.until.Store(time.Now().Add(circuitPause).UnixNano())
			}
			log.Warn("a source's circuit changed", "source", source, "from", string(circuitOf(from)), "to", string(circuitOf(to)))
			if observe.Circuit != nil {
				observe.Circuit(source, circuitOf(to))
			}
		},
	})
	return c
}

var errNotCounted = errors.New("says nothing about the source")

func circuitOf(s gobreaker.State) Circuit {
	switch s {
	case gobreaker.StateOpen:
		return CircuitOpen
	case gobreaker.StateHalfOpen:
		return CircuitHalfOpen
	}
	return CircuitClosed
}

func (c *circuit) state() (Circuit, time.Time) {
	state := circuitOf(c.breaker.State())
	if state != CircuitOpen {
		return state, time.Time{}
	}
	return state, c.retryAt()
}

func (c *circuit) retryAt() time.Time { return time.Unix(0, c.until.Load()+1) } // the breaker opens after the pause, not at its end

func (c *circuit) pass(r *http.Request, next http.RoundTripper) (*http.Response, error) {
	done, err := c.breaker.Allow()
	if errors.Is(err, gobreaker.ErrTooManyRequests) { // half-open: one request is finding out
		return nil, &Error{Kind: ErrUnavailable, Source: c.source, ours: true, RetryAt: time.Now().Add(time.Second),
			Message: "it was down, and is being tried; try again in a moment"}
	}
	if err != nil {
		return nil, c.leftAlone()
	}
	settled := false
	defer func() {
		if !settled { // a panic below must not hold the one place of a half-open circuit
			done(errNotCounted)
		}
	}()
	resp, err := next.RoundTrip(r)
	settled = true
	outcome := err
	if err == nil {
		if e := refusal(c.source, resp); e != nil { // not a nil *Error in an error
			outcome = e
		}
	}
	c.health.answered(outcome)
	done(counted(outcome))
	return resp, err
}

// reconsider stands right before the network: the circuit may have opened while the request waited for its place.
func (c *circuit) reconsider(r *http.Request, next http.RoundTripper) (*http.Response, error) {
	if c.breaker.State() == gobreaker.StateOpen {
		return nil, c.leftAlone()
	}
	return next.RoundTrip(r)
}

func (c *circuit) leftAlone() *Error {
	return &Error{Kind: ErrUnavailable, Source: c.source, ours: true, RetryAt: c.retryAt(),
		Message: fmt.Sprintf("it is down and is left alone for %v; try again after that", circuitPause)}
}

// counted returns what the breaker is to count of an outcome: nil for a success, errNotCounted for what says nothing, and failures.
func counted(err error) error {
	e := Of(err)
	switch {
	case err == nil:
		return nil
	case e == nil: // the end of the caller's context
		if errors.Is(err, context.Canceled) {
			return errNotCounted
		}
		return err
	case e.ours:
		return errNotCounted
	case e.Status >= 400 && e.Status < 500, e.Kind == ErrNotFound, e.Kind == ErrForbidden, e.Kind == ErrLimited:
		return nil
	case e.Kind == ErrBadAnswer && !e.broken: // too large, or in an encoding of its own: something answered
		return nil
	}
	return err
}
