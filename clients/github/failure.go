package github

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"time"
	"unicode"

	"callboard.dev/callboard/clients"
)

// graphError is one element of the errors of a GraphQL answer.
type graphError struct {
	Type    string
	Message string
	Path    []string // from the root of the query; positions in lists as text
	code    string   // of a query that GitHub does not understand, such as "undefinedField"
	saml    bool     // the organisation wants its own sign-in
}

// Bounds of the errors of one answer; more is cut off. A batch of a hundred with every optional part forbidden stays below.
const (
	maxErrors = 2000
	maxDepth  = 30
	maxSaid   = 200 // bytes of what is repeated of GitHub's words
)

// graphErrors reads the errors of an answer. Those it cannot read count as errors without words.
func graphErrors(raw json.RawMessage) []graphError {
	var list []json.RawMessage
	if json.Unmarshal(raw, &list) != nil {
		if text := strings.TrimSpace(string(raw)); text == "" || text == "null" {
			return nil
		}
		return []graphError{{}}
	}
	if len(list) > maxErrors {
		list = list[:maxErrors]
	}
	out := make([]graphError, len(list))
	for i, one := range list {
		var e struct {
			Type       string            `json:"type"`
			Message    string            `json:"message"`
			Path       []json.RawMessage `json:"path"`
			Extensions struct {
				Code string `json:"code"`
				Type string `json:"type"`
				SAML bool   `json:"saml_failure"`
			} `json:"extensions"`
		}
		if json.Unmarshal(one, &e) != nil {
			// What has no such shape may still say one of these.
			var least struct {
				Message string `json:"message"`
			}
			_ = json.Unmarshal(one, &least)
			e.Message = least.Message
			e.Path = nil
		}
		out[i] = graphError{Type: cut(e.Type, maxSaid), Message: plain(e.Message), code: cut(e.Extensions.Code, maxSaid), saml: e.Extensions.SAML}
		if e.Type == "" {
			out[i].Type = cut(e.Extensions.Type, maxSaid)
		}
		if len(e.Path) > maxDepth {
			e.Path = e.Path[:maxDepth]
		}
		for _, step := range e.Path {
			var name string
			if json.Unmarshal(step, &name) != nil {
				name = string(step)
			}
			out[i].Path = append(out[i].Path, cut(plain(name), maxSaid))
		}
	}
	return out
}

// token is what could be a credential: those of GitHub have at least 40 such characters.
var token = regexp.MustCompile(`[A-Za-z0-9_\-]{30,}`)

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
	return cut(strings.Join(strings.Fields(token.ReplaceAllString(text, "…")), " "), maxSaid)
}

// failure makes the error of a kind that a GraphQL error stands for: one of package clients, or ErrInvalid. Types are from GitHub's answers; what comes without a type is told by
// its words, as an answer that took too long: "This may be the result of a timeout, or it could be a GitHub bug".
func (e graphError) failure(source string, retryAt time.Time) error {
	out := &clients.Error{Source: source, Status: http.StatusOK}
	words := strings.ToLower(e.Message)
	switch {
	case e.saml:
		out.Kind, out.Message = clients.ErrForbidden, "the organisation wants single sign-on for this credential; authorise it there"
	case e.Type == "NOT_FOUND":
		out.Kind, out.Message = clients.ErrNotFound, "there is no such thing, or the credential may not see it"
	case e.Type == "FORBIDDEN", e.Type == "INSUFFICIENT_SCOPES", strings.Contains(words, "resource not accessible"):
		out.Kind, out.Message = clients.ErrForbidden, "the credential may not see this; give it the permission, or use another"
	case strings.HasPrefix(e.Type, "RATE_LIMIT"), strings.Contains(words, "rate limit"):
		out.Kind, out.Message, out.RetryAt = clients.ErrLimited, "its rate limit is used up; try again later", retryAt
	case strings.Contains(words, "timeout"), strings.Contains(words, "timed out"), strings.Contains(words, "timedout"):
		out.Kind, out.Message = clients.ErrTimeout, "it did not answer in time; ask for less, or try again later"
	case e.Type == "SERVICE_UNAVAILABLE", e.Type == "INTERNAL", strings.Contains(words, "something went wrong"), e.Type == "" && e.Message == "":
		out.Kind, out.Message = clients.ErrUnavailable, "it fails; try again later"
	case e.Type == "INVALID_CURSOR_ARGUMENTS":
		out.Kind, out.Message = ErrInvalid, "the cursor is none of this list; start again without it"
	case strings.HasPrefix(e.code, "undefined"), strings.HasPrefix(e.code, "argument"), strings.HasPrefix(e.code, "selection"):
		out.Kind, out.Message = clients.ErrBadAnswer, "it does not know all that is asked for; a GitHub Enterprise Server of a newer version may"
	default:
		out.Kind, out.Message = clients.ErrBadAnswer, "it refuses the question"
	}
	if e.Message != "" {
		out.Message += ": " + e.Message
	}
	return out
}

