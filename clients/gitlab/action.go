package gitlab

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"

	official "gitlab.com/gitlab-org/api/client-go/v2"

	"callboard.dev/callboard/clients"
)

// ErrRefused says that GitLab does not do what was asked of it for a reason that lies in what it was asked to do it to, such as a job that is not to be
// played or a branch without a configuration of CI. The error's text has the reason. It comes with the kind clients.ErrBadAnswer.
//
// A job that is not to be retried is an error of kind clients.ErrForbidden instead: GitLab does not tell one from the other.
var ErrRefused = errors.New("refused")

// acted is rested for what changes something.
func (c *Client) acted(ctx context.Context, err error) error {
	err = c.rested(ctx, err)
	e := clients.Of(err)
	if e == nil || e.Kind != clients.ErrBadAnswer || e.Err != nil {
		return err
	}
	switch e.Status {
	case http.StatusBadRequest, http.StatusConflict, http.StatusUnprocessableEntity, http.StatusMethodNotAllowed, http.StatusPreconditionFailed:
		out := *e
		out.Err = ErrRefused
		return &out
	}
	return err
}

// complaints reads what GitLab says is wrong with each of several fields, as {"base": ["Reference not found"]}; "" where it is nothing of the kind.
func complaints(text []byte) string {
	var fields map[string]json.RawMessage
	if json.Unmarshal(text, &fields) != nil {
		return ""
	}
	var out []string
	for _, name := range slices.Sorted(maps.Keys(fields)) {
		var list []string
		if json.Unmarshal(fields[name], &list) != nil {
			var one string
			if json.Unmarshal(fields[name], &one) != nil {
				continue
			}
			list = []string{one}
		}
		said := strings.Join(list, ", ")
		if name != "base" {
			said = name + " " + said
		}
		out = append(out, said)
	}
	return strings.Join(out, "; ")
}

// RetryPipeline begins again all jobs of a pipeline that failed or were canceled, and returns the pipeline, which is the same. It makes one request to the
// REST interface, and is not tried twice.
func (c *Client) RetryPipeline(ctx context.Context, n PipelineNumber) (*Pipeline, error) {
	if err := n.check(); err != nil {
		return nil, err
	}
	ctx = clients.WithRoute(ctx, "POST /api/v4/projects/{id}/pipelines/{pipeline}/retry")
	found, _, err := c.rest.Pipelines.RetryPipelineBuild(n.Project, n.ID, with(ctx))
	return c.ranPipeline(ctx, found, c.acted(ctx, err))
}

// CancelPipeline ends all jobs of a pipeline that are not over, and returns the pipeline. One that is over stays as it is, without an error. It makes one
// request to the REST interface, and is not tried twice.
func (c *Client) CancelPipeline(ctx context.Context, n PipelineNumber) (*Pipeline, error) {
	if err := n.check(); err != nil {
		return nil, err
	}
	ctx = clients.WithRoute(ctx, "POST /api/v4/projects/{id}/pipelines/{pipeline}/cancel")
	found, _, err := c.rest.Pipelines.CancelPipelineBuild(n.Project, n.ID, with(ctx))
	return c.ranPipeline(ctx, found, c.acted(ctx, err))
}

// Variable is a variable of a pipeline or of a job that is begun.
type Variable struct {
	Key, Value string
	File       bool // the value is written to a file, and the variable is its path; of pipelines alone
}

// The bounds of what is sent: of variables, and of the value of each in bytes. GitLab's own are above.
const (
	maxVariables = 100
	maxValue     = 10 << 10
)

func checkVariables(variables []Variable) error {
	if len(variables) > maxVariables {
		return invalid("variables", "more than 100 of them")
	}
	for _, v := range variables {
		named := v.Key != "" && len(v.Key) <= maxPart
		for i := range len(v.Key) { // letters, digits and "_" alone ("CI/CD variables" of GitLab's documentation)
			named = named && v.Key[i] != '-' && v.Key[i] != '.'
		}
		if !named || !made(v.Key) {
			return invalid("variable", v.Key)
		}
		if len(v.Value) > maxValue || strings.ContainsRune(v.Value, 0) {
			return invalid("value of variable", v.Key) // the value may be a secret
		}
	}
	return nil
}

// NewPipeline is a pipeline to begin.
type NewPipeline struct {
	Project   string
	Ref       string // a branch or a tag
	Variables []Variable
}

