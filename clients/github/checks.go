package github

import (
	"context"
	"net/url"
	"strconv"
	"time"

	"callboard.dev/callboard/clients/git"
)

// CheckRun is a check of a commit. One of Actions is a job, and has its id.
type CheckRun struct {
	DatabaseID  int
	Name        string
	App         string // slug of the app that made it, such as "github-actions"; "" where it is not told
	Suite       int    // id; 0 where it is not told
	Commit      git.OID
	Status      string
	Conclusion  string    // "" until it is completed
	StartedAt   time.Time // zero before
	CompletedAt time.Time
	URL         string
	DetailsURL  string // of the app's own page

	Title       string
	Summary     string // Markdown, its first 64 KiB
	Text        string // likewise
	Annotations int    // how many there are

	PullRequests []int // numbers, at most 100
}

// State returns the conclusion, or the status where there is none yet.
func (r *CheckRun) State() string {
	if r.Conclusion != "" {
		return r.Conclusion
	}
	return r.Status
}

type restCheckRun struct {
	ID          int    `json:"id"`
	Name        string `json:"name"`
	HeadSHA     string `json:"head_sha"`
	Status      string `json:"status"`
	Conclusion  string `json:"conclusion"`
	StartedAt   moment `json:"started_at"`
	CompletedAt moment `json:"completed_at"`
	HTMLURL     string `json:"html_url"`
	DetailsURL  string `json:"details_url"`
	App         *named `json:"app"`
	Suite       *struct {
		ID int `json:"id"`
	} `json:"check_suite"`
	Output *struct {
		Title       string `json:"title"`
		Summary     string `json:"summary"`
		Text        string `json:"text"`
		Annotations int    `json:"annotations_count"`
	} `json:"output"`
	PullRequests []pullPayload `json:"pull_requests"`
}

func (w *restCheckRun) value() *CheckRun {
	out := &CheckRun{DatabaseID: max(w.ID, 0), Name: cut(w.Name, maxLine), Commit: present(w.HeadSHA), Status: word(w.Status), Conclusion: word(w.Conclusion), StartedAt: w.StartedAt.Time, CompletedAt: w.CompletedAt.Time,
		URL: address(w.HTMLURL), DetailsURL: address(w.DetailsURL), PullRequests: pullNumbers(w.PullRequests)}
	if out.Status == "QUEUED" || out.Status == "WAITING" {
		out.StartedAt = time.Time{} // GitHub repeats there when it was made
	}
	if w.App != nil {
		out.App = cut(w.App.Slug, maxLine)
	}
	if w.Suite != nil {
		out.Suite = max(w.Suite.ID, 0)
	}
	if o := w.Output; o != nil {
		out.Title, out.Summary, out.Text, out.Annotations = cut(o.Title, maxLine), cut(o.Summary, maxBody), cut(o.Text, maxBody), max(o.Annotations, 0)
	}
	return out
}

// CheckRunPage is a page of check runs.
type CheckRunPage struct {
	CheckRuns []*CheckRun
	Total     int // in all pages
	HasNext   bool
}

// CheckRuns returns a page of the latest check runs of the commit that a branch, tag or object id stands for, with their output. One request to the
// REST interface.
func (c *Client) CheckRuns(ctx context.Context, slug Slug, ref string, page RESTPage) (*CheckRunPage, error) {
	query := url.Values{"filter": {"latest"}}
	if err := page.into(query); err != nil {
		return nil, err
	}
	if err := checkRef(ref); err != nil {
		return nil, err
	}
	var answer struct {
		Total     int             `json:"total_count"`
		CheckRuns []*restCheckRun `json:"check_runs"`
	}
	next, err := c.list(ctx, slug, "GET /repos/{owner}/{name}/commits/{ref}/check-runs", []string{"commits", ref, "check-runs"}, query, &answer)
	if err != nil {
		return nil, err
	}
	return &CheckRunPage{CheckRuns: convert(answer.CheckRuns, (*restCheckRun).value), Total: max(answer.Total, 0), HasNext: next}, nil
}

// CheckRun returns a check run with its output. One request to the REST interface.
func (c *Client) CheckRun(ctx context.Context, slug Slug, id int) (*CheckRun, error) {
	if err := checkID("check run", id); err != nil {
		return nil, err
	}
	var answer restCheckRun
	if _, err := c.list(ctx, slug, "GET /repos/{owner}/{name}/check-runs/{id}", []string{"check-runs", strconv.Itoa(id)}, nil, &answer); err != nil {
		return nil, err
	}
	return only(answer.value(), c.checkAnswered(answer.ID, id))
}

// Annotation is what a check run says about lines of a file.
type Annotation struct {
	Path                   string
	StartLine, EndLine     int    // from 1
	StartColumn, EndColumn int    // from 1; 0 where it is of whole lines
	Level                  string // "NOTICE", "WARNING" or "FAILURE"
	Title                  string
	Message                string // its first 64 KiB
	RawDetails             string // likewise
}

type restAnnotation struct {
	Path        string `json:"path"`
	StartLine   int    `json:"start_line"`
	EndLine     int    `json:"end_line"`
	StartColumn int    `json:"start_column"`
	EndColumn   int    `json:"end_column"`
	Level       string `json:"annotation_level"`
	Title       string `json:"title"`
	Message     string `json:"message"`
	RawDetails  string `json:"raw_details"`
}

