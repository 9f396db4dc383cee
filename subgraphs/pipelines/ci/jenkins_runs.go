package ci

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"strconv"
	"strings"

	"callboard.dev/callboard/clients"
	"callboard.dev/callboard/clients/jenkins"
)

// Runs makes one request for each run, a few at a time; one more for each that runs, to know whether it waits for somebody and how far it is, and one for
// all where it is not plain which jobs are those of branches (projects). A run that was queued takes one request while it waits and two once it has begun; when
// Jenkins has forgotten the item, which it does five minutes later, it is looked for among the newest 20 builds of the job.
func (d *jenkinsDriver) Runs(ctx context.Context, keys []string) ([]*Run, []error) {
	type seen struct {
		build *jenkins.Build
		item  *jenkins.Item
		job   string
	}
	found, errs := jenkinsEach(keys, func(key string) (seen, error) {
		r, err := d.run(key)
		if err != nil {
			return seen{}, err
		}
		b, i, err := d.find(ctx, r)
		return seen{b, i, r.Job}, err
	})
	causes := map[string][]jenkins.Cause{}
	for i, f := range found {
		if errs[i] == nil && f.build != nil {
			causes[f.build.Job] = append(causes[f.build.Job], f.build.Causes...)
		} else if errs[i] == nil {
			causes[f.job] = append(causes[f.job], f.item.Causes...)
		}
	}
	projects, failures := d.projects(ctx, causes)
	stages, _ := jenkinsEach(found, func(f seen) (*jenkins.Stages, error) { return d.running(ctx, f.build), nil })
	out := make([]*Run, len(keys))
	for i, f := range found {
		if errs[i] != nil {
			continue
		}
		job := f.job
		if f.build != nil {
			job = f.build.Job
		}
		of := projects[job]
		switch errs[i] = failures[job]; {
		case errs[i] != nil:
		case f.build != nil:
			out[i] = d.told(jenkinsBuild{Build: f.build, project: of.name, title: of.title, stages: stages[i]})
		default:
			out[i] = d.waiting(keys[i], f.item, job, of.name, of.title)
		}
	}
	return out, errs
}

// find returns the build that a key names, or the item of the queue where that is no build yet, or will be none.
func (d *jenkinsDriver) find(ctx context.Context, r jenkinsRun) (*jenkins.Build, *jenkins.Item, error) {
	if r.item == 0 {
		b, err := d.client.Build(ctx, r.BuildID)
		return b, nil, d.failed(err)
	}
	item, err := d.client.Item(ctx, r.item)
	switch {
	case errors.Is(err, clients.ErrNotFound):
		const newest = 20
		builds, err := d.client.Builds(ctx, jenkins.BuildsQuery{Job: r.Job, Most: newest})
		if err != nil {
			return nil, nil, d.failed(err)
		}
		if at := slices.IndexFunc(builds, func(b jenkins.Build) bool { return b.QueueID == r.item }); at >= 0 {
			return &builds[at], nil, nil
		}
		return nil, nil, d.absent("it has left the queue, and is none of the newest builds of the job")
	case err != nil:
		return nil, nil, d.failed(err)
	case !strings.EqualFold(item.Job, r.Job):
		return nil, nil, d.absent("there is no such item in the queue of the job")
	case item.State == jenkins.Left:
		b, err := d.client.Build(ctx, item.Build)
		return b, nil, d.failed(err)
	}
	return nil, item, nil
}

// build returns the build that the key of a run names, none where it waits in the queue or was taken out of it. Of a build it makes no request, else as many as find.
func (d *jenkinsDriver) build(ctx context.Context, key string) (*jenkins.BuildID, *jenkins.Item, error) {
	r, err := d.run(key)
	if err != nil {
		return nil, nil, err
	}
	if r.item == 0 {
		return &r.BuildID, nil, nil
	}
	b, item, err := d.find(ctx, r)
	if err != nil || item != nil {
		return nil, item, err
	}
	return &b.BuildID, nil, nil
}

