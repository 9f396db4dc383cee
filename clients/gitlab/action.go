package gitlab

import (
	"context"
	"encoding/json"
	"errors"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	official "gitlab.com/gitlab-org/api/client-go/v2"

	"callboard.dev/callboard/clients"
	"callboard.dev/callboard/clients/git"
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

// NewCommitStatus is what somebody else than GitLab's CI says of a commit.
type NewCommitStatus struct {
	Project     string
	SHA         git.OID
	State       string // "pending", "running", "success", "failed", "canceled" or "skipped"
	Name        string // what tells it from others, such as "callboard"; the latest of a name counts
	Ref         string // the branch or tag whose pipeline it joins; GitLab finds one where empty
	URL         string // what it leads to
	Description string // at most 255 bytes
	Pipeline    int64  // the id of the pipeline it joins; GitLab finds one where 0
}

// CommitStatus is what was said of a commit.
type CommitStatus struct {
	ID          int64
	SHA         git.OID
	State       string
	Name, Ref   string
	URL         string
	Description string
	Pipeline    int64
	CreatedAt   time.Time
}

// SetCommitStatus says something of a commit. GitLab refuses to say again what is said already: that is ErrRefused. It makes one request to the REST
// interface, and is not tried twice.
func (c *Client) SetCommitStatus(ctx context.Context, s NewCommitStatus) (*CommitStatus, error) {
	if err := checkProject(s.Project); err != nil {
		return nil, err
	}
	oid, ok := git.ParseOID(string(s.SHA))
	if !ok {
		return nil, invalid("object id", string(s.SHA))
	}
	switch s.State {
	case "pending", "running", "success", "failed", "canceled", "skipped":
	default:
		return nil, invalid("state of a commit", s.State)
	}
	if s.Ref != "" {
		if err := checkRef(s.Ref); err != nil {
			return nil, err
		}
	}
	if s.Name == "" || len(s.Name) > maxPart || strings.ContainsRune(s.Name, 0) {
		return nil, invalid("name of a status", s.Name)
	}
	if len(s.Description) > maxPart || strings.ContainsRune(s.Description, 0) {
		return nil, invalid("description of a status", s.Description)
	}
	if s.URL != "" {
		if at, err := url.Parse(s.URL); err != nil || len(s.URL) > maxPart || at.Host == "" || at.Scheme != "https" && at.Scheme != "http" {
			return nil, invalid("address of a status", s.URL)
		}
	}
	options := &official.SetCommitStatusOptions{State: official.BuildStateValue(s.State), Ref: set(s.Ref), Name: &s.Name, TargetURL: set(s.URL), Description: set(s.Description)}
	if s.Pipeline != 0 {
		if err := checkID(s.Pipeline); err != nil {
			return nil, err
		}
		options.PipelineID = &s.Pipeline
	}
	ctx = clients.WithRoute(ctx, "POST /api/v4/projects/{id}/statuses/{sha}")
	found, _, err := c.rest.Commits.SetCommitStatus(s.Project, string(oid), options, with(ctx))
	if err != nil {
		return nil, c.acted(ctx, err)
	}
	if found == nil || found.ID == 0 {
		return nil, bad(c.source, "its answer is not what it should be")
	}
	out := &CommitStatus{ID: found.ID, State: state(found.Status), Name: cut(found.Name, maxLine), Ref: cut(found.Ref, maxRef), URL: cut(found.TargetURL, maxLine),
		Description: cut(found.Description, maxLine), Pipeline: found.PipelineID, CreatedAt: timeOf(found.CreatedAt)}
	out.SHA, _ = git.ParseOID(found.SHA)
	return out, nil
}
