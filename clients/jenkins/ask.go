package jenkins

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"mime"
	"net/http"
	"net/url"
	"strings"
	"time"

	"callboard.dev/callboard/clients"
)

// Bounds of answers, in bytes, by judgement.
const (
	maxAnswer = 16 << 20 // 1,000 jobs with their last builds are a megabyte
	maxAsked  = 7 << 10  // of an address: Jenkins' own server takes 8 KiB of a request's first line and headers
)

// read asks for the JSON at path below the address of Jenkins, which is escaped already, and decodes it. route is path for telemetry.
func (c *Client) read(ctx context.Context, route, path, tree string, into any) error {
	return c.readWith(ctx, route, path, tree, into, nil)
}

// readWith is read, and shows the answer to look before its body is read.
func (c *Client) readWith(ctx context.Context, route, path, tree string, into any, look func(*http.Response)) error {
	if tree != "" {
		path += "?tree=" + escapeTree(tree)
	}
	if len(path) > maxAsked {
		return invalid("a question that is too long for Jenkins", path)
	}
	resp, err := c.send(clients.WithRoute(ctx, "GET "+route), http.MethodGet, path, nil, "application/json", nil)
	if err != nil {
		return err
	}
	defer drain(resp.Body)
	if resp.StatusCode != http.StatusOK {
		return refused(c.source, resp)
	}
	if kind, _, _ := mime.ParseMediaType(resp.Header.Get("Content-Type")); kind == "text/html" {
		return bad(c.source, "it answers with a web page; check the address and the credential that are configured")
	}
	if look != nil {
		look(resp)
	}
	text, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer+1))
	switch {
	case err != nil:
		return failed(ctx, c.source, err)
	case len(text) > maxAnswer:
		e := bad(c.source, "its answer is too large")
		e.Err = clients.ErrTooLarge
		return e
	}
	if err := json.Unmarshal(text, into); err != nil {
		return bad(c.source, "its answer is not what it should be")
	}
	return nil
}

// send makes one request. Its errors are those of exchanges that ended without an answer.
func (c *Client) send(ctx context.Context, method, path string, form url.Values, accept string, header http.Header) (*http.Response, error) {
	var body io.Reader
	if form != nil {
		body = strings.NewReader(form.Encode())
	}
	r, err := http.NewRequestWithContext(ctx, method, c.asked.String()+"/"+path, body)
	if err != nil {
		return nil, invalid("path", path)
	}
	for name, values := range header {
		r.Header[name] = values
	}
	r.Header.Set("Accept", accept)
	if form != nil {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	resp, err := c.http.Do(r)
	if err != nil {
		return nil, failed(ctx, c.source, err)
	}
	return resp, nil
}

// escapeTree escapes a tree for a query. Commas and colons stay as they are, as most of a tree is commas.
func escapeTree(tree string) string {
	return strings.NewReplacer("%2C", ",", "%3A", ":", "%2A", "*").Replace(url.QueryEscape(tree))
}

// drain reads what is left of a body that nobody wants, as far as that costs less than a new connection.
func drain(body io.ReadCloser) {
	const cheap = 64 << 10
	_, _ = io.CopyN(io.Discard, body, cheap)
	_ = body.Close()
}

// bounded is a body that fails beyond a limit, with the errors of package clients.
type bounded struct {
	io.ReadCloser
	left   int64
	source string
	ctx    context.Context
}

func (b *bounded) Read(p []byte) (int, error) {
	if int64(len(p)) > b.left {
		p = p[:b.left]
	}
	n, err := b.ReadCloser.Read(p)
	if b.left -= int64(n); b.left <= 0 {
		return n, bad(b.source, "its answer is too large")
	}
	if err != nil && !errors.Is(err, io.EOF) {
		err = failed(b.ctx, b.source, err)
	}
	return n, err
}

// loose decodes a part of an answer whose shape depends on who made it, a plugin or a user. What is of another type than expected is as if it
// were not there.
func loose[T any](text []byte) (out T) {
	if err := json.Unmarshal(text, &out); err != nil {
		var other *json.UnmarshalTypeError
		if !errors.As(err, &other) {
			var none T
			return none
		}
	}
	return out
}

// at returns a time that an answer has in milliseconds since 1970, zero for what is no time of a build.
func at(milliseconds int64) time.Time {
	const end = 253402300799_000 // the end of the year 9999: what is later has no RFC 3339 text
	if milliseconds <= 0 || milliseconds > end {
		return time.Time{}
	}
	return time.UnixMilli(milliseconds).UTC()
}

// span returns a duration that an answer has in milliseconds; Jenkins says -1 for what it does not know.
func span(milliseconds int64) time.Duration {
	const longest = int64(10*365*24*time.Hour) / int64(time.Millisecond)
	return time.Duration(min(max(milliseconds, 0), longest)) * time.Millisecond
}
