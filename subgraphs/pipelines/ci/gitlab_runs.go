package ci

import (
	"context"
	"strings"
	"time"

	"callboard.dev/callboard/clients/git"
	"callboard.dev/callboard/clients/gitlab"
)

// numbered asks for pipelines by the keys of runs: one request for every 7.
func (g *gitLab) numbered(ctx context.Context, keys []string) ([]*gitlab.Pipeline, []gitlab.PipelineNumber, []error) {
	out, numbers, errs := make([]*gitlab.Pipeline, len(keys)), make([]gitlab.PipelineNumber, len(keys)), make([]error, len(keys))
	var wanted []gitlab.PipelineNumber
	var places []int
	for i, key := range keys {
		if numbers[i], errs[i] = g.run(key); errs[i] == nil {
			wanted, places = append(wanted, numbers[i]), append(places, i)
		}
	}
	if len(wanted) == 0 {
		return out, numbers, errs
	}
	found, failed := g.client.PipelinesByID(ctx, wanted)
	for n, i := range places {
		out[i], errs[i] = found[n], g.failed(found[n] != nil, failed[n])
	}
	return out, numbers, errs
}

// Runs makes one request for every 7.
func (g *gitLab) Runs(ctx context.Context, keys []string) ([]*Run, []error) {
	found, numbers, errs := g.numbered(ctx, keys)
	out := make([]*Run, len(keys))
	for i, p := range found {
		if errs[i] == nil {
			out[i] = g.tell(numbers[i].Project, p)
		}
	}
	return out, errs
}

// Coverages makes one request for every 7.
func (g *gitLab) Coverages(ctx context.Context, keys []string) ([]*float64, []error) {
	found, _, errs := g.numbered(ctx, keys)
	out := make([]*float64, len(keys))
	for i, p := range found {
		if errs[i] == nil {
			out[i] = p.Coverage
		}
	}
	return out, errs
}

// latest is the list of the newest run, empty where there is none.
func (g *gitLab) latest(project string, p *gitlab.Pipeline) []*Run {
	if p == nil || gitLabHearsay(p) {
		return []*Run{}
	}
	return []*Run{g.tell(project, p)}
}

// gitLabHearsay tells whether a pipeline is nothing but what others say of a commit, as SetStatus does, too: GitLab makes one of that where the commit has none.
func gitLabHearsay(p *gitlab.Pipeline) bool { return p.Source == "external" }

// CommitRuns makes one request for every 7 commits. What others say of a commit is no run.
func (g *gitLab) CommitRuns(ctx context.Context, commits []CommitName) ([][]*Run, []error) {
	out, errs := make([][]*Run, len(commits)), make([]error, len(commits))
	var wanted []gitlab.Revision
	var places []int
	for i, c := range commits {
		oid, ok := git.ParseOID(c.OID)
		if !ok {
			errs[i] = g.refuse("%.100q is no object id in full", c.OID)
			continue
		}
		wanted, places = append(wanted, gitlab.Revision{Project: c.Repository, Name: string(oid)}), append(places, i)
	}
	if len(wanted) == 0 {
		return out, errs
	}
	found, failed := g.client.LatestPipelines(ctx, wanted)
	for n, i := range places {
		if errs[i] = g.failed(found[n] != nil, failed[n]); errs[i] == nil {
			out[i] = g.latest(commits[i].Repository, found[n])
		}
	}
	return out, errs
}

// PullRequestRuns makes one request for all of one project, up to 100, and for those of several projects as few as clients/gitlab does. What others
// say of a commit is no run.
func (g *gitLab) PullRequestRuns(ctx context.Context, names []PullRequestName) ([][]*Run, []error) {
	wanted := make([]gitlab.MergeRequestNumber, len(names))
	for i, n := range names {
		wanted[i] = gitlab.MergeRequestNumber{Project: n.Repository, Number: n.Number}
	}
	found, errs := g.client.MergeRequestPipelines(ctx, wanted)
	out := make([][]*Run, len(names))
	for i, p := range found {
		if errs[i] = g.failed(p != nil, errs[i]); errs[i] != nil {
			continue
		}
		project := names[i].Repository
		if p != nil { // that of a fork's branch is the fork's
			if at, err := g.client.ParsePipelineURL(p.URL); err == nil && !strings.EqualFold(at.Project, project) {
				project = at.Project
			}
		}
		out[i] = g.latest(project, p)
		for _, r := range out[i] {
			r.PullRequest = names[i].Number // also where it is a run of the branch
		}
	}
	return out, errs
}

// gitLabList is how a page of runs is asked for.
type gitLabList struct {
	gitlab.PipelinesQuery
	only  Status    // what GitLab lists is looked through for these; "" for all
	since time.Time // when the oldest was asked for
	none  bool      // GitLab has none of the kind
}

// gitLabLists are GitLab's words for what it can list of a status: it takes one.
var gitLabLists = map[Status]string{
	Waiting: "manual", Running: "running", Failed: "failed", Canceled: "canceled", Skipped: "skipped", Succeeded: "success", Unstable: "success",
}

