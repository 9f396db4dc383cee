package catalog

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

func TestLocationsAreRemembered(t *testing.T) {
	folder := filepath.Join(t.TempDir(), "state", "deeper")
	l, broken, err := openLocations(folder)
	if err != nil || broken != nil || len(l.Targets()) != 0 {
		t.Fatalf("an absent file gives %v, %v, %v", l, broken, err)
	}
	for _, target := range []string{"/b", "/a", "/c", "/a"} {
		if err := l.Add(target); err != nil {
			t.Fatal(err)
		}
	}
	if err := l.Remove("/c"); err != nil {
		t.Fatal(err)
	}
	again, broken, err := openLocations(folder)
	if err != nil || broken != nil || !slices.Equal(again.Targets(), []string{"/a", "/b"}) {
		t.Fatalf("read again: %v, %v, %v", again.Targets(), broken, err)
	}
	files, err := os.ReadDir(folder)
	if err != nil || len(files) != 1 {
		t.Errorf("the folder holds %v, %v", files, err)
	}
}

func TestFailureToRememberChangesNothing(t *testing.T) {
	folder := t.TempDir()
	l, _, err := openLocations(folder)
	if err != nil {
		t.Fatal(err)
	}
	if err := l.Add("/a"); err != nil {
		t.Fatal(err)
	}
	l.file = filepath.Join(folder, locationsFile, "not-a-folder", locationsFile)
	if err := l.Add("/b"); err == nil {
		t.Error("a file below a file was written")
	}
	if err := l.Remove("/a"); err == nil {
		t.Error("a file below a file was written")
	}
	if !slices.Equal(l.Targets(), []string{"/a"}) {
		t.Errorf("the targets are %v", l.Targets())
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
	} {
		t.Run(name, func(t *testing.T) {
			folder := t.TempDir()
			for _, file := range []string{locationsFile, locationsFile + ".broken-1"} {
				if err := os.WriteFile(filepath.Join(folder, file), []byte(text), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			l, broken, err := openLocations(folder)
			if err != nil || broken == nil || len(l.Targets()) != 0 {
				t.Fatalf("got %v, %v, %v", l, broken, err)
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
		folder := t.TempDir()
		if err := writeLocations(filepath.Join(folder, locationsFile), targets); err != nil {
			t.Fatal(err)
		}
		again, broken, err := openLocations(folder)
		if err != nil || broken != nil || !slices.Equal(again.Targets(), targets) {
			t.Fatalf("%q became %q, %v, %v", targets, again.Targets(), broken, err)
		}
	})
}
