// Package introspection answers __schema and __type of the API schema. A request for those fields, planned like any other, goes in; JSON comes
// out. To the rest of the gateway it is one more subgraph, so that introspection needs no special case in planning or execution.
//
// The one rule: only the API schema is shown, in the order names sort.
package introspection

import (
	"context"
	"encoding/json"
	"fmt"
	"sort"
	"strings"

	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/parser"

	"callboard.dev/callboard/gateway/execute"
	"callboard.dev/callboard/gateway/operation"
)

// Subgraph answers introspection of one schema.
type Subgraph struct {
	Schema *ast.Schema
}

// Forwards returns nothing: no header of a client changes the schema.
func (s *Subgraph) Forwards() []string { return nil }

// Fetch answers a planned request.
func (s *Subgraph) Fetch(ctx context.Context, r *execute.Request) (*execute.Answer, error) {
	doc, err := parser.ParseQuery(&ast.Source{Input: r.Text})
	if err != nil || len(doc.Operations) != 1 {
		return nil, fmt.Errorf("reading a planned introspection operation: %w", err)
	}
	var variables map[string]any
	if len(r.Variables) > 0 {
		if err := json.Unmarshal(r.Variables, &variables); err != nil {
			return nil, fmt.Errorf("reading introspection variables: %w", err)
		}
	}
	w := &writer{ctx: ctx, schema: s.Schema, variables: variables}
	w.fields(doc.Operations[0].SelectionSet, func(f *ast.Field) {
		switch f.Name {
		case "__schema":
			w.object("__Schema", f.SelectionSet, w.schemaField)
		case "__type":
			if def := s.Schema.Types[w.text(f, "name")]; def != nil {
				w.typeOf(ast.NamedType(def.Name, nil), f.SelectionSet)
			} else {
				w.out.WriteString("null")
			}
		default:
			w.out.WriteString("null")
		}
	})
	if w.err != nil {
		return nil, w.err
	}
	return &execute.Answer{Data: []byte(w.out.String())}, nil
}

// maxAnswer bounds an answer, in bytes: several times what tools get when they ask for all of the largest public schemas. A type leads to
// its fields and they to their types, so that without it every level of an operation would multiply the answer by the size of the schema.
const maxAnswer = 16 << 20

// writer writes the answer as it walks the selection.
type writer struct {
	ctx       context.Context
	err       error // why the writing stopped: maxAnswer is reached, or ctx has ended
	schema    *ast.Schema
	variables map[string]any
	out       strings.Builder
}

// fields writes a JSON object with a member for each field; value writes the member's value.
func (w *writer) fields(set ast.SelectionSet, value func(f *ast.Field)) {
	if w.stopped() {
		return
	}
	w.out.WriteByte('{')
	first := true
	var each func(set ast.SelectionSet)
	each = func(set ast.SelectionSet) {
		for _, selection := range set {
			switch s := selection.(type) {
			case *ast.InlineFragment:
				each(s.SelectionSet)
			case *ast.Field:
				if !first {
					w.out.WriteByte(',')
				}
				first = false
				w.json(s.Alias)
				w.out.WriteByte(':')
				value(s)
			}
		}
	}
	each(set)
	w.out.WriteByte('}')
}

// stopped tells whether nothing more is to be written.
func (w *writer) stopped() bool {
	switch {
	case w.err != nil:
	case w.out.Len() > maxAnswer:
		w.err = &execute.FetchError{Code: execute.CodeTooLarge, Reason: fmt.Sprintf("the answer would be larger than %d bytes: ask for less of the schema at once", maxAnswer)}
	case w.ctx.Err() != nil:
		w.err = w.ctx.Err()
	}
	return w.err != nil
}

func (w *writer) object(typeName string, set ast.SelectionSet, value func(f *ast.Field)) {
	w.fields(set, func(f *ast.Field) {
		if f.Name == "__typename" {
			w.json(typeName)
			return
		}
		value(f)
	})
}

func list[T any](w *writer, items []T, one func(T)) {
	w.out.WriteByte('[')
	for i, item := range items {
		if i > 0 {
			w.out.WriteByte(',')
		}
		one(item)
	}
	w.out.WriteByte(']')
}

func (w *writer) json(v any) {
	text, err := json.Marshal(v)
	if err != nil { // strings, booleans and nil always marshal
		text = []byte("null")
	}
	w.out.Write(text)
}

