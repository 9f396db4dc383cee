package server

import (
	"context"
	"crypto/sha256"
	"io"
	"net/http"
	"slices"
	"sync"
	"sync/atomic"

	"callboard.dev/callboard/gateway/execute"
)

// shares are the executions of one prepared query that are under way, which requests for the same may join. Two requests are the same if their
// bodies are, to the byte, and all the headers that some subgraph is sent. Mutations are never shared.
type shares struct {
	mu     sync.Mutex
	flying map[string]*flight // by the values of those headers
}

// flight is an execution that several requests wait for.
type flight struct {
	writes   uint64        // mutations that had begun or ended before: later ones may have changed the answer
	done     chan struct{} // closed when response is there
	response *Response     // nil after a panic
	waiting  int           // requests that want the answer; at 0 it is given up. Guarded by shares.mu
	headless bool          // the request that began it wants it no longer, but gets it all the same. Guarded by shares.mu
	reading  atomic.Int64  // requests that have not written the body yet
	cancel   context.CancelFunc
}

// share has a query executed for the request, or joins an execution that is under way. It returns when ctx ends, with nil if there is no response by then.
// The execution goes on for as long as any request waits for it.
func (p *prepared) share(ctx context.Context, headers string, execute func(ctx context.Context) *Response) *Response {
	writes := p.graph.writes.Load()
	p.shares.mu.Lock()
	if f := p.shares.flying[headers]; f != nil && f.writes == writes && f.waiting > 0 {
		f.waiting++
		p.shares.mu.Unlock()
		p.graph.joined()
		select {
		case <-f.done:
			return f.response
		case <-ctx.Done():
			p.leave(f)
			return nil
		}
	}
	f := &flight{writes: writes, done: make(chan struct{}), waiting: 1}
	if p.shares.flying == nil {
		p.shares.flying = map[string]*flight{}
	}
	p.shares.flying[headers] = f
	p.shares.mu.Unlock()

	own := context.WithoutCancel(ctx)
	if deadline, ok := ctx.Deadline(); ok {
		own, f.cancel = context.WithDeadline(own, deadline)
	} else {
		own, f.cancel = context.WithCancel(own)
	}
	defer f.cancel()
	defer p.land(headers, f)
	stop := context.AfterFunc(ctx, func() { p.behead(f) })
	defer stop()
	response := execute(own)
	response.flight = f
	f.response = response
	return response
}

// land ends a flight: nobody joins it from now on, and those who did get the response.
func (p *prepared) land(headers string, f *flight) {
	p.shares.mu.Lock()
	if p.shares.flying[headers] == f {
		delete(p.shares.flying, headers)
	}
	readers := f.waiting
	if f.headless {
		readers++
	}
	f.reading.Store(int64(readers))
	p.shares.mu.Unlock()
	close(f.done)
}

// behead is for the request that began the flight, when it waits no longer.
func (p *prepared) behead(f *flight) {
	p.shares.mu.Lock()
	f.headless = true
	p.shares.mu.Unlock()
	p.leave(f)
}

// leave is for a request that waits no longer. An execution that nobody waits for is given up.
func (p *prepared) leave(f *flight) {
	p.shares.mu.Lock()
	f.waiting--
	last := f.waiting == 0
	p.shares.mu.Unlock()
	if last {
		f.cancel()
	}
}

// sharedHeaders returns a key for the values of the headers that decide an answer: those that some subgraph is sent, and the one that asks for sources. Among
// them are credentials, so the key is a digest.
func (g *Graph) sharedHeaders(header http.Header) string {
	key := ""
	if asksForSources(header) {
		key = "sources "
	}
	if len(g.forwarded) == 0 {
		return key
	}
	h := sha256.New()
	for _, name := range g.forwarded {
		for _, value := range header[name] {
			_, _ = io.WriteString(h, value+"\n") // which no value has
		}
		_, _ = h.Write([]byte{0})
	}
	return key + string(h.Sum(nil))
}

// forwardedBy returns the canonical names of the client's headers that the subgraphs are sent, sorted. It is false where that is not known of all of
// them, or where something else about a request may change its answer: then nothing is shared.
func forwardedBy(subgraphs map[string]execute.Subgraph, settings GraphSettings) (names []string, known bool) {
	for _, subgraph := range subgraphs {
		s, ok := subgraph.(interface{ Forwards() []string })
		if !ok {
			return nil, false
		}
		for _, name := range s.Forwards() {
			names = append(names, http.CanonicalHeaderKey(name))
		}
	}
	slices.Sort(names)
	return slices.Compact(names), settings.Label == nil
}
