package git_test

import (
	"context"
	"testing"

	"callboard.dev/callboard/clients/git"
	"callboard.dev/callboard/clients/git/gittest"
)

// workshop is a gittest.Workshop that also opens clients.
type workshop struct{ gittest.Workshop }

func newWorkshop(t testing.TB) workshop {
	t.Helper()
	return workshop{gittest.New(t)}
}

func (w workshop) Commit(folder, message string) git.OID {
	w.T.Helper()
	return git.OID(w.Workshop.Commit(folder, message))
}

func (w workshop) Checkout(folder string) git.OID {
	w.T.Helper()
	return git.OID(w.Workshop.Checkout(folder))
}

// open returns a client for some folders of the workshop; for "ground" where none is named.
func (w workshop) open(folders ...string) *git.Client {
	w.T.Helper()
	if len(folders) == 0 {
		folders = []string{"ground"}
	}
	cfg := git.Config{}
	for _, folder := range folders {
		cfg.Folders = append(cfg.Folders, w.Path(folder))
	}
	client, err := git.Open(context.Background(), cfg)
	if err != nil {
		w.T.Fatal(err)
	}
	w.T.Cleanup(client.Close)
	return client
}

// lookup returns the repository at a path.
func (w workshop) lookup(client *git.Client, path string) *git.Repository {
	w.T.Helper()
	r, err := client.Lookup(path)
	if err != nil {
		w.T.Fatal(err)
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
