package main_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"

	"callboard.dev/callboard/examples"
)

// latestRuns is a portal's list of twenty components, each with the last run of its pipelines.
const latestRuns = `{ entities(filter: { all: [{ kind: "Component" }] }, orderBy: [{ field: NAME }], first: 20) { nodes { ref
	pipelines(first: 5) { nodes { name provider latestRun { status finishedAt duration url } } } } } }`

// operation is one of the examples.
func operation(t testing.TB, name string) examples.Operation {
	t.Helper()
	for _, o := range examples.Operations() {
		if o.Name == name {
			return o
		}
	}
	t.Fatalf("there is no operation %s", name)
	return examples.Operation{}
}

// costs are what pages about pipelines cost: how many requests to GitHub, GitLab and Jenkins, with nothing known. With all of it known they cost none.
//
// A list asks each host once, however long it is. A pull request is asked about in three requests of GraphQL, for itself, what others have said of its commit, and
// its builds; then come the run and its jobs, the list of its artifacts and the report of its tests; and, for what is new in it, where it left main, and of the builds
// there the same, once, as what they left is kept. What broke takes one request to Jenkins for all pipelines of the organisation's folder, and for each pipeline
// the build, its stages, its tests, its log, and the builds before it; and two to GitHub, for whether the repository has workflows, and for the commits.
var costs = []struct {
	page, operation string
	cold            [3]int
}{
	{"twenty components with their last runs", "", [3]int{1, 1, 1}},
	{"the components of a team: `ci-health`", "ci-health", [3]int{1, 0, 1}},
	{"a pull request: `where-is-my-pull-request`", "where-is-my-pull-request", [3]int{13, 0, 0}},
	{"a component: `what-broke`", "what-broke", [3]int{2, 0, 14}},
}

// Pages about pipelines ask hosts no more often than is said above, and nobody when all is known; with -v the table can be read.
func TestWhatPipelinesCost(t *testing.T) {
	t.Parallel()
	s := newTheatre(t)
	s.Hold()
	config := s.config("1h", "")
	var table strings.Builder
	table.WriteString("\n| Page | | GitHub | GitLab | Jenkins |\n| --- | --- | ---: | ---: | ---: |\n")
	for _, cost := range costs {
		query, variables := latestRuns, json.RawMessage(nil)
		if cost.operation != "" {
			o := operation(t, cost.operation)
			query, variables = o.Query, o.Variables
		}
		c := s.up(config)
		var known json.RawMessage
		for _, state := range []string{"cold", "warm"} {
			s.forget()
			answer := c.ask(query, variables)
			if len(answer.Errors) > 0 {
				t.Errorf("%s, %s: %+v", cost.page, state, answer.Errors)
			}
			fmt.Fprintf(&table, "| %s | %s |", cost.page, state)
			for i, h := range s.hosts() {
				most, asked := 0, h.watch.Requests()
				if state == "cold" {
					most = cost.cold[i]
				}
				if len(asked) > most {
					t.Errorf("%s, %s: %s was asked %d times, not %d: %v", cost.page, state, h.name, len(asked), most, h.watch.Counts())
				}
				fmt.Fprintf(&table, " %d |", len(asked))
			}
			table.WriteByte('\n')
			if state == "warm" && normal(t, answer.Data) != normal(t, known) {
				t.Errorf("%s: what is known is told otherwise: %s\nbefore: %s", cost.page, answer.Data, known)
			}
			known = answer.Data
		}
		if err := c.stop(); err != nil {
			t.Error(err)
		}
	}
	t.Log(table.String())
}

