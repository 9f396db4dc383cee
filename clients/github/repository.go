package github

import (
	"context"
	"time"

	"github.com/shurcooL/githubv4"
)

// Repository is a repository as GitHub knows it.
type Repository struct {
	Slug          Slug // as it is called now, which need not be how it was asked for
	ID            string
	DatabaseID    int // 0 where GitHub does not say
	URL           string
	Homepage      string // as its people wrote it, which may be without "https://"
	Description   string
	Topics        []string // at most 20, GitHub's bound
	Visibility    string   // "PUBLIC", "PRIVATE" or "INTERNAL"
	Archived      bool
	Fork          bool
	Template      bool
	Empty         bool
	Stars         int
	Forks         int
	Watchers      int
	DiskUsage     int        // KiB
	Languages     []Language // the 20 with most bytes, most first
	LanguageBytes int        // of all languages
	License       *License   // nil where GitHub finds none

	DefaultBranch *DefaultBranch // nil where the repository is empty

	OpenPullRequests int
	OpenIssues       int

	// Alerts are the open vulnerability alerts; nil where they are switched off, or withheld: then Missing says why.
	Alerts *Alerts
	// CodeownersErrors are the mistakes in the file that names code owners; nil where there is no such file.
	CodeownersErrors *int

	LatestRelease *Release // nil where there is none

	CreatedAt, UpdatedAt time.Time
	PushedAt             time.Time // zero where nothing was

	Missing []Missing // what GitHub withheld of all this
}

// Language is a language of a repository.
type Language struct {
	Name  string
	Color string // "#" and six hexadecimal digits; "" where it has none
	Bytes int
}

// License is what a repository may be used under.
type License struct {
	Key, Name string
	SPDX      string // "NOASSERTION" where GitHub cannot tell which it is
	URL       string
}

// DefaultBranch is the branch that work goes to.
type DefaultBranch struct {
	Name       string      // without "refs/heads/"
	Head       *Commit     // nil where it is withheld
	Protection *Protection // nil where no rule protects it, or it is withheld
}

// Protection is the branch protection rule of a branch. Rulesets, which protect branches too, are not part of it.
type Protection struct {
	Pattern               string // of the branches it protects
	ApprovingReviews      int    // how many a pull request needs; 0 where none
	CodeOwnerReviews      bool
	DismissesStaleReviews bool
	StatusChecks          bool
	RequiredChecks        []string // names, at most 100
	StrictStatusChecks    bool     // the branch of a pull request must be up to date
	LinearHistory         bool
	SignedCommits         bool
	Conversations         bool // must be resolved
	AdminEnforced         bool
	ForcePushes           bool // are allowed
	Deletions             bool // are allowed
}

// Alerts counts vulnerability alerts.
type Alerts struct {
	Total int
	// BySeverity counts the first 100, by "CRITICAL", "HIGH", "MODERATE" and "LOW".
	BySeverity map[string]int
	// Complete tells that BySeverity counts them all.
	Complete bool
}

type wireRepository struct {
	ID               string
	DatabaseID       int
	Name             string
	Owner            struct{ Login string }
	URL              string
	HomepageURL      string
	Description      string
	RepositoryTopics struct {
		Nodes []*struct{ Topic struct{ Name string } }
	} `graphql:"repositoryTopics(first:20)"`
	Visibility     string
	IsArchived     bool
	IsFork         bool
	IsTemplate     bool
	IsEmpty        bool
	StargazerCount int
	ForkCount      int
	Watchers       count `graphql:"watchers(first:1)"`
	DiskUsage      int
	Languages      *struct {
		TotalSize int
		Edges     []*struct {
			Size int
			Node struct{ Name, Color string }
		}
	} `graphql:"languages(first:20,orderBy:{field:SIZE,direction:DESC})"`
	LicenseInfo      *struct{ Key, Name, SpdxID, URL string }
	DefaultBranchRef *struct {
		Name   string
		Target *struct {
			Commit wireCommit `graphql:"...on Commit"`
		}
		BranchProtectionRule *wireProtection
	}
	PullRequests        count `graphql:"pullRequests(states:OPEN,first:1)"`
	Issues              count `graphql:"issues(states:OPEN,first:1)"`
	VulnerabilityAlerts *struct {
		TotalCount int
		Nodes      []*struct {
			SecurityVulnerability *struct{ Severity string }
		}
	} `graphql:"vulnerabilityAlerts(states:OPEN,first:100)"`
	HasVulnerabilityAlertsEnabled bool
	Codeowners                    *struct {
		Errors []struct{ Kind string }
	}
	LatestRelease *wireRelease
	CreatedAt     moment
	UpdatedAt     moment
	PushedAt      moment
}

func (wireRepository) on() string { return "Repository" }

type wireProtection struct {
	Pattern                        string
	RequiredApprovingReviewCount   int
	RequiresApprovingReviews       bool
	RequiresCodeOwnerReviews       bool
	DismissesStaleReviews          bool
	RequiresStatusChecks           bool
	RequiredStatusCheckContexts    []string
	RequiresStrictStatusChecks     bool
	RequiresLinearHistory          bool
	RequiresCommitSignatures       bool
	RequiresConversationResolution bool
	IsAdminEnforced                bool
	AllowsForcePushes              bool
	AllowsDeletions                bool
}

