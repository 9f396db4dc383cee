package ci

import (
	"encoding/json"
	"time"

	"callboard.dev/callboard/clients/cache"
	"callboard.dev/callboard/subgraphs/pipelines/testreport"
)

// Provider is a kind of system.
type Provider string

// The kinds of systems.
const (
	GitHubActions Provider = "GITHUB_ACTIONS"
	GitLabCI      Provider = "GITLAB_CI"
	Jenkins       Provider = "JENKINS"
)

// Status is how far something is or how it ended, in one vocabulary for all systems. The system's own word is kept beside it.
type Status string

// The statuses.
const (
	Queued    Status = "QUEUED"    // nothing of it runs yet: it waits for what it is to run on, or for others before it
	Waiting   Status = "WAITING"   // it goes on when somebody does something, such as approving it
	Running   Status = "RUNNING"   // it runs
	Succeeded Status = "SUCCEEDED" // all that must succeed has
	Unstable  Status = "UNSTABLE"  // it went through, and something failed that may: a test in Jenkins, a job that is allowed to in GitLab
	Failed    Status = "FAILED"    // it failed
	TimedOut  Status = "TIMED_OUT" // it was ended as it took too long
	Canceled  Status = "CANCELED"  // somebody ended it, or something newer took its place
	Skipped   Status = "SKIPPED"   // it was not run as it did not have to be, or says nothing of the result
	Unknown   Status = "UNKNOWN"   // the system's word is none that is known here
)

// Done tells whether nothing more will come of it by itself.
func (s Status) Done() bool {
	switch s {
	case Queued, Waiting, Running, Unknown:
		return false
	}
	return true
}

// Red tells whether it ended in a way that somebody has to look at.
func (s Status) Red() bool { return s == Failed || s == TimedOut || s == Unstable }

// Trigger is why there is a run.
type Trigger string

// The triggers.
const (
	ByPush        Trigger = "PUSH"
	ByPullRequest Trigger = "PULL_REQUEST"
	BySchedule    Trigger = "SCHEDULE"
	ByHand        Trigger = "MANUAL"   // somebody started it, or ran it again
	ByAPI         Trigger = "API"      // a program asked for it
	ByPipeline    Trigger = "PIPELINE" // another pipeline started it
	ByTag         Trigger = "TAG"      // a tag or a release
	ByOther       Trigger = "OTHER"
)

// Pipeline is what runs again and again: a workflow of a repository, the CI of a project, or a job of Jenkins.
type Pipeline struct {
	Key        string // names it in its system, in the way of the driver
	Name       string
	File       string // that says what it does, in its repository; "" where it is not told
	URL        string // of its page
	Repository string // path on the host that it is of; "" where that is not known
	Branch     string // whose newest run is Latest; "" where that is not known
	Disabled   bool   // it does not run by itself any more
	Latest     *Run   // the newest of the default branch; nil where there is none, or it is not told
	Parameters []Parameter
}

// Parameter is what a pipeline takes when somebody starts it by hand.
type Parameter struct {
	Name, Description, Default string
	Required                   bool
	Secret                     bool     // its default is not told
	Choices                    []string // nil where any value is one
}

// Run is one run of a pipeline, as its latest attempt stands.
type Run struct {
	Key          string // names it in its system, in the way of the driver; that of something that waits in a queue of Jenkins names what it becomes, too
	Pipeline     string // key of its pipeline
	PipelineName string
	Number       int    // that people see; 0 where it has none yet
	Attempt      int    // from 1; 0 where it is not told
	Title        string // of what it was run for; "" where it is not told
	Status       Status
	Word         string // the system's own for its status
	Trigger      Trigger
	TriggerWord  string // the system's own
	Repository   string // path on the host; "" where that is not known
	Remote       string // the repository's address, where the system tells that and not the path
	Commit       string // object id; "" where that is not known yet
	Branch       string // or the tag; "" where that is not known
	PullRequest  int    // its number; 0 for none, or where it is not told
	Actor        *Person
	CreatedAt    time.Time      // when it was asked for
	StartedAt    time.Time      // zero while it waits, or where it is not told
	FinishedAt   time.Time      // zero while it is not done
	Duration     *time.Duration // of its latest attempt, without waiting; nil while that is not known
	Waited       *time.Duration // for what it runs on; nil where that is not told
	Estimate     *time.Duration // how long the system thinks that it takes in all; nil where it does not say
	URL          string
	Tests        *TestCounts // nil where the system does not tell them along with the run
	Coverage     *float64    // percent of lines, as the system tells it; nil where it does not
	Stages       []Stage     // nil where they have to be asked for
	Reruns       Reruns
}

// Reruns is what the system can do with a run.
type Reruns struct{ All, Failed, Cancel bool }

// Lasts says that what is done stays as it is for longer than what is going on. It can be run again: GitHub's keep their name then.
func (r *Run) Lasts() *cache.Policy {
	if r == nil || !r.Status.Done() {
		return nil
	}
	return &settled
}

var settled = cache.Policy{Fresh: 2 * time.Minute, Revalidate: time.Hour, OnError: 7 * 24 * time.Hour, Absent: 15 * time.Second}

// Person is who made something.
type Person struct{ Login, Name, URL, Avatar string }

// TestCounts is how many tests came out how.
type TestCounts struct{ Total, Passed, Failed, Skipped int }

// Stage is a part of a run that has jobs beside each other. A system without stages has one for each job.
type Stage struct {
	Name       string
	Status     Status
	Word       string
	StartedAt  time.Time
	FinishedAt time.Time
	Duration   *time.Duration
	Jobs       []Job
}

