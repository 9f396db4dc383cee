package github_test

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"callboard.dev/callboard/clients/github"
)

func TestAddresses(t *testing.T) {
	for _, test := range []struct{ address, rest, graph, web string }{
		{"https://github.com", "https://api.github.com/", "https://api.github.com/graphql", "https://github.com/"},
		{"https://api.github.com/", "https://api.github.com/", "https://api.github.com/graphql", "https://github.com/"},
		{"https://api.github.com/graphql", "https://api.github.com/", "https://api.github.com/graphql", "https://github.com/"},
		{"https://octo.ghe.com", "https://api.octo.ghe.com/", "https://api.octo.ghe.com/graphql", "https://octo.ghe.com/"},
		{"https://git.larkfold.example", "https://git.larkfold.example/api/v3/", "https://git.larkfold.example/api/graphql", "https://git.larkfold.example/"},
		{"https://git.larkfold.example:8443/api/v3/", "https://git.larkfold.example:8443/api/v3/", "https://git.larkfold.example:8443/api/graphql", "https://git.larkfold.example:8443/"},
		{"http://127.0.0.1:80", "http://127.0.0.1:80/api/v3/", "http://127.0.0.1:80/api/graphql", "http://127.0.0.1:80/"},
		{"https://u:p@git.larkfold.example/api/graphql?x=1", "https://git.larkfold.example/api/v3/", "https://git.larkfold.example/api/graphql", "https://git.larkfold.example/"},
	} {
		u, err := url.Parse(test.address)
		if err != nil {
			t.Fatal(err)
		}
		rest, graph, web, err := github.Addresses(u)
		if err != nil || rest.String() != test.rest || graph.String() != test.graph || web.String() != test.web {
			t.Errorf("%s: %v %v %v %v", test.address, rest, graph, web, err)
		}
	}
	for _, text := range []string{"", "ftp://github.com", "https://git.larkfold.example/elsewhere", "https://github.com/larkfold", "github.com"} {
		u, err := url.Parse(text)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := github.New("x", u, &http.Client{}); !errors.Is(err, github.ErrInvalid) {
			t.Errorf("%q is an address: %v", text, err)
		}
	}
}

func TestParsePullRequestURL(t *testing.T) {
	c, _ := text(t, `{}`)
	for _, address := range []string{"https://github.com/larkfold/player/pull/12", "https://GitHub.com/larkfold/player/pull/12/files?w=1#diff", "http://github.com/larkfold/player/pull/12/"} {
		if p, err := c.ParsePullRequestURL(address); err != nil || p != (github.PullRequestNumber{Slug: player, Number: 12}) {
			t.Errorf("%s is %v, %v", address, p, err)
		}
	}
	for _, address := range []string{"", "https://github.com/larkfold/player/issues/12", "https://evil.example/larkfold/player/pull/12", "https://github.com/larkfold/player/pull/0", "https://github.com/larkfold/player/pull/99999999999",
		"https://github.com/larkfold/player/pull/-1", "https://github.com/../player/pull/1", "https://github.com/larkfold/player%2f/pull/1", "javascript://github.com/larkfold/player/pull/12", "https://u:p@github.com/larkfold/player/pull/12", "https://github.com/pull/12"} {
		if p, err := c.ParsePullRequestURL(address); !errors.Is(err, github.ErrInvalid) {
			t.Errorf("%s is %v, %v", address, p, err)
		}
	}
}

func TestParseSlug(t *testing.T) {
	for _, good := range []string{"larkfold/player", "Lark-fold/.github", "ada_larkfold/a_b-c.d", "a/" + strings.Repeat("x", 100)} {
		if s, err := github.ParseSlug(good); err != nil || s.String() != good {
			t.Errorf("%s: %v", good, err)
		}
	}
	for _, bad := range []string{"", "larkfold", "larkfold/", "/player", "a/b/c", "a/..", "a/.", "../a", "a b/c", "a/ü", "a/b?", "a/b#c", "-a/b", "a/" + strings.Repeat("x", 101), strings.Repeat("x", 65) + "/a", "a\n/b", "a/b%2f"} {
		if s, err := github.ParseSlug(bad); !errors.Is(err, github.ErrInvalid) {
			t.Errorf("%q is %v", bad, s)
		}
	}
}

