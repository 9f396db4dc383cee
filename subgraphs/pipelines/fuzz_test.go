package pipelines_test

import (
	"strings"
	"testing"
	"unicode/utf8"

	"callboard.dev/callboard/subgraphs/pipelines/ci"
)

// FuzzIDs checks that no id, cursor, address or number that a client sends makes anything panic.
func FuzzIDs(f *testing.F) {
	f.Add(idOf("r", "github.com", "larkfold/tiles#r6"), logCursor(3, ""), "https://github.com/larkfold/tiles/actions/runs/5", 5, false)
	f.Add(idOf("p", "github.com", "larkfold/tiles#w1"), "MTpzOmxhcmtmb2xkL3RpbGVzI3I0", "https://github.com/larkfold/tiles/pull/12", 100, true)
	f.Add(idOf("j", "ci.example", "team/app/main#3"), "", "https://ci.example/job/team/job/app/3", -1, false)
	f.Add(idOf("r", "ci.example", "\xff\x00#"), logCursor(1<<61, "\x00"), "https://github.com/a/b/actions/runs/%00", 1<<31-1, true)
	f.Add("", "MTpsb2c6", "::", 0, false)
	w := newWorld(f)
	w.hub.set(func() {
		w.hub.logs[run6] = strings.Repeat("line \u2713\n", 1000)
		w.hub.stages[run6] = []ci.Stage{{Name: "test", Jobs: []ci.Job{{Key: "larkfold/tiles#j1", Name: "test"}}}}
	})
	const everything = `query($id: ID!, $cursor: String, $url: URL!, $n: Int!, $idle: Boolean!, $reps: [_Any!]!) {
		pipelineRun(id: $id) { ...run }
		byURL: pipelineRun(url: $url) { id status }
		pipeline(id: $id) { name url isDisabled latestRun { id } runs(first: $n, after: $cursor) { nodes { id } pageInfo { endCursor } } health(runs: $n) { runs } series(metric: SUCCESS) { unit } }
		_entities(representations: $reps) {
			... on CatalogEntity { pipelines(idle: $idle, first: $n, after: $cursor) { nodes { id } } }
			... on Repository { pipelines(idle: $idle, first: $n, after: $cursor) { nodes { id } } }
			... on Commit { pipelineRuns(first: $n, after: $cursor) { nodes { id } } }
			... on PullRequest { pipelineRuns(first: $n, after: $cursor) { nodes { id } } }
			... on Pipeline { name }
			... on PipelineRun { status }
		}
	}
	fragment run on PipelineRun { id title number estimate { method } duration actor { login } artifacts { name } stages { name } jobs { id steps { name } log(after: $cursor) { lines } }
		tail: log(tail: $n) { lines next } log(after: $cursor) { lines next hasMore } }`
	f.Fuzz(func(t *testing.T, id, cursor, address string, n int, idle bool) {
		if !utf8.ValidString(id+cursor+address) || int64(n) != int64(int32(n)) {
			return // JSON has no such thing
		}
		w.t = t
		answer := w.ask(everything, map[string]any{"id": id, "cursor": cursor, "url": address, "n": n, "idle": idle, "reps": []any{
			component("one", map[string]any{"jenkins.io/job-full-name": id + "," + address + ":" + cursor, "github.com/project-slug": address, "backstage.io/source-location": "url:" + address}),
			component("two", map[string]any{"jenkins.io/github-folder": cursor, "backstage.io/managed-by-location": address}),
			map[string]any{"__typename": "Repository", "id": id, "url": address},
			map[string]any{"__typename": "Commit", "id": id, "url": address, "oid": strings.Repeat("3", 40)},
			map[string]any{"__typename": "PullRequest", "id": id, "url": address, "headRefOid": nil, "baseRefName": cursor},
			map[string]any{"__typename": "Pipeline", "id": id},
			map[string]any{"__typename": "PipelineRun", "id": id},
		}})
		if strings.Contains(answer, "internal system error") || strings.Contains(answer, "panic") || !strings.HasPrefix(answer, "{") {
			t.Errorf("something broke: %s", answer)
		}
		w.ask(`mutation($id: ID!, $key: String) { rerunPipelineRun(input: {id: $id, clientMutationId: $key}) { userErrors { code } } }`, map[string]any{"id": id, "key": cursor})
		bot := w.send(t.Context(), token, `mutation($id: ID!, $key: String) { cancelPipelineRun(input: {id: $id, clientMutationId: $key}) { userErrors { code } } }`, map[string]any{"id": id, "key": cursor})
		if strings.Contains(bot, "internal system error") {
			t.Errorf("something broke: %s", bot)
		}
	})
}
