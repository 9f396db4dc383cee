package view

import (
	"context"
	"errors"
	"time"

	"callboard.dev/callboard/clients/git"
	"callboard.dev/callboard/subgraphs/relay"
)

// GitActor is who wrote or committed something.
type GitActor struct {
	Name  *string
	Email *string
	Date  *time.Time
}

// Commit is a commit.
type Commit struct {
	Repository *Repository
	commit     *git.Commit
}

func (r *Repository) showCommit(c *git.Commit) *Commit { return &Commit{Repository: r, commit: c} }

func (c *Commit) actor(p git.Person) *GitActor {
	out := &GitActor{Name: orNull(p.Name), Email: orNull(p.Email), Date: moment(p.At)}
	if c.Repository.request.source.MaskEmails {
		out.Email = nil
	}
	return out
}

func moment(at time.Time) *time.Time {
	if at.IsZero() {
		return nil
	}
	return &at
}

// Oid is the object id.
func (c *Commit) Oid() string { return string(c.commit.OID) }

// AbbreviatedOid is the beginning of the object id.
func (c *Commit) AbbreviatedOid() string { return c.commit.OID.Abbreviated() }

// Message is the whole message.
func (c *Commit) Message() string { return c.commit.Message }

// MessageHeadline is the first paragraph of the message.
func (c *Commit) MessageHeadline() string { return c.commit.Headline() }

// MessageBody is the rest of the message.
func (c *Commit) MessageBody() string { return c.commit.Body() }

// Author is who wrote it.
func (c *Commit) Author() *GitActor { return c.actor(c.commit.Author) }

// Committer is who committed it.
func (c *Commit) Committer() *GitActor { return c.actor(c.commit.Committer) }

// AuthoredAt is when it was written.
func (c *Commit) AuthoredAt() *time.Time { return moment(c.commit.Author.At) }

// CommittedAt is when it was committed.
func (c *Commit) CommittedAt() *time.Time { return moment(c.commit.Committer.At) }

// IsSigned tells whether it carries a signature.
func (c *Commit) IsSigned() bool { return c.commit.Signed }

// ParentOids are the object ids of its parents.
func (c *Commit) ParentOids() []string {
	out := make([]string, len(c.commit.Parents))
	for i, oid := range c.commit.Parents {
		out[i] = string(oid)
	}
	return out
}

// Parents are its parents.
func (c *Commit) Parents(ctx context.Context) ([]*Commit, error) {
	q, r := c.Repository.request, c.Repository.git
	thunks := make([]func() (*git.Commit, error), len(c.commit.Parents))
	for i, oid := range c.commit.Parents {
		if known := r.Known(oid); known != nil {
			thunks[i] = func() (*git.Commit, error) { return known, nil }
		} else {
			thunks[i] = q.commits.Load(ctx, commitKey{r, oid})
		}
	}
	out := []*Commit{}
	for _, thunk := range thunks {
		parent, err := thunk()
		if err != nil {
			return nil, fail(err)
		}
		if parent != nil {
			out = append(out, c.Repository.showCommit(parent))
		}
	}
	return out, nil
}

// FileChange is how a file changed.
type FileChange string

var fileChanges = map[git.Change]FileChange{
	git.Added: "ADDED", git.Deleted: "DELETED", git.Modified: "MODIFIED",
	git.Renamed: "RENAMED", git.Copied: "COPIED", git.TypeChanged: "TYPE_CHANGED",
}

// ChangedFile is a file that a commit changed.
type ChangedFile struct {
	Path         string
	PreviousPath *string
	Change       FileChange
	Additions    *int
	Deletions    *int
	IsBinary     bool
}

// ChangedFiles are the files it changed.
func (c *Commit) ChangedFiles(ctx context.Context, first *int, after *string, last *int, before *string) (*ChangedFileConnection, error) {
	files, err := c.Repository.git.Changes(ctx, c.commit)
	if err != nil {
		return nil, fail(err)
	}
	page, err := cut(files, relay.Args{First: first, After: after, Last: last, Before: before},
		func(f git.ChangedFile) string { return f.Path }, showChangedFile,
		func(e edge[*ChangedFile]) *ChangedFileEdge { return &ChangedFileEdge{e} })
	if err != nil {
		return nil, err
	}
	return &ChangedFileConnection{page}, nil
}

