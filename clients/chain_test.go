package clients_test

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"strings"
	"syscall"
	"testing"
	"time"

	"callboard.dev/callboard/clients"
	"callboard.dev/callboard/clients/cache"
)

// loopback opens what tests listen on.
var loopback = []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8"), netip.MustParsePrefix("::1/128")}

// open returns a source that is asked at the server.
func open(t testing.TB, server *httptest.Server, settings clients.Settings, shared clients.Shared) *clients.Source {
	t.Helper()
	if settings.Name == "" {
		settings.Name = "example"
	}
	address, err := url.Parse(server.URL)
	if err != nil {
		t.Fatal(err)
	}
	settings.Address, settings.Allow = address, loopback
	settings.Timeout, settings.AttemptTimeout = time.Hour, time.Hour // the network is real, and the machine may be busy
	source, err := clients.Open(settings, shared)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(source.Close)
	return source
}

func fetch(ctx context.Context, s *clients.Source, address string) (int, string, error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return 0, "", err
	}
	resp, err := s.HTTP().Do(r)
	if err != nil {
		return 0, "", err
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	return resp.StatusCode, string(text), err
}

func TestAnswer(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Authorization") != "Bearer token" {
			t.Errorf("the credential is %q", r.Header.Get("Authorization"))
		}
		if r.URL.Path == "/missing" {
			http.NotFound(w, r)
			return
		}
		io.WriteString(w, "hello")
	}))
	defer server.Close()
	s := open(t, server, clients.Settings{Token: clients.Bearer("token")}, clients.Shared{})
	status, text, err := fetch(t.Context(), s, server.URL+"/")
	if status != 200 || text != "hello" || err != nil {
		t.Fatalf("got %d %q, %v", status, text, err)
	}
	_, _, err = fetch(t.Context(), s, server.URL+"/missing")
	if !errors.Is(err, clients.ErrNotFound) || clients.CodeOf(err) != "NOT_FOUND" || clients.Of(err).Source != "example" {
		t.Fatalf("got %v", err)
	}
	if got := s.Status(); !got.Healthy || got.Circuit != clients.CircuitClosed || got.Requests.Live != 1 || got.Requests.Failed != 1 {
		t.Errorf("the status is %+v", got)
	}
}

func TestTLS(t *testing.T) {
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, r.Proto) }))
	server.EnableHTTP2 = true
	server.Config.ErrorLog = log.New(io.Discard, "", 0)
	server.StartTLS()
	defer server.Close()
	trusting := open(t, server, clients.Settings{TLS: &tls.Config{RootCAs: server.Client().Transport.(*http.Transport).TLSClientConfig.RootCAs}}, clients.Shared{})
	if _, text, err := fetch(t.Context(), trusting, server.URL); text != "HTTP/2.0" || err != nil {
		t.Errorf("got %q, %v", text, err)
	}
	_, _, err := fetch(t.Context(), open(t, server, clients.Settings{}, clients.Shared{}), server.URL)
	if e := clients.Of(err); e == nil || e.Kind != clients.ErrUnavailable || !strings.Contains(e.Message, "certificate") {
		t.Errorf("an authority nobody trusts: %v", err)
	}
	plain := httptest.NewServer(http.NotFoundHandler())
	defer plain.Close()
	plain.URL = strings.Replace(plain.URL, "http:", "https:", 1)
	_, _, err = fetch(t.Context(), open(t, plain, clients.Settings{}, clients.Shared{}), plain.URL)
	if e := clients.Of(err); e == nil || e.Kind != clients.ErrUnavailable || !strings.Contains(e.Message, "TLS") {
		t.Errorf("no TLS: %v", err)
	}
}

func TestUnreachable(t *testing.T) {
	server := httptest.NewServer(http.NotFoundHandler())
	server.Close()
	_, _, err := fetch(t.Context(), open(t, server, clients.Settings{}, clients.Shared{}), server.URL)
	if e := clients.Of(err); e == nil || e.Kind != clients.ErrUnavailable || !errors.Is(err, syscall.ECONNREFUSED) {
		t.Errorf("got %v", err)
	}
}

// Where a process has no cache, all that is wanted is asked for.
func TestLoadWithoutCache(t *testing.T) {
	server := httptest.NewServer(http.NotFoundHandler())
	defer server.Close()
	s := open(t, server, clients.Settings{}, clients.Shared{})
	failed := &clients.Error{Kind: clients.ErrTimeout, Source: "example"}
	got := s.Load(t.Context(), "repository", []clients.Name{{Name: "a"}, {Name: "b"}, {Name: "c"}, {Name: "d"}}, func(_ context.Context, missing []cache.Missing) []cache.Fetched {
		if len(missing) != 4 || missing[2].Index != 2 || missing[2].Previous != nil {
			t.Errorf("asked for %+v", missing)
		}
		return []cache.Fetched{{Value: cache.Value{Body: []byte("A")}}, {Err: failed}, {Value: cache.Value{Absent: true}}} // and none for the last
	})
	if len(got) != 4 || string(got[0].Value.Body) != "A" || got[0].State != cache.Live || got[0].Value.At.IsZero() || got[1].State != cache.Failed || got[1].Err != failed ||
		!got[2].Value.Absent || got[3].State != cache.Failed || !errors.Is(got[3].Err, clients.ErrBadAnswer) {
		t.Errorf("got %+v", got)
	}
	if n := s.Status().Requests; n.Live != 2 || n.Failed != 2 {
		t.Errorf("counted %+v", n)
	}
	if got := s.Load(t.Context(), "repository", nil, nil); len(got) != 0 {
		t.Errorf("got %+v for nothing", got)
	}
}

// TestCookie checks that a user and a password go along, that a cookie does so with a POST alone, and that nobody's password is printed.
func TestCookie(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		user, password, _ := r.BasicAuth()
		io.WriteString(w, user+" "+password+" "+r.Header.Get("Cookie"))
	}))
	defer server.Close()
	token := clients.Basic("ada", "SECRET:1")
	s := open(t, server, clients.Settings{Token: token}, clients.Shared{})
	for method, want := range map[string]string{"GET": "ada SECRET:1 ", "PUT": "ada SECRET:1 ", "POST": "ada SECRET:1 session=1"} {
		r, _ := http.NewRequest(method, server.URL, nil)
		r.Header.Set("Cookie", "session=1")
		resp, err := s.HTTP().Do(r)
		if err != nil {
			t.Fatal(err)
		}
		text, _ := io.ReadAll(resp.Body)
		resp.Body.Close()
		if string(text) != want {
			t.Errorf("%s: %q, want %q", method, text, want)
		}
	}
	if text := fmt.Sprintf("%v %+v %#v", token, token, token); strings.Contains(text, "SECRET") {
		t.Error(text)
	}
	if clients.Basic("", "x") != clients.Anonymous {
		t.Error("without a user it is somebody")
	}
}
