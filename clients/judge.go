package clients

import (
	"encoding/json"
	"net/http"
	"regexp"
	"strings"
	"time"
	"unicode"
)

// judgement turns the statuses that are refusals or failures into errors.
type judgement struct {
	source string
	quotes bool // what a refusal says is repeated in the error
}

func (j *judgement) pass(r *http.Request, next http.RoundTripper) (*http.Response, error) {
	resp, err := next.RoundTrip(r)
	if err != nil {
		return nil, failure(j.source, err)
	}
	e := refusal(j.source, resp)
	if e == nil {
		return resp, nil
	}
	resp.Body.Close()
	if said := saidBy(resp); said != "" && j.quotes {
		e.Message += ": " + said
	}
	return nil, e
}

// refusal makes the error that an answer is, nil where it is none.
func refusal(source string, resp *http.Response) *Error {
	kind := kindOf(resp.StatusCode)
	if kind == nil {
		return nil
	}
	e := &Error{Kind: kind, Source: source, Status: resp.StatusCode}
	if wait, said := retryAfter(resp.Header, time.Now()); said && kind != ErrNotFound && kind != ErrForbidden {
		e.RetryAt = time.Now().Add(wait)
	}
	switch resp.StatusCode {
	case http.StatusUnauthorized:
		e.Message = "it does not accept the credential; renew the token that is configured for it"
	case http.StatusForbidden:
		e.Message = "the credential may not do this; give it the permission, or use another"
	case http.StatusNotFound, http.StatusGone:
		e.Message = "there is no such thing, or the credential may not see it"
	case http.StatusTooManyRequests:
		e.Message = "its rate limit is used up; try again later"
	case http.StatusGatewayTimeout, http.StatusRequestTimeout:
		e.Message = "it did not answer in time; ask for less, or try again later"
	default:
		e.Message = "it fails; try again later"
		if kind == ErrForbidden {
			e.Message = "it refuses to answer"
		}
	}
	return e
}

// Bounds of what is repeated of an upstream's words.
const (
	maxRefusal = 64 << 10 // bytes of a refusal that are read for its message
	maxSaid    = 200      // bytes of the message
)

// saidBy returns what a refusal says in the field vendors keep for people, shortened, on one line, and with everything taken out that could be a
// secret. Other texts, such as the pages of proxies, are not repeated.
func saidBy(resp *http.Response) string {
	text := textOf(resp)
	if len(text) == 0 || len(text) > maxRefusal || !strings.Contains(resp.Header.Get("Content-Type"), "json") {
		return ""
	}
	var answer struct {
		Message     json.RawMessage `json:"message"`
		Error       json.RawMessage `json:"error"`
		Description json.RawMessage `json:"error_description"`
	}
	if json.Unmarshal(text, &answer) != nil {
		return ""
	}
	for _, raw := range []json.RawMessage{answer.Message, answer.Description, answer.Error} {
		var said string
		if json.Unmarshal(raw, &said) == nil && said != "" {
			return harmless(said)
		}
	}
	return ""
}

// word is a run of characters that a token may have; longest are those that are taken out of what is repeated.
var word = regexp.MustCompile(`[A-Za-z0-9_\-+/=.~%:@]{16,}`)

// harmless makes a text of an upstream fit to be shown: it may echo the credential, or anything else it knows. Words of 16 characters and more
// are left out, as no token is shorter and hardly a word of a message is longer.
func harmless(text string) string {
	if len(text) > 4*maxSaid {
		text = text[:4*maxSaid]
	}
	text = strings.Map(func(r rune) rune {
		if unicode.IsSpace(r) {
			return ' '
		}
		if !unicode.IsPrint(r) || r == unicode.ReplacementChar {
			return -1
		}
		return r
	}, text)
	text = strings.Join(strings.Fields(word.ReplaceAllString(text, "…")), " ")
	if len(text) > maxSaid {
		text = strings.TrimSpace(strings.ToValidUTF8(text[:maxSaid], "")) + "…"
	}
	return text
}
