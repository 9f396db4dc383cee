package githubtest

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"callboard.dev/callboard/clients/clientstest"
)

// maxSearch is how many results a search gives in all, as documented in November 2026.
const maxSearch = 1000

// maxQuery is how many characters a search may have, as documented; qualifiers are not counted by GitHub, and are here for simplicity's
// sake bounded by maxBody.
const maxQuery = 256

// A searchQuery is a search as its text says.
type searchQuery struct {
	words      []string // in lower case; each must be found
	qualifiers []qualifier
	sort       string // such as "created-desc"
}

// qualifier is name:value, or with Not the opposite of it.
type qualifier struct {
	name, value string
	not         bool
}

// parseSearch reads the text of a search. It takes whatever text it is given: what is no qualifier is a word.
func parseSearch(text string) searchQuery {
	var q searchQuery
	not := false
	for _, term := range searchTerms(text) {
		if term == "NOT" {
			not = true
			continue
		}
		negative := not
		not = false
		bare := term
		if rest, ok := strings.CutPrefix(bare, "-"); ok && rest != "" {
			bare, negative = rest, !negative
		}
		name, value, ok := strings.Cut(bare, ":")
		name, value = strings.ToLower(name), strings.Trim(value, `"`)
		switch {
		case ok && name == "sort":
			q.sort = strings.ToLower(value)
		case ok && knownQualifiers[name] && value != "":
			q.qualifiers = append(q.qualifiers, qualifier{name: name, value: value, not: negative})
		case !negative:
			if word := strings.ToLower(strings.Trim(bare, `"`)); word != "" {
				q.words = append(q.words, word)
			}
		}
	}
	return q
}

var knownQualifiers = map[string]bool{
	"is": true, "type": true, "state": true, "author": true, "assignee": true, "review-requested": true, "user-review-requested": true,
	"team-review-requested": true, "reviewed-by": true, "involves": true, "mentions": true, "commenter": true, "org": true, "user": true, "repo": true,
	"label": true, "milestone": true, "no": true, "in": true, "draft": true, "review": true, "archived": true, "head": true, "base": true, "created": true,
	"updated": true, "closed": true, "merged": true, "comments": true, "language": true, "topic": true, "fork": true, "stars": true, "pushed": true,
	"license": true, "status": true, "linked": true, "filename": true, "path": true, "extension": true, "visibility": true,
}

// searchTerms splits a text at blanks that are not between quotes.
func searchTerms(text string) []string {
	var terms []string
	var term strings.Builder
	quoted := false
	for _, r := range text {
		switch {
		case r == '"':
			quoted = !quoted
			term.WriteRune(r)
		case !quoted && (r == ' ' || r == '\t' || r == '\n' || r == '\r'):
			if term.Len() > 0 {
				terms = append(terms, term.String())
				term.Reset()
			}
		default:
			term.WriteRune(r)
		}
	}
	if term.Len() > 0 {
		terms = append(terms, term.String())
	}
	return terms
}

// search answers the field Query.search.
func search(c *call, at clientstest.Field) (any, error) {
	q := parseSearch(at.Args.Text("query"))
	var page map[string]any
	var err error
	count := "issueCount"
	total := 0
	switch at.Args.Text("type") {
	case "ISSUE":
		found, failed := c.searchItems(q)
		if failed != nil {
			return nil, failed
		}
		total = len(found)
		page, err = connect(at, found[:min(total, maxSearch)], ids, nil)
	case "REPOSITORY":
		count = "repositoryCount"
		found := c.searchRepositories(q)
		total = len(found)
		page, err = connect(at, found[:min(total, maxSearch)], ids, nil)
	case "USER":
		count = "userCount"
		found := c.searchUsers(q)
		total = len(found)
		page, err = connect(at, found[:min(total, maxSearch)], ids, nil)
	default:
		page, err = connect(at, []any{}, ids, nil)
	}
	if err != nil {
		return nil, err
	}
	for _, name := range []string{"codeCount", "discussionCount", "issueCount", "repositoryCount", "userCount", "wikiCount"} {
		page[name] = 0
	}
	page[count] = total
	return page, nil
}

