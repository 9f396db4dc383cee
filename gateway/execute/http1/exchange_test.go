package http1_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"callboard.dev/callboard/gateway/execute/http1"
)

// after answers every request with its body, after a time.
func after(t *testing.T, wait time.Duration) *upstream {
	u := start(t, nil)
	u.serve = func(_ int, c net.Conn, r *bufio.Reader) {
		for {
			body, ok := u.read(r)
			if !ok {
				return
			}
			time.Sleep(wait)
			io.WriteString(c, ok200(body))
		}
	}
	return u
}

// TestScatterGather sends requests to three upstreams and gathers the answers on one goroutine, giving each 20 ms before it hands it over.
func TestScatterGather(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		waits := []time.Duration{10 * time.Millisecond, time.Second, 15 * time.Millisecond}
		var clients []*http1.Client
		for _, wait := range waits {
			clients = append(clients, after(t, wait).client(http1.Settings{}))
		}
		for range 2 { // on new connections, then on kept ones
			began := time.Now()
			var e [3]http1.Exchange
			for i, c := range clients {
				e[i].Start(c, http1.Request{Text: question(fmt.Sprint(i))})
			}
			if took := time.Since(began); took > time.Millisecond { // kept connections in memory are listened to for a moment
				t.Fatal("starting took", took)
			}
			handed := make(chan string, len(e))
			for i := range e {
				arrived, err := e[i].Arrived(began.Add(20 * time.Millisecond))
				if err != nil || arrived != (waits[i] < 20*time.Millisecond) {
					t.Fatal(i, arrived, err)
				}
				finish := func() { body, err := e[i].Finish(nil); handed <- fmt.Sprint(string(body), err) }
				if arrived {
					finish()
				} else {
					go finish()
				}
			}
			if took := time.Since(began); took != 20*time.Millisecond {
				t.Errorf("gathering took %v", took)
			}
			if got := fmt.Sprint(<-handed, <-handed, <-handed, time.Since(began).Round(time.Millisecond)); got != "0<nil>2<nil>1<nil>1s" {
				t.Error(got)
			}
		}
	})
}

// TestArrivedLooks asks without waiting, on connections of both kinds.
func TestArrivedLooks(t *testing.T) {
	for _, loopback := range []bool{true, false} {
		answer, sent := make(chan bool), make(chan bool)
		u := start(t, nil)
		u.serve = func(_ int, c net.Conn, r *bufio.Reader) {
			for {
				body, ok := u.read(r)
				if !ok {
					return
				}
				<-answer
				if !loopback {
					close(sent)
				}
				io.WriteString(c, ok200(body))
				if loopback {
					close(sent)
				}
			}
		}
		if loopback {
			u.listen()
		}
		var e http1.Exchange
		e.Start(u.client(http1.Settings{}), http1.Request{Text: question("x")})
		for range 3 {
			if arrived, err := e.Arrived(time.Time{}); arrived || err != nil {
				t.Fatal("it arrived before it was sent", err)
			}
		}
		close(answer)
		<-sent
		for arrived := false; !arrived; {
			var err error
			if arrived, err = e.Arrived(time.Time{}); err != nil {
				t.Fatal(err)
			}
		}
		if arrived, _ := e.Arrived(time.Time{}); !arrived {
			t.Error("it is not there any more")
		}
		if body, err := e.Finish(nil); string(body) != "x" || err != nil {
			t.Errorf("got %q, %v", body, err)
		}
	}
}

