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
	"callboard.dev/callboard/subgraphs/repos/host"
	"callboard.dev/callboard/subgraphs/scalar"
	"callboard.dev/callboard/subgraphs/upstream"
)

// RepositoryProvider tells where the facts about a repository come from.
type RepositoryProvider string

// ProviderGit is the provider of repositories on a disk.
const ProviderGit RepositoryProvider = "GIT"

// Freshness is how current a value is.
type Freshness string

// Sourced is what comes from a source.
type Sourced interface{ IsSourced() }

// Provenance is where a value comes from.
type Provenance struct {
	Source    string
	FetchedAt *time.Time
	Freshness Freshness
}

// IsSourced marks what comes from a source, for the generated code.
func (Provenance) IsSourced() {}

// onDisk is where all of a checkout comes from.
var onDisk = Provenance{Source: source, Freshness: "LIVE"}

// Repository is one repository.
type Repository struct {
	Provenance
	ID       string
	Provider RepositoryProvider
	Path     *string
	IsBare   *bool

	facts   facts
	git     *git.Repository  // a checkout; nil where it is a host's
	host    *host.Host       // nil where it is a checkout
	card    *host.Repository // what the host says of it
	local   *git.Repository  // the checkout of a host's repository; nil for none
	cohort  *cohort          // nil where it was asked for alone
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

// show returns what the schema shows of a checkout.
func (q *Request) show(r *git.Repository) *Repository {
	return &Repository{Provenance: onDisk, ID: encodeID(ProviderGit, "", r.Path), Provider: ProviderGit, Path: &r.Path, IsBare: &r.Bare, facts: checkout{r, q}, git: r, request: q}
}

// origin returns what the remote "origin" of a checkout tells, once; of a host's repository what the host tells. That it cannot be read is one of the issues.
func (r *Repository) origin(ctx context.Context) origin {
	r.once.Do(func() {
		if r.git == nil {
			r.known = originOf(r.host, r.card)
			return
		}
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
	return strings.TrimSuffix(path.Base(*r.Path), ".git")
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

// refs are those of a checkout.
func (r *Repository) refs(ctx context.Context) (*git.Refs, error) {
	refs, err := r.request.refsOf(ctx, r.git)
	return refs, fail(err)
}

// resolve returns the commit that a ref argument names.
func (r *Repository) resolve(ctx context.Context, ref *string) (*git.Commit, error) {
	return r.facts.resolve(ctx, orEmpty(ref))
}

// nothingYet reports whether there is no commit to look at because none has been made.
func (r *Repository) nothingYet(ctx context.Context, ref *string) bool {
	if orEmpty(ref) != "" {
		return false
	}
	if r.git == nil {
		return r.card.Head == nil
	}
	refs, err := r.refs(ctx)
	return err == nil && refs.HeadOID == ""
}

// DefaultBranch is the name of the branch that work goes to.
func (r *Repository) DefaultBranch(ctx context.Context) (*string, error) {
	name, err := r.facts.defaultBranch(ctx)
	return orNull(name), err
}

// HeadCommit is the newest commit.
func (r *Repository) HeadCommit(ctx context.Context) (*Commit, error) {
	commit, err := r.facts.head(ctx)
	if err != nil || commit == nil {
		return nil, err
	}
	return r.showCommit(commit), nil
}

// commitAt returns the commit an object id of a ref stands for, null where it stands for something else.
func (r *Repository) commitAt(ctx context.Context, oid git.OID) (*Commit, error) {
	if oid == "" {
		return nil, nil
	}
	commit, err := r.request.commit(ctx, r.facts, oid)
	if err != nil || commit == nil {
		return nil, fail(err)
	}
	return r.showCommit(commit), nil
}

// CurrentBranch is the name of the branch that is checked out.
func (r *Repository) CurrentBranch(ctx context.Context) (*string, error) {
	if r.git == nil {
		return nil, nil
	}
	refs, err := r.refs(ctx)
	if err != nil {
		return nil, err
	}
	return orNull(git.Ref{Name: refs.Head}.Short()), nil
}

// IsEmpty tells whether nothing has been committed yet.
func (r *Repository) IsEmpty(ctx context.Context) (*bool, error) {
	if r.git == nil {
		if r.card.CodeHidden {
			return nil, nil
		}
		return new(r.card.Empty || r.card.Head == nil), nil
	}
	return r.tell(ctx, func(refs *git.Refs) bool { return refs.HeadOID == "" && len(refs.Branches) == 0 })
}

// IsShallow tells whether the history is cut off.
func (r *Repository) IsShallow(ctx context.Context) (*bool, error) {
	if r.git == nil {
		return new(false), nil
	}
	return r.tell(ctx, func(refs *git.Refs) bool { return refs.Shallow })
}

// IsDetached tells whether a commit is checked out rather than a branch.
func (r *Repository) IsDetached(ctx context.Context) (*bool, error) {
	if r.git == nil {
		return nil, nil
	}
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
	return r.showRefs(ctx, false, query, relay.Args{First: first, After: after, Last: last, Before: before})
}

// Tags are the tags, sorted by name.
func (r *Repository) Tags(ctx context.Context, query *string, first *int, after *string, last *int, before *string) (*GitRefConnection, error) {
	return r.showRefs(ctx, true, query, relay.Args{First: first, After: after, Last: last, Before: before})
}

func (r *Repository) showRefs(ctx context.Context, tags bool, query *string, args relay.Args) (*GitRefConnection, error) {
	compared := upstream.Selects(ctx, "nodes.aheadBy", "nodes.behindBy", "edges.node.aheadBy", "edges.node.behindBy")
	page, err := r.facts.refs(ctx, tags, orEmpty(query), args, compared)
	if err != nil {
		return nil, err
	}
	out := &GitRefConnection{Edges: []*GitRefEdge{}, Nodes: []*GitRef{}, PageInfo: page.info, TotalCount: page.total}
	for i, ref := range page.refs {
		node := &GitRef{Name: git.Ref{Name: ref.name}.Short(), QualifiedName: ref.name, found: ref, repository: r}
		out.Nodes = append(out.Nodes, node)
		out.Edges = append(out.Edges, &GitRefEdge{edge[*GitRef]{page.cursors[i], node}})
	}
	return out, nil
}

// LastActivityAt is when something was pushed or committed last.
func (r *Repository) LastActivityAt(ctx context.Context) (*time.Time, error) {
	last, err := r.facts.lastActivity(ctx)
	return moment(last), err
}

// Issues are what cannot be read.
func (r *Repository) Issues(ctx context.Context) []*RepositoryIssue {
	out := []*RepositoryIssue{}
	if r.git == nil {
		return out
	}
	if r.origin(ctx); r.originErr != nil {
		out = append(out, issueOf(*r.Path, r.originErr))
	}
	refs, err := r.request.refsOf(ctx, r.git)
	if err != nil {
		return append(out, issueOf(*r.Path, err))
	}
	for _, name := range refs.Broken {
		out = append(out, &RepositoryIssue{Path: *r.Path, Code: CodeBadRepository, Message: "ref " + name + " is broken and left out; delete it or fetch it again"})
	}
	if refs.HeadOID != "" {
		commit, err := r.request.commit(ctx, r.facts, refs.HeadOID)
		if err == nil && commit == nil {
			err = errors.Join(git.ErrBadRepository, errors.New("HEAD names commit "+refs.HeadOID.Abbreviated()+", which is missing"))
		}
		if err != nil {
			out = append(out, issueOf(*r.Path, err))
		}
	}
	return out
}

// GitRef is a branch or a tag.
type GitRef struct {
	Name          string
	QualifiedName string
	found         foundRef
	repository    *Repository
}

// Target is the commit.
func (g *GitRef) Target(ctx context.Context) (*Commit, error) {
	return g.repository.commitAt(ctx, g.found.target)
}

// AheadBy is how many commits it has that the default branch has not.
func (g *GitRef) AheadBy(ctx context.Context) (*int, error) {
	d, err := g.found.divergence(ctx)
	if err != nil || d == nil {
		return nil, err
	}
	return &d.Ahead, nil
}

// BehindBy is how many commits the default branch has that it has not.
func (g *GitRef) BehindBy(ctx context.Context) (*int, error) {
	d, err := g.found.divergence(ctx)
	if err != nil || d == nil {
		return nil, err
	}
	return &d.Behind, nil
}

// IsEntity marks a type with a key, for the generated code.
func (*Repository) IsEntity() {}
