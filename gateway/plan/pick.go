package plan

import (
	"math/bits"
	"sort"
)

// maxEnumerated bounds how many targets are chosen among by trying every subset.
const maxEnumerated = 10

// pick returns the set of relevant targets that answers every field at the least cost.
func (c *chooser) pick(relevant []*target, all [][]option) map[*target]bool {
	total := func(set map[*target]bool) (int, bool) {
		if !c.spend(1 + len(all)/4) {
			return 0, false
		}
		cost, depth := 0, 0
		var fetches idSet
		for _, options := range all {
			best, ok := cheapest(options, set)
			if !ok {
				return 0, false
			}
			cost += best.cost
			depth = max(depth, best.depth)
		}
		for _, t := range relevant {
			if set[t] {
				fetches = fetches.union(t.fetches)
			}
		}
		return cost + costFetch*fetches.count() + costDepth*depth, true
	}
	var best map[*target]bool
	bestCost := 0
	try := func(set map[*target]bool) {
		if cost, ok := total(set); ok && (best == nil || cost < bestCost) {
			best, bestCost = set, cost
		}
	}
	if len(relevant) <= maxEnumerated {
		subsets := make([]uint32, 0, 1<<len(relevant))
		for mask := uint32(0); mask < 1<<len(relevant); mask++ {
			subsets = append(subsets, mask)
		}
		sort.SliceStable(subsets, func(i, j int) bool { return bits.OnesCount32(subsets[i]) < bits.OnesCount32(subsets[j]) })
		for _, mask := range subsets {
			if best != nil && costFetch*bits.OnesCount32(mask) > bestCost {
				break // entering that many subgraphs alone costs more than the best so far
			}
			set := map[*target]bool{}
			for i, t := range relevant {
				if mask&(1<<i) != 0 {
					set[t] = true
				}
			}
			try(set)
		}
		return best
	}
	// Too many to try all: start with every target and leave out, one by one, those that are not worth their cost.
	set := map[*target]bool{}
	for _, t := range relevant {
		set[t] = true
	}
	try(set)
	for _, t := range relevant {
		smaller := map[*target]bool{}
		for other := range best {
			if other != t {
				smaller[other] = true
			}
		}
		try(smaller)
	}
	return best
}

// cheapest returns the least costly option whose targets are all in the set; the first of equals.
func cheapest(options []option, set map[*target]bool) (option, bool) {
	var best option
	found := false
	for _, o := range options {
		ok := true
		for _, s := range o.sources {
			ok = ok && (s.target == nil || set[s.target])
		}
		if ok && (!found || o.cost+costDepth*o.depth < best.cost+costDepth*best.depth) {
			best, found = o, true
		}
	}
	return best, found
}
