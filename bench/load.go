package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"sync"
	"sync/atomic"
	"time"
)

// load asks one gateway the same question over and over, on connections that are kept.
type load struct {
	address     string
	request     []byte // whole, head and body
	at          []int  // where the digits of the variable go in it
	length      int    // of the body of an answer that was compared; one of another length is searched for errors
	connections int
}

// patience is how long the client waits for an answer. Slower ones are failures.
const patience = 30 * time.Second

// maxFailures ends a round: something is broken, and more of it says nothing.
const maxFailures = 100

// newLoad makes the load for a gateway whose GraphQL is at the address and path.
func newLoad(address, path string, body []byte, connections int) *load {
	body, at := withUnique(body)
	head := fmt.Sprintf("POST %s HTTP/1.1\r\nHost: %s\r\nContent-Type: application/json\r\nAccept: application/json\r\nContent-Length: %d\r\n\r\n", path, address, len(body))
	for i := range at {
		at[i] += len(head)
	}
	return &load{address: address, request: append([]byte(head), body...), at: at, connections: connections}
}

// tally is what came of a round.
type tally struct {
	Took     []time.Duration // of every request that was answered, in no order
	Failures int
	First    error // the first failure
	Elapsed  time.Duration
}

// uniques numbers the requests of this process, so that no value of the variable comes twice.
var uniques atomic.Uint64

// run asks for the duration, and waits for the answers to what was asked in it.
func (l *load) run(ctx context.Context, duration time.Duration) *tally {
	var (
		mu  sync.Mutex
		all tally
		wg  sync.WaitGroup
	)
	start := time.Now()
	deadline := start.Add(duration)
	var failures atomic.Int64
	for range l.connections {
		wg.Go(func() {
			own := l.connection()
			defer own.close()
			var took []time.Duration
			var first error
			for ctx.Err() == nil && failures.Load() < maxFailures {
				before := time.Now()
				if !before.Before(deadline) {
					break
				}
				if _, err := own.ask(); err != nil {
					failures.Add(1)
					if first == nil {
						first = err
					}
					continue
				}
				took = append(took, time.Since(before))
			}
			mu.Lock()
			defer mu.Unlock()
			all.Took = append(all.Took, took...)
			if all.First == nil {
				all.First = first
			}
		})
	}
	wg.Wait()
	all.Elapsed, all.Failures = time.Since(start), int(failures.Load())
	return &all
}

// connection is one client of a load.
type connection struct {
	*load
	request []byte
	conn    net.Conn
	answers *messages
}

func (l *load) connection() *connection {
	return &connection{load: l, request: bytes.Clone(l.request), answers: &messages{responses: true, buf: make([]byte, 256<<10)}}
}

func (c *connection) close() {
	if c.conn != nil {
		c.conn.Close()
		c.conn = nil
	}
}

// ask sends the request and reads the answer, whose body is valid until the next one. After an error the connection is opened anew.
func (c *connection) ask() (body []byte, err error) {
	defer func() {
		if err != nil {
			c.close()
		}
	}()
	if c.conn == nil {
		if c.conn, err = net.DialTimeout("tcp", c.address, patience); err != nil {
			return nil, fmt.Errorf("connecting: %w", err)
		}
		*c.answers = messages{responses: true, buf: c.answers.buf, from: c.conn}
	}
	if len(c.at) > 0 {
		putUnique(c.request, c.at, uniques.Add(1))
	}
	if err := c.conn.SetDeadline(time.Now().Add(patience)); err != nil {
		return nil, err
	}
	if _, err := c.conn.Write(c.request); err != nil {
		return nil, fmt.Errorf("sending a request: %w", err)
	}
	m, err := c.answers.next()
	if err != nil {
		return nil, err
	}
	if m.Close {
		c.close()
	}
	if !bytes.HasPrefix(status(m.First), []byte("200")) {
		return nil, fmt.Errorf("the answer is %q: %s", m.First, excerpt(m.Body))
	}
	if len(m.Body) != c.length && bytes.Contains(m.Body, []byte(`"errors"`)) {
		return nil, errors.New("the answer has errors: " + excerpt(m.Body))
	}
	return m.Body, nil
}
