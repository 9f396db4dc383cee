package main

import (
	"bytes"
	"context"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"callboard.dev/callboard/clients/cache"
	"callboard.dev/callboard/clients/clientstest"
	"callboard.dev/callboard/clients/jenkins/jenkinstest"
	"callboard.dev/callboard/clients/jenkins/jenkinstest/stage"
	"callboard.dev/callboard/cmd/callboard/config"
	"callboard.dev/callboard/subgraphs/pipelines/ci"
	"callboard.dev/callboard/subgraphs/repos/host"
)

const jenkinsPages = "https://ci.larkfold.example/jenkins"

// jenkinsSource is the stage as a source.
func jenkinsSource(t *testing.T, s *stage.Stage) config.Source {
	t.Helper()
	server, err := clientstest.Listen("127.0.0.1:0", s, nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(server.Close)
	source := config.NewSource()
	source.Name, source.Kind, source.URL, source.API = "ci", "jenkins", jenkinsPages, server.URL()+"/jenkins"
	source.User, source.Token, source.WebhookSecrets = stage.Ada, config.NewSecret(stage.AdaToken), []config.Secret{config.NewSecret("before"), config.NewSecret("now")}
	source.AllowAddresses = []string{"127.0.0.0/8"}
	source.Fresh = map[string]config.Duration{ci.KindPipelines: config.Duration(time.Hour), ci.KindRun: config.Duration(time.Hour)}
	return source
}

// What Jenkins tells of is out of date at once: the build, its job, and the project that the job is of a branch of.
func TestJenkinsTells(t *testing.T) {
	s := stage.Set(t, jenkinstest.Settings{Address: jenkinsPages})
	var log bytes.Buffer
	u, err := openUpstream(config.Config{Sources: []config.Source{jenkinsSource(t, s)}, Cache: config.Default().Cache}, slog.New(slog.NewTextHandler(&log, nil)), prometheus.NewRegistry(), "test")
	if err != nil {
		t.Fatal(err)
	}
	closed := false
	defer func() {
		if !closed {
			u.close()
		}
	}()
	if len(u.systems) != 1 || len(u.hosts) != 0 || u.systems[0].Name != "ci" || u.systems[0].Provider != ci.Jenkins {
		t.Fatalf("%+v", u)
	}
	mux := http.NewServeMux()
	for path, handler := range u.hooks.handlers() {
		mux.Handle(path, handler)
	}
	board := httptest.NewServer(mux)
	defer board.Close()

	system := u.systems[0]
	projects := func() ci.Loaded[[]*ci.Pipeline] { return system.Overviews(t.Context(), []string{"music/search"})[0] }
	runs := func() ci.Loaded[*ci.Run] { return system.Runs(t.Context(), []string{stage.Main + "#3"})[0] }
	others := func() ci.Loaded[*ci.Run] { return system.Runs(t.Context(), []string{stage.Nightly + "#1"})[0] }
	first := projects()
	if first.State != cache.Live || first.Value[0].Latest.Number != 3 || runs().State != cache.Live || others().State != cache.Live {
		t.Fatalf("%+v", first)
	}
	if !strings.HasPrefix(first.Value[0].URL, jenkinsPages+"/job/") {
		t.Error(first.Value[0].URL)
	}
	if projects().State != cache.Cached || runs().State != cache.Cached {
		t.Fatal("nothing is remembered")
	}

	endpoint := func(password string) string {
		return strings.Replace(board.URL, "http://", "http://jenkins:"+password+"@", 1) + "/webhooks/jenkins"
	}
	tell := func(password string) jenkinstest.Delivery {
		t.Helper()
		if err := s.ChangeJob(stage.Main, func(j *jenkinstest.Job) { j.Endpoints = []jenkinstest.Endpoint{{URL: endpoint(password)}} }); err != nil {
			t.Fatal(err)
		}
		if _, err := s.Trigger(stage.Main, jenkinstest.Trigger{}); err != nil {
			t.Fatal(err)
		}
		s.Pass(5 * time.Second)
		s.Advance()
		deliveries := s.Deliveries()
		return deliveries[len(deliveries)-1]
	}
	if d := tell("guess"); d.Status != http.StatusUnauthorized {
		t.Errorf("a webhook of anybody is answered with %d: %v", d.Status, d.Err)
	}
	if projects().State != cache.Cached {
		t.Error("a webhook of anybody changes something")
	}
	s.Pass(2 * time.Minute)
	s.Advance()
	if d := tell("now"); d.Status != http.StatusAccepted {
		t.Fatalf("the webhook is answered with %d: %v", d.Status, d.Err)
	}
	patience, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	for projects().State == cache.Cached { // the webhook is answered before it is handled
		if patience.Err() != nil {
			t.Fatal("what was told of is still remembered")
		}
	}
	if latest := projects().Value[0].Latest; latest.Number != 5 || latest.Status != ci.Running {
		t.Errorf("%+v", latest)
	}
	for runs().State == cache.Cached {
		if patience.Err() != nil {
			t.Fatal("what was told of is still remembered")
		}
	}
	if others().State != cache.Cached {
		t.Error("what was not told of is forgotten")
	}
	u.close()
	closed = true
	if text := log.String(); !strings.Contains(text, "a webhook was refused") || strings.Contains(text, "guess") || strings.Contains(text, stage.AdaToken) {
		t.Error(text)
	}
}

// The event's own address says which of several that share a secret it is of.
func TestJenkinsOfAnEvent(t *testing.T) {
	s := stage.Set(t, jenkinstest.Settings{Address: jenkinsPages})
	one, two := jenkinsSource(t, s), jenkinsSource(t, s)
	two.Name, two.URL = "ci2", "https://ci.larkfold.example/second/"
	u, err := openUpstream(config.Config{Sources: []config.Source{one, two}, Cache: config.Default().Cache}, slog.New(slog.DiscardHandler), prometheus.NewRegistry(), "test")
	if err != nil {
		t.Fatal(err)
	}
	defer u.close()
	for instance, want := range map[string]string{jenkinsPages + "/": "ci", "https://CI.larkfold.example/second/": "ci2", "https://ci.larkfold.example/": "ci", "": "ci", "%": "ci"} {
		if got := u.hooks.builder("ci", instance); got == nil || got.Name != want {
			t.Errorf("%q: %+v", instance, got)
		}
	}
	if got := u.hooks.builder("none", "https://other.larkfold.example/"); got != nil {
		t.Errorf("%+v", got)
	}
}

// How long what is good can be said of every kind of value that a source has.
func TestFreshness(t *testing.T) {
	for _, test := range []struct {
		kind, value string
		known       bool
	}{
		{"github", ci.KindRuns, true}, {"github", "repository", true}, {"gitlab", ci.KindLog, true}, {"jenkins", ci.KindRuns, true}, {"jenkins", "repository", false}, {"jenkins", "run s", false},
	} {
		got, err := policies(config.Source{Kind: test.kind, Keep: config.Duration(time.Hour), Fresh: map[string]config.Duration{test.value: config.Duration(7 * time.Second)}})
		if (err == nil) != test.known || test.known && (got[test.value].Fresh != 7*time.Second || got[test.value].OnError != time.Hour) {
			t.Errorf("%s: %v, %v", test.kind, got[test.value], err)
		}
		if err != nil && !strings.Contains(err.Error(), "there are: all pipelines, artifacts, comparison") {
			t.Error(err)
		}
	}
}

// Repository hosts build and test, too; what they tell of is out of date for both.
func TestSystemsOfHosts(t *testing.T) {
	var sources []config.Source
	for name, kind := range map[string]string{"hub": "github", "lab": "gitlab"} {
		source := config.NewSource()
		source.Name, source.Kind, source.URL = name, kind, "https://"+name+".larkfold.example"
		sources = append(sources, source)
	}
	u, err := openUpstream(config.Config{Sources: sources, Cache: config.Default().Cache}, slog.New(slog.DiscardHandler), prometheus.NewRegistry(), "test")
	if err != nil {
		t.Fatal(err)
	}
	defer u.close()
	if len(u.systems) != 2 || len(u.hosts) != 2 {
		t.Fatalf("%d systems of %d hosts", len(u.systems), len(u.hosts))
	}
	for i, s := range u.systems {
		h := u.hosts[i]
		if want := map[string]ci.Provider{"hub": ci.GitHubActions, "lab": ci.GitLabCI}[h.Name]; s.Name != h.Name || s.Provider != want || s.Forge() != h.Host || s.Hosting() == nil {
			t.Errorf("%+v", s)
		}
		if a, b := s.Outdated("Larkfold/App"), h.Outdated(host.Changed{Repositories: []string{"Larkfold/App"}}); len(a) != 1 || len(b) != 1 || a[0] != b[0] {
			t.Errorf("%v, %v", a, b)
		}
	}
}
