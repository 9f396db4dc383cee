package remote_test

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"callboard.dev/callboard/subgraphs/catalog/descriptor"
	"callboard.dev/callboard/subgraphs/catalog/remote"
)

// every is longer than the time between two searches.
const every = 12 * time.Minute

func later(d time.Duration) {
	time.Sleep(d) // of the bubble's clock
	synctest.Wait()
}

func refresh(t *testing.T, r *replica, urls ...string) {
	t.Helper()
	if err := r.Refresh(t.Context(), "host.example", urls...); err != nil {
		t.Fatal(err)
	}
}

func TestDocumentsAreEntities(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHost(map[string]string{
			file:  "# first\n" + group("web", "Web") + "---\n" + api("front", "$text: ./api/front.yaml") + "---\nkind: [\n",
			other: group("cart", "Cart"),
		})
		h.other[root+"api/front.yaml"] = "openapi: 3.1.0"
		r := follow(t, memory(t), remote.Config{}, h)
		synctest.Wait()
		r.want(t, "front", "cart Cart", "web Web")
		front := r.entity(t, "front")
		if front.Spec["definition"] != "openapi: 3.1.0" {
			t.Errorf("the definition is %q", front.Spec["definition"])
		}
		for _, annotation := range []string{"backstage.io/managed-by-location", "backstage.io/managed-by-origin-location"} {
			if got := front.Metadata.Annotations[annotation]; got != "url:"+file {
				t.Errorf("%s is %q", annotation, got)
			}
		}
		if want := (descriptor.Source{File: file, Document: 1, Line: 7, Location: "url:" + file}); front.Source != want {
			t.Errorf("the source is %+v", front.Source)
		}
		r.wantIssues(t, "", "ERROR yaml-syntax "+file+":12")
	})
}

func TestSearchedEverySoOften(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHost(map[string]string{file: group("web", "Web"), other: api("front", "$text: ./front.yaml")})
		h.other[strings.Replace(other, "catalog-info", "front", 1)] = "one"
		r := follow(t, memory(t), remote.Config{Every: 10 * time.Minute}, h)
		later(every)
		r.want(t, "front", "web Web")
		h.set(func() {
			if h.searches != 2 || h.texts != 3 {
				t.Errorf("%d searches sent %d texts", h.searches, h.texts)
			}
			h.catalog[file] = group("web", "Another")
			h.other[strings.Replace(other, "catalog-info", "front", 1)] = "two"
		})
		r.want(t, "front", "web Web")
		later(every)
		r.want(t, "front", "web Another")
		if got := r.entity(t, "front").Spec["definition"]; got != "two" {
			t.Errorf("the definition is %q", got)
		}
		h.set(func() { delete(h.catalog, other) })
		later(every)
		r.want(t, "web Another")
		h.set(func() { h.catalog = map[string]string{} })
		later(every)
		r.want(t)
		r.wantIssues(t, "")
	})
}

func TestOriginThatIsDown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, h := memory(t), newHost(map[string]string{file: group("web", "Web")})
		h.down = errDown
		r := follow(t, s, remote.Config{}, h)
		synctest.Wait()
		r.want(t)
		r.wantIssues(t, "2000-01-01T00:00:00Z: no answer; nothing", "ERROR origin-unavailable host.example:0")
		h.set(func() { h.down = nil })
		later(3 * time.Minute) // sooner than it is searched when it answers
		r.want(t, "web Web")
		r.wantIssues(t, "")
		h.set(func() { h.down = errDown })
		later(every)
		r.want(t, "web Web")
		r.wantIssues(t, "no answer; what was read before is served on", "WARNING origin-unavailable host.example:0")
		since := r.issues()[0].Message
		later(every)
		r.Close()

		again := follow(t, s, remote.Config{}, h) // with the origin down
		again.want(t, "web Web")
		later(every)
		again.want(t, "web Web")
		if got := again.issues(); len(got) != 1 || got[0].Message != since {
			t.Errorf("after a restart the issues are %v, want %q", got, since)
		}
		h.set(func() { h.down, h.catalog = nil, map[string]string{} })
		later(every)
		again.want(t)
		again.wantIssues(t, "")
		again.Close()
		follow(t, s, remote.Config{}, h).want(t)
	})
}

