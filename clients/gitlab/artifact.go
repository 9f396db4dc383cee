package gitlab

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"path"
	"strings"
)

// MaxArtifact bounds an artifact that is handed on, in bytes; what reads it bounds it further by what it can use.
const MaxArtifact = 256 << 20

// ArtifactBody is an artifact as it comes: bytes as the job has left them, of which nothing was looked at and nothing unpacked.
type ArtifactBody struct {
	// Body fails with an error of package clients, of kind clients.ErrBadAnswer beyond MaxArtifact. Close it. It is nil where Elsewhere is not.
	Body io.ReadCloser
	Size int64  // in bytes; -1 where GitLab does not tell
	Name string // of the file, without folders; "" where GitLab does not tell

	// Elsewhere is where the artifact is instead: on a store of another host, where the credential must not go. Source.Elsewhere of package clients fetches
	// it. The address is a secret: it lets whoever has it in.
	Elsewhere *url.URL
}

// Artifacts returns the archive of what a job has left behind, a ZIP. It makes one request to the REST interface. A job without one is an error of kind
// clients.ErrNotFound.
func (c *Client) Artifacts(ctx context.Context, n JobNumber) (*ArtifactBody, error) {
	if err := n.check(); err != nil {
		return nil, err
	}
	return c.artifact(ctx, n, "", "GET /api/v4/projects/{id}/jobs/{job}/artifacts")
}

// ArtifactFile returns one file of the archive of what a job has left behind, which GitLab unpacks. It makes one request to the REST interface. A job
// without an archive, or one without the file, is an error of kind clients.ErrNotFound.
func (c *Client) ArtifactFile(ctx context.Context, n JobNumber, file string) (*ArtifactBody, error) {
	if err := n.check(); err != nil {
		return nil, err
	}
	clean, err := checkFilePath(file)
	if err != nil {
		return nil, err
	}
	var escaped strings.Builder
	for part := range strings.SplitSeq(clean, "/") {
		escaped.WriteString("/" + url.PathEscape(part))
	}
	return c.artifact(ctx, n, escaped.String(), "GET /api/v4/projects/{id}/jobs/{job}/artifacts/{path}")
}

func (c *Client) artifact(ctx context.Context, n JobNumber, file, route string) (*ArtifactBody, error) {
	resp, err := c.open(ctx, n.Project, fmt.Sprintf("/jobs/%d/artifacts", n.ID)+file, route, "", MaxArtifact)
	if err != nil {
		return nil, err
	}
	switch resp.StatusCode {
	case http.StatusOK:
		return &ArtifactBody{Body: resp.Body, Size: resp.ContentLength, Name: fileName(resp.Header, file)}, nil
	case http.StatusFound, http.StatusTemporaryRedirect, http.StatusSeeOther:
		drain(resp.Body)
		if at, err := resp.Location(); err == nil && at.Host != "" {
			return &ArtifactBody{Size: -1, Elsewhere: at}, nil
		}
		return nil, bad(c.source, "it names no address where the artifact is")
	}
	defer drain(resp.Body)
	return nil, refused(c.source, resp)
}

// fileName returns the name of a file that is sent, without folders.
func fileName(h http.Header, asked string) string {
	name := disposition(h.Get("Content-Disposition"))
	if name == "" && asked != "" {
		name, _ = url.PathUnescape(path.Base(asked))
	}
	name = plain(strings.ReplaceAll(name, `\`, "/"))
	if name = path.Base(name); name == "." || name == ".." || name == "/" {
		return ""
	}
	return name
}
