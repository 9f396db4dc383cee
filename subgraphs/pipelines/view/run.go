package view

import (
	"context"
	"net/url"
	"slices"
	"sync"
	"time"

	"github.com/99designs/gqlgen/graphql"

	"callboard.dev/callboard/clients/git"
	"callboard.dev/callboard/subgraphs/pipelines/ci"
	"callboard.dev/callboard/subgraphs/relay"
	"callboard.dev/callboard/subgraphs/scalar"
)

// PipelineActor is somebody on a system.
type PipelineActor struct {
	Login          string
	Name           *string
	URL, AvatarURL *scalar.URL
}

// PipelineRun is one run of a pipeline.
type PipelineRun struct {
	Provenance
	ID           string
	Event        *string
	MissedEvents *bool

	system  *ci.System
	run     *ci.Run
	base    string // the branch that its pull request goes into; "" where that is not known
	request *Request

	stagesOnce sync.Once
	known      []ci.Stage
	stagesErr  error
}

// IsEntity marks a type with a key, for the generated code.
func (*PipelineRun) IsEntity() {}

func (q *Request) showRun(s *ci.System, from Provenance, r *ci.Run) *PipelineRun {
	return &PipelineRun{Provenance: from, ID: encodeID(runID, s, r.Key), system: s, run: r, request: q}
}

// RunByID returns the run with an id, or nil where there is none.
func (q *Request) RunByID(ctx context.Context, id string) (*PipelineRun, error) {
	s, key, ok := q.decodeID(runID, id)
	if !ok {
		return nil, nil
	}
	return q.runOf(ctx, s, key)
}

func (q *Request) runOf(ctx context.Context, s *ci.System, key string) (*PipelineRun, error) {
	l, err := q.of(s).runs.Load(ctx, key)
	if err != nil || !l.Known() || l.Value == nil {
		return nil, err
	}
	return q.showRun(s, sourced(s, l), l.Value), nil
}

// RunByURL returns the run whose page has the address, or nil where there is none.
func (q *Request) RunByURL(ctx context.Context, page scalar.URL) (*PipelineRun, error) {
	u, err := url.Parse(string(page))
	if err != nil {
		return nil, nil
	}
	for _, s := range q.source.Systems {
		if key, ok := s.RunAt(u); ok {
			return q.runOf(ctx, s, key)
		}
	}
	return nil, nil
}

// Pipeline is what it is a run of.
func (r *PipelineRun) Pipeline() *Pipeline {
	return &Pipeline{Provenance: r.Provenance, ID: encodeID(pipelineID, r.system, r.run.Pipeline), Provider: PipelineProvider(r.system.Provider), Name: r.run.PipelineName,
		system: r.system, key: r.run.Pipeline, request: r.request}
}

func orNoNumber(n int) *int {
	if n == 0 {
		return nil
	}
	return &n
}

// Number is what people see.
func (r *PipelineRun) Number() *int { return orNoNumber(r.run.Number) }

// Attempt is which attempt it is at.
func (r *PipelineRun) Attempt() *int { return orNoNumber(r.run.Attempt) }

// Title is what it was run for.
func (r *PipelineRun) Title() *string { return orNull(cutText(r.run.Title, maxTitle)) }

// maxTitle bounds what others wrote in one line, in bytes.
const maxTitle = 1 << 10

// Status is how far it is.
func (r *PipelineRun) Status() PipelineStatus { return PipelineStatus(r.run.Status) }

// ProviderStatus is the system's word for that.
func (r *PipelineRun) ProviderStatus() string { return r.run.Word }

// Trigger is why it runs.
func (r *PipelineRun) Trigger() PipelineTrigger { return PipelineTrigger(r.run.Trigger) }

// ProviderTrigger is the system's word for that.
func (r *PipelineRun) ProviderTrigger() string { return r.run.TriggerWord }

// CommitOid is the commit that it runs for.
func (r *PipelineRun) CommitOid() *string { return orNull(r.run.Commit) }

