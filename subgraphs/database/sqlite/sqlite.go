// Package sqlite opens a SQLite file so that nothing is lost in it. The name of a file and the steps that make its tables go in; a
// database comes out that is up to date, whole after every kill, and that several processes of one machine may have open.
//
// The one rule: a change is one transaction that has the write lock from its start and is on disk when it ends. Open this file
// first; broken.go keeps aside what is no database.
package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"sync"
	"syscall"
	"time"

	driver "modernc.org/sqlite"
	codes "modernc.org/sqlite/lib"

	"callboard.dev/callboard/subgraphs/database"
)

const (
	// busyFor is how long a transaction waits for another process's. They take milliseconds; after this something is wrong.
	busyFor = 5 * time.Second
	// againAfter is how long to wait where SQLite refuses at once because another process is just making the file.
	againAfter = 20 * time.Millisecond
)

// Settings say what a file is for.
type Settings struct {
	// Whose the database is, as errors say it: "the catalog's".
	Whose string
	// Migrations has the steps in its folder "migrations".
	Migrations fs.FS
}

// DB is a database in one file.
type DB struct {
	file     string
	settings Settings

	opening sync.Mutex
	db      *sql.DB // nil until the file was opened and migrated
	closed  bool
	aside   string
	done    chan struct{} // closed by Close
}

// New returns the database in a file, which is made with its folder by the first call of Ready. Without a name the database is in
// memory, and is gone when it is closed.
func New(file string, settings Settings) *DB {
	return &DB{file: file, settings: settings, done: make(chan struct{})}
}

// Aside returns the name under which a file was kept that is no database or a broken one, and in whose place a new one was made;
// else the empty text.
func (d *DB) Aside() string {
	d.opening.Lock()
	defer d.opening.Unlock()
	return d.aside
}

// Done is closed when the database is.
func (d *DB) Done() <-chan struct{} { return d.done }

// Close closes the file.
func (d *DB) Close() error {
	d.opening.Lock()
	defer d.opening.Unlock()
	if d.closed {
		return nil
	}
	d.closed = true
	close(d.done)
	if d.db == nil {
		return nil
	}
	return d.db.Close()
}

// Ready returns the migrated database, which it opens where that has not been done. It has one connection: whoever keeps rows open
// keeps everybody waiting. The error may be database.ErrClosed or database.ErrNewer; after others the next call tries again.
func (d *DB) Ready(ctx context.Context) (*sql.DB, error) {
	d.opening.Lock()
	defer d.opening.Unlock()
	if d.closed {
		return nil, database.ErrClosed
	}
	if d.db != nil {
		return d.db, nil
	}
	db, err := d.open(ctx)
	if isBroken(err) && d.file != "" {
		if err = d.keepAside(ctx); err == nil {
			db, err = d.open(ctx)
		}
	}
	if err != nil {
		return nil, fmt.Errorf("opening %s database %s: %w", d.settings.Whose, d.file, err)
	}
	d.db = db
	return db, nil
}

// open opens and migrates the file. Where another process is making it, SQLite refuses some steps at once instead of waiting.
func (d *DB) open(ctx context.Context) (*sql.DB, error) {
	name := "file::memory:?"
	if d.file != "" {
		file, err := filepath.Abs(d.file)
		if err != nil {
			return nil, err
		}
		if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
			return nil, err
		}
		made, err := os.OpenFile(file, os.O_CREATE|os.O_RDWR|syscall.O_NONBLOCK, 0o600) // SQLite would make it readable for all
		if err != nil {
			return nil, err
		}
		if err := made.Close(); err != nil {
			return nil, err
		}
		name = (&url.URL{Scheme: "file", Path: file}).String() + "?_pragma=journal_mode(wal)&"
	}
	// Other settings of synchronous lose what was acknowledged when the machine loses its power.
	db, err := sql.Open("sqlite", fmt.Sprintf("%s_txlock=immediate&_busy_timeout=%d&_pragma=synchronous(full)", name, busyFor.Milliseconds()))
	if err != nil {
		return nil, err
	}
	// One connection: writers would wait for each other anyway, and a database in memory is one connection's.
	db.SetMaxOpenConns(1)
	for latest := time.Now().Add(busyFor); ; {
		err := migrate(ctx, db, d.settings.Migrations)
		if err == nil {
			return db, nil
		}
		if codeOf(err)&0xff != codes.SQLITE_BUSY || time.Now().After(latest) {
			return nil, errors.Join(err, db.Close())
		}
		select {
		case <-time.After(againAfter):
		case <-ctx.Done():
			return nil, errors.Join(ctx.Err(), db.Close())
		}
	}
}

// migrate brings the database up to date in one transaction, so that of several processes that start at once one does it.
func migrate(ctx context.Context, db *sql.DB, files fs.FS) error {
	steps, err := database.Migrations(files, "migrations")
	if err != nil {
		return err
	}
	return Change(ctx, db, func(tx *sql.Tx) error {
		var version int
		if err := tx.QueryRowContext(ctx, "PRAGMA user_version").Scan(&version); err != nil {
			return err
		}
		pending, err := database.Pending(steps, version)
		if err != nil {
			return err
		}
		for _, step := range pending {
			if _, err := tx.ExecContext(ctx, step.SQL); err != nil {
				return fmt.Errorf("migrating to version %d: %w", step.Version, err)
			}
		}
		if len(pending) == 0 {
			return nil
		}
		_, err = tx.ExecContext(ctx, fmt.Sprintf("PRAGMA user_version = %d", len(steps)))
		return err
	})
}

// Change makes one transaction, with the write lock, of what do does in a database that is Ready; none of it where do returns an error.
func Change(ctx context.Context, db *sql.DB, do func(tx *sql.Tx) error) error {
	tx, err := db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	if err := do(tx); err != nil {
		return errors.Join(err, tx.Rollback())
	}
	return tx.Commit()
}

func codeOf(err error) int {
	var failure *driver.Error
	if errors.As(err, &failure) {
		return failure.Code()
	}
	return 0
}
