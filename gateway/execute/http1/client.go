// Package http1 asks an upstream over plain HTTP/1.1 at little cost. The bytes of a request go in, the body of the answer comes out, appended to
// the caller's buffer. An Exchange is started, waited for and finished in separate steps, so one goroutine can send several requests and then
// gather their answers; there is none per connection or per call.
//
// The one rule: what came is either one answer that can be read in one way only, or an error. A connection is used again only if its answer
// ended exactly where it said it would and nothing came after it.
//
// The package is for http addresses that are reached directly. TLS, HTTP/2, proxies, redirects, cookies, upgrades, and the methods HEAD and
// CONNECT are left to net/http.
//
// Start with Exchange (exchange.go). client.go keeps the connections, conn.go is one of them; head.go and body.go read an answer, encoding.go
// decodes it; request.go writes what is sent.
package http1

import (
	"context"
	"math"
	"net"
	"sync"
	"time"
)

// Settings say how a Client treats its upstream. The zero value is right for a subgraph.
type Settings struct {
	// DialTimeout bounds the making of a connection, within the deadline of the exchange; 0 means DefaultDialTimeout.
	DialTimeout time.Duration
	// MaxIdle bounds the connections kept for later; 0 means DefaultMaxIdle, less than 0 keeps none.
	MaxIdle int
	// IdleTimeout is how long one is kept, or less if the upstream says so (Keep-Alive: timeout); 0 means DefaultIdleTimeout.
	IdleTimeout time.Duration
	// MaxHead bounds the head of an answer, and its trailers, in bytes; 0 means DefaultMaxHead.
	MaxHead int
	// MaxAnswer bounds the body of an answer, both as it comes and decoded, in bytes; 0 means DefaultMaxAnswer.
	MaxAnswer int64
	// Dial makes a connection; nil means that of net.Dialer. It should return when ctx ends: until it does, a goroutine waits for it. Connections
	// other than *net.TCPConn and *net.UnixConn work but cost more: a goroutine for each write, and a wait of 0.1 ms before a kept one is used.
	Dial func(ctx context.Context, network, address string) (net.Conn, error)
}

// The settings of a client that says nothing else.
const (
	DefaultDialTimeout = 10 * time.Second
	DefaultMaxIdle     = 256
	DefaultIdleTimeout = 90 * time.Second
	DefaultMaxHead     = 64 << 10
	DefaultMaxAnswer   = 32 << 20
)

// Client keeps the connections to one upstream. It is safe for concurrent use.
type Client struct {
	address  string
	settings Settings

	mu     sync.Mutex
	idle   []*conn // the last used at the end: the fewest stay open, and those are the least likely to be closed by the peer
	sweeps time.Time
	sweep  *time.Timer // runs at sweeps; sweeps is zero while it does not
	closed bool
}

// New makes a client for the upstream at address, which is host:port.
func New(address string, s Settings) *Client {
	if s.DialTimeout == 0 {
		s.DialTimeout = DefaultDialTimeout
	}
	if s.MaxIdle == 0 {
		s.MaxIdle = DefaultMaxIdle
	}
	if s.IdleTimeout == 0 {
		s.IdleTimeout = DefaultIdleTimeout
	}
	if s.MaxHead == 0 {
		s.MaxHead = DefaultMaxHead
	}
	if s.MaxAnswer == 0 {
		s.MaxAnswer = DefaultMaxAnswer
	}
	s.MaxAnswer = min(s.MaxAnswer, math.MaxInt>>1) // sums with it must not overflow
	if s.Dial == nil {
		s.Dial = new(net.Dialer).DialContext
	}
	return &Client{address: address, settings: s}
}

// Idle is the number of connections kept for later.
func (c *Client) Idle() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.idle)
}

// CloseIdle closes the connections that no exchange uses.
func (c *Client) CloseIdle() {
	c.mu.Lock()
	idle := c.idle
	c.idle = nil
	c.mu.Unlock()
	closeAll(idle)
}

// Close closes the connections that no exchange uses, and the others when theirs is finished. Exchanges started later work; their connections
// are not kept.
func (c *Client) Close() {
	c.mu.Lock()
	c.closed = true
	if c.sweep != nil {
		c.sweep.Stop()
	}
	c.mu.Unlock()
	c.CloseIdle()
}

func closeAll(idle []*conn) {
	for _, k := range idle {
		k.close()
	}
}

// take returns the idle connection used last that is fit for a request, nil if there is none. Those found unfit are closed.
func (c *Client) take(now time.Time) *conn {
	for {
		c.mu.Lock()
		last := len(c.idle) - 1
		if last < 0 {
			c.mu.Unlock()
			return nil
		}
		k := c.idle[last]
		c.idle[last] = nil
		c.idle = c.idle[:last]
		c.mu.Unlock()
		if now.Before(k.expires) && k.fit() {
			return k
		}
		k.close()
	}
}

// put keeps a connection for later, for at most keep.
func (c *Client) put(k *conn, keep time.Duration) {
	k.reused = true
	k.expires = time.Now().Add(keep)
	c.mu.Lock()
	if c.closed || len(c.idle) >= c.settings.MaxIdle {
		c.mu.Unlock()
		k.close()
		return
	}
	c.idle = append(c.idle, k)
	if c.sweeps.IsZero() || k.expires.Before(c.sweeps) {
		c.sweepAt(k.expires, keep)
	}
	c.mu.Unlock()
}

// sweepAt sets the timer that closes what nobody took in time. c.mu is held.
func (c *Client) sweepAt(at time.Time, in time.Duration) {
	c.sweeps = at
	if c.sweep == nil {
		c.sweep = time.AfterFunc(in, c.expire)
	} else {
		c.sweep.Reset(in)
	}
}

// expire closes the connections whose time is over.
func (c *Client) expire() {
	now := time.Now()
	var over []*conn
	c.mu.Lock()
	kept := c.idle[:0]
	var next time.Time
	for _, k := range c.idle {
		if !now.Before(k.expires) {
			over = append(over, k)
			continue
		}
		kept = append(kept, k)
		if next.IsZero() || k.expires.Before(next) {
			next = k.expires
		}
	}
	clear(c.idle[len(kept):])
	c.idle = kept
	c.sweeps = time.Time{}
	if len(kept) > 0 {
		c.sweepAt(next, next.Sub(now))
	}
	c.mu.Unlock()
	closeAll(over)
}
