package discover_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"callboard.dev/callboard/subgraphs/catalog/descriptor"
	"callboard.dev/callboard/subgraphs/catalog/discover"
)

// disk is a folder of files for one test.
type disk struct {
	t      testing.TB
	folder string
}

func newDisk(t testing.TB) disk { return disk{t, t.TempDir()} }

func (d disk) path(name string) string { return filepath.Join(d.folder, filepath.FromSlash(name)) }

func (d disk) write(name, text string) {
	d.t.Helper()
	if err := os.MkdirAll(filepath.Dir(d.path(name)), 0o755); err != nil {
		d.t.Fatal(err)
	}
	if err := os.WriteFile(d.path(name), []byte(text), 0o644); err != nil {
		d.t.Fatal(err)
	}
}

func (d disk) must(err error) {
	d.t.Helper()
	if err != nil {
		d.t.Fatal(err)
	}
}

// system returns a small valid document.
func system(name string) string {
	return "apiVersion: backstage.io/v1alpha1\nkind: System\nmetadata: {name: " + name + "}\nspec: {owner: x}\n"
}

func location(name, spec string) string {
	return "apiVersion: backstage.io/v1alpha1\nkind: Location\nmetadata: {name: " + name + "}\nspec: {" + spec + "}\n"
}

// watching is an open discovery whose snapshots can be waited for.
type watching struct {
	*discover.Discovery
	disk
	snapshots chan descriptor.Snapshot
	now       descriptor.Snapshot
}

func open(t testing.TB, d disk, c discover.Config) *watching {
	t.Helper()
	w := &watching{disk: d, snapshots: make(chan descriptor.Snapshot, 1000)}
	var err error
	if w.Discovery, err = discover.Open(t.Context(), c, func(s descriptor.Snapshot) { w.snapshots <- s }); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { d.must(w.Close()) })
	w.now = <-w.snapshots
	return w
}

// names lists the entities of a snapshot.
func names(s descriptor.Snapshot) string {
	var out []string
	for _, e := range s.Entities {
		out = append(out, e.Name)
	}
	return strings.Join(out, " ")
}

// issues lists the issues of a snapshot as rule@file:line, with paths from the test's folder.
func (w *watching) issues() string {
	var out []string
	for _, i := range w.now.Issues {
		name, err := filepath.Rel(w.folder, i.File)
		if err != nil {
			name = i.File
		}
		out = append(out, fmt.Sprintf("%s@%s:%d", i.Rule, filepath.ToSlash(name), i.Line))
	}
	return strings.Join(out, " ")
}

// await reads snapshots until one has these entities and issues. The deadline is for tests that fail.
func (w *watching) await(entities, issues string) {
	w.t.Helper()
	deadline := time.After(20 * time.Second)
	for names(w.now) != entities || w.issues() != issues {
		select {
		case w.now = <-w.snapshots:
		case <-deadline:
			w.t.Fatalf("entities are %q with issues %q, want %q with %q\n%v", names(w.now), w.issues(), entities, issues, w.now.Issues)
		}
	}
}

func (w *watching) want(entities, issues string) {
	w.t.Helper()
	if names(w.now) != entities || w.issues() != issues {
		w.t.Errorf("entities are %q with issues %q, want %q with %q\n%v", names(w.now), w.issues(), entities, issues, w.now.Issues)
	}
}

