package host_test

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"callboard.dev/callboard/clients"
	"callboard.dev/callboard/clients/clientstest"
	"callboard.dev/callboard/clients/git"
	"callboard.dev/callboard/clients/github/githubtest"
	"callboard.dev/callboard/subgraphs/repos/host"
)

// aboutTwenty is the same question about each of the twenty repositories.
func aboutTwenty[Q any](about func(repository string) Q) []Q {
	var out []Q
	for _, path := range twentyPaths() {
		out = append(out, about(path))
	}
	return out
}

// A page of twenty components with their repositories, head commits and open pull requests takes two requests when nothing is known; and whatever else is
// asked of twenty repositories at once, GraphQL answers in one.
func TestGitHubAsksOnceForTwenty(t *testing.T) {
	s := newGitHubSite(t, githubtest.Settings{})
	ctx := t.Context()
	page := host.Paging{First: 20}
	failures := func(errs []error) error { return errors.Join(errs...) }
	for _, test := range []struct {
		name             string
		ask              func() error
		requests, points int
	}{
		{"repositories with their head commits", func() error {
			got, errs := s.driver.Repositories(ctx, twentyPaths())
			if len(got) != 20 || got[19] == nil || got[19].Head == nil || got[19].Head.OID != s.head {
				t.Errorf("repository is %+v", got[19])
			}
			return failures(errs)
		}, 1, 1},
		{"open pull requests", func() error {
			got, errs := s.driver.PullRequestPages(ctx, aboutTwenty(func(r string) host.PullRequestQuery {
				return host.PullRequestQuery{Repository: r, States: []string{"OPEN"}, Order: host.Order{Field: "CREATED_AT", Desc: true}, Paging: page}
			}))
			if len(got) != 20 || got[19] == nil || len(got[19].Items) != 1 || got[19].Items[0].Repository != "larkfold/part-19" {
				t.Errorf("pull requests are %+v", got[19])
			}
			return failures(errs)
		}, 1, 24},
		{"pull requests by number", func() error {
			_, errs := s.driver.PullRequests(ctx, aboutTwenty(func(r string) host.Numbered { return host.Numbered{Repository: r, Number: 1} }))
			return failures(errs)
		}, 1, 1},
		{"issues", func() error {
			_, errs := s.driver.IssuePages(ctx, aboutTwenty(func(r string) host.IssueQuery {
				return host.IssueQuery{Repository: r, Order: host.Order{Field: "UPDATED_AT"}, Paging: page}
			}))
			return failures(errs)
		}, 1, 12},
		{"releases", func() error {
			_, errs := s.driver.ReleasePages(ctx, aboutTwenty(func(r string) host.ListQuery { return host.ListQuery{Repository: r, Paging: page} }))
			return failures(errs)
		}, 1, 1},
		{"labels", func() error {
			_, errs := s.driver.LabelPages(ctx, aboutTwenty(func(r string) host.ListQuery { return host.ListQuery{Repository: r, Paging: page} }))
			return failures(errs)
		}, 1, 1},
		{"branches", func() error {
			_, errs := s.driver.RefPages(ctx, aboutTwenty(func(r string) host.RefQuery { return host.RefQuery{Repository: r, Paging: page} }))
			return failures(errs)
		}, 1, 8},
		{"five compared branches of each", func() error {
			_, errs := s.driver.RefPages(ctx, aboutTwenty(func(r string) host.RefQuery {
				return host.RefQuery{Repository: r, Compare: true, Paging: host.Paging{First: 5}}
			}))
			return failures(errs)
		}, 1, 2},
		{"refs", func() error {
			_, errs := s.driver.Resolve(ctx, aboutTwenty(func(r string) host.NamedRef { return host.NamedRef{Repository: r, Ref: "feature/gapless"} }))
			return failures(errs)
		}, 1, 1},
		{"commits", func() error {
			_, errs := s.driver.Commits(ctx, aboutTwenty(func(r string) host.NamedObject { return host.NamedObject{Repository: r, OID: s.side} }))
			return failures(errs)
		}, 1, 1},
		{"histories", func() error {
			_, errs := s.driver.Histories(ctx, aboutTwenty(func(r string) host.HistoryQuery {
				return host.HistoryQuery{Repository: r, Start: s.head, Paging: page}
			}))
			return failures(errs)
		}, 1, 4},
		{"folders", func() error {
			_, errs := s.driver.Trees(ctx, aboutTwenty(func(r string) host.Folder { return host.Folder{Repository: r, Commit: s.head, Path: "docs"} }))
			return failures(errs)
		}, 1, 1},
		{"searches", func() error {
			_, errs := s.driver.Searches(ctx, aboutTwenty(func(string) host.Search { return host.Search{Users: []string{"ada"}, Paging: page} }))
			return failures(errs)
		}, 1, 24},
	} {
		t.Run(test.name, func(t *testing.T) {
			if err := test.ask(); err != nil {
				t.Fatal(err)
			}
			if requests, points := s.asked(); requests != test.requests || points != test.points {
				t.Errorf("%d requests of %d points, want %d of %d", requests, points, test.requests, test.points)
			}
		})
	}
}

