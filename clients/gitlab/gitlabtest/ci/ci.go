// Package ci runs the pipelines of a simulated GitLab: what the jobs of a pipeline are and how they will end goes in, and at any later time the
// states, logs and times that they have by then come out, with a word at every change.
//
// The one rule: time is given, never read. The same pipelines, actions and times give the same states, whoever looks how often in between.
//
// Open run.go for how a pipeline goes on, and action.go for what people may do to it. It is not safe for concurrent use.
package ci

import (
	"slices"
	"strings"
	"time"
)

// The states of jobs and pipelines, in the words of GitLab.
const (
	Created  = "created"
	Pending  = "pending"
	Running  = "running"
	Success  = "success"
	Failed   = "failed"
	Canceled = "canceled"
	Skipped  = "skipped"
	Manual   = "manual"
)

// Variable is a variable of a pipeline.
type Variable struct {
	Key, Value string
	Kind       string // "env_var" where empty, or "file"
}

// Artifact is a report that a job leaves behind, beside the archive of its Files.
type Artifact struct {
	Kind, Name, Format string // such as "junit", "junit.xml.gz" and "gzip"
	Size               int64
}

// TestCase is a test that a job reports.
type TestCase struct {
	Name, Class, File string
	Status            string // Success where empty, Failed, Skipped or "error"
	Seconds           float64
	Output, Stack     string
	RecentFailures    int // on the default branch
}

// Job is a job: first what it will do, then how far it is.
type Job struct {
	Name         string
	Stage        string // "test" where empty
	Manual       bool   // somebody has to play it
	AllowFailure bool   // it does not matter whether it fails; nor whether it is played, where it is Manual
	Queue        time.Duration
	Duration     time.Duration
	Outcome      string // Success where empty, or Failed
	Failure      string // "script_failure" where it fails and this is empty
	Coverage     float64
	Log          string
	Files        map[string]string // in its archive
	Artifacts    []Artifact
	Tests        []TestCase
	Tags         []string
	Child        *Pipeline // it does nothing but begin this one: a bridge
	Again        *Job      // what it does when it is retried; the same where nil

	External    bool   // somebody else tells its state: a commit status
	Description string // of an external one
	URL         string // of an external one

	ID         int64 // given where zero
	Status     string
	Retried    bool // another has come in its place
	Retries    int  // how often it was before
	User       string
	ChildID    int64 // of the pipeline it has begun
	CreatedAt  time.Time
	QueuedAt   time.Time
	StartedAt  time.Time
	FinishedAt time.Time
}

// What jobs take where nothing is said.
const (
	usualQueue    = 2 * time.Second
	usualDuration = 30 * time.Second
)

// Over reports whether a state is the last.
func Over(status string) bool {
	return status == Success || status == Failed || status == Canceled || status == Skipped
}

// Bridge reports whether the job does nothing but begin a pipeline.
func (j *Job) Bridge() bool { return j.Child != nil }

// Written returns what the job has written by a time: of one that runs as much of its log as of its duration is over, in whole lines.
func (j *Job) Written(now time.Time) string {
	if j.StartedAt.IsZero() {
		return ""
	}
	end := j.FinishedAt
	if j.Status == Success || j.Status == Failed {
		return j.Log
	}
	if end.IsZero() {
		end = now
	}
	share := min(1, max(0, float64(end.Sub(j.StartedAt))/float64(j.lasts())))
	part := j.Log[:int(share*float64(len(j.Log)))]
	return part[:strings.LastIndexByte(part, '\n')+1]
}

func (j *Job) lasts() time.Duration {
	if j.Duration > 0 {
		return j.Duration
	}
	return usualDuration
}

func (j *Job) waits() time.Duration {
	if j.Queue > 0 {
		return j.Queue
	}
	return usualQueue
}

// Ran returns how long the job has run by a time.
func (j *Job) Ran(now time.Time) time.Duration {
	switch {
	case j.StartedAt.IsZero():
		return 0
	case j.FinishedAt.IsZero():
		return now.Sub(j.StartedAt)
	}
	return j.FinishedAt.Sub(j.StartedAt)
}

// Queued returns how long the job has waited for a runner by a time.
func (j *Job) Queued(now time.Time) time.Duration {
	switch {
	case j.QueuedAt.IsZero():
		return 0
	case j.StartedAt.IsZero() && j.FinishedAt.IsZero():
		return now.Sub(j.QueuedAt)
	case j.StartedAt.IsZero():
		return j.FinishedAt.Sub(j.QueuedAt)
	}
	return j.StartedAt.Sub(j.QueuedAt)
}

