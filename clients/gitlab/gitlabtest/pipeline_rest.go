package gitlabtest

import (
	"cmp"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"callboard.dev/callboard/clients/git"
	"callboard.dev/callboard/clients/gitlab/gitlabtest/ci"
)

// selection is what a list of pipelines is narrowed to, by REST or GraphQL.
type selection struct {
	ref, sha, status, source, username, name, scope string
	after, before                                   time.Time // of the last change
}

func (q selection) takes(r *ci.Pipeline) bool {
	child := r.Parent != 0
	switch {
	case child != (q.source == "parent_pipeline"),
		q.ref != "" && q.ref != r.Ref, q.sha != "" && q.sha != r.SHA, q.status != "" && q.status != r.Status, q.source != "" && q.source != r.Source,
		q.username != "" && !strings.EqualFold(q.username, r.User), q.name != "" && q.name != r.Name,
		!q.after.IsZero() && r.UpdatedAt.Before(q.after), !q.before.IsZero() && r.UpdatedAt.After(q.before):
		return false
	}
	switch q.scope {
	case "running", "pending":
		return r.Status == q.scope
	case "finished":
		return r.Status == ci.Success || r.Status == ci.Failed || r.Status == ci.Canceled
	case "branches":
		return !r.Tag && r.MergeRequest == 0
	case "tags":
		return r.Tag
	}
	return true
}

// pipelines returns the pipelines that a selection takes, the newest first.
func (p *project) pipelines(q selection) []*ci.Pipeline {
	var out []*ci.Pipeline
	for _, r := range slices.Backward(p.runs.Pipelines) {
		if q.takes(r) {
			out = append(out, r)
		}
	}
	return out
}

