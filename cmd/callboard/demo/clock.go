package demo

import (
	"sync"
	"time"
)

// clock is the time that the hosts have. Its zero value is that of the machine.
type clock struct {
	mu    sync.Mutex
	still time.Time     // where it stands while the past is played, and in tests; zero while it goes on
	ahead time.Duration // how much of the time to come was skipped
}

// Now is the time.
func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.still.IsZero() {
		return c.still
	}
	return time.Now().Add(c.ahead)
}

// stand has the clock stand still at a time; zero has it go on from now.
func (c *clock) stand(at time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.still = at
}

// skip leaves time out.
func (c *clock) skip(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.still.IsZero() {
		c.still = c.still.Add(d)
		return
	}
	c.ahead += d
}