// list reads what is asked for.
func (g *gitLab) list(q RunsQuery) (gitLabList, error) {
	project := q.Repository
	if project == "" {
		project = q.Pipeline
	}
	project, err := g.project(project)
	if err != nil {
		return gitLabList{}, err
	}
	l := gitLabList{PipelinesQuery: gitlab.PipelinesQuery{Project: project, Ref: q.Branch, SHA: q.Commit, UpdatedAfter: q.Since, UpdatedBefore: q.Until}, since: q.Since}
	l.Page = gitlab.Page{First: min(q.Paging.First, gitLabPage), After: q.Paging.After}
	switch q.Status {
	case "", Waiting, Running, Failed, Canceled, Skipped:
	case Queued, Succeeded, Unstable:
		l.only = q.Status
	case TimedOut, Unknown:
		l.none = true
	default:
		return gitLabList{}, g.refuse("%.50q is no status", q.Status)
	}
	l.Status = gitLabLists[q.Status]
	if q.Paging.First < 1 {
		return gitLabList{}, g.refuse("a page has at least one item")
	}
	if len(q.Paging.After) > 1024 || strings.ContainsFunc(q.Paging.After, func(c rune) bool { // GitLab's are in base64
		return (c|0x20 < 'a' || c|0x20 > 'z') && (c < '0' || c > '9') && !strings.ContainsRune("+/-_=", c)
	}) {
		return gitLabList{}, g.refuse("%.50q is not a cursor of this list; use that of an item of an earlier page", q.Paging.After)
	}
	return l, nil
}

const (
	gitLabPage = 100 // items, GitLab's own limit
	// gitLabLook bounds the pages that are looked through for a status that GitLab has no one word for, by judgement.
	gitLabLook = 5
	// gitLabSpare is by how many the first of these pages is larger than what is wanted.
	gitLabSpare = 10
)

// RunPages makes one request for all that differ in nothing but the project, up to 50 of them with pages of up to 20, up to 20 with pages of 100.
//
// GitLab lists by when runs changed: Until leaves out those that went on after it, and of Since the total is not told. It lists one state: Running leaves out those that are
// being canceled, and for Queued, Succeeded and Unstable, which are none or more than one, its lists are looked through, the 500 newest at most, with up to 5 requests for each
// query. The runs of merge requests are of no branch.
func (g *gitLab) RunPages(ctx context.Context, queries []RunsQuery) ([]*Page[*Run], []error) {
	out, errs := make([]*Page[*Run], len(queries)), make([]error, len(queries))
	lists := make([]gitLabList, len(queries))
	var simple []gitlab.PipelinesQuery
	var places, looked []int
	for i, q := range queries {
		if lists[i], errs[i] = g.list(q); errs[i] != nil {
			continue
		}
		switch {
		case lists[i].none:
			out[i] = &Page[*Run]{Total: new(int)}
		case lists[i].only != "":
			looked = append(looked, i)
		default:
			simple, places = append(simple, lists[i].PipelinesQuery), append(places, i)
		}
	}
	if len(simple) > 0 {
		found, failed := g.client.Pipelines(ctx, simple)
		for n, i := range places {
			if errs[i] = g.failed(found[n] != nil, failed[n]); errs[i] == nil {
				out[i] = g.page(lists[i], found[n])
			}
		}
	}
	pages, failed := gitLabEach(looked, func(i int) (*Page[*Run], error) { return g.look(ctx, lists[i]) })
	for n, i := range looked {
		out[i], errs[i] = pages[n], failed[n]
	}
	return out, errs
}

// page is a page that GitLab has listed.
func (g *gitLab) page(l gitLabList, found *gitlab.PipelinePage) *Page[*Run] {
	out := &Page[*Run]{Next: found.Info.HasNext}
	if l.since.IsZero() {
		out.Total = &found.Total
	}
	for n, p := range found.Pipelines {
		if p == nil {
			continue
		}
		if p.CreatedAt.Before(l.since) { // and so are all that follow
			out.Next = false
			break
		}
		out.Items, out.Cursors = append(out.Items, g.tell(l.Project, p)), append(out.Cursors, found.Cursors[n])
	}
	return out
}

// look looks through what GitLab lists for runs of one status.
func (g *gitLab) look(ctx context.Context, l gitLabList) (*Page[*Run], error) {
	out, wanted := &Page[*Run]{}, l.Page.First
	l.Page.First = min(wanted+gitLabSpare, gitLabPage)
	for range gitLabLook {
		found, errs := g.client.Pipelines(ctx, []gitlab.PipelinesQuery{l.PipelinesQuery})
		if err := g.failed(found[0] != nil, errs[0]); err != nil {
			return nil, err
		}
		page := g.page(l, found[0])
		for n, r := range page.Items {
			if r.Status != l.only {
				continue
			}
			if len(out.Items) == wanted {
				out.Next = true
				return out, nil
			}
			out.Items, out.Cursors = append(out.Items, r), append(out.Cursors, page.Cursors[n])
		}
		if !page.Next || found[0].Info.End == "" {
			return out, nil
		}
		l.Page = gitlab.Page{First: gitLabPage, After: found[0].Info.End}
	}
	out.Next = len(out.Items) > 0 // there may be more, and there is a cursor to go on from
	return out, nil
}
