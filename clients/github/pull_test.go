package github_test

import (
	"context"
	"errors"
	"strings"
	"testing"

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