func (s *Server) pipelineRoutes(get getter, change changer) {
	get("/projects/{id}/pipelines", func(c *call) (any, error) {
		p, err := c.projectAsked()
		if err != nil {
			return nil, err
		}
		return c.pipelinePage(p)
	})
	get("/projects/{id}/pipelines/latest", func(c *call) (any, error) {
		p, err := c.projectAsked()
		if err != nil {
			return nil, err
		}
		ref := cmp.Or(c.query.Get("ref"), p.DefaultBranch)
		head, err := c.resolve(p, ref)
		if err != nil {
			return nil, forbidden // GitLab's answer where there is none
		}
		if found := p.pipelines(selection{ref: ref, sha: string(head.OID)}); len(found) > 0 {
			return c.pipeline(p, found[0], true), nil
		}
		return nil, forbidden
	})
	get("/projects/{id}/merge_requests/{iid}/pipelines", func(c *call) (any, error) {
		p, m, err := c.mergeRequestAsked()
		if err != nil {
			return nil, err
		}
		list, err := page(c, slices.DeleteFunc(p.pipelines(selection{}), func(r *ci.Pipeline) bool { return !p.concerns(r, m) }))
		return each(list, func(r *ci.Pipeline) object { return c.plainPipeline(p, r) }), err
	})
	one := func(path string, serve func(*call, *project, *ci.Pipeline) (any, error)) {
		get("/projects/{id}/pipelines/{pipeline}"+path, func(c *call) (any, error) {
			p, r, err := c.pipelineAsked()
			if err != nil {
				return nil, err
			}
			return serve(c, p, r)
		})
	}
	one("", func(c *call, p *project, r *ci.Pipeline) (any, error) { return c.pipeline(p, r, true), nil })
	one("/jobs", func(c *call, p *project, r *ci.Pipeline) (any, error) { return c.jobPage(p, r, false) })
	one("/bridges", func(c *call, p *project, r *ci.Pipeline) (any, error) { return c.jobPage(p, r, true) })
	one("/variables", func(c *call, p *project, r *ci.Pipeline) (any, error) {
		if c.viewer == nil || c.world.access(c.viewer, p) < Maintainer && c.viewer.Username != r.User {
			return nil, forbidden
		}
		return each(r.Variables, func(v ci.Variable) object {
			return object{"variable_type": cmp.Or(v.Kind, "env_var"), "key": v.Key, "value": v.Value, "raw": false}
		}), nil
	})
	one("/test_report", func(c *call, p *project, r *ci.Pipeline) (any, error) { return testReport(p, r), nil })
	one("/test_report_summary", func(c *call, p *project, r *ci.Pipeline) (any, error) { return testSummary(r), nil })

	change("POST /projects/{id}/merge_requests/{iid}/pipelines", http.StatusOK, func(c *call) (any, error) {
		s.mu.Lock()
		defer s.mu.Unlock()
		p, m, err := c.mergeRequestAsked()
		if err == nil {
			err = c.developer(p)
		}
		switch {
		case err != nil:
			return nil, err
		case m.SHA == "":
			return nil, message(http.StatusMethodNotAllowed, "Method Not Allowed")
		case len(p.jobs) == 0:
			return nil, fault{http.StatusBadRequest, object{"message": object{"base": []string{"Missing CI config file"}}}}
		}
		return c.pipeline(p, s.begin(p, ci.Pipeline{MergeRequest: m.IID, Source: "merge_request_event", User: c.viewer.Username}), false), nil
	})
	act := func(path string, status int, do func(*call, *project, *ci.Pipeline)) {
		change("POST /projects/{id}/pipelines/{pipeline}"+path, status, func(c *call) (any, error) {
			s.mu.Lock()
			defer s.mu.Unlock()
			p, r, err := c.pipelineAsked()
			if err == nil {
				err = c.developer(p)
			}
			if err != nil {
				return nil, err
			}
			do(c, p, r)
			return c.pipeline(p, r, false), nil
		})
	}
	act("/retry", http.StatusCreated, func(c *call, p *project, r *ci.Pipeline) { p.runs.Retry(r, c.viewer.Username, c.now) })
	act("/cancel", http.StatusOK, func(c *call, p *project, r *ci.Pipeline) { p.runs.Cancel(r, c.now) })
	change("POST /projects/{id}/pipeline", http.StatusCreated, func(c *call) (any, error) {
		ref, variables, err := c.newPipeline()
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
		complain := func(text string) (any, error) {
			return nil, fault{http.StatusBadRequest, object{"message": object{"base": []string{text}}}}
		}
		r := ci.Pipeline{Ref: ref, Source: "api", User: c.viewer.Username, Variables: variables}
		head, err := c.resolve(p, "refs/heads/"+ref)
		if errors.Is(err, git.ErrNotFound) || errors.Is(err, git.ErrInvalid) {
			r.Tag = true
			head, err = c.resolve(p, "refs/tags/"+ref)
		}
		switch {
		case errors.Is(err, git.ErrNotFound), errors.Is(err, git.ErrInvalid):
			return complain("Reference not found")
		case err != nil:
			return nil, err
		case len(p.jobs) == 0:
			return complain("Missing CI config file")
		}
		r.SHA = string(head.OID)
		return c.pipeline(p, s.begin(p, r), false), nil
	})
}

// developer returns an error where the viewer may not do in a project what developers may.
func (c *call) developer(p *project) error {
	switch {
	case c.viewer == nil:
		return unauthorized
	case c.world.access(c.viewer, p) < Developer && !c.viewer.Admin, p.Archived:
		return forbidden
	}
	return nil
}

// newPipeline reads what a pipeline is to be begun with.
func (c *call) newPipeline() (ref string, variables []ci.Variable, err error) {
	ref = c.query.Get("ref")
	var sent struct {
		Ref       string
		Variables []struct {
			Key, Value string
			Kind       string `json:"variable_type"`
		}
	}
	if strings.HasPrefix(c.r.Header.Get("Content-Type"), "application/json") {
		const most = 1 << 20
		if err := json.NewDecoder(http.MaxBytesReader(c.w, c.r.Body, most)).Decode(&sent); err != nil {
			return "", nil, fault{http.StatusBadRequest, object{"error": "Bad Request"}}
		}
	} else if form, err := c.sent(); err != nil {
		return "", nil, err
	} else {
		ref = cmp.Or(form.Get("ref"), ref)
	}
	for _, v := range sent.Variables {
		if v.Kind != "" && v.Kind != "env_var" && v.Kind != "file" {
			return "", nil, invalid("variables[0][variable_type]")
		}
		variables = append(variables, ci.Variable{Key: v.Key, Value: v.Value, Kind: v.Kind})
	}
	if ref = cmp.Or(sent.Ref, ref); ref == "" {
		return "", nil, fault{http.StatusBadRequest, object{"error": "ref is missing"}}
	}
	return ref, variables, nil
}

