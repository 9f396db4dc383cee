package clients

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"time"
)

// The bounds of the network, by judgement.
const (
	dialTimeout      = 5 * time.Second  // a host that is there answers in a round trip; TCP sends a second packet after 1 s and a third after 3
	handshakeTimeout = 5 * time.Second  // a handshake that never ends must not hold a connection
	idleTimeout      = 90 * time.Second // below the 2 minutes after which load balancers drop what is idle
	quietTime        = 15 * time.Second // after which a connection is asked for a sign of life: one that a firewall forgot fails only after minutes
	pingTimeout      = 5 * time.Second
	maxHead          = 256 << 10 // of an answer, in bytes; GitHub's Link headers have a few hundred
	maxIdle          = 32        // connections kept open: more than a source has places by default
)

// network makes what goes out to the network: bounded waits for each step, bounded connections, no proxy but a configured one, and no
// connection to an address that doors keeps closed. Where there is a proxy it is the proxy's address that is checked: the proxy resolves the
// names of others.
func network(s *Settings, d doors) *http.Transport {
	dialer := &net.Dialer{Timeout: dialTimeout, KeepAlive: 30 * time.Second, Control: d.control}
	config := &tls.Config{MinVersion: tls.VersionTLS12}
	if s.TLS != nil {
		config = s.TLS.Clone()
		config.MinVersion = max(config.MinVersion, tls.VersionTLS12)
	}
	t := &http.Transport{
		DialContext:            dialer.DialContext,
		TLSClientConfig:        config,
		TLSHandshakeTimeout:    handshakeTimeout,
		ResponseHeaderTimeout:  s.AttemptTimeout,
		ExpectContinueTimeout:  time.Second,
		IdleConnTimeout:        idleTimeout,
		MaxIdleConns:           maxIdle,
		MaxIdleConnsPerHost:    maxIdle,
		MaxConnsPerHost:        s.Places + maxIdle, // the places bound the requests; this is for connections that are being made for nobody any more
		MaxResponseHeaderBytes: maxHead,
		ForceAttemptHTTP2:      true,
		HTTP2:                  &http.HTTP2Config{SendPingTimeout: quietTime, PingTimeout: pingTimeout},
	}
	if s.Proxy != nil {
		t.Proxy = http.ProxyURL(s.Proxy)
	}
	if s.Dial != nil {
		t.DialContext = s.Dial
	}
	return t
}

// slowAttempt is how long an attempt must have taken for the end of the caller's deadline to be held against the upstream. By judgement: a
// caller in a hurry proves nothing, and an upstream that hangs must be found out even if all callers give up before the attempt's own bound.
const slowAttempt = time.Second

// attempt bounds one attempt in time and turns the ways it can fail into errors of this package.
type attempt struct {
	source  string
	timeout time.Duration
}

var errAttempt = errors.New("the attempt took too long")

func (a *attempt) pass(r *http.Request, next http.RoundTripper) (*http.Response, error) {
	ctx, cancel := context.WithCancelCause(r.Context())
	b := &attemptBody{attempt: a, caller: r.Context(), ctx: ctx, cancel: cancel, started: time.Now()}
	b.timer = time.AfterFunc(a.timeout, func() { cancel(errAttempt) })
	resp, err := next.RoundTrip(r.WithContext(ctx))
	if err != nil {
		err = b.explain(err)
		b.end()
		return nil, err
	}
	if callOf(r.Context()).streamed && kindOf(resp.StatusCode) == nil {
		b.timer.Stop() // what is handed on as it comes is bounded by the request's time, not the attempt's
	}
	b.ReadCloser = resp.Body
	resp.Body, resp.Request = b, r
	return resp, nil
}

// attemptBody is the body of an answer as it comes from the network: the attempt is over when it is closed.
type attemptBody struct {
	io.ReadCloser
	attempt *attempt
	caller  context.Context
	ctx     context.Context // of the attempt
	cancel  context.CancelCauseFunc
	timer   *time.Timer
	started time.Time
}

func (b *attemptBody) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	if err != nil && err != io.EOF {
		err = b.explain(err)
		if e := Of(err); e != nil && e.Kind == ErrUnavailable { // there was an answer
			e.Kind, e.Message = ErrBadAnswer, "its answer was cut off or cannot be read; try again later"
		}
	}
	return n, err
}

func (b *attemptBody) Close() error {
	err := b.ReadCloser.Close()
	b.end()
	return err
}

func (b *attemptBody) end() {
	b.timer.Stop()
	b.cancel(nil)
}

// explain turns what the network said into an error of this package, or the end of the caller's context.
func (b *attemptBody) explain(err error) error {
	switch cause := b.caller.Err(); {
	case errors.Is(cause, context.Canceled):
		return cause
	case cause != nil:
		return &Error{Kind: ErrTimeout, Source: b.attempt.source, Message: "no answer within the time of the request; try again later",
			Err: context.DeadlineExceeded, ours: time.Since(b.started) < slowAttempt}
	case context.Cause(b.ctx) == errAttempt:
		return &Error{Kind: ErrTimeout, Source: b.attempt.source, Message: fmt.Sprintf("no answer within %v; try again later", b.attempt.timeout), Err: context.DeadlineExceeded}
	}
	return failure(b.attempt.source, err)
}
