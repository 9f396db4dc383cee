package github

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"

	"callboard.dev/callboard/clients"
)

// ErrConflict says that GitHub will not do now what it was asked to, as things stand: a run that is over cannot be cancelled, and one that is
// under way cannot be run again.
var ErrConflict = errors.New("not possible now")

// maxSent is how many bytes are sent in one request, by judgement: a comment of GitHub's largest, of 64 Ki characters, in JSON.
const maxSent = 512 << 10

// request makes a request to the REST interface.
func (c *Client) request(ctx context.Context, method string, q call, body []byte) (*http.Request, error) {
	path := c.rest.Path
	raw := c.rest.EscapedPath()
	for i, segment := range q.path {
		if segment == "" || segment == "." || segment == ".." {
			return nil, invalid("part of an address", segment)
		}
		if i > 0 {
			path, raw = path+"/", raw+"/"
		}
		path, raw = path+segment, raw+url.PathEscape(segment)
	}
	u := &url.URL{Scheme: c.rest.Scheme, Host: c.rest.Host, Path: path, RawPath: raw, RawQuery: q.query.Encode()}
	var text io.Reader
	if body != nil {
		text = bytes.NewReader(body)
	}
	r, err := http.NewRequestWithContext(clients.WithRoute(ctx, q.route), method, u.String(), text)
	if err != nil {
		return nil, invalid("address", path)
	}
	if q.accept == "" {
		q.accept = "application/vnd.github+json"
	}
	r.Header.Set("Accept", q.accept)
	r.Header.Set("X-Github-Api-Version", apiVersion)
	if body != nil {
		r.Header.Set("Content-Type", "application/json")
	}
	return r, nil
}

// send asks the REST interface for a change, once. What it answers is decoded into an answer that is not nil, where it answers something.
//
// Errors are of the kinds of package clients, ErrConflict, or ErrInvalid for what GitHub finds wrong with the question.
func (c *Client) send(ctx context.Context, method string, q call, what, into any) error {
	body := []byte("{}")
	if what != nil {
		var err error
		if body, err = json.Marshal(what); err != nil || len(body) > maxSent {
			return invalid("request", "it is too long, or cannot be written")
		}
	}
	r, err := c.request(ctx, method, q, body)
	if err != nil {
		return err
	}
	resp, err := c.http.Do(r)
	if err != nil {
		return conflict(c.failed(ctx, err))
	}
	defer resp.Body.Close()
	switch resp.StatusCode {
	case http.StatusOK, http.StatusCreated, http.StatusAccepted, http.StatusNoContent:
	default:
		return conflict(refusedChange(c.source, resp))
	}
	text, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer+1))
	switch {
	case err != nil:
		// It has been done; what came of it cannot be told.
		return bad(c.source, "it did what it was asked, but its answer was cut off; look before asking again")
	case into == nil || len(bytes.TrimSpace(text)) == 0:
		return nil
	case len(text) > maxAnswer || !json.Valid(text) || !within(text, maxElements, maxObjects) || json.Unmarshal(text, into) != nil:
		return bad(c.source, "it did what it was asked, but its answer is not what its documentation says; look before asking again")
	}
	return nil
}

// checkDone reports whether the answer to a change tells what was made.
func (c *Client) checkDone(id int) error {
	if id < 1 {
		return bad(c.source, "it did what it was asked, but its answer does not tell what it made; look before asking again")
	}
	return nil
}

// refusedChange is refused, for a change: it tells what is wrong with the question from what is wrong with the answer.
func refusedChange(source string, resp *http.Response) error {
	e := refused(source, resp)
	if e.Kind != clients.ErrBadAnswer {
		return e
	}
	_, said, _ := strings.Cut(e.Message, ": ")
	switch resp.StatusCode {
	case http.StatusConflict:
		e.Kind, e.Message = ErrConflict, "it cannot do this now"
	case http.StatusUnprocessableEntity, http.StatusBadRequest:
		e.Kind, e.Message = ErrInvalid, "it cannot do this as it was asked"
	default:
		return e
	}
	if said != "" {
		e.Message += ": " + said
	}
	return e
}

// conflicts are the words with which GitHub refuses as forbidden what is not a matter of permission, in lower case.
var conflicts = []string{"already running", "already been re-run", "cannot be retried", "cannot be rerun", "unable to retry this workflow run"}

// conflict turns a refusal into ErrConflict where its words say that it is one: running again what runs is answered with 403.
func conflict(err error) error {
	e := clients.Of(err)
	if e == nil || e.Kind != clients.ErrForbidden {
		return err
	}
	words := strings.ToLower(e.Message)
	for _, text := range conflicts {
		if strings.Contains(words, text) {
			out := *e
			_, said, _ := strings.Cut(e.Message, ": ")
			out.Kind, out.Message = ErrConflict, fmt.Sprintf("it cannot do this now: %s", said)
			return &out
		}
	}
	return err
}
