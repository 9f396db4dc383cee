package view

import (
	"context"
	"errors"
	"strings"
	"time"

	"callboard.dev/callboard/clients/git"
	"callboard.dev/callboard/subgraphs/relay"
)

// checkout is what is known about a repository on a disk.
type checkout struct {
	git     *git.Repository
	request *Request
}

func (c checkout) now(ctx context.Context) (*git.Refs, error) {
	refs, err := c.request.refsOf(ctx, c.git)
	return refs, fail(err)
}

func (c checkout) defaultBranch(ctx context.Context) (string, error) {
	refs, err := c.now(ctx)
	if err != nil {
		return "", err
	}
	branch, _ := refs.Default()
	return branch.Short(), nil
}

func (c checkout) head(ctx context.Context) (*git.Commit, error) {
	refs, err := c.now(ctx)
	if err != nil || refs.HeadOID == "" {
		return nil, err
	}
	commit, err := c.request.commit(ctx, c, refs.HeadOID)
	return commit, fail(err)
}

func (c checkout) resolve(ctx context.Context, ref string) (*git.Commit, error) {
	refs, err := c.now(ctx)
	if err != nil {
		return nil, err
	}
	commit, err := c.git.Resolve(ctx, refs, ref)
	return commit, fail(err)
}

func (c checkout) refs(ctx context.Context, tags bool, contains string, args relay.Args, _ bool) (*refPage, error) {
	now, err := c.now(ctx)
	if err != nil {
		return nil, err
	}
	refs := now.Branches
	if tags {
		refs = now.Tags
	}
	if contains != "" {
		var some []git.Ref
		for _, ref := range refs {
			if strings.Contains(strings.ToLower(ref.Short()), strings.ToLower(contains)) {
				some = append(some, ref)
			}
		}
		refs = some
	}
	page, err := relay.Cut(refs, args, func(ref git.Ref) string { return ref.Name }, nil)
	if err != nil {
		return nil, Refuse(CodeBadPage, "%v", err)
	}
	out := &refPage{cursors: page.Cursors, total: &page.TotalCount, info: page.Info}
	for _, ref := range page.Items {
		out.refs = append(out.refs, foundRef{ref.Name, ref.Target, func(ctx context.Context) (*git.Divergence, error) { return c.divergence(ctx, now, ref.Target) }})
	}
	return out, nil
}

func (c checkout) divergence(ctx context.Context, now *git.Refs, oid git.OID) (*git.Divergence, error) {
	branch, ok := now.Default()
	if !ok || branch.Target == "" {
		return nil, nil
	}
	target, err := c.request.commit(ctx, c, oid)
	if err != nil || target == nil {
		return nil, fail(err)
	}
	d, err := c.git.Compare(ctx, branch.Target, target.OID)
	if err != nil {
		return nil, fail(err)
	}
	return &d, nil
}

// maxActive is how many branches are looked at for the last activity.
const maxActive = 1000

func (c checkout) lastActivity(ctx context.Context) (time.Time, error) {
	refs, err := c.now(ctx)
	if err != nil {
		return time.Time{}, err
	}
	var names []string
	if refs.HeadOID != "" {
		names = append(names, string(refs.HeadOID))
	}
	for _, branch := range refs.Branches[:min(len(refs.Branches), maxActive)] {
		names = append(names, string(branch.Target))
	}
	commits, err := c.git.Peel(ctx, names)
	if err != nil {
		return time.Time{}, fail(err)
	}
	var last time.Time
	for _, commit := range commits {
		if commit != nil && commit.Committer.At.After(last) {
			last = commit.Committer.At
		}
	}
	return last, nil
}

func (c checkout) known(oid git.OID) *git.Commit { return c.git.Known(oid) }

func (c checkout) whole(_ context.Context, commit *git.Commit) (*git.Commit, error) {
	return commit, nil
}

func (c checkout) signed(commit *git.Commit) *bool { return &commit.Signed }

func (c checkout) commits(ctx context.Context, oids []git.OID) ([]*git.Commit, error) {
	names := make([]string, len(oids))
	for i, oid := range oids {
		names[i] = string(oid)
	}
	return c.git.Peel(ctx, names)
}

// history names commits by their ids in its cursors, so that the pages follow each other whatever is committed between them.
func (c checkout) history(ctx context.Context, start git.OID, filter git.Filter, after string, n int) (*historyPage, error) {
	cursor, ok := git.ParseOID(after)
	if after != "" && !ok {
		return nil, Refuse(CodeBadPage, "after: this is not a cursor of this list; use endCursor of an earlier page")
	}
	oids, more, err := c.git.History(ctx, start, filter, cursor, n)
	if err != nil {
		if cursor != "" && errors.Is(err, git.ErrNotFound) {
			return nil, Refuse(CodeBadPage, "after: this history does not hold the commit the cursor names; start again without it")
		}
		return nil, fail(err)
	}
	commits, err := c.git.Commits(ctx, oids)
	if err != nil {
		return nil, fail(err)
	}
	out := &historyPage{commits: commits, more: more}
	for i, oid := range oids {
		if commits[i] == nil { // git has just listed it
			return nil, fail(errors.Join(git.ErrBadRepository, errors.New("commit "+oid.Abbreviated()+" has gone")))
		}
		out.cursors = append(out.cursors, string(oid))
	}
	return out, nil
}

func (c checkout) count(ctx context.Context, start git.OID, filter git.Filter) (*int, error) {
	n, err := c.git.Count(ctx, start, filter)
	if err != nil {
		return nil, fail(err)
	}
	return &n, nil
}

func (c checkout) changes(ctx context.Context, commit *git.Commit) ([]git.ChangedFile, error) {
	files, err := c.git.Changes(ctx, commit)
	return files, fail(err)
}

func (c checkout) contributors(ctx context.Context, start git.OID) ([]Contributor, error) {
	people, err := c.git.Contributors(ctx, start)
	if err != nil {
		return nil, fail(err)
	}
	out := make([]Contributor, len(people))
	for i, p := range people {
		out[i] = Contributor{Name: p.Name, Email: orNull(p.Email), Commits: p.Commits, FirstCommitAt: moment(p.First), LastCommitAt: moment(p.Last)}
	}
	return out, nil
}

func (c checkout) tree(ctx context.Context, commit git.OID, path string) ([]entry, error) {
	entries, err := c.git.List(ctx, commit, path)
	if err != nil {
		return nil, fail(err)
	}
	out := make([]entry, len(entries))
	for i, e := range entries {
		out[i] = entryOf(e)
	}
	return out, nil
}

func entryOf(e git.Entry) entry {
	return entry{name: e.Name, path: e.Path, key: e.Key(), kind: e.Kind, oid: e.OID}
}

func (c checkout) sizes(ctx context.Context, oids []git.OID) ([]int64, error) {
	sizes, err := c.git.Sizes(ctx, oids)
	return sizes, fail(err)
}

func (c checkout) file(ctx context.Context, commit git.OID, path string) (entry, *git.Blob, error) {
	e, blob, err := c.git.File(ctx, commit, path)
	return entryOf(e), blob, fail(err)
}

func (c checkout) blob(ctx context.Context, oid git.OID) (*git.Blob, error) {
	blob, err := c.git.Blob(ctx, oid)
	return blob, fail(err)
}
