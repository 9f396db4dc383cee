package jenkinstest

import (
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"time"
)

// Kind is what a job is.
type Kind string

// The kinds of jobs.
const (
	Pipeline  Kind = "pipeline"
	Freestyle Kind = "freestyle"

	folderKind      Kind = "folder"
	multibranchKind Kind = "multibranch"
)

// User is who may ask.
type User struct {
	ID, FullName    string
	Password, Token string // an API token; each may be empty
	Build           bool   // may start, stop and change builds, and not only read
}

// Job is something to build.
type Job struct {
	Kind        Kind // Pipeline where empty
	Title       string
	Description string
	Disabled    bool
	Concurrent  bool // several builds of it may run at once
	Parameters  []Parameter
	Remote      string  // the address of the repository that is checked out; none where empty
	Branch      string  // of it; "main" where empty
	Head        string  // the commit that the branch is at
	Object      *Object // what the job of a branch was made for
	Plans       []Plan  // what its builds do, one after the other; all after the last do what that one does
	Endpoints   []Endpoint
}

// Parameter is one that a job takes.
type Parameter struct {
	Name, Description, Default string
	Choices                    []string // one of these; any text where there are none
	Secret                     bool     // a password: no answer tells it
	Flag                       bool     // "true" or "false"
}

// Object is a branch or pull request, as the host of the repository told Jenkins.
type Object struct{ Title, Description, URL string }

// Plan is what a build does.
type Plan struct {
	Stages    []Stage // of a freestyle job, the steps of all of them are its steps
	Result    string  // what it ends as, where that does not follow from its steps and tests
	Suites    []Suite // its tests; none where empty
	Coverage  *Covered
	Artifacts []Artifact
}

// Stage is a part of a Plan.
type Stage struct {
	Name  string
	Steps []Step
}

// Step is a part of a Stage.
type Step struct {
	Name, Detail string // such as "Shell Script", "make test"
	Log          string
	Duration     time.Duration
	Failure      string // why it fails; it does not where empty
	Asks         string // a question: it waits until somebody has answered it
}

// Suite is a suite of tests.
type Suite struct {
	Name  string
	Cases []Case
}

// Case is a test. Its state says nothing of the builds before: Jenkins finds out.
type Case struct {
	Class, Name    string
	Duration       time.Duration
	Skipped        bool
	Failure, Stack string // why and where it fails; it does not where Failure is empty
}

// Covered is the coverage of a build.
type Covered struct {
	Plugin  string // "coverage" where empty, "cobertura" or "jacoco"
	Project map[string]Fraction
	Changed map[string]Fraction // of the lines that were changed
	Delta   map[string]float64  // percentage points
	Words   map[string]string   // further figures, such as "loc"
	Files   []ChangedFile       // the lines that were changed
}

// ChangedFile is a file with lines that were changed.
type ChangedFile struct {
	Path   string
	Blocks []Block
}

// Block is changed lines that follow each other: "COVERED", "PARTIALLY_COVERED" or "MISSED".
type Block struct {
	First, Last int
	State       string
}

// Fraction is how much of what is covered; keys are such as "line" and "branch".
type Fraction struct{ Covered, Total int }

// Artifact is a file that a build keeps. Elsewhere is the address at another host where it is kept instead.
type Artifact struct {
	Path      string
	Content   []byte
	Elsewhere string
}

// Change is a commit that is new in a build.
type Change struct {
	Commit, Message, Author string
	At                      time.Time
	Paths                   []string
}

// Cause is why there is a build.
type Cause struct {
	Class, Text string
	User        string // the ID of a user
	Upstream    string // the full name of a job
	Number      int    // of its build
}

// Trigger is what starts a build from outside the remote access API: a push, a timer, another build.
type Trigger struct {
	Cause      Cause // the class hudson.triggers.SCMTrigger$SCMTriggerCause, or that of a branch's event, where empty
	Commit     string
	Changes    []Change
	Parameters map[string]string
}

type world struct {
	clock    time.Time
	users    []User
	sessions map[string]string // user by session
	top      *item
	queue    []*entry // in order, those that have left too, for a while
	lastItem int64
}

