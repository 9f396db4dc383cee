package github_test

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"callboard.dev/callboard/clients"
	"callboard.dev/callboard/clients/github"
)

// What is withheld of one pull request of a page is told there, and what GitHub adds to its words is kept as it is.
func TestPullRequestsThatLackParts(t *testing.T) {
	const one = `{"id":"PR_1","number":7,"title":"T","state":"QUEUED_SOMEHOW","mergeable":"PERHAPS","author":null,"repository":{"name":"player","owner":{"login":"larkfold"}},"createdAt":"yesterday",
		"headRepository":null,"commits":{"totalCount":2,"nodes":[{"commit":{"statusCheckRollup":null}}]},"latestReviews":null,"reviewRequests":{"nodes":[{"asCodeOwner":true,"requestedReviewer":null},
		{"asCodeOwner":false,"requestedReviewer":{"__typename":"Mannequin","login":"old","url":"https://github.com/old","avatarUrl":"x"}}]},"labels":null,"milestone":null,"totalCommentsCount":null,"comments":{"totalCount":3}}`
	page := `"totalCount":5,"pageInfo":{"hasNextPage":true,"hasPreviousPage":false,"startCursor":"a","endCursor":"b"},"edges":[null,{"cursor":"a1","node":null},{"cursor":"a2","node":` + one + `}]`
	for _, answer := range []string{
		`{"data":{"r0":{"pullRequests":{` + page + `}}},"errors":[{"type":"FORBIDDEN","path":["r0","pullRequests","edges",2,"node","commits","nodes",0,"commit","statusCheckRollup"],"message":"no"},
			{"type":"FORBIDDEN","path":["r0","pullRequests","edges",0],"message":"no"},{"type":"FORBIDDEN","path":["r0","pullRequests","edges",1,"node"],"message":"no"}]}`,
		`{"data":{"r0":{` + strings.Replace(page, "totalCount", "issueCount", 1) + `}},"errors":[{"type":"FORBIDDEN","path":["r0","edges",2,"node","commits","nodes",0,"commit","statusCheckRollup"],"message":"no"},
			{"type":"FORBIDDEN","path":["r0","edges",0],"message":"no"},{"type":"FORBIDDEN","path":["r0","edges",1,"node"],"message":"no"}]}`,
	} {
		c, _ := text(t, answer)
		var got *github.PullRequestPage
		var err error
		if strings.Contains(answer, "issueCount") {
			pages, errs := c.SearchPullRequests(context.Background(), []github.Search{{Query: "is:pr"}})
			got, err = pages[0], errs[0]
		} else {
			pages, errs := c.PullRequests(context.Background(), []github.PullRequestsQuery{{Slug: player}})
			got, err = pages[0], errs[0]
		}
		if err != nil || got.Total != 5 || len(got.PullRequests) != 1 || !got.Info.HasNext || got.Info.End != "b" {
			t.Fatalf("page is %+v, %v", got, err)
		}
		if len(got.Cursors) != 1 || got.Cursors[0] != "a2" {
			t.Errorf("cursors are %q", got.Cursors)
		}
		if len(got.Missing) != 2 || !errors.Is(got.Missing[0].Err, clients.ErrForbidden) {
			t.Errorf("the page misses %+v", got.Missing)
		}
		p := got.PullRequests[0]
		if len(p.Missing) != 1 || p.Missing[0].Field != "commits.nodes.0.commit.statusCheckRollup" || p.Checks != "" {
			t.Errorf("the pull request misses %+v", p.Missing)
		}
		if p.State != "QUEUED_SOMEHOW" || p.Mergeable != "PERHAPS" || p.Author != nil || p.HeadRepository != nil || !p.CreatedAt.IsZero() || p.Comments != 3 || p.Commits != 2 || p.Repository != player {
			t.Errorf("pull request is %+v", p)
		}
		if r := p.ReviewRequests; len(r) != 2 || !r[0].CodeOwner || r[0].Account != nil || r[1].Account.Kind != "Mannequin" {
			t.Errorf("requests are %+v", r)
		}
	}
}

