package server_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/99designs/gqlgen/graphql"
	"github.com/vektah/gqlparser/v2"
	"github.com/vektah/gqlparser/v2/ast"

	"callboard.dev/callboard/gateway/execute"
	"callboard.dev/callboard/gateway/operation"
	"callboard.dev/callboard/gateway/server"
)

// endless is a gqlgen schema that resolves fields for as long as it is let.
type endless struct{ end context.CancelFunc }

var endlessSchema = gqlparser.MustLoadSchema(&ast.Source{Input: "type Query { next: Query f: Int } type Subscription { f: Int }"})

func (e endless) Schema() *ast.Schema { return endlessSchema }

func (e endless) Complexity(context.Context, string, string, int, map[string]any) (int, bool) {
	return 0, false
}

func (e endless) Exec(ctx context.Context) graphql.ResponseHandler {
	operation := graphql.GetOperationContext(ctx)
	if e.end != nil {
		e.end()
	}
	for resolved := true; resolved; {
		resolved = false
		_, _ = operation.ResolverMiddleware(ctx, func(context.Context) (any, error) {
			resolved = true
			return 1, nil
		})
	}
	return graphql.OneShot(&graphql.Response{Data: []byte(`{"f":1}`)})
}

// TestSchemaIsBounded asks a served schema for more than it may do. Operations whose fragments double are refused before gqlgen sees them: it would
// expand them.
func TestSchemaIsBounded(t *testing.T) {
	var doubling strings.Builder
	doubling.WriteString("{ ...f0 }\n")
	for i := range 40 {
		fmt.Fprintf(&doubling, "fragment f%d on Query { next { ...f%d } x: next { ...f%d } }\n", i, i+1, i+1)
	}
	doubling.WriteString("fragment f40 on Query { f }")
	tests := []struct{ name, query, code string }{
		{"fragments that double", doubling.String(), operation.CodeLimit},
		{"fields nested too deep", strings.Repeat("{next", 100) + "{f}" + strings.Repeat("}", 100), operation.CodeLimit},
		{"no operation", "{ nothing }", operation.CodeInvalid},
		{"an answer without end", "{ f }", execute.CodeTooLarge},
		{"an answer without end, again", "{ f }", execute.CodeTooLarge},
	}
	schema := server.New(server.NewSchema(endless{}, 1000), server.Settings{})
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			if got := code(t, send(schema, "POST", "/graphql", fmt.Sprintf(`{"query":%q}`, test.query), "Content-Type: application/json")); got != test.code {
				t.Errorf("code %q, want %q", got, test.code)
			}
		})
	}
}

// TestSchemaEndsWithTheContext has the client go away when resolving has begun.
func TestSchemaEndsWithTheContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	got := server.NewSchema(endless{end: cancel}, 1<<40).Execute(ctx, &server.Request{Query: "{ f }"})
	if got.Executed || !strings.Contains(string(got.Body), execute.CodeCancelled) {
		t.Errorf("executed %v: %s", got.Executed, got.Body)
	}
}

// TestSchemaStreams asks a served schema for a subscription: one of which an event is too large ends with an error, and who takes one answer is told what to accept.
func TestSchemaStreams(t *testing.T) {
	running := httptest.NewServer(server.New(server.NewSchema(endless{}, 1000), server.Settings{}))
	t.Cleanup(running.Close)
	for name, subscribe := range ways {
		if name == "multipart" {
			continue // as sse
		}
		events := subscribe(t, running.URL, "subscription { f }")
		if first := events.next(); !strings.Contains(first, execute.CodeTooLarge) {
			t.Errorf("%s: %s", name, first)
		}
		if second := events.next(); second != "" {
			t.Errorf("%s: then %s", name, second)
		}
	}
	response, err := http.Post(running.URL+"/graphql", "application/json", strings.NewReader(`{"query":"subscription { f }"}`))
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	if out, err := io.ReadAll(response.Body); err != nil || !strings.Contains(string(out), "SUBSCRIPTIONS_NOT_SUPPORTED") {
		t.Errorf("%s %v", out, err)
	}
}
