package pipelines_test

import (
	"fmt"
	"io"
	"strings"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"callboard.dev/callboard/clients"
)

const again = `mutation($id: ID!, $key: String) { rerunPipelineRun(input: {id: $id, clientMutationId: $key}) { run { id status attempt } userErrors { code message field } clientMutationId } }`

// TestRerunOnce checks that of several mutations with one key one starts something, also where they come at once, and the others get its answer.
func TestRerunOnce(t *testing.T) {
	w := newWorld(t)
	id := w.run(5)
	w.hub.set(func() { w.hub.block = make(chan struct{}) })
	var (
		group   sync.WaitGroup
		answers [5]string
	)
	for i := range answers {
		group.Go(func() { answers[i] = w.send(t.Context(), token, again, map[string]any{"id": id, "key": "k1"}) })
	}
	for w.hub.count("Rerun") == 0 {
		time.Sleep(time.Millisecond)
	}
	close(w.hub.block)
	group.Wait()
	for _, answer := range answers {
		w.want(answer, `"status":"QUEUED"`, `"attempt":2`, `"userErrors":[]`, `"clientMutationId":"k1"`, id)
	}
	if n := w.hub.count("Rerun"); n != 1 {
		t.Errorf("it was run again %d times", n)
	}
	w.want(w.send(t.Context(), token, again, map[string]any{"id": id, "key": "k1"}), `"attempt":2`)
	w.want(w.send(t.Context(), token, again, map[string]any{"id": w.run(6), "key": "k1"}), `"code":"KEY_REUSED"`, `"field":["input","clientMutationId"]`)
	if n := w.hub.count("Rerun"); n != 1 {
		t.Errorf("it was run again %d times", n)
	}
	w.want(w.send(t.Context(), token, again, map[string]any{"id": id, "key": "k2"}), `"attempt":3`)
	w.want(w.send(t.Context(), token, again, map[string]any{"id": id}), `"attempt":4`)
	w.want(w.send(t.Context(), token, again, map[string]any{"id": id}), `"attempt":5`)
	w.want(w.send(t.Context(), "", `query($url: URL!) { pipelineRun(url: $url) { attempt status } }`, map[string]any{"url": "https://github.com/larkfold/tiles/actions/runs/5"}), `"attempt":5`, `"QUEUED"`)
}

// TestRerunWithoutPermission checks that nothing is asked and nothing written down for who may not.
func TestRerunWithoutPermission(t *testing.T) {
	w := newWorld(t)
	id := w.run(5)
	before := w.hub.all()
	for _, c := range []struct{ token, code string }{{"", "UNAUTHENTICATED"}, {"wrong", "UNAUTHENTICATED"}, {audit, "FORBIDDEN"}} {
		answer := w.send(t.Context(), c.token, again, map[string]any{"id": id, "key": "k"})
		w.want(answer, `"code":"`+c.code+`"`, `"rerunPipelineRun":null`)
		if strings.Contains(answer, "wrong") {
			t.Errorf("the answer has the token: %s", answer)
		}
	}
	if n := w.hub.all() - before; n != 0 {
		t.Errorf("the system was asked %d times", n)
	}
	w.want(w.send(t.Context(), audit, `{ pipelineActions { nodes { id } } }`, nil), `"nodes":[]`)
	w.want(w.send(t.Context(), token, `{ pipelineActions { nodes { id } } }`, nil), `"code":"FORBIDDEN"`)
}

// TestActionsFail checks what is said where nothing was done, and that it is written down.
func TestActionsFail(t *testing.T) {
	w := newWorld(t)
	id := w.run(5)
	w.want(w.send(t.Context(), token, again, map[string]any{"id": "bm90aGluZw"}), `"code":"NOT_FOUND"`, `"run":null`)
	w.want(w.send(t.Context(), token, again, map[string]any{"id": id, "key": ""}), `"code":"BAD_INPUT"`)
	w.want(w.send(t.Context(), token, `mutation($id: ID!) { rerunFailedJobs(input: {id: $id}) { run { id } userErrors { code } } }`, map[string]any{"id": id}), `"code":"UNSUPPORTED"`)
	for kind, code := range map[error]string{clients.ErrForbidden: "FORBIDDEN", clients.ErrLimited: "RATE_LIMITED", clients.ErrUnavailable: "UNAVAILABLE", clients.ErrTimeout: "OUTCOME_UNKNOWN"} {
		w.hub.set(func() { w.hub.failure = &clients.Error{Kind: kind, Message: "so it is"} })
		w.want(w.send(t.Context(), token, again, map[string]any{"id": id, "key": code}), `"code":"`+code+`"`, "so it is")
		asked := w.hub.count("Rerun")
		w.want(w.send(t.Context(), token, again, map[string]any{"id": id, "key": code}), `"code":"`+code+`"`)
		if n := w.hub.count("Rerun"); n != asked {
			t.Errorf("%s: the second time it was asked, too", code)
		}
	}
	answer := w.send(t.Context(), audit, `query($id: ID) { pipelineActions(target: $id, first: 2) { nodes { principal kind state error target run endedAt } pageInfo { hasNextPage endCursor } } }`, map[string]any{"id": id})
	w.want(answer, `"principal":"bot"`, `"kind":"RERUN"`, `"state":"FAILED"`, "so it is", `"hasNextPage":true`)
}

