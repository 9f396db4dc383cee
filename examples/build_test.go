package examples_test

import (
	"bytes"
	"context"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"sort"
	"strings"
	"sync"
	"testing"
	"time"

	"callboard.dev/callboard/examples"
)

// built is the organisation, built once for the tests that only read it.
var built = sync.OnceValues(func() (string, error) {
	parent, err := os.MkdirTemp("", "larkfold")
	if err != nil {
		return "", err
	}
	folder := filepath.Join(parent, "organisation")
	return folder, examples.Build(context.Background(), folder)
})

func TestMain(m *testing.M) {
	code := m.Run()
	if folder, err := built(); err == nil {
		os.RemoveAll(filepath.Dir(folder))
	}
	os.Exit(code)
}

func organisation(t testing.TB) string {
	t.Helper()
	folder, err := built()
	if err != nil {
		t.Fatal(err)
	}
	return folder
}

// git runs git in a repository of the organisation and returns what it prints.
func git(t testing.TB, folder string, args ...string) string {
	t.Helper()
	cmd := exec.Command("git", append([]string{"-C", folder, "-c", "safe.directory=*"}, args...)...)
	cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "GIT_CONFIG_NOSYSTEM=1", "GIT_CONFIG_GLOBAL=" + os.DevNull, "LC_ALL=C", "TZ=UTC"}
	var complaint bytes.Buffer
	cmd.Stderr = &complaint
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("git %s in %s: %v\n%s", strings.Join(args, " "), folder, err, complaint.String())
	}
	return strings.TrimSuffix(string(out), "\n")
}

// refs returns every branch and tag of every repository with the object it names.
func refs(t testing.TB, organisation string) string {
	t.Helper()
	var all strings.Builder
	for _, name := range examples.Repositories() {
		all.WriteString(name + "\n" + git(t, filepath.Join(organisation, name), "for-each-ref", "--format=%(objectname) %(refname)") + "\n")
	}
	return all.String()
}

