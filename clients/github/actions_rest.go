package github

import (
	"context"
	"encoding/json"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"callboard.dev/callboard/clients/git"
)

// RESTPage says which part of a list of the REST interface is asked for. Its zero value is the first 30.
type RESTPage struct {
	Number int // from 1; 1 where 0
	Size   int // 1 to 100; 30 where 0
}

// maxPages is the highest number of a page, by judgement: GitHub shows the first 1,000 runs of a filter, and few lists of more than 100,000.
const maxPages = 1000

func (p RESTPage) into(query url.Values) error {
	if p.Number < 0 || p.Number > maxPages || p.Size < 0 || p.Size > maxPage {
		return invalid("page", "number 1 to 1000 of 1 to 100 elements")
	}
	if p.Size == 0 {
		p.Size = 30
	}
	query.Set("per_page", strconv.Itoa(p.Size))
	if p.Number > 1 {
		query.Set("page", strconv.Itoa(p.Number))
	}
	return nil
}

// WorkflowPage is a page of the workflows of a repository.
type WorkflowPage struct {
	Workflows []*Workflow
	Total     int // in all pages
	HasNext   bool
}

type restWorkflow struct {
	NodeID    string `json:"node_id"`
	ID        int    `json:"id"`
	Name      string `json:"name"`
	Path      string `json:"path"`
	State     string `json:"state"`
	HTMLURL   string `json:"html_url"`
	CreatedAt moment `json:"created_at"`
	UpdatedAt moment `json:"updated_at"`
}

func (w *restWorkflow) value() *Workflow {
	return &Workflow{ID: cut(w.NodeID, maxLine), DatabaseID: max(w.ID, 0), Name: cut(w.Name, maxLine), Path: cut(w.Path, maxPath), State: word(w.State), URL: address(w.HTMLURL),
		CreatedAt: w.CreatedAt.Time, UpdatedAt: w.UpdatedAt.Time}
}

// Workflows returns a page of the workflows of the repository. One request to the REST interface.
func (c *Client) Workflows(ctx context.Context, slug Slug, page RESTPage) (*WorkflowPage, error) {
	query := url.Values{}
	if err := page.into(query); err != nil {
		return nil, err
	}
	var answer struct {
		Total     int             `json:"total_count"`
		Workflows []*restWorkflow `json:"workflows"`
	}
	next, err := c.list(ctx, slug, "GET /repos/{owner}/{name}/actions/workflows", []string{"actions", "workflows"}, query, &answer)
	if err != nil {
		return nil, err
	}
	return &WorkflowPage{Workflows: convert(answer.Workflows, (*restWorkflow).value), Total: max(answer.Total, 0), HasNext: next}, nil
}

// Workflow returns a workflow, by its id or the name of its file without folders. One request to the REST interface.
func (c *Client) Workflow(ctx context.Context, slug Slug, workflow string) (*Workflow, error) {
	if err := checkWorkflow(workflow); err != nil {
		return nil, err
	}
	var answer restWorkflow
	if _, err := c.list(ctx, slug, "GET /repos/{owner}/{name}/actions/workflows/{id}", []string{"actions", "workflows", workflow}, nil, &answer); err != nil {
		return nil, err
	}
	if answer.ID < 1 {
		return nil, bad(c.source, "its answer is about something else")
	}
	return answer.value(), nil
}

// list asks for something below a repository, and tells whether there is a page after the one it got.
func (c *Client) list(ctx context.Context, slug Slug, route string, below []string, query url.Values, into any) (bool, error) {
	if err := slug.check(); err != nil {
		return false, err
	}
	a, err := c.get(ctx, call{route: route, path: append([]string{"repos", slug.Owner, slug.Name}, below...), query: query, most: maxAnswer, longest: maxSteps})
	if err != nil {
		return false, err
	}
	return a.next != nil, c.read(a, into)
}

// RunFilter says which runs of a repository are listed. Its zero value is all. Those of a pull request are those of its head, or of its branch
// with the event "pull_request".
type RunFilter struct {
	Slug         Slug
	Workflow     string    // the id of a workflow, or the name of its file without folders, such as "check.yml"; any where empty
	Branch       string    // any where empty
	Commit       git.OID   // of the head; any where empty
	Event        string    // such as "push"; any where empty
	Status       string    // of Status and Conclusion, such as "FAILURE" or "IN_PROGRESS"; any where empty
	Actor        string    // login; anybody where empty
	Since, Until time.Time // when it was created; whenever where zero
	Page         RESTPage
}

