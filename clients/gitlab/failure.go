package gitlab

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"
	"unicode"

	"callboard.dev/callboard/clients"
)

// ErrInvalid says that an argument can name nothing on GitLab, such as a path of a project with "..". Nothing was asked. The other kinds of
// error are those of package clients.
var ErrInvalid = errors.New("invalid argument")

func invalid(what, text string) error {
	return fmt.Errorf("%s %q: %w", what, cut(text, 100), ErrInvalid)
}

// Bounds of what is kept of an answer, in bytes. GitLab's own are below or about there.
const (
	maxLine = 1024     // names, titles, addresses
	maxText = 64 << 10 // descriptions and messages
	maxSaid = 200      // of what is repeated of GitLab's words
)

// cut returns the beginning of a text, as valid UTF-8.
func cut(text string, most int) string {
	if len(text) > most {
		text = text[:most]
	}
	return strings.ToValidUTF8(text, "")
}

// plain makes a text of an answer fit for a line of a log.
func plain(text string) string {
	text = strings.Map(func(r rune) rune {
		if unicode.IsSpace(r) {
			return ' '
		}
		if !unicode.IsPrint(r) || r == unicode.ReplacementChar {
			return -1
		}
		return r
	}, cut(text, 4*maxSaid))
	return cut(strings.Join(strings.Fields(text), " "), maxSaid)
}

// bad makes the error of an answer that cannot be used.
func bad(source, message string) *clients.Error {
	return &clients.Error{Kind: clients.ErrBadAnswer, Source: source, Status: http.StatusOK, Message: message}
}

// absent makes the error of what an answer has not got: GitLab does not tell what is not there from what one may not see.
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

// refused makes the error of an answer with another status than 200, where the transport has not done so.
func refused(source string, resp *http.Response) *clients.Error {
	e := &clients.Error{Kind: clients.ErrBadAnswer, Source: source, Status: resp.StatusCode, Message: "it refuses the question"}
	switch s := resp.StatusCode; {
	case s == http.StatusUnauthorized:
		e.Kind, e.Message = clients.ErrForbidden, "it does not accept the credential; renew the token that is configured for it"
	case s == http.StatusTooManyRequests:
		e.Kind, e.Message, e.RetryAt = clients.ErrLimited, "its rate limit is used up; try again later", retryAt(resp.Header, time.Now())
	case s == http.StatusForbidden, s == http.StatusUnavailableForLegalReasons, s == http.StatusProxyAuthRequired:
		e.Kind, e.Message = clients.ErrForbidden, "the credential may not see this; give it the permission, or use another"
	case s == http.StatusNotFound, s == http.StatusGone:
		e.Kind, e.Message = clients.ErrNotFound, "there is no such thing, or the credential may not see it"
	case s == http.StatusGatewayTimeout, s == http.StatusRequestTimeout:
		e.Kind, e.Message = clients.ErrTimeout, "it did not answer in time; ask for less, or try again later"
	case s >= 500:
		e.Kind, e.Message = clients.ErrUnavailable, "it fails; try again later"
	case s >= 400:
		if said := saidBy(resp); said != "" {
			e.Message += ": " + said
		}
	}
	return e
}

// saidBy returns what GitLab says of a question that it refuses.
func saidBy(resp *http.Response) string {
	const most = 16 << 10
	text, err := io.ReadAll(io.LimitReader(resp.Body, most))
	var answer struct {
		Message json.RawMessage `json:"message"`
		Error   string          `json:"error"`
	}
	if err != nil || json.Unmarshal(text, &answer) != nil {
		return ""
	}
	var said string
	if json.Unmarshal(answer.Message, &said) == nil && said != "" {
		return plain(said)
	}
	if said := complaints(answer.Message); said != "" {
		return plain(said)
	}
	return plain(answer.Error)
}

// retryAt returns when the headers of a refusal say to come back, zero where they do not.
func retryAt(h http.Header, now time.Time) time.Time {
	const longest = 2 * time.Hour // GitLab's windows are of a minute to an hour
	if seconds, err := strconv.Atoi(h.Get("Retry-After")); err == nil && seconds >= 0 {
		return now.Add(min(time.Duration(min(seconds, 1e6))*time.Second, longest))
	}
	if reset, err := strconv.ParseInt(h.Get("RateLimit-Reset"), 10, 64); err == nil {
		if at := time.Unix(reset, 0); at.After(now) && at.Before(now.Add(longest)) {
			return at
		}
	}
	return time.Time{}
}
