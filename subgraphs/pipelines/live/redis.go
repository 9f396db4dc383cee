package live

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"maps"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/redis/go-redis/v9"
)

// Of each topic there are two keys in Redis, in one slot of a cluster: a lease, which says by a token who looks, and a stream of what was found. Every event of the stream
// names the one before it, so that who reads on after an event knows whether there was anything between.
//
// Each process asks for all of its topics about once a second: the lease, if nobody has it, and what is new. That alone would do. So that watchers need not wait for
// it, it is said on one channel, to which each process listens on one connection, when there is something new. In a cluster too, every process hears all of a channel,
// while one connection cannot wait for streams on several servers.

const (
	streamEvents = 256     // that are kept, about
	streamBytes  = 4 << 20 // likewise: of large events fewer are kept
	fewEvents    = 4       // but so many
	// leaseTime is how long others wait for a process that died.
	leaseTime = 3 * time.Second
	// askTime is how often Redis is asked for all topics.
	askTime = time.Second
	// askBudget is what one question of some topics may take: many times what a Redis that is near takes.
	askBudget = 500 * time.Millisecond
	// askTopics is how many topics are asked for together.
	askTopics = 200
	// nudgePace is how often other processes are nudged.
	nudgePace = 100 * time.Millisecond
	// maxNudges bounds how many topics wait to be nudged: as many as may be watched. The rest is seen when it is due.
	maxNudges = DefaultTopics
)

const (
	// scriptAsk takes the lease where nobody has it, makes it last where it is ours, and reads what comes after an event. Keys: lease, stream. Arguments: the token, the
	// life of the lease and of the stream in milliseconds, the event, empty for none. It returns whether the lease is ours, the time in milliseconds, what the events are, and the
	// events: 0 for all that come after the event, 1 for the last one alone where it is not known what came between, 2 for a stream without any.
	scriptAsk = `local owner = redis.call('GET', KEYS[1])
if not owner then
  redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
  owner = ARGV[1]
end
local ours = 0
if owner == ARGV[1] then
  ours = 1
  redis.call('PEXPIRE', KEYS[1], ARGV[2])
  redis.call('PEXPIRE', KEYS[2], ARGV[3])
end
local now = redis.call('TIME')
now = now[1] * 1000 + math.floor(now[2] / 1000)
local last = redis.call('XREVRANGE', KEYS[2], '+', '-', 'COUNT', 1)
if #last == 0 then
  return {ours, now, 2, {}}
end
if last[1][1] == ARGV[4] then
  return {ours, now, 0, {}}
end
if ARGV[4] == '' then
  return {ours, now, 0, redis.call('XRANGE', KEYS[2], '-', '+')}
end
local after = redis.call('XRANGE', KEYS[2], '(' .. ARGV[4], '+')
if #after > 0 and after[1][2][2] == ARGV[4] then
  return {ours, now, 0, after}
end
return {ours, now, 1, last}`
	// scriptPublish adds an event, if the lease is ours and the last event is another. Keys: lease, stream. Arguments: the token, the event's digest, end and data, how
	// many events to keep, the life of the stream in milliseconds, the channel, what to say there, and the time in milliseconds by which it must be done: what was said to a
	// Redis that stood still must not come after what was found meanwhile. It returns the event's ID, or none where the lease is not ours, or the time is
	// over.
	scriptPublish = `local now = redis.call('TIME')
if redis.call('GET', KEYS[1]) ~= ARGV[1] or now[1] * 1000 + math.floor(now[2] / 1000) > tonumber(ARGV[9]) then
  return ''
end
local last = redis.call('XREVRANGE', KEYS[2], '+', '-', 'COUNT', 1)
local before = ''
if #last > 0 then
  if last[1][2][4] == ARGV[2] then
    return last[1][1]
  end
  before = last[1][1]
end
local id = redis.call('XADD', KEYS[2], 'MAXLEN', '~', ARGV[5], '*', 'before', before, 'digest', ARGV[2], 'end', ARGV[3], 'data', ARGV[4])
redis.call('PEXPIRE', KEYS[2], ARGV[6])
redis.call('PUBLISH', ARGV[7], ARGV[8])
return id`
	// scriptRelease gives the lease back, if it is ours. Nobody gets it before so many milliseconds: that keeps those who come and go from looking at once each.
	scriptRelease = `if redis.call('GET', KEYS[1]) == ARGV[1] then
  redis.call('SET', KEYS[1], '-', 'PX', ARGV[2])
end
return 0`
)

