package glob_test

import (
	"fmt"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"callboard.dev/callboard/subgraphs/catalog/glob"
)

var paths = []string{
	"README.md", "a.yaml", "b.yaml", "c.yml", "teams/x.yaml", "teams/y.yaml", "teams/deep/z.yaml", "teams/deep/er/w.yaml", "teams/.hidden.yaml", "people/x.yaml",
	"node_modules/m/catalog-info.yaml", ".git/x.yaml", "apps/[id]/page.yaml", "apps/i/page.yaml", "apps/{x}/page.yaml", "with blank/ä.yaml",
}

func TestFind(t *testing.T) {
	for pattern, want := range map[string]string{
		"*.yaml":                  "a.yaml b.yaml",
		"./*.yaml":                "a.yaml b.yaml",
		"?.y*ml":                  "a.yaml b.yaml c.yml",
		"[a-b].yaml":              "a.yaml b.yaml",
		"[!a].y*":                 "b.yaml c.yml",
		"[a":                      "",
		"{a,c,d}.{yaml,yml}":      "a.yaml c.yml",
		"{a,b.yaml":               "",
		"teams/*.yaml":            "teams/.hidden.yaml teams/x.yaml teams/y.yaml",
		"{teams,people}/x.yaml":   "people/x.yaml teams/x.yaml",
		"*/x.yaml":                "people/x.yaml teams/x.yaml",
		"teams/**":                "teams/.hidden.yaml teams/deep/er/w.yaml teams/deep/z.yaml teams/x.yaml teams/y.yaml",
		"**/x.yaml":               "people/x.yaml teams/x.yaml",
		"**/**/x.yaml":            "people/x.yaml teams/x.yaml",
		"teams/**/*.yaml":         "teams/.hidden.yaml teams/deep/er/w.yaml teams/deep/z.yaml teams/x.yaml teams/y.yaml",
		"teams/**/er/**":          "teams/deep/er/w.yaml",
		"te**/x.yaml":             "teams/x.yaml",
		"teams":                   "",
		"*":                       "README.md a.yaml b.yaml c.yml",
		"teams/*":                 "teams/.hidden.yaml teams/x.yaml teams/y.yaml",
		"node_modules/*/*.yaml":   "node_modules/m/catalog-info.yaml",
		"node_module?/*/*.yaml":   "",
		"**/catalog-info.yaml":    "",
		".git/*.yaml":             ".git/x.yaml",
		"apps/[id]/page.yaml":     "apps/i/page.yaml",
		"*/?.yaml":                "people/x.yaml teams/x.yaml teams/y.yaml with blank/ä.yaml",
		"with blank/*":            "with blank/ä.yaml",
		"teams/{../,}x.yaml":      "teams/x.yaml",
		"{..,teams}/x.yaml":       "teams/x.yaml",
		"teams/{deep,..}/*.yaml":  "teams/deep/z.yaml",
		"{.,}/{a,}/../*.yaml":     "",
		"{a,b":                    "",
		strings.Repeat("*", 9000): "",
	} {
		if got := strings.Join(glob.Find(glob.Files(paths), "", pattern).Files, " "); got != want {
			t.Errorf("%q stands for %q, want %q", pattern, got, want)
		}
	}
	if got := glob.Find(glob.Files(paths), "apps/[id]", "*.yaml").Files; !slices.Equal(got, []string{"apps/[id]/page.yaml"}) {
		t.Errorf("from a folder whose name looks like a pattern: %q", got)
	}
	for text, want := range map[string]bool{"a/b.yaml": false, "*": true, "a?": true, "[a": true, "{a}": true} {
		if glob.Is(text) != want {
			t.Errorf("whether %q is a pattern: %v", text, !want)
		}
	}
}

func TestHostileListsAreNotTheTree(t *testing.T) {
	tree := glob.Files([]string{"", "/", "/a.yaml", "b//c.yaml", "../d.yaml", "e/../f.yaml", "./g.yaml", "h/", "i.yaml", "i.yaml", "j", "j/k.yaml"})
	if got := glob.Find(tree, "", "**").Files; !slices.Equal(got, []string{"i.yaml", "j", "j/k.yaml"}) {
		t.Errorf("found %q", got)
	}
}

