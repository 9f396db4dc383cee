// Package storetest holds the test that every store of the catalog must pass. A function that opens stores goes in; what fails is
// a promise of the interface that is not kept.
//
// The one rule: it sees a store as the catalog does, through the interface, and several at once on one database as replicas do.
package storetest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"callboard.dev/callboard/subgraphs/catalog/store"
)

// Opener returns another store on the same database each time it is called.
type Opener func() store.Store

// Run tests a kind of store. Each call of database makes an empty database, which is gone when the test ends.
func Run(t *testing.T, database func(t *testing.T) Opener) {
	for name, test := range map[string]func(t *testing.T, open Opener){
		"locations are remembered":         locationsAreRemembered,
		"locations are limited":            locationsAreLimited,
		"files are remembered":             filesAreRemembered,
		"only what changed is read":        onlyWhatChangedIsRead,
		"the file asked for later stays":   theFileAskedForLaterStays,
		"changes are heard of":             changesAreHeardOf,
		"waiting ends":                     waitingEnds,
		"replicas start at once":           replicasStartAtOnce,
		"replicas write at once":           replicasWriteAtOnce,
		"a call given up changes nothing":  aCallGivenUpChangesNothing,
		"a closed store says so":           aClosedStoreSaysSo,
		"texts are kept byte for byte":     textsAreKept,
		"a change that fails is not there": aChangeThatFailsIsNotThere,
	} {
		t.Run(strings.ReplaceAll(name, " ", "-"), func(t *testing.T) {
			open := database(t)
			test(t, func() store.Store {
				s := open()
				t.Cleanup(func() {
					if err := s.Close(); err != nil {
						t.Errorf("closing: %v", err)
					}
				})
				return s
			})
		})
	}
}

func must[T any](t *testing.T) func(value T, err error) T {
	return func(value T, err error) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return value
	}
}

func wantLocations(t *testing.T, s store.Store, want ...string) {
	t.Helper()
	if got := must[[]string](t)(s.Locations(t.Context())); !slices.Equal(got, want) {
		t.Fatalf("the locations are %.300q, want %.300q", got, want)
	}
}

func locationsAreRemembered(t *testing.T, open Opener) {
	ctx, s := t.Context(), open()
	wantLocations(t, s)
	start := must[int64](t)(s.Revision(ctx))
	if start <= 0 {
		t.Errorf("the first revision is %d", start)
	}
	long := make([]byte, 4095) // the longest path there is, which cannot be compressed
	for i := range long {
		long[i] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_"[rand.IntN(64)]
	}
	want := []string{"/B", "/a", "/a b", "/a'; DROP TABLE x; --", "/" + string(long), "/b", "/ä"}
	slices.Sort(want)
	if got := must[int64](t)(s.AddLocations(ctx, want...)); got != start+1 {
		t.Errorf("the revision after one change is %d, want %d", got, start+1)
	}
	wantLocations(t, s, want...)
	if got := must[int64](t)(s.AddLocations(ctx, want[1], want[2])); got != start+1 {
		t.Errorf("adding what is there makes revision %d, want still %d", got, start+1)
	}
	for _, wanted := range []bool{true, false} {
		found, revision, err := s.RemoveLocation(ctx, "/a b")
		if err != nil || found != wanted || revision != start+2 {
			t.Errorf("removing: %v, %d, %v", found, revision, err)
		}
	}
	want = slices.DeleteFunc(want, func(target string) bool { return target == "/a b" })
	wantLocations(t, s, want...)
	again := open()
	wantLocations(t, again, want...)
	if got := must[int64](t)(again.Revision(ctx)); got != start+2 {
		t.Errorf("another store sees revision %d, want %d", got, start+2)
	}
}

