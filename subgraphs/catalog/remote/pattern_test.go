package remote_test

import (
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"callboard.dev/callboard/subgraphs/catalog/remote"
)

// locations returns a file with a Location for each spec.
func locations(specs ...string) string {
	var texts []string
	for i, spec := range specs {
		texts = append(texts, strings.Replace(location(spec), "more", fmt.Sprint("more", i), 1))
	}
	return strings.Join(texts, "---\n")
}

func squad(name string) string { return strings.Replace(group(name, "X"), ", title: X", "", 1) }

func TestPatterns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHost(map[string]string{file: location("targets: [./teams/*.yaml, '*.yaml', ./deep/catalog.yaml, '{p,q}.yml', '[a-b]?.yml', /with%20blank/*, "+root+"full/**/x.yaml, 'app/[id].yml', './no*.yaml']") +
			"---\n" + strings.Replace(location("target: './nothing*.yaml', presence: optional"), "more", "optional", 1)})
		for name, title := range map[string]string{
			"teams/x.yaml": "x", "teams/y.yaml": "y", "teams/deep/no.yaml": "not-this", "p.yml": "p", "q.yml": "q", "a1.yml": "a1", "c1.yml": "not-that", "with%20blank/%C3%A4.yaml": "blank",
			"full/x.yaml": "full", "full/a/b/x.yaml": "fuller", "app/%5Bid%5D.yml": "as-written", "app/i.yml": "not-i", "up/z.yaml": "up", "other.yaml": "beside", "node_modules/full/x.yaml": "not-theirs",
		} {
			h.other[root+name] = squad(title)
		}
		h.other[root+"deep/catalog.yaml"] = strings.Replace(location("targets: ['../up/?.yaml', './**/*.yaml']"), "more", "deep", 1)
		r := follow(t, memory(t), remote.Config{}, h)
		synctest.Wait()
		served := []string{"a1", "as-written", "beside", "blank", "full", "fuller", "p", "q", "up", "x", "y", "deep", "more", "optional"}
		r.want(t, served...)
		r.wantIssues(t, "stands for no file", "WARNING location-target-missing "+file+":4")
		if got := r.entity(t, "x"); got.Source.Location != "url:"+file {
			t.Errorf("what led to x is %+v", got.Source)
		}

		// What a webhook tells of is looked for again: a file that came, one that went, and one that changed.
		h.set(func() {
			h.other[root+"teams/new.yaml"], h.other[root+"no.yaml"] = squad("new"), squad("no")
			delete(h.other, root+"teams/x.yaml")
			h.other[root+"teams/y.yaml"] = squad("y2")
		})
		refresh(t, r, root, file)
		now := []string{"a1", "as-written", "beside", "blank", "full", "fuller", "new", "no", "p", "q", "up", "y2", "deep", "more", "optional"}
		r.want(t, now...)
		r.wantIssues(t, "")

		// So is all of it by every search, which costs nothing where nothing changed.
		listed := 0
		h.set(func() { listed = len(h.lists) })
		later(every)
		h.set(func() {
			if len(h.lists) != listed {
				t.Errorf("listed were %q", h.lists)
			}
			h.other[root+"teams/x.yaml"] = squad("x")
			delete(h.other, root+"teams/new.yaml")
		})
		r.want(t, now...)
		later(every)
		h.set(func() { h.catalog[file] = location("target: ./teams/x.yaml") })
		r.want(t, "a1", "as-written", "beside", "blank", "full", "fuller", "no", "p", "q", "up", "x", "y2", "deep", "more", "optional")
		later(every)
		r.want(t, "x", "more")

		// A pattern that comes later is looked for although nothing else has changed.
		h.set(func() { h.catalog[file] = location("target: './[p-q].yml'") })
		refresh(t, r, file)
		r.want(t, "p", "q", "more")
	})
}

