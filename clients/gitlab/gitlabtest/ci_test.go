package gitlabtest_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"callboard.dev/callboard/clients/clientstest"
	"callboard.dev/callboard/clients/gitlab/gitlabtest"
	"callboard.dev/callboard/clients/gitlab/gitlabtest/ci"
	"callboard.dev/callboard/clients/gitlab/gitlabtest/stage"
	official "gitlab.com/gitlab-org/api/client-go/v2"
)

const searchAPI = "/api/v4/projects/larkfold%2Fplatform%2Fsearch"

// ciDocumented are fields of GitLab's answers about CI that its client for Go leaves out, by where they are.
var ciDocumented = map[string][]string{
	"pipeline": {"iid", "source", "created_at", "updated_at", "web_url"},
	"author":   {"avatar_url", "web_url", "locked", "public_email"}, // of a commit status
	"runner":   {"ip_address", "paused", "runner_type", "online", "created_by", "created_at", "status", "job_execution_status"},
	"":         {"erased_at", "archived", "runner_manager", "raw", "suite_error", "imported", "imported_from", "commands_changes", "ci_job_token_scope_enabled", "project"},
}

// cleaned returns JSON without the documented fields.
func cleaned(t *testing.T, text []byte) []byte {
	t.Helper()
	var value any
	if err := json.Unmarshal(text, &value); err != nil {
		t.Fatal(err)
	}
	var clean func(any, string, bool)
	clean = func(v any, key string, job bool) {
		switch v := v.(type) {
		case map[string]any:
			_, hasStage := v["stage"]
			_, bridge := v["downstream_pipeline"]
			for name, inner := range v {
				if key != "" && slices.Contains(ciDocumented[key], name) && (key != "pipeline" || job) || slices.Contains(ciDocumented[""], name) && (name != "erased_at" || !bridge) {
					delete(v, name)
					continue
				}
				clean(inner, name, hasStage && !bridge)
			}
		case []any:
			for _, inner := range v {
				clean(inner, key, job)
			}
		}
	}
	clean(value, "", false)
	return without(t, clientstest.JSON(value))
}

// TestOfficialClientCI checks that the structs of GitLab's own client for Go take every answer about CI, and know every field of it.
func TestOfficialClientCI(t *testing.T) {
	s := stage.Set(t, gitlabtest.Settings{})
	ran := s.Run()
	if w := send(s, "POST", searchAPI+"/merge_requests/1/notes", stage.AdaToken, `{"body":"Hello"}`); w.Code != 201 {
		t.Fatal(w.Body)
	}
	unit := int64(0)
	for _, p := range s.Server.Pipelines(stage.Search) {
		if p.ID == ran.Failed {
			unit = p.Jobs[1].ID
		}
	}
	failed, newest := fmt.Sprintf("%s/pipelines/%d", searchAPI, ran.Failed), fmt.Sprintf("%s/pipelines/%d", searchAPI, ran.Old[2])
	for path, into := range map[string]any{
		searchAPI + "/pipelines":                                  new([]*official.PipelineInfo),
		searchAPI + "/pipelines/latest?ref=main":                  new(official.Pipeline),
		failed:                                                    new(official.Pipeline),
		failed + "/jobs?include_retried=true":                     new([]*official.Job),
		newest + "/bridges":                                       new([]*official.Bridge),
		failed + "/variables":                                     new([]*official.PipelineVariable),
		failed + "/test_report":                                   new(official.PipelineTestReport),
		failed + "/test_report_summary":                           new(official.PipelineTestReportSummary),
		searchAPI + "/jobs":                                       new([]*official.Job),
		fmt.Sprintf("%s/jobs/%d", searchAPI, unit):                new(official.Job),
		searchAPI + "/repository/commits/" + s.Head + "/statuses": new([]*official.CommitStatus),
		searchAPI + "/merge_requests/1/notes":                     new([]*official.Note),
		searchAPI + "/merge_requests/1/pipelines":                 new([]*official.PipelineInfo),
		searchAPI + "/merge_requests/1":                           new(official.MergeRequest),
	} {
		w := ask(s, "GET", path, stage.AdaToken)
		if w.Code != http.StatusOK {
			t.Errorf("%s: %d %s", path, w.Code, w.Body)
			continue
		}
		if w.Body.String() == "[]" || w.Body.String() == "[]\n" {
			t.Errorf("%s: nothing", path)
		}
		if err := json.Unmarshal(w.Body.Bytes(), into); err != nil {
			t.Errorf("%s: %v", path, err)
			continue
		}
		strict := json.NewDecoder(strings.NewReader(string(cleaned(t, w.Body.Bytes()))))
		strict.DisallowUnknownFields()
		if err := strict.Decode(into); err != nil {
			t.Errorf("%s: %v\n%s", path, err, w.Body)
		}
	}
}

