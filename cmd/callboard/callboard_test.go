package main_test

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"callboard.dev/callboard/examples"
	"callboard.dev/callboard/gateway/compose"
	"callboard.dev/callboard/schema"
)

// binary is the command, built once for all tests.
var binary string

func TestMain(m *testing.M) {
	folder, err := os.MkdirTemp("", "callboard")
	if err != nil {
		panic(err)
	}
	binary = filepath.Join(folder, "callboard")
	if out, err := exec.Command("go", "build", "-o", binary, ".").CombinedOutput(); err != nil {
		panic(string(out))
	}
	code := m.Run()
	os.RemoveAll(folder)
	os.Exit(code)
}

// server is a running callboard.
type server struct {
	t       testing.TB
	URL     string
	process *exec.Cmd
	stderr  *bytes.Buffer
	exited  chan error
}

// start runs the command with --listen and --state of its own and waits for its start-up line.
func start(t testing.TB, args ...string) *server {
	t.Helper()
	return startIn(t, t.TempDir(), args...)
}

// startIn runs it with a state folder that is given.
func startIn(t testing.TB, state string, args ...string) *server {
	t.Helper()
	s := &server{t: t, stderr: &bytes.Buffer{}, exited: make(chan error, 1)}
	s.process = exec.Command(binary, append(args, "--listen", "localhost:0", "--state", state)...)
	stdout, err := s.process.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	s.process.Stderr = s.stderr
	if err := s.process.Start(); err != nil {
		t.Fatal(err)
	}
	line, err := bufio.NewReader(stdout).ReadString('\n')
	if err != nil {
		_ = s.process.Wait()
		t.Fatalf("callboard %s did not start: %s", strings.Join(args, " "), s.stderr)
	}
	s.URL = strings.TrimSpace(strings.TrimPrefix(line, "Callboard is at "))
	go func() { s.exited <- s.process.Wait() }()
	t.Cleanup(func() { _ = s.process.Process.Kill() })
	return s
}

// query sends an operation and returns the response.
func (s *server) query(text string, variables json.RawMessage) map[string]any {
	s.t.Helper()
	out := s.post(text, variables)
	var answer map[string]any
	if err := json.Unmarshal(out, &answer); err != nil {
		s.t.Fatalf("not JSON: %s", out)
	}
	return answer
}

// post sends an operation and returns the body of the response.
func (s *server) post(text string, variables json.RawMessage) []byte {
	s.t.Helper()
	body, _ := json.Marshal(map[string]any{"query": text, "variables": variables})
	response, err := http.Post(s.URL+"/graphql", "application/json", bytes.NewReader(body))
	if err != nil {
		s.t.Fatal(err)
	}
	defer response.Body.Close()
	out, err := io.ReadAll(response.Body)
	if err != nil {
		s.t.Fatal(err)
	}
	return out
}

// stop sends SIGTERM and returns how the process ended.
func (s *server) stop() error {
	_ = s.process.Process.Signal(syscall.SIGTERM)
	select {
	case err := <-s.exited:
		return err
	case <-time.After(30 * time.Second):
		s.t.Fatal("still running 30 s after SIGTERM")
		return nil
	}
}

// command runs a command to its end.
func command(t *testing.T, stdin string, args ...string) (stdout, stderr string, code int) {
	t.Helper()
	var out, errs bytes.Buffer
	c := exec.Command(binary, args...)
	c.Stdin, c.Stdout, c.Stderr = strings.NewReader(stdin), &out, &errs
	err := c.Run()
	if exit, ok := err.(*exec.ExitError); ok {
		code = exit.ExitCode()
	} else if err != nil {
		t.Fatal(err)
	}
	return out.String(), errs.String(), code
}

