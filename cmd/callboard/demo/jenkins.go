package demo

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"callboard.dev/callboard/clients/clientstest"
	"callboard.dev/callboard/clients/github/githubtest"
	"callboard.dev/callboard/clients/jenkins/jenkinstest"
	"callboard.dev/callboard/examples"
	"callboard.dev/callboard/examples/reports"
)

// JenkinsUser is who Callboard is on Jenkins.
const JenkinsUser = "callboard"

// executors are how many builds run at once: what the organisation has, and what its script has run, do not wait for each other.
const executors = 8

func (s *Stage) openJenkins() error {
	// What the plugin for GitHub does is done here: commits are told how their builds went.
	status, err := clientstest.Listen("127.0.0.1:0", http.HandlerFunc(s.serveStatus), nil)
	if err != nil {
		return err
	}
	s.servers = append(s.servers, status)
	s.statuses = status.URL()
	s.Jenkins = jenkinstest.New(jenkinstest.Settings{Address: examples.Jenkins, Executors: executors, Now: s.clock.Now, Client: &http.Client{Timeout: 5 * time.Second}, Log: s.log})
	s.Jenkins.AddUser(jenkinstest.User{ID: JenkinsUser, FullName: "Callboard", Token: s.token, Build: true})
	for _, p := range s.forge.People {
		s.Jenkins.AddUser(jenkinstest.User{ID: p.Login, FullName: p.Name})
	}
	if err := s.Jenkins.AddFolder(s.forge.Organisation, "All that Larkfold builds"); err != nil {
		return err
	}
	_, err = s.listen(Jenkins, s.Jenkins, &s.Jenkins.Faults, &s.Jenkins.Watch)
	return err
}

// addProject gives Jenkins a project: one job, or one for each branch and open pull request.
func (s *Stage) addProject(p *examples.Pipeline, main examples.Commit) error {
	job := s.job(p, main, examples.Push)
	if p.Single {
		job.Description = p.Description
		s.jobs = append(s.jobs, p.Name)
		return s.Jenkins.AddJob(p.Name, job)
	}
	if err := s.Jenkins.AddMultibranch(p.Name, p.Description); err != nil {
		return err
	}
	name, err := s.Jenkins.AddBranch(p.Name, "main", job)
	s.jobs = append(s.jobs, name)
	return err
}

// job is the job of a commit's branch. What its next builds do is good.
func (s *Stage) job(p *examples.Pipeline, c examples.Commit, event string) jenkinstest.Job {
	out := jenkinstest.Job{Disabled: p.Disabled, Remote: examples.Origin(p.Repository), Head: c.OID, Endpoints: []jenkinstest.Endpoint{{URL: s.statuses}}}
	for _, one := range p.Parameters {
		out.Parameters = append(out.Parameters, jenkinstest.Parameter{Name: one.Name, Description: one.Description, Default: one.Default, Choices: one.Choices, Secret: one.Secret, Flag: one.Flag})
	}
	out.Plans = []jenkinstest.Plan{plan(s.pipelines.Next(p, c, event, s.clock.Now(), examples.Exception{}), false)}
	return out
}

