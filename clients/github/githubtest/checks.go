package githubtest

import (
	"fmt"
	"strings"
	"time"

	"callboard.dev/callboard/clients/git"
)

// Check is one check run of a commit. Runs of one workflow and run number belong to one check suite.
type Check struct {
	Name                   string
	Status                 string // QUEUED, IN_PROGRESS, COMPLETED ...
	Conclusion             string // of a completed one: SUCCESS, FAILURE, CANCELLED, SKIPPED ...
	Title, Summary, Text   string
	DetailsURL, ExternalID string
	StartedAt, CompletedAt time.Time
	App                    string // its name; "GitHub Actions" where empty
	Workflow               string // of GitHub Actions: the workflow's name
	Event                  string // what started the workflow; push where empty
	RunNumber              int
	Branch                 string
	Annotations            []Annotation
	DatabaseID             int

	suite *checkSuite
}

// GraphQLType implements clientstest.Typed.
func (*Check) GraphQLType() string { return "CheckRun" }

// CommitStatus is the older kind of check: one word for a context.
type CommitStatus struct {
	Context, State, Description, TargetURL string // State: SUCCESS, FAILURE, ERROR or PENDING
	CreatorLogin                           string
	CreatedAt                              time.Time
}

type commitStatus struct {
	CommitStatus
	databaseID int
	creator    any
	oid        git.OID
	repository *Repository
}

func (*commitStatus) GraphQLType() string { return "StatusContext" }

type checkSuite struct {
	DatabaseID           int
	CreatedAt, UpdatedAt time.Time
	app                  *app
	branch               string
	oid                  git.OID
	checks               []*Check
	run                  *workflowRun
	repository           *Repository
}

func (*checkSuite) GraphQLType() string { return "CheckSuite" }

type workflowRun struct {
	DatabaseID, RunNumber int
	Event                 string
	suite                 *checkSuite
	workflow              *workflow
	build                 *build // nil where AddCheck made it
}

func (*workflowRun) GraphQLType() string { return "WorkflowRun" }

type workflow struct {
	DatabaseID           int
	Name                 string
	CreatedAt, UpdatedAt time.Time
	repository           *Repository
	definition           Workflow // empty where AddCheck made it
}

func (*workflow) GraphQLType() string { return "Workflow" }

type app struct {
	DatabaseID           int
	Name, Slug           string
	CreatedAt, UpdatedAt time.Time
}

func (*app) GraphQLType() string { return "App" }

// rollup is what all checks of a commit come to.
type rollup struct {
	commit   *gitCommit
	contexts []any // *Check and *commitStatus
}

func (*rollup) GraphQLType() string { return "StatusCheckRollup" }

// AddCheck adds a check run to a commit, or replaces the one of its suite with the same name.
func (g *GitHub) AddCheck(repository, oid string, c Check) (*Check, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	r, commit, err := g.commitNamed(repository, oid)
	if err != nil {
		return nil, err
	}
	if c.App == "" {
		c.App = "GitHub Actions"
	}
	if c.StartedAt.IsZero() && c.Status != "QUEUED" {
		c.StartedAt = g.now()
	}
	if c.Status == "COMPLETED" && c.CompletedAt.IsZero() {
		c.CompletedAt = g.now()
	}
	suite := g.suite(r, commit, c)
	c.suite = suite
	for i, other := range suite.checks {
		if other.Name == c.Name {
			c.DatabaseID = other.DatabaseID
			suite.checks[i] = &c
			g.register(&c)
			return &c, nil
		}
	}
	if c.DatabaseID == 0 {
		c.DatabaseID = g.nextID()
	}
	suite.checks = append(suite.checks, &c)
	g.register(&c)
	return &c, nil
}

// SetStatus sets the status of a commit for a context.
func (g *GitHub) SetStatus(repository, oid string, s CommitStatus) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	r, commit, err := g.commitNamed(repository, oid)
	if err != nil {
		return err
	}
	var creator any
	if s.CreatorLogin != "" {
		if creator, err = g.actor(s.CreatorLogin); err != nil {
			return err
		}
	}
	_, err = g.setStatus(r, commit, s, creator)
	return err
}

func (g *GitHub) setStatus(r *Repository, commit git.OID, s CommitStatus, creator any) (*commitStatus, error) {
	one := &commitStatus{CommitStatus: s, oid: commit, repository: r, creator: creator}
	var updated time.Time
	g.stamp(&one.CreatedAt, &updated, &one.databaseID)
	for i, other := range r.statuses {
		if other.oid == commit && other.Context == s.Context {
			r.statuses[i] = one
			g.register(one)
			g.hooks.status(one)
			return one, nil
		}
	}
	r.statuses = append(r.statuses, one)
	g.register(one)
	g.hooks.status(one)
	return one, nil
}

