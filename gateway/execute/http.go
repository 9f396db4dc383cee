package execute

import (
	"bytes"
	"compress/flate"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/vektah/gqlparser/v2/ast"

	"callboard.dev/callboard/gateway/execute/http1"
)

// HTTP is a subgraph reached over HTTP, by the GraphQL over HTTP specification. It follows no redirects: an address that moved is an error of
// configuration, and headers must not go elsewhere. A plain http address that no proxy stands before is reached by package http1; others, and all
// where Client is set, by net/http. It must not be copied or changed once it is used.
type HTTP struct {
	URL     string
	Client  *http.Client
	Timeout time.Duration     // for one request; 0 means DefaultSubgraphTimeout
	Header  map[string]string // sent with every request
	Forward []string          // names of the client's headers to pass on
	// MaxAnswer bounds an answer after decompression, in bytes; 0 means DefaultMaxAnswer.
	MaxAnswer int64
	// Subscribed is how it is asked for subscriptions; empty for BySSE.
	Subscribed Subscribed

	once  sync.Once
	plain *http1.Client // nil where net/http is used
	head  *http1.Head
}

// The bounds of an HTTP subgraph that says nothing else.
const (
	DefaultSubgraphTimeout = 20 * time.Second
	DefaultMaxAnswer       = 32 << 20
)

// DefaultClient is what HTTP subgraphs share that need net/http: kept connections, and bounded waits for connecting, TLS and headers.
var DefaultClient = &http.Client{
	Transport: func() http.RoundTripper {
		t := http.DefaultTransport.(*http.Transport).Clone()
		t.MaxIdleConns = 0
		t.MaxIdleConnsPerHost = 256
		t.TLSHandshakeTimeout = 10 * time.Second
		t.ResponseHeaderTimeout = 60 * time.Second
		t.MaxResponseHeaderBytes = 64 << 10
		return t
	}(),
	CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
}

// The header fields of every request.
const (
	contentType = "application/json"
	accept      = "application/graphql-response+json, application/json;q=0.9"
)

// prepare decides, once, how the subgraph is reached.
func (h *HTTP) prepare() {
	if h.Timeout == 0 {
		h.Timeout = DefaultSubgraphTimeout
	}
	if h.MaxAnswer == 0 {
		h.MaxAnswer = DefaultMaxAnswer
	}
	u, err := url.Parse(h.URL)
	if err != nil || u.Scheme != "http" || h.Client != nil {
		return
	}
	if proxy, err := http.ProxyFromEnvironment(&http.Request{URL: u}); err != nil || proxy != nil {
		return
	}
	var fields []http1.Field
	for name, value := range h.Header {
		if !strings.EqualFold(name, "Content-Type") && !strings.EqualFold(name, "Accept") {
			fields = append(fields, http1.Field{Name: name, Value: value})
		}
	}
	fields = append(fields, http1.Field{Name: "Content-Type", Value: contentType}, http1.Field{Name: "Accept", Value: accept})
	if h.head, err = http1.NewHead(u, fields...); err == nil {
		h.plain = http1.New(http1.Address(u), http1.Settings{MaxAnswer: h.MaxAnswer})
	}
}

// start sends a request on this goroutine, without waiting for the answer. It is false where the subgraph is not reached so.
func (h *HTTP) start(r *run, s *sent) bool {
	if h.once.Do(h.prepare); h.plain == nil {
		return false
	}
	h.send(r.ctx, s, &s.request)
	r.flights.add(r.ctx, s.exchange.Ticket())
	return true
}

func (h *HTTP) send(ctx context.Context, s *sent, r *Request) {
	deadline := time.Now().Add(h.Timeout)
	if end, ok := ctx.Deadline(); ok && end.Before(deadline) {
		deadline = end
	}
	s.wire = h.head.Append(s.wire[:0])
	for _, name := range h.Forward {
		for _, value := range r.Header.Values(name) {
			if wire, err := http1.AppendField(s.wire, name, value); err == nil { // what cannot be sent safely is left out
				s.wire = wire
			}
		}
	}
	var body int
	s.wire, body = http1.OpenBody(s.wire)
	s.wire = http1.CloseBody(appendBody(s.wire, r), body)
	s.over = h
	s.exchange.Start(h.plain, http1.Request{Text: s.wire, Deadline: deadline, Repeatable: r.Fetch == nil || r.Fetch.Kind == ast.Query})
}

// appendBody appends the JSON of a request.
func appendBody(b []byte, r *Request) []byte {
	b = append(b, r.Prefix...)
	if len(r.Variables) > 0 {
		b = append(append(b, `,"variables":`...), r.Variables...)
	}
	if r.Sources {
		b = append(b, `,"extensions":{"sources":true}`...)
	}
	return append(b, '}')
}

// finish waits for the answer to what was sent.
func (h *HTTP) finish(ctx context.Context, s *sent) (*Answer, error) {
	var err error
	if s.text, err = s.exchange.Finish(s.text[:0]); err != nil {
		return nil, exchangeError(ctx, err)
	}
	isJSON := isPlainJSON(s.exchange.Header("Content-Type"))
	if isJSON && s.exchange.Status() == http.StatusOK {
		s.own = Answer{Text: s.text}
		return &s.own, nil
	}
	return readResponse(s.exchange.Status(), string(s.exchange.Header("Content-Type")), s.text)
}

