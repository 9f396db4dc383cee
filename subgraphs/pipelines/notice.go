package pipelines

import (
	"context"

	"callboard.dev/callboard/subgraphs/pipelines/announce"
	"callboard.dev/callboard/subgraphs/pipelines/ci"
	"callboard.dev/callboard/subgraphs/pipelines/reports"
	"callboard.dev/callboard/subgraphs/pipelines/view"
)

// Notice is what a system tells of by itself.
type Notice struct {
	System string // its name
	Owner  string // the repository, or the job
	Run    int64  // as System.RunKey of package ci has it; 0 where it is about no run
	Done   bool   // it may be done

	PullRequest int    // the number of the pull request of Owner that it is about; 0 where that is none, or not told
	Head        string // object id of its newest commit; "" where it is not told
}

// Noticed has those look at once who watch what a notice is about, and fetches the reports of a run that is done. It does not wait. What is remembered has been
// forgotten by then.
func (p *Pipelines) Noticed(n Notice) {
	s := p.system(n.System)
	if s == nil {
		return
	}
	if n.PullRequest > 0 && s.Host != nil {
		p.announcer.Tell(announce.Pull{System: s, Repository: n.Owner, Number: n.PullRequest, URL: s.Host.PullRequestURL(n.Owner, n.PullRequest), Head: n.Head})
	}
	if n.Run < 1 {
		return
	}
	key := s.RunKey(n.Owner, n.Run)
	p.source.Hub.Nudge(view.Topic(s, key))
	if n.Done {
		p.behind.Do("", func(ctx context.Context) { p.collect(ctx, s, key) }) // else the next who asks has it done
	}
}

// collect fetches the reports of a run, where it is done.
func (p *Pipelines) collect(ctx context.Context, s *ci.System, key string) {
	run := s.Runs(ctx, []string{key})[0]
	if !run.Known() || run.Value == nil || !run.Value.Status.Done() {
		return
	}
	of := reports.Repository{System: s}
	if s.Host != nil {
		of.Path = run.Value.Repository
	}
	// What the reports say belongs to what is announced, so that comes after.
	defer func() {
		if pull, ok := view.NewRequest(p.source).Pull(s, run.Value); ok {
			p.announcer.Tell(pull)
		}
	}()
	if err := p.source.Reports.Collect(ctx, of, run.Value); err != nil && ctx.Err() == nil {
		p.source.Log.Warn("the reports of a run could not be collected: they are when somebody asks for them", "system", s.Name, "run", key, "error", err)
	}
}

func (p *Pipelines) system(name string) *ci.System {
	for _, s := range p.source.Systems {
		if s.Name == name {
			return s
		}
	}
	return nil
}
