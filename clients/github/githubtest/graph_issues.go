package githubtest

import (
	"bytes"
	"cmp"
	"slices"
	"strings"
	"time"

	"github.com/yuin/goldmark"
	"github.com/yuin/goldmark/extension"

	"callboard.dev/callboard/clients/clientstest"
)

// issueFields are the fields of issues, labels, milestones and comments, and of what they share with pull requests.
func issueFields() clientstest.Resolvers {
	fields := clientstest.Resolvers{
		"Repository.issue": on(func(_ *call, r *Repository, at clientstest.Field) (any, error) {
			n, _ := at.Args.Int("number")
			if i, ok := r.items[n].(*Issue); ok {
				return i, nil
			}
			return nil, notFound("an Issue with the number of %d", n)
		}),
		"Repository.issueOrPullRequest": on(func(_ *call, r *Repository, at clientstest.Field) (any, error) {
			n, _ := at.Args.Int("number")
			if one := r.items[n]; one != nil {
				return one, nil
			}
			return nil, notFound("an issue or pull request with the number of %d", n)
		}),
		"Repository.issues": on(func(c *call, r *Repository, at clientstest.Field) (any, error) {
			return connectIssues(c, at, r.issues())
		}),
		"Repository.label": on(func(_ *call, r *Repository, at clientstest.Field) (any, error) {
			return r.labelNamed(at.Args.Text("name")), nil
		}),
		"Repository.labels": on(func(_ *call, r *Repository, at clientstest.Field) (any, error) {
			query := strings.ToLower(at.Args.Text("query"))
			return connectLabels(at, slices.DeleteFunc(slices.Clone(r.labels), func(l *Label) bool {
				return query != "" && !strings.Contains(strings.ToLower(l.Name+" "+l.Description), query)
			}))
		}),
		"Label.repository":   of(func(l *Label) any { return l.repository }),
		"Label.url":          on(func(c *call, l *Label, _ clientstest.Field) (any, error) { return c.g.web(page(l)), nil }),
		"Label.resourcePath": of(func(l *Label) any { return page(l) }),
		"Label.issues": on(func(c *call, l *Label, at clientstest.Field) (any, error) {
			return connectIssues(c, at, slices.DeleteFunc(l.repository.issues(), func(i *Issue) bool { return !slices.Contains(i.labels, l) }))
		}),
		"Label.pullRequests": on(func(c *call, l *Label, at clientstest.Field) (any, error) {
			return connectPulls(c, at, slices.DeleteFunc(l.repository.pulls(), func(p *PullRequest) bool { return !slices.Contains(p.labels, l) }))
		}),
		"Repository.milestone": on(func(_ *call, r *Repository, at clientstest.Field) (any, error) {
			n, _ := at.Args.Int("number")
			for _, m := range r.milestones {
				if m.Number == n {
					return m, nil
				}
			}
			return nil, nil
		}),
		"Repository.milestones": on(func(_ *call, r *Repository, at clientstest.Field) (any, error) {
			states, query := at.Args.Texts("states"), strings.ToLower(at.Args.Text("query"))
			list := slices.DeleteFunc(slices.Clone(r.milestones), func(m *Milestone) bool {
				return len(states) > 0 && !slices.Contains(states, m.State()) || !strings.Contains(strings.ToLower(m.Title), query)
			})
			list = ordered(list, at.Args.Object("orderBy"), func(field string, a, b *Milestone) int {
				switch field {
				case "DUE_DATE":
					return a.DueOn.Compare(b.DueOn)
				case "CREATED_AT":
					return a.CreatedAt.Compare(b.CreatedAt)
				case "UPDATED_AT":
					return a.UpdatedAt.Compare(b.UpdatedAt)
				}
				return cmp.Compare(a.Number, b.Number)
			})
			return connect(at, list, ids, nil)
		}),
		"Milestone.repository": of(func(m *Milestone) any { return m.repository }),
		"Milestone.creator":    of(func(m *Milestone) any { return m.creator }),
		"Milestone.closed":     of(func(m *Milestone) any { return !m.ClosedAt.IsZero() }),
		"Milestone.viewerCanClose": on(func(c *call, m *Milestone, _ clientstest.Field) (any, error) {
			return c.writes(m.repository) && m.ClosedAt.IsZero(), nil
		}),
		"Milestone.viewerCanReopen": on(func(c *call, m *Milestone, _ clientstest.Field) (any, error) {
			return c.writes(m.repository) && !m.ClosedAt.IsZero(), nil
		}),
		"Milestone.issues": on(func(c *call, m *Milestone, at clientstest.Field) (any, error) {
			return connectIssues(c, at, slices.DeleteFunc(m.repository.issues(), func(i *Issue) bool { return i.milestone != m }))
		}),
		"Milestone.pullRequests": on(func(c *call, m *Milestone, at clientstest.Field) (any, error) {
			return connectPulls(c, at, slices.DeleteFunc(m.repository.pulls(), func(p *PullRequest) bool { return p.milestone != m }))
		}),
		"Milestone.progressPercentage": of(func(m *Milestone) any {
			all, done := 0, 0
			for _, one := range m.repository.items {
				switch i := one.(type) {
				case *Issue:
					if i.milestone == m {
						all++
						done += count(!i.ClosedAt.IsZero())
					}
				case *PullRequest:
					if i.milestone == m {
						all++
						done += count(i.State() != "OPEN")
					}
				}
			}
			return 100 * float64(done) / float64(max(1, all))
		}),
		"IssueComment.repository":   of(func(k *Comment) any { return k.on.in() }),
		"IssueComment.url":          on(func(c *call, k *Comment, _ clientstest.Field) (any, error) { return c.g.web(page(k)), nil }),
		"IssueComment.resourcePath": of(func(k *Comment) any { return page(k) }),
		"IssueComment.issue":        of(func(k *Comment) any { return asIssue(k.on) }),
		"IssueComment.pullRequest":  of(func(k *Comment) any { p, _ := k.on.(*PullRequest); return p }),
	}
	for name, value := range map[string]any{
		"IssueComment.isMinimized": false, "IssueComment.minimizedReason": nil, "PullRequestReview.isMinimized": false, "PullRequestReview.minimizedReason": nil,
		"Comment.createdViaEmail": false, "Comment.editor": nil, "Comment.includesCreatedEdit": false, "Comment.lastEditedAt": nil,
		"Lockable.activeLockReason": nil, "Reactable.reactionGroups": noReactions(), "Reactable.viewerCanReact": true,
	} {
		fields[name] = always(value)
	}
	fields["ReactionGroup.users"] = on(func(_ *call, _ map[string]any, at clientstest.Field) (any, error) {
		return connect(at, []*User(nil), ids, nil)
	})
	// Issues, pull requests, comments and reviews are all comments, by their interface.
	said := func(f func(*call, remark) any) clientstest.Resolve {
		return on(func(c *call, object any, _ clientstest.Field) (any, error) { return f(c, remarkOf(object)), nil })
	}
	fields["Comment.author"] = said(func(_ *call, k remark) any { return k.author })
	fields["Comment.authorAssociation"] = said(func(c *call, k remark) any { return c.g.association(k.author, k.repository) })
	fields["Comment.body"] = said(func(_ *call, k remark) any { return k.body })
	fields["Comment.bodyHTML"] = said(func(_ *call, k remark) any { return rendered(k.body) })
	fields["Comment.bodyText"] = said(func(_ *call, k remark) any { return k.body })
	fields["Comment.createdAt"] = said(func(_ *call, k remark) any { return k.at })
	fields["Comment.publishedAt"] = said(func(_ *call, k remark) any { return k.at })
	fields["Comment.viewerDidAuthor"] = said(func(c *call, k remark) any { return c.token != nil && k.author == c.who() })
	// What both kinds of item have.
	both := func(name string, f func(*call, item, clientstest.Field) (any, error)) {
		fields["Issue."+name], fields["PullRequest."+name] = on(f), on(f)
	}
	both("repository", func(_ *call, i item, _ clientstest.Field) (any, error) { return i.in(), nil })
	both("assignees", func(_ *call, i item, at clientstest.Field) (any, error) { return connect(at, *i.people(), ids, nil) })
	both("labels", func(_ *call, i item, at clientstest.Field) (any, error) { return connectLabels(at, *i.tags()) })
	both("viewerCanLabel", func(c *call, i item, _ clientstest.Field) (any, error) {
		return rank(c.may(i.in())) >= rank("TRIAGE"), nil
	})
	both("comments", func(_ *call, i item, at clientstest.Field) (any, error) {
		list := ordered(*i.thread(), at.Args.Object("orderBy"), func(_ string, a, b *Comment) int { return a.UpdatedAt.Compare(b.UpdatedAt) })
		return connect(at, list, ids, nil)
	})
	both("projectCards", func(_ *call, _ item, at clientstest.Field) (any, error) { return connect(at, []any(nil), ids, nil) })
	both("participants", func(_ *call, i item, at clientstest.Field) (any, error) {
		return connect(at, participants(i), ids, nil)
	})
	both("milestone", func(_ *call, i item, _ clientstest.Field) (any, error) {
		if one, ok := i.(*Issue); ok {
			return one.milestone, nil
		}
		return i.(*PullRequest).milestone, nil
	})
	both("closed", func(_ *call, i item, _ clientstest.Field) (any, error) { return !open(i), nil })
	both("viewerCanClose", func(c *call, i item, _ clientstest.Field) (any, error) { return c.writes(i.in()) && open(i), nil })
	both("viewerCanReopen", func(c *call, i item, _ clientstest.Field) (any, error) {
		p, isPull := i.(*PullRequest)
		return c.writes(i.in()) && !open(i) && !(isPull && p.Merged()), nil
	})
	return fields
}

