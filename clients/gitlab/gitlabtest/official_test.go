package gitlabtest_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"callboard.dev/callboard/clients/clientstest"
	"callboard.dev/callboard/clients/gitlab/gitlabtest"
	"callboard.dev/callboard/clients/gitlab/gitlabtest/stage"
	"github.com/google/go-cmp/cmp"
	official "gitlab.com/gitlab-org/api/client-go/v2"
)

const address = "https://gitlab.larkfold.example"

// ask sends a request and returns the answer.
func ask(s http.Handler, method, path, token string, header ...string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(method, address+path, nil)
	if token != "" {
		r.Header.Set("PRIVATE-TOKEN", token)
	}
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	w := httptest.NewRecorder()
	s.ServeHTTP(w, r)
	return w
}

// client is GitLab's own client for Go, asking a server in this process.
func client(t *testing.T, s http.Handler, token string) *official.Client {
	t.Helper()
	c, err := official.NewClient(token, official.WithBaseURL(address), official.WithHTTPClient(&http.Client{Transport: clientstest.Transport{Handler: s}}), official.WithoutRetries())
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// documented are fields of GitLab's answers that its client for Go leaves out.
var documented = []string{"locked", "public_email", "membership_state", "reference", "merge_status", "generated_file", "collapsed", "too_large", "work_in_progress"}

// TestOfficialClient checks that the structs of GitLab's own client for Go take every answer, and know every field of it.
func TestOfficialClient(t *testing.T) {
	s := stage.Set(t, gitlabtest.Settings{})
	search := "/api/v4/projects/larkfold%2Fplatform%2Fsearch"
	for path, into := range map[string]any{
		"/api/v4/version":                  new(official.Version),
		"/api/v4/metadata":                 new(official.Metadata),
		"/api/v4/user":                     new(official.User),
		"/api/v4/users":                    new([]*official.User),
		"/api/v4/users/2":                  new(official.User),
		"/api/v4/projects":                 new([]*official.Project),
		search:                             new(official.Project),
		search + "?license=1&statistics=1": new(official.Project),
		search + "/languages":              new(official.ProjectLanguages),
		search + "/repository/tree?recursive=true":                                     new([]*official.TreeNode),
		search + "/repository/files/rank%2Ego?ref=main":                                new(official.File),
		search + "/repository/commits?with_stats=true":                                 new([]*official.Commit),
		search + "/repository/commits/main":                                            new(official.Commit),
		search + "/repository/commits/main/diff":                                       new([]*official.Diff),
		search + "/repository/branches":                                                new([]*official.Branch),
		search + "/repository/branches/main":                                           new(official.Branch),
		search + "/repository/tags":                                                    new([]*official.Tag),
		search + "/repository/compare?from=main&to=feature%2Franking":                  new(official.Compare),
		search + "/repository/contributors":                                            new([]*official.Contributor),
		search + "/merge_requests":                                                     new([]*official.BasicMergeRequest),
		search + "/merge_requests/1":                                                   new(official.MergeRequest),
		search + "/merge_requests/1/approvals":                                         new(official.MergeRequestApprovals),
		search + "/merge_requests/1/reviewers":                                         new([]*official.MergeRequestReviewer),
		search + "/merge_requests/1/commits":                                           new([]*official.Commit),
		search + "/merge_requests/1/diffs":                                             new([]*official.MergeRequestDiff),
		search + "/issues":                                                             new([]*official.Issue),
		search + "/issues/1":                                                           new(official.Issue),
		search + "/labels?with_counts=true":                                            new([]*official.Label),
		search + "/releases":                                                           new([]*official.Release),
		search + "/protected_branches":                                                 new([]*official.ProtectedBranch),
		search + "/protected_branches/release%2F%2A":                                   new(official.ProtectedBranch),
		search + "/members/all":                                                        new([]*official.ProjectMember),
		search + "/hooks":                                                              new([]*official.ProjectHook),
		search + "/search?scope=blobs&search=func":                                     new([]*official.Blob),
		"/api/v4/groups":                                                               new([]*official.Group),
		"/api/v4/groups/larkfold":                                                      new(official.Group),
		"/api/v4/groups/larkfold/projects?include_subgroups=true":                      new([]*official.Project),
		"/api/v4/groups/larkfold/descendant_groups":                                    new([]*official.Group),
		"/api/v4/groups/larkfold%2Fplatform/members/all":                               new([]*official.GroupMember),
		"/api/v4/groups/larkfold/search?scope=blobs&search=filename:catalog-info.yaml": new([]*official.Blob),
		"/api/v4/merge_requests?scope=all&reviewer_username=ada":                       new([]*official.BasicMergeRequest),
	} {
		w := ask(s, "GET", path, stage.RitaToken)
		if w.Code != http.StatusOK {
			t.Errorf("%s: %d %s", path, w.Code, w.Body)
			continue
		}
		if err := json.Unmarshal(w.Body.Bytes(), into); err != nil {
			t.Errorf("%s: %v", path, err)
			continue
		}
		strict := json.NewDecoder(strings.NewReader(string(without(t, w.Body.Bytes()))))
		strict.DisallowUnknownFields()
		if err := strict.Decode(into); err != nil {
			t.Errorf("%s: %v", path, err)
		}
	}
}

// without returns JSON without the documented fields.
func without(t *testing.T, text []byte) []byte {
	t.Helper()
	var value any
	if err := json.Unmarshal(text, &value); err != nil {
		t.Fatal(err)
	}
	var clean func(any)
	clean = func(v any) {
		switch v := v.(type) {
		case map[string]any:
			for name, inner := range v {
				if slices.Contains(documented, name) || strings.HasSuffix(name, "_enabled") {
					delete(v, name)
				} else {
					clean(inner)
				}
			}
		case []any:
			for _, inner := range v {
				clean(inner)
			}
		}
	}
	clean(value)
	return clientstest.JSON(value)
}

// TestOfficialClientFinds checks what the official client reads, not just that it can.
func TestOfficialClientFinds(t *testing.T) {
	s := stage.Set(t, gitlabtest.Settings{})
	c := client(t, s, stage.AdaToken)
	project, _, err := c.Projects.GetProject(stage.Search, &official.GetProjectOptions{License: official.Ptr(true)})
	if err != nil {
		t.Fatal(err)
	}
	if project.License.Key != "apache-2.0" || project.DefaultBranch != "main" || project.OpenIssuesCount != 2 || project.StarCount != 7 || project.Permissions.ProjectAccess.AccessLevel != official.DeveloperPermissions {
		t.Errorf("project: %+v", project)
	}
	compare, _, err := c.Repositories.Compare(project.ID, &official.CompareOptions{From: official.Ptr("main"), To: official.Ptr("feature/ranking")})
	if err != nil {
		t.Fatal(err)
	}
	var titles, paths []string
	for _, commit := range compare.Commits {
		titles = append(titles, commit.Title)
	}
	for _, d := range compare.Diffs {
		paths = append(paths, d.NewPath)
	}
	if !slices.Equal(titles, []string{"Rank by taste", "Explain taste"}) || !slices.Equal(paths, []string{"docs/taste.md", "rank.go", "taste.go"}) {
		t.Errorf("compare: %q %q", titles, paths)
	}
	want := "@@ -1,3 +1,3 @@\n package main\n \n-func rank() int { return 1 }\n+func rank() int { return 2 }\n"
	if diff := cmp.Diff(want, compare.Diffs[1].Diff); diff != "" {
		t.Error(diff)
	}
	diffs, _, err := c.Commits.GetCommitDiff(project.ID, s.Head, nil)
	if err != nil {
		t.Fatal(err)
	}
	if len(diffs) != 1 || !diffs[0].RenamedFile || diffs[0].OldPath != "main.go" || diffs[0].NewPath != "run.go" || diffs[0].Diff != "" {
		t.Errorf("diff of a move: %+v", diffs[0])
	}
	approvals, _, err := c.MergeRequestApprovals.GetConfiguration(project.ID, 1)
	if err != nil {
		t.Fatal(err)
	}
	if approvals.Approved || approvals.ApprovalsLeft != 1 || approvals.ApprovedBy[0].User.Username != "rita" {
		t.Errorf("approvals: %+v", approvals)
	}
	raw, _, err := c.RepositoryFiles.GetRawFile(project.ID, "docs/api/catalog-info.yaml", &official.GetRawFileOptions{Ref: official.Ptr("v1.0.0")})
	if err != nil || string(raw) != "kind: API\n" {
		t.Errorf("raw: %q, %v", raw, err)
	}
	if _, _, err := c.RepositoryFiles.GetRawFile(project.ID, "../../../user", nil); err == nil {
		t.Error("a path out of the repository was answered")
	}
	var version struct {
		Data struct{ CurrentUser struct{ Username string } }
	}
	if _, err := c.GraphQL.Do(official.GraphQLQuery{Query: "{ currentUser { username } }"}, &version); err != nil || version.Data.CurrentUser.Username != "ada" {
		t.Errorf("GraphQL: %+v, %v", version, err)
	}
}
