package server_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"callboard.dev/callboard/gateway/compose"
	"callboard.dev/callboard/gateway/execute"
	"callboard.dev/callboard/gateway/server"
	"callboard.dev/callboard/gateway/supergraph"
)

// held is a subgraph whose answers wait until they are let go. It answers with how many it has answered before.
type held struct {
	forward []string
	asked   atomic.Int64
	ended   atomic.Int64 // fetches whose context ended first
	answer  chan struct{}
	panics  bool
}

func (h *held) Forwards() []string { return h.forward }

func (h *held) Fetch(ctx context.Context, r *execute.Request) (*execute.Answer, error) {
	n := h.asked.Add(1)
	if h.panics {
		panic("no")
	}
	select {
	case <-h.answer:
		return &execute.Answer{Data: fmt.Appendf(nil, `{"n":%d,"count":%d,"who":%q}`, n, n, r.Header.Get("Authorization"))}, nil
	case <-ctx.Done():
		h.ended.Add(1)
		return nil, ctx.Err()
	}
}

// shared is a server over one held subgraph.
type shared struct {
	*held
	engine *server.Engine
	server *server.Server
	graph  *supergraph.Supergraph
	joined atomic.Int64
}

func sharing(t *testing.T, h *held, settings server.GraphSettings) *shared {
	composed, errs := compose.Compose([]compose.Subgraph{{Name: "held", SDL: `type Query { n: Int! who: String! } type Mutation { count: Int! }`}})
	if err := errs.Err(); err != nil {
		t.Fatal(err)
	}
	graph, err := supergraph.Read("sharing", composed.SDL)
	if err != nil {
		t.Fatal(err)
	}
	s := &shared{held: h, graph: graph}
	h.answer = make(chan struct{})
	settings.Joined = func() { s.joined.Add(1) }
	s.engine = server.NewEngine(server.NewGraph(graph, map[string]execute.Subgraph{"held": h}, settings))
	s.server = server.New(s.engine, server.Settings{Timeout: time.Minute})
	return s
}

const query, mutation = `{"query":"{ n who }"}`, `{"query":"mutation { count }"}`

// ask sends a request and returns the body of the answer.
func (s *shared) ask(ctx context.Context, body, token string) string {
	r := httptest.NewRequestWithContext(ctx, "POST", "http://localhost/graphql", strings.NewReader(body))
	r.Header = http.Header{"Content-Type": {"application/json"}, "Authorization": {token}}
	w := httptest.NewRecorder()
	s.server.ServeHTTP(w, r)
	return w.Body.String()
}

// known has the body come often enough to be known again.
func (s *shared) known(ctx context.Context, body string) {
	done := make(chan struct{})
	go func() {
		for range 3 {
			s.answer <- struct{}{}
		}
		close(done)
	}()
	for range 3 {
		s.ask(ctx, body, "first")
	}
	<-done
	s.asked.Store(0)
	s.joined.Store(0)
}

// together asks many times at once and lets every fetch go that is there then. It returns the answers and how often each came.
func (s *shared) together(ctx context.Context, requests [][2]string) map[string]int {
	var mu sync.Mutex
	got := map[string]int{}
	var all sync.WaitGroup
	for _, r := range requests {
		all.Go(func() {
			body := s.ask(ctx, r[0], r[1])
			mu.Lock()
			got[body]++
			mu.Unlock()
		})
	}
	synctest.Wait()
	close(s.answer)
	all.Wait()
	return got
}

func repeat(n int, body, token string) [][2]string {
	list := make([][2]string, n)
	for i := range list {
		list[i] = [2]string{body, token}
	}
	return list
}

func TestEqualQueriesShareOneExecution(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := sharing(t, &held{}, server.GraphSettings{Share: true})
		s.known(t.Context(), query)
		got := s.together(t.Context(), repeat(50, query, ""))
		if s.asked.Load() != 1 || s.joined.Load() != 49 || got[`{"data":{"n":1,"who":""}}`] != 50 {
			t.Errorf("asked %d times, %d joined: %v", s.asked.Load(), s.joined.Load(), got)
		}
	})
}

func TestWhatMayDifferIsNotShared(t *testing.T) {
	for _, c := range []struct {
		name     string
		forward  []string
		settings server.GraphSettings
		requests [][2]string
		asked    int64
	}{
		{"sharing is off", nil, server.GraphSettings{}, repeat(5, query, ""), 5},
		{"mutations", nil, server.GraphSettings{Share: true}, repeat(5, mutation, ""), 5},
		{"bodies that say the same in other bytes", nil, server.GraphSettings{Share: true}, [][2]string{{query, ""}, {query + " ", ""}}, 2},
		{"a header that the subgraph is sent", []string{"authorization"}, server.GraphSettings{Share: true}, [][2]string{{query, "ada"}, {query, "bob"}, {query, "ada"}, {query, ""}}, 3},
		{"a header that no subgraph is sent", nil, server.GraphSettings{Share: true}, [][2]string{{query, "ada"}, {query, "bob"}}, 1},
		{"labels that a hook decides", nil, server.GraphSettings{Share: true, Label: func(context.Context, *server.Request, string) bool { return false }}, repeat(5, query, ""), 5},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := sharing(t, &held{forward: c.forward}, c.settings)
				s.known(t.Context(), c.requests[0][0])
				if c.requests[len(c.requests)-1][0] != c.requests[0][0] {
					s.known(t.Context(), c.requests[len(c.requests)-1][0])
				}
				s.together(t.Context(), c.requests)
				if s.asked.Load() != c.asked {
					t.Errorf("asked %d times, want %d", s.asked.Load(), c.asked)
				}
			})
		})
	}
}