// RunPage is a page of runs, the newest first. Of a filter with more conditions than the workflow GitHub shows no more than the first 1,000.
type RunPage struct {
	Runs    []*WorkflowRun
	Total   int // in all pages
	HasNext bool
}

func (f RunFilter) query() (url.Values, error) {
	query := url.Values{}
	if err := f.Page.into(query); err != nil {
		return nil, err
	}
	if f.Branch != "" {
		if err := checkRef(f.Branch); err != nil {
			return nil, err
		}
		query.Set("branch", f.Branch)
	}
	if f.Commit != "" {
		if oid(string(f.Commit)) == "" {
			return nil, invalid("object id", string(f.Commit))
		}
		query.Set("head_sha", string(f.Commit))
	}
	for name, text := range map[string]string{"event": f.Event, "status": strings.ToLower(f.Status)} {
		if text != "" {
			if len(text) > maxName || !made(text, "_") {
				return nil, invalid(name, text)
			}
			query.Set(name, text)
		}
	}
	if f.Actor != "" {
		if !actor(f.Actor) {
			return nil, invalid("login", f.Actor)
		}
		query.Set("actor", f.Actor)
	}
	if !f.Since.IsZero() || !f.Until.IsZero() {
		at := func(t time.Time) string {
			if t.IsZero() {
				return "*"
			}
			return t.UTC().Format(time.RFC3339)
		}
		query.Set("created", at(f.Since)+".."+at(f.Until))
	}
	return query, nil
}

// WorkflowRuns returns a page of runs. One request to the REST interface.
func (c *Client) WorkflowRuns(ctx context.Context, filter RunFilter) (*RunPage, error) {
	query, err := filter.query()
	if err != nil {
		return nil, err
	}
	route, path := "GET /repos/{owner}/{name}/actions/runs", []string{"actions", "runs"}
	if filter.Workflow != "" {
		if err := checkWorkflow(filter.Workflow); err != nil {
			return nil, err
		}
		route, path = "GET /repos/{owner}/{name}/actions/workflows/{id}/runs", []string{"actions", "workflows", filter.Workflow, "runs"}
	}
	var answer struct {
		Total int        `json:"total_count"`
		Runs  []*restRun `json:"workflow_runs"`
	}
	next, err := c.list(ctx, filter.Slug, route, path, query, &answer)
	if err != nil {
		return nil, err
	}
	return &RunPage{Runs: convert(answer.Runs, (*restRun).value), Total: max(answer.Total, 0), HasNext: next}, nil
}

// checkWorkflow reports whether the text can name a workflow: an id, or a file without folders.
func checkWorkflow(text string) error {
	if text == "" || len(text) > maxRef || strings.ContainsAny(text, "/\\") || strings.ContainsFunc(text, func(r rune) bool { return r < ' ' }) {
		return invalid("workflow", text)
	}
	return nil
}

func checkID(what string, id int) error {
	if id < 1 {
		return invalid("id of a "+what, strconv.Itoa(id))
	}
	return nil
}

// WorkflowRun returns a run, with the attempt it is at. One request to the REST interface.
func (c *Client) WorkflowRun(ctx context.Context, slug Slug, run int) (*WorkflowRun, error) {
	if err := checkID("run", run); err != nil {
		return nil, err
	}
	var answer restRun
	if _, err := c.list(ctx, slug, "GET /repos/{owner}/{name}/actions/runs/{id}", []string{"actions", "runs", strconv.Itoa(run)}, nil, &answer); err != nil {
		return nil, err
	}
	return only(answer.value(), c.checkAnswered(answer.ID, run))
}

// RunAttempt returns a run as it stood in an attempt, from 1. One request to the REST interface.
func (c *Client) RunAttempt(ctx context.Context, slug Slug, run, attempt int) (*WorkflowRun, error) {
	if err := checkID("run", run); err != nil {
		return nil, err
	}
	if attempt < 1 {
		return nil, invalid("attempt", strconv.Itoa(attempt))
	}
	var answer restRun
	path := []string{"actions", "runs", strconv.Itoa(run), "attempts", strconv.Itoa(attempt)}
	if _, err := c.list(ctx, slug, "GET /repos/{owner}/{name}/actions/runs/{id}/attempts/{attempt}", path, nil, &answer); err != nil {
		return nil, err
	}
	return only(answer.value(), c.checkAnswered(answer.ID, run))
}

