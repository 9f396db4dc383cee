package githubtest

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// Release is a release of a repository.
type Release struct {
	TagName, Name, Description string
	AuthorLogin                string
	IsDraft, IsPrerelease      bool
	CreatedAt, UpdatedAt       time.Time // now where zero
	PublishedAt                time.Time // CreatedAt where zero; a draft has none
	Assets                     []Asset
	DatabaseID                 int

	repository *Repository
	author     *User
}

// Asset is a file that belongs to a release.
type Asset struct {
	Name, ContentType    string
	Size, DownloadCount  int // Size in bytes
	CreatedAt, UpdatedAt time.Time

	databaseID int
	release    *Release
}

// GraphQLType implements clientstest.Typed.
func (*Asset) GraphQLType() string { return "ReleaseAsset" }

// AddRelease publishes a release, or keeps it as a draft.
func (g *GitHub) AddRelease(repository string, r Release) (*Release, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	repo, err := g.find(repository)
	if err != nil {
		return nil, fmt.Errorf("adding a release: %w", err)
	}
	if r.author = g.state.users[strings.ToLower(r.AuthorLogin)]; r.author == nil {
		return nil, fmt.Errorf("adding a release to %s: user %q: %w", repository, r.AuthorLogin, ErrUnknown)
	}
	if r.TagName == "" || repo.release(r.TagName) != nil {
		return nil, refuse("adding a release to %s: tag %q has one, or is none", repository, r.TagName)
	}
	r.repository, r.Assets = repo, slices.Clone(r.Assets)
	g.stamp(&r.CreatedAt, &r.UpdatedAt, &r.DatabaseID)
	switch {
	case r.IsDraft:
		r.PublishedAt = time.Time{}
	case r.PublishedAt.IsZero():
		r.PublishedAt = r.CreatedAt
	}
	for i := range r.Assets {
		a := &r.Assets[i]
		a.release = &r
		if a.CreatedAt.IsZero() {
			a.CreatedAt = r.CreatedAt
		}
		g.stamp(&a.CreatedAt, &a.UpdatedAt, &a.databaseID)
	}
	repo.releases = append(repo.releases, &r)
	g.register(&r)
	if !r.IsDraft {
		g.hooks.release(&r, "published")
	}
	return &r, nil
}

func (r *Repository) release(tag string) *Release {
	for _, one := range r.releases {
		if one.TagName == tag {
			return one
		}
	}
	return nil
}

// latest returns the release that GitHub shows as the latest: the newest that is neither a draft nor a prerelease.
func (r *Repository) latest() *Release {
	var found *Release
	for _, one := range r.releases {
		if !one.IsDraft && !one.IsPrerelease && (found == nil || !one.CreatedAt.Before(found.CreatedAt)) {
			found = one
		}
	}
	return found
}

// IsLatest reports whether it is the release that GitHub shows as the latest.
func (r *Release) IsLatest() bool { return r.repository.latest() == r }