// asIssue returns an issue, or what a pull request is where an issue is asked for.
func asIssue(on item) *Issue {
	p, ok := on.(*PullRequest)
	if !ok {
		return on.(*Issue)
	}
	return &Issue{
		Number: p.Number, Title: p.Title, Body: p.Body, CreatedAt: p.CreatedAt, UpdatedAt: p.UpdatedAt, ClosedAt: p.ClosedAt, Locked: p.Locked, DatabaseID: p.DatabaseID,
		repository: p.repository, author: p.author, labels: p.labels, assignees: p.assignees, milestone: p.milestone, comments: p.comments,
	}
}

// noReactions are the groups of reactions of what nobody reacted to: GitHub always gives all.
func noReactions() []map[string]any {
	var groups []map[string]any
	for _, content := range []string{"THUMBS_UP", "THUMBS_DOWN", "LAUGH", "HOORAY", "CONFUSED", "HEART", "ROCKET", "EYES"} {
		groups = append(groups, map[string]any{"content": content, "createdAt": nil, "viewerHasReacted": false})
	}
	return groups
}

// remark is what issues, pull requests, comments and reviews have as comments.
type remark struct {
	author     any
	body       string
	at         time.Time
	repository *Repository
}

func remarkOf(object any) remark {
	switch k := object.(type) {
	case *Comment:
		return remark{k.author, k.Body, k.CreatedAt, k.on.in()}
	case *Review:
		return remark{k.author, k.Body, k.SubmittedAt, k.pull.repository}
	}
	i := object.(item)
	_, body, author, at := i.opened()
	return remark{author, body, at, i.in()}
}

