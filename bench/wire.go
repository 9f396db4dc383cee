package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
)

// The bounds of one message. Answers of the cases are far smaller.
const (
	maxHead = 64 << 10
	maxBody = 64 << 20
)

// messages reads the HTTP/1.1 messages of a connection, one after the other, into one buffer: the cheapest way there is, since client and stand-ins share the
// machine with what is measured. It knows Content-Length and chunks; a body that ends with its connection is an error.
type messages struct {
	from      io.Reader
	responses bool // must tell the length of their bodies; a request without has none
	buf       []byte
	end       int // of what was read
	used      int // of it, by the message before
}

// message is one request or response. It is valid until the next one is read.
type message struct {
	First []byte // the request line or the status line
	Body  []byte // without chunks
	Close bool   // the sender closes the connection after it
}

// next reads a message. Between two messages the end of the connection is io.EOF.
func (m *messages) next() (message, error) {
	for {
		out, err := m.read()
		if err != nil {
			return message{}, err
		}
		if !m.responses || !bytes.HasPrefix(status(out.First), []byte("1")) { // 1xx announces a response
			return out, nil
		}
	}
}

func (m *messages) read() (message, error) {
	copy(m.buf, m.buf[m.used:m.end])
	m.end, m.used = m.end-m.used, 0
	head, err := m.head()
	if err != nil {
		return message{}, err
	}
	h, err := parseHead(m.buf[:head])
	if err != nil {
		return message{}, err
	}
	start := head + 4
	out := message{First: m.buf[:h.first], Close: h.close}
	switch {
	case m.responses && bodiless(status(out.First)):
		m.used = start
	case h.chunked:
		end, used, err := m.chunks(start)
		if err != nil {
			return message{}, err
		}
		out.Body, m.used = m.buf[start:end], used
	case h.length >= 0:
		if err := m.have(start + h.length); err != nil {
			return message{}, err
		}
		m.used = start + h.length
		out.Body = m.buf[start:m.used]
	case m.responses:
		return message{}, errors.New("reading a response: it does not say how long its body is")
	default:
		m.used = start
	}
	return out, nil
}

// status returns what follows the version in a status line.
func status(line []byte) []byte {
	_, rest, _ := bytes.Cut(line, []byte(" "))
	return bytes.TrimLeft(rest, " ")
}

// bodiless tells whether responses of the status never have a body, whatever their header says.
func bodiless(status []byte) bool {
	return bytes.HasPrefix(status, []byte("1")) || bytes.HasPrefix(status, []byte("204")) || bytes.HasPrefix(status, []byte("304"))
}

// head reads up to the empty line after the header, and returns where it begins.
func (m *messages) head() (int, error) {
	for from := 0; ; {
		if i := bytes.Index(m.buf[from:m.end], []byte("\r\n\r\n")); i >= 0 {
			return from + i, nil
		}
		if m.end > maxHead {
			return 0, errors.New("reading a message: its header does not end")
		}
		from = max(0, m.end-3)
		if err := m.more(); err != nil {
			if err == io.EOF && m.end == 0 {
				return 0, io.EOF
			}
			return 0, fmt.Errorf("reading a header: %w", early(err))
		}
	}
}

// early is the error where a connection ends inside a message.
func early(err error) error {
	if err == io.EOF {
		return io.ErrUnexpectedEOF
	}
	return err
}

// more reads what there is.
func (m *messages) more() error {
	if m.end == len(m.buf) {
		m.buf = append(m.buf, make([]byte, max(4<<10, len(m.buf)))...)
	}
	n, err := m.from.Read(m.buf[m.end:])
	m.end += n
	if n > 0 {
		return nil
	}
	if err == nil {
		err = io.ErrNoProgress
	}
	return err
}

// have reads until the buffer holds so many bytes.
func (m *messages) have(bytes int) error {
	if more := bytes - len(m.buf); more > 0 {
		m.buf = append(m.buf, make([]byte, more)...)
	}
	for m.end < bytes {
		if err := m.more(); err != nil {
			return fmt.Errorf("reading a body: %w", early(err))
		}
	}
	return nil
}