var repositoryQuery = newQuery[wireRepository]("repositories", "repository(owner:$owner,name:$name)", maxMistakes)

// maxMistakes is how many mistakes a file of code owners may have, and a branch required checks; these lists have no pages.
const maxMistakes = 10_000

// maxRepositories is how many repositories are asked for in one request.
const maxRepositories = 100

// Repositories returns the repositories, each with the error it has instead. It makes one request for every 100 of them, of one point
// for 14 repositories.
func (c *Client) Repositories(ctx context.Context, slugs []Slug) ([]*Repository, []error) {
	answers := all(ctx, c, repositoryQuery, many{most: maxRepositories}, len(slugs), func(i int) (map[string]any, error) {
		return slugs[i].variables()
	})
	return split(answers, (*wireRepository).value)
}

// variables returns those by which a query names the repository.
func (s Slug) variables() (map[string]any, error) {
	if err := s.check(); err != nil {
		return nil, err
	}
	return map[string]any{"owner": githubv4.String(s.Owner), "name": githubv4.String(s.Name)}, nil
}

func (w *wireRepository) value(missing []Missing) *Repository {
	r := &Repository{
		Slug: Slug{cut(w.Owner.Login, maxLine), cut(w.Name, maxLine)}, ID: w.ID, DatabaseID: w.DatabaseID,
		URL: address(w.URL), Homepage: address(w.HomepageURL), Description: cut(w.Description, maxLine), Visibility: cut(w.Visibility, maxLine),
		Archived: w.IsArchived, Fork: w.IsFork, Template: w.IsTemplate, Empty: w.IsEmpty,
		Stars: w.StargazerCount, Forks: w.ForkCount, Watchers: w.Watchers.TotalCount, DiskUsage: w.DiskUsage,
		OpenPullRequests: w.PullRequests.TotalCount, OpenIssues: w.Issues.TotalCount,
		CreatedAt: w.CreatedAt.Time, UpdatedAt: w.UpdatedAt.Time, PushedAt: w.PushedAt.Time, Missing: missing,
	}
	for _, topic := range w.RepositoryTopics.Nodes {
		if topic != nil {
			r.Topics = append(r.Topics, cut(topic.Topic.Name, maxLine))
		}
	}
	if w.Languages != nil {
		r.LanguageBytes = w.Languages.TotalSize
		for _, edge := range w.Languages.Edges {
			if edge != nil {
				r.Languages = append(r.Languages, Language{Name: cut(edge.Node.Name, maxLine), Color: cut(edge.Node.Color, maxLine), Bytes: edge.Size})
			}
		}
	}
	if l := w.LicenseInfo; l != nil {
		r.License = &License{Key: cut(l.Key, maxLine), Name: cut(l.Name, maxLine), SPDX: cut(l.SpdxID, maxLine), URL: address(l.URL)}
	}
	if b := w.DefaultBranchRef; b != nil {
		r.DefaultBranch = &DefaultBranch{Name: cut(b.Name, maxLine), Protection: b.BranchProtectionRule.value()}
		if b.Target != nil {
			r.DefaultBranch.Head = b.Target.Commit.value()
		}
	}
	if a := w.VulnerabilityAlerts; a != nil && w.HasVulnerabilityAlertsEnabled {
		r.Alerts = &Alerts{Total: a.TotalCount, BySeverity: map[string]int{}, Complete: a.TotalCount <= len(a.Nodes)}
		for _, alert := range a.Nodes {
			if alert == nil || alert.SecurityVulnerability == nil {
				r.Alerts.Complete = false
				continue
			}
			r.Alerts.BySeverity[cut(alert.SecurityVulnerability.Severity, maxLine)]++
		}
	}
	if w.Codeowners != nil {
		n := len(w.Codeowners.Errors)
		r.CodeownersErrors = &n
	}
	if w.LatestRelease != nil {
		release := w.LatestRelease.value()
		r.LatestRelease = &release
	}
	return r
}

func (w *wireProtection) value() *Protection {
	if w == nil {
		return nil
	}
	p := &Protection{
		Pattern: cut(w.Pattern, maxLine), CodeOwnerReviews: w.RequiresCodeOwnerReviews, DismissesStaleReviews: w.DismissesStaleReviews,
		StatusChecks: w.RequiresStatusChecks, StrictStatusChecks: w.RequiresStrictStatusChecks, LinearHistory: w.RequiresLinearHistory,
		SignedCommits: w.RequiresCommitSignatures, Conversations: w.RequiresConversationResolution, AdminEnforced: w.IsAdminEnforced,
		ForcePushes: w.AllowsForcePushes, Deletions: w.AllowsDeletions,
	}
	if w.RequiresApprovingReviews {
		p.ApprovingReviews = w.RequiredApprovingReviewCount
	}
	for _, name := range w.RequiredStatusCheckContexts[:min(len(w.RequiredStatusCheckContexts), maxElements)] {
		p.RequiredChecks = append(p.RequiredChecks, cut(name, maxLine))
	}
	return p
}
