// Package entitycache remembers what a subgraph answered. It stands before a subgraph, over HTTP or in this process, and is one itself: of the entities that
// a fetch asks for, those that are remembered are answered at once, and the subgraph is asked for the others alone. Root fields of queries are remembered as a
// whole, by fetch.
//
// The one rule: nobody is shown what the subgraph may have meant for another. What the schema does not say outright to be for anybody is remembered apart
// for all values of the headers that the subgraph is sent, and what is private not at all where none is there. Nothing is remembered of an answer with errors, nor of
// mutations.
//
// How long is for the schema to say (plan.CachePolicy) and for the header of the answer, the stricter of the two; where the schema says nothing the header alone, and without
// either nothing is remembered. control.go reads the header, key.go names what is remembered, ask.go asks the subgraph, answer.go puts answers together.
//
// Start with Subgraph.Fetch.
package entitycache

import (
	"bytes"
	"context"
	"hash/maphash"
	"net/http"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/vektah/gqlparser/v2/ast"

	"callboard.dev/callboard/clients/cache"
	"callboard.dev/callboard/gateway/execute"
	"callboard.dev/callboard/gateway/plan"
)

// Store remembers values; *cache.Cache is one.
type Store interface {
	Load(ctx context.Context, wanted []cache.Wanted, fetch cache.Fetch) []cache.Result
}

// Inner is a subgraph that says which of the client's headers it is sent.
type Inner interface {
	execute.Subgraph
	Forwards() []string
}

// Settings say what is remembered, and where. All are needed.
type Settings struct {
	Name    string   // the subgraph's
	Version [16]byte // of its schema: answers of another are not for this one
	Store   Store
}

// Subgraph is a subgraph whose answers are remembered.
type Subgraph struct {
	inner    Inner
	settings Settings
	headers  []string // canonical names of the client's headers that the subgraph is sent
	ruled    ruled
}

// New returns the subgraph with its answers remembered.
func New(inner Inner, settings Settings) *Subgraph {
	s := &Subgraph{inner: inner, settings: settings}
	s.ruled.seed = maphash.MakeSeed()
	for _, name := range inner.Forwards() {
		s.headers = append(s.headers, http.CanonicalHeaderKey(name))
	}
	return s
}

// Forwards returns the names of the client's headers that the subgraph is sent.
func (s *Subgraph) Forwards() []string { return s.inner.Forwards() }

// Inner returns the subgraph behind the cache.
func (s *Subgraph) Inner() execute.Subgraph { return s.inner }

// Stream begins a subscription: nothing of it is remembered.
func (s *Subgraph) Stream(ctx context.Context, r *execute.Request) (execute.Stream, error) {
	streamer, ok := s.inner.(execute.Streamer)
	if !ok {
		return nil, &execute.FetchError{Code: execute.CodeUnreachable, Reason: "it is reached in a way that has no subscriptions"}
	}
	return streamer.Stream(ctx, r)
}

// Fetch answers the request from what is remembered, and asks the subgraph for the rest.
func (s *Subgraph) Fetch(ctx context.Context, r *execute.Request) (*execute.Answer, error) {
	f := r.Fetch
	if f == nil || f.Kind != ast.Query || f.Mutation != 0 { // nothing that follows a mutation may be older than it
		return s.inner.Fetch(ctx, r)
	}
	scope := s.scopeOf(r.Header)
	ok, learn := s.remembers(f, scope)
	if !ok {
		return s.pass(ctx, r, learn)
	}
	c, err := s.open(r, scope)
	if err != nil {
		return nil, &execute.FetchError{Code: execute.CodeInternal, Reason: "its variables could not be read", Cause: err}
	}
	results := s.settings.Store.Load(ctx, c.wanted, c.fetch)
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if len(results) != len(c.wanted) {
		return s.pass(ctx, r, false)
	}
	return c.answer(ctx, results)
}

// pass asks the subgraph as if nothing were remembered. learn tells to note whether its header would have allowed it.
func (s *Subgraph) pass(ctx context.Context, r *execute.Request, learn bool) (*execute.Answer, error) {
	if !learn {
		return s.inner.Fetch(ctx, r)
	}
	asked := *r
	asked.Control = true
	answer, err := s.inner.Fetch(ctx, &asked)
	if answer != nil && err == nil {
		s.ruled.set(r.Fetch.Text, readControl(answer.Control).storable())
	}
	return answer, err
}

