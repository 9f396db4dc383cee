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
	// possible are the object types of abstract types, by name: the positions of one type share them.
	possible map[string]map[string]bool
}

func newShaper(p *Planner, b *build) *shaper {
	return &shaper{api: p.Supergraph.API, full: p.Supergraph.Full, build: b, types: map[string]*Type{}, possible: map[string]map[string]bool{}}
}

func (sh *shaper) object(s *site, selections *operation.Selections) *Shape {
	sh.build.must(1 + len(selections.Fields))
	sh.build.hold(1, 4*heldBytes*len(selections.Fields))
	out := &Shape{Name: selections.Type.Name}
	if supergraph.Abstract(selections.Type) {
		s.asks = true // the object type is checked against what clients may see
		out.Types = sh.possibleTypes(s.def)
		out.Untyped = !s.knowsType()
	} else {
		out.Type = selections.Type.Name
	}
	for _, field := range selections.Fields {
		f := ShapeField{Key: field.Key, Member: `,"` + field.Key + `":`, On: field.On, Name: field.Name, Type: sh.typeOf(field.Definition.Type), Own: sh.own(selections.Type, field)}
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

func (sh *shaper) possibleTypes(def *ast.Definition) map[string]bool {
	types := sh.possible[def.Name]
	if types == nil {
		types = map[string]bool{}
		for _, t := range sh.full.GetPossibleTypes(def) {
			types[t.Name] = sh.api.Types[t.Name] != nil
		}
		sh.possible[def.Name] = types
	}
	return types
}

// own returns the types of a field of an interface that its object types declare otherwise, as without null; nil where all declare it alike.
func (sh *shaper) own(def *ast.Definition, field *operation.Field) map[string]*Type {
	if !supergraph.Abstract(def) || field.Name == "__typename" {
		return nil
	}
	sh.build.must(1 + len(sh.api.GetPossibleTypes(def))/8)
	var out map[string]*Type
	for _, t := range sh.api.GetPossibleTypes(def) {
		if t.Kind != ast.Object || !field.Applies(t.Name) {
			continue
		}
		if declared := t.Fields.ForName(field.Name); declared != nil && declared.Type.String() != field.Definition.Type.String() {
			if out == nil {
				out = map[string]*Type{}
			}
			out[t.Name] = sh.typeOf(declared.Type)
		}
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
