package jenkins

import (
	"context"
	"io"
	"net/http"
	"net/url"
	"strings"
	"unicode"
	"unicode/utf8"

	"callboard.dev/callboard/clients"
)

// MaxArtifact is how much of an artifact is read, in bytes. Settings.MaxStream of package clients may be less.
const MaxArtifact = 256 << 20

// Elsewhere is the error of what Jenkins keeps at another host, such as artifacts in a bucket: with the credential of Jenkins it must not be
// asked for. clients.Source.Elsewhere can get it. Its text has the host alone, as such addresses are secrets for as long as they hold.
type Elsewhere struct {
	Address *url.URL
	source  string
}

func (e *Elsewhere) Error() string { return e.source + ": it keeps this at " + plain(e.Address.Host) }

// Unwrap says what it is to who does not go there.
func (e *Elsewhere) Unwrap() error { return clients.ErrBadAnswer }

// File is an artifact. Body must be closed.
type File struct {
	Body io.ReadCloser // fails with an error of kind clients.ErrBadAnswer after MaxArtifact bytes
	Size int64         // in bytes; -1 where unknown
	Type string        // as Jenkins says it, from the file's name; not to be believed
}

// Artifact opens an artifact of a build by its path. It makes one request. The body is handed on as it comes. Where Jenkins says that it is at another
// address, a client that is Fetching gets it from there with one request more; that of another fails with an *Elsewhere.
func (c *Client) Artifact(ctx context.Context, id BuildID, path string) (*File, error) {
	if err := id.check(); err != nil {
		return nil, err
	}
	if err := checkArtifact(path); err != nil {
		return nil, err
	}
	parts := strings.Split(path, "/")
	for i, part := range parts {
		parts[i] = url.PathEscape(part)
	}
	address := id.path() + "/artifact/" + strings.Join(parts, "/")
	if len(address) > maxAsked {
		return nil, invalid("path of an artifact", path)
	}
	ctx = clients.WithStream(clients.WithRoute(ctx, "GET /job/{job}/{build}/artifact/{path}"))
	resp, err := c.send(ctx, http.MethodGet, address, nil, "*/*", nil)
	if err != nil {
		return nil, err
	}
	if resp.StatusCode != http.StatusOK {
		defer drain(resp.Body)
		to := c.elsewhere(resp)
		if to == nil {
			return nil, refused(c.source, resp)
		}
		if c.fetch == nil {
			return nil, &Elsewhere{Address: to, source: c.source}
		}
		if resp, err = c.fetched(ctx, to); err != nil {
			return nil, err
		}
	}
	if resp.ContentLength > MaxArtifact {
		resp.Body.Close()
		return nil, bad(c.source, "the artifact is too large")
	}
	return &File{Body: &bounded{ReadCloser: resp.Body, left: MaxArtifact + 1, source: c.source, ctx: ctx}, Size: resp.ContentLength, Type: line(resp.Header.Get("Content-Type"))}, nil
}

// fetched gets what Jenkins keeps at another host. Its errors name the host alone.
func (c *Client) fetched(ctx context.Context, to *url.URL) (*http.Response, error) {
	resp, err := c.fetch(ctx, to)
	if err != nil {
		return nil, failed(ctx, c.source, err)
	}
	if resp.StatusCode != http.StatusOK {
		drain(resp.Body)
		e := refused(c.source, resp)
		e.Message = plain(to.Host) + ", where it keeps this, does not hand it out"
		return nil, e
	}
	return resp, nil
}

// elsewhere returns where a redirect to another host leads, nil for other answers.
func (c *Client) elsewhere(resp *http.Response) *url.URL {
	if resp.StatusCode < 300 || resp.StatusCode > 399 || len(resp.Header.Get("Location")) > 16<<10 {
		return nil
	}
	to, err := resp.Location()
	if err != nil || to.Host == "" || strings.EqualFold(to.Host, c.asked.Host) || to.Scheme != "https" && to.Scheme != "http" {
		return nil
	}
	return to
}

func checkArtifact(path string) error {
	const most = 4096
	ok := path != "" && len(path) <= most && utf8.ValidString(path) && !strings.ContainsFunc(path, unicode.IsControl) && !strings.Contains(path, `\`)
	for part := range strings.SplitSeq(path, "/") {
		ok = ok && part != "" && part != "." && part != ".."
	}
	if !ok {
		return invalid("path of an artifact", path)
	}
	return nil
}
