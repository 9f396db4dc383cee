package gatewaytest

import (
	"bytes"
	"path/filepath"
	"strings"
	"testing"

	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/formatter"
	"github.com/vektah/gqlparser/v2/parser"

	"callboard.dev/callboard/gateway/execute"
)

// derived returns the gateway of a world over stand-ins with the schemas that were derived from the supergraph.
func derived(t testing.TB, world *World, universe *Universe) *Gateway {
	t.Helper()
	recorder := &Recorder{}
	subgraphs := map[string]execute.Subgraph{}
	for _, own := range SubgraphsOf(world.Gateway.Supergraph) {
		s, err := NewStandIn(own.Name, own.SDL, universe, recorder)
		if err != nil {
			t.Fatalf("%v\n%s", err, own.SDL)
		}
		subgraphs[own.Name] = s
	}
	gateway := New(world.Gateway.Supergraph, subgraphs, recorder)
	gateway.Executor.Expose = world.Gateway.Executor.Expose
	return gateway
}

// TestSubgraphsOf answers every archive, and made-up operations on its graph, from subgraphs whose schemas were derived: as from the subgraphs themselves.
func TestSubgraphsOf(t *testing.T) {
	for _, file := range archives(t) {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txtar"), func(t *testing.T) {
			a, world := open(t, file, nil)
			if a.Settings.Down != nil {
				t.Skip("a subgraph does not answer")
			}
			gateway := derived(t, world, world.Monolith.Universe)
			requests := []Request{a.Request}
			for seed := range uint64(20) {
				requests = append(requests, RandomOperation(world.Gateway.Supergraph.API, seed))
			}
			for _, r := range requests {
				want, got := world.Gateway.Do(t.Context(), r).Body, gateway.Do(t.Context(), r).Body
				if !bytes.Equal(want, got) {
					t.Errorf("%s\n%s\nwith the subgraphs' own schemas:\n%s\nwith derived ones:\n%s", r.Query, r.Variables, want, got)
				}
				if want, got := world.Gateway.Recorder.Faults(), gateway.Recorder.Faults(); len(want) == 0 && len(got) > 0 {
					t.Errorf("%s\n%s", r.Query, strings.Join(got, "\n"))
				}
			}
		})
	}
}

// typed returns the request with __typename asked for of every object.
func typed(t *testing.T, r Request) Request {
	t.Helper()
	doc, err := parser.ParseQuery(&ast.Source{Input: r.Query})
	if err != nil {
		t.Fatal(err)
	}
	var add func(set ast.SelectionSet) ast.SelectionSet
	add = func(set ast.SelectionSet) ast.SelectionSet {
		for _, selection := range set {
			switch s := selection.(type) {
			case *ast.Field:
				if len(s.SelectionSet) > 0 {
					s.SelectionSet = add(s.SelectionSet)
				}
			case *ast.InlineFragment:
				s.SelectionSet = add(s.SelectionSet)
			}
		}
		return append(ast.SelectionSet{&ast.Field{Name: "__typename", Alias: "__typename"}}, set...)
	}
	for _, op := range doc.Operations {
		op.SelectionSet = add(op.SelectionSet)
	}
	for _, fragment := range doc.Fragments {
		fragment.SelectionSet = add(fragment.SelectionSet)
	}
	var out strings.Builder
	formatter.NewFormatter(&out).FormatQueryDocument(doc)
	r.Query = out.String()
	return r
}

// TestUniverseOf rebuilds the data of every archive from the answer alone. The monolith then gives that answer again.
func TestUniverseOf(t *testing.T) {
	for _, file := range archives(t) {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txtar"), func(t *testing.T) {
			a, world := open(t, file, nil)
			r := typed(t, a.Request)
			response, err := world.Gateway.Do(t.Context(), r).Response()
			if err != nil {
				t.Fatal(err)
			}
			if len(response.Errors) > 0 || response.Data == nil || strings.Contains(r.Query, "__schema") {
				t.Skip("the answer is not one of data alone")
			}
			if world.Gateway.Supergraph.Contexts {
				t.Skip("an answer does not tell what arguments the gateway filled in")
			}
			universe, err := UniverseOf(world.Gateway.Supergraph, []Answered{{Request: r, Data: response.Data}})
			if err != nil {
				t.Fatal(err)
			}
			data, errs, err := (&Monolith{Supergraph: world.Gateway.Supergraph, Universe: universe}).Execute(r)
			if err != nil || len(errs) > 0 || !bytes.Equal(data, response.Data) {
				t.Errorf("%v %v\nanswered:\n%s\nby the monolith from that answer:\n%s", err, errs, response.Data, data)
			}
		})
	}
}

// TestUniverseOfUnknownType gives an answer that does not say which types its objects are of.
func TestUniverseOfUnknownType(t *testing.T) {
	_, world := open(t, "../testdata/interface-implementations.txtar", nil)
	r := Request{Query: "{ goods { id } }"}
	_, err := UniverseOf(world.Gateway.Supergraph, []Answered{{Request: r, Data: []byte(`{"goods":[{"id":"b1"}]}`)}})
	if err == nil || !strings.Contains(err.Error(), "it has id") {
		t.Errorf("got error %v", err)
	}
}

// TestSubgraphsOfCases derives the schemas of the graphs of the federation cases, and answers made-up operations from them.
func TestSubgraphsOfCases(t *testing.T) {
	folders, _ := filepath.Glob(filepath.Join(beside(t), "federation-cases", "*", "tests.json"))
	if len(folders) == 0 {
		t.Skip("no folder of federation cases beside the repository")
	}
	for _, file := range folders {
		t.Run(filepath.Base(filepath.Dir(file)), func(t *testing.T) {
			world := randomWorld(t, filepath.Dir(file))
			world.Gateway = derived(t, world, world.Monolith.Universe)
			for seed := range uint64(20) {
				compare(t, world, RandomOperation(world.Gateway.Supergraph.API, seed))
				if t.Failed() {
					return
				}
			}
		})
	}
}
