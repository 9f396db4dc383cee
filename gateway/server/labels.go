package server

import (
	"context"
	"math/rand/v2"
	"strconv"
	"strings"

	"callboard.dev/callboard/gateway/supergraph"
)

// percentages returns the labels that are on for a part of the requests, with that part in percent.
func percentages(s *supergraph.Supergraph) map[string]float64 {
	out := map[string]float64{}
	for _, label := range s.Labels {
		if number, found := strings.CutPrefix(label, "percent("); found {
			if percent, err := strconv.ParseFloat(strings.TrimSuffix(number, ")"), 64); err == nil {
				out[label] = percent
			}
		}
	}
	return out
}

// labels decides the labels of progressive overrides for a request, each once. A request that is among the 5 percent is among the 10 percent too.
func (g *Graph) labels(ctx context.Context, r *Request) map[string]bool {
	if len(g.Supergraph.Labels) == 0 {
		return nil
	}
	drawn := 100 * rand.Float64()
	on := make(map[string]bool, len(g.Supergraph.Labels))
	for _, label := range g.Supergraph.Labels {
		percent, isPercent := g.percent[label]
		switch {
		case g.settings.Label != nil:
			on[label] = g.settings.Label(ctx, r, label)
		case isPercent:
			on[label] = drawn < percent
		default:
			on[label] = g.settings.Labels[label]
		}
	}
	return on
}
