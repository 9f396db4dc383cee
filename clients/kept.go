package clients

import (
	"bufio"
	"bytes"
	"errors"
	"net/http"
	"net/textproto"
	"slices"
	"strconv"
	"strings"
)

// An answer is kept as text: its status, its headers, an empty line and its body, much as it came. What a shared store gives back is not
// trusted to be that.

// maxKept bounds the body of an answer that is kept, in bytes, by judgement: a page of 100 of anything is below, and what is larger crowds out
// a thousand others.
const maxKept = 1 << 20

// keptStatuses are those of answers that are about the thing and not about the moment (RFC 9110, section 15.1). 404 and 410 are kept as
// cache.Value.Absent.
var keptStatuses = []int{http.StatusOK, http.StatusNonAuthoritativeInfo, http.StatusMovedPermanently, http.StatusPermanentRedirect}

// droppedHeaders are not kept: they are about one exchange, or one client, and not about the thing.
var droppedHeaders = []string{
	"Set-Cookie", "Connection", "Keep-Alive", "Proxy-Authenticate", "Proxy-Connection", "Te", "Trailer", "Transfer-Encoding", "Upgrade",
	"Content-Encoding", "Content-Length", "Retry-After", "Alt-Svc", "Strict-Transport-Security", "Www-Authenticate",
}

// mayKeep tells whether the answer may be kept. How long is the source's policy: what Cache-Control says of that is for browsers.
func mayKeep(resp *http.Response) bool {
	if !slices.Contains(keptStatuses, resp.StatusCode) || len(textOf(resp)) > maxKept || resp.Header.Get("Vary") == "*" {
		return false
	}
	for _, line := range resp.Header.Values("Cache-Control") {
		for directive := range strings.SplitSeq(line, ",") {
			if strings.EqualFold(strings.TrimSpace(directive), "no-store") {
				return false
			}
		}
	}
	return true
}

// validatorOf returns what a later request asks with whether the answer still holds, "" where it cannot be asked.
func validatorOf(h http.Header) string {
	if tag := h.Get("Etag"); strings.HasPrefix(tag, `"`) || strings.HasPrefix(tag, `W/"`) {
		return tag
	}
	return h.Get("Last-Modified")
}

// validate makes the request one that asks whether the answer still holds.
func validate(h http.Header, validator string) {
	switch {
	case validator == "" || strings.ContainsAny(validator, "\r\n\x00"):
	case strings.HasPrefix(validator, `"`), strings.HasPrefix(validator, `W/"`):
		h.Set("If-None-Match", validator)
	default:
		h.Set("If-Modified-Since", validator)
	}
}

// textOfAnswer returns the answer as text.
func textOfAnswer(resp *http.Response) []byte {
	var out bytes.Buffer
	body := textOf(resp)
	out.Grow(len(body) + 1<<10)
	out.WriteString(strconv.Itoa(resp.StatusCode) + "\r\n")
	headers := resp.Header.Clone()
	for name := range headers {
		if slices.Contains(droppedHeaders, name) || strings.HasPrefix(name, "X-Ratelimit-") || strings.HasPrefix(name, "Ratelimit") {
			delete(headers, name)
		}
	}
	headers.Write(&out) // sorted; it makes line ends in values spaces
	out.WriteString("\r\n")
	out.Write(body)
	return out.Bytes()
}

var errNotKept = errors.New("no answer that was kept")

// answerOfText makes the answer of its text.
func answerOfText(text []byte, r *http.Request) (*http.Response, error) {
	end := bytes.Index(text, []byte("\r\n\r\n"))
	line, _, ok := bytes.Cut(text, []byte("\r\n"))
	if end < 0 || !ok || end > maxHead {
		return nil, errNotKept
	}
	status, err := strconv.Atoi(string(line))
	if err != nil || len(line) != 3 || status < 200 {
		return nil, errNotKept
	}
	headers := http.Header{}
	if end > len(line) {
		read, err := textproto.NewReader(bufio.NewReader(bytes.NewReader(text[len(line)+2 : end+4]))).ReadMIMEHeader()
		if err != nil {
			return nil, errNotKept
		}
		headers = http.Header(read)
	}
	body := newBody(text[end+4:])
	return &http.Response{
		Status: strconv.Itoa(status) + " " + http.StatusText(status), StatusCode: status, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header: headers, Body: body, ContentLength: int64(len(body.text)), Request: r,
	}, nil
}
