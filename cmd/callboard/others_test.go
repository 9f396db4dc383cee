package main_test

import (
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
)

// remote is a subgraph of another team, which may be down, and may have any schema.
type remote struct {
	sdl    atomic.Value // string; "" while it is down
	asked  chan struct{}
	answer chan struct{} // a request that is no question for the schema waits for it where it is not nil
}

func (s *remote) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	var request struct{ Query string }
	_ = json.NewDecoder(r.Body).Decode(&request)
	sdl := s.sdl.Load().(string)
	switch {
	case sdl == "":
		http.Error(w, "down", http.StatusServiceUnavailable)
		return
	case strings.Contains(request.Query, "_service"):
		out, _ := json.Marshal(map[string]any{"data": map[string]any{"_service": map[string]string{"sdl": sdl}}})
		w.Header().Set("Content-Type", "application/json")
		_, _ = w.Write(out)
		return
	}
	if s.answer != nil {
		s.asked <- struct{}{}
		<-s.answer
	}
	w.Header().Set("Content-Type", "application/json")
	fmt.Fprint(w, `{"data":{"ping":"pong"}}`)
}

// withRemotes writes a configuration with the remote subgraphs, by name.
func withRemotes(t *testing.T, remotes map[string]*remote) string {
	t.Helper()
	text := "subgraphs:\n"
	for name, r := range remotes {
		s := httptest.NewServer(r)
		t.Cleanup(s.Close)
		text += fmt.Sprintf("  - name: %s\n    url: %s/graphql\n", name, s.URL)
	}
	file := filepath.Join(t.TempDir(), "callboard.yaml")
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

func newRemote(sdl string) *remote {
	r := &remote{}
	r.sdl.Store(sdl)
	return r
}

const federated = `extend schema @link(url: "https://specs.apollo.dev/federation/v2.3", import: ["@key"]) `

func TestRemoteThatDoesNotCompose(t *testing.T) {
	file := withRemotes(t, map[string]*remote{"other": newRemote(federated + "type Query { entity(ref: ID!): Int }")})
	_, stderr, code := command(t, "", "up", "--config", file, "--listen", "localhost:0", "--state", t.TempDir(), t.TempDir())
	if code != 1 || !strings.Contains(stderr, "FIELD_TYPE_MISMATCH") || !strings.Contains(stderr, "/graphql:1:") {
		t.Errorf("status %d, want 1 with a code and the place:\n%s", code, stderr)
	}
}

// TestShutdownFinishesASlowRequest stops Callboard while a subgraph is being asked.
func TestShutdownFinishesASlowRequest(t *testing.T) {
	slow := newRemote(federated + "type Query { ping: String }")
	slow.asked, slow.answer = make(chan struct{}), make(chan struct{})
	s := start(t, "up", "--config", withRemotes(t, map[string]*remote{"slow": slow}), t.TempDir())
	answer := make(chan string, 1)
	go func() {
		response, err := http.Post(s.URL+"/graphql", "application/json", strings.NewReader(`{"query":"{ ping }"}`))
		if err != nil {
			answer <- err.Error()
			return
		}
		defer response.Body.Close()
		var out map[string]any
		err = json.NewDecoder(response.Body).Decode(&out)
		answer <- fmt.Sprint(out["data"], err)
	}()
	<-slow.asked
	_ = s.process.Process.Signal(syscall.SIGTERM)
	for address := strings.TrimPrefix(s.URL, "http://"); ; { // until it has noticed
		connection, err := net.Dial("tcp", address)
		if err != nil {
			break
		}
		connection.Close()
	}
	close(slow.answer)
	if got := <-answer; got != "map[ping:pong] <nil>" {
		t.Errorf("the request in flight got %s", got)
	}
	if err := <-s.exited; err != nil {
		t.Errorf("it ended with %v\n%s", err, s.stderr)
	}
}

// TestTooMuchAtOnce asks for lists inside lists, whose items multiply. Without a bound this takes minutes and gigabytes.
func TestTooMuchAtOnce(t *testing.T) {
	s := start(t, "demo")
	deep := "ref"
	for range 8 {
		deep = "ref relations(first: 100) { nodes { target { " + deep + " } } }"
	}
	if out := string(s.post("{ entities(first: 100) { nodes { "+deep+" } } }", nil)); !strings.Contains(out, `"ANSWER_TOO_LARGE"`) {
		t.Errorf("%.300s", out)
	}
}
