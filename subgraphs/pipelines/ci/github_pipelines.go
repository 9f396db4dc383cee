package ci

import (
	"context"
	"errors"
	"strconv"

	"callboard.dev/callboard/clients"
	"callboard.dev/callboard/clients/github"
)

// Pipelines makes one request for each workflow, one for all newest runs of up to 20 repositories, one for up to 20 files in which workflows say what they take,
// and one for each workflow that has not run for the newest commits.
func (d gitHub) Pipelines(ctx context.Context, keys []string) ([]*Pipeline, []error) {
	out, errs := gitHubEach(d, keys, func(key string) (*Pipeline, error) {
		slug, id, err := d.parse(key, gitHubWorkflow)
		if err != nil {
			return nil, err
		}
		w, err := d.client.Workflow(ctx, slug, strconv.Itoa(id))
		if err != nil {
			return nil, err
		}
		w.DatabaseID = id
		return d.pipeline(slug.String(), *w), nil
	})
	var names []string
	at := map[string]int{}
	for _, p := range out {
		if p != nil {
			if _, known := at[p.Repository]; !known {
				at[p.Repository], names = len(names), append(names, p.Repository)
			}
		}
	}
	newest, failed := d.newest(ctx, names)
	heads := make([]*github.CommitRuns, len(keys))
	for i, p := range out {
		if p == nil {
			continue
		}
		commits, err := newest[at[p.Repository]], failed[at[p.Repository]]
		if err != nil && !gitHubLacks(err) {
			out[i], errs[i] = nil, err
			continue
		}
		for _, other := range d.pipelines(p.Repository, commits) {
			if other.Key == p.Key {
				p.Latest = other.Latest
			}
		}
		if len(commits) > 0 {
			heads[i], p.Branch = commits[0], commits[0].Default
		}
	}
	d.parameters(ctx, out, heads)
	var without []int
	for i, p := range out {
		if p != nil && p.Latest == nil && p.Branch != "" {
			without = append(without, i)
		}
	}
	latest, failed := gitHubEach(d, without, func(i int) (*Run, error) {
		slug, id, err := d.parse(keys[i], gitHubWorkflow)
		if err != nil {
			return nil, err
		}
		page, err := d.client.WorkflowRuns(ctx, github.RunFilter{Slug: slug, Workflow: strconv.Itoa(id), Branch: out[i].Branch, Page: github.RESTPage{Size: 1}})
		if err != nil || len(page.Runs) == 0 {
			return nil, err
		}
		return d.run(out[i].Repository, page.Runs[0]), nil
	})
	for n, i := range without {
		if failed[n] != nil && !gitHubLacks(failed[n]) {
			out[i], errs[i] = nil, failed[n]
			continue
		}
		out[i].Latest = latest[n]
	}
	return out, errs
}

// gitHubLacks tells whether an error says that something is not there, or not to be seen: the rest is told without it.
func gitHubLacks(err error) bool {
	return errors.Is(err, clients.ErrNotFound) || errors.Is(err, clients.ErrForbidden)
}

// parameters reads from the files of the workflows, as they are in the heads of the default branches, what those take that somebody starts. A file that cannot be
// read has none: GitHub refuses what does not fit.
func (d gitHub) parameters(ctx context.Context, pipelines []*Pipeline, heads []*github.CommitRuns) {
	var files []github.PathIn
	var of []*Pipeline
	for i, p := range pipelines {
		if p != nil && p.File != "" && heads[i] != nil {
			files, of = append(files, github.PathIn{Slug: d.slug(p.Repository), Commit: heads[i].Commit, Path: p.File}), append(of, p)
		}
	}
	blobs, errs := d.client.Files(ctx, files)
	for i, blob := range blobs {
		if errs[i] == nil && blob.Complete() {
			of[i].Parameters = gitHubInputs(blob.Data)
		}
	}
}
