package server

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
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
func (e *Engine) Execute(ctx context.Context, r *Request) *Response { return e.Graph().Execute(ctx, r) }

// Graph is everything that follows from one supergraph: its schema, planner, plans and subgraphs. It is immutable but for its caches.
type Graph struct {
	Supergraph *supergraph.Supergraph

	settings  GraphSettings
	planner   *plan.Planner
	executor  *execute.Executor
	documents *otter.Cache[string, *operation.Document]
	plans     *otter.Cache[string, *plan.Plan]
	percent   map[string]float64 // by label: the part of the requests it is on for
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
}

// How much text the caches of a graph may hold, in bytes: of operations, and of what plans send.
const (
	documentCacheBytes = 8 << 20
	planCacheBytes     = 32 << 20
	entryBytes         = 1 << 10 // counted for an entry beside its text
)

// NewGraph returns a graph over the supergraph whose subgraphs, by name, are given. One that is missing fails its own fields only.
func NewGraph(s *supergraph.Supergraph, subgraphs map[string]execute.Subgraph, settings GraphSettings) *Graph {
	all := map[string]execute.Subgraph{supergraph.IntrospectionName: &introspection.Subgraph{Schema: s.API}}
	for name, subgraph := range subgraphs {
		all[name] = subgraph
	}
	return &Graph{
		Supergraph: s,
		settings:   settings,
		planner:    &plan.Planner{Supergraph: s, Budget: settings.PlanBudget},
		percent:    percentages(s),
		executor:   &execute.Executor{Subgraphs: all, Expose: settings.Expose, MaxValues: settings.MaxValues, Observe: settings.Observe},
		documents: otter.Must(&otter.Options[string, *operation.Document]{
			MaximumWeight: documentCacheBytes,
			Weigher:       func(text string, _ *operation.Document) uint32 { return uint32(8*len(text) + entryBytes) },
		}),
		plans: otter.Must(&otter.Options[string, *plan.Plan]{
			MaximumWeight: planCacheBytes,
			Weigher:       func(key string, p *plan.Plan) uint32 { return uint32(len(key) + p.Size() + entryBytes) },
		}),
	}
}

// Execute is the life of a query: prepare, plan, execute.
func (g *Graph) Execute(ctx context.Context, r *Request) *Response {
	prepared, errs := g.prepare(r)
	if errs != nil {
		return failure(errs)
	}
	if prepared.kind == ast.Mutation && r.ReadOnly {
		response := failure(operation.Failure("METHOD_NOT_ALLOWED", "a mutation must be sent with POST"))
		response.NotAllowed = true
		return response
	}
	if prepared.kind == ast.Subscription {
		return failure(operation.Failure("SUBSCRIPTIONS_NOT_SUPPORTED", "this endpoint answers queries and mutations: it does not stream"))
	}
	p, errs := g.plan(ctx, r, prepared)
	if errs != nil {
		return failure(errs)
	}
	if !g.settings.Introspection && asksForSchema(p) {
		return failure(operation.Failure("INTROSPECTION_DISABLED", "introspection is switched off here"))
	}
	executed := g.executor.Execute(ctx, p, prepared.variables, r.Header)
	return &Response{Body: executed.Body, Executed: true, executed: executed}
}

// prepared is a request whose text is valid and whose variables fit.
type prepared struct {
	document  *operation.Document
	kind      ast.Operation
	variables operation.Variables
}

func (g *Graph) prepare(r *Request) (*prepared, operation.Errors) {
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
	return &prepared{document, kind, variables}, nil
}

// plan returns the plan of the operation. Its key is everything that decides it: the text, the operation's name, the values that decide conditions, and
// the labels of progressive overrides that are on.
func (g *Graph) plan(ctx context.Context, r *Request, p *prepared) (*plan.Plan, operation.Errors) {
	names := p.document.Conditions(r.OperationName)
	conditions := make(map[string]bool, len(names))
	var key strings.Builder
	key.WriteString(r.Query)
	key.WriteByte(0)
	key.WriteString(r.OperationName)
	key.WriteByte(0)
	for _, name := range names {
		conditions[name] = p.variables.True(name)
		key.WriteByte(map[bool]byte{true: '1', false: '0'}[conditions[name]])
	}
	labels := g.labels(ctx, r)
	for _, name := range g.Supergraph.Labels {
		key.WriteByte(map[bool]byte{true: '1', false: '0'}[labels[name]])
	}
	if found, known := g.plans.GetIfPresent(key.String()); known {
		return found, nil
	}
	op, errs := p.document.Normalize(r.OperationName, conditions)
	if errs != nil {
		return nil, errs
	}
	made, err := g.planner.Plan(ctx, op, func(name string) bool { return labels[name] })
	if err != nil {
		var planError *plan.Error
		if errors.As(err, &planError) {
			return nil, operation.Failure(planError.Code, "%s", planError.Message)
		}
		return nil, operation.Failure(execute.CodeCancelled, "the request ended before it was planned")
	}
	g.plans.Set(key.String(), made)
	return made, nil
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
