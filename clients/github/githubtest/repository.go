package githubtest

import (
	"context"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"time"

	"callboard.dev/callboard/clients/git"
)

// Repository is a repository. What git holds is read from Folder whenever it is asked for.
type Repository struct {
	OwnerLogin, Name         string
	Description, HomepageURL string
	Visibility               string // PUBLIC, PRIVATE or INTERNAL; PUBLIC where empty
	IsArchived               bool
	ArchivedAt               time.Time
	IsFork, IsTemplate       bool
	ParentName               string // owner/name of what it is a fork of
	Topics                   []string
	License                  string // SPDX id; told from the licence file where empty
	StargazerCount           int
	ForkCount                int
	Watchers                 []string          // logins
	Collaborators            map[string]string // login -> READ, TRIAGE, WRITE, MAINTAIN or ADMIN
	DefaultBranch            string            // told from the refs where empty
	DeleteBranchOnMerge      bool
	Folder                   string    // the git repository, absolute; a repository without commits where empty
	CreatedAt                time.Time // the first commit where zero
	UpdatedAt, PushedAt      time.Time // the newest commit where zero
	DatabaseID               int       // given by the simulator where zero

	owner       any // *User or *Organization
	content     *git.Repository
	numbers     int             // the last number given to an issue or pull request
	items       map[int]any     // *Issue or *PullRequest by number
	labels      []*Label        // as they were made
	milestones  []*Milestone    // likewise
	releases    []*Release      // likewise
	protections []*Protection   // likewise
	rulesets    []*Ruleset      // likewise
	alerts      []*Alert        // likewise
	suites      []*checkSuite   // likewise
	statuses    []*commitStatus // likewise
	workflows   map[string]*workflow
}

var repositoryPattern = regexp.MustCompile(`^[A-Za-z0-9._-]{1,100}$`)

// NameWithOwner returns owner/name.
func (r *Repository) NameWithOwner() string { return ownerLogin(r.owner) + "/" + r.Name }

// IsPrivate reports whether not everybody sees it.
func (r *Repository) IsPrivate() bool { return r.Visibility != "PUBLIC" }

// AddRepository adds a repository to an account that is there.
func (g *GitHub) AddRepository(ctx context.Context, r Repository) (*Repository, error) {
	if !repositoryPattern.MatchString(r.Name) || r.Name == "." || r.Name == ".." {
		return nil, refuse("adding repository %q", r.Name)
	}
	if r.Folder != "" {
		content, err := g.content(ctx, r.Folder)
		if err != nil {
			return nil, fmt.Errorf("adding repository %s/%s: %w", r.OwnerLogin, r.Name, err)
		}
		r.content = content
		if err := r.age(ctx); err != nil {
			return nil, fmt.Errorf("adding repository %s/%s: %w", r.OwnerLogin, r.Name, err)
		}
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	if r.owner = g.account(r.OwnerLogin); r.owner == nil {
		return nil, fmt.Errorf("adding repository %s: account %q: %w", r.Name, r.OwnerLogin, ErrUnknown)
	}
	key := strings.ToLower(r.NameWithOwner())
	if g.state.repositories[key] != nil {
		return nil, refuse("adding repository %s: it is there already", r.NameWithOwner())
	}
	if r.Visibility == "" {
		r.Visibility = "PUBLIC"
	}
	g.stamp(&r.CreatedAt, &r.UpdatedAt, &r.DatabaseID)
	r.items, r.workflows = map[int]any{}, map[string]*workflow{}
	delete(g.state.renamed, key) // a new repository takes the name from one that had it
	g.state.repositories[key] = &r
	g.register(&r)
	g.hooks.repository(&r, "created", nil)
	return &r, nil
}

// age takes the times that are not given from the history.
func (r *Repository) age(ctx context.Context) error {
	refs, err := r.content.Refs(ctx)
	if err != nil {
		return err
	}
	if r.DefaultBranch == "" {
		if main, ok := refs.Default(); ok {
			r.DefaultBranch = main.Short()
		}
	}
	oids := make([]git.OID, len(refs.Branches))
	for i, b := range refs.Branches {
		oids[i] = b.Target
	}
	tips, err := r.content.Commits(ctx, oids)
	if err != nil {
		return err
	}
	var newest, oldest time.Time
	for _, tip := range tips {
		if tip != nil && tip.Committer.At.After(newest) {
			newest = tip.Committer.At
		}
	}
	if at := slices.IndexFunc(refs.Branches, func(b git.Ref) bool { return b.Short() == r.DefaultBranch }); at >= 0 {
		people, err := r.content.Contributors(ctx, refs.Branches[at].Target)
		if err != nil {
			return err
		}
		for _, p := range people {
			if oldest.IsZero() || p.First.Before(oldest) {
				oldest = p.First
			}
		}
	}
	for _, one := range []struct {
		to   *time.Time
		from time.Time
	}{{&r.CreatedAt, oldest}, {&r.PushedAt, newest}, {&r.UpdatedAt, newest}} {
		if one.to.IsZero() {
			*one.to = one.from
		}
	}
	return nil
}

// UpdateRepository changes settings of a repository: its description, topics, visibility, archived state and the like.
func (g *GitHub) UpdateRepository(nameWithOwner string, change func(*Repository)) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	r, err := g.find(nameWithOwner)
	if err != nil {
		return err
	}
	before := *r
	change(r)
	// A name is not a setting, and what the simulator gives stays.
	r.OwnerLogin, r.Name, r.owner, r.DatabaseID, r.Folder = before.OwnerLogin, before.Name, before.owner, before.DatabaseID, before.Folder
	r.UpdatedAt = g.now()
	action := "edited"
	switch {
	case r.IsArchived && !before.IsArchived:
		action, r.ArchivedAt = "archived", r.UpdatedAt
	case !r.IsArchived && before.IsArchived:
		action, r.ArchivedAt = "unarchived", time.Time{}
	case r.Visibility == "PUBLIC" && before.IsPrivate():
		action = "publicized"
	case r.IsPrivate() && !before.IsPrivate():
		action = "privatized"
	}
	g.hooks.repository(r, action, nil)
	return nil
}

