package view

import (
	"context"
	"encoding/base64"
	"errors"
	"path"
	"strings"
	"sync"
	"time"

	"callboard.dev/callboard/clients/git"
	"callboard.dev/callboard/subgraphs/relay"
	"callboard.dev/callboard/subgraphs/scalar"
)

// RepositoryProvider tells where the facts about a repository come from.
type RepositoryProvider string

// ProviderGit is the provider of repositories on a disk.
const ProviderGit RepositoryProvider = "GIT"

// Repository is one repository.
type Repository struct {
	ID       string
	Provider RepositoryProvider
	Path     string
	IsBare   bool

	git     *git.Repository
	request *Request

	once      sync.Once
	known     origin // zero where there is none
	originErr error
}

// idVersion starts every id, so that its form can change without an old one being misread.
const idVersion = "1:"

// encodeID returns the id of a repository: provider, host and path, in a form nobody is tempted to read.
func encodeID(provider RepositoryProvider, host, path string) string {
	return base64.RawURLEncoding.EncodeToString([]byte(idVersion + string(provider) + ":" + host + ":" + path))
}

// decodeID takes an id apart again; false where it is none.
func decodeID(id string) (provider RepositoryProvider, host, path string, ok bool) {
	text, err := base64.RawURLEncoding.DecodeString(id)
	if err != nil {
		return "", "", "", false
	}
	rest, ok := strings.CutPrefix(string(text), idVersion)
	parts := strings.SplitN(rest, ":", 3)
	if !ok || len(parts) != 3 {
		return "", "", "", false
	}
	return RepositoryProvider(parts[0]), parts[1], parts[2], true
}

// show returns what the schema shows of a repository.
func (q *Request) show(r *git.Repository) *Repository {
	return &Repository{ID: encodeID(ProviderGit, "", r.Path), Provider: ProviderGit, Path: r.Path, IsBare: r.Bare, git: r, request: q}
}

// origin returns what the remote "origin" tells, once. That it cannot be read is one of the issues.
func (r *Repository) origin(ctx context.Context) origin {
	r.once.Do(func() {
		text, err := r.git.Origin(ctx)
		r.originErr = err
		if o, ok := parseOrigin(text); err == nil && ok {
			r.known = o
		}
	})
	return r.known
}

// Host is the host of the remote.
func (r *Repository) Host(ctx context.Context) *string { return orNull(r.origin(ctx).host) }

// Owner is the organisation, user or group.
func (r *Repository) Owner(ctx context.Context) *string { return orNull(r.origin(ctx).owner) }

// Name is the name.
func (r *Repository) Name(ctx context.Context) string {
	if o := r.origin(ctx); o.name != "" {
		return o.name
	}
	return strings.TrimSuffix(path.Base(r.Path), ".git")
}

// NameWithOwner is the owner, a slash and the name.
func (r *Repository) NameWithOwner(ctx context.Context) string {
	if o := r.origin(ctx); o.owner != "" {
		return o.owner + "/" + r.Name(ctx)
	}
	return r.Name(ctx)
}

// URL is the page on the web.
func (r *Repository) URL(ctx context.Context) *scalar.URL {
	if o := r.origin(ctx); o.web != "" {
		return new(scalar.URL(o.web))
	}
	return nil
}

func (r *Repository) refs(ctx context.Context) (*git.Refs, error) {
	refs, err := r.request.refsOf(ctx, r.git)
	return refs, fail(err)
}

// resolve returns the commit that a ref argument names.
func (r *Repository) resolve(ctx context.Context, ref *string) (*git.Commit, error) {
	refs, err := r.refs(ctx)
	if err != nil {
		return nil, err
	}
	commit, err := r.git.Resolve(ctx, refs, orEmpty(ref))
	return commit, fail(err)
}

// nothingYet reports whether there is no commit to look at because none has been made.
func (r *Repository) nothingYet(ctx context.Context, ref *string) bool {
	refs, err := r.refs(ctx)
	return err == nil && orEmpty(ref) == "" && refs.HeadOID == ""
}

// DefaultBranch is the name of the branch that work goes to.
func (r *Repository) DefaultBranch(ctx context.Context) (*string, error) {
	refs, err := r.refs(ctx)
	if err != nil {
		return nil, err
	}
	branch, ok := refs.Default()
	if !ok {
		return nil, nil
	}
	return new(branch.Short()), nil
}

// CurrentBranch is the name of the branch that is checked out.
func (r *Repository) CurrentBranch(ctx context.Context) (*string, error) {
	refs, err := r.refs(ctx)
	if err != nil {
		return nil, err
	}
	return orNull(git.Ref{Name: refs.Head}.Short()), nil
}

// HeadCommit is the commit that is checked out.
func (r *Repository) HeadCommit(ctx context.Context) (*Commit, error) {
	refs, err := r.refs(ctx)
	if err != nil || refs.HeadOID == "" {
		return nil, err
	}
	return r.commitAt(ctx, refs.HeadOID)
}

// commitAt returns the commit an object id of a ref stands for, null where it stands for something else.
func (r *Repository) commitAt(ctx context.Context, oid git.OID) (*Commit, error) {
	commit, err := r.request.commit(ctx, r.git, oid)
	if err != nil || commit == nil {
		return nil, fail(err)
	}
	return r.showCommit(commit), nil
}

// IsEmpty tells whether nothing has been committed yet.
func (r *Repository) IsEmpty(ctx context.Context) (*bool, error) {
	return r.tell(ctx, func(refs *git.Refs) bool { return refs.HeadOID == "" && len(refs.Branches) == 0 })
}

