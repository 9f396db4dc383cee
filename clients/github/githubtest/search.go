package githubtest

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

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

func updatedOf(i item) time.Time {
	if one, ok := i.(*Issue); ok {
		return one.UpdatedAt
	}
	return i.(*PullRequest).UpdatedAt
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

// isLogin reports whether a value of a qualifier means a login; "@me" is whoever calls.
func (c *call) isLogin(value, login string) bool {
	value = strings.TrimPrefix(value, "@")
	if value == "me" && c.user() != nil {
		value = c.user().Login
	}
	value = strings.TrimPrefix(value, "app/")
	return strings.EqualFold(value, login)
}

// matches reports whether an issue or pull request is what a search asks for.
func (c *call) matches(q searchQuery, i item) bool {
	title, body, _, _ := i.opened()
	text := strings.ToLower(title + "\n" + body)
	if slices.ContainsFunc(q.qualifiers, func(k qualifier) bool { return k.name == "in" && k.value == "title" }) {
		text = strings.ToLower(title)
	}
	for _, word := range q.words {
		if !strings.Contains(text, word) {
			return false
		}
	}
	for _, k := range q.qualifiers {
		if c.matchesOne(k, i) == k.not {
			return false
		}
	}
	return true
}

func (c *call) matchesOne(k qualifier, i item) bool {
	p, isPull := i.(*PullRequest)
	_, _, author, created := i.opened()
	value := strings.ToLower(k.value)
	switch k.name {
	case "is", "type", "state":
		return c.matchesIs(value, i)
	case "author":
		return c.isLogin(k.value, ownerLogin(author))
	case "assignee":
		return slices.ContainsFunc(*i.people(), func(u *User) bool { return c.isLogin(k.value, u.Login) }) || value == "*" && len(*i.people()) > 0
	case "review-requested", "user-review-requested":
		return isPull && slices.ContainsFunc(p.requests, func(r *reviewRequest) bool {
			switch reviewer := r.reviewer.(type) {
			case *User:
				return c.isLogin(k.value, reviewer.Login)
			case *Team: // somebody is asked through their team, too
				return k.name == "review-requested" && slices.ContainsFunc(reviewer.everybody(), func(u *User) bool { return c.isLogin(k.value, u.Login) })
			}
			return false
		})
	case "team-review-requested":
		return isPull && slices.ContainsFunc(p.requests, func(r *reviewRequest) bool {
			t, ok := r.reviewer.(*Team)
			return ok && strings.EqualFold(k.value, t.organization.Login+"/"+t.Slug)
		})
	case "reviewed-by":
		return isPull && slices.ContainsFunc(p.reviews, func(v *Review) bool { return c.isLogin(k.value, ownerLogin(v.author)) })
	case "commenter":
		return slices.ContainsFunc(*i.thread(), func(m *Comment) bool { return c.isLogin(k.value, ownerLogin(m.author)) })
	case "mentions":
		return mentions(i, c.login(k.value))
	case "involves":
		return slices.ContainsFunc(participants(i), func(u *User) bool { return c.isLogin(k.value, u.Login) }) || mentions(i, c.login(k.value))
	case "label":
		return hasAny(*i.tags(), splitValues(k.value))
	case "milestone":
		m := milestoneOf(i)
		return m != nil && (value == "*" || strings.EqualFold(m.Title, k.value))
	case "no":
		switch value {
		case "label":
			return len(*i.tags()) == 0
		case "assignee":
			return len(*i.people()) == 0
		case "milestone":
			return milestoneOf(i) == nil
		}
		return true
	case "draft":
		return isPull && p.IsDraft == (value == "true")
	case "review":
		return isPull && p.matchesReview(value)
	case "archived":
		return i.in().IsArchived == (value == "true")
	case "head":
		return isPull && p.HeadRefName == k.value
	case "base":
		return isPull && p.BaseRefName == k.value
	case "created":
		return inRange(k.value, created)
	case "updated":
		return inRange(k.value, updatedOf(i))
	case "closed":
		return inRange(k.value, closedOf(i))
	case "merged":
		return isPull && inRange(k.value, p.MergedAt)
	case "comments":
		return inNumbers(k.value, len(*i.thread()))
	case "language":
		s, err := c.summary(i.in())
		return err == nil && len(s.languages) > 0 && strings.EqualFold(s.languages[0].Name, k.value)
	case "linked":
		return isPull && value == "issue" && len(closing(p.Body)) > 0
	}
	return true // of the scope, or about repositories
}

func (c *call) matchesIs(value string, i item) bool {
	p, isPull := i.(*PullRequest)
	switch value {
	case "pr", "pull-request":
		return isPull
	case "issue":
		return !isPull
	case "open":
		return open(i)
	case "closed":
		return !open(i)
	case "merged":
		return isPull && p.Merged()
	case "unmerged":
		return isPull && !p.Merged()
	case "draft":
		return isPull && p.IsDraft
	case "private":
		return i.in().IsPrivate()
	case "public":
		return !i.in().IsPrivate()
	case "locked":
		one, isIssue := i.(*Issue)
		return isIssue && one.Locked || isPull && p.Locked
	}
	return false
}

func (p *PullRequest) matchesReview(value string) bool {
	switch value {
	case "none":
		return len(p.reviews) == 0
	case "required":
		return p.ReviewDecision() == "REVIEW_REQUIRED"
	case "approved":
		return p.ReviewDecision() == "APPROVED"
	case "changes_requested", "changes-requested":
		return p.ReviewDecision() == "CHANGES_REQUESTED"
	}
	return false
}

func (c *call) login(value string) string {
	if value == "@me" && c.user() != nil {
		return c.user().Login
	}
	return strings.TrimPrefix(value, "@")
}

func milestoneOf(i item) *Milestone {
	if one, ok := i.(*Issue); ok {
		return one.milestone
	}
	return i.(*PullRequest).milestone
}

func closedOf(i item) time.Time {
	if one, ok := i.(*Issue); ok {
		return one.ClosedAt
	}
	return i.(*PullRequest).ClosedAt
}

// splitValues splits label:a,"b c" into its values, any of which will do.
func splitValues(text string) []string {
	var out []string
	for value := range strings.SplitSeq(text, ",") {
		out = append(out, strings.Trim(value, `" `))
	}
	return out
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

func (c *call) matchesRepository(q searchQuery, r *Repository) bool {
	text := strings.ToLower(r.NameWithOwner() + "\n" + r.Description + "\n" + strings.Join(r.Topics, "\n"))
	for _, word := range q.words {
		if !strings.Contains(text, word) {
			return false
		}
	}
	if r.IsFork && !slices.ContainsFunc(q.qualifiers, func(k qualifier) bool { return k.name == "fork" }) {
		return false // forks are left out unless asked for
	}
	for _, k := range q.qualifiers {
		value, match := strings.ToLower(k.value), true
		switch k.name {
		case "archived":
			match = r.IsArchived == (value == "true")
		case "is", "visibility":
			match = value == strings.ToLower(r.Visibility)
		case "language":
			s, err := c.summary(r)
			match = err == nil && len(s.languages) > 0 && strings.EqualFold(s.languages[0].Name, k.value)
		case "topic":
			match = slices.Contains(r.Topics, value)
		case "fork":
			match = value == "true" || r.IsFork && value == "only" || !r.IsFork && value == "false"
		case "stars":
			match = inNumbers(k.value, r.StargazerCount)
		case "pushed":
			match = inRange(k.value, r.PushedAt)
		case "created":
			match = inRange(k.value, r.CreatedAt)
		case "license":
			s, err := c.summary(r)
			match = err == nil && s.license != nil && (value == s.license.Key || strings.EqualFold(value, r.License))
		}
		if match == k.not {
			return false
		}
	}
	return true
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

// inRange reports whether a time is in a range such as ">=2026-01-01", "2026-01-01..2026-02-01", "2026-01-01..*" or "2026-01-01". A day is all of it.
func inRange(text string, at time.Time) bool {
	if at.IsZero() {
		return false
	}
	if from, to, ok := strings.Cut(text, ".."); ok {
		begin, _, fromOK := day(from)
		_, end, toOK := day(to)
		return (from == "*" || fromOK && !at.Before(begin)) && (to == "*" || toOK && at.Before(end))
	}
	operator := text[:len(text)-len(strings.TrimLeft(text, "<>="))]
	begin, end, ok := day(strings.TrimLeft(text, "<>="))
	if !ok {
		return false
	}
	switch operator {
	case ">":
		return !at.Before(end)
	case ">=":
		return !at.Before(begin)
	case "<":
		return at.Before(begin)
	case "<=":
		return at.Before(end)
	}
	return !at.Before(begin) && at.Before(end)
}

// day returns the time that a text stands for and the one it ends before.
func day(text string) (begin, end time.Time, ok bool) {
	if at, err := time.Parse("2006-01-02", text); err == nil {
		return at, at.AddDate(0, 0, 1), true
	}
	if at, err := time.Parse(time.RFC3339, text); err == nil {
		return at, at.Add(time.Second), true
	}
	return time.Time{}, time.Time{}, false
}

// inNumbers is inRange for numbers.
func inNumbers(text string, n int) bool {
	if from, to, ok := strings.Cut(text, ".."); ok {
		return (from == "*" || n >= atoi(from)) && (to == "*" || n <= atoi(to))
	}
	limit := atoi(strings.TrimLeft(text, "<>="))
	switch text[:len(text)-len(strings.TrimLeft(text, "<>="))] {
	case ">":
		return n > limit
	case ">=":
		return n >= limit
	case "<":
		return n < limit
	case "<=":
		return n <= limit
	}
	return n == limit
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