// Elements that are withheld leave their cursors out with them.
func TestCursorsStayInStep(t *testing.T) {
	edges := func(node string) string {
		return `{"totalCount":4,"pageInfo":{"hasNextPage":true,"hasPreviousPage":true,"startCursor":"c0","endCursor":"c3"},"edges":[{"cursor":"c0","node":null},{"cursor":"c1","node":` + node + `},null,{"cursor":"c3","node":` + node + `}]}`
	}
	c, _ := text(t, `{"data":{"r0":{"issues":`+edges(`{"number":1}`)+`}}}`)
	issues, errs := c.Issues(context.Background(), []github.IssuesQuery{{Slug: player}})
	if want := []string{"c1", "c3"}; errs[0] != nil || !cmp.Equal(issues[0].Cursors, want) || len(issues[0].Issues) != 2 || !issues[0].Info.HasPrevious {
		t.Errorf("issues are %+v, %v", issues[0], errs[0])
	}
	c, _ = text(t, `{"data":{"r0":{"labels":`+edges(`{"name":"bug"}`)+`}}}`)
	labels, errs := c.Labels(context.Background(), []github.RepositoryPage{{Slug: player}})
	if want := []string{"c1", "c3"}; errs[0] != nil || !cmp.Equal(labels[0].Cursors, want) || len(labels[0].Labels) != 2 {
		t.Errorf("labels are %+v, %v", labels[0], errs[0])
	}
	c, _ = text(t, `{"data":{"r0":{"releases":`+edges(`{"tagName":"v1"}`)+`}}}`)
	releases, errs := c.Releases(context.Background(), []github.RepositoryPage{{Slug: player}})
	if want := []string{"c1", "c3"}; errs[0] != nil || !cmp.Equal(releases[0].Cursors, want) || len(releases[0].Releases) != 2 {
		t.Errorf("releases are %+v, %v", releases[0], errs[0])
	}
	c, _ = text(t, `{"data":{"r0":{"refs":`+edges(`{"name":"main","prefix":"refs/heads/"}`)+`}}}`)
	refs, errs := c.Refs(context.Background(), []github.RefsQuery{{Slug: player}})
	if want := []string{"c1", "c3"}; errs[0] != nil || !cmp.Equal(refs[0].Cursors, want) || len(refs[0].Refs) != 2 {
		t.Errorf("refs are %+v, %v", refs[0], errs[0])
	}
	c, _ = text(t, `{"data":{"r0":{"object":{"history":`+strings.Replace(edges(`{"oid":"`+string(someOID)+`"}`), "null,{", `{"cursor":"c2","node":{"oid":"no id"}},{`, 1)+`}}}}`)
	history, errs := c.History(context.Background(), []github.HistoryQuery{{Slug: player, Start: someOID}})
	if want := []string{"c1", "c3"}; errs[0] != nil || !cmp.Equal(history[0].Cursors, want) || len(history[0].Commits) != 2 {
		t.Errorf("history is %+v, %v", history[0], errs[0])
	}
}

// A cursor that GitHub does not know is the asker's mistake, and takes nothing else with it.
func TestCursorsOfOtherLists(t *testing.T) {
	c, _ := text(t, `{"data":{"r0":null,"r1":{"labels":{"edges":[]}}},"errors":[{"type":"INVALID_CURSOR_ARGUMENTS","path":["r0","labels"],"message":"`+"`eA==`"+` does not appear to be a valid cursor."}]}`)
	_, errs := c.Labels(context.Background(), []github.RepositoryPage{{Slug: player, Page: github.Page{First: 1, After: "eA=="}}, {Slug: player}})
	if !errors.Is(errs[0], github.ErrInvalid) || clients.Of(errs[0]) == nil || errs[1] != nil {
		t.Errorf("fails with %v", errs)
	}
}

// Requests are cut by how much they ask for, and every query gets its own answer whatever request it went with.
func TestManyPullRequestsGoInSeveralRequests(t *testing.T) {
	c, a := text(t, `{"data":{}}`)
	queries := make([]github.PullRequestsQuery, 7)
	for i := range queries {
		queries[i] = github.PullRequestsQuery{Slug: player, Page: github.Page{First: 100}}
	}
	queries[2].Slug.Owner = ".."
	_, errs := c.PullRequests(context.Background(), queries)
	if len(a.asked) != 2 {
		t.Errorf("%d requests", len(a.asked))
	}
	for i, err := range errs {
		if want := clients.ErrNotFound; i != 2 && !errors.Is(err, want) || i == 2 && !errors.Is(err, github.ErrInvalid) {
			t.Errorf("query %d: %v", i, err)
		}
	}
}