func TestFindsDescriptors(t *testing.T) {
	d := newDisk(t)
	for name, text := range map[string]string{
		"catalog-info.yaml":                    system("top"),
		"plain/catalog-info.yml":               system("plain"),
		"plain/other.yaml":                     system("other"),
		"repo/.git/HEAD":                       "ref: refs/heads/main\n",
		"repo/.git/catalog-info.yaml":          system("git"),
		"repo/.git/info/exclude":               "/excluded\n",
		"repo/catalog-info.yaml":               system("repo"),
		"repo/excluded/catalog-info.yaml":      system("excluded"),
		"repo/.gitignore":                      "build/\n*.tmp\n!keep.tmp\n/docs/**/gen\n",
		"repo/build/catalog-info.yaml":         system("build"),
		"repo/sub/build/catalog-info.yaml":     system("subbuild"),
		"repo/a.tmp/catalog-info.yaml":         system("tmp"),
		"repo/keep.tmp/catalog-info.yaml":      system("keep"),
		"repo/docs/a/b/gen/catalog-info.yaml":  system("gen"),
		"repo/docs/gen/catalog-info.yaml":      system("gen2"),
		"repo/sub/docs/gen/catalog-info.yaml":  system("gen3"),
		"repo/sub/.gitignore":                  "catalog-info.yaml\n!/in/catalog-info.yaml\n",
		"repo/sub/catalog-info.yaml":           system("sub"),
		"repo/sub/in/catalog-info.yaml":        system("in"),
		"repo/module/.git":                     "gitdir: ../.git/modules/module\n",
		"repo/module/build.x/catalog-info.yml": system("module"),
		"repo/module/a.tmp/catalog-info.yml":   system("moduletmp"),
		"repo/node_modules/x/catalog-info.yml": system("node"),
		"repo/vendor/catalog-info.yml":         system("vendor"),
		"repo/go/vendor/modules.txt":           "",
		"repo/go/vendor/x/catalog-info.yml":    system("govendor"),
		"bare.git/HEAD":                        "ref: refs/heads/main\n",
		"bare.git/refs/x":                      "",
		"bare.git/objects/catalog-info.yaml":   system("bare"),
	} {
		d.write(name, text)
	}
	d.must(os.Symlink(d.folder, d.path("plain/loop")))
	w := open(t, d, discover.Config{Folders: []string{d.folder, d.path("repo/sub"), d.path("repo")}})
	w.want("in keep module moduletmp plain repo top vendor", "")
}

func TestFolderAskedForByNameIsSearchedThoughIgnored(t *testing.T) {
	d := newDisk(t)
	d.write(".git/HEAD", "")
	d.write(".gitignore", "tmp\n*.off\n")
	d.write("tmp/catalog-info.yaml", system("a"))
	d.write("in/x.off/catalog-info.yaml", system("off"))
	d.write("in/catalog-info.yaml", system("b"))
	w := open(t, d, discover.Config{Folders: []string{d.path("tmp"), d.path("in")}})
	w.want("a b", "")
}

func TestWhatCannotBeReadIsAnIssue(t *testing.T) {
	d := newDisk(t)
	d.write("a/catalog-info.yaml", system("a"))
	d.write("large/catalog-info.yaml", strings.Repeat("#", descriptor.MaxFileSize+1))
	d.write("name\xff/catalog-info.yaml", system("b"))
	d.write("dir/catalog-info.yaml/x", "")
	d.write("skeleton/catalog-info.yaml", strings.Replace(system("x"), "x", "${{ values.name }}", 1))
	d.write("wrong/catalog-info.yaml", strings.Replace(system("x")+"# {{ no skeleton }}\n", "owner", "ower", 1))
	d.must(os.MkdirAll(d.path("pipe"), 0o755))
	d.must(mkfifo(d.path("pipe/catalog-info.yaml")))
	d.must(os.MkdirAll(d.path("broken"), 0o755))
	d.must(os.Symlink("nowhere", d.path("broken/catalog-info.yaml")))
	d.must(os.MkdirAll(d.path("out"), 0o755))
	d.must(os.Symlink("/etc/hostname", d.path("out/catalog-info.yaml")))
	d.write("self/x", "")
	d.must(os.Symlink("catalog-info.yaml", d.path("self/catalog-info.yaml")))
	w := open(t, d, discover.Config{Folders: []string{d.folder, d.path("missing")}})
	w.want("a", "file-unreadable@broken/catalog-info.yaml:0 file-size@large/catalog-info.yaml:0 folder-unreadable@missing:0 "+
		"file-name-encoding@name\uFFFD/catalog-info.yaml:0 file-outside@out/catalog-info.yaml:0 file-unreadable@pipe/catalog-info.yaml:0 "+
		"file-unreadable@self/catalog-info.yaml:0 template-skeleton@skeleton/catalog-info.yaml:3 field-missing@wrong/catalog-info.yaml:4")
}

