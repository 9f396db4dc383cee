package entitycache

import (
	"bytes"
	"context"
	"errors"
	"slices"
	"strconv"
	"time"

	"callboard.dev/callboard/clients/cache"
	"callboard.dev/callboard/gateway/execute"
	"callboard.dev/callboard/gateway/plan"
)

// ask is one request to the subgraph, for some of what a call wants.
type ask struct {
	positions []int // among what is wanted, in order
	whole     bool  // it is all that is wanted, asked as it would be without a cache
	answer    *execute.Answer
	err       error
	at        time.Time // when the answer came

	keys   []string        // by list: its response key in the answer, "" where it was not asked for
	sent   [][]int         // by list: which of its representations were
	failed error           // why there is nothing of it
	read   *execute.Answer // the answer, where it could be read
	items  [][]byte        // by position in positions: the value; nil for null
	errors []located
	header control
}

// located is an error of an answer: of the value at a position among what is wanted, or with at -1 of all that was asked.
type located struct {
	at    int
	below []any // where at is one: the path from there
	err   execute.SubgraphError
}

// item returns the value of what is wanted at the position, which was asked for.
func (a *ask) item(position int) []byte {
	n, _ := slices.BinarySearch(a.positions, position)
	return a.items[n]
}

// errorsOf returns the errors of the value at a position, with their paths from there.
func (a *ask) errorsOf(position int) []located {
	var out []located
	for _, e := range a.errors {
		if e.at < 0 || e.at == position {
			out = append(out, e)
		}
	}
	return out
}

// flawed is the error of a value that came with errors, as those get it who wait for the same.
type flawed struct {
	ask    *ask
	body   []byte
	errors []located
}

func (*flawed) Error() string { return "the subgraph answered with an error" }

// errOwn is the error of a value that only the request may have that asked for it.
var errOwn = errors.New("the answer is for one request alone")

// fetch asks for what is missing, for the store.
func (c *call) fetch(ctx context.Context, missing []cache.Missing) []cache.Fetched {
	positions := make([]int, len(missing))
	for i := range missing {
		positions[i] = missing[i].Index
	}
	quota := c.request.Quota
	if cache.UrgencyOf(ctx) != cache.Needed { // the operation it counts for may be over
		quota = nil
	}
	a := c.ask(ctx, positions, quota)
	out := make([]cache.Fetched, len(missing))
	for i := range missing {
		out[i] = c.fetched(a, missing[i].Index)
	}
	c.mu.Lock()
	c.asks = append(c.asks, a)
	c.mu.Unlock()
	return out
}

// fetched is what the store is told of one value.
func (c *call) fetched(a *ask, position int) cache.Fetched {
	if a.failed != nil {
		return cache.Fetched{Err: a.failed}
	}
	body := a.item(position)
	v := c.judge(c.policyOf(position), a.header)
	if !v.store {
		return cache.Fetched{Err: errOwn}
	}
	if list := a.errorsOf(position); len(list) > 0 {
		return cache.Fetched{Err: &flawed{ask: a, body: body, errors: list}}
	}
	return cache.Fetched{Value: cache.Value{
		Body: bytes.Clone(body), Absent: body == nil, At: a.at, Policy: &v.policy, NoStore: len(a.errors) > 0,
		Validator: strconv.FormatInt(v.policy.Fresh.Milliseconds(), 10), // nothing is asked on a condition: it says how long the value holds
	}}
}

// ask asks the subgraph for what is wanted at the positions.
func (c *call) ask(ctx context.Context, positions []int, quota *execute.Quota) *ask {
	slices.Sort(positions)
	a := &ask{positions: positions, whole: len(positions) == len(c.wanted)}
	request := c.request
	request.Quota, request.Control = quota, true
	if c.places != nil {
		c.shorten(&request, a)
	}
	if a.answer, a.err = execute.Call(ctx, c.inner, &request); a.err != nil {
		a.failed = a.err
		return a
	}
	a.at, a.header = time.Now(), readControl(a.answer.Control)
	if a.failed = c.readAnswer(a); a.failed == nil {
		c.ruled.set(c.request.Fetch.Text, a.header.storable())
	}
	return a
}

// shorten makes the request one for what is asked alone. Where every list is, its text stays: subgraphs keep operations by their text.
func (c *call) shorten(request *execute.Request, a *ask) {
	a.sent, a.keys = make([][]int, len(c.lists)), make([]string, len(c.lists))
	for _, at := range a.positions {
		p := c.places[at]
		a.sent[p.list] = append(a.sent[p.list], p.n)
	}
	if a.whole {
		for i, l := range c.lists {
			a.keys[i] = plan.GroupName(l.Entities.Key, l.Group)
		}
		return
	}
	f := request.Fetch
	var variables []byte
	member := func(name string, value []byte) {
		if variables == nil {
			variables = append(variables, '{')
		} else {
			variables = append(variables, ',')
		}
		variables = append(append(append(variables, '"'), name...), '"', ':')
		variables = append(variables, value...)
	}
	for _, name := range f.Variables {
		used := false
		for i, l := range c.lists {
			used = used || len(a.sent[i]) > 0 && slices.Contains(l.Entities.Uses, name)
		}
		if value, given := c.client[name]; given && used {
			member(name, value)
		}
	}
	times := make([]int, len(f.Entities))
	every := true
	var list []byte
	for i, l := range c.lists {
		if len(a.sent[i]) == 0 {
			every = false
			continue
		}
		which := slices.Index(f.Entities, l.Entities)
		group := times[which]
		times[which]++
		a.keys[i] = plan.GroupName(l.Entities.Key, group)
		list = append(list[:0], '[')
		for j, n := range a.sent[i] {
			if j > 0 {
				list = append(list, ',')
			}
			list = append(list, l.Representations[n]...)
		}
		member(plan.GroupName(l.Entities.Variable, group), append(list, ']'))
		for v, value := range l.Context {
			member(plan.GroupName(l.Entities.Context[v].Variable, group), value)
		}
	}
	request.Variables = append(variables, '}')
	if !every {
		request.Text, request.Prefix = f.TextFor(times)
	}
}
