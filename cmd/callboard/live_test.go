package main_test

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/coder/websocket"

	"callboard.dev/callboard/clients/github/githubtest"
)

// Subscriptions to a run: with what its own subgraph tells, and with the commit, of which another one tells more.
const (
	watched           = `id event missedEvents status attempt pipeline { id name provider } stages { name status } jobs { name status }`
	watchRun          = `subscription ($id: ID!, $after: String) { pipelineRun(id: $id, after: $after) { ` + watched + ` } }`
	watchRunAndCommit = `subscription ($id: ID!, $after: String) { pipelineRun(id: $id, after: $after) { ` + watched + ` commit { oid messageHeadline author { name } } } }`
)

// events are what a subscription gets, until it ends.
type events chan map[string]any

// next waits for an event that is so; ended is whether the subscription ended instead.
func (e events) next(t testing.TB, what string, is func(run any) bool) any {
	t.Helper()
	deadline := time.After(time.Minute)
	for {
		select {
		case event, open := <-e:
			if !open {
				t.Fatalf("the subscription ended before it was so that %s", what)
			}
			if event["errors"] != nil {
				t.Fatalf("%v", event)
			}
			if run := dig(event, "data", "pipelineRun"); is(run) {
				return run
			}
		case <-deadline:
			t.Fatalf("after a minute no event tells that %s", what)
		}
	}
}

// ends waits for the end.
func (e events) ends(t testing.TB) {
	t.Helper()
	deadline := time.After(time.Minute)
	for {
		select {
		case _, open := <-e:
			if !open {
				return
			}
		case <-deadline:
			t.Fatal("after a minute the subscription has not ended")
		}
	}
}