func locationsAreLimited(t *testing.T, open Opener) {
	ctx, one, two := t.Context(), open(), open()
	var first []string
	for i := range store.MaxLocations - 10 {
		first = append(first, fmt.Sprintf("/first/%04d", i))
	}
	must[int64](t)(one.AddLocations(ctx, first...))
	var adding sync.WaitGroup
	var mu sync.Mutex
	full := 0
	for n, s := range []store.Store{one, two} {
		adding.Go(func() {
			for i := range 10 {
				_, err := s.AddLocations(ctx, fmt.Sprintf("/%d/%d", n, i))
				mu.Lock()
				if errors.Is(err, store.ErrFull) {
					full++
				} else if err != nil {
					t.Error(err)
				}
				mu.Unlock()
			}
		})
	}
	adding.Wait()
	if got := len(must[[]string](t)(one.Locations(ctx))); got != store.MaxLocations || full != 10 {
		t.Errorf("there are %d locations, and %d were refused", got, full)
	}
	must[int64](t)(two.AddLocations(ctx, first...)) // all there already
	if _, _, err := two.RemoveLocation(ctx, first[0]); err != nil {
		t.Fatal(err)
	}
	if _, err := two.AddLocations(ctx, "/one", "/too-many"); !errors.Is(err, store.ErrFull) {
		t.Errorf("two where there is room for one: %v", err)
	}
	if slices.Contains(must[[]string](t)(one.Locations(ctx)), "/one") {
		t.Error("half of a change was made")
	}
}

var someTime = time.Date(2026, 2, 3, 4, 5, 6, 789_012_000, time.UTC)

func files(n int) []store.File {
	var out []store.File
	for i := range n {
		out = append(out, store.File{
			URL: fmt.Sprintf("https://host.example/team/repo-%03d/catalog-info.yaml", i), Root: "https://host.example/team/", Found: i%2 == 0, Missing: i%5 == 4,
			Text: fmt.Appendf(nil, "text %d", i), Validator: fmt.Sprint("v", i), Asked: someTime,
		})
	}
	return out
}

// same compares files; no bytes are as good as none.
func same(a, b store.File) bool {
	texts := bytes.Equal(a.Text, b.Text) && bytes.Equal(a.Good, b.Good)
	a.Text, a.Good, b.Text, b.Good = nil, nil, nil, nil
	return texts && reflect.DeepEqual(a, b)
}

func wantFiles(t *testing.T, s store.Store, after int64, want []store.File) store.Files {
	t.Helper()
	got := must[store.Files](t)(s.Files(t.Context(), "host", after))
	if len(got.Changed) != len(want) {
		t.Fatalf("%d files changed after %d, want %d", len(got.Changed), after, len(want))
	}
	for i := range want {
		if !same(got.Changed[i], want[i]) {
			t.Errorf("the file is\n%+v, want\n%+v", got.Changed[i], want[i])
		}
	}
	return got
}

func filesAreRemembered(t *testing.T, open Opener) {
	ctx, s := t.Context(), open()
	empty := wantFiles(t, s, 0, nil)
	if empty.State != (store.State{}) || len(empty.URLs) != 0 {
		t.Errorf("an empty store holds %+v", empty)
	}
	want := files(20)
	want[3].Good, want[3].Error, want[3].Since = []byte("good"), "it is too large", someTime.Add(time.Hour)
	want[4].Text, want[5].Text = nil, []byte{}
	state := store.State{Searched: someTime, Error: "no answer", Since: someTime.Add(time.Minute)}
	revision := must[int64](t)(s.SaveFiles(ctx, "host", store.Change{Files: want, State: &state}))
	must[int64](t)(s.SaveFiles(ctx, "another", store.Change{Files: files(1)}))
	for _, s := range []store.Store{s, open()} {
		got := wantFiles(t, s, 0, want)
		if got.State != state || len(got.URLs) != len(want) || got.URLs[7] != want[7].URL || got.Revision != revision+1 {
			t.Errorf("remembered: %+v, %d files, revision %d", got.State, len(got.URLs), got.Revision)
		}
	}
	must[int64](t)(s.SaveFiles(ctx, "host", store.Change{State: &store.State{Searched: someTime.Add(time.Hour)}}))
	if got := wantFiles(t, s, 0, want).State; got != (store.State{Searched: someTime.Add(time.Hour)}) {
		t.Errorf("the state is %+v", got)
	}
}

