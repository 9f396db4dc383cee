package sqlite

import (
	"context"
	"database/sql"
	"fmt"
	"time"

	"callboard.dev/callboard/subgraphs/pipelines/store"
)

const (
	takeLease = `INSERT INTO pipelines_announcements (name, reference, digest, at, lease, until) VALUES (?, '', '', NULL, ?, ?)
ON CONFLICT (name) DO UPDATE SET lease = excluded.lease, until = excluded.until WHERE until IS NULL OR until <= ?`

	saveAnnouncement = "UPDATE pipelines_announcements SET reference = ?, digest = ?, at = ?, lease = '', until = NULL WHERE name = ? AND lease = ?"
	dropAnnouncement = "DELETE FROM pipelines_announcements WHERE name = ? AND lease = ?"
)

// Announce returns what was announced, and takes the lease where nobody has it.
func (d *DB) Announce(ctx context.Context, name string, lease time.Duration) (a store.Announcement, held bool, err error) {
	mine, err := store.Leased(name, lease)
	if err == nil {
		err = d.change(ctx, func(tx *sql.Tx) error {
			now := time.Now() // now that the file is ours
			done, err := tx.ExecContext(ctx, takeLease, name, mine, now.Add(lease).UnixMicro(), now.UnixMicro())
			if err != nil {
				return err
			}
			n, err := done.RowsAffected()
			if err != nil {
				return err
			}
			var at sql.NullInt64
			held, a = n > 0, store.Announcement{Name: name}
			if held {
				a.Lease = mine
			}
			err = tx.QueryRowContext(ctx, "SELECT reference, digest, at FROM pipelines_announcements WHERE name = ?", name).Scan(&a.Reference, &a.Digest, &at)
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
		err = d.change(ctx, func(tx *sql.Tx) error {
			text, args := saveAnnouncement, []any{a.Reference, a.Digest, number(a.At), a.Name, a.Lease}
			if a.Nothing() {
				text, args = dropAnnouncement, []any{a.Name, a.Lease}
			}
			done, err := tx.ExecContext(ctx, text, args...)
			if err != nil {
				return err
			}
			n, err := done.RowsAffected()
			if err == nil && n == 0 {
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