// subscribe subscribes by server-sent events.
func (s *server) subscribe(client *http.Client, token, query string, variables map[string]any) (events, error) {
	body, err := json.Marshal(map[string]any{"query": query, "variables": variables})
	if err != nil {
		return nil, err
	}
	request, err := http.NewRequestWithContext(s.t.Context(), http.MethodPost, s.URL+"/graphql", bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	request.Header.Set("Content-Type", "application/json")
	request.Header.Set("Accept", "text/event-stream")
	if token != "" {
		request.Header.Set("Authorization", "Bearer "+token)
	}
	response, err := client.Do(request)
	if err != nil {
		return nil, err
	}
	if kind := response.Header.Get("Content-Type"); !strings.HasPrefix(kind, "text/event-stream") {
		response.Body.Close()
		return nil, fmt.Errorf("the answer is %s, %s", response.Status, kind)
	}
	out := make(events, 100)
	go func() {
		defer close(out)
		defer response.Body.Close()
		name := ""
		for lines := bufio.NewScanner(response.Body); lines.Scan(); {
			line := lines.Text()
			switch {
			case strings.HasPrefix(line, "event: "):
				name = strings.TrimPrefix(line, "event: ")
			case name == "next" && strings.HasPrefix(line, "data: "):
				var event map[string]any
				if json.Unmarshal([]byte(strings.TrimPrefix(line, "data: ")), &event) == nil {
					out <- event
				}
			case line == "" && name == "complete":
				return
			}
		}
	}()
	return out, nil
}

// socket subscribes by graphql-transport-ws.
func (s *server) socket(query string, variables map[string]any) (events, error) {
	ctx := s.t.Context()
	connection, _, err := websocket.Dial(ctx, "ws"+strings.TrimPrefix(s.URL, "http")+"/graphql", &websocket.DialOptions{Subprotocols: []string{"graphql-transport-ws"}})
	if err != nil {
		return nil, err
	}
	payload, err := json.Marshal(map[string]any{"query": query, "variables": variables})
	if err != nil {
		return nil, err
	}
	for _, text := range []string{`{"type":"connection_init"}`, `{"id":"run","type":"subscribe","payload":` + string(payload) + `}`} {
		if err := connection.Write(ctx, websocket.MessageText, []byte(text)); err != nil {
			return nil, err
		}
	}
	out := make(events, 100)
	go func() {
		defer close(out)
		defer func() { _ = connection.CloseNow() }()
		for {
			_, text, err := connection.Read(ctx)
			var message struct {
				Type    string
				Payload map[string]any
			}
			if err != nil || json.Unmarshal(text, &message) != nil || message.Type == "complete" || message.Type == "error" {
				return
			}
			if message.Type == "next" {
				out <- message.Payload
			}
		}
	}()
	return out, nil
}

// soonest is how long after one look at a run there is no other, but for what is told: a little less than package live has it.
const soonest = 4 * time.Second

// by is whether the status is the one.
func by(status string) func(run any) bool {
	return func(run any) bool { return dig(run, "status") == status }
}

// held starts a run on GitHub whose jobs a test begins and ends, and returns its number there, those of the jobs, and what Callboard calls it.
func (s *theatre) held(c *server, repository string, jobs ...githubtest.JobPlan) (run int, parts []int, id string) {
	s.t.Helper()
	run, err := s.GitHub.StartRun(s.t.Context(), repository, githubtest.Run{Workflow: "check", By: "arjun-mehta", Jobs: jobs})
	if err != nil {
		s.t.Fatal(err)
	}
	runs, err := s.GitHub.Runs(repository)
	if err != nil {
		s.t.Fatal(err)
	}
	for _, one := range runs {
		if one.ID == run {
			for _, job := range one.Jobs {
				parts = append(parts, job.ID)
			}
		}
	}
	id, _ = dig(c.query(runOf, json.RawMessage(fmt.Sprintf(`{"url":%q}`, s.RunAddress(repository, run)))), "data", "pipelineRun", "id").(string)
	if len(parts) != len(jobs) || id == "" {
		s.t.Fatalf("run %d has the jobs %v, and is %q", run, parts, id)
	}
	return run, parts, id
}

// holding are jobs that a test begins and ends.
func holding(names ...string) (out []githubtest.JobPlan) {
	for _, name := range names {
		out = append(out, githubtest.JobPlan{Name: name, Held: true, Steps: []githubtest.StepPlan{{Name: "go"}}})
	}
	return out
}

// do fails the test where something cannot be done.
func (s *theatre) do(errs ...error) {
	s.t.Helper()
	for _, err := range errs {
		if err != nil {
			s.t.Fatal(err)
		}
	}
}

// Who watches a run through the gateway sees it go on, by webhooks and however it is watched, until it is done; who was cut off goes on where they were.
func TestRunIsWatched(t *testing.T) {
	t.Parallel()
	s := newTheatre(t)
	s.Hold()
	c := s.up(s.config("", ""))
	const repository = "larkfold/tiles"
	run, jobs, id := s.held(c, repository, holding("lint", "test", "image")...)
	of := map[string]any{"id": id}
	sse, err := c.subscribe(http.DefaultClient, "", watchRunAndCommit, of)
	s.do(err)
	socket, err := c.socket(watchRunAndCommit, of)
	s.do(err)
	ways := map[string]events{"sse": sse, "socket": socket}
	var seen any
	for _, way := range ways {
		seen = way.next(t, "it waits", by("QUEUED"))
		if commit := dig(seen, "commit"); dig(commit, "oid") != c.main(repository) || dig(commit, "messageHeadline") == nil || dig(commit, "author", "name") == nil {
			t.Errorf("the commit is %v", commit)
		}
	}
	if dig(seen, "id") != id || dig(seen, "pipeline", "name") != "check" || dig(seen, "pipeline", "provider") != "GITHUB_ACTIONS" || dig(seen, "missedEvents") != false || dig(seen, "event") == nil {
		t.Errorf("%v", seen)
	}
	route := fmt.Sprintf("/api/v3/repos/%s/actions/runs/%d", repository, run)
	job := func(i int, status string) func(any) bool {
		return func(run any) bool { return dig(run, "jobs", i, "status") == status }
	}
	middle := seen
	for i := range jobs {
		s.do(s.GitHub.BeginJob(repository, jobs[i]))
		for name, way := range ways {
			middle = way.next(t, fmt.Sprintf("job %d runs, by %s", i, name), job(i, "RUNNING"))
		}
		s.do(s.GitHub.FinishJob(repository, jobs[i], "SUCCESS"))
		if i == len(jobs)-1 {
			break
		}
		for name, way := range ways {
			middle = way.next(t, fmt.Sprintf("job %d has succeeded, by %s", i, name), job(i, "SUCCEEDED"))
		}
	}
	for name, way := range ways {
		way.next(t, "it has succeeded, by "+name, by("SUCCEEDED"))
		way.ends(t)
	}
	// That the webhooks brought the events, and not the look of every five seconds, is seen from the looks: some follow the one before much sooner.
	var looks []time.Time
	for _, request := range s.GitHub.Watch.Requests() {
		if request.URL.Path == route {
			looks = append(looks, request.At)
		}
	}
	sooner := 0
	for i := 1; i < len(looks); i++ {
		if looks[i].Sub(looks[i-1]) < soonest {
			sooner++
		}
	}
	if sooner == 0 {
		t.Errorf("nobody has looked before it was time: %v", looks)
	}
	// Who comes back with the last event that they saw gets what came after it.
	after, err := c.subscribe(http.DefaultClient, "", watchRun, map[string]any{"id": id, "after": dig(middle, "event")})
	s.do(err)
	rest := after.next(t, "there are further events", func(any) bool { return true })
	if dig(rest, "missedEvents") != false || dig(rest, "event") == dig(middle, "event") {
		t.Errorf("after %v comes %v", middle, rest)
	}
	after.ends(t)
	// Of what there is not null is told, and the end.
	for _, query := range []string{watchRun, `subscription ($id: ID!) { pipelineLog(run: $id) { lines } }`} {
		none, err := c.subscribe(http.DefaultClient, "", query, map[string]any{"id": "nothing"})
		s.do(err)
		none.next(t, "there is nothing", func(run any) bool { return run == nil })
		none.ends(t)
	}
}

// A thousand who watch one run have its host asked as often as one who does: once for each look, and it is looked when a webhook tells of it, or it is time.
func TestManyWatchARun(t *testing.T) {
	t.Parallel()
	const many = 1000
	s := newTheatre(t)
	s.Hold()
	c := s.up(s.config("", ""))
	const repository = "larkfold/tiles"
	run, jobs, id := s.held(c, repository, holding("lint", "test")...)
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: many}}
	defer client.CloseIdleConnections()
	s.forget()
	watchers := make([]events, many)
	var (
		group  sync.WaitGroup
		failed atomic.Value
	)
	places := make(chan struct{}, 50)
	for i := range watchers {
		places <- struct{}{}
		group.Go(func() {
			defer func() { <-places }()
			way, err := c.subscribe(client, "", `subscription ($id: ID!) { pipelineRun(id: $id) { status pipeline { name } jobs { status } } }`, map[string]any{"id": id})
			if err != nil {
				failed.Store(err)
			}
			watchers[i] = way
		})
	}
	group.Wait()
	if err := failed.Load(); err != nil {
		t.Fatal(err)
	}
	all := func(what string, is func(any) bool) {
		t.Helper()
		for _, way := range watchers {
			way.next(t, what, is)
		}
	}
	all("it waits", by("QUEUED"))
	for i, id := range jobs {
		s.do(s.GitHub.BeginJob(repository, id))
		all("a job runs", func(run any) bool { return dig(run, "jobs", i, "status") == "RUNNING" })
		s.do(s.GitHub.FinishJob(repository, id, "SUCCESS"))
	}
	all("it has succeeded", by("SUCCEEDED"))
	for _, way := range watchers {
		way.ends(t)
	}
	// A look asks for the run, and for its jobs.
	var looks, of []time.Time
	for _, request := range s.GitHub.Watch.Requests() {
		switch request.URL.Path {
		case fmt.Sprintf("/api/v3/repos/%s/actions/runs/%d", repository, run):
			looks = append(looks, request.At)
		case fmt.Sprintf("/api/v3/repos/%s/actions/runs/%d/jobs", repository, run):
			of = append(of, request.At)
		}
	}
	told := 0
	for _, delivery := range s.GitHub.Deliveries() {
		if strings.HasPrefix(delivery.Event, "workflow_") || strings.HasPrefix(delivery.Event, "check_") {
			told++
		}
	}
	if len(looks) == 0 {
		t.Fatal("nobody has looked")
	}
	most := 1 + told + int(looks[len(looks)-1].Sub(looks[0])/soonest) + 1
	t.Logf("%d watchers, %d webhooks, %d looks, for the jobs %d", many, told, len(looks), len(of))
	if len(looks) > most || len(of) > most {
		t.Errorf("it was looked %d times, and for the jobs %d; no more than %d looks are one for each that was told or was due", len(looks), len(of), most)
	}
}
