package clientstest

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"reflect"
	"slices"
	"strconv"
	"time"

	"github.com/99designs/gqlgen/graphql/introspection"
	"github.com/vektah/gqlparser/v2/ast"
)

// Execute executes the operation, one field after the other in the order of the document. It stops where ctx ends.
func (o *Operation) Execute(ctx context.Context) Answer {
	run := &execution{
		Operation: o,
		ctx:       ctx,
		left:      orDefault(o.graph.Limits.Values, defaultValues),
	}
	root := o.graph.Schema.Query
	switch o.Definition.Operation {
	case ast.Mutation:
		root = o.graph.Schema.Mutation
	case ast.Subscription:
		return Answer{Errors: []*Error{{Message: "subscriptions are not served"}}}
	}
	if !run.object(root, nil, []ast.SelectionSet{o.Definition.SelectionSet}) {
		run.out.Reset()
		run.out.WriteString("null")
	}
	return Answer{Data: run.out.Bytes(), Errors: run.failed}
}

// execution is one operation under way. Each writing method reports false where what it was to write must become null, and
// whoever may hold a null then cuts the output back to where that value began.
type execution struct {
	*Operation
	ctx    context.Context
	out    bytes.Buffer
	path   []any
	failed []*Error
	left   int // values that may still be written
}

// errTooMany ends an execution that writes more than Limits.Values.
var errTooMany = errors.New("the answer holds too many values")

// group is the fields of one response key.
type group struct {
	key    string
	fields []*ast.Field
}

// collect groups the fields that apply to an object type, in the order in which their keys first appear.
func (x *execution) collect(t *ast.Definition, sets []ast.SelectionSet) []group {
	var groups []group
	at := map[string]int{}
	spread := map[string]bool{}
	var walk func(ast.SelectionSet)
	walk = func(set ast.SelectionSet) {
		for _, selection := range set {
			switch s := selection.(type) {
			case *ast.Field:
				if !x.Included(s.Directives) {
					continue
				}
				i, ok := at[s.Alias]
				if !ok {
					i = len(groups)
					at[s.Alias] = i
					groups = append(groups, group{key: s.Alias})
				}
				groups[i].fields = append(groups[i].fields, s)
			case *ast.InlineFragment:
				if x.Included(s.Directives) && x.applies(s.TypeCondition, t) {
					walk(s.SelectionSet)
				}
			case *ast.FragmentSpread:
				if spread[s.Name] || !x.Included(s.Directives) {
					continue
				}
				spread[s.Name] = true
				if definition := x.Document.Fragments.ForName(s.Name); definition != nil && x.applies(definition.TypeCondition, t) {
					walk(definition.SelectionSet)
				}
			}
		}
	}
	for _, set := range sets {
		walk(set)
	}
	return groups
}

// applies reports whether a type condition holds for an object type.
func (x *execution) applies(condition string, t *ast.Definition) bool {
	if condition == "" || condition == t.Name {
		return true
	}
	wanted := x.graph.Schema.Types[condition]
	return wanted != nil && wanted.IsAbstractType() && slices.Contains(x.graph.Schema.GetPossibleTypes(wanted), t)
}

// object writes one object.
func (x *execution) object(t *ast.Definition, value any, sets []ast.SelectionSet) bool {
	x.out.WriteByte('{')
	for i, g := range x.collect(t, sets) {
		if i > 0 {
			x.out.WriteByte(',')
		}
		name, _ := json.Marshal(g.key)
		x.out.Write(name)
		x.out.WriteByte(':')
		x.path = append(x.path, g.key)
		ok := x.field(t, value, g.fields)
		x.path = x.path[:len(x.path)-1]
		if !ok {
			return false
		}
	}
	x.out.WriteByte('}')
	return true
}

func (x *execution) field(t *ast.Definition, object any, fields []*ast.Field) bool {
	first := fields[0]
	if first.Name == "__typename" {
		x.out.WriteString(strconv.Quote(t.Name))
		return true
	}
	sets := make([]ast.SelectionSet, len(fields))
	for i, f := range fields {
		sets[i] = f.SelectionSet
	}
	value, err := x.resolve(t, object, first, sets)
	if err != nil {
		value = err
	}
	return x.value(first.Definition.Type, value, fields)
}

