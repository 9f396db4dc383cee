package main_test

import (
	"encoding/json"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"callboard.dev/callboard/gateway/compose"
)

// TestGatewayFollowsItsSupergraph changes the file that a running gateway serves.
func TestGatewayFollowsItsSupergraph(t *testing.T) {
	var url string
	file := onlyBox(t, `type Query { one: Int }`, func(w http.ResponseWriter, r *http.Request) {
		var body struct{ Query string }
		_ = json.NewDecoder(r.Body).Decode(&body)
		url = "http://" + r.Host
		w.Header().Set("Content-Type", "application/json")
		_, _ = io.WriteString(w, `{"data":{"`+strings.Trim(body.Query, "{}")+`":1}}`)
	})
	s := start(t, "gateway", "--supergraph", file)
	ask := func(field string) string {
		response, err := http.Post(s.URL+"/graphql", "application/json", strings.NewReader(`{"query":"{ `+field+` }"}`))
		if err != nil {
			t.Fatal(err)
		}
		defer response.Body.Close()
		text, _ := io.ReadAll(response.Body)
		return string(text)
	}
	until := func(field, want string) {
		t.Helper()
		for end := time.Now().Add(30 * time.Second); time.Now().Before(end); {
			if ask(field) == want {
				return
			}
		}
		t.Fatalf("%s still answers %s, want %s", field, ask(field), want)
	}
	write := func(sdl string, replace bool) {
		composed, errs := compose.Compose([]compose.Subgraph{{Name: "box", URL: url, SDL: sdl}})
		if err := errs.Err(); err != nil {
			t.Fatal(err)
		}
		to := file
		if replace {
			to = filepath.Join(filepath.Dir(file), "new.graphql")
		}
		if err := os.WriteFile(to, []byte(composed.SDL), 0o600); err != nil {
			t.Fatal(err)
		}
		if replace {
			if err := os.Rename(to, file); err != nil {
				t.Fatal(err)
			}
		}
	}
	until("one", `{"data":{"one":1}}`)
	write(`type Query { one: Int two: Int }`, false)
	until("two", `{"data":{"two":1}}`)
	if err := os.WriteFile(file, []byte("type Query {"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := s.process.Process.Signal(syscall.SIGHUP); err != nil {
		t.Fatal(err)
	}
	for range 200 {
		if got := ask("two"); got != `{"data":{"two":1}}` {
			t.Fatalf("while the file is broken: %s", got)
		}
	}
	write(`type Query { three: Int }`, true)
	if err := s.process.Process.Signal(syscall.SIGHUP); err != nil {
		t.Fatal(err)
	}
	until("three", `{"data":{"three":1}}`)
	if got := ask("two"); !strings.Contains(got, "GRAPHQL_VALIDATION_FAILED") {
		t.Errorf("a field that is gone: %s", got)
	}
}
