package pipelines_test

import (
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/99designs/gqlgen/graphql"

	"callboard.dev/callboard/gateway/execute"
	"callboard.dev/callboard/subgraphs/pipelines/ci"
)

// sources sends a query with the wish to know where its values come from.
func (w *world) sources(operation string, variables map[string]any) string {
	w.t.Helper()
	ctx := graphql.StartOperationTrace(w.t.Context())
	request, errs := w.executor.CreateOperationContext(ctx, &graphql.RawParams{Query: operation, Variables: variables, Extensions: map[string]any{"sources": true}})
	if len(errs) > 0 {
		w.t.Fatalf("%s\n%v", operation, errs)
	}
	handler, ctx := w.executor.DispatchOperation(ctx, request)
	return responseText(handler(ctx))
}

// TestSources checks that each value is noted with its source, kind and state, and how a source that fails is told of.
func TestSources(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.hub.set(func() { w.hub.stages[run6] = []ci.Stage{{Name: "test"}} })
		const query = `query($id: ID!) { pipelineRun(id: $id) { source freshness fetchedAt stages { name } } }`
		id := idOf("r", "github.com", run6)
		w.want(w.sources(query, map[string]any{"id": id}), `"source":"github.com","freshness":"LIVE","fetchedAt":"2000-01-01T`,
			`"sources":[{"name":"github.com","live":2,"cached":0,"stale":0,"failed":0,`, `"kinds":[{"kind":"run","live":1,"cached":0,"stale":0,"failed":0},{"kind":"stages","live":1,"cached":0,"stale":0,"failed":0}]`)
		time.Sleep(time.Second)
		w.want(w.sources(query, map[string]any{"id": id}), `"freshness":"CACHED"`, `"live":0,"cached":2,"stale":0,"failed":0,"oldest":"PT1S"`)
		if answer := w.ask(query, map[string]any{"id": id}); strings.Contains(answer, "sources") {
			t.Errorf("nobody asked for it, and it says %s", answer)
		}
		time.Sleep(3 * time.Hour)
		w.hub.fail("Runs", down("github.com"))
		w.hub.fail("Stages", down("github.com"))
		answer := w.sources(query, map[string]any{"id": id})
		w.want(answer, `"freshness":"STALE"`, `"kind":"run","live":0,"cached":0,"stale":1,"failed":0`, `"code":"UNAVAILABLE"`, `"retryAt":"2100-01-01T00:00:00Z"`)
		answer = w.sources(query, map[string]any{"id": idOf("r", "github.com", "larkfold/tiles#r4")})
		w.want(answer, `"pipelineRun":null`, `"extensions":{"code":"UNAVAILABLE","retryAt":"2100-01-01T00:00:00Z","source":"github.com"}`, `"kind":"run","live":0,"cached":0,"stale":0,"failed":1`, `"paths":[["pipelineRun"]]`)
	})
}