// onJenkins is how a build went. Its commit is told so on GitHub.
func (s *Stage) onJenkins(r examples.Run, now time.Time) error {
	name := r.Pipeline.Name
	if !r.Pipeline.Single {
		name += "/main"
	}
	if r.Commit.Pull != 0 {
		branch := fmt.Sprintf("PR-%d", r.Commit.Pull)
		if name = r.Pipeline.Name + "/" + branch; !slices.Contains(s.jobs, name) {
			job := s.job(r.Pipeline, r.Commit, r.Event)
			pull := s.pull(r.Pipeline.Repository, r.Commit.Pull)
			job.Object = &jenkinstest.Object{Title: pull.Title, Description: pull.Body, URL: s.address(r.Pipeline.Repository, pull.Number)}
			if _, err := s.Jenkins.AddBranch(r.Pipeline.Name, branch, job); err != nil {
				return err
			}
			s.jobs = append(s.jobs, name)
		}
	}
	trigger := jenkinstest.Trigger{Commit: r.Commit.OID, Changes: []jenkinstest.Change{{Commit: r.Commit.OID, Message: r.Commit.Subject, Author: r.Commit.Author, At: r.Commit.At}}}
	switch r.Event {
	case examples.Schedule:
		trigger.Cause, trigger.Changes = byTimer, nil
	case examples.PullRequest:
		trigger.Cause = jenkinstest.Cause{Class: "jenkins.branch.BranchEventCause", Text: fmt.Sprintf("Pull request #%d updated", r.Commit.Pull)}
	case examples.Tagged:
		trigger.Cause, trigger.Parameters = s.by(r.Commit.Author), map[string]string{"VERSION": r.Commit.Tag, "ENVIRONMENT": "production", "DRY_RUN": "false"}
	}
	done := plan(r, false)
	if r.Commit.Head && r.Outcome != "" && r.Outcome != examples.Canceled && r.Outcome != examples.Flaky {
		// Nobody has mended it: the next build does the same.
		if err := s.Jenkins.ChangeJob(name, func(j *jenkinstest.Job) { j.Plans = []jenkinstest.Plan{done} }); err != nil {
			return err
		}
	}
	if err := s.past(name, r, r.Begins, done, trigger, now); err != nil || r.Again == nil {
		return err
	}
	trigger.Cause, trigger.Changes = s.by(r.Commit.Author), nil
	return s.past(name, r, r.Begins.Add(lasts(r.Work)+triedAgainAfter), plan(r, true), trigger, now)
}

// Causes of builds.
var byTimer = jenkinstest.Cause{Class: "hudson.triggers.TimerTrigger$TimerTriggerCause", Text: "Started by timer"}

func (s *Stage) by(login string) jenkinstest.Cause {
	name := login
	for _, p := range s.forge.People {
		if p.Login == login {
			name = p.Name
		}
	}
	return jenkinstest.Cause{Class: "hudson.model.Cause$UserIdCause", Text: "Started by user " + name, User: login}
}

func (s *Stage) past(name string, r examples.Run, at time.Time, done jenkinstest.Plan, trigger jenkinstest.Trigger, now time.Time) error {
	if err := s.Jenkins.Past(name, at, done, trigger); err != nil {
		return err
	}
	s.numbers[name]++
	if _, reported := reports.Of(r.Pipeline.Repository, r.Commit.OID); reported && r.Pipeline.Reports && s.reported[r.Commit.OID] == "" {
		s.reported[r.Commit.OID] = jobAddress(name, s.numbers[name]) // its first, not that of a night
	}
	end, result := at, done.Result
	for _, stage := range done.Stages {
		for _, step := range stage.Steps {
			if end = end.Add(step.Duration); step.Asks != "" {
				end = now.Add(time.Hour) // when that is nobody knows
			}
			if step.Failure != "" {
				result = "FAILURE"
			}
		}
	}
	if result == "" && r.Outcome == examples.Unstable {
		result = "UNSTABLE"
	}
	if end.After(now) {
		result, end = "", at
	} else if result == "" {
		result = "SUCCESS"
	}
	return s.tellStatus(examples.Origin(r.Pipeline.Repository), name, s.numbers[name], r.Commit.OID, result, end)
}

