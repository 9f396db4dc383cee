package ci_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"callboard.dev/callboard/clients"
	"callboard.dev/callboard/clients/clientstest"
	"callboard.dev/callboard/clients/jenkins"
	"callboard.dev/callboard/clients/jenkins/jenkinstest"
	"callboard.dev/callboard/clients/jenkins/jenkinstest/stage"
	"callboard.dev/callboard/subgraphs/pipelines/ci"
)

const jenkinsAddress = "https://ci.larkfold.example/jenkins"

// jenkinsUser is what package clients does of a transport: the credential.
type jenkinsUser struct {
	next       http.RoundTripper
	user, word string
}

func (a jenkinsUser) RoundTrip(r *http.Request) (*http.Response, error) {
	r = r.Clone(r.Context())
	r.SetBasicAuth(a.user, a.word)
	return a.next.RoundTrip(r)
}

// jenkinsBoard is a Jenkins, and its driver, who counts requests as they come.
type jenkinsBoard struct {
	ci.Driver
	*stage.Stage
	t     *testing.T
	asked atomic.Int64
}

func (b *jenkinsBoard) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	b.asked.Add(1)
	b.Stage.ServeHTTP(w, r)
}

func onJenkins(t *testing.T, settings jenkinstest.Settings) *jenkinsBoard {
	t.Helper()
	settings.Address = jenkinsAddress
	b := &jenkinsBoard{Stage: stage.Set(t, settings), t: t}
	b.Driver = ci.NewJenkins(jenkinsClient(t, b))
	return b
}

func jenkinsClient(t testing.TB, h http.Handler) *jenkins.Client {
	t.Helper()
	address, _ := url.Parse(jenkinsAddress)
	client, err := jenkins.New("jenkins", address, &http.Client{Transport: jenkinsUser{clientstest.Transport{Handler: h}, stage.Ada, stage.AdaToken}})
	if err != nil {
		t.Fatal(err)
	}
	return client
}

// costs checks how many requests were made since it was last called.
func (b *jenkinsBoard) costs(want int64, what string) {
	b.t.Helper()
	if got := b.asked.Swap(0); got != want {
		b.t.Errorf("%s: %d requests, want %d", what, got, want)
	}
}

func (b *jenkinsBoard) must(err error) {
	b.t.Helper()
	if err != nil {
		b.t.Fatal(err)
	}
}

// jenkinsOne returns the only answer of a method of the driver.
func jenkinsOne[Q, V any](b *jenkinsBoard, ask func(context.Context, []Q) ([]V, []error), q Q) V {
	b.t.Helper()
	out, errs := ask(b.t.Context(), []Q{q})
	if errs[0] != nil {
		b.t.Fatalf("%v: %v", q, errs[0])
	}
	return out[0]
}

// jenkinsFails checks the error of a method of the driver, and that it names the source.
func jenkinsFails[Q, V any](b *jenkinsBoard, ask func(context.Context, []Q) ([]V, []error), q Q, kind error) {
	b.t.Helper()
	_, errs := ask(b.t.Context(), []Q{q})
	b.isKind(fmt.Sprint(q), errs[0], kind)
}

func (b *jenkinsBoard) isKind(what string, err, kind error) {
	b.t.Helper()
	if e := clients.Of(err); !errors.Is(err, kind) || e == nil || e.Source != "jenkins" {
		b.t.Errorf("%s: %v, want %v", what, err, kind)
	}
}

