package git

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sort"
	"strings"
	"time"
)

// How far a search goes. A folder that needs more is better named in parts.
const (
	maxDepth       = 10      // levels below a configured folder
	maxDepthInside = 4       // levels below a checkout, for submodules and checkouts kept inside it
	maxVisited     = 200_000 // folders in one search, some seconds of work on a cold disk
)

// folder is one of the configured folders.
type folder struct {
	label string // the first part of a repository's path: unique among the folders
	given string // absolute
	real  string // without symbolic links; empty while it cannot be resolved
}

func (f folder) holds(real string) bool {
	if f.real == "" {
		return false
	}
	rel, err := filepath.Rel(f.real, real)
	return err == nil && rel != ".." && !strings.HasPrefix(rel, ".."+string(filepath.Separator))
}

// nameFolders gives every folder its label: the last part of its path, with "~2", "~3", ... where that is taken.
func nameFolders(paths []string) ([]folder, error) {
	taken := map[string]int{}
	seen := map[string]bool{}
	var out []folder
	for _, path := range paths {
		absolute, err := filepath.Abs(path)
		if err != nil {
			return nil, fmt.Errorf("making folder %q absolute: %w", path, err)
		}
		if seen[absolute] {
			continue
		}
		seen[absolute] = true
		label := valid([]byte(filepath.Base(absolute)))
		if taken[label]++; taken[label] > 1 {
			label = fmt.Sprintf("%s~%d", label, taken[label])
		}
		out = append(out, folder{label: label, given: absolute})
	}
	return out, nil
}

// roots returns the folders as they are now: one that appears later, or whose link is turned, counts from then on.
func (c *Client) roots() []folder {
	out := append([]folder(nil), c.folders...)
	for i := range out {
		if real, err := filepath.EvalSymlinks(out[i].given); err == nil {
			out[i].real = real
		}
	}
	return out
}

// Issue is something the search could not read. Nothing is left out without one.
type Issue struct {
	Path string // as Repository.Path; a configured folder's label where the whole folder is concerned
	Err  error
}

// Found is the outcome of one search. It is immutable.
type Found struct {
	Repositories []*Repository // sorted by Path
	Issues       []Issue       // sorted by Path
	At           time.Time
}

// Repositories returns the repositories below the configured folders, searching anew where the last search is older than
// Config.Rescan; while somebody else is searching, the last list will do. Bare repositories inside a checkout are left alone: a clone can bring one along, with settings of its own.
func (c *Client) Repositories(ctx context.Context) (*Found, error) {
	c.mu.Lock()
	found := c.found
	if found != nil && (c.searching || time.Since(found.At) < c.rescan) {
		c.mu.Unlock()
		return found, nil
	}
	c.searching = true
	c.mu.Unlock()
	defer func() {
		c.mu.Lock()
		defer c.mu.Unlock()
		c.searching = false
	}()
	return c.Search(ctx)
}

// Search looks for repositories now, whatever the age of the last search.
func (c *Client) Search(ctx context.Context) (*Found, error) {
	s := search{client: c, ctx: ctx, roots: c.roots(), byDir: map[string]*Repository{}, at: time.Now()}
	for _, root := range s.roots {
		if root.real == "" {
			s.issue(root.label, fmt.Errorf("%w: the configured folder cannot be read", ErrNotFound))
			continue
		}
		if err := s.walk(root, root.real, maxDepth, false); err != nil {
			return nil, err
		}
	}
	found := &Found{Issues: s.issues, At: s.at}
	for _, r := range s.byDir {
		found.Repositories = append(found.Repositories, r)
	}
	sort.Slice(found.Repositories, func(i, j int) bool { return found.Repositories[i].Path < found.Repositories[j].Path })
	sort.SliceStable(found.Issues, func(i, j int) bool { return found.Issues[i].Path < found.Issues[j].Path })
	c.mu.Lock()
	defer c.mu.Unlock()
	for dir := range c.opened { // what is gone is forgotten
		if _, err := os.Lstat(dir); err != nil {
			delete(c.opened, dir)
		}
	}
	c.found = found
	return found, nil
}

// search is one walk over the configured folders.
type search struct {
	client  *Client
	ctx     context.Context
	roots   []folder
	byDir   map[string]*Repository
	issues  []Issue
	visited int
	at      time.Time
}

func (s *search) issue(path string, err error) {
	s.issues = append(s.issues, Issue{Path: path, Err: err})
}

// walk looks at dir and what is below it. inside says that dir lies in a checkout.
func (s *search) walk(root folder, dir string, depth int, inside bool) error {
	if s.ctx.Err() != nil {
		return contextError(s.ctx)
	}
	if s.visited++; s.visited >= maxVisited {
		if s.visited == maxVisited {
			s.issue(root.label, fmt.Errorf("%w: more than %d folders; configure the folders that hold repositories one by one", ErrTooLarge, maxVisited))
		}
		return nil
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		if !errors.Is(err, fs.ErrNotExist) { // gone since its parent was read
			s.issue(displayPath(root, dir), fmt.Errorf("%w: reading the folder: %v", ErrBadRepository, unpath(err)))
		}
		return nil
	}
	if candidate(entries, !inside) {
		r, err := s.client.open(root, dir, !inside, s.roots)
		switch {
		case err == nil:
			s.byDir[r.Dir] = r
			if r.Bare {
				return nil
			}
			inside, depth = true, min(depth, maxDepthInside)
		case !errors.Is(err, fs.ErrNotExist):
			s.issue(displayPath(root, dir), err)
			return nil
		}
	}
	if depth == 0 {
		return nil
	}
	for _, entry := range entries {
		name := entry.Name()
		if !entry.IsDir() || name == ".git" || name == "node_modules" {
			continue
		}
		path := filepath.Join(dir, name)
		if strings.HasPrefix(name, ".") { // tools keep caches and copies there; a checkout named ".github" still counts
			if _, err := os.Lstat(filepath.Join(path, ".git")); err != nil {
				continue
			}
		}
		if err := s.walk(root, path, depth-1, inside); err != nil {
			return err
		}
	}
	return nil
}

