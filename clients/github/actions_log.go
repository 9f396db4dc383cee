package github

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"callboard.dev/callboard/clients"
)

// Fetch gets what lies at an address of another host that GitHub named, without a credential. It is clients.Source.Elsewhere.
type Fetch func(ctx context.Context, address *url.URL) (*http.Response, error)

// Fetching returns a client that gets with fetch what GitHub keeps on other hosts: logs and artifacts. A client without one knows only those that a
// GitHub Enterprise Server keeps itself.
func (c *Client) Fetching(fetch Fetch) *Client {
	out := *c
	out.fetch = fetch
	return &out
}

// The bounds of logs and artifacts.
const (
	MaxLogWindow = 4 << 20   // bytes of a log that are kept at once, by judgement: nobody reads more on one page
	maxStream    = 256 << 20 // bytes that are read in all, as clients.DefaultMaxStream

	usualLogWindow = 64 << 10
)

// Window says which part of a log is wanted. Its zero value is the first 64 KiB.
type Window struct {
	From int64 // the byte to begin at; from the end where negative, so that -1000 is the last 1,000
	Most int   // bytes, at most MaxLogWindow; 64 KiB where 0
}

// Log is a part of a log. Its text is as the job wrote it, with a time before each line: it may hold control characters, be cut within a character,
// and is not to be believed.
type Log struct {
	Text []byte
	From int64 // the byte of the log that Text begins at
	Size int64 // of the whole log; -1 where it was not read to its end and GitHub does not say
	End  bool  // Text reaches the end
}

// JobLog returns a part of the log of a job. It wraps clients.ErrNotFound until the job is completed, and once its log is deleted. One request to the
// REST interface, and one to where it leads. The log is read up to the end of the window: for one from the end, all of it, up to 256 MiB.
func (c *Client) JobLog(ctx context.Context, slug Slug, job int, w Window) (*Log, error) {
	if w.Most == 0 {
		w.Most = usualLogWindow
		if w.From < 0 {
			w.Most = int(min(-w.From, MaxLogWindow))
		}
	}
	if w.Most < 0 || w.Most > MaxLogWindow || w.From < -MaxLogWindow || w.From > maxStream {
		return nil, invalid("window of a log", "at most 4 MiB")
	}
	body, size, err := c.open(ctx, slug, "job", job, "GET /repos/{owner}/{name}/actions/jobs/{id}/logs", []string{"actions", "jobs", strconv.Itoa(job), "logs"}, maxStream)
	if err != nil {
		return nil, err
	}
	defer body.Close()
	log, err := w.of(body)
	if err != nil {
		return nil, c.failedStream(ctx, err)
	}
	if log.Size < 0 && size >= 0 {
		log.Size = max(size, log.From+int64(len(log.Text)))
	}
	return log, nil
}

// JobLogStream returns the log of a job as it comes, and its size in bytes, -1 where that is not known. It must be closed. As JobLog; what is longer
// than 256 MiB ends with an error.
func (c *Client) JobLogStream(ctx context.Context, slug Slug, job int) (io.ReadCloser, int64, error) {
	return c.open(ctx, slug, "job", job, "GET /repos/{owner}/{name}/actions/jobs/{id}/logs", []string{"actions", "jobs", strconv.Itoa(job), "logs"}, maxStream)
}

// of reads the window of a log.
func (w Window) of(r io.Reader) (*Log, error) {
	if w.From < 0 {
		return w.fromEnd(r)
	}
	skipped, err := io.CopyN(io.Discard, r, w.From)
	if errors.Is(err, io.EOF) {
		return &Log{From: skipped, Size: skipped, End: true}, nil
	}
	if err != nil {
		return nil, err
	}
	text, err := io.ReadAll(io.LimitReader(r, int64(w.Most)+1))
	if err != nil {
		return nil, err
	}
	if len(text) > w.Most {
		return &Log{Text: text[:w.Most], From: w.From, Size: -1}, nil
	}
	return &Log{Text: text, From: w.From, Size: w.From + int64(len(text)), End: true}, nil
}

// fromEnd reads all and keeps the last bytes.
func (w Window) fromEnd(r io.Reader) (*Log, error) {
	keep := int(-w.From)
	var (
		kept []byte
		size int64
		part = make([]byte, 32<<10)
	)
	for {
		n, err := r.Read(part)
		size += int64(n)
		kept = append(kept, part[:n]...)
		if len(kept) > 2*keep+len(part) { // so that each byte is moved once
			kept = append(kept[:0], kept[len(kept)-keep:]...)
		}
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, err
		}
	}
	kept = kept[max(0, len(kept)-keep):]
	log := &Log{From: size - int64(len(kept)), Size: size, Text: kept, End: true}
	if len(kept) > w.Most {
		log.Text, log.End = kept[:w.Most], false
	}
	return log, nil
}

// open asks for something that GitHub may keep on another host, and returns its bytes, of which there may be no more than most.
func (c *Client) open(ctx context.Context, slug Slug, what string, id int, route string, below []string, most int64) (io.ReadCloser, int64, error) {
	if err := slug.check(); err != nil {
		return nil, 0, err
	}
	if err := checkID(what, id); err != nil {
		return nil, 0, err
	}
	r, err := c.request(clients.WithStream(ctx), http.MethodGet, call{route: route, path: append([]string{"repos", slug.Owner, slug.Name}, below...)}, nil)
	if err != nil {
		return nil, 0, err
	}
	resp, err := c.staying().Do(r)
	if err != nil {
		return nil, 0, c.failed(ctx, err)
	}
	if resp.StatusCode >= 300 && resp.StatusCode < 400 {
		to, err := resp.Location()
		resp.Body.Close()
		if err != nil {
			return nil, 0, bad(c.source, "it points to where nothing can be")
		}
		if c.fetch == nil {
			return nil, 0, &clients.Error{Kind: clients.ErrUnavailable, Source: c.source, Message: "it keeps this on another host, which is not asked"}
		}
		// Nothing of the address may be in an error: it is a secret.
		if resp, err = c.fetch(clients.WithRoute(ctx, route), to); err != nil {
			return nil, 0, c.failed(ctx, err)
		}
	}
	if resp.StatusCode != http.StatusOK {
		defer resp.Body.Close()
		return nil, 0, refused(c.source, resp)
	}
	if resp.ContentLength > most {
		resp.Body.Close()
		return nil, 0, c.tooMuch(most)
	}
	return &stream{ReadCloser: resp.Body, left: most, tooMuch: c.tooMuch(most)}, resp.ContentLength, nil
}

