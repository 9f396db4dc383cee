package gitlab

import (
	"context"
	"fmt"
	"net/url"
	"strconv"
	"strings"
	"time"

	official "gitlab.com/gitlab-org/api/client-go/v2"

	"callboard.dev/callboard/clients"
	"callboard.dev/callboard/clients/git"
)

// Job is a job of a pipeline. Its words for states are those of Pipeline.Status.
type Job struct {
	ID     int64
	Name   string
	Stage  string
	Status string
	URL    string // "" of a Trigger where GraphQL was asked: it has no page

	AllowFailure bool // that it fails does not make the pipeline fail
	Manual       bool // somebody has to begin it, or had to; REST does not tell
	Retried      bool // another job has come in its place; false where REST was asked
	Trigger      bool // it does nothing but begin a pipeline: a bridge
	External     bool // it is no job of GitLab's: somebody else tells its state, see SetCommitStatus
	Child        *Pipeline

	CreatedAt, StartedAt, FinishedAt time.Time
	Duration, Queued                 time.Duration
	Failure                          string   // why it failed: REST's word, such as "script_failure", or GraphQL's sentence
	Coverage                         *float64 // in percent; nil where it tells none. REST does not tell it from 0
	Tags                             []string // of the runners that may take it, at most 50
	Runner                           string   // what its runner is called; "" where GraphQL was asked and the credential may not see runners

	// What only REST tells.
	Pipeline  int64 // the id of its pipeline
	Ref       string
	SHA       git.OID
	User      *Account
	Artifacts []Artifact // at most 100
	ExpireAt  time.Time  // of its artifacts
}

// Artifact is something that a job has left behind.
type Artifact struct {
	Type   string // such as "archive", "trace", "junit" or "cobertura"
	Name   string
	Format string // "zip", "gzip" or "raw"
	Size   int64  // in bytes
}

// JobNumber names a job by its id.
type JobNumber struct {
	Project string
	ID      int64
}

func (n JobNumber) check() error {
	if err := checkProject(n.Project); err != nil {
		return err
	}
	return checkID(n.ID)
}

const maxTags = 50

// jobFields are of complexity 17, and 27 more for the pipeline that it may have begun.
const jobFields = `
fragment job on CiJob {
  id name status allowFailure manualJob retried kind createdAt startedAt finishedAt duration queuedDuration failureMessage coverage tags webPath
  stage { name }
  runner { description }
  downstreamPipeline { ...pipeline }
}`

// jobID is the global id of a job, which has its kind in it.
type jobID struct {
	number   number
	external bool
}

// UnmarshalJSON never fails, as that of number.
func (id *jobID) UnmarshalJSON(text []byte) error {
	id.external = strings.Contains(string(text), "/GenericCommitStatus/")
	return id.number.UnmarshalJSON(text)
}

type wireJob struct {
	ID                               jobID
	Name, Status, Kind               string
	FailureMessage, WebPath          string
	AllowFailure, ManualJob, Retried bool
	CreatedAt, StartedAt, FinishedAt moment
	Duration, QueuedDuration         seconds
	Coverage                         *float64
	Tags                             []string
	Stage                            *struct{ Name string }
	Runner                           *struct{ Description string }
	DownstreamPipeline               *wirePipeline
}

func (c *Client) jobOf(w *wireJob) *Job {
	j := &Job{ID: int64(w.ID.number), External: w.ID.external, Name: cut(w.Name, maxLine), Status: state(w.Status), URL: c.page(w.WebPath), AllowFailure: w.AllowFailure, Manual: w.ManualJob, Retried: w.Retried,
		Trigger: strings.EqualFold(w.Kind, "BRIDGE"), Child: c.pipelineOf(w.DownstreamPipeline), CreatedAt: w.CreatedAt.Time, StartedAt: w.StartedAt.Time, FinishedAt: w.FinishedAt.Time,
		Duration: time.Duration(w.Duration), Queued: time.Duration(w.QueuedDuration), Failure: cut(w.FailureMessage, maxLine), Coverage: percent(w.Coverage), Tags: few(w.Tags)}
	if w.Stage != nil {
		j.Stage = cut(w.Stage.Name, maxLine)
	}
	if w.Runner != nil {
		j.Runner = cut(w.Runner.Description, maxLine)
	}
	return j
}

// few returns the first of a job's tags.
func few(tags []string) []string {
	var out []string
	for _, tag := range tags[:min(len(tags), maxTags)] {
		out = append(out, cut(tag, maxLine))
	}
	return out
}

// covered returns a coverage of REST: its client has 0 for none.
func covered(share float64) *float64 {
	if share == 0 {
		return nil
	}
	return percent(&share)
}

