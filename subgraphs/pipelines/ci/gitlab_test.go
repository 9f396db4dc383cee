package ci_test

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"callboard.dev/callboard/clients"
	"callboard.dev/callboard/clients/clientstest"
	"callboard.dev/callboard/clients/git"
	"callboard.dev/callboard/clients/gitlab"
	"callboard.dev/callboard/clients/gitlab/gitlabtest"
	gitlabci "callboard.dev/callboard/clients/gitlab/gitlabtest/ci"
	"callboard.dev/callboard/clients/gitlab/gitlabtest/stage"
	"callboard.dev/callboard/subgraphs/pipelines/ci"
)

// gitLabToken is what package clients does of a transport: the credential.
type gitLabToken struct {
	next  http.RoundTripper
	token string
}

func (a gitLabToken) RoundTrip(r *http.Request) (*http.Response, error) {
	r = r.Clone(r.Context())
	r.Header.Set("PRIVATE-TOKEN", a.token)
	return a.next.RoundTrip(r)
}

const gitLabAddress = "https://gitlab.larkfold.example"

// gitLabClient returns a client of the stage that asks with a token.
func gitLabClient(t testing.TB, s http.Handler, token string) *gitlab.Client {
	t.Helper()
	address, _ := url.Parse(gitLabAddress)
	client, err := gitlab.New("gitlab", address, &http.Client{Transport: gitLabToken{clientstest.Transport{Handler: s}, token},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }})
	if err != nil {
		t.Fatal(err)
	}
	return client
}

// onGitLab returns a driver of the stage that asks with a token.
func onGitLab(t testing.TB, s http.Handler, token string) ci.Driver {
	t.Helper()
	return ci.NewGitLab(gitLabClient(t, s, token), nil)
}

// gitLabCosts runs f and checks how many requests it made.
func gitLabCosts(t *testing.T, s *stage.Stage, want int, what string, f func()) {
	t.Helper()
	before := s.Watch.Count("")
	f()
	if got := s.Watch.Count("") - before; got != want {
		t.Errorf("%s: %d requests, want %d", what, got, want)
	}
}

// gitLabClock is a time that tests set.
type gitLabClock struct{ now time.Time }

func (c *gitLabClock) Now() time.Time { return c.now }

func gitLabKey(path string, id int64) string { return fmt.Sprintf("%s#%d", path, id) }

// gitLabFirst returns the first answer, which has no error.
func gitLabFirst[V any](t *testing.T, answers []V, errs []error) V {
	t.Helper()
	if errs[0] != nil {
		t.Fatal(errs[0])
	}
	return answers[0]
}

