package demo_test

import (
	"encoding/json"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"callboard.dev/callboard/clients/github/githubtest"
	"callboard.dev/callboard/clients/gitlab/gitlabtest/ci"
	"callboard.dev/callboard/cmd/callboard/demo"
	"callboard.dev/callboard/examples"
)

func open(t *testing.T) *demo.Stage {
	t.Helper()
	s, err := demo.Open(t.Context(), t.TempDir(), slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	s.Hold()
	return s
}

func runs(t *testing.T, s *demo.Stage, repository string) []githubtest.RunState {
	t.Helper()
	out, err := s.GitHub.Runs(repository)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// build is what Jenkins says of a build.
type build struct {
	Number   int
	Result   string
	Building bool
	Actions  []struct {
		LastBuiltRevision struct{ SHA1 string }
	}
	Artifacts []struct{ RelativePath string }
}

// jenkins asks Jenkins for the newest build of a job.
func jenkins(t *testing.T, s *demo.Stage, job string) build {
	t.Helper()
	r := httptest.NewRequest(http.MethodGet, "/job/"+strings.ReplaceAll(job, "/", "/job/")+"/lastBuild/api/json", nil)
	r.SetBasicAuth(demo.JenkinsUser, s.Sources()[0].Token.Reveal())
	w := httptest.NewRecorder()
	s.Jenkins.ServeHTTP(w, r)
	var out build
	if err := json.Unmarshal(w.Body.Bytes(), &out); err != nil || w.Code != http.StatusOK {
		t.Fatalf("%s: %d %v %.200s", job, w.Code, err, w.Body)
	}
	return out
}

// When the hosts come up, open pull requests are in all states that there are, and what is over has ended as the data says.
func TestWhatIsGoingOn(t *testing.T) {
	s := open(t)
	of := func(repository string, pull int) githubtest.RunState {
		all := runs(t, s, repository)
		i := slices.IndexFunc(all, func(r githubtest.RunState) bool { return slices.Contains(r.PullRequests, pull) })
		if i < 0 {
			t.Fatalf("pull request %d of %s has no run", pull, repository)
		}
		return all[i]
	}
	if r := of("larkfold/catalogue-api", 204); r.Conclusion != "FAILURE" {
		t.Errorf("the run that failed is %+v", r)
	}
	if r := of("larkfold/tiles", 75); r.Status != "QUEUED" {
		t.Errorf("the run that waits for a machine is %+v", r)
	}
	count := map[string]int{}
	for _, name := range []string{"catalogue-api", "web-player", "tiles", "company", "service-templates"} {
		for _, r := range runs(t, s, "larkfold/"+name) {
			count[r.Conclusion]++
			if r.Attempt > 1 {
				count["again"]++
			}
		}
	}
	if count["SUCCESS"] < 30 || count["FAILURE"] < 3 || count["CANCELLED"] != 1 || count["again"] != 1 {
		t.Errorf("on GitHub runs have ended as %v", count)
	}
	if b := jenkins(t, s, "larkfold/android-app/PR-871"); !b.Building {
		t.Errorf("the build that runs is %+v", b)
	}
	if b := jenkins(t, s, "larkfold/infrastructure/PR-311"); !b.Building {
		t.Errorf("the build that waits is %+v", b)
	}
	if b := jenkins(t, s, "larkfold/payouts/PR-187"); b.Result != "UNSTABLE" {
		t.Errorf("the build with failures is %+v", b)
	}
	if b := jenkins(t, s, "larkfold/ios-app/PR-790"); b.Result != "SUCCESS" || b.Number != 2 {
		t.Errorf("the second build of a pull request is %+v", b)
	}
	b := jenkins(t, s, "larkfold/playback-api/PR-131")
	if !slices.ContainsFunc(b.Artifacts, func(a struct{ RelativePath string }) bool { return a.RelativePath == "coverage.out" }) {
		t.Errorf("the build leaves %+v", b.Artifacts)
	}
	states := map[string]int{}
	for _, project := range []string{"larkfold/data/mixes", "larkfold/data/listening-events"} {
		for _, p := range s.GitLab.Pipelines(project) {
			states[p.Status]++
			if slices.ContainsFunc(p.Jobs, func(j *ci.Job) bool { return j.Retried }) {
				states["again"]++
			}
		}
	}
	if states[ci.Success] < 20 || states[ci.Failed] != 2 || states[ci.Canceled] != 1 || states["again"] != 1 {
		t.Errorf("on GitLab pipelines are %v", states)
	}
}

// statuses asks GitHub for the statuses of a commit.
func statuses(t *testing.T, s *demo.Stage, repository, oid string) map[string][2]string {
	t.Helper()
	r := httptest.NewRequest(http.MethodGet, "/api/v3/repos/"+repository+"/commits/"+oid+"/status", nil)
	r.Header.Set("Authorization", "Bearer "+s.Sources()[0].Token.Reveal())
	w := httptest.NewRecorder()
	s.GitHub.ServeHTTP(w, r)
	var out struct {
		Statuses []struct {
			Context, State string
			TargetURL      string `json:"target_url"`
		}
	}
	if err := json.Unmarshal(w.Body.Bytes(), &out); err != nil || w.Code != http.StatusOK {
		t.Fatalf("%d %v %.200s", w.Code, err, w.Body)
	}
	of := map[string][2]string{}
	for _, one := range out.Statuses {
		of[one.Context] = [2]string{one.State, one.TargetURL}
	}
	return of
}

func revision(b build) string {
	for _, a := range b.Actions {
		if a.LastBuiltRevision.SHA1 != "" {
			return a.LastBuiltRevision.SHA1
		}
	}
	return ""
}

// Commits on GitHub lead to their builds on Jenkins: to those that were there before, and to those that come.
func TestJenkinsTellsCommits(t *testing.T) {
	s := open(t)
	const context = "continuous-integration/jenkins/pr-head"
	for job, want := range map[string][2]string{
		"larkfold/payouts/PR-187":        {"failure", examples.Jenkins + "/job/larkfold/job/payouts/job/PR-187/1/display/redirect"},
		"larkfold/infrastructure/PR-311": {"pending", examples.Jenkins + "/job/larkfold/job/infrastructure/job/PR-311/1/display/redirect"},
		"larkfold/ios-app/PR-790":        {"success", examples.Jenkins + "/job/larkfold/job/ios-app/job/PR-790/2/display/redirect"},
	} {
		repository, _, _ := strings.Cut(job, "/PR")
		if got := statuses(t, s, repository, revision(jenkins(t, s, job)))[context]; got != want {
			t.Errorf("%s: %v, want %v", job, got, want)
		}
	}
	before := jenkins(t, s, "larkfold/loudness/main")
	s.Skip(t.Context(), 12*time.Second) // it was quiet for five seconds, and runs for twenty
	s.Jenkins.Deliveries()
	now := jenkins(t, s, "larkfold/loudness/main")
	if now.Number != before.Number+1 || !now.Building {
		t.Fatalf("after %+v comes %+v", before, now)
	}
	const branch = "continuous-integration/jenkins/branch"
	if got := statuses(t, s, "larkfold/loudness", revision(now))[branch]; got[0] != "pending" {
		t.Errorf("while it is built the commit is %v", got)
	}
	s.Skip(t.Context(), 20*time.Second)
	s.Jenkins.Deliveries()
	if got := statuses(t, s, "larkfold/loudness", revision(now))[branch]; got[0] != "success" || !strings.HasSuffix(got[1], "/job/main/6/display/redirect") {
		t.Errorf("after that it is %v", got)
	}
}

// The script opens a pull request, has its checks run again where nobody else does, and merges it.
func TestScript(t *testing.T) {
	s := open(t)
	const repository = "larkfold/web-player"
	before := runs(t, s, repository)
	newest := func() githubtest.RunState { return runs(t, s, repository)[0] }
	s.Skip(t.Context(), 9*time.Second)
	if got := runs(t, s, repository); len(got) != len(before) {
		t.Fatalf("it began early: %+v", got[0])
	}
	s.Skip(t.Context(), 12*time.Second)
	if r := newest(); r.Event != "pull_request" || r.Status != "IN_PROGRESS" || r.Branch != "quiet-start" || len(r.PullRequests) != 1 {
		t.Fatalf("after 21 s: %+v", r)
	}
	s.Skip(t.Context(), 25*time.Second)
	if r := newest(); r.Conclusion != "FAILURE" || r.Attempt != 1 {
		t.Fatalf("after 46 s: %+v", r)
	}
	s.Skip(t.Context(), 30*time.Second)
	if r := newest(); r.Conclusion != "SUCCESS" || r.Attempt != 2 {
		t.Fatalf("after 76 s: %+v", r)
	}
	s.Skip(t.Context(), 60*time.Second)
	if r := newest(); r.Event != "push" || r.Branch != "main" || r.Conclusion != "SUCCESS" {
		t.Fatalf("after 136 s: %+v", r)
	}
	var page strings.Builder
	w := httptest.NewRecorder()
	s.Pages()["GET /demo"].ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/demo", nil))
	page.Write(w.Body.Bytes())
	for _, want := range []string{"Start quietly", "camille-roussel merges", "main is green", "Callboard did not run the checks again"} {
		if !strings.Contains(page.String(), want) {
			t.Errorf("the page does not say %q:\n%s", want, page.String())
		}
	}
	// And again, four times: the next ones, and then the first as another.
	for i, branch := range []string{"midnight-rights", "embed-once", "quiet-start-2"} {
		w := httptest.NewRecorder()
		s.Pages()["POST /demo/again"].ServeHTTP(w, httptest.NewRequest(http.MethodPost, "/demo/again", nil))
		if w.Code != http.StatusSeeOther {
			t.Fatalf("%d %s", w.Code, w.Body)
		}
		s.Skip(t.Context(), 150*time.Second)
		at := []string{"larkfold/catalogue-api", repository, repository}[i]
		all := runs(t, s, at)
		if all[0].Event != "push" || all[0].Conclusion != "SUCCESS" || all[1].Branch != branch || all[1].Attempt != 2 {
			t.Errorf("%s: %+v", branch, all[:2])
		}
	}
}

// What is merged is built on Jenkins, as what it was merged as.
func TestMergedIsBuilt(t *testing.T) {
	s := open(t)
	before := jenkins(t, s, "larkfold/intake/main")
	if err := s.Merge(t.Context(), "intake", 96); err != nil {
		t.Fatal(err)
	}
	s.Skip(t.Context(), 10*time.Second)
	if b := jenkins(t, s, "larkfold/intake/main"); b.Number != before.Number+1 || revision(b) == revision(before) || !b.Building {
		t.Errorf("after %+v comes %+v", before, b)
	}
	s.Skip(t.Context(), 3*time.Minute)
	if b := jenkins(t, s, "larkfold/intake/main"); b.Result != "SUCCESS" {
		t.Errorf("it ends as %+v", b)
	}
}

// Who runs the checks again himself is not got in the way of, and what he cancels is left to him.
func TestScriptMakesWay(t *testing.T) {
	s := open(t)
	const repository = "larkfold/web-player"
	s.Skip(t.Context(), 45*time.Second)
	if err := s.GitHub.RerunRun(repository, runs(t, s, repository)[0].ID, true, "camille-roussel"); err != nil {
		t.Fatal(err)
	}
	s.Skip(t.Context(), 8*time.Second)
	if r := runs(t, s, repository)[0]; r.Attempt != 2 {
		t.Fatalf("%+v", r)
	}
	if err := s.GitHub.CancelRun(repository, runs(t, s, repository)[0].ID); err != nil {
		t.Fatal(err)
	}
	s.Skip(t.Context(), 5*time.Minute)
	if r := runs(t, s, repository)[0]; r.Attempt != 2 || r.Conclusion != "CANCELLED" {
		t.Errorf("%+v", r)
	}
	w := httptest.NewRecorder()
	s.Pages()["GET /demo"].ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/demo", nil))
	if page := w.Body.String(); !strings.Contains(page, "Somebody has run the checks again") || !strings.Contains(page, "leaves the pull request to you") {
		t.Errorf("the page says\n%s", page)
	}
}

// What plays ends when the stage is closed.
func TestPlayEnds(t *testing.T) {
	s := open(t)
	s.Play(t.Context())
	s.Close()
}

// BenchmarkOpen is what every test that sets the stage pays.
func BenchmarkOpen(b *testing.B) {
	for b.Loop() {
		s, err := demo.Open(b.Context(), b.TempDir(), slog.New(slog.DiscardHandler))
		if err != nil {
			b.Fatal(err)
		}
		s.Close()
	}
}