func (x *execution) resolve(t *ast.Definition, object any, field *ast.Field, sets []ast.SelectionSet) (any, error) {
	if err := x.ctx.Err(); err != nil {
		return nil, err
	}
	args, err := x.Args(field)
	if err != nil {
		return nil, err
	}
	at := Field{Object: object, Args: args, Definition: field.Definition, Operation: x.Operation, Selections: sets}
	if resolve := x.graph.resolver(t, field.Name); resolve != nil {
		return resolve(x.ctx, at)
	}
	if value, known, err := x.graph.introspect(t, at); known {
		return value, err
	}
	value, ok, err := property(object, field.Name)
	if !ok {
		// A simulator without a value is a mistake of whoever wrote it, which must be seen.
		return nil, fmt.Errorf("bug: nothing gives %s.%s of a %T", t.Name, field.Name, object)
	}
	return value, err
}

func (g *GraphQL) resolver(t *ast.Definition, field string) Resolve {
	if resolve := g.Resolvers[t.Name+"."+field]; resolve != nil {
		return resolve
	}
	for _, name := range t.Interfaces {
		if resolve := g.Resolvers[name+"."+field]; resolve != nil {
			return resolve
		}
	}
	return nil
}

// value writes a value of type t, or null where it may be null.
func (x *execution) value(t *ast.Type, value any, fields []*ast.Field) bool {
	start := x.out.Len()
	if x.left--; x.left < 0 {
		if x.left == -1 {
			x.fail(errTooMany, fields[0])
		}
		return x.null(t, start)
	}
	value, err := settle(value)
	if err == nil && !t.NonNull && x.graph.Absent != nil && x.graph.Absent(value) {
		value = nil
	}
	if err == nil && value == nil && t.NonNull {
		err = says("Cannot return null for non-nullable field %s", fields[0].Name)
	}
	switch {
	case err != nil:
		x.fail(err, fields[0])
	case value == nil:
	case t.Elem != nil:
		if x.list(t, value, fields) {
			return true
		}
	default:
		if x.named(x.graph.Schema.Types[t.NamedType], value, fields) {
			return true
		}
	}
	return x.null(t, start)
}

// null takes back what was written since start, and writes null where the type allows it.
func (x *execution) null(t *ast.Type, start int) bool {
	x.out.Truncate(start)
	if t.NonNull {
		return false
	}
	x.out.WriteString("null")
	return true
}

// settle calls what is still a function, finds errors, and turns empty pointers into nil.
func settle(value any) (any, error) {
	for {
		switch v := value.(type) {
		case error:
			return nil, v
		case func() (any, error):
			var err error
			if value, err = v(); err != nil {
				return nil, err
			}
			continue
		}
		if rv := reflect.ValueOf(value); rv.Kind() == reflect.Pointer && rv.IsNil() {
			return nil, nil
		}
		return value, nil
	}
}

func (x *execution) list(t *ast.Type, value any, fields []*ast.Field) bool {
	list := reflect.ValueOf(value)
	if list.Kind() != reflect.Slice {
		x.fail(fmt.Errorf("bug: %T is no list", value), fields[0])
		return false
	}
	x.out.WriteByte('[')
	for i := range list.Len() {
		if i > 0 {
			x.out.WriteByte(',')
		}
		x.path = append(x.path, i)
		ok := x.value(t.Elem, list.Index(i).Interface(), fields)
		x.path = x.path[:len(x.path)-1]
		if !ok {
			return false
		}
	}
	x.out.WriteByte(']')
	return true
}

func (x *execution) named(t *ast.Definition, value any, fields []*ast.Field) bool {
	if t.IsLeafType() {
		written, err := x.graph.leaf(t, value)
		if err != nil {
			x.fail(err, fields[0])
			return false
		}
		x.out.Write(written)
		return true
	}
	if t.IsAbstractType() {
		concrete := x.graph.concrete(t, value)
		if concrete == nil {
			x.fail(fmt.Errorf("bug: a %T is no %s", value, t.Name), fields[0])
			return false
		}
		t = concrete
	}
	sets := make([]ast.SelectionSet, len(fields))
	for i, f := range fields {
		sets[i] = f.SelectionSet
	}
	return x.object(t, value, sets)
}

// concrete returns the object type of a value of an abstract type, nil where it is none of the possible ones.
func (g *GraphQL) concrete(t *ast.Definition, value any) *ast.Definition {
	name := ""
	switch v := value.(type) {
	case Typed:
		name = v.GraphQLType()
	case map[string]any:
		name, _ = v["__typename"].(string)
	default:
		rt := reflect.TypeOf(value)
		for rt.Kind() == reflect.Pointer {
			rt = rt.Elem()
		}
		name = rt.Name()
	}
	for _, possible := range g.Schema.GetPossibleTypes(t) {
		if possible.Name == name {
			return possible
		}
	}
	return nil
}