func TestGitHubRepositories(t *testing.T) {
	s := newGitHubSite(t, githubtest.Settings{})
	ctx := t.Context()
	got, errs := s.driver.Repositories(ctx, []string{"Larkfold/Tiles", "larkfold/gone", "larkfold/empty", "no/such/path", ""})
	if errs[0] != nil || errs[2] != nil || !errors.Is(errs[1], clients.ErrNotFound) {
		t.Fatal(errs)
	}
	for i, err := range errs[3:] {
		if e := clients.Of(err); !errors.Is(err, git.ErrInvalid) || e == nil || e.Source != "github.com" {
			t.Errorf("path %d: %v", i, err)
		}
	}
	r := got[0]
	if r.ID == "" || r.Number == 0 || r.CreatedAt.IsZero() || r.LatestRelease == nil || r.LatestRelease.PublishedAt.IsZero() || r.Protection == nil {
		t.Fatalf("repository is %+v", r)
	}
	if p := r.Protection; p.Pattern != "main" || *p.Approvals != 2 || !*p.StatusChecks || *p.ForcePushes || *p.Signatures {
		t.Errorf("protection is %+v", p)
	}
	if l := r.LatestRelease; l.Name != "One" || l.Tag != "v1.0.0" || l.Prerelease || !strings.HasPrefix(l.URL, "https://github.com/larkfold/tiles/releases/") {
		t.Errorf("release is %+v", l)
	}
	if len(r.Languages) != 1 || r.Languages[0] != (host.Language{Name: "Go", Percent: 100}) {
		t.Errorf("languages are %+v", r.Languages)
	}
	r.ID, r.Number, r.CreatedAt, r.PushedAt, r.LatestRelease, r.Protection, r.Languages = "", 0, time.Time{}, time.Time{}, nil, nil, nil
	ada := host.Person{Name: "ada", Email: "ada@larkfold.example", Login: "ada", At: january(4)}
	want := &host.Repository{
		Path: "larkfold/tiles", URL: "https://github.com/larkfold/tiles", Description: "Covers", Topics: []string{"web"}, Visibility: "PUBLIC", Stars: 7, Watchers: new(0), DefaultBranch: "main",
		Head:      &host.Commit{OID: s.head, Tree: r.Head.Tree, Parents: []string{s.first}, Author: ada, Committer: host.Person{Name: "Max Committer", Email: "max@example.com", At: january(4)}, Message: "Say more", Signed: new(false)},
		OpenPulls: new(1), OpenIssues: new(1), Alerts: &host.Alerts{Total: 1, Critical: new(0), High: new(1), Moderate: new(0), Low: new(0)},
	}
	if diff := cmp.Diff(want, r, cmp.Comparer(time.Time.Equal)); diff != "" {
		t.Error(diff)
	}
	if e := got[2]; !e.Empty || e.Head != nil || e.DefaultBranch != "" || e.Visibility != "PRIVATE" {
		t.Errorf("an empty repository is %+v", e)
	}
}

