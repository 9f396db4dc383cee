package server

import (
	"bytes"
	"compress/gzip"
	"compress/zlib"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"strings"
	"sync"
	"time"
	"unicode/utf8"
)

// decodePost reads the request in the body of a POST, and returns the body's size after decompression.
func (s *Server) decodePost(w http.ResponseWriter, r *http.Request) (*Request, int, *refusal) {
	if !declaresJSON(r.Header) {
		return nil, 0, &refusal{status: http.StatusUnsupportedMediaType, code: CodeMediaType,
			message: "send the request as JSON in UTF-8, with one header Content-Type: application/json"}
	}
	buffer := buffers.Get().(*bytes.Buffer)
	defer keepBuffer(buffer)
	buffer.Reset()
	if problem := s.readBody(buffer, w, r); problem != nil {
		return nil, 0, problem
	}
	if s.engine != nil {
		if known := s.engine.known(buffer.Bytes()); known != nil {
			return &Request{Header: r.Header, prepared: known}, buffer.Len(), nil
		}
	}
	body := bytes.Clone(buffer.Bytes()) // what is decoded of it stays
	request, problem := decodeBody(body)
	if problem != nil {
		return nil, len(body), problem
	}
	request.Header, request.body = r.Header, body
	return request, len(body), nil
}

// buffers are for reading bodies.
var buffers = sync.Pool{New: func() any { return new(bytes.Buffer) }}

// maxKeptBuffer is up to how many bytes a buffer is kept: many times a common request.
const maxKeptBuffer = 64 << 10

func keepBuffer(b *bytes.Buffer) {
	if b.Cap() <= maxKeptBuffer {
		buffers.Put(b)
	}
}

// readBody reads the body, decompressed. The limit holds for what arrives and for what it expands to.
func (s *Server) readBody(body *bytes.Buffer, w http.ResponseWriter, r *http.Request) *refusal {
	limit := s.settings.MaxBody
	tooLarge := func() *refusal {
		return &refusal{status: http.StatusRequestEntityTooLarge, code: CodeTooLarge,
			message: fmt.Sprintf("the request is larger than %d bytes, counted after decompression", limit)}
	}
	if r.ContentLength > limit {
		return tooLarge()
	}
	_ = http.NewResponseController(w).SetReadDeadline(time.Now().Add(s.settings.Timeout)) // fails where the connection has no deadlines
	coding := contentCoding(r.Header)
	var err error
	if coding == "" && r.ContentLength >= 0 { // net/http reads no more than that
		body.Grow(int(r.ContentLength) + bytes.MinRead)
		_, err = body.ReadFrom(r.Body)
	} else {
		var source io.Reader = http.MaxBytesReader(w, r.Body, limit)
		switch coding {
		case "":
		case "gzip", "x-gzip":
			source, err = gzip.NewReader(source)
		case "deflate":
			source, err = zlib.NewReader(source)
		default:
			return &refusal{status: http.StatusUnsupportedMediaType, code: CodeEncoding,
				message: "the body may be compressed once, with gzip or deflate, or not at all"}
		}
		if err == nil {
			_, err = body.ReadFrom(io.LimitReader(source, limit+1))
		}
	}
	var overLimit *http.MaxBytesError
	switch {
	case err == nil && int64(body.Len()) <= limit:
		watchClient(w)
		return nil
	case errors.As(err, &overLimit), int64(body.Len()) > limit:
		return tooLarge()
	case errors.Is(err, os.ErrDeadlineExceeded):
		return &refusal{status: http.StatusRequestTimeout, code: CodeSlow,
			message: fmt.Sprintf("the body did not arrive within %s", s.settings.Timeout)}
	case coding != "":
		return badRequest("the body cannot be decompressed: it is damaged, or not what Content-Encoding says")
	}
	return badRequest("the body ended before it was complete")
}

// contentCoding returns how the body is compressed, "" for not at all.
func contentCoding(header http.Header) string {
	values := header["Content-Encoding"]
	if len(values) == 0 {
		return ""
	}
	coding := strings.ToLower(strings.TrimSpace(strings.Join(values, ",")))
	if coding == "identity" {
		return ""
	}
	return coding
}

// watchClient lifts the deadline for reading the request, which has been read: from now on the connection is only read to notice that the client
// goes away, and a deadline would look like that. Where a body was not read to its end the deadline stays, as net/http then reads the rest.
func watchClient(w http.ResponseWriter) {
	_ = http.NewResponseController(w).SetReadDeadline(time.Time{}) // fails where the connection has no deadlines
}

