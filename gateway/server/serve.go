package server

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"time"
)

// How long a client may take over what is not a GraphQL request, and how much it may say there.
const (
	headerTimeout  = 10 * time.Second // also bounds a TLS handshake
	idleTimeout    = 2 * time.Minute  // longer than load balancers keep a connection, so that they are the ones to close it
	writeSlack     = 30 * time.Second // to send an answer, beside the time to read and to execute the request
	maxHeaderBytes = 64 << 10         // also bounds the URL, and with it a query sent with GET
)

// NewHTTPServer returns an http.Server for the handler that no slow or talkative client can hold on to. timeout is what one request may take to
// be read, and again to be executed.
func NewHTTPServer(handler http.Handler, timeout time.Duration, log *slog.Logger) *http.Server {
	return &http.Server{
		Handler:           handler,
		ReadHeaderTimeout: headerTimeout,
		ReadTimeout:       headerTimeout + timeout,
		WriteTimeout:      headerTimeout + 2*timeout + writeSlack,
		IdleTimeout:       idleTimeout,
		MaxHeaderBytes:    maxHeaderBytes,
		ErrorLog:          slog.NewLogLogger(log.Handler(), slog.LevelDebug), // what clients do wrong on the wire
	}
}

// Serve answers requests on the listener until ctx ends. Then /readyz answers 503, and after Settings.DrainDelay no connection is accepted any
// more and requests in flight are finished, for Settings.ShutdownTimeout at most; those that take longer are told to stop and answered with
// an error. It returns nil when it was stopped and every request got its answer, and closes the listener in any case.
func (s *Server) Serve(ctx context.Context, listener net.Listener) error {
	requests, stop := context.WithCancelCause(context.WithoutCancel(ctx))
	defer stop(errShutdown)
	server := NewHTTPServer(s, s.settings.Timeout, s.log)
	server.BaseContext = func(net.Listener) context.Context { return requests }
	failed := make(chan error, 1)
	go func() { failed <- server.Serve(listener) }()
	select {
	case err := <-failed:
		_ = server.Close()
		return fmt.Errorf("serving on %s: %w", listener.Addr(), err)
	case <-ctx.Done():
	}
	s.draining.Store(true)
	if s.settings.DrainDelay > 0 {
		time.Sleep(s.settings.DrainDelay)
	}
	s.open.end() // clients come again, elsewhere
	patience, done := context.WithTimeout(context.Background(), s.settings.ShutdownTimeout)
	defer done()
	err := server.Shutdown(patience)
	s.open.wait(patience) // a WebSocket is no request any more
	if !errors.Is(err, context.DeadlineExceeded) {
		return err
	}
	stop(errShutdown)
	last, done := context.WithTimeout(context.Background(), stopGrace+time.Second)
	defer done()
	if server.Shutdown(last) != nil {
		_ = server.Close()
	}
	return fmt.Errorf("requests were still running %s after the server was told to stop, and were cut off", s.settings.ShutdownTimeout)
}
