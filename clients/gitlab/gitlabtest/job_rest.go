package gitlabtest

import (
	"archive/zip"
	"bytes"
	"cmp"
	"errors"
	"maps"
	"mime"
	"net/http"
	"path"
	"slices"
	"strconv"
	"strings"
	"time"

	"callboard.dev/callboard/clients/git"
	"callboard.dev/callboard/clients/gitlab/gitlabtest/ci"
)

func (s *Server) jobRoutes(get getter, change changer) {
	get("/projects/{id}/jobs", func(c *call) (any, error) {
		p, err := c.projectAsked()
		if err == nil && c.viewer == nil {
			err = unauthorized
		}
		if err != nil {
			return nil, err
		}
		return c.projectJobs(p)
	})
	one := func(path string, serve func(*call, *project, *ci.Pipeline, *ci.Job) (any, error)) {
		get("/projects/{id}/jobs/{job}"+path, func(c *call) (any, error) {
			p, r, j, err := c.jobAsked(false)
			if err != nil {
				return nil, err
			}
			return serve(c, p, r, j)
		})
	}
	one("", func(c *call, p *project, r *ci.Pipeline, j *ci.Job) (any, error) { return c.job(p, r, j), nil })
	one("/trace", func(c *call, p *project, r *ci.Pipeline, j *ci.Job) (any, error) {
		return download{name: strconv.FormatInt(j.ID, 10) + ".log", kind: "text/plain", disposition: "infile", data: []byte(j.Written(c.now)), ranges: c.settings.Ranges}, nil
	})
	one("/artifacts", func(c *call, p *project, r *ci.Pipeline, j *ci.Job) (any, error) {
		data := archive(j)
		if data == nil {
			return nil, message(http.StatusNotFound, "Not found")
		}
		if c.settings.Store != "" {
			return elsewhere(c.settings.Store + "/" + strconv.FormatInt(j.ID, 10) + "/artifacts.zip?signature=0123"), nil
		}
		return download{name: "artifacts.zip", kind: "application/zip", disposition: "attachment", data: data, ranges: true}, nil
	})
	one("/artifacts/{path...}", func(c *call, p *project, r *ci.Pipeline, j *ci.Job) (any, error) {
		data, ok := j.Files[c.r.PathValue("path")]
		if !ok || archive(j) == nil {
			return nil, message(http.StatusNotFound, "Not found")
		}
		kind := cmp.Or(mime.TypeByExtension(path.Ext(c.r.PathValue("path"))), "application/octet-stream")
		return download{name: path.Base(c.r.PathValue("path")), kind: kind, disposition: "attachment", data: []byte(data)}, nil
	})
	act := func(path string, status int, do func(*call, *project, *ci.Pipeline, *ci.Job) (*ci.Job, error)) {
		change("POST /projects/{id}/jobs/{job}"+path, status, func(c *call) (any, error) {
			s.mu.Lock()
			defer s.mu.Unlock()
			p, r, j, err := c.jobAsked(path == "/retry" || path == "/play")
			if err == nil {
				err = c.developer(p)
			}
			if err != nil {
				return nil, err
			}
			if j, err = do(c, p, r, j); err != nil {
				return nil, err
			}
			return c.job(p, r, j), nil
		})
	}
	act("/retry", http.StatusCreated, func(c *call, p *project, r *ci.Pipeline, j *ci.Job) (*ci.Job, error) {
		made, err := p.runs.RetryJob(r, j, c.viewer.Username, c.now)
		if err != nil {
			return nil, message(http.StatusForbidden, "Forbidden - Job is not retryable")
		}
		return made, nil
	})
	act("/play", http.StatusOK, func(c *call, p *project, r *ci.Pipeline, j *ci.Job) (*ci.Job, error) {
		if err := p.runs.Play(r, j, c.viewer.Username, c.now); err != nil {
			return nil, message(http.StatusBadRequest, "Bad request - Unplayable Job")
		}
		return j, nil
	})
	act("/cancel", http.StatusCreated, func(c *call, p *project, r *ci.Pipeline, j *ci.Job) (*ci.Job, error) {
		p.runs.CancelJob(r, j, c.now)
		return j, nil
	})
	s.statusRoutes(get, change)
}

