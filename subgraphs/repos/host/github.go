package host

import (
	"context"
	"errors"
	"strings"

	"callboard.dev/callboard/clients"
	"callboard.dev/callboard/clients/git"
	"callboard.dev/callboard/clients/github"
)

// gitHub is the driver of GitHub. It asks one request of the GraphQL interface for all that one call wants, as far as the client's bounds allow; what is
// told of commits' files and of contributors comes from the REST interface, one request for each.
type gitHub struct{ client *github.Client }

// NewGitHub returns the driver of the GitHub that the client reads.
func NewGitHub(client *github.Client) Driver { return gitHub{client} }

// Repositories takes one whose code could not be read for an error: it would be taken for one without commits.
func (d gitHub) Repositories(ctx context.Context, paths []string) ([]*Repository, []error) {
	slugs := make([]github.Slug, len(paths))
	for i, path := range paths {
		slugs[i] = slugOf(path)
	}
	found, errs := d.client.Repositories(ctx, slugs)
	for i, r := range found {
		if errs[i] != nil {
			continue
		}
		for _, m := range r.Missing {
			if ofCode[m.Field] && !errors.Is(m.Err, clients.ErrForbidden) {
				errs[i] = m.Err
			}
		}
	}
	return each(d, found, errs, repositoryOf)
}

func (d gitHub) PullRequestPages(ctx context.Context, queries []PullRequestQuery) ([]*Page[*PullRequest], []error) {
	asked := make([]github.PullRequestsQuery, len(queries))
	for i, q := range queries {
		asked[i] = github.PullRequestsQuery{Slug: slugOf(q.Repository), States: q.States, Labels: q.Labels, Base: q.Base, Head: q.Head, Order: orderOf(q.Order), Page: pageOf(q.Paging)}
	}
	found, errs := d.client.PullRequests(ctx, asked)
	return pages(d, found, errs, pullRequestsOf)
}

func pullRequestsOf(p *github.PullRequestPage) (*Page[*PullRequest], []github.Missing) {
	return gathered(p.PullRequests, p.Cursors, p.Total, p.Info, pullRequestOf), p.Missing
}

func (d gitHub) PullRequests(ctx context.Context, names []Numbered) ([]*PullRequest, []error) {
	asked := make([]github.PullRequestNumber, len(names))
	for i, n := range names {
		asked[i] = github.PullRequestNumber{Slug: slugOf(n.Repository), Number: n.Number}
	}
	found, errs := d.client.PullRequestsByNumber(ctx, asked)
	return each(d, found, errs, pullRequestOf)
}

func (d gitHub) IssuePages(ctx context.Context, queries []IssueQuery) ([]*Page[*Issue], []error) {
	asked := make([]github.IssuesQuery, len(queries))
	for i, q := range queries {
		asked[i] = github.IssuesQuery{Slug: slugOf(q.Repository), States: q.States, Labels: q.Labels, Assignee: q.Assignee, Order: orderOf(q.Order), Page: pageOf(q.Paging)}
	}
	found, errs := d.client.Issues(ctx, asked)
	return pages(d, found, errs, func(p *github.IssuePage) (*Page[*Issue], []github.Missing) {
		return gathered(p.Issues, p.Cursors, p.Total, p.Info, issueOf), p.Missing
	})
}

// ReleasePages leaves out drafts, which are shown to those alone who may publish them; how many there are in all is then not known.
func (d gitHub) ReleasePages(ctx context.Context, queries []ListQuery) ([]*Page[*Release], []error) {
	found, errs := d.client.Releases(ctx, d.lists(queries))
	return pages(d, found, errs, func(p *github.ReleasePage) (*Page[*Release], []github.Missing) {
		out := gathered(nil, nil, p.Total, p.Info, releaseOf)
		for i, r := range p.Releases {
			if r.Draft {
				out.Total = nil
				continue
			}
			out.Items, out.Cursors = append(out.Items, releaseOf(r)), append(out.Cursors, p.Cursors[i])
		}
		return out, p.Missing
	})
}