// What a credential may not see is told as such, and takes nothing else with it.
func TestGitHubPartsThatAreDenied(t *testing.T) {
	s := newGitHubSite(t, githubtest.Settings{})
	if err := s.AddToken("narrow", githubtest.Token{Login: "ada", Permissions: map[string]string{"metadata": "read", "contents": "read", "issues": "read", "pull_requests": "read", "statuses": "read", "checks": "read"}}); err != nil {
		t.Fatal(err)
	}
	got, errs := s.as(t, "narrow").Repositories(t.Context(), []string{"larkfold/tiles"})
	if errs[0] != nil {
		t.Fatal(errs[0])
	}
	if r := got[0]; !r.AlertsDenied || r.Alerts != nil || r.Stars != 7 || r.Head == nil || r.Protection != nil {
		t.Errorf("repository is %+v", r)
	}
	// Code that may not be seen, or could not be read, is not taken for none.
	s.Faults.Add(clientstest.Fault{Kind: clientstest.Partial, Times: 1, Path: []string{"r0", "defaultBranchRef"}, Type: "FORBIDDEN", Message: "Resource not accessible"})
	if got, errs = s.driver.Repositories(t.Context(), []string{"larkfold/part-00"}); errs[0] != nil || !got[0].CodeHidden || got[0].Head != nil {
		t.Errorf("code that may not be seen: %+v, %v", got[0], errs)
	}
	s.Faults.Add(clientstest.Fault{Kind: clientstest.Partial, Times: 1, Path: []string{"r0", "defaultBranchRef"}, Message: "Something went wrong"})
	if _, errs = s.driver.Repositories(t.Context(), []string{"larkfold/part-00"}); errs[0] == nil || errors.Is(errs[0], clients.ErrForbidden) {
		t.Errorf("code that could not be read: %v", errs[0])
	}
	// Where nothing is left of a page, it is no page without items.
	s.Faults.Add(clientstest.Fault{Kind: clientstest.Partial, Path: []string{"r0", "pullRequests", "edges"}, Type: "FORBIDDEN", Message: "Resource not accessible"})
	query := host.PullRequestQuery{Repository: "larkfold/part-00", Order: host.Order{Field: "CREATED_AT"}, Paging: host.Paging{First: 5}}
	pages, errs := s.driver.PullRequestPages(t.Context(), []host.PullRequestQuery{query, query})
	if !errors.Is(errs[0], clients.ErrForbidden) || pages[0] != nil || errs[1] != nil || len(pages[1].Items) != 1 {
		t.Errorf("pages are %+v, %v", pages, errs)
	}
}

