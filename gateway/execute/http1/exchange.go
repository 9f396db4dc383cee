package http1

import (
	"context"
	"errors"
	"iter"
	"os"
	"sync"
	"time"
)

// DefaultTimeout is how long an exchange may take whose request names no deadline.
const DefaultTimeout = 30 * time.Second

// Request is what is sent.
type Request struct {
	// Text is the complete request, head and body; see Head. It must not change until Finish has returned.
	Text []byte
	// Deadline ends the exchange whatever it is doing: connecting, writing, waiting or reading. The zero time means DefaultTimeout from Start.
	Deadline time.Time
	// Repeatable says that the upstream may run the request twice: a query, not a mutation.
	//
	// An upstream may close a kept connection at the moment a request is written to it. So a request is sent once more, on a new connection, if
	// a connection that had served an exchange before fails before the first byte of an answer, and either the request is Repeatable or the
	// operating system refused all of its bytes. It is never sent a third time, and never again after a first byte, a time-out or an Abort, or
	// when a new connection fails. Kept connections that are known to be closed are passed over before anything is written.
	Repeatable bool
}

// Exchange is one request and its answer: Start, then Arrived as often as wanted, then Finish. The zero value is ready, and after Finish it can be
// started again, which spares allocations. Its methods are called by one goroutine at a time, except Abort and those of Ticket, which may be called
// by any at any time. It must not be copied.
type Exchange struct {
	mu      sync.Mutex // for what other goroutines look at
	use     uint64     // counts the starts
	active  bool
	aborted bool
	conn    *conn
	errand  *errand // what still runs beside the caller

	client   *Client
	request  Request
	writeErr error // the request was not written to its end
	err      error // what Arrived and Finish return from now on

	buf  []byte
	r, w int // buf[r:w] is read from the connection and not used yet
	keep int // buf[:keep] is the head, which stays
	head head
}

// errand is the part of an exchange that would have to wait and so runs on a goroutine of its own: making a connection, and writing what the
// system did not take at once. It needs its own type because it may outlive the exchange by the time its dial takes to notice.
type errand struct {
	done     chan struct{} // closed at the end; the rest is written before that
	stop     chan struct{} // closed by Abort
	cancel   context.CancelFunc
	dialErr  error
	writeErr error
}

// Start sends the request and returns without waiting for the upstream. If that needs a connection, or the system does not take all of the request
// at once, another goroutine sees to it. What goes wrong is told by Arrived and Finish. An exchange that is still under way is ended first.
//
// An answer is looked at when the request is written to its end or writing has failed. An upstream that answers early, leaves a request larger
// than the sockets' buffers unread and does not close either is waited for until the deadline.
func (e *Exchange) Start(c *Client, r Request) {
	if e.client != nil && e.err == nil {
		e.fail(errAborted)
	}
	now := time.Now()
	if r.Deadline.IsZero() {
		r.Deadline = now.Add(DefaultTimeout)
	}
	e.client, e.request = c, r
	e.writeErr, e.err = nil, nil
	e.r, e.w, e.keep, e.head = 0, 0, 0, head{}
	if len(e.buf) > keptBuffer {
		e.buf = nil
	}
	e.mu.Lock()
	e.use++
	e.active, e.aborted = true, false
	e.mu.Unlock()

	if !now.Before(r.Deadline) {
		e.fail(errTimeout)
	} else if k := c.take(now); k == nil {
		e.connect(now)
	} else if !e.attach(nil, k) {
		k.close()
		e.fail(errAborted)
	} else {
		e.send(k)
	}
}

// send writes the request to a connection from the pool.
func (e *Exchange) send(k *conn) {
	n, err := k.write(e.request.Text)
	if err == errWouldWait {
		rest, deadline := e.request.Text[n:], e.request.Deadline
		e.run(&errand{}, func(a *errand) { a.writeErr = k.writeRest(rest, deadline) })
	} else if err != nil {
		e.replace() // nobody has seen any of it
	}
}

// replace sends the request once more, on a new connection.
func (e *Exchange) replace() error {
	e.mu.Lock()
	k := e.conn
	e.conn = nil
	e.mu.Unlock()
	k.close()
	e.writeErr = nil
	return e.connect(time.Now())
}

