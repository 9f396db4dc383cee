//go:build unix

package git_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"callboard.dev/callboard/clients/git"
)

// stuck makes a git that answers for its version and then hangs, with a child that hangs too. Both hold the named pipe open for
// as long as they live.
func stuck(t *testing.T, w workshop) (executable, pipe string) {
	t.Helper()
	executable, pipe = w.Path("stuck"), w.Path("pipe")
	if err := syscall.Mkfifo(pipe, 0o600); err != nil {
		t.Skip("no named pipes here:", err)
	}
	script := fmt.Sprintf("#!/bin/sh\ncase \"$*\" in *version) echo git version 2.50.0; exit;; esac\nexec 3>%q\necho started >&3\nsleep 1000 &\nwait\n", pipe)
	if err := os.WriteFile(executable, []byte(script), 0o755); err != nil {
		t.Fatal(err)
	}
	return executable, pipe
}

// When the request goes away, or its time is up, git is killed with everything it has started.
func TestKill(t *testing.T) {
	for name, c := range map[string]struct {
		timeout time.Duration
		want    error
	}{
		"the request goes away": {time.Hour, context.Canceled},
		"its time is up":        {time.Second, git.ErrTimeout},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorkshop(t)
			w.Checkout("ground/app")
			executable, pipe := stuck(t, w)
			client, err := git.Open(t.Context(), git.Config{Folders: []string{w.Path("ground")}, Executable: executable, Timeout: c.timeout})
			if err != nil {
				t.Fatal(err)
			}
			defer client.Close()
			r := w.lookup(client, "ground/app")

			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			failed := make(chan error, 1)
			go func() {
				_, err := r.Refs(ctx)
				failed <- err
			}()
			alive, err := os.Open(pipe) // waits until git runs
			if err != nil {
				t.Fatal(err)
			}
			defer alive.Close()
			lines := bufio.NewReader(alive)
			if line, err := lines.ReadString('\n'); err != nil || line != "started\n" {
				t.Fatalf("git says %q, %v", line, err)
			}
			if errors.Is(c.want, context.Canceled) {
				cancel()
			}
			if err := <-failed; !errors.Is(err, c.want) {
				t.Errorf("got %v, want %v", err, c.want)
			}
			if _, err := io.ReadAll(lines); err != nil { // ends when nobody holds the pipe any more
				t.Error(err)
			}
		})
	}
}

// What git would wait for without end is refused before git sees it.
func TestNamedPipes(t *testing.T) {
	for _, name := range []string{"HEAD", "config", "packed-refs", "objects/info/alternates", "refs/heads/pipe", "objects/pack/pack.pack", "commondir"} {
		t.Run(strings.ReplaceAll(name, "/", " "), func(t *testing.T) {
			w := newWorkshop(t)
			w.Checkout("ground/app")
			path := w.Path("ground/app/.git", name)
			_ = os.Remove(path)
			if err := syscall.Mkfifo(path, 0o600); err != nil {
				t.Skip("no named pipes here:", err)
			}
			found := mustSearch(t, w.open())
			if len(found.Repositories) != 0 || len(found.Issues) != 1 || !errors.Is(found.Issues[0].Err, git.ErrBadRepository) {
				t.Errorf("found %+v, want one issue", found)
			}
		})
	}
}

// A git that ended well is right, though something of it still holds its standard error.
func TestErrorsThatNeverEnd(t *testing.T) {
	w := newWorkshop(t)
	w.Checkout("ground/app")
	w.Git("ground/app", "remote", "add", "origin", "https://github.com/larkfold/app.git")
	real, err := exec.LookPath("git")
	if err != nil {
		t.Fatal(err)
	}
	w.Write("bin/git", fmt.Sprintf("#!/bin/sh\ncase \"$*\" in *--list) sleep 5 >/dev/null & esac\nexec %q \"$@\"\n", real))
	if err := os.Chmod(w.Path("bin/git"), 0o700); err != nil {
		t.Fatal(err)
	}
	c, err := git.Open(t.Context(), git.Config{Executable: w.Path("bin/git"), Folders: []string{w.Path("ground")}})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	found, err := c.Search(t.Context())
	if err != nil || len(found.Repositories) != 1 {
		t.Fatalf("%+v, %v", found, err)
	}
	if origin, err := found.Repositories[0].Origin(t.Context()); err != nil || origin != "https://github.com/larkfold/app.git" {
		t.Errorf("%q, %v", origin, err)
	}
}
