package catalog_test

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"callboard.dev/callboard/subgraphs/catalog"
	"callboard.dev/callboard/subgraphs/catalog/store"
	"callboard.dev/callboard/subgraphs/catalog/store/sqlite"
)

// flaky is a store that can be told not to answer.
type flaky struct {
	store.Store
	down atomic.Bool
	lost atomic.Bool // changes are made, and their answers do not arrive
}

var errDown = errors.New("connection refused by 10.1.2.3")

func (f *flaky) answers() error {
	if f.down.Load() {
		return errDown
	}
	return nil
}

func (f *flaky) Revision(ctx context.Context) (int64, error) {
	if err := f.answers(); err != nil {
		return 0, err
	}
	return f.Store.Revision(ctx)
}

func (f *flaky) Wait(ctx context.Context, known int64) (int64, error) {
	for ctx.Err() == nil {
		if revision, err := f.Revision(ctx); err != nil || revision != known {
			return revision, err
		}
		select {
		case <-ctx.Done():
		case <-time.After(time.Millisecond): // it looks again, as stores do
		}
	}
	return 0, ctx.Err()
}

func (f *flaky) Locations(ctx context.Context) ([]string, error) {
	if err := f.answers(); err != nil {
		return nil, err
	}
	return f.Store.Locations(ctx)
}

func (f *flaky) AddLocations(ctx context.Context, targets ...string) (int64, error) {
	if err := f.answers(); err != nil {
		return 0, err
	}
	revision, err := f.Store.AddLocations(ctx, targets...)
	if f.lost.Load() {
		return 0, errDown
	}
	return revision, err
}

func (f *flaky) RemoveLocation(ctx context.Context, target string) (bool, int64, error) {
	if err := f.answers(); err != nil {
		return false, 0, err
	}
	return f.Store.RemoveLocation(ctx, target)
}

func openStore(t *testing.T, folder string, s store.Store) *catalog.Catalog {
	t.Helper()
	c, err := catalog.Open(t.Context(), catalog.Config{Folders: []string{folder}, Store: s})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := c.Close(); err != nil {
			t.Error(err)
		}
	})
	return c
}

// until asks until the answer holds a text. Should it never, the test ends when the time for all tests is up.
func until(t *testing.T, c *catalog.Catalog, query, holds string) {
	t.Helper()
	for !strings.Contains(indented(t, ask(t, c, query, nil).Data), holds) {
		if t.Context().Err() != nil {
			t.FailNow()
		}
		runtime.Gosched()
	}
}

const registered = `{ registeredLocations { target } }`
const storeIssues = `{ ingestionIssues(filter: {rule: "store-unavailable"}) { totalCount nodes { severity } } }`

func group(name string) string {
	return "apiVersion: backstage.io/v1alpha1\nkind: Group\nmetadata: {name: " + name + "}\nspec: {type: team, children: []}\n"
}

func TestCatalogServesWhileItsStoreIsDown(t *testing.T) {
	folder := t.TempDir()
	one, two := filepath.Join(folder, "one.yaml"), filepath.Join(folder, "two.yaml")
	write(t, filepath.Join(folder, "catalog-info.yaml"), group("local"))
	write(t, one, group("one"))
	write(t, two, group("two"))
	file := filepath.Join(t.TempDir(), "catalog.db")
	before := openStore(t, folder, sqlite.New(file))
	if got := codes(payload(t, ask(t, before, register, map[string]any{"target": one}), "registerLocation")); got != "" {
		t.Fatal(got)
	}

	down := &flaky{Store: sqlite.New(file)}
	down.down.Store(true)
	c := openStore(t, folder, down)
	wantData(t, ask(t, c, `{ entities { totalCount } }`, nil), `{"entities": {"totalCount": 1}}`)
	wantData(t, ask(t, c, storeIssues, nil), `{"ingestionIssues": {"totalCount": 1, "nodes": [{"severity": "ERROR"}]}}`)
	refused := func() {
		t.Helper()
		for _, operation := range []string{register, remove} {
			got := ask(t, c, operation, map[string]any{"target": two})
			if fmt.Sprint(got.codes) != "[UNAVAILABLE]" || strings.Contains(indented(t, got), "10.1.2.3") {
				t.Errorf("without the store: %s", indented(t, got))
			}
		}
		wantData(t, ask(t, c, `{ entity(ref: "group:two") { name } }`, nil), `{"entity": null}`)
	}
	refused()
	if got := ask(t, c, registered, nil); fmt.Sprint(got.codes) != "[UNAVAILABLE]" {
		t.Errorf("what is registered is not known: %s", indented(t, got))
	}

	down.down.Store(false)
	until(t, c, `{ entity(ref: "group:one") { name } }`, `"one"`)
	until(t, c, storeIssues, `"totalCount": 0`)
	down.down.Store(true)
	until(t, c, storeIssues, `"WARNING"`)
	refused()
	wantData(t, ask(t, c, registered, nil), fmt.Sprintf(`{"registeredLocations": [{"target": %q}]}`, one))
	wantData(t, ask(t, c, `{ entity(ref: "group:one") { name } }`, nil), `{"entity": {"name": "one"}}`)
	down.down.Store(false)
	until(t, c, storeIssues, `"totalCount": 0`)
	if got := codes(payload(t, ask(t, c, register, map[string]any{"target": two}), "registerLocation")); got != "" {
		t.Error(got)
	}
	until(t, before, `{ entity(ref: "group:two") { name } }`, `"two"`)
}

