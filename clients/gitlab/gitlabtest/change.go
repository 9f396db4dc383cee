package gitlabtest

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"

	"callboard.dev/callboard/clients/git"
	"callboard.dev/callboard/clients/gitlab/gitlabtest/ci"
)

// AddMergeRequest puts a merge request in as one that has been there: nobody is told. It returns its iid.
func (s *Server) AddMergeRequest(ctx context.Context, path string, m MergeRequest) (int64, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	_, made, err := s.addMergeRequest(ctx, path, m)
	if err != nil {
		return 0, err
	}
	return made.IID, nil
}

// OpenMergeRequest opens a merge request, and tells the project's hooks.
func (s *Server) OpenMergeRequest(ctx context.Context, path string, m MergeRequest) (int64, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	p, made, err := s.addMergeRequest(ctx, path, m)
	if err != nil {
		return 0, err
	}
	p.LastActivity = s.settings.Now()
	s.tellMergeRequest(p, made, made.Author, "open", "", object{})
	return made.IID, nil
}

func (s *Server) addMergeRequest(ctx context.Context, path string, m MergeRequest) (*project, *MergeRequest, error) {
	p := s.world.project(path)
	if p == nil {
		return nil, nil, noProject(path)
	}
	m.Reviewers, m.Approvals = slices.Clone(m.Reviewers), slices.Clone(m.Approvals)
	for _, name := range append(append([]string{m.Author}, m.Assignees...), each(m.Reviewers, func(r Reviewer) string { return r.Username })...) {
		if s.world.user(name) == nil {
			return nil, nil, fmt.Errorf("there is no user %q", name)
		}
	}
	if m.IID == 0 {
		for _, other := range p.mergeRequests {
			m.IID = max(m.IID, other.IID)
		}
		m.IID++
	}
	if p.mergeRequest(m.IID) != nil {
		return nil, nil, fmt.Errorf("there is a merge request !%d already", m.IID)
	}
	m.ID = s.world.id(m.ID)
	m.State = cmp.Or(m.State, Opened)
	m.TargetBranch = cmp.Or(m.TargetBranch, p.DefaultBranch)
	m.SourceProject = cmp.Or(m.SourceProject, p.Path)
	s.created(&m.CreatedAt)
	if m.UpdatedAt.IsZero() {
		m.UpdatedAt = m.CreatedAt
	}
	if err := s.placeCommits(ctx, p, &m); err != nil {
		return nil, nil, err
	}
	p.mergeRequests = append(p.mergeRequests, &m)
	slices.SortFunc(p.mergeRequests, func(a, b *MergeRequest) int { return cmp.Compare(a.IID, b.IID) })
	return p, &m, nil
}

// placeCommits finds the head and the base of a merge request whose source branch is there.
func (s *Server) placeCommits(ctx context.Context, p *project, m *MergeRequest) error {
	source := s.world.project(m.SourceProject)
	if source == nil || source.repository == nil || p.repository == nil {
		return nil
	}
	if m.SHA == "" {
		head, err := resolve(ctx, source, "refs/heads/"+m.SourceBranch)
		if err != nil {
			return nil // the branch of a merge request that is over may be gone
		}
		m.SHA = string(head.OID)
	}
	if m.BaseSHA != "" || source != p {
		return nil
	}
	target, err := resolve(ctx, p, "refs/heads/"+m.TargetBranch)
	if err != nil {
		return fmt.Errorf("merge request !%d: target branch: %w", m.IID, err)
	}
	head, err := resolve(ctx, p, m.SHA)
	if err != nil {
		return nil
	}
	_, base, err := between(ctx, p.repository, target.OID, head.OID)
	m.BaseSHA = string(base)
	return err
}