// share is what a Hub has with others.
type share struct {
	hub    *Hub
	client redis.UniversalClient
	broken atomic.Bool
	began  time.Time

	mu     sync.Mutex
	asked  map[*topic]bool // for which Redis is to be asked now
	nudges map[string]bool // keys of topics of which others are to be told
	askNow chan struct{}
	tell   chan struct{}
	stuck  <-chan struct{} // closed when a question has ended of which nobody waited for the answer; of the goroutine that asks
}

func newShare(h *Hub) *share {
	s := &share{hub: h, client: h.config.Redis, began: time.Now(), asked: map[*topic]bool{}, nudges: map[string]bool{}, askNow: make(chan struct{}, 1), tell: make(chan struct{}, 1)}
	h.work.Go(s.asking)
	h.work.Go(s.listening)
	h.work.Go(s.nudging)
	return s
}

func newToken() string { return rand.Text() }

func (s *share) keys(key string) []string {
	of := s.hub.config.Prefix + ":v1:{" + key + "}:"
	return []string{of + "lease", of + "events"}
}

func (s *share) channel() string { return s.hub.config.Prefix + ":v1" }

// now is a time in milliseconds of a clock that nobody sets.
func (s *share) now() int64 { return time.Since(s.began).Milliseconds() }

// ask has Redis asked for a topic soon.
func (s *share) ask(topics ...*topic) {
	s.mu.Lock()
	for _, t := range topics {
		s.asked[t] = true
	}
	s.mu.Unlock()
	select {
	case s.askNow <- struct{}{}:
	default:
	}
}

// asking asks Redis for topics, one question after the other.
func (s *share) asking() {
	ctx := s.hub.ctx
	timer := time.NewTimer(askTime)
	defer timer.Stop()
	for {
		all := false
		select {
		case <-ctx.Done():
			return
		case <-timer.C:
			timer.Reset(jittered(askTime))
			all = true
		case <-s.askNow:
		}
		s.mu.Lock()
		topics := slices.Collect(maps.Keys(s.asked))
		clear(s.asked)
		s.mu.Unlock()
		if all {
			topics = s.hub.watched()
		}
		var err error
		for some := range slices.Chunk(topics, askTopics) {
			if answered := s.askFor(ctx, some, err); err == nil {
				err = answered
			}
		}
		if ctx.Err() == nil && (err != nil || all && len(topics) > 0) {
			s.note(err)
		}
	}
}

// question is one topic's.
type question struct {
	topic  *topic
	token  string
	number int64
	asked  int64 // when, in milliseconds
	cmd    *redis.Cmd
}

// askFor asks for some topics together. Where Redis said nothing to those before them, it is not asked.
func (s *share) askFor(ctx context.Context, topics []*topic, before error) error {
	own, cancel := context.WithTimeout(ctx, askBudget)
	defer cancel()
	p := s.client.Pipeline()
	var questions []question
	for _, t := range topics {
		t.mu.Lock()
		t.questions++
		q := question{topic: t, token: t.token, number: t.questions, asked: s.now()}
		since, looking := t.stream, t.stop != nil
		t.mu.Unlock()
		if looking {
			q.cmd = p.Eval(own, scriptAsk, s.keys(t.key), q.token, leaseTime.Milliseconds(), keepTime.Milliseconds(), since.String())
			questions = append(questions, q)
		}
	}
	if len(questions) == 0 {
		return nil
	}
	if !errors.Is(before, errSilent) && s.finish(own, func() { _, _ = p.Exec(own) }) {
		var err error
		silent := true
		for _, q := range questions {
			a, wrong := readAnswer(q.cmd)
			if ctx.Err() != nil {
				return nil
			}
			if wrong != nil {
				err = wrong
				q.topic.unheard(q.token)
				continue
			}
			silent = false
			q.topic.heard(q, a)
			s.hub.relieve(q.topic)
		}
		if silent && err != nil {
			err = errors.Join(errSilent, err)
		}
		return err
	}
	if ctx.Err() != nil {
		return nil
	}
	for _, q := range questions {
		q.topic.unheard(q.token)
	}
	return errSilent
}

var errSilent = errors.New("it does not answer")