func TestFileThatTurnsBad(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, h := memory(t), newHost(map[string]string{file: group("web", "One") + "---\n" + group("cart", "One")})
		r := follow(t, s, remote.Config{}, h)
		synctest.Wait()
		h.set(func() { h.catalog[file] = group("web", "[") + "---\n" + group("cart", "Two") })
		refresh(t, r, file)
		r.want(t, "cart Two", "web One")
		r.wantIssues(t, "the last good version is served", "ERROR yaml-syntax "+file+":3")
		h.set(func() { h.catalog[file] = "kind: [" }) // the one document there is still stands for the first
		refresh(t, r, file)
		r.want(t, "web One")
		later(time.Second)
		r.Close()

		h.down = errDown
		again := follow(t, s, remote.Config{}, h)
		again.want(t, "web One")
		synctest.Wait()
		again.wantIssues(t, "", "WARNING origin-unavailable host.example:0", "ERROR yaml-syntax "+file+":1")
		h.set(func() { h.down, h.catalog[file] = nil, group("web", "Three") })
		refresh(t, again)
		again.want(t, "web Three")
		again.wantIssues(t, "")
	})
}

func TestFileThatCannotBeRead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, h := memory(t), newHost(map[string]string{file: group("web", "One"), other: group("cart", "One")})
		h.failing[other] = errors.New("access denied\x00\n\xff" + strings.Repeat("x", 1000))
		r := follow(t, s, remote.Config{}, h)
		synctest.Wait()
		r.want(t, "web One")
		r.wantIssues(t, "since 2000-01-01T00:00:00Z: access denied", "ERROR remote-unreadable "+other+":0")
		h.set(func() { h.failing = map[string]error{file: errDown} })
		later(every)
		r.want(t, "cart One", "web One")
		r.wantIssues(t, "no answer; until then the last version is served", "WARNING remote-unreadable "+file+":0")
		h.set(func() { h.failing, h.catalog[file] = nil, strings.Repeat("#", descriptor.MaxFileSize+1) })
		later(every)
		r.want(t, "cart One", "web One")
		r.wantIssues(t, "a file may have", "WARNING remote-unreadable "+file+":0")
	})
}

// The last good version of what includes others lives on too when those turn bad, also across a restart.
func TestIncludesThatTurnBad(t *testing.T) {
	const definition = root + "front.json"
	for name, spoil := range map[string]func(h *host){
		"bad":        func(h *host) { h.other[definition] = "{" },
		"gone":       func(h *host) { delete(h.other, definition) },
		"both":       func(h *host) { h.other[definition] = "{"; h.catalog[file] = api("front", "$json: front.json, x: 1") },
		"unreadable": func(h *host) { h.failing[definition] = errDown },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s, h := memory(t), newHost(map[string]string{file: strings.Replace(api("front", "$json: front.json"), "definition:", "definition: here, more:", 1)})
				h.other[definition] = `{"a": 1}`
				r := follow(t, s, remote.Config{}, h)
				good := func(r *replica, when string) {
					t.Helper()
					if got := fmt.Sprint(r.entity(t, "front").Spec["more"]); got != "map[a:1]" {
						t.Errorf("%s: the included text is %s", when, got)
					}
				}
				synctest.Wait()
				good(r, "first")
				r.wantIssues(t, "")
				h.set(func() { spoil(h) })
				refresh(t, r, root) // all that is known below
				good(r, "spoilt")
				if len(r.issues()) == 0 {
					t.Error("there is no issue")
				}
				later(time.Second)
				r.Close()
				h.set(func() { h.down = errDown })
				again := follow(t, s, remote.Config{}, h)
				good(again, "restarted")
				h.set(func() { h.down, h.failing = nil, nil; h.other[definition] = `{"a": 1}` })
				h.set(func() {
					h.catalog[file] = strings.Replace(api("front", "$json: front.json"), "definition:", "definition: here, more:", 1)
				})
				refresh(t, again)
				good(again, "mended")
				again.wantIssues(t, "")
			})
		})
	}
}

