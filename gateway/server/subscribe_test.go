package server_test

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/coder/websocket"

	"callboard.dev/callboard/gateway/compose"
	"callboard.dev/callboard/gateway/execute"
	"callboard.dev/callboard/gateway/server"
	"callboard.dev/callboard/gateway/supergraph"
)

// The subgraph of events tells of plays; that of names knows what is played.
const (
	eventsSchema = `extend schema @link(url: "https://specs.apollo.dev/federation/v2.3", import: ["@key"])
		type Query { hello: String }
		type Subscription { plays(first: Int): Track broken: Track }
		type Track @key(fields: "id") { id: ID! }`
	namesSchema = `extend schema @link(url: "https://specs.apollo.dev/federation/v2.3", import: ["@key"])
		type Query { other: String }
		type Track @key(fields: "id") { id: ID! title: String }`
)

// stage is a subgraph with events that a test makes happen.
type stage struct {
	mu      sync.Mutex
	streams map[*plays]bool
	opened  atomic.Int64
	closed  atomic.Int64
}

type plays struct {
	stage  *stage
	ctx    context.Context
	events chan string
}

func (s *stage) Fetch(_ context.Context, r *execute.Request) (*execute.Answer, error) {
	return &execute.Answer{Text: []byte(`{"data":{"hello":"there"}}`)}, nil
}

func (s *stage) Stream(ctx context.Context, r *execute.Request) (execute.Stream, error) {
	s.opened.Add(1)
	if strings.Contains(r.Text, "broken") {
		return nil, &execute.FetchError{Code: execute.CodeUnreachable, Reason: "it could not be reached"}
	}
	p := &plays{s, ctx, make(chan string, 1000)}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.streams == nil {
		s.streams = map[*plays]bool{}
	}
	s.streams[p] = true
	return p, nil
}

// happen tells every stream; "" ends them.
func (s *stage) happen(id string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for p := range s.streams {
		p.events <- id
	}
}

func (s *stage) listening() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.streams)
}

func (p *plays) Next() (*execute.Answer, error) {
	select {
	case id := <-p.events:
		switch id {
		case "":
			return nil, io.EOF
		case "break":
			return nil, errors.New("the wire was cut")
		case "null":
			return &execute.Answer{Text: []byte("{\n\"data\": {\"plays\": null},\r\n\"errors\": [{\"message\": \"no play\", \"path\": [\"plays\"]}]}")}, nil
		}
		return &execute.Answer{Text: fmt.Appendf(nil, "{\"data\": {\n\"plays\": {\"__typename\": \"Track\", \"id\": %q}}}", id)}, nil
	case <-p.ctx.Done():
		return nil, p.ctx.Err()
	}
}

func (p *plays) Close() {
	p.stage.mu.Lock()
	defer p.stage.mu.Unlock()
	delete(p.stage.streams, p)
	p.stage.closed.Add(1)
}

// names knows the title of every track.
var names = execute.SubgraphFunc(func(_ context.Context, r *execute.Request) (*execute.Answer, error) {
	var variables struct{ Representations []struct{ ID string } }
	if err := json.Unmarshal(r.Variables, &variables); err != nil {
		return nil, err
	}
	var out []string
	for _, one := range variables.Representations {
		out = append(out, fmt.Sprintf(`{"title":"Title of %s"}`, one.ID))
	}
	return &execute.Answer{Text: []byte(`{"data":{"_entities":[` + strings.Join(out, ",") + `]}}`)}, nil
})

