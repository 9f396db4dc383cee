package gatewaytest

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/vektah/gqlparser/v2"
	"github.com/vektah/gqlparser/v2/ast"

	"callboard.dev/callboard/gateway/compose"
	"callboard.dev/callboard/gateway/execute"
	"callboard.dev/callboard/gateway/operation"
	"callboard.dev/callboard/gateway/plan"
	"callboard.dev/callboard/gateway/supergraph"
)

// limitsGraph is a graph whose types lead anywhere and back.
func limitsGraph(t testing.TB) *Gateway {
	return graphOf(t, map[string]string{
		"a": `type Query { node: Node  list(first: Int): [Node]  it(in: In): Int }
			type Node @key(fields: "id") { id: ID! next: Node name(x: Int): String kind: Kind }
			union Kind = Node | Leaf
			type Leaf { id: ID! }
			input In { in: In list: [In!] n: Int }`,
		"b": `type Node @key(fields: "id") { id: ID! far: Node size: Int }`,
	})
}

func graphOf(t testing.TB, schemas map[string]string) *Gateway {
	t.Helper()
	var list []compose.Subgraph
	for _, name := range sortedKeys(schemas) {
		link := `extend schema @link(url: "https://specs.apollo.dev/federation/v2.3", import: ["@key", "@shareable"])` + "\n"
		list = append(list, compose.Subgraph{Name: name, SDL: link + schemas[name]})
	}
	composed, errs := compose.Compose(list)
	if err := errs.Err(); err != nil {
		t.Fatal(err)
	}
	graph, err := supergraph.Read("test", composed.SDL)
	if err != nil {
		t.Fatal(err)
	}
	universe := RandomUniverse(graph, 1)
	recorder := &Recorder{}
	subgraphs := map[string]execute.Subgraph{}
	for _, own := range list {
		s, err := NewStandIn(own.Name, own.SDL, universe, recorder)
		if err != nil {
			t.Fatal(err)
		}
		subgraphs[own.Name] = s
	}
	return New(graph, subgraphs, recorder)
}

// chain returns a chain of fragments of which each spreads the next one twice.
func chain(depth int, spread string) string {
	var b strings.Builder
	b.WriteString("{ node { ...f0 } }\n")
	for i := range depth {
		fmt.Fprintf(&b, "fragment f%d on Node { "+spread+" }\n", i, i+1, i+1)
	}
	fmt.Fprintf(&b, "fragment f%d on Node { id }\n", depth)
	return b.String()
}

