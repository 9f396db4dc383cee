package main

import (
	"bytes"
	"encoding/json"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"callboard.dev/callboard/cmd/callboard/config"
)

// TestGraphGrows has two subgraphs down at start. One comes up with a schema that does not compose, which keeps nobody else out and is said once,
// and is mended later. What has joined stays when it goes down.
func TestGraphGrows(t *testing.T) {
	const federated = `extend schema @link(url: "https://specs.apollo.dev/federation/v2.3", import: ["@key"]) `
	schemas := map[string]string{"a": federated + "type Query { fromA: Int }"} // of those that are up
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		sdl, up := schemas[strings.TrimPrefix(r.URL.Path, "/")]
		if !up {
			http.Error(w, "down", http.StatusServiceUnavailable)
			return
		}
		_ = json.NewEncoder(w).Encode(map[string]any{"data": map[string]any{"_service": map[string]string{"sdl": sdl}}})
	}))
	defer server.Close()
	var remotes []config.Subgraph
	for _, name := range []string{"a", "b", "c"} {
		remotes = append(remotes, config.Subgraph{Name: name, URL: server.URL + "/" + name})
	}
	var logged bytes.Buffer
	log := slog.New(slog.NewTextHandler(&logged, nil))
	s, o, err := joinOthers(t.Context(), remotes, log)
	if err != nil {
		t.Fatal(err)
	}
	has := func(fields ...string) {
		t.Helper()
		for _, name := range []string{"entity", "fromA", "fromB", "fromC"} {
			want := strings.Contains(strings.Join(fields, " ")+" entity", name)
			if got := s.API.Query.Fields.ForName(name) != nil; got != want {
				t.Errorf("the graph has %s: %v, want %v", name, got, want)
			}
		}
	}
	has("fromA")
	if s := o.grow(t.Context(), log); s != nil {
		t.Error("the graph grew though nothing came up")
	}
	schemas = map[string]string{"b": federated + "type Query { entity(ref: ID!): Int }", "c": federated + "type Query { fromC: Int }"}
	if s = o.grow(t.Context(), log); s == nil {
		t.Fatal("the graph did not grow")
	}
	has("fromA", "fromC")
	for range 3 {
		if s := o.grow(t.Context(), log); s != nil {
			t.Error("the graph grew by a schema that does not compose")
		}
	}
	if n := strings.Count(logged.String(), "FIELD_TYPE_MISMATCH"); n != 1 {
		t.Errorf("why a subgraph cannot join is logged %d times, want once:\n%s", n, logged.String())
	}
	schemas = map[string]string{"b": federated + "type Query { fromB: Int }"}
	if s = o.grow(t.Context(), log); s == nil {
		t.Fatal("the graph did not grow by the mended schema")
	}
	has("fromA", "fromB", "fromC")
	if len(o.missing) != 0 {
		t.Errorf("%d are missing still", len(o.missing))
	}
}
