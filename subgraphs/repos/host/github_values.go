package host

import (
	"errors"
	"strings"

	"callboard.dev/callboard/clients"
	"callboard.dev/callboard/clients/git"
	"callboard.dev/callboard/clients/github"
)

// ofCode are the fields of GitHub's repositories without which nobody knows whether there are commits.
var ofCode = map[string]bool{"defaultBranchRef": true, "defaultBranchRef.target": true}

func repositoryOf(r *github.Repository) *Repository {
	out := &Repository{
		Path: r.Slug.String(), ID: r.ID, Number: int64(r.DatabaseID), URL: r.URL, Description: r.Description, Homepage: r.Homepage, Topics: r.Topics,
		Visibility: r.Visibility, Archived: r.Archived, Fork: r.Fork, Template: r.Template, Empty: r.Empty, Stars: r.Stars, Forks: r.Forks,
		Watchers: &r.Watchers, CreatedAt: r.CreatedAt, PushedAt: r.PushedAt, OpenPulls: &r.OpenPullRequests, OpenIssues: &r.OpenIssues,
	}
	for _, l := range r.Languages {
		if r.LanguageBytes > 0 {
			out.Languages = append(out.Languages, Language{Name: l.Name, Percent: 100 * float64(l.Bytes) / float64(r.LanguageBytes)})
		}
	}
	if l := r.License; l != nil {
		out.License = &License{SPDX: l.SPDX, Name: l.Name}
		if l.SPDX == "NOASSERTION" { // GitHub's word for one that it does not know
			out.License.SPDX = ""
		}
	}
	if b := r.DefaultBranch; b != nil {
		out.DefaultBranch, out.Head, out.Protection = b.Name, commitOf(b.Head), protectionOf(b.Protection)
	}
	if r.LatestRelease != nil {
		out.LatestRelease = releaseOf(*r.LatestRelease)
	}
	if r.Alerts != nil {
		out.Alerts = alertsOf(r.Alerts)
	}
	for _, m := range r.Missing {
		switch {
		case m.Field == "vulnerabilityAlerts" || strings.HasPrefix(m.Field, "vulnerabilityAlerts."):
			if errors.Is(m.Err, clients.ErrForbidden) {
				out.Alerts, out.AlertsDenied = nil, true
			}
		case ofCode[m.Field]:
			out.CodeHidden = out.Head == nil
		case m.Field == "pullRequests":
			out.OpenPulls = nil
		case m.Field == "issues":
			out.OpenIssues = nil
		case m.Field == "watchers":
			out.Watchers = nil
		}
	}
	return out
}

// alertsOf tells the severities only where all alerts were looked at.
func alertsOf(a *github.Alerts) *Alerts {
	out := &Alerts{Total: a.Total}
	if a.Complete {
		out.Critical, out.High = new(a.BySeverity["CRITICAL"]), new(a.BySeverity["HIGH"])
		out.Moderate, out.Low = new(a.BySeverity["MODERATE"]), new(a.BySeverity["LOW"])
	}
	return out
}

func protectionOf(p *github.Protection) *Protection {
	if p == nil {
		return nil
	}
	return &Protection{
		Pattern: p.Pattern, Approvals: &p.ApprovingReviews, CodeOwners: &p.CodeOwnerReviews, StatusChecks: &p.StatusChecks, Signatures: &p.SignedCommits,
		LinearHistory: &p.LinearHistory, AdminsToo: &p.AdminEnforced, ForcePushes: &p.ForcePushes, DeletionsToo: &p.Deletions,
	}
}

func commitOf(c *github.Commit) *Commit {
	if c == nil {
		return nil
	}
	out := &Commit{OID: string(c.OID), Tree: string(c.Tree), Author: personOf(c.Author, c.AuthorAccount), Committer: personOf(c.Committer, c.CommitterAccount), Message: c.Message, Signed: &c.Signed, Parents: make([]string, 0, len(c.Parents))}
	for _, parent := range c.Parents {
		out.Parents = append(out.Parents, string(parent))
	}
	return out
}

