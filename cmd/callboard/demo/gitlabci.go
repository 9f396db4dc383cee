package demo

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"time"

	"callboard.dev/callboard/clients/gitlab/gitlabtest/ci"
	"callboard.dev/callboard/examples"
)

// onGitLabCI is how a pipeline of GitLab went.
func (s *Stage) onGitLabCI(r examples.Run) []moment {
	project, id := s.forge.Repositories[r.Pipeline.Repository].GitLab, int64(0)
	pipeline := ci.Pipeline{Ref: r.Commit.Branch, SHA: r.Commit.OID, Source: "push", User: r.Commit.Author, CreatedAt: r.Begins, Jobs: ciJobs(r)}
	switch r.Event {
	case examples.PullRequest:
		pipeline.Source, pipeline.MergeRequest, pipeline.Ref = "merge_request_event", int64(r.Commit.Pull), ""
	case examples.Schedule:
		pipeline.Source = "schedule"
	}
	out := []moment{{r.Begins, func() (err error) {
		id, err = s.GitLab.AddPipeline(project, pipeline)
		return err
	}}}
	if r.Again != nil {
		out = append(out, moment{r.Begins.Add(lasts(r.Work) + triedAgainAfter), func() error { return s.tellGitLab(project, id, "retry") }})
	}
	if r.Cancel > 0 {
		out = append(out, moment{r.Begins.Add(r.Cancel), func() error { return s.tellGitLab(project, id, "cancel") }})
	}
	return out
}

// tellGitLab does something to a pipeline, as people do by its API.
func (s *Stage) tellGitLab(project string, id int64, what string) error {
	r := httptest.NewRequest(http.MethodPost, fmt.Sprintf("/api/v4/projects/%s/pipelines/%d/%s", url.PathEscape(project), id, what), nil)
	r.Header.Set("PRIVATE-TOKEN", s.token)
	w := httptest.NewRecorder()
	s.GitLab.ServeHTTP(w, r)
	if w.Code >= http.StatusMultipleChoices {
		return fmt.Errorf("pipeline %d of %s: %s: %d %s", id, project, what, w.Code, w.Body)
	}
	return nil
}

// ciJobs are the jobs of a run, as GitLab will do them.
func ciJobs(r examples.Run) []*ci.Job {
	var out []*ci.Job
	for _, w := range r.Work {
		job := ciJob(w, r.Begins)
		for _, again := range r.Again {
			if again.Job == w.Job {
				job.Again = ciJob(again, r.Begins)
			}
		}
		out = append(out, job)
	}
	return out
}

func ciJob(w examples.Work, at time.Time) *ci.Job {
	out := &ci.Job{Name: w.Name, Stage: w.Stage, Manual: w.Manual, AllowFailure: w.AllowFailure, Queue: w.Waits, Coverage: w.Lines, Tags: w.RunsOn}
	switch w.Outcome {
	case examples.Failed:
		out.Outcome = ci.Failed
	case examples.TimedOut:
		out.Outcome, out.Failure = ci.Failed, "job_execution_timeout"
	}
	// As a runner writes it, with the marks that GitLab folds sections by.
	var log strings.Builder
	section := func(name, title string, inside func()) {
		fmt.Fprintf(&log, "section_start:%d:%s\r\x1b[0K\x1b[0K\x1b[36;1m%s\x1b[0;m\n", at.Unix(), name, title)
		inside()
		fmt.Fprintf(&log, "section_end:%d:%s\r\x1b[0K\n", at.Add(out.Duration).Unix(), name)
	}
	log.WriteString("\x1b[0KRunning with gitlab-runner 18.6.0\x1b[0;m\n")
	section("get_sources", "Getting source from Git repository", func() { log.WriteString("\x1b[32;1mFetching changes with git depth set to 20...\x1b[0;m\n") })
	for _, a := range w.Acts {
		out.Duration += a.Takes
	}
	section("step_script", `Executing "step_script" stage of the job script`, func() {
		for _, a := range w.Acts {
			log.WriteString("\x1b[32;1m$ " + a.Command + "\x1b[0;m\n" + a.Log)
		}
	})
	switch w.Outcome {
	case examples.Failed:
		log.WriteString("\x1b[31;1mERROR: Job failed: exit code 1\n\x1b[0;m\n")
	case examples.TimedOut:
		log.WriteString("\x1b[31;1mERROR: Job failed: execution took longer than 1h0m0s seconds\n\x1b[0;m\n")
	default:
		log.WriteString("\x1b[32;1mJob succeeded\x1b[0;m\n")
	}
	out.Log = log.String()
	for _, c := range w.Cases {
		one := ci.TestCase{Name: c.Name, Class: c.Class, Seconds: c.Takes.Seconds()}
		if c.Message != "" {
			one.Status, one.Output, one.Stack = ci.Failed, c.Message, c.Details
		}
		out.Tests = append(out.Tests, one)
	}
	if len(w.Cases) > 0 {
		text := examples.JUnit(w.Name, w.Cases)
		out.Files = map[string]string{"junit.xml": string(text)}
		out.Artifacts = append(out.Artifacts, ci.Artifact{Kind: "junit", Name: "junit.xml.gz", Format: "gzip", Size: int64(len(text)) / 3})
	}
	return out
}
