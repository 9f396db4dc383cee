package githubtest

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"callboard.dev/callboard/clients/git"
)

// PullRequest is a pull request between two branches of one repository. While it is open its commits are those the branches have; what it was
// when it was closed stays.
type PullRequest struct {
	Number                   int // the next one where zero
	Title, Body              string
	AuthorLogin              string
	BaseRefName, HeadRefName string
	BaseOID, HeadOID         string // where the branches are not there any more, or were elsewhere: in full
	IsDraft                  bool
	Labels                   []string // of the repository; made where they are not there
	Assignees                []string // logins
	Reviewers                []string // logins, or org/team
	MilestoneTitle           string
	CreatedAt, UpdatedAt     time.Time // now where zero
	ClosedAt, MergedAt       time.Time // open where zero
	MergeOID                 string    // of a merged one: the commit that it was merged as, in full
	MergedByLogin            string
	AutoMerge                *AutoMerge // nil where it is not switched on
	MaintainerCanModify      bool
	Locked                   bool
	DatabaseID               int // given by the simulator where zero

	repository *Repository
	author     any
	mergedBy   any
	labels     []*Label
	assignees  []*User
	milestone  *Milestone
	comments   []*Comment
	reviews    []*Review
	requests   []*reviewRequest
}

// AutoMerge says that a pull request is to be merged as soon as it may. The simulator tells of it and leaves it at that.
type AutoMerge struct {
	MergeMethod    string // MERGE, SQUASH or REBASE; MERGE where empty
	EnabledByLogin string
	EnabledAt      time.Time // now where zero

	enabledBy any
}

// Review is one review of a pull request.
type Review struct {
	AuthorLogin string
	State       string // APPROVED, CHANGES_REQUESTED, COMMENTED or DISMISSED
	Body        string
	CommitOID   string    // what was looked at; the head where empty
	SubmittedAt time.Time // now where zero
	DatabaseID  int

	author any
	pull   *PullRequest
}

// GraphQLType implements clientstest.Typed.
func (*Review) GraphQLType() string { return "PullRequestReview" }

type reviewRequest struct {
	DatabaseID  int
	AsCodeOwner bool
	reviewer    any // *User or *Team
	pull        *PullRequest
}

type pullCommit struct {
	pull   *PullRequest
	commit *gitCommit
}

// State returns OPEN, CLOSED or MERGED.
func (p *PullRequest) State() string {
	switch {
	case !p.MergedAt.IsZero():
		return "MERGED"
	case !p.ClosedAt.IsZero():
		return "CLOSED"
	}
	return "OPEN"
}

// Merged reports whether it was merged.
func (p *PullRequest) Merged() bool { return !p.MergedAt.IsZero() }

func (p *PullRequest) in() *Repository     { return p.repository }
func (p *PullRequest) number() int         { return p.Number }
func (p *PullRequest) thread() *[]*Comment { return &p.comments }
func (p *PullRequest) tags() *[]*Label     { return &p.labels }
func (p *PullRequest) people() *[]*User    { return &p.assignees }
func (p *PullRequest) touch(at time.Time)  { p.UpdatedAt = at }
func (p *PullRequest) opened() (title, body string, author any, at time.Time) {
	return p.Title, p.Body, p.author, p.CreatedAt
}

// AddPullRequest opens a pull request, or adds one that was closed or merged before.
func (g *GitHub) AddPullRequest(ctx context.Context, repository string, p PullRequest) (*PullRequest, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.addPull(ctx, repository, p)
}