func TestGitHubPullRequests(t *testing.T) {
	s := newGitHubSite(t, githubtest.Settings{})
	ctx := t.Context()
	got, errs := s.driver.PullRequests(ctx, []host.Numbered{{Repository: "larkfold/tiles", Number: 2}, {Repository: "larkfold/tiles", Number: 99}, {Repository: "larkfold/gone", Number: 1}, {Repository: "larkfold/tiles", Number: 1 << 40}})
	if errs[0] != nil || !errors.Is(errs[1], clients.ErrNotFound) || !errors.Is(errs[2], clients.ErrNotFound) || !errors.Is(errs[3], git.ErrInvalid) {
		t.Fatal(errs)
	}
	p := got[0]
	if p.UpdatedAt.IsZero() || len(p.Reviews) != 1 || p.Reviews[0].SubmittedAt.IsZero() || p.Author == nil || p.Author.Login != "ben" || p.Author.URL == "" || p.Author.Avatar == "" {
		t.Fatalf("pull request is %+v", p)
	}
	if v := p.Reviews[0]; v.State != "APPROVED" || v.Author.Login != "cleo" {
		t.Errorf("review is %+v", v)
	}
	if len(p.RequestedUsers) != 1 || p.RequestedUsers[0].Login != "ada" || len(p.Assignees) != 1 || p.Assignees[0].Login != "ben" || p.Assignees[0].Name != "N. ben" {
		t.Errorf("asked are %+v, assigned %+v", p.RequestedUsers, p.Assignees)
	}
	p.Author, p.UpdatedAt, p.Reviews, p.RequestedUsers, p.Assignees = nil, time.Time{}, nil, nil, nil
	want := &host.PullRequest{
		Repository: "larkfold/tiles", Number: 2, Title: "Play without gaps", Body: "Fixes #1", URL: "https://github.com/larkfold/tiles/pull/2", State: "OPEN", CreatedAt: january(6),
		Base: "main", Head: "feature/gapless", HeadOID: s.side, Additions: new(2), Deletions: new(0), ChangedFiles: new(1), Commits: new(1), Comments: new(0),
		Mergeable: "MERGEABLE", Decision: "REVIEW_REQUIRED", RequestedTeams: []string{"larkfold/web"}, Labels: []host.Label{{Name: "bug", Color: "#d73a4a", Description: "It does not work"}}, Checks: "SUCCESS",
	}
	if p.Mergeable == "UNKNOWN" { // it is worked out once somebody asks
		want.Mergeable = p.Mergeable
	}
	if p.Comments != nil && *p.Comments == 1 { // the text of the review
		want.Comments = p.Comments
	}
	if diff := cmp.Diff(want, p, cmp.Comparer(time.Time.Equal)); diff != "" {
		t.Error(diff)
	}
	if err := s.MergePullRequest(ctx, "larkfold/tiles", 2, "MERGE", "ada"); err != nil {
		t.Fatal(err)
	}
	pages, errs := s.driver.PullRequestPages(ctx, []host.PullRequestQuery{
		{Repository: "larkfold/tiles", States: []string{"MERGED"}, Labels: []string{"bug"}, Base: "main", Head: "feature/gapless", Order: host.Order{Field: "UPDATED_AT", Desc: true}, Paging: host.Paging{First: 5}},
		{Repository: "larkfold/tiles", States: []string{"OPEN"}, Order: host.Order{Field: "CREATED_AT"}, Paging: host.Paging{First: 5}},
		{Repository: "larkfold/tiles", Base: "a..b", Order: host.Order{Field: "CREATED_AT"}, Paging: host.Paging{First: 5}},
		{Repository: "larkfold/tiles", Order: host.Order{Field: "CREATED_AT"}, Paging: host.Paging{First: 5, After: "\"}) { viewer { login } }"}},
		{Repository: "larkfold/tiles", Order: host.Order{Field: "CREATED_AT"}, Paging: host.Paging{First: 5, After: "bm9uZQ=="}},
		{Repository: "larkfold/gone", Order: host.Order{Field: "CREATED_AT"}, Paging: host.Paging{First: 5}},
	})
	if errs[0] != nil || errs[1] != nil || !errors.Is(errs[5], clients.ErrNotFound) {
		t.Fatal(errs)
	}
	for i, err := range errs[2:5] {
		if !errors.Is(err, git.ErrInvalid) || clients.Of(err) == nil {
			t.Errorf("wrong query %d: %v", i, err)
		}
	}
	if m := pages[0].Items; len(m) != 1 || m[0].State != "MERGED" || m[0].MergedBy.Login != "ada" || m[0].MergeOID == "" || m[0].MergedAt.IsZero() || len(pages[0].Cursors) != 1 || *pages[0].Total != 1 || *pages[1].Total != 0 {
		t.Errorf("merged are %+v", pages[0])
	}
}

// Every item has a cursor that names it, and pages go both ways.
func TestGitHubPages(t *testing.T) {
	s := newGitHubSite(t, githubtest.Settings{})
	for i := range 5 {
		if _, err := s.AddIssue("larkfold/tiles", githubtest.Issue{Title: "T", AuthorLogin: "ada", CreatedAt: january(10 + i)}); err != nil {
			t.Fatal(err)
		}
	}
	ask := func(p host.Paging) *host.Page[*host.Issue] {
		t.Helper()
		got, errs := s.driver.IssuePages(t.Context(), []host.IssueQuery{{Repository: "larkfold/tiles", States: []string{"OPEN"}, Order: host.Order{Field: "CREATED_AT"}, Paging: p}})
		if errs[0] != nil || len(got[0].Items) != len(got[0].Cursors) {
			t.Fatal(got[0], errs[0])
		}
		return got[0]
	}
	numbers := func(p *host.Page[*host.Issue]) []int {
		var out []int
		for _, i := range p.Items {
			out = append(out, i.Number)
		}
		return out
	}
	all := ask(host.Paging{First: 10})
	if want := []int{1, 3, 4, 5, 6, 7}; !slices.Equal(numbers(all), want) || *all.Total != 6 || all.Next || all.Prev {
		t.Fatalf("all are %v, %+v", numbers(all), all)
	}
	for i, cursor := range all.Cursors {
		after := ask(host.Paging{First: 2, After: cursor})
		if want := numbers(all)[min(i+1, 6):min(i+3, 6)]; !slices.Equal(numbers(after), want) || after.Next != (i+3 < 6) {
			t.Errorf("after item %d come %v, next %v", i, numbers(after), after.Next)
		}
		before := ask(host.Paging{Last: 2, Before: cursor})
		if want := numbers(all)[max(i-2, 0):i]; !slices.Equal(numbers(before), want) || before.Prev != (i > 2) {
			t.Errorf("before item %d come %v, previous %v", i, numbers(before), before.Prev)
		}
	}
	last := ask(host.Paging{Last: 1})
	if !slices.Equal(numbers(last), []int{7}) || !last.Prev || last.Items[0].Author.Login != "ada" || !last.Items[0].CreatedAt.Equal(january(14)) || last.Items[0].Comments == nil {
		t.Errorf("the last is %+v", last.Items[0])
	}
	if first := all.Items[0]; first.Title != "Gaps" || len(first.Labels) != 1 || first.Labels[0].Color != "#d73a4a" || first.Assignees[0].Login != "ben" {
		t.Errorf("the first is %+v", first)
	}
}

