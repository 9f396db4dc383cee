package index

import (
	"cmp"
	"slices"
	"strings"

	"callboard.dev/callboard/subgraphs/catalog/descriptor"
)

// edges holds the relations of every entity in both directions: those it states and those that others state about it.
type edges struct {
	types   []string         // relation types, sorted
	missing []descriptor.Ref // targets that are not there, sorted by text
	stated  []stated         // what the entities state, in their order and the order of their Relations
	starts  []uint32         // of each ID's edges; one more than there are entities
	list    []edge           // sorted by type and then by target, within one ID
}

// edge is one relation. A target from the number of entities on is a missing one.
type edge struct {
	kind   uint16 // position in types
	target uint32
}

// stated is one relation as its entity states it.
type stated struct {
	kind, inverse uint16 // positions in types, or noKind
	target        uint32
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

// newEdges relates the entities.
func newEdges(entities []*descriptor.Entity, refs []string) edges {
	var e edges
	n := uint32(len(entities))
	byRef := make(map[descriptor.Ref]uint32, n)
	kinds := map[string]uint16{"": noKind}
	count := 0
	for id, entity := range entities {
		byRef[entity.Ref] = uint32(id)
		count += len(entity.Relations)
		for i := range entity.Relations {
			for _, kind := range [...]string{entity.Relations[i].Type, entity.Relations[i].Inverse} {
				if _, ok := kinds[kind]; !ok && len(e.types) < noKind {
					kinds[kind] = 0
					e.types = append(e.types, kind)
				}
			}
		}
	}
	slices.Sort(e.types)
	for i, kind := range e.types {
		kinds[kind] = uint16(i)
	}
	kindOf := func(relation string) uint16 {
		if kind, ok := kinds[relation]; ok {
			return kind
		}
		return noKind
	}
	e.stated = make([]stated, 0, count)
	for _, entity := range entities {
		for i := range entity.Relations {
			relation := &entity.Relations[i]
			target, ok := byRef[relation.Target]
			if !ok {
				target = n + uint32(len(e.missing)) // numbered as they come, until settle
				byRef[relation.Target] = target
				e.missing = append(e.missing, relation.Target)
			}
			e.stated = append(e.stated, stated{kindOf(relation.Type), kindOf(relation.Inverse), target})
		}
	}
	e.settle(entities, refs)
	return e
}

// settle sorts the missing targets, and makes the edges of what is stated.
func (e *edges) settle(entities []*descriptor.Entity, refs []string) {
	n := uint32(len(entities))
	renumbered, places := e.sortMissing(refs)
	for i := range e.stated {
		if target := &e.stated[i].target; *target >= n {
			*target = n + renumbered[*target-n]
		}
	}
	// each calls with every edge, those of the inverses included.
	each := func(do func(from ID, one edge)) {
		at := 0
		for id, entity := range entities {
			for range entity.Relations {
				one := e.stated[at]
				at++
				if one.kind != noKind {
					do(ID(id), edge{one.kind, one.target})
				}
				if one.inverse != noKind && one.target < n {
					do(one.target, edge{one.inverse, ID(id)})
				}
			}
		}
	}
	e.starts = make([]uint32, n+1)
	each(func(from ID, _ edge) { e.starts[from+1]++ })
	for i := 1; i < len(e.starts); i++ {
		e.starts[i] += e.starts[i-1]
	}
	e.list = make([]edge, e.starts[n])
	next := slices.Clone(e.starts[:n])
	each(func(from ID, one edge) {
		e.list[next[from]] = one
		next[from]++
	})
	e.sortAndMerge(places)
}

// noKind is more relation types than there can be: the format has fourteen, and a type beyond is dropped.
const noKind = 1<<16 - 1

// sortMissing orders the missing targets. It returns the new number of each, and for each new number the place the target would
// take among the entities' references.
func (e *edges) sortMissing(refs []string) (renumbered, places []uint32) {
	type named struct {
		text string
		old  int
	}
	all := make([]named, len(e.missing))
	for i, ref := range e.missing {
		all[i] = named{ref.String(), i}
	}
	slices.SortFunc(all, func(a, b named) int { return strings.Compare(a.text, b.text) })
	renumbered, places = make([]uint32, len(all)), make([]uint32, len(all))
	sorted := make([]descriptor.Ref, len(all))
	for i, one := range all {
		sorted[i] = e.missing[one.old]
		renumbered[one.old] = uint32(i)
		at, _ := slices.BinarySearch(refs, one.text)
		places[i] = uint32(at)
	}
	e.missing = sorted
	return renumbered, places
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
			return cmp.Compare(place(a.target), place(b.target))
		})
		own = slices.Compact(own)
		e.starts[id] = to
		to += uint32(copy(e.list[to:], own))
	}
	e.starts[n] = to
	e.list = e.list[:to]
}

// of returns the edges of one entity that have the type.
func (e *edges) of(id ID, relation string) []edge { return e.ofKind(id, e.kind(relation)) }

// kind returns the position of a type, or noKind where no relation has it.
func (e *edges) kind(relation string) uint16 {
	at, ok := slices.BinarySearch(e.types, relation)
	if !ok {
		return noKind
	}
	return uint16(at)
}

func (e *edges) ofKind(id ID, kind uint16) []edge {
	own := e.list[e.starts[id]:e.starts[id+1]]
	from := 0
	for from < len(own) && own[from].kind < kind {
		from++
	}
	to := from
	for to < len(own) && own[to].kind == kind {
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

// targetText returns the reference text of a target.
func (x *Index) targetText(target uint32) string {
	if target < uint32(x.Len()) {
		return x.refs[target]
	}
	return x.edges.missing[target-uint32(x.Len())].String()
}
