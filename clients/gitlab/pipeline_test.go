package gitlab_test

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"callboard.dev/callboard/clients"
	"callboard.dev/callboard/clients/clientstest"
	"callboard.dev/callboard/clients/gitlab"
	"callboard.dev/callboard/clients/gitlab/gitlabtest"
	"callboard.dev/callboard/clients/gitlab/gitlabtest/ci"
	"callboard.dev/callboard/clients/gitlab/gitlabtest/stage"
)

// clock is a time that tests set.
type clock struct{ now atomic.Pointer[time.Time] }

func newClock() *clock {
	c := &clock{}
	c.now.Store(new(stage.Now))
	return c
}

func (c *clock) Now() time.Time          { return *c.now.Load() }
func (c *clock) Advance(d time.Duration) { c.now.Store(new(c.Now().Add(d))) }

// TestPipelines reads pages of pipelines of several projects at once.
func TestPipelines(t *testing.T) {
	s := stage.Set(t, gitlabtest.Settings{})
	ran := s.Run()
	c := on(t, s, stage.AdaToken)
	var pages []*gitlab.PipelinePage
	var errs []error
	costs(t, s, 1, "pipelines of four projects", func() {
		pages, errs = c.Pipelines(t.Context(), list(gitlab.PipelinesQuery{Project: stage.Search}, gitlab.PipelinesQuery{Project: stage.Player},
			gitlab.PipelinesQuery{Project: stage.Empty}, gitlab.PipelinesQuery{Project: "larkfold/none"}))
	})
	if errs[0] != nil || errs[1] != nil || errs[2] != nil || !errors.Is(errs[3], clients.ErrNotFound) {
		t.Fatal(errs)
	}
	if pages[0].Total != 4 || len(pages[0].Pipelines) != 4 || len(pages[0].Cursors) != 4 || pages[1].Total != 1 || pages[2].Total != 0 {
		t.Fatalf("%d, %d and %d pipelines", pages[0].Total, pages[1].Total, pages[2].Total)
	}
	p := pages[0].Pipelines[0]
	if p.ID != ran.Failed || p.Number == 0 || p.Name != "Merge request" || p.Status != "failed" || p.Source != "merge_request_event" || p.Ref != "refs/merge-requests/1/head" ||
		string(p.SHA) != s.Feature || p.MergeRequest != 1 || p.User.Username != "ada" || !p.Warnings || p.Coverage == nil || *p.Coverage != 79 ||
		p.URL != fmt.Sprintf("https://gitlab.larkfold.example/larkfold/platform/search/-/pipelines/%d", ran.Failed) ||
		!p.CreatedAt.Equal(stage.Now.Add(-time.Hour)) || p.Queued != 2*time.Second || p.Duration != 70*time.Second || !p.StartedAt.Equal(p.CreatedAt.Add(2*time.Second)) || p.FinishedAt.IsZero() {
		t.Errorf("pipeline: %+v", p)
	}
	elsewhere := on(t, s, stage.AdaToken).Showing(&url.URL{Scheme: "https", Host: "pages.example", Path: "/"})
	shown, errs := elsewhere.Pipelines(t.Context(), []gitlab.PipelinesQuery{{Project: stage.Search}})
	if errs[0] != nil || len(shown[0].Pipelines) == 0 || shown[0].Pipelines[0].URL != fmt.Sprintf("https://pages.example/larkfold/platform/search/-/pipelines/%d", ran.Failed) {
		t.Errorf("shown elsewhere: %+v %v", shown[0], errs)
	}
	for what, want := range map[string]struct {
		q     gitlab.PipelinesQuery
		total int
	}{
		"of a ref":     {gitlab.PipelinesQuery{Ref: "main"}, 3},
		"of a commit":  {gitlab.PipelinesQuery{SHA: s.Feature}, 1},
		"in a state":   {gitlab.PipelinesQuery{Status: "success"}, 3},
		"from":         {gitlab.PipelinesQuery{Source: "merge_request_event"}, 1},
		"children":     {gitlab.PipelinesQuery{Source: "parent_pipeline"}, 3},
		"of a user":    {gitlab.PipelinesQuery{Username: "rita"}, 0},
		"changed":      {gitlab.PipelinesQuery{UpdatedAfter: stage.Now.AddDate(0, 0, -2)}, 1},
		"before":       {gitlab.PipelinesQuery{UpdatedBefore: stage.Now.AddDate(0, 0, -2)}, 3},
		"all together": {gitlab.PipelinesQuery{Ref: "main", SHA: s.Head, Status: "success", Username: "ada", Source: "push"}, 3},
	} {
		want.q.Project = stage.Search
		if page, err := one(c.Pipelines(t.Context(), list(want.q))); err != nil || page.Total != want.total {
			t.Errorf("%s: %+v, %v; want %d", what, page, err, want.total)
		}
	}
	first, err := one(c.Pipelines(t.Context(), list(gitlab.PipelinesQuery{Project: stage.Search, Page: gitlab.Page{First: 2}})))
	if err != nil || !first.Info.HasNext {
		t.Fatalf("%+v, %v", first, err)
	}
	rest, err := one(c.Pipelines(t.Context(), list(gitlab.PipelinesQuery{Project: stage.Search, Page: gitlab.Page{First: 2, After: first.Info.End}})))
	if err != nil || rest.Info.HasNext || rest.Pipelines[1].ID != ran.Old[0] {
		t.Errorf("%+v, %v", rest, err)
	}
}

