package server

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"strings"
	"sync"
	"testing"
	"testing/synctest"

	"callboard.dev/callboard/gateway/compose"
	"callboard.dev/callboard/gateway/execute"
	"callboard.dev/callboard/gateway/operation"
	"callboard.dev/callboard/gateway/plan"
	"callboard.dev/callboard/gateway/supergraph"
)

// TestEqualPlansAreMadeOnce has many requests want one plan. It is made once, goes on while anybody waits, and ends with the last who does.
func TestEqualPlansAreMadeOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPlanning(nil, 0)
		want := &plan.Plan{}
		made, given := 0, make(chan struct{})
		work := func(ctx context.Context) (*plan.Plan, operation.Errors) {
			made++
			select {
			case <-given:
				return want, nil
			case <-ctx.Done():
				return nil, operation.Failure(execute.CodeCancelled, "nobody waits")
			}
		}
		first, cancel := context.WithCancel(t.Context())
		var all sync.WaitGroup
		all.Go(func() {
			if got, errs := p.once(first, planKey{text: "a"}, work); got != nil || errs[0].Extensions["code"] != execute.CodeCancelled {
				t.Errorf("who gave up got %v, %v", got, errs)
			}
		})
		synctest.Wait()
		for range 20 {
			all.Go(func() {
				if got, errs := p.once(t.Context(), planKey{text: "a"}, work); got != want || errs != nil {
					t.Errorf("%v, %v", got, errs)
				}
			})
		}
		synctest.Wait()
		cancel()
		synctest.Wait()
		close(given)
		all.Wait()
		if made != 1 || len(p.flying) != 0 {
			t.Errorf("made %d times, %d are still remembered", made, len(p.flying))
		}

		given = make(chan struct{})
		alone, cancel := context.WithCancel(t.Context())
		all.Go(func() { _, _ = p.once(alone, planKey{text: "b"}, work) })
		synctest.Wait()
		cancel()
		all.Wait()
		synctest.Wait()
		if made != 2 || len(p.flying) != 0 {
			t.Errorf("made %d times; what nobody waits for goes on", made)
		}
	})
}

// TestPanicOfPlanningIsEachOnes: a bug is reported where the request is, and the next request tries again.
func TestPanicOfPlanningIsEachOnes(t *testing.T) {
	p := newPlanning(nil, 0)
	func() {
		defer func() {
			if recover() != "a bug" {
				t.Error("the panic is lost")
			}
		}()
		_, _ = p.once(t.Context(), planKey{}, func(context.Context) (*plan.Plan, operation.Errors) { panic("a bug") })
	}()
	if _, errs := p.once(t.Context(), planKey{}, func(context.Context) (*plan.Plan, operation.Errors) { return &plan.Plan{}, nil }); errs != nil {
		t.Error(errs)
	}
}

// lattice is a graph of subgraphs that share fields, and an operation for which there are more ways than a plan may take to choose among.
func lattice(t *testing.T) (*supergraph.Supergraph, string) {
	var subgraphs []compose.Subgraph
	for i := range 12 {
		var b strings.Builder
		b.WriteString(`extend schema @link(url: "https://specs.apollo.dev/federation/v2.3", import: ["@key", "@shareable"])` + "\ntype Query { t0: T0 @shareable }\n")
		for n := range 12 {
			fmt.Fprintf(&b, "type T%d @key(fields: \"id\") { id: ID! @shareable a: T%d @shareable b: T%d @shareable own%d: Int }\n", n, (n+1)%12, (n+3)%12, i)
		}
		subgraphs = append(subgraphs, compose.Subgraph{Name: fmt.Sprintf("s%d", i), SDL: b.String()})
	}
	composed, errs := compose.Compose(subgraphs)
	if err := errs.Err(); err != nil {
		t.Fatal(err)
	}
	s, err := supergraph.Read("lattice", composed.SDL)
	if err != nil {
		t.Fatal(err)
	}
	long := "own1"
	for i := range 20 {
		long = fmt.Sprintf("own%d own%d a { %s } b { id own%d }", i%12, (i+3)%12, long, (i+5)%12)
	}
	return s, "{ t0 { " + long + " } }"
}

// TestLongPlansTakeTurns: while as many long plans are being made as may be, one more waits, and no longer than its client does.
func TestLongPlansTakeTurns(t *testing.T) {
	s, long := lattice(t)
	document, errs := operation.Parse(s.API, long, operation.Limits{})
	if errs != nil {
		t.Fatal(errs)
	}
	op, errs := document.Normalize("", nil)
	if errs != nil {
		t.Fatal(errs)
	}
	synctest.Test(t, func(t *testing.T) {
		p := newPlanning(s, 0)
		if most := max(1, runtime.GOMAXPROCS(0)-1); cap(p.slots) > most {
			t.Errorf("%d long plans may be made at once, want %d at most", cap(p.slots), most)
		}
		for range cap(p.slots) {
			p.slots <- struct{}{}
		}
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		var err error
		ended := false
		go func() {
			_, err = p.make(ctx, op, nil)
			ended = true
		}()
		synctest.Wait()
		if ended {
			t.Fatalf("one long plan too many was not held back: %v", err)
		}
		cancel()
		synctest.Wait()
		if !ended || !errors.Is(err, context.Canceled) {
			t.Errorf("the client gave up: ended %v, %v", ended, err)
		}
	})
}

// TestLongPlansHoldNobodyUp: while as many long plans are being made as may be, operations that are easy to plan get their plan.
func TestLongPlansHoldNobodyUp(t *testing.T) {
	s, long := lattice(t)
	g := NewGraph(s, nil, GraphSettings{})
	for range cap(g.planning.slots) {
		g.planning.slots <- struct{}{}
	}
	if response := g.Execute(t.Context(), &Request{Query: "{ t0 { id own3 a { own4 } } }"}); !response.Executed {
		t.Errorf("an operation that is easy to plan: %s", response.Body)
	}
	<-g.planning.slots
	// Its turn has come: there is a plan, or it takes more than plans may.
	if response := g.Execute(t.Context(), &Request{Query: long}); !response.Executed && !strings.Contains(string(response.Body), plan.CodeBudget) {
		t.Errorf("%s", response.Body)
	}
}
