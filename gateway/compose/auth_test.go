package compose_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/vektah/gqlparser/v2/ast"

	"callboard.dev/callboard/gateway/compose"
)

// TestAuthConjunction: over random rules, a caller satisfies the merged rule exactly when it satisfies those of all subgraphs; and the
// merged rule has no alternative that another makes superfluous.
func TestAuthConjunction(t *testing.T) {
	names := []string{"a", "b", "c", "d", "e"}
	random := rand.New(rand.NewPCG(3, 4))
	pick := func() []string {
		return slices.DeleteFunc(slices.Clone(names), func(string) bool { return random.IntN(3) > 0 })
	}
	for range 300 {
		var rules [][][]string
		var subgraphs []compose.Subgraph
		for i := range 1 + random.IntN(3) {
			var rule [][]string
			for range random.IntN(4) {
				rule = append(rule, pick())
			}
			rules = append(rules, rule)
			subgraphs = append(subgraphs, compose.Subgraph{Name: fmt.Sprint("s", i), SDL: fmt.Sprintf(
				`extend schema @link(url: "https://specs.apollo.dev/federation/v2.9", import: ["@shareable", "@policy"]) type Query { a: Int @shareable @policy(policies: %s) }`, listText(rule))})
		}
		result, errs := compose.Compose(subgraphs)
		if errs != nil {
			t.Fatal(errs.Err())
		}
		d := parse(t, result.SDL).Definitions.ForName("Query").Fields[0].Directives.ForName("policy")
		if d == nil {
			t.Fatalf("no rule left of %v", rules)
		}
		merged := alternatives(d.Arguments.ForName("policies").Value)
		for caller := range 1 << len(names) {
			holds := func(name string) bool { return caller>>slices.Index(names, name)&1 == 1 }
			want := !slices.ContainsFunc(rules, func(rule [][]string) bool { return !satisfied(rule, holds) })
			if satisfied(merged, holds) != want {
				t.Fatalf("%v merged to %v, which is wrong for caller %05b", rules, merged, caller)
			}
		}
		for i, one := range merged {
			for j, other := range merged {
				if i != j && !slices.ContainsFunc(one, func(name string) bool { return !slices.Contains(other, name) }) {
					t.Fatalf("%v merged to %v, where %v makes %v superfluous", rules, merged, one, other)
				}
			}
		}
	}
}

func listText(rule [][]string) string {
	var b strings.Builder
	for _, one := range rule {
		fmt.Fprintf(&b, "%q", one)
	}
	return "[" + b.String() + "]"
}

func alternatives(v *ast.Value) [][]string {
	out := [][]string{}
	for _, outer := range v.Children {
		var one []string
		for _, inner := range outer.Value.Children {
			one = append(one, inner.Value.Raw)
		}
		out = append(out, one)
	}
	return out
}

func satisfied(rule [][]string, holds func(string) bool) bool {
	return slices.ContainsFunc(rule, func(one []string) bool {
		return !slices.ContainsFunc(one, func(name string) bool { return !holds(name) })
	})
}
