// Package repos is the subgraph of repositories: the folders of a configuration go in, and a Federation subgraph that answers
// questions about the git repositories below them comes out. It also joins entities of the catalog to the repository that holds
// their code, from the entity's annotations; the catalog knows nothing of it.
//
// The one rule: only repositories below the configured folders are ever opened, whatever a query, an annotation or a repository
// says. Open schema/repos.graphqls first, then view, where each of its types is a Go type; this package holds the entrances.
//
// Why email addresses are given (November 2026): an address is how a commit says who made it, and how CODEOWNERS and catalogs
// refer to people; whoever may read a repository can read them with git. Where the graph is open to more people than the
// repositories are, Config.MaskEmails keeps those of authors, committers and contributors back. What people wrote into messages
// and files stays as they wrote it, and a history can still be filtered by an address one knows.
package repos

import (
	"context"
	"log/slog"
	"time"

	"callboard.dev/callboard/clients/git"
	"callboard.dev/callboard/subgraphs/relay"
	"callboard.dev/callboard/subgraphs/report"
	"callboard.dev/callboard/subgraphs/repos/graph"
	"callboard.dev/callboard/subgraphs/repos/host"
	"callboard.dev/callboard/subgraphs/repos/view"
	"callboard.dev/callboard/subgraphs/scalar"
	"callboard.dev/callboard/subgraphs/upstream"
	"github.com/99designs/gqlgen/graphql"
)

// Config says which repositories there are. The zero value of everything but Folders is right.
type Config struct {
	Folders    []string      // searched for git repositories
	Executable string        // the git to run; "git" from PATH where empty
	Timeout    time.Duration // for one git process; see git.Config
	Rescan     time.Duration // how old the list of repositories may get; see git.Config
	Hosts      []*host.Host  // the repository hosts, in the order in which they are asked
	MaskEmails bool          // give no email address of an author, committer or contributor
	Log        *slog.Logger  // nowhere where nil
}

// Repos is the subgraph. It is safe for concurrent use.
type Repos struct {
	client *git.Client
	source *view.Source
}

// Open searches the folders and returns the subgraph. It fails where there is no git that can be used; what cannot be read below
// the folders is logged, and named by the field repositoryIssues.
func Open(ctx context.Context, cfg Config) (*Repos, error) {
	log := cfg.Log
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	client, err := git.Open(ctx, git.Config{Folders: cfg.Folders, Executable: cfg.Executable, Timeout: cfg.Timeout, Rescan: cfg.Rescan})
	if err != nil {
		return nil, err
	}
	found, err := client.Search(ctx)
	if err != nil {
		client.Close()
		return nil, err
	}
	for _, issue := range found.Issues {
		log.Warn("repository left out", "path", issue.Path, "reason", issue.Err)
	}
	log.Info("repositories found", "count", len(found.Repositories), "issues", len(found.Issues))
	return &Repos{client: client, source: &view.Source{Client: client, Hosts: cfg.Hosts, MaskEmails: cfg.MaskEmails}}, nil
}

// Close forgets what is remembered. No request may be under way.
func (r *Repos) Close() error {
	r.client.Close()
	return nil
}

// ExecutableSchema returns the subgraph for gqlgen's servers and executors.
func (r *Repos) ExecutableSchema() graphql.ExecutableSchema {
	return report.Schema(upstream.PerRequest(graph.NewExecutableSchema(graph.Config{Resolvers: resolver{r.source}}), func() *view.Request { return view.NewRequest(r.source) }))
}

// resolver holds the entrances to the graph.
type resolver struct{ source *view.Source }

func (r resolver) Query() graph.QueryResolver   { return query{r} }
func (r resolver) Entity() graph.EntityResolver { return entity{r} }

// request returns the operation's request.
func (r resolver) request(ctx context.Context) *view.Request {
	if request := upstream.RequestOf[view.Request](ctx); request != nil {
		return request
	}
	return view.NewRequest(r.source)
}

type query struct{ resolver }

