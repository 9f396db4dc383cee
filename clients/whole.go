package clients

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
)

// wholeBody is a body that is in memory: what holds an answer can read it again, and share it.
type wholeBody struct {
	bytes.Reader
	text []byte // not to be changed
}

func (*wholeBody) Close() error { return nil }

func newBody(text []byte) *wholeBody {
	if text == nil {
		text = []byte{}
	}
	b := &wholeBody{text: text}
	b.Reset(text)
	return b
}

// textOf returns the body of an answer that is in memory, nil for one that is not; one that is empty is not nil.
func textOf(resp *http.Response) []byte {
	if b, ok := resp.Body.(*wholeBody); ok {
		return b.text
	}
	return nil
}

// again returns the answer with a body that nobody has read yet, for one more reader.
func again(resp *http.Response, r *http.Request) *http.Response {
	out := *resp
	out.Header = resp.Header.Clone()
	out.Request = r
	out.Body = newBody(textOf(resp))
	return &out
}

// sizes bounds what is read of an answer. The bytes that count are those after decompression. Answers are read to their end here, so that one
// that is cut off or never ends is a failure of the attempt, for all links above, and not a surprise of who reads it.
type sizes struct {
	source    string
	maxAnswer int64
	maxStream int64
}

func (s *sizes) pass(r *http.Request, next http.RoundTripper) (*http.Response, error) {
	resp, err := next.RoundTrip(r)
	if err != nil {
		return nil, err
	}
	if encoding := resp.Header.Get("Content-Encoding"); encoding != "" && !strings.EqualFold(encoding, "identity") && r.Method != http.MethodHead && resp.StatusCode != http.StatusNoContent && resp.StatusCode != http.StatusNotModified {
		resp.Body.Close()
		return nil, &Error{Kind: ErrBadAnswer, Source: s.source, Status: resp.StatusCode, Message: "its answer is in an encoding that was not asked for; check the address that is configured"}
	}
	if callOf(r.Context()).streamed && kindOf(resp.StatusCode) == nil {
		if resp.ContentLength > s.maxStream {
			resp.Body.Close()
			return nil, s.tooLarge(resp, s.maxStream)
		}
		resp.Body = &boundedBody{ReadCloser: resp.Body, left: s.maxStream, tooLarge: s.tooLarge(resp, s.maxStream)}
		return resp, nil
	}
	defer resp.Body.Close()
	if resp.ContentLength > s.maxAnswer && r.Method != http.MethodHead {
		return nil, s.tooLarge(resp, s.maxAnswer)
	}
	var text bytes.Buffer
	if n := resp.ContentLength; n > 0 && r.Method != http.MethodHead {
		text.Grow(int(min(n, 1<<20)) + bytes.MinRead) // what is announced is not believed beyond a bound
	}
	if _, err := text.ReadFrom(io.LimitReader(resp.Body, s.maxAnswer+1)); err != nil {
		if e := Of(err); e != nil {
			e.Status = resp.StatusCode
		}
		if Of(err) == nil && !errors.Is(err, context.Canceled) {
			err = &Error{Kind: ErrBadAnswer, Source: s.source, Status: resp.StatusCode, Message: "its answer cannot be read; try again later"}
		}
		return nil, err
	}
	if int64(text.Len()) > s.maxAnswer {
		return nil, s.tooLarge(resp, s.maxAnswer)
	}
	resp.Body = newBody(text.Bytes())
	if r.Method != http.MethodHead {
		resp.ContentLength = int64(text.Len())
	}
	return resp, nil
}

func (s *sizes) tooLarge(resp *http.Response, limit int64) *Error {
	return &Error{Kind: ErrBadAnswer, Source: s.source, Status: resp.StatusCode, Err: ErrTooLarge, Message: fmt.Sprintf("its answer is larger than %d bytes, the most that is read; ask for less", limit)}
}

// boundedBody ends with an error where more comes than is read.
type boundedBody struct {
	io.ReadCloser
	left     int64
	tooLarge *Error
}

func (b *boundedBody) Read(p []byte) (int, error) {
	if b.left < 0 {
		return 0, b.tooLarge
	}
	if int64(len(p)) > b.left+1 {
		p = p[:b.left+1]
	}
	n, err := b.ReadCloser.Read(p)
	if b.left -= int64(n); b.left < 0 {
		return n - 1, b.tooLarge
	}
	return n, err
}
