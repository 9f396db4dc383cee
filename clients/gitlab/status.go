package gitlab

import (
	"context"
	"net/url"
	"strings"
	"time"

	official "gitlab.com/gitlab-org/api/client-go/v2"

	"callboard.dev/callboard/clients"
	"callboard.dev/callboard/clients/git"
)

// NewCommitStatus is what somebody else than GitLab's CI says of a commit.
type NewCommitStatus struct {
	Project     string
	SHA         git.OID
	State       string // "pending", "running", "success", "failed", "canceled" or "skipped"
	Name        string // what tells it from others, such as "callboard"; the latest of a name counts
	Ref         string // the branch or tag whose pipeline it joins; GitLab finds one where empty
	URL         string // what it leads to
	Description string // at most 255 bytes
	Pipeline    int64  // the id of the pipeline it joins; GitLab finds one where 0
}

// CommitStatus is what was said of a commit.
type CommitStatus struct {
	ID          int64
	SHA         git.OID
	State       string
	Name, Ref   string
	URL         string
	Description string
	Pipeline    int64
	CreatedAt   time.Time
}

// SetCommitStatus says something of a commit. GitLab refuses to say again what is said already: that is ErrRefused. It makes one request to the REST
// interface, and is not tried twice.
func (c *Client) SetCommitStatus(ctx context.Context, s NewCommitStatus) (*CommitStatus, error) {
	if err := checkProject(s.Project); err != nil {
		return nil, err
	}
	oid, ok := git.ParseOID(string(s.SHA))
	if !ok {
		return nil, invalid("object id", string(s.SHA))
	}
	switch s.State {
	case "pending", "running", "success", "failed", "canceled", "skipped":
	default:
		return nil, invalid("state of a commit", s.State)
	}
	if s.Ref != "" {
		if err := checkRef(s.Ref); err != nil {
			return nil, err
		}
	}
	if s.Name == "" || len(s.Name) > maxPart || strings.ContainsRune(s.Name, 0) {
		return nil, invalid("name of a status", s.Name)
	}
	if len(s.Description) > maxPart || strings.ContainsRune(s.Description, 0) {
		return nil, invalid("description of a status", s.Description)
	}
	if s.URL != "" {
		if at, err := url.Parse(s.URL); err != nil || len(s.URL) > maxPart || at.Host == "" || at.Scheme != "https" && at.Scheme != "http" {
			return nil, invalid("address of a status", s.URL)
		}
	}
	options := &official.SetCommitStatusOptions{State: official.BuildStateValue(s.State), Ref: set(s.Ref), Name: &s.Name, TargetURL: set(s.URL), Description: set(s.Description)}
	if s.Pipeline != 0 {
		if err := checkID(s.Pipeline); err != nil {
			return nil, err
		}
		options.PipelineID = &s.Pipeline
	}
	ctx = clients.WithRoute(ctx, "POST /api/v4/projects/{id}/statuses/{sha}")
	found, _, err := c.rest.Commits.SetCommitStatus(s.Project, string(oid), options, with(ctx))
	if err != nil {
		return nil, c.acted(ctx, err)
	}
	if found == nil || found.ID == 0 {
		return nil, bad(c.source, "its answer is not what it should be")
	}
	return commitStatusOf(found), nil
}

func commitStatusOf(w *official.CommitStatus) *CommitStatus {
	if w == nil || w.ID == 0 {
		return nil
	}
	out := &CommitStatus{ID: w.ID, State: state(w.Status), Name: cut(w.Name, maxLine), Ref: cut(w.Ref, maxRef), URL: cut(w.TargetURL, maxLine),
		Description: cut(w.Description, maxLine), Pipeline: w.PipelineID, CreatedAt: timeOf(w.CreatedAt)}
	out.SHA, _ = git.ParseOID(w.SHA)
	return out
}

// CommitStatusPage is a page of what was said of a commit.
type CommitStatusPage struct {
	Statuses []*CommitStatus
	Next     int // the page after it; 0 where there is none
}

// CommitStatuses returns a page of what was said of a commit last, by its jobs and by others: 100 of them, counted from page 1. It makes one request to the REST
// interface.
func (c *Client) CommitStatuses(ctx context.Context, project string, sha git.OID, page int) (*CommitStatusPage, error) {
	if err := checkProject(project); err != nil {
		return nil, err
	}
	oid, ok := git.ParseOID(string(sha))
	if !ok {
		return nil, invalid("object id", string(sha))
	}
	options := &official.GetCommitStatusesOptions{}
	var err error
	if options.ListOptions, err = offset(page, maxPage); err != nil {
		return nil, err
	}
	ctx = clients.WithRoute(ctx, "GET /api/v4/projects/{id}/repository/commits/{sha}/statuses")
	found, resp, err := c.rest.Commits.GetCommitStatuses(project, string(oid), options, with(ctx))
	if err != nil {
		return nil, c.rested(ctx, err)
	}
	out := &CommitStatusPage{Next: next(resp)}
	for _, w := range found[:min(len(found), maxPage)] {
		if s := commitStatusOf(w); s != nil {
			out.Statuses = append(out.Statuses, s)
		}
	}
	return out, nil
}
