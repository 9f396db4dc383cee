package ci_test

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"callboard.dev/callboard/clients/clientstest"
	"callboard.dev/callboard/clients/git/gittest"
	"callboard.dev/callboard/clients/github"
	"callboard.dev/callboard/clients/github/githubtest"
	"callboard.dev/callboard/subgraphs/pipelines/ci"
)

// gitHubSite is a simulated GitHub with the organisation "larkfold": its repository "tiles" with the workflows "Check" and "Release", and twenty more of the same
// content, "part-00" to "part-19", each with a pull request. Its time is the test's.
type gitHubSite struct {
	*githubtest.GitHub
	driver            ci.Driver
	work              gittest.Workshop
	enterprise        bool
	first, side, head string // commits: of main the first and the last, and of the branch "feature/gapless", which leaves the first

	requests atomic.Int64

	mu sync.Mutex
	at time.Time
}

// gitHubNoon is when the builds of the tests begin.
var gitHubNoon = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

func (s *gitHubSite) now() time.Time {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.at
}

func (s *gitHubSite) pass(d time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.at = s.at.Add(d)
}

// gitHubWorkflow is the file of the workflow "Check".
const gitHubWorkflow = `name: Check
on:
  push:
  workflow_dispatch:
    inputs:
      target:
        description: Where to
        type: choice
        required: true
        options: [web, app]
        default: web
      dry: {type: boolean}
`

// gitHubCheck is a workflow of three jobs, whose tests fail in the first attempt: after 46 seconds it is over.
func gitHubCheck() githubtest.Workflow {
	return githubtest.Workflow{
		Name: "Check", Path: ".github/workflows/check.yml", Events: []string{"push", "pull_request", "workflow_dispatch"}, Inputs: []string{"target", "dry"},
		Jobs: []githubtest.JobPlan{
			{Name: "lint", Queue: 2 * time.Second, Steps: []githubtest.StepPlan{{Name: "Run vet", Takes: 10 * time.Second, Log: "vetting"}}},
			{Name: "test", Queue: 5 * time.Second, Steps: []githubtest.StepPlan{
				{Name: "Run go test", Takes: 40 * time.Second, Conclusion: "FAILURE", Attempts: 1, Log: "one\ntwo\nthree\nfour"},
				{Name: "Upload", Takes: time.Second, Always: true},
			}, Artifacts: []githubtest.ArtifactPlan{{Name: "reports", Files: map[string][]byte{"junit.xml": []byte("<testsuites/>")}, Always: true}}},
			{Name: "build", Needs: []string{"lint", "test"}, Steps: []githubtest.StepPlan{{Name: "Run go build", Takes: 20 * time.Second}}},
		},
	}
}

