package gitlabtest

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"strconv"
	"strings"
	"time"

	"callboard.dev/callboard/clients/clientstest"
	"callboard.dev/callboard/clients/gitlab/gitlabtest/ci"
)

type graphPipeline struct {
	c *graphCall
	p *project
	r *ci.Pipeline
}

// graphPipeline returns a pipeline by id as a value that may be null.
func (c *graphCall) graphPipeline(p *project, id int64) any {
	if r := p.runs.Find(id); id != 0 && r != nil {
		return graphPipeline{c, p, r}
	}
	return nil
}

func (g graphPipeline) ID() string           { return gid("Ci::Pipeline", g.r.ID) }
func (g graphPipeline) IID() string          { return strconv.FormatInt(g.r.IID, 10) }
func (g graphPipeline) Name() any            { return orNull(g.r.Name) }
func (g graphPipeline) Status() string       { return strings.ToUpper(g.r.Status) }
func (g graphPipeline) Source() any          { return orNull(g.r.Source) }
func (g graphPipeline) Ref() any             { return orNull(g.r.Ref) }
func (g graphPipeline) SHA() any             { return orNull(g.r.SHA) }
func (g graphPipeline) BeforeSHA() any       { return orNull(g.r.BeforeSHA) }
func (g graphPipeline) CreatedAt() time.Time { return g.r.CreatedAt.UTC() }
func (g graphPipeline) UpdatedAt() time.Time { return g.r.UpdatedAt.UTC() }
func (g graphPipeline) StartedAt() any       { return timeOrNull(g.r.StartedAt) }
func (g graphPipeline) FinishedAt() any      { return timeOrNull(g.r.FinishedAt) }
func (g graphPipeline) Duration() any        { return wholeSeconds(g.r.Duration()) }
func (g graphPipeline) QueuedDuration() any  { return fraction(g.r.Queued()) }
func (g graphPipeline) Warnings() bool       { return g.r.Warnings() }
func (g graphPipeline) YamlErrors() bool     { return g.r.ConfigErrors != "" }
func (g graphPipeline) Retryable() bool      { return g.r.Retryable() }
func (g graphPipeline) Cancelable() bool     { return g.r.Cancelable() }
func (g graphPipeline) Complete() bool       { return ci.Over(g.r.Status) }
func (g graphPipeline) Active() bool         { return g.r.Status == ci.Running || g.r.Status == ci.Pending }
func (g graphPipeline) Child() bool          { return g.r.Parent != 0 }
func (g graphPipeline) TotalJobs() int       { return len(g.r.Latest()) }
func (g graphPipeline) Path() string {
	return "/" + g.p.Path + "/-/pipelines/" + strconv.FormatInt(g.r.ID, 10)
}
func (g graphPipeline) CommitPath() string { return "/" + g.p.Path + "/-/commit/" + g.r.SHA }
func (g graphPipeline) Project() any       { return g.c.graphProject(g.p) }
func (g graphPipeline) User() any          { return g.c.graphUser(g.r.User, nil) }
func (g graphPipeline) Upstream() any      { return g.c.graphPipeline(g.p, g.r.Parent) }

// DetailedStatus is what people see of the state.
func (g graphPipeline) DetailedStatus() object {
	return graphStatus(g.r.Status, g.r.Warnings(), g.Path())
}

// Latest reports whether there is no newer one of the same ref.
func (g graphPipeline) Latest() bool {
	found := g.p.pipelines(selection{ref: g.r.Ref})
	return len(found) > 0 && found[0] == g.r
}

// Coverage is null where no job tells any.
func (g graphPipeline) Coverage() any {
	if share, ok := g.r.Coverage(); ok {
		return share
	}
	return nil
}

// MergeRequest is null for those of branches and tags.
func (g graphPipeline) MergeRequest() any {
	if m := g.p.mergeRequest(g.r.MergeRequest); m != nil {
		return graphMergeRequest{g.c, g.p, m}
	}
	return nil
}

// Commit is null where it is no more.
func (g graphPipeline) Commit() (any, error) {
	k, err := graphRepository{g.c, g.p}.commitOf(g.r.SHA)
	if err != nil || k == nil {
		return nil, err
	}
	return graphCommit{g.c, g.p, k}, nil
}

// SourceJob is the job that has begun it.
func (g graphPipeline) SourceJob() any {
	if r, j := g.p.runs.FindJob(g.r.ParentJob); g.r.ParentJob != 0 && j != nil {
		return graphJob{g.c, g.p, r, j}
	}
	return nil
}

func graphStatus(status string, warnings bool, path string) object {
	o := detailedStatus(status, warnings, path)
	return object{"id": status, "detailsPath": o["details_path"], "favicon": o["favicon"], "group": o["group"], "hasDetails": true, "icon": o["icon"], "label": o["label"], "text": o["text"],
		"tooltip": o["tooltip"]}
}

