package gitlab

import (
	"cmp"
	"context"
	"slices"
	"strconv"
	"time"
)

// Issue is an issue. Its words for states are GitLab's.
type Issue struct {
	ID           int64
	Number       int // the iid: what stands after "#"
	Title        string
	Description  string // Markdown, its first 64 KiB
	State        string // "opened" or "closed"
	Confidential bool
	URL          string
	Author       *Account // nil where the account is no more

	CreatedAt, UpdatedAt time.Time
	ClosedAt             time.Time // zero where it is not

	Labels    []Label    // at most 100
	Assignees []*Account // at most 100
	Comments  int
}

// IssueOrder says how issues are sorted.
type IssueOrder string

// The orders of issues.
const (
	NewestIssueFirst       IssueOrder = "CREATED_DESC" // what "" means
	OldestIssueFirst       IssueOrder = "CREATED_ASC"
	LatestIssueChangeFirst IssueOrder = "UPDATED_DESC"
	OldestIssueChangeFirst IssueOrder = "UPDATED_ASC"
)

// IssuesQuery asks for a page of a project's issues.
type IssuesQuery struct {
	Project  string
	State    string   // "opened" or "closed"; any where empty
	Labels   []string // with all of these; any where empty
	Author   string   // of this user; anybody's where empty
	Assignee string   // assigned to this user; any where empty
	Search   string   // with this in title or description
	Order    IssueOrder
	Page     Page
}

// IssuePage is a page of issues.
type IssuePage struct {
	Issues  []*Issue
	Cursors []string // one for each
	Total   int      // in all pages
	Info    PageInfo
}

type wireIssue struct {
	ID, IID                           number
	Title, Description, State, WebURL string
	Confidential                      bool
	CreatedAt, UpdatedAt, ClosedAt    moment
	UserNotesCount                    int
	Author                            *wireUser
	Assignees                         *nodes[wireUser]
	Labels                            *nodes[wireLabel]
}

func (w *wireIssue) value() *Issue {
	return &Issue{ID: int64(w.ID), Number: int(w.IID), Title: cut(w.Title, maxLine), Description: cut(w.Description, maxText), State: cut(w.State, maxLine),
		Confidential: w.Confidential, URL: cut(w.WebURL, maxLine), Author: w.Author.value(), CreatedAt: w.CreatedAt.Time, UpdatedAt: w.UpdatedAt.Time,
		ClosedAt: w.ClosedAt.Time, Labels: each(w.Labels, (*wireLabel).value), Assignees: each(w.Assignees, (*wireUser).value), Comments: w.UserNotesCount}
}

type wireIssues struct {
	FullPath string
	Issues   *connection[wireIssue]
}

func (w *wireIssues) path() string { return w.FullPath }

// issuesWeight is the complexity of a list of issues; see Page.together.
const issuesWeight = 38

// Issues returns pages of projects' issues, each with the error it has instead, or with one of kind clients.ErrPartial. It makes one request for
// all that differ in nothing but the project, as far as they are together no more than GitLab takes: 50 projects with pages of 40, 20 with pages
// of 100.
func (c *Client) Issues(ctx context.Context, queries []IssuesQuery) ([]*IssuePage, []error) {
	found, errs := paged[IssuesQuery, wireIssues](ctx, c, queries, func(q IssuesQuery) (string, many, error) {
		question, err := q.question()
		return q.Project, question, err
	})
	out := make([]*IssuePage, len(queries))
	for i, w := range found {
		switch {
		case w == nil:
		case w.Issues != nil:
			out[i] = &IssuePage{Total: w.Issues.Count, Info: w.Issues.PageInfo.value()}
			out[i].Issues, out[i].Cursors = elements(w.Issues, (*wireIssue).value)
		case errs[i] == nil:
			errs[i] = c.absent("list of issues")
		}
	}
	return out, errs
}

