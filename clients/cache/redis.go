package cache

import (
	"context"
	"crypto/rand"
	"errors"
	"log/slog"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/sony/gobreaker/v2"
)

// Redis is a store that replicas share, with one in this process before it. What Redis does not do in time is done in this process alone.
//
// An entry in this process is believed without asking Redis while it is fresh, its stamps are the newest that were heard of, and this process hears of all new
// ones: it is subscribed, and has compared the entry with Redis since it was.
type Redis struct {
	client  redis.UniversalClient
	front   *Memory
	config  RedisConfig
	breaker *gobreaker.CircuitBreaker[struct{}]
	pending pending

	epoch     atomic.Int64 // grows with each subscription; 0 while there is none
	epochs    int64        // the last epoch; of the goroutine that listens
	stop      context.CancelFunc
	listening sync.WaitGroup

	mu     sync.Mutex
	last   error
	lastAt time.Time
	broken bool
}

// RedisConfig is what a Redis store can be told. Its zero value is right.
type RedisConfig struct {
	Prefix string        // of all keys and the channel; "callboard" where empty
	Memory int64         // bytes in this process; DefaultMemory where 0
	Budget time.Duration // that one call of Redis may take; DefaultBudget where 0
	Log    *slog.Logger  // nowhere where nil
}

const (
	// DefaultBudget is what one call may take: many times what a Redis that is near takes, and little beside asking a source.
	DefaultBudget = 50 * time.Millisecond
	// leaseBudgets are how many budgets the call may take that finds out who asks the source. Who goes on without an answer asks as well, and that takes longer.
	leaseBudgets = 5
	// After so many failures Redis is left alone for a while.
	failuresToOpen = 5
	openTime       = 2 * time.Second
	// stampLife is how long a stamp is kept: longer than any entry that has it.
	stampLife = maxLife + 24*time.Hour
	// aliveTime is how often it is looked whether the subscription is alive.
	aliveTime = 3 * time.Second
)

