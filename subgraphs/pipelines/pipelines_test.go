package pipelines_test

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/99designs/gqlgen/graphql"
	"github.com/99designs/gqlgen/graphql/executor"

	"callboard.dev/callboard/clients"
	"callboard.dev/callboard/clients/cache"
	"callboard.dev/callboard/subgraphs/access"
	"callboard.dev/callboard/subgraphs/forge"
	"callboard.dev/callboard/subgraphs/pipelines"
	"callboard.dev/callboard/subgraphs/pipelines/ci"
)

// system is a driver whose runs a test makes, and which counts what it is asked.
type system struct {
	mu      sync.Mutex
	runs    map[string]*ci.Run
	stages  map[string][]ci.Stage
	logs    map[string]string // by key of the run
	owners  map[string][]*ci.Pipeline
	asked   map[string]int      // calls by method
	fails   map[string]error    // by method
	wanted  []ci.RunsQuery      // that pages were asked for
	comes   map[string][]string // names of what others have put on commits
	block   chan struct{}       // actions wait for it where it is not nil
	failure error               // of actions
}

func newSystem() *system {
	return &system{runs: map[string]*ci.Run{}, stages: map[string][]ci.Stage{}, logs: map[string]string{}, owners: map[string][]*ci.Pipeline{}, asked: map[string]int{},
		fails: map[string]error{}, comes: map[string][]string{}}
}

func (s *system) count(method string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.asked[method]
}

// all is how often it was asked anything.
func (s *system) all() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	n := 0
	for _, times := range s.asked {
		n += times
	}
	return n
}

// set changes what it knows.
func (s *system) set(change func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	change()
}

// each answers a call from what it knows; a false is that there is no such thing.
func each[Q, V any](s *system, method string, questions []Q, find func(Q) (V, bool)) ([]V, []error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.asked[method]++
	out, errs := make([]V, len(questions)), make([]error, len(questions))
	for i, q := range questions {
		if errs[i] = s.fails[method]; errs[i] != nil {
			continue
		}
		var ok bool
		if out[i], ok = find(q); !ok {
			errs[i] = &clients.Error{Kind: clients.ErrNotFound, Message: "there is no such thing"}
		}
	}
	return out, errs
}

func (s *system) Overviews(_ context.Context, names []string) ([][]*ci.Pipeline, []error) {
	return each(s, "Overviews", names, func(name string) ([]*ci.Pipeline, bool) { known, ok := s.owners[name]; return known, ok })
}

func (s *system) All(_ context.Context, names []string) ([][]*ci.Pipeline, []error) {
	return each(s, "All", names, func(name string) ([]*ci.Pipeline, bool) {
		return append(slices.Clone(s.owners[name]), &ci.Pipeline{Key: ci.KeyOf(name, "w99"), Name: "Idle"}), true
	})
}

func (s *system) Pipelines(_ context.Context, keys []string) ([]*ci.Pipeline, []error) {
	return each(s, "Pipelines", keys, func(key string) (*ci.Pipeline, bool) {
		for _, p := range s.owners[ci.OwnerOf(key)] {
			if p.Key == key {
				return p, true
			}
		}
		return nil, false
	})
}

func (s *system) Runs(_ context.Context, keys []string) ([]*ci.Run, []error) {
	return each(s, "Runs", keys, func(key string) (*ci.Run, bool) {
		if r := s.runs[key]; r != nil {
			return new(*r), true
		}
		return nil, false
	})
}