// The examples about pipelines tell what happened on the stage.
func TestWhatPipelinesTell(t *testing.T) {
	t.Parallel()
	_, c := building(t)
	whole := func(query string, variables json.RawMessage) any {
		t.Helper()
		answer := c.query(query, variables)
		if answer["errors"] != nil {
			t.Errorf("%v", answer["errors"])
		}
		return answer["data"]
	}

	nodes, _ := dig(whole(latestRuns, nil), "entities", "nodes").([]any)
	providers := map[any]int{}
	for _, node := range nodes {
		pipelines, _ := dig(node, "pipelines", "nodes").([]any)
		for _, p := range pipelines {
			run := dig(p, "latestRun")
			if dig(run, "status") == nil || dig(run, "finishedAt") == nil || dig(run, "duration") == nil || !strings.HasPrefix(fmt.Sprint(dig(run, "url")), "https://") {
				t.Errorf("%v has %v", dig(node, "ref"), p)
			}
			providers[dig(p, "provider")]++
		}
	}
	if len(nodes) != 20 || providers["GITHUB_ACTIONS"] == 0 || providers["GITLAB_CI"] == 0 || providers["JENKINS"] == 0 {
		t.Errorf("%d components, with pipelines by %v", len(nodes), providers)
	}

	o := operation(t, "ci-health")
	health := whole(o.Query, o.Variables)
	if dig(health, "entities", "totalCount") != 10.0 {
		t.Errorf("the team has %v components", dig(health, "entities", "totalCount"))
	}
	found := map[any]any{}
	nodes, _ = dig(health, "entities", "nodes").([]any)
	for _, node := range nodes {
		found[dig(node, "ref")] = dig(node, "pipelines", "nodes", 0, "latestRun", "status")
	}
	for _, name := range []string{"android-app", "ios-app", "playback-api", "web-player"} {
		if status, known := found["component:default/"+name]; !known || status == nil {
			t.Errorf("of %s there is %v", name, status)
		}
	}

	o = operation(t, "where-is-my-pull-request")
	pull := dig(whole(o.Query, o.Variables), "pullRequest")
	run := dig(pull, "pipelineRuns", "nodes", 0)
	if dig(pull, "number") != 204.0 || dig(pull, "reviewDecision") != "CHANGES_REQUESTED" || dig(run, "status") != "FAILED" || dig(run, "tests", "failed") != 1.0 ||
		dig(run, "stages", 0, "status") != "FAILED" || dig(run, "actions", "canRerun") != true || dig(run, "actions", "canCancel") != false {
		t.Errorf("%v", pull)
	}

	o = operation(t, "what-broke")
	pipeline := dig(whole(o.Query, o.Variables), "entity", "pipelines", "nodes", 0)
	lines, _ := dig(pipeline, "latestRun", "log", "lines").([]any)
	if dig(pipeline, "provider") != "JENKINS" || dig(pipeline, "latestRun", "branch") != "main" || len(lines) != 20 || lines[19] != "Finished: SUCCESS" || dig(pipeline, "latestRun", "tests", "failed") != 0.0 {
		t.Errorf("%v", pipeline)
	}
	if rate, ok := dig(pipeline, "health", "successRate").(float64); !ok || rate <= 0 || rate >= 1 {
		t.Errorf("the health is %v", dig(pipeline, "health"))
	}
}

// Tokens of those who may do something.
const (
	runnerToken   = "runner-token-5b1e"
	auditorToken  = "auditor-token-5b1e"
	reporterToken = "reporter-token-5b1e"
)

// guarded is a configuration that lets nobody do anything without a token.
const guarded = "access:\n  anonymous: []\n  tokens:\n" +
	"    - {name: runner, token: " + runnerToken + ", may: [pipelines.run]}\n" +
	"    - {name: auditor, token: " + auditorToken + ", may: [pipelines.audit]}\n" +
	"    - {name: reporter, token: " + reporterToken + ", may: [reports.upload]}\n"

// send sends a request with a token, none where it is empty, and returns the status and the body of the answer.
func (s *server) send(method, path, token, kind string, body []byte) (int, []byte, error) {
	request, err := http.NewRequest(method, s.URL+path, bytes.NewReader(body))
	if err != nil {
		return 0, nil, err
	}
	request.Header.Set("Content-Type", kind)
	if token != "" {
		request.Header.Set("Authorization", "Bearer "+token)
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return 0, nil, err
	}
	defer response.Body.Close()
	out, err := io.ReadAll(response.Body)
	return response.StatusCode, out, err
}

// as sends an operation with a token and returns the response.
func (s *server) as(token, query string, variables map[string]any) map[string]any {
	s.t.Helper()
	body, err := json.Marshal(map[string]any{"query": query, "variables": variables})
	if err != nil {
		s.t.Fatal(err)
	}
	_, out, err := s.send(http.MethodPost, "/graphql", token, "application/json", body)
	var answer map[string]any
	if err == nil {
		err = json.Unmarshal(out, &answer)
	}
	if err != nil {
		s.t.Errorf("%v: %s", err, out)
	}
	return answer
}

const (
	rerun = `mutation ($id: ID!, $key: String) { rerunPipelineRun(input: { id: $id, clientMutationId: $key }) { run { id number attempt status } userErrors { code message } clientMutationId } }`
	audit = `query ($id: ID) { pipelineActions(target: $id) { nodes { principal kind target state run at endedAt error } } }`
)