// isPlainJSON tells whether the header value is one of those that nearly all answers have.
func isPlainJSON(value []byte) bool {
	switch string(value) {
	case "application/json", "application/json; charset=utf-8", "application/graphql-response+json", "application/graphql-response+json; charset=utf-8":
		return true
	}
	return false
}

func exchangeError(ctx context.Context, err error) *FetchError {
	if ctx.Err() != nil {
		e := contextError(ctx.Err())
		e.Cause = err
		return e
	}
	switch {
	case errors.Is(err, http1.ErrTimeout):
		return &FetchError{Code: CodeTimeout, Reason: "it did not answer in time", Cause: err}
	case errors.Is(err, http1.ErrTooLarge):
		return &FetchError{Code: CodeBadAnswer, Reason: "its answer is too large", Cause: err}
	case errors.Is(err, http1.ErrBadAnswer):
		return &FetchError{Code: CodeBadAnswer, Reason: "its answer is not HTTP that can be trusted", Cause: err}
	}
	return &FetchError{Code: CodeUnreachable, Reason: "it could not be reached, or the connection broke", Cause: err}
}

// Forwards returns the names of the client's headers that are passed on.
func (h *HTTP) Forwards() []string { return h.Forward }

// Fetch sends the request and reads the answer.
func (h *HTTP) Fetch(ctx context.Context, r *Request) (*Answer, error) {
	if h.once.Do(h.prepare); h.plain != nil {
		s := &sent{}
		h.send(ctx, s, r)
		stop := context.AfterFunc(ctx, s.exchange.Ticket().Abort)
		defer stop()
		answer, err := h.finish(ctx, s)
		if r.Control && answer != nil {
			answer.Control = controlOf(func(name string, each func(string)) {
				for value := range s.exchange.Values(name) {
					each(string(value))
				}
			})
		}
		return answer, err
	}
	ctx, cancel := context.WithTimeout(ctx, h.Timeout)
	defer cancel()
	body := appendBody(make([]byte, 0, len(r.Prefix)+len(r.Variables)+16), r)
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, h.URL, bytes.NewReader(body))
	if err != nil {
		return nil, &FetchError{Code: CodeUnreachable, Reason: "its address is not a URL", Cause: err}
	}
	for _, name := range h.Forward {
		if values := r.Header.Values(name); len(values) > 0 {
			request.Header[http.CanonicalHeaderKey(name)] = values
		}
	}
	for name, value := range h.Header {
		request.Header.Set(name, value)
	}
	request.Header.Set("Content-Type", contentType)
	request.Header.Set("Accept", accept)
	client := h.Client
	if client == nil {
		client = DefaultClient
	}
	response, err := client.Do(request)
	if err != nil {
		return nil, transportError(ctx, err)
	}
	defer response.Body.Close()
	text, err := io.ReadAll(io.LimitReader(response.Body, h.MaxAnswer+1))
	if err != nil {
		return nil, transportError(ctx, err)
	}
	if int64(len(text)) > h.MaxAnswer {
		return nil, &FetchError{Code: CodeBadAnswer, Reason: "its answer is too large"}
	}
	answer, err := readResponse(response.StatusCode, response.Header.Get("Content-Type"), text)
	if r.Control && answer != nil {
		answer.Control = controlOf(func(name string, each func(string)) {
			for _, value := range response.Header.Values(name) {
				each(value)
			}
		})
	}
	return answer, err
}

func transportError(ctx context.Context, err error) *FetchError {
	var timeout interface{ Timeout() bool }
	if ctx.Err() != nil {
		e := contextError(ctx.Err())
		e.Cause = err
		return e
	}
	if errors.As(err, &timeout) && timeout.Timeout() {
		return &FetchError{Code: CodeTimeout, Reason: "it did not answer in time", Cause: err}
	}
	var corrupt flate.CorruptInputError
	if errors.Is(err, gzip.ErrHeader) || errors.Is(err, gzip.ErrChecksum) || errors.As(err, &corrupt) {
		return &FetchError{Code: CodeBadAnswer, Reason: "its answer is not HTTP that can be trusted", Cause: err}
	}
	return &FetchError{Code: CodeUnreachable, Reason: "it could not be reached, or the connection broke", Cause: err}
}

// readResponse reads the body of a response of any status. A body that is GraphQL counts, whatever the status.
func readResponse(status int, contentType string, text []byte) (*Answer, error) {
	mediaType, _, err := mime.ParseMediaType(contentType)
	isJSON := err == nil && (mediaType == "application/json" || mediaType == "application/graphql-response+json" || strings.HasSuffix(mediaType, "+json"))
	bad := status < 200 || status > 299
	if !isJSON {
		if bad {
			return nil, statusError(status)
		}
		return nil, &FetchError{Code: CodeBadAnswer, Reason: "its answer is not JSON", Cause: fmt.Errorf("content type %q", contentType)}
	}
	if !bad {
		return &Answer{Text: text}, nil
	}
	answer, err := ReadAnswer(text)
	if err != nil || len(answer.Errors) == 0 {
		return nil, statusError(status)
	}
	return answer, nil
}

func statusError(status int) *FetchError {
	return &FetchError{Code: CodeStatus, Reason: fmt.Sprintf("it answered with HTTP status %d", status)}
}
