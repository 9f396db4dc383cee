package operation

import (
	"encoding/json"
	"fmt"
	"math"
	"sort"
	"strconv"
	"strings"

	"github.com/vektah/gqlparser/v2/ast"
)

// coercer checks the values of variables, by the input coercion rules of the specification.
type coercer struct {
	schema *ast.Schema
	values int // coerced so far
}

// misfit says where a value does not fit, and why. It quotes nothing of the value, which may be long, or secret.
type misfit struct {
	path   []string
	reason string
}

func (m *misfit) Error() string { return strings.Join(m.path, "") + ": " + m.reason }

func unfit(path []string, format string, args ...any) error {
	shown := append([]string(nil), path[:min(len(path), maxShownPath)]...)
	if len(path) > maxShownPath {
		shown = append(shown, "...")
	}
	return &misfit{path: shown, reason: fmt.Sprintf(format, args...)}
}

const (
	// maxShownPath is how many steps of a path an error shows; people write a handful.
	maxShownPath = 20
	// maxValues and maxValueDepth bound the values of one request. What a client sends is bounded before, by its size and by the JSON decoder; the
	// defaults of input types that hold each other are bounded only here.
	maxValues     = 1_000_000
	maxValueDepth = 10_000
)

// value returns the value as its type wants it: a list around one item, an ID as text, defaults in place.
func (c *coercer) value(t *ast.Type, v any, path []string) (any, error) {
	if c.values++; c.values > maxValues || len(path) > maxValueDepth {
		return nil, unfit(path, "it holds too much: it may have %d values and be nested %d levels deep", maxValues, maxValueDepth)
	}
	if v == nil {
		if t.NonNull {
			return nil, unfit(path, "null is not a value of type %s", t)
		}
		return nil, nil
	}
	if t.Elem != nil {
		items, isList := v.([]any)
		if !isList {
			item, err := c.value(t.Elem, v, path)
			return []any{item}, err
		}
		out := make([]any, len(items))
		for i, item := range items {
			coerced, err := c.value(t.Elem, item, append(path, "["+strconv.Itoa(i)+"]"))
			if err != nil {
				return nil, err
			}
			out[i] = coerced
		}
		return out, nil
	}
	def := c.schema.Types[t.NamedType]
	if def == nil {
		return nil, unfit(path, "type %s is not known", t.NamedType)
	}
	switch def.Kind {
	case ast.InputObject:
		return c.object(def, v, path)
	case ast.Enum:
		if name, ok := v.(string); ok && def.EnumValues.ForName(name) != nil {
			return name, nil
		}
		return nil, unfit(path, "it must be the name of a value of %s, as text", def.Name)
	}
	return scalar(def.Name, v, path)
}

func (c *coercer) object(def *ast.Definition, v any, path []string) (any, error) {
	members, ok := v.(map[string]any)
	if !ok {
		return nil, unfit(path, "it must be an object with the fields of %s", def.Name)
	}
	names := make([]string, 0, len(members))
	for name := range members {
		names = append(names, name)
	}
	sort.Strings(names)
	for _, name := range names {
		if def.Fields.ForName(name) == nil {
			return nil, unfit(path, "%s has no field %.100q", def.Name, name)
		}
	}
	if def.Directives.ForName("oneOf") != nil && (len(members) != 1 || members[names[0]] == nil) {
		return nil, unfit(path, "exactly one field of %s must be given, and not as null", def.Name)
	}
	out := make(map[string]any, len(members))
	for _, field := range def.Fields {
		member, given := members[field.Name]
		switch {
		case !given && field.DefaultValue != nil:
			member = constant(field.DefaultValue)
		case !given && field.Type.NonNull:
			return nil, unfit(path, "the field %s of %s must be given", field.Name, def.Name)
		case !given:
			continue
		}
		coerced, err := c.value(field.Type, member, append(path, "."+field.Name))
		if err != nil {
			return nil, err
		}
		out[field.Name] = coerced
	}
	return out, nil
}

// scalar checks a scalar. What a custom scalar takes is for its subgraph to say.
func scalar(name string, v any, path []string) (any, error) {
	number, isNumber := v.(json.Number)
	text, isText := v.(string)
	switch name {
	case "Int":
		if n, ok := whole(number); isNumber && ok && n >= math.MinInt32 && n <= math.MaxInt32 {
			return n, nil
		}
		return nil, unfit(path, "it must be a whole number of 32 bits")
	case "Float":
		if f, err := number.Float64(); isNumber && err == nil && !math.IsInf(f, 0) {
			return number, nil
		}
		return nil, unfit(path, "it must be a number")
	case "String":
		if isText {
			return text, nil
		}
		return nil, unfit(path, "it must be text")
	case "Boolean":
		if b, ok := v.(bool); ok {
			return b, nil
		}
		return nil, unfit(path, "it must be true or false")
	case "ID":
		if isText {
			return text, nil
		}
		if n, ok := whole(number); isNumber && ok {
			return strconv.FormatInt(n, 10), nil
		}
		return nil, unfit(path, "it must be text or a whole number")
	}
	return v, nil
}

// whole returns a number without a fraction, however it is written.
func whole(number json.Number) (int64, bool) {
	if n, err := strconv.ParseInt(string(number), 10, 64); err == nil {
		return n, true
	}
	f, err := number.Float64()
	if err != nil || f != math.Trunc(f) || math.Abs(f) > 1<<53 {
		return 0, false
	}
	return int64(f), true
}

// constant returns a value written in a document or schema as JSON would have it.
func constant(v *ast.Value) any {
	switch v.Kind {
	case ast.IntValue, ast.FloatValue:
		return json.Number(v.Raw)
	case ast.BooleanValue:
		return v.Raw == "true"
	case ast.NullValue:
		return nil
	case ast.ListValue:
		out := make([]any, len(v.Children))
		for i, child := range v.Children {
			out[i] = constant(child.Value)
		}
		return out
	case ast.ObjectValue:
		out := make(map[string]any, len(v.Children))
		for _, child := range v.Children {
			out[child.Name] = constant(child.Value)
		}
		return out
	}
	return v.Raw
}
