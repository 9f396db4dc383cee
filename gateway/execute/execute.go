// Package execute runs plans. A plan, a client's variables and the subgraphs go in; the bytes of the response come out. Each fetch starts as
// soon as what it waits for is there; answers are merged into one tree of values that stay the bytes the subgraphs sent; the shape writes the
// client's view of it.
//
// The one rule: one goroutine owns the data of a request. Fetches run beside it and hand their answers over; nothing is locked.
//
// Start with Executor.Execute. answer.go reads answers into the tree (value.go), representation.go writes what entity fetches send, shape.go writes
// the response.
package execute

import (
	"bytes"
	"context"
	"encoding/json"
	"net/http"
	"slices"

	"callboard.dev/callboard/gateway/operation"
	"callboard.dev/callboard/gateway/plan"
)

// Subgraph answers the fetches of a plan. Implementations are safe for concurrent use, return when ctx ends, and never panic on what a
// remote system sends.
type Subgraph interface {
	Fetch(ctx context.Context, r *Request) (*Answer, error)
}

// SubgraphFunc is a function as a Subgraph.
type SubgraphFunc func(ctx context.Context, r *Request) (*Answer, error)

// Fetch calls f.
func (f SubgraphFunc) Fetch(ctx context.Context, r *Request) (*Answer, error) { return f(ctx, r) }

// Request is one request to a subgraph.
type Request struct {
	Fetch     *plan.Fetch // its Text and Prefix are what is sent
	Variables []byte      // a JSON object; empty for none
	Header    http.Header // of the client's request; a subgraph forwards only what it is configured to. Read only
	Quota     *Quota      // what subgraphs in this process may do for the client's operation; nil means one of the default size
}

// Answer is a subgraph's answer.
type Answer struct {
	Data   []byte // JSON of the member data; empty for none
	Errors []SubgraphError
}

// SubgraphError is one entry of an answer's errors.
type SubgraphError struct {
	Message    string                     `json:"message"`
	Path       []any                      `json:"path,omitempty"`
	Extensions map[string]json.RawMessage `json:"extensions,omitempty"`
}

// Executor runs plans against a set of subgraphs. It is immutable.
type Executor struct {
	Subgraphs map[string]Subgraph
	// Expose lists the subgraphs whose error messages clients may see; of others they see only that there was an error, and its code.
	Expose map[string]bool
	// MaxValues bounds the fields that subgraphs in this process resolve for one operation, all its fetches together; 0 means DefaultMaxValues.
	MaxValues int
	// Observe is told about fetches. Its fields may be nil.
	Observe Observer
}

// Observer is a set of optional functions that see what execution does. They are called from many goroutines at once.
type Observer struct {
	// FetchDone is called after each fetch. err is nil where the subgraph answered, with errors in the answer or without.
	FetchDone func(f *plan.Fetch, answer *Answer, err error)
}

// Execute runs the plan and returns the response as JSON: data, and errors where there are any. A subgraph that fails costs only what it would
// have answered.
func (e *Executor) Execute(ctx context.Context, p *plan.Plan, variables operation.Variables, header http.Header) []byte {
	r := &run{executor: e, ctx: ctx, plan: p, variables: variables, header: header, quota: NewQuota(e.MaxValues)}
	r.tree.root = r.tree.newObject(p.Root)
	r.fetches()
	return r.response()
}

// run is the execution of one request.
type run struct {
	executor  *Executor
	ctx       context.Context
	plan      *plan.Plan
	variables operation.Variables
	header    http.Header
	quota     *Quota
	tree      tree
	errors    errorList
}

// sent is a fetch under way, with the objects its representations stand for.
type sent struct {
	fetch  *plan.Fetch
	lists  []representations // one for each of fetch.Entities
	answer *Answer
	err    error
}

