package ci

import (
	"context"
	"errors"
	"strconv"
	"strings"
	"time"

	"callboard.dev/callboard/clients/git"
	"callboard.dev/callboard/clients/github"
)

// Rerun makes two requests: the run is its next attempt. Where GitHub does not tell of that yet, it is told as it will.
func (d gitHub) Rerun(ctx context.Context, run string) (*Run, error) {
	return d.again(ctx, run, d.client.Rerun)
}

// RerunFailed is as Rerun.
func (d gitHub) RerunFailed(ctx context.Context, run string) (*Run, error) {
	return d.again(ctx, run, d.client.RerunFailed)
}

func (d gitHub) again(ctx context.Context, key string, do func(context.Context, github.Slug, int, bool) error) (*Run, error) {
	slug, id, err := d.parse(key, gitHubRun)
	if err != nil {
		return nil, err
	}
	if err := do(ctx, slug, id, false); err != nil {
		return nil, d.said(err)
	}
	// It has been done: that it cannot be looked at is no reason to say that it has not.
	queued := &Run{Key: gitHubKey(slug.String(), gitHubRun, id), Repository: slug.String(), Status: Queued, Word: "QUEUED", Reruns: Reruns{Cancel: true}}
	r, err := d.client.WorkflowRun(ctx, slug, id)
	if err != nil {
		return queued, nil
	}
	out := d.run(slug.String(), r)
	if r.Done() { // only what is done is run again, so this is the attempt before
		out.Attempt++
		out.Status, out.Word, out.Reruns = queued.Status, queued.Word, queued.Reruns
		out.StartedAt, out.FinishedAt, out.Duration = time.Time{}, time.Time{}, nil
	}
	return out, nil
}

// Cancel makes two requests. GitHub takes a while: the run that is returned may still be under way.
func (d gitHub) Cancel(ctx context.Context, key string) (*Run, error) {
	slug, id, err := d.parse(key, gitHubRun)
	if err != nil {
		return nil, err
	}
	if err := d.client.Cancel(ctx, slug, id); err != nil {
		return nil, d.said(err)
	}
	r, err := d.client.WorkflowRun(ctx, slug, id)
	if err != nil { // it has been done
		return &Run{Key: gitHubKey(slug.String(), gitHubRun, id), Repository: slug.String(), Status: Unknown}, nil
	}
	return d.run(slug.String(), r), nil
}

// Start makes two requests, and one more where no ref is given. Servers from before 2026 do not tell which run they made: it is looked for among those that somebody
// started by hand, with two more. Where that does not tell it either, since it is not there yet or there are several, the run that is returned has no key.
func (d gitHub) Start(ctx context.Context, q StartQuery) (*Run, error) {
	slug, id, err := d.parse(q.Pipeline, gitHubWorkflow)
	if err != nil {
		return nil, err
	}
	ref := q.Ref
	if ref == "" {
		if ref, err = d.defaultBranch(ctx, slug); err != nil {
			return nil, err
		}
	}
	s := gitHubStart{d, slug, strconv.Itoa(id), ref}
	var before int
	if !d.tells() {
		before, _, err = s.newest(ctx, 0)
		if err != nil {
			return nil, d.said(err)
		}
	}
	dispatch := github.Dispatch{Slug: slug, Workflow: s.workflow, Ref: ref, Inputs: q.Parameters, Telling: true}
	made, err := d.client.Dispatch(ctx, dispatch)
	if errors.Is(err, github.ErrInvalid) && strings.Contains(err.Error(), "return_run_details") {
		dispatch.Telling = false // it has refused the whole, and nothing was started
		made, err = d.client.Dispatch(ctx, dispatch)
	}
	if err != nil {
		return nil, d.said(err)
	}
	out := &Run{Pipeline: gitHubKey(slug.String(), gitHubWorkflow, id), Repository: slug.String(), Status: Queued, Word: "QUEUED", Trigger: ByHand, TriggerWord: gitHubByHand, Branch: s.branch(), URL: made.URL, Reruns: Reruns{Cancel: true}}
	run := made.DatabaseID
	if run == 0 && !d.tells() {
		if _, run, err = s.newest(ctx, before); err != nil { // it has been started
			return out, nil
		}
	}
	if run == 0 {
		return out, nil
	}
	out.Key = gitHubKey(slug.String(), gitHubRun, run)
	if r, err := d.client.WorkflowRun(ctx, slug, run); err == nil {
		return d.run(slug.String(), r), nil
	}
	return out, nil
}