// connect makes a connection and writes the request to it.
func (e *Exchange) connect(now time.Time) error {
	c, r := e.client, e.request
	ctx, cancel := context.WithDeadline(context.Background(), earlier(now.Add(c.settings.DialTimeout), r.Deadline))
	return e.run(&errand{cancel: cancel}, func(a *errand) {
		defer cancel()
		dialed, err := c.settings.Dial(ctx, "tcp", c.address)
		if err != nil {
			a.dialErr = err
			return
		}
		k := newConn(dialed)
		if !e.attach(a, k) {
			k.close()
			return
		}
		n, err := k.write(r.Text)
		if err == errWouldWait {
			err = k.writeRest(r.Text[n:], r.Deadline)
		}
		a.writeErr = err
	})
}

// run starts an errand, unless the exchange is aborted.
func (e *Exchange) run(a *errand, work func(*errand)) error {
	a.done, a.stop = make(chan struct{}), make(chan struct{})
	e.mu.Lock()
	aborted := e.aborted
	if !aborted {
		e.errand = a
	}
	e.mu.Unlock()
	if aborted {
		if a.cancel != nil {
			a.cancel()
		}
		return e.fail(errAborted)
	}
	go func() {
		defer close(a.done)
		work(a)
	}()
	return nil
}

// attach gives the exchange its connection, unless it has ended or gone on without the errand that made it.
func (e *Exchange) attach(a *errand, k *conn) bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	if !e.active || e.aborted || e.errand != a {
		return false
	}
	e.conn = k
	return true
}

// settle waits for the errand until the time has come, and takes its result.
func (e *Exchange) settle(now, until time.Time) (bool, error) {
	a := e.errand
	select {
	case <-a.done:
	default:
		timer := time.NewTimer(earlier(until, e.request.Deadline).Sub(now))
		defer timer.Stop()
		select {
		case <-a.done:
		case <-a.stop:
			return false, e.fail(errAborted)
		case <-timer.C:
			return false, e.late()
		}
	}
	e.mu.Lock()
	e.errand = nil
	connected := e.conn != nil
	e.mu.Unlock()
	if a.dialErr != nil {
		if !time.Now().Before(e.request.Deadline) {
			return false, e.fail(errTimeout)
		}
		return false, e.fail(&Error{Kind: ErrConnect, Cause: a.dialErr})
	}
	if !connected {
		return false, e.fail(errAborted)
	}
	e.writeErr = a.writeErr
	return true, nil
}

// late ends the exchange if its deadline has passed.
func (e *Exchange) late() error {
	if time.Now().Before(e.request.Deadline) {
		return nil
	}
	return e.fail(errTimeout)
}

// Arrived waits until the first byte of an answer is there, be it of an informational head, at most until the time given, and reports whether it is.
// With a time that has passed, such as the zero time, it looks without waiting. An error ends the exchange; Finish returns the same. Once true it
// stays true until Finish.
func (e *Exchange) Arrived(until time.Time) (bool, error) {
	if e.client == nil {
		return false, errIdle
	}
	if e.err != nil {
		return false, e.err
	}
	if e.w > 0 {
		return true, nil
	}
	now := time.Now()
	for {
		if e.errand != nil {
			if ok, err := e.settle(now, until); !ok {
				return false, err
			}
		}
		if e.buf == nil {
			e.buf = make([]byte, firstBuffer)
		}
		n, err := 0, error(nil)
		if limit := earlier(until, e.request.Deadline); now.Before(limit) {
			n, err = e.conn.read(e.buf, now, limit)
		} else {
			n, err = e.conn.poll(e.buf)
		}
		if n > 0 {
			e.w = n
			return true, nil
		}
		if err == errWouldWait || errors.Is(err, os.ErrDeadlineExceeded) {
			return false, e.late()
		}
		if err := e.lost(err); err != nil {
			return false, err
		}
		now = time.Now()
	}
}

// lost sends the request once more if it may be, after a connection failed before the first byte of an answer. The connection is then a new one, so
// that happens once.
func (e *Exchange) lost(err error) error {
	if e.conn.reused && e.request.Repeatable {
		return e.replace()
	}
	if e.writeErr != nil {
		err = e.writeErr
	}
	return e.fail(&Error{Kind: ErrBroken, Reason: "before an answer came", Cause: err})
}

// Finish waits for the answer, reads it to its end, and returns dst with the body appended, decoded if it came compressed. It may use all of dst's
// capacity. After an error the exchange has ended too, and what Finish returns is dst with nothing appended.
func (e *Exchange) Finish(dst []byte) ([]byte, error) {
	for arrived := false; !arrived; {
		var err error
		if arrived, err = e.Arrived(e.request.Deadline); err != nil {
			return dst, err
		}
	}
	out, err := e.answer(dst)
	if err != nil {
		return out[:len(dst)], e.fail(err)
	}
	return out, nil
}

