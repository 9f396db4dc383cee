package host_test

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"callboard.dev/callboard/clients"
	"callboard.dev/callboard/clients/clientstest"
	"callboard.dev/callboard/clients/git"
	"callboard.dev/callboard/clients/gitlab"
	"callboard.dev/callboard/clients/gitlab/gitlabtest"
	"callboard.dev/callboard/clients/gitlab/gitlabtest/stage"
	"callboard.dev/callboard/subgraphs/repos/host"
)

// gitLabToken is what package clients does of a transport: the credential.
type gitLabToken struct {
	next  http.RoundTripper
	token string
}

func (a gitLabToken) RoundTrip(r *http.Request) (*http.Response, error) {
	r = r.Clone(r.Context())
	r.Header.Set("PRIVATE-TOKEN", a.token)
	return a.next.RoundTrip(r)
}

// onGitLab returns a driver of the stage that asks with a token.
func onGitLab(t testing.TB, s http.Handler, token string) host.Driver {
	t.Helper()
	address, _ := url.Parse("https://gitlab.larkfold.example")
	client, err := gitlab.New("gitlab", address, &http.Client{Transport: gitLabToken{clientstest.Transport{Handler: s}, token}})
	if err != nil {
		t.Fatal(err)
	}
	return host.NewGitLab(client)
}

// gitLabCosts runs f and checks how many requests it made.
func gitLabCosts(t *testing.T, s *stage.Stage, want int, what string, f func()) {
	t.Helper()
	before := s.Watch.Count("")
	f()
	if got := s.Watch.Count("") - before; got != want {
		t.Errorf("%s: %d requests, want %d", what, got, want)
	}
}

func list[Q any](questions ...Q) []Q { return questions }

// refused checks that an error says that nothing was asked, in a way that the graph has a code for.
func refused(t *testing.T, what string, err error) {
	t.Helper()
	if e := clients.Of(err); !errors.Is(err, git.ErrInvalid) || e == nil || e.Source != "gitlab" {
		t.Errorf("%s: %v", what, err)
	}
}

// TestGitLabAsksOnce keeps the promise of the portal: a page of twenty components with their repositories, head commits and open pull requests is two
// requests, when nothing is remembered.
func TestGitLabAsksOnce(t *testing.T) {
	s := stage.Set(t, gitlabtest.Settings{})
	paths := list(stage.Search, stage.Player, stage.Empty)
	for i := range 17 {
		path := fmt.Sprintf("larkfold/apps/p%02d", i)
		if err := s.AddProject(t.Context(), gitlabtest.Project{Path: path, Visibility: gitlabtest.Public}); err != nil {
			t.Fatal(err)
		}
		paths = append(paths, path)
	}
	d := onGitLab(t, s, stage.AdaToken)
	all := func(errs []error) {
		t.Helper()
		for i, err := range errs {
			if err != nil {
				t.Errorf("%s: %v", paths[i], err)
			}
		}
	}
	gitLabCosts(t, s, 1, "twenty repositories", func() {
		found, errs := d.Repositories(t.Context(), paths)
		all(errs)
		if found[0].Head == nil || found[0].Head.OID != s.Head || found[1].Head == nil || found[2].Head != nil {
			t.Errorf("%+v", found[:3])
		}
	})
	var pulls []host.PullRequestQuery
	var issues []host.IssueQuery
	var lists []host.ListQuery
	var refs []host.NamedRef
	for _, path := range paths {
		pulls = append(pulls, host.PullRequestQuery{Repository: path, States: list("OPEN"), Order: host.Order{Field: "CREATED_AT", Desc: true}, Paging: host.Paging{First: 20}})
		issues = append(issues, host.IssueQuery{Repository: path, States: list("OPEN"), Order: host.Order{Field: "UPDATED_AT"}, Paging: host.Paging{First: 20}})
		lists = append(lists, host.ListQuery{Repository: path, Paging: host.Paging{First: 20}})
		refs = append(refs, host.NamedRef{Repository: path, Ref: "main"})
	}
	gitLabCosts(t, s, 1, "pull requests of twenty repositories", func() {
		found, errs := d.PullRequestPages(t.Context(), pulls)
		all(errs)
		if len(found[0].Items) != 3 || *found[0].Total != 3 || len(found[1].Items) != 0 {
			t.Errorf("%+v", found[:2])
		}
	})
	gitLabCosts(t, s, 1, "issues of twenty repositories", func() { _, errs := d.IssuePages(t.Context(), issues); all(errs) })
	gitLabCosts(t, s, 1, "releases of twenty repositories", func() { _, errs := d.ReleasePages(t.Context(), lists); all(errs) })
	gitLabCosts(t, s, 1, "labels of twenty repositories", func() { _, errs := d.LabelPages(t.Context(), lists); all(errs) })
	gitLabCosts(t, s, 1, "main of twenty repositories", func() {
		found, errs := d.Resolve(t.Context(), refs)
		if errs[0] != nil || found[0].OID != s.Head || !errors.Is(errs[2], clients.ErrNotFound) {
			t.Errorf("%v, %v", found, errs)
		}
	})
	gitLabCosts(t, s, 1, "pull requests by number, of two repositories", func() {
		_, errs := d.PullRequests(t.Context(), list(host.Numbered{Repository: stage.Search, Number: 1}, host.Numbered{Repository: stage.Player, Number: 1}))
		if errs[0] != nil || !errors.Is(errs[1], clients.ErrNotFound) {
			t.Error(errs)
		}
	})
}

