package clientstest

import (
	"bytes"
	"io"
	"maps"
	"net/http"
	"net/url"
	"sync"
	"time"
)

const (
	keptRequests = 1000     // the latest; a demo that runs for days must not grow
	keptBody     = 64 << 10 // bytes of each request's body
)

// secretHeaders are left out of the log.
var secretHeaders = []string{"Authorization", "Private-Token", "Job-Token", "Cookie"}

// Seen is one request, as a simulator saw it.
type Seen struct {
	At     time.Time
	Method string
	URL    url.URL
	Route  string      // the pattern that served it; method and path where none did
	Header http.Header // without credentials
	Body   []byte      // its beginning
	Status int         // of the answer
}

// Watch remembers what a simulator was asked. The zero value is ready.
type Watch struct {
	mu     sync.Mutex
	seen   []Seen
	counts map[string]int
	points map[string]int
}

// Wrap returns a handler that remembers the requests which next serves.
func (w *Watch) Wrap(next http.Handler) http.Handler {
	return http.HandlerFunc(func(out http.ResponseWriter, r *http.Request) {
		body := &firstBytes{ReadCloser: r.Body}
		r.Body = body
		seen := Seen{At: time.Now(), Method: r.Method, URL: *r.URL, Header: r.Header.Clone()}
		for _, name := range secretHeaders {
			seen.Header.Del(name)
		}
		status := &statusWriter{ResponseWriter: out}
		defer func() {
			seen.Route, seen.Status, seen.Body = r.Pattern, status.status, body.kept.Bytes()
			if seen.Route == "" {
				seen.Route = r.Method + " " + r.URL.Path
			}
			w.add(seen)
		}()
		next.ServeHTTP(status, r)
	})
}

func (w *Watch) add(s Seen) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if len(w.seen) >= keptRequests {
		w.seen = append(w.seen[:0], w.seen[keptRequests/2:]...)
	}
	w.seen = append(w.seen, s)
	if w.counts == nil {
		w.counts = map[string]int{}
	}
	if _, known := w.counts[s.Route]; known || len(w.counts) < keptRequests {
		w.counts[s.Route]++
	}
}

// Charge notes points that a request cost, by the vendor's resource.
func (w *Watch) Charge(resource string, points int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.points == nil {
		w.points = map[string]int{}
	}
	w.points[resource] += points
}

// Requests returns the latest requests, oldest first.
func (w *Watch) Requests() []Seen {
	w.mu.Lock()
	defer w.mu.Unlock()
	return append([]Seen(nil), w.seen...)
}

// Count returns how many requests a route has served; all of them where the route is empty.
func (w *Watch) Count(route string) int {
	w.mu.Lock()
	defer w.mu.Unlock()
	if route != "" {
		return w.counts[route]
	}
	sum := 0
	for _, n := range w.counts {
		sum += n
	}
	return sum
}

// Counts returns how many requests each route has served.
func (w *Watch) Counts() map[string]int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return maps.Clone(w.counts)
}

// Points returns the points charged, by resource.
func (w *Watch) Points() map[string]int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return maps.Clone(w.points)
}

// Reset forgets everything.
func (w *Watch) Reset() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.seen, w.counts, w.points = nil, nil, nil
}

// firstBytes keeps the beginning of what is read.
type firstBytes struct {
	io.ReadCloser
	kept bytes.Buffer
}

func (b *firstBytes) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	b.kept.Write(p[:min(n, max(0, keptBody-b.kept.Len()))])
	return n, err
}

type statusWriter struct {
	http.ResponseWriter
	status int
}

func (w *statusWriter) WriteHeader(status int) {
	if w.status == 0 {
		w.status = status
	}
	w.ResponseWriter.WriteHeader(status)
}

func (w *statusWriter) Write(p []byte) (int, error) {
	if w.status == 0 {
		w.status = http.StatusOK
	}
	return w.ResponseWriter.Write(p)
}

// Unwrap lets http.ResponseController reach the connection.
func (w *statusWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }
