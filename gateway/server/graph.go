package server

import (
	"bytes"
	"context"
	"encoding/json"
	"strings"
	"sync/atomic"

	"github.com/maypok86/otter/v2"
	"github.com/vektah/gqlparser/v2/ast"

	"callboard.dev/callboard/gateway/execute"
	"callboard.dev/callboard/gateway/introspection"
	"callboard.dev/callboard/gateway/operation"
	"callboard.dev/callboard/gateway/plan"
	"callboard.dev/callboard/gateway/supergraph"
)

// Engine answers requests with the graph that is current when they arrive. Swapping in another graph drops nothing: requests in flight keep
// theirs.
type Engine struct {
	current atomic.Pointer[Graph]
}

// NewEngine returns an engine that answers with the graph.
func NewEngine(g *Graph) *Engine {
	e := &Engine{}
	e.Swap(g)
	return e
}

// Swap makes the graph current.
func (e *Engine) Swap(g *Graph) { e.current.Store(g) }

// Graph returns the current graph.
func (e *Engine) Graph() *Graph { return e.current.Load() }

// Execute answers the request.
func (e *Engine) Execute(ctx context.Context, r *Request) *Response {
	if r.prepared != nil {
		return r.prepared.graph.run(ctx, r, r.prepared)
	}
	return e.Graph().Execute(ctx, r)
}

// known returns what was prepared for the body of a request, nil where it was not.
func (e *Engine) known(body []byte) *prepared { return e.Graph().repeated.find(body) }

// Graph is everything that follows from one supergraph: its schema, planner, plans and subgraphs. It is immutable but for its caches.
type Graph struct {
	Supergraph *supergraph.Supergraph

	settings  GraphSettings
	executor  *execute.Executor
	documents *otter.Cache[string, *operation.Document]
	plans     *otter.Cache[planKey, *plan.Plan]
	percent   map[string]float64 // by label: the part of the requests it is on for
	planning  *planning
	repeated  *repeated
	forwarded []string // names of the client's headers that subgraphs are sent
	share     bool
	writes    atomic.Uint64 // mutations that began, and those that ended
}

// GraphSettings are what a graph can be told. The zero value is safe for use by anybody.
type GraphSettings struct {
	Limits        operation.Limits
	PlanBudget    int             // planning steps for one operation; 0 means plan.DefaultBudget
	MaxValues     int             // fields that subgraphs in this process resolve for one operation; 0 means execute.DefaultMaxValues
	Introspection bool            // whether clients may ask for the schema
	Expose        map[string]bool // subgraphs whose error messages clients may see
	// Label decides for a request which labels of progressive overrides are on. nil is by their names: percent(x) is on for x percent of the requests,
	// others are on if they are in Labels.
	Label   func(ctx context.Context, r *Request, label string) bool
	Labels  map[string]bool
	Observe execute.Observer
	// Share is whether requests that are the same, and come while one of them is being executed, share its answer.
	Share bool
	// Joined is told about each request that shared another's answer; nil where nobody wants to know.
	Joined func()
}

// planKey is everything that decides a plan.
type planKey struct {
	text    string
	name    string // the operation's
	decided string // conditions and labels, in order: 1 or 0 each
}

// How much memory the caches of a graph may take, in bytes.
const (
	documentCacheBytes   = 16 << 20
	documentBytesPerByte = 26 // a parsed operation, for each byte of its text
	planCacheBytes       = 32 << 20
	entryBytes           = 1 << 10 // counted for an entry beside what is in it
)

// NewGraph returns a graph over the supergraph whose subgraphs, by name, are given. One that is missing fails its own fields only.
func NewGraph(s *supergraph.Supergraph, subgraphs map[string]execute.Subgraph, settings GraphSettings) *Graph {
	all := map[string]execute.Subgraph{supergraph.IntrospectionName: &introspection.Subgraph{Schema: s.API}}
	for name, subgraph := range subgraphs {
		all[name] = subgraph
	}
	forwarded, known := forwardedBy(all, settings)
	return &Graph{
		Supergraph: s,
		planning:   newPlanning(s, settings.PlanBudget),
		repeated:   newRepeated(),
		forwarded:  forwarded,
		share:      settings.Share && known,
		settings:   settings,
		percent:    percentages(s),
		executor:   &execute.Executor{Subgraphs: all, Expose: settings.Expose, MaxValues: settings.MaxValues, Observe: settings.Observe},
		documents: otter.Must(&otter.Options[string, *operation.Document]{
			MaximumWeight: documentCacheBytes,
			Weigher: func(text string, _ *operation.Document) uint32 {
				return uint32(documentBytesPerByte*len(text) + entryBytes)
			},
		}),
		plans: otter.Must(&otter.Options[planKey, *plan.Plan]{
			MaximumWeight: planCacheBytes,
			Weigher:       func(key planKey, p *plan.Plan) uint32 { return uint32(len(key.text) + p.Size() + entryBytes) },
		}),
	}
}

// Execute is the life of a query: prepare, plan, run.
func (g *Graph) Execute(ctx context.Context, r *Request) *Response {
	p, refused := g.planned(ctx, r, false)
	if refused != nil {
		return refused
	}
	return g.answer(ctx, r, p)
}

