package gitlabtest

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"callboard.dev/callboard/clients/clientstest"
	"callboard.dev/callboard/clients/git"
	"callboard.dev/callboard/clients/gitlab/gitlabtest/ci"
)

type graphMergeRequest struct {
	c *graphCall
	p *project
	m *MergeRequest
}

func (g graphMergeRequest) ID() string           { return gid("MergeRequest", g.m.ID) }
func (g graphMergeRequest) IID() string          { return strconv.FormatInt(g.m.IID, 10) }
func (g graphMergeRequest) Title() string        { return g.m.title() }
func (g graphMergeRequest) Name() string         { return g.m.title() }
func (g graphMergeRequest) Description() any     { return orNull(g.m.Description) }
func (g graphMergeRequest) State() string        { return g.m.State }
func (g graphMergeRequest) Draft() bool          { return g.m.Draft }
func (g graphMergeRequest) Conflicts() bool      { return g.m.Conflicts }
func (g graphMergeRequest) Mergeable() bool      { return g.c.mergeStatus(g.m) == "mergeable" }
func (g graphMergeRequest) CreatedAt() time.Time { return g.m.CreatedAt.UTC() }
func (g graphMergeRequest) UpdatedAt() time.Time { return g.m.UpdatedAt.UTC() }
func (g graphMergeRequest) MergedAt() any        { return timeOrNull(g.m.MergedAt) }
func (g graphMergeRequest) ClosedAt() any        { return timeOrNull(g.m.ClosedAt) }
func (g graphMergeRequest) SourceBranch() string { return g.m.SourceBranch }
func (g graphMergeRequest) TargetBranch() string { return g.m.TargetBranch }
func (g graphMergeRequest) DiffHeadSHA() any     { return orNull(g.m.SHA) }
func (g graphMergeRequest) MergeCommitSHA() any  { return orNull(g.m.MergeCommitSHA) }
func (g graphMergeRequest) UserNotesCount() int  { return g.m.Comments }
func (g graphMergeRequest) Upvotes() int         { return g.m.Upvotes }
func (g graphMergeRequest) ProjectID() int64     { return g.p.ID }
func (g graphMergeRequest) Project() any         { return graphProject{g.c, g.p} }
func (g graphMergeRequest) TargetProject() any   { return graphProject{g.c, g.p} }
func (g graphMergeRequest) SourceProject() any {
	return g.c.graphProject(g.c.world.project(g.m.SourceProject))
}
func (g graphMergeRequest) WebURL() string         { return g.c.root + g.WebPath() }
func (g graphMergeRequest) WebPath() string        { return "/" + g.p.Path + "/-/merge_requests/" + g.IID() }
func (g graphMergeRequest) MergeUser() any         { return g.c.graphUser(g.m.MergedBy, nil) }
func (g graphMergeRequest) Author() any            { return g.c.graphUser(g.m.Author, &g) }
func (g graphMergeRequest) ApprovalsRequired() int { return g.m.ApprovalsRequired }
func (g graphMergeRequest) ApprovalsLeft() int {
	return max(0, g.m.ApprovalsRequired-len(g.m.Approvals))
}
func (g graphMergeRequest) Approved() bool { return g.ApprovalsLeft() == 0 }

// DetailedMergeStatus is GitLab's enum of it.
func (g graphMergeRequest) DetailedMergeStatus() string {
	return strings.ToUpper(g.c.mergeStatus(g.m))
}

// Milestone is null for none.
func (g graphMergeRequest) Milestone() any {
	if g.m.Milestone == "" {
		return nil
	}
	return object{"title": g.m.Milestone}
}

// HeadPipeline is null for none.
func (g graphMergeRequest) HeadPipeline() any {
	if p := g.p.headPipeline(g.m); p != nil {
		return graphPipeline{g.c, g.p, p}
	}
	if g.m.Pipeline == "" {
		return nil
	}
	// One that nothing but its state was said of.
	return graphPipeline{g.c, g.p, &ci.Pipeline{ID: g.m.ID, IID: g.m.IID, Status: g.m.Pipeline, SHA: g.m.SHA, Ref: g.m.SourceBranch, CreatedAt: g.m.CreatedAt, UpdatedAt: g.m.UpdatedAt}}
}

// CommitCount counts the commits, which are only known of branches that are here.
func (g graphMergeRequest) CommitCount() (any, error) {
	oids, err := g.c.commitsOf(g.p, g.m)
	if err != nil || oids == nil {
		return nil, err
	}
	return len(oids), nil
}