func restJob(w *official.Job) *Job {
	if w == nil || w.ID == 0 {
		return nil
	}
	j := &Job{ID: w.ID, Name: cut(w.Name, maxLine), Stage: cut(w.Stage, maxLine), Status: state(w.Status), URL: cut(w.WebURL, maxLine), AllowFailure: w.AllowFailure,
		CreatedAt: timeOf(w.CreatedAt), StartedAt: timeOf(w.StartedAt), FinishedAt: timeOf(w.FinishedAt), Duration: lasting(w.Duration), Queued: lasting(w.QueuedDuration),
		Failure: cut(w.FailureReason, maxLine), Coverage: covered(w.Coverage), Tags: few(w.TagList), Pipeline: w.Pipeline.ID, Ref: cut(w.Ref, maxRef),
		Runner: cut(w.Runner.Description, maxLine), User: somebody(w.User), ExpireAt: timeOf(w.ArtifactsExpireAt)}
	j.SHA, _ = git.ParseOID(w.Pipeline.Sha)
	for _, a := range w.Artifacts[:min(len(w.Artifacts), maxPage)] {
		j.Artifacts = append(j.Artifacts, Artifact{Type: cut(a.FileType, maxLine), Name: cut(a.Filename, maxLine), Format: cut(a.FileFormat, maxLine), Size: max(a.Size, 0)})
	}
	return j
}

func somebody(u *official.User) *Account {
	if u == nil {
		return nil
	}
	return (&wireUser{u.Username, u.Name, u.WebURL, u.AvatarURL}).value()
}

func restBridge(w *official.Bridge) *Job {
	if w == nil || w.ID == 0 {
		return nil
	}
	j := &Job{ID: w.ID, Name: cut(w.Name, maxLine), Stage: cut(w.Stage, maxLine), Status: state(w.Status), URL: cut(w.WebURL, maxLine), AllowFailure: w.AllowFailure, Trigger: true,
		Child: listedPipeline(w.DownstreamPipeline), CreatedAt: timeOf(w.CreatedAt), StartedAt: timeOf(w.StartedAt), FinishedAt: timeOf(w.FinishedAt), Duration: lasting(w.Duration),
		Queued: lasting(w.QueuedDuration), Failure: cut(w.FailureReason, maxLine), Coverage: covered(w.Coverage), Pipeline: w.Pipeline.ID, Ref: cut(w.Ref, maxRef), User: somebody(w.User)}
	j.SHA, _ = git.ParseOID(w.Pipeline.SHA)
	return j
}

// Stage is a stage of a pipeline: its jobs run when those of the stage before have succeeded.
type Stage struct {
	Name   string
	Status string
}

// PipelineWithJobs is a pipeline with what it is made of.
type PipelineWithJobs struct {
	*Pipeline
	Stages   []Stage // in their order, at most 100
	Jobs     []*Job  // the newest first, those that were retried and those that begin other pipelines too, at most 100
	Complete bool    // these are all jobs
	Upstream *Pipeline
}

// PipelineWithJobs returns a pipeline with its stages and jobs. It makes one request.
func (c *Client) PipelineWithJobs(ctx context.Context, n PipelineNumber) (*PipelineWithJobs, error) {
	if err := n.check(); err != nil {
		return nil, err
	}
	const text = `query pipelineWithJobs($project: ID!, $id: CiPipelineID!) {
  project(fullPath: $project) { pipeline(id: $id) {
    ...pipeline
    stages { nodes { name status } }
    jobs(first: 100) { pageInfo { hasNextPage } nodes { ...job } }
    upstream { ...pipeline }
  } }
}` + jobFields + pipelineFields
	var answer struct {
		Project *struct {
			Pipeline *struct {
				wirePipeline
				Stages *nodes[struct{ Name, Status string }]
				Jobs   *struct {
					PageInfo struct{ HasNextPage bool }
					Nodes    []*wireJob
				}
				Upstream *wirePipeline
			}
		}
	}
	err := c.single(ctx, "pipelineWithJobs", text, map[string]any{"project": n.Project, "id": fmt.Sprintf("gid://gitlab/Ci::Pipeline/%d", n.ID)}, &answer)
	if err != nil {
		return nil, err
	}
	if answer.Project == nil {
		return nil, c.absent("project")
	}
	found := answer.Project.Pipeline
	if found == nil {
		return nil, c.absent("pipeline")
	}
	out := &PipelineWithJobs{Pipeline: c.pipelineOf(&found.wirePipeline), Upstream: c.pipelineOf(found.Upstream)}
	if out.Pipeline == nil || out.ID != n.ID {
		return nil, bad(c.source, "its answer is not what it should be: another pipeline than was asked for")
	}
	out.Stages = each(found.Stages, func(s *struct{ Name, Status string }) Stage {
		return Stage{Name: cut(s.Name, maxLine), Status: state(s.Status)}
	})
	if found.Jobs != nil {
		out.Jobs = each(&nodes[wireJob]{found.Jobs.Nodes}, c.jobOf)
		out.Complete = !found.Jobs.PageInfo.HasNextPage && len(found.Jobs.Nodes) <= maxPage
	}
	return out, nil
}

