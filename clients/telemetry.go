package clients

import (
	"net/http"
	"time"

	"go.opentelemetry.io/otel/attribute"
	otelcodes "go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/trace"
)

// telemetry tells of each exchange and makes it a span.
//
// Why the API of OpenTelemetry and not otelhttp (November 2026): otelhttp puts the address with its query into the span, where tokens and
// signatures of short-lived addresses are, and it passes trace and baggage headers on, which tell a vendor about our inside. The spans it
// makes otherwise are the dozen lines below.
type telemetry struct {
	source  string
	observe Observer
	tracer  trace.Tracer
}

func (t *telemetry) pass(r *http.Request, next http.RoundTripper) (*http.Response, error) {
	route, method := callOf(r.Context()).route, methodOf(r)
	number := int(passageOf(r.Context()).attempts.Add(1))
	name := route
	if name == "" {
		name = method
	}
	ctx, span := t.tracer.Start(r.Context(), name, trace.WithSpanKind(trace.SpanKindClient), trace.WithAttributes(
		attribute.String("callboard.source", t.source),
		attribute.String("http.request.method", method),
		attribute.String("url.template", route),
		attribute.String("server.address", r.URL.Hostname()),
		attribute.Int("http.request.resend_count", number-1),
	))
	defer span.End()
	started := time.Now()
	resp, err := next.RoundTrip(r.WithContext(ctx))
	told := Attempt{Source: t.source, Method: method, Route: route, Code: CodeOf(err), Number: number, Duration: time.Since(started)}
	if resp != nil {
		told.Status = resp.StatusCode
	} else if e := Of(err); e != nil {
		told.Status = e.Status
	}
	if told.Status != 0 {
		span.SetAttributes(attribute.Int("http.response.status_code", told.Status))
	}
	if err != nil || told.Status >= 400 {
		if told.Code != "" {
			span.SetAttributes(attribute.String("error.type", told.Code))
		}
		span.SetStatus(otelcodes.Error, told.Code)
	}
	if t.observe.Attempt != nil {
		t.observe.Attempt(ctx, told)
	}
	return resp, err
}
