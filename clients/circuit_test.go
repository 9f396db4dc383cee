package clients

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"
)

func newTestCircuit(changes *[]Circuit) *circuit {
	return newCircuit("example", new(health), slog.New(slog.DiscardHandler), Observer{Circuit: func(_ string, c Circuit) {
		if changes != nil {
			*changes = append(*changes, c)
		}
	}})
}

func TestCircuit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var changes []Circuit
		c := newTestCircuit(&changes)
		down := true
		network := &counting{answer: func(int64, *http.Request) (*http.Response, error) {
			if down {
				return says(502, ""), nil
			}
			return says(200, ""), nil
		}}
		for range circuitRow {
			if resp, err := c.pass(get(t.Context()), network); err != nil || resp.StatusCode != 502 {
				t.Fatalf("got %v, %v", resp, err)
			}
		}
		for range 1000 {
			_, err := c.pass(get(t.Context()), network)
			wantWait(t, err, ErrUnavailable, circuitPause+1)
		}
		if network.n.Load() != circuitRow {
			t.Errorf("a source that is down was asked %d times", network.n.Load())
		}
		if state, at := c.state(); state != CircuitOpen || time.Until(at) != circuitPause+1 {
			t.Errorf("it is %s until %v", state, at)
		}

		time.Sleep(circuitPause + 1)
		c.pass(get(t.Context()), network) // still down
		if state, _ := c.state(); state != CircuitOpen {
			t.Errorf("it is %s", state)
		}
		time.Sleep(circuitPause + 1)
		down = false
		if _, err := c.pass(get(t.Context()), network); err != nil {
			t.Errorf("got %v", err)
		}
		if state, _ := c.state(); state != CircuitClosed {
			t.Errorf("it is %s", state)
		}
		want := []Circuit{CircuitOpen, CircuitHalfOpen, CircuitOpen, CircuitHalfOpen, CircuitClosed}
		if len(changes) != len(want) {
			t.Fatalf("it went through %v", changes)
		}
		for i := range want {
			if changes[i] != want[i] {
				t.Errorf("it went through %v, want %v", changes, want)
			}
		}
	})
}

// Half-open, one request finds out for all.
func TestCircuitHalfOpen(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newTestCircuit(nil)
		for range circuitRow {
			c.pass(get(t.Context()), always(500))
		}
		time.Sleep(circuitPause + 1)
		hold := make(chan struct{})
		network := &counting{answer: func(int64, *http.Request) (*http.Response, error) {
			<-hold
			return says(200, ""), nil
		}}
		go c.pass(get(t.Context()), network)
		synctest.Wait()
		for range 100 {
			_, err := c.pass(get(t.Context()), network)
			wantError(t, err, ErrUnavailable)
		}
		close(hold)
		synctest.Wait()
		if network.n.Load() != 1 {
			t.Errorf("%d requests went out", network.n.Load())
		}
		if state, _ := c.state(); state != CircuitClosed {
			t.Errorf("it is %s", state)
		}
	})
}

func TestCircuitCounts(t *testing.T) {
	for _, c := range []struct {
		name   string
		status int
		err    error
		opens  bool
	}{
		{"500", 500, nil, true},
		{"504", 504, nil, true},
		{"a connection", 0, failure("example", syscall.ECONNREFUSED), true},
		{"a time-out", 0, &Error{Kind: ErrTimeout}, true},
		{"an answer that breaks off", 0, &Error{Kind: ErrBadAnswer, Status: 200, broken: true}, true},
		{"an answer that is too large", 0, &Error{Kind: ErrBadAnswer, Status: 200}, false},
		{"400", 400, nil, false},
		{"401", 401, nil, false},
		{"404", 404, nil, false},
		{"408", 408, nil, false},
		{"429", 429, nil, false},
		{"a limit", 0, &Error{Kind: ErrLimited, Status: 200}, false},
		{"the caller's cancellation", 0, context.Canceled, false},
		{"a caller in a hurry", 0, &Error{Kind: ErrTimeout, ours: true}, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			circuit := newTestCircuit(nil)
			for range 100 {
				circuit.pass(get(t.Context()), stub(func(*http.Request) (*http.Response, error) {
					if c.err != nil {
						return nil, c.err
					}
					return says(c.status, ""), nil
				}))
			}
			if state, _ := circuit.state(); (state == CircuitOpen) != c.opens {
				t.Errorf("it is %s", state)
			}
		})
	}
}

// Half of many is enough, without a row.
func TestCircuitShare(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newTestCircuit(nil)
		n := 0
		for range 2 * circuitEnough {
			n++
			c.pass(get(t.Context()), always(200+300*(n%2)))
			if state, _ := c.state(); state == CircuitOpen {
				break
			}
		}
		if n < circuitEnough || n > circuitEnough+1 {
			t.Errorf("it opened after %d", n)
		}
		later := newTestCircuit(nil)
		for i := range 200 { // the same number of failures among many successes
			later.pass(get(t.Context()), always(200+300*(i%10/9)))
		}
		if state, _ := later.state(); state != CircuitClosed {
			t.Errorf("it is %s", state)
		}
	})
}

func TestCircuitSurvivesPanics(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newTestCircuit(nil)
		for range circuitRow {
			c.pass(get(t.Context()), always(500))
		}
		time.Sleep(circuitPause + 1)
		func() {
			defer func() { recover() }()
			c.pass(get(t.Context()), stub(func(*http.Request) (*http.Response, error) { panic("bug") }))
		}()
		if _, err := c.pass(get(t.Context()), always(200)); err != nil {
			t.Errorf("its one place is held: %v", err)
		}
	})
}

func TestHealth(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for _, c := range []struct {
			err     error
			healthy bool
			code    string
		}{
			{nil, true, ""},
			{&Error{Kind: ErrNotFound, Status: 404}, true, ""},
			{&Error{Kind: ErrForbidden, Status: 403}, true, ""},
			{&Error{Kind: ErrForbidden, Status: 401}, false, "FORBIDDEN"},
			{&Error{Kind: ErrForbidden, ours: true}, false, "FORBIDDEN"},
			{&Error{Kind: ErrUnavailable, Status: 502}, false, "UNAVAILABLE"},
			{&Error{Kind: ErrLimited, Status: 403}, true, "RATE_LIMITED"},
			{&Error{Kind: ErrTimeout, ours: true}, true, ""},
			{context.Canceled, true, ""},
			{errors.New("other"), true, ""},
		} {
			var h health
			var s Status
			h.answered(c.err)
			h.fill(&s)
			if s.Healthy != c.healthy || s.LastError == nil && c.code != "" || s.LastError != nil && s.LastError.Code != c.code {
				t.Errorf("after %v it is %+v", c.err, s)
			}
			h.answered(nil)
			h.fill(&s)
			if !s.Healthy || s.LastSuccess != time.Now() {
				t.Errorf("after %v and a success it is %+v", c.err, s)
			}
		}
	})
}

// What waited for its place while the circuit opened does not go out.
func TestCircuitReconsiders(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newTestCircuit(nil)
		network := &counting{answer: func(_ int64, r *http.Request) (*http.Response, error) {
			return says(503, ""), wait(r.Context(), time.Second)
		}}
		chain := join(network, c.pass, newBulkhead("example", 2, 1000).pass, c.reconsider)
		var all sync.WaitGroup
		for range 100 {
			all.Go(func() { chain.RoundTrip(get(t.Context())) })
		}
		all.Wait()
		if n := network.n.Load(); n < circuitRow || n > circuitRow+4 {
			t.Errorf("%d were sent", n)
		}
	})
}