// jobAsked returns the job of the address. What others tell is none, and of what begins pipelines there is only where any job will do.
func (c *call) jobAsked(any bool) (*project, *ci.Pipeline, *ci.Job, error) {
	p, err := c.projectAsked()
	if err == nil && c.viewer == nil {
		err = unauthorized
	}
	if err != nil {
		return nil, nil, nil, err
	}
	id, err := strconv.ParseInt(c.r.PathValue("job"), 10, 64)
	if err != nil {
		return nil, nil, nil, fault{http.StatusBadRequest, object{"error": "job_id is invalid"}}
	}
	r, j := p.runs.FindJob(id)
	if j == nil || j.External || j.Bridge() && !any {
		return nil, nil, nil, message(http.StatusNotFound, "Not found")
	}
	return p, r, j, nil
}

// download is an answer that is a file.
type download struct {
	name, kind, disposition string
	data                    []byte
	ranges                  bool
}

func (d download) write(c *call) {
	h := c.w.Header()
	h.Set("Content-Type", d.kind)
	h.Set("Content-Disposition", d.disposition+`; filename="`+d.name+`"`)
	h.Set("X-Content-Type-Options", "nosniff")
	if d.ranges {
		http.ServeContent(c.w, c.r, "", time.Time{}, bytes.NewReader(d.data))
		return
	}
	h.Set("Content-Length", strconv.Itoa(len(d.data)))
	_, _ = c.w.Write(d.data)
}

// elsewhere is an answer that leads to another address.
type elsewhere string

func (e elsewhere) write(c *call) { http.Redirect(c.w, c.r, string(e), http.StatusFound) }

// archive returns the archive of a job, nil where there is none, or none yet.
func archive(j *ci.Job) []byte {
	if len(j.Files) == 0 || j.Status != ci.Success && j.Status != ci.Failed {
		return nil
	}
	var out bytes.Buffer
	w := zip.NewWriter(&out)
	for _, name := range slices.Sorted(maps.Keys(j.Files)) {
		file, err := w.CreateHeader(&zip.FileHeader{Name: name, Method: zip.Deflate, Modified: j.FinishedAt})
		if err == nil {
			_, _ = file.Write([]byte(j.Files[name]))
		}
	}
	_ = w.Close()
	return out.Bytes()
}

// jobPage lists the jobs of a pipeline, the newest first.
func (c *call) jobPage(p *project, r *ci.Pipeline, bridges bool) (any, error) {
	wanted, err := scopes(c.query)
	if err != nil {
		return nil, err
	}
	found := slices.DeleteFunc(slices.Clone(r.Jobs), func(j *ci.Job) bool {
		return j.External || j.Bridge() != bridges || j.Retried && !c.flag("include_retried") || len(wanted) > 0 && !slices.Contains(wanted, j.Status)
	})
	slices.SortFunc(found, func(a, b *ci.Job) int { return cmp.Compare(b.ID, a.ID) })
	list, err := page(c, found)
	return each(list, func(j *ci.Job) object {
		if bridges {
			return c.bridge(p, r, j)
		}
		return c.job(p, r, j)
	}), err
}

// projectJobs lists the jobs of a project, the newest first. GitLab does not count them.
func (c *call) projectJobs(p *project) (any, error) {
	wanted, err := scopes(c.query)
	if err != nil {
		return nil, err
	}
	type placed struct {
		*ci.Job
		in *ci.Pipeline
	}
	var found []placed
	for _, r := range p.runs.Pipelines {
		for _, j := range r.Jobs {
			if !j.External && !j.Bridge() && (len(wanted) == 0 || slices.Contains(wanted, j.Status)) {
				found = append(found, placed{j, r})
			}
		}
	}
	slices.SortFunc(found, func(a, b placed) int { return cmp.Compare(b.ID, a.ID) })
	at, err := c.paging()
	if err != nil {
		return nil, err
	}
	from, to := at.Bounds(len(found))
	c.pageHeaders(at, len(found) > to, -1)
	return each(found[from:to], func(j placed) object { return c.job(p, j.in, j.Job) }), nil
}