// Job is what runs in one place, one step after the other.
type Job struct {
	Key          string // names it in its system, in the way of the driver
	Name         string
	Status       Status
	Word         string
	CreatedAt    time.Time
	StartedAt    time.Time
	FinishedAt   time.Time
	Duration     *time.Duration
	Waited       *time.Duration
	URL          string
	Runner       string // what it ran on
	AllowFailure bool   // that it fails does not make the run fail
	Failure      string // why it failed, where the system says so
	Steps        []Step // nil where they have to be asked for
}

// Step is a step of a job.
type Step struct {
	Number     int // from 1
	Name       string
	Detail     string // what it was told, such as "make test"; "" where that is not told
	Status     Status
	Word       string
	StartedAt  time.Time
	FinishedAt time.Time
	Duration   *time.Duration
}

// Stages are the stages of a run.
type Stages struct {
	Stages   []Stage
	Complete bool // these are all
	Done     bool // the run is done, so they stay as they are
}

// Lasts is as that of Run.
func (s *Stages) Lasts() *cache.Policy {
	if s == nil || !s.Done {
		return nil
	}
	return &settled
}

// Tests is what the system tells of the tests of a run.
type Tests struct {
	Report *testreport.Report // nil where the system knows of none
	Cut    bool               // the system tells no more of them
	Done   bool
}

// Lasts is as that of Run.
func (t *Tests) Lasts() *cache.Policy {
	if t == nil || !t.Done {
		return nil
	}
	return &settled
}

// Artifact is a file that a run has left.
type Artifact struct {
	Key     string // names it in its run, in the way of the driver
	Name    string
	Size    int64 // bytes; -1 where it is not told
	URL     string
	Archive bool // a ZIP archive of files
	Page    bool // the system hands it out at URL alone, to people: Open cannot
	Expired bool
	Expires time.Time // zero where it is not told
}

// Log is a part of what a job, or a run, wrote: bytes as they came.
type Log struct {
	Job   string // key of the job that wrote it; "" where it is that of the whole run
	Text  string
	Start int64 // where Text begins, in bytes, in the way of the system
	Next  int64 // where to go on
	Size  int64 // of all of it by now; -1 where it is not told
	More  bool  // there is more now
	Runs  bool  // there may be more later
}

// MarshalJSON keeps every byte of the text: as a text of JSON, those of characters that are cut in two would become others, and offsets count them.
func (l Log) MarshalJSON() ([]byte, error) {
	type plain Log
	return json.Marshal(struct {
		plain
		Text []byte
	}{plain(l), []byte(l.Text)})
}

// UnmarshalJSON reads what MarshalJSON writes.
func (l *Log) UnmarshalJSON(text []byte) error {
	type plain Log
	var read struct {
		plain
		Text []byte
	}
	err := json.Unmarshal(text, &read)
	*l = Log(read.plain)
	l.Text = string(read.Text)
	return err
}

// Lasts keeps the log of what is done, and none that grows.
func (l *Log) Lasts() *cache.Policy {
	if l == nil || l.Runs {
		return nil
	}
	return &settled
}

// Paging says which part of a list is wanted, forward only. Cursors are the driver's own.
type Paging struct {
	First int // above 0
	After string
}

// Page is a part of a list.
type Page[T any] struct {
	Items   []T
	Cursors []string // one for each
	Total   *int     // nil where the system does not tell
	Next    bool
}

// RunsQuery asks for runs, the newest first. One of Pipeline and Repository is given.
type RunsQuery struct {
	Pipeline   string // key
	Repository string // path on the host: of all its pipelines
	Branch     string // of any where empty
	Commit     string // object id; of any where empty
	Status     Status // any where empty
	Since      time.Time
	Until      time.Time
	Paging     Paging
}

// CommitName names a commit of a repository.
type CommitName struct{ Repository, OID string }

// PullRequestName names a pull request.
type PullRequestName struct {
	Repository string
	Number     int
	URL        string // of its page
	Head       string // object id of its newest commit
}

// LogQuery asks for a part of a log: from After on, or its last Tail bytes where that is above 0.
type LogQuery struct {
	Run   string // key
	Job   string // key; that which failed first, else the one that runs, else the last where empty
	After int64
	Tail  int
	Most  int // bytes, above 0
}

// StartQuery says what to start.
type StartQuery struct {
	Pipeline   string // key
	Ref        string // a branch or a tag; the default branch where empty
	Parameters map[string]string
}

// ComparisonQuery asks what a commit changes against where it left another.
type ComparisonQuery struct{ Repository, Base, Head string }

// Comparison is what a commit changes.
type Comparison struct {
	MergeBase string   // object id of the newest commit that both have
	Ancestors []string // object ids of the merge base and of commits before it, the newest first, as far as they are told
	Files     []Touched
	Complete  bool // these are all files
}

// Touched is a file that is changed. Hunks are nil where the host does not tell them.
type Touched struct {
	Path, From string
	Hunks      []Hunk
}

// Hunk is a piece that differs: BaseLines lines from BaseStart are replaced by HeadLines from HeadStart, counted from 1.
type Hunk struct{ BaseStart, BaseLines, HeadStart, HeadLines int }

// CommitStatus is what is said of a commit on its host.
type CommitStatus struct {
	Repository, Commit string
	State              Status // Running, Succeeded or Failed
	Name               string // what tells it from what others say, such as "callboard"
	Description        string
	URL                string
}
