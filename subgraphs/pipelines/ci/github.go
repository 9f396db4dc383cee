package ci

import (
	"cmp"
	"context"
	"errors"
	"path"
	"slices"
	"strconv"
	"strings"

	"callboard.dev/callboard/clients"
	"callboard.dev/callboard/clients/github"
	"callboard.dev/callboard/subgraphs/forge"
	"callboard.dev/callboard/subgraphs/upstream"
)

// gitHub is the driver of GitHub Actions. A pipeline is a workflow of a repository. What is asked of many repositories comes from the GraphQL interface, one
// request for all; what only the REST interface knows (attempts, jobs with their steps, logs, artifacts) takes a request for each, a few at a time.
//
// Keys are "owner/name#" and a letter with an id of the REST interface: "w12" for a workflow, "r34" for a run and "j56" for a job.
//
// GraphQL tells when the first job of a run began, and not which attempt it is at; REST the attempt, and not that: there a run begins when its latest attempt was
// asked for, and its duration has the waiting for the first machine in it, as on GitHub's own pages.
type gitHub struct{ client *github.Client }

// NewGitHub returns the driver of the Actions of the GitHub that the client reads, which is a Forge, too.
func NewGitHub(client *github.Client) Driver { return gitHub{client} }

// The letters of keys.
const (
	gitHubWorkflow = "w"
	gitHubRun      = "r"
	gitHubJob      = "j"
)

// gitHubKey returns the key of something in a repository, "" where its id is not known.
func gitHubKey(repository, letter string, id int) string {
	if id < 1 {
		return ""
	}
	return KeyOf(repository, letter+strconv.Itoa(id))
}

// parse reads a key of a kind.
func (d gitHub) parse(key, letter string) (github.Slug, int, error) {
	owner, name, _ := strings.Cut(key, "#")
	slug, err := github.ParseSlug(owner)
	if err != nil {
		return slug, 0, d.said(err)
	}
	digits, ok := strings.CutPrefix(name, letter)
	id, known := gitHubID(digits)
	if !ok || !known {
		return slug, 0, d.wrong("it has nothing with the key " + strconv.Quote(key[:min(len(key), 200)]))
	}
	return slug, id, nil
}

// gitHubID reads an id of the REST interface as it is written in keys: without a sign or leading zeros.
func gitHubID(digits string) (int, bool) {
	id, ok := forge.Number(digits)
	return int(id), ok && id > 0
}

// slug reads the path of a repository; where it is none, the client refuses to ask.
func (gitHub) slug(path string) github.Slug {
	owner, name, _ := strings.Cut(path, "/")
	return github.Slug{Owner: owner, Name: name}
}

// gitHubAtOnce is how many requests of one call are under way at once where each item takes one, by judgement, as in the client.
const gitHubAtOnce = 4

// gitHubEach asks about each item, a few at a time.
func gitHubEach[Q, V any](d gitHub, items []Q, ask func(Q) (V, error)) ([]V, []error) {
	return upstream.Each(items, gitHubAtOnce, func(item Q) (V, error) {
		value, err := ask(item)
		if err != nil {
			var none V
			return none, d.said(err)
		}
		return value, nil
	})
}

// said makes of what the client, or GitHub, refuses an error of the kinds of this package.
func (d gitHub) said(err error) error {
	switch e := clients.Of(err); {
	case err == nil || errors.Is(err, ErrInvalid) || errors.Is(err, ErrRefused) || errors.Is(err, ErrUnsupported):
		return err
	case errors.Is(err, github.ErrConflict) && e != nil:
		return &clients.Error{Kind: ErrRefused, Source: d.client.Source(), Status: e.Status, Message: e.Message}
	case errors.Is(err, github.ErrInvalid) && e != nil:
		return &clients.Error{Kind: ErrInvalid, Source: d.client.Source(), Status: e.Status, Message: e.Message}
	case errors.Is(err, github.ErrInvalid):
		return d.wrong("it can have nothing like this: " + strings.TrimSuffix(err.Error(), ": "+github.ErrInvalid.Error()))
	}
	return err
}

// wrong makes the error of a question that cannot be asked.
func (d gitHub) wrong(message string) error {
	return &clients.Error{Kind: ErrInvalid, Source: d.client.Source(), Message: message}
}

// overviewDepth is how many commits of the default branch are looked at for workflows that have run: the newest may have changed nothing that a workflow is for,
// and its runs take a moment to appear. Of 20 repositories with two commits each the client makes one request.
const gitHubOverviewDepth = 2

