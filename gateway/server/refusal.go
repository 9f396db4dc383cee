package server

import (
	"encoding/json"
	"net/http"
	"strconv"
	"time"
)

// The codes of errors that this package puts into extensions.code. They are stable. What an Executor refuses has codes of its own.
const (
	CodeBadRequest    = "BAD_REQUEST"                  // the body or the URL is not a GraphQL request
	CodeBatching      = "BATCHING_NOT_SUPPORTED"       // the body is a list of requests
	CodeMethod        = "METHOD_NOT_ALLOWED"           // neither GET nor POST, or a mutation with GET
	CodeNotAcceptable = "NOT_ACCEPTABLE"               // the client accepts no media type that GraphQL is served in
	CodeMediaType     = "UNSUPPORTED_MEDIA_TYPE"       // the body is not declared as JSON in UTF-8
	CodeEncoding      = "UNSUPPORTED_CONTENT_ENCODING" // the body is compressed in a way that is not understood
	CodeTooLarge      = "REQUEST_TOO_LARGE"            // the body, decompressed, is larger than Settings.MaxBody
	CodeSlow          = "REQUEST_TIMEOUT"              // the body did not arrive in time
	CodeCSRF          = "CSRF_REFUSED"                 // a browser could have been made to send this by a page of somebody else
	CodeHost          = "HOST_NOT_ALLOWED"             // the Host header is not one of ours
	CodeOrigin        = "ORIGIN_NOT_ALLOWED"           // the Origin header is not one of ours
	CodeTimeout       = "TIMEOUT"                      // the answer did not come in time
	CodeCancelled     = "REQUEST_CANCELLED"            // the client went away, or the server had to stop
	CodeTooMany       = "TOO_MANY_STREAMS"             // as many streams are open as may be
	CodeInternal      = "INTERNAL_SERVER_ERROR"        // a bug; the log has more
)

// refusal is an answer that this package gives itself.
type refusal struct {
	status  int
	code    string
	message string
	allow   string // the Allow header, where the method was wrong
}

// body returns the refusal as a GraphQL response.
func (p *refusal) body() []byte {
	type extensions struct {
		Code string `json:"code"`
	}
	type graphqlError struct {
		Message    string     `json:"message"`
		Extensions extensions `json:"extensions"`
	}
	text, err := json.Marshal(map[string][]graphqlError{"errors": {{p.message, extensions{p.code}}}})
	if err != nil {
		panic("bug: a refusal cannot be encoded: " + err.Error()) // it is made of strings
	}
	return text
}

func badRequest(message string) *refusal {
	return &refusal{status: http.StatusBadRequest, code: CodeBadRequest, message: message}
}

func (p *refusal) write(w http.ResponseWriter, media string) {
	if p.allow != "" {
		w.Header().Set("Allow", p.allow)
	}
	writeAnswer(w, media, p.status, p.body(), noStore)
}

func writeAnswer(w http.ResponseWriter, media string, status int, body []byte, control []string) {
	header := w.Header()
	header[headerContentType] = mediaHeader(media)
	header[headerCacheControl] = control
	header[headerContentLength] = []string{strconv.Itoa(len(body))}
	w.WriteHeader(status)
	_, _ = w.Write(body) // an error means that the client is gone
}

// Names of header fields, as net/http keeps them, and values that many answers have. The values are shared: they are replaced, never changed.
const (
	headerContentType   = "Content-Type"
	headerContentLength = "Content-Length"
	headerCacheControl  = "Cache-Control"
	headerVary          = "Vary"
)

var (
	noStore       = []string{"no-store"}
	graphQLHeader = []string{mediaGraphQL + "; charset=utf-8"}
	jsonHeader    = []string{mediaJSON + "; charset=utf-8"}
)

// cacheControl returns what the client may do with a response: remember it for as long as all that it is made of holds.
func cacheControl(r *Response) []string {
	if !r.Executed || r.Fresh == nil || r.Status != 0 && r.Status != http.StatusOK {
		return noStore
	}
	value := "max-age=" + strconv.FormatInt(int64(max(r.Fresh.For, 0)/time.Second), 10)
	switch {
	case r.Fresh.Private:
		value += ", private"
	case r.Fresh.Public:
		value += ", public"
	}
	return []string{value}
}

func mediaHeader(media string) []string {
	if media == mediaGraphQL {
		return graphQLHeader
	}
	return jsonHeader
}
