package satisfy

import (
	"slices"
	"strings"

	"github.com/vektah/gqlparser/v2/ast"
)

// Path leads from a root field to a field.
type Path struct {
	Kind  ast.Operation
	Steps []Step

	schema *ast.Schema // the API schema
}

// Step is one field of a path.
type Step struct {
	On    string               // type condition the field stands under; "" where it is asked of the declared type
	Field *ast.FieldDefinition // nil for __typename
}

func (s Step) name() string {
	if s.Field == nil {
		return "__typename"
	}
	return s.Field.Name
}

// String writes the fields of the path, such as "me/... on User/posts".
func (p Path) String() string {
	var parts []string
	for _, step := range p.Steps {
		if step.On != "" {
			parts = append(parts, "... on "+step.On)
		}
		parts = append(parts, step.name())
	}
	return strings.Join(parts, "/")
}

// Operation writes an operation that asks for the last field of the path, and is valid for the API schema. Required arguments get some value of
// their type.
func (p Path) Operation() string {
	var b strings.Builder
	if p.Kind != ast.Query {
		b.WriteString(string(p.Kind) + " ")
	}
	closing := 0
	for _, step := range p.Steps {
		b.WriteString("{ ")
		closing++
		if step.On != "" {
			b.WriteString("... on " + step.On + " { ")
			closing++
		}
		b.WriteString(step.name())
		if step.Field != nil {
			p.writeArguments(&b, step.Field)
		}
		b.WriteByte(' ')
	}
	if len(p.Steps) == 0 {
		return "{ __typename }"
	}
	if last := p.Steps[len(p.Steps)-1].Field; last != nil && !p.schema.Types[last.Type.Name()].IsLeafType() {
		b.WriteString("{ __typename } ")
	}
	b.WriteString(strings.Repeat("} ", closing))
	return strings.TrimSuffix(b.String(), " ")
}

func (p Path) writeArguments(b *strings.Builder, f *ast.FieldDefinition) {
	open := "("
	for _, arg := range f.Arguments {
		if arg.Type.NonNull && arg.DefaultValue == nil {
			b.WriteString(open + arg.Name + ": ")
			p.writeValue(b, arg.Type, nil)
			open = ", "
		}
	}
	if open != "(" {
		b.WriteByte(')')
	}
}

// writeValue writes a value of the type. above are the input types it is inside of: one that requires itself has no value.
func (p Path) writeValue(b *strings.Builder, t *ast.Type, above []string) {
	def := p.schema.Types[t.Name()]
	switch {
	case t.Elem != nil:
		b.WriteString("[]")
	case t.NamedType == "Int", t.NamedType == "Float":
		b.WriteByte('0')
	case t.NamedType == "Boolean":
		b.WriteString("false")
	case def != nil && def.Kind == ast.Enum && len(def.EnumValues) > 0:
		b.WriteString(def.EnumValues[0].Name)
	case def != nil && def.Kind == ast.InputObject:
		p.writeObject(b, def, above)
	default:
		b.WriteString(`""`)
	}
}

func (p Path) writeObject(b *strings.Builder, def *ast.Definition, above []string) {
	if slices.Contains(above, def.Name) || len(above) > 20 {
		b.WriteString("{}")
		return
	}
	above = append(slices.Clone(above), def.Name)
	oneOf := def.Directives.ForName("oneOf") != nil
	b.WriteByte('{')
	first := true
	for _, f := range def.Fields {
		if oneOf && !first || !oneOf && (!f.Type.NonNull || f.DefaultValue != nil) {
			continue
		}
		if !first {
			b.WriteString(", ")
		}
		first = false
		b.WriteString(f.Name + ": ")
		p.writeValue(b, f.Type, above)
	}
	b.WriteByte('}')
}
