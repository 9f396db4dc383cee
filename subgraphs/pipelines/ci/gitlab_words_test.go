package ci_test

import (
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"callboard.dev/callboard/clients"
	"callboard.dev/callboard/clients/clientstest"
	"callboard.dev/callboard/clients/gitlab/gitlabtest"
	gitlabci "callboard.dev/callboard/clients/gitlab/gitlabtest/ci"
	"callboard.dev/callboard/clients/gitlab/gitlabtest/stage"
	"callboard.dev/callboard/subgraphs/pipelines/ci"
)

// TestGitLabHearsay takes what others say of a commit for no run.
func TestGitLabHearsay(t *testing.T) {
	s := stage.Set(t, gitlabtest.Settings{})
	d := onGitLab(t, s, stage.AdaToken)
	for _, commit := range []string{s.Head, s.Feature} {
		if err := d.(ci.Forge).SetStatus(t.Context(), ci.CommitStatus{Repository: stage.Search, Commit: commit, State: ci.Running, Name: "callboard"}); err != nil {
			t.Fatal(err)
		}
	}
	overviews, errs := d.Overviews(t.Context(), []string{stage.Search})
	if p := gitLabFirst(t, overviews, errs)[0]; p.Latest != nil {
		t.Errorf("%+v", p.Latest)
	}
	// Nor is a run of a merge request one of the default branch, whose head it is of.
	if _, err := s.AddPipeline(stage.Player, gitlabci.Pipeline{Ref: "main", User: "rita", CreatedAt: stage.Now.Add(-time.Hour), Jobs: []*gitlabci.Job{{Name: "a"}}}); err != nil {
		t.Fatal(err)
	}
	n, err := s.AddMergeRequest(t.Context(), stage.Player, gitlabtest.MergeRequest{Title: "It is main", SourceBranch: "main", TargetBranch: "main", Author: "rita", CreatedAt: stage.Now})
	if err != nil {
		t.Fatal(err)
	}
	if overviews, errs = d.Overviews(t.Context(), []string{stage.Player}); gitLabFirst(t, overviews, errs)[0].Latest == nil {
		t.Error("no run of main")
	}
	if _, err := s.AddPipeline(stage.Player, gitlabci.Pipeline{MergeRequest: n, User: "rita", CreatedAt: stage.Now.Add(-time.Minute), Jobs: []*gitlabci.Job{{Name: "a"}}}); err != nil {
		t.Fatal(err)
	}
	if overviews, errs = d.Overviews(t.Context(), []string{stage.Player}); gitLabFirst(t, overviews, errs)[0].Latest != nil {
		t.Errorf("%+v", overviews[0][0].Latest)
	}
	runs, errs := d.CommitRuns(t.Context(), []ci.CommitName{{stage.Search, s.Head}})
	if len(gitLabFirst(t, runs, errs)) != 0 {
		t.Errorf("%+v", runs[0][0])
	}
	runs, errs = d.PullRequestRuns(t.Context(), []ci.PullRequestName{{Repository: stage.Search, Number: 1}})
	if len(gitLabFirst(t, runs, errs)) != 0 {
		t.Errorf("%+v", runs[0][0])
	}
}

// TestGitLabFails checks that every way of failing is of its own kind, for every method.
func TestGitLabFails(t *testing.T) {
	s := stage.Set(t, gitlabtest.Settings{})
	key, job := gitLabKey(stage.Search, s.Run().Failed), ""
	d := onGitLab(t, s, stage.AdaToken)
	f := d.(ci.Forge)
	stages, errs := d.Stages(t.Context(), []string{key})
	job = gitLabFirst(t, stages, errs).Stages[1].Jobs[0].Key
	_, artifact, _ := strings.Cut(job, "#")
	ctx := t.Context()
	asks := map[string]func() error{
		"Overviews": func() error { return gitLabError(d.Overviews(ctx, []string{stage.Search})) },
		"Pipelines": func() error { return gitLabError(d.Pipelines(ctx, []string{stage.Search})) },
		"Runs":      func() error { return gitLabError(d.Runs(ctx, []string{key})) },
		"RunPages": func() error {
			return gitLabError(d.RunPages(ctx, []ci.RunsQuery{{Repository: stage.Search, Paging: ci.Paging{First: 1}}}))
		},
		"RunPages, looking": func() error {
			return gitLabError(d.RunPages(ctx, []ci.RunsQuery{{Repository: stage.Search, Status: ci.Queued, Paging: ci.Paging{First: 1}}}))
		},
		"CommitRuns": func() error { return gitLabError(d.CommitRuns(ctx, []ci.CommitName{{stage.Search, s.Head}})) },
		"PullRequestRuns": func() error {
			return gitLabError(d.PullRequestRuns(ctx, []ci.PullRequestName{{Repository: stage.Search, Number: 1}}))
		},
		"Stages":        func() error { return gitLabError(d.Stages(ctx, []string{key})) },
		"Tests":         func() error { return gitLabError(d.Tests(ctx, []string{key})) },
		"Coverages":     func() error { return gitLabError(d.Coverages(ctx, []string{key})) },
		"Artifacts":     func() error { return gitLabError(d.Artifacts(ctx, []string{key})) },
		"Logs":          func() error { return gitLabError(d.Logs(ctx, []ci.LogQuery{{Run: key, Most: 10}})) },
		"Logs of a job": func() error { return gitLabError(d.Logs(ctx, []ci.LogQuery{{Run: key, Job: job, Most: 10}})) },
		"Open":          func() error { _, _, err := d.Open(ctx, key, artifact+"/archive", 1000); return err },
		"Rerun":         func() error { _, err := d.Rerun(ctx, key); return err },
		"RerunFailed":   func() error { _, err := d.RerunFailed(ctx, key); return err },
		"Cancel":        func() error { _, err := d.Cancel(ctx, key); return err },
		"Start":         func() error { _, err := d.Start(ctx, ci.StartQuery{Pipeline: stage.Search}); return err },
		"Compare": func() error {
			return gitLabError(f.Compare(ctx, []ci.ComparisonQuery{{stage.Search, s.Head, s.Feature}}))
		},
		"SetStatus": func() error {
			return f.SetStatus(ctx, ci.CommitStatus{Repository: stage.Search, Commit: s.Head, State: ci.Failed, Name: "x"})
		},
		"Comment": func() error { _, err := f.Comment(ctx, stage.Search, 1, "7", "x"); return err },
		"Linked":  func() error { return gitLabError(f.Linked(ctx, []ci.CommitName{{stage.Search, s.Head}})) },
	}
	for kind, fault := range map[error]clientstest.Fault{
		clients.ErrUnavailable: {Kind: clientstest.Status, Status: 503}, clients.ErrForbidden: {Kind: clientstest.Status, Status: 403}, clients.ErrLimited: {Kind: clientstest.Status, Status: 429},
		clients.ErrNotFound: {Kind: clientstest.Status, Status: 404}, clients.ErrBadAnswer: {Kind: clientstest.WrongType},
	} {
		for name, ask := range asks {
			s.Faults.Clear()
			s.Faults.Add(fault)
			if err := ask(); !errors.Is(err, kind) && !(name == "Open" && fault.Kind == clientstest.WrongType) { // what is opened may be a page
				t.Errorf("%s with %v: %v", name, kind, err)
			}
		}
	}
}