// TestGitLabAsksOnce keeps the promise of the portal: what a page of twenty components shows of their builds is one request, and so is what its pull requests show.
func TestGitLabAsksOnce(t *testing.T) {
	s := stage.Set(t, gitlabtest.Settings{})
	of := s.Run()
	paths := []string{stage.Search, stage.Player, stage.Empty}
	for i := range 17 {
		path := fmt.Sprintf("larkfold/apps/p%02d", i)
		if err := s.AddProject(t.Context(), gitlabtest.Project{Path: path, Visibility: gitlabtest.Public}); err != nil {
			t.Fatal(err)
		}
		paths = append(paths, path)
	}
	d := onGitLab(t, s, stage.AdaToken)
	gitLabCosts(t, s, 1, "overviews of 20", func() {
		found, errs := d.Overviews(t.Context(), paths)
		if errors.Join(errs...) != nil {
			t.Fatal(errs)
		}
		p := found[0][0]
		if p.Key != stage.Search || p.Name != "GitLab CI" || p.File != ".gitlab-ci.yml" || p.URL != gitLabAddress+"/"+stage.Search+"/-/pipelines" || p.Repository != stage.Search || p.Branch != "main" ||
			p.Latest.Key != gitLabKey(stage.Search, of.Old[2]) || found[1][0].Latest.Key != gitLabKey(stage.Player, of.Player) {
			t.Errorf("%+v", p)
		}
		for i := 2; i < 20; i++ {
			if len(found[i]) != 1 || found[i][0].Latest != nil || found[i][0].Key != paths[i] {
				t.Errorf("%s: %+v", paths[i], found[i])
			}
		}
	})
	gitLabCosts(t, s, 1, "pipelines by key", func() {
		found, errs := d.Pipelines(t.Context(), []string{stage.Player, "larkfold/none", "x", stage.Search + "#1"})
		if errs[0] != nil || found[0].Latest == nil || !errors.Is(errs[1], clients.ErrNotFound) || !errors.Is(errs[2], ci.ErrInvalid) || !errors.Is(errs[3], ci.ErrInvalid) {
			t.Errorf("%+v, %v", found, errs)
		}
	})
	gitLabCosts(t, s, 1, "runs of pull requests", func() {
		found, errs := d.PullRequestRuns(t.Context(), []ci.PullRequestName{{Repository: stage.Search, Number: 1}, {Repository: stage.Search, Number: 4}, {Repository: stage.Search, Number: 99}, {Repository: "x", Number: 1}})
		if errs[0] != nil || len(found[0]) != 1 || found[0][0].Key != gitLabKey(stage.Search, of.Failed) || found[0][0].PullRequest != 1 || errs[1] != nil || found[1] == nil || len(found[1]) != 0 ||
			!errors.Is(errs[2], clients.ErrNotFound) || !errors.Is(errs[3], ci.ErrInvalid) {
			t.Errorf("%+v, %v", found, errs)
		}
	})
	gitLabCosts(t, s, 1, "runs of commits", func() {
		found, errs := d.CommitRuns(t.Context(), []ci.CommitName{{stage.Search, s.Head}, {stage.Search, s.Feature}, {stage.Search, strings.Repeat("0", 40)}, {stage.Search, "main"}})
		if errs[0] != nil || found[0][0].Key != gitLabKey(stage.Search, of.Old[2]) || errs[1] != nil || found[1][0].Key != gitLabKey(stage.Search, of.Failed) || errs[2] != nil || found[2] == nil || len(found[2]) != 0 ||
			!errors.Is(errs[3], ci.ErrInvalid) {
			t.Errorf("%+v, %v", found, errs)
		}
	})
	keys := []string{gitLabKey(stage.Search, of.Old[0]), gitLabKey(stage.Search, of.Failed), gitLabKey(stage.Player, of.Player), gitLabKey(stage.Search, 1<<40), stage.Search, gitLabKey(stage.Search, 0)}
	gitLabCosts(t, s, 1, "runs", func() {
		found, errs := d.Runs(t.Context(), keys)
		if errors.Join(errs[:3]...) != nil || !errors.Is(errs[3], clients.ErrNotFound) || !errors.Is(errs[4], ci.ErrInvalid) || !errors.Is(errs[5], ci.ErrInvalid) {
			t.Error(errs)
		}
		for i := range 3 {
			if found[i].Key != keys[i] {
				t.Errorf("%+v", found[i])
			}
		}
	})
	gitLabCosts(t, s, 1, "coverages", func() {
		found, errs := d.Coverages(t.Context(), keys[:3])
		if errors.Join(errs...) != nil || *found[0] != 80 || *found[1] != 79 || found[2] != nil {
			t.Errorf("%v, %v", found, errs)
		}
	})
	gitLabCosts(t, s, 0, "what names nothing", func() {
		for what, err := range map[string]error{
			"pipeline": gitLabError(d.Pipelines(t.Context(), []string{"../x"})), "run": gitLabError(d.Runs(t.Context(), []string{"a/b#01"})), "stages": gitLabError(d.Stages(t.Context(), []string{"a/b#j1"})),
			"steps": gitLabError(d.Steps(t.Context(), []string{"a/b#1"})), "tests": gitLabError(d.Tests(t.Context(), []string{"a/b#-1"})), "artifacts": gitLabError(d.Artifacts(t.Context(), []string{"a#1"})),
			"log":    gitLabError(d.Logs(t.Context(), []ci.LogQuery{{Run: "a/b#1", Job: "a/c#j1", Most: 1}})),
			"commit": gitLabError(d.CommitRuns(t.Context(), []ci.CommitName{{"a/b", "main"}})),
			"page":   gitLabError(d.RunPages(t.Context(), []ci.RunsQuery{{Repository: "a/b"}})),
			"cursor": gitLabError(d.RunPages(t.Context(), []ci.RunsQuery{{Repository: "a/b", Paging: ci.Paging{First: 1, After: "{}"}}})),
			"status": gitLabError(d.RunPages(t.Context(), []ci.RunsQuery{{Repository: "a/b", Status: "BROKEN", Paging: ci.Paging{First: 1}}})),
			"branch": gitLabError(d.RunPages(t.Context(), []ci.RunsQuery{{Repository: "a/b", Branch: "a..b", Paging: ci.Paging{First: 1}}})),
		} {
			if e := clients.Of(err); !errors.Is(err, ci.ErrInvalid) || e == nil || e.Source != "gitlab" {
				t.Errorf("%s: %v", what, err)
			}
		}
	})
}

