package githubtest

import (
	"strings"
	"time"

	"callboard.dev/callboard/clients/git"
)

// What REST and webhooks say of workflows, runs, jobs and checks.

// lower writes a word of the state as REST does, nil for none.
func lower(word string) any { return orNil(strings.ToLower(word)) }

func (g *GitHub) restWorkflow(w *workflow) object {
	address := g.api("/repos/" + w.repository.NameWithOwner() + "/actions/workflows/" + itoa(w.DatabaseID))
	state := w.definition.State
	if state == "" {
		state = "ACTIVE"
	}
	return object{
		"id": w.DatabaseID, "node_id": identify(w), "name": w.Name, "path": w.path(), "state": strings.ToLower(state), "created_at": stamp(w.CreatedAt), "updated_at": stamp(w.UpdatedAt),
		"url": address, "html_url": g.web("/" + w.repository.NameWithOwner() + "/blob/" + w.repository.DefaultBranch + "/" + w.path()), "badge_url": g.web(page(w) + "/badge.svg"),
	}
}

// restMinimal describes a repository as runs do.
func (g *GitHub) restMinimal(r *Repository) object {
	name := r.NameWithOwner()
	return object{
		"id": r.DatabaseID, "node_id": identify(r), "name": r.Name, "full_name": name, "private": r.IsPrivate(), "owner": g.restActor(r.owner), "html_url": g.web("/" + name),
		"description": orNil(r.Description), "fork": r.IsFork, "url": g.api("/repos/" + name), "hooks_url": g.api("/repos/" + name + "/hooks"),
	}
}

// restPulls describes pull requests as checks do.
func (g *GitHub) restPulls(list []*PullRequest, c *call) []any {
	out := []any{}
	for _, p := range list {
		r := p.repository
		address := g.api("/repos/" + r.NameWithOwner())
		repo := object{"id": r.DatabaseID, "url": address, "name": r.Name}
		head, _ := p.head(c.ctx)
		base, _ := p.base(c.ctx)
		out = append(out, object{
			"id": p.DatabaseID, "number": p.Number, "url": address + "/pulls/" + itoa(p.Number),
			"head": object{"ref": p.HeadRefName, "sha": string(head), "repo": repo}, "base": object{"ref": p.BaseRefName, "sha": string(base), "repo": repo},
		})
	}
	return out
}

// restHead describes the head commit of a run.
func (g *GitHub) restHead(c *call, r *Repository, oid git.OID) any {
	commit, err := g.commit(c.ctx, r, oid)
	if commit == nil || err != nil {
		return nil
	}
	person := func(p git.Person) object { return object{"name": p.Name, "email": p.Email} }
	return object{
		"id": string(commit.OID), "tree_id": string(commit.Tree), "message": strings.TrimRight(commit.Message, "\n"), "timestamp": stamp(commit.Committer.At),
		"author": person(commit.Author), "committer": person(commit.Committer),
	}
}

func (g *GitHub) restRun(c *call, run *workflowRun) object {
	b, s := run.of(), run.suite
	r := s.repository
	address := g.api("/repos/" + r.NameWithOwner())
	at := address + "/actions/runs/" + itoa(run.DatabaseID)
	status, conclusion := s.state()
	var previous any
	if b.attempt > 1 {
		previous = at + "/attempts/" + itoa(b.attempt-1)
	}
	return object{
		"id": run.DatabaseID, "node_id": identify(run), "name": run.workflow.Name, "path": run.workflow.path(), "display_title": b.title, "head_branch": orNil(s.branch), "head_sha": string(s.oid),
		"run_number": run.RunNumber, "run_attempt": b.attempt, "event": run.Event, "status": strings.ToLower(status), "conclusion": lower(conclusion), "workflow_id": run.workflow.DatabaseID,
		"check_suite_id": s.DatabaseID, "check_suite_node_id": identify(s), "url": at, "html_url": g.web(page(run)), "pull_requests": g.restPulls(b.pulls, c),
		"created_at": stamp(s.CreatedAt), "updated_at": stamp(s.UpdatedAt), "run_started_at": stamp(b.requestedAt), "actor": g.restActor(b.actor), "triggering_actor": g.restActor(b.triggering),
		"referenced_workflows": []any{}, "jobs_url": at + "/jobs", "logs_url": at + "/logs", "check_suite_url": address + "/check-suites/" + itoa(s.DatabaseID), "artifacts_url": at + "/artifacts",
		"cancel_url": at + "/cancel", "rerun_url": at + "/rerun", "previous_attempt_url": previous, "workflow_url": address + "/actions/workflows/" + itoa(run.workflow.DatabaseID),
		"head_commit": g.restHead(c, r, s.oid), "repository": g.restMinimal(r), "head_repository": g.restMinimal(r),
	}
}