// ChangeMergeRequest changes a merge request as somebody's doing, and tells the project's hooks what has happened: what it was follows from
// what is different. Times that a change of state brings are set to now where change leaves them.
func (s *Server) ChangeMergeRequest(path string, iid int64, by string, change func(*MergeRequest)) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	p := s.world.project(path)
	if p == nil {
		return noProject(path)
	}
	m := p.mergeRequest(iid)
	if m == nil {
		return fmt.Errorf("there is no merge request !%d in %s", iid, path)
	}
	was := *m
	was.Reviewers, was.Approvals, was.Labels = slices.Clone(m.Reviewers), slices.Clone(m.Approvals), slices.Clone(m.Labels)
	now := *m
	now.Reviewers, now.Approvals, now.Labels = slices.Clone(m.Reviewers), slices.Clone(m.Approvals), slices.Clone(m.Labels)
	change(&now)
	now.ID, now.IID = was.ID, was.IID
	at := s.settings.Now()
	now.UpdatedAt, p.LastActivity = at, at
	action, oldRev := "update", ""
	switch {
	case was.State != now.State && now.State == Merged:
		action = "merge"
		now.MergedBy = cmp.Or(now.MergedBy, by)
		if now.MergedAt.IsZero() {
			now.MergedAt = at
		}
	case was.State != now.State && now.State == Closed:
		action = "close"
		now.ClosedBy = cmp.Or(now.ClosedBy, by)
		if now.ClosedAt.IsZero() {
			now.ClosedAt = at
		}
	case was.State != now.State && now.State == Opened:
		action = "reopen"
		now.ClosedAt, now.ClosedBy = was.MergedAt, ""
	case len(now.Approvals) > len(was.Approvals):
		action = "approval"
		if len(now.Approvals) >= now.ApprovalsRequired {
			action = "approved"
		}
	case len(now.Approvals) < len(was.Approvals):
		action = "unapproval"
		if len(was.Approvals) >= now.ApprovalsRequired && len(now.Approvals) < max(1, now.ApprovalsRequired) {
			action = "unapproved"
		}
	case was.SHA != now.SHA:
		oldRev = was.SHA
	}
	*m = now
	s.tellMergeRequest(p, m, by, action, oldRev, s.differences(p, &was, m))
	return nil
}

// AddIssue puts an issue in as one that has been there: nobody is told.
func (s *Server) AddIssue(path string, i Issue) (int64, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	_, made, err := s.addIssue(path, i)
	if err != nil {
		return 0, err
	}
	return made.IID, nil
}

// OpenIssue opens an issue, and tells the project's hooks.
func (s *Server) OpenIssue(path string, i Issue) (int64, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	p, made, err := s.addIssue(path, i)
	if err != nil {
		return 0, err
	}
	p.LastActivity = s.settings.Now()
	s.tellIssue(p, made, made.Author, "open", object{})
	return made.IID, nil
}

func (s *Server) addIssue(path string, i Issue) (*project, *Issue, error) {
	p := s.world.project(path)
	if p == nil {
		return nil, nil, noProject(path)
	}
	for _, name := range append([]string{i.Author}, i.Assignees...) {
		if s.world.user(name) == nil {
			return nil, nil, fmt.Errorf("there is no user %q", name)
		}
	}
	if i.IID == 0 {
		for _, other := range p.issues {
			i.IID = max(i.IID, other.IID)
		}
		i.IID++
	}
	if p.issue(i.IID) != nil {
		return nil, nil, fmt.Errorf("there is an issue #%d already", i.IID)
	}
	i.ID = s.world.id(i.ID)
	i.State = cmp.Or(i.State, Opened)
	s.created(&i.CreatedAt)
	if i.UpdatedAt.IsZero() {
		i.UpdatedAt = i.CreatedAt
	}
	p.issues = append(p.issues, &i)
	slices.SortFunc(p.issues, func(a, b *Issue) int { return cmp.Compare(a.IID, b.IID) })
	return p, &i, nil
}

// ChangeIssue changes an issue as somebody's doing, and tells the project's hooks.
func (s *Server) ChangeIssue(path string, iid int64, by string, change func(*Issue)) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	p := s.world.project(path)
	if p == nil {
		return noProject(path)
	}
	i := p.issue(iid)
	if i == nil {
		return fmt.Errorf("there is no issue #%d in %s", iid, path)
	}
	was, now := *i, *i
	now.Labels, now.Assignees = slices.Clone(i.Labels), slices.Clone(i.Assignees)
	change(&now)
	now.ID, now.IID = was.ID, was.IID
	at := s.settings.Now()
	now.UpdatedAt, p.LastActivity = at, at
	action := "update"
	switch {
	case was.State != now.State && now.State == Closed:
		action = "close"
		now.ClosedAt, now.ClosedBy = at, by
	case was.State != now.State:
		action = "reopen"
		now.ClosedAt, now.ClosedBy = Issue{}.ClosedAt, ""
	}
	*i = now
	changes := object{"updated_at": object{"previous": hookTime(was.UpdatedAt), "current": hookTime(now.UpdatedAt)}}
	if was.Title != now.Title {
		changes["title"] = object{"previous": was.Title, "current": now.Title}
	}
	s.tellIssue(p, i, by, action, changes)
	return nil
}

