// Package postgres keeps a store of the catalog in PostgreSQL, which any number of replicas share. What the Store interface asks
// for goes in; rows of tables whose names start with "catalog_" come out.
//
// The one rule: every change takes the row of the revision first, so changes come one after the other, and who has seen a
// revision has seen all before it. Open this file first; query.go has the statements, listen.go hears of changes.
package postgres

import (
	"context"
	"embed"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"callboard.dev/callboard/subgraphs/catalog/store"
)

//go:embed migrations/*.sql
var migrations embed.FS

const (
	// connectWithin is what connecting may take where the address does not say connect_timeout.
	connectWithin = 5 * time.Second
	// maxConns is enough: the catalog answers from memory and asks its store where something changes.
	maxConns = 4
	// migrationLock is the number of the advisory lock under which migrations run. It means nothing.
	migrationLock = 0x63616c6c626f6172
)

// DB is a store in a server.
type DB struct {
	pool *pgxpool.Pool

	migrating sync.Mutex
	migrated  bool

	heard  *heard
	cancel context.CancelFunc // ends the listening
	done   chan struct{}      // closed when it has ended
}

var _ store.Store = (*DB)(nil)

// New returns the store at an address like postgres://user:password@host:5432/database?sslmode=verify-full. It connects when
// a method is called; an error is an address that means nothing, without its text, as that holds a password.
func New(address string) (*DB, error) {
	config, err := pgxpool.ParseConfig(address)
	if err != nil {
		return nil, errors.New("the address of the catalog's store cannot be understood; write postgres://USER:PASSWORD@HOST:PORT/DATABASE?sslmode=verify-full, with special characters of the password percent-encoded")
	}
	if config.ConnConfig.ConnectTimeout == 0 {
		config.ConnConfig.ConnectTimeout = connectWithin
	}
	config.MaxConns = maxConns
	config.MinConns = 0
	config.ConnConfig.RuntimeParams["application_name"] = "callboard"
	pool, err := pgxpool.NewWithConfig(context.Background(), config)
	if err != nil {
		return nil, errors.New("the address of the catalog's store cannot be used")
	}
	ctx, cancel := context.WithCancel(context.Background())
	d := &DB{pool: pool, heard: newHeard(), cancel: cancel, done: make(chan struct{})}
	go func() {
		defer close(d.done)
		d.listen(ctx, config.ConnConfig)
	}()
	return d, nil
}

// Close closes all connections.
func (d *DB) Close() error {
	d.cancel()
	<-d.done
	d.pool.Close()
	return nil
}

// ready returns the pool once the database is migrated.
func (d *DB) ready(ctx context.Context) (*pgxpool.Pool, error) {
	select {
	case <-d.done:
		return nil, store.ErrClosed
	default:
	}
	d.migrating.Lock()
	defer d.migrating.Unlock()
	if d.migrated {
		return d.pool, nil
	}
	if err := d.migrate(ctx); err != nil {
		return nil, fmt.Errorf("opening the catalog's database: %w", err)
	}
	d.migrated = true
	return d.pool, nil
}

// migrate brings the database up to date in one transaction, under a lock that replicas wait for.
func (d *DB) migrate(ctx context.Context) error {
	steps, err := store.Migrations(migrations, "migrations")
	if err != nil {
		return err
	}
	return pgx.BeginFunc(ctx, d.pool, func(tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, "SELECT pg_advisory_xact_lock($1)", int64(migrationLock)); err != nil {
			return err
		}
		version := 0
		var there bool
		// Making what may be there already needs a right that a database migrated by someone else need not give.
		if err := tx.QueryRow(ctx, "SELECT to_regclass('catalog_schema') IS NOT NULL").Scan(&there); err != nil {
			return err
		}
		if there {
			if err := tx.QueryRow(ctx, "SELECT coalesce(max(version), 0) FROM catalog_schema").Scan(&version); err != nil {
				return err
			}
		} else if _, err := tx.Exec(ctx, "CREATE TABLE catalog_schema (version integer PRIMARY KEY, migrated timestamptz NOT NULL DEFAULT now())"); err != nil {
			return err
		}
		pending, err := store.Pending(steps, version)
		if err != nil {
			return err
		}
		for _, step := range pending {
			if _, err := tx.Exec(ctx, step.SQL, pgx.QueryExecModeSimpleProtocol); err != nil { // several statements in one text
				return fmt.Errorf("migrating to version %d: %w", step.Version, err)
			}
			if _, err := tx.Exec(ctx, "INSERT INTO catalog_schema (version) VALUES ($1)", step.Version); err != nil {
				return err
			}
		}
		return nil
	})
}
