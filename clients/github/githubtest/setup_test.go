package githubtest_test

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"callboard.dev/callboard/clients/clientstest"
	"callboard.dev/callboard/clients/git/gittest"
	"callboard.dev/callboard/clients/github/githubtest"
)

// today is when the tests run.
var today = time.Date(2026, time.February, 27, 12, 0, 0, 0, time.UTC)

// site is a GitHub with the organisation "larkfold": three people, two teams, and a repository "tiles" with a history, a branch, pull
// requests, issues, releases and checks.
type site struct {
	*githubtest.GitHub
	t    testing.TB
	work gittest.Workshop
	mu   sync.Mutex // for tests that are asked over a socket: they let time pass
	now  time.Time
	head string // the newest commit of main
	side string // the newest commit of the branch "gapless"
}

func newSite(t testing.TB, settings githubtest.Settings) *site {
	t.Helper()
	s := &site{t: t, work: gittest.New(t), now: today}
	s.work.Checkout("tiles")
	s.work.Write("tiles/main.go", "package main\n\nfunc main() {}\n")
	s.work.Write("tiles/web/app.ts", "export const a = 1\n")
	s.work.Write("tiles/catalog-info.yaml", "kind: Component\n")
	s.work.Write("tiles/LICENSE", "MIT License\n\nPermission is hereby granted, free of charge, to any person obtaining a copy\n")
	s.work.Write("tiles/CODEOWNERS", "* @larkfold/web\n/web @nobody-here\n[ab] @ada\n")
	s.work.Git("tiles", "add", "-A")
	s.commit("2026-01-02T10:00:00+01:00", "ada@larkfold.example", "Start with something whose headline is much longer than anybody would want to read in a list\n\nA body.")
	s.work.Git("tiles", "tag", "-a", "v1.0.0", "-m", "The first release")
	s.work.Git("tiles", "checkout", "-q", "-b", "gapless")
	s.work.Write("tiles/web/app.ts", "export const a = 2\nexport const b = 3\n")
	s.side = s.commit("2026-01-03T10:00:00Z", "ben@larkfold.example", "No gaps")
	s.work.Git("tiles", "checkout", "-q", "main")
	s.work.Write("tiles/main.go", "package main\n\nfunc main() { println(1) }\n")
	s.head = s.commit("2026-01-04T10:00:00Z", "ada@larkfold.example", "Say one")

	settings.Folders = append(settings.Folders, s.work.Dir)
	settings.Now = func() time.Time {
		s.mu.Lock()
		defer s.mu.Unlock()
		return s.now
	}
	if settings.Host == "" {
		settings.Host = "github.larkfold.example"
	}
	g, err := githubtest.New(t.Context(), settings)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(g.Close)
	s.GitHub = g
	s.fill()
	return s
}

func (s *site) commit(date, email, message string) string {
	s.work.Git("tiles", "add", "-A")
	s.work.GitAt("tiles", date, "-c", "user.email="+email, "-c", "user.name="+strings.Split(email, "@")[0], "commit", "-q", "-m", message, "--author", strings.Split(email, "@")[0]+" <"+email+">")
	return s.work.Git("tiles", "rev-parse", "HEAD")
}

