package server

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"runtime/debug"
	"strings"
	"time"
)

const allMethods = "GET, POST, OPTIONS"

// exchange is one HTTP request at /graphql and what became of it.
type exchange struct {
	*Server
	w       http.ResponseWriter
	r       *http.Request
	started time.Time

	media     string // of the answer
	operation string // the name the client gave
	in, out   int    // bytes of the body, decompressed, and of the answer, before compression
	status    int
	outcome   string // a code, or one of the outcomes below
	began     bool   // the answer is being written
}

// The outcomes of exchanges beside the codes of refusals.
const (
	outcomeExecuted     = "EXECUTED"
	outcomeRequestError = "REQUEST_ERROR" // refused by the Executor
	outcomePreflight    = "PREFLIGHT"
)

// graphql answers /graphql.
func (s *Server) graphql(w http.ResponseWriter, r *http.Request) {
	x := &exchange{Server: s, w: w, r: r, started: time.Now(), media: mediaJSON}
	s.metrics.inFlight.Inc()
	defer x.end()
	defer func() { s.recovered(recover(), x.began, w, r) }()
	if problem := x.answer(); problem != nil {
		x.refuse(problem)
	}
}

// answer is the life of one HTTP request: checked, decoded, executed, written.
func (x *exchange) answer() *refusal {
	header := x.w.Header()
	header[headerVary] = append(header[headerVary], "Accept")
	x.cors(x.w, x.r)
	if problem := x.checkOrigin(x.r); problem != nil {
		return problem
	}
	if x.r.Method == http.MethodOptions {
		x.preflight(x.w, x.r)
		x.status, x.outcome = http.StatusNoContent, outcomePreflight
		return nil
	}
	streamer, streams := x.executor.(Streamer)
	token := tokenOf(x.r)
	switch {
	case streams && x.r.Method == http.MethodPut:
		return x.reserve()
	case streams && x.r.Method == http.MethodDelete && token != "":
		return x.cancel(token)
	case x.r.Method != http.MethodPost && x.r.Method != http.MethodGet:
		return &refusal{status: http.StatusMethodNotAllowed, code: CodeMethod, allow: allMethods, message: "GraphQL is asked with POST or GET"}
	}
	if streams && wantsSocket(x.r) {
		return x.socket(streamer)
	}
	kind := acceptsStream(x.r.Header)
	switch {
	case !streams:
	case token != "" && kind == mediaEvents && x.r.Method == http.MethodGet && !x.r.URL.Query().Has("query"):
		return x.connect(token)
	case token != "":
		return x.operate(streamer, token)
	case kind != "":
		request, problem := x.decode()
		if problem != nil {
			return problem
		}
		x.operation = request.OperationName
		return x.stream(streamer, request, kind)
	}
	media, ok := negotiate(x.r.Header)
	if x.media = media; !ok {
		return &refusal{status: http.StatusNotAcceptable, code: CodeNotAcceptable,
			message: "answers come as " + mediaGraphQL + " or " + mediaJSON + ": accept one of them"}
	}
	request, problem := x.decode()
	if problem != nil {
		return problem
	}
	x.operation = request.OperationName
	if request.prepared != nil {
		x.operation = request.prepared.name
	}
	response, problem := x.execute(request)
	if problem != nil {
		return problem
	}
	x.write(response)
	return nil
}

func (x *exchange) decode() (request *Request, problem *refusal) {
	if x.r.Method == http.MethodGet {
		x.in = len(x.r.URL.RawQuery)
		if x.r.ContentLength == 0 {
			watchClient(x.w)
		}
		return decodeGet(x.r)
	}
	request, x.in, problem = x.decodePost(x.w, x.r)
	return request, problem
}

// stopGrace is how long an Executor that was told to stop may take to hand over what it has: enough to shape a partial answer.
const stopGrace = time.Second

// errShutdown is why the context of a request ends when the server cannot wait for it any longer.
var errShutdown = errors.New("the server is shutting down")

// execute has the request answered within the time there is. It returns on time even where the Executor does not.
func (x *exchange) execute(request *Request) (*Response, *refusal) {
	ctx, cancel := context.WithTimeout(x.r.Context(), x.settings.Timeout)
	defer cancel()
	if x.engine != nil { // which returns on time by itself
		if r := x.contained(ctx, request); ctx.Err() == nil || r.counts() {
			return r.response, r.problem
		}
		return nil, x.late()
	}
	done := make(chan result, 1)
	go func() { done <- x.contained(ctx, request) }()
	select {
	case r := <-done:
		if ctx.Err() == nil || r.counts() {
			return r.response, r.problem
		}
	case <-ctx.Done():
		grace := time.NewTimer(stopGrace)
		defer grace.Stop()
		select {
		case r := <-done:
			if r.counts() {
				return r.response, r.problem
			}
		case <-grace.C:
			x.log.Error("bug: an executor went on after the end of its context", "operation", loggable(x.operation))
		}
	}
	return nil, x.late()
}

