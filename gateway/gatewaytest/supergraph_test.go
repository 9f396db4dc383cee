package gatewaytest

import (
	"bytes"
	"flag"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"callboard.dev/callboard/gateway/compose"
	"callboard.dev/callboard/gateway/operation"
	"callboard.dev/callboard/gateway/supergraph"
)

var graphs = flag.Int("graphs", 100, "how many made-up graphs to test without fuzzing")

// made is a made-up graph with its data.
type made struct {
	*World
	subgraphs []compose.Subgraph
	loose     bool
	shuffled  *World // of the same subgraphs in another order; nil where that is not compared
}

func madeUpGraph(t testing.TB, seed uint64) *made {
	t.Helper()
	subgraphs := RandomSubgraphs(seed)
	shuffled := slices.Clone(subgraphs)
	rand.New(rand.NewPCG(seed, 0)).Shuffle(len(shuffled), func(i, j int) { shuffled[i], shuffled[j] = shuffled[j], shuffled[i] })
	return &made{World: madeWorld(t, subgraphs, seed), subgraphs: subgraphs, loose: Loose(seed), shuffled: madeWorld(t, shuffled, seed)}
}

func madeWorld(t testing.TB, subgraphs []compose.Subgraph, seed uint64) *World {
	t.Helper()
	composed, errs := compose.Compose(subgraphs)
	if err := errs.Err(); err != nil {
		t.Fatal(err)
	}
	graph, err := supergraph.Read("random", composed.SDL)
	if err != nil {
		t.Fatalf("reading what composed: %v\n%s", err, composed.SDL)
	}
	world, err := NewWorld(graph, subgraphs, RandomUniverse(graph, seed), nil)
	if err != nil {
		t.Fatal(err)
	}
	world.Gateway.Limits = operation.Limits{Fields: 100_000, Aliases: 100_000, RootFields: 100_000, SameKey: 100_000}
	return world
}

// FuzzSupergraphs makes up graphs, data and operations, and compares the gateway with the monolith. A failure logs an archive that shows it.
func FuzzSupergraphs(f *testing.F) {
	for seed := range uint64(*graphs) {
		f.Add(seed, seed)
	}
	f.Fuzz(func(t *testing.T, which, seed uint64) {
		checkGraph(t, madeUpGraph(t, which), seed, 4)
	})
}

// checkGraph compares some operations.
func checkGraph(t testing.TB, m *made, seed uint64, operations uint64) {
	t.Helper()
	for n := range operations {
		r := RandomOperation(m.Gateway.Supergraph.API, seed*operations+n)
		m.check(t, r)
		if t.Failed() {
			t.Log(NewArchive(m.subgraphs, m.Monolith.Universe, r))
			return
		}
	}
}

// check answers one request, and says what is wrong with the answer.
func (m *made) check(t testing.TB, r Request) {
	t.Helper()
	result := m.Gateway.Do(t.Context(), r)
	if result.Plan == nil {
		if !m.loose || !strings.Contains(string(result.Body), "QUERY_PLANNING_FAILED") {
			t.Errorf("no plan: %s\n%s\n%s", result.Body, r.Query, r.Variables)
		}
		return
	}
	agree(t, m.World, r, result)
	faultless(t, m.World)
	requests := m.Gateway.Recorder.Take()
	if len(requests) > len(result.Plan.Fetches) {
		t.Errorf("%d requests for %d fetches", len(requests), len(result.Plan.Fetches))
	}
	if again, err := m.Gateway.Planner.Plan(t.Context(), result.Operation, nil); err != nil || again.String() != result.Plan.String() {
		t.Errorf("planned again: %v\n%s\nat first:\n%s", err, again, result.Plan)
	}
	if m.shuffled != nil {
		if other := m.shuffled.Gateway.Do(t.Context(), r); other.Plan == nil || other.Plan.String() != result.Plan.String() {
			t.Errorf("with the subgraphs in another order:\n%s\nin theirs:\n%s", other.Plan, result.Plan)
		}
	}
	if t.Failed() {
		t.Logf("%s%s\n%s\n%s%s", r.Query, r.Variables, result.Plan, Describe(requests), result.Body)
	}
}

// TestNewArchive writes what is made up as archives and reads them again. They give the same answers.
func TestNewArchive(t *testing.T) {
	for seed := range uint64(20) {
		m := madeUpGraph(t, seed)
		r := RandomOperation(m.Gateway.Supergraph.API, seed)
		file := filepath.Join(t.TempDir(), "made.txtar")
		text := NewArchive(m.subgraphs, m.Monolith.Universe, r)
		if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		a, again := open(t, file, nil)
		want, got := m.Gateway.Do(t.Context(), r), again.Gateway.Do(t.Context(), a.Request)
		if !bytes.Equal(want.Body, got.Body) {
			t.Errorf("made up:\n%s\nread again:\n%s\n%s", want.Body, got.Body, text)
		}
	}
}