func (s *site) fill() {
	t, g := s.t, s.GitHub
	t.Helper()
	for _, u := range []githubtest.User{
		{Login: "ada", Name: "Ada Marsh", Email: "ada@larkfold.example"},
		{Login: "ben", Name: "Ben Okoro", Email: "ben@larkfold.example"},
		{Login: "cleo", Name: "Cleo Ruiz", Email: "cleo@larkfold.example"},
		{Login: "stranger", Name: "A Stranger", Email: "stranger@elsewhere.example"},
	} {
		_, err := g.AddUser(u)
		must(t, err)
	}
	_, err := g.AddOrganization(githubtest.Organization{Login: "larkfold", Name: "Larkfold", DatabaseID: 77}, []string{"ada", "ben", "cleo"}, []string{"ada"})
	must(t, err)
	_, err = g.AddTeam("larkfold", githubtest.Team{Name: "Web", Members: []string{"ben"}, Maintainers: []string{"cleo"}})
	must(t, err)
	_, err = g.AddTeam("larkfold", githubtest.Team{Name: "Web Tiles", Parent: "web", Members: []string{"ada"}})
	must(t, err)
	_, err = g.AddRepository(t.Context(), githubtest.Repository{
		OwnerLogin: "larkfold", Name: "tiles", Description: "Covers and rows", Topics: []string{"web", "design"}, StargazerCount: 7, Folder: s.work.Path("tiles"),
		Watchers: []string{"cleo"},
	})
	must(t, err)
	_, err = g.AddRepository(t.Context(), githubtest.Repository{OwnerLogin: "larkfold", Name: "empty", Visibility: "PRIVATE"})
	must(t, err)
	must(t, g.Grant("larkfold", "web", "larkfold/tiles", "WRITE"))
	must(t, g.AddToken("ada-token", githubtest.Token{Login: "ada"}))
	must(t, g.AddToken("ben-token", githubtest.Token{Login: "ben"}))
	must(t, g.AddToken("stranger-token", githubtest.Token{Login: "stranger"}))
	_, err = g.AddLabel("larkfold/tiles", githubtest.Label{Name: "bug", Color: "d73a4a", Description: "It does not work", IsDefault: true})
	must(t, err)
	_, err = g.AddMilestone("larkfold/tiles", "ada", githubtest.Milestone{Title: "Spring", DueOn: today.AddDate(0, 2, 0)})
	must(t, err)
	_, err = g.AddIssue("larkfold/tiles", githubtest.Issue{Title: "Gaps between tracks", Body: "Hear **them**? @cleo", AuthorLogin: "cleo", Labels: []string{"bug"}, Assignees: []string{"ben"}, MilestoneTitle: "Spring"})
	must(t, err)
	_, err = g.AddIssue("larkfold/tiles", githubtest.Issue{Title: "Old and done", AuthorLogin: "ada", CreatedAt: today.AddDate(0, -1, 0), ClosedAt: today.AddDate(0, 0, -3), StateReason: "COMPLETED"})
	must(t, err)
	_, err = g.AddPullRequest(t.Context(), "larkfold/tiles", githubtest.PullRequest{
		Title: "Play without gaps", Body: "Fixes #1", AuthorLogin: "ben", HeadRefName: "gapless", Labels: []string{"bug", "audio"}, Reviewers: []string{"cleo", "larkfold/web-tiles"},
		Assignees: []string{"ben"}, MilestoneTitle: "Spring", AutoMerge: &githubtest.AutoMerge{MergeMethod: "SQUASH", EnabledByLogin: "ada"},
	})
	must(t, err)
	_, err = g.ReviewPullRequest(t.Context(), "larkfold/tiles", 3, githubtest.Review{AuthorLogin: "cleo", State: "CHANGES_REQUESTED", Body: "Not yet"})
	must(t, err)
	_, err = g.Comment("larkfold/tiles", 3, "ada", "Nice")
	must(t, err)
	_, err = g.Comment("larkfold/tiles", 1, "renovate[bot]", "I am a bot")
	must(t, err)
	_, err = g.Protect("larkfold/tiles", githubtest.Protection{
		Pattern: "main", RequiresApprovingReviews: true, RequiredApprovingReviewCount: 1, RequiresStatusChecks: true, RequiredStatusCheckContexts: []string{"test"}, CreatorLogin: "ada",
	})
	must(t, err)
	_, err = g.AddRuleset("larkfold/tiles", githubtest.Ruleset{Name: "careful", Include: []string{"~DEFAULT_BRANCH"}, Rules: []string{"PULL_REQUEST", "NON_FAST_FORWARD"}})
	must(t, err)
	_, err = g.AddAlert("larkfold/tiles", githubtest.Alert{
		Severity: "HIGH", Package: "left-pad", Ecosystem: "NPM", VulnerableRange: "< 1.3.0", PatchedIn: "1.3.0", Manifest: "web/package.json", GhsaID: "GHSA-aaaa-bbbb-cccc", Summary: "It pads too much",
	})
	must(t, err)
	_, err = g.AddRelease("larkfold/tiles", githubtest.Release{
		TagName: "v1.0.0", Name: "One", Description: "The **first**", AuthorLogin: "ada", Assets: []githubtest.Asset{{Name: "tiles.zip", ContentType: "application/zip", Size: 12}},
	})
	must(t, err)
	_, err = g.AddRelease("larkfold/tiles", githubtest.Release{TagName: "v1.1.0", Name: "Draft", AuthorLogin: "ada", IsDraft: true})
	must(t, err)
	for _, oid := range []string{s.head, s.side} {
		_, err = g.AddCheck("larkfold/tiles", oid, githubtest.Check{Name: "test", Status: "COMPLETED", Conclusion: "SUCCESS", Workflow: "Check", RunNumber: 4, Branch: "gapless"})
		must(t, err)
		must(t, g.SetStatus("larkfold/tiles", oid, githubtest.CommitStatus{Context: "coverage", State: "FAILURE", Description: "-1 %", CreatorLogin: "ada"}))
	}
}

// pass lets time pass.
func (s *site) pass(d time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.now = s.now.Add(d)
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// client asks the site within the process.
func (s *site) client() *http.Client {
	return &http.Client{Transport: clientstest.Transport{Handler: s}, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
}

// query asks GraphQL with ada's token, or the one given.
func (s *site) query(text string, variables map[string]any, token ...string) (answer, *http.Response) {
	s.t.Helper()
	body, err := json.Marshal(map[string]any{"query": text, "variables": variables})
	must(s.t, err)
	request, err := http.NewRequestWithContext(s.t.Context(), http.MethodPost, "http://api.example/graphql", bytes.NewReader(body))
	must(s.t, err)
	request.Header.Set("Authorization", "bearer "+append(token, "ada-token")[0])
	response, err := s.client().Do(request)
	must(s.t, err)
	defer response.Body.Close()
	var a answer
	text2, err := io.ReadAll(response.Body)
	must(s.t, err)
	if err := json.Unmarshal(text2, &a); err != nil {
		s.t.Fatalf("%v: %s", err, text2)
	}
	a.text = string(text2)
	return a, response
}

type answer struct {
	Data   json.RawMessage
	Errors []struct {
		Type, Message string
		Path          []any
	}
	text string
}

// data asks with ada's token and fails where there are errors.
func (s *site) data(text string) string {
	s.t.Helper()
	a, _ := s.query(text, nil)
	if len(a.Errors) > 0 {
		s.t.Fatalf("%s: %s", text, a.text)
	}
	return string(a.Data)
}

// get asks REST with a token, none where it is empty.
func (s *site) get(path, token string, header ...string) (*http.Response, string) {
	s.t.Helper()
	request, err := http.NewRequestWithContext(s.t.Context(), http.MethodGet, "http://api.example"+path, nil)
	must(s.t, err)
	if token != "" {
		request.Header.Set("Authorization", "Bearer "+token)
	}
	for i := 0; i+1 < len(header); i += 2 {
		request.Header.Set(header[i], header[i+1])
	}
	response, err := s.client().Do(request)
	must(s.t, err)
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	must(s.t, err)
	return response, string(body)
}