func TestDemoAnswersEveryExample(t *testing.T) {
	s := start(t, "demo")
	operations := examples.Operations()
	if len(operations) == 0 {
		t.Fatal("there are no example operations")
	}
	for _, o := range operations {
		answer := s.query(o.Query, o.Variables)
		if answer["errors"] != nil || answer["data"] == nil {
			t.Errorf("%s: %v", o.Name, answer["errors"])
			continue
		}
		for field, value := range answer["data"].(map[string]any) {
			if value == nil {
				t.Errorf("%s: %s is null", o.Name, field)
			}
		}
	}
	if err := s.stop(); err != nil {
		t.Errorf("after SIGTERM: %v\n%s", err, s.stderr)
	}
}

func TestPlaygroundAndProbes(t *testing.T) {
	s := start(t, "demo")
	for path, want := range map[string]int{"/": 200, "/healthz": 200, "/readyz": 200, "/metrics": 200, "/playground/examples.json": 200, "/nothing": 404} {
		response, err := http.Get(s.URL + path)
		if err != nil {
			t.Fatal(err)
		}
		response.Body.Close()
		if response.StatusCode != want {
			t.Errorf("GET %s: status %d, want %d", path, response.StatusCode, want)
		}
	}
}

func TestSupergraphIsFresh(t *testing.T) {
	var subgraphs []compose.Subgraph
	for _, name := range schema.Subgraphs() {
		text, _ := schema.Subgraph(name)
		subgraphs = append(subgraphs, compose.Subgraph{Name: name, SDL: text, File: name + ".graphqls"})
	}
	result, errs := compose.Compose(subgraphs)
	if len(errs) > 0 {
		t.Fatal(errs)
	}
	if result.SDL != schema.Supergraph() {
		t.Error("schema/supergraph.graphql is stale: run make generate")
	}
}

func TestSubgraphsOnOtherMachines(t *testing.T) {
	folder := t.TempDir()
	if err := examples.Build(context.Background(), filepath.Join(folder, "organisation")); err != nil {
		t.Fatal(err)
	}
	catalog := start(t, "subgraph", "catalog", filepath.Join(folder, "organisation"))
	repos := start(t, "subgraph", "repos", filepath.Join(folder, "organisation"))
	sources := start(t, "subgraph", "sources", filepath.Join(folder, "organisation"))
	pipelines := start(t, "subgraph", "pipelines", filepath.Join(folder, "organisation"))
	composed, stderr, code := command(t, "", "compose", "catalog="+catalog.URL+"/graphql", "repos="+repos.URL+"/graphql", "sources="+sources.URL+"/graphql", "pipelines="+pipelines.URL+"/graphql")
	if code != 0 {
		t.Fatal(stderr)
	}
	file := filepath.Join(folder, "supergraph.graphql")
	if err := os.WriteFile(file, []byte(composed), 0o600); err != nil {
		t.Fatal(err)
	}
	gateway := start(t, "gateway", "--supergraph", file)
	whole := start(t, "up", filepath.Join(folder, "organisation"))
	for _, o := range examples.Operations() {
		got, want := gateway.query(o.Query, o.Variables), whole.query(o.Query, o.Variables)
		if g, w := text(got["data"]), text(want["data"]); g != w {
			t.Errorf("%s: over HTTP %s\nin process %s", o.Name, g, w)
		}
	}
}

func text(v any) string {
	out, _ := json.Marshal(v)
	return string(out)
}

func TestWrongCalls(t *testing.T) {
	missing := filepath.Join(t.TempDir(), "missing")
	tests := []struct {
		args []string
		code int
		want string
	}{
		{[]string{"nonsense"}, 2, "nonsense"},
		{[]string{"up", missing}, 1, "missing"},
		{[]string{"gateway"}, 1, "--supergraph"},
		{[]string{"gateway", "--supergraph", "../../schema/supergraph.graphql", "--subgraph", "catalog=nonsense"}, 1, "http or https URL"},
		{[]string{"gateway", "--supergraph", "../../schema/supergraph.graphql", "--subgraph", "nobody=http://localhost"}, 1, "no such subgraph"},
		{[]string{"compose"}, 1, "nothing to compose"},
		{[]string{"compose", "a"}, 1, "NAME=VALUE"},
		{[]string{"plan", missing}, 1, "missing"},
		{[]string{"check", missing}, 1, "missing"},
		{[]string{"up", "--listen", "nowhere:port", "."}, 1, "HOST:PORT"},
	}
	for _, test := range tests {
		_, stderr, code := command(t, "", append(test.args, stateFlag(t, test.args)...)...)
		if code != test.code || !strings.Contains(stderr, test.want) {
			t.Errorf("callboard %s: status %d, want %d with %q in:\n%s", strings.Join(test.args, " "), code, test.code, test.want, stderr)
		}
	}
}

