package clients

import (
	"context"
	"sync/atomic"
	"time"

	"callboard.dev/callboard/clients/cache"
)

// call is what a caller said, through the context, about the requests made with it. It is never changed once it is in a context.
type call struct {
	route    string
	kind     string
	tags     []string
	resource string
	cost     int
	safe     bool
	streamed bool
	outcome  *Outcome
	part     bool // of a request that is counted, and has an outcome, by itself
}

type callKey struct{}

func callOf(ctx context.Context) call {
	c, _ := ctx.Value(callKey{}).(*call)
	if c == nil {
		return call{}
	}
	return *c
}

func withCall(ctx context.Context, c call) context.Context {
	return context.WithValue(ctx, callKey{}, &c)
}

// within returns a context for what is asked on behalf of a call. A cache may ask long after the call is over, with a context of its own.
func within(ctx context.Context, c call) context.Context {
	c.outcome, c.part = nil, true
	return withCall(ctx, c)
}

// WithRoute names the route of the calls made with the context, such as "GET /repos/{owner}/{name}". It stands for the address in spans,
// metrics and logs, which never see the address itself.
func WithRoute(ctx context.Context, route string) context.Context {
	c := callOf(ctx)
	c.route = route
	return withCall(ctx, c)
}

// WithCost says which budget of the vendor a call is charged to, such as "graphql", and with how many points. Where it is not said, the
// vendor's own rule for the address decides, and a call costs one point.
func WithCost(ctx context.Context, resource string, points int) context.Context {
	c := callOf(ctx)
	c.resource, c.cost = resource, points
	return withCall(ctx, c)
}

// WithKind lets GET requests made with the context be answered from the cache, by the source's policy for the kind of value. The tags are
// those by which cache.Cache.Invalidate finds the answer.
func WithKind(ctx context.Context, kind string, tags ...string) context.Context {
	c := callOf(ctx)
	c.kind, c.tags = kind, tags
	return withCall(ctx, c)
}

// WithSafe says that the requests made with the context change nothing, whatever their method: a GraphQL query is a POST that may be sent
// again when an attempt fails.
func WithSafe(ctx context.Context) context.Context {
	c := callOf(ctx)
	c.safe = true
	return withCall(ctx, c)
}

// WithStream hands on the body of an answer as it comes, for logs and archives. Such answers are not remembered and not shared, what
// breaks off is not asked for again, and the body must be closed: until then it holds one of the source's places. It is bounded by
// Settings.MaxStream.
func WithStream(ctx context.Context) context.Context {
	c := callOf(ctx)
	c.streamed = true
	return withCall(ctx, c)
}

// Outcome says where an answer came from and how old it is.
type Outcome struct {
	State cache.State
	At    time.Time // when the source said it, or last said that it still holds; zero where State is cache.Failed
	Err   error     // why it is stale or failed
}

// WithOutcome makes the outcome of the next call be written to o before that call returns. It serves one call at a time.
func WithOutcome(ctx context.Context, o *Outcome) context.Context {
	c := callOf(ctx)
	c.outcome = o
	return withCall(ctx, c)
}

// passage is what the links know of one request: whose credential it goes with and how often it was tried.
type passage struct {
	scope    cache.Scope
	attempts atomic.Int32
}

type passageKey struct{}

// withPassage returns the context's passage, and the context with one where it has none.
func withPassage(ctx context.Context) (context.Context, *passage) {
	p, _ := ctx.Value(passageKey{}).(*passage)
	if p == nil {
		p = new(passage)
		ctx = context.WithValue(ctx, passageKey{}, p)
	}
	return ctx, p
}

// passageOf returns the request's passage; links that are tested alone have none.
func passageOf(ctx context.Context) *passage {
	p, _ := ctx.Value(passageKey{}).(*passage)
	if p == nil {
		return new(passage)
	}
	return p
}
