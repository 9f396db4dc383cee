package execute

import (
	"context"
	"sync"
	"time"

	"github.com/vektah/gqlparser/v2/ast"

	"callboard.dev/callboard/gateway/execute/http1"
)

// patience is how long the goroutine of a request waits for one answer while another might come first and let something start. After that each
// answer gets a goroutine of its own to wait for it, which costs more than the waiting of fast subgraphs does.
const patience = time.Millisecond

// fetches runs every fetch of the plan. What plain HTTP/1.1 reaches is sent from this goroutine, all that is ready before any answer is awaited;
// other subgraphs are called on goroutines of their own.
func (r *run) fetches() {
	for len(r.sents) < len(r.plan.Fetches) {
		r.sents = append(r.sents, &sent{})
	}
	r.ready, r.pending, r.running = r.ready[:0], r.pending[:0], 0
	for i, f := range r.plan.Fetches {
		s := r.sents[i]
		s.fetch, s.waiting = f, len(f.After)
		if s.waiting == 0 {
			r.ready = append(r.ready, i)
		}
	}
	for {
		for n := 0; n < len(r.ready); n++ { // what is left out may let others start
			r.start(r.sents[r.ready[n]])
		}
		r.ready = r.ready[:0]
		switch {
		case len(r.pending) == 0 && r.running == 0:
			return
		case r.running == 0 && (len(r.pending) == 1 || r.together()):
			r.finish(r.sents[r.pending[0]])
		default:
			r.await()
		}
	}
}

// start asks for a fetch, or leaves it out where no object wants it.
func (r *run) start(s *sent) {
	if r.event != nil && s.fetch.Kind == ast.Subscription {
		r.happened(s)
		return
	}
	if !r.prepare(s) {
		r.complete(s)
		return
	}
	s.state = stateFlying
	subgraph := r.executor.Subgraphs[s.fetch.Subgraph]
	if s.err == nil && subgraph == nil {
		s.err = &FetchError{Code: CodeUnreachable, Reason: "no address is known for it"}
	}
	if s.err == nil && r.ctx.Err() != nil {
		s.err = contextError(r.ctx.Err())
	}
	if s.err != nil {
		r.receive(s)
		r.complete(s)
		return
	}
	if over, ok := subgraph.(*HTTP); ok && over.start(r, s) {
		r.pending = append(r.pending, s.fetch.ID)
		return
	}
	if r.quota == nil {
		r.quota = NewQuota(r.executor.MaxValues)
	}
	s.request.Quota = r.quota
	ctx, request := r.ctx, &s.request
	r.beside(s, func() (*Answer, error) { return Call(ctx, subgraph, request) })
}

// Call asks a subgraph, and contains a panic of one in this process to its own fetch.
func Call(ctx context.Context, subgraph Subgraph, request *Request) (answer *Answer, err error) {
	defer func() {
		if p := recover(); p != nil {
			answer, err = nil, &FetchError{Code: CodeInternal, Reason: "it failed unexpectedly", Panic: p}
		}
	}()
	if answer, err = subgraph.Fetch(ctx, request); answer == nil && err == nil {
		err = &FetchError{Code: CodeInternal, Reason: "it gave no answer"}
	}
	return answer, err
}

// outcome is what came of a fetch on a goroutine of its own.
type outcome struct {
	sent   *sent
	answer *Answer
	err    error
}

// beside has a fetch done on another goroutine.
func (r *run) beside(s *sent, work func() (*Answer, error)) {
	if r.done == nil {
		r.done = make(chan outcome, len(r.plan.Fetches))
	}
	r.running++
	done := r.done
	go func() {
		answer, err := work()
		done <- outcome{s, answer, err}
	}()
}

// together tells whether it is all the same in which order the answers under way come: no fetch can start before all of them are there.
func (r *run) together() bool {
	for i, f := range r.plan.Fetches {
		s := r.sents[i]
		if s.state != stateWaiting || s.waiting >= len(r.pending) {
			continue
		}
		soon := true
		for _, before := range f.After {
			soon = soon && r.sents[before].state != stateWaiting
		}
		if soon {
			return false
		}
	}
	return true
}

// finish reads the answer of the exchange that was started first.
func (r *run) finish(s *sent) {
	r.pending = append(r.pending[:0], r.pending[1:]...)
	s.answer, s.err = s.over.finish(r.ctx, s)
	r.receive(s)
	r.complete(s)
}

// await receives whichever answer comes next.
func (r *run) await() {
	if r.running == 0 {
		s := r.sents[r.pending[0]]
		if arrived, err := s.exchange.Arrived(time.Now().Add(patience)); arrived || err != nil {
			r.finish(s)
			return
		}
	}
	ctx := r.ctx
	for _, i := range r.pending {
		s := r.sents[i]
		r.beside(s, func() (*Answer, error) { return s.over.finish(ctx, s) })
	}
	r.pending = r.pending[:0]
	select {
	case o := <-r.done:
		r.arrived(o)
		return
	case <-ctx.Done():
	}
	grace := time.NewTimer(stopGrace)
	defer grace.Stop()
	for r.running > 0 {
		select {
		case o := <-r.done:
			r.arrived(o)
		case <-grace.C:
			r.abandon()
		}
	}
}

// stopGrace is how long a subgraph may go on after the end of its context before its answer is not waited for any longer.
const stopGrace = 500 * time.Millisecond

func (r *run) arrived(o outcome) {
	r.running--
	o.sent.answer, o.sent.err = o.answer, o.err
	r.receive(o.sent)
	r.complete(o.sent)
}

// abandon gives up the fetches that go on although their context has ended. Their memory stays theirs.
func (r *run) abandon() {
	r.abandoned = true
	for i, f := range r.plan.Fetches {
		if s := r.sents[i]; s.state == stateFlying {
			r.running--
			lost := &sent{fetch: f, lists: s.lists, err: contextError(r.ctx.Err())}
			r.sents[i] = lost
			r.receive(lost)
			r.complete(lost)
		}
	}
}

// complete lets those start that wait for the fetch.
func (r *run) complete(s *sent) {
	s.state = stateDone
	for _, later := range s.fetch.Before {
		if l := r.sents[later]; l.waiting == 1 {
			l.waiting = 0
			r.ready = append(r.ready, later)
		} else {
			l.waiting--
		}
	}
}

// flights ends the exchanges of a run when its context ends.
type flights struct {
	mu      sync.Mutex
	tickets []http1.Ticket
	over    bool
	stop    func() bool
}

// add ties an exchange to the context.
func (f *flights) add(ctx context.Context, ticket http1.Ticket) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.stop == nil {
		f.stop = context.AfterFunc(ctx, f.abort)
	}
	f.tickets = append(f.tickets, ticket)
	if f.over {
		go ticket.Abort()
	}
}

func (f *flights) abort() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.over = true
	for _, ticket := range f.tickets {
		ticket.Abort()
	}
}

// end unties what is left. It is false where the context has ended, and something may still be ending exchanges.
func (f *flights) end() bool {
	if f.stop != nil && !f.stop() {
		return false
	}
	clear(f.tickets)
	f.tickets, f.stop = f.tickets[:0], nil
	return true
}