// CreatePipeline begins a pipeline and returns it. It makes one request to the REST interface, and is not tried twice.
func (c *Client) CreatePipeline(ctx context.Context, p NewPipeline) (*Pipeline, error) {
	if err := checkProject(p.Project); err != nil {
		return nil, err
	}
	if err := checkRef(p.Ref); err != nil {
		return nil, err
	}
	if err := checkVariables(p.Variables); err != nil {
		return nil, err
	}
	options := &official.CreatePipelineOptions{Ref: &p.Ref}
	if len(p.Variables) > 0 {
		options.Variables = new([]*official.PipelineVariableOptions)
	}
	for _, v := range p.Variables {
		kind := official.EnvVariableType
		if v.File {
			kind = official.FileVariableType
		}
		*options.Variables = append(*options.Variables, &official.PipelineVariableOptions{Key: &v.Key, Value: &v.Value, VariableType: &kind})
	}
	ctx = clients.WithRoute(ctx, "POST /api/v4/projects/{id}/pipeline")
	found, _, err := c.rest.Pipelines.CreatePipeline(p.Project, options, with(ctx))
	return c.ranPipeline(ctx, found, c.acted(ctx, err))
}

// CreateMergeRequestPipeline begins a pipeline of the head of a merge request, or of what merging it would give where the project is set up so, and returns it.
// A project whose configuration has no jobs for merge requests refuses. It makes one request to the REST interface, and is not tried twice.
func (c *Client) CreateMergeRequestPipeline(ctx context.Context, n MergeRequestNumber) (*Pipeline, error) {
	if err := n.check(); err != nil {
		return nil, err
	}
	ctx = clients.WithRoute(ctx, "POST /api/v4/projects/{id}/merge_requests/{iid}/pipelines")
	var found *official.Pipeline
	err := c.asked(ctx, http.MethodPost, fmt.Sprintf("projects/%s/merge_requests/%d/pipelines", official.PathEscape(n.Project), n.Number), nil, &found)
	return c.ranPipeline(ctx, found, c.acted(ctx, err))
}

// PipelineVariables returns the variables that a pipeline was begun with, at most 100. Only maintainers and whoever has begun it are told. It makes one request to
// the REST interface. The values may be secrets.
func (c *Client) PipelineVariables(ctx context.Context, n PipelineNumber) ([]Variable, error) {
	if err := n.check(); err != nil {
		return nil, err
	}
	ctx = clients.WithRoute(ctx, "GET /api/v4/projects/{id}/pipelines/{pipeline}/variables")
	found, _, err := c.rest.Pipelines.GetPipelineVariables(n.Project, n.ID, with(ctx))
	if err != nil {
		return nil, c.rested(ctx, err)
	}
	var out []Variable
	for _, v := range found[:min(len(found), maxVariables)] {
		if v != nil {
			out = append(out, Variable{Key: v.Key, Value: v.Value, File: v.VariableType == official.FileVariableType})
		}
	}
	return out, nil
}

// RetryJob begins a job again and returns the job that has come in its place. It makes one request to the REST interface, and is not tried twice.
func (c *Client) RetryJob(ctx context.Context, n JobNumber) (*Job, error) {
	if err := n.check(); err != nil {
		return nil, err
	}
	ctx = clients.WithRoute(ctx, "POST /api/v4/projects/{id}/jobs/{job}/retry")
	found, _, err := c.rest.Jobs.RetryJob(n.Project, n.ID, with(ctx))
	return c.ranJob(ctx, found, c.acted(ctx, err))
}

// PlayJob begins a job that waits for somebody to do so, and returns it. It makes one request to the REST interface, and is not tried twice.
func (c *Client) PlayJob(ctx context.Context, n JobNumber, variables []Variable) (*Job, error) {
	if err := n.check(); err != nil {
		return nil, err
	}
	if err := checkVariables(variables); err != nil {
		return nil, err
	}
	options := &official.PlayJobOptions{}
	if len(variables) > 0 {
		options.JobVariablesAttributes = new([]*official.JobVariableOptions)
	}
	for _, v := range variables {
		if v.File {
			return nil, invalid("variable that is a file", v.Key)
		}
		*options.JobVariablesAttributes = append(*options.JobVariablesAttributes, &official.JobVariableOptions{Key: &v.Key, Value: &v.Value})
	}
	ctx = clients.WithRoute(ctx, "POST /api/v4/projects/{id}/jobs/{job}/play")
	found, _, err := c.rest.Jobs.PlayJob(n.Project, n.ID, options, with(ctx))
	return c.ranJob(ctx, found, c.acted(ctx, err))
}

// CancelJob ends a job and returns it. One that is over stays as it is, without an error. It makes one request to the REST interface, and is not tried twice.
func (c *Client) CancelJob(ctx context.Context, n JobNumber) (*Job, error) {
	if err := n.check(); err != nil {
		return nil, err
	}
	ctx = clients.WithRoute(ctx, "POST /api/v4/projects/{id}/jobs/{job}/cancel")
	found, _, err := c.rest.Jobs.CancelJob(n.Project, n.ID, with(ctx))
	return c.ranJob(ctx, found, c.acted(ctx, err))
}
