package gatewaytest

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"hash/fnv"
	"math/rand/v2"
	"strconv"
	"strings"
	"sync"
	"testing"

	"callboard.dev/callboard/gateway/execute"
	"callboard.dev/callboard/gateway/operation"
	"callboard.dev/callboard/gateway/plan"
)

// secret is in everything that a failing subgraph says and that clients must not see.
const secret = "secret4711"

// faults makes subgraphs fail, each request in a way of its own that the seed decides.
type faults struct {
	seed    uint64
	rate    int  // one request in so many fails
	hostile bool // answers may be wrong, beside missing

	mu     sync.Mutex
	failed map[int]string // by fetch: how
	loud   bool           // some answer must be an error for clients
}

// wrap returns the subgraph with faults.
func (x *faults) wrap(name string, inner execute.Subgraph) execute.Subgraph {
	return execute.SubgraphFunc(func(ctx context.Context, r *execute.Request) (*execute.Answer, error) {
		h := fnv.New64a()
		fmt.Fprintf(h, "%d %s %s %s", x.seed, name, r.Fetch.Text, r.Variables)
		g := &failing{random: rand.New(rand.NewPCG(h.Sum64(), 0))}
		if g.random.IntN(x.rate) != 0 {
			return inner.Fetch(ctx, r)
		}
		answer, err := inner.Fetch(ctx, r)
		if err != nil {
			return answer, err
		}
		kinds := drops
		if x.hostile {
			kinds = append(kinds[:len(kinds):len(kinds)], lies...)
		}
		kind := kinds[g.random.IntN(len(kinds))]
		x.mu.Lock()
		x.failed[r.Fetch.ID] = kind.name
		x.loud = x.loud || kind.loud
		x.mu.Unlock()
		return kind.fail(g, answer)
	})
}

// failing is one request that fails.
type failing struct {
	random *rand.Rand
}

// fault is a way to fail.
type fault struct {
	name string
	loud bool // clients must be told
	fail func(g *failing, healthy *execute.Answer) (*execute.Answer, error)
}

func readable(text string) (*execute.Answer, error) {
	answer, err := execute.ReadAnswer([]byte(text))
	if err != nil {
		return nil, &execute.FetchError{Code: execute.CodeBadAnswer, Reason: "its answer is not a GraphQL response", Cause: err}
	}
	return answer, nil
}

// drops are the faults that take data away and change none.
var drops = []fault{
	{"unreachable", true, func(*failing, *execute.Answer) (*execute.Answer, error) {
		return nil, &execute.FetchError{Code: execute.CodeUnreachable, Reason: "it could not be reached", Cause: errors.New("dial " + secret)}
	}},
	{"timeout", true, func(*failing, *execute.Answer) (*execute.Answer, error) { return nil, context.DeadlineExceeded }},
	{"status", true, func(*failing, *execute.Answer) (*execute.Answer, error) {
		return nil, &execute.FetchError{Code: execute.CodeStatus, Reason: "it answered with HTTP status 500"}
	}},
	{"error", true, func(*failing, *execute.Answer) (*execute.Answer, error) { return nil, errors.New(secret) }},
	{"panic", true, func(*failing, *execute.Answer) (*execute.Answer, error) { panic(secret) }},
	{"errors alone", true, func(*failing, *execute.Answer) (*execute.Answer, error) {
		return readable(`{"errors":[{"message":"` + secret + `","extensions":{"code":"` + secret + `"}}]}`)
	}},
	{"errors beside data", true, func(g *failing, healthy *execute.Answer) (*execute.Answer, error) {
		return &execute.Answer{Data: healthy.Data, Errors: append(g.errors(), healthy.Errors...)}, nil
	}},
	{"null with errors", true, func(g *failing, _ *execute.Answer) (*execute.Answer, error) {
		return &execute.Answer{Data: []byte("null"), Errors: g.errors()}, nil
	}},
	{"null alone", true, func(*failing, *execute.Answer) (*execute.Answer, error) { return readable(`{"data": null}`) }},
	{"null entities", false, func(g *failing, healthy *execute.Answer) (*execute.Answer, error) {
		return g.entities(healthy, func(list []any) []any {
			for i := range list {
				if g.random.IntN(2) == 0 {
					list[i] = nil
				}
			}
			return list
		})
	}},
	{"entities missing", false, func(g *failing, healthy *execute.Answer) (*execute.Answer, error) {
		return g.entities(healthy, func(list []any) []any { return list[g.random.IntN(len(list)+1):] })
	}},
	{"entities in excess", false, func(g *failing, healthy *execute.Answer) (*execute.Answer, error) {
		return g.entities(healthy, func(list []any) []any { return append([]any{nil}, list...) })
	}},
	{"truncated", true, func(g *failing, healthy *execute.Answer) (*execute.Answer, error) {
		return &execute.Answer{Data: healthy.Data[:g.random.IntN(len(healthy.Data))]}, nil
	}},
	{"garbage", true, func(g *failing, healthy *execute.Answer) (*execute.Answer, error) {
		text := []string{"<html>" + secret, "", "[]", "7", `{"data":`, `{"data":{}} {}`, `{"data":"x","errors":null}`, "{\"data\":{\"\xff\":1}}", `{"errors":{}}`, `{"errors":[7]}`, `{}`}
		return readable(text[g.random.IntN(len(text))])
	}},
}