// wholeSeconds is a duration as an Int.
func wholeSeconds(d time.Duration) any {
	if d <= 0 {
		return nil
	}
	return int(d.Round(time.Second) / time.Second)
}

type graphStage struct {
	graphPipeline
	name string
}

func (g graphStage) jobs() []*ci.Job {
	return slices.DeleteFunc(g.r.Latest(), func(j *ci.Job) bool { return j.Stage != g.name })
}

func (g graphStage) ID() string {
	return gid("Ci::Stage", g.r.ID*100+int64(slices.Index(g.r.Stages(), g.name)))
}
func (g graphStage) Name() string           { return g.name }
func (g graphStage) Status() string         { return ci.StatusOf(g.jobs()) }
func (g graphStage) DetailedStatus() object { return graphStatus(g.Status(), false, g.Path()) }

type graphJob struct {
	c *graphCall
	p *project
	r *ci.Pipeline
	j *ci.Job
}

// ID has the kind of the job in it.
func (g graphJob) ID() string {
	switch {
	case g.j.Bridge():
		return gid("Ci::Bridge", g.j.ID)
	case g.j.External:
		return gid("GenericCommitStatus", g.j.ID)
	}
	return gid("Ci::Build", g.j.ID)
}
func (g graphJob) Name() string        { return g.j.Name }
func (g graphJob) Status() string      { return strings.ToUpper(g.j.Status) }
func (g graphJob) AllowFailure() bool  { return g.j.AllowFailure }
func (g graphJob) ManualJob() bool     { return g.j.Manual }
func (g graphJob) Retried() bool       { return g.j.Retried }
func (g graphJob) CreatedAt() any      { return timeOrNull(g.j.CreatedAt) }
func (g graphJob) QueuedAt() any       { return timeOrNull(g.j.QueuedAt) }
func (g graphJob) StartedAt() any      { return timeOrNull(g.j.StartedAt) }
func (g graphJob) FinishedAt() any     { return timeOrNull(g.j.FinishedAt) }
func (g graphJob) Duration() any       { return wholeSeconds(g.j.Ran(g.c.now)) }
func (g graphJob) QueuedDuration() any { return fraction(g.j.Queued(g.c.now)) }
func (g graphJob) Tags() []string      { return append([]string{}, g.j.Tags...) }
func (g graphJob) Stage() graphStage   { return graphStage{graphPipeline{g.c, g.p, g.r}, g.j.Stage} }
func (g graphJob) Pipeline() any       { return graphPipeline{g.c, g.p, g.r} }
func (g graphJob) RefName() string     { return g.r.Ref }
func (g graphJob) ShortSHA() string    { return g.r.SHA[:min(8, len(g.r.SHA))] }
func (g graphJob) CreatedByTag() bool  { return g.r.Tag }
func (g graphJob) Active() bool        { return g.j.Status == ci.Running || g.j.Status == ci.Pending }
func (g graphJob) Cancelable() bool    { return !g.j.External && !ci.Over(g.j.Status) }
func (g graphJob) Playable() bool      { return g.j.Status == ci.Manual }
func (g graphJob) DetailedStatus() object {
	return graphStatus(g.j.Status, false, g.path())
}
func (g graphJob) path() string {
	return "/" + g.p.Path + "/-/jobs/" + strconv.FormatInt(g.j.ID, 10)
}

// WebPath is null for what begins pipelines.
func (g graphJob) WebPath() any {
	if g.j.Bridge() {
		return nil
	}
	return g.path()
}

// Runner is what it runs on, for those who are signed in.
func (g graphJob) Runner() any {
	if g.c.viewer == nil || g.j.StartedAt.IsZero() || g.j.Bridge() || g.j.External {
		return nil
	}
	return object{"id": gid("Ci::Runner", 1), "description": "runner-1"}
}
func (g graphJob) Retryable() bool {
	return !g.j.Retried && !g.j.External && ci.Over(g.j.Status) && g.j.Status != ci.Skipped
}

// DownstreamPipeline is what a bridge has begun.
func (g graphJob) DownstreamPipeline() any { return g.c.graphPipeline(g.p, g.j.ChildID) }

// Kind is what a job is.
func (g graphJob) Kind() string {
	if g.j.Bridge() {
		return "BRIDGE"
	}
	return "BUILD"
}

// FailureMessage is GitLab's sentence for the reason.
func (g graphJob) FailureMessage() any {
	switch {
	case g.j.Status != ci.Failed:
		return nil
	case g.j.Failure == "script_failure":
		return "There has been a script failure. Check the job log for more information"
	}
	return strings.ReplaceAll(g.j.Failure, "_", " ")
}

// Coverage is null where the job tells none.
func (g graphJob) Coverage() any {
	if g.j.Coverage > 0 && ci.Over(g.j.Status) {
		return g.j.Coverage
	}
	return nil
}

