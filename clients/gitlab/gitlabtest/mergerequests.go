package gitlabtest

import (
	"cmp"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"callboard.dev/callboard/clients/git"
)

func (s *Server) mergeRequestRoutes(get getter, change changer) {
	get("/merge_requests", func(c *call) (any, error) {
		if c.viewer == nil && c.query.Get("scope") != "all" {
			return nil, unauthorized
		}
		return c.mergeRequestPage(c.world.order, cmp.Or(c.query.Get("scope"), "created_by_me"))
	})
	get("/groups/{id}/merge_requests", func(c *call) (any, error) {
		g, err := c.groupAsked()
		if err != nil {
			return nil, err
		}
		inside := slices.DeleteFunc(slices.Clone(c.world.order), func(p *project) bool { return !below(p.Path, g.Path) })
		return c.mergeRequestPage(inside, cmp.Or(c.query.Get("scope"), "all"))
	})
	get("/projects/{id}/merge_requests", func(c *call) (any, error) {
		p, err := c.projectAsked()
		if err != nil {
			return nil, err
		}
		return c.mergeRequestPage([]*project{p}, cmp.Or(c.query.Get("scope"), "all"))
	})
	one := func(path string, serve func(*call, *project, *MergeRequest) (any, error)) {
		get("/projects/{id}/merge_requests/{iid}"+path, func(c *call) (any, error) {
			p, m, err := c.mergeRequestAsked()
			if err != nil {
				return nil, err
			}
			return serve(c, p, m)
		})
	}
	one("", func(c *call, p *project, m *MergeRequest) (any, error) { return c.wholeMergeRequest(p, m), nil })
	one("/approvals", func(c *call, p *project, m *MergeRequest) (any, error) { return c.approvals(p, m), nil })
	one("/reviewers", func(c *call, p *project, m *MergeRequest) (any, error) {
		out := []object{}
		for _, r := range m.Reviewers {
			if u := c.world.user(r.Username); u != nil {
				out = append(out, object{"user": c.basicUser(u), "state": cmp.Or(r.State, "unreviewed"), "created_at": at(r.At)})
			}
		}
		return out, nil
	})
	one("/commits", func(c *call, p *project, m *MergeRequest) (any, error) {
		oids, err := c.commitsOf(p, m)
		if err != nil {
			return nil, err
		}
		list, err := page(c, oids)
		if err != nil {
			return nil, err
		}
		commits, err := p.repository.Commits(c.r.Context(), list)
		return each(commits, func(k *git.Commit) object { return c.commit(p, k) }), err
	})
	one("/diffs", func(c *call, p *project, m *MergeRequest) (any, error) {
		head, err := c.commitOr(p, m.SHA, "Commit")
		if err != nil {
			return nil, err
		}
		diffs, err := c.diffs(p, git.OID(m.BaseSHA), head)
		if err != nil {
			return nil, err
		}
		return page(c, diffs)
	})
	s.mergeRequestChanges(change)
}

// mergeRequestChanges are what REST clients may do to a merge request.
func (s *Server) mergeRequestChanges(change changer) {
	// asked finds the merge request of the address, and changes it if check lets it.
	asked := func(c *call, check func(*MergeRequest) error, change func(*MergeRequest)) (*project, *MergeRequest, error) {
		s.mu.RLock()
		p, m, err := c.mergeRequestAsked()
		if err == nil && c.world.access(c.viewer, p) < Developer && c.viewer.Username != m.Author {
			err = forbidden
		}
		if err == nil && check != nil {
			err = check(m)
		}
		if err != nil {
			s.mu.RUnlock()
			return nil, nil, err
		}
		path, iid := p.Path, m.IID
		s.mu.RUnlock()
		return p, m, s.ChangeMergeRequest(path, iid, c.viewer.Username, change)
	}
	shown := func(c *call, p *project, m *MergeRequest, err error) (any, error) {
		if err != nil {
			return nil, err
		}
		s.mu.RLock()
		defer s.mu.RUnlock()
		return c.wholeMergeRequest(p, m), nil
	}
	change("POST /projects/{id}/merge_requests/{iid}/approve", http.StatusCreated, func(c *call) (any, error) {
		mine := func(a Approval) bool { return a.Username == c.viewer.Username }
		p, m, err := asked(c, func(m *MergeRequest) error {
			if slices.ContainsFunc(m.Approvals, mine) {
				return unauthorized // GitLab's answer to who approved already
			}
			return nil
		}, func(m *MergeRequest) {
			if !slices.ContainsFunc(m.Approvals, mine) {
				m.Approvals = append(m.Approvals, Approval{Username: c.viewer.Username, At: c.now})
			}
		})
		if err != nil {
			return nil, err
		}
		s.mu.RLock()
		defer s.mu.RUnlock()
		return c.approvals(p, m), nil
	})
	change("POST /projects/{id}/merge_requests/{iid}/unapprove", http.StatusCreated, func(c *call) (any, error) {
		p, m, err := asked(c, nil, func(m *MergeRequest) {
			m.Approvals = slices.DeleteFunc(m.Approvals, func(a Approval) bool { return a.Username == c.viewer.Username })
		})
		return shown(c, p, m, err)
	})
	change("PUT /projects/{id}/merge_requests/{iid}", http.StatusOK, func(c *call) (any, error) {
		sent, err := c.sent()
		if err != nil {
			return nil, err
		}
		p, m, err := asked(c, nil, func(m *MergeRequest) {
			m.Title, m.Description = cmp.Or(sent.Get("title"), m.Title), cmp.Or(sent.Get("description"), m.Description)
			if labels, ok := sent["labels"]; ok {
				m.Labels = splitLabels(labels[0])
			}
			switch sent.Get("state_event") {
			case "close":
				m.State = Closed
			case "reopen":
				m.State = Opened
			}
		})
		return shown(c, p, m, err)
	})
}

