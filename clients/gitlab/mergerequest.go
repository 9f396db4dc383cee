package gitlab

import (
	"strings"
	"time"

	"callboard.dev/callboard/clients/git"
)

// MergeRequest is a merge request. Its words for states are GitLab's, also those that came up after this was written.
type MergeRequest struct {
	ID          int64
	Project     string // the path of the project it is for, as it is called now
	Number      int    // the iid: what stands after "!"
	Title       string
	Description string // Markdown, its first 64 KiB
	State       string // "opened", "closed", "merged" or "locked"
	Draft       bool
	URL         string
	Author      *Account // nil where the account is no more

	SourceProject              string // where the branch is; "" where the credential may not see it, or it is no more
	SourceBranch, TargetBranch string
	Head                       git.OID // "" where there is none any more
	MergeCommit                git.OID // "" where it is not merged, or without a merge commit

	CreatedAt, UpdatedAt time.Time
	MergedAt, ClosedAt   time.Time // zero where it is not
	MergedBy             *Account

	Review      Review
	Reviewers   []Reviewer // at most 100
	ApprovedBy  []*Account // at most 100
	Assignees   []*Account // at most 100
	Labels      []Label    // at most 100
	MergeStatus string     // why it can or cannot be merged: GitLab's DetailedMergeStatus, such as "MERGEABLE", "CONFLICT" or "CI_MUST_PASS"
	Conflicts   bool
	Comments    int
	Commits     int    // 0 where GitLab does not tell
	Milestone   string // its title; "" for none
	Pipeline    string // the state of the newest pipeline of the head, in GitLab's words, such as "RUNNING"; "" where there is none
	Additions   int    // lines; with the two below 0 where GitLab has not counted them
	Deletions   int
	Files       int
}

// Review is where a merge request stands with its reviewers.
type Review string

// The states of a review. They follow from what every edition of GitLab tells: the states of the reviewers, who approved, and whether GitLab
// says that approval or a change is what the merge request waits for.
const (
	ReviewNone             Review = ""                  // nobody was asked, and nobody has approved
	ReviewRequired         Review = "REVIEW_REQUIRED"   // somebody was asked and has not answered, or an approval that a rule wants is missing
	ReviewChangesRequested Review = "CHANGES_REQUESTED" // somebody wants changes
	ReviewApproved         Review = "APPROVED"          // it was approved, and nothing more is wanted
)

// Reviewer is somebody who was asked to review.
type Reviewer struct {
	Account
	State    string // "UNREVIEWED", "REVIEW_STARTED", "REVIEWED", "REQUESTED_CHANGES", "APPROVED" or "UNAPPROVED"
	Approved bool
}

// Label is a label of a project or of a group above it.
type Label struct {
	Name        string
	Color       string // "#" and six hexadecimal digits
	TextColor   string // likewise
	Description string
}

type wireLabel struct{ Title, Color, TextColor, Description string }

func (w *wireLabel) value() Label {
	return Label{Name: cut(w.Title, maxLine), Color: color(w.Color), TextColor: color(w.TextColor), Description: cut(w.Description, maxText)}
}

const labelFields = "title color textColor description"

// nodes is a list of a connection whose pages do not matter.
type nodes[T any] struct{ Nodes []*T }

// each returns what made of each element that is there, the first 100.
func each[T, V any](list *nodes[T], made func(*T) V) []V {
	if list == nil {
		return nil
	}
	var out []V
	for _, one := range list.Nodes[:min(len(list.Nodes), maxPage)] {
		if one != nil {
			out = append(out, made(one))
		}
	}
	return out
}

// mergeRequestWeight is the complexity of mergeRequestFields. All are of the free edition: what the others add, such as the number of approvals
// that are required, is told by the words of detailedMergeStatus, and by Approvals.
const mergeRequestWeight = 71

const mergeRequestFields = `
fragment mergeRequest on MergeRequest {
  id iid title description state draft webUrl sourceBranch targetBranch diffHeadSha mergeCommitSha createdAt updatedAt mergedAt closedAt detailedMergeStatus conflicts
  userNotesCount commitCount
  milestone { title }
  headPipeline { status }
  diffStatsSummary { additions deletions fileCount }
  project { fullPath }
  sourceProject { fullPath }
  author { ` + userFields + ` }
  mergeUser { ` + userFields + ` }
  assignees { nodes { ` + userFields + ` } }
  reviewers { nodes { ` + userFields + ` mergeRequestInteraction { reviewState approved } } }
  approvedBy { nodes { ` + userFields + ` } }
  labels { nodes { ` + labelFields + ` } }
}`

