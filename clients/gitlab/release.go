package gitlab

import (
	"context"
	"strings"
	"time"

	"callboard.dev/callboard/clients"
	"callboard.dev/callboard/clients/git"
)

// Release is a release of a project.
type Release struct {
	Tag         string
	Name        string
	Description string // Markdown, its first 64 KiB
	URL         string
	Author      *Account
	Commit      git.OID // "" where the tag is no more, or the credential may not see the code
	CreatedAt   time.Time
	ReleasedAt  time.Time
	Upcoming    bool // ReleasedAt is yet to come
	Assets      int  // links, and archives of the sources
}

// ReleasePage is a page of releases, the latest first.
type ReleasePage struct {
	Releases []*Release
	Cursors  []string // one for each
	Total    int
	Info     PageInfo
}

type wireRelease struct {
	TagName, Name, Description string
	CreatedAt, ReleasedAt      moment
	UpcomingRelease            bool
	Author                     *wireUser
	Commit                     *struct{ SHA string }
	Links                      *struct{ SelfURL string }
	Assets                     *struct{ Count int }
}

// releaseWeight is the complexity of releaseFields.
const (
	releaseFields = "tagName name description createdAt releasedAt upcomingRelease author { " + userFields + " } commit { sha } links { selfUrl } assets { count }"
	releaseWeight = 26
)

func (w *wireRelease) value() *Release {
	r := &Release{Tag: cut(w.TagName, maxRef), Name: cut(w.Name, maxLine), Description: cut(w.Description, maxText), Author: w.Author.value(), CreatedAt: w.CreatedAt.Time,
		ReleasedAt: w.ReleasedAt.Time, Upcoming: w.UpcomingRelease}
	if w.Commit != nil {
		r.Commit, _ = git.ParseOID(w.Commit.SHA)
	}
	if w.Links != nil {
		r.URL = cut(w.Links.SelfURL, maxLine)
	}
	if w.Assets != nil {
		r.Assets = w.Assets.Count
	}
	return r
}

type wireReleases struct {
	FullPath string
	Releases *connection[wireRelease]
}

func (w *wireReleases) path() string { return w.FullPath }

// Releases returns pages of projects' releases, each with the error it has instead, or with one of kind clients.ErrPartial. It makes one request
// for every 50 projects with pages of the same size and place, for every 20 where the pages are of 100.
func (c *Client) Releases(ctx context.Context, queries []ListQuery) ([]*ReleasePage, []error) {
	found, errs := paged[ListQuery, wireReleases](ctx, c, queries, func(q ListQuery) (string, many, error) {
		return q.question("releases", "sort: RELEASED_AT_DESC", releaseFields, releaseWeight)
	})
	out := make([]*ReleasePage, len(queries))
	for i, w := range found {
		switch {
		case w == nil:
		case w.Releases != nil:
			out[i] = &ReleasePage{Total: w.Releases.Count, Info: w.Releases.PageInfo.value()}
			out[i].Releases, out[i].Cursors = elements(w.Releases, (*wireRelease).value)
		case errs[i] == nil:
			errs[i] = c.absent("list of releases")
		}
	}
	return out, errs
}

// Protection is how a branch is protected.
type Protection struct {
	Branch         string // the branch that was asked for: the default branch
	Rule           string // the name of the rule, which may be a pattern with "*"
	AllowForcePush bool
	Push, Merge    []string // who may, in GitLab's words, such as "Maintainers"
}

// maxRules is how many rules of a project are looked at.
const maxRules = 50

const protectionFields = `
fragment protection on Project {
  fullPath
  repository { rootRef }
  branchRules(first: 50) { nodes { name isProtected branchProtection {
    allowForcePush
    pushAccessLevels { nodes { accessLevelDescription } }
    mergeAccessLevels { nodes { accessLevelDescription } }
  } } }
}`

type wireLevel struct{ AccessLevelDescription string }

type wireProtection struct {
	FullPath    string
	Repository  *struct{ RootRef string }
	BranchRules *nodes[wireRule]
}

type wireRule struct {
	Name             string
	IsProtected      bool
	BranchProtection *struct {
		AllowForcePush                      bool
		PushAccessLevels, MergeAccessLevels *nodes[wireLevel]
	}
}

func (w *wireProtection) path() string { return w.FullPath }

// Protections returns how the default branch of each project is protected, nil without an error where it is not. Of several rules that stand
// for it the one with its name counts, then the first. It makes one request for every 100 projects. Only a maintainer of a project learns of it:
// to others it is an error of kind clients.ErrForbidden.
func (c *Client) Protections(ctx context.Context, projects []string) ([]*Protection, []error) {
	found, errs := byPath[wireProtection](ctx, c, many{name: "protections", fragment: "protection", fields: protectionFields}, projects)
	out := make([]*Protection, len(projects))
	for i, w := range found {
		switch {
		case w == nil || errs[i] != nil:
		case w.BranchRules == nil:
			errs[i] = &clients.Error{Kind: clients.ErrForbidden, Source: c.source, Message: "it tells of protected branches to maintainers of the project only"}
		case w.Repository != nil && w.Repository.RootRef != "":
			out[i] = protectionOf(w.Repository.RootRef, w.BranchRules.Nodes)
		}
	}
	return out, errs
}

func protectionOf(branch string, rules []*wireRule) *Protection {
	var best *wireRule
	for _, r := range rules[:min(len(rules), maxRules)] {
		if r != nil && r.IsProtected && r.BranchProtection != nil && stands(r.Name, branch) && (best == nil || r.Name == branch) {
			best = r
		}
	}
	if best == nil {
		return nil
	}
	words := func(l *wireLevel) string { return cut(l.AccessLevelDescription, maxLine) }
	p := best.BranchProtection
	return &Protection{Branch: cut(branch, maxRef), Rule: cut(best.Name, maxRef), AllowForcePush: p.AllowForcePush, Push: each(p.PushAccessLevels, words), Merge: each(p.MergeAccessLevels, words)}
}

// stands reports whether the name of a rule stands for a branch: "*" is any text.
func stands(rule, branch string) bool {
	parts := strings.Split(rule, "*")
	if len(parts) == 1 {
		return rule == branch
	}
	rest, ok := strings.CutPrefix(branch, parts[0])
	if !ok {
		return false
	}
	for _, part := range parts[1 : len(parts)-1] {
		_, after, found := strings.Cut(rest, part)
		if !found {
			return false
		}
		rest = after
	}
	return strings.HasSuffix(rest, parts[len(parts)-1])
}
