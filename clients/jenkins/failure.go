package jenkins

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
	"unicode"

	"callboard.dev/callboard/clients"
)

// ErrInvalid says that an argument can name nothing on Jenkins, such as a job "..". Nothing was asked. The other kinds of error are those of
// package clients.
var ErrInvalid = errors.New("invalid argument")

func invalid(what, text string) error {
	return fmt.Errorf("%s %q: %w", what, cut(text, 100), ErrInvalid)
}

// Bounds of what is kept of an answer, in bytes, by judgement.
const (
	maxLine = 1024     // names, titles, addresses
	maxText = 64 << 10 // descriptions, messages and stack traces
	maxSaid = 200      // of what is repeated of Jenkins' words
)

// cut returns the beginning of a text, as valid UTF-8.
func cut(text string, most int) string {
	if len(text) > most {
		text = text[:most]
	}
	return strings.ToValidUTF8(text, "")
}

// line returns a text of an answer as one line that can be printed, of at most maxLine bytes.
func line(text string) string {
	return printed(cut(text, maxLine))
}

// plain is line, for the little that an error repeats.
func plain(text string) string { return cut(printed(cut(text, 4*maxSaid)), maxSaid) }

func printed(text string) string {
	text = strings.Map(func(r rune) rune {
		if unicode.IsSpace(r) {
			return ' '
		}
		if !unicode.IsPrint(r) || r == unicode.ReplacementChar {
			return -1
		}
		return r
	}, text)
	return strings.Join(strings.Fields(text), " ")
}

// page returns the address of a page as an answer says it, if it is one that a browser may be sent to, and else otherwise.
func page(address, otherwise string) string {
	if len(address) <= 2*maxLine {
		if u, err := url.Parse(address); err == nil && (u.Scheme == "https" || u.Scheme == "http") && u.Host != "" && u.User == nil {
			return u.String()
		}
	}
	return otherwise
}

// bad makes the error of an answer that cannot be used.
func bad(source, message string) *clients.Error {
	return &clients.Error{Kind: clients.ErrBadAnswer, Source: source, Status: http.StatusOK, Message: message}
}

// absent makes the error of what an answer has not got: Jenkins does not tell what is not there from what one may not see.
func (c *Client) absent(what string) *clients.Error {
	return &clients.Error{Kind: clients.ErrNotFound, Source: c.source, Status: http.StatusOK, Message: "there is no such " + what + ", or the credential may not see it"}
}

// failed makes the error of an exchange that ended without an answer that can be read: one of package clients, or the end of the context.
func failed(ctx context.Context, source string, err error) error {
	if e := clients.Of(err); e != nil {
		return e
	}
	if ctx.Err() != nil && !errors.Is(context.Cause(ctx), context.DeadlineExceeded) {
		return context.Cause(ctx)
	}
	var timeout interface{ Timeout() bool }
	switch {
	case ctx.Err() != nil, errors.As(err, &timeout) && timeout.Timeout():
		return &clients.Error{Kind: clients.ErrTimeout, Source: source, Message: "no answer in time; try again later", Err: context.DeadlineExceeded}
	case errors.Is(err, io.ErrUnexpectedEOF):
		return &clients.Error{Kind: clients.ErrBadAnswer, Source: source, Message: "its answer was cut off; try again later", Err: io.ErrUnexpectedEOF}
	}
	return &clients.Error{Kind: clients.ErrUnavailable, Source: source, Message: "it cannot be reached; check the address that is configured"}
}

// refused makes the error of an answer with a status that is no success, where the transport has not done so. Jenkins' own words are in web
// pages, and are not repeated.
func refused(source string, resp *http.Response) *clients.Error {
	e := &clients.Error{Kind: clients.ErrBadAnswer, Source: source, Status: resp.StatusCode, Message: "it refuses the question"}
	switch s := resp.StatusCode; {
	case s == http.StatusUnauthorized:
		e.Kind, e.Message = clients.ErrForbidden, "it does not accept the credential; renew the API token that is configured for it"
	case s == http.StatusForbidden, s == http.StatusUnavailableForLegalReasons, s == http.StatusProxyAuthRequired:
		e.Kind, e.Message = clients.ErrForbidden, "the credential may not do this; give it the permission, or use another"
	case s == http.StatusNotFound, s == http.StatusGone:
		e.Kind, e.Message = clients.ErrNotFound, "there is no such thing, or the credential may not see it"
	case s == http.StatusTooManyRequests:
		e.Kind, e.Message, e.RetryAt = clients.ErrLimited, "something before it limits requests; try again later", retryAt(resp.Header, time.Now())
	case s == http.StatusGatewayTimeout, s == http.StatusRequestTimeout:
		e.Kind, e.Message = clients.ErrTimeout, "it did not answer in time; ask for less, or try again later"
	case s >= 500:
		e.Kind, e.Message, e.RetryAt = clients.ErrUnavailable, "it fails; try again later", retryAt(resp.Header, time.Now())
	case s == http.StatusConflict:
		e.Message = "the job is disabled, or is one that cannot be built"
	case s >= 300 && s < 400:
		e.Message = "it leads elsewhere, perhaps to a page to sign in at; check the address and the credential that are configured"
	}
	return e
}

// retryAt returns when the headers of a refusal say to come back, zero where they do not.
func retryAt(h http.Header, now time.Time) time.Time {
	const longest = time.Hour // a Jenkins that starts says seconds
	if seconds, err := strconv.Atoi(h.Get("Retry-After")); err == nil && seconds >= 0 {
		return now.Add(min(time.Duration(min(seconds, 1e6))*time.Second, longest))
	}
	return time.Time{}
}
