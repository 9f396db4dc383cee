package clients

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strconv"
	"syscall"
	"testing"
	"testing/synctest"
	"time"
)

func TestRetries(t *testing.T) {
	broken := failure("example", syscall.ECONNRESET)
	cases := []struct {
		name     string
		request  func(ctx context.Context) *http.Request
		answers  []any // statuses, or errors
		headers  []string
		attempts int64
		status   int
	}{
		{"a success", get, []any{200}, nil, 1, 200},
		{"a failure, then a success", get, []any{502, 200}, nil, 2, 200},
		{"statuses that may pass", get, []any{503, 504, 429, 200}, nil, 4, 200},
		{"only so often", get, []any{503, 503, 503, 503, 200}, nil, maxAttempts, 503},
		{"what is wrong stays wrong", get, []any{404}, nil, 1, 404},
		{"a 500 may be a bug that does harm", get, []any{500}, nil, 1, 500},
		{"a broken connection", get, []any{broken, 200}, nil, 2, 200},
		{"a certificate stays bad", get, []any{&Error{Kind: ErrUnavailable}}, nil, 1, 0},
		{"a refusal of ours", get, []any{&Error{Kind: ErrLimited, ours: true, RetryAt: time.Now()}}, nil, 1, 0},
		{"the caller has gone", get, []any{context.Canceled}, nil, 1, 0},
		{"a POST", query, []any{503}, nil, 1, 503},
		{"a POST that changes nothing", func(ctx context.Context) *http.Request { return query(WithSafe(ctx)) }, []any{503, 200}, nil, 2, 200},
		{"a POST whose body is gone", func(ctx context.Context) *http.Request {
			r := query(WithSafe(ctx))
			r.GetBody = nil
			return r
		}, []any{503}, nil, 1, 503},
		{"a wait that is told", get, []any{429, 200}, []string{"Retry-After", "7"}, 2, 200},
		{"a wait that is too long", get, []any{429}, []string{"Retry-After", "600"}, 1, 429},
		{"a DELETE", func(ctx context.Context) *http.Request {
			return request(ctx, http.MethodDelete, "https://api.example/x")
		}, []any{502, 204}, nil, 2, 204},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				network := &counting{answer: func(n int64, r *http.Request) (*http.Response, error) {
					if r.Body != nil {
						if text, _ := io.ReadAll(r.Body); string(text) != "{}" {
							t.Errorf("attempt %d sends %q", n, text)
						}
					}
					switch a := c.answers[n-1].(type) {
					case error:
						return nil, a
					default:
						return says(a.(int), "", c.headers...), nil
					}
				}}
				started := time.Now()
				resp, err := newRetries().pass(c.request(t.Context()), network)
				if network.n.Load() != c.attempts || c.status != 0 && (err != nil || resp.StatusCode != c.status) || c.status == 0 && err == nil {
					t.Errorf("after %d attempts: %v, %v", network.n.Load(), resp, err)
				}
				took := time.Since(started)
				if c.attempts > 1 && c.headers != nil {
					told, _ := strconv.Atoi(c.headers[1])
					if took < time.Duration(told)*time.Second {
						t.Errorf("it came back after %v", took)
					}
				}
				if c.attempts == 1 && took != 0 {
					t.Errorf("it waited %v for nothing", took)
				}
			})
		})
	}
}

func TestRetriesKeepToTheDeadline(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), 3*time.Second)
		defer cancel()
		started := time.Now()
		network := always(503, "Retry-After", "3")
		resp, err := newRetries().pass(get(ctx), network)
		if err != nil || resp.StatusCode != 503 || network.n.Load() != 1 || time.Since(started) != 0 {
			t.Errorf("%d attempts, %v, %v after %v", network.n.Load(), resp, err, time.Since(started))
		}
	})
}

func TestRetriesEndWithTheCaller(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		time.AfterFunc(2*time.Second, cancel)
		network := always(503, "Retry-After", "5")
		started := time.Now()
		if _, err := newRetries().pass(get(ctx), network); err != nil || network.n.Load() != 1 || time.Since(started) != 2*time.Second {
			t.Errorf("%d attempts after %v", network.n.Load(), time.Since(started))
		}
	})
}

// An upstream that is down gets a tenth more, not four times as much.
func TestRetryBudget(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		retries := newRetries()
		network := always(503)
		const n = 1000
		started := time.Now()
		for range n {
			retries.pass(get(t.Context()), network)
		}
		floor := int64(time.Since(started)/retryFloor) + retryFloorRow
		if got := network.n.Load() - n; got > n/10+floor || got < n/10 {
			t.Errorf("%d requests made %d retries in %v, want about a tenth", n, got, time.Since(started))
		}
	})
}

func TestRetryJitter(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		seen := map[time.Duration]bool{}
		for range 50 {
			started := time.Now()
			network := &counting{answer: func(n int64, _ *http.Request) (*http.Response, error) {
				if n == 1 {
					return says(503, ""), nil
				}
				return says(200, ""), nil
			}}
			newRetries().pass(get(t.Context()), network)
			pause := time.Since(started)
			if pause > 2*firstPause {
				t.Errorf("it waited %v", pause)
			}
			seen[pause] = true
		}
		if len(seen) < 40 {
			t.Errorf("only %d different pauses", len(seen))
		}
	})
}

func TestRetriesGiveTheLastError(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		want := failure("example", syscall.ECONNREFUSED)
		_, err := newRetries().pass(get(t.Context()), stub(func(*http.Request) (*http.Response, error) { return nil, want }))
		if err != want || !errors.Is(err, syscall.ECONNREFUSED) {
			t.Errorf("got %v", err)
		}
	})
}
