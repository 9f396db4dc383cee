package github_test

import (
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"callboard.dev/callboard/clients"
	"callboard.dev/callboard/clients/clientstest"
	"callboard.dev/callboard/clients/git"
	"callboard.dev/callboard/clients/github"
	"callboard.dev/callboard/clients/github/githubtest"
)

func TestRepositoriesOfASimulator(t *testing.T) {
	for _, enterprise := range []bool{false, true} {
		s := newSite(t, githubtest.Settings{Enterprise: enterprise})
		ctx := t.Context()
		if err := s.RenameRepository("larkfold/tiles", "covers"); err != nil {
			t.Fatal(err)
		}
		got, errs := s.client.Repositories(ctx, []github.Slug{tiles, {Owner: "larkfold", Name: "empty"}, {Owner: "larkfold", Name: "gone"}})
		if errs[0] != nil || errs[1] != nil || !errors.Is(errs[2], clients.ErrNotFound) {
			t.Fatal(errs)
		}
		r := got[0]
		if r.Slug.Name != "covers" || r.Description != "Covers" || r.Stars != 7 || r.OpenPullRequests != 1 || r.OpenIssues != 1 || r.ID == "" || r.DatabaseID == 0 || len(r.Missing) != 0 {
			t.Errorf("repository is %+v", r)
		}
		if r.DefaultBranch.Name != "main" || r.DefaultBranch.Head.OID != s.head || r.DefaultBranch.Head.AuthorAccount.Login != "ada" || r.DefaultBranch.Protection.ApprovingReviews != 2 {
			t.Errorf("default branch is %+v", r.DefaultBranch)
		}
		if r.Alerts == nil || r.Alerts.BySeverity["HIGH"] != 1 || !r.Alerts.Complete || r.LatestRelease == nil || r.LatestRelease.Tag != "v1.0.0" {
			t.Errorf("alerts are %+v, the release is %+v", r.Alerts, r.LatestRelease)
		}
		if e := got[1]; !e.Empty || e.DefaultBranch != nil || e.Visibility != "PRIVATE" {
			t.Errorf("an empty repository is %+v", e)
		}
		// Who may not see the alerts sees the rest.
		got, errs = s.as(t, "ben-token", enterprise).Repositories(ctx, []github.Slug{tiles})
		if errs[0] != nil || got[0].DefaultBranch == nil {
			t.Fatal(errs[0])
		}
	}
}

func TestPullRequestsOfASimulator(t *testing.T) {
	s := newSite(t, githubtest.Settings{})
	ctx := t.Context()
	pages, errs := s.client.PullRequests(ctx, []github.PullRequestsQuery{
		{Slug: tiles, States: []string{"OPEN"}, Labels: []string{"bug"}, Base: "main", Head: "feature/gapless", Page: github.Page{First: 1}},
		{Slug: tiles, States: []string{"MERGED"}, Page: github.Page{Last: 5}},
		{Slug: github.Slug{Owner: "larkfold", Name: "gone"}},
	})
	if errs[0] != nil || errs[1] != nil || !errors.Is(errs[2], clients.ErrNotFound) {
		t.Fatal(errs)
	}
	if pages[0].Total != 1 || len(pages[0].PullRequests) != 1 || pages[0].Info.End == "" || pages[1].Total != 0 {
		t.Fatalf("pages are %+v", pages)
	}
	p := pages[0].PullRequests[0]
	if p.Number != 2 || p.Title != "Play without gaps" || p.State != "OPEN" || p.Author.Login != "ben" || p.Base != "main" || p.Head != "feature/gapless" || p.HeadOID != s.side || p.Commits != 1 || p.Checks != "SUCCESS" || p.Repository != tiles || *p.HeadRepository != tiles ||
		p.Mergeable == "" || p.ReviewDecision != "REVIEW_REQUIRED" || p.Additions != 2 || p.ChangedFiles != 1 || p.AutoMerge.Method != "SQUASH" || p.AutoMerge.EnabledBy.Login != "ben" || p.AutoMerge.EnabledAt.IsZero() || len(p.Missing) != 0 {
		t.Errorf("pull request is %+v", p)
	}
	if len(p.Reviews) != 1 || p.Reviews[0].State != "APPROVED" || p.Reviews[0].Author.Login != "cleo" || p.Reviews[0].Commit != s.side || len(p.ReviewRequests) != 2 || len(p.Labels) != 1 || len(p.Assignees) != 1 {
		t.Errorf("reviews are %+v, requests %+v, labels %+v", p.Reviews, p.ReviewRequests, p.Labels)
	}
	if !slices.ContainsFunc(p.ReviewRequests, func(r github.ReviewRequest) bool { return r.Team != nil && r.Team.Slug == "web" }) ||
		!slices.ContainsFunc(p.ReviewRequests, func(r github.ReviewRequest) bool { return r.Account != nil && r.Account.Login == "ada" }) {
		t.Errorf("requests are %+v", p.ReviewRequests)
	}
	if err := s.MergePullRequest(ctx, "larkfold/tiles", 2, "MERGE", "ada"); err != nil {
		t.Fatal(err)
	}
	pulls, errs := s.client.PullRequestsByNumber(ctx, []github.PullRequestNumber{{Slug: tiles, Number: 2}, {Slug: tiles, Number: 99}, {Slug: github.Slug{Owner: "larkfold", Name: "gone"}, Number: 1}})
	if errs[0] != nil || pulls[0].State != "MERGED" || pulls[0].MergedBy.Login != "ada" || pulls[0].MergeCommit == "" || pulls[0].MergedAt.IsZero() {
		t.Errorf("merged is %+v, %v", pulls[0], errs[0])
	}
	if !errors.Is(errs[1], clients.ErrNotFound) || !errors.Is(errs[2], clients.ErrNotFound) {
		t.Errorf("what is not there: %v", errs)
	}
}

