package introspection_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/vektah/gqlparser/v2"
	"github.com/vektah/gqlparser/v2/ast"

	"callboard.dev/callboard/gateway/execute"
	"callboard.dev/callboard/gateway/introspection"
)

// circle is a schema whose types all lead to each other.
func circle(types int) *introspection.Subgraph {
	var b strings.Builder
	b.WriteString("type Query { t0: T0 }\n")
	for i := range types {
		fmt.Fprintf(&b, "type T%d {", i)
		for j := range types {
			fmt.Fprintf(&b, " f%d: T%d", j, j)
		}
		b.WriteString(" }\n")
	}
	return &introspection.Subgraph{Schema: gqlparser.MustLoadSchema(&ast.Source{Input: b.String()})}
}

func nested(levels int) *execute.Request {
	text := "name"
	for range levels {
		text = "fields { type { " + text + " } }"
	}
	return &execute.Request{Text: "{ __schema { types { " + text + " } } }"}
}

func code(err error) string {
	var failure *execute.FetchError
	if errors.As(err, &failure) {
		return failure.Code
	}
	return ""
}

// TestAnswerIsBounded asks for what each type leads to, 18 times over: without a bound the answer has 50 to the power of 19 names.
func TestAnswerIsBounded(t *testing.T) {
	s := circle(50)
	if answer, err := s.Fetch(t.Context(), nested(2)); err != nil || strings.Count(string(answer.Data), `"T49"`) != 50*50+1 {
		t.Errorf("two levels: error %v, or the wrong number of names", err)
	}
	if _, err := s.Fetch(t.Context(), nested(18)); code(err) != execute.CodeTooLarge {
		t.Errorf("18 levels: error %v, want the code %s", err, execute.CodeTooLarge)
	}
}

func TestEndOfContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := circle(3).Fetch(ctx, nested(1)); !errors.Is(err, context.Canceled) {
		t.Errorf("error %v, want %v", err, context.Canceled)
	}
}