// lies are the faults that change data.
var lies = []fault{
	{"wrong values", false, func(g *failing, healthy *execute.Answer) (*execute.Answer, error) {
		return g.changed(healthy, func(value any) any {
			return g.one("text", json.Number("7"), json.Number("-0.5e3"), json.Number("1e999"), json.Number("99999999999999999999"), true, nil, []any{}, map[string]any{}, []any{[]any{nil}},
				map[string]any{"__typename": "Nothing", "id": "7"}, strings.Repeat("long ", 20_000), json.RawMessage(`"\ud800"`), json.RawMessage(`"\u0000"`), json.RawMessage(`-0`),
				json.RawMessage(strings.Repeat("[", 3_000)+strings.Repeat("]", 3_000)), []any{value, value}, []any{value})
		})
	}},
	{"wrong types", false, func(g *failing, healthy *execute.Answer) (*execute.Answer, error) {
		return g.changed(healthy, func(value any) any {
			if object, ok := value.(map[string]any); ok {
				object["__typename"] = g.one("Ant", "Bee", "Query", "Nothing", "", nil, json.Number("1"), json.RawMessage(`"\u0041nt"`))
			}
			return value
		})
	}},
	{"members missing or in excess", false, func(g *failing, healthy *execute.Answer) (*execute.Answer, error) {
		return g.changed(healthy, func(value any) any {
			object, ok := value.(map[string]any)
			if !ok {
				return value
			}
			for _, name := range sortedKeys(object) {
				if g.random.IntN(2) == 0 {
					delete(object, name)
				}
			}
			object["excess"] = []any{map[string]any{"id": "1"}}
			return object
		})
	}},
	{"members twice", false, func(g *failing, healthy *execute.Answer) (*execute.Answer, error) {
		return g.changed(healthy, func(value any) any {
			text := marshal(value)
			if len(text) < 3 || text[0] != '{' {
				return value
			}
			return json.RawMessage("{" + string(text[1:len(text)-1]) + "," + string(text[1:]))
		})
	}},
	{"broken text", true, func(g *failing, healthy *execute.Answer) (*execute.Answer, error) {
		data := bytes.Clone(healthy.Data)
		data[g.random.IntN(len(data))] = []byte{0xff, 0, '"', '{', ']', '\\', 'x'}[g.random.IntN(7)]
		if json.Valid(data) { // it hit the inside of a string
			return &execute.Answer{Data: data, Errors: g.errors()}, nil
		}
		return &execute.Answer{Data: data}, nil
	}},
}

func (g *failing) one(values ...any) any { return values[g.random.IntN(len(values))] }

// errors makes up errors of a subgraph, with paths right and wrong.
func (g *failing) errors() []execute.SubgraphError {
	steps := []any{"_entities", 0, 1, "id", "name", "", -1, 99, json.Number("1"), json.Number("1e3"), 2.5, float64(1), nil, []any{}, "__typename"}
	var list []execute.SubgraphError
	for range 1 + g.random.IntN(3) {
		e := execute.SubgraphError{Message: secret}
		for range g.random.IntN(6) {
			e.Path = append(e.Path, steps[g.random.IntN(len(steps))])
		}
		if g.random.IntN(2) == 0 && len(e.Path) > 0 {
			e.Path[0] = "_entities"
		}
		list = append(list, e)
	}
	return list
}

