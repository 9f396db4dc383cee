// Package sqlite keeps a store of the catalog in one SQLite file. What the Store interface asks for goes in; rows of a file come
// out that is whole after every kill, and that several processes of one machine may have open.
//
// The one rule: a change is one transaction that has the write lock from its start and is on disk when it ends. Open this file
// first; query.go has the statements.
package sqlite

import (
	"context"
	"database/sql"
	"embed"
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

	"callboard.dev/callboard/subgraphs/catalog/store"
)

//go:embed migrations/*.sql
var migrations embed.FS

const (
	// busyFor is how long a transaction waits for another process's. They take milliseconds; after this something is wrong.
	busyFor = 5 * time.Second
	// lookEvery is how often a file is looked at for changes of other processes: one read of a page that is in memory.
	lookEvery = time.Second
	// againAfter is how long to wait where SQLite refuses at once because another process is just making the file.
	againAfter = 20 * time.Millisecond
)

// DB is a store in one file.
type DB struct {
	file string

	opening sync.Mutex
	db      *sql.DB // nil until the file was opened and migrated
	closed  bool
	aside   string
	done    chan struct{} // closed by Close
}

var _ store.Store = (*DB)(nil)

// New returns the store in a file, which is made with its folder by the first call of a method. Without a name the store is in
// memory, and is gone when it is closed.
func New(file string) *DB { return &DB{file: file, done: make(chan struct{})} }

// Aside returns the name under which a file was kept that is no database or a broken one, and in whose place a new one was made;
// else the empty text.
func (d *DB) Aside() string {
	d.opening.Lock()
	defer d.opening.Unlock()
	return d.aside
}

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

// ready returns the migrated database.
func (d *DB) ready(ctx context.Context) (*sql.DB, error) {
	d.opening.Lock()
	defer d.opening.Unlock()
	if d.closed {
		return nil, store.ErrClosed
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
		return nil, fmt.Errorf("opening the catalog's database %s: %w", d.file, err)
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
	// One connection: writers would wait for each other anyway, and a store in memory is one connection's.
	db.SetMaxOpenConns(1)
	for latest := time.Now().Add(busyFor); ; {
		err := migrate(ctx, db)
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
func migrate(ctx context.Context, db *sql.DB) error {
	steps, err := store.Migrations(migrations, "migrations")
	if err != nil {
		return err
	}
	return change(ctx, db, func(tx *sql.Tx) error {
		var version int
		if err := tx.QueryRowContext(ctx, "PRAGMA user_version").Scan(&version); err != nil {
			return err
		}
		pending, err := store.Pending(steps, version)
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

// change makes one transaction with the write lock.
func change(ctx context.Context, db *sql.DB, do func(tx *sql.Tx) error) error {
	tx, err := db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	if err := do(tx); err != nil {
		return errors.Join(err, tx.Rollback())
	}
	return tx.Commit()
}

// keepAside renames a broken file, with what belongs to it. Of two processes that find it broken one does; the other finds, once
// it has the lock, that the file there now is not.
func (d *DB) keepAside(ctx context.Context) error {
	lock, err := os.OpenFile(d.file+".lock", os.O_CREATE|os.O_RDWR|syscall.O_NONBLOCK, 0o600)
	if err != nil {
		return err
	}
	defer func() { _ = lock.Close() }() // which gives the lock back
	if err := syscall.Flock(int(lock.Fd()), syscall.LOCK_EX); err != nil {
		return err
	}
	db, err := d.open(ctx)
	if err == nil {
		return db.Close()
	}
	if !isBroken(err) {
		return err
	}
	for n := 1; ; n++ {
		aside := fmt.Sprintf("%s.broken-%d", d.file, n)
		if _, err := os.Lstat(aside); err == nil {
			continue
		}
		// The file goes last: without it, what is left beside it would be taken for a new one's.
		for _, ending := range []string{"-wal", "-shm", ""} {
			if err := os.Rename(d.file+ending, aside+ending); err != nil && !errors.Is(err, fs.ErrNotExist) {
				return err
			}
		}
		d.aside = aside
		return nil
	}
}

// isBroken tells a file that is no database, or whose pages are wrong, from one that cannot be opened now.
func isBroken(err error) bool {
	code := codeOf(err) & 0xff // without what is said more exactly
	return code == codes.SQLITE_NOTADB || code == codes.SQLITE_CORRUPT
}

func codeOf(err error) int {
	var failure *driver.Error
	if errors.As(err, &failure) {
		return failure.Code()
	}
	return 0
}
