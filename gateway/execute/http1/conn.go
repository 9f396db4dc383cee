package http1

import (
	"errors"
	"io"
	"net"
	"os"
	"syscall"
	"time"
)

// conn is one connection. It belongs to one exchange or to the pool, and within an exchange to one goroutine at a time; only close may be
// called beside that.
type conn struct {
	net     net.Conn
	raw     syscall.RawConn // nil where the system cannot be asked without waiting
	armed   time.Time       // when a read gives up; zero for never
	reused  bool            // it has served an exchange before
	expires time.Time       // while it is in the pool

	// What the calls to raw work on. The functions are made once, because a closure made for each call would be garbage.
	push    func(fd uintptr)
	pull    func(fd uintptr)
	out, in []byte
	n       int
	err     error
	one     [1]byte
}

func newConn(n net.Conn) *conn {
	k := &conn{net: n}
	k.direct()
	return k
}

func (k *conn) close() { k.net.Close() }

// errWouldWait says that a call which must not wait had to.
var errWouldWait = errors.New("not ready")

// emptyReads bounds reads that return neither bytes nor an error, which a connection should not do but a wrapped one may.
const emptyReads = 100

// read waits for bytes until limit; then its error is os.ErrDeadlineExceeded.
//
// Setting a deadline is a call into the runtime's timers, so the one of an earlier read stays in force while it is no later than limit: where it
// strikes too soon it is moved. now may be the zero time if the caller has not looked.
func (k *conn) read(p []byte, now, limit time.Time) (int, error) {
	if k.armed.IsZero() || k.armed.After(limit) || !k.armed.After(now) {
		if err := k.arm(limit); err != nil {
			return 0, err
		}
	}
	for empty := 0; empty < emptyReads; {
		n, err := k.net.Read(p)
		switch {
		case n > 0:
			return n, nil // an error that came with bytes comes again
		case err == nil:
			empty++
		case !errors.Is(err, os.ErrDeadlineExceeded):
			return 0, err
		case !time.Now().Before(limit):
			return 0, os.ErrDeadlineExceeded
		default:
			if err := k.arm(limit); err != nil {
				return 0, err
			}
		}
	}
	return 0, io.ErrNoProgress
}

func (k *conn) arm(limit time.Time) error {
	k.armed = limit
	return k.net.SetReadDeadline(limit)
}

// pollWait is how long a connection is listened to that cannot be asked whether bytes have arrived.
const pollWait = 100 * time.Microsecond

// write hands p to the system as far as it takes it without waiting. The error is errWouldWait if some is left over; any other means that the
// system refused all of it.
func (k *conn) write(p []byte) (n int, err error) {
	if k.raw == nil {
		return 0, errWouldWait
	}
	return k.tryWrite(p)
}

// poll reads what has arrived. Its error is errWouldWait if that is nothing.
func (k *conn) poll(p []byte) (int, error) {
	if k.raw != nil {
		return k.tryRead(p)
	}
	now := time.Now()
	n, err := k.read(p, now, now.Add(pollWait))
	if errors.Is(err, os.ErrDeadlineExceeded) {
		err = errWouldWait
	}
	return n, err
}

// fit reports whether an idle connection may carry a request: its peer has neither closed it nor sent what nobody asked for. The second is what
// keeps a stray answer from being taken for the next one.
func (k *conn) fit() bool {
	_, err := k.poll(k.one[:])
	return err == errWouldWait
}

// writeRest writes p, waiting until limit where it must.
func (k *conn) writeRest(p []byte, limit time.Time) error {
	if err := k.net.SetWriteDeadline(limit); err != nil {
		return err
	}
	if _, err := k.net.Write(p); err != nil {
		return err
	}
	return k.net.SetWriteDeadline(time.Time{})
}
