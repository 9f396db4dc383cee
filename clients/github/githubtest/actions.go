package githubtest

import (
	"archive/zip"
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"callboard.dev/callboard/clients/git"
)

// Workflow is a workflow of a repository: the jobs that its runs have, and what starts them.
type Workflow struct {
	Name       string
	Path       string    // of its file; ".github/workflows/" and a file named after it where empty
	State      string    // ACTIVE, DISABLED_MANUALLY ...; ACTIVE where empty
	Events     []string  // that start it by themselves: push, pull_request; and workflow_dispatch, which lets clients start it
	Inputs     []string  // that workflow_dispatch takes
	Jobs       []JobPlan // in the order in which they are listed
	DatabaseID int       // given by the simulator where zero
}

// JobPlan is what a job of a run will do, by the time of Settings.Now.
type JobPlan struct {
	Name      string
	Needs     []string      // names of jobs that must have succeeded before it is queued
	Labels    []string      // of the machine it asks for; "ubuntu-latest" where empty
	Queue     time.Duration // how long it waits for a machine
	Steps     []StepPlan
	Artifacts []ArtifactPlan // that it leaves when it is completed
	Held      bool           // it neither starts nor ends by itself: see GitHub.BeginJob and GitHub.FinishJob
	Again     *JobPlan       // what it does when it is run again, under the same name; the same where nil

	Title, Summary, Text string       // of its check run, once it is completed
	Annotations          []Annotation // likewise
}

// StepPlan is what a step of a job will do.
type StepPlan struct {
	Name       string
	Takes      time.Duration
	Conclusion string // SUCCESS where empty
	Attempts   int    // the attempts, from the first, that end with Conclusion, where the others succeed; all where zero
	Always     bool   // it is not skipped after one that failed
	Log        string // lines that it writes, evenly over its time
}

// ArtifactPlan is a file that a job leaves.
type ArtifactPlan struct {
	Name   string
	Files  map[string][]byte // in the archive, by path
	Zip    []byte            // the archive, where it is not made of Files
	Always bool              // also of a job that failed
}

// Annotation is what a check run says about lines of a file.
type Annotation struct {
	Path                   string
	StartLine, EndLine     int
	StartColumn, EndColumn int    // none where zero
	Level                  string // notice, warning or failure
	Title, Message, Detail string
}

// Run is a run that is to be started.
type Run struct {
	Workflow    string // name or path
	Event       string // push where empty
	Branch      string // the default branch where empty
	HeadOID     string // the head of the branch where empty
	By          string // login
	Title       string // the commit's first line where empty
	PullRequest int    // number; none where zero
	Jobs        []JobPlan
}

// build is how a run goes on. A run that AddCheck made has none.
type build struct {
	run         *workflowRun
	plans       []JobPlan // of all jobs
	pending     []JobPlan // that have not been queued in this attempt
	attempt     int
	title       string
	actor       any
	triggering  any
	pulls       []*PullRequest
	requestedAt time.Time
	jobs        []*job // of all attempts, as they were queued
	artifacts   []*artifact
	cancelAt    time.Time // zero where it is not being cancelled
	cancelled   bool
	done        bool
	past        []attempt // that are over, from the first
}

// job is one execution of a job.
type job struct {
	check     *Check
	build     *build
	plan      JobPlan
	attempt   int
	createdAt time.Time
	startsAt  time.Time
	machine   int
	steps     []*step
}

type step struct {
	StepPlan
	number                 int
	status, conclusion     string
	startedAt, completedAt time.Time
	endsAt                 time.Time // planned
	written                []string  // lines that were added from outside
}

type artifact struct {
	DatabaseID int
	Name       string
	run        *workflowRun
	data       []byte
	createdAt  time.Time
	expired    bool
}

// actionsApp is the app whose checks the jobs are.
const actionsApp = "GitHub Actions"

// AddWorkflow gives a repository a workflow, or replaces the one with its name.
func (g *GitHub) AddWorkflow(repository string, w Workflow) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	r, err := g.find(repository)
	if err != nil {
		return err
	}
	return g.addWorkflow(r, w)
}