// TestStartWaitsForNothing has one upstream that cannot be connected to and one that does not read a large request. Others are answered meanwhile.
func TestStartWaitsForNothing(t *testing.T) {
	read := make(chan struct{})
	slow := start(t, nil)
	slow.serve = func(number int, c net.Conn, r *bufio.Reader) {
		if body, ok := slow.read(r); ok { // the first is small, and makes the connection a kept one
			io.WriteString(c, ok200(body))
		}
		<-read
		slow.echo(number, c, r)
	}
	slow.listen()
	silent := func(ctx context.Context, _, _ string) (net.Conn, error) {
		<-ctx.Done()
		return nil, ctx.Err()
	}
	c := slow.client(http1.Settings{MaxAnswer: 64 << 20})
	mustAsk(t, c, "small")
	large := strings.Repeat("x", 12<<20)
	var e, unconnected http1.Exchange
	e.Start(c, http1.Request{Text: question(large)})
	unconnected.Start(http1.New("x:80", http1.Settings{Dial: silent}), http1.Request{Text: question("x")})
	mustAsk(t, startEcho(t).client(http1.Settings{}), "meanwhile")
	close(read)
	if body, err := e.Finish(nil); err != nil || string(body) != large {
		t.Errorf("got %d bytes, %v", len(body), err)
	}
	if c.Idle() != 1 || slow.dials != 1 {
		t.Error("the connection is not kept")
	}
	mustAsk(t, c, "small")
	unconnected.Abort()
	_, err := unconnected.Finish(nil)
	wantKind(t, err, http1.ErrAborted)
}

// TestDeadlines uses one connection with deadlines that come nearer and go further away: each holds for its own exchange.
func TestDeadlines(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		u := after(t, 10*time.Second)
		c := u.client(http1.Settings{})
		var e http1.Exchange
		within := func(d time.Duration) error {
			began := time.Now()
			_, err := ask(c, &e, http1.Request{Text: question("x"), Deadline: began.Add(d)})
			if took := time.Since(began).Round(time.Millisecond); took != min(d, 10*time.Second) {
				t.Errorf("with a deadline of %v it took %v", d, took)
			}
			return err
		}
		for _, d := range []time.Duration{11 * time.Second, 30 * time.Second, 12 * time.Second, time.Hour} {
			if err := within(d); err != nil {
				t.Error(err)
			}
		}
		e.Start(c, http1.Request{Text: question("x")})
		if arrived, err := e.Arrived(time.Now().Add(time.Second)); arrived || err != nil {
			t.Error(arrived, err)
		}
		if _, err := e.Finish(nil); err != nil {
			t.Error(err)
		}
		if u.dials != 1 {
			t.Errorf("%d connections were made", u.dials)
		}
		wantKind(t, within(9*time.Second), http1.ErrTimeout)
		_, err := ask(c, &e, http1.Request{Text: question("x"), Deadline: time.Now()})
		wantKind(t, err, http1.ErrTimeout)

		never := after(t, time.Hour).client(http1.Settings{})
		began := time.Now()
		_, err = ask(never, &e, http1.Request{Text: question("x")})
		if wantKind(t, err, http1.ErrTimeout); time.Since(began) != http1.DefaultTimeout {
			t.Errorf("without a deadline it took %v", time.Since(began))
		}
		time.Sleep(time.Hour)
	})
}

// phases are upstreams that stop an exchange at each of its stages, for ever.
var phases = []struct {
	name  string
	serve func(c net.Conn, r *bufio.Reader)
}{
	{"dial", nil},
	{"write", nil},
	{"wait", func(c net.Conn, r *bufio.Reader) { drip(c, r, "", "") }},
	{"head, silent", func(c net.Conn, r *bufio.Reader) { drip(c, r, "HTTP/1.1 200 OK\r\nX: ", "") }},
	{"head", func(c net.Conn, r *bufio.Reader) { drip(c, r, "HTTP/1.1 200 OK\r\nX: ", "x") }},
	{"informational heads", func(c net.Conn, r *bufio.Reader) {
		drip(c, r, "HTTP/1.1 100 Continue\r\n\r\n", "HTTP/1.1 103 Early Hints\r\n\r\n")
	}},
	{"body", func(c net.Conn, r *bufio.Reader) { drip(c, r, "HTTP/1.1 200 OK\r\nContent-Length: 90000\r\n\r\n", "x") }},
	{"body until it closes", func(c net.Conn, r *bufio.Reader) { drip(c, r, "HTTP/1.1 200 OK\r\n\r\n", "x") }},
	{"chunk size", func(c net.Conn, r *bufio.Reader) {
		drip(c, r, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", "0")
	}},
	{"chunks", func(c net.Conn, r *bufio.Reader) {
		drip(c, r, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", "1\r\nx\r\n")
	}},
	{"trailers", func(c net.Conn, r *bufio.Reader) {
		drip(c, r, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n", "X:\r\n")
	}},
}

// drip answers with what it has at once and then with the rest again and again, a byte at a time, every 100 ms, until the connection is closed.
func drip(c net.Conn, r *bufio.Reader, first, rest string) {
	(&upstream{}).read(r)
	io.WriteString(c, first)
	for rest != "" {
		for i := range len(rest) {
			time.Sleep(100 * time.Millisecond)
			if _, err := io.WriteString(c, rest[i:i+1]); err != nil {
				return
			}
		}
	}
	r.ReadByte()
}

// stuck runs ask against each phase.
func stuck(t *testing.T, ask func(t *testing.T, c *http1.Client)) {
	for _, phase := range phases {
		t.Run(phase.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				over := make(chan struct{})
				c := http1.New("upstream:80", http1.Settings{DialTimeout: time.Hour, Dial: func(ctx context.Context, _, _ string) (net.Conn, error) {
					client, server := net.Pipe()
					go func() {
						defer server.Close()
						switch phase.name {
						case "dial":
						case "write":
							server.Read(make([]byte, 1)) // the first byte, and then no more
							<-over
						default:
							phase.serve(server, bufio.NewReader(server))
						}
					}()
					if phase.name == "dial" { // it does not even notice that ctx ends
						<-over
					}
					return client, nil
				}})
				ask(t, c)
				close(over)
				c.Close()
				time.Sleep(time.Second) // for the upstream to notice
			})
		})
	}
}