func TestGitLabRepository(t *testing.T) {
	s := stage.Set(t, gitlabtest.Settings{})
	if err := s.ChangeProject(stage.Player, func(p *gitlabtest.Project) { p.ForkedFrom, p.RequestAccess = stage.Search, true }); err != nil {
		t.Fatal(err)
	}
	found, errs := onGitLab(t, s, stage.RitaToken).Repositories(t.Context(), list(stage.Search, "Larkfold/Apps/PLAYER", "larkfold/nothing", "../etc", stage.Empty))
	r := found[0]
	if errs[0] != nil || r.Path != stage.Search || r.ID != "gid://gitlab/Project/10" || r.Number != 10 || r.URL != "https://gitlab.larkfold.example/larkfold/platform/search" ||
		r.Description != "Finds music" || fmt.Sprint(r.Topics) != "[go search]" || r.Visibility != "PRIVATE" || r.Archived || r.Fork || r.Empty || r.Stars != 7 || r.Forks != 2 ||
		fmt.Sprint(r.Languages) != "[{Go 90.5} {Shell 9.5}]" || r.DefaultBranch != "main" || *r.OpenPulls != 3 || *r.OpenIssues != 2 || r.Namespace != "larkfold/platform" ||
		r.RequestAccess == nil || *r.RequestAccess || r.CreatedAt.IsZero() || !r.PushedAt.Equal(stage.Now.AddDate(0, 0, -1)) {
		t.Errorf("%+v, %v", r, errs[0])
	}
	if h := r.Head; h.OID != s.Head || !strings.HasPrefix(h.Message, "Move main") || h.Author.Login != "ada" || h.Author.Email != "ada@example.com" || h.Committer.Name != "Max Committer" ||
		h.Committer.At.IsZero() || h.Parents != nil {
		t.Errorf("head: %+v", h)
	}
	if p := r.Protection; p == nil || p.Pattern != "main" || *p.ForcePushes || p.Approvals != nil {
		t.Errorf("protection: %+v", p)
	}
	if l := r.LatestRelease; l == nil || l.Tag != "v1.1.0" || !l.PublishedAt.Equal(time.Date(2026, 1, 13, 15, 0, 0, 0, time.UTC)) || !strings.HasSuffix(l.URL, "/-/releases/v1.1.0") || l.Prerelease {
		t.Errorf("release: %+v", l)
	}
	if r := found[1]; errs[1] != nil || r.Path != stage.Player || !r.Fork || !*r.RequestAccess || r.Visibility != "PUBLIC" || r.LatestRelease != nil || r.Protection != nil {
		t.Errorf("%+v, %v", r, errs[1])
	}
	if !errors.Is(errs[2], clients.ErrNotFound) {
		t.Errorf("no project: %v", errs[2])
	}
	refused(t, "no path", errs[3])
	if r := found[4]; errs[4] != nil || !r.Empty || r.Head != nil || r.DefaultBranch != "" {
		t.Errorf("without commits: %+v, %v", r, errs[4])
	}
}

