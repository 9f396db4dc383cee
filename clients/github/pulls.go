package github

import (
	"context"

	"github.com/shurcooL/githubv4"
)

// Order says how a list is sorted. Its zero value is the newest first.
type Order struct {
	Field     string // "CREATED_AT", "UPDATED_AT" or "COMMENTS"
	Direction string // "ASC" or "DESC"
}

func (o Order) variable() (githubv4.IssueOrder, error) {
	if o.Field == "" {
		o.Field = "CREATED_AT"
	}
	if o.Direction == "" {
		o.Direction = "DESC"
	}
	switch o.Field {
	case "CREATED_AT", "UPDATED_AT", "COMMENTS":
	default:
		return githubv4.IssueOrder{}, invalid("field of an order", o.Field)
	}
	if o.Direction != "ASC" && o.Direction != "DESC" {
		return githubv4.IssueOrder{}, invalid("direction of an order", o.Direction)
	}
	return githubv4.IssueOrder{Field: githubv4.IssueOrderField(o.Field), Direction: githubv4.OrderDirection(o.Direction)}, nil
}

// PullRequestsQuery asks for a page of a repository's pull requests.
type PullRequestsQuery struct {
	Slug   Slug
	States []string // "OPEN", "CLOSED", "MERGED"; all where empty
	Labels []string // with one of these; any where empty
	Base   string   // into this branch; any where empty
	Head   string   // from a branch of this name; any where empty
	Order  Order
	Page   Page
}

// PullRequestPage is a page of pull requests.
type PullRequestPage struct {
	PullRequests []*PullRequest
	Cursors      []string // one for each
	Total        int      // in all pages; of a search at most what GitHub counts
	Info         PageInfo
	Missing      []Missing
}

type wirePullRequests struct {
	PullRequests struct {
		TotalCount int
		PageInfo   wirePageInfo
		Edges      []*wireEdge[wirePullRequest]
	} `graphql:"pullRequests(states:$states,labels:$labels,baseRefName:$base,headRefName:$head,orderBy:$order,first:$first,after:$after,last:$last,before:$before)"`
}

var pullRequestsQuery = newQuery[wirePullRequests]("pull requests", "repository(owner:$owner,name:$name)", maxElements)

// maxPullRequests is how many pull requests are asked for in one request, by judgement: GitHub gives up a query after 10 seconds, and works out
// for each of them whether it can be merged, what its reviews decide and what its checks say. It is a page of 20 for each of 20 repositories, which
// is what a page of a portal shows, and has rarely so many.
const maxPullRequests = 400

// maxFilter is how many labels or states one query names.
const maxFilter = 50

// PullRequests returns a page for each query. It makes one request for all queries that together ask for up to 400 pull requests; each
// pull request costs 0.06 points, and each query 0.01.
func (c *Client) PullRequests(ctx context.Context, queries []PullRequestsQuery) ([]*PullRequestPage, []error) {
	m := many{most: maxRepositories, heaviest: maxPullRequests, weight: func(i int) int { page, _ := queries[i].Page.checked(); return page.size() }}
	answers := all(ctx, c, pullRequestsQuery, m, len(queries), func(i int) (map[string]any, error) { return queries[i].variables() })
	return split(answers, func(w *wirePullRequests, missing []Missing) *PullRequestPage {
		page := &PullRequestPage{Total: w.PullRequests.TotalCount, Info: w.PullRequests.PageInfo.value()}
		page.fill(w.PullRequests.Edges, missing, "pullRequests.edges.")
		return page
	})
}

// fill takes over the pull requests that are there, each with what is missing of it. What is missing of those that are not stays with the page.
func (p *PullRequestPage) fill(edges []*wireEdge[wirePullRequest], missing []Missing, prefix string) {
	whole, each := perNode(missing, prefix)
	for i, edge := range edges {
		if edge == nil || edge.Node == nil || edge.Node.Number == 0 {
			whole = append(whole, each[i]...)
			continue
		}
		pull := edge.Node.value()
		pull.Missing = each[i]
		p.PullRequests, p.Cursors = append(p.PullRequests, pull), append(p.Cursors, cut(edge.Cursor, maxCursor))
	}
	p.Missing = whole
}

func (q PullRequestsQuery) variables() (map[string]any, error) {
	v, err := RepositoryPage{q.Slug, q.Page}.variables()
	if err != nil {
		return nil, err
	}
	order, err := q.Order.variable()
	if err != nil {
		return nil, err
	}
	for _, state := range q.States {
		if state != "OPEN" && state != "CLOSED" && state != "MERGED" {
			return nil, invalid("state of a pull request", state)
		}
	}
	for _, branch := range []string{q.Base, q.Head} {
		if branch != "" {
			if err := checkRef(branch); err != nil {
				return nil, err
			}
		}
	}
	if err := checkLabels(q.Labels); err != nil {
		return nil, err
	}
	v["states"], v["labels"] = texts[githubv4.PullRequestState](q.States), texts[githubv4.String](q.Labels)
	v["base"], v["head"], v["order"] = optional(q.Base), optional(q.Head), order
	return v, nil
}

func checkLabels(labels []string) error {
	if len(labels) > maxFilter {
		return invalid("list of labels", "more than 50")
	}
	for _, label := range labels {
		if label == "" || len(label) > maxLine {
			return invalid("label", label)
		}
	}
	return nil
}

type wirePullRequestOf struct {
	PullRequest *wirePullRequest `graphql:"pullRequest(number:$number)"`
}

var pullRequestQuery = newQuery[wirePullRequestOf]("pull requests by number", "repository(owner:$owner,name:$name)", maxElements)

// PullRequestsByNumber returns the pull requests, each with the error it has instead, in one request for 100 of them, of 0.06 points each.
func (c *Client) PullRequestsByNumber(ctx context.Context, numbers []PullRequestNumber) ([]*PullRequest, []error) {
	answers := all(ctx, c, pullRequestQuery, many{most: maxRepositories}, len(numbers), func(i int) (map[string]any, error) {
		v, err := numbers[i].Slug.variables()
		if err != nil {
			return nil, err
		}
		if numbers[i].Number < 1 || numbers[i].Number > maxNumber {
			return nil, invalid("number of a pull request", "not positive")
		}
		v["number"] = githubv4.Int(numbers[i].Number)
		return v, nil
	})
	values, failures := split(answers, func(w *wirePullRequestOf, missing []Missing) *PullRequest {
		if w.PullRequest == nil {
			return nil
		}
		p := w.PullRequest.value()
		p.Missing = below(missing, "pullRequest")
		return p
	})
	for i, a := range answers {
		if failures[i] == nil && values[i] == nil {
			failures[i] = c.absent(a.Missing, "pullRequest")
		}
	}
	return values, failures
}