// running returns the stages of a build that runs; nil for others, and where Jenkins does not tell them: the build is known without.
func (d *jenkinsDriver) running(ctx context.Context, b *jenkins.Build) *jenkins.Stages {
	if b == nil || !b.Building {
		return nil
	}
	stages, err := d.client.Stages(ctx, b.BuildID)
	if err != nil {
		return nil
	}
	return stages
}

// jenkinsProject is the multibranch project that a job is of a branch of. Its zero value says that it is of none.
type jenkinsProject struct{ name, title string }

// projects finds out which of some jobs are those of branches: whose names only a branch has, that Jenkins has built for a branch's sake by the causes
// of their builds, and else those in whose place a request finds a multibranch project; it is one for all.
func (d *jenkinsDriver) projects(ctx context.Context, causes map[string][]jenkins.Cause) (map[string]jenkinsProject, map[string]error) {
	out, errs := map[string]jenkinsProject{}, map[string]error{}
	var unsure, parents []string
	for job, list := range causes {
		cut := strings.LastIndexByte(job, '/')
		switch {
		case cut < 0:
		case strings.Contains(job[cut:], "%"), slices.ContainsFunc(list, func(c jenkins.Cause) bool { return strings.HasPrefix(c.Class, "jenkins.branch.") }):
			out[job] = jenkinsProject{name: job[:cut]}
		default:
			unsure = append(unsure, job)
			if !slices.Contains(parents, job[:cut]) {
				parents = append(parents, job[:cut])
			}
		}
	}
	if len(unsure) == 0 {
		return out, errs
	}
	slices.Sort(parents)
	found, failed := d.client.Jobs(ctx, parents)
	for _, job := range unsure {
		at := slices.Index(parents, job[:strings.LastIndexByte(job, '/')])
		switch err := failed[at]; {
		case errors.Is(err, clients.ErrNotFound), errors.Is(err, clients.ErrForbidden): // nobody can say more
		case err != nil:
			errs[job] = d.failed(err)
		case found[at].Kind == jenkins.Multibranch:
			out[job] = jenkinsProject{parents[at], found[at].Title}
		}
	}
	return out, errs
}

// RunPages makes one request for a page of a job's builds, one more for each that runs, and one where it is not plain whether the job is that of a branch. Of a
// multibranch project with a branch it is the builds of that branch's job. Without a branch it is the last build of each of its branches and pull
// requests, at most 1,000 of them: Jenkins has no list of the builds of a project. That takes three requests for the first page, and one for another.
//
// Jenkins cannot filter. Where a commit, a status or a time is given, or the branch of a job that is not that of a branch, they are looked for among the newest
// 100 builds of the job, or among the last builds of the branches. How many there are is not told.
func (d *jenkinsDriver) RunPages(ctx context.Context, queries []RunsQuery) ([]*Page[*Run], []error) {
	return jenkinsEach(queries, func(q RunsQuery) (*Page[*Run], error) { return d.page(ctx, q) })
}

func (d *jenkinsDriver) page(ctx context.Context, q RunsQuery) (*Page[*Run], error) {
	if q.Repository != "" || q.Pipeline == "" {
		return nil, d.unable("Jenkins knows jobs and no repositories; ask for the runs of a pipeline")
	}
	name, err := d.job(q.Pipeline)
	if err != nil {
		return nil, err
	}
	if q.Paging.First < 1 {
		return nil, d.refuse("a page has the first 1 to %d runs", maxJenkinsPage)
	}
	q.Paging.First = min(q.Paging.First, maxJenkinsPage)
	after, err := d.cursor(q.Paging.After)
	if err != nil {
		return nil, err
	}
	if after.branch != "" {
		return d.ofBranches(ctx, name, q, after)
	}
	if q.Branch != "" {
		if job := jenkins.BranchJob(name, q.Branch); d.client.JobURL(job) != "" {
			page, err := d.ofJob(ctx, job, name, q, after, false)
			if !errors.Is(err, clients.ErrNotFound) {
				return page, err
			}
		}
	}
	page, err := d.ofJob(ctx, name, "", q, after, q.Branch != "")
	if err != nil || len(page.Items) > 0 || after.number > 0 {
		return page, err
	}
	// There are none, or it is no job.
	jobs, errs := d.client.Jobs(ctx, []string{name})
	switch {
	case errs[0] != nil:
		return nil, d.failed(errs[0])
	case jobs[0].Kind == jenkins.Multibranch:
		return d.ofBranches(ctx, name, q, after)
	case jobs[0].Kind == jenkins.Folder:
		return nil, d.folder(name)
	}
	return page, nil
}