// TestCIRules checks what GitLab refuses, and how, and what it says around its lists.
func TestCIRules(t *testing.T) {
	s := stage.Set(t, gitlabtest.Settings{})
	ran := s.Run()
	if err := s.AddToken(gitlabtest.Token{Value: "glpat-max", Username: "max"}); err != nil {
		t.Fatal(err)
	}
	if err := s.AddToken(gitlabtest.Token{Value: "glpat-reads", Username: "ada", Scopes: []string{"read_api"}}); err != nil {
		t.Fatal(err)
	}
	failed := fmt.Sprintf("%s/pipelines/%d", searchAPI, ran.Failed)
	var skipped, unit int64
	for _, p := range s.Server.Pipelines(stage.Search) {
		if p.ID == ran.Failed {
			unit, skipped = p.Jobs[1].ID, p.Jobs[4].ID
		}
	}
	job := fmt.Sprintf("%s/jobs/%d", searchAPI, unit)
	player := "/api/v4/projects/larkfold%2Fapps%2Fplayer"
	for _, test := range []struct {
		method, path, token, body string
		status                    int
		says                      string
	}{
		{"GET", player + "/pipelines", "", "", 200, `"status":"success"`},
		{"GET", player + "/jobs", "", "", 401, "401 Unauthorized"},
		{"GET", searchAPI + "/pipelines", "", "", 404, "404 Project Not Found"},
		{"GET", searchAPI + "/pipelines", stage.OtherToken, "", 404, "404 Project Not Found"},
		{"GET", searchAPI + "/pipelines?status=broken", stage.AdaToken, "", 400, "status does not have a valid value"},
		{"GET", searchAPI + "/pipelines?scope=all", stage.AdaToken, "", 400, "scope does not have a valid value"},
		{"GET", searchAPI + "/pipelines?order_by=name", stage.AdaToken, "", 400, "order_by does not have a valid value"},
		{"GET", searchAPI + "/pipelines/x", stage.AdaToken, "", 400, "pipeline_id is invalid"},
		{"GET", searchAPI + "/pipelines/1", stage.AdaToken, "", 404, "404 Not found"},
		{"GET", searchAPI + "/pipelines/latest?ref=old", stage.AdaToken, "", 403, "403 Forbidden"},
		{"GET", failed + "/variables", stage.AdaToken, "", 200, `"key":"LEVEL"`},
		{"GET", failed + "/variables", "glpat-max", "", 403, "403 Forbidden"},
		{"GET", failed + "/jobs?scope[]=none", stage.AdaToken, "", 400, "scope does not have a valid value"},
		{"GET", failed, stage.AdaToken, "", 200, `"coverage":"79.00"`},
		{"GET", searchAPI + "/jobs/1/trace", stage.AdaToken, "", 404, "404 Not found"},
		{"POST", failed + "/retry", "glpat-max", "", 403, "403 Forbidden"},
		{"POST", failed + "/cancel", stage.OtherToken, "", 404, "404 Project Not Found"},
		{"POST", failed + "/retry", "glpat-reads", "", 403, "insufficient_scope"},
		{"POST", failed + "/retry", "", "", 401, "401 Unauthorized"},
		{"POST", fmt.Sprintf("%s/jobs/%d/retry", searchAPI, skipped), stage.AdaToken, "", 403, "403 Forbidden - Job is not retryable"},
		{"POST", job + "/play", stage.AdaToken, "", 400, "400 Bad request - Unplayable Job"},
		{"POST", job + "/cancel", stage.AdaToken, "", 201, `"status":"failed"`},
		{"POST", searchAPI + "/pipeline", stage.AdaToken, "", 400, "ref is missing"},
		{"POST", searchAPI + "/pipeline?ref=none", stage.AdaToken, "", 400, `{"message":{"base":["Reference not found"]}}`},
		{"POST", searchAPI + "/pipeline", stage.AdaToken, `{"ref":"main","variables":[{"key":"A","value":"1","variable_type":"x"}]}`, 400, "does not have a valid value"},
		{"POST", searchAPI + "/merge_requests/1/pipelines", stage.AdaToken, "", 200, `"ref":"refs/merge-requests/1/head"`},
		{"POST", searchAPI + "/merge_requests/1/pipelines", "glpat-max", "", 403, "403 Forbidden"},
		{"POST", searchAPI + "/merge_requests/99/pipelines", stage.AdaToken, "", 404, "404"},
		{"POST", searchAPI + "/merge_requests/3/pipelines", stage.AdaToken, "", 405, "405 Method Not Allowed"},
		{"POST", searchAPI + "/statuses/" + s.Head, stage.AdaToken, `{"state":"done"}`, 400, "state does not have a valid value"},
		{"POST", searchAPI + "/statuses/0123456789012345678901234567890123456789", stage.AdaToken, `{"state":"success"}`, 404, "404 Commit Not Found"},
		{"POST", searchAPI + "/statuses/" + s.Head, stage.AdaToken, `{"state":"running","name":"x"}`, 201, `"status":"running"`},
		{"POST", searchAPI + "/statuses/" + s.Head, stage.AdaToken, `{"state":"running","name":"x"}`, 400, "Cannot transition status via :run from :running"},
		{"POST", searchAPI + "/merge_requests/1/notes", stage.AdaToken, `{"body":" "}`, 400, "body is missing"},
		{"POST", failed + "/retry", stage.AdaToken, "", 201, `"status":"running"`},
		{"POST", failed + "/cancel", stage.AdaToken, "", 200, `"status":"canceled"`},
	} {
		w := send(s, test.method, test.path, test.token, test.body)
		if w.Code != test.status || !strings.Contains(w.Body.String(), test.says) {
			t.Errorf("%s %s %s: %d %s, want %d %s", test.method, test.path, test.body, w.Code, w.Body, test.status, test.says)
		}
	}
	h := ask(s, "GET", searchAPI+"/pipelines?per_page=2&page=2", stage.AdaToken).Header()
	if h.Get("X-Total") != "5" || h.Get("X-Total-Pages") != "3" || h.Get("X-Next-Page") != "3" || h.Get("X-Prev-Page") != "1" || !strings.Contains(h.Get("Link"), `rel="first"`) {
		t.Errorf("pages: %v", h)
	}
	if h := ask(s, "GET", searchAPI+"/jobs?per_page=2", stage.AdaToken).Header(); h.Get("X-Total") != "" || h.Get("X-Next-Page") != "2" {
		t.Errorf("pages of jobs: %v", h)
	}
	w := ask(s, "GET", job+"/trace", stage.AdaToken, "Range", "bytes=0-9")
	if w.Code != 200 || w.Body.Len() != 16_000 || w.Header().Get("Content-Type") != "text/plain" {
		t.Errorf("a trace: %d, %d bytes, %v", w.Code, w.Body.Len(), w.Header())
	}
}

