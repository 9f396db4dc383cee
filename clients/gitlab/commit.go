package gitlab

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	official "gitlab.com/gitlab-org/api/client-go/v2"

	"callboard.dev/callboard/clients"
	"callboard.dev/callboard/clients/git"
)

// Account is somebody on GitLab.
type Account struct {
	Username string
	Name     string
	URL      string
	Avatar   string // address of a picture, or its path on the GitLab: some tell it without their name
}

type wireUser struct{ Username, Name, WebURL, AvatarURL string }

const userFields = "username name webUrl avatarUrl"

func (w *wireUser) value() *Account {
	if w == nil || w.Username == "" {
		return nil
	}
	return &Account{Username: cut(w.Username, maxLine), Name: cut(w.Name, maxLine), URL: cut(w.WebURL, maxLine), Avatar: cut(w.AvatarURL, maxLine)}
}

func accountOf(u *official.BasicUser) *Account {
	if u == nil {
		return nil
	}
	return (&wireUser{u.Username, u.Name, u.WebURL, u.AvatarURL}).value()
}

// Commit is a commit with what GitLab knows of it beside git. Of the commit itself GitLab tells neither the tree nor whether it is signed, and
// GraphQL not the parents.
type Commit struct {
	git.Commit
	AuthorAccount *Account // nil where GitLab does not know whose address it is, and where REST was asked
	URL           string
}

const commitFields = `
fragment commit on Commit { sha message webUrl authoredDate committedDate authorName authorEmail committerName committerEmail author { ` + userFields + ` } }`

type wireCommit struct {
	SHA, Message, WebURL                                   string
	AuthoredDate, CommittedDate                            moment
	AuthorName, AuthorEmail, CommitterName, CommitterEmail string
	Author                                                 *wireUser
}

func (w *wireCommit) value() *Commit {
	if w == nil {
		return nil
	}
	oid, ok := git.ParseOID(w.SHA)
	if !ok {
		return nil
	}
	return &Commit{Commit: git.Commit{OID: oid, Message: cut(w.Message, maxText), Author: person(w.AuthorName, w.AuthorEmail, w.AuthoredDate.Time),
		Committer: person(w.CommitterName, w.CommitterEmail, w.CommittedDate.Time)}, AuthorAccount: w.Author.value(), URL: cut(w.WebURL, maxLine)}
}

func person(name, email string, at time.Time) git.Person {
	return git.Person{Name: cut(name, maxLine), Email: cut(email, maxLine), At: at}
}

// maxParents is how many parents of a commit are kept.
const maxParents = 64

func commitOf(k *official.Commit) *Commit {
	if k == nil {
		return nil
	}
	oid, ok := git.ParseOID(k.ID)
	if !ok {
		return nil
	}
	out := &Commit{URL: cut(k.WebURL, maxLine), Commit: git.Commit{OID: oid, Message: cut(k.Message, maxText), Author: person(k.AuthorName, k.AuthorEmail, timeOf(k.AuthoredDate)),
		Committer: person(k.CommitterName, k.CommitterEmail, timeOf(k.CommittedDate))}}
	for _, parent := range k.ParentIDs[:min(len(k.ParentIDs), maxParents)] {
		if oid, ok := git.ParseOID(parent); ok {
			out.Parents = append(out.Parents, oid)
		}
	}
	return out
}

func timeOf(t *time.Time) time.Time {
	if t == nil {
		return time.Time{}
	}
	return *t
}

// Revision names a commit of a project: by its object id, in full or abbreviated, or by a branch or tag.
type Revision struct {
	Project string
	Name    string // the head of the default branch where empty
}

// maxRevisions is how many commits are asked for in one query: each is of complexity 20, and 200 is the least of GitLab's limits.
const maxRevisions = 9

type wireHead struct {
	FullPath   string
	Repository *struct {
		Tree *struct{ LastCommit *wireCommit }
	}
}

func (w *wireHead) path() string { return w.FullPath }