// TestNobodyGetsAnothersAnswer has users with tokens of their own ask the same at the same time.
func TestNobodyGetsAnothersAnswer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := sharing(t, &held{forward: []string{"Authorization"}}, server.GraphSettings{Share: true})
		s.known(t.Context(), query)
		var all sync.WaitGroup
		for i := range 200 {
			all.Go(func() {
				token := fmt.Sprint("user", i%7)
				if body := s.ask(t.Context(), query, token); !strings.Contains(body, `"who":"`+token+`"`) {
					t.Errorf("%s got %s", token, body)
				}
			})
		}
		synctest.Wait()
		close(s.answer)
		all.Wait()
		if s.asked.Load() != 7 {
			t.Errorf("asked %d times for 7 users", s.asked.Load())
		}
	})
}

// TestQueryAfterMutation: who has changed something and then asks does not get an answer that was on its way before.
func TestQueryAfterMutation(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := sharing(t, &held{}, server.GraphSettings{Share: true})
		s.known(t.Context(), query)
		var all sync.WaitGroup
		all.Go(func() { s.ask(t.Context(), query, "") })
		synctest.Wait()
		all.Go(func() {
			s.ask(t.Context(), mutation, "")
			s.ask(t.Context(), query, "")
		})
		synctest.Wait()
		s.answer <- struct{}{} // one of the two
		s.answer <- struct{}{}
		synctest.Wait()
		close(s.answer)
		all.Wait()
		if s.asked.Load() != 3 {
			t.Errorf("asked %d times: the query after the mutation joined one from before", s.asked.Load())
		}
	})
}

// TestWhoGivesUpLeavesTheOthers: an execution goes on for as long as any request wants it, whichever it is, and ends with the last.
func TestWhoGivesUpLeavesTheOthers(t *testing.T) {
	for first := range 3 {
		synctest.Test(t, func(t *testing.T) {
			s := sharing(t, &held{}, server.GraphSettings{Share: true})
			s.known(t.Context(), query)
			var cancels []context.CancelFunc
			answers := make([]string, 3)
			var all sync.WaitGroup
			for i := range 3 {
				ctx, cancel := context.WithCancel(t.Context())
				cancels = append(cancels, cancel)
				all.Go(func() { answers[i] = s.ask(ctx, query, "") })
				synctest.Wait()
			}
			cancels[first]()
			synctest.Wait()
			if s.ended.Load() != 0 {
				t.Fatal("one gave up, and the others' execution was ended")
			}
			close(s.answer)
			all.Wait()
			for i, body := range answers {
				if i != first && body != `{"data":{"n":1,"who":""}}` {
					t.Errorf("request %d got %s after %d gave up", i, body, first)
				}
			}
			if s.asked.Load() != 1 {
				t.Errorf("asked %d times", s.asked.Load())
			}
		})
	}
	synctest.Test(t, func(t *testing.T) {
		s := sharing(t, &held{}, server.GraphSettings{Share: true})
		s.known(t.Context(), query)
		ctx, cancel := context.WithCancel(t.Context())
		var all sync.WaitGroup
		for range 3 {
			all.Go(func() { s.ask(ctx, query, "") })
		}
		synctest.Wait()
		cancel()
		all.Wait()
		synctest.Wait()
		if s.ended.Load() != 1 {
			t.Error("everybody gave up, and the execution went on")
		}
		all.Go(func() {
			if body := s.ask(t.Context(), query, ""); !strings.Contains(body, `"n":2`) {
				t.Errorf("a later request got %s", body)
			}
		})
		synctest.Wait()
		close(s.answer)
		all.Wait()
	})
}

// TestSwapBetween: a request that comes after a swap is answered by the new graph, while those before it finish on theirs.
func TestSwapBetween(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := sharing(t, &held{}, server.GraphSettings{Share: true})
		s.known(t.Context(), query)
		var all sync.WaitGroup
		all.Go(func() { s.ask(t.Context(), query, "") })
		synctest.Wait()
		other := &held{answer: make(chan struct{})}
		close(other.answer)
		s.engine.Swap(server.NewGraph(s.graph, map[string]execute.Subgraph{"held": other}, server.GraphSettings{Share: true}))
		s.ask(t.Context(), query, "")
		if other.asked.Load() != 1 {
			t.Error("a request after the swap was answered by the graph before it")
		}
		close(s.answer)
		all.Wait()
	})
}

// TestPanicWhileShared: a subgraph that panics costs each of the requests its field, and nobody waits for ever.
func TestPanicWhileShared(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := sharing(t, &held{}, server.GraphSettings{Share: true})
		s.known(t.Context(), query)
		s.panics = true
		for body := range s.together(t.Context(), repeat(5, query, "")) {
			if !strings.Contains(body, `"data":null`) || !strings.Contains(body, execute.CodeInternal) {
				t.Error(body)
			}
		}
	})
}

// TestTooLateToShare: requests whose time is up before the answer is there are told so.
func TestTooLateToShare(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := sharing(t, &held{}, server.GraphSettings{Share: true})
		s.known(t.Context(), query)
		var all sync.WaitGroup
		for range 3 {
			all.Go(func() {
				if body := s.ask(t.Context(), query, ""); !strings.Contains(body, "TIMEOUT") {
					t.Error(body)
				}
			})
			time.Sleep(time.Second)
		}
		all.Wait()
	})
}
