package clients

import (
	"context"
	"encoding/hex"
	"encoding/json"
	"log/slog"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/redis/go-redis/v9"

	"callboard.dev/callboard/clients/cache"
)

// board is where replicas tell each other what they have learnt about budgets: a Redis hash for each source and credential, with the fields
//
//	budget:RESOURCE   what the vendor last said, as JSON
//	wait:RESOURCE     not before this time, in ms since 1970
//	wait              the same for all resources
//
// A wait is a field of its own as it must not be lost when another replica, that has not read of it, writes the budget. Redis is asked for a
// short time and then not at all for a while: a request is never made to fail or to wait by it.
type board struct {
	redis  redis.UniversalClient
	source string
	log    *slog.Logger
	rest   atomic.Int64 // until when Redis is left alone, in ns since 1970
}

// Bounds by judgement.
const (
	boardPatience = 20 * time.Millisecond  // what a request waits for Redis; a read takes less than one
	boardFresh    = 100 * time.Millisecond // what was read is good for: a replica asks but a few times more in that time
	boardPause    = 50 * time.Millisecond  // between writes of one account: the last of many answers is the one that counts
	boardRest     = 5 * time.Second        // after a failure
	boardTimeout  = 2 * time.Second        // of a write, and of a read nobody waits for any more
	boardKept     = maxWait + time.Hour    // in Redis, longer than anything that it says
	maxField      = 1 << 10                // bytes of a field that are read
)

// exchange is the state of an account's exchange with the board. The limiter's lock guards it.
type exchange struct {
	read    time.Time     // when the board was last read
	reading chan struct{} // closed when the reading that is going on ends; nil where there is none
	writing bool
	again   bool // there is more to write
}

func (b *board) key(scope cache.Scope) string {
	return "callboard:budgets:" + b.source + ":" + hex.EncodeToString(scope[:])
}

func (b *board) resting() bool { return time.Now().UnixNano() < b.rest.Load() }

func (b *board) failed(err error) {
	if !b.resting() {
		b.log.Warn("rate limits are not shared with other replicas for now", "source", b.source, "error", err)
	}
	b.rest.Store(time.Now().Add(boardRest).UnixNano())
}

// consult brings what other replicas have learnt into the account, as far as that takes no time.
func (l *limiter) consult(ctx context.Context, scope cache.Scope) {
	b := l.board
	if b == nil || b.resting() {
		return
	}
	now := time.Now()
	l.mu.Lock()
	a := l.account(scope, now)
	if !a.exchange.read.IsZero() && now.Sub(a.exchange.read) < boardFresh {
		l.mu.Unlock()
		return
	}
	done := a.exchange.reading
	if done == nil {
		done = make(chan struct{})
		a.exchange.reading = done
		go l.readBoard(scope, done)
	}
	l.mu.Unlock()
	patience := time.NewTimer(boardPatience)
	defer patience.Stop()
	select {
	case <-done:
	case <-ctx.Done():
	case <-patience.C:
		b.failed(errSlowBoard)
	}
}

var errSlowBoard = context.DeadlineExceeded

func (l *limiter) readBoard(scope cache.Scope, done chan struct{}) {
	ctx, cancel := context.WithTimeout(context.Background(), boardTimeout)
	defer cancel()
	fields, err := l.board.redis.HGetAll(ctx, l.board.key(scope)).Result()
	if err != nil {
		l.board.failed(err)
	}
	now := time.Now()
	l.mu.Lock()
	a := l.account(scope, now)
	l.learn(a, fields, now)
	a.exchange.read, a.exchange.reading = now, nil
	l.mu.Unlock()
	close(done)
}

// learn takes in the fields of the board. They are not trusted: what cannot be, or reaches too far ahead, is left out.
func (l *limiter) learn(a *account, fields map[string]string, now time.Time) {
	horizon := now.Add(maxWait)
	for field, text := range fields {
		what, name, _ := strings.Cut(field, ":")
		if len(text) > maxField || resourceName(name) != name || !l.mayName(name) {
			continue
		}
		switch what {
		case "wait":
			ms, err := strconv.ParseInt(text, 10, 64)
			until := time.UnixMilli(ms)
			if err != nil || until.After(horizon) {
				continue
			}
			if field == "wait" {
				a.notBefore = latest(a.notBefore, until)
			} else {
				r := a.resource(name)
				r.budget.NotBefore = latest(r.budget.NotBefore, until)
			}
		case "budget":
			var said Budget
			if json.Unmarshal([]byte(text), &said) != nil || said.Limit <= 0 || said.Remaining < 0 || said.Remaining > said.Limit || said.Used < 0 || said.ResetsAt.After(horizon) {
				continue
			}
			said.Resource, said.NotBefore = name, time.Time{}
			r := a.resource(name)
			r.budget = r.budget.Merged(said)
		}
	}
}

// post makes what the account knows be written soon. The limiter's lock is held.
func (b *board) post(l *limiter, a *account) {
	a.exchange.again = true
	if a.exchange.writing || b.resting() {
		return
	}
	a.exchange.writing = true
	go l.writeBoard(a)
}

func (l *limiter) writeBoard(a *account) {
	for {
		l.mu.Lock()
		if !a.exchange.again || l.board.resting() {
			a.exchange.writing = false
			l.mu.Unlock()
			return
		}
		a.exchange.again = false
		fields := a.fields(time.Now())
		l.mu.Unlock()
		if len(fields) > 0 {
			l.board.write(l.board.key(a.scope), fields)
		}
		time.Sleep(boardPause)
	}
}

// fields returns what the account knows and others may not.
func (a *account) fields(now time.Time) []any {
	var out []any
	add := func(field string, until time.Time) {
		if until.After(now) {
			out = append(out, field, strconv.FormatInt(until.UnixMilli(), 10))
		}
	}
	add("wait", a.notBefore)
	for name, r := range a.resources {
		add("wait:"+name, r.budget.NotBefore)
		if r.budget.Known(now) {
			b := r.budget
			b.NotBefore = time.Time{}
			if text, err := json.Marshal(b); err == nil {
				out = append(out, "budget:"+name, string(text))
			}
		}
	}
	return out
}

func (b *board) write(key string, fields []any) {
	ctx, cancel := context.WithTimeout(context.Background(), boardTimeout)
	defer cancel()
	_, err := b.redis.Pipelined(ctx, func(p redis.Pipeliner) error {
		p.HSet(ctx, key, fields...)
		p.Expire(ctx, key, boardKept)
		return nil
	})
	if err != nil {
		b.failed(err)
	}
}
