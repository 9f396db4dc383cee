package pipelines_test

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"testing"
	"time"

	"github.com/99designs/gqlgen/graphql"

	"callboard.dev/callboard/clients"
	"callboard.dev/callboard/subgraphs/pipelines/ci"
	"callboard.dev/callboard/subgraphs/relay"
)

// What a system does that is a repository host, too.

func (s *system) Files(context.Context, ci.CommitName) ([]string, bool, error) {
	return nil, true, nil
}

func (s *system) Compare(_ context.Context, queries []ci.ComparisonQuery) ([]*ci.Comparison, []error) {
	return each(s, "Compare", queries, func(ci.ComparisonQuery) (*ci.Comparison, bool) { return nil, false })
}

func (s *system) SetStatus(context.Context, ci.CommitStatus) error { return nil }

func (s *system) Comment(context.Context, string, int, string, string) (string, error) {
	return "1", nil
}

func (s *system) Linked(_ context.Context, commits []ci.CommitName) ([][]string, []error) {
	return each(s, "Linked", commits, func(c ci.CommitName) ([]string, bool) { return s.comes[c.OID], true })
}

// fail has a method of the system fail, or not any more where the error is nil.
func (s *system) fail(method string, err error) {
	s.set(func() { s.fails[method] = err })
}

// down is the error of a system that does not answer.
func down(source string) error {
	return &clients.Error{Kind: clients.ErrUnavailable, Source: source, Message: "it is away", RetryAt: time.Date(2100, 1, 1, 0, 0, 0, 0, time.UTC)}
}

// ask sends an operation as nobody in particular.
func (w *world) ask(operation string, variables map[string]any) string {
	w.t.Helper()
	return w.send(w.t.Context(), "", operation, variables)
}

// into sends an operation and reads what its answer holds as data.
func into[T any](w *world, operation string, variables map[string]any) T {
	w.t.Helper()
	var answer struct{ Data T }
	text := w.ask(operation, variables)
	if err := json.Unmarshal([]byte(text), &answer); err != nil {
		w.t.Fatalf("%s: %v", text, err)
	}
	return answer.Data
}

// pipeline is the id of the pipeline of larkfold/tiles.
func (w *world) pipeline() string {
	w.t.Helper()
	out := into[struct {
		PipelineRun struct{ Pipeline struct{ ID string } }
	}](w, `query($url: URL!) { pipelineRun(url: $url) { pipeline { id } } }`, map[string]any{"url": "https://github.com/larkfold/tiles/actions/runs/5"})
	return out.PipelineRun.Pipeline.ID
}

// change changes a run of the system.
func (s *system) change(key string, how func(*ci.Run)) {
	s.set(func() {
		changed := *s.runs[key] // those who have it already keep what they have
		how(&changed)
		s.runs[key] = &changed
	})
}

// subscribe begins a subscription. Each call of what it returns waits for the next event and returns it as JSON; false after the last.
func (w *world) subscribe(ctx context.Context, operation string, variables map[string]any) func() (string, bool) {
	w.t.Helper()
	ctx = graphql.StartOperationTrace(ctx)
	request, errs := w.executor.CreateOperationContext(ctx, &graphql.RawParams{Query: operation, Variables: variables})
	if len(errs) > 0 {
		w.t.Errorf("%s\n%v", operation, errs)
		return func() (string, bool) { return "", false }
	}
	next, ctx := w.executor.DispatchOperation(ctx, request)
	return func() (string, bool) {
		response := next(ctx)
		if response == nil {
			return "", false
		}
		return responseText(response), true
	}
}

// one returns the next event of a subscription.
func one(t testing.TB, next func() (string, bool)) string {
	t.Helper()
	text, ok := next()
	if !ok {
		t.Error("the subscription has ended")
	}
	return text
}

// over checks that a subscription has ended.
func over(t testing.TB, next func() (string, bool)) {
	t.Helper()
	if text, ok := next(); ok {
		t.Errorf("the subscription has not ended, but says %s", text)
	}
}

// idOf is an id as this subgraph makes them.
func idOf(kind, system, key string) string {
	return base64.RawURLEncoding.EncodeToString([]byte("ci1:" + kind + ":" + system + ":" + key))
}

// logCursor is a cursor of a log as this subgraph makes them.
func logCursor(offset int64, job string) string {
	return relay.Cursor(fmt.Sprintf("log:%d:%s", offset, job))
}