func TestGitLabPullRequest(t *testing.T) {
	s := stage.Set(t, gitlabtest.Settings{})
	if err := s.ChangeMergeRequest(stage.Search, 1, "ada", func(m *gitlabtest.MergeRequest) { m.Milestone, m.Pipeline = "Spring", "failed" }); err != nil {
		t.Fatal(err)
	}
	d := onGitLab(t, s, stage.RitaToken)
	var names []host.Numbered
	for n := range 6 {
		names = append(names, host.Numbered{Repository: stage.Search, Number: n + 1})
	}
	found, errs := d.PullRequests(t.Context(), append(names, host.Numbered{Repository: "x", Number: 1}, host.Numbered{Repository: stage.Search}))
	p := found[0]
	if errs[0] != nil || p.Repository != stage.Search || p.Number != 1 || p.Title != "Rank by taste" || p.Body != "Closes #1" || p.State != "OPEN" || p.Draft || p.Author.Login != "ada" ||
		p.Author.Name != "Ada Writer" || !strings.HasPrefix(p.Author.Avatar, "https://") || p.Author.URL != "https://gitlab.larkfold.example/ada" || p.MergedBy != nil || p.Base != "main" ||
		p.Head != "feature/ranking" || p.HeadOID != s.Feature || p.MergeOID != "" || *p.Additions != 5 || *p.Deletions != 1 || *p.ChangedFiles != 3 || *p.Commits != 2 || *p.Comments != 3 ||
		p.Mergeable != "MERGEABLE" || p.Decision != "REVIEW_REQUIRED" || len(p.Labels) != 2 || p.Labels[0].Color != "#d9534f" || p.Assignees[0].Login != "ada" || p.Milestone != "Spring" ||
		p.Checks != "FAILURE" || !p.ClosedAt.IsZero() {
		t.Errorf("%+v, %v", p, errs[0])
	}
	if len(p.Reviews) != 1 || p.Reviews[0].Author.Login != "rita" || p.Reviews[0].State != "APPROVED" || len(p.RequestedUsers) != 1 || p.RequestedUsers[0].Login != "max" {
		t.Errorf("reviews: %+v, %+v", p.Reviews, p.RequestedUsers)
	}
	if p := found[1]; p.State != "MERGED" || p.MergedBy.Login != "rita" || !p.ClosedAt.Equal(p.MergedAt) || p.MergedAt.IsZero() || p.MergeOID != s.Head || p.Checks != "" || p.Mergeable != "UNKNOWN" {
		t.Errorf("merged: %+v", p)
	}
	if p := found[2]; p.State != "CLOSED" || p.ClosedAt.IsZero() || !p.MergedAt.IsZero() {
		t.Errorf("closed: %+v", p)
	}
	if p := found[4]; p.Decision != "CHANGES_REQUESTED" || p.Reviews[0].State != "CHANGES_REQUESTED" || len(p.RequestedUsers) != 0 {
		t.Errorf("changes wanted: %+v", p)
	}
	if !errors.Is(errs[5], clients.ErrNotFound) {
		t.Errorf("none: %v", errs[5])
	}
	refused(t, "no path", errs[6])
	refused(t, "no number", errs[7])
}

// walk reads a list from its beginning in pages of a size, from each cursor on, and checks that this gives the same as all at once.
func walk[T any](t *testing.T, what string, first int, read func(host.Paging) (*host.Page[T], error), name func(T) string) string {
	t.Helper()
	whole, err := read(host.Paging{First: 100})
	if err != nil {
		t.Fatalf("%s: %v", what, err)
	}
	var all []string
	for _, item := range whole.Items {
		all = append(all, name(item))
	}
	if len(whole.Cursors) != len(all) || whole.Next || whole.Prev {
		t.Errorf("%s: %+v", what, whole)
	}
	for at := range len(all) + 1 {
		p := host.Paging{First: first}
		if at > 0 {
			p.After = whole.Cursors[at-1]
		}
		page, err := read(p)
		if err != nil {
			t.Fatalf("%s after %d: %v", what, at, err)
		}
		var got []string
		for _, item := range page.Items {
			got = append(got, name(item))
		}
		if want := all[at:min(len(all), at+first)]; strings.Join(got, " ") != strings.Join(want, " ") || page.Next != (at+first < len(all)) || page.Prev != (at > 0) {
			t.Errorf("%s, %d after %d: %v, %+v; want %v", what, first, at, got, page, want)
		}
	}
	return strings.Join(all, " ")
}

// one returns the answer to the only question.
func one[V any](answers []V, errs []error) (V, error) { return answers[0], errs[0] }

