package view

import (
	"context"
	"strings"

	"callboard.dev/callboard/clients/git"
	"callboard.dev/callboard/subgraphs/forge"
	"callboard.dev/callboard/subgraphs/relay"
	"callboard.dev/callboard/subgraphs/scalar"
	"golang.org/x/sync/errgroup"
)

// ByID returns the repository with an id, or nil where there is none.
func (q *Request) ByID(ctx context.Context, id string) (*Repository, error) {
	provider, source, path, ok := decodeID(id)
	if !ok {
		return nil, nil
	}
	if provider == ProviderGit && source == "" {
		return q.ByPath(ctx, path)
	}
	for _, h := range q.source.Hosts {
		if h.Name == source && RepositoryProvider(h.Provider) == provider && h.Valid(path) {
			return q.hostedAt(ctx, h, path, nil)
		}
	}
	return nil, nil
}

// ByURL returns the repository that a page on the web belongs to, or nil where there is none.
func (q *Request) ByURL(ctx context.Context, address scalar.URL) (*Repository, error) {
	if c, ok := forge.At(q.source.Hosts, string(address)); ok {
		if found, err := q.hostedAt(ctx, c.Site, c.Path, nil); err != nil || found != nil {
			return found, err
		}
	}
	at, err := q.byAddress(ctx, string(address))
	if err != nil || at.repository == nil {
		return nil, fail(err)
	}
	return q.show(at.repository), nil
}

// ByPath returns the repository at a path, or nil where there is none.
func (q *Request) ByPath(ctx context.Context, path string) (*Repository, error) {
	r, err := q.source.Client.Lookup(path)
	if err == nil {
		return q.show(r), nil
	}
	if codeOf(err) == CodeNotFound {
		return nil, nil
	}
	return nil, fail(err)
}

// ByName returns the repository with this name with owner: of the host, where one is named, else of the first host that has it, else the first checkout by
// path. It is nil where there is none.
func (q *Request) ByName(ctx context.Context, name string, onHost *string) (*Repository, error) {
	for _, h := range q.source.Hosts {
		if onHost != nil && !strings.EqualFold(h.Web.Host, *onHost) || !h.Valid(name) {
			continue
		}
		if found, err := q.hostedAt(ctx, h, name, nil); err != nil || found != nil {
			return found, err
		}
	}
	all, err := q.all(ctx)
	if err != nil {
		return nil, err
	}
	for _, r := range all {
		if strings.EqualFold(r.NameWithOwner(ctx), name) && (onHost == nil || strings.EqualFold(r.origin(ctx).host, *onHost)) {
			return r, nil
		}
	}
	return nil, nil
}

// all returns every repository, sorted by path, its origin known.
func (q *Request) all(ctx context.Context) ([]*Repository, error) {
	found, err := q.source.Client.Repositories(ctx)
	if err != nil {
		return nil, fail(err)
	}
	out := make([]*Repository, len(found.Repositories))
	var group errgroup.Group
	group.SetLimit(readAtOnce)
	for i, r := range found.Repositories {
		group.Go(func() error {
			out[i] = q.show(r)
			out[i].origin(ctx)
			return ctx.Err()
		})
	}
	return out, group.Wait()
}

// Repositories is one page of them. Without a query none is looked into.
func (q *Request) Repositories(ctx context.Context, query *string, args relay.Args) (*RepositoryConnection, error) {
	wrap := func(e edge[*Repository]) *RepositoryEdge { return &RepositoryEdge{e} }
	var page list[*Repository, *RepositoryEdge]
	if words := foldedWords(query); len(words) > 0 {
		all, err := q.all(ctx)
		if err != nil {
			return nil, err
		}
		var some []*Repository
		for _, r := range all {
			if holdsAll(*r.Path+" "+r.NameWithOwner(ctx), words) {
				some = append(some, r)
			}
		}
		page, err = cut(some, args, func(r *Repository) string { return *r.Path }, func(r *Repository) *Repository { return r }, wrap)
		return &RepositoryConnection{page}, err
	}
	found, err := q.source.Client.Repositories(ctx)
	if err != nil {
		return nil, fail(err)
	}
	page, err = cut(found.Repositories, args, func(r *git.Repository) string { return r.Path },
		q.show, wrap)
	if err != nil {
		return nil, err
	}
	return &RepositoryConnection{page}, nil
}

// Issues are what cannot be read in the configured folders.
func (q *Request) Issues(ctx context.Context) ([]*RepositoryIssue, error) {
	found, err := q.source.Client.Repositories(ctx)
	if err != nil {
		return nil, fail(err)
	}
	out := make([]*RepositoryIssue, len(found.Issues))
	for i, issue := range found.Issues {
		out[i] = issueOf(issue.Path, issue.Err)
	}
	return out, nil
}
