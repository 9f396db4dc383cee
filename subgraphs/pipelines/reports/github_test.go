package reports_test

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"testing"
	"time"

	"callboard.dev/callboard/clients"
	"callboard.dev/callboard/clients/clientstest"
	"callboard.dev/callboard/clients/github"
	"callboard.dev/callboard/clients/github/githubtest"
	"callboard.dev/callboard/subgraphs/forge"
	"callboard.dev/callboard/subgraphs/pipelines/ci"
	"callboard.dev/callboard/subgraphs/pipelines/coverage"
	"callboard.dev/callboard/subgraphs/pipelines/reports"
	"callboard.dev/callboard/subgraphs/pipelines/store/sqlite"
)

// simulated sends what is asked of a GitHub to a simulated one, with a token.
type simulated struct{ next http.RoundTripper }

func (s simulated) RoundTrip(r *http.Request) (*http.Response, error) {
	r = r.Clone(r.Context())
	r.Header.Set("Authorization", "Bearer ada-token")
	return s.next.RoundTrip(r)
}

// TestGitHub follows a change on GitHub from what its builds left to what is said of it: the archives, the files of the commits and the comparison are GitHub's. The
// numbers are those of TestChange.
func TestGitHub(t *testing.T) {
	p := newPlayer(t)
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	at := began
	g, err := githubtest.New(t.Context(), githubtest.Settings{Folders: []string{p.Dir}, Now: func() time.Time { return at }})
	must(err)
	t.Cleanup(g.Close)
	_, err = g.AddUser(githubtest.User{Login: "ada", Name: "Ada Writer", Email: "ada@larkfold.example"})
	must(err)
	_, err = g.AddOrganization(githubtest.Organization{Login: "larkfold"}, []string{"ada"}, []string{"ada"})
	must(err)
	must(g.AddToken("ada-token", githubtest.Token{Login: "ada"}))
	_, err = g.AddRepository(t.Context(), githubtest.Repository{OwnerLogin: "larkfold", Name: "player", Folder: p.Path("player")})
	must(err)
	must(g.AddWorkflow("larkfold/player", githubtest.Workflow{Name: "Check", Path: ".github/workflows/check.yml", Events: []string{"push"}, Jobs: []githubtest.JobPlan{{Name: "none"}}}))

	web := &url.URL{Scheme: "https", Host: "github.com"}
	client, err := github.New("github.com", web, &http.Client{Transport: simulated{clientstest.Transport{Handler: g}}})
	must(err)
	client = client.Fetching(func(ctx context.Context, u *url.URL) (*http.Response, error) {
		r, err := http.NewRequestWithContext(ctx, http.MethodGet, u.String(), nil)
		if err != nil {
			return nil, err
		}
		return clientstest.Transport{Handler: g.Storage()}.RoundTrip(r)
	})
	source, err := clients.Open(clients.Settings{Name: "github.com", Kind: "github", Address: web}, clients.Shared{})
	must(err)
	system := ci.New(ci.GitHubActions, web, forge.New("github.com", forge.GitHub, web), source, ci.NewGitHub(client))
	kept := sqlite.New("")
	t.Cleanup(func() { kept.Close() })
	r := reports.New(reports.Config{Store: kept, Folder: t.TempDir()})
	of := reports.Repository{System: system, Path: "larkfold/player"}

	for _, commit := range []string{p.base, p.head} {
		branch := "main"
		if commit == p.head {
			branch = "half"
		}
		id, err := g.StartRun(t.Context(), "larkfold/player", githubtest.Run{Workflow: "Check", By: "ada", Branch: branch, HeadOID: commit, Jobs: []githubtest.JobPlan{{
			Name: "test", Steps: []githubtest.StepPlan{{Name: "Run go test", Takes: time.Minute}},
			Artifacts: []githubtest.ArtifactPlan{{Name: "reports", Files: map[string][]byte{"coverage.out": []byte(p.profiles[commit]), "go-test.json": []byte(p.events[commit])}}},
		}}})
		must(err)
		at = at.Add(time.Hour)
		runs := system.Runs(t.Context(), []string{ci.KeyOf("larkfold/player", fmt.Sprintf("r%d", id))})
		must(runs[0].Err)
		g.Watch.Reset()
		must(r.Collect(t.Context(), of, runs[0].Value))
		must(r.Collect(t.Context(), of, runs[0].Value))
		// the artifacts, where one is, the artifact itself (which is kept elsewhere), and the files of the commit
		if n := g.Watch.Count(""); n > 4 {
			t.Errorf("%d requests for the reports of a run", n)
		}
		tests, err := r.Tests(t.Context(), of, commit, runs[0].Value.Key)
		if err != nil || tests == nil || tests.Report.Totals().Passed == 0 {
			t.Errorf("%+v, %v", tests, err)
		}
	}
	compared := system.Compare(t.Context(), []ci.ComparisonQuery{{Repository: "larkfold/player", Base: p.base, Head: p.head}})
	must(compared[0].Err)
	c, err := r.CoverageChange(t.Context(), of, compared[0].Value, p.head)
	must(err)
	if c.Base != p.base || !c.Exact || c.Coverage.Base.Lines != (coverage.Count{Covered: 6, Total: 8}) || c.Coverage.Head.Lines != (coverage.Count{Covered: 8, Total: 13}) || c.Coverage.Added != (coverage.Count{Covered: 3, Total: 5}) {
		t.Errorf("%+v, %+v", c, c.Coverage)
	}
	if got, want := printed(c.Coverage.Files[:1]), "queue/queue.go COMPARED 3/5 to 8/10, added 3/5 without [6 7], now tested [14 15], no longer []"; got != want {
		t.Errorf("%s\nwant\n%s", got, want)
	}
}