func twoSubgraphs(t testing.TB) *supergraph.Supergraph {
	t.Helper()
	composed, errs := compose.Compose([]compose.Subgraph{{Name: "events", SDL: eventsSchema, URL: "http://e"}, {Name: "names", SDL: namesSchema, URL: "http://n"}})
	if err := errs.Err(); err != nil {
		t.Fatal(err)
	}
	s, err := supergraph.Read("composed", composed.SDL)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// serveLive serves a gateway over the two.
func serveLive(t testing.TB, events execute.Subgraph, settings server.Settings) *httptest.Server {
	t.Helper()
	graph := server.NewGraph(twoSubgraphs(t), map[string]execute.Subgraph{"events": events, "names": names}, server.GraphSettings{Expose: map[string]bool{"events": true}})
	running := httptest.NewServer(server.New(server.NewEngine(graph), settings))
	t.Cleanup(running.Close)
	return running
}

const playsQuery = `subscription { plays { id title } }`

// wants are the responses to two plays and one that failed.
var wants = []string{
	`{"data":{"plays":{"id":"1","title":"Title of 1"}}}`,
	`{"data":{"plays":null},"errors":[{"message":"no play","path":["plays"],"extensions":{"code":"SUBGRAPH_ERROR","subgraph":"events"}}]}`,
	`{"data":{"plays":{"id":"2","title":"Title of 2"}}}`,
}

// client is a subscription of a test, whatever it comes over: next returns "" at its end.
type client struct {
	next func() string
	end  func()
}

func sse(t *testing.T, url, query string) client {
	t.Helper()
	body, _ := json.Marshal(map[string]string{"query": query})
	ctx, cancel := context.WithCancel(t.Context())
	request, err := http.NewRequestWithContext(ctx, "POST", url+"/graphql", bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Content-Type", "application/json")
	request.Header.Set("Accept", "text/event-stream")
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { cancel(); response.Body.Close() })
	if got := response.Header.Get("Content-Type"); !strings.HasPrefix(got, "text/event-stream") {
		t.Fatalf("the content type is %s", got)
	}
	lines := bufio.NewReader(response.Body)
	return client{next: func() string {
		event, data := "", ""
		for {
			line, err := lines.ReadString('\n')
			switch line = strings.TrimRight(line, "\n"); {
			case err != nil:
				return "cut: " + err.Error()
			case line == "" && event == "complete":
				return ""
			case line == "" && event == "next":
				return compact(t, data)
			case strings.HasPrefix(line, "event: "):
				event = line[len("event: "):]
			case strings.HasPrefix(line, "data: "):
				data += line[len("data: "):]
			}
		}
	}, end: cancel}
}

func multipart(t *testing.T, url, query string) client {
	t.Helper()
	body, _ := json.Marshal(map[string]string{"query": query})
	ctx, cancel := context.WithCancel(t.Context())
	request, err := http.NewRequestWithContext(ctx, "POST", url+"/graphql", bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Content-Type", "application/json")
	request.Header.Set("Accept", `multipart/mixed;subscriptionSpec="1.0", application/json`)
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { cancel(); response.Body.Close() })
	if got := response.Header.Get("Content-Type"); got != `multipart/mixed;boundary="graphql";subscriptionSpec="1.0"` {
		t.Fatalf("the content type is %s", got)
	}
	lines := bufio.NewReader(response.Body)
	return client{next: func() string {
		for {
			line, err := lines.ReadString('\n')
			switch line = strings.TrimRight(line, "\r\n"); {
			case err != nil:
				return "cut: " + err.Error()
			case line == "--graphql--":
				return ""
			case strings.HasPrefix(line, `{"payload":`):
				for !json.Valid([]byte(line)) {
					more, err := lines.ReadString('\n')
					if err != nil {
						return "cut: " + err.Error()
					}
					line += more
				}
				var part struct{ Payload json.RawMessage }
				if err := json.Unmarshal([]byte(line), &part); err != nil {
					t.Fatal(err)
				}
				return compact(t, string(part.Payload))
			}
		}
	}, end: cancel}
}

// wire is a WebSocket of a test.
type wire struct {
	t testing.TB
	*websocket.Conn
}

func dial(t testing.TB, url string, protocols ...string) *wire {
	t.Helper()
	connection, _, err := websocket.Dial(t.Context(), url+"/graphql", &websocket.DialOptions{Subprotocols: protocols})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { connection.CloseNow() })
	return &wire{t, connection}
}

func (w *wire) say(text string) {
	w.t.Helper()
	if err := w.Write(w.t.Context(), websocket.MessageText, []byte(text)); err != nil {
		w.t.Fatal(err)
	}
}

func (w *wire) hear() string {
	_, text, err := w.Read(w.t.Context())
	if err != nil {
		var closed websocket.CloseError
		if errors.As(err, &closed) {
			return fmt.Sprintf("closed: %d %s", closed.Code, closed.Reason)
		}
		return "cut: " + err.Error()
	}
	return string(text)
}

func socket(t *testing.T, url, query string) client {
	t.Helper()
	w := dial(t, url, "graphql-transport-ws")
	w.say(`{"type":"connection_init"}`)
	if got := w.hear(); got != `{"type":"connection_ack"}` {
		t.Fatal(got)
	}
	payload, _ := json.Marshal(map[string]string{"query": query})
	w.say(`{"id":"a","type":"subscribe","payload":` + string(payload) + `}`)
	return client{next: func() string {
		text := w.hear()
		var m struct {
			ID, Type string
			Payload  json.RawMessage
		}
		if json.Unmarshal([]byte(text), &m) != nil || m.ID != "a" {
			return text
		}
		if m.Type == "complete" {
			return ""
		}
		return compact(t, string(m.Payload))
	}, end: func() { w.say(`{"id":"a","type":"complete"}`) }}
}

