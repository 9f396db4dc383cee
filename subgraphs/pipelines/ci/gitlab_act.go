package ci

import (
	"context"
	"errors"
	"maps"
	"slices"
	"strings"

	"callboard.dev/callboard/clients"
	"callboard.dev/callboard/clients/gitlab"
)

// gitLabUnrepeatable says, for what has begun pipelines that GitLab cannot begin again on request, what to do instead.
var gitLabUnrepeatable = map[string]string{
	"parent_pipeline": "another pipeline has begun it: run that one again, or what failed in this",
	"pipeline":        "the pipeline of another project has begun it: run that one again, or what failed in this",
	"schedule":        "it is of a schedule, whose variables a new pipeline would not have: play the schedule on GitLab, or run what failed again",
	"external":        "it is what others say of the commit, and they have to run it again",

	"external_pull_request_event":        "it is of a pull request at another host: run it again from there, or run what failed again",
	"security_orchestration_policy":      "a policy of GitLab's has begun it, and will again; run what failed again",
	"pipeline_execution_policy_schedule": "a policy of GitLab's has begun it, and will again; run what failed again",
	"ondemand_dast_scan":                 "it is a scan: begin another on GitLab, or run what failed again",
	"ondemand_dast_validation":           "it is a scan: begin another on GitLab, or run what failed again",
}

// gitLabWithVariables are what begins pipelines that people give variables.
var gitLabWithVariables = map[string]bool{"web": true, "webide": true, "api": true, "trigger": true, "chat": true}

// instead is what can be done where a pipeline cannot be run again.
const gitLabInstead = "start a new one, or run what failed again"

// Rerun begins another pipeline: GitLab runs none again as a whole, but makes a new one of the newest commit of its branch, tag or merge request, with the variables of the old. Where
// that would be another commit, it is refused, and so is what GitLab would make another thing of, such as a pipeline of a schedule. As the new one was asked for by a program,
// its jobs may be others where the configuration makes them depend on that.
//
// It makes three requests, and a fourth for one that people give variables, or of what merging would give.
func (g *gitLab) Rerun(ctx context.Context, key string) (*Run, error) {
	n, err := g.run(key)
	if err != nil {
		return nil, err
	}
	p, err := g.client.Pipeline(ctx, n)
	if err != nil {
		return nil, g.failed(false, err)
	}
	if !gitLabStatus(p.Status, false).Done() {
		return nil, g.deny("the run is %s: wait for its end, or cancel it first", p.Status)
	}
	if instead := gitLabUnrepeatable[p.Source]; instead != "" {
		return nil, g.deny("%s", instead)
	}
	if p.MergeRequest != 0 {
		return g.rerunMergeRequest(ctx, n, p)
	}
	kind, what := "refs/heads/", "branch"
	if p.Tag {
		kind, what = "refs/tags/", "tag"
	}
	history, err := g.client.History(ctx, gitlab.HistoryQuery{Project: n.Project, Revision: kind + p.Ref, PerPage: 1})
	switch {
	case errors.Is(err, clients.ErrNotFound), err == nil && len(history.Commits) == 0:
		return nil, g.deny("the %s %s is no more; run what failed again", what, p.Ref)
	case err != nil:
		return nil, g.failed(false, err)
	}
	if newest := history.Commits[0].OID; newest != p.SHA {
		return nil, g.deny("it would build the newest commit of %s, %s, and not %s as before: %s", p.Ref, newest, p.SHA, gitLabInstead)
	}
	var variables []gitlab.Variable
	if gitLabWithVariables[p.Source] {
		variables, err = g.client.PipelineVariables(ctx, n)
		if errors.Is(err, clients.ErrForbidden) {
			return nil, g.deny("GitLab tells its variables only to maintainers and to whoever began it, so that it cannot be the same again: %s", gitLabInstead)
		}
		if err != nil {
			return nil, g.failed(false, err)
		}
	}
	return g.began(n.Project)(g.client.CreatePipeline(ctx, gitlab.NewPipeline{Project: n.Project, Ref: p.Ref, Variables: variables}))
}

