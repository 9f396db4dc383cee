package gitlab_test

import (
	"errors"
	"fmt"
	"net/http"
	"net/netip"
	"net/url"
	"strconv"
	"testing"
	"time"

	"callboard.dev/callboard/clients"
	"callboard.dev/callboard/clients/cache"
	"callboard.dev/callboard/clients/clientstest"
	"callboard.dev/callboard/clients/gitlab"
	"callboard.dev/callboard/clients/gitlab/gitlabtest"
	"callboard.dev/callboard/clients/gitlab/gitlabtest/stage"
)

// sourced returns a client that asks a server over the network through the whole chain of package clients.
func sourced(t *testing.T, s *stage.Stage, shared clients.Shared) (*gitlab.Client, *clients.Source, *clientstest.Server) {
	t.Helper()
	server, err := clientstest.Listen("127.0.0.1:0", s, nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(server.Close)
	address, err := url.Parse(server.URL())
	if err != nil {
		t.Fatal(err)
	}
	source, err := clients.Open(clients.Settings{Name: "gitlab", Kind: "gitlab", Address: address, Token: clients.PrivateToken(stage.RitaToken),
		Allow: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}}, shared)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(source.Close)
	c, err := gitlab.New("gitlab", address, source.HTTP())
	if err != nil {
		t.Fatal(err)
	}
	return c, source, server
}

// TestSource checks that the client and the shared transport fit: credentials, kinds of errors, retries, remembered answers and limits.
func TestSource(t *testing.T) {
	s := stage.Set(t, gitlabtest.Settings{})
	remembered := cache.New(cache.Config{Store: cache.NewMemory(1 << 20)})
	t.Cleanup(func() { _ = remembered.Close() })
	c, source, _ := sourced(t, s, clients.Shared{Cache: remembered})
	ctx := t.Context()
	if got, errs := c.Projects(ctx, []string{stage.Search}); errs[0] != nil || got[0].Name != "Search" {
		t.Fatalf("%v, %v", got, errs)
	}
	if _, err := c.File(ctx, gitlab.PathIn{Project: stage.Search, Path: "no/such"}); !errors.Is(err, clients.ErrNotFound) || clients.Of(err).Status != 404 {
		t.Errorf("no file: %v", err)
	}
	if _, err := c.Tree(ctx, gitlab.TreeQuery{Project: "larkfold/nothing"}); !errors.Is(err, clients.ErrNotFound) {
		t.Errorf("no project: %v", err)
	}
	// A query changes nothing, so it is asked again when the first attempt fails.
	s.Faults.Add(clientstest.Fault{Kind: clientstest.Status, Status: 503, Times: 1})
	if _, errs := c.Projects(ctx, []string{stage.Search}); errs[0] != nil {
		t.Errorf("after one failure: %v", errs[0])
	}
	// What is of a kind is remembered by the transport.
	kind := clients.WithKind(ctx, "licence", "gitlab/"+stage.Search)
	costs(t, s, 1, "a licence, twice", func() {
		for range 2 {
			if l, err := c.License(kind, stage.Search); err != nil || l.Key != "apache-2.0" {
				t.Errorf("%v, %v", l, err)
			}
		}
	})
	if status := source.Status(); !status.Healthy {
		t.Errorf("status: %+v", status)
	}
}

// TestLimited checks that a limit that is used up is an error that says when to come back, and that nobody asks before.
func TestLimited(t *testing.T) {
	s := stage.Set(t, gitlabtest.Settings{Limit: 1000, Now: time.Now, Window: time.Hour})
	c, _, _ := sourced(t, s, clients.Shared{})
	s.Exhaust("rita")
	_, errs := c.Projects(t.Context(), []string{stage.Search})
	e := clients.Of(errs[0])
	if !errors.Is(errs[0], clients.ErrLimited) || e.RetryAt.IsZero() || time.Until(e.RetryAt) > time.Hour+time.Minute {
		t.Fatalf("%+v", e)
	}
	costs(t, s, 0, "asking again", func() {
		if _, err := c.License(t.Context(), stage.Search); !errors.Is(err, clients.ErrLimited) {
			t.Errorf("REST: %v", err)
		}
	})
}

// TestDown checks the error of a GitLab that is not there.
func TestDown(t *testing.T) {
	s := stage.Set(t, gitlabtest.Settings{})
	c, _, server := sourced(t, s, clients.Shared{})
	server.Down()
	if _, errs := c.Projects(t.Context(), []string{stage.Search}); !errors.Is(errs[0], clients.ErrUnavailable) {
		t.Errorf("%v", errs[0])
	}
}

