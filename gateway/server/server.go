// Package server puts the stages of a query behind HTTP. What comes in is untrusted bytes from anybody's client; what goes out is one complete
// JSON answer with a status that tells the truth about it. The rule: no byte of a request reaches an Executor before the host, the origin,
// the media types and the sizes have been checked, and no byte of an answer is written before the answer is whole. The first file to open is
// exchange.go, the life of one HTTP request; graph.go is the life of the query inside it.
//
// GraphQL is served by the GraphQL-over-HTTP specification: POST with a JSON body, or GET with parameters for queries alone. Where the
// specification leaves a choice, it was made here:
//
//   - A client that sends no Accept header, or accepts anything, gets application/graphql-response+json.
//   - An unknown member of the JSON body is ignored, and of a member that is given twice the last one counts, as in JavaScript. A URL parameter
//     given twice is refused, as there is no such custom for URLs. Names are compared exactly: "Query" is not "query".
//   - Batches are refused: one HTTP request carries one operation, so that limits, time-outs and logs mean what they say.
//   - Text that is not UTF-8 is refused instead of repaired.
//   - When the time is up, what the Executor still hands over as an executed answer is sent with status 200, as the specification demands of an
//     answer with data; without one the answer is status 504 and the code TIMEOUT.
package server

import (
	"context"
	"encoding/json"
	"log/slog"
	"net/http"
	"slices"
	"sync/atomic"
	"time"

	"github.com/klauspost/compress/gzhttp"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"callboard.dev/callboard/gateway/execute"
)

// Request is one GraphQL request, as decoded from any transport.
type Request struct {
	Query         string
	OperationName string          // empty where the client gave none
	Variables     json.RawMessage // a valid JSON object, or nil
	Extensions    json.RawMessage // a valid JSON object, or nil
	ReadOnly      bool            // mutations are refused: the request came with GET
	Header        http.Header

	body     []byte    // of a POST, decompressed
	prepared *prepared // what its body is known to ask for: the members above are empty
}

// Response is a finished answer.
type Response struct {
	Body       []byte // a complete JSON object
	Executed   bool   // false: a request error, the body has no data
	NotAllowed bool   // a mutation came with a request that is ReadOnly
	Status     int    // 0: the one the specification asks for
	// Fresh says how long it holds, and for whom; nil where it is not to be remembered.
	Fresh *execute.Freshness

	executed execute.Response // whose memory Body is
	flight   *flight          // nil where the response is one request's alone
}

// release gives the memory of the body back, once every request that has the response has written it.
func (r *Response) release() {
	if r.flight == nil || r.flight.reading.Add(-1) == 0 {
		r.executed.Release()
	}
}

// Executor answers requests. It must honour the end of ctx and must not keep r after it returns. It is called from many goroutines.
type Executor interface {
	Execute(ctx context.Context, r *Request) *Response
}

// ExecutorFunc is a function that is an Executor.
type ExecutorFunc func(ctx context.Context, r *Request) *Response

// Execute calls f.
func (f ExecutorFunc) Execute(ctx context.Context, r *Request) *Response { return f(ctx, r) }

// Settings are what a server can be told. The zero value is safe on an open network.
type Settings struct {
	// MaxBody bounds the body of a request, in bytes after decompression. 0 means DefaultMaxBody.
	MaxBody int64
	// Timeout bounds the reading of a request's body, and then its execution. 0 means DefaultTimeout.
	Timeout time.Duration
	// ShutdownTimeout bounds how long Serve waits for requests in flight when it has been told to stop. 0 means DefaultShutdownTimeout.
	ShutdownTimeout time.Duration
	// DrainDelay is how long Serve, told to stop, still accepts requests while /readyz already answers 503, so that a load balancer can notice.
	DrainDelay time.Duration
	// AllowedOrigins are the origins of pages that may send requests from a browser, such as "https://portal.example.com", compared exactly.
	// Pages that this server serves itself are always allowed. There is no wildcard.
	AllowedOrigins []string
	// AllowedHosts are the names clients may call this server by, without port; "*" allows any. Loopback names, and the address at which the
	// connection arrived, are always allowed: to get a browser to send those, a hostile page would have to be served from here.
	AllowedHosts []string
	// Playground is whether / answers with the playground.
	Playground bool
	// Examples are the operations the playground opens with, in this order.
	Examples []Example
	// Handlers answer further paths, each a pattern of http.ServeMux. They are reached under any name of this server, and from any page, so that they must know
	// by themselves whom to believe.
	Handlers map[string]http.Handler
	// Pages are as Handlers, but reached only under the names of this server, and changed (with anything but GET) only from pages of this server.
	Pages map[string]http.Handler
	// MaxStreams is how many subscriptions clients may have open at once, and connections for them; 0 means DefaultMaxStreams.
	MaxStreams int
	// Ready tells why requests cannot be answered yet. nil means that they can.
	Ready func() error
	// Log takes one record for each request, at debug level where it was executed, at info where it was refused, at error where it failed. nil
	// discards them. Queries, variables and headers are never logged.
	Log *slog.Logger
	// Registry takes the metrics and is what /metrics shows. nil means one of its own.
	Registry *prometheus.Registry
}

// Example is an operation that the playground offers.
type Example struct {
	Name      string          `json:"name"`
	Query     string          `json:"query"`
	Variables json.RawMessage `json:"variables,omitempty"`
}

