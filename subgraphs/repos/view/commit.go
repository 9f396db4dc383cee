package view

import (
	"context"
	"net/url"
	"strings"
	"time"

	"callboard.dev/callboard/clients/git"
	"callboard.dev/callboard/subgraphs/forge"
	"callboard.dev/callboard/subgraphs/relay"
	"callboard.dev/callboard/subgraphs/scalar"
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

// IsEntity marks a type with a key, for the generated code.
func (*Commit) IsEntity() {}

// ID is a name that is unique among all commits of all repositories.
func (c *Commit) ID() string {
	r := c.Repository
	if r.host == nil {
		return encodeID(r.Provider, "", *r.Path+commitMark+c.Oid())
	}
	return encodeID(r.Provider, r.host.Name, r.card.Path+commitMark+c.Oid())
}

// commitMark stands before the object id in the id of a commit.
const commitMark = "@"

// CommitByID returns the commit with an id, or nil where there is none.
func (q *Request) CommitByID(ctx context.Context, id string) (*Commit, error) {
	provider, source, path, ok := decodeID(id)
	at := strings.LastIndex(path, commitMark)
	if !ok || at < 0 {
		return nil, nil
	}
	oid, ok := git.ParseOID(path[at+len(commitMark):])
	if !ok {
		return nil, nil
	}
	r, err := q.ByID(ctx, encodeID(provider, source, path[:at]))
	return q.commitOf(ctx, r, oid, err)
}

// CommitByURL returns the commit with an address, or nil where there is none.
func (q *Request) CommitByURL(ctx context.Context, address scalar.URL) (*Commit, error) {
	u, err := url.Parse(string(address))
	if err != nil {
		return nil, nil
	}
	for _, h := range q.source.Hosts {
		path, rest, ok := h.Locate(u)
		oid, whole := git.ParseOID(h.CommitIn(rest))
		if !ok || !whole {
			continue
		}
		r, err := q.hostedAt(ctx, h, path, nil)
		return q.commitOf(ctx, r, oid, err)
	}
	return nil, nil
}

// commitOf returns a commit of a repository; nil where there is none, or no repository.
func (q *Request) commitOf(ctx context.Context, r *Repository, oid git.OID, err error) (*Commit, error) {
	if err != nil || r == nil {
		return nil, err
	}
	commit, err := q.commit(ctx, r.facts, oid)
	if err != nil || commit == nil {
		return nil, fail(err)
	}
	return r.showCommit(commit), nil
}

// URL is its page on the web.
func (c *Commit) URL(ctx context.Context) *scalar.URL {
	r := c.Repository
	if r.host != nil {
		return webAddress(r.host.CommitURL(r.card.Path, c.Oid()))
	}
	if place, ok := forge.At(r.request.source.Hosts, r.origin(ctx).web); ok {
		return webAddress(place.Site.CommitURL(place.Path, c.Oid()))
	}
	return nil
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
func (c *Commit) IsSigned() *bool { return c.Repository.facts.signed(c.commit) }

// ParentOids are the object ids of its parents.
func (c *Commit) ParentOids(ctx context.Context) ([]string, error) {
	whole, err := c.Repository.facts.whole(ctx, c.commit)
	if err != nil {
		return nil, fail(err)
	}
	out := make([]string, len(whole.Parents))
	for i, oid := range whole.Parents {
		out[i] = string(oid)
	}
	return out, nil
}

// Parents are its parents.
func (c *Commit) Parents(ctx context.Context) ([]*Commit, error) {
	whole, err := c.Repository.facts.whole(ctx, c.commit)
	if err != nil {
		return nil, fail(err)
	}
	thunks := make([]func() (*git.Commit, error), len(whole.Parents))
	for i, oid := range whole.Parents {
		thunks[i] = c.Repository.request.laterCommit(ctx, c.Repository.facts, oid)
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
	files, err := c.Repository.facts.changes(ctx, c.commit)
	if err != nil {
		return nil, err
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
	cursor := ""
	if after != nil {
		key, err := relay.Key(*after)
		if err != nil {
			return nil, Refuse(CodeBadPage, "after: %v", err)
		}
		cursor = key
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
	found, err := r.facts.history(ctx, out.start, out.filter, cursor, n)
	if err != nil {
		return nil, err
	}
	out.total = found.total
	out.Edges, out.Nodes = make([]*CommitEdge, 0, len(found.commits)), make([]*Commit, 0, len(found.commits))
	for i, commit := range found.commits {
		node := r.showCommit(commit)
		out.Nodes = append(out.Nodes, node)
		out.Edges = append(out.Edges, &CommitEdge{edge[*Commit]{relay.Cursor(found.cursors[i]), node}})
	}
	out.PageInfo = relay.PageInfo{HasNextPage: found.more, HasPreviousPage: cursor != ""}
	if len(out.Edges) > 0 {
		out.PageInfo.StartCursor, out.PageInfo.EndCursor = &out.Edges[0].Cursor, &out.Edges[len(out.Edges)-1].Cursor
	}
	return out, nil
}

// Contributor is somebody who wrote commits.
type Contributor struct {
	Name          string
	Login         *string
	Email         *string
	Commits       int
	FirstCommitAt *time.Time
	LastCommitAt  *time.Time
}

// Contributors are who wrote the commits that can be reached from a ref.
func (r *Repository) Contributors(ctx context.Context, ref *string, first *int, after *string, last *int, before *string) (*ContributorConnection, error) {
	var people []Contributor
	if !r.nothingYet(ctx, ref) {
		commit, err := r.resolve(ctx, ref)
		if err != nil {
			return nil, err
		}
		if people, err = r.facts.contributors(ctx, commit.OID); err != nil {
			return nil, err
		}
	}
	mask := r.request.source.MaskEmails
	page, err := cut(people, relay.Args{First: first, After: after, Last: last, Before: before}, contributorKey,
		func(p Contributor) *Contributor {
			if mask {
				p.Email = nil
			}
			return &p
		},
		func(e edge[*Contributor]) *ContributorEdge { return &ContributorEdge{e} })
	if err != nil {
		return nil, err
	}
	return &ContributorConnection{page}, nil
}
