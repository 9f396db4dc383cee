package discover_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"callboard.dev/callboard/subgraphs/catalog/catalogtest"
	"callboard.dev/callboard/subgraphs/catalog/descriptor"
	"callboard.dev/callboard/subgraphs/catalog/discover"
)

func TestFollowsEdits(t *testing.T) {
	d := newDisk(t)
	d.write("a/catalog-info.yaml", system("a"))
	w := open(t, d, discover.Config{Folders: []string{d.folder}})
	w.want("a", "")

	d.write("a/catalog-info.yaml", system("a2"))
	w.await("a2", "")

	d.write("new/deep/er/catalog-info.yml", system("deep"))
	w.await("a2 deep", "")

	d.must(os.Rename(d.path("new"), d.path("moved")))
	w.await("a2 deep", "")
	for _, e := range w.now.Entities {
		for e.Name == "deep" && !strings.Contains(e.Source.File, "/moved/") {
			w.now = <-w.snapshots
			e = w.now.Entities[1]
		}
	}
	d.write("moved/deep/er/catalog-info.yml", system("deeper"))
	w.await("a2 deeper", "")

	// An editor that writes beside, keeps a copy, and renames.
	d.write("a/.catalog-info.yaml.swp", system("a3"))
	d.must(os.Rename(d.path("a/catalog-info.yaml"), d.path("a/catalog-info.yaml~")))
	d.must(os.Rename(d.path("a/.catalog-info.yaml.swp"), d.path("a/catalog-info.yaml")))
	w.await("a3 deeper", "")

	d.must(os.RemoveAll(d.path("moved")))
	w.await("a3", "")

	// A folder that is replaced by another of the same name.
	d.must(os.RemoveAll(d.path("a")))
	d.write("a/catalog-info.yaml", system("b"))
	w.await("b", "")
	d.write("a/catalog-info.yaml", system("b2"))
	w.await("b2", "")
}

func TestFollowsIgnoreRules(t *testing.T) {
	d := newDisk(t)
	d.write("repo/x/catalog-info.yaml", system("x"))
	d.write("repo/y/catalog-info.yaml", system("y"))
	w := open(t, d, discover.Config{Folders: []string{d.folder}})
	w.want("x y", "")
	d.write("repo/.gitignore", "x\n")
	w.await("y", "")
	d.write("repo/x/catalog-info.yaml", system("x2"))
	d.write("repo/.gitignore", "y\n")
	w.await("x2", "")
	d.must(os.Remove(d.path("repo/.gitignore")))
	w.await("x2 y", "")
	// A checkout starts its own rules.
	d.write(".gitignore", "y\n")
	w.await("x2", "")
	d.write("repo/.git/HEAD", "")
	w.await("x2 y", "")
}

func TestFollowsWhatDocumentsDependOn(t *testing.T) {
	d := newDisk(t)
	d.write("repo/.git/HEAD", "")
	d.write("repo/text/x", "one")
	d.write("repo/a/catalog-info.yaml", strings.Replace(system("a"), "owner: x", "owner: x, y: {$text: ../text/x}", 1))
	d.write("elsewhere/real.yaml", system("linked"))
	d.must(os.Symlink("../elsewhere", d.path("repo/..data")))
	d.must(os.Symlink("..data/real.yaml", d.path("repo/catalog-info.yaml")))
	d.write("registered/r.yaml", system("r"))
	w := open(t, d, discover.Config{Folders: []string{d.path("repo/a"), d.path("repo"), d.path("elsewhere")}, Locations: []string{d.path("registered/*.yaml"), d.path("later/x.yaml")}, Poll: 20 * time.Millisecond})
	w.want("a linked r", "location-missing@later/x.yaml:0")
	y := func() any { return w.now.Entities[0].Spec["y"] }
	if y() != "one" {
		t.Errorf("the placeholder brings %v", y())
	}
	d.write("repo/text/x", "two")
	for y() != "two" {
		w.now = <-w.snapshots
	}
	d.must(os.Remove(d.path("repo/text/x")))
	w.await("a linked r", "location-missing@later/x.yaml:0 placeholder-missing@repo/a/catalog-info.yaml:4")
	d.write("repo/text/x", "three")
	for len(w.now.Issues) != 1 || y() != "three" {
		w.now = <-w.snapshots
	}

	d.write("elsewhere/real.yaml", system("linked2"))
	w.await("a linked2 r", "location-missing@later/x.yaml:0")
	d.write("elsewhere/v2/real.yaml", system("linked3"))
	d.must(os.Symlink("../elsewhere/v2", d.path("repo/..new")))
	d.must(os.Rename(d.path("repo/..new"), d.path("repo/..data")))
	w.await("a linked3 r", "location-missing@later/x.yaml:0")

	d.write("registered/s.yaml", system("s"))
	w.await("a linked3 r s", "location-missing@later/x.yaml:0")
	d.write("later/x.yaml", system("later"))
	w.await("a later linked3 r s", "")
}

