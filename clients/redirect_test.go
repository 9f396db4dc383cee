package clients_test

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"

	"callboard.dev/callboard/clients"
)

func TestRedirects(t *testing.T) {
	var leaked atomic.Int64
	other := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		for _, name := range []string{"Authorization", "Private-Token", "Cookie", "Referer"} {
			if r.Header.Get(name) != "" {
				leaked.Add(1)
				t.Errorf("another host is sent %s", name)
			}
		}
		switch r.URL.Path {
		case "/log":
			io.WriteString(w, "the log")
		case "/on":
			http.Redirect(w, r, "/log?signature=SECRET", http.StatusFound)
		case "/gone":
			http.Error(w, "SECRET", http.StatusGone)
		default:
			http.Redirect(w, r, "/loop", http.StatusFound)
		}
	}))
	defer other.Close()
	otherURL := strings.Replace(other.URL, "127.0.0.1", "localhost", 1) // another name, and another port
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Authorization") != "Bearer token" {
			t.Errorf("%s comes with %q", r.URL, r.Header.Get("Authorization"))
		}
		switch r.URL.Path {
		case "/here":
			io.WriteString(w, r.Method+" here")
		case "/renamed":
			http.Redirect(w, r, "/here", http.StatusMovedPermanently)
		case "/temporary":
			http.Redirect(w, r, "/here", http.StatusTemporaryRedirect)
		case "/logs":
			http.Redirect(w, r, otherURL+"/log?signature=SECRET", http.StatusFound)
		case "/to-https":
			http.Redirect(w, r, "https://"+r.Host+"/here", http.StatusMovedPermanently)
		case "/metadata":
			http.Redirect(w, r, "http://169.254.169.254/latest/meta-data", http.StatusFound)
		case "/file":
			w.Header().Set("Location", "file:///etc/passwd")
			w.WriteHeader(http.StatusFound)
		default:
			http.Redirect(w, r, "/loop", http.StatusFound)
		}
	}))
	defer server.Close()
	s := open(t, server, clients.Settings{Token: clients.Bearer("token")}, clients.Shared{})
	for _, c := range []struct {
		method, path string
		status       int
		text         string
		location     string
		kind         error
	}{
		{"GET", "/here", 200, "GET here", "", nil},
		{"GET", "/renamed", 200, "GET here", "", nil},
		{"POST", "/temporary", 200, "POST here", "", nil},
		{"GET", "/logs", 302, "", otherURL + "/log?signature=SECRET", nil},
		{"GET", "/to-https", 301, "", "https://" + strings.TrimPrefix(server.URL, "http://") + "/here", nil},
		{"GET", "/metadata", 302, "", "http://169.254.169.254/latest/meta-data", nil},
		{"GET", "/file", 302, "", "file:///etc/passwd", nil},
		{"GET", "/loop", 0, "", "", clients.ErrBadAnswer},
	} {
		r, _ := http.NewRequestWithContext(t.Context(), c.method, server.URL+c.path, nil)
		resp, err := s.HTTP().Do(r)
		if !errors.Is(err, c.kind) {
			t.Errorf("%s: %v", c.path, err)
		}
		if err != nil {
			continue
		}
		text, _ := io.ReadAll(resp.Body)
		resp.Body.Close()
		if resp.StatusCode != c.status || c.text != "" && string(text) != c.text || resp.Header.Get("Location") != c.location && c.location != "" {
			t.Errorf("%s: %d %q to %s", c.path, resp.StatusCode, text, resp.Header.Get("Location"))
		}
	}

	for _, c := range []struct {
		address string
		text    string
		kind    error
	}{
		{otherURL + "/log?signature=SECRET", "the log", nil},
		{"http://user:SECRET@" + strings.TrimPrefix(otherURL, "http://") + "/log", "the log", nil},
		{otherURL + "/on?signature=SECRET", "the log", nil},
		{otherURL + "/loop?signature=SECRET", "", clients.ErrBadAnswer},
		{otherURL + "/gone?signature=SECRET", "", clients.ErrNotFound},
		{"http://169.254.169.254/SECRET", "", clients.ErrForbidden},
		{"http://10.0.0.1/SECRET", "", clients.ErrForbidden},
		{"http://[::ffff:169.254.169.254]/SECRET", "", clients.ErrForbidden},
		{"file:///SECRET", "", clients.ErrBadAnswer},
		{"ftp://host/SECRET", "", clients.ErrBadAnswer},
	} {
		address, err := url.Parse(c.address)
		if err != nil {
			t.Fatal(err)
		}
		resp, err := s.Elsewhere(t.Context(), address)
		if !errors.Is(err, c.kind) || strings.Contains(fmt.Sprintf("%v %+v %#v", err, err, err), "SECRET") {
			t.Errorf("%s: %v", c.address, err)
		}
		if err != nil {
			continue
		}
		if text, _ := io.ReadAll(resp.Body); string(text) != c.text {
			t.Errorf("%s: %q", c.address, text)
		}
		resp.Body.Close()
	}
	if got := s.Status(); got.InFlight != 0 || !got.Healthy {
		t.Errorf("the status is %+v", got)
	}
}

// An https source does not lead to plain http.
func TestElsewhereKeepsTLS(t *testing.T) {
	address, _ := url.Parse("https://api.example")
	s, err := clients.Open(clients.Settings{Name: "example", Address: address}, clients.Shared{})
	if err != nil {
		t.Fatal(err)
	}
	plain, _ := url.Parse("http://logs.example/1")
	if _, err := s.Elsewhere(t.Context(), plain); !errors.Is(err, clients.ErrBadAnswer) {
		t.Errorf("got %v", err)
	}
}