func newWorld(now time.Time) world {
	return world{clock: now, top: &item{kind: folderKind}, sessions: map[string]string{}}
}

func (w *world) user(id string) User {
	for _, u := range w.users {
		if u.ID == id {
			return u
		}
	}
	return User{}
}

// item is a job or a folder.
type item struct {
	Job
	name        string
	parent      *item // nil for the top
	kind        Kind
	description string
	children    []*item // by name
	builds      []*build
	next        int // the number of the next build
	planned     int // how many plans are used up
}

func (i *item) fullName() string {
	if i.parent == nil || i.parent.parent == nil {
		return i.name
	}
	return i.parent.fullName() + "/" + i.name
}

func (i *item) fullTitle() string {
	if i.parent == nil || i.parent.parent == nil {
		return i.title()
	}
	return i.parent.fullTitle() + " » " + i.title()
}

// title is what people see: the branch for the job of one.
func (i *item) title() string {
	if i.Title != "" {
		return i.Title
	}
	if i.parent != nil && i.parent.kind == multibranchKind {
		if branch, err := url.PathUnescape(i.name); err == nil {
			return branch
		}
	}
	return i.name
}

// path is the path of its page, with a slash at the end: "job/a/job/b/".
func (i *item) path() string {
	if i.parent == nil {
		return ""
	}
	return i.parent.path() + "job/" + url.PathEscape(i.name) + "/"
}

// child finds a job of a folder by name, whatever its case.
func (i *item) child(name string) *item {
	for _, c := range i.children {
		if strings.EqualFold(c.name, name) {
			return c
		}
	}
	return nil
}

func (i *item) isFolder() bool { return i.kind == folderKind || i.kind == multibranchKind }

func (s *Server) find(fullName string) *item {
	at := s.world.top
	for part := range strings.SplitSeq(fullName, "/") {
		if at = at.child(part); at == nil {
			return nil
		}
	}
	return at
}

// Errors of what is put in.
var (
	ErrNoSuch = errors.New("there is none of that name")
	ErrName   = errors.New("no such name is allowed")
	ErrExists = errors.New("there is one of that name")
)

func (s *Server) add(fullName string, made *item) error {
	folder, name := s.world.top, fullName
	if cut := strings.LastIndexByte(fullName, '/'); cut >= 0 {
		if folder, name = s.find(fullName[:cut]), fullName[cut+1:]; folder == nil || !folder.isFolder() {
			return fmt.Errorf("the folder of %s: %w", fullName, ErrNoSuch)
		}
	}
	plain, never := name, `?*/\%!@#$^&|<>[]:;`
	if folder.kind == multibranchKind {
		plain, never = strings.ReplaceAll(name, "%", ""), `?/\#[]` // nobody checks these: they come from branches
	}
	if plain == "" || plain == "." || plain == ".." || strings.ContainsAny(plain, never) {
		return fmt.Errorf("%s: %w", fullName, ErrName)
	}
	if folder.child(name) != nil {
		return fmt.Errorf("%s: %w", fullName, ErrExists)
	}
	made.name, made.parent, made.next = name, folder, 1
	folder.children = append(folder.children, made)
	slices.SortFunc(folder.children, func(a, b *item) int { return strings.Compare(strings.ToLower(a.name), strings.ToLower(b.name)) })
	return nil
}

// AddUser adds a user.
func (s *Server) AddUser(u User) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.world.users = append(s.world.users, u)
}

// AddFolder adds a folder by its full name, in one that is there.
func (s *Server) AddFolder(fullName, description string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.add(fullName, &item{kind: folderKind, description: description})
}

// AddMultibranch adds a multibranch project without branches.
func (s *Server) AddMultibranch(fullName, description string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.add(fullName, &item{kind: multibranchKind, description: description})
}

// AddJob adds a job by its full name.
func (s *Server) AddJob(fullName string, job Job) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if job.Kind == "" {
		job.Kind = Pipeline
	}
	if job.Branch == "" {
		job.Branch = "main"
	}
	return s.add(fullName, &item{Job: job, kind: job.Kind, description: job.Description})
}

