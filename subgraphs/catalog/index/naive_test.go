package index_test

import (
	"slices"
	"strings"

	"callboard.dev/callboard/subgraphs/catalog/descriptor"
	"callboard.dev/callboard/subgraphs/catalog/index"
)

// naive answers the same questions as an Index, from the entities alone and as plainly as it can be written.
type naive struct{ entities []*descriptor.Entity }

func (n naive) find(ref descriptor.Ref) *descriptor.Entity {
	for _, e := range n.entities {
		if e.Ref == ref {
			return e
		}
	}
	return nil
}

// targets returns what e relates to, by its own statement or by that of others, sorted.
func (n naive) targets(e *descriptor.Entity, relation string) []string {
	var out []string
	for _, own := range e.Relations {
		if own.Type == relation {
			out = append(out, own.Target.String())
		}
	}
	for _, other := range n.entities {
		for _, stated := range other.Relations {
			if stated.Inverse == relation && stated.Target == e.Ref {
				out = append(out, other.Ref.String())
			}
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}

func (n naive) value(e *descriptor.Entity, field index.Field) string {
	firstOf := func(of *descriptor.Entity, kind string) string {
		for _, target := range n.targets(of, "partOf") {
			if strings.HasPrefix(target, kind+":") {
				return target
			}
		}
		return ""
	}
	text := ""
	switch field {
	case index.FieldName:
		text = e.Name
	case index.FieldTitle:
		text = e.Metadata.Title
	case index.FieldKind:
		text = e.Kind
	case index.FieldNamespace:
		text = e.Namespace
	case index.FieldType:
		text, _ = e.Spec["type"].(string)
	case index.FieldLifecycle:
		text, _ = e.Spec["lifecycle"].(string)
	case index.FieldOwner:
		if owners := n.targets(e, "ownedBy"); len(owners) > 0 {
			text = owners[0]
		}
	case index.FieldSystem:
		text = firstOf(e, "system")
	case index.FieldDomain:
		if text = firstOf(e, "domain"); text != "" {
			break
		}
		for _, target := range n.targets(e, "partOf") {
			for _, system := range n.entities {
				if system.Ref.String() == target && system.Ref.Kind == "system" {
					return firstOf(system, "domain")
				}
			}
		}
	case index.FieldRef:
		text = e.Ref.String()
	}
	return text
}

func (n naive) match(e *descriptor.Entity, filter index.Filter) bool {
	switch f := filter.(type) {
	case index.All:
		return !slices.ContainsFunc(f, func(one index.Filter) bool { return !n.match(e, one) })
	case index.Any:
		return slices.ContainsFunc(f, func(one index.Filter) bool { return n.match(e, one) })
	case index.Not:
		return !n.match(e, f.Filter)
	case index.Is:
		return slices.ContainsFunc(f.Values, func(v string) bool {
			own := n.value(e, f.Field)
			return own != "" && strings.EqualFold(own, v)
		})
	case index.Has:
		return n.value(e, f.Field) != ""
	case index.Tagged:
		return slices.ContainsFunc(f, func(wanted string) bool {
			return slices.ContainsFunc(e.Metadata.Tags, func(tag string) bool { return strings.EqualFold(tag, wanted) })
		})
	case index.Labelled:
		return mapped(e.Metadata.Labels, f.Key, f.Value)
	case index.Annotated:
		return mapped(e.Metadata.Annotations, f.Key, f.Value)
	case index.Among:
		return slices.Contains(f, e.Ref)
	case index.Dangling:
		return slices.ContainsFunc(e.Relations, func(r descriptor.Relation) bool { return n.find(r.Target) == nil })
	case index.Orphaned:
		if e.Ref.Kind == "group" || e.Ref.Kind == "user" || e.Ref.Kind == "location" {
			return false
		}
		for _, owner := range n.targets(e, "ownedBy") {
			for _, there := range n.entities {
				if there.Ref.String() == owner {
					return false
				}
			}
		}
		return true
	case index.OwnedBy:
		return slices.Contains(n.owners(f), n.value(e, index.FieldOwner))
	}
	panic("a filter without a naive meaning")
}

func mapped(m map[string]string, key string, value *string) bool {
	for k, v := range m {
		if strings.EqualFold(k, key) && (value == nil || strings.EqualFold(v, *value)) {
			return true
		}
	}
	return false
}

func (n naive) owners(f index.OwnedBy) []string {
	out := []string{f.Owner.String()}
	follow := func(relations ...string) {
		seen := map[string]bool{f.Owner.String(): true}
		var walk func(ref string)
		walk = func(ref string) {
			for _, e := range n.entities {
				if e.Ref.String() != ref {
					continue
				}
				for _, relation := range relations {
					for _, target := range n.targets(e, relation) {
						if strings.HasPrefix(target, "group:") && !seen[target] {
							seen[target] = true
							out = append(out, target)
							walk(target)
						}
					}
				}
			}
		}
		walk(f.Owner.String())
	}
	if f.Descendants {
		follow("parentOf")
	}
	if f.Ancestors {
		follow("memberOf", "childOf")
	}
	return out
}

// select returns the references of what matches, in order.
func (n naive) list(filter index.Filter, query string, keys []index.Key) []string {
	var out []*descriptor.Entity
	for _, e := range n.entities {
		if n.match(e, filter) && n.says(e, query) {
			out = append(out, e)
		}
	}
	slices.SortFunc(out, func(a, b *descriptor.Entity) int {
		for _, key := range keys {
			va, vb := n.ordered(a, key.Field), n.ordered(b, key.Field)
			switch {
			case va == vb:
				continue
			case va == "":
				return 1
			case vb == "":
				return -1
			case key.Descending:
				return strings.Compare(vb, va)
			}
			return strings.Compare(va, vb)
		}
		return strings.Compare(a.Ref.String(), b.Ref.String())
	})
	refs := make([]string, len(out))
	for i, e := range out {
		refs[i] = e.Ref.String()
	}
	return refs
}

func (n naive) ordered(e *descriptor.Entity, field index.Field) string {
	value := n.value(e, field)
	if len(value) > 256 { // only ASCII is that long here
		value = value[:256]
	}
	return strings.ToLower(value)
}

func (n naive) says(e *descriptor.Entity, query string) bool {
	parts := append([]string{e.Ref.String(), e.Name, e.Metadata.Title, e.Metadata.Description}, e.Metadata.Tags...)
	for _, word := range strings.Fields(query) {
		if !slices.ContainsFunc(parts, func(part string) bool {
			return strings.Contains(strings.ToLower(part), strings.ToLower(word))
		}) {
			return false
		}
	}
	return true
}

// count returns how often each value occurs among refs, by folded value.
func (n naive) count(refs []string, values func(*descriptor.Entity) []string) map[string]int {
	out := make(map[string]int)
	for _, e := range n.entities {
		if !slices.Contains(refs, e.Ref.String()) {
			continue
		}
		var own []string
		for _, value := range values(e) {
			if value != "" {
				own = append(own, strings.ToLower(value))
			}
		}
		slices.Sort(own)
		for _, value := range slices.Compact(own) {
			out[value]++
		}
	}
	return out
}
