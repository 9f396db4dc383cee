package plan

import (
	"github.com/vektah/gqlparser/v2/ast"

	"callboard.dev/callboard/gateway/operation"
	"callboard.dev/callboard/gateway/supergraph"
)

// shaper compiles what the client sees, from the operation and the slots that the build gave its fields.
type shaper struct {
	api   *ast.Schema
	build *build
	types map[string]*Type
}

func newShaper(p *Planner, b *build) *shaper {
	return &shaper{api: p.Supergraph.API, build: b, types: map[string]*Type{}}
}

func (sh *shaper) object(s *site, selections *operation.Selections) *Shape {
	out := &Shape{Name: selections.Type.Name}
	if supergraph.Abstract(selections.Type) {
		s.asks = true // the object type is checked against what clients may see
		out.Types = map[string]bool{}
		for _, t := range sh.api.GetPossibleTypes(selections.Type) {
			out.Types[t.Name] = true
		}
	} else {
		out.Type = selections.Type.Name
	}
	for _, field := range selections.Fields {
		f := ShapeField{Key: field.Key, On: field.On, Name: field.Name, Type: sh.typeOf(field.Definition.Type)}
		if field.Name == "__typename" {
			f.Typename, f.Slot = true, -1
			out.Fields = append(out.Fields, f)
			continue
		}
		key := ""
		if s == sh.build.rootSite && sh.build.operation.Kind == ast.Mutation {
			key = field.Key
		}
		own := s.find(field, key)
		if own == nil { // wanted only for object types that cannot occur here
			f.Unasked = true
			out.Fields = append(out.Fields, f)
			continue
		}
		f.Slot = own.index
		if field.Selections != nil {
			f.Shape = sh.object(own.site, field.Selections)
		}
		out.Fields = append(out.Fields, f)
	}
	return out
}

func (sh *shaper) typeOf(t *ast.Type) *Type {
	text := t.String()
	if found := sh.types[text]; found != nil {
		return found
	}
	out := &Type{NonNull: t.NonNull, Name: t.Name()}
	sh.types[text] = out
	if t.Elem != nil {
		out.Element = sh.typeOf(t.Elem)
		return out
	}
	switch t.NamedType {
	case "Int":
		out.Leaf = LeafInt
	case "Float":
		out.Leaf = LeafFloat
	case "String":
		out.Leaf = LeafString
	case "Boolean":
		out.Leaf = LeafBoolean
	case "ID":
		out.Leaf = LeafID
	}
	if def := sh.api.Types[t.NamedType]; def != nil && def.Kind == ast.Enum {
		out.Leaf = LeafEnum
		out.Values = map[string]bool{}
		for _, value := range def.EnumValues {
			out.Values[value.Name] = true
		}
	}
	return out
}