func showChangedFile(f git.ChangedFile) *ChangedFile {
	out := &ChangedFile{Path: f.Path, PreviousPath: orNull(f.PreviousPath), Change: fileChanges[f.Change], IsBinary: f.Binary}
	if !f.Binary {
		out.Additions, out.Deletions = &f.Additions, &f.Deletions
	}
	return out
}

// Commit is one commit by ref or object id.
func (r *Repository) Commit(ctx context.Context, ref *string) (*Commit, error) {
	commit, err := r.resolve(ctx, ref)
	if err != nil {
		return nil, err
	}
	return r.showCommit(commit), nil
}

// History is the commits that can be reached from a ref.
func (r *Repository) History(ctx context.Context, ref, path, author *string, since, until *time.Time, first *int, after *string) (*CommitConnection, error) {
	args := relay.Args{First: first, After: after}
	if err := args.Check(); err != nil {
		return nil, Refuse(CodeBadPage, "%v", err)
	}
	var cursor git.OID
	if after != nil {
		key, err := relay.Key(*after)
		if err != nil {
			return nil, Refuse(CodeBadPage, "after: %v", err)
		}
		oid, ok := git.ParseOID(key)
		if !ok {
			return nil, Refuse(CodeBadPage, "after: %q is not a cursor of this list; use endCursor of an earlier page", *after)
		}
		cursor = oid
	}
	if r.nothingYet(ctx, ref) {
		return &CommitConnection{Edges: []*CommitEdge{}, Nodes: []*Commit{}, repository: r}, nil
	}
	start, err := r.resolve(ctx, ref)
	if err != nil {
		return nil, err
	}
	n := relay.DefaultPage
	if first != nil {
		n = *first
	}
	out := &CommitConnection{repository: r, start: start.OID, filter: git.Filter{Path: orEmpty(path), Author: orEmpty(author)}}
	if since != nil {
		out.filter.Since = *since
	}
	if until != nil {
		out.filter.Until = *until
	}
	oids, more, err := r.git.History(ctx, out.start, out.filter, cursor, n)
	if err != nil {
		if cursor != "" && errors.Is(err, git.ErrNotFound) {
			return nil, Refuse(CodeBadPage, "after: this history does not hold the commit the cursor names; start again without it")
		}
		return nil, fail(err)
	}
	commits, err := r.git.Commits(ctx, oids)
	if err != nil {
		return nil, fail(err)
	}
	out.Edges, out.Nodes = make([]*CommitEdge, 0, len(oids)), make([]*Commit, 0, len(oids))
	for i, commit := range commits {
		if commit == nil { // git has just listed it
			return nil, fail(errors.Join(git.ErrBadRepository, errors.New("commit "+oids[i].Abbreviated()+" has gone")))
		}
		node := r.showCommit(commit)
		out.Nodes = append(out.Nodes, node)
		out.Edges = append(out.Edges, &CommitEdge{edge[*Commit]{relay.Cursor(string(oids[i])), node}})
	}
	out.PageInfo = relay.PageInfo{HasNextPage: more, HasPreviousPage: cursor != ""}
	if len(out.Edges) > 0 {
		out.PageInfo.StartCursor, out.PageInfo.EndCursor = &out.Edges[0].Cursor, &out.Edges[len(out.Edges)-1].Cursor
	}
	return out, nil
}

// Contributor is somebody who wrote commits.
type Contributor struct {
	Name          string
	Email         *string
	Commits       int
	FirstCommitAt *time.Time
	LastCommitAt  *time.Time
}

// Contributors are who wrote the commits that can be reached from a ref.
func (r *Repository) Contributors(ctx context.Context, ref *string, first *int, after *string, last *int, before *string) (*ContributorConnection, error) {
	var people []git.Contributor
	if !r.nothingYet(ctx, ref) {
		commit, err := r.resolve(ctx, ref)
		if err != nil {
			return nil, err
		}
		if people, err = r.git.Contributors(ctx, commit.OID); err != nil {
			return nil, fail(err)
		}
	}
	mask := r.request.source.MaskEmails
	page, err := cut(people, relay.Args{First: first, After: after, Last: last, Before: before}, contributorKey,
		func(p git.Contributor) *Contributor {
			out := &Contributor{Name: p.Name, Email: orNull(p.Email), Commits: p.Commits, FirstCommitAt: moment(p.First), LastCommitAt: moment(p.Last)}
			if mask {
				out.Email = nil
			}
			return out
		},
		func(e edge[*Contributor]) *ContributorEdge { return &ContributorEdge{e} })
	if err != nil {
		return nil, err
	}
	return &ContributorConnection{page}, nil
}