func TestIssuesLabelsReleasesOfASimulator(t *testing.T) {
	s := newSite(t, githubtest.Settings{})
	ctx := t.Context()
	issues, errs := s.client.Issues(ctx, []github.IssuesQuery{{Slug: tiles, States: []string{"OPEN"}, CreatedBy: "cleo"}, {Slug: tiles, Assignee: "ada"}})
	if errs[0] != nil || errs[1] != nil || len(issues[0].Issues) != 1 || issues[0].Total != 1 || len(issues[1].Issues) != 0 {
		t.Fatal(issues, errs)
	}
	if i := issues[0].Issues[0]; i.Number != 1 || i.Title != "Gaps" || i.State != "OPEN" || i.Author.Login != "cleo" || i.Labels[0].Name != "bug" || i.Assignees[0].Login != "ben" {
		t.Errorf("issue is %+v", i)
	}
	labels, errs := s.client.Labels(ctx, []github.RepositoryPage{{Slug: tiles}})
	if errs[0] != nil || labels[0].Total != 1 || labels[0].Labels[0].Color != "d73a4a" {
		t.Errorf("labels are %+v, %v", labels[0], errs[0])
	}
	releases, errs := s.client.Releases(ctx, []github.RepositoryPage{{Slug: tiles}})
	if errs[0] != nil || releases[0].Total != 1 || releases[0].Releases[0].Notes != "Notes" || releases[0].Releases[0].Author.Login != "ada" {
		t.Errorf("releases are %+v, %v", releases[0], errs[0])
	}
}