// AddBranch adds the job of a branch, or of a pull request ("PR-12"), to a multibranch project, and returns its full name.
func (s *Server) AddBranch(project, branch string, job Job) (string, error) {
	job.Kind = Pipeline
	if job.Branch == "" {
		job.Branch = branch
	}
	name := project + "/" + strings.NewReplacer("%", "%25", "#", "%23", "/", "%2F", "?", "%3F", "[", "%5B", "]", "%5D", `\`, "%5C").Replace(branch) // jenkins.branch.NameEncoder
	return name, s.AddJob(name, job)
}

// ChangeJob changes a job.
func (s *Server) ChangeJob(fullName string, change func(*Job)) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.advance()
	i := s.find(fullName)
	if i == nil || i.isFolder() {
		return fmt.Errorf("job %s: %w", fullName, ErrNoSuch)
	}
	before := len(i.Plans)
	change(&i.Job)
	if len(i.Plans) != before {
		i.planned = 0
	}
	return nil
}

// Remove takes a job or a folder away, with its builds: a branch is gone.
func (s *Server) Remove(fullName string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.advance()
	i := s.find(fullName)
	if i == nil || fullName == "" {
		return fmt.Errorf("%s: %w", fullName, ErrNoSuch)
	}
	i.parent.children = slices.DeleteFunc(i.parent.children, func(other *item) bool { return other == i })
	s.world.queue = slices.DeleteFunc(s.world.queue, func(e *entry) bool { return e.job.within(i) })
	return nil
}

func (i *item) within(folder *item) bool {
	return i != nil && (i == folder || i.parent.within(folder))
}

// Past adds a build that has run before all others and those added after it have: numbers count on. It ends when its plan does, which should be in the past.
func (s *Server) Past(fullName string, started time.Time, plan Plan, trigger Trigger) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.advance()
	i := s.find(fullName)
	if i == nil || i.isFolder() {
		return fmt.Errorf("job %s: %w", fullName, ErrNoSuch)
	}
	s.world.lastItem++
	e := &entry{id: s.world.lastItem, job: i, since: started, causes: []Cause{i.cause(trigger)}, commit: trigger.Commit, changes: trigger.Changes, values: i.values(trigger.Parameters)}
	b := s.begin(e, started, &plan)
	if end, ends := b.end(); ends && !end.After(s.world.clock) {
		b.over = true
	} else {
		s.world.queue = append(s.world.queue, e) // as one that has left: its end will be noticed
	}
	return nil
}

// Trigger puts a build into the queue, as a push or a timer does, and returns its number there. With a commit the branch is at it from now on.
func (s *Server) Trigger(fullName string, trigger Trigger) (int64, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.advance()
	i := s.find(fullName)
	if i == nil || i.isFolder() {
		return 0, fmt.Errorf("job %s: %w", fullName, ErrNoSuch)
	}
	if trigger.Commit != "" {
		i.Head = trigger.Commit
	}
	e := s.enqueue(i, i.values(trigger.Parameters), s.settings.Quiet, i.cause(trigger))
	e.changes = append(e.changes, trigger.Changes...)
	s.advance()
	return e.id, nil
}

// cause returns the cause of a trigger, with what follows from the job where it has none.
func (i *item) cause(t Trigger) Cause {
	switch {
	case t.Cause != (Cause{}):
		return t.Cause
	case i.parent != nil && i.parent.kind == multibranchKind:
		return Cause{Class: "jenkins.branch.BranchEventCause", Text: "Push event to branch " + i.title()}
	}
	return Cause{Class: "hudson.triggers.SCMTrigger$SCMTriggerCause", Text: "Started by an SCM change"}
}

// value is a parameter of a build.
type value struct {
	Parameter
	text string
}

// values returns the values of all parameters of a job.
func (i *item) values(given map[string]string) []value {
	var out []value
	for _, p := range i.Parameters {
		text, ok := given[p.Name]
		if !ok {
			if text = p.Default; text == "" && len(p.Choices) > 0 {
				text = p.Choices[0]
			}
		}
		out = append(out, value{p, text})
	}
	return out
}
