package clients

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"reflect"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"callboard.dev/callboard/clients/cache"
)

// linksOf names the links of a chain, the outermost first.
func linksOf(chain http.RoundTripper) (names []string) {
	for {
		j, ok := chain.(joined)
		if !ok {
			return names
		}
		name := runtime.FuncForPC(reflect.ValueOf(j.link).Pointer()).Name()
		name = strings.TrimSuffix(name[strings.LastIndex(name, "(")+1:], "-fm")
		names = append(names, strings.TrimPrefix(strings.Replace(strings.Replace(name, ")", "", 1), ".pass", "", 1), "*"))
		chain = j.next
	}
}

func TestOrder(t *testing.T) {
	address, _ := url.Parse("https://api.example")
	s, err := Open(Settings{Name: "x", Address: address}, Shared{})
	if err != nil {
		t.Fatal(err)
	}
	got := strings.Join(linksOf(s.HTTP().Transport), " ")
	want := "admission watch memory judgement patience coalescing retries circuit limiter bulkhead circuit.reconsider limiter.spend authorization telemetry sizes attempt"
	if got != want {
		t.Errorf("the links are\n     %s\nwant %s", got, want)
	}
	if got := strings.Join(linksOf(s.elsewhere(s.foreign)), " "); got != "judgement patience bulkhead telemetry sizes attempt" {
		t.Errorf("elsewhere the links are %s", got)
	}
}

// asked counts how often a credential was wanted.
type asked struct{ n atomic.Int64 }

func (a *asked) Scope(context.Context) (cache.Scope, error) { return cache.ScopeOf("x"), nil }

func (a *asked) Credential(context.Context, http.RoundTripper) (Credential, error) {
	a.n.Add(1)
	return Credential{"Authorization", "Bearer x"}, nil
}

// What the order is for: each request through the whole chain, with what the server and the credential's source saw of it.
func TestChain(t *testing.T) {
	var served atomic.Int64
	var remaining atomic.Int64
	var status atomic.Int64
	handler := func(w http.ResponseWriter, r *http.Request) {
		served.Add(1)
		if wait(r.Context(), 100*time.Millisecond) != nil {
			return
		}
		w.Header().Set("X-Ratelimit-Limit", "5000")
		w.Header().Set("X-Ratelimit-Remaining", strconv.FormatInt(remaining.Load(), 10))
		w.Header().Set("X-Ratelimit-Reset", strconv.FormatInt(time.Now().Add(time.Hour).Unix(), 10))
		w.Header().Set("X-Ratelimit-Resource", "core")
		w.WriteHeader(int(status.Load()))
		fmt.Fprint(w, served.Load())
	}
	token := new(asked)
	var attempts []Attempt
	var requests []Request
	var mu sync.Mutex
	observe := Observer{
		Attempt: func(_ context.Context, a Attempt) {
			mu.Lock()
			attempts = append(attempts, a)
			mu.Unlock()
		},
		Request: func(_ context.Context, r Request) {
			mu.Lock()
			requests = append(requests, r)
			mu.Unlock()
		},
	}
	inBubble(t, Settings{Kind: "github", Token: token}, Shared{Observe: observe}, handler, func(t *testing.T, s *Source) {
		step := func(name string, set int, left int64, n int, wantServed int64, check func(error) bool) {
			t.Helper()
			status.Store(int64(set))
			remaining.Store(left)
			served.Store(0)
			token.n.Store(0)
			attempts, requests = nil, nil
			var all sync.WaitGroup
			for range n {
				all.Go(func() {
					if _, err := ask(WithRoute(t.Context(), "GET /x"), s, "GET", "/x?SECRET"); !check(err) {
						t.Errorf("%s: %v", name, err)
					}
				})
			}
			all.Wait()
			if served.Load() != wantServed || token.n.Load() != wantServed || int64(len(attempts)) != wantServed || len(requests) != n {
				t.Errorf("%s: %d served, %d credentials, %d attempts and %d requests told; want %d", name, served.Load(), token.n.Load(), len(attempts), len(requests), wantServed)
			}
		}
		fine := func(err error) bool { return err == nil }
		is := func(kind error) func(error) bool {
			return func(err error) bool { e := Of(err); return e != nil && e.Kind == kind }
		}
		step("many that are the same are one", 200, 4000, 100, 1, fine)
		if b := s.Status().Budgets; len(b) != 1 || b[0].Remaining != 4000 {
			t.Errorf("the budgets are %+v", b)
		}
		step("what is tried again is tried for all", 503, 3999, 100, 4, is(ErrUnavailable))
		for _, r := range requests {
			if r.Code != "UNAVAILABLE" || r.State != cache.Failed || r.Status != 503 || r.Route != "GET /x" || r.Attempts != 4 && r.Attempts != 0 {
				t.Errorf("told %+v", r)
			}
		}
		if a := attempts[3]; a.Number != 4 || a.Status != 503 || a.Duration != 100*time.Millisecond || a.Route != "GET /x" || a.Source != "example" {
			t.Errorf("told %+v", a)
		}
		step("the circuit opens for all tries", 503, 3999, 1, 1, is(ErrUnavailable))
		step("an open circuit asks for nothing", 200, 3999, 100, 0, is(ErrUnavailable))
		time.Sleep(circuitPause)
		step("it closes", 200, 0, 1, 1, fine)
		step("an exhausted budget asks for nothing", 200, 0, 10_000, 0, is(ErrLimited))
		if got := s.Status(); got.Circuit != CircuitClosed || !got.Healthy || got.InFlight != 0 || got.Waiting != 0 || got.Budgets[0].Remaining != 0 {
			t.Errorf("what is refused for its budget counts against the source: %+v", got)
		}
	})
}

func TestChainKeepsTheDeadline(t *testing.T) {
	inBubble(t, Settings{Places: 1}, Shared{}, func(w http.ResponseWriter, r *http.Request) {
		if wait(r.Context(), 2*time.Second) == nil {
			w.WriteHeader(503)
		}
	}, func(t *testing.T, s *Source) {
		started := time.Now()
		var all sync.WaitGroup
		for i := range 10 {
			all.Go(func() {
				ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
				defer cancel()
				_, err := ask(ctx, s, "GET", fmt.Sprint("/", i))
				if Of(err) == nil {
					t.Errorf("got %v", err)
				}
			})
		}
		all.Wait()
		if took := time.Since(started); took > 5*time.Second {
			t.Errorf("it took %v", took)
		}
	})
}

// The outcome says how it went although there is no cache.
func TestOutcome(t *testing.T) {
	inBubble(t, Settings{}, Shared{}, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/missing" {
			w.WriteHeader(404)
			return
		}
		io.WriteString(w, "x")
	}, func(t *testing.T, s *Source) {
		var o Outcome
		ask(WithOutcome(t.Context(), &o), s, "GET", "/")
		if o.State != cache.Live || o.Err != nil || !o.At.Equal(time.Now()) {
			t.Errorf("the outcome is %+v", o)
		}
		ask(WithOutcome(t.Context(), &o), s, "GET", "/missing")
		if o.State != cache.Failed || Of(o.Err) == nil || Of(o.Err).Kind != ErrNotFound {
			t.Errorf("the outcome is %+v", o)
		}
	})
}