func (c *call) pipelineAsked() (*project, *ci.Pipeline, error) {
	p, err := c.projectAsked()
	if err != nil {
		return nil, nil, err
	}
	id, err := strconv.ParseInt(c.r.PathValue("pipeline"), 10, 64)
	if err != nil {
		return nil, nil, fault{http.StatusBadRequest, object{"error": "pipeline_id is invalid"}}
	}
	if r := p.runs.Find(id); r != nil {
		return p, r, nil
	}
	return nil, nil, message(http.StatusNotFound, "Not found")
}

var statuses = []string{"created", "waiting_for_resource", "preparing", "waiting_for_callback", "pending", "running", "success", "failed", "canceling", "canceled", "skipped", "manual", "scheduled"}

func (c *call) pipelinePage(p *project) (any, error) {
	get := c.query.Get
	q := selection{ref: get("ref"), sha: get("sha"), status: get("status"), source: get("source"), username: get("username"), name: get("name"), scope: get("scope")}
	if q.status != "" && !slices.Contains(statuses, q.status) {
		return nil, invalid("status")
	}
	if q.scope != "" && !slices.Contains([]string{"running", "pending", "finished", "branches", "tags"}, q.scope) {
		return nil, invalid("scope")
	}
	found := p.pipelines(q)
	found = slices.DeleteFunc(found, func(r *ci.Pipeline) bool {
		return !within(c.query, "updated", r.UpdatedAt) || !within(c.query, "created", r.CreatedAt)
	})
	var by func(a, b *ci.Pipeline) int
	switch cmp.Or(get("order_by"), "id") {
	case "id":
		by = func(a, b *ci.Pipeline) int { return cmp.Compare(a.ID, b.ID) }
	case "updated_at":
		by = func(a, b *ci.Pipeline) int { return a.UpdatedAt.Compare(b.UpdatedAt) }
	case "status":
		by = func(a, b *ci.Pipeline) int { return cmp.Compare(a.Status, b.Status) }
	case "ref":
		by = func(a, b *ci.Pipeline) int { return cmp.Compare(a.Ref, b.Ref) }
	case "user_id":
		by = func(a, b *ci.Pipeline) int { return cmp.Compare(c.world.user(a.User).ID, c.world.user(b.User).ID) }
	default:
		return nil, invalid("order_by")
	}
	slices.SortStableFunc(found, func(a, b *ci.Pipeline) int {
		order := cmp.Or(by(a, b), cmp.Compare(a.ID, b.ID))
		if get("sort") != "asc" {
			return -order
		}
		return order
	})
	list, err := page(c, found)
	return each(list, func(r *ci.Pipeline) object { return c.basicPipeline(p, r) }), err
}

// basicPipeline is a pipeline as lists have it.
func (c *call) basicPipeline(p *project, r *ci.Pipeline) object {
	o := c.plainPipeline(p, r)
	o["name"] = orNull(r.Name)
	return o
}

// plainPipeline is a pipeline as a part of a job.
func (c *call) plainPipeline(p *project, r *ci.Pipeline) object {
	return object{"id": r.ID, "iid": r.IID, "project_id": p.ID, "sha": r.SHA, "ref": r.Ref, "status": r.Status, "source": r.Source, "created_at": at(r.CreatedAt),
		"updated_at": at(r.UpdatedAt), "web_url": c.web(p) + "/-/pipelines/" + strconv.FormatInt(r.ID, 10)}
}

// seconds is a duration in whole seconds, null where there is none.
func seconds(d time.Duration) any {
	if d <= 0 {
		return nil
	}
	return int64(d.Round(time.Second) / time.Second)
}

