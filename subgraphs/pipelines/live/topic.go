package live

import (
	"container/list"
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"math/rand/v2"
	"runtime/debug"
	"sync"
	"time"
)

// role is who looks at a topic.
type role uint8

const (
	unknown   role = iota // Redis is being asked
	following             // another process
	holding               // this process, for all
	alone                 // this process, for itself
)

// topic is what is known of a topic in this process.
type topic struct {
	hub  *Hub
	key  string
	mark [idKey]byte // the beginning of the key, for IDs

	// Of the hub's lock.
	rest     *list.Element // in Hub.resting, while nobody watches
	restedAt time.Time

	mu      sync.Mutex
	watches map[*Watch]bool
	waiting map[*Watch]bool // those of which it is not known what comes next
	look    Look            // of one of those
	changed chan struct{}   // closed, and another made, when a watcher may have something to read
	poke    chan struct{}   // wakes the one who looks

	// What was found: events, numbered from base on. There is always the last one once there was any.
	ring     []event
	base     int64
	bytes    int64     // of the ring
	stream   position  // of the last event that was read from Redis
	own      position  // of the last event that this process counted itself
	diverged bool      // the ring's last event is not the one at stream, or the stream is another one
	missed   bool      // there may be events between the ring's last and the next one
	passed   *event    // the event at stream, where it is older than the ring's last
	apart    time.Time // since when it is diverged though another process looks; zero where it is not so

	// From the first watcher to the last, or to the topic's end.
	stop    context.CancelFunc // nil while nobody looks
	stopped chan struct{}      // closed when nobody looks any more; nil before anybody did
	token   string             // under which it is looked for all
	role    role
	loaded  bool // it is known which events there are
	current bool // the ring's last event is how it is now, as far as is known
	ended   bool // the ring's last event is the last of all
	newest  *finding

	questions int64 // that Redis was asked
	ahead     int64 // milliseconds that its clock is before ours, about

	// When it is looked.
	failures int
	began    time.Time // the last look
	due      time.Time // the next one
	nudged   bool      // it is wanted before that
}

func newTopic(h *Hub, key string) *topic {
	t := &topic{hub: h, key: key, watches: map[*Watch]bool{}, waiting: map[*Watch]bool{}, changed: make(chan struct{}), poke: make(chan struct{}, 1), own: newCounting()}
	_, _ = hex.Decode(t.mark[:], []byte(key[:2*idKey]))
	return t
}

func (t *topic) looks() bool { return t.stop != nil && (t.role == holding || t.role == alone) }

func (t *topic) tell() {
	close(t.changed)
	t.changed = make(chan struct{})
}

func (t *topic) wake() {
	select {
	case t.poke <- struct{}{}:
	default:
	}
}

// add takes in a watcher, and begins to look where nobody does.
func (t *topic) add(w *Watch) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.watches[w], t.waiting[w] = true, true
	if t.look == nil {
		t.look = w.look
	}
	if t.stop == nil {
		t.start()
	}
	w.asked = t.questions
	if t.loaded {
		t.place(w, t.hub.share == nil)
	}
	if t.waiting[w] {
		t.hub.share.ask(t)
	}
}

// place finds out what comes next for a watcher. Where it is not known, final says that it will not be.
func (t *topic) place(w *Watch, final bool) {
	if !t.waiting[w] {
		return
	}
	if w.place(); final && !w.placed {
		w.give()
	}
	if w.placed {
		delete(t.waiting, w)
		t.tell()
	}
}

// remove lets a watcher go, and reports whether it was the last.
func (t *topic) remove(w *Watch) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	delete(t.watches, w)
	delete(t.waiting, w)
	t.look = nil // what it was is the leaving one's, perhaps
	for other := range t.watches {
		t.look = other.look
		break
	}
	if len(t.watches) == 0 && t.stop != nil {
		t.stop()
		t.stop = nil
	}
	return len(t.watches) == 0
}

// start begins to look. Watchers of an end that was not read yet watch how it begins again.
func (t *topic) start() {
	before := t.stopped
	var ctx context.Context
	ctx, t.stop = context.WithCancel(t.hub.ctx)
	t.stopped = make(chan struct{})
	t.role, t.loaded, t.current, t.ended, t.newest, t.failures, t.nudged = unknown, false, false, false, nil, 0, false
	t.due, t.apart = time.Now(), time.Time{}
	t.token = newToken()
	if t.hub.share == nil {
		t.load(alone, 0)
	}
	stopped, token := t.stopped, t.token
	t.hub.work.Go(func() {
		defer close(stopped)
		if before != nil {
			<-before // one looks at a time
		}
		if t.hub.share != nil {
			t.hub.share.ask(t)
			defer t.hub.share.release(t, token)
		}
		t.run(ctx)
	})
}

// load is for when it is known who looks, and which events there are: those that Redis had when it was asked for the time of that number.
func (t *topic) load(r role, question int64) {
	t.become(r)
	t.loaded = true
	for w := range t.waiting {
		t.place(w, r == alone || w.asked < question)
	}
}

// become changes who looks.
func (t *topic) become(r role) {
	before := t.role
	if t.role = r; before == r {
		return
	}
	now := time.Now()
	switch {
	case r == holding && before != alone:
		t.due = now
	case r == alone && before == following:
		t.due = now.Add(rand.N(t.hub.config.Every)) // all who follow begin to look when Redis goes away
		t.missed = true
	case r == alone && before == unknown:
		t.missed = t.hub.share != nil && len(t.ring) > 0
	case r == following:
		t.newest = nil
	}
	t.wake()
}

