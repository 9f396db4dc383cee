package server

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"net/http"
	"strings"
	"sync"
	"time"
)

// One stream for many operations: the single connection mode of the GraphQL over Server-Sent Events protocol. A client reserves a stream with PUT, opens it
// with GET, and sends operations that name it, whose responses come over it.

const (
	// tokenHeader and tokenParameter name the stream that a request is for.
	tokenHeader    = "X-Graphql-Event-Stream-Token" // as net/http keeps it
	tokenParameter = "token"
	// reservedFor is how long a stream that is reserved may wait to be opened.
	reservedFor = time.Minute
)

// reservation is a stream that is reserved, or open.
type reservation struct {
	ctx   context.Context
	stop  context.CancelCauseFunc
	leave func()

	mu      sync.Mutex
	pipe    *pipe // nil until it is open
	timer   *time.Timer
	opened  chan struct{}
	running map[string]context.CancelFunc
	group   sync.WaitGroup
}

// reservations are those of a server, by their tokens, which nobody can guess.
type reservations struct {
	mu   sync.Mutex
	kept map[string]*reservation
}

func (r *reservations) find(token string) *reservation {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.kept[token]
}

func (r *reservations) drop(token string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.kept, token)
}

// tokenOf returns the token that a request names, "" for none.
func tokenOf(r *http.Request) string {
	if values := r.Header[tokenHeader]; len(values) > 0 {
		return values[0]
	}
	if !strings.Contains(r.URL.RawQuery, tokenParameter+"=") {
		return ""
	}
	return r.URL.Query().Get(tokenParameter)
}

// reserve answers PUT.
func (x *exchange) reserve() *refusal {
	ctx, stop := context.WithCancelCause(context.Background())
	leave := x.open.enter(x.settings.MaxStreams, stop)
	if leave == nil {
		stop(nil)
		return tooMany()
	}
	token := rand.Text()
	one := &reservation{ctx: ctx, stop: stop, leave: leave, opened: make(chan struct{}), running: map[string]context.CancelFunc{}}
	one.timer = time.AfterFunc(reservedFor, func() {
		if x.reserved.find(token) != nil {
			x.reserved.drop(token)
			stop(errSilent)
			leave()
		}
	})
	x.reserved.mu.Lock()
	if x.reserved.kept == nil {
		x.reserved.kept = map[string]*reservation{}
	}
	x.reserved.kept[token] = one
	x.reserved.mu.Unlock()
	x.status, x.outcome, x.out, x.began = http.StatusCreated, outcomeExecuted, len(token), true
	x.w.Header().Set(headerContentType, "text/plain; charset=utf-8")
	x.w.Header()[headerCacheControl] = noStore
	x.w.WriteHeader(x.status)
	_, _ = x.w.Write([]byte(token)) // an error means that the client is gone
	return nil
}

func unknownStream() *refusal {
	return &refusal{status: http.StatusNotFound, code: CodeBadRequest, message: "there is no such stream here: reserve one with PUT"}
}

// connect opens a stream that is reserved, and keeps it open until the client goes.
func (x *exchange) connect(token string) *refusal {
	one := x.reserved.find(token)
	if one == nil {
		return unknownStream()
	}
	one.mu.Lock()
	if one.pipe != nil || !one.timer.Stop() {
		one.mu.Unlock()
		return &refusal{status: http.StatusConflict, code: CodeBadRequest, message: "the stream is open already"}
	}
	x.status, x.outcome, x.began = http.StatusOK, outcomeExecuted, true
	one.pipe = newPipe(x.w, mediaEvents)
	one.pipe.onError(func() { one.stop(errGone) })
	close(one.opened)
	one.mu.Unlock()
	select {
	case <-x.r.Context().Done():
	case <-one.ctx.Done():
	}
	x.reserved.drop(token)
	one.stop(errGone)
	one.group.Wait()
	one.pipe.stop()
	x.out = one.pipe.size()
	one.leave()
	return nil
}

// operate runs an operation whose responses come over a stream.
func (x *exchange) operate(streamer Streamer, token string) *refusal {
	one := x.reserved.find(token)
	if one == nil {
		return unknownStream()
	}
	request, problem := x.decode()
	if problem != nil {
		return problem
	}
	if request.prepared != nil { // what names a stream is no repetition
		return badRequest("extensions.operationId is missing: it names the operation on its stream")
	}
	request.body = nil
	x.operation = request.OperationName
	var named struct{ OperationID string }
	_ = json.Unmarshal(request.Extensions, &named) // what is no such object names nothing
	id := named.OperationID
	if id == "" || len(id) > maxID {
		return badRequest("extensions.operationId is missing: it names the operation on its stream")
	}
	select {
	case <-one.opened:
	case <-one.ctx.Done():
		return unknownStream()
	case <-x.r.Context().Done():
		return x.late()
	}
	one.mu.Lock()
	defer one.mu.Unlock()
	switch {
	case one.ctx.Err() != nil:
		return unknownStream()
	case one.running[id] != nil:
		return &refusal{status: http.StatusConflict, code: CodeBadRequest, message: "an operation of that id is running on the stream"}
	case len(one.running) >= maxOperations:
		return tooMany()
	}
	ctx, cancel := context.WithCancel(one.ctx)
	one.running[id] = cancel
	request.Header = request.Header.Clone()
	server := x.Server
	one.group.Go(func() { server.runOn(ctx, cancel, one, id, streamer, request) })
	x.status, x.outcome, x.began = http.StatusAccepted, outcomeExecuted, true
	x.w.Header()[headerCacheControl] = noStore
	x.w.WriteHeader(x.status)
	return nil
}

// runOn runs an operation on a stream.
func (s *Server) runOn(ctx context.Context, cancel context.CancelFunc, one *reservation, id string, streamer Streamer, request *Request) {
	defer cancel()
	name, err := json.Marshal(id)
	if err != nil {
		s.bug("an id that is no JSON", err)
		return
	}
	send := func(body []byte) bool {
		return one.pipe.event("next", append(append(append(append([]byte(`{"id":`), name...), `,"payload":`...), body...), '}')) == nil
	}
	events, response := s.begin(ctx, streamer, request)
	if events == nil {
		send(response.Body)
		response.release()
	} else {
		defer events.Close()
		for {
			response := s.next(events)
			if response == nil {
				break
			}
			sent := ctx.Err() != nil || send(response.Body)
			response.release()
			if !sent {
				return
			}
		}
	}
	// The id is free before the client hears that the operation is over. Where the client ended it, it may be another's already.
	one.mu.Lock()
	over := ctx.Err() == nil
	if over {
		delete(one.running, id)
	}
	one.mu.Unlock()
	if over {
		_ = one.pipe.event("complete", append(append([]byte(`{"id":`), name...), '}'))
	}
}

// cancel answers DELETE: it ends an operation on a stream.
func (x *exchange) cancel(token string) *refusal {
	one := x.reserved.find(token)
	if one == nil {
		return unknownStream()
	}
	id := x.r.URL.Query().Get("operationId")
	if id == "" {
		return badRequest("the parameter operationId is missing: it names the operation to end")
	}
	one.mu.Lock()
	defer one.mu.Unlock()
	if stop := one.running[id]; stop != nil {
		stop()
		delete(one.running, id)
	}
	x.status, x.outcome, x.began = http.StatusOK, outcomeExecuted, true
	x.w.Header()[headerCacheControl] = noStore
	x.w.WriteHeader(x.status)
	return nil
}
