package server_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"callboard.dev/callboard/gateway/compose"
	"callboard.dev/callboard/gateway/execute"
	"callboard.dev/callboard/gateway/server"
	"callboard.dev/callboard/gateway/supergraph"
)

// numbered is a subgraph that answers with a number of its own, in each of its fields.
type numbered int

func (numbered) Forwards() []string { return nil }

func (n numbered) Fetch(context.Context, *execute.Request) (*execute.Answer, error) {
	return &execute.Answer{Text: fmt.Appendf(nil, `{"data":{"a":%d,"b":%d,"list":[{"a":%d},{"a":%d}]}}`, n, n, n, n)}, nil
}

// reloads is how often the graph is swapped: each brings a schema of some hundred types, plans and prepared requests of its own.
const reloads = 200

// TestReload swaps the graph hundreds of times under load. Each request is answered by one graph alone; who asks after a swap is answered by the new one;
// and the old ones are gone, with all that followed from them.
func TestReload(t *testing.T) {
	var sdl strings.Builder
	sdl.WriteString("type Query { a: Int b: Int list: [T0] }\n")
	for i := range 200 {
		fmt.Fprintf(&sdl, "type T%d { a: Int next: T%d kind: K%d }\nenum K%d { A B C }\n", i, (i+1)%200, i, i)
	}
	composed, errs := compose.Compose([]compose.Subgraph{{Name: "one", SDL: sdl.String()}})
	if err := errs.Err(); err != nil {
		t.Fatal(err)
	}
	var collected atomic.Int64
	graph := func(n int) *server.Graph {
		s, err := supergraph.Read("reload", composed.SDL)
		if err != nil {
			t.Fatal(err)
		}
		g := server.NewGraph(s, map[string]execute.Subgraph{"one": numbered(n)}, server.GraphSettings{Share: true})
		runtime.AddCleanup(g, func(int) { collected.Add(1) }, 0)
		return g
	}
	engine := server.NewEngine(graph(0))
	s := server.New(engine, server.Settings{})
	ask := func(worker, i int) (number int, answer string) {
		// Some bodies come again, others never do.
		body := fmt.Sprintf(`{"query":"{ a b list { a } x%d: a }"}`, i%3)
		if i%5 == 0 {
			body = fmt.Sprintf(`{"query":"{ a b list { a } x%d_%d: a }"}`, worker, i)
		}
		r := httptest.NewRequest("POST", "http://localhost/graphql", strings.NewReader(body))
		r.Header = http.Header{"Content-Type": {"application/json"}}
		w := httptest.NewRecorder()
		s.ServeHTTP(w, r)
		answer = w.Body.String()
		if _, err := fmt.Sscanf(answer, `{"data":{"a":%d,`, &number); err != nil {
			t.Errorf("%v: %s", err, answer)
		}
		if n := strings.Count(answer, fmt.Sprintf(":%d", number)); n != 5 || strings.Contains(answer, "errors") {
			t.Errorf("not all of it is of graph %d: %s", number, answer)
		}
		return number, answer
	}
	heap := func() uint64 {
		runtime.GC()
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return m.HeapAlloc
	}
	var swapped atomic.Int64
	stop := make(chan struct{})
	var all sync.WaitGroup
	for worker := range 4 {
		all.Go(func() {
			for i := 0; ; i++ {
				select {
				case <-stop:
					return
				default:
				}
				before := swapped.Load()
				if n, answer := ask(worker, i); int64(n) < before {
					t.Errorf("graph %d was current before, and %d answered: %s", before, n, answer)
				}
			}
		})
	}
	var early uint64
	for n := 1; n <= reloads; n++ {
		engine.Swap(graph(n))
		swapped.Store(int64(n))
		ask(9, n)
		if n == reloads/10 {
			early = heap()
		}
	}
	close(stop)
	all.Wait()
	late := heap()
	if late > early+early/2+16<<20 {
		t.Errorf("%d MB after %d reloads, %d MB after %d", late>>20, reloads, early>>20, reloads/10)
	}
	for range 100 { // clean-ups run beside the collector
		if collected.Load() >= reloads-3 {
			break
		}
		runtime.GC()
		runtime.Gosched()
	}
	if n := collected.Load(); n < reloads-3 {
		t.Errorf("of %d graphs that were replaced %d are still there", reloads, reloads-n)
	}
	runtime.KeepAlive(engine)
}
