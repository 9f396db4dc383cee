package pipelines_test

import (
	"context"
	"fmt"
	"net/url"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/99designs/gqlgen/graphql"
	"github.com/99designs/gqlgen/graphql/executor"

	"callboard.dev/callboard/clients"
	"callboard.dev/callboard/clients/cache"
	"callboard.dev/callboard/subgraphs/access"
	"callboard.dev/callboard/subgraphs/forge"
	"callboard.dev/callboard/subgraphs/pipelines"
	"callboard.dev/callboard/subgraphs/pipelines/ci"
	"callboard.dev/callboard/subgraphs/pipelines/store"
	"callboard.dev/callboard/subgraphs/pipelines/store/sqlite"
	"callboard.dev/callboard/subgraphs/relay"
)

// stubborn is a system whose artifacts a test answers for.
type stubborn struct {
	*system
	artifacts func(ctx context.Context) ([][]ci.Artifact, []error)
}

func (s *stubborn) Artifacts(ctx context.Context, _ []string) ([][]ci.Artifact, []error) {
	return s.artifacts(ctx)
}

// openOver is a world of one system with that driver and store, whose runs are those of another world: a GitHub, or a GitLab where the driver tells of tests. It has to
// be closed.
func openOver(t *testing.T, from *world, driver ci.Driver, kept store.Store) *world {
	t.Helper()
	w := &world{t: t, hub: from.hub, cache: cache.New(cache.Config{Store: cache.NewMemory(1 << 20)})}
	t.Cleanup(func() { _ = w.cache.Close() })
	address := &url.URL{Scheme: "https", Host: "github.com"}
	source, err := clients.Open(clients.Settings{Name: "github.com", Kind: "test", Address: address, Policies: ci.Policies()}, clients.Shared{Cache: w.cache})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(source.Close)
	provider := ci.GitHubActions
	if _, tells := driver.(tested); tells {
		provider = ci.GitLabCI
	}
	w.opened = pipelines.Open(pipelines.Config{Systems: []*ci.System{ci.New(provider, address, forge.New("github.com", forge.GitHub, address), source, driver)}, Store: kept, Forget: w.cache.Invalidate,
		Access: access.New([]access.Permission{access.RunPipelines}, nil)})
	w.executor = executor.New(w.opened.ExecutableSchema())
	return w
}

const testsOf = `query($id: ID!) { pipelineRun(id: $id) { tests { total } } }`

// TestCloseEndsCollecting checks that the reports of a run that a query has fetched, and does not wait for any more, are not fetched beyond the subgraph's end: its store
// is closed by then. However many ask, they are fetched once.
func TestCloseEndsCollecting(t *testing.T) {
	old := newWorld(t)
	id := old.run(5)
	var calls, ended atomic.Int32
	began := make(chan struct{}, 10)
	w := openOver(t, old, &stubborn{old.hub, func(ctx context.Context) ([][]ci.Artifact, []error) {
		calls.Add(1)
		began <- struct{}{}
		<-ctx.Done()
		ended.Add(1)
		return make([][]ci.Artifact, 1), []error{ctx.Err()}
	}}, nil)
	ctx, cancel := context.WithCancel(t.Context())
	asked := make(chan struct{})
	for range 3 {
		go func() {
			w.send(ctx, "", testsOf, map[string]any{"id": id})
			asked <- struct{}{}
		}()
	}
	<-began
	cancel()
	for range 3 {
		<-asked
	}
	if ended.Load() != 0 {
		t.Error("it was given up with who asked")
	}
	if err := w.opened.Close(); err != nil {
		t.Error(err)
	}
	if calls.Load() != 1 || ended.Load() != 1 {
		t.Errorf("after the end, %d of %d are over", ended.Load(), calls.Load())
	}
}

// ending is a store that tells how actions end, and that it is closed.
type ending struct {
	store.Store
	mu   sync.Mutex
	said []string
}

func (e *ending) say(what string) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.said = append(e.said, what)
}

func (e *ending) Finish(ctx context.Context, id string, state store.State, result string) error {
	err := e.Store.Finish(ctx, id, state, result)
	e.say(fmt.Sprint(state, " ", err))
	return err
}

func (e *ending) Close() error {
	e.say("closed")
	return e.Store.Close()
}