// What cannot be asked for is not, and takes nothing else with it.
func TestWrongArguments(t *testing.T) {
	ctx := context.Background()
	c, a := text(t, `{"data":{}}`)
	_, errs := c.PullRequests(ctx, []github.PullRequestsQuery{
		{Slug: github.Slug{Owner: "a b", Name: "c"}},
		{Slug: player, States: []string{"OPEN){x}"}},
		{Slug: player, Base: "main..x"},
		{Slug: player, Labels: []string{""}},
		{Slug: player, Labels: make([]string, 60)},
		{Slug: player, Order: github.Order{Field: "X"}},
		{Slug: player, Order: github.Order{Direction: "UP"}},
		{Slug: player, Page: github.Page{First: 101}},
		{Slug: player, Page: github.Page{First: 1, Last: 1}},
		{Slug: player, Page: github.Page{After: "x", Last: 1}},
		{Slug: player, Page: github.Page{Before: "x"}},
		{Slug: player, Page: github.Page{First: -1}},
		{Slug: player, Page: github.Page{After: strings.Repeat("x", 2000)}},
		{Slug: player, Page: github.Page{After: "\"){viewer{login}}"}},
		{Slug: player, Page: github.Page{Last: 1, Before: "é"}},
	})
	_, more := c.Issues(ctx, []github.IssuesQuery{{Slug: player, States: []string{"MERGED"}}, {Slug: player, CreatedBy: "a b"}, {Slug: player, Assignee: "a:b"}})
	errs = append(errs, more...)
	_, more = c.PullRequestsByNumber(ctx, []github.PullRequestNumber{{Slug: player}, {Slug: player, Number: -1}, {Slug: player, Number: 1 << 40}})
	errs = append(errs, more...)
	_, more = c.Commits(ctx, []github.Revision{{Slug: player}, {Slug: player, Name: "main:secret"}, {Slug: player, Name: "main^{/x}"}})
	errs = append(errs, more...)
	_, more = c.Trees(ctx, []github.PathIn{{Slug: player, Commit: "main"}, {Slug: player, Commit: someOID, Path: "/etc"}, {Slug: player, Commit: someOID, Path: "a/../../b"}})
	errs = append(errs, more...)
	_, more = c.History(ctx, []github.HistoryQuery{{Slug: player}, {Slug: player, Start: someOID, First: 1000}, {Slug: player, Start: someOID, Path: ".."}, {Slug: player, Start: someOID, Emails: []string{""}}})
	errs = append(errs, more...)
	_, more = c.Refs(ctx, []github.RefsQuery{{Slug: player, Against: "a b"}, {Slug: player, Filter: "a\x00"}})
	errs = append(errs, more...)
	_, more = c.SearchPullRequests(ctx, []github.Search{{}, {Query: "is:pr\n"}, {Query: strings.Repeat("x", 2000)}})
	errs = append(errs, more...)
	for i, err := range errs {
		if !errors.Is(err, github.ErrInvalid) {
			t.Errorf("argument %d: %v", i, err)
		}
	}
	for _, login := range []string{"", "a b", `a" author:b`, "a:b", "-a"} {
		if text, err := (github.Words{}).WithLogin("author", login).Text(); !errors.Is(err, github.ErrInvalid) {
			t.Errorf("%q is a login: %q, %v", login, text, err)
		}
		if _, errs := c.Teams(ctx, []github.TeamName{{Organization: "larkfold", Slug: login}}); login != "-a" && !errors.Is(errs[0], github.ErrInvalid) {
			t.Errorf("%q is a team: %v", login, errs[0])
		}
	}
	for _, l := range []github.Listing{{}, {Owner: "a", Files: make([]string, 6)}, {Owner: "a", Files: []string{"../x"}}, {Owner: "a", Files: []string{""}}} {
		if _, err := c.OrganisationRepositories(ctx, l); !errors.Is(err, github.ErrInvalid) {
			t.Errorf("%v is a listing: %v", l, err)
		}
	}
	if len(a.asked) != 1 { // of the team "-a"
		t.Errorf("%d requests were sent", len(a.asked))
	}
}

