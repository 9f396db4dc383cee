package discover_test

import (
	"fmt"
	"math/rand/v2"
	"os"
	"reflect"
	"strings"
	"testing"
	"time"

	"callboard.dev/callboard/subgraphs/catalog/discover"
)

// TestEditsLeadWhereAFreshSearchDoes edits files at random, mostly in ways that change nothing but what is in them, and after each
// round compares entities and issues with what a fresh search finds.
func TestEditsLeadWhereAFreshSearchDoes(t *testing.T) {
	for seed := range uint64(4) {
		r := rand.New(rand.NewPCG(seed, 17))
		d := newDisk(t)
		d.write("text/x", "text")
		d.write("other/system0.yaml", system("other"))
		w := open(t, d, discover.Config{Folders: []string{d.folder}})
		for range 40 {
			for range 1 + r.IntN(3) {
				edit(d, r)
			}
			fresh := open(t, d, discover.Config{Folders: []string{d.folder}})
			d.must(fresh.Close())
			deadline := time.After(20 * time.Second)
			for !reflect.DeepEqual(w.now, fresh.now) {
				select {
				case w.now = <-w.snapshots:
				case <-deadline:
					t.Fatalf("seed %d: entities are %q with %v, and a fresh search finds %q with %v", seed, names(w.now), w.now.Issues, names(fresh.now), fresh.now.Issues)
				}
			}
		}
	}
}

// edit does one thing to one of a few files.
func edit(d disk, r *rand.Rand) {
	at := r.IntN(8)
	file := fmt.Sprintf("f%d/catalog-info.yaml", at)
	described := func(name string) string {
		return strings.Replace(system(name), "}", fmt.Sprintf(", title: t%d}", r.IntN(1000)), 1)
	}
	switch own := fmt.Sprint("e", at); r.IntN(14) {
	default:
		d.write(file, described(own))
	case 0:
		d.write(file, described(own)+"---\n"+described(own+"-second"))
	case 1: // a conflict, or the end of one
		d.write(file, described("e0"))
	case 2:
		d.must(os.RemoveAll(d.path(file)))
	case 3:
		d.must(os.RemoveAll(d.path(fmt.Sprint("f", at))))
	case 4, 11:
		d.write(file, location("l"+own, fmt.Sprintf("target: ../other/system%d.yaml", r.IntN(2))))
	case 5:
		d.write("other/system0.yaml", described("other"))
	case 6:
		d.write(file, strings.Replace(described(own), "owner: x", "owner: x, y: {$text: ../text/x}", 1))
	case 7:
		d.write("text/x", fmt.Sprint("text ", r.IntN(1000)))
	case 8: // as many editors save
		d.write(file+"~", described(own))
		d.must(os.Rename(d.path(file+"~"), d.path(file)))
	case 9:
		d.write(".gitignore", fmt.Sprintf("f%d\n", r.IntN(12)))
	case 10: // a warning in the file
		d.write(file, strings.Replace(described(own), "owner: x", "owner: component:x", 1))
	}
}

// TestEditsThatLeadElsewhere changes nothing but what is in files, and yet other files are to be read or watched for it.
func TestEditsThatLeadElsewhere(t *testing.T) {
	d := newDisk(t)
	d.write("files/a.yaml", system("a"))
	d.write("files/b.yaml", system("b"))
	d.write("text/x", "one")
	d.write("l/catalog-info.yaml", location("l", "target: ../files/a.yaml"))
	d.write("s/catalog-info.yaml", system("s"))
	w := open(t, d, discover.Config{Folders: []string{d.folder}})
	w.want("l a s", "")
	d.write("l/catalog-info.yaml", location("l", "target: ../files/b.yaml"))
	w.await("l b s", "")
	d.write("s/catalog-info.yaml", strings.Replace(system("s"), "owner: x", "owner: x, y: {$text: ../text/x}", 1))
	y := func() any { return w.now.Entities[2].Spec["y"] }
	for y() != "one" {
		w.now = <-w.snapshots
	}
	d.write("text/x", "two")
	for y() != "two" {
		w.now = <-w.snapshots
	}
}
