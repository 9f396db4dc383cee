package githubtest

import (
	"context"
	"errors"
	"slices"
	"strings"

	"callboard.dev/callboard/clients/git"
)

// What git holds, each with the repository it is seen in.
type (
	gitCommit struct {
		*git.Commit
		repository *Repository
	}
	gitTree struct {
		oid        git.OID
		commit     git.OID // through which it is read
		path       string
		repository *Repository
	}
	gitBlob struct {
		oid        git.OID
		repository *Repository
	}
	gitTag struct {
		name       string
		oid        git.OID
		repository *Repository
	}
	gitRef struct {
		Name       string // in full
		target     git.OID
		repository *Repository
	}
	gitActor struct {
		git.Person
	}
	comparison struct {
		base, head *gitCommit
	}
)

func (*gitCommit) GraphQLType() string { return "Commit" }
func (*gitTree) GraphQLType() string   { return "Tree" }
func (*gitBlob) GraphQLType() string   { return "Blob" }
func (*gitTag) GraphQLType() string    { return "Tag" }
func (*gitRef) GraphQLType() string    { return "Ref" }

// OID returns the id of the tree.
func (t *gitTree) OID() string { return string(t.oid) }

// OID returns the id of the file.
func (b *gitBlob) OID() string { return string(b.oid) }

// OID returns the id of the tag.
func (t *gitTag) OID() string { return string(t.oid) }

// Name returns the name of the tag.
func (t *gitTag) Name() string { return t.name }

// absent reports whether git says that there is no such thing, which GitHub answers with null.
func absent(err error) bool { return errors.Is(err, git.ErrNotFound) || errors.Is(err, git.ErrInvalid) }

// refs returns the refs of a repository; none where it has no content. One request sees them as they were when it first looked, or when
// it last changed them.
func (r *Repository) refs(ctx context.Context) (*git.Refs, error) {
	if r.content == nil {
		return &git.Refs{}, nil
	}
	c, _ := ctx.Value(callKey{}).(*call)
	if c == nil {
		return r.content.Refs(ctx)
	}
	if known := c.refs[r]; known != nil {
		return known, nil
	}
	refs, err := r.content.Refs(ctx)
	if err == nil {
		if c.refs == nil {
			c.refs = map[*Repository]*git.Refs{}
		}
		c.refs[r] = refs
	}
	return refs, err
}

// moved says that a ref of a repository was changed.
func (r *Repository) moved(ctx context.Context) {
	if c, _ := ctx.Value(callKey{}).(*call); c != nil {
		delete(c.refs, r)
	}
}

// refNamed returns a ref by its full name, or by the name of a branch or tag; nil where there is none.
func (g *GitHub) refNamed(c *call, r *Repository, name string) (*gitRef, error) {
	refs, err := r.refs(c.ctx)
	if err != nil {
		return nil, err
	}
	all := slices.Concat(refs.Branches, refs.Tags)
	for _, candidate := range []string{name, "refs/heads/" + name, "refs/tags/" + name, "refs/" + name} {
		if at := slices.IndexFunc(all, func(ref git.Ref) bool { return ref.Name == candidate }); at >= 0 {
			return &gitRef{Name: all[at].Name, target: all[at].Target, repository: r}, nil
		}
	}
	return nil, nil
}

// branch returns the object id a branch points to, "" where there is none.
func (r *Repository) branch(ctx context.Context, name string) (git.OID, error) {
	refs, err := r.refs(ctx)
	if err != nil {
		return "", err
	}
	for _, b := range refs.Branches {
		if b.Short() == name {
			return b.Target, nil
		}
	}
	return "", nil
}

// head returns the commit at the tip of the default branch, nil where there is none.
func (g *GitHub) head(ctx context.Context, r *Repository) (*gitCommit, error) {
	oid, err := r.branch(ctx, r.DefaultBranch)
	if oid == "" || err != nil {
		return nil, err
	}
	return g.commit(ctx, r, oid)
}

// commit returns a commit, nil where it is not there.
func (g *GitHub) commit(ctx context.Context, r *Repository, oid git.OID) (*gitCommit, error) {
	if r.content == nil || oid == "" {
		return nil, nil
	}
	c, err := r.content.Commit(ctx, oid)
	switch {
	case absent(err):
		return nil, nil
	case err != nil:
		return nil, err
	}
	return &gitCommit{Commit: c, repository: r}, nil
}