func TestTimeoutInEveryPhase(t *testing.T) {
	stuck(t, func(t *testing.T, c *http1.Client) {
		began := time.Now()
		var e http1.Exchange
		text := question("x")
		_, err := ask(c, &e, http1.Request{Text: text, Repeatable: true, Deadline: began.Add(3 * time.Second)})
		wantKind(t, err, http1.ErrTimeout)
		clear(text) // a race if something still reads it
		if took := time.Since(began); took != 3*time.Second {
			t.Errorf("it took %v", took)
		}
		if timeout, ok := err.(interface{ Timeout() bool }); !ok || !timeout.Timeout() {
			t.Errorf("%v is no time-out", err)
		}
	})
}

func TestAbortInEveryPhase(t *testing.T) {
	stuck(t, func(t *testing.T, c *http1.Client) {
		for _, arriving := range []bool{true, false} {
			began := time.Now()
			var e http1.Exchange
			e.Start(c, http1.Request{Text: question("x"), Repeatable: true})
			abort := e.Ticket().Abort
			time.AfterFunc(1050*time.Millisecond, abort)
			time.AfterFunc(1050*time.Millisecond, abort)
			if arriving {
				e.Arrived(began.Add(time.Second))
			}
			_, err := e.Finish(nil)
			if wantKind(t, err, http1.ErrAborted); time.Since(began) != 1050*time.Millisecond {
				t.Errorf("it took %v", time.Since(began))
			}
			abort()
			e.Abort()
			if _, again := e.Finish(nil); !errors.Is(again, http1.ErrAborted) {
				t.Error(again)
			}
		}
	})
}

func TestConnectErrors(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var e http1.Exchange
		hanging := http1.New("x:80", http1.Settings{DialTimeout: time.Second, Dial: func(ctx context.Context, _, _ string) (net.Conn, error) {
			<-ctx.Done()
			return nil, ctx.Err()
		}})
		began := time.Now()
		_, err := ask(hanging, &e, http1.Request{Text: question("x"), Repeatable: true})
		if wantKind(t, err, http1.ErrConnect); time.Since(began) != time.Second {
			t.Errorf("it took %v", time.Since(began))
		}
		_, err = ask(hanging, &e, http1.Request{Text: question("x"), Deadline: time.Now().Add(time.Second / 2)})
		wantKind(t, err, http1.ErrTimeout)
		failing := http1.New("x:80", http1.Settings{Dial: func(context.Context, string, string) (net.Conn, error) { return nil, io.ErrClosedPipe }})
		_, err = ask(failing, &e, http1.Request{Text: question("x")})
		if wantKind(t, err, http1.ErrConnect); !errors.Is(err, io.ErrClosedPipe) {
			t.Error("the cause is lost")
		}
		if arrived, again := e.Arrived(time.Now()); arrived || again != err {
			t.Error("a failed exchange goes on")
		}
	})
}

