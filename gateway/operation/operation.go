// Package operation turns a client's text into one validated, normalised operation. Text and the API schema go in; a Document
// (parsed and valid, kept for every request with that text), then Variables (coerced), then an Operation (fragments inlined, equal
// fields merged, conditions decided) come out.
//
// The one rule: whatever the text, the work is bounded before it is done. Limits count what a document would expand to without expanding
// it, and normalising stops at a budget.
//
// Start with Parse, then Document.Normalize.
package operation

import (
	"slices"
	"strings"

	"github.com/vektah/gqlparser/v2/ast"
)

// Operation is a client's operation in normal form: no fragments, no conditions, no two fields of one object with the same response
// key. It is immutable.
type Operation struct {
	Kind       ast.Operation
	Name       string
	Selections *Selections
	Variables  ast.VariableDefinitionList // as defined by the client
}

// Selections are the fields wanted of one object position, in the client's order.
type Selections struct {
	Type   *ast.Definition // the declared type of the position
	Fields []*Field
}

// Field is one field wanted of an object. On lists, sorted, the object types it is wanted for; nil means every type the position can
// have. Fields of one Selections with the same Key have disjoint On.
type Field struct {
	Key        string // response key: the alias, or the name
	Name       string
	Arguments  Arguments
	Definition *ast.FieldDefinition
	On         []string
	Selections *Selections // nil for leaf fields
}

// Arguments are a field's arguments sorted by name, and their canonical text: "" for none, else "(a: 1, b: $x)".
type Arguments struct {
	List ast.ArgumentList
	Text string
}

// Applies tells whether the field is wanted for the object type.
func (f *Field) Applies(objectType string) bool {
	if f.On == nil {
		return true
	}
	_, found := slices.BinarySearch(f.On, objectType)
	return found
}

// String prints the operation, one field a line. A field that is wanted for some types only is printed inside a fragment for each.
func (o *Operation) String() string {
	var b strings.Builder
	b.WriteString(string(o.Kind))
	if o.Name != "" {
		b.WriteByte(' ')
		b.WriteString(o.Name)
	}
	for i, v := range o.Variables {
		b.WriteString(map[bool]string{true: "(", false: ", "}[i == 0])
		b.WriteString("$" + v.Variable + ": " + v.Type.String())
		if v.DefaultValue != nil {
			b.WriteString(" = ")
			WriteValue(&b, v.DefaultValue)
		}
	}
	if len(o.Variables) > 0 {
		b.WriteByte(')')
	}
	b.WriteByte(' ')
	o.Selections.write(&b, "")
	b.WriteByte('\n')
	return b.String()
}

func (s *Selections) write(b *strings.Builder, indent string) {
	b.WriteString("{\n")
	for _, field := range s.Fields {
		inner := indent + "  "
		b.WriteString(inner)
		if field.On != nil {
			b.WriteString("... on " + strings.Join(field.On, " | ") + " { ")
		}
		if field.Key != field.Name {
			b.WriteString(field.Key + ": ")
		}
		b.WriteString(field.Name + field.Arguments.Text)
		if field.Selections != nil {
			b.WriteByte(' ')
			field.Selections.write(b, inner)
		}
		if field.On != nil {
			b.WriteString(" }")
		}
		b.WriteByte('\n')
	}
	b.WriteString(indent + "}")
}