// fraction is a duration in seconds, null where there is none.
func fraction(d time.Duration) any {
	if d <= 0 {
		return nil
	}
	return d.Seconds()
}

// anyJob is what jobs and bridges have.
func (c *call) anyJob(p *project, r *ci.Pipeline, j *ci.Job) object {
	o := object{"id": j.ID, "status": j.Status, "stage": j.Stage, "name": j.Name, "ref": r.Ref, "tag": r.Tag, "coverage": nil, "allow_failure": j.AllowFailure, "created_at": at(j.CreatedAt),
		"started_at": at(j.StartedAt), "finished_at": at(j.FinishedAt), "erased_at": nil, "duration": fraction(j.Ran(c.now)), "queued_duration": fraction(j.Queued(c.now)), "user": nil,
		"commit": nil, "pipeline": c.plainPipeline(p, r), "web_url": c.web(p) + "/-/jobs/" + strconv.FormatInt(j.ID, 10), "project": object{"ci_job_token_scope_enabled": false}}
	if j.Coverage > 0 && ci.Over(j.Status) {
		o["coverage"] = j.Coverage
	}
	if j.Status == ci.Failed {
		o["failure_reason"] = j.Failure
	}
	if u := c.world.user(j.User); u != nil {
		o["user"] = c.user(u)
	}
	if k, err := c.resolve(p, r.SHA); err == nil {
		o["commit"] = c.commit(p, k)
	}
	return o
}

func (c *call) job(p *project, r *ci.Pipeline, j *ci.Job) object {
	o := c.anyJob(p, r, j)
	artifacts := []object{}
	add := func(kind, name, format string, size int) {
		artifacts = append(artifacts, object{"file_type": kind, "size": size, "filename": name, "file_format": format})
	}
	if data := archive(j); data != nil {
		o["artifacts_file"] = object{"filename": "artifacts.zip", "size": len(data)}
		add("archive", "artifacts.zip", "zip", len(data))
	}
	if j.Status == ci.Success || j.Status == ci.Failed {
		for _, a := range j.Artifacts {
			add(a.Kind, a.Name, a.Format, int(a.Size))
		}
		add("trace", "job.log", "raw", len(j.Log))
	}
	o["artifacts"], o["artifacts_expire_at"], o["tag_list"], o["runner"], o["runner_manager"], o["archived"] = artifacts, nil, append([]string{}, j.Tags...), nil, nil, false
	if len(artifacts) > 0 {
		o["artifacts_expire_at"] = at(j.FinishedAt.AddDate(0, 1, 0))
	}
	if !j.StartedAt.IsZero() {
		o["runner"] = object{"id": 1, "description": "runner-1", "ip_address": nil, "active": true, "paused": false, "is_shared": true, "runner_type": "instance_type", "name": "gitlab-runner",
			"online": true, "created_by": nil, "created_at": nil, "status": "online", "job_execution_status": "idle"}
	}
	return o
}

func (c *call) bridge(p *project, r *ci.Pipeline, j *ci.Job) object {
	o := c.anyJob(p, r, j)
	o["downstream_pipeline"] = nil
	if child := p.runs.Find(j.ChildID); child != nil {
		o["downstream_pipeline"] = c.plainPipeline(p, child)
	}
	return o
}

