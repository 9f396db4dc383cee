package githubtest

import (
	"cmp"
	"encoding/json"
	"maps"
	"net/http"
	"slices"
	"strings"

	"callboard.dev/callboard/clients/git"
)

// restActions adds what REST has of workflows, runs, jobs, checks, statuses and comments. In gives what lies in a repository a handler.
func (g *GitHub) restActions(mux *http.ServeMux, prefix string, in func(string, func(*call, *http.Request, *Repository) (*reply, error))) {
	post := func(pattern string, serve func(*call, *http.Request, *Repository) (*reply, error)) {
		g.changes(mux, "POST "+prefix+"/repos/{owner}/{repo}"+pattern, serve)
	}
	run := func(serve func(*call, *http.Request, *workflowRun) (*reply, error)) func(*call, *http.Request, *Repository) (*reply, error) {
		return func(c *call, request *http.Request, r *Repository) (*reply, error) {
			if err := c.refusedREST("actions"); err != nil {
				return nil, err
			}
			if one := r.runWithID(atoi(request.PathValue("id"))); one != nil {
				return serve(c, request, one)
			}
			return nil, errNotFound
		}
	}
	ofJob := func(serve func(*call, *http.Request, *job) (*reply, error)) func(*call, *http.Request, *Repository) (*reply, error) {
		return func(c *call, request *http.Request, r *Repository) (*reply, error) {
			if err := c.refusedREST("actions"); err != nil {
				return nil, err
			}
			if one := c.g.job(r, atoi(request.PathValue("id"))); one != nil {
				return serve(c, request, one)
			}
			return nil, errNotFound
		}
	}
	in("/actions/workflows", func(c *call, request *http.Request, r *Repository) (*reply, error) {
		list := slices.SortedFunc(maps.Values(r.workflows), func(a, b *workflow) int { return cmp.Compare(a.DatabaseID, b.DatabaseID) })
		return counted(c, request, "workflows", list, func(w *workflow) any { return g.restWorkflow(w) }), nil
	})
	in("/actions/workflows/{id}", func(c *call, request *http.Request, r *Repository) (*reply, error) {
		if w := r.workflowNamed(request.PathValue("id")); w != nil {
			return &reply{body: g.restWorkflow(w)}, nil
		}
		return nil, errNotFound
	})
	in("/actions/workflows/{id}/runs", restRuns)
	in("/actions/runs", restRuns)
	in("/actions/runs/{id}", run(func(c *call, _ *http.Request, one *workflowRun) (*reply, error) {
		return &reply{body: g.restRun(c, one)}, nil
	}))
	in("/actions/runs/{id}/attempts/{attempt}", run(func(c *call, request *http.Request, one *workflowRun) (*reply, error) {
		if out := g.restAttempt(c, one, atoi(request.PathValue("attempt"))); out != nil {
			return &reply{body: out}, nil
		}
		return nil, errNotFound
	}))
	jobs := run(func(c *call, request *http.Request, one *workflowRun) (*reply, error) {
		b := one.of()
		list := b.latest()
		if attempt := request.PathValue("attempt"); attempt != "" {
			if atoi(attempt) < 1 || atoi(attempt) > b.attempt {
				return nil, errNotFound
			}
			list = b.upTo(atoi(attempt))
		} else if request.URL.Query().Get("filter") == "all" {
			list = b.jobs
		}
		return counted(c, request, "jobs", list, func(j *job) any { return g.restJob(j) }), nil
	})
	in("/actions/runs/{id}/jobs", jobs)
	in("/actions/runs/{id}/attempts/{attempt}/jobs", jobs)
	in("/actions/runs/{id}/logs", run(func(c *call, _ *http.Request, one *workflowRun) (*reply, error) {
		if status, _ := one.suite.state(); status != "COMPLETED" {
			return nil, errNotFound
		}
		return c.elsewhere("/runs/" + itoa(one.DatabaseID))
	}))
	in("/actions/runs/{id}/artifacts", run(func(c *call, request *http.Request, one *workflowRun) (*reply, error) {
		list := slices.DeleteFunc(slices.Clone(one.of().artifacts), func(a *artifact) bool {
			name := request.URL.Query().Get("name")
			return name != "" && name != a.Name
		})
		return counted(c, request, "artifacts", list, func(a *artifact) any { return g.restArtifact(a) }), nil
	}))
	in("/actions/jobs/{id}", ofJob(func(_ *call, _ *http.Request, j *job) (*reply, error) { return &reply{body: g.restJob(j)}, nil }))
	in("/actions/jobs/{id}/logs", ofJob(func(c *call, _ *http.Request, j *job) (*reply, error) {
		if j.check.Status != "COMPLETED" || j.check.Conclusion == "SKIPPED" {
			return nil, errNotFound
		}
		return c.elsewhere("/logs/" + itoa(j.check.DatabaseID))
	}))
	in("/actions/artifacts/{id}", func(_ *call, request *http.Request, r *Repository) (*reply, error) {
		if a := g.artifact(atoi(request.PathValue("id"))); a != nil && a.run.suite.repository == r {
			return &reply{body: g.restArtifact(a)}, nil
		}
		return nil, errNotFound
	})
	in("/actions/artifacts/{id}/zip", func(c *call, request *http.Request, r *Repository) (*reply, error) {
		a := g.artifact(atoi(request.PathValue("id")))
		if a == nil || a.run.suite.repository != r {
			return nil, errNotFound
		}
		if a.expired {
			return nil, &restError{status: http.StatusGone, message: "Artifact has expired"}
		}
		return c.elsewhere("/artifacts/" + itoa(a.DatabaseID))
	})
	post("/actions/runs/{id}/rerun", run(func(c *call, _ *http.Request, one *workflowRun) (*reply, error) {
		return again(c, one, func(*job) bool { return true })
	}))
	post("/actions/runs/{id}/rerun-failed-jobs", run(func(c *call, _ *http.Request, one *workflowRun) (*reply, error) {
		return again(c, one, (*job).failed)
	}))
	post("/actions/jobs/{id}/rerun", ofJob(func(c *call, _ *http.Request, j *job) (*reply, error) {
		return again(c, j.check.suite.run, func(other *job) bool { return other.plan.Name == j.plan.Name })
	}))
	post("/actions/runs/{id}/cancel", run(func(c *call, _ *http.Request, one *workflowRun) (*reply, error) {
		if err := c.forbidsWriting(one.suite.repository); err != nil {
			return nil, err
		}
		if err := g.cancel(one); err != nil {
			return nil, &restError{status: http.StatusConflict, message: refusal(err)}
		}
		return &reply{status: http.StatusAccepted, body: object{}}, nil
	}))
	post("/actions/workflows/{id}/dispatches", restDispatch)
	g.restChecks(mux, prefix, in, post)
}

