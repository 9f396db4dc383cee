package http1_test

import (
	"bufio"
	"errors"
	"io"
	"net"
	"testing"
	"testing/synctest"
	"time"

	"callboard.dev/callboard/gateway/execute/http1"
)

// mortal is an upstream on which a connection dies in the given way after it has answered a first request; later connections work.
func mortal(t *testing.T, mortals int, die func(u *upstream, c net.Conn, r *bufio.Reader)) *upstream {
	u := start(t, nil)
	u.serve = func(number int, c net.Conn, r *bufio.Reader) {
		if number > mortals {
			u.echo(number, c, r)
			return
		}
		if number == 1 {
			body, _ := u.read(r)
			io.WriteString(c, ok200(body))
		}
		die(u, c, r)
	}
	return u
}

func afterReading(u *upstream, c net.Conn, r *bufio.Reader) { u.read(r) }

func reset(u *upstream, c net.Conn, r *bufio.Reader) {
	u.read(r)
	c.(*net.TCPConn).SetLinger(0)
}

func afterByte(u *upstream, c net.Conn, r *bufio.Reader) {
	u.read(r)
	io.WriteString(c, "H")
}

func TestRepeat(t *testing.T) {
	for _, test := range []struct {
		name       string
		die        func(*upstream, net.Conn, *bufio.Reader)
		mortals    int
		repeatable bool
		saw        string
		kind       error
	}{
		{"a query whose connection ends is repeated", afterReading, 1, true, "first second second", nil},
		{"a query whose connection is reset is repeated", reset, 1, true, "first second second", nil},
		{"a mutation never is", afterReading, 1, false, "first second", http1.ErrBroken},
		{"nor is it after a reset", reset, 1, false, "first second", http1.ErrBroken},
		{"a query is not repeated after a byte of an answer", afterByte, 1, true, "first second", http1.ErrBadAnswer},
		{"a query is repeated once", afterReading, 9, true, "first second second", http1.ErrBroken},
	} {
		t.Run(test.name, func(t *testing.T) {
			u := mortal(t, test.mortals, test.die).listen()
			c := u.client(http1.Settings{})
			mustAsk(t, c, "first")
			var e http1.Exchange
			body, err := ask(c, &e, http1.Request{Text: question("second"), Repeatable: test.repeatable})
			if test.kind != nil {
				wantKind(t, err, test.kind)
			} else if err != nil || body != "second" {
				t.Errorf("got %q, %v", body, err)
			}
			if saw := u.requests(); saw != test.saw {
				t.Errorf("the upstream saw %s, want %s", saw, test.saw)
			}
		})
	}
}

// TestNoRepeatOnNewConnection: an upstream that dies of a request should not get it again.
func TestNoRepeatOnNewConnection(t *testing.T) {
	u := start(t, nil)
	u.serve = func(_ int, c net.Conn, r *bufio.Reader) { u.read(r) }
	u.listen()
	var e http1.Exchange
	_, err := ask(u.client(http1.Settings{}), &e, http1.Request{Text: question("x"), Repeatable: true})
	wantKind(t, err, http1.ErrBroken)
	if saw := u.requests(); saw != "x" {
		t.Errorf("the upstream saw %s", saw)
	}
}

// TestRefusedWrite: a mutation of which the system takes no byte has been seen by nobody, and is sent on a new connection.
func TestRefusedWrite(t *testing.T) {
	var last net.Conn
	u := start(t, nil)
	u.serve = func(_ int, c net.Conn, r *bufio.Reader) {
		for {
			body, ok := u.read(r)
			if !ok {
				<-t.Context().Done() // open on this side, so the client has nothing to notice
				return
			}
			io.WriteString(c, ok200(body))
		}
	}
	u.dialed = func(c net.Conn) net.Conn { last = c; return c }
	u.listen()
	c := u.client(http1.Settings{})
	mustAsk(t, c, "first")
	if err := last.(*net.TCPConn).CloseWrite(); err != nil {
		t.Fatal(err)
	}
	mustAsk(t, c, "second")
	if saw := u.requests(); saw != "first second" || u.dials != 2 {
		t.Errorf("on %d connections the upstream saw %s", u.dials, saw)
	}
}

// half takes half of the second request and then fails.
type half struct {
	net.Conn
	writes int
}

func (h *half) Write(p []byte) (int, error) {
	if h.writes++; h.writes == 1 {
		return h.Conn.Write(p)
	}
	n, _ := h.Conn.Write(p[:len(p)/2])
	return n, errors.New("write failed")
}

// TestHalfWritten: an answer to a part of a request counts, a broken connection is repeated for queries only.
func TestHalfWritten(t *testing.T) {
	for _, test := range []struct {
		repeatable, answers bool
		want                string
		dials               int
	}{
		{false, true, "too large", 1},
		{true, true, "too large", 1},
		{false, false, "the connection broke: before an answer came: write failed", 1},
		{true, false, "second", 2},
	} {
		u := start(t, nil)
		u.serve = func(number int, c net.Conn, r *bufio.Reader) {
			if number > 1 {
				u.echo(number, c, r)
				return
			}
			u.read(r)
			io.WriteString(c, ok200("first"))
			r.ReadString(':')
			if test.answers {
				io.WriteString(c, ok200("too large"))
			}
		}
		u.listen()
		u.dialed = func(c net.Conn) net.Conn { return &half{Conn: c} }
		c := u.client(http1.Settings{})
		mustAsk(t, c, "first")
		var e http1.Exchange
		got, err := ask(c, &e, http1.Request{Text: question("second"), Repeatable: test.repeatable})
		if err != nil {
			got = err.Error()
		}
		if got != test.want || u.dials != test.dials {
			t.Errorf("%+v: got %q on %d connections", test, got, u.dials)
		}
		if test.answers && c.Idle() != 0 {
			t.Error("a connection with half a request on it is kept")
		}
	}
}

// TestNoRepeatAfterEnd: neither a time-out nor an abort on a kept connection sends the request again.
func TestNoRepeatAfterEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for _, abort := range []bool{false, true} {
			u := mortal(t, 9, func(u *upstream, c net.Conn, r *bufio.Reader) {
				u.read(r)
				u.read(r)
			})
			c := u.client(http1.Settings{})
			mustAsk(t, c, "first")
			var e http1.Exchange
			e.Start(c, http1.Request{Text: question("second"), Repeatable: true, Deadline: time.Now().Add(time.Second)})
			want := http1.ErrTimeout
			if abort {
				time.AfterFunc(time.Millisecond, e.Abort)
				want = http1.ErrAborted
			}
			_, err := e.Finish(nil)
			wantKind(t, err, want)
			synctest.Wait()
			if saw := u.requests(); saw != "first second" {
				t.Errorf("the upstream saw %s", saw)
			}
		}
	})
}