// JobFilter says which jobs of a run are listed.
type JobFilter struct {
	Slug    Slug
	Run     int
	All     bool // those of all attempts; of the latest where false
	Attempt int  // those of this attempt; the latest, or All, where 0
	Page    RESTPage
}

// JobPage is a page of jobs.
type JobPage struct {
	Jobs    []*Job
	Total   int // in all pages
	HasNext bool
}

// Jobs returns a page of the jobs of a run, with their steps. One request to the REST interface.
func (c *Client) Jobs(ctx context.Context, filter JobFilter) (*JobPage, error) {
	query := url.Values{}
	if err := filter.Page.into(query); err != nil {
		return nil, err
	}
	if err := checkID("run", filter.Run); err != nil {
		return nil, err
	}
	route, path := "GET /repos/{owner}/{name}/actions/runs/{id}/jobs", []string{"actions", "runs", strconv.Itoa(filter.Run), "jobs"}
	switch {
	case filter.Attempt < 0 || filter.Attempt > 0 && filter.All:
		return nil, invalid("attempt", strconv.Itoa(filter.Attempt))
	case filter.Attempt > 0:
		route = "GET /repos/{owner}/{name}/actions/runs/{id}/attempts/{attempt}/jobs"
		path = []string{"actions", "runs", strconv.Itoa(filter.Run), "attempts", strconv.Itoa(filter.Attempt), "jobs"}
	case filter.All:
		query.Set("filter", "all")
	default:
		query.Set("filter", "latest")
	}
	var answer struct {
		Total int        `json:"total_count"`
		Jobs  []*restJob `json:"jobs"`
	}
	next, err := c.list(ctx, filter.Slug, route, path, query, &answer)
	if err != nil {
		return nil, err
	}
	return &JobPage{Jobs: convert(answer.Jobs, (*restJob).value), Total: max(answer.Total, 0), HasNext: next}, nil
}

// Job returns a job with its steps. One request to the REST interface.
func (c *Client) Job(ctx context.Context, slug Slug, job int) (*Job, error) {
	if err := checkID("job", job); err != nil {
		return nil, err
	}
	var answer restJob
	if _, err := c.list(ctx, slug, "GET /repos/{owner}/{name}/actions/jobs/{id}", []string{"actions", "jobs", strconv.Itoa(job)}, nil, &answer); err != nil {
		return nil, err
	}
	return only(answer.value(), c.checkAnswered(answer.ID, job))
}

// checkAnswered reports whether an answer is of what was asked for.
func (c *Client) checkAnswered(id, asked int) error {
	if id != asked {
		return bad(c.source, "its answer is about something else")
	}
	return nil
}

// maxSteps is how many steps a job has at most ("Usage limits" of GitHub's documentation), and the longest list in an answer.
const maxSteps = 1000

type restAccount struct {
	Login  string `json:"login"`
	Type   string `json:"type"`
	URL    string `json:"html_url"`
	Avatar string `json:"avatar_url"`
}

func (a *restAccount) value() *Account {
	if a == nil || a.Login == "" {
		return nil
	}
	return &Account{Kind: cut(a.Type, maxLine), Login: cut(a.Login, maxLine), URL: address(a.URL), Avatar: address(a.Avatar)}
}

type restRun struct {
	ID              int           `json:"id"`
	NodeID          string        `json:"node_id"`
	Name            string        `json:"name"`
	Path            string        `json:"path"`
	Title           string        `json:"display_title"`
	Number          int           `json:"run_number"`
	Attempt         int           `json:"run_attempt"`
	Event           string        `json:"event"`
	Status          string        `json:"status"`
	Conclusion      string        `json:"conclusion"`
	WorkflowID      int           `json:"workflow_id"`
	SuiteID         int           `json:"check_suite_id"`
	HeadBranch      string        `json:"head_branch"`
	HeadSHA         string        `json:"head_sha"`
	HTMLURL         string        `json:"html_url"`
	CreatedAt       moment        `json:"created_at"`
	UpdatedAt       moment        `json:"updated_at"`
	RunStartedAt    moment        `json:"run_started_at"`
	Actor           *restAccount  `json:"actor"`
	TriggeringActor *restAccount  `json:"triggering_actor"`
	PullRequests    []pullPayload `json:"pull_requests"`
	Repository      *named        `json:"repository"`
}

