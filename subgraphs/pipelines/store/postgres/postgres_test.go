//go:build servers

package postgres_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	catalog "callboard.dev/callboard/subgraphs/catalog/store/postgres"
	"callboard.dev/callboard/subgraphs/database/postgrestest"
	"callboard.dev/callboard/subgraphs/pipelines/store"
	"callboard.dev/callboard/subgraphs/pipelines/store/postgres"
	"callboard.dev/callboard/subgraphs/pipelines/store/storetest"
)

// shared is the server that all tests use which do not stop it.
var shared *postgrestest.Server

func TestMain(m *testing.M) {
	storetest.Child(func(address string) (store.Store, error) { return postgres.New(address) })
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

func TestProcesses(t *testing.T) {
	storetest.Processes(t, func(t *testing.T) (storetest.Opener, string) {
		address := shared.Database(t)
		return func() store.Store { return open(t, address) }, address
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

func raw(t *testing.T, address string) *pgx.Conn {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close(context.Background()) })
	return conn
}

func action(id string) store.Action {
	return store.Action{ID: id, Key: id, Principal: "ada", Kind: "rerun", Target: "run", At: time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)}
}

// The catalog and the pipelines have one database, which both migrate at once, each on its own.
func TestBesideTheCatalog(t *testing.T) {
	address := shared.Database(t)
	var starting sync.WaitGroup
	for i := range 4 {
		other, err := catalog.New(address)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = other.Close() })
		db := closing(t, open(t, address))
		starting.Go(func() {
			if _, err := other.AddLocations(t.Context(), fmt.Sprint("/", i)); err != nil {
				t.Error(err)
			}
		})
		starting.Go(func() {
			if _, err := db.Begin(t.Context(), action(fmt.Sprint(i))); err != nil {
				t.Error(err)
			}
		})
	}
	starting.Wait()
	conn := raw(t, address)
	if _, err := conn.Exec(t.Context(), "INSERT INTO pipelines_schema (version) VALUES (99)"); err != nil {
		t.Fatal(err)
	}
	if _, err := closing(t, open(t, address)).Actions(t.Context(), store.ActionsQuery{}); !errors.Is(err, store.ErrNewer) || !strings.Contains(err.Error(), "the pipelines' database") {
		t.Errorf("newer pipelines: %v", err)
	}
	other, err := catalog.New(address)
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close()
	if got, err := other.Locations(t.Context()); err != nil || len(got) != 4 {
		t.Errorf("the catalog beside newer pipelines: %v, %v", got, err)
	}
}

func TestErrorsHoldNoPassword(t *testing.T) {
	const secret = "hunter-2"
	for _, address := range []string{
		"postgres://callboard:" + secret + "@127.0.0.1:1/x", "postgres://callboard:" + secret + "@[::1", "host=127.0.0.1 port=1 password=" + secret + " connect_timeout=x",
		strings.Replace(shared.Database(t), postgrestest.Password, secret, 1),
	} {
		db, err := postgres.New(address)
		if err == nil {
			_, err = closing(t, db).Actions(t.Context(), store.ActionsQuery{})
		}
		if err == nil || strings.Contains(err.Error(), secret) {
			t.Errorf("%s: %v", address, err)
		}
	}
}

// The server is stopped as in a crash, and started again, while replicas begin the same actions. What somebody was told has begun
// is there, once.
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
		mu      sync.Mutex
		begun   = map[string][]string{} // by key
		failed  int
		working sync.WaitGroup
	)
	for n := range 3 {
		db := closing(t, open(t, address))
		working.Go(func() {
			for i := 0; ctx.Err() == nil; i++ {
				call, cancel := context.WithTimeout(ctx, 10*time.Second)
				a := action(fmt.Sprintf("%d/%d", n, i))
				a.Key = fmt.Sprint(i)
				known, err := db.Begin(call, a)
				cancel()
				mu.Lock()
				if err != nil {
					failed++
				} else if known == nil {
					begun[a.Key] = append(begun[a.Key], a.ID)
				}
				mu.Unlock()
			}
		})
	}
	grows := func(by int, count func() int) {
		counted := func() int {
			mu.Lock()
			defer mu.Unlock()
			return count()
		}
		for start := counted(); counted() < start+by; time.Sleep(time.Millisecond) {
			if t.Context().Err() != nil {
				t.Fatal("nothing happens")
			}
		}
	}
	for range 3 {
		grows(20, func() int { return len(begun) })
		s.Kill(t)
		grows(1, func() int { return failed })
		if err := s.Restart(); err != nil {
			t.Fatal(err)
		}
	}
	grows(20, func() int { return len(begun) })
	cancel()
	working.Wait()
	kept := map[string][]string{}
	db := closing(t, open(t, address))
	for before := ""; ; {
		page, err := db.Actions(t.Context(), store.ActionsQuery{Before: before})
		if err != nil {
			t.Fatal(err)
		}
		for _, a := range page {
			kept[a.Key] = append(kept[a.Key], a.ID)
			before = a.Cursor()
		}
		if len(page) == 0 {
			break
		}
	}
	for key, ids := range begun {
		if !slices.Equal(kept[key], ids) {
			t.Errorf("of %s %v were begun, and %v are there", key, ids, kept[key])
		}
	}
}