// plan is what the build of a run does.
func plan(r examples.Run, again bool) jenkinstest.Plan {
	work := r.Work
	if again {
		work = r.Again
	}
	checkout := jenkinstest.Step{Name: "Check out from version control", Duration: 3 * time.Second, Log: "Fetching changes from the remote Git repository\nChecking out Revision " + r.Commit.OID + " (" + r.Commit.Branch + ")\nCommit message: \"" + r.Commit.Subject + "\"\n"}
	out := jenkinstest.Plan{Stages: []jenkinstest.Stage{{Name: "Declarative: Checkout SCM", Steps: []jenkinstest.Step{checkout}}}}
	left := r.Cancel - checkout.Duration // how long it goes on where somebody cancels it
	suites := map[string]*jenkinstest.Suite{}
	var order []string
	report, reported := reports.Of(r.Pipeline.Repository, r.Commit.OID)
	for i, w := range work {
		stage := jenkinstest.Stage{Name: w.Name}
		if w.Asks != "" {
			stage.Steps = append(stage.Steps, jenkinstest.Step{Name: "Wait for interactive input", Asks: w.Asks})
		}
		for n, a := range w.Acts {
			step := jenkinstest.Step{Name: "Shell Script", Detail: a.Command, Log: a.Log, Duration: a.Takes}
			if r.Pipeline.Reports && reported && i == 0 && n == 0 {
				step.Log += output(report.Tests)
			}
			switch a.Outcome {
			case examples.Failed:
				step.Failure = "script returned exit code 1"
			case examples.TimedOut:
				step.Log += "Cancelling nested steps due to timeout\nTimeout has been exceeded\n"
				out.Result = "ABORTED"
			}
			if r.Cancel > 0 {
				step.Duration = min(step.Duration, left)
				left -= step.Duration
			}
			stage.Steps = append(stage.Steps, step)
			if r.Cancel > 0 && left <= 0 {
				out.Result = "ABORTED"
			}
			if out.Result != "" {
				break
			}
		}
		for _, c := range w.Cases {
			if suites[c.Class] == nil {
				suites[c.Class], order = &jenkinstest.Suite{Name: c.Class}, append(order, c.Class)
			}
			suites[c.Class].Cases = append(suites[c.Class].Cases, jenkinstest.Case{Class: c.Class, Name: c.Name, Duration: c.Takes, Failure: c.Message, Stack: c.Details})
		}
		if len(w.Cases) > 0 {
			out.Artifacts = append(out.Artifacts, jenkinstest.Artifact{Path: "junit.xml", Content: examples.JUnit(w.Name, w.Cases)})
		}
		for name, text := range w.Files {
			out.Artifacts = append(out.Artifacts, jenkinstest.Artifact{Path: name, Content: []byte(text)})
		}
		if w.Covered > 0 {
			const lines = 10_000 // has each of the apps, about
			out.Coverage = &jenkinstest.Covered{Project: map[string]jenkinstest.Fraction{"line": {Covered: int(math.Round(w.Lines * lines / 100)), Total: lines}}}
		}
		out.Stages = append(out.Stages, stage)
		if out.Result != "" {
			return out
		}
	}
	for _, class := range order {
		out.Suites = append(out.Suites, *suites[class])
	}
	if r.Pipeline.Reports && reported {
		out.Suites = suitesOf(report.Tests)
		out.Artifacts = append(out.Artifacts, jenkinstest.Artifact{Path: reports.CoverageFile, Content: report.Coverage}, jenkinstest.Artifact{Path: reports.TestsFile, Content: report.Tests})
	}
	return out
}

// event is one of go test -json.
type event struct{ Action, Package, Test, Output string }

func events(tests []byte) (out []event) {
	for lines := bufio.NewScanner(bytes.NewReader(tests)); lines.Scan(); {
		var e event
		if json.Unmarshal(lines.Bytes(), &e) == nil {
			out = append(out, e)
		}
	}
	return out
}

// output is what people see of the tests.
func output(tests []byte) string {
	var out strings.Builder
	for _, e := range events(tests) {
		if e.Test == "" {
			out.WriteString(e.Output)
		}
	}
	return out.String()
}

// suitesOf are the tests, as Jenkins shows them.
func suitesOf(tests []byte) (out []jenkinstest.Suite) {
	for _, e := range events(tests) {
		if e.Test == "" || e.Action != "pass" && e.Action != "fail" && e.Action != "skip" {
			continue
		}
		if len(out) == 0 || out[len(out)-1].Name != e.Package {
			out = append(out, jenkinstest.Suite{Name: e.Package})
		}
		one := jenkinstest.Case{Class: e.Package, Name: e.Test, Skipped: e.Action == "skip"}
		if e.Action == "fail" {
			one.Failure = "it failed"
		}
		last := &out[len(out)-1]
		last.Cases = append(last.Cases, one)
	}
	return out
}

// built has Jenkins build what main of a repository is at now, as GitHub would tell it to.
func (s *Stage) built(ctx context.Context, repository string) error {
	p := s.pipelines.Of(repository, examples.OnJenkins, "")
	if p == nil || p.Single || p.Disabled {
		return nil
	}
	refs, err := s.content[repository].Refs(ctx)
	if err != nil {
		return err
	}
	_, err = s.Jenkins.Trigger(p.Name+"/main", jenkinstest.Trigger{Commit: string(refs.HeadOID)})
	return err
}

