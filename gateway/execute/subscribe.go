package execute

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/vektah/gqlparser/v2/ast"

	"callboard.dev/callboard/gateway/plan"
)

// Streamer is a Subgraph that can answer a fetch again and again: that of the root field of a subscription.
type Streamer interface {
	// Stream begins. It ends with ctx, or when it is closed. The request is good until then.
	Stream(ctx context.Context, r *Request) (Stream, error)
}

// Stream is the answers to one fetch, one for each event. It is used by one goroutine.
type Stream interface {
	// Next waits for the next answer, which is good until Next is called again. io.EOF says that the subgraph has ended the stream; after any error
	// there are no more.
	Next() (*Answer, error)
	Close()
}

// Subscription is a subscription that runs. It is used by one goroutine. Close it after use.
type Subscription struct {
	executor *Executor
	ctx      context.Context
	stop     context.CancelFunc
	plan     *plan.Plan
	in       Input
	stream   Stream
	failure  error // why there is no stream
	over     bool
}

// Subscribe begins the subscription of a plan. Where that fails, the only response says why.
func (e *Executor) Subscribe(ctx context.Context, p *plan.Plan, in Input) *Subscription {
	s := &Subscription{executor: e, plan: p, in: in}
	s.ctx, s.stop = context.WithCancel(ctx)
	s.stream, s.failure = s.begin()
	return s
}

// trigger returns the fetch that brings the events, nil where there is none.
func trigger(p *plan.Plan) *plan.Fetch {
	for _, f := range p.Fetches {
		if f.Kind == ast.Subscription {
			return f
		}
	}
	return nil
}

func (s *Subscription) begin() (stream Stream, err error) {
	f := trigger(s.plan)
	if f == nil {
		return nil, &FetchError{Code: CodeInternal, Reason: "the subscription asks for nothing"}
	}
	subgraph := s.executor.Subgraphs[f.Subgraph]
	if subgraph == nil {
		return nil, &FetchError{Code: CodeUnreachable, Reason: "no address is known for it"}
	}
	streamer, ok := subgraph.(Streamer)
	if !ok {
		return nil, &FetchError{Code: CodeUnreachable, Reason: "it is reached in a way that has no subscriptions"}
	}
	request := &Request{Fetch: f, Text: f.Text, Prefix: f.Prefix, Variables: variablesOf(f, s.in), Header: s.in.Header, Quota: NewQuota(s.executor.MaxValues), Sources: s.in.Sources}
	defer func() {
		if what := recover(); what != nil {
			stream, err = nil, &FetchError{Code: CodeInternal, Reason: "it failed unexpectedly", Panic: what}
		}
	}()
	return streamer.Stream(s.ctx, request)
}

// variablesOf returns the variables of a fetch of root fields.
func variablesOf(f *plan.Fetch, in Input) []byte {
	one := &sent{}
	for _, name := range f.Variables {
		if value, given := in.Variables[name]; given {
			one.member(name)
			one.body = append(one.body, value...)
		}
	}
	if len(one.body) > 0 {
		one.body = append(one.body, '}')
	}
	return one.body
}

// Next waits for the next event and returns the response to it, for which all other subgraphs are asked anew. It is false where there are no more. A stream
// that breaks has a last response that says so. The event is answered within the time of ctx.
func (s *Subscription) Next(ctx func() (context.Context, context.CancelFunc)) (Response, bool) {
	if s.over {
		return Response{}, false
	}
	var event outcome
	if s.failure != nil {
		event.err, s.over = s.failure, true
	} else if event.answer, event.err = s.next(); event.err != nil {
		s.over = true
		if errors.Is(event.err, io.EOF) || s.ctx.Err() != nil {
			return Response{}, false
		}
	}
	within, cancel := ctx()
	defer cancel()
	return s.executor.execute(within, s.plan, s.in, &event), true
}

func (s *Subscription) next() (answer *Answer, err error) {
	defer func() {
		if what := recover(); what != nil {
			answer, err = nil, &FetchError{Code: CodeInternal, Reason: "it failed unexpectedly", Panic: what}
		}
	}()
	if answer, err = s.stream.Next(); answer == nil && err == nil {
		err = &FetchError{Code: CodeInternal, Reason: "it gave no answer"}
	}
	return answer, err
}

// Close ends the subscription.
func (s *Subscription) Close() {
	s.over = true
	if s.stream != nil {
		s.stream.Close()
	}
	s.stop()
}

// happened puts the answer to the trigger into the tree, in place of asking for it.
func (r *run) happened(s *sent) {
	r.prepare(s)
	s.answer, s.err = r.event.answer, r.event.err
	r.receive(s)
	r.complete(s)
}

// errBroken is how a stream ends that its subgraph did not end.
func errBroken(cause error) *FetchError {
	return &FetchError{Code: CodeUnreachable, Reason: "the subscription broke off", Cause: fmt.Errorf("stream: %w", cause)}
}