func TestSearchesOfASimulator(t *testing.T) {
	s := newSite(t, githubtest.Settings{})
	ctx := t.Context()
	var searches []github.Search
	for _, words := range []github.Words{
		github.OpenPullRequests("updated-asc").WithLogin("review-requested", "ada"),
		github.OpenPullRequests("updated-asc").With("team-review-requested", "larkfold/web"),
		github.OpenPullRequests("created-desc").WithLogin("author", "ben"),
		github.OpenPullRequests("created-desc").WithLogin("author", "ben").WithTime("created", "<", time.Unix(0, 0)),
	} {
		text, err := words.Text()
		if err != nil {
			t.Fatal(err)
		}
		searches = append(searches, github.Search{Query: text})
	}
	pages, errs := s.client.SearchPullRequests(ctx, searches)
	names, nameErrs := s.client.SearchNames(ctx, searches)
	for i, want := range []int{1, 1, 1, 0} {
		if errs[i] != nil || nameErrs[i] != nil || len(pages[i].PullRequests) != want || len(pages[i].Cursors) != want || len(names[i].Found) != want || names[i].Total != want || names[i].HasNext {
			t.Errorf("search %d finds %+v, %v, and names %+v, %v", i, pages[i], errs[i], names[i], nameErrs[i])
		} else if want == 1 && (pages[i].PullRequests[0].Number != 2 || names[i].Found[0].Number != 2 || names[i].Found[0].Slug != tiles || names[i].Found[0].CreatedAt.IsZero()) {
			t.Errorf("search %d finds %+v", i, names[i].Found[0])
		}
	}
	asked := s.Watch.Count("")
	teams, errs := s.client.Teams(ctx, []github.TeamName{{Organization: "larkfold", Slug: "web"}, {Organization: "larkfold", Slug: "gone"}, {Organization: "gone", Slug: "web"}})
	if !errors.Is(errs[1], clients.ErrNotFound) || !errors.Is(errs[2], clients.ErrNotFound) {
		t.Errorf("no teams: %v", errs)
	}
	if m := teams[0]; errs[0] != nil || len(m.Members) != 2 || m.Members[0].Login != "ben" || !m.Complete || m.Team.Name != "Web" {
		t.Errorf("members are %+v, %v", m, errs[0])
	}
	if n := s.Watch.Count("") - asked; n != 1 {
		t.Errorf("%d requests", n)
	}
}