// Commits returns the commits that the revisions stand for, each with the error it has instead. It makes one request for every 100 that have the
// same name in different projects, and one for every 9 of all others.
func (c *Client) Commits(ctx context.Context, revisions []Revision) ([]*Commit, []error) {
	out, errs := make([]*Commit, len(revisions)), make([]error, len(revisions))
	named := map[string][]int{}
	for i, r := range revisions {
		if errs[i] = checkProject(r.Project); errs[i] == nil && r.Name != "" {
			errs[i] = checkRef(r.Name)
		}
		if errs[i] == nil {
			named[r.Name] = append(named[r.Name], i)
		}
	}
	var wanted []int
	for _, name := range slices.Sorted(maps.Keys(named)) {
		places := named[name]
		if len(places) <= maxRevisions {
			wanted = append(wanted, places...)
			continue
		}
		q := many{name: "heads", fragment: "head", declared: "$ref: String ", variables: map[string]any{},
			fields: "\nfragment head on Project { fullPath repository { tree(ref: $ref) { lastCommit { ...commit } } } }" + commitFields}
		if name != "" {
			q.variables["ref"] = name
		}
		projects := make([]string, len(places))
		for n, i := range places {
			projects[n] = revisions[i].Project
		}
		found, failed := byPath[wireHead](ctx, c, q, projects)
		for n, i := range places {
			if w := found[n]; w != nil && w.Repository != nil && w.Repository.Tree != nil {
				out[i] = w.Repository.Tree.LastCommit.value()
			}
			if errs[i] = failed[n]; out[i] == nil && errs[i] == nil {
				errs[i] = c.absent("commit")
			} else if out[i] != nil {
				errs[i] = nil
			}
		}
	}
	for len(wanted) > 0 {
		batch := wanted[:min(len(wanted), maxRevisions)]
		wanted = wanted[len(batch):]
		var arguments, text strings.Builder
		variables := map[string]any{}
		for n, i := range batch {
			fmt.Fprintf(&arguments, "$p%d: ID! $r%d: String ", n, n)
			fmt.Fprintf(&text, "  c%d: project(fullPath: $p%d) { repository { tree(ref: $r%d) { lastCommit { ...commit } } } }\n", n, n, n)
			variables[fmt.Sprintf("p%d", n)] = revisions[i].Project
			if revisions[i].Name != "" {
				variables[fmt.Sprintf("r%d", n)] = revisions[i].Name
			}
		}
		answer := map[string]*struct {
			Repository *struct {
				Tree *struct{ LastCommit *wireCommit }
			}
		}{}
		below, err := c.query(ctx, "commits", "query commits("+arguments.String()+") {\n"+text.String()+"}"+commitFields, variables, &answer)
		for n, i := range batch {
			key := fmt.Sprintf("c%d", n)
			if found := answer[key]; found != nil && found.Repository != nil && found.Repository.Tree != nil {
				out[i] = found.Repository.Tree.LastCommit.value()
			}
			switch e := below[key]; {
			case err != nil:
				errs[i] = err
			case out[i] == nil && e != nil:
				errs[i] = e
			case out[i] == nil:
				errs[i] = c.absent("commit")
			}
		}
	}
	return out, errs
}

// Commit returns the commit with an object id, with its parents. It makes one request to the REST interface.
func (c *Client) Commit(ctx context.Context, project string, id git.OID) (*Commit, error) {
	if err := checkProject(project); err != nil {
		return nil, err
	}
	oid, ok := git.ParseOID(string(id))
	if !ok {
		return nil, invalid("object id", string(id))
	}
	ctx = clients.WithRoute(ctx, "GET /api/v4/projects/{id}/repository/commits/{sha}")
	found, _, err := c.rest.Commits.GetCommit(project, string(oid), &official.GetCommitOptions{Stats: official.Ptr(false)}, with(ctx))
	if err != nil {
		return nil, c.rested(ctx, err)
	}
	commit := commitOf(found)
	if commit == nil || commit.OID != oid {
		return nil, bad(c.source, "its answer is not what it should be")
	}
	return commit, nil
}

// HistoryQuery asks for a page of the commits that are reachable from a revision.
type HistoryQuery struct {
	Project      string
	Revision     string    // a branch, a tag or an object id; the default branch where empty
	Path         string    // only commits that changed this file or folder; all where empty
	Author       string    // only of authors whose name or address holds this; of all where empty
	Since, Until time.Time // only commits committed then; zero means no bound
	Page         int       // counted from 1; 1 where 0
	PerPage      int       // 1 to 100; 20 where 0
}

// HistoryPage is a page of commits, the newest first. GitLab does not say how many there are in all.
type HistoryPage struct {
	Commits []*Commit
	Next    int // the page after it; 0 where there is none
}

// maxPages is how far lists are read page by page; GitLab's own limit on offsets is 50,000 elements.
const maxPages = 500

// History returns a page of commits. It makes one request to the REST interface.
func (c *Client) History(ctx context.Context, q HistoryQuery) (*HistoryPage, error) {
	if err := checkProject(q.Project); err != nil {
		return nil, err
	}
	path, err := cleanPath(q.Path)
	if err != nil {
		return nil, err
	}
	if err := checkText("author", q.Author); err != nil {
		return nil, err
	}
	options := &official.ListCommitsOptions{}
	if options.ListOptions, err = offset(q.Page, q.PerPage); err != nil {
		return nil, err
	}
	if q.Revision != "" {
		if err := checkRef(q.Revision); err != nil {
			return nil, err
		}
		options.RefName = &q.Revision
	}
	options.Path, options.Author = set(path), set(q.Author)
	if !q.Since.IsZero() {
		options.Since = &q.Since
	}
	if !q.Until.IsZero() {
		options.Until = &q.Until
	}
	return c.history(ctx, q.Project, options)
}

