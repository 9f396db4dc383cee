package discover

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/fsnotify/fsnotify"

	"callboard.dev/callboard/subgraphs/catalog/descriptor"
)

func TestBurstIsOverWhenItIsQuiet(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBurst()
		start := time.Now()
		for range 3 {
			b.event()
			time.Sleep(10 * time.Millisecond)
		}
		<-b.timer.C
		if took := time.Since(start); took != 20*time.Millisecond+quietFor {
			t.Errorf("the burst was over after %v", took)
		}
	})
}

func TestStreamOfEventsIsCutOff(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBurst()
		start := time.Now()
		for fired := 0; fired < 3; {
			b.event()
			select {
			case <-b.timer.C:
				fired++
				if took := time.Since(start); took != time.Duration(fired)*lateAfter {
					t.Errorf("burst %d was over after %v", fired, took)
				}
				b.end()
			case <-time.After(7 * time.Millisecond):
			}
		}
	})
}

// TestFolderReplacedBetweenBursts has the events of a folder that was replaced come in two bursts: the first look finds the new
// file by its old name, and what is written then is seen by no watch.
func TestFolderReplacedBetweenBursts(t *testing.T) {
	folder := t.TempDir()
	below, name := filepath.Join(folder, "a"), filepath.Join(folder, "a", "catalog-info.yaml")
	write := func(title string) {
		t.Helper()
		text := "apiVersion: backstage.io/v1alpha1\nkind: System\nmetadata: {name: a, title: " + title + "}\nspec: {owner: x}\n"
		if err := errors.Join(os.MkdirAll(below, 0o755), os.WriteFile(name, []byte(text), 0o644)); err != nil {
			t.Fatal(err)
		}
	}
	write("one")
	var now descriptor.Snapshot
	// A stopped discovery, so that the events come from here.
	d, err := Open(t.Context(), Config{Folders: []string{folder}}, func(s descriptor.Snapshot) { now = s })
	if err != nil {
		t.Fatal(err)
	}
	if err := d.Close(); err != nil {
		t.Fatal(err)
	}
	s := d.survey
	s.ctx = t.Context()
	if s.watcher, err = fsnotify.NewWatcher(); err != nil {
		t.Skip("files cannot be watched:", err)
	}
	defer s.close()
	burst := func(want string, events ...fsnotify.Event) {
		t.Helper()
		var c changes
		for _, event := range events {
			s.note(event, &c)
		}
		s.apply(c)
		d.look()
		if len(now.Entities) != 1 || now.Entities[0].Metadata.Title != want {
			t.Fatalf("after %v there is %+v, want %s", events, now.Entities, want)
		}
	}
	if err := os.RemoveAll(below); err != nil {
		t.Fatal(err)
	}
	write("two")
	burst("two", fsnotify.Event{Name: name, Op: fsnotify.Remove})
	write("three")
	burst("three", fsnotify.Event{Name: below, Op: fsnotify.Remove}, fsnotify.Event{Name: below, Op: fsnotify.Create})
}

// TestIgnoreRulesAgreeWithGit asks git about every pattern and path.
func TestIgnoreRulesAgreeWithGit(t *testing.T) {
	git, err := exec.LookPath("git")
	if err != nil {
		t.Skip("git is not installed, so there is nobody to agree with")
	}
	folder := t.TempDir()
	if out, err := exec.Command(git, "init", "-q", folder).CombinedOutput(); err != nil {
		t.Fatalf("git init: %v\n%s", err, out)
	}
	paths := []string{"a", "a/b", "a/b/c", "x/a/b", "foo.tmp", "d/foo.tmp", "d/keep.tmp", "#x", "!x", "sp ", "a b", "ab", "a1", "x/y/z/w", "x/y/w", "x/w", "[q]"}
	for _, patterns := range []string{
		"a", "/a", "a/", "a/b", "/a/b", "**/b", "a/**", "x/**/w", "**", "*", "*.tmp\n!keep.tmp", "/*.tmp", "d/*", "*/b", "?b", "a[!0-9]", "a[0-9]", "[a-", `\#x`, "#x", `\!x`, "sp\\ ", "sp ",
		"a\r\n", "", "/", "!a", "a\n!a", "x/*/w", "x/**", "**/**/w", "a**", "***", "a//b", `\[q\]`, "[[]q]",
	} {
		if err := os.WriteFile(filepath.Join(folder, ".gitignore"), []byte(patterns), 0o644); err != nil {
			t.Fatal(err)
		}
		rules := parseIgnore([]byte(patterns), filepath.ToSlash(folder))
		for _, path := range paths {
			want := exec.Command(git, "-C", folder, "check-ignore", "-q", "--no-index", "--", path).Run() == nil
			got := false
			for at := path; at != "." && !got; at = filepath.Dir(at) { // as the walk does: what is in an ignored folder is ignored
				got = ignored(rules, filepath.ToSlash(filepath.Join(folder, at)), at != path)
			}
			// Where a folder above is not ignored the path itself decides; from the top down, the first ignored ends the walk.
			if got != want {
				t.Errorf("patterns %q ignore %q: %t, and git says %t", patterns, path, got, want)
			}
		}
	}
}

func FuzzIgnore(f *testing.F) {
	f.Add([]byte("*.tmp\n!keep.tmp\n/a/**/b/\n\\#x\n[!a-\n"), "a/b/c.tmp")
	f.Add([]byte("**/**/x/**\n/"), "x")
	f.Fuzz(func(t *testing.T, text []byte, path string) {
		rules := parseIgnore(text, "/r")
		if len(rules) > strings.Count(string(text), "\n")+1 {
			t.Errorf("%d rules of %q", len(rules), text)
		}
		if ignored(rules, "/r/"+path, false) && !ignored(rules, "/r/"+path, true) && !strings.Contains(string(text), "!") {
			t.Errorf("a file %q is ignored and a folder is not by %q", path, text)
		}
	})
}
