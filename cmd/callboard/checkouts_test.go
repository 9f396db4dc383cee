package main_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"callboard.dev/callboard/subgraphs/catalog/catalogtest"
)

// shapes are the checkouts a folder of real work holds, each made by a function that is given an empty folder.
var shapes = []struct {
	name string
	make func(t *testing.T, folder string)
}{
	{"plain", func(t *testing.T, f string) { component(t, f, "plain"); commit(t, f) }},
	{"empty-repository", func(t *testing.T, f string) { git(t, f, "init", "-q") }},
	{"never-committed", func(t *testing.T, f string) { git(t, f, "init", "-q"); component(t, f, "never-committed") }},
	{"bare", func(t *testing.T, f string) { git(t, f, "init", "-q", "--bare") }},
	{"detached", func(t *testing.T, f string) {
		component(t, f, "detached")
		commit(t, f)
		git(t, f, "checkout", "-q", "--detach")
	}},
	{"shallow", func(t *testing.T, f string) {
		origin := t.TempDir()
		component(t, origin, "shallow")
		commit(t, origin)
		file(t, origin, "more", "more")
		commit(t, origin)
		git(t, f, "clone", "-q", "--depth=1", "file://"+origin, ".")
	}},
	{"submodule", func(t *testing.T, f string) {
		inner := t.TempDir()
		component(t, inner, "inside-submodule")
		commit(t, inner)
		component(t, f, "with-submodule")
		commit(t, f)
		git(t, f, "-c", "protocol.file.allow=always", "submodule", "--quiet", "add", inner, "inner")
		commit(t, f)
	}},
	{"worktree", func(t *testing.T, f string) {
		main := t.TempDir()
		component(t, main, "worktree")
		commit(t, main)
		os.Remove(f)
		git(t, main, "worktree", "add", "-q", "-b", "other", f)
	}},
	{"no-catalog-file", func(t *testing.T, f string) { file(t, f, "main.c", "int main;"); commit(t, f) }},
	{"no-git", func(t *testing.T, f string) { component(t, f, "no-git") }},
	{"huge-file", func(t *testing.T, f string) {
		component(t, f, "huge-file")
		big, err := os.Create(filepath.Join(f, "data.bin"))
		if err != nil {
			t.Fatal(err)
		}
		if err := big.Truncate(64 << 20); err != nil {
			t.Fatal(err)
		}
		big.Close()
		file(t, f, ".gitignore", "data.bin\n")
		commit(t, f)
	}},
	{"huge-descriptor", func(t *testing.T, f string) {
		file(t, f, "catalog-info.yaml", "# "+strings.Repeat("x", 50<<20)+"\n")
	}},
	{"not-utf8", func(t *testing.T, f string) {
		component(t, f, "not-utf8")
		file(t, f, "caf\xe9.txt", "coffee")
		commit(t, f)
	}},
	{"symlink-loop", func(t *testing.T, f string) {
		component(t, f, "symlink-loop")
		if err := os.Symlink("..", filepath.Join(f, "up")); err != nil {
			t.Fatal(err)
		}
		if err := os.Symlink("self", filepath.Join(f, "self")); err != nil {
			t.Fatal(err)
		}
	}},
	{"broken-yaml", func(t *testing.T, f string) { file(t, f, "catalog-info.yaml", "kind: [\n"); commit(t, f) }},
	{"billion-laughs", func(t *testing.T, f string) {
		var b strings.Builder
		b.WriteString("a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n")
		for i := 1; i < 12; i++ {
			fmt.Fprintf(&b, "a%d: &a%d [%s]\n", i, i, strings.TrimSuffix(strings.Repeat(fmt.Sprintf("*a%d, ", i-1), 10), ", "))
		}
		file(t, f, "catalog-info.yaml", b.String())
	}},
	{"escape", func(t *testing.T, f string) {
		file(t, f, "catalog-info.yaml", strings.Replace(descriptor("escape"), "  type: service", "  type: service\n  definition:\n    $text: ../../../../../etc/passwd", 1))
		commit(t, f)
	}},
	{"no-name", func(t *testing.T, f string) {
		file(t, f, "catalog-info.yaml", descriptor("named-sibling")+"---\n"+strings.Replace(descriptor("x"), "  name: x\n", "  title: x\n", 1))
	}},
	{"conflict", func(t *testing.T, f string) { component(t, f, "plain") }},
	{"merge-in-progress", func(t *testing.T, f string) {
		component(t, f, "merge-in-progress")
		commit(t, f)
		file(t, f, ".git/MERGE_HEAD", strings.Repeat("0", 40)+"\n")
	}},
	{"broken-head", func(t *testing.T, f string) {
		component(t, f, "broken-head")
		commit(t, f)
		file(t, f, ".git/HEAD", "nonsense")
	}},
	{"ignored", func(t *testing.T, f string) {
		component(t, f, "not-ignored")
		component(t, filepath.Join(f, "out"), "ignored")
		file(t, f, ".gitignore", "out/\n")
		commit(t, f)
	}},
}

