package clientstest

import (
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"strconv"

	"github.com/vektah/gqlparser/v2/ast"
)

// Args are the arguments of a field by name, coerced: int for Int, float64 for Float, string for String, ID and enums, bool,
// []any for lists, map[string]any for input objects, and what JSON gave for other scalars. Arguments that were not given and have no
// default are not there.
type Args map[string]any

// Given reports whether the argument is there and not null.
func (a Args) Given(name string) bool { return a[name] != nil }

// Text returns a string argument, "" where it is not given.
func (a Args) Text(name string) string {
	text, _ := a[name].(string)
	return text
}

// Int returns an Int argument, and whether it is given.
func (a Args) Int(name string) (int, bool) {
	n, ok := a[name].(int)
	return n, ok
}

// True reports whether a Boolean argument is true.
func (a Args) True(name string) bool {
	b, _ := a[name].(bool)
	return b
}

// Texts returns a list of strings, nil where it is not given.
func (a Args) Texts(name string) []string {
	list, _ := a[name].([]any)
	var out []string
	for _, element := range list {
		if text, ok := element.(string); ok {
			out = append(out, text)
		}
	}
	return out
}

// Object returns an input object, nil where it is not given.
func (a Args) Object(name string) Args {
	object, _ := a[name].(map[string]any)
	return object
}

// variables coerces what a client sent for the variables of an operation.
func (g *GraphQL) variables(operation *ast.OperationDefinition, sent map[string]any) (map[string]any, *Error) {
	out := map[string]any{}
	for _, v := range operation.VariableDefinitions {
		value, given := sent[v.Variable]
		var err error
		switch {
		case !given && v.DefaultValue != nil:
			value, err = g.literal(v.DefaultValue, v.Type, nil)
		case !given && v.Type.NonNull:
			err = fmt.Errorf("value is not given")
		case !given:
			continue
		default:
			value, err = g.input(value, v.Type)
		}
		if err != nil {
			failed := &Error{Message: fmt.Sprintf("Variable $%s of type %s was provided invalid value: %v", v.Variable, v.Type, err)}
			if v.Position != nil {
				failed.Locations = []Location{{Line: v.Position.Line, Column: v.Position.Column}}
			}
			return nil, failed
		}
		out[v.Variable] = value
	}
	return out, nil
}

// input coerces a value that was sent as JSON. How deep it goes is bounded by the type for lists, and by what JSON can nest.
func (g *GraphQL) input(value any, t *ast.Type) (any, error) {
	if value == nil {
		if t.NonNull {
			return nil, fmt.Errorf("expected value to not be null")
		}
		return nil, nil
	}
	if t.Elem != nil {
		list, ok := value.([]any)
		if !ok {
			list = []any{value}
		}
		out := make([]any, len(list))
		for i, element := range list {
			coerced, err := g.input(element, t.Elem)
			if err != nil {
				return nil, fmt.Errorf("%d: %w", i, err)
			}
			out[i] = coerced
		}
		return out, nil
	}
	definition := g.Schema.Types[t.NamedType]
	switch definition.Kind {
	case ast.Enum:
		text, ok := value.(string)
		if !ok || definition.EnumValues.ForName(text) == nil {
			return nil, fmt.Errorf("expected %q to be one of the values of %s", fmt.Sprint(value), definition.Name)
		}
		return text, nil
	case ast.InputObject:
		return g.inputObject(value, definition)
	}
	return scalarInput(value, t.NamedType)
}

func (g *GraphQL) inputObject(value any, definition *ast.Definition) (any, error) {
	object, ok := value.(map[string]any)
	if !ok {
		return nil, fmt.Errorf("expected an object of type %s", definition.Name)
	}
	for name := range object {
		if definition.Fields.ForName(name) == nil {
			return nil, fmt.Errorf("%s: field is not defined on %s", strconv.Quote(name), definition.Name)
		}
	}
	out := make(map[string]any, len(object))
	for _, field := range definition.Fields {
		sent, given := object[field.Name]
		var err error
		switch {
		case given:
			sent, err = g.input(sent, field.Type)
		case field.DefaultValue != nil:
			sent, err = g.literal(field.DefaultValue, field.Type, nil)
		case field.Type.NonNull:
			err = fmt.Errorf("expected value to not be null")
		default:
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("%s: %w", field.Name, err)
		}
		out[field.Name] = sent
	}
	return out, nil
}