func onlyWhatChangedIsRead(t *testing.T, open Opener) {
	ctx, s, other := t.Context(), open(), open()
	all := files(5)
	first := must[int64](t)(s.SaveFiles(ctx, "host", store.Change{Files: all}))
	changed := all[2]
	changed.Text, changed.Asked = []byte("another"), someTime.Add(time.Second)
	second := must[int64](t)(other.SaveFiles(ctx, "host", store.Change{Files: []store.File{changed}, Gone: map[string]time.Time{all[0].URL: someTime}}))
	if second != first+1 {
		t.Errorf("the revisions are %d and %d", first, second)
	}
	got := wantFiles(t, s, first, []store.File{changed})
	if got.Revision != second || len(got.URLs) != 4 || got.URLs[0] != all[1].URL {
		t.Errorf("changed: %+v", got)
	}
	wantFiles(t, s, second, nil)
	wantFiles(t, s, second+100, []store.File{all[1], changed, all[3], all[4]}) // as after a backup was restored
}

func theFileAskedForLaterStays(t *testing.T, open Opener) {
	ctx, s := t.Context(), open()
	file := files(1)[0]
	must[int64](t)(s.SaveFiles(ctx, "host", store.Change{Files: []store.File{file}}))
	older := file
	older.Asked, older.Text = someTime.Add(-time.Microsecond), []byte("older")
	must[int64](t)(s.SaveFiles(ctx, "host", store.Change{Files: []store.File{older}, Gone: map[string]time.Time{file.URL: older.Asked}}))
	wantFiles(t, s, 0, []store.File{file})
	must[int64](t)(s.SaveFiles(ctx, "host", store.Change{Gone: map[string]time.Time{file.URL: file.Asked, "https://host.example/never": file.Asked}}))
	wantFiles(t, s, 0, nil)
}

func changesAreHeardOf(t *testing.T, open Opener) {
	ctx, one, two := t.Context(), open(), open()
	known := must[int64](t)(two.Revision(ctx))
	for i, change := range []func() (int64, error){
		func() (int64, error) { return one.AddLocations(ctx, "/a") },
		func() (int64, error) { _, revision, err := one.RemoveLocation(ctx, "/a"); return revision, err },
		func() (int64, error) { return one.SaveFiles(ctx, "host", store.Change{Files: files(1)}) },
	} {
		heard := make(chan int64)
		go func() {
			revision, err := two.Wait(ctx, known)
			if err != nil {
				t.Errorf("waiting for change %d: %v", i, err)
			}
			heard <- revision
		}()
		made := must[int64](t)(change())
		if known = <-heard; known != made {
			t.Fatalf("change %d made revision %d, and %d was heard of", i, made, known)
		}
	}
	if revision := must[int64](t)(two.Wait(ctx, known-1)); revision != known {
		t.Errorf("waiting for what has happened gives %d", revision)
	}
	if revision := must[int64](t)(two.Wait(ctx, known+10)); revision != known { // as after a backup was restored
		t.Errorf("waiting with a revision of another database gives %d", revision)
	}
}

func waitingEnds(t *testing.T, open Opener) {
	s := open()
	known := must[int64](t)(s.Revision(t.Context()))
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error)
	wait := func(ctx context.Context) { _, err := s.Wait(ctx, known); ended <- err }
	go wait(ctx)
	cancel()
	if err := <-ended; !errors.Is(err, context.Canceled) {
		t.Errorf("after the context ended: %v", err)
	}
	go wait(t.Context())
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if err := <-ended; err == nil {
		t.Error("waiting outlives the store without an error")
	}
}

