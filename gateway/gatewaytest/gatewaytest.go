// Package gatewaytest is an in-memory gateway for tests. Subgraph schemas and one set of data go in; a Gateway comes out whose
// subgraphs are stand-ins that answer from that data, beside a Monolith that answers the same operations without any gateway. The
// two must agree, which is how the gateway is tested without anybody writing down what it should answer.
//
// The one rule: a stand-in is as strict as a real subgraph. It validates every operation against its own schema alone, computes what
// @requires asks for from the representation alone, and resolves no @external field that is not provided, so a gateway that asks for
// the wrong thing is found out even where the answer would have been right. What it is asked wrongly is a fault, in the Recorder.
//
// Start with Gateway.Do. universe.go is the data, standin.go the subgraphs, execution.go the executor both they and monolith.go
// use, archive.go the test archives. What fuzzing makes up: randomgraph.go subgraphs, randomuniverse.go data, random.go operations.
package gatewaytest

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"sort"
	"strings"
	"sync"

	"github.com/vektah/gqlparser/v2/ast"

	"callboard.dev/callboard/gateway/execute"
	"callboard.dev/callboard/gateway/introspection"
	"callboard.dev/callboard/gateway/operation"
	"callboard.dev/callboard/gateway/plan"
	"callboard.dev/callboard/gateway/plan/check"
	"callboard.dev/callboard/gateway/supergraph"
)

// Gateway is a gateway over a set of subgraphs, without a network.
type Gateway struct {
	Supergraph *supergraph.Supergraph
	Executor   *execute.Executor
	Planner    *plan.Planner
	Checker    *check.Checker
	Limits     operation.Limits
	Labels     map[string]bool // progressive overrides that are on
	Recorder   *Recorder
}

func (g *Gateway) label(name string) bool { return g.Labels[name] }

// New returns a gateway over the supergraph whose subgraphs, by name, are given. The introspection subgraph is added. The recorder sees
// every request, whatever kind the subgraph is.
func New(s *supergraph.Supergraph, subgraphs map[string]execute.Subgraph, recorder *Recorder) *Gateway {
	all := map[string]execute.Subgraph{supergraph.IntrospectionName: &introspection.Subgraph{Schema: s.API}}
	for name, subgraph := range subgraphs {
		all[name] = subgraph
	}
	for name, subgraph := range all {
		all[name] = recorder.watch(name, subgraph)
	}
	return &Gateway{
		Supergraph: s,
		Executor:   &execute.Executor{Subgraphs: all},
		Planner:    &plan.Planner{Supergraph: s},
		Checker:    &check.Checker{Supergraph: s},
		Recorder:   recorder,
	}
}

// Request is what a client sends.
type Request struct {
	Query         string
	OperationName string
	Variables     json.RawMessage
	Header        http.Header
	Sources       bool // ask for where the answer comes from
}

// Result is an answer with everything made on the way to it.
type Result struct {
	Operation *operation.Operation // nil where the request was refused before
	Plan      *plan.Plan           // nil where there is none
	Body      []byte               // what the client gets
}

// Do prepares, plans and executes the request.
func (g *Gateway) Do(ctx context.Context, r Request) *Result {
	out := &Result{}
	document, errs := operation.Parse(g.Supergraph.API, r.Query, g.Limits)
	if errs != nil {
		return out.refused(errs)
	}
	variables, errs := document.Coerce(r.OperationName, r.Variables)
	if errs != nil {
		return out.refused(errs)
	}
	conditions := map[string]bool{}
	for _, name := range document.Conditions(r.OperationName) {
		conditions[name] = variables.True(name)
	}
	op, errs := document.Normalize(r.OperationName, conditions)
	if errs != nil {
		return out.refused(errs)
	}
	out.Operation = op
	made, err := g.Planner.Plan(ctx, op, g.label)
	if err != nil {
		code := execute.CodeCancelled
		var planError *plan.Error
		if errors.As(err, &planError) {
			code = planError.Code
		}
		return out.refused(operation.Failure(code, "%v", err))
	}
	out.Plan = made
	in := execute.Input{Variables: variables, Header: r.Header, Sources: r.Sources}
	if op.Kind == ast.Subscription { // of which the first event is looked at
		subscription := g.Executor.Subscribe(ctx, made, in)
		defer subscription.Close()
		response, _ := subscription.Next(func() (context.Context, context.CancelFunc) { return context.WithCancel(ctx) })
		out.Body = response.Body
		return out
	}
	out.Body = g.Executor.Execute(ctx, made, in).Body
	return out
}

