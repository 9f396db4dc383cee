package gitlab_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"callboard.dev/callboard/clients"
	"callboard.dev/callboard/clients/git"
	"callboard.dev/callboard/clients/gitlab"
	"callboard.dev/callboard/clients/gitlab/gitlabtest"
	"callboard.dev/callboard/clients/gitlab/gitlabtest/stage"
)

// TestActions begins, ends and repeats, each once, and not for who may not.
func TestActions(t *testing.T) {
	now := newClock()
	s := stage.Set(t, gitlabtest.Settings{Now: now.Now})
	ran := s.Run()
	ctx := t.Context()
	ada, max := on(t, s, stage.AdaToken), on(t, s, "glpat-max")
	if err := s.AddToken(gitlabtest.Token{Value: "glpat-max", Username: "max"}); err != nil { // a reporter
		t.Fatal(err)
	}
	failed := gitlab.PipelineNumber{Project: stage.Search, ID: ran.Failed}
	before, err := ada.PipelineWithJobs(ctx, failed)
	if err != nil {
		t.Fatal(err)
	}
	unit := gitlab.JobNumber{Project: stage.Search, ID: before.Jobs[3].ID}
	manual, err := ada.PipelineWithJobs(ctx, gitlab.PipelineNumber{Project: stage.Search, ID: ran.Old[2]})
	if err != nil {
		t.Fatal(err)
	}
	production := gitlab.JobNumber{Project: stage.Search, ID: manual.Jobs[0].ID}
	var errs []error
	for _, act := range []func(*gitlab.Client) error{
		func(c *gitlab.Client) error { _, e := c.RetryPipeline(ctx, failed); return e },
		func(c *gitlab.Client) error { _, e := c.CancelPipeline(ctx, failed); return e },
		func(c *gitlab.Client) error { _, e := c.RetryJob(ctx, unit); return e },
		func(c *gitlab.Client) error { _, e := c.PlayJob(ctx, production, nil); return e },
		func(c *gitlab.Client) error { _, e := c.CancelJob(ctx, unit); return e },
		func(c *gitlab.Client) error {
			_, e := c.CreatePipeline(ctx, gitlab.NewPipeline{Project: stage.Search, Ref: "main"})
			return e
		},
		func(c *gitlab.Client) error {
			_, e := c.SetCommitStatus(ctx, gitlab.NewCommitStatus{Project: stage.Search, SHA: git.OID(s.Head), State: "success", Name: "x"})
			return e
		},
	} {
		errs = append(errs, act(max))
	}
	for i, err := range errs {
		if !errors.Is(err, clients.ErrForbidden) {
			t.Errorf("action %d of a reporter: %v", i, err)
		}
	}
	if after, err := ada.PipelineWithJobs(ctx, failed); err != nil || len(after.Jobs) != len(before.Jobs) || len(s.Server.Pipelines(stage.Search)) != 7 {
		t.Errorf("a reporter has changed something: %v", err)
	}

	costs(t, s, 1, "a retry", func() {
		j, err := ada.RetryJob(ctx, unit)
		if err != nil || j.ID == unit.ID || j.Name != "unit" || j.Status != "pending" || j.User.Username != "ada" {
			t.Fatalf("%+v, %v", j, err)
		}
	})
	if _, err := ada.RetryJob(ctx, unit); !errors.Is(err, clients.ErrForbidden) {
		t.Errorf("retried twice: %v", err)
	}
	now.Advance(10 * time.Minute)
	if p, err := ada.PipelineWithJobs(ctx, failed); err != nil || p.Status != "success" || len(p.Jobs) != 6 || fmt.Sprint(p.Stages) != "[{build success} {test success} {deploy success}]" {
		t.Errorf("after the retry: %+v, %v", p, err)
	}
	jobs, err := ada.Jobs(ctx, gitlab.JobsQuery{Pipeline: failed, Retried: true})
	if latest, e := ada.Jobs(ctx, gitlab.JobsQuery{Pipeline: failed}); err != nil || e != nil || len(jobs.Jobs) != 5 || len(latest.Jobs) != 4 {
		t.Errorf("%d jobs, %v", len(jobs.Jobs), err)
	}
	made, err := ada.CreatePipeline(ctx, gitlab.NewPipeline{Project: stage.Search, Ref: "main", Variables: []gitlab.Variable{{Key: "LEVEL", Value: "7"}, {Key: "CONF", Value: "x", File: true}}})
	if err != nil || made.Source != "api" || made.Ref != "main" || string(made.SHA) != s.Head || made.Status != "pending" {
		t.Fatalf("%+v, %v", made, err)
	}
	if all := s.Server.Pipelines(stage.Search); fmt.Sprint(all[len(all)-1].Variables) != "[{LEVEL 7 env_var} {CONF x file}]" {
		t.Errorf("variables: %v", all[len(all)-1].Variables)
	}
	now.Advance(5 * time.Second)
	if p, err := ada.CancelPipeline(ctx, gitlab.PipelineNumber{Project: stage.Search, ID: made.ID}); err != nil || p.Status != "canceled" {
		t.Errorf("%+v, %v", p, err)
	}
	if p, err := ada.CancelPipeline(ctx, gitlab.PipelineNumber{Project: stage.Search, ID: made.ID}); err != nil || p.Status != "canceled" {
		t.Errorf("canceled twice: %+v, %v", p, err)
	}
	if p, err := ada.RetryPipeline(ctx, gitlab.PipelineNumber{Project: stage.Search, ID: made.ID}); err != nil || p.ID != made.ID || p.Status != "pending" {
		t.Errorf("%+v, %v", p, err)
	}
	if j, err := ada.PlayJob(ctx, production, []gitlab.Variable{{Key: "TARGET", Value: "eu"}}); err != nil || j.Status != "pending" {
		t.Errorf("%+v, %v", j, err)
	}
	if j, err := ada.CancelJob(ctx, production); err != nil || j.Status != "canceled" {
		t.Errorf("%+v, %v", j, err)
	}
	if _, err := ada.PlayJob(ctx, production, nil); !errors.Is(err, gitlab.ErrRefused) || !errors.Is(err, clients.ErrBadAnswer) || !strings.Contains(err.Error(), "Unplayable Job") {
		t.Errorf("played twice: %v", err)
	}
	for ref, want := range map[string]string{"none": "Reference not found"} {
		if _, err := ada.CreatePipeline(ctx, gitlab.NewPipeline{Project: stage.Search, Ref: ref}); !errors.Is(err, gitlab.ErrRefused) || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", ref, err)
		}
	}
	if _, err := on(t, s, stage.RitaToken).CreatePipeline(ctx, gitlab.NewPipeline{Project: stage.Player, Ref: "main"}); !errors.Is(err, gitlab.ErrRefused) || !strings.Contains(err.Error(), "Missing CI config file") {
		t.Errorf("without a configuration: %v", err)
	}
}

