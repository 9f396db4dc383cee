package gatewaytest

import (
	"bytes"
	"encoding/json"
	"fmt"
	"reflect"
	"strconv"
	"strings"

	"github.com/vektah/gqlparser/v2/ast"

	"callboard.dev/callboard/gateway/execute"
)

// execution runs one operation by the letter of the GraphQL specification, over whatever its source has.
type execution struct {
	schema    *ast.Schema
	document  *ast.QueryDocument
	variables map[string]any // coerced
	source    source
	errors    []execute.SubgraphError
	path      []any
	above     []any // the objects from the root to the one being written
}

// source is where an execution's values come from.
type source interface {
	// field returns the value of a field of an object: nil, a failure, an object of the source's own, a list of values, or anything
	// that marshals to JSON.
	field(of any, parent *ast.Definition, f *ast.Field, a arguments) any
	// typename returns the object type of a value of the declared type, "" where it has none that fits.
	typename(of any, declared *ast.Definition) string
	// composite tells whether the value is an object of the source's.
	composite(value any) bool
	// leaf returns the JSON of a leaf value, or nil where it is not of the type.
	leaf(value any, def *ast.Definition) []byte
	// lenient tells whether a value of the wrong kind is answered as it is, as a subgraph without type checks would.
	lenient() bool
}

// run executes the operation on the root object and returns data.
func (x *execution) run(op *ast.OperationDefinition, root any) []byte {
	def := x.schema.Query
	switch op.Operation {
	case ast.Mutation:
		def = x.schema.Mutation
	case ast.Subscription:
		def = x.schema.Subscription
	}
	text, ok := x.object(def, root, []ast.SelectionSet{op.SelectionSet})
	if !ok {
		return []byte("null")
	}
	return text
}

// object writes an object; false where it must be null.
func (x *execution) object(def *ast.Definition, value any, sets []ast.SelectionSet) ([]byte, bool) {
	keys, fields := x.collect(def, sets)
	x.above = append(x.above, value)
	defer func() { x.above = x.above[:len(x.above)-1] }()
	out := []byte{'{'}
	for i, key := range keys {
		if i > 0 {
			out = append(out, ',')
		}
		out = append(out, marshal(key)...)
		out = append(out, ':')
		first := fields[key][0]
		if first.Name == "__typename" {
			out = append(out, marshal(def.Name)...)
			continue
		}
		x.path = append(x.path, key)
		definition := def.Fields.ForName(first.Name)
		if definition == nil {
			panic(fmt.Sprintf("bug: type %s has no field %q, and validation did not say so", def.Name, first.Name))
		}
		resolved := x.source.field(value, def, first, x.arguments(definition, first))
		var below []ast.SelectionSet
		for _, f := range fields[key] {
			below = append(below, f.SelectionSet)
		}
		text, ok := x.value(definition.Type, resolved, below)
		x.path = x.path[:len(x.path)-1]
		if !ok {
			return nil, false
		}
		out = append(out, text...)
	}
	return append(out, '}'), true
}

// collect gathers the fields for an object type, in the order the specification fixes.
func (x *execution) collect(def *ast.Definition, sets []ast.SelectionSet) (keys []string, fields map[string][]*ast.Field) {
	fields = map[string][]*ast.Field{}
	spread := map[string]bool{}
	var walk func(set ast.SelectionSet)
	walk = func(set ast.SelectionSet) {
		for _, selection := range set {
			switch s := selection.(type) {
			case *ast.Field:
				if !x.included(s.Directives) {
					continue
				}
				if fields[s.Alias] == nil {
					keys = append(keys, s.Alias)
				}
				fields[s.Alias] = append(fields[s.Alias], s)
			case *ast.InlineFragment:
				if x.included(s.Directives) && x.applies(def, s.TypeCondition) {
					walk(s.SelectionSet)
				}
			case *ast.FragmentSpread:
				if !x.included(s.Directives) || spread[s.Name] {
					continue
				}
				spread[s.Name] = true
				if fragment := x.document.Fragments.ForName(s.Name); x.applies(def, fragment.TypeCondition) {
					walk(fragment.SelectionSet)
				}
			}
		}
	}
	for _, set := range sets {
		walk(set)
	}
	return keys, fields
}

