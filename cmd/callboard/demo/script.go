package demo

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"callboard.dev/callboard/clients/github/githubtest"
	"callboard.dev/callboard/clients/gitlab/gitlabtest/ci"
	"callboard.dev/callboard/clients/jenkins/jenkinstest"
	"callboard.dev/callboard/examples"
)

// player plays the script. What is here is read by the page, too.
type player struct {
	mu     sync.Mutex
	acts   int           // how many have begun
	begun  time.Time     // the act that is on; zero where none was
	step   int           // of the script that comes next
	pull   int           // the number of the pull request
	run    int           // the id of the run of its checks
	late   time.Time     // when the step that waits gives up; zero where it does not wait
	said   []line        // of the act
	ask    bool          // somebody wants the script to begin again
	always []time.Time   // when each of what runs all the time begins next
	told   examples.Play // the act that is on
}

type line struct {
	At   time.Duration // since the act began
	Text string
}

// patience is how long a step waits for what it needs, by judgement: a run takes about 20 s.
const patience = 90 * time.Second

// tick is how often hosts and script go on while the stage plays: often enough that steps of a second are seen.
const tick = 250 * time.Millisecond

// Play lets time pass on the hosts, and plays the script, until Close.
func (s *Stage) Play(ctx context.Context) {
	ctx, s.stop = context.WithCancel(ctx)
	s.playing.Go(func() {
		ticker := time.NewTicker(tick)
		defer ticker.Stop()
		if err := s.Remind(ctx); err != nil && ctx.Err() == nil {
			s.log.Warn("Jenkins could not tell of what it has built", "error", err)
		}
		for {
			s.Step(ctx)
			select {
			case <-ctx.Done():
				return
			case <-ticker.C:
			}
		}
	})
}

// Hold has the time of the hosts stand still, but for Skip: what tests see does not depend on how fast they are.
func (s *Stage) Hold() { s.clock.stand(s.clock.Now()) }

// Skip leaves time out, as if the stage had played in it: tests do not wait.
func (s *Stage) Skip(ctx context.Context, d time.Duration) {
	for ; d > 0; d -= tick {
		s.clock.skip(min(d, tick))
		s.Step(ctx)
	}
}

// Step lets happen what is due. Play calls it all the time.
func (s *Stage) Step(ctx context.Context) {
	s.stepping.Lock()
	defer s.stepping.Unlock()
	s.GitHub.Advance()
	s.GitLab.Advance()
	s.Jenkins.Advance()
	now := s.clock.Now()
	s.runAlways(now)
	p := &s.player
	p.mu.Lock()
	if p.begun.IsZero() || p.ask {
		p.begin(now, s.script)
	}
	step, due := p.step, p.step < len(s.script.Steps) && !now.Before(p.begun.Add(s.script.Steps[p.step].At))
	p.mu.Unlock()
	if !due {
		return
	}
	beat := s.script.Steps[step]
	done, text, err := s.perform(ctx, beat)
	p.mu.Lock()
	defer p.mu.Unlock()
	switch {
	case ctx.Err() != nil:
	case err != nil:
		p.say(now, fmt.Sprintf("That did not work, and the script ends: %v.", err))
		p.step = len(s.script.Steps)
	case done:
		p.say(now, cmp.Or(text, p.fill(beat.Says)))
		p.step, p.late = step+1, time.Time{}
	case p.late.IsZero():
		p.late = now.Add(patience)
	case now.After(p.late):
		p.say(now, "The checks are not green. The script leaves the pull request to you.")
		p.step = len(s.script.Steps)
	}
}

// begin begins the next act.
func (p *player) begin(now time.Time, script *examples.Script) {
	p.told = script.Acts[p.acts%len(script.Acts)]
	if round := p.acts / len(script.Acts); round > 0 { // as another pull request, with something else to merge
		p.told.Branch = fmt.Sprintf("%s-%d", p.told.Branch, round+1)
		files := map[string]string{}
		for name, text := range p.told.Files {
			files[name] = fmt.Sprintf("%s\n// Looked at again, for the %d. time.\n", text, round+1)
		}
		p.told.Files = files
	}
	p.acts++
	p.begun, p.step, p.pull, p.run, p.late, p.said, p.ask = now, 0, 0, 0, time.Time{}, nil, false
}

func (p *player) say(now time.Time, text string) {
	p.said = append(p.said, line{now.Sub(p.begun).Truncate(time.Second), text})
}