func TestJenkinsRuns(t *testing.T) {
	b := onJenkins(t, jenkinstest.Settings{})
	got, errs := b.Runs(t.Context(), []string{stage.Main + "#3", stage.Main + "#2", stage.Nightly + "#1", stage.Lint + "#1", stage.Main + "#99", "none#1"})
	b.costs(6+1, "six builds, and one request for what their jobs are in")
	for i := range 4 {
		b.must(errs[i])
	}
	b.isKind("no build", errs[4], clients.ErrNotFound)
	b.isKind("no job", errs[5], clients.ErrNotFound)
	main, unstable, nightly, lint := got[0], got[1], got[2], got[3]
	began := stage.Now.Add(-time.Hour)
	if main.Key != stage.Main+"#3" || main.Pipeline != "music/search" || main.PipelineName != "search" || main.Number != 3 || main.Title != "Rank by plays" || main.URL != jenkinsAddress+"/job/music/job/search/job/main/3/" {
		t.Errorf("%+v", main)
	}
	if main.Status != ci.Succeeded || main.Word != "SUCCESS" || main.Trigger != ci.ByPush || main.TriggerWord != "Push event to branch main" || main.Actor != nil {
		t.Errorf("%+v", main)
	}
	if main.Branch != "main" || main.Commit != stage.Head || main.Remote != stage.Remote || main.Repository != "" || main.PullRequest != 0 {
		t.Errorf("%+v", main)
	}
	if !main.StartedAt.Equal(began) || !main.FinishedAt.Equal(began.Add(100*time.Second)) || *main.Duration != 100*time.Second || !main.CreatedAt.Equal(began) || *main.Estimate != 100*time.Second {
		t.Errorf("%+v", main)
	}
	if *main.Tests != (ci.TestCounts{Total: 3, Passed: 2, Skipped: 1}) || main.Reruns != (ci.Reruns{All: true}) || main.Stages != nil || main.Lasts() == nil {
		t.Errorf("%+v", main)
	}
	if unstable.Status != ci.Unstable || *unstable.Tests != (ci.TestCounts{Total: 3, Passed: 1, Failed: 1, Skipped: 1}) || unstable.Commit != stage.Old {
		t.Errorf("%+v", unstable)
	}
	if nightly.Pipeline != stage.Nightly || nightly.Branch != "main" || nightly.Trigger != ci.BySchedule {
		t.Errorf("%+v", nightly)
	}
	if lint.Pipeline != stage.Lint || lint.Trigger != ci.ByPipeline || lint.Remote != "" || lint.Commit != "" || lint.Tests != nil {
		t.Errorf("%+v", lint)
	}
}

// A pull request's job tells its number, also where only its page does.
func TestJenkinsPullRequests(t *testing.T) {
	b := onJenkins(t, jenkinstest.Settings{})
	b.must(b.Past(stage.Pull, stage.Now.Add(-time.Hour), stage.Broken(), jenkinstest.Trigger{}))
	for name, number := range map[string]int{"MR-12": 12, "PR-9-merge": 9, "PR-x": 0, "fix": 31} {
		job := jenkinstest.Job{Remote: stage.Remote, Head: stage.Head}
		if number == 31 {
			job.Object = &jenkinstest.Object{Title: "Fix it", URL: "https://git.larkfold.example/larkfold/search/-/merge_requests/31"}
		}
		full, err := b.AddBranch("music/search", name, job)
		b.must(err)
		b.must(b.Past(full, stage.Now.Add(-30*time.Minute), stage.Good(), jenkinstest.Trigger{}))
		run := jenkinsOne(b, b.Runs, full+"#1")
		if name == "fix" { // the page of the branch's job is not told with a build
			page := jenkinsOne(b, b.RunPages, ci.RunsQuery{Pipeline: "music/search", Paging: ci.Paging{First: 100}})
			run = page.Items[slices.IndexFunc(page.Items, func(r *ci.Run) bool { return r.Key == full+"#1" })]
			if run.Title != "Fix it" {
				t.Errorf("%+v", run)
			}
		}
		if run.PullRequest != number || (run.Branch != "") != (number == 0) || run.Pipeline != "music/search" {
			t.Errorf("%s: %+v", name, run)
		}
	}
	run := jenkinsOne(b, b.Runs, stage.Pull+"#1")
	if run.PullRequest != 7 || run.Branch != "" || run.Trigger != ci.ByPullRequest || run.Status != ci.Failed || run.Commit != stage.Head {
		t.Errorf("%+v", run)
	}
}

