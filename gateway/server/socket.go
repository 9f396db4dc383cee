package server

import (
	"context"
	"encoding/json"
	"errors"
	"maps"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/coder/websocket"
	"golang.org/x/net/http/httpguts"
)

// socketProtocol is the WebSocket subprotocol that is spoken: "GraphQL over WebSocket Protocol" of the package graphql-ws.
const socketProtocol = "graphql-transport-ws"

// How a connection is closed, from that protocol.
const (
	closeBadMessage   websocket.StatusCode = 4400
	closeUnauthorized websocket.StatusCode = 4401
	closeBadProtocol  websocket.StatusCode = 4406
	closeInitTimeout  websocket.StatusCode = 4408
	closeTwice        websocket.StatusCode = 4409
	closeManyInits    websocket.StatusCode = 4429
)

const (
	// initWithin is how long a client may take to say that it is there.
	initWithin = 10 * time.Second
	// maxOperations are the operations that run on one connection.
	maxOperations = 100
	// maxID bounds what a client calls an operation, in bytes.
	maxID = 200
	// maxInitHeaders bounds the headers that a client's first message may add.
	maxInitHeaders = 50
)

// wantsSocket tells whether the request asks for a WebSocket.
func wantsSocket(r *http.Request) bool {
	return r.Method == http.MethodGet && httpguts.HeaderValuesContainsToken(r.Header["Upgrade"], "websocket")
}

// message is what is said over a WebSocket.
type message struct {
	ID      string          `json:"id,omitempty"`
	Type    string          `json:"type"`
	Payload json.RawMessage `json:"payload,omitempty"`
}

// socket is a connection over which a client runs operations.
type socket struct {
	*exchange
	streamer   Streamer
	connection *websocket.Conn
	ctx        context.Context
	stop       context.CancelCauseFunc
	header     http.Header // of its requests

	writing sync.Mutex
	mu      sync.Mutex
	running map[string]context.CancelFunc
	group   sync.WaitGroup
}

// socket speaks with a client until one of the two ends it.
func (x *exchange) socket(streamer Streamer) *refusal {
	ctx, stop := context.WithCancelCause(context.WithoutCancel(x.r.Context())) // net/http's ends when the connection is taken over
	defer stop(nil)
	ending := make(chan struct{}, 1)
	leave := x.Server.open.enter(x.settings.MaxStreams, func(error) { ending <- struct{}{} }) // which is done once
	if leave == nil {
		return tooMany()
	}
	defer leave()
	x.status, x.outcome, x.began = http.StatusSwitchingProtocols, outcomeExecuted, true
	// The origin was checked already, with what is configured.
	connection, err := websocket.Accept(x.w, x.r, &websocket.AcceptOptions{Subprotocols: []string{socketProtocol}, InsecureSkipVerify: true})
	if err != nil { // and was answered
		x.status, x.outcome = http.StatusBadRequest, CodeBadRequest
		return nil
	}
	defer connection.CloseNow()
	connection.SetReadLimit(x.settings.MaxBody)
	s := &socket{exchange: x, streamer: streamer, connection: connection, ctx: ctx, stop: stop, running: map[string]context.CancelFunc{}}
	s.group.Go(func() {
		select {
		case <-ending:
			s.close(websocket.StatusGoingAway, "the server is shutting down")
			stop(errShutdown)
		case <-ctx.Done():
		}
	})
	s.serve()
	stop(nil)
	s.group.Wait()
	return nil
}

func (s *socket) serve() {
	if s.connection.Subprotocol() != socketProtocol {
		s.close(closeBadProtocol, "speak "+socketProtocol)
		return
	}
	if !s.greet() {
		return
	}
	s.group.Go(s.beat)
	for {
		m, ok := s.receive(s.ctx)
		if !ok {
			return
		}
		switch m.Type {
		case "ping":
			s.send(message{Type: "pong", Payload: m.Payload})
		case "pong":
		case "connection_init":
			s.close(closeManyInits, "Too many initialisation requests")
			return
		case "subscribe":
			if !s.subscribe(m) {
				return
			}
		case "complete":
			s.mu.Lock()
			if cancel := s.running[m.ID]; cancel != nil {
				cancel()
				delete(s.running, m.ID)
			}
			s.mu.Unlock()
		default:
			s.close(closeBadMessage, "a message has an unknown type")
			return
		}
	}
}

// greet waits for the client's first message, whose payload may stand for headers that a page cannot set.
func (s *socket) greet() bool {
	ctx, cancel := context.WithTimeoutCause(s.ctx, initWithin, errSilent)
	defer cancel()
	for {
		m, ok := s.receive(ctx)
		switch {
		case !ok:
			return false
		case m.Type == "ping":
			s.send(message{Type: "pong", Payload: m.Payload})
		case m.Type == "pong":
		case m.Type == "connection_init":
			s.header = initHeaders(s.r.Header, m.Payload)
			return s.send(message{Type: "connection_ack"})
		default:
			s.close(closeUnauthorized, "Unauthorized")
			return false
		}
	}
}

var errSilent = errors.New("the client did not say that it is there")