// rerunMergeRequest begins a pipeline of a merge request whose head is the same still. Of what merging it would give, the branch that it is merged into may have gone on: to
// see what comes of both is what such a pipeline is for.
func (g *gitLab) rerunMergeRequest(ctx context.Context, n gitlab.PipelineNumber, p *gitlab.Pipeline) (*Run, error) {
	if strings.HasSuffix(p.Ref, "/train") {
		return nil, g.deny("it is of a merge train, which GitLab runs by itself: add the merge request to the train again")
	}
	m := gitlab.MergeRequestNumber{Project: n.Project, Number: p.MergeRequest}
	found, errs := g.client.MergeRequestsByNumber(ctx, []gitlab.MergeRequestNumber{m})
	if err := g.failed(found[0] != nil, errs[0]); err != nil {
		return nil, err
	}
	head := found[0].Head
	same := head == p.SHA
	if !same && head != "" && strings.HasSuffix(p.Ref, "/merge") {
		merged, err := g.client.Commit(ctx, n.Project, p.SHA)
		if err != nil && !errors.Is(err, clients.ErrNotFound) {
			return nil, g.failed(false, err)
		}
		same = err == nil && slices.Contains(merged.Parents, head)
	}
	switch {
	case head == "":
		return nil, g.deny("merge request !%d has no commits any more; run what failed again", m.Number)
	case !same:
		return nil, g.deny("it would build the newest commit of merge request !%d, %s, and not %s as before: %s", m.Number, head, p.SHA, gitLabInstead)
	}
	return g.began(n.Project)(g.client.CreateMergeRequestPipeline(ctx, m))
}

// began is the run that an action has returned.
func (g *gitLab) began(project string) func(*gitlab.Pipeline, error) (*Run, error) {
	return func(p *gitlab.Pipeline, err error) (*Run, error) {
		if err != nil {
			return nil, g.failed(false, err)
		}
		return g.tell(project, p), nil
	}
}

// RerunFailed begins again what failed or was canceled; the run stays the same. It makes two requests: GitLab does not refuse a run of which nothing has failed, and does nothing, so
// that its jobs are looked at first. How far the run is after may be said as it was before.
func (g *gitLab) RerunFailed(ctx context.Context, key string) (*Run, error) {
	n, err := g.run(key)
	if err != nil {
		return nil, err
	}
	found, err := g.client.PipelineWithJobs(ctx, n)
	if err != nil {
		return nil, g.failed(false, err)
	}
	if found.Complete && !slices.ContainsFunc(found.Jobs, func(j *gitlab.Job) bool {
		return !j.Retried && !j.External && (j.Status == "failed" || j.Status == "canceled")
	}) {
		return nil, g.deny("no job of the run has failed or was canceled (%s)", found.Status)
	}
	return g.began(n.Project)(g.client.RetryPipeline(ctx, n))
}

// Cancel makes two requests: GitLab does not refuse a run that is over, and does nothing, so that it is looked at first. How far the run is after may be said as it was before.
func (g *gitLab) Cancel(ctx context.Context, key string) (*Run, error) {
	found, numbers, errs := g.numbered(ctx, []string{key})
	if errs[0] != nil {
		return nil, errs[0]
	}
	if status := gitLabStatus(found[0].Status, false); status.Done() {
		return nil, g.deny("the run is over (%s)", found[0].Status)
	}
	return g.began(numbers[0].Project)(g.client.CancelPipeline(ctx, numbers[0]))
}

// Start makes one request, and another before it where no branch is given. Parameters are variables of the pipeline, which a project may keep to some of its people.
func (g *gitLab) Start(ctx context.Context, q StartQuery) (*Run, error) {
	project, err := g.project(q.Pipeline)
	if err != nil {
		return nil, err
	}
	made := gitlab.NewPipeline{Project: project, Ref: q.Ref}
	for _, name := range slices.Sorted(maps.Keys(q.Parameters)) {
		made.Variables = append(made.Variables, gitlab.Variable{Key: name, Value: q.Parameters[name]})
	}
	if made.Ref == "" {
		found, errs := g.client.Projects(ctx, []string{project})
		if err := g.failed(found[0] != nil, errs[0]); err != nil {
			return nil, err
		}
		if made.Ref = found[0].DefaultBranch; made.Ref == "" {
			return nil, g.deny("%s has no commits", project)
		}
	}
	return g.began(project)(g.client.CreatePipeline(ctx, made))
}
