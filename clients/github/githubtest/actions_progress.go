package githubtest

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"callboard.dev/callboard/clients/git"
)

// cancelTakes is how long after it was asked for a run is cancelled, by judgement: a runner looks for it every few seconds.
const cancelTakes = 2 * time.Second

// Advance lets all that is due by now happen, in its order, and returns when something is due next; zero where nothing is. Requests do it by
// themselves before they are answered; webhooks of what happens meanwhile need somebody to call it.
func (g *GitHub) Advance() time.Time {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.advance()
	_, _, at := g.due()
	return at
}

// catchUp is Advance for requests, which may be served side by side while nothing is due.
func (g *GitHub) catchUp() {
	g.mu.RLock()
	_, _, at := g.due()
	g.mu.RUnlock()
	if !at.IsZero() && !at.After(g.settings.Now()) {
		g.Advance()
	}
}

func (g *GitHub) advance() {
	for {
		b, j, at := g.due()
		if at.IsZero() || at.After(g.settings.Now()) {
			return
		}
		switch {
		case j == nil:
			g.cancelled(b, at)
		case j.check.Status == "QUEUED":
			g.startJob(j, at)
		default:
			g.endStep(j, j.step(), "", at)
		}
	}
}

// due returns what happens next: to a job, or where there is none, to the run as a whole.
func (g *GitHub) due() (next *build, of *job, at time.Time) {
	earlier := func(t time.Time) bool { return !t.IsZero() && (at.IsZero() || t.Before(at)) }
	for _, b := range g.state.active {
		if earlier(b.cancelAt) {
			next, of, at = b, nil, b.cancelAt
		}
		for _, j := range b.latest() {
			var t time.Time
			switch s := j.step(); {
			case j.plan.Held || j.check.Status == "COMPLETED":
			case j.check.Status == "QUEUED":
				t = j.startsAt
			case s != nil:
				t = s.endsAt
			}
			if earlier(t) {
				next, of, at = b, j, t
			}
		}
	}
	return next, of, at
}

// step returns the step that a job is at, nil where there is none.
func (j *job) step() *step {
	for _, s := range j.steps {
		if s.status == "IN_PROGRESS" {
			return s
		}
	}
	return nil
}

func (g *GitHub) startJob(j *job, at time.Time) {
	first := !slices.ContainsFunc(j.build.jobs, func(other *job) bool { return other.attempt == j.build.attempt && other.check.Status == "IN_PROGRESS" })
	j.check.Status, j.check.StartedAt = "IN_PROGRESS", at
	plans := append(append([]StepPlan{{Name: "Set up job", Log: "Current runner version: '2.330.0'"}}, j.plan.Steps...), StepPlan{Name: "Complete job", Always: true, Log: "Cleaning up orphan processes"})
	for i, plan := range plans {
		j.steps = append(j.steps, &step{StepPlan: plan, number: i + 1, status: "QUEUED"})
	}
	j.build.run.suite.UpdatedAt = at
	g.startStep(j, 0, at)
	g.hooks.job(j, "in_progress")
	if first {
		g.hooks.workflowRun(j.build, "in_progress")
	}
}

func (g *GitHub) startStep(j *job, i int, at time.Time) {
	s := j.steps[i]
	s.status, s.startedAt, s.endsAt = "IN_PROGRESS", at, at.Add(s.Takes)
}

// endStep ends a step, as it is planned where no conclusion is given, and goes on to the next or ends the job.
func (g *GitHub) endStep(j *job, s *step, conclusion string, at time.Time) {
	if conclusion == "" {
		conclusion = "SUCCESS"
		if s.Conclusion != "" && (s.Attempts == 0 || j.attempt <= s.Attempts) {
			conclusion = s.Conclusion
		}
	}
	s.status, s.conclusion, s.completedAt = "COMPLETED", conclusion, at
	for i := s.number; i < len(j.steps); i++ {
		if next := j.steps[i]; j.verdict() == "SUCCESS" || next.Always {
			g.startStep(j, i, at)
			return
		}
		next := j.steps[i]
		next.status, next.conclusion, next.startedAt, next.completedAt = "COMPLETED", "SKIPPED", at, at
	}
	g.endJob(j, j.verdict(), at)
}

// verdict returns how the steps so far ended together.
func (j *job) verdict() string {
	for _, s := range j.steps {
		if s.status == "COMPLETED" && s.conclusion != "SUCCESS" && s.conclusion != "SKIPPED" {
			return s.conclusion
		}
	}
	return "SUCCESS"
}

