package server

import (
	"fmt"
	"runtime"
	"strings"
	"testing"

	"callboard.dev/callboard/gateway/compose"
	"callboard.dev/callboard/gateway/execute"
	"callboard.dev/callboard/gateway/supergraph"
)

// shelf is a graph of two subgraphs, for operations as clients write them.
func shelf(t testing.TB) *supergraph.Supergraph {
	const link = `extend schema @link(url: "https://specs.apollo.dev/federation/v2.7", import: ["@key"]) `
	composed, errs := compose.Compose([]compose.Subgraph{
		{Name: "books", SDL: link + `type Query { books(first: Int, after: String): [Book] book(id: ID!): Book }
			type Book @key(fields: "id") { id: ID! title(language: String): String pages: Int author: Author price: Int }
			type Author @key(fields: "id") { id: ID! name: String books: [Book] }`},
		{Name: "shop", SDL: link + `type Book @key(fields: "id") { id: ID! stock(shop: ID): Int reviews(first: Int): [Review] }
			type Review { id: ID! body: String stars: Int author: Author }
			type Author @key(fields: "id") { id: ID! reviews: [Review] }`},
	})
	if err := errs.Err(); err != nil {
		t.Fatal(err)
	}
	s, err := supergraph.Read("shelf", composed.SDL)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// distinct returns the n-th of any number of operations, of some two kilobytes.
func distinct(n int) string {
	var b strings.Builder
	fmt.Fprintf(&b, "query Books%d($first: Int, $shop: ID) {\n", n)
	for i := range 6 {
		fmt.Fprintf(&b, "  shelf%d: books(first: $first, after: \"page %d of %d\") {\n    ...Shown%d\n    author { id name books { id title(language: \"sv\") stock(shop: $shop) } }\n", i, i, n, n)
		fmt.Fprintf(&b, "    reviews(first: %d) { id body stars author { name reviews { id stars } } }\n  }\n", n%50+1)
	}
	fmt.Fprintf(&b, "}\nfragment Shown%d on Book { id title pages stock(shop: $shop) }\n", n)
	return b.String()
}

func heapAfterGC() int {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int(m.HeapAlloc)
}

// TestCachesAreBounded sends far more different operations than the caches of a graph can hold, each often enough to be kept wherever it may be. What the
// graph takes in memory stays below what the caches may hold together, and half as much again.
func TestCachesAreBounded(t *testing.T) {
	g := NewGraph(shelf(t), map[string]execute.Subgraph{}, GraphSettings{})
	bound := documentCacheBytes + planCacheBytes + repeatedBytes
	before := heapAfterGC()
	plans := 0
	for n := range 4000 {
		text := distinct(n)
		body := fmt.Appendf(nil, `{"query":%q,"variables":{"first":%d,"shop":"1"}}`, text, n)
		for range 2 {
			r := &Request{Query: text, Variables: fmt.Appendf(nil, `{"first":%d,"shop":"1"}`, n), body: body}
			if response := g.Execute(t.Context(), r); !response.Executed {
				t.Fatalf("%s", response.Body)
			}
		}
		plans++
	}
	g.documents.CleanUp()
	g.plans.CleanUp()
	g.repeated.kept.CleanUp()
	grown := heapAfterGC() - before
	t.Logf("%d MB for %d documents, %d plans and %d bodies; the bound is %d MB", grown>>20, g.documents.EstimatedSize(), g.plans.EstimatedSize(), g.repeated.kept.EstimatedSize(), bound>>20)
	if grown > bound+bound/2 {
		t.Errorf("the caches take %d MB, and may take %d", grown>>20, bound>>20)
	}
	if grown < bound/4 {
		t.Errorf("the caches take %d MB of the %d that they may: what is counted for an entry is far too much", grown>>20, bound>>20)
	}
	if g.plans.EstimatedSize() == plans {
		t.Error("everything was kept: the test sends too little to show anything")
	}
	runtime.KeepAlive(g)
}

// TestPlanIsOfTheRequest asks one text for different operations, under different conditions, again and again: none gets the plan of another.
func TestPlanIsOfTheRequest(t *testing.T) {
	g := NewGraph(shelf(t), nil, GraphSettings{})
	const text = `query A($with: Boolean!, $first: Int) { books(first: $first) { id pages @include(if: $with) price @skip(if: $with) } } query B { books { title } }`
	for range 3 {
		for _, c := range []struct{ name, variables, want string }{
			{"A", `{"with":true,"first":1}`, "{books(first: $first){id pages}}"},
			{"A", `{"with":false,"first":2}`, "{books(first: $first){id price}}"},
			{"B", ``, "{books{title}}"},
		} {
			got, errs := g.Explain(t.Context(), &Request{Query: text, OperationName: c.name, Variables: []byte(c.variables)})
			if errs != nil || !strings.Contains(got, c.want) {
				t.Errorf("%s %s: %v\n%s", c.name, c.variables, errs, got)
			}
		}
		if _, errs := g.Explain(t.Context(), &Request{Query: text}); errs == nil {
			t.Error("which of the two operations is not said, and one was planned")
		}
	}
}
