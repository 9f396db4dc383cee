package plan_test

import (
	"testing"

	"callboard.dev/callboard/gateway/compose"
	"callboard.dev/callboard/gateway/operation"
	"callboard.dev/callboard/gateway/plan"
	"callboard.dev/callboard/gateway/supergraph"
)

// TestCachePolicies is the table of what hints come to, for root fields of one subgraph and the entities of another.
func TestCachePolicies(t *testing.T) {
	const types = `
type T { x: Int }
type Aged @cacheControl(maxAge: 60) { x: Int t: T inherits: T @cacheControl(inheritMaxAge: true) low: Int @cacheControl(maxAge: 5) mine: Int @cacheControl(scope: PRIVATE) open: Int @cacheControl(scope: PUBLIC) }
type Inherits @cacheControl(inheritMaxAge: true) { x: Int }
type Mine @cacheControl(maxAge: 60, scope: PRIVATE) { x: Int }
type Open @cacheControl(maxAge: 60, scope: PUBLIC) { x: Int t: T @cacheControl(maxAge: 30) inherits: T @cacheControl(inheritMaxAge: true) }
interface I @cacheControl(maxAge: 60) { x: Int }
type A implements I { x: Int @cacheControl(maxAge: 40) }
type B implements I @cacheControl(maxAge: 20, scope: PRIVATE) { x: Int }
union U @cacheControl(maxAge: 60) = Aged | Low
type Low @cacheControl(maxAge: 2) { x: Int }
`
	for _, test := range []struct{ query, want string }{
		{`{ leaf }`, ""},
		{`{ aged: leafAged }`, "remembered for 7s"},
		{`{ leafAged leaf }`, "not remembered unless the answer says so, for 7s at most"},
		{`{ t { x } }`, ""},
		{`{ aged { x } }`, "remembered for 1m0s"},
		{`{ aged { __typename } }`, "remembered for 1m0s"},
		{`{ longer { x } }`, "remembered for 10m0s"}, // the field wins over the type
		{`{ aged { low } }`, "remembered for 5s"},
		{`{ aged { t { x } } }`, "not remembered unless the answer says so, for 1m0s at most"},
		{`{ aged { inherits { x } } }`, "remembered for 1m0s"},
		{`{ inherits { x } }`, ""}, // a root field has nothing to inherit from
		{`{ aged { mine } }`, "remembered for 1m0s, private"},
		{`{ aged { open } }`, "remembered for 1m0s"}, // what is beside it does not say so
		{`{ mine { x } }`, "remembered for 1m0s, private"},
		{`{ opened { x } }`, "remembered for 1m0s, private"}, // the stricter wins, wherever it is said
		{`{ open { x } }`, "remembered for 1m0s, public"},
		{`{ open { x inherits { x } } }`, "remembered for 1m0s, public"},
		{`{ open { t { x } } }`, "remembered for 30s"},
		{`{ open { x } aged { x } }`, "remembered for 1m0s"},
		{`{ i { x } }`, "remembered for 20s, private"},
		{`{ i { ... on A { x } } }`, "remembered for 20s, private"},
		{`{ u { ... on Aged { x } } }`, "remembered for 2s"},
		{`{ never { x } }`, "not remembered"},
	} {
		t.Run(test.query, func(t *testing.T) {
			made := planOf(t, `type Query {
  leaf: Int leafAged: Int @cacheControl(maxAge: 7) t: T aged: Aged longer: Aged @cacheControl(maxAge: 600) inherits: Inherits mine: Mine
  opened: Mine @cacheControl(scope: PUBLIC) open: Open i: I u: U never: Aged @cacheControl(maxAge: 0)
}`+types, "", test.query)
			if got := made.Fetches[0].Cache.String(); got != test.want {
				t.Errorf("%q, want %q", got, test.want)
			}
		})
	}
	for _, test := range []struct{ entity, query, want string }{
		{``, `{ e { y } }`, ""},
		{`@cacheControl(maxAge: 60)`, `{ e { y } }`, "remembered for 1m0s"},
		{`@cacheControl(maxAge: 60, scope: PUBLIC)`, `{ e { y } }`, "remembered for 1m0s, public"},
		{`@cacheControl(maxAge: 60, scope: PRIVATE)`, `{ e { y } }`, "remembered for 1m0s, private"},
		{`@cacheControl(inheritMaxAge: true)`, `{ e { y } }`, ""},
		{`@cacheControl(maxAge: 60)`, `{ e { t { x } } }`, "not remembered unless the answer says so, for 1m0s at most"},
		{`@cacheControl(maxAge: 60)`, `{ e { aged { low } } }`, "remembered for 5s"},
		{``, `{ e { low } }`, "not remembered unless the answer says so, for 5s at most"},
	} {
		t.Run(test.entity+test.query, func(t *testing.T) {
			made := planOf(t, `type Query { e: E } type E @key(fields: "id") { id: ID! }`,
				`type E @key(fields: "id") `+test.entity+` { id: ID! y: Int t: T aged: Aged low: Int @cacheControl(maxAge: 5) }`+types, test.query)
			if got := made.Fetches[1].Entities[0].Cache.String(); got != test.want {
				t.Errorf("%q, want %q", got, test.want)
			}
		})
	}
}

func planOf(t *testing.T, first, second, query string) *plan.Plan {
	t.Helper()
	const link = `extend schema @link(url: "https://specs.apollo.dev/federation/v2.3", import: ["@key"])` + "\n"
	subgraphs := []compose.Subgraph{{Name: "first", SDL: link + first}}
	if second != "" {
		subgraphs = append(subgraphs, compose.Subgraph{Name: "second", SDL: link + second})
	}
	composed, errs := compose.Compose(subgraphs)
	if err := errs.Err(); err != nil {
		t.Fatal(err)
	}
	s, err := supergraph.Read("test", composed.SDL)
	if err != nil {
		t.Fatal(err)
	}
	document, problems := operation.Parse(s.API, query, operation.Limits{})
	if problems != nil {
		t.Fatal(problems)
	}
	normal, problems := document.Normalize("", nil)
	if problems != nil {
		t.Fatal(problems)
	}
	made, err := (&plan.Planner{Supergraph: s}).Plan(t.Context(), normal, nil)
	if err != nil {
		t.Fatal(err)
	}
	return made
}
