// Package gittest makes git repositories for tests: the same everywhere and at any time, whatever the machine and its user have
// configured. A test goes in; a folder with the repositories it asked for comes out, and goes with the test.
//
// The one rule: what is made here is made with git itself, so that a test sees what users have. Open Workshop.go.
package gittest

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// Workshop makes repositories in a folder of its own.
type Workshop struct {
	T   testing.TB
	Dir string // absolute, without symbolic links
}

// New returns a Workshop in a new folder.
func New(t testing.TB) Workshop {
	t.Helper()
	dir, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	return Workshop{t, dir}
}

// Path returns a path in the folder.
func (w Workshop) Path(parts ...string) string {
	return filepath.Join(append([]string{w.Dir}, parts...)...)
}

// Git runs git in a folder of the Workshop, the same everywhere and at any time.
func (w Workshop) Git(folder string, args ...string) string {
	w.T.Helper()
	return w.GitAt(folder, "2026-01-02T03:04:05+01:00", args...)
}

// GitAt runs git as at a date.
func (w Workshop) GitAt(folder, date string, args ...string) string {
	w.T.Helper()
	cmd := exec.Command("git", append([]string{"-c", "init.defaultBranch=main", "-c", "protocol.file.allow=always", "-c", "gc.auto=0"}, args...)...)
	cmd.Dir = w.Path(folder)
	cmd.Env = []string{
		"PATH=" + os.Getenv("PATH"), "HOME=" + w.Dir, "GIT_CONFIG_NOSYSTEM=1", "GIT_CONFIG_GLOBAL=" + os.DevNull, "LC_ALL=C", "TZ=UTC",
		"GIT_AUTHOR_NAME=Ada Writer", "GIT_AUTHOR_EMAIL=ada@example.com", "GIT_AUTHOR_DATE=" + date,
		"GIT_COMMITTER_NAME=Max Committer", "GIT_COMMITTER_EMAIL=max@example.com", "GIT_COMMITTER_DATE=" + date,
	}
	out, err := cmd.CombinedOutput()
	if err != nil {
		w.T.Fatalf("git %s in %s: %v\n%s", strings.Join(args, " "), folder, err, out)
	}
	return strings.TrimSpace(string(out))
}

// Write writes a file, and the folders above it.
func (w Workshop) Write(file, text string) {
	w.T.Helper()
	path := w.Path(file)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		w.T.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		w.T.Fatal(err)
	}
}

// Commit commits everything in a folder and returns the new commit.
func (w Workshop) Commit(folder, message string) string {
	w.T.Helper()
	w.Git(folder, "add", "-A")
	w.Git(folder, "commit", "-q", "--allow-empty", "-m", message)
	return w.Git(folder, "rev-parse", "HEAD")
}

// Checkout makes a repository with one commit that holds a README.
func (w Workshop) Checkout(folder string) string {
	w.T.Helper()
	if err := os.MkdirAll(w.Path(folder), 0o755); err != nil {
		w.T.Fatal(err)
	}
	w.Git(folder, "init", "-q")
	w.Write(folder+"/README.md", "# "+folder+"\n")
	return w.Commit(folder, "first")
}
