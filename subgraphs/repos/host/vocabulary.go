package host

import "time"

// Repository is what a host says of a repository itself.
type Repository struct {
	Path          string // such as "larkfold/artist-web", as the host writes it
	ID            string // the host's own
	Number        int64  // the host's own; 0 where it has none
	URL           string
	Description   string
	Homepage      string
	Topics        []string
	Visibility    string // PUBLIC, PRIVATE, INTERNAL; "" where the host does not tell
	Archived      bool
	Fork          bool
	Template      bool
	Empty         bool
	Stars, Forks  int
	Watchers      *int
	Languages     []Language // the largest part first
	License       *License
	CreatedAt     time.Time
	PushedAt      time.Time
	DefaultBranch string
	Head          *Commit // of the default branch; nil where there is none
	CodeHidden    bool    // whether there are commits is not told: the credential may not see them
	OpenPulls     *int
	OpenIssues    *int
	Alerts        *Alerts // nil where they may not be seen: AlertsDenied says whether that is why
	AlertsDenied  bool
	Protection    *Protection // of the default branch; nil for none
	LatestRelease *Release
	Namespace     string // GitLab's group
	RequestAccess *bool
}

// Language is a language a repository is written in.
type Language struct {
	Name    string
	Percent float64
}

// License is a licence.
type License struct{ SPDX, Name string }

// Alerts counts open alerts on known vulnerabilities. Of a severity that the host does not tell, the count is nil.
type Alerts struct {
	Total                         int
	Critical, High, Moderate, Low *int
}

// Protection is how a branch is protected; nil is what the host does not tell.
type Protection struct {
	Pattern                                                                                   string
	Approvals                                                                                 *int
	CodeOwners, StatusChecks, Signatures, LinearHistory, AdminsToo, ForcePushes, DeletionsToo *bool
}

// Commit is a commit as hosts tell it.
type Commit struct {
	OID, Tree         string
	Parents           []string // nil where the way to it does not tell: Commits does
	Author, Committer Person
	Message           string
	Signed            *bool // nil where the host does not tell
}

// Person is who made a commit.
type Person struct {
	Name, Email string
	Login       string
	At          time.Time
}

// User is an account on the host.
type User struct{ Login, Name, URL, Avatar string }

// Label is a label.
type Label struct {
	Name, Description string
	Color             string // "#rrggbb", or empty
}

// Release is a release.
type Release struct {
	Name, Tag, URL string
	PublishedAt    time.Time
	Prerelease     bool
}

// PullRequest is a pull request, or a merge request.
type PullRequest struct {
	Repository        string // path
	Number            int
	Title, Body, URL  string
	State             string // OPEN, CLOSED, MERGED
	Draft             bool
	Author, MergedBy  *User
	CreatedAt         time.Time
	UpdatedAt         time.Time
	ClosedAt          time.Time
	MergedAt          time.Time
	Base, Head        string // names of branches
	HeadOID, MergeOID string
	Additions         *int
	Deletions         *int
	ChangedFiles      *int
	Commits           *int
	Comments          *int
	Mergeable         string // MERGEABLE, CONFLICTING, UNKNOWN
	Decision          string // APPROVED, CHANGES_REQUESTED, REVIEW_REQUIRED; "" for none
	Reviews           []Review
	RequestedUsers    []User
	RequestedTeams    []string
	Labels            []Label
	Assignees         []User
	Milestone         string
	Checks            string // SUCCESS, FAILURE, PENDING; "" for none
}

// Review is a review of a pull request.
type Review struct {
	Author      *User
	State       string // APPROVED, CHANGES_REQUESTED, COMMENTED, DISMISSED
	SubmittedAt time.Time
	URL         string
}

// Issue is an issue in the tracker.
type Issue struct {
	Number               int
	Title, URL           string
	State                string // OPEN, CLOSED
	Author               *User
	CreatedAt, UpdatedAt time.Time
	ClosedAt             time.Time
	Labels               []Label
	Assignees            []User
	Comments             *int
}

// Ref is a branch or a tag.
type Ref struct {
	Name          string // in full: refs/heads/main
	Target        *Commit
	Ahead, Behind *int // against the default branch; nil where that was not asked for, or is not to be had
}

// Contributor is somebody who wrote commits.
type Contributor struct {
	Name, Email, Login string
	Commits            int
}

// Paging says which part of a list is wanted. Cursors are the host's own.
type Paging struct {
	First, Last   int // one of them is above 0
	After, Before string
}

// Page is a part of a list.
type Page[T any] struct {
	Items      []T
	Cursors    []string // one for each item
	Total      *int     // nil where the host does not tell
	Next, Prev bool
}

// Order is how a list is ordered.
type Order struct {
	Field string // CREATED_AT, UPDATED_AT
	Desc  bool
}

// PullRequestQuery asks for pull requests of a repository.
type PullRequestQuery struct {
	Repository string
	States     []string
	Labels     []string
	Base, Head string
	Order      Order
	Paging     Paging
}

// IssueQuery asks for issues of a repository.
type IssueQuery struct {
	Repository string
	States     []string
	Labels     []string
	Assignee   string
	Order      Order
	Paging     Paging
}

// ListQuery asks for a list of a repository.
type ListQuery struct {
	Repository string
	Paging     Paging
}

// RefQuery asks for branches or tags.
type RefQuery struct {
	Repository string
	Tags       bool
	Contains   string // only names that hold this, in any letter case
	Compare    bool   // with the default branch
	Paging     Paging
}

// Numbered names a pull request.
type Numbered struct {
	Repository string
	Number     int
}

// NamedRef names a commit: a branch, a tag or an object id; an empty Ref is the default branch.
type NamedRef struct{ Repository, Ref string }

// Search asks for open pull requests: those that people opened, or that wait for a review.
type Search struct {
	Users   []string // logins
	Team    string   // such as "larkfold/playback"; its members count as Users do
	Reviews bool     // those that wait for a review by them
	Paging  Paging   // forward only
}

// NamedObject names a commit or a file.
type NamedObject struct{ Repository, OID string }

// Folder names a folder of a commit; an empty Path is the top.
type Folder struct{ Repository, Commit, Path string }

// HistoryQuery asks for commits that can be reached from one.
type HistoryQuery struct {
	Repository   string
	Start        string    // the object id of a commit
	Path         string    // only commits that changed this file or folder
	Author       string    // only commits of this author: GitHub wants an email address, GitLab any part of the name or address
	Since, Until time.Time // only commits committed then; zero means no bound
	Paging       Paging    // forward only
}