// Branch is the branch or tag.
func (r *PipelineRun) Branch() *string { return orNull(r.run.Branch) }

// Repository is the repository whose commit it is a run for.
func (r *PipelineRun) Repository() *Repository {
	of, ok := r.repository()
	if !ok {
		return nil
	}
	return r.request.NewRepositories(1, func(int) (*scalar.URL, *string) { return address(of.System.Host.RepositoryURL(of.Path)), nil })[0]
}

// Commit is the commit that it runs for.
func (r *PipelineRun) Commit() *Commit {
	of, ok := r.repository()
	if !ok || r.run.Commit == "" {
		return nil
	}
	return r.request.NewCommits(1, func(int) *scalar.URL { return address(of.System.Host.CommitURL(of.Path, r.run.Commit)) })[0]
}

// PullRequest is the pull request that it is for.
func (r *PipelineRun) PullRequest() *PullRequest {
	of, ok := r.repository()
	if !ok || r.run.PullRequest < 1 {
		return nil
	}
	return r.request.NewPullRequests(1, func(int) (scalar.URL, *string, string) {
		return scalar.URL(of.System.Host.PullRequestURL(of.Path, r.run.PullRequest)), nil, ""
	})[0]
}

// PullRequestNumber is the number of the pull request that it is for.
func (r *PipelineRun) PullRequestNumber() *int { return orNoNumber(r.run.PullRequest) }

// Actor is who asked for it.
func (r *PipelineRun) Actor() *PipelineActor {
	a := r.run.Actor
	if a == nil || a.Login == "" {
		return nil
	}
	return &PipelineActor{Login: a.Login, Name: orNull(a.Name), URL: address(a.URL), AvatarURL: address(a.Avatar)}
}

// CreatedAt is when it was asked for.
func (r *PipelineRun) CreatedAt() *time.Time { return moment(r.run.CreatedAt) }

// StartedAt is when it began.
func (r *PipelineRun) StartedAt() *time.Time { return moment(r.run.StartedAt) }

// FinishedAt is when it was done.
func (r *PipelineRun) FinishedAt() *time.Time { return moment(r.run.FinishedAt) }

// Duration is how long it took, or has run so far.
func (r *PipelineRun) Duration() *scalar.Duration {
	return lasted(r.run.Status, r.run.StartedAt, r.run.Duration)
}

// lasted returns how long something took where that is known, else how long it has run so far.
func lasted(status ci.Status, began time.Time, took *time.Duration) *scalar.Duration {
	if took == nil && status == ci.Running && !began.IsZero() {
		return span(new(since(began)))
	}
	return span(took)
}

// QueueTime is how long it waited for what it ran on.
func (r *PipelineRun) QueueTime() *scalar.Duration { return span(r.run.Waited) }

// URL is its page.
func (r *PipelineRun) URL() *scalar.URL { return address(r.run.URL) }

// PipelineRunActions is what can be done with a run.
type PipelineRunActions struct{ CanRerun, CanRerunFailed, CanCancel bool }

// Actions is what can be done with it.
func (r *PipelineRun) Actions() *PipelineRunActions {
	return &PipelineRunActions{CanRerun: r.run.Reruns.All, CanRerunFailed: r.run.Reruns.Failed, CanCancel: r.run.Reruns.Cancel}
}

// PipelineArtifact is a file that a run has left.
type PipelineArtifact struct {
	Name      string
	Size      *float64
	URL       *scalar.URL
	IsExpired bool
	ExpiresAt *time.Time
}

// Artifacts are what it has left.
func (r *PipelineRun) Artifacts(ctx context.Context) ([]*PipelineArtifact, error) {
	l, err := r.request.of(r.system).artifacts.Load(ctx, r.run.Key)
	if err != nil || !l.Known() || l.Value == nil {
		return nil, err
	}
	out := []*PipelineArtifact{}
	for _, a := range l.Value {
		shown := &PipelineArtifact{Name: a.Name, URL: address(a.URL), IsExpired: a.Expired, ExpiresAt: moment(a.Expires)}
		if a.Size >= 0 {
			shown.Size = new(float64(a.Size))
		}
		out = append(out, shown)
	}
	return out, nil
}

