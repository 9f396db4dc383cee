// Package execute runs plans. A plan, a client's variables and the subgraphs go in; the bytes of the response come out. Each fetch starts as
// soon as what it waits for is there; answers are merged into one tree of values that stay the bytes the subgraphs sent; the shape writes the
// client's view of it.
//
// The one rule: one goroutine owns the data of a request. What runs beside it hands answers over; nothing of the data is locked.
//
// Start with Executor.Execute. schedule.go decides what is asked when, answer.go reads answers into the tree (value.go), representation.go writes what
// entity fetches send, subscribe.go runs a plan for each event of a subscription, shape.go writes the response, sources.go says where it comes from, fresh.go how long it holds. http.go and inprocess.go are the two kinds of subgraph.
package execute

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"sync"

	"callboard.dev/callboard/gateway/execute/http1"
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

// Request is one request to a subgraph. It is good until Fetch returns.
type Request struct {
	Fetch     *plan.Fetch
	Text      string      // the operation sent
	Prefix    []byte      // the JSON of the request up to its variables, Text included
	Variables []byte      // a JSON object; empty for none
	Header    http.Header // of the client's request; a subgraph forwards only what it is configured to. Read only
	Quota     *Quota      // what subgraphs in this process may do for the client's operation; nil means one of the default size
	Sources   bool        // the answer should say where it comes from
	Control   bool        // the answer should say what its header says of remembering it
}

// Answer is a subgraph's answer.
type Answer struct {
	Text   []byte // a whole GraphQL response that is not read yet; else nil
	Data   []byte // JSON of the member data; empty for none
	Errors []SubgraphError
	// Sources says where it comes from, where that was asked for and the subgraph knows.
	Sources []SourceReport
	// Control is from the header it came with, where that was asked for and it had one.
	Control *Control
	// Fresh says how long it holds; nil where it is not to be remembered.
	Fresh *Freshness
	// Err is why only part of it is there: a subgraph that failed costs what was asked of it now, not what is remembered of it.
	Err error
}

// Input is what a client gave with an operation.
type Input struct {
	Variables operation.Variables
	Header    http.Header // read only
	Sources   bool        // the response is to say where it comes from, in extensions.sources
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
	// FetchDone is called after each fetch. err is nil where the subgraph answered, with errors in the answer or without. The answer is good until
	// the call returns.
	FetchDone func(f *plan.Fetch, answer *Answer, err error)
}

// Response is the response to an operation.
type Response struct {
	Body []byte // JSON: data, and errors where there are any
	// Fresh says how long the response holds; nil where it has errors, or is made of anything that is not to be remembered.
	Fresh *Freshness

	buffer *[]byte
}

// Release gives the memory of the body back, which is not to be used any more. A response that is not released costs no more than its memory.
func (r *Response) Release() {
	if r.buffer != nil && cap(r.Body) <= maxKept {
		*r.buffer = r.Body[:0]
		bodies.Put(r.buffer)
	}
	*r = Response{}
}

// bodies holds the memory of responses.
var bodies = sync.Pool{New: func() any { return new([]byte) }}

// maxKept is how many bytes of one piece of memory are kept for later requests: several times what common operations take.
const maxKept = 1 << 20

// Execute runs the plan and returns the response. A subgraph that fails costs only what it would have answered.
func (e *Executor) Execute(ctx context.Context, p *plan.Plan, in Input) Response {
	return e.execute(ctx, p, in, nil)
}

// execute runs the plan. Of a subscription the event is what came of its trigger.
func (e *Executor) execute(ctx context.Context, p *plan.Plan, in Input, event *outcome) Response {
	r := runs.Get().(*run)
	r.executor, r.ctx, r.plan, r.in, r.event = e, ctx, p, in, event
	r.tree.root = r.tree.newObject(p.Root)
	r.tree.apart = p.Filled
	r.fetches()
	buffer := bodies.Get().(*[]byte)
	out := Response{Body: r.response(*buffer), buffer: buffer}
	out.Fresh = r.freshness()
	r.release()
	return out
}

// run is the execution of one request.
type run struct {
	executor *Executor
	ctx      context.Context
	plan     *plan.Plan
	in       Input
	event    *outcome // of a subscription: what came of its trigger
	quota    *Quota
	tree     tree
	errors   errorList
	reported []reported // where in.Sources asks for it
	fresh    *Freshness // of all answers so far that have one
	perishes bool       // some answer has none

	sents   []*sent // by the fetch's ID
	ready   []int
	pending []int        // exchanges under way that this goroutine will finish, in the order they were started
	done    chan outcome // of what runs beside this goroutine
	running int          // how many do
	// abandoned tells that something still runs, and what it was given is not to be used for anything else.
	abandoned bool
	flights   flights

	index         index
	objects, next []uint32
	writer        writer
}

var runs = sync.Pool{New: func() any { return new(run) }}

// release gives the run's memory back, unless it is more than most requests need or something may still touch it.
func (r *run) release() {
	if !r.flights.end() || r.abandoned || cap(r.tree.values) > maxKept/12 || cap(r.tree.seen.marks) > maxKept/4 {
		return
	}
	for _, s := range r.sents {
		if s.heavy() {
			return
		}
		s.reset()
	}
	r.executor, r.ctx, r.plan, r.in, r.event, r.quota, r.done = nil, nil, nil, Input{}, nil, nil, nil
	r.errors, r.reported, r.fresh, r.perishes = errorList{}, nil, nil, false
	r.tree.reset()
	runs.Put(r)
}