func TestGitOfASimulator(t *testing.T) {
	s := newSite(t, githubtest.Settings{})
	ctx := t.Context()
	commits, errs := s.client.Commits(ctx, []github.Revision{{Slug: tiles, Name: "HEAD"}, {Slug: tiles, Name: "feature/gapless"}, {Slug: tiles, Name: "refs/tags/v1.0.0"}, {Slug: tiles, Name: string(s.first)}, {Slug: tiles, Name: "gone"}})
	for i, want := range []git.OID{s.head, s.side, s.first, s.first} {
		if errs[i] != nil || commits[i].OID != want {
			t.Errorf("commit %d is %+v, %v", i, commits[i], errs[i])
		}
	}
	if !errors.Is(errs[4], clients.ErrNotFound) {
		t.Errorf("what is not there: %v", errs[4])
	}
	if c := commits[3]; c.Headline() != "Start" || c.Author.Name != "ada" || c.AuthorAccount.Login != "ada" || c.Signed || len(c.Parents) != 1 || c.Author.At.UTC().Format(time.RFC3339) != "2026-01-02T09:00:00Z" {
		t.Errorf("the first commit is %+v", c)
	}
	history, errs := s.client.History(ctx, []github.HistoryQuery{{Slug: tiles, Start: s.head, First: 2}, {Slug: tiles, Start: s.head, Path: "docs/more.md"}, {Slug: tiles, Start: s.side, Emails: []string{"ben@larkfold.example"}},
		{Slug: tiles, Start: s.head, Since: time.Date(2026, 1, 4, 0, 0, 0, 0, time.UTC)}, {Slug: tiles, Start: someOID}})
	if errs[0] != nil || errs[1] != nil || errs[2] != nil || errs[3] != nil || !errors.Is(errs[4], clients.ErrNotFound) {
		t.Fatal(errs)
	}
	if history[0].Total != 3 || len(history[0].Commits) != 2 || history[0].Commits[0].OID != s.head || !history[0].Info.HasNext || history[1].Total != 1 || history[2].Commits[0].OID != s.side || history[2].Total != 1 || history[3].Total < 1 {
		t.Errorf("histories are %+v", history)
	}
	more, errs := s.client.History(ctx, []github.HistoryQuery{{Slug: tiles, Start: s.head, First: 2, After: history[0].Info.End}})
	if errs[0] != nil || len(more[0].Commits) != 1 || more[0].Info.HasNext {
		t.Errorf("the next page is %+v, %v", more[0], errs[0])
	}
	counts, errs := s.client.Count(ctx, []github.HistoryQuery{{Slug: tiles, Start: s.head}, {Slug: tiles, Start: someOID}})
	if counts[0] != 3 || counts[1] != -1 || !errors.Is(errs[1], clients.ErrNotFound) {
		t.Errorf("counts are %v, %v", counts, errs)
	}
	trees, errs := s.client.Trees(ctx, []github.PathIn{{Slug: tiles, Commit: s.head}, {Slug: tiles, Commit: s.head, Path: "docs"}, {Slug: tiles, Commit: s.head, Path: "main.go"}, {Slug: tiles, Commit: s.head, Path: "gone"}})
	if errs[0] != nil || errs[1] != nil || !errors.Is(errs[2], clients.ErrNotFound) || !errors.Is(errs[3], clients.ErrNotFound) {
		t.Fatal(errs)
	}
	if len(trees[1]) != 2 || trees[1][0].Path != "docs/index.md" || trees[1][0].Name != "index.md" || trees[1][0].Kind != git.KindFile || trees[1][0].Size != 8 {
		t.Errorf("docs holds %+v", trees[1])
	}
	for _, path := range []string{"logo.png", "main.go"} {
		b, err := s.client.File(ctx, github.PathIn{Slug: tiles, Commit: s.head, Path: path})
		if err != nil || !b.Complete() || b.Binary != (path == "logo.png") {
			t.Errorf("%s is %+v, %v", path, b, err)
		}
	}
	var objects []github.Object
	for _, path := range []string{"logo.png", "main.go"} {
		b, err := s.client.File(ctx, github.PathIn{Slug: tiles, Commit: s.head, Path: path})
		if err != nil {
			t.Fatal(err)
		}
		objects = append(objects, github.Object{Slug: tiles, OID: b.OID})
	}
	blobs, errs := s.client.Blobs(ctx, append(objects, github.Object{Slug: tiles, OID: someOID}, github.Object{Slug: tiles, OID: s.head}, github.Object{Slug: tiles, OID: "main"}))
	if errs[0] != nil || errs[1] != nil || !errors.Is(errs[2], clients.ErrNotFound) || !errors.Is(errs[3], clients.ErrNotFound) || !errors.Is(errs[4], github.ErrInvalid) {
		t.Fatal(errs)
	}
	if !blobs[0].Binary || string(blobs[0].Data) != "\x89PNG\x00\x01" || !blobs[0].Complete() || blobs[1].Binary || string(blobs[1].Data) != "package main\n" || blobs[1].OID != objects[1].OID {
		t.Errorf("blobs are %+v, %+v", blobs[0], blobs[1])
	}
	all, complete, err := s.client.AllFiles(ctx, tiles, s.head)
	if err != nil || !complete || len(all) != 7 {
		t.Errorf("all files are %+v, complete %v, %v", all, complete, err)
	}
	refs, errs := s.client.Refs(ctx, []github.RefsQuery{{Slug: tiles, Against: "main"}, {Slug: tiles, Tags: true, Newest: true}, {Slug: tiles, Filter: "gap"}})
	if errs[0] != nil || errs[1] != nil || errs[2] != nil || refs[0].Total != 2 || refs[2].Total != 1 {
		t.Fatal(refs, errs)
	}
	if r := refs[0].Refs[0]; r.Short() != "feature/gapless" || r.Commit.OID != s.side || *r.Divergence != (git.Divergence{Ahead: 1, Behind: 1}) {
		t.Errorf("branch is %+v", r)
	}
	if r := refs[1].Refs[0]; r.Name != "refs/tags/v1.0.0" || r.Commit.OID != s.first || r.Tag == nil || strings.TrimSpace(r.Tag.Message) != "The first release" || r.Divergence != nil {
		t.Errorf("tag is %+v", r)
	}
	compared, err := s.client.Compare(ctx, tiles, "main", "feature/gapless")
	if err != nil || compared.Divergence != (git.Divergence{Ahead: 1, Behind: 1}) || compared.MergeBase != s.first || len(compared.Files) != 1 {
		t.Errorf("compared are %+v, %v", compared, err)
	}
	files, complete, err := s.client.ChangedFiles(ctx, tiles, s.head)
	if err != nil || !complete || len(files) != 1 || files[0].Path != "docs/more.md" || files[0].Change != git.Added || files[0].Additions != 1 {
		t.Errorf("changed are %+v, complete %v, %v", files, complete, err)
	}
	who, complete, err := s.client.Contributors(ctx, tiles)
	if err != nil || !complete || len(who) == 0 || who[0].Account == nil || who[0].Account.Login != "ada" || who[0].Commits != 2 {
		t.Errorf("contributors are %+v, complete %v, %v", who, complete, err)
	}
}

