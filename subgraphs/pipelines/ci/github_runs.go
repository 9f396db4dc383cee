package ci

import (
	"context"
	"slices"
	"strconv"
	"time"

	"callboard.dev/callboard/clients/git"
	"callboard.dev/callboard/clients/github"
)

// Runs makes one request for each run, a few at a time: only the REST interface tells which attempt a run is at.
func (d gitHub) Runs(ctx context.Context, keys []string) ([]*Run, []error) {
	return gitHubEach(d, keys, func(key string) (*Run, error) {
		slug, id, err := d.parse(key, gitHubRun)
		if err != nil {
			return nil, err
		}
		r, err := d.client.WorkflowRun(ctx, slug, id)
		if err != nil {
			return nil, err
		}
		return d.run(slug.String(), r), nil
	})
}

// CommitRuns makes one request for 40 commits.
func (d gitHub) CommitRuns(ctx context.Context, commits []CommitName) ([][]*Run, []error) {
	out, errs := make([][]*Run, len(commits)), make([]error, len(commits))
	var queries []github.RunsQuery
	var at []int
	for i, c := range commits {
		if _, ok := git.ParseOID(c.OID); !ok {
			errs[i] = d.wrong("a commit is named by its object id, and not by " + strconv.Quote(c.OID[:min(len(c.OID), 100)]))
			continue
		}
		queries, at = append(queries, github.RunsQuery{Revision: github.Revision{Slug: d.slug(c.Repository), Name: c.OID}, Depth: 1}), append(at, i)
	}
	found, failed := d.client.Runs(ctx, queries)
	for n, i := range at {
		if errs[i] = d.said(failed[n]); errs[i] == nil {
			out[i], errs[i] = d.newestOfEach(commits[i].Repository, found[n]...)
		}
	}
	return out, errs
}

// PullRequestRuns makes one request for 40 pull requests. Runs of the commit that were started by something else are among them, such as a push to its branch.
func (d gitHub) PullRequestRuns(ctx context.Context, names []PullRequestName) ([][]*Run, []error) {
	asked := make([]github.PullRequestNumber, len(names))
	for i, n := range names {
		asked[i] = github.PullRequestNumber{Slug: d.slug(n.Repository), Number: n.Number}
	}
	found, errs := d.client.PullRequestRuns(ctx, asked)
	out := make([][]*Run, len(names))
	for i := range found {
		if errs[i] = d.said(errs[i]); errs[i] != nil {
			continue
		}
		out[i], errs[i] = d.newestOfEach(names[i].Repository, found[i])
		for _, run := range out[i] {
			run.PullRequest = names[i].Number
		}
	}
	return out, errs
}

// newestOfEach returns the newest run of each workflow, the newest first.
func (d gitHub) newestOfEach(repository string, commits ...*github.CommitRuns) ([]*Run, error) {
	if err := gitHubWithheld(commits...); err != nil {
		return nil, err
	}
	latest := github.Latest(commits)
	slices.SortStableFunc(latest, gitHubNewer)
	out := make([]*Run, len(latest))
	for i, r := range latest {
		out[i] = d.run(repository, r)
	}
	return out, nil
}

// run tells of a run of the repository, by whose path it was asked for.
func (d gitHub) run(repository string, r *github.WorkflowRun) *Run {
	out := &Run{
		Key: gitHubKey(repository, gitHubRun, r.DatabaseID), Pipeline: gitHubKey(repository, gitHubWorkflow, r.Workflow.DatabaseID), PipelineName: r.Workflow.Name, Number: r.Number, Attempt: r.Attempt, Title: r.Title,
		Trigger: gitHubTrigger(r), TriggerWord: r.Event, Repository: repository, Commit: string(r.Commit), Branch: r.Branch, Actor: gitHubPerson(r.Actor), CreatedAt: r.CreatedAt, URL: r.URL,
	}
	out.Status, out.Word = gitHubStatus(r.Status, r.Conclusion)
	if r.Repository != (github.Slug{}) {
		out.Repository = r.Repository.String() // as it is called now
	}
	if len(r.PullRequests) > 0 {
		out.PullRequest = r.PullRequests[0]
	}
	out.StartedAt, out.FinishedAt, out.Duration = gitHubTimes(r, out.Status)
	over := r.Done() && out.Status.Done()
	out.Reruns = Reruns{All: over, Failed: over && (out.Status.Red() || out.Status == Canceled), Cancel: !r.Done()}
	return out
}

func gitHubPerson(a *github.Account) *Person {
	if a == nil {
		return nil
	}
	return &Person{Login: a.Login, Name: a.Name, URL: a.URL, Avatar: a.Avatar}
}