// statusRoutes are what others say of commits.
func (s *Server) statusRoutes(get getter, change changer) {
	get("/projects/{id}/repository/commits/{sha}/statuses", func(c *call) (any, error) {
		p, err := c.projectAsked()
		if err != nil {
			return nil, err
		}
		head, err := c.commitOr(p, c.r.PathValue("sha"), "Commit")
		if err != nil {
			return nil, err
		}
		var out []object
		for _, r := range p.pipelines(selection{sha: string(head.OID)}) {
			for _, j := range r.Jobs {
				if (!j.Retried || c.flag("all")) && (c.query.Get("name") == "" || c.query.Get("name") == j.Name) {
					out = append(out, c.commitStatus(p, r, j))
				}
			}
		}
		return page(c, out)
	})
	change("POST /projects/{id}/statuses/{sha}", http.StatusCreated, func(c *call) (any, error) {
		sent, err := c.sent()
		if err != nil {
			return nil, err
		}
		s.mu.Lock()
		defer s.mu.Unlock()
		p, err := c.projectAsked()
		if err == nil {
			err = c.developer(p)
		}
		if err != nil {
			return nil, err
		}
		like := ci.Job{Name: cmp.Or(sent.Get("name"), sent.Get("context"), "default"), Status: sent.Get("state"), Description: sent.Get("description"), URL: sent.Get("target_url"), User: c.viewer.Username}
		if !slices.Contains([]string{ci.Pending, ci.Running, ci.Success, ci.Failed, ci.Canceled, ci.Skipped}, like.Status) {
			return nil, invalid("state")
		}
		head, err := c.resolve(p, c.r.PathValue("sha"))
		if errors.Is(err, git.ErrNotFound) || errors.Is(err, git.ErrInvalid) {
			return nil, absent("Commit")
		} else if err != nil {
			return nil, err
		}
		r, err := c.statusPipeline(p, string(head.OID), sent.Get("ref"), sent.Get("pipeline_id"))
		if err != nil {
			return nil, err
		}
		j, err := p.runs.Tell(r, like, c.now)
		if err != nil {
			return nil, fault{http.StatusBadRequest, object{"message": "Cannot transition status via :" + map[string]string{ci.Running: "run", ci.Pending: "enqueue"}[like.Status] + " from :" + like.Status +
				" (Reason(s): Status cannot transition via \"" + like.Status + "\")"}}
		}
		return c.commitStatus(p, r, j), nil
	})
}

// statusPipeline finds the pipeline that a status joins, or begins one of nothing else.
func (c *call) statusPipeline(p *project, sha, ref, id string) (*ci.Pipeline, error) {
	for _, r := range p.pipelines(selection{sha: sha, ref: ref}) {
		if id == "" || id == strconv.FormatInt(r.ID, 10) {
			return r, nil
		}
	}
	if id != "" {
		return nil, absent("Pipeline for pipeline_id, sha and ref")
	}
	if ref == "" {
		refs, err := p.repository.Refs(c.r.Context())
		if err != nil {
			return nil, err
		}
		for _, branch := range refs.Branches {
			if head, err := c.resolve(p, branch.Name); err == nil && string(head.OID) == sha {
				ref = branch.Short()
			}
		}
	}
	if ref == "" {
		return nil, absent("References for commit")
	}
	return p.runs.Add(ci.Pipeline{Ref: strings.TrimPrefix(ref, "refs/heads/"), SHA: sha, BeforeSHA: nothing, Source: "external", User: c.viewer.Username, CreatedAt: c.now}), nil
}

func (c *call) commitStatus(p *project, r *ci.Pipeline, j *ci.Job) object {
	target := orNull(j.URL)
	if !j.External {
		target = c.web(p) + "/-/jobs/" + strconv.FormatInt(j.ID, 10)
	}
	o := object{"id": j.ID, "sha": r.SHA, "ref": r.Ref, "status": j.Status, "name": j.Name, "target_url": target, "description": orNull(j.Description), "created_at": at(j.CreatedAt),
		"started_at": at(j.StartedAt), "finished_at": at(j.FinishedAt), "allow_failure": j.AllowFailure, "coverage": nil, "pipeline_id": r.ID, "author": c.userNamed(j.User)}
	if j.Coverage > 0 {
		o["coverage"] = j.Coverage
	}
	return o
}