// nudge has it looked soon, and reports whether that is this process's to do.
func (t *topic) nudge() bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.looks() {
		t.nudged = true
		t.wake()
	}
	return t.looks() && t.role == holding || t.hub.share == nil
}

// run looks whenever it is time to, until ctx ends or the topic does.
func (t *topic) run(ctx context.Context) {
	timer := time.NewTimer(0)
	defer timer.Stop()
	for ctx.Err() == nil {
		t.mu.Lock()
		wait, mine, over := t.wait(), t.role == holding || t.role == alone, t.ended
		if over && ctx.Err() == nil && t.stop != nil {
			t.stop()
			t.stop = nil
		}
		t.mu.Unlock()
		if over {
			return
		}
		if mine && wait <= 0 {
			t.lookNow(ctx)
			continue
		}
		var due <-chan time.Time
		if mine {
			timer.Reset(wait)
			due = timer.C
		}
		select {
		case <-ctx.Done():
		case <-t.poke:
		case <-due:
		}
	}
}

// wait is how long until it is time to look.
func (t *topic) wait() time.Duration {
	at := t.due
	if t.nudged && time.Now().Before(at) {
		at = time.Now()
		if t.failures > 0 { // being told that something has changed does not help who does not answer
			at = t.began.Add(min(t.hub.config.Every, t.due.Sub(t.began)))
		}
	}
	if least := t.began.Add(lookGap); at.Before(least) {
		at = least
	}
	return time.Until(at)
}

// lookNow looks once.
func (t *topic) lookNow(ctx context.Context) {
	t.mu.Lock()
	look := t.look
	t.began, t.nudged = time.Now(), false
	t.mu.Unlock()
	if look == nil {
		return // the last watcher leaves just now
	}
	data, over, err := callLook(ctx, look)
	e := goesOn
	switch {
	case ctx.Err() != nil:
		return
	case errors.Is(err, ErrGone):
		e = gone
	case err != nil:
		t.fail(ctx, err)
		return
	case over:
		e = done
	}
	t.put(ctx, found(data, e))
	t.hub.relieve(t)
}

func callLook(ctx context.Context, look Look) (data []byte, over bool, err error) {
	ctx, cancel := context.WithTimeout(ctx, lookTime)
	defer cancel()
	defer func() {
		if p := recover(); p != nil { // a mistake of one look must not end the process
			err = fmt.Errorf("looking panicked: %v\n%s", p, debug.Stack())
		}
	}()
	return look(ctx)
}

// fail is for a look that failed. Who waits for how it is now is shown the last that is known.
func (t *topic) fail(ctx context.Context, err error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if ctx.Err() != nil {
		return
	}
	t.failures++
	wait := t.hub.config.Every
	for n := 1; n < t.failures && wait < maxWait; n++ {
		wait *= 2
	}
	wait = jittered(max(min(wait, maxWait), t.hub.config.Every))
	t.due = time.Now().Add(wait)
	if t.failures == 1 {
		t.hub.complain(t.key, wait, err)
	}
	if len(t.ring) > 0 && t.tail().end == goesOn && !t.current {
		t.current = true
		t.tell()
	}
}

// jittered is about d: those who begin together drift apart.
func jittered(d time.Duration) time.Duration { return d - d/10 + rand.N(d/5+1) }

// put gives what was found to the watchers, here or everywhere.
func (t *topic) put(ctx context.Context, f finding) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if ctx.Err() != nil {
		return // it may be that others look by now
	}
	t.newest, t.failures = &f, 0
	t.due = time.Now().Add(jittered(t.hub.config.Every))
	if t.role == holding {
		if known := len(t.ring) > 0 && t.tail().digest == f.digest; known && !t.diverged && t.stream != (position{}) {
			t.settle()
			return
		}
		token, ahead := t.token, t.ahead
		t.mu.Unlock()
		at, err := t.hub.share.publish(ctx, t.key, token, ahead, f)
		t.mu.Lock()
		if ctx.Err() != nil {
			return
		}
		if t.role == holding && err != nil {
			t.become(alone)
		} else if t.role == holding && at == (position{}) {
			t.become(following)
		} else if t.diverged && at == t.stream {
			t.rejoin(f) // the stream has it already
			t.settle()
		}
		t.hub.share.ask(t)
	}
	if t.role == alone {
		t.keep(f)
	}
}

// heard takes in what Redis answered.
func (t *topic) heard(q question, a answer) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.stop == nil || t.token != q.token {
		return // it is about watchers who have left
	}
	live := t.loaded
	if a.gap || a.empty && t.stream != (position{}) {
		t.diverged, t.missed = true, true
	}
	if a.empty {
		t.stream = position{}
	}
	t.ahead = a.clock - q.asked
	news := t.join(a.events)
	r := following
	if a.ours {
		r = holding
	}
	t.load(r, q.number)
	if r == following && t.diverged {
		t.await()
	} else {
		t.apart = time.Time{}
	}
	switch {
	case r == holding:
		t.settle()
	case len(t.ring) == 0:
	case t.tail().end != goesOn:
		if live && news {
			t.finish()
		}
	case !t.current:
		t.current = true
		t.tell()
	}
}

// unheard is for when Redis did not answer.
func (t *topic) unheard(token string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.stop != nil && t.token == token {
		t.load(alone, 0)
	}
}