func gitLabError[V any](_ []V, errs []error) error { return errs[0] }

// TestGitLabRun says all of a run that GitLab does.
func TestGitLabRun(t *testing.T) {
	s := stage.Set(t, gitlabtest.Settings{})
	of := s.Run()
	d := onGitLab(t, s, stage.AdaToken)
	found, errs := d.Runs(t.Context(), []string{gitLabKey(stage.Search, of.Failed), gitLabKey(stage.Search, of.Old[2]), gitLabKey(stage.Search, of.Child)})
	if errors.Join(errs...) != nil {
		t.Fatal(errs)
	}
	r := found[0]
	if r.Pipeline != stage.Search || r.PipelineName != "GitLab CI" || r.Number == 0 || r.Title != "Merge request" || r.Status != ci.Failed || r.Word != "failed" || r.Trigger != ci.ByPullRequest ||
		r.TriggerWord != "merge_request_event" || r.Repository != stage.Search || r.Commit != s.Feature || r.Branch != "" || r.PullRequest != 1 || r.Actor.Login != "ada" || r.Actor.Name != "Ada Writer" ||
		!r.CreatedAt.Equal(stage.Now.Add(-time.Hour)) || !r.StartedAt.Equal(r.CreatedAt.Add(2*time.Second)) || !r.FinishedAt.After(r.StartedAt) || *r.Duration != 70*time.Second || *r.Waited != 2*time.Second ||
		r.URL != fmt.Sprintf("%s/%s/-/pipelines/%d", gitLabAddress, stage.Search, of.Failed) || *r.Coverage != 79 || r.Reruns != (ci.Reruns{All: true, Failed: true}) || r.Attempt != 0 || r.Estimate != nil {
		t.Errorf("%+v", r)
	}
	if r := found[1]; r.Status != ci.Unstable || r.Word != "success" || r.Trigger != ci.ByPush || r.Branch != "main" || r.PullRequest != 0 || r.Reruns != (ci.Reruns{All: true, Failed: true}) {
		t.Errorf("%+v", r)
	}
	if r := found[2]; r.Status != ci.Succeeded || r.Trigger != ci.ByPipeline || r.Reruns != (ci.Reruns{}) {
		t.Errorf("%+v", r)
	}
}

// TestGitLabRunning looks at a run while it goes on.
func TestGitLabRunning(t *testing.T) {
	clock := &gitLabClock{stage.Now}
	s := stage.Set(t, gitlabtest.Settings{Now: clock.Now})
	s.Run()
	id, err := s.RunPipeline(stage.Search, gitlabci.Pipeline{User: "ada"})
	if err != nil {
		t.Fatal(err)
	}
	d, key := onGitLab(t, s, stage.AdaToken), gitLabKey(stage.Search, id)
	at := func() (*ci.Run, *ci.Stages) {
		t.Helper()
		runs, errs := d.Runs(t.Context(), []string{key})
		stages, failed := d.Stages(t.Context(), []string{key})
		return gitLabFirst(t, runs, errs), gitLabFirst(t, stages, failed)
	}
	r, stages := at()
	if r.Status != ci.Queued || !r.StartedAt.IsZero() || r.Duration != nil || r.Reruns != (ci.Reruns{Cancel: true}) || stages.Done || stages.Stages[0].Jobs[0].Status != ci.Queued || r.Lasts() != nil || stages.Lasts() != nil {
		t.Errorf("%+v, %+v", r, stages)
	}
	clock.now = clock.now.Add(20 * time.Second)
	r, stages = at()
	unit := stages.Stages[1].Jobs[0]
	if r.Status != ci.Running || r.StartedAt.IsZero() || !r.FinishedAt.IsZero() || r.Duration != nil || stages.Stages[0].Status != ci.Succeeded || *stages.Stages[0].Duration != 10*time.Second ||
		stages.Stages[1].Status != ci.Running || stages.Stages[1].StartedAt.IsZero() || stages.Stages[1].Duration != nil || unit.Status != ci.Running || unit.Duration != nil || !unit.FinishedAt.IsZero() {
		t.Errorf("%+v, %+v", r, stages)
	}
	clock.now = clock.now.Add(time.Hour)
	if r, stages = at(); r.Status != ci.Unstable || !stages.Done || r.Lasts() == nil || stages.Lasts() == nil {
		t.Errorf("%+v, %+v", r, stages)
	}
}

