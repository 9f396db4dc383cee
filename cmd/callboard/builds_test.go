package main_test

import (
	"context"
	"encoding/json"
	"math"
	"net/http"
	"net/http/httptest"
	"reflect"
	"strings"
	"testing"
	"time"
)

// building is the stage with a Callboard on it that lets everybody run pipelines, and the script as one who bears its token.
func building(t *testing.T) (*theatre, *server) {
	t.Helper()
	s := newTheatre(t)
	s.Hold()
	c := s.up(s.config("", "access:\n  anonymous: [pipelines.run]\n  tokens:\n    - {name: script, token: "+s.ScriptToken+", may: [pipelines.run]}\n"))
	return s, c
}

const runOf = `query ($url: URL!) { pipelineRun(url: $url) { id status attempt } }`

// Pull requests lead to their builds, on GitHub, GitLab and Jenkins, in all states that there are.
func TestPullRequestsLeadToBuilds(t *testing.T) {
	_, c := building(t)
	for _, want := range []struct {
		repository string
		number     int
		provider   string
		status     string
	}{
		{"larkfold/catalogue-api", 204, "GITHUB_ACTIONS", "FAILED"},
		{"larkfold/tiles", 75, "GITHUB_ACTIONS", "QUEUED"},
		{"larkfold/web-player", 409, "GITHUB_ACTIONS", "SUCCEEDED"},
		{"larkfold/data/mixes", 268, "GITLAB_CI", "CANCELED"},
		{"larkfold/data/listening-events", 143, "GITLAB_CI", "SUCCEEDED"},
		{"larkfold/android-app", 871, "JENKINS", "RUNNING"},
		{"larkfold/infrastructure", 311, "JENKINS", "WAITING"},
		{"larkfold/payouts", 187, "JENKINS", "UNSTABLE"},
	} {
		answer := c.query(`query ($name: String!, $number: Int!) { repository(nameWithOwner: $name) { pullRequest(number: $number) { pipelineRuns { nodes { status pipeline { provider } pullRequestNumber } } } } }`,
			variables(t, map[string]any{"name": want.repository, "number": want.number}))
		run := dig(answer, "data", "repository", "pullRequest", "pipelineRuns", "nodes", 0)
		if dig(run, "status") != want.status || dig(run, "pipeline", "provider") != want.provider {
			t.Errorf("%s %d: %v", want.repository, want.number, answer)
		}
	}
}

// The coverage of a pull request is compared with that of the commit where it left main, as examples/reports counts it by hand.
func TestCoverageOfThePullRequest(t *testing.T) {
	s, c := building(t)
	if err := s.Remind(t.Context()); err != nil {
		t.Fatal(err)
	}
	var change any
	until(t, "both reports are known", func() bool {
		answer := c.query(`{ repository(nameWithOwner: "larkfold/playback-api") { pullRequest(number: 131) { coverageChange { againstMergeBase isExact addedLines addedLinesCovered files { path verdict after change untestedLines } } } } }`, nil)
		change = dig(answer, "data", "repository", "pullRequest", "coverageChange")
		return dig(change, "isExact") == true
	})
	if points, _ := dig(change, "againstMergeBase").(float64); math.Abs(points+2.2397) > 0.0001 || dig(change, "addedLines") != 11.0 || dig(change, "addedLinesCovered") != 4.0 {
		t.Errorf("%v", change)
	}
	wanted := map[string]struct {
		verdict  string
		after    float64
		untested []any
	}{
		"session/session.go":        {"COMPARED", 2800.0 / 30, []any{}},
		"session/crossfade_test.go": {"NO_LINES", 0, []any{}},
		"session/crossfade.go":      {"NEW", 30, []any{11.0, 12.0, 17.0, 18.0, 19.0, 20.0, 21.0}},
	}
	files, _ := dig(change, "files").([]any)
	for _, file := range files {
		path, _ := dig(file, "path").(string)
		want, known := wanted[path]
		after, _ := dig(file, "after").(float64)
		if !known || dig(file, "verdict") != want.verdict || math.Abs(after-want.after) > 0.0001 || !reflect.DeepEqual(dig(file, "untestedLines"), want.untested) {
			t.Errorf("%v", file)
		}
		if points := dig(file, "change"); path == "session/session.go" && points != 0.0 || path != "session/session.go" && points != nil {
			t.Errorf("%s changes by %v", path, points)
		}
		delete(wanted, path)
	}
	if len(wanted) > 0 {
		t.Errorf("nothing is said of %v", wanted)
	}
}

// The script runs the checks again through the graph, as anybody may; and the run is seen to go on.
func TestScriptAsksTheGraph(t *testing.T) {
	s, c := building(t)
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	s.Skip(ctx, 49*time.Second)
	runs, err := s.GitHub.Runs("larkfold/web-player")
	if err != nil {
		t.Fatal(err)
	}
	of := variables(t, map[string]any{"url": s.RunAddress("larkfold/web-player", runs[0].ID)})
	if run := dig(c.query(runOf, of), "data", "pipelineRun"); dig(run, "status") != "FAILED" {
		t.Fatalf("at first the run is %v", run)
	}
	s.Skip(ctx, 3*time.Second)
	until(t, "the run is at its second attempt", func() bool { return dig(c.query(runOf, of), "data", "pipelineRun", "attempt") == 2.0 })
	s.Skip(ctx, 28*time.Second)
	until(t, "it has succeeded", func() bool { return dig(c.query(runOf, of), "data", "pipelineRun", "status") == "SUCCEEDED" })
	w := httptest.NewRecorder()
	s.Pages()["GET /demo"].ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/demo", nil))
	if !strings.Contains(w.Body.String(), "with the mutation rerunPipelineRun") {
		t.Errorf("Callboard was not asked to: %s", w.Body)
	}
}

func variables(t *testing.T, values map[string]any) json.RawMessage {
	t.Helper()
	out, err := json.Marshal(values)
	if err != nil {
		t.Fatal(err)
	}
	return out
}
