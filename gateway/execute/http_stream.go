package execute

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"time"

	"github.com/coder/websocket"
)

// Subscribed is how a remote subgraph is asked for subscriptions.
type Subscribed string

// The ways.
const (
	// BySSE is one HTTP request for each, answered by server-sent events: the distinct connections mode of the GraphQL over Server-Sent Events protocol.
	BySSE Subscribed = "sse"
	// BySocket is one WebSocket for each, by the graphql-transport-ws protocol.
	BySocket Subscribed = "ws"
)

const (
	mediaEvents    = "text/event-stream"
	socketProtocol = "graphql-transport-ws"
	// socketPatience is what a subgraph may take to open a WebSocket and to acknowledge it.
	socketPatience = 15 * time.Second
	// tokenBytes is more than any field of an event but its data takes.
	tokenBytes = 1 << 10
)

// Stream begins the request's subscription.
func (h *HTTP) Stream(ctx context.Context, r *Request) (Stream, error) {
	h.once.Do(h.prepare)
	header := http.Header{}
	for _, name := range h.Forward {
		if values := r.Header.Values(name); len(values) > 0 {
			header[http.CanonicalHeaderKey(name)] = values
		}
	}
	for name, value := range h.Header {
		header.Set(name, value)
	}
	client := h.Client
	if client == nil {
		client = DefaultClient
	}
	ctx, stop := context.WithCancel(ctx)
	var (
		stream Stream
		err    error
	)
	if h.Subscribed == BySocket {
		stream, err = h.overSocket(ctx, stop, client, header, r)
	} else {
		stream, err = h.overEvents(ctx, stop, client, header, r)
	}
	if err != nil {
		stop()
	}
	return stream, err
}

func (h *HTTP) overEvents(ctx context.Context, stop context.CancelFunc, client *http.Client, header http.Header, r *Request) (Stream, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, h.URL, bytes.NewReader(appendBody(nil, r)))
	if err != nil {
		return nil, &FetchError{Code: CodeUnreachable, Reason: "its address is not a URL", Cause: err}
	}
	request.Header = header
	request.Header.Set("Content-Type", contentType)
	request.Header.Set("Accept", mediaEvents)
	request.Header.Set("Cache-Control", "no-cache")
	response, err := client.Do(request)
	if err != nil {
		return nil, transportError(ctx, err)
	}
	if media, _, err := mime.ParseMediaType(response.Header.Get("Content-Type")); err != nil || media != mediaEvents || response.StatusCode != http.StatusOK {
		defer response.Body.Close()
		text, err := io.ReadAll(io.LimitReader(response.Body, h.MaxAnswer))
		if err != nil {
			return nil, transportError(ctx, err)
		}
		answer, err := readResponse(response.StatusCode, response.Header.Get("Content-Type"), text)
		if err != nil {
			return nil, err
		}
		stop()
		return &refused{answer}, nil // it says why it has no events
	}
	return &events{ctx: ctx, stop: stop, body: response.Body, lines: bufio.NewReader(response.Body), limit: h.MaxAnswer}, nil
}

// events reads server-sent events, as the HTML standard says.
type events struct {
	ctx   context.Context
	stop  context.CancelFunc
	body  io.ReadCloser
	lines *bufio.Reader
	limit int64
}

func (s *events) Next() (*Answer, error) {
	for {
		name, data, err := s.event()
		if err != nil {
			if s.ctx.Err() != nil {
				return nil, contextError(s.ctx.Err())
			}
			var own *FetchError
			if errors.As(err, &own) {
				return nil, err
			}
			return nil, errBroken(err)
		}
		switch name {
		case "next":
			return &Answer{Text: data}, nil
		case "complete":
			return nil, io.EOF
		}
	}
}

// event reads up to the next event. Its data is good until the next one is read.
func (s *events) event() (name string, data []byte, err error) {
	some := false
	for {
		line, err := s.line()
		if err != nil {
			return "", nil, err
		}
		if len(line) == 0 {
			if some {
				return name, data, nil
			}
			name = ""
			continue
		}
		field, value, _ := bytes.Cut(line, []byte{':'})
		value = bytes.TrimPrefix(value, []byte{' '})
		switch string(field) {
		case "event":
			if len(value) > tokenBytes {
				return "", nil, &FetchError{Code: CodeBadAnswer, Reason: "it sent an event that cannot be read"}
			}
			name, some = string(value), true
		case "data":
			if some = true; int64(len(data)+len(value)) > s.limit {
				return "", nil, &FetchError{Code: CodeBadAnswer, Reason: "its answer is too large"}
			}
			if data != nil {
				data = append(data, '\n')
			}
			data = append(data, value...)
		}
	}
}