// Pipeline returns a pipeline. It makes one request to the REST interface.
func (c *Client) Pipeline(ctx context.Context, n PipelineNumber) (*Pipeline, error) {
	if err := n.check(); err != nil {
		return nil, err
	}
	ctx = clients.WithRoute(ctx, "GET /api/v4/projects/{id}/pipelines/{pipeline}")
	found, _, err := c.rest.Pipelines.GetPipeline(n.Project, n.ID, with(ctx))
	return c.ranPipeline(ctx, found, err)
}

// ranPipeline makes the pipeline or the error of what REST answers for one.
func (c *Client) ranPipeline(ctx context.Context, found *official.Pipeline, err error) (*Pipeline, error) {
	if err != nil {
		return nil, c.rested(ctx, err)
	}
	if p := restPipeline(found); p != nil {
		return p, nil
	}
	return nil, bad(c.source, "its answer is not what it should be")
}

// PipelineListQuery asks for a page of a project's pipelines that is counted, as PipelinesQuery without a cursor.
type PipelineListQuery struct {
	PipelinesQuery
	Name      string // with this name; with any where empty
	Scope     string // "running", "pending", "finished", "branches" or "tags"; all where empty
	ByUpdated bool   // the latest changed first, instead of the newest
	Number    int    // of the page, counted from 1; 1 where 0
	PerPage   int    // 1 to 100; 20 where 0
}

// PipelineList is a page of pipelines as REST lists them.
type PipelineList struct {
	Pipelines []*Pipeline
	Next      int  // the page after it; 0 where there is none
	Total     *int // in all pages; nil where GitLab does not tell
}

// ListPipelines returns a page of pipelines, with what REST lists of each. It makes one request to the REST interface.
func (c *Client) ListPipelines(ctx context.Context, q PipelineListQuery) (*PipelineList, error) {
	if err := checkProject(q.Project); err != nil {
		return nil, err
	}
	if err := q.check(); err != nil {
		return nil, err
	}
	if err := checkText("name", q.Name); err != nil {
		return nil, err
	}
	options := &official.ListProjectPipelinesOptions{Ref: set(q.Ref), SHA: set(q.SHA), Source: set(q.Source), Username: set(q.Username), Name: set(q.Name), Scope: set(q.Scope)}
	switch q.Scope {
	case "", "running", "pending", "finished", "branches", "tags":
	default:
		return nil, invalid("scope of pipelines", q.Scope)
	}
	var err error
	if options.ListOptions, err = offset(q.Number, q.PerPage); err != nil {
		return nil, err
	}
	if q.Status != "" {
		options.Status = official.Ptr(official.BuildStateValue(q.Status))
	}
	if q.ByUpdated {
		options.OrderBy = official.Ptr("updated_at")
	}
	if !q.UpdatedAfter.IsZero() {
		options.UpdatedAfter = &q.UpdatedAfter
	}
	if !q.UpdatedBefore.IsZero() {
		options.UpdatedBefore = &q.UpdatedBefore
	}
	ctx = clients.WithRoute(ctx, "GET /api/v4/projects/{id}/pipelines")
	found, resp, err := c.rest.Pipelines.ListProjectPipelines(q.Project, options, with(ctx))
	if err != nil {
		return nil, c.rested(ctx, err)
	}
	out := &PipelineList{Next: next(resp), Total: total(resp)}
	for _, w := range found[:min(len(found), maxPage)] {
		if p := listedPipeline(w); p != nil {
			out.Pipelines = append(out.Pipelines, p)
		}
	}
	return out, nil
}

// JobsQuery asks for a page of the jobs of a pipeline.
type JobsQuery struct {
	Pipeline PipelineNumber
	Statuses []string // in these states; in any where empty
	Retried  bool     // those in whose place others have come, too
	Page     int      // counted from 1; 1 where 0
	PerPage  int      // 1 to 100; 20 where 0
}

// JobPage is a page of jobs, the newest first.
type JobPage struct {
	Jobs  []*Job
	Next  int  // the page after it; 0 where there is none
	Total *int // in all pages; nil where GitLab does not tell
}

func (q *JobsQuery) options() (*official.ListJobsOptions, error) {
	if err := q.Pipeline.check(); err != nil {
		return nil, err
	}
	options := &official.ListJobsOptions{}
	if q.Retried {
		options.IncludeRetried = &q.Retried
	}
	if len(q.Statuses) > 0 {
		options.Scope = new([]official.BuildStateValue)
	}
	for _, status := range q.Statuses {
		if (&PipelinesQuery{Status: status}).check() != nil || len(q.Statuses) > len(states) {
			return nil, invalid("state of jobs", status)
		}
		*options.Scope = append(*options.Scope, official.BuildStateValue(status))
	}
	var err error
	options.ListOptions, err = offset(q.Page, q.PerPage)
	return options, err
}

