package server

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"mime"
	"net/http"
	"runtime/debug"
	"strings"
	"sync"
	"time"

	"github.com/klauspost/compress/gzhttp"
	"github.com/prometheus/client_golang/prometheus"
)

// The media types of streams.
const (
	mediaEvents    = "text/event-stream"
	mediaMultipart = "multipart/mixed"
)

const (
	// beatEvery is how often a stream without events says that it lives: more often than proxies close connections on which nothing comes.
	beatEvery = 12 * time.Second
	// writeWithin is how long a client may take to take one piece of a stream. Who is slower is cut off, so that nothing gathers here.
	writeWithin = 20 * time.Second
	boundary    = "graphql"
)

// acceptsStream returns which kind of stream the client accepts, "" for none. Of the two it names, the first counts.
func acceptsStream(header http.Header) string {
	for _, list := range header["Accept"] {
		if low := strings.ToLower(list); !strings.Contains(low, mediaEvents) && !strings.Contains(low, mediaMultipart) { // as nearly always
			continue
		}
		for part := range strings.SplitSeq(list, ",") {
			name, params, err := mime.ParseMediaType(part)
			switch {
			case err != nil, params["q"] == "0":
			case name == mediaEvents:
				return mediaEvents
			case name == mediaMultipart && params["deferspec"] == "": // which is another protocol
				return mediaMultipart
			}
		}
	}
	return ""
}

// stream answers a request whose client accepts a stream.
func (x *exchange) stream(streamer Streamer, request *Request, kind string) *refusal {
	ctx, stop := context.WithCancelCause(x.r.Context())
	defer stop(nil)
	leave := x.open.enter(x.settings.MaxStreams, stop)
	if leave == nil {
		return tooMany()
	}
	defer leave()
	events, response := x.begin(ctx, streamer, request)
	if events == nil && !response.Executed && kind == mediaMultipart { // nothing to stream
		x.write(response)
		return nil
	}
	x.status, x.outcome, x.began = http.StatusOK, outcomeExecuted, true
	if response != nil && !response.Executed {
		x.outcome = outcomeRequestError
	}
	out := newPipe(x.w, kind)
	defer out.stop()
	if events == nil {
		if err := out.send(response.Body); err == nil {
			out.end()
		}
		x.out = out.size()
		response.release()
		return nil
	}
	defer events.Close()
	out.onError(func() { stop(errGone) })
	for {
		response := x.next(events)
		if response == nil {
			break
		}
		err := out.send(response.Body)
		response.release()
		if err != nil {
			x.outcome = CodeCancelled
			break
		}
	}
	if ctx.Err() == nil { // else the client is to come again
		out.end()
	}
	x.out = out.size()
	return nil
}

func tooMany() *refusal {
	return &refusal{status: http.StatusServiceUnavailable, code: CodeTooMany, message: "this server has too many streams open: try again later"}
}

// errGone is why a stream ends whose client takes nothing more.
var errGone = errors.New("the client takes nothing more")

// within gives one step of a stream the time that a request has.
func (s *Server) within(ctx context.Context) (context.Context, context.CancelFunc) {
	return context.WithTimeout(ctx, s.settings.Timeout)
}

// begin and next contain what panics in an Executor.
func (s *Server) begin(ctx context.Context, streamer Streamer, request *Request) (events Events, response *Response) {
	defer func() {
		if what := recover(); what != nil {
			s.bug("an executor panicked", what)
			events, response = nil, &Response{Body: internal().body()}
		}
	}()
	events, response = streamer.Stream(ctx, request, s.within)
	if events == nil && (response == nil || len(response.Body) == 0) {
		s.bug("an executor gave no response", nil)
		response = &Response{Body: internal().body()}
	}
	return events, response
}

func (s *Server) next(events Events) (response *Response) {
	defer func() {
		if what := recover(); what != nil {
			s.bug("an executor panicked", what)
			response = nil
		}
	}()
	return events.Next()
}

func (s *Server) bug(what string, panicked any) {
	s.log.Error("bug: "+what, "panic", fmt.Sprint(panicked), "stack", string(debug.Stack()))
}

// pipe writes a stream to a client. Between what is sent it says that the stream lives.
type pipe struct {
	kind       string
	w          http.ResponseWriter
	controller *http.ResponseController

	mu      sync.Mutex
	written int
	failed  error
	fail    func()
	ended   chan struct{}
	beats   sync.WaitGroup
}