// searchItems finds issues and pull requests, in the order the search asks for; newest first where it asks for none.
func (c *call) searchItems(q searchQuery) ([]item, error) {
	within, err := c.scope(q)
	if err != nil {
		return nil, err
	}
	var found []item
	for _, r := range within {
		for _, one := range r.items {
			if i := one.(item); c.matches(q, i) {
				found = append(found, i)
			}
		}
	}
	field, down := sortOrder(q.sort)
	slices.SortFunc(found, func(a, b item) int {
		order := compareItems(field, a, b, updatedOf(a), updatedOf(b))
		if order == 0 {
			order = cmp.Compare(a.in().DatabaseID, b.in().DatabaseID)
		}
		if down {
			return -order
		}
		return order
	})
	return found, nil
}

// sortOrder returns the field of an order and whether the greatest come first.
func sortOrder(text string) (field string, down bool) {
	name, direction, _ := strings.Cut(text, "-")
	field = map[string]string{"created": "CREATED_AT", "updated": "UPDATED_AT", "comments": "COMMENTS", "stars": "STARGAZERS", "pushed": "PUSHED_AT"}[name]
	if field == "" {
		field = "CREATED_AT"
	}
	return field, direction != "asc"
}

// scope returns the repositories a search is about. GitHub refuses one that names only what is not there or is hidden.
func (c *call) scope(q searchQuery) ([]*Repository, error) {
	var out []*Repository
	named, hidden := false, true
	for _, k := range q.qualifiers {
		if !k.not && (k.name == "repo" || k.name == "org" || k.name == "user") {
			named = true
			switch k.name {
			case "repo":
				hidden = hidden && !c.sees(c.g.state.repositories[strings.ToLower(k.value)])
			default:
				hidden = hidden && c.g.account(strings.TrimPrefix(k.value, "@")) == nil && k.value != "@me"
			}
		}
	}
	if named && hidden {
		return nil, &clientstest.Error{
			Type:    "INVALID_SEARCH",
			Message: "The listed users and repositories cannot be searched either because the resources do not exist or you do not have permission to view them.",
		}
	}
	for _, key := range sortedKeys(c.g.state.repositories) {
		r := c.g.state.repositories[key]
		if c.sees(r) && c.inScope(q, r) {
			out = append(out, r)
		}
	}
	return out, nil
}

// inScope reports whether a repository is among those a search names: any of them, and none of those it excludes.
func (c *call) inScope(q searchQuery, r *Repository) bool {
	named, in := false, false
	for _, k := range q.qualifiers {
		match := false
		switch k.name {
		case "repo":
			match = strings.EqualFold(k.value, r.NameWithOwner())
		case "org", "user":
			match = c.isLogin(k.value, ownerLogin(r.owner))
		default:
			continue
		}
		if k.not {
			if match {
				return false
			}
			continue
		}
		named, in = true, in || match
	}
	return in || !named
}

// searchRepositories finds repositories; the most stars first where the search asks for no order.
func (c *call) searchRepositories(q searchQuery) []*Repository {
	var found []*Repository
	for _, key := range sortedKeys(c.g.state.repositories) {
		r := c.g.state.repositories[key]
		if c.sees(r) && c.inScope(q, r) && c.matchesRepository(q, r) {
			found = append(found, r)
		}
	}
	if q.sort == "" {
		q.sort = "stars-desc"
	}
	field, down := sortOrder(q.sort)
	slices.SortStableFunc(found, func(a, b *Repository) int {
		if down {
			a, b = b, a
		}
		return compareRepositories(field, a, b)
	})
	return found
}

func (c *call) searchUsers(q searchQuery) []any {
	var found []any
	for _, login := range sortedKeys(c.g.state.users) {
		u, all := c.g.state.users[login], true
		for _, word := range q.words {
			all = all && strings.Contains(strings.ToLower(u.Login+" "+u.Name), word)
		}
		for _, k := range q.qualifiers {
			all = all && (k.name != "type" || k.value == "user")
		}
		if all {
			found = append(found, u)
		}
	}
	return found
}

// checkQuery refuses a search that REST refuses.
func checkQuery(text string) error {
	if strings.TrimSpace(text) == "" {
		return &restError{status: 422, message: "Validation Failed", errors: []any{map[string]any{"resource": "Search", "field": "q", "code": "missing"}}}
	}
	if q := parseSearch(text); len(strings.Join(q.words, " ")) > maxQuery {
		return &restError{status: 422, message: fmt.Sprintf("The search is longer than %d characters.", maxQuery)}
	}
	return nil
}
