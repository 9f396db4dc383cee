package main_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"callboard.dev/callboard/gateway/compose"
)

// onlyBox is a supergraph file of one subgraph that answers as given.
func onlyBox(t *testing.T, sdl string, answer http.HandlerFunc) (file string) {
	t.Helper()
	server := httptest.NewServer(answer)
	t.Cleanup(server.Close)
	composed, errs := compose.Compose([]compose.Subgraph{{Name: "box", URL: server.URL, SDL: sdl}})
	if err := errs.Err(); err != nil {
		t.Fatal(err)
	}
	file = filepath.Join(t.TempDir(), "supergraph.graphql")
	if err := os.WriteFile(file, []byte(composed.SDL), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

func TestExplain(t *testing.T) {
	asked := 0
	file := onlyBox(t, `type Query { seat(id: ID!): String } type Mutation { sell: Boolean }`, func(w http.ResponseWriter, r *http.Request) {
		asked++
		body, _ := io.ReadAll(r.Body)
		w.Header().Set("Content-Type", "application/json")
		if strings.Contains(string(body), "mutation") {
			_, _ = io.WriteString(w, `{"data":{"sell":true}}`)
			return
		}
		_, _ = io.WriteString(w, `{"data":{"seat":"A 1"},"errors":[{"message":"the seat creaks"}]}`)
	})
	out, stderr, code := command(t, `query ($id: ID!) { seat(id: $id) }`, "explain", "--supergraph", file, "--variables", `{"id":"7"}`, "-")
	for _, want := range []string{"fetch 0 from box", `query($id:ID!){seat(id: $id)}`, `{"id":"7"}`, "the seat creaks", `"seat": "A 1"`} {
		if !strings.Contains(out, want) || code != 0 {
			t.Errorf("exit %d, %q is missing:\n%s%s", code, want, out, stderr)
		}
	}
	_, stderr, code = command(t, `mutation { sell }`, "explain", "--supergraph", file, "-")
	if code != 1 || !strings.Contains(stderr, "--mutate") || asked != 1 {
		t.Errorf("exit %d, %d requests: %s", code, asked, stderr)
	}
	out, stderr, code = command(t, `mutation { sell }`, "explain", "--mutate", "--supergraph", file, "-")
	if code != 0 || !strings.Contains(out, `"sell": true`) {
		t.Errorf("exit %d: %s%s", code, out, stderr)
	}
}

func TestPlanStages(t *testing.T) {
	out, stderr, code := command(t, `{ entity(ref: "component:default/a") { ref ... on Component { repository { url } } } }`, "plan", "--stages", "-")
	for _, want := range []string{"choices\n", "entity(ref: \"component:default/a\") from catalog", "enter repos as CatalogEntity for what requires ", "query in 2 fetches", "shape\n", "ref: slot "} {
		if !strings.Contains(out, want) || code != 0 {
			t.Errorf("exit %d, %q is missing:\n%s%s", code, want, out, stderr)
		}
	}
}
