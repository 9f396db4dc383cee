package clients

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"callboard.dev/callboard/clients/cache"
)

// stub is an upstream that a link is tested against.
type stub func(r *http.Request) (*http.Response, error)

func (s stub) RoundTrip(r *http.Request) (*http.Response, error) { return s(r) }

// says makes an answer; the headers are names and values in turn.
func says(status int, body string, headers ...string) *http.Response {
	h := http.Header{}
	for i := 0; i < len(headers); i += 2 {
		h.Add(headers[i], headers[i+1])
	}
	return &http.Response{StatusCode: status, Header: h, Body: newBody([]byte(body)), ContentLength: int64(len(body))}
}

// counting answers always the same and counts.
type counting struct {
	n      atomic.Int64
	answer func(n int64, r *http.Request) (*http.Response, error)
}

func (c *counting) RoundTrip(r *http.Request) (*http.Response, error) {
	return c.answer(c.n.Add(1), r)
}

func always(status int, headers ...string) *counting {
	return &counting{answer: func(_ int64, r *http.Request) (*http.Response, error) {
		resp := says(status, "", headers...)
		resp.Request = r
		return resp, nil
	}}
}

func request(ctx context.Context, method, address string, body ...string) *http.Request {
	var reader io.Reader
	if len(body) > 0 {
		reader = strings.NewReader(body[0])
	}
	r, err := http.NewRequestWithContext(ctx, method, address, reader)
	if err != nil {
		panic(err)
	}
	return r
}

func get(ctx context.Context) *http.Request {
	return request(ctx, http.MethodGet, "https://api.example/repos/a/b")
}

func query(ctx context.Context) *http.Request {
	return request(ctx, http.MethodPost, "https://api.example/graphql", "{}")
}

// scoped puts the request under a credential, as admission does.
func scoped(r *http.Request, credential string) *http.Request {
	return r.WithContext(context.WithValue(r.Context(), passageKey{}, &passage{scope: cache.ScopeOf(credential)}))
}

func newTestLimiter(set Settings, observe ...Observer) *limiter {
	set.Name, set.Address = "example", &url.URL{Scheme: "https", Host: "api.example"}
	set, err := set.checked()
	if err != nil {
		panic(err)
	}
	shared := Shared{Log: slog.New(slog.DiscardHandler)}
	for _, o := range observe {
		shared.Observe = o
	}
	return newLimiter(&set, &shared)
}

func wantError(t testing.TB, err error, kind error) *Error {
	t.Helper()
	e := Of(err)
	if e == nil || !errors.Is(err, kind) {
		t.Fatalf("the error is %v, want one of kind %v", err, kind)
	}
	return e
}

func wantWait(t testing.TB, err error, kind error, wait time.Duration) {
	t.Helper()
	if e := wantError(t, err, kind); time.Until(e.RetryAt) != wait {
		t.Errorf("it is to be tried again in %v, want %v", time.Until(e.RetryAt), wait)
	}
}
