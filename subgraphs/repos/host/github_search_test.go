package host_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"callboard.dev/callboard/clients"
	"callboard.dev/callboard/clients/clientstest"
	"callboard.dev/callboard/clients/git"
	"callboard.dev/callboard/clients/github/githubtest"
	"callboard.dev/callboard/subgraphs/repos/host"
)

func TestGitHubSearches(t *testing.T) {
	s := newGitHubSite(t, githubtest.Settings{})
	all := host.Paging{First: 50}
	for _, test := range []struct {
		name     string
		search   host.Search
		found    int
		total    int // -1: it is not told
		requests int
	}{
		{"of a user", host.Search{Users: []string{"ada"}}, 5, 5, 1},
		{"of two users", host.Search{Users: []string{"ben", "ADA", "ada"}}, 11, 11, 2},
		{"of a team", host.Search{Team: "larkfold/web"}, 11, 11, 3},
		{"of a team and somebody else", host.Search{Team: "larkfold/web", Users: []string{"ada", "dan"}}, 16, 16, 3},
		{"of nobody", host.Search{Team: "larkfold/nobody"}, 0, 0, 1},
		{"what waits for a user", host.Search{Users: []string{"ada"}, Reviews: true}, 1, 1, 1},
		{"what waits for a user through a team", host.Search{Users: []string{"dan"}, Reviews: true}, 1, 1, 1},
		{"what waits for a team", host.Search{Team: "larkfold/web", Reviews: true}, 1, 1, 1},
		{"what waits for a user or a team", host.Search{Team: "larkfold/web", Users: []string{"ada", "cleo"}, Reviews: true}, 1, -1, 2},
	} {
		t.Run(test.name, func(t *testing.T) {
			test.search.Paging = all
			s.asked()
			got, errs := s.driver.Searches(t.Context(), []host.Search{test.search})
			if errs[0] != nil {
				t.Fatal(errs[0])
			}
			p := got[0]
			if len(p.Items) != test.found || len(p.Cursors) != test.found || p.Next || p.Prev || (test.total < 0) != (p.Total == nil) || p.Total != nil && *p.Total != test.total {
				t.Errorf("%d are found of %v: %+v", len(p.Items), p.Total, p)
			}
			if !slices.IsSortedFunc(p.Items, func(a, b *host.PullRequest) int { return b.CreatedAt.Compare(a.CreatedAt) }) {
				t.Error("they are not the newest first")
			}
			if n, _ := s.asked(); n != test.requests {
				t.Errorf("%d requests, want %d", n, test.requests)
			}
		})
	}
	// However many teams there are, they are asked for together.
	s.asked()
	got, errs := s.driver.Searches(t.Context(), []host.Search{{Team: "larkfold/web", Paging: all}, {Team: "larkfold/gone", Paging: all}, {Team: "larkfold/nobody", Paging: all}, {Users: []string{"ada"}, Paging: all}, {Users: []string{"ben", "dan"}, Paging: all}})
	if errs[0] != nil || !errors.Is(errs[1], clients.ErrNotFound) || errs[2] != nil || errs[3] != nil || errs[4] != nil || len(got[0].Items) != 11 || len(got[3].Items) != 5 || len(got[4].Items) != 11 {
		t.Errorf("searches are %+v, %v", got, errs)
	}
	if n, _ := s.asked(); n != 4 {
		t.Errorf("%d requests", n)
	}
}