// entities changes the lists of entities in an answer.
func (g *failing) entities(healthy *execute.Answer, change func(list []any) []any) (*execute.Answer, error) {
	var data map[string]any
	decoder := json.NewDecoder(bytes.NewReader(healthy.Data))
	decoder.UseNumber()
	if err := decoder.Decode(&data); err != nil {
		return healthy, nil
	}
	for _, name := range sortedKeys(data) {
		if list, ok := data[name].([]any); ok && strings.HasPrefix(name, "_e") {
			data[name] = change(list)
		}
	}
	return &execute.Answer{Data: marshal(data), Errors: healthy.Errors}, nil
}

// changed changes some value anywhere in an answer.
func (g *failing) changed(healthy *execute.Answer, change func(value any) any) (*execute.Answer, error) {
	var data any
	decoder := json.NewDecoder(bytes.NewReader(healthy.Data))
	decoder.UseNumber()
	if err := decoder.Decode(&data); err != nil {
		return healthy, nil
	}
	var walk func(value any) any
	walk = func(value any) any {
		if g.random.IntN(5) == 0 {
			return change(value)
		}
		switch value := value.(type) {
		case map[string]any:
			for _, name := range sortedKeys(value) {
				value[name] = walk(value[name])
			}
		case []any:
			for i := range value {
				value[i] = walk(value[i])
			}
		}
		return value
	}
	return &execute.Answer{Data: marshal(walk(data)), Errors: healthy.Errors}, nil
}

// FuzzFaults answers made-up operations, on the archives' graphs and on made-up ones, with subgraphs that fail and lie. Whatever they do, the answer is
// one that the operation and the API schema allow, tells of what failed, and keeps what healthy requests brought.
func FuzzFaults(f *testing.F) {
	for seed := range uint64(*graphs) {
		f.Add(seed, seed)
	}
	all := worlds(f)
	f.Fuzz(func(t *testing.T, which, seed uint64) {
		var m *made
		if which%2 == 0 {
			m = &made{World: all[which/2%uint64(len(all))]}
			m.Gateway.Limits = operation.Limits{Fields: 100_000, Aliases: 100_000, RootFields: 100_000, SameKey: 100_000}
		} else {
			m = madeUpGraph(t, which)
		}
		checkFaults(t, m, seed)
	})
}

// checkFaults answers some operations with faults.
func checkFaults(t testing.TB, m *made, seed uint64) {
	t.Helper()
	for n := range uint64(4) {
		r := RandomOperation(m.Gateway.Supergraph.API, seed*4+n)
		for k := range uint64(4) {
			x := &faults{seed: seed*16 + n*4 + k, rate: 1 + int(k), hostile: k%2 == 1, failed: map[int]string{}}
			m.survives(t, r, x)
			if t.Failed() {
				if m.subgraphs != nil {
					t.Log(NewArchive(m.subgraphs, m.Monolith.Universe, r))
				}
				return
			}
		}
	}
}

// survives answers a request without and with faults, and compares.
func (m *made) survives(t testing.TB, r Request, x *faults) {
	t.Helper()
	healthy := m.Gateway.Do(t.Context(), r)
	if healthy.Plan == nil {
		return
	}
	m.Gateway.Recorder.Faults()
	m.Gateway.Recorder.Take()
	ill := *m.Gateway
	ill.Executor = &execute.Executor{Subgraphs: map[string]execute.Subgraph{}}
	for name, subgraph := range m.Gateway.Executor.Subgraphs {
		ill.Executor.Subgraphs[name] = x.wrap(name, subgraph)
	}
	result := ill.Do(t.Context(), r)
	requests := m.Gateway.Recorder.Take()
	m.Gateway.Recorder.Faults() // wrong keys make wrong representations
	c := &conformer{api: m.Gateway.Supergraph.API}
	want, err := readAnswered(healthy.Body)
	if err == nil {
		err = c.check(want, healthy.Operation)
	}
	if err != nil {
		t.Errorf("without faults: %v", err)
	}
	got, err := readAnswered(result.Body)
	if err == nil {
		err = c.check(got, result.Operation)
	}
	switch {
	case err != nil:
		t.Errorf("with faults: %v", err)
	case x.loud && len(got.errors) == 0:
		t.Error("clients are not told that something failed")
	case bytes.Contains(result.Body, []byte(secret)):
		t.Error("what a subgraph said is told to clients")
	case want != nil:
		m.kept(t, want, got, result, x)
	}
	if t.Failed() {
		body := result.Body
		if len(body) > 5000 {
			body = body[:5000]
		}
		t.Logf("%s%s\n%s\n%s%v\nwith faults:\n%s\nwithout:\n%s", r.Query, r.Variables, result.Plan, Describe(requests), x.failed, body, healthy.Body)
	}
}