// What was served is served on while its host does not list it, also across a restart, and it is told.
func TestPatternsThatCannotBeListed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, h := memory(t), newHost(map[string]string{file: location("target: ./teams/*.yaml")})
		h.other[root+"teams/x.yaml"] = squad("x")
		r := follow(t, s, remote.Config{}, h)
		synctest.Wait()
		r.want(t, "x", "more")
		r.wantIssues(t, "")

		h.set(func() { h.unlisted = errors.New("too\nmany requests"); h.other[root+"teams/y.yaml"] = squad("y") })
		refresh(t, r, root)
		r.want(t, "x", "more")
		r.wantIssues(t, "could not be listed since 2000-01-01T00:00:00Z: too many requests;", "WARNING location-glob "+file+":4")
		later(time.Second)
		refresh(t, r, root+"teams/y.yaml") // which lies where a pattern is, so that it stays
		r.want(t, "x", "y", "more")
		later(every)
		r.want(t, "x", "y", "more")
		r.Close()

		h.set(func() { h.down = errDown })
		again := follow(t, s, remote.Config{}, h)
		again.want(t, "x", "y", "more")
		later(every)
		again.want(t, "x", "y", "more")
		again.wantIssues(t, "no answer", "WARNING origin-unavailable host.example:0")
		h.set(func() { h.down = nil }) // but there are no lists yet
		later(3 * time.Minute)
		again.want(t, "x", "y", "more")
		again.wantIssues(t, "too many requests", "WARNING location-glob "+file+":4")
		h.set(func() { delete(h.other, root+"teams/x.yaml") }) // of one file it can say so all the same
		refresh(t, again, root)
		again.want(t, "y", "more")

		h.set(func() {
			h.unlisted, h.partial = nil, true
			h.other[root+"teams/w.yaml"], h.other[root+"teams/z.yaml"] = squad("w"), squad("z")
		})
		later(every)
		again.want(t, "w", "y", "more")
		again.wantIssues(t, "more files than can be listed", "WARNING location-glob "+file+":4")
		h.set(func() { delete(h.other, root+"teams/w.yaml"); h.other[root+"teams/v.yaml"] = squad("v") })
		later(every)
		again.want(t, "v", "y", "more")
		h.set(func() { h.partial = false; h.other[root+"teams/u.yaml"] = squad("u") })
		later(every)
		again.want(t, "u", "v", "y", "z", "more")
		again.wantIssues(t, "")
	})
}

// A host that takes a file for gone and then not is asked for its list anew, although that is as it was.
func TestFileThatIsBackAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHost(map[string]string{file: location("target: ./teams/*.yaml")})
		h.other[root+"teams/x.yaml"] = squad("x")
		r := follow(t, memory(t), remote.Config{}, h)
		later(time.Second)
		r.want(t, "x", "more")
		h.set(func() { h.failing[root+"teams/x.yaml"] = fs.ErrNotExist })
		refresh(t, r, root+"teams/x.yaml")
		r.want(t, "more")
		h.set(func() { h.failing = nil })
		later(every)
		r.want(t, "x", "more")
		r.wantIssues(t, "")
	})
}

