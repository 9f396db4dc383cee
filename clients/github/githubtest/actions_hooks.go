package githubtest

import (
	"strings"
)

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
		h.tell("check_suite", action, h.about(b.run.suite.repository, b.triggering, map[string]any{"check_suite": h.g.restSuite(h.call(), b.run.suite)}))
	}
}

func (h *hooks) checkRun(k *Check, action string) {
	if !h.listened() {
		return
	}
	payload := h.g.restCheck(h.call(), k)
	payload["check_suite"] = h.g.restSuite(h.call(), k.suite)
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
		"state": strings.ToLower(s.State), "branches": branches, "created_at": stamp(s.CreatedAt), "updated_at": stamp(s.CreatedAt), "commit": map[string]any{"sha": string(s.oid)},
	}))
}

// edited tells that a comment has another text.
func (h *hooks) edited(c *Comment, before string, who any) {
	if !h.listened() {
		return
	}
	payload := h.about(c.on.in(), who, map[string]any{"comment": h.g.restComment(c), "issue": h.g.restAny(c.on), "changes": map[string]any{"body": map[string]any{"from": before}}})
	h.tell("issue_comment", "edited", payload)
}
