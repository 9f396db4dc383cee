package database_test

import (
	"errors"
	"reflect"
	"strings"
	"testing"
	"testing/fstest"

	"callboard.dev/callboard/subgraphs/database"
)

func folder(names ...string) fstest.MapFS {
	out := fstest.MapFS{}
	for _, name := range names {
		out["migrations/"+name] = &fstest.MapFile{Data: []byte("-- " + name)}
	}
	return out
}

func TestMigrations(t *testing.T) {
	got, err := database.Migrations(folder("0002_more.sql", "0001_start.sql"), "migrations")
	want := []database.Migration{{1, "-- 0001_start.sql"}, {2, "-- 0002_more.sql"}}
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("the steps are %v, %v", got, err)
	}
	for wrong, files := range map[string]fstest.MapFS{
		"0002_start.sql": folder("0002_start.sql"),
		"0003_third.sql": folder("0001_start.sql", "0003_third.sql"),
		"0001_twice.sql": folder("0001_start.sql", "0001_twice.sql"),
		"notes.txt":      folder("0001_start.sql", "notes.txt"),
		"migrations":     {},
	} {
		if _, err := database.Migrations(files, "migrations"); err == nil || !strings.Contains(err.Error(), wrong) {
			t.Errorf("with %s: %v", wrong, err)
		}
	}
}

func TestPending(t *testing.T) {
	steps := []database.Migration{{1, "a"}, {2, "b"}}
	for version, want := range []int{2, 1, 0} {
		if got, err := database.Pending(steps, version); err != nil || len(got) != want || want > 0 && got[0].Version != version+1 {
			t.Errorf("from version %d: %v, %v", version, got, err)
		}
	}
	if _, err := database.Pending(steps, 3); !errors.Is(err, database.ErrNewer) {
		t.Errorf("from version 3: %v", err)
	}
}
