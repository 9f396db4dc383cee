package ci_test

import (
	"fmt"
	"io"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"testing"
	"time"

	"callboard.dev/callboard/clients"
	"callboard.dev/callboard/clients/clientstest"
	"callboard.dev/callboard/clients/jenkins"
	"callboard.dev/callboard/clients/jenkins/jenkinstest"
	"callboard.dev/callboard/clients/jenkins/jenkinstest/stage"
	"callboard.dev/callboard/subgraphs/pipelines/ci"
)

func TestJenkinsRerun(t *testing.T) {
	b := onJenkins(t, jenkinstest.Settings{})
	run, err := b.Start(t.Context(), ci.StartQuery{Pipeline: stage.Deploy, Parameters: map[string]string{"ENVIRONMENT": "production", "VERSION": "1.2"}})
	b.must(err)
	b.costs(2, "starting a job")
	if run.Pipeline != stage.Deploy || run.Status != ci.Queued || run.Branch != "" {
		t.Errorf("%+v", run)
	}
	b.Pass(10 * time.Minute)
	b.asked.Store(0)
	again, err := b.Rerun(t.Context(), stage.Deploy+"#1")
	b.must(err)
	b.costs(2, "running a build again")
	if again.Key == run.Key || !strings.HasPrefix(again.Key, stage.Deploy+"#q") || again.Status != ci.Queued {
		t.Errorf("%+v", again)
	}
	b.Pass(10 * time.Second)
	if got := jenkinsOne(b, b.Runs, again.Key); got.Key != stage.Deploy+"#2" || got.Status != ci.Running || got.Trigger != ci.ByHand {
		t.Errorf("%+v", got)
	}
	params := ""
	for _, seen := range b.Watch.Requests() {
		if seen.Method == http.MethodPost {
			params = string(seen.Body)
		}
	}
	if params != "DRY_RUN=true&ENVIRONMENT=production&VERSION=1.2" {
		t.Errorf("it was built with %s", params)
	}
	_, err = b.RerunFailed(t.Context(), stage.Deploy+"#1")
	b.isKind("running what failed again", err, ci.ErrUnsupported)
	b.must(b.ChangeJob(stage.Deploy, func(j *jenkinstest.Job) { j.Disabled = true }))
	_, err = b.Rerun(t.Context(), stage.Deploy+"#1")
	b.isKind("running a disabled job again", err, ci.ErrRefused)
	if !strings.Contains(err.Error(), "disabled") {
		t.Error(err)
	}
	_, err = b.Rerun(t.Context(), stage.Deploy+"#99")
	b.isKind("running nothing again", err, clients.ErrNotFound)
	_, err = b.Rerun(t.Context(), stage.Deploy)
	b.isKind("running no run again", err, ci.ErrInvalid)
}

func TestJenkinsCancel(t *testing.T) {
	b := onJenkins(t, jenkinstest.Settings{})
	queued, err := b.Start(t.Context(), ci.StartQuery{Pipeline: "music/search"})
	b.must(err)
	if queued.Branch != "main" {
		t.Errorf("%+v", queued)
	}
	b.asked.Store(0)
	canceled, err := b.Cancel(t.Context(), queued.Key)
	b.must(err)
	b.costs(3, "taking something out of the queue")
	if canceled.Status != ci.Canceled || canceled.Key != queued.Key || canceled.Reruns != (ci.Reruns{}) {
		t.Errorf("%+v", canceled)
	}
	if got := jenkinsOne(b, b.Runs, queued.Key); got.Status != ci.Canceled || got.Word != "cancelled" {
		t.Errorf("%+v", got)
	}
	if s := jenkinsOne(b, b.Stages, queued.Key); !s.Done {
		t.Errorf("%+v", s)
	}
	if l := jenkinsOne(b, b.Logs, ci.LogQuery{Run: queued.Key, Most: 1}); l.Runs {
		t.Errorf("%+v", l)
	}
	_, err = b.Cancel(t.Context(), queued.Key)
	b.isKind("canceling twice", err, ci.ErrRefused)
	_, err = b.Rerun(t.Context(), queued.Key)
	b.isKind("running again what never ran", err, ci.ErrRefused)

	// What has left the queue in the meantime is stopped.
	queued, err = b.Start(t.Context(), ci.StartQuery{Pipeline: stage.Main})
	b.must(err)
	b.Pass(30 * time.Second)
	canceled, err = b.Cancel(t.Context(), queued.Key)
	b.must(err)
	if canceled.Key != stage.Main+"#4" || canceled.Status != ci.Canceled || canceled.Word != "ABORTED" || *canceled.Duration != 25*time.Second || canceled.Pipeline != "music/search" {
		t.Errorf("%+v", canceled)
	}
	b.asked.Store(0)
	_, err = b.Cancel(t.Context(), stage.Main+"#4")
	b.isKind("canceling what is over", err, ci.ErrRefused)
	b.costs(1, "canceling what is over")
	_, err = b.Cancel(t.Context(), stage.Main+"#q999")
	b.isKind("canceling nothing", err, clients.ErrNotFound)
}