func replicasStartAtOnce(t *testing.T, open Opener) {
	var starting sync.WaitGroup
	for i := range 6 {
		s := open()
		starting.Go(func() {
			if _, err := s.AddLocations(t.Context(), fmt.Sprint("/", i)); err != nil {
				t.Error(err)
			}
		})
	}
	starting.Wait()
	wantLocations(t, open(), "/0", "/1", "/2", "/3", "/4", "/5")
}

func replicasWriteAtOnce(t *testing.T, open Opener) {
	ctx := t.Context()
	var writing sync.WaitGroup
	var mu sync.Mutex
	revisions := map[int64]int{}
	for n := range 4 {
		s := open()
		writing.Go(func() {
			for i := range 25 {
				revision, err := s.AddLocations(ctx, fmt.Sprintf("/%d/%d", n, i))
				if err != nil {
					t.Error(err)
				}
				file := files(1)[0]
				file.Asked = someTime.Add(time.Duration(i) * time.Second)
				saved, err := s.SaveFiles(ctx, "host", store.Change{Files: []store.File{file}})
				if err != nil {
					t.Error(err)
				}
				mu.Lock()
				revisions[revision]++
				revisions[saved]++
				mu.Unlock()
			}
		})
	}
	writing.Wait()
	s := open()
	if got := len(must[[]string](t)(s.Locations(ctx))); got != 100 || len(revisions) != 200 {
		t.Errorf("100 locations became %d, and 200 changes %d revisions", got, len(revisions))
	}
	last := files(1)[0]
	last.Asked = someTime.Add(24 * time.Second)
	wantFiles(t, s, 0, []store.File{last})
}

func aCallGivenUpChangesNothing(t *testing.T, open Opener) {
	s := open()
	must[int64](t)(s.AddLocations(t.Context(), "/a"))
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := s.AddLocations(ctx, "/b"); err == nil {
		t.Error("a location was added for nobody")
	}
	if _, _, err := s.RemoveLocation(ctx, "/a"); err == nil {
		t.Error("a location was removed for nobody")
	}
	if _, err := s.Locations(ctx); err == nil {
		t.Error("locations were read for nobody")
	}
	wantLocations(t, s, "/a")
}

func aClosedStoreSaysSo(t *testing.T, open Opener) {
	s := open()
	must[int64](t)(s.AddLocations(t.Context(), "/a"))
	for range 2 {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	}
	if _, err := s.AddLocations(t.Context(), "/b"); !errors.Is(err, store.ErrClosed) {
		t.Errorf("adding to a closed store: %v", err)
	}
	if _, err := s.Files(t.Context(), "host", 0); !errors.Is(err, store.ErrClosed) {
		t.Errorf("reading a closed store: %v", err)
	}
}

func textsAreKept(t *testing.T, open Opener) {
	s := open()
	file := files(1)[0]
	file.Text, file.Good = []byte("\x00\xff\xfe'\\\r\n"), bytes.Repeat([]byte("0123456789abcdef"), 5<<20/16)
	file.URL = "https://host.example/" + strings.Repeat("long/", 400) + "%C3%A4'?.yaml"
	must[int64](t)(s.SaveFiles(t.Context(), "host", store.Change{Files: []store.File{file}}))
	wantFiles(t, open(), 0, []store.File{file})
}

func aChangeThatFailsIsNotThere(t *testing.T, open Opener) {
	s := open()
	all := files(3)
	before := must[int64](t)(s.SaveFiles(t.Context(), "host", store.Change{Files: all[:1]}))
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := s.SaveFiles(ctx, "host", store.Change{Files: all, Gone: map[string]time.Time{all[0].URL: someTime}}); err == nil {
		t.Fatal("a change was made for nobody")
	}
	wantFiles(t, s, 0, all[:1])
	if got := must[int64](t)(s.Revision(t.Context())); got != before {
		t.Errorf("a failed change made revision %d of %d", got, before)
	}
}