// A run is run again for who may, and once, however often it is asked for under one name, on whatever system; and who did it is told to those who may know.
func TestRerunOverHTTP(t *testing.T) {
	t.Parallel()
	s := newTheatre(t)
	s.Hold()
	c := s.up(s.config("", guarded))
	for _, test := range []struct {
		pull string
		host int // among the hosts
	}{
		{"https://github.larkfold.example/larkfold/catalogue-api/pull/204", 0},
		{"https://gitlab.larkfold.example/larkfold/data/mixes/-/merge_requests/268", 1},
		{"https://github.larkfold.example/larkfold/payouts/pull/187", 2},
	} {
		of := func() any {
			return dig(c.as("", `query ($url: URL!) { pullRequest(url: $url) { pipelineRuns { nodes { id number attempt status pipeline { id } } } } }`, map[string]any{"url": test.pull}), "data", "pullRequest", "pipelineRuns", "nodes", 0)
		}
		before := of()
		id, _ := dig(before, "id").(string)
		if id == "" {
			t.Errorf("%s has no run", test.pull)
			continue
		}
		s.forget()
		wanted := map[string]any{"id": id, "key": "again-" + id}
		for token, code := range map[string]string{"": "UNAUTHENTICATED", "a guess": "UNAUTHENTICATED", auditorToken: "FORBIDDEN", reporterToken: "FORBIDDEN"} {
			answer := c.as(token, rerun, wanted)
			if dig(answer, "errors", 0, "extensions", "code") != code || dig(answer, "data", "rerunPipelineRun") != nil {
				t.Errorf("with the token %q: %v", token, answer)
			}
		}
		if n := s.asked(); n != 0 {
			t.Errorf("hosts were asked %d times for who may not", n)
		}

		var (
			group   sync.WaitGroup
			answers [2]map[string]any
		)
		for i := range answers {
			group.Go(func() { answers[i] = c.as(runnerToken, rerun, wanted) })
		}
		group.Wait()
		answers[1] = c.as(runnerToken, rerun, wanted) // and once more, later
		for _, answer := range answers {
			done := dig(answer, "data", "rerunPipelineRun")
			if problems, ok := dig(done, "userErrors").([]any); !ok || len(problems) > 0 || answer["errors"] != nil || dig(done, "clientMutationId") != wanted["key"] || dig(done, "run", "id") != dig(answers[0], "data", "rerunPipelineRun", "run", "id") {
				t.Errorf("%s: %v", test.pull, answer)
			}
		}
		posts := 0
		for i, h := range s.hosts() {
			for _, request := range h.watch.Requests() {
				if request.Method == http.MethodPost && !strings.HasSuffix(request.URL.Path, "/graphql") {
					if posts++; i != test.host || request.Status >= 300 {
						t.Errorf("%s was asked for %s, and said %d", h.name, request.URL.Path, request.Status)
					}
				}
			}
		}
		if posts != 1 {
			t.Errorf("%s: it was run again %d times", test.pull, posts)
		}

		for token, code := range map[string]string{"": "UNAUTHENTICATED", runnerToken: "FORBIDDEN"} {
			answer := c.as(token, audit, map[string]any{"id": id})
			if dig(answer, "errors", 0, "extensions", "code") != code || dig(answer, "data", "pipelineActions") != nil {
				t.Errorf("with the token %q: %v", token, answer)
			}
		}
		told := c.as(auditorToken, audit, map[string]any{"id": id})
		list, _ := dig(told, "data", "pipelineActions", "nodes").([]any)
		if len(list) != 1 || dig(list, 0, "principal") != "runner" || dig(list, 0, "kind") != "RERUN" || dig(list, 0, "target") != id || dig(list, 0, "state") != "DONE" ||
			dig(list, 0, "run") != dig(answers[0], "data", "rerunPipelineRun", "run", "id") || dig(list, 0, "endedAt") == nil {
			t.Errorf("%v", told)
		}
	}
	runs, err := s.GitHub.Runs("larkfold/catalogue-api")
	if err != nil {
		t.Fatal(err)
	}
	again := 0
	for _, run := range runs {
		if run.Attempt == 2 && len(run.PullRequests) > 0 && run.PullRequests[0] == 204 {
			again++
		}
	}
	if again != 1 {
		t.Errorf("GitHub has %d runs of the pull request at their second attempt", again)
	}
}