// changes gives something that changes a repository a handler: it adds credentials, permissions and budgets.
func (g *GitHub) changes(mux *http.ServeMux, pattern string, serve func(*call, *http.Request, *Repository) (*reply, error)) {
	mux.Handle(pattern, g.free(route{writes: true}, func(c *call, w http.ResponseWriter, r *http.Request) (*reply, error) {
		if g.limited() {
			now := g.charge(c.spends, c.token != nil, resourceCore, 0)
			if now.Remaining == 0 {
				now.header(w.Header())
				return nil, &restError{status: http.StatusForbidden, message: c.exhausted(), page: "rest/overview/rate-limits-for-the-rest-api"}
			}
			g.charge(c.spends, c.token != nil, resourceCore, 1).header(w.Header())
			g.Watch.Charge(resourceCore, 1)
		}
		repository, to, err := c.named(r)
		switch {
		case err != nil:
			return nil, err
		case to != nil:
			to.status = http.StatusTemporaryRedirect // a POST that moves stays a POST
			return to, nil
		case c.token == nil:
			return nil, &restError{status: http.StatusUnauthorized, message: "Requires authentication"}
		}
		return serve(c, r, repository)
	}))
}

// forbidsWriting refuses who may not write to a repository.
func (c *call) forbidsWriting(r *Repository) error {
	if rank(c.may(r)) < rank("WRITE") {
		return &restError{status: http.StatusForbidden, message: "Must have admin rights to Repository."}
	}
	if err := c.g.writable(r); err != nil {
		return &restError{status: http.StatusForbidden, message: "Repository was archived so is read-only."}
	}
	return nil
}

