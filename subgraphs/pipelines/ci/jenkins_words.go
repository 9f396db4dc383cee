package ci

import (
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"callboard.dev/callboard/clients/jenkins"
)

// jenkinsResults are what builds end as.
var jenkinsResults = map[string]Status{
	jenkins.Success:  Succeeded,
	jenkins.Unstable: Unstable,
	jenkins.Failure:  Failed,
	jenkins.NotBuilt: Skipped,
	jenkins.Aborted:  Canceled,
}

// jenkinsStates are how far stages and steps are.
var jenkinsStates = map[jenkins.State]Status{
	jenkins.StateSuccess:     Succeeded,
	jenkins.StateFailed:      Failed,
	jenkins.StateAborted:     Canceled,
	jenkins.StateUnstable:    Unstable,
	jenkins.StateInProgress:  Running,
	jenkins.StateNotExecuted: Skipped,
	jenkins.StatePaused:      Waiting,
}

// jenkinsTriggers are why there are builds. That of a pull request's job is a pull request where a push would be meant.
var jenkinsTriggers = map[jenkins.Trigger]Trigger{
	jenkins.Manual:   ByHand,
	jenkins.Push:     ByPush,
	jenkins.Indexing: ByPush,
	jenkins.Timer:    BySchedule,
	jenkins.Upstream: ByPipeline,
	jenkins.Replay:   ByHand,
	jenkins.Remote:   ByAPI,
	jenkins.Unknown:  ByOther,
}

func jenkinsState(s jenkins.State) Status {
	if status := jenkinsStates[s]; status != "" {
		return status
	}
	return Unknown
}

// jenkinsBuild is a build and what else is known of it.
type jenkinsBuild struct {
	*jenkins.Build
	project string          // the multibranch project that the job is of a branch of; "" for none, or where that is not known
	title   string          // of its pipeline; "" where that is not told
	object  *jenkins.Object // what the job of a branch is made for; nil where that is not told
	stages  *jenkins.Stages // nil where they were not asked for, or there are none
}

// told is a build as a run.
func (d *jenkinsDriver) told(b jenkinsBuild) *Run {
	out := &Run{Key: jenkinsKey(b.BuildID), Number: b.Number, Title: b.heading(), URL: b.URL, StartedAt: b.Started, CreatedAt: b.Started,
		PullRequest: jenkinsPull(b.Job, b.project, b.object)}
	out.Pipeline, out.PipelineName = jenkinsPipeline(b.Job, b.project, b.title)
	out.Status, out.Word = b.status()
	if b.Waited > 0 {
		out.Waited = &b.Waited
		if !b.Started.IsZero() {
			out.CreatedAt = b.Started.Add(-b.Waited)
		}
	}
	if !b.Building {
		out.Duration = &b.Duration
		if !b.Started.IsZero() {
			out.FinishedAt = b.Started.Add(b.Duration)
		}
	}
	if b.Estimate > 0 {
		out.Estimate = &b.Estimate
	}
	if r := b.revision(); r != nil {
		out.Commit, out.Branch = string(r.Commit), r.Branch
		if len(r.Remotes) > 0 {
			out.Remote = r.Remotes[0]
		}
	}
	switch {
	case out.PullRequest > 0:
		out.Branch = "" // what is built is called after the pull request, whose branch is not told
	case b.project != "":
		out.Branch = jenkins.BranchOf(b.Job)
	}
	if t := b.Tests; t != nil {
		out.Tests = &TestCounts{Total: t.Total, Passed: t.Passed(), Failed: t.Failed, Skipped: t.Skipped}
	}
	d.cause(out, b.Causes)
	if b.stages != nil {
		out.Stages = d.stagesOf(b.BuildID, b.stages)
	}
	out.Reruns = Reruns{All: !b.Building, Cancel: b.Building}
	return out
}

func (b jenkinsBuild) status() (Status, string) {
	switch {
	case b.Building && b.stages != nil && b.stages.State == jenkins.StatePaused:
		return Waiting, string(b.stages.State)
	case b.Building && b.stages != nil:
		return Running, string(b.stages.State)
	case b.Building:
		return Running, b.Result // that it will have, where a step has decided it
	}
	if status := jenkinsResults[b.Result]; status != "" {
		return status, b.Result
	}
	return Unknown, b.Result
}

// heading is the title that somebody gave the build, else the headline of the commit, or the title of the pull request.
func (b jenkinsBuild) heading() string {
	if b.Title != "#"+strconv.Itoa(b.Number) && b.Title != "" {
		return b.Title
	}
	if r := b.revision(); r != nil {
		for _, c := range b.Changes {
			if strings.EqualFold(c.Commit, string(r.Commit)) {
				headline, _, _ := strings.Cut(strings.TrimSpace(c.Message), "\n")
				return headline
			}
		}
	}
	if b.object != nil && jenkinsPull(b.Job, b.project, b.object) > 0 {
		return b.object.Title
	}
	return ""
}

