package gitlab

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"callboard.dev/callboard/clients"
)

// graphError is one element of the errors of a GraphQL answer.
type graphError struct {
	Message string
	Path    []string // from the root of the query; positions in lists as text
}

// maxErrors bounds the errors of one answer; more is cut off.
const maxErrors = 200

// UnmarshalJSON never fails: an error in a shape of its own is still an error.
func (e *graphError) UnmarshalJSON(text []byte) error {
	var wire struct {
		Message string            `json:"message"`
		Path    []json.RawMessage `json:"path"`
	}
	_ = json.Unmarshal(text, &wire)
	*e = graphError{Message: plain(wire.Message)}
	for i, step := range wire.Path {
		if i == maxLevels {
			break
		}
		var name string
		if json.Unmarshal(step, &name) != nil {
			name = string(step)
		}
		e.Path = append(e.Path, cut(name, maxSaid))
	}
	return nil
}

// failure makes the error of a kind that a GraphQL error stands for. GitLab's have no codes, so their words tell: those of its limits and
// timeouts are in "Limits" of the documentation of its GraphQL API, those of the rest in its answers.
func (e graphError) failure(source string) *clients.Error {
	out := &clients.Error{Kind: clients.ErrBadAnswer, Source: source, Status: http.StatusOK}
	words := strings.ToLower(e.Message)
	switch {
	case strings.Contains(words, "does not exist or you don't have permission"):
		out.Kind, out.Message = clients.ErrNotFound, "there is no such thing, or the credential may not see it"
	case strings.Contains(words, "permission"), strings.Contains(words, "invalid token"), strings.Contains(words, "insufficient_scope"):
		out.Kind, out.Message = clients.ErrForbidden, "the credential may not see this; give it the permission, or use another"
	case strings.Contains(words, "timeout"), strings.Contains(words, "timed out"):
		out.Kind, out.Message = clients.ErrTimeout, "it did not answer in time; ask for less, or try again later"
	case strings.Contains(words, "too many requests"), strings.Contains(words, "rate limit"):
		out.Kind, out.Message = clients.ErrLimited, "its rate limit is used up; try again later"
	case strings.Contains(words, "internal server error"), strings.Contains(words, "something went wrong"):
		out.Kind, out.Message = clients.ErrUnavailable, "it fails; try again later"
	case strings.Contains(words, "doesn't exist on type"), strings.Contains(words, "cannot query field"), strings.Contains(words, "doesn't accept argument"):
		out.Message = "it does not know all that is asked for; a newer version may"
	case strings.Contains(words, "complexity"):
		out.Message = "the question is too complex for it"
	default:
		out.Message = "it refuses the question"
	}
	if e.Message != "" {
		out.Message += ": " + e.Message
	}
	return out
}

// query asks GraphQL and reads the data of the answer into into. Errors that leave data behind are returned beside it, by the key of the
// root field that they are below; one that leaves nothing is the error of the query.
func (c *Client) query(ctx context.Context, name, text string, variables map[string]any, into any) (map[string]*clients.Error, error) {
	body, err := json.Marshal(struct {
		OperationName string         `json:"operationName"`
		Query         string         `json:"query"`
		Variables     map[string]any `json:"variables,omitempty"`
	}{name, text, variables})
	if err != nil {
		return nil, err // a variable that is no JSON
	}
	ctx = clients.WithSafe(clients.WithRoute(ctx, "POST /api/graphql "+name))
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, c.graph, bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("Accept", "application/json")
	r.Header.Set("User-Agent", "callboard")
	resp, err := c.http.Do(r)
	if err != nil {
		return nil, failed(ctx, c.source, err)
	}
	defer drain(resp.Body)
	answer, err := io.ReadAll(resp.Body)
	if err != nil {
		return nil, failed(ctx, c.source, err)
	}
	return c.readAnswer(answer, into)
}

func (c *Client) readAnswer(text []byte, into any) (map[string]*clients.Error, error) {
	var answer struct {
		Data   json.RawMessage `json:"data"`
		Errors []graphError    `json:"errors"`
	}
	if err := json.Unmarshal(text, &answer); err != nil {
		return nil, bad(c.source, "its answer is not what it should be")
	}
	if len(answer.Errors) > maxErrors {
		answer.Errors = answer.Errors[:maxErrors]
	}
	empty := len(answer.Data) == 0 || string(answer.Data) == "null"
	if empty && len(answer.Errors) > 0 {
		return nil, answer.Errors[0].failure(c.source)
	}
	if empty || json.Unmarshal(answer.Data, into) != nil {
		return nil, bad(c.source, "its answer is not what it should be")
	}
	var below map[string]*clients.Error
	for _, e := range answer.Errors {
		if below == nil {
			below = map[string]*clients.Error{}
		}
		key := ""
		if len(e.Path) > 0 {
			key = e.Path[0]
		}
		if below[key] == nil {
			below[key] = e.failure(c.source)
		}
	}
	return below, nil
}

// single asks for one thing: an error below any of its fields is the error of it all, as a part of it would be taken for the whole.
func (c *Client) single(ctx context.Context, name, text string, variables map[string]any, into any) error {
	below, err := c.query(ctx, name, text, variables, into)
	if err != nil {
		return err
	}
	for _, key := range slices.Sorted(maps.Keys(below)) {
		return below[key]
	}
	return nil
}

// partial makes the error of a value that lacks what an error took.
func partial(e *clients.Error) *clients.Error {
	out := *e
	out.Kind, out.Err = clients.ErrPartial, e
	return &out
}

// moment is a time of an answer, zero where it is null or none that can be read.
type moment struct{ time.Time }

// UnmarshalJSON never fails: one odd date must not take an answer with it.
func (m *moment) UnmarshalJSON(text []byte) error {
	m.Time = time.Time{}
	if t, err := time.Parse(time.RFC3339, strings.Trim(string(text), `"`)); err == nil {
		m.Time = t
	}
	return nil
}

// number is an id or a count that GitLab writes as a string, or as a global id.
type number int64

// UnmarshalJSON never fails; what is no number is 0.
func (n *number) UnmarshalJSON(text []byte) error {
	word := strings.Trim(string(text), `"`)
	if i := strings.LastIndexByte(word, '/'); i >= 0 {
		word = word[i+1:]
	}
	value, _ := strconv.ParseInt(word, 10, 64)
	*n = number(value)
	return nil
}