// Commit is a commit, as far as its runs are concerned.
type Commit struct {
	URL *scalar.URL

	oid     string
	at      target
	known   bool
	request *Request
	cohort  *commits
}

// IsEntity marks a type with a key, for the generated code.
func (*Commit) IsEntity() {}

// commits are commits that one step of a query asks for together.
type commits struct {
	once sync.Once
	all  []*Commit
}

// NewCommits returns commits that are asked for together.
func (q *Request) NewCommits(n int, at func(i int) *scalar.URL) []*Commit {
	together := &commits{}
	for i := range n {
		c := &Commit{URL: at(i), request: q, cohort: together}
		if c.URL != nil {
			c.find()
		}
		together.all = append(together.all, c)
	}
	return together.all
}

// find reads the address of its page.
func (c *Commit) find() {
	at, rest, ok := c.request.at(string(*c.URL))
	if !ok {
		return
	}
	if oid, whole := git.ParseOID(at.system.Host.CommitIn(rest)); whole {
		c.at, c.oid, c.known = at, string(oid), true
	}
}

func (c *Commit) name() ci.CommitName { return ci.CommitName{Repository: c.at.name, OID: c.oid} }

// PipelineRuns are the newest run of each pipeline.
func (c *Commit) PipelineRuns(ctx context.Context, first *int, after *string) (*PipelineRunConnection, error) {
	if !c.known {
		return nil, nil
	}
	c.cohort.once.Do(func() {
		for _, other := range c.cohort.all {
			if other.known {
				c.request.of(other.at.system).commits.Prepare(ctx, other.name())
				c.request.prepareLinked(ctx, other.at.system, other.name())
			}
		}
	})
	l, err := c.request.of(c.at.system).commits.Load(ctx, c.name())
	if err != nil {
		return nil, err
	}
	linked, err := c.request.linked(ctx, c.at.system, c.name())
	return pageOfRuns(ctx, c.request.showRuns(c.at.system, sourced(c.at.system, l), l.Value), linked, err, first, after)
}

// PullRequest is a pull request, as far as its runs are concerned.
type PullRequest struct {
	URL         scalar.URL
	HeadRefOid  *string
	BaseRefName string

	at      target
	number  int
	request *Request
	cohort  *pulls
}

// IsEntity marks a type with a key, for the generated code.
func (*PullRequest) IsEntity() {}

// pulls are pull requests that one step of a query asks for together.
type pulls struct {
	once sync.Once
	all  []*PullRequest
}

// NewPullRequests returns pull requests that are asked for together.
func (q *Request) NewPullRequests(n int, at func(i int) (page scalar.URL, head *string, base string)) []*PullRequest {
	together := &pulls{}
	for i := range n {
		p := &PullRequest{request: q, cohort: together}
		p.URL, p.HeadRefOid, p.BaseRefName = at(i)
		if t, rest, ok := q.at(string(p.URL)); ok {
			p.at, p.number = t, t.system.Host.PullRequestIn(rest)
		}
		together.all = append(together.all, p)
	}
	return together.all
}

func (p *PullRequest) name() ci.PullRequestName {
	return ci.PullRequestName{Repository: p.at.name, Number: p.number, URL: string(p.URL), Head: orEmpty(p.HeadRefOid)}
}

func (p *PullRequest) commit() ci.CommitName {
	return ci.CommitName{Repository: p.at.name, OID: orEmpty(p.HeadRefOid)}
}