type wireReviewer struct {
	wireUser
	MergeRequestInteraction *struct {
		ReviewState string
		Approved    bool
	}
}

type wireMergeRequest struct {
	ID, IID                                  number
	Title, Description, State, WebURL        string
	Draft, Conflicts                         bool
	SourceBranch, TargetBranch               string
	DiffHeadSHA, MergeCommitSHA              string
	CreatedAt, UpdatedAt, MergedAt, ClosedAt moment
	DetailedMergeStatus                      string
	UserNotesCount, CommitCount              int
	Milestone                                *struct{ Title string }
	HeadPipeline                             *struct{ Status string }
	DiffStatsSummary                         *struct{ Additions, Deletions, FileCount int }
	Project, SourceProject                   *struct{ FullPath string }
	Author, MergeUser                        *wireUser
	Assignees, ApprovedBy                    *nodes[wireUser]
	Reviewers                                *nodes[wireReviewer]
	Labels                                   *nodes[wireLabel]
}

func (w *wireMergeRequest) value() *MergeRequest {
	m := &MergeRequest{ID: int64(w.ID), Number: int(w.IID), Title: cut(w.Title, maxLine), Description: cut(w.Description, maxText), State: cut(w.State, maxLine), Draft: w.Draft,
		URL: cut(w.WebURL, maxLine), Author: w.Author.value(), SourceBranch: cut(w.SourceBranch, maxRef), TargetBranch: cut(w.TargetBranch, maxRef),
		CreatedAt: w.CreatedAt.Time, UpdatedAt: w.UpdatedAt.Time, MergedAt: w.MergedAt.Time, ClosedAt: w.ClosedAt.Time, MergedBy: w.MergeUser.value(),
		MergeStatus: cut(w.DetailedMergeStatus, maxLine), Conflicts: w.Conflicts, Comments: w.UserNotesCount, Commits: w.CommitCount,
		Assignees: each(w.Assignees, (*wireUser).value), ApprovedBy: each(w.ApprovedBy, (*wireUser).value), Labels: each(w.Labels, (*wireLabel).value)}
	m.Head, _ = git.ParseOID(w.DiffHeadSHA)
	m.MergeCommit, _ = git.ParseOID(w.MergeCommitSHA)
	if w.Project != nil {
		m.Project = cut(w.Project.FullPath, maxFullPath)
	}
	if w.SourceProject != nil {
		m.SourceProject = cut(w.SourceProject.FullPath, maxFullPath)
	}
	if d := w.DiffStatsSummary; d != nil {
		m.Additions, m.Deletions, m.Files = d.Additions, d.Deletions, d.FileCount
	}
	if w.Milestone != nil {
		m.Milestone = cut(w.Milestone.Title, maxLine)
	}
	if w.HeadPipeline != nil {
		m.Pipeline = cut(w.HeadPipeline.Status, maxLine)
	}
	if w.State != "merged" {
		m.MergedBy = nil // GitLab has it too where somebody set a merge request to merge by itself
	}
	m.Reviewers = each(w.Reviewers, func(r *wireReviewer) Reviewer {
		out := Reviewer{}
		if account := r.wireUser.value(); account != nil {
			out.Account = *account
		}
		if r.MergeRequestInteraction != nil {
			out.State, out.Approved = cut(r.MergeRequestInteraction.ReviewState, maxLine), r.MergeRequestInteraction.Approved
		}
		return out
	})
	m.Review = review(m)
	return m
}

// review tells where a merge request stands.
func review(m *MergeRequest) Review {
	waiting, changes := m.MergeStatus == "NOT_APPROVED", m.MergeStatus == "REQUESTED_CHANGES"
	for _, r := range m.Reviewers {
		changes = changes || r.State == "REQUESTED_CHANGES"
		waiting = waiting || !r.Approved && (r.State == "" || strings.HasPrefix(r.State, "UN") || r.State == "REVIEW_STARTED")
	}
	switch {
	case changes:
		return ReviewChangesRequested
	case m.State == "opened" && m.MergeStatus == "NOT_APPROVED":
		return ReviewRequired
	case len(m.ApprovedBy) > 0:
		return ReviewApproved
	case waiting && m.State == "opened":
		return ReviewRequired
	}
	return ReviewNone
}
