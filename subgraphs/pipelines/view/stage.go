package view

import (
	"context"
	"slices"
	"time"

	"callboard.dev/callboard/subgraphs/pipelines/ci"
	"callboard.dev/callboard/subgraphs/scalar"
)

// PipelineStage is a part of a run.
type PipelineStage struct {
	Name                  string
	Status                PipelineStatus
	ProviderStatus        string
	StartedAt, FinishedAt *time.Time
	Duration              *scalar.Duration
	Jobs                  []*PipelineJob
}

// PipelineJob is what runs in one place.
type PipelineJob struct {
	ID, Name              string
	Status                PipelineStatus
	ProviderStatus        string
	StartedAt, FinishedAt *time.Time
	Duration, QueueTime   *scalar.Duration
	URL                   *scalar.URL
	Runner                *string
	IsAllowedToFail       bool
	Failure               *string

	job *ci.Job
	run *PipelineRun
}

// PipelineStep is a step of a job.
type PipelineStep struct {
	Number                int
	Name                  string
	Detail                *string
	Status                PipelineStatus
	ProviderStatus        string
	StartedAt, FinishedAt *time.Time
	Duration              *scalar.Duration
}

// stages returns the stages of the run, nil where they are not told.
func (r *PipelineRun) stages(ctx context.Context) ([]ci.Stage, error) {
	r.stagesOnce.Do(func() {
		if r.run.Stages != nil {
			r.known = r.run.Stages
			return
		}
		l, err := r.request.of(r.system).stages.Load(ctx, r.run.Key)
		if err != nil || !l.Known() || l.Value == nil {
			r.stagesErr = err
			return
		}
		r.known = l.Value.Stages
	})
	return r.known, r.stagesErr
}

// Stages are its stages.
func (r *PipelineRun) Stages(ctx context.Context) ([]*PipelineStage, error) {
	stages, err := r.stages(ctx)
	if err != nil || stages == nil {
		return nil, err
	}
	out := []*PipelineStage{}
	for i := range stages {
		s := &stages[i]
		shown := &PipelineStage{Name: s.Name, Status: PipelineStatus(s.Status), ProviderStatus: s.Word, StartedAt: moment(s.StartedAt), FinishedAt: moment(s.FinishedAt),
			Duration: lasted(s.Status, s.StartedAt, s.Duration), Jobs: []*PipelineJob{}}
		for j := range s.Jobs {
			shown.Jobs = append(shown.Jobs, r.showJob(&s.Jobs[j]))
		}
		out = append(out, shown)
	}
	return out, nil
}

// Jobs are all its jobs.
func (r *PipelineRun) Jobs(ctx context.Context, statuses []PipelineStatus) ([]*PipelineJob, error) {
	stages, err := r.stages(ctx)
	if err != nil || stages == nil {
		return nil, err
	}
	out := []*PipelineJob{}
	for i := range stages {
		for j := range stages[i].Jobs {
			if job := &stages[i].Jobs[j]; len(statuses) == 0 || slices.Contains(statuses, PipelineStatus(job.Status)) {
				out = append(out, r.showJob(job))
			}
		}
	}
	return out, nil
}

func (r *PipelineRun) showJob(j *ci.Job) *PipelineJob {
	return &PipelineJob{ID: encodeID(jobID, r.system, j.Key), Name: j.Name, Status: PipelineStatus(j.Status), ProviderStatus: j.Word, StartedAt: moment(j.StartedAt),
		FinishedAt: moment(j.FinishedAt), Duration: lasted(j.Status, j.StartedAt, j.Duration), QueueTime: span(j.Waited), URL: address(j.URL), Runner: orNull(j.Runner),
		IsAllowedToFail: j.AllowFailure, Failure: orNull(cutText(j.Failure, maxTitle)), job: j, run: r}
}

// Steps are its steps.
func (j *PipelineJob) Steps(ctx context.Context) ([]*PipelineStep, error) {
	steps := j.job.Steps
	if steps == nil {
		l, err := j.run.request.of(j.run.system).steps.Load(ctx, j.job.Key)
		if err != nil || !l.Known() {
			return nil, err
		}
		steps = l.Value
	}
	out := []*PipelineStep{}
	for _, s := range steps {
		out = append(out, &PipelineStep{Number: s.Number, Name: s.Name, Detail: orNull(cutText(s.Detail, maxTitle)), Status: PipelineStatus(s.Status), ProviderStatus: s.Word,
			StartedAt: moment(s.StartedAt), FinishedAt: moment(s.FinishedAt), Duration: lasted(s.Status, s.StartedAt, s.Duration)})
	}
	return out, nil
}