func (s *system) RunPages(_ context.Context, queries []ci.RunsQuery) ([]*ci.Page[*ci.Run], []error) {
	return each(s, "RunPages", queries, func(q ci.RunsQuery) (*ci.Page[*ci.Run], bool) {
		page := &ci.Page[*ci.Run]{}
		s.wanted = append(s.wanted, q)
		for _, r := range s.runs {
			if r.Pipeline == q.Pipeline && (q.Status == "" || q.Status == r.Status) && (q.Branch == "" || q.Branch == r.Branch) && (q.Commit == "" || q.Commit == r.Commit) &&
				(q.Since.IsZero() || !r.CreatedAt.Before(q.Since)) && (q.Until.IsZero() || !r.CreatedAt.After(q.Until)) {
				page.Items = append(page.Items, new(*r))
			}
		}
		slices.SortFunc(page.Items, func(a, b *ci.Run) int { return b.Number - a.Number })
		if i := slices.IndexFunc(page.Items, func(r *ci.Run) bool { return r.Key == q.Paging.After }); i >= 0 {
			page.Items = page.Items[i+1:]
		}
		page.Next = len(page.Items) > q.Paging.First
		page.Items = page.Items[:min(len(page.Items), q.Paging.First)]
		for _, r := range page.Items {
			page.Cursors = append(page.Cursors, r.Key)
		}
		return page, true
	})
}

func (s *system) of(wanted func(*ci.Run) bool) ([]*ci.Run, bool) {
	var out []*ci.Run
	for _, r := range s.runs {
		if wanted(r) {
			out = append(out, new(*r))
		}
	}
	return out, true
}

func (s *system) CommitRuns(_ context.Context, commits []ci.CommitName) ([][]*ci.Run, []error) {
	return each(s, "CommitRuns", commits, func(c ci.CommitName) ([]*ci.Run, bool) {
		return s.of(func(r *ci.Run) bool { return r.Commit == c.OID })
	})
}

func (s *system) PullRequestRuns(_ context.Context, names []ci.PullRequestName) ([][]*ci.Run, []error) {
	return each(s, "PullRequestRuns", names, func(n ci.PullRequestName) ([]*ci.Run, bool) {
		return s.of(func(r *ci.Run) bool { return r.PullRequest == n.Number })
	})
}

func (s *system) Stages(_ context.Context, keys []string) ([]*ci.Stages, []error) {
	return each(s, "Stages", keys, func(key string) (*ci.Stages, bool) {
		stages, ok := s.stages[key]
		return &ci.Stages{Stages: slices.Clone(stages), Complete: true}, ok
	})
}

func (s *system) Steps(_ context.Context, keys []string) ([][]ci.Step, []error) {
	return each(s, "Steps", keys, func(string) ([]ci.Step, bool) {
		return []ci.Step{{Number: 1, Name: "Set up", Status: ci.Succeeded}}, true
	})
}

func (s *system) Tests(_ context.Context, keys []string) ([]*ci.Tests, []error) {
	return each(s, "Tests", keys, func(string) (*ci.Tests, bool) { return nil, true })
}

func (s *system) Coverages(_ context.Context, keys []string) ([]*float64, []error) {
	return each(s, "Coverages", keys, func(string) (*float64, bool) { return nil, true })
}

func (s *system) Artifacts(_ context.Context, keys []string) ([][]ci.Artifact, []error) {
	return each(s, "Artifacts", keys, func(string) ([]ci.Artifact, bool) { return nil, true })
}

func (s *system) Logs(_ context.Context, queries []ci.LogQuery) ([]*ci.Log, []error) {
	return each(s, "Logs", queries, func(q ci.LogQuery) (*ci.Log, bool) {
		job := cmp.Or(q.Job, ci.KeyOf(ci.OwnerOf(q.Run), "j1"))
		text, ok := s.logs[q.Run]
		if other, known := s.logs[job]; known {
			text, ok = other, true
		}
		if !ok {
			return nil, false
		}
		if text == "" && !s.runs[q.Run].Status.Done() {
			return &ci.Log{Size: -1, Runs: true}, true
		}
		from := int(min(q.After, int64(len(text))))
		if q.Tail > 0 {
			from = max(0, len(text)-q.Tail)
			if at := strings.IndexByte(text[from:], '\n'); from > 0 && at >= 0 && at < 4096 {
				from += at + 1 // as drivers do
			}
		}
		to := min(len(text), from+q.Most)
		return &ci.Log{Job: job, Text: text[from:to], Start: int64(from), Next: int64(to), Size: int64(len(text)), More: to < len(text), Runs: !s.runs[q.Run].Status.Done()}, true
	})
}

