package github

import (
	"encoding/json"
	"errors"
	"fmt"
	"mime"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"callboard.dev/callboard/clients/git"
)

// Event is what a webhook tells: what has changed, not how. What it does not tell is zero.
type Event struct {
	Delivery     string // unique; the same where GitHub delivers again
	Kind         string // "push", "pull_request", "release" and so on, as X-GitHub-Event has it
	Action       string // such as "opened"; "" for kinds that have none
	Host         string // of a GitHub Enterprise Server; "" for github.com
	Installation int    // of the GitHub App that is told

	Repository Slug // zero for events of an organisation
	// Was is how the repository was called until now: after it was renamed or transferred.
	Was          Slug
	Organisation string
	Sender       string // login of who did it

	Refs          []string  // in full, such as "refs/heads/main": what was pushed, created, deleted or built
	Before, After git.OID   // of a push; "" where the ref is new, or gone
	Commits       []git.OID // that something happened to: of a push the new head, of checks and deployments what they are of
	DefaultBranch string    // of the repository, without "refs/heads/"
	// Paths are the files that a push changed, sorted, and PathsComplete tells that there are no others: forced pushes, new and deleted refs,
	// and those of many commits do not say.
	Paths         []string
	PathsComplete bool

	PullRequests []int // numbers
	Issue        int   // number
	Tag          string
	Team         string // slug

	Ran Ran // the build that it is about
}

// The bounds of an event, by judgement: what is beyond makes it say that it does not say.
const (
	maxEventPaths = 3000
	maxEventPulls = 100     // also refs
	maxEventList  = 100_000 // elements of any list that is looked at
	// maxPushed is how many commits GitHub puts into a push ("Webhook events and payloads"); there may be more than that.
	maxPushed = 2048
)

// payload is what this package reads of the payloads of all kinds.
type payload struct {
	Action       string `json:"action"`
	Repository   *named `json:"repository"`
	Organization *named `json:"organization"`
	Sender       *named `json:"sender"`
	Installation *struct {
		ID int `json:"id"`
	} `json:"installation"`
	Changes *struct {
		Repository *struct {
			Name *struct {
				From string `json:"from"`
			} `json:"name"`
		} `json:"repository"`
		Owner *struct {
			From *struct {
				User         *named `json:"user"`
				Organization *named `json:"organization"`
			} `json:"from"`
		} `json:"owner"`
	} `json:"changes"`

	// Push, create and delete.
	Ref     string   `json:"ref"`
	RefType string   `json:"ref_type"`
	Before  string   `json:"before"`
	After   string   `json:"after"`
	Created bool     `json:"created"`
	Deleted bool     `json:"deleted"`
	Forced  bool     `json:"forced"`
	Commits []pushed `json:"commits"`

	Number       int           `json:"number"`
	PullRequest  *pullPayload  `json:"pull_request"`
	Issue        *issuePayload `json:"issue"`
	CheckSuite   *ofCommit     `json:"check_suite"`
	CheckRun     *ofCommit     `json:"check_run"`
	WorkflowRun  *ofCommit     `json:"workflow_run"`
	WorkflowJob  *ofCommit     `json:"workflow_job"`
	Deployment   *ofCommit     `json:"deployment"`
	SHA          string        `json:"sha"` // of a status
	Branches     []named       `json:"branches"`
	Release      *tagged       `json:"release"`
	Team         *named        `json:"team"`
	PullRequests []pullPayload `json:"pull_requests"`
}

type named struct {
	Name          string `json:"name"`
	FullName      string `json:"full_name"`
	Login         string `json:"login"`
	Slug          string `json:"slug"`
	DefaultBranch string `json:"default_branch"`
}

type pushed struct {
	Added    []string `json:"added"`
	Removed  []string `json:"removed"`
	Modified []string `json:"modified"`
}

type pullPayload struct {
	Number int   `json:"number"`
	Base   *side `json:"base"`
	Head   *side `json:"head"`
}

type side struct {
	Ref string `json:"ref"`
	SHA string `json:"sha"`
}

type issuePayload struct {
	Number      int             `json:"number"`
	PullRequest json.RawMessage `json:"pull_request"`
}

type ofCommit struct {
	HeadSHA      string        `json:"head_sha"`
	SHA          string        `json:"sha"`
	HeadBranch   string        `json:"head_branch"`
	PullRequests []pullPayload `json:"pull_requests"`
	CheckSuite   *ofCommit     `json:"check_suite"`
}

type tagged struct {
	Tag string `json:"tag_name"`
}

// ParseEvent reads a webhook that Verify found to be GitHub's. Kinds it does not know are read as far as they look like others. It wraps
// ErrPayload where the body is no payload, or larger than MaxPayload.
func ParseEvent(header http.Header, body []byte) (*Event, error) {
	if len(body) > MaxPayload {
		return nil, fmt.Errorf("%d bytes: %w", len(body), ErrPayload)
	}
	kind, delivery := header.Get("X-Github-Event"), header.Get("X-Github-Delivery")
	if kind == "" || len(kind) > maxName || !made(kind, "_") {
		return nil, fmt.Errorf("no kind of event: %w", ErrPayload)
	}
	if delivery == "" || len(delivery) > maxName || !made(delivery, "-") {
		return nil, fmt.Errorf("no id of the delivery: %w", ErrPayload)
	}
	if media, _, _ := mime.ParseMediaType(header.Get("Content-Type")); media == "application/x-www-form-urlencoded" {
		form, err := url.ParseQuery(string(body))
		if err != nil {
			return nil, fmt.Errorf("no form: %w", ErrPayload)
		}
		body = []byte(form.Get("payload"))
	}
	var p payload
	// A field that kinds of another time mean differently says nothing; the others still do.
	var other *json.UnmarshalTypeError
	object := strings.HasPrefix(strings.TrimLeft(string(body[:min(len(body), 100)]), " \t\r\n"), "{")
	if !object || !within(body, maxEventList, maxObjects) {
		return nil, fmt.Errorf("no JSON of a %s: %w", kind, ErrPayload)
	}
	if err := json.Unmarshal(body, &p); err != nil && !errors.As(err, &other) {
		return nil, fmt.Errorf("no JSON of a %s: %w", kind, ErrPayload)
	}
	e := &Event{Delivery: delivery, Kind: kind, Action: cut(p.Action, maxName)}
	if host := header.Get("X-Github-Enterprise-Host"); len(host) <= maxLine {
		e.Host = plain(host)
	}
	if err := e.read(&p); err != nil {
		return nil, err
	}
	e.readRan(body)
	return e, nil
}