// markdown renders as GitHub does, as far as its extensions are those of its specification. Raw HTML is left out.
var markdown = goldmark.New(goldmark.WithExtensions(extension.GFM))

func rendered(text string) string {
	var b bytes.Buffer
	if err := markdown.Convert([]byte(text), &b); err != nil {
		panic("githubtest: bug: rendering into memory: " + err.Error())
	}
	return strings.TrimSpace(b.String())
}

// association returns how somebody stands to a repository.
func (g *GitHub) association(who any, r *Repository) string {
	u, ok := who.(*User)
	o, organized := r.owner.(*Organization)
	switch {
	case !ok:
		return "NONE"
	case r.owner == u:
		return "OWNER"
	case organized && o.has(u):
		return "MEMBER"
	case r.Collaborators[u.Login] != "":
		return "COLLABORATOR"
	case slices.ContainsFunc(r.pulls(), func(p *PullRequest) bool { return p.author == who && p.Merged() }):
		return "CONTRIBUTOR"
	}
	return "NONE"
}

// participants returns who opened, was assigned to, commented on or reviewed something, in this order.
func participants(i item) []*User {
	var out []*User
	add := func(who any) {
		if u, ok := who.(*User); ok && !slices.Contains(out, u) {
			out = append(out, u)
		}
	}
	_, _, author, _ := i.opened()
	add(author)
	for _, u := range *i.people() {
		add(u)
	}
	for _, k := range *i.thread() {
		add(k.author)
	}
	if p, ok := i.(*PullRequest); ok {
		for _, v := range p.reviews {
			add(v.author)
		}
	}
	return out
}

// State returns OPEN or CLOSED.
func (m *Milestone) State() string {
	if m.ClosedAt.IsZero() {
		return "OPEN"
	}
	return "CLOSED"
}

func open(i item) bool {
	if one, ok := i.(*Issue); ok {
		return one.State() == "OPEN"
	}
	return i.(*PullRequest).State() == "OPEN"
}

func (c *call) writes(r *Repository) bool { return rank(c.may(r)) >= rank("WRITE") && !r.IsArchived }

func count(is bool) int {
	if is {
		return 1
	}
	return 0
}

