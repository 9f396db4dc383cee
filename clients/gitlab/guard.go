package gitlab

import (
	"context"
	"errors"
	"io"
	"mime"
	"net/http"
	"strings"

	"callboard.dev/callboard/clients"
)

// maxAnswer bounds an answer in bytes: a page of 100 merge requests with long descriptions is a tenth of it.
const maxAnswer = 16 << 20

// guard stands between GitLab's client and what it is given to ask with: refusals become errors of package clients, whether the transport has
// made them so or not, and answers are bounded.
//
// It also keeps idle connections alive: GitLab's client closes those of its transport after every failure, and a file that is not there is one.
type guard struct {
	source string
	next   http.RoundTripper // http.DefaultTransport where nil
}

func (g *guard) RoundTrip(r *http.Request) (*http.Response, error) {
	next := g.next
	if next == nil {
		next = http.DefaultTransport
	}
	resp, err := next.RoundTrip(r)
	if err != nil {
		return nil, failed(r.Context(), g.source, err)
	}
	stream, most := streamOf(r.Context()), int64(maxAnswer)
	switch s := resp.StatusCode; {
	case s == http.StatusMovedPermanently, s == http.StatusFound, s == http.StatusSeeOther, s == http.StatusTemporaryRedirect, s == http.StatusPermanentRedirect:
		return resp, nil // http.Client follows, as far as whoever made it lets it
	case s == http.StatusOK, s == http.StatusCreated:
	case stream != nil && (s == http.StatusPartialContent || s == http.StatusRequestedRangeNotSatisfiable):
	default:
		defer drain(resp.Body)
		return nil, refused(g.source, resp)
	}
	if stream != nil {
		most = stream.most
	} else if kind, _, _ := mime.ParseMediaType(resp.Header.Get("Content-Type")); kind == "text/html" && !strings.HasSuffix(r.URL.Path, "/raw") {
		drain(resp.Body)
		return nil, bad(g.source, "it answers with a web page; check the address that is configured")
	}
	resp.Body = &bounded{ReadCloser: resp.Body, left: most + 1, source: g.source, ctx: r.Context()}
	return resp, nil
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

// rested turns what a call of GitLab's client failed with into an error of package clients.
func (c *Client) rested(ctx context.Context, err error) error {
	if err == nil {
		return nil
	}
	if e := clients.Of(err); e != nil {
		return e
	}
	if ctx.Err() != nil {
		return failed(ctx, c.source, err)
	}
	return bad(c.source, "its answer is not what it should be")
}