func (w *restRun) value() *WorkflowRun {
	path, _, _ := strings.Cut(w.Path, "@") // which of a reusable one has the ref after it
	out := &WorkflowRun{
		ID: cut(w.NodeID, maxLine), DatabaseID: max(w.ID, 0), Suite: max(w.SuiteID, 0), Number: max(w.Number, 0), Attempt: max(w.Attempt, 0), Title: cut(w.Title, maxLine), Event: cut(w.Event, maxLine),
		Status: word(w.Status), Conclusion: word(w.Conclusion), Branch: cut(w.HeadBranch, maxLine), Commit: present(w.HeadSHA), URL: address(w.HTMLURL),
		CreatedAt: w.CreatedAt.Time, RequestedAt: w.RunStartedAt.Time, UpdatedAt: w.UpdatedAt.Time, Actor: w.Actor.value(), TriggeringActor: w.TriggeringActor.value(),
		Workflow: Workflow{DatabaseID: max(w.WorkflowID, 0), Name: cut(w.Name, maxLine), Path: cut(path, maxPath)}, PullRequests: pullNumbers(w.PullRequests),
	}
	if w.Repository != nil {
		if slug, err := ParseSlug(w.Repository.FullName); err == nil {
			out.Repository = slug
		}
	}
	return out
}

func pullNumbers(list []pullPayload) []int {
	var out []int
	for _, pull := range list {
		if pull.Number > 0 && pull.Number <= maxNumber && len(out) < maxEventPulls && !slices.Contains(out, pull.Number) {
			out = append(out, pull.Number)
		}
	}
	return out
}

type restJob struct {
	ID          int      `json:"id"`
	RunID       int      `json:"run_id"`
	Attempt     int      `json:"run_attempt"`
	Name        string   `json:"name"`
	Workflow    string   `json:"workflow_name"`
	Status      string   `json:"status"`
	Conclusion  string   `json:"conclusion"`
	HeadBranch  string   `json:"head_branch"`
	HeadSHA     string   `json:"head_sha"`
	HTMLURL     string   `json:"html_url"`
	CreatedAt   moment   `json:"created_at"`
	StartedAt   moment   `json:"started_at"`
	CompletedAt moment   `json:"completed_at"`
	Labels      []string `json:"labels"`
	Runner      string   `json:"runner_name"`
	RunnerGroup string   `json:"runner_group_name"`
	Steps       []struct {
		Number      int    `json:"number"`
		Name        string `json:"name"`
		Status      string `json:"status"`
		Conclusion  string `json:"conclusion"`
		StartedAt   moment `json:"started_at"`
		CompletedAt moment `json:"completed_at"`
	} `json:"steps"`
}

func (w *restJob) value() *Job {
	out := &Job{
		DatabaseID: max(w.ID, 0), Run: max(w.RunID, 0), Attempt: max(w.Attempt, 0), Name: cut(w.Name, maxLine), Workflow: cut(w.Workflow, maxLine), Status: word(w.Status), Conclusion: word(w.Conclusion),
		Branch: cut(w.HeadBranch, maxLine), Commit: present(w.HeadSHA), URL: address(w.HTMLURL), CreatedAt: w.CreatedAt.Time, StartedAt: w.StartedAt.Time, CompletedAt: w.CompletedAt.Time,
		Runner: cut(w.Runner, maxLine), RunnerGroup: cut(w.RunnerGroup, maxLine),
	}
	if out.Status == "QUEUED" || out.Status == "WAITING" {
		out.StartedAt = time.Time{} // GitHub repeats there when it was made
	}
	for _, label := range w.Labels {
		if len(out.Labels) < maxElements {
			out.Labels = append(out.Labels, cut(label, maxLine))
		}
	}
	for _, s := range w.Steps {
		if len(out.Steps) < maxSteps {
			out.Steps = append(out.Steps, Step{Number: s.Number, Name: cut(s.Name, maxLine), Status: word(s.Status), Conclusion: word(s.Conclusion), StartedAt: s.StartedAt.Time, CompletedAt: s.CompletedAt.Time})
		}
	}
	return out
}

// only returns the value where there is no error.
func only[T any](value *T, err error) (*T, error) {
	if err != nil {
		return nil, err
	}
	return value, nil
}

// decoded decodes what it can of a text that was found to be JSON: a field that has changed its kind says nothing, the others still do.
func decoded[T any](raw json.RawMessage) *T {
	if len(raw) == 0 || string(raw) == "null" {
		return nil
	}
	out := new(T)
	_ = json.Unmarshal(raw, out)
	return out
}
