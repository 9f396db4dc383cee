package host_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"testing"
	"time"

	"callboard.dev/callboard/clients"
	"callboard.dev/callboard/clients/cache"
	"callboard.dev/callboard/clients/clientstest"
	"callboard.dev/callboard/clients/gitlab"
	"callboard.dev/callboard/clients/gitlab/gitlabtest"
	"callboard.dev/callboard/clients/gitlab/gitlabtest/stage"
	"callboard.dev/callboard/subgraphs/forge"
	"callboard.dev/callboard/subgraphs/repos/host"
)

// crowd puts people on the stage who have opened pull requests and wait for reviews, several in the same second, in one team with Rita above it.
func crowd(t *testing.T, s *stage.Stage) {
	t.Helper()
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	var members []gitlabtest.Member
	for i := range 23 {
		name := fmt.Sprintf("dev%02d", i)
		must(s.AddUser(gitlabtest.User{Username: name, Email: name + "@example.com"}))
		members = append(members, gitlabtest.Member{Username: name, Access: gitlabtest.Developer})
	}
	must(s.AddGroup(gitlabtest.Group{Path: "larkfold/crowd", Visibility: gitlabtest.Public, Members: members}))
	must(s.AddGroup(gitlabtest.Group{Path: "larkfold/nobody", Visibility: gitlabtest.Public}))
	must(s.AddProject(t.Context(), gitlabtest.Project{Path: "larkfold/crowd/project", Visibility: gitlabtest.Public}))
	states := []string{"unreviewed", "approved", "requested_changes", "unapproved", "reviewed", "review_started"}
	for i := range 40 {
		at := stage.Now.Add(time.Duration(i/3) * time.Second)
		_, err := s.AddMergeRequest(t.Context(), "larkfold/crowd/project", gitlabtest.MergeRequest{Title: fmt.Sprint(i), SourceBranch: "x", TargetBranch: "main",
			Author: fmt.Sprintf("dev%02d", i%7), CreatedAt: at, UpdatedAt: at.Add(time.Duration(i*7%20) * time.Hour),
			Reviewers: []gitlabtest.Reviewer{{Username: fmt.Sprintf("dev%02d", i%5), State: states[i%6]}, {Username: "dev20", State: states[i%5]}}})
		must(err)
	}
}