// Where the answer to a change is lost, the client is told of an error, and what the store has is served in the end.
func TestLostAnswers(t *testing.T) {
	folder := t.TempDir()
	one := filepath.Join(folder, "one.yaml")
	write(t, one, group("one"))
	s := &flaky{Store: sqlite.New("")}
	s.lost.Store(true)
	c := openStore(t, folder, s)
	if got := ask(t, c, register, map[string]any{"target": one}); fmt.Sprint(got.codes) != "[UNAVAILABLE]" {
		t.Errorf("a lost answer: %s", indented(t, got))
	}
	until(t, c, registered, "one.yaml")
	until(t, c, `{ entity(ref: "group:one") { name } }`, `"one"`)
}

// Two catalogs of one state folder, as two processes or replicas have, serve what was registered at either.
func TestReplicasShareRegistrations(t *testing.T) {
	folder, state := t.TempDir(), t.TempDir()
	target := filepath.Join(folder, "one.yaml")
	write(t, target, group("one"))
	a, b := openFolder(t, folder, state), openFolder(t, folder, state)
	const asked = `{ entity(ref: "group:one") { name } }`
	for range 2 {
		if got := codes(payload(t, ask(t, a, register, map[string]any{"target": target}), "registerLocation")); got != "" {
			t.Fatal(got)
		}
		until(t, b, asked, `"one"`)
		until(t, b, registered, "one.yaml")
		if got := codes(payload(t, ask(t, b, remove, map[string]any{"target": target}), "removeLocation")); got != "" {
			t.Fatal(got)
		}
		// Registered anew before the removal has been seen here, it must not be taken for registered still.
		if got := codes(payload(t, ask(t, a, register, map[string]any{"target": target}), "registerLocation")); got != "" {
			t.Fatal(got)
		}
		until(t, openFolder(t, folder, state), registered, "one.yaml")
		if got := codes(payload(t, ask(t, a, remove, map[string]any{"target": target}), "removeLocation")); got != "" {
			t.Fatal(got)
		}
		until(t, b, asked, `null`)
		until(t, b, registered, `[]`)
	}
}

func TestNewerStoreIsRefused(t *testing.T) {
	if _, err := catalog.Open(t.Context(), catalog.Config{Store: newer{sqlite.New("")}}); !errors.Is(err, store.ErrNewer) {
		t.Errorf("opening with a newer store: %v", err)
	}
}

type newer struct{ store.Store }

func (newer) Revision(context.Context) (int64, error) { return 0, store.ErrNewer }

func TestOlderLocationsAreServed(t *testing.T) {
	folder, state := t.TempDir(), t.TempDir()
	target := filepath.Join(folder, "one.yaml")
	write(t, target, group("one"))
	write(t, filepath.Join(state, "locations.json"), fmt.Sprintf(`{"version": 1, "targets": [%q]}`, target))
	for range 2 {
		wantData(t, ask(t, openFolder(t, folder, state), `{ entity(ref: "group:one") { name } registeredLocations { target } ingestionIssues { totalCount } }`, nil),
			fmt.Sprintf(`{"entity": {"name": "one"}, "registeredLocations": [{"target": %q}], "ingestionIssues": {"totalCount": 0}}`, target))
	}
}

func TestBrokenDatabaseIsReported(t *testing.T) {
	folder, state := t.TempDir(), t.TempDir()
	write(t, filepath.Join(state, "catalog.db"), strings.Repeat("no database ", 1000))
	wantData(t, ask(t, openFolder(t, folder, state), `{ registeredLocations { target } ingestionIssues { nodes { severity rule file } } }`, nil),
		fmt.Sprintf(`{"registeredLocations": [], "ingestionIssues": {"nodes": [{"severity": "ERROR", "rule": "store-broken", "file": %q}]}}`, filepath.Join(state, "catalog.db.broken-1")))
}