func TestGitLabLists(t *testing.T) {
	s := stage.Set(t, gitlabtest.Settings{})
	d := onGitLab(t, s, stage.RitaToken)
	ctx := t.Context()
	number := func(p *host.PullRequest) string { return fmt.Sprint(p.Number) }
	for _, k := range []struct {
		q    host.PullRequestQuery
		want string
	}{
		{host.PullRequestQuery{Order: host.Order{Field: "CREATED_AT", Desc: true}}, "5 4 1 3 2"},
		{host.PullRequestQuery{Order: host.Order{Field: "UPDATED_AT"}}, "2 3 1 4 5"},
		{host.PullRequestQuery{States: list("OPEN", "CLOSED", "MERGED")}, "2 3 1 4 5"},
		{host.PullRequestQuery{States: list("OPEN")}, "1 4 5"},
		{host.PullRequestQuery{States: list("MERGED")}, "2"},
		{host.PullRequestQuery{States: list("CLOSED")}, "3"},
		{host.PullRequestQuery{States: list("CLOSED", "MERGED")}, "2 3"},
		{host.PullRequestQuery{States: list("MERGED", "OPEN"), Order: host.Order{Field: "UPDATED_AT", Desc: true}}, "5 4 1 2"},
		{host.PullRequestQuery{States: list("OPEN", "CLOSED", "OPEN"), Order: host.Order{Field: "CREATED_AT", Desc: true}}, "5 4 1 3"},
		{host.PullRequestQuery{Labels: list("bug", "relevance")}, "1"},
		{host.PullRequestQuery{Head: "old"}, "4"},
		{host.PullRequestQuery{Base: "nope"}, ""},
	} {
		for first := 1; first < 4; first++ {
			got := walk(t, fmt.Sprintf("%+v", k.q), first, func(p host.Paging) (*host.Page[*host.PullRequest], error) {
				k.q.Repository, k.q.Paging = stage.Search, p
				return one(d.PullRequestPages(ctx, list(k.q)))
			}, number)
			if got != k.want {
				t.Errorf("%+v: %s", k.q, got)
			}
		}
	}
	page, err := one(d.PullRequestPages(ctx, list(host.PullRequestQuery{Repository: stage.Search, Order: host.Order{Desc: true}, Paging: host.Paging{Last: 2}})))
	if err != nil || number(page.Items[0]) != "3" || number(page.Items[1]) != "2" || page.Next || !page.Prev {
		t.Fatalf("the last: %+v, %v", page, err)
	}
	page, err = one(d.PullRequestPages(ctx, list(host.PullRequestQuery{Repository: stage.Search, Order: host.Order{Desc: true}, Paging: host.Paging{Last: 2, Before: page.Cursors[0]}})))
	if err != nil || number(page.Items[0]) != "4" || number(page.Items[1]) != "1" {
		t.Errorf("before the last: %+v, %v", page, err)
	}
	if got := walk(t, "issues", 1, func(p host.Paging) (*host.Page[*host.Issue], error) {
		return one(d.IssuePages(ctx, list(host.IssueQuery{Repository: stage.Search, Order: host.Order{Field: "UPDATED_AT", Desc: true}, Paging: p})))
	}, func(i *host.Issue) string { return fmt.Sprint(i.Number, i.State) }); got != "2CLOSED 3OPEN 1OPEN" {
		t.Errorf("issues: %s", got)
	}
	issue, err := one(d.IssuePages(ctx, list(host.IssueQuery{Repository: stage.Search, States: list("OPEN"), Labels: list("relevance"), Assignee: "ada", Paging: host.Paging{First: 1}})))
	if i := issue.Items[0]; err != nil || i.Title != "Results are dull" || i.Author.Login != "max" || i.Assignees[0].Login != "ada" || i.Labels[0].Name != "relevance" || *i.Comments != 2 ||
		i.CreatedAt.IsZero() || !strings.HasSuffix(i.URL, "/-/issues/1") {
		t.Errorf("issue: %+v, %v", i, err)
	}
	listed := func(read func(host.ListQuery) string) string { return read(host.ListQuery{Repository: stage.Search}) }
	if got := listed(func(q host.ListQuery) string {
		return walk(t, "releases", 1, func(p host.Paging) (*host.Page[*host.Release], error) {
			q.Paging = p
			return one(d.ReleasePages(ctx, list(q)))
		}, func(r *host.Release) string { return r.Tag })
	}); got != "v1.1.0 v1.0.0" {
		t.Errorf("releases: %s", got)
	}
	if got := listed(func(q host.ListQuery) string {
		return walk(t, "labels", 2, func(p host.Paging) (*host.Page[*host.Label], error) {
			q.Paging = p
			return one(d.LabelPages(ctx, list(q)))
		}, func(l *host.Label) string { return l.Name })
	}); got != "bug relevance ünïcode & co" {
		t.Errorf("labels: %s", got)
	}
	if page, err := one(d.LabelPages(ctx, list(host.ListQuery{Repository: "larkfold/nothing", Paging: host.Paging{First: 1}}))); !errors.Is(err, clients.ErrNotFound) {
		t.Errorf("of no project: %v, %v", page, err)
	}
}