func TestGitLabSearches(t *testing.T) {
	s := stage.Set(t, gitlabtest.Settings{})
	crowd(t, s)
	d := onGitLab(t, s, stage.RitaToken)
	ctx := t.Context()
	number := func(p *host.PullRequest) string { return fmt.Sprint(p.Number) }
	for _, k := range []struct {
		search host.Search
		count  int
		total  bool
	}{
		{host.Search{Users: list("dev00")}, 6, true},
		{host.Search{Users: list("dev01", "DEV01", "nobody")}, 6, true},
		{host.Search{Team: "larkfold/crowd"}, 40, true},
		{host.Search{Users: list("ada"), Team: "larkfold/crowd"}, 41, true},
		{host.Search{Users: list("dev20"), Reviews: true}, 16, true}, // unreviewed and unapproved
		{host.Search{Team: "larkfold/crowd", Reviews: true}, 27, true},
		{host.Search{Users: list("dev22"), Reviews: true}, 0, true},
		{host.Search{Team: "larkfold/nobody"}, 0, true},
	} {
		for _, first := range []int{1, 3, 20} {
			read := func(p host.Paging) (*host.Page[*host.PullRequest], error) {
				k.search.Paging = p
				return one(d.Searches(ctx, list(k.search)))
			}
			// A page of what waits may be short where there is more: so lists are put together from pages, and compared with all at once.
			whole, err := read(host.Paging{First: 100})
			if err != nil || len(whole.Items) != k.count || whole.Next || whole.Prev || *whole.Total != k.count {
				t.Fatalf("%+v: %+v, %v", k.search, whole, err)
			}
			for i, p := range whole.Items[:max(0, len(whole.Items)-1)] {
				if next := whole.Items[i+1]; k.search.Reviews && p.UpdatedAt.After(next.UpdatedAt) || !k.search.Reviews && p.CreatedAt.Before(next.CreatedAt) {
					t.Errorf("%+v: %d before %d", k.search, p.Number, next.Number)
				}
			}
			var all, parts []string
			for _, p := range whole.Items {
				all = append(all, number(p))
			}
			p := host.Paging{First: first}
			for range 60 {
				page, err := read(p)
				if err != nil || len(page.Items) > first || len(page.Cursors) != len(page.Items) || page.Next && len(page.Items) == 0 {
					t.Fatalf("%+v: %+v, %v", k.search, page, err)
				}
				for _, item := range page.Items {
					parts = append(parts, number(item))
				}
				if !page.Next {
					break
				}
				p.After = page.Cursors[len(page.Cursors)-1]
			}
			if strings.Join(parts, " ") != strings.Join(all, " ") {
				t.Errorf("%+v in pages of %d: %v, want %v", k.search, first, parts, all)
			}
		}
	}
	gitLabCosts(t, s, 1, "what five people have open", func() {
		var searches []host.Search
		for i := range 5 {
			searches = append(searches, host.Search{Users: list(fmt.Sprintf("dev%02d", i)), Paging: host.Paging{First: 20}})
		}
		pages, errs := d.Searches(ctx, searches)
		for i, page := range pages {
			if errs[i] != nil || len(page.Items) == 0 || page.Items[0].Author.Login != searches[i].Users[0] {
				t.Errorf("%+v, %v", page, errs[i])
			}
		}
	})
	gitLabCosts(t, s, 3, "what a team of 23 has open", func() {
		if _, err := one(d.Searches(ctx, list(host.Search{Team: "larkfold/crowd", Paging: host.Paging{First: 20}}))); err != nil {
			t.Error(err)
		}
	})
	for _, search := range []host.Search{{Users: list("nobody")}, {Team: "larkfold/none"}} {
		search.Paging.First = 1
		if _, err := one(d.Searches(ctx, list(search))); !errors.Is(err, clients.ErrNotFound) {
			t.Errorf("%+v: %v", search, err)
		}
	}
}