func (d gitHub) LabelPages(ctx context.Context, queries []ListQuery) ([]*Page[*Label], []error) {
	found, errs := d.client.Labels(ctx, d.lists(queries))
	return pages(d, found, errs, func(p *github.LabelPage) (*Page[*Label], []github.Missing) {
		return gathered(p.Labels, p.Cursors, p.Total, p.Info, func(l github.Label) *Label { return new(labelOf(l)) }), p.Missing
	})
}

// RefPages compares with HEAD, which is the default branch.
func (d gitHub) RefPages(ctx context.Context, queries []RefQuery) ([]*Page[*Ref], []error) {
	asked := make([]github.RefsQuery, len(queries))
	for i, q := range queries {
		asked[i] = github.RefsQuery{Slug: slugOf(q.Repository), Tags: q.Tags, Filter: q.Contains, Page: pageOf(q.Paging)}
		if q.Compare {
			asked[i].Against = "HEAD"
		}
	}
	found, errs := d.client.Refs(ctx, asked)
	return pages(d, found, errs, func(p *github.RefPage) (*Page[*Ref], []github.Missing) {
		return gathered(p.Refs, p.Cursors, p.Total, p.Info, refOf), p.Missing
	})
}

func (gitHub) lists(queries []ListQuery) []github.RepositoryPage {
	out := make([]github.RepositoryPage, len(queries))
	for i, q := range queries {
		out[i] = github.RepositoryPage{Slug: slugOf(q.Repository), Page: pageOf(q.Paging)}
	}
	return out
}

// slugOf reads a path; where it is none, the client refuses to ask.
func slugOf(path string) github.Slug {
	owner, name, _ := strings.Cut(path, "/")
	return github.Slug{Owner: owner, Name: name}
}

func pageOf(p Paging) github.Page {
	return github.Page{First: p.First, After: p.After, Last: p.Last, Before: p.Before}
}

func orderOf(o Order) github.Order {
	out := github.Order{Field: o.Field, Direction: "ASC"}
	if o.Desc {
		out.Direction = "DESC"
	}
	return out
}

// gathered returns a page of what made of each item.
func gathered[T, V any](items []T, cursors []string, total int, info github.PageInfo, made func(T) V) *Page[V] {
	out := &Page[V]{Items: make([]V, len(items)), Cursors: cursors, Total: &total, Next: info.HasNext, Prev: info.HasPrevious}
	for i, item := range items {
		out.Items[i] = made(item)
	}
	return out
}

// each returns what made of each value that there is, and the errors as said has them.
func each[T, V any](d gitHub, values []T, errs []error, made func(T) V) ([]V, []error) {
	out := make([]V, len(values))
	for i := range values {
		if errs[i] = d.said(errs[i]); errs[i] == nil {
			out[i] = made(values[i])
		}
	}
	return out, errs
}

// pages is each of pages. One that is empty because all of it was withheld is an error: it would be taken for a list of nothing.
func pages[T, V any](d gitHub, values []*T, errs []error, made func(*T) (*Page[V], []github.Missing)) ([]*Page[V], []error) {
	out := make([]*Page[V], len(values))
	for i := range values {
		if errs[i] = d.said(errs[i]); errs[i] != nil {
			continue
		}
		page, missing := made(values[i])
		if len(page.Items) == 0 && len(missing) > 0 {
			errs[i] = d.said(missing[0].Err)
			continue
		}
		out[i] = page
	}
	return out, errs
}

// said makes what the client refuses to ask for an error that names the host and tells a client of ours that its input is wrong.
func (d gitHub) said(err error) error {
	if err == nil || !errors.Is(err, github.ErrInvalid) {
		return err
	}
	if e := clients.Of(err); e != nil {
		return d.wrong(e.Message)
	}
	return d.wrong("it can have nothing like this: " + strings.TrimSuffix(err.Error(), ": "+github.ErrInvalid.Error()))
}

// wrong makes the error of a question that cannot be asked.
func (d gitHub) wrong(message string) error {
	return &clients.Error{Kind: git.ErrInvalid, Source: d.client.Source(), Message: message}
}
