package gitlabtest

import (
	"cmp"
	"context"
	"path"
	"slices"
	"strconv"
	"strings"
	"time"

	"callboard.dev/callboard/clients/clientstest"
)

// graphUser is a user; in a merge request also what he has to do with it.
type graphUser struct {
	c  *graphCall
	u  *User
	in *graphMergeRequest
}

func (g graphUser) ID() string           { return gid("User", g.u.ID) }
func (g graphUser) Username() string     { return g.u.Username }
func (g graphUser) Name() string         { return g.u.Name }
func (g graphUser) Bot() bool            { return g.u.Bot }
func (g graphUser) State() string        { return g.u.State }
func (g graphUser) PublicEmail() *string { return nil }
func (g graphUser) AvatarURL() string    { return avatar(g.u) }
func (g graphUser) WebURL() string       { return g.c.root + "/" + g.u.Username }
func (g graphUser) WebPath() string      { return "/" + g.u.Username }
func (g graphUser) GraphQLType() string  { return "UserCore" }

// MergeRequestInteraction is what the user has to do with the merge request he was found in.
func (g graphUser) MergeRequestInteraction() any {
	if g.in == nil {
		return nil
	}
	approved := slices.ContainsFunc(g.in.m.Approvals, func(a Approval) bool { return a.Username == g.u.Username })
	may := g.c.world.access(g.u, g.in.p) >= Developer
	o := object{"approved": approved, "canMerge": may, "canUpdate": may, "reviewState": nil, "reviewed": false}
	if r := g.in.m.reviewer(g.u.Username); r != nil {
		state := cmp.Or(r.State, "unreviewed")
		o["reviewState"], o["reviewed"] = strings.ToUpper(state), state != "unreviewed" && state != "review_started"
	}
	return o
}

// graphUser returns a user by name as a value that may be null.
func (c *graphCall) graphUser(username string, in *graphMergeRequest) any {
	if u := c.world.user(username); username != "" && u != nil {
		return graphUser{c, u, in}
	}
	return nil
}

func (c *graphCall) graphUsers(usernames []string, in *graphMergeRequest) []graphUser {
	var out []graphUser
	for _, name := range usernames {
		if u := c.world.user(name); u != nil {
			out = append(out, graphUser{c, u, in})
		}
	}
	return out
}

type graphGroup struct {
	c *graphCall
	g *Group
}

func (g graphGroup) ID() string          { return gid("Group", g.g.ID) }
func (g graphGroup) Name() string        { return g.g.Name }
func (g graphGroup) Path() string        { return path.Base(g.g.Path) }
func (g graphGroup) FullPath() string    { return g.g.Path }
func (g graphGroup) FullName() string    { return g.c.fullName(g.g.Path) }
func (g graphGroup) Description() string { return g.g.Description }
func (g graphGroup) Visibility() string  { return string(g.g.Visibility) }
func (g graphGroup) WebURL() string      { return g.c.root + "/groups/" + g.g.Path }
func (g graphGroup) AvatarURL() *string  { return nil }
func (g graphGroup) Archived() bool      { return false }

type graphProject struct {
	c *graphCall
	p *project
}

// graphProject returns a project as a value that is null where the viewer sees none.
func (c *graphCall) graphProject(p *project) any {
	if p == nil || !c.world.sees(c.viewer, p) {
		return nil
	}
	return graphProject{c, p}
}

func (g graphProject) ID() string   { return gid("Project", g.p.ID) }
func (g graphProject) Name() string { return g.p.Name }
func (g graphProject) NameWithNamespace() string {
	return g.c.fullName(path.Dir(g.p.Path)) + " / " + g.p.Name
}
func (g graphProject) Path() string                { return path.Base(g.p.Path) }
func (g graphProject) FullPath() string            { return g.p.Path }
func (g graphProject) Description() any            { return orNull(g.p.Description) }
func (g graphProject) Visibility() string          { return string(g.p.Visibility) }
func (g graphProject) Archived() bool              { return g.p.Archived }
func (g graphProject) StarCount() int              { return g.p.Stars }
func (g graphProject) ForksCount() int             { return g.p.Forks }
func (g graphProject) IsForked() bool              { return g.p.ForkedFrom != "" }
func (g graphProject) ForkedFrom() any             { return g.c.graphProject(g.c.world.project(g.p.ForkedFrom)) }
func (g graphProject) Topics() []string            { return g.p.topics() }
func (g graphProject) Languages() []Language       { return append([]Language{}, g.p.Languages...) }
func (g graphProject) WebURL() string              { return g.c.web(g.p) }
func (g graphProject) HTTPURLToRepo() string       { return g.c.web(g.p) + ".git" }
func (g graphProject) SSHURLToRepo() string        { return "git@" + g.c.host() + ":" + g.p.Path + ".git" }
func (g graphProject) AvatarURL() *string          { return nil }
func (g graphProject) CreatedAt() any              { return timeOrNull(g.p.CreatedAt) }
func (g graphProject) UpdatedAt() any              { return timeOrNull(g.p.LastActivity) }
func (g graphProject) LastActivityAt() any         { return timeOrNull(g.p.LastActivity) }
func (g graphProject) OpenIssuesCount() int        { return g.p.openIssues() }
func (g graphProject) OpenMergeRequestsCount() int { return g.p.openMergeRequests() }
func (g graphProject) RequestAccessEnabled() bool  { return g.p.RequestAccess }
func (g graphProject) Repository() any             { return graphRepository(g) }