func personOf(p git.Person, a *github.Account) Person {
	out := Person{Name: p.Name, Email: p.Email, At: p.At}
	if a != nil {
		out.Login = a.Login
	}
	return out
}

func userOf(a *github.Account) *User {
	if a == nil {
		return nil
	}
	return &User{Login: a.Login, Name: a.Name, URL: a.URL, Avatar: a.Avatar}
}

func usersOf(list []*github.Account) []User {
	var out []User
	for _, a := range list {
		if a != nil {
			out = append(out, *userOf(a))
		}
	}
	return out
}

func labelOf(l github.Label) Label {
	out := Label{Name: l.Name, Description: l.Description}
	if len(l.Color) == 6 && strings.Trim(l.Color, "0123456789abcdefABCDEF") == "" {
		out.Color = "#" + l.Color
	}
	return out
}

func labelsOf(list []github.Label) []Label {
	var out []Label
	for _, l := range list {
		out = append(out, labelOf(l))
	}
	return out
}

func releaseOf(r github.Release) *Release {
	return &Release{Name: r.Name, Tag: r.Tag, URL: r.URL, PublishedAt: r.PublishedAt, Prerelease: r.Prerelease}
}

func milestoneOf(m *github.Milestone) string {
	if m == nil {
		return ""
	}
	return m.Title
}

// gitHubChecks is the one table from GitHub's words for what checks come to.
var gitHubChecks = map[string]string{"SUCCESS": "SUCCESS", "FAILURE": "FAILURE", "ERROR": "FAILURE", "PENDING": "PENDING", "EXPECTED": "PENDING"}

func pullRequestOf(p *github.PullRequest) *PullRequest {
	out := &PullRequest{
		Repository: p.Repository.String(), Number: p.Number, Title: p.Title, Body: p.Body, URL: p.URL, State: p.State, Draft: p.Draft,
		Author: userOf(p.Author), MergedBy: userOf(p.MergedBy), CreatedAt: p.CreatedAt, UpdatedAt: p.UpdatedAt, ClosedAt: p.ClosedAt, MergedAt: p.MergedAt,
		Base: p.Base, Head: p.Head, HeadOID: string(p.HeadOID), MergeOID: string(p.MergeCommit),
		Additions: &p.Additions, Deletions: &p.Deletions, ChangedFiles: &p.ChangedFiles, Commits: &p.Commits, Comments: &p.Comments,
		Mergeable: p.Mergeable, Decision: p.ReviewDecision, Labels: labelsOf(p.Labels), Assignees: usersOf(p.Assignees), Milestone: milestoneOf(p.Milestone),
		Checks: gitHubChecks[p.Checks],
	}
	for _, r := range p.Reviews {
		out.Reviews = append(out.Reviews, Review{Author: userOf(r.Author), State: r.State, SubmittedAt: r.SubmittedAt, URL: r.URL})
	}
	for _, r := range p.ReviewRequests {
		switch {
		case r.Account != nil:
			out.RequestedUsers = append(out.RequestedUsers, *userOf(r.Account))
		case r.Team != nil:
			out.RequestedTeams = append(out.RequestedTeams, r.Team.Organization+"/"+r.Team.Slug)
		}
	}
	return out
}

func issueOf(i *github.Issue) *Issue {
	return &Issue{
		Number: i.Number, Title: i.Title, URL: i.URL, State: i.State, Author: userOf(i.Author), CreatedAt: i.CreatedAt, UpdatedAt: i.UpdatedAt, ClosedAt: i.ClosedAt,
		Labels: labelsOf(i.Labels), Assignees: usersOf(i.Assignees), Comments: &i.Comments,
	}
}

func refOf(r github.Ref) *Ref {
	out := &Ref{Name: r.Name, Target: commitOf(r.Commit)}
	if d := r.Divergence; d != nil {
		out.Ahead, out.Behind = &d.Ahead, &d.Behind
	}
	return out
}
