package sqlite_test

import (
	"bufio"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"callboard.dev/callboard/subgraphs/catalog/store"
	"callboard.dev/callboard/subgraphs/catalog/store/sqlite"
	"callboard.dev/callboard/subgraphs/catalog/store/storetest"
)

func TestStore(t *testing.T) {
	storetest.Run(t, func(t *testing.T) storetest.Opener {
		file := filepath.Join(t.TempDir(), "state", "a %20?#", "catalog.db")
		return func() store.Store { return sqlite.New(file) }
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

func TestMemory(t *testing.T) {
	db := open(t, "")
	if _, err := db.AddLocations(t.Context(), "/a"); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := db.AddLocations(ctx, "/b"); err == nil {
		t.Error("a location was added for nobody")
	}
	if got, err := db.Locations(t.Context()); err != nil || !slices.Equal(got, []string{"/a"}) {
		t.Errorf("the locations are %v, %v", got, err)
	}
}

func TestNewerDatabaseIsRefused(t *testing.T) {
	file := filepath.Join(t.TempDir(), "catalog.db")
	first := open(t, file)
	if _, err := first.AddLocations(t.Context(), "/a"); err != nil {
		t.Fatal(err)
	}
	raw, err := sql.Open("sqlite", file)
	if err != nil {
		t.Fatal(err)
	}
	defer raw.Close()
	if _, err := raw.ExecContext(t.Context(), "PRAGMA user_version = 99"); err != nil {
		t.Fatal(err)
	}
	second := open(t, file)
	if _, err := second.Locations(t.Context()); !errors.Is(err, store.ErrNewer) || !strings.Contains(err.Error(), "99") {
		t.Errorf("a newer database: %v", err)
	}
	if second.Aside() != "" {
		t.Error("a newer database was moved")
	}
}

func TestFileIsTheOwnersAlone(t *testing.T) {
	file := filepath.Join(t.TempDir(), "state", "catalog.db")
	if _, err := open(t, file).Locations(t.Context()); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{file, file + "-wal"} {
		info, err := os.Stat(name)
		if err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("%s: %v, %v", name, info.Mode(), err)
		}
	}
}

// Several processes that find the file broken keep it once, and all go on with one new file.
func TestBrokenFileIsKeptAside(t *testing.T) {
	file := filepath.Join(t.TempDir(), "catalog.db")
	broken := strings.Repeat("this is no database ", 1000)
	for _, name := range []string{file, file + ".broken-1"} {
		if err := os.WriteFile(name, []byte(broken), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	var opening sync.WaitGroup
	all := make([]*sqlite.DB, 5)
	for i := range all {
		all[i] = open(t, file)
		opening.Go(func() {
			if _, err := all[i].AddLocations(t.Context(), fmt.Sprint("/", i)); err != nil {
				t.Error(err)
			}
		})
	}
	opening.Wait()
	if got, err := all[0].Locations(t.Context()); err != nil || len(got) != len(all) {
		t.Errorf("the locations are %v, %v", got, err)
	}
	said := 0
	for _, db := range all {
		if db.Aside() == file+".broken-2" {
			said++
		} else if db.Aside() != "" {
			t.Errorf("kept at %s", db.Aside())
		}
	}
	if kept, err := os.ReadFile(file + ".broken-2"); err != nil || string(kept) != broken || said == 0 {
		t.Errorf("kept %d bytes, %v, and %d said so", len(kept), err, said)
	}
	if _, err := os.Stat(file + ".broken-3"); err == nil {
		t.Error("a good file was kept aside")
	}
}

func TestFolderThatCannotBeWritten(t *testing.T) {
	folder := t.TempDir()
	if err := os.WriteFile(filepath.Join(folder, "state"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	db := open(t, filepath.Join(folder, "state", "catalog.db"))
	if _, err := db.AddLocations(t.Context(), "/a"); err == nil {
		t.Fatal("a file below a file was written")
	}
	if err := os.Remove(filepath.Join(folder, "state")); err != nil {
		t.Fatal(err)
	}
	if _, err := db.AddLocations(t.Context(), "/a"); err != nil {
		t.Errorf("when the folder can be made: %v", err)
	}
}

const childFile = "CALLBOARD_TEST_DATABASE"

// TestMain is also the other processes of TestKilledProcesses: they register locations without end, and print each that was
// acknowledged.
func TestMain(m *testing.M) {
	file := os.Getenv(childFile)
	if file == "" {
		os.Exit(m.Run())
	}
	db := sqlite.New(file)
	for i := 0; ; i++ {
		target := fmt.Sprintf("/%d/%d", os.Getpid(), i)
		if _, err := db.AddLocations(context.Background(), target); err != nil {
			fmt.Println(err)
			os.Exit(1)
		}
		fmt.Println(target)
	}
}

func TestKilledProcesses(t *testing.T) {
	file := filepath.Join(t.TempDir(), "catalog.db")
	var mu sync.Mutex
	var acknowledged []string
	for range 3 {
		var running sync.WaitGroup
		for range 2 {
			child := exec.CommandContext(t.Context(), os.Args[0])
			child.Env = append(os.Environ(), childFile+"="+file)
			out, err := child.StdoutPipe()
			if err != nil {
				t.Fatal(err)
			}
			if err := child.Start(); err != nil {
				t.Fatal(err)
			}
			running.Go(func() {
				lines := bufio.NewScanner(out)
				for n := 0; lines.Scan(); n++ {
					mu.Lock()
					acknowledged = append(acknowledged, lines.Text())
					mu.Unlock()
					if n == 40 {
						_ = child.Process.Kill()
					}
				}
				_ = child.Wait()
			})
		}
		running.Wait()
	}
	got, err := open(t, file).Locations(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if len(acknowledged) < 6*41 {
		t.Errorf("only %d were acknowledged", len(acknowledged))
	}
	for _, target := range acknowledged {
		if _, ok := slices.BinarySearch(got, target); !ok {
			t.Errorf("%s was acknowledged and is lost", target)
		}
	}
}

func BenchmarkOpen(b *testing.B) {
	file := filepath.Join(b.TempDir(), "catalog.db")
	for b.Loop() {
		db := sqlite.New(file)
		if _, err := db.Locations(b.Context()); err != nil {
			b.Fatal(err)
		}
		if err := db.Close(); err != nil {
			b.Fatal(err)
		}
	}
}
