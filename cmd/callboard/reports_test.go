package main_test

import (
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"callboard.dev/callboard/clients/github/githubtest"
)

const coverageOf = `query ($name: String!, $oid: String) { repository(nameWithOwner: $name, host: "github.larkfold.example") { commit(ref: $oid) { coverage { origin lines coveredLines totalLines files { nodes { path lines } } } } } }`

// main is the commit that main of a repository is at.
func (s *server) main(repository string) string {
	s.t.Helper()
	answer := s.query(`query ($name: String!) { repository(nameWithOwner: $name, host: "github.larkfold.example") { headCommit { oid } } }`, json.RawMessage(`{"name":"`+repository+`"}`))
	oid, _ := dig(answer, "data", "repository", "headCommit", "oid").(string)
	if oid == "" {
		s.t.Fatalf("%v", answer)
	}
	return oid
}

// Reports are taken from who may send them, and what they say is in the graph at once.
func TestReportsAreSent(t *testing.T) {
	t.Parallel()
	s := newTheatre(t)
	s.Hold()
	c := s.up(s.config("", guarded))
	const (
		repository = "larkfold/search"
		profile    = "mode: set\nlarkfold.example/search/query/fold.go:1.1,3.2 1 1\nlarkfold.example/search/query/fold.go:5.1,5.9 1 0\n"
	)
	oid := c.main(repository)
	path := "/reports/coverage?" + url.Values{"repository": {"https://github.larkfold.example/" + repository}, "commit": {oid}, "branch": {"main"}}.Encode()
	coverage := func() any {
		return dig(c.as("", coverageOf, map[string]any{"name": repository, "oid": oid}), "data", "repository", "commit", "coverage")
	}
	for token, want := range map[string]int{"": http.StatusUnauthorized, "a guess": http.StatusUnauthorized, runnerToken: http.StatusForbidden} {
		status, out, err := c.send(http.MethodPost, path, token, "text/plain", []byte(profile))
		if err != nil || status != want || strings.Contains(string(out), "guess") || strings.Contains(string(out), runnerToken) {
			t.Errorf("with the token %q: %d %s %v", token, status, out, err)
		}
	}
	if known := coverage(); known != nil {
		t.Errorf("there is a report of who may send none: %v", known)
	}
	status, out, err := c.send(http.MethodPost, path, reporterToken, "text/plain", []byte(profile))
	if err != nil || status != http.StatusOK {
		t.Fatalf("%d %s %v", status, out, err)
	}
	known := coverage()
	if dig(known, "origin") != "REPORT" || dig(known, "coveredLines") != 3.0 || dig(known, "totalLines") != 4.0 || dig(known, "lines") != 75.0 {
		t.Errorf("%v after %s", known, out)
	}
}

// What a run leaves is fetched when a webhook tells that it is done, before anybody asks.
func TestReportsAreFetched(t *testing.T) {
	t.Parallel()
	s := newTheatre(t)
	s.Hold()
	c := s.up(s.config("", ""))
	const repository = "larkfold/tiles"
	job := holding("test")
	job[0].Artifacts = []githubtest.ArtifactPlan{{Name: "results", Files: map[string][]byte{
		"lcov.info": []byte("SF:src/grid.ts\nDA:1,1\nDA:2,0\nDA:3,4\nDA:4,1\nend_of_record\n"),
		"junit.xml": []byte(`<testsuites><testsuite name="tiles" tests="2" failures="1"><testcase classname="Tile" name="shows a cover"/><testcase classname="Tile" name="shows a title"><failure message="no title"/></testcase></testsuite></testsuites>`),
	}}}
	_, jobs, id := s.held(c, repository, job...)
	oid := c.main(repository)
	s.GitHub.StorageWatch.Reset()
	s.do(s.GitHub.BeginJob(repository, jobs[0]), s.GitHub.FinishJob(repository, jobs[0], "SUCCESS"))
	until(t, "what it left is fetched", func() bool { return len(s.GitHub.StorageWatch.Requests()) > 0 })
	var found map[string]any
	until(t, "what it says is known", func() bool {
		found = c.as("", coverageOf, map[string]any{"name": repository, "oid": oid})
		return dig(found, "data", "repository", "commit", "coverage") != nil
	})
	if dig(found, "data", "repository", "commit", "coverage", "origin") != "REPORT" || dig(found, "data", "repository", "commit", "coverage", "lines") != 75.0 {
		t.Errorf("%v", found)
	}
	tests := c.as("", `query ($id: ID!) { pipelineRun(id: $id) { tests { total failed failing { className name message } } coverage { lines } } }`, map[string]any{"id": id})
	run := dig(tests, "data", "pipelineRun")
	if dig(run, "tests", "total") != 2.0 || dig(run, "tests", "failed") != 1.0 || dig(run, "tests", "failing", 0, "name") != "shows a title" || dig(run, "tests", "failing", 0, "message") != "no title" || dig(run, "coverage", "lines") != 75.0 {
		t.Errorf("%v", tests)
	}
	if n := len(s.GitHub.StorageWatch.Requests()); n != 1 {
		t.Errorf("what it left was fetched %d times", n)
	}
}
