package githubtest_test

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"testing"
	"time"

	"callboard.dev/callboard/clients/clientstest"
	"callboard.dev/callboard/clients/github/githubtest"
)

const tilesPath = "/repos/larkfold/tiles"

// send asks REST for a change with a token, none where it is empty.
func (s *site) send(method, path, token, body string) (int, string) {
	s.t.Helper()
	request, err := http.NewRequestWithContext(s.t.Context(), method, "http://api.example"+path, strings.NewReader(body))
	must(s.t, err)
	if token != "" {
		request.Header.Set("Authorization", "Bearer "+token)
	}
	response, err := s.client().Do(request)
	must(s.t, err)
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	must(s.t, err)
	return response.StatusCode, string(text)
}

func (s *site) startBuild(jobs ...githubtest.JobPlan) string {
	s.t.Helper()
	id, err := s.StartRun(s.t.Context(), "larkfold/tiles", githubtest.Run{Workflow: "Build", By: "ada", Jobs: jobs})
	must(s.t, err)
	return strconv.Itoa(id)
}

func TestWhoMayRunAgain(t *testing.T) {
	s := newSite(t, githubtest.Settings{})
	run := s.startBuild(githubtest.JobPlan{Name: "test", Steps: []githubtest.StepPlan{{Name: "Run", Takes: time.Second}}})
	s.pass(time.Minute)
	must(t, s.AddToken("reading", githubtest.Token{Login: "ada", Permissions: map[string]string{"contents": "read"}}))
	for _, test := range []struct {
		method, path, token, body string
		status                    int
		says                      string
	}{
		{"POST", "/actions/runs/" + run + "/rerun", "", "", 401, "Requires authentication"},
		{"POST", "/actions/runs/" + run + "/rerun", "nonsense", "", 401, "Bad credentials"},
		{"POST", "/actions/runs/" + run + "/rerun", "stranger-token", "", 403, "Must have admin rights"},
		{"POST", "/actions/runs/" + run + "/rerun", "reading", "", 403, "Resource not accessible by personal access token"},
		{"POST", "/actions/runs/1/rerun", "ada-token", "", 404, "Not Found"},
		{"POST", "/actions/runs/" + run + "/cancel", "ada-token", "", 409, "Cannot cancel a workflow run that is completed."},
		{"POST", "/actions/runs/" + run + "/rerun-failed-jobs", "ada-token", "", 403, "cannot be retried"},
		{"POST", "/actions/runs/" + run + "/rerun", "ben-token", "", 201, "{}"},
		{"POST", "/actions/runs/" + run + "/rerun", "ben-token", "", 403, "already running"},
		{"POST", "/actions/runs/" + run + "/cancel", "ben-token", "", 202, "{}"},
		{"POST", "/actions/workflows/Build/dispatches", "ada-token", `{"ref":"main"}`, 422, "does not have 'workflow_dispatch' trigger"},
		{"POST", "/statuses/" + s.head, "stranger-token", `{"state":"success"}`, 404, "Not Found"},
		{"POST", "/statuses/" + s.head, "ada-token", `{"state":"good"}`, 422, "Validation Failed"},
		{"POST", "/statuses/" + s.head, "ada-token", `{`, 400, "Problems parsing JSON"},
		{"POST", "/issues/1/comments", "stranger-token", `{"body":"Me too"}`, 201, `"login":"stranger"`},
		{"POST", "/issues/1/comments", "ada-token", `{"body":" "}`, 422, "Validation Failed"},
		{"PATCH", "/issues/comments/1", "ada-token", `{"body":"x"}`, 404, "Not Found"},
	} {
		if status, text := s.send(test.method, tilesPath+test.path, test.token, test.body); status != test.status || !strings.Contains(text, test.says) {
			t.Errorf("%s %s with %q: %d %s", test.method, test.path, test.token, status, text)
		}
	}
	// Somebody else's comment is not theirs to change.
	_, text := s.get(tilesPath+"/issues/1/comments", "ada-token")
	var comments []struct{ ID int }
	must(t, json.Unmarshal([]byte(text), &comments))
	if status, text := s.send("PATCH", tilesPath+"/issues/comments/"+strconv.Itoa(comments[0].ID), "stranger-token", `{"body":"x"}`); status != 403 {
		t.Errorf("changing what another wrote: %d %s", status, text)
	}
	s.pass(40 * 24 * time.Hour)
	if status, text := s.send("POST", tilesPath+"/actions/runs/"+run+"/rerun", "ada-token", ""); status != 403 || !strings.Contains(text, "over a month ago") {
		t.Errorf("an old run: %d %s", status, text)
	}
}

