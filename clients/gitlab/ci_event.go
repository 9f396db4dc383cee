package gitlab

import (
	"bytes"
	"encoding/json"
	"strconv"
	"strings"
	"time"

	"callboard.dev/callboard/clients/git"
)

// PipelineEvent is what a webhook tells of a pipeline whose state has changed.
type PipelineEvent struct {
	Pipeline         // MergeRequest and User are told; Coverage, Warnings, StartedAt and UpdatedAt are not
	Stages   []Stage // their names; in what state they are follows from the jobs
	Jobs     []*Job  // the newest first, at most 1,000; without those that were retried, and without those that begin other pipelines
	Upstream int64   // the id of the pipeline that has begun it, 0 for none
	From     string  // the path of the project of that
}

// JobEvent is what a webhook tells of a job whose state has changed.
type JobEvent struct {
	Job
	Tag     bool // its ref is one
	Retries int  // how often it was retried before
}

// maxJobs bounds the jobs of an event. A pipeline may have more; whoever needs them asks.
const maxJobs = 1000

// date is a time of a webhook, which come in several shapes; zero where it is null or in none of them.
type date struct{ time.Time }

// dates are the shapes: those of GitLab's "Webhook events", by what tells them.
var dates = []string{"2006-01-02 15:04:05 MST", "2006-01-02 15:04:05 -0700", time.RFC3339}

// UnmarshalJSON never fails: one odd date must not take an event with it.
func (d *date) UnmarshalJSON(text []byte) error {
	d.Time = time.Time{}
	word := strings.Trim(string(text), `"`)
	for _, shape := range dates {
		if t, err := time.Parse(shape, word); err == nil {
			// Only UTC has a name that is sure to mean the same everywhere.
			if name, offset := t.Zone(); shape == dates[0] && (name != "UTC" || offset != 0) {
				return nil
			}
			d.Time = t
			return nil
		}
	}
	return nil
}

// word is text of an event, "" where it is none.
type word string

// UnmarshalJSON never fails.
func (w *word) UnmarshalJSON(text []byte) error {
	var s string
	_ = json.Unmarshal(text, &s)
	*w = word(s)
	return nil
}

// yes is a boolean of an event, false where it is none.
type yes bool

// UnmarshalJSON never fails.
func (y *yes) UnmarshalJSON(text []byte) error {
	*y = yes(bytes.Equal(text, []byte("true")))
	return nil
}

type wireEventUser struct {
	Username  word `json:"username"`
	Name      word `json:"name"`
	AvatarURL word `json:"avatar_url"`
}

func (u *wireEventUser) value() *Account {
	if u == nil {
		return nil
	}
	return (&wireUser{Username: string(u.Username), Name: string(u.Name), AvatarURL: string(u.AvatarURL)}).value()
}

// ciEvent is the parts of the events of pipelines and jobs that are read.
type ciEvent struct {
	User    *wireEventUser `json:"user"`
	Project struct {
		URL word `json:"web_url"`
	} `json:"project"`
	Source *struct {
		Pipeline number `json:"pipeline_id"`
		Project  struct {
			Path word `json:"path_with_namespace"`
		} `json:"project"`
	} `json:"source_pipeline"`

	// Of pipelines.
	Attributes struct {
		ID         number  `json:"id"`
		IID        number  `json:"iid"`
		Name       word    `json:"name"`
		Status     word    `json:"status"`
		Source     word    `json:"source"`
		Ref        word    `json:"ref"`
		SHA        word    `json:"sha"`
		URL        word    `json:"url"`
		Stages     []word  `json:"stages"`
		CreatedAt  date    `json:"created_at"`
		FinishedAt date    `json:"finished_at"`
		Duration   seconds `json:"duration"`
		Queued     seconds `json:"queued_duration"`
	} `json:"object_attributes"`
	MergeRequest *struct {
		IID number `json:"iid"`
	} `json:"merge_request"`
	Builds []*struct {
		ID           number         `json:"id"`
		Stage        word           `json:"stage"`
		Name         word           `json:"name"`
		Status       word           `json:"status"`
		CreatedAt    date           `json:"created_at"`
		StartedAt    date           `json:"started_at"`
		FinishedAt   date           `json:"finished_at"`
		Duration     seconds        `json:"duration"`
		Queued       seconds        `json:"queued_duration"`
		Failure      word           `json:"failure_reason"`
		Manual       yes            `json:"manual"`
		AllowFailure yes            `json:"allow_failure"`
		User         *wireEventUser `json:"user"`
		Runner       *struct {
			Description word `json:"description"`
		} `json:"runner"`
	} `json:"builds"`

	// Of jobs.
	Ref          word    `json:"ref"`
	Tag          yes     `json:"tag"`
	SHA          word    `json:"sha"`
	Retries      number  `json:"retries_count"`
	ID           number  `json:"build_id"`
	Name         word    `json:"build_name"`
	Stage        word    `json:"build_stage"`
	Status       word    `json:"build_status"`
	CreatedAt    date    `json:"build_created_at_iso"`
	StartedAt    date    `json:"build_started_at_iso"`
	FinishedAt   date    `json:"build_finished_at_iso"`
	OldCreated   date    `json:"build_created_at"` // what older ones have instead
	OldStarted   date    `json:"build_started_at"`
	OldFinished  date    `json:"build_finished_at"`
	Duration     seconds `json:"build_duration"`
	Queued       seconds `json:"build_queued_duration"`
	AllowFailure yes     `json:"build_allow_failure"`
	Failure      word    `json:"build_failure_reason"`
	Pipeline     number  `json:"pipeline_id"`
	Runner       *struct {
		Description word   `json:"description"`
		Tags        []word `json:"tags"`
	} `json:"runner"`
}

