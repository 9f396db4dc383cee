package clients

import (
	"context"
	"errors"
	"strconv"

	"github.com/prometheus/client_golang/prometheus"

	"callboard.dev/callboard/clients/cache"
)

// NewMetrics returns an observer that counts for Prometheus. Several of one registry count together.
//
//	callboard_source_requests_total{source,state,code}            requests, by the state of the answer and the code of the error
//	callboard_source_attempts_total{source,route,method,outcome}  exchanges over the network, by HTTP status or code of the error
//	callboard_source_attempt_duration_seconds{source}             how long they took
//	callboard_source_retries_total{source}                        those among them that were not a request's first
//	callboard_source_budget_points{source,resource,what}          what is the limit and what is left of the vendor's budgets
//	callboard_source_circuit_open{source}                         1 while the source is left alone
func NewMetrics(registry prometheus.Registerer) Observer {
	requests := registered(registry, prometheus.NewCounterVec(prometheus.CounterOpts{Name: "callboard_source_requests_total",
		Help: "Requests to a source, by the state of the answer and the code of the error."}, []string{"source", "state", "code"}))
	attempts := registered(registry, prometheus.NewCounterVec(prometheus.CounterOpts{Name: "callboard_source_attempts_total",
		Help: "Exchanges with a source over the network, by HTTP status or the code of the error."}, []string{"source", "route", "method", "outcome"}))
	duration := registered(registry, prometheus.NewHistogramVec(prometheus.HistogramOpts{Name: "callboard_source_attempt_duration_seconds",
		Help: "Time that exchanges with a source took.", Buckets: []float64{0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 15}}, []string{"source"}))
	retries := registered(registry, prometheus.NewCounterVec(prometheus.CounterOpts{Name: "callboard_source_retries_total",
		Help: "Exchanges with a source that were not the first of their request."}, []string{"source"}))
	budgets := registered(registry, prometheus.NewGaugeVec(prometheus.GaugeOpts{Name: "callboard_source_budget_points",
		Help: "The limit and what is left of the rate limits of a source, as it last said."}, []string{"source", "resource", "what"}))
	open := registered(registry, prometheus.NewGaugeVec(prometheus.GaugeOpts{Name: "callboard_source_circuit_open",
		Help: "Whether a source is left alone because it failed too often."}, []string{"source"}))
	return Observer{
		Request: func(_ context.Context, r Request) {
			requests.WithLabelValues(r.Source, stateName(r.State), r.Code).Inc()
		},
		Attempt: func(_ context.Context, a Attempt) {
			outcome := a.Code
			if outcome == "" {
				outcome = statusLabel(a.Status)
			}
			attempts.WithLabelValues(a.Source, a.Route, a.Method, outcome).Inc()
			duration.WithLabelValues(a.Source).Observe(a.Duration.Seconds())
			if a.Number > 1 {
				retries.WithLabelValues(a.Source).Inc()
			}
		},
		Circuit: func(source string, c Circuit) {
			value := 0.0
			if c == CircuitOpen {
				value = 1
			}
			open.WithLabelValues(source).Set(value)
		},
		Budget: func(source string, b Budget) {
			budgets.WithLabelValues(source, b.Resource, "limit").Set(float64(b.Limit))
			budgets.WithLabelValues(source, b.Resource, "remaining").Set(float64(b.Remaining))
		},
	}
}

// registered registers the collector, or returns the one of that name that was registered before.
func registered[C prometheus.Collector](registry prometheus.Registerer, c C) C {
	if err := registry.Register(c); err != nil {
		var known prometheus.AlreadyRegisteredError
		if errors.As(err, &known) {
			if same, ok := known.ExistingCollector.(C); ok {
				return same
			}
		}
		panic("bug: a metric of a source is registered twice in different ways: " + err.Error())
	}
	return c
}

// statusLabel returns the status as a label, "other" for those no server should send: each label is a series that stays.
func statusLabel(status int) string {
	if status == 0 {
		return "canceled"
	}
	if status < 100 || status > 599 {
		return "other"
	}
	return strconv.Itoa(status)
}

func stateName(s cache.State) string {
	switch s {
	case cache.Cached:
		return "cached"
	case cache.Stale:
		return "stale"
	case cache.Failed:
		return "failed"
	}
	return "live"
}