// What a server does where its settings are silent.
const (
	DefaultMaxBody         = 1 << 20 // generous: the longest queries people write by hand are some 10 KiB
	DefaultTimeout         = 30 * time.Second
	DefaultShutdownTimeout = 20 * time.Second // below the 30 s Kubernetes waits before it kills
	DefaultMaxStreams      = 10_000           // each some 50 KB and a connection
)

// compressFrom is the size in bytes from which answers are compressed: a smaller one fits the same one network packet either way.
const compressFrom = 1 << 10

// Server serves one Executor over HTTP. It is an http.Handler for /graphql, /, /playground/, /healthz, /readyz and /metrics, and
// for what Settings.Handlers and Settings.Pages add.
type Server struct {
	executor Executor
	engine   *Engine // the executor, where it is one
	settings Settings
	hosts    hostList
	origins  map[string]bool
	examples []byte // the JSON the playground reads
	metrics  *metrics
	log      *slog.Logger
	handler  http.Handler
	draining atomic.Bool
	open     open
	reserved reservations
}

// New returns a server that answers with the executor.
func New(executor Executor, settings Settings) *Server {
	if settings.MaxBody <= 0 {
		settings.MaxBody = DefaultMaxBody
	}
	if settings.Timeout <= 0 {
		settings.Timeout = DefaultTimeout
	}
	if settings.ShutdownTimeout <= 0 {
		settings.ShutdownTimeout = DefaultShutdownTimeout
	}
	if settings.MaxStreams <= 0 {
		settings.MaxStreams = DefaultMaxStreams
	}
	if settings.Registry == nil {
		settings.Registry = prometheus.NewRegistry()
	}
	if settings.Log == nil {
		settings.Log = slog.New(slog.DiscardHandler)
	}
	s := &Server{
		executor: executor,
		settings: settings,
		hosts:    newHostList(settings.AllowedHosts),
		origins:  newOriginList(settings.AllowedOrigins),
		examples: encodeExamples(settings.Examples),
		metrics:  newMetrics(settings.Registry),
		log:      settings.Log,
	}
	s.open.gauge = s.metrics.streams
	s.engine, _ = executor.(*Engine)
	s.handler = s.routes()
	return s
}

// ServeHTTP answers one HTTP request.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.URL.Path == graphqlPath && r.Header.Get("Accept-Encoding") == "" {
		s.direct(w, r)
		return
	}
	s.handler.ServeHTTP(w, r)
}

const graphqlPath = "/graphql"

// direct does what the handler does for an answer that is not to be compressed, by the shortest way.
func (s *Server) direct(w http.ResponseWriter, r *http.Request) {
	header := w.Header()
	setSecurityHeaders(header)
	header[headerVary] = append(make([]string, 0, 3), "Accept-Encoding")
	if s.admits(w, r) {
		s.graphql(w, r)
	}
}

func (s *Server) routes() http.Handler {
	guarded := http.NewServeMux()
	guarded.HandleFunc(graphqlPath, s.graphql)
	guarded.Handle("GET /metrics", promhttp.HandlerFor(s.settings.Registry, promhttp.HandlerOpts{DisableCompression: true}))
	if s.settings.Playground {
		guarded.HandleFunc("GET /{$}", s.playground)
		guarded.HandleFunc("GET /playground/examples.json", s.playgroundExamples)
		guarded.HandleFunc("GET /playground/{name...}", s.playgroundAsset)
	}
	for pattern, page := range s.settings.Pages {
		guarded.Handle(pattern, http.NewCrossOriginProtection().Handler(page))
	}
	// Probes tell nothing and come from machinery that calls a server by whatever name it likes.
	all := http.NewServeMux()
	all.HandleFunc("GET /healthz", s.healthz)
	all.HandleFunc("GET /readyz", s.readyz)
	for pattern, handler := range s.settings.Handlers {
		all.Handle(pattern, handler)
	}
	all.Handle("/", s.onlyAllowedHosts(guarded))
	return compressed(securityHeaders(s.contain(all)))
}

// compressed compresses answers with gzip for clients that accept it.
func compressed(next http.Handler) http.Handler {
	wrap, err := gzhttp.NewWrapper(gzhttp.MinSize(compressFrom), gzhttp.EnableZstd(false))
	if err != nil {
		panic("bug: the compression settings are wrong: " + err.Error()) // they are constants
	}
	return wrap(next)
}

func (s *Server) healthz(w http.ResponseWriter, _ *http.Request) {
	writePlain(w, http.StatusOK, "ok\n")
}

func (s *Server) readyz(w http.ResponseWriter, _ *http.Request) {
	if s.draining.Load() {
		writePlain(w, http.StatusServiceUnavailable, "shutting down\n")
		return
	}
	if s.settings.Ready != nil {
		if err := s.settings.Ready(); err != nil {
			s.log.Debug("not ready", "error", err) // the reason may name what only operators should know
			writePlain(w, http.StatusServiceUnavailable, "not ready\n")
			return
		}
	}
	writePlain(w, http.StatusOK, "ready\n")
}

func writePlain(w http.ResponseWriter, status int, text string) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_, _ = w.Write([]byte(text))
}

func encodeExamples(examples []Example) []byte {
	kept := make([]Example, 0, len(examples))
	for _, e := range slices.Clone(examples) {
		if !json.Valid(e.Variables) {
			e.Variables = nil
		}
		kept = append(kept, e)
	}
	text, err := json.Marshal(kept)
	if err != nil {
		panic("bug: examples cannot be encoded: " + err.Error()) // strings and valid JSON always can
	}
	return text
}