// orNull writes null for the empty text.
func (w *writer) orNull(text string) {
	if text == "" {
		w.out.WriteString("null")
		return
	}
	w.json(text)
}

func (w *writer) schemaField(f *ast.Field) {
	root := func(def *ast.Definition) {
		if def == nil {
			w.out.WriteString("null")
			return
		}
		w.typeOf(ast.NamedType(def.Name, nil), f.SelectionSet)
	}
	switch f.Name {
	case "description":
		w.orNull(w.schema.Description)
	case "types":
		names := make([]string, 0, len(w.schema.Types))
		for name := range w.schema.Types {
			names = append(names, name)
		}
		sort.Strings(names)
		list(w, names, func(name string) { w.typeOf(ast.NamedType(name, nil), f.SelectionSet) })
	case "queryType":
		root(w.schema.Query)
	case "mutationType":
		root(w.schema.Mutation)
	case "subscriptionType":
		root(w.schema.Subscription)
	case "directives":
		var directives []*ast.DirectiveDefinition
		for _, d := range w.schema.Directives {
			directives = append(directives, d)
		}
		sort.Slice(directives, func(i, j int) bool { return directives[i].Name < directives[j].Name })
		list(w, directives, func(d *ast.DirectiveDefinition) { w.directive(d, f.SelectionSet) })
	default:
		w.out.WriteString("null")
	}
}

func (w *writer) directive(d *ast.DirectiveDefinition, set ast.SelectionSet) {
	w.object("__Directive", set, func(f *ast.Field) {
		switch f.Name {
		case "name":
			w.json(d.Name)
		case "description":
			w.orNull(d.Description)
		case "locations":
			list(w, d.Locations, func(l ast.DirectiveLocation) { w.json(string(l)) })
		case "args":
			w.arguments(d.Arguments, f)
		case "isRepeatable":
			w.json(d.IsRepeatable)
		default:
			w.out.WriteString("null")
		}
	})
}

func (w *writer) typeOf(t *ast.Type, set ast.SelectionSet) {
	w.object("__Type", set, func(f *ast.Field) {
		if t.NonNull || t.Elem != nil {
			w.wrapped(t, f)
			return
		}
		w.named(w.schema.Types[t.NamedType], f)
	})
}

// wrapped writes a field of a non-null or list type.
func (w *writer) wrapped(t *ast.Type, f *ast.Field) {
	switch {
	case f.Name == "kind" && t.NonNull:
		w.json("NON_NULL")
	case f.Name == "kind":
		w.json("LIST")
	case f.Name == "ofType" && t.NonNull:
		inner := *t
		inner.NonNull = false
		w.typeOf(&inner, f.SelectionSet)
	case f.Name == "ofType":
		w.typeOf(t.Elem, f.SelectionSet)
	default:
		w.out.WriteString("null")
	}
}

func (w *writer) named(def *ast.Definition, f *ast.Field) {
	if def == nil {
		w.out.WriteString("null")
		return
	}
	deprecated := w.flag(f, "includeDeprecated")
	switch f.Name {
	case "kind":
		w.json(string(def.Kind))
	case "name":
		w.json(def.Name)
	case "description":
		w.orNull(def.Description)
	case "specifiedByURL":
		w.orNull(directiveText(def.Directives, "specifiedBy", "url"))
	case "fields":
		if def.Kind != ast.Object && def.Kind != ast.Interface {
			w.out.WriteString("null")
			return
		}
		var fields []*ast.FieldDefinition
		for _, field := range def.Fields {
			if !strings.HasPrefix(field.Name, "__") && (deprecated || field.Directives.ForName("deprecated") == nil) {
				fields = append(fields, field)
			}
		}
		list(w, fields, func(field *ast.FieldDefinition) { w.field(field, f.SelectionSet) })
	case "interfaces":
		if def.Kind != ast.Object && def.Kind != ast.Interface {
			w.out.WriteString("null")
			return
		}
		list(w, def.Interfaces, func(name string) { w.typeOf(ast.NamedType(name, nil), f.SelectionSet) })
	case "possibleTypes":
		if def.Kind != ast.Union && def.Kind != ast.Interface {
			w.out.WriteString("null")
			return
		}
		var names []string
		for _, possible := range w.schema.GetPossibleTypes(def) {
			if possible.Kind == ast.Object {
				names = append(names, possible.Name)
			}
		}
		sort.Strings(names)
		list(w, names, func(name string) { w.typeOf(ast.NamedType(name, nil), f.SelectionSet) })
	case "enumValues":
		if def.Kind != ast.Enum {
			w.out.WriteString("null")
			return
		}
		var values []*ast.EnumValueDefinition
		for _, value := range def.EnumValues {
			if deprecated || value.Directives.ForName("deprecated") == nil {
				values = append(values, value)
			}
		}
		list(w, values, func(v *ast.EnumValueDefinition) {
			w.object("__EnumValue", f.SelectionSet, func(f *ast.Field) { w.described(f, v.Name, v.Description, v.Directives) })
		})
	case "inputFields":
		if def.Kind != ast.InputObject {
			w.out.WriteString("null")
			return
		}
		var inputs []input
		for _, field := range def.Fields {
			if deprecated || field.Directives.ForName("deprecated") == nil {
				inputs = append(inputs, input{field.Name, field.Description, field.Type, field.DefaultValue, field.Directives})
			}
		}
		list(w, inputs, func(i input) { w.input(i, f.SelectionSet) })
	case "isOneOf":
		if def.Kind != ast.InputObject {
			w.out.WriteString("null")
			return
		}
		w.json(def.Directives.ForName("oneOf") != nil)
	default:
		w.out.WriteString("null")
	}
}

