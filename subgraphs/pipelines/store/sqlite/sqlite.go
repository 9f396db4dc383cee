// Package sqlite keeps a store of the pipelines in one SQLite file. What the Store interface asks for goes in; rows of a file come
// out that is whole after every kill, and that several processes of one machine may have open.
//
// The one rule: what is looked at to decide a change is read in the change's own transaction, which has the write lock from its
// start. How the file is opened is a matter of subgraphs/database/sqlite; report.go, action.go and announcement.go have the
// statements, and prune.go those that forget.
package sqlite

import (
	"context"
	"database/sql"
	"embed"
	"time"

	"callboard.dev/callboard/subgraphs/database/sqlite"
	"callboard.dev/callboard/subgraphs/pipelines/store"
)

//go:embed migrations/*.sql
var migrations embed.FS

// DB is a store in one file.
type DB struct {
	database *sqlite.DB
}

var _ store.Store = (*DB)(nil)

// New returns the store in a file, which is made with its folder by the first call of a method. Without a name the store is in
// memory, and is gone when it is closed.
func New(file string) *DB {
	return &DB{sqlite.New(file, sqlite.Settings{Whose: "the pipelines'", Migrations: migrations})}
}

// Aside returns the name under which a file was kept that is no database or a broken one, and in whose place a new one was made;
// else the empty text.
func (d *DB) Aside() string { return d.database.Aside() }

// Close closes the file.
func (d *DB) Close() error { return d.database.Close() }

// change makes one transaction with the write lock.
func (d *DB) change(ctx context.Context, do func(tx *sql.Tx) error) error {
	db, err := d.database.Ready(ctx)
	if err != nil {
		return err
	}
	return sqlite.Change(ctx, db, do)
}

// query reads rows, each with scan, and gives the connection back.
func (d *DB) query(ctx context.Context, scan func(rows *sql.Rows) error, text string, args ...any) error {
	db, err := d.database.Ready(ctx)
	if err != nil {
		return err
	}
	rows, err := db.QueryContext(ctx, text, args...)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		if err := scan(rows); err != nil {
			return err
		}
	}
	return rows.Err()
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
