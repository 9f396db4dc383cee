package entitycache_test

import (
	"context"
	"encoding/json"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"callboard.dev/callboard/clients/cache"
	"callboard.dev/callboard/gateway/compose"
	"callboard.dev/callboard/gateway/entitycache"
	"callboard.dev/callboard/gateway/execute"
	"callboard.dev/callboard/gateway/gatewaytest"
	"callboard.dev/callboard/gateway/supergraph"
)

// counted is a subgraph that counts what it is asked, and may be made to answer otherwise.
type counted struct {
	execute.Subgraph
	forwards []string
	control  *execute.Control                                                 // of every answer
	instead  func(r *execute.Request) (answer *execute.Answer, err error)     // nil, nil: as ever
	after    func(r *execute.Request, answer *execute.Answer) *execute.Answer // changes the answer
	gate     chan struct{}                                                    // answers wait for it

	mu       sync.Mutex
	requests []string // texts and variables
}

func (c *counted) Forwards() []string { return c.forwards }

func (c *counted) Fetch(ctx context.Context, r *execute.Request) (*execute.Answer, error) {
	c.mu.Lock()
	c.requests = append(c.requests, r.Text+" "+string(r.Variables))
	gate := c.gate
	c.mu.Unlock()
	if gate != nil {
		select {
		case <-gate:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
	var answer *execute.Answer
	var err error
	if c.instead != nil {
		answer, err = c.instead(r)
	}
	if answer == nil && err == nil {
		answer, err = c.Subgraph.Fetch(ctx, r)
	}
	if err == nil && c.after != nil {
		answer = c.after(r, answer)
	}
	if answer != nil && c.control != nil && r.Control {
		copied := *answer
		copied.Control = c.control
		answer = &copied
	}
	return answer, err
}

// take returns the requests so far, and forgets them.
func (c *counted) take() []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	out := c.requests
	c.requests = nil
	return out
}

// world is a gateway whose subgraphs are remembered.
type world struct {
	*gatewaytest.World
	inner map[string]*counted
	cache *cache.Cache
	graph *supergraph.Supergraph
}

func newWorld(t testing.TB, schemas map[string]string, universe string) *world {
	t.Helper()
	var list []compose.Subgraph
	for name, schema := range schemas {
		list = append(list, compose.Subgraph{Name: name, SDL: `extend schema @link(url: "https://specs.apollo.dev/federation/v2.3", import: ["@key", "@requires", "@external", "@shareable"])` + "\n" + schema})
	}
	composed, errs := compose.Compose(list)
	if err := errs.Err(); err != nil {
		t.Fatal(err)
	}
	graph, err := supergraph.Read("test", composed.SDL)
	if err != nil {
		t.Fatal(err)
	}
	data, err := gatewaytest.ReadUniverse([]byte(universe), graph.Full)
	if err != nil {
		t.Fatal(err)
	}
	w := &world{inner: map[string]*counted{}, cache: cache.New(cache.Config{Store: cache.NewMemory(0)}), graph: graph}
	t.Cleanup(func() { w.cache.Close() })
	reached := map[string]execute.Subgraph{}
	w.World, err = gatewaytest.NewWorld(graph, list, data, func(s *gatewaytest.StandIn) execute.Subgraph { return s })
	if err != nil {
		t.Fatal(err)
	}
	for name, s := range w.StandIns {
		w.inner[name] = &counted{Subgraph: s}
		reached[name] = w.remembered(name)
	}
	w.World.Gateway = gatewaytest.New(graph, reached, w.Gateway.Recorder)
	return w
}

// remembered returns a subgraph with a cache before it.
func (w *world) remembered(name string) *entitycache.Subgraph {
	return entitycache.New(w.inner[name], entitycache.Settings{Name: name, Version: w.graph.Version(name), Store: w.cache})
}

// forward has a subgraph sent headers of the client's.
func (w *world) forward(name string, headers ...string) {
	w.inner[name].forwards = headers
	w.Gateway.Executor.Subgraphs[name] = w.remembered(name)
}

// ask returns the answer's body, without space.
func (w *world) ask(t testing.TB, query string, headers ...string) string {
	t.Helper()
	return string(w.do(t, gatewaytest.Request{Query: query, Header: headerOf(headers)}).Body)
}

func (w *world) do(t testing.TB, r gatewaytest.Request) *gatewaytest.Result {
	t.Helper()
	result := w.Gateway.Do(t.Context(), r)
	for _, fault := range w.Gateway.Recorder.Faults() {
		t.Error(fault)
	}
	return result
}

func headerOf(pairs []string) http.Header {
	header := http.Header{}
	for i := 0; i+1 < len(pairs); i += 2 {
		header.Add(pairs[i], pairs[i+1])
	}
	return header
}

// expect compares an answer, written without data around it where there are no errors.
func expect(t testing.TB, got, want string) {
	t.Helper()
	if !strings.HasPrefix(want, `{"data"`) {
		want = `{"data":` + want + `}`
	}
	if got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

// asked checks which requests a subgraph got since it was last looked at, each by a piece of it.
func (w *world) asked(t testing.TB, name string, pieces ...string) {
	t.Helper()
	got := w.inner[name].take()
	if len(got) != len(pieces) {
		t.Errorf("subgraph %s got %d requests, want %d: %q", name, len(got), len(pieces), got)
		return
	}
	for i := range got {
		if !strings.Contains(got[i], pieces[i]) {
			t.Errorf("subgraph %s got %s, want one with %s", name, got[i], pieces[i])
		}
	}
}

const (
	shopSchema = `
type Query { products(n: Int): [Product] }
type Product @key(fields: "upc") { upc: ID! }`
	stockSchema = `
type Query { stock: Stock @cacheControl(maxAge: 20) }
type Stock @cacheControl(maxAge: 40) { size: Int }
type Product @key(fields: "upc") @cacheControl(maxAge: 60) {
  upc: ID!
  name(in: String): String
  left: Int
}`
	shopUniverse = `{
  "Query": {"products(n: 1)": ["@Product:1"], "products(n: 2)": ["@Product:1", "@Product:2"], "products(n: 3)": ["@Product:3", "@Product:1", "@Product:2", "@Product:3"], "stock": {"size": 9}},
  "Product:1": {"upc": "p1", "name(in: \"no\")": "Hatt", "name": "Hat", "left": 1},
  "Product:2": {"upc": "p2", "name(in: \"no\")": "Sko", "name": "Shoe", "left": 2},
  "Product:3": {"upc": "p3", "name(in: \"no\")": "Skjerf", "name": "Scarf", "left": 3}
}`
)

func shop(t testing.TB) *world {
	return newWorld(t, map[string]string{"shop": shopSchema, "stock": stockSchema}, shopUniverse)
}

func responseOf(t testing.TB, text string) *gatewaytest.Response {
	t.Helper()
	var out gatewaytest.Response
	if err := json.Unmarshal([]byte(text), &out); err != nil {
		t.Fatal(err)
	}
	return &out
}

const second = time.Second
