package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"sync"
	"sync/atomic"

	"callboard.dev/callboard/gateway/gatewaytest"
)

// counters are what the stand-ins have done since they started.
type counters struct {
	Calls    int64  // requests answered
	Executed int64  // of them, those whose body had not been seen before
	Faults   int64  // of those executed, those that a strict subgraph would have refused
	Fault    string // one of these
}

// countersPath is where stand-ins tell their counters. No subgraph has such a name.
const countersPath = "/-/counters"

// maxAnswers bounds the answers that are kept of one subgraph. A gateway that writes the same request in ever new ways makes the stand-ins work,
// and the counters show it.
const maxAnswers = 10_000

// troupe is the stand-ins of a case, on one port. A body is executed when it is seen for the first time, and afterwards answered with the same bytes: what stand-ins
// cost must not blur what the gateway costs.
type troupe struct {
	recorder *gatewaytest.Recorder
	byPath   map[string]*standIn
	calls    atomic.Int64
	executed atomic.Int64
	faults   atomic.Int64
	fault    atomic.Pointer[string]
}

type standIn struct {
	*gatewaytest.StandIn
	mu      sync.RWMutex
	answers map[string][]byte // whole responses, by body
}

// serveStandIns serves the subgraphs of a case, each at its name, until the listener is closed.
func serveStandIns(c *benchCase, listener net.Listener) error {
	t := &troupe{recorder: &gatewaytest.Recorder{}, byPath: map[string]*standIn{}}
	list, err := c.standIns(t.recorder)
	if err != nil {
		return err
	}
	for name, s := range list {
		t.byPath["/"+name] = &standIn{StandIn: s, answers: map[string][]byte{}}
	}
	for {
		conn, err := listener.Accept()
		if errors.Is(err, net.ErrClosed) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("serving stand-ins: %w", err)
		}
		go t.serve(conn)
	}
}

// serve answers the requests of one connection.
func (t *troupe) serve(conn net.Conn) {
	defer conn.Close()
	requests := &messages{from: conn}
	for {
		m, err := requests.next()
		if err != nil {
			if err != io.EOF {
				io.WriteString(conn, "HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
			}
			return
		}
		if _, err := conn.Write(t.respond(m)); err != nil || m.Close {
			return
		}
	}
}

// respond returns a whole response.
func (t *troupe) respond(m message) []byte {
	_, rest, _ := bytes.Cut(m.First, []byte(" "))
	path, _, _ := bytes.Cut(rest, []byte(" "))
	s := t.byPath[string(path)]
	switch {
	case string(path) == countersPath:
		text, err := json.Marshal(t.count())
		if err != nil {
			panic("bug: counters that are not JSON: " + err.Error())
		}
		return response("200 OK", text)
	case s == nil:
		return response("404 Not Found", nil)
	}
	t.calls.Add(1)
	maskUnique(m.Body)
	s.mu.RLock()
	answer := s.answers[string(m.Body)]
	s.mu.RUnlock()
	if answer != nil {
		return answer
	}
	t.executed.Add(1)
	text, err := s.Answer(m.Body)
	if faults := t.recorder.Faults(); len(faults) > 0 {
		t.faults.Add(1)
		t.fault.Store(&faults[0])
	}
	if err != nil {
		return response("400 Bad Request", nil)
	}
	answer = response("200 OK", text)
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.answers) >= maxAnswers {
		clear(s.answers)
	}
	s.answers[string(m.Body)] = answer
	return answer
}

func (t *troupe) count() counters {
	c := counters{Calls: t.calls.Load(), Executed: t.executed.Load(), Faults: t.faults.Load()}
	if fault := t.fault.Load(); fault != nil {
		c.Fault = *fault
	}
	return c
}

func response(status string, body []byte) []byte {
	var b strings.Builder
	fmt.Fprintf(&b, "HTTP/1.1 %s\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n", status, len(body))
	return append([]byte(b.String()), body...)
}