func (x *execution) applies(def *ast.Definition, condition string) bool {
	if condition == "" || condition == def.Name {
		return true
	}
	on := x.schema.Types[condition]
	if on == nil {
		return false
	}
	for _, possible := range x.schema.GetPossibleTypes(on) {
		if possible.Name == def.Name {
			return true
		}
	}
	return false
}

func (x *execution) included(directives ast.DirectiveList) bool {
	for _, d := range directives {
		arg := d.Arguments.ForName("if")
		if arg == nil || d.Name != "skip" && d.Name != "include" {
			continue
		}
		value := arg.Value.Raw == "true"
		if arg.Value.Kind == ast.Variable {
			value, _ = x.variables[arg.Value.Raw].(bool)
		}
		if value == (d.Name == "skip") {
			return false
		}
	}
	return true
}

// value writes a value; false where it is null and must not be.
func (x *execution) value(t *ast.Type, value any, sets []ast.SelectionSet) ([]byte, bool) {
	before := len(x.errors)
	if f, failed := value.(failure); failed {
		x.fail(f.message, f.code)
		value = nil
	}
	if value != nil {
		if text := x.some(t, value, sets); text != nil {
			return text, true
		}
	}
	if t.NonNull {
		if len(x.errors) == before {
			x.fail("Cannot return null for a non-nullable field.", "")
		}
		return nil, false
	}
	return []byte("null"), true
}

// some writes a value that is there, or returns nil where it comes to null.
func (x *execution) some(t *ast.Type, value any, sets []ast.SelectionSet) []byte {
	list, isList := value.([]any)
	def := x.schema.Types[t.Name()]
	switch {
	case t.Elem != nil && isList:
		out := []byte{'['}
		for i, item := range list {
			if i > 0 {
				out = append(out, ',')
			}
			x.path = append(x.path, i)
			text, ok := x.value(t.Elem, item, sets)
			x.path = x.path[:len(x.path)-1]
			if !ok {
				return nil
			}
			out = append(out, text...)
		}
		return append(out, ']')
	case t.Elem == nil && def.IsCompositeType() && x.source.composite(value):
		name := x.source.typename(value, def)
		own := x.schema.Types[name]
		if own == nil {
			x.fail(fmt.Sprintf("The object is of no type that %s can be.", def.Name), "")
			return nil
		}
		text, ok := x.object(own, value, sets)
		if !ok {
			return nil
		}
		return text
	case t.Elem == nil && def.IsLeafType():
		if text := x.source.leaf(value, def); text != nil {
			return text
		}
	case x.source.lenient() && !x.source.composite(value) && !isList:
		return marshal(value)
	}
	x.fail(fmt.Sprintf("The value is not of type %s.", t), "")
	return nil
}

func (x *execution) fail(message, code string) {
	e := execute.SubgraphError{Message: message, Path: append([]any(nil), x.path...)}
	if code != "" {
		e.Extensions = map[string]json.RawMessage{"code": marshal(code)}
	}
	x.errors = append(x.errors, e)
}

// arguments are coerced arguments with their canonical text: (a: 1, b: "x"), sorted by name, "" for none.
type arguments struct {
	values map[string]any
	text   string
}

// value is the value of an argument in a formula: one that was not given is not one that is null.
func (a arguments) value(name string) any {
	if value, given := a.values[name]; given {
		return value
	}
	return "nothing"
}

func (x *execution) arguments(def *ast.FieldDefinition, f *ast.Field) arguments {
	a := arguments{values: map[string]any{}}
	types := map[string]*ast.Type{}
	for _, arg := range def.Arguments {
		types[arg.Name] = arg.Type
		given := f.Arguments.ForName(arg.Name)
		if given != nil && given.Value.Kind == ast.Variable {
			if value, found := x.variables[given.Value.Raw]; found {
				a.values[arg.Name] = value
				continue
			}
			given = nil
		}
		switch {
		case given != nil:
			a.values[arg.Name] = x.literal(given.Value, arg.Type)
		case arg.DefaultValue != nil:
			a.values[arg.Name] = x.literal(arg.DefaultValue, arg.Type)
		}
	}
	return x.canonicalArguments(a.values, types)
}

func (x *execution) canonicalArguments(values map[string]any, types map[string]*ast.Type) arguments {
	if len(values) == 0 {
		return arguments{values: values}
	}
	var parts []string
	for _, name := range sortedKeys(values) {
		parts = append(parts, name+": "+x.canonical(values[name], types[name]))
	}
	return arguments{values: values, text: "(" + strings.Join(parts, ", ") + ")"}
}

