package github

import (
	"strconv"
	"strings"
	"time"

	"callboard.dev/callboard/clients/git"
)

// GitHub's words for how far something of Actions has come and how it ended are those of its GraphQL interface here, in capital letters, also
// where they come from the REST interface or a webhook: "QUEUED", "IN_PROGRESS", "COMPLETED", "WAITING", "PENDING", "REQUESTED", and of what is
// completed "SUCCESS", "FAILURE", "CANCELLED", "SKIPPED", "NEUTRAL", "TIMED_OUT", "ACTION_REQUIRED", "STALE", "STARTUP_FAILURE". There may
// be others that came up after this was written.

// Workflow is a workflow of a repository.
type Workflow struct {
	ID         string // of the GraphQL interface
	DatabaseID int    // of the REST interface
	Name       string
	Path       string // of its file in the repository, such as ".github/workflows/check.yml"; "" where it is not told
	State      string // such as "ACTIVE", "DISABLED_MANUALLY" or "DELETED"; "" where it is not told
	URL        string
	CreatedAt  time.Time // zero where it is not told
	UpdatedAt  time.Time
}

// WorkflowRun is a run of a workflow, as its latest attempt stands.
type WorkflowRun struct {
	ID         string // of the GraphQL interface
	DatabaseID int    // of the REST interface
	Suite      int    // the id of its check suite in the REST interface
	Repository Slug   // zero where it is not told
	Workflow   Workflow
	Number     int
	Attempt    int    // from 1; 0 from the GraphQL interface, which does not tell it
	Title      string // of the commit or pull request as a rule; "" from the GraphQL interface
	Event      string // what started it, such as "push"
	Status     string
	Conclusion string // "" until it is completed
	Branch     string // "" where there is none, or it is no more
	Commit     git.OID
	URL        string

	// CreatedAt is when it was asked for first, RequestedAt when the latest attempt was, which only the REST interface tells, and StartedAt when
	// the first job of that attempt got a machine, which only the GraphQL interface tells.
	CreatedAt, RequestedAt, StartedAt time.Time
	UpdatedAt                         time.Time

	Actor           *Account // on whose behalf it was started; nil where the account is no more
	TriggeringActor *Account // of the latest attempt; nil from the GraphQL interface
	PullRequests    []int    // numbers, at most 100, of the same repository; none from the GraphQL interface

	// Checks are its jobs by states; nil from the REST interface.
	Checks *CheckCounts
	// CheckRuns are the first 50 of its jobs, without output; none from the REST interface.
	CheckRuns []*CheckRun
}

// CheckCounts counts the check runs of a suite.
type CheckCounts struct {
	Total    int
	ByState  map[string]int // by conclusion, or by status where there is none yet; of the first 50
	Complete bool           // ByState counts them all
}

// Done reports whether nothing more will come of the run but by another attempt.
func (r *WorkflowRun) Done() bool { return r.Status == "COMPLETED" }

// Job is a job of a run. Its id is that of its check run, too.
type Job struct {
	DatabaseID int
	Run        int // id of its run
	Attempt    int // of the run, from 1
	Name       string
	Workflow   string // name; "" where it is not told
	Status     string
	Conclusion string // "" until it is completed
	Branch     string
	Commit     git.OID
	URL        string

	CreatedAt   time.Time // when it was queued
	StartedAt   time.Time // when a machine took it; zero before
	CompletedAt time.Time // zero before

	Labels      []string // of the machine it asks for, at most 100
	Runner      string   // the name of the machine; "" before there is one
	RunnerGroup string
	Steps       []Step // at most 1,000
}

// Step is a step of a job.
type Step struct {
	Number      int // from 1
	Name        string
	Status      string
	Conclusion  string    // "" until it is completed
	StartedAt   time.Time // zero before
	CompletedAt time.Time
}

// Queued returns how long the job waited for a machine, and whether that is known: until it has one, it waits since CreatedAt.
func (j *Job) Queued() (time.Duration, bool) {
	if j.CreatedAt.IsZero() || j.StartedAt.IsZero() || j.StartedAt.Before(j.CreatedAt) || j.Status == "QUEUED" || j.Status == "WAITING" {
		return 0, false
	}
	return j.StartedAt.Sub(j.CreatedAt), true
}

// Latest returns the newest run of each workflow, by the workflow's name.
func Latest(commits []*CommitRuns) []*WorkflowRun {
	var out []*WorkflowRun
	at := map[string]int{}
	for _, commit := range commits {
		for _, run := range commit.Runs {
			key := run.Workflow.ID + " " + strconv.Itoa(run.Workflow.DatabaseID)
			i, known := at[key]
			switch {
			case !known:
				at[key], out = len(out), append(out, run)
			case newer(run, out[i]) < 0:
				out[i] = run
			}
		}
	}
	byWorkflow(out)
	return out
}

// word returns GitHub's word for a state as its GraphQL interface has it.
func word(text string) string {
	text = cut(text, maxName)
	if !made(text, "_- ") {
		return ""
	}
	return strings.ToUpper(text)
}