func (g *GitHub) addPull(ctx context.Context, repository string, p PullRequest) (*PullRequest, error) {
	r, err := g.find(repository)
	if err != nil {
		return nil, fmt.Errorf("adding a pull request: %w", err)
	}
	fail := func(err error) (*PullRequest, error) {
		return nil, fmt.Errorf("adding a pull request to %s: %w", repository, err)
	}
	if err := g.writable(r); err != nil {
		return fail(err)
	}
	p.repository = r
	if p.BaseRefName == "" {
		p.BaseRefName = r.DefaultBranch
	}
	if err := p.check(ctx); err != nil {
		return fail(err)
	}
	if p.author, err = g.actor(p.AuthorLogin); err != nil {
		return fail(err)
	}
	if p.MergedByLogin != "" {
		if p.mergedBy, err = g.actor(p.MergedByLogin); err != nil {
			return fail(err)
		}
	}
	if auto := p.AutoMerge; auto != nil {
		own := AutoMerge{MergeMethod: cmp.Or(auto.MergeMethod, "MERGE"), EnabledByLogin: auto.EnabledByLogin, EnabledAt: auto.EnabledAt}
		if own.EnabledAt.IsZero() {
			own.EnabledAt = g.now()
		}
		if own.enabledBy, err = g.actor(own.EnabledByLogin); err != nil {
			return fail(err)
		}
		p.AutoMerge = &own
	}
	if p.assignees, err = g.usersNamed(p.Assignees); err != nil {
		return fail(err)
	}
	if p.MilestoneTitle != "" {
		if p.milestone, err = r.milestoneNamed(p.MilestoneTitle); err != nil {
			return fail(err)
		}
	}
	if p.Number, err = r.nextNumber(p.Number); err != nil {
		return fail(err)
	}
	if !p.MergedAt.IsZero() && p.ClosedAt.IsZero() {
		p.ClosedAt = p.MergedAt
	}
	g.stamp(&p.CreatedAt, &p.UpdatedAt, &p.DatabaseID)
	for _, name := range p.Labels {
		p.labels = append(p.labels, g.label(r, name))
	}
	for _, name := range p.Reviewers {
		if err := g.request(&p, name, nil); err != nil {
			return fail(err)
		}
	}
	r.items[p.Number] = &p
	g.register(&p)
	if p.State() == "OPEN" {
		g.hooks.pull(&p, "opened", p.author, nil)
		if err := g.triggerPull(ctx, &p, p.author); err != nil {
			return fail(err)
		}
	}
	return &p, nil
}

// check refuses a pull request without commits to look at.
func (p *PullRequest) check(ctx context.Context) error {
	base, err := p.base(ctx)
	if err != nil {
		return err
	}
	head, err := p.head(ctx)
	if err != nil {
		return err
	}
	switch {
	case base == "":
		return refuse("no branch %q to merge into, and no id of a commit", p.BaseRefName)
	case head == "":
		return refuse("no branch %q to merge, and no id of a commit", p.HeadRefName)
	case base == head:
		return refuse("No commits between %s and %s", p.BaseRefName, p.HeadRefName)
	}
	for _, other := range p.repository.items {
		if o, ok := other.(*PullRequest); ok && p.State() == "OPEN" && o.State() == "OPEN" && o.HeadRefName == p.HeadRefName && o.BaseRefName == p.BaseRefName {
			return refuse("A pull request already exists for %s:%s", ownerLogin(p.repository.owner), p.HeadRefName)
		}
	}
	return nil
}

// base returns the commit that the branch it goes into has, or had when it was closed.
func (p *PullRequest) base(ctx context.Context) (git.OID, error) {
	return p.side(ctx, p.BaseOID, p.BaseRefName)
}

// head returns the newest commit of it.
func (p *PullRequest) head(ctx context.Context) (git.OID, error) {
	return p.side(ctx, p.HeadOID, p.HeadRefName)
}

func (p *PullRequest) side(ctx context.Context, oid, branch string) (git.OID, error) {
	if oid != "" {
		return git.OID(oid), nil
	}
	return p.repository.branch(ctx, branch)
}

// freeze remembers what the branches are now.
func (p *PullRequest) freeze(ctx context.Context) error {
	base, err := p.base(ctx)
	if err != nil {
		return err
	}
	head, err := p.head(ctx)
	if err != nil {
		return err
	}
	p.BaseOID, p.HeadOID = string(base), string(head)
	return nil
}

// pull returns a pull request that may be changed, and who changes it.
func (g *GitHub) pull(repository string, number int, by string) (*PullRequest, any, error) {
	one, who, err := g.item(repository, number, by)
	if err != nil {
		return nil, nil, err
	}
	p, ok := one.(*PullRequest)
	if !ok {
		return nil, nil, fmt.Errorf("pull request %s#%d: %w", repository, number, ErrUnknown)
	}
	return p, who, nil
}