func splitLabels(text string) []string {
	if text == "" {
		return nil
	}
	return strings.Split(text, ",")
}

func (c *call) mergeRequestAsked() (*project, *MergeRequest, error) {
	p, err := c.projectAsked()
	if err != nil {
		return nil, nil, err
	}
	iid, err := strconv.ParseInt(c.r.PathValue("iid"), 10, 64)
	if err != nil {
		return nil, nil, fault{http.StatusBadRequest, object{"error": "merge_request_iid is invalid"}}
	}
	if m := p.mergeRequest(iid); m != nil {
		return p, m, nil
	}
	return nil, nil, message(http.StatusNotFound, "Not found")
}

func (p *project) mergeRequest(iid int64) *MergeRequest {
	for _, m := range p.mergeRequests {
		if m.IID == iid {
			return m
		}
	}
	return nil
}

// placed is a merge request with its project.
type placed struct {
	*MergeRequest
	project *project
}

func (c *call) mergeRequestPage(projects []*project, scope string) (any, error) {
	q := c.query
	if state := q.Get("state"); state != "" && state != "all" && !slices.Contains([]string{Opened, Closed, Merged, Locked}, state) {
		return nil, invalid("state")
	}
	var found []placed
	for _, p := range projects {
		if !c.world.sees(c.viewer, p) {
			continue
		}
		for _, m := range p.mergeRequests {
			if c.inScope(m, scope) && selectedMergeRequest(m, q) {
				found = append(found, placed{m, p})
			}
		}
	}
	by := func(m placed) time.Time { return m.CreatedAt }
	switch q.Get("order_by") {
	case "", "created_at":
	case "updated_at":
		by = func(m placed) time.Time { return m.UpdatedAt }
	case "merged_at":
		by = func(m placed) time.Time { return m.MergedAt }
	default:
		return nil, invalid("order_by")
	}
	ascending := q.Get("sort") == "asc"
	slices.SortStableFunc(found, func(a, b placed) int {
		order := cmp.Or(by(a).Compare(by(b)), cmp.Compare(a.ID, b.ID))
		if !ascending {
			return -order
		}
		return order
	})
	list, err := page(c, found)
	return each(list, func(m placed) object { return c.mergeRequest(m.project, m.MergeRequest) }), err
}

// inScope reports whether a merge request is one of the viewer's, as the scope has it.
func (c *call) inScope(m *MergeRequest, scope string) bool {
	me := ""
	if c.viewer != nil {
		me = c.viewer.Username
	}
	switch scope {
	case "created_by_me":
		return m.Author == me
	case "assigned_to_me":
		return slices.Contains(m.Assignees, me)
	case "reviews_for_me":
		return m.reviewer(me) != nil
	}
	return true
}

func (m *MergeRequest) reviewer(username string) *Reviewer {
	for i := range m.Reviewers {
		if strings.EqualFold(m.Reviewers[i].Username, username) {
			return &m.Reviewers[i]
		}
	}
	return nil
}

