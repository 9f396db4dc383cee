package gitlab_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"testing"
	"time"

	"callboard.dev/callboard/clients"
	"callboard.dev/callboard/clients/clientstest"
	"callboard.dev/callboard/clients/gitlab"
	"callboard.dev/callboard/clients/gitlab/gitlabtest"
	"callboard.dev/callboard/clients/gitlab/gitlabtest/stage"
)

// authorised is what package clients does of a transport: the credential.
type authorised struct {
	next  http.RoundTripper
	token string
}

func (a authorised) RoundTrip(r *http.Request) (*http.Response, error) {
	if a.token != "" {
		r = r.Clone(r.Context())
		r.Header.Set("PRIVATE-TOKEN", a.token)
	}
	return a.next.RoundTrip(r)
}

// on returns a client of the stage that asks with a token.
func on(t testing.TB, s http.Handler, token string) *gitlab.Client {
	t.Helper()
	address, _ := url.Parse("https://gitlab.larkfold.example")
	c, err := gitlab.New("gitlab", address, &http.Client{Transport: authorised{clientstest.Transport{Handler: s}, token}})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// costs runs f and checks how many requests it made.
func costs(t *testing.T, s *stage.Stage, want int, what string, f func()) {
	t.Helper()
	before := s.Watch.Count("")
	f()
	if got := s.Watch.Count("") - before; got != want {
		t.Errorf("%s: %d requests, want %d", what, got, want)
	}
}

// one returns the answer to the only question of a list.
func one[V any](answers []V, errs []error) (V, error) { return answers[0], errs[0] }

func list[Q any](questions ...Q) []Q { return questions }

func TestProjects(t *testing.T) {
	s := stage.Set(t, gitlabtest.Settings{})
	c := on(t, s, stage.RitaToken)
	paths := []string{stage.Search, "larkfold/nothing", stage.Empty, "Larkfold/APPS/player", "../etc", stage.Search}
	var got []*gitlab.Project
	var errs []error
	costs(t, s, 1, "six projects", func() { got, errs = c.Projects(t.Context(), paths) })
	for i, want := range []error{nil, clients.ErrNotFound, nil, nil, gitlab.ErrInvalid, nil} {
		if !errors.Is(errs[i], want) || want == nil && errs[i] != nil || (want == nil) != (got[i] != nil) {
			t.Errorf("%s: %v, %v; want %v", paths[i], got[i], errs[i], want)
		}
	}
	p := got[0]
	if p.Name != "Search" || p.Description != "Finds music" || fmt.Sprint(p.Topics) != "[go search]" || p.Visibility != "private" || p.Stars != 7 || p.Forks != 2 || p.Archived ||
		fmt.Sprint(p.Languages) != "[{Go #00ADD8 90.5} {Shell #89e051 9.5}]" || *p.OpenIssues != 2 || *p.OpenMerges != 3 || p.DefaultBranch != "main" ||
		p.URL != "https://gitlab.larkfold.example/larkfold/platform/search" || !p.LastActivity.Equal(stage.Now.AddDate(0, 0, -1)) {
		t.Errorf("project: %+v", p)
	}
	if h := p.Head; h == nil || string(h.OID) != s.Head || h.Headline() != "Move main" || h.Author.Name != "Ada Writer" || h.AuthorAccount.Username != "ada" ||
		h.Committer.Email != "max@example.com" || h.Committer.At.Format("2006-01-02T15:04:05-07:00") != "2026-02-10T09:00:00+01:00" {
		t.Errorf("head: %+v", h)
	}
	if e := got[2]; e.DefaultBranch != "" || e.Head != nil {
		t.Errorf("a project without commits: %+v", e)
	}
}

// TestManyProjects checks that a hundred projects, for nobody too, are one request that GitLab takes, and more are more.
func TestManyProjects(t *testing.T) {
	s := stage.Set(t, gitlabtest.Settings{})
	var paths []string
	for i := range 120 {
		path := fmt.Sprintf("larkfold/apps/p%03d", i)
		paths = append(paths, path)
		if err := s.AddProject(t.Context(), gitlabtest.Project{Path: path, Visibility: gitlabtest.Public}); err != nil {
			t.Fatal(err)
		}
	}
	for _, token := range []string{"", stage.RitaToken} {
		c := on(t, s, token)
		for n, want := range map[int]int{0: 0, 1: 1, 50: 1, 51: 1, 100: 1, 101: 2, 120: 2} {
			costs(t, s, want, fmt.Sprintf("%d projects", n), func() {
				got, errs := c.Projects(t.Context(), paths[:n])
				for i := range got {
					if errs[i] != nil || got[i].Path != paths[i] {
						t.Fatalf("%s: %v, %v", paths[i], got[i], errs[i])
					}
				}
			})
		}
		if _, errs := c.FilesAt(t.Context(), paths[:100], "README.md"); !errors.Is(errs[0], clients.ErrNotFound) || clients.Of(errs[0]).Message != "there is no such file, or the credential may not see it" {
			t.Errorf("a file of 100 projects: %v", errs[0])
		}
		if _, errs := c.Vulnerabilities(t.Context(), paths[:100]); !errors.Is(errs[99], clients.ErrForbidden) {
			t.Errorf("vulnerabilities of 100 projects: %v", errs[99])
		}
		if _, errs := c.Protections(t.Context(), paths[:100]); token == "" && !errors.Is(errs[0], clients.ErrForbidden) || token != "" && errs[0] != nil {
			t.Errorf("protection of 100 projects: %v", errs[0])
		}
	}
	if most := s.Watch.Points()["complexity"]; most == 0 {
		t.Error("nothing was weighed")
	}
}

func TestProjectParts(t *testing.T) {
	s := stage.Set(t, gitlabtest.Settings{})
	rita, ada := on(t, s, stage.RitaToken), on(t, s, stage.AdaToken)
	if l, err := ada.License(t.Context(), stage.Search); err != nil || l.Key != "apache-2.0" || l.Name != "Apache License 2.0" {
		t.Errorf("licence: %v, %v", l, err)
	}
	if l, err := rita.License(t.Context(), stage.Empty); err != nil || l != nil {
		t.Errorf("no licence: %v, %v", l, err)
	}
	v, errs := ada.Vulnerabilities(t.Context(), []string{stage.Search, stage.Player})
	if errs[0] != nil || v[0].Total() != 7 || v[0].Critical != 1 || !errors.Is(errs[1], clients.ErrForbidden) {
		t.Errorf("vulnerabilities: %v, %v", v, errs)
	}
	p, errs := rita.Protections(t.Context(), []string{stage.Search, stage.Player})
	if errs[0] != nil || fmt.Sprint(*p[0]) != "{main main false [Maintainers] [Developers + Maintainers]}" || errs[1] != nil || p[1] != nil {
		t.Errorf("protections: %v, %v", p, errs)
	}
	if _, errs := ada.Protections(t.Context(), []string{stage.Search}); !errors.Is(errs[0], clients.ErrForbidden) {
		t.Errorf("protection for a developer: %v", errs[0])
	}
	var seen []string
	page := gitlab.Page{First: 2}
	for range 5 {
		got, err := rita.GroupProjects(t.Context(), gitlab.GroupProjectsQuery{Group: "larkfold", Subgroups: true, Page: page})
		if err != nil {
			t.Fatal(err)
		}
		for _, one := range got.Projects {
			seen = append(seen, one.Path)
		}
		if !got.Info.HasNext {
			if got.Total != 3 {
				t.Errorf("%d projects in all", got.Total)
			}
			break
		}
		page.After = got.Info.End
	}
	if fmt.Sprint(seen) != "[larkfold/platform/empty larkfold/apps/player larkfold/platform/search]" {
		t.Errorf("projects of a group: %v", seen)
	}
	members, err := ada.GroupMembers(t.Context(), "larkfold/platform", true, gitlab.Page{})
	if err != nil || len(members.Members) != 4 || members.Members[0].Username != "ada" || members.Members[0].Access != 30 || members.Members[2].Username != "rita" {
		t.Errorf("members: %+v, %v", members, err)
	}
	labels, err := one(ada.Labels(t.Context(), list(gitlab.ListQuery{Project: stage.Search, Page: gitlab.Page{First: 2}})))
	if err != nil || labels.Total != 3 || len(labels.Labels) != 2 || labels.Labels[0] != (gitlab.Label{Name: "bug", Color: "#d9534f", TextColor: "#FFFFFF", Description: "Does not work"}) || !labels.Info.HasNext {
		t.Errorf("labels: %+v, %v", labels, err)
	}
	releases, err := one(ada.Releases(t.Context(), list(gitlab.ListQuery{Project: stage.Search, Page: gitlab.Page{}})))
	if err != nil || releases.Total != 2 || releases.Releases[0].Tag != "v1.1.0" || releases.Releases[1].Name != "One" || releases.Releases[1].Author.Username != "ada" ||
		string(releases.Releases[1].Commit) != s.Commits["Begin"] || releases.Releases[1].Assets != 5 {
		t.Errorf("releases: %+v, %v", releases, err)
	}
	issues, err := one(ada.Issues(t.Context(), list(gitlab.IssuesQuery{Project: stage.Search, State: "opened", Labels: []string{"relevance"}})))
	if err != nil || issues.Total != 1 || issues.Issues[0].Title != "Results are dull" || issues.Issues[0].Assignees[0].Username != "ada" || issues.Issues[0].Number != 1 {
		t.Errorf("issues: %+v, %v", issues, err)
	}
}

func TestMergeRequests(t *testing.T) {
	s := stage.Set(t, gitlabtest.Settings{})
	c := on(t, s, stage.AdaToken)
	ctx := t.Context()
	page, err := one(c.MergeRequests(ctx, list(gitlab.MergeRequestsQuery{Project: stage.Search, State: "opened", Order: gitlab.LatestChangeFirst, Page: gitlab.Page{First: 100}})))
	if err != nil || page.Total != 3 || page.MergeRequests[2].Number != 1 {
		t.Fatalf("%+v, %v", page, err)
	}
	m := page.MergeRequests[2]
	if m.Title != "Rank by taste" || m.Review != gitlab.ReviewRequired || m.MergeStatus != "NOT_APPROVED" || len(m.Reviewers) != 2 || m.Reviewers[0].State != "APPROVED" ||
		m.ApprovedBy[0].Username != "rita" || m.Labels[0].Name != "bug" || m.Labels[1].Name != "relevance" || string(m.Head) != s.Feature || m.SourceProject != stage.Search ||
		m.Additions != 5 || m.Deletions != 1 || m.Files != 3 || m.Comments != 3 || m.Author.Username != "ada" || m.TargetBranch != "main" {
		t.Errorf("merge request: %+v", m)
	}
	if page.MergeRequests[0].Review != gitlab.ReviewChangesRequested || page.MergeRequests[1].Review != gitlab.ReviewRequired || !page.MergeRequests[1].Draft {
		t.Errorf("reviews: %+v, %+v", page.MergeRequests[0], page.MergeRequests[1])
	}
	yes := true
	for name, q := range map[string]gitlab.MergeRequestsQuery{
		"[1 5]":       {Labels: []string{"bug"}, Order: gitlab.OldestFirst},
		"[2]":         {State: "merged"},
		"[5 4]":       {Author: "max"},
		"[1]":         {Reviewer: "rita"},
		"[4]":         {Draft: &yes},
		"[3]":         {SourceBranch: "vectors"},
		"[5 4 1 3 2]": {TargetBranch: "main"},
		"[5]":         {Search: "faster"},
		"[5 4]]":      {UpdatedAfter: stage.Now.AddDate(0, 0, -10)},
		"[]":          {UpdatedBefore: stage.Now.AddDate(-1, 0, 0)},
	} {
		q.Project = stage.Search
		page, err := one(c.MergeRequests(ctx, list(q)))
		if err != nil {
			t.Errorf("%+v: %v", q, err)
			continue
		}
		numbers := []int{}
		for _, m := range page.MergeRequests {
			numbers = append(numbers, m.Number)
		}
		if got := fmt.Sprint(numbers); got != name && got+"]" != name {
			t.Errorf("%+v: %s, want %s", q, got, name)
		}
	}
	if _, err := one(c.MergeRequests(ctx, list(gitlab.MergeRequestsQuery{Project: "larkfold/nothing"}))); !errors.Is(err, clients.ErrNotFound) {
		t.Errorf("of no project: %v", err)
	}
	a, err := c.Approvals(ctx, gitlab.MergeRequestNumber{Project: stage.Search, Number: 1})
	if err != nil || a.Approved || a.Required != 2 || a.Left != 1 || a.By[0].Username != "rita" || a.By[0].At.Day() != 5 {
		t.Errorf("approvals: %+v, %v", a, err)
	}
	// Every order that there is.
	for _, order := range []gitlab.MergeRequestOrder{gitlab.NewestFirst, gitlab.OldestFirst, gitlab.LatestChangeFirst, gitlab.EarliestChangeFirst, gitlab.LatestMergeFirst, gitlab.EarliestMergeFirst, gitlab.ByTitle} {
		if page, err := one(c.MergeRequests(ctx, list(gitlab.MergeRequestsQuery{Project: stage.Search, Order: order}))); err != nil || len(page.MergeRequests) != 5 {
			t.Errorf("%s: %v", order, err)
		}
	}
}

func TestMergeRequestsByNumber(t *testing.T) {
	s := stage.Set(t, gitlabtest.Settings{})
	c := on(t, s, stage.RitaToken)
	var numbers []gitlab.MergeRequestNumber
	for i := range 60 {
		path := fmt.Sprintf("larkfold/apps/m%02d", i)
		if err := s.AddProject(t.Context(), gitlabtest.Project{Path: path}); err != nil {
			t.Fatal(err)
		}
		for range 3 {
			if _, err := s.AddMergeRequest(t.Context(), path, gitlabtest.MergeRequest{Title: path, SourceBranch: "x", TargetBranch: "main", Author: "ada"}); err != nil {
				t.Fatal(err)
			}
		}
		numbers = append(numbers, gitlab.MergeRequestNumber{Project: path, Number: 1 + i%4})
	}
	check := func(numbers []gitlab.MergeRequestNumber) {
		t.Helper()
		got, errs := c.MergeRequestsByNumber(t.Context(), numbers)
		for i, n := range numbers {
			switch {
			case n.Number == 4 && n.Project != stage.Search:
				if !errors.Is(errs[i], clients.ErrNotFound) || got[i] != nil {
					t.Errorf("%v, which is not there: %v, %v", n, got[i], errs[i])
				}
			case errs[i] != nil || got[i].Project != n.Project || got[i].Number != n.Number:
				t.Errorf("%v: %+v, %v", n, got[i], errs[i])
			}
		}
	}
	costs(t, s, 1, "five of one project", func() {
		check([]gitlab.MergeRequestNumber{{stage.Search, 1}, {stage.Search, 2}, {stage.Search, 3}, {stage.Search, 4}, {stage.Search, 5}, {stage.Search, 1}})
	})
	costs(t, s, 2, "one of each of sixty projects", func() { check(numbers) })
	_, errs := c.MergeRequestsByNumber(t.Context(), []gitlab.MergeRequestNumber{{"a", 1}, {stage.Search, 0}, {stage.Search, -1}, {"a/b", 1 << 40}})
	for i, err := range errs {
		if !errors.Is(err, gitlab.ErrInvalid) {
			t.Errorf("%d: %v", i, err)
		}
	}
}

func TestQueues(t *testing.T) {
	s := stage.Set(t, gitlabtest.Settings{})
	c := on(t, s, stage.RitaToken)
	numbers := func(q *gitlab.Queue) string {
		out := ""
		for _, m := range q.MergeRequests {
			out += fmt.Sprintf("!%d", m.Number)
		}
		return out
	}
	for _, k := range []struct {
		q    gitlab.QueueQuery
		want string
	}{
		{gitlab.QueueQuery{Reviews: true}, "!4!5"},
		{gitlab.QueueQuery{Reviews: true, First: 1}, "!4"},
		{gitlab.QueueQuery{Reviews: true, From: time.Date(2026, 2, 20, 15, 0, 1, 0, time.UTC)}, "!5"},
		{gitlab.QueueQuery{From: time.Date(2026, 2, 3, 15, 0, 0, 0, time.UTC)}, "!1"},
		{gitlab.QueueQuery{From: time.Date(2026, 2, 3, 14, 59, 59, 0, time.UTC)}, ""},
		{gitlab.QueueQuery{}, "!1"},
	} {
		k.q.Usernames = []string{"ada", "nobody"}
		got, errs := c.Queue(t.Context(), k.q)
		if errs[0] != nil || numbers(got[0]) != k.want || !errors.Is(errs[1], clients.ErrNotFound) {
			t.Errorf("%+v: %s, %v", k.q, numbers(got[0]), errs)
		}
	}
	costs(t, s, 1, "what twenty people have open", func() {
		names := []string{"ada", "nobody", "max", "-x", "ADA"}
		for i := range 16 {
			names = append(names, fmt.Sprintf("more%d", i))
		}
		got, errs := c.Queue(t.Context(), gitlab.QueueQuery{Usernames: names})
		if errs[0] != nil || numbers(got[0]) != "!1" || numbers(got[4]) != "!1" || got[2].Total != 2 || numbers(got[2]) != "!5!4" {
			t.Errorf("open: %+v, %v", got, errs)
		}
		if !errors.Is(errs[1], clients.ErrNotFound) || !errors.Is(errs[3], gitlab.ErrInvalid) {
			t.Errorf("open: %v", errs)
		}
	})
}

// TestPages checks that the pages of many projects are as few requests as GitLab takes, from nobody too, and that the cursor of any element is where
// the page after it begins.
func TestPages(t *testing.T) {
	s := stage.Set(t, gitlabtest.Settings{})
	var merges []gitlab.MergeRequestsQuery
	for i := range 50 {
		path := fmt.Sprintf("larkfold/apps/p%03d", i)
		if err := s.AddProject(t.Context(), gitlabtest.Project{Path: path, Visibility: gitlabtest.Public}); err != nil {
			t.Fatal(err)
		}
		for n := range 3 {
			if _, err := s.AddMergeRequest(t.Context(), path, gitlabtest.MergeRequest{Title: path, SourceBranch: "x", TargetBranch: "main", Author: "ada", Milestone: "One", Pipeline: "running",
				CreatedAt: stage.Now.Add(time.Duration(n) * time.Hour)}); err != nil {
				t.Fatal(err)
			}
		}
		merges = append(merges, gitlab.MergeRequestsQuery{Project: path, State: "opened"})
	}
	c := on(t, s, "")
	for _, k := range []struct{ projects, first, want int }{{20, 20, 1}, {50, 20, 1}, {20, 50, 1}, {50, 40, 1}, {14, 100, 1}, {20, 100, 2}} {
		queries := slices.Clone(merges[:k.projects])
		for i := range queries {
			queries[i].Page.First = k.first
		}
		costs(t, s, k.want, fmt.Sprintf("pages of %d of %d projects", k.first, k.projects), func() {
			pages, errs := c.MergeRequests(t.Context(), queries)
			for i, page := range pages {
				if errs[i] != nil || page.Total != 3 || len(page.Cursors) != 3 || page.MergeRequests[0].Project != queries[i].Project || page.MergeRequests[0].Milestone != "One" || page.MergeRequests[0].Pipeline != "RUNNING" {
					t.Fatalf("%s: %+v, %v", queries[i].Project, page, errs[i])
				}
			}
		})
	}
	first, err := one(c.MergeRequests(t.Context(), merges[:1]))
	if err != nil {
		t.Fatal(err)
	}
	for i, cursor := range first.Cursors {
		after, before := merges[0], merges[0]
		after.Page, before.Page = gitlab.Page{First: 1, After: cursor}, gitlab.Page{Last: 1, Before: cursor}
		costs(t, s, 2, "two pages of one project", func() {
			pages, errs := c.MergeRequests(t.Context(), list(after, before))
			if errs[0] != nil || errs[1] != nil || (len(pages[0].MergeRequests) == 1) != (i < 2) || (len(pages[1].MergeRequests) == 1) != (i > 0) {
				t.Fatalf("%+v, %v", pages, errs)
			}
			if i < 2 && pages[0].MergeRequests[0].Number != first.MergeRequests[i+1].Number || i > 0 && pages[1].MergeRequests[0].Number != first.MergeRequests[i-1].Number {
				t.Errorf("around %d: %+v", i, pages)
			}
		})
	}
	var issues []gitlab.IssuesQuery
	var lists []gitlab.ListQuery
	for _, q := range merges[:20] {
		issues = append(issues, gitlab.IssuesQuery{Project: q.Project, State: "opened", Page: gitlab.Page{First: 100}})
		lists = append(lists, gitlab.ListQuery{Project: q.Project, Page: gitlab.Page{First: 100}})
	}
	costs(t, s, 3, "issues, labels and releases of 20 projects", func() {
		_, failed := c.Issues(t.Context(), issues)
		_, failedToo := c.Labels(t.Context(), lists)
		_, failedAlso := c.Releases(t.Context(), lists)
		if err := errors.Join(errors.Join(failed...), errors.Join(failedToo...), errors.Join(failedAlso...)); err != nil {
			t.Error(err)
		}
	})
	costs(t, s, 1, "the heads of 20 projects", func() {
		var revisions []gitlab.Revision
		for _, q := range merges[:20] {
			revisions = append(revisions, gitlab.Revision{Project: q.Project, Name: "main"})
		}
		revisions[7].Project = stage.Player
		got, errs := c.Commits(t.Context(), revisions)
		if errs[7] != nil || got[7].Headline() != "Play" || !errors.Is(errs[8], clients.ErrNotFound) {
			t.Errorf("%v, %v", got, errs)
		}
	})
}

func TestCancelled(t *testing.T) {
	s := stage.Set(t, gitlabtest.Settings{})
	c := on(t, s, stage.RitaToken)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, errs := c.Projects(ctx, []string{stage.Search}); !errors.Is(errs[0], context.Canceled) {
		t.Errorf("GraphQL: %v", errs[0])
	}
	if _, err := c.License(ctx, stage.Search); !errors.Is(err, context.Canceled) {
		t.Errorf("REST: %v", err)
	}
}
