// Package live keeps what many watch fresh by one who looks: a run of a pipeline, its log, or anything else that goes on by itself. A topic and a way to look at it go in;
// each watcher gets how it is now, and then every change, until nothing more will come. It knows neither what topics are nor what is found.
//
// The one rule: however many watch a topic, one looks at a time: one goroutine of this process, and where processes share a Redis one of those. The others read from
// a stream in Redis what that one found. Without Redis, or while it is away, each process looks for itself, and nobody's watch fails for that.
//
// Start with Hub.Watch. topic.go says when it is looked, and holds what was found; watch.go is how a watcher reads that; redis.go is what processes say to each other.
package live

import (
	"container/list"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/redis/go-redis/v9"
)

// Config is what a Hub can be told. Its zero value is right for one process.
type Config struct {
	Redis    redis.UniversalClient // of version 6.2 or later, with ContextTimeoutEnabled; nil: this process alone
	Prefix   string                // of all keys and the channel; DefaultPrefix where empty
	Every    time.Duration         // between two looks at a topic, give or take a tenth; DefaultEvery where 0, and never below a quarter of a second
	Topics   int                   // that can be watched at once; DefaultTopics where 0
	Watchers int                   // of all topics; DefaultWatchers where 0
	Log      *slog.Logger          // nowhere where nil
}

// What a Hub does that is told nothing else.
const (
	DefaultPrefix   = "callboard:live"
	DefaultEvery    = 5 * time.Second
	DefaultTopics   = 10_000
	DefaultWatchers = 100_000
)

const (
	// MaxData is the most a look may find, in bytes. Whoever has more to show must show a part.
	MaxData = 1 << 20
	// MaxHeld is how many events wait for a watcher that is slow, beside those it resumed with. Beyond it the oldest are left out.
	MaxHeld = 32
	// lookGap is the least time from one look at a topic to the next, however often it is told to look: what people still take for at once.
	lookGap = 250 * time.Millisecond
	// lookTime is what one look may take: as long as any source may.
	lookTime = 30 * time.Second
	// maxWait is between looks that fail, in the end.
	maxWait = time.Minute
	// keepTime is how long what was found is kept when nobody looks any more, for those who come back.
	keepTime = time.Hour
	// Of one topic so many events, and bytes, are kept in a process: somewhat more than in the stream, which is trimmed roughly.
	ringEvents = 2 * streamEvents
	ringBytes  = 4 * streamBytes
	// hubBytes bounds what is kept of all topics, above their last events.
	hubBytes = 256 << 20
)

// What a Look may say, and what becomes of a Watch.
var (
	// ErrGone is what a Look says of what is not there any more. It ends the topic for everybody: Next returns it.
	ErrGone = errors.New("what is watched is not there any more")
	// ErrTooLarge ends a topic of which a look found more than MaxData.
	ErrTooLarge = errors.New("what is watched is larger than can be shown")
	// ErrFull is what Watch returns where there are as many topics or watchers as there may be.
	ErrFull = errors.New("too much is watched already: try again later")
	// ErrClosed is what Next returns when the Watch, or the Hub, was closed.
	ErrClosed = errors.New("the watch is closed")
)

// Look says how a topic is now. Watchers get data where it differs from what was found before; it must not be changed afterwards. done says that nothing more will
// come after this. After another error it is looked again later. A Look must end when its context does, which is not that of the watcher who brought it: it may be
// used for as long as anybody watches the topic.
type Look func(ctx context.Context) (data []byte, done bool, err error)

// Event is how a topic was at some time.
type Event struct {
	ID   string // opaque; with it Watch goes on after this event
	Data []byte // not to be changed
	Lost bool   // events before this one were left out
	Done bool   // it is the last
}

// Hub knows who watches what. It is safe for concurrent use.
type Hub struct {
	config Config
	share  *share // nil without Redis
	log    *slog.Logger
	bytes  atomic.Int64 // of what is kept of all topics
	stop   context.CancelFunc
	ctx    context.Context
	work   sync.WaitGroup

	mu       sync.Mutex
	topics   map[string]*topic // by key
	resting  list.List         // of *topic that nobody watches, the longest first; they are kept for those who come back
	watchers int

	complaints struct {
		mu   sync.Mutex
		last time.Time // when it was last said that a topic cannot be looked at
		more int       // how many there were since, of which nothing was said
	}
}

