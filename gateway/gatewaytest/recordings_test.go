package gatewaytest

import "github.com/vektah/gqlparser/v2/ast"

// fillGaps gives each subgraph the values that were only seen answered by another, of objects that both know: that no recorded gateway asked
// it does not mean that it would not have answered. It still answers only what its schema lets it.
func fillGaps(subgraphs []*StandIn) {
	keys := map[string][]ast.SelectionSet{}
	for _, s := range subgraphs {
		for _, typename := range sortedKeys(s.schema.keys) {
			for _, k := range s.schema.keys[typename] {
				keys[typename] = append(keys[typename], k.set)
			}
		}
	}
	type owned struct {
		name string
		of   *StandIn
	}
	byIdentity := map[string][]owned{}
	for _, s := range subgraphs {
		for _, name := range s.universe.names {
			ids := []string{}
			if name == "Query" {
				ids = append(ids, name)
			}
			o := s.universe.objects[name]
			for _, set := range keys[o.typename] {
				if text, ok := objectIdentity(o, set); ok {
					ids = append(ids, o.typename+text)
				}
			}
			for _, id := range ids {
				byIdentity[id] = append(byIdentity[id], owned{name, s})
			}
		}
	}
	for _, id := range sortedKeys(byIdentity) {
		for _, to := range byIdentity[id] {
			for _, from := range byIdentity[id] {
				if to.of != from.of {
					fill(to.of.universe.objects[to.name], from.of.universe.objects[from.name], map[*object]bool{})
				}
			}
		}
	}
}

func fill(to, from any, seen map[*object]bool) {
	switch from := from.(type) {
	case []any:
		if list, ok := to.([]any); ok && len(list) == len(from) {
			for i := range list {
				fill(list[i], from[i], seen)
			}
		}
	case *object:
		o, ok := to.(*object)
		if !ok || o == from || seen[o] {
			return
		}
		seen[o] = true
		answered := map[string]bool{}
		for name := range o.fields {
			base, _ := splitArguments(name)
			answered[base] = true
		}
		for _, name := range sortedKeys(from.fields) {
			if base, _ := splitArguments(name); answered[base] {
				fill(o.fields[name], from.fields[name], seen)
			} else {
				o.fields[name] = from.fields[name]
			}
		}
	}
}

func objectIdentity(value any, set ast.SelectionSet) (string, bool) {
	switch value := value.(type) {
	case nil, failure:
		return "", false
	case *object:
		out := "{"
		for _, selection := range set {
			f, ok := selection.(*ast.Field)
			if !ok {
				return "", false
			}
			text, ok := objectIdentity(value.fields[f.Name], f.SelectionSet)
			if !ok {
				return "", false
			}
			out += f.Name + ":" + text + ","
		}
		return out + "}", true
	case []any:
		return "", false
	}
	return inline(value), true
}
