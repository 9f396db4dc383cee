package postgres

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"

	"callboard.dev/callboard/subgraphs/catalog/store"
)

// channel is where each change is told.
const channel = "callboard_catalog"

const (
	// lookEvery is how often the revision is asked for where nothing is heard: notifications do not come through every
	// pooler, and are lost with their connection.
	lookEvery = 10 * time.Second
	// askWithin is how long the revision may take. It takes a millisecond.
	askWithin = 5 * time.Second
	// listenAgainAfter is how long to wait before listening again where that failed.
	listenAgainAfter = 2 * time.Second
)

// heard tells all who wait that something may have changed.
type heard struct {
	mu   sync.Mutex
	next chan struct{} // closed at the next change
}

func newHeard() *heard { return &heard{next: make(chan struct{})} }

func (h *heard) tell() {
	h.mu.Lock()
	defer h.mu.Unlock()
	close(h.next)
	h.next = make(chan struct{})
}

func (h *heard) wait() <-chan struct{} {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.next
}

// listen tells of every change, on a connection of its own, until ctx ends. What was missed without a connection may be anything,
// so a new one is told too.
func (d *DB) listen(ctx context.Context, config *pgx.ConnConfig) {
	for ctx.Err() == nil {
		_ = d.listenOnce(ctx, config) // Wait asks for the revision all the same, and its error is told
		select {
		case <-ctx.Done():
		case <-time.After(listenAgainAfter):
		}
	}
}

func (d *DB) listenOnce(ctx context.Context, config *pgx.ConnConfig) error {
	conn, err := pgx.ConnectConfig(ctx, config.Copy())
	if err != nil {
		return err
	}
	defer func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
		defer cancel()
		_ = conn.Close(ctx)
	}()
	if _, err := conn.Exec(ctx, "LISTEN "+channel, pgx.QueryExecModeSimpleProtocol); err != nil {
		return err
	}
	for {
		d.heard.tell()
		if _, err := conn.WaitForNotification(ctx); err != nil {
			return err
		}
	}
}

// Wait asks for the revision whenever a change is heard of, and every some seconds.
func (d *DB) Wait(ctx context.Context, known int64) (int64, error) {
	ticker := time.NewTicker(lookEvery)
	defer ticker.Stop()
	for {
		changed := d.heard.wait()                             // before asking, so that nothing falls between
		asking, cancel := context.WithTimeout(ctx, askWithin) // a server that is not there any more may never answer
		revision, err := d.Revision(asking)
		cancel()
		if err != nil || revision != known {
			return revision, err
		}
		select {
		case <-changed:
		case <-ticker.C:
		case <-d.database.Done():
			return 0, fmt.Errorf("waiting for changes: %w", store.ErrClosed)
		case <-ctx.Done():
			return 0, ctx.Err()
		}
	}
}