// planned prepares and plans a request, or says why it is refused.
func (g *Graph) planned(ctx context.Context, r *Request, streams bool) (*preparing, *Response) {
	p, errs := g.prepare(r)
	if errs == nil {
		errs = g.permit(p, r, streams)
	}
	if errs == nil {
		p.plan, errs = g.plan(ctx, r, p)
	}
	if errs == nil && !g.settings.Introspection && asksForSchema(p.plan) {
		errs = operation.Failure("INTROSPECTION_DISABLED", "introspection is switched off here")
	}
	if errs != nil {
		response := failure(errs)
		response.NotAllowed = p != nil && p.kind == ast.Mutation && r.ReadOnly
		return nil, response
	}
	return p, nil
}

// answer runs what is planned, once.
func (g *Graph) answer(ctx context.Context, r *Request, p *preparing) *Response {
	if r.body != nil && len(g.Supergraph.Labels) == 0 { // labels may be decided otherwise the next time
		g.repeated.add(r.body, p.prepared)
	}
	return g.run(ctx, r, p.prepared)
}

// permit refuses what this endpoint does not do.
func (g *Graph) permit(p *preparing, r *Request, streams bool) operation.Errors {
	switch {
	case p.kind == ast.Mutation && r.ReadOnly:
		return operation.Failure("METHOD_NOT_ALLOWED", "a mutation must be sent with POST")
	case p.kind == ast.Subscription && !streams:
		return subscriptionsStream()
	}
	return nil
}

// subscriptionsStream refuses a subscription from a client that takes one answer.
func subscriptionsStream() operation.Errors {
	return operation.Failure("SUBSCRIPTIONS_NOT_SUPPORTED", "a subscription is answered with a stream: accept text/event-stream or multipart/mixed, or use a WebSocket with graphql-transport-ws")
}

// run executes what was prepared. A query shares the execution of one that is the same.
func (g *Graph) run(ctx context.Context, r *Request, p *prepared) *Response {
	execute := func(ctx context.Context) *Response {
		sources := p.sources || asksForSources(r.Header)
		executed := g.executor.Execute(ctx, p.plan, execute.Input{Variables: p.variables, Header: r.Header, Sources: sources})
		response := &Response{Body: executed.Body, Executed: true, executed: executed}
		if p.kind == ast.Query && !sources && g.settings.Label == nil { // a header decides what HTTP caches do not know of
			response.Fresh = executed.Fresh
		}
		return response
	}
	if p.kind == ast.Mutation {
		g.writes.Add(1)
		defer g.writes.Add(1)
		return execute(ctx)
	}
	if !g.share || r.prepared == nil {
		return execute(ctx)
	}
	response := p.share(ctx, g.sharedHeaders(r.Header), execute)
	if response == nil {
		return failure(operation.Failure(CodeCancelled, "the request ended before it was answered"))
	}
	return response
}

// joined notes a request that shares another's answer.
func (g *Graph) joined() {
	if g.settings.Joined != nil {
		g.settings.Joined()
	}
}

// preparing is a request on its way to prepared, which is apart so that keeping it does not keep the document too.
type preparing struct {
	*prepared
	document *operation.Document
}

func (g *Graph) prepare(r *Request) (*preparing, operation.Errors) {
	if strings.TrimSpace(r.Query) == "" {
		return nil, operation.Failure("BAD_REQUEST", "the request has no query")
	}
	document, known := g.documents.GetIfPresent(r.Query)
	if !known {
		var errs operation.Errors
		if document, errs = operation.Parse(g.Supergraph.API, r.Query, g.settings.Limits); errs != nil {
			return nil, errs
		}
		g.documents.Set(r.Query, document)
	}
	kind, errs := document.Kind(r.OperationName)
	if errs != nil {
		return nil, errs
	}
	variables, errs := document.Coerce(r.OperationName, r.Variables)
	if errs != nil {
		return nil, errs
	}
	return &preparing{&prepared{graph: g, name: r.OperationName, kind: kind, variables: variables, sources: wantsSources(r.Extensions)}, document}, nil
}

// Explain returns the text of the plan for a request, without running it.
func (g *Graph) Explain(ctx context.Context, r *Request) (string, operation.Errors) {
	prepared, errs := g.prepare(r)
	if errs != nil {
		return "", errs
	}
	p, errs := g.plan(ctx, r, prepared)
	if errs != nil {
		return "", errs
	}
	return p.String(), nil
}

func asksForSchema(p *plan.Plan) bool {
	for _, f := range p.Fetches {
		if f.Subgraph == supergraph.IntrospectionName {
			return true
		}
	}
	return false
}

// failure is the response to a request that was not executed.
func failure(errs operation.Errors) *Response {
	var out bytes.Buffer
	encoder := json.NewEncoder(&out)
	if err := encoder.Encode(map[string]any{"errors": errs}); err != nil {
		out.Reset()
		out.WriteString(`{"errors":[{"message":"the request failed","extensions":{"code":"INTERNAL_SERVER_ERROR"}}]}`)
	}
	return &Response{Body: bytes.TrimSpace(out.Bytes())}
}
