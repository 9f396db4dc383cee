package git

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// layout says where the parts of a repository lie. All paths are absolute and without symbolic links.
type layout struct {
	dir       string // the checkout, or the repository itself where it is bare
	gitDir    string // HEAD is here
	commonDir string // objects, refs and configuration are here; differs from gitDir in a linked worktree
	bare      bool
}

// maxPointer is the longest .git, commondir, HEAD or alternates file that is read: a few paths.
const maxPointer = 64 << 10

// maxAlternates is how many object stores a repository may borrow from, in all. git itself follows five levels.
const maxAlternates = 32

// readLayout returns where the repository at dir lies, or an error that wraps fs.ErrNotExist where there is none. dir is
// absolute and resolved. bare says whether dir itself may be a repository. Every part must lie inside the roots: a .git file,
// a commondir file, a symbolic link or an alternates file may name any place on the machine.
func readLayout(dir string, bare bool, roots []folder) (layout, error) {
	l := layout{dir: dir}
	dotGit := filepath.Join(dir, ".git")
	info, err := os.Stat(dotGit)
	switch {
	case err == nil && info.IsDir():
		l.gitDir = dotGit
	case err == nil:
		if l.gitDir, err = readGitFile(dotGit); err != nil {
			return layout{}, err
		}
	case !errors.Is(err, fs.ErrNotExist):
		return layout{}, fmt.Errorf("%w: looking for .git: %v", ErrBadRepository, unpath(err))
	case bare && looksBare(dir):
		l.gitDir, l.bare = dir, true
	default:
		return layout{}, fmt.Errorf("no repository here: %w", fs.ErrNotExist)
	}
	if l.gitDir, err = resolveInside(l.gitDir, roots); err != nil {
		return layout{}, err
	}
	l.commonDir = l.gitDir
	if text, err := readPointer(filepath.Join(l.gitDir, "commondir")); err == nil {
		common := strings.TrimRight(text, "\r\n")
		if !filepath.IsAbs(common) {
			common = filepath.Join(l.gitDir, common)
		}
		if l.commonDir, err = resolveInside(common, roots); err != nil {
			return layout{}, err
		}
	} else if !errors.Is(err, fs.ErrNotExist) {
		return layout{}, err
	}
	return l, l.confine(roots)
}

// readGitFile returns the folder that a .git file names.
func readGitFile(path string) (string, error) {
	text, err := readPointer(path)
	if err != nil {
		return "", err
	}
	target, ok := strings.CutPrefix(strings.TrimRight(text, "\r\n"), "gitdir: ")
	if !ok || target == "" {
		return "", fmt.Errorf("%w: its .git file does not start with \"gitdir: \"", ErrBadRepository)
	}
	if !filepath.IsAbs(target) {
		target = filepath.Join(filepath.Dir(path), target)
	}
	return target, nil
}

// looksBare reports whether dir holds what every repository holds.
func looksBare(dir string) bool {
	for _, name := range []string{"HEAD", "objects", "refs"} {
		info, err := os.Stat(filepath.Join(dir, name))
		if err != nil || info.IsDir() == (name == "HEAD") {
			return false
		}
	}
	return true
}

// confine reports the first part of the repository that lies outside the roots, or is no ordinary file where git will read
// one: a named pipe would hold it up, a device would never end.
func (l layout) confine(roots []folder) error {
	for _, path := range []string{
		filepath.Join(l.gitDir, "HEAD"), filepath.Join(l.gitDir, "config.worktree"),
		filepath.Join(l.commonDir, "config"), filepath.Join(l.commonDir, "packed-refs"), filepath.Join(l.commonDir, "shallow"),
	} {
		real, err := resolveInside(path, roots)
		if errors.Is(err, ErrNotFound) {
			continue
		} else if err != nil {
			return err
		}
		if info, err := os.Stat(real); err != nil || !info.Mode().IsRegular() {
			return fmt.Errorf("%w: its %s is not a regular file", ErrBadRepository, filepath.Base(path))
		}
	}
	for _, name := range []string{"refs", "reftable", "logs"} {
		if err := confineTree(filepath.Join(l.commonDir, name), 8, roots); err != nil {
			return err
		}
	}
	seen := map[string]bool{}
	return confineObjects(filepath.Join(l.commonDir, "objects"), roots, seen)
}

