package server_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"callboard.dev/callboard/gateway/execute"
	"callboard.dev/callboard/gateway/server"
	"callboard.dev/callboard/gateway/supergraph"
)

// TestCacheControl is the table of what clients are told of remembering an answer. Two subgraphs say how long theirs holds; nil is one that says nothing.
func TestCacheControl(t *testing.T) {
	type fresh = execute.Freshness
	minute, public, private := &fresh{For: time.Minute}, &fresh{For: time.Hour, Public: true}, &fresh{For: 30 * time.Second, Private: true}
	for _, test := range []struct {
		name, query string
		a, b        *fresh
		want        string
	}{
		{"one", "{ a }", minute, nil, "max-age=60"},
		{"both, the lower age", "{ a b }", minute, public, "max-age=60"},
		{"anybody's", "{ a b }", public, public, "max-age=3600, public"},
		{"one client's", "{ a b }", public, private, "max-age=30, private"},
		{"one of them is not remembered", "{ a b }", minute, nil, "no-store"},
		{"none is", "{ a b }", nil, nil, "no-store"},
		{"parts of seconds", "{ a }", &fresh{For: 1999 * time.Millisecond}, nil, "max-age=1"},
		{"old already", "{ a b }", minute, &fresh{For: -time.Second}, "max-age=0"},
		{"a mutation", "mutation { change }", minute, minute, "no-store"},
		{"a subgraph's error", "{ a failing }", minute, minute, "no-store"},
		{"a value that does not fit", "{ a wrong }", minute, minute, "no-store"},
		{"the gateway's own", "{ a __schema { queryType { name } } }", minute, minute, "no-store"},
		{"refused", "{ nothing }", minute, minute, "no-store"},
		{"where it comes from", `{ a }","extensions":{"sources":true},"x":"`, minute, minute, "no-store"},
	} {
		t.Run(test.name, func(t *testing.T) {
			for _, share := range []bool{false, true} {
				url := freshServer(t, test.a, test.b, share)
				for range 3 { // the third comes when the body is known
					response, err := http.Post(url+"/graphql", "application/json", strings.NewReader(`{"query":"`+test.query+`"}`))
					if err != nil {
						t.Fatal(err)
					}
					response.Body.Close()
					if got := response.Header["Cache-Control"]; fmt.Sprint(got) != "["+test.want+"]" {
						t.Errorf("Cache-Control is %q, want %q", got, test.want)
					}
				}
			}
		})
	}
}

type freshSubgraph struct{ execute.Subgraph }

func (freshSubgraph) Forwards() []string { return nil }

func freshServer(t *testing.T, a, b *execute.Freshness, share bool) string {
	s, err := supergraph.Read("test", `
schema @link(url: "https://specs.apollo.dev/join/v0.3") { query: Query mutation: Mutation }
directive @join__field(graph: join__Graph) repeatable on FIELD_DEFINITION
directive @join__graph(name: String!, url: String!) on ENUM_VALUE
directive @join__type(graph: join__Graph!) repeatable on OBJECT
directive @link(url: String) repeatable on SCHEMA
enum join__Graph { A @join__graph(name: "a", url: "") B @join__graph(name: "b", url: "") }
type Query @join__type(graph: A) @join__type(graph: B) {
  a: Int @join__field(graph: A)
  b: Int @join__field(graph: B)
  failing: Int @join__field(graph: B)
  wrong: Int @join__field(graph: B)
}
type Mutation @join__type(graph: A) { change: Int @join__field(graph: A) }`)
	if err != nil {
		t.Fatal(err)
	}
	subgraph := func(fresh *execute.Freshness) execute.Subgraph {
		return freshSubgraph{execute.SubgraphFunc(func(_ context.Context, r *execute.Request) (*execute.Answer, error) {
			answer := &execute.Answer{Data: []byte(`{"a":1,"b":2,"change":3,"wrong":"x","failing":null}`), Fresh: fresh}
			if strings.Contains(r.Text, "failing") {
				answer.Errors = []execute.SubgraphError{{Message: "oh"}}
			}
			return answer, nil
		})}
	}
	graph := server.NewGraph(s, map[string]execute.Subgraph{"a": subgraph(a), "b": subgraph(b)}, server.GraphSettings{Introspection: true, Share: share})
	listening := httptest.NewServer(server.New(server.NewEngine(graph), server.Settings{AllowedHosts: []string{"*"}}))
	t.Cleanup(listening.Close)
	return listening.URL
}
