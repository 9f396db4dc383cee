package main

import (
	"context"
	"fmt"
	"sort"
	"sync"

	"callboard.dev/callboard/gateway/execute"
	"callboard.dev/callboard/gateway/gatewaytest"
	"callboard.dev/callboard/gateway/plan"
)

// standIns makes the subgraphs of the case.
func (c *benchCase) standIns(recorder *gatewaytest.Recorder) (map[string]*gatewaytest.StandIn, error) {
	list := map[string]*gatewaytest.StandIn{}
	for _, own := range c.Subgraphs {
		s, err := gatewaytest.NewStandIn(own.Name, own.SDL, c.Universe, recorder)
		if err != nil {
			return nil, err
		}
		list[own.Name] = s
	}
	return list, nil
}

// recordCalls answers the scenario by our gateway in this process and returns what it asks of subgraphs. A call's wave is the longest chain of calls it waits for.
// Subgraphs that are asked wrongly, and a wrong answer, are errors.
func (c *benchCase) recordCalls(ctx context.Context, s *scenario) ([][]call, error) {
	recorder := &gatewaytest.Recorder{}
	standIns, err := c.standIns(recorder)
	if err != nil {
		return nil, err
	}
	type made struct {
		fetch int
		call  call
	}
	var (
		mu   sync.Mutex
		seen []made
	)
	subgraphs := map[string]execute.Subgraph{}
	for name, standIn := range standIns {
		subgraphs[name] = execute.SubgraphFunc(func(ctx context.Context, r *execute.Request) (*execute.Answer, error) {
			body := string(r.Fetch.Prefix)
			if len(r.Variables) > 0 {
				body += `,"variables":` + string(r.Variables)
			}
			mu.Lock()
			seen = append(seen, made{r.Fetch.ID, call{Path: "/" + name, Body: body + "}"}})
			mu.Unlock()
			return standIn.Fetch(ctx, r)
		})
	}
	result := gatewaytest.New(c.Supergraph, subgraphs, recorder).Do(ctx, s.Request)
	if faults := recorder.Faults(); len(faults) > 0 {
		return nil, fmt.Errorf("recording the calls of %s: %s", s.Name, faults[0])
	}
	if _, err := compareBodies(s.Want, result.Body); err != nil {
		return nil, fmt.Errorf("recording the calls of %s: %w", s.Name, err)
	}
	sort.Slice(seen, func(i, j int) bool { return seen[i].fetch < seen[j].fetch })
	levels := levelsOf(result.Plan)
	var waves [][]call
	for _, m := range seen {
		for len(waves) <= levels[m.fetch] {
			waves = append(waves, nil)
		}
		waves[levels[m.fetch]] = append(waves[levels[m.fetch]], m.call)
	}
	return waves, nil
}

// levelsOf returns how many fetches each fetch waits for, one after the other.
func levelsOf(p *plan.Plan) []int {
	levels := make([]int, len(p.Fetches))
	for i, f := range p.Fetches {
		for _, before := range f.After {
			levels[i] = max(levels[i], levels[before]+1)
		}
	}
	return levels
}