// kept compares leaf by leaf. What only healthy requests wrote is there, unless null took it along; what is there is right where no subgraph lied.
func (m *made) kept(t testing.TB, want, got *answered, result *Result, x *faults) {
	t.Helper()
	w := newWriters(result.Plan, x.failed)
	before := map[string]any{}
	leaves(want.data, "", before)
	for _, path := range sortedKeys(before) {
		value, at := atPath(got.data, path)
		switch {
		case value == nil && !w.tainted(at) && !w.taintedBelow(at):
			t.Errorf("%s is null at %q, and no request that brings it failed", path, at)
			return
		case value != nil && value != before[path] && (!x.hostile || !w.tainted(path)):
			t.Errorf("%s is %v, and was %v", path, value, before[path])
			return
		}
	}
	if x.hostile {
		return
	}
	after := map[string]any{}
	leaves(got.data, "", after)
	for _, path := range sortedKeys(after) {
		if _, there := before[path]; !there {
			t.Errorf("%s is there with faults, and is not without", path)
			return
		}
	}
}

// writers knows which fetches write the values of a response, and which of those may be wrong because one they need failed.
type writers struct {
	plan  *plan.Plan
	wrong map[int]bool
	by    map[string][]int // by path of slots
}

func newWriters(p *plan.Plan, failed map[int]string) *writers {
	w := &writers{plan: p, wrong: map[int]bool{}, by: map[string][]int{}}
	for _, f := range p.Fetches {
		_, w.wrong[f.ID] = failed[f.ID]
		for _, before := range f.After {
			w.wrong[f.ID] = w.wrong[f.ID] || w.wrong[before]
		}
		var note func(path string, s *plan.Selection)
		note = func(path string, s *plan.Selection) {
			for _, field := range s.Fields {
				at := path + "/" + strconv.Itoa(field.Slot)
				w.by[at] = append(w.by[at], f.ID)
				if field.Selection != nil {
					note(at, field.Selection)
				}
			}
		}
		along := func(steps []plan.Step) string {
			path := ""
			for _, step := range steps {
				path += "/" + strconv.Itoa(step.Slot)
			}
			return path
		}
		if f.Root != nil {
			note(along(f.At), f.Root)
		}
		for _, e := range f.Entities {
			for _, target := range e.Targets {
				note(along(target.Path), target.Selection)
			}
		}
	}
	return w
}

// slots returns the slots that a path of response keys may stand for, one path for each way to read it, with the shape at its end.
func (w *writers) slots(path string) (all []string, ends []*plan.Shape) {
	all, ends = []string{""}, []*plan.Shape{w.plan.Shape}
	for _, key := range strings.Split(path, "/")[1:] {
		if _, err := strconv.Atoi(key); err == nil {
			continue
		}
		var next []string
		var shapes []*plan.Shape
		for i, shape := range ends {
			if shape == nil { // inside a custom scalar
				next, shapes = append(next, all[i]), append(shapes, nil)
				continue
			}
			for _, f := range shape.Fields {
				switch {
				case f.Key != key:
				case f.Typename:
					next, shapes = append(next, all[i]+"/0"), append(shapes, nil)
				case !f.Unasked:
					next, shapes = append(next, all[i]+"/"+strconv.Itoa(f.Slot)), append(shapes, f.Shape)
				}
			}
		}
		all, ends = next, shapes
	}
	return all, ends
}

// tainted tells whether a failed request may have written something on the way to the path.
func (w *writers) tainted(path string) bool {
	all, _ := w.slots(path)
	for _, slots := range all {
		for at := slots; at != ""; at = at[:strings.LastIndexByte(at, '/')] {
			for _, id := range append(w.by[at], w.by[at[:strings.LastIndexByte(at, '/')]+"/0"]...) {
				if w.wrong[id] {
					return true
				}
			}
		}
	}
	return false
}

// taintedBelow tells whether a failed request should have written something below the path, which may be null and not allowed to be.
func (w *writers) taintedBelow(path string) bool {
	all, _ := w.slots(path)
	for _, slots := range all {
		for at, ids := range w.by {
			if !strings.HasPrefix(at, slots+"/") {
				continue
			}
			for _, id := range ids {
				if w.wrong[id] {
					return true
				}
			}
		}
	}
	return path == ""
}