func TestLimits(t *testing.T) {
	var many []string
	for i := range glob.MaxMatches + 1 {
		many = append(many, fmt.Sprintf("a/%05d.yaml", i))
	}
	for pattern, want := range map[string]int{"a/*": glob.MaxMatches, "**": glob.MaxMatches, "a/0000?.yaml": 10} {
		got := glob.Find(glob.Files(many), "", pattern)
		if len(got.Files) != want || got.Stopped != (want == glob.MaxMatches) || got.Files[0] != "a/00000.yaml" {
			t.Errorf("%q stands for %d files, stopped: %v", pattern, len(got.Files), got.Stopped)
		}
	}
	// What looks at every entry over and over ends as well.
	deep := strings.Repeat("a/", 60) + "x"
	if got := glob.Find(glob.Files([]string{deep}), "", strings.Repeat("**/*/", 12)+"y"); !got.Stopped {
		t.Errorf("found %+v", got.Files)
	}
}

// onDisk is a folder as a tree.
type onDisk string

func (d onDisk) Look(name string) (folder, there bool) {
	info, err := os.Stat(filepath.Join(string(d), name))
	return err == nil && info.IsDir(), err == nil
}

func (d onDisk) Folder(name string) (out []glob.Entry, ok bool) {
	entries, err := os.ReadDir(filepath.Join(string(d), name))
	for _, entry := range entries {
		out = append(out, glob.Entry{Name: entry.Name(), Folder: entry.IsDir()})
	}
	return out, err == nil
}

func FuzzFind(f *testing.F) {
	dir := f.TempDir()
	for _, name := range paths {
		name = filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
			f.Fatal(err)
		}
		if err := os.WriteFile(name, nil, 0o644); err != nil {
			f.Fatal(err)
		}
	}
	tree := glob.Files(paths)
	for _, pattern := range []string{
		"/a/{b,c}/{d,{e,f}}/*.yaml", strings.Repeat("{"+strings.Repeat("a,", 50)+"}", 20), "**/*.yaml", "{..,teams}/*", "teams/[!a-z]*", "./**/../*", "**/**", `[\*]`, "?/**/*",
	} {
		f.Add(pattern, "")
	}
	f.Add("*.yaml", "teams")
	f.Fuzz(func(t *testing.T, pattern, folder string) {
		if strings.ContainsRune(pattern, 0) || !slices.Contains([]string{"", "teams", "apps/[id]"}, folder) {
			return
		}
		found := glob.Find(tree, folder, pattern)
		if disk := glob.Find(onDisk(dir), folder, pattern); !slices.Equal(disk.Files, found.Files) {
			t.Errorf("%q stands for %q on a disk, and for %q in a list", pattern, disk.Files, found.Files)
		}
		for _, file := range found.Files {
			if !slices.Contains(paths, file) || folder != "" && !strings.HasPrefix(file, folder+"/") {
				t.Errorf("%q in %q found %q", pattern, folder, file)
			}
		}
		if strings.ContainsAny(pattern, "{}[\\") || found.Stopped || folder != "" || len(pattern) > 100 || strings.Contains("/"+pattern+"/", "/../") {
			return
		}
		for _, file := range paths {
			if got, want := slices.Contains(found.Files, file), matches(strings.Split(path.Clean("/" + pattern)[1:], "/"), strings.Split(file, "/")); got != want {
				t.Errorf("whether %q stands for %q: %v, want %v", pattern, file, got, want)
			}
		}
	})
}

// matches is the plain way to match a path, without braces.
func matches(pattern, names []string) bool {
	switch {
	case len(pattern) == 0 || len(names) == 0:
		return len(pattern) == 0 && len(names) == 0
	case pattern[0] == "**" && (names[0] == ".git" || names[0] == "node_modules"):
		return len(pattern) > 1 && matches(pattern[1:], names)
	case pattern[0] == "**":
		return len(pattern) == 1 || matches(pattern[1:], names) || matches(pattern, names[1:])
	case strings.ContainsAny(pattern[0], "*?") && (names[0] == ".git" || names[0] == "node_modules"):
		return false
	}
	matched, err := path.Match(pattern[0], names[0])
	return err == nil && matched && matches(pattern[1:], names[1:])
}
