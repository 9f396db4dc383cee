package plan

import (
	"slices"

	"github.com/vektah/gqlparser/v2/ast"
)

// way says of each step from the root to a position for which object types it is taken, sorted; nil means all.
type way [][]string

// join widens the way to what either takes.
func (w way) join(o way) way {
	if w == nil {
		return slices.Clone(o)
	}
	for i, on := range o {
		if on == nil || w[i] == nil {
			w[i] = nil
			continue
		}
		w[i] = append(slices.Clone(w[i]), on...)
		slices.Sort(w[i])
		w[i] = slices.Compact(w[i])
	}
	return w
}

// step returns the object types for which the unit's fields are followed further from a site; nil where that is all, or where what the fields come
// from does not wait for the object type.
func (b *build) step(s *site, unit *ast.Definition, from map[*fetch]bool) []string {
	if unit == s.def || unit.Kind != ast.Object {
		return nil
	}
	for f := range from {
		if !slices.ContainsFunc(s.types, func(types *fetch) bool { return f == types || b.waits(f, types) }) {
			return nil
		}
	}
	return []string{unit.Name}
}

// path returns the steps of the way from the root to the site.
func path(s *site, w way) []Step {
	if s.parent == nil {
		return nil
	}
	last := len(w) - 1
	return append(path(s.parent, w[:last]), Step{Slot: s.via.index, Name: s.via.name, On: w[last]})
}