// sent is a fetch under way, with the objects its representations stand for.
type sent struct {
	fetch   *plan.Fetch
	state   state
	waiting int // fetches it waits for that are not done
	request Request
	lists   []representations // of fetch.Entities, in order: one each, or where values from a context differ one for each group
	objects []uint32          // for a fetch of root fields that are not the root's own: whose they are
	body    []byte            // the variables
	answer  *Answer
	err     error
	scanner scanner

	over     *HTTP // the subgraph, while exchange is under way
	exchange http1.Exchange
	wire     []byte // the request
	text     []byte // the answer
	own      Answer
	missing  bool // its data is null
}

// state is how far a fetch is.
type state uint8

const (
	stateWaiting state = iota
	stateFlying
	stateDone
)

func (s *sent) reset() {
	s.fetch, s.state, s.request, s.answer, s.err, s.scanner, s.over, s.own, s.missing = nil, stateWaiting, Request{}, nil, nil, scanner{}, nil, Answer{}, false
	for i := range s.lists {
		s.lists[i].reset(nil, "")
	}
	s.lists = s.lists[:0]
}

// heavy tells whether the memory is more than is kept.
func (s *sent) heavy() bool {
	return cap(s.text) > maxKept || cap(s.wire) > maxKept || cap(s.body) > maxKept
}

// list adds a list of representations, with the memory of an earlier one.
func (s *sent) list(e *plan.Entities, key string) *representations {
	if n := len(s.lists); n < cap(s.lists) {
		s.lists = s.lists[:n+1]
	} else {
		s.lists = append(s.lists, representations{})
	}
	l := &s.lists[len(s.lists)-1]
	l.reset(e, key)
	return l
}

// member appends the name of a variable to a request's variables.
func (s *sent) member(name string) {
	if len(s.body) == 0 {
		s.body = append(s.body, '{')
	} else {
		s.body = append(s.body, ',')
	}
	s.body = append(appendQuoted(s.body, name), ':')
}

// prepare writes the variables of a fetch. It is false where no object wants it.
func (r *run) prepare(s *sent) bool {
	f := s.fetch
	s.body = s.body[:0]
	for _, name := range f.Variables {
		if value, given := r.in.Variables[name]; given {
			s.member(name)
			s.body = append(s.body, value...)
		}
	}
	s.objects = s.objects[:0]
	if f.At != nil {
		_, objects := r.objectsAt(f.At)
		s.objects = append(s.objects, objects...)
	}
	total := len(s.objects)
	var times []int
	for i, e := range f.Entities {
		if e.Context != nil {
			groups := r.representGroups(e)
			if len(groups) > maxGroups {
				s.err = &FetchError{Code: CodeTooLarge, Reason: fmt.Sprintf("it would have to be asked with more than %d different sets of arguments at once: ask for less, with smaller pages", maxGroups)}
				return true
			}
			if times == nil && len(groups) != 1 {
				times = make([]int, len(f.Entities))
				for n := range times {
					times[n] = 1
				}
			}
			if times != nil {
				times[i] = len(groups)
			}
			for n, g := range groups {
				s.group(e, g, n)
				total += len(g.first)
			}
			continue
		}
		l := s.list(e, e.Key)
		s.member(e.Variable)
		s.body = append(r.represent(append(s.body, '['), l), ']')
		total += len(l.first)
	}
	if total == 0 && (f.Root == nil || f.At != nil) {
		return false
	}
	if len(s.body) > 0 {
		s.body = append(s.body, '}')
	}
	s.request = Request{Fetch: f, Text: f.Text, Prefix: f.Prefix, Variables: s.body, Header: r.in.Header, Sources: r.in.Sources}
	if times != nil {
		s.request.Text, s.request.Prefix = f.TextFor(times)
	}
	return true
}

// group adds the n-th group of an _entities field.
func (s *sent) group(e *plan.Entities, g *group, n int) {
	l := s.list(e, plan.GroupName(e.Key, n))
	l.context, l.first, l.last, l.places = g.context, g.first, g.last, g.places
	s.member(plan.GroupName(e.Variable, n))
	s.body = append(append(append(s.body, '['), g.text...), ']')
	for v, value := range g.context {
		s.member(plan.GroupName(e.Context[v].Variable, n))
		s.body = append(s.body, value...)
	}
}

// receive merges an answer into the tree.
func (r *run) receive(s *sent) {
	if s.err == nil {
		if err := r.tree.merge(s, s.answer); err != nil {
			s.err = &FetchError{Code: CodeBadAnswer, Reason: "it sent an answer that cannot be read", Cause: err}
		} else if len(s.answer.Errors) == 0 && (s.missing || slices.ContainsFunc(s.lists, func(l representations) bool { return l.missing })) {
			s.err = &FetchError{Code: CodeBadAnswer, Reason: "it sent null, and no error that says why"}
		} else {
			s.err = s.answer.Err
		}
	}
	r.note(s.answer)
	if s.answer != nil {
		for i := range s.answer.Errors {
			r.subgraphError(s, &s.answer.Errors[i])
		}
		if r.in.Sources && len(s.answer.Sources) > 0 {
			r.reported = append(r.reported, reported{s, s.answer.Sources})
		}
	}
	if s.err != nil {
		r.fetchFailed(s, s.err)
	}
	if observe := r.executor.Observe.FetchDone; observe != nil {
		observe(s.fetch, s.answer, s.err)
	}
}