func compact(t testing.TB, text string) string {
	t.Helper()
	var out bytes.Buffer
	if err := json.Compact(&out, []byte(text)); err != nil {
		t.Fatalf("%v: %s", err, text)
	}
	return out.String()
}

// eventually waits for what other goroutines do.
func eventually(t testing.TB, what string, happened func() bool) {
	t.Helper()
	for deadline := time.Now().Add(time.Minute); !happened(); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("after a minute it is not so that %s", what)
		}
	}
}

// ways are how clients subscribe.
var ways = map[string]func(t *testing.T, url, query string) client{"sse": sse, "multipart": multipart, "socket": socket}

// A subscription's events come with the fields of other subgraphs, whatever way the client and the subgraph speak.
func TestSubscriptions(t *testing.T) {
	subgraphs := map[string]func(t *testing.T, s *stage) execute.Subgraph{
		"in this process": func(_ *testing.T, s *stage) execute.Subgraph { return s },
		"over SSE": func(t *testing.T, s *stage) execute.Subgraph {
			return &execute.HTTP{URL: serveLive(t, s, server.Settings{}).URL + "/graphql"}
		},
		"over a WebSocket": func(t *testing.T, s *stage) execute.Subgraph {
			return &execute.HTTP{URL: serveLive(t, s, server.Settings{}).URL + "/graphql", Subscribed: execute.BySocket}
		},
	}
	for name, subgraph := range subgraphs {
		for way, open := range ways {
			t.Run(name+", "+way, func(t *testing.T) {
				s := &stage{}
				c := open(t, serveLive(t, subgraph(t, s), server.Settings{}).URL, playsQuery)
				eventually(t, "the stream is open", func() bool { return s.listening() == 1 })
				for i, id := range []string{"1", "null", "2"} {
					s.happen(id)
					if got := c.next(); got != wants[i] {
						t.Errorf("event %s: %s, want %s", id, got, wants[i])
					}
				}
				s.happen("")
				if got := c.next(); got != "" {
					t.Errorf("at the end: %s", got)
				}
				eventually(t, "the stream is closed", func() bool { return s.closed.Load() == 1 })
			})
		}
	}
}

// When a client leaves, its subgraph is told.
func TestSubscriberLeaves(t *testing.T) {
	for way, open := range ways {
		t.Run(way, func(t *testing.T) {
			s := &stage{}
			c := open(t, serveLive(t, s, server.Settings{}).URL, playsQuery)
			eventually(t, "the stream is open", func() bool { return s.listening() == 1 })
			c.end()
			eventually(t, "the stream is closed", func() bool { return s.closed.Load() == 1 })
		})
	}
}

// A stream that breaks off, or cannot begin, says so and ends.
func TestSubscriptionFails(t *testing.T) {
	for way, open := range ways {
		t.Run(way, func(t *testing.T) {
			s := &stage{}
			url := serveLive(t, s, server.Settings{}).URL
			c := open(t, url, playsQuery)
			eventually(t, "the stream is open", func() bool { return s.listening() == 1 })
			s.happen("1")
			c.next()
			s.happen("break")
			if got := c.next(); !strings.HasPrefix(got, `{"data":{"plays":null},"errors":[`) {
				t.Errorf("when it broke: %s", got)
			}
			if got := c.next(); got != "" {
				t.Errorf("afterwards: %s", got)
			}
			c = open(t, url, `subscription { broken { id } }`)
			if got := c.next(); !strings.Contains(got, "could not be reached") {
				t.Errorf("what cannot begin: %s", got)
			}
			if got := c.next(); got != "" {
				t.Errorf("afterwards: %s", got)
			}
		})
	}
}

// Queries are answered over streams too; what is refused says why.
func TestQueriesOverStreams(t *testing.T) {
	url := serveLive(t, &stage{}, server.Settings{}).URL
	for way, open := range map[string]func(t *testing.T, url, query string) client{"sse": sse, "socket": socket} {
		c := open(t, url, `{ hello }`)
		if got := c.next(); got != `{"data":{"hello":"there"}}` {
			t.Errorf("%s: %s", way, got)
		}
		if got := c.next(); got != "" {
			t.Errorf("%s: %s", way, got)
		}
		c = open(t, url, `{ nothing }`)
		if got := c.next(); !strings.Contains(got, "GRAPHQL_VALIDATION_FAILED") {
			t.Errorf("%s: %s", way, got)
		}
	}
}

