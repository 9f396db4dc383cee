package gitlab

import (
	"context"
	"strconv"

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
	Refs []Ref
	Next string // After of the page after it; "" where there is none
}

// RefsQuery asks for a page of branches or tags.
type RefsQuery struct {
	Project string
	Search  string // with this in the name; "^" and "$" stand for its beginning and end
	After   string // where the page before ended
	PerPage int    // 1 to 100; 20 where 0
}

func (q *RefsQuery) check() error {
	if err := checkProject(q.Project); err != nil {
		return err
	}
	if err := checkText("search", q.Search); err != nil {
		return err
	}
	if q.PerPage < 0 || q.PerPage > maxPage || len(q.After) > maxCursor {
		return invalid("page", strconv.Itoa(q.PerPage))
	}
	if q.PerPage == 0 {
		q.PerPage = usualPage
	}
	return nil
}

// Branches returns a page of a project's branches, by name. It makes one request to the REST interface.
func (c *Client) Branches(ctx context.Context, q RefsQuery) (*RefPage, error) {
	if err := q.check(); err != nil {
		return nil, err
	}
	ctx = clients.WithRoute(ctx, "GET /api/v4/projects/{id}/repository/branches")
	found, resp, err := c.rest.Branches.ListBranches(q.Project, &official.ListBranchesOptions{Search: set(q.Search),
		ListOptions: official.ListOptions{Pagination: "keyset", PerPage: int64(q.PerPage), PageToken: q.After}}, with(ctx))
	if err != nil {
		return nil, c.rested(ctx, err)
	}
	page := &RefPage{Next: nextToken(resp)}
	for _, b := range found[:min(len(found), maxPage)] {
		if b != nil && b.Name != "" {
			page.Refs = append(page.Refs, Ref{Name: cut(b.Name, maxRef), Commit: commitOf(b.Commit), Protected: b.Protected, Default: b.Default, Merged: b.Merged, URL: cut(b.WebURL, maxLine)})
		}
	}
	return page, nil
}

// Tags returns a page of a project's tags, the latest first. It makes one request to the REST interface.
func (c *Client) Tags(ctx context.Context, q RefsQuery) (*RefPage, error) {
	if err := q.check(); err != nil {
		return nil, err
	}
	number := 1
	if q.After != "" {
		var err error
		if number, err = strconv.Atoi(q.After); err != nil {
			return nil, invalid("page", q.After)
		}
	}
	list, err := offset(number, q.PerPage)
	if err != nil {
		return nil, err
	}
	ctx = clients.WithRoute(ctx, "GET /api/v4/projects/{id}/repository/tags")
	found, resp, err := c.rest.Tags.ListTags(q.Project, &official.ListTagsOptions{Search: set(q.Search), OrderBy: official.Ptr("updated"), Sort: official.Ptr("desc"), ListOptions: list}, with(ctx))
	if err != nil {
		return nil, c.rested(ctx, err)
	}
	page := &RefPage{}
	if after := next(resp); after != 0 {
		page.Next = strconv.Itoa(after)
	}
	for _, t := range found[:min(len(found), maxPage)] {
		if t != nil && t.Name != "" {
			page.Refs = append(page.Refs, Ref{Name: cut(t.Name, maxRef), Commit: commitOf(t.Commit), Protected: t.Protected, URL: c.web.String() + "/" + q.Project + "/-/tags/" + escape(t.Name)})
		}
	}
	return page, nil
}