// TestPushBegins checks that a push to a project with a configuration of CI begins a pipeline, and that it goes on without anybody asking.
func TestPushBegins(t *testing.T) {
	now := stage.Now
	s := stage.Set(t, gitlabtest.Settings{Now: func() time.Time { return now }})
	if err := s.SetCI(stage.Search, []*ci.Job{{Name: "a", Duration: time.Minute}}); err != nil {
		t.Fatal(err)
	}
	s.Workshop.Write("search/new.go", "package main\n")
	pushed := s.Workshop.Commit("search", "Something new")
	if err := s.Pushed(t.Context(), stage.Search, "ada", "refs/heads/main", s.Head, pushed); err != nil {
		t.Fatal(err)
	}
	for _, step := range []struct {
		after  time.Duration
		status string
	}{{0, ci.Pending}, {3 * time.Second, ci.Running}, {time.Minute, ci.Success}} {
		now = now.Add(step.after)
		all := s.Server.Pipelines(stage.Search)
		if len(all) != 1 || all[0].Status != step.status || all[0].SHA != pushed || all[0].Source != "push" || all[0].BeforeSHA != s.Head || all[0].Ref != "main" {
			t.Errorf("after %v: %+v", step.after, all)
		}
	}
	if _, err := s.RunPipeline(stage.Search, ci.Pipeline{User: "nobody"}); err == nil {
		t.Error("a pipeline of nobody")
	}
	if _, err := s.RunPipeline(stage.Player, ci.Pipeline{User: "ada"}); err == nil {
		t.Error("a pipeline without jobs")
	}
}

// send sends a request with JSON, where there is any, and returns the answer.
func send(s http.Handler, method, path, token, body string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(method, address+path, strings.NewReader(body))
	if token != "" {
		r.Header.Set("PRIVATE-TOKEN", token)
	}
	if body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	w := httptest.NewRecorder()
	s.ServeHTTP(w, r)
	return w
}