// TestLimits sends what is meant to exhaust a gateway. Each is refused with the code, before any subgraph is asked, or answered; that the test ends
// is the proof that the work was bounded, since what it would otherwise come to does not end.
func TestLimits(t *testing.T) {
	repeat := func(n int, part func(i int) string) string {
		var b strings.Builder
		for i := range n {
			b.WriteString(part(i))
		}
		return b.String()
	}
	nest := func(n int, open, inside, end string) string {
		return strings.Repeat(open, n) + inside + strings.Repeat(end, n)
	}
	const limit, invalid, parse, variables = operation.CodeLimit, operation.CodeInvalid, operation.CodeParse, operation.CodeVariables
	tests := []struct {
		name  string
		query string
		code  string // "" where it is answered
	}{
		{"fragments that double 30 times at one level", chain(30, "...f%d ...f%d"), limit},
		{"fragments that double 30 times below each other", chain(30, "next { ...f%d } far { ...f%d }"), limit},
		{"fragments that double 30 times under aliases", chain(30, "a: next { ...f%d } b: next { ...f%d }"), limit},
		{"fragments that double 1000 times", chain(1000, "...f%d ...f%d"), limit},
		{"fragments that double inside inline fragments", chain(30, "... on Node { ...f%d } ... { ...f%d }"), limit},
		{"a fragment that spreads itself", "{ node { ...f } } fragment f on Node { id ...f }", invalid},
		{"a fragment cycle with a field beside it", "{ node { ...f } } fragment f on Node { id next { ...g } } fragment g on Node { id ...f }", invalid},
		{"a fragment cycle with a directive on it", "{ node { ...f @include(if: true) } } fragment f on Node { ...g @skip(if: false) } fragment g on Node { ...f @include(if: true) id }", invalid},
		{"a fragment cycle that nobody spreads", "{ node { id } } fragment f on Node { ...g } fragment g on Node { ...f }", invalid},
		{"fields nested 900 deep", nest(900, "{ next ", "{ id }", " }"), limit},
		{"fields nested 200000 deep", nest(200_000, "{node", "{id}", "}"), parse},
		{"inline fragments nested 900 deep", "{ node { " + nest(900, "... on Node { ", "id", " }") + " } }", ""},
		{"inline fragments nested 2000 deep", "{ node { " + nest(2000, "... on Node { ", "id", " }") + " } }", parse},
		{"lists nested 900 deep in a value", "{ it(in: {list: " + nest(900, "[", "1", "]") + "}) }", invalid},
		{"lists nested 5000 deep in a value", "{ it(in: {list: " + nest(5000, "[", "1", "]") + "}) }", parse},
		{"objects nested 900 deep in a value", "{ it(in: " + nest(900, "{in: ", "{n: 1}", "}") + ") }", ""},
		{"a type nested 900 deep in a variable", "query ($v: " + nest(900, "[", "Int", "]") + ") { it }", invalid},
		{"one field 5000 times", "{ node { " + strings.Repeat("id ", 5000) + "} }", limit},
		{"one alias 4000 times", "{ node { " + strings.Repeat("a: id ", 4000) + "} }", limit},
		{"one alias 90 times in each of 90 fragments", "{ node { " + repeat(90, func(i int) string { return fmt.Sprintf("...f%d ", i) }) + "} }" +
			repeat(90, func(i int) string {
				return fmt.Sprintf("fragment f%d on Node { %s }\n", i, strings.Repeat("a: id ", 50))
			}), limit},
		{"3000 aliases", "{ node { " + repeat(3000, func(i int) string { return fmt.Sprintf("a%d: id ", i) }) + "} }", limit},
		{"3000 root fields", "{ " + repeat(3000, func(i int) string { return fmt.Sprintf("a%d: it ", i) }) + "}", limit},
		{"2000 directives on one field", "{ node { id " + strings.Repeat("@skip(if: false) ", 2000) + "} }", limit},
		{"2000 unknown directives", "{ node { id " + strings.Repeat("@x ", 2000) + "} }", limit},
		{"2000 directives on the operation", "query " + strings.Repeat("@x ", 2000) + "{ node { id } }", limit},
		{"2000 directives on variables", "query (" + repeat(2000, func(i int) string { return fmt.Sprintf("$v%d: Int @x ", i) }) + ") { it }", limit},
		{"100 different directives on spreads", "{ " + strings.Repeat("...f @include(if: true) ", 600) + "} fragment f on Query { it }", limit},
		{"20000 tokens", "{ " + strings.Repeat("it ", 20_000) + "}", parse},
		{"a million spaces", "{ " + strings.Repeat(" ", 1_000_000) + " it }", ""},
		{"100 unknown fields", "{ " + repeat(90, func(i int) string { return fmt.Sprintf("x%d ", i) }) + "}", invalid},
		{"a null byte", "{ it\x00 }", parse},
		{"a string without end", `{ it(in: "`, parse},
		{"many variables", "query (" + repeat(1500, func(i int) string { return fmt.Sprintf("$v%d: Int ", i) }) + ") { it }", invalid},
		{"a variable that is required", "query ($v: Int!) { list(first: $v) { id } }", variables},
		{"a default for a variable that is not a list", "query ($v: Int = 1) { list(first: $v) { id } }", ""},
		{"nothing", "", parse},
		{"fragments alone", "fragment f on Query { it }", parse},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			gateway := limitsGraph(t)
			result := gateway.Do(t.Context(), Request{Query: test.query})
			response, err := result.Response()
			if err != nil {
				t.Fatal(err)
			}
			requests := gateway.Recorder.Take()
			if test.code == "" {
				if len(response.Errors) > 0 || len(response.Data) == 0 {
					t.Errorf("refused: %.300s", result.Body)
				}
				return
			}
			codes := response.Codes()
			if len(codes) == 0 || codes[0] != test.code {
				t.Errorf("codes %v, want %s: %.300s", codes, test.code, result.Body)
			}
			if len(result.Body) > 16<<10 {
				t.Errorf("the refusal has %d bytes", len(result.Body))
			}
			if len(requests) > 0 {
				t.Errorf("subgraphs were asked:\n%s", Describe(requests))
			}
		})
	}
}

