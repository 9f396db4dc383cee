package server_test

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"callboard.dev/callboard/gateway/server"
)

// logged is a log that tests can read.
func logged() (*slog.Logger, *bytes.Buffer) {
	var b bytes.Buffer
	return slog.New(slog.NewJSONHandler(&b, &slog.HandlerOptions{Level: slog.LevelDebug})), &b
}

func TestTimeout(t *testing.T) {
	requestError := &server.Response{Body: []byte(`{"errors":[{"message":"cut","extensions":{"code":"REQUEST_CANCELLED"}}]}`)}
	partial := &server.Response{Body: []byte(`{"data":{"a":1,"b":null},"errors":[{"message":"cut","path":["b"],"extensions":{"code":"SUBGRAPH_TIMEOUT"}}]}`), Executed: true}
	tests := []struct {
		name    string
		execute server.ExecutorFunc
		took    time.Duration
		status  int
		code    string
	}{
		{"nothing in time", func(ctx context.Context, _ *server.Request) *server.Response {
			<-ctx.Done()
			return requestError
		}, 5 * time.Second, 504, server.CodeTimeout},
		{"part of the data in time", func(ctx context.Context, _ *server.Request) *server.Response {
			<-ctx.Done()
			return partial
		}, 5 * time.Second, 200, "SUBGRAPH_TIMEOUT"},
		{"deaf", func(context.Context, *server.Request) *server.Response {
			time.Sleep(time.Hour)
			return partial
		}, 6 * time.Second, 504, server.CodeTimeout},
		{"just in time", func(context.Context, *server.Request) *server.Response {
			time.Sleep(5*time.Second - 1)
			return &server.Response{Body: []byte(okBody), Executed: true}
		}, 5*time.Second - 1, 200, ""},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				deadlines := make(chan time.Time, 1)
				start := time.Now()
				s := server.New(server.ExecutorFunc(func(ctx context.Context, r *server.Request) *server.Response {
					deadline, _ := ctx.Deadline()
					deadlines <- deadline
					return test.execute(ctx, r)
				}), server.Settings{Timeout: 5 * time.Second})
				response := send(s, "POST", "/graphql", `{"query":"{a}"}`, asJSON)
				if got := code(t, response); response.StatusCode != test.status || got != test.code {
					t.Errorf("status %d and code %q, want %d and %q", response.StatusCode, got, test.status, test.code)
				}
				if took := time.Since(start); took != test.took {
					t.Errorf("took %s, want %s", took, test.took)
				}
				if got := (<-deadlines).Sub(start); got != 5*time.Second {
					t.Errorf("the context ended after %s", got)
				}
				time.Sleep(2 * time.Hour) // until the deaf one returns
			})
		})
	}
}

func TestClientThatGoesAwayCancels(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		stopped := false
		s := server.New(server.ExecutorFunc(func(ctx context.Context, _ *server.Request) *server.Response {
			<-ctx.Done()
			stopped = true
			return &server.Response{Body: []byte(`{"errors":[]}`)}
		}), server.Settings{})
		ctx, leave := context.WithCancel(t.Context())
		r := httptest.NewRequestWithContext(ctx, "POST", "/graphql", strings.NewReader(`{"query":"{a}"}`))
		r.Host = "localhost"
		r.Header.Set("Content-Type", mediaJSON)
		time.AfterFunc(time.Second, leave)
		start := time.Now()
		w := httptest.NewRecorder()
		s.ServeHTTP(w, r)
		if !stopped || time.Since(start) != time.Second {
			t.Errorf("executor stopped: %v, after %s", stopped, time.Since(start))
		}
		if got := code(t, w.Result()); got != server.CodeCancelled {
			t.Errorf("code %q", got)
		}
	})
}

func TestPanicsAreContained(t *testing.T) {
	tests := map[string]server.ExecutorFunc{
		"panic":     func(context.Context, *server.Request) *server.Response { panic("secret of the house") },
		"nil panic": func(context.Context, *server.Request) *server.Response { panic(nil) }, //nolint:govet // that is the test
		"nil pointer": func(context.Context, *server.Request) *server.Response {
			var none *server.Request
			return &server.Response{Body: none.Variables}
		},
		"no response":   func(context.Context, *server.Request) *server.Response { return nil },
		"no body":       func(context.Context, *server.Request) *server.Response { return &server.Response{Executed: true} },
		"abort handler": func(context.Context, *server.Request) *server.Response { panic(http.ErrAbortHandler) },
	}
	for name, execute := range tests {
		log, text := logged()
		response := send(server.New(execute, server.Settings{Log: log}), "POST", "/graphql", `{"query":"{a}"}`, asJSON)
		body, _ := io.ReadAll(response.Body)
		if response.StatusCode != 500 || !json.Valid(body) || !strings.Contains(string(body), server.CodeInternal) {
			t.Errorf("%s: status %d, %s", name, response.StatusCode, body)
		}
		if strings.Contains(string(body), "secret") {
			t.Errorf("%s: the client sees the panic: %s", name, body)
		}
		if !strings.Contains(text.String(), "bug: ") {
			t.Errorf("%s: nothing in the log: %s", name, text)
		}
		if strings.Contains(name, "panic") && !strings.Contains(text.String(), "time_test.go") {
			t.Errorf("%s: no stack in the log: %s", name, text)
		}
	}
}