func (g *GraphQL) leaf(t *ast.Definition, value any) ([]byte, error) {
	if scalar := g.Scalars[t.Name]; scalar != nil {
		var err error
		if value, err = scalar(value); err != nil {
			return nil, err
		}
	}
	if at, ok := value.(time.Time); ok {
		value = plainTime(at)
	}
	rv := reflect.ValueOf(value)
	for rv.Kind() == reflect.Pointer && !rv.IsNil() {
		rv = rv.Elem()
	}
	fits := true
	switch {
	case t.Kind == ast.Enum:
		fits = rv.Kind() == reflect.String && t.EnumValues.ForName(rv.String()) != nil
	case t.Name == "Int":
		fits = rv.CanInt() && rv.Int() >= math.MinInt32 && rv.Int() <= math.MaxInt32
	case t.Name == "Float":
		fits = rv.CanFloat() || rv.CanInt()
	case t.Name == "String":
		fits = rv.Kind() == reflect.String
	case t.Name == "ID":
		if fits = rv.Kind() == reflect.String || rv.CanInt(); rv.CanInt() {
			value = strconv.FormatInt(rv.Int(), 10)
		}
	case t.Name == "Boolean":
		fits = rv.Kind() == reflect.Bool
	}
	if !fits {
		return nil, fmt.Errorf("bug: %s is no %s", brief(value), t.Name)
	}
	var b bytes.Buffer
	encoder := json.NewEncoder(&b)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(value); err != nil {
		return nil, err
	}
	return bytes.TrimSpace(b.Bytes()), nil
}

func (x *execution) fail(err error, field *ast.Field) {
	out := &Error{Message: err.Error()}
	if known := (*Error)(nil); errors.As(err, &known) {
		*out = *known
	}
	out.Path = slices.Clone(x.path)
	if field.Position != nil {
		out.Locations = []Location{{Line: field.Position.Line, Column: field.Position.Column}}
	}
	x.failed = append(x.failed, out)
}

// introspect gives the fields of introspection that are more than a property of what gqlgen gives.
func (g *GraphQL) introspect(t *ast.Definition, at Field) (any, bool, error) {
	deprecated := at.Args.True("includeDeprecated")
	switch object := at.Object.(type) {
	case nil:
		if t != g.Schema.Query {
			return nil, false, nil
		}
		switch at.Definition.Name {
		case "__schema":
			return g.introspected, true, nil
		case "__type":
			definition := g.Schema.Types[at.Args.Text("name")]
			if definition == nil {
				return nil, true, nil
			}
			return introspection.WrapTypeFromDef(g.Schema, definition), true, nil
		}
	case *introspection.Type:
		return introspectType(object, at.Definition.Name, deprecated)
	case introspection.Type:
		return introspectType(&object, at.Definition.Name, deprecated)
	case introspection.Field:
		if at.Definition.Name == "args" {
			return object.VisibleArgs(deprecated), true, nil
		}
	case introspection.Directive:
		if at.Definition.Name == "args" {
			return object.VisibleArgs(deprecated), true, nil
		}
	}
	return nil, false, nil
}

// introspectType leaves lists nil where the kind of type has none, so that they are null as the specification asks.
func introspectType(t *introspection.Type, name string, deprecated bool) (any, bool, error) {
	kind := t.Kind()
	var list any
	var has bool
	switch name {
	case "fields":
		list, has = t.Fields(deprecated), kind == "OBJECT" || kind == "INTERFACE"
	case "interfaces":
		list, has = t.Interfaces(), kind == "OBJECT" || kind == "INTERFACE"
	case "possibleTypes":
		list, has = t.PossibleTypes(), kind == "INTERFACE" || kind == "UNION"
	case "enumValues":
		list, has = t.EnumValues(deprecated), kind == "ENUM"
	case "inputFields":
		list, has = t.VisibleInputFields(deprecated), kind == "INPUT_OBJECT"
	case "isOneOf":
		return t.IsOneOf(), true, nil
	default:
		return nil, false, nil
	}
	if !has {
		return nil, true, nil
	}
	return list, true, nil
}
