package githubtest

import (
	"slices"
	"strings"
	"time"
)

func updatedOf(i item) time.Time {
	if one, ok := i.(*Issue); ok {
		return one.UpdatedAt
	}
	return i.(*PullRequest).UpdatedAt
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
