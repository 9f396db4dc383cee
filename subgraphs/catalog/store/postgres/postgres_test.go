//go:build servers

package postgres_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"callboard.dev/callboard/subgraphs/catalog/store"
	"callboard.dev/callboard/subgraphs/catalog/store/postgres"
	"callboard.dev/callboard/subgraphs/catalog/store/storetest"
	"callboard.dev/callboard/subgraphs/database/postgrestest"
)

// shared is the server that all tests use which do not stop it.
var shared *postgrestest.Server

func TestMain(m *testing.M) {
	os.Exit(func() int {
		var err error
		if shared, err = postgrestest.Start(); err != nil {
			fmt.Fprintln(os.Stderr, "starting PostgreSQL:", err)
			return 1
		}
		defer shared.Remove()
		return m.Run()
	}())
}

func TestStore(t *testing.T) {
	storetest.Run(t, func(t *testing.T) storetest.Opener {
		address := shared.Database(t)
		return func() store.Store { return open(t, address) }
	})
}

// open does not close, as the conformance test does.
func open(t *testing.T, address string) *postgres.DB {
	t.Helper()
	db, err := postgres.New(address)
	if err != nil {
		t.Fatal(err)
	}
	return db
}

func closing(t *testing.T, db *postgres.DB) *postgres.DB {
	t.Cleanup(func() {
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	})
	return db
}

func TestNewerDatabaseIsRefused(t *testing.T) {
	address := shared.Database(t)
	if _, err := closing(t, open(t, address)).AddLocations(t.Context(), "/a"); err != nil {
		t.Fatal(err)
	}
	conn, err := pgx.Connect(t.Context(), address)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(context.Background())
	if _, err := conn.Exec(t.Context(), "INSERT INTO catalog_schema (version) VALUES (99)"); err != nil {
		t.Fatal(err)
	}
	if _, err := closing(t, open(t, address)).Locations(t.Context()); !errors.Is(err, store.ErrNewer) || !strings.Contains(err.Error(), "99") {
		t.Errorf("a newer database: %v", err)
	}
}

// A replica needs no right to make tables where another one has made them.
func TestUserWithoutRightToMigrate(t *testing.T) {
	address := shared.Database(t)
	if _, err := closing(t, open(t, address)).AddLocations(t.Context(), "/a"); err != nil {
		t.Fatal(err)
	}
	conn, err := pgx.Connect(t.Context(), address)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(context.Background())
	user := fmt.Sprint("reader", rand.Uint32())
	if _, err := conn.Exec(t.Context(), fmt.Sprintf("CREATE USER %s PASSWORD 'r'; GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO %[1]s", user), pgx.QueryExecModeSimpleProtocol); err != nil {
		t.Fatal(err)
	}
	narrow := closing(t, open(t, strings.Replace(address, "postgres:"+postgrestest.Password, user+":r", 1)))
	if _, err := narrow.AddLocations(t.Context(), "/b"); err != nil {
		t.Error(err)
	}
	if got, err := narrow.Locations(t.Context()); err != nil || !slices.Equal(got, []string{"/a", "/b"}) {
		t.Errorf("the locations are %v, %v", got, err)
	}
}

// Where notifications do not come through, as behind some poolers, changes are seen all the same.
func TestChangesAreSeenWithoutNotifications(t *testing.T) {
	address := shared.Database(t)
	db := closing(t, open(t, address))
	known, err := db.Revision(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	conn, err := pgx.Connect(t.Context(), address)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(context.Background())
	if _, err := conn.Exec(t.Context(), "UPDATE catalog_revision SET revision = revision + 1"); err != nil { // and nobody is told
		t.Fatal(err)
	}
	if got, err := db.Wait(t.Context(), known); err != nil || got != known+1 {
		t.Errorf("waiting gives %d, %v", got, err)
	}
}

func TestErrorsHoldNoPassword(t *testing.T) {
	const secret = "hunter-2"
	for _, address := range []string{
		"postgres://callboard:" + secret + "@127.0.0.1:1/x", "postgres://callboard:" + secret + "@[::1", "postgres://u:" + secret + "@h:port/x?sslmode=no",
		"host=127.0.0.1 port=1 password=" + secret + " connect_timeout=x", strings.Replace(shared.Database(t), postgrestest.Password, secret, 1),
	} {
		db, err := postgres.New(address)
		if err == nil {
			_, err = closing(t, db).Locations(t.Context())
		}
		if err == nil || strings.Contains(err.Error(), secret) {
			t.Errorf("%s: %v", address, err)
		}
	}
}

// The server is stopped as in a crash, and started again, while several replicas write. What they were told is done must be done,
// and they go on by themselves.
func TestServerKilledUnderLoad(t *testing.T) {
	s, err := postgrestest.Start()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Remove)
	address := s.Database(t)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var (
		mu           sync.Mutex
		acknowledged []string
		failed       int
		writing      sync.WaitGroup
	)
	counted := func() (int, int) {
		mu.Lock()
		defer mu.Unlock()
		return len(acknowledged), failed
	}
	watcher := closing(t, open(t, address))
	for n := range 3 {
		db := closing(t, open(t, address))
		writing.Go(func() {
			for i := 0; ctx.Err() == nil; i++ {
				target := fmt.Sprintf("/%d/%d", n, i)
				call, cancel := context.WithTimeout(ctx, 10*time.Second)
				_, err := db.AddLocations(call, target)
				mu.Lock()
				if err == nil {
					acknowledged = append(acknowledged, target)
				} else {
					failed++
				}
				mu.Unlock()
				// Room for more, and a write of another kind.
				if err == nil && i%2 == 0 {
					if found, _, err := db.RemoveLocation(call, target); err == nil && found {
						mu.Lock()
						acknowledged = slices.DeleteFunc(acknowledged, func(a string) bool { return a == target })
						mu.Unlock()
					} else {
						mu.Lock()
						acknowledged = slices.DeleteFunc(acknowledged, func(a string) bool { return a == target }) // not known
						mu.Unlock()
					}
				}
				cancel()
				if n, _ := counted(); n > store.MaxLocations*8/10 {
					return
				}
			}
		})
	}
	grows := func(what string, by int, count func() int) {
		for start := count(); count() < start+by; time.Sleep(time.Millisecond) {
			if t.Context().Err() != nil {
				t.Fatal(what)
			}
		}
	}
	for range 3 {
		grows("nothing is written", 20, func() int { n, _ := counted(); return n })
		s.Kill(t)
		grows("nothing fails", 1, func() int { _, n := counted(); return n })
		if err := s.Restart(); err != nil {
			t.Fatal(err)
		}
	}
	grows("nothing is written after the last start", 20, func() int { n, _ := counted(); return n })
	cancel()
	writing.Wait()
	known, err := watcher.Revision(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	got, err := watcher.Locations(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, target := range acknowledged {
		if _, ok := slices.BinarySearch(got, target); !ok {
			t.Errorf("%s was acknowledged and is lost", target)
		}
	}
	// The listening is back too.
	heard := make(chan error)
	go func() { _, err := watcher.Wait(t.Context(), known); heard <- err }()
	if _, err := closing(t, open(t, address)).AddLocations(t.Context(), "/after"); err != nil {
		t.Error(err)
	}
	if err := <-heard; err != nil {
		t.Error(err)
	}
}