// TestLinks puts what leads to the portal on a commit and on a merge request, and changes it in its place.
func TestLinks(t *testing.T) {
	s := stage.Set(t, gitlabtest.Settings{})
	s.Run()
	ctx := t.Context()
	ada, rita := on(t, s, stage.AdaToken), on(t, s, stage.RitaToken)
	status := gitlab.NewCommitStatus{Project: stage.Search, SHA: git.OID(s.Feature), State: "running", Name: "callboard", URL: "https://callboard.example/1", Description: "Progress"}
	got, err := ada.SetCommitStatus(ctx, status)
	if err != nil || got.ID == 0 || got.State != "running" || got.Name != "callboard" || got.URL != status.URL || got.Description != "Progress" || string(got.SHA) != s.Feature || got.Pipeline == 0 {
		t.Fatalf("%+v, %v", got, err)
	}
	if _, err := ada.SetCommitStatus(ctx, status); !errors.Is(err, gitlab.ErrRefused) {
		t.Errorf("said twice: %v", err)
	}
	status.State = "success"
	if again, err := ada.SetCommitStatus(ctx, status); err != nil || again.ID != got.ID || again.State != "success" {
		t.Errorf("%+v, %v", again, err)
	}
	n := gitlab.MergeRequestNumber{Project: stage.Search, Number: 4}
	note, err := ada.AddNote(ctx, n, "See [the view](https://callboard.example/1)")
	if err != nil || note.Author.Username != "ada" || note.System {
		t.Fatalf("%+v, %v", note, err)
	}
	if changed, err := ada.ChangeNote(ctx, n, note.ID, "Done"); err != nil || changed.ID != note.ID || changed.Body != "Done" {
		t.Errorf("%+v, %v", changed, err)
	}
	if _, err := rita.ChangeNote(ctx, n, note.ID, "Mine"); !errors.Is(err, clients.ErrForbidden) {
		t.Errorf("another's: %v", err)
	}
	if _, err := ada.ChangeNote(ctx, n, note.ID+99, "x"); !errors.Is(err, clients.ErrNotFound) {
		t.Error(err)
	}
	if page, err := ada.Notes(ctx, n, 1); err != nil || len(page.Notes) != 1 || page.Notes[0].Body != "Done" || page.Next != 0 {
		t.Errorf("%+v, %v", page, err)
	}
}
