package github

import (
	"time"

	"callboard.dev/callboard/clients/git"
)

// PullRequest is a pull request. Its words for states are GitHub's, also those that came up after this was written.
type PullRequest struct {
	ID         string
	DatabaseID int
	Repository Slug // as it is called now
	Number     int
	Title      string
	Body       string // Markdown, its first 64 KiB
	State      string // "OPEN", "CLOSED" or "MERGED"
	Draft      bool
	URL        string
	Author     *Account // nil where the account is no more

	CreatedAt, UpdatedAt time.Time
	ClosedAt, MergedAt   time.Time // zero where it is not
	MergedBy             *Account
	MergeCommit          git.OID // "" where it is not merged

	Base, Head     string // names of the branches
	BaseOID        git.OID
	HeadOID        git.OID
	HeadRepository *Slug // nil where it is no more
	Fork           bool  // the head is in another repository

	Additions, Deletions int // lines
	ChangedFiles         int
	Commits              int
	Comments             int    // on the whole and in reviews; on the whole alone where a server does not count the others
	Mergeable            string // "MERGEABLE", "CONFLICTING", or "UNKNOWN" while GitHub is working it out
	ReviewDecision       string // "APPROVED", "CHANGES_REQUESTED", "REVIEW_REQUIRED"; "" where reviews are not required
	Checks               string // of the head's checks together: "SUCCESS", "FAILURE", "ERROR", "PENDING", "EXPECTED"; "" where there are none

	Reviews        []Review        // the latest of each reviewer, at most 20
	ReviewRequests []ReviewRequest // at most 20
	Labels         []Label         // at most 20
	Assignees      []*Account      // at most 10, GitHub's bound
	Milestone      *Milestone
	AutoMerge      *AutoMerge // nil where it is not switched on

	Missing []Missing // what GitHub withheld of all this
}

// Review is a review of a pull request.
type Review struct {
	ID          string
	Author      *Account
	State       string // "APPROVED", "CHANGES_REQUESTED", "COMMENTED", "DISMISSED" or "PENDING"
	Body        string // Markdown, its first 4 KiB
	SubmittedAt time.Time
	URL         string
	Commit      git.OID // that was reviewed; "" where it is no more
}

// ReviewRequest is somebody who was asked for a review: a person or a team.
type ReviewRequest struct {
	Account   *Account
	Team      *Team
	CodeOwner bool // asked because of the file that names code owners
}

// Milestone is a milestone of a repository.
type Milestone struct {
	Number int
	Title  string
	State  string // "OPEN" or "CLOSED"
	DueOn  time.Time
	URL    string
}

// AutoMerge tells that GitHub merges a pull request as soon as it may.
type AutoMerge struct {
	EnabledAt time.Time
	EnabledBy *Account
	Method    string // "MERGE", "SQUASH" or "REBASE"
}

type wirePullRequest struct {
	ID                 string
	DatabaseID         int
	Repository         wireSlug
	Number             int
	Title              string
	Body               string
	State              string
	IsDraft            bool
	URL                string
	Author             *wireActor
	CreatedAt          moment
	UpdatedAt          moment
	ClosedAt           moment
	MergedAt           moment
	MergedBy           *wireActor
	MergeCommit        *struct{ OID string }
	BaseRefName        string
	HeadRefName        string
	BaseRefOID         string
	HeadRefOID         string
	HeadRepository     *wireSlug
	IsCrossRepository  bool
	Additions          int
	Deletions          int
	ChangedFiles       int
	Mergeable          string
	ReviewDecision     string
	Comments           count `graphql:"comments(first:1)"`
	TotalCommentsCount *int
	Commits            struct {
		TotalCount int
		Nodes      []*struct {
			Commit struct {
				StatusCheckRollup *struct{ State string }
			}
		}
	} `graphql:"commits(last:1)"`
	LatestReviews    *struct{ Nodes []*wireReview }        `graphql:"latestReviews(first:20)"`
	ReviewRequests   *struct{ Nodes []*wireReviewRequest } `graphql:"reviewRequests(first:20)"`
	Labels           *struct{ Nodes []*wireLabel }         `graphql:"labels(first:20)"`
	Assignees        struct{ Nodes []*wireUser }           `graphql:"assignees(first:10)"`
	Milestone        *wireMilestone
	AutoMergeRequest *struct {
		EnabledAt   moment
		EnabledBy   *wireActor
		MergeMethod string
	}
}

func (wirePullRequest) on() string { return "PullRequest" }

type wireSlug struct {
	Name  string
	Owner struct{ Login string }
}

func (w wireSlug) value() Slug { return Slug{cut(w.Owner.Login, maxLine), cut(w.Name, maxLine)} }

