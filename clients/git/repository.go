package git

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"
)

// Repository is one repository below the configured folders. It is safe for concurrent use.
type Repository struct {
	Dir    string // absolute, for the operator's eyes only
	Path   string // the configured folder's label and the path below it, with slashes: unique, and fit to show
	Bare   bool   // there is no checkout
	Linked bool   // one of several checkouts of one repository (git worktree), or a submodule's

	client            *Client
	gitDir, commonDir string

	mu     sync.Mutex
	seen   time.Time // when its layout was last checked; under the client's lock
	refs   *Refs
	stamp  stamp
	remote *remotes
}

func (r *Repository) layout() layout {
	return layout{dir: r.Dir, gitDir: r.gitDir, commonDir: r.commonDir, bare: r.Bare}
}

// key starts the key of everything remembered about the repository. Linked checkouts share their objects, and so their answers.
func (r *Repository) key(kind string, parts ...string) string {
	return r.commonDir + "\x00" + kind + "\x00" + strings.Join(parts, "\x00")
}

// depth goes into the key of every answer that walks a history: a shallow clone can be deepened, and then the same commit has
// a longer history.
func (r *Repository) depth() string {
	info, err := os.Stat(filepath.Join(r.commonDir, "shallow"))
	if err != nil {
		return ""
	}
	return fmt.Sprint(info.ModTime().UnixNano(), info.Size())
}

// stamp tells whether the files it was taken of have changed since.
type stamp struct {
	text  string    // path, time, size of each, in order
	last  time.Time // the newest time in it
	taken time.Time
}

// settle is how long a file must have been unchanged before its stamp is believed: file times can be as coarse as two
// seconds, and within one tick a second change looks like the first.
const settle = 2500 * time.Millisecond

// holds reports whether files with the stamp now are still as they were when s was taken.
func (s stamp) holds(now stamp) bool {
	return s.text != "" && s.text == now.text && s.taken.Sub(s.last) > settle
}

// maxRefFolders bounds the folders below refs that one stamp looks at; past it the refs are read every time.
const maxRefFolders = 4096

// stampFiles takes the stamp of the files and folders, and of every folder below the trees: adding, removing or replacing a file
// changes the time of the folder it is in, and git replaces a ref by renaming its successor over it.
func stampFiles(files []string, trees ...string) stamp {
	s := stamp{taken: time.Now()}
	var text strings.Builder
	add := func(path string, info fs.FileInfo) {
		fmt.Fprintf(&text, "%s %d %d\n", path, info.ModTime().UnixNano(), info.Size())
		if info.ModTime().After(s.last) {
			s.last = info.ModTime()
		}
	}
	for _, path := range files {
		if info, err := os.Stat(path); err == nil {
			add(path, info)
		} else {
			fmt.Fprintf(&text, "%s missing\n", path)
		}
	}
	folders := 0
	var walk func(dir string) bool
	walk = func(dir string) bool {
		info, err := os.Stat(dir)
		if err != nil {
			return errors.Is(err, fs.ErrNotExist)
		}
		if folders++; folders > maxRefFolders {
			return false
		}
		add(dir, info)
		entries, err := os.ReadDir(dir)
		if err != nil {
			return false
		}
		for _, entry := range entries {
			if entry.IsDir() && !walk(filepath.Join(dir, entry.Name())) {
				return false
			}
			if !entry.IsDir() { // a ref that was written in place, as some tools do
				if info, err := entry.Info(); err == nil {
					add(filepath.Join(dir, entry.Name()), info)
				}
			}
		}
		return true
	}
	for _, tree := range trees {
		if !walk(tree) {
			return stamp{}
		}
	}
	s.text = text.String()
	return s
}

// Refs returns the refs as they are now. They are read again only where the files that hold them have changed.
func (r *Repository) Refs(ctx context.Context) (*Refs, error) {
	now := stampFiles([]string{
		filepath.Join(r.gitDir, "HEAD"), filepath.Join(r.commonDir, "packed-refs"), filepath.Join(r.commonDir, "shallow"), filepath.Join(r.commonDir, "config"),
		filepath.Join(r.commonDir, "reftable", "tables.list"), filepath.Join(r.gitDir, "reftable", "tables.list"), filepath.Join(r.commonDir, "objects", "info"),
	}, filepath.Join(r.commonDir, "refs"))
	r.mu.Lock()
	refs, then := r.refs, r.stamp
	r.mu.Unlock()
	if refs != nil && then.holds(now) {
		return refs, nil
	}
	// Who sees the files as they are now may have what another one is reading of them.
	return share(ctx, r.client, r.key("refs", r.gitDir, now.text), false, func(ctx context.Context) (*Refs, error) {
		// The repository may have been replaced since it was found.
		if err := r.layout().confine(r.client.roots()); err != nil {
			return nil, err
		}
		refs, err := r.readRefs(ctx)
		if err != nil {
			return nil, fmt.Errorf("reading the refs of %s: %w", r.Path, err)
		}
		r.mu.Lock()
		defer r.mu.Unlock()
		r.refs, r.stamp = refs, now
		return refs, nil
	})
}

// remotes is what the repository's own configuration says about where it came from.
type remotes struct {
	stamp  stamp
	origin string
	err    error
}

// Origin returns the URL of the remote "origin" as the configuration holds it, credentials and all, or "" where there is none.
// Files that the configuration includes are not read.
func (r *Repository) Origin(ctx context.Context) (string, error) {
	path := filepath.Join(r.commonDir, "config")
	now := stampFiles([]string{path})
	r.mu.Lock()
	known := r.remote
	r.mu.Unlock()
	if known != nil && known.stamp.holds(now) {
		return known.origin, known.err
	}
	return share(ctx, r.client, r.key("origin", now.text), false, func(ctx context.Context) (string, error) {
		if err := r.layout().confine(r.client.roots()); err != nil {
			return "", err
		}
		if _, err := os.Stat(path); errors.Is(err, fs.ErrNotExist) {
			return "", nil
		}
		out, err := r.client.output(ctx, nil, 1<<20, "config", "--null", "--no-includes", "--file", path, "--list")
		if err != nil {
			err = fmt.Errorf("reading the configuration of %s: %w", r.Path, err)
		}
		if err != nil && !errors.Is(err, ErrBadRepository) {
			return "", err
		}
		known := &remotes{stamp: now, origin: parseOrigin(out), err: err}
		r.mu.Lock()
		defer r.mu.Unlock()
		r.remote = known
		return known.origin, known.err
	})
}

// parseOrigin returns the first remote.origin.url of what `git config --null --list` printed: "name LF value NUL" each.
func parseOrigin(out []byte) string {
	for record := range strings.SplitSeq(string(out), "\x00") {
		if name, value, ok := strings.Cut(record, "\n"); ok && name == "remote.origin.url" {
			return valid([]byte(value))
		}
	}
	return ""
}
