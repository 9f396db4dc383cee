package postgres

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"callboard.dev/callboard/subgraphs/catalog/store"
)

// idOf is what a text is found by, as it may be too long for an index.
func idOf(text string) []byte {
	sum := sha256.Sum256([]byte(text))
	return sum[:]
}

// nextRevision makes changes one after the other: the row is locked until the transaction ends.
func nextRevision(ctx context.Context, tx pgx.Tx) (revision int64, err error) {
	if err := tx.QueryRow(ctx, "UPDATE catalog_revision SET revision = revision + 1 RETURNING revision").Scan(&revision); err != nil {
		return 0, err
	}
	_, err = tx.Exec(ctx, "SELECT pg_notify($1, '')", channel)
	return revision, err
}

// lockRevision is nextRevision for what may turn out to change nothing.
func lockRevision(ctx context.Context, tx pgx.Tx) (revision int64, err error) {
	err = tx.QueryRow(ctx, "SELECT revision FROM catalog_revision FOR UPDATE").Scan(&revision)
	return revision, err
}

// Revision returns the number of the last change.
func (d *DB) Revision(ctx context.Context) (revision int64, err error) {
	pool, err := d.database.Ready(ctx)
	if err != nil {
		return 0, err
	}
	if err := pool.QueryRow(ctx, "SELECT revision FROM catalog_revision").Scan(&revision); err != nil {
		return 0, fmt.Errorf("asking the catalog's database for its revision: %w", err)
	}
	return revision, nil
}

func list(ctx context.Context, q interface {
	Query(ctx context.Context, query string, args ...any) (pgx.Rows, error)
}, query string, args ...any) ([]string, error) {
	rows, err := q.Query(ctx, query, args...)
	if err != nil {
		return nil, err
	}
	out, err := pgx.CollectRows(rows, pgx.RowTo[string])
	slices.Sort(out) // as Go sorts, whatever the database's language
	return out, err
}

// Locations returns the registered targets.
func (d *DB) Locations(ctx context.Context) ([]string, error) {
	pool, err := d.database.Ready(ctx)
	if err != nil {
		return nil, err
	}
	targets, err := list(ctx, pool, "SELECT target FROM catalog_locations")
	if err != nil {
		return nil, fmt.Errorf("reading registered locations: %w", err)
	}
	return targets, nil
}

// AddLocations remembers targets.
func (d *DB) AddLocations(ctx context.Context, targets ...string) (revision int64, err error) {
	err = d.database.Change(ctx, func(tx pgx.Tx) error {
		if revision, err = lockRevision(ctx, tx); err != nil {
			return err
		}
		added := int64(0)
		for _, target := range targets {
			done, err := tx.Exec(ctx, "INSERT INTO catalog_locations (id, target) VALUES ($1, $2) ON CONFLICT DO NOTHING", idOf(target), target)
			if err != nil {
				return err
			}
			added += done.RowsAffected()
		}
		if added == 0 {
			return nil
		}
		var count int
		if err := tx.QueryRow(ctx, "SELECT count(*) FROM catalog_locations").Scan(&count); err != nil {
			return err
		}
		if count > store.MaxLocations {
			return store.ErrFull
		}
		revision, err = nextRevision(ctx, tx)
		return err
	})
	if err != nil {
		return 0, fmt.Errorf("remembering registered locations: %w", err)
	}
	return revision, nil
}

// RemoveLocation forgets a target.
func (d *DB) RemoveLocation(ctx context.Context, target string) (found bool, revision int64, err error) {
	err = d.database.Change(ctx, func(tx pgx.Tx) error {
		if revision, err = lockRevision(ctx, tx); err != nil {
			return err
		}
		done, err := tx.Exec(ctx, "DELETE FROM catalog_locations WHERE id = $1", idOf(target))
		if found = err == nil && done.RowsAffected() > 0; !found {
			return err
		}
		revision, err = nextRevision(ctx, tx)
		return err
	})
	if err != nil {
		return false, 0, fmt.Errorf("forgetting a registered location: %w", err)
	}
	return found, revision, nil
}