func TestDiscoveryOfASimulator(t *testing.T) {
	s := newSite(t, githubtest.Settings{})
	for i := range 60 {
		if _, err := s.AddRepository(t.Context(), githubtest.Repository{OwnerLogin: "larkfold", Name: "more-" + string(rune('a'+i/26)) + string(rune('a'+i%26)), IsArchived: i == 0}); err != nil {
			t.Fatal(err)
		}
	}
	for _, test := range []struct {
		text          bool
		pages, listed int
	}{{true, 2, 61}, {false, 1, 61}} {
		before := len(s.Watch.Requests())
		got, err := s.client.OrganisationRepositories(t.Context(), github.Listing{Owner: "larkfold", Files: []string{"gone.yaml", "catalog-info.yaml"}, Text: test.text})
		if err != nil || !got.Complete || len(got.Repositories) != test.listed || got.Total != test.listed || len(got.Missing) != 0 {
			t.Fatalf("%d repositories of %d, %v", len(got.Repositories), got.Total, err)
		}
		if asked := len(s.Watch.Requests()) - before; asked != test.pages {
			t.Errorf("%d requests", asked)
		}
		r := got.Repositories[len(got.Repositories)-1]
		if r.Slug != tiles || r.Head != s.head || r.Branch != "main" || r.PushedAt.IsZero() || len(r.Files) != 2 || r.Files[0] != nil || r.Files[1] == nil {
			t.Fatalf("repository is %+v", r)
		}
		if test.text && string(r.Files[1].Data) != "kind: Component\n" || !test.text && (r.Files[1].Data != nil || r.Files[1].OID == "" || r.Files[1].Complete()) {
			t.Errorf("its file is %+v", r.Files[1])
		}
	}
	got, err := s.client.OrganisationRepositories(t.Context(), github.Listing{Owner: "larkfold", Archived: true})
	if err != nil || got.Total != 62 {
		t.Errorf("with archived ones there are %+v, %v", got, err)
	}
	if _, err := s.client.OrganisationRepositories(t.Context(), github.Listing{Owner: "nobody"}); !errors.Is(err, clients.ErrNotFound) {
		t.Errorf("of nobody: %v", err)
	}
}

// Through the transport of package clients, which charges what the queries cost, as the simulator does by its own reading of GitHub's rule.
func TestThroughTheTransport(t *testing.T) {
	s := newSite(t, githubtest.Settings{Enterprise: true, Limits: &githubtest.Limits{Core: 100, GraphQL: 100, Search: 10, CodeSearch: 10}})
	server := httptest.NewServer(s.GitHub)
	defer server.Close()
	address, err := url.Parse(server.URL)
	if err != nil {
		t.Fatal(err)
	}
	source, err := clients.Open(clients.Settings{
		Name: "git.larkfold.example", Kind: "github", Address: address, Token: clients.Bearer("ada-token"), Allow: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")},
	}, clients.Shared{})
	if err != nil {
		t.Fatal(err)
	}
	defer source.Close()
	c, err := github.New("git.larkfold.example", address, source.HTTP())
	if err != nil {
		t.Fatal(err)
	}
	ctx := t.Context()
	slugs := slices.Repeat([]github.Slug{tiles}, 40)
	if _, errs := c.Repositories(ctx, slugs); errs[39] != nil {
		t.Fatal(errs[39])
	}
	if _, errs := c.PullRequests(ctx, []github.PullRequestsQuery{{Slug: tiles, Page: github.Page{First: 100}}, {Slug: tiles, Page: github.Page{First: 50}}}); errs[0] != nil {
		t.Fatal(errs[0])
	}
	if _, errs := c.SearchPullRequests(ctx, []github.Search{{Query: "is:pr review-requested:ada"}}); errs[0] != nil {
		t.Fatal(errs[0])
	}
	if points := s.Watch.Points(); points["graphql"] != 3+9+1 {
		t.Errorf("the simulator charged %v", points)
	}
	if _, err := c.Blob(ctx, tiles, someOID); !errors.Is(err, clients.ErrNotFound) {
		t.Errorf("what is not there: %v", err)
	}
	// The budget is not enough for this, and so it is not asked.
	asked := len(s.Watch.Requests())
	_, errs := c.PullRequests(ctx, slices.Repeat([]github.PullRequestsQuery{{Slug: tiles, Page: github.Page{First: 100}}}, 15))
	if at := slices.IndexFunc(errs, func(err error) bool { return errors.Is(err, clients.ErrLimited) }); at < 0 || clients.Of(errs[at]).RetryAt.IsZero() {
		t.Errorf("beyond the budget: %v", errs)
	}
	if n := len(s.Watch.Requests()) - asked; n > 3 {
		t.Errorf("%d requests were sent", n)
	}
}

