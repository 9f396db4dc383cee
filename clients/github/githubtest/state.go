package githubtest

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"time"
)

// state is all that is known apart from what git holds. Names are found in any letter case, as GitHub does.
type state struct {
	users         map[string]*User
	organizations map[string]*Organization
	repositories  map[string]*Repository // by owner/name
	renamed       map[string]*Repository // by the owner/name they had
	tokens        map[string]*token
	nodes         map[string]any // by id; git objects are found without it
	active        []*build       // that are not done
	ids           int            // the last databaseId given
}

func newState() state {
	const first = 10_000 // ids of one or two digits would be mistaken for numbers of pull requests
	return state{
		users: map[string]*User{}, organizations: map[string]*Organization{}, repositories: map[string]*Repository{},
		renamed: map[string]*Repository{}, tokens: map[string]*token{}, nodes: map[string]any{}, ids: first,
	}
}

// ErrUnknown says that what a method was to change is not there.
var ErrUnknown = errors.New("there is no such thing")

// ErrRefused says that GitHub would refuse a change.
var ErrRefused = errors.New("refused")

// refuse returns an error that says what GitHub would.
func refuse(format string, args ...any) error {
	return fmt.Errorf("%s: %w", fmt.Sprintf(format, args...), ErrRefused)
}

// User is a person's account.
type User struct {
	Login                        string
	Name, Email                  string
	Bio, Company, Location       string
	WebsiteURL                   string
	IsSiteAdmin, IsEmployee      bool
	Emails                       []string // further addresses that commits are known by
	CreatedAt, UpdatedAt         time.Time
	DatabaseID                   int // given by the simulator where zero
	organizations, administrates []*Organization
}

// Organization is an account that people share.
type Organization struct {
	Login, Name, Description    string
	Email, Location, WebsiteURL string
	IsVerified                  bool
	CreatedAt, UpdatedAt        time.Time
	DatabaseID                  int // given by the simulator where zero

	members []*User // sorted by login
	teams   []*Team // sorted by slug
}

// Team is a team of an organisation.
type Team struct {
	Slug, Name, Description string // Slug is made from Name where empty
	Secret                  bool
	Parent                  string   // slug, or empty
	Members, Maintainers    []string // logins, who become members of the organisation
	CreatedAt, UpdatedAt    time.Time
	DatabaseID              int // given by the simulator where zero

	organization *Organization
	parent       *Team
	children     []*Team
	members      []*User           // of the team itself, sorted by login
	repositories map[string]string // owner/name in lower case -> permission
}

var loginPattern = regexp.MustCompile(`^[A-Za-z0-9](?:[A-Za-z0-9-]{0,38})$`)

// AddUser adds an account. It fails where the login is taken or no login.
func (g *GitHub) AddUser(u User) (*User, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if err := g.freeLogin(u.Login); err != nil {
		return nil, err
	}
	g.stamp(&u.CreatedAt, &u.UpdatedAt, &u.DatabaseID)
	g.state.users[strings.ToLower(u.Login)] = &u
	g.register(&u)
	return &u, nil
}

// AddOrganization adds an organisation with the users as members. Those of administrators must be among them.
func (g *GitHub) AddOrganization(o Organization, members, administrators []string) (*Organization, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if err := g.freeLogin(o.Login); err != nil {
		return nil, err
	}
	g.stamp(&o.CreatedAt, &o.UpdatedAt, &o.DatabaseID)
	for _, login := range members {
		if err := g.join(&o, login, slices.Contains(administrators, login)); err != nil {
			return nil, err
		}
	}
	g.state.organizations[strings.ToLower(o.Login)] = &o
	g.register(&o)
	return &o, nil
}

func (g *GitHub) freeLogin(login string) error {
	key := strings.ToLower(login)
	switch {
	case !loginPattern.MatchString(login):
		return refuse("adding an account: %q is no login", login)
	case g.state.users[key] != nil || g.state.organizations[key] != nil:
		return refuse("adding an account: %q is taken", login)
	}
	return nil
}

// join makes a user a member.
func (g *GitHub) join(o *Organization, login string, administrator bool) error {
	u := g.state.users[strings.ToLower(login)]
	if u == nil {
		return fmt.Errorf("member %q of %s: %w", login, o.Login, ErrUnknown)
	}
	o.members = insert(o.members, u, func(u *User) string { return strings.ToLower(u.Login) })
	u.organizations = insert(u.organizations, o, func(o *Organization) string { return strings.ToLower(o.Login) })
	if administrator {
		u.administrates = append(u.administrates, o)
	}
	return nil
}

