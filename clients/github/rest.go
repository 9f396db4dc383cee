package github

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"callboard.dev/callboard/clients"
)

// call is one GET of the REST interface.
type call struct {
	route   string     // with names in the place of values
	path    []string   // segments, as they are: they are escaped
	query   url.Values // may be nil
	accept  string     // JSON where empty
	most    int64      // bytes of the answer
	longest int        // elements of a list of an answer in JSON; maxElements where 0
	// beginning says that of a larger answer the first bytes will do.
	beginning bool
}

// reply is an answer of the REST interface.
type reply struct {
	body []byte
	next url.Values // what asks for the page after this one; nil where there is none
}

// apiVersion is the version of the REST interface that this package reads. GitHub keeps each for at least two years.
const apiVersion = "2022-11-28"

// get asks the REST interface. Errors are of the kinds of package clients.
func (c *Client) get(ctx context.Context, q call) (*reply, error) {
	r, err := c.request(ctx, http.MethodGet, q, nil)
	if err != nil {
		return nil, err
	}
	resp, err := c.http.Do(r)
	if err != nil {
		return nil, c.failed(ctx, err)
	}
	defer resp.Body.Close()
	if resp.StatusCode == http.StatusNoContent {
		return &reply{}, nil
	}
	if resp.StatusCode != http.StatusOK {
		return nil, refused(c.source, resp)
	}
	body, err := io.ReadAll(io.LimitReader(resp.Body, q.most+1))
	if err == nil && q.beginning {
		body = body[:min(int64(len(body)), q.most)]
	}
	switch {
	case err != nil && (clients.Of(err) != nil || ctx.Err() != nil):
		return nil, c.failed(ctx, err)
	case err != nil:
		return nil, bad(c.source, "its answer was cut off; try again later")
	case int64(len(body)) > q.most:
		return nil, bad(c.source, fmt.Sprintf("its answer is larger than %d bytes", q.most))
	}
	if accept := r.Header.Get("Accept"); strings.HasSuffix(accept, "+json") && !strings.Contains(accept, ".raw") {
		longest := q.longest
		if longest == 0 {
			longest = maxElements
		}
		if !json.Valid(body) {
			return nil, bad(c.source, "its answer is no JSON; check the address that is configured")
		}
		if !within(body, longest, maxObjects) {
			return nil, bad(c.source, "its answer holds more than was asked for")
		}
	}
	return &reply{body: body, next: next(resp.Header)}, nil
}

// read decodes an answer.
func (c *Client) read(a *reply, into any) error {
	if json.Unmarshal(a.body, into) != nil {
		return bad(c.source, "its answer is not what its documentation says")
	}
	return nil
}

// next reads which page comes after an answer from its Link header (RFC 8288). Of the address there only the page is taken: where to ask is not for
// an answer to say.
func next(h http.Header) url.Values {
	for _, link := range strings.Split(cut(strings.Join(h.Values("Link"), ","), maxLine), ",") {
		target, parameters, ok := strings.Cut(link, ";")
		if !ok || !strings.Contains(parameters, `rel="next"`) {
			continue
		}
		u, err := url.Parse(strings.Trim(target, " <>"))
		if err != nil {
			continue
		}
		out := url.Values{}
		for _, name := range []string{"page", "per_page"} {
			if n, err := strconv.ParseUint(u.Query().Get(name), 10, 31); err == nil {
				out.Set(name, strconv.FormatUint(n, 10))
			}
		}
		if out.Has("page") {
			return out
		}
	}
	return nil
}