// finish does what may take longer than its context does where the client is not told to heed it, and says whether it has ended. What has not is waited for by the
// next one.
func (s *share) finish(ctx context.Context, f func()) bool {
	ended := make(chan struct{})
	if s.stuck != nil {
		select {
		case <-s.stuck:
		case <-ctx.Done():
			return false
		}
	}
	s.stuck = ended
	go func() {
		defer close(ended)
		f()
	}()
	late := time.NewTimer(2 * askBudget)
	defer late.Stop()
	select {
	case <-ended:
		s.stuck = nil
		return true
	case <-late.C:
		return false
	}
}

// note takes down how Redis does.
func (s *share) note(err error) {
	if err != nil {
		if c, ok := s.client.(*redis.ClusterClient); ok {
			c.ReloadState(context.Background()) // by itself it looks around once a minute
		}
	}
	if was := s.broken.Swap(err != nil); was == (err != nil) {
		return
	}
	if err == nil {
		s.hub.log.Info("Redis does what it is asked again: one process looks at a topic for all")
		return
	}
	text := err.Error()
	s.hub.log.Warn("Redis does not do what it is asked: each process looks for itself", "error", text[:min(len(text), 200)])
}

// publish gives a finding to all processes, and returns where it is in the stream: nowhere if this one does not have the lease any more.
func (s *share) publish(ctx context.Context, key, token string, ahead int64, f finding) (position, error) {
	most := streamEvents
	if len(f.data) > 0 {
		most = max(fewEvents, min(most, streamBytes/len(f.data)))
	}
	own, cancel := context.WithTimeout(ctx, askBudget)
	defer cancel()
	type result struct {
		at  position
		err error
	}
	ended := make(chan result, 1)
	go func() {
		id, err := s.client.Eval(own, scriptPublish, s.keys(key), token, hex.EncodeToString(f.digest[:]), string(f.end), f.data, most, keepTime.Milliseconds(), s.channel(), "event "+key, s.now()+ahead+askBudget.Milliseconds()).Text()
		at, _ := parsePosition(id)
		ended <- result{at, err}
	}()
	select {
	case r := <-ended:
		return r.at, r.err
	case <-own.Done():
		return position{}, own.Err()
	}
}

// release gives the lease back where it is this process's.
func (s *share) release(t *topic, token string) {
	t.mu.Lock()
	held := t.token != token || t.role != alone // else Redis is away, and the lease with it or soon
	t.mu.Unlock()
	if !held {
		return
	}
	own, cancel := context.WithTimeout(context.Background(), askBudget)
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		defer cancel()
		_ = s.client.Eval(own, scriptRelease, s.keys(t.key), token, lookGap.Milliseconds()).Err()
	}()
	select {
	case <-ended:
	case <-own.Done():
	}
}

// answer is what Redis says of a topic.
type answer struct {
	ours, gap, empty bool
	clock            int64 // milliseconds
	events           []event
}

var errAnswer = errors.New("what is in Redis is no event")

// readAnswer reads the answer of scriptAsk.
func readAnswer(cmd *redis.Cmd) (a answer, err error) {
	parts, err := cmd.Slice()
	if err != nil {
		return a, err
	}
	if len(parts) != 4 {
		return a, errAnswer
	}
	ours, ok := parts[0].(int64)
	clock, ok2 := parts[1].(int64)
	what, ok3 := parts[2].(int64)
	entries, ok4 := parts[3].([]any)
	if !ok || !ok2 || !ok3 || !ok4 {
		return a, errAnswer
	}
	a.ours, a.clock, a.gap, a.empty = ours == 1, clock, what == 1, what == 2
	for _, entry := range entries {
		e, ok := readEvent(entry)
		if !ok {
			return a, errAnswer
		}
		a.events = append(a.events, e)
	}
	return a, nil
}

func readEvent(entry any) (e event, ok bool) {
	pair, _ := entry.([]any)
	if len(pair) != 2 {
		return e, false
	}
	fields, _ := pair[1].([]any)
	id, _ := pair[0].(string)
	if e.at, ok = parsePosition(id); !ok || len(fields) != 8 {
		return e, false
	}
	var values [4]string
	for i := range values {
		if values[i], ok = fields[2*i+1].(string); !ok {
			return e, false
		}
	}
	sum, err := hex.DecodeString(values[1])
	if err != nil || len(sum) < len(e.digest) {
		return e, false
	}
	e.finding = finding{data: []byte(values[3]), end: end(values[2]), digest: digest(sum)}
	switch e.end {
	case goesOn, done, gone, tooMuch:
		return e, true
	}
	return e, false
}
