package ci

import (
	"cmp"
	"context"
	"errors"
	"io"
	"slices"
	"strconv"
	"strings"

	"callboard.dev/callboard/clients"
	"callboard.dev/callboard/clients/github"
)

// Stages makes two requests for each run, and one more for each 100 jobs beyond the first: it tells of 300. A workflow has no stages, so that each job is one. A job
// that needs others is not told until they are through.
//
// The run is asked for first: what is told of the jobs of one that was over already stays so.
func (d gitHub) Stages(ctx context.Context, runs []string) ([]*Stages, []error) {
	return gitHubEach(d, runs, func(key string) (*Stages, error) {
		slug, id, err := d.parse(key, gitHubRun)
		if err != nil {
			return nil, err
		}
		run, err := d.client.WorkflowRun(ctx, slug, id)
		if err != nil {
			return nil, err
		}
		jobs, complete, err := d.jobs(ctx, slug, id)
		if err != nil {
			return nil, err
		}
		out := &Stages{Stages: []Stage{}, Complete: complete, Done: run.Done()}
		for _, j := range jobs {
			job := d.job(slug.String(), j)
			out.Done = out.Done && job.Status.Done()
			out.Stages = append(out.Stages, Stage{Name: job.Name, Status: job.Status, Word: job.Word, StartedAt: job.StartedAt, FinishedAt: job.FinishedAt, Duration: job.Duration, Jobs: []Job{job}})
		}
		return out, nil
	})
}

// jobs returns the jobs of the latest attempt, and whether these are all.
func (d gitHub) jobs(ctx context.Context, slug github.Slug, run int) ([]*github.Job, bool, error) {
	var out []*github.Job
	for number := 1; number <= gitHubLists; number++ {
		page, err := d.client.Jobs(ctx, github.JobFilter{Slug: slug, Run: run, Page: github.RESTPage{Number: number, Size: 100}})
		if err != nil {
			return nil, false, err
		}
		if out = append(out, page.Jobs...); !page.HasNext {
			return out, true, nil
		}
	}
	return out, false, nil
}

func (d gitHub) job(repository string, j *github.Job) Job {
	out := Job{Key: gitHubKey(repository, gitHubJob, j.DatabaseID), Name: j.Name, CreatedAt: j.CreatedAt, URL: j.URL, Runner: j.Runner, Steps: gitHubSteps(j)}
	out.Status, out.Word = gitHubStatus(j.Status, j.Conclusion)
	if out.Status.Done() {
		out.FinishedAt = j.CompletedAt
	}
	if j.Conclusion == "SKIPPED" {
		return out // what GitHub tells is when that was found
	}
	out.StartedAt = j.StartedAt
	out.Duration = gitHubBetween(out.StartedAt, out.FinishedAt)
	if waited, known := j.Queued(); known {
		out.Waited = &waited
	}
	return out
}

// gitHubSteps is never nil: a job without steps has not begun, or was skipped.
func gitHubSteps(j *github.Job) []Step {
	out := []Step{}
	for _, s := range j.Steps {
		step := Step{Number: s.Number, Name: s.Name}
		step.Status, step.Word = gitHubStatus(s.Status, s.Conclusion)
		if step.Status.Done() {
			step.FinishedAt = s.CompletedAt
		}
		if s.Conclusion != "SKIPPED" {
			step.StartedAt = s.StartedAt
			step.Duration = gitHubBetween(step.StartedAt, step.FinishedAt)
		}
		out = append(out, step)
	}
	return out
}

// Steps makes one request for each job. Stages tells them, too.
func (d gitHub) Steps(ctx context.Context, jobs []string) ([][]Step, []error) {
	return gitHubEach(d, jobs, func(key string) ([]Step, error) {
		slug, id, err := d.parse(key, gitHubJob)
		if err != nil {
			return nil, err
		}
		j, err := d.client.Job(ctx, slug, id)
		if err != nil {
			return nil, err
		}
		return gitHubSteps(j), nil
	})
}

// Tests asks nothing: GitHub knows of no tests. Each is nil without an error: they are to be read from artifacts.
func (d gitHub) Tests(_ context.Context, runs []string) ([]*Tests, []error) {
	return gitHubEach(d, runs, func(key string) (*Tests, error) {
		_, _, err := d.parse(key, gitHubRun)
		return nil, err
	})
}

// Coverages is as Tests.
func (d gitHub) Coverages(_ context.Context, runs []string) ([]*float64, []error) {
	return gitHubEach(d, runs, func(key string) (*float64, error) {
		_, _, err := d.parse(key, gitHubRun)
		return nil, err
	})
}

// Artifacts makes one request for each run, and one more for each 100 artifacts beyond the first: it tells of 300, the newest first. Those of earlier attempts are among
// them. The key of one is its id.
func (d gitHub) Artifacts(ctx context.Context, runs []string) ([][]Artifact, []error) {
	return gitHubEach(d, runs, func(key string) ([]Artifact, error) {
		slug, id, err := d.parse(key, gitHubRun)
		if err != nil {
			return nil, err
		}
		var found []*github.Artifact
		for number := 1; number <= gitHubLists; number++ {
			page, err := d.client.Artifacts(ctx, slug, id, github.RESTPage{Number: number, Size: 100})
			if err != nil {
				return nil, err
			}
			if found = append(found, page.Artifacts...); !page.HasNext {
				break
			}
		}
		slices.SortStableFunc(found, func(a, b *github.Artifact) int {
			return cmp.Or(b.CreatedAt.Compare(a.CreatedAt), cmp.Compare(a.Name, b.Name), cmp.Compare(b.DatabaseID, a.DatabaseID))
		})
		out := []Artifact{}
		for _, a := range found {
			name := strconv.Itoa(a.DatabaseID)
			page := d.client.Web().JoinPath(slug.Owner, slug.Name, "actions", "runs", strconv.Itoa(id), "artifacts", name)
			out = append(out, Artifact{Key: name, Name: a.Name, Size: a.Size, URL: page.String(), Archive: true, Expired: a.Expired, Expires: a.ExpiresAt})
		}
		return out, nil
	})
}