// TestLatestPipelines checks how many requests a portal's page costs, and what nobody may not see.
func TestLatestPipelines(t *testing.T) {
	s := stage.Set(t, gitlabtest.Settings{})
	ran := s.Run()
	var projects []string
	for i := range 120 {
		path := fmt.Sprintf("larkfold/apps/p%03d", i)
		projects = append(projects, path)
		if err := s.AddProject(t.Context(), gitlabtest.Project{Path: path, Visibility: gitlabtest.Public, DefaultBranch: "main"}); err != nil {
			t.Fatal(err)
		}
		for _, ref := range []string{"main", "next"} {
			if _, err := s.AddPipeline(path, ci.Pipeline{Ref: ref, SHA: fmt.Sprintf("%040x", i+1), User: "ada", CreatedAt: stage.Now.Add(-time.Hour), Jobs: []*ci.Job{{Name: "a"}}}); err != nil {
				t.Fatal(err)
			}
		}
	}
	ask := func(n int, name func(int) string) []gitlab.Revision {
		out := make([]gitlab.Revision, n)
		for i := range out {
			out[i] = gitlab.Revision{Project: projects[i], Name: name(i)}
		}
		return out
	}
	for _, token := range []string{"", stage.RitaToken} {
		c := on(t, s, token)
		for what, test := range map[string]struct {
			revisions []gitlab.Revision
			requests  int
		}{
			"a page of 20":              {ask(20, func(int) string { return "" }), 1},
			"50":                        {ask(50, func(int) string { return "main" }), 1},
			"51":                        {ask(51, func(int) string { return "main" }), 2},
			"main and next by turns":    {ask(20, func(i int) string { return []string{"main", "next"}[i%2] }), 1},
			"four names of 50 projects": {ask(50, func(i int) string { return []string{"main", "next", "", fmt.Sprintf("%040x", 4)}[i%4] }), 1},
			"7 commits":                 {ask(7, func(i int) string { return fmt.Sprintf("%040x", i+1) }), 1},
			"20 commits":                {ask(20, func(i int) string { return fmt.Sprintf("%040x", i+1) }), 3},
		} {
			costs(t, s, test.requests, what, func() {
				got, errs := c.LatestPipelines(t.Context(), test.revisions)
				for i, r := range test.revisions {
					if what == "four names of 50 projects" && i%4 == 3 && i != 3 {
						if got[i] != nil || errs[i] != nil {
							t.Errorf("%s: another's commit in %v: %+v, %v", what, r, got[i], errs[i])
						}
						continue
					}
					wanted := r.Name
					if wanted == "" {
						wanted = "next"
					}
					if errs[i] != nil || got[i] == nil || got[i].Ref != wanted && string(got[i].SHA) != wanted || !strings.Contains(got[i].URL, r.Project+"/-/pipelines/") {
						t.Fatalf("%s: %v: %+v, %v", what, r, got[i], errs[i])
					}
				}
			})
		}
		costs(t, s, 2, "the heads of 120", func() {
			if got, errs := c.HeadPipelines(t.Context(), projects); got[0] != nil || errs[0] != nil {
				t.Errorf("the head of a project without commits: %+v, %v", got[0], errs[0])
			}
		})
		costs(t, s, 1, "pages of 20 projects", func() {
			queries := make([]gitlab.PipelinesQuery, 20)
			for i := range queries {
				queries[i] = gitlab.PipelinesQuery{Project: projects[i], Page: gitlab.Page{First: 100}}
			}
			if _, errs := c.Pipelines(t.Context(), queries); errors.Join(errs...) != nil {
				t.Error(errs)
			}
		})
	}
	nobody, ada := on(t, s, ""), on(t, s, stage.AdaToken)
	if got, errs := nobody.LatestPipelines(t.Context(), list(gitlab.Revision{Project: stage.Search}, gitlab.Revision{Project: stage.Player})); got[0] != nil || !errors.Is(errs[0], clients.ErrNotFound) ||
		errs[1] != nil || got[1].ID != ran.Player {
		t.Errorf("nobody: %v, %v", got, errs)
	}
	if got, errs := ada.HeadPipelines(t.Context(), []string{stage.Search, stage.Player, stage.Empty}); errors.Join(errs...) != nil || got[0].ID != ran.Old[2] || got[1].ID != ran.Player || got[2] != nil {
		t.Errorf("heads: %v, %v", got, errs)
	}
	costs(t, s, 1, "merge requests", func() {
		got, errs := ada.MergeRequestPipelines(t.Context(), []gitlab.MergeRequestNumber{{Project: stage.Search, Number: 1}, {Project: stage.Search, Number: 4}, {Project: stage.Search, Number: 99},
			{Project: stage.Player, Number: 1}, {Project: "a", Number: 1}})
		if errs[0] != nil || got[0].ID != ran.Failed || errs[1] != nil || got[1] != nil || !errors.Is(errs[2], clients.ErrNotFound) || !errors.Is(errs[3], clients.ErrNotFound) || !errors.Is(errs[4], gitlab.ErrInvalid) {
			t.Errorf("%v, %v", got, errs)
		}
	})
}