func TestWords(t *testing.T) {
	for _, test := range []struct {
		words github.Words
		text  string
		wrong bool
	}{
		{github.OpenPullRequests("updated-desc").With("review-requested", "ada"), "is:pr is:open archived:false sort:updated-desc review-requested:ada", false},
		{github.Words{}.WithLogin("author", "renovate[bot]").WithLogin("-author", "ada"), "author:app/renovate -author:ada", false},
		{github.Words{}.WithTime("created", "<=", time.Date(2026, 1, 2, 11, 0, 0, 0, time.FixedZone("", 3600))), "created:<=2026-01-02T10:00:00Z", false},
		{github.Words{}.WithTime("created", "<= author:x", time.Time{}), "", true},
		{github.Words{}.WithTime("created:x author", "<", time.Time{}), "", true},
		{github.Words{}.With("label", "good first issue").With("-author", "app/renovate"), `label:"good first issue" -author:app/renovate`, false},
		{github.Words{}.With("team-review-requested", "larkfold/web"), "team-review-requested:larkfold/web", false},
		{github.Words{}.With("label", `x" author:bob`), "", true},
		{github.Words{}.With("label", "x\ny"), "", true},
		{github.Words{}.With("label", `x\`), "", true},
		{github.Words{}.With("author", ""), "", true},
		{github.Words{}.With("is:open author", "x"), "", true},
		{github.Words{}.With("", "x"), "", true},
		{github.Words{}.With("label", strings.Repeat("x", 101)), "", true},
	} {
		text, err := test.words.Text()
		if test.wrong && !errors.Is(err, github.ErrInvalid) || !test.wrong && (err != nil || text != test.text) {
			t.Errorf("%q, %v, want %q", text, err, test.text)
		}
	}
	// Words that were begun together do not write into each other.
	begun := github.OpenPullRequests("created-desc")
	one, two := begun.With("author", "one"), begun.With("author", "two")
	if text, _ := one.Text(); !strings.HasSuffix(text, "author:one") {
		t.Errorf("%q", text)
	}
	if text, _ := two.Text(); !strings.HasSuffix(text, "author:two") {
		t.Errorf("%q", text)
	}
}

func TestLinksAreForTheWeb(t *testing.T) {
	for homepage, want := range map[string]string{
		"https://larkfold.example/x": "https://larkfold.example/x", "HTTP://larkfold.example": "HTTP://larkfold.example", "www.larkfold.example": "www.larkfold.example", "www.larkfold.example:8080": "www.larkfold.example:8080",
		"javascript:alert(1)": "", "data:text/html,x": "", " javascript:alert(1)": "", "java\\tscript:alert(1)": "", "vbscript:x": "",
	} {
		c, _ := text(t, `{"data":{"r0":{"name":"player","owner":{"login":"larkfold"},"homepageUrl":"`+homepage+`"}}}`)
		got, errs := c.Repositories(context.Background(), []github.Slug{player})
		if errs[0] != nil || got[0].Homepage != want {
			t.Errorf("%s is shown as %q, %v", homepage, got[0].Homepage, errs[0])
		}
	}
}

func FuzzParsePullRequestURL(f *testing.F) {
	f.Add("https://github.com/larkfold/player/pull/12")
	f.Add("https://github.com//pull/pull/1")
	f.Add("https://github.com/%2e%2e/x/pull/1")
	f.Fuzz(func(t *testing.T, address string) {
		c, _ := text(t, `{}`)
		p, err := c.ParsePullRequestURL(address)
		if err != nil {
			if !errors.Is(err, github.ErrInvalid) {
				t.Fatal(err)
			}
			return
		}
		if _, err := github.ParseSlug(p.Slug.String()); err != nil || p.Number < 1 {
			t.Fatalf("%q names %v", address, p)
		}
	})
}
