package live

import (
	"context"
	"io"
	"sync"
)

// Watch is one watcher of a topic. Next is for one goroutine at a time.
type Watch struct {
	topic  *topic
	look   Look
	after  string
	closed chan struct{}
	once   sync.Once
	unbind func() bool

	// Of the topic's lock.
	asked   int64 // how many questions Redis was asked when it came
	placed  bool  // it is known what comes next
	present bool  // what comes next is how it is now, when that is known
	next    int64 // else the event of this number
	since   int64 // the events from this number on count for MaxHeld
	lost    bool  // events before the next one were left out
	ended   error // what Next returns from now on
}

// Next waits for the next event. After the last it returns io.EOF, ErrGone or ErrTooLarge; ErrClosed where the Watch or the Hub was closed; or what ended ctx.
func (w *Watch) Next(ctx context.Context) (Event, error) {
	for {
		select {
		case <-w.closed:
			return Event{}, ErrClosed
		case <-w.topic.hub.ctx.Done():
			return Event{}, ErrClosed
		default:
		}
		event, changed, err := w.step()
		if changed == nil {
			return event, err
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return Event{}, ctx.Err()
		case <-w.closed:
		case <-w.topic.hub.ctx.Done():
		}
	}
}

// Close ends the watch. The last one that is closed ends the looking.
func (w *Watch) Close() {
	w.unbind()
	w.close()
}

func (w *Watch) close() {
	w.once.Do(func() {
		close(w.closed)
		w.topic.hub.leave(w)
	})
}

// place finds out what comes next. What is not known Redis may know, unless it is no position in its stream.
func (w *Watch) place() {
	t := w.topic
	p, ok := t.position(w.after)
	if ok {
		for i := len(t.ring) - 1; i >= 0; i-- {
			if t.ring[i].at == p || t.ring[i].also == p {
				w.placed, w.next, w.since = true, t.base+int64(i)+1, t.head()
				return
			}
		}
	}
	if !ok || p.high >= ownCounting {
		w.give()
	}
}

// give has it begin with how it is now.
func (w *Watch) give() { w.placed, w.present, w.lost = true, true, w.after != "" }

// step returns the next event or the end. Where there is neither yet, it returns what is closed when something has changed.
func (w *Watch) step() (Event, <-chan struct{}, error) {
	t := w.topic
	t.mu.Lock()
	defer t.mu.Unlock()
	if w.ended != nil {
		return Event{}, nil, w.ended
	}
	if !w.placed || w.present && !t.current {
		return Event{}, t.changed, nil
	}
	first := w.present
	if first {
		w.present = false
		w.next = t.head() - 1
		w.since = w.next
	}
	if oldest := max(t.base, t.head()-MaxHeld); w.next < t.base || w.next < oldest && w.since < oldest {
		w.next, w.lost = oldest, true
	}
	for ; w.next < t.head(); w.next++ {
		e := &t.ring[w.next-t.base]
		last := w.next == t.head()-1
		if e.end != goesOn && last && !t.ended {
			return Event{}, t.changed, nil // it has begun again, or not been looked whether it has
		}
		w.lost = w.lost || e.gap && !first
		if e.end == gone || e.end == tooMuch {
			continue
		}
		out := Event{ID: t.id(e.at), Data: e.data, Lost: w.lost, Done: e.end == done && last}
		if w.next, w.lost = w.next+1, false; out.Done {
			w.ended = io.EOF
		}
		return out, nil, nil
	}
	if !t.ended {
		return Event{}, t.changed, nil
	}
	switch t.tail().end {
	case gone:
		w.ended = ErrGone
	case tooMuch:
		w.ended = ErrTooLarge
	default:
		w.ended = io.EOF
	}
	return Event{}, nil, w.ended
}
