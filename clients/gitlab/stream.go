package gitlab

import (
	"context"
	"net/http"
	"net/url"

	"callboard.dev/callboard/clients"
)

// stream says that an answer is read as it comes and may be no JSON: a trace, or an artifact.
type stream struct{ most int64 } // bytes of it; more is an error

type streamKey struct{}

func streamOf(ctx context.Context) *stream {
	s, _ := ctx.Value(streamKey{}).(*stream)
	return s
}

// open asks REST for a file below the address of a project, as far as the span of bytes says, all of it where that is empty. Its caller closes the body.
func (c *Client) open(ctx context.Context, project, path, route, span string, most int64) (*http.Response, error) {
	ctx = clients.WithStream(clients.WithRoute(context.WithValue(ctx, streamKey{}, &stream{most}), route))
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, c.root.String()+"/api/v4/projects/"+url.PathEscape(project)+path, nil)
	if err != nil {
		return nil, err
	}
	r.Header.Set("User-Agent", "callboard")
	if span != "" {
		r.Header.Set("Range", span)
	}
	resp, err := c.http.Do(r)
	if err != nil {
		return nil, failed(ctx, c.source, err)
	}
	return resp, nil
}
