package git_test

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"callboard.dev/callboard/clients/git"
)

// workshop makes repositories in a folder of its own.
type workshop struct {
	t   testing.TB
	dir string
}

func newWorkshop(t testing.TB) workshop {
	t.Helper()
	dir, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	return workshop{t, dir}
}

func (w workshop) path(parts ...string) string {
	return filepath.Join(append([]string{w.dir}, parts...)...)
}

// git runs git in a folder of the workshop, the same everywhere and at any time.
func (w workshop) git(folder string, args ...string) string {
	w.t.Helper()
	return w.gitAt(folder, "2026-01-02T03:04:05+01:00", args...)
}

func (w workshop) gitAt(folder, date string, args ...string) string {
	w.t.Helper()
	cmd := exec.Command("git", append([]string{"-c", "init.defaultBranch=main", "-c", "protocol.file.allow=always", "-c", "gc.auto=0"}, args...)...)
	cmd.Dir = w.path(folder)
	cmd.Env = []string{
		"PATH=" + os.Getenv("PATH"), "HOME=" + w.dir, "GIT_CONFIG_NOSYSTEM=1", "GIT_CONFIG_GLOBAL=" + os.DevNull, "LC_ALL=C", "TZ=UTC",
		"GIT_AUTHOR_NAME=Ada Writer", "GIT_AUTHOR_EMAIL=ada@example.com", "GIT_AUTHOR_DATE=" + date,
		"GIT_COMMITTER_NAME=Max Committer", "GIT_COMMITTER_EMAIL=max@example.com", "GIT_COMMITTER_DATE=" + date,
	}
	out, err := cmd.CombinedOutput()
	if err != nil {
		w.t.Fatalf("git %s in %s: %v\n%s", strings.Join(args, " "), folder, err, out)
	}
	return strings.TrimSpace(string(out))
}

func (w workshop) write(file, text string) {
	w.t.Helper()
	path := w.path(file)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		w.t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		w.t.Fatal(err)
	}
}

// commit commits everything in a folder and returns the new commit.
func (w workshop) commit(folder, message string) git.OID {
	w.t.Helper()
	w.git(folder, "add", "-A")
	w.git(folder, "commit", "-q", "--allow-empty", "-m", message)
	return git.OID(w.git(folder, "rev-parse", "HEAD"))
}

// checkout makes a repository with one commit that holds a README.
func (w workshop) checkout(folder string) git.OID {
	w.t.Helper()
	if err := os.MkdirAll(w.path(folder), 0o755); err != nil {
		w.t.Fatal(err)
	}
	w.git(folder, "init", "-q")
	w.write(folder+"/README.md", "# "+folder+"\n")
	return w.commit(folder, "first")
}

// open returns a client for some folders of the workshop; for "ground" where none is named.
func (w workshop) open(folders ...string) *git.Client {
	w.t.Helper()
	if len(folders) == 0 {
		folders = []string{"ground"}
	}
	cfg := git.Config{}
	for _, folder := range folders {
		cfg.Folders = append(cfg.Folders, w.path(folder))
	}
	client, err := git.Open(context.Background(), cfg)
	if err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(client.Close)
	return client
}

// lookup returns the repository at a path.
func (w workshop) lookup(client *git.Client, path string) *git.Repository {
	w.t.Helper()
	r, err := client.Lookup(path)
	if err != nil {
		w.t.Fatal(err)
	}
	return r
}

func refsOf(t testing.TB, r *git.Repository) *git.Refs {
	t.Helper()
	refs, err := r.Refs(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return refs
}

func resolve(t testing.TB, r *git.Repository, ref string) *git.Commit {
	t.Helper()
	commit, err := r.Resolve(t.Context(), refsOf(t, r), ref)
	if err != nil {
		t.Fatalf("resolving %q: %v", ref, err)
	}
	return commit
}