func TestJenkinsStart(t *testing.T) {
	b := onJenkins(t, jenkinstest.Settings{})
	full, err := b.AddBranch("music/search", "fix#12", jenkinstest.Job{Parameters: []jenkinstest.Parameter{{Name: "FAST", Flag: true}}})
	b.must(err)
	run, err := b.Start(t.Context(), ci.StartQuery{Pipeline: "music/search", Ref: "fix#12", Parameters: map[string]string{"FAST": "true"}})
	b.must(err)
	if ci.OwnerOf(run.Key) != "music/search/fix#12" || run.Pipeline != "music/search" || run.Branch != "fix#12" {
		t.Errorf("%+v", run)
	}
	b.Pass(time.Minute)
	if got := jenkinsOne(b, b.Runs, run.Key); got.Key != full+"#1" || got.Branch != "fix#12" {
		t.Errorf("%+v", got)
	}
	if _, err := b.Start(t.Context(), ci.StartQuery{Pipeline: stage.Main, Ref: "main"}); err != nil {
		t.Error(err)
	}
	b.must(b.ChangeJob(stage.Lint, func(j *jenkinstest.Job) { j.Disabled = true }))
	b.must(b.AddMultibranch("empty", ""))
	b.Watch.Reset()
	for _, c := range []struct {
		q    ci.StartQuery
		kind error
		says string
	}{
		{ci.StartQuery{Pipeline: stage.Deploy, Parameters: map[string]string{"ENVIRONMENT": "moon"}}, ci.ErrInvalid, "ENVIRONMENT is one of staging, production"},
		{ci.StartQuery{Pipeline: stage.Deploy, Parameters: map[string]string{"DRY_RUN": "yes"}}, ci.ErrInvalid, "DRY_RUN is one of true, false"},
		{ci.StartQuery{Pipeline: stage.Deploy, Parameters: map[string]string{"env": "staging"}}, ci.ErrInvalid, `"env"; it takes DRY_RUN, ENVIRONMENT, PASSWORD, VERSION`},
		{ci.StartQuery{Pipeline: stage.Main, Parameters: map[string]string{"X": "1"}}, ci.ErrInvalid, `"X"`},
		{ci.StartQuery{Pipeline: stage.Nightly, Ref: "other"}, ci.ErrUnsupported, "name none"},
		{ci.StartQuery{Pipeline: stage.Lint}, ci.ErrRefused, "disabled"},
		{ci.StartQuery{Pipeline: "music"}, ci.ErrInvalid, "a folder"},
		{ci.StartQuery{Pipeline: "empty"}, ci.ErrInvalid, "name a branch"},
		{ci.StartQuery{Pipeline: "music/search", Ref: "none"}, ci.ErrInvalid, `no branch "none"`},
		{ci.StartQuery{Pipeline: "music/search", Ref: "a:b"}, ci.ErrInvalid, ""},
		{ci.StartQuery{Pipeline: "none"}, clients.ErrNotFound, ""},
		{ci.StartQuery{Pipeline: "a#1"}, ci.ErrInvalid, ""},
	} {
		_, err := b.Start(t.Context(), c.q)
		b.isKind(fmt.Sprint(c.q), err, c.kind)
		if err != nil && !strings.Contains(err.Error(), c.says) {
			t.Errorf("%v does not say %s", err, c.says)
		}
	}
	for _, seen := range b.Watch.Requests() {
		if seen.Method != http.MethodGet {
			t.Errorf("%s %s", seen.Method, seen.URL.Path)
		}
	}
}

// Through all of package clients what Jenkins says no to is told as it is without.
func TestJenkinsThroughClients(t *testing.T) {
	b := onJenkins(t, jenkinstest.Settings{})
	server, err := clientstest.Listen("127.0.0.1:0", b, nil)
	b.must(err)
	t.Cleanup(server.Close)
	address, _ := url.Parse(server.URL() + "/jenkins")
	source, err := clients.Open(clients.Settings{Name: "jenkins", Kind: "jenkins", Address: address, Token: clients.Basic(stage.Ada, stage.AdaToken), Allow: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}}, clients.Shared{})
	b.must(err)
	t.Cleanup(source.Close)
	client, err := jenkins.New("jenkins", address, source.HTTP())
	b.must(err)
	d := ci.NewJenkins(client.Fetching(source.Elsewhere))
	b.must(b.ChangeJob(stage.Nightly, func(j *jenkinstest.Job) { j.Disabled = true }))
	_, err = d.Rerun(t.Context(), stage.Nightly+"#1")
	b.isKind("running a disabled job again", err, ci.ErrRefused)
	_, err = d.Cancel(t.Context(), stage.Nightly+"#1")
	b.isKind("canceling what is over", err, ci.ErrRefused)
	_, err = d.Cancel(t.Context(), stage.Nightly+"#q77")
	b.isKind("canceling nothing", err, clients.ErrNotFound)
	run, err := d.Start(t.Context(), ci.StartQuery{Pipeline: "music/search"})
	b.must(err)
	if got, errs := d.Runs(t.Context(), []string{run.Key}); errs[0] != nil || got[0].Status != ci.Queued {
		t.Errorf("%+v, %v", got[0], errs[0])
	}
	body, size, err := d.Open(t.Context(), stage.Main+"#3", "build/search 1.0.tar.gz", 7)
	b.must(err)
	defer body.Close()
	if text, err := io.ReadAll(body); err != nil || string(text) != "archive" || size != 7 && size != -1 {
		t.Errorf("%q of %d bytes: %v", text, size, err)
	}
}
