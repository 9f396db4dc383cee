package githubtest

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// Issue is an issue. Numbers are shared with pull requests.
type Issue struct {
	Number               int // the next one where zero
	Title, Body          string
	AuthorLogin          string
	Labels               []string // of the repository; made where they are not there
	Assignees            []string // logins
	MilestoneTitle       string
	CreatedAt, UpdatedAt time.Time // now where zero
	ClosedAt             time.Time // open where zero
	StateReason          string    // COMPLETED, NOT_PLANNED or DUPLICATE of a closed issue; COMPLETED where empty
	Locked               bool
	IsPinned             bool
	DatabaseID           int // given by the simulator where zero

	repository *Repository
	author     any
	labels     []*Label
	assignees  []*User
	milestone  *Milestone
	comments   []*Comment
}

// Label is a label of a repository.
type Label struct {
	Name, Color, Description string // Color is six hexadecimal digits
	IsDefault                bool
	CreatedAt, UpdatedAt     time.Time

	databaseID int
	repository *Repository
}

// Milestone is a milestone of a repository.
type Milestone struct {
	Number               int // the next one where zero
	Title, Description   string
	DueOn                time.Time
	ClosedAt             time.Time // open where zero
	CreatedAt, UpdatedAt time.Time

	databaseID int
	repository *Repository
	creator    any
}

// Comment is a comment on an issue or pull request.
type Comment struct {
	Body                 string
	AuthorLogin          string
	CreatedAt, UpdatedAt time.Time
	DatabaseID           int

	author any
	on     item
}

// item is an issue or a pull request.
type item interface {
	in() *Repository
	number() int
	thread() *[]*Comment
	tags() *[]*Label
	people() *[]*User
	touch(time.Time)
	opened() (title, body string, author any, at time.Time)
}

// State returns OPEN or CLOSED.
func (i *Issue) State() string {
	if i.ClosedAt.IsZero() {
		return "OPEN"
	}
	return "CLOSED"
}

func (i *Issue) in() *Repository     { return i.repository }
func (i *Issue) number() int         { return i.Number }
func (i *Issue) thread() *[]*Comment { return &i.comments }
func (i *Issue) tags() *[]*Label     { return &i.labels }
func (i *Issue) people() *[]*User    { return &i.assignees }
func (i *Issue) touch(at time.Time)  { i.UpdatedAt = at }
func (i *Issue) opened() (title, body string, author any, at time.Time) {
	return i.Title, i.Body, i.author, i.CreatedAt
}

// GraphQLType implements clientstest.Typed.
func (*Comment) GraphQLType() string { return "IssueComment" }

// AddIssue opens an issue.
func (g *GitHub) AddIssue(repository string, i Issue) (*Issue, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.addIssue(repository, i)
}

func (g *GitHub) addIssue(repository string, i Issue) (*Issue, error) {
	r, err := g.find(repository)
	if err != nil {
		return nil, fmt.Errorf("adding an issue: %w", err)
	}
	if err := g.writable(r); err != nil {
		return nil, err
	}
	i.repository = r
	if i.author, err = g.actor(i.AuthorLogin); err != nil {
		return nil, fmt.Errorf("adding an issue to %s: %w", repository, err)
	}
	if i.assignees, err = g.usersNamed(i.Assignees); err != nil {
		return nil, fmt.Errorf("adding an issue to %s: %w", repository, err)
	}
	if i.MilestoneTitle != "" {
		if i.milestone, err = r.milestoneNamed(i.MilestoneTitle); err != nil {
			return nil, fmt.Errorf("adding an issue to %s: %w", repository, err)
		}
	}
	if i.Number, err = r.nextNumber(i.Number); err != nil {
		return nil, err
	}
	g.stamp(&i.CreatedAt, &i.UpdatedAt, &i.DatabaseID)
	for _, name := range i.Labels {
		i.labels = append(i.labels, g.label(r, name))
	}
	r.items[i.Number] = &i
	g.register(&i)
	g.hooks.issue(&i, "opened", i.author)
	return &i, nil
}

// CloseIssue closes an issue as its reason says: COMPLETED, NOT_PLANNED or DUPLICATE.
func (g *GitHub) CloseIssue(repository string, number int, reason, by string) error {
	return g.changeIssue(repository, number, by, func(i *Issue, who any) error {
		return g.closeIssue(i, reason, who)
	})
}