func (g *GitHub) restJob(j *job) object {
	check := j.check
	run := check.suite.run
	r := check.suite.repository
	address := g.api("/repos/" + r.NameWithOwner())
	started := check.StartedAt
	if started.IsZero() {
		started = j.createdAt // what is queued has the time it was made at
	}
	out := object{
		"id": check.DatabaseID, "run_id": run.DatabaseID, "workflow_name": run.workflow.Name, "head_branch": orNil(check.suite.branch), "run_url": address + "/actions/runs/" + itoa(run.DatabaseID),
		"run_attempt": j.attempt, "node_id": identify(check), "head_sha": string(check.suite.oid), "url": address + "/actions/jobs/" + itoa(check.DatabaseID), "html_url": g.web(page(check)),
		"status": strings.ToLower(check.Status), "conclusion": lower(check.Conclusion), "created_at": stamp(j.createdAt), "started_at": stamp(started), "completed_at": stamp(check.CompletedAt),
		"name": check.Name, "steps": []any{}, "check_run_url": address + "/check-runs/" + itoa(check.DatabaseID), "labels": j.plan.Labels,
		"runner_id": nil, "runner_name": nil, "runner_group_id": nil, "runner_group_name": nil,
	}
	if len(j.steps) > 0 {
		out["runner_id"], out["runner_name"], out["runner_group_id"], out["runner_group_name"] = j.machine, "GitHub Actions "+itoa(j.machine), 0, "GitHub Actions"
	}
	steps := []any{}
	for _, s := range j.steps {
		steps = append(steps, object{
			"name": s.Name, "status": strings.ToLower(s.status), "conclusion": lower(s.conclusion), "number": s.number, "started_at": stamp(s.startedAt), "completed_at": stamp(s.completedAt),
		})
	}
	out["steps"] = steps
	return out
}

func (g *GitHub) restApp(a *app) object {
	return object{
		"id": a.DatabaseID, "slug": a.Slug, "node_id": identify(a), "name": a.Name, "description": "", "external_url": g.web("/apps/" + a.Slug), "html_url": g.web("/apps/" + a.Slug),
		"owner": object{
			"login": "github", "id": 9919, "node_id": "MDEyOk9yZ2FuaXphdGlvbjk5MTk=", "avatar_url": "https://avatars.githubusercontent.com/u/9919?v=4", "gravatar_id": "",
			"url": g.api("/users/github"), "html_url": g.web("/github"), "type": "Organization", "site_admin": false,
		}, "created_at": stamp(a.CreatedAt), "updated_at": stamp(a.UpdatedAt), "permissions": object{}, "events": []any{},
	}
}

func (g *GitHub) restSuite(c *call, s *checkSuite) object {
	address := g.api("/repos/" + s.repository.NameWithOwner())
	status, conclusion := s.state()
	return object{
		"id": s.DatabaseID, "node_id": identify(s), "head_branch": orNil(s.branch), "head_sha": string(s.oid), "status": strings.ToLower(status), "conclusion": lower(conclusion),
		"url": address + "/check-suites/" + itoa(s.DatabaseID), "before": nil, "after": string(s.oid), "pull_requests": g.restPulls(s.pulls(), c), "app": g.restApp(s.app),
		"created_at": stamp(s.CreatedAt), "updated_at": stamp(s.UpdatedAt), "latest_check_runs_count": len(s.checks), "check_runs_url": address + "/check-suites/" + itoa(s.DatabaseID) + "/check-runs",
		"head_commit": g.restHead(c, s.repository, s.oid), "repository": g.restMinimal(s.repository),
	}
}