// NewRedis returns a store over the client. It does not wait for Redis. The client should have ContextTimeoutEnabled, so that calls that take too long end;
// and should be new: what its connections bring is bounded from here on.
func NewRedis(client redis.UniversalClient, c RedisConfig) *Redis {
	if c.Prefix == "" {
		c.Prefix = "callboard"
	}
	if c.Budget == 0 {
		c.Budget = DefaultBudget
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	guardClient(client)
	r := &Redis{client: client, front: NewMemory(c.Memory), config: c}
	r.breaker = gobreaker.NewCircuitBreaker[struct{}](gobreaker.Settings{
		Name: "redis", Timeout: openTime,
		ReadyToTrip:  func(n gobreaker.Counts) bool { return n.ConsecutiveFailures >= failuresToOpen },
		IsSuccessful: func(err error) bool { return err == nil || errors.Is(err, context.Canceled) },
	})
	ctx, stop := context.WithCancel(context.Background())
	r.stop = stop
	r.listening.Go(func() { r.listen(ctx) })
	return r
}

func (r *Redis) entryKey(key string) string { return r.config.Prefix + ":v1:entry:" + key }
func (r *Redis) leaseKey(key string) string { return r.config.Prefix + ":v1:lease:" + key }
func (r *Redis) stampKey(tag string) string { return r.config.Prefix + ":v1:stamp:" + tag }
func (r *Redis) channel() string            { return r.config.Prefix + ":v1:stamps" }

// do calls Redis within a budget. It returns in time even where the client does not.
func (r *Redis) do(ctx context.Context, budget time.Duration, f func(ctx context.Context) error) error {
	_, err := r.breaker.Execute(func() (struct{}, error) {
		own, cancel := context.WithTimeout(ctx, budget)
		defer cancel()
		done := make(chan error, 1)
		go func() { done <- f(own) }()
		select {
		case err := <-done:
			if errors.Is(err, redis.Nil) {
				err = nil
			}
			if err != nil && ctx.Err() != nil {
				err = context.Canceled // the caller's own end says nothing about Redis
			}
			return struct{}{}, err
		case <-own.Done():
			if ctx.Err() != nil {
				return struct{}{}, context.Canceled
			}
			return struct{}{}, own.Err()
		}
	})
	r.note(err)
	return err
}

// note takes down how Redis does.
func (r *Redis) note(err error) {
	if errors.Is(err, context.Canceled) || errors.Is(err, gobreaker.ErrOpenState) || errors.Is(err, gobreaker.ErrTooManyRequests) {
		return
	}
	r.mu.Lock()
	was := r.broken
	r.broken = err != nil
	if err != nil {
		r.last, r.lastAt = err, time.Now()
	}
	r.mu.Unlock()
	if err != nil {
		r.lookAround()
	}
	switch {
	case err != nil && !was:
		r.config.Log.Warn("Redis does not do what it is asked: remembering in this process alone", "error", plainError(err))
	case err == nil && was:
		r.config.Log.Info("Redis does what it is asked again")
		go r.settle()
	}
}

// lookAround has the client of a cluster find out which servers there are, soon and behind the caller. By itself it does so once a minute, or when a server
// that is there redirects it; calls that end within the budget would go to one that died until then.
func (r *Redis) lookAround() {
	if c, ok := r.client.(*redis.ClusterClient); ok {
		c.ReloadState(context.Background())
	}
}

// plainError is what can be told of an error: Redis and the client name no secrets in theirs, but an answer that is not Redis's could be anything.
func plainError(err error) string {
	var answered redis.Error
	text := err.Error()
	if errors.As(err, &answered) {
		text = "it answered: " + answered.Error()
	}
	if len(text) > 200 {
		text = text[:200]
	}
	return text
}

// pipe sends commands together, and fails where one of them does but for what is not there.
func (r *Redis) pipe(ctx context.Context, queue func(p redis.Pipeliner)) error {
	return r.pipeWithin(ctx, r.config.Budget, queue)
}

func (r *Redis) pipeWithin(ctx context.Context, budget time.Duration, queue func(p redis.Pipeliner)) error {
	return r.do(ctx, budget, func(ctx context.Context) error {
		p := r.client.Pipeline()
		queue(p)
		if p.Len() == 0 {
			return nil
		}
		cmds, err := p.Exec(ctx)
		if err != nil {
			err = nil
			for _, cmd := range cmds {
				if e := cmd.Err(); e != nil && !errors.Is(e, redis.Nil) {
					err = e
				}
			}
		}
		return err
	})
}

// Read returns what is kept: what is believed of this process at once, the rest by one call of Redis.
func (r *Redis) Read(ctx context.Context, lookups []Lookup) ([]Found, error) {
	out, _ := r.front.Read(ctx, lookups)
	now, epoch := time.Now(), r.epoch.Load()
	var rest []int
	for i := range out {
		if epoch == 0 || out[i].use(now) != fresh || out[i].Entry.seen != epoch {
			rest = append(rest, i)
		}
	}
	if len(rest) == 0 {
		return out, nil
	}
	gets := make([]*redis.StringCmd, len(rest))
	stamps := stampReads{store: r}
	err := r.pipe(ctx, func(p redis.Pipeliner) {
		for n, i := range rest {
			gets[n] = p.Get(ctx, r.entryKey(lookups[i].Key))
			stamps.queue(ctx, p, lookups[i].Tags)
		}
	})
	if err != nil {
		return out, err
	}
	stamps.take(ctx)
	entries := make([]*Entry, len(rest))
	var learnt []string
	for n, i := range rest {
		text, err := gets[n].Bytes()
		if err != nil {
			continue
		}
		e, err := decode(lookups[i].Key, text)
		if err != nil {
			r.config.Log.Warn("an entry in Redis cannot be read: it counts for nothing", "error", err)
			continue
		}
		entries[n] = e
		for _, tag := range e.Tags {
			if !slices.Contains(lookups[i].Tags, tag) {
				learnt = append(learnt, tag)
			}
		}
	}
	if len(learnt) > 0 {
		if err := r.pipe(ctx, func(p redis.Pipeliner) { stamps.queue(ctx, p, learnt) }); err != nil {
			return out, err
		}
		stamps.take(ctx)
	}
	for n, i := range rest {
		e, local := entries[n], out[i].Entry
		if e == nil || local != nil && local.Value.At.After(e.Value.At) {
			e = local
		}
		if e == nil {
			continue
		}
		out[i] = Found{Entry: e, Current: r.front.current(e)}
		if now.Before(e.until()) {
			kept := *e
			kept.seen = epoch
			_ = r.front.Write(ctx, []Keyed{{lookups[i].Key, &kept}})
		} else {
			out[i] = Found{}
		}
	}
	return out, nil
}

// stampReads reads the stamps of tags, each once, into this process.
type stampReads struct {
	store *Redis
	cmds  map[string]*redis.StringCmd
	taken map[string]bool
}

func (s *stampReads) queue(ctx context.Context, p redis.Pipeliner, tags []string) {
	if s.cmds == nil {
		s.cmds, s.taken = map[string]*redis.StringCmd{}, map[string]bool{}
	}
	for _, tag := range tags {
		if s.cmds[tag] == nil {
			s.cmds[tag] = p.Get(ctx, s.store.stampKey(tag))
		}
	}
}

// take lets this process know the stamps. One that is newer here was lost by Redis, and is told to it.
func (s *stampReads) take(ctx context.Context) {
	for tag, cmd := range s.cmds {
		if s.taken[tag] {
			continue
		}
		s.taken[tag] = true
		stamp, err := cmd.Int64()
		if err != nil {
			continue
		}
		if now := s.store.front.raise(tag, func(have Stamp) Stamp { return max(have, Stamp(stamp)) }); now > Stamp(stamp) {
			s.store.pending.bump(tag, now)
			go s.store.settle()
		}
	}
}

// The scripts have one key each, so that they work in a cluster. Stamps are below 2^53, which is as far as Lua's numbers count.
const (
	// scriptStamp returns the stamp of a tag, which is given one where it has none. Arguments: the stamp, its life in milliseconds.
	scriptStamp = `local v = redis.call('GET', KEYS[1])
if not v then
  redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
  return ARGV[1]
end
return v`
	// scriptBump gives a tag a stamp of at least the first argument, and greater than it has, and tells everybody. Arguments: the stamp, its life in milliseconds,
	// the channel, the tag, and whether it is told again (1) or for the first time (0): what was heard of already is not a change when it is told again.
	scriptBump = `local v = tonumber(redis.call('GET', KEYS[1]) or '0') or 0
local n = tonumber(ARGV[1])
if v > n or v == n and ARGV[5] == '0' then
  n = v + 1
end
n = string.format('%.0f', n)
redis.call('SET', KEYS[1], n, 'PX', ARGV[2])
redis.call('PUBLISH', ARGV[3], n .. ' ' .. ARGV[4])
return n`
	// scriptRenew has a lease last longer, if it is still ours. Arguments: the token, milliseconds.
	scriptRenew = `if redis.call('GET', KEYS[1]) == ARGV[1] then
  return redis.call('PEXPIRE', KEYS[1], ARGV[2])
end
return 0`
	// scriptRelease gives a lease back, if it is still ours.
	scriptRelease = `if redis.call('GET', KEYS[1]) == ARGV[1] then
  return redis.call('DEL', KEYS[1])
end
return 0`
)

// Lease asks Redis for the right to bring values. Where Redis does not answer, the right is granted.
func (r *Redis) Lease(ctx context.Context, lookups []Lookup, d time.Duration) (Leases, error) {
	token := rand.Text()
	sets := make([]*redis.StatusCmd, len(lookups))
	var tags []string
	for _, l := range lookups {
		tags = append(tags, l.Tags...)
	}
	made := map[string]*redis.Cmd{}
	err := r.pipeWithin(ctx, leaseBudgets*r.config.Budget, func(p redis.Pipeliner) {
		for i, l := range lookups {
			sets[i] = p.SetArgs(ctx, r.leaseKey(l.Key), token, redis.SetArgs{Mode: "NX", TTL: d})
		}
		r.queueStamps(ctx, p, tags, stampNow(), made)
	})
	if err == nil {
		r.takeStamps(made)
	}
	out := Leases{Got: make([]bool, len(lookups)), Stamps: make([][]Stamp, len(lookups))}
	var got []string
	for i := range lookups {
		if out.Got[i] = err != nil || sets[i].Err() == nil; out.Got[i] {
			got = append(got, lookups[i].Key)
		}
		out.Stamps[i], _ = r.front.Stamps(ctx, lookups[i].Tags, stampNow())
	}
	// Where there was an error too: Redis may have done what it had no time to say.
	out.Renew = func(ctx context.Context, d time.Duration) {
		_ = r.pipe(ctx, func(p redis.Pipeliner) {
			for _, key := range got {
				p.Eval(ctx, scriptRenew, []string{r.leaseKey(key)}, token, d.Milliseconds())
			}
		})
	}
	out.Release = func(ctx context.Context) {
		_ = r.pipe(ctx, func(p redis.Pipeliner) {
			for _, key := range got {
				p.Eval(ctx, scriptRelease, []string{r.leaseKey(key)}, token)
			}
		})
	}
	return out, err
}

func (r *Redis) queueStamps(ctx context.Context, p redis.Pipeliner, tags []string, first Stamp, made map[string]*redis.Cmd) {
	for _, tag := range tags {
		if made[tag] == nil {
			made[tag] = p.Eval(ctx, scriptStamp, []string{r.stampKey(tag)}, int64(first), stampLife.Milliseconds())
		}
	}
}

func (r *Redis) takeStamps(made map[string]*redis.Cmd) {
	for tag, cmd := range made {
		text, err := cmd.Text()
		stamp, wrong := strconv.ParseInt(text, 10, 64)
		if err != nil || wrong != nil {
			continue
		}
		r.front.raise(tag, func(have Stamp) Stamp { return max(have, Stamp(stamp)) })
	}
}

// Stamps returns the stamps of the tags; one that has none is given first.
func (r *Redis) Stamps(ctx context.Context, tags []string, first Stamp) ([]Stamp, error) {
	made := map[string]*redis.Cmd{}
	err := r.pipe(ctx, func(p redis.Pipeliner) { r.queueStamps(ctx, p, tags, first, made) })
	if err == nil {
		r.takeStamps(made)
	}
	out, _ := r.front.Stamps(ctx, tags, first)
	return out, err
}

// Write keeps entries here and in Redis.
func (r *Redis) Write(ctx context.Context, entries []Keyed) error {
	epoch := r.epoch.Load()
	now := time.Now()
	for i := range entries {
		kept := *entries[i].Entry
		kept.seen = epoch
		_ = r.front.Write(ctx, []Keyed{{entries[i].Key, &kept}})
	}
	return r.pipe(ctx, func(p redis.Pipeliner) {
		for _, e := range entries {
			if life := e.Entry.until().Sub(now); life >= time.Millisecond {
				p.Set(ctx, r.entryKey(e.Key), e.Entry.encode(e.Key), life)
			}
		}
	})
}

// Remove forgets entries here and in Redis. What Redis does not forget now it is told again.
func (r *Redis) Remove(ctx context.Context, keys []string) error {
	_ = r.front.Remove(ctx, keys)
	err := r.pipe(ctx, func(p redis.Pipeliner) {
		for _, key := range keys {
			p.Del(ctx, r.entryKey(key))
		}
	})
	if err != nil {
		r.pending.remove(keys)
	}
	return err
}

// Bump gives the tags new stamps. What Redis does not hear of now it is told again.
func (r *Redis) Bump(ctx context.Context, tags []string) error {
	stamps := map[string]Stamp{}
	for _, tag := range tags {
		stamps[tag] = r.front.raise(tag, func(have Stamp) Stamp { return max(have+1, stampNow()) })
	}
	r.front.tell(tags)
	err := r.tellRedis(ctx, stamps, 0)
	if err != nil {
		for tag, stamp := range stamps {
			r.pending.bump(tag, stamp)
		}
	}
	return err
}

// tellRedis gives tags stamps in Redis, for the first time (0) or again (1).
func (r *Redis) tellRedis(ctx context.Context, stamps map[string]Stamp, again int) error {
	made := map[string]*redis.Cmd{}
	err := r.pipe(ctx, func(p redis.Pipeliner) {
		for tag, stamp := range stamps {
			made[tag] = p.Eval(ctx, scriptBump, []string{r.stampKey(tag)}, int64(stamp), stampLife.Milliseconds(), r.channel(), tag, again)
		}
	})
	if err == nil {
		r.takeStamps(made)
	}
	return err
}

// Heard calls f with tags that got new stamps, here or elsewhere.
func (r *Redis) Heard(f func(tags []string)) { r.front.Heard(f) }

// Health tells how this process and Redis do.
func (r *Redis) Health() Health {
	out := r.front.Health()
	r.mu.Lock()
	defer r.mu.Unlock()
	out.Shared, out.Healthy = true, !r.broken
	if r.last != nil {
		out.LastError, out.LastAt = plainError(r.last), r.lastAt
	}
	return out
}

// Close ends the subscription. The client stays open.
func (r *Redis) Close() error {
	r.stop()
	r.listening.Wait()
	return r.front.Close()
}
