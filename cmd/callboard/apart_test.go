package main_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"path/filepath"
	"strings"
	"testing"
)

// The subgraph of what builds is served alone, as other gateways expect it; and a gateway on top of it passes on who asks, and what is watched.
func TestPipelinesOnAnotherMachine(t *testing.T) {
	t.Parallel()
	s := newTheatre(t)
	s.Hold()
	alone := start(t, "subgraph", "pipelines", "--config", s.config("", guarded), t.TempDir())
	s.do(s.Tell(alone.address()))
	if sdl, _ := dig(alone.query(`{ _service { sdl } }`, nil), "data", "_service", "sdl").(string); !strings.Contains(sdl, "type PipelineRun") {
		t.Errorf("the schema is %.200q", sdl)
	}
	entities := alone.query(`query ($of: [_Any!]!) { _entities(representations: $of) { ... on CatalogEntity { ref pipelines { nodes { id name latestRun { id status } } } } ... on Repository { pipelines { nodes { name } } } } }`, json.RawMessage(`{"of":[
		{"__typename":"CatalogEntity","ref":"component:default/tiles","annotations":{"github.com/project-slug":"larkfold/tiles","backstage.io/source-location":"url:https://github.larkfold.example/larkfold/tiles/"}},
		{"__typename":"CatalogEntity","ref":"component:default/payouts-api","annotations":{"jenkins.io/job-full-name":"larkfold/payouts"}},
		{"__typename":"Repository","url":"https://gitlab.larkfold.example/larkfold/data/mixes"},
		{"__typename":"CatalogEntity","ref":"component:default/other","annotations":{}}]}`))
	list, _ := dig(entities, "data", "_entities").([]any)
	if entities["errors"] != nil || len(list) != 4 || dig(list, 0, "pipelines", "nodes", 0, "name") != "check" || dig(list, 1, "pipelines", "nodes", 0, "latestRun", "status") == nil ||
		dig(list, 2, "pipelines", "nodes", 0, "name") != "GitLab CI" || dig(list, 3, "ref") != "component:default/other" || dig(list, 3, "pipelines") != nil {
		t.Errorf("%v", entities)
	}
	latest := dig(list, 0, "pipelines", "nodes", 0, "latestRun")
	again := alone.query(`query ($of: [_Any!]!) { _entities(representations: $of) { ... on PipelineRun { id status } ... on Pipeline { name } } }`, variables(t, map[string]any{"of": []any{
		map[string]any{"__typename": "PipelineRun", "id": dig(latest, "id")}, map[string]any{"__typename": "Pipeline", "id": dig(list, 0, "pipelines", "nodes", 0, "id")}, map[string]any{"__typename": "PipelineRun", "id": "nothing"},
	}}))
	if again["errors"] != nil || dig(again, "data", "_entities", 0, "status") != dig(latest, "status") || dig(again, "data", "_entities", 1, "name") != "check" || dig(again, "data", "_entities", 2) != nil {
		t.Errorf("%v", again)
	}

	supergraph, err := filepath.Abs("../../schema/supergraph.graphql")
	s.do(err)
	for _, way := range []string{"sse", "ws"} {
		file := filepath.Join(t.TempDir(), "gateway.yaml")
		write(t, file, fmt.Sprintf("gateway:\n  supergraph: %q\n  subgraphs:\n    - {name: pipelines, url: %q, forwardHeaders: [Authorization], subscriptions: %s, exposeErrors: true}\n", supergraph, alone.URL+"/graphql", way))
		gateway := start(t, "gateway", "--config", file)
		const repository = "larkfold/tiles"
		run, jobs, id := s.held(gateway, repository, holding("test")...)
		watched, err := gateway.subscribe(http.DefaultClient, runnerToken, watchRun, map[string]any{"id": id})
		s.do(err)
		watched.next(t, "it waits", by("QUEUED"))
		s.do(s.GitHub.BeginJob(repository, jobs[0]))
		watched.next(t, "it runs", by("RUNNING"))
		s.do(s.GitHub.FinishJob(repository, jobs[0], "FAILURE"))
		watched.next(t, "it has failed", by("FAILED"))
		watched.ends(t)

		wanted := map[string]any{"id": id, "key": fmt.Sprint("again-", run)}
		for token, code := range map[string]string{"": "UNAUTHENTICATED", auditorToken: "FORBIDDEN"} {
			if answer := gateway.as(token, rerun, wanted); dig(answer, "errors", 0, "extensions", "code") != code {
				t.Errorf("%s, with the token %q: %v", way, token, answer)
			}
		}
		if answer := gateway.as(runnerToken, rerun, wanted); answer["errors"] != nil || dig(answer, "data", "rerunPipelineRun", "run", "id") != id {
			t.Errorf("%s: %v", way, answer)
		}
		if told := gateway.as(auditorToken, audit, map[string]any{"id": id}); dig(told, "data", "pipelineActions", "nodes", 0, "principal") != "runner" || dig(told, "data", "pipelineActions", "nodes", 1) != nil {
			t.Errorf("%s: %v", way, told)
		}
	}
}
