package gitlab_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"callboard.dev/callboard/clients/gitlab"
	"callboard.dev/callboard/clients/gitlab/gitlabtest"
	"callboard.dev/callboard/clients/gitlab/gitlabtest/ci"
	"callboard.dev/callboard/clients/gitlab/gitlabtest/stage"
	official "gitlab.com/gitlab-org/api/client-go/v2"
)

// TestPipelineEvents lets a pipeline of a merge request run and reads all that GitLab tells of it, which GitLab's own client can read too.
func TestPipelineEvents(t *testing.T) {
	now := newClock()
	accepts := roundTrip(func(r *http.Request) (*http.Response, error) {
		return &http.Response{StatusCode: 200, Body: http.NoBody, Request: r}, nil
	})
	s := stage.Set(t, gitlabtest.Settings{Now: now.Now, Address: "https://gitlab.larkfold.example", Client: &http.Client{Transport: accepts}})
	if _, err := s.AddHook(stage.Search, gitlabtest.Hook{URL: "https://callboard.example", Token: secret, Pipelines: true, Jobs: true}); err != nil {
		t.Fatal(err)
	}
	s.Run() // nobody is told
	id, err := s.RunPipeline(stage.Search, ci.Pipeline{MergeRequest: 1, User: "ada", Jobs: stage.Jobs(79, true)})
	if err != nil {
		t.Fatal(err)
	}
	now.Advance(time.Hour)
	s.Advance()
	var told []string
	var last *gitlab.PipelineEvent
	var unit *gitlab.JobEvent
	for _, d := range s.Deliveries() {
		e, err := gitlab.ParseEvent(d.Header, d.Body)
		if err != nil {
			t.Fatal(err)
		}
		if e.Project != stage.Search || string(e.Head) != s.Feature || e.Username != "ada" {
			t.Errorf("%+v", e)
		}
		switch e.Kind {
		case "pipeline":
			var theirs official.PipelineEvent
			if err := json.Unmarshal(d.Body, &theirs); err != nil || theirs.ObjectAttributes.ID != id {
				t.Errorf("GitLab's client: %+v, %v", theirs, err)
			}
			if e.Pipeline == nil || e.Job != nil || e.Pipeline.ID != id || e.Number != 1 || e.Ref != "refs/heads/feature/ranking" {
				t.Fatalf("%+v", e)
			}
			last = e.Pipeline
			told = append(told, "# "+e.Pipeline.Status)
		case "build":
			var theirs official.JobEvent
			if err := json.Unmarshal(d.Body, &theirs); err != nil || theirs.PipelineID != id {
				t.Errorf("GitLab's client: %+v, %v", theirs, err)
			}
			if e.Job == nil || e.Pipeline != nil || e.Job.Pipeline != id || e.Number != 1 || e.Ref != "refs/merge-requests/1/head" {
				t.Fatalf("%+v", e)
			}
			if e.Job.Name == "unit" {
				unit = e.Job
			}
			told = append(told, e.Job.Name+" "+e.Job.Status)
		}
	}
	const want = "# created, compile created, unit created, style created, production created, compile pending, # pending, compile running, # running, compile success, unit pending, style pending, " +
		"unit running, style running, style failed, unit failed, production skipped, # failed"
	if got := strings.Join(told, ", "); got != want {
		t.Errorf("told:\n%s\nwant\n%s", got, want)
	}
	if last.Number == 0 || last.Source != "merge_request_event" || last.User.Username != "ada" || !last.CreatedAt.Equal(stage.Now) || !last.FinishedAt.Equal(stage.Now.Add(74*time.Second)) ||
		last.Duration != 70*time.Second || last.Queued != 2*time.Second || len(last.Stages) != 3 || last.Stages[1].Name != "test" || last.URL != fmt.Sprintf("https://gitlab.larkfold.example/larkfold/platform/search/-/pipelines/%d", id) {
		t.Errorf("pipeline: %+v", last)
	}
	if len(last.Jobs) != 4 || last.Jobs[2].Name != "unit" || last.Jobs[2].Failure != "script_failure" || last.Jobs[2].Duration != time.Minute || last.Jobs[2].Runner != "runner-1" || !last.Jobs[0].Manual {
		t.Errorf("jobs: %+v", last.Jobs[2])
	}
	if unit.Status != "failed" || unit.Failure != "script_failure" || unit.Stage != "test" || unit.Duration != time.Minute || unit.Queued != 2*time.Second || unit.Runner != "runner-1" || fmt.Sprint(unit.Tags) != "[linux]" ||
		!unit.FinishedAt.Equal(stage.Now.Add(74*time.Second)) || unit.URL != fmt.Sprintf("https://gitlab.larkfold.example/larkfold/platform/search/-/jobs/%d", unit.ID) || string(unit.SHA) != s.Feature || unit.Retries != 0 {
		t.Errorf("job: %+v", unit)
	}
	// A child says what has begun it, and a retried job how often it was.
	if _, err := on(t, s, stage.AdaToken).RetryJob(t.Context(), gitlab.JobNumber{Project: stage.Search, ID: unit.ID}); err != nil {
		t.Fatal(err)
	}
	now.Advance(time.Hour)
	s.Advance()
	child, retried := false, false
	for _, d := range s.Deliveries() {
		e, _ := gitlab.ParseEvent(d.Header, d.Body)
		child = child || e.Pipeline != nil && e.Pipeline.Upstream == id && e.Pipeline.From == stage.Search && e.Pipeline.Source == "parent_pipeline"
		retried = retried || e.Job != nil && e.Job.Name == "unit" && e.Job.Retries == 1 && e.Job.Status == "success" && e.Job.Failure == ""
	}
	if !child || !retried {
		t.Errorf("child %v, retried %v", child, retried)
	}
}