// literal coerces a value written in an operation.
func (x *execution) literal(v *ast.Value, t *ast.Type) any {
	switch v.Kind {
	case ast.Variable:
		return x.variables[v.Raw]
	case ast.NullValue:
		return nil
	}
	if t.Elem != nil {
		if v.Kind != ast.ListValue {
			return []any{x.literal(v, t.Elem)}
		}
		out := make([]any, len(v.Children))
		for i, child := range v.Children {
			out[i] = x.literal(child.Value, t.Elem)
		}
		return out
	}
	switch v.Kind {
	case ast.IntValue, ast.FloatValue:
		if t.NamedType == "ID" {
			return v.Raw
		}
		return json.Number(v.Raw)
	case ast.BooleanValue:
		return v.Raw == "true"
	case ast.ListValue: // of a custom scalar
		var out []any
		for _, child := range v.Children {
			out = append(out, x.literal(child.Value, t))
		}
		return out
	case ast.ObjectValue:
		out := map[string]any{}
		def := x.schema.Types[t.NamedType]
		for _, child := range v.Children {
			inner := t
			if field := def.Fields.ForName(child.Name); field != nil {
				inner = field.Type
			}
			if child.Value.Kind == ast.Variable {
				if _, given := x.variables[child.Value.Raw]; !given {
					continue
				}
			}
			out[child.Name] = x.literal(child.Value, inner)
		}
		if def.Kind == ast.InputObject {
			for _, field := range def.Fields {
				if _, given := out[field.Name]; !given && field.DefaultValue != nil {
					out[field.Name] = x.literal(field.DefaultValue, field.Type)
				}
			}
		}
		return out
	}
	return v.Raw
}

// coerce brings the variables of an operation into the form that literals have: lists around single values, defaults of input fields.
func (x *execution) coerce(op *ast.OperationDefinition, variables map[string]any) {
	x.variables = map[string]any{}
	for _, v := range op.VariableDefinitions {
		if value, given := variables[v.Variable]; given {
			x.variables[v.Variable] = x.coerced(value, v.Type)
		}
	}
}

func (x *execution) coerced(value any, t *ast.Type) any {
	of := reflect.ValueOf(value)
	switch {
	case value == nil:
		return nil
	case t.Elem != nil && of.Kind() != reflect.Slice:
		return []any{x.coerced(value, t.Elem)}
	case t.Elem != nil:
		out := make([]any, of.Len())
		for i := range out {
			out[i] = x.coerced(of.Index(i).Interface(), t.Elem)
		}
		return out
	}
	members, isObject := value.(map[string]any)
	def := x.schema.Types[t.NamedType]
	if !isObject || def.Kind != ast.InputObject {
		return value
	}
	out := map[string]any{}
	for _, field := range def.Fields {
		if member, given := members[field.Name]; given {
			out[field.Name] = x.coerced(member, field.Type)
		} else if field.DefaultValue != nil {
			out[field.Name] = x.literal(field.DefaultValue, field.Type)
		}
	}
	return out
}

// canonical writes a coerced value as GraphQL would.
func (x *execution) canonical(value any, t *ast.Type) string {
	switch value := value.(type) {
	case []any:
		if t.Elem != nil {
			t = t.Elem
		}
		items := make([]string, len(value))
		for i, item := range value {
			items[i] = x.canonical(item, t)
		}
		return "[" + strings.Join(items, ", ") + "]"
	case map[string]any:
		var members []string
		for _, name := range sortedKeys(value) {
			inner := t
			if def := x.schema.Types[t.Name()]; def != nil && def.Fields.ForName(name) != nil {
				inner = def.Fields.ForName(name).Type
			}
			members = append(members, name+": "+x.canonical(value[name], inner))
		}
		return "{" + strings.Join(members, ", ") + "}"
	case string:
		if def := x.schema.Types[t.Name()]; def != nil && def.Kind == ast.Enum {
			return value
		}
		return string(marshal(value))
	case nil:
		return "null"
	}
	if t.NamedType == "ID" { // given as a number
		return strconv.Quote(fmt.Sprint(value))
	}
	return string(marshal(value))
}

// marshal writes JSON without escaping what HTML wants escaped.
func marshal(value any) []byte {
	var b bytes.Buffer
	encoder := json.NewEncoder(&b)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(value); err != nil {
		panic("bug: a value of a universe that is not JSON: " + err.Error())
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n"))
}