// TestOnlyWhatIsAsked checks that steps and logs are asked for only where they are wanted, and all of one level at once.
func TestOnlyWhatIsAsked(t *testing.T) {
	w := newWorld(t)
	jobs := []ci.Job{{Key: "larkfold/tiles#j1", Name: "a", Status: ci.Failed}, {Key: "larkfold/tiles#j2", Name: "b", Status: ci.Succeeded, Steps: []ci.Step{{Number: 7, Name: "known", Status: ci.Succeeded}}}, {Key: "larkfold/tiles#j3", Name: "c", Status: ci.Succeeded}}
	w.hub.set(func() {
		w.hub.stages[run6] = []ci.Stage{{Name: "one", Jobs: jobs[:1]}, {Name: "two", Jobs: jobs[1:]}}
		w.hub.logs["larkfold/tiles#j1"], w.hub.logs["larkfold/tiles#j2"], w.hub.logs["larkfold/tiles#j3"] = "of a\n", "of b\n", "of c\n"
	})
	id := map[string]any{"id": idOf("r", "github.com", run6)}
	w.want(w.ask(`query($id: ID!) { pipelineRun(id: $id) { status } }`, id), `"FAILED"`)
	if n := w.hub.all(); n != 1 {
		t.Errorf("for a status it was asked %d times", n)
	}
	w.want(w.ask(`query($id: ID!) { pipelineRun(id: $id) { stages { name jobs { name } } jobs { name } red: jobs(statuses: [FAILED, TIMED_OUT]) { name } } }`, id),
		`"stages":[{"name":"one","jobs":[{"name":"a"}]},{"name":"two","jobs":[{"name":"b"},{"name":"c"}]}],"jobs":[{"name":"a"},{"name":"b"},{"name":"c"}],"red":[{"name":"a"}]`)
	if n := w.hub.count("Stages"); n != 1 || w.hub.count("Steps") != 0 || w.hub.count("Logs") != 0 {
		t.Errorf("for stages it was asked %d times, for steps %d times, for logs %d times", n, w.hub.count("Steps"), w.hub.count("Logs"))
	}
	w.want(w.ask(`query($id: ID!) { pipelineRun(id: $id) { jobs { steps { number name } log { lines } } } }`, id),
		`{"steps":[{"number":1,"name":"Set up"}],"log":{"lines":["of a"]}},{"steps":[{"number":7,"name":"known"}],"log":{"lines":["of b"]}}`)
	if steps, logs := w.hub.count("Steps"), w.hub.count("Logs"); steps != 1 || logs != 1 {
		t.Errorf("for three jobs it was asked %d times for steps, %d times for logs", steps, logs)
	}
	w.hub.fail("Artifacts", &failure{})
	w.want(w.ask(`query($id: ID!) { pipelineRun(id: $id) { status artifacts { name } } }`, id), `"status":"FAILED","artifacts":null`, `"source":"github.com"`)
}

type failure struct{}

func (*failure) Error() string { return "it does not say" }

// TestThroughTheGateway checks that a subscription reaches who asks a gateway in the same process, with what is asked for, and ends.
func TestThroughTheGateway(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		id := w.running()
		inside := execute.NewInProcess(w.opened.ExecutableSchema(), nil)
		inside.Forward = []string{"Authorization"}
		begin := func(text string) execute.Stream {
			t.Helper()
			variables, _ := json.Marshal(map[string]any{"id": id})
			stream, err := inside.Stream(t.Context(), &execute.Request{Text: text, Variables: variables, Header: http.Header{}, Sources: true})
			if err != nil {
				t.Fatal(err)
			}
			return stream
		}
		stream := begin(`subscription($id: ID!) { pipelineRun(id: $id) { status jobs { name steps { name } } } }`)
		next := func() string {
			t.Helper()
			answer, err := stream.Next()
			if err != nil {
				t.Fatal(err)
			}
			if len(answer.Errors) > 0 {
				t.Errorf("it says %v", answer.Errors)
			}
			return string(answer.Data)
		}
		if data := next(); data != `{"pipelineRun":{"status":"RUNNING","jobs":[{"name":"test","steps":[{"name":"Set up"}]}]}}` {
			t.Errorf("it begins with %s", data)
		}
		w.hub.change(run6, func(r *ci.Run) { r.Status = ci.Succeeded })
		if data := next(); data != `{"pipelineRun":{"status":"SUCCEEDED","jobs":[{"name":"test","steps":[{"name":"Set up"}]}]}}` {
			t.Errorf("it goes on with %s", data)
		}
		if answer, err := stream.Next(); err != io.EOF {
			t.Errorf("after the end of the run there is %v, %v", answer, err)
		}
		stream.Close()

		w.hub.change(run6, func(r *ci.Run) { r.Status = ci.Running })
		w.forget(t)
		stream = begin(`subscription($id: ID!) { pipelineRun(id: $id) { status } }`)
		next()
		ended := make(chan error)
		go func() {
			_, err := stream.Next()
			ended <- err
		}()
		synctest.Wait()
		stream.Close()
		if err := <-ended; err == nil {
			t.Errorf("closed while it waited, it says %v", err)
		}
		time.Sleep(time.Minute)
		asked := w.hub.all()
		time.Sleep(time.Hour)
		if n := w.hub.all() - asked; n != 0 {
			t.Errorf("nobody watches, and the system was asked %d times", n)
		}
	})
}