// TestPipelineParts reads one pipeline with all that belongs to it, by both interfaces.
func TestPipelineParts(t *testing.T) {
	s := stage.Set(t, gitlabtest.Settings{})
	ran := s.Run()
	c := on(t, s, stage.AdaToken)
	failed := gitlab.PipelineNumber{Project: stage.Search, ID: ran.Failed}
	var whole *gitlab.PipelineWithJobs
	var err error
	costs(t, s, 1, "a pipeline with its jobs", func() { whole, err = c.PipelineWithJobs(t.Context(), failed) })
	if err != nil {
		t.Fatal(err)
	}
	if fmt.Sprint(whole.Stages) != "[{build success} {test failed} {deploy skipped}]" || len(whole.Jobs) != 5 || !whole.Complete || whole.Upstream != nil || whole.MergeRequest != 1 {
		t.Errorf("%+v", whole)
	}
	unit := whole.Jobs[3]
	if unit.Name != "unit" || unit.Stage != "test" || unit.Status != "failed" || unit.Duration != time.Minute || unit.Queued != 2*time.Second || !strings.Contains(unit.Failure, "script failure") ||
		*unit.Coverage != 79 || fmt.Sprint(unit.Tags) != "[linux]" || unit.Trigger || unit.Retried || !strings.HasSuffix(unit.URL, fmt.Sprintf("/-/jobs/%d", unit.ID)) {
		t.Errorf("job: %+v", unit)
	}
	newest, err := c.PipelineWithJobs(t.Context(), gitlab.PipelineNumber{Project: stage.Search, ID: ran.Old[2]})
	if err != nil || newest.Status != "success" || newest.Jobs[0].Name != "production" || !newest.Jobs[0].Manual || newest.Jobs[0].Status != "manual" || !newest.Jobs[1].Trigger || newest.Jobs[1].Child == nil ||
		newest.Jobs[1].Child.ID != ran.Child {
		t.Errorf("%+v, %v", newest, err)
	}
	child, err := c.PipelineWithJobs(t.Context(), gitlab.PipelineNumber{Project: stage.Search, ID: ran.Child})
	if err != nil || child.Source != "parent_pipeline" || child.Upstream == nil || child.Upstream.ID != ran.Old[2] {
		t.Errorf("%+v, %v", child, err)
	}
	for _, id := range []int64{1, 1 << 40} {
		if _, err := c.PipelineWithJobs(t.Context(), gitlab.PipelineNumber{Project: stage.Search, ID: id}); !errors.Is(err, clients.ErrNotFound) {
			t.Errorf("pipeline %d: %v", id, err)
		}
		if _, err := c.Pipeline(t.Context(), gitlab.PipelineNumber{Project: stage.Search, ID: id}); !errors.Is(err, clients.ErrNotFound) {
			t.Errorf("pipeline %d: %v", id, err)
		}
	}
	costs(t, s, 5, "REST", func() {
		p, err := c.Pipeline(t.Context(), failed)
		if err != nil || p.ID != ran.Failed || p.Name != "Merge request" || p.MergeRequest != 1 || p.Status != "failed" || *p.Coverage != 79 || p.Duration != 70*time.Second || p.Queued != 2*time.Second || p.User.Username != "ada" ||
			p.URL != whole.URL || p.Number != whole.Number || p.Ref != whole.Ref || p.SHA != whole.SHA || !p.StartedAt.Equal(whole.StartedAt) {
			t.Errorf("%+v, %v", p, err)
		}
		jobs, err := c.Jobs(t.Context(), gitlab.JobsQuery{Pipeline: failed, Statuses: []string{"failed"}, PerPage: 1})
		if err != nil || *jobs.Total != 2 || jobs.Next != 2 || jobs.Jobs[0].Name != "style" || !jobs.Jobs[0].AllowFailure {
			t.Errorf("%+v, %v", jobs, err)
		}
		bridges, err := c.Bridges(t.Context(), gitlab.JobsQuery{Pipeline: gitlab.PipelineNumber{Project: stage.Search, ID: ran.Old[2]}})
		if err != nil || len(bridges.Jobs) != 1 || bridges.Jobs[0].Child.ID != ran.Child || !bridges.Jobs[0].Trigger {
			t.Errorf("%+v, %v", bridges, err)
		}
		j, err := c.Job(t.Context(), gitlab.JobNumber{Project: stage.Search, ID: unit.ID})
		if err != nil || j.Failure != "script_failure" || j.Runner != "runner-1" || j.User.Username != "ada" || j.Pipeline != ran.Failed || len(j.Artifacts) != 3 || j.Artifacts[1] != (gitlab.Artifact{Type: "junit", Name: "junit.xml.gz", Format: "gzip", Size: 120}) ||
			j.ExpireAt.IsZero() || j.SHA != whole.SHA || j.Duration != time.Minute {
			t.Errorf("%+v, %v", j, err)
		}
		page, err := c.ListPipelines(t.Context(), gitlab.PipelineListQuery{PipelinesQuery: gitlab.PipelinesQuery{Project: stage.Search, Ref: "main", Status: "success"}, PerPage: 2})
		if err != nil || len(page.Pipelines) != 2 || page.Next != 2 || *page.Total != 3 || page.Pipelines[0].ID != ran.Old[2] || page.Pipelines[0].Number == 0 {
			t.Errorf("%+v, %v", page, err)
		}
	})
	if n, err := c.ParsePipelineURL(whole.URL + "/builds"); err != nil || n != failed {
		t.Errorf("%v, %v", n, err)
	}
	if n, err := c.ParseJobURL(unit.URL); err != nil || n != (gitlab.JobNumber{Project: stage.Search, ID: unit.ID}) {
		t.Errorf("%v, %v", n, err)
	}
	for _, text := range []string{"", whole.URL + "x", unit.URL, "https://other.example/a/b/-/pipelines/1", "https://gitlab.larkfold.example/a/b/-/pipelines/-1", "https://gitlab.larkfold.example/a/../b/-/pipelines/1"} {
		if n, err := c.ParsePipelineURL(text); !errors.Is(err, gitlab.ErrInvalid) {
			t.Errorf("%q: %v, %v", text, n, err)
		}
	}
}

