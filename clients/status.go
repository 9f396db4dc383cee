package clients

import (
	"net/http"
	"sync"
	"time"

	"callboard.dev/callboard/clients/cache"
)

// Status is how a source is doing. It holds no secret.
type Status struct {
	Name        string
	Kind        string
	Address     string    // without user, password and query
	Healthy     bool      // the circuit is not open and the last exchange was no failure of the source; true before the first
	Circuit     Circuit   //
	RetryAt     time.Time // when an open circuit lets a request through again
	LastSuccess time.Time // zero before the first
	LastError   *Failure  // nil where there was none; it stays after a success
	Requests    Requests
	HitRatio    float64  // of all that was asked for, the share that was answered without waiting for the source; 0 before the first
	InFlight    int      // requests that have a place
	Waiting     int      // requests that wait for one
	Budgets     []Budget // sorted by resource, of all credentials that were used
}

// Requests counts what was asked of a source since it was opened, by the state of the answer.
type Requests struct{ Live, Cached, Stale, Failed int64 }

// Failure is the last error of a source.
type Failure struct {
	Text string
	Code string
	At   time.Time
}

// Status returns how the source is doing. It does not wait for the network.
func (s *Source) Status() Status {
	out := Status{Name: s.settings.Name, Kind: s.settings.Kind, Address: s.settings.Address.String(), Budgets: s.limiter.budgets()}
	out.Circuit, out.RetryAt = s.circuit.state()
	out.InFlight, out.Waiting = s.bulkhead.load()
	s.health.fill(&out)
	out.Healthy = out.Healthy && out.Circuit != CircuitOpen
	return out
}

// health is what a source's exchanges say about it.
type health struct {
	mu          sync.Mutex
	lastSuccess time.Time
	lastError   *Failure
	failing     bool // the last exchange was a failure
	requests    Requests
}

// note takes down what became of a request.
func (h *health) note(state cache.State) {
	h.mu.Lock()
	defer h.mu.Unlock()
	switch state {
	case cache.Live:
		h.requests.Live++
	case cache.Cached:
		h.requests.Cached++
	case cache.Stale:
		h.requests.Stale++
	case cache.Failed:
		h.requests.Failed++
	}
}

// answered takes down that the source was asked, and how it did. An answer that refuses one thing is no failure of the source, but a credential
// that is not accepted is one of what is configured. What this process decided by itself says nothing, but for what is wrong with its settings.
func (h *health) answered(err error) {
	e := Of(err)
	now := time.Now()
	h.mu.Lock()
	defer h.mu.Unlock()
	switch {
	case err == nil, e != nil && (e.Kind == ErrNotFound || e.Kind == ErrForbidden && e.Status != 0 && e.Status != http.StatusUnauthorized):
		h.lastSuccess, h.failing = now, false
	case e != nil && (!e.ours || e.Kind == ErrForbidden):
		h.lastError = &Failure{Text: e.Error(), Code: CodeOf(e), At: now}
		h.failing = e.Kind != ErrLimited
	}
}

func (h *health) fill(s *Status) {
	h.mu.Lock()
	defer h.mu.Unlock()
	s.LastSuccess, s.Requests, s.Healthy = h.lastSuccess, h.requests, !h.failing
	if h.lastError != nil {
		last := *h.lastError
		s.LastError = &last
	}
	r := h.requests
	if all := r.Live + r.Cached + r.Stale + r.Failed; all > 0 {
		s.HitRatio = float64(r.Cached+r.Stale) / float64(all)
	}
}