func (q query) Repository(ctx context.Context, id, nameWithOwner, host, path *string, url *scalar.URL) (*view.Repository, error) {
	request := q.request(ctx)
	ways := 0
	for _, given := range []bool{id != nil, nameWithOwner != nil, path != nil, url != nil} {
		if given {
			ways++
		}
	}
	switch {
	case ways != 1 || host != nil && nameWithOwner == nil:
	case id != nil:
		return request.ByID(ctx, *id)
	case nameWithOwner != nil:
		return request.ByName(ctx, *nameWithOwner, host)
	case path != nil:
		return request.ByPath(ctx, *path)
	case url != nil:
		return request.ByURL(ctx, *url)
	}
	return nil, view.Refuse(view.CodeBadInput, "name the repository in one way: by id, nameWithOwner (with host or without), path or url")
}

func (q query) PullRequest(ctx context.Context, url scalar.URL) (*view.PullRequest, error) {
	return q.request(ctx).PullRequestByURL(ctx, url)
}

func (q query) Repositories(ctx context.Context, words *string, first *int, after *string, last *int, before *string) (*view.RepositoryConnection, error) {
	return q.request(ctx).Repositories(ctx, words, relay.Args{First: first, After: after, Last: last, Before: before})
}

func (q query) RepositoryIssues(ctx context.Context) ([]*view.RepositoryIssue, error) {
	return q.request(ctx).Issues(ctx)
}

type entity struct{ resolver }

func (e entity) FindManyCatalogEntityByRefs(ctx context.Context, reps []*graph.CatalogEntityByRefsInput) ([]*view.CatalogEntity, error) {
	return e.request(ctx).NewEntities(len(reps), func(i int) (string, map[string]string) { return reps[i].Ref, reps[i].Annotations }), nil
}

func (e entity) FindManyRepositoryByIDs(ctx context.Context, reps []*graph.RepositoryByIDsInput) ([]*view.Repository, error) {
	return upstream.FindMany(reps, func(rep *graph.RepositoryByIDsInput) (*view.Repository, error) {
		return e.request(ctx).ByID(ctx, rep.ID)
	})
}

func (e entity) FindManyRepositoryByURLs(ctx context.Context, reps []*graph.RepositoryByURLsInput) ([]*view.Repository, error) {
	return upstream.FindMany(reps, func(rep *graph.RepositoryByURLsInput) (*view.Repository, error) {
		if rep.URL == nil {
			return nil, nil
		}
		return e.request(ctx).ByURL(ctx, *rep.URL)
	})
}

func (e entity) FindManyCommitByURLs(ctx context.Context, reps []*graph.CommitByURLsInput) ([]*view.Commit, error) {
	return upstream.FindMany(reps, func(rep *graph.CommitByURLsInput) (*view.Commit, error) {
		if rep.URL == nil {
			return nil, nil
		}
		return e.request(ctx).CommitByURL(ctx, *rep.URL)
	})
}

func (e entity) FindManyPullRequestByURLs(ctx context.Context, reps []*graph.PullRequestByURLsInput) ([]*view.PullRequest, error) {
	return upstream.FindMany(reps, func(rep *graph.PullRequestByURLsInput) (*view.PullRequest, error) {
		return e.request(ctx).PullRequestByURL(ctx, rep.URL)
	})
}

func (e entity) FindManyCommitByIDs(ctx context.Context, reps []*graph.CommitByIDsInput) ([]*view.Commit, error) {
	return upstream.FindMany(reps, func(rep *graph.CommitByIDsInput) (*view.Commit, error) {
		return e.request(ctx).CommitByID(ctx, rep.ID)
	})
}

func (e entity) FindManyPullRequestByIDs(ctx context.Context, reps []*graph.PullRequestByIDsInput) ([]*view.PullRequest, error) {
	return upstream.FindMany(reps, func(rep *graph.PullRequestByIDsInput) (*view.PullRequest, error) {
		return e.request(ctx).PullRequestByID(ctx, rep.ID)
	})
}
