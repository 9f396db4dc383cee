package githubtest

import (
	"slices"
	"time"
)

// attempt is what is kept of an attempt of a run, beside its jobs.
type attempt struct {
	triggering           any
	requestedAt, endedAt time.Time
	cancelled            bool
}

// keep notes how an attempt ended.
func (b *build) keep(at time.Time) {
	b.past = append(b.past, attempt{b.triggering, b.requestedAt, at, b.cancelled})
}

// standingOf returns how jobs that are all over ended together.
func standingOf(jobs []*job) string {
	conclusion, skipped := "SUCCESS", true
	for _, j := range jobs {
		c := j.check.Conclusion
		skipped = skipped && c == "SKIPPED"
		if c != "SUCCESS" && c != "SKIPPED" && c != "NEUTRAL" && conclusion != "FAILURE" {
			conclusion = c
		}
	}
	if skipped {
		return "SKIPPED"
	}
	return conclusion
}

// restAttempt describes a run as it was in an attempt; nil where it has not had it.
func (g *GitHub) restAttempt(c *call, run *workflowRun, number int) object {
	b := run.of()
	out := g.restRun(c, run)
	if number == b.attempt {
		return out
	}
	if number < 1 || number > len(b.past) || number > b.attempt {
		return nil
	}
	past := b.past[number-1]
	conclusion := standingOf(b.upTo(number))
	if past.cancelled {
		conclusion = "CANCELLED"
	}
	out["run_attempt"], out["status"], out["conclusion"], out["run_started_at"], out["updated_at"] = number, "completed", lower(conclusion), stamp(past.requestedAt), stamp(past.endedAt)
	out["triggering_actor"], out["previous_attempt_url"] = g.restActor(past.triggering), nil
	if number > 1 {
		out["previous_attempt_url"] = out["url"].(string) + "/attempts/" + itoa(number-1)
	}
	return out
}

// RunState is how a run stands.
type RunState struct {
	ID, Number, Attempt int
	Workflow, Event     string
	Branch, HeadOID     string
	PullRequests        []int
	Status, Conclusion  string // as Check has them
	Jobs                []JobState
}

// JobState is how a job of a run stands, in its latest execution.
type JobState struct {
	ID, Attempt        int
	Name               string
	Status, Conclusion string // as Check has them
}

// Runs returns how the runs of a repository stand, the newest first.
func (g *GitHub) Runs(repository string) ([]RunState, error) {
	g.catchUp()
	g.mu.RLock()
	defer g.mu.RUnlock()
	r, err := g.find(repository)
	if err != nil {
		return nil, err
	}
	var out []RunState
	for _, s := range slices.Backward(r.suites) {
		if s.run == nil {
			continue
		}
		b := s.run.of()
		one := RunState{ID: s.run.DatabaseID, Number: s.run.RunNumber, Attempt: b.attempt, Workflow: s.run.workflow.Name, Event: s.run.Event, Branch: s.branch, HeadOID: string(s.oid)}
		one.Status, one.Conclusion = s.state()
		for _, p := range b.pulls {
			one.PullRequests = append(one.PullRequests, p.Number)
		}
		for _, j := range b.latest() {
			one.Jobs = append(one.Jobs, JobState{ID: j.check.DatabaseID, Attempt: j.attempt, Name: j.plan.Name, Status: j.check.Status, Conclusion: j.check.Conclusion})
		}
		out = append(out, one)
	}
	return out, nil
}
