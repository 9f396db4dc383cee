package operation

import (
	"fmt"
	"slices"

	"github.com/vektah/gqlparser/v2/ast"
)

// FromFieldSet returns a key, requirement or provision in normal form, as fields wanted of the type. schema is the one the set was
// checked against; an unknown field is an error. Where the set depends on the type of an object, that type is wanted too, even if only one is possible.
func FromFieldSet(schema *ast.Schema, parent *ast.Definition, set ast.SelectionSet) (*Selections, error) {
	resolved, err := resolve(schema, parent, set)
	if err != nil {
		return nil, err
	}
	n := &normalizer{document: &Document{schema: schema, doc: &ast.QueryDocument{}}, possible: map[string][]string{}}
	return n.merge(parent, []ast.SelectionSet{resolved}), nil
}

// resolve returns a copy of the set with the definition of every field.
func resolve(schema *ast.Schema, parent *ast.Definition, set ast.SelectionSet) (ast.SelectionSet, error) {
	if parent == nil {
		return nil, fmt.Errorf("a field set below an unknown type")
	}
	var out ast.SelectionSet
	if parent.Kind != ast.Object && slices.ContainsFunc(set, func(s ast.Selection) bool {
		fragment, ok := s.(*ast.InlineFragment)
		return ok && fragment.TypeCondition != "" && fragment.TypeCondition != parent.Name
	}) {
		out = append(out, &ast.Field{Alias: "__typename", Name: "__typename", Definition: typenameDefinition})
	}
	for _, selection := range set {
		switch s := selection.(type) {
		case *ast.Field:
			field := *s
			if s.Name == "__typename" {
				field.Definition = typenameDefinition
			} else {
				field.Definition = parent.Fields.ForName(s.Name)
			}
			if field.Definition == nil {
				return nil, fmt.Errorf("type %s has no field %q", parent.Name, s.Name)
			}
			if len(s.SelectionSet) > 0 {
				below, err := resolve(schema, schema.Types[field.Definition.Type.Name()], s.SelectionSet)
				if err != nil {
					return nil, err
				}
				field.SelectionSet = below
			}
			out = append(out, &field)
		case *ast.InlineFragment:
			fragment := *s
			on := parent
			if s.TypeCondition != "" {
				on = schema.Types[s.TypeCondition]
			}
			below, err := resolve(schema, on, s.SelectionSet)
			if err != nil {
				return nil, err
			}
			fragment.SelectionSet = below
			out = append(out, &fragment)
		default:
			return nil, fmt.Errorf("a field set has no named fragments")
		}
	}
	return out, nil
}

var typenameDefinition = &ast.FieldDefinition{Name: "__typename", Type: ast.NonNullNamedType("String", nil)}
