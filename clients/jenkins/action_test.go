package jenkins_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"callboard.dev/callboard/clients"
	"callboard.dev/callboard/clients/clientstest"
	"callboard.dev/callboard/clients/jenkins"
	"callboard.dev/callboard/clients/jenkins/jenkinstest"
	"callboard.dev/callboard/clients/jenkins/jenkinstest/stage"
)

// TestStart starts a build and follows it from the queue to its end.
func TestStart(t *testing.T) {
	s := stage.Set(t, settings)
	c := on(t, s, stage.Ada, stage.AdaToken)
	ctx := t.Context()
	s.Watch.Reset()
	q := jenkins.StartQuery{Job: stage.Deploy, Parameters: []jenkins.Parameter{{Name: "ENVIRONMENT", Value: "production"}, {Name: "VERSION", Value: "1 & 2=3"}, {Name: "DRY_RUN", Value: "false"}}}
	number := ok[int64](t)(c.Start(ctx, q))
	if n := s.Watch.Count(""); n != 1 {
		t.Errorf("%d requests: %v", n, s.Watch.Counts())
	}
	item := ok[*jenkins.Item](t)(c.Item(ctx, number))
	if item.State != jenkins.InQuietPeriod || item.Job != stage.Deploy || !strings.Contains(item.Why, "quiet") || item.Build != (jenkins.BuildID{}) || !item.Since.Equal(stage.Now) {
		t.Errorf("%+v", item)
	}
	if queue := ok[[]jenkins.Item](t)(c.Queue(ctx)); len(queue) != 1 || fmt.Sprintf("%+v", queue[0]) != fmt.Sprintf("%+v", *item) {
		t.Errorf("%+v", queue)
	}
	if again := ok[int64](t)(c.Start(ctx, q)); again != number {
		t.Errorf("the same build is another item of the queue: %d, %d", number, again)
	}
	s.Pass(5 * time.Second)
	if item = ok[*jenkins.Item](t)(c.Item(ctx, number)); item.State != jenkins.Left || item.Build != id(stage.Deploy, 1) {
		t.Errorf("%+v", item)
	}
	b := ok[*jenkins.Build](t)(c.Build(ctx, item.Build))
	if !b.Building || b.Result != "" || b.Duration != 0 || b.Estimate != 0 || b.Waited != 5*time.Second || b.QueueID != number {
		t.Errorf("%+v", b)
	}
	if got := fmt.Sprint(b.Parameters, b.Causes[0]); got != "[{ENVIRONMENT production false} {VERSION 1 & 2=3 false} {DRY_RUN false false} {PASSWORD  true}] {hudson.model.Cause$UserIdCause Started by user Ada Lark ada  #0}" {
		t.Error(got)
	}
	s.Pass(10 * time.Minute)
	if b = ok[*jenkins.Build](t)(c.Build(ctx, item.Build)); b.Building || b.Result != jenkins.Success || b.Duration != 100*time.Second {
		t.Errorf("%+v", b)
	}
	if _, err := c.Item(ctx, number); !errors.Is(err, clients.ErrNotFound) {
		t.Errorf("an item that left long ago: %v", err)
	}
	// Built again, with what it was built with.
	s.Watch.Reset()
	number = ok[int64](t)(c.Rebuild(ctx, id(stage.Deploy, 1)))
	if n := s.Watch.Count(""); n != 2 {
		t.Errorf("%d requests: %v", n, s.Watch.Counts())
	}
	s.Pass(10 * time.Second)
	again := ok[*jenkins.Build](t)(c.Build(ctx, ok[*jenkins.Item](t)(c.Item(ctx, number)).Build))
	if again.Number != 2 || fmt.Sprint(again.Parameters) != fmt.Sprint(b.Parameters) || again.Estimate != 100*time.Second {
		t.Errorf("%+v", again)
	}
}