// TestReports reads tests and coverage.
func TestReports(t *testing.T) {
	s := stage.Set(t, gitlabtest.Settings{})
	ran := s.Run()
	c := on(t, s, stage.AdaToken)
	failed := gitlab.PipelineNumber{Project: stage.Search, ID: ran.Failed}
	costs(t, s, 3, "reports", func() {
		summary, err := c.TestSummary(t.Context(), failed)
		if err != nil || summary.TestCounts != (gitlab.TestCounts{Total: 2, Failed: 1, Skipped: 1, Time: 1250 * time.Millisecond}) || summary.Suites[0].Name != "unit" || len(summary.Suites[0].Jobs) != 1 || !summary.Complete {
			t.Errorf("%+v, %v", summary, err)
		}
		report, err := c.TestReport(t.Context(), failed)
		if err != nil || report.Failed != 1 || !report.Complete || len(report.Suites[0].Cases) != 2 {
			t.Fatalf("%+v, %v", report, err)
		}
		want := gitlab.TestCase{Name: "TestRank", Class: "search", File: "rank_test.go", Status: "failed", Time: 1250 * time.Millisecond, Output: "want 1, got 2", Stack: "rank_test.go:7", RecentFailures: 3, BaseBranch: "main"}
		if got := report.Suites[0].Cases[0]; got != want {
			t.Errorf("%+v", got)
		}
		page, err := one(c.Coverage(t.Context(), list(gitlab.CoverageQuery{Project: stage.Search, Ref: "main", Page: gitlab.Page{First: 100}})))
		if err != nil || len(page.Points) != 3 || *page.Points[0].Coverage != 82.5 || *page.Points[2].Coverage != 80 || string(page.Points[0].SHA) != s.Head || page.Points[0].Pipeline != ran.Old[2] || page.Points[0].FinishedAt.IsZero() {
			t.Errorf("%+v, %v", page, err)
		}
	})
	if summary, err := c.TestSummary(t.Context(), gitlab.PipelineNumber{Project: stage.Search, ID: ran.Child}); err != nil || summary.Total != 0 || len(summary.Suites) != 0 {
		t.Errorf("without tests: %+v, %v", summary, err)
	}
}

