package clients

import (
	"context"
	"io"
	"net/http"
	"time"
)

// patience bounds a request with all its attempts and waits, within the caller's deadline.
type patience struct{ timeout time.Duration }

// streamPatience is how many times longer an answer may take that is handed on as it comes. By judgement: five minutes for a log, by default.
const streamPatience = 10

func (p *patience) pass(r *http.Request, next http.RoundTripper) (*http.Response, error) {
	timeout := p.timeout
	if callOf(r.Context()).streamed {
		timeout *= streamPatience
	}
	ctx, cancel := context.WithTimeout(r.Context(), timeout)
	resp, err := next.RoundTrip(r.WithContext(ctx))
	if err != nil {
		cancel()
		return nil, err
	}
	if textOf(resp) != nil {
		cancel()
		return resp, nil
	}
	resp.Body = &onClose{ReadCloser: resp.Body, do: cancel}
	return resp, nil
}

// onClose is a body that does something more, once, when it is closed.
type onClose struct {
	io.ReadCloser
	do func()
}

func (b *onClose) Close() error {
	err := b.ReadCloser.Close()
	if b.do != nil {
		b.do()
		b.do = nil
	}
	return err
}