// What was started is one key from the queue to the end, also when Jenkins has forgotten the item.
func TestJenkinsQueue(t *testing.T) {
	b := onJenkins(t, jenkinstest.Settings{})
	queued, err := b.Start(t.Context(), ci.StartQuery{Pipeline: "music/search", Ref: "main"})
	b.must(err)
	b.costs(3, "starting a branch")
	if queued.Status != ci.Queued || queued.Pipeline != "music/search" || queued.PipelineName != "search" || queued.Branch != "main" || queued.Trigger != ci.ByHand || !queued.Reruns.Cancel || queued.Reruns.All || !strings.HasPrefix(queued.Key, stage.Main+"#q") {
		t.Fatalf("%+v", queued)
	}
	waiting := jenkinsOne(b, b.Runs, queued.Key)
	b.costs(2, "what waits")
	if waiting.Status != ci.Queued || waiting.Word != "quiet" || waiting.Key != queued.Key || waiting.Actor == nil || waiting.Actor.Login != stage.Ada || !waiting.CreatedAt.Equal(stage.Now) || waiting.Pipeline != "music/search" {
		t.Errorf("%+v", waiting)
	}
	if s := jenkinsOne(b, b.Stages, queued.Key); len(s.Stages) != 0 || s.Done {
		t.Errorf("%+v", s)
	}
	if l := jenkinsOne(b, b.Logs, ci.LogQuery{Run: queued.Key, Most: 100}); !l.Runs || l.Size != -1 || l.Text != "" {
		t.Errorf("%+v", l)
	}
	if tests := jenkinsOne(b, b.Tests, queued.Key); tests != nil {
		t.Errorf("%+v", tests)
	}
	if list := jenkinsOne(b, b.Artifacts, queued.Key); len(list) != 0 {
		t.Errorf("%+v", list)
	}
	_, err = b.Rerun(t.Context(), queued.Key)
	b.isKind("running again what waits", err, ci.ErrRefused)

	b.Pass(25 * time.Second) // 5 in the queue, 20 of building
	b.asked.Store(0)
	running := jenkinsOne(b, b.Runs, queued.Key)
	b.costs(4, "what has left the queue and runs")
	if running.Key != stage.Main+"#4" || running.Status != ci.Running || running.Word != "IN_PROGRESS" || running.Duration != nil || !running.FinishedAt.IsZero() || running.Lasts() != nil || *running.Waited != 5*time.Second ||
		!running.CreatedAt.Equal(stage.Now) || !running.StartedAt.Equal(stage.Now.Add(5*time.Second)) || running.Reruns != (ci.Reruns{Cancel: true}) || len(running.Stages) != 2 || running.Stages[1].Status != ci.Running || running.Stages[1].Duration != nil {
		t.Errorf("%+v", running)
	}
	if running.Actor == nil || running.Actor.URL != jenkinsAddress+"/user/ada/" || running.Trigger != ci.ByHand {
		t.Errorf("%+v", running)
	}
	if s := jenkinsOne(b, b.Stages, queued.Key); len(s.Stages) != 2 || s.Done {
		t.Errorf("%+v", s)
	}
	b.Pass(10 * time.Minute) // it is done, and the item forgotten
	b.asked.Store(0)
	done := jenkinsOne(b, b.Runs, queued.Key)
	b.costs(3, "what Jenkins has forgotten")
	if done.Key != stage.Main+"#4" || done.Status != ci.Succeeded || done.Number != 4 {
		t.Errorf("%+v", done)
	}
	jenkinsFails(b, b.Runs, stage.Main+"#q999", clients.ErrNotFound)
	jenkinsFails(b, b.Runs, stage.Lint+"#"+strings.TrimPrefix(queued.Key, stage.Main+"#"), clients.ErrNotFound)
}

// A build that waits for somebody's word says so.
func TestJenkinsInput(t *testing.T) {
	b := onJenkins(t, jenkinstest.Settings{})
	_, err := b.Trigger(stage.Release, jenkinstest.Trigger{})
	b.must(err)
	b.Pass(time.Minute)
	run := jenkinsOne(b, b.Runs, stage.Release+"#1")
	if run.Status != ci.Waiting || run.Word != "PAUSED_PENDING_INPUT" || run.Stages[0].Status != ci.Waiting || run.Stages[0].Jobs[0].Status != ci.Waiting || run.Duration != nil {
		t.Errorf("%+v", run)
	}
	for status, n := range map[ci.Status]int{ci.Waiting: 1, ci.Running: 0} {
		if page := jenkinsOne(b, b.RunPages, ci.RunsQuery{Pipeline: stage.Release, Status: status, Paging: ci.Paging{First: 5}}); len(page.Items) != n {
			t.Errorf("%s: %+v", status, page)
		}
	}
	if s := jenkinsOne(b, b.Stages, stage.Release+"#1"); s.Done || s.Stages[0].Status != ci.Waiting {
		t.Errorf("%+v", s)
	}
	canceled, err := b.Cancel(t.Context(), stage.Release+"#1")
	b.must(err)
	if canceled.Status != ci.Canceled || canceled.Word != "ABORTED" {
		t.Errorf("%+v", canceled)
	}
}

