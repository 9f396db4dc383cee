package gitlab

import (
	"net/url"
	"strconv"
	"strings"
	"time"

	official "gitlab.com/gitlab-org/api/client-go/v2"

	"callboard.dev/callboard/clients/git"
)

// Pipeline is one run of a project's CI. Its words for states are those of GitLab's REST interface, in small letters, whichever interface was
// asked: "created", "waiting_for_resource", "preparing", "pending", "running", "success", "failed", "canceling", "canceled", "skipped", "manual" or
// "scheduled", and what came up after this was written.
type Pipeline struct {
	ID     int64
	Number int    // the iid: what people see behind "#" within a project; 0 where GitLab does not tell
	Name   string // as workflow:name has it; mostly ""
	Status string
	Source string // what began it, such as "push", "merge_request_event", "schedule", "web", "api" or "parent_pipeline"
	Ref    string // a branch or a tag, or such as "refs/merge-requests/1/head"
	SHA    git.OID
	URL    string

	CreatedAt, UpdatedAt  time.Time
	StartedAt, FinishedAt time.Time     // zero where it has not; StartedAt and the below are not told by lists of REST
	Duration              time.Duration // of its jobs, without the time between them; 0 while it is not over
	Queued                time.Duration
	Coverage              *float64 // in percent; nil where no job tells any
	User                  *Account // whose doing it is; nil where the account is no more
	MergeRequest          int      // the iid of the merge request that it is of; 0 for those of branches and tags
	Warnings              bool     // a job has failed that may fail; false where REST was asked
	ConfigErrors          string   // what is wrong with its configuration; "" where GraphQL was asked
	Tag                   bool     // Ref is a tag; false where GraphQL was asked, and in lists of REST
}

// PipelineNumber names a pipeline by its id, which is not the number that people see.
type PipelineNumber struct {
	Project string
	ID      int64
}

func (n PipelineNumber) check() error {
	if err := checkProject(n.Project); err != nil {
		return err
	}
	return checkID(n.ID)
}

func checkID(id int64) error {
	if id < 1 {
		return invalid("id", strconv.FormatInt(id, 10))
	}
	return nil
}

// pipelineWeight is the complexity of pipelineFields.
const (
	pipelineWeight = 23
	pipelineFields = `
fragment pipeline on Pipeline {
  id iid name status source ref sha path createdAt updatedAt startedAt finishedAt duration queuedDuration coverage warnings
  user { ` + userFields + ` }
  mergeRequest { iid }
}`
)

type wirePipeline struct {
	ID, IID                                     number
	Name, Status, Source, Ref, SHA, Path        string
	CreatedAt, UpdatedAt, StartedAt, FinishedAt moment
	Duration, QueuedDuration                    seconds
	Coverage                                    *float64
	Warnings                                    bool
	User                                        *wireUser
	MergeRequest                                *struct{ IID number }
}

// pipelineOf makes the pipeline of an answer of GraphQL, nil where it is none.
func (c *Client) pipelineOf(w *wirePipeline) *Pipeline {
	if w == nil || w.ID == 0 {
		return nil
	}
	p := &Pipeline{ID: int64(w.ID), Number: int(w.IID), Name: cut(w.Name, maxLine), Status: state(w.Status), Source: cut(w.Source, maxLine), Ref: cut(w.Ref, maxRef), URL: c.page(w.Path),
		CreatedAt: w.CreatedAt.Time, UpdatedAt: w.UpdatedAt.Time, StartedAt: w.StartedAt.Time, FinishedAt: w.FinishedAt.Time,
		Duration: time.Duration(w.Duration), Queued: time.Duration(w.QueuedDuration), Coverage: percent(w.Coverage), Warnings: w.Warnings, User: w.User.value()}
	p.SHA, _ = git.ParseOID(w.SHA)
	if w.MergeRequest != nil {
		p.MergeRequest = int(w.MergeRequest.IID)
	}
	return p
}