// commits returns the commits with the ids, without those that are not there.
func (g *GitHub) commits(ctx context.Context, r *Repository, oids []git.OID) ([]*gitCommit, error) {
	if r.content == nil || len(oids) == 0 {
		return nil, nil
	}
	found, err := r.content.Commits(ctx, oids)
	if err != nil {
		return nil, err
	}
	var out []*gitCommit
	for _, c := range found {
		if c != nil {
			out = append(out, &gitCommit{Commit: c, repository: r})
		}
	}
	return out, nil
}

// revision returns the commit that an expression such as "main", "v1.0.0", "HEAD" or the beginning of an id names, nil for none.
func (g *GitHub) revision(ctx context.Context, r *Repository, text string) (*gitCommit, error) {
	if r.content == nil {
		return nil, nil
	}
	if text == "HEAD" || text == "" {
		return g.head(ctx, r) // of the server, which is the default branch, not what is checked out
	}
	refs, err := r.refs(ctx)
	if err != nil {
		return nil, err
	}
	c, err := r.content.Resolve(ctx, refs, text)
	switch {
	case absent(err):
		return nil, nil
	case err != nil:
		return nil, err
	}
	return &gitCommit{Commit: c, repository: r}, nil
}

// expression returns what a git expression names: a revision, or a path in one after a colon. Nil where there is none.
func (g *GitHub) expression(c *call, r *Repository, text string) (any, error) {
	name, path, inside := strings.Cut(text, ":")
	if !inside {
		if ref, err := g.refNamed(c, r, text); err != nil || ref != nil && strings.HasPrefix(ref.Name, "refs/tags/") {
			if err != nil {
				return nil, err
			}
			return g.target(c, ref)
		}
		commit, err := g.revision(c.ctx, r, name)
		if commit == nil || err != nil {
			return nil, err
		}
		return commit, nil
	}
	commit, err := g.revision(c.ctx, r, name)
	if commit == nil || err != nil {
		return nil, err
	}
	return g.at(c.ctx, commit, path)
}

// at returns what lies at a path in a commit, nil for nothing.
func (g *GitHub) at(ctx context.Context, commit *gitCommit, path string) (any, error) {
	path = strings.Trim(path, "/")
	if path == "" {
		return &gitTree{oid: commit.Tree, commit: commit.OID, repository: commit.repository}, nil
	}
	entry, err := commit.repository.content.Entry(ctx, commit.OID, path)
	switch {
	case absent(err):
		return nil, nil
	case err != nil:
		return nil, err
	}
	return entryObject(commit.repository, commit.OID, entry), nil
}

// entryObject returns what an entry of a tree stands for, nil for what is in another repository.
func entryObject(r *Repository, commit git.OID, entry git.Entry) any {
	switch entry.Kind {
	case git.KindFolder:
		return &gitTree{oid: entry.OID, commit: commit, path: entry.Path, repository: r}
	case git.KindSubmodule:
		return nil
	}
	return &gitBlob{oid: entry.OID, repository: r}
}

// target returns what a ref points to.
func (g *GitHub) target(c *call, ref *gitRef) (any, error) {
	r := ref.repository
	if strings.HasPrefix(ref.Name, "refs/tags/") {
		peeled, err := r.content.Peel(c.ctx, []string{string(ref.target)})
		if err != nil {
			return nil, err
		}
		if peeled[0] == nil || peeled[0].OID != ref.target {
			return &gitTag{name: strings.TrimPrefix(ref.Name, "refs/tags/"), oid: ref.target, repository: r}, nil
		}
	}
	commit, err := g.commit(c.ctx, r, ref.target)
	if commit == nil || err != nil {
		return nil, err
	}
	return commit, nil
}

// objectOf returns the commit or file with an id, as its node id said what it is.
func (g *GitHub) objectOf(c *call, r *Repository, prefix string, oid git.OID) (any, error) {
	if r.content == nil {
		return nil, nil
	}
	switch prefix {
	case prefixCommit:
		commit, err := g.commit(c.ctx, r, oid)
		if commit == nil || err != nil {
			return nil, err
		}
		return commit, nil
	case prefixBlob:
		switch _, err := r.content.Blob(c.ctx, oid); {
		case absent(err):
			return nil, nil
		case err != nil:
			return nil, err
		}
		return &gitBlob{oid: oid, repository: r}, nil
	}
	return nil, nil
}
