package gitlabtest

import (
	"cmp"
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"callboard.dev/callboard/clients/gitlab/gitlabtest/ci"
)

// SetCI says what the pipelines of a project do of which nothing else is said, such as those that a push or the API begins: what its .gitlab-ci.yml
// would. Neither begins any where there are no jobs.
func (s *Server) SetCI(path string, jobs []*ci.Job) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	p := s.world.project(path)
	if p == nil {
		return noProject(path)
	}
	p.jobs = jobs
	return nil
}

// AddPipeline puts a pipeline in as one that was begun when its CreatedAt is, and has gone on since: nobody is told of what is over. It returns its id.
func (s *Server) AddPipeline(path string, r ci.Pipeline) (int64, error) {
	return s.addPipeline(path, r, func(*project) {})
}

// RunPipeline begins a pipeline, and tells the project's hooks of all that becomes of it. It returns its id.
func (s *Server) RunPipeline(path string, r ci.Pipeline) (int64, error) {
	return s.addPipeline(path, r, func(p *project) { p.runs.Changed = s.tells(p) })
}

func (s *Server) addPipeline(path string, r ci.Pipeline, told func(*project)) (int64, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	p := s.world.project(path)
	switch {
	case p == nil:
		return 0, noProject(path)
	case s.world.user(r.User) == nil:
		return 0, fmt.Errorf("there is no user %q", r.User)
	case r.MergeRequest != 0 && p.mergeRequest(r.MergeRequest) == nil:
		return 0, fmt.Errorf("there is no merge request !%d in %s", r.MergeRequest, path)
	case len(r.Jobs) == 0 && r.ConfigErrors == "" && len(p.jobs) == 0:
		return 0, fmt.Errorf("a pipeline of %s without jobs", path)
	}
	now := s.settings.Now()
	p.runs.Advance(now) // others go first
	p.runs.Changed = nil
	told(p)
	made := s.begin(p, r)
	p.runs.Advance(now)
	p.runs.Changed = s.tells(p)
	return made.ID, nil
}

// begin begins a pipeline with what is not said of it filled in. The server's lock is held.
func (s *Server) begin(p *project, r ci.Pipeline) *ci.Pipeline {
	if r.ConfigErrors == "" && len(r.Jobs) == 0 {
		r.Jobs = p.jobs
	}
	if m := p.mergeRequest(r.MergeRequest); m != nil {
		r.SHA = cmp.Or(r.SHA, m.SHA)
		r.Source = cmp.Or(r.Source, "merge_request_event")
	} else {
		r.Ref = cmp.Or(r.Ref, p.DefaultBranch)
	}
	if r.SHA == "" {
		kind := "refs/heads/"
		if r.Tag {
			kind = "refs/tags/"
		}
		if head, err := resolve(context.Background(), p, kind+r.Ref); err == nil {
			r.SHA = string(head.OID)
		}
	}
	r.BeforeSHA = cmp.Or(r.BeforeSHA, nothing)
	s.created(&r.CreatedAt)
	return p.runs.Add(r)
}

// Advance lets all pipelines go on to where they are now, and tells of it. Every request does the same before it is answered; where nobody asks, a
// demonstration has to.
func (s *Server) Advance() {
	now := s.settings.Now()
	s.mu.RLock()
	due := slices.ContainsFunc(s.world.order, func(p *project) bool { return p.runs.Due(now) })
	s.mu.RUnlock()
	if !due {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, p := range s.world.order {
		p.runs.Advance(now)
	}
}

// upToNow lets pipelines go on before a request is answered.
func (s *Server) upToNow(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.Advance()
		next.ServeHTTP(w, r)
	})
}

// Pipelines returns a copy of the pipelines of a project as they are now, the oldest first, nil where there is no such project.
func (s *Server) Pipelines(path string) []ci.Pipeline {
	s.Advance()
	s.mu.RLock()
	defer s.mu.RUnlock()
	p := s.world.project(path)
	if p == nil {
		return nil
	}
	return each(p.runs.Pipelines, func(r *ci.Pipeline) ci.Pipeline {
		out := *r
		out.Jobs = each(r.Jobs, func(j *ci.Job) *ci.Job { return new(*j) })
		return out
	})
}

// headPipeline returns the newest pipeline of the head of a merge request, nil for none.
func (p *project) headPipeline(m *MergeRequest) *ci.Pipeline {
	for _, r := range slices.Backward(p.runs.Pipelines) {
		if r.Parent == 0 && r.SHA == m.SHA && m.SHA != "" && p.concerns(r, m) {
			return r
		}
	}
	return nil
}

// concerns reports whether a pipeline is of a merge request, or of its branch.
func (p *project) concerns(r *ci.Pipeline, m *MergeRequest) bool {
	own := m.SourceProject == "" || strings.EqualFold(m.SourceProject, p.Path)
	return r.MergeRequest == m.IID || r.MergeRequest == 0 && own && !r.Tag && r.Ref == m.SourceBranch
}
