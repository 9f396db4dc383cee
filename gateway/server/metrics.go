package server

import (
	"errors"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// metrics are what /metrics tells about requests.
type metrics struct {
	requests *prometheus.CounterVec
	duration prometheus.Histogram
	inFlight prometheus.Gauge
	streams  prometheus.Gauge
	in, out  prometheus.Histogram
}

func newMetrics(registry prometheus.Registerer) *metrics {
	sizes := prometheus.ExponentialBuckets(256, 4, 8) // 256 B to 4 MiB
	return &metrics{
		requests: register(registry, prometheus.NewCounterVec(prometheus.CounterOpts{Name: "callboard_graphql_requests_total",
			Help: "GraphQL requests over HTTP, by what became of them: EXECUTED, REQUEST_ERROR, PREFLIGHT or the code of the refusal."}, []string{"outcome"})),
		duration: register(registry, prometheus.NewHistogram(prometheus.HistogramOpts{Name: "callboard_graphql_request_duration_seconds",
			Help: "Time from the first byte of a request to the last of its answer.", Buckets: prometheus.ExponentialBuckets(0.0005, 2.5, 13)})), // 0.5 ms to 30 s
		inFlight: register(registry, prometheus.NewGauge(prometheus.GaugeOpts{Name: "callboard_graphql_requests_in_flight",
			Help: "GraphQL requests that are being answered."})),
		streams: register(registry, prometheus.NewGauge(prometheus.GaugeOpts{Name: "callboard_graphql_streams_open",
			Help: "Streams that clients have open: server-sent events, multipart answers and WebSockets."})),
		in: register(registry, prometheus.NewHistogram(prometheus.HistogramOpts{Name: "callboard_graphql_request_body_bytes",
			Help: "Size of request bodies after decompression.", Buckets: sizes})),
		out: register(registry, prometheus.NewHistogram(prometheus.HistogramOpts{Name: "callboard_graphql_response_body_bytes",
			Help: "Size of answers before compression.", Buckets: sizes})),
	}
}

// register registers the collector, or returns the one that another server registered before.
func register[C prometheus.Collector](registry prometheus.Registerer, c C) C {
	if err := registry.Register(c); err != nil {
		var known prometheus.AlreadyRegisteredError
		if errors.As(err, &known) {
			if same, ok := known.ExistingCollector.(C); ok {
				return same
			}
		}
		panic("bug: a metric is registered twice in different ways: " + err.Error())
	}
	return c
}

func (m *metrics) observe(outcome string, took time.Duration, in, out int) {
	m.requests.WithLabelValues(outcome).Inc()
	m.duration.Observe(took.Seconds())
	m.in.Observe(float64(in))
	m.out.Observe(float64(out))
}

// refused counts a request that was refused before it came to GraphQL.
func (m *metrics) refused(code string) { m.requests.WithLabelValues(code).Inc() }
