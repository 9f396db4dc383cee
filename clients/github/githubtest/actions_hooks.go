package githubtest

import "strings"

// What webhooks tell of builds. They are told as things change, with the lock held.

func (h *hooks) call() *call { return &call{g: h.g, ctx: h.ctx} }

func (h *hooks) workflowRun(b *build, action string) {
	if h.listened() {
		h.tell("workflow_run", action, h.about(b.run.suite.repository, b.triggering, map[string]any{
			"workflow_run": h.g.restRun(h.call(), b.run), "workflow": h.g.restWorkflow(b.run.workflow),
		}))
	}
}

func (h *hooks) job(j *job, action string) {
	if h.listened() {
		h.tell("workflow_job", action, h.about(j.check.suite.repository, j.build.triggering, map[string]any{"workflow_job": h.g.restJob(j)}))
	}
}

func (h *hooks) suite(b *build, action string) {
	if h.listened() {
		suite := h.g.restSuite(h.call(), b.run.suite)
		delete(suite, "repository") // which stands beside it
		h.tell("check_suite", action, h.about(b.run.suite.repository, b.triggering, map[string]any{"check_suite": suite}))
	}
}

func (h *hooks) checkRun(k *Check, action string) {
	if !h.listened() {
		return
	}
	payload := h.g.restCheck(h.call(), k)
	suite := h.g.restSuite(h.call(), k.suite)
	for _, name := range []string{"repository", "head_commit", "check_runs_url", "latest_check_runs_count"} {
		delete(suite, name)
	}
	payload["check_suite"] = suite
	h.tell("check_run", action, h.about(k.suite.repository, nil, map[string]any{"check_run": payload}))
}

func (h *hooks) status(s *commitStatus) {
	if !h.listened() {
		return
	}
	r := s.repository
	branches := []any{}
	if refs, err := r.refs(h.ctx); err == nil {
		for _, b := range refs.Branches {
			if b.Target == s.oid {
				branches = append(branches, map[string]any{"name": b.Short(), "commit": map[string]any{"sha": string(s.oid), "url": h.g.api("/repos/" + r.NameWithOwner() + "/commits/" + string(s.oid))}, "protected": false})
			}
		}
	}
	h.tell("status", "", h.about(r, s.creator, map[string]any{
		"id": s.databaseID, "sha": string(s.oid), "name": r.NameWithOwner(), "target_url": orNil(s.TargetURL), "avatar_url": nil, "context": s.Context, "description": orNil(s.Description),
		"state": strings.ToLower(s.State), "branches": branches, "created_at": stamp(s.CreatedAt), "updated_at": stamp(s.CreatedAt), "commit": h.commit(s),
	}))
}

// commit describes the commit that a status is of.
func (h *hooks) commit(s *commitStatus) map[string]any {
	address := h.g.api("/repos/" + s.repository.NameWithOwner() + "/commits/" + string(s.oid))
	out := map[string]any{"sha": string(s.oid), "url": address, "comments_url": address + "/comments", "author": nil, "committer": nil, "parents": []any{}, "commit": nil}
	commit, err := h.g.commit(h.ctx, s.repository, s.oid)
	if commit == nil || err != nil {
		return out
	}
	var parents []any
	for _, p := range commit.Parents {
		parents = append(parents, map[string]any{"sha": string(p)})
	}
	out["node_id"], out["html_url"], out["parents"] = identify(commit), h.g.web(page(commit)), parents
	out["commit"] = map[string]any{
		"author": h.g.restPerson(commit.Author), "committer": h.g.restPerson(commit.Committer), "message": strings.TrimRight(commit.Message, "\n"), "comment_count": 0,
		"tree": map[string]any{"sha": string(commit.Tree)}, "url": address,
	}
	if u := h.g.byEmail(commit.Author.Email); u != nil {
		out["author"] = h.g.restActor(u)
	}
	if u := h.g.byEmail(commit.Committer.Email); u != nil {
		out["committer"] = h.g.restActor(u)
	}
	return out
}

// edited tells that a comment has another text.
func (h *hooks) edited(c *Comment, before string, who any) {
	if !h.listened() {
		return
	}
	payload := h.about(c.on.in(), who, map[string]any{"comment": h.g.restComment(c), "issue": h.g.restAny(c.on), "changes": map[string]any{"body": map[string]any{"from": before}}})
	h.tell("issue_comment", "edited", payload)
}