func TestJenkinsOverviews(t *testing.T) {
	b := onJenkins(t, jenkinstest.Settings{})
	b.must(b.AddMultibranch("music/player", ""))
	b.must(b.AddMultibranch("empty", ""))
	_, err := b.AddBranch("music/player", "main", jenkinstest.Job{})
	b.must(err)
	master, err := b.AddBranch("music/player", "master", jenkinstest.Job{})
	b.must(err)
	b.must(b.Past(master, stage.Now.Add(-time.Hour), stage.Broken(), jenkinstest.Trigger{}))
	b.must(b.ChangeJob(stage.Deploy, func(j *jenkinstest.Job) { j.Disabled = true }))
	names := []string{"music/search", stage.Main, stage.Nightly, stage.Lint, stage.Deploy, "music/player", "empty", "music", "no/such", "../x", "a#b"}
	for i := range 9 {
		name := fmt.Sprintf("music/tools/more-%d", i)
		b.must(b.AddJob(name, jenkinstest.Job{Plans: []jenkinstest.Plan{stage.Good()}}))
		b.must(b.Past(name, stage.Now.Add(-time.Hour), stage.Good(), jenkinstest.Trigger{}))
		names = append(names, name)
	}
	got, errs := b.Overviews(t.Context(), names)
	b.costs(1, "twenty jobs")
	for i := 11; i < 20; i++ {
		b.must(errs[i])
		if p := got[i][0]; p.Key != names[i] || p.Latest.Key != names[i]+"#1" || p.Latest.Pipeline != names[i] || p.Latest.Status != ci.Succeeded {
			t.Errorf("%+v", p)
		}
	}
	b.isKind("a folder", errs[7], ci.ErrInvalid)
	b.isKind("no job", errs[8], clients.ErrNotFound)
	b.isKind("no name", errs[9], ci.ErrInvalid)
	b.isKind("no job", errs[10], clients.ErrNotFound) // "#" is written %23 in names
	for i := range 7 {
		b.must(errs[i])
		if len(got[i]) != 1 || got[i][0].Key != names[i] {
			t.Fatalf("%s: %+v", names[i], got[i])
		}
	}
	search, main, nightly, deploy, player, empty := got[0][0], got[1][0], got[2][0], got[4][0], got[5][0], got[6][0]
	if search.Name != "search" || search.Branch != "main" || search.Latest.Key != stage.Main+"#3" || search.Latest.Pipeline != "music/search" || search.Latest.Branch != "main" || search.Disabled || search.URL != jenkinsAddress+"/job/music/job/search/" {
		t.Errorf("%+v", search)
	}
	if main.Latest.Key != stage.Main+"#3" || main.Latest.Pipeline != stage.Main || nightly.Latest.Status != ci.Succeeded || nightly.Branch != "main" {
		t.Errorf("%+v %+v", main, nightly)
	}
	if !deploy.Disabled || deploy.Latest != nil || deploy.Branch != "" {
		t.Errorf("%+v", deploy)
	}
	if player.Branch != "master" || player.Latest.Status != ci.Failed || player.Latest.Branch != "master" {
		t.Errorf("%+v", player)
	}
	if empty.Branch != "" || empty.Latest != nil || empty.Disabled {
		t.Errorf("%+v", empty)
	}
	b.must(b.Remove(master))
	if p := jenkinsOne(b, b.All, "music/player"); p[0].Branch != "main" || p[0].Latest != nil {
		t.Errorf("%+v", p[0])
	}
	many := slices.Repeat([]string{stage.Lint}, 100)
	b.asked.Store(0)
	_, errs = b.Overviews(t.Context(), many)
	b.must(errors.Join(errs...))
	b.costs(3, "a hundred names")
}

