// Package webhooks takes in what upstream systems send when something changes. Requests go in; those that are signed, whole and new come out, once each,
// after they have been answered.
//
// The one rule: nothing of a request is looked at before its signature over the raw body holds, and an answer never waits for what is done about it.
//
// Start with Receiver.ServeHTTP. seen.go remembers what came already.
package webhooks

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"mime"
	"net/http"
	"net/url"
	"sync"
	"sync/atomic"
	"time"
)

// Event is one webhook. Its body is JSON that nobody has checked beyond its signature.
type Event struct {
	Source   string // whose secret signed it
	Delivery string // the sender's name for it, which a repetition has too; empty where it gives none
	Header   http.Header
	Body     []byte
}

// Sender is one source that sends webhooks.
type Sender struct {
	Source string
	// Verify tells whether the request was signed with a secret of the source, over the raw body and in constant time; an error says what is wrong for the
	// log and holds no secret.
	Verify func(header http.Header, body []byte) error
}

// Receiver takes the webhooks of one vendor. Its fields are not to be changed once it is used.
type Receiver struct {
	Senders []Sender
	// Delivery returns the sender's name for a request, "" where it gives none.
	Delivery func(header http.Header) string
	// Handle does what is to be done. Its errors are logged. It is called for one event at a time.
	Handle func(ctx context.Context, e Event) error
	// Seen remembers deliveries; nil for nothing.
	Seen    Seen
	MaxBody int64 // bytes; 0 means DefaultMaxBody
	Queue   int   // events that may wait; 0 means DefaultQueue
	Log     *slog.Logger

	once    sync.Once
	reading chan struct{} // a place for each body that is read
	held    atomic.Int64  // bytes of the bodies of events that wait
	waiting chan Event
	stop    context.CancelFunc
	ended   chan struct{}
}

// The bounds of a receiver that says nothing else.
const (
	DefaultMaxBody = 25 << 20 // GitHub sends no more
	DefaultQueue   = 1000
	// maxReading are the bodies that are read at once: until its signature is looked at, a body may be anybody's.
	maxReading = 32
	// maxHeld bounds the bodies of the events that wait, in bytes.
	maxHeld = 128 << 20
	// readTime is how long a request may take to arrive.
	readTime = 30 * time.Second
	// handleTime is what one event may take.
	handleTime = 30 * time.Second
	// seenTime is how long the look-up of a delivery may take. A repetition costs a refresh, waiting costs the sender's patience.
	seenTime = 250 * time.Millisecond
)

func (r *Receiver) start() {
	if r.MaxBody == 0 {
		r.MaxBody = DefaultMaxBody
	}
	if r.Queue == 0 {
		r.Queue = DefaultQueue
	}
	if r.Log == nil {
		r.Log = slog.New(slog.DiscardHandler)
	}
	r.reading = make(chan struct{}, maxReading)
	r.waiting, r.ended = make(chan Event, r.Queue), make(chan struct{})
	var ctx context.Context
	ctx, r.stop = context.WithCancel(context.Background())
	go func() {
		defer close(r.ended)
		for {
			select {
			case <-ctx.Done():
				return
			case e := <-r.waiting:
				r.held.Add(-int64(len(e.Body)))
				r.handle(ctx, e)
			}
		}
	}()
}

func (r *Receiver) handle(ctx context.Context, e Event) {
	ctx, cancel := context.WithTimeout(ctx, handleTime)
	defer cancel()
	defer func() {
		if p := recover(); p != nil {
			r.Log.Error("bug: handling a webhook panicked", "source", e.Source, "delivery", e.Delivery, "panic", p)
		}
	}()
	if err := r.Handle(ctx, e); err != nil {
		r.Log.Warn("a webhook could not be handled: what it is about is fresh again when its time is up", "source", e.Source, "delivery", e.Delivery, "error", err)
	}
}

// Close ends the handling. Events that wait are dropped.
func (r *Receiver) Close() error {
	r.once.Do(r.start)
	r.stop()
	<-r.ended
	return nil
}