func (g *GitHub) addWorkflow(r *Repository, w Workflow) error {
	if w.Name == "" {
		return refuse("a workflow of %s has no name", r.NameWithOwner())
	}
	if err := checkPlans(w.Jobs); err != nil {
		return err
	}
	if w.State == "" {
		w.State = "ACTIVE"
	}
	one := r.workflows[w.Name]
	if one == nil {
		one = &workflow{DatabaseID: w.DatabaseID, Name: w.Name, CreatedAt: g.now(), UpdatedAt: g.now(), repository: r}
		if one.DatabaseID == 0 {
			one.DatabaseID = g.nextID()
		}
		r.workflows[w.Name] = one
		g.register(one)
	}
	one.definition, one.UpdatedAt = w, g.now()
	return nil
}

func checkPlans(plans []JobPlan) error {
	var names []string
	for _, p := range plans {
		if p.Name == "" || slices.Contains(names, p.Name) {
			return refuse("a job is named %q", p.Name)
		}
		for _, need := range p.Needs {
			if !slices.Contains(names, need) {
				return refuse("job %q needs %q, which is not before it", p.Name, need)
			}
		}
		names = append(names, p.Name)
	}
	return nil
}

// path returns where the file of a workflow is.
func (w *workflow) path() string {
	return cmp.Or(w.definition.Path, ".github/workflows/"+slug(w.Name)+".yml")
}

func (w *workflow) file() string { return w.path()[strings.LastIndex(w.path(), "/")+1:] }

// workflowNamed returns the workflow with a name, a path, the name of a file, or an id.
func (r *Repository) workflowNamed(text string) *workflow {
	for _, name := range slices.Sorted(maps.Keys(r.workflows)) {
		w := r.workflows[name]
		if w.Name == text || w.path() == text || w.file() == text || itoa(w.DatabaseID) == text {
			return w
		}
	}
	return nil
}

// StartRun starts a run of a workflow, which is made where it is not there, and returns its id.
func (g *GitHub) StartRun(ctx context.Context, repository string, run Run) (int, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	r, err := g.find(repository)
	if err != nil {
		return 0, err
	}
	w := r.workflowNamed(run.Workflow)
	if w == nil {
		if err := g.addWorkflow(r, Workflow{Name: run.Workflow, Jobs: run.Jobs}); err != nil {
			return 0, err
		}
		w = r.workflows[run.Workflow]
	}
	who, err := g.actor(run.By)
	if err != nil {
		return 0, err
	}
	started, err := g.startRun(ctx, r, w, run, who)
	if err != nil {
		return 0, fmt.Errorf("starting %s of %s: %w", run.Workflow, repository, err)
	}
	return started.DatabaseID, nil
}

func (g *GitHub) startRun(ctx context.Context, r *Repository, w *workflow, run Run, who any) (*workflowRun, error) {
	plans := run.Jobs
	if plans == nil {
		plans = w.definition.Jobs
	}
	if err := checkPlans(plans); err != nil {
		return nil, err
	}
	if len(plans) == 0 {
		return nil, refuse("it has no jobs")
	}
	run.Branch = cmp.Or(run.Branch, r.DefaultBranch)
	head, ok := git.ParseOID(run.HeadOID)
	if !ok {
		var err error
		if head, err = r.branch(ctx, run.Branch); err != nil {
			return nil, err
		}
		if head == "" {
			return nil, fmt.Errorf("branch %q: %w", run.Branch, ErrUnknown)
		}
	}
	b := &build{plans: plans, actor: who, triggering: who, title: run.Title}
	if run.PullRequest != 0 {
		pull, ok := r.items[run.PullRequest].(*PullRequest)
		if !ok {
			return nil, fmt.Errorf("pull request %d: %w", run.PullRequest, ErrUnknown)
		}
		b.pulls, b.title = []*PullRequest{pull}, cmp.Or(b.title, pull.Title)
	}
	if b.title == "" {
		b.title = w.Name
		if commit, err := g.commit(ctx, r, head); err == nil && commit != nil {
			b.title, _, _ = strings.Cut(commit.Message, "\n")
		}
	}
	number := 1
	for _, s := range r.suites {
		if s.run != nil && s.run.workflow == w {
			number = max(number, s.run.RunNumber+1)
		}
	}
	at := g.now()
	suite := &checkSuite{DatabaseID: g.nextID(), app: g.app(actionsApp), branch: run.Branch, oid: head, repository: r, CreatedAt: at, UpdatedAt: at}
	b.run = &workflowRun{DatabaseID: g.nextID(), RunNumber: number, Event: cmp.Or(run.Event, "push"), suite: suite, workflow: w, build: b}
	suite.run = b.run
	r.suites = append(r.suites, suite)
	g.register(suite)
	g.register(b.run)
	g.state.active = append(g.state.active, b)
	g.beginAttempt(b, plans, at)
	return b.run, nil
}