// TestGitLabRefuses checks that what can name nothing, or cannot be done, is a clear error and never asked.
func TestGitLabRefuses(t *testing.T) {
	s := stage.Set(t, gitlabtest.Settings{})
	d := onGitLab(t, s, stage.RitaToken)
	ctx := t.Context()
	first := host.Paging{First: 1}
	for what, ask := range map[string]func() error{
		"a path": func() error { _, err := one(d.Repositories(ctx, list("a/../b"))); return err },
		"a path of pulls": func() error {
			_, err := one(d.PullRequestPages(ctx, list(host.PullRequestQuery{Repository: "a", Paging: first})))
			return err
		},
		"the last of two states": func() error {
			_, err := one(d.PullRequestPages(ctx, list(host.PullRequestQuery{Repository: stage.Search, States: list("CLOSED", "MERGED"), Paging: host.Paging{Last: 1}})))
			return err
		},
		"a cursor of two states": func() error {
			_, err := one(d.PullRequestPages(ctx, list(host.PullRequestQuery{Repository: stage.Search, States: list("CLOSED", "MERGED"), Paging: host.Paging{First: 1, After: "2:abc"}})))
			return err
		},
		"no state": func() error {
			_, err := one(d.PullRequestPages(ctx, list(host.PullRequestQuery{Repository: stage.Search, States: list("opened"), Paging: first})))
			return err
		},
		"no order": func() error {
			_, err := one(d.PullRequestPages(ctx, list(host.PullRequestQuery{Repository: stage.Search, Order: host.Order{Field: "SIZE"}, Paging: first})))
			return err
		},
		"a branch": func() error {
			_, err := one(d.PullRequestPages(ctx, list(host.PullRequestQuery{Repository: stage.Search, Base: "a b", Paging: first})))
			return err
		},
		"a cursor": func() error {
			_, err := one(d.PullRequestPages(ctx, list(host.PullRequestQuery{Repository: stage.Search, Paging: host.Paging{First: 1, After: `"x"`}})))
			return err
		},
		"a long cursor": func() error {
			_, err := one(d.LabelPages(ctx, list(host.ListQuery{Repository: stage.Search, Paging: host.Paging{First: 1, After: strings.Repeat("a", 2000)}})))
			return err
		},
		"between cursors": func() error {
			_, err := one(d.ReleasePages(ctx, list(host.ListQuery{Repository: stage.Search, Paging: host.Paging{First: 1, Before: "abc"}})))
			return err
		},
		"an assignee": func() error {
			_, err := one(d.IssuePages(ctx, list(host.IssueQuery{Repository: stage.Search, Assignee: "a b", Paging: first})))
			return err
		},
		"a place": func() error {
			_, err := one(d.RefPages(ctx, list(host.RefQuery{Repository: stage.Search, Paging: host.Paging{First: 1, After: "2:1"}})))
			return err
		},
		"a negative place": func() error {
			_, err := one(d.RefPages(ctx, list(host.RefQuery{Repository: stage.Search, Paging: host.Paging{First: 1, After: "1:-1"}})))
			return err
		},
		"a place too far": func() error {
			_, err := one(d.RefPages(ctx, list(host.RefQuery{Repository: stage.Search, Paging: host.Paging{First: 1, After: "1:49999999"}})))
			return err
		},
		"a page too far": func() error {
			_, err := one(d.RefPages(ctx, list(host.RefQuery{Repository: stage.Search, Paging: host.Paging{First: 1, After: "1:600"}})))
			return err
		},
		"the end of a name": func() error {
			_, err := one(d.RefPages(ctx, list(host.RefQuery{Repository: stage.Search, Contains: "x$", Paging: first})))
			return err
		},
		"no page": func() error {
			_, err := one(d.RefPages(ctx, list(host.RefQuery{Repository: stage.Search})))
			return err
		},
		"the last of a history": func() error {
			_, err := one(d.Histories(ctx, list(host.HistoryQuery{Repository: stage.Search, Start: s.Head, Paging: host.Paging{Last: 1}})))
			return err
		},
		"a history of a branch": func() error {
			_, err := one(d.Histories(ctx, list(host.HistoryQuery{Repository: stage.Search, Start: "main", Paging: first})))
			return err
		},
		"a user": func() error {
			_, err := one(d.Searches(ctx, list(host.Search{Users: list("a b"), Paging: first})))
			return err
		},
		"a team": func() error {
			_, err := one(d.Searches(ctx, list(host.Search{Team: "../x", Paging: first})))
			return err
		},
		"nobody": func() error { _, err := one(d.Searches(ctx, list(host.Search{Paging: first}))); return err },
		"a search's end": func() error {
			_, err := one(d.Searches(ctx, list(host.Search{Users: list("ada"), Paging: host.Paging{Last: 1}})))
			return err
		},
		"a search's cursor": func() error {
			_, err := one(d.Searches(ctx, list(host.Search{Users: list("ada"), Paging: host.Paging{First: 1, After: "1:5"}})))
			return err
		},
		"a blob": func() error {
			_, err := one(d.Blobs(ctx, list(host.NamedObject{Repository: stage.Search, OID: "../../x"})))
			return err
		},
		"changes": func() error {
			_, err := one(d.Changes(ctx, list(host.NamedObject{Repository: stage.Search, OID: "HEAD"})))
			return err
		},
		"contributors": func() error { _, err := one(d.Contributors(ctx, list("x"))); return err },
	} {
		refused(t, what, ask())
	}
	if n := s.Watch.Count(""); n != 0 {
		t.Errorf("%d requests were made: %v", n, s.Watch.Counts())
	}
	// One that is refused does not take the others with it.
	pages, errs := d.PullRequestPages(ctx, list(host.PullRequestQuery{Repository: "a", Paging: first}, host.PullRequestQuery{Repository: stage.Search, Paging: first}))
	if errs[1] != nil || len(pages[1].Items) != 1 {
		t.Errorf("%v, %v", pages, errs)
	}
	refused(t, "one of two", errs[0])
}

