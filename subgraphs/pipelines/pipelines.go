// Package pipelines is the subgraph of what builds, tests and ships: the systems of a configuration go in, and a Federation subgraph that answers questions
// about their pipelines and runs comes out, and runs them again for who may. It joins entities of the catalog, repositories, commits and pull requests to their
// pipelines, from annotations and addresses; those who bring them know nothing of it.
//
// The one rule: a run is asked for once, however many want to know; and nothing is started twice, whoever asks again.
//
// Open schema/pipelines.graphqls first, then view, where each of its types is a Go type; ci is what systems say, in one vocabulary; reports is what is known of
// tests and coverage; live is how many watch one run; store is what must not be forgotten. This package holds the entrances.
package pipelines

import (
	"context"
	"log/slog"
	"net/http"
	"path/filepath"
	"sync"
	"time"

	"github.com/99designs/gqlgen/graphql"
	"github.com/redis/go-redis/v9"

	"callboard.dev/callboard/subgraphs/access"
	"callboard.dev/callboard/subgraphs/pipelines/announce"
	"callboard.dev/callboard/subgraphs/pipelines/ci"
	"callboard.dev/callboard/subgraphs/pipelines/graph"
	"callboard.dev/callboard/subgraphs/pipelines/live"
	"callboard.dev/callboard/subgraphs/pipelines/reports"
	"callboard.dev/callboard/subgraphs/pipelines/store"
	"callboard.dev/callboard/subgraphs/pipelines/store/sqlite"
	"callboard.dev/callboard/subgraphs/pipelines/view"
	"callboard.dev/callboard/subgraphs/report"
	"callboard.dev/callboard/subgraphs/scalar"
	"callboard.dev/callboard/subgraphs/upstream"
)

// Config says which pipelines there are. The zero value of everything but StateFolder is right.
type Config struct {
	Systems     []*ci.System // in the order of the configuration
	StateFolder string       // where pipelines.db is, where there is no Store
	Store       store.Store  // nil for the file in the state folder; it is closed with the subgraph

	Redis  redis.UniversalClient // what replicas share; nil for this process alone
	Prefix string                // of its keys

	Access *access.Access // nil lets nobody do anything
	// Rules returns which files that runs of a repository leave are reports; the usual ones where nil.
	Rules func(system, repository string) []reports.Rule
	// Forget ends what is remembered under the tags.
	Forget func(ctx context.Context, tags ...string) error
	// View returns the address of what is shown of the pull request with an address, "" for none, and Announce how a repository's pull requests get a link to it,
	// as package announce has it. Nothing is announced where one of them is nil.
	View     func(pullRequest string) string
	Announce func(system, repository string) string
	Every    time.Duration // how often a run that is watched is looked at; see package live
	Log      *slog.Logger  // nowhere where nil
}

// Pipelines is the subgraph. It is safe for concurrent use.
type Pipelines struct {
	source    *view.Source
	own       store.Store
	announcer *announce.Announcer

	behind *view.Behind // does what notices are about

	ctx     context.Context // of forgetting what is old
	stop    context.CancelFunc
	workers sync.WaitGroup
}

// maxBehind is how much is done at once behind notices, and as much behind requests, by judgement: most of it waits for others.
const maxBehind = 64

// databaseFile is where the state is kept where nothing else is configured.
const databaseFile = "pipelines.db"

// Open returns the subgraph. It asks nobody.
func Open(cfg Config) *Pipelines {
	log := cfg.Log
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	own := cfg.Store
	if own == nil {
		file := ""
		if cfg.StateFolder != "" {
			file = filepath.Join(cfg.StateFolder, databaseFile)
		}
		own = sqlite.New(file)
	}
	prefix := ""
	if cfg.Prefix != "" {
		prefix = cfg.Prefix + ":live"
	}
	source := &view.Source{
		Systems: cfg.Systems, Store: own, Access: cfg.Access, Forget: cfg.Forget, Log: log, Behind: view.NewBehind(maxBehind, log),
		Hub:     live.New(live.Config{Redis: cfg.Redis, Prefix: prefix, Every: cfg.Every, Log: log}),
		Reports: reports.New(reports.Config{Store: own, Systems: cfg.Systems, Rules: cfg.Rules, Log: log, Authorize: mayUpload(cfg.Access)}),
	}
	if cfg.View == nil || cfg.Announce == nil {
		cfg.View, cfg.Announce = func(string) string { return "" }, func(string, string) string { return announce.None }
	}
	p := &Pipelines{source: source, own: own, behind: view.NewBehind(maxBehind, log)}
	p.announcer = announce.New(announce.Config{Store: own, View: cfg.View, How: cfg.Announce, Log: log, Describe: func(ctx context.Context, of announce.Pull) (announce.Summary, error) {
		return view.NewRequest(source).Describe(ctx, of)
	}})
	p.ctx, p.stop = context.WithCancel(context.Background())
	p.workers.Go(p.prune)
	return p
}

