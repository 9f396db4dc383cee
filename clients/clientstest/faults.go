package clientstest

import (
	"bytes"
	"encoding/json"
	"io"
	"maps"
	"net"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

// Kind is one way in which an upstream system fails.
type Kind string

// The ways of failing. Those that need an answer to spoil let the handler answer first.
const (
	Slow      Kind = "slow"       // Fault.Delay passes before it answers
	Hang      Kind = "hang"       // it takes the request and never answers
	Cut       Kind = "cut"        // the connection ends in the middle of the answer
	Malformed Kind = "malformed"  // half an answer that claims to be all of it
	WrongType Kind = "wrong type" // 200 with a web page, as sign-in pages and proxies have it
	Status    Kind = "status"     // Fault.Status, with the web page of a load balancer
	Down      Kind = "down"       // the connection is refused (Transport), or reset at once
	Partial   Kind = "partial"    // a GraphQL answer with one field null and an error for it
	Huge      Kind = "huge"       // a right answer after Fault.Bytes of white space
)

// Fault is a failure that is switched on.
type Fault struct {
	Kind    Kind
	Route   string            // the requests it meets: a pattern of http.ServeMux, such as "GET /repos/{owner}/{name}"; empty for all
	Times   int               // how many requests it meets; until it is cleared where zero
	Delay   time.Duration     // for Slow; a second where zero
	Status  int               // for Status; 502 where zero
	Header  map[string]string // for Status: further headers, such as Retry-After
	Bytes   int64             // for Huge; 64 MiB where zero
	Path    []string          // for Partial: response keys from the root to the field; the first root field where empty
	Message string            // for Partial and Status: what the answer says
	Type    string            // for Partial: the error's type
}

// Faults is the faults of one simulator, switched while it runs. The zero value has none.
type Faults struct {
	mu     sync.Mutex
	active []*armed
}

type armed struct {
	Fault
	matches *http.ServeMux // nil for all
}

// Add switches a fault on. Of several that meet a request, the one added first is had. It panics where the route is no pattern.
func (f *Faults) Add(fault Fault) {
	a := &armed{Fault: fault}
	if fault.Route != "" {
		a.matches = http.NewServeMux()
		a.matches.Handle(fault.Route, http.NotFoundHandler())
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.active = append(f.active, a)
}

// Clear switches all faults off.
func (f *Faults) Clear() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.active = nil
}

// Active returns the faults that are on, with the requests that are left to each.
func (f *Faults) Active() []Fault {
	f.mu.Lock()
	defer f.mu.Unlock()
	out := make([]Fault, len(f.active))
	for i, a := range f.active {
		out[i] = a.Fault
	}
	return out
}

// take returns the fault that meets the request.
func (f *Faults) take(r *http.Request) (Fault, bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for i, a := range f.active {
		if a.matches != nil {
			if _, pattern := a.matches.Handler(r); pattern == "" {
				continue
			}
		}
		if a.Times > 0 {
			if a.Times--; a.Times == 0 {
				f.active = slices.Delete(f.active, i, i+1)
			}
		}
		return a.Fault, true
	}
	return Fault{}, false
}

// Wrap returns a handler that fails as the faults say, and else is next.
func (f *Faults) Wrap(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		fault, met := f.take(r)
		if !met {
			next.ServeHTTP(w, r)
			return
		}
		fault.serve(w, r, next)
	})
}

func (f Fault) serve(w http.ResponseWriter, r *http.Request, next http.Handler) {
	switch f.Kind {
	case Slow:
		delay := f.Delay
		if delay == 0 {
			delay = time.Second
		}
		select {
		case <-time.After(delay):
			next.ServeHTTP(w, r)
		case <-r.Context().Done():
		}
	case Hang:
		// The body is read, so that the server notices when the client leaves.
		_, _ = io.Copy(io.Discard, r.Body)
		<-r.Context().Done()
		panic(http.ErrAbortHandler)
	case Down:
		refuse(w)
	case WrongType:
		page(w, http.StatusOK, "Sign in")
	case Status:
		for name, value := range f.Header {
			w.Header().Set(name, value)
		}
		page(w, orDefault(f.Status, http.StatusBadGateway), f.Message)
	case Cut, Malformed, Partial, Huge:
		f.spoil(w, hear(r, next))
	default:
		panic("clientstest: bug: unknown fault " + string(f.Kind))
	}
}

