package index

import (
	"callboard.dev/callboard/subgraphs/catalog/descriptor"
)

// Filter selects entities.
type Filter interface {
	// keep takes out of the set what the filter does not select. The set may start with any entities.
	keep(x *Index, from Set)
}

// Select returns the entities that the filter selects.
func (x *Index) Select(f Filter) Set {
	out := x.All()
	f.keep(x, out)
	return out
}

// All selects what every one of the filters selects: everything where there are none.
type All []Filter

func (f All) keep(x *Index, from Set) {
	for _, one := range f {
		one.keep(x, from)
	}
}

// Any selects what at least one of the filters selects: nothing where there are none.
type Any []Filter

func (f Any) keep(x *Index, from Set) {
	sum := newSet(x.Len())
	part := newSet(x.Len())
	for _, one := range f {
		copy(part, from)
		one.keep(x, part)
		sum.or(part)
	}
	copy(from, sum)
}

// Not selects what the filter does not select.
type Not struct{ Filter Filter }

func (f Not) keep(x *Index, from Set) {
	out := newSet(x.Len())
	copy(out, from)
	f.Filter.keep(x, out)
	from.andNot(out)
}

// Is selects the entities that have one of the values in the field, in any letter case.
type Is struct {
	Field  Field
	Values []string
}

func (f Is) keep(x *Index, from Set) {
	c := &x.columns[f.Field]
	wanted := make([]bool, len(c.values)+1)
	for _, value := range f.Values {
		if code, ok := c.code(fold(ordered(value))); ok {
			wanted[code] = true
		}
	}
	c.keep(wanted, from)
}

// keep keeps the entities whose code is wanted.
func (c *column) keep(wanted []bool, from Set) {
	for i, word := range from {
		if word == 0 {
			continue
		}
		codes := c.codes[i*64 : min(i*64+64, len(c.codes))]
		var kept uint64
		for bit, code := range codes {
			if wanted[code] {
				kept |= 1 << bit
			}
		}
		from[i] = word & kept
	}
}

// Has selects the entities that have any value in the field.
type Has struct{ Field Field }

func (f Has) keep(x *Index, from Set) {
	c := &x.columns[f.Field]
	wanted := make([]bool, len(c.values)+1)
	for i := range c.values {
		wanted[i+1] = true
	}
	c.keep(wanted, from)
}

// Tagged selects the entities that have one of the tags, in any letter case.
type Tagged []string

func (f Tagged) keep(x *Index, from Set) {
	sum := newSet(x.Len())
	for _, tag := range f {
		start, end := x.tags.find(fold(tag))
		for _, id := range x.tags.ids[start:end] {
			sum.add(id)
		}
	}
	from.And(sum)
}

// Labelled selects the entities that have a label with the key and, where it is given, the value, in any letter case.
type Labelled struct {
	Key   string
	Value *string
}

func (f Labelled) keep(x *Index, from Set) {
	x.keepMapped(&x.labels, f.Key, f.Value, func(e *descriptor.Entity) map[string]string { return e.Metadata.Labels }, from)
}

// Annotated selects the entities that have an annotation with the key and, where it is given, the value, in any letter case.
type Annotated struct {
	Key   string
	Value *string
}

func (f Annotated) keep(x *Index, from Set) {
	x.keepMapped(&x.annotations, f.Key, f.Value, func(e *descriptor.Entity) map[string]string { return e.Metadata.Annotations }, from)
}

func (x *Index) keepMapped(l *lists, key string, value *string, of func(*descriptor.Entity) map[string]string, from Set) {
	kept := newSet(x.Len())
	key = fold(key)
	start, end := l.find(key)
	if value == nil {
		for _, id := range l.ids[start:end] {
			kept.add(id)
		}
		from.And(kept)
		return
	}
	folded := fold(*value)
	hash := hashFolded(folded)
	for at := start; at < end; at++ {
		if id := l.ids[at]; l.hashes[at] == hash && from.Has(id) && mapHas(of(x.entities[id]), key, folded) {
			kept.add(id)
		}
	}
	from.And(kept)
}

// mapHas tells whether some key of the map folds to key and has a value that folds to value.
func mapHas(m map[string]string, key, value string) bool {
	for k, v := range m {
		if fold(k) == key && fold(v) == value {
			return true
		}
	}
	return false
}

// Among selects the entities that the references name.
type Among []descriptor.Ref

func (f Among) keep(x *Index, from Set) {
	kept := newSet(x.Len())
	for _, ref := range f {
		if id, ok := x.Lookup(ref); ok {
			kept.add(id)
		}
	}
	from.And(kept)
}

// Members selects the entities of a set of this Index.
type Members Set

func (f Members) keep(_ *Index, from Set) { from.And(Set(f)) }

// Troubled selects the entities that something is wrong with.
type Troubled struct{}

func (Troubled) keep(x *Index, from Set) { from.And(x.troubled) }

// Dangling selects the entities that have a relation to something that is not there.
type Dangling struct{}

func (Dangling) keep(x *Index, from Set) { from.And(x.dangling) }

// Orphaned selects the entities of kinds that have owners which have none that is there.
type Orphaned struct{}

func (Orphaned) keep(x *Index, from Set) { from.And(x.orphaned) }

// OwnedBy selects what a group or user owns.
type OwnedBy struct {
	Owner       descriptor.Ref
	Descendants bool // also what the groups below it own
	Ancestors   bool // also what the groups above it own; above a user are the groups the user belongs to
}

func (f OwnedBy) keep(x *Index, from Set) {
	c := &x.columns[FieldOwner]
	wanted := make([]bool, len(c.values)+1)
	if code, ok := c.code(fold(ordered(f.Owner.String()))); ok {
		wanted[code] = true
	}
	if id, ok := x.Lookup(f.Owner); ok && (f.Descendants || f.Ancestors) {
		reached := make(map[uint32]struct{})
		if f.Descendants {
			x.reach(id, reached, relationParentOf)
		}
		if f.Ancestors {
			x.reach(id, reached, relationMemberOf, relationChildOf)
		}
		for at, target := range x.owners {
			if _, ok := reached[target]; ok {
				wanted[at+1] = true
			}
		}
	}
	c.keep(wanted, from)
}

// reach adds the groups that can be reached from an entity over relations of the types, as targets of edges. A group that is named
// and not there is reached too: what it owns says so all the same.
func (x *Index) reach(from ID, reached map[uint32]struct{}, relations ...string) {
	n := uint32(x.Len())
	seen := map[ID]struct{}{from: {}}
	for next := []ID{from}; len(next) > 0; {
		id := next[len(next)-1]
		next = next[:len(next)-1]
		for _, relation := range relations {
			for _, one := range x.edges.of(id, relation) {
				if _, ok := seen[one.target]; ok || x.targetRef(one).Kind != "group" {
					continue
				}
				seen[one.target] = struct{}{}
				reached[one.target] = struct{}{}
				if one.target < n {
					next = append(next, one.target)
				}
			}
		}
	}
}
