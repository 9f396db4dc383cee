package pipelines_test

import (
	"testing"
	"testing/synctest"
	"time"

	"callboard.dev/callboard/subgraphs/pipelines/ci"
)

// TestSystemsThatTellLate checks that a system which tells for a while after a run was run again that it is done does not have that remembered for minutes.
func TestSystemsThatTellLate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		id := w.run(5)
		status := func() string {
			return w.send(t.Context(), "", `query($id: ID!) { pipelineRun(id: $id) { status } }`, map[string]any{"id": id})
		}
		w.want(w.send(t.Context(), token, again, map[string]any{"id": id}), `"status":"QUEUED"`)
		w.hub.set(func() { w.hub.runs["larkfold/tiles#r5"].Status = ci.Failed })
		w.want(status(), "FAILED")
		w.hub.set(func() { w.hub.runs["larkfold/tiles#r5"].Status = ci.Running })
		w.want(status(), "FAILED") // as it is remembered
		time.Sleep(4 * time.Second)
		w.want(status(), "RUNNING")
	})
}
