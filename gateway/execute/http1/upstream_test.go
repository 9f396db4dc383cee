package http1_test

import (
	"bufio"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"callboard.dev/callboard/gateway/execute/http1"
)

// question is a request whose body says what to the upstreams of these tests.
func question(what string) []byte {
	text, body := http1.OpenBody([]byte("POST /graphql HTTP/1.1\r\nHost: upstream\r\n"))
	return http1.CloseBody(append(text, what...), body)
}

// upstream is a server of these tests. Its connections are in memory, or of the system's loopback.
type upstream struct {
	t      *testing.T
	serve  func(number int, c net.Conn, r *bufio.Reader)
	dialed func(net.Conn) net.Conn // what the client gets instead of its end; nil for no change

	mu       sync.Mutex
	dials    int
	seen     []string // the bodies of the requests read by read
	listener net.Listener
	served   sync.WaitGroup
	asked    sync.WaitGroup // dials
}

// start makes an upstream. serve has each connection for itself, which is closed when it returns.
func start(t *testing.T, serve func(number int, c net.Conn, r *bufio.Reader)) *upstream {
	return &upstream{t: t, serve: serve}
}

// listen puts the upstream on the loopback, until the test ends or stop is called.
func (u *upstream) listen() *upstream {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		u.t.Fatal(err)
	}
	u.listener = l
	u.served.Go(func() {
		for number := 1; ; number++ {
			c, err := l.Accept()
			if err != nil {
				return
			}
			u.served.Go(func() { u.run(number, c) })
		}
	})
	u.t.Cleanup(u.stop)
	return u
}

// stop waits until the clients have closed every connection.
func (u *upstream) stop() {
	u.asked.Wait()
	u.listener.Close()
	u.served.Wait()
}

func (u *upstream) run(number int, c net.Conn) {
	defer c.Close()
	u.serve(number, c, bufio.NewReader(c))
}

func (u *upstream) dial(ctx context.Context, _, _ string) (net.Conn, error) {
	u.asked.Add(1)
	defer u.asked.Done()
	u.mu.Lock()
	u.dials++
	number := u.dials
	u.mu.Unlock()
	var c net.Conn
	if u.listener != nil {
		var err error
		if c, err = new(net.Dialer).DialContext(ctx, "tcp", u.listener.Addr().String()); err != nil {
			return nil, err
		}
	} else {
		var server net.Conn
		c, server = net.Pipe()
		go u.run(number, server)
	}
	if u.dialed != nil {
		c = u.dialed(c)
	}
	return c, nil
}

// read reads a request and notes its body. ok is false when the connection has ended.
func (u *upstream) read(r *bufio.Reader) (body string, ok bool) {
	request, err := http.ReadRequest(r)
	if err != nil {
		return "", false
	}
	text, err := io.ReadAll(request.Body)
	if err != nil {
		return "", false
	}
	u.mu.Lock()
	defer u.mu.Unlock()
	u.seen = append(u.seen, string(text))
	return string(text), true
}

func (u *upstream) requests() string {
	u.mu.Lock()
	defer u.mu.Unlock()
	return strings.Join(u.seen, " ")
}

// client makes a client of the upstream, closed when the test ends.
func (u *upstream) client(s http1.Settings) *http1.Client {
	s.Dial = u.dial
	c := http1.New("upstream:80", s)
	u.t.Cleanup(c.Close)
	return c
}

// echo answers every request with its body.
func (u *upstream) echo(_ int, c net.Conn, r *bufio.Reader) {
	for {
		body, ok := u.read(r)
		if !ok {
			return
		}
		io.WriteString(c, ok200(body))
	}
}

func startEcho(t *testing.T) *upstream {
	u := start(t, nil)
	u.serve = u.echo
	return u
}

func ok200(body string) string {
	text, at := http1.OpenBody([]byte("HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"))
	return string(http1.CloseBody(append(text, body...), at))
}

// ask runs one exchange.
func ask(c *http1.Client, e *http1.Exchange, r http1.Request) (string, error) {
	e.Start(c, r)
	body, err := e.Finish(nil)
	return string(body), err
}

func mustAsk(t *testing.T, c *http1.Client, what string) {
	t.Helper()
	var e http1.Exchange
	body, err := ask(c, &e, http1.Request{Text: question(what)})
	if err != nil || body != what {
		t.Fatalf("asked %q, got %q, %v", what, body, err)
	}
}

func wantKind(t *testing.T, err, kind error) {
	t.Helper()
	if !errors.Is(err, kind) {
		t.Errorf("error is %v, want kind %v", err, kind)
	}
	var e *http1.Error
	if err != nil && !errors.As(err, &e) {
		t.Errorf("error is a %T", err)
	}
}

// script is a connection that, once written to, gives the pieces and then ends.
type script struct {
	pieces [][]byte
	once   sync.Once
	asked  chan struct{}
	closed chan struct{}
	shut   sync.Once
}

func newScript(pieces ...[]byte) *script {
	return &script{pieces: pieces, asked: make(chan struct{}), closed: make(chan struct{})}
}

func (s *script) Read(p []byte) (int, error) {
	select {
	case <-s.asked:
	case <-s.closed:
		return 0, net.ErrClosed
	}
	if len(s.pieces) == 0 {
		return 0, io.EOF
	}
	n := copy(p, s.pieces[0])
	if s.pieces[0] = s.pieces[0][n:]; len(s.pieces[0]) == 0 {
		s.pieces = s.pieces[1:]
	}
	return n, nil
}

func (s *script) Write(p []byte) (int, error) {
	s.once.Do(func() { close(s.asked) })
	return len(p), nil
}

func (s *script) Close() error {
	s.shut.Do(func() { close(s.closed) })
	return nil
}

func (s *script) LocalAddr() net.Addr              { return &net.TCPAddr{} }
func (s *script) RemoteAddr() net.Addr             { return &net.TCPAddr{} }
func (s *script) SetDeadline(time.Time) error      { return nil }
func (s *script) SetReadDeadline(time.Time) error  { return nil }
func (s *script) SetWriteDeadline(time.Time) error { return nil }

// split cuts text into pieces of n bytes.
func split(text string, n int) [][]byte {
	var pieces [][]byte
	for len(text) > 0 {
		n := min(n, len(text))
		pieces = append(pieces, []byte(text[:n]))
		text = text[n:]
	}
	return pieces
}
