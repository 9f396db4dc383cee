package plan

import (
	"slices"

	"github.com/vektah/gqlparser/v2/ast"

	"callboard.dev/callboard/gateway/operation"
	"callboard.dev/callboard/gateway/supergraph"
)

// shaper compiles what the client sees, from the operation and the slots that the build gave its fields.
type shaper struct {
	api   *ast.Schema
	full  *ast.Schema
	build *build
	types map[string]*Type
}

func newShaper(p *Planner, b *build) *shaper {
	return &shaper{api: p.Supergraph.API, full: p.Supergraph.Full, build: b, types: map[string]*Type{}}
}

func (sh *shaper) object(s *site, selections *operation.Selections) *Shape {
	out := &Shape{Name: selections.Type.Name}
	if supergraph.Abstract(selections.Type) {
		s.asks = true // the object type is checked against what clients may see
		out.Types = map[string]bool{}
		for _, t := range sh.full.GetPossibleTypes(s.def) {
			out.Types[t.Name] = sh.api.Types[t.Name] != nil
		}
		out.Untyped = !s.knowsType()
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
		for name := range out.Types {
			if own := sh.api.Types[name]; own != nil && field.Applies(name) && own.Fields.ForName(field.Name) != nil {
				if t := sh.typeOf(own.Fields.ForName(field.Name).Type); !sameWrapping(t, f.Type) {
					if f.Own == nil {
						f.Own = map[string]*Type{}
					}
					f.Own[name] = t
				}
			}
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

// sameWrapping tells whether two types of a field have lists and null in the same places.
func sameWrapping(a, b *Type) bool {
	if a.NonNull != b.NonNull || (a.Element == nil) != (b.Element == nil) {
		return false
	}
	return a.Element == nil || sameWrapping(a.Element, b.Element)
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
		for _, value := range sh.full.Types[t.NamedType].EnumValues {
			out.Values[value.Name] = def.EnumValues.ForName(value.Name) != nil
		}
	}
	return out
}

// knowsType tells whether some fetch can bring the object type of the site's objects.
func (s *site) knowsType() bool {
	return len(s.typed) > 0 || slices.ContainsFunc(s.entered, func(p *place) bool {
		return supergraph.Abstract(p.view.Type.Def) && !p.view.InterfaceObject
	})
}
