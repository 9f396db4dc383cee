package http1_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"os"
	"testing"
	"testing/synctest"
	"time"

	"callboard.dev/callboard/gateway/execute/http1"
)

// numbered answers every request with the number of its connection.
func (u *upstream) numbered(number int, c net.Conn, r *bufio.Reader) {
	for {
		if _, ok := u.read(r); !ok {
			return
		}
		io.WriteString(c, ok200(fmt.Sprint(number)))
	}
}

// TestLastInFirstOut has three connections open at once, then asks one request after another: they all take the connection given back last.
func TestLastInFirstOut(t *testing.T) {
	u := start(t, nil)
	u.serve = u.numbered
	u.listen()
	c := u.client(http1.Settings{})
	var e [3]http1.Exchange
	var numbers [3]string
	for i := range e {
		e[i].Start(c, http1.Request{Text: question("all")})
	}
	for _, i := range []int{2, 0, 1} {
		body, err := e[i].Finish(nil)
		if err != nil {
			t.Fatal(err)
		}
		numbers[i] = string(body)
	}
	if c.Idle() != 3 {
		t.Fatalf("%d connections are kept", c.Idle())
	}
	for range 3 {
		body, err := ask(c, &e[0], http1.Request{Text: question("one")})
		if err != nil || body != numbers[1] {
			t.Errorf("connection %s is used, want %s (%v)", body, numbers[1], err)
		}
	}
	if u.dials != 3 {
		t.Errorf("%d connections were made", u.dials)
	}
}

func TestMaxIdle(t *testing.T) {
	for setting, want := range map[int]int{2: 2, -1: 0, 0: 5} {
		u := startEcho(t).listen()
		c := u.client(http1.Settings{MaxIdle: setting})
		var e [5]http1.Exchange
		for i := range e {
			e[i].Start(c, http1.Request{Text: question("x")})
		}
		for i := range e {
			if _, err := e[i].Finish(nil); err != nil {
				t.Fatal(err)
			}
		}
		if c.Idle() != want {
			t.Errorf("of MaxIdle %d, %d connections are kept", setting, c.Idle())
		}
	}
}

func TestIdleTimeout(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		u := startEcho(t)
		c := u.client(http1.Settings{IdleTimeout: time.Minute})
		var e [2]http1.Exchange
		for i := range e {
			e[i].Start(c, http1.Request{Text: question("x")})
		}
		for i := range e {
			e[i].Finish(nil)
		}
		time.Sleep(59 * time.Second)
		mustAsk(t, c, "y")
		time.Sleep(2 * time.Second)
		if c.Idle() != 1 {
			t.Errorf("%d connections are kept, want the one used lately", c.Idle())
		}
		time.Sleep(time.Minute)
		if c.Idle() != 0 {
			t.Errorf("%d connections are kept after all of their time", c.Idle())
		}
		mustAsk(t, c, "z")
		if u.dials != 3 {
			t.Errorf("%d connections were made", u.dials)
		}
		synctest.Wait()
	})
}

// TestKeepAliveHint has an upstream that keeps connections for 5 seconds, as those on Node.js do.
func TestKeepAliveHint(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		u := start(t, func(_ int, c net.Conn, r *bufio.Reader) {
			for {
				if _, ok := (&upstream{}).read(r); !ok {
					return
				}
				io.WriteString(c, "HTTP/1.1 200 OK\r\nKeep-Alive: timeout=5\r\nContent-Length: 1\r\n\r\nx")
			}
		})
		c := u.client(http1.Settings{})
		mustAsk(t, c, "x")
		time.Sleep(3900 * time.Millisecond)
		mustAsk(t, c, "x")
		if u.dials != 1 {
			t.Error("the connection was not used again in its time")
		}
		time.Sleep(4100 * time.Millisecond)
		if c.Idle() != 0 {
			t.Error("the connection is kept until the upstream closes it")
		}
	})
}

func TestClosedByPeer(t *testing.T) {
	gone := make(chan struct{})
	u := start(t, nil)
	u.serve = func(number int, c net.Conn, r *bufio.Reader) {
		if number > 1 {
			u.echo(number, c, r)
			return
		}
		if body, ok := u.read(r); ok {
			io.WriteString(c, ok200(body))
		}
		c.Close()
		close(gone)
	}
	u.listen()
	c := u.client(http1.Settings{})
	mustAsk(t, c, "first")
	<-gone
	mustAsk(t, c, "second") // not repeatable
	if got := u.requests(); got != "first second" || u.dials != 2 {
		t.Errorf("on %d connections the upstream saw %s", u.dials, got)
	}
}