// TestGitLabPartial checks that a repository of which a part is missing is shown with the rest.
func TestGitLabPartial(t *testing.T) {
	d := onGitLab(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = w.Write([]byte(`{"data":{"l0":{"nodes":[{"fullPath":"a/b","starCount":7,"languages":null,"repository":{"empty":true}},null]}},"errors":[{"message":"Something went wrong","path":["l0","nodes",0,"languages"]}]}`))
	}), "")
	found, errs := d.Repositories(t.Context(), list("a/b", "a/c"))
	if errs[0] != nil || found[0].Stars != 7 || found[0].Languages != nil || found[0].OpenIssues != nil || found[0].OpenPulls != nil || !errors.Is(errs[1], clients.ErrUnavailable) {
		t.Errorf("%+v, %v", found[0], errs)
	}
	s := stage.Set(t, gitlabtest.Settings{})
	d = onGitLab(t, s, stage.RitaToken)
	s.Faults.Add(clientstest.Fault{Kind: clientstest.Status, Status: 502})
	if _, err := one(d.Searches(t.Context(), list(host.Search{Users: list("ada"), Paging: host.Paging{First: 1}}))); !errors.Is(err, clients.ErrUnavailable) {
		t.Errorf("a search that fails: %v", err)
	}
}

// TestGitLabCode checks that a repository whose code is not shown is not taken for one without commits.
func TestGitLabCode(t *testing.T) {
	body := `{"data":{"l0":{"nodes":[{"fullPath":"a/b","repository":null}]}}}`
	d := onGitLab(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { _, _ = w.Write([]byte(body)) }), "")
	found, errs := d.Repositories(t.Context(), list("a/b"))
	if errs[0] != nil || !found[0].CodeHidden || found[0].Empty {
		t.Errorf("code that may not be seen: %+v, %v", found[0], errs[0])
	}
	body = `{"data":{"l0":{"nodes":[{"fullPath":"a/b","repository":null}]}},"errors":[{"message":"Something went wrong","path":["l0","nodes",0,"repository"]}]}`
	if _, errs = d.Repositories(t.Context(), list("a/b")); !errors.Is(errs[0], clients.ErrUnavailable) {
		t.Errorf("code that could not be read: %v", errs[0])
	}
}

// FuzzGitLabCursors gives every list a cursor of any kind: it may be an error, and never a panic.
func FuzzGitLabCursors(f *testing.F) {
	for _, seed := range []string{"", "1:1", "1:49999", "1:-1", "1:01", "1:1:2", "1:253402300799:9", "1:9223372036854775807:1", "eyJpZCI6MX0", "\x00"} {
		f.Add(seed, 3)
		f.Add(seed, -120)
	}
	d := onGitLab(f, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		if r.Method == http.MethodGet {
			w.Header().Set("X-Total", "7")
			_, _ = w.Write([]byte(`[{"name":"a"},{"name":"b"},{"id":"1111111111111111111111111111111111111111"}]`))
			return
		}
		_, _ = w.Write([]byte(`{"data":{"users":{"nodes":[{"username":"ada","queue":{"count":9,"nodes":[{"id":"1","updatedAt":"2026-01-01T00:00:00Z"},{"id":"2"}]}}]}}}`))
	}), "")
	f.Fuzz(func(t *testing.T, cursor string, n int) {
		ctx := context.Background()
		for _, p := range []host.Paging{{First: n, After: cursor}, {Last: n, Before: cursor}} {
			_, _ = d.RefPages(ctx, list(host.RefQuery{Repository: "a/b", Paging: p}))
			_, _ = d.Histories(ctx, list(host.HistoryQuery{Repository: "a/b", Start: strings.Repeat("1", 40), Paging: p}))
			_, _ = d.Searches(ctx, list(host.Search{Users: list("ada"), Paging: p}))
			_, _ = d.PullRequestPages(ctx, list(host.PullRequestQuery{Repository: "a/b", States: list("OPEN", "CLOSED"), Paging: p}))
			_, _ = d.LabelPages(ctx, list(host.ListQuery{Repository: "a/b", Paging: p}))
		}
	})
}

