package github

import (
	"context"
	"time"
)

// Release is a release of a repository.
type Release struct {
	ID         string
	Tag        string
	Name       string // "" where it is called by its tag
	Notes      string // Markdown, its first 64 KiB
	URL        string
	Author     *Account
	Draft      bool
	Prerelease bool
	Latest     bool
	CreatedAt  time.Time
	// PublishedAt is zero for a draft.
	PublishedAt time.Time
}

type wireRelease struct {
	ID           string
	TagName      string
	Name         string
	Description  string
	URL          string
	Author       *wireUser
	IsDraft      bool
	IsPrerelease bool
	IsLatest     bool
	CreatedAt    moment
	PublishedAt  moment
}

func (wireRelease) on() string { return "Release" }

func (w *wireRelease) value() Release {
	return Release{
		ID: w.ID, Tag: cut(w.TagName, maxLine), Name: cut(w.Name, maxLine), Notes: cut(w.Description, maxBody), URL: address(w.URL), Author: w.Author.value(),
		Draft: w.IsDraft, Prerelease: w.IsPrerelease, Latest: w.IsLatest, CreatedAt: w.CreatedAt.Time, PublishedAt: w.PublishedAt.Time,
	}
}

// RepositoryPage asks for a page of what belongs to a repository.
type RepositoryPage struct {
	Slug Slug
	Page Page
}

func (q RepositoryPage) variables() (map[string]any, error) {
	v, err := q.Slug.variables()
	if err != nil {
		return nil, err
	}
	page, err := q.Page.checked()
	if err != nil {
		return nil, err
	}
	page.into(v)
	return v, nil
}

// ReleasePage is a page of releases, the newest first.
type ReleasePage struct {
	Releases []Release
	Cursors  []string // one for each
	Total    int
	Info     PageInfo
	Missing  []Missing
}

type wireReleases struct {
	Releases struct {
		TotalCount int
		PageInfo   wirePageInfo
		Edges      []*wireEdge[wireRelease]
	} `graphql:"releases(first:$first,after:$after,last:$last,before:$before,orderBy:{field:CREATED_AT,direction:DESC})"`
}

var releasesQuery = newQuery[wireReleases]("releases", "repository(owner:$owner,name:$name)", maxElements)

// Releases returns a page of each repository's releases, in one request of one point for 100 repositories.
func (c *Client) Releases(ctx context.Context, pages []RepositoryPage) ([]*ReleasePage, []error) {
	answers := all(ctx, c, releasesQuery, many{most: maxRepositories}, len(pages), func(i int) (map[string]any, error) { return pages[i].variables() })
	return split(answers, func(w *wireReleases, missing []Missing) *ReleasePage {
		page := &ReleasePage{Total: w.Releases.TotalCount, Info: w.Releases.PageInfo.value(), Missing: missing}
		page.Releases, page.Cursors = elements(w.Releases.Edges, (*wireRelease).value)
		return page
	})
}

// LabelPage is a page of labels, by name.
type LabelPage struct {
	Labels  []Label
	Cursors []string // one for each
	Total   int
	Info    PageInfo
	Missing []Missing
}

type wireLabels struct {
	Labels struct {
		TotalCount int
		PageInfo   wirePageInfo
		Edges      []*wireEdge[wireLabel]
	} `graphql:"labels(first:$first,after:$after,last:$last,before:$before,orderBy:{field:NAME,direction:ASC})"`
}

var labelsQuery = newQuery[wireLabels]("labels", "repository(owner:$owner,name:$name)", maxElements)

// Labels returns a page of each repository's labels, in one request of one point for 100 repositories.
func (c *Client) Labels(ctx context.Context, pages []RepositoryPage) ([]*LabelPage, []error) {
	answers := all(ctx, c, labelsQuery, many{most: maxRepositories}, len(pages), func(i int) (map[string]any, error) { return pages[i].variables() })
	return split(answers, func(w *wireLabels, missing []Missing) *LabelPage {
		page := &LabelPage{Total: w.Labels.TotalCount, Info: w.Labels.PageInfo.value(), Missing: missing}
		page.Labels, page.Cursors = elements(w.Labels.Edges, (*wireLabel).value)
		return page
	})
}