// ran fills in what the event of a pipeline or of a job tells. What is not of the expected type is as if it were not there.
func (e *Event) ran(body []byte) {
	var w ciEvent
	_ = json.Unmarshal(body, &w) // that it is JSON is known; what is of another type is left out
	if e.Kind == "build" {
		e.Job = w.job(e)
		e.Number = mergeRequestOf(e.Job.Ref)
		return
	}
	e.Pipeline = w.pipeline(e)
	e.Number = e.Pipeline.MergeRequest
}

func (w *ciEvent) pipeline(e *Event) *PipelineEvent {
	a := &w.Attributes
	out := &PipelineEvent{Pipeline: Pipeline{ID: int64(a.ID), Number: int(a.IID), Name: cut(string(a.Name), maxLine), Status: state(string(a.Status)), Source: cut(string(a.Source), maxLine),
		Ref: cut(string(a.Ref), maxRef), SHA: e.Head, URL: cut(string(a.URL), maxLine), CreatedAt: a.CreatedAt.Time, FinishedAt: a.FinishedAt.Time, Duration: time.Duration(a.Duration),
		Queued: time.Duration(a.Queued), User: w.User.value()}}
	if w.MergeRequest != nil {
		out.MergeRequest = int(w.MergeRequest.IID)
	}
	if w.Source != nil {
		out.Upstream = int64(w.Source.Pipeline)
		if checkProject(string(w.Source.Project.Path)) == nil {
			out.From = string(w.Source.Project.Path)
		}
	}
	for _, name := range a.Stages[:min(len(a.Stages), maxPage)] {
		out.Stages = append(out.Stages, Stage{Name: cut(string(name), maxLine)})
	}
	for _, b := range w.Builds[:min(len(w.Builds), maxJobs)] {
		if b == nil {
			continue
		}
		j := &Job{ID: int64(b.ID), Name: cut(string(b.Name), maxLine), Stage: cut(string(b.Stage), maxLine), Status: state(string(b.Status)), CreatedAt: b.CreatedAt.Time,
			StartedAt: b.StartedAt.Time, FinishedAt: b.FinishedAt.Time, Duration: time.Duration(b.Duration), Queued: time.Duration(b.Queued), Failure: cut(string(b.Failure), maxLine),
			Manual: bool(b.Manual), AllowFailure: bool(b.AllowFailure), User: b.User.value(), Pipeline: out.ID, Ref: out.Ref, SHA: out.SHA}
		if b.Runner != nil {
			j.Runner = cut(string(b.Runner.Description), maxLine)
		}
		out.Jobs = append(out.Jobs, j)
	}
	return out
}

func (w *ciEvent) job(e *Event) *JobEvent {
	either := func(a, b date) time.Time {
		if a.IsZero() {
			return b.Time
		}
		return a.Time
	}
	out := &JobEvent{Tag: bool(w.Tag), Retries: int(w.Retries), Job: Job{ID: int64(w.ID), Name: cut(string(w.Name), maxLine), Stage: cut(string(w.Stage), maxLine), Status: state(string(w.Status)),
		CreatedAt: either(w.CreatedAt, w.OldCreated), StartedAt: either(w.StartedAt, w.OldStarted), FinishedAt: either(w.FinishedAt, w.OldFinished), Duration: time.Duration(w.Duration),
		Queued: time.Duration(w.Queued), AllowFailure: bool(w.AllowFailure), Pipeline: int64(w.Pipeline), Ref: cut(string(w.Ref), maxRef), User: w.User.value()}}
	if out.Status == "failed" { // other jobs say "unknown_failure"
		out.Failure = cut(string(w.Failure), maxLine)
	}
	out.SHA, _ = git.ParseOID(string(w.SHA))
	if w.Project.URL != "" && out.ID > 0 {
		out.URL = cut(string(w.Project.URL), maxLine-64) + "/-/jobs/" + strconv.FormatInt(out.ID, 10)
	}
	if w.Runner != nil {
		out.Runner = cut(string(w.Runner.Description), maxLine)
		for _, tag := range w.Runner.Tags[:min(len(w.Runner.Tags), maxTags)] {
			out.Tags = append(out.Tags, cut(string(tag), maxLine))
		}
	}
	if strings.HasPrefix(e.Ref, "refs/heads/") && out.Tag {
		e.Ref = "refs/tags/" + strings.TrimPrefix(e.Ref, "refs/heads/")
	}
	return out
}
