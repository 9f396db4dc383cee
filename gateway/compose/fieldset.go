package compose

import (
	"fmt"
	"slices"
	"strings"

	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/gqlerror"
	"github.com/vektah/gqlparser/v2/parser"
)

// maxFieldSetTokens is the longest field set that is read; a key of a thousand fields is already absurd.
const maxFieldSetTokens = 5_000

// flaw says what kind of thing is wrong with a field set; each directive has its own code for each.
type flaw int

const (
	flawFields    flaw = iota // not a selection on the type
	flawType                  // not a string
	flawArguments             // arguments where none can be
	flawAbstract              // an interface or union where none can be
	flawDirective             // a directive inside
	flawExternal              // a field that is not external
)

// fieldSetError is what is wrong with a field set.
type fieldSetError struct {
	flaw    flaw
	message string
}

func flawed(f flaw, format string, args ...any) *fieldSetError {
	return &fieldSetError{f, fmt.Sprintf(format, args...)}
}

// readFieldSet parses the fields argument of a directive. The text is a selection without its braces, such as
// "id organization { id }"; braces round it are let pass, as Federation 1 did.
func readFieldSet(d *ast.Directive, argument string) (ast.SelectionSet, *fieldSetError) {
	arg := d.Arguments.ForName(argument)
	if arg == nil || arg.Value.Kind != ast.StringValue && arg.Value.Kind != ast.BlockValue {
		return nil, flawed(flawType, `its %s argument must be a string such as "id organization { id }"`, argument)
	}
	return parseFieldSet(arg.Value.Raw)
}

func parseFieldSet(text string) (ast.SelectionSet, *fieldSetError) {
	if trimmed := strings.TrimSpace(text); !strings.HasPrefix(trimmed, "{") {
		text = "{" + text + "\n}" // the line break ends a comment in the text
	}
	doc, err := parser.ParseQueryWithTokenLimit(&ast.Source{Input: text}, maxFieldSetTokens)
	if err != nil {
		reason := err.Error()
		if g, ok := err.(*gqlerror.Error); ok {
			reason = g.Message
		}
		return nil, flawed(flawFields, "it cannot be read: %s", reason)
	}
	if len(doc.Operations) != 1 || len(doc.Fragments) > 0 || doc.Operations[0].Operation != ast.Query || doc.Operations[0].Name != "" || len(doc.Operations[0].Directives)+len(doc.Operations[0].VariableDefinitions) > 0 {
		return nil, flawed(flawFields, "it must be one selection of fields, without its braces")
	}
	return doc.Operations[0].SelectionSet, nil
}

// pick is one field that a field set selects.
type pick struct {
	parent   *ast.Definition
	field    *ast.FieldDefinition
	node     *ast.Field
	external bool // the field, or one on the way to it, is external
}

// leaf says whether the field ends its path.
func (p pick) leaf() bool { return len(p.node.SelectionSet) == 0 }

// walk checks a field set against the subgraph's own schema and calls visit for each field it selects, __typename apart.
func (s *subgraph) walk(parent *ast.Definition, set ast.SelectionSet, visit func(pick) *fieldSetError) *fieldSetError {
	return s.walkUnder(parent, set, false, visit)
}

func (s *subgraph) walkUnder(parent *ast.Definition, set ast.SelectionSet, external bool, visit func(pick) *fieldSetError) *fieldSetError {
	for _, selection := range set {
		switch node := selection.(type) {
		case *ast.Field:
			if err := s.walkField(parent, node, external, visit); err != nil {
				return err
			}
		case *ast.InlineFragment:
			if len(node.Directives) > 0 {
				return flawed(flawDirective, "it applies @%s", node.Directives[0].Name)
			}
			target := parent
			if node.TypeCondition != "" {
				target = s.types[node.TypeCondition]
				if target == nil || !target.IsCompositeType() {
					return flawed(flawFields, "it selects on %s, which is no object, interface or union type here", node.TypeCondition)
				}
				if !s.overlap(parent, target) {
					return flawed(flawFields, "it selects on %s, which %s can never be", target.Name, parent.Name)
				}
			}
			if err := s.walkUnder(target, node.SelectionSet, external, visit); err != nil {
				return err
			}
		default:
			return flawed(flawFields, "it spreads a named fragment; write an inline fragment instead")
		}
	}
	return nil
}

func (s *subgraph) walkField(parent *ast.Definition, node *ast.Field, external bool, visit func(pick) *fieldSetError) *fieldSetError {
	if len(node.Directives) > 0 {
		return flawed(flawDirective, "it applies @%s", node.Directives[0].Name)
	}
	if node.Alias != node.Name {
		return flawed(flawFields, "it gives %s the alias %s; field sets have no aliases", node.Name, node.Alias)
	}
	if node.Name == "__typename" {
		return nil
	}
	if s.picks += 1 + len(s.implements[parent.Name]); s.picks > maxPicks {
		return flawed(flawFields, "together with all others in this subgraph it selects too much to be checked")
	}
	field := s.fields(parent)[node.Name]
	if field == nil {
		return flawed(flawFields, "%s has no field %s in this subgraph", parent.Name, node.Name)
	}
	if err := s.checkArguments(parent, field, node); err != nil {
		return err
	}
	target := s.types[field.Type.Name()]
	composite := target != nil && target.IsCompositeType()
	if composite && len(node.SelectionSet) == 0 {
		return flawed(flawFields, "%s.%s is of type %s, so it must say which of its fields", parent.Name, field.Name, field.Type)
	}
	if !composite && len(node.SelectionSet) > 0 {
		return flawed(flawFields, "%s.%s is of type %s, which has no fields to select", parent.Name, field.Name, field.Type)
	}
	external = external || s.isExternal(parent, field.Name)
	if err := visit(pick{parent, field, node, external}); err != nil {
		return err
	}
	if composite {
		return s.walkUnder(target, node.SelectionSet, external, visit)
	}
	return nil
}