// DiffStatsSummary sums what the merge request changes.
func (g graphMergeRequest) DiffStatsSummary() (any, error) {
	if g.p.repository == nil || g.m.SHA == "" || g.m.BaseSHA == "" {
		return nil, nil
	}
	head, err := g.c.resolve(g.p, g.m.SHA)
	if err != nil {
		return nil, nil // the commits of a branch that is gone for good
	}
	changed := *head
	changed.Parents = []git.OID{git.OID(g.m.BaseSHA)}
	changes, err := g.p.repository.Changes(g.c.r.Context(), &changed)
	if err != nil {
		return nil, err
	}
	added, deleted := 0, 0
	for _, change := range changes {
		added, deleted = added+change.Additions, deleted+change.Deletions
	}
	return object{"additions": added, "deletions": deleted, "changes": added + deleted, "fileCount": len(changes)}, nil
}

// mergeRequestConnection is a page of the merge requests of projects.
func mergeRequestConnection(c *graphCall, args clientstest.Args, projects []*project, wanted func(*MergeRequest) bool) (any, error) {
	var found []graphMergeRequest
	for _, p := range projects {
		if path := args.Text("projectPath"); path != "" && !strings.EqualFold(path, p.Path) || !c.world.sees(c.viewer, p) {
			continue
		}
		for _, m := range p.mergeRequests {
			if wanted(m) && chosen(args, m) {
				found = append(found, graphMergeRequest{c, p, m})
			}
		}
	}
	by, descending, err := mergeRequestOrder(args.Text("sort"))
	if err != nil {
		return nil, err
	}
	slices.SortStableFunc(found, func(a, b graphMergeRequest) int {
		order := cmp.Or(by(a.m, b.m), cmp.Compare(a.m.ID, b.m.ID))
		if descending {
			return -order
		}
		return order
	})
	return connect(args, found, graphMergeRequest.ID)
}

func mergeRequestOrder(sort string) (func(a, b *MergeRequest) int, bool, error) {
	sort = strings.ToUpper(sort)
	descending := strings.HasSuffix(sort, "_DESC")
	switch strings.TrimSuffix(strings.TrimSuffix(sort, "_DESC"), "_ASC") {
	case "CREATED":
		return func(a, b *MergeRequest) int { return a.CreatedAt.Compare(b.CreatedAt) }, descending, nil
	case "UPDATED":
		return func(a, b *MergeRequest) int { return a.UpdatedAt.Compare(b.UpdatedAt) }, descending, nil
	case "MERGED_AT":
		return func(a, b *MergeRequest) int { return a.MergedAt.Compare(b.MergedAt) }, descending, nil
	case "CLOSED_AT":
		return func(a, b *MergeRequest) int { return a.ClosedAt.Compare(b.ClosedAt) }, descending, nil
	case "TITLE":
		return func(a, b *MergeRequest) int { return strings.Compare(a.Title, b.Title) }, descending, nil
	case "POPULARITY":
		return func(a, b *MergeRequest) int { return cmp.Compare(a.Upvotes, b.Upvotes) }, descending, nil
	}
	return nil, false, fmt.Errorf("this simulator does not sort merge requests by %s", sort)
}

// chosen reports whether a merge request is one of those that the arguments choose.
func chosen(args clientstest.Args, m *MergeRequest) bool {
	labels := append(args.Texts("labelName"), args.Texts("labels")...)
	has := func(name string, value string) bool {
		return !args.Given(name) || slices.Contains(args.Texts(name), value)
	}
	state := args.Text("state")
	switch {
	case state != "" && state != "all" && state != m.State,
		args.Given("draft") && args.True("draft") != m.Draft,
		args.Given("authorUsername") && !strings.EqualFold(args.Text("authorUsername"), m.Author),
		args.Given("reviewerUsername") && m.reviewer(args.Text("reviewerUsername")) == nil,
		!has("sourceBranches", m.SourceBranch), !has("targetBranches", m.TargetBranch), !has("iids", strconv.FormatInt(m.IID, 10)),
		args.Given("assigneeUsernames") && !slices.ContainsFunc(args.Texts("assigneeUsernames"), func(n string) bool { return slices.Contains(m.Assignees, n) }),
		slices.ContainsFunc(labels, func(l string) bool { return !slices.Contains(m.Labels, l) }),
		!strings.Contains(strings.ToLower(m.Title+"\n"+m.Description), strings.ToLower(args.Text("search"))):
		return false
	}
	return inTime(args, "created", m.CreatedAt) && inTime(args, "updated", m.UpdatedAt) && inTime(args, "merged", m.MergedAt)
}