// answer reads the answer whose first bytes are there. Its stages: head, body, the connection's return, decoding.
func (e *Exchange) answer(dst []byte) ([]byte, error) {
	if err := e.readHead(); err != nil {
		return dst, err
	}
	if e.head.encoding == identity {
		out, err := e.readBody(dst)
		if err != nil {
			return out, err
		}
		return out, e.release()
	}
	packed := packedBodies.Get().(*[]byte)
	defer keepPacked(packed)
	var err error
	if *packed, err = e.readBody((*packed)[:0]); err != nil {
		return dst, err
	}
	if err := e.release(); err != nil {
		return dst, err
	}
	return decode(dst, *packed, e.head.encoding, e.client.settings.MaxAnswer)
}

// fail ends the exchange with an error and returns it. It returns once nothing reads the request any more.
func (e *Exchange) fail(err error) error {
	if e.err != nil && e.err != errIdle { // decoding may fail after release
		return e.err
	}
	k, aborted := e.end()
	if k != nil {
		k.close()
	}
	if aborted {
		err = errAborted
	}
	e.err = err
	return err
}

// release ends the exchange after its answer was read, and gives the connection back if it can carry another.
func (e *Exchange) release() error {
	k, aborted := e.end()
	if aborted {
		k.close()
		e.err = errAborted
		return errAborted
	}
	e.err = errIdle
	keep := min(e.client.settings.IdleTimeout, e.head.kept)
	if e.head.last || e.writeErr != nil || e.r < e.w || keep <= 0 {
		k.close()
	} else {
		e.client.put(k, keep)
	}
	return nil
}

// end takes the exchange out of the reach of Abort and of its errand.
func (e *Exchange) end() (k *conn, aborted bool) {
	e.mu.Lock()
	k, aborted = e.conn, e.aborted
	a := e.errand
	e.conn, e.errand, e.active = nil, nil, false
	e.mu.Unlock()
	if a != nil {
		if a.cancel != nil {
			a.cancel()
		}
		if k != nil { // it is writing; while it is dialing it has no part in the request and finds the door shut
			k.close()
			<-a.done
		}
	}
	e.request.Text = nil
	return k, aborted
}

// Abort ends the exchange under way, if there is one: a call of Arrived or Finish that waits returns ErrAborted soon, as does the next one. Finish
// is still to be called before the request's bytes are used for something else. An exchange used again should be aborted through its Ticket.
func (e *Exchange) Abort() { e.Ticket().Abort() }

// Ticket returns the right to abort the exchange under way, and no later one. It is taken after Start; context.AfterFunc(ctx, ticket.Abort) ties
// the exchange to a context.
func (e *Exchange) Ticket() Ticket {
	e.mu.Lock()
	defer e.mu.Unlock()
	return Ticket{e, e.use}
}

// Ticket aborts one use of an Exchange.
type Ticket struct {
	exchange *Exchange
	use      uint64
}

// Abort ends that use of the exchange, if it is still under way. It touches neither a later use nor a connection that has gone back to the pool.
func (t Ticket) Abort() {
	e := t.exchange
	e.mu.Lock()
	if !e.active || e.aborted || e.use != t.use {
		e.mu.Unlock()
		return
	}
	e.aborted = true // from here on the connection cannot go back to the pool
	k, a := e.conn, e.errand
	e.mu.Unlock()
	if a != nil {
		if a.cancel != nil {
			a.cancel()
		}
		close(a.stop)
	}
	if k != nil {
		k.close()
	}
}

// Status is the status code of the answer; 0 while none has been read. After an error it is that of the answer that was refused, if it got so far.
func (e *Exchange) Status() int { return e.head.status }

// Header returns the first value of a header field of the answer, nil if it has none of that name. It is read where it came, so it is cheap to ask for
// few, and stays valid until Start. Content-Encoding and Content-Length describe the body as it came.
func (e *Exchange) Header(name string) []byte {
	for value := range e.Values(name) {
		return value
	}
	return nil
}

// Values returns all values of a header field of the answer, as Header does the first.
func (e *Exchange) Values(name string) iter.Seq[[]byte] {
	return func(yield func([]byte) bool) {
		for lines := e.buf[e.head.fields:e.keep]; len(lines) > 0; {
			var line []byte
			line, lines = cutLine(lines)
			if field, value, ok := cutField(line); ok && equalFold(field, name) && !yield(value) {
				return
			}
		}
	}
}

func earlier(a, b time.Time) time.Time {
	if a.Before(b) {
		return a
	}
	return b
}
