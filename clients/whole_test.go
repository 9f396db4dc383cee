package clients_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"

	"callboard.dev/callboard/clients"
)

func TestSizes(t *testing.T) {
	const limit = 10_000
	zipped := func(n int) []byte {
		var b bytes.Buffer
		z := gzip.NewWriter(&b)
		io.WriteString(z, strings.Repeat("x", n))
		z.Close()
		return b.Bytes()
	}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		n, _ := strconv.Atoi(r.URL.Query().Get("n"))
		text := []byte(strings.Repeat("x", n))
		switch r.URL.Path {
		case "/gzip":
			if r.Header.Get("Accept-Encoding") != "gzip" {
				t.Errorf("it accepts %q", r.Header.Get("Accept-Encoding"))
			}
			w.Header().Set("Content-Encoding", "gzip")
			text = zipped(n)
		case "/br":
			w.Header().Set("Content-Encoding", "br")
		case "/chunks":
			for range 10 {
				w.Write(text[:n/10])
				w.(http.Flusher).Flush()
			}
			return
		case "/damaged":
			w.Header().Set("Content-Encoding", "gzip")
		case "/short":
			connection, _, _ := w.(http.Hijacker).Hijack()
			io.WriteString(connection, "HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\nhalf")
			connection.(*net.TCPConn).CloseWrite()
			connection.Close()
			return
		}
		w.Write(text)
	}))
	defer server.Close()
	s := open(t, server, clients.Settings{MaxAnswer: limit, MaxStream: 3 * limit}, clients.Shared{})
	for _, c := range []struct {
		path     string
		streamed bool
		kind     error
		bytes    int
	}{
		{"/plain?n=10000", false, nil, limit},
		{"/plain?n=10001", false, clients.ErrBadAnswer, 0},
		{"/plain?n=0", false, nil, 0},
		{"/chunks?n=10000", false, nil, limit},
		{"/chunks?n=10010", false, clients.ErrBadAnswer, 0},
		{"/gzip?n=10000", false, nil, limit},
		{"/gzip?n=10001", false, clients.ErrBadAnswer, 0},
		{"/gzip?n=100000000", false, clients.ErrBadAnswer, 0},
		{"/br?n=1", false, clients.ErrBadAnswer, 0},
		{"/damaged?n=100", false, clients.ErrBadAnswer, 0},
		{"/short", false, clients.ErrBadAnswer, 0},
		{"/plain?n=30000", true, nil, 3 * limit},
		{"/plain?n=30001", true, clients.ErrBadAnswer, 0},
		{"/chunks?n=30000", true, nil, 3 * limit},
		{"/chunks?n=30010", true, clients.ErrBadAnswer, 0},
		{"/gzip?n=30001", true, clients.ErrBadAnswer, 0},
		{"/short", true, clients.ErrBadAnswer, 0},
	} {
		ctx := t.Context()
		if c.streamed {
			ctx = clients.WithStream(ctx)
		}
		r, _ := http.NewRequestWithContext(ctx, http.MethodPost, server.URL+c.path, nil) // once
		resp, err := s.HTTP().Do(r)
		var text []byte
		if err == nil {
			text, err = io.ReadAll(resp.Body)
			resp.Body.Close()
		}
		if !errors.Is(err, c.kind) || c.kind == nil && len(text) != c.bytes {
			t.Errorf("%s, streamed %v: %d bytes, %v", c.path, c.streamed, len(text), err)
		}
		if len(text) > 3*limit {
			t.Errorf("%s: %d bytes were handed on", c.path, len(text))
		}
		if got := s.Status(); got.InFlight != 0 {
			t.Errorf("%s: %d places are held", c.path, got.InFlight)
		}
	}
}

func TestHead(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Length", "123456789")
	}))
	defer server.Close()
	s := open(t, server, clients.Settings{MaxAnswer: 10}, clients.Shared{})
	r, _ := http.NewRequestWithContext(context.Background(), http.MethodHead, server.URL, nil)
	resp, err := s.HTTP().Do(r)
	if err != nil || resp.ContentLength != 123456789 {
		t.Errorf("got %v, %v", resp, err)
	}
}