// Overviews returns the workflows that ran for the newest two commits of the default branch, sorted by name: those of 20 repositories in one request.
func (d gitHub) Overviews(ctx context.Context, names []string) ([][]*Pipeline, []error) {
	found, errs := d.newest(ctx, names)
	out := make([][]*Pipeline, len(names))
	for i, commits := range found {
		if errs[i] == nil {
			out[i] = d.pipelines(names[i], commits)
		}
	}
	return out, errs
}

// newest returns the runs of the newest commits of the default branches. What was withheld altogether is an error: it would be taken for nothing.
func (d gitHub) newest(ctx context.Context, names []string) ([][]*github.CommitRuns, []error) {
	queries := make([]github.RunsQuery, len(names))
	for i, name := range names {
		queries[i] = github.RunsQuery{Revision: github.Revision{Slug: d.slug(name), Name: "HEAD"}, Depth: gitHubOverviewDepth}
	}
	found, errs := d.client.Runs(ctx, queries)
	for i, commits := range found {
		if errs[i] = d.said(errs[i]); errs[i] == nil {
			errs[i] = gitHubWithheld(commits...)
		}
	}
	return found, errs
}

// gitHubWithheld returns why there are no runs, where that is not because there are none.
func gitHubWithheld(commits ...*github.CommitRuns) (err error) {
	for _, c := range commits {
		if len(c.Runs) > 0 {
			return nil
		}
		if len(c.Missing) > 0 && err == nil {
			err = c.Missing[0].Err
		}
	}
	return err
}

// pipelines returns the workflows of the runs of the newest commits, each with its newest run of the default branch: a commit has those of tags and of pull
// requests, too.
func (d gitHub) pipelines(repository string, commits []*github.CommitRuns) []*Pipeline {
	out := []*Pipeline{}
	at := map[int]*Pipeline{}
	latest := map[int]*github.WorkflowRun{}
	for _, commit := range commits {
		for _, run := range commit.Runs {
			w := run.Workflow
			if w.DatabaseID == 0 || w.State == "DELETED" {
				continue
			}
			if at[w.DatabaseID] == nil {
				at[w.DatabaseID] = d.pipeline(repository, w)
				at[w.DatabaseID].Branch = commit.Default
				out = append(out, at[w.DatabaseID])
			}
			of := (run.Branch == commit.Default || run.Branch == "" || commit.Default == "") && gitHubTrigger(run) != ByPullRequest
			if known := latest[w.DatabaseID]; of && (known == nil || gitHubNewer(run, known) < 0) {
				latest[w.DatabaseID] = run
			}
		}
	}
	for id, run := range latest {
		at[id].Latest = d.run(repository, run)
	}
	slices.SortFunc(out, func(a, b *Pipeline) int {
		return cmp.Or(cmp.Compare(a.Name, b.Name), cmp.Compare(a.File, b.File), cmp.Compare(a.Key, b.Key))
	})
	return out
}

// gitHubNewer orders runs, the newest first.
func gitHubNewer(a, b *github.WorkflowRun) int {
	return cmp.Or(b.CreatedAt.Compare(a.CreatedAt), cmp.Compare(b.DatabaseID, a.DatabaseID))
}

func (d gitHub) pipeline(repository string, w github.Workflow) *Pipeline {
	out := &Pipeline{Key: gitHubKey(repository, gitHubWorkflow, w.DatabaseID), Name: w.Name, URL: w.URL, Repository: repository, Disabled: strings.HasPrefix(w.State, "DISABLED")}
	// Those that GitHub brings along itself, as for its pages, have a path that no file has.
	if strings.HasPrefix(w.Path, ".github/") {
		out.File = w.Path
		out.URL = d.client.Web().JoinPath(repository, "actions", "workflows", path.Base(w.Path)).String()
	}
	return out
}

// gitHubLists is how many pages of 100 are read of a list that has to be whole, by judgement: what people write stays on the first.
const gitHubLists = 3

// All makes one request for each repository, and one more for each 100 workflows beyond the first: it tells of 300. It does not tell their newest runs.
func (d gitHub) All(ctx context.Context, names []string) ([][]*Pipeline, []error) {
	return gitHubEach(d, names, func(name string) ([]*Pipeline, error) {
		out := []*Pipeline{}
		for number := 1; number <= gitHubLists; number++ {
			page, err := d.client.Workflows(ctx, d.slug(name), github.RESTPage{Number: number, Size: 100})
			if err != nil {
				return nil, err
			}
			for _, w := range page.Workflows {
				if w.State != "DELETED" {
					out = append(out, d.pipeline(name, *w))
				}
			}
			if !page.HasNext {
				break
			}
		}
		slices.SortStableFunc(out, func(a, b *Pipeline) int { return cmp.Or(cmp.Compare(a.Name, b.Name), cmp.Compare(a.File, b.File)) })
		return out, nil
	})
}
