package host

import (
	"cmp"
	"context"

	"callboard.dev/callboard/clients/gitlab"
)

var mergeStates = map[string]string{"OPEN": "opened", "CLOSED": "closed", "MERGED": "merged"}

// PullRequestPages makes one request for all that differ in nothing but the repository, two where they want two of the three states: see
// gitlab.Client.MergeRequests.
func (g *gitLab) PullRequestPages(ctx context.Context, queries []PullRequestQuery) ([]*Page[*PullRequest], []error) {
	out, errs := make([]*Page[*PullRequest], len(queries)), make([]error, len(queries))
	var all []PullRequestQuery
	from := make([]int, len(queries)+1) // where in all those of each begin
	for i, q := range queries {
		var parts []PullRequestQuery
		parts, errs[i] = g.apart(q)
		all = append(all, parts...)
		from[i+1] = len(all)
	}
	found, failed := g.statePages(ctx, all)
	for i, q := range queries {
		a, b := from[i], from[i+1]
		if errs[i] == nil {
			errs[i] = cmp.Or(failed[a], failed[b-1])
		}
		switch {
		case errs[i] != nil:
		case b-a == 2:
			out[i] = joined(q, all[a:b], found[a:b])
		default:
			out[i] = found[a]
		}
	}
	return out, errs
}

// statePages asks for pages of one state, or of all.
func (g *gitLab) statePages(ctx context.Context, queries []PullRequestQuery) ([]*Page[*PullRequest], []error) {
	return pagesOf(g, queries, func(q PullRequestQuery) (out gitlab.MergeRequestsQuery, err error) {
		out = gitlab.MergeRequestsQuery{Project: q.Repository, Labels: q.Labels, TargetBranch: q.Base, SourceBranch: q.Head}
		var order string
		if order, err = g.order(q.Order); err != nil {
			return out, err
		}
		out.Order = gitlab.MergeRequestOrder(order)
		if out.State, err = g.oneState(q.States, mergeStates); err != nil {
			return out, err
		}
		out.Page, err = g.page(q.Paging)
		return out, err
	}, func(asked []gitlab.MergeRequestsQuery) ([]*gitlab.MergeRequestPage, []error) {
		return g.client.MergeRequests(ctx, asked)
	}, func(p *gitlab.MergeRequestPage) *Page[*PullRequest] {
		return pageFrom(p.MergeRequests, p.Cursors, p.Total, p.Info, g.pullRequest)
	})
}

// PullRequests makes one request for all of one repository, or for some of several: see gitlab.Client.MergeRequestsByNumber.
func (g *gitLab) PullRequests(ctx context.Context, names []Numbered) ([]*PullRequest, []error) {
	numbers := make([]gitlab.MergeRequestNumber, len(names))
	for i, n := range names {
		numbers[i] = gitlab.MergeRequestNumber{Project: n.Repository, Number: n.Number}
	}
	found, errs := g.client.MergeRequestsByNumber(ctx, numbers)
	out := make([]*PullRequest, len(names))
	for i, m := range found {
		if errs[i] = g.failed(m != nil, errs[i]); errs[i] == nil {
			out[i] = g.pullRequest(m)
		}
	}
	return out, errs
}

func (g *gitLab) pullRequest(m *gitlab.MergeRequest) *PullRequest {
	out := &PullRequest{Repository: m.Project, Number: m.Number, Title: m.Title, Body: m.Description, URL: m.URL, State: "OPEN", Draft: m.Draft, Author: g.user(m.Author),
		MergedBy: g.user(m.MergedBy), CreatedAt: m.CreatedAt, UpdatedAt: m.UpdatedAt, ClosedAt: m.ClosedAt, MergedAt: m.MergedAt, Base: m.TargetBranch, Head: m.SourceBranch,
		HeadOID: string(m.Head), MergeOID: string(m.MergeCommit), Comments: &m.Comments, Mergeable: mergeable(m), Decision: string(m.Review), Labels: tellLabels(m.Labels),
		Assignees: g.users(m.Assignees), Milestone: m.Milestone, Checks: pipelineChecks(m.Pipeline)}
	switch m.State {
	case "closed":
		out.State = "CLOSED"
	case "merged":
		out.State = "MERGED"
		if out.ClosedAt.IsZero() {
			out.ClosedAt = m.MergedAt
		}
	}
	if m.Files > 0 { // else GitLab has not counted them
		out.Additions, out.Deletions, out.ChangedFiles = &m.Additions, &m.Deletions, &m.Files
	}
	if m.Commits > 0 {
		out.Commits = &m.Commits
	}
	told := map[string]bool{}
	for _, r := range m.Reviewers {
		if r.Username == "" {
			continue
		}
		user := g.user(&r.Account)
		told[r.Username] = true
		switch {
		case r.Approved || r.State == "APPROVED":
			out.Reviews = append(out.Reviews, Review{Author: user, State: "APPROVED"})
		case r.State == "REQUESTED_CHANGES":
			out.Reviews = append(out.Reviews, Review{Author: user, State: "CHANGES_REQUESTED"})
		case r.State == "REVIEWED":
			out.Reviews = append(out.Reviews, Review{Author: user, State: "COMMENTED"})
		default:
			out.RequestedUsers = append(out.RequestedUsers, *user)
		}
	}
	for _, a := range m.ApprovedBy { // also who was not asked
		if !told[a.Username] {
			out.Reviews = append(out.Reviews, Review{Author: g.user(a), State: "APPROVED"})
		}
	}
	return out
}

// mergeable tells whether there are conflicts. GitLab looks for these first, so that whatever else it says stands in the way of a merge says that there are
// none.
func mergeable(m *gitlab.MergeRequest) string {
	if m.Conflicts || m.MergeStatus == "CONFLICT" {
		return "CONFLICTING"
	}
	switch m.MergeStatus {
	case "", "UNCHECKED", "CHECKING", "PREPARING", "NOT_OPEN":
		return "UNKNOWN"
	}
	return "MERGEABLE"
}

// pipelineChecks is what the state of a pipeline comes to, in GitLab's words of its PipelineStatusEnum. One that was skipped has checked nothing.
func pipelineChecks(pipeline string) string {
	switch pipeline {
	case "", "SKIPPED":
		return ""
	case "SUCCESS":
		return "SUCCESS"
	case "FAILED", "CANCELED":
		return "FAILURE"
	}
	return "PENDING"
}
