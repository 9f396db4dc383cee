package http1

import (
	"encoding/base64"
	"net"
	"net/url"
	"strconv"
	"strings"
)

// Head is the part of a POST request that is the same for every one to an address. A request is built by appending, in this order:
//
//	text := head.Append(nil)                               // the request line and the fixed fields
//	text, err = http1.AppendField(text, "X-Request", id)   // for each field of its own
//	text, body := http1.OpenBody(text)
//	text = append(text, `{"query":"{a}"}`...)              // the body
//	text = http1.CloseBody(text, body)
//
// A Head is immutable.
type Head struct {
	text []byte
}

// Field is a header field.
type Field struct{ Name, Value string }

// NewHead prepares the head for an http URL. User and password in it become an Authorization field unless fields has one; its fragment is left out.
// The error is ErrField if something in it cannot be sent.
func NewHead(u *url.URL, fields ...Field) (*Head, error) {
	if u.Scheme != "http" || u.Host == "" || u.Opaque != "" {
		return nil, &Error{Kind: ErrField, Reason: "the address is no http URL with a host"}
	}
	target := u.RequestURI()
	if !isVisible(u.Host) || !isVisible(target) || target[0] != '/' {
		return nil, &Error{Kind: ErrField, Reason: "the address has bytes that must be escaped"}
	}
	text := append([]byte("POST "), target...)
	text = append(text, " HTTP/1.1\r\nHost: "...)
	text = append(text, hostField(u.Host)...)
	text = append(text, "\r\n"...)
	var err error
	authorized := false
	for _, f := range fields {
		if text, err = AppendField(text, f.Name, f.Value); err != nil {
			return nil, err
		}
		authorized = authorized || equalFold(f.Name, "Authorization")
	}
	if u.User != nil && !authorized {
		password, _ := u.User.Password()
		credentials := base64.StdEncoding.EncodeToString([]byte(u.User.Username() + ":" + password))
		if text, err = AppendField(text, "Authorization", "Basic "+credentials); err != nil {
			return nil, err
		}
	}
	return &Head{text}, nil
}

// hostField is the host as the upstream knows it: without the zone of an IPv6 address, which means something on this machine only, and without the
// colon of a port that is not there.
func hostField(host string) string {
	if zone, end := strings.IndexByte(host, '%'), strings.LastIndexByte(host, ']'); zone >= 0 && end > zone {
		host = host[:zone] + host[end:]
	}
	return strings.TrimSuffix(host, ":")
}

// Address is what New takes: the host and the port of an http URL, 80 if it names none.
func Address(u *url.URL) string {
	port := u.Port()
	if port == "" {
		port = "80"
	}
	return net.JoinHostPort(u.Hostname(), port)
}

// Append appends the head as far as it is fixed.
func (h *Head) Append(dst []byte) []byte { return append(dst, h.text...) }

// framing are the fields that say where a request ends, whom it is for, or what becomes of the connection: this package's own concern. A field
// of a client's request that carried one of them could make one request into two.
var framing = map[string]bool{
	"connection": true, "content-length": true, "expect": true, "host": true, "http2-settings": true, "keep-alive": true, "proxy-connection": true,
	"te": true, "trailer": true, "transfer-encoding": true, "upgrade": true,
}

// maxFraming is the length of the longest of them.
const maxFraming = len("transfer-encoding")

// AppendField appends a header field, without the space around its value. The error is ErrField, with dst unchanged, if the name is not a token, if it
// is one of the fields that govern the connection or the length of the body, or if the value has control characters.
func AppendField(dst []byte, name, value string) ([]byte, error) {
	var low [maxFraming]byte
	switch {
	case !isToken(name):
		return dst, &Error{Kind: ErrField, Reason: "its name is not a token"}
	case len(name) <= len(low):
		for i := range len(name) {
			low[i] = lower(name[i])
		}
		if framing[string(low[:len(name)])] {
			return dst, &Error{Kind: ErrField, Reason: strings.ToLower(name) + " governs the connection"}
		}
	}
	if !isText(value) {
		return dst, &Error{Kind: ErrField, Reason: "its value has control characters"}
	}
	dst = append(dst, name...)
	dst = append(dst, ": "...)
	dst = append(dst, trim(value)...)
	return append(dst, "\r\n"...), nil
}

const lengthField = "Content-Length:"

// lengthRoom holds the length of any body, in digits behind spaces: space before a value means nothing.
const lengthRoom = 20

// OpenBody ends the head with room for the length of the body, which is where dst now ends: everything appended from here on.
func OpenBody(dst []byte) (out []byte, body int) {
	dst = append(dst, lengthField+"                    \r\n\r\n"...)
	return dst, len(dst)
}

// CloseBody notes the length of the body that began at body.
func CloseBody(dst []byte, body int) []byte {
	end := body - len("\r\n\r\n")
	var digits [lengthRoom]byte
	length := strconv.AppendInt(digits[:0], int64(len(dst)-body), 10)
	copy(dst[end-len(length):end], length)
	return dst
}

func isVisible(s string) bool {
	for i := range len(s) {
		if s[i] <= ' ' || s[i] >= 0x7f {
			return false
		}
	}
	return true
}
