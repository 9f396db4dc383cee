package view

import (
	"context"
	"fmt"
	"log/slog"
	"runtime/debug"
	"sync"
	"time"
)

// behindTime is what one thing that is done behind requests may take: more than collecting the reports of a run.
const behindTime = 10 * time.Minute

// Behind does things behind requests and notices, a bounded number at once, until it is closed. A thing that panics costs itself alone. Its methods may be called at
// once.
type Behind struct {
	log    *slog.Logger
	places int

	ctx     context.Context
	stop    context.CancelFunc
	workers sync.WaitGroup

	mu    sync.Mutex // held where something begins
	busy  int
	named map[string]chan struct{} // what is under way, by name
}

// NewBehind returns what does so many things at once. It has to be closed.
func NewBehind(places int, log *slog.Logger) *Behind {
	b := &Behind{log: log, places: places, named: map[string]chan struct{}{}}
	b.ctx, b.stop = context.WithCancel(context.Background())
	return b
}

// Do begins something, and returns what is closed when it is over. What has the name of something that is under way is that: it is not begun again; without a name it
// is always another. nil says that it was not begun, as there is too much to do already, or all ends: the next who wants it can try again.
func (b *Behind) Do(name string, do func(ctx context.Context)) <-chan struct{} {
	b.mu.Lock()
	defer b.mu.Unlock()
	if flight := b.named[name]; name != "" && flight != nil {
		return flight
	}
	if b.busy >= b.places || b.ctx.Err() != nil {
		return nil
	}
	done := make(chan struct{})
	b.busy++
	if name != "" {
		b.named[name] = done
	}
	b.workers.Go(func() {
		defer func() {
			b.mu.Lock()
			defer b.mu.Unlock()
			b.busy--
			delete(b.named, name)
			close(done)
		}()
		defer contain(b.log, "something behind requests")
		ctx, cancel := context.WithTimeout(b.ctx, behindTime)
		defer cancel()
		do(ctx)
	})
	return done
}

// Hold keeps Close from returning until what it returns was called, for what a request does that has to be written down at its end. It is nil where all ends.
func (b *Behind) Hold() (release func()) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.ctx.Err() != nil {
		return nil
	}
	b.workers.Add(1)
	return sync.OnceFunc(b.workers.Done)
}

// contain keeps a panic from ending the process. It is deferred.
func contain(log *slog.Logger, what string) {
	if p := recover(); p != nil {
		log.Error("bug: "+what+" panicked", "panic", fmt.Sprint(p), "stack", string(debug.Stack()))
	}
}

// Close tells all that is under way to end, and returns when it has. Nothing is begun any more.
func (b *Behind) Close() {
	b.mu.Lock()
	b.stop()
	b.mu.Unlock()
	b.workers.Wait()
}
