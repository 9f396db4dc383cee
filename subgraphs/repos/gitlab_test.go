package repos_test

import (
	"fmt"
	"net/http"
	"net/netip"
	"net/url"
	"testing"

	"callboard.dev/callboard/clients"
	"callboard.dev/callboard/clients/cache"
	"callboard.dev/callboard/clients/clientstest"
	"callboard.dev/callboard/clients/gitlab"
	"callboard.dev/callboard/clients/gitlab/gitlabtest"
	"callboard.dev/callboard/clients/gitlab/gitlabtest/stage"
	"callboard.dev/callboard/subgraphs/forge"
	"callboard.dev/callboard/subgraphs/repos"
	"callboard.dev/callboard/subgraphs/repos/host"
)

// onGitLab opens the subgraph with no folder and a GitLab, behind the whole chain of package clients.
func onGitLab(t *testing.T, s http.Handler) subgraph {
	t.Helper()
	server, err := clientstest.Listen("127.0.0.1:0", s, nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(server.Close)
	address, err := url.Parse(server.URL())
	if err != nil {
		t.Fatal(err)
	}
	remembered := cache.New(cache.Config{Store: cache.NewMemory(1 << 20)})
	t.Cleanup(func() { _ = remembered.Close() })
	source, err := clients.Open(clients.Settings{Name: "gitlab", Kind: "gitlab", Address: address, Token: clients.PrivateToken(stage.RitaToken), Policies: host.Policies(),
		Allow: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}}, clients.Shared{Cache: remembered})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(source.Close)
	client, err := gitlab.New("gitlab", address, source.HTTP())
	if err != nil {
		t.Fatal(err)
	}
	return open(t, repos.Config{Folders: []string{t.TempDir()}, Hosts: []*host.Host{host.New(forge.GitLab, address, source, host.NewGitLab(client))}})
}

// TestGitLab asks the graph for what a GitLab knows: with the repository, its newest commit comes without parents, which are asked for when somebody wants
// them.
func TestGitLab(t *testing.T) {
	s := stage.Set(t, gitlabtest.Settings{})
	g := onGitLab(t, s)
	costs := func(want int, what string, f func()) {
		t.Helper()
		before := s.Watch.Count("")
		f()
		if got := s.Watch.Count("") - before; got != want {
			t.Errorf("%s: %d requests, want %d", what, got, want)
		}
	}
	costs(2, "a repository and its pull requests", func() {
		g.want(`{ repository(nameWithOwner: "larkfold/platform/search") { provider description visibility license { name } defaultBranch latestRelease { tagName } branchProtection { pattern allowsForcePushes }
			gitlab { projectId namespace requestAccessEnabled } headCommit { oid messageHeadline author { name } }
			pullRequests(states: [OPEN], first: 1) { totalCount nodes { number title mergeable reviewDecision reviews { state author { login } } repository { name } } pageInfo { hasNextPage hasPreviousPage } } } }`,
			fmt.Sprintf(`{"repository":{"provider":"GITLAB","description":"Finds music","visibility":"PRIVATE","license":null,"defaultBranch":"main","latestRelease":{"tagName":"v1.1.0"},
			"branchProtection":{"pattern":"main","allowsForcePushes":false},"gitlab":{"projectId":"10","namespace":"larkfold/platform","requestAccessEnabled":false},
			"headCommit":{"oid":%q,"messageHeadline":"Move main","author":{"name":"Ada Writer"}},
			"pullRequests":{"totalCount":3,"nodes":[{"number":5,"title":"Faster index","mergeable":"MERGEABLE","reviewDecision":"CHANGES_REQUESTED","reviews":[{"state":"CHANGES_REQUESTED","author":{"login":"ada"}}],
			"repository":{"name":"search"}}],"pageInfo":{"hasNextPage":true,"hasPreviousPage":false}}}}`, s.Head))
	})
	costs(2, "the parents of the newest commit", func() {
		g.want(`{ repository(nameWithOwner: "larkfold/platform/search") { headCommit { parentOids parents { messageHeadline } } } }`,
			fmt.Sprintf(`{"repository":{"headCommit":{"parentOids":[%q],"parents":[{"messageHeadline":"Rank by plays"}]}}}`, s.Commits["Rank by plays"]))
	})
	g.want(`{ repository(nameWithOwner: "larkfold/platform/search") { commit(ref: "feature/ranking") { parentOids } branches { nodes { name aheadBy behindBy target { parentOids } } totalCount } file(path: "docs/index.md") { text(from: 1, lines: 9) { text } } } }`,
		fmt.Sprintf(`{"repository":{"commit":{"parentOids":[%[1]q]},"branches":{"nodes":[{"name":"feature/ranking","aheadBy":2,"behindBy":1,"target":{"parentOids":[%[1]q]}},
		{"name":"main","aheadBy":0,"behindBy":0,"target":{"parentOids":[%[2]q]}},{"name":"old","aheadBy":0,"behindBy":1,"target":{"parentOids":[%[3]q]}}],"totalCount":3},"file":{"text":{"text":"# Search\n"}}}}`,
			s.Commits["Rank by taste"], s.Commits["Rank by plays"], s.Commits["Begin"]))
	address := func(text string) string {
		return fmt.Sprintf(`{ pullRequest(url: %q) { number checks headRefOid } }`, text)
	}
	web := g.data(`{ repository(nameWithOwner: "larkfold/platform/search") { url } }`, nil)["repository"].(map[string]any)["url"].(string)
	g.want(address(web+"/-/merge_requests/1/diffs"), fmt.Sprintf(`{"pullRequest":{"number":1,"checks":null,"headRefOid":%q}}`, s.Feature))
	if code := g.code(`{ repository(nameWithOwner: "larkfold/platform/search") { pullRequests(states: [CLOSED, MERGED], last: 1) { totalCount } } }`); code != "BAD_INPUT" {
		t.Errorf("the last of two states: %s", code)
	}
}

// TestHiddenCode: what the credential may not see is not said to be absent.
func TestHiddenCode(t *testing.T) {
	g := onGitLab(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		_, _ = w.Write([]byte(`{"data":{"l0":{"nodes":[{"id":"gid://gitlab/Project/7","fullPath":"a/b","repository":null}]}}}`))
	}))
	g.want(`{ repository(nameWithOwner: "a/b") { nameWithOwner isEmpty } }`, `{"repository":{"nameWithOwner":"a/b","isEmpty":null}}`)
	for _, field := range []string{"headCommit { oid }", "commit { oid }", `file(path: "x") { path }`} {
		if code := g.code(`{ repository(nameWithOwner: "a/b") { ` + field + ` } }`); code != "FORBIDDEN" {
			t.Errorf("%s: %s", field, code)
		}
	}
}
