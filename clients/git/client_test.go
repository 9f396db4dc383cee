package git_test

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"callboard.dev/callboard/clients/git"
)

// A new repository is in the list once the list is older than Rescan, and not before.
func TestRescan(t *testing.T) {
	w := newWorkshop(t)
	w.Checkout("ground/one")
	synctest.Test(t, func(t *testing.T) {
		client, err := git.Open(t.Context(), git.Config{Folders: []string{w.Path("ground")}, Rescan: time.Minute})
		if err != nil {
			t.Fatal(err)
		}
		defer client.Close()
		count := func() int {
			found, err := client.Repositories(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			return len(found.Repositories)
		}
		if n := count(); n != 1 {
			t.Fatalf("%d repositories, want 1", n)
		}
		w.Checkout("ground/two")
		time.Sleep(59 * time.Second)
		if n := count(); n != 1 {
			t.Errorf("%d repositories before the list is old, want 1", n)
		}
		time.Sleep(2 * time.Second)
		if n := count(); n != 2 {
			t.Errorf("%d repositories once the list is old, want 2", n)
		}
	})
}

// Two configured folders of the same name have different labels; a folder that is missing is an issue, and its neighbours are read.
func TestFolders(t *testing.T) {
	w := newWorkshop(t)
	w.Checkout("a/src/app")
	w.Checkout("b/src/app")
	w.Checkout("self")
	found := mustSearch(t, w.open("a/src", "b/src", "missing", "self"))
	var paths []string
	for _, r := range found.Repositories {
		paths = append(paths, r.Path)
	}
	if got := strings.Join(paths, " "); got != "self src/app src~2/app" {
		t.Errorf("found %s", got)
	}
	if len(found.Issues) != 1 || found.Issues[0].Path != "missing" || !errors.Is(found.Issues[0].Err, git.ErrNotFound) {
		t.Errorf("issues are %+v, want one for missing", found.Issues)
	}
}

// Without git, or with one that is too old, Open says what to do.
func TestNoGit(t *testing.T) {
	if _, err := git.Open(t.Context(), git.Config{Executable: "git-of-another-world"}); !errors.Is(err, git.ErrUnavailable) || !strings.Contains(err.Error(), "install") {
		t.Errorf("a missing git gives %v, want ErrUnavailable with advice", err)
	}
}

// Many callers of one answer get the same one, and one that goes away takes nothing from the others.
func TestTogether(t *testing.T) {
	w := newWorkshop(t)
	w.Checkout("ground/app")
	r := w.lookup(w.open(), "ground/app")
	head := resolve(t, r, "").OID
	var group sync.WaitGroup
	for i := range 20 {
		ctx, cancel := context.WithCancel(t.Context())
		if i%4 == 0 {
			cancel()
		}
		group.Go(func() {
			defer cancel()
			people, err := r.Contributors(ctx, head)
			switch {
			case i%4 == 0 && err == nil: // it was remembered by then
			case i%4 == 0 && !errors.Is(err, context.Canceled):
				t.Errorf("a caller that went away got %v", err)
			case i%4 != 0 && (err != nil || len(people) != 1):
				t.Errorf("got %v, %v", people, err)
			}
		})
	}
	group.Wait()
}