func stateFlag(t *testing.T, args []string) []string {
	if args[0] == "up" || args[0] == "gateway" {
		return []string{"--state", t.TempDir()}
	}
	return nil
}

func TestPlanAndNormalize(t *testing.T) {
	const query = `query Q($with: Boolean!) { entity(ref: "component:default/x") { ref ...F } } fragment F on CatalogEntity { repository @include(if: $with) { defaultBranch } }`
	out, stderr, code := command(t, query, "plan", "--variables", `{"with":true}`, "-")
	if code != 0 || !strings.Contains(out, "from catalog") || !strings.Contains(out, "from repos after 0") {
		t.Errorf("status %d\n%s%s", code, out, stderr)
	}
	out, _, code = command(t, query, "plan", "--variables", `{"with":false}`, "-")
	if code != 0 || strings.Contains(out, "from repos") {
		t.Errorf("a field that is not included is planned: status %d\n%s", code, out)
	}
	out, stderr, code = command(t, query, "plan", "--check", "--variables", `{"with":true}`, "-")
	if code != 0 || !strings.Contains(out, "from repos after 0") || !strings.Contains(out, "\nchecked: each of 2 fetches") {
		t.Errorf("status %d\n%s%s", code, out, stderr)
	}
	out, _, code = command(t, query, "normalize", "--variables", `{"with":true}`, "-")
	if code != 0 || strings.Contains(out, "@include") || !strings.Contains(out, "defaultBranch") {
		t.Errorf("status %d\n%s", code, out)
	}
	_, stderr, code = command(t, `{ nothing }`, "plan", "-")
	if code != 1 || !strings.Contains(stderr, "-:1:3") {
		t.Errorf("status %d, want 1 with the place in\n%s", code, stderr)
	}
}

func TestCheck(t *testing.T) {
	good := filepath.Join(t.TempDir(), "catalog-info.yaml")
	bad := filepath.Join(t.TempDir(), "catalog-info.yaml")
	write := func(name, text string) {
		if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write(good, "apiVersion: backstage.io/v1alpha1\nkind: Component\nmetadata:\n  name: x\nspec:\n  type: service\n  lifecycle: production\n  owner: team-a\n")
	write(bad, "apiVersion: backstage.io/v1alpha1\nkind: Component\nmetadata:\n  name: x\nspec:\n  type: service\n  owner: team-a\n")
	if _, stderr, code := command(t, "", "check", good); code != 0 {
		t.Errorf("a good file: status %d\n%s", code, stderr)
	}
	stdout, stderr, code := command(t, "", "check", good, bad)
	if all := stdout + stderr; code != 1 || !strings.Contains(all, bad+":") || !strings.Contains(all, "lifecycle") {
		t.Errorf("a bad file: status %d\n%s", code, all)
	}
}

// BenchmarkStart measures from the start of the process to the first answered query on the example organisation.
func BenchmarkStart(b *testing.B) {
	folder := filepath.Join(b.TempDir(), "organisation")
	if err := examples.Build(context.Background(), folder); err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		s := start(b, "up", folder)
		if answer := s.query("{ entities(first: 1) { totalCount } }", nil); answer["errors"] != nil {
			b.Fatal(answer)
		}
		b.StopTimer()
		_ = s.stop()
		b.StartTimer()
	}
}