// TestGitLabStages reads the stages of runs: what failed, what may fail, what waits for somebody, and what has begun another run.
func TestGitLabStages(t *testing.T) {
	s := stage.Set(t, gitlabtest.Settings{})
	of := s.Run()
	client := gitLabClient(t, s, stage.AdaToken)
	d := ci.NewGitLab(client, nil)
	if _, err := client.SetCommitStatus(t.Context(), gitlab.NewCommitStatus{Project: stage.Search, SHA: git.OID(s.Feature), State: "success", Name: "jenkins", Pipeline: of.Failed}); err != nil {
		t.Fatal(err)
	}
	var found []*ci.Stages
	var errs []error
	gitLabCosts(t, s, 2, "stages of two runs", func() {
		found, errs = d.Stages(t.Context(), []string{gitLabKey(stage.Search, of.Failed), gitLabKey(stage.Search, of.Old[2])})
	})
	if errors.Join(errs...) != nil {
		t.Fatal(errs)
	}
	if got, want := gitLabShow(found[0]), "build SUCCEEDED: compile SUCCEEDED; test FAILED: unit FAILED, style FAILED; deploy SKIPPED: images SKIPPED, production SKIPPED; external SUCCEEDED: jenkins SUCCEEDED; complete true, done true"; got != want {
		t.Errorf("%s, want %s", got, want)
	}
	if got, want := gitLabShow(found[1]), "build SUCCEEDED: compile SUCCEEDED; test UNSTABLE: unit SUCCEEDED, style FAILED; deploy SUCCEEDED: images SUCCEEDED, production WAITING; complete true, done true"; got != want {
		t.Errorf("%s, want %s", got, want)
	}
	unit := found[0].Stages[1].Jobs[0]
	if !strings.HasPrefix(unit.Key, stage.Search+"#j") || !strings.Contains(unit.Failure, "script failure") || *unit.Duration != time.Minute || *unit.Waited != 2*time.Second || unit.StartedAt.IsZero() || unit.FinishedAt.IsZero() ||
		!strings.Contains(unit.URL, "/-/jobs/") || unit.AllowFailure || unit.Runner != "runner-1" || unit.Steps == nil || len(unit.Steps) != 0 {
		t.Errorf("%+v", unit)
	}
	if skipped := found[0].Stages[2].Jobs[0]; skipped.Name != "images" || skipped.URL != "" || len(skipped.Steps) != 0 {
		t.Errorf("%+v", skipped)
	}
	if !found[0].Stages[1].Jobs[1].AllowFailure || found[0].Stages[0].Jobs[0].Failure != "" {
		t.Errorf("%+v", found[0].Stages)
	}
	images := found[1].Stages[2].Jobs[0]
	if len(images.Steps) != 1 || images.Steps[0].Detail != gitLabKey(stage.Search, of.Child) || images.Steps[0].Status != ci.Succeeded || images.Steps[0].Duration == nil || images.URL != fmt.Sprintf("%s/%s/-/pipelines/%d", gitLabAddress, stage.Search, of.Child) {
		t.Errorf("%+v", images)
	}
	gitLabCosts(t, s, 0, "steps", func() {
		if steps, errs := d.Steps(t.Context(), []string{unit.Key}); errs[0] != nil || steps[0] == nil || len(steps[0]) != 0 {
			t.Errorf("%v, %v", steps, errs)
		}
	})
	// What was run again is told as it stands.
	if _, err := client.RetryPipeline(t.Context(), gitlab.PipelineNumber{Project: stage.Search, ID: of.Failed}); err != nil {
		t.Fatal(err)
	}
	found, errs = d.Stages(t.Context(), []string{gitLabKey(stage.Search, of.Failed)})
	if got := gitLabShow(gitLabFirst(t, found, errs)); !strings.Contains(got, "test RUNNING: unit QUEUED, style QUEUED;") && !strings.Contains(got, "test QUEUED: unit QUEUED, style QUEUED;") {
		t.Error(got)
	}
}

func gitLabShow(s *ci.Stages) string {
	var out strings.Builder
	for _, one := range s.Stages {
		fmt.Fprintf(&out, "%s %s: ", one.Name, one.Status)
		for i, j := range one.Jobs {
			if i > 0 {
				out.WriteString(", ")
			}
			fmt.Fprintf(&out, "%s %s", j.Name, j.Status)
		}
		out.WriteString("; ")
	}
	fmt.Fprintf(&out, "complete %v, done %v", s.Complete, s.Done)
	return out.String()
}