// AddTeam adds a team to an organisation, after its parent.
func (g *GitHub) AddTeam(organization string, t Team) (*Team, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	o := g.state.organizations[strings.ToLower(organization)]
	if o == nil {
		return nil, fmt.Errorf("team %q of %q: %w", t.Name, organization, ErrUnknown)
	}
	if t.Slug == "" {
		t.Slug = slug(t.Name)
	}
	if t.Name == "" {
		t.Name = t.Slug
	}
	if o.team(t.Slug) != nil {
		return nil, refuse("team %q of %q is there already", t.Slug, organization)
	}
	if t.Parent != "" {
		if t.parent = o.team(t.Parent); t.parent == nil {
			return nil, fmt.Errorf("team %q, parent of %q: %w", t.Parent, t.Slug, ErrUnknown)
		}
	}
	g.stamp(&t.CreatedAt, &t.UpdatedAt, &t.DatabaseID)
	t.organization, t.repositories = o, map[string]string{}
	for _, login := range append(slices.Clone(t.Members), t.Maintainers...) {
		if err := g.join(o, login, false); err != nil {
			return nil, err
		}
		t.members = insert(t.members, g.state.users[strings.ToLower(login)], func(u *User) string { return strings.ToLower(u.Login) })
	}
	o.teams = insert(o.teams, &t, func(t *Team) string { return t.Slug })
	if t.parent != nil {
		t.parent.children = insert(t.parent.children, &t, func(t *Team) string { return t.Slug })
	}
	g.register(&t)
	return &t, nil
}

// Grant gives a team a permission on a repository: READ, TRIAGE, WRITE, MAINTAIN or ADMIN.
func (g *GitHub) Grant(organization, team, repository, permission string) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	r, err := g.find(repository)
	if err != nil {
		return err
	}
	o := g.state.organizations[strings.ToLower(organization)]
	if o == nil || o.team(team) == nil {
		return fmt.Errorf("team %s/%s: %w", organization, team, ErrUnknown)
	}
	o.team(team).repositories[strings.ToLower(r.NameWithOwner())] = permission
	return nil
}

// stamp gives an account what it lacks.
func (g *GitHub) stamp(created, updated *time.Time, id *int) {
	if created.IsZero() {
		*created = g.now()
	}
	if updated.IsZero() {
		*updated = *created
	}
	if *id == 0 {
		*id = g.nextID()
	}
}

func (g *GitHub) nextID() int {
	g.state.ids++
	return g.state.ids
}

func (o *Organization) team(slug string) *Team {
	for _, t := range o.teams {
		if strings.EqualFold(t.Slug, slug) {
			return t
		}
	}
	return nil
}

// everybody returns the members of a team and of the teams below it, sorted by login.
func (t *Team) everybody() []*User {
	all := slices.Clone(t.members)
	for _, child := range t.children {
		for _, u := range child.everybody() {
			all = insert(all, u, func(u *User) string { return strings.ToLower(u.Login) })
		}
	}
	return all
}

// has reports whether a user is in the team or one below it.
func (t *Team) has(u *User) bool { return slices.Contains(t.everybody(), u) }

func (o *Organization) has(u *User) bool { return u != nil && slices.Contains(o.members, u) }

// byEmail returns who is known by an address of a commit.
func (g *GitHub) byEmail(email string) *User {
	if email == "" {
		return nil
	}
	for _, login := range slices.Sorted(maps.Keys(g.state.users)) {
		u := g.state.users[login]
		if strings.EqualFold(u.Email, email) || slices.ContainsFunc(u.Emails, func(e string) bool { return strings.EqualFold(e, email) }) {
			return u
		}
	}
	// GitHub's own addresses: ID+LOGIN@users.noreply.github.com.
	if local, ok := strings.CutSuffix(strings.ToLower(email), "@users.noreply.github.com"); ok {
		_, login, found := strings.Cut(local, "+")
		if !found {
			login = local
		}
		return g.state.users[login]
	}
	return nil
}

// insert adds a value to a list that is sorted by key, once.
func insert[T any](list []T, value T, key func(T) string) []T {
	at, found := slices.BinarySearchFunc(list, key(value), func(one T, k string) int { return cmp.Compare(key(one), k) })
	if found {
		return list
	}
	return slices.Insert(list, at, value)
}

var notSlug = regexp.MustCompile(`[^a-z0-9]+`)

func slug(name string) string {
	return strings.Trim(notSlug.ReplaceAllString(strings.ToLower(name), "-"), "-")
}
