package check

import (
	"fmt"
	"maps"
	"slices"

	"github.com/vektah/gqlparser/v2/ast"

	"callboard.dev/callboard/gateway/operation"
	"callboard.dev/callboard/gateway/plan"
	"callboard.dev/callboard/gateway/supergraph"
)

// shown checks that the client gets what it asked for: the shape has the operation's fields in order, with the types of the API schema,
// and each value that the client can see is brought by some fetch.
func (k *checking) shown(root *object) {
	k.shape(k.operation.Selections, k.plan.Shape, k.plan.Root, []*object{root}, "")
}

// shape checks one position. objects are those that can be there.
func (k *checking) shape(s *operation.Selections, shape *plan.Shape, layout *plan.Object, objects []*object, path string) {
	if shape == nil || shape.Name != s.Type.Name || (shape.Type != "") != !supergraph.Abstract(s.Type) || shape.Type != "" && shape.Type != s.Type.Name || shape.Type != layout.Type {
		k.found(nil, path, "the shape is not that of %s", s.Type.Name)
		return
	}
	if len(shape.Fields) != len(s.Fields) {
		k.found(nil, path, "the shape of %s has %d fields, the operation has %d", s.Type.Name, len(shape.Fields), len(s.Fields))
		return
	}
	if shape.Type == "" {
		k.types(s, shape, objects, path)
	}
	for i, field := range s.Fields {
		k.field(s, field, &shape.Fields[i], layout, objects, path)
	}
}

// types checks what the shape of an interface or union says of object types.
func (k *checking) types(s *operation.Selections, shape *plan.Shape, objects []*object, path string) {
	possible := k.graph.Possible(s.Type.Name)
	for _, name := range possible {
		if visible, known := shape.Types[name]; !known || visible != k.visible(name) {
			k.found(nil, path, "the shape must say of %s whether clients may see it: %t", name, k.visible(name))
		}
	}
	for _, name := range slices.Sorted(maps.Keys(shape.Types)) {
		if def := k.graph.Full.Types[name]; !slices.Contains(possible, name) && (def == nil || def.Kind == ast.Object) {
			k.found(nil, path, "the shape has the object type %s, which is not one of %s", name, s.Type.Name)
		}
	}
	if shape.Untyped {
		for _, field := range s.Fields {
			if field.Name == "__typename" || field.On != nil {
				k.found(nil, join(path, field.Key), "the field depends on the object type, which the shape says nothing brings")
			}
		}
		for _, o := range objects {
			if k.wants(o, 0, nil) {
				k.found(nil, path, "the shape says that nothing brings the object type, and that of %s is brought", o.typename)
			}
		}
		return
	}
	for _, o := range objects {
		if !k.wants(o, 0, nil) {
			k.found(nil, path, "no fetch brings the object type of %s", o.typename)
		}
	}
}

// visible tells whether clients may see the type.
func (k *checking) visible(name string) bool { return k.graph.API.Types[name] != nil }

// field checks one field of a shape.
func (k *checking) field(s *operation.Selections, field *operation.Field, f *plan.ShapeField, layout *plan.Object, objects []*object, path string) {
	path = join(path, field.Key)
	if f.Key != field.Key || f.Name != field.Name || !slices.Equal(f.On, field.On) || (f.On == nil) != (field.On == nil) || f.Typename != (field.Name == "__typename") {
		k.found(nil, path, "the shape has another field in its place: %s", f.Key)
		return
	}
	if f.Typename {
		return
	}
	on := field.On
	if on == nil {
		on = k.graph.Possible(s.Type.Name)
	}
	for _, typename := range on {
		if def := k.graph.API.Types[typename]; def != nil {
			if declared := def.Fields.ForName(field.Name); declared == nil {
				k.found(nil, path, "%s has no field %s", typename, field.Name)
			} else if wrong := k.typeOf(typeFor(f, typename), declared.Type); wrong != "" {
				k.found(nil, path, "%s.%s is of type %s, and in the shape %s", typename, field.Name, declared.Type, wrong)
			}
		}
	}
	if (field.Selections != nil) != (f.Shape != nil) && !f.Unasked {
		k.found(nil, path, "the shape must have one of its own below if and only if the field has fields")
		return
	}
	if !f.Unasked && (f.Slot <= 0 || f.Slot >= len(layout.Slots) || layout.Slots[f.Slot].Name != field.Name+field.Arguments.Text || (layout.Slots[f.Slot].Object != nil) != (field.Selections != nil)) {
		k.found(nil, path, "the shape takes the field from slot %d, which does not hold %s%s", f.Slot, field.Name, field.Arguments.Text)
		return
	}
	var below []*object
	for _, o := range objects {
		if !field.Applies(o.typename) || !k.visible(o.typename) {
			continue
		}
		if f.Unasked || !k.wants(o, f.Slot, nil) {
			k.found(nil, path, "no fetch brings %s.%s%s", o.typename, field.Name, field.Arguments.Text)
			continue
		}
		below = addEach(below, o.below[f.Slot])
	}
	if f.Shape != nil {
		k.shape(field.Selections, f.Shape, layout.Slots[f.Slot].Object, below, path)
	}
}

// typeFor returns the type that the shape gives a field of the object type.
func typeFor(f *plan.ShapeField, typename string) *plan.Type {
	if own := f.Own[typename]; own != nil {
		return own
	}
	return f.Type
}

// typeOf returns what is wrong with a type of the shape, "" where nothing is. For composite values it says how lists and nulls are; what is in
// them is for the shape below.
func (k *checking) typeOf(t *plan.Type, declared *ast.Type) string {
	switch {
	case t == nil:
		return "is missing"
	case t.NonNull != declared.NonNull:
		return fmt.Sprintf("null is allowed: %t", !t.NonNull)
	case (t.Element != nil) != (declared.Elem != nil):
		return fmt.Sprintf("it is a list: %t", t.Element != nil)
	case declared.Elem != nil:
		return k.typeOf(t.Element, declared.Elem)
	}
	def := k.graph.API.Types[declared.NamedType]
	if def == nil || def.IsCompositeType() {
		return ""
	}
	leaf, known := leaves[def.Name]
	if def.Kind == ast.Enum {
		leaf, known = plan.LeafEnum, true
	}
	if known && t.Leaf != leaf || !known && t.Leaf != plan.LeafAny {
		return fmt.Sprintf("its values are of leaf kind %d", t.Leaf)
	}
	if t.Name != def.Name {
		return "it is called " + t.Name
	}
	if def.Kind == ast.Enum {
		full := k.graph.Full.Types[def.Name].EnumValues
		if len(t.Values) != len(full) {
			return fmt.Sprintf("it has %d values, and %d in the supergraph", len(t.Values), len(full))
		}
		for _, value := range full {
			if visible, known := t.Values[value.Name]; !known || visible != (def.EnumValues.ForName(value.Name) != nil) {
				return "clients may see its value " + value.Name + fmt.Sprintf(": %t", visible)
			}
		}
	}
	return ""
}

var leaves = map[string]plan.Leaf{"Int": plan.LeafInt, "Float": plan.LeafFloat, "String": plan.LeafString, "Boolean": plan.LeafBoolean, "ID": plan.LeafID}