// TestRefusals checks what Jenkins says no to.
func TestRefusals(t *testing.T) {
	s := stage.Set(t, settings)
	ada, max, nobody := on(t, s, stage.Ada, stage.AdaToken), on(t, s, stage.Max, stage.MaxToken), on(t, s, "", "")
	ctx := t.Context()
	if err := s.ChangeJob(stage.Lint, func(j *jenkinstest.Job) { j.Disabled = true }); err != nil {
		t.Fatal(err)
	}
	start := func(c *jenkins.Client, q jenkins.StartQuery) error { _, err := c.Start(ctx, q); return err }
	for _, one := range []struct {
		what string
		err  error
		kind error
	}{
		{"who may only read", start(max, jenkins.StartQuery{Job: stage.Main}), clients.ErrForbidden},
		{"nobody", start(nobody, jenkins.StartQuery{Job: stage.Main}), clients.ErrForbidden},
		{"a wrong token", start(on(t, s, stage.Ada, "wrong"), jenkins.StartQuery{Job: stage.Main}), clients.ErrForbidden},
		{"no job", start(ada, jenkins.StartQuery{Job: "none"}), clients.ErrNotFound},
		{"a disabled job", start(ada, jenkins.StartQuery{Job: stage.Lint}), clients.ErrBadAnswer},
		{"no parameters", start(ada, jenkins.StartQuery{Job: stage.Deploy}), clients.ErrBadAnswer},
		{"parameters of a job that takes none", start(ada, jenkins.StartQuery{Job: stage.Main, Parameters: []jenkins.Parameter{{Name: "X"}}}), clients.ErrUnavailable},
		{"stopping what is not there", ada.Stop(ctx, id(stage.Main, 99)), clients.ErrNotFound},
		{"stopping without the permission", max.Stop(ctx, id(stage.Main, 3)), clients.ErrForbidden},
		{"replaying a freestyle build", ada.Replay(ctx, id(stage.Nightly, 1)), clients.ErrNotFound},
		{"cancelling what is not there", ada.Cancel(ctx, 999), clients.ErrNotFound},
	} {
		if e := clients.Of(one.err); !errors.Is(one.err, one.kind) || e == nil || e.Source != "jenkins" {
			t.Errorf("%s: %v", one.what, one.err)
		}
	}
	if queue := ok[[]jenkins.Item](t)(ada.Queue(ctx)); len(queue) != 0 {
		t.Errorf("%+v", queue)
	}
	if e := start(ada, jenkins.StartQuery{Job: stage.Deploy}); !strings.Contains(e.Error(), "takes parameters") {
		t.Error(e)
	}
}

func TestReplayStopCancel(t *testing.T) {
	s := stage.Set(t, settings)
	c := on(t, s, stage.Ada, stage.AdaToken)
	ctx := t.Context()
	if err := c.Replay(ctx, id(stage.Main, 1)); err != nil {
		t.Fatal(err)
	}
	latest := ok[[]jenkins.Build](t)(c.Builds(ctx, jenkins.BuildsQuery{Job: stage.Main, Most: 1}))[0]
	if latest.Number != 4 || string(latest.Revisions[0].Commit) != stage.Old || latest.Causes[1].By != id(stage.Main, 1) {
		t.Errorf("%+v", latest)
	}
	s.Pass(30 * time.Second)
	if err := c.Stop(ctx, id(stage.Main, 4)); err != nil {
		t.Fatal(err)
	}
	if b := ok[*jenkins.Build](t)(c.Build(ctx, id(stage.Main, 4))); b.Building || b.Result != jenkins.Aborted || b.Duration != 30*time.Second {
		t.Errorf("%+v", b)
	}
	if err := c.Stop(ctx, id(stage.Main, 4)); err != nil {
		t.Errorf("stopping what has stopped: %v", err)
	}
	item := ok[int64](t)(c.Start(ctx, jenkins.StartQuery{Job: stage.Main}))
	if err := c.Cancel(ctx, item); err != nil {
		t.Fatal(err)
	}
	if i := ok[*jenkins.Item](t)(c.Item(ctx, item)); i.State != jenkins.Cancelled {
		t.Errorf("%+v", i)
	}
	// One of a job at a time, and two of all.
	ok[int64](t)(c.Start(ctx, jenkins.StartQuery{Job: stage.Main}))
	s.Pass(6 * time.Second)
	second := ok[int64](t)(c.Start(ctx, jenkins.StartQuery{Job: stage.Main}))
	ok[int64](t)(c.Start(ctx, jenkins.StartQuery{Job: stage.Lint}))
	third := ok[int64](t)(c.Start(ctx, jenkins.StartQuery{Job: stage.Nightly}))
	s.Pass(6 * time.Second)
	if i := ok[*jenkins.Item](t)(c.Item(ctx, second)); i.State != jenkins.Blocked || i.Why != "Build #5 is already in progress" {
		t.Errorf("%+v", i)
	}
	if i := ok[*jenkins.Item](t)(c.Item(ctx, third)); i.State != jenkins.Buildable {
		t.Errorf("%+v", i)
	}
	s.Pass(100 * time.Second)
	if i := ok[*jenkins.Item](t)(c.Item(ctx, second)); i.State != jenkins.Left || i.Build.Number != 6 {
		t.Errorf("%+v", i)
	}
}