// beginAttempt begins an attempt with the jobs of the plans.
func (g *GitHub) beginAttempt(b *build, plans []JobPlan, at time.Time) {
	b.attempt++
	b.pending, b.done, b.cancelled, b.cancelAt, b.requestedAt = slices.Clone(plans), false, false, time.Time{}, at
	b.run.suite.UpdatedAt = at
	b.refresh()
	g.hooks.suite(b, "requested")
	g.hooks.workflowRun(b, "requested")
	g.release(b, at)
}

// release queues the jobs that wait for nothing more, skips those that wait in vain, and ends the run where there are no others.
func (g *GitHub) release(b *build, at time.Time) {
	for again := true; again; {
		again = false
		for i, plan := range b.pending {
			ready, failed := b.ready(plan)
			if !ready {
				continue
			}
			b.pending = slices.Delete(b.pending, i, i+1)
			g.queue(b, plan, failed, at)
			again = true
			break
		}
	}
	if len(b.pending) > 0 || slices.ContainsFunc(b.latest(), func(j *job) bool { return j.check.Status != "COMPLETED" }) {
		return
	}
	b.done, b.run.suite.UpdatedAt = true, at
	b.keep(at)
	g.state.active = slices.DeleteFunc(g.state.active, func(other *build) bool { return other == b })
	g.hooks.suite(b, "completed")
	g.hooks.workflowRun(b, "completed")
}

// ready reports whether what a job needs is over, and whether it failed.
func (b *build) ready(plan JobPlan) (over, failed bool) {
	for _, need := range plan.Needs {
		if slices.ContainsFunc(b.pending, func(p JobPlan) bool { return p.Name == need }) {
			return false, false
		}
		for _, j := range b.latest() {
			if j.plan.Name == need && j.check.Status != "COMPLETED" {
				return false, false
			}
			failed = failed || j.plan.Name == need && j.check.Conclusion != "SUCCESS"
		}
	}
	return true, failed
}

func (g *GitHub) queue(b *build, plan JobPlan, skipped bool, at time.Time) {
	s := b.run.suite
	check := &Check{Name: plan.Name, Status: "QUEUED", App: actionsApp, Workflow: b.run.workflow.Name, Event: b.run.Event, RunNumber: b.run.RunNumber, Branch: s.branch, DatabaseID: g.nextID(), suite: s}
	j := &job{check: check, build: b, plan: plan, attempt: b.attempt, createdAt: at, startsAt: at.Add(plan.Queue), machine: len(b.jobs) + 1}
	if len(plan.Labels) == 0 {
		j.plan.Labels = []string{"ubuntu-latest"}
	}
	b.jobs = append(b.jobs, j)
	g.register(check)
	b.refresh()
	g.hooks.checkRun(check, "created")
	if skipped {
		check.Status, check.Conclusion, check.StartedAt, check.CompletedAt = "COMPLETED", "SKIPPED", at, at
		g.hooks.job(j, "completed")
		g.hooks.checkRun(check, "completed")
		return
	}
	g.hooks.job(j, "queued")
}

// latest returns the latest executions of the jobs, as they are planned; those that are still to be queued have none.
func (b *build) latest() []*job { return b.upTo(b.attempt) }