// TestTrace reads windows on a log that grows, from a GitLab that sends all of it and from one that sends parts.
func TestTrace(t *testing.T) {
	for _, ranges := range []bool{false, true} {
		now := newClock()
		s := stage.Set(t, gitlabtest.Settings{Ranges: ranges, Now: now.Now})
		s.Run()
		c := on(t, s, stage.AdaToken)
		id, err := s.RunPipeline(stage.Search, ci.Pipeline{User: "ada"})
		if err != nil {
			t.Fatal(err)
		}
		jobs, err := c.Jobs(t.Context(), gitlab.JobsQuery{Pipeline: gitlab.PipelineNumber{Project: stage.Search, ID: id}})
		if err != nil {
			t.Fatal(err)
		}
		unit := gitlab.JobNumber{Project: stage.Search, ID: jobs.Jobs[len(jobs.Jobs)-2].ID}
		read := func(from int64, most int) *gitlab.Trace {
			t.Helper()
			var trace *gitlab.Trace
			costs(t, s, 1, "a window", func() {
				var err error
				if trace, err = c.Trace(t.Context(), unit, from, most); err != nil {
					t.Fatal(err)
				}
			})
			return trace
		}
		if w := read(0, 0); len(w.Data) != 0 || w.More {
			t.Errorf("ranges %v: of a job that has not begun: %+v", ranges, w)
		}
		now.Advance(14*time.Second + 30*time.Second) // half of its minute
		first := read(0, 100)
		if string(first.Data) != stage.Log[:100] || !first.More || first.Next() != 100 || first.Size != 8000 {
			t.Errorf("ranges %v: %d bytes from %d of %d, more %v", ranges, len(first.Data), first.From, first.Size, first.More)
		}
		if w := read(100, 0); string(w.Data) != stage.Log[100:8000] || w.More || w.Size != 8000 {
			t.Errorf("ranges %v: the rest: %d bytes, %+v", ranges, len(w.Data), w.Size)
		}
		if w := read(8000, 0); len(w.Data) != 0 || w.More || w.From != 8000 || w.Size != 8000 {
			t.Errorf("ranges %v: at the end: %+v", ranges, w)
		}
		now.Advance(time.Hour)
		if w := read(8000, 16); string(w.Data) != stage.Log[8000:8016] || !w.More || w.Size != 16_000 {
			t.Errorf("ranges %v: what was added: %+v", ranges, w)
		}
		if w := read(20_000, 16); len(w.Data) != 0 || w.More {
			t.Errorf("ranges %v: beyond the end: %+v", ranges, w)
		}
		end, err := c.TraceTail(t.Context(), unit, 160)
		if err != nil || string(end.Data) != stage.Log[16_000-160:] || end.From != 16_000-160 || end.Size != 16_000 || end.More {
			t.Errorf("ranges %v: the end: %+v, %v", ranges, end, err)
		}
		if all, err := c.TraceTail(t.Context(), unit, 1<<30); err != nil || string(all.Data) != stage.Log || all.From != 0 {
			t.Errorf("ranges %v: all: %d bytes, %v", ranges, len(all.Data), err)
		}
		if _, err := on(t, s, stage.OtherToken).Trace(t.Context(), unit, 0, 0); !errors.Is(err, clients.ErrNotFound) {
			t.Errorf("an outsider: %v", err)
		}
	}
}

