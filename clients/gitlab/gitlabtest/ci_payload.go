package gitlabtest

import (
	"context"
	"slices"
	"strconv"
	"time"

	"callboard.dev/callboard/clients/gitlab/gitlabtest/ci"
)

// tells returns what tells the hooks of a project of its pipelines. The server's lock is held when it is called.
func (s *Server) tells(p *project) func(ci.Change) {
	return func(c ci.Change) {
		switch {
		case len(p.hooks) == 0: // nobody listens, and what is told of commits is read from git
		case c.Job == nil:
			s.tellPipeline(p, c.Pipeline)
		case !c.Job.Bridge() && !c.Job.External: // GitLab leaves these out
			s.tellJob(p, c.Pipeline, c.Job)
		}
	}
}

// isoTime writes a time as the events of jobs have it.
func isoTime(t time.Time) any {
	if t.IsZero() {
		return nil
	}
	return t.UTC().Format(time.RFC3339)
}

// hookRunner is the runner that a job ran on, null for none.
func hookRunner(j *ci.Job) any {
	if j.StartedAt.IsZero() {
		return nil
	}
	return object{"id": 1, "description": "runner-1", "runner_type": "instance_type", "active": true, "is_shared": true, "tags": append([]string{}, j.Tags...)}
}

// hookSource is what began a pipeline that another has, nil for the others.
func (s *Server) hookSource(p *project, r *ci.Pipeline) any {
	if r.Parent == 0 {
		return nil
	}
	return object{"project": object{"id": p.ID, "web_url": s.address() + "/" + p.Path, "path_with_namespace": p.Path}, "pipeline_id": r.Parent, "job_id": r.ParentJob}
}

// hookCIProject is a project as the events of pipelines and jobs have it, with less than others.
func (s *Server) hookCIProject(p *project) object {
	o := s.hookProject(p)
	for _, name := range []string{"homepage", "url", "ssh_url", "http_url"} {
		delete(o, name)
	}
	return o
}

func (s *Server) tellPipeline(p *project, r *ci.Pipeline) {
	id := strconv.FormatInt(r.ID, 10)
	ref := r.Ref
	var of any
	if m := p.mergeRequest(r.MergeRequest); m != nil {
		ref = m.SourceBranch
		of = object{"id": m.ID, "iid": m.IID, "title": m.title(), "source_branch": m.SourceBranch, "source_project_id": p.ID, "target_branch": m.TargetBranch, "target_project_id": p.ID,
			"state": m.State, "merge_status": "can_be_merged", "detailed_merge_status": s.mergeStatus(m), "url": s.address() + "/" + p.Path + "/-/merge_requests/" + strconv.FormatInt(m.IID, 10)}
	}
	var commit any
	if k, err := resolve(context.Background(), p, r.SHA); err == nil && r.SHA != "" {
		commit = s.hookCommit(p, k)
	}
	detailed := words[r.Status]
	if r.Warnings() && r.Status == ci.Success {
		detailed = "passed with warnings"
	}
	builds := []object{}
	for _, j := range slices.Backward(r.Latest()) {
		if j.Bridge() || j.External {
			continue
		}
		when := "on_success"
		if j.Manual {
			when = "manual"
		}
		o := object{"id": j.ID, "stage": j.Stage, "name": j.Name, "status": j.Status, "created_at": hookTime(j.CreatedAt), "started_at": hookTime(j.StartedAt), "finished_at": hookTime(j.FinishedAt),
			"duration": fraction(j.Ran(r.UpdatedAt)), "queued_duration": fraction(j.Queued(r.UpdatedAt)), "failure_reason": nil, "when": when, "manual": j.Manual, "allow_failure": j.AllowFailure,
			"user": s.hookUser(j.User), "runner": hookRunner(j), "artifacts_file": object{"filename": nil, "size": nil}, "environment": nil}
		if j.Status == ci.Failed {
			o["failure_reason"] = j.Failure
		}
		if data := archive(j); data != nil {
			o["artifacts_file"] = object{"filename": "artifacts.zip", "size": len(data)}
		}
		builds = append(builds, o)
	}
	variables := each(r.Variables, func(v ci.Variable) object { return object{"key": v.Key, "value": v.Value} })
	payload := object{"object_kind": "pipeline", "object_attributes": object{"id": r.ID, "iid": r.IID, "name": orNull(r.Name), "ref": ref, "tag": r.Tag, "sha": r.SHA, "before_sha": r.BeforeSHA,
		"source": r.Source, "status": r.Status, "detailed_status": detailed, "stages": append([]string{}, r.Stages()...), "created_at": hookTime(r.CreatedAt), "finished_at": hookTime(r.FinishedAt),
		"duration": seconds(r.Duration()), "queued_duration": seconds(r.Queued()), "variables": variables, "url": s.address() + "/" + p.Path + "/-/pipelines/" + id},
		"merge_request": of, "user": s.hookUser(r.User), "project": s.hookCIProject(p), "commit": commit, "builds": builds}
	if source := s.hookSource(p, r); source != nil {
		payload["source_pipeline"] = source
	}
	s.hooks.tell(s, p, "Pipeline Hook", func(h *Hook) bool { return h.Pipelines }, payload)
}

func (s *Server) tellJob(p *project, r *ci.Pipeline, j *ci.Job) {
	message, name, email := "", "", ""
	if k, err := resolve(context.Background(), p, r.SHA); err == nil && r.SHA != "" {
		message, name, email = k.Message, k.Author.Name, k.Author.Email
	}
	failure := "unknown_failure"
	if j.Status == ci.Failed {
		failure = j.Failure
	}
	payload := object{"object_kind": "build", "ref": r.Ref, "tag": r.Tag, "before_sha": r.BeforeSHA, "sha": r.SHA, "retries_count": j.Retries, "build_id": j.ID, "build_name": j.Name,
		"build_stage": j.Stage, "build_status": j.Status, "build_created_at": hookTime(j.CreatedAt), "build_started_at": hookTime(j.StartedAt), "build_finished_at": hookTime(j.FinishedAt),
		"build_created_at_iso": isoTime(j.CreatedAt), "build_started_at_iso": isoTime(j.StartedAt), "build_finished_at_iso": isoTime(j.FinishedAt), "build_duration": fraction(j.Ran(r.UpdatedAt)),
		"build_queued_duration": fraction(j.Queued(r.UpdatedAt)), "build_allow_failure": j.AllowFailure, "build_failure_reason": failure, "pipeline_id": r.ID, "runner": hookRunner(j),
		"project_id": p.ID, "project_name": p.Path, "user": s.hookUser(j.User), "commit": object{"id": r.ID, "name": orNull(r.Name), "sha": r.SHA, "message": message, "author_name": name,
			"author_email": email, "author_url": "mailto:" + email, "status": r.Status, "duration": seconds(r.Duration()), "started_at": hookTime(r.StartedAt), "finished_at": hookTime(r.FinishedAt),
			"started_at_iso": isoTime(r.StartedAt), "finished_at_iso": isoTime(r.FinishedAt)},
		"repository": s.hookRepository(p), "project": s.hookCIProject(p), "environment": nil}
	if source := s.hookSource(p, r); source != nil {
		payload["source_pipeline"] = source
	}
	s.hooks.tell(s, p, "Job Hook", func(h *Hook) bool { return h.Jobs }, payload)
}