// upTo returns the jobs as they stood in an attempt: each as it was executed in it, or last before it.
func (b *build) upTo(attempt int) []*job {
	var out []*job
	for _, plan := range b.plans {
		if attempt == b.attempt && slices.ContainsFunc(b.pending, func(p JobPlan) bool { return p.Name == plan.Name }) {
			continue
		}
		var last *job
		for _, j := range b.jobs {
			if j.plan.Name == plan.Name && j.attempt <= attempt {
				last = j
			}
		}
		if last != nil {
			out = append(out, last)
		}
	}
	return out
}

// refresh makes the suite show the latest executions.
func (b *build) refresh() {
	b.run.suite.checks = nil
	for _, j := range b.latest() {
		b.run.suite.checks = append(b.run.suite.checks, j.check)
	}
}

// standing returns how the run is, and how it ended.
func (b *build) standing() (status, conclusion string) {
	if !b.done {
		for _, j := range b.latest() {
			if j.check.Status == "IN_PROGRESS" || j.check.Status == "COMPLETED" && j.attempt == b.attempt {
				return "IN_PROGRESS", ""
			}
		}
		return "QUEUED", ""
	}
	if b.cancelled {
		return "COMPLETED", "CANCELLED"
	}
	return "COMPLETED", standingOf(b.latest())
}

// job returns the execution with an id.
func (g *GitHub) job(r *Repository, id int) *job {
	check, ok := g.state.nodes[numbered("CR", id)].(*Check)
	if !ok || check.suite.repository != r || check.suite.run == nil {
		return nil
	}
	for _, j := range check.suite.run.jobs() {
		if j.check == check {
			return j
		}
	}
	return nil
}

func (r *Repository) runWithID(id int) *workflowRun {
	for _, s := range r.suites {
		if s.run != nil && s.run.DatabaseID == id {
			return s.run
		}
	}
	return nil
}

// jobs returns the executions of all attempts. Those of a run that AddCheck made are its checks.
func (r *workflowRun) jobs() []*job {
	if r.build != nil {
		return r.build.jobs
	}
	return r.derived().jobs
}

// derived returns what a run that AddCheck made would be as a build: jobs of one step each, that end at once when they are run again.
func (r *workflowRun) derived() *build {
	b := &build{run: r, attempt: 1, title: r.workflow.Name, actor: r.suite.repository.owner, triggering: r.suite.repository.owner, requestedAt: r.suite.CreatedAt}
	for _, c := range r.suite.checks {
		plan := JobPlan{Name: c.Name, Labels: []string{"ubuntu-latest"}, Steps: []StepPlan{{Name: "Run " + c.Name}}, Title: c.Title, Summary: c.Summary, Text: c.Text}
		b.plans = append(b.plans, plan)
		b.jobs = append(b.jobs, &job{check: c, build: b, plan: plan, attempt: 1, createdAt: r.suite.CreatedAt, machine: len(b.jobs) + 1})
	}
	status, _ := r.suite.state()
	if b.done = status == "COMPLETED"; b.done {
		b.keep(r.suite.UpdatedAt)
	}
	return b
}

// of returns how a run goes on, whoever made it.
func (r *workflowRun) of() *build {
	if r.build != nil {
		return r.build
	}
	return r.derived()
}

// archive returns the ZIP archive of files, the same for the same files.
func archive(files map[string][]byte) []byte {
	var out bytes.Buffer
	w := zip.NewWriter(&out)
	for _, name := range slices.Sorted(maps.Keys(files)) {
		f, err := w.Create(name)
		if err == nil {
			_, err = f.Write(files[name])
		}
		if err != nil {
			panic("githubtest: bug: writing an archive: " + err.Error())
		}
	}
	if err := w.Close(); err != nil {
		panic("githubtest: bug: writing an archive: " + err.Error())
	}
	return out.Bytes()
}

func (a *artifact) digest() string {
	sum := sha256.Sum256(a.data)
	return "sha256:" + hex.EncodeToString(sum[:])
}

// workflowRunFile is the file that a run was made by, as it was then.
type workflowRunFile struct{ run *workflowRun }

// GraphQLType implements clientstest.Typed.
func (*workflowRunFile) GraphQLType() string { return "WorkflowRunFile" }