// refusedREST is refused, as REST says it.
func (c *call) refusedREST(permission string) error {
	if err := c.refused(permission); err != nil {
		return &restError{status: http.StatusForbidden, message: err.Error()}
	}
	return nil
}

// counted is listed, for lists that tell how many there are in all.
func counted[T any](c *call, r *http.Request, name string, items []T, show func(T) any) *reply {
	out := listed(c, r, items, usualPage, show)
	out.body = object{"total_count": len(items), name: out.body}
	return out
}

// elsewhere leads to what lies in the storage. Nobody gets there without credentials, whoever owns the repository.
func (c *call) elsewhere(path string) (*reply, error) {
	if c.token == nil {
		return nil, &restError{status: http.StatusForbidden, message: "Must have admin rights to Repository."}
	}
	return &reply{status: http.StatusFound, from: c.g.stored(path)}, nil
}

func restRuns(c *call, request *http.Request, r *Repository) (*reply, error) {
	if err := c.refusedREST("actions"); err != nil {
		return nil, err
	}
	var only *workflow
	if id := request.PathValue("id"); id != "" {
		if only = r.workflowNamed(id); only == nil {
			return nil, errNotFound
		}
	}
	query := request.URL.Query()
	is := func(name, value string) bool { return query.Get(name) == "" || query.Get(name) == value }
	from, to, _ := strings.Cut(query.Get("created"), "..")
	var list []*workflowRun
	for _, s := range slices.Backward(r.suites) {
		if s.run == nil {
			continue
		}
		status, conclusion := s.state()
		status, conclusion = strings.ToLower(status), strings.ToLower(conclusion)
		created := s.CreatedAt.UTC().Format("2006-01-02T15:04:05Z")
		who, _ := s.run.of().actor.(*User)
		login := ""
		if who != nil {
			login = who.Login
		}
		if (only == nil || s.run.workflow == only) && is("branch", s.branch) && is("head_sha", string(s.oid)) && is("event", s.run.Event) && (is("status", status) || is("status", conclusion)) && is("actor", login) &&
			(from == "" || from == "*" || created >= from) && (to == "" || to == "*" || created <= to) {
			list = append(list, s.run)
		}
	}
	slices.SortStableFunc(list, func(a, b *workflowRun) int { return b.suite.CreatedAt.Compare(a.suite.CreatedAt) })
	return counted(c, request, "workflow_runs", list, func(run *workflowRun) any {
		out := c.g.restRun(c, run)
		if query.Get("exclude_pull_requests") == "true" {
			out["pull_requests"] = []any{}
		}
		return out
	}), nil
}

// again runs jobs of a run again.
func again(c *call, run *workflowRun, chosen func(*job) bool) (*reply, error) {
	if err := c.forbidsWriting(run.suite.repository); err != nil {
		return nil, err
	}
	if err := c.g.rerun(run, c.who(), chosen); err != nil {
		return nil, &restError{status: http.StatusForbidden, message: refusal(err)}
	}
	return &reply{status: http.StatusCreated, body: object{}}, nil
}

func restDispatch(c *call, request *http.Request, r *Repository) (*reply, error) {
	if err := c.forbidsWriting(r); err != nil {
		return nil, err
	}
	w := r.workflowNamed(request.PathValue("id"))
	if w == nil {
		return nil, errNotFound
	}
	var in struct {
		Ref     string            `json:"ref"`
		Inputs  map[string]string `json:"inputs"`
		Details bool              `json:"return_run_details"`
	}
	if err := json.Unmarshal(c.body, &in); err != nil {
		return nil, &restError{status: http.StatusBadRequest, message: "Problems parsing JSON"}
	}
	if !slices.Contains(w.definition.Events, "workflow_dispatch") {
		return nil, unprocessable("Workflow does not have 'workflow_dispatch' trigger")
	}
	for name := range in.Inputs {
		if !slices.Contains(w.definition.Inputs, name) {
			return nil, unprocessable("Unexpected inputs provided: [%q]", name)
		}
	}
	branch := strings.TrimPrefix(in.Ref, "refs/heads/")
	head, err := c.g.revision(c.ctx, r, in.Ref)
	if err != nil {
		return nil, err
	}
	if in.Ref == "" || head == nil {
		return nil, unprocessable("No ref found for: %s", in.Ref)
	}
	run, err := c.g.startRun(c.ctx, r, w, Run{Event: "workflow_dispatch", Branch: branch, HeadOID: string(head.OID), Title: w.Name}, c.who())
	if err != nil {
		return nil, err
	}
	if in.Details && !c.g.settings.Enterprise {
		return &reply{status: http.StatusOK, body: object{"workflow_run_id": run.DatabaseID, "run_url": c.g.api("/repos/" + r.NameWithOwner() + "/actions/runs/" + itoa(run.DatabaseID)), "html_url": c.g.web(page(run))}}, nil
	}
	return &reply{status: http.StatusNoContent}, nil
}