func TestJenkinsPipelines(t *testing.T) {
	b := onJenkins(t, jenkinstest.Settings{})
	deploy := jenkinsOne(b, b.Pipelines, stage.Deploy)
	b.costs(1, "a job")
	if got := fmt.Sprintf("%+v", deploy.Parameters); got != "[{Name:ENVIRONMENT Description:Where to Default:staging Required:false Secret:false Choices:[staging production]} {Name:VERSION Description: Default:latest Required:false Secret:false Choices:[]} "+
		"{Name:DRY_RUN Description: Default:true Required:false Secret:false Choices:[true false]} {Name:PASSWORD Description: Default: Required:false Secret:true Choices:[]}]" {
		t.Error(got)
	}
	b.must(b.ChangeJob(stage.Main, func(j *jenkinstest.Job) { j.Parameters = []jenkinstest.Parameter{{Name: "FAST", Flag: true}} }))
	search := jenkinsOne(b, b.Pipelines, "music/search")
	b.costs(2, "a multibranch project")
	if search.Branch != "main" || search.Latest.Number != 3 || len(search.Parameters) != 1 || search.Parameters[0].Name != "FAST" {
		t.Errorf("%+v", search)
	}
	jenkinsFails(b, b.Pipelines, "music", ci.ErrInvalid)
	jenkinsFails(b, b.Pipelines, "none", clients.ErrNotFound)
	b.asked.Store(0)
	for _, key := range []string{"", "/", "a//b", "..", "a/../b", "a#1", "job?x", " a", strings.Repeat("a", 2000)} {
		jenkinsFails(b, b.Pipelines, key, ci.ErrInvalid)
	}
	b.costs(0, "what names nothing")
}

func TestJenkinsKeyAt(t *testing.T) {
	for address, want := range map[string]string{
		jenkinsAddress + "/job/music/job/search/job/main/3/":                          stage.Main + "#3",
		jenkinsAddress + "/job/music/job/search/job/main/3/display/redirect":          stage.Main + "#3",
		jenkinsAddress + "/job/music/job/search/job/main/3/console":                   stage.Main + "#3",
		jenkinsAddress + "/job/music/job/search/job/main/3":                           stage.Main + "#3",
		jenkinsAddress + "/view/all/job/nightly%20report/1/":                          stage.Nightly + "#1",
		jenkinsAddress + "/job/music/job/search/job/feature%252Franking/12/?page=1#x": stage.Feature + "#12",
		"http://CI.larkfold.example/jenkins/job/app/5/":                               "app#5",
		jenkinsAddress + "/job/music/job/search/job/main/":                            "",
		jenkinsAddress + "/job/music/job/search/job/main/display/redirect":            "",
		jenkinsAddress + "/job/music/job/search/job/main/lastBuild/":                  "",
		"https://ci.larkfold.example/job/app/5/":                                      "",
		"https://ci.larkfold.example/jenkins2/job/app/5/":                             "",
		"https://other.larkfold.example/jenkins/job/app/5/":                           "",
		"ftp://ci.larkfold.example/jenkins/job/app/5/":                                "",
		jenkinsAddress + "/job/a%2Fb/5/":                                              "",
		jenkinsAddress + "/job/../5/":                                                 "",
		"https://ci.larkfold.example:8443/jenkins/job/app/5/":                         "",
	} {
		u, err := url.Parse(address)
		if err != nil {
			t.Fatal(err)
		}
		web, _ := url.Parse(jenkinsAddress)
		if key, ok := ci.JenkinsKeyAt(u, web); key != want || ok != (want != "") {
			t.Errorf("%s: %q, %v", address, key, ok)
		}
	}
}

// What is remembered of a branch is found by the name of its job, whatever the branch is called.
func TestJenkinsOutdated(t *testing.T) {
	address, _ := url.Parse(jenkinsAddress)
	source, err := clients.Open(clients.Settings{Name: "ci", Kind: "jenkins", Address: address}, clients.Shared{})
	if err != nil {
		t.Fatal(err)
	}
	defer source.Close()
	s := ci.New(ci.Jenkins, address, nil, source, ci.NewJenkins(jenkinsClient(t, http.NotFoundHandler())))
	job := jenkins.BranchJob("music/search", "Fix#12")
	if byName, byKey := s.Outdated(job), s.Outdated(ci.OwnerOf(job+"#3")); byName[0] != byKey[0] {
		t.Errorf("%v, %v", byName, byKey)
	}
}
