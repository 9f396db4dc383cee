package main_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"callboard.dev/callboard/clients/clientstest"
	"callboard.dev/callboard/cmd/callboard/demo"
	"callboard.dev/callboard/examples"
	"callboard.dev/callboard/subgraphs/pipelines/ci"
)

// theatre is the example organisation with its hosts, which the test controls, and a folder with the checkouts.
type theatre struct {
	*demo.Stage
	t         testing.TB
	checkouts string
	release   string // the id of the pipeline that startPlanted starts
	announce  string // how pull requests on GitHub get a link to their view, and of which repository, as "comment larkfold/tiles"; not at all where empty
}

func newTheatre(t testing.TB) *theatre {
	t.Helper()
	stage, err := demo.Open(t.Context(), t.TempDir(), slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(stage.Close)
	names, err := demo.CheckedOut()
	if err != nil {
		t.Fatal(err)
	}
	s := &theatre{Stage: stage, t: t, checkouts: filepath.Join(t.TempDir(), "examples")}
	if err := examples.Build(t.Context(), s.checkouts, names...); err != nil {
		t.Fatal(err)
	}
	return s
}

// config writes a configuration with the hosts as sources; fresh is how long anything of them is fresh, and more is further YAML.
func (s *theatre) config(fresh, more string) string {
	s.t.Helper()
	var b strings.Builder
	b.WriteString("sources:\n")
	for _, source := range s.Sources() {
		fmt.Fprintf(&b, "  - name: %s\n    kind: %s\n    url: %s\n    api: %s\n    token: %s\n    webhookSecrets: [%s]\n    allowAddresses: [127.0.0.0/8]\n",
			source.Name, source.Kind, source.URL, source.API, source.Token.Reveal(), source.WebhookSecrets[0].Reveal())
		if source.User != "" {
			fmt.Fprintf(&b, "    user: %s\n", source.User)
		}
		if len(source.Discover.Groups) > 0 {
			fmt.Fprintf(&b, "    discover:\n      groups: [%s]\n", strings.Join(source.Discover.Groups, ", "))
		}
		if as, of, told := strings.Cut(s.announce, " "); told && source.Kind == "github" {
			fmt.Fprintf(&b, "    announce: {as: %s, repositories: [%q]}\n", as, of)
		}
		if fresh != "" {
			b.WriteString("    fresh:\n")
			kinds := slices.Sorted(maps.Keys(ci.Policies()))
			if source.Kind != "jenkins" {
				kinds = append(kinds, "repository", "pull requests", "pull request", "issues", "search", "refs", "ref", "releases", "labels", "contributors",
					"commit", "history", "changed files", "folder", "file")
			}
			for _, kind := range kinds {
				fmt.Fprintf(&b, "      %s: %s\n", kind, fresh)
			}
		}
	}
	b.WriteString(more)
	name := filepath.Join(s.t.TempDir(), "callboard.yaml")
	if err := os.WriteFile(name, []byte(b.String()), 0o600); err != nil {
		s.t.Fatal(err)
	}
	return name
}

// up starts Callboard on it and has the hosts tell it of changes. It returns when the catalog has what the hosts have.
func (s *theatre) up(config string) *server {
	s.t.Helper()
	running := start(s.t, "up", "--config", config, s.checkouts)
	if err := s.Tell(running.address()); err != nil {
		s.t.Fatal(err)
	}
	until(s.t, "the entities of GitLab are there", func() bool {
		answer := running.query(`{ entity(ref: "component:default/mixes-api") { ref } }`, nil)
		return dig(answer, "data", "entity", "ref") != nil
	})
	return running
}

// address is where it listens.
func (s *server) address() net.Addr {
	s.t.Helper()
	tcp, err := net.ResolveTCPAddr("tcp", strings.TrimPrefix(s.URL, "http://"))
	if err != nil {
		s.t.Fatal(err)
	}
	return tcp
}

// simulated is a host that the test controls.
type simulated struct {
	name   string // of the source
	faults *clientstest.Faults
	watch  *clientstest.Watch
}

// hosts are all that there are, in the order of the sources.
func (s *theatre) hosts() []simulated {
	return []simulated{
		{demo.GitHub, &s.GitHub.Faults, &s.GitHub.Watch}, {demo.GitLab, &s.GitLab.Faults, &s.GitLab.Watch}, {demo.Jenkins, &s.Jenkins.Faults, &s.Jenkins.Watch},
	}
}

// fail has all hosts fail.
func (s *theatre) fail(fault clientstest.Fault) {
	for _, h := range s.hosts() {
		h.faults.Add(fault)
	}
}

// repair has all hosts work again.
func (s *theatre) repair() {
	for _, h := range s.hosts() {
		h.faults.Clear()
	}
}

// asked is how often the hosts were asked since they were last forgotten.
func (s *theatre) asked() (sum int) {
	for _, h := range s.hosts() {
		sum += len(h.watch.Requests())
	}
	return sum
}

func (s *theatre) forget() {
	for _, h := range s.hosts() {
		h.watch.Reset()
	}
}

// until waits for what happens behind the scenes.
func until(t testing.TB, what string, happened func() bool) {
	t.Helper()
	for deadline := time.Now().Add(2 * time.Minute); !happened(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("after two minutes it is not so that %s", what)
		}
	}
}

// dig follows keys and indexes into an answer; nil where they lead nowhere.
func dig(in any, way ...any) any {
	for _, step := range way {
		switch key := step.(type) {
		case string:
			object, _ := in.(map[string]any)
			in = object[key]
		case int:
			list, _ := in.([]any)
			if key >= len(list) {
				return nil
			}
			in = list[key]
		}
	}
	return in
}

// sourced is an answer with what it says of its sources.
type sourced struct {
	Data       json.RawMessage
	Errors     []problem
	Extensions struct{ Sources []sourceReport }
}

type problem struct {
	Message    string
	Path       []any
	Extensions struct{ Code, Source, RetryAt string }
}

type sourceReport struct {
	Name                        string
	Live, Cached, Stale, Failed int
	Oldest                      string
	Errors                      []struct {
		Code, RetryAt string
		Paths         [][]any
	}
}

// total adds up what the sources of an answer say.
func (a sourced) total() (sum sourceReport) {
	for _, s := range a.Extensions.Sources {
		if s.Name == "git" {
			continue
		}
		sum.Live, sum.Cached, sum.Stale, sum.Failed = sum.Live+s.Live, sum.Cached+s.Cached, sum.Stale+s.Stale, sum.Failed+s.Failed
	}
	return sum
}

// ask sends an operation that wants to know about its sources.
func (s *server) ask(text string, variables json.RawMessage) sourced {
	s.t.Helper()
	body, err := json.Marshal(map[string]any{"query": text, "variables": variables, "extensions": map[string]any{"sources": true}})
	if err != nil {
		s.t.Fatal(err)
	}
	response, err := http.Post(s.URL+"/graphql", "application/json", bytes.NewReader(body))
	if err != nil {
		s.t.Fatal(err)
	}
	defer response.Body.Close()
	out, err := io.ReadAll(response.Body)
	if err != nil {
		s.t.Fatal(err)
	}
	var answer sourced
	if err := json.Unmarshal(out, &answer); err != nil {
		s.t.Fatalf("%v: %s", err, out)
	}
	return answer
}

// write makes a file.
func write(t testing.TB, name, text string) {
	t.Helper()
	if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}