// Pipeline is a pipeline: first what it is of, then how far it is.
type Pipeline struct {
	Name         string
	Ref          string // a branch or a tag by its short name; a merge request's is made of its number, where it is not such as "refs/merge-requests/1/merge"
	Tag          bool
	SHA          string
	BeforeSHA    string
	Source       string // "push" where empty
	User         string
	MergeRequest int64 // its iid; 0 for none
	Variables    []Variable
	Jobs         []*Job // in the order of their stages
	ConfigErrors string // it has no jobs and has failed

	ID, IID    int64 // given where zero
	Status     string
	Parent     int64 // the id of the pipeline that has begun it
	ParentJob  int64 // the id of the job of that
	CreatedAt  time.Time
	UpdatedAt  time.Time
	StartedAt  time.Time
	FinishedAt time.Time
}

// Stages returns the names of the stages in their order.
func (p *Pipeline) Stages() []string {
	var out []string
	for _, j := range p.Jobs {
		if !slices.Contains(out, j.Stage) {
			out = append(out, j.Stage)
		}
	}
	// What others tell comes last, as in GitLab's stage of that name.
	if i := slices.Index(out, external); i >= 0 {
		out = append(slices.Delete(out, i, i+1), external)
	}
	return out
}

// external is the stage of what others tell.
const external = "external"

// Latest returns the jobs that no others have come in the place of.
func (p *Pipeline) Latest() []*Job {
	return slices.DeleteFunc(slices.Clone(p.Jobs), func(j *Job) bool { return j.Retried })
}

// Coverage returns the mean of what the jobs tell in percent, and whether any does.
func (p *Pipeline) Coverage() (float64, bool) {
	sum, n := 0.0, 0
	for _, j := range p.Latest() {
		if j.Coverage > 0 && (j.Status == Success || j.Status == Failed) {
			sum, n = sum+j.Coverage, n+1
		}
	}
	if n == 0 {
		return 0, false
	}
	return sum / float64(n), true
}

// Warnings reports whether a job has failed that may.
func (p *Pipeline) Warnings() bool {
	return slices.ContainsFunc(p.Latest(), func(j *Job) bool { return j.AllowFailure && j.Status == Failed })
}

// Duration returns how long any of the jobs ran, without the time between them; 0 while the pipeline is not over.
func (p *Pipeline) Duration() time.Duration {
	if p.FinishedAt.IsZero() {
		return 0
	}
	var ran []*Job
	for _, j := range p.Latest() {
		if !j.StartedAt.IsZero() && !j.FinishedAt.IsZero() {
			ran = append(ran, j)
		}
	}
	slices.SortFunc(ran, func(a, b *Job) int { return a.StartedAt.Compare(b.StartedAt) })
	var sum time.Duration
	var until time.Time
	for _, j := range ran {
		from := j.StartedAt
		if from.Before(until) {
			from = until
		}
		if j.FinishedAt.After(from) {
			sum, until = sum+j.FinishedAt.Sub(from), j.FinishedAt
		}
	}
	return sum
}

// Queued returns how long the pipeline has waited for its first job to run.
func (p *Pipeline) Queued() time.Duration {
	if p.StartedAt.IsZero() {
		return 0
	}
	return p.StartedAt.Sub(p.CreatedAt)
}

// Retryable reports whether there is anything to retry.
func (p *Pipeline) Retryable() bool {
	return slices.ContainsFunc(p.Latest(), func(j *Job) bool { return !j.External && (j.Status == Failed || j.Status == Canceled) })
}

// Cancelable reports whether there is anything to cancel.
func (p *Pipeline) Cancelable() bool {
	return slices.ContainsFunc(p.Latest(), func(j *Job) bool { return !j.External && !Over(j.Status) })
}

// StatusOf returns the state of some jobs together, as that of a stage or of a pipeline follows from them.
func StatusOf(jobs []*Job) string {
	seen := map[string]bool{}
	for _, j := range jobs {
		switch {
		case j.AllowFailure && (j.Status == Failed || j.Status == Canceled):
			seen[Success] = true // with a warning
		case j.AllowFailure && j.Status == Manual:
			seen[Skipped] = true
		default:
			seen[j.Status] = true
		}
	}
	only := func(allowed ...string) bool {
		for status := range seen {
			if !slices.Contains(allowed, status) {
				return false
			}
		}
		return true
	}
	switch {
	case only(Skipped):
		return Skipped
	case only(Success, Skipped):
		return Success
	case only(Created, Skipped):
		return Created
	case only(Success, Canceled, Skipped):
		return Canceled
	case only(Created, Pending, Skipped):
		return Pending
	case seen[Running], seen[Pending]:
		return Running
	case seen[Manual]:
		return Manual
	case seen[Created]:
		return Running
	}
	return Failed
}