func (p *player) fill(text string) string {
	return strings.NewReplacer("{author}", p.told.Author, "{reviewer}", p.told.Reviewer, "{title}", p.told.Title).Replace(text)
}

// perform does a step, and tells whether it is done or has to be tried again later, with other words than the script's where it was done in another way.
func (s *Stage) perform(ctx context.Context, beat examples.Beat) (done bool, text string, err error) {
	s.player.mu.Lock()
	act, pull, id := s.player.told, s.player.pull, s.player.run
	s.player.mu.Unlock()
	full := s.forge.Organisation + "/" + act.Repository
	if beat.Do == examples.Open {
		return true, "", s.raise(ctx, act)
	}
	runs, err := s.GitHub.Runs(full)
	if err != nil {
		return false, "", err
	}
	at := slices.IndexFunc(runs, func(r githubtest.RunState) bool { return r.ID == id })
	if at < 0 {
		return false, "", fmt.Errorf("run %d of %s is gone", id, full)
	}
	run := runs[at]
	over := run.Status == "COMPLETED"
	switch beat.Do {
	case examples.Rerun:
		switch {
		case run.Attempt > 1:
			return true, "Somebody has run the checks again.", nil
		case !over:
			return false, "", nil
		case run.Conclusion == "SUCCESS":
			return true, "The checks are green.", nil
		}
		why := s.rerun(ctx, full, id)
		if why == nil || ctx.Err() != nil {
			return true, "", nil
		}
		if err := s.GitHub.RerunRun(full, id, false, act.Author); err != nil {
			if errors.Is(err, githubtest.ErrRefused) { // somebody was faster
				return false, "", nil
			}
			return false, "", err
		}
		return true, fmt.Sprintf("Callboard did not run the checks again (%v), so %s does so on GitHub.", why, act.Author), nil
	case examples.Approve:
		if !over || run.Conclusion != "SUCCESS" {
			return false, "", nil
		}
		_, err := s.GitHub.ReviewPullRequest(ctx, full, pull, githubtest.Review{AuthorLogin: act.Reviewer, State: "APPROVED", Body: "Green now."})
		return err == nil, "", err
	case examples.Merge:
		err := s.GitHub.MergePullRequest(ctx, full, pull, "SQUASH", act.Reviewer)
		if errors.Is(err, githubtest.ErrRefused) {
			return true, "Somebody has merged or closed it already.", nil
		}
		return err == nil, "", err
	}
	// The end: the newest run of main is over.
	main := slices.IndexFunc(runs, func(r githubtest.RunState) bool { return r.Event == "push" && r.Branch == "main" })
	return main < 0 || runs[main].Status == "COMPLETED", "", nil
}

// raise pushes the branch of an act and opens its pull request, whose run fails at first and succeeds when it is run again.
func (s *Stage) raise(ctx context.Context, act examples.Play) (err error) {
	p := s.pipelines.Of(act.Repository, examples.OnGitHub, act.Pipeline)
	full := s.full(p)
	if err := s.addWorkflow(p, nil); err != nil { // what is pushed to branches is not checked
		return err
	}
	defer func() { err = errors.Join(err, s.addWorkflow(p, []string{"push", "pull_request"})) }()
	var files []githubtest.File
	for name, text := range act.Files {
		files = append(files, githubtest.File{Path: name, Data: []byte(text)})
	}
	oid, err := s.GitHub.Push(ctx, full, act.Branch, act.Author, act.Message, files...)
	if err != nil {
		return err
	}
	failing := s.pipelines.Next(p, examples.Commit{OID: oid, Subject: act.Message, Branch: act.Branch}, examples.PullRequest, s.clock.Now(),
		examples.Exception{Job: act.Job, Outcome: examples.Flaky, Test: act.Test, Message: act.Failure, Details: act.Details, Log: act.Log})
	if err := s.setWorkflow(p, []string{"pull_request"}, jobPlans(failing)); err != nil {
		return err
	}
	pull, err := s.GitHub.AddPullRequest(ctx, full, githubtest.PullRequest{Title: act.Title, Body: act.Body, AuthorLogin: act.Author, HeadRefName: act.Branch, Labels: act.Labels, Reviewers: []string{act.Reviewer}})
	if err != nil {
		return err
	}
	number := pull.Number
	runs, err := s.GitHub.Runs(full)
	if err != nil {
		return err
	}
	at := slices.IndexFunc(runs, func(r githubtest.RunState) bool { return slices.Contains(r.PullRequests, number) })
	if at < 0 {
		return fmt.Errorf("pull request %d of %s has no run", number, full)
	}
	s.player.mu.Lock()
	defer s.player.mu.Unlock()
	s.player.pull, s.player.run = number, runs[at].ID
	return nil
}