type wireReview struct {
	ID          string
	Author      *wireActor
	State       string
	Body        string
	SubmittedAt moment
	URL         string
	Commit      *struct{ OID string }
}

func (wireReview) on() string { return "PullRequestReview" }

func (w *wireReview) value() Review {
	r := Review{ID: w.ID, Author: w.Author.value(), State: cut(w.State, maxLine), Body: cut(w.Body, maxLine), SubmittedAt: w.SubmittedAt.Time, URL: address(w.URL)}
	if w.Commit != nil {
		r.Commit = oid(w.Commit.OID)
	}
	return r
}

type wireReviewRequest struct {
	AsCodeOwner       bool
	RequestedReviewer *struct {
		Typename string `graphql:"__typename"`
		Actor    struct {
			Login     string
			URL       string
			AvatarURL string
		} `graphql:"...on Actor"`
		Team struct {
			Name         string
			Slug         string
			URL          string
			Organization struct{ Login string }
		} `graphql:"...on Team"`
	}
}

func (wireReviewRequest) on() string { return "ReviewRequest" }

func (w *wireReviewRequest) value() ReviewRequest {
	r := ReviewRequest{CodeOwner: w.AsCodeOwner}
	switch v := w.RequestedReviewer; {
	case v == nil: // one that the credential may not see
	case v.Typename == "Team":
		r.Team = &Team{Organization: cut(v.Team.Organization.Login, maxLine), Slug: cut(v.Team.Slug, maxLine), Name: cut(v.Team.Name, maxLine), URL: address(v.Team.URL)}
	default:
		r.Account = (&wireActor{Typename: v.Typename, Login: v.Actor.Login, URL: v.Actor.URL, AvatarURL: v.Actor.AvatarURL}).value()
	}
	return r
}

type wireMilestone struct {
	Number int
	Title  string
	State  string
	DueOn  moment
	URL    string
}

func (wireMilestone) on() string { return "Milestone" }

func (w *wireMilestone) value() *Milestone {
	if w == nil {
		return nil
	}
	return &Milestone{Number: w.Number, Title: cut(w.Title, maxLine), State: cut(w.State, maxLine), DueOn: w.DueOn.Time, URL: address(w.URL)}
}

func (w *wirePullRequest) value() *PullRequest {
	p := &PullRequest{
		ID: w.ID, DatabaseID: w.DatabaseID, Repository: w.Repository.value(), Number: w.Number, Title: cut(w.Title, maxLine), Body: cut(w.Body, maxBody),
		State: cut(w.State, maxLine), Draft: w.IsDraft, URL: address(w.URL), Author: w.Author.value(),
		CreatedAt: w.CreatedAt.Time, UpdatedAt: w.UpdatedAt.Time, ClosedAt: w.ClosedAt.Time, MergedAt: w.MergedAt.Time, MergedBy: w.MergedBy.value(),
		Base: cut(w.BaseRefName, maxLine), Head: cut(w.HeadRefName, maxLine), BaseOID: oid(w.BaseRefOID), HeadOID: oid(w.HeadRefOID), Fork: w.IsCrossRepository,
		Additions: w.Additions, Deletions: w.Deletions, ChangedFiles: w.ChangedFiles, Commits: w.Commits.TotalCount, Comments: w.Comments.TotalCount,
		Mergeable: cut(w.Mergeable, maxLine), ReviewDecision: cut(w.ReviewDecision, maxLine),
		Assignees: convert(w.Assignees.Nodes, (*wireUser).value), Milestone: w.Milestone.value(),
	}
	if w.MergeCommit != nil {
		p.MergeCommit = oid(w.MergeCommit.OID)
	}
	if w.HeadRepository != nil {
		head := w.HeadRepository.value()
		p.HeadRepository = &head
	}
	if w.TotalCommentsCount != nil {
		p.Comments = *w.TotalCommentsCount
	}
	for _, last := range w.Commits.Nodes {
		if last != nil && last.Commit.StatusCheckRollup != nil {
			p.Checks = cut(last.Commit.StatusCheckRollup.State, maxLine)
		}
	}
	if a := w.AutoMergeRequest; a != nil {
		p.AutoMerge = &AutoMerge{EnabledAt: a.EnabledAt.Time, EnabledBy: a.EnabledBy.value(), Method: cut(a.MergeMethod, maxLine)}
	}
	if w.LatestReviews != nil {
		p.Reviews = convert(w.LatestReviews.Nodes, (*wireReview).value)
	}
	if w.ReviewRequests != nil {
		p.ReviewRequests = convert(w.ReviewRequests.Nodes, (*wireReviewRequest).value)
	}
	if w.Labels != nil {
		p.Labels = convert(w.Labels.Nodes, (*wireLabel).value)
	}
	return p
}