func TestLocations(t *testing.T) {
	d := newDisk(t)
	d.write("repo/.git/HEAD", "")
	d.write("repo/catalog-info.yaml", location("all", "targets: [./one.yaml, ./deep/*/x.yaml, 'many/**/*.yaml', './{p,q}.yaml', catalog-info.yaml, ./nope.yaml, './no*.yaml', '{..,deep}/outside.yaml', ../outside.yaml, ../../etc/hostname]")+
		"---\n"+location("optional", "presence: optional, target: ./nope.yaml")+
		"---\n"+location("remote", "type: url, target: ./one.yaml")+
		"---\n"+location("urls", "target: 'https://example.com/x.yaml'")+
		"---\n"+location("odd", "type: ldap, target: x")+"---\n"+system("sibling"))
	d.write("repo/one.yaml", system("one")+"---\n"+location("cycle", "target: ./catalog-info.yaml"))
	d.write("repo/deep/a/x.yaml", system("deep-a"))
	d.write("repo/deep/b/x.yaml", system("deep-b"))
	d.write("repo/many/y.yaml", system("many-y"))
	d.write("repo/many/a/b/z.yaml", system("many-z"))
	d.write("repo/p.yaml", system("p"))
	d.write("repo/q.yaml", system("q"))
	d.write("outside.yaml", system("outside"))
	w := open(t, d, discover.Config{Folders: []string{d.path("repo")}})
	const l = "@repo/catalog-info.yaml:4"
	w.want("all cycle odd optional remote urls deep-a deep-b many-y many-z one p q sibling",
		"location-outside"+l+" location-outside"+l+" location-target-missing"+l+" location-target-missing"+l+" location-target-missing"+l+
			" location-remote@repo/catalog-info.yaml:14 location-remote@repo/catalog-info.yaml:19 location-type@repo/catalog-info.yaml:24")
	for _, e := range w.now.Entities {
		if e.Name == "one" && (e.Metadata.Annotations[descriptor.AnnotationOriginLocation] != "file:"+d.path("repo/catalog-info.yaml") || e.Metadata.Annotations[descriptor.AnnotationLocation] != "file:"+d.path("repo/one.yaml")) {
			t.Errorf("annotations are %v", e.Metadata.Annotations)
		}
	}

	w.write("repo/nope.yaml", system("nope"))
	w.await("all cycle odd optional remote urls deep-a deep-b many-y many-z nope one p q sibling",
		"location-outside"+l+" location-outside"+l+" location-target-missing"+l+" location-remote@repo/catalog-info.yaml:14 location-remote@repo/catalog-info.yaml:19 location-type@repo/catalog-info.yaml:24")

	wide := open(t, d, discover.Config{Folders: []string{d.folder}})
	if !strings.Contains(names(wide.now), "outside") {
		t.Errorf("a target in a configured folder is not read: %s", names(wide.now))
	}
}

func TestConflictsHaveOneWinner(t *testing.T) {
	d := newDisk(t)
	d.write("b/catalog-info.yaml", system("Same")+"---\n"+system("b"))
	d.write("a/catalog-info.yaml", system("same")+"---\n"+system("SAME"))
	w := open(t, d, discover.Config{Folders: []string{d.folder}})
	w.want("b same", "entity-conflict@a/catalog-info.yaml:6 entity-conflict@b/catalog-info.yaml:1")
	for _, issue := range w.now.Issues {
		if !strings.Contains(issue.Message, d.path("a/catalog-info.yaml")+":1") {
			t.Errorf("the issue does not name the winner: %s", issue.Message)
		}
	}
	d.must(os.Remove(d.path("a/catalog-info.yaml")))
	w.await("b Same", "")
}

