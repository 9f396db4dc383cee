// Package postgres keeps a store of the pipelines in PostgreSQL, which any number of replicas share. What the Store interface asks
// for goes in; rows of tables whose names start with "pipelines_" come out.
//
// The one rule: where a change depends on what is there already, it first takes a lock for just that, so that of several replicas
// one decides after the other. How the server is connected to is a matter of subgraphs/database/postgres; report.go, action.go and
// announcement.go have the statements, and prune.go those that forget.
package postgres

import (
	"context"
	"embed"
	"hash/fnv"
	"time"

	"github.com/jackc/pgx/v5"

	"callboard.dev/callboard/subgraphs/database/postgres"
	"callboard.dev/callboard/subgraphs/pipelines/store"
)

//go:embed migrations/*.sql
var migrations embed.FS

// maxConns bounds the connections of a replica. Reports are read for requests, and some of them are large.
const maxConns = 8

// The first numbers of the advisory locks say what a lock is for, and mean nothing else. Nobody else of Callboard's takes locks
// of two numbers.
const (
	lockOfReports = 0x7265706f
	lockOfActions = 0x61637469
	lockOfPrune   = 0x7072756e
)

// DB is a store in a server.
type DB struct {
	database *postgres.DB
}

var _ store.Store = (*DB)(nil)

// New returns the store at an address like postgres://user:password@host:5432/database?sslmode=verify-full. It connects when
// a method is called; an error is an address that means nothing, without its text, as that holds a password.
func New(address string) (*DB, error) {
	database, err := postgres.New(address, postgres.Settings{Whose: "the pipelines'", Prefix: "pipelines_", Migrations: migrations, MaxConns: maxConns})
	if err != nil {
		return nil, err
	}
	return &DB{database}, nil
}

// Close closes all connections.
func (d *DB) Close() error { return d.database.Close() }

// lock takes the lock for some texts until the transaction ends. Others that happen to have the same number only wait.
func lock(ctx context.Context, tx pgx.Tx, what int32, texts ...string) error {
	sum := fnv.New32a()
	for _, text := range texts {
		_, _ = sum.Write([]byte(text))
		_, _ = sum.Write([]byte{0})
	}
	_, err := tx.Exec(ctx, "SELECT pg_advisory_xact_lock($1, $2)", what, int32(sum.Sum32()))
	return err
}

// query reads rows with one.
func query[T any](ctx context.Context, d *DB, one pgx.RowToFunc[T], text string, args ...any) ([]T, error) {
	pool, err := d.database.Ready(ctx)
	if err != nil {
		return nil, err
	}
	rows, err := pool.Query(ctx, text, args...)
	if err != nil {
		return nil, err
	}
	return pgx.AppendRows([]T(nil), rows, one)
}

// micro is the time that the database gives back: as exact as it keeps times, and not rounded up.
func micro(t time.Time) time.Time { return t.UTC().Truncate(time.Microsecond) }

func timeOf(t *time.Time) time.Time {
	if t == nil {
		return time.Time{}
	}
	return t.UTC()
}