// restChecks adds what REST has of checks, statuses and comments.
func (g *GitHub) restChecks(mux *http.ServeMux, prefix string, in, post func(string, func(*call, *http.Request, *Repository) (*reply, error))) {
	check := func(serve func(*call, *http.Request, *Check) (*reply, error)) func(*call, *http.Request, *Repository) (*reply, error) {
		return func(c *call, request *http.Request, r *Repository) (*reply, error) {
			if err := c.refusedREST("checks"); err != nil {
				return nil, err
			}
			if k, ok := g.state.nodes[numbered("CR", atoi(request.PathValue("id")))].(*Check); ok && k.suite.repository == r {
				return serve(c, request, k)
			}
			return nil, errNotFound
		}
	}
	at := func(serve func(*call, *http.Request, *Repository, git.OID) (*reply, error)) func(*call, *http.Request, *Repository) (*reply, error) {
		return func(c *call, request *http.Request, r *Repository) (*reply, error) {
			commit, err := g.revision(c.ctx, r, request.PathValue("sha"))
			if err != nil {
				return nil, err
			}
			if commit == nil {
				return nil, unprocessable("No commit found for SHA: %s", request.PathValue("sha"))
			}
			return serve(c, request, r, commit.OID)
		}
	}
	in("/check-runs/{id}", check(func(c *call, _ *http.Request, k *Check) (*reply, error) { return &reply{body: g.restCheck(c, k)}, nil }))
	in("/check-runs/{id}/annotations", check(func(c *call, request *http.Request, k *Check) (*reply, error) {
		return listed(c, request, k.Annotations, usualPage, func(a Annotation) any { return g.restAnnotation(k, a) }), nil
	}))
	in("/commits/{sha}/check-runs", at(func(c *call, request *http.Request, r *Repository, oid git.OID) (*reply, error) {
		var list []*Check
		for _, s := range r.suites {
			if s.oid == oid {
				list = append(list, s.checks...)
			}
		}
		return counted(c, request, "check_runs", list, func(k *Check) any { return g.restCheck(c, k) }), nil
	}))
	in("/commits/{sha}/check-suites", at(func(c *call, request *http.Request, r *Repository, oid git.OID) (*reply, error) {
		list := slices.DeleteFunc(slices.Clone(r.suites), func(s *checkSuite) bool { return s.oid != oid })
		return counted(c, request, "check_suites", list, func(s *checkSuite) any { return g.restSuite(c, s) }), nil
	}))
	statuses := func(r *Repository, oid git.OID) []*commitStatus {
		return slices.DeleteFunc(slices.Clone(r.statuses), func(s *commitStatus) bool { return s.oid != oid })
	}
	in("/commits/{sha}/statuses", at(func(c *call, request *http.Request, r *Repository, oid git.OID) (*reply, error) {
		return listed(c, request, statuses(r, oid), usualPage, func(s *commitStatus) any { return g.restStatus(s) }), nil
	}))
	in("/commits/{sha}/status", at(func(c *call, request *http.Request, r *Repository, oid git.OID) (*reply, error) {
		list := statuses(r, oid)
		out := listed(c, request, list, usualPage, func(s *commitStatus) any { return g.restStatus(s) })
		together := "success"
		for _, s := range list {
			switch {
			case s.State == "FAILURE" || s.State == "ERROR":
				together = "failure"
			case s.State == "PENDING" && together == "success":
				together = "pending"
			}
		}
		if len(list) == 0 {
			together = "pending"
		}
		address := g.api("/repos/" + r.NameWithOwner() + "/commits/" + string(oid))
		out.body = object{"state": together, "statuses": out.body, "sha": string(oid), "total_count": len(list), "repository": g.restMinimal(r), "commit_url": address, "url": address + "/status"}
		return out, nil
	}))
	post("/statuses/{sha}", restSetStatus)
	comment := func(c *call, r *Repository, id string) (*Comment, error) {
		if one, ok := g.state.nodes[numbered("IC", atoi(id))].(*Comment); ok && one.on.in() == r {
			return one, nil
		}
		return nil, errNotFound
	}
	// ServeMux cannot tell /issues/comments/{id} from /issues/{number}/comments.
	in("/issues/{number}/{what}", func(c *call, request *http.Request, r *Repository) (*reply, error) {
		number, what := request.PathValue("number"), request.PathValue("what")
		if number == "comments" {
			one, err := comment(c, r, what)
			if err != nil {
				return nil, err
			}
			return &reply{body: g.restComment(one)}, nil
		}
		one, ok := r.items[atoi(number)].(item)
		if !ok || what != "comments" {
			return nil, errNotFound
		}
		return listed(c, request, *one.thread(), usualPage, func(one *Comment) any { return g.restComment(one) }), nil
	})
	body := func(c *call) (string, error) {
		var in struct {
			Body string `json:"body"`
		}
		if json.Unmarshal(c.body, &in) != nil {
			return "", &restError{status: http.StatusBadRequest, message: "Problems parsing JSON"}
		}
		if strings.TrimSpace(in.Body) == "" {
			return "", unprocessable("Validation Failed")
		}
		return in.Body, nil
	}
	post("/issues/{number}/comments", func(c *call, request *http.Request, r *Repository) (*reply, error) {
		one, ok := r.items[atoi(request.PathValue("number"))].(item)
		if !ok {
			return nil, errNotFound
		}
		text, err := body(c)
		if err != nil {
			return nil, err
		}
		if err := g.writable(r); err != nil {
			return nil, &restError{status: http.StatusForbidden, message: "Repository was archived so is read-only."}
		}
		return &reply{status: http.StatusCreated, body: g.restComment(g.comment(one, c.who(), text))}, nil
	})
	g.changes(mux, "PATCH "+prefix+"/repos/{owner}/{repo}/issues/comments/{id}", func(c *call, request *http.Request, r *Repository) (*reply, error) {
		one, err := comment(c, r, request.PathValue("id"))
		if err != nil {
			return nil, err
		}
		text, err := body(c)
		if err != nil {
			return nil, err
		}
		if one.author != c.who() && rank(c.may(r)) < rank("WRITE") {
			return nil, &restError{status: http.StatusForbidden, message: "Must have admin rights to Repository."}
		}
		before := one.Body
		one.Body, one.UpdatedAt = text, g.now()
		g.hooks.edited(one, before, c.who())
		return &reply{body: g.restComment(one)}, nil
	})
}

