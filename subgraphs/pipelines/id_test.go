package pipelines_test

import (
	"strings"
	"testing"
)

// TestOneID checks that each run has one id, under which all that was done to it is found: other texts that base64 reads as the same are none.
func TestOneID(t *testing.T) {
	w := newWorld(t)
	id := w.run(5)
	forged := []string{id + "\n", id[:4] + "\r\n" + id[4:], id + "="}
	const digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
	if last := strings.IndexByte(digits, id[len(id)-1]); len(id)%4 != 0 {
		forged = append(forged, id[:len(id)-1]+string(digits[last^1]))
	}
	for _, other := range forged {
		w.want(w.send(t.Context(), token, again, map[string]any{"id": other}), `"code":"NOT_FOUND"`)
		w.want(w.send(t.Context(), "", `query($id: ID!) { pipelineRun(id: $id) { id } }`, map[string]any{"id": other}), `"pipelineRun":null`)
	}
	if n := w.hub.count("Rerun"); n != 0 {
		t.Errorf("it was run again %d times", n)
	}
}