// What a file names is read through its own origin and below its own root, or not at all.
func TestOnlyTheRepositoryIsRead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHost(map[string]string{})
		// Of these two a Location may speak: they are patterns.
		queries := []string{"x?y=z", root + "x?y"}
		refused := append(queries, []string{
			"https://169.254.169.254/latest/meta-data", "http://host.example/team/web/blob/main/x", "//evil.example/x", "file:///etc/passwd", "ftp://host.example/x",
			"../../../../cart/blob/main/secret.yaml", "../../../../cart/blob/main/*.yaml", "https://host.example/team/cart/blob/main/*.yaml", "//evil.example/*", "%2e%2e/%2e%2e/%2e%2e/%2e%2e/cart/x", "..%2f..%2f..%2f..%2fx", "/../../x", "../*.yaml", "/../*", "%2e%2e/*", "*#y", "http:*", "x#y", "", "..", "/",
			"https://host.example/team/cart/blob/main/secret.yaml", root + "../x", root + "%2e%2e/x", root, "https://user@host.example/team/web/blob/main/x",
			"https://host.example@evil.example/team/web/blob/main/x", "https://host.example:443/team/web/blob/main/x", "\\\\\\\\evil\\\\x", "javascript:x",
		}...)
		var text strings.Builder
		for i, target := range refused {
			fmt.Fprintf(&text, "---\n%s---\n%s", api(fmt.Sprint("api", i), fmt.Sprintf("$text: %q", target)), strings.Replace(location(fmt.Sprintf("targets: [%q]", target)), "more", fmt.Sprint("more", i), 1))
		}
		text.WriteString("---\n" + api("rooted", "$text: /deep/x") + "---\n" + api("full", "$text: "+root+"deep/x") + "---\n" + api("relative", "$text: ./a/../deep/./x"))
		text.WriteString("---\n" + strings.Replace(location("type: file, target: /etc/passwd"), "more", "local", 1))
		h.catalog[file] = text.String()
		h.other[root+"deep/x"] = "inside"
		r := follow(t, memory(t), remote.Config{}, h)
		synctest.Wait()
		for _, name := range []string{"rooted", "full", "relative"} {
			if got := r.entity(t, name).Spec["definition"]; got != "inside" {
				t.Errorf("%s is %q", name, got)
			}
		}
		h.set(func() {
			if want := []string{root + "deep/x"}; !slices.Equal(h.reads, want) {
				t.Errorf("read were %q, want %q", h.reads, want)
			}
		})
		counts := map[string]int{}
		for _, issue := range r.issues() {
			counts[issue.Rule]++
		}
		placeholders := counts["placeholder-remote"] + counts["placeholder-outside"] + counts["placeholder-target"]
		// The empty target is no Location's.
		if placeholders != len(refused) || counts["location-outside"] != len(refused)-len(queries)-1 || counts["location-target-missing"] != len(queries) || counts["location-type"] != 1 {
			t.Errorf("%d targets give the issues %v", len(refused), counts)
		}
	})
}