func TestFileReachedTwiceIsTakenOnce(t *testing.T) {
	d := newDisk(t)
	d.write("a/catalog-info.yaml", system("a"))
	d.must(os.MkdirAll(d.path("b"), 0o755))
	d.must(os.Symlink("../a/catalog-info.yaml", d.path("b/catalog-info.yaml")))
	d.write("c/catalog-info.yaml", location("c", "target: ../a/catalog-info.yaml"))
	w := open(t, d, discover.Config{Folders: []string{d.folder}, Locations: []string{d.path("a/catalog-info.yaml")}})
	w.want("c a", "")
}

func TestAddAndRemove(t *testing.T) {
	d := newDisk(t)
	d.write("in/x.yaml", system("x"))
	d.write("out/y.yaml", system("y"))
	w := open(t, d, discover.Config{Folders: []string{d.path("in")}, Locations: []string{d.path("out/*.yaml"), d.path("gone.yaml")}})
	w.want("y", "location-missing@gone.yaml:0")
	ctx := t.Context()
	d.must(w.Add(ctx, d.path("in/x.yaml")))
	w.now = <-w.snapshots
	w.want("x y", "location-missing@gone.yaml:0")
	d.must(w.Add(ctx, d.path("in/x.yaml")))
	for _, target := range []string{d.path("out/z.yaml"), d.path("in/nope.yaml"), d.path("in/no*.yaml"), "https://example.com/x.yaml"} {
		if err := w.Add(ctx, target); err == nil {
			t.Errorf("%s was added", target)
		}
	}
	d.must(w.Remove(ctx, d.path("in/x.yaml")))
	w.now = <-w.snapshots
	w.want("y", "location-missing@gone.yaml:0")
	if err := w.Remove(ctx, d.path("in/x.yaml")); err == nil {
		t.Error("a location that is not registered was removed")
	}
	d.must(w.Remove(ctx, d.path("out/*.yaml")))
	d.must(w.Remove(ctx, d.path("gone.yaml")))
	w.await("", "")
	d.must(w.Close())
	if err := w.Add(ctx, d.path("in/x.yaml")); err != discover.ErrClosed {
		t.Errorf("adding to a closed discovery gives %v", err)
	}
}

func TestValidateAndCheck(t *testing.T) {
	d := newDisk(t)
	d.write("repo/.git/HEAD", "")
	d.write("repo/text", "hello")
	d.write("repo/a/catalog-info.yaml", strings.Replace(system("a"), "owner: x", "owner: x, y: {$text: ../text}", 1))
	w := open(t, d, discover.Config{Folders: []string{d.path("repo/a")}})
	text, err := os.ReadFile(d.path("repo/a/catalog-info.yaml"))
	d.must(err)
	checked, err := discover.Check(d.path("repo/a/catalog-info.yaml"))
	d.must(err)
	for _, file := range []descriptor.File{w.Validate(text, d.path("repo/a/new.yaml")), checked} {
		if len(file.Issues) != 0 || len(file.Documents) != 1 || file.Documents[0].Entity.Spec["y"] != "hello" {
			t.Errorf("documents are %+v with issues %v", file.Documents, file.Issues)
		}
	}
	if _, err := discover.Check(d.path("nope")); err == nil {
		t.Error("a missing file passes the check")
	}
}

func TestOpenStopsWithItsContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := discover.Open(ctx, discover.Config{Folders: []string{t.TempDir()}}, func(descriptor.Snapshot) { t.Error("published") }); err == nil {
		t.Error("no error")
	}
}

func TestEmptyFolderIsPublished(t *testing.T) {
	d := newDisk(t)
	open(t, d, discover.Config{Folders: []string{d.folder}}).want("", "")
	open(t, d, discover.Config{}).want("", "")
}