const (
	// kept is how long reports stay that are not the newest of their branch, and pruneEvery how often others are looked for: coverage over time is asked for over
	// a year, and a day more or less is nothing to that.
	kept       = 400 * 24 * time.Hour
	pruneEvery = 24 * time.Hour
)

// prune forgets what is old, once a day.
func (p *Pipelines) prune() {
	ticker := time.NewTicker(pruneEvery)
	defer ticker.Stop()
	for {
		select {
		case <-p.ctx.Done():
			return
		case now := <-ticker.C:
			if err := p.own.Prune(p.ctx, now.Add(-kept)); err != nil && p.ctx.Err() == nil {
				p.source.Log.Warn("old reports could not be forgotten: they are tomorrow", "error", err)
			}
		}
	}
}

// mayUpload lets those send reports who have the permission.
func mayUpload(who *access.Access) func(ctx context.Context, header http.Header, of reports.Repository) error {
	return func(_ context.Context, header http.Header, _ reports.Repository) error {
		p, err := who.Of(header)
		if err != nil {
			return reports.ErrUnauthenticated
		}
		if p.May(access.UploadReports) {
			return nil
		}
		if p.Name == access.Anonymous {
			return reports.ErrUnauthenticated
		}
		return access.ErrForbidden
	}
}

// Close ends all watching and forgets what is remembered. No request may be under way.
func (p *Pipelines) Close() error {
	p.stop()
	p.workers.Wait()
	p.behind.Close()
	p.source.Behind.Close()
	p.announcer.Close()
	p.source.Hub.Close()
	return p.own.Close()
}

// Upload takes reports: POST /reports/coverage and /reports/tests.
func (p *Pipelines) Upload() http.Handler { return p.source.Reports.Upload() }

// ExecutableSchema returns the subgraph for gqlgen's servers and executors.
func (p *Pipelines) ExecutableSchema() graphql.ExecutableSchema {
	return report.Schema(upstream.PerRequest(graph.NewExecutableSchema(graph.Config{Resolvers: resolver{p.source}}), func() *view.Request { return view.NewRequest(p.source) }))
}

// resolver holds the entrances to the graph.
type resolver struct{ source *view.Source }

func (r resolver) Query() graph.QueryResolver               { return query{r} }
func (r resolver) Mutation() graph.MutationResolver         { return mutation{r} }
func (r resolver) Subscription() graph.SubscriptionResolver { return subscription{r} }
func (r resolver) Entity() graph.EntityResolver             { return entity{r} }

// request returns the operation's request.
func (r resolver) request(ctx context.Context) *view.Request {
	if request := upstream.RequestOf[view.Request](ctx); request != nil {
		return request
	}
	return view.NewRequest(r.source)
}

type query struct{ resolver }

func (q query) Pipeline(ctx context.Context, id string) (*view.Pipeline, error) {
	return q.request(ctx).PipelineByID(ctx, id)
}

func (q query) PipelineRun(ctx context.Context, id *string, url *scalar.URL) (*view.PipelineRun, error) {
	switch {
	case id != nil && url == nil:
		return q.request(ctx).RunByID(ctx, *id)
	case id == nil && url != nil:
		return q.request(ctx).RunByURL(ctx, *url)
	}
	return nil, view.Refuse(view.CodeBadInput, "name the run in one way: by id or by url")
}

func (q query) PipelineActions(ctx context.Context, target, principal *string, first *int, after *string) (*view.PipelineActionConnection, error) {
	return q.request(ctx).Actions(ctx, target, principal, first, after)
}

type mutation struct{ resolver }

// act does something and returns what came of it; nothing where it was not allowed.
func (m mutation) act(ctx context.Context, kind view.PipelineActionKind, id string, key graphql.Omittable[*string], start ci.StartQuery) (*view.Outcome, *string, error) {
	out, err := m.request(ctx).Act(ctx, kind, id, key.Value(), start)
	return out, key.Value(), err
}