func (s *checkSuite) pulls() []*PullRequest {
	if s.run == nil {
		return nil
	}
	return s.run.of().pulls
}

func (g *GitHub) restCheck(c *call, k *Check) object {
	s := k.suite
	address := g.api("/repos/" + s.repository.NameWithOwner() + "/check-runs/" + itoa(k.DatabaseID))
	details := k.DetailsURL
	started := k.StartedAt
	if j := g.job(s.repository, k.DatabaseID); j != nil && started.IsZero() {
		started = j.createdAt // what is queued has the time it was made at
	}
	if s.run != nil && details == "" {
		details = g.web(page(k))
	}
	return object{
		"id": k.DatabaseID, "head_sha": string(s.oid), "node_id": identify(k), "external_id": k.ExternalID, "url": address, "html_url": g.web(page(k)), "details_url": orNil(details),
		"status": strings.ToLower(k.Status), "conclusion": lower(k.Conclusion), "started_at": stamp(started), "completed_at": stamp(k.CompletedAt), "name": k.Name,
		"output":      object{"title": orNil(k.Title), "summary": orNil(k.Summary), "text": orNil(k.Text), "annotations_count": len(k.Annotations), "annotations_url": address + "/annotations"},
		"check_suite": object{"id": s.DatabaseID}, "app": g.restApp(s.app), "pull_requests": g.restPulls(s.pulls(), c),
	}
}

func (g *GitHub) restAnnotation(k *Check, a Annotation) object {
	column := func(n int) any {
		if n == 0 {
			return nil
		}
		return n
	}
	return object{
		"path": a.Path, "start_line": a.StartLine, "end_line": a.EndLine, "start_column": column(a.StartColumn), "end_column": column(a.EndColumn), "annotation_level": a.Level,
		"title": a.Title, "message": a.Message, "raw_details": orNil(a.Detail), "blob_href": g.web("/" + k.suite.repository.NameWithOwner() + "/blob/" + string(k.suite.oid) + "/" + a.Path),
	}
}

func (g *GitHub) restArtifact(a *artifact) object {
	const kept = 90 * 24 * time.Hour // as documented in November 2026
	s := a.run.suite
	address := g.api("/repos/" + s.repository.NameWithOwner() + "/actions/artifacts/" + itoa(a.DatabaseID))
	return object{
		"id": a.DatabaseID, "node_id": numbered("MDg6QXJ0aWZhY3Q", a.DatabaseID), "name": a.Name, "size_in_bytes": len(a.data), "url": address, "archive_download_url": address + "/zip", "expired": a.expired, "digest": a.digest(),
		"created_at": stamp(a.createdAt), "updated_at": stamp(a.createdAt), "expires_at": stamp(a.createdAt.Add(kept)),
		"workflow_run": object{"id": a.run.DatabaseID, "repository_id": s.repository.DatabaseID, "head_repository_id": s.repository.DatabaseID, "head_branch": orNil(s.branch), "head_sha": string(s.oid)},
	}
}

func (g *GitHub) restStatus(s *commitStatus) object {
	var creator any
	if s.creator != nil {
		creator = g.restActor(s.creator)
	}
	return object{
		"url": g.api("/repos/" + s.repository.NameWithOwner() + "/statuses/" + string(s.oid)), "avatar_url": nil, "id": s.databaseID, "node_id": identify(s), "state": strings.ToLower(s.State),
		"description": orNil(s.Description), "target_url": orNil(s.TargetURL), "context": s.Context, "created_at": stamp(s.CreatedAt), "updated_at": stamp(s.CreatedAt), "creator": creator,
	}
}
