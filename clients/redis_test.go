//go:build servers

package clients

import (
	"context"
	"net/http"
	"strconv"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"callboard.dev/callboard/clients/cache/redistest"
)

// eventually waits until the condition holds: replicas learn from each other within a moment.
func eventually(t *testing.T, what string, holds func() bool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	for !holds() {
		if wait(ctx, 5*time.Millisecond) != nil {
			t.Fatal(what)
		}
	}
}

func TestReplicasShareBudgetsOverRedis(t *testing.T) {
	address := redistest.Single(t).Address
	one, two := redis.NewClient(&redis.Options{Addr: address}), redis.NewClient(&redis.Options{Addr: address})
	defer one.Close()
	defer two.Close()
	first, second := replica(one), replica(two)
	credential := "ghp_PLANTED"
	ask := func(l *limiter, network http.RoundTripper) error {
		_, err := both(l, network).RoundTrip(scoped(get(t.Context()), credential))
		return err
	}
	if err := ask(first, always(200, github(0, time.Hour, "core")...)); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the second replica does not learn that the budget is used up", func() bool {
		network := always(200)
		return Of(ask(second, network)) != nil && network.n.Load() == 0
	})
	keys, err := one.Keys(t.Context(), "*").Result()
	if err != nil || len(keys) != 1 || len(keys[0]) != len("callboard:budgets:example:")+32 {
		t.Fatalf("the keys are %v, %v", keys, err)
	}
	if left := one.TTL(t.Context(), keys[0]).Val(); left < maxWait || left > boardKept {
		t.Errorf("it is kept for %v", left)
	}

	// A wait for all resources.
	_, err = both(second, always(403, "Retry-After", "600")).RoundTrip(scoped(query(t.Context()), credential))
	wantError(t, err, ErrLimited)
	third := replica(one)
	eventually(t, "a third replica does not learn that it has to wait", func() bool {
		network := always(200)
		_, err := both(third, network).RoundTrip(scoped(query(t.Context()), credential))
		return Of(err) != nil && network.n.Load() == 0
	})
	if until, err := strconv.ParseInt(one.HGet(t.Context(), keys[0], "wait").Val(), 10, 64); err != nil || time.Until(time.UnixMilli(until)) < 9*time.Minute {
		t.Errorf("the wait is until %d, %v", until, err)
	}
}

// A Redis that goes away in the middle does no harm.
func TestRedisGoesAway(t *testing.T) {
	address := redistest.Single(t).Address
	c := redis.NewClient(&redis.Options{Addr: address})
	defer c.Close()
	l := replica(c)
	for i := range 50 {
		if i == 25 {
			c.ShutdownNoSave(t.Context())
		}
		if _, err := both(l, always(200, github(4000-i, time.Hour, "core")...)).RoundTrip(get(t.Context())); err != nil {
			t.Fatal(err)
		}
	}
	if b := l.budgets(); len(b) != 1 || b[0].Remaining != 3951 {
		t.Errorf("what this process knows is %+v", b)
	}
}
