package main_test

import (
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
)

// TestGatewayRemembers: what the configuration says of a subgraph's answers reaches it, and the client is told how long they hold.
func TestGatewayRemembers(t *testing.T) {
	for _, test := range []struct {
		config, control string
		asked           int64
	}{
		{"cache: true", "max-age=60, private", 3}, // once to find out that the header rules, and once for each client
		{"cache: false", "no-store", 6},
	} {
		t.Run(test.config, func(t *testing.T) {
			var asked atomic.Int64
			file := onlyBox(t, `type Query { one: String }`, func(w http.ResponseWriter, r *http.Request) {
				asked.Add(1)
				w.Header().Set("Content-Type", "application/json")
				w.Header().Set("Cache-Control", "max-age=60")
				_, _ = io.WriteString(w, `{"data":{"one":"`+r.Header.Get("X-User")+`"}}`)
			})
			config := filepath.Join(t.TempDir(), "callboard.yaml")
			text := "gateway:\n  subgraphs:\n    - name: box\n      forwardHeaders: [X-User]\n      " + test.config + "\n"
			if err := os.WriteFile(config, []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
			s := start(t, "gateway", "--supergraph", file, "--config", config)
			control := ""
			for range 3 {
				for _, user := range []string{"ann", "bob"} {
					request, _ := http.NewRequest("POST", s.URL+"/graphql", strings.NewReader(`{"query":"{ one }"}`))
					request.Header.Set("Content-Type", "application/json")
					request.Header.Set("X-User", user)
					response, err := http.DefaultClient.Do(request)
					if err != nil {
						t.Fatal(err)
					}
					body, _ := io.ReadAll(response.Body)
					response.Body.Close()
					if want := `{"data":{"one":"` + user + `"}}`; string(body) != want {
						t.Errorf("%s got %s", user, body)
					}
					control = response.Header.Get("Cache-Control")
				}
			}
			// Seconds may have passed.
			if prefix := strings.TrimSuffix(test.control, "60, private"); !strings.HasPrefix(control, prefix) || strings.HasSuffix(test.control, "private") != strings.HasSuffix(control, ", private") {
				t.Errorf("Cache-Control is %q, want %q", control, test.control)
			}
			if asked.Load() != test.asked {
				t.Errorf("the subgraph was asked %d times, want %d", asked.Load(), test.asked)
			}
		})
	}
}