func (m mutation) RerunPipelineRun(ctx context.Context, input graph.RerunPipelineRunInput) (*graph.RerunPipelineRunPayload, error) {
	out, key, err := m.act(ctx, view.Rerun, input.ID, input.ClientMutationID, ci.StartQuery{})
	if err != nil {
		return nil, err
	}
	return &graph.RerunPipelineRunPayload{Run: out.Run, UserErrors: out.UserErrors, ClientMutationID: key}, nil
}

func (m mutation) RerunFailedJobs(ctx context.Context, input graph.RerunFailedJobsInput) (*graph.RerunFailedJobsPayload, error) {
	out, key, err := m.act(ctx, view.RerunFailed, input.ID, input.ClientMutationID, ci.StartQuery{})
	if err != nil {
		return nil, err
	}
	return &graph.RerunFailedJobsPayload{Run: out.Run, UserErrors: out.UserErrors, ClientMutationID: key}, nil
}

func (m mutation) CancelPipelineRun(ctx context.Context, input graph.CancelPipelineRunInput) (*graph.CancelPipelineRunPayload, error) {
	out, key, err := m.act(ctx, view.Cancel, input.ID, input.ClientMutationID, ci.StartQuery{})
	if err != nil {
		return nil, err
	}
	return &graph.CancelPipelineRunPayload{Run: out.Run, UserErrors: out.UserErrors, ClientMutationID: key}, nil
}

func (m mutation) StartPipeline(ctx context.Context, input graph.StartPipelineInput) (*graph.StartPipelinePayload, error) {
	start := ci.StartQuery{Parameters: input.Parameters.Value()}
	if ref := input.Ref.Value(); ref != nil {
		start.Ref = *ref
	}
	out, key, err := m.act(ctx, view.Start, input.ID, input.ClientMutationID, start)
	if err != nil {
		return nil, err
	}
	return &graph.StartPipelinePayload{Run: out.Run, UserErrors: out.UserErrors, ClientMutationID: key}, nil
}

type subscription struct{ resolver }

func (s subscription) PipelineRun(ctx context.Context, id string, after *string) (<-chan *view.PipelineRun, error) {
	return s.request(ctx).WatchRun(ctx, id, after)
}

func (s subscription) PipelineLog(ctx context.Context, run string, job, after *string) (<-chan *view.PipelineLog, error) {
	return s.request(ctx).WatchLog(ctx, run, job, after)
}

type entity struct{ resolver }

func (e entity) FindManyCatalogEntityByRefs(ctx context.Context, reps []*graph.CatalogEntityByRefsInput) ([]*view.CatalogEntity, error) {
	return e.request(ctx).NewEntities(len(reps), func(i int) (string, map[string]string) { return reps[i].Ref, reps[i].Annotations }), nil
}

func (e entity) FindManyRepositoryByURLs(ctx context.Context, reps []*graph.RepositoryByURLsInput) ([]*view.Repository, error) {
	return e.request(ctx).NewRepositories(len(reps), func(i int) (*scalar.URL, *string) { return reps[i].URL, reps[i].DefaultBranch }), nil
}

func (e entity) FindManyCommitByURLs(ctx context.Context, reps []*graph.CommitByURLsInput) ([]*view.Commit, error) {
	return e.request(ctx).NewCommits(len(reps), func(i int) *scalar.URL { return reps[i].URL }), nil
}

func (e entity) FindManyPullRequestByURLs(ctx context.Context, reps []*graph.PullRequestByURLsInput) ([]*view.PullRequest, error) {
	return e.request(ctx).NewPullRequests(len(reps), func(i int) (scalar.URL, *string, string) {
		return reps[i].URL, reps[i].HeadRefOid, reps[i].BaseRefName
	}), nil
}

func (e entity) FindManyPipelineByIDs(ctx context.Context, reps []*graph.PipelineByIDsInput) ([]*view.Pipeline, error) {
	return upstream.FindMany(reps, func(rep *graph.PipelineByIDsInput) (*view.Pipeline, error) {
		return e.request(ctx).PipelineByID(ctx, rep.ID)
	})
}

func (e entity) FindManyPipelineRunByIDs(ctx context.Context, reps []*graph.PipelineRunByIDsInput) ([]*view.PipelineRun, error) {
	return upstream.FindMany(reps, func(rep *graph.PipelineRunByIDsInput) (*view.PipelineRun, error) {
		return e.request(ctx).RunByID(ctx, rep.ID)
	})
}
