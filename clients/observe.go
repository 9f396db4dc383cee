package clients

import (
	"context"
	"net/http"
	"time"

	"callboard.dev/callboard/clients/cache"
)

// Observer is told what happens. Each function may be nil; they are called on the goroutines of requests and must return soon. What they are
// told names no address, credential or text of an upstream: routes are those of WithRoute.
type Observer struct {
	// Request is called when a request through Source.HTTP has its answer.
	Request func(ctx context.Context, r Request)
	// Attempt is called after each exchange with a source over the network.
	Attempt func(ctx context.Context, a Attempt)
	// Circuit is called when a source's circuit changes.
	Circuit func(source string, c Circuit)
	// Budget is called when a source has said what is left of one of its rate limits.
	Budget func(source string, b Budget)
}

// Request is what became of a request.
type Request struct {
	Source   string
	Method   string
	Route    string // "" where the caller said none
	Status   int    // 0 where there was no answer
	Code     string // as CodeOf, "" where there is no error or the caller gave up
	State    cache.State
	Attempts int // how often the source was asked, 0 where it was not
	Duration time.Duration
}

// Attempt is one exchange with a source.
type Attempt struct {
	Source   string
	Method   string
	Route    string
	Status   int
	Code     string // as CodeOf, for exchanges that brought no answer
	Number   int    // 1 for the first of a request
	Duration time.Duration
}

// Observers returns an observer that tells all of them.
func Observers(all ...Observer) Observer {
	return Observer{
		Request: func(ctx context.Context, r Request) {
			for _, o := range all {
				if o.Request != nil {
					o.Request(ctx, r)
				}
			}
		},
		Attempt: func(ctx context.Context, a Attempt) {
			for _, o := range all {
				if o.Attempt != nil {
					o.Attempt(ctx, a)
				}
			}
		},
		Circuit: func(source string, c Circuit) {
			for _, o := range all {
				if o.Circuit != nil {
					o.Circuit(source, c)
				}
			}
		},
		Budget: func(source string, b Budget) {
			for _, o := range all {
				if o.Budget != nil {
					o.Budget(source, b)
				}
			}
		},
	}
}

// watch tells what became of a request: the observer, the source's health, and the caller's Outcome.
type watch struct {
	source  string
	observe Observer
	health  *health
}

func (w *watch) pass(r *http.Request, next http.RoundTripper) (*http.Response, error) {
	started := time.Now()
	ctx := context.WithValue(r.Context(), passageKey{}, new(passage)) // also where this request is made for another
	c := callOf(ctx)
	var outcome Outcome
	inner := c
	inner.outcome = &outcome
	resp, err := next.RoundTrip(r.WithContext(withCall(ctx, inner)))
	if outcome == (Outcome{}) { // no answer that was remembered: the source was asked for this request
		if outcome.At = started; err != nil {
			outcome = Outcome{State: cache.Failed, Err: err}
		}
	}
	if c.outcome != nil {
		*c.outcome = outcome
	}
	if !c.part {
		w.health.note(outcome.State)
	}
	if w.observe.Request != nil {
		told := Request{Source: w.source, Method: methodOf(r), Route: c.route, Code: CodeOf(err), State: outcome.State,
			Attempts: int(passageOf(ctx).attempts.Load()), Duration: time.Since(started)}
		if resp != nil {
			told.Status = resp.StatusCode
		} else if e := Of(err); e != nil {
			told.Status = e.Status
		}
		w.observe.Request(ctx, told)
	}
	return resp, err
}

// methodOf returns the request's method as a word of a fixed few, so that metrics do not grow.
func methodOf(r *http.Request) string {
	switch r.Method {
	case http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete, http.MethodOptions:
		return r.Method
	case "":
		return http.MethodGet
	}
	return "OTHER"
}
