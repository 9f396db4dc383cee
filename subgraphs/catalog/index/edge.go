package index

import (
	"slices"

	"callboard.dev/callboard/subgraphs/catalog/descriptor"
)

// edges holds the relations of every entity in both directions: those it states and those that others state about it.
type edges struct {
	types   []string         // relation types, sorted
	missing []descriptor.Ref // targets that are not there, sorted by text
	starts  []uint32         // of each ID's edges; one more than there are entities
	list    []edge           // sorted by type and then by target, within one ID
}

// edge is one relation. A target from the number of entities on is a missing one.
type edge struct {
	kind   uint16 // position in types
	target uint32
}

// Edge is one relation of an entity.
type Edge struct {
	Type   string
	Target descriptor.Ref
	ID     ID      // of the target, where Missing is empty
	Reason Missing // why the target is not there
}

// Missing tells why the target of a relation is not there; empty where it is.
type Missing string

// Why a target is missing.
const (
	MissingNotFound  Missing = "NOT_FOUND"  // no document declares it
	MissingRefused   Missing = "REFUSED"    // a document declares it, and was refused
	MissingWrongKind Missing = "WRONG_KIND" // it is there, and of a kind the relation cannot have
)

// stated is one relation that a document states, before it is turned into edges.
type stated struct {
	from          ID
	kind, inverse uint16
	target        uint32
}

func newEdges(entities []*descriptor.Entity, refs []string, byRef map[descriptor.Ref]ID) edges {
	var e edges
	kinds := make(map[string]uint16)
	missing := make(map[descriptor.Ref]uint32)
	count := 0
	for _, entity := range entities {
		count += len(entity.Relations)
		for _, relation := range entity.Relations {
			for _, kind := range [...]string{relation.Type, relation.Inverse} {
				if _, ok := kinds[kind]; !ok && kind != "" && len(e.types) < 1<<16-1 {
					kinds[kind] = 0
					e.types = append(e.types, kind)
				}
			}
			if _, ok := byRef[relation.Target]; !ok {
				if _, ok := missing[relation.Target]; !ok {
					missing[relation.Target] = 0
					e.missing = append(e.missing, relation.Target)
				}
			}
		}
	}
	slices.Sort(e.types)
	for i, kind := range e.types {
		kinds[kind] = uint16(i)
	}
	places := e.sortMissing(refs, missing)

	all := make([]stated, 0, count)
	e.starts = make([]uint32, len(entities)+1)
	for id, entity := range entities {
		for _, relation := range entity.Relations {
			one := stated{from: ID(id), kind: kinds[relation.Type], inverse: noKind}
			if inverse, ok := kinds[relation.Inverse]; ok {
				one.inverse = inverse
			}
			if target, ok := byRef[relation.Target]; ok {
				one.target = target
				if one.inverse != noKind {
					e.starts[target+1]++
				}
			} else {
				one.target = uint32(len(entities)) + missing[relation.Target]
			}
			e.starts[id+1]++
			all = append(all, one)
		}
	}
	for i := 1; i < len(e.starts); i++ {
		e.starts[i] += e.starts[i-1]
	}
	e.list = make([]edge, e.starts[len(entities)])
	next := slices.Clone(e.starts[:len(entities)])
	put := func(from ID, one edge) {
		e.list[next[from]] = one
		next[from]++
	}
	for _, one := range all {
		put(one.from, edge{one.kind, one.target})
		if one.target < uint32(len(entities)) && one.inverse != noKind {
			put(one.target, edge{one.inverse, one.from})
		}
	}
	e.sortAndMerge(places)
	return e
}

// noKind stands for a relation without an inverse.
const noKind = 1<<16 - 1

// sortMissing orders the missing targets, numbers them, and returns the place of each among the entities' references.
func (e *edges) sortMissing(refs []string, missing map[descriptor.Ref]uint32) []uint32 {
	type named struct {
		text string
		ref  descriptor.Ref
	}
	all := make([]named, len(e.missing))
	for i, ref := range e.missing {
		all[i] = named{ref.String(), ref}
	}
	slices.SortFunc(all, func(a, b named) int {
		switch {
		case a.text < b.text:
			return -1
		case a.text > b.text:
			return 1
		}
		return 0
	})
	places := make([]uint32, len(all))
	for i, one := range all {
		e.missing[i] = one.ref
		missing[one.ref] = uint32(i)
		at, _ := slices.BinarySearch(refs, one.text)
		places[i] = uint32(at)
	}
	return places
}

// sortAndMerge sorts the edges of each entity by type and target reference, and keeps one of equals: both sides of a relation
// may be stated.
func (e *edges) sortAndMerge(places []uint32) {
	n := uint32(len(e.starts) - 1)
	// place puts a missing target before the entity whose place it would take.
	place := func(target uint32) uint64 {
		if target < n {
			return uint64(target)<<33 | 1<<32
		}
		return uint64(places[target-n])<<33 | uint64(target-n)
	}
	to := uint32(0)
	for id := range n {
		own := e.list[e.starts[id]:e.starts[id+1]]
		slices.SortFunc(own, func(a, b edge) int {
			if a.kind != b.kind {
				return int(a.kind) - int(b.kind)
			}
			switch pa, pb := place(a.target), place(b.target); {
			case pa < pb:
				return -1
			case pa > pb:
				return 1
			}
			return 0
		})
		own = slices.Compact(own)
		e.starts[id] = to
		to += uint32(copy(e.list[to:], own))
	}
	e.starts[n] = to
	e.list = e.list[:to]
}

// of returns the edges of one entity that have the type.
func (e *edges) of(id ID, relation string) []edge {
	kind, ok := slices.BinarySearch(e.types, relation)
	if !ok {
		return nil
	}
	own := e.list[e.starts[id]:e.starts[id+1]]
	from := 0
	for from < len(own) && int(own[from].kind) < kind {
		from++
	}
	to := from
	for to < len(own) && int(own[to].kind) == kind {
		to++
	}
	return own[from:to]
}

// Relations returns the relations of an entity that have the type, sorted by the target's reference.
func (x *Index) Relations(id ID, relation string) []Edge {
	return x.resolve(x.edges.of(id, relation))
}

// AllRelations returns all relations of an entity, sorted by type and then by the target's reference.
func (x *Index) AllRelations(id ID) []Edge {
	return x.resolve(x.edges.list[x.edges.starts[id]:x.edges.starts[id+1]])
}

func (x *Index) resolve(list []edge) []Edge {
	out := make([]Edge, len(list))
	for i, one := range list {
		out[i].Type = x.edges.types[one.kind]
		if one.target < uint32(x.Len()) {
			out[i].ID = one.target
			out[i].Target = x.entities[one.target].Ref
			continue
		}
		out[i].Target = x.edges.missing[one.target-uint32(x.Len())]
		out[i].Reason = x.whyMissing(out[i].Target)
	}
	return out
}

func (x *Index) whyMissing(ref descriptor.Ref) Missing {
	if _, ok := x.refused[ref]; ok {
		return MissingRefused
	}
	return MissingNotFound
}

// CountRelations tells how many relations of the type an entity has.
func (x *Index) CountRelations(id ID, relation string) int { return len(x.edges.of(id, relation)) }

// targetRef returns the reference an edge points to.
func (x *Index) targetRef(one edge) descriptor.Ref {
	if one.target < uint32(x.Len()) {
		return x.entities[one.target].Ref
	}
	return x.edges.missing[one.target-uint32(x.Len())]
}