// TestArtifacts reads what a job leaves behind, also where it is kept elsewhere.
func TestArtifacts(t *testing.T) {
	s := stage.Set(t, gitlabtest.Settings{})
	ran := s.Run()
	c := on(t, s, stage.AdaToken)
	jobs, err := c.Jobs(t.Context(), gitlab.JobsQuery{Pipeline: gitlab.PipelineNumber{Project: stage.Search, ID: ran.Failed}})
	if err != nil {
		t.Fatal(err)
	}
	unit, compile := gitlab.JobNumber{Project: stage.Search, ID: jobs.Jobs[2].ID}, gitlab.JobNumber{Project: stage.Search, ID: jobs.Jobs[3].ID}
	read := func(a *gitlab.ArtifactBody, err error) (string, *gitlab.ArtifactBody) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		defer a.Body.Close()
		data, err := io.ReadAll(a.Body)
		if err != nil {
			t.Fatal(err)
		}
		return string(data), a
	}
	if text, a := read(c.Artifacts(t.Context(), unit)); !strings.HasPrefix(text, "PK\x03\x04") || a.Size != int64(len(text)) || a.Name != "artifacts.zip" || a.Elsewhere != nil {
		t.Errorf("%d bytes, %+v", len(text), a)
	}
	// A page of HTML is what the job has left, not one of GitLab's.
	if text, a := read(c.ArtifactFile(t.Context(), unit, "coverage/index.html")); text != "<p>80%</p>" || a.Name != "index.html" {
		t.Errorf("%q, %+v", text, a)
	}
	for _, n := range []gitlab.JobNumber{compile, {Project: stage.Search, ID: 1 << 40}} {
		if _, err := c.Artifacts(t.Context(), n); !errors.Is(err, clients.ErrNotFound) {
			t.Errorf("%v: %v", n, err)
		}
	}
	if _, err := c.ArtifactFile(t.Context(), unit, "coverage/none"); !errors.Is(err, clients.ErrNotFound) {
		t.Error(err)
	}
	if _, err := c.ArtifactFile(t.Context(), unit, "../../jobs"); !errors.Is(err, gitlab.ErrInvalid) {
		t.Error(err)
	}
	away := stage.Set(t, gitlabtest.Settings{Store: "https://store.example/bucket"})
	ran = away.Run()
	address, _ := url.Parse("https://gitlab.larkfold.example")
	c, err = gitlab.New("gitlab", address, &http.Client{Transport: authorised{clientstest.Transport{Handler: away}, stage.AdaToken}, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }})
	if err != nil {
		t.Fatal(err)
	}
	jobs, err = c.Jobs(t.Context(), gitlab.JobsQuery{Pipeline: gitlab.PipelineNumber{Project: stage.Search, ID: ran.Failed}})
	if err != nil {
		t.Fatal(err)
	}
	if a, err := c.Artifacts(t.Context(), gitlab.JobNumber{Project: stage.Search, ID: jobs.Jobs[2].ID}); err != nil || a.Body != nil || a.Elsewhere.Host != "store.example" {
		t.Errorf("%+v, %v", a, err)
	}
}
