package server_test

import (
	"bufio"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"math/big"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"callboard.dev/callboard/gateway/server"
)

// pipes is a listener whose connections are in memory, so that time in a test is the test's.
type pipes struct {
	accepted chan net.Conn
	closed   chan struct{}
	once     sync.Once
}

func newPipes() *pipes { return &pipes{accepted: make(chan net.Conn), closed: make(chan struct{})} }

func (p *pipes) Accept() (net.Conn, error) {
	select {
	case c := <-p.accepted:
		return c, nil
	case <-p.closed:
		return nil, net.ErrClosed
	}
}

func (p *pipes) Close() error {
	p.once.Do(func() { close(p.closed) })
	return nil
}

func (p *pipes) Addr() net.Addr { return &net.UnixAddr{Name: "pipes"} }

// dial returns the client's end of a new connection, or nil where none are accepted any more.
func (p *pipes) dial() net.Conn {
	client, conn := net.Pipe()
	select {
	case p.accepted <- conn:
		return client
	case <-p.closed:
		return nil
	}
}

// write sends the text without waiting for it to be read.
func write(c net.Conn, text string) { go func() { _, _ = io.WriteString(c, text) }() }

const rawPost = "POST /graphql HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 15\r\n\r\n"

// slow is an Executor that takes its time, or stops when it is told to.
func slow(takes time.Duration) server.ExecutorFunc {
	return func(ctx context.Context, _ *server.Request) *server.Response {
		select {
		case <-time.After(takes):
			return &server.Response{Body: []byte(okBody), Executed: true}
		case <-ctx.Done():
			return &server.Response{Body: []byte(`{"errors":[{"message":"cut","extensions":{"code":"X"}}]}`)}
		}
	}
}

func TestShutdownFinishesWhatIsInFlight(t *testing.T) {
	tests := []struct {
		name   string
		takes  time.Duration
		status int
		failed bool
	}{
		{"in time", 5 * time.Second, 200, false},
		{"too long", time.Minute, 503, true},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				ctx, stop := context.WithCancel(t.Context())
				listener := newPipes()
				s := server.New(slow(test.takes), server.Settings{Timeout: time.Hour, ShutdownTimeout: 10 * time.Second, DrainDelay: 2 * time.Second})
				ended := make(chan error, 1)
				go func() { ended <- s.Serve(ctx, listener) }()
				probe := func() int { return send(s, "GET", "/readyz", "").StatusCode }
				client := listener.dial()
				write(client, rawPost+`{"query":"{a}"}`)
				synctest.Wait()
				if got := probe(); got != 200 {
					t.Errorf("/readyz answers %d before", got)
				}
				stop()
				synctest.Wait()
				if got := probe(); got != 503 {
					t.Errorf("/readyz answers %d meanwhile", got)
				}
				if late := listener.dial(); late == nil {
					t.Error("not accepting during the drain delay")
				} else {
					late.Close()
				}
				time.Sleep(3 * time.Second)
				if listener.dial() != nil {
					t.Error("still accepting")
				}
				response, err := http.ReadResponse(bufio.NewReader(client), nil)
				if err != nil {
					t.Fatal(err)
				}
				body, _ := io.ReadAll(response.Body)
				if response.StatusCode != test.status {
					t.Errorf("status %d, want %d: %s", response.StatusCode, test.status, body)
				}
				if err := <-ended; (err != nil) != test.failed {
					t.Errorf("Serve returned %v", err)
				}
			})
		})
	}
}

func TestServeReportsAListenerThatFails(t *testing.T) {
	listener := newPipes()
	listener.Close()
	if err := server.New(&recorder{}, server.Settings{}).Serve(t.Context(), listener); err == nil {
		t.Error("no error")
	}
}

// begun starts a server over pipes and stops it at the end of the test.
func begun(t *testing.T, listener net.Listener, s *server.Server) {
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- s.Serve(ctx, listener) }()
	t.Cleanup(func() {
		stop()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
}

func TestSlowClients(t *testing.T) {
	tests := []struct {
		name   string
		sends  string
		within time.Duration
		status string // of the answer; empty where the connection is only closed
	}{
		{"says nothing", "", time.Minute, ""},
		{"never ends its header", "POST /graphql HTTP/1.1\r\nHost: localhost\r\nX-A: ", 11 * time.Second, ""},
		{"never ends its body", rawPost + `{"query"`, 6 * time.Second, "408"},
		{"never ends the body of what is refused", strings.Replace(rawPost, "application/json", "text/plain", 1) + `{"query"`, 16 * time.Second, "415"},
		{"sends no more", "GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n", 3 * time.Minute, "200"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				listener := newPipes()
				begun(t, listener, server.New(&recorder{}, server.Settings{Timeout: 5 * time.Second}))
				client := listener.dial()
				defer client.Close()
				start := time.Now()
				write(client, test.sends)
				answer, err := io.ReadAll(client)
				if err != nil {
					t.Error(err)
				}
				if took := time.Since(start); took > test.within {
					t.Errorf("held the connection for %s", took)
				}
				if first, _, _ := strings.Cut(string(answer), "\r\n"); !strings.Contains(first, test.status) {
					t.Errorf("answered %q, want status %s", first, test.status)
				}
			})
		})
	}
}

