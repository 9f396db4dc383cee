package index

import "sort"

// Count is a value and how many entities have it.
type Count struct {
	Value string // as the catalog spells it most often
	Count int
}

// Facet tells how often each value occurs in a set.
type Facet struct {
	Counts   []Count // the most frequent first, equals by folded value
	Distinct int     // how many values there are, also beyond the limit
	Without  int     // how many entities have none
}

// Facet counts the values of a field in the set and returns the limit most frequent.
func (x *Index) Facet(of Set, field Field, limit int) Facet {
	c := &x.columns[field]
	counts := make([]uint32, len(c.values)+1)
	for i, word := range of {
		if word == 0 {
			continue
		}
		codes := c.codes[i*64 : min(i*64+64, len(c.codes))]
		if word == ^uint64(0) {
			for _, code := range codes {
				counts[code]++
			}
			continue
		}
		for bit, code := range codes {
			counts[code] += uint32(word >> bit & 1)
		}
	}
	out := most(counts[1:], c.spellings, limit)
	out.Without = int(counts[0])
	return out
}

// FacetTags counts the tags in the set and returns the limit most frequent.
func (x *Index) FacetTags(of Set, limit int) Facet { return x.tags.facet(of, limit) }

// FacetLabels counts the keys of labels in the set and returns the limit most frequent.
func (x *Index) FacetLabels(of Set, limit int) Facet { return x.labels.facet(of, limit) }

// FacetAnnotations counts the keys of annotations in the set and returns the limit most frequent.
func (x *Index) FacetAnnotations(of Set, limit int) Facet { return x.annotations.facet(of, limit) }

func (l *lists) facet(of Set, limit int) Facet {
	counts := make([]uint32, len(l.values))
	with := make(Set, len(of))
	for value := range l.values {
		last := noID
		for _, id := range l.ids[l.starts[value]:l.starts[value+1]] {
			if of.Has(id) && id != last { // a key in two spellings is one
				counts[value]++
				with.add(id)
				last = id
			}
		}
	}
	out := most(counts, l.spellings, limit)
	out.Without = of.Count() - with.Count()
	return out
}

// noID is no entity's number.
const noID = ^ID(0)

// most returns the values that occur, the most frequent first; spellings are in the order of their folded values.
func most(counts []uint32, spellings []string, limit int) Facet {
	var occurring []uint32
	for value, count := range counts {
		if count > 0 {
			occurring = append(occurring, uint32(value))
		}
	}
	out := Facet{Distinct: len(occurring)}
	sort.SliceStable(occurring, func(i, j int) bool { return counts[occurring[i]] > counts[occurring[j]] })
	occurring = occurring[:min(limit, len(occurring))]
	out.Counts = make([]Count, len(occurring))
	for i, value := range occurring {
		out.Counts[i] = Count{spellings[value], int(counts[value])}
	}
	return out
}
