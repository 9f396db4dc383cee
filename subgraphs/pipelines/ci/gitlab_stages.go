package ci

import (
	"cmp"
	"context"
	"slices"
	"time"

	"callboard.dev/callboard/clients/gitlab"
)

const (
	// gitLabJobs is how many jobs of a run are told, by judgement: nobody looks at more.
	gitLabJobs = 1000
	// gitLabJobPages is how many pages these are.
	gitLabJobPages = gitLabJobs / gitLabPage
)

// whole returns a pipeline with the jobs that no others have come in the place of, the oldest first, and whether these are all. It makes one request; for one of more
// than 100 jobs one more for every 100 of them, up to 1,000, and one for those that begin other pipelines. Of what others say of the commit, GitLab tells only what is among
// the newest 100.
func (g *gitLab) whole(ctx context.Context, n gitlab.PipelineNumber) (*gitlab.PipelineWithJobs, error) {
	found, err := g.client.PipelineWithJobs(ctx, n)
	if err != nil {
		return nil, g.failed(false, err)
	}
	known := map[int64]bool{}
	for _, j := range found.Jobs {
		known[j.ID] = true
	}
	if !found.Complete {
		if err := g.more(ctx, n, found, known); err != nil {
			return nil, g.failed(false, err)
		}
	}
	found.Jobs = slices.DeleteFunc(found.Jobs, func(j *gitlab.Job) bool { return j.Retried })
	slices.SortFunc(found.Jobs, func(a, b *gitlab.Job) int { return cmp.Compare(a.ID, b.ID) })
	return found, nil
}

// more adds the jobs that the first answer had no room for.
func (g *gitLab) more(ctx context.Context, n gitlab.PipelineNumber, found *gitlab.PipelineWithJobs, known map[int64]bool) error {
	add := func(list *gitlab.JobPage) {
		for _, j := range list.Jobs {
			if !known[j.ID] {
				known[j.ID] = true
				found.Jobs = append(found.Jobs, j)
			}
		}
	}
	next := 1
	for range gitLabJobPages {
		list, err := g.client.Jobs(ctx, gitlab.JobsQuery{Pipeline: n, Page: next, PerPage: gitLabPage})
		if err != nil {
			return err
		}
		add(list)
		if next = list.Next; next == 0 {
			break
		}
	}
	bridges, err := g.client.Bridges(ctx, gitlab.JobsQuery{Pipeline: n, PerPage: gitLabPage})
	if err != nil {
		return err
	}
	add(bridges)
	found.Complete = next == 0 && bridges.Next == 0
	return nil
}

// Stages makes one request for each run; for one of more than 100 jobs one more for every 100 of them, up to 1,000, and another. A few are under way at a time.
func (g *gitLab) Stages(ctx context.Context, runs []string) ([]*Stages, []error) {
	return gitLabEach(runs, func(key string) (*Stages, error) {
		n, err := g.run(key)
		if err != nil {
			return nil, err
		}
		found, err := g.whole(ctx, n)
		if err != nil {
			return nil, err
		}
		return g.stages(n.Project, found), nil
	})
}

func (g *gitLab) stages(project string, p *gitlab.PipelineWithJobs) *Stages {
	out := &Stages{Complete: p.Complete, Done: gitLabStatus(p.Status, false).Done()}
	at := map[string]int{}
	place := func(name, word string) int {
		i, ok := at[name]
		if !ok {
			i = len(out.Stages)
			at[name] = i
			out.Stages = append(out.Stages, Stage{Name: name, Status: gitLabStatus(word, false), Word: word})
		}
		return i
	}
	for _, s := range p.Stages {
		place(s.Name, s.Status)
	}
	for _, j := range p.Jobs {
		s := &out.Stages[place(j.Stage, "")]
		s.Jobs = append(s.Jobs, g.tellJob(project, j))
	}
	for i := range out.Stages {
		gitLabSettle(&out.Stages[i])
	}
	return out
}

// gitLabSettle fills in what follows from the jobs of a stage.
func gitLabSettle(s *Stage) {
	warning, over := false, len(s.Jobs) > 0
	var last time.Time
	for _, j := range s.Jobs {
		warning = warning || j.AllowFailure && j.Status == Failed
		if !j.StartedAt.IsZero() && (s.StartedAt.IsZero() || j.StartedAt.Before(s.StartedAt)) {
			s.StartedAt = j.StartedAt
		}
		if j.FinishedAt.After(last) {
			last = j.FinishedAt
		}
		over = over && (j.Status.Done() || j.Status == Waiting && j.AllowFailure)
	}
	if s.Status == Succeeded && warning {
		s.Status = Unstable
	}
	if s.Status.Done() && over && !last.IsZero() {
		s.FinishedAt = last
		if !s.StartedAt.IsZero() && !last.Before(s.StartedAt) {
			s.Duration = new(last.Sub(s.StartedAt))
		}
	}
}

// tellJob is a job of GitLab's in this package's words. One that does nothing but begin a pipeline has that pipeline as its only step, and its page: it has none itself.
func (g *gitLab) tellJob(project string, j *gitlab.Job) Job {
	status := gitLabStatus(j.Status, false)
	out := Job{Key: gitLabJobKey(project, j.ID), Name: j.Name, Status: status, Word: j.Status, CreatedAt: j.CreatedAt, StartedAt: j.StartedAt, URL: j.URL, Runner: j.Runner,
		AllowFailure: j.AllowFailure, Waited: gitLabWaited(j.Queued), Steps: []Step{}}
	out.FinishedAt, out.Duration = gitLabEnd(status, j.StartedAt, j.FinishedAt, j.Duration)
	if status == Failed {
		out.Failure = j.Failure
	}
	if c := j.Child; c != nil {
		key := gitLabRunKey(project, c.ID)
		if at, err := g.client.ParsePipelineURL(c.URL); err == nil { // it may be another project's
			key = gitLabRunKey(at.Project, at.ID)
		}
		s := Step{Number: 1, Name: gitLabName, Detail: key, Status: gitLabStatus(c.Status, c.Warnings), Word: c.Status, StartedAt: c.StartedAt}
		s.FinishedAt, s.Duration = gitLabEnd(s.Status, c.StartedAt, c.FinishedAt, c.Duration)
		out.Steps = []Step{s}
		if c.URL != "" {
			out.URL = c.URL
		}
	}
	return out
}

// Steps asks nobody: GitLab has no steps. What a job that begins a pipeline has, Stages tells.
func (g *gitLab) Steps(_ context.Context, jobs []string) ([][]Step, []error) {
	out, errs := make([][]Step, len(jobs)), make([]error, len(jobs))
	for i, key := range jobs {
		if _, errs[i] = g.job(key); errs[i] == nil {
			out[i] = []Step{}
		}
	}
	return out, errs
}