// gitHubByHand is the event of what somebody started.
const gitHubByHand = "workflow_dispatch"

// tells reports whether GitHub says which run it made: github.com does, and its hosts for enterprises.
func (d gitHub) tells() bool {
	host := d.client.Web().Host
	return host == "github.com" || strings.HasSuffix(host, ".ghe.com")
}

// gitHubStart is a run that is to be started.
type gitHubStart struct {
	gitHub
	slug          github.Slug
	workflow, ref string
}

// branch returns what the run's Branch will be.
func (s gitHubStart) branch() string {
	return strings.TrimPrefix(strings.TrimPrefix(s.ref, "refs/heads/"), "refs/tags/")
}

// newest returns the highest id of the runs of the workflow that were started by hand, and the id of the one that is above another, 0 where it is not the only
// one: ids only grow. One request.
func (s gitHubStart) newest(ctx context.Context, before int) (highest, only int, err error) {
	page, err := s.client.WorkflowRuns(ctx, github.RunFilter{Slug: s.slug, Workflow: s.workflow, Branch: s.branch(), Event: gitHubByHand, Page: github.RESTPage{Size: 10}})
	if err != nil {
		return 0, 0, err
	}
	above := 0
	for _, r := range page.Runs {
		highest = max(highest, r.DatabaseID)
		if r.DatabaseID > before {
			above, only = above+1, r.DatabaseID
		}
	}
	if above != 1 {
		only = 0
	}
	return highest, only, nil
}

// defaultBranch returns the name of the default branch, by one request.
func (d gitHub) defaultBranch(ctx context.Context, slug github.Slug) (string, error) {
	found, errs := d.client.Repositories(ctx, []github.Slug{slug})
	if errs[0] != nil {
		return "", d.said(errs[0])
	}
	if found[0].DefaultBranch == nil {
		return "", d.wrong("the repository has no default branch that can be seen; say which branch or tag is to be run")
	}
	return found[0].DefaultBranch.Name, nil
}

// gitHubSaid are the states of a commit that can be set.
var gitHubSaid = map[Status]string{Running: "PENDING", Succeeded: "SUCCESS", Failed: "FAILURE"}

// SetStatus makes one request.
func (d gitHub) SetStatus(ctx context.Context, s CommitStatus) error {
	state, ok := gitHubSaid[s.State]
	if !ok {
		return d.wrong("a commit is said to be running, succeeded or failed, and not " + strconv.Quote(string(s.State)))
	}
	_, err := d.client.SetStatus(ctx, d.slug(s.Repository), git.OID(s.Commit), github.CommitStatus{Context: s.Name, State: state, Description: s.Description, TargetURL: s.URL})
	return d.said(err)
}

// Comment makes one request, and one more where the comment is gone.
func (d gitHub) Comment(ctx context.Context, repository string, pullRequest int, id, text string) (string, error) {
	if id != "" {
		comment, ok := gitHubID(id)
		if !ok {
			return "", d.wrong("it has no comment with the id " + strconv.Quote(id[:min(len(id), 100)]))
		}
		c, err := d.client.UpdateComment(ctx, d.slug(repository), comment, text)
		if err == nil {
			return strconv.Itoa(c.DatabaseID), nil
		}
		if !gitHubGone(err) {
			return "", d.said(err)
		}
	}
	c, err := d.client.AddComment(ctx, d.slug(repository), pullRequest, text)
	if err != nil {
		return "", d.said(err)
	}
	return strconv.Itoa(c.DatabaseID), nil
}
