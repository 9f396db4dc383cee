package view

import (
	"context"
	"time"

	"callboard.dev/callboard/clients/git"
	"callboard.dev/callboard/subgraphs/relay"
)

// facts is what is known about one repository, wherever that is: on a disk or at a host. Errors are ready for clients.
type facts interface {
	// What the refs are now: one request sees them as they were when it first looked.

	// defaultBranch returns the name of the branch that work goes to, "" for none.
	defaultBranch(ctx context.Context) (string, error)
	// head returns the newest commit, nil for none.
	head(ctx context.Context) (*git.Commit, error)
	// resolve returns the commit that a branch, a tag or an object id names; that of head where the ref is empty.
	resolve(ctx context.Context, ref string) (*git.Commit, error)
	// refs returns some branches or tags; compared tells that they will be compared with the default branch.
	refs(ctx context.Context, tags bool, contains string, args relay.Args, compared bool) (*refPage, error)
	// lastActivity returns when something was pushed or committed last, zero where nothing was.
	lastActivity(ctx context.Context) (time.Time, error)

	// What object ids name, which stays what it is.

	// known returns the commit where it costs nothing, else nil.
	known(oid git.OID) *git.Commit
	// whole returns the commit with its parents, which the way to it may not have told.
	whole(ctx context.Context, commit *git.Commit) (*git.Commit, error)
	// signed tells whether the commit carries a signature, nil where nobody told.
	signed(commit *git.Commit) *bool
	// commits returns the commits with the ids, nil for each that is not there.
	commits(ctx context.Context, oids []git.OID) ([]*git.Commit, error)
	history(ctx context.Context, start git.OID, filter git.Filter, after string, n int) (*historyPage, error)
	// count returns how many commits a history has, nil where that is not to be had.
	count(ctx context.Context, start git.OID, filter git.Filter) (*int, error)
	changes(ctx context.Context, commit *git.Commit) ([]git.ChangedFile, error)
	// contributors returns who wrote the commits that can be reached from one.
	contributors(ctx context.Context, start git.OID) ([]Contributor, error)
	tree(ctx context.Context, commit git.OID, path string) ([]entry, error)
	// sizes returns the sizes of files, -1 for each that is not there.
	sizes(ctx context.Context, oids []git.OID) ([]int64, error)
	file(ctx context.Context, commit git.OID, path string) (entry, *git.Blob, error)
	blob(ctx context.Context, oid git.OID) (*git.Blob, error)
}

// refPage is a page of branches or tags.
type refPage struct {
	refs    []foundRef
	cursors []string
	total   *int // nil where that is not to be had
	info    relay.PageInfo
}

// foundRef is a branch or a tag.
type foundRef struct {
	name   string  // in full
	target git.OID // the commit, or a tag of one
	// divergence tells how it differs from the default branch; nil where there is none to compare with.
	divergence func(ctx context.Context) (*git.Divergence, error)
}

// historyPage is a page of a history.
type historyPage struct {
	commits []*git.Commit
	cursors []string
	more    bool
	total   *int // where it came with the page
}

// entry is something in a folder.
type entry struct {
	name, path string
	key        string // names it within its folder
	kind       git.Kind
	oid        git.OID
	size       *int64 // where it came with the folder
}