// Group is null for the projects of a user.
func (g graphProject) Group() any {
	if above := g.c.world.group(path.Dir(g.p.Path)); above != nil {
		return graphGroup{g.c, above}
	}
	return nil
}

func timeOrNull(t time.Time) any {
	if t.IsZero() {
		return nil
	}
	return t.UTC()
}

var projectResolvers = clientstest.Resolvers{
	"Group.projects": func(ctx context.Context, at clientstest.Field) (any, error) {
		g := at.Object.(graphGroup)
		search := strings.ToLower(at.Args.Text("search"))
		var found []graphProject
		for _, p := range slices.Backward(g.c.world.order) {
			direct := strings.EqualFold(path.Dir(p.Path), g.g.Path)
			if (direct || at.Args.True("includeSubgroups") && below(p.Path, g.g.Path)) && g.c.world.sees(g.c.viewer, p) &&
				(at.Args.True("includeArchived") || !p.Archived) && strings.Contains(strings.ToLower(p.Name), search) {
				found = append(found, graphProject{g.c, p})
			}
		}
		if at.Args.Text("sort") == "NAME_ASC" {
			slices.SortStableFunc(found, func(a, b graphProject) int { return strings.Compare(a.p.Name, b.p.Name) })
		}
		return connect(at.Args, found, graphProject.ID)
	},
	"Group.descendantGroups": func(ctx context.Context, at clientstest.Field) (any, error) {
		g := at.Object.(graphGroup)
		var found []graphGroup
		for _, o := range g.c.world.groups {
			if below(o.Path, g.g.Path) && g.c.world.seesGroup(g.c.viewer, o) {
				found = append(found, graphGroup{g.c, o})
			}
		}
		slices.SortFunc(found, func(a, b graphGroup) int { return strings.Compare(a.g.Path, b.g.Path) })
		return connect(at.Args, found, graphGroup.ID)
	},
	"Group.groupMembers": func(ctx context.Context, at clientstest.Field) (any, error) {
		g := at.Object.(graphGroup)
		members := g.c.world.merged(slices.Clone(g.g.Members))
		if slices.Contains(at.Args.Texts("relations"), "INHERITED") {
			members = g.c.world.groupMembers(g.g.Path)
		}
		list := each(members, func(m Member) object {
			u := g.c.world.user(m.Username)
			return object{"id": gid("GroupMember", u.ID), "user": graphUser{g.c, u, nil}, "createdAt": timeOrNull(m.Since), "expiresAt": nil, "group": g,
				"accessLevel": object{"integerValue": int(m.Access), "stringValue": accessEnum[m.Access], "humanAccess": accessEnum[m.Access]}}
		})
		return connect(at.Args, list, func(o object) string { return o["id"].(string) })
	},
	"Project.mergeRequest": func(ctx context.Context, at clientstest.Field) (any, error) {
		g := at.Object.(graphProject)
		iid, _ := strconv.ParseInt(at.Args.Text("iid"), 10, 64)
		if m := g.p.mergeRequest(iid); m != nil {
			return graphMergeRequest{g.c, g.p, m}, nil
		}
		return nil, nil
	},
	"Project.mergeRequests": func(ctx context.Context, at clientstest.Field) (any, error) {
		g := at.Object.(graphProject)
		return mergeRequestConnection(g.c, at.Args, []*project{g.p}, func(*MergeRequest) bool { return true })
	},
	"Project.issue": func(ctx context.Context, at clientstest.Field) (any, error) {
		g := at.Object.(graphProject)
		iid, _ := strconv.ParseInt(at.Args.Text("iid"), 10, 64)
		if i := g.p.issue(iid); i != nil && g.c.world.seesIssue(g.c.viewer, g.p, i) {
			return graphIssue{g.c, g.p, i}, nil
		}
		return nil, nil
	},
	"Project.issues": issueConnection,
	"Project.label": func(ctx context.Context, at clientstest.Field) (any, error) {
		g := at.Object.(graphProject)
		for _, l := range g.p.Labels {
			if l.Name == at.Args.Text("title") {
				return graphLabel(l), nil
			}
		}
		return nil, nil
	},
	"Project.labels": func(ctx context.Context, at clientstest.Field) (any, error) {
		g := at.Object.(graphProject)
		title, search := at.Args.Text("title"), strings.ToLower(at.Args.Text("searchTerm"))
		var found []object
		for _, l := range g.p.Labels {
			if (title == "" || l.Name == title) && strings.Contains(strings.ToLower(l.Name+"\n"+l.Description), search) {
				found = append(found, graphLabel(l))
			}
		}
		slices.SortStableFunc(found, func(a, b object) int { return strings.Compare(a["title"].(string), b["title"].(string)) })
		return connect(at.Args, found, func(o object) string { return o["id"].(string) })
	},
	"Project.release": func(ctx context.Context, at clientstest.Field) (any, error) {
		g := at.Object.(graphProject)
		for _, r := range g.p.releases {
			if r.Tag == at.Args.Text("tagName") {
				return graphRelease{g.c, g.p, r}, nil
			}
		}
		return nil, nil
	},
	"Project.releases": func(ctx context.Context, at clientstest.Field) (any, error) {
		g := at.Object.(graphProject)
		found := each(g.p.releases, func(r *Release) graphRelease { return graphRelease{g.c, g.p, r} })
		sort := at.Args.Text("sort")
		slices.SortStableFunc(found, func(a, b graphRelease) int {
			order := a.r.ReleasedAt.Compare(b.r.ReleasedAt)
			if strings.HasPrefix(sort, "CREATED") {
				order = a.r.CreatedAt.Compare(b.r.CreatedAt)
			}
			if strings.HasSuffix(sort, "_DESC") {
				order = -order
			}
			return order
		})
		return connect(at.Args, found, graphRelease.ID)
	},
	"Project.branchRules": func(ctx context.Context, at clientstest.Field) (any, error) {
		g := at.Object.(graphProject)
		if g.c.world.access(g.c.viewer, g.p) < Maintainer {
			return nil, nil
		}
		return connect(at.Args, each(g.p.Protected, func(b ProtectedBranch) graphRule { return graphRule{g.c, g.p, b} }), func(r graphRule) string { return r.Name() })
	},
	"Project.vulnerabilitySeveritiesCount": func(ctx context.Context, at clientstest.Field) (any, error) {
		g := at.Object.(graphProject)
		if g.p.Vulnerabilities == nil || g.c.world.access(g.c.viewer, g.p) < Developer {
			return nil, nil
		}
		o := object{}
		for _, severity := range []string{"critical", "high", "medium", "low", "info", "unknown"} {
			o[severity] = g.p.Vulnerabilities[severity]
		}
		return o, nil
	},
	"BranchProtection.mergeAccessLevels": func(ctx context.Context, at clientstest.Field) (any, error) {
		return accessLevels(at, at.Object.(graphProtection).Merge)
	},
	"BranchProtection.pushAccessLevels": func(ctx context.Context, at clientstest.Field) (any, error) {
		return accessLevels(at, at.Object.(graphProtection).Push)
	},
}

