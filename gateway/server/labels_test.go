package server_test

import (
	"context"
	"strings"
	"testing"

	"callboard.dev/callboard/gateway/compose"
	"callboard.dev/callboard/gateway/server"
	"callboard.dev/callboard/gateway/supergraph"
)

// moving is a graph in which three fields move from one subgraph to another, under labels of each kind.
func moving(t *testing.T, settings server.GraphSettings) *server.Graph {
	const link = `extend schema @link(url: "https://specs.apollo.dev/federation/v2.7", import: ["@override"]) `
	composed, errs := compose.Compose([]compose.Subgraph{
		{Name: "old", SDL: link + `type Query { a: Int b: Int c: Int }`},
		{Name: "new", SDL: link + `type Query { a: Int @override(from: "old", label: "percent(30)") b: Int @override(from: "old", label: "percent(60.5)") c: Int @override(from: "old", label: "c-moves") }`},
	})
	if err := errs.Err(); err != nil {
		t.Fatal(err)
	}
	s, err := supergraph.Read("moving", composed.SDL)
	if err != nil {
		t.Fatal(err)
	}
	return server.NewGraph(s, nil, settings)
}

// asked returns, for many requests, how many went to the new subgraph for a field, and how many went there for a but not for b.
func asked(t *testing.T, g *server.Graph) (counts map[string]int, crossed int) {
	counts = map[string]int{}
	for range asks {
		text, errs := g.Explain(t.Context(), &server.Request{Query: "{ a b c }"})
		if errs != nil {
			t.Fatal(errs)
		}
		_, fromNew, _ := strings.Cut(text, "from new\n  ")
		fields, _, _ := strings.Cut(fromNew, "\n")
		for _, name := range []string{"a", "b", "c"} {
			if strings.Contains(fields, name) {
				counts[name]++
			}
		}
		if strings.Contains(fields, "a") && !strings.Contains(fields, "b") {
			crossed++
		}
	}
	return counts, crossed
}

const asks = 4000

func TestOverridePercent(t *testing.T) {
	counts, crossed := asked(t, moving(t, server.GraphSettings{}))
	// Ten standard deviations of what chance does.
	if a := counts["a"]; a < asks*22/100 || a > asks*38/100 {
		t.Errorf("percent(30) was on for %d of %d requests", a, asks)
	}
	if b := counts["b"]; b < asks*52/100 || b > asks*69/100 {
		t.Errorf("percent(60.5) was on for %d of %d requests", b, asks)
	}
	if counts["c"] != 0 || crossed != 0 {
		t.Errorf("a label that nobody switched on: %d; 30 percent but not among 60: %d", counts["c"], crossed)
	}
}

func TestOverrideLabels(t *testing.T) {
	if counts, _ := asked(t, moving(t, server.GraphSettings{Labels: map[string]bool{"c-moves": true}})); counts["c"] != asks {
		t.Errorf("a label that is on was on for %d of %d requests", counts["c"], asks)
	}
	hook := func(_ context.Context, r *server.Request, label string) bool { return label == "percent(30)" }
	counts, _ := asked(t, moving(t, server.GraphSettings{Label: hook, Labels: map[string]bool{"c-moves": true}}))
	if counts["a"] != asks || counts["b"] != 0 || counts["c"] != 0 {
		t.Errorf("the hook decides alone: %v of %d", counts, asks)
	}
}
