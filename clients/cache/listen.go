package cache

import (
	"context"
	"errors"
	"net"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/redis/go-redis/v9"
)

// listen hears of new stamps until ctx ends.
func (r *Redis) listen(ctx context.Context) {
	for ctx.Err() == nil {
		err := r.subscribed(ctx)
		r.epoch.Store(0)
		if ctx.Err() != nil {
			return
		}
		r.lookAround()
		r.config.Log.Debug("new stamps are not heard of: asking Redis each time", "error", err)
		select {
		case <-ctx.Done():
		case <-time.After(openTime / 4):
		}
	}
}

// subscribed hears of new stamps for as long as the subscription is alive.
func (r *Redis) subscribed(ctx context.Context) error {
	s := r.client.Subscribe(ctx, r.channel())
	defer s.Close()
	stop := context.AfterFunc(ctx, func() { _ = s.Close() }) // a subscription does not listen to its context
	defer stop()
	asked := false // whether it is alive
	for {
		message, err := s.ReceiveTimeout(ctx, aliveTime)
		if ctx.Err() != nil {
			return ctx.Err()
		}
		var timeout net.Error
		if errors.As(err, &timeout) && timeout.Timeout() && !asked && r.epoch.Load() != 0 {
			asked = true
			if err = s.Ping(ctx); err == nil {
				continue
			}
		}
		if err != nil {
			return err
		}
		asked = false
		switch m := message.(type) {
		case *redis.Subscription:
			if m.Kind == "subscribe" {
				r.epochs++
				r.epoch.Store(r.epochs)
				r.settle()
			}
		case *redis.Message:
			r.hear(m.Payload)
		}
	}
}

// hear takes in a new stamp.
func (r *Redis) hear(payload string) {
	digits, tag, ok := strings.Cut(payload, " ")
	stamp, err := strconv.ParseInt(digits, 10, 64)
	if !ok || err != nil || len(tag) > maxText {
		return
	}
	var before Stamp
	now := r.front.raise(tag, func(have Stamp) Stamp {
		before = have
		return max(have, Stamp(stamp))
	})
	if now != before { // what this process said itself it has heard of already
		r.front.tell([]string{tag})
	}
}

// pending is what Redis is to be told when it is back.
type pending struct {
	mu    sync.Mutex
	bumps map[string]Stamp
	keys  map[string]bool
}

// maxPending bounds it. More than that is a Redis that was away for long, whose entries are out of date by themselves.
const maxPending = 10_000

func (p *pending) bump(tag string, stamp Stamp) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.bumps == nil {
		p.bumps = map[string]Stamp{}
	}
	if _, known := p.bumps[tag]; known || len(p.bumps) < maxPending {
		p.bumps[tag] = max(p.bumps[tag], stamp)
	}
}

func (p *pending) remove(keys []string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.keys == nil {
		p.keys = map[string]bool{}
	}
	for _, key := range keys {
		if len(p.keys) < maxPending {
			p.keys[key] = true
		}
	}
}

func (p *pending) take() (map[string]Stamp, []string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	bumps := p.bumps
	var keys []string
	for key := range p.keys {
		keys = append(keys, key)
	}
	p.bumps, p.keys = nil, nil
	return bumps, keys
}

// settle tells Redis what it has not heard of. What fails stays for the next time.
func (r *Redis) settle() {
	bumps, keys := r.pending.take()
	if len(bumps) > 0 {
		if err := r.tellRedis(context.Background(), bumps, 1); err != nil {
			for tag, stamp := range bumps {
				r.pending.bump(tag, stamp)
			}
		}
	}
	if len(keys) > 0 {
		_ = r.Remove(context.Background(), keys)
	}
}
