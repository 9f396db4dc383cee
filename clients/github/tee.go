package github

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"time"

	"callboard.dev/callboard/clients"
)

// exchange is what is said and told beside the data of one GraphQL request. It travels in the context, past githubv4.
type exchange struct {
	fragments string // goes after the query that githubv4 writes
	longest   int    // elements that a list of the answer may have

	cost    Cost
	errors  []graphError
	retryAt time.Time
}

type exchangeKey struct{}

// Bounds of an answer.
const (
	maxAnswer   = 16 << 20 // bytes, by judgement: as clients.DefaultMaxAnswer
	maxElements = 100      // of a list, GitHub's own
	maxObjects  = 300_000  // in all: decoded, the smallest of them takes hundreds of bytes for the two it is sent in
)

// tee is the http.RoundTripper behind githubv4. It adds to the query what githubv4 cannot write, counts what that costs, and takes out of the
// answer what githubv4 loses: it is left with data that is within bounds, and no errors.
type tee struct {
	source string
	next   http.RoundTripper // http.DefaultTransport where nil
}

func (t *tee) RoundTrip(r *http.Request) (*http.Response, error) {
	x, _ := r.Context().Value(exchangeKey{}).(*exchange)
	if x == nil {
		return nil, fmt.Errorf("a request to %s without its exchange", t.source) // githubv4 asks through Client.ask alone
	}
	r, err := t.outgoing(r, x)
	if err != nil {
		return nil, err
	}
	next := t.next
	if next == nil {
		next = http.DefaultTransport
	}
	resp, err := next.RoundTrip(r)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return nil, refused(t.source, resp)
	}
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer+1))
	if err != nil {
		if clients.Of(err) != nil || r.Context().Err() != nil {
			return nil, err
		}
		return nil, &clients.Error{Kind: clients.ErrBadAnswer, Source: t.source, Status: resp.StatusCode, Message: "its answer was cut off; try again later"}
	}
	x.retryAt = retryAt(resp)
	data, err := t.incoming(body, x)
	if err != nil {
		return nil, err
	}
	out := *resp
	out.Body, out.ContentLength = io.NopCloser(bytes.NewReader(data)), int64(len(data))
	return &out, nil
}

// outgoing returns the request with the whole query and its cost.
func (t *tee) outgoing(r *http.Request, x *exchange) (*http.Request, error) {
	var sent struct {
		Query     string                     `json:"query"`
		Variables map[string]json.RawMessage `json:"variables,omitempty"`
	}
	text, err := io.ReadAll(r.Body)
	r.Body.Close()
	if err != nil {
		return nil, err
	}
	if err := json.Unmarshal(text, &sent); err != nil {
		return nil, err
	}
	sent.Query += x.fragments
	lengths := map[string]any{}
	for name, raw := range sent.Variables {
		lengths[name] = json.Number(raw)
	}
	if x.cost, err = CostOf(sent.Query, lengths); err != nil {
		return nil, err
	}
	if text, err = json.Marshal(sent); err != nil {
		return nil, err
	}
	out := r.Clone(clients.WithCost(r.Context(), "graphql", x.cost.Points()))
	out.ContentLength = int64(len(text))
	out.GetBody = func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(text)), nil }
	out.Body, _ = out.GetBody()
	out.Header.Set("Accept", "application/vnd.github+json")
	return out, nil
}

// incoming keeps the errors of an answer and returns the rest of it for githubv4.
func (t *tee) incoming(body []byte, x *exchange) ([]byte, error) {
	if len(body) > maxAnswer {
		return nil, bad(t.source, fmt.Sprintf("its answer is larger than %d MiB; ask for less", maxAnswer>>20))
	}
	var answer struct {
		Data    json.RawMessage `json:"data"`
		Errors  json.RawMessage `json:"errors"`
		Message string          `json:"message"` // of what is no GraphQL answer
	}
	if err := json.Unmarshal(body, &answer); err != nil {
		return nil, bad(t.source, "its answer is no JSON object; check the address that is configured")
	}
	if !within(answer.Data, x.longest, maxObjects) {
		return nil, bad(t.source, "its answer holds more than was asked for")
	}
	x.errors = graphErrors(answer.Errors)
	if len(answer.Data) == 0 {
		answer.Data = json.RawMessage("null")
		if len(x.errors) == 0 {
			return nil, bad(t.source, "its answer holds neither data nor errors: "+plain(answer.Message))
		}
	}
	out := make([]byte, 0, len(answer.Data)+len(`{"data":}`))
	return append(append(append(out, `{"data":`...), answer.Data...), '}'), nil
}

// within reports whether a valid JSON text holds no array with more than longest elements, no more than objects objects, and nothing deeper
// than any query of this package. What is decoded into Go values can be a hundred times the text: {} is a repository.
func within(text []byte, longest, objects int) bool {
	const deepest = 64
	var (
		elements [deepest]int // commas seen in each open array, -1 for an object
		depth    int
	)
	for i := 0; i < len(text); i++ {
		switch text[i] {
		case '"':
			for i++; i < len(text) && text[i] != '"'; i++ {
				if text[i] == '\\' {
					i++
				}
			}
		case '{', '[':
			if depth == deepest {
				return false
			}
			elements[depth] = 0
			if text[i] == '{' {
				elements[depth] = -1
				if objects--; objects < 0 {
					return false
				}
			}
			depth++
		case '}', ']':
			if depth--; depth < 0 {
				return false
			}
		case ',':
			if depth > 0 && elements[depth-1] >= 0 {
				if elements[depth-1]++; elements[depth-1] >= longest {
					return false
				}
			}
		}
	}
	return true
}

// ask sends one query that githubv4 writes from root's type and decodes into it. The error is that of the whole; those of parts are in x.
func (c *Client) ask(ctx context.Context, route string, x *exchange, root any, variables map[string]any) error {
	ctx = clients.WithSafe(clients.WithRoute(ctx, route))
	err := c.graph.Query(context.WithValue(ctx, exchangeKey{}, x), root, variables)
	switch e := clients.Of(err); {
	case err == nil:
		return nil
	case e != nil && e.Kind == clients.ErrNotFound:
		// It is the interface that is not there, and nothing is known about what was asked for.
		return &clients.Error{Kind: clients.ErrUnavailable, Source: c.source, Status: e.Status, Message: "it has no GraphQL interface there; check the address that is configured"}
	case e == nil && ctx.Err() == nil && !network(err):
		return bad(c.source, "its answer is not what the schema says")
	}
	return c.failed(ctx, err)
}