func (c *Client) history(ctx context.Context, project string, options *official.ListCommitsOptions) (*HistoryPage, error) {
	ctx = clients.WithRoute(ctx, "GET /api/v4/projects/{id}/repository/commits")
	commits, resp, err := c.rest.Commits.ListCommits(project, options, with(ctx))
	if err != nil {
		return nil, c.rested(ctx, err)
	}
	page := &HistoryPage{Next: next(resp)}
	for _, k := range commits[:min(len(commits), maxPage)] {
		if commit := commitOf(k); commit != nil {
			page.Commits = append(page.Commits, commit)
		}
	}
	return page, nil
}

// offset makes the options of a page that is counted.
func offset(page, perPage int) (official.ListOptions, error) {
	if page < 0 || page > maxPages || perPage < 0 || perPage > maxPage {
		return official.ListOptions{}, invalid("page", fmt.Sprintf("%d of %d elements each", page, perPage))
	}
	if perPage == 0 {
		perPage = usualPage
	}
	return official.ListOptions{Page: int64(max(page, 1)), PerPage: int64(perPage)}, nil
}

// next returns the number of the page after an answer's, 0 where there is none that may be asked for.
func next(resp *official.Response) int {
	if resp == nil || resp.NextPage <= 0 || resp.NextPage > maxPages {
		return 0
	}
	return int(resp.NextPage)
}

// set is an option that is left out where it is empty.
func set(text string) *string {
	if text == "" {
		return nil
	}
	return &text
}

// Comparison is how two commits stand to each other.
type Comparison struct {
	git.Divergence      // of head against base
	Complete       bool // it was counted to the end
}

// maxComparedPages bounds how far a divergence is counted, each way: 500 commits. Whoever is further apart is told so.
const maxComparedPages = 5

// Compare counts how many commits head has that base has not, and the other way round; both are branches, tags or object ids. It makes one
// request to the REST interface for every 100 commits of each way, at most five each. GitLab's own comparison is not asked for: it holds every
// changed line.
func (c *Client) Compare(ctx context.Context, project, base, head string) (*Comparison, error) {
	if err := checkProject(project); err != nil {
		return nil, err
	}
	for _, ref := range []string{base, head} {
		if err := checkRef(ref); err != nil {
			return nil, err
		}
	}
	out := &Comparison{Complete: true}
	for _, way := range []struct {
		span string
		into *int
	}{{base + ".." + head, &out.Ahead}, {head + ".." + base, &out.Behind}} {
		page := 1
		for page != 0 {
			if page > maxComparedPages {
				out.Complete = false
				break
			}
			found, err := c.history(ctx, project, &official.ListCommitsOptions{RefName: &way.span, ListOptions: official.ListOptions{Page: int64(page), PerPage: maxPage}})
			if err != nil {
				return nil, err
			}
			*way.into += len(found.Commits)
			if found.Next != 0 && found.Next != page+1 {
				return nil, bad(c.source, "the pages of its answer are not in order")
			}
			page = found.Next
		}
	}
	return out, nil
}

// Contributor is somebody who wrote commits of a project.
type Contributor struct {
	Name, Email string
	Commits     int
}

// maxContributorPages bounds a list of contributors.
const maxContributorPages = 5

// Contributors returns who wrote the commits of the default branch, the most commits first, and whether these are all: the first 500. It makes
// one request to the REST interface for each 100, at most five.
func (c *Client) Contributors(ctx context.Context, project string) ([]Contributor, bool, error) {
	if err := checkProject(project); err != nil {
		return nil, false, err
	}
	ctx = clients.WithRoute(ctx, "GET /api/v4/projects/{id}/repository/contributors")
	var out []Contributor
	for page := 1; page <= maxContributorPages; page++ {
		found, resp, err := c.rest.Repositories.Contributors(project, &official.ListContributorsOptions{OrderBy: official.Ptr("commits"), Sort: official.Ptr("desc"),
			ListOptions: official.ListOptions{Page: int64(page), PerPage: maxPage}}, with(ctx))
		if err != nil {
			return nil, false, c.rested(ctx, err)
		}
		for _, one := range found[:min(len(found), maxPage)] {
			if one != nil {
				out = append(out, Contributor{Name: cut(one.Name, maxLine), Email: cut(one.Email, maxLine), Commits: int(one.Commits)})
			}
		}
		if next(resp) == 0 || len(found) == 0 {
			return out, true, nil
		}
	}
	return out, false, nil
}