func TestSameCommitsInAnyEnvironment(t *testing.T) {
	want := refs(t, organisation(t))
	home := t.TempDir()
	hook := "#!/bin/sh\nexit 1\n"
	for name, text := range map[string]string{
		".gitconfig":                  "[user]\n\tname = Nobody\n[core]\n\tautocrlf = true\n\thooksPath = " + home + "/hooks\n[init]\n\tdefaultBranch = trunk\n\ttemplateDir = " + home + "/template\n[commit]\n\tgpgsign = true\n",
		"hooks/reference-transaction": hook,
		"hooks/post-checkout":         hook,
		"template/description":        "not ours\n",
	} {
		path := filepath.Join(home, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	for name, value := range map[string]string{
		"HOME": home, "XDG_CONFIG_HOME": home, "TZ": "Pacific/Auckland", "GIT_DIR": filepath.Join(home, "elsewhere"),
		"GIT_AUTHOR_NAME": "Nobody", "GIT_COMMITTER_DATE": "2001-01-01T00:00:00Z", "GIT_DEFAULT_HASH": "sha256", "GIT_TEMPLATE_DIR": filepath.Join(home, "template"),
	} {
		t.Setenv(name, value)
	}
	folder := filepath.Join(t.TempDir(), "a folder", "organisation")
	if err := examples.Build(t.Context(), folder); err != nil {
		t.Fatal(err)
	}
	if got := refs(t, folder); got != want {
		t.Errorf("two builds differ:\n%s\n%s", got, want)
	}
	if _, err := os.Stat(filepath.Join(folder, "company", ".git", "description")); err == nil {
		t.Error("the user's template was used")
	}
}

func TestRepositoriesAreSound(t *testing.T) {
	for _, name := range examples.Repositories() {
		folder := filepath.Join(organisation(t), name)
		git(t, folder, "fsck", "--strict", "--no-dangling")
		if status := git(t, folder, "status", "--porcelain", "--ignored"); status != "" {
			t.Errorf("%s is not clean:\n%s", name, status)
		}
		if branch := git(t, folder, "symbolic-ref", "HEAD"); branch != "refs/heads/main" {
			t.Errorf("%s is at %s", name, branch)
		}
		if url := git(t, folder, "remote", "get-url", "origin"); url != examples.Origin(name) {
			t.Errorf("%s was cloned from %s, want %s", name, url, examples.Origin(name))
		}
	}
}

// storedFiles reads a repository's files from the source tree, under the names they are built with.
func storedFiles(t *testing.T, repository string) map[string]string {
	t.Helper()
	files := map[string]string{}
	root := filepath.Join("organisation", repository)
	err := filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		text, err := os.ReadFile(path)
		name, _ := filepath.Rel(root, path)
		if strings.HasSuffix(name, ".go.txt") || filepath.Base(name) == "go.mod.txt" {
			name = strings.TrimSuffix(name, ".txt")
		}
		files[filepath.ToSlash(name)] = string(text)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}

// TestHistoryEndsInTheStoredFiles relies on TestRepositoriesAreSound, which shows that what is checked out is what main holds.
func TestHistoryEndsInTheStoredFiles(t *testing.T) {
	for _, name := range examples.Repositories() {
		folder := filepath.Join(organisation(t), name)
		want := storedFiles(t, name)
		names := strings.Split(git(t, folder, "ls-tree", "-r", "--name-only", "-z", "main"), "\x00")
		got := map[string]bool{}
		for _, file := range names[:len(names)-1] {
			got[file] = true
			text, ok := want[file]
			if !ok {
				t.Errorf("%s: main has %s, which is not stored", name, file)
				continue
			}
			if checkedOut, err := os.ReadFile(filepath.Join(folder, file)); err != nil || string(checkedOut) != text {
				t.Errorf("%s: %s is not checked out as it is stored (%v)", name, file, err)
			}
		}
		for file := range want {
			if !got[file] {
				t.Errorf("%s: %s is stored and not on main", name, file)
			}
		}
	}
}

func TestHistoriesAreLikeRealOnes(t *testing.T) {
	people := users(t)
	for _, name := range examples.Repositories() {
		folder := filepath.Join(organisation(t), name)
		log := strings.Split(git(t, folder, "log", "--all", "--format=%an|%ae|%ct|%s"), "\n")
		if len(log) < 15 || len(log) > 60 {
			t.Errorf("%s has %d commits, want 15 to 60", name, len(log))
		}
		authors, subjects := map[string]bool{}, map[string]bool{}
		for _, line := range log {
			fields := strings.SplitN(line, "|", 4)
			authors[fields[0]] = true
			if people[fields[0]] != fields[1] {
				t.Errorf("%s: the author %s <%s> is no user of the catalog", name, fields[0], fields[1])
			}
			if subjects[fields[3]] || len(fields[3]) > 72 {
				t.Errorf("%s: the subject %q is there twice, or too long", name, fields[3])
			}
			subjects[fields[3]] = true
		}
		if len(authors) < 2 {
			t.Errorf("%s has one author", name)
		}
		if newest := git(t, folder, "log", "--all", "-1", "--date-order", "--format=%cI"); newest[:10] > examples.LastDay.Format(time.DateOnly) {
			t.Errorf("%s goes on until %s, after the last day", name, newest)
		}
		if open := strings.Fields(git(t, folder, "branch", "--no-merged", "main", "--format=%(refname:short)")); len(open) != 1 {
			t.Errorf("%s has the open branches %v, want one", name, open)
		}
		tags := strings.Fields(git(t, folder, "tag", "--sort=version:refname"))
		byTime := strings.Fields(git(t, folder, "tag", "--sort=creatordate"))
		if strings.Join(tags, " ") != strings.Join(byTime, " ") {
			t.Errorf("%s: releases in order of time are %v", name, byTime)
		}
	}
	if merges := git(t, filepath.Join(organisation(t), "playback-api"), "log", "--merges", "--format=%s"); merges == "" {
		t.Error("playback-api has no merge")
	}
	if mode := git(t, filepath.Join(organisation(t), "android-app"), "ls-tree", "main", "scripts/benchmark.sh"); !strings.HasPrefix(mode, "100755 ") {
		t.Errorf("a script is not executable: %s", mode)
	}
}

func TestBuildAgain(t *testing.T) {
	folder := filepath.Join(t.TempDir(), "organisation")
	if err := os.Mkdir(folder, 0o755); err != nil {
		t.Fatal(err) // an empty folder may be filled
	}
	build := func() {
		t.Helper()
		if err := examples.Build(t.Context(), folder); err != nil {
			t.Fatal(err)
		}
	}
	build()
	mine := filepath.Join(folder, "company", "notes.txt")
	if err := os.WriteFile(mine, []byte("mine"), 0o600); err != nil {
		t.Fatal(err)
	}
	build()
	if _, err := os.Stat(mine); err != nil {
		t.Errorf("building the same version again changed the folder: %v", err)
	}
	stamp := filepath.Join(folder, ".callboard-example")
	if err := os.WriteFile(stamp, []byte("an older version\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	build()
	if _, err := os.Stat(mine); err == nil {
		t.Error("an older version was not replaced")
	}
	if text, _ := os.ReadFile(stamp); strings.TrimSpace(string(text)) != examples.Version() {
		t.Errorf("the stamp says %q", text)
	}
	if left := entries(t, filepath.Dir(folder)); len(left) != 1 {
		t.Errorf("beside the folder there is %v", left)
	}
}

func TestBuildRefusesWhatIsNotItsOwn(t *testing.T) {
	parent := t.TempDir()
	folder := filepath.Join(parent, "work")
	if err := os.MkdirAll(filepath.Join(folder, "company"), 0o755); err != nil {
		t.Fatal(err)
	}
	err := examples.Build(t.Context(), folder)
	if err == nil || !strings.Contains(err.Error(), folder) {
		t.Errorf("got %v, want an error that names the folder", err)
	}
	if left := append(entries(t, parent), entries(t, folder)...); strings.Join(left, " ") != "work company" {
		t.Errorf("left behind: %v", left)
	}
	file := filepath.Join(parent, "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := examples.Build(t.Context(), file); err == nil {
		t.Error("a file was built over")
	}
}

func TestBuildWithoutGitSaysSo(t *testing.T) {
	t.Setenv("PATH", t.TempDir())
	folder := filepath.Join(t.TempDir(), "organisation")
	if err := examples.Build(t.Context(), folder); err == nil || !strings.Contains(err.Error(), "not installed") {
		t.Errorf("got %v", err)
	}
	if left := entries(t, filepath.Dir(folder)); len(left) != 0 {
		t.Errorf("left behind: %v", left)
	}
}

func TestBuildStopsWithItsContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	folder := filepath.Join(t.TempDir(), "organisation")
	if err := examples.Build(ctx, folder); err == nil {
		t.Error("a build whose context is over succeeds")
	}
	if left := entries(t, filepath.Dir(folder)); len(left) != 0 {
		t.Errorf("left behind: %v", left)
	}
}

func TestManyBuildOneFolder(t *testing.T) {
	folder := filepath.Join(t.TempDir(), "organisation")
	var group sync.WaitGroup
	for range 3 {
		group.Go(func() {
			if err := examples.Build(t.Context(), folder); err != nil {
				t.Error(err)
			}
		})
	}
	group.Wait()
	if refs(t, folder) != refs(t, organisation(t)) {
		t.Error("builds at the same time gave another organisation")
	}
	if left := entries(t, filepath.Dir(folder)); len(left) != 1 {
		t.Errorf("beside the folder there is %v", left)
	}
}

func entries(t *testing.T, folder string) []string {
	t.Helper()
	list, err := os.ReadDir(folder)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, entry := range list {
		names = append(names, entry.Name())
	}
	sort.Strings(names)
	return names
}