// fetches runs every fetch of the plan.
func (r *run) fetches() {
	waiting := make([]int, len(r.plan.Fetches))
	for i, f := range r.plan.Fetches {
		waiting[i] = len(f.After)
	}
	done := make(chan *sent, len(r.plan.Fetches))
	running := 0
	var ready []*plan.Fetch
	for i, f := range r.plan.Fetches {
		if waiting[i] == 0 {
			ready = append(ready, f)
		}
	}
	complete := func(f *plan.Fetch) {
		for _, later := range r.plan.Fetches[f.ID+1:] {
			for _, before := range later.After {
				if before == f.ID {
					if waiting[later.ID]--; waiting[later.ID] == 0 {
						ready = append(ready, later)
					}
				}
			}
		}
	}
	for len(ready) > 0 || running > 0 {
		for len(ready) > 0 {
			f := ready[0]
			ready = ready[1:]
			s, body := r.prepare(f)
			if s == nil { // nothing to ask: no object wants it
				complete(f)
				continue
			}
			if len(ready) == 0 && running == 0 {
				r.send(s, body)
				r.receive(s)
				complete(f)
				continue
			}
			running++
			go func() {
				r.send(s, body)
				done <- s
			}()
		}
		if running > 0 {
			s := <-done
			running--
			r.receive(s)
			complete(s.fetch)
		}
	}
}

// send asks the subgraph. It may run beside others and touches only s.
func (r *run) send(s *sent, body []byte) {
	subgraph := r.executor.Subgraphs[s.fetch.Subgraph]
	if subgraph == nil {
		s.err = &FetchError{Code: CodeUnreachable, Reason: "no address is known for it"}
	} else if err := r.ctx.Err(); err != nil {
		s.err = contextError(err)
	} else {
		s.answer, s.err = call(r.ctx, subgraph, &Request{Fetch: s.fetch, Variables: body, Header: r.header, Quota: r.quota})
	}
	if observe := r.executor.Observe.FetchDone; observe != nil {
		observe(s.fetch, s.answer, s.err)
	}
}

// call contains a panic of an in-process subgraph to its own fetch.
func call(ctx context.Context, subgraph Subgraph, request *Request) (answer *Answer, err error) {
	defer func() {
		if p := recover(); p != nil {
			answer, err = nil, &FetchError{Code: CodeInternal, Reason: "it failed unexpectedly", Panic: p}
		}
	}()
	return subgraph.Fetch(ctx, request)
}

// prepare writes the variables of a fetch. It returns nil for an entity fetch that no object wants.
func (r *run) prepare(f *plan.Fetch) (*sent, []byte) {
	s := &sent{fetch: f}
	var body []byte
	member := func(name string) {
		if body == nil {
			body = append(body, '{')
		} else {
			body = append(body, ',')
		}
		body = appendQuoted(body, name)
		body = append(body, ':')
	}
	for _, name := range f.Variables {
		if value, given := r.variables[name]; given {
			member(name)
			body = append(body, value...)
		}
	}
	total := 0
	for _, e := range f.Entities {
		list := r.represent(e)
		total += len(list.objects)
		s.lists = append(s.lists, list)
		member(e.Variable)
		body = append(body, '[')
		body = append(body, list.text...)
		body = append(body, ']')
	}
	if f.Root == nil && total == 0 {
		return nil, nil
	}
	if body != nil {
		body = append(body, '}')
	}
	return s, body
}

// receive merges an answer into the tree. One that cannot be read to its end brings nothing: what it seemed to say of one object may have been meant
// for another.
func (r *run) receive(s *sent) {
	if s.err != nil {
		r.fetchFailed(s, s.err)
		return
	}
	r.tree.begin()
	var err error
	if s.fetch.Root != nil {
		err = r.tree.readRoot(s.answer.Data, s.fetch.Root)
	} else {
		err = r.tree.readEntities(s.answer.Data, s.fetch, s.lists)
	}
	if err != nil {
		r.tree.undo()
	}
	for i := range s.answer.Errors {
		r.subgraphError(s, &s.answer.Errors[i])
	}
	if err != nil {
		r.fetchFailed(s, &FetchError{Code: CodeBadAnswer, Reason: "it sent an answer that cannot be read: " + err.Error()})
	} else if s.empty() && len(s.answer.Errors) == 0 {
		r.fetchFailed(s, &FetchError{Code: CodeBadAnswer, Reason: "it sent neither data nor errors"})
	}
}

// empty tells whether the answer has no data, or null for a list of entities, which must not be null.
func (s *sent) empty() bool {
	data := bytes.TrimSpace(s.answer.Data)
	return len(data) == 0 || string(data) == "null" || slices.ContainsFunc(s.lists, func(r representations) bool { return r.unanswered })
}
