package ci

import (
	"context"
	"errors"
	"maps"
	"slices"
	"strings"

	"callboard.dev/callboard/clients"
	"callboard.dev/callboard/clients/jenkins"
)

// Rerun builds the job again with the parameters of the run; where it builds a branch, what that is now. Parameters that are secret get what the job says. It
// makes two requests, up to four where Jenkins wants a crumb, and one where it is not plain whether the job is that of a branch. What it returns waits in the queue.
func (d *jenkinsDriver) Rerun(ctx context.Context, run string) (*Run, error) {
	id, item, err := d.build(ctx, run)
	switch {
	case err != nil:
		return nil, err
	case id == nil && item.State == jenkins.Cancelled:
		return nil, d.declined("it was taken out of the queue before it was built; start the pipeline anew")
	case id == nil:
		return nil, d.declined("it waits in the queue, and has not run yet")
	}
	queued, err := d.client.Rebuild(ctx, *id)
	if err != nil {
		return nil, d.undone(err)
	}
	return d.queued(ctx, id.Job, "", queued), nil
}

// RerunFailed asks nobody.
func (d *jenkinsDriver) RerunFailed(context.Context, string) (*Run, error) {
	return nil, d.unable("Jenkins cannot run what failed alone; run all of it again")
}

// queued is what has been put into the queue of a job. What is not known of it is not asked for but whether the job is that of a branch: Runs tells the rest.
func (d *jenkinsDriver) queued(ctx context.Context, job, known string, item int64) *Run {
	of := jenkinsProject{name: known}
	if known == "" {
		of = d.projectOf(ctx, job, nil)
	}
	out := d.waiting(jenkinsQueueKey(job, item), &jenkins.Item{}, job, of.name, of.title)
	out.Trigger = ByHand
	return out
}

// projectOf is projects for one job after something was done: what cannot be found out then is left out.
func (d *jenkinsDriver) projectOf(ctx context.Context, job string, causes []jenkins.Cause) jenkinsProject {
	projects, _ := d.projects(ctx, map[string][]jenkins.Cause{job: causes})
	return projects[job]
}

// Cancel stops a build, or takes what waits out of the queue. It makes three requests for a build, which may take its time to stop, and two for what waits; one
// where it is not plain whether the job is that of a branch; and up to two more where Jenkins wants a crumb.
func (d *jenkinsDriver) Cancel(ctx context.Context, run string) (*Run, error) {
	r, err := d.run(run)
	if err != nil {
		return nil, err
	}
	b, item, err := d.find(ctx, r)
	switch {
	case err != nil:
		return nil, err
	case item != nil && item.State == jenkins.Cancelled:
		return nil, d.declined("it was taken out of the queue already")
	case item != nil:
		if err := d.client.Cancel(ctx, r.item); err != nil {
			return nil, d.undone(err)
		}
		item.State = jenkins.Cancelled
		of := d.projectOf(ctx, r.Job, item.Causes)
		return d.waiting(run, item, r.Job, of.name, of.title), nil
	case !b.Building:
		return nil, d.declined("it is over")
	}
	if err := d.client.Stop(ctx, b.BuildID); err != nil {
		return nil, d.undone(err)
	}
	if now, err := d.client.Build(ctx, b.BuildID); err == nil {
		b = now
	}
	of := d.projectOf(ctx, b.Job, b.Causes)
	return d.told(jenkinsBuild{Build: b, project: of.name, title: of.title}), nil
}

// Start makes two requests for a job and three for a multibranch project, of which it builds the branch that is named by Ref, or its main one; and up to two
// more where Jenkins wants a crumb. What it returns waits in the queue. Where the same waits already, it is that.
func (d *jenkinsDriver) Start(ctx context.Context, q StartQuery) (*Run, error) {
	j, job, err := d.buildable(ctx, q.Pipeline, q.Ref)
	switch {
	case errors.Is(err, clients.ErrNotFound) && j != nil:
		return nil, d.refuse("%.100q has no branch %.100q that Jenkins builds", j.Name, q.Ref)
	case err != nil:
		return nil, err
	case j.Kind == jenkins.Folder:
		return nil, d.folder(j.Name)
	case job == nil:
		return nil, d.refuse("which branch of %.100q is its main one is not known; name a branch", j.Name)
	case j == job && q.Ref != "" && q.Ref != jenkins.BranchOf(job.Name):
		return nil, d.unable("a job of Jenkins builds the branch that it is made for; name none, start the job of that branch, or give it as a parameter where the job takes one")
	case !job.Buildable:
		return nil, d.declined("the job is disabled, or cannot be built")
	}
	if err := d.check(job, q.Parameters); err != nil {
		return nil, err
	}
	start := jenkins.StartQuery{Job: job.Name, Parameterized: len(job.Definitions) > 0}
	for _, name := range slices.Sorted(maps.Keys(q.Parameters)) {
		start.Parameters = append(start.Parameters, jenkins.Parameter{Name: name, Value: q.Parameters[name]})
	}
	item, err := d.client.Start(ctx, start)
	if err != nil {
		return nil, d.undone(err)
	}
	known := ""
	if j != job {
		known = j.Name
	}
	return d.queued(ctx, job.Name, known, item), nil
}

// maxJenkinsDefinitions is how many parameters of a job, and how many choices of one, the client tells. What may be among the others is not refused here.
const maxJenkinsDefinitions = 100

// check checks parameters against those that a job takes. Jenkins leaves out what it does not know, and fails without a word for what is no choice.
func (d *jenkinsDriver) check(job *jenkins.Job, given map[string]string) error {
	known := map[string]Parameter{}
	for _, definition := range job.Definitions {
		known[definition.Name] = jenkinsParameter(definition)
	}
	for _, name := range slices.Sorted(maps.Keys(given)) {
		p, ok := known[name]
		switch {
		case !ok && len(known) == 0:
			return d.refuse("the job takes no parameters, and so no %.100q", name)
		case !ok && len(known) < maxJenkinsDefinitions:
			return d.refuse("the job takes no parameter %.100q; it takes %s", name, strings.Join(slices.Sorted(maps.Keys(known)), ", "))
		case ok && len(p.Choices) > 0 && len(p.Choices) < maxJenkinsDefinitions && !slices.Contains(p.Choices, given[name]):
			return d.refuse("the parameter %s is one of %s", name, strings.Join(p.Choices, ", "))
		}
	}
	return nil
}