// RenameRepository gives a repository another name within its account; the old one leads to it until somebody takes it.
func (g *GitHub) RenameRepository(nameWithOwner, name string) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	r, err := g.find(nameWithOwner)
	if err != nil {
		return err
	}
	old, key := r.Name, strings.ToLower(ownerLogin(r.owner)+"/"+name)
	if !repositoryPattern.MatchString(name) || g.state.repositories[key] != nil {
		return refuse("renaming %s to %q", nameWithOwner, name)
	}
	was := strings.ToLower(r.NameWithOwner())
	delete(g.state.repositories, was)
	delete(g.state.renamed, key)
	r.Name, r.UpdatedAt = name, g.now()
	g.state.repositories[key], g.state.renamed[was] = r, r
	g.hooks.repository(r, "renamed", map[string]any{"repository": map[string]any{"name": map[string]any{"from": old}}})
	return nil
}

// DeleteRepository takes a repository away.
func (g *GitHub) DeleteRepository(nameWithOwner string) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	r, err := g.find(nameWithOwner)
	if err != nil {
		return err
	}
	delete(g.state.repositories, strings.ToLower(r.NameWithOwner()))
	maps.DeleteFunc(g.state.renamed, func(_ string, to *Repository) bool { return to == r })
	maps.DeleteFunc(g.state.nodes, func(_ string, value any) bool { return repositoryOf(value) == r })
	g.hooks.repository(r, "deleted", nil)
	return nil
}

// repositoryOf returns the repository that a value of the state belongs to, nil for none.
func repositoryOf(value any) *Repository {
	switch v := value.(type) {
	case *Repository:
		return v
	case *Issue:
		return v.repository
	case *PullRequest:
		return v.repository
	case *Comment:
		return v.on.in()
	case *Review:
		return v.pull.repository
	case *Label:
		return v.repository
	case *Milestone:
		return v.repository
	case *Release:
		return v.repository
	case *Check:
		return v.suite.repository
	case *checkSuite:
		return v.repository
	case *commitStatus:
		return v.repository
	case *workflowRun:
		return v.suite.repository
	case *workflowRunFile:
		return v.run.suite.repository
	case *workflow:
		return v.repository
	case *Alert:
		return v.repository
	case *Protection:
		return v.repository
	case *Ruleset:
		return v.repository
	}
	return nil
}

// find returns a repository by owner/name.
func (g *GitHub) find(nameWithOwner string) (*Repository, error) {
	if r := g.state.repositories[strings.ToLower(nameWithOwner)]; r != nil {
		return r, nil
	}
	return nil, fmt.Errorf("repository %q: %w", nameWithOwner, ErrUnknown)
}

// account returns the *User or *Organization with a login, nil where there is none.
func (g *GitHub) account(login string) any {
	login = strings.ToLower(login)
	if u := g.state.users[login]; u != nil {
		return u
	}
	if o := g.state.organizations[login]; o != nil {
		return o
	}
	return nil
}

func ownerLogin(owner any) string {
	switch o := owner.(type) {
	case *User:
		return o.Login
	case *Organization:
		return o.Login
	case *bot:
		return o.Login
	}
	return ""
}

// permission returns what a user may do in a repository: READ, TRIAGE, WRITE, MAINTAIN or ADMIN, or "" for nothing.
func (g *GitHub) permission(u *User, r *Repository) string {
	best := ""
	take := func(permission string) {
		if rank(permission) > rank(best) {
			best = permission
		}
	}
	if !r.IsPrivate() {
		take("READ")
	}
	if u == nil {
		return best
	}
	for login, permission := range r.Collaborators {
		if strings.EqualFold(login, u.Login) {
			take(permission)
		}
	}
	switch owner := r.owner.(type) {
	case *User:
		if owner == u {
			take("ADMIN")
		}
	case *Organization:
		if owner.has(u) {
			take("READ") // the base permission of members that organisations begin with
		}
		if slices.Contains(u.administrates, owner) {
			take("ADMIN")
		}
		for _, t := range owner.teams {
			if permission := t.repositories[strings.ToLower(r.NameWithOwner())]; permission != "" && t.has(u) {
				take(permission)
			}
		}
	}
	return best
}

// rank orders permissions; 0 is none.
func rank(permission string) int {
	return 1 + slices.Index([]string{"READ", "TRIAGE", "WRITE", "MAINTAIN", "ADMIN"}, permission)
}

// owned returns the repositories of an account, sorted by name.
func (g *GitHub) owned(owner any) []*Repository {
	var out []*Repository
	for _, key := range slices.Sorted(maps.Keys(g.state.repositories)) {
		if r := g.state.repositories[key]; r.owner == owner {
			out = append(out, r)
		}
	}
	return out
}
