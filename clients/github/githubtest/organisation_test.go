package githubtest_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"

	"callboard.dev/callboard/clients/clientstest"
	"callboard.dev/callboard/clients/github/githubtest"
	"callboard.dev/callboard/examples"
)

// The example organisation is served from the repositories it is built as.
func TestExampleOrganisation(t *testing.T) {
	folder := t.TempDir() + "/larkfold"
	must(t, examples.Build(t.Context(), folder))
	g, err := githubtest.New(t.Context(), githubtest.Settings{Enterprise: true, Host: "github.larkfold.example", Folders: []string{folder}})
	must(t, err)
	t.Cleanup(g.Close)
	_, err = g.AddUser(githubtest.User{Login: "camille-roussel", Email: "camille.roussel@larkfold.example"})
	must(t, err)
	_, err = g.AddOrganization(githubtest.Organization{Login: "larkfold"}, []string{"camille-roussel"}, nil)
	must(t, err)
	must(t, g.AddToken("token", githubtest.Token{Login: "camille-roussel"}))
	added, err := g.AddFolders(t.Context(), "larkfold")
	must(t, err)
	if len(added) != len(examples.Repositories()) {
		t.Errorf("%d repositories are served, of %d", len(added), len(examples.Repositories()))
	}
	body := ask(t, g, `{ organization(login: "larkfold") { repositories(first: 100) { totalCount nodes { name pushedAt primaryLanguage { name } languages(first: 20) { totalSize }
		defaultBranchRef { name target { ... on Commit { history(first: 3) { totalCount nodes { messageHeadline author { user { login } } changedFilesIfAvailable } } } } }
		refs(refPrefix: "refs/tags/", first: 100) { totalCount } object(expression: "HEAD:catalog-info.yaml") { ... on Blob { byteSize text } } codeowners { errors { line } } } } } }`)
	var answer struct {
		Data struct {
			Organization struct {
				Repositories struct {
					Nodes []struct {
						Name, PushedAt  string
						PrimaryLanguage *struct{ Name string }
						Object          *struct{ Text string }
						DefaultBranch   struct {
							Target struct {
								History struct{ TotalCount int }
							}
						} `json:"defaultBranchRef"`
					}
				}
			}
		}
		Errors []any
	}
	must(t, json.Unmarshal(body, &answer))
	if len(answer.Errors) > 0 {
		t.Fatalf("%v", answer.Errors)
	}
	for _, r := range answer.Data.Organization.Repositories.Nodes {
		if r.Object == nil || !strings.Contains(r.Object.Text, "backstage.io") || r.DefaultBranch.Target.History.TotalCount < 2 || r.PushedAt == "" {
			t.Errorf("%+v", r)
		}
	}
}

func ask(t testing.TB, g *githubtest.GitHub, query string) []byte {
	t.Helper()
	text, err := json.Marshal(map[string]any{"query": query})
	must(t, err)
	request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "http://github.larkfold.example/api/graphql", strings.NewReader(string(text)))
	must(t, err)
	request.Header.Set("Authorization", "token token")
	response, err := (&http.Client{Transport: clientstest.Transport{Handler: g}}).Do(request)
	must(t, err)
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	must(t, err)
	return body
}

// Changes and requests that come at one time do not meet halfway.
func TestChangesWhileServing(t *testing.T) {
	s := newSite(t, githubtest.Settings{})
	listen(s)
	var group sync.WaitGroup
	for i := range 4 {
		group.Go(func() {
			for n := range 5 {
				if _, err := s.AddIssue("larkfold/tiles", githubtest.Issue{Title: fmt.Sprint(i, n), AuthorLogin: "ada"}); err != nil {
					t.Error(err)
				}
				if err := s.Label("larkfold/tiles", 3, "ada", fmt.Sprint("label ", i, n)); err != nil {
					t.Error(err)
				}
			}
		})
		group.Go(func() {
			for range 5 {
				body := request(s, `{"query":"{ repository(owner: \"larkfold\", name: \"tiles\") { issues(first: 100) { totalCount nodes { title labels(first: 5) { nodes { name } } } } pullRequest(number: 3) { labels(first: 50) { nodes { name } } reviewDecision additions } } }"}`)
				if strings.Contains(body, "errors") {
					t.Error(body)
				}
				body = request(s, `{"query":"mutation { addComment(input: {subjectId: \"x\", body: \"y\"}) { clientMutationId } }"}`)
				if !strings.Contains(body, "NOT_FOUND") {
					t.Error(body)
				}
			}
		})
	}
	group.Wait()
	if got := s.data(`{ repository(owner: "larkfold", name: "tiles") { issues { totalCount } } }`); got != `{"repository":{"issues":{"totalCount":22}}}` {
		t.Error(got)
	}
}