// gitHubMostArtifact is the most that the client reads of an artifact, in bytes.
const gitHubMostArtifact = 256 << 20

// Open makes one request, and one to where GitHub keeps the artifact. It is a ZIP archive. That it is of the run is not looked at: it is of its repository.
func (d gitHub) Open(ctx context.Context, run, artifact string, most int64) (io.ReadCloser, int64, error) {
	slug, _, err := d.parse(run, gitHubRun)
	if err != nil {
		return nil, 0, err
	}
	id, ok := gitHubID(artifact)
	if !ok {
		return nil, 0, d.wrong("it has no artifact with the key " + strconv.Quote(artifact[:min(len(artifact), 100)]))
	}
	body, size, err := d.client.ArtifactStream(ctx, slug, id, min(most, gitHubMostArtifact))
	return body, size, d.said(err)
}

// gitHubNear is how far from the beginning of a log's tail a line may begin so that what is before it is left out, in bytes, by judgement: few lines are longer.
const gitHubNear = 4 << 10

// Logs makes two requests for each part of a log, the second to where GitHub keeps it, and one more to find the job where none is named, or where there is no log
// yet. There is none until the job is completed. The end of a log is found by reading all of it, up to 256 MiB.
func (d gitHub) Logs(ctx context.Context, queries []LogQuery) ([]*Log, []error) {
	return gitHubEach(d, queries, func(q LogQuery) (*Log, error) { return d.log(ctx, q) })
}

func (d gitHub) log(ctx context.Context, q LogQuery) (*Log, error) {
	slug, run, err := d.parse(q.Run, gitHubRun)
	if err != nil {
		return nil, err
	}
	if q.Most < 1 || q.After < 0 || q.Tail < 0 || q.Tail > 0 && q.After > 0 {
		return nil, d.wrong("a part of a log is what follows so many bytes, or its last ones")
	}
	w := github.Window{From: q.After, Most: min(q.Most, github.MaxLogWindow)}
	if q.Tail > 0 {
		w.Most = min(q.Tail, w.Most)
		w.From = -int64(w.Most)
	}
	var job *github.Job // where it is known
	var id int
	if q.Job == "" {
		if job, err = d.telling(ctx, slug, run); err != nil {
			return nil, err
		}
		if job == nil {
			return &Log{Size: -1, Runs: true}, nil
		}
		id = job.DatabaseID
	} else {
		var of github.Slug
		if of, id, err = d.parse(q.Job, gitHubJob); err != nil {
			return nil, err
		}
		if !strings.EqualFold(of.String(), slug.String()) {
			return nil, d.wrong("the job is none of the run's repository")
		}
	}
	key := gitHubKey(slug.String(), gitHubJob, id)
	if job != nil && job.Status != "COMPLETED" {
		return &Log{Job: key, Size: -1, Runs: true}, nil
	}
	found, err := d.client.JobLog(ctx, slug, id, w)
	if errors.Is(err, clients.ErrNotFound) {
		return d.lacking(ctx, slug, key, job, err)
	}
	if err != nil {
		return nil, err
	}
	text := string(found.Text)
	out := &Log{Job: key, Start: found.From, Next: found.From + int64(len(text)), Size: found.Size, More: !found.End}
	if at := strings.IndexByte(text, '\n'); q.Tail > 0 && found.From > 0 && at >= 0 && at < gitHubNear {
		text, out.Start = text[at+1:], out.Start+int64(at)+1
	}
	out.Text = text
	return out, nil
}

// lacking says what it means that a job has no log: it is not done, it was skipped, or its log is deleted.
func (d gitHub) lacking(ctx context.Context, slug github.Slug, key string, job *github.Job, none error) (*Log, error) {
	if job == nil {
		var err error
		_, id, _ := d.parse(key, gitHubJob)
		if job, err = d.client.Job(ctx, slug, id); err != nil {
			return nil, err
		}
	}
	switch {
	case job.Status != "COMPLETED":
		return &Log{Job: key, Size: -1, Runs: true}, nil
	case job.Conclusion == "SKIPPED":
		return &Log{Job: key}, nil
	}
	return nil, none
}

// telling returns the job of a run whose log tells most: that which failed first, else one that runs, else the last that was not skipped. It is nil where there is none yet.
func (d gitHub) telling(ctx context.Context, slug github.Slug, run int) (*github.Job, error) {
	jobs, _, err := d.jobs(ctx, slug, run)
	if err != nil {
		return nil, err
	}
	var failed, runs, last *github.Job
	for _, j := range jobs {
		status, _ := gitHubStatus(j.Status, j.Conclusion)
		switch {
		case status.Red() && (failed == nil || gitHubEarlier(j, failed) < 0):
			failed = j
		case status == Running && runs == nil:
			runs = j
		}
		if last == nil || status != Skipped {
			last = j
		}
	}
	return cmp.Or(failed, runs, last), nil
}

// gitHubEarlier orders jobs by when they ended.
func gitHubEarlier(a, b *github.Job) int {
	return cmp.Or(a.CompletedAt.Compare(b.CompletedAt), cmp.Compare(a.DatabaseID, b.DatabaseID))
}
