package remote_test

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"

	"callboard.dev/callboard/subgraphs/catalog/descriptor"
	"callboard.dev/callboard/subgraphs/catalog/remote"
	"callboard.dev/callboard/subgraphs/catalog/store"
	"callboard.dev/callboard/subgraphs/catalog/store/sqlite"
)

const (
	root  = "https://host.example/team/web/blob/main/"
	file  = root + "catalog-info.yaml"
	other = "https://host.example/team/cart/blob/main/catalog-info.yaml"
)

// host is an origin in memory.
type host struct {
	name string

	mu       sync.Mutex
	catalog  map[string]string // catalog files by URL
	other    map[string]string // files beside them
	failing  map[string]error  // files that cannot be read
	down     error
	searches int
	texts    int           // that were sent
	reads    []string      // URLs that were to be read
	lists    []string      // roots that were listed
	unlisted error         // why they cannot be
	partial  bool          // they are listed without their last file
	hostile  []string      // names that are listed too
	hold     chan struct{} // what searches wait for, having looked
	holdRead chan struct{} // the same of reading
}

func newHost(catalog map[string]string) *host {
	return &host{name: "host.example", catalog: catalog, other: map[string]string{}, failing: map[string]error{}}
}

// set changes the host.
func (h *host) set(change func()) {
	h.mu.Lock()
	defer h.mu.Unlock()
	change()
}

func (h *host) Name() string { return h.name }

func (h *host) say(url, known string) remote.File {
	out := remote.File{URL: url}
	if strings.HasPrefix(url, root) {
		out.Root = root
	}
	text, ok := h.catalog[url]
	if !ok {
		text, ok = h.other[url]
	}
	validator := fmt.Sprintf("%x", sha256.Sum256([]byte(text)))
	switch {
	case h.failing[url] != nil:
		out.Err = h.failing[url]
	case !ok:
		out.Err = fmt.Errorf("reading %s: %w", url, fs.ErrNotExist)
	case known == validator:
		out.Unchanged = true
	default:
		h.texts++
		out.Text, out.Validator = []byte(text), validator
	}
	return out
}