// selectedMergeRequest reports whether a merge request is one of those that the parameters of a list select.
func selectedMergeRequest(m *MergeRequest, q url.Values) bool {
	state, search := q.Get("state"), strings.ToLower(q.Get("search"))
	author, reviewer := q.Get("author_username"), q.Get("reviewer_username")
	switch {
	case state != "" && state != "all" && state != m.State,
		author != "" && !strings.EqualFold(author, m.Author),
		reviewer != "" && m.reviewer(reviewer) == nil,
		q.Get("source_branch") != "" && q.Get("source_branch") != m.SourceBranch,
		q.Get("target_branch") != "" && q.Get("target_branch") != m.TargetBranch,
		q.Get("milestone") != "" && q.Get("milestone") != m.Milestone,
		q.Get("draft") != "" && (q.Get("draft") == "true") != m.Draft,
		q.Get("wip") != "" && (q.Get("wip") == "yes") != m.Draft,
		!strings.Contains(strings.ToLower(m.Title+"\n"+m.Description), search):
		return false
	}
	if assignee := q.Get("assignee_username"); assignee != "" && !slices.Contains(m.Assignees, assignee) {
		return false
	}
	for _, label := range splitLabels(q.Get("labels")) {
		if !slices.Contains(m.Labels, label) {
			return false
		}
	}
	if iids := q["iids[]"]; len(iids) > 0 && !slices.Contains(iids, strconv.FormatInt(m.IID, 10)) {
		return false
	}
	return within(q, "created", m.CreatedAt) && within(q, "updated", m.UpdatedAt)
}

// within reports whether a time lies between <name>_after and <name>_before.
func within(q url.Values, name string, t time.Time) bool {
	if after, err := time.Parse(time.RFC3339, q.Get(name+"_after")); err == nil && t.Before(after) {
		return false
	}
	before, err := time.Parse(time.RFC3339, q.Get(name+"_before"))
	return err != nil || !t.After(before)
}

// mergeStatus is GitLab's detailed_merge_status.
func (s *Server) mergeStatus(m *MergeRequest) string {
	approved := m.ApprovalsRequired <= len(m.Approvals) || s.settings.Free
	switch {
	case m.State != Opened:
		return "not_open"
	case m.Draft:
		return "draft_status"
	case m.Conflicts:
		return "conflict"
	case !s.settings.Free && slices.ContainsFunc(m.Reviewers, func(r Reviewer) bool { return r.State == "requested_changes" }):
		return "requested_changes"
	case !approved:
		return "not_approved"
	}
	return "mergeable"
}

// title is what people see: a draft says so.
func (m *MergeRequest) title() string {
	if m.Draft {
		return "Draft: " + m.Title
	}
	return m.Title
}

func (c *call) mergeRequest(p *project, m *MergeRequest) object {
	number := strconv.FormatInt(m.IID, 10)
	source := p
	if other := c.world.project(m.SourceProject); other != nil {
		source = other
	}
	mergeStatus := "can_be_merged"
	if m.Conflicts {
		mergeStatus = "cannot_be_merged"
	}
	reviewers := each(m.Reviewers, func(r Reviewer) string { return r.Username })
	o := object{"id": m.ID, "iid": m.IID, "project_id": p.ID, "title": m.title(), "description": orNull(m.Description), "state": m.State, "created_at": at(m.CreatedAt),
		"updated_at": at(m.UpdatedAt), "merged_by": c.userNamed(m.MergedBy), "merge_user": c.userNamed(m.MergedBy), "merged_at": at(m.MergedAt),
		"closed_by": c.userNamed(m.ClosedBy), "closed_at": at(m.ClosedAt), "target_branch": m.TargetBranch, "source_branch": m.SourceBranch,
		"user_notes_count": m.Comments, "upvotes": m.Upvotes, "downvotes": 0, "author": c.userNamed(m.Author), "assignees": c.usersNamed(m.Assignees), "assignee": nil,
		"reviewers": c.usersNamed(reviewers), "source_project_id": source.ID, "target_project_id": p.ID, "labels": append([]string{}, m.Labels...), "draft": m.Draft,
		"work_in_progress": m.Draft, "milestone": nil, "merge_when_pipeline_succeeds": false, "merge_status": mergeStatus, "detailed_merge_status": c.mergeStatus(m),
		"merge_after": nil, "sha": m.SHA, "merge_commit_sha": orNull(m.MergeCommitSHA), "squash_commit_sha": nil, "discussion_locked": nil,
		"should_remove_source_branch": nil, "force_remove_source_branch": false, "prepared_at": at(m.CreatedAt), "reference": "!" + number,
		"references": object{"short": "!" + number, "relative": "!" + number, "full": p.Path + "!" + number}, "web_url": c.web(p) + "/-/merge_requests/" + number,
		"time_stats": object{"time_estimate": 0, "total_time_spent": 0, "human_time_estimate": nil, "human_total_time_spent": nil}, "squash": false,
		"squash_on_merge": false, "task_completion_status": object{"count": 0, "completed_count": 0}, "has_conflicts": m.Conflicts,
		"blocking_discussions_resolved": true, "imported": false, "imported_from": "none"}
	if len(m.Assignees) > 0 {
		o["assignee"] = c.userNamed(m.Assignees[0])
	}
	if c.flag("with_labels_details") {
		o["label_details"], o["labels"] = c.labelsNamed(p, m.Labels), c.labelsNamed(p, m.Labels)
	}
	if m.Milestone != "" {
		o["milestone"] = object{"id": 1, "iid": 1, "project_id": p.ID, "title": m.Milestone, "description": "", "state": "active", "created_at": at(p.CreatedAt),
			"updated_at": at(p.CreatedAt), "due_date": nil, "start_date": nil, "expired": false, "web_url": c.web(p) + "/-/milestones/1"}
	}
	return o
}

