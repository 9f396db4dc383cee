// Package postgres connects to a PostgreSQL that replicas share. An address and the steps that make tables go in; a pool of
// connections comes out, to a database that is up to date.
//
// The one rule: the text of an address is in no error, as it holds a password. Several subgraphs may have the same address: each
// has a prefix of its own for its tables, of which PREFIX_schema says how far it is migrated.
package postgres

import (
	"context"
	"fmt"
	"io/fs"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"callboard.dev/callboard/subgraphs/database"
)

const (
	// connectWithin is what connecting may take where the address does not say connect_timeout.
	connectWithin = 5 * time.Second
	// fewConns are enough for what answers from memory and asks its database where something changes.
	fewConns = 4
	// migrationLock is the number of the advisory lock under which migrations run. It means nothing.
	migrationLock = 0x63616c6c626f6172
)

// Settings say what a database is for.
type Settings struct {
	// Whose the database is, as errors say it: "the catalog's".
	Whose string
	// Prefix is what the names of all tables start with, such as "catalog_". It is part of statements.
	Prefix string
	// Migrations has the steps in its folder "migrations".
	Migrations fs.FS
	// MaxConns bounds the connections of this process; 0 means 4.
	MaxConns int
}

// DB is a database in a server.
type DB struct {
	settings Settings
	config   *pgx.ConnConfig
	pool     *pgxpool.Pool

	migrating sync.Mutex
	migrated  bool

	closing sync.Once
	done    chan struct{} // closed by Close
}

// New returns the database at an address like postgres://user:password@host:5432/database?sslmode=verify-full. It connects when
// it is used; an error is an address that means nothing, without its text.
func New(address string, settings Settings) (*DB, error) {
	config, err := pgxpool.ParseConfig(address)
	if err != nil {
		return nil, fmt.Errorf("the address of %s store cannot be understood; write postgres://USER:PASSWORD@HOST:PORT/DATABASE?sslmode=verify-full, with special characters of the password percent-encoded", settings.Whose)
	}
	if config.ConnConfig.ConnectTimeout == 0 {
		config.ConnConfig.ConnectTimeout = connectWithin
	}
	config.MaxConns = fewConns
	if settings.MaxConns > 0 {
		config.MaxConns = int32(settings.MaxConns)
	}
	config.MinConns = 0
	config.ConnConfig.RuntimeParams["application_name"] = "callboard"
	pool, err := pgxpool.NewWithConfig(context.Background(), config)
	if err != nil {
		return nil, fmt.Errorf("the address of %s store cannot be used", settings.Whose)
	}
	return &DB{settings: settings, config: config.ConnConfig, pool: pool, done: make(chan struct{})}, nil
}

// Config is how to connect for what needs a connection of its own, such as listening.
func (d *DB) Config() *pgx.ConnConfig { return d.config.Copy() }

// Done is closed when the database is.
func (d *DB) Done() <-chan struct{} { return d.done }

// Close closes all connections, once those that are in use are given back.
func (d *DB) Close() error {
	d.closing.Do(func() { close(d.done) })
	d.pool.Close()
	return nil
}

// Ready returns the pool once the database is migrated. The error may be database.ErrClosed or database.ErrNewer; after others the
// next call tries again.
func (d *DB) Ready(ctx context.Context) (*pgxpool.Pool, error) {
	select {
	case <-d.done:
		return nil, database.ErrClosed
	default:
	}
	d.migrating.Lock()
	defer d.migrating.Unlock()
	if d.migrated {
		return d.pool, nil
	}
	if err := d.migrate(ctx); err != nil {
		return nil, fmt.Errorf("opening %s database: %w", d.settings.Whose, err)
	}
	d.migrated = true
	return d.pool, nil
}

// Change makes one transaction of what do does; none of it where do returns an error.
func (d *DB) Change(ctx context.Context, do func(tx pgx.Tx) error) error {
	pool, err := d.Ready(ctx)
	if err != nil {
		return err
	}
	return pgx.BeginFunc(ctx, pool, do)
}

// migrate brings the database up to date in one transaction, under a lock that replicas wait for.
func (d *DB) migrate(ctx context.Context) error {
	steps, err := database.Migrations(d.settings.Migrations, "migrations")
	if err != nil {
		return err
	}
	schema := d.settings.Prefix + "schema"
	return pgx.BeginFunc(ctx, d.pool, func(tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, "SELECT pg_advisory_xact_lock($1)", int64(migrationLock)); err != nil {
			return err
		}
		version := 0
		var there bool
		// Making what may be there already needs a right that a database migrated by someone else need not give.
		if err := tx.QueryRow(ctx, "SELECT to_regclass($1) IS NOT NULL", schema).Scan(&there); err != nil {
			return err
		}
		if there {
			if err := tx.QueryRow(ctx, "SELECT coalesce(max(version), 0) FROM "+schema).Scan(&version); err != nil {
				return err
			}
		} else if _, err := tx.Exec(ctx, "CREATE TABLE "+schema+" (version integer PRIMARY KEY, migrated timestamptz NOT NULL DEFAULT now())"); err != nil {
			return err
		}
		pending, err := database.Pending(steps, version)
		if err != nil {
			return err
		}
		for _, step := range pending {
			if _, err := tx.Exec(ctx, step.SQL, pgx.QueryExecModeSimpleProtocol); err != nil { // several statements in one text
				return fmt.Errorf("migrating to version %d: %w", step.Version, err)
			}
			if _, err := tx.Exec(ctx, "INSERT INTO "+schema+" (version) VALUES ($1)", step.Version); err != nil {
				return err
			}
		}
		return nil
	})
}
