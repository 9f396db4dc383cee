package clientstest

import (
	"errors"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"sync"
	"syscall"
)

// Transport is an http.RoundTripper that asks a handler in the same process: no port, no socket, and time that testing/synctest can
// bend. It streams, and what a handler aborts ends as a connection that was cut.
type Transport struct {
	Handler http.Handler
}

// RoundTrip implements http.RoundTripper.
func (t Transport) RoundTrip(r *http.Request) (*http.Response, error) {
	ctx := r.Context()
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	served := r.Clone(ctx)
	served.RequestURI = r.URL.RequestURI()
	served.Host = r.Host
	if served.Host == "" {
		served.Host = r.URL.Host
	}
	served.RemoteAddr = "127.0.0.1:1"
	if served.Body == nil {
		served.Body = http.NoBody
	}
	reader, writer := io.Pipe()
	w := &pipeWriter{header: http.Header{}, body: writer, begun: make(chan error, 1)}
	stop := make(chan struct{})
	go func() {
		defer close(stop)
		defer served.Body.Close()
		defer func() {
			if fault := recover(); fault != nil && fault != http.ErrAbortHandler {
				w.end(fmt.Errorf("the handler panicked: %v", fault))
				panic(fault)
			} else if fault != nil {
				w.end(io.ErrUnexpectedEOF)
			}
		}()
		t.Handler.ServeHTTP(w, served)
		w.WriteHeader(http.StatusOK)
		w.end(nil)
	}()
	go func() {
		select {
		case <-ctx.Done():
			w.end(ctx.Err())
		case <-stop:
		}
	}()
	select {
	case err := <-w.begun:
		if err != nil {
			return nil, err
		}
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	length := int64(-1)
	if text := w.sent.Get("Content-Length"); text != "" {
		if _, err := fmt.Sscan(text, &length); err != nil {
			return nil, fmt.Errorf("bad Content-Length %q", text)
		}
	}
	return &http.Response{
		Status: fmt.Sprintf("%d %s", w.status, http.StatusText(w.status)), StatusCode: w.status,
		Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header: w.sent, Body: reader, ContentLength: length, Request: r,
	}, nil
}

// errRefused is what a client sees where nothing listens.
var errRefused = &net.OpError{Op: "dial", Net: "tcp", Err: syscall.ECONNREFUSED}

type pipeWriter struct {
	header http.Header
	body   *io.PipeWriter
	begun  chan error // holds nil once there is a status, or why there is none
	once   sync.Once

	status int         // set before begun
	sent   http.Header // likewise
}

func (w *pipeWriter) Header() http.Header { return w.header }

func (w *pipeWriter) WriteHeader(status int) {
	w.once.Do(func() {
		w.status, w.sent = status, maps.Clone(w.header)
		w.begun <- nil
	})
}

func (w *pipeWriter) Write(p []byte) (int, error) {
	w.WriteHeader(http.StatusOK)
	return w.body.Write(p)
}

// Flush implements http.Flusher: nothing is held back.
func (w *pipeWriter) Flush() { w.WriteHeader(http.StatusOK) }

func (w *pipeWriter) refuse() {
	w.once.Do(func() { w.begun <- errRefused })
}

func (w *pipeWriter) end(err error) {
	w.once.Do(func() {
		if err == nil || errors.Is(err, io.ErrUnexpectedEOF) {
			err = io.EOF // a connection that ends before it answered
		}
		w.begun <- err
	})
	if err == nil {
		_ = w.body.Close()
		return
	}
	_ = w.body.CloseWithError(err)
}
