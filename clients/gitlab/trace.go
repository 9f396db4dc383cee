package gitlab

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
)

// Trace is a window on what a job has written. It is bytes as they were written: with the escape sequences of terminals and GitLab's marks of sections,
// and cut where the window ends, also within a character.
type Trace struct {
	From int64 // where Data begins, in bytes from the beginning of the trace
	Data []byte
	Size int64 // of the whole trace by now, in bytes; -1 where GitLab does not tell
	More bool  // there is more after Data by now; that of a job that runs may grow
}

// Next is where the window after this one begins.
func (t *Trace) Next() int64 { return t.From + int64(len(t.Data)) }

// The bounds of traces, in bytes. Where GitLab answers with all of a trace whatever part of it is asked for, what lies before a window has to be read: up to
// maxTrace. GitLab's own limit on a trace is 100 MiB ("Maximum file size of a job log" of "GitLab application limits").
const (
	MaxTrace   = 4 << 20 // of one window
	usualTrace = 64 << 10
	maxTrace   = 128 << 20
)

const traceRoute = "GET /api/v4/projects/{id}/jobs/{job}/trace"

// Trace returns up to most bytes of what a job has written, from a place on; 64 KiB where most is 0, and never more than MaxTrace. A window that begins at
// the end of a trace, or after it, is empty. It makes one request to the REST interface, and asks for this window alone: where GitLab answers with the
// whole trace, what lies after the window is not read.
func (c *Client) Trace(ctx context.Context, n JobNumber, from int64, most int) (*Trace, error) {
	most, err := c.window(n, most)
	if err != nil {
		return nil, err
	}
	if from < 0 || from > maxTrace {
		return nil, invalid("place in a trace", strconv.FormatInt(from, 10))
	}
	resp, err := c.open(ctx, n.Project, fmt.Sprintf("/jobs/%d/trace", n.ID), traceRoute, fmt.Sprintf("bytes=%d-%d", from, from+int64(most)-1), maxTrace+MaxTrace)
	if err != nil {
		return nil, err
	}
	defer drain(resp.Body)
	out := &Trace{From: from, Size: -1}
	switch resp.StatusCode {
	case http.StatusRequestedRangeNotSatisfiable:
		if _, size, ok := contentRange(resp.Header); ok {
			out.Size = size
		}
		return out, nil
	case http.StatusPartialContent:
		begin, size, ok := contentRange(resp.Header)
		if !ok || begin != from {
			return nil, bad(c.source, "it answers with another part of the trace than was asked for")
		}
		out.Size = size
	case http.StatusOK:
		out.Size = resp.ContentLength // -1 where it is not said
		if skipped, err := io.CopyN(io.Discard, resp.Body, from); errors.Is(err, io.EOF) {
			out.Size = skipped
			return out, nil
		} else if err != nil {
			return nil, failed(ctx, c.source, err)
		}
	default:
		return nil, refused(c.source, resp) // a redirect that is not followed
	}
	// One byte more tells whether there is any where nothing else does.
	data, err := io.ReadAll(io.LimitReader(resp.Body, int64(most)+1))
	if err != nil {
		return nil, failed(ctx, c.source, err)
	}
	out.Data, out.More = data[:min(len(data), most)], len(data) > most
	switch {
	case out.Size >= 0:
		out.Size = max(out.Size, out.Next())
		out.More = out.More || out.Size > out.Next()
	case !out.More && resp.StatusCode == http.StatusOK:
		out.Size = out.Next()
	}
	return out, nil
}

// TraceTail returns the last bytes of what a job has written, up to most; 64 KiB where most is 0, and never more than MaxTrace. It makes one request to the
// REST interface, and asks for the end alone; where GitLab answers with the whole trace, one of more than 128 MiB is an error of kind
// clients.ErrBadAnswer.
func (c *Client) TraceTail(ctx context.Context, n JobNumber, most int) (*Trace, error) {
	most, err := c.window(n, most)
	if err != nil {
		return nil, err
	}
	resp, err := c.open(ctx, n.Project, fmt.Sprintf("/jobs/%d/trace", n.ID), traceRoute, fmt.Sprintf("bytes=-%d", most), maxTrace)
	if err != nil {
		return nil, err
	}
	defer drain(resp.Body)
	switch resp.StatusCode {
	case http.StatusRequestedRangeNotSatisfiable: // there is nothing
		return &Trace{}, nil
	case http.StatusPartialContent:
		begin, size, ok := contentRange(resp.Header)
		if !ok || begin > maxTrace {
			return nil, bad(c.source, "it answers with another part of the trace than was asked for")
		}
		data, err := io.ReadAll(io.LimitReader(resp.Body, int64(most)))
		if err != nil {
			return nil, failed(ctx, c.source, err)
		}
		out := &Trace{From: begin, Data: data, Size: size}
		if size >= 0 {
			out.Size = max(size, out.Next())
			out.More = out.Size > out.Next()
		}
		return out, nil
	case http.StatusOK:
		last := tail{most: most}
		if _, err := io.Copy(&last, resp.Body); err != nil {
			return nil, failed(ctx, c.source, err)
		}
		data := last.bytes()
		return &Trace{From: last.size - int64(len(data)), Data: data, Size: last.size}, nil
	}
	return nil, refused(c.source, resp)
}

// window returns the size of a window on a trace.
func (c *Client) window(n JobNumber, most int) (int, error) {
	if err := n.check(); err != nil {
		return 0, err
	}
	if most < 0 {
		return 0, invalid("size of a window", strconv.Itoa(most))
	}
	if most == 0 {
		most = usualTrace
	}
	return min(most, MaxTrace), nil
}

// contentRange reads where a part of a file begins, and how large the file is, -1 where that is not said.
func contentRange(h http.Header) (begin, size int64, ok bool) {
	span, ok := strings.CutPrefix(h.Get("Content-Range"), "bytes ")
	if !ok {
		return 0, 0, false
	}
	part, whole, ok := strings.Cut(span, "/")
	if !ok {
		return 0, 0, false
	}
	size = -1
	if whole != "*" {
		var err error
		if size, err = strconv.ParseInt(whole, 10, 64); err != nil || size < 0 {
			return 0, 0, false
		}
	}
	if part == "*" {
		return 0, size, true
	}
	first, last, ok := strings.Cut(part, "-")
	begin, err := strconv.ParseInt(first, 10, 64)
	if err != nil || begin < 0 || !ok {
		return 0, 0, false
	}
	if end, err := strconv.ParseInt(last, 10, 64); err != nil || end < begin {
		return 0, 0, false
	}
	return begin, size, true
}

// tail keeps the last bytes that are written to it, in no more than twice their room.
type tail struct {
	most int
	size int64 // of all
	kept []byte
}

func (t *tail) Write(p []byte) (int, error) {
	t.size += int64(len(p))
	t.kept = append(t.kept, p[max(0, len(p)-t.most):]...)
	if len(t.kept) > 2*t.most {
		t.kept = append(t.kept[:0], t.kept[len(t.kept)-t.most:]...)
	}
	return len(p), nil
}

func (t *tail) bytes() []byte { return t.kept[max(0, len(t.kept)-t.most):] }
