package check

import (
	"github.com/vektah/gqlparser/v2/ast"

	"callboard.dev/callboard/gateway/plan"
)

// waste checks that nothing is asked without need: each field asked is wanted of some object, each fetch brings something that no other brings in
// time, and no two requests could have been one.
func (k *checking) waste() {
	for _, o := range k.walk.all {
		for slot := range o.fills {
			for _, f := range o.fills[slot] {
				for _, field := range f.fields {
					k.walk.useful[field] = k.walk.useful[field] || o.wanted[slot]
				}
			}
		}
	}
	for _, f := range k.plan.Fetches {
		d := k.documents[f]
		if f.Root != nil {
			k.unused(f, d, d.root, "")
		}
		for i, e := range f.Entities {
			k.unused(f, d, d.entities[i], pathText(e.Targets[0].Path))
		}
		if !k.needed[f.ID] {
			k.found(f, "", "it brings nothing that is needed and no other fetch brings")
		}
	}
	k.twice()
}

// unused reports the fields of a set that are asked in vain; what is below one is not looked at.
func (k *checking) unused(f *plan.Fetch, d *document, set ast.SelectionSet, path string) {
	for _, selection := range set {
		switch selection := selection.(type) {
		case *ast.Field:
			at := join(path, selection.Name)
			switch {
			case !k.walk.read[selection]:
				k.found(f, at, "the answer to %s is read nowhere", selection.Alias)
			case !k.walk.useful[selection]:
				k.found(f, at, "nothing has need of %s", selection.Alias)
			default:
				k.unused(f, d, selection.SelectionSet, at)
			}
		case *ast.InlineFragment:
			k.unused(f, d, selection.SelectionSet, path)
		}
	}
}

// twice reports fetches of one subgraph that start at the same distance from the start and could be one request.
func (k *checking) twice() {
	type moment struct {
		subgraph string
		distance int
		entities bool
		at       string
	}
	first := map[moment]*plan.Fetch{}
	distance := make([]int, len(k.plan.Fetches))
	for i, f := range k.plan.Fetches {
		for before := range k.before[i] {
			distance[i] = max(distance[i], distance[before]+1)
		}
		at := moment{f.Subgraph, distance[i], f.Root == nil, pathText(f.At)}
		if f.Root != nil && f.At == nil && k.plan.Kind == ast.Mutation {
			continue // two of one subgraph are two because another stands between them
		}
		if other := first[at]; other != nil {
			k.found(f, "", "it could be one request with fetch %d", other.ID)
			continue
		}
		first[at] = f
	}
}
