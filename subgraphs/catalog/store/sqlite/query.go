package sqlite

import (
	"context"
	"database/sql"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"callboard.dev/callboard/subgraphs/catalog/store"
	"callboard.dev/callboard/subgraphs/database/sqlite"
)

// queryer is a database or a transaction.
type queryer interface {
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
	QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row
}

func revisionOf(ctx context.Context, q queryer) (revision int64, err error) {
	err = q.QueryRowContext(ctx, "SELECT revision FROM catalog_revision").Scan(&revision)
	return revision, err
}

func nextRevision(ctx context.Context, tx *sql.Tx) (revision int64, err error) {
	err = tx.QueryRowContext(ctx, "UPDATE catalog_revision SET revision = revision + 1 RETURNING revision").Scan(&revision)
	return revision, err
}

// list returns a column of texts, sorted as Go sorts.
func list(ctx context.Context, q queryer, query string, args ...any) ([]string, error) {
	rows, err := q.QueryContext(ctx, query, args...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var out []string
	for rows.Next() {
		var text string
		if err := rows.Scan(&text); err != nil {
			return nil, err
		}
		out = append(out, text)
	}
	slices.Sort(out)
	return out, rows.Err()
}

// Revision returns the number of the last change.
func (d *DB) Revision(ctx context.Context) (int64, error) {
	db, err := d.database.Ready(ctx)
	if err != nil {
		return 0, err
	}
	revision, err := revisionOf(ctx, db)
	if err != nil {
		return 0, fmt.Errorf("asking the catalog's database for its revision: %w", err)
	}
	return revision, nil
}

// Wait looks for another revision every second.
func (d *DB) Wait(ctx context.Context, known int64) (int64, error) {
	ticker := time.NewTicker(lookEvery)
	defer ticker.Stop()
	for {
		if revision, err := d.Revision(ctx); err != nil || revision != known {
			return revision, err
		}
		select {
		case <-ticker.C:
		case <-d.database.Done():
			return 0, store.ErrClosed
		case <-ctx.Done():
			return 0, ctx.Err()
		}
	}
}

// Locations returns the registered targets.
func (d *DB) Locations(ctx context.Context) ([]string, error) {
	db, err := d.database.Ready(ctx)
	if err != nil {
		return nil, err
	}
	targets, err := list(ctx, db, "SELECT target FROM catalog_locations")
	if err != nil {
		return nil, fmt.Errorf("reading registered locations: %w", err)
	}
	return targets, nil
}

// AddLocations remembers targets.
func (d *DB) AddLocations(ctx context.Context, targets ...string) (revision int64, err error) {
	db, err := d.database.Ready(ctx)
	if err != nil {
		return 0, err
	}
	err = sqlite.Change(ctx, db, func(tx *sql.Tx) error {
		added := int64(0)
		for _, target := range targets {
			done, err := tx.ExecContext(ctx, "INSERT INTO catalog_locations VALUES (?) ON CONFLICT DO NOTHING", target)
			if err != nil {
				return err
			}
			n, err := done.RowsAffected()
			if err != nil {
				return err
			}
			added += n
		}
		if added == 0 {
			revision, err = revisionOf(ctx, tx)
			return err
		}
		var count int
		if err := tx.QueryRowContext(ctx, "SELECT count(*) FROM catalog_locations").Scan(&count); err != nil {
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
	db, err := d.database.Ready(ctx)
	if err != nil {
		return false, 0, err
	}
	err = sqlite.Change(ctx, db, func(tx *sql.Tx) error {
		done, err := tx.ExecContext(ctx, "DELETE FROM catalog_locations WHERE target = ?", target)
		if err != nil {
			return err
		}
		n, err := done.RowsAffected()
		if err != nil {
			return err
		}
		if found = n > 0; !found {
			revision, err = revisionOf(ctx, tx)
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
func (d *DB) Files(ctx context.Context, origin string, after int64) (store.Files, error) {
	db, err := d.database.Ready(ctx)
	if err != nil {
		return store.Files{}, err
	}
	var out store.Files
	// A change, though nothing is changed: so all is of one revision.
	err = sqlite.Change(ctx, db, func(tx *sql.Tx) (err error) {
		out = store.Files{}
		if out.Revision, err = revisionOf(ctx, tx); err != nil {
			return err
		}
		if after > out.Revision { // another database, such as one from a backup
			after = 0
		}
		if out.URLs, err = list(ctx, tx, "SELECT url FROM catalog_files WHERE origin = ?", origin); err != nil {
			return err
		}
		var searched, since sql.NullInt64
		err = tx.QueryRowContext(ctx, "SELECT searched, error, since FROM catalog_origins WHERE name = ?", origin).Scan(&searched, &out.State.Error, &since)
		if err != nil && err != sql.ErrNoRows {
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

func changedFiles(ctx context.Context, tx *sql.Tx, origin string, after int64) ([]store.File, error) {
	rows, err := tx.QueryContext(ctx, "SELECT url, root, found, missing, text, good, validator, asked, error, since FROM catalog_files WHERE origin = ? AND revision > ?", origin, after)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var out []store.File
	for rows.Next() {
		var (
			f            store.File
			asked, since sql.NullInt64
		)
		if err := rows.Scan(&f.URL, &f.Root, &f.Found, &f.Missing, &f.Text, &f.Good, &f.Validator, &asked, &f.Error, &since); err != nil {
			return nil, err
		}
		f.Asked, f.Since = timeOf(asked), timeOf(since)
		out = append(out, f)
	}
	slices.SortFunc(out, func(a, b store.File) int { return strings.Compare(a.URL, b.URL) })
	return out, rows.Err()
}

const saveFile = `INSERT INTO catalog_files (origin, url, root, found, missing, text, good, validator, asked, error, since, revision)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
ON CONFLICT (origin, url) DO UPDATE SET root = excluded.root, found = excluded.found, missing = excluded.missing, text = excluded.text, good = excluded.good,
	validator = excluded.validator, asked = excluded.asked, error = excluded.error, since = excluded.since, revision = excluded.revision
WHERE catalog_files.asked <= excluded.asked`

const saveOrigin = `INSERT INTO catalog_origins (name, searched, error, since) VALUES (?, ?, ?, ?)
ON CONFLICT (name) DO UPDATE SET searched = excluded.searched, error = excluded.error, since = excluded.since`

// SaveFiles remembers a change of an origin's files.
func (d *DB) SaveFiles(ctx context.Context, origin string, c store.Change) (revision int64, err error) {
	db, err := d.database.Ready(ctx)
	if err != nil {
		return 0, err
	}
	err = sqlite.Change(ctx, db, func(tx *sql.Tx) error {
		if revision, err = nextRevision(ctx, tx); err != nil {
			return err
		}
		save, err := tx.PrepareContext(ctx, saveFile)
		if err != nil {
			return err
		}
		defer save.Close()
		for _, f := range c.Files {
			text := f.Text
			if text == nil {
				text = []byte{} // nil would be NULL
			}
			var good any
			if f.Good != nil {
				good = f.Good
			}
			if _, err := save.ExecContext(ctx, origin, f.URL, f.Root, f.Found, f.Missing, text, good, f.Validator, f.Asked.UnixMicro(), f.Error, number(f.Since), revision); err != nil {
				return err
			}
		}
		for _, url := range slices.Sorted(maps.Keys(c.Gone)) {
			if _, err := tx.ExecContext(ctx, "DELETE FROM catalog_files WHERE origin = ? AND url = ? AND asked <= ?", origin, url, c.Gone[url].UnixMicro()); err != nil {
				return err
			}
		}
		if c.State == nil {
			return nil
		}
		_, err = tx.ExecContext(ctx, saveOrigin, origin, number(c.State.Searched), c.State.Error, number(c.State.Since))
		return err
	})
	if err != nil {
		return 0, fmt.Errorf("remembering files of %s: %w", origin, err)
	}
	return revision, nil
}

// number is a time as it is kept.
func number(t time.Time) any {
	if t.IsZero() {
		return nil
	}
	return t.UnixMicro()
}

func timeOf(n sql.NullInt64) time.Time {
	if !n.Valid {
		return time.Time{}
	}
	return time.UnixMicro(n.Int64).UTC()
}
