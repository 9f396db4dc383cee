package gitlab

import (
	"context"
	"time"
)

// GroupProjectsQuery asks for a page of the projects of a group, for whoever looks for all of them.
type GroupProjectsQuery struct {
	Group     string // its path in full
	Subgroups bool   // those of the groups below it too
	Archived  bool   // those that are archived too
	Page      Page
}

// GroupProject is what a search for projects needs to know of each; Projects tells the rest.
type GroupProject struct {
	ID            int64
	Path          string // in full
	Name          string
	Description   string // its first 64 KiB
	URL           string
	Archived      bool
	DefaultBranch string // "" for a project without commits
	LastActivity  time.Time
}

// GroupProjectPage is a page of projects.
type GroupProjectPage struct {
	Projects []GroupProject
	Total    int // in all pages
	Info     PageInfo
}

// GroupProjects returns a page of the projects of a group. It makes one request: to read all of a group takes one for every 100 projects.
func (c *Client) GroupProjects(ctx context.Context, q GroupProjectsQuery) (*GroupProjectPage, error) {
	if err := checkGroup(q.Group); err != nil {
		return nil, err
	}
	variables := map[string]any{"group": q.Group, "deep": q.Subgroups, "archived": q.Archived}
	if err := q.Page.into(variables); err != nil {
		return nil, err
	}
	var answer struct {
		Group *struct {
			Projects *struct {
				Count    int
				PageInfo wirePageInfo
				Nodes    []*wireProject
			}
		}
	}
	text := "query groupProjects($group: ID!, $deep: Boolean!, $archived: Boolean!, " + pageVariables + `) {
  group(fullPath: $group) { projects(includeSubgroups: $deep, includeArchived: $archived, ` + pageArguments + `) {
    count ` + pageInfoFields + ` nodes { id fullPath name description webUrl archived lastActivityAt repository { rootRef } }
  } }
}`
	if err := c.single(ctx, "groupProjects", text, variables, &answer); err != nil {
		return nil, err
	}
	if answer.Group == nil || answer.Group.Projects == nil {
		return nil, c.absent("group")
	}
	found := answer.Group.Projects
	out := &GroupProjectPage{Total: found.Count, Info: found.PageInfo.value()}
	for _, w := range found.Nodes[:min(len(found.Nodes), maxPage)] {
		if w != nil {
			p := w.value()
			out.Projects = append(out.Projects, GroupProject{ID: p.ID, Path: p.Path, Name: p.Name, Description: p.Description, URL: p.URL, Archived: p.Archived,
				DefaultBranch: p.DefaultBranch, LastActivity: p.LastActivity})
		}
	}
	return out, nil
}

// Member is somebody's access to a group.
type Member struct {
	Account
	Access int // 10 guest, 15 planner, 20 reporter, 30 developer, 40 maintainer, 50 owner
	Since  time.Time
}

// MemberPage is a page of members.
type MemberPage struct {
	Members []Member
	Info    PageInfo
}

// GroupMembers returns a page of the members of a group; inherited tells whether those of the groups above it are members too. It makes one
// request.
func (c *Client) GroupMembers(ctx context.Context, group string, inherited bool, page Page) (*MemberPage, error) {
	if err := checkGroup(group); err != nil {
		return nil, err
	}
	relations := []string{"DIRECT"}
	if inherited {
		relations = append(relations, "INHERITED")
	}
	variables := map[string]any{"group": group, "relations": relations}
	if err := page.into(variables); err != nil {
		return nil, err
	}
	var answer struct {
		Group *struct {
			GroupMembers *struct {
				PageInfo wirePageInfo
				Nodes    []*struct {
					CreatedAt   moment
					AccessLevel *struct{ IntegerValue int }
					User        *wireUser
				}
			}
		}
	}
	text := "query groupMembers($group: ID!, $relations: [GroupMemberRelation!], " + pageVariables + ") {\n  group(fullPath: $group) { groupMembers(relations: $relations, " + pageArguments + ") { " +
		pageInfoFields + " nodes { createdAt accessLevel { integerValue } user { " + userFields + " } } } }\n}"
	if err := c.single(ctx, "groupMembers", text, variables, &answer); err != nil {
		return nil, err
	}
	if answer.Group == nil || answer.Group.GroupMembers == nil {
		return nil, c.absent("group")
	}
	found := answer.Group.GroupMembers
	out := &MemberPage{Info: found.PageInfo.value()}
	for _, w := range found.Nodes[:min(len(found.Nodes), maxPage)] {
		if w == nil {
			continue
		}
		if account := w.User.value(); account != nil { // null where somebody was invited who has no account yet
			m := Member{Account: *account, Since: w.CreatedAt.Time}
			if w.AccessLevel != nil {
				m.Access = w.AccessLevel.IntegerValue
			}
			out.Members = append(out.Members, m)
		}
	}
	return out, nil
}
