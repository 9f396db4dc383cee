package catalog

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"callboard.dev/callboard/subgraphs/catalog/store/sqlite"
)

func writeLocations(t *testing.T, folder, text string) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(folder, locationsFile), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

func memory(t *testing.T) *sqlite.DB {
	db := sqlite.New("")
	t.Cleanup(func() {
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	})
	return db
}

func TestOlderLocationsAreTakenOverOnce(t *testing.T) {
	folder, db := t.TempDir(), memory(t)
	for range 2 { // nothing is there the second time
		issue, err := takeOver(t.Context(), folder, db)
		if err != nil || issue != nil {
			t.Fatalf("an absent file gives %v, %v", issue, err)
		}
	}
	const text = `{"version": 1, "targets": ["/b", "/a", "/b"]}`
	writeLocations(t, folder, text)
	for range 2 {
		issue, err := takeOver(t.Context(), folder, db)
		if err != nil || issue != nil {
			t.Fatalf("taking over gives %v, %v", issue, err)
		}
		if got, err := db.Locations(t.Context()); err != nil || len(got) == 0 || got[0] != "/a" {
			t.Fatalf("the locations are %v, %v", got, err)
		}
		if _, _, err := db.RemoveLocation(t.Context(), "/b"); err != nil {
			t.Fatal(err)
		}
	}
	if got, err := db.Locations(t.Context()); err != nil || !slices.Equal(got, []string{"/a"}) {
		t.Errorf("what was removed since is back: %v, %v", got, err)
	}
	if kept, err := os.ReadFile(filepath.Join(folder, locationsFile+".taken-over-1")); err != nil || string(kept) != text {
		t.Errorf("kept %q, %v", kept, err)
	}
}

func TestLocationsStayWhereTheStoreFails(t *testing.T) {
	folder := t.TempDir()
	writeLocations(t, folder, `{"version": 1, "targets": ["/a"]}`)
	closed := sqlite.New("")
	if err := closed.Close(); err != nil {
		t.Fatal(err)
	}
	if issue, err := takeOver(t.Context(), folder, closed); err == nil || issue != nil {
		t.Errorf("a store that fails gives %v, %v", issue, err)
	}
	if _, err := os.Stat(filepath.Join(folder, locationsFile)); err != nil {
		t.Error(err)
	}
}

func TestBrokenLocationsAreKeptAside(t *testing.T) {
	for name, text := range map[string]string{
		"cut short":       `{"version": 1, "targets": ["/a`,
		"empty":           ``,
		"another version": `{"version": 2, "targets": ["/a"]}`,
		"unknown field":   `{"version": 1, "targets": ["/a"], "more": 1}`,
		"relative target": `{"version": 1, "targets": ["a"]}`,
		"two values":      `{"version": 1, "targets": ["/a"]} {}`,
		"another type":    `["/a"]`,
		"no path":         `{"version": 1, "targets": ["/a\u0000"]}`,
	} {
		t.Run(name, func(t *testing.T) {
			folder, db := t.TempDir(), memory(t)
			writeLocations(t, folder, text)
			if err := os.WriteFile(filepath.Join(folder, locationsFile+".broken-1"), []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
			broken, err := takeOver(t.Context(), folder, db)
			if err != nil || broken == nil {
				t.Fatalf("got %v, %v", broken, err)
			}
			if got, err := db.Locations(t.Context()); err != nil || len(got) != 0 {
				t.Errorf("the locations are %v, %v", got, err)
			}
			if broken.Rule != ruleStoredLocations || !strings.HasSuffix(broken.File, ".broken-2") {
				t.Errorf("the issue is %+v", broken)
			}
			kept, err := os.ReadFile(broken.File)
			if err != nil || string(kept) != text {
				t.Errorf("kept %q, %v", kept, err)
			}
			if _, err := os.Stat(filepath.Join(folder, locationsFile)); !os.IsNotExist(err) {
				t.Errorf("the broken file is still there: %v", err)
			}
		})
	}
}

func FuzzParseLocations(f *testing.F) {
	f.Add([]byte(`{"version": 1, "targets": ["/a", "/b"]}`))
	f.Add([]byte(`{"version": 1, "targets": null} x`))
	f.Fuzz(func(t *testing.T, text []byte) {
		targets, err := parseLocations(text)
		if err != nil {
			return
		}
		text, err = json.Marshal(map[string]any{"version": 1, "targets": targets})
		if err != nil {
			t.Fatal(err)
		}
		again, err := parseLocations(text)
		if err != nil || !slices.Equal(again, targets) {
			t.Fatalf("%q became %q, %v", targets, again, err)
		}
		for _, target := range targets {
			if clean, wrong := checkTarget(target); clean != target || wrong != nil {
				t.Errorf("%q cannot be registered", target)
			}
		}
	})
}