// event reads an event of a kind from a body.
func event(body string) (*gitlab.Event, error) {
	return gitlab.ParseEvent(http.Header{"X-Gitlab-Event": {"Some Hook"}, "Idempotency-Key": {"1"}}, []byte(body))
}

// TestOddEvents reads events of other versions, and such as no GitLab sends.
func TestOddEvents(t *testing.T) {
	e, err := event(`{"object_kind":"build","ref":"v1","tag":true,"sha":"` + someCommit + `","build_id":7,"build_status":"running","build_created_at":"2021-02-23 02:41:37 UTC",
		"build_started_at":"2021-02-23T02:41:38.5Z","build_duration":1.5,"user":{"name":"X"},"project_id":3}`)
	if err != nil || e.Ref != "refs/tags/v1" || !e.Job.Tag || e.Job.CreatedAt.Unix() != 1614048097 || e.Job.StartedAt.Unix() != 1614048098 || e.Job.Duration != 1500*time.Millisecond || e.Job.User != nil || e.Job.Failure != "" {
		t.Errorf("%+v, %v", e, err)
	}
	e, err = event(`{"object_kind":"pipeline","object_attributes":{"id":"8","iid":[],"status":"SUCCESS","stages":["a",1,null],"duration":-5,"queued_duration":1e300,"created_at":"2016-08-12 15:23:28 PST","ref":"a..b"},
		"merge_request":"x","user":7,"builds":[null,{"id":1,"status":{},"manual":"true"},3],"source_pipeline":{"pipeline_id":3,"project":{"path_with_namespace":"../x"}},"project":{"path_with_namespace":"a/b"}}`)
	if err != nil || e.Pipeline.ID != 8 || e.Pipeline.Status != "success" || e.Pipeline.Duration != 0 || e.Pipeline.Queued != 0 || !e.Pipeline.CreatedAt.IsZero() || e.Ref != "" || e.Pipeline.Upstream != 3 || e.Pipeline.From != "" {
		t.Errorf("%+v, %v", e, err)
	}
	e, err = event(`{"object_kind":"pipeline","object_attributes":{"id":8},"builds":[` + strings.Repeat(`{"id":1},`, 5000) + `{"id":2}]}`)
	if err != nil || len(e.Pipeline.Jobs) != 1000 {
		t.Errorf("%v", err)
	}
	for _, body := range []string{`{"object_kind":"pipeline","object_attributes":7}`, `{"object_kind":"build","build_id":{}}`, `{"object_kind":"build"}`} {
		if e, err := event(body); err != nil || e.Pipeline == nil && e.Job == nil {
			t.Errorf("%s: %+v, %v", body, e, err)
		}
	}
}

// FuzzCIEvent reads events of any kind: they may be refused, and what is read is within bounds.
func FuzzCIEvent(f *testing.F) {
	f.Add(`{"object_kind":"pipeline","object_attributes":{"id":8,"status":"failed","stages":["a"],"created_at":"2016-08-12 15:23:28 UTC"},"merge_request":{"iid":1},"builds":[{"id":1,"runner":{"description":"x"}}]}`)
	f.Add(`{"object_kind":"build","build_id":7,"build_status":"failed","runner":{"tags":["x"]},"build_duration":"1e400"}`)
	f.Add(`{"object_kind":"build","tag":true,"ref":"refs/heads/x"}`)
	f.Add(`[]`)
	f.Fuzz(func(t *testing.T, body string) {
		e, err := event(body)
		if err != nil {
			return
		}
		if (e.Kind == "pipeline") != (e.Pipeline != nil) || (e.Kind == "build") != (e.Job != nil) {
			t.Fatalf("%+v", e)
		}
		if p := e.Pipeline; p != nil && (len(p.Jobs) > 1000 || len(p.Stages) > 100 || p.Duration < 0 || p.Queued < 0) {
			t.Fatalf("%+v", p)
		}
		if j := e.Job; j != nil && (j.Duration < 0 || j.Queued < 0 || len(j.Tags) > 50 || len(j.URL) > 1024) {
			t.Fatalf("%+v", j)
		}
	})
}