// What one replica has found is served by all, and nothing comes and goes between them.
func TestPatternsOfReplicas(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, h := memory(t), newHost(map[string]string{file: location("target: ./teams/*.yaml")})
		h.other[root+"teams/x.yaml"] = squad("x")
		a := follow(t, s, remote.Config{}, h)
		synctest.Wait()
		b := follow(t, s, remote.Config{}, h)
		exchange := func() {
			for range 10 {
				later(time.Second)
				a.Changed(t.Context())
				b.Changed(t.Context())
			}
			synctest.Wait()
		}
		both := func(when string, want ...string) {
			t.Helper()
			exchange()
			a.want(t, want...)
			b.want(t, want...)
			reads, lists, given := 0, 0, 0
			count := func() { h.set(func() { reads, lists = len(h.reads), len(h.lists) }); given = a.gives() + b.gives() }
			count()
			was := []int{reads, lists, given}
			exchange()
			if count(); !slices.Equal(was, []int{reads, lists, given}) {
				t.Errorf("%s: it does not come to rest: reads, lists and changes were %v and are %v", when, was, []int{reads, lists, given})
			}
			a.want(t, want...)
			b.want(t, want...)
		}
		both("at first", "x", "more")
		h.set(func() { h.other[root+"teams/y.yaml"] = squad("y") })
		refresh(t, a, root)
		both("one more", "x", "y", "more")
		h.set(func() { delete(h.other, root+"teams/x.yaml") })
		refresh(t, a, root)
		both("one less", "y", "more")
		h.set(func() { h.other[root+"teams/x.yaml"] = squad("x") })
		refresh(t, b, root)
		both("back again", "x", "y", "more")

		// One that cannot list follows the other.
		b.Close()
		h.set(func() { h.unlisted = errDown })
		b = follow(t, s, remote.Config{}, h)
		both("restarted", "x", "y", "more")
		h.set(func() {
			h.unlisted = nil
			h.other[root+"teams/z.yaml"] = squad("z")
			delete(h.other, root+"teams/y.yaml")
		})
		refresh(t, a, root)
		both("one has listed", "x", "z", "more")
	})
}

// Names in a listing that are none lead nowhere.
func TestHostileListings(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHost(map[string]string{file: location("target: './**/*'")})
		h.other[root+"x.yaml"] = squad("x")
		h.hostile = []string{
			other, "https://evil.example/x.yaml", root, root + "../x.yaml", root + "%2e%2e/x.yaml", root + "a/../../../x.yaml", root + "a%2Fb.yaml", root + "a%00.yaml", root + "a%0a.yaml", root + "a%5Cb.yaml",
			root + "a//b.yaml", root + "a/./b.yaml", root + "%41.yaml", root + "a.yaml?b", root + "a.yaml#b", root + "%zz", root + "a b", root + "a\xff", "", "//", root + strings.Repeat("a", 3000), root + "folder/",
		}
		r := follow(t, memory(t), remote.Config{}, h)
		later(every)
		r.want(t, "x", "more")
		h.set(func() {
			for _, url := range h.reads {
				if url != root+"x.yaml" {
					t.Errorf("read was %q", url)
				}
			}
		})
	})
}

// One repository cannot have everything searched for without end.
func TestTooManyPatterns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		patterns := func(from int) string {
			var specs []string
			for i := range 101 {
				specs = append(specs, fmt.Sprintf("target: './%d*.yaml', presence: optional", from+i))
			}
			return locations(specs...)
		}
		h := newHost(map[string]string{file: patterns(1000)})
		h.other[root+"3001.yaml"] = squad("x")
		r := follow(t, memory(t), remote.Config{}, h)
		synctest.Wait()
		r.wantIssues(t, "more than 100 patterns", "WARNING location-glob-size "+file+":504")
		h.set(func() { h.catalog[file] = patterns(3000) })
		refresh(t, r, root)
		r.entity(t, "x")
		r.wantIssues(t, "more than 100 patterns", "WARNING location-glob-size "+file+":504")
	})
}

// Many repositories are listed some after others, and all before anything is served.
func TestManyRootsAreListed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHost(map[string]string{})
		for i := range 120 {
			at := fmt.Sprintf("https://host.example/r%d/", i)
			h.catalog[at+"catalog-info.yaml"] = location("target: './x*.yaml'")
			h.other[at+"x1.yaml"] = squad(fmt.Sprint("g", i))
		}
		r := follow(t, memory(t), remote.Config{}, h)
		refresh(t, r)
		if got := len(r.entities()); got != 240 {
			t.Errorf("%d are served", got)
		}
		if len(r.rules) > 0 {
			t.Errorf("there were issues %v", r.rules)
		}
	})
}