func TestGitHubLists(t *testing.T) {
	s := newGitHubSite(t, githubtest.Settings{})
	if _, err := s.AddRelease("larkfold/tiles", githubtest.Release{TagName: "v2.0.0", Name: "Two", AuthorLogin: "ada", IsDraft: true}); err != nil {
		t.Fatal(err)
	}
	ctx := t.Context()
	page := host.Paging{First: 10}
	releases, errs := s.driver.ReleasePages(ctx, []host.ListQuery{{Repository: "larkfold/tiles", Paging: page}, {Repository: "larkfold/part-00", Paging: page}})
	if errs[0] != nil || errs[1] != nil || len(releases[0].Items) != 1 || len(releases[0].Cursors) != 1 || releases[0].Items[0].Tag != "v1.0.0" || releases[0].Total != nil || *releases[1].Total != 0 {
		t.Errorf("releases are %+v, %v", releases[0], errs)
	}
	labels, errs := s.driver.LabelPages(ctx, []host.ListQuery{{Repository: "larkfold/tiles", Paging: page}})
	if errs[0] != nil || len(labels[0].Items) != 1 || *labels[0].Items[0] != (host.Label{Name: "bug", Color: "#d73a4a", Description: "It does not work"}) {
		t.Errorf("labels are %+v, %v", labels[0], errs[0])
	}
	refs, errs := s.driver.RefPages(ctx, []host.RefQuery{
		{Repository: "larkfold/tiles", Compare: true, Paging: page}, {Repository: "larkfold/tiles", Tags: true, Paging: page}, {Repository: "larkfold/tiles", Contains: "GAP", Paging: page},
		{Repository: "larkfold/empty", Compare: true, Paging: page}, {Repository: "larkfold/gone", Paging: page}, {Repository: "larkfold/tiles", Contains: "a\x00b", Paging: page},
	})
	if errs[0] != nil || errs[1] != nil || errs[2] != nil || !errors.Is(errs[4], clients.ErrNotFound) || !errors.Is(errs[5], git.ErrInvalid) {
		t.Fatal(errs)
	}
	if r := refs[0].Items; len(r) != 2 || r[0].Name != "refs/heads/feature/gapless" || r[0].Target.OID != s.side || *r[0].Ahead != 1 || *r[0].Behind != 1 || r[1].Name != "refs/heads/main" || *r[1].Ahead != 0 || *r[1].Behind != 0 {
		t.Errorf("branches are %+v", r)
	}
	if r := refs[1].Items; len(r) != 1 || r[0].Name != "refs/tags/v1.0.0" || r[0].Target.OID != s.first || r[0].Ahead != nil {
		t.Errorf("tags are %+v", r)
	}
	if r := refs[2]; len(r.Items) != 1 || *r.Total != 1 {
		t.Errorf("found are %+v", r)
	}
	if r := refs[3]; errs[3] == nil && len(r.Items) != 0 || errs[3] != nil && !errors.Is(errs[3], clients.ErrNotFound) {
		t.Errorf("branches of nothing are %+v, %v", r, errs[3])
	}
}