// MergePullRequest merges an open pull request: with a merge commit ("MERGE"), as one commit ("SQUASH") or commit by commit ("REBASE"). The
// commits are written to the repository's folder.
func (g *GitHub) MergePullRequest(ctx context.Context, repository string, number int, method, by string) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	p, who, err := g.pull(repository, number, by)
	if err != nil {
		return err
	}
	return g.merge(ctx, p, method, who)
}

func (g *GitHub) merge(ctx context.Context, p *PullRequest, method string, who any) error {
	switch {
	case p.State() != "OPEN":
		return refuse("Pull Request is not mergeable")
	case p.IsDraft:
		return refuse("Pull Request is still a draft")
	}
	base, err := p.base(ctx)
	if err != nil {
		return err
	}
	head, err := p.head(ctx)
	if err != nil {
		return err
	}
	merged, err := g.writeMerge(ctx, p, method, base, head, who)
	if err != nil {
		return err
	}
	at := g.now()
	p.BaseOID, p.HeadOID, p.MergeOID = string(base), string(head), string(merged)
	p.MergedAt, p.ClosedAt, p.UpdatedAt, p.mergedBy = at, at, at, who
	p.repository.PushedAt, p.repository.UpdatedAt = at, at
	g.hooks.pull(p, "closed", who, nil)
	if err := g.hooks.push(ctx, p.repository, "refs/heads/"+p.BaseRefName, base, merged, who); err != nil {
		return err
	}
	if err := g.triggerPush(ctx, p.repository, p.BaseRefName, merged, who); err != nil {
		return err
	}
	for _, n := range closing(p.Body) {
		if i, ok := p.repository.items[n].(*Issue); ok && i.ClosedAt.IsZero() && p.BaseRefName == p.repository.DefaultBranch {
			if err := g.closeIssue(i, "COMPLETED", who); err != nil {
				return err
			}
		}
	}
	if p.repository.DeleteBranchOnMerge {
		return g.deleteBranch(ctx, p.repository, p.HeadRefName, head, who)
	}
	return nil
}

// ClosePullRequest closes a pull request without merging it.
func (g *GitHub) ClosePullRequest(ctx context.Context, repository string, number int, by string) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	p, who, err := g.pull(repository, number, by)
	if err != nil {
		return err
	}
	return g.closePull(ctx, p, who)
}

func (g *GitHub) closePull(ctx context.Context, p *PullRequest, who any) error {
	if p.State() != "OPEN" {
		return refuse("closing pull request %d: it is not open", p.Number)
	}
	if err := p.freeze(ctx); err != nil {
		return err
	}
	p.ClosedAt, p.UpdatedAt = g.now(), g.now()
	g.hooks.pull(p, "closed", who, nil)
	return nil
}

func (g *GitHub) reopenPull(ctx context.Context, p *PullRequest, who any) error {
	head, err := p.repository.branch(ctx, p.HeadRefName)
	if p.State() != "CLOSED" || head == "" || err != nil {
		return refuse("reopening pull request %d: it is not closed, or its branch is gone", p.Number)
	}
	p.BaseOID, p.HeadOID, p.ClosedAt, p.UpdatedAt = "", "", time.Time{}, g.now()
	g.hooks.pull(p, "reopened", who, nil)
	return nil
}

// ReadyForReview ends the draft state of a pull request.
func (g *GitHub) ReadyForReview(repository string, number int, by string) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	p, who, err := g.pull(repository, number, by)
	if err != nil {
		return err
	}
	p.IsDraft, p.UpdatedAt = false, g.now()
	g.hooks.pull(p, "ready_for_review", who, nil)
	return nil
}

// ReviewPullRequest reviews a pull request. The request for the author's review, where there was one, is answered by it.
func (g *GitHub) ReviewPullRequest(ctx context.Context, repository string, number int, v Review) (*Review, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	p, who, err := g.pull(repository, number, v.AuthorLogin)
	if err != nil {
		return nil, err
	}
	v.author = who
	return g.review(ctx, p, v)
}