// eager sends a second answer on its first connection, and then calls sent.
func (u *upstream) eager(sent func()) *upstream {
	u.serve = func(number int, c net.Conn, r *bufio.Reader) {
		if number > 1 {
			u.echo(number, c, r)
			return
		}
		u.read(r)
		io.WriteString(c, ok200("first"))
		io.WriteString(c, ok200("somebody else's"))
		sent()
		r.ReadByte()
	}
	return u
}

// TestStrayAnswer: an answer that nobody asked for does not become that of the next request.
func TestStrayAnswer(t *testing.T) {
	sent := make(chan struct{})
	c := start(t, nil).eager(func() { close(sent) }).listen().client(http1.Settings{})
	mustAsk(t, c, "first")
	<-sent
	mustAsk(t, c, "second")
}

func TestStrayAnswerInMemory(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := start(t, nil).eager(func() {}).client(http1.Settings{})
		mustAsk(t, c, "first")
		synctest.Wait() // the upstream is writing what nobody reads
		mustAsk(t, c, "second")
	})
}

func TestClose(t *testing.T) {
	u := startEcho(t).listen()
	c := u.client(http1.Settings{})
	mustAsk(t, c, "x")
	c.CloseIdle()
	if c.Idle() != 0 {
		t.Error("CloseIdle keeps connections")
	}
	mustAsk(t, c, "x")
	var e http1.Exchange
	e.Start(c, http1.Request{Text: question("under way")})
	c.Close()
	if body, err := e.Finish(nil); err != nil || string(body) != "under way" {
		t.Errorf("closing ended what was under way: %q, %v", body, err)
	}
	mustAsk(t, c, "later")
	if c.Idle() != 0 {
		t.Error("a closed client keeps connections")
	}
	c.Close()
}

func openFiles(t *testing.T) int {
	entries, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Skip("open files cannot be counted here: ", err)
	}
	return len(entries)
}

// fickle does what a request says.
func (u *upstream) fickle(_ int, c net.Conn, r *bufio.Reader) {
	for {
		what, ok := u.read(r)
		switch {
		case !ok || what == "die":
			return
		case what == "wait":
		case what == "bad":
			io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n")
		case what == "early":
			io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nx")
			return
		default:
			io.WriteString(c, ok200("fine"))
		}
	}
}

// endEveryWay ends exchanges with a fickle upstream in every way there is, and leaves nothing open.
func endEveryWay(t *testing.T, u *upstream) {
	c := u.client(http1.Settings{})
	refused := http1.New("nowhere:80", http1.Settings{Dial: func(context.Context, string, string) (net.Conn, error) { return nil, io.EOF }})
	var e http1.Exchange
	ends := map[string]int{}
	for i := range 50 {
		for _, what := range []string{"die", "wait", "bad", "early", "fine", "refused", "over", "again"} {
			upstream, r := c, http1.Request{Text: question(what), Repeatable: i%2 == 0}
			switch what {
			case "refused":
				upstream = refused
			case "over":
				r.Deadline = time.Unix(1, 0)
			}
			e.Start(upstream, r)
			switch what {
			case "wait":
				e.Abort()
			case "again":
				continue // started again while under way
			}
			_, err := e.Finish(nil)
			ends[fmt.Sprint(what, " ", err == nil)]++
		}
	}
	e.Abort()
	e.Finish(nil)
	if got := fmt.Sprint(ends); got != "map[bad false:50 die false:50 early false:50 fine true:50 over false:50 refused false:50 wait false:50]" {
		t.Error(got)
	}
	c.Close()
}

// TestNoGoroutineLeaks: what still runs at the end of a bubble is an error.
func TestNoGoroutineLeaks(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		u := start(t, nil)
		u.serve = u.fickle
		endEveryWay(t, u)
	})
}

func TestNoFileLeaks(t *testing.T) {
	first := startEcho(t).listen() // what the runtime opens once is open after this
	mustAsk(t, first.client(http1.Settings{MaxIdle: -1}), "x")
	first.stop()
	files := openFiles(t)
	u := start(t, nil)
	u.serve = u.fickle
	u.listen()
	endEveryWay(t, u)
	u.stop()
	if now := openFiles(t); now != files {
		t.Errorf("%d open files became %d", files, now)
	}
}
