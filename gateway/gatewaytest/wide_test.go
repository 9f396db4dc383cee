package gatewaytest

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"callboard.dev/callboard/gateway/compose"
	"callboard.dev/callboard/gateway/operation"
	"callboard.dev/callboard/gateway/plan"
	"callboard.dev/callboard/gateway/server"
	"callboard.dev/callboard/gateway/supergraph"
)

// wide composes so many subgraphs, each with so many entity types of its own, which lead to those of the next subgraph, and one entity that all of
// them extend.
func wide(t testing.TB, subgraphs, types int) string {
	t.Helper()
	var list []compose.Subgraph
	for s := range subgraphs {
		var b strings.Builder
		b.WriteString(`extend schema @link(url: "https://specs.apollo.dev/federation/v2.3", import: ["@key", "@shareable"])` + "\n")
		fmt.Fprintf(&b, "type Query { user%d: User\n", s)
		for i := range types {
			fmt.Fprintf(&b, "  s%dt%d(id: ID!, filter: Filter%d): S%dT%d\n", s, i, s, s, i)
		}
		fmt.Fprintf(&b, "}\ntype User @key(fields: \"id\") { id: ID! own%d: Int first%d: S%dT0 }\n", s, s, s)
		fmt.Fprintf(&b, "interface Named%d { name: String }\nenum Kind%d { A B C }\ninput Filter%d { kind: Kind%d text: [String!] }\n", s, s, s, s)
		next := (s + 1) % subgraphs
		for i := range types {
			fmt.Fprintf(&b, "type S%dT%d implements Named%d @key(fields: \"id\") { id: ID! name: String kind: Kind%d size(unit: String): Int owner: User next: S%dT%d }\n", s, i, s, s, next, i)
			fmt.Fprintf(&b, "type S%dT%d @key(fields: \"id\") { id: ID! back%d: Int }\n", next, i, s)
		}
		list = append(list, compose.Subgraph{Name: fmt.Sprintf("s%d", s), SDL: b.String()})
	}
	composed, errs := compose.Compose(list)
	if err := errs.Err(); err != nil {
		t.Fatal(err)
	}
	return composed.SDL
}

// wideQuery leads through three subgraphs of any wide graph.
const wideQuery = `{ s0t0(id: 1) { id name kind next { id name size owner { id own1 own2 } } } user2 { id own0 first1 { name } } }`

func read(t testing.TB, text string) *supergraph.Supergraph {
	t.Helper()
	s, err := supergraph.Read("test", text)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// prepare returns the normal form of an operation.
func prepare(t testing.TB, s *supergraph.Supergraph, text string) *operation.Operation {
	t.Helper()
	return prepareWith(t, s, text, operation.Limits{})
}

func prepareWith(t testing.TB, s *supergraph.Supergraph, text string, limits operation.Limits) *operation.Operation {
	t.Helper()
	document, errs := operation.Parse(s.API, text, limits)
	if errs != nil {
		t.Fatal(errs)
	}
	op, errs := document.Normalize("", nil)
	if errs != nil {
		t.Fatal(errs)
	}
	return op
}

// BenchmarkLoad reads a supergraph of 100 subgraphs and 2,000 types and makes a graph of it.
func BenchmarkLoad(b *testing.B) {
	text := wide(b, 100, 20)
	b.SetBytes(int64(len(text)))
	b.ReportAllocs()
	for b.Loop() {
		server.NewGraph(read(b, text), nil, server.GraphSettings{})
	}
}

// BenchmarkPlanWide plans one small operation over supergraphs of different sizes: the time must not depend on them.
func BenchmarkPlanWide(b *testing.B) {
	for _, subgraphs := range []int{4, 20, 100} {
		b.Run(fmt.Sprintf("subgraphs=%d", subgraphs), func(b *testing.B) {
			s := read(b, wide(b, subgraphs, 20))
			op := prepare(b, s, wideQuery)
			planner := &plan.Planner{Supergraph: s}
			b.ReportAllocs()
			for b.Loop() {
				if _, err := planner.Plan(b.Context(), op, nil); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// BenchmarkFirstPlan is what a new operation of about a kilobyte costs before its first fetch, stage by stage.
func BenchmarkFirstPlan(b *testing.B) {
	folder := "../../../shared/bench-cases/"
	text, err := os.ReadFile(folder + "supergraph.graphql")
	if err != nil {
		b.Skip("no folder of bench cases beside the repository")
	}
	query, err := os.ReadFile(folder + "query.graphql")
	if err != nil {
		b.Fatal(err)
	}
	s := read(b, string(text))
	planner := &plan.Planner{Supergraph: s}
	b.Run("all", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			op := prepare(b, s, string(query))
			if _, err := planner.Plan(b.Context(), op, nil); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("parse", func(b *testing.B) {
		for b.Loop() {
			if _, errs := operation.Parse(s.API, string(query), operation.Limits{}); errs != nil {
				b.Fatal(errs)
			}
		}
	})
	b.Run("normalize", func(b *testing.B) {
		document, _ := operation.Parse(s.API, string(query), operation.Limits{})
		for b.Loop() {
			_, _ = document.Normalize("", nil)
		}
	})
	b.Run("plan", func(b *testing.B) {
		op := prepare(b, s, string(query))
		for b.Loop() {
			if _, err := planner.Plan(b.Context(), op, nil); err != nil {
				b.Fatal(err)
			}
		}
	})
}