func (g *GitHub) closeIssue(i *Issue, reason string, who any) error {
	if !i.ClosedAt.IsZero() {
		return refuse("closing issue %d: it is closed", i.Number)
	}
	if reason == "" {
		reason = "COMPLETED"
	}
	i.ClosedAt, i.StateReason, i.UpdatedAt = g.now(), reason, g.now()
	g.hooks.issue(i, "closed", who)
	return nil
}

// ReopenIssue opens a closed issue again.
func (g *GitHub) ReopenIssue(repository string, number int, by string) error {
	return g.changeIssue(repository, number, by, func(i *Issue, who any) error {
		return g.reopenIssue(i, who)
	})
}

func (g *GitHub) reopenIssue(i *Issue, who any) error {
	if i.ClosedAt.IsZero() {
		return refuse("reopening issue %d: it is open", i.Number)
	}
	i.ClosedAt, i.StateReason, i.UpdatedAt = time.Time{}, "REOPENED", g.now()
	g.hooks.issue(i, "reopened", who)
	return nil
}

func (g *GitHub) changeIssue(repository string, number int, by string, change func(*Issue, any) error) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	r, err := g.find(repository)
	if err != nil {
		return err
	}
	i, ok := r.items[number].(*Issue)
	if !ok {
		return fmt.Errorf("issue %s#%d: %w", repository, number, ErrUnknown)
	}
	who, err := g.actor(by)
	if err != nil {
		return err
	}
	return change(i, who)
}

// Label puts labels on an issue or pull request, making those the repository does not have.
func (g *GitHub) Label(repository string, number int, by string, names ...string) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	one, who, err := g.item(repository, number, by)
	if err != nil {
		return err
	}
	for _, name := range names {
		g.putLabel(one, g.label(one.in(), name), who)
	}
	return nil
}

func (g *GitHub) putLabel(on item, l *Label, who any) {
	if !slices.Contains(*on.tags(), l) {
		*on.tags() = append(*on.tags(), l)
		on.touch(g.now())
		g.hooks.item(on, "labeled", who, map[string]any{"label": hookLabel(g, l)})
	}
}

func (g *GitHub) takeLabel(on item, l *Label, who any) {
	if at := slices.Index(*on.tags(), l); at >= 0 {
		*on.tags() = slices.Delete(slices.Clone(*on.tags()), at, at+1)
		on.touch(g.now())
		g.hooks.item(on, "unlabeled", who, map[string]any{"label": hookLabel(g, l)})
	}
}

// Comment comments on an issue or pull request.
func (g *GitHub) Comment(repository string, number int, by, body string) (*Comment, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	one, who, err := g.item(repository, number, by)
	if err != nil {
		return nil, err
	}
	return g.comment(one, who, body), nil
}

func (g *GitHub) comment(on item, who any, body string) *Comment {
	c := &Comment{Body: body, AuthorLogin: ownerLogin(who), author: who, on: on, CreatedAt: g.now(), UpdatedAt: g.now(), DatabaseID: g.nextID()}
	*on.thread() = append(*on.thread(), c)
	on.touch(c.CreatedAt)
	g.register(c)
	g.hooks.comment(c)
	return c
}

// Assign makes users responsible for an issue or pull request.
func (g *GitHub) Assign(repository string, number int, by string, logins ...string) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	one, who, err := g.item(repository, number, by)
	if err != nil {
		return err
	}
	users, err := g.usersNamed(logins)
	if err != nil {
		return err
	}
	for _, u := range users {
		if !slices.Contains(*one.people(), u) {
			*one.people() = append(*one.people(), u)
			one.touch(g.now())
			g.hooks.item(one, "assigned", who, map[string]any{"assignee": hookActor(g, u)})
		}
	}
	return nil
}

// AddLabel gives a repository a label.
func (g *GitHub) AddLabel(repository string, l Label) (*Label, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	r, err := g.find(repository)
	if err != nil {
		return nil, err
	}
	return g.addLabel(r, l)
}