// TestCloseWaitsForActions checks that what came of an action that is under way when the subgraph is closed is written down, and that none is begun after.
func TestCloseWaitsForActions(t *testing.T) {
	old := newWorld(t)
	id := old.run(5)
	kept := &ending{Store: sqlite.New("")}
	w := openOver(t, old, old.hub, kept)
	block := make(chan struct{})
	old.hub.set(func() { old.hub.block = block })
	answers := make(chan string)
	go func() { answers <- w.send(t.Context(), "", again, map[string]any{"id": id, "key": "k"}) }()
	for old.hub.count("Rerun") == 0 {
		runtime.Gosched()
	}
	closed := make(chan error)
	go func() { closed <- w.opened.Close() }()
	for { // until nothing is begun any more
		if answer := w.send(t.Context(), "", again, map[string]any{"id": id, "key": ""}); strings.Contains(answer, "is being stopped") {
			break
		}
	}
	close(block)
	w.want(<-answers, `"attempt":2`)
	if err := <-closed; err != nil {
		t.Error(err)
	}
	if got := strings.Join(kept.said, ", "); got != "done <nil>, closed" {
		t.Errorf("what became of it: %s", got)
	}
}

// TestPanicBehind checks that a mistake in reading what others wrote costs those reports, and not the process.
func TestPanicBehind(t *testing.T) {
	old := newWorld(t)
	id := old.run(5)
	w := openOver(t, old, &stubborn{old.hub, func(context.Context) ([][]ci.Artifact, []error) { panic("a mistake") }}, nil)
	for range 2 {
		w.want(w.send(t.Context(), "", testsOf, map[string]any{"id": id}), `"tests":null`)
	}
	if err := w.opened.Close(); err != nil {
		t.Error(err)
	}
}

// TestLongLog checks that who goes on with a log of which very much was written since gets it part by part as they are taken, from a bounded number of questions, and is
// told that its beginning is left out.
func TestLongLog(t *testing.T) {
	w := newWorld(t)
	id := w.run(5)
	line := strings.Repeat("x", 1<<20-1) + "\n"
	w.hub.set(func() { w.hub.logs["larkfold/tiles#r5"] = strings.Repeat(line, 40) + "the end\n" })
	ctx, cancel := context.WithCancel(graphql.StartOperationTrace(t.Context()))
	defer cancel()
	request, errs := w.executor.CreateOperationContext(ctx, &graphql.RawParams{Query: `subscription($run: ID!, $after: String) { pipelineLog(run: $run, after: $after) { next isCutBefore isComplete } }`,
		Variables: map[string]any{"run": id, "after": relay.Cursor("log:0:")}})
	if len(errs) > 0 {
		t.Fatal(errs)
	}
	next, ctx := w.executor.DispatchOperation(ctx, request)
	w.want(responseText(next(ctx)), `"isCutBefore":true`, `"isComplete":false`)
	if n := w.hub.count("Logs"); n > 4 {
		t.Errorf("for the first part it was asked %d times", n)
	}
	last := ""
	for {
		response := next(ctx)
		if response == nil {
			break
		}
		last = responseText(response)
		w.want(last, `"isCutBefore":false`)
	}
	w.want(last, `"isComplete":true`)
	if n := w.hub.count("Logs"); n > 20 {
		t.Errorf("it was asked %d times", n)
	}
}

// TestLogBegins checks that who begins to follow a log in its middle is told so.
func TestLogBegins(t *testing.T) {
	w := newWorld(t)
	id := w.run(5)
	w.hub.set(func() { w.hub.logs["larkfold/tiles#r5"] = strings.Repeat("a line\n", 100_000) })
	ctx := graphql.StartOperationTrace(t.Context())
	request, errs := w.executor.CreateOperationContext(ctx, &graphql.RawParams{Query: `subscription($run: ID!) { pipelineLog(run: $run) { isCutBefore isComplete } }`, Variables: map[string]any{"run": id}})
	if len(errs) > 0 {
		t.Fatal(errs)
	}
	next, ctx := w.executor.DispatchOperation(ctx, request)
	w.want(responseText(next(ctx)), `"isCutBefore":true`, `"isComplete":true`)
}
