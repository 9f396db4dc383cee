package jenkins

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"regexp"
	"strconv"
	"strings"

	"callboard.dev/callboard/clients"
)

// Log is a window of the log of a build.
//
// Its offsets are Jenkins' own: bytes of the file that it keeps. That file also holds notes which are not shown, and ends its lines in another
// way than Jenkins sends them. Next is exact where the window goes to the end of what there is. Where it was cut off before, Next counts the bytes that
// are shown: it is never beyond what was told, but what came last may come again.
type Log struct {
	Start int64  // where the window begins; 0 where the log has become shorter than what was asked for
	Text  string // valid UTF-8; with the escape sequences that programs wrote
	Next  int64  // where the next window begins
	Size  int64  // how long the log is by now
	More  bool   // there is more, now or later: the window was cut off, or the build still runs
	Runs  bool   // the build still runs
}

// LogQuery asks for a window of the log of a build.
type LogQuery struct {
	Build BuildID
	Start int64 // an offset: 0, or Log.Next
	Most  int   // bytes of the text; 1 MiB is the most, and what 0 means
}

const maxLog = 1 << 20

// Log returns a window of the log of a build. It makes one request, and reads no more of its answer than it returns.
func (c *Client) Log(ctx context.Context, q LogQuery) (*Log, error) {
	if err := q.Build.check(); err != nil {
		return nil, err
	}
	if q.Most == 0 {
		q.Most = maxLog
	}
	if q.Start < 0 || q.Most < 0 || q.Most > maxLog {
		return nil, invalid("window of a log", strconv.FormatInt(q.Start, 10))
	}
	resp, size, err := c.openLog(ctx, q.Build, q.Start)
	if err != nil {
		return nil, err
	}
	out := &Log{Start: q.Start, Size: size, Runs: strings.EqualFold(resp.Header.Get("X-More-Data"), "true")}
	if size < q.Start {
		out.Start = 0
	}
	if size == q.Start { // nothing new, which is what is mostly answered to who follows a build
		defer drain(resp.Body)
	} else {
		defer resp.Body.Close() // the rest may be large
	}
	// Line ends come as two bytes each, so twice the bytes may be needed.
	text, err := io.ReadAll(io.LimitReader(resp.Body, 2*int64(q.Most)+1))
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, failed(ctx, c.source, err)
	}
	all := len(text) <= 2*q.Most
	text = bytes.ReplaceAll(text, []byte("\r\n"), []byte("\n"))
	hidden := len(remains.Find(text))
	if len(text) > q.Most {
		text, all = text[:q.Most], false
	}
	if all {
		out.Next = size
	} else {
		text = whole8(text)
		out.Next = out.Start + int64(len(text))
	}
	if out.Start > 0 {
		text = text[min(hidden, len(text)):]
	}
	out.Text = strings.ToValidUTF8(string(text), "\uFFFD")
	out.More = !all || out.Runs
	return out, nil
}

// remains matches the rest of a hidden note at the beginning of a window that begins in its middle: base64, after which the concealment ends.
var remains = regexp.MustCompile(`^(?:\[?8?m)?(?:h?a?:)?[A-Za-z0-9+/]{16,}={0,2}\x1b\[0m`)

// whole8 returns a text that was cut off without the character that was cut in two, so that the next window has it.
func whole8(text []byte) []byte {
	for i := 1; i < 4 && i < len(text); i++ {
		last := text[len(text)-i]
		if last < 0x80 {
			break
		}
		if last >= 0xc0 { // where a character begins
			if length := 2 + b2i(last >= 0xe0) + b2i(last >= 0xf0); length > i {
				return text[:len(text)-i]
			}
			break
		}
	}
	return text
}

func b2i(b bool) int {
	if b {
		return 1
	}
	return 0
}

// LogTail returns the end of the log of a build, at most so many bytes of it, from the beginning of a line where that is not far. It makes two
// requests, as Jenkins has to say how long the log is first, and one where the log is shorter than that. Jenkins reads all of the log into its memory
// to say so: who follows a build asks for its tail once, and goes on from Next.
func (c *Client) LogTail(ctx context.Context, id BuildID, most int) (*Log, error) {
	if most <= 0 || most > maxLog {
		return nil, invalid("window of a log", strconv.Itoa(most))
	}
	first, err := c.Log(ctx, LogQuery{Build: id, Most: most})
	if err != nil || first.Next == first.Size {
		return first, err
	}
	start := max(0, first.Size-int64(most))
	tail, err := c.Log(ctx, LogQuery{Build: id, Start: start})
	if err != nil {
		return nil, err
	}
	if tail.Start > 0 {
		const far = 4096 // bytes; longer lines are shown from their middle
		if end := strings.IndexByte(tail.Text[:min(len(tail.Text), far)], '\n'); end >= 0 {
			tail.Start, tail.Text = tail.Start+int64(end)+1, tail.Text[end+1:]
		}
	}
	return tail, nil
}

// openLog asks for the log from an offset on, and returns how long it is.
func (c *Client) openLog(ctx context.Context, id BuildID, start int64) (*http.Response, int64, error) {
	ctx = clients.WithStream(clients.WithRoute(ctx, "GET /job/{job}/{build}/logText/progressiveText"))
	resp, err := c.send(ctx, http.MethodGet, id.path()+"/logText/progressiveText?start="+strconv.FormatInt(start, 10), nil, "text/plain", nil)
	if err != nil {
		return nil, 0, err
	}
	if resp.StatusCode != http.StatusOK {
		defer drain(resp.Body)
		return nil, 0, refused(c.source, resp)
	}
	size, err := strconv.ParseInt(resp.Header.Get("X-Text-Size"), 10, 64)
	if err != nil || size < 0 {
		drain(resp.Body)
		return nil, 0, bad(c.source, "its answer is not what it should be: a log without its size")
	}
	return resp, size, nil
}