func (g *GitHub) commitNamed(repository, oid string) (*Repository, git.OID, error) {
	r, err := g.find(repository)
	if err != nil {
		return nil, "", err
	}
	commit, ok := git.ParseOID(oid)
	if !ok {
		return nil, "", fmt.Errorf("%q is no id of a commit of %s: %w", oid, repository, ErrUnknown)
	}
	return r, commit, nil
}

// suite returns the suite that a check belongs to.
func (g *GitHub) suite(r *Repository, oid git.OID, c Check) *checkSuite {
	for _, s := range r.suites {
		sameRun := s.run == nil && c.Workflow == "" || s.run != nil && s.run.workflow.Name == c.Workflow && s.run.RunNumber == c.RunNumber
		if s.oid == oid && s.app.Name == c.App && sameRun {
			return s
		}
	}
	s := &checkSuite{DatabaseID: g.nextID(), app: g.app(c.App), branch: c.Branch, oid: oid, repository: r, CreatedAt: c.StartedAt}
	if s.CreatedAt.IsZero() {
		s.CreatedAt = g.now()
	}
	s.UpdatedAt = s.CreatedAt
	if c.Workflow != "" {
		w := r.workflows[c.Workflow]
		if w == nil {
			w = &workflow{DatabaseID: g.nextID(), Name: c.Workflow, CreatedAt: s.CreatedAt, UpdatedAt: s.CreatedAt, repository: r}
			r.workflows[c.Workflow] = w
			g.register(w)
		}
		s.run = &workflowRun{DatabaseID: g.nextID(), RunNumber: c.RunNumber, Event: c.Event, suite: s, workflow: w}
		if s.run.Event == "" {
			s.run.Event = "push"
		}
		g.register(s.run)
	}
	r.suites = append(r.suites, s)
	g.register(s)
	return s
}

func (g *GitHub) app(name string) *app {
	for _, value := range g.state.nodes {
		if a, ok := value.(*app); ok && a.Name == name {
			return a
		}
	}
	a := &app{Name: name, Slug: slug(name)}
	g.stamp(&a.CreatedAt, &a.UpdatedAt, &a.DatabaseID)
	g.register(a)
	return a
}

// checksOf returns what all checks of a commit come to, nil where there are none.
func (g *GitHub) checksOf(c *gitCommit) *rollup {
	if c == nil {
		return nil
	}
	out := &rollup{commit: c}
	for _, s := range c.repository.suites {
		if s.oid == c.OID {
			for _, check := range s.checks {
				out.contexts = append(out.contexts, check)
			}
		}
	}
	for _, s := range c.repository.statuses {
		if s.oid == c.OID {
			out.contexts = append(out.contexts, s)
		}
	}
	if len(out.contexts) == 0 {
		return nil
	}
	return out
}

// State returns SUCCESS, FAILURE, ERROR or PENDING: the worst of all.
func (r *rollup) State() string {
	worst := "SUCCESS"
	order := map[string]int{"SUCCESS": 0, "PENDING": 1, "ERROR": 2, "FAILURE": 3}
	for _, c := range r.contexts {
		state := "PENDING"
		switch one := c.(type) {
		case *commitStatus:
			state = one.State
		case *Check:
			if one.Status == "COMPLETED" {
				state = verdict(one.Conclusion)
			}
		}
		if order[state] > order[worst] {
			worst = state
		}
	}
	return worst
}

// verdict returns what the conclusion of a check is in the states of statuses.
func verdict(conclusion string) string {
	switch conclusion {
	case "SUCCESS", "NEUTRAL", "SKIPPED":
		return "SUCCESS"
	case "ACTION_REQUIRED", "STALE":
		return "PENDING"
	}
	return "FAILURE"
}

// state returns the status of the suite and, where it is completed, its conclusion.
func (s *checkSuite) state() (status, conclusion string) {
	if s.run != nil && s.run.build != nil {
		return s.run.build.standing()
	}
	status, conclusion = "COMPLETED", "SUCCESS"
	if len(s.checks) == 0 {
		return "QUEUED", ""
	}
	skipped := true
	for _, c := range s.checks {
		if c.Status != "COMPLETED" {
			status = "QUEUED"
			if c.Status == "IN_PROGRESS" {
				status = "IN_PROGRESS"
			}
			return status, ""
		}
		if v := verdict(c.Conclusion); v != "SUCCESS" {
			conclusion = c.Conclusion
		}
		skipped = skipped && c.Conclusion == "SKIPPED"
	}
	if skipped {
		conclusion = "SKIPPED"
	}
	return status, conclusion
}

// checkState returns what GitHub counts a check run as.
func (c *Check) checkState() string {
	if c.Status == "COMPLETED" {
		return strings.ToUpper(c.Conclusion)
	}
	return c.Status
}
