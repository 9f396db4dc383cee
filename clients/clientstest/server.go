package clientstest

import (
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/http"
	"sync"
	"time"
)

// Server serves a handler on a port of this machine, and can stop listening and come back at the same address: a client
// then meets a connection that is truly refused.
type Server struct {
	Address string // host:port

	handler http.Handler
	tls     *tls.Config

	mu   sync.Mutex
	live *http.Server // nil while down
}

// Listen serves handler at an address such as "127.0.0.1:0", with TLS where settings are given. Close it after use.
func Listen(address string, handler http.Handler, settings *tls.Config) (*Server, error) {
	s := &Server{Address: address, handler: handler, tls: settings}
	if err := s.Up(); err != nil {
		return nil, err
	}
	return s, nil
}

// URL returns the address with its scheme.
func (s *Server) URL() string {
	if s.tls != nil {
		return "https://" + s.Address
	}
	return "http://" + s.Address
}

// Up listens again where Down was called.
func (s *Server) Up() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.live != nil {
		return nil
	}
	listener, err := net.Listen("tcp", s.Address)
	if err != nil {
		return fmt.Errorf("starting a simulator: %w", err)
	}
	s.Address = listener.Addr().String()
	const patience = 30 * time.Second // for a client that sends its headers slowly
	s.live = &http.Server{Handler: s.handler, ReadHeaderTimeout: patience}
	if s.tls != nil {
		listener = tls.NewListener(listener, s.tls)
	}
	go func(live *http.Server) {
		if err := live.Serve(listener); err != nil && !errors.Is(err, http.ErrServerClosed) {
			panic("clientstest: bug: serving a simulator: " + err.Error())
		}
	}(s.live)
	return nil
}

// Down stops listening and cuts every connection.
func (s *Server) Down() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.live != nil {
		_ = s.live.Close()
		s.live = nil
	}
}

// Close ends the server.
func (s *Server) Close() { s.Down() }
