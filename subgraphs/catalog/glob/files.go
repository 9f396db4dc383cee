package glob

import (
	"cmp"
	"slices"
	"strings"
)

// files is the tree of a list of paths.
type files struct {
	folders map[string][]Entry // "" is the top
	plain   map[string]bool    // the files
}

// Files returns the tree of some files, whose paths begin at its top, "", without a slash. Paths with empty names, and with . and .., are left out.
func Files(paths []string) Tree {
	t := files{folders: map[string][]Entry{"": nil}, plain: make(map[string]bool, len(paths))}
	for _, path := range paths {
		if t.plain[path] || !plain(path) {
			continue
		}
		t.plain[path] = true
		for below, isFolder := path, false; below != ""; isFolder = true {
			folder, name := "", below
			if i := strings.LastIndexByte(below, '/'); i >= 0 {
				folder, name = below[:i], below[i+1:]
			}
			_, known := t.folders[folder]
			t.folders[folder] = append(t.folders[folder], Entry{name, isFolder})
			if known {
				break
			}
			below = folder
		}
	}
	for _, entries := range t.folders {
		slices.SortFunc(entries, func(a, b Entry) int { return cmp.Compare(a.Name, b.Name) })
	}
	return t
}

// plain tells whether a path says where it leads.
func plain(path string) bool {
	for name := range strings.SplitSeq(path, "/") {
		if name == "" || name == "." || name == ".." {
			return false
		}
	}
	return true
}

func (t files) Look(path string) (folder, there bool) {
	if _, folder = t.folders[path]; folder {
		return true, true
	}
	return false, t.plain[path]
}

func (t files) Folder(path string) ([]Entry, bool) {
	entries, ok := t.folders[path]
	return entries, ok
}
