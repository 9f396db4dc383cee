package main_test

import (
	"encoding/json"
	"path/filepath"
	"strings"
	"testing"
)

// A store that cannot be reached costs registrations and nothing else, and its password is nowhere.
func TestStoreThatIsDown(t *testing.T) {
	folder := t.TempDir()
	component(t, folder, "web")
	configuration := filepath.Join(folder, "callboard.yaml")
	file(t, folder, "callboard.yaml", "store: postgres://callboard:hunter2@127.0.0.1:1/callboard\n")
	s := start(t, "up", "--config", configuration, folder)
	answer := text(s.query(`{ entities { totalCount } ingestionIssues(filter: {rule: "store-unavailable"}) { nodes { message } } }`, nil))
	if !strings.Contains(answer, `"totalCount":1`) || !strings.Contains(answer, "has not answered since") {
		t.Errorf("the answer is %s", answer)
	}
	target, _ := json.Marshal(map[string]string{"target": configuration})
	refused := text(s.query(`mutation ($target: String!) { registerLocation(input: {target: $target}) { location { target } } }`, target))
	if !strings.Contains(refused, "UNAVAILABLE") || !strings.Contains(refused, "the catalog's store does not answer") {
		t.Errorf("registering gives %s", refused)
	}
	if err := s.stop(); err != nil {
		t.Error(err)
	}
	if said := s.stderr.String(); !strings.Contains(said, "the catalog's store does not answer") || strings.Contains(said+answer+refused, "hunter2") {
		t.Errorf("the log is %s", said)
	}
}

func TestStoreThatIsNone(t *testing.T) {
	folder := t.TempDir()
	file(t, folder, "callboard.yaml", "store: mysql://u:hunter2@h/d\n")
	_, stderr, code := command(t, "", "up", "--config", filepath.Join(folder, "callboard.yaml"), folder)
	if code != 1 || !strings.Contains(stderr, "callboard.yaml:1: store: want the address of a PostgreSQL database") || strings.Contains(stderr, "hunter2") {
		t.Errorf("status %d, %s", code, stderr)
	}
}