func (g *GitHub) addLabel(r *Repository, l Label) (*Label, error) {
	if r.labelNamed(l.Name) != nil || l.Name == "" {
		return nil, refuse("label %q of %s is there already, or none", l.Name, r.NameWithOwner())
	}
	l.repository = r
	if l.Color == "" {
		l.Color = "ededed"
	}
	g.stamp(&l.CreatedAt, &l.UpdatedAt, &l.databaseID)
	r.labels = append(r.labels, &l)
	g.register(&l)
	return &l, nil
}

// AddMilestone gives a repository a milestone.
func (g *GitHub) AddMilestone(repository, by string, m Milestone) (*Milestone, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	r, err := g.find(repository)
	if err != nil {
		return nil, err
	}
	if m.creator, err = g.actor(by); err != nil {
		return nil, err
	}
	m.repository = r
	if m.Number == 0 {
		m.Number = len(r.milestones) + 1
	}
	g.stamp(&m.CreatedAt, &m.UpdatedAt, &m.databaseID)
	r.milestones = append(r.milestones, &m)
	g.register(&m)
	return &m, nil
}

// label returns a label of the repository, which is made where it is not there.
func (g *GitHub) label(r *Repository, name string) *Label {
	if l := r.labelNamed(name); l != nil {
		return l
	}
	l := &Label{Name: name, Color: "ededed", repository: r}
	g.stamp(&l.CreatedAt, &l.UpdatedAt, &l.databaseID)
	r.labels = append(r.labels, l)
	g.register(l)
	return l
}

func (r *Repository) labelNamed(name string) *Label {
	for _, l := range r.labels {
		if strings.EqualFold(l.Name, name) {
			return l
		}
	}
	return nil
}

func (r *Repository) milestoneNamed(title string) (*Milestone, error) {
	for _, m := range r.milestones {
		if strings.EqualFold(m.Title, title) {
			return m, nil
		}
	}
	return nil, fmt.Errorf("milestone %q of %s: %w", title, r.NameWithOwner(), ErrUnknown)
}

// nextNumber returns a number for an issue or pull request: the wanted one, or the next.
func (r *Repository) nextNumber(wanted int) (int, error) {
	if wanted == 0 {
		wanted = r.numbers + 1
	}
	if r.items[wanted] != nil || wanted < 0 {
		return 0, refuse("number %d of %s is taken", wanted, r.NameWithOwner())
	}
	r.numbers = max(r.numbers, wanted)
	return wanted, nil
}

// writable refuses changes to what is archived.
func (g *GitHub) writable(r *Repository) error {
	if r.IsArchived {
		return refuse("repository %s was archived so is read-only", r.NameWithOwner())
	}
	return nil
}

// item returns an issue or pull request, and who changes it.
func (g *GitHub) item(repository string, number int, by string) (item, any, error) {
	r, err := g.find(repository)
	if err != nil {
		return nil, nil, err
	}
	one, ok := r.items[number].(item)
	if !ok {
		return nil, nil, fmt.Errorf("%s#%d: %w", repository, number, ErrUnknown)
	}
	if err := g.writable(r); err != nil {
		return nil, nil, err
	}
	who, err := g.actor(by)
	return one, who, err
}

// bot is an account of an app; its login ends in "[bot]" in REST.
type bot struct {
	Login                string
	DatabaseID           int
	CreatedAt, UpdatedAt time.Time
}

// GraphQLType implements clientstest.Typed.
func (*bot) GraphQLType() string { return "Bot" }

// actor returns who has a login: a *User, or a *bot for one that ends in "[bot]".
func (g *GitHub) actor(login string) (any, error) {
	if name, ok := strings.CutSuffix(login, "[bot]"); ok {
		for _, value := range g.state.nodes {
			if b, ok := value.(*bot); ok && b.Login == name {
				return b, nil
			}
		}
		b := &bot{Login: name}
		g.stamp(&b.CreatedAt, &b.UpdatedAt, &b.DatabaseID)
		g.register(b)
		return b, nil
	}
	if u := g.state.users[strings.ToLower(login)]; u != nil {
		return u, nil
	}
	return nil, fmt.Errorf("user %q: %w", login, ErrUnknown)
}

func (g *GitHub) usersNamed(logins []string) ([]*User, error) {
	var out []*User
	for _, login := range logins {
		u := g.state.users[strings.ToLower(login)]
		if u == nil {
			return nil, fmt.Errorf("user %q: %w", login, ErrUnknown)
		}
		out = append(out, u)
	}
	return out, nil
}
