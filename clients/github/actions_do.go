package github

import (
	"context"
	"net/http"
	"strconv"

	"callboard.dev/callboard/clients/git"
)

// change is a change below a repository.
func (c *Client) change(ctx context.Context, slug Slug, method, route string, below []string, what, into any) error {
	if err := slug.check(); err != nil {
		return err
	}
	return c.send(ctx, method, call{route: route, path: append([]string{"repos", slug.Owner, slug.Name}, below...)}, what, into)
}

// debugging is what running again is told.
type debugging struct {
	Debug bool `json:"enable_debug_logging"`
}

// Rerun runs all jobs of a run again, as its next attempt. It wraps ErrConflict where the run is under way, or too old. One request to the REST
// interface, and never another: whether one without an answer was heard is to be found out by looking at the attempt.
func (c *Client) Rerun(ctx context.Context, slug Slug, run int, debug bool) error {
	if err := checkID("run", run); err != nil {
		return err
	}
	return c.change(ctx, slug, http.MethodPost, "POST /repos/{owner}/{name}/actions/runs/{id}/rerun", []string{"actions", "runs", strconv.Itoa(run), "rerun"}, debugging{debug}, nil)
}

// RerunFailed runs the failed jobs of a run again and those that need them, as its next attempt. As Rerun.
func (c *Client) RerunFailed(ctx context.Context, slug Slug, run int, debug bool) error {
	if err := checkID("run", run); err != nil {
		return err
	}
	return c.change(ctx, slug, http.MethodPost, "POST /repos/{owner}/{name}/actions/runs/{id}/rerun-failed-jobs", []string{"actions", "runs", strconv.Itoa(run), "rerun-failed-jobs"}, debugging{debug}, nil)
}

// RerunJob runs a job of a run again and those that need it, as the run's next attempt. As Rerun.
func (c *Client) RerunJob(ctx context.Context, slug Slug, job int, debug bool) error {
	if err := checkID("job", job); err != nil {
		return err
	}
	return c.change(ctx, slug, http.MethodPost, "POST /repos/{owner}/{name}/actions/jobs/{id}/rerun", []string{"actions", "jobs", strconv.Itoa(job), "rerun"}, debugging{debug}, nil)
}

// Cancel asks for a run to be cancelled, which takes GitHub a while. It wraps ErrConflict where the run is over. One request to the REST interface.
func (c *Client) Cancel(ctx context.Context, slug Slug, run int) error {
	if err := checkID("run", run); err != nil {
		return err
	}
	return c.change(ctx, slug, http.MethodPost, "POST /repos/{owner}/{name}/actions/runs/{id}/cancel", []string{"actions", "runs", strconv.Itoa(run), "cancel"}, nil, nil)
}

// Dispatch starts a workflow that can be started by hand.
type Dispatch struct {
	Slug     Slug
	Workflow string            // its id, or the name of its file without folders
	Ref      string            // a branch or tag
	Inputs   map[string]string // at most 25
	// Telling asks GitHub which run it made. A GitHub Enterprise Server from before 2026 does not know this, and may refuse the whole: ErrInvalid.
	Telling bool
}

// Dispatched is the run that was made, as far as GitHub tells; DatabaseID is 0 where it does not.
type Dispatched struct {
	DatabaseID int
	URL        string
}

// maxInputs is how many inputs GitHub takes ("Create a workflow dispatch event", since December 2025).
const maxInputs = 25

// Dispatch starts a workflow. It wraps ErrInvalid where the workflow cannot be started by hand, the ref is not there, or the inputs are not those it
// takes. One request to the REST interface.
func (c *Client) Dispatch(ctx context.Context, d Dispatch) (*Dispatched, error) {
	if err := checkWorkflow(d.Workflow); err != nil {
		return nil, err
	}
	if err := checkRef(d.Ref); err != nil {
		return nil, err
	}
	if len(d.Inputs) > maxInputs {
		return nil, invalid("list of inputs", "more than 25")
	}
	for name, value := range d.Inputs {
		if name == "" || len(name) > maxLine || len(value) > maxBody {
			return nil, invalid("input", name)
		}
	}
	what := struct {
		Ref     string            `json:"ref"`
		Inputs  map[string]string `json:"inputs,omitempty"`
		Telling bool              `json:"return_run_details,omitempty"`
	}{d.Ref, d.Inputs, d.Telling}
	var answer struct {
		Run int    `json:"workflow_run_id"`
		URL string `json:"html_url"`
	}
	err := c.change(ctx, d.Slug, http.MethodPost, "POST /repos/{owner}/{name}/actions/workflows/{id}/dispatches", []string{"actions", "workflows", d.Workflow, "dispatches"}, what, &answer)
	if err != nil {
		return nil, err
	}
	return &Dispatched{DatabaseID: max(answer.Run, 0), URL: address(answer.URL)}, nil
}

// SetStatus sets the status of a commit for its context, and returns it as GitHub has it then. GitHub takes 1,000 for one commit and context. One
// request to the REST interface.
func (c *Client) SetStatus(ctx context.Context, slug Slug, commit git.OID, s CommitStatus) (*CommitStatus, error) {
	if err := checkObject(slug, commit); err != nil {
		return nil, err
	}
	state, ok := restStates[s.State]
	if !ok {
		return nil, invalid("state of a commit status", s.State)
	}
	if s.TargetURL != "" && address(s.TargetURL) == "" || len(s.Context) > maxLine {
		return nil, invalid("commit status", s.Context)
	}
	what := struct {
		State       string `json:"state"`
		TargetURL   string `json:"target_url,omitempty"`
		Description string `json:"description,omitempty"`
		Context     string `json:"context,omitempty"`
	}{state, s.TargetURL, ellipsis(s.Description, maxDescription), s.Context}
	var answer restStatus
	if err := c.change(ctx, slug, http.MethodPost, "POST /repos/{owner}/{name}/statuses/{oid}", []string{"statuses", string(commit)}, what, &answer); err != nil {
		return nil, err
	}
	return only(answer.value(), c.checkDone(answer.ID))
}

// maxDescription is how many characters GitHub takes for the description of a status.
const maxDescription = 140

// ellipsis returns the text, or where it has more characters than most the beginning of it.
func ellipsis(text string, most int) string {
	runes := []rune(text)
	if len(runes) <= most {
		return text
	}
	return string(runes[:most-1]) + "…"
}
