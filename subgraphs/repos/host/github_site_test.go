package host_test

import (
	"fmt"
	"net/http"
	"net/url"
	"testing"
	"time"

	"callboard.dev/callboard/clients/clientstest"
	"callboard.dev/callboard/clients/git/gittest"
	"callboard.dev/callboard/clients/github"
	"callboard.dev/callboard/clients/github/githubtest"
	"callboard.dev/callboard/subgraphs/repos/host"
)

// gitHubSite is a simulated GitHub with the organisation "larkfold": its repository "tiles" with a history, and twenty more of the same content, "part-00" to
// "part-19", each with a pull request.
type gitHubSite struct {
	*githubtest.GitHub
	driver            host.Driver
	first, side, head string // commits: of main the first and the last, and of the branch "feature/gapless"
	png               string // the id of a file that is no text
	folder            string // of the history
}

// january returns the morning of a day in January 2026.
func january(n int) time.Time { return time.Date(2026, 1, n, 10, 0, 0, 0, time.UTC) }

func newGitHubSite(t testing.TB, settings githubtest.Settings) *gitHubSite {
	t.Helper()
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	w := gittest.New(t)
	s := &gitHubSite{folder: w.Path("tiles")}
	w.Checkout("tiles")
	commit := func(n int, who, message string) string {
		w.Git("tiles", "add", "-A")
		w.GitAt("tiles", january(n).Format(time.RFC3339), "commit", "-q", "-m", message, "--author", who+" <"+who+"@larkfold.example>")
		return w.Git("tiles", "rev-parse", "HEAD")
	}
	w.Write("tiles/main.go", "package main\n")
	w.Write("tiles/logo.png", "\x89PNG\x00\x01")
	w.Write("tiles/docs/index.md", "# Tiles\n")
	s.first = commit(2, "ada", "Start\n\nWith a body.")
	s.png = w.Git("tiles", "rev-parse", "HEAD:logo.png")
	w.Git("tiles", "tag", "-a", "v1.0.0", "-m", "The first release")
	w.Git("tiles", "checkout", "-q", "-b", "feature/gapless")
	w.Write("tiles/main.go", "package main\n\n// Gapless.\n")
	s.side = commit(3, "ben", "No gaps")
	w.Git("tiles", "checkout", "-q", "main")
	w.Write("tiles/docs/more.md", "More\n")
	s.head = commit(4, "ada", "Say more")

	settings.Folders = []string{w.Dir}
	g, err := githubtest.New(t.Context(), settings)
	must(err)
	t.Cleanup(g.Close)
	s.GitHub = g
	everybody := []string{"ada", "ben", "cleo", "dan"}
	for _, login := range everybody {
		_, err := g.AddUser(githubtest.User{Login: login, Name: "N. " + login, Email: login + "@larkfold.example"})
		must(err)
	}
	_, err = g.AddOrganization(githubtest.Organization{Login: "larkfold"}, everybody, []string{"ada"})
	must(err)
	_, err = g.AddTeam("larkfold", githubtest.Team{Name: "Web", Members: []string{"ben", "dan"}})
	must(err)
	_, err = g.AddTeam("larkfold", githubtest.Team{Name: "Nobody"})
	must(err)
	_, err = g.AddRepository(t.Context(), githubtest.Repository{OwnerLogin: "larkfold", Name: "tiles", Description: "Covers", Topics: []string{"web"}, StargazerCount: 7, Folder: s.folder})
	must(err)
	_, err = g.AddRepository(t.Context(), githubtest.Repository{OwnerLogin: "larkfold", Name: "empty", Visibility: "PRIVATE"})
	must(err)
	must(g.AddToken("ada-token", githubtest.Token{Login: "ada"}))
	_, err = g.AddLabel("larkfold/tiles", githubtest.Label{Name: "bug", Color: "d73a4a", Description: "It does not work"})
	must(err)
	_, err = g.AddIssue("larkfold/tiles", githubtest.Issue{Title: "Gaps", AuthorLogin: "cleo", Labels: []string{"bug"}, Assignees: []string{"ben"}, CreatedAt: january(5)})
	must(err)
	_, err = g.AddPullRequest(t.Context(), "larkfold/tiles", githubtest.PullRequest{
		Title: "Play without gaps", Body: "Fixes #1", AuthorLogin: "ben", BaseRefName: "main", HeadRefName: "feature/gapless", Labels: []string{"bug"},
		Reviewers: []string{"ada", "larkfold/web"}, Assignees: []string{"ben"}, CreatedAt: january(6),
	})
	must(err)
	_, err = g.ReviewPullRequest(t.Context(), "larkfold/tiles", 2, githubtest.Review{AuthorLogin: "cleo", State: "APPROVED", Body: "Good"})
	must(err)
	_, err = g.Protect("larkfold/tiles", githubtest.Protection{Pattern: "main", RequiresApprovingReviews: true, RequiredApprovingReviewCount: 2, RequiresStatusChecks: true, RequiredStatusCheckContexts: []string{"test"}, CreatorLogin: "ada"})
	must(err)
	_, err = g.AddAlert("larkfold/tiles", githubtest.Alert{Severity: "HIGH", Package: "left-pad", Ecosystem: "NPM", VulnerableRange: "< 1", Manifest: "package.json", GhsaID: "GHSA-aaaa-bbbb-cccc", Summary: "x"})
	must(err)
	_, err = g.AddRelease("larkfold/tiles", githubtest.Release{TagName: "v1.0.0", Name: "One", AuthorLogin: "ada"})
	must(err)
	_, err = g.AddCheck("larkfold/tiles", s.side, githubtest.Check{Name: "test", Status: "COMPLETED", Conclusion: "SUCCESS"})
	must(err)
	for i := range 20 {
		name := fmt.Sprintf("part-%02d", i)
		_, err = g.AddRepository(t.Context(), githubtest.Repository{OwnerLogin: "larkfold", Name: name, Folder: s.folder})
		must(err)
		_, err = g.AddPullRequest(t.Context(), "larkfold/"+name, githubtest.PullRequest{Title: "Part", AuthorLogin: everybody[i%4], BaseRefName: "main", HeadRefName: "feature/gapless", CreatedAt: january(10 + i%7)})
		must(err)
	}
	s.driver = s.as(t, "ada-token")
	g.Watch.Reset()
	return s
}

// as returns a driver with the credential.
func (s *gitHubSite) as(t testing.TB, token string) host.Driver {
	t.Helper()
	c, err := github.New("github.com", &url.URL{Scheme: "https", Host: "github.com"}, &http.Client{Transport: withToken{token, clientstest.Transport{Handler: s.GitHub}}})
	if err != nil {
		t.Fatal(err)
	}
	return host.NewGitHub(c)
}

type withToken struct {
	token string
	next  http.RoundTripper
}

func (w withToken) RoundTrip(r *http.Request) (*http.Response, error) {
	r = r.Clone(r.Context())
	r.Header.Set("Authorization", "Bearer "+w.token)
	return w.next.RoundTrip(r)
}

// twentyPaths are the twenty repositories beside "tiles".
func twentyPaths() []string {
	out := make([]string, 20)
	for i := range out {
		out[i] = fmt.Sprintf("larkfold/part-%02d", i)
	}
	return out
}

// asked returns what was asked since it was last called: how many requests, and how many points.
func (s *gitHubSite) asked() (requests, points int) {
	requests = s.Watch.Count("")
	for _, n := range s.Watch.Points() {
		points += n
	}
	s.Watch.Reset()
	return requests, points
}
