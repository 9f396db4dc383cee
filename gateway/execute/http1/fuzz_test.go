package http1_test

import (
	"bufio"
	"bytes"
	"context"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"

	"callboard.dev/callboard/gateway/execute/http1"
)

// otherwise asks net/http the same. ok is false where it refuses the answer.
func otherwise(text []byte) (status int, body []byte, ok bool) {
	transport := &http.Transport{DisableCompression: true, MaxResponseHeaderBytes: testMaxHead, DialContext: func(context.Context, string, string) (net.Conn, error) {
		return newScript(bytes.Clone(text)), nil
	}}
	defer transport.CloseIdleConnections()
	request, _ := http.NewRequest(http.MethodPost, "http://upstream/graphql", strings.NewReader("{a}"))
	response, err := transport.RoundTrip(request)
	if err != nil {
		return 0, nil, false
	}
	defer response.Body.Close()
	body, err = io.ReadAll(response.Body)
	return response.StatusCode, body, err == nil
}

// compare reports an answer that this package and net/http both accept and read differently.
func compare(t *testing.T, text []byte) {
	t.Helper()
	var e http1.Exchange
	mine, err := receive(&e, [][]byte{bytes.Clone(text)})
	if err != nil || e.Header("Content-Encoding") != nil {
		return
	}
	status, body, ok := otherwise(text)
	if ok && (status != mine.status || string(body) != mine.body) {
		t.Errorf("%q: status %d, body %q; net/http says %d, %q", text, mine.status, mine.body, status, body)
	}
}

func TestAgainstNetHTTP(t *testing.T) {
	compared := 0
	for _, a := range answers {
		compare(t, []byte(a.text))
		if _, _, ok := otherwise([]byte(a.text)); ok && a.kind == nil {
			compared++
		}
	}
	if compared < 30 {
		t.Errorf("only %d answers were accepted by both", compared)
	}
}

// FuzzAnswer: no bytes make the reader panic, they mean the same in whatever pieces they arrive, what comes back is within the bounds, and what
// net/http accepts too means the same to it.
func FuzzAnswer(f *testing.F) {
	for _, a := range answers {
		if len(a.text) < 2000 {
			f.Add([]byte(a.text), uint16(len(a.text)))
		}
	}
	f.Add([]byte("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"+chunked(noise(12000), 9000)), uint16(5000))
	f.Fuzz(func(t *testing.T, text []byte, size uint16) {
		if len(text) > 100<<10 {
			return
		}
		var e http1.Exchange
		whole, err := receive(&e, [][]byte{bytes.Clone(text)})
		if len(whole.body) > testMaxAnswer {
			t.Fatalf("%d bytes came through", len(whole.body))
		}
		if err != nil && whole.body != "" {
			t.Fatal("an error came with a body")
		}
		pieces := split(string(text), int(size)+1)
		if len(text) < 4000 {
			pieces = append(pieces[:0:0], split(string(text), int(size)%7+1)...)
		}
		pieced, _ := receive(&e, pieces)
		whole.kept, pieced.kept = false, false // bytes after the end may come too late to be seen; see TestStrayAnswer
		if whole != pieced {
			t.Fatalf("in one piece: %+v; in pieces: %+v", whole, pieced)
		}
		compare(t, text)
	})
}

// TestReadersAgree: a connection that is kept has nothing left on it, which a plain reader of the same bytes confirms.
func TestReadersAgree(t *testing.T) {
	var e http1.Exchange
	for _, a := range answers {
		o, err := receive(&e, [][]byte{[]byte(a.text)})
		if err != nil || !o.kept {
			continue
		}
		r := bufio.NewReader(strings.NewReader(a.text))
		response, err := http.ReadResponse(r, &http.Request{Method: http.MethodPost})
		for err == nil && response.StatusCode < 200 {
			response, err = http.ReadResponse(r, &http.Request{Method: http.MethodPost})
		}
		if err != nil {
			continue
		}
		if _, err := io.Copy(io.Discard, response.Body); err != nil {
			continue
		}
		if rest, _ := io.ReadAll(r); len(rest) > 0 {
			t.Errorf("%s: kept with %d bytes to come", a.name, len(rest))
		}
	}
}