func scalarInput(value any, name string) (any, error) {
	switch name {
	case "Int":
		if n, ok := number(value); ok && n == math.Trunc(n) && n >= math.MinInt32 && n <= math.MaxInt32 {
			return int(n), nil
		}
	case "Float":
		if n, ok := number(value); ok {
			return n, nil
		}
	case "String":
		if text, ok := value.(string); ok {
			return text, nil
		}
	case "ID":
		if text, ok := value.(string); ok {
			return text, nil
		}
		if n, ok := number(value); ok && n == math.Trunc(n) && math.Abs(n) < 1<<53 {
			return strconv.FormatInt(int64(n), 10), nil
		}
	case "Boolean":
		if b, ok := value.(bool); ok {
			return b, nil
		}
	default:
		return value, nil
	}
	return nil, fmt.Errorf("could not coerce value %s to %s", brief(value), name)
}

func number(value any) (float64, bool) {
	switch n := value.(type) {
	case float64:
		return n, true
	case json.Number:
		f, err := n.Float64()
		return f, err == nil
	case int:
		return float64(n), true
	case int64:
		return float64(n), true
	}
	return 0, false
}

// brief writes a value as JSON, cut where it is long.
func brief(value any) string {
	const enough = 80 // characters: to recognise what one sent
	text, err := json.Marshal(value)
	if err != nil {
		return fmt.Sprintf("%T", value)
	}
	if len(text) > enough {
		return string(text[:enough]) + "..."
	}
	return string(text)
}

// arguments coerces the arguments of a field or directive. One whose variable is not given is not there.
func (g *GraphQL) arguments(defined ast.ArgumentDefinitionList, given ast.ArgumentList, variables map[string]any) (Args, error) {
	out := Args{}
	for _, d := range defined {
		argument := given.ForName(d.Name)
		if argument != nil && argument.Value.Kind == ast.Variable {
			if _, ok := variables[argument.Value.Raw]; !ok {
				argument = nil
			}
		}
		var err error
		switch {
		case argument != nil:
			var value any
			if value, err = g.literal(argument.Value, d.Type, variables); err == nil {
				out[d.Name] = value
			}
		case d.DefaultValue != nil:
			out[d.Name], err = g.literal(d.DefaultValue, d.Type, nil)
		case d.Type.NonNull:
			err = fmt.Errorf("value is not given")
		}
		if err != nil {
			return nil, says("Argument '%s': %v", d.Name, err)
		}
	}
	return out, nil
}

// literal coerces a value of the document.
func (g *GraphQL) literal(value *ast.Value, t *ast.Type, variables map[string]any) (any, error) {
	switch {
	case value.Kind == ast.Variable:
		known := variables[value.Raw]
		if known == nil && t.NonNull {
			return nil, fmt.Errorf("expected value to not be null")
		}
		return known, nil
	case value.Kind == ast.NullValue:
		return g.input(nil, t)
	case t.Elem != nil && value.Kind != ast.ListValue:
		one, err := g.literal(value, t.Elem, variables)
		return []any{one}, err
	case t.Elem != nil:
		out := make([]any, len(value.Children))
		for i, child := range value.Children {
			element, err := g.literal(child.Value, t.Elem, variables)
			if err != nil {
				return nil, fmt.Errorf("%d: %w", i, err)
			}
			out[i] = element
		}
		return out, nil
	}
	definition := g.Schema.Types[t.NamedType]
	if definition.Kind == ast.InputObject && value.Kind == ast.ObjectValue {
		return g.literalObject(value, definition, variables)
	}
	if definition.Kind == ast.Enum && value.Kind != ast.EnumValue {
		return nil, fmt.Errorf("expected a value of %s", definition.Name)
	}
	plain, err := value.Value(variables)
	if err != nil {
		return nil, err
	}
	return g.input(plain, t)
}

func (g *GraphQL) literalObject(value *ast.Value, definition *ast.Definition, variables map[string]any) (any, error) {
	out := map[string]any{}
	for _, field := range definition.Fields {
		at := slices.IndexFunc(value.Children, func(c *ast.ChildValue) bool { return c.Name == field.Name })
		if at >= 0 && value.Children[at].Value.Kind == ast.Variable {
			if _, ok := variables[value.Children[at].Value.Raw]; !ok {
				at = -1
			}
		}
		var err error
		switch {
		case at >= 0:
			out[field.Name], err = g.literal(value.Children[at].Value, field.Type, variables)
		case field.DefaultValue != nil:
			out[field.Name], err = g.literal(field.DefaultValue, field.Type, nil)
		case field.Type.NonNull:
			err = fmt.Errorf("expected value to not be null")
		}
		if err != nil {
			return nil, fmt.Errorf("%s: %w", field.Name, err)
		}
	}
	return out, nil
}