// Pages of a list that is merged neither repeat nor leave out, also where several were opened in the same second, and where some are opened meanwhile.
func TestGitHubSearchPages(t *testing.T) {
	s := newGitHubSite(t, githubtest.Settings{})
	for i := range 40 {
		author := []string{"ben", "dan"}[i%2]
		name := fmt.Sprintf("more-%02d", i)
		if _, err := s.AddRepository(t.Context(), githubtest.Repository{OwnerLogin: "larkfold", Name: name, Folder: s.folder}); err != nil {
			t.Fatal(err)
		}
		if _, err := s.AddPullRequest(t.Context(), "larkfold/"+name, githubtest.PullRequest{Title: "Same", AuthorLogin: author, BaseRefName: "main", HeadRefName: "feature/gapless", CreatedAt: january(20 + i%3), UpdatedAt: january(20 + i%3), Reviewers: []string{"ada", "larkfold/web"}}); err != nil {
			t.Fatal(err)
		}
	}
	for _, search := range []host.Search{{Team: "larkfold/web"}, {Users: []string{"ada"}, Team: "larkfold/web", Reviews: true}, {Users: []string{"ben"}}} {
		var seen []string
		at := func(p *host.PullRequest) time.Time {
			if search.Reviews {
				return p.UpdatedAt
			}
			return p.CreatedAt
		}
		want := map[bool]int{false: 11 + 40, true: 1 + 40}[search.Reviews]
		if search.Team == "" {
			want = 6 + 20 + 1
		}
		search.Paging = host.Paging{First: 3}
		var last time.Time
		for n := 0; ; n++ {
			got, errs := s.driver.Searches(t.Context(), []host.Search{search})
			if errs[0] != nil {
				t.Fatal(errs[0])
			}
			p := got[0]
			if len(p.Items) == 0 || len(p.Items) > 3 || p.Prev != (n > 0) {
				t.Fatalf("page %d is %+v", n, p)
			}
			for _, pull := range p.Items {
				seen = append(seen, fmt.Sprintf("%s#%d", pull.Repository, pull.Number))
				if !last.IsZero() && (search.Reviews && at(pull).Before(last) || !search.Reviews && at(pull).After(last)) {
					t.Fatalf("%s comes after what is of %v", seen[len(seen)-1], last)
				}
				last = at(pull)
			}
			if n == 2 && !search.Reviews && search.Team != "" { // what is new would be on a page before
				if _, err := s.AddRepository(t.Context(), githubtest.Repository{OwnerLogin: "larkfold", Name: "new", Folder: s.folder}); err != nil {
					t.Fatal(err)
				}
				if _, err := s.AddPullRequest(t.Context(), "larkfold/new", githubtest.PullRequest{Title: "New", AuthorLogin: "ben", BaseRefName: "main", HeadRefName: "feature/gapless", CreatedAt: january(30)}); err != nil {
					t.Fatal(err)
				}
			}
			if search.Paging.After = p.Cursors[len(p.Cursors)-1]; !p.Next {
				break
			}
		}
		slices.Sort(seen)
		if distinct := len(slices.Compact(slices.Clone(seen))); distinct != len(seen) || distinct != want {
			t.Errorf("%+v: %d pull requests, %d of them distinct, want %d", search, len(seen), distinct, want)
		}
	}
}

