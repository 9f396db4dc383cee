package examples

import (
	"strings"
	"testing"
)

// What is wrong in the data is told with the line that it is in.
func TestPipelinesThatAreWrong(t *testing.T) {
	const good = "texts: {go: ok}\npipelines:\n  - repository: loudness\n    on: jenkins\n    name: larkfold/loudness\n"
	for _, test := range []struct{ more, says string }{
		{"    color: red\n", "[6:5]"},
		{"    jobs: [{name: Test, steps: [{log: npm}]}]\n", `pipelines.yaml:3: job "Test": there is no text "npm"`},
		{"    jobs: [{name: Test, tests: [TestGain]}]\n", `pipelines.yaml:3: job "Test": the test "TestGain" has no class`},
		{"    runs: [{commit: a, night: 2026-02-01}]\n", "pipelines.yaml:3: a run is named by one of"},
		{"    runs: [{night: yesterday}]\n", "pipelines.yaml:3: parsing time"},
		{"    runs: [{commit: a, job: Deploy}]\n", `pipelines.yaml:3: there is no job "Deploy"`},
		{"    runs: [{commit: a, outcome: lost}]\n", `pipelines.yaml:3: no run is "lost"`},
		{"    runs: [{commit: a, outcome: failed}]\n", "pipelines.yaml:3: which job was failed?"},
		{"  - {repository: loudness, on: travis, name: x}\n", `pipelines.yaml:6: nothing is called "travis"`},
		{"  - {repository: lyrics, on: jenkins, name: x}\n", `pipelines.yaml:6: there is no repository "lyrics"`},
		{"  - {repository: tiles, on: github}\n", "pipelines.yaml:6: a pipeline of tiles has no name"},
	} {
		if _, err := parsePipelines([]byte(good + test.more)); err == nil || !strings.Contains(err.Error(), test.says) {
			t.Errorf("%q: %v, want %q", test.more, err, test.says)
		}
	}
	p, err := parsePipelines([]byte(good + "    runs: [{commit: Nobody wrote this}]\n"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := p.Runs("loudness", []Commit{{OID: "0123456", Subject: "Test the gain", At: FirstDay.AddDate(0, 1, 0)}}, LastDay); err == nil || !strings.Contains(err.Error(), "Nobody wrote this") {
		t.Errorf("a run of no commit: %v", err)
	}
}
