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
	look    Look          // of one of those
	changed chan struct{} // closed, and another made, when a watcher may have something to read
	poke    chan struct{} // wakes the one who looks

	// What was found: events, numbered from base on. There is always the last one once there was any.
	ring     []event
	base     int64
	bytes    int64    // of the ring
	stream   position // of the last event that was read from Redis
	own      position // of the last event that this process counted itself
	diverged bool     // the ring's last event is not the one at stream, or the stream is another one
	missed   bool     // there may be events between the ring's last and the next one

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
	t := &topic{hub: h, key: key, watches: map[*Watch]bool{}, changed: make(chan struct{}), poke: make(chan struct{}, 1), own: newCounting()}
	_, _ = hex.Decode(t.mark[:], []byte(key[:2*idKey]))
	return t
}

func (t *topic) head() int64  { return t.base + int64(len(t.ring)) }
func (t *topic) tail() *event { return &t.ring[len(t.ring)-1] }
func (t *topic) looks() bool  { return t.stop != nil && (t.role == holding || t.role == alone) }

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
	t.watches[w] = true
	if t.look == nil {
		t.look = w.look
	}
	if t.stop == nil {
		t.start()
	}
	if !w.placed && t.loaded && !w.place() && t.hub.share == nil {
		w.give()
	}
	if !w.placed {
		w.asked = t.questions
		t.hub.share.ask(t)
	}
}

// remove lets a watcher go, and reports whether it was the last.
func (t *topic) remove(w *Watch) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	delete(t.watches, w)
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
	t.due = time.Now()
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
	for w := range t.watches {
		if w.placed {
			continue
		}
		if !w.place() && (r == alone || w.asked < question) {
			w.give()
		}
		if w.placed {
			t.tell()
		}
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
	case r == holding:
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
		t.fail(err)
		return
	case over:
		e = done
	}
	f := found(data, e)
	t.mu.Lock()
	t.failures = 0
	t.due = time.Now().Add(jittered(t.hub.config.Every))
	t.mu.Unlock()
	t.put(ctx, f)
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
func (t *topic) fail(err error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.failures++
	wait := t.hub.config.Every
	for n := 1; n < t.failures && wait < maxWait; n++ {
		wait *= 2
	}
	wait = jittered(max(min(wait, maxWait), t.hub.config.Every))
	t.due = time.Now().Add(wait)
	if t.failures == 1 {
		t.hub.log.Warn("what is watched cannot be looked at: trying again", "topic", t.key, "wait", wait, "error", err)
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
	t.newest = &f
	role, token, ahead := t.role, t.token, t.ahead
	known := len(t.ring) > 0 && t.tail().digest == f.digest
	if role == holding && known && !t.diverged && t.stream != (position{}) {
		t.settle()
		role = unknown // all is said
	}
	t.mu.Unlock()
	if role == holding {
		ours, err := t.hub.share.publish(ctx, t.key, token, ahead, f)
		switch {
		case ctx.Err() != nil:
			return
		case err != nil:
			role = alone
		case !ours:
			role = following
		}
		t.mu.Lock()
		if t.role == holding && role != holding {
			t.become(role)
		}
		t.mu.Unlock()
		t.hub.share.ask(t)
	}
	if role == alone {
		t.mu.Lock()
		t.keep(f)
		t.mu.Unlock()
	}
}

// keep takes in what this process found for itself.
func (t *topic) keep(f finding) {
	if len(t.ring) == 0 || t.tail().digest != f.digest {
		t.own.low++
		t.diverged = true
		t.append(event{finding: f, at: t.own})
	}
	t.settle()
}

// settle compares what was found last with what watchers have.
func (t *topic) settle() {
	if t.newest == nil || len(t.ring) == 0 || t.tail().digest != t.newest.digest {
		return
	}
	if !t.current {
		t.current = true
		t.tell()
	}
	if t.tail().end != goesOn {
		t.finish()
	}
}

// finish ends the topic.
func (t *topic) finish() {
	if !t.ended {
		t.current, t.ended = true, true
		t.tell()
		t.wake()
	}
}

func (t *topic) append(e event) {
	e.gap, t.missed = e.gap || t.missed, false
	t.ring = append(t.ring, e)
	t.bytes += int64(len(e.data))
	t.hub.bytes.Add(int64(len(e.data)))
	t.trim(ringEvents, ringBytes)
	t.tell()
}

// trim leaves out the oldest events, until there are no more than so many events and bytes, but never the last one.
func (t *topic) trim(events int, bytes int64) {
	for len(t.ring) > 1 && (len(t.ring) > events || t.bytes > bytes) {
		size := int64(len(t.ring[0].data))
		t.ring[0] = event{}
		t.ring = t.ring[1:]
		t.base++
		t.bytes -= size
		t.hub.bytes.Add(-size)
	}
}

// shorten leaves out all but the last event.
func (t *topic) shorten() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.trim(1, 0)
}

// forget leaves out all.
func (t *topic) forget() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.hub.bytes.Add(-t.bytes)
	t.ring, t.bytes = nil, 0
}

// stillLooks says whether a look has not ended yet of which nobody waits for what it finds.
func (t *topic) stillLooks() bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	select {
	case <-t.stopped:
		return false
	default:
		return true
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

// join takes in events of the stream, and reports whether the last one is new here. What this process found by itself, while it did not hear of the stream, watchers
// have seen: it is only known by another name from now on.
func (t *topic) join(events []event) (news bool) {
	for _, e := range events {
		t.stream = e.at
		news = false
		known := -1
		for i := len(t.ring) - 1; t.diverged && i >= 0; i-- {
			if t.ring[i].digest == e.digest {
				known = i
				break
			}
			if t.ring[i].at.high < ownCounting {
				break // it is from before that
			}
		}
		if known < 0 {
			e.gap = t.diverged && len(t.ring) > 0
			t.append(e)
			t.diverged, news = false, true
			continue
		}
		if mine := &t.ring[known]; mine.at.high >= ownCounting {
			mine.also = mine.at
		}
		t.ring[known].at = e.at
		if known == len(t.ring)-1 {
			t.diverged = false
		}
	}
	return news
}

// unheard is for when Redis did not answer.
func (t *topic) unheard(token string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.stop != nil && t.token == token {
		t.load(alone, 0)
	}
}