// Failures of the simulator come out as what they are, part by part.
func TestFaultsOfASimulator(t *testing.T) {
	s := newSite(t, githubtest.Settings{})
	ctx := t.Context()
	for _, test := range []struct {
		fault clientstest.Fault
		kind  error
	}{
		{clientstest.Fault{Kind: clientstest.Cut}, clients.ErrBadAnswer},
		{clientstest.Fault{Kind: clientstest.Malformed}, clients.ErrBadAnswer},
		{clientstest.Fault{Kind: clientstest.WrongType}, clients.ErrBadAnswer},
		{clientstest.Fault{Kind: clientstest.Status}, clients.ErrUnavailable},
		{clientstest.Fault{Kind: clientstest.Down}, clients.ErrUnavailable},
		{clientstest.Fault{Kind: clientstest.Huge}, clients.ErrBadAnswer},
	} {
		s.Faults.Add(test.fault)
		_, errs := s.client.Repositories(ctx, []github.Slug{tiles})
		_, _, restErr := s.client.AllFiles(ctx, tiles, s.head)
		if !errors.Is(errs[0], test.kind) {
			t.Errorf("%s: GraphQL fails with %v", test.fault.Kind, errs[0])
		}
		if !errors.Is(restErr, test.kind) {
			t.Errorf("%s: REST fails with %v", test.fault.Kind, restErr)
		}
		s.Faults.Clear()
	}
	s.Faults.Add(clientstest.Fault{Kind: clientstest.Partial, Path: []string{"r1", "codeowners"}, Type: "FORBIDDEN", Message: "Resource not accessible"})
	got, errs := s.client.Repositories(ctx, []github.Slug{tiles, tiles})
	if errs[0] != nil || errs[1] != nil || len(got[0].Missing) != 0 || len(got[1].Missing) != 1 || got[1].Missing[0].Field != "codeowners" || !errors.Is(got[1].Missing[0].Err, clients.ErrForbidden) || got[1].Stars != 7 {
		t.Errorf("a part that fails: %+v, %v", got, errs)
	}
	s.Faults.Clear()
	s.Throttle(githubtest.Throttle{Times: 1, Status: 200})
	if _, errs := s.client.Repositories(ctx, []github.Slug{tiles}); !errors.Is(errs[0], clients.ErrLimited) {
		t.Errorf("a secondary limit: %v", errs[0])
	}
}

