package demo

import (
	"context"
	"path"

	"callboard.dev/callboard/clients/github/githubtest"
	"callboard.dev/callboard/examples"
)

// addWorkflow gives GitHub a workflow that is started by these events.
func (s *Stage) addWorkflow(p *examples.Pipeline, events []string) error {
	return s.setWorkflow(p, events, jobPlans(s.next(p, examples.Push)))
}

func (s *Stage) setWorkflow(p *examples.Pipeline, events []string, jobs []githubtest.JobPlan) error {
	w := githubtest.Workflow{Name: p.Name, Path: p.File, Events: events, Jobs: jobs}
	if p.Dispatch {
		w.Events = append(w.Events, "workflow_dispatch")
	}
	for _, one := range p.Parameters {
		w.Inputs = append(w.Inputs, one.Name)
	}
	return s.GitHub.AddWorkflow(s.full(p), w)
}

func (s *Stage) full(p *examples.Pipeline) string {
	return path.Join(s.forge.Organisation, p.Repository)
}

// onActions is how a run of GitHub Actions went.
func (s *Stage) onActions(ctx context.Context, r examples.Run) []moment {
	repository, id := s.full(r.Pipeline), 0
	run := githubtest.Run{Workflow: r.Pipeline.Name, Event: r.Event, Branch: r.Commit.Branch, HeadOID: r.Commit.OID, By: r.Commit.Author, PullRequest: r.Commit.Pull, Jobs: jobPlans(r)}
	if r.Commit.Pull == 0 {
		run.Title = r.Commit.Subject
	}
	out := []moment{{r.Begins, func() (err error) {
		id, err = s.GitHub.StartRun(ctx, repository, run)
		return err
	}}}
	if r.Again != nil {
		out = append(out, moment{r.Begins.Add(lasts(r.Work) + triedAgainAfter), func() error { return s.GitHub.RerunRun(repository, id, true, r.Commit.Author) }})
	}
	if r.Cancel > 0 {
		out = append(out, moment{r.Begins.Add(r.Cancel), func() error { return s.GitHub.CancelRun(repository, id) }})
	}
	return out
}

// jobPlans are the jobs of a run, as GitHub will do them.
func jobPlans(r examples.Run) []githubtest.JobPlan {
	out := make([]githubtest.JobPlan, len(r.Work))
	for i, w := range r.Work {
		out[i] = jobPlan(w)
		for _, again := range r.Again {
			if again.Job == w.Job {
				plan := jobPlan(again)
				out[i].Again = &plan
			}
		}
	}
	return out
}

func jobPlan(w examples.Work) githubtest.JobPlan {
	out := githubtest.JobPlan{Name: w.Name, Needs: w.Needs, Labels: w.RunsOn, Queue: w.Waits}
	for _, a := range w.Acts {
		step := githubtest.StepPlan{Name: a.Name, Takes: a.Takes, Log: a.Log}
		switch a.Outcome {
		case examples.Failed:
			step.Conclusion = "FAILURE"
			note := githubtest.Annotation{Path: ".github", StartLine: 1, EndLine: 1, Level: "failure", Message: "Process completed with exit code 1."}
			out.Annotations = append(out.Annotations, note)
		case examples.TimedOut:
			step.Conclusion = "TIMED_OUT"
		}
		out.Steps = append(out.Steps, step)
	}
	if len(w.Cases) > 0 {
		out.Artifacts = append(out.Artifacts, githubtest.ArtifactPlan{Name: "test-results", Files: map[string][]byte{"junit.xml": examples.JUnit(w.Name, w.Cases)}, Always: true})
	}
	if len(w.Files) > 0 {
		files := map[string][]byte{}
		for name, text := range w.Files {
			files[name] = []byte(text)
		}
		out.Artifacts = append(out.Artifacts, githubtest.ArtifactPlan{Name: w.Name, Files: files})
	}
	return out
}