func (s *system) Open(context.Context, string, string, int64) (io.ReadCloser, int64, error) {
	return nil, 0, clients.ErrNotFound
}

// act counts an action and does it.
func (s *system) act(ctx context.Context, method, key string, change func(*ci.Run)) (*ci.Run, error) {
	s.mu.Lock()
	s.asked[method]++
	block, failure := s.block, s.failure
	s.mu.Unlock()
	if block != nil {
		select {
		case <-block:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
	if failure != nil {
		return nil, failure
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	r := s.runs[key]
	if r == nil {
		return nil, &clients.Error{Kind: clients.ErrNotFound, Message: "there is no such run"}
	}
	change(r)
	return new(*r), nil
}

func (s *system) Rerun(ctx context.Context, key string) (*ci.Run, error) {
	return s.act(ctx, "Rerun", key, func(r *ci.Run) { r.Attempt, r.Status = r.Attempt+1, ci.Queued })
}

func (s *system) RerunFailed(ctx context.Context, key string) (*ci.Run, error) {
	return nil, &clients.Error{Kind: ci.ErrUnsupported, Message: "it cannot"}
}

func (s *system) Cancel(ctx context.Context, key string) (*ci.Run, error) {
	return s.act(ctx, "Cancel", key, func(r *ci.Run) { r.Status = ci.Canceled })
}

func (s *system) Start(_ context.Context, q ci.StartQuery) (*ci.Run, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.asked["Start"]++
	r := &ci.Run{Key: ci.KeyOf(ci.OwnerOf(q.Pipeline), fmt.Sprintf("r%d", 1000+len(s.runs))), Pipeline: q.Pipeline, Status: ci.Queued, Branch: q.Ref}
	s.runs[r.Key] = r
	return new(*r), nil
}

// world is the subgraph over simulated systems.
type world struct {
	t        testing.TB
	hub      *system // GitHub
	jenkins  *system
	systems  []*ci.System
	opened   *pipelines.Pipelines
	executor *executor.Executor
	cache    *cache.Cache
}

const (
	token = "token-of-the-bot"
	audit = "token-of-the-auditor"
)

// newWorld has a GitHub with runs of larkfold/tiles, and a Jenkins.
func newWorld(t testing.TB) *world {
	t.Helper()
	w := &world{t: t, hub: newSystem(), jenkins: newSystem(), cache: cache.New(cache.Config{Store: cache.NewMemory(1 << 20)})}
	t.Cleanup(func() { _ = w.cache.Close() })
	web := func(host string) *url.URL { return &url.URL{Scheme: "https", Host: host} }
	w.systems = []*ci.System{w.system(ci.GitHubActions, "github.com", w.hub, forge.New("github.com", forge.GitHub, web("github.com"))), w.system(ci.Jenkins, "ci.example", w.jenkins, nil)}
	w.open(t, pipelines.Config{Systems: w.systems})
	began := time.Date(2026, 11, 1, 10, 0, 0, 0, time.UTC)
	for n := 1; n <= 6; n++ {
		took := time.Duration(n) * time.Minute
		run := &ci.Run{Key: fmt.Sprintf("larkfold/tiles#r%d", n), Pipeline: "larkfold/tiles#w1", PipelineName: "Check", Number: n, Attempt: 1, Status: ci.Succeeded, Word: "SUCCESS", Trigger: ci.ByPush,
			Repository: "larkfold/tiles", Branch: "main", Commit: strings.Repeat(fmt.Sprint(n), 40), CreatedAt: began.Add(time.Duration(n) * time.Hour), StartedAt: began.Add(time.Duration(n) * time.Hour), Duration: &took}
		run.FinishedAt = run.StartedAt.Add(took)
		w.hub.runs[run.Key] = run
	}
	w.hub.runs["larkfold/tiles#r5"].Status = ci.Failed
	w.hub.runs["larkfold/tiles#r6"].Status = ci.Failed
	w.hub.owners["larkfold/tiles"] = []*ci.Pipeline{{Key: "larkfold/tiles#w1", Name: "Check", Branch: "main", Latest: w.hub.runs["larkfold/tiles#r6"]}}
	w.hub.owners["larkfold/player"] = []*ci.Pipeline{}
	w.jenkins.owners["team/app"] = []*ci.Pipeline{{Key: "team/app", Name: "team/app", Branch: "main"}}
	w.jenkins.owners["team/other"] = []*ci.Pipeline{{Key: "team/other", Name: "team/other"}}
	w.jenkins.runs["team/app/main#3"] = &ci.Run{Key: "team/app/main#3", Pipeline: "team/app", PipelineName: "team/app", Number: 3, Status: ci.Running, StartedAt: time.Now()}
	return w
}

// system is a configured one.
func (w *world) system(provider ci.Provider, name string, driver ci.Driver, host *forge.Host) *ci.System {
	w.t.Helper()
	address := &url.URL{Scheme: "https", Host: name}
	source, err := clients.Open(clients.Settings{Name: name, Kind: "test", Address: address, Policies: ci.Policies()}, clients.Shared{Cache: w.cache})
	if err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(source.Close)
	return ci.New(provider, address, host, source, driver)
}

// open opens the subgraph, in place of one that is open already.
func (w *world) open(t testing.TB, cfg pipelines.Config) {
	t.Helper()
	cfg.Access = access.New(nil, []access.Token{{Name: "bot", Secret: token, May: []access.Permission{access.RunPipelines}},
		{Name: "auditor", Secret: audit, May: []access.Permission{access.AuditPipelines}}})
	cfg.Forget = w.cache.Invalidate
	opened := pipelines.Open(cfg)
	t.Cleanup(func() { _ = opened.Close() })
	w.opened, w.executor = opened, executor.New(opened.ExecutableSchema())
}

// send sends an operation as who has the token, and returns the answer as JSON.
func (w *world) send(ctx context.Context, token, operation string, variables map[string]any) string {
	w.t.Helper()
	params := &graphql.RawParams{Query: operation, Variables: variables}
	if token != "" {
		params.Headers = http.Header{"Authorization": {"Bearer " + token}}
	}
	ctx = graphql.StartOperationTrace(ctx)
	request, errs := w.executor.CreateOperationContext(ctx, params)
	if len(errs) > 0 {
		w.t.Errorf("%s\n%v", operation, errs)
		return ""
	}
	handler, ctx := w.executor.DispatchOperation(ctx, request)
	return responseText(handler(ctx))
}

func responseText(response *graphql.Response) string {
	var out bytes.Buffer
	encoder := json.NewEncoder(&out)
	encoder.SetEscapeHTML(false)
	_ = encoder.Encode(response)
	return strings.TrimSpace(out.String())
}

// run is the id of a run of larkfold/tiles.
func (w *world) run(n int) string {
	w.t.Helper()
	var answer struct {
		Data struct{ PipelineRun struct{ ID string } }
	}
	text := w.send(w.t.Context(), "", `query($url: URL!) { pipelineRun(url: $url) { id } }`, map[string]any{"url": fmt.Sprintf("https://github.com/larkfold/tiles/actions/runs/%d", n)})
	if err := json.Unmarshal([]byte(text), &answer); err != nil || answer.Data.PipelineRun.ID == "" {
		w.t.Fatalf("there is no run %d: %s", n, text)
	}
	return answer.Data.PipelineRun.ID
}

// want checks that an answer holds each of the texts.
func (w *world) want(answer string, texts ...string) {
	w.t.Helper()
	for _, text := range texts {
		if !strings.Contains(answer, text) {
			w.t.Errorf("the answer is\n%s\nand has not %s", answer, text)
		}
	}
}
