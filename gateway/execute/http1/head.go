package http1

import (
	"bytes"
	"errors"
	"io"
	"math"
	"os"
	"time"
)

const (
	// firstBuffer holds the head and the body of most answers, so they take one read; more is read straight into the caller's buffer.
	firstBuffer = 8 << 10
	// keptBuffer is how large a buffer an exchange keeps when it is used again.
	keptBuffer = 16 << 10
	// maxInformational is how many heads with a status below 200 may come before the answer: an upstream has at most a "continue" and some hints
	// to say.
	maxInformational = 8
	// keepMargin is how long before an upstream closes an idle connection it is no longer used, as a request might cross the closing. If half of
	// the time is less, it is that.
	keepMargin = time.Second
)

// head is what matters of the head of an answer.
type head struct {
	status   int
	fields   int           // where the header fields begin in the buffer
	length   int64         // Content-Length; -1 without
	chunked  bool          // Transfer-Encoding: chunked
	encoding encoding      // Content-Encoding
	last     bool          // the connection carries no other answer
	kept     time.Duration // how long the upstream keeps it, as far as it says
	old      bool          // HTTP/1.0: connections end unless they are said to be kept
	keeps    bool          // Connection: keep-alive
}

// readHead reads heads until one is that of the answer. Afterwards it is buf[:keep].
func (e *Exchange) readHead() error {
	for range maxInformational + 1 {
		// Each head begins at the start of the buffer, so offsets are bounded by what a head may take.
		e.w = copy(e.buf, e.buf[e.r:e.w])
		e.r = 0
		e.head = head{length: -1, kept: math.MaxInt64, last: e.head.last}
		if err := e.readLines(); err != nil {
			return err
		}
		switch status := e.head.status; {
		case status == 101:
			return badAnswer("it changes the protocol, unasked")
		case status >= 200:
			e.keep = e.r
			return e.checkHead()
		}
		e.head.fields = 0
	}
	return badAnswer("too many informational heads")
}

// readLines reads one head, from its status line to its empty line.
func (e *Exchange) readLines() error {
	line, err := e.headLine()
	if err != nil {
		return err
	}
	if err := e.head.statusLine(line); err != nil {
		return err
	}
	fields := e.r
	for {
		line, err := e.headLine()
		if err != nil {
			return err
		}
		if len(line) == 0 {
			e.head.fields = fields
			return nil
		}
		if err := e.head.field(line); err != nil {
			return err
		}
	}
}

// headLine reads the next line of the head. A line feed without a carriage return ends it too, as RFC 9112 (2.2) allows, but whoever sends
// that is not trusted with another request.
func (e *Exchange) headLine() ([]byte, error) {
	line, err := e.line(e.client.settings.MaxHead - e.r)
	if err != nil {
		return nil, err
	}
	if n := len(line) - 1; n >= 0 && line[n] == '\r' {
		return line[:n], nil
	}
	e.head.last = true
	return line, nil
}

// line reads up to the next line feed and returns what is before it, valid until the next read. With its end the line has at most max bytes.
func (e *Exchange) line(max int) ([]byte, error) {
	for seen := 0; ; {
		unread := e.buf[e.r:e.w]
		if i := bytes.IndexByte(unread[seen:], '\n'); i >= 0 {
			end := seen + i
			if end+1 > max {
				return nil, errLines
			}
			e.r += end + 1
			return unread[:end], nil
		}
		if seen = len(unread); seen >= max {
			return nil, errLines
		}
		if err := e.fill(); err != nil {
			return nil, endsEarly(err)
		}
	}
}

var errLines = badAnswer("its lines are too long")

// fill reads more into the buffer, at least one byte. What is in it and not used may move.
func (e *Exchange) fill() error {
	if e.r > e.keep && (e.r == e.w || len(e.buf)-e.w < minRead) && e.keep > 0 {
		e.w = e.keep + copy(e.buf[e.keep:], e.buf[e.r:e.w])
		e.r = e.keep
	}
	if len(e.buf)-e.w < minRead {
		e.buf = append(e.buf, make([]byte, len(e.buf))...)
	}
	n, err := e.read(e.buf[e.w:])
	e.w += n
	return err
}

