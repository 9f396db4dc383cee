package githubtest

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"callboard.dev/callboard/clients/clientstest"
)

// accountFields are the fields of users, organisations and teams.
func accountFields() clientstest.Resolvers {
	avatar := func(c *call, id int) string {
		if c.g.settings.Enterprise {
			return c.g.web(fmt.Sprintf("/avatars/u/%d?", id))
		}
		return fmt.Sprintf("https://avatars.githubusercontent.com/u/%d?v=4", id)
	}
	repositories := func(c *call, owner any, at clientstest.Field) (any, error) {
		return connect(at, filterRepositories(c.seen(c.g.owned(owner)), at.Args), ids, nil)
	}
	repository := func(c *call, owner any, at clientstest.Field) (any, error) {
		return c.repository(ownerLogin(owner), at.Args.Text("name"), at.Args.True("followRenames"))
	}
	teams := func(at clientstest.Field, list []*Team) (any, error) {
		query := strings.ToLower(at.Args.Text("query"))
		list = slices.DeleteFunc(slices.Clone(list), func(t *Team) bool {
			return query != "" && !strings.Contains(strings.ToLower(t.Name), query) ||
				at.Args.True("rootTeamsOnly") && t.parent != nil ||
				at.Args.Given("privacy") && at.Args.Text("privacy") != t.privacy() ||
				at.Args.Given("userLogins") && !slices.ContainsFunc(at.Args.Texts("userLogins"), t.hasLogin)
		})
		list = ordered(list, at.Args.Object("orderBy"), func(_ string, a, b *Team) int { return cmp.Compare(a.Name, b.Name) })
		return connect(at, list, ids, nil)
	}
	return clientstest.Resolvers{
		"User.avatarUrl":    on(func(c *call, u *User, _ clientstest.Field) (any, error) { return avatar(c, u.DatabaseID), nil }),
		"User.isViewer":     on(func(c *call, u *User, _ clientstest.Field) (any, error) { return c.user() == u, nil }),
		"User.repositories": on(func(c *call, u *User, at clientstest.Field) (any, error) { return repositories(c, u, at) }),
		"User.repository":   on(func(c *call, u *User, at clientstest.Field) (any, error) { return repository(c, u, at) }),
		"User.organizations": on(func(_ *call, u *User, at clientstest.Field) (any, error) {
			return connect(at, u.organizations, ids, nil)
		}),
		"User.organization": on(func(_ *call, u *User, at clientstest.Field) (any, error) {
			return u.organization(at.Args.Text("login")), nil
		}),
		"User.pullRequests": on(func(c *call, u *User, at clientstest.Field) (any, error) { return connectPulls(c, at, c.pullsWhere(u)) }),
		"User.issues": on(func(c *call, u *User, at clientstest.Field) (any, error) {
			return connectIssues(c, at, c.issuesWhere(u))
		}),
		"Bot.avatarUrl":          on(func(c *call, b *bot, _ clientstest.Field) (any, error) { return avatar(c, b.DatabaseID), nil }),
		"Organization.avatarUrl": on(func(c *call, o *Organization, _ clientstest.Field) (any, error) { return avatar(c, o.DatabaseID), nil }),
		"Organization.viewerIsAMember": on(func(c *call, o *Organization, _ clientstest.Field) (any, error) {
			return o.has(c.user()), nil
		}),
		"Organization.viewerCanAdminister": on(func(c *call, o *Organization, _ clientstest.Field) (any, error) {
			return c.user() != nil && slices.Contains(c.user().administrates, o), nil
		}),
		"Organization.repositories": on(func(c *call, o *Organization, at clientstest.Field) (any, error) { return repositories(c, o, at) }),
		"Organization.repository":   on(func(c *call, o *Organization, at clientstest.Field) (any, error) { return repository(c, o, at) }),
		"Organization.team": on(func(c *call, o *Organization, at clientstest.Field) (any, error) {
			if err := c.refused("members"); err != nil {
				return nil, err
			}
			if !c.member(o) {
				return nil, nil
			}
			return o.team(at.Args.Text("slug")), nil
		}),
		"Organization.teams": on(func(c *call, o *Organization, at clientstest.Field) (any, error) {
			if err := c.refused("members"); err != nil {
				return nil, err
			}
			if !c.member(o) {
				return teams(at, nil)
			}
			return teams(at, o.teams)
		}),
		"Organization.membersWithRole": on(func(c *call, o *Organization, at clientstest.Field) (any, error) {
			if err := c.refused("members"); err != nil {
				return nil, err
			}
			return connect(at, o.members, ids, func(u *User) map[string]any {
				role := "MEMBER"
				if slices.Contains(u.administrates, o) {
					role = "ADMIN"
				}
				return map[string]any{"role": role, "hasTwoFactorEnabled": nil}
			})
		}),
		"Team.combinedSlug": of(func(t *Team) any { return t.organization.Login + "/" + t.Slug }),
		"Team.privacy":      of(func(t *Team) any { return t.privacy() }),
		"Team.avatarUrl":    on(func(c *call, t *Team, _ clientstest.Field) (any, error) { return avatar(c, t.DatabaseID), nil }),
		"Team.resourcePath": of(func(t *Team) any { return page(t) }),
		"Team.url":          on(func(c *call, t *Team, _ clientstest.Field) (any, error) { return c.g.web(page(t)), nil }),
		"Team.organization": of(func(t *Team) any { return t.organization }),
		"Team.parentTeam":   of(func(t *Team) any { return t.parent }),
		"Team.viewerCanAdminister": on(func(c *call, t *Team, _ clientstest.Field) (any, error) {
			return slices.ContainsFunc(t.Maintainers, c.is), nil
		}),
		"Team.childTeams": on(func(_ *call, t *Team, at clientstest.Field) (any, error) {
			if at.Args.True("immediateOnly") {
				return teams(at, t.children)
			}
			return teams(at, t.below())
		}),
		"Team.ancestors": on(func(_ *call, t *Team, at clientstest.Field) (any, error) {
			var list []*Team
			for p := t.parent; p != nil; p = p.parent {
				list = slices.Insert(list, 0, p)
			}
			return teams(at, list)
		}),
		"Team.members": on(func(_ *call, t *Team, at clientstest.Field) (any, error) {
			list := t.everybody()
			switch at.Args.Text("membership") {
			case "IMMEDIATE":
				list = t.members
			case "CHILD_TEAM":
				list = slices.DeleteFunc(list, func(u *User) bool { return slices.Contains(t.members, u) })
			}
			query, role := strings.ToLower(at.Args.Text("query")), at.Args.Text("role")
			list = slices.DeleteFunc(slices.Clone(list), func(u *User) bool {
				return role != "" && role != t.role(u) || query != "" && !strings.Contains(strings.ToLower(u.Login+" "+u.Name), query)
			})
			list = ordered(list, at.Args.Object("orderBy"), func(field string, a, b *User) int {
				if field == "CREATED_AT" {
					return a.CreatedAt.Compare(b.CreatedAt)
				}
				return cmp.Compare(strings.ToLower(a.Login), strings.ToLower(b.Login))
			})
			return connect(at, list, ids, func(u *User) map[string]any { return map[string]any{"role": t.role(u)} })
		}),
		"Team.repositories": on(func(c *call, t *Team, at clientstest.Field) (any, error) {
			var list []*Repository
			for _, key := range sortedKeys(t.repositories) {
				if r := c.g.state.repositories[key]; c.sees(r) && strings.Contains(key, strings.ToLower(at.Args.Text("query"))) {
					list = append(list, r)
				}
			}
			list = ordered(list, at.Args.Object("orderBy"), compareRepositories)
			return connect(at, list, ids, func(r *Repository) map[string]any {
				return map[string]any{"permission": t.repositories[strings.ToLower(r.NameWithOwner())]}
			})
		}),
	}
}