// late says why there is no answer when the context of the execution has ended.
func (x *exchange) late() *refusal {
	switch {
	case x.r.Context().Err() == nil:
		return &refusal{status: http.StatusGatewayTimeout, code: CodeTimeout,
			message: fmt.Sprintf("the operation took longer than %s: ask for less at once", x.settings.Timeout)}
	case errors.Is(context.Cause(x.r.Context()), errShutdown):
		return &refusal{status: http.StatusServiceUnavailable, code: CodeCancelled, message: "the server is shutting down: send the request again"}
	default: // nobody may be there to read it, but a client that only closed its sending side is
		return &refusal{status: http.StatusServiceUnavailable, code: CodeCancelled, message: "the client closed the connection before the answer was ready"}
	}
}

// result is what came of an Executor: a response or a problem.
type result struct {
	response *Response
	problem  *refusal
}

// counts tells whether the result is still wanted when the time is up: an answer with data, or a bug. A request error then only says that the
// time was up.
func (r result) counts() bool { return r.problem != nil || r.response.Executed }

// contained calls the Executor and turns a panic, or the lack of a response, into a refusal.
func (x *exchange) contained(ctx context.Context, request *Request) (r result) {
	finished := false
	defer func() {
		if finished {
			return
		}
		x.log.Error("bug: an executor panicked", "panic", fmt.Sprint(recover()), "operation", loggable(x.operation), "stack", string(debug.Stack()))
		r = result{problem: internal()}
	}()
	response := x.executor.Execute(ctx, request)
	finished = true
	if response == nil || len(response.Body) == 0 {
		x.log.Error("bug: an executor gave no response", "operation", loggable(x.operation))
		return result{problem: internal()}
	}
	return result{response: response}
}

func internal() *refusal {
	return &refusal{status: http.StatusInternalServerError, code: CodeInternal, message: "something went wrong here; the server's log has more"}
}

// write sends the executor's response.
func (x *exchange) write(response *Response) {
	x.outcome = outcomeRequestError
	switch {
	case response.Status != 0:
		x.status = response.Status
	case response.NotAllowed:
		x.status = http.StatusMethodNotAllowed
		x.w.Header().Set("Allow", "POST")
	case response.Executed, x.media == mediaJSON:
		x.status = http.StatusOK
	default:
		x.status = http.StatusBadRequest
	}
	if response.Executed {
		x.outcome = outcomeExecuted
	}
	x.out, x.began = len(response.Body), true
	writeAnswer(x.w, x.media, x.status, response.Body, cacheControl(response))
	response.release()
}

func (x *exchange) refuse(problem *refusal) {
	x.status, x.outcome = problem.status, problem.code
	body := problem.body()
	x.out, x.began = len(body), true
	problem.write(x.w, x.media)
}

// end counts and logs the exchange.
func (x *exchange) end() {
	took := time.Since(x.started)
	x.metrics.inFlight.Dec()
	if x.outcome == "" { // a panic of our own is on its way up
		x.outcome, x.status = CodeInternal, http.StatusInternalServerError
	}
	x.metrics.observe(x.outcome, took, x.in, x.out)
	level := slog.LevelInfo
	switch {
	case x.status >= 500 && x.outcome != CodeCancelled:
		level = slog.LevelError
	case x.outcome == outcomeExecuted, x.outcome == outcomePreflight:
		level = slog.LevelDebug
	}
	if !x.log.Enabled(context.Background(), level) {
		return
	}
	x.log.LogAttrs(context.Background(), level, "graphql",
		slog.String("outcome", x.outcome),
		slog.Int("status", x.status),
		slog.String("method", loggable(x.r.Method)),
		slog.String("operation", loggable(x.operation)),
		slog.Duration("took", took),
		slog.Int("in", x.in),
		slog.Int("out", x.out),
	)
}

// maxLoggedName bounds the only texts of a client that are logged: names.
const maxLoggedName = 80

// loggable returns the name, or nothing where it is none: what clients make up stays out of the log.
func loggable(name string) string {
	if len(name) > maxLoggedName || strings.ContainsFunc(name, func(c rune) bool {
		return !(c == '_' || c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z')
	}) {
		return ""
	}
	return name
}

// contain turns a panic in this package into an answer. Where one was begun already, the connection is cut, so that nobody takes it for whole.
func (s *Server) contain(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		tracked := &trackedWriter{ResponseWriter: w}
		defer func() { s.recovered(recover(), tracked.began, w, r) }()
		next.ServeHTTP(tracked, r)
	})
}

// recovered does so for what a handler panicked with, nil where it did not.
func (s *Server) recovered(what any, began bool, w http.ResponseWriter, r *http.Request) {
	if what == nil {
		return
	}
	if what == http.ErrAbortHandler { // net/http's own way to cut a connection
		panic(what)
	}
	s.log.Error("bug: a handler panicked", "panic", fmt.Sprint(what), "path", r.URL.Path, "stack", string(debug.Stack()))
	if began {
		panic(http.ErrAbortHandler)
	}
	internal().write(w, mediaJSON)
}

// trackedWriter remembers whether an answer was begun.
type trackedWriter struct {
	http.ResponseWriter
	began bool
}

func (w *trackedWriter) WriteHeader(status int) {
	w.began = true
	w.ResponseWriter.WriteHeader(status)
}

func (w *trackedWriter) Write(b []byte) (int, error) {
	w.began = true
	return w.ResponseWriter.Write(b)
}

// Unwrap lets http.ResponseController reach the connection.
func (w *trackedWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }
