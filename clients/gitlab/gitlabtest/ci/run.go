package ci

import (
	"cmp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Change is that the state of a pipeline, or of one of its jobs, has changed.
type Change struct {
	Pipeline *Pipeline
	Job      *Job // nil where the pipeline's has
}

// Runs is the pipelines of a project. Its zero value has none.
type Runs struct {
	Pipelines []*Pipeline  // by id
	Changed   func(Change) // told of every change; nobody where nil
	NextID    func() int64 // gives ids; must be there

	active []*Pipeline // that are not over
}

// Add begins a pipeline at the time that its CreatedAt is, and returns it as it is kept: p and its jobs are not changed. It has jobs, or ConfigErrors.
func (r *Runs) Add(p Pipeline) *Pipeline {
	made := p
	if made.ID == 0 {
		made.ID = r.NextID()
	}
	if made.IID == 0 {
		for _, other := range r.Pipelines {
			made.IID = max(made.IID, other.IID)
		}
		made.IID++
	}
	made.Source = cmp.Or(made.Source, "push")
	made.Status, made.UpdatedAt = Created, made.CreatedAt
	if made.MergeRequest != 0 && !strings.HasPrefix(made.Ref, "refs/merge-requests/") {
		made.Ref = "refs/merge-requests/" + strconv.FormatInt(made.MergeRequest, 10) + "/head"
	}
	made.Variables = slices.Clone(p.Variables)
	made.Jobs = nil
	for _, j := range p.Jobs {
		made.Jobs = append(made.Jobs, r.job(j, made.User, made.CreatedAt))
	}
	r.Pipelines = append(r.Pipelines, &made)
	slices.SortFunc(r.Pipelines, func(a, b *Pipeline) int { return cmp.Compare(a.ID, b.ID) })
	r.active = append(r.active, &made)
	r.tell(Change{Pipeline: &made})
	for _, j := range made.Jobs {
		r.tell(Change{&made, j})
	}
	r.settle(&made, made.CreatedAt)
	return &made
}

// job returns a job that does as another does, from the beginning.
func (r *Runs) job(like *Job, user string, at time.Time) *Job {
	j := *like
	j.ID, j.Status, j.Retried, j.Retries, j.ChildID = cmp.Or(j.ID, r.NextID()), Created, false, 0, 0
	j.Stage, j.User = cmp.Or(j.Stage, "test"), cmp.Or(j.User, user)
	j.CreatedAt, j.QueuedAt, j.StartedAt, j.FinishedAt = at, time.Time{}, time.Time{}, time.Time{}
	return &j
}

func (r *Runs) tell(c Change) {
	if r.Changed != nil {
		r.Changed(c)
	}
}

// Find returns the pipeline with an id, nil where there is none.
func (r *Runs) Find(id int64) *Pipeline {
	for _, p := range r.Pipelines {
		if p.ID == id {
			return p
		}
	}
	return nil
}

// FindJob returns the job with an id and its pipeline, nil where there is none.
func (r *Runs) FindJob(id int64) (*Pipeline, *Job) {
	for _, p := range r.Pipelines {
		for _, j := range p.Jobs {
			if j.ID == id {
				return p, j
			}
		}
	}
	return nil, nil
}

// Due reports whether anything changes by itself up to a time.
func (r *Runs) Due(now time.Time) bool {
	_, _, at := r.next()
	return !at.IsZero() && !at.After(now)
}

// Advance lets everything happen that happens by itself up to a time, in order.
func (r *Runs) Advance(now time.Time) {
	for {
		p, j, at := r.next()
		if at.IsZero() || at.After(now) {
			return
		}
		if j.Status == Pending {
			r.set(p, j, Running, at)
		} else {
			r.set(p, j, cmp.Or(j.Outcome, Success), at)
		}
		r.settle(p, at)
	}
}

// next returns what changes next by itself, and when; a zero time where nothing does.
func (r *Runs) next() (pipeline *Pipeline, job *Job, when time.Time) {
	for _, p := range r.active {
		for _, j := range p.Jobs {
			if j.External {
				continue
			}
			var at time.Time
			switch j.Status {
			case Pending:
				at = j.QueuedAt.Add(j.waits())
			case Running:
				at = j.StartedAt.Add(j.lasts())
			default:
				continue
			}
			if when.IsZero() || at.Before(when) {
				pipeline, job, when = p, j, at
			}
		}
	}
	return pipeline, job, when
}

// set gives a job another state.
func (r *Runs) set(p *Pipeline, j *Job, status string, at time.Time) {
	j.Status = status
	switch {
	case status == Pending:
		j.QueuedAt = at
	case status == Running:
		j.StartedAt = at
	case status == Failed && !j.External:
		j.Failure = cmp.Or(j.Failure, "script_failure")
		j.FinishedAt = at
	case Over(status) && status != Skipped:
		j.FinishedAt = at
	}
	p.UpdatedAt = at
	r.tell(Change{p, j})
}

// settle lets the jobs whose turn it is begin, and finds the state of their pipeline.
func (r *Runs) settle(p *Pipeline, at time.Time) {
	if len(p.Jobs) == 0 && p.ConfigErrors == "" {
		return // somebody else will tell what it is about
	}
	r.enable(p, at)
	status := StatusOf(p.Latest())
	if p.ConfigErrors != "" {
		status = Failed
	}
	if status == p.Status {
		return
	}
	p.Status, p.UpdatedAt = status, at
	if status == Running && p.StartedAt.IsZero() {
		p.StartedAt = at
	}
	p.FinishedAt = time.Time{}
	r.active = slices.DeleteFunc(r.active, func(q *Pipeline) bool { return q == p })
	if Over(status) {
		p.FinishedAt = at
	} else {
		r.active = append(r.active, p)
	}
	r.tell(Change{Pipeline: p})
}

// enable goes through the stages up to the first that is not over.
func (r *Runs) enable(p *Pipeline, at time.Time) {
	failed := false
	for _, stage := range p.Stages() {
		open := false
		for _, j := range p.Latest() {
			if j.Stage != stage {
				continue
			}
			if j.Status == Created && !j.External {
				switch {
				case failed:
					r.set(p, j, Skipped, at)
				case j.Manual:
					r.set(p, j, Manual, at)
				case j.Bridge():
					r.begin(p, j, at)
				default:
					r.set(p, j, Pending, at)
				}
			}
			switch {
			case (j.Status == Failed || j.Status == Canceled) && !j.AllowFailure:
				failed = true
			case j.Status == Manual && j.AllowFailure, Over(j.Status):
			default:
				open = true
			}
		}
		if open {
			return // what comes after waits, also where it will be skipped
		}
	}
}

// begin begins the pipeline of a bridge, which is over with that.
func (r *Runs) begin(p *Pipeline, j *Job, at time.Time) {
	child := *j.Child
	child.Parent, child.ParentJob, child.Source, child.CreatedAt = p.ID, j.ID, "parent_pipeline", at
	child.Ref, child.Tag, child.SHA, child.User = p.Ref, p.Tag, p.SHA, p.User
	child.MergeRequest = p.MergeRequest
	made := r.Add(child)
	j.ChildID, j.StartedAt, j.QueuedAt = made.ID, at, at
	r.set(p, j, Success, at)
}