// serveStatus takes what Jenkins tells of its builds, and tells their commits on GitHub.
func (s *Stage) serveStatus(w http.ResponseWriter, r *http.Request) {
	var told struct {
		URL   string
		Build struct {
			Number int
			Phase  string
			Status string
			SCM    struct{ URL, Commit string }
		}
	}
	const most = 1 << 20
	if err := json.NewDecoder(http.MaxBytesReader(w, r.Body, most)).Decode(&told); err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	b := told.Build
	if b.Phase != "STARTED" && b.Phase != "FINALIZED" {
		return
	}
	var name []string
	for i, part := range strings.Split(strings.Trim(told.URL, "/"), "/") {
		if i%2 == 1 {
			name = append(name, part)
		}
	}
	if err := s.tellStatus(b.SCM.URL, strings.Join(name, "/"), b.Number, b.SCM.Commit, b.Status, s.clock.Now()); err != nil {
		s.log.Warn("the commit of a build could not be told of it", "job", told.URL, "error", err)
	}
}

// tellStatus sets the status of a commit on GitHub as the plugin for it does for the jobs of branches and pull requests: with the address of the build. The result
// is empty where it is not over.
func (s *Stage) tellStatus(remote, job string, number int, commit, result string, at time.Time) error {
	at = at.UTC().Truncate(time.Second)
	name, ok := strings.CutPrefix(remote, examples.GitHub+"/"+s.forge.Organisation+"/")
	branch := job[strings.LastIndexByte(job, '/')+1:]
	if !ok || branch != "main" && !strings.HasPrefix(branch, "PR-") || commit == "" {
		return nil
	}
	status := githubtest.CommitStatus{Context: "continuous-integration/jenkins/branch", CreatorLogin: s.forge.People[0].Login, CreatedAt: at}
	if branch != "main" {
		status.Context = "continuous-integration/jenkins/pr-head"
	}
	switch result {
	case "":
		status.State, status.Description = "PENDING", "This commit is being built"
	case "SUCCESS":
		status.State, status.Description = "SUCCESS", "This commit looks good"
	case "UNSTABLE":
		status.State, status.Description = "FAILURE", "This commit has test failures"
	case "ABORTED":
		status.State, status.Description = "ERROR", "The build of this commit was aborted"
	default:
		status.State, status.Description = "FAILURE", "This commit cannot be built"
	}
	status.TargetURL = jobAddress(job, number) + "display/redirect"
	return s.GitHub.SetStatus(s.forge.Organisation+"/"+strings.TrimSuffix(name, ".git"), commit, status)
}

// jobAddress is that of the page of a build.
func jobAddress(job string, number int) string {
	var path strings.Builder
	for part := range strings.SplitSeq(job, "/") {
		path.WriteString("/job/" + url.PathEscape(part))
	}
	return fmt.Sprintf("%s%s/%d/", examples.Jenkins, &path, number)
}

// Remind has Jenkins tell Callboard once more of the builds that have left reports of coverage, as its Notification plugin did when they were done: Callboard was
// not there then.
func (s *Stage) Remind(ctx context.Context) error {
	s.player.mu.Lock()
	to := s.callboard
	s.player.mu.Unlock()
	const longest = 10 * time.Second
	client := &http.Client{Timeout: longest}
	type scm struct {
		Commit string `json:"commit"`
	}
	type told struct {
		URL   string `json:"full_url"`
		Phase string `json:"phase"`
		SCM   scm    `json:"scm"`
	}
	for _, commit := range slices.Sorted(maps.Keys(s.reported)) {
		body, err := json.Marshal(map[string]told{"build": {s.reported[commit], "FINALIZED", scm{commit}}})
		if err != nil {
			return err
		}
		r, err := http.NewRequestWithContext(ctx, http.MethodPost, to+"/webhooks/jenkins", bytes.NewReader(body))
		if err != nil {
			return err
		}
		r.SetBasicAuth("jenkins", s.secret)
		r.Header.Set("Content-Type", "application/json")
		resp, err := client.Do(r)
		if err != nil {
			return err
		}
		resp.Body.Close()
		if resp.StatusCode >= http.StatusMultipleChoices {
			return fmt.Errorf("what Jenkins tells Callboard is answered with %s", resp.Status)
		}
	}
	return nil
}
