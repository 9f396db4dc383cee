package github_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"callboard.dev/callboard/clients/clientstest"
	"callboard.dev/callboard/clients/git"
	"callboard.dev/callboard/clients/git/gittest"
	"callboard.dev/callboard/clients/github"
	"callboard.dev/callboard/clients/github/githubtest"
)

// site is a simulated GitHub with the organisation "larkfold" and what its tests need, and a client of it.
type site struct {
	*githubtest.GitHub
	client *github.Client
	work   gittest.Workshop
	head   git.OID // of main
	first  git.OID // of its history
	side   git.OID // of the branch "feature/gapless"
}

var tiles = github.Slug{Owner: "larkfold", Name: "tiles"}

// bearer adds a credential, as the transport does.
type bearer struct {
	token string
	next  http.RoundTripper
}

func (b bearer) RoundTrip(r *http.Request) (*http.Response, error) {
	r = r.Clone(r.Context())
	r.Header.Set("Authorization", "Bearer "+b.token)
	return b.next.RoundTrip(r)
}

func newSite(t testing.TB, settings githubtest.Settings) *site {
	t.Helper()
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	w := gittest.New(t)
	s := &site{work: w}
	w.Checkout("tiles")
	w.Write("tiles/main.go", "package main\n")
	w.Write("tiles/catalog-info.yaml", "kind: Component\n")
	w.Write("tiles/logo.png", "\x89PNG\x00\x01")
	w.Write("tiles/docs/index.md", "# Tiles\n")
	commit := func(date, who, message string) git.OID {
		w.Git("tiles", "add", "-A")
		w.GitAt("tiles", date, "commit", "-q", "-m", message, "--author", who+" <"+who+"@larkfold.example>")
		return git.OID(w.Git("tiles", "rev-parse", "HEAD"))
	}
	s.first = commit("2026-01-02T10:00:00+01:00", "ada", "Start\n\nWith a body.")
	w.Git("tiles", "tag", "-a", "v1.0.0", "-m", "The first release")
	w.Git("tiles", "checkout", "-q", "-b", "feature/gapless")
	w.Write("tiles/main.go", "package main\n\n// Gapless.\n")
	s.side = commit("2026-01-03T10:00:00Z", "ben", "No gaps")
	w.Git("tiles", "checkout", "-q", "main")
	w.Write("tiles/docs/more.md", "More\n")
	s.head = commit("2026-01-04T10:00:00Z", "ada", "Say more")

	settings.Folders = []string{w.Dir}
	g, err := githubtest.New(t.Context(), settings)
	must(err)
	t.Cleanup(g.Close)
	s.GitHub = g
	for _, login := range []string{"ada", "ben", "cleo", "dan"} {
		_, err := g.AddUser(githubtest.User{Login: login, Name: strings.ToUpper(login), Email: login + "@larkfold.example"})
		must(err)
	}
	_, err = g.AddOrganization(githubtest.Organization{Login: "larkfold"}, []string{"ada", "ben", "cleo", "dan"}, []string{"ada"})
	must(err)
	_, err = g.AddTeam("larkfold", githubtest.Team{Name: "Web", Members: []string{"ben", "dan"}})
	must(err)
	_, err = g.AddRepository(t.Context(), githubtest.Repository{OwnerLogin: "larkfold", Name: "tiles", Description: "Covers", Topics: []string{"web"}, StargazerCount: 7, Folder: w.Path("tiles")})
	must(err)
	_, err = g.AddRepository(t.Context(), githubtest.Repository{OwnerLogin: "larkfold", Name: "empty", Visibility: "PRIVATE"})
	must(err)
	must(g.Grant("larkfold", "web", "larkfold/tiles", "WRITE"))
	must(g.AddToken("ada-token", githubtest.Token{Login: "ada"}))
	must(g.AddToken("ben-token", githubtest.Token{Login: "ben"}))
	_, err = g.AddLabel("larkfold/tiles", githubtest.Label{Name: "bug", Color: "d73a4a"})
	must(err)
	_, err = g.AddIssue("larkfold/tiles", githubtest.Issue{Title: "Gaps", AuthorLogin: "cleo", Labels: []string{"bug"}, Assignees: []string{"ben"}})
	must(err)
	_, err = g.AddPullRequest(t.Context(), "larkfold/tiles", githubtest.PullRequest{
		Title: "Play without gaps", Body: "Fixes #1", AuthorLogin: "ben", BaseRefName: "main", HeadRefName: "feature/gapless", Labels: []string{"bug"}, Reviewers: []string{"ada", "larkfold/web"}, Assignees: []string{"ben"},
		AutoMerge: &githubtest.AutoMerge{MergeMethod: "SQUASH", EnabledByLogin: "ben"},
	})
	must(err)
	_, err = g.ReviewPullRequest(t.Context(), "larkfold/tiles", 2, githubtest.Review{AuthorLogin: "cleo", State: "APPROVED", Body: "Good"})
	must(err)
	_, err = g.Protect("larkfold/tiles", githubtest.Protection{Pattern: "main", RequiresApprovingReviews: true, RequiredApprovingReviewCount: 2, RequiresStatusChecks: true, RequiredStatusCheckContexts: []string{"test"}, CreatorLogin: "ada"})
	must(err)
	_, err = g.AddAlert("larkfold/tiles", githubtest.Alert{Severity: "HIGH", Package: "left-pad", Ecosystem: "NPM", VulnerableRange: "< 1", Manifest: "package.json", GhsaID: "GHSA-aaaa-bbbb-cccc", Summary: "x"})
	must(err)
	_, err = g.AddRelease("larkfold/tiles", githubtest.Release{TagName: "v1.0.0", Name: "One", Description: "Notes", AuthorLogin: "ada"})
	must(err)
	_, err = g.AddCheck("larkfold/tiles", string(s.side), githubtest.Check{Name: "test", Status: "COMPLETED", Conclusion: "SUCCESS"})
	must(err)
	s.client = s.as(t, "ada-token", settings.Enterprise)
	return s
}

// as returns a client with the credential.
func (s *site) as(t testing.TB, token string, enterprise bool) *github.Client {
	t.Helper()
	address := &url.URL{Scheme: "https", Host: "github.com"}
	if enterprise {
		address.Host = "git.larkfold.example"
	}
	c, err := github.New("github.com", address, &http.Client{Transport: bearer{token, clientstest.Transport{Handler: s.GitHub}}})
	if err != nil {
		t.Fatal(err)
	}
	return c
}