// selectionOf reads what a list of pipelines is narrowed to.
func selectionOf(args clientstest.Args) selection {
	q := selection{ref: args.Text("ref"), sha: args.Text("sha"), status: strings.ToLower(args.Text("status")), source: args.Text("source"), username: args.Text("username"),
		scope: strings.ToLower(args.Text("scope"))}
	q.after, _ = time.Parse(time.RFC3339, args.Text("updatedAfter"))
	q.before, _ = time.Parse(time.RFC3339, args.Text("updatedBefore"))
	return q
}

func pipelineConnection(c *graphCall, p *project, args clientstest.Args, wanted func(*ci.Pipeline) bool) (any, error) {
	found := slices.DeleteFunc(p.pipelines(selectionOf(args)), func(r *ci.Pipeline) bool { return !wanted(r) })
	return connect(args, each(found, func(r *ci.Pipeline) graphPipeline { return graphPipeline{c, p, r} }), graphPipeline.ID)
}

var pipelineResolvers = clientstest.Resolvers{
	"Project.pipeline": func(ctx context.Context, at clientstest.Field) (any, error) {
		g := at.Object.(graphProject)
		id, iid, sha := at.Args.Text("id"), at.Args.Text("iid"), at.Args.Text("sha")
		if id == "" && iid == "" && sha == "" {
			return nil, errors.New("Provide one of ID, IID or SHA") //lint:ignore ST1005 it is shown to clients
		}
		for _, r := range slices.Backward(g.p.runs.Pipelines) {
			if id != "" && id == gid("Ci::Pipeline", r.ID) || iid != "" && iid == strconv.FormatInt(r.IID, 10) || sha != "" && sha == r.SHA {
				return graphPipeline{g.c, g.p, r}, nil
			}
		}
		return nil, nil
	},
	"Project.pipelines": func(ctx context.Context, at clientstest.Field) (any, error) {
		g := at.Object.(graphProject)
		return pipelineConnection(g.c, g.p, at.Args, func(*ci.Pipeline) bool { return true })
	},
	"Commit.pipelines": func(ctx context.Context, at clientstest.Field) (any, error) {
		g := at.Object.(graphCommit)
		return pipelineConnection(g.c, g.p, at.Args, func(r *ci.Pipeline) bool { return r.SHA == string(g.k.OID) })
	},
	"MergeRequest.pipelines": func(ctx context.Context, at clientstest.Field) (any, error) {
		g := at.Object.(graphMergeRequest)
		return pipelineConnection(g.c, g.p, at.Args, func(r *ci.Pipeline) bool { return g.p.concerns(r, g.m) })
	},
	"Pipeline.downstream": func(ctx context.Context, at clientstest.Field) (any, error) {
		g := at.Object.(graphPipeline)
		var found []graphPipeline
		for _, r := range g.p.runs.Pipelines {
			if r.Parent == g.r.ID {
				found = append(found, graphPipeline{g.c, g.p, r})
			}
		}
		return connect(at.Args, found, graphPipeline.ID)
	},
	"Pipeline.stages": func(ctx context.Context, at clientstest.Field) (any, error) {
		g := at.Object.(graphPipeline)
		return connect(at.Args, each(g.r.Stages(), func(name string) graphStage { return graphStage{g, name} }), graphStage.ID)
	},
	"CiStage.jobs": func(ctx context.Context, at clientstest.Field) (any, error) {
		g := at.Object.(graphStage)
		return connect(at.Args, each(g.jobs(), func(j *ci.Job) graphJob { return graphJob{g.c, g.p, g.r, j} }), graphJob.ID)
	},
	"Pipeline.jobs": func(ctx context.Context, at clientstest.Field) (any, error) {
		g := at.Object.(graphPipeline)
		var found []graphJob
		for _, j := range g.r.Jobs {
			one := graphJob{g.c, g.p, g.r, j}
			kind := at.Args.Text("jobKind")
			if at.Args.Given("retried") && at.Args.True("retried") != j.Retried || at.Args.Given("statuses") && !slices.Contains(at.Args.Texts("statuses"), one.Status()) ||
				kind != "" && kind != one.Kind() {
				continue
			}
			found = append(found, one)
		}
		slices.SortFunc(found, func(a, b graphJob) int { return cmp.Compare(b.j.ID, a.j.ID) })
		return connect(at.Args, found, graphJob.ID)
	},
	"CiJob.artifacts": func(ctx context.Context, at clientstest.Field) (any, error) {
		g := at.Object.(graphJob)
		list, _ := g.c.job(g.p, g.r, g.j)["artifacts"].([]object)
		found := each(list, func(o object) object {
			kind, _ := o["file_type"].(string)
			return object{"id": gid("Ci::JobArtifact", g.j.ID) + kind, "name": o["filename"], "fileType": strings.ToUpper(kind), "size": strconv.Itoa(o["size"].(int)), "expireAt": nil,
				"downloadPath": "/" + g.p.Path + "/-/jobs/" + strconv.FormatInt(g.j.ID, 10) + "/artifacts/download?file_type=" + kind}
		})
		return connect(at.Args, found, func(o object) string { return o["id"].(string) })
	},
}