func TestLastGoodVersionIsServed(t *testing.T) {
	d := newDisk(t)
	three := func(middle string) string { return system("one") + "---\n" + middle + "---\n" + system("three") }
	d.write("catalog-info.yaml", three(system("two")))
	w := open(t, d, discover.Config{Folders: []string{d.folder}})
	w.want("one three two", "")
	two := w.now.Entities[2]

	for _, c := range []struct{ text, entities, issues string }{
		{three("kind: [\n"), "one three two", "yaml-syntax@catalog-info.yaml:6"},
		{three(strings.Replace(system("two"), "owner: x", "ower: x", 1)), "one three two", "field-missing@catalog-info.yaml:9"},
		{strings.Replace(system("two"), "owner: x", "ower: x", 1), "two", "field-missing@catalog-info.yaml:4"},
		{strings.Repeat("#", descriptor.MaxFileSize+1), "two", "file-size@catalog-info.yaml:0"},
		{"kind: [", "two", "yaml-syntax@catalog-info.yaml:1"},
	} {
		d.write("catalog-info.yaml", c.text)
		w.await(c.entities, c.issues)
		if last := w.now.Entities[len(w.now.Entities)-1]; last != two {
			t.Errorf("the last good version is %p, want %p", last, two)
		}
		for _, issue := range w.now.Issues {
			if !strings.Contains(issue.Message, "until then the last good version is served") || issue.Document >= 0 && issue.Ref != two.Ref {
				t.Errorf("the issue does not say that %s is still served: %+v", two.Ref, issue)
			}
		}
	}
	d.write("catalog-info.yaml", system("four"))
	w.await("four", "")
	d.write("catalog-info.yaml", "")
	w.await("", "")
	d.write("catalog-info.yaml", "kind: [")
	w.await("", "yaml-syntax@catalog-info.yaml:1")
}

func TestUnchangedFilesKeepTheirEntities(t *testing.T) {
	d := newDisk(t)
	d.write("a/catalog-info.yaml", system("a"))
	d.write("b/catalog-info.yaml", system("b"))
	w := open(t, d, discover.Config{Folders: []string{d.folder}})
	a := w.now.Entities[0]
	d.write("a/catalog-info.yaml", system("a")) // the same bytes: not worth a snapshot
	d.write("b/catalog-info.yaml", system("b2"))
	w.await("a b2", "")
	if w.now.Entities[0] != a {
		t.Error("an entity was made anew of a file that did not change")
	}
}

// TestPollsBeyondTheLimit has fewer watches than folders.
func TestPollsBeyondTheLimit(t *testing.T) {
	d := newDisk(t)
	d.write("a/catalog-info.yaml", system("a"))
	d.write("b/catalog-info.yaml", system("b"))
	w := open(t, d, discover.Config{Folders: []string{d.folder}, MaxWatches: 1, Poll: 10 * time.Millisecond})
	w.want("a b", "watch-limit@.:0")
	d.write("b/catalog-info.yaml", system("b2"))
	w.await("a b2", "watch-limit@.:0")
	d.write("b/c/catalog-info.yaml", system("c"))
	w.await("a b2 c", "watch-limit@.:0")
	d.write("b/.gitignore", "c\n")
	w.await("a b2", "watch-limit@.:0")
	d.must(os.RemoveAll(d.path("b")))
	w.await("a", "watch-limit@.:0")
	d.must(os.RemoveAll(d.path("a")))
	w.await("", "")
}

func TestMissingFolderIsLookedForAgain(t *testing.T) {
	d := newDisk(t)
	w := open(t, d, discover.Config{Folders: []string{d.path("later")}, Poll: 10 * time.Millisecond})
	w.want("", "folder-unreadable@later:0")
	d.write("later/catalog-info.yaml", system("a"))
	w.await("a", "")
	d.write("later/catalog-info.yaml", system("b"))
	w.await("b", "")
	d.must(os.RemoveAll(d.path("later")))
	w.await("", "folder-unreadable@later:0")
	d.write("later/catalog-info.yaml", system("c"))
	w.await("c", "")
}

// TestBurstEndsInTheRightState switches between two sets of files, as a branch switch does, and then compares with what a
// fresh search finds.
func TestBurstEndsInTheRightState(t *testing.T) {
	d := newDisk(t)
	w := open(t, d, discover.Config{Folders: []string{d.folder}})
	for round := range 3 {
		for i := range 40 {
			name := fmt.Sprintf("s%d/n%d/catalog-info.yaml", i%7, i)
			if (i+round)%3 == 0 {
				d.must(os.RemoveAll(filepath.Dir(d.path(name))))
			} else {
				d.write(name, system(fmt.Sprintf("e%d-%d", i, round)))
			}
		}
		d.must(os.RemoveAll(d.path(fmt.Sprintf("s%d", round))))
	}
	fresh := open(t, d, discover.Config{Folders: []string{d.folder}})
	if names(fresh.now) == "" {
		t.Fatal("nothing is left to compare")
	}
	w.await(names(fresh.now), "")
}

// BenchmarkOpen searches 10,000 folders with a descriptor each.
func BenchmarkOpen(b *testing.B) {
	d := newDisk(b)
	if _, err := catalogtest.Write(d.folder, 10_000); err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		o, err := discover.Open(b.Context(), discover.Config{Folders: []string{d.folder}}, func(s descriptor.Snapshot) {
			if len(s.Entities) != 10_000 || len(s.Issues) != 0 {
				b.Fatalf("%d entities, issues %v", len(s.Entities), s.Issues)
			}
		})
		d.must(err)
		d.must(o.Close())
	}
}

// BenchmarkChange is the time from a write to the snapshot that has it, among 10,000 descriptors.
func BenchmarkChange(b *testing.B) {
	d := newDisk(b)
	paths, err := catalogtest.Write(d.folder, 10_000)
	d.must(err)
	text, err := os.ReadFile(paths[5000])
	d.must(err)
	w := open(b, d, discover.Config{Folders: []string{d.folder}})
	i := 0
	for b.Loop() {
		i++
		d.must(os.WriteFile(paths[5000], fmt.Appendf(text[:len(text):len(text)], "  round: %d\n", i), 0o644))
		<-w.snapshots
	}
}