// TestGitLabManyJobs reads runs of more jobs than GitLab tells at once.
func TestGitLabManyJobs(t *testing.T) {
	s := stage.Set(t, gitlabtest.Settings{})
	made := func(n int) string {
		jobs := []*gitlabci.Job{{Name: "begin", Stage: "build", Duration: time.Second}}
		for i := range n {
			jobs = append(jobs, &gitlabci.Job{Name: fmt.Sprint("test ", i), Stage: "test", Duration: time.Second, Outcome: map[bool]string{true: gitlabci.Failed}[i == 0]})
		}
		jobs = append(jobs, &gitlabci.Job{Name: "more", Stage: "build", Child: &gitlabci.Pipeline{Jobs: []*gitlabci.Job{{Name: "x"}}}})
		id, err := s.AddPipeline(stage.Search, gitlabci.Pipeline{Ref: "main", User: "ada", CreatedAt: stage.Now.Add(-time.Hour), Jobs: jobs})
		if err != nil {
			t.Fatal(err)
		}
		return gitLabKey(stage.Search, id)
	}
	d := onGitLab(t, s, stage.AdaToken)
	for n, want := range map[int]struct {
		requests, jobs int
		complete       bool
	}{
		98: {1, 98, true}, 250: {1 + 3 + 1, 250, true}, 1200: {1 + 10 + 1, 1000, false},
	} {
		key := made(n)
		gitLabCosts(t, s, want.requests, fmt.Sprint(n, " jobs"), func() {
			found, errs := d.Stages(t.Context(), []string{key})
			got := gitLabFirst(t, found, errs)
			if len(got.Stages) != 2 || len(got.Stages[1].Jobs) < want.jobs || got.Complete != want.complete {
				t.Errorf("%d stages, %d jobs, %v", len(got.Stages), len(got.Stages[1].Jobs), got.Complete)
			}
			more := got.Stages[0].Jobs[len(got.Stages[0].Jobs)-1]
			if more.Name != "more" || len(more.Steps) != 1 {
				t.Errorf("%+v", more)
			}
			if want.complete && (got.Stages[0].Jobs[0].Name != "begin" || got.Stages[1].Jobs[0].Name != "test 0") {
				t.Errorf("%+v", got.Stages[0].Jobs[0])
			}
		})
	}
}