// A run that was told of by its checks alone is listed, and can be run again.
func TestRunOfChecks(t *testing.T) {
	s := newSite(t, githubtest.Settings{})
	_, text := s.get(tilesPath+"/actions/runs?head_sha="+s.head, "ada-token")
	var runs struct {
		Runs []struct {
			ID         int
			Conclusion string
			Attempt    int `json:"run_attempt"`
		} `json:"workflow_runs"`
	}
	must(t, json.Unmarshal([]byte(text), &runs))
	if len(runs.Runs) != 1 || runs.Runs[0].Conclusion != "success" || runs.Runs[0].Attempt != 1 {
		t.Fatal(text)
	}
	at := tilesPath + "/actions/runs/" + strconv.Itoa(runs.Runs[0].ID)
	if status, text := s.send("POST", at+"/rerun", "ada-token", ""); status != 201 {
		t.Fatal(status, text)
	}
	if _, text := s.get(at+"/jobs?filter=all", "ada-token"); strings.Count(text, `"name":"test"`) != 2 || !strings.Contains(text, `"total_count":2`) {
		t.Errorf("jobs are %s", text)
	}
	if _, text := s.get(at, "ada-token"); !strings.Contains(text, `"run_attempt":2`) || !strings.Contains(text, `"conclusion":"success"`) {
		t.Errorf("the run is %s", text)
	}
	if got := s.data(`{ repository(owner: "larkfold", name: "tiles") { object(expression: "HEAD") { ... on Commit { checkSuites(first: 1) { nodes { checkRuns(first: 5, filterBy: {checkType: ALL}) { totalCount } latest: checkRuns(first: 5) { totalCount } workflowRun { file { path } } } } } } } }`); !strings.Contains(got, `{"checkRuns":{"totalCount":2},"latest":{"totalCount":1},"workflowRun":{"file":{"path":".github/workflows/check.yml"}}}`) {
		t.Errorf("the suite is %s", got)
	}
}

// Logs lie on another host, whose addresses hold for a minute and say all that is needed.
func TestStorage(t *testing.T) {
	s := newSite(t, githubtest.Settings{})
	run := s.startBuild(githubtest.JobPlan{Name: "test", Steps: []githubtest.StepPlan{{Name: "Run", Log: "hello"}}})
	_, text := s.get(tilesPath+"/actions/runs/"+run+"/jobs", "ada-token")
	var jobs struct{ Jobs []struct{ ID int } }
	must(t, json.Unmarshal([]byte(text), &jobs))
	at := tilesPath + "/actions/jobs/" + strconv.Itoa(jobs.Jobs[0].ID) + "/logs"
	if response, text := s.get(at, ""); response.StatusCode != 403 {
		t.Errorf("without a token: %d %s", response.StatusCode, text)
	}
	response, _ := s.get(at, "ada-token")
	address := response.Header.Get("Location")
	if response.StatusCode != 302 || !strings.HasPrefix(address, "https://storage.github.larkfold.example/logs/") {
		t.Fatal(response.StatusCode, address)
	}
	get := func(address string, header ...string) (int, string) {
		u, err := url.Parse(address)
		must(t, err)
		request := &http.Request{Method: http.MethodGet, URL: u, Header: http.Header{}}
		if len(header) > 0 {
			request.Header.Set(header[0], header[1])
		}
		response, err := clientstest.Transport{Handler: s.Storage()}.RoundTrip(request.WithContext(t.Context()))
		must(t, err)
		defer response.Body.Close()
		text, err := io.ReadAll(response.Body)
		must(t, err)
		return response.StatusCode, string(text)
	}
	if status, text := get(address); status != 200 || !strings.Contains(text, "hello") {
		t.Errorf("the log is %d %s", status, text)
	}
	if status, text := get(address, "Authorization", "Bearer ada-token"); status != 400 || strings.Contains(text, "hello") {
		t.Errorf("with a credential: %d %s", status, text)
	}
	if status, text := get(strings.Replace(address, "/logs/", "/runs/", 1)); status != 403 {
		t.Errorf("something else with its signature: %d %s", status, text)
	}
	s.pass(2 * time.Minute)
	if status, text := get(address); status != 403 {
		t.Errorf("after two minutes: %d %s", status, text)
	}
	if got := s.StorageWatch.Requests(); len(got) != 4 {
		t.Errorf("%d requests were seen", len(got))
	}
}

