package host

import (
	"context"

	"callboard.dev/callboard/clients/git"
)

// Driver is what a kind of host has to answer. Every method that takes a list answers for all of it at once, in its order, one result and one error each;
// an error with clients.ErrNotFound says that there is no such thing. A driver remembers nothing and never asks twice: that is done for it.
type Driver interface {
	Repositories(ctx context.Context, paths []string) ([]*Repository, []error)
	PullRequestPages(ctx context.Context, queries []PullRequestQuery) ([]*Page[*PullRequest], []error)
	PullRequests(ctx context.Context, names []Numbered) ([]*PullRequest, []error)
	IssuePages(ctx context.Context, queries []IssueQuery) ([]*Page[*Issue], []error)
	ReleasePages(ctx context.Context, queries []ListQuery) ([]*Page[*Release], []error)
	LabelPages(ctx context.Context, queries []ListQuery) ([]*Page[*Label], []error)
	RefPages(ctx context.Context, queries []RefQuery) ([]*Page[*Ref], []error)
	Searches(ctx context.Context, searches []Search) ([]*Page[*PullRequest], []error)
	Resolve(ctx context.Context, refs []NamedRef) ([]*Commit, []error)

	// What follows is named by object ids, and so stays what it is. Repositories are named by their paths.

	Commits(ctx context.Context, names []NamedObject) ([]*Commit, []error)
	// Histories returns commits that can be reached from others, the newest first.
	Histories(ctx context.Context, queries []HistoryQuery) ([]*Page[*Commit], []error)
	Changes(ctx context.Context, names []NamedObject) ([][]git.ChangedFile, []error)
	Trees(ctx context.Context, folders []Folder) ([][]TreeEntry, []error)
	Blobs(ctx context.Context, names []NamedObject) ([]*Blob, []error)

	// Contributors returns who wrote the commits of the default branches, those with the most first.
	Contributors(ctx context.Context, repositories []string) ([][]Contributor, []error)
}

// TreeEntry is an entry of a folder.
type TreeEntry struct {
	Name, OID string
	Kind      git.Kind
	Size      *int64 // of a file; nil where the host does not tell
}

// Blob is the content of a file.
type Blob struct {
	OID  string
	Size int64
	Data []byte // the beginning; all of it where it has Size bytes
}