func TestLocations(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHost(map[string]string{
			file:  location("targets: [./one.yaml, /deep/two.yaml, " + root + "three.yaml, " + other + ", ./gone.yaml]"),
			other: group("cart", "Cart"),
		})
		h.other[root+"one.yaml"] = group("one", "One") + "---\n" + strings.Replace(location("type: url, target: ./catalog-info.yaml"), "more", "back", 1)
		h.other[root+"deep/two.yaml"] = group("two", "Two") + "---\n" + strings.Replace(location("target: four.yaml"), "more", "deeper", 1)
		h.other[root+"three.yaml"] = group("three", "Three")
		h.other[root+"deep/four.yaml"] = group("four", "Four")
		r := follow(t, memory(t), remote.Config{}, h)
		synctest.Wait()
		r.want(t, "cart Cart", "four Four", "one One", "three Three", "two Two", "back", "deeper", "more")
		if got := r.entity(t, "four"); got.Source.Location != "url:"+file || got.Metadata.Annotations["backstage.io/managed-by-location"] != "url:"+root+"deep/four.yaml" {
			t.Errorf("what led there is %+v, %v", got.Source, got.Metadata.Annotations)
		}
		r.wantIssues(t, "", "WARNING location-target-missing "+file+":4")

		h.set(func() {
			h.other[root+"gone.yaml"] = group("back-again", "X")
			h.other[root+"deep/two.yaml"] = group("two", "Two")
			delete(h.other, root+"three.yaml")
		})
		later(every)
		r.want(t, "back-again X", "cart Cart", "one One", "two Two", "back", "more")
		h.set(func() {
			h.catalog[file] = location("target: ./gone.yaml, presence: optional")
			delete(h.other, root+"gone.yaml")
		})
		later(every)
		r.want(t, "cart Cart", "more")
		r.wantIssues(t, "")
	})
}

func TestRefresh(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHost(map[string]string{file: group("web", "One")})
		r := follow(t, memory(t), remote.Config{}, h)
		synctest.Wait()
		h.set(func() { h.catalog[file], h.catalog[other] = group("web", "Two"), group("cart", "Two") })
		refresh(t, r, file)
		r.want(t, "web Two")
		refresh(t, r, other) // which was not known
		r.want(t, "cart Two", "web Two")
		refresh(t, r, root+"never.yaml", "https://host.example/nothing/known/")
		r.want(t, "cart Two", "web Two")
		r.wantIssues(t, "")
		h.set(func() { delete(h.catalog, file) })
		refresh(t, r, file)
		r.want(t, "cart Two")
		h.set(func() { h.catalog[file] = group("web", "Three") })
		refresh(t, r)
		r.want(t, "cart Two", "web Three")

		if err := r.Refresh(t.Context(), "nowhere"); !errors.Is(err, remote.ErrUnknownOrigin) {
			t.Errorf("an unknown origin: %v", err)
		}
		for _, url := range []string{"/etc/passwd", "file:///etc/passwd", root + "../x", ""} {
			if err := r.Refresh(t.Context(), "host.example", url); err == nil {
				t.Errorf("%q was read", url)
			}
		}
		h.set(func() { h.down = errDown })
		for _, urls := range [][]string{nil, {file}} {
			if err := r.Refresh(t.Context(), "host.example", urls...); !errors.Is(err, errDown) {
				t.Errorf("with the origin down: %v", err)
			}
		}
		r.want(t, "cart Two", "web Three")
		r.Close()
		if err := r.Refresh(t.Context(), "host.example", file); !errors.Is(err, remote.ErrClosed) {
			t.Errorf("after the end: %v", err)
		}
	})
}

// Files that are refreshed at once are read in few calls, and each caller waits for its own.
func TestRefreshesAreJoined(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHost(map[string]string{})
		for i := range 200 {
			h.catalog[fmt.Sprintf("https://host.example/r%d/catalog-info.yaml", i)] = group(fmt.Sprint("g", i), "One")
		}
		r := follow(t, memory(t), remote.Config{}, h)
		synctest.Wait()
		done := make(chan error)
		for url := range h.catalog {
			go func() { done <- r.Refresh(t.Context(), "host.example", url) }()
		}
		for range h.catalog {
			if err := <-done; err != nil {
				t.Error(err)
			}
		}
		if got := len(r.entities()); got != 200 {
			t.Errorf("%d are served", got)
		}
	})
}

