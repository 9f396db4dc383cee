package ci

import (
	"cmp"
	"errors"
	"slices"
	"time"
)

// What people may not do.
var (
	ErrNotRetryable = errors.New("job is not retryable")
	ErrNotPlayable  = errors.New("job is not playable")
	ErrSame         = errors.New("it is in that state")
)

// Retry begins again what failed or was canceled.
func (r *Runs) Retry(p *Pipeline, user string, at time.Time) {
	for _, j := range p.Latest() {
		if !j.External && (j.Status == Failed || j.Status == Canceled) {
			r.again(p, j, user, at)
		}
	}
	r.reopen(p)
	r.settle(p, at)
}

// RetryJob begins a job that is over again, and returns the one that has come in its place.
func (r *Runs) RetryJob(p *Pipeline, j *Job, user string, at time.Time) (*Job, error) {
	if j.Retried || j.External || !Over(j.Status) || j.Status == Skipped {
		return nil, ErrNotRetryable
	}
	made := r.again(p, j, user, at)
	r.reopen(p)
	r.settle(p, at)
	return made, nil
}

func (r *Runs) again(p *Pipeline, j *Job, user string, at time.Time) *Job {
	like := *cmp.Or(j.Again, j)
	like.Name, like.Stage, like.ID, like.User = j.Name, j.Stage, 0, user
	if like.Again == nil {
		like.Failure = ""
	}
	made := r.job(&like, user, at)
	made.Retries = j.Retries + 1
	j.Retried = true
	p.Jobs = slices.Insert(p.Jobs, slices.Index(p.Jobs, j)+1, made)
	r.tell(Change{p, made})
	if made.Bridge() {
		return made
	}
	r.set(p, made, Pending, at) // also where it is manual: somebody has begun it
	return made
}

// reopen lets the jobs that were skipped have their turn again.
func (r *Runs) reopen(p *Pipeline) {
	for _, j := range p.Latest() {
		if j.Status == Skipped && !j.External {
			j.Status = Created
		}
	}
}

// Play begins a job that waits for somebody to do so.
func (r *Runs) Play(p *Pipeline, j *Job, user string, at time.Time) error {
	if j.Status != Manual {
		return ErrNotPlayable
	}
	j.User = user
	r.set(p, j, Pending, at)
	r.settle(p, at)
	return nil
}

// Cancel ends all that is not over.
func (r *Runs) Cancel(p *Pipeline, at time.Time) {
	for _, j := range p.Latest() {
		if !j.External && !Over(j.Status) {
			r.set(p, j, Canceled, at)
		}
	}
	r.settle(p, at)
}

// CancelJob ends a job; one that is over stays as it is.
func (r *Runs) CancelJob(p *Pipeline, j *Job, at time.Time) {
	if j.External || Over(j.Status) {
		return
	}
	r.set(p, j, Canceled, at)
	r.settle(p, at)
}

// Tell notes what somebody else says of the commit of a pipeline, by the name of what he says it of. To say the same again is ErrSame.
func (r *Runs) Tell(p *Pipeline, like Job, at time.Time) (*Job, error) {
	var j *Job
	for _, other := range p.Latest() {
		if other.External && other.Name == like.Name {
			j = other
		}
	}
	switch {
	case j == nil || Over(j.Status):
		if j != nil {
			j.Retried = true
		}
		made := r.job(&Job{Name: like.Name, Stage: external, External: true, User: like.User}, like.User, at)
		p.Jobs = append(p.Jobs, made)
		j = made
	case j.Status == like.Status:
		return nil, ErrSame
	}
	j.Description, j.URL = like.Description, like.URL
	if like.Status == Running || j.StartedAt.IsZero() && Over(like.Status) {
		j.StartedAt = at
	}
	r.set(p, j, like.Status, at)
	r.settle(p, at)
	return j, nil
}
