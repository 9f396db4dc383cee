package clients

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
	"go.opentelemetry.io/otel/attribute"
	otelcodes "go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/trace"
	"go.opentelemetry.io/otel/trace/noop"

	"callboard.dev/callboard/clients/cache"
)

// spans writes down what is put into spans.
type spans struct {
	noop.TracerProvider
	mu   sync.Mutex
	text strings.Builder
}

type spanTracer struct {
	noop.Tracer
	spans *spans
}

type writtenSpan struct {
	noop.Span
	spans *spans
}

func (s *spans) Tracer(string, ...trace.TracerOption) trace.Tracer { return spanTracer{spans: s} }

func (s *spans) write(what string, attributes ...attribute.KeyValue) {
	s.mu.Lock()
	defer s.mu.Unlock()
	fmt.Fprint(&s.text, what)
	for _, a := range attributes {
		fmt.Fprintf(&s.text, " %s=%s", a.Key, a.Value.String())
	}
	fmt.Fprintln(&s.text)
}

func (t spanTracer) Start(ctx context.Context, name string, options ...trace.SpanStartOption) (context.Context, trace.Span) {
	config := trace.NewSpanStartConfig(options...)
	t.spans.write(name+" "+config.SpanKind().String(), config.Attributes()...)
	return ctx, writtenSpan{spans: t.spans}
}

func (s writtenSpan) SetAttributes(a ...attribute.KeyValue) { s.spans.write("set", a...) }

func (s writtenSpan) SetStatus(c otelcodes.Code, text string) { s.spans.write(c.String() + " " + text) }

func (s writtenSpan) RecordError(err error, _ ...trace.EventOption) { s.spans.write(err.Error()) }

func TestSpans(t *testing.T) {
	var s spans
	link := &telemetry{source: "example", tracer: s.Tracer("")}
	link.pass(get(WithRoute(t.Context(), "GET /repos/{owner}/{name}")), always(200))
	link.pass(query(t.Context()), always(502))
	link.pass(get(t.Context()), stub(func(*http.Request) (*http.Response, error) { return nil, &Error{Kind: ErrTimeout} }))
	const want = `GET /repos/{owner}/{name} client callboard.source=example http.request.method=GET url.template=GET /repos/{owner}/{name} server.address=api.example http.request.resend_count=0
set http.response.status_code=200
POST client callboard.source=example http.request.method=POST url.template= server.address=api.example http.request.resend_count=0
set http.response.status_code=502
Error 
GET client callboard.source=example http.request.method=GET url.template= server.address=api.example http.request.resend_count=0
set error.type=TIMEOUT
Error TIMEOUT
`
	if got := s.text.String(); got != want {
		t.Errorf("the spans are\n%swant\n%s", got, want)
	}
}

// No header that tells of our inside goes out.
func TestNoTraceHeaders(t *testing.T) {
	(&telemetry{source: "example", tracer: new(spans).Tracer("")}).pass(get(t.Context()), stub(func(r *http.Request) (*http.Response, error) {
		if len(r.Header) != 0 {
			t.Errorf("sent %v", r.Header)
		}
		return says(200, ""), nil
	}))
}

func TestMetrics(t *testing.T) {
	registry := prometheus.NewRegistry()
	NewMetrics(registry)
	o := Observers(Observer{}, NewMetrics(registry)) // a second source of the same process
	ctx := t.Context()
	o.Request(ctx, Request{Source: "a", State: cache.Cached})
	o.Request(ctx, Request{Source: "a", State: cache.Failed, Code: "TIMEOUT"})
	o.Attempt(ctx, Attempt{Source: "a", Route: "GET /x", Method: "GET", Status: 200, Number: 1})
	o.Attempt(ctx, Attempt{Source: "a", Route: "GET /x", Method: "GET", Status: 777, Number: 2})
	o.Attempt(ctx, Attempt{Source: "a", Method: "OTHER", Code: "TIMEOUT", Number: 1})
	o.Circuit("a", CircuitOpen)
	o.Circuit("b", CircuitHalfOpen)
	o.Budget("a", Budget{Resource: "core", Limit: 5000, Remaining: 7})
	const want = `
# HELP callboard_source_attempts_total Exchanges with a source over the network, by HTTP status or the code of the error.
# TYPE callboard_source_attempts_total counter
callboard_source_attempts_total{method="GET",outcome="200",route="GET /x",source="a"} 1
callboard_source_attempts_total{method="GET",outcome="other",route="GET /x",source="a"} 1
callboard_source_attempts_total{method="OTHER",outcome="TIMEOUT",route="",source="a"} 1
# HELP callboard_source_budget_points The limit and what is left of the rate limits of a source, as it last said.
# TYPE callboard_source_budget_points gauge
callboard_source_budget_points{resource="core",source="a",what="limit"} 5000
callboard_source_budget_points{resource="core",source="a",what="remaining"} 7
# HELP callboard_source_circuit_open Whether a source is left alone because it failed too often.
# TYPE callboard_source_circuit_open gauge
callboard_source_circuit_open{source="a"} 1
callboard_source_circuit_open{source="b"} 0
# HELP callboard_source_requests_total Requests to a source, by the state of the answer and the code of the error.
# TYPE callboard_source_requests_total counter
callboard_source_requests_total{code="",source="a",state="cached"} 1
callboard_source_requests_total{code="TIMEOUT",source="a",state="failed"} 1
# HELP callboard_source_retries_total Exchanges with a source that were not the first of their request.
# TYPE callboard_source_retries_total counter
callboard_source_retries_total{source="a"} 1
`
	if err := testutil.GatherAndCompare(registry, strings.NewReader(want), "callboard_source_attempts_total", "callboard_source_budget_points",
		"callboard_source_circuit_open", "callboard_source_requests_total", "callboard_source_retries_total"); err != nil {
		t.Error(err)
	}
}
