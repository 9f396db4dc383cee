package git_test

import (
	"bytes"
	"context"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"callboard.dev/callboard/clients/git"
)

// largeHistory is how many commits the benchmarks' repository has.
const largeHistory = 50_000

// large makes a bare repository with a long history: 200 authors, 280 folders, one packed file.
func large(b *testing.B) (*git.Client, *git.Repository) {
	b.Helper()
	w := newWorkshop(b)
	if err := os.MkdirAll(w.Path("ground"), 0o755); err != nil {
		b.Fatal(err)
	}
	w.Git("ground", "init", "-q", "--bare", "large.git")
	var stream bytes.Buffer
	for i := 1; i <= largeHistory; i++ {
		who := fmt.Sprintf("Dev %d <dev%d@example.com> %d +0000", i%200, i%200, 1_500_000_000+i*600)
		message := fmt.Sprintf("area%d: change number %d\n\nBody of %d.\n", i%17, i, i)
		content := bytes.Repeat(fmt.Appendf(nil, "line %d\n", i), 20)
		fmt.Fprintf(&stream, "commit refs/heads/main\nauthor %s\ncommitter %s\ndata %d\n%s", who, who, len(message), message)
		fmt.Fprintf(&stream, "M 100644 inline dir%d/sub%d/file%d.txt\ndata %d\n%s\n", i%40, i%7, i%500, len(content), content)
	}
	cmd := exec.Command("git", "-C", w.Path("ground/large.git"), "fast-import", "--quiet")
	cmd.Stdin = &stream
	if out, err := cmd.CombinedOutput(); err != nil {
		b.Fatalf("git fast-import: %v\n%s", err, out)
	}
	// A repository that nobody has written to for a while: its refs need not be read for every answer.
	past := time.Now().Add(-time.Hour)
	if err := filepath.WalkDir(w.Path("ground"), func(path string, _ fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		return os.Chtimes(path, past, past)
	}); err != nil {
		b.Fatal(err)
	}
	client := w.open()
	return client, w.lookup(client, "ground/large.git")
}

// BenchmarkLarge measures first answers from a history of 50,000 commits: each round has a client of its own that remembers nothing.
func BenchmarkLarge(b *testing.B) {
	_, r := large(b)
	dir := r.Dir
	head := resolve(b, r, "").OID
	for _, c := range []struct {
		name string
		ask  func(ctx context.Context, r *git.Repository) error
	}{
		{"refs", func(ctx context.Context, r *git.Repository) error {
			_, err := r.Refs(ctx)
			return err
		}},
		{"first page of 20", func(ctx context.Context, r *git.Repository) error {
			oids, _, err := r.History(ctx, head, git.Filter{}, "", 20)
			if err == nil {
				_, err = r.Commits(ctx, oids)
			}
			return err
		}},
		{"first page of a folder", func(ctx context.Context, r *git.Repository) error {
			_, _, err := r.History(ctx, head, git.Filter{Path: "dir3/sub3"}, "", 20)
			return err
		}},
		{"count", func(ctx context.Context, r *git.Repository) error {
			n, err := r.Count(ctx, head, git.Filter{})
			if err == nil && n != largeHistory {
				err = fmt.Errorf("counted %d", n)
			}
			return err
		}},
		{"contributors", func(ctx context.Context, r *git.Repository) error {
			people, err := r.Contributors(ctx, head)
			if err == nil && len(people) != 200 {
				err = fmt.Errorf("found %d people", len(people))
			}
			return err
		}},
		{"file", func(ctx context.Context, r *git.Repository) error {
			_, _, err := r.File(ctx, head, "dir0/sub0/file280.txt")
			return err
		}},
	} {
		b.Run(c.name, func(b *testing.B) {
			for b.Loop() {
				b.StopTimer()
				client, err := git.Open(b.Context(), git.Config{Folders: []string{dir}})
				if err != nil {
					b.Fatal(err)
				}
				r, err := client.Lookup("large.git")
				if err != nil {
					b.Fatal(err)
				}
				b.StartTimer()
				if err := c.ask(b.Context(), r); err != nil {
					b.Fatal(err)
				}
				b.StopTimer()
				client.Close()
				b.StartTimer()
			}
		})
	}
}

// BenchmarkRemembered measures answers that are known already, the check that nothing has changed included.
func BenchmarkRemembered(b *testing.B) {
	_, r := large(b)
	ask := func() {
		commit := resolve(b, r, "main")
		if _, _, err := r.History(b.Context(), commit.OID, git.Filter{}, "", 20); err != nil {
			b.Fatal(err)
		}
		if _, err := r.Contributors(b.Context(), commit.OID); err != nil {
			b.Fatal(err)
		}
	}
	ask()
	for b.Loop() {
		ask()
	}
}