// Jobs returns a page of the jobs of a pipeline, without those that begin other pipelines. It makes one request to the REST interface.
func (c *Client) Jobs(ctx context.Context, q JobsQuery) (*JobPage, error) {
	options, err := q.options()
	if err != nil {
		return nil, err
	}
	ctx = clients.WithRoute(ctx, "GET /api/v4/projects/{id}/pipelines/{pipeline}/jobs")
	found, resp, err := c.rest.Jobs.ListPipelineJobs(q.Pipeline.Project, q.Pipeline.ID, options, with(ctx))
	return jobPage(ctx, c, found, restJob, resp, err)
}

// Bridges returns a page of the jobs of a pipeline that begin other pipelines, each with the Child it has begun. It makes one request to the REST
// interface.
func (c *Client) Bridges(ctx context.Context, q JobsQuery) (*JobPage, error) {
	options, err := q.options()
	if err != nil {
		return nil, err
	}
	options.IncludeRetried = nil // GitLab has no such thing for these
	ctx = clients.WithRoute(ctx, "GET /api/v4/projects/{id}/pipelines/{pipeline}/bridges")
	found, resp, err := c.rest.Jobs.ListPipelineBridges(q.Pipeline.Project, q.Pipeline.ID, options, with(ctx))
	return jobPage(ctx, c, found, restBridge, resp, err)
}

func jobPage[W any](ctx context.Context, c *Client, found []*W, made func(*W) *Job, resp *official.Response, err error) (*JobPage, error) {
	if err != nil {
		return nil, c.rested(ctx, err)
	}
	out := &JobPage{Next: next(resp), Total: total(resp)}
	for _, w := range found[:min(len(found), maxPage)] {
		if j := made(w); j != nil {
			out.Jobs = append(out.Jobs, j)
		}
	}
	return out, nil
}

// Job returns a job. It makes one request to the REST interface.
func (c *Client) Job(ctx context.Context, n JobNumber) (*Job, error) {
	if err := n.check(); err != nil {
		return nil, err
	}
	ctx = clients.WithRoute(ctx, "GET /api/v4/projects/{id}/jobs/{job}")
	found, _, err := c.rest.Jobs.GetJob(n.Project, n.ID, with(ctx))
	return c.ranJob(ctx, found, err)
}

// ranJob makes the job or the error of what REST answers for one.
func (c *Client) ranJob(ctx context.Context, found *official.Job, err error) (*Job, error) {
	if err != nil {
		return nil, c.rested(ctx, err)
	}
	if j := restJob(found); j != nil {
		return j, nil
	}
	return nil, bad(c.source, "its answer is not what it should be")
}

// ParsePipelineURL reads the address of a pipeline's page, or of a page below it, on this GitLab: https://HOST/PROJECT/-/pipelines/ID. It wraps
// ErrInvalid where the text is none.
func (c *Client) ParsePipelineURL(text string) (PipelineNumber, error) {
	project, id, err := c.parseURL(text, "pipelines")
	if err != nil {
		return PipelineNumber{}, invalid("address of a pipeline", text)
	}
	return PipelineNumber{Project: project, ID: id}, nil
}

// ParseJobURL reads the address of a job's page, or of a page below it, on this GitLab: https://HOST/PROJECT/-/jobs/ID. It wraps ErrInvalid where the
// text is none.
func (c *Client) ParseJobURL(text string) (JobNumber, error) {
	project, id, err := c.parseURL(text, "jobs")
	if err != nil {
		return JobNumber{}, invalid("address of a job", text)
	}
	return JobNumber{Project: project, ID: id}, nil
}

// parseURL reads the project and the id of the address of a page of a kind.
func (c *Client) parseURL(text, kind string) (string, int64, error) {
	u, err := url.Parse(text)
	if err != nil || len(text) > maxLine || !strings.EqualFold(u.Host, c.web.Host) || u.Scheme != "https" && u.Scheme != "http" || u.User != nil {
		return "", 0, ErrInvalid
	}
	path, below := strings.CutPrefix(u.Path, c.web.Path+"/")
	project, rest, found := strings.Cut(path, "/-/"+kind+"/")
	if !below || !found {
		return "", 0, ErrInvalid
	}
	word, _, _ := strings.Cut(rest, "/")
	id, err := strconv.ParseInt(word, 10, 64)
	if err != nil {
		return "", 0, err
	}
	return project, id, PipelineNumber{Project: project, ID: id}.check()
}