// TestCheckoutsOfEveryShape starts Callboard on a folder of checkouts as they are found on real machines. It must start, answer for every good one,
// and say of every bad one what is wrong.
func TestCheckoutsOfEveryShape(t *testing.T) {
	folder := t.TempDir()
	for _, shape := range shapes {
		f := filepath.Join(folder, shape.name)
		if err := os.Mkdir(f, 0o755); err != nil {
			t.Fatal(err)
		}
		shape.make(t, f)
	}
	s := start(t, "up", folder)
	answer := s.query(`{ entities(first: 100) { totalCount nodes { name repository { defaultBranch headCommit { oid } } } }
		ingestionIssues(first: 100) { totalCount nodes { file rule severity message } } }`, nil)
	data, _ := answer["data"].(map[string]any)
	if data == nil {
		t.Fatalf("no data: %v", answer)
	}
	names := map[string]bool{}
	for _, node := range list(data, "entities", "nodes") {
		names[node["name"].(string)] = true
	}
	for _, want := range []string{"plain", "never-committed", "detached", "shallow", "inside-submodule", "with-submodule", "worktree", "no-git", "huge-file", "not-utf8",
		"symlink-loop", "named-sibling", "merge-in-progress", "broken-head", "not-ignored"} {
		if !names[want] {
			t.Errorf("component %s is missing", want)
		}
	}
	if names["ignored"] {
		t.Error("a file that .gitignore names was read")
	}
	for _, want := range []string{"huge-descriptor", "broken-yaml", "billion-laughs", "escape", "no-name", "conflict"} {
		found := false
		for _, issue := range list(data, "ingestionIssues", "nodes") {
			if f, ok := issue["file"].(string); ok && strings.Contains(f, string(filepath.Separator)+want+string(filepath.Separator)) {
				found = true
			} else if want == "conflict" && strings.Contains(text(issue), "conflict") {
				found = true
			}
		}
		if !found {
			t.Errorf("nothing says what is wrong with %s", want)
		}
	}
	for _, secret := range []string{"root:", "/bin/"} {
		if strings.Contains(text(answer), secret) {
			t.Errorf("the content of a file outside the checkout is in the answer")
		}
	}
	// A change on disk is in the next answer that is asked for after it was noticed; nothing is restarted.
	component(t, filepath.Join(folder, "added"), "added-later")
	deadline := time.Now().Add(10 * time.Second)
	for {
		answer := s.query(`{ entity(ref: "component:default/added-later") { name } }`, nil)
		if data, ok := answer["data"].(map[string]any); ok && data["entity"] != nil {
			break
		}
		if time.Now().After(deadline) {
			t.Fatal("a component added while running never appeared")
		}
	}
}

func list(data map[string]any, path ...string) []map[string]any {
	var v any = data
	for _, step := range path {
		object, ok := v.(map[string]any)
		if !ok {
			return nil
		}
		v = object[step]
	}
	items, _ := v.([]any)
	var out []map[string]any
	for _, item := range items {
		if object, ok := item.(map[string]any); ok {
			out = append(out, object)
		}
	}
	return out
}

func descriptor(name string) string {
	return "apiVersion: backstage.io/v1alpha1\nkind: Component\nmetadata:\n  name: " + name + "\nspec:\n  type: service\n  lifecycle: production\n  owner: team-a\n"
}

func component(t *testing.T, folder, name string) {
	t.Helper()
	file(t, folder, "catalog-info.yaml", descriptor(name))
}

func file(t *testing.T, folder, name, text string) {
	t.Helper()
	name = filepath.Join(folder, name)
	if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(name, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

func commit(t testing.TB, folder string) {
	t.Helper()
	if _, err := os.Stat(filepath.Join(folder, ".git")); err != nil {
		git(t, folder, "init", "-q", "-b", "main")
	}
	git(t, folder, "add", "-A")
	git(t, folder, "commit", "-q", "-m", "a commit")
}

func git(t testing.TB, folder string, args ...string) {
	t.Helper()
	c := exec.Command("git", args...)
	c.Dir = folder
	c.Env = append(os.Environ(), "GIT_CONFIG_GLOBAL=/dev/null", "GIT_CONFIG_NOSYSTEM=1", "GIT_AUTHOR_NAME=A", "GIT_AUTHOR_EMAIL=a@example.com", "GIT_COMMITTER_NAME=A", "GIT_COMMITTER_EMAIL=a@example.com")
	if out, err := c.CombinedOutput(); err != nil {
		t.Fatalf("git %s: %v\n%s", strings.Join(args, " "), err, out)
	}
}

// BenchmarkCatalogOf10000 starts the whole product on 10,000 descriptors in as many files: time until they are answered for, and the memory of
// the process then and at its peak.
func BenchmarkCatalogOf10000(b *testing.B) {
	const size = 10_000
	folder := b.TempDir()
	if _, err := catalogtest.Write(folder, size); err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		began := time.Now()
		s := start(b, "up", folder)
		answer := s.query(`{ entities(first: 1) { totalCount } }`, nil)
		b.ReportMetric(time.Since(began).Seconds(), "s/start")
		if data, ok := answer["data"].(map[string]any); !ok || data["entities"].(map[string]any)["totalCount"].(float64) < size {
			b.Fatalf("not everything is visible: %v", answer)
		}
		b.ReportMetric(memory(b, s.process.Process.Pid, "VmRSS"), "MB")
		b.ReportMetric(memory(b, s.process.Process.Pid, "VmHWM"), "MB-peak")
		_ = s.stop()
	}
}

// memory reads a figure of /proc/PID/status, in MB.
func memory(b *testing.B, pid int, name string) float64 {
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return 0
	}
	for _, line := range strings.Split(string(status), "\n") {
		var kB float64
		if _, err := fmt.Sscanf(line, name+":%f kB", &kB); err == nil {
			return kB / 1024
		}
	}
	return 0
}