// read waits for bytes until the deadline of the exchange. Its error is io.EOF, or one of ours.
func (e *Exchange) read(p []byte) (int, error) {
	n, err := e.conn.read(p, time.Time{}, e.request.Deadline)
	switch {
	case err == nil || err == io.EOF:
		return n, err
	case errors.Is(err, os.ErrDeadlineExceeded):
		return 0, errTimeout
	}
	return 0, &Error{Kind: ErrBroken, Reason: "within the answer", Cause: err}
}

func endsEarly(err error) error {
	if err == io.EOF {
		return errEnds
	}
	return err
}

// statusLine reads "HTTP/1.1 200 OK". The reason may be missing, as may the space before it.
func (h *head) statusLine(line []byte) error {
	const start = "HTTP/1."
	if len(line) < len("HTTP/1.1 200") || string(line[:len(start)]) != start || !isDigit(line[7]) || line[8] != ' ' ||
		!isDigit(line[9]) || !isDigit(line[10]) || !isDigit(line[11]) || len(line) > 12 && line[12] != ' ' {
		return badAnswer("its status line is malformed")
	}
	if !isText(line[12:]) {
		return errText
	}
	h.old = line[7] == '0'
	h.status = int(line[9]-'0')*100 + int(line[10]-'0')*10 + int(line[11]-'0')
	if h.status < 100 {
		return badAnswer("its status is none of HTTP's")
	}
	return nil
}

var errText = badAnswer("its head contains control characters")

// field reads a header field and keeps what matters.
func (h *head) field(line []byte) error {
	name, value, ok := cutField(line)
	switch {
	case line[0] == ' ' || line[0] == '\t':
		return badAnswer("a header field is folded")
	case !ok || !isToken(name):
		return badAnswer("a header field is malformed")
	case !isText(value):
		return errText
	}
	switch len(name) { // most names differ in length from all that matter
	case len("Connection"): // and Keep-Alive
		if equalFold(name, "Connection") {
			h.last = h.last || listed(value, "close")
			h.keeps = h.keeps || listed(value, "keep-alive")
		} else if equalFold(name, "Keep-Alive") {
			h.keepAlive(value)
		}
	case len("Content-Length"):
		if equalFold(name, "Content-Length") {
			return h.contentLength(value)
		}
	case len("Content-Encoding"):
		if equalFold(name, "Content-Encoding") {
			return h.contentEncoding(value)
		}
	case len("Transfer-Encoding"):
		if equalFold(name, "Transfer-Encoding") {
			if h.chunked || !equalFold(value, "chunked") {
				return badAnswer("its transfer encoding is not chunked alone")
			}
			h.chunked = true
		}
	}
	return nil
}

func (h *head) contentLength(value []byte) error {
	n, ok := decimal(value)
	if !ok {
		return badAnswer("its content length is no number")
	}
	if h.length >= 0 && h.length != n {
		return badAnswer("it has two content lengths")
	}
	h.length = n
	return nil
}

func (h *head) contentEncoding(value []byte) error {
	named := unknown
	switch {
	case equalFold(value, "gzip"), equalFold(value, "x-gzip"):
		named = gzipped
	case equalFold(value, "deflate"):
		named = deflated
	case equalFold(value, "identity"), len(value) == 0:
		return nil
	}
	if h.encoding != identity {
		named = unknown // one on top of another
	}
	h.encoding = named
	return nil
}