func TestSlowBodyWithinTheTimeDoesNotCutTheAnswer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		listener := newPipes()
		begun(t, listener, server.New(slow(4*time.Second), server.Settings{Timeout: 5 * time.Second}))
		client := listener.dial()
		defer client.Close()
		write(client, rawPost+`{"query"`)
		time.Sleep(4 * time.Second)
		write(client, `:"{a}"}`)
		response, err := http.ReadResponse(bufio.NewReader(client), nil) // 8 s after the start, and long after the body's deadline
		if err != nil {
			t.Fatal(err)
		}
		if body, _ := io.ReadAll(response.Body); response.StatusCode != 200 {
			t.Errorf("status %d: %s", response.StatusCode, body)
		}
	})
}

func TestLongGetIsNotTakenForAClientThatWentAway(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		listener := newPipes()
		begun(t, listener, server.New(slow(50*time.Second), server.Settings{Timeout: time.Minute}))
		client := listener.dial()
		defer client.Close()
		time.Sleep(9 * time.Second)
		for range 2 { // the second one on a connection that was used before
			write(client, "GET /graphql?query={a} HTTP/1.1\r\nHost: localhost\r\nGraphQL-Preflight: 1\r\n\r\n")
			response, err := http.ReadResponse(bufio.NewReader(client), nil)
			if err != nil {
				t.Fatal(err)
			}
			if body, _ := io.ReadAll(response.Body); response.StatusCode != 200 {
				t.Errorf("status %d: %s", response.StatusCode, body)
			}
		}
	})
}

func TestClientThatHangsUpCancels(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		listener := newPipes()
		cancelled := make(chan time.Time, 1)
		begun(t, listener, server.New(server.ExecutorFunc(func(ctx context.Context, _ *server.Request) *server.Response {
			<-ctx.Done()
			cancelled <- time.Now()
			return nil
		}), server.Settings{}))
		client := listener.dial()
		start := time.Now()
		write(client, rawPost+`{"query":"{a}"}`)
		time.Sleep(3 * time.Second)
		client.Close()
		if took := (<-cancelled).Sub(start); took != 3*time.Second {
			t.Errorf("cancelled after %s", took)
		}
	})
}

func TestHandshakeThatNeverEnds(t *testing.T) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1)}
	certificate, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	synctest.Test(t, func(t *testing.T) {
		listener := newPipes()
		config := &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{certificate}, PrivateKey: key}}}
		begun(t, tls.NewListener(listener, config), server.New(&recorder{}, server.Settings{}))
		client := listener.dial()
		defer client.Close()
		start := time.Now()
		write(client, "\x16\x03\x01\x02\x00")
		_, _ = io.ReadAll(client)
		if took := time.Since(start); took > 11*time.Second {
			t.Errorf("held the connection for %s", took)
		}
	})
}

func TestHeadersAreBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		listener := newPipes()
		begun(t, listener, server.New(&recorder{}, server.Settings{}))
		client := listener.dial()
		defer client.Close()
		write(client, "GET /healthz HTTP/1.1\r\nHost: localhost\r\nX-A: "+strings.Repeat("a", 128<<10)+"\r\n\r\n")
		response, err := http.ReadResponse(bufio.NewReader(client), nil)
		if err != nil {
			t.Fatal(err)
		}
		if response.StatusCode != 431 {
			t.Errorf("status %d", response.StatusCode)
		}
	})
}

func TestProbes(t *testing.T) {
	var reason error
	s := server.New(&recorder{}, server.Settings{Ready: func() error { return reason }})
	check := func(path string, want int) {
		t.Helper()
		response := send(s, "GET", path, "")
		body, _ := io.ReadAll(response.Body)
		if response.StatusCode != want || strings.Contains(string(body), "10.0.0.7") {
			t.Errorf("%s: status %d, want %d: %s", path, response.StatusCode, want, body)
		}
	}
	check("/readyz", 200)
	reason = errors.New("no schema from 10.0.0.7") // for the log, not for whoever asks
	check("/readyz", 503)
	check("/healthz", 200)
}