// TestGitLabRemembered checks what a host makes of a GitLab behind the whole chain of package clients: nothing is asked twice, what has changed is asked
// again, and a source that is down is answered for by what is remembered.
func TestGitLabRemembered(t *testing.T) {
	s := stage.Set(t, gitlabtest.Settings{})
	server, err := clientstest.Listen("127.0.0.1:0", s, nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(server.Close)
	address, err := url.Parse(server.URL())
	if err != nil {
		t.Fatal(err)
	}
	remembered := cache.New(cache.Config{Store: cache.NewMemory(1 << 20)})
	t.Cleanup(func() { _ = remembered.Close() })
	source, err := clients.Open(clients.Settings{Name: "gitlab", Kind: "gitlab", Address: address, Token: clients.PrivateToken(stage.RitaToken), Policies: host.Policies(),
		Allow: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}}, clients.Shared{Cache: remembered})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(source.Close)
	client, err := gitlab.New("gitlab", address, source.HTTP())
	if err != nil {
		t.Fatal(err)
	}
	below := host.New(forge.GitLab, address.JoinPath("git"), source, host.NewGitLab(client)) // not at the top of its server
	for path, want := range map[string]string{"/git/a/b": "a/b true", "/git/a/b/-/tree/main": "a/b true", "/gitter/a/b": " false", "/a/b": " false", "/git": " false"} {
		if repository, _, ok := below.Locate(address.JoinPath(path)); fmt.Sprint(repository, " ", ok) != want {
			t.Errorf("%s is %q, %v; want %s", path, repository, ok, want)
		}
	}
	h := host.New(forge.GitLab, address, source, host.NewGitLab(client))
	paths := list(stage.Search, stage.Player)
	query := list(host.PullRequestQuery{Repository: stage.Search, States: list("OPEN"), Order: host.Order{Field: "CREATED_AT", Desc: true}, Paging: host.Paging{First: 20}})
	ctx := t.Context()
	load := func(state cache.State) {
		t.Helper()
		repositories, pulls := h.Repositories(ctx, paths), h.PullRequestPages(ctx, query)
		for _, r := range repositories {
			if !r.Known() || r.State != state || r.Value.Stars == 0 || r.At.IsZero() {
				t.Errorf("%+v", r)
			}
		}
		if p := pulls[0]; !p.Known() || p.State != state || len(p.Value.Items) != 3 || len(p.Value.Cursors) != 3 {
			t.Errorf("%+v", p)
		}
	}
	gitLabCosts(t, s, 2, "the first time", func() { load(cache.Live) })
	gitLabCosts(t, s, 0, "the second time", func() { load(cache.Cached) })
	if l := h.Repositories(ctx, list("larkfold/nothing"))[0]; !l.Absent {
		t.Errorf("no repository: %+v", l)
	}
	outdated := func() {
		t.Helper()
		if err := remembered.Invalidate(ctx, h.Outdated(host.Changed{Repositories: list("Larkfold/Platform/Search", stage.Player), PullRequests: true})...); err != nil {
			t.Fatal(err)
		}
	}
	outdated()
	gitLabCosts(t, s, 2, "after a change", func() { load(cache.Live) })
	outdated()
	server.Down()
	load(cache.Stale)
	l := h.Repositories(ctx, list(stage.Handbook))[0]
	if e := clients.Of(l.Err); l.State != cache.Failed || l.Known() || e == nil || !errors.Is(l.Err, clients.ErrUnavailable) || e.Source != "gitlab" {
		t.Errorf("what was never known: %+v", l)
	}
	if l := h.Repositories(ctx, list("../etc"))[0]; l.State != cache.Failed || clients.Of(l.Err) == nil {
		t.Errorf("what can name nothing: %+v", l)
	}
	// The way from an address of a page to the pull request that it shows.
	page, _ := url.Parse(server.URL() + "/larkfold/platform/search/-/merge_requests/5/diffs")
	repository, rest, ok := h.Locate(page)
	if !ok || repository != stage.Search || h.PullRequestIn(rest) != 5 {
		t.Errorf("%s: %q, %q, %v", page, repository, rest, ok)
	}
	clone, _ := url.Parse(server.URL() + "/larkfold/platform/search.git")
	if repository, _, ok := h.Locate(clone); !ok || repository != stage.Search {
		t.Errorf("%s: %q, %v", clone, repository, ok)
	}
}