func TestPanicOfOurOwnIsContained(t *testing.T) {
	log, text := logged()
	s := server.New(&recorder{}, server.Settings{Log: log, Ready: func() error { panic("no") }})
	if response := send(s, "GET", "/readyz", ""); response.StatusCode != 500 || !strings.Contains(text.String(), "bug: ") {
		t.Errorf("status %d, log %s", response.StatusCode, text)
	}
}

func TestLogTellsNoSecrets(t *testing.T) {
	log, text := logged()
	s := server.New(&recorder{}, server.Settings{Log: log})
	send(s, "POST", "/graphql", `{"query":"query A($secretName: Int){secretField}","operationName":"A","variables":{"v":"secretValue"}}`, asJSON, "Authorization: Bearer secretToken")
	send(s, "POST", "/graphql", `{"query":"{a}","operationName":"secret\nforged line"}`, asJSON)
	send(s, "POST", "/graphql", `{"query":secretField}`, asJSON)
	send(s, "GET", "/graphql?query={secretField}", "")
	if strings.Contains(text.String(), "secret") {
		t.Errorf("the log has secrets: %s", text)
	}
	var outcomes []string
	for line := range strings.Lines(text.String()) {
		var record struct{ Level, Outcome, Operation string }
		if err := json.Unmarshal([]byte(line), &record); err != nil {
			t.Fatal(err)
		}
		outcomes = append(outcomes, record.Level+" "+record.Outcome+" "+record.Operation)
	}
	want := "DEBUG EXECUTED A|DEBUG EXECUTED |INFO BAD_REQUEST |INFO CSRF_REFUSED "
	if got := strings.Join(outcomes, "|"); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

func TestMetrics(t *testing.T) {
	s := server.New(&recorder{}, server.Settings{})
	send(s, "POST", "/graphql", `{"query":"{a}"}`, asJSON)
	send(s, "POST", "/graphql", `{"query":"{a}"}`, asJSON)
	send(s, "POST", "/graphql", `{`, asJSON)
	send(s, "POST", "/graphql", `{}`, asJSON, "Host: evil.example")
	body, _ := io.ReadAll(send(s, "GET", "/metrics", "").Body)
	for _, want := range []string{
		`callboard_graphql_requests_total{outcome="EXECUTED"} 2`,
		`callboard_graphql_requests_total{outcome="BAD_REQUEST"} 1`,
		`callboard_graphql_requests_total{outcome="HOST_NOT_ALLOWED"} 1`,
		`callboard_graphql_request_duration_seconds_count 3`,
		`callboard_graphql_requests_in_flight 0`,
		`callboard_graphql_request_body_bytes_sum 31`,
		`callboard_graphql_response_body_bytes_count 3`,
	} {
		if !strings.Contains(string(body), want+"\n") {
			t.Errorf("/metrics lacks %s", want)
		}
	}
	if t.Failed() {
		t.Logf("%s", body)
	}
}

func TestServersMayShareARegistry(t *testing.T) {
	registry := prometheus.NewRegistry()
	first, second := server.New(&recorder{}, server.Settings{Registry: registry}), server.New(&recorder{}, server.Settings{Registry: registry})
	send(first, "POST", "/graphql", `{"query":"{a}"}`, asJSON)
	send(second, "POST", "/graphql", `{"query":"{a}"}`, asJSON)
	body, _ := io.ReadAll(send(first, "GET", "/metrics", "").Body)
	if !strings.Contains(string(body), `callboard_graphql_requests_total{outcome="EXECUTED"} 2`) {
		t.Errorf("the counts are not those of both: %s", body)
	}
}

func TestSecurityHeaders(t *testing.T) {
	s := server.New(&recorder{}, server.Settings{Playground: true})
	for _, path := range []string{"/", "/graphql", "/healthz", "/metrics", "/playground/page.js", "/playground/examples.json", "/nothing"} {
		response := send(s, "GET", path, "")
		for name, want := range map[string]string{"X-Content-Type-Options": "nosniff", "X-Frame-Options": "DENY", "Referrer-Policy": "no-referrer"} {
			if got := response.Header.Get(name); got != want {
				t.Errorf("%s: %s is %q, want %q", path, name, got, want)
			}
		}
		policy := response.Header.Get("Content-Security-Policy")
		if !strings.HasPrefix(policy, "default-src 'none'") || !strings.Contains(policy, "frame-ancestors 'none'") {
			t.Errorf("%s: the content policy is %q", path, policy)
		}
	}
}
