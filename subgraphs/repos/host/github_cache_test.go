package host_test

import (
	"errors"
	"net/netip"
	"net/url"
	"testing"

	"callboard.dev/callboard/clients"
	"callboard.dev/callboard/clients/cache"
	"callboard.dev/callboard/clients/clientstest"
	"callboard.dev/callboard/clients/github"
	"callboard.dev/callboard/clients/github/githubtest"
	"callboard.dev/callboard/subgraphs/forge"
	"callboard.dev/callboard/subgraphs/repos/host"
)

// A host asks nothing twice, asks again for what has changed, and while its source is down tells what it knew.
func TestGitHubIsRemembered(t *testing.T) {
	s := newGitHubSite(t, githubtest.Settings{Enterprise: true})
	server, err := clientstest.Listen("127.0.0.1:0", s.GitHub, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer server.Close()
	address, err := url.Parse(server.URL())
	if err != nil {
		t.Fatal(err)
	}
	remembered := cache.New(cache.Config{Store: cache.NewMemory(0)})
	defer remembered.Close()
	source, err := clients.Open(clients.Settings{
		Name: "git.larkfold.example", Kind: "github", Address: address, Token: clients.Bearer("ada-token"), Policies: host.Policies(), Allow: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")},
	}, clients.Shared{Cache: remembered})
	if err != nil {
		t.Fatal(err)
	}
	defer source.Close()
	client, err := github.New("git.larkfold.example", address, source.HTTP())
	if err != nil {
		t.Fatal(err)
	}
	h := host.New(forge.GitHub, address, source, host.NewGitHub(client))
	ctx := t.Context()
	pulls := aboutTwenty(func(r string) host.PullRequestQuery {
		return host.PullRequestQuery{Repository: r, States: []string{"OPEN"}, Order: host.Order{Field: "CREATED_AT", Desc: true}, Paging: host.Paging{First: 20}}
	})
	load := func(want cache.State, requests int) {
		t.Helper()
		repositories, pages := h.Repositories(ctx, twentyPaths()), h.PullRequestPages(ctx, pulls)
		for i := range repositories {
			r, p := repositories[i], pages[i]
			if r.State != want || p.State != want || !r.Known() || !p.Known() || r.Value.Head.OID != s.head || len(p.Value.Items) != 1 || p.Value.Items[0].HeadOID != s.side || r.At.IsZero() {
				t.Fatalf("repository %d is %+v, its pull requests %+v", i, r, p)
			}
		}
		if n, _ := s.asked(); n != requests {
			t.Fatalf("%d requests, want %d", n, requests)
		}
	}
	load(cache.Live, 2)
	load(cache.Cached, 0)
	if got := h.Repositories(ctx, []string{"LARKFOLD/Part-00"}); got[0].State != cache.Cached {
		t.Errorf("in other letters it is %+v", got[0])
	}
	if err := remembered.Invalidate(ctx, h.Outdated(host.Changed{Repositories: twentyPaths(), PullRequests: true})...); err != nil {
		t.Fatal(err)
	}
	load(cache.Live, 2)
	if got := h.Repositories(ctx, []string{"larkfold/gone"}); !got[0].Absent || got[0].Known() || got[0].Err != nil {
		t.Errorf("what is not there is %+v", got[0])
	}
	if got := h.Histories(ctx, []host.HistoryQuery{{Repository: tilesPath, Start: s.head, Author: "Ada", Paging: host.Paging{First: 1}}}); got[0].State != cache.Failed || clients.Of(got[0].Err) == nil {
		t.Errorf("a wrong question is %+v", got[0])
	}
	s.asked()

	server.Down()
	if err := remembered.Invalidate(ctx, h.Outdated(host.Changed{Repositories: twentyPaths()})...); err != nil {
		t.Fatal(err)
	}
	load(cache.Stale, 0)
	warm, cold := h.Repositories(ctx, []string{"larkfold/part-00", tilesPath})[0], h.Repositories(ctx, []string{tilesPath})[0]
	if warm.State != cache.Stale || warm.Value.Stars != 0 || !errors.Is(warm.Err, clients.ErrUnavailable) {
		t.Errorf("what was known is %+v", warm)
	}
	if e := clients.Of(cold.Err); cold.State != cache.Failed || !errors.Is(cold.Err, clients.ErrUnavailable) || e == nil || e.Source != "git.larkfold.example" {
		t.Errorf("what was never known is %+v", cold)
	}
}
