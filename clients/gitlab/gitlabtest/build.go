package gitlabtest

import (
	"cmp"
	"context"
	"fmt"
	"path"
	"regexp"
	"slices"
	"strings"
	"time"
)

// fullPath is what GitLab takes for a path: parts of letters, digits and "_-.", which begin with none of "-.".
var fullPath = regexp.MustCompile(`^[A-Za-z0-9_][A-Za-z0-9_.-]*(/[A-Za-z0-9_][A-Za-z0-9_.-]*)*$`)

// AddUser makes an account.
func (s *Server) AddUser(u User) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	key := strings.ToLower(u.Username)
	if !fullPath.MatchString(u.Username) || strings.Contains(u.Username, "/") {
		return fmt.Errorf("%q is no username", u.Username)
	}
	if s.world.users[key] != nil {
		return fmt.Errorf("there is a user %s already", u.Username)
	}
	u.ID = s.world.id(u.ID)
	u.Name = cmp.Or(u.Name, u.Username)
	u.State = cmp.Or(u.State, "active")
	s.created(&u.CreatedAt)
	s.world.users[key], s.world.byUserID[u.ID] = &u, &u
	if u.Email != "" {
		s.world.byEmail[strings.ToLower(u.Email)] = &u
	}
	return nil
}

// AddToken makes a personal access token of a user.
func (s *Server) AddToken(t Token) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.world.user(t.Username) == nil {
		return fmt.Errorf("there is no user %q", t.Username)
	}
	if t.Scopes == nil {
		t.Scopes = []string{"read_api", "api"}
	}
	s.world.tokens[t.Value] = t
	return nil
}

// AddGroup makes a group, or a subgroup of one that is there.
func (s *Server) AddGroup(g Group) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	key := strings.ToLower(g.Path)
	parent := path.Dir(key)
	switch {
	case !fullPath.MatchString(g.Path):
		return fmt.Errorf("%q is no path of a group", g.Path)
	case s.world.groups[key] != nil || s.world.projects[key] != nil:
		return fmt.Errorf("there is something at %s already", g.Path)
	case parent != "." && s.world.groups[parent] == nil:
		return fmt.Errorf("there is no group %s", path.Dir(g.Path))
	}
	if err := s.world.known(g.Members); err != nil {
		return fmt.Errorf("group %s: %w", g.Path, err)
	}
	g.ID = s.world.id(g.ID)
	g.Name = cmp.Or(g.Name, path.Base(g.Path))
	g.Visibility = cmp.Or(g.Visibility, Private)
	s.created(&g.CreatedAt)
	s.world.groups[key] = &g
	return nil
}

// AddProject makes a project of a repository.
func (s *Server) AddProject(ctx context.Context, p Project) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	key := strings.ToLower(p.Path)
	namespace := path.Dir(key)
	switch {
	case !fullPath.MatchString(p.Path) || !strings.Contains(p.Path, "/"):
		return fmt.Errorf("%q is no path of a project", p.Path)
	case s.world.projects[key] != nil || s.world.groups[key] != nil:
		return fmt.Errorf("there is something at %s already", p.Path)
	case s.world.groups[namespace] == nil && s.world.users[namespace] == nil:
		return fmt.Errorf("there is no group or user %s", path.Dir(p.Path))
	}
	if err := s.world.known(p.Members); err != nil {
		return fmt.Errorf("project %s: %w", p.Path, err)
	}
	made := &project{Project: p, notes: map[int64][]*note{}}
	made.runs.NextID = func() int64 { return s.world.id(0) }
	made.runs.Changed = s.tells(made)
	if p.Repository != "" {
		repository, err := s.git.Lookup(p.Repository)
		if err != nil {
			return fmt.Errorf("project %s: %w", p.Path, err)
		}
		made.repository = repository
		if p.DefaultBranch == "" {
			refs, err := repository.Refs(ctx)
			if err != nil {
				return fmt.Errorf("project %s: %w", p.Path, err)
			}
			head, _ := refs.Default()
			made.DefaultBranch = cmp.Or(head.Short(), "main")
		}
	}
	made.ID = s.world.id(p.ID)
	made.Name = cmp.Or(p.Name, path.Base(p.Path))
	made.Visibility = cmp.Or(p.Visibility, Private)
	made.Labels = slices.Clone(p.Labels)
	for i := range made.Labels {
		made.Labels[i].ID = s.world.id(made.Labels[i].ID)
		made.Labels[i].Color = cmp.Or(made.Labels[i].Color, "#6699cc")
		s.created(&made.Labels[i].CreatedAt)
	}
	made.Protected = slices.Clone(p.Protected)
	for i := range made.Protected {
		made.Protected[i].ID = s.world.id(made.Protected[i].ID)
		s.created(&made.Protected[i].CreatedAt)
	}
	s.created(&made.CreatedAt)
	if made.LastActivity.IsZero() {
		made.LastActivity = made.CreatedAt
	}
	s.world.projects[key], s.world.byID[made.ID] = made, made
	s.world.order = append(s.world.order, made)
	slices.SortFunc(s.world.order, func(a, b *project) int { return cmp.Compare(a.ID, b.ID) })
	return nil
}

// ChangeProject changes a project's settings. Its id, path and repository stay.
func (s *Server) ChangeProject(path string, change func(*Project)) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	p := s.world.project(path)
	if p == nil {
		return noProject(path)
	}
	was := p.Project
	change(&p.Project)
	p.ID, p.Path, p.Repository = was.ID, was.Path, was.Repository
	return nil
}

// RemoveProject takes a project away.
func (s *Server) RemoveProject(path string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	p := s.world.project(path)
	if p == nil {
		return noProject(path)
	}
	delete(s.world.projects, strings.ToLower(path))
	delete(s.world.byID, p.ID)
	s.world.order = slices.DeleteFunc(s.world.order, func(q *project) bool { return q == p })
	return nil
}

// AddHook makes a project send its events.
func (s *Server) AddHook(path string, h Hook) (int64, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	p := s.world.project(path)
	if p == nil {
		return 0, noProject(path)
	}
	if h.SigningToken != "" {
		if _, err := signingKey(h.SigningToken); err != nil {
			return 0, err
		}
	}
	h.ID = s.world.id(h.ID)
	s.created(&h.CreatedAt)
	p.hooks = append(p.hooks, &h)
	return h.ID, nil
}

func noProject(path string) error { return fmt.Errorf("there is no project %q", path) }

// created sets a time that was not given to now.
func (s *Server) created(at *time.Time) {
	if at.IsZero() {
		*at = s.settings.Now()
	}
}

func (w *world) user(username string) *User { return w.users[strings.ToLower(username)] }

func (w *world) group(path string) *Group { return w.groups[strings.ToLower(path)] }

func (w *world) project(path string) *project { return w.projects[strings.ToLower(path)] }

func (w *world) known(members []Member) error {
	for _, m := range members {
		if w.user(m.Username) == nil {
			return fmt.Errorf("there is no user %q", m.Username)
		}
	}
	return nil
}
