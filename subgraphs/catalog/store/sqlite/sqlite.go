// Package sqlite keeps a store of the catalog in one SQLite file. What the Store interface asks for goes in; rows of a file come
// out that is whole after every kill, and that several processes of one machine may have open.
//
// The one rule: a change is one transaction that has the write lock from its start and is on disk when it ends. How the file is
// opened is a matter of subgraphs/database/sqlite; query.go has the statements.
package sqlite

import (
	"embed"
	"time"

	"callboard.dev/callboard/subgraphs/catalog/store"
	"callboard.dev/callboard/subgraphs/database/sqlite"
)

//go:embed migrations/*.sql
var migrations embed.FS

// lookEvery is how often a file is looked at for changes of other processes: one read of a page that is in memory.
const lookEvery = time.Second

// DB is a store in one file.
type DB struct {
	database *sqlite.DB
}

var _ store.Store = (*DB)(nil)

// New returns the store in a file, which is made with its folder by the first call of a method. Without a name the store is in
// memory, and is gone when it is closed.
func New(file string) *DB {
	return &DB{sqlite.New(file, sqlite.Settings{Whose: "the catalog's", Migrations: migrations})}
}

// Aside returns the name under which a file was kept that is no database or a broken one, and in whose place a new one was made;
// else the empty text.
func (d *DB) Aside() string { return d.database.Aside() }

// Close closes the file.
func (d *DB) Close() error { return d.database.Close() }