var accessEnum = map[Access]string{NoAccess: "NO_ACCESS", Guest: "GUEST", Planner: "PLANNER", Reporter: "REPORTER", Developer: "DEVELOPER", Maintainer: "MAINTAINER", Owner: "OWNER"}

func accessLevels(at clientstest.Field, level Access) (any, error) {
	one := object{"accessLevel": int(level), "accessLevelDescription": accessNames[level]}
	return connect(at.Args, []object{one}, func(object) string { return "1" })
}

// graphRule is a branch rule: what protects the branches of a name.
type graphRule struct {
	c *graphCall
	p *project
	b ProtectedBranch
}

func (g graphRule) ID() string                        { return gid("Projects::BranchRule", g.b.ID) }
func (g graphRule) Name() string                      { return g.b.Name }
func (g graphRule) IsDefault() bool                   { return g.b.Name == g.p.DefaultBranch }
func (g graphRule) IsProtected() bool                 { return true }
func (g graphRule) CreatedAt() any                    { return timeOrNull(g.b.CreatedAt) }
func (g graphRule) UpdatedAt() any                    { return timeOrNull(g.b.CreatedAt) }
func (g graphRule) BranchProtection() graphProtection { return graphProtection(g.b) }

// MatchingBranchesCount counts the branches that the name stands for.
func (g graphRule) MatchingBranchesCount() (int, error) {
	if g.p.repository == nil {
		return 0, nil
	}
	refs, err := g.p.repository.Refs(g.c.r.Context())
	if err != nil {
		return 0, err
	}
	n := 0
	for _, r := range refs.Branches {
		if g.b.matches(r.Short()) {
			n++
		}
	}
	return n, nil
}

type graphProtection ProtectedBranch

func (g graphProtection) CodeOwnerApprovalRequired() bool { return g.CodeOwnerApproval }

func graphLabel(l Label) object {
	return object{"id": gid("ProjectLabel", l.ID), "title": l.Name, "color": l.Color, "textColor": "#FFFFFF", "description": orNull(l.Description),
		"createdAt": l.CreatedAt.UTC(), "updatedAt": l.CreatedAt.UTC()}
}
