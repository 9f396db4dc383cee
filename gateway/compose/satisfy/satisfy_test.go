package satisfy_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"callboard.dev/callboard/gateway/compose"
	"callboard.dev/callboard/gateway/compose/satisfy"
	"callboard.dev/callboard/gateway/supergraph"
)

// large makes up an organisation's graph: each subgraph owns entities, adds to entities of others, refers to others still, computes a field from one of another
// subgraph, and shares value types and an interface of all entities.
func large(subgraphs, entities int) []compose.Subgraph {
	random := rand.New(rand.NewPCG(1, 2))
	name := func() string { return fmt.Sprintf("T%dX%d", random.IntN(subgraphs), random.IntN(entities)) }
	var out []compose.Subgraph
	for i := range subgraphs {
		var b strings.Builder
		b.WriteString(`extend schema @link(url: "https://specs.apollo.dev/federation/v2.9", import: ["@key", "@shareable", "@requires", "@external", "@interfaceObject"])` + "\n")
		b.WriteString("type Money @shareable { amount: Int currency: String tax: Tax }\ntype Tax @shareable { rate: Float }\ntype Query {\n")
		for j := range entities {
			fmt.Fprintf(&b, "  t%dX%d(id: ID!): T%dX%d\n", i, j, i, j)
		}
		b.WriteString("}\n")
		seen := map[string]bool{}
		for j := range entities {
			own := fmt.Sprintf("T%dX%d", i, j)
			seen[own] = true
			fmt.Fprintf(&b, "type %s @key(fields: \"id\") @key(fields: \"code maker { id }\") {\n  id: ID! code: Int maker: Maker price: Money\n", own)
			for k := range 6 {
				fmt.Fprintf(&b, "  f%d: String\n", k)
			}
			b.WriteString("}\n")
		}
		fmt.Fprintf(&b, "type Maker @key(fields: \"id\") { id: ID! by%d: String }\n", i)
		for range entities {
			other := name()
			if seen[other] {
				continue
			}
			seen[other] = true
			refer := fmt.Sprintf("T%dX%d", i, random.IntN(entities))
			fmt.Fprintf(&b, "type %s @key(fields: \"id\") { id: ID! code: Int @external added%d: String refers%d: %s computed%d: Int @requires(fields: \"code\") }\n", other, i, i, refer, i)
		}
		out = append(out, compose.Subgraph{Name: fmt.Sprintf("s%d", i), SDL: b.String()})
	}
	return out
}

func largeGraph(b testing.TB, subgraphs, entities int) *supergraph.Supergraph {
	result, errs := compose.Compose(large(subgraphs, entities))
	if errs != nil {
		b.Fatalf("%.2000v", errs.Err())
	}
	graph, err := supergraph.Read("large", result.SDL)
	if err != nil {
		b.Fatal(err)
	}
	return graph
}

// BenchmarkCheck: a graph of 100 subgraphs and 2,000 types.
func BenchmarkCheck(b *testing.B) {
	graph := largeGraph(b, 100, 20)
	b.ReportMetric(float64(len(graph.Full.Types)), "types")
	for b.Loop() {
		checker := satisfy.Checker{Supergraph: graph}
		if result := checker.Check(); len(result.Findings) > 0 || !result.Complete {
			b.Fatalf("%+v", result.Findings)
		}
	}
}

// BenchmarkCompose is the same with all of composition.
func BenchmarkCompose(b *testing.B) {
	subgraphs := large(100, 20)
	for b.Loop() {
		if _, errs := compose.Compose(subgraphs); errs != nil {
			b.Fatal(errs.Err())
		}
	}
}

// TestBudget: a check ends when its budget does, and says so.
func TestBudget(t *testing.T) {
	graph := largeGraph(t, 5, 4)
	whole := satisfy.Checker{Supergraph: graph}
	if result := whole.Check(); !result.Complete || len(result.Findings) > 0 {
		t.Fatalf("not in order: %+v", result)
	}
	for budget := 1; budget < 500; budget += 50 {
		short := satisfy.Checker{Supergraph: graph, Budget: budget}
		if result := short.Check(); result.Complete || len(result.Findings) > 0 {
			t.Errorf("with a budget of %d: %+v", budget, result)
		}
	}
}

// TestStates: a state is visited once, however many paths lead to it, and by a shortest path.
func TestStates(t *testing.T) {
	const link = `extend schema @link(url: "https://specs.apollo.dev/federation/v2.9", import: ["@key", "@override", "@shareable"])` + "\n"
	for name, test := range map[string]struct {
		subgraphs []compose.Subgraph
		want      []string
	}{
		"a circle": {[]compose.Subgraph{{Name: "a", SDL: "type Query { a: A } type A { b: B x: Int } type B { a: A }"}}, []string{
			"{ a { b { __typename } } }", "{ a { b { a { __typename } } } }", "{ a { x } }", "{ a { __typename } }",
		}},
		"labels part ways only below what moves": {[]compose.Subgraph{
			{Name: "a", SDL: link + `type Query { a: A b: Int } type A @key(fields: "id") { id: ID! x: Int y: A }`},
			{Name: "b", SDL: link + `type A @key(fields: "id") { id: ID! x: Int @override(from: "a", label: "l") y: A @override(from: "a", label: "m") }`},
		}, []string{
			"{ a { __typename } }", "{ a { id } }", "{ a { x } }", "{ a { x } }", "{ a { y { __typename } } }", "{ a { y { __typename } } }", "{ b }",
		}},
	} {
		t.Run(name, func(t *testing.T) {
			result, errs := compose.Compose(test.subgraphs)
			if errs != nil {
				t.Fatal(errs.Err())
			}
			graph, err := supergraph.Read(name, result.SDL)
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			checker := satisfy.Checker{Supergraph: graph, Reached: func(p satisfy.Path) { got = append(got, p.Operation()) }}
			if result := checker.Check(); len(result.Findings) > 0 || !result.Complete {
				t.Fatalf("%+v", result)
			}
			slices.Sort(got)
			slices.Sort(test.want)
			if !slices.Equal(got, test.want) {
				t.Errorf("reached\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(test.want, "\n"))
			}
		})
	}
}