// TestConnectionBreaks checks that where a system went away while it was asked, nobody claims that nothing was done.
func TestConnectionBreaks(t *testing.T) {
	w := newWorld(t)
	for i, cause := range []error{io.EOF, syscall.ECONNRESET} {
		w.hub.set(func() { w.hub.failure = &clients.Error{Kind: clients.ErrUnavailable, Message: "so it is", Err: cause} })
		w.want(w.send(t.Context(), token, again, map[string]any{"id": w.run(5), "key": fmt.Sprint(i)}), `"code":"OUTCOME_UNKNOWN"`)
	}
}

// TestStart checks that what is started has what it was given, and that secrets among it are not written down.
func TestStart(t *testing.T) {
	w := newWorld(t)
	var pipeline string
	text := w.send(t.Context(), "", `query($url: URL!) { pipelineRun(url: $url) { pipeline { id } } }`, map[string]any{"url": "https://github.com/larkfold/tiles/actions/runs/5"})
	_, rest, _ := strings.Cut(text, `"pipeline":{"id":"`)
	pipeline, _, _ = strings.Cut(rest, `"`)
	const start = `mutation($id: ID!, $key: String, $with: StringMap) { startPipeline(input: {id: $id, ref: "main", parameters: $with, clientMutationId: $key}) { run { status branch pipeline { id } } userErrors { code } } }`
	with := map[string]any{"id": pipeline, "key": "k", "with": map[string]any{"password": "hunter2"}}
	for range 2 {
		w.want(w.send(t.Context(), token, start, with), `"status":"QUEUED"`, `"branch":"main"`, pipeline)
	}
	if n := w.hub.count("Start"); n != 1 {
		t.Errorf("it was started %d times", n)
	}
	with["with"] = map[string]any{"password": "other"}
	w.want(w.send(t.Context(), token, start, with), `"code":"KEY_REUSED"`)
	if answer := w.send(t.Context(), audit, `{ pipelineActions { nodes { kind target run error } } }`, nil); strings.Contains(answer, "hunter2") {
		t.Errorf("what was done has the password: %s", answer)
	}
}

// TestActionsTakeTooLong checks that what came of an action that a system did not answer is known as such, also to who asks again.
func TestActionsTakeTooLong(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.hub.set(func() { w.hub.block = make(chan struct{}) })
		id := idOf("r", "github.com", "larkfold/tiles#r5")
		for range 2 {
			w.want(w.send(t.Context(), token, again, map[string]any{"id": id, "key": "k"}), `"code":"OUTCOME_UNKNOWN"`, `"run":null`)
		}
		w.want(w.send(t.Context(), audit, `{ pipelineActions { nodes { state error endedAt target } } }`, nil), `"state":"FAILED"`, "look at its runs before asking again", id)
		if n := w.hub.count("Rerun"); n != 1 {
			t.Errorf("it was run again %d times", n)
		}
	})
}

// TestOneTarget checks that a run has one id: what is written in another way is none.
func TestOneTarget(t *testing.T) {
	w := newWorld(t)
	id := w.run(5)
	w.want(w.send(t.Context(), token, again, map[string]any{"id": id, "key": "k"}), `"attempt":2`, `"userErrors":[]`)
	w.want(w.send(t.Context(), token, again, map[string]any{"id": id[:4] + "\n" + id[4:], "key": "k"}), `"code":"NOT_FOUND"`)
	if n := w.hub.count("Rerun"); n != 1 {
		t.Errorf("it was run again %d times", n)
	}
}