func newGitHubSite(t testing.TB, settings githubtest.Settings) *gitHubSite {
	t.Helper()
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	s := &gitHubSite{work: gittest.New(t), enterprise: settings.Enterprise, at: gitHubNoon}
	w := s.work
	w.Checkout("tiles")
	w.Write("tiles/main.go", "package main\n\nfunc main() {\n\tprintln(1)\n}\n")
	w.Write("tiles/.github/workflows/check.yml", gitHubWorkflow)
	s.first = w.Commit("tiles", "Start")
	w.Git("tiles", "tag", "v1.0.0")
	w.Git("tiles", "checkout", "-q", "-b", "feature/gapless")
	w.Write("tiles/main.go", "package main\n\nfunc main() {\n\tprintln(2)\n\tprintln(3)\n}\n")
	w.Git("tiles", "mv", "README.md", "ABOUT.md")
	s.side = w.Commit("tiles", "No gaps")
	w.Git("tiles", "checkout", "-q", "main")
	w.Write("tiles/docs/more.md", "More\n")
	s.head = w.Commit("tiles", "Say more")

	settings.Folders, settings.Now = []string{w.Dir}, s.now
	g, err := githubtest.New(t.Context(), settings)
	must(err)
	t.Cleanup(g.Close)
	s.GitHub = g
	for _, login := range []string{"ada", "ben"} {
		_, err := g.AddUser(githubtest.User{Login: login, Name: "N. " + login, Email: login + "@larkfold.example"})
		must(err)
	}
	_, err = g.AddOrganization(githubtest.Organization{Login: "larkfold"}, []string{"ada", "ben"}, []string{"ada"})
	must(err)
	must(g.AddToken("ada-token", githubtest.Token{Login: "ada"}))
	_, err = g.AddRepository(t.Context(), githubtest.Repository{OwnerLogin: "larkfold", Name: "tiles", Folder: w.Path("tiles")})
	must(err)
	_, err = g.AddRepository(t.Context(), githubtest.Repository{OwnerLogin: "larkfold", Name: "empty", Visibility: "PRIVATE"})
	must(err)
	_, err = g.AddPullRequest(t.Context(), "larkfold/tiles", githubtest.PullRequest{Title: "Play without gaps", AuthorLogin: "ben", BaseRefName: "main", HeadRefName: "feature/gapless"})
	must(err)
	must(g.AddWorkflow("larkfold/tiles", gitHubCheck()))
	must(g.AddWorkflow("larkfold/tiles", githubtest.Workflow{Name: "Release", Path: ".github/workflows/release.yml", Events: []string{"release"}, State: "DISABLED_MANUALLY", Jobs: []githubtest.JobPlan{{Name: "publish", Steps: []githubtest.StepPlan{{Name: "Publish"}}}}}))
	for _, name := range gitHubTwenty() {
		name = name[len("larkfold/"):]
		_, err = g.AddRepository(t.Context(), githubtest.Repository{OwnerLogin: "larkfold", Name: name, Folder: w.Path("tiles")})
		must(err)
		_, err = g.AddPullRequest(t.Context(), "larkfold/"+name, githubtest.PullRequest{Title: "Part", AuthorLogin: "ben", BaseRefName: "main", HeadRefName: "feature/gapless"})
		must(err)
	}
	address := &url.URL{Scheme: "https", Host: "github.com"}
	if settings.Enterprise {
		address.Host = "git.larkfold.example"
	}
	c, err := github.New("github.com", address, &http.Client{Transport: gitHubToken{"ada-token", &s.requests, clientstest.Transport{Handler: g}}})
	must(err)
	s.driver = ci.NewGitHub(c.Fetching(func(ctx context.Context, u *url.URL) (*http.Response, error) {
		r, err := http.NewRequestWithContext(ctx, http.MethodGet, u.String(), nil)
		if err != nil {
			return nil, err
		}
		return clientstest.Transport{Handler: g.Storage()}.RoundTrip(r)
	}))
	return s
}

// gitHubToken adds a credential, as the transport does, and counts.
type gitHubToken struct {
	token    string
	requests *atomic.Int64
	next     http.RoundTripper
}

func (w gitHubToken) RoundTrip(r *http.Request) (*http.Response, error) {
	w.requests.Add(1) // the simulator itself counts a request when its answer has been read, and that of a redirect is not
	r = r.Clone(r.Context())
	r.Header.Set("Authorization", "Bearer "+w.token)
	return w.next.RoundTrip(r)
}

// gitHubTwenty are the paths of the twenty repositories beside "tiles".
func gitHubTwenty() []string {
	out := make([]string, 20)
	for i := range out {
		out[i] = fmt.Sprintf("larkfold/part-%02d", i)
	}
	return out
}

// start starts a run and returns its key.
func (s *gitHubSite) start(t testing.TB, repository string, run githubtest.Run) string {
	t.Helper()
	if run.By == "" {
		run.By = "ada"
	}
	id, err := s.StartRun(t.Context(), repository, run)
	if err != nil {
		t.Fatal(err)
	}
	return ci.KeyOf(repository, fmt.Sprintf("r%d", id))
}

// asked returns how many requests there were since it was last called.
func (s *gitHubSite) asked() int { return int(s.requests.Swap(0)) }

// gitHubOne returns the only answer to one question.
func gitHubOne[Q, V any](t testing.TB, ask func(context.Context, []Q) ([]V, []error), question Q) V {
	t.Helper()
	got, errs := ask(t.Context(), []Q{question})
	if len(got) != 1 || len(errs) != 1 || errs[0] != nil {
		t.Fatalf("%+v: %v", got, errs)
	}
	return got[0]
}

// gitHubError returns the only error of one question.
func gitHubError[Q, V any](t testing.TB, ask func(context.Context, []Q) ([]V, []error), question Q) error {
	t.Helper()
	_, errs := ask(t.Context(), []Q{question})
	if len(errs) != 1 {
		t.Fatal(errs)
	}
	return errs[0]
}