func TestExchangeAtRest(t *testing.T) {
	var e http1.Exchange
	e.Abort()
	_, err := e.Finish(nil)
	wantKind(t, err, http1.ErrAborted)
	if _, err = ask(startEcho(t).client(http1.Settings{}), &e, http1.Request{Text: question("x")}); err != nil {
		t.Fatal(err)
	}
	_, err = e.Finish(nil)
	wantKind(t, err, http1.ErrAborted)
	if arrived, err := e.Arrived(time.Now()); arrived || err == nil {
		t.Error("a finished exchange is under way")
	}
}

// dozing is a connection whose Write looks at what it was given for a second after it was closed.
type dozing struct {
	net.Conn
	closed chan struct{}
	once   sync.Once
	reads  bool
}

func (d *dozing) Write([]byte) (int, error) {
	d.reads = true
	<-d.closed
	time.Sleep(time.Second)
	d.reads = false
	return 0, net.ErrClosed
}

func (d *dozing) Close() error {
	d.once.Do(func() { close(d.closed) })
	return d.Conn.Close()
}

// TestRequestIsFree: when Finish has returned, nothing reads the request any more, however the exchange ended.
func TestRequestIsFree(t *testing.T) {
	for _, abort := range []bool{true, false} {
		synctest.Test(t, func(t *testing.T) {
			u := startEcho(t)
			var d *dozing
			u.dialed = func(c net.Conn) net.Conn {
				d = &dozing{Conn: c, closed: make(chan struct{})}
				return d
			}
			var e http1.Exchange
			e.Start(u.client(http1.Settings{}), http1.Request{Text: question("x"), Deadline: time.Now().Add(time.Minute)})
			synctest.Wait()
			if abort {
				e.Abort()
			}
			if _, err := e.Finish(nil); err == nil || d.reads {
				t.Errorf("it is still read (%v)", err)
			}
		})
	}
}

// TestOldTicket: an Abort that comes too late touches neither the connection, which serves another exchange by now, nor the exchange's later use.
func TestOldTicket(t *testing.T) {
	u := startEcho(t).listen()
	c := u.client(http1.Settings{})
	var first, second http1.Exchange
	first.Start(c, http1.Request{Text: question("1")})
	old := first.Ticket()
	if _, err := first.Finish(nil); err != nil {
		t.Fatal(err)
	}
	second.Start(c, http1.Request{Text: question("2")})
	old.Abort()
	first.Abort()
	if body, err := second.Finish(nil); err != nil || string(body) != "2" {
		t.Errorf("got %q, %v", body, err)
	}
	first.Start(c, http1.Request{Text: question("3")})
	old.Abort()
	if body, err := first.Finish(nil); err != nil || string(body) != "3" {
		t.Errorf("got %q, %v", body, err)
	}
	if u.dials != 1 {
		t.Errorf("%d connections were made", u.dials)
	}
}

// TestAbortRace aborts exchanges at any moment, the moment they finish among them. Those that nobody aborts are answered, each with its own answer.
func TestAbortRace(t *testing.T) {
	u := startEcho(t).listen()
	c := u.client(http1.Settings{})
	var group sync.WaitGroup
	for worker := range 8 {
		group.Go(func() {
			random := rand.New(rand.NewPCG(1, uint64(worker)))
			var e http1.Exchange
			var aborts sync.WaitGroup
			defer aborts.Wait()
			for i := range 300 {
				what := fmt.Sprint(worker, "/", i)
				e.Start(c, http1.Request{Text: question(what)})
				aborted := i%2 == 0
				if aborted {
					ticket, spin := e.Ticket(), random.IntN(60_000)
					aborts.Go(func() {
						for range spin {
							if spin < 0 {
								return
							}
						}
						ticket.Abort()
					})
				}
				if random.IntN(2) == 0 {
					e.Arrived(time.Time{})
				}
				body, err := e.Finish(nil)
				switch {
				case err == nil && string(body) != what:
					t.Errorf("%s got the answer of %s", what, body)
				case err != nil && !aborted:
					t.Errorf("%s: %v", what, err)
				case err != nil && !errors.Is(err, http1.ErrAborted):
					t.Errorf("%s: %v", what, err)
				}
			}
		})
	}
	group.Wait()
}