// Files returns what is known of an origin's files.
func (d *DB) Files(ctx context.Context, origin string, after int64) (out store.Files, err error) {
	pool, err := d.database.Ready(ctx)
	if err != nil {
		return store.Files{}, err
	}
	// All queries see one moment.
	err = pgx.BeginTxFunc(ctx, pool, pgx.TxOptions{IsoLevel: pgx.RepeatableRead, AccessMode: pgx.ReadOnly}, func(tx pgx.Tx) error {
		out = store.Files{}
		if err := tx.QueryRow(ctx, "SELECT revision FROM catalog_revision").Scan(&out.Revision); err != nil {
			return err
		}
		if after > out.Revision { // another database, such as one from a backup
			after = 0
		}
		if out.URLs, err = list(ctx, tx, "SELECT url FROM catalog_files WHERE origin = $1", origin); err != nil {
			return err
		}
		var searched, since *time.Time
		err = tx.QueryRow(ctx, "SELECT searched, error, since FROM catalog_origins WHERE name = $1", origin).Scan(&searched, &out.State.Error, &since)
		if err != nil && !errors.Is(err, pgx.ErrNoRows) {
			return err
		}
		out.State.Searched, out.State.Since = timeOf(searched), timeOf(since)
		out.Changed, err = changedFiles(ctx, tx, origin, after)
		return err
	})
	if err != nil {
		return store.Files{}, fmt.Errorf("reading the files of %s: %w", origin, err)
	}
	return out, nil
}

func changedFiles(ctx context.Context, tx pgx.Tx, origin string, after int64) ([]store.File, error) {
	rows, err := tx.Query(ctx, "SELECT url, root, found, missing, text, good, validator, asked, error, since FROM catalog_files WHERE origin = $1 AND revision > $2", origin, after)
	if err != nil {
		return nil, err
	}
	out, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (f store.File, err error) {
		var asked, since *time.Time
		err = row.Scan(&f.URL, &f.Root, &f.Found, &f.Missing, &f.Text, &f.Good, &f.Validator, &asked, &f.Error, &since)
		f.Asked, f.Since = timeOf(asked), timeOf(since)
		return f, err
	})
	slices.SortFunc(out, func(a, b store.File) int { return strings.Compare(a.URL, b.URL) })
	return out, err
}

const saveFile = `INSERT INTO catalog_files (origin, id, url, root, found, missing, text, good, validator, asked, error, since, revision)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)
ON CONFLICT (origin, id) DO UPDATE SET root = excluded.root, found = excluded.found, missing = excluded.missing, text = excluded.text, good = excluded.good,
	validator = excluded.validator, asked = excluded.asked, error = excluded.error, since = excluded.since, revision = excluded.revision
WHERE catalog_files.asked <= excluded.asked`

const saveOrigin = `INSERT INTO catalog_origins (name, searched, error, since) VALUES ($1, $2, $3, $4)
ON CONFLICT (name) DO UPDATE SET searched = excluded.searched, error = excluded.error, since = excluded.since`

// SaveFiles remembers a change of an origin's files.
func (d *DB) SaveFiles(ctx context.Context, origin string, c store.Change) (revision int64, err error) {
	err = d.database.Change(ctx, func(tx pgx.Tx) error {
		if revision, err = nextRevision(ctx, tx); err != nil {
			return err
		}
		var batch pgx.Batch
		for _, f := range c.Files {
			text := f.Text
			if text == nil {
				text = []byte{} // nil would be NULL
			}
			batch.Queue(saveFile, origin, idOf(f.URL), f.URL, f.Root, f.Found, f.Missing, text, f.Good, f.Validator, micro(f.Asked), f.Error, kept(f.Since), revision)
		}
		for _, url := range slices.Sorted(maps.Keys(c.Gone)) {
			batch.Queue("DELETE FROM catalog_files WHERE origin = $1 AND id = $2 AND asked <= $3", origin, idOf(url), micro(c.Gone[url]))
		}
		if c.State != nil {
			batch.Queue(saveOrigin, origin, kept(c.State.Searched), c.State.Error, kept(c.State.Since))
		}
		if batch.Len() == 0 {
			return nil
		}
		return tx.SendBatch(ctx, &batch).Close()
	})
	if err != nil {
		return 0, fmt.Errorf("remembering files of %s: %w", origin, err)
	}
	return revision, nil
}

// kept is a time as it is kept: nil for never.
func kept(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	t = micro(t)
	return &t
}

// micro is the time that the database gives back: as exact as it keeps times, and not rounded up.
func micro(t time.Time) time.Time { return t.UTC().Truncate(time.Microsecond) }

func timeOf(t *time.Time) time.Time {
	if t == nil {
		return time.Time{}
	}
	return t.UTC()
}