// TestGitLabForks says of a run of a fork's branch that it is the fork's.
func TestGitLabForks(t *testing.T) {
	d := onGitLab(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		fmt.Fprint(w, `{"data":{"projects":{"nodes":[{"fullPath":"a/b","mergeRequests":{"nodes":[{"iid":"7","headPipeline":{"id":"gid://gitlab/Ci::Pipeline/9","status":"RUNNING","path":"/fork/b/-/pipelines/9","ref":"fix"}}]}}]}}}`)
	}), "")
	found, errs := d.PullRequestRuns(t.Context(), []ci.PullRequestName{{Repository: "a/b", Number: 7}})
	if r := gitLabFirst(t, found, errs)[0]; r.Key != "fork/b#9" || r.Repository != "fork/b" || r.PullRequest != 7 || r.Branch != "fix" {
		t.Errorf("%+v", r)
	}
}

// TestGitLabWords goes through all of GitLab's words, and checks that others are told as they are.
func TestGitLabWords(t *testing.T) {
	var statuses, sources []string
	ask := func(status, source string, warnings bool) *ci.Run {
		d := onGitLab(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Type", "application/json")
			fmt.Fprintf(w, `{"data":{"c0":{"pipeline":{"id":"gid://gitlab/Ci::Pipeline/9","status":%q,"source":%q,"warnings":%v}}}}`, strings.ToUpper(status), source, warnings)
		}), "")
		found, errs := d.Runs(t.Context(), []string{"a/b#9"})
		return gitLabFirst(t, found, errs)
	}
	for status, want := range map[string]ci.Status{"created": ci.Queued, "waiting_for_resource": ci.Queued, "preparing": ci.Queued, "waiting_for_callback": ci.Queued, "pending": ci.Queued, "scheduled": ci.Queued,
		"manual": ci.Waiting, "running": ci.Running, "canceling": ci.Running, "success": ci.Succeeded, "failed": ci.Failed, "canceled": ci.Canceled, "skipped": ci.Skipped, "melted": ci.Unknown} {
		r := ask(status, "push", false)
		if r.Status != want || r.Word != status || r.Reruns.Cancel != (!want.Done() && want != ci.Unknown && status != "canceling") || r.Reruns.All != want.Done() {
			t.Errorf("%s: %+v", status, r)
		}
		statuses = append(statuses, status)
	}
	if r := ask("success", "push", true); r.Status != ci.Unstable {
		t.Errorf("%+v", r)
	}
	for source, want := range map[string]ci.Trigger{"push": ci.ByPush, "web": ci.ByHand, "webide": ci.ByHand, "chat": ci.ByHand, "merge_request_event": ci.ByPullRequest, "external_pull_request_event": ci.ByPullRequest,
		"schedule": ci.BySchedule, "security_orchestration_policy": ci.BySchedule, "pipeline_execution_policy_schedule": ci.BySchedule, "api": ci.ByAPI, "trigger": ci.ByAPI, "pipeline": ci.ByPipeline, "parent_pipeline": ci.ByPipeline,
		"external": ci.ByOther, "ondemand_dast_scan": ci.ByHand, "ondemand_dast_validation": ci.ByHand, "container_registry_push": ci.ByOther, "duo_workflow": ci.ByOther, "unknown": ci.ByOther, "magic": ci.ByOther} {
		if r := ask("success", source, false); r.Trigger != want || r.TriggerWord != source {
			t.Errorf("%s: %+v", source, r)
		}
		sources = append(sources, source)
	}
	if !slices.Equal(ci.GitLabWords(statuses, sources), []string{"magic", "melted"}) {
		t.Errorf("not all words are tested: %v", ci.GitLabWords(statuses, sources))
	}
}