// bad makes the error of an answer that cannot be used.
func bad(source, message string) error {
	return &clients.Error{Kind: clients.ErrBadAnswer, Source: source, Status: http.StatusOK, Message: message}
}

// refused makes the error of an answer with another status than 200, where the transport has not done so.
func refused(source string, resp *http.Response) *clients.Error {
	e := &clients.Error{Kind: clients.ErrBadAnswer, Source: source, Status: resp.StatusCode, Message: "it refuses the question"}
	words := saidBy(resp)
	lower := strings.ToLower(words)
	switch s := resp.StatusCode; {
	case s == http.StatusUnauthorized:
		e.Kind, e.Message = clients.ErrForbidden, "it does not accept the credential; renew the token that is configured for it"
	case s == http.StatusTooManyRequests, s == http.StatusForbidden && (strings.Contains(lower, "rate limit") || resp.Header.Get("Retry-After") != "" || resp.Header.Get("X-Ratelimit-Remaining") == "0"):
		e.Kind, e.Message, e.RetryAt = clients.ErrLimited, "its rate limit is used up; try again later", retryAt(resp)
	case s == http.StatusForbidden, s == http.StatusUnavailableForLegalReasons:
		e.Kind, e.Message = clients.ErrForbidden, "the credential may not see this; give it the permission, or use another"
	case s == http.StatusNotFound, s == http.StatusGone, s == http.StatusUnprocessableEntity && strings.HasPrefix(lower, "no commit found"):
		e.Kind, e.Message = clients.ErrNotFound, "there is no such thing, or the credential may not see it"
	case s == http.StatusGatewayTimeout, s == http.StatusRequestTimeout:
		e.Kind, e.Message = clients.ErrTimeout, "it did not answer in time; ask for less, or try again later"
	case s >= 500:
		e.Kind, e.Message = clients.ErrUnavailable, "it fails; try again later"
	case s >= 300 && s < 400:
		e.Message = "it points elsewhere; check the address that is configured"
	}
	if words != "" {
		e.Message += ": " + words
	}
	return e
}

// saidBy returns the message of a refusal, "" where it has none.
func saidBy(resp *http.Response) string {
	const most = 64 << 10 // bytes that are looked at
	var said struct {
		Message string `json:"message"`
	}
	text, err := io.ReadAll(io.LimitReader(resp.Body, most))
	if err != nil || json.Unmarshal(text, &said) != nil {
		return ""
	}
	return plain(said.Message)
}

// retryAt returns when the headers of an answer say to come back, zero where they do not.
func retryAt(resp *http.Response) time.Time {
	const longest = 2 * time.Hour // GitHub's window is one
	now := time.Now()
	if seconds, err := strconv.Atoi(resp.Header.Get("Retry-After")); err == nil && seconds >= 0 {
		return now.Add(min(time.Duration(min(seconds, 1e6))*time.Second, longest))
	}
	if reset, err := strconv.ParseInt(resp.Header.Get("X-Ratelimit-Reset"), 10, 64); err == nil && resp.Header.Get("X-Ratelimit-Remaining") == "0" {
		if at := time.Unix(reset, 0); at.After(now) && at.Before(now.Add(longest)) {
			return at
		}
	}
	return time.Time{}
}

// failed makes the error of an exchange that ended without an answer that can be read: one of package clients, or the end of the context.
func (c *Client) failed(ctx context.Context, err error) error {
	if e := clients.Of(err); e != nil {
		return e
	}
	if errors.Is(ctx.Err(), context.Canceled) {
		return context.Canceled
	}
	var timeout interface{ Timeout() bool }
	if ctx.Err() != nil || errors.As(err, &timeout) && timeout.Timeout() {
		return &clients.Error{Kind: clients.ErrTimeout, Source: c.source, Message: "no answer in time; try again later", Err: context.DeadlineExceeded}
	}
	return &clients.Error{Kind: clients.ErrUnavailable, Source: c.source, Message: "it cannot be reached; check the address that is configured"}
}