func (c *call) pipeline(p *project, r *ci.Pipeline, named bool) object {
	o := c.plainPipeline(p, r)
	for name, value := range (object{"before_sha": r.BeforeSHA, "tag": r.Tag, "yaml_errors": orNull(r.ConfigErrors), "user": c.userNamed(r.User), "started_at": at(r.StartedAt),
		"finished_at": at(r.FinishedAt), "committed_at": nil, "duration": seconds(r.Duration()), "queued_duration": seconds(r.Queued()), "coverage": nil,
		"detailed_status": detailedStatus(r.Status, r.Warnings(), "/"+p.Path+"/-/pipelines/"+strconv.FormatInt(r.ID, 10))}) {
		o[name] = value
	}
	if share, ok := r.Coverage(); ok {
		o["coverage"] = strconv.FormatFloat(share, 'f', 2, 64)
	}
	if named {
		o["name"] = orNull(r.Name)
	}
	return o
}

// words are GitLab's for what a state looks like.
var words = map[string]string{ci.Success: "passed", ci.Failed: "failed", ci.Canceled: "canceled", ci.Created: "created", ci.Pending: "pending", ci.Running: "running", ci.Skipped: "skipped",
	ci.Manual: "manual"}

func detailedStatus(status string, warnings bool, path string) object {
	group, label, icon := status, words[status], "status_"+status
	text := label
	if warnings && status == ci.Success {
		group, label, icon, text = "success-with-warnings", "passed with warnings", "status_warning", "warning"
	}
	return object{"icon": icon, "text": text, "label": label, "group": group, "tooltip": label, "has_details": true, "details_path": path, "illustration": nil,
		"favicon": "/assets/ci_favicons/favicon_status_" + status + ".png"}
}

// reported are the jobs whose tests count.
func reported(r *ci.Pipeline) []*ci.Job {
	return slices.DeleteFunc(r.Latest(), func(j *ci.Job) bool { return len(j.Tests) == 0 || j.Status != ci.Success && j.Status != ci.Failed })
}

// sums counts tests.
type sums struct {
	total, success, failed, skipped, errors int
	seconds                                 float64
}

func (n *sums) add(t ci.TestCase) {
	n.total++
	n.seconds += t.Seconds
	switch t.Status {
	case ci.Failed:
		n.failed++
	case ci.Skipped:
		n.skipped++
	case "error":
		n.errors++
	default:
		n.success++
	}
}

func (n sums) object() object {
	return object{"total_time": n.seconds, "total_count": n.total, "success_count": n.success, "failed_count": n.failed, "skipped_count": n.skipped, "error_count": n.errors}
}

func testReport(p *project, r *ci.Pipeline) object {
	var all sums
	suites := []object{}
	for _, j := range reported(r) {
		var n sums
		cases := []object{}
		for _, t := range j.Tests {
			n.add(t)
			all.add(t)
			o := object{"status": cmp.Or(t.Status, ci.Success), "name": t.Name, "classname": t.Class, "file": orNull(t.File), "execution_time": t.Seconds,
				"system_output": orNull(t.Output), "stack_trace": orNull(t.Stack), "recent_failures": nil, "attachment_url": nil}
			if t.RecentFailures > 0 {
				o["recent_failures"] = object{"count": t.RecentFailures, "base_branch": p.DefaultBranch}
			}
			cases = append(cases, o)
		}
		suite := n.object()
		suite["name"], suite["test_cases"], suite["suite_error"] = j.Name, cases, nil
		suites = append(suites, suite)
	}
	out := all.object()
	out["test_suites"] = suites
	return out
}

func testSummary(r *ci.Pipeline) object {
	var all sums
	suites := []object{}
	for _, j := range reported(r) {
		var n sums
		for _, t := range j.Tests {
			n.add(t)
			all.add(t)
		}
		suite := n.object()
		suite["name"], suite["build_ids"], suite["suite_error"] = j.Name, []int64{j.ID}, nil
		suites = append(suites, suite)
	}
	return object{"total": object{"time": all.seconds, "count": all.total, "success": all.success, "failed": all.failed, "skipped": all.skipped, "error": all.errors, "suite_error": nil},
		"test_suites": suites}
}

// scopes returns the states that a list of jobs is narrowed to.
func scopes(q url.Values) ([]string, error) {
	wanted := append(slices.Clone(q["scope[]"]), q["scope"]...)
	for _, status := range wanted {
		if !slices.Contains(statuses, status) {
			return nil, fault{http.StatusBadRequest, object{"error": "scope does not have a valid value"}}
		}
	}
	return wanted, nil
}