// revision is what was checked out of the repository that is built: see NewJenkins.
func (b jenkinsBuild) revision() *jenkins.Revision {
	if len(b.Revisions) == 0 {
		return nil
	}
	of := jenkins.BranchOf(b.Job)
	if i := slices.IndexFunc(b.Revisions, func(r jenkins.Revision) bool { return b.project != "" && r.Branch == of }); i > 0 {
		return &b.Revisions[i]
	}
	return &b.Revisions[0]
}

// cause tells why there is a run: of several causes the first of a kind that is known, and the first that is somebody's doing.
func (d *jenkinsDriver) cause(out *Run, causes []jenkins.Cause) {
	out.Trigger = ByOther
	for _, c := range causes {
		if c.User != "" && out.Actor == nil {
			out.Actor = &Person{Login: c.User, URL: d.client.Web().String() + "/user/" + url.PathEscape(c.User) + "/"}
		}
		trigger := jenkinsTriggers[c.Trigger()]
		if out.PullRequest > 0 && trigger == ByPush {
			trigger = ByPullRequest
		}
		if out.TriggerWord == "" || out.Trigger == ByOther && trigger != ByOther {
			out.Trigger, out.TriggerWord = trigger, c.Text
		}
	}
}

// jenkinsPipeline returns the key and the name of the pipeline that builds of a job are runs of.
func jenkinsPipeline(job, project, title string) (key, name string) {
	key = job
	if project != "" {
		key = project
	}
	if title == "" {
		title = key[strings.LastIndexByte(key, '/')+1:]
	}
	return key, title
}

var (
	// jenkinsPullJob matches the names of jobs of pull requests: those that Jenkins' plugins for GitHub, Bitbucket and Gitea, and for GitLab, make of them.
	jenkinsPullJob = regexp.MustCompile(`^(?:PR|MR)-([0-9]{1,9})(?:-head|-merge)?$`)
	// jenkinsPullPage matches the paths of their pages on the hosts.
	jenkinsPullPage = regexp.MustCompile(`/(?:pull|pulls|pull-requests|merge_requests)/([0-9]{1,9})(?:/overview)?/?$`)
)

// jenkinsPull returns the number of the pull request that a job is made for, 0 for none.
func jenkinsPull(job, project string, object *jenkins.Object) int {
	var found []string
	if object != nil {
		if u, err := url.Parse(object.URL); err == nil {
			found = jenkinsPullPage.FindStringSubmatch(u.Path)
		}
	}
	if found == nil && project != "" {
		found = jenkinsPullJob.FindStringSubmatch(jenkins.BranchOf(job))
	}
	if found == nil {
		return 0
	}
	n, _ := strconv.Atoi(found[1])
	return n
}

// waiting is an item of the queue as a run.
func (d *jenkinsDriver) waiting(key string, i *jenkins.Item, job, project, title string) *Run {
	out := &Run{Key: key, Status: Queued, Word: string(i.State), CreatedAt: i.Since, URL: d.client.JobURL(job), PullRequest: jenkinsPull(job, project, nil), Reruns: Reruns{Cancel: true}}
	out.Pipeline, out.PipelineName = jenkinsPipeline(job, project, title)
	if project != "" && out.PullRequest == 0 {
		out.Branch = jenkins.BranchOf(job)
	}
	if i.State == jenkins.Cancelled {
		out.Status, out.Reruns = Canceled, Reruns{}
	}
	d.cause(out, i.Causes)
	return out
}

// stagesOf are the stages of a build. Each has one job, which is itself.
func (d *jenkinsDriver) stagesOf(id jenkins.BuildID, found *jenkins.Stages) []Stage {
	out := make([]Stage, 0, len(found.Stages))
	for _, s := range found.Stages {
		one := Stage{Name: s.Name, Status: jenkinsState(s.State), Word: string(s.State), StartedAt: s.Started}
		one.FinishedAt, one.Duration = jenkinsEnd(one.Status, s)
		one.Jobs = []Job{{Key: jenkinsStageKey(id, s.ID), Name: s.Name, Status: one.Status, Word: one.Word, StartedAt: s.Started, FinishedAt: one.FinishedAt, Duration: one.Duration,
			URL: d.client.BuildURL(id), Runner: s.Node, Failure: s.Failure}}
		out = append(out, one)
	}
	return out
}

// jenkinsEnd returns when a stage or a step ended, and how long it took, where it is done.
func jenkinsEnd(status Status, s jenkins.Stage) (time.Time, *time.Duration) {
	if !status.Done() {
		return time.Time{}, nil
	}
	if s.Started.IsZero() {
		return time.Time{}, &s.Duration
	}
	return s.Started.Add(s.Duration), &s.Duration
}
