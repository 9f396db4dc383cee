package clients_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"testing"

	"callboard.dev/callboard/clients"
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
