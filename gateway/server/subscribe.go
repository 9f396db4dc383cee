package server

import (
	"context"

	"github.com/vektah/gqlparser/v2/ast"

	"callboard.dev/callboard/gateway/execute"
)

// Streamer is an Executor that has subscriptions.
type Streamer interface {
	// Stream begins what the request asks for, which ends with ctx. A subscription has events; of anything else, and of what is refused, there is one
	// response and no events. within makes the context of a step that is to be done in the time that a request has.
	Stream(ctx context.Context, r *Request, within func(context.Context) (context.Context, context.CancelFunc)) (Events, *Response)
}

// Events are the responses of a subscription. They are used by one goroutine, and closed after use.
type Events interface {
	// Next waits for the next one, nil where there are no more.
	Next() *Response
	Close()
}

// Stream answers the request with the graph that is current, also to the end of a subscription.
func (e *Engine) Stream(ctx context.Context, r *Request, within func(context.Context) (context.Context, context.CancelFunc)) (Events, *Response) {
	return e.Graph().Stream(ctx, r, within)
}

// Stream is the life of a subscription: prepare, plan, and run for each event.
func (g *Graph) Stream(ctx context.Context, r *Request, within func(context.Context) (context.Context, context.CancelFunc)) (Events, *Response) {
	short, cancel := within(ctx)
	defer cancel()
	if r.prepared != nil { // subscriptions never are
		return nil, r.prepared.graph.run(short, r, r.prepared)
	}
	p, refused := g.planned(short, r, true)
	if refused != nil {
		return nil, refused
	}
	if p.kind != ast.Subscription {
		return nil, g.answer(short, r, p)
	}
	sources := p.sources || asksForSources(r.Header)
	subscription := g.executor.Subscribe(ctx, p.plan, execute.Input{Variables: p.variables, Header: r.Header, Sources: sources})
	return &events{subscription, func() (context.Context, context.CancelFunc) { return within(ctx) }}, nil
}

type events struct {
	subscription *execute.Subscription
	within       func() (context.Context, context.CancelFunc)
}

func (e *events) Next() *Response {
	executed, more := e.subscription.Next(e.within)
	if !more {
		return nil
	}
	return &Response{Body: executed.Body, Executed: true, executed: executed}
}

func (e *events) Close() { e.subscription.Close() }