func TestGitLabRefs(t *testing.T) {
	s := stage.Set(t, gitlabtest.Settings{})
	d := onGitLab(t, s, stage.AdaToken)
	for first := 1; first < 4; first++ {
		for _, k := range []struct {
			q    host.RefQuery
			want string
		}{
			{host.RefQuery{}, "refs/heads/feature/ranking refs/heads/main refs/heads/old"},
			{host.RefQuery{Tags: true}, "refs/tags/v1.0.0 refs/tags/v1.1.0"},
			{host.RefQuery{Contains: "A"}, "refs/heads/feature/ranking refs/heads/main"},
			{host.RefQuery{Contains: "^m"}, ""},
		} {
			k.q.Repository = stage.Search
			read := func(p host.Paging) (*host.Page[*host.Ref], error) {
				k.q.Paging = p
				return one(d.RefPages(t.Context(), list(k.q)))
			}
			if got := walk(t, fmt.Sprintf("%+v", k.q), first, read, func(r *host.Ref) string { return r.Name }); got != k.want {
				t.Errorf("%+v: %s", k.q, got)
			}
			// From the end.
			var back []string
			p := host.Paging{Last: first}
			for range 9 {
				page, err := read(p)
				if err != nil {
					t.Fatal(err)
				}
				var some []string
				for _, r := range page.Items {
					some = append(some, r.Name)
				}
				back = append(some, back...)
				if !page.Prev {
					break
				}
				p.Before = page.Cursors[0]
			}
			if got := strings.Join(back, " "); got != k.want {
				t.Errorf("%+v from the end: %s", k.q, got)
			}
		}
	}
	gitLabCosts(t, s, 1, "a page", func() {
		_, err := one(d.RefPages(t.Context(), list(host.RefQuery{Repository: stage.Search, Paging: host.Paging{First: 2, After: "1:1"}})))
		if err != nil {
			t.Error(err)
		}
	})
	gitLabCosts(t, s, 5, "branches and how they differ", func() {
		page, err := one(d.RefPages(t.Context(), list(host.RefQuery{Repository: stage.Search, Compare: true, Paging: host.Paging{First: 20}})))
		var got []string
		for _, r := range page.Items {
			got = append(got, fmt.Sprintf("%s +%d -%d", r.Name, *r.Ahead, *r.Behind))
		}
		if text := strings.Join(got, ", "); err != nil || text != "refs/heads/feature/ranking +2 -1, refs/heads/main +0 -0, refs/heads/old +0 -1" || *page.Total != 3 {
			t.Errorf("%s, %v", text, err)
		}
		if target := page.Items[1].Target; target.OID != s.Head || len(target.Parents) != 1 {
			t.Errorf("%+v", target)
		}
	})
}

