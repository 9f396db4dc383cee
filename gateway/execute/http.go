package execute

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"strings"
	"time"
)

// HTTP is a subgraph reached over HTTP, by the GraphQL over HTTP specification. It follows no redirects: an address that moved is an error of
// configuration, and headers must not go elsewhere.
type HTTP struct {
	URL     string
	Client  *http.Client      // nil: DefaultClient
	Timeout time.Duration     // for one request; 0 means DefaultSubgraphTimeout
	Header  map[string]string // sent with every request
	Forward []string          // names of the client's headers to pass on
	// MaxAnswer bounds an answer after decompression, in bytes; 0 means DefaultMaxAnswer.
	MaxAnswer int64
}

// The bounds of an HTTP subgraph that says nothing else.
const (
	DefaultSubgraphTimeout = 20 * time.Second
	DefaultMaxAnswer       = 32 << 20
)

// DefaultClient is what HTTP subgraphs share: kept connections, and bounded waits for connecting, TLS and headers.
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

// Fetch sends the request and reads the answer.
func (h *HTTP) Fetch(ctx context.Context, r *Request) (*Answer, error) {
	timeout := h.Timeout
	if timeout == 0 {
		timeout = DefaultSubgraphTimeout
	}
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	body := make([]byte, 0, len(r.Prefix)+len(r.Variables)+16)
	body = append(body, r.Prefix...)
	if len(r.Variables) > 0 {
		body = append(append(body, `,"variables":`...), r.Variables...)
	}
	body = append(body, '}')
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
	request.Header.Set("Content-Type", "application/json")
	request.Header.Set("Accept", "application/graphql-response+json, application/json;q=0.9")
	client := h.Client
	if client == nil {
		client = DefaultClient
	}
	response, err := client.Do(request)
	if err != nil {
		return nil, transportError(ctx, err)
	}
	defer response.Body.Close()
	limit := h.MaxAnswer
	if limit == 0 {
		limit = DefaultMaxAnswer
	}
	text, err := io.ReadAll(io.LimitReader(response.Body, limit+1))
	if err != nil {
		return nil, transportError(ctx, err)
	}
	if int64(len(text)) > limit {
		return nil, &FetchError{Code: CodeBadAnswer, Reason: fmt.Sprintf("its answer is larger than %d bytes", limit)}
	}
	return readResponse(response, text)
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
	return &FetchError{Code: CodeUnreachable, Reason: "it could not be reached, or the connection broke", Cause: err}
}

// readResponse reads the body of a response of any status. A body that is GraphQL counts, whatever the status.
func readResponse(response *http.Response, text []byte) (*Answer, error) {
	mediaType, _, err := mime.ParseMediaType(response.Header.Get("Content-Type"))
	isJSON := err == nil && (mediaType == "application/json" || mediaType == "application/graphql-response+json" || strings.HasSuffix(mediaType, "+json"))
	bad := response.StatusCode < 200 || response.StatusCode > 299
	if !isJSON {
		if bad {
			return nil, statusError(response)
		}
		return nil, &FetchError{Code: CodeBadAnswer, Reason: "its answer is not JSON", Cause: fmt.Errorf("content type %q", response.Header.Get("Content-Type"))}
	}
	answer, err := ReadAnswer(text)
	if err != nil {
		if bad {
			return nil, statusError(response)
		}
		return nil, &FetchError{Code: CodeBadAnswer, Reason: "its answer is not a GraphQL response", Cause: err}
	}
	if bad && len(answer.Errors) == 0 {
		return nil, statusError(response)
	}
	return answer, nil
}

func statusError(response *http.Response) *FetchError {
	return &FetchError{Code: CodeStatus, Reason: fmt.Sprintf("it answered with HTTP status %d", response.StatusCode)}
}

// maxSubgraphErrors bounds the errors read from one answer.
const maxSubgraphErrors = 1000

// ReadAnswer reads a GraphQL response: a JSON object with data, errors or both. Its data is checked when it is merged.
func ReadAnswer(text []byte) (*Answer, error) {
	s := &scanner{data: text}
	answer := &Answer{}
	err := s.members(func(key []byte) error {
		s.space()
		start := s.pos
		if err := s.skip(); err != nil {
			return err
		}
		switch value := text[start:s.pos]; string(key) {
		case "data":
			answer.Data = value
		case "errors":
			if string(value) == "null" {
				return nil
			}
			if err := json.Unmarshal(value, &answer.Errors); err != nil {
				return fmt.Errorf("its errors are not a list of errors: %w", err)
			}
			answer.Errors = answer.Errors[:min(len(answer.Errors), maxSubgraphErrors)]
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	if err := s.end(); err != nil {
		return nil, err
	}
	if answer.Data == nil && answer.Errors == nil {
		return nil, errors.New("it has neither data nor errors")
	}
	return answer, nil
}