func (g *GitHub) review(ctx context.Context, p *PullRequest, v Review) (*Review, error) {
	if v.author == p.author && v.State != "COMMENTED" {
		return nil, refuse("Can not approve or request changes on your own pull request")
	}
	if v.CommitOID == "" {
		head, err := p.head(ctx)
		if err != nil {
			return nil, err
		}
		v.CommitOID = string(head)
	}
	v.pull = p
	var updated time.Time
	g.stamp(&v.SubmittedAt, &updated, &v.DatabaseID)
	p.reviews = append(p.reviews, &v)
	p.requests = slices.DeleteFunc(p.requests, func(r *reviewRequest) bool {
		team, isTeam := r.reviewer.(*Team)
		user, _ := v.author.(*User)
		return r.reviewer == v.author || isTeam && user != nil && team.has(user)
	})
	if v.SubmittedAt.After(p.UpdatedAt) {
		p.UpdatedAt = v.SubmittedAt
	}
	g.register(&v)
	g.hooks.review(&v, "submitted", v.author)
	return &v, nil
}

// dismissApprovals takes back what was approved before the commits changed.
func (g *GitHub) dismissApprovals(p *PullRequest, who any) {
	for _, v := range p.reviews {
		if v.State == "APPROVED" {
			v.State = "DISMISSED"
			g.hooks.review(v, "dismissed", who)
		}
	}
}

// RequestReview asks users, or teams as org/team, for a review.
func (g *GitHub) RequestReview(repository string, number int, by string, reviewers ...string) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	p, who, err := g.pull(repository, number, by)
	if err != nil {
		return err
	}
	for _, name := range reviewers {
		if err := g.request(p, name, who); err != nil {
			return err
		}
	}
	return nil
}

// request adds a review request, and tells it where somebody made it.
func (g *GitHub) request(p *PullRequest, name string, who any) error {
	r := &reviewRequest{pull: p}
	if organization, team, ok := strings.Cut(name, "/"); ok {
		if o := g.state.organizations[strings.ToLower(organization)]; o != nil && o.team(team) != nil {
			r.reviewer = o.team(team)
		}
	} else if u := g.state.users[strings.ToLower(name)]; u != nil && u != p.author {
		r.reviewer = u
	}
	if r.reviewer == nil {
		return fmt.Errorf("reviewer %q: %w", name, ErrUnknown)
	}
	if slices.ContainsFunc(p.requests, func(other *reviewRequest) bool { return other.reviewer == r.reviewer }) {
		return nil
	}
	r.DatabaseID = g.nextID()
	p.requests = append(p.requests, r)
	g.register(r)
	if who != nil {
		p.UpdatedAt = g.now()
		g.hooks.requested(p, r, who)
	}
	return nil
}

// latest returns the last review of each author that keep selects, in the order they were submitted.
func (p *PullRequest) latest(keep func(*Review) bool) []*Review {
	var out []*Review
	for _, v := range p.reviews {
		if keep(v) {
			out = slices.DeleteFunc(out, func(o *Review) bool { return o.author == v.author })
			out = append(out, v)
		}
	}
	return out
}

func opinion(v *Review) bool {
	return v.State == "APPROVED" || v.State == "CHANGES_REQUESTED" || v.State == "DISMISSED"
}

// ReviewDecision returns what the reviews come to: CHANGES_REQUESTED, APPROVED, REVIEW_REQUIRED where the branch is protected by a rule
// that asks for more approvals, and "" where nothing is asked.
func (p *PullRequest) ReviewDecision() string {
	approvals := 0
	for _, v := range p.latest(opinion) {
		switch v.State {
		case "CHANGES_REQUESTED":
			return "CHANGES_REQUESTED"
		case "APPROVED":
			approvals++
		}
	}
	needed := 0
	if rule := p.repository.protection(p.BaseRefName); rule != nil && rule.RequiresApprovingReviews {
		needed = max(1, rule.RequiredApprovingReviewCount)
	}
	switch {
	case approvals < needed:
		return "REVIEW_REQUIRED"
	case approvals > 0:
		return "APPROVED"
	}
	return ""
}
