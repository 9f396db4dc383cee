package gitlabtest

import (
	"time"

	"callboard.dev/callboard/clients/git"
	"callboard.dev/callboard/clients/gitlab/gitlabtest/ci"
)

// Visibility says who sees a group or project.
type Visibility string

// The visibilities.
const (
	Private  Visibility = "private"  // its members; what an empty Visibility means
	Internal Visibility = "internal" // everybody who is signed in
	Public   Visibility = "public"   // everybody
)

// Access is what a member may do, in GitLab's numbers.
type Access int

// The levels of access.
const (
	NoAccess   Access = 0
	Guest      Access = 10
	Planner    Access = 15
	Reporter   Access = 20
	Developer  Access = 30
	Maintainer Access = 40
	Owner      Access = 50
)

// User is an account.
type User struct {
	ID        int64 // given where zero
	Username  string
	Name      string
	Email     string
	State     string // "active" where empty
	Admin     bool
	Bot       bool
	CreatedAt time.Time
}

// Token is a personal access token.
type Token struct {
	Value    string
	Username string
	Scopes   []string // "read_api" and "api"; both where nil
	Expired  bool
}

// Member is somebody's access to a group with all below it, or to a project.
type Member struct {
	Username string
	Access   Access
	Since    time.Time
}

// Group is a group or a subgroup.
type Group struct {
	ID          int64  // given where zero
	Path        string // in full, such as "larkfold/platform"; the group above must be there
	Name        string // the last part of Path where empty
	Description string
	Visibility  Visibility
	Members     []Member
	CreatedAt   time.Time
}

// Language is a programming language of a project.
type Language struct {
	Name  string
	Share float64 // in percent
	Color string  // such as "#00ADD8"
}

// License is what GitLab recognised as a project's licence.
type License struct{ Key, Name, Nickname, URL, SourceURL string }

// Label is a label of a project.
type Label struct {
	ID          int64 // given where zero
	Name, Color string
	Description string
	CreatedAt   time.Time
	Priority    int    // 0 for none
	Group       string // the path of the group it belongs to; the project where empty
}

// ProtectedBranch protects the branches that a name, or a pattern with "*", stands for.
type ProtectedBranch struct {
	ID                int64 // given where zero
	Name              string
	Push, Merge       Access // the least that may; NoAccess for nobody
	AllowForcePush    bool
	CodeOwnerApproval bool // of the paid tiers
	CreatedAt         time.Time
}

// Project is a project. Its repository is one on this machine.
type Project struct {
	ID              int64  // given where zero
	Path            string // in full, such as "larkfold/platform/search"; the group must be there, or be a user's name
	Name            string // the last part of Path where empty
	Description     string
	Visibility      Visibility
	Topics          []string
	Stars, Forks    int
	ForkedFrom      string // the Path of another
	Archived        bool
	RequestAccess   bool   // people may ask for access
	Repository      string // one of Server.Repositories; empty for a project without commits
	DefaultBranch   string // what the repository says where empty
	Languages       []Language
	License         License
	Members         []Member
	Labels          []Label
	Protected       []ProtectedBranch
	Vulnerabilities map[string]int // open ones by severity, "critical" to "unknown"; of the paid tiers
	CreatedAt       time.Time
	LastActivity    time.Time
}

// Reviewer is somebody asked to review.
type Reviewer struct {
	Username string
	State    string // "unreviewed" (where empty), "reviewed", "requested_changes", "approved", "unapproved", "review_started"
	At       time.Time
}

// Approval is that somebody approved.
type Approval struct {
	Username string
	At       time.Time
}

// The states of merge requests and issues.
const (
	Opened = "opened"
	Closed = "closed"
	Merged = "merged"
	Locked = "locked"
)

// MergeRequest is a merge request.
type MergeRequest struct {
	ID, IID           int64 // given where zero
	Title             string
	Description       string
	SourceBranch      string
	TargetBranch      string // the default branch where empty
	SourceProject     string // the project itself where empty
	Author            string
	Assignees         []string
	Reviewers         []Reviewer
	Approvals         []Approval
	ApprovalsRequired int // of the paid tiers
	Labels            []string
	Milestone         string
	Pipeline          string // the state of the newest pipeline of the head, such as "running"; empty for none
	State             string // Opened where empty
	Draft             bool
	Conflicts         bool
	Comments          int
	Upvotes           int
	SHA               string // the head; that of the source branch where empty
	BaseSHA           string // where it branched off; found where empty
	MergeCommitSHA    string
	MergedBy          string
	ClosedBy          string
	CreatedAt         time.Time
	UpdatedAt         time.Time
	MergedAt          time.Time
	ClosedAt          time.Time
}

// Issue is an issue.
type Issue struct {
	ID, IID      int64 // given where zero
	Title        string
	Description  string
	Author       string
	Assignees    []string
	Labels       []string
	State        string // Opened where empty
	Confidential bool
	Weight       int
	DueOn        string // a date
	Comments     int
	Upvotes      int
	ClosedBy     string
	CreatedAt    time.Time
	UpdatedAt    time.Time
	ClosedAt     time.Time
}

// ReleaseLink is an asset of a release.
type ReleaseLink struct {
	ID         int64 // given where zero
	Name, URL  string
	Kind       string // "other" where empty, "runbook", "image", "package"
	DirectPath string
}

// Release is a release.
type Release struct {
	ID          int64 // given where zero
	Tag         string
	Name        string // Tag where empty
	Description string
	Author      string
	Links       []ReleaseLink
	CreatedAt   time.Time
	ReleasedAt  time.Time
}

// Hook is where a project's events are sent.
type Hook struct {
	ID            int64 // given where zero
	URL           string
	Name          string
	Token         string // sent as it is, in X-Gitlab-Token
	SigningToken  string // "whsec_" and base64: signs what is sent
	Push          bool
	TagPush       bool
	MergeRequests bool
	Issues        bool
	Releases      bool
	Pipelines     bool
	Jobs          bool
	CreatedAt     time.Time
}

// world is everything there is.
type world struct {
	lastID   int64
	users    map[string]*User // by username in lower case
	byEmail  map[string]*User
	byUserID map[int64]*User
	tokens   map[string]Token
	groups   map[string]*Group // by path in lower case
	projects map[string]*project
	byID     map[int64]*project
	order    []*project // by id
}

// project is a project with all that belongs to it.
type project struct {
	Project
	repository    *git.Repository // nil for a project without commits
	mergeRequests []*MergeRequest // by iid
	issues        []*Issue        // by iid
	releases      []*Release      // as they were added
	hooks         []*Hook
	runs          ci.Runs
	jobs          []*ci.Job         // what its configuration of CI has; nil for none
	notes         map[int64][]*note // of merge requests, by iid
}

func newWorld() world {
	return world{
		users: map[string]*User{}, byEmail: map[string]*User{}, byUserID: map[int64]*User{}, tokens: map[string]Token{},
		groups: map[string]*Group{}, projects: map[string]*project{}, byID: map[int64]*project{},
	}
}

// id returns the wanted id, or the next free one.
func (w *world) id(wanted int64) int64 {
	if wanted == 0 {
		wanted = w.lastID + 1
	}
	w.lastID = max(w.lastID, wanted)
	return wanted
}