// decodeBody reads the request in a JSON body. Variables and extensions stay the bytes they are.
func decodeBody(body []byte) (*Request, *refusal) {
	value, problem := checkJSON("the body", body)
	if problem != nil {
		return nil, problem
	}
	switch value[0] {
	case '{':
	case '[':
		return nil, &refusal{status: http.StatusBadRequest, code: CodeBatching,
			message: "batches are not supported: send each operation in a request of its own"}
	default:
		return nil, badRequest("the body must be a JSON object with the member query")
	}
	request := &Request{}
	var query, name []byte
	for key, member := range members(value) {
		switch key {
		case "query":
			query = member
		case "operationName":
			name = member
		case "variables":
			request.Variables = member
		case "extensions":
			request.Extensions = member
		}
	}
	var problems [4]*refusal
	request.Query, problems[0] = decodeString("query", query)
	request.OperationName, problems[1] = decodeString("operationName", name)
	request.Variables, problems[2] = objectOrNothing("variables", request.Variables)
	request.Extensions, problems[3] = objectOrNothing("extensions", request.Extensions)
	for _, problem := range problems {
		if problem != nil {
			return nil, problem
		}
	}
	if isNothing(query) && !namesPersisted(request.Extensions) {
		return nil, noQuery()
	}
	return request, nil
}

// decodeGet reads the request in the parameters of a URL.
func decodeGet(r *http.Request) (*Request, *refusal) {
	// A body or a type of one makes no sense here; and where the type is odd, some browser does not ask before it sends it for a page.
	if len(r.Header.Values("Content-Type")) > 0 && !declaresJSON(r.Header) {
		return nil, &refusal{status: http.StatusUnsupportedMediaType, code: CodeMediaType,
			message: "a GET request needs no Content-Type header, and can have none but application/json"}
	}
	if problem := checkForgery(r); problem != nil {
		return nil, problem
	}
	parameters, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil {
		return nil, badRequest("the parameters of the URL cannot be read: encode them as a form would")
	}
	request := &Request{ReadOnly: true, Header: r.Header}
	for _, p := range []string{"query", "operationName", "variables", "extensions"} {
		values := parameters[p]
		if len(values) == 0 {
			continue
		}
		if len(values) > 1 {
			return nil, badRequest("the URL has the parameter " + p + " more than once")
		}
		if !utf8.ValidString(values[0]) {
			return nil, badRequest("the parameter " + p + " is not UTF-8")
		}
		var problem *refusal
		switch p {
		case "query":
			request.Query = values[0]
		case "operationName":
			request.OperationName = values[0]
		case "variables":
			request.Variables, problem = decodeParameter(p, values[0])
		case "extensions":
			request.Extensions, problem = decodeParameter(p, values[0])
		}
		if problem != nil {
			return nil, problem
		}
	}
	if request.Query == "" && !namesPersisted(request.Extensions) {
		return nil, noQuery()
	}
	return request, nil
}

func decodeParameter(name, text string) (json.RawMessage, *refusal) {
	if text == "" {
		return nil, nil
	}
	value, problem := checkJSON("the parameter "+name, []byte(text))
	if problem != nil {
		return nil, problem
	}
	return objectOrNothing(name, value)
}

func noQuery() *refusal {
	return badRequest(`the request has no query: give one, such as {"query": "{ __typename }"}`)
}

// namesPersisted tells whether extensions name an operation that the server may know already, which then needs no text.
func namesPersisted(extensions []byte) bool {
	if len(extensions) == 0 {
		return false
	}
	for key, value := range members(extensions) {
		if key == "persistedQuery" && !isNothing(value) {
			return true
		}
	}
	return false
}

func isNothing(value []byte) bool { return len(value) == 0 || string(value) == "null" }

func decodeString(member string, value []byte) (string, *refusal) {
	if isNothing(value) {
		return "", nil
	}
	if value[0] != '"' {
		return "", badRequest(member + " must be a string")
	}
	return unquote(value), nil
}

func objectOrNothing(member string, value []byte) (json.RawMessage, *refusal) {
	if isNothing(value) {
		return nil, nil
	}
	if value[0] != '{' {
		return nil, badRequest(member + " must be an object")
	}
	return value, nil
}
