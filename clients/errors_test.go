package clients

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"
	"unicode/utf8"
)

func TestKinds(t *testing.T) {
	for status, want := range map[int]error{
		200: nil, 201: nil, 204: nil, 206: nil, 301: nil, 302: nil, 304: nil,
		400: nil, 409: nil, 412: nil, 422: nil,
		401: ErrForbidden, 403: ErrForbidden, 407: ErrForbidden, 451: ErrForbidden,
		404: ErrNotFound, 410: ErrNotFound,
		408: ErrTimeout, 504: ErrTimeout,
		429: ErrLimited,
		500: ErrUnavailable, 501: ErrUnavailable, 502: ErrUnavailable, 503: ErrUnavailable, 599: ErrUnavailable,
	} {
		resp, err := (&judgement{"example", true}).pass(get(t.Context()), always(status))
		if want == nil {
			if err != nil || resp.StatusCode != status {
				t.Errorf("%d: %v", status, err)
			}
			continue
		}
		if e := Of(err); e == nil || e.Kind != want || e.Status != status || e.Source != "example" || e.Message == "" {
			t.Errorf("%d: %v", status, err)
		}
	}
}

func TestCodes(t *testing.T) {
	for _, c := range codes {
		err := fmt.Errorf("reading it: %w", &url.Error{Op: "Get", URL: "https://x", Err: &Error{Kind: c.kind, Source: "example"}})
		if CodeOf(err) != c.code || !errors.Is(err, c.kind) || Of(err).Source != "example" {
			t.Errorf("%v has the code %q", err, CodeOf(err))
		}
	}
	if CodeOf(nil) != "" || CodeOf(errors.New("x")) != "" || CodeOf(context.Canceled) != "" || Of(nil) != nil {
		t.Error("what is no error of ours has a code")
	}
}

func TestFailures(t *testing.T) {
	dial := func(err error) error {
		return &url.Error{Op: "Get", URL: "https://SECRET", Err: &net.OpError{Op: "dial", Err: err}}
	}
	for _, c := range []struct {
		err    error
		kind   error
		broken bool
	}{
		{dial(os.NewSyscallError("connect", syscall.ECONNREFUSED)), ErrUnavailable, true},
		{&net.OpError{Op: "read", Err: os.NewSyscallError("read", syscall.ECONNRESET)}, ErrUnavailable, true},
		{dial(&net.DNSError{Err: "no such host", Name: "x", IsNotFound: true}), ErrUnavailable, true},
		{dial(os.ErrDeadlineExceeded), ErrTimeout, true},
		{context.DeadlineExceeded, ErrTimeout, false},
		{io.ErrUnexpectedEOF, ErrBadAnswer, true},
		{io.EOF, ErrUnavailable, true},
		{errors.New(`malformed HTTP response "SECRET"`), ErrUnavailable, false},
		{dial(&refusedAddress{}), ErrForbidden, false},
	} {
		err := failure("example", c.err)
		e := wantError(t, err, c.kind)
		if e.broken != c.broken || e.Message == "" || strings.Contains(allText(err), "SECRET") {
			t.Errorf("%v became %+v", c.err, e)
		}
	}
	if err := failure("example", &url.Error{Err: context.Canceled}); err != context.Canceled {
		t.Errorf("a cancellation became %v", err)
	}
}

// allText is all that an error and those it wraps can be made to say.
func allText(err error) string {
	text := fmt.Sprintf("%v\n%+v\n%#v\n", err, err, err)
	switch e := err.(type) {
	case interface{ Unwrap() error }:
		if inner := e.Unwrap(); inner != nil {
			text += allText(inner)
		}
	case interface{ Unwrap() []error }:
		for _, inner := range e.Unwrap() {
			text += allText(inner)
		}
	}
	return text
}