// A client that accepts no stream is told what would have been right.
func TestSubscriptionNeedsAStream(t *testing.T) {
	url := serveLive(t, &stage{}, server.Settings{}).URL
	response, err := http.Post(url+"/graphql", "application/json", strings.NewReader(`{"query":"subscription { plays { id } }"}`))
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	text, _ := io.ReadAll(response.Body)
	if !strings.Contains(string(text), "SUBSCRIPTIONS_NOT_SUPPORTED") || !strings.Contains(string(text), "text/event-stream") {
		t.Errorf("%s", text)
	}
}

// The protocol's rules hold, each with the code it gives.
func TestSocketProtocol(t *testing.T) {
	url := serveLive(t, &stage{}, server.Settings{MaxBody: 2000}).URL
	const initial, subscribe = `{"type":"connection_init"}`, `{"id":"a","type":"subscribe","payload":{"query":"subscription { plays { id } }"}}`
	for name, test := range map[string]struct {
		protocol string
		say      []string
		want     string // the last that is heard
	}{
		"another protocol":     {"graphql-ws", nil, "closed: 4406"},
		"a subscription first": {"graphql-transport-ws", []string{subscribe}, "closed: 4401 Unauthorized"},
		"two greetings":        {"graphql-transport-ws", []string{initial, initial}, "closed: 4429 Too many initialisation requests"},
		"two of one name":      {"graphql-transport-ws", []string{initial, subscribe, subscribe}, "closed: 4409 Subscriber for a already exists"},
		"an unknown message":   {"graphql-transport-ws", []string{initial, `{"type":"start"}`}, "closed: 4400"},
		"no JSON":              {"graphql-transport-ws", []string{initial, `{`}, "closed: 4400"},
		"no id":                {"graphql-transport-ws", []string{initial, `{"type":"subscribe","payload":{"query":"{hello}"}}`}, "closed: 4400"},
		"too large":            {"graphql-transport-ws", []string{initial, strings.Repeat(" ", 3000) + initial}, "closed: 1009"},
	} {
		t.Run(name, func(t *testing.T) {
			w := dial(t, url, test.protocol)
			for _, text := range test.say {
				w.say(text)
			}
			last := ""
			for !strings.HasPrefix(last, "closed") && !strings.HasPrefix(last, "cut") {
				last = w.hear()
			}
			if !strings.HasPrefix(last, test.want) {
				t.Errorf("heard %s, want %s", last, test.want)
			}
		})
	}
	w := dial(t, url, "graphql-transport-ws")
	w.say(initial)
	w.hear()
	w.say(`{"type":"ping","payload":{"a":1}}`)
	if got := w.hear(); got != `{"type":"pong","payload":{"a":1}}` {
		t.Error(got)
	}
	w.say(`{"id":"b","type":"subscribe","payload":{"query":"{ no }"}}`)
	if got := w.hear(); !strings.HasPrefix(got, `{"id":"b","type":"error","payload":[{"message":`) {
		t.Error(got)
	}
	w.say(`{"id":"b","type":"subscribe","payload":{"query":"{ hello }"}}`)
	if got := w.hear(); got != `{"id":"b","type":"next","payload":{"data":{"hello":"there"}}}` {
		t.Error(got)
	}
}

// Pages of other origins get no WebSocket.
func TestSocketOrigin(t *testing.T) {
	url := serveLive(t, &stage{}, server.Settings{}).URL
	_, response, err := websocket.Dial(t.Context(), url+"/graphql", &websocket.DialOptions{Subprotocols: []string{"graphql-transport-ws"}, HTTPHeader: http.Header{"Origin": {"http://evil.example"}}})
	if err == nil || response == nil || response.StatusCode != http.StatusForbidden {
		t.Errorf("%v %v", response, err)
	}
}

// There are no more streams than may be.
func TestTooManyStreams(t *testing.T) {
	s := &stage{}
	url := serveLive(t, s, server.Settings{MaxStreams: 1}).URL
	c := sse(t, url, playsQuery)
	eventually(t, "the stream is open", func() bool { return s.listening() == 1 })
	request, _ := http.NewRequestWithContext(t.Context(), "POST", url+"/graphql", strings.NewReader(`{"query":"subscription { plays { id } }"}`))
	request.Header.Set("Content-Type", "application/json")
	request.Header.Set("Accept", "text/event-stream")
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	response.Body.Close()
	if response.StatusCode != http.StatusServiceUnavailable {
		t.Error(response.Status)
	}
	c.end()
	eventually(t, "there is room again", func() bool { return s.listening() == 0 })
}