// rerun asks Callboard to run a run again, as anybody would: it finds the run by its address and then says which.
func (s *Stage) rerun(ctx context.Context, repository string, id int) error {
	var found struct{ PipelineRun *struct{ ID string } }
	if err := s.ask(ctx, `query ($url: URL!) { pipelineRun(url: $url) { id } }`, map[string]any{"url": s.RunAddress(repository, id)}, &found); err != nil {
		return err
	}
	if found.PipelineRun == nil {
		return errors.New("it does not know the run")
	}
	var done struct {
		RerunPipelineRun *struct{ UserErrors []struct{ Message string } }
	}
	input := map[string]any{"id": found.PipelineRun.ID, "clientMutationId": fmt.Sprintf("script-%d", id)}
	if err := s.ask(ctx, `mutation ($input: RerunPipelineRunInput!) { rerunPipelineRun(input: $input) { run { id attempt } userErrors { message } } }`, map[string]any{"input": input}, &done); err != nil {
		return err
	}
	switch {
	case done.RerunPipelineRun == nil:
		return errors.New("it says nothing")
	case len(done.RerunPipelineRun.UserErrors) > 0:
		return errors.New(done.RerunPipelineRun.UserErrors[0].Message)
	}
	return nil
}

// RunAddress is that of the page of a run on GitHub.
func (s *Stage) RunAddress(repository string, id int) string {
	return fmt.Sprintf("%s/%s/actions/runs/%d", examples.GitHub, repository, id)
}

// ask sends an operation to Callboard with the script's token.
func (s *Stage) ask(ctx context.Context, query string, variables map[string]any, into any) error {
	s.player.mu.Lock()
	to := s.callboard
	s.player.mu.Unlock()
	if to == "" {
		return errors.New("it is not there")
	}
	const (
		longest = 15 * time.Second
		most    = 1 << 20
	)
	ctx, cancel := context.WithTimeout(ctx, longest)
	defer cancel()
	body, err := json.Marshal(map[string]any{"query": query, "variables": variables})
	if err != nil {
		return err
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, to+"/graphql", bytes.NewReader(body))
	if err != nil {
		return err
	}
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("Authorization", "Bearer "+s.ScriptToken)
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(io.LimitReader(resp.Body, most))
	if err != nil {
		return err
	}
	var answer struct {
		Data   json.RawMessage
		Errors []struct{ Message string }
	}
	if err := json.Unmarshal(text, &answer); err != nil {
		return fmt.Errorf("it answers %s", resp.Status)
	}
	if len(answer.Errors) > 0 {
		return errors.New(answer.Errors[0].Message)
	}
	return json.Unmarshal(answer.Data, into)
}

// runAlways begins what runs all the time, where it is time.
func (s *Stage) runAlways(now time.Time) {
	if s.player.always == nil {
		s.player.always = make([]time.Time, len(s.script.Always))
	}
	for i, r := range s.script.Always {
		next := &s.player.always[i]
		if now.Before(*next) {
			continue
		}
		*next = now.Add(r.Every)
		if err := s.begin(r); err != nil {
			s.log.Warn("what runs all the time could not begin", "repository", r.Repository, "error", err)
		}
	}
}

func (s *Stage) begin(r examples.Regular) error {
	p := s.pipelines.Of(r.Repository, r.On, "")
	run := s.next(p, examples.Schedule)
	if r.On == examples.OnGitLab {
		_, err := s.GitLab.RunPipeline(s.forge.Repositories[r.Repository].GitLab, ci.Pipeline{Source: "schedule", User: s.forge.People[0].Login, Jobs: ciJobs(run)})
		return err
	}
	job := p.Name
	if !p.Single {
		job += "/main"
	}
	if err := s.Jenkins.ChangeJob(job, func(j *jenkinstest.Job) { j.Plans = []jenkinstest.Plan{plan(run, false)} }); err != nil {
		return err
	}
	_, err := s.Jenkins.Trigger(job, jenkinstest.Trigger{Cause: byTimer})
	return err
}
