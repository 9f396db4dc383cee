package demo

import (
	"context"
	"fmt"
	"runtime"
	"slices"
	"time"

	"golang.org/x/sync/errgroup"

	"callboard.dev/callboard/clients/git"
	"callboard.dev/callboard/examples"
)

// moment is something that happened on a host at a time.
type moment struct {
	at time.Time
	do func() error
}

// openRuns plays how the pipelines of all repositories went, and leaves those that are not over running.
func (s *Stage) openRuns(ctx context.Context, repositories map[string]*git.Repository) (err error) {
	if s.pipelines, err = examples.ReadPipelines(); err != nil {
		return err
	}
	if err := s.openJenkins(); err != nil {
		return err
	}
	now := s.clock.Now()
	s.clock.stand(examples.FirstDay) // when the workflows were made
	defer s.clock.stand(time.Time{})
	var past []moment
	names := examples.Repositories()
	known := make([][]examples.Commit, len(names))
	group, within := errgroup.WithContext(ctx)
	group.SetLimit(runtime.GOMAXPROCS(0))
	for i, name := range names {
		group.Go(func() (err error) {
			if known[i], err = s.commits(within, name, repositories[name]); err != nil {
				return fmt.Errorf("%s: %w", name, err)
			}
			return nil
		})
	}
	if err := group.Wait(); err != nil {
		return err
	}
	for i, name := range names {
		commits := known[i]
		runs, err := s.pipelines.Runs(name, commits, now)
		if err != nil {
			return err
		}
		if err := s.addPipelines(name, commits[0]); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		for _, r := range runs {
			switch r.Pipeline.On {
			case examples.OnGitHub:
				past = append(past, s.onActions(ctx, r)...)
			case examples.OnGitLab:
				past = append(past, s.onGitLabCI(r)...)
			case examples.OnJenkins:
				if err := s.onJenkins(r, now); err != nil {
					return fmt.Errorf("%s of %s: %w", r.Pipeline.Name, name, err)
				}
			}
		}
	}
	slices.SortStableFunc(past, func(a, b moment) int { return a.at.Compare(b.at) })
	for _, m := range past {
		s.clock.stand(m.at)
		s.GitHub.Advance()
		s.GitLab.Advance()
		if err := m.do(); err != nil {
			return err
		}
	}
	s.clock.stand(time.Time{})
	s.GitHub.Advance()
	s.GitLab.Advance()
	s.GitLab.Watch.Reset() // some of the past went through its API
	return s.start()
}

// addPipelines tells the hosts of the pipelines of a repository, and what they do when nothing more is said.
func (s *Stage) addPipelines(name string, main examples.Commit) error {
	for i := range s.pipelines.Pipelines {
		p := &s.pipelines.Pipelines[i]
		if p.Repository != name {
			continue
		}
		s.mains[p] = main
		var err error
		switch p.On {
		case examples.OnGitHub:
			err = s.addWorkflow(p, nil)
		case examples.OnJenkins:
			err = s.addProject(p, main)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// start has pipelines run by themselves from now on.
func (s *Stage) start() error {
	for i := range s.pipelines.Pipelines {
		p := &s.pipelines.Pipelines[i]
		var err error
		switch p.On {
		case examples.OnGitHub:
			err = s.addWorkflow(p, []string{"push", "pull_request"})
		case examples.OnGitLab:
			err = s.GitLab.SetCI(s.forge.Repositories[p.Repository].GitLab, ciJobs(s.next(p, examples.Push)))
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// next is a good run of a pipeline, of what main was at.
func (s *Stage) next(p *examples.Pipeline, event string) examples.Run {
	return s.pipelines.Next(p, s.mains[p], event, s.clock.Now(), examples.Exception{})
}

// commits are those of a repository that pipelines have run for, the newest of main first.
func (s *Stage) commits(ctx context.Context, name string, r *git.Repository) ([]examples.Commit, error) {
	refs, err := r.Refs(ctx)
	if err != nil {
		return nil, err
	}
	tags := map[git.OID]string{}
	for _, tag := range refs.Tags {
		c, err := r.Resolve(ctx, refs, tag.Name)
		if err != nil {
			return nil, err
		}
		tags[c.OID] = tag.Short()
	}
	known := map[git.OID]bool{} // on main
	var out []examples.Commit
	walk := func(from git.OID, like examples.Commit) error {
		for i := 0; from != "" && !known[from]; i++ {
			c, err := r.Commit(ctx, from)
			if err != nil {
				return err
			}
			one := like
			one.OID, one.Subject, one.Author, one.At, one.Tag, one.Head = string(c.OID), c.Headline(), s.login(c.Author.Email), c.Committer.At, tags[c.OID], like.Head && i == 0
			out = append(out, one)
			known[from] = like.Pull == 0
			if from = ""; len(c.Parents) > 0 {
				from = c.Parents[0]
			}
		}
		return nil
	}
	// One question for all of them, so that those that follow are answered from memory.
	const most = 1000
	oids, _, err := r.History(ctx, refs.HeadOID, git.Filter{}, "", most)
	if err != nil {
		return nil, err
	}
	for _, branch := range refs.Branches {
		oids = append(oids, branch.Target)
	}
	if _, err := r.Commits(ctx, oids); err != nil {
		return nil, err
	}
	if err := walk(refs.HeadOID, examples.Commit{Branch: "main"}); err != nil {
		return nil, err
	}
	for _, p := range s.forge.Repositories[name].PullRequests {
		if p.MergedBy != "" {
			continue
		}
		head, err := r.Resolve(ctx, refs, "refs/heads/"+p.Branch)
		if err != nil {
			return nil, err
		}
		if err := walk(head.OID, examples.Commit{Branch: p.Branch, Pull: p.Number, Head: true}); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// lasts is how long the work of a run takes, where one job follows the other.
func lasts(work []examples.Work) time.Duration {
	var sum time.Duration
	for _, w := range work {
		sum += w.Waits
		for _, a := range w.Acts {
			sum += a.Takes
		}
	}
	return sum
}

// triedAgainAfter is how long somebody looked at a failure before running it again, by judgement.
const triedAgainAfter = 4 * time.Minute
