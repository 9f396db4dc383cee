// Package host says what repository hosts such as GitHub and GitLab know, in one vocabulary. Names go in, what the hosts say of them comes out, each
// value with the state it is in: said just now, remembered, or not known and why.
//
// The one rule: everything is asked for in batches, and nothing twice: a driver is called once for all that one level of a query wants of its host and that
// is not remembered.
//
// Open vocabulary.go first, for what is said; then driver.go, for what each kind of host has to answer; load.go is how answers are remembered.
package host

import (
	"context"
	"net/url"
	"strings"

	"callboard.dev/callboard/clients"
	"callboard.dev/callboard/clients/git"
	"callboard.dev/callboard/subgraphs/forge"
	"callboard.dev/callboard/subgraphs/upstream"
)

// Host is one configured repository host. It is immutable.
type Host struct {
	*forge.Host

	source *clients.Source
	driver Driver
}

// New returns the host whose pages lie at web, reached through the source by the driver.
func New(provider forge.Provider, web *url.URL, source *clients.Source, driver Driver) *Host {
	return &Host{Host: forge.New(source.Settings().Name, provider, web), source: source, driver: driver}
}

// Loaded is what became of one value that was asked for.
type Loaded[T any] = upstream.Loaded[T]

// Repositories returns what the host says of the repositories with these paths, in their order.
func (h *Host) Repositories(ctx context.Context, paths []string) []Loaded[*Repository] {
	return load(ctx, h, KindRepository, paths, func(path string) (string, []string) { return strings.ToLower(path), h.tags(path) }, h.driver.Repositories)
}

// PullRequestPages returns pages of pull requests, in the order of the queries.
func (h *Host) PullRequestPages(ctx context.Context, queries []PullRequestQuery) []Loaded[*Page[*PullRequest]] {
	return load(ctx, h, KindPullRequests, queries, func(q PullRequestQuery) (string, []string) { return NameOf(q), h.tags(q.Repository) }, h.driver.PullRequestPages)
}

// PullRequests returns single pull requests.
func (h *Host) PullRequests(ctx context.Context, names []Numbered) []Loaded[*PullRequest] {
	return load(ctx, h, KindPullRequest, names, func(n Numbered) (string, []string) { return NameOf(n), h.tags(n.Repository) }, h.driver.PullRequests)
}

// IssuePages returns pages of the tracker's issues, in the order of the queries.
func (h *Host) IssuePages(ctx context.Context, queries []IssueQuery) []Loaded[*Page[*Issue]] {
	return load(ctx, h, KindIssues, queries, func(q IssueQuery) (string, []string) { return NameOf(q), h.tags(q.Repository) }, h.driver.IssuePages)
}

// ReleasePages returns pages of releases, the newest first.
func (h *Host) ReleasePages(ctx context.Context, queries []ListQuery) []Loaded[*Page[*Release]] {
	return load(ctx, h, KindReleases, queries, func(q ListQuery) (string, []string) { return NameOf(q), h.tags(q.Repository) }, h.driver.ReleasePages)
}

// LabelPages returns pages of labels, sorted by name.
func (h *Host) LabelPages(ctx context.Context, queries []ListQuery) []Loaded[*Page[*Label]] {
	return load(ctx, h, KindLabels, queries, func(q ListQuery) (string, []string) { return NameOf(q), h.tags(q.Repository) }, h.driver.LabelPages)
}

// RefPages returns pages of branches or tags, sorted by name.
func (h *Host) RefPages(ctx context.Context, queries []RefQuery) []Loaded[*Page[*Ref]] {
	return load(ctx, h, KindRefs, queries, func(q RefQuery) (string, []string) { return NameOf(q), h.tags(q.Repository) }, h.driver.RefPages)
}

// Searches returns pages of pull requests of people and teams.
func (h *Host) Searches(ctx context.Context, searches []Search) []Loaded[*Page[*PullRequest]] {
	return load(ctx, h, KindSearch, searches, func(s Search) (string, []string) { return NameOf(s), []string{h.tag(), h.searchTag()} }, h.driver.Searches)
}

// Resolve returns the commits that refs name: a branch, a tag, an object id, or nothing for the newest commit of the default branch.
func (h *Host) Resolve(ctx context.Context, refs []NamedRef) []Loaded[*Commit] {
	return load(ctx, h, KindRef, refs, func(r NamedRef) (string, []string) { return NameOf(r), h.tags(r.Repository) }, h.driver.Resolve)
}

// Commits returns the commits with these ids.
func (h *Host) Commits(ctx context.Context, names []NamedObject) []Loaded[*Commit] {
	return load(ctx, h, KindCommit, names, func(n NamedObject) (string, []string) { return NameOf(n), nil }, h.driver.Commits)
}

// Histories returns commits that can be reached from others.
func (h *Host) Histories(ctx context.Context, queries []HistoryQuery) []Loaded[*Page[*Commit]] {
	return load(ctx, h, KindHistory, queries, func(q HistoryQuery) (string, []string) { return NameOf(q), nil }, h.driver.Histories)
}

// Changes returns the files that commits changed.
func (h *Host) Changes(ctx context.Context, names []NamedObject) []Loaded[[]git.ChangedFile] {
	return load(ctx, h, KindChanges, names, func(n NamedObject) (string, []string) { return NameOf(n), nil }, h.driver.Changes)
}

// Trees returns what is in folders.
func (h *Host) Trees(ctx context.Context, folders []Folder) []Loaded[[]TreeEntry] {
	return load(ctx, h, KindTree, folders, func(f Folder) (string, []string) { return NameOf(f), nil }, h.driver.Trees)
}

// Blobs returns the contents of files.
func (h *Host) Blobs(ctx context.Context, names []NamedObject) []Loaded[*Blob] {
	return load(ctx, h, KindBlob, names, func(n NamedObject) (string, []string) { return NameOf(n), nil }, h.driver.Blobs)
}

// Contributors returns who wrote the commits of the default branches.
func (h *Host) Contributors(ctx context.Context, repositories []string) []Loaded[[]Contributor] {
	return load(ctx, h, KindContributors, repositories, func(path string) (string, []string) { return strings.ToLower(path), h.tags(path) }, h.driver.Contributors)
}

// Changed is what a webhook says has changed.
type Changed struct {
	Repositories []string // paths; of one that was renamed, the old one too
	PullRequests bool     // a pull request, or a review of one
}

// Outdated returns the tags of all that is remembered and no longer so, for Invalidate of the cache.
func (h *Host) Outdated(c Changed) []string {
	var out []string
	for _, path := range c.Repositories {
		out = append(out, RepositoryTag(h.Name, path))
	}
	if c.PullRequests {
		out = append(out, h.searchTag())
	}
	return out
}

// tag is that of everything of the host.
func (h *Host) tag() string { return "source:" + h.Name }

// searchTag is that of searches, which are of no one repository.
func (h *Host) searchTag() string { return "search:" + h.Name }

// tags are the tags of everything that belongs to a repository.
func (h *Host) tags(repository string) []string {
	return []string{h.tag(), RepositoryTag(h.Name, repository)}
}

// RepositoryTag is what Invalidate of the cache is given when something of a repository has changed.
func RepositoryTag(source, path string) string {
	return "repository:" + source + "/" + strings.ToLower(path)
}
