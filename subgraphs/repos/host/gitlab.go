package host

import (
	"context"
	"errors"
	"fmt"
	"path"
	"strconv"
	"strings"

	"callboard.dev/callboard/clients"
	"callboard.dev/callboard/clients/git"
	"callboard.dev/callboard/clients/gitlab"
	"callboard.dev/callboard/subgraphs/upstream"
)

// NewGitLab returns the driver of a GitLab.
//
// What many projects are asked for at once is one request to GraphQL, as far as GitLab's limit on the complexity of a query allows: repositories, with
// the newest commit, the newest release and the protection of the default branch, of 100 projects, pages of 20 pull requests of 50, and 8 folders. What
// GraphQL does not have is one request to REST for each, a few at a time: a commit with its parents, histories, changed files, files, branches, tags and
// contributors.
//
// Not told are a repository's licence, which only REST has, for one project in a request, and its vulnerabilities, which are of GitLab's highest tier and
// unknown to the others, so that asking for them is another request: a page of repositories with their pull requests is to cost two. Nor is told what
// GitLab does not know: who a contributor is on GitLab, when a review was given, whether a commit is signed, and when
// somebody pushed last: PushedAt is when anything happened in the project.
func NewGitLab(client *gitlab.Client) Driver {
	return &gitLab{client: client, source: client.Source(), web: client.Web().String()}
}

// gitLab is the Driver of a GitLab.
type gitLab struct {
	client *gitlab.Client
	source string
	web    string // where its pages are, without a slash at the end
}

// refuse makes the error of what is not asked for, as it can name nothing on GitLab or is nothing that GitLab can do.
func (g *gitLab) refuse(format string, args ...any) error {
	return &clients.Error{Kind: git.ErrInvalid, Source: g.source, Message: fmt.Sprintf(format, args...)}
}

// failed is what an error of the client is to whoever asked: none where there is an answer that only lacks a part.
func (g *gitLab) failed(answered bool, err error) error {
	switch {
	case err == nil, answered && errors.Is(err, clients.ErrPartial):
		return nil
	case errors.Is(err, gitlab.ErrInvalid):
		return g.refuse("%v", err)
	}
	return err
}

// askedAtOnce bounds how many requests of one call to REST are under way, by judgement: half of what a source lets through by default, and GitHub asks not to make many.
const askedAtOnce = 4

// oneByOne asks for each of some things, a few at a time.
func oneByOne[Q, V any](questions []Q, ask func(Q) (V, error)) ([]V, []error) {
	return upstream.Each(questions, askedAtOnce, ask)
}

// Repositories makes one request for every 100 of them. One whose code could not be read is an error: it would be taken for one without commits.
func (g *gitLab) Repositories(ctx context.Context, paths []string) ([]*Repository, []error) {
	found, errs := g.client.Projects(ctx, paths)
	out := make([]*Repository, len(paths))
	for i, p := range found {
		if errs[i] = g.failed(p != nil && !p.CodeHidden, errs[i]); errs[i] == nil {
			out[i] = g.repository(p)
		}
	}
	return out, errs
}

func (g *gitLab) repository(p *gitlab.Project) *Repository {
	out := &Repository{Path: p.Path, ID: "gid://gitlab/Project/" + strconv.FormatInt(p.ID, 10), Number: p.ID, URL: p.URL, Description: p.Description, Topics: p.Topics,
		Visibility: strings.ToUpper(p.Visibility), Archived: p.Archived, Fork: p.Fork, Empty: p.Empty, Stars: p.Stars, Forks: p.Forks, CreatedAt: p.CreatedAt,
		PushedAt: p.LastActivity, DefaultBranch: p.DefaultBranch, Head: tellCommit(p.Head, false), OpenPulls: p.OpenMerges, OpenIssues: p.OpenIssues, CodeHidden: p.CodeHidden,
		Namespace: path.Dir(p.Path), RequestAccess: p.RequestAccess}
	for _, l := range p.Languages {
		out.Languages = append(out.Languages, Language{Name: l.Name, Percent: l.Share})
	}
	if p.Latest != nil {
		out.LatestRelease = tellRelease(p.Latest)
	}
	if p.Protection != nil {
		out.Protection = &Protection{Pattern: p.Protection.Rule, ForcePushes: &p.Protection.AllowForcePush}
	}
	return out
}

// tellCommit is a commit in this package's words; whole tells that GitLab was asked for its parents too.
func tellCommit(c *gitlab.Commit, whole bool) *Commit {
	if c == nil {
		return nil
	}
	out := &Commit{OID: string(c.OID), Message: c.Message, Author: Person{Name: c.Author.Name, Email: c.Author.Email, At: c.Author.At},
		Committer: Person{Name: c.Committer.Name, Email: c.Committer.Email, At: c.Committer.At}}
	if c.AuthorAccount != nil {
		out.Author.Login = c.AuthorAccount.Username
	}
	if whole {
		out.Parents = make([]string, len(c.Parents))
		for i, oid := range c.Parents {
			out.Parents[i] = string(oid)
		}
	}
	return out
}

func (g *gitLab) user(a *gitlab.Account) *User {
	if a == nil {
		return nil
	}
	out := &User{Login: a.Username, Name: a.Name, URL: a.URL, Avatar: a.Avatar}
	if strings.HasPrefix(out.Avatar, "/") && !strings.HasPrefix(out.Avatar, "//") {
		out.Avatar = g.web + out.Avatar
	}
	return out
}

func (g *gitLab) users(list []*gitlab.Account) []User {
	var out []User
	for _, a := range list {
		if u := g.user(a); u != nil {
			out = append(out, *u)
		}
	}
	return out
}

func tellRelease(r *gitlab.Release) *Release {
	return &Release{Name: r.Name, Tag: r.Tag, URL: r.URL, PublishedAt: r.ReleasedAt, Prerelease: r.Upcoming}
}

func tellLabel(l gitlab.Label) *Label {
	return &Label{Name: l.Name, Description: l.Description, Color: l.Color}
}

func tellLabels(list []gitlab.Label) []Label {
	var out []Label
	for _, l := range list {
		out = append(out, *tellLabel(l))
	}
	return out
}