func (c *call) wholeMergeRequest(p *project, m *MergeRequest) object {
	o := c.mergeRequest(p, m)
	canMerge := c.world.access(c.viewer, p) >= Developer
	for name, value := range (object{"subscribed": false, "changes_count": "1", "latest_build_started_at": nil, "latest_build_finished_at": nil,
		"first_deployed_to_production_at": nil, "pipeline": nil, "head_pipeline": nil, "merge_error": nil, "first_contribution": false,
		"diff_refs": object{"base_sha": m.BaseSHA, "head_sha": m.SHA, "start_sha": m.BaseSHA}, "user": object{"can_merge": canMerge}}) {
		o[name] = value
	}
	if r := p.headPipeline(m); r != nil {
		o["pipeline"], o["head_pipeline"] = c.basicPipeline(p, r), c.pipeline(p, r, false)
	}
	return o
}

func (c *call) approvals(p *project, m *MergeRequest) object {
	me := ""
	if c.viewer != nil {
		me = c.viewer.Username
	}
	by := []object{}
	for _, a := range m.Approvals {
		if u := c.world.user(a.Username); u != nil {
			by = append(by, object{"user": c.basicUser(u), "approved_at": at(a.At)})
		}
	}
	has := slices.ContainsFunc(m.Approvals, func(a Approval) bool { return a.Username == me })
	o := object{"user_has_approved": has, "user_can_approve": !has && m.Author != me && c.world.access(c.viewer, p) >= Developer,
		"approved": c.settings.Free && len(by) > 0 || !c.settings.Free && len(by) >= m.ApprovalsRequired, "approved_by": by}
	if c.settings.Free {
		return o
	}
	for name, value := range (object{"id": m.ID, "iid": m.IID, "project_id": p.ID, "title": m.title(), "description": m.Description, "state": m.State,
		"created_at": at(m.CreatedAt), "updated_at": at(m.UpdatedAt), "merge_status": "can_be_merged", "approvals_required": m.ApprovalsRequired,
		"approvals_left": max(0, m.ApprovalsRequired-len(by)), "require_password_to_approve": false, "suggested_approvers": []any{}, "approvers": []any{},
		"approver_groups": []any{}, "approval_rules_left": []any{}, "has_approval_rules": m.ApprovalsRequired > 0, "merge_request_approvers_available": true,
		"multiple_approval_rules_available": true}) {
		o[name] = value
	}
	return o
}

// commitsOf returns the commits of a merge request, newest first.
func (c *call) commitsOf(p *project, m *MergeRequest) ([]git.OID, error) {
	if p.repository == nil || m.SHA == "" {
		return nil, nil
	}
	head, err := c.resolve(p, m.SHA)
	if err != nil {
		return nil, nil // the commits of a branch that is gone for good
	}
	if m.BaseSHA == "" {
		oids, _, err := p.repository.History(c.r.Context(), head.OID, all, "", mostPage)
		return oids, err
	}
	own, _, err := between(c.r.Context(), p.repository, git.OID(m.BaseSHA), head.OID)
	return own, err
}