// TestWeight checks that GitLab takes every query at its largest, from nobody and in the free tier, which know and allow the least.
func TestWeight(t *testing.T) {
	for _, free := range []bool{true, false} {
		s := stage.Set(t, gitlabtest.Settings{Free: free})
		if err := s.ChangeProject(stage.Search, func(p *gitlabtest.Project) { p.Visibility = gitlabtest.Public }); err != nil {
			t.Fatal(err)
		}
		c := on(t, s, "")
		ctx, all := t.Context(), gitlab.Page{First: 100}
		yes := true
		check := func(name string, err error) {
			t.Helper()
			if err != nil {
				t.Errorf("free %v: %s: %v", free, name, err)
			}
		}
		page, err := one(c.MergeRequests(ctx, list(gitlab.MergeRequestsQuery{Project: stage.Search, State: "opened", Labels: []string{"bug"}, Author: "ada", Reviewer: "rita", Search: "rank", SourceBranch: "feature/ranking",
			TargetBranch: "main", UpdatedAfter: stage.Now.AddDate(-1, 0, 0), UpdatedBefore: stage.Now, Page: all})))
		check("MergeRequests", err)
		if err == nil && (page.Total != 1 || page.MergeRequests[0].Review == gitlab.ReviewNone) {
			t.Errorf("free %v: %+v", free, page)
		}
		_, err = one(c.MergeRequests(ctx, list(gitlab.MergeRequestsQuery{Project: stage.Search, Draft: &yes, Search: "old", Page: gitlab.Page{Last: 100}})))
		check("MergeRequests from the end", err)
		_, err = one(c.Issues(ctx, list(gitlab.IssuesQuery{Project: stage.Search, State: "opened", Labels: []string{"bug"}, Author: "max", Assignee: "ada", Search: "x", Page: all})))
		check("Issues", err)
		_, err = one(c.Labels(ctx, list(gitlab.ListQuery{Project: stage.Search, Page: all})))
		check("Labels", err)
		_, err = one(c.Releases(ctx, list(gitlab.ListQuery{Project: stage.Search, Page: all})))
		check("Releases", err)
		_, err = c.GroupProjects(ctx, gitlab.GroupProjectsQuery{Group: "larkfold", Subgroups: true, Archived: true, Page: all})
		check("GroupProjects", err)
		_, err = c.GroupMembers(ctx, "larkfold", true, all)
		check("GroupMembers", err)
		var numbers []gitlab.MergeRequestNumber
		for n := range 100 {
			numbers = append(numbers, gitlab.MergeRequestNumber{Project: stage.Search, Number: n + 1})
		}
		_, errs := c.MergeRequestsByNumber(ctx, numbers)
		check("MergeRequestsByNumber", errs[0])
		if !errors.Is(errs[99], clients.ErrNotFound) {
			t.Errorf("free %v: no merge request: %v", free, errs[99])
		}
		names := []string{"ada"}
		for range 19 {
			names = append(names, names[len(names)-1]+"x")
		}
		for _, reviews := range []bool{false, true} {
			_, errs = c.Queue(ctx, gitlab.QueueQuery{Usernames: names, Reviews: reviews, From: stage.Now, First: 100})
			check("Queue", errs[0])
		}
		var revisions []gitlab.Revision
		for range 9 {
			revisions = append(revisions, gitlab.Revision{Project: stage.Search, Name: "main"})
		}
		_, errs = c.Commits(ctx, revisions)
		check("Commits", errs[8])
		_, errs = c.FilesAt(ctx, []string{stage.Search}, "rank.go")
		check("FilesAt", errs[0])
		if _, errs := c.Vulnerabilities(ctx, []string{stage.Search}); !errors.Is(errs[0], clients.ErrForbidden) {
			t.Errorf("free %v: Vulnerabilities: %v", free, errs[0])
		}
	}
}

// TestAddresses checks which addresses of a merge request are taken.
func TestAddresses(t *testing.T) {
	c := on(t, stage.Set(t, gitlabtest.Settings{}), "")
	for text, want := range map[string]string{
		"https://gitlab.larkfold.example/larkfold/platform/search/-/merge_requests/12": "larkfold/platform/search!12",
		"https://GITLAB.larkfold.example/a/b/-/merge_requests/1/diffs?x=y#note_1":      "a/b!1",
		"https://gitlab.com/a/b/-/merge_requests/1":                                    "",
		"https://gitlab.larkfold.example/a/b/-/issues/1":                               "",
		"https://gitlab.larkfold.example/a/-/merge_requests/1":                         "",
		"https://gitlab.larkfold.example/a/b/-/merge_requests/x":                       "",
		"https://user:secret@gitlab.larkfold.example/a/b/-/merge_requests/1":           "",
		"javascript://gitlab.larkfold.example/a/b/-/merge_requests/1":                  "",
		"https://gitlab.larkfold.example/a/../b/-/merge_requests/1":                    "",
	} {
		n, err := c.ParseMergeRequestURL(text)
		switch {
		case want == "" && !errors.Is(err, gitlab.ErrInvalid):
			t.Errorf("%s: %v, %v", text, n, err)
		case want != "" && (err != nil || n.Project+"!"+strconv.Itoa(n.Number) != want):
			t.Errorf("%s: %v, %v", text, n, err)
		}
	}
	for _, address := range []string{"", "gitlab.com", "ftp://gitlab.com", "https://"} {
		u, _ := url.Parse(address)
		if _, err := gitlab.New("gitlab", u, nil); !errors.Is(err, gitlab.ErrInvalid) {
			t.Errorf("%q: %v", address, err)
		}
	}
}

// FuzzAddress feeds the reader of addresses: what it takes names a merge request on this GitLab, by a path that can be asked for.
func FuzzAddress(f *testing.F) {
	for _, text := range []string{"https://gitlab.larkfold.example/a/b/-/merge_requests/1", "https://gitlab.larkfold.example/a/%2e%2e/b/-/merge_requests/1/diffs", "//gitlab.larkfold.example", "https://gitlab.larkfold.example/a/b/-/merge_requests/-/merge_requests/2"} {
		f.Add(text)
	}
	address, _ := url.Parse("https://gitlab.larkfold.example")
	c, err := gitlab.New("gitlab", address, &http.Client{})
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, text string) {
		n, err := c.ParseMergeRequestURL(text)
		if err != nil {
			if !errors.Is(err, gitlab.ErrInvalid) {
				t.Fatal(err)
			}
			return
		}
		again, err := c.ParseMergeRequestURL(fmt.Sprintf("https://gitlab.larkfold.example/%s/-/merge_requests/%d", n.Project, n.Number))
		if err != nil || again != n {
			t.Fatalf("%q: %v, and then %v, %v", text, n, again, err)
		}
	})
}