func inTime(args clientstest.Args, name string, t time.Time) bool {
	if after, err := time.Parse(time.RFC3339, args.Text(name+"After")); err == nil && t.Before(after) {
		return false
	}
	before, err := time.Parse(time.RFC3339, args.Text(name+"Before"))
	return err != nil || !t.IsZero() && !t.After(before)
}

// ofUser are the merge requests that a user has to do with.
func ofUser(mine func(u *User, m *MergeRequest) bool) clientstest.Resolve {
	return func(ctx context.Context, at clientstest.Field) (any, error) {
		g := at.Object.(graphUser)
		return mergeRequestConnection(g.c, at.Args, g.c.world.order, func(m *MergeRequest) bool { return mine(g.u, m) })
	}
}

func authored(u *User, m *MergeRequest) bool  { return m.Author == u.Username }
func assigned(u *User, m *MergeRequest) bool  { return slices.Contains(m.Assignees, u.Username) }
func reviewing(u *User, m *MergeRequest) bool { return m.reviewer(u.Username) != nil }

var mergeRequestResolvers = clientstest.Resolvers{
	"UserCore.authoredMergeRequests":           ofUser(authored),
	"UserCore.assignedMergeRequests":           ofUser(assigned),
	"UserCore.reviewRequestedMergeRequests":    ofUser(reviewing),
	"CurrentUser.authoredMergeRequests":        ofUser(authored),
	"CurrentUser.assignedMergeRequests":        ofUser(assigned),
	"CurrentUser.reviewRequestedMergeRequests": ofUser(reviewing),
	"MergeRequest.approvedBy": func(ctx context.Context, at clientstest.Field) (any, error) {
		g := at.Object.(graphMergeRequest)
		return connect(at.Args, g.c.graphUsers(each(g.m.Approvals, func(a Approval) string { return a.Username }), nil), graphUser.ID)
	},
	"MergeRequest.assignees": func(ctx context.Context, at clientstest.Field) (any, error) {
		g := at.Object.(graphMergeRequest)
		return connect(at.Args, g.c.graphUsers(g.m.Assignees, &g), graphUser.ID)
	},
	"MergeRequest.reviewers": func(ctx context.Context, at clientstest.Field) (any, error) {
		g := at.Object.(graphMergeRequest)
		return connect(at.Args, g.c.graphUsers(each(g.m.Reviewers, func(r Reviewer) string { return r.Username }), &g), graphUser.ID)
	},
	"MergeRequest.labels": func(ctx context.Context, at clientstest.Field) (any, error) {
		g := at.Object.(graphMergeRequest)
		return connect(at.Args, graphLabels(g.p, g.m.Labels), func(o object) string { return o["id"].(string) })
	},
	"MergeRequest.commits": func(ctx context.Context, at clientstest.Field) (any, error) {
		g := at.Object.(graphMergeRequest)
		oids, err := g.c.commitsOf(g.p, g.m)
		if err != nil {
			return nil, err
		}
		var commits []*git.Commit
		if len(oids) > 0 {
			if commits, err = g.p.repository.Commits(ctx, oids); err != nil {
				return nil, err
			}
		}
		return connect(at.Args, each(commits, func(k *git.Commit) graphCommit { return graphCommit{g.c, g.p, k} }), graphCommit.ID)
	},
	"MergeRequest.reference": func(ctx context.Context, at clientstest.Field) (any, error) {
		g := at.Object.(graphMergeRequest)
		return reference(at, g.p, "!"+g.IID()), nil
	},
	"Issue.reference": func(ctx context.Context, at clientstest.Field) (any, error) {
		g := at.Object.(graphIssue)
		return reference(at, g.p, "#"+g.IID()), nil
	},
	"Issue.assignees": func(ctx context.Context, at clientstest.Field) (any, error) {
		g := at.Object.(graphIssue)
		return connect(at.Args, g.c.graphUsers(g.i.Assignees, nil), graphUser.ID)
	},
	"Issue.labels": func(ctx context.Context, at clientstest.Field) (any, error) {
		g := at.Object.(graphIssue)
		return connect(at.Args, graphLabels(g.p, g.i.Labels), func(o object) string { return o["id"].(string) })
	},
	"ReleaseAssets.links": func(ctx context.Context, at clientstest.Field) (any, error) {
		return connect(at.Args, at.Object.(graphAssets).links(), func(o object) string { return o["id"].(string) })
	},
}

func reference(at clientstest.Field, p *project, short string) string {
	if at.Args.True("full") {
		return p.Path + short
	}
	return short
}

func graphLabels(p *project, names []string) []object {
	var out []object
	for _, l := range p.Labels {
		if slices.Contains(names, l.Name) {
			out = append(out, graphLabel(l))
		}
	}
	return out
}