func newPipe(w http.ResponseWriter, kind string) *pipe {
	header := w.Header()
	header[headerCacheControl] = []string{"no-cache, no-store, no-transform"}
	header.Set("X-Accel-Buffering", "no")
	header.Set(gzhttp.HeaderNoCompression, "stream") // which would hold events back
	header.Set(headerContentType, mediaEvents+"; charset=utf-8")
	if kind == mediaMultipart {
		header.Set(headerContentType, mediaMultipart+`;boundary="`+boundary+`";subscriptionSpec="1.0"`)
	}
	p := &pipe{kind: kind, w: w, controller: http.NewResponseController(w), ended: make(chan struct{}), fail: func() {}}
	_ = p.controller.SetReadDeadline(time.Time{}) // fails where the connection has no deadlines
	w.WriteHeader(http.StatusOK)
	_ = p.write(nil)
	p.beats.Go(p.beat)
	return p
}

// onError sets what is done when the client cannot be written to any more.
func (p *pipe) onError(do func()) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.fail = do
}

func (p *pipe) beat() {
	ticker := time.NewTicker(beatEvery)
	defer ticker.Stop()
	for {
		select {
		case <-p.ended:
			return
		case <-ticker.C:
		}
		if p.kind == mediaMultipart {
			_ = p.write([]byte("\r\n--" + boundary + "\r\nContent-Type: application/json\r\n\r\n{}\r\n"))
		} else {
			_ = p.write([]byte(":\n\n"))
		}
	}
}

// send writes one response.
func (p *pipe) send(body []byte) error {
	var out []byte
	if p.kind == mediaMultipart {
		out = append(out, "\r\n--"+boundary+"\r\nContent-Type: application/json\r\n\r\n{\"payload\":"...)
		out = append(append(out, body...), "}\r\n"...)
	} else {
		return p.event("next", body)
	}
	return p.write(out)
}

// event writes one server-sent event. The data is JSON.
func (p *pipe) event(name string, data []byte) error {
	out := append(append(append([]byte("event: "), name...), "\ndata: "...), oneLine(data)...)
	return p.write(append(out, "\n\n"...))
}

// oneLine returns JSON without the ends of lines that may stand between its tokens: in an event they would have a meaning.
func oneLine(body []byte) []byte {
	if bytes.IndexByte(body, '\n') < 0 && bytes.IndexByte(body, '\r') < 0 {
		return body
	}
	return bytes.Map(func(r rune) rune {
		if r == '\n' || r == '\r' {
			return ' '
		}
		return r
	}, body)
}

// end says that there is nothing more to come.
func (p *pipe) end() {
	if p.kind == mediaMultipart {
		_ = p.write([]byte("\r\n--" + boundary + "--\r\n"))
	} else {
		_ = p.write([]byte("event: complete\ndata:\n\n"))
	}
}

// stop ends the beats.
func (p *pipe) stop() {
	close(p.ended)
	p.beats.Wait()
}

func (p *pipe) size() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.written
}

func (p *pipe) write(text []byte) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.failed != nil {
		return p.failed
	}
	_ = p.controller.SetWriteDeadline(time.Now().Add(writeWithin)) // fails where the connection has no deadlines
	n, err := p.w.Write(text)
	p.written += n
	if err == nil {
		err = p.controller.Flush()
	}
	if err != nil {
		p.failed = err
		p.fail()
	}
	return err
}

// open are the streams that a server has open.
type open struct {
	mu     sync.Mutex
	stops  map[int]func(error)
	last   int
	closed bool

	running sync.WaitGroup
	gauge   prometheus.Gauge
}

// enter counts a stream, for which stop is called when the server ends. It returns nil where there are as many as may be.
func (o *open) enter(most int, stop func(error)) (leave func()) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.closed || len(o.stops) >= most {
		return nil
	}
	if o.stops == nil {
		o.stops = map[int]func(error){}
	}
	o.last++
	id := o.last
	o.stops[id] = stop
	o.running.Add(1)
	o.gauge.Inc()
	return func() {
		o.mu.Lock()
		defer o.mu.Unlock()
		delete(o.stops, id)
		o.gauge.Dec()
		o.running.Done()
	}
}

// end stops them all, and lets no more be opened.
func (o *open) end() {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.closed = true
	for _, stop := range o.stops {
		stop(errShutdown)
	}
}

// wait returns when all have ended, or ctx has. It is called after end.
func (o *open) wait(ctx context.Context) {
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		o.running.Wait()
	}()
	select {
	case <-ended:
	case <-ctx.Done():
	}
}