// maxJenkinsPage is how many builds one request is for.
const maxJenkinsPage = 100

// jenkinsCursor is the place of a run in a list: of a job's builds by the number of the build, which stays when newer ones come, with where in the list
// it was then; of the last builds of branches by when it began and whose it is.
type jenkinsCursor struct {
	place, number int

	began  int64 // milliseconds since 1970
	branch string
}

func (c jenkinsCursor) String() string {
	if c.branch != "" {
		return "p" + strconv.FormatInt(c.began, 10) + ":" + c.branch
	}
	return "b" + strconv.Itoa(c.place) + ":" + strconv.Itoa(c.number)
}

func (d *jenkinsDriver) cursor(text string) (jenkinsCursor, error) {
	if text == "" {
		return jenkinsCursor{}, nil
	}
	number, rest, _ := strings.Cut(text[1:], ":")
	first := jenkinsNumber(number)
	switch second := jenkinsNumber(rest); {
	case first < 0:
	case text[0] == 'p' && d.client.JobURL(rest) != "":
		return jenkinsCursor{began: first, branch: rest}, nil
	case text[0] == 'b' && first < maxJenkinsPlace && second > 0 && second < 1<<31:
		return jenkinsCursor{place: int(first), number: int(second)}, nil
	}
	return jenkinsCursor{}, d.refuse("%.50q is not a cursor of this list; use endCursor of an earlier page", text)
}

// maxJenkinsPlace bounds how far back a list of builds is read, by judgement: beyond the newest 100 Jenkins reads all builds up to there from its disk.
const maxJenkinsPlace = 10_000

// jenkinsFilters tells whether a query wants what Jenkins cannot look for.
func jenkinsFilters(q RunsQuery) bool {
	return q.Commit != "" || q.Status != "" || !q.Since.IsZero() || !q.Until.IsZero()
}

// jenkinsTakes tells whether a run is one that a query wants; ofBranch that it is to be one of the branch.
func jenkinsTakes(q RunsQuery, r *Run, ofBranch bool) bool {
	return (q.Commit == "" || strings.EqualFold(q.Commit, r.Commit)) && (q.Status == "" || q.Status == r.Status) && (!ofBranch || q.Branch == r.Branch) &&
		(q.Since.IsZero() || !r.CreatedAt.Before(q.Since)) && (q.Until.IsZero() || !r.CreatedAt.After(q.Until))
}

