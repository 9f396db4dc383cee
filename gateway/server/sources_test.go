package server_test

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"callboard.dev/callboard/gateway/compose"
	"callboard.dev/callboard/gateway/execute"
	"callboard.dev/callboard/gateway/server"
	"callboard.dev/callboard/gateway/supergraph"
)

// An answer says where it comes from to who asks for that, and in the client's terms: the reports of all subgraphs are joined by the source's name.
func TestSources(t *testing.T) {
	composed, errs := compose.Compose([]compose.Subgraph{
		{Name: "catalog", SDL: `type Query { things: [Thing!]! } type Thing @key(fields: "id") { id: ID! }`},
		{Name: "repos", SDL: `type Thing @key(fields: "id") { id: ID! stars: Int }`},
	})
	if err := errs.Err(); err != nil {
		t.Fatal(err)
	}
	graph, err := supergraph.Read("sources", composed.SDL)
	if err != nil {
		t.Fatal(err)
	}
	var asked []bool
	catalog := execute.SubgraphFunc(func(_ context.Context, r *execute.Request) (*execute.Answer, error) {
		asked = append(asked, r.Sources)
		answer := &execute.Answer{Data: []byte(`{"things":[{"__typename":"Thing","id":"a"},{"__typename":"Thing","id":"b"}]}`)}
		if r.Sources {
			answer.Sources = []execute.SourceReport{{Name: "github.com", SourceCounts: execute.SourceCounts{Live: 1}, Oldest: "PT3S"}, {Name: "control\x00"}, {}}
		}
		return answer, nil
	})
	var body string
	remote := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		text, _ := io.ReadAll(r.Body)
		body = string(text)
		w.Header().Set("Content-Type", "application/json")
		_, _ = io.WriteString(w, `{"data":{"_entities":[{"stars":3},{"stars":null}]},"extensions":{"other":1,"sources":[
			{"name":"github.com","live":1,"cached":2,"stale":-4,"failed":1,"oldest":"PT1M2S","kinds":[{"kind":"repository","cached":2}],"errors":[
				{"code":"RATE_LIMITED","retryAt":"2026-01-01T13:00:00+01:00","paths":[["_entities",1,"stars"],["_entities",9,"stars"],["nothing"]]},
				{"code":"<script>","paths":[]},{"code":"UNAVAILABLE","retryAt":"soon"}]},
			{"name":"a.example","failed":1,"oldest":"long"}]}}`)
	}))
	defer remote.Close()
	s := server.New(server.NewEngine(server.NewGraph(graph, map[string]execute.Subgraph{"catalog": catalog, "repos": &execute.HTTP{URL: remote.URL}}, server.GraphSettings{})), server.Settings{})
	ask := func(query, header string) string {
		r := httptest.NewRequest("POST", "http://localhost/graphql", strings.NewReader(query))
		r.Header.Set("Content-Type", "application/json")
		if header != "" {
			r.Header.Set(server.SourcesHeader, header)
		}
		w := httptest.NewRecorder()
		s.ServeHTTP(w, r)
		return w.Body.String()
	}
	const data = `{"data":{"things":[{"id":"a","n":3},{"id":"b","n":null}]}`
	const plain = `{"query":"{ things { id n: stars } }"`
	const want = data + `,"extensions":{"sources":[{"name":"a.example","live":0,"cached":0,"stale":0,"failed":1},` +
		`{"name":"github.com","live":2,"cached":2,"stale":0,"failed":1,"oldest":"PT1M2S","kinds":[{"kind":"repository","live":0,"cached":2,"stale":0,"failed":0}],"errors":[` +
		`{"code":"RATE_LIMITED","retryAt":"2026-01-01T12:00:00Z","paths":[["things",1,"n"]]},{"code":"UNAVAILABLE"}]}]}}`
	for _, test := range []struct{ name, body, header, want string }{
		{"nobody asks", plain + `}`, "", data + "}"},
		{"asked in the body", plain + `,"extensions":{"sources":true}}`, "", want},
		{"asked in the body again, which is known by now", plain + `,"extensions":{"sources":true}}`, "", want},
		{"and once more", plain + `,"extensions":{"sources":true}}`, "", want},
		{"asked in the header", plain + `}`, "true", want},
		{"and again without", plain + `}`, "", data + "}"},
		{"declined", plain + `,"extensions":{"sources":false}}`, "no", data + "}"},
		{"nothing to report", `{"query":"{ __typename }"}`, "true", `{"data":{"__typename":"Query"},"extensions":{"sources":[]}}`},
	} {
		t.Run(test.name, func(t *testing.T) {
			asked, body = nil, ""
			if got := ask(test.body, test.header); got != test.want {
				t.Errorf("%s\nwant\n%s", got, test.want)
			}
			wanted := test.want != data+"}"
			for _, a := range asked {
				if a != wanted {
					t.Errorf("a subgraph in this process was asked for sources: %t", a)
				}
			}
			if body != "" && strings.Contains(body, `"extensions":{"sources":true}`) != wanted {
				t.Errorf("the remote subgraph was sent %s", body)
			}
		})
	}
}