// TestGitLabPages reads pages of runs, also of what GitLab has no word for.
func TestGitLabPages(t *testing.T) {
	s := stage.Set(t, gitlabtest.Settings{})
	of := s.Run()
	d := onGitLab(t, s, stage.AdaToken)
	page := func(q ci.RunsQuery) *ci.Page[*ci.Run] {
		t.Helper()
		if q.Repository == "" {
			q.Pipeline = stage.Search
		}
		if q.Paging.First == 0 {
			q.Paging.First = 20
		}
		found, errs := d.RunPages(t.Context(), []ci.RunsQuery{q})
		return gitLabFirst(t, found, errs)
	}
	keys := func(p *ci.Page[*ci.Run]) string {
		var out []string
		for _, r := range p.Items {
			out = append(out, r.Key)
		}
		return strings.ReplaceAll(strings.Join(out, " "), stage.Search+"#", "")
	}
	all := fmt.Sprint(of.Failed, " ", of.Old[2], " ", of.Old[1], " ", of.Old[0])
	old := fmt.Sprint(of.Old[2], " ", of.Old[1], " ", of.Old[0])
	for what, test := range map[string]struct {
		q        ci.RunsQuery
		want     string
		requests int
	}{
		"all":                       {ci.RunsQuery{}, all, 1},
		"of a repository":           {ci.RunsQuery{Repository: stage.Search}, all, 1},
		"of a branch":               {ci.RunsQuery{Branch: "main"}, old, 1},
		"of a commit":               {ci.RunsQuery{Commit: s.Feature}, fmt.Sprint(of.Failed), 1},
		"failed":                    {ci.RunsQuery{Status: ci.Failed}, fmt.Sprint(of.Failed), 1},
		"with warnings":             {ci.RunsQuery{Status: ci.Unstable}, old, 1},
		"without":                   {ci.RunsQuery{Status: ci.Succeeded}, "", 1},
		"queued":                    {ci.RunsQuery{Status: ci.Queued}, "", 1},
		"running":                   {ci.RunsQuery{Status: ci.Running}, "", 1},
		"waiting":                   {ci.RunsQuery{Status: ci.Waiting}, "", 1},
		"what GitLab does not have": {ci.RunsQuery{Status: ci.TimedOut}, "", 0},
		"since":                     {ci.RunsQuery{Since: stage.Now.AddDate(0, 0, -4)}, fmt.Sprint(of.Failed, " ", of.Old[2], " ", of.Old[1]), 1},
		"until":                     {ci.RunsQuery{Until: stage.Now.AddDate(0, 0, -4).Add(time.Hour)}, fmt.Sprint(of.Old[1], " ", of.Old[0]), 1},
	} {
		gitLabCosts(t, s, test.requests, what, func() {
			p := page(test.q)
			if got := keys(p); got != test.want || len(p.Cursors) != len(p.Items) || p.Next {
				t.Errorf("%s: %s, %+v; want %s", what, got, p, test.want)
			}
		})
	}
	for _, status := range []ci.Status{"", ci.Unstable} {
		var got []string
		after := ""
		for {
			p := page(ci.RunsQuery{Branch: "main", Status: status, Paging: ci.Paging{First: 2, After: after}})
			got = append(got, keys(p))
			if !p.Next {
				break
			}
			after = p.Cursors[len(p.Cursors)-1]
		}
		if fmt.Sprint(got) != fmt.Sprintf("[%d %d %d]", of.Old[2], of.Old[1], of.Old[0]) || len(got) != 2 {
			t.Errorf("%q page by page: %v", status, got)
		}
	}
	if p := page(ci.RunsQuery{Branch: "main", Paging: ci.Paging{First: 1}}); *p.Total != 3 {
		t.Errorf("%+v", p)
	}
	gitLabCosts(t, s, 1, "pages of several", func() {
		found, errs := d.RunPages(t.Context(), []ci.RunsQuery{{Repository: stage.Search, Paging: ci.Paging{First: 5}}, {Pipeline: stage.Player, Paging: ci.Paging{First: 5}}, {Repository: "larkfold/none", Paging: ci.Paging{First: 5}}})
		if errs[0] != nil || errs[1] != nil || len(found[1].Items) != 1 || !errors.Is(errs[2], clients.ErrNotFound) {
			t.Errorf("%+v, %v", found, errs)
		}
	})
}

// TestGitLabLooks looks through many runs for a few, as far as it goes.
func TestGitLabLooks(t *testing.T) {
	s := stage.Set(t, gitlabtest.Settings{})
	var queued []string
	for i := range 700 {
		p := gitlabci.Pipeline{Ref: "main", User: "ada", SHA: s.Head, CreatedAt: stage.Now.Add(-time.Hour), Jobs: []*gitlabci.Job{{Name: "a", Duration: time.Second}}}
		if i == 150 || i == 600 {
			p.Jobs = []*gitlabci.Job{{Name: "a", Queue: 24 * time.Hour}}
		}
		id, err := s.AddPipeline(stage.Search, p)
		if err != nil {
			t.Fatal(err)
		}
		if i == 150 || i == 600 {
			queued = append(queued, gitLabKey(stage.Search, id))
		}
	}
	d := onGitLab(t, s, stage.AdaToken)
	ask := func(after string) *ci.Page[*ci.Run] {
		t.Helper()
		found, errs := d.RunPages(t.Context(), []ci.RunsQuery{{Repository: stage.Search, Status: ci.Queued, Paging: ci.Paging{First: 5, After: after}}})
		return gitLabFirst(t, found, errs)
	}
	gitLabCosts(t, s, 5, "the newest", func() {
		if p := ask(""); len(p.Items) != 1 || p.Items[0].Key != queued[1] || !p.Next || p.Total != nil {
			t.Errorf("%+v", p)
		}
	})
	whole := ci.RunsQuery{Repository: stage.Search, Status: ci.Succeeded, Paging: ci.Paging{First: 100}}
	seen := 0
	for range 20 {
		found, errs := d.RunPages(t.Context(), []ci.RunsQuery{whole})
		p := gitLabFirst(t, found, errs)
		if seen += len(p.Items); !p.Next {
			break
		}
		whole.Paging.After = p.Cursors[len(p.Cursors)-1]
	}
	if seen != 698 {
		t.Errorf("page by page %d have succeeded", seen)
	}
}