// keepAlive reads "timeout=5, max=100". It is a hint and no more, so what cannot be read is passed over.
func (h *head) keepAlive(value []byte) {
	for len(value) > 0 {
		var item []byte
		item, value, _ = bytes.Cut(value, []byte{','})
		key, text, _ := bytes.Cut(trim(item), []byte{'='})
		if !equalFold(key, "timeout") {
			continue
		}
		if n, ok := decimal(trim(text)); ok && n < int64(math.MaxInt64/time.Second) {
			kept := time.Duration(n) * time.Second
			h.kept = kept - min(keepMargin, kept/2)
		}
	}
}

// checkHead looks at what the fields say together. The rules are those of RFC 9112 (6.3); where it lets a client choose, doubt is an error.
func (e *Exchange) checkHead() error {
	h := &e.head
	if h.chunked && h.length >= 0 {
		return badAnswer("it has a content length and a transfer encoding")
	}
	if h.chunked && h.old {
		return badAnswer("it has a transfer encoding in HTTP/1.0")
	}
	h.last = h.last || h.old && !h.keeps
	if h.status == 204 || h.status == 304 {
		// These have no body whatever the fields say. Whether the sender knows that shows only later, so it is not risked.
		h.last = h.last || h.chunked || h.length > 0
		h.chunked, h.length, h.encoding = false, 0, identity
	}
	if h.encoding == unknown {
		return badAnswer("its content encoding is unknown")
	}
	if h.length > e.client.settings.MaxAnswer {
		return errLarge
	}
	return nil
}

// cutLine returns the first line of lines that were read before, and the rest.
func cutLine(lines []byte) (line, rest []byte) {
	line, rest, _ = bytes.Cut(lines, []byte{'\n'})
	return bytes.TrimSuffix(line, []byte{'\r'}), rest
}

// cutField splits a header field into its name and its value without the space around it.
func cutField(line []byte) (name, value []byte, ok bool) {
	i := bytes.IndexByte(line, ':')
	if i < 0 {
		return nil, nil, false
	}
	return line[:i], trim(line[i+1:]), true
}

func trim[T string | []byte](value T) T {
	for len(value) > 0 && (value[0] == ' ' || value[0] == '\t') {
		value = value[1:]
	}
	for n := len(value) - 1; n >= 0 && (value[n] == ' ' || value[n] == '\t'); n-- {
		value = value[:n]
	}
	return value
}

// listed reports whether a comma-separated list has a member.
func listed(value []byte, member string) bool {
	for len(value) > 0 {
		var item []byte
		item, value, _ = bytes.Cut(value, []byte{','})
		if equalFold(trim(item), member) {
			return true
		}
	}
	return false
}

// equalFold compares ASCII without regard to case.
func equalFold[T string | []byte](a T, b string) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range len(a) {
		if c := a[i]; c != b[i] && lower(c) != lower(b[i]) {
			return false
		}
	}
	return true
}

func lower(c byte) byte {
	if 'A' <= c && c <= 'Z' {
		return c + 'a' - 'A'
	}
	return c
}

func isDigit(c byte) bool { return '0' <= c && c <= '9' }

// decimal reads digits and nothing else.
func decimal(text []byte) (int64, bool) {
	var n int64
	for _, c := range text {
		if !isDigit(c) || n > (math.MaxInt64-9)/10 {
			return 0, false
		}
		n = n*10 + int64(c-'0')
	}
	return n, len(text) > 0
}

// What a byte may be part of.
const (
	inToken = 1 << iota // the name of a header field
	inText              // its value: no control characters but the tab
)

var classes = func() (t [256]uint8) {
	for c := range 256 {
		if c >= ' ' && c != 0x7f || c == '\t' {
			t[c] |= inText
		}
	}
	for _, c := range "!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ" {
		t[c] |= inToken
	}
	return t
}()

func isToken[T string | []byte](name T) bool {
	for i := range len(name) {
		if classes[name[i]]&inToken == 0 {
			return false
		}
	}
	return len(name) > 0
}

func isText[T string | []byte](value T) bool {
	for i := range len(value) {
		if classes[value[i]]&inText == 0 {
			return false
		}
	}
	return true
}