// remembers tells whether the answers to a fetch may be remembered. learn tells that its header decides, and is not known yet.
//
// A fetch some part of which is not remembered has to be asked in any case, and is asked whole. One of which its schema does not say for how long it holds is
// asked without the cache until an answer had a header that says so: the cache lets requests that come together share an answer, which requests
// for what may not be remembered must not do, as one of them may come after a change that another came before.
func (s *Subgraph) remembers(f *plan.Fetch, scope scope) (ok, learn bool) {
	never, open := false, false
	each := func(p plan.CachePolicy) {
		never = never || p.Private && !scope.present || p.Said && p.Most == 0
		open = open || p.MaxAge == 0
	}
	if f.Root != nil {
		each(f.Cache)
	}
	for _, e := range f.Entities {
		each(e.Cache)
	}
	if never || !open || s.ruled.has(f.Text) {
		return !never, false
	}
	return false, true
}

// ruled knows the fetches whose answers had a header that let them be remembered, by their text. Fetches that share a place forget each other.
type ruled struct {
	seed  maphash.Seed
	slots [ruledSlots]atomic.Uint64
}

const ruledSlots = 1 << 10

func (k *ruled) slot(text string) (*atomic.Uint64, uint64) {
	hash := maphash.String(k.seed, text) | 1
	return &k.slots[(hash>>1)%ruledSlots], hash
}

func (k *ruled) has(text string) bool {
	slot, hash := k.slot(text)
	return slot.Load() == hash
}

func (k *ruled) set(text string, storable bool) {
	slot, hash := k.slot(text)
	if storable {
		slot.Store(hash)
	} else {
		slot.CompareAndSwap(hash, 0)
	}
}

// call is one fetch that is answered with the cache. It holds nothing of the request that ends with it: the store may ask behind the answer.
type call struct {
	*Subgraph
	request execute.Request
	scope   scope
	client  map[string][]byte // the client's variables
	lists   []execute.List    // none for root fields
	places  []place           // by position among wanted
	wanted  []cache.Wanted

	mu   sync.Mutex
	asks []*ask
}

// place is a representation: the n-th of a list.
type place struct{ list, n int }

// open names all that a request asks for.
func (s *Subgraph) open(r *execute.Request, scope scope) (*call, error) {
	c := &call{Subgraph: s, request: *r, scope: scope}
	c.request.Variables = bytes.Clone(r.Variables) // whose memory is the request's
	var err error
	if c.client, c.lists, err = c.request.Split(); err != nil {
		return nil, err
	}
	if r.Fetch.Root != nil {
		c.wanted = []cache.Wanted{c.wantedRoot()}
		return c, nil
	}
	total := 0
	for i := range c.lists {
		total += len(c.lists[i].Representations)
	}
	c.places, c.wanted = make([]place, 0, total), make([]cache.Wanted, 0, total)
	for i := range c.lists {
		c.wantEntities(i)
	}
	return c, nil
}

// policyOf returns what the schema says of the value at a position.
func (c *call) policyOf(at int) plan.CachePolicy {
	if c.places == nil {
		return c.request.Fetch.Cache
	}
	return c.lists[c.places[at].list].Entities.Cache
}

// bySchema is the policy of the store where the header of an answer says nothing.
func bySchema(p plan.CachePolicy) cache.Policy {
	return cache.Policy{Fresh: p.MaxAge, Absent: p.MaxAge}
}

// freshness returns how long, and for whom, a value of the position holds that came at the time. It is false where it is not to be remembered.
func (c *call) freshness(position int, holds time.Duration, at time.Time) (execute.Freshness, bool) {
	if holds <= 0 {
		return execute.Freshness{}, false
	}
	says := c.policyOf(position)
	return execute.Freshness{
		For:     max(holds-time.Since(at), 0),
		Private: says.Private || !says.Public && len(c.headers) > 0,
		Public:  says.Public,
	}, true
}

// remembered returns the freshness of a value that the store gave. What is stale holds no longer.
func (c *call) remembered(position int, r *cache.Result) (execute.Freshness, bool) {
	milliseconds, err := strconv.ParseInt(r.Value.Validator, 10, 64)
	if err != nil || r.Value.NoStore {
		return execute.Freshness{}, false
	}
	fresh, ok := c.freshness(position, time.Duration(milliseconds)*time.Millisecond, r.Value.At)
	if r.State == cache.Stale {
		fresh.For = 0
	}
	return fresh, ok
}
