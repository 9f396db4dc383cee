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
	Issues []*Issue
	Total  int // in all pages
	Info   PageInfo
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

// Issues returns a page of a project's issues. It makes one request.
func (c *Client) Issues(ctx context.Context, q IssuesQuery) (*IssuePage, error) {
	if err := checkProject(q.Project); err != nil {
		return nil, err
	}
	order := cmp.Or(q.Order, NewestIssueFirst)
	if !slices.Contains([]IssueOrder{NewestIssueFirst, OldestIssueFirst, LatestIssueChangeFirst}, order) {
		return nil, invalid("order of issues", string(q.Order))
	}
	variables := map[string]any{"project": q.Project, "sort": string(order)}
	declared, given := ", $sort: IssueSort", ", sort: $sort"
	add := func(name, kind string, value any) {
		declared, given, variables[name] = declared+", $"+name+": "+kind, given+", "+name+": $"+name, value
	}
	switch q.State {
	case "":
	case "opened", "closed":
		add("state", "IssuableState", q.State)
	default:
		return nil, invalid("state of issues", q.State)
	}
	if len(q.Labels) > maxLabels {
		return nil, invalid("labels", strconv.Itoa(len(q.Labels))+" of them")
	}
	for _, label := range q.Labels {
		if err := checkText("label", label); err != nil || label == "" {
			return nil, invalid("label", label)
		}
	}
	if len(q.Labels) > 0 {
		add("labelName", "[String]", q.Labels)
	}
	for _, user := range []string{q.Author, q.Assignee} {
		if user != "" {
			if err := checkUsername(user); err != nil {
				return nil, err
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
		return nil, err
	}
	if q.Search != "" {
		add("search", "String", q.Search)
	}
	if err := q.Page.into(variables); err != nil {
		return nil, err
	}
	var answer struct {
		Project *struct {
			Issues *struct {
				Count    int
				PageInfo wirePageInfo
				Nodes    []*wireIssue
			}
		}
	}
	text := "query issues($project: ID!, " + pageVariables + declared + ") {\n  project(fullPath: $project) { issues(" + pageArguments + given + `) {
    count ` + pageInfoFields + ` nodes {
      id iid title description state confidential webUrl createdAt updatedAt closedAt userNotesCount
      author { ` + userFields + ` } assignees { nodes { ` + userFields + ` } } labels { nodes { ` + labelFields + ` } }
    }
  } }
}`
	if err := c.single(ctx, "issues", text, variables, &answer); err != nil {
		return nil, err
	}
	if answer.Project == nil || answer.Project.Issues == nil {
		return nil, c.absent("project")
	}
	found := answer.Project.Issues
	page := &IssuePage{Total: found.Count, Info: found.PageInfo.value()}
	for _, i := range found.Nodes[:min(len(found.Nodes), maxPage)] {
		if i != nil {
			page.Issues = append(page.Issues, i.value())
		}
	}
	return page, nil
}

// LabelPage is a page of labels.
type LabelPage struct {
	Labels []Label
	Total  int
	Info   PageInfo
}

// Labels returns a page of the labels that the issues and merge requests of a project can have, those of the groups above it too. It makes one
// request.
func (c *Client) Labels(ctx context.Context, project string, page Page) (*LabelPage, error) {
	if err := checkProject(project); err != nil {
		return nil, err
	}
	variables := map[string]any{"project": project}
	if err := page.into(variables); err != nil {
		return nil, err
	}
	var answer struct {
		Project *struct {
			Labels *struct {
				Count    int
				PageInfo wirePageInfo
				nodes[wireLabel]
			}
		}
	}
	text := "query labels($project: ID!, " + pageVariables + ") {\n  project(fullPath: $project) { labels(includeAncestorGroups: true, " + pageArguments + ") { count " +
		pageInfoFields + " nodes { " + labelFields + " } } }\n}"
	if err := c.single(ctx, "labels", text, variables, &answer); err != nil {
		return nil, err
	}
	if answer.Project == nil || answer.Project.Labels == nil {
		return nil, c.absent("project")
	}
	found := answer.Project.Labels
	return &LabelPage{Labels: each(&found.nodes, (*wireLabel).value), Total: found.Count, Info: found.PageInfo.value()}, nil
}