// New returns a Hub. It does not wait for Redis.
func New(c Config) *Hub {
	if c.Prefix == "" {
		c.Prefix = DefaultPrefix
	}
	if c.Every == 0 {
		c.Every = DefaultEvery
	}
	c.Every = max(c.Every, lookGap)
	if c.Topics == 0 {
		c.Topics = DefaultTopics
	}
	if c.Watchers == 0 {
		c.Watchers = DefaultWatchers
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	h := &Hub{config: c, log: c.Log, topics: map[string]*topic{}}
	h.ctx, h.stop = context.WithCancel(context.Background())
	if c.Redis != nil {
		h.share = newShare(h)
	}
	return h
}

// Close ends all watches and all looking. It returns when nobody looks any more.
func (h *Hub) Close() {
	h.mu.Lock()
	h.stop()
	h.mu.Unlock()
	h.work.Wait()
}

// keyOf is what stands for a topic in keys: topics may be long, and hold anything.
func keyOf(topic string) string {
	sum := sha256.Sum256([]byte(topic))
	return hex.EncodeToString(sum[:16])
}

// Watch begins to watch a topic, for no longer than ctx. Everybody who watches a topic gets what the look of any one of them found: what not all may see must be
// different topics.
//
// With after, the Event.ID that a client saw last, the events after it follow, none left out and none twice, on whatever process of those that share a Redis. Where
// these are not known any more, or after is no ID of this topic, the Watch begins with how it is now, as one more Event that says Lost. With "" it begins so too, without
// saying Lost.
func (h *Hub) Watch(ctx context.Context, topic, after string, look Look) (*Watch, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	h.mu.Lock()
	if h.ctx.Err() != nil {
		h.mu.Unlock()
		return nil, ErrClosed
	}
	if h.watchers >= h.config.Watchers {
		h.mu.Unlock()
		return nil, ErrFull
	}
	key := keyOf(topic)
	t := h.topics[key]
	if t == nil || t.rest != nil {
		if len(h.topics)-h.resting.Len() >= h.config.Topics {
			h.mu.Unlock()
			return nil, ErrFull
		}
		if t == nil {
			t = newTopic(h, key)
			h.topics[key] = t
		} else {
			h.resting.Remove(t.rest)
			t.rest = nil
		}
		h.tidy()
	}
	w := &Watch{topic: t, look: look, after: after, closed: make(chan struct{})}
	h.watchers++
	t.add(w)
	h.mu.Unlock()
	w.unbind = context.AfterFunc(ctx, w.close)
	return w, nil
}

// leave is for a watcher that leaves. The last one ends the looking.
func (h *Hub) leave(w *Watch) {
	h.mu.Lock()
	defer h.mu.Unlock()
	t := w.topic
	h.watchers--
	if t.remove(w) {
		t.restedAt = time.Now()
		t.rest = h.resting.PushBack(t)
		h.tidy()
	}
}

// tidy forgets topics that rest for too long, or are too many or too large, the longest first.
func (h *Hub) tidy() {
	for e := h.resting.Front(); e != nil; e = h.resting.Front() {
		t := e.Value.(*topic)
		if h.resting.Len() <= h.config.Topics && h.bytes.Load() <= hubBytes && time.Since(t.restedAt) < keepTime || t.stillLooks() {
			return
		}
		h.resting.Remove(e)
		delete(h.topics, t.key)
		t.forget()
	}
}

// complainEvery is the least time between two lines in the log about topics that cannot be looked at: what is watched is what clients say, and one whose system is away
// is one of all of it.
const complainEvery = 10 * time.Second

// complain says that a topic cannot be looked at, for several at once where there are many.
func (h *Hub) complain(key string, wait time.Duration, err error) {
	c := &h.complaints
	c.mu.Lock()
	now := time.Now()
	quiet := !c.last.IsZero() && now.Sub(c.last) < complainEvery
	more := c.more
	if quiet {
		c.more++
	} else {
		c.last, c.more = now, 0
	}
	c.mu.Unlock()
	if !quiet {
		h.log.Warn("what is watched cannot be looked at: trying again", "topic", key, "wait", wait, "others", more, "error", err)
	}
}

// relieve is for when more is kept than may be: first goes what nobody watches, then what t has before its last event.
func (h *Hub) relieve(t *topic) {
	if h.bytes.Load() <= hubBytes {
		return
	}
	h.mu.Lock()
	h.tidy()
	h.mu.Unlock()
	if h.bytes.Load() > hubBytes {
		t.shorten()
	}
}

// Nudge tells that something has changed, so that it is looked before its time where anybody watches the topic, here or elsewhere. It does not wait. However often it
// is called, it is looked no more often than every quarter of a second.
func (h *Hub) Nudge(topic string) {
	key := keyOf(topic)
	if t := h.topic(key); (t == nil || !t.nudge()) && h.share != nil {
		h.share.nudge(key)
	}
}

func (h *Hub) topic(key string) *topic {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.topics[key]
}

// watched returns the topics that are watched.
func (h *Hub) watched() []*topic {
	h.mu.Lock()
	defer h.mu.Unlock()
	out := make([]*topic, 0, len(h.topics)-h.resting.Len())
	for _, t := range h.topics {
		if t.rest == nil {
			out = append(out, t)
		}
	}
	return out
}

// Watched says whether anybody watches the topic in this process.
func (h *Hub) Watched(topic string) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	t := h.topics[keyOf(topic)]
	return t != nil && t.rest == nil
}

// Status is how much is watched in a process, and who looks.
type Status struct {
	Topics   int // that are watched
	Watchers int
	Looking  int  // topics at which this process looks
	Alone    bool // Redis does not do what it is asked, so that each process looks for itself
}

// Status tells how much is watched in this process.
func (h *Hub) Status() Status {
	var out Status
	for _, t := range h.watched() {
		t.mu.Lock()
		if out.Topics++; t.looks() {
			out.Looking++
		}
		t.mu.Unlock()
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	out.Watchers, out.Alone = h.watchers, h.share != nil && h.share.broken.Load()
	return out
}