// TestVariables sends values that do not fit, and values that are as large as a request may be.
func TestVariables(t *testing.T) {
	const query = "query ($in: In, $n: Int = 2, $list: [In!]) { it(in: $in) list(first: $n) { id } a: it(in: {list: $list}) }"
	tests := []struct {
		name, variables string
		fits            bool
	}{
		{"none", "", true},
		{"null for all of them", "null", true},
		{"null for one with a default", `{"n": null}`, true},
		{"one that is not defined", `{"other": 1}`, true},
		{"not an object", `[1]`, false},
		{"two objects", `{} {}`, false},
		{"broken", `{"n": `, false},
		{"text for a number", `{"n": "1"}`, false},
		{"a fraction for a whole number", `{"n": 1.5}`, false},
		{"a number that is too large", `{"n": 9999999999}`, false},
		{"a number that no machine holds", `{"n": 1e999999}`, false},
		{"an object for a number", `{"n": {"n": 1}}`, false},
		{"a number for an object", `{"in": 1}`, false},
		{"a list for an object", `{"in": [{}]}`, false},
		{"a member that is not defined", `{"in": {"x": 1}}`, false},
		{"an object for a list of them", `{"list": {"n": 1}}`, true},
		{"null in a list that holds none", `{"list": [null]}`, false},
		{"hostile names", `{"__proto__": {"n": 1}, "constructor": 1}`, true},
		{"9000 levels", `{"in": ` + strings.Repeat(`{"in": `, 9000) + `{}` + strings.Repeat(`}`, 9000) + `}`, true},
		{"100000 levels", `{"in": ` + strings.Repeat(`{"in": `, 100_000) + `{}` + strings.Repeat(`}`, 100_000) + `}`, false},
		{"100000 items", `{"list": [` + strings.Repeat(`{},`, 100_000) + `{}]}`, true},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			gateway := limitsGraph(t)
			result := gateway.Do(t.Context(), Request{Query: query, Variables: json.RawMessage(test.variables)})
			response, err := result.Response()
			if err != nil {
				t.Fatal(err)
			}
			codes := response.Codes()
			if fits := len(codes) == 0; fits != test.fits {
				t.Errorf("fits: %v, want %v: %.300s", fits, test.fits, result.Body)
			}
			if !test.fits && (len(codes) == 0 || codes[0] != operation.CodeVariables) {
				t.Errorf("codes %v: %.300s", codes, result.Body)
			}
			for _, fault := range gateway.Recorder.Faults() {
				t.Errorf("%.300s", fault)
			}
		})
	}
}

// TestEndlessDefaults gives a value whose defaults hold each other without end: the smallest request would fill all memory with it.
func TestEndlessDefaults(t *testing.T) {
	for _, standard := range []string{"[{}]", "[{}, {}]"} {
		schema := gqlparser.MustLoadSchema(&ast.Source{Input: `
			type Query { it(loop: Loop): Int }
			input Loop { list: [Loop!] = ` + standard + ` }`})
		document, errs := operation.Parse(schema, "query ($loop: Loop) { it(loop: $loop) }", operation.Limits{})
		if errs != nil {
			t.Fatal(errs)
		}
		if _, errs := document.Coerce("", json.RawMessage(`{"loop": {}}`)); len(errs) == 0 || errs[0].Extensions["code"] != operation.CodeVariables {
			t.Errorf("default %s: %v", standard, errs)
		}
		if _, errs := document.Coerce("", json.RawMessage(`{"loop": {"list": []}}`)); errs != nil {
			t.Errorf("without the default %s: %v", standard, errs)
		}
	}
}

// TestLattice plans a deep operation over types that every subgraph shares in full: there are as many ways to answer it as subgraphs to the power of
// the depth. Where one subgraph has everything, it alone is asked; where each has a part, a plan is still found within the budget.
func TestLattice(t *testing.T) {
	const subgraphs, types = 8, 12
	schemas := map[string]string{}
	for s := range subgraphs {
		var b strings.Builder
		b.WriteString("type Query { t0: T0 @shareable }\n")
		for i := range types {
			fmt.Fprintf(&b, "type T%d @key(fields: \"id\") { id: ID! @shareable name: String @shareable a: T%d @shareable b: T%d @shareable own%d: Int }\n",
				i, (i+1)%types, (i+3)%types, s)
		}
		schemas[fmt.Sprintf("s%d", s)] = b.String()
	}
	gateway := graphOf(t, schemas)
	shared := "name"
	for range 30 {
		shared = "name a { " + shared + " }"
	}
	result := gateway.Do(t.Context(), Request{Query: "{ t0 { " + shared + " } }"})
	if requests := gateway.Recorder.Take(); len(requests) != 1 {
		t.Errorf("%d requests for what each subgraph has in full; %.300s", len(requests), result.Body)
	}
	spread := "id"
	for i := range 12 {
		spread = fmt.Sprintf("own%d own%d a { %s } b { id own%d }", i%subgraphs, (i+3)%subgraphs, spread, (i+5)%subgraphs)
	}
	compare(t, &World{Gateway: gateway, Monolith: &Monolith{Supergraph: gateway.Supergraph, Universe: RandomUniverse(gateway.Supergraph, 1)}},
		Request{Query: "{ t0 { " + spread + " } }"})
}