// gitHubTimes returns when a run began and ended and how long it took, as far as that is told. From GraphQL it took as long as any of its jobs ran: after some of
// them were run again, the others are of an earlier attempt, maybe of days before.
func gitHubTimes(r *github.WorkflowRun, status Status) (started, finished time.Time, took *time.Duration) {
	whole := r.Checks != nil && r.Checks.Complete && len(r.CheckRuns) > 0
	if status != Queued && status != Waiting && r.Conclusion != "SKIPPED" {
		if started = r.StartedAt; started.IsZero() {
			started = r.RequestedAt
		}
	}
	if !status.Done() {
		return started, time.Time{}, nil
	}
	finished = r.UpdatedAt
	if whole {
		finished = time.Time{}
		for _, c := range r.CheckRuns {
			if c.CompletedAt.After(finished) {
				finished = c.CompletedAt
			}
		}
		if finished.IsZero() {
			finished = r.UpdatedAt
		}
	}
	switch {
	case started.IsZero():
	case whole:
		took = new(gitHubBusy(r.CheckRuns))
	default:
		took = gitHubBetween(started, finished)
	}
	return started, finished, took
}

// gitHubBusy returns how long any of the checks ran.
func gitHubBusy(checks []*github.CheckRun) time.Duration {
	checks = slices.SortedFunc(slices.Values(checks), func(a, b *github.CheckRun) int { return a.StartedAt.Compare(b.StartedAt) })
	var sum time.Duration
	var until time.Time
	for _, c := range checks {
		from := c.StartedAt
		if from.IsZero() || c.CompletedAt.IsZero() {
			continue
		}
		if from.Before(until) {
			from = until
		}
		if c.CompletedAt.After(from) {
			sum, until = sum+c.CompletedAt.Sub(from), c.CompletedAt
		}
	}
	return sum
}

// gitHubBetween returns the time between two times, nil where one is not known, or they are the wrong way round.
func gitHubBetween(from, to time.Time) *time.Duration {
	if from.IsZero() || to.IsZero() || to.Before(from) {
		return nil
	}
	return new(to.Sub(from))
}

// gitHubPlaces is beyond the last run that can be asked for, and what cursors may name: the client's 1,000 pages of 100.
const gitHubPlaces = 100_000

// RunPages makes one request for each page that begins at a multiple of its size, as those of who goes on from page to page do, else two. A cursor is how many
// runs are before what follows it: where new ones came meanwhile, some come twice. With a status, runs are found by the word for it that most of them have.
func (d gitHub) RunPages(ctx context.Context, queries []RunsQuery) ([]*Page[*Run], []error) {
	return gitHubEach(d, queries, func(q RunsQuery) (*Page[*Run], error) { return d.runPage(ctx, q) })
}

func (d gitHub) runPage(ctx context.Context, q RunsQuery) (*Page[*Run], error) {
	filter := github.RunFilter{Branch: q.Branch, Commit: git.OID(q.Commit), Since: q.Since, Until: q.Until}
	switch {
	case (q.Pipeline == "") == (q.Repository == ""):
		return nil, d.wrong("runs are listed of a pipeline or of a repository")
	case q.Pipeline != "":
		slug, id, err := d.parse(q.Pipeline, gitHubWorkflow)
		if err != nil {
			return nil, err
		}
		filter.Slug, filter.Workflow = slug, strconv.Itoa(id)
	default:
		slug, err := github.ParseSlug(q.Repository)
		if err != nil {
			return nil, err
		}
		filter.Slug = slug
	}
	if q.Status != "" {
		word, ok := gitHubFilters[q.Status]
		if !ok {
			return &Page[*Run]{Total: new(int)}, nil // GitHub has no such status
		}
		filter.Status = word
	}
	size, from := q.Paging.First, 0
	if size < 1 || size > 100 {
		return nil, d.wrong("a page has 1 to 100 runs")
	}
	if q.Paging.After != "" {
		var ok bool
		if from, ok = gitHubID(q.Paging.After); !ok || from > gitHubPlaces {
			return nil, d.wrong("the cursor is none of this list; start again without it")
		}
	}
	if from/size+2 > gitHubPlaces/100 {
		return nil, d.wrong("GitHub lists no further; ask for larger pages, or for runs of a branch or of some days")
	}
	skip := from % size
	filter.Page = github.RESTPage{Number: from/size + 1, Size: size}
	first, err := d.client.WorkflowRuns(ctx, filter)
	if err != nil {
		return nil, err
	}
	runs, more := first.Runs[min(skip, len(first.Runs)):], first.HasNext
	if skip > 0 && more {
		filter.Page.Number++
		second, err := d.client.WorkflowRuns(ctx, filter)
		if err != nil {
			return nil, err
		}
		more = second.HasNext || len(second.Runs) > skip
		runs = slices.Concat(runs, second.Runs[:min(skip, len(second.Runs))])
	}
	out := &Page[*Run]{Total: &first.Total, Next: more}
	for i, r := range runs {
		out.Items, out.Cursors = append(out.Items, d.run(filter.Slug.String(), r)), append(out.Cursors, strconv.Itoa(from+i+1))
	}
	return out, nil
}