func TestRetryAt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for status, want := range map[int]time.Duration{429: 30 * time.Second, 503: 30 * time.Second} {
			_, err := (&judgement{"example", true}).pass(get(t.Context()), always(status, "Retry-After", "30"))
			if e := Of(err); time.Until(e.RetryAt) != want {
				t.Errorf("%d: %+v", status, e)
			}
		}
		_, err := (&judgement{"example", true}).pass(get(t.Context()), always(404, "Retry-After", "30"))
		if e := Of(err); !e.RetryAt.IsZero() {
			t.Errorf("got %+v", e)
		}
	})
}

func TestWhatIsSaid(t *testing.T) {
	for _, c := range []struct{ contentType, body, want string }{
		{"application/json; charset=utf-8", `{"message":"Resource not accessible by integration","documentation_url":"https://x"}`, "Resource not accessible by integration"},
		{"application/json", `{"message":"403 Forbidden"}`, "403 Forbidden"},
		{"application/json", `{"error":"insufficient_scope","error_description":"needs more"}`, "needs more"},
		{"application/json", `{"message":{"base":["x"]}}`, ""},
		{"application/json", `{"message":"the token ghp_0123456789abcdefghijABCDEFGHIJ012345 is bad"}`, "the token … is bad"},
		{"application/json", `{"message":"two\nlines\u0000\u202e and\ttabs"}`, "two lines and tabs"},
		{"application/problem+json", `{"message":"x"}`, "x"},
		{"application/json", `{"message":`, ""},
		{"application/json", ``, ""},
		{"text/html", `<html>SECRET</html>`, ""},
		{"text/plain", `{"message":"x"}`, ""},
		{"application/json", `{"message":"` + strings.Repeat("long ", 1000) + `"}`, strings.TrimSpace(strings.Repeat("long ", 40)) + "…"},
	} {
		got := saidBy(says(403, c.body, "Content-Type", c.contentType))
		if got != c.want {
			t.Errorf("%.60s: %q, want %q", c.body, got, c.want)
		}
	}
}

func FuzzHarmless(f *testing.F) {
	f.Add("the token ghp_0123456789abcdefghijABCDEFGHIJ012345 is bad")
	f.Add("\xff\xfe\u202e\n" + strings.Repeat("é", 500))
	f.Fuzz(func(t *testing.T, text string) {
		got := harmless(text)
		if len(got) > maxSaid+len("…") || !utf8.ValidString(got) || strings.ContainsAny(got, "\n\r\x00\x1b") || word.MatchString(got) {
			t.Errorf("%q became %q", text, got)
		}
	})
}

func TestSettings(t *testing.T) {
	address := func(text string) *url.URL {
		u, err := url.Parse(text)
		if err != nil {
			t.Fatal(err)
		}
		return u
	}
	for _, bad := range []Settings{
		{},
		{Name: "x"},
		{Name: "x", Address: address("ftp://host")},
		{Name: "x", Address: address("https:///path")},
		{Name: "x", Address: address("https:opaque")},
		{Name: "x", Address: address("https://host"), Places: -1},
		{Name: "x", Address: address("https://host"), Hosts: []string{"https://other"}},
		{Name: "x", Address: address("https://host"), Hosts: []string{"user@other"}},
		{Name: "x", Address: address("https://host"), Hosts: []string{""}},
	} {
		if _, err := Open(bad, Shared{}); err == nil {
			t.Errorf("%+v is accepted", bad)
		}
	}
	s, err := Open(Settings{Name: "x", Kind: "github", Address: address("https://user:SECRET@host/api?token=SECRET")}, Shared{})
	if err != nil {
		t.Fatal(err)
	}
	set := s.Settings()
	if set.Address.String() != "https://host/api" || set.Places != defaultGitHubPlaces || set.Timeout != DefaultTimeout || s.Status().Address != "https://host/api" {
		t.Errorf("the settings are %+v", set)
	}
	if got := set.Limits.Resource(&http.Request{URL: address("https://host/graphql")}); got != "graphql" {
		t.Errorf("the resource is %q", got)
	}
}
