package main_test

import (
	"encoding/json"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"callboard.dev/callboard/clients/clientstest"
	"callboard.dev/callboard/examples"
)

// What a pipeline is started with, which only the system that runs it may know.
const (
	plantedPassword = "registry-password-7f3a"
	plantedVersion  = "v0.0.0-parameter-7f3a"
)

// planted are components whose pipelines take what is secret, or are on a Jenkins that does not know the token.
const planted = `apiVersion: backstage.io/v1alpha1
kind: Component
metadata: {name: planted, annotations: {jenkins.io/job-full-name: larkfold/playback-api-release}}
spec: {type: service, lifecycle: production, owner: playback}
---
apiVersion: backstage.io/v1alpha1
kind: Component
metadata: {name: refused, annotations: {jenkins.io/job-full-name: "other-jenkins:larkfold/playback-api"}}
spec: {type: service, lifecycle: production, owner: playback}
`

// startPlanted has a pipeline of Jenkins started with what is secret, by who may and by others, and returns all that was answered, what was done among it.
func (s *theatre) startPlanted(c *server) (seen []string) {
	s.t.Helper()
	const (
		pipelines = `query ($of: ID!) { entity(ref: $of) { pipelines { nodes { id name parameters { name default } latestRun { id title url log { lines } } } } } }`
		start     = `mutation ($input: StartPipelineInput!) { startPipeline(input: $input) { run { id title providerTrigger url actor { login name } log { lines } jobs { name failure } } userErrors { code message } } }`
	)
	found := c.as("", pipelines, map[string]any{"of": "component:default/planted"})
	seen = append(seen, fmt.Sprint(found), fmt.Sprint(c.as("", pipelines, map[string]any{"of": "component:default/refused"})))
	id, _ := dig(found, "data", "entity", "pipelines", "nodes", 0, "id").(string)
	if id != "" {
		s.release = id
	}
	for _, token := range []string{"", runnerToken, auditorToken, "a-guess-7f3a"} {
		input := map[string]any{"id": s.release, "parameters": map[string]any{"VERSION": plantedVersion, "REGISTRY_PASSWORD": plantedPassword}}
		seen = append(seen, fmt.Sprint(c.as(token, start, map[string]any{"input": input})))
	}
	told := c.as(auditorToken, audit, map[string]any{"id": s.release})
	if dig(told, "data", "pipelineActions", "nodes", 0, "kind") != "START" {
		s.t.Errorf("what was done is not told: %v", told)
	}
	return append(seen, fmt.Sprint(told))
}

// Nothing that is secret is told, wherever one looks.
func TestSecretsAreKept(t *testing.T) {
	t.Parallel()
	s := newTheatre(t)
	source := s.Sources()[0]
	secrets := []string{source.Token.Reveal(), source.WebhookSecrets[0].Reveal(), "redis-password-7f3a", "jenkins-webhook-7f3a", "jenkins-token-7f3a",
		runnerToken, auditorToken, reporterToken, plantedPassword, plantedVersion, "a-guess-7f3a"}
	file := s.config("1ms", guarded+"log:\n  level: debug\ncache:\n  redis:\n    addresses: [\"localhost:1\"]\n    password: redis-password-7f3a\n")
	text, err := os.ReadFile(file)
	s.do(err)
	// A Jenkins of its own token, which none knows, beside the one that there is.
	write(t, file, strings.Replace(string(text), guarded, fmt.Sprintf("  - {name: other-jenkins, kind: jenkins, url: \"https://other.larkfold.example\", api: %q, user: somebody, token: jenkins-token-7f3a, webhookSecrets: [jenkins-webhook-7f3a], allowAddresses: [127.0.0.0/8]}\n%s", s.Sources()[2].API, guarded), 1))
	folder := t.TempDir()
	write(t, filepath.Join(folder, "catalog-info.yaml"), planted)
	state := t.TempDir()
	c := startIn(t, state, "up", "--config", file, s.checkouts, folder)
	s.do(s.Tell(c.address()))
	var seen []string
	look := func(operation string, variables json.RawMessage) {
		seen = append(seen, string(c.post(operation, variables)))
	}
	everything := func() {
		seen = append(seen, s.startPlanted(c)...)
		look(`{ entity(ref: "component:default/tiles") { ref pipelines { nodes { name } } } }`, nil)
		for _, o := range examples.Operations() {
			look(o.Query, o.Variables)
		}
		look(`{ sources { name kind address healthy circuit lastError lastErrorCode lastErrorAt values { live failed } budgets { resource limit remaining } } cache { healthy lastError } ingestionIssues { nodes { message } } }`, nil)
		answer := c.ask(page, nil)
		seen = append(seen, fmt.Sprint(answer))
	}
	everything()
	if !slices.ContainsFunc(s.Jenkins.Watch.Requests(), func(r clientstest.Seen) bool {
		return strings.Contains(string(r.Body)+r.URL.RawQuery, plantedVersion) && r.Status < 300
	}) {
		t.Errorf("Jenkins was not told what is secret: %v", s.Jenkins.Watch.Counts())
	}
	for _, fault := range []clientstest.Fault{{Kind: clientstest.Status, Status: http.StatusUnauthorized}, {Kind: clientstest.WrongType}, {Kind: clientstest.Cut}, {Kind: clientstest.Down}} {
		s.fail(fault)
		everything()
		s.repair()
	}
	metrics, err := http.Get(c.URL + "/metrics")
	if err != nil {
		t.Fatal(err)
	}
	defer metrics.Body.Close()
	figures, err := io.ReadAll(metrics.Body)
	if err != nil {
		t.Fatal(err)
	}
	printed, problem, _ := command(t, "", "config", "--config", file)
	if err := c.stop(); err != nil {
		t.Error(err)
	}
	seen = append(seen, string(figures), printed, problem, c.stderr.String())
	kept := 0
	s.do(filepath.WalkDir(state, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || !entry.Type().IsRegular() {
			return err
		}
		content, err := os.ReadFile(path)
		if strings.HasPrefix(entry.Name(), "pipelines.db") {
			kept += len(content)
		}
		seen = append(seen, string(content))
		return err
	}))
	if kept == 0 {
		t.Error("what was done is written down nowhere")
	}
	if !strings.Contains(string(figures), "callboard_source_requests_total") || !strings.Contains(c.stderr.String(), "level=DEBUG") {
		t.Error("there is nothing to look at")
	}
	for _, secret := range secrets {
		for _, one := range seen {
			if at := strings.Index(one, secret); at >= 0 {
				t.Errorf("a secret is told: …%s…", one[max(0, at-200):min(len(one), at+100)])
			}
		}
	}
}
