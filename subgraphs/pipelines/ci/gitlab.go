package ci

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"callboard.dev/callboard/clients"
	"callboard.dev/callboard/clients/gitlab"
	"callboard.dev/callboard/subgraphs/forge"
	"callboard.dev/callboard/subgraphs/upstream"
)

// GitLabFetch gets what lies at an address of another host that GitLab named, without a credential. It is clients.Source.Elsewhere.
type GitLabFetch func(ctx context.Context, address *url.URL) (*http.Response, error)

// NewGitLab returns the driver of the CI of a GitLab. fetch gets artifacts that it keeps in a store at another host; where it is nil they cannot be read.
//
// A project has one pipeline, its CI, whose key is the path of the project. What GitLab calls a pipeline is a run of it: its key has the id, as in
// "larkfold/platform/search#1234", and that of a job the id with a "j" before it, as in "larkfold/platform/search#j5678".
//
// What many projects are asked for at once is one request to GraphQL, as far as GitLab's limit on the complexity of a query allows: the newest runs of 100
// projects or of 100 merge requests of one, pages of runs of 50 projects, 7 runs by their keys, and those of 7 commits. What GraphQL does not have is one request to
// REST for each, a few at a time.
//
// Not told are attempts, as a run that is tried again stays as it is with other jobs in it, and that it is of a tag, which GraphQL has no word for: TAG is the trigger
// only of runs that an action returns. GitLab has no steps of jobs.
func NewGitLab(client *gitlab.Client, fetch GitLabFetch) Driver {
	return &gitLab{client: client, source: client.Source(), web: client.Web(), fetch: fetch}
}

// gitLab is the Driver of a GitLab, and a Forge.
type gitLab struct {
	client *gitlab.Client
	source string
	web    *url.URL // where its pages are, without a slash at the end
	fetch  GitLabFetch
}

// What the pipeline of every project is called, and where it says what it does if its project does not say another file.
const (
	gitLabName = "GitLab CI"
	gitLabFile = ".gitlab-ci.yml"
)

// refuse makes the error of what is not asked for, as it can name nothing on GitLab or is nothing that GitLab can do.
func (g *gitLab) refuse(format string, args ...any) error {
	return &clients.Error{Kind: ErrInvalid, Source: g.source, Message: fmt.Sprintf(format, args...)}
}

// deny makes the error of what GitLab, or this driver in its place, does not do.
func (g *gitLab) deny(format string, args ...any) error {
	return &clients.Error{Kind: ErrRefused, Source: g.source, Message: fmt.Sprintf(format, args...)}
}

func (g *gitLab) absent(format string, args ...any) error {
	return &clients.Error{Kind: clients.ErrNotFound, Source: g.source, Message: fmt.Sprintf(format, args...)}
}

// failed is what an error of the client is to whoever asked: none where there is an answer that only lacks a part.
func (g *gitLab) failed(answered bool, err error) error {
	switch {
	case err == nil, answered && errors.Is(err, clients.ErrPartial):
		return nil
	case errors.Is(err, gitlab.ErrInvalid):
		return g.refuse("%v", err)
	case errors.Is(err, gitlab.ErrRefused):
		if e := clients.Of(err); e != nil {
			return &clients.Error{Kind: ErrRefused, Source: g.source, Status: e.Status, Message: e.Message}
		}
	}
	return err
}

// gitLabAtOnce bounds how many requests of one call to REST are under way, by judgement: half of what a source lets through by default.
const gitLabAtOnce = 4

// gitLabEach asks for each of some things, a few at a time.
func gitLabEach[Q, V any](questions []Q, ask func(Q) (V, error)) ([]V, []error) {
	return upstream.Each(questions, gitLabAtOnce, ask)
}

// project reads the key of a pipeline, which is the path of a project.
func (g *gitLab) project(key string) (string, error) {
	if !gitlab.IsProject(key) {
		return "", g.refuse("%.100q is no pipeline; its key is the path of a project", key)
	}
	return key, nil
}

// run reads the key of a run.
func (g *gitLab) run(key string) (gitlab.PipelineNumber, error) {
	project, name, _ := strings.Cut(key, "#")
	if id := gitLabID(name); id > 0 && gitlab.IsProject(project) {
		return gitlab.PipelineNumber{Project: project, ID: id}, nil
	}
	return gitlab.PipelineNumber{}, g.refuse("%.100q is no run; its key is as group/project#1234", key)
}

// job reads the key of a job.
func (g *gitLab) job(key string) (gitlab.JobNumber, error) {
	project, name, _ := strings.Cut(key, "#")
	digits, found := strings.CutPrefix(name, "j")
	if id := gitLabID(digits); found && id > 0 && gitlab.IsProject(project) {
		return gitlab.JobNumber{Project: project, ID: id}, nil
	}
	return gitlab.JobNumber{}, g.refuse("%.100q is no job; its key is as group/project#j1234", key)
}

func gitLabRunKey(project string, id int64) string { return KeyOf(project, strconv.FormatInt(id, 10)) }
func gitLabJobKey(project string, id int64) string {
	return KeyOf(project, "j"+strconv.FormatInt(id, 10))
}

// gitLabID reads a number of digits alone, as they are written here; 0 for anything else.
func gitLabID(text string) int64 {
	n, _ := forge.Number(text)
	return n
}

// Overviews makes one request for every 100 projects. Whether a project has any CI cannot be told from its newest commits having none, so each has its pipeline, without
// Latest where the head of its default branch has no run, or its newest is of a merge request.
func (g *gitLab) Overviews(ctx context.Context, names []string) ([][]*Pipeline, []error) {
	found, errs := g.Pipelines(ctx, names)
	out := make([][]*Pipeline, len(names))
	for i, p := range found {
		if p != nil {
			out[i] = []*Pipeline{p}
		}
	}
	return out, errs
}

// All is Overviews.
func (g *gitLab) All(ctx context.Context, names []string) ([][]*Pipeline, []error) {
	return g.Overviews(ctx, names)
}

// Pipelines makes one request for every 100.
func (g *gitLab) Pipelines(ctx context.Context, keys []string) ([]*Pipeline, []error) {
	out, errs := make([]*Pipeline, len(keys)), make([]error, len(keys))
	var wanted []string
	var places []int
	for i, key := range keys {
		project, err := g.project(key)
		if errs[i] = err; err == nil {
			wanted, places = append(wanted, project), append(places, i)
		}
	}
	if len(wanted) == 0 {
		return out, errs
	}
	found, failed := g.client.HeadPipelines(ctx, wanted)
	for n, i := range places {
		if errs[i] = g.failed(found[n] != nil, failed[n]); errs[i] != nil {
			continue
		}
		out[i] = &Pipeline{Key: wanted[n], Name: gitLabName, File: gitLabFile, URL: g.web.String() + "/" + wanted[n] + "/-/pipelines", Repository: wanted[n]}
		if p := found[n]; p != nil && !gitLabHearsay(p) && p.MergeRequest == 0 {
			out[i].Latest = g.tell(wanted[n], p)
			out[i].Branch = out[i].Latest.Branch
		}
	}
	return out, errs
}
