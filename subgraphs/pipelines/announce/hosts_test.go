package announce_test

import (
	"context"
	"net/http"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"callboard.dev/callboard/clients"
	"callboard.dev/callboard/clients/clientstest"
	"callboard.dev/callboard/clients/git"
	"callboard.dev/callboard/clients/git/gittest"
	"callboard.dev/callboard/clients/github"
	"callboard.dev/callboard/clients/github/githubtest"
	"callboard.dev/callboard/clients/gitlab"
	"callboard.dev/callboard/clients/gitlab/gitlabtest"
	"callboard.dev/callboard/clients/gitlab/gitlabtest/stage"
	"callboard.dev/callboard/subgraphs/pipelines/announce"
	"callboard.dev/callboard/subgraphs/pipelines/ci"
)

// credential is what package clients does of a transport.
type credential struct {
	header, token string
	next          http.RoundTripper
}

func (c credential) RoundTrip(r *http.Request) (*http.Response, error) {
	r = r.Clone(r.Context())
	r.Header.Set(c.header, c.token)
	return c.next.RoundTrip(r)
}

// said is what a host has of a pull request: the texts of its comments, and the descriptions of the statuses of its newest commit.
type said struct{ comments, statuses []string }

// real is a simulated host.
type real struct {
	pull announce.Pull
	said func() said
}

func must[T any](t testing.TB) func(T, error) T {
	return func(v T, err error) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

func system(t testing.TB, provider ci.Provider, address *url.URL, driver ci.Driver) *ci.System {
	return ci.New(provider, address, nil, must[*clients.Source](t)(clients.Open(clients.Settings{Name: address.Host, Address: address}, clients.Shared{})), driver)
}

func onGitHub(t testing.TB) real {
	work := gittest.New(t)
	work.Checkout("tiles")
	work.Write("tiles/main.go", "package main\n")
	work.Commit("tiles", "Start")
	work.Git("tiles", "checkout", "-q", "-b", "feature/gapless")
	work.Write("tiles/main.go", "package main\n\nfunc main() {}\n")
	head := work.Commit("tiles", "No gaps")
	work.Git("tiles", "checkout", "-q", "main")
	g := must[*githubtest.GitHub](t)(githubtest.New(t.Context(), githubtest.Settings{Folders: []string{work.Dir}}))
	t.Cleanup(g.Close)
	_, err := g.AddUser(githubtest.User{Login: "ada", Name: "Ada", Email: "ada@larkfold.example"})
	if err == nil {
		_, err = g.AddOrganization(githubtest.Organization{Login: "larkfold"}, []string{"ada"}, []string{"ada"})
	}
	if err == nil {
		err = g.AddToken("token", githubtest.Token{Login: "ada"})
	}
	if err == nil {
		_, err = g.AddRepository(t.Context(), githubtest.Repository{OwnerLogin: "larkfold", Name: "tiles", Folder: work.Path("tiles")})
	}
	if err == nil {
		_, err = g.AddPullRequest(t.Context(), "larkfold/tiles", githubtest.PullRequest{Title: "No gaps", AuthorLogin: "ada", BaseRefName: "main", HeadRefName: "feature/gapless"})
	}
	if err != nil {
		t.Fatal(err)
	}
	address := &url.URL{Scheme: "https", Host: "github.com"}
	client := must[*github.Client](t)(github.New("github.com", address, &http.Client{Transport: credential{"Authorization", "Bearer token", clientstest.Transport{Handler: g}}}))
	slug, _ := github.ParseSlug("larkfold/tiles")
	return real{
		pull: announce.Pull{System: system(t, ci.GitHubActions, address, ci.NewGitHub(client)), Repository: "larkfold/tiles", Number: 1, URL: "https://github.com/larkfold/tiles/pull/1", Head: head},
		said: func() (out said) {
			comments, _, err := client.Comments(t.Context(), slug, 1, github.RESTPage{})
			if err != nil {
				t.Fatal(err)
			}
			for _, c := range comments {
				out.comments = append(out.comments, c.Body)
			}
			for _, s := range must[*github.CommitStatuses](t)(client.Statuses(t.Context(), slug, head, github.RESTPage{})).Statuses {
				out.statuses = append(out.statuses, s.Description)
			}
			return out
		},
	}
}

func onGitLab(t testing.TB) real {
	s := stage.Set(t, gitlabtest.Settings{})
	address, _ := url.Parse("https://gitlab.larkfold.example")
	client := must[*gitlab.Client](t)(gitlab.New("gitlab", address, &http.Client{Transport: credential{"PRIVATE-TOKEN", stage.AdaToken, clientstest.Transport{Handler: s}}}))
	return real{
		pull: announce.Pull{System: system(t, ci.GitLabCI, address, ci.NewGitLab(client, nil)), Repository: stage.Search, Number: 1, URL: "https://gitlab.larkfold.example/" + stage.Search + "/-/merge_requests/1", Head: s.Feature},
		said: func() (out said) {
			for _, n := range must[*gitlab.NotePage](t)(client.Notes(t.Context(), gitlab.MergeRequestNumber{Project: stage.Search, Number: 1}, 1)).Notes {
				if strings.Contains(n.Body, "callboard") {
					out.comments = append(out.comments, n.Body)
				}
			}
			for _, c := range must[*gitlab.CommitStatusPage](t)(client.CommitStatuses(t.Context(), stage.Search, git.OID(s.Feature), 1)).Statuses {
				if c.Name == "callboard" {
					out.statuses = append(out.statuses, c.Description)
				}
			}
			return out
		},
	}
}

// On a host that behaves as the real one does there is one comment, or one status, and it says how things are.
func TestHosts(t *testing.T) {
	for name, set := range map[string]func(testing.TB) real{"GitHub": onGitHub, "GitLab": onGitLab} {
		for _, how := range []string{announce.Comment, announce.Status} {
			t.Run(name+" "+how, func(t *testing.T) {
				host := set(t)
				synctest.Test(t, func(t *testing.T) {
					var now atomic.Pointer[announce.Summary]
					now.Store(&announce.Summary{Builds: []announce.Build{{Name: "Check @larkfold/all", Status: ci.Running}}})
					a := announce.New(announce.Config{
						Store: newMemory(), How: func(string, string) string { return how }, View: func(string) string { return "https://callboard.example/pull-request" },
						Describe: func(context.Context, announce.Pull) (announce.Summary, error) { return *now.Load(), nil },
					})
					defer a.Close()
					a.Tell(host.pull)
					time.Sleep(time.Minute)
					now.Store(&announce.Summary{Builds: []announce.Build{{Name: "Check", Status: ci.Failed}, {Name: "Docs", Status: ci.Succeeded}}})
					a.Tell(host.pull)
					time.Sleep(time.Minute)
				})
				got := host.said()
				want := said{comments: []string{"1 of 2 builds passed · 1 failed"}}
				if how == announce.Status {
					want = said{statuses: []string{"1 of 2 builds passed, 1 failed"}}
					if name == "GitLab" {
						want = said{statuses: []string{"builds, tests and coverage as they are now"}}
					}
				}
				if len(got.comments) != len(want.comments) || len(got.statuses) != len(want.statuses) {
					t.Fatalf("it says %+v", got)
				}
				for i, text := range append(got.comments, got.statuses...) {
					if part := append(want.comments, want.statuses...)[i]; !strings.Contains(text, part) {
						t.Errorf("it says\n%s\nwithout %s", text, part)
					}
				}
			})
		}
	}
}
