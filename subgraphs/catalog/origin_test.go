package catalog_test

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"callboard.dev/callboard/subgraphs/catalog"
	"callboard.dev/callboard/subgraphs/catalog/remote"
)

// host is an origin in memory: texts by URL.
type host struct {
	mu    sync.Mutex
	texts map[string]string
	down  bool
}

func (h *host) set(change func()) {
	h.mu.Lock()
	defer h.mu.Unlock()
	change()
}

func (h *host) Name() string { return "host.example" }

func (h *host) Files(_ context.Context, known map[string]string) ([]remote.File, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.down {
		return nil, errors.New("no answer")
	}
	var out []remote.File
	for url, text := range h.texts {
		out = append(out, remote.File{URL: url, Text: []byte(text), Validator: fmt.Sprint(len(text)), Unchanged: known[url] == fmt.Sprint(len(text))})
	}
	return out, nil
}

func (h *host) Read(_ context.Context, wanted map[string]string) ([]remote.File, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.down {
		return nil, errors.New("no answer")
	}
	var out []remote.File
	for url := range wanted {
		if text, ok := h.texts[url]; ok {
			out = append(out, remote.File{URL: url, Text: []byte(text), Validator: fmt.Sprint(len(text))})
		} else {
			out = append(out, remote.File{URL: url, Err: fs.ErrNotExist})
		}
	}
	return out, nil
}

func (h *host) List(context.Context, map[string]string) ([]remote.Listing, error) {
	return nil, errors.New("no answer")
}

func openOrigin(t *testing.T, folder, state string, origin remote.Origin) *catalog.Catalog {
	t.Helper()
	c, err := catalog.Open(t.Context(), catalog.Config{Folders: []string{folder}, StateFolder: state, Origins: []remote.Origin{origin}})
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

func TestFilesOfHostsAreServed(t *testing.T) {
	const url = "https://host.example/team/web/blob/main/catalog-info.yaml"
	folder, state := t.TempDir(), t.TempDir()
	write(t, filepath.Join(folder, "catalog-info.yaml"), group("both")+"---\napiVersion: backstage.io/v1alpha1\nkind: Location\nmetadata: {name: all}\nspec: {targets: ['"+url+"']}\n")
	h := &host{texts: map[string]string{url: group("far") + "---\n" + group("both") + "---\nkind: [\n"}}
	c := openOrigin(t, folder, state, h)
	if err := c.Refresh(t.Context(), "host.example"); err != nil {
		t.Fatal(err)
	}
	const asked = `{ entity(ref: "group:far") { annotations source { file line document location } }
	  ingestionIssues { nodes { severity rule file line document ref } } }`
	served := fmt.Sprintf(`{
	  "entity": {"annotations": {"backstage.io/managed-by-location": "url:%[1]s", "backstage.io/managed-by-origin-location": "url:%[1]s"},
	    "source": {"file": "%[1]s", "line": 1, "document": 0, "location": "url:%[1]s"}},
	  "ingestionIssues": {"nodes": [
	    {"severity": "ERROR", "rule": "entity-conflict", "file": "%[1]s", "line": 6, "document": 1, "ref": "group:default/both"},
	    {"severity": "ERROR", "rule": "yaml-syntax", "file": "%[1]s", "line": 11, "document": 2, "ref": null}]}}`, url)
	wantData(t, ask(t, c, asked, nil), served)

	// An edit beside them takes the short way, and keeps them.
	write(t, filepath.Join(folder, "catalog-info.yaml"), strings.Replace(group("both"), "type: team", "type: squad", 1))
	until(t, c, `{ entity(ref: "group:both") { type } }`, "squad")
	wantData(t, ask(t, c, `{ entity(ref: "group:far") { name } }`, nil), `{"entity": {"name": "far"}}`)

	h.set(func() { h.down = true })
	again := openOrigin(t, folder, state, h)
	wantData(t, ask(t, again, `{ entity(ref: "group:far") { name } }`, nil), `{"entity": {"name": "far"}}`)
	until(t, again, `{ ingestionIssues(filter: {rule: "origin-unavailable"}) { nodes { severity file } } }`, `"host.example"`)
	if err := again.Refresh(t.Context(), "host.example", url); err == nil {
		t.Error("a host that is down was read")
	}

	h.set(func() { h.down = false; delete(h.texts, url) })
	if err := again.Refresh(t.Context(), "host.example", url); err != nil {
		t.Fatal(err)
	}
	wantData(t, ask(t, again, `{ entity(ref: "group:far") { name } }`, nil), `{"entity": null}`)
	until(t, c, `{ entity(ref: "group:far") { name } }`, "null") // the other replica hears of it
	if err := again.Refresh(t.Context(), "nowhere"); !errors.Is(err, remote.ErrUnknownOrigin) {
		t.Errorf("an unknown origin: %v", err)
	}
}

// A push to one of ten thousand repositories, until its change is served.
func BenchmarkRefresh(b *testing.B) {
	const count = 10_000
	h := &host{texts: map[string]string{}}
	url := func(i int) string {
		return fmt.Sprintf("https://host.example/team/repo-%d/blob/main/catalog-info.yaml", i)
	}
	for i := range count {
		h.texts[url(i)] = group(fmt.Sprint("g", i))
	}
	c, err := catalog.Open(b.Context(), catalog.Config{StateFolder: b.TempDir(), Origins: []remote.Origin{h}})
	if err != nil {
		b.Fatal(err)
	}
	defer c.Close()
	if err := c.Refresh(b.Context(), "host.example"); err != nil {
		b.Fatal(err)
	}
	for i := 0; b.Loop(); i++ {
		h.set(func() { h.texts[url(i%count)] += "#\n" })
		if err := c.Refresh(b.Context(), "host.example", url(i%count)); err != nil {
			b.Fatal(err)
		}
	}
}