// ServeHTTP takes in one request.
func (r *Receiver) ServeHTTP(w http.ResponseWriter, request *http.Request) {
	r.once.Do(r.start)
	w.Header().Set("Cache-Control", "no-store")
	if request.Method != http.MethodPost {
		w.Header().Set("Allow", http.MethodPost)
		answer(w, http.StatusMethodNotAllowed, "webhooks are sent with POST")
		return
	}
	if len(r.Senders) == 0 {
		answer(w, http.StatusNotFound, "no source here has a secret for webhooks: see webhookSecrets in the configuration")
		return
	}
	if request.ContentLength > r.MaxBody {
		answer(w, http.StatusRequestEntityTooLarge, "the webhook is too large")
		return
	}
	select {
	case r.reading <- struct{}{}:
	case <-request.Context().Done():
		return
	}
	defer func() { <-r.reading }()
	_ = http.NewResponseController(w).SetReadDeadline(time.Now().Add(readTime)) // fails where the connection has no deadlines
	raw, err := io.ReadAll(http.MaxBytesReader(w, request.Body, r.MaxBody))
	var tooLarge *http.MaxBytesError
	switch {
	case errors.As(err, &tooLarge):
		answer(w, http.StatusRequestEntityTooLarge, "the webhook is too large")
		return
	case err != nil:
		answer(w, http.StatusBadRequest, "the webhook was cut off")
		return
	}
	source, err := r.signedBy(request.Header, raw)
	if err != nil {
		r.Log.Warn("a webhook was refused: its signature does not hold", "remote", request.RemoteAddr, "error", err)
		answer(w, http.StatusUnauthorized, "the signature does not hold")
		return
	}
	body, err := payload(request.Header, raw)
	if err != nil {
		answer(w, http.StatusBadRequest, err.Error())
		return
	}
	e := Event{Source: source, Header: request.Header.Clone(), Body: body}
	if r.Delivery != nil {
		e.Delivery = r.Delivery(request.Header)
	}
	if !r.first(request.Context(), e) {
		answer(w, http.StatusOK, "this delivery is known already")
		return
	}
	taken := false
	if r.held.Add(int64(len(e.Body))) <= maxHeld {
		select {
		case r.waiting <- e:
			taken = true
		default:
		}
	}
	if taken {
		answer(w, http.StatusAccepted, "taken")
	} else {
		r.held.Add(-int64(len(e.Body)))
		r.forget(request.Context(), e)
		r.Log.Warn("a webhook was turned away: too many wait", "source", source)
		w.Header().Set("Retry-After", "10")
		answer(w, http.StatusServiceUnavailable, "too many webhooks wait: send it again later")
	}
}

// signedBy returns the source whose secret signed the request.
func (r *Receiver) signedBy(header http.Header, body []byte) (string, error) {
	var last error
	found := ""
	for _, s := range r.Senders { // all of them, so that the time tells nothing about which
		if err := s.Verify(header, body); err != nil {
			last = err
		} else if found == "" {
			found = s.Source
		}
	}
	if found == "" {
		return "", last
	}
	return found, nil
}

// maxDelivery bounds what a sender may call a delivery, in bytes.
const maxDelivery = 200

func (r *Receiver) first(ctx context.Context, e Event) bool {
	if r.Seen == nil || e.Delivery == "" || len(e.Delivery) > maxDelivery {
		return true
	}
	ctx, cancel := context.WithTimeout(ctx, seenTime)
	defer cancel()
	first, err := r.Seen.First(ctx, e.Source+" "+e.Delivery)
	if err != nil {
		r.Log.Warn("whether a webhook came before cannot be found out: it counts as new", "source", e.Source, "error", err)
		return true
	}
	return first
}

func (r *Receiver) forget(ctx context.Context, e Event) {
	if r.Seen == nil || e.Delivery == "" {
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), seenTime)
	defer cancel()
	if err := r.Seen.Forget(ctx, e.Source+" "+e.Delivery); err != nil {
		r.Log.Warn("a webhook that was turned away stays marked as known", "source", e.Source, "error", err)
	}
}

// payload returns the JSON of a request, which GitHub may send as a field of a form.
func payload(header http.Header, body []byte) ([]byte, error) {
	media, _, err := mime.ParseMediaType(header.Get("Content-Type"))
	switch {
	case err == nil && media == "application/json":
		return body, nil
	case err == nil && media == "application/x-www-form-urlencoded":
		form, err := url.ParseQuery(string(body))
		if err != nil || form.Get("payload") == "" {
			return nil, errors.New("the form has no field payload")
		}
		return []byte(form.Get("payload")), nil
	}
	return nil, errors.New("send webhooks as application/json")
}

func answer(w http.ResponseWriter, status int, text string) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	w.WriteHeader(status)
	_, _ = io.WriteString(w, text+"\n")
}
