package gitlab_test

import (
	"errors"
	"strings"
	"testing"

	"callboard.dev/callboard/clients"
	"callboard.dev/callboard/clients/clientstest"
	"callboard.dev/callboard/clients/gitlab"
	"callboard.dev/callboard/clients/gitlab/gitlabtest"
	"callboard.dev/callboard/clients/gitlab/gitlabtest/stage"
)

// TestCISource checks that CI and the shared transport fit: windows on logs, artifacts that lie elsewhere, and that nothing is begun twice.
func TestCISource(t *testing.T) {
	for _, ranges := range []bool{false, true} {
		s := stage.Set(t, gitlabtest.Settings{Ranges: ranges, Store: "https://store.example/bucket"})
		of := s.Run()
		c, _, _ := sourced(t, s, clients.Shared{})
		ctx := t.Context()
		var unit gitlab.JobNumber
		jobs, err := c.Jobs(ctx, gitlab.JobsQuery{Pipeline: gitlab.PipelineNumber{Project: stage.Search, ID: of.Failed}})
		if err != nil {
			t.Fatal(err)
		}
		unit = gitlab.JobNumber{Project: stage.Search, ID: jobs.Jobs[2].ID}
		if w, err := c.Trace(ctx, unit, 160, 32); err != nil || string(w.Data) != stage.Log[160:192] || w.Size != 16_000 || !w.More {
			t.Errorf("ranges %v: %+v, %v", ranges, w, err)
		}
		if w, err := c.Trace(ctx, unit, 16_000, 32); err != nil || len(w.Data) != 0 || w.Size != 16_000 || w.More {
			t.Errorf("ranges %v, at the end: %+v, %v", ranges, w, err)
		}
		if w, err := c.TraceTail(ctx, unit, 32); err != nil || string(w.Data) != stage.Log[16_000-32:] || w.From != 16_000-32 {
			t.Errorf("ranges %v: %+v, %v", ranges, w, err)
		}
		if a, err := c.Artifacts(ctx, unit); err != nil || a.Elsewhere == nil || a.Elsewhere.Host != "store.example" || a.Body != nil {
			t.Errorf("%+v, %v", a, err)
		}
		if a, err := c.ArtifactFile(ctx, unit, "coverage/index.html"); err != nil {
			t.Error(err)
		} else if err := drained(a, nil); err != nil {
			t.Error(err)
		}
		before := len(s.Server.Pipelines(stage.Search))
		s.Faults.Add(clientstest.Fault{Kind: clientstest.Status, Status: 503, Times: 1})
		costs(t, s, 1, "a pipeline that GitLab fails to begin", func() {
			if _, err := c.CreatePipeline(ctx, gitlab.NewPipeline{Project: stage.Search, Ref: "main"}); !errors.Is(err, clients.ErrUnavailable) {
				t.Error(err)
			}
		})
		if _, err := c.CreatePipeline(ctx, gitlab.NewPipeline{Project: stage.Search, Ref: "main"}); err != nil {
			t.Error(err)
		}
		if after := len(s.Server.Pipelines(stage.Search)); after != before+1 {
			t.Errorf("%d pipelines were begun", after-before)
		}
		if _, err := c.CreatePipeline(ctx, gitlab.NewPipeline{Project: stage.Search, Ref: "none"}); !errors.Is(err, gitlab.ErrRefused) || !strings.Contains(err.Error(), "Reference not found") {
			t.Error(err)
		}
		if _, err := c.RetryJob(ctx, gitlab.JobNumber{Project: stage.Search, ID: jobs.Jobs[0].ID}); !errors.Is(err, clients.ErrForbidden) || !strings.Contains(err.Error(), "not retryable") {
			t.Error(err)
		}
	}
}

// TestCIWeight checks that GitLab takes every query about CI at its largest, from nobody and in the free tier, which know and allow the least.
func TestCIWeight(t *testing.T) {
	for _, free := range []bool{true, false} {
		s := stage.Set(t, gitlabtest.Settings{Free: free})
		of := s.Run()
		c := on(t, s, "")
		ctx := t.Context()
		most := func(what string, before int) {
			t.Helper()
			t.Logf("%s: %d", what, s.Watch.Points()["complexity"]-before)
		}
		ask := func(what string, f func() error) {
			t.Helper()
			before := s.Watch.Points()["complexity"]
			if err := f(); err != nil {
				t.Errorf("%s: %v", what, err)
			}
			most(what, before)
		}
		many := func(n int) []string {
			out := make([]string, n)
			for i := range out {
				out[i] = "larkfold/apps/p" + strings.Repeat("x", i)
			}
			out[0] = stage.Player
			return out
		}
		for _, page := range []gitlab.Page{{}, {First: 100}} {
			ask("Pipelines", func() error {
				var q []gitlab.PipelinesQuery
				for _, path := range many(50) {
					q = append(q, gitlab.PipelinesQuery{Project: path, Ref: "main", SHA: someCommit, Status: "success", Source: "push", Username: "ada", UpdatedAfter: stage.Now, UpdatedBefore: stage.Now, Page: page})
				}
				_, errs := c.Pipelines(ctx, q)
				return errs[0]
			})
			ask("Coverage", func() error {
				var q []gitlab.CoverageQuery
				for _, path := range many(50) {
					q = append(q, gitlab.CoverageQuery{Project: path, Ref: "main", UpdatedAfter: stage.Now, Page: page})
				}
				_, errs := c.Coverage(ctx, q)
				return errs[0]
			})
		}
		ask("LatestPipelines by name", func() error {
			var q []gitlab.Revision
			for i, path := range many(50) {
				q = append(q, gitlab.Revision{Project: path, Name: []string{"a", "b", "c", someCommit}[i%4]})
			}
			_, errs := c.LatestPipelines(ctx, q)
			return errs[0]
		})
		ask("LatestPipelines one by one", func() error {
			var q []gitlab.Revision
			for i, path := range many(7) {
				q = append(q, gitlab.Revision{Project: path, Name: strings.Repeat("a", i+1)})
			}
			_, errs := c.LatestPipelines(ctx, q)
			return errs[0]
		})
		ask("PipelinesByID", func() error {
			var q []gitlab.PipelineNumber
			for _, path := range many(7) {
				q = append(q, gitlab.PipelineNumber{Project: path, ID: of.Player})
			}
			_, errs := c.PipelinesByID(ctx, q)
			return errs[0]
		})
		ask("HeadPipelines", func() error { _, errs := c.HeadPipelines(ctx, many(100)); return errs[0] })
		ask("PipelineWithJobs", func() error {
			_, err := c.PipelineWithJobs(ctx, gitlab.PipelineNumber{Project: stage.Player, ID: of.Player})
			return err
		})
		ask("MergeRequestPipelines", func() error {
			var q []gitlab.MergeRequestNumber
			for i := range 100 {
				q = append(q, gitlab.MergeRequestNumber{Project: stage.Player, Number: i + 1})
			}
			_, errs := c.MergeRequestPipelines(ctx, q)
			if errors.Is(errs[0], clients.ErrNotFound) {
				return nil
			}
			return errs[0]
		})
	}
}