func (g *GitHub) endJob(j *job, conclusion string, at time.Time) {
	c, b := j.check, j.build
	c.Status, c.Conclusion, c.CompletedAt = "COMPLETED", conclusion, at
	if c.StartedAt.IsZero() {
		c.StartedAt = at
	}
	c.Title, c.Summary, c.Text, c.Annotations = j.plan.Title, j.plan.Summary, j.plan.Text, j.plan.Annotations
	b.run.suite.UpdatedAt = at
	for _, plan := range j.plan.Artifacts {
		if conclusion == "SUCCESS" || plan.Always {
			data := plan.Zip
			if data == nil {
				data = archive(plan.Files)
			}
			b.artifacts = append(b.artifacts, &artifact{DatabaseID: g.nextID(), Name: plan.Name, run: b.run, data: data, createdAt: at})
		}
	}
	g.hooks.job(j, "completed")
	g.hooks.checkRun(c, "completed")
	g.release(b, at)
}

// cancelled ends all jobs of a run.
func (g *GitHub) cancelled(b *build, at time.Time) {
	b.cancelAt, b.cancelled, b.pending = time.Time{}, true, nil
	for _, j := range b.latest() {
		if j.check.Status == "COMPLETED" {
			continue
		}
		for _, s := range j.steps {
			switch s.status {
			case "IN_PROGRESS":
				s.status, s.conclusion, s.completedAt = "COMPLETED", "CANCELLED", at
			case "QUEUED":
				s.status, s.conclusion, s.startedAt, s.completedAt = "COMPLETED", "SKIPPED", at, at
			}
		}
		g.endJob(j, "CANCELLED", at)
	}
}

// BeginJob gives a job that is held a machine.
func (g *GitHub) BeginJob(repository string, id int) error {
	return g.withJob(repository, id, "QUEUED", func(j *job) { g.startJob(j, g.now()); g.pass(j) })
}

// pass ends the first step of a job that is held.
func (g *GitHub) pass(j *job) { g.endStep(j, j.step(), "SUCCESS", g.now()) }

// NextStep ends the step that a job that is held is at, with a conclusion such as "SUCCESS".
func (g *GitHub) NextStep(repository string, id int, conclusion string) error {
	return g.withJob(repository, id, "IN_PROGRESS", func(j *job) {
		if s := j.step(); s.number < len(j.steps) {
			g.endStep(j, s, conclusion, g.now())
		}
	})
}

// FinishJob ends a job that is held, with a conclusion such as "SUCCESS".
func (g *GitHub) FinishJob(repository string, id int, conclusion string) error {
	return g.withJob(repository, id, "IN_PROGRESS", func(j *job) {
		for j.check.Status != "COMPLETED" {
			s := j.step()
			if s.number == len(j.steps) {
				g.endStep(j, s, "SUCCESS", g.now())
			} else {
				g.endStep(j, s, conclusion, g.now())
			}
		}
	})
}

// WriteLog adds lines to the log of the step that a job is at.
func (g *GitHub) WriteLog(repository string, id int, lines ...string) error {
	return g.withJob(repository, id, "IN_PROGRESS", func(j *job) {
		at := stampLog(g.settings.Now())
		for _, line := range lines {
			j.step().written = append(j.step().written, at+" "+line+"\n")
		}
	})
}

func (g *GitHub) withJob(repository string, id int, status string, do func(*job)) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.advance()
	r, err := g.find(repository)
	if err != nil {
		return err
	}
	j := g.job(r, id)
	switch {
	case j == nil || j.build.run.build == nil:
		return fmt.Errorf("job %d of %s: %w", id, repository, ErrUnknown)
	case j.check.Status != status:
		return refuse("job %d of %s is %s", id, repository, strings.ToLower(j.check.Status))
	}
	do(j)
	return nil
}

// CancelRun cancels a run, in a moment.
func (g *GitHub) CancelRun(repository string, id int) error {
	return g.withRun(repository, id, func(run *workflowRun) error { return g.cancel(run) })
}

// RerunRun begins the next attempt of a run that is completed: with all jobs, or those that failed and what needs them.
func (g *GitHub) RerunRun(repository string, id int, failed bool, by string) error {
	return g.withRun(repository, id, func(run *workflowRun) error {
		who, err := g.actor(by)
		if err != nil {
			return err
		}
		return g.rerun(run, who, func(j *job) bool { return !failed || j.failed() })
	})
}