// ofJob is a page of the builds of a job. known is the project that the job is of a branch of, where that is known; ofBranch says that the builds of a branch
// are to be picked out.
func (d *jenkinsDriver) ofJob(ctx context.Context, job, known string, q RunsQuery, after jenkinsCursor, ofBranch bool) (*Page[*Run], error) {
	picks := ofBranch || jenkinsFilters(q)
	var builds []jenkins.Build
	var places []int
	more := false
	// Where there are newer builds than when the cursor was made, those that follow it lie further back.
	place, size := 0, min(q.Paging.First+1, maxJenkinsPage)
	if picks {
		size = maxJenkinsPage
	} else if after.number > 0 {
		place = after.place + 1
	}
	for range 3 {
		if place > maxJenkinsPlace {
			break
		}
		found, err := d.client.Builds(ctx, jenkins.BuildsQuery{Job: job, Skip: place, Most: size})
		if err != nil {
			return nil, d.failed(err)
		}
		for i, b := range found {
			if after.number == 0 || b.Number < after.number {
				builds, places = append(builds, b), append(places, place+i)
			}
		}
		place += len(found)
		more = len(found) == size
		if picks || !more || len(builds) > q.Paging.First {
			break
		}
	}
	if picks {
		more = false
	} else if len(builds) > q.Paging.First {
		builds, more = builds[:q.Paging.First], true
	}
	runs, err := d.runsOf(ctx, job, known, builds)
	if err != nil {
		return nil, err
	}
	out := &Page[*Run]{Items: []*Run{}, Next: more && len(builds) > 0}
	for i, r := range runs {
		if picks && !jenkinsTakes(q, r, ofBranch) {
			continue
		}
		if len(out.Items) == q.Paging.First {
			out.Next = true
			break
		}
		out.Items, out.Cursors = append(out.Items, r), append(out.Cursors, jenkinsCursor{place: places[i], number: r.Number}.String())
	}
	return out, nil
}

// runsOf are builds of a job as runs.
func (d *jenkinsDriver) runsOf(ctx context.Context, job, known string, builds []jenkins.Build) ([]*Run, error) {
	of := jenkinsProject{name: known}
	if known == "" && len(builds) > 0 {
		var causes []jenkins.Cause
		for _, b := range builds {
			causes = append(causes, b.Causes...)
		}
		projects, errs := d.projects(ctx, map[string][]jenkins.Cause{job: causes})
		if errs[job] != nil {
			return nil, errs[job]
		}
		of = projects[job]
	}
	runs, _ := jenkinsEach(builds, func(b jenkins.Build) (*Run, error) {
		return d.told(jenkinsBuild{Build: &b, project: of.name, title: of.title, stages: d.running(ctx, &b)}), nil
	})
	return runs, nil
}

// ofBranches is a page of the last builds of the branches of a multibranch project.
func (d *jenkinsDriver) ofBranches(ctx context.Context, name string, q RunsQuery, after jenkinsCursor) (*Page[*Run], error) {
	jobs, err := d.client.Branches(ctx, name)
	if err != nil {
		return nil, d.failed(err)
	}
	cursor := func(j *jenkins.Job) jenkinsCursor {
		return jenkinsCursor{began: max(0, j.Last.Started.UnixMilli()), branch: j.Name}
	}
	newer := func(a, b jenkinsCursor) int {
		return cmp.Or(cmp.Compare(b.began, a.began), strings.Compare(a.branch, b.branch))
	}
	jobs = slices.DeleteFunc(jobs, func(j *jenkins.Job) bool { return j.Last == nil })
	slices.SortFunc(jobs, func(a, b *jenkins.Job) int { return newer(cursor(a), cursor(b)) })
	jobs = slices.DeleteFunc(jobs, func(j *jenkins.Job) bool { return after.branch != "" && newer(after, cursor(j)) >= 0 })
	picks := q.Branch != "" || jenkinsFilters(q)
	if !picks { // those of the page alone have to be told
		jobs = jobs[:min(len(jobs), q.Paging.First+1)]
	}
	runs, _ := jenkinsEach(jobs, func(j *jenkins.Job) (*Run, error) {
		b := jenkinsBuild{Build: j.Last, project: name, object: j.Object}
		if q.Status == "" || q.Status == Running || q.Status == Waiting {
			b.stages = d.running(ctx, j.Last)
		}
		return d.told(b), nil
	})
	out := &Page[*Run]{Items: []*Run{}}
	for i, r := range runs {
		if picks && !jenkinsTakes(q, r, q.Branch != "") {
			continue
		}
		if len(out.Items) == q.Paging.First {
			out.Next = true
			break
		}
		out.Items, out.Cursors = append(out.Items, r), append(out.Cursors, cursor(jobs[i]).String())
	}
	return out, nil
}