// staying returns an HTTP client that follows redirects on GitHub's own host alone: what sends the requests may add the credential to each.
func (c *Client) staying() *http.Client {
	out := *c.http
	check := out.CheckRedirect
	out.CheckRedirect = func(r *http.Request, via []*http.Request) error {
		const longest = 5 // as clients
		if r.URL.Host != c.rest.Host || r.URL.Scheme != c.rest.Scheme {
			return http.ErrUseLastResponse
		}
		if len(via) > longest {
			return bad(c.source, "its answers lead from one address to the next without end")
		}
		if check != nil {
			return check(r, via)
		}
		return nil
	}
	return &out
}

func (c *Client) tooMuch(most int64) error {
	return bad(c.source, fmt.Sprintf("this is larger than %d bytes, the most that is read", most))
}

// failedStream makes the error of a stream that ended early.
func (c *Client) failedStream(ctx context.Context, err error) error {
	if clients.Of(err) != nil || ctx.Err() != nil {
		return c.failed(ctx, err)
	}
	return bad(c.source, "its answer was cut off; try again later")
}

// stream ends with an error where more comes than is read.
type stream struct {
	io.ReadCloser
	left    int64
	tooMuch error
}

func (s *stream) Read(p []byte) (int, error) {
	if s.left < 0 {
		return 0, s.tooMuch
	}
	if int64(len(p)) > s.left+1 {
		p = p[:s.left+1]
	}
	n, err := s.ReadCloser.Read(p)
	if s.left -= int64(n); s.left < 0 {
		return n - 1, s.tooMuch
	}
	return n, err
}

// Artifact is a file that a run left, as a ZIP archive.
type Artifact struct {
	DatabaseID           int
	Name                 string
	Size                 int64  // bytes of the archive
	Digest               string // such as "sha256:" and hexadecimal digits; "" where it is not told
	Expired              bool   // its bytes are deleted
	Run                  int    // id of the run; 0 where it is not told
	CreatedAt, UpdatedAt time.Time
	ExpiresAt            time.Time
}

// ArtifactPage is a page of artifacts.
type ArtifactPage struct {
	Artifacts []*Artifact
	Total     int // in all pages
	HasNext   bool
}

type restArtifact struct {
	ID        int    `json:"id"`
	Name      string `json:"name"`
	Size      int64  `json:"size_in_bytes"`
	Digest    string `json:"digest"`
	Expired   bool   `json:"expired"`
	CreatedAt moment `json:"created_at"`
	UpdatedAt moment `json:"updated_at"`
	ExpiresAt moment `json:"expires_at"`
	Run       *struct {
		ID int `json:"id"`
	} `json:"workflow_run"`
}

func (w *restArtifact) value() *Artifact {
	out := &Artifact{DatabaseID: max(w.ID, 0), Name: cut(w.Name, maxLine), Size: max(w.Size, 0), Digest: cut(w.Digest, maxName), Expired: w.Expired, CreatedAt: w.CreatedAt.Time, UpdatedAt: w.UpdatedAt.Time, ExpiresAt: w.ExpiresAt.Time}
	if w.Run != nil {
		out.Run = max(w.Run.ID, 0)
	}
	return out
}

// Artifacts returns a page of the artifacts of a run, those of all its attempts. One request to the REST interface.
func (c *Client) Artifacts(ctx context.Context, slug Slug, run int, page RESTPage) (*ArtifactPage, error) {
	query := url.Values{}
	if err := page.into(query); err != nil {
		return nil, err
	}
	if err := checkID("run", run); err != nil {
		return nil, err
	}
	var answer struct {
		Total     int             `json:"total_count"`
		Artifacts []*restArtifact `json:"artifacts"`
	}
	next, err := c.list(ctx, slug, "GET /repos/{owner}/{name}/actions/runs/{id}/artifacts", []string{"actions", "runs", strconv.Itoa(run), "artifacts"}, query, &answer)
	if err != nil {
		return nil, err
	}
	return &ArtifactPage{Artifacts: convert(answer.Artifacts, (*restArtifact).value), Total: max(answer.Total, 0), HasNext: next}, nil
}

// ArtifactStream returns the ZIP archive of an artifact as it comes, and its size in bytes, -1 where that is not known. It must be closed. What is
// larger than most bytes, at most 256 MiB, is refused or ends with an error. It wraps clients.ErrNotFound where the artifact has expired. One request to
// the REST interface, and one to where it leads.
func (c *Client) ArtifactStream(ctx context.Context, slug Slug, artifact int, most int64) (io.ReadCloser, int64, error) {
	if most < 1 || most > maxStream {
		return nil, 0, invalid("bound of an artifact", strconv.FormatInt(most, 10))
	}
	return c.open(ctx, slug, "artifact", artifact, "GET /repos/{owner}/{name}/actions/artifacts/{id}/zip", []string{"actions", "artifacts", strconv.Itoa(artifact), "zip"}, most)
}
