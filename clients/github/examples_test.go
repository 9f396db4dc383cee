//go:build servers

package github_test

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"callboard.dev/callboard/clients/github"
)

// webhookExamples is the npm package with the payloads that GitHub publishes as examples (MIT licence). It is fetched for the test and not kept.
const webhookExamples = "@octokit/webhooks-examples@7.6.1"

// What GitHub shows as examples of what it tells about builds is read as what it says.
func TestExamplesOfBuilds(t *testing.T) {
	folder := t.TempDir()
	for _, args := range [][]string{
		{"npm", "pack", "--silent", "--ignore-scripts", "--cache", filepath.Join(folder, "cache"), webhookExamples},
		{"sh", "-c", "tar xzf *.tgz package/api.github.com/index.json"},
	} {
		cmd := exec.CommandContext(t.Context(), args[0], args[1:]...)
		cmd.Dir = folder
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("%v: %v: %s", args, err, out)
		}
	}
	text, err := os.ReadFile(filepath.Join(folder, "package", "api.github.com", "index.json"))
	if err != nil {
		t.Fatal(err)
	}
	var kinds []struct {
		Name     string
		Examples []json.RawMessage
	}
	if err := json.Unmarshal(text, &kinds); err != nil {
		t.Fatal(err)
	}
	type said struct {
		ID      int    `json:"id"`
		HeadSHA string `json:"head_sha"`
		SHA     string `json:"sha"`
		Name    string `json:"name"`
	}
	read := map[string]int{}
	for _, kind := range kinds {
		for _, body := range kind.Examples {
			e, err := github.ParseEvent(event(kind.Name), body)
			if err != nil {
				t.Errorf("%s: %v: %.200s", kind.Name, err, body)
				continue
			}
			var of map[string]json.RawMessage
			if err := json.Unmarshal(body, &of); err != nil {
				t.Fatal(err)
			}
			var want, got said
			inner, ran := of[kind.Name], e.Ran
			switch {
			case ran.Run != nil:
				got = said{ID: ran.Run.DatabaseID, HeadSHA: string(ran.Run.Commit)}
			case ran.Job != nil:
				got = said{ID: ran.Job.DatabaseID, HeadSHA: string(ran.Job.Commit), Name: ran.Job.Name}
			case ran.CheckRun != nil:
				got = said{ID: ran.CheckRun.DatabaseID, HeadSHA: string(ran.CheckRun.Commit), Name: ran.CheckRun.Name}
			case ran.Suite != nil:
				got = said{ID: ran.Suite.DatabaseID, HeadSHA: string(ran.Suite.Commit)}
			case ran.Status != nil:
				inner, got = body, said{ID: ran.Status.DatabaseID}
			default:
				continue
			}
			if err := json.Unmarshal(inner, &want); err != nil {
				t.Fatal(err)
			}
			if kind.Name == "status" || kind.Name == "workflow_run" {
				want.Name, want.SHA = "", "" // of the repository; of the workflow, which is described beside it
			}
			if read[kind.Name]++; got != want {
				t.Errorf("a %s %s is %+v, want %+v", kind.Name, e.Action, got, want)
			}
		}
	}
	for _, name := range []string{"workflow_run", "workflow_job", "check_run", "check_suite", "status"} {
		if read[name] == 0 {
			t.Errorf("no example of a %s was read", name)
		}
	}
	t.Logf("%v", read)
}
