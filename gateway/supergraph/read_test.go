package supergraph_test

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"callboard.dev/callboard/gateway/supergraph"
)

// TestReadCacheHints: what subgraphs say of remembering their answers is read in our notation, if its specification is linked, and in that of the join notation.
func TestReadCacheHints(t *testing.T) {
	read := func(link, on, field string) *supergraph.Supergraph {
		s, err := supergraph.Read("test", `
schema @link(url: "https://specs.apollo.dev/join/v0.5") `+link+` { query: Query }
directive @link(url: String) repeatable on SCHEMA
directive @join__graph(name: String!, url: String!) on ENUM_VALUE
directive @join__type(graph: join__Graph!) repeatable on OBJECT
directive @join__directive(graphs: [join__Graph!], name: String!, args: join__DirectiveArguments) repeatable on OBJECT | FIELD_DEFINITION
directive @cacheHint(graph: join__Graph!, maxAge: Int, scope: String, inheritMaxAge: Boolean) repeatable on OBJECT | FIELD_DEFINITION
scalar join__DirectiveArguments
enum join__Graph { A @join__graph(name: "a", url: "") B @join__graph(name: "b", url: "") }
type Query `+on+` @join__type(graph: A) @join__type(graph: B) { x: Int `+field+` }`)
		if err != nil {
			t.Fatal(err)
		}
		if s.API.Directives["cacheHint"] != nil || s.API.Types["join__DirectiveArguments"] != nil {
			t.Error("clients see the directive")
		}
		return s
	}
	ours := `@link(url: "https://callboard.dev/specs/cacheHint/v0.1")`
	own := read(ours, `@cacheHint(graph: A, maxAge: 60, scope: "PRIVATE")`, `@cacheHint(graph: A, inheritMaxAge: true, scope: "PUBLIC") @cacheHint(graph: B, maxAge: 99999999999)`)
	join := read("", `@join__directive(graphs: [A], name: "cacheControl", args: {maxAge: 60, scope: PRIVATE})`,
		`@join__directive(graphs: [A], name: "cacheControl", args: {inheritMaxAge: true, scope: PUBLIC}) @join__directive(graphs: [B], name: "cacheControl", args: {maxAge: 99999999999}) @join__directive(graphs: [B], name: "other", args: {maxAge: 3})`)
	foreign := read("", `@cacheHint(graph: A, maxAge: 60)`, ``)
	for _, s := range []*supergraph.Supergraph{own, join} {
		a, b := s.View("Query", s.Subgraph("a")), s.View("Query", s.Subgraph("b"))
		for _, test := range []struct{ got, want supergraph.CacheHint }{
			{a.Cache, supergraph.CacheHint{Aged: true, MaxAge: time.Minute, Scope: supergraph.CacheScopePrivate}},
			{a.Fields["x"].Cache, supergraph.CacheHint{Inherit: true, Scope: supergraph.CacheScopePublic}},
			{b.Cache, supergraph.CacheHint{}},
			{b.Fields["x"].Cache, supergraph.CacheHint{Aged: true}}, // not to be understood: the strictest
		} {
			if test.got != test.want {
				t.Errorf("got %+v, want %+v", test.got, test.want)
			}
		}
	}
	if a := foreign.View("Query", foreign.Subgraph("a")); a.Cache != (supergraph.CacheHint{}) || foreign.Subgraph("a").CacheHints {
		t.Error("a directive of another specification is taken for ours")
	}
	if own.Version("a") != join.Version("a") || own.Version("a") == foreign.Version("a") || own.Version("a") == own.Version("b") {
		t.Error("versions do not tell apart what differs")
	}
}

func TestReadCases(t *testing.T) {
	files, _ := filepath.Glob("../../../shared/federation-cases/*/supergraph.graphql")
	if len(files) == 0 {
		t.Skip("no folder of federation cases beside the repository")
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		s, err := supergraph.Read(file, string(text))
		if err != nil {
			t.Errorf("%s: %v", file, err)
			continue
		}
		if s.API.Query == nil || s.Type("Query") == nil || len(s.Subgraphs) < 2 {
			t.Errorf("%s: no Query or no subgraphs", file)
		}
		if s.API.Types["join__FieldSet"] != nil || s.API.Directives["join__type"] != nil {
			t.Errorf("%s: federation machinery left in the API schema", file)
		}
	}
}