func TestGitLabGit(t *testing.T) {
	s := stage.Set(t, gitlabtest.Settings{})
	d := onGitLab(t, s, stage.AdaToken)
	ctx := t.Context()
	headline := func(c *host.Commit) string { title, _, _ := strings.Cut(c.Message, "\n"); return title }
	found, errs := d.Resolve(ctx, list(host.NamedRef{Repository: stage.Search}, host.NamedRef{Repository: stage.Search, Ref: "v1.0.0"}, host.NamedRef{Repository: stage.Search, Ref: s.Feature},
		host.NamedRef{Repository: stage.Search, Ref: "nope"}, host.NamedRef{Repository: stage.Search, Ref: "a..b"}))
	if errs[0] != nil || found[0].OID != s.Head || errs[1] != nil || headline(found[1]) != "Begin" || errs[2] != nil || headline(found[2]) != "Explain taste" || !errors.Is(errs[3], clients.ErrNotFound) {
		t.Errorf("%v, %v", found, errs)
	}
	refused(t, "no ref", errs[4])
	commits, errs := d.Commits(ctx, list(host.NamedObject{Repository: stage.Search, OID: s.Head}, host.NamedObject{Repository: stage.Search, OID: s.Commits["Begin"]},
		host.NamedObject{Repository: stage.Search, OID: strings.Repeat("1", 40)}, host.NamedObject{Repository: stage.Search, OID: "main"}))
	if errs[0] != nil || fmt.Sprint(commits[0].Parents) != "["+s.Commits["Rank by plays"]+"]" || errs[1] != nil || commits[1].Parents == nil || len(commits[1].Parents) != 0 || !errors.Is(errs[2], clients.ErrNotFound) {
		t.Errorf("%+v, %v", commits, errs)
	}
	refused(t, "no id", errs[3])
	for first := 1; first < 4; first++ {
		if got := walk(t, "history", first, func(p host.Paging) (*host.Page[*host.Commit], error) {
			return one(d.Histories(ctx, list(host.HistoryQuery{Repository: stage.Search, Start: s.Feature, Paging: p})))
		}, func(c *host.Commit) string { return strings.ReplaceAll(headline(c), " ", "-") }); got != "Explain-taste Rank-by-taste Rank-by-plays Begin" {
			t.Errorf("history: %s", got)
		}
	}
	page, err := one(d.Histories(ctx, list(host.HistoryQuery{Repository: stage.Search, Start: s.Feature, Path: "rank.go", Author: "Ada", Paging: host.Paging{First: 5}})))
	if err != nil || len(page.Items) != 2 || page.Items[0].Parents == nil || page.Total != nil {
		t.Errorf("%+v, %v", page, err)
	}
	changes, err := one(d.Changes(ctx, list(host.NamedObject{Repository: stage.Search, OID: s.Head})))
	if err != nil || len(changes) != 1 || changes[0] != (git.ChangedFile{Path: "run.go", PreviousPath: "main.go", Change: git.Renamed}) {
		t.Errorf("%+v, %v", changes, err)
	}
	trees, errs := d.Trees(ctx, list(host.Folder{Repository: stage.Search, Commit: s.Head}, host.Folder{Repository: stage.Search, Commit: s.Head, Path: "docs"},
		host.Folder{Repository: stage.Search, Commit: s.Head, Path: "nope"}, host.Folder{Repository: stage.Search, Commit: "main"}, host.Folder{Repository: stage.Search, Commit: s.Head, Path: "../x"}))
	if errs[0] != nil || len(trees[0]) != 5 || trees[0][0].Name != "docs" || trees[0][0].Kind != git.KindFolder || errs[1] != nil || len(trees[1]) != 2 || !errors.Is(errs[2], clients.ErrNotFound) {
		t.Errorf("%+v, %v", trees, errs)
	}
	refused(t, "no id", errs[3])
	refused(t, "no path", errs[4])
	gitLabCosts(t, s, 1, "eight folders", func() {
		var folders []host.Folder
		for range 8 {
			folders = append(folders, host.Folder{Repository: stage.Search, Commit: s.Head, Path: "docs"})
		}
		if _, errs := d.Trees(ctx, folders); errors.Join(errs...) != nil {
			t.Error(errs)
		}
	})
	blobs, errs := d.Blobs(ctx, list(host.NamedObject{Repository: stage.Search, OID: trees[0][1].OID}, host.NamedObject{Repository: stage.Search, OID: strings.Repeat("1", 40)}))
	if errs[0] != nil || string(blobs[0].Data) != "# search\n" || blobs[0].Size != 9 || !errors.Is(errs[1], clients.ErrNotFound) {
		t.Errorf("%+v, %v", blobs, errs)
	}
	people, errs := d.Contributors(ctx, list(stage.Search, "larkfold/nothing"))
	if errs[0] != nil || fmt.Sprint(people[0]) != "[{Ada Writer ada@example.com  3}]" || !errors.Is(errs[1], clients.ErrNotFound) {
		t.Errorf("%+v, %v", people, errs)
	}
	for i := range 120 {
		s.Workshop.Write(fmt.Sprintf("search/many/%03d", i), fmt.Sprint(i))
	}
	many := s.Workshop.Commit("search", "Many")
	gitLabCosts(t, s, 3, "a folder of 120 files", func() {
		tree, err := one(d.Trees(ctx, list(host.Folder{Repository: stage.Search, Commit: many, Path: "many"})))
		if err != nil || len(tree) != 120 || tree[119].Name != "119" || tree[119].Kind != git.KindFile || tree[119].OID == "" {
			t.Errorf("%d entries, %v", len(tree), err)
		}
	})
}