func (r *Result) refused(errs operation.Errors) *Result {
	body, err := json.Marshal(map[string]any{"errors": errs})
	if err != nil {
		panic("bug: request errors that are not JSON: " + err.Error())
	}
	r.Body = body
	return r
}

// Response is the body, read. Data stays as written, so that the order of its members can be compared.
type Response struct {
	Data   json.RawMessage `json:"data"`
	Errors []struct {
		Message    string         `json:"message"`
		Path       []any          `json:"path"`
		Extensions map[string]any `json:"extensions"`
	} `json:"errors"`
}

// Response reads the body. A body that is not a response is an error.
func (r *Result) Response() (*Response, error) {
	var out Response
	if err := json.Unmarshal(r.Body, &out); err != nil {
		return nil, fmt.Errorf("reading the gateway's answer: %w", err)
	}
	return &out, nil
}

// Codes returns the codes of the response's errors, in order.
func (r *Response) Codes() []string {
	var codes []string
	for _, e := range r.Errors {
		code, _ := e.Extensions["code"].(string)
		codes = append(codes, code)
	}
	return codes
}

// Recorder sees every request to every subgraph of a gateway. It is safe for concurrent use.
type Recorder struct {
	mu       sync.Mutex
	requests []Recorded
	faults   []string
	gaps     []string
}

// Recorded is one request to a subgraph.
type Recorded struct {
	Subgraph  string
	Text      string
	Variables string
}

// Take returns the requests so far, and forgets them.
func (r *Recorder) Take() []Recorded {
	r.mu.Lock()
	defer r.mu.Unlock()
	out := r.requests
	r.requests = nil
	return out
}

// Faults returns, sorted, what stand-ins were asked wrongly so far, and forgets it.
func (r *Recorder) Faults() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	out := r.faults
	r.faults = nil
	sort.Strings(out)
	return out
}

func (r *Recorder) fault(subgraph, format string, args ...any) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.faults = append(r.faults, "subgraph "+subgraph+": "+fmt.Sprintf(format, args...))
}

// Gaps returns, sorted, the fields that stand-ins were asked for with arguments the universe has no value for, and forgets them.
func (r *Recorder) Gaps() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	out := r.gaps
	r.gaps = nil
	sort.Strings(out)
	return out
}

func (r *Recorder) gap(subgraph, field string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.gaps = append(r.gaps, "subgraph "+subgraph+": "+field)
}

func (r *Recorder) watch(name string, subgraph execute.Subgraph) execute.Subgraph {
	return &watched{name, subgraph, r}
}

// watched is a subgraph whose requests are recorded.
type watched struct {
	name     string
	subgraph execute.Subgraph
	recorder *Recorder
}

func (w *watched) note(request *execute.Request) {
	w.recorder.mu.Lock()
	defer w.recorder.mu.Unlock()
	w.recorder.requests = append(w.recorder.requests, Recorded{Subgraph: w.name, Text: request.Text, Variables: string(request.Variables)})
}

func (w *watched) Fetch(ctx context.Context, request *execute.Request) (*execute.Answer, error) {
	w.note(request)
	return w.subgraph.Fetch(ctx, request)
}

func (w *watched) Stream(ctx context.Context, request *execute.Request) (execute.Stream, error) {
	w.note(request)
	streamer, ok := w.subgraph.(execute.Streamer)
	if !ok {
		return nil, fmt.Errorf("subgraph %s has no subscriptions", w.name)
	}
	return streamer.Stream(ctx, request)
}

// Describe prints requests, one a line, for failure messages.
func Describe(requests []Recorded) string {
	var b strings.Builder
	for _, r := range requests {
		fmt.Fprintf(&b, "%s <- %s %s\n", r.Subgraph, r.Text, r.Variables)
	}
	return b.String()
}
