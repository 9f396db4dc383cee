package postgres

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"callboard.dev/callboard/subgraphs/pipelines/store"
)

// Leases are measured by the clock of the server, as those of replicas differ.
const (
	takeLease = `INSERT INTO pipelines_announcements AS a (name, reference, digest, lease, until) VALUES ($1, '', '', $2, clock_timestamp() + $3::bigint * interval '1 microsecond')
ON CONFLICT (name) DO UPDATE SET lease = excluded.lease, until = excluded.until WHERE a.until IS NULL OR a.until <= clock_timestamp()`

	saveAnnouncement = "UPDATE pipelines_announcements SET reference = $3, digest = $4, at = $5, lease = '', until = NULL WHERE name = $1 AND lease = $2"
	dropAnnouncement = "DELETE FROM pipelines_announcements WHERE name = $1 AND lease = $2"
)

// Announce returns what was announced, and takes the lease where nobody has it.
func (d *DB) Announce(ctx context.Context, name string, lease time.Duration) (a store.Announcement, held bool, err error) {
	mine, err := store.Leased(name, lease)
	if err == nil {
		err = d.database.Change(ctx, func(tx pgx.Tx) error {
			done, err := tx.Exec(ctx, takeLease, name, mine, lease.Microseconds())
			if err != nil {
				return err
			}
			held, a = done.RowsAffected() > 0, store.Announcement{Name: name}
			if held {
				a.Lease = mine
			}
			// The row is locked by the statement before, also where that did not change it.
			var at *time.Time
			err = tx.QueryRow(ctx, "SELECT reference, digest, at FROM pipelines_announcements WHERE name = $1", name).Scan(&a.Reference, &a.Digest, &at)
			a.At = timeOf(at)
			return err
		})
	}
	if err != nil {
		return store.Announcement{}, false, fmt.Errorf("taking the lease on an announcement: %w", err)
	}
	return a, held, nil
}

// SaveAnnouncement remembers what was posted and gives the lease back.
func (d *DB) SaveAnnouncement(ctx context.Context, a store.Announcement) error {
	a, err := a.Posted()
	if err == nil {
		err = d.database.Change(ctx, func(tx pgx.Tx) error {
			text, args := dropAnnouncement, []any{a.Name, a.Lease}
			if !a.Nothing() {
				text, args = saveAnnouncement, append(args, a.Reference, a.Digest, micro(a.At))
			}
			done, err := tx.Exec(ctx, text, args...)
			if err == nil && done.RowsAffected() == 0 {
				err = store.ErrLost
			}
			return err
		})
	}
	if err != nil {
		return fmt.Errorf("remembering the announcement %.200s: %w", a.Name, err)
	}
	return nil
}
