package check

import (
	"maps"
	"slices"

	"github.com/vektah/gqlparser/v2/ast"
)

// mutations checks that the root fields of a mutation run one after another in the client's order: each is asked once, and when a request with some of
// them is sent, all that belongs to those before has been answered.
func (k *checking) mutations(root *object) {
	if k.plan.Kind != ast.Mutation || len(k.plan.Shape.Fields) != len(k.operation.Selections.Fields) {
		return
	}
	var (
		positions = map[*ast.Field]int{} // in the texts: the position among the client's root fields
		slots     = map[int]bool{}       // of the fields before
		earlier   = map[*object]bool{}   // what belongs to them
		sent      = map[int]bool{}       // the fetches that bring it
		started   = map[int]bool{}       // the fetches that have some of them
		last      = -1                   // the fetch that has the one before
		shape     = k.plan.Shape.Fields
	)
	for i, field := range k.operation.Selections.Fields {
		slot := shape[i].Slot
		if field.Name == "__typename" || shape[i].Unasked || slot < 0 || slot >= len(root.fills) {
			continue
		}
		if len(root.fills[slot]) != 1 || slots[slot] {
			k.found(nil, field.Key, "a root field of a mutation must be asked once: it is in %d fetches", len(root.fills[slot]))
			continue
		}
		slots[slot] = true
		fill := root.fills[slot][0]
		f := fill.way.fetch
		for _, asked := range fill.fields {
			positions[asked] = i
		}
		if f.ID < last {
			k.found(f, field.Key, "it comes before the fetch of the root field before it")
		}
		last = f.ID
		if !started[f.ID] {
			started[f.ID] = true
			if f.Mutation != i+1 {
				k.found(f, field.Key, "its first root field is number %d, and it says %d", i+1, f.Mutation)
			}
			for _, id := range slices.Sorted(maps.Keys(sent)) {
				if id != f.ID && !k.before[f.ID][id] {
					k.found(f, field.Key, "it does not wait for fetch %d, which belongs to a root field before it", id)
				}
			}
		}
		sent[f.ID] = true
		for _, o := range root.below[slot] {
			workers(o, earlier, sent)
		}
	}
	for _, f := range k.plan.Fetches {
		if f.Root == nil || f.At != nil {
			continue
		}
		at := -1
		for _, selection := range k.documents[f].root {
			field, _ := selection.(*ast.Field)
			position, asked := positions[field]
			if !asked {
				k.found(f, "", "its text asks for more than root fields that the client asked for")
			} else if position < at {
				k.found(f, field.Alias, "its text has the root fields in another order than the client")
			}
			at = max(at, position)
		}
	}
}

// workers adds the fetches that bring anything of the object or below it.
func workers(o *object, seen map[*object]bool, sent map[int]bool) {
	if seen[o] {
		return
	}
	seen[o] = true
	for _, by := range o.ways {
		sent[by.fetch.ID] = true
	}
	for _, list := range o.below {
		for _, below := range list {
			workers(below, seen, sent)
		}
	}
}