// candidate reports whether a folder with these entries may be a checkout, or a bare repository where that is allowed.
func candidate(entries []fs.DirEntry, bare bool) bool {
	parts := 0
	for _, entry := range entries {
		switch entry.Name() {
		case ".git":
			return true
		case "HEAD", "objects", "refs":
			parts++
		}
	}
	return bare && parts == 3
}

// displayPath names a place below a folder without telling where the folder lies on this machine.
func displayPath(root folder, dir string) string {
	rel, err := filepath.Rel(root.real, dir)
	if err != nil || rel == "." {
		return root.label
	}
	return root.label + "/" + valid([]byte(filepath.ToSlash(rel)))
}

// Lookup returns the repository with this Path, which need not have been found by a search. It wraps ErrNotFound where there
// is none.
func (c *Client) Lookup(path string) (*Repository, error) {
	clean, err := CleanPath(path)
	if err != nil {
		return nil, err
	}
	label, rest, _ := strings.Cut(clean, "/")
	roots := c.roots()
	for _, root := range roots {
		if root.label != label || root.real == "" {
			continue
		}
		dir, err := resolveInside(filepath.Join(root.real, filepath.FromSlash(rest)), roots)
		if err != nil {
			return nil, fmt.Errorf("looking for repository %q: %w", path, err)
		}
		r, err := c.open(root, dir, !insideCheckout(root, dir), roots)
		if errors.Is(err, fs.ErrNotExist) {
			break
		}
		return r, err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, r := range c.opened { // a name that is not UTF-8 is found by how it is shown
		if r.Path == clean {
			return r, nil
		}
	}
	return nil, fmt.Errorf("%w: no repository %q below the configured folders", ErrNotFound, path)
}

// insideCheckout reports whether dir lies in a checkout below root, where a bare repository is not to be trusted.
func insideCheckout(root folder, dir string) bool {
	for dir != root.real && root.holds(dir) {
		dir = filepath.Dir(dir)
		if _, err := os.Lstat(filepath.Join(dir, ".git")); err == nil {
			return true
		}
	}
	return false
}

// Holding returns the checkout that holds the file or folder at an absolute path of this machine, and that path from its top.
// The path may come from anybody: symbolic links are followed first, and only checkouts below the configured folders are
// looked at. It wraps ErrNotFound where no checkout holds it.
func (c *Client) Holding(path string) (*Repository, string, error) {
	if !filepath.IsAbs(path) || strings.IndexByte(path, 0) >= 0 || len(path) > maxPath {
		return nil, "", fmt.Errorf("%w: want an absolute path", ErrInvalid)
	}
	roots := c.roots()
	// A file that is not there any more still belongs to the checkout that its folder belongs to.
	real, missing := filepath.Clean(path), ""
	for {
		resolved, err := filepath.EvalSymlinks(real)
		if err == nil {
			real = resolved
			break
		}
		parent := filepath.Dir(real)
		if !errors.Is(err, fs.ErrNotExist) || parent == real {
			return nil, "", fmt.Errorf("%w: the path cannot be followed", ErrNotFound)
		}
		real, missing = parent, filepath.Join(filepath.Base(real), missing)
	}
	for _, root := range roots {
		if !root.holds(real) {
			continue
		}
		for dir := real; ; dir = filepath.Dir(dir) {
			if _, err := os.Lstat(filepath.Join(dir, ".git")); err == nil {
				r, err := c.open(root, dir, false, roots)
				if err != nil {
					return nil, "", err
				}
				rel, err := filepath.Rel(dir, filepath.Join(real, missing))
				if err != nil {
					return nil, "", fmt.Errorf("%w: the path cannot be followed", ErrNotFound)
				}
				if rel == "." {
					rel = ""
				}
				return r, filepath.ToSlash(rel), nil
			}
			if dir == root.real {
				break
			}
		}
	}
	return nil, "", fmt.Errorf("%w: no checkout below the configured folders holds this path", ErrNotFound)
}

// open returns the repository at dir, the same one for as long as it lies the same way. Where its parts lie is checked as often
// as the folders are searched, and again whenever its refs or its configuration have changed.
func (c *Client) open(root folder, dir string, bare bool, roots []folder) (*Repository, error) {
	now := time.Now()
	c.mu.Lock()
	known := c.opened[dir]
	fresh := known != nil && now.Sub(known.seen) < c.rescan && (bare || !known.Bare)
	c.mu.Unlock()
	if fresh {
		if _, err := os.Lstat(known.gitDir); err == nil {
			return known, nil
		}
	}
	l, err := readLayout(dir, bare, roots)
	if err != nil {
		return nil, err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if r := c.opened[dir]; r != nil && r.layout() == l {
		r.seen = now
		return r, nil
	}
	r := &Repository{client: c, Dir: dir, Path: displayPath(root, dir), Bare: l.bare, Linked: l.gitDir != l.commonDir, gitDir: l.gitDir, commonDir: l.commonDir, seen: now}
	c.opened[dir] = r
	return r, nil
}