// question is what is asked of the project.
func (q *IssuesQuery) question() (many, error) {
	var none many
	order := cmp.Or(q.Order, NewestIssueFirst)
	if !slices.Contains([]IssueOrder{NewestIssueFirst, OldestIssueFirst, LatestIssueChangeFirst, OldestIssueChangeFirst}, order) {
		return none, invalid("order of issues", string(q.Order))
	}
	variables := map[string]any{"sort": string(order)}
	declared, given := ", $sort: IssueSort", ", sort: $sort"
	add := func(name, kind string, value any) {
		declared, given, variables[name] = declared+", $"+name+": "+kind, given+", "+name+": $"+name, value
	}
	switch q.State {
	case "":
	case "opened", "closed":
		add("state", "IssuableState", q.State)
	default:
		return none, invalid("state of issues", q.State)
	}
	if len(q.Labels) > maxLabels {
		return none, invalid("labels", strconv.Itoa(len(q.Labels))+" of them")
	}
	for _, label := range q.Labels {
		if err := checkText("label", label); err != nil || label == "" {
			return none, invalid("label", label)
		}
	}
	if len(q.Labels) > 0 {
		add("labelName", "[String]", q.Labels)
	}
	for _, user := range []string{q.Author, q.Assignee} {
		if user != "" {
			if err := checkUsername(user); err != nil {
				return none, err
			}
		}
	}
	if q.Author != "" {
		add("authorUsername", "String", q.Author)
	}
	if q.Assignee != "" {
		add("assigneeUsernames", "[String!]", []string{q.Assignee})
	}
	if err := checkText("search", q.Search); err != nil {
		return none, err
	}
	if q.Search != "" {
		add("search", "String", q.Search)
	}
	if err := q.Page.into(variables); err != nil {
		return none, err
	}
	weight := issuesWeight
	if q.Search != "" {
		weight += 5
	}
	return many{name: "issues", fragment: "page", variables: variables, declared: pageVariables + declared + " ", atOnce: q.Page.together(weight),
		fields: "\nfragment page on Project { fullPath issues(" + pageArguments + given + ") " + pageOf(`
  id iid title description state confidential webUrl createdAt updatedAt closedAt userNotesCount
  author { `+userFields+` } assignees { nodes { `+userFields+` } } labels { nodes { `+labelFields+` } }
`) + " }"}, nil
}

// ListQuery asks for a page of a list of a project.
type ListQuery struct {
	Project string
	Page    Page
}

// question asks for a list by its name, its other arguments, and the fields and the complexity of its elements.
func (q ListQuery) question(list, arguments, fields string, weight int) (string, many, error) {
	variables := map[string]any{}
	err := q.Page.into(variables)
	return q.Project, many{name: list, fragment: "page", variables: variables, declared: pageVariables + " ", atOnce: q.Page.together(weight + 11),
		fields: "\nfragment page on Project { fullPath " + list + "(" + arguments + ", " + pageArguments + ") " + pageOf(fields) + " }"}, err
}

// LabelPage is a page of labels.
type LabelPage struct {
	Labels  []Label
	Cursors []string // one for each
	Total   int
	Info    PageInfo
}

type wireLabels struct {
	FullPath string
	Labels   *connection[wireLabel]
}

func (w *wireLabels) path() string { return w.FullPath }

// Labels returns pages of the labels that the issues and merge requests of projects can have, those of the groups above them too, by name; each
// with the error it has instead, or with one of kind clients.ErrPartial. It makes one request for every 50 projects with pages of the same size
// and place, for every 20 where the pages are of 100.
func (c *Client) Labels(ctx context.Context, queries []ListQuery) ([]*LabelPage, []error) {
	found, errs := paged[ListQuery, wireLabels](ctx, c, queries, func(q ListQuery) (string, many, error) {
		return q.question("labels", "includeAncestorGroups: true", labelFields, 4)
	})
	out := make([]*LabelPage, len(queries))
	for i, w := range found {
		switch {
		case w == nil:
		case w.Labels != nil:
			out[i] = &LabelPage{Total: w.Labels.Count, Info: w.Labels.PageInfo.value()}
			out[i].Labels, out[i].Cursors = elements(w.Labels, (*wireLabel).value)
		case errs[i] == nil:
			errs[i] = c.absent("list of labels")
		}
	}
	return out, errs
}