func restSetStatus(c *call, request *http.Request, r *Repository) (*reply, error) {
	if err := c.refusedREST("statuses"); err != nil {
		return nil, err
	}
	if rank(c.may(r)) < rank("WRITE") {
		return nil, errNotFound // as GitHub answers who may read and not write
	}
	var in struct {
		State       string `json:"state"`
		TargetURL   string `json:"target_url"`
		Description string `json:"description"`
		Context     string `json:"context"`
	}
	if json.Unmarshal(c.body, &in) != nil {
		return nil, &restError{status: http.StatusBadRequest, message: "Problems parsing JSON"}
	}
	oid, ok := git.ParseOID(request.PathValue("sha"))
	if commit, err := c.g.commit(c.ctx, r, oid); !ok || err != nil || commit == nil {
		return nil, unprocessable("No commit found for SHA: %s", request.PathValue("sha"))
	}
	if !slices.Contains([]string{"error", "failure", "pending", "success"}, in.State) || len([]rune(in.Description)) > 140 {
		return nil, &restError{status: http.StatusUnprocessableEntity, message: "Validation Failed", errors: []any{object{"resource": "Status", "code": "custom", "field": "state", "message": "state is not included in the list"}}}
	}
	s, err := c.g.setStatus(r, oid, CommitStatus{Context: cmp.Or(in.Context, "default"), State: strings.ToUpper(in.State), Description: in.Description, TargetURL: in.TargetURL}, c.who())
	if err != nil {
		return nil, err
	}
	return &reply{status: http.StatusCreated, body: c.g.restStatus(s)}, nil
}
