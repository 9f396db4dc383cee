package sqlite_test

import (
	"database/sql"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"callboard.dev/callboard/subgraphs/pipelines/store"
	"callboard.dev/callboard/subgraphs/pipelines/store/sqlite"
	"callboard.dev/callboard/subgraphs/pipelines/store/storetest"
)

func TestMain(m *testing.M) {
	storetest.Child(func(file string) (store.Store, error) { return sqlite.New(file), nil })
	os.Exit(m.Run())
}

func TestStore(t *testing.T) {
	storetest.Run(t, func(t *testing.T) storetest.Opener {
		file := filepath.Join(t.TempDir(), "state", "pipelines.db")
		return func() store.Store { return sqlite.New(file) }
	})
}

func TestProcesses(t *testing.T) {
	storetest.Processes(t, func(t *testing.T) (storetest.Opener, string) {
		file := filepath.Join(t.TempDir(), "a folder", "pipelines.db")
		return func() store.Store { return sqlite.New(file) }, file
	})
}

func open(t *testing.T, file string) *sqlite.DB {
	t.Helper()
	db := sqlite.New(file)
	t.Cleanup(func() {
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	})
	return db
}

func begin(t *testing.T, db *sqlite.DB, id string) {
	t.Helper()
	if known, err := db.Begin(t.Context(), store.Action{ID: id, Key: id, Principal: "ada", Kind: "rerun", Target: "run", At: time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)}); err != nil || known != nil {
		t.Fatal(known, err)
	}
}

func TestMemory(t *testing.T) {
	db := open(t, "")
	begin(t, db, "one")
	if got, err := db.Actions(t.Context(), store.ActionsQuery{}); err != nil || len(got) != 1 {
		t.Errorf("the actions are %v, %v", got, err)
	}
}

// What is no database is kept, and a new one takes its place.
func TestGarbageIsKeptAside(t *testing.T) {
	file := filepath.Join(t.TempDir(), "pipelines.db")
	garbage := strings.Repeat("this is no database ", 1000)
	if err := os.WriteFile(file, []byte(garbage), 0o600); err != nil {
		t.Fatal(err)
	}
	db := open(t, file)
	begin(t, db, "one")
	if kept, err := os.ReadFile(db.Aside()); err != nil || string(kept) != garbage || db.Aside() != file+".broken-1" {
		t.Errorf("kept at %q: %d bytes, %v", db.Aside(), len(kept), err)
	}
	again := open(t, file)
	if got, err := again.Actions(t.Context(), store.ActionsQuery{}); err != nil || len(got) != 1 || again.Aside() != "" {
		t.Errorf("the new database has %v, %v, and is kept at %q", got, err, again.Aside())
	}
}

func raw(t *testing.T, file, statement string, args ...any) {
	t.Helper()
	db, err := sql.Open("sqlite", file)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if _, err := db.ExecContext(t.Context(), statement, args...); err != nil {
		t.Fatal(err)
	}
}

func TestNewerDatabaseIsRefused(t *testing.T) {
	file := filepath.Join(t.TempDir(), "pipelines.db")
	begin(t, open(t, file), "one")
	raw(t, file, "PRAGMA user_version = 99")
	if _, err := open(t, file).Actions(t.Context(), store.ActionsQuery{}); !errors.Is(err, store.ErrNewer) || !strings.Contains(err.Error(), "the pipelines' database") {
		t.Errorf("a newer database: %v", err)
	}
}

// A body that somebody changed is an error, never another body and never more memory than a body may have.
func TestDamagedBody(t *testing.T) {
	report := store.Report{Repository: "host.example/a", Commit: "c", Kind: store.Coverage, At: time.Unix(1, 0), Taken: time.Unix(1, 0), Body: []byte(strings.Repeat("body", 1000))}
	for what, statement := range map[string]string{
		"one byte":    "UPDATE pipelines_reports SET body = CAST(substr(body, 1, length(body) - 1) || x'00' AS BLOB)",
		"cut":         "UPDATE pipelines_reports SET body = CAST(substr(body, 1, 10) AS BLOB)",
		"nothing":     "UPDATE pipelines_reports SET body = x''",
		"no size":     "UPDATE pipelines_reports SET size = -1",
		"a huge size": "UPDATE pipelines_reports SET size = 1 << 40",
		"a small one": "UPDATE pipelines_reports SET size = 3",
	} {
		file := filepath.Join(t.TempDir(), "pipelines.db")
		db := open(t, file)
		if err := db.SaveReport(t.Context(), report); err != nil {
			t.Fatal(err)
		}
		raw(t, file, statement)
		if got, err := db.Reports(t.Context(), report.Repository, report.Kind, []string{"c"}); err == nil {
			t.Errorf("%s: the body has %d bytes", what, len(got[0].Body))
		}
		if _, err := db.ReportHeads(t.Context(), report.Repository, report.Kind, []string{"c"}); err != nil {
			t.Errorf("%s: %v", what, err)
		}
	}
}