// TestCrumbs checks that with a password an action gets a crumb and its session, through all of package clients, and without being told.
func TestCrumbs(t *testing.T) {
	s := stage.Set(t, jenkinstest.Settings{})
	c := through(t, s, stage.Ada, stage.AdaPassword)
	ctx := t.Context()
	for i, requests := range []int{3, 2, 2} { // the first finds out that crumbs are wanted
		s.Watch.Reset()
		item := ok[int64](t)(c.Start(ctx, jenkins.StartQuery{Job: stage.Main}))
		if n := s.Watch.Count(""); n != requests {
			t.Errorf("%d requests: %v", n, s.Watch.Counts())
		}
		s.Pass(2 * time.Minute)
		if b := ok[*jenkins.Item](t)(c.Item(ctx, item)).Build; b.Number != 4+i {
			t.Errorf("%+v", b)
		}
	}
	for _, seen := range s.Watch.Requests() {
		if seen.Method == "GET" && (seen.Header.Get("Jenkins-Crumb") != "" || seen.Header.Get("Cookie") != "") {
			t.Errorf("%s: a crumb goes along with a question", seen.Route)
		}
	}
	// With an API token none is asked for.
	token := through(t, s, stage.Ada, stage.AdaToken)
	s.Watch.Reset()
	ok[int64](t)(token.Start(ctx, jenkins.StartQuery{Job: stage.Lint}))
	if n := s.Watch.Count(""); n != 1 {
		t.Errorf("with a token %d requests: %v", n, s.Watch.Counts())
	}
	// Where they are switched off, a refusal is one.
	off := stage.Set(t, jenkinstest.Settings{Unprotected: true})
	s.Watch.Reset()
	if _, err := through(t, off, stage.Max, stage.MaxToken).Start(ctx, jenkins.StartQuery{Job: stage.Lint}); !errors.Is(err, clients.ErrForbidden) || off.Watch.Count("") != 2 {
		t.Errorf("%v, %v", err, off.Watch.Counts())
	}
	ok[int64](t)(through(t, off, stage.Ada, stage.AdaPassword).Start(ctx, jenkins.StartQuery{Job: stage.Lint}))
}

// TestOnce checks that an action whose answer was lost is not tried again: a build must not be started twice.
func TestOnce(t *testing.T) {
	for _, kind := range []clientstest.Kind{clientstest.Cut, clientstest.Status, clientstest.Down} {
		s := stage.Set(t, jenkinstest.Settings{})
		count := &counting{next: s}
		c := through(t, count, stage.Ada, stage.AdaToken)
		s.Faults.Add(clientstest.Fault{Kind: kind, Route: "POST /", Times: 1})
		_, err := c.Start(t.Context(), jenkins.StartQuery{Job: stage.Main})
		if err == nil || clients.Of(err) == nil {
			t.Errorf("%s: %v", kind, err)
		}
		if n := count.n.Load(); n != 1 {
			t.Errorf("%s: %d requests", kind, n)
		}
	}
}

// TestThrough reads through all of package clients.
func TestThrough(t *testing.T) {
	s := stage.Set(t, jenkinstest.Settings{})
	c := through(t, s, stage.Max, stage.MaxToken)
	for name, ask := range everything(c, stage.Main) {
		if err := ask(t.Context()); err != nil && !strings.Contains(name, "!") {
			t.Errorf("%s: %v", name, err)
		}
	}
	if log := ok[*jenkins.Log](t)(c.Log(t.Context(), jenkins.LogQuery{Build: id(stage.Lint, 1), Most: 100})); len(log.Text) != 100 || !log.More {
		t.Errorf("%+v", log)
	}
}
