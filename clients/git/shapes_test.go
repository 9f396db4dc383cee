package git_test

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"callboard.dev/callboard/clients/git"
)

// Every shape a repository comes in is found, and answers.
func TestShapes(t *testing.T) {
	w := newWorkshop(t)
	normal := w.Checkout("ground/normal")
	w.Write("ground/normal/more.txt", "more\n")
	second := w.Commit("ground/normal", "second")
	w.Git("ground/normal", "tag", "-a", "v1", "-m", "a tag")
	w.Git("ground", "clone", "-q", "--bare", "normal", "bare.git")
	w.Git("ground", "clone", "-q", "--depth", "1", "file://"+w.Path("ground/normal"), "shallow")
	w.Git("ground/normal", "worktree", "add", "-q", "-b", "side", w.Path("ground/worktree"))
	w.Git("ground", "clone", "-q", "normal", "detached")
	w.Git("ground/detached", "checkout", "-q", "--detach", string(normal))
	w.Git("ground", "init", "-q", "empty")
	w.Checkout("ground/super")
	w.Git("ground/super", "submodule", "add", "-q", w.Path("ground/normal"), "parts/sub")
	w.Commit("ground/super", "with a submodule")
	w.Git("ground/super", "init", "-q", "--bare", "inside.git") // might have come with a clone: not to be trusted
	w.Write("ground/plain/nothing.txt", "no repository\n")

	client := w.open()
	found, err := client.Repositories(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	var paths []string
	for _, r := range found.Repositories {
		paths = append(paths, r.Path)
	}
	want := "ground/bare.git ground/detached ground/empty ground/normal ground/shallow ground/super ground/super/parts/sub ground/worktree"
	if got := strings.Join(paths, " "); got != want {
		t.Errorf("found\n%s\nwant\n%s", got, want)
	}
	for _, issue := range found.Issues {
		t.Errorf("unexpected issue at %s: %v", issue.Path, issue.Err)
	}

	for _, c := range []struct {
		path, head, branch string
		oid                git.OID
		commits            int
		bare, shallow      bool
	}{
		{path: "ground/normal", head: "refs/heads/main", branch: "main", oid: second, commits: 2},
		{path: "ground/bare.git", head: "refs/heads/main", branch: "main", oid: second, commits: 2, bare: true},
		{path: "ground/shallow", head: "refs/heads/main", branch: "main", oid: second, commits: 1, shallow: true},
		{path: "ground/worktree", head: "refs/heads/side", branch: "main", oid: second, commits: 2},
		{path: "ground/detached", head: "", branch: "main", oid: normal, commits: 1},
		{path: "ground/super/parts/sub", head: "refs/heads/main", branch: "main", oid: second, commits: 2},
	} {
		t.Run(c.path, func(t *testing.T) {
			r := w.lookup(client, c.path)
			refs := refsOf(t, r)
			branch, _ := refs.Default()
			if refs.Head != c.head || refs.HeadOID != c.oid || refs.Shallow != c.shallow || r.Bare != c.bare || branch.Short() != c.branch {
				t.Errorf("head %q at %s, shallow %v, bare %v, default %q; want %+v", refs.Head, refs.HeadOID, refs.Shallow, r.Bare, branch.Short(), c)
			}
			n, err := r.Count(t.Context(), resolve(t, r, "").OID, git.Filter{})
			if err != nil || n != c.commits {
				t.Errorf("counted %d commits, %v; want %d", n, err, c.commits)
			}
		})
	}

	empty := w.lookup(client, "ground/empty")
	refs := refsOf(t, empty)
	if branch, ok := refs.Default(); !ok || branch.Short() != "main" || branch.Target != "" {
		t.Errorf("an empty repository's default branch is %+v, %v; want main without a commit", branch, ok)
	}
	if _, err := empty.Resolve(t.Context(), refs, ""); !errors.Is(err, git.ErrNotFound) {
		t.Errorf("HEAD of an empty repository gives %v, want ErrNotFound", err)
	}

	tagged := w.lookup(client, "ground/normal")
	if got := resolve(t, tagged, "v1").OID; got != second {
		t.Errorf("an annotated tag stands for %s, want %s", got, second)
	}
	if _, err := client.Lookup("ground/super/inside.git"); !errors.Is(err, git.ErrNotFound) {
		t.Errorf("a bare repository inside a checkout gives %v, want ErrNotFound", err)
	}
}

// A ref argument is a name or an object id, and nothing of git's language for revisions.
func TestResolve(t *testing.T) {
	w := newWorkshop(t)
	first := w.Checkout("ground/app")
	w.Git("ground/app", "branch", "topic/one")
	w.Git("ground/app", "tag", "both")
	second := w.Commit("ground/app", "second")
	w.Git("ground/app", "branch", "both")
	r := w.lookup(w.open(), "ground/app")
	for ref, want := range map[string]git.OID{
		"": second, "HEAD": second, "main": second, "heads/main": second, "refs/heads/main": second,
		"topic/one": first, "both": second, "tags/both": first, "refs/tags/both": first,
		string(first): first, string(first[:8]): first, strings.ToUpper(string(first[:8])): first,
	} {
		if got := resolve(t, r, ref).OID; got != want {
			t.Errorf("%q is %s, want %s", ref, got, want)
		}
	}
	for _, ref := range []string{
		"HEAD~1", "main^", "@", "@{1}", ":/first", "HEAD:README.md", "--all", "-n1", "--output=x", "nothing", "abc", "0000000", "main\n" + string(first),
		"main\x00", "..", "main..both", strings.Repeat("a", 65), strings.Repeat("x/", 2000),
	} {
		commit, err := r.Resolve(t.Context(), refsOf(t, r), ref)
		if !errors.Is(err, git.ErrNotFound) && !errors.Is(err, git.ErrInvalid) {
			t.Errorf("%q gives %v, %v; want ErrNotFound or ErrInvalid", ref, commit, err)
		}
	}
}

// A commit, a branch or a checkout that is made while the client is open shows in the very next answer, whatever is remembered.
func TestChangesShowAtOnce(t *testing.T) {
	w := newWorkshop(t)
	w.Checkout("ground/app")
	client := w.open()
	r := w.lookup(client, "ground/app")
	for i := range 20 {
		want := w.Commit("ground/app", "again")
		if got := resolve(t, r, "").OID; got != want {
			t.Fatalf("commit %d: the head is %s, want %s", i, got, want)
		}
	}
	w.Git("ground/app", "branch", "deep/in/folders")
	w.Git("ground/app", "pack-refs", "--all")
	want := w.Commit("ground/app", "after packing")
	if got := resolve(t, r, "main").OID; got != want {
		t.Errorf("after packing refs, main is %s, want %s", got, want)
	}
	if n := len(refsOf(t, r).Branches); n != 2 {
		t.Errorf("%d branches after packing, want 2", n)
	}
	w.Git("ground/app", "branch", "-D", "deep/in/folders")
	if n := len(refsOf(t, r).Branches); n != 1 {
		t.Errorf("%d branches after deleting one, want 1", n)
	}
	w.Checkout("ground/new")
	w.lookup(client, "ground/new")
	if err := os.RemoveAll(w.Path("ground/app")); err != nil {
		t.Fatal(err)
	}
	if _, err := client.Lookup("ground/app"); !errors.Is(err, git.ErrNotFound) {
		t.Errorf("a repository that is gone gives %v, want ErrNotFound", err)
	}
	found, err := client.Search(t.Context())
	if err != nil || len(found.Repositories) != 1 || found.Repositories[0].Path != "ground/new" {
		t.Errorf("found %+v, %v; want only ground/new", found, err)
	}
}

// Where the clock of the file system is so coarse that a second change carries the time of the first, the second shows too.
func TestCoarseClock(t *testing.T) {
	w := newWorkshop(t)
	w.Checkout("ground/app")
	tick := time.Now()
	stopped := func() {
		t.Helper()
		if err := filepath.WalkDir(w.Path("ground/app/.git"), func(path string, _ fs.DirEntry, err error) error {
			if err != nil {
				return err
			}
			return os.Chtimes(path, tick, tick)
		}); err != nil {
			t.Fatal(err)
		}
	}
	r := w.lookup(w.open(), "ground/app")
	for range 3 {
		want := w.Commit("ground/app", "again")
		stopped()
		if got := resolve(t, r, "").OID; got != want {
			t.Fatalf("the head is %s, want %s", got, want)
		}
	}
}

// A shallow clone that is deepened has a longer history from the same commit on.
func TestDeepening(t *testing.T) {
	w := newWorkshop(t)
	w.Checkout("ground/app")
	w.Commit("ground/app", "second")
	w.Git("ground", "clone", "-q", "--depth", "1", "file://"+w.Path("ground/app"), "shallow")
	r := w.lookup(w.open(), "ground/shallow")
	head := resolve(t, r, "")
	count := func() int {
		n, err := r.Count(t.Context(), head.OID, git.Filter{})
		if err != nil {
			t.Fatal(err)
		}
		return n
	}
	files := func() int {
		list, err := r.Changes(t.Context(), head)
		if err != nil {
			t.Fatal(err)
		}
		return len(list)
	}
	if n, f := count(), files(); n != 1 || f != 1 {
		t.Errorf("shallow: %d commits, %d changed files; want 1 and 1", n, f)
	}
	w.Git("ground/shallow", "fetch", "-q", "--unshallow")
	if n, f := count(), files(); n != 2 || f != 0 {
		t.Errorf("deepened: %d commits, %d changed files; want 2 and 0", n, f)
	}
}

// Whatever bytes names, messages and files hold, answers are UTF-8; a name is found again as it is shown.
func TestBytes(t *testing.T) {
	w := newWorkshop(t)
	w.Checkout("ground/app")
	name := "caf\xe9.txt"
	if err := os.WriteFile(w.Path("ground/app", name), []byte("na\xefve\n"), 0o644); err != nil {
		t.Skip("this file system wants UTF-8 names:", err)
	}
	w.Git("ground/app", "add", "-A")
	w.Git("ground/app", "-c", "i18n.commitEncoding=ISO-8859-1", "commit", "-q", "-m", "d\xe9j\xe0 vu")
	latin := git.OID(w.Git("ground/app", "rev-parse", "HEAD"))
	w.Git("ground/app", "-c", "i18n.commitEncoding=x-nobody-knows", "commit", "-q", "--allow-empty", "-m", "broken \xff\xfe bytes")
	r := w.lookup(w.open(), "ground/app")
	head := resolve(t, r, "")

	commits, err := r.Commits(t.Context(), []git.OID{latin, head.OID})
	if err != nil {
		t.Fatal(err)
	}
	if got := commits[0].Headline(); got != "déjà vu" {
		t.Errorf("a message in Latin-1 reads %q", got)
	}
	if got := commits[1].Headline(); got != "broken \uFFFD bytes" {
		t.Errorf("a message in no encoding reads %q", got)
	}
	entries, err := r.List(t.Context(), head.OID, "")
	if err != nil {
		t.Fatal(err)
	}
	shown := entries[len(entries)-1].Name
	if shown != "caf\uFFFD.txt" || !utf8.ValidString(shown) {
		t.Errorf("the name is shown as %q", shown)
	}
	if _, blob, err := r.File(t.Context(), head.OID, shown); err != nil || string(blob.Data) != "na\xefve\n" {
		t.Errorf("the file shown as %q gives %v", shown, err)
	}
	oids, _, err := r.History(t.Context(), head.OID, git.Filter{Path: shown}, "", 10)
	if err != nil || len(oids) != 1 || oids[0] != latin {
		t.Errorf("the history of the file shown as %q is %v, %v; want %s", shown, oids, err, latin)
	}
	changes, err := r.Changes(t.Context(), commits[0])
	if err != nil || len(changes) != 1 || changes[0].Path != shown {
		t.Errorf("the changes are %+v, %v", changes, err)
	}
}
