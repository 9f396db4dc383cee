package gatewaytest

import (
	"testing"

	"callboard.dev/callboard/gateway/operation"
)

// FuzzOperations makes up operations for the graphs of the archives and compares the gateway with the monolith.
func FuzzOperations(f *testing.F) {
	var worlds []*World
	for _, file := range archives(f) {
		_, world := open(f, file, nil)
		worlds = append(worlds, world)
	}
	for seed := range uint64(len(worlds) * 40) {
		f.Add(seed%uint64(len(worlds)), seed)
	}
	f.Fuzz(func(t *testing.T, which, seed uint64) {
		world := worlds[which%uint64(len(worlds))]
		compare(t, world, RandomOperation(world.Gateway.Supergraph.API, seed))
	})
}

// compare answers a request by the gateway and by the monolith.
func compare(t *testing.T, world *World, r Request) {
	t.Helper()
	world.Gateway.Limits = operation.Limits{Fields: 100_000, Aliases: 100_000, RootFields: 100_000, SameKey: 100_000}
	result := world.Gateway.Do(t.Context(), r)
	if result.Plan == nil {
		t.Fatalf("no plan: %s\n%s\n%s", result.Body, r.Query, r.Variables)
	}
	agree(t, world, r, result)
	faultless(t, world)
	requests := world.Gateway.Recorder.Take()
	if t.Failed() {
		t.Logf("%s%s\n%s\n%s%s", r.Query, r.Variables, result.Plan, Describe(requests), result.Body)
	}
}
