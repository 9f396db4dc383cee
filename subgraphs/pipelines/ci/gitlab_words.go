package ci

import (
	"strings"
	"time"

	"callboard.dev/callboard/clients/gitlab"
)

// gitLabStatuses are GitLab's words for the states of pipelines and jobs ("CiJobStatus" and "PipelineStatusEnum" of its GraphQL reference), in small letters.
var gitLabStatuses = map[string]Status{
	"created":              Queued,
	"waiting_for_resource": Queued,
	"preparing":            Queued,
	"waiting_for_callback": Queued,
	"pending":              Queued,
	"scheduled":            Queued,
	"manual":               Waiting,
	"running":              Running,
	"canceling":            Running,
	"success":              Succeeded,
	"failed":               Failed,
	"canceled":             Canceled,
	"skipped":              Skipped,
}

// gitLabStatus returns what a word stands for. With a warning, something has failed that may.
func gitLabStatus(word string, warning bool) Status {
	status, ok := gitLabStatuses[word]
	switch {
	case !ok:
		return Unknown
	case status == Succeeded && warning:
		return Unstable
	}
	return status
}

// gitLabTriggers are the values of CI_PIPELINE_SOURCE ("Predefined CI/CD variables" of its documentation).
var gitLabTriggers = map[string]Trigger{
	"push":                               ByPush,
	"web":                                ByHand,
	"webide":                             ByHand,
	"chat":                               ByHand,
	"ondemand_dast_scan":                 ByHand,
	"ondemand_dast_validation":           ByHand,
	"merge_request_event":                ByPullRequest,
	"external_pull_request_event":        ByPullRequest,
	"schedule":                           BySchedule,
	"security_orchestration_policy":      BySchedule,
	"pipeline_execution_policy_schedule": BySchedule,
	"api":                                ByAPI,
	"trigger":                            ByAPI,
	"pipeline":                           ByPipeline,
	"parent_pipeline":                    ByPipeline,
	"external":                           ByOther, // there is nothing in it but what others say of a commit
	"container_registry_push":            ByOther,
	"duo_workflow":                       ByOther,
	"unknown":                            ByOther,
}

func gitLabTrigger(source string, tag bool) Trigger {
	trigger, ok := gitLabTriggers[source]
	switch {
	case !ok:
		return ByOther
	case trigger == ByPush && tag:
		return ByTag
	}
	return trigger
}

// gitLabBranch returns the branch or the tag that a ref is, "" for that of a merge request.
func gitLabBranch(ref string) string {
	if strings.HasPrefix(ref, "refs/merge-requests/") {
		return ""
	}
	return strings.TrimPrefix(strings.TrimPrefix(ref, "refs/heads/"), "refs/tags/")
}

// tell is a pipeline of GitLab's in this package's words.
func (g *gitLab) tell(project string, p *gitlab.Pipeline) *Run {
	status := gitLabStatus(p.Status, p.Warnings)
	r := &Run{Key: gitLabRunKey(project, p.ID), Pipeline: project, PipelineName: gitLabName, Number: p.Number, Title: p.Name, Status: status, Word: p.Status,
		Trigger: gitLabTrigger(p.Source, p.Tag), TriggerWord: p.Source, Repository: project, Commit: string(p.SHA), Branch: gitLabBranch(p.Ref), PullRequest: p.MergeRequest,
		Actor: g.person(p.User), CreatedAt: p.CreatedAt, StartedAt: p.StartedAt, URL: p.URL, Coverage: p.Coverage, Reruns: gitLabReruns(p, status)}
	r.FinishedAt, r.Duration = gitLabEnd(status, p.StartedAt, p.FinishedAt, p.Duration)
	r.Waited = gitLabWaited(p.Queued)
	return r
}

// gitLabEnd returns when something ended, and how long it took. What was tried again and is not over still has the times of before.
func gitLabEnd(status Status, started, finished time.Time, took time.Duration) (time.Time, *time.Duration) {
	if !status.Done() || finished.IsZero() {
		return time.Time{}, nil
	}
	if started.IsZero() {
		return finished, nil
	}
	return finished, &took
}

func gitLabWaited(queued time.Duration) *time.Duration {
	if queued <= 0 {
		return nil
	}
	return &queued
}

// gitLabReruns says what can be done with a pipeline. Whether all of it can be run again depends on the newest commit, too: Rerun says.
func gitLabReruns(p *gitlab.Pipeline, status Status) Reruns {
	return Reruns{
		All:    status.Done() && gitLabUnrepeatable[p.Source] == "" && !strings.HasSuffix(p.Ref, "/train"),
		Failed: status == Failed || status == Canceled || status == Unstable,
		Cancel: (status == Queued || status == Waiting || status == Running) && p.Status != "canceling",
	}
}

func (g *gitLab) person(a *gitlab.Account) *Person {
	if a == nil {
		return nil
	}
	out := &Person{Login: a.Username, Name: a.Name, URL: a.URL, Avatar: a.Avatar}
	if strings.HasPrefix(out.Avatar, "/") && !strings.HasPrefix(out.Avatar, "//") {
		at := *g.web
		at.Path, at.RawPath = "", ""
		out.Avatar = at.String() + out.Avatar
	}
	return out
}