func (h *host) Files(ctx context.Context, known map[string]string) ([]remote.File, error) {
	h.mu.Lock()
	h.searches++
	down, hold := h.down, h.hold
	var out []remote.File
	if down == nil {
		for url := range h.catalog {
			out = append(out, h.say(url, known[url]))
		}
	}
	h.mu.Unlock()
	if hold != nil {
		select {
		case <-hold:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
	return out, down
}

func (h *host) Read(ctx context.Context, wanted map[string]string) ([]remote.File, error) {
	h.mu.Lock()
	hold := h.holdRead
	h.mu.Unlock()
	if hold != nil {
		select {
		case <-hold:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	var out []remote.File
	for url, known := range wanted {
		h.reads = append(h.reads, url)
		if h.down == nil {
			out = append(out, h.say(url, known))
		}
	}
	return out, h.down
}

func (h *host) List(_ context.Context, known map[string]string) ([]remote.Listing, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	var out []remote.Listing
	for at, validator := range known {
		one := remote.Listing{Root: at, Whole: !h.partial, Err: h.unlisted}
		for _, files := range []map[string]string{h.catalog, h.other} {
			for url := range files {
				if strings.HasPrefix(url, at) {
					one.Files = append(one.Files, url)
				}
			}
		}
		slices.Sort(one.Files)
		one.Validator = fmt.Sprintf("%x", sha256.Sum256([]byte(strings.Join(one.Files, " "))))
		switch {
		case h.down != nil:
			continue
		case h.unlisted != nil:
			one.Files = nil
		case validator == one.Validator:
			one = remote.Listing{Root: at, Unchanged: true}
		default:
			h.lists = append(h.lists, at)
		}
		if h.partial && len(one.Files) > 0 {
			one.Files = one.Files[:len(one.Files)-1]
		}
		one.Files = append(one.Files, h.hostile...)
		out = append(out, one)
	}
	return out, h.down
}

// replica is a Remote, and what it gives.
type replica struct {
	*remote.Remote
	mu    sync.Mutex
	given map[string][]descriptor.Served
	times int             // that something was given
	rules map[string]bool // of all issues there ever were
}

// follow starts a replica. It is stopped when the test ends, or before.
func follow(t *testing.T, s store.Store, c remote.Config, origins ...remote.Origin) *replica {
	t.Helper()
	c.Origins, c.Store = origins, s
	opened, err := remote.Open(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	r := &replica{Remote: opened, given: map[string][]descriptor.Served{}, rules: map[string]bool{}}
	maps.Copy(r.given, opened.Given())
	opened.Follow(t.Context(), func(_ context.Context, origin string, files []descriptor.Served) error {
		r.mu.Lock()
		defer r.mu.Unlock()
		r.given[origin] = files
		r.times++
		for _, f := range files {
			for _, issue := range f.Issues {
				r.rules[issue.Rule] = true
			}
		}
		return nil
	})
	t.Cleanup(opened.Close)
	return r
}

func memory(t *testing.T) store.Store {
	s := sqlite.New("")
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

func (r *replica) entities() []*descriptor.Entity {
	r.mu.Lock()
	defer r.mu.Unlock()
	var out []*descriptor.Entity
	for _, files := range r.given {
		for _, f := range files {
			for _, e := range f.Entities {
				if e != nil {
					out = append(out, e)
				}
			}
		}
	}
	slices.SortFunc(out, func(a, b *descriptor.Entity) int { return descriptor.CompareRefs(a.Ref, b.Ref) })
	return out
}

func (r *replica) entity(t *testing.T, name string) *descriptor.Entity {
	t.Helper()
	for _, e := range r.entities() {
		if e.Name == name {
			return e
		}
	}
	t.Fatalf("%s is not served", name)
	return nil
}

// want checks what is served, as "name title" sorted by name.
func (r *replica) want(t *testing.T, want ...string) {
	t.Helper()
	var got []string
	for _, e := range r.entities() {
		got = append(got, strings.TrimSpace(e.Name+" "+e.Metadata.Title))
	}
	if !slices.Equal(got, want) {
		t.Errorf("served are %q, want %q; issues: %v", got, want, r.issues())
	}
}

// gives returns how often something was given.
func (r *replica) gives() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.times
}

func (r *replica) issues() []descriptor.Issue {
	r.mu.Lock()
	defer r.mu.Unlock()
	var out []descriptor.Issue
	for _, files := range r.given {
		for _, f := range files {
			out = append(out, f.Issues...)
		}
	}
	descriptor.SortIssues(out)
	return out
}

// wantIssues checks the issues, as "SEVERITY rule file:line". The last text must be in every message.
func (r *replica) wantIssues(t *testing.T, says string, want ...string) {
	t.Helper()
	var got []string
	for _, issue := range r.issues() {
		got = append(got, fmt.Sprintf("%s %s %s:%d", issue.Severity, issue.Rule, issue.File, issue.Line))
		if !strings.Contains(issue.Message, says) {
			t.Errorf("the message %q does not hold %q", issue.Message, says)
		}
	}
	if !slices.Equal(got, want) {
		t.Errorf("the issues are\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

func group(name, title string) string {
	return "apiVersion: backstage.io/v1alpha1\nkind: Group\nmetadata: {name: " + name + ", title: " + title + "}\nspec: {type: team, children: []}\n"
}

func api(name, definition string) string {
	return "apiVersion: backstage.io/v1alpha1\nkind: API\nmetadata: {name: " + name + "}\nspec: {type: openapi, lifecycle: x, owner: y, definition: {" + definition + "}}\n"
}

func location(spec string) string {
	return "apiVersion: backstage.io/v1alpha1\nkind: Location\nmetadata: {name: more}\nspec: {" + spec + "}\n"
}

var errDown = errors.New("no answer")