// IsShallow tells whether the history is cut off.
func (r *Repository) IsShallow(ctx context.Context) (*bool, error) {
	return r.tell(ctx, func(refs *git.Refs) bool { return refs.Shallow })
}

// IsDetached tells whether a commit is checked out rather than a branch.
func (r *Repository) IsDetached(ctx context.Context) (*bool, error) {
	return r.tell(ctx, func(refs *git.Refs) bool { return refs.Head == "" })
}

func (r *Repository) tell(ctx context.Context, what func(*git.Refs) bool) (*bool, error) {
	refs, err := r.refs(ctx)
	if err != nil {
		return nil, err
	}
	return new(what(refs)), nil
}

// Branches are the branches, sorted by name.
func (r *Repository) Branches(ctx context.Context, query *string, first *int, after *string, last *int, before *string) (*GitRefConnection, error) {
	refs, err := r.refs(ctx)
	if err != nil {
		return nil, err
	}
	return r.showRefs(refs.Branches, query, relay.Args{First: first, After: after, Last: last, Before: before})
}

// Tags are the tags, sorted by name.
func (r *Repository) Tags(ctx context.Context, query *string, first *int, after *string, last *int, before *string) (*GitRefConnection, error) {
	refs, err := r.refs(ctx)
	if err != nil {
		return nil, err
	}
	return r.showRefs(refs.Tags, query, relay.Args{First: first, After: after, Last: last, Before: before})
}

func (r *Repository) showRefs(refs []git.Ref, query *string, args relay.Args) (*GitRefConnection, error) {
	if query != nil && *query != "" {
		var some []git.Ref
		for _, ref := range refs {
			if strings.Contains(strings.ToLower(ref.Short()), strings.ToLower(*query)) {
				some = append(some, ref)
			}
		}
		refs = some
	}
	page, err := cut(refs, args, func(ref git.Ref) string { return ref.Name },
		func(ref git.Ref) *GitRef {
			return &GitRef{Name: ref.Short(), QualifiedName: ref.Name, target: ref.Target, repository: r}
		},
		func(e edge[*GitRef]) *GitRefEdge { return &GitRefEdge{e} })
	if err != nil {
		return nil, err
	}
	return &GitRefConnection{page}, nil
}

// maxActive is how many branches are looked at for the last activity.
const maxActive = 1000

// LastActivityAt is when the newest commit of any branch was made.
func (r *Repository) LastActivityAt(ctx context.Context) (*time.Time, error) {
	refs, err := r.refs(ctx)
	if err != nil {
		return nil, err
	}
	var names []string
	if refs.HeadOID != "" {
		names = append(names, string(refs.HeadOID))
	}
	for _, branch := range refs.Branches[:min(len(refs.Branches), maxActive)] {
		names = append(names, string(branch.Target))
	}
	commits, err := r.git.Peel(ctx, names)
	if err != nil {
		return nil, fail(err)
	}
	var last time.Time
	for _, commit := range commits {
		if commit != nil && commit.Committer.At.After(last) {
			last = commit.Committer.At
		}
	}
	if last.IsZero() {
		return nil, nil
	}
	return &last, nil
}

// Issues are what cannot be read.
func (r *Repository) Issues(ctx context.Context) []*RepositoryIssue {
	out := []*RepositoryIssue{}
	if r.origin(ctx); r.originErr != nil {
		out = append(out, issueOf(r.Path, r.originErr))
	}
	refs, err := r.request.refsOf(ctx, r.git)
	if err != nil {
		return append(out, issueOf(r.Path, err))
	}
	for _, name := range refs.Broken {
		out = append(out, &RepositoryIssue{Path: r.Path, Code: CodeBadRepository, Message: "ref " + name + " is broken and left out; delete it or fetch it again"})
	}
	if refs.HeadOID != "" {
		commit, err := r.request.commit(ctx, r.git, refs.HeadOID)
		if err == nil && commit == nil {
			err = errors.Join(git.ErrBadRepository, errors.New("HEAD names commit "+refs.HeadOID.Abbreviated()+", which is missing"))
		}
		if err != nil {
			out = append(out, issueOf(r.Path, err))
		}
	}
	return out
}

// GitRef is a branch or a tag.
type GitRef struct {
	Name          string
	QualifiedName string
	target        git.OID
	repository    *Repository
}

// Target is the commit.
func (g *GitRef) Target(ctx context.Context) (*Commit, error) {
	return g.repository.commitAt(ctx, g.target)
}

// AheadBy is how many commits it has that the default branch has not.
func (g *GitRef) AheadBy(ctx context.Context) (*int, error) {
	d, err := g.compare(ctx)
	if err != nil || d == nil {
		return nil, err
	}
	return &d.Ahead, nil
}

// BehindBy is how many commits the default branch has that it has not.
func (g *GitRef) BehindBy(ctx context.Context) (*int, error) {
	d, err := g.compare(ctx)
	if err != nil || d == nil {
		return nil, err
	}
	return &d.Behind, nil
}

func (g *GitRef) compare(ctx context.Context) (*git.Divergence, error) {
	refs, err := g.repository.refs(ctx)
	if err != nil {
		return nil, err
	}
	branch, ok := refs.Default()
	if !ok || branch.Target == "" {
		return nil, nil
	}
	target, err := g.repository.request.commit(ctx, g.repository.git, g.target)
	if err != nil || target == nil {
		return nil, fail(err)
	}
	d, err := g.repository.git.Compare(ctx, branch.Target, target.OID)
	if err != nil {
		return nil, fail(err)
	}
	return &d, nil
}

// IsEntity marks a type with a key, for the generated code.
func (*Repository) IsEntity() {}