// TestPlanningEnds holds planning to its budget and to the request it is for.
func TestPlanningEnds(t *testing.T) {
	gateway := limitsGraph(t)
	document, errs := operation.Parse(gateway.Supergraph.API, "{ node { far { next { far { size name } } } } }", operation.Limits{})
	if errs != nil {
		t.Fatal(errs)
	}
	op, errs := document.Normalize("", nil)
	if errs != nil {
		t.Fatal(errs)
	}
	tight := &plan.Planner{Supergraph: gateway.Supergraph, Budget: 3}
	var refused *plan.Error
	if _, err := tight.Plan(t.Context(), op, nil); !errors.As(err, &refused) || refused.Code != plan.CodeBudget {
		t.Errorf("with a budget of 3 steps: %v", err)
	}
	first, err := gateway.Planner.Plan(t.Context(), op, nil)
	if err != nil {
		t.Fatal(err)
	}
	second, err := (&plan.Planner{Supergraph: gateway.Supergraph}).Plan(t.Context(), op, nil)
	if err != nil || first.String() != second.String() {
		t.Errorf("the same operation planned twice: %v\n%s\n%s", err, first, second)
	}
}

// TestCancelled answers a request whose client has gone: no subgraph is asked, and the answer is still one.
func TestCancelled(t *testing.T) {
	gateway := limitsGraph(t)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	result := gateway.Do(ctx, Request{Query: "{ node { id size } }"})
	response, err := result.Response()
	if err != nil {
		t.Fatal(err)
	}
	if codes := response.Codes(); len(codes) == 0 || codes[0] != execute.CodeCancelled {
		t.Errorf("%s", result.Body)
	}
}

// TestFragmentsOverManyTypes spreads fragments over an interface of a thousand types, so that the same field is wanted again and again of most of them:
// the work is that of the text and the types, not of every occurrence times every type times every condition, and where it is more than there may be, it is
// refused.
func TestFragmentsOverManyTypes(t *testing.T) {
	const types, interfaces = 1000, 40
	var b strings.Builder
	b.WriteString("type Query { n: Node }\ninterface Node { id: ID! next: Node }\n")
	for i := range interfaces {
		fmt.Fprintf(&b, "interface I%d { id: ID! next: Node }\n", i)
	}
	for i := range types {
		fmt.Fprintf(&b, "type M%d implements Node", i)
		for k := range interfaces {
			if uint32(i*40+k)*2654435761>>16%4 > 0 { // about three of four, each its own
				fmt.Fprintf(&b, " & I%d", k)
			}
		}
		b.WriteString(" { id: ID! next: Node }\n")
	}
	schema := gqlparser.MustLoadSchema(&ast.Source{Input: b.String()})
	var fragments, spreads strings.Builder
	for i := range 800 {
		fmt.Fprintf(&spreads, "...f%d ", i)
		fmt.Fprintf(&fragments, "fragment f%d on I%d { ...on I%d{a%d:id} }\n", i, i%interfaces, i/interfaces, i%300)
	}
	tests := []struct {
		name, query, code string
	}{
		{"one fragment again and again", "{ n { " + strings.Repeat("next { ...f } ", 95) + "} } fragment f on Node { " + strings.Repeat("... on I1 { id } ", 95) + "... on M0 { id } ... on M1 { id } }", ""},
		{"as many fragments as there may be", "{ n { " + spreads.String() + "} } " + fragments.String(), ""},
		{"all of them, at every level", "{ n { " + strings.Repeat("...all next { ", 15) + "...all" + strings.Repeat(" }", 15) + "} } fragment all on Node { " + spreads.String() + "} " + fragments.String(), operation.CodeLimit},
	}
	for _, test := range tests {
		document, errs := operation.Parse(schema, test.query, operation.Limits{Aliases: 1_000_000})
		if errs != nil {
			t.Fatalf("%s: %v", test.name, errs)
		}
		_, errs = document.Normalize("", nil)
		if code := ""; len(errs) > 0 {
			if code = errs[0].Extensions["code"].(string); code != test.code {
				t.Errorf("%s: %v", test.name, errs)
			}
		} else if test.code != "" {
			t.Errorf("%s: not refused", test.name)
		}
	}
}