func (w *restAnnotation) value() Annotation {
	return Annotation{Path: cut(w.Path, maxPath), StartLine: max(w.StartLine, 0), EndLine: max(w.EndLine, 0), StartColumn: max(w.StartColumn, 0), EndColumn: max(w.EndColumn, 0),
		Level: word(w.Level), Title: cut(w.Title, maxLine), Message: cut(w.Message, maxBody), RawDetails: cut(w.RawDetails, maxBody)}
}

// Annotations returns a page of the annotations of a check run, and whether there is another. One request to the REST interface.
func (c *Client) Annotations(ctx context.Context, slug Slug, checkRun int, page RESTPage) ([]Annotation, bool, error) {
	query := url.Values{}
	if err := page.into(query); err != nil {
		return nil, false, err
	}
	if err := checkID("check run", checkRun); err != nil {
		return nil, false, err
	}
	var answer []*restAnnotation
	next, err := c.list(ctx, slug, "GET /repos/{owner}/{name}/check-runs/{id}/annotations", []string{"check-runs", strconv.Itoa(checkRun), "annotations"}, query, &answer)
	if err != nil {
		return nil, false, err
	}
	return convert(answer, (*restAnnotation).value), next, nil
}

// CheckSuite is the checks of one app for a commit. A run of a workflow has one.
type CheckSuite struct {
	DatabaseID           int
	App                  string // slug
	Status               string
	Conclusion           string // "" until it is completed
	Branch               string
	Commit               git.OID
	PullRequests         []int
	CreatedAt, UpdatedAt time.Time
}

type restSuite struct {
	ID           int           `json:"id"`
	App          *named        `json:"app"`
	Status       string        `json:"status"`
	Conclusion   string        `json:"conclusion"`
	HeadBranch   string        `json:"head_branch"`
	HeadSHA      string        `json:"head_sha"`
	PullRequests []pullPayload `json:"pull_requests"`
	CreatedAt    moment        `json:"created_at"`
	UpdatedAt    moment        `json:"updated_at"`
}

func (w *restSuite) value() *CheckSuite {
	out := &CheckSuite{DatabaseID: max(w.ID, 0), Status: word(w.Status), Conclusion: word(w.Conclusion), Branch: cut(w.HeadBranch, maxLine), Commit: present(w.HeadSHA), PullRequests: pullNumbers(w.PullRequests),
		CreatedAt: w.CreatedAt.Time, UpdatedAt: w.UpdatedAt.Time}
	if w.App != nil {
		out.App = cut(w.App.Slug, maxLine)
	}
	return out
}

// CommitStatus is the older kind of check: a word for a context.
type CommitStatus struct {
	DatabaseID           int
	Context              string // "default" where it is set as ""
	State                string // "SUCCESS", "FAILURE", "ERROR" or "PENDING"
	Description          string // at most 140 characters; more are cut off as it is set
	TargetURL            string
	Creator              *Account // nil where the account is no more
	CreatedAt, UpdatedAt time.Time
}

// restStates is the one table of the states of commit statuses.
var restStates = map[string]string{"SUCCESS": "success", "FAILURE": "failure", "ERROR": "error", "PENDING": "pending"}

type restStatus struct {
	ID          int          `json:"id"`
	Context     string       `json:"context"`
	State       string       `json:"state"`
	Description string       `json:"description"`
	TargetURL   string       `json:"target_url"`
	Creator     *restAccount `json:"creator"`
	CreatedAt   moment       `json:"created_at"`
	UpdatedAt   moment       `json:"updated_at"`
}

func (w *restStatus) value() *CommitStatus {
	return &CommitStatus{DatabaseID: max(w.ID, 0), Context: cut(w.Context, maxLine), State: word(w.State), Description: cut(w.Description, maxLine), TargetURL: address(w.TargetURL), Creator: w.Creator.value(),
		CreatedAt: w.CreatedAt.Time, UpdatedAt: w.UpdatedAt.Time}
}

// CommitStatuses are the latest statuses of a commit.
type CommitStatuses struct {
	Commit   git.OID
	State    string // of all together: "SUCCESS", "FAILURE" or "PENDING", which is also where there are none
	Statuses []*CommitStatus
	Total    int // in all pages
	HasNext  bool
}

// Statuses returns a page of the statuses, the latest of each context, of the commit that a branch, tag or object id stands for. One request to the REST
// interface.
func (c *Client) Statuses(ctx context.Context, slug Slug, ref string, page RESTPage) (*CommitStatuses, error) {
	query := url.Values{}
	if err := page.into(query); err != nil {
		return nil, err
	}
	if err := checkRef(ref); err != nil {
		return nil, err
	}
	var answer struct {
		SHA      string        `json:"sha"`
		State    string        `json:"state"`
		Total    int           `json:"total_count"`
		Statuses []*restStatus `json:"statuses"`
	}
	next, err := c.list(ctx, slug, "GET /repos/{owner}/{name}/commits/{ref}/status", []string{"commits", ref, "status"}, query, &answer)
	if err != nil {
		return nil, err
	}
	return &CommitStatuses{Commit: oid(answer.SHA), State: word(answer.State), Statuses: convert(answer.Statuses, (*restStatus).value), Total: max(answer.Total, 0), HasNext: next}, nil
}
