package gatewaytest

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"callboard.dev/callboard/gateway/compose"
	"callboard.dev/callboard/gateway/operation"
	"callboard.dev/callboard/gateway/plan"
	"callboard.dev/callboard/gateway/supergraph"
)

// hostile is a supergraph with an operation that is hard to plan over it.
type hostile struct {
	name       string
	supergraph *supergraph.Supergraph
	query      string
}

// hostiles are the shapes in which planning has most ways to choose among, or most to write down.
func hostiles(t testing.TB) []hostile {
	repeat := func(n int, part func(i int) string) string {
		var b strings.Builder
		for i := range n {
			b.WriteString(part(i))
		}
		return b.String()
	}
	composed := func(n int, schema func(i int) string) *supergraph.Supergraph {
		var list []compose.Subgraph
		for i := range n {
			list = append(list, compose.Subgraph{Name: fmt.Sprintf("s%d", i),
				SDL: `extend schema @link(url: "https://specs.apollo.dev/federation/v2.3", import: ["@key", "@shareable", "@external", "@requires"])` + "\n" + schema(i)})
		}
		out, errs := compose.Compose(list)
		if err := errs.Err(); err != nil {
			t.Fatal(err)
		}
		return read(t, out.SDL)
	}
	const types = 12
	lattice := composed(12, func(s int) string {
		return "type Query { t0: T0 @shareable }\n" + repeat(types, func(i int) string {
			return fmt.Sprintf("type T%d @key(fields: \"id\") { id: ID! @shareable name: String @shareable a: T%d @shareable b: T%d @shareable own%d: Int }\n",
				i, (i+1)%types, (i+3)%types, s)
		})
	})
	mixed := "id"
	for i := range 20 {
		mixed = fmt.Sprintf("own%d own%d own%d a { %s } b { id own%d }", i%12, (i+3)%12, (i+7)%12, mixed, (i+5)%12)
	}
	bushy := "own1 own2"
	for i := range 10 {
		bushy = fmt.Sprintf("own%d a { %s } b { %s }", i, bushy, bushy)
	}
	const members = 400
	interfaces := composed(3, func(s int) string {
		out := ""
		if s == 0 {
			out = "type Query { node: Node nodes: [Node] any: Any }\ninterface Node { id: ID! next: Node }\n" +
				"union Any = " + strings.TrimPrefix(repeat(members, func(i int) string { return fmt.Sprintf(" | M%d", i) }), " |") + "\n"
		}
		return out + repeat(members, func(i int) string {
			if s == 0 {
				return fmt.Sprintf("type M%d implements Node @key(fields: \"id\") { id: ID! next: Node f%d: Int any: Any }\n", i, i%7)
			}
			return fmt.Sprintf("type M%d @key(fields: \"id\") { id: ID! g%d: Int h%d_%d: Int }\n", i, s, s, i%7)
		})
	})
	each := repeat(members, func(i int) string { return fmt.Sprintf("...on M%d{f%d g1 h2_%d}", i, i%7, i%7) })
	deep := "id"
	for range 30 {
		deep = "id next { " + deep + " }"
	}
	chained := composed(100, func(s int) string {
		if s == 0 {
			return "type Query { e: E }\ntype E @key(fields: \"k0\") { k0: ID! @shareable own0: Int }\n"
		}
		return fmt.Sprintf("type E @key(fields: \"k%d\") @key(fields: \"k%d\") { k%d: ID! @shareable k%d: ID! @shareable own%d: Int next%d: E }\n", s-1, s, s-1, s, s, s)
	})
	long := "own99"
	for i := range 12 {
		long = fmt.Sprintf("own%d own%d next%d { %s }", 99-i, 50+i, 90-i, long)
	}
	everywhere := composed(100, func(s int) string {
		return fmt.Sprintf("type Query { e: E @shareable }\ntype E @key(fields: \"id\") { id: ID! @shareable a: E @shareable b: E @shareable own%d: Int }\n", s)
	})
	all := repeat(100, func(i int) string { return fmt.Sprintf("own%d ", i) })
	required := composed(12, func(s int) string {
		if s == 0 {
			return "type Query { e: E }\ntype E @key(fields: \"id\") { id: ID! r0: Int a: E }\n"
		}
		return fmt.Sprintf("type E @key(fields: \"id\") { id: ID! r%d: Int @external r%d: Int @requires(fields: \"r%d\") e%d: E }\n", s-1, s, s-1, s)
	})
	need := "r11"
	for i := range 12 {
		need = fmt.Sprintf("r%d r%d e%d { %s } a { r%d }", 11-i%11, 1+i%11, 1+i%11, need, 11)
	}
	return []hostile{
		{"fields that twelve subgraphs share, with a part of each", lattice, "{ t0 { " + mixed + " } }"},
		{"a tree of fields that twelve subgraphs share", lattice, "{ t0 { " + bushy + " } }"},
		{"a part of each object type", interfaces, "{ node { " + each + " } }"},
		{"a part of each object type, twice below each other", interfaces, "{ nodes { next { " + each + "} " + each + " } }"},
		{"a part of each member of a union in each", interfaces, "{ any { ...a } } fragment a on Any {" + repeat(20, func(i int) string { return fmt.Sprintf("...on M%d { any { ...b } }", i) }) + "} fragment b on Any { " + each + "}"},
		{"an interface below an interface", interfaces, "{ node { " + deep + " } }"},
		{"a hundred subgraphs, each entered from the one before", chained, "{ e { " + long + " } }"},
		{"a hundred subgraphs with one entity", everywhere, "{ e { " + all + " a { " + all + " b { " + all + " a { " + all + "} } } } }"},
		{"requirements that require each other", required, "{ e { " + need + " } }"},
	}
}

// TestHardOperationsEnd plans what is hard to plan: within the budget there is a plan, or an error that says what to do, and whoever gives up is not kept.
func TestHardOperationsEnd(t *testing.T) {
	gaveUp, cancel := context.WithCancel(t.Context())
	cancel()
	for _, h := range hostiles(t) {
		t.Run(h.name, func(t *testing.T) {
			op := prepareWith(t, h.supergraph, h.query, operation.Limits{Fields: 100_000, SameKey: 1000})
			limits := []struct {
				planner plan.Planner
				why     string // "" where there may be a plan
			}{
				{plan.Planner{Budget: 200_000}, ""},
				{plan.Planner{Budget: 20}, "takes too many steps"},
				{plan.Planner{Budget: 200_000, Memory: 2_000}, "takes too much memory"},
				{plan.Planner{Timeout: 1}, "takes too long"},
			}
			for i := range limits {
				planner := &limits[i].planner
				planner.Supergraph = h.supergraph
				made, err := planner.Plan(t.Context(), op, nil)
				var refused *plan.Error
				switch {
				case err == nil && (limits[i].why != "" || made == nil), err != nil && made != nil:
					t.Errorf("%d: a plan where none is wanted, or none and no error: %v", i, err)
				case err != nil && (!errors.As(err, &refused) || refused.Code != plan.CodeBudget || !strings.Contains(refused.Message, limits[i].why)):
					t.Errorf("%d: %v, want it to say that it %s", i, err, limits[i].why)
				}
			}
			if _, err := (&plan.Planner{Supergraph: h.supergraph}).Plan(gaveUp, op, nil); !errors.Is(err, context.Canceled) {
				t.Errorf("the client gave up, and planning says %v", err)
			}
		})
	}
}