// AddRelease puts a release in as one that has been there: nobody is told.
func (s *Server) AddRelease(path string, r Release) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	_, _, err := s.addRelease(path, r)
	return err
}

// PublishRelease makes a release, and tells the project's hooks.
func (s *Server) PublishRelease(path string, r Release) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	p, made, err := s.addRelease(path, r)
	if err != nil {
		return err
	}
	s.tellRelease(p, made, "create")
	return nil
}

func (s *Server) addRelease(path string, r Release) (*project, *Release, error) {
	p := s.world.project(path)
	if p == nil {
		return nil, nil, noProject(path)
	}
	if slices.ContainsFunc(p.releases, func(o *Release) bool { return o.Tag == r.Tag }) || r.Tag == "" {
		return nil, nil, fmt.Errorf("there is a release %q already, or it is none", r.Tag)
	}
	r.ID = s.world.id(r.ID)
	r.Name = cmp.Or(r.Name, r.Tag)
	s.created(&r.CreatedAt)
	if r.ReleasedAt.IsZero() {
		r.ReleasedAt = r.CreatedAt
	}
	r.Links = slices.Clone(r.Links)
	for i := range r.Links {
		r.Links[i].ID = s.world.id(r.Links[i].ID)
	}
	p.releases = append(p.releases, &r)
	return p, &r, nil
}

// RemoveRelease takes a release away, and tells the project's hooks.
func (s *Server) RemoveRelease(path, tag string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	p := s.world.project(path)
	if p == nil {
		return noProject(path)
	}
	at := slices.IndexFunc(p.releases, func(r *Release) bool { return r.Tag == tag })
	if at < 0 {
		return fmt.Errorf("there is no release %q in %s", tag, path)
	}
	r := p.releases[at]
	p.releases = slices.Delete(p.releases, at, at+1)
	s.tellRelease(p, r, "delete")
	return nil
}

// nothing is the commit id of a ref that was not there before, or is not there any more.
const nothing = "0000000000000000000000000000000000000000"

// Pushed says that somebody has pushed: the repository on disk has changed already. before and after are commit ids, empty for a ref that
// was made or removed. The merge requests from a branch move with it.
func (s *Server) Pushed(ctx context.Context, path, by, ref, before, after string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	p := s.world.project(path)
	if p == nil || p.repository == nil {
		return noProject(path)
	}
	if s.world.user(by) == nil {
		return fmt.Errorf("there is no user %q", by)
	}
	p.LastActivity = s.settings.Now()
	if tag, ok := strings.CutPrefix(ref, "refs/tags/"); ok {
		return s.tellPush(ctx, p, by, "refs/tags/"+tag, before, after, nil)
	}
	branch, ok := strings.CutPrefix(ref, "refs/heads/")
	if !ok {
		return fmt.Errorf("%q is neither a branch nor a tag in full", ref)
	}
	var commits []git.OID
	if before != "" && after != "" {
		var err error
		if commits, _, err = between(ctx, p.repository, git.OID(before), git.OID(after)); err != nil {
			return err
		}
	}
	if err := s.tellPush(ctx, p, by, ref, before, after, commits); err != nil {
		return err
	}
	if after == "" {
		return nil
	}
	if p.jobs != nil {
		s.begin(p, ci.Pipeline{Ref: branch, SHA: after, BeforeSHA: cmp.Or(before, nothing), Source: "push", User: by, Jobs: p.jobs})
	}
	for _, m := range p.mergeRequests {
		if m.State == Opened && m.SourceBranch == branch && m.SHA != after {
			old := m.SHA
			m.SHA, m.UpdatedAt = after, s.settings.Now()
			s.tellMergeRequest(p, m, by, "update", old, object{})
		}
	}
	return nil
}