// chunks reads a chunked body that begins at start, and moves its chunks together there. It returns the end of the body, and of what was read for it.
func (m *messages) chunks(start int) (end, used int, err error) {
	end, used = start, start
	for {
		line, after, err := m.line(used)
		if err != nil {
			return 0, 0, err
		}
		line, _, _ = bytes.Cut(line, []byte(";"))
		size, ok := number(bytes.TrimRight(line, " \t"), 16)
		if !ok || end-start+size > maxBody {
			return 0, 0, fmt.Errorf("reading a chunk: %q is no size, or too large", line)
		}
		if size == 0 {
			used = after
			break
		}
		if err := m.have(after + size + 2); err != nil {
			return 0, 0, err
		}
		if string(m.buf[after+size:after+size+2]) != "\r\n" {
			return 0, 0, errors.New("reading a chunk: no end of line follows it")
		}
		copy(m.buf[end:], m.buf[after:after+size])
		end, used = end+size, after+size+2
	}
	for { // trailers
		line, after, err := m.line(used)
		if err != nil {
			return 0, 0, err
		}
		if used = after; len(line) == 0 {
			return end, used, nil
		}
	}
}

// line returns the line that begins at start, and what comes after it.
func (m *messages) line(start int) (line []byte, after int, err error) {
	for {
		if i := bytes.Index(m.buf[start:m.end], []byte("\r\n")); i >= 0 {
			return m.buf[start : start+i], start + i + 2, nil
		}
		if m.end-start > maxHead {
			return nil, 0, errors.New("reading a chunk: a line does not end")
		}
		if err := m.more(); err != nil {
			return nil, 0, fmt.Errorf("reading a chunk: %w", early(err))
		}
	}
}

// header is what is needed of the head of a message.
type header struct {
	first   int // length of the first line
	length  int // of the body; -1 where it does not say
	chunked bool
	close   bool
}

func parseHead(head []byte) (header, error) {
	h := header{length: -1}
	line, rest, _ := bytes.Cut(head, []byte("\r\n"))
	h.first = len(line)
	old := bytes.HasSuffix(line, []byte(" HTTP/1.0")) || bytes.HasPrefix(line, []byte("HTTP/1.0 "))
	if !old && !bytes.HasSuffix(line, []byte(" HTTP/1.1")) && !bytes.HasPrefix(line, []byte("HTTP/1.1 ")) {
		return h, fmt.Errorf("reading a header: %q is not of HTTP/1", excerpt(line))
	}
	h.close = old
	for len(rest) > 0 {
		line, rest, _ = bytes.Cut(rest, []byte("\r\n"))
		name, value, found := bytes.Cut(line, []byte(":"))
		if !found {
			return h, fmt.Errorf("reading a header: %q is no field", line)
		}
		value = bytes.TrimSpace(value)
		switch {
		case is(name, "content-length"):
			n, ok := number(value, 10)
			if !ok || n > maxBody || h.length >= 0 && h.length != n {
				return h, fmt.Errorf("reading a header: %q is no length, or too large", value)
			}
			h.length = n
		case is(name, "transfer-encoding"):
			if h.chunked = is(value, "chunked") && !old; !h.chunked {
				return h, fmt.Errorf("reading a header: the transfer encoding %q is not known here", value)
			}
		case is(name, "connection"):
			h.close = h.close || is(value, "close")
		}
	}
	return h, nil
}

func is(name []byte, lower string) bool {
	return len(name) == len(lower) && bytes.EqualFold(name, []byte(lower))
}

// number reads digits and nothing else. Numbers that are too large for any body are false.
func number(text []byte, radix int) (int, bool) {
	if len(text) == 0 {
		return 0, false
	}
	n := 0
	for _, c := range text {
		digit := 0
		switch {
		case c >= '0' && c <= '9':
			digit = int(c - '0')
		case radix == 16 && c >= 'a' && c <= 'f':
			digit = int(c-'a') + 10
		case radix == 16 && c >= 'A' && c <= 'F':
			digit = int(c-'A') + 10
		default:
			return 0, false
		}
		if n = n*radix + digit; n > 2*maxBody {
			return 0, false
		}
	}
	return n, true
}