func (g *GitHub) withRun(repository string, id int, do func(*workflowRun) error) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.advance()
	r, err := g.find(repository)
	if err != nil {
		return err
	}
	run := r.runWithID(id)
	if run == nil {
		return fmt.Errorf("run %d of %s: %w", id, repository, ErrUnknown)
	}
	return do(run)
}

func (g *GitHub) cancel(run *workflowRun) error {
	b := run.of()
	if b.done {
		return refuse("Cannot cancel a workflow run that is completed.")
	}
	if run.build == nil {
		return refuse("Cannot cancel a workflow re-run that has not yet queued.")
	}
	if b.cancelAt.IsZero() {
		b.cancelAt = g.now().Add(cancelTakes)
	}
	return nil
}

// failed reports whether a job is one that is run again where what failed is.
func (j *job) failed() bool {
	return j.check.Status == "COMPLETED" && !slices.Contains([]string{"SUCCESS", "SKIPPED", "NEUTRAL"}, j.check.Conclusion)
}

// rerun begins the next attempt, with the jobs that are chosen and those that need them.
func (g *GitHub) rerun(run *workflowRun, who any, chosen func(*job) bool) error {
	const oldest = 30 * 24 * time.Hour // as documented in November 2026
	b := run.of()
	if !b.done {
		return refuse("This workflow is already running")
	}
	if g.now().Sub(run.suite.CreatedAt) > oldest {
		return refuse("Unable to retry this workflow run because it was created over a month ago")
	}
	var plans []JobPlan
	var names []string
	for _, plan := range b.plans {
		wanted := slices.ContainsFunc(plan.Needs, func(need string) bool { return slices.Contains(names, need) })
		for _, j := range b.latest() {
			wanted = wanted || j.plan.Name == plan.Name && chosen(j)
		}
		// What a cancelled run never came to is run as well.
		wanted = wanted || !slices.ContainsFunc(b.latest(), func(j *job) bool { return j.plan.Name == plan.Name })
		if wanted {
			names = append(names, plan.Name)
			if plan.Again != nil {
				again := *plan.Again
				again.Name, again.Needs = plan.Name, plan.Needs
				plan = again
			}
			plans = append(plans, plan)
		}
	}
	if len(plans) == 0 {
		return refuse("This workflow run cannot be retried")
	}
	run.build, b.triggering = b, who
	g.state.active = append(g.state.active, b)
	g.beginAttempt(b, plans, g.now())
	return nil
}

// ExpireArtifact deletes the bytes of an artifact, as time does.
func (g *GitHub) ExpireArtifact(id int) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	a := g.artifact(id)
	if a == nil {
		return fmt.Errorf("artifact %d: %w", id, ErrUnknown)
	}
	a.expired, a.data = true, nil
	return nil
}

// triggerPush starts the workflows that a push to a branch starts: those of pushes, and those of the pull requests from it.
func (g *GitHub) triggerPush(ctx context.Context, r *Repository, branch string, head git.OID, who any) error {
	if err := g.trigger(ctx, r, Run{Event: "push", Branch: branch, HeadOID: string(head)}, who); err != nil {
		return err
	}
	for _, number := range slices.Sorted(maps.Keys(r.items)) {
		if p, ok := r.items[number].(*PullRequest); ok && p.State() == "OPEN" && p.HeadRefName == branch && p.HeadOID == "" {
			if err := g.triggerPull(ctx, p, who); err != nil {
				return err
			}
		}
	}
	return nil
}

// triggerPull starts the workflows that a pull request starts.
func (g *GitHub) triggerPull(ctx context.Context, p *PullRequest, who any) error {
	head, err := p.head(ctx)
	if err != nil {
		return err
	}
	return g.trigger(ctx, p.repository, Run{Event: "pull_request", Branch: p.HeadRefName, HeadOID: string(head), PullRequest: p.Number}, who)
}

func (g *GitHub) trigger(ctx context.Context, r *Repository, run Run, who any) error {
	for _, name := range slices.Sorted(maps.Keys(r.workflows)) {
		if w := r.workflows[name]; slices.Contains(w.definition.Events, run.Event) && w.definition.State == "ACTIVE" {
			if _, err := g.startRun(ctx, r, w, run, who); err != nil {
				return fmt.Errorf("starting %s of %s: %w", name, r.NameWithOwner(), err)
			}
		}
	}
	return nil
}