// What happened while nobody asked has the times at which it was due, in the order of its causes.
func TestBuildsByTheTime(t *testing.T) {
	s := newSite(t, githubtest.Settings{})
	step := func(d time.Duration) []githubtest.StepPlan { return []githubtest.StepPlan{{Name: "Run", Takes: d}} }
	run := s.startBuild(githubtest.JobPlan{Name: "a", Steps: step(10 * time.Second)}, githubtest.JobPlan{Name: "b", Needs: []string{"a"}, Queue: 3 * time.Second, Steps: step(20 * time.Second)}, githubtest.JobPlan{Name: "c", Needs: []string{"a", "b"}, Steps: step(time.Hour)})
	if next := s.Advance(); !next.Equal(today.Add(10 * time.Second)) {
		t.Errorf("next is %v", next)
	}
	s.pass(time.Minute)
	_, text := s.get(tilesPath+"/actions/runs/"+run+"/jobs", "ada-token")
	var jobs struct {
		Jobs []struct {
			Name, Status string
			Created      time.Time `json:"created_at"`
			Started      time.Time `json:"started_at"`
			Completed    time.Time `json:"completed_at"`
		}
	}
	must(t, json.Unmarshal([]byte(text), &jobs))
	b, c := jobs.Jobs[1], jobs.Jobs[2]
	if !b.Created.Equal(today.Add(10*time.Second)) || !b.Started.Equal(today.Add(13*time.Second)) || !b.Completed.Equal(today.Add(33*time.Second)) || c.Status != "in_progress" || !c.Started.Equal(today.Add(33*time.Second)) {
		t.Errorf("jobs are %+v", jobs.Jobs)
	}
	if _, err := s.StartRun(t.Context(), "larkfold/tiles", githubtest.Run{Workflow: "Wrong", By: "ada", Jobs: []githubtest.JobPlan{{Name: "a", Needs: []string{"b"}}, {Name: "b"}}}); !errors.Is(err, githubtest.ErrRefused) {
		t.Errorf("a job that needs a later one: %v", err)
	}
	if _, err := s.StartRun(t.Context(), "larkfold/tiles", githubtest.Run{Workflow: "Build", By: "ada", Branch: "none"}); err == nil {
		t.Error("a run of a branch that is not there was started")
	}
}

// What a job does when it is run again may be something else, with other logs and artifacts.
func TestRunAgainDoesSomethingElse(t *testing.T) {
	s := newSite(t, githubtest.Settings{})
	again := githubtest.JobPlan{Steps: []githubtest.StepPlan{{Name: "Run", Log: "all is well"}}, Artifacts: []githubtest.ArtifactPlan{{Name: "second", Zip: []byte("PK")}}}
	run := s.startBuild(
		githubtest.JobPlan{Name: "lint", Steps: []githubtest.StepPlan{{Name: "Run"}}},
		githubtest.JobPlan{Name: "test", Steps: []githubtest.StepPlan{{Name: "Run", Conclusion: "FAILURE", Log: "a test fails"}}, Artifacts: []githubtest.ArtifactPlan{{Name: "first", Zip: []byte("PK"), Always: true}}, Again: &again},
		githubtest.JobPlan{Name: "image", Needs: []string{"test"}, Steps: []githubtest.StepPlan{{Name: "Run"}}})
	id, err := strconv.Atoi(run)
	must(t, err)
	state := func() githubtest.RunState {
		runs, err := s.Runs("larkfold/tiles")
		must(t, err)
		return runs[0]
	}
	if r := state(); r.Conclusion != "FAILURE" || r.Jobs[2].Conclusion != "SKIPPED" {
		t.Fatalf("%+v", r)
	}
	must(t, s.RerunRun("larkfold/tiles", id, true, "ada"))
	r := state()
	if r.Conclusion != "SUCCESS" || len(r.Jobs) != 3 || r.Jobs[0].Attempt != 1 || r.Jobs[1].Attempt != 2 || r.Jobs[2].Attempt != 2 {
		t.Fatalf("%+v", r)
	}
	log, err := s.Log("larkfold/tiles", r.Jobs[1].ID)
	must(t, err)
	_, artifacts := s.get(tilesPath+"/actions/runs/"+run+"/artifacts", "ada-token")
	if !strings.Contains(log, "all is well") || strings.Count(artifacts, `"name":"first"`) != 1 || strings.Count(artifacts, `"name":"second"`) != 1 {
		t.Errorf("%s\n%s", log, artifacts)
	}
}