// runs returns the newest run of each pipeline for its newest commit: those of the host, and those that others have linked to the commit. Where only the latter cannot be
// had, the error comes with the others.
func (p *PullRequest) runs(ctx context.Context) (own, linked []*PipelineRun, err error) {
	p.cohort.once.Do(func() {
		for _, other := range p.cohort.all {
			if other.number > 0 {
				p.request.of(other.at.system).pulls.Prepare(ctx, other.name())
				p.request.prepareLinked(ctx, other.at.system, other.commit())
			}
		}
	})
	l, err := p.request.of(p.at.system).pulls.Load(ctx, p.name())
	if err != nil {
		return nil, nil, err
	}
	own = p.request.showRuns(p.at.system, sourced(p.at.system, l), l.Value)
	linked, err = p.request.linked(ctx, p.at.system, p.commit())
	for _, r := range append(own[:len(own):len(own)], linked...) {
		r.base = p.BaseRefName
	}
	return own, linked, err
}

// PipelineRuns are the newest run of each pipeline for its newest commit.
func (p *PullRequest) PipelineRuns(ctx context.Context, first *int, after *string) (*PipelineRunConnection, error) {
	if p.number == 0 {
		return nil, nil
	}
	own, linked, err := p.runs(ctx)
	return pageOfRuns(ctx, own, linked, err, first, after)
}

func (q *Request) showRuns(s *ci.System, from Provenance, runs []*ci.Run) []*PipelineRun {
	out := []*PipelineRun{}
	for _, r := range runs {
		out = append(out, q.showRun(s, from, r))
	}
	return out
}

// pageOfRuns returns a page of a host's runs and of those that others have linked to the commit. Where those cannot be had the others are there, and an error says so.
func pageOfRuns(ctx context.Context, own, linked []*PipelineRun, err error, first *int, after *string) (*PipelineRunConnection, error) {
	if err != nil && own == nil {
		return nil, err
	}
	if err != nil {
		graphql.AddError(ctx, err)
	}
	page, err := cut(byTime(append(own, linked...)), relay.Args{First: first, After: after}, func(r *PipelineRun) string { return r.ID },
		func(e edge[*PipelineRun]) *PipelineRunEdge { return &PipelineRunEdge{e} })
	if err != nil {
		return nil, err
	}
	return &PipelineRunConnection{page}, nil
}

// linkers are the systems whose runs are known by the statuses that they put on commits: those that are no repository hosts.
func (q *Request) linkers() []*ci.System {
	return slices.DeleteFunc(slices.Clone(q.source.Systems), func(s *ci.System) bool { return s.Host != nil })
}

// prepareLinked has the statuses of a commit asked for together with others. Who has no other system asks nobody.
func (q *Request) prepareLinked(ctx context.Context, host *ci.System, commit ci.CommitName) {
	if commit.OID != "" && len(q.linkers()) > 0 {
		q.of(host).linked.Prepare(ctx, commit)
	}
}

// linked returns the runs of other systems whose addresses are on a commit as statuses.
func (q *Request) linked(ctx context.Context, host *ci.System, commit ci.CommitName) ([]*PipelineRun, error) {
	others := q.linkers()
	if len(others) == 0 || commit.OID == "" {
		return nil, nil
	}
	l, err := q.of(host).linked.Load(ctx, commit)
	if err != nil {
		return nil, err
	}
	type wanted struct {
		system *ci.System
		key    string
	}
	var keys []wanted
	for _, text := range l.Value {
		u, err := url.Parse(text)
		if err != nil {
			continue
		}
		for _, s := range others {
			if key, ok := s.RunAt(u); ok && !slices.Contains(keys, wanted{s, key}) {
				q.of(s).runs.Prepare(ctx, key)
				keys = append(keys, wanted{s, key})
			}
		}
	}
	var out []*PipelineRun
	for _, k := range keys {
		run, failure := q.runOf(ctx, k.system, k.key)
		if failure != nil {
			err = failure
		}
		if run != nil {
			out = append(out, run)
		}
	}
	return out, err
}