// What the simulator tells of a change is read.
func TestWebhooksOfASimulator(t *testing.T) {
	s := newSite(t, githubtest.Settings{})
	var (
		mu     sync.Mutex
		events []*github.Event
	)
	receiver := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err == nil {
			err = github.Verify([][]byte{[]byte("a secret")}, r.Header, body)
		}
		var e *github.Event
		if err == nil {
			e, err = github.ParseEvent(r.Header, body)
		}
		if err != nil {
			t.Errorf("%v: %s", err, body)
			return
		}
		mu.Lock()
		events = append(events, e)
		mu.Unlock()
	})
	s.SetWebhook(githubtest.Webhook{URL: "https://callboard.example/hook", Secret: "a secret", Client: &http.Client{Transport: clientstest.Transport{Handler: receiver}}})
	oid, err := s.Push(t.Context(), "larkfold/tiles", "main", "ada", "Change", githubtest.File{Path: "docs/index.md", Data: []byte("# New\n")})
	if err != nil {
		t.Fatal(err)
	}
	if err := s.MergePullRequest(t.Context(), "larkfold/tiles", 2, "MERGE", "ada"); err != nil {
		t.Fatal(err)
	}
	if err := s.RenameRepository("larkfold/tiles", "covers"); err != nil {
		t.Fatal(err)
	}
	s.Deliveries()
	find := func(kind, action string) *github.Event {
		for _, e := range events {
			if e.Kind == kind && e.Action == action {
				return e
			}
		}
		t.Fatalf("there is no %s %s", kind, action)
		return nil
	}
	if e := find("push", ""); e.Repository != tiles || !slices.Equal(e.Refs, []string{"refs/heads/main"}) || e.Before != s.head || e.After != git.OID(oid) || !slices.Equal(e.Paths, []string{"docs/index.md"}) || !e.PathsComplete || e.Sender != "ada" {
		t.Errorf("push is %+v", e)
	}
	if e := find("pull_request", "closed"); !slices.Equal(e.PullRequests, []int{2}) || e.Repository != tiles {
		t.Errorf("merge is %+v", e)
	}
	if e := find("repository", "renamed"); e.Was != tiles || e.Repository.Name != "covers" {
		t.Errorf("rename is %+v", e)
	}
}

// Pages are walked to their end in both directions.
func TestPagesOfASimulator(t *testing.T) {
	s := newSite(t, githubtest.Settings{})
	for i := range 5 {
		if _, err := s.AddIssue("larkfold/tiles", githubtest.Issue{Title: strings.Repeat("x", i+1), AuthorLogin: "ada", CreatedAt: time.Date(2026, 2, 1+i, 0, 0, 0, 0, time.UTC)}); err != nil {
			t.Fatal(err)
		}
	}
	oldest := github.Order{Field: "CREATED_AT", Direction: "ASC"}
	var forwards, backwards []int
	for page := (github.Page{First: 2}); ; {
		got, errs := s.client.Issues(t.Context(), []github.IssuesQuery{{Slug: tiles, Order: oldest, Page: page}})
		if errs[0] != nil {
			t.Fatal(errs[0])
		}
		for _, i := range got[0].Issues {
			forwards = append(forwards, i.Number)
		}
		if page.After = got[0].Info.End; !got[0].Info.HasNext {
			break
		}
	}
	for page := (github.Page{Last: 4}); ; {
		got, errs := s.client.Issues(t.Context(), []github.IssuesQuery{{Slug: tiles, Order: oldest, Page: page}})
		if errs[0] != nil {
			t.Fatal(errs[0])
		}
		for _, i := range slices.Backward(got[0].Issues) {
			backwards = append(backwards, i.Number)
		}
		if page.Before = got[0].Info.Start; !got[0].Info.HasPrevious {
			break
		}
	}
	slices.Reverse(backwards)
	if want := []int{3, 4, 5, 6, 7, 1}; !slices.Equal(forwards, want) || !slices.Equal(backwards, want) {
		t.Errorf("forwards %v, backwards %v, want %v", forwards, backwards, want)
	}
}

// A repository is found by the name it had, also where the REST interface answers with a redirect.
func TestRenamesOfASimulator(t *testing.T) {
	s := newSite(t, githubtest.Settings{})
	if err := s.RenameRepository("larkfold/tiles", "covers"); err != nil {
		t.Fatal(err)
	}
	if files, _, err := s.client.ChangedFiles(t.Context(), tiles, s.head); err != nil || len(files) != 1 {
		t.Errorf("changed are %v, %v", files, err)
	}
	pulls, errs := s.client.PullRequestsByNumber(t.Context(), []github.PullRequestNumber{{Slug: tiles, Number: 2}})
	if errs[0] != nil || pulls[0].Repository.Name != "covers" {
		t.Errorf("pull request is %+v, %v", pulls[0], errs[0])
	}
	if _, _, err := s.client.ChangedFiles(t.Context(), tiles, someOID); !errors.Is(err, clients.ErrNotFound) {
		t.Errorf("a commit that is not there: %v", err)
	}
}