func (e *Event) read(p *payload) error {
	if err := e.readRepository(p); err != nil {
		return err
	}
	if p.Organization != nil && login(p.Organization.Login) {
		e.Organisation = p.Organization.Login
	}
	if p.Sender != nil && actor(p.Sender.Login) {
		e.Sender = p.Sender.Login
	}
	if p.Installation != nil {
		e.Installation = p.Installation.ID
	}
	if p.Team != nil && made(p.Team.Slug, "-_") {
		e.Team = cut(p.Team.Slug, maxName)
	}
	if p.Release != nil {
		e.Tag = cut(p.Release.Tag, maxRef)
		e.addRef("refs/tags/", p.Release.Tag)
	}
	switch e.Kind {
	case "push":
		e.readPush(p)
	case "create", "delete":
		if p.RefType == "tag" {
			e.addRef("refs/tags/", p.Ref)
		} else {
			e.addRef("refs/heads/", p.Ref)
		}
	}
	if p.PullRequest != nil {
		e.addPull(p.PullRequest.Number)
		if p.PullRequest.Head != nil {
			e.addCommit(p.PullRequest.Head.SHA)
		}
	}
	if p.Issue != nil {
		if len(p.Issue.PullRequest) > 0 && string(p.Issue.PullRequest) != "null" {
			e.addPull(p.Issue.Number)
		} else if p.Issue.Number > 0 && p.Issue.Number <= maxNumber {
			e.Issue = p.Issue.Number
		}
	}
	for _, of := range []*ofCommit{p.CheckSuite, p.CheckRun, p.WorkflowRun, p.WorkflowJob, p.Deployment} {
		e.readCommit(of)
		if of != nil {
			e.readCommit(of.CheckSuite)
		}
	}
	e.addCommit(p.SHA)
	for _, branch := range p.Branches {
		e.addRef("refs/heads/", branch.Name)
	}
	return nil
}

// readRepository reads which repository it is, and how it was called.
func (e *Event) readRepository(p *payload) error {
	if p.Repository == nil {
		return nil
	}
	slug, err := ParseSlug(p.Repository.FullName)
	if err != nil {
		return fmt.Errorf("a %s of no repository: %w", e.Kind, ErrPayload)
	}
	e.Repository = slug
	if checkRef(p.Repository.DefaultBranch) == nil {
		e.DefaultBranch = p.Repository.DefaultBranch
	}
	if e.Kind != "repository" || p.Changes == nil {
		return nil
	}
	was := slug
	if r := p.Changes.Repository; r != nil && r.Name != nil {
		was.Name = r.Name.From
	}
	if o := p.Changes.Owner; o != nil && o.From != nil {
		for _, owner := range []*named{o.From.User, o.From.Organization} {
			if owner != nil {
				was.Owner = owner.Login
			}
		}
	}
	if was != slug && was.check() == nil {
		e.Was = was
	}
	return nil
}

func (e *Event) readPush(p *payload) {
	e.addRef("", p.Ref)
	e.Before, e.After = present(p.Before), present(p.After)
	e.addCommit(p.After)
	e.PathsComplete = !p.Forced && !p.Created && !p.Deleted && len(p.Commits) < maxPushed && e.Before != "" && e.After != ""
	paths := map[string]bool{}
	for _, commit := range p.Commits {
		for _, list := range [][]string{commit.Added, commit.Removed, commit.Modified} {
			for _, path := range list {
				if len(paths) == maxEventPaths || len(path) > maxPath {
					e.PathsComplete = false
					continue
				}
				paths[path] = true
			}
		}
	}
	for path := range paths {
		e.Paths = append(e.Paths, path)
	}
	slices.Sort(e.Paths)
}

func (e *Event) readCommit(of *ofCommit) {
	if of == nil {
		return
	}
	e.addCommit(of.HeadSHA)
	e.addCommit(of.SHA)
	e.addRef("refs/heads/", of.HeadBranch)
	for _, pull := range of.PullRequests {
		e.addPull(pull.Number)
	}
}

func (e *Event) addRef(prefix, name string) {
	if ref := prefix + name; checkRef(ref) == nil && strings.HasPrefix(ref, "refs/") && !slices.Contains(e.Refs, ref) && len(e.Refs) < maxEventPulls {
		e.Refs = append(e.Refs, ref)
	}
}

func (e *Event) addCommit(text string) {
	if id := present(text); id != "" && !slices.Contains(e.Commits, id) {
		e.Commits = append(e.Commits, id)
	}
}

func (e *Event) addPull(number int) {
	if number > 0 && number <= maxNumber && !slices.Contains(e.PullRequests, number) && len(e.PullRequests) < maxEventPulls {
		e.PullRequests = append(e.PullRequests, number)
	}
}

// present returns the object id that text is, "" where it is none or the zeros that stand for none.
func present(text string) git.OID {
	if strings.Trim(text, "0") == "" {
		return ""
	}
	return oid(text)
}
