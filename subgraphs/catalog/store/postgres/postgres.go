// Package postgres keeps a store of the catalog in PostgreSQL, which any number of replicas share. What the Store interface asks
// for goes in; rows of tables whose names start with "catalog_" come out.
//
// The one rule: every change takes the row of the revision first, so changes come one after the other, and who has seen a
// revision has seen all before it. Open this file first; query.go has the statements, listen.go hears of changes. How the server
// is connected to is a matter of subgraphs/database/postgres.
package postgres

import (
	"context"
	"embed"

	"callboard.dev/callboard/subgraphs/catalog/store"
	"callboard.dev/callboard/subgraphs/database/postgres"
)

//go:embed migrations/*.sql
var migrations embed.FS

// DB is a store in a server.
type DB struct {
	database *postgres.DB

	heard  *heard
	cancel context.CancelFunc // ends the listening
	ended  chan struct{}      // closed when it has ended
}

var _ store.Store = (*DB)(nil)

// New returns the store at an address like postgres://user:password@host:5432/database?sslmode=verify-full. It connects when
// a method is called; an error is an address that means nothing, without its text, as that holds a password.
func New(address string) (*DB, error) {
	database, err := postgres.New(address, postgres.Settings{Whose: "the catalog's", Prefix: "catalog_", Migrations: migrations})
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithCancel(context.Background())
	d := &DB{database: database, heard: newHeard(), cancel: cancel, ended: make(chan struct{})}
	go func() {
		defer close(d.ended)
		d.listen(ctx, database.Config())
	}()
	return d, nil
}

// Close closes all connections.
func (d *DB) Close() error {
	d.cancel()
	<-d.ended
	return d.database.Close()
}