// fields returns the fields of a type by name.
func (s *subgraph) fields(def *ast.Definition) map[string]*ast.FieldDefinition {
	if s.byName == nil {
		s.byName = map[*ast.Definition]map[string]*ast.FieldDefinition{}
	}
	return indexed(s.byName, def)
}

func (s *subgraph) checkArguments(parent *ast.Definition, field *ast.FieldDefinition, node *ast.Field) *fieldSetError {
	for _, arg := range node.Arguments {
		def := field.Arguments.ForName(arg.Name)
		if def == nil {
			return flawed(flawFields, "%s.%s has no argument %s", parent.Name, field.Name, arg.Name)
		}
		if !s.fits(def.Type, arg.Value) {
			return flawed(flawFields, "%s is no value for argument %s of %s.%s, of type %s", arg.Value, arg.Name, parent.Name, field.Name, def.Type)
		}
	}
	for _, def := range field.Arguments {
		if def.Type.NonNull && def.DefaultValue == nil && node.Arguments.ForName(def.Name) == nil {
			return flawed(flawFields, "%s.%s needs its argument %s", parent.Name, field.Name, def.Name)
		}
	}
	return nil
}

// fits says whether a literal is a value of the type.
func (s *subgraph) fits(t *ast.Type, v *ast.Value) bool {
	if v.Kind == ast.Variable {
		return false
	}
	if v.Kind == ast.NullValue {
		return !t.NonNull
	}
	if t.Elem != nil {
		if v.Kind != ast.ListValue {
			return s.fits(t.Elem, v)
		}
		return !slices.ContainsFunc(v.Children, func(child *ast.ChildValue) bool { return !s.fits(t.Elem, child.Value) })
	}
	isText := v.Kind == ast.StringValue || v.Kind == ast.BlockValue
	switch t.NamedType {
	case "Int":
		return v.Kind == ast.IntValue
	case "Float":
		return v.Kind == ast.IntValue || v.Kind == ast.FloatValue
	case "String":
		return isText
	case "ID":
		return isText || v.Kind == ast.IntValue
	case "Boolean":
		return v.Kind == ast.BooleanValue
	}
	def := s.types[t.NamedType]
	switch {
	case def == nil:
		return true
	case def.Kind == ast.Enum:
		return v.Kind == ast.EnumValue && def.EnumValues.ForName(v.Raw) != nil
	case def.Kind == ast.InputObject:
		if v.Kind != ast.ObjectValue {
			return false
		}
		for _, child := range v.Children {
			if f := def.Fields.ForName(child.Name); f == nil || !s.fits(f.Type, child.Value) {
				return false
			}
		}
		return !slices.ContainsFunc(def.Fields, func(f *ast.FieldDefinition) bool {
			return f.Type.NonNull && f.DefaultValue == nil && v.Children.ForName(f.Name) == nil
		})
	}
	return true
}

// overlap says whether a value can be of both types.
func (s *subgraph) overlap(a, b *ast.Definition) bool {
	if a.Name == b.Name {
		return true
	}
	s.picks += len(s.implements[a.Name]) + len(s.implements[b.Name]) + len(a.Types) + len(b.Types)
	if s.picks > maxPicks {
		return false
	}
	possible := map[string]bool{}
	for _, name := range s.possible(a) {
		possible[name] = true
	}
	return slices.ContainsFunc(s.possible(b), func(name string) bool { return possible[name] })
}

// possible returns the object types that a value of the type can be in this subgraph.
func (s *subgraph) possible(def *ast.Definition) []string {
	switch def.Kind {
	case ast.Union:
		return def.Types
	case ast.Interface:
		var out []string
		for _, name := range s.implements[def.Name] {
			if s.types[name].Kind == ast.Object {
				out = append(out, name)
			}
		}
		return out
	}
	return []string{def.Name}
}

// fieldSetText writes a field set in one line, the way every other one is written.
func fieldSetText(set ast.SelectionSet) string {
	var b strings.Builder
	writeFieldSet(&b, set)
	return b.String()
}

func writeFieldSet(b *strings.Builder, set ast.SelectionSet) {
	for i, selection := range set {
		if i > 0 {
			b.WriteByte(' ')
		}
		var inner ast.SelectionSet
		switch node := selection.(type) {
		case *ast.Field:
			b.WriteString(node.Name)
			for i, arg := range node.Arguments {
				b.WriteString(map[bool]string{true: "(", false: ", "}[i == 0] + arg.Name + ": ")
				writeValue(b, arg.Value)
			}
			if len(node.Arguments) > 0 {
				b.WriteByte(')')
			}
			inner = node.SelectionSet
		case *ast.InlineFragment:
			b.WriteString("...")
			if node.TypeCondition != "" {
				b.WriteString(" on " + node.TypeCondition)
			}
			inner = node.SelectionSet
		}
		if len(inner) > 0 {
			b.WriteString(" { ")
			writeFieldSet(b, inner)
			b.WriteString(" }")
		}
	}
}