func TestGitHubSearchesThatAreWrong(t *testing.T) {
	s := newGitHubSite(t, githubtest.Settings{})
	page := host.Paging{First: 5}
	_, errs := s.driver.Searches(t.Context(), []host.Search{
		{Paging: page},
		{Users: []string{`ada" author:ben`}, Paging: page},
		{Users: []string{"ada", "a b"}, Paging: page},
		{Team: "larkfold", Reviews: true, Paging: page},
		{Team: `larkfold/web" x`, Paging: page},
		{Users: []string{"ada"}},
		{Users: []string{"ada"}, Paging: host.Paging{Last: 5}},
		{Users: []string{"ada"}, Paging: host.Paging{First: 500}},
		{Users: []string{"ada"}, Paging: host.Paging{First: 5, After: "{}"}},
		{Users: []string{"ada", "ben"}, Paging: host.Paging{First: 5, After: "Y3Vyc29yOjE="}},
		{Users: []string{"ada", "ben"}, Paging: host.Paging{First: 5, After: "2026-01-02T10:00:00Z larkfold/tiles"}},
		{Users: []string{"ada", "ben"}, Paging: host.Paging{First: 5, After: "2026-01-02T10:00:00Z a b/tiles#1"}},
		{Users: []string{"ada", "ben"}, Paging: host.Paging{First: 5, After: "today larkfold/tiles#1"}},
		{Users: []string{"ada", "ben"}, Paging: host.Paging{First: 5, After: strings.Repeat("x", 5000)}},
	})
	for i, err := range errs {
		if !errors.Is(err, git.ErrInvalid) || clients.Of(err) == nil || len(err.Error()) > 400 {
			t.Errorf("search %d: %v", i, err)
		}
	}
	if n, _ := s.asked(); n != 0 {
		t.Errorf("%d requests", n)
	}
	_, errs = s.driver.Searches(t.Context(), []host.Search{{Team: "gone/web", Paging: page}})
	if !errors.Is(errs[0], clients.ErrNotFound) {
		t.Errorf("no organisation: %v", errs[0])
	}
	// One search of several that fails for good takes nothing else with it; a limit does.
	s.Faults.Add(clientstest.Fault{Kind: clientstest.Partial, Times: 1, Path: []string{"r1"}, Type: "FORBIDDEN", Message: "no"})
	got, errs := s.driver.Searches(t.Context(), []host.Search{{Users: []string{"ada", "ben"}, Paging: page}})
	if s.Faults.Clear(); errs[0] != nil || len(got[0].Items) == 0 || got[0].Total != nil {
		t.Errorf("with one that is withheld: %+v, %v", got[0], errs[0])
	}
	s.Faults.Add(clientstest.Fault{Kind: clientstest.Partial, Times: 1, Path: []string{"r1"}, Message: "This may be the result of a timeout."})
	_, errs = s.driver.Searches(t.Context(), []host.Search{{Users: []string{"ada", "ben"}, Paging: page}})
	if s.Faults.Clear(); !errors.Is(errs[0], clients.ErrTimeout) {
		t.Error("half a list is taken for a whole one")
	}
}

// What one person opened does not hide what is older of others, nor the other way round, where one request does not bring it all.
func TestGitHubSearchesOfTheBusy(t *testing.T) {
	s := newGitHubSite(t, githubtest.Settings{})
	for i := range 103 {
		name := fmt.Sprintf("busy-%03d", i)
		if _, err := s.AddRepository(t.Context(), githubtest.Repository{OwnerLogin: "larkfold", Name: name, Folder: s.folder}); err != nil {
			t.Fatal(err)
		}
		if _, err := s.AddPullRequest(t.Context(), "larkfold/"+name, githubtest.PullRequest{Title: "Busy", AuthorLogin: "cleo", BaseRefName: "main", HeadRefName: "feature/gapless", CreatedAt: january(20).Add(time.Duration(i) * time.Hour)}); err != nil {
			t.Fatal(err)
		}
	}
	search := host.Search{Users: []string{"ada", "cleo"}, Paging: host.Paging{First: 100}}
	var seen []*host.PullRequest
	for range 3 {
		s.asked()
		got, errs := s.driver.Searches(t.Context(), []host.Search{search})
		if errs[0] != nil {
			t.Fatal(errs[0])
		}
		if n, points := s.asked(); n != 2 || points > 7 {
			t.Errorf("%d requests of %d points", n, points)
		}
		seen = append(seen, got[0].Items...)
		if search.Paging.After = got[0].Cursors[len(got[0].Cursors)-1]; !got[0].Next {
			break
		}
	}
	distinct := map[string]bool{}
	for _, p := range seen {
		distinct[p.Repository] = true
	}
	if len(seen) != 103+5+5 || len(distinct) != len(seen) || !slices.IsSortedFunc(seen, func(a, b *host.PullRequest) int { return b.CreatedAt.Compare(a.CreatedAt) }) {
		t.Errorf("%d are found, %d of them distinct", len(seen), len(distinct))
	}
}