// issues returns the issues by number.
func (r *Repository) issues() []*Issue { return itemsOf[*Issue](r) }

// pulls returns the pull requests by number.
func (r *Repository) pulls() []*PullRequest { return itemsOf[*PullRequest](r) }

func itemsOf[T item](r *Repository) []T {
	var out []T
	for _, one := range r.items {
		if i, ok := one.(T); ok {
			out = append(out, i)
		}
	}
	slices.SortFunc(out, func(a, b T) int { return cmp.Compare(a.number(), b.number()) })
	return out
}

// issuesWhere returns the issues that a user opened, in the repositories that whoever calls may see.
func (c *call) issuesWhere(author *User) []*Issue {
	var out []*Issue
	for _, key := range sortedKeys(c.g.state.repositories) {
		if r := c.g.state.repositories[key]; c.sees(r) {
			out = append(out, slices.DeleteFunc(r.issues(), func(i *Issue) bool { return i.author != author })...)
		}
	}
	return out
}

func connectLabels(at clientstest.Field, list []*Label) (any, error) {
	list = ordered(list, at.Args.Object("orderBy"), func(field string, a, b *Label) int {
		if field == "NAME" {
			return cmp.Compare(strings.ToLower(a.Name), strings.ToLower(b.Name))
		}
		return a.CreatedAt.Compare(b.CreatedAt)
	})
	return connect(at, list, ids, nil)
}

// connectIssues selects, sorts and cuts issues as the arguments of a connection of them say.
func connectIssues(c *call, at clientstest.Field, list []*Issue) (any, error) {
	states, labels, filter := at.Args.Texts("states"), at.Args.Texts("labels"), at.Args.Object("filterBy")
	since, err := moment(filter.Text("since"))
	if err != nil {
		return nil, err
	}
	list = slices.DeleteFunc(list, func(i *Issue) bool {
		return len(states) > 0 && !slices.Contains(states, i.State()) ||
			len(labels) > 0 && !hasAny(i.labels, labels) ||
			len(filter.Texts("states")) > 0 && !slices.Contains(filter.Texts("states"), i.State()) ||
			!hasAll(i.labels, filter.Texts("labels")) ||
			filter.Text("createdBy") != "" && !strings.EqualFold(filter.Text("createdBy"), ownerLogin(i.author)) ||
			filter.Text("mentioned") != "" && !mentions(i, filter.Text("mentioned")) ||
			filter.Given("assignee") && !assigned(i.assignees, filter.Text("assignee")) ||
			filter.Given("milestone") && !inMilestone(i.milestone, filter.Text("milestone")) ||
			!since.IsZero() && i.UpdatedAt.Before(since)
	})
	list = ordered(list, at.Args.Object("orderBy"), func(field string, a, b *Issue) int { return compareItems(field, a, b, a.UpdatedAt, b.UpdatedAt) })
	return connect(at, list, ids, nil)
}

func compareItems(field string, a, b item, updatedA, updatedB time.Time) int {
	_, _, _, createdA := a.opened()
	_, _, _, createdB := b.opened()
	switch field {
	case "UPDATED_AT":
		return updatedA.Compare(updatedB)
	case "COMMENTS":
		return cmp.Compare(len(*a.thread()), len(*b.thread()))
	}
	if order := createdA.Compare(createdB); order != 0 {
		return order
	}
	return cmp.Compare(a.number(), b.number())
}

func hasAny(labels []*Label, names []string) bool {
	return slices.ContainsFunc(labels, func(l *Label) bool {
		return slices.ContainsFunc(names, func(n string) bool { return strings.EqualFold(n, l.Name) })
	})
}

func hasAll(labels []*Label, names []string) bool {
	for _, n := range names {
		if !hasAny(labels, []string{n}) {
			return false
		}
	}
	return true
}

// assigned reports whether a login is among the assignees; "*" is anybody.
func assigned(users []*User, login string) bool {
	if login == "*" {
		return len(users) > 0
	}
	return slices.ContainsFunc(users, func(u *User) bool { return strings.EqualFold(u.Login, login) })
}

func inMilestone(m *Milestone, wanted string) bool {
	return m != nil && (wanted == "*" || wanted == itoa(m.Number) || strings.EqualFold(wanted, m.Title))
}

// mentions reports whether @login stands in an item or a comment on it.
func mentions(i item, login string) bool {
	_, body, _, _ := i.opened()
	texts := []string{body}
	for _, k := range *i.thread() {
		texts = append(texts, k.Body)
	}
	return strings.Contains(strings.ToLower(strings.Join(texts, "\n")), "@"+strings.ToLower(login))
}
