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
)

type graphIssue struct {
	c *graphCall
	p *project
	i *Issue
}

func (g graphIssue) ID() string           { return gid("Issue", g.i.ID) }
func (g graphIssue) IID() string          { return strconv.FormatInt(g.i.IID, 10) }
func (g graphIssue) Title() string        { return g.i.Title }
func (g graphIssue) Description() any     { return orNull(g.i.Description) }
func (g graphIssue) State() string        { return g.i.State }
func (g graphIssue) Confidential() bool   { return g.i.Confidential }
func (g graphIssue) CreatedAt() time.Time { return g.i.CreatedAt.UTC() }
func (g graphIssue) UpdatedAt() time.Time { return g.i.UpdatedAt.UTC() }
func (g graphIssue) ClosedAt() any        { return timeOrNull(g.i.ClosedAt) }
func (g graphIssue) DueDate() any         { return orNull(g.i.DueOn) }
func (g graphIssue) UserNotesCount() int  { return g.i.Comments }
func (g graphIssue) Upvotes() int         { return g.i.Upvotes }
func (g graphIssue) Author() any          { return g.c.graphUser(g.i.Author, nil) }
func (g graphIssue) WebURL() string       { return g.c.web(g.p) + "/-/issues/" + g.IID() }

// Weight is null where none was given.
func (g graphIssue) Weight() any {
	if g.i.Weight == 0 {
		return nil
	}
	return g.i.Weight
}

func issueConnection(ctx context.Context, at clientstest.Field) (any, error) {
	g := at.Object.(graphProject)
	args := at.Args
	var found []graphIssue
	for _, i := range g.p.issues {
		state := args.Text("state")
		switch {
		case !g.c.world.seesIssue(g.c.viewer, g.p, i),
			state != "" && state != "all" && state != i.State,
			args.Given("iid") && args.Text("iid") != strconv.FormatInt(i.IID, 10),
			args.Given("iids") && !slices.Contains(args.Texts("iids"), strconv.FormatInt(i.IID, 10)),
			args.Given("confidential") && args.True("confidential") != i.Confidential,
			args.Given("authorUsername") && !strings.EqualFold(args.Text("authorUsername"), i.Author),
			args.Given("assigneeUsernames") && !slices.ContainsFunc(args.Texts("assigneeUsernames"), func(n string) bool { return slices.Contains(i.Assignees, n) }),
			slices.ContainsFunc(args.Texts("labelName"), func(l string) bool { return !slices.Contains(i.Labels, l) }),
			!strings.Contains(strings.ToLower(i.Title+"\n"+i.Description), strings.ToLower(args.Text("search"))),
			!inTime(args, "created", i.CreatedAt), !inTime(args, "updated", i.UpdatedAt):
		default:
			found = append(found, graphIssue{g.c, g.p, i})
		}
	}
	sort := strings.ToUpper(args.Text("sort"))
	by := map[string]func(a, b *Issue) int{
		"CREATED":   func(a, b *Issue) int { return a.CreatedAt.Compare(b.CreatedAt) },
		"UPDATED":   func(a, b *Issue) int { return a.UpdatedAt.Compare(b.UpdatedAt) },
		"CLOSED_AT": func(a, b *Issue) int { return a.ClosedAt.Compare(b.ClosedAt) },
		"TITLE":     func(a, b *Issue) int { return strings.Compare(a.Title, b.Title) },
	}[strings.TrimSuffix(strings.TrimSuffix(sort, "_DESC"), "_ASC")]
	if by == nil {
		return nil, fmt.Errorf("this simulator does not sort issues by %s", sort)
	}
	slices.SortStableFunc(found, func(a, b graphIssue) int {
		order := cmp.Or(by(a.i, b.i), cmp.Compare(a.i.ID, b.i.ID))
		if strings.HasSuffix(sort, "_DESC") {
			return -order
		}
		return order
	})
	return connect(args, found, graphIssue.ID)
}

type graphRelease struct {
	c *graphCall
	p *project
	r *Release
}

func (g graphRelease) ID() string            { return gid("Release", g.r.ID) }
func (g graphRelease) Name() string          { return g.r.Name }
func (g graphRelease) TagName() string       { return g.r.Tag }
func (g graphRelease) TagPath() string       { return "/" + g.p.Path + "/-/tags/" + g.r.Tag }
func (g graphRelease) Description() any      { return orNull(g.r.Description) }
func (g graphRelease) CreatedAt() any        { return timeOrNull(g.r.CreatedAt) }
func (g graphRelease) ReleasedAt() any       { return timeOrNull(g.r.ReleasedAt) }
func (g graphRelease) UpcomingRelease() bool { return g.r.ReleasedAt.After(g.c.now) }
func (g graphRelease) Author() any           { return g.c.graphUser(g.r.Author, nil) }
func (g graphRelease) Assets() graphAssets   { return graphAssets(g) }

// Commit is what the release's tag stands for.
func (g graphRelease) Commit() any {
	if k, err := g.c.resolve(g.p, "refs/tags/"+g.r.Tag); err == nil {
		return graphCommit{g.c, g.p, k}
	}
	return nil
}

// Links are the addresses of its pages.
func (g graphRelease) Links() object {
	self := g.c.web(g.p) + "/-/releases/" + g.r.Tag
	return object{"selfUrl": self, "editUrl": self + "/edit"}
}

type graphAssets graphRelease

// Count is the links and the four archives of the sources.
func (g graphAssets) Count() int { return len(g.r.Links) + 4 }

func (g graphAssets) links() []object {
	return each(g.r.Links, func(l ReleaseLink) object {
		return object{"id": gid("Releases::Link", l.ID), "name": l.Name, "url": l.URL, "directAssetUrl": cmp.Or(l.DirectPath, l.URL), "external": true,
			"linkType": strings.ToUpper(cmp.Or(l.Kind, "other"))}
	})
}
