package gitlab

import (
	"context"

	official "gitlab.com/gitlab-org/api/client-go/v2"

	"callboard.dev/callboard/clients"
)

// Ref is a branch or a tag, and its commit.
type Ref struct {
	Name      string  // in short
	Commit    *Commit // of an annotated tag the commit it names; nil where GitLab does not tell
	Protected bool
	Default   bool // it is the default branch
	Merged    bool // it is a branch whose commits the default branch has
	URL       string
}

// RefPage is a page of branches or tags.
type RefPage struct {
	Refs  []Ref
	Total *int // in all pages; nil where GitLab does not tell, as above 10,000
	Next  int  // the page after it; 0 where there is none
}

// RefsQuery asks for a page of branches or tags.
type RefsQuery struct {
	Project string
	Search  string // with this in the name, in any letter case; "^" and "$" stand for its beginning and end
	Page    int    // counted from 1; 1 where 0
	PerPage int    // 1 to 100; 20 where 0
}

func (q *RefsQuery) check() (official.ListOptions, error) {
	if err := checkProject(q.Project); err != nil {
		return official.ListOptions{}, err
	}
	if err := checkText("search", q.Search); err != nil {
		return official.ListOptions{}, err
	}
	return offset(q.Page, q.PerPage)
}

// Branches returns a page of a project's branches, by name. It makes one request to the REST interface.
func (c *Client) Branches(ctx context.Context, q RefsQuery) (*RefPage, error) {
	list, err := q.check()
	if err != nil {
		return nil, err
	}
	ctx = clients.WithRoute(ctx, "GET /api/v4/projects/{id}/repository/branches")
	found, resp, err := c.rest.Branches.ListBranches(q.Project, &official.ListBranchesOptions{Search: set(q.Search), ListOptions: list}, with(ctx))
	if err != nil {
		return nil, c.rested(ctx, err)
	}
	page := &RefPage{Next: next(resp), Total: total(resp)}
	for _, b := range found[:min(len(found), maxPage)] {
		if b != nil && b.Name != "" {
			page.Refs = append(page.Refs, Ref{Name: cut(b.Name, maxRef), Commit: commitOf(b.Commit), Protected: b.Protected, Default: b.Default, Merged: b.Merged, URL: cut(b.WebURL, maxLine)})
		}
	}
	return page, nil
}

// Tags returns a page of a project's tags, by name. It makes one request to the REST interface.
func (c *Client) Tags(ctx context.Context, q RefsQuery) (*RefPage, error) {
	list, err := q.check()
	if err != nil {
		return nil, err
	}
	ctx = clients.WithRoute(ctx, "GET /api/v4/projects/{id}/repository/tags")
	found, resp, err := c.rest.Tags.ListTags(q.Project, &official.ListTagsOptions{Search: set(q.Search), OrderBy: official.Ptr("name"), Sort: official.Ptr("asc"), ListOptions: list}, with(ctx))
	if err != nil {
		return nil, c.rested(ctx, err)
	}
	page := &RefPage{Next: next(resp), Total: total(resp)}
	for _, t := range found[:min(len(found), maxPage)] {
		if t != nil && t.Name != "" {
			page.Refs = append(page.Refs, Ref{Name: cut(t.Name, maxRef), Commit: commitOf(t.Commit), Protected: t.Protected, URL: c.web.String() + "/" + q.Project + "/-/tags/" + escape(t.Name)})
		}
	}
	return page, nil
}

// total returns how many elements an answer says that there are in all, nil where it does not.
func total(resp *official.Response) *int {
	if resp == nil || resp.Response == nil || resp.Header.Get("X-Total") == "" {
		return nil
	}
	return official.Ptr(int(resp.TotalItems))
}
