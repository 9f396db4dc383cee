// Package clients is the one way out to the systems where the data lives. The settings of a source go in; an *http.Client comes out that any
// client library can be given, and through which every request passes the same chain: remembered answers, coalescing, retries, a circuit
// breaker, the vendor's rate limits, a bound on what runs at once, the credential, telemetry, and bounds on size and time.
//
// The one rule: a vendor is asked only when that is needed, allowed and affordable, and what fails fails with one of a few kinds of error that
// says when to try again and holds no secret.
//
// Start with Source.chain below: it names the links, each of which is a file of its own. settings.go says what can be configured,
// errors.go the kinds of error, call.go what a caller says about one request, budget.go the arithmetic of rate limits.
package clients

import (
	"log/slog"
	"net/http"

	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/trace"
)

// Source is one configured upstream. It is safe for concurrent use.
type Source struct {
	settings Settings
	shared   Shared
	client   *http.Client
	health   health
	circuit  *circuit
	limiter  *limiter
	bulkhead *bulkhead
	network  *http.Transport
	foreign  *http.Transport
}

// chain names the links a request passes, the outermost first. An answer passes them in the other order.
func (s *Source) chain(network http.RoundTripper) http.RoundTripper {
	set, shared := &s.settings, &s.shared
	return join(network,
		// Only to the source's own hosts, and with no credential but its own.
		(&admission{set}).pass,
		// What became of the request is told.
		(&watch{set.Name, shared.Observe, &s.health}).pass,
		// Answers that are remembered go no further.
		(&memory{set, shared.Cache}).pass,
		// From here outwards refusals are errors.
		(&judgement{set.Name, true}).pass,
		// A request ends, with all its attempts.
		(&patience{set.Timeout}).pass,
		// Of many that ask the same one goes on.
		(&coalescing{source: set.Name, timeout: set.Timeout, log: shared.Log}).pass,
		// What failed is tried again, as far as that is affordable.
		newRetries().pass,
		// Not while the upstream is down.
		s.circuit.pass,
		// Not beyond what the vendor allows.
		s.limiter.pass,
		// Not too many at once.
		s.bulkhead.pass,
		// It may have gone down while the request waited for its place.
		s.circuit.reconsider,
		// What was allowed may have been forbidden while it waited for its place, and what is learnt is known before the next takes it.
		s.limiter.spend,
		// With the credential.
		(&authorization{set.Name, set.Token}).pass,
		// Each attempt is told, and is a span.
		(&telemetry{set.Name, shared.Observe, s.tracer()}).pass,
		// No more is read than can be held.
		(&sizes{set.Name, set.MaxAnswer, set.MaxStream}).pass,
		// An attempt ends, and its failure has a kind.
		(&attempt{set.Name, set.AttemptTimeout}).pass,
	)
}

// link is one step of a request on its way out: it may change the request or answer itself, and asks next for what it does not know.
type link func(r *http.Request, next http.RoundTripper) (*http.Response, error)

type joined struct {
	link link
	next http.RoundTripper
}

func (j joined) RoundTrip(r *http.Request) (*http.Response, error) { return j.link(r, j.next) }

// join puts the links before last, the first one outermost.
func join(last http.RoundTripper, links ...link) http.RoundTripper {
	for i := len(links) - 1; i >= 0; i-- {
		last = joined{links[i], last}
	}
	return last
}

// Open makes a source ready to be asked. It does not connect. It fails where the settings contradict themselves.
func Open(settings Settings, shared Shared) (*Source, error) {
	settings, err := settings.checked()
	if err != nil {
		return nil, err
	}
	if shared.Log == nil {
		shared.Log = slog.New(slog.DiscardHandler)
	}
	s := &Source{settings: settings, shared: shared}
	s.network = network(&s.settings, doors{allow: settings.Allow, private: true})
	s.foreign = network(&s.settings, doors{allow: settings.Allow})
	s.circuit = newCircuit(settings.Name, &s.health, shared.Log, shared.Observe)
	s.limiter = newLimiter(&s.settings, &s.shared)
	s.bulkhead = newBulkhead(settings.Name, settings.Places, settings.Queue)
	s.client = &http.Client{Transport: s.chain(s.network), CheckRedirect: s.sameHost}
	return s, nil
}

// HTTP returns the client through which the source is asked. It follows redirects to the source's own hosts; others are the answer. Its errors
// are *url.Error around an *Error: see Of.
func (s *Source) HTTP() *http.Client { return s.client }

// Settings returns the settings of the source, with the defaults filled in and without the user and password of its address.
func (s *Source) Settings() Settings { return s.settings }

// Close closes the connections that are not in use.
func (s *Source) Close() {
	s.network.CloseIdleConnections()
	s.foreign.CloseIdleConnections()
}

func (s *Source) tracer() trace.Tracer {
	provider := s.shared.Tracer
	if provider == nil {
		provider = otel.GetTracerProvider()
	}
	return provider.Tracer("callboard.dev/callboard/clients")
}
