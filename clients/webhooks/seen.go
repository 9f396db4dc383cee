package webhooks

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"sync"
	"time"

	"github.com/redis/go-redis/v9"
)

// Seen remembers deliveries for a while. It is safe for concurrent use.
type Seen interface {
	// First tells whether the delivery is new, and remembers it. Of several that ask at once, one is first.
	First(ctx context.Context, delivery string) (bool, error)
	// Forget lets the delivery be new again.
	Forget(ctx context.Context, delivery string) error
}

// remembered is how long deliveries are: senders repeat by hand, within days at most, and a repetition that is taken for new does no harm.
const remembered = 24 * time.Hour

// Memory remembers deliveries in this process, the newest of them.
type Memory struct {
	mu    sync.Mutex
	known map[string]time.Time
	order []string // the oldest first
}

// maxRemembered is how many deliveries this process remembers.
const maxRemembered = 10_000

// First tells whether the delivery is new.
func (m *Memory) First(_ context.Context, delivery string) (bool, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	now := time.Now()
	if at, known := m.known[delivery]; known && now.Sub(at) < remembered {
		return false, nil
	}
	if m.known == nil {
		m.known = map[string]time.Time{}
	}
	m.known[delivery] = now
	m.order = append(m.order, delivery)
	for len(m.order) > maxRemembered {
		delete(m.known, m.order[0])
		m.order = m.order[1:]
	}
	return true, nil
}

// Forget lets the delivery be new again.
func (m *Memory) Forget(_ context.Context, delivery string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.known, delivery)
	return nil
}

// Redis remembers deliveries for all replicas that share it.
type Redis struct {
	Client redis.UniversalClient
	Prefix string // of its keys
}

func (r *Redis) key(delivery string) string {
	sum := sha256.Sum256([]byte(delivery))
	return r.Prefix + ":webhook:" + hex.EncodeToString(sum[:16])
}

// First tells whether the delivery is new.
func (r *Redis) First(ctx context.Context, delivery string) (bool, error) {
	return r.Client.SetNX(ctx, r.key(delivery), 1, remembered).Result()
}

// Forget lets the delivery be new again.
func (r *Redis) Forget(ctx context.Context, delivery string) error {
	return r.Client.Del(ctx, r.key(delivery)).Err()
}