func (w *writer) field(def *ast.FieldDefinition, set ast.SelectionSet) {
	w.object("__Field", set, func(f *ast.Field) {
		switch f.Name {
		case "args":
			w.arguments(def.Arguments, f)
		case "type":
			w.typeOf(def.Type, f.SelectionSet)
		default:
			w.described(f, def.Name, def.Description, def.Directives)
		}
	})
}

// described writes what every named element has.
func (w *writer) described(f *ast.Field, name, description string, directives ast.DirectiveList) {
	deprecated := directives.ForName("deprecated")
	switch f.Name {
	case "name":
		w.json(name)
	case "description":
		w.orNull(description)
	case "isDeprecated":
		w.json(deprecated != nil)
	case "deprecationReason":
		if deprecated == nil {
			w.out.WriteString("null")
			return
		}
		reason := directiveText(directives, "deprecated", "reason")
		if reason == "" {
			reason = "No longer supported"
		}
		w.json(reason)
	default:
		w.out.WriteString("null")
	}
}

// input is an argument or an input field.
type input struct {
	name, description string
	typ               *ast.Type
	standard          *ast.Value
	directives        ast.DirectiveList
}

func (w *writer) arguments(arguments ast.ArgumentDefinitionList, f *ast.Field) {
	deprecated := w.flag(f, "includeDeprecated")
	var inputs []input
	for _, a := range arguments {
		if deprecated || a.Directives.ForName("deprecated") == nil {
			inputs = append(inputs, input{a.Name, a.Description, a.Type, a.DefaultValue, a.Directives})
		}
	}
	list(w, inputs, func(i input) { w.input(i, f.SelectionSet) })
}

func (w *writer) input(i input, set ast.SelectionSet) {
	w.object("__InputValue", set, func(f *ast.Field) {
		switch f.Name {
		case "type":
			w.typeOf(i.typ, f.SelectionSet)
		case "defaultValue":
			if i.standard == nil {
				w.out.WriteString("null")
				return
			}
			var b strings.Builder
			operation.WriteValue(&b, i.standard)
			w.json(b.String())
		default:
			w.described(f, i.name, i.description, i.directives)
		}
	})
}

// flag returns a boolean argument, false where it is not given.
func (w *writer) flag(f *ast.Field, name string) bool {
	arg := f.Arguments.ForName(name)
	if arg == nil {
		return false
	}
	if arg.Value.Kind == ast.Variable {
		value, _ := w.variables[arg.Value.Raw].(bool)
		return value
	}
	return arg.Value.Raw == "true"
}

func (w *writer) text(f *ast.Field, name string) string {
	arg := f.Arguments.ForName(name)
	if arg == nil {
		return ""
	}
	if arg.Value.Kind == ast.Variable {
		value, _ := w.variables[arg.Value.Raw].(string)
		return value
	}
	return arg.Value.Raw
}

func directiveText(directives ast.DirectiveList, name, argument string) string {
	d := directives.ForName(name)
	if d == nil {
		return ""
	}
	if arg := d.Arguments.ForName(argument); arg != nil && arg.Value != nil {
		return arg.Value.Raw
	}
	return ""
}