// restPipeline makes the pipeline of an answer of REST, nil where it is none.
func restPipeline(w *official.Pipeline) *Pipeline {
	if w == nil || w.ID == 0 {
		return nil
	}
	p := &Pipeline{ID: w.ID, Number: int(w.IID), Name: cut(w.Name, maxLine), Status: state(w.Status), Source: cut(string(w.Source), maxLine), Ref: cut(w.Ref, maxRef), URL: cut(w.WebURL, maxLine),
		CreatedAt: timeOf(w.CreatedAt), UpdatedAt: timeOf(w.UpdatedAt), StartedAt: timeOf(w.StartedAt), FinishedAt: timeOf(w.FinishedAt),
		Duration: lasting(float64(w.Duration)), Queued: lasting(float64(w.QueuedDuration)), User: accountOf(w.User), ConfigErrors: cut(w.YamlErrors, maxText), Tag: w.Tag}
	p.SHA, _ = git.ParseOID(w.SHA)
	p.MergeRequest = mergeRequestOf(w.Ref)
	if share, err := strconv.ParseFloat(w.Coverage, 64); err == nil {
		p.Coverage = percent(&share)
	}
	return p
}

// listedPipeline makes the pipeline of a list of REST, which tells less, nil where it is none.
func listedPipeline(w *official.PipelineInfo) *Pipeline {
	if w == nil || w.ID == 0 {
		return nil
	}
	p := &Pipeline{ID: w.ID, Number: int(w.IID), Name: cut(w.Name, maxLine), Status: state(w.Status), Source: cut(w.Source, maxLine), Ref: cut(w.Ref, maxRef), URL: cut(w.WebURL, maxLine),
		CreatedAt: timeOf(w.CreatedAt), UpdatedAt: timeOf(w.UpdatedAt), MergeRequest: mergeRequestOf(w.Ref)}
	p.SHA, _ = git.ParseOID(w.SHA)
	return p
}

// mergeRequestOf returns the iid of the merge request that a ref is of, such as of "refs/merge-requests/7/head", 0 for other refs.
func mergeRequestOf(ref string) int {
	rest, ok := strings.CutPrefix(ref, "refs/merge-requests/")
	number, _, found := strings.Cut(rest, "/")
	n, err := strconv.Atoi(number)
	if !ok || !found || err != nil || checkIID(n) != nil {
		return 0
	}
	return n
}

// page returns the address of one of GitLab's pages from the path that GraphQL tells, which begins with that of GitLab itself.
func (c *Client) page(path string) string {
	if !strings.HasPrefix(path, "/") || strings.HasPrefix(path, "//") || len(path) > maxLine {
		return ""
	}
	at, err := url.Parse(path)
	if err != nil {
		return ""
	}
	at.Scheme, at.Host = c.web.Scheme, c.web.Host
	return cut(at.String(), maxLine)
}

// state returns GitLab's word for a state as REST has it.
func state(word string) string { return strings.ToLower(cut(word, maxLine)) }

// percent returns a share that can be one.
func percent(share *float64) *float64 {
	if share == nil || !(*share >= 0 && *share <= 100) {
		return nil
	}
	return new(*share)
}

// longest bounds how long anything takes: what takes longer is an error of who tells it.
const longest = 10 * 365 * 24 * time.Hour

// lasting returns a time in seconds as a duration, 0 for what can be none.
func lasting(s float64) time.Duration {
	if !(s > 0 && s < longest.Seconds()) {
		return 0
	}
	return time.Duration(s * float64(time.Second))
}

// seconds is a duration of an answer, in seconds, as a number or as text.
type seconds time.Duration

// UnmarshalJSON never fails; what is no duration is 0.
func (s *seconds) UnmarshalJSON(text []byte) error {
	value, _ := strconv.ParseFloat(strings.Trim(string(text), `"`), 64)
	*s = seconds(lasting(value))
	return nil
}
