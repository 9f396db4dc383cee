package live

import (
	"context"
	"errors"
	"maps"
	"net"
	"slices"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"
)

const (
	// aliveTime is how often it is looked whether the subscription is alive.
	aliveTime = 3 * time.Second
	// againTime is how long after a subscription has ended the next one is tried.
	againTime = 500 * time.Millisecond
)

// listening hears of events and nudges. What is not heard of is seen when Redis is asked next.
func (s *share) listening() {
	ctx := s.hub.ctx
	for ctx.Err() == nil {
		err := s.subscribed(ctx)
		if ctx.Err() != nil {
			return
		}
		s.hub.log.Debug("events are not heard of when they come", "error", err)
		select {
		case <-ctx.Done():
		case <-time.After(againTime):
		}
	}
}

// subscribed listens for as long as the subscription is alive.
func (s *share) subscribed(ctx context.Context) error {
	sub := s.client.Subscribe(ctx, s.channel())
	defer sub.Close()
	stop := context.AfterFunc(ctx, func() { _ = sub.Close() }) // a subscription does not heed its context
	defer stop()
	asked := false // whether it is alive
	for {
		message, err := sub.ReceiveTimeout(ctx, aliveTime)
		if ctx.Err() != nil {
			return ctx.Err()
		}
		var timeout net.Error
		if errors.As(err, &timeout) && timeout.Timeout() && !asked {
			asked = true
			if err = sub.Ping(ctx); err == nil {
				continue
			}
		}
		if err != nil {
			return err
		}
		asked = false
		switch m := message.(type) {
		case *redis.Subscription:
			s.ask(s.hub.watched()...) // there may have been some before
		case *redis.Message:
			s.hear(m.Payload)
		}
	}
}

// hear takes in what is said on the channel.
func (s *share) hear(payload string) {
	what, key, _ := strings.Cut(payload, " ")
	t := s.hub.topic(key)
	if t == nil {
		return
	}
	switch what {
	case "event":
		s.ask(t)
	case "nudge":
		t.nudge()
	}
}

// nudge tells others soon that a topic has changed.
func (s *share) nudge(key string) {
	s.mu.Lock()
	if len(s.nudges) < maxNudges {
		s.nudges[key] = true
	}
	s.mu.Unlock()
	select {
	case s.tell <- struct{}{}:
	default:
	}
}

// nudging tells others what has changed: each topic once, however often it was said meanwhile.
func (s *share) nudging() {
	ctx := s.hub.ctx
	for {
		select {
		case <-ctx.Done():
			return
		case <-s.tell:
		}
		s.mu.Lock()
		keys := slices.Collect(maps.Keys(s.nudges))
		clear(s.nudges)
		s.mu.Unlock()
		own, cancel := context.WithTimeout(ctx, askBudget)
		_, err := s.client.Pipelined(own, func(p redis.Pipeliner) error {
			for _, key := range keys {
				p.Publish(own, s.channel(), "nudge "+key)
			}
			return nil
		})
		cancel()
		if err != nil {
			s.hub.log.Debug("others are not told of what has changed", "topics", len(keys), "error", err)
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(nudgePace):
		}
	}
}