// confineObjects checks one object store, and those it borrows from.
func confineObjects(objects string, roots []folder, seen map[string]bool) error {
	objects, err := resolveInside(objects, roots)
	if errors.Is(err, ErrNotFound) {
		return fmt.Errorf("%w: an object store is missing", ErrBadRepository)
	} else if err != nil {
		return err
	}
	if seen[objects] {
		return nil
	}
	if seen[objects] = true; len(seen) > maxAlternates {
		return fmt.Errorf("%w: it borrows objects from more than %d other repositories", ErrBadRepository, maxAlternates)
	}
	if err := confineTree(objects, 1, roots); err != nil {
		return err
	}
	for _, name := range []string{"pack", "info"} {
		if err := confineTree(filepath.Join(objects, name), 2, roots); err != nil {
			return err
		}
	}
	text, err := readPointer(filepath.Join(objects, "info", "alternates"))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	} else if err != nil {
		return err
	}
	for line := range strings.SplitSeq(text, "\n") {
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		if strings.HasPrefix(line, `"`) {
			return fmt.Errorf("%w: a quoted path in objects/info/alternates; write it without quotes", ErrBadRepository)
		}
		if !filepath.IsAbs(line) {
			line = filepath.Join(objects, line)
		}
		if err := confineObjects(line, roots, seen); err != nil && !errors.Is(err, ErrNotFound) {
			return err
		}
	}
	return nil
}

// confineTree checks the symbolic links in a folder and, down to depth levels, in those below it.
func confineTree(dir string, depth int, roots []folder) error {
	info, err := os.Lstat(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	} else if err != nil {
		return fmt.Errorf("%w: reading %s: %v", ErrBadRepository, filepath.Base(dir), unpath(err))
	}
	if info.Mode()&fs.ModeSymlink != 0 {
		if dir, err = resolveInside(dir, roots); err != nil {
			return err
		}
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		return fmt.Errorf("%w: reading %s: %v", ErrBadRepository, filepath.Base(dir), unpath(err))
	}
	for _, entry := range entries {
		path := filepath.Join(dir, entry.Name())
		switch mode := entry.Type(); {
		case mode&fs.ModeSymlink != 0:
			// a dangling link reads as a missing file, which git reports better than we could
			if _, err := resolveInside(path, roots); err != nil && !errors.Is(err, ErrNotFound) {
				return err
			}
		case mode.IsDir() && depth > 1:
			if err := confineTree(path, depth-1, roots); err != nil {
				return err
			}
		case !mode.IsDir() && !mode.IsRegular():
			return fmt.Errorf("%w: it has something that is neither file nor folder in %s", ErrBadRepository, filepath.Base(dir))
		}
	}
	return nil
}

// readPointer reads a small file that may name another place.
func readPointer(path string) (string, error) {
	info, err := os.Stat(path)
	if err == nil && !info.Mode().IsRegular() {
		return "", fmt.Errorf("%w: its %s is not a regular file", ErrBadRepository, filepath.Base(path))
	}
	var file *os.File
	if err == nil {
		file, err = os.Open(path)
	}
	if errors.Is(err, fs.ErrNotExist) {
		return "", err
	} else if err != nil {
		return "", fmt.Errorf("%w: reading its %s: %v", ErrBadRepository, filepath.Base(path), unpath(err))
	}
	defer file.Close()
	text, err := io.ReadAll(io.LimitReader(file, maxPointer+1))
	if err != nil {
		return "", fmt.Errorf("%w: reading its %s: %v", ErrBadRepository, filepath.Base(path), unpath(err))
	}
	if len(text) > maxPointer {
		return "", fmt.Errorf("%w: its %s is longer than %d bytes", ErrBadRepository, filepath.Base(path), maxPointer)
	}
	return string(text), nil
}

// resolveInside returns path without symbolic links, or an error where it is missing or outside the roots.
func resolveInside(path string, roots []folder) (string, error) {
	real, err := filepath.EvalSymlinks(path)
	if errors.Is(err, fs.ErrNotExist) {
		return "", fmt.Errorf("%w: %s", ErrNotFound, filepath.Base(path))
	} else if err != nil {
		return "", fmt.Errorf("%w: following %s: %v", ErrBadRepository, filepath.Base(path), unpath(err))
	}
	for _, root := range roots {
		if root.holds(real) {
			return real, nil
		}
	}
	return "", fmt.Errorf("%w: its %s leads outside the configured folders; add the folder it leads to, if that is meant", ErrBadRepository, filepath.Base(path))
}
