package redistest

import (
	"bytes"
	"net"
	"sync"
	"sync/atomic"
	"testing"
)

// Proxy stands between a client and a server, counts round trips, and can make the server look slow or mad.
type Proxy struct {
	Address string

	server string
	turns  atomic.Int64
	answer atomic.Pointer[func(said []byte) []byte]

	mu     sync.Mutex
	free   chan struct{} // closed while answers pass
	open   map[net.Conn]bool
	closed bool
}

// Between starts a proxy before the server.
func Between(t testing.TB, s *Server) *Proxy {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p := &Proxy{Address: l.Addr().String(), server: s.Address, free: make(chan struct{}), open: map[net.Conn]bool{}}
	close(p.free)
	t.Cleanup(func() {
		_ = l.Close()
		p.Free()
		p.mu.Lock()
		defer p.mu.Unlock()
		p.closed = true
		for c := range p.open {
			_ = c.Close()
		}
	})
	go func() {
		for {
			client, err := l.Accept()
			if err != nil {
				return
			}
			go p.serve(client)
		}
	}()
	return p
}

// Turns is how often a client has said something after the server had, on connections that are not subscribed: round trips, begun ones included.
func (p *Proxy) Turns() int64 { return p.turns.Load() }

// Hold keeps back what the server says from now on, until Free.
func (p *Proxy) Hold() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.free = make(chan struct{})
}

// Free lets pass what is kept back, and what comes.
func (p *Proxy) Free() {
	p.mu.Lock()
	defer p.mu.Unlock()
	select {
	case <-p.free:
	default:
		close(p.free)
	}
}

// Say has f turn everything the server says into what the client hears; nil for what it is.
func (p *Proxy) Say(f func(said []byte) []byte) {
	if f == nil {
		p.answer.Store(nil)
		return
	}
	p.answer.Store(&f)
}

// add takes down a connection, and reports whether it may be used.
func (p *Proxy) add(c net.Conn) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.open[c] = true
	return !p.closed
}

func (p *Proxy) remove(c net.Conn) {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.open, c)
	_ = c.Close()
}

func (p *Proxy) serve(client net.Conn) {
	defer p.remove(client)
	if !p.add(client) {
		return
	}
	server, err := net.Dial("tcp", p.server)
	if err != nil {
		return
	}
	defer p.remove(server)
	if !p.add(server) {
		return
	}
	var answered atomic.Bool
	answered.Store(true)
	go func() {
		defer client.Close()
		for buffer := make([]byte, 64<<10); ; {
			n, err := server.Read(buffer)
			if err != nil {
				return
			}
			p.mu.Lock()
			free := p.free
			p.mu.Unlock()
			<-free
			said := buffer[:n]
			if f := p.answer.Load(); f != nil {
				said = (*f)(said)
			}
			answered.Store(true)
			if _, err := client.Write(said); err != nil {
				return
			}
		}
	}()
	subscribed := false
	for buffer := make([]byte, 64<<10); ; {
		n, err := client.Read(buffer)
		if err != nil {
			return
		}
		subscribed = subscribed || bytes.Contains(bytes.ToLower(buffer[:n]), []byte("subscribe"))
		if answered.Swap(false) && !subscribed {
			p.turns.Add(1)
		}
		if _, err := server.Write(buffer[:n]); err != nil {
			return
		}
	}
}
