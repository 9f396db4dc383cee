package logtext

import (
	"bytes"
	"errors"
	"fmt"
	"io"
)

// DefaultTail is how many bytes of a stream's end Tail looks at that is told nothing else: some thousand lines.
const DefaultTail = 1 << 20

// maxIdle is how often in a row a reader may read nothing.
const maxIdle = 100

// Tail reads a stream to its end, however long it is, and returns the last lines, no more than so many nor than Limits say, of its last most bytes
// (DefaultTail where 0). It holds little more than twice as much. A line that begins before those is left out, unless there is no other. size is how many bytes the stream had. Where reading fails, there are the last
// lines up to there, and the error.
func Tail(r io.Reader, lines int, most int64, s Settings) (out []Line, size int64, err error) {
	if most <= 0 {
		most = DefaultTail
	}
	const step = 64 << 10
	var kept []byte
	gone := int64(0)      // bytes that are not kept
	beginning := int64(0) // of these, those of the line that the kept ones begin within
	forget := func() {
		n := int64(len(kept)) - most
		if n <= 0 {
			return
		}
		if end := bytes.LastIndexByte(kept[:n], '\n'); end >= 0 {
			beginning = n - int64(end) - 1
		} else {
			beginning += n
		}
		gone += n
		kept = append(kept[:0], kept[n:]...)
	}
	for idle := 0; err == nil; idle++ {
		if int64(len(kept)) >= 2*most {
			forget()
		}
		if cap(kept)-len(kept) < step {
			kept = append(make([]byte, 0, min(2*int64(cap(kept)), 2*most)+2*step), kept...)
		}
		var n int
		n, err = r.Read(kept[len(kept) : len(kept)+step])
		if kept = kept[:len(kept)+n]; n > 0 {
			idle = 0
		} else if err == nil && idle == maxIdle {
			err = io.ErrNoProgress
		}
	}
	forget()
	size = gone + int64(len(kept))
	if errors.Is(err, io.EOF) {
		err = nil
	}
	if lines <= 0 {
		return nil, size, err
	}
	if beginning > 0 {
		if end := bytes.IndexByte(kept, '\n'); end >= 0 && end < len(kept)-1 {
			kept, beginning = kept[end+1:], 0
		}
	}
	c := NewCleaner(s)
	c.last = min(lines, c.settings.Limits.Lines)
	c.take(kept)
	c.rest()
	out = c.lines[max(0, len(c.lines)-c.last):]
	limits := c.settings.Limits
	if beginning > 0 && len(out) > 0 {
		out[0].Text = cut(fmt.Sprintf("[... %d bytes left out ...] %s", beginning, out[0].Text), 0, limits.Line)
	}
	shown := 0
	for i := len(out) - 1; i >= 0; i-- {
		if shown += len(out[i].Text); shown > limits.Bytes {
			out = out[i+1:]
			break
		}
	}
	return out, size, err
}
