package github

import (
	"context"
	"slices"
	"strings"
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

// Text returns the search. It wraps ErrInvalid where a value cannot be part of one.
func (w Words) Text() (string, error) {
	text := strings.Join(w.words, " ")
	if w.err == nil && len(text) > maxQuery {
		w.err = invalid("search", text)
	}
	return text, w.err
}

// OpenPullRequests are the words of a search for open pull requests of repositories that are not archived, the latest change first.
func OpenPullRequests() Words {
	return Words{}.With("is", "pr").With("is", "open").With("archived", "false").With("sort", "updated-desc")
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

// ReviewQueue returns a page of the open pull requests that wait for a review of the login, whether asked for in person or through a team,
// the latest change first. One request; 0.06 points for each pull request that is asked for.
func (c *Client) ReviewQueue(ctx context.Context, login string, page Page) (*PullRequestPage, error) {
	if !actor(login) {
		return nil, invalid("login", login)
	}
	return c.search(ctx, OpenPullRequests().With("review-requested", login), page)
}

// TeamReviewQueue returns a page of the open pull requests that wait for a review of the team. It costs what ReviewQueue does.
func (c *Client) TeamReviewQueue(ctx context.Context, organisation, team string, page Page) (*PullRequestPage, error) {
	if err := checkTeam(organisation, team); err != nil {
		return nil, err
	}
	return c.search(ctx, OpenPullRequests().With("team-review-requested", organisation+"/"+team), page)
}

func (c *Client) search(ctx context.Context, words Words, page Page) (*PullRequestPage, error) {
	text, err := words.Text()
	if err != nil {
		return nil, err
	}
	pages, errs := c.SearchPullRequests(ctx, []Search{{text, page}})
	return pages[0], errs[0]
}

// OpenBy is the open pull requests of some people.
type OpenBy struct {
	PullRequests []*PullRequest // the latest change first
	Complete     bool           // there are no more
	Missing      []Missing      // of whom they could not be found: Field is the login
}

type wireFoundNames struct {
	IssueCount int
	Nodes      []*struct {
		PullRequest struct {
			Number     int
			UpdatedAt  moment
			Repository wireSlug
		} `graphql:"...on PullRequest"`
	}
}

var searchNamesQuery = newQuery[wireFoundNames]("search of names of pull requests", "search(type:ISSUE,query:$query,first:$first)", maxElements)

// The bounds of a list of open pull requests of people, by judgement.
const (
	maxPeople   = 300 // logins of one call
	openEach    = 50  // pull requests of one person
	maxOpenList = 200 // pull requests in all
)

// OpenPullRequestsBy returns the open pull requests of the logins, in the organisation only where it is named: the latest 50 of each, and the
// latest 200 of all. There is one search for each login, as a search for several means all of them on some servers and any of them on others.
// It makes one request for each 30 logins, which find names alone, and then one for each 100 pull requests that there are: a hundredth of a
// point for each login and 0.06 for each pull request.
func (c *Client) OpenPullRequestsBy(ctx context.Context, organisation string, logins ...string) (*OpenBy, error) {
	if len(logins) > maxPeople {
		return nil, invalid("list of logins", "more than 300")
	}
	if organisation != "" && !login(organisation) {
		return nil, invalid("organisation", organisation)
	}
	logins = slices.Clone(logins)
	slices.Sort(logins)
	logins = slices.Compact(logins)
	answers := all(ctx, c, searchNamesQuery, many{most: maxSearches}, len(logins), func(i int) (map[string]any, error) {
		if !actor(logins[i]) {
			return nil, invalid("login", logins[i])
		}
		words := OpenPullRequests().With("author", author(logins[i]))
		if organisation != "" {
			words = words.With("org", organisation)
		}
		text, err := words.Text()
		return map[string]any{"query": githubv4.String(text), "first": githubv4.Int(openEach)}, err
	})
	out := &OpenBy{Complete: true}
	type name struct {
		PullRequestNumber
		at moment
	}
	var names []name
	for i, a := range answers {
		if a.Err != nil {
			if out.Missing = append(out.Missing, Missing{logins[i], a.Err}); len(out.Missing) == len(logins) {
				return nil, a.Err
			}
			out.Complete = false
			continue
		}
		out.Complete = out.Complete && a.Value.IssueCount <= openEach && len(a.Missing) == 0
		for _, node := range a.Value.Nodes {
			if node != nil && node.PullRequest.Number > 0 {
				names = append(names, name{PullRequestNumber{node.PullRequest.Repository.value(), node.PullRequest.Number}, node.PullRequest.UpdatedAt})
			}
		}
	}
	slices.SortStableFunc(names, func(a, b name) int { return b.at.Compare(a.at.Time) })
	if len(names) > maxOpenList {
		names, out.Complete = names[:maxOpenList], false
	}
	numbers := make([]PullRequestNumber, len(names))
	for i, n := range names {
		numbers[i] = n.PullRequestNumber
	}
	pulls, errs := c.PullRequestsByNumber(ctx, numbers)
	for i, p := range pulls {
		if errs[i] != nil {
			if out.Complete = false; len(out.Missing) < maxMissing {
				out.Missing = append(out.Missing, Missing{Err: errs[i]})
			}
			continue
		}
		out.PullRequests = append(out.PullRequests, p)
	}
	return out, nil
}

// author returns how a search names who opened a pull request: apps by app/NAME.
func author(login string) string {
	if name, ok := strings.CutSuffix(login, "[bot]"); ok {
		return "app/" + name
	}
	return login
}

// OpenPullRequestsForTeam returns the open pull requests that the members of the team have in the organisation, as OpenPullRequestsBy, at the
// cost of TeamMembers besides.
func (c *Client) OpenPullRequestsForTeam(ctx context.Context, organisation, team string) (*OpenBy, error) {
	members, err := c.TeamMembers(ctx, organisation, team)
	if err != nil {
		return nil, err
	}
	logins := make([]string, len(members.Members))
	for i, m := range members.Members {
		logins[i] = m.Login
	}
	open, err := c.OpenPullRequestsBy(ctx, organisation, logins...)
	if open != nil {
		open.Complete = open.Complete && members.Complete
	}
	return open, err
}