// A search that began before a file was refreshed says less than the refreshing.
func TestSlowSearchIsNotNewer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHost(map[string]string{file: group("web", "One"), other: group("cart", "One")})
		r := follow(t, memory(t), remote.Config{}, h)
		synctest.Wait()
		hold := make(chan struct{})
		h.set(func() { h.hold = hold })
		later(every)
		h.set(func() {
			h.hold, h.catalog[file] = nil, group("web", "Two")
			h.catalog[root+"new/catalog-info.yaml"] = group("new", "New")
			delete(h.catalog, other)
		})
		refresh(t, r, file, other, root+"new/catalog-info.yaml")
		r.want(t, "new New", "web Two")
		close(hold)
		synctest.Wait()
		r.want(t, "new New", "web Two")
		later(every)
		r.want(t, "new New", "web Two")
	})
}

// A file is not served before what it includes is read, even while others are being read.
func TestIncludesAreWaitedFor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHost(map[string]string{file: group("web", "One")})
		r := follow(t, memory(t), remote.Config{}, h)
		synctest.Wait()
		hold := make(chan struct{})
		h.set(func() {
			h.holdRead = hold
			h.catalog[file] = api("front", "$text: front.yaml")
			h.catalog[other] = group("cart", "One")
			h.other[root+"front.yaml"] = "one"
		})
		done := make(chan error, 2)
		go func() { done <- r.Refresh(t.Context(), "host.example", other) }()
		synctest.Wait()
		go func() { done <- r.Refresh(t.Context(), "host.example") }()
		later(time.Second)
		r.want(t, "web One")
		h.set(func() { h.holdRead = nil })
		close(hold)
		for range 2 {
			if err := <-done; err != nil {
				t.Error(err)
			}
			r.want(t, "front", "cart One")
		}
		if len(r.rules) > 0 {
			t.Errorf("there were issues %v", r.rules)
		}
	})
}

func TestLimits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHost(map[string]string{})
		for i := range 10 {
			h.catalog[fmt.Sprintf("https://host.example/r%d/catalog-info.yaml", i)] = group(fmt.Sprint("g", i), "One")
		}
		h.catalog["https://host.example/r0/catalog-info.yaml"] = api("front", "$text: a, x: y") + "---\n" + location("targets: [b.yaml, c.yaml]")
		r := follow(t, memory(t), remote.Config{MaxFiles: 5}, h)
		synctest.Wait()
		r.want(t, "g1 One", "g2 One", "g3 One", "g4 One", "more")
		found := 0
		for _, issue := range r.issues() {
			if issue.Rule == "origin-limit" {
				found++
			}
		}
		if found != 1 {
			t.Errorf("the issues are %v", r.issues())
		}
		r.Close()
		small := follow(t, memory(t), remote.Config{MaxBytes: 4 * len(group("g1", "One"))}, h)
		synctest.Wait()
		if got := len(small.entities()); got == 0 || got > 4 {
			t.Errorf("%d are served", got)
		}
	})
}

// rude answers what nobody asked for.
type rude struct{ *host }

func (r rude) Files(context.Context, map[string]string) ([]remote.File, error) {
	return []remote.File{
		{URL: "/etc/passwd", Text: []byte(group("a", "A"))}, {URL: "file:///etc/passwd", Text: []byte(group("b", "B"))}, {URL: root + "../x", Text: []byte(group("c", "C"))},
		{URL: file, Unchanged: true}, {URL: other, Root: "https://elsewhere.example/", Text: []byte(api("front", "$text: https://elsewhere.example/x")), Validator: strings.Repeat("v", 10_000)},
		{URL: other, Err: fs.ErrNotExist}, {URL: root, Text: []byte(group("d", "D"))},
	}, nil
}

func TestOriginThatAnswersRubbish(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := follow(t, memory(t), remote.Config{}, rude{newHost(nil)})
		later(every)
		r.want(t)
		if len(r.issues()) == 0 {
			t.Error("there is no issue")
		}
	})
}

func TestNamesAreUnique(t *testing.T) {
	for _, origins := range [][]remote.Origin{{newHost(nil), newHost(nil)}, {&host{}}} {
		if _, err := remote.Open(t.Context(), remote.Config{Origins: origins, Store: memory(t)}); err == nil {
			t.Error("origins without names of their own were opened")
		}
	}
}