// is reports whether a login is that of the user who calls.
func (c *call) is(login string) bool {
	return c.user() != nil && strings.EqualFold(c.user().Login, login)
}

// member reports whether whoever calls belongs to the organisation, or is installed there.
func (c *call) member(o *Organization) bool {
	return o.has(c.user()) || c.token.user == nil && strings.EqualFold(c.token.Account, o.Login)
}

func (u *User) organization(login string) *Organization {
	for _, o := range u.organizations {
		if strings.EqualFold(o.Login, login) {
			return o
		}
	}
	return nil
}

func (t *Team) privacy() string {
	if t.Secret {
		return "SECRET"
	}
	return "VISIBLE"
}

func (t *Team) role(u *User) string {
	if slices.ContainsFunc(t.Maintainers, func(login string) bool { return strings.EqualFold(login, u.Login) }) {
		return "MAINTAINER"
	}
	return "MEMBER"
}

func (t *Team) hasLogin(login string) bool {
	return slices.ContainsFunc(t.everybody(), func(u *User) bool { return strings.EqualFold(u.Login, login) })
}

// below returns the teams below one, sorted by slug.
func (t *Team) below() []*Team {
	var all []*Team
	for _, child := range t.children {
		all = append(append(all, child), child.below()...)
	}
	slices.SortFunc(all, func(a, b *Team) int { return cmp.Compare(a.Slug, b.Slug) })
	return all
}

// filterRepositories selects and sorts repositories as the arguments of an account's repositories say.
func filterRepositories(list []*Repository, args clientstest.Args) []*Repository {
	list = slices.DeleteFunc(list, func(r *Repository) bool {
		return args.Given("isFork") && args.True("isFork") != r.IsFork ||
			args.Given("isArchived") && args.True("isArchived") != r.IsArchived ||
			args.Given("isLocked") && args.True("isLocked") ||
			args.Given("hasIssuesEnabled") && !args.True("hasIssuesEnabled") ||
			args.Text("privacy") == "PRIVATE" && !r.IsPrivate() ||
			args.Text("privacy") == "PUBLIC" && r.IsPrivate() ||
			args.Given("visibility") && args.Text("visibility") != r.Visibility
	})
	return ordered(list, args.Object("orderBy"), compareRepositories)
}

func compareRepositories(field string, a, b *Repository) int {
	switch field {
	case "CREATED_AT":
		return a.CreatedAt.Compare(b.CreatedAt)
	case "UPDATED_AT":
		return a.UpdatedAt.Compare(b.UpdatedAt)
	case "PUSHED_AT":
		return a.PushedAt.Compare(b.PushedAt)
	case "STARGAZERS":
		return cmp.Compare(a.StargazerCount, b.StargazerCount)
	}
	return cmp.Compare(strings.ToLower(a.Name), strings.ToLower(b.Name))
}