// spoil writes an answer that the handler gave, but not as it gave it.
func (f Fault) spoil(w http.ResponseWriter, a *heard) {
	maps.Copy(w.Header(), a.header)
	body := a.body.Bytes()
	switch f.Kind {
	case Cut:
		// The length is that of the whole answer, so what comes is known to be too little. Without a body, a length still is a promise.
		w.Header().Set("Content-Length", strconv.Itoa(max(len(body), 2)))
		w.WriteHeader(a.status)
		_, _ = w.Write(body[:len(body)/2])
		_ = http.NewResponseController(w).Flush()
		panic(http.ErrAbortHandler)
	case Malformed:
		w.Header().Del("Content-Length")
		w.WriteHeader(a.status)
		_, _ = w.Write(body[:len(body)/2])
	case Partial:
		w.Header().Del("Content-Length")
		w.WriteHeader(a.status)
		_, _ = w.Write(f.punch(body))
	case Huge:
		left := f.Bytes
		if left == 0 {
			left = 64 << 20
		}
		w.Header().Del("Content-Length")
		w.WriteHeader(a.status)
		blank := bytes.Repeat([]byte{' '}, 32<<10)
		for left > 0 {
			n, err := w.Write(blank[:min(left, int64(len(blank)))])
			if left -= int64(n); err != nil {
				return
			}
		}
		_, _ = w.Write(body)
	}
}

// punch makes one field of a GraphQL answer null and adds the error. What is no such answer stays as it is.
func (f Fault) punch(body []byte) []byte {
	var answer map[string]any
	decoder := json.NewDecoder(bytes.NewReader(body))
	decoder.UseNumber()
	if decoder.Decode(&answer) != nil {
		return body
	}
	object, ok := answer["data"].(map[string]any)
	if !ok || len(object) == 0 {
		return body
	}
	keys := f.Path
	if len(keys) == 0 {
		keys = []string{slices.Min(slices.Collect(maps.Keys(object)))}
	}
	failed := map[string]any{"message": f.Message, "path": keys}
	if f.Message == "" {
		failed["message"] = "Something went wrong while executing your query."
	}
	if f.Type != "" {
		failed["type"] = f.Type
	}
	for i, key := range keys {
		if i == len(keys)-1 {
			object[key] = nil
			break
		}
		if object, ok = object[key].(map[string]any); !ok {
			return body
		}
	}
	list, _ := answer["errors"].([]any)
	answer["errors"] = append(list, failed)
	spoilt, err := json.Marshal(answer)
	if err != nil {
		return body
	}
	return spoilt
}

// page writes the kind of web page that comes from something in front of a server.
func page(w http.ResponseWriter, status int, text string) {
	if text == "" {
		text = http.StatusText(status)
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.WriteHeader(status)
	_, _ = io.WriteString(w, "<html><head><title>"+text+"</title></head><body><h1>"+text+"</h1></body></html>\n")
}

// refuse ends a connection before it has answered anything.
func refuse(w http.ResponseWriter) {
	for under := w; ; {
		if in, ok := under.(*pipeWriter); ok {
			in.refuse()
			return
		}
		wrapper, ok := under.(interface{ Unwrap() http.ResponseWriter })
		if !ok {
			break
		}
		under = wrapper.Unwrap()
	}
	connection, _, err := http.NewResponseController(w).Hijack()
	if err != nil {
		panic(http.ErrAbortHandler) // HTTP/2: the stream is reset
	}
	if tcp, ok := connection.(*net.TCPConn); ok {
		_ = tcp.SetLinger(0) // a reset in place of an orderly end
	}
	_ = connection.Close()
}

// heard is an answer that is held back.
type heard struct {
	header http.Header
	status int
	body   bytes.Buffer
}

func hear(r *http.Request, next http.Handler) *heard {
	a := &heard{header: http.Header{}}
	next.ServeHTTP(a, r)
	if a.status == 0 {
		a.status = http.StatusOK
	}
	if a.header.Get("Content-Type") == "" && strings.HasPrefix(strings.TrimSpace(a.body.String()), "{") {
		a.header.Set("Content-Type", "application/json; charset=utf-8")
	}
	return a
}

func (a *heard) Header() http.Header { return a.header }

func (a *heard) WriteHeader(status int) {
	if a.status == 0 {
		a.status = status
	}
}

func (a *heard) Write(p []byte) (int, error) {
	a.WriteHeader(http.StatusOK)
	return a.body.Write(p)
}