// initHeaders adds the text members of a first message's payload to the headers of the request, where they have the name of a header.
func initHeaders(header http.Header, payload json.RawMessage) http.Header {
	var members map[string]json.RawMessage
	if len(payload) == 0 || json.Unmarshal(payload, &members) != nil || len(members) > maxInitHeaders {
		return header
	}
	out := maps.Clone(header)
	for name, value := range members {
		var text string
		if json.Unmarshal(value, &text) == nil && httpguts.ValidHeaderFieldName(name) && httpguts.ValidHeaderFieldValue(text) && !slices.Contains(connectionHeaders, strings.ToLower(name)) {
			out[http.CanonicalHeaderKey(name)] = []string{text}
		}
	}
	return out
}

// connectionHeaders are of the connection, and no message changes them.
var connectionHeaders = []string{"host", "origin", "cookie", "connection", "upgrade", "forwarded", "x-forwarded-for", "x-forwarded-host", "x-forwarded-proto", "x-real-ip"}

// receive returns the next message, false where the connection has ended or is to.
func (s *socket) receive(ctx context.Context) (*message, bool) {
	kind, text, err := s.connection.Read(ctx)
	if err != nil {
		if errors.Is(context.Cause(ctx), errSilent) {
			s.close(closeInitTimeout, "Connection initialisation timeout")
		}
		return nil, false
	}
	s.in += len(text)
	checked, problem := checkJSON("the message", text)
	m := &message{}
	if kind != websocket.MessageText || problem != nil || json.Unmarshal(checked, m) != nil || len(m.ID) > maxID {
		s.close(closeBadMessage, "a message is not what the protocol says")
		return nil, false
	}
	return m, true
}

// subscribe runs an operation. It is false where the connection is to end.
func (s *socket) subscribe(m *message) bool {
	request, problem := decodeBody(m.Payload)
	if m.ID == "" || problem != nil && len(m.Payload) == 0 {
		s.close(closeBadMessage, "a subscription has no id, or no payload")
		return false
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.running[m.ID] != nil {
		s.close(closeTwice, "Subscriber for "+m.ID+" already exists")
		return false
	}
	switch {
	case problem != nil:
	case len(s.running) >= maxOperations:
		problem = &refusal{code: CodeTooMany, message: "this connection has too many operations: end some of them"}
	}
	if problem != nil {
		s.refuse(m.ID, problem.body())
		return true
	}
	request.Header = s.header
	ctx, cancel := context.WithCancel(s.ctx)
	s.running[m.ID] = cancel
	s.group.Go(func() { s.run(ctx, cancel, m.ID, request) })
	return true
}

func (s *socket) run(ctx context.Context, cancel context.CancelFunc, id string, request *Request) {
	defer cancel()
	// The name is free before the client hears that the operation is over. Where the client ended it, it may be another's already.
	free := func() bool {
		s.mu.Lock()
		defer s.mu.Unlock()
		if ctx.Err() != nil {
			return false
		}
		delete(s.running, id)
		return true
	}
	events, response := s.begin(ctx, s.streamer, request)
	if events == nil {
		if response.Executed && ctx.Err() == nil {
			s.send(message{ID: id, Type: "next", Payload: response.Body})
		}
		switch over := free(); {
		case over && response.Executed:
			s.send(message{ID: id, Type: "complete"})
		case over:
			s.refuse(id, response.Body)
		}
		response.release()
		return
	}
	defer events.Close()
	for {
		response := s.next(events)
		if response == nil {
			break
		}
		sent := ctx.Err() != nil || s.send(message{ID: id, Type: "next", Payload: response.Body})
		response.release()
		if !sent {
			return
		}
	}
	if free() {
		s.send(message{ID: id, Type: "complete"})
	}
}

// refuse says why an operation is not run. The body is a response with errors alone.
func (s *socket) refuse(id string, body []byte) {
	var response struct{ Errors json.RawMessage }
	if err := json.Unmarshal(body, &response); err != nil || len(response.Errors) == 0 {
		response.Errors = json.RawMessage(`[{"message":"the operation was refused"}]`)
	}
	s.send(message{ID: id, Type: "error", Payload: response.Errors})
}

// send writes a message. It is false where the client does not take it, whose connection then ends.
func (s *socket) send(m message) bool {
	text, err := json.Marshal(m)
	if err != nil {
		s.bug("a message that is no JSON", err)
		return false
	}
	s.writing.Lock()
	defer s.writing.Unlock()
	ctx, cancel := context.WithTimeout(s.ctx, writeWithin)
	defer cancel()
	if err := s.connection.Write(ctx, websocket.MessageText, text); err != nil {
		s.stop(errGone)
		return false
	}
	s.out += len(text)
	return true
}

// beat asks whether the client is there, and keeps what lies between awake.
func (s *socket) beat() {
	ticker := time.NewTicker(beatEvery)
	defer ticker.Stop()
	for {
		select {
		case <-s.ctx.Done():
			return
		case <-ticker.C:
		}
		ctx, cancel := context.WithTimeout(s.ctx, writeWithin)
		err := s.connection.Ping(ctx)
		cancel()
		if err != nil {
			s.stop(errGone)
			return
		}
	}
}

// close ends the connection with a reason.
func (s *socket) close(code websocket.StatusCode, reason string) {
	const most = 120 // bytes of a reason
	_ = s.connection.Close(code, reason[:min(len(reason), most)])
}
