package github

import (
	"context"
	"time"

	"github.com/shurcooL/githubv4"
)

// Issue is an issue. Its words for states are GitHub's, also those that came up after this was written.
type Issue struct {
	ID          string
	DatabaseID  int
	Repository  Slug // as it is called now
	Number      int
	Title       string
	Body        string // Markdown, its first 64 KiB
	State       string // "OPEN" or "CLOSED"
	StateReason string // such as "COMPLETED", "NOT_PLANNED" or "REOPENED"; "" where there is none
	URL         string
	Author      *Account // nil where the account is no more

	CreatedAt, UpdatedAt time.Time
	ClosedAt             time.Time // zero where it is not

	Labels    []Label    // at most 20
	Assignees []*Account // at most 10, GitHub's bound
	Milestone *Milestone
	Comments  int
	Locked    bool
}

type wireIssue struct {
	ID          string
	DatabaseID  int
	Repository  wireSlug
	Number      int
	Title       string
	Body        string
	State       string
	StateReason string
	URL         string
	Author      *wireActor
	CreatedAt   moment
	UpdatedAt   moment
	ClosedAt    moment
	Labels      *struct{ Nodes []*wireLabel } `graphql:"labels(first:20)"`
	Assignees   struct{ Nodes []*wireUser }   `graphql:"assignees(first:10)"`
	Milestone   *wireMilestone
	Comments    count `graphql:"comments(first:1)"`
	Locked      bool
}

func (wireIssue) on() string { return "Issue" }

func (w *wireIssue) value() *Issue {
	i := &Issue{
		ID: w.ID, DatabaseID: w.DatabaseID, Repository: w.Repository.value(), Number: w.Number, Title: cut(w.Title, maxLine), Body: cut(w.Body, maxBody),
		State: cut(w.State, maxLine), StateReason: cut(w.StateReason, maxLine), URL: address(w.URL), Author: w.Author.value(),
		CreatedAt: w.CreatedAt.Time, UpdatedAt: w.UpdatedAt.Time, ClosedAt: w.ClosedAt.Time,
		Assignees: convert(w.Assignees.Nodes, (*wireUser).value), Milestone: w.Milestone.value(), Comments: w.Comments.TotalCount, Locked: w.Locked,
	}
	if w.Labels != nil {
		i.Labels = convert(w.Labels.Nodes, (*wireLabel).value)
	}
	return i
}

// IssuesQuery asks for a page of a repository's issues.
type IssuesQuery struct {
	Slug      Slug
	States    []string  // "OPEN", "CLOSED"; all where empty
	Labels    []string  // with one of these; any where empty
	CreatedBy string    // by this login; anybody where empty
	Assignee  string    // assigned to this login, to anybody where "*"; whatever where empty
	Since     time.Time // changed at or after then; whenever where zero
	Order     Order
	Page      Page
}

// IssuePage is a page of issues.
type IssuePage struct {
	Issues  []*Issue
	Cursors []string // one for each
	Total   int      // in all pages
	Info    PageInfo
	Missing []Missing
}

type wireIssues struct {
	Issues struct {
		TotalCount int
		PageInfo   wirePageInfo
		Edges      []*wireEdge[wireIssue]
	} `graphql:"issues(states:$states,labels:$labels,filterBy:$filter,orderBy:$order,first:$first,after:$after,last:$last,before:$before)"`
}

var issuesQuery = newQuery[wireIssues]("issues", "repository(owner:$owner,name:$name)", maxElements)

// maxIssues is how many issues are asked for in one request, by judgement: twice as many as of pull requests, which are more work.
const maxIssues = 600

// Issues returns a page for each query. It makes one request for all queries that together ask for up to 600 issues; each issue costs
// 0.03 points, and each query 0.01.
func (c *Client) Issues(ctx context.Context, queries []IssuesQuery) ([]*IssuePage, []error) {
	m := many{most: maxRepositories, heaviest: maxIssues, weight: func(i int) int { page, _ := queries[i].Page.checked(); return page.size() }}
	answers := all(ctx, c, issuesQuery, m, len(queries), func(i int) (map[string]any, error) { return queries[i].variables() })
	return split(answers, func(w *wireIssues, missing []Missing) *IssuePage {
		page := &IssuePage{Total: w.Issues.TotalCount, Info: w.Issues.PageInfo.value(), Missing: missing}
		page.Issues, page.Cursors = elements(w.Issues.Edges, (*wireIssue).value)
		return page
	})
}

func (q IssuesQuery) variables() (map[string]any, error) {
	v, err := RepositoryPage{q.Slug, q.Page}.variables()
	if err != nil {
		return nil, err
	}
	order, err := q.Order.variable()
	if err != nil {
		return nil, err
	}
	for _, state := range q.States {
		if state != "OPEN" && state != "CLOSED" {
			return nil, invalid("state of an issue", state)
		}
	}
	if err := checkLabels(q.Labels); err != nil {
		return nil, err
	}
	filter := &githubv4.IssueFilters{CreatedBy: optional(q.CreatedBy), Assignee: optional(q.Assignee)}
	if q.CreatedBy != "" && !actor(q.CreatedBy) {
		return nil, invalid("login", q.CreatedBy)
	}
	if q.Assignee != "" && q.Assignee != "*" && !actor(q.Assignee) {
		return nil, invalid("login", q.Assignee)
	}
	if !q.Since.IsZero() {
		filter.Since = &githubv4.DateTime{Time: q.Since.UTC()}
	}
	if *filter == (githubv4.IssueFilters{}) {
		filter = nil
	}
	v["states"], v["labels"] = texts[githubv4.IssueState](q.States), texts[githubv4.String](q.Labels)
	v["filter"], v["order"] = filter, order
	return v, nil
}
