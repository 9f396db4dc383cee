package plan

import (
	"cmp"
	"slices"

	"callboard.dev/callboard/gateway/operation"
	"callboard.dev/callboard/gateway/supergraph"
)

// representation says which slots of the site a representation is made of. An object whose type the subgraph cannot know from the field it is in
// carries it.
func (b *build) representation(s *site, demand *operation.Selections, to *supergraph.Subgraph) []RepresentationField {
	var list []RepresentationField
	for _, field := range demand.Fields {
		if field.Name == "__typename" {
			continue
		}
		own := b.slot(s, field, "")
		r := RepresentationField{Name: field.Name, Member: `,"` + field.Name + `":`, Slot: own.index, On: field.On}
		if field.Selections != nil {
			r.Fields = b.representation(own.site, field.Selections, to)
			// Which type the object is goes along where it may have several, whatever is left of the fragments in the subgraph's own text of the demand.
			abstract := supergraph.Abstract(own.site.def)
			r.Typed = abstract || slices.ContainsFunc(field.Selections.Fields, func(f *operation.Field) bool { return f.Name == "__typename" })
			own.site.asks = own.site.asks || abstract
		}
		list = append(list, r)
	}
	return list
}

// allowNull lets the fields be null that are not part of the key, at every level: a requirement may ask for more of an object that the key is made
// of too.
func allowNull(fields []RepresentationField, key *operation.Selections) {
	for i := range fields {
		f := &fields[i]
		f.Null = true
		for _, part := range key.Fields {
			if part.Name == f.Name {
				f.Null = false
				if part.Selections != nil {
					allowNull(f.Fields, part.Selections)
				}
			}
		}
	}
}

func sameFields(a, b []RepresentationField) bool {
	return slices.EqualFunc(a, b, func(a, b RepresentationField) bool {
		return a.Name == b.Name && a.Slot == b.Slot && a.Null == b.Null && a.Typed == b.Typed && slices.Equal(a.On, b.On) && sameFields(a.Fields, b.Fields)
	})
}

// inOrder sorts the fields of a representation: those of its key as the key has them, then those of requirements by name. Wherever an entity is found
// and whatever was required of it first, it is sent in the same words, and so once.
func inOrder(fields []RepresentationField) []RepresentationField {
	sorted := slices.Clone(fields)
	for i := range sorted {
		sorted[i].Fields = inOrder(sorted[i].Fields)
	}
	slices.SortStableFunc(sorted, func(a, b RepresentationField) int {
		switch {
		case a.Null && b.Null:
			return cmp.Compare(a.Name, b.Name)
		case a.Null:
			return 1
		case b.Null:
			return -1
		}
		return 0
	})
	return sorted
}

// mergeFields adds more to the fields of a list; what is there already is widened.
func mergeFields(list, more []RepresentationField) []RepresentationField {
	for _, field := range more {
		at := slices.IndexFunc(list, func(f RepresentationField) bool {
			return f.Name == field.Name && f.Slot == field.Slot && slices.Equal(f.On, field.On)
		})
		if at < 0 {
			list = append(list, field)
			continue
		}
		list[at].Fields = mergeFields(slices.Clone(list[at].Fields), field.Fields)
		list[at].Null = list[at].Null && field.Null
		list[at].Typed = list[at].Typed || field.Typed
	}
	return list
}

// contradict tells whether two lists have different values for one member of an object, as requirements with different arguments have.
func contradict(list, other []RepresentationField) bool {
	for _, a := range list {
		for _, b := range other {
			if a.Name != b.Name || a.On != nil && b.On != nil && !slices.ContainsFunc(a.On, func(name string) bool { return slices.Contains(b.On, name) }) {
				continue
			}
			if a.Slot != b.Slot || contradict(a.Fields, b.Fields) {
				return true
			}
		}
	}
	return false
}

// settle leaves one field of each name for each object type at the site and below. Requirements that were put together may ask for one field of
// different types, some of them the same.
func (b *build) settle(s *site, fields []RepresentationField) []RepresentationField {
	var out []RepresentationField
	for i, field := range fields {
		named := func(f RepresentationField) bool { return f.Name == field.Name }
		switch {
		case slices.ContainsFunc(fields[:i], named): // settled with the first
		case !slices.ContainsFunc(fields[i+1:], named):
			out = append(out, field)
		default:
			out = append(out, b.byType(s, slices.DeleteFunc(slices.Clone(fields[i:]), func(f RepresentationField) bool { return !named(f) }))...)
		}
	}
	for i := range out {
		if at := slices.IndexFunc(s.slots, func(own *slot) bool { return own.index == out[i].Slot }); out[i].Fields != nil && at >= 0 {
			out[i].Fields = b.settle(s.slots[at].site, out[i].Fields)
		}
	}
	return out
}

// byType returns fields of one name so that each object type has one: those of types that want the same of it are one field.
func (b *build) byType(s *site, fields []RepresentationField) []RepresentationField {
	var out []RepresentationField
	index := map[string]int{}
	possible := b.planner.Supergraph.Possible(s.def.Name)
	for _, name := range possible {
		var one []RepresentationField
		signature := make([]byte, len(fields))
		for i, f := range fields {
			if f.On == nil || slices.Contains(f.On, name) {
				signature[i] = 1
				f.On = nil
				one = mergeFields(one, []RepresentationField{f})
			}
		}
		if len(one) == 0 {
			continue
		}
		if one[0].Fields == nil { // a leaf is the same whoever asks for it
			signature = nil
		}
		at, seen := index[string(signature)]
		if !seen {
			at = len(out)
			index[string(signature)] = at
			one[0].On = []string{}
			out = append(out, one[0])
		}
		out[at].On = append(out[at].On, name)
	}
	for i := range out {
		if len(out[i].On) == len(possible) {
			out[i].On = nil
		}
	}
	return out
}