// A server that is told to stop ends its streams so that clients come again, and does not wait for them.
func TestStreamsEndWithTheServer(t *testing.T) {
	s := &stage{}
	graph := server.NewGraph(twoSubgraphs(t), map[string]execute.Subgraph{"events": s, "names": names}, server.GraphSettings{})
	running := server.New(server.NewEngine(graph), server.Settings{})
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- running.Serve(ctx, listener) }()
	url := "http://" + listener.Addr().String()
	events, wire := sse(t, url, playsQuery), socket(t, url, playsQuery)
	eventually(t, "both streams are open", func() bool { return s.listening() == 2 })
	stop()
	if got := events.next(); !strings.HasPrefix(got, "cut") {
		t.Errorf("the stream ends with %q, as if it was over", got)
	}
	if got := wire.next(); !strings.HasPrefix(got, "closed: 1001") {
		t.Errorf("the WebSocket ends with %q", got)
	}
	if err := <-ended; err != nil {
		t.Error(err)
	}
}

// One stream carries many operations, each under its own id.
func TestSingleConnection(t *testing.T) {
	s := &stage{}
	url := serveLive(t, s, server.Settings{}).URL + "/graphql"
	send := func(method, token, query, body string) (int, string) {
		t.Helper()
		request, err := http.NewRequestWithContext(t.Context(), method, url+query, strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		if body != "" {
			request.Header.Set("Content-Type", "application/json")
		}
		if token != "" {
			request.Header.Set("X-GraphQL-Event-Stream-Token", token)
		}
		response, err := http.DefaultClient.Do(request)
		if err != nil {
			t.Fatal(err)
		}
		defer response.Body.Close()
		text, err := io.ReadAll(response.Body)
		if err != nil {
			t.Fatal(err)
		}
		return response.StatusCode, string(text)
	}
	status, token := send("PUT", "", "", "")
	if status != http.StatusCreated || len(token) < 20 {
		t.Fatalf("%d %s", status, token)
	}
	ctx, cancel := context.WithCancel(t.Context())
	request, _ := http.NewRequestWithContext(ctx, "GET", url+"?token="+token, nil)
	request.Header.Set("Accept", "text/event-stream")
	response, err := http.DefaultClient.Do(request)
	if err != nil || response.StatusCode != http.StatusOK {
		t.Fatalf("%v %v", response, err)
	}
	defer response.Body.Close()
	lines := bufio.NewReader(response.Body)
	next := func() string {
		t.Helper()
		out := ""
		for {
			line, err := lines.ReadString('\n')
			if err != nil {
				t.Fatal(err)
			}
			if line = strings.TrimSpace(line); line == "" && out != "" {
				return out
			}
			out = strings.TrimSpace(out + " " + line)
		}
	}
	subscribe := func(id, query string) (int, string) {
		return send("POST", token, "", `{"query":"`+query+`","extensions":{"operationId":"`+id+`"}}`)
	}
	if status, text := subscribe("a", "subscription { plays { id title } }"); status != http.StatusAccepted {
		t.Fatalf("%d %s", status, text)
	}
	if status, _ := subscribe("a", "subscription { plays { id } }"); status != http.StatusConflict {
		t.Errorf("an id that is taken: %d", status)
	}
	if status, _ := send("POST", token, "", `{"query":"{ hello }"}`); status != http.StatusBadRequest {
		t.Errorf("no id: %d", status)
	}
	if status, _ := send("POST", "guess", "", `{"query":"{ hello }","extensions":{"operationId":"x"}}`); status != http.StatusNotFound {
		t.Errorf("another stream: %d", status)
	}
	eventually(t, "the stream is open", func() bool { return s.listening() == 1 })
	s.happen("1")
	if got := next(); got != `event: next data: {"id":"a","payload":{"data":{"plays":{"id":"1","title":"Title of 1"}}}}` {
		t.Error(got)
	}
	subscribe("q", "{ hello }")
	if got := next(); got != `event: next data: {"id":"q","payload":{"data":{"hello":"there"}}}` {
		t.Error(got)
	}
	if got := next(); got != `event: complete data: {"id":"q"}` {
		t.Error(got)
	}
	if status, _ := send("DELETE", token, "?operationId=a", ""); status != http.StatusOK {
		t.Errorf("ending one: %d", status)
	}
	eventually(t, "the subscription is over", func() bool { return s.listening() == 0 })
	subscribe("b", "subscription { plays { id } }")
	eventually(t, "another one is open", func() bool { return s.listening() == 1 })
	cancel()
	eventually(t, "all is over with the stream", func() bool { return s.listening() == 0 })
	eventually(t, "the stream is forgotten", func() bool { status, _ := subscribe("c", "{ hello }"); return status == http.StatusNotFound })
}