// line reads a line, without what ends it, up to the limit of an answer.
func (s *events) line() ([]byte, error) {
	var out []byte
	for {
		part, err := s.lines.ReadSlice('\n')
		if int64(len(out)+len(part)) > s.limit+tokenBytes {
			return nil, &FetchError{Code: CodeBadAnswer, Reason: "its answer is too large"}
		}
		if err == nil && out == nil {
			return bytes.TrimSuffix(part[:len(part)-1], []byte{'\r'}), nil
		}
		out = append(out, part...)
		switch {
		case err == nil:
			return bytes.TrimSuffix(out[:len(out)-1], []byte{'\r'}), nil
		case !errors.Is(err, bufio.ErrBufferFull):
			return nil, err
		}
	}
}

func (s *events) Close() {
	s.stop()
	_ = s.body.Close()
}

// message is one of graphql-transport-ws.
type message struct {
	ID      string          `json:"id,omitempty"`
	Type    string          `json:"type"`
	Payload json.RawMessage `json:"payload,omitempty"`
}

func (h *HTTP) overSocket(ctx context.Context, stop context.CancelFunc, client *http.Client, header http.Header, r *Request) (Stream, error) {
	patience, done := context.WithTimeout(ctx, socketPatience)
	defer done()
	connection, response, err := websocket.Dial(patience, h.URL, &websocket.DialOptions{HTTPClient: client, HTTPHeader: header, Subprotocols: []string{socketProtocol}})
	if err != nil {
		if response != nil && response.StatusCode != http.StatusSwitchingProtocols {
			return nil, statusError(response.StatusCode)
		}
		return nil, transportError(ctx, err)
	}
	s := &socket{ctx: ctx, stop: stop, connection: connection}
	connection.SetReadLimit(h.MaxAnswer)
	if connection.Subprotocol() != socketProtocol {
		s.Close()
		return nil, &FetchError{Code: CodeBadAnswer, Reason: "it does not speak " + socketProtocol}
	}
	err = s.send(patience, message{Type: "connection_init"})
	for err == nil {
		var m *message
		if m, err = s.receive(patience); err == nil && m.Type == "connection_ack" {
			break
		}
	}
	if err == nil {
		err = s.send(patience, message{ID: "1", Type: "subscribe", Payload: appendBody(nil, r)})
	}
	if err != nil {
		s.Close()
		return nil, s.failure(err)
	}
	return s, nil
}

// socket is a subscription over a WebSocket of its own.
type socket struct {
	ctx        context.Context
	stop       context.CancelFunc
	connection *websocket.Conn
	over       bool
}

func (s *socket) send(ctx context.Context, m message) error {
	text, err := json.Marshal(m)
	if err != nil {
		return err
	}
	return s.connection.Write(ctx, websocket.MessageText, text)
}

// receive returns the next message, having answered pings.
func (s *socket) receive(ctx context.Context) (*message, error) {
	for {
		kind, text, err := s.connection.Read(ctx)
		if err != nil {
			return nil, err
		}
		var m message
		if kind != websocket.MessageText || json.Unmarshal(text, &m) != nil {
			return nil, &FetchError{Code: CodeBadAnswer, Reason: "it sent a message that cannot be read"}
		}
		switch m.Type {
		case "ping":
			if err := s.send(ctx, message{Type: "pong"}); err != nil {
				return nil, err
			}
		case "pong":
		default:
			return &m, nil
		}
	}
}

func (s *socket) Next() (*Answer, error) {
	for !s.over {
		m, err := s.receive(s.ctx)
		if err != nil {
			return nil, s.failure(err)
		}
		switch m.Type {
		case "next":
			return &Answer{Text: m.Payload}, nil
		case "error":
			s.over = true
			var errs []SubgraphError
			if json.Unmarshal(m.Payload, &errs) != nil || len(errs) == 0 {
				return nil, &FetchError{Code: CodeBadAnswer, Reason: "it refused the subscription, and did not say why"}
			}
			return &Answer{Errors: errs}, nil
		case "complete":
			s.over = true
		}
	}
	return nil, io.EOF
}

func (s *socket) failure(err error) error {
	var own *FetchError
	switch {
	case errors.As(err, &own):
		return err
	case s.ctx.Err() != nil:
		return contextError(s.ctx.Err())
	case errors.Is(err, context.DeadlineExceeded):
		return &FetchError{Code: CodeTimeout, Reason: "it did not answer in time", Cause: err}
	}
	return errBroken(fmt.Errorf("websocket: %w", err))
}

// Close says goodbye, and does not wait for an answer.
func (s *socket) Close() {
	s.stop()
	_ = s.connection.CloseNow()
}
