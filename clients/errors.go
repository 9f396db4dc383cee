package clients

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"syscall"
	"time"
)

// What an upstream can fail with. Test with errors.Is; every error of a Source is an *Error of one of these kinds, but for the end of the
// caller's own context, which stays context.Canceled.
var (
	// ErrNotFound says that there is no such thing, or none that this credential may know of.
	ErrNotFound = errors.New("not found")
	// ErrForbidden says that the credential is refused, or may not do this.
	ErrForbidden = errors.New("forbidden")
	// ErrLimited says that a budget is used up: the upstream said so, or was not asked because it would.
	ErrLimited = errors.New("rate limited")
	// ErrUnavailable says that the upstream cannot be reached or fails.
	ErrUnavailable = errors.New("unavailable")
	// ErrTimeout says that the upstream did not answer in time.
	ErrTimeout = errors.New("timed out")
	// ErrBadAnswer says that the upstream answered something that cannot be used: cut off, too large, or not what it should be.
	ErrBadAnswer = errors.New("bad answer")
	// ErrPartial says that a part of the answer is missing. Clients that read such answers make it; the transport does not.
	ErrPartial = errors.New("partial answer")
)

// ErrTooLarge is the cause of an error of kind ErrBadAnswer whose answer is larger than is read: one that asks for less may be answered.
var ErrTooLarge = errors.New("too large")

// codes is the one table from kinds to the codes of the graph.
var codes = []struct {
	kind error
	code string
}{
	{ErrNotFound, "NOT_FOUND"},
	{ErrForbidden, "FORBIDDEN"},
	{ErrLimited, "RATE_LIMITED"},
	{ErrUnavailable, "UNAVAILABLE"},
	{ErrTimeout, "TIMEOUT"},
	{ErrBadAnswer, "BAD_ANSWER"},
	{ErrPartial, "PARTIAL"},
}

// CodeOf returns the code of the error's kind as the graph says it, such as "NOT_FOUND"; "" for errors of no kind.
func CodeOf(err error) string {
	for _, c := range codes {
		if errors.Is(err, c.kind) {
			return c.code
		}
	}
	return ""
}

// kindOf is the one table from HTTP statuses to kinds. It is nil for answers that are for the client to read: successes, redirects, and
// refusals of what was asked rather than of who asks, such as 409 and 422, whose text says what is wrong.
func kindOf(status int) error {
	switch status {
	case http.StatusUnauthorized, http.StatusForbidden, http.StatusProxyAuthRequired, http.StatusUnavailableForLegalReasons:
		return ErrForbidden
	case http.StatusNotFound, http.StatusGone:
		return ErrNotFound
	case http.StatusTooManyRequests:
		return ErrLimited
	case http.StatusRequestTimeout, http.StatusGatewayTimeout:
		return ErrTimeout
	}
	if status >= 500 {
		return ErrUnavailable
	}
	return nil
}

// Error is how a source failed. Its text is for people: it names the source, says what to do, and holds no secret, no address with a query
// and no text of an upstream that was not looked through for secrets.
type Error struct {
	Kind    error     // one of the kinds of this package
	Source  string    // the configured name of the source
	Status  int       // the HTTP status, 0 where there was no answer
	RetryAt time.Time // when to try again, zero where unknown
	Message string    // what happened and what to do
	Err     error     // the cause, where it is known to hold no secret; may be nil

	// ours is true where this process refused or gave up for a reason of its own: it says nothing about the upstream's health.
	ours bool
	// broken is true where a connection could not be made or broke off: another one may do.
	broken bool
}

func (e *Error) Error() string {
	text := e.Source + ": " + e.Message
	if e.Message == "" {
		text = e.Source + ": " + e.Kind.Error()
	}
	if e.Status != 0 {
		text += fmt.Sprintf(" (HTTP %d)", e.Status)
	}
	return text
}

// Unwrap makes errors.Is find the kind and errors.As the cause.
func (e *Error) Unwrap() []error {
	if e.Err == nil {
		return []error{e.Kind}
	}
	return []error{e.Kind, e.Err}
}

// Of returns the *Error that err is or wraps, nil where there is none. Its text is fit to be shown where that of the *url.Error that
// http.Client wraps around it, with the whole address, is not.
func Of(err error) *Error {
	var e *Error
	errors.As(err, &e)
	return e
}

// failure makes the *Error of an exchange that ended without an answer. Text of the network and of the upstream is not repeated, as net/http
// quotes what it could not read.
func failure(source string, err error) error {
	if e := Of(err); e != nil {
		return e
	}
	var (
		dialed    *net.OpError
		dns       *net.DNSError
		refused   *refusedAddress
		errno     syscall.Errno
		authority x509.UnknownAuthorityError
		hostname  x509.HostnameError
		invalid   x509.CertificateInvalidError
		record    tls.RecordHeaderError
		timeout   interface{ Timeout() bool }
	)
	e := &Error{Kind: ErrUnavailable, Source: source}
	switch {
	case errors.As(err, &refused):
		e.Kind, e.Err, e.ours = ErrForbidden, refused, true
		e.Message = refused.Error()
	case errors.Is(err, context.Canceled):
		return context.Canceled
	case errors.As(err, &timeout) && timeout.Timeout(): // also context.DeadlineExceeded
		e.Kind, e.Err, e.Message = ErrTimeout, context.DeadlineExceeded, "no answer in time; try again later"
		e.broken = errors.As(err, &dialed) && dialed.Op == "dial"
	case errors.As(err, &dns):
		e.broken = true
		e.Message = "the name of its host cannot be resolved; check the address that is configured"
	case errors.As(err, &authority), errors.As(err, &hostname), errors.As(err, &invalid):
		e.Message = "its certificate is not to be trusted; check the address, or configure the authority that signed it"
	case errors.As(err, &record):
		e.Message = "it does not speak TLS; check the address that is configured"
	case errors.Is(err, io.ErrUnexpectedEOF):
		e.broken = true
		e.Kind, e.Err, e.Message = ErrBadAnswer, io.ErrUnexpectedEOF, "its answer was cut off; try again later"
	case errors.As(err, &errno):
		e.broken = true
		e.Err, e.Message = errno, "it cannot be reached: "+errno.Error()
	case errors.Is(err, io.EOF):
		e.broken = true
		e.Err, e.Message = io.EOF, "it closed the connection without an answer; try again later"
	default:
		e.Message = "it cannot be reached, or does not answer as HTTP; check the address that is configured"
	}
	return e
}
