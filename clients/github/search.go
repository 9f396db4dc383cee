package github

import (
	"context"
	"slices"
	"strings"
	"time"
	"unicode"

	"github.com/shurcooL/githubv4"
)

// Search asks for a page of what a search finds.
type Search struct {
	Query string // in GitHub's language for searches; see Words
	Page  Page
}

// maxQuery bounds a search. GitHub takes 256 characters beside the qualifiers.
const maxQuery = 1024

// Words writes a search. Values are quoted, and can neither add a qualifier nor take one away.
type Words struct {
	words []string
	err   error
}

// With adds a qualifier, such as is:open, review-requested:LOGIN or label:"good first issue".
func (w Words) With(qualifier, value string) Words {
	name := strings.TrimPrefix(qualifier, "-")
	bad := name == "" || !made(name, "-") || value == "" || len(value) > maxName || strings.ContainsAny(value, `"\`) ||
		strings.ContainsFunc(value, func(r rune) bool { return !unicode.IsPrint(r) })
	if bad && w.err == nil {
		w.err = invalid("term of a search", qualifier+":"+value)
	}
	if !made(value, "-_./@") {
		value = `"` + value + `"`
	}
	w.words = append(slices.Clip(w.words), qualifier+":"+value)
	return w
}

// WithLogin adds a qualifier whose value is somebody who acts, such as author:ada; apps are named as in "dependabot[bot]".
func (w Words) WithLogin(qualifier, login string) Words {
	if !actor(login) {
		if w.err == nil {
			w.err = invalid("login", login)
		}
		return w
	}
	return w.With(qualifier, author(login))
}

// WithTime adds a qualifier that compares a time, such as created:<=2026-01-02T10:00:00Z. The operator is one of <, <=, >= and >.
func (w Words) WithTime(qualifier, operator string, at time.Time) Words {
	if w.err == nil && (!made(qualifier, "-") || strings.Trim(operator, "<>=") != "") {
		w.err = invalid("term of a search", qualifier+":"+operator)
	}
	w.words = append(slices.Clip(w.words), qualifier+":"+operator+at.UTC().Format(time.RFC3339))
	return w
}

// Text returns the search. It wraps ErrInvalid where a value cannot be part of one.
func (w Words) Text() (string, error) {
	text := strings.Join(w.words, " ")
	if w.err == nil && len(text) > maxQuery {
		w.err = invalid("search", text)
	}
	return text, w.err
}

// OpenPullRequests are the words of a search for open pull requests of repositories that are not archived, in an order such as "created-desc" or
// "updated-asc".
func OpenPullRequests(order string) Words {
	return Words{}.With("is", "pr").With("is", "open").With("archived", "false").With("sort", order)
}

type wireFoundPullRequests struct {
	IssueCount int
	PageInfo   wirePageInfo
	Edges      []*wireEdge[struct {
		PullRequest wirePullRequest `graphql:"...on PullRequest"`
	}]
}

// The page's arguments are those of pageArguments, but that a search has no order of its own.
var searchQuery = newQuery[wireFoundPullRequests]("search of pull requests", "search(type:ISSUE,query:$query,"+pageArguments+")", maxElements)

// SearchPullRequests returns a page of what each search finds; what is no pull request is left out. GitHub finds at most 1,000 of them, whatever
// Total says. It makes one request for all searches that together ask for up to 400; each of these costs 0.06 points.
func (c *Client) SearchPullRequests(ctx context.Context, searches []Search) ([]*PullRequestPage, []error) {
	m := many{most: maxSearches, heaviest: maxPullRequests, weight: func(i int) int { page, _ := searches[i].Page.checked(); return page.size() }}
	answers := all(ctx, c, searchQuery, m, len(searches), func(i int) (map[string]any, error) { return searches[i].variables() })
	return split(answers, func(w *wireFoundPullRequests, missing []Missing) *PullRequestPage {
		page := &PullRequestPage{Total: w.IssueCount, Info: w.PageInfo.value()}
		edges := make([]*wireEdge[wirePullRequest], len(w.Edges))
		for i, edge := range w.Edges {
			if edge != nil && edge.Node != nil {
				edges[i] = &wireEdge[wirePullRequest]{Cursor: edge.Cursor, Node: &edge.Node.PullRequest}
			}
		}
		page.fill(edges, missing, "edges.")
		return page
	})
}

// maxSearches is how many searches one request makes, by judgement: each is worked out on its own, within the 10 seconds for all.
const maxSearches = 30

func (s Search) variables() (map[string]any, error) {
	if s.Query == "" || len(s.Query) > maxQuery || strings.ContainsFunc(s.Query, unicode.IsControl) {
		return nil, invalid("search", s.Query)
	}
	page, err := s.Page.checked()
	if err != nil {
		return nil, err
	}
	v := map[string]any{"query": githubv4.String(s.Query)}
	page.into(v)
	return v, nil
}

// Found is the name of a pull request that a search found.
type Found struct {
	PullRequestNumber
	CreatedAt, UpdatedAt time.Time
}

// FoundPage is the first page of what a search found.
type FoundPage struct {
	Found   []Found
	Total   int // in all pages
	HasNext bool
	Missing []Missing
}

type wireFoundNames struct {
	IssueCount int
	PageInfo   struct{ HasNextPage bool }
	Nodes      []*struct {
		PullRequest struct {
			Number     int
			CreatedAt  moment
			UpdatedAt  moment
			Repository wireSlug
		} `graphql:"...on PullRequest"`
	}
}

var searchNamesQuery = newQuery[wireFoundNames]("search of names of pull requests", "search(type:ISSUE,query:$query,first:$first)", maxElements)

// SearchNames returns the names of the pull requests that each search finds: its first page, of which only the size counts. That is little work for
// GitHub: one request for 30 searches, and a hundredth of a point for each.
func (c *Client) SearchNames(ctx context.Context, searches []Search) ([]*FoundPage, []error) {
	answers := all(ctx, c, searchNamesQuery, many{most: maxSearches}, len(searches), func(i int) (map[string]any, error) {
		v, err := searches[i].variables()
		return map[string]any{"query": v["query"], "first": v["first"]}, err
	})
	return split(answers, func(w *wireFoundNames, missing []Missing) *FoundPage {
		page := &FoundPage{Total: w.IssueCount, HasNext: w.PageInfo.HasNextPage, Missing: missing}
		for _, node := range w.Nodes {
			if node != nil && node.PullRequest.Number > 0 {
				p := node.PullRequest
				page.Found = append(page.Found, Found{PullRequestNumber{p.Repository.value(), p.Number}, p.CreatedAt.Time, p.UpdatedAt.Time})
			}
		}
		return page
	})
}

// author returns how a search names who opened a pull request: apps by app/NAME.
func author(login string) string {
	if name, ok := strings.CutSuffix(login, "[bot]"); ok {
		return "app/" + name
	}
	return login
}
