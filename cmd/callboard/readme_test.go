package main_test

import (
	"bufio"
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"regexp"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "rewrite the answer in README.md")

const readme = "../../README.md"

// block returns the text of the code block that follows a marker in README.md.
func block(t *testing.T, text, marker string) string {
	t.Helper()
	found := regexp.MustCompile("(?s)<!-- checked by a test: " + marker + " -->\n```[a-z]+\n(.*?)\n```").FindStringSubmatch(text)
	if found == nil {
		t.Fatalf("README.md has no block marked %q", marker)
	}
	return found[1]
}

// TestReadmeQuery runs the README's query on the example organisation and compares the README's answer.
func TestReadmeQuery(t *testing.T) {
	file, err := os.ReadFile(readme)
	if err != nil {
		t.Fatal(err)
	}
	s := start(t, "demo")
	got := s.post(block(t, string(file), "query"), nil)
	if *update {
		var b bytes.Buffer
		if err := json.Indent(&b, got, "", "  "); err != nil {
			t.Fatal(err)
		}
		text := strings.Replace(string(file), block(t, string(file), "answer"), b.String(), 1)
		if err := os.WriteFile(readme, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	var want map[string]any
	if err := json.Unmarshal([]byte(block(t, string(file), "answer")), &want); err != nil {
		t.Fatalf("the README's answer is not JSON: %v", err)
	}
	var answer map[string]any
	if err := json.Unmarshal(got, &answer); err != nil || !reflect.DeepEqual(answer, want) {
		t.Errorf("README.md says\n%s\nbut the answer is\n%s", text(want), got)
	}
}

// TestReadmeSubgraph does what the README says of another team's subgraph: it starts the example over HTTP, names it in a configuration, and asks.
func TestReadmeSubgraph(t *testing.T) {
	folder := t.TempDir()
	oncall := filepath.Join(folder, "oncall")
	if out, err := exec.Command("go", "build", "-o", oncall, "../../examples/oncall").CombinedOutput(); err != nil {
		t.Fatalf("%s", out)
	}
	process := exec.Command(oncall, "-listen", "localhost:0")
	stdout, err := process.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := process.Start(); err != nil {
		t.Fatal(err)
	}
	defer process.Process.Kill()
	line, err := bufio.NewReader(stdout).ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	url := strings.TrimSpace(strings.TrimPrefix(line, "oncall is at "))
	config := filepath.Join(folder, "callboard.yaml")
	if err := os.WriteFile(config, []byte("subgraphs:\n  - name: oncall\n    url: "+url+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	checkout := filepath.Join(folder, "player")
	file(t, checkout, "catalog-info.yaml", strings.Replace(descriptor("player"), "  name: player\n", "  name: player\n  annotations:\n    pagerduty.com/service-id: PLAYBACK\n", 1)+"---\n"+descriptor("other"))
	s := start(t, "up", "--config", config, checkout)
	const query = `{ entities(orderBy: [{ field: NAME }]) { nodes { name onCall { engineer channel } } } }`
	want := `{"entities":{"nodes":[{"name":"other","onCall":null},{"name":"player","onCall":{"channel":"#playback-incidents","engineer":"Ines Okafor"}}]}}`
	if answer := s.query(query, nil); text(answer["data"]) != want || answer["errors"] != nil {
		t.Errorf("got %s, want %s", text(answer), want)
	}
	_ = process.Process.Kill()
	_ = process.Wait()
	answer := s.query(query, nil)
	if got := text(answer["data"]); got != strings.Replace(want, `{"channel":"#playback-incidents","engineer":"Ines Okafor"}`, "null", 1) {
		t.Errorf("with the subgraph gone, data is %s", got)
	}
	if errs := text(answer["errors"]); !strings.Contains(errs, "oncall") || strings.Contains(errs, "localhost") {
		t.Errorf("the error must name the subgraph and not its address: %s", errs)
	}
}
