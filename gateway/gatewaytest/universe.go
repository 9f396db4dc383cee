package gatewaytest

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"regexp"
	"slices"
	"sort"
	"strconv"
	"strings"

	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/parser"
)

// Universe is the data behind a whole graph, whichever subgraph has which part of it. It is read from one JSON object whose members are
// objects of the graph, the root types among them:
//
//	{
//	  "Query":   {"me": "@User:1", "user(id: \"2\")": "@User:2"},
//	  "User:1":  {"__typename": "User", "id": "1", "name": "Ada", "greeting": "Hello $name", "friend": "@User:2"},
//	  "User:2":  {"__typename": "User", "id": "2", "name": {"$error": "no such name", "code": "NOT_FOUND"}, "$missing": ["reviews"]}
//	}
//
// A string that starts with @ refers to another member. A field with arguments is looked up with their canonical text first, then by its
// name alone. $name, ${price(currency: "USD")} and ${size.width} inside a string stand for other fields of the same object,
// $(name) for an argument; a string that is nothing else has that value, of whatever type. $$ and @@ stand for themselves.
// {"$error": ...} is a field that fails. $missing lists the subgraphs that do not know the object.
type Universe struct {
	schema  *ast.Schema // of the whole graph; tells which object types an interface object can be
	objects map[string]*object
	names   []string // sorted
}

type object struct {
	typename string
	fields   map[string]any
	missing  []string
}

// The values of fields, beside what encoding/json makes of JSON.
type (
	reference string
	formula   []part
	failure   struct{ message, code string }
)

// part is a piece of a formula: text, the path of a field, or the name of an argument.
type part struct {
	text     string
	path     []string
	argument string
}

// ReadUniverse reads the data. schema is that of the whole graph.
func ReadUniverse(text []byte, schema *ast.Schema) (*Universe, error) {
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.UseNumber()
	var raw map[string]map[string]any
	if err := decoder.Decode(&raw); err != nil {
		return nil, fmt.Errorf("reading a universe: %w", err)
	}
	if _, err := decoder.Token(); err != io.EOF {
		return nil, fmt.Errorf("reading a universe: something follows the object")
	}
	u := &Universe{schema: schema, objects: map[string]*object{}}
	for name, fields := range raw {
		o, err := newObject(fields)
		if err != nil {
			return nil, fmt.Errorf("reading a universe: %s: %w", name, err)
		}
		if o.typename == "" {
			o.typename, _, _ = strings.Cut(name, ":")
		}
		u.objects[name] = o
		u.names = append(u.names, name)
	}
	sort.Strings(u.names)
	for _, name := range u.names {
		if err := u.checkReferences(u.objects[name]); err != nil {
			return nil, fmt.Errorf("reading a universe: %s: %w", name, err)
		}
	}
	return u, nil
}

// String writes the universe as ReadUniverse reads it, one object a line.
func (u *Universe) String() string {
	var b strings.Builder
	for i, name := range u.names {
		b.WriteString(map[bool]string{true: "{\n", false: ",\n"}[i == 0])
		fmt.Fprintf(&b, "  %s: %s", marshal(name), marshal(u.objects[name].written(name)))
	}
	return b.String() + "\n}\n"
}

func (o *object) written(name string) map[string]any {
	out := map[string]any{}
	for field, value := range o.fields {
		out[field] = written(value)
	}
	if prefix, _, _ := strings.Cut(name, ":"); prefix != o.typename && o.typename != "" {
		out["__typename"] = o.typename
	}
	if len(o.missing) > 0 {
		out["$missing"] = o.missing
	}
	return out
}

// written is the opposite of newValue.
func written(value any) any {
	switch value := value.(type) {
	case string:
		if strings.HasPrefix(value, "@") {
			return "@" + value
		}
		return strings.ReplaceAll(value, "$", "$$")
	case reference:
		return "@" + string(value)
	case failure:
		return map[string]any{"$error": value.message, "code": value.code}
	case formula:
		var b strings.Builder
		for _, p := range value {
			switch {
			case p.path != nil:
				b.WriteString("${" + strings.Join(p.path, ".") + "}")
			case p.argument != "":
				b.WriteString("$(" + p.argument + ")")
			default:
				b.WriteString(strings.ReplaceAll(p.text, "$", "$$"))
			}
		}
		return b.String()
	case []any:
		out := make([]any, len(value))
		for i, item := range value {
			out[i] = written(item)
		}
		return out
	case *object:
		return value.written("")
	}
	return value
}

func newObject(fields map[string]any) (*object, error) {
	o := &object{fields: map[string]any{}}
	for name, raw := range fields {
		switch name {
		case "__typename":
			o.typename, _ = raw.(string)
		case "$missing":
			list, _ := raw.([]any)
			for _, item := range list {
				subgraph, _ := item.(string)
				o.missing = append(o.missing, subgraph)
			}
		default:
			value, err := newValue(raw)
			if err != nil {
				return nil, fmt.Errorf("%s: %w", name, err)
			}
			o.fields[name] = value
		}
	}
	return o, nil
}

func newValue(raw any) (any, error) {
	switch raw := raw.(type) {
	case string:
		if name, found := strings.CutPrefix(raw, "@"); found {
			if strings.HasPrefix(name, "@") {
				return name, nil
			}
			return reference(name), nil
		}
		return newFormula(raw)
	case []any:
		out := make([]any, len(raw))
		for i, item := range raw {
			value, err := newValue(item)
			if err != nil {
				return nil, err
			}
			out[i] = value
		}
		return out, nil
	case map[string]any:
		if message, found := raw["$error"].(string); found {
			code, _ := raw["code"].(string)
			return failure{message, code}, nil
		}
		return newObject(raw)
	}
	return raw, nil
}

var formulaPart = regexp.MustCompile(`\$\$|\$\{(?:[^}(]|\([^)]*\))*\}|\$\([A-Za-z_]\w*\)|\$[A-Za-z_]\w*`)

// pathStep is a field with its arguments.
var pathStep = regexp.MustCompile(`[^.(]+(\([^)]*\))?`)

func newFormula(text string) (any, error) {
	found := formulaPart.FindAllStringIndex(text, -1)
	if found == nil {
		return text, nil
	}
	var out formula
	at := 0
	for _, span := range found {
		if span[0] > at {
			out = append(out, part{text: text[at:span[0]]})
		}
		switch piece := text[span[0]:span[1]]; {
		case piece == "$$":
			out = append(out, part{text: "$"})
		case piece[1] == '(':
			out = append(out, part{argument: piece[2 : len(piece)-1]})
		case piece[1] == '{':
			out = append(out, part{path: pathStep.FindAllString(piece[2:len(piece)-1], -1)})
		default:
			out = append(out, part{path: []string{piece[1:]}})
		}
		at = span[1]
	}
	if at < len(text) {
		out = append(out, part{text: text[at:]})
	}
	return out, nil
}

func (u *Universe) checkReferences(value any) error {
	switch value := value.(type) {
	case reference:
		if u.objects[string(value)] == nil {
			return fmt.Errorf("there is no %q", string(value))
		}
	case []any:
		for _, item := range value {
			if err := u.checkReferences(item); err != nil {
				return err
			}
		}
	case *object:
		for _, name := range sortedKeys(value.fields) {
			if err := u.checkReferences(value.fields[name]); err != nil {
				return err
			}
		}
	}
	return nil
}

// root returns the object of a root type; an empty one where the universe says nothing of it.
func (u *Universe) root(typename string) *object {
	if o := u.objects[typename]; o != nil {
		return o
	}
	return &object{typename: typename}
}

// lookup returns the value of a field as it stands: not computed, references not followed.
func (o *object) lookup(name, arguments string) any {
	if value, found := o.fields[name+arguments]; found {
		return value
	}
	return o.fields[name]
}

// lacks tells whether the object has the field with other arguments, but not with these.
func (o *object) lacks(name, arguments string) bool {
	if _, found := o.fields[name+arguments]; found {
		return false
	}
	if _, found := o.fields[name]; found {
		return false
	}
	for field := range o.fields {
		if strings.HasPrefix(field, name+"(") {
			return true
		}
	}
	return false
}

// follow replaces references by what they refer to.
func (u *Universe) follow(value any) any {
	switch value := value.(type) {
	case reference:
		return u.objects[string(value)]
	case []any:
		out := make([]any, len(value))
		for i, item := range value {
			out[i] = u.follow(item)
		}
		return out
	}
	return value
}

// compute returns the value of a formula. field gives the value at a path, argument that of an argument.
func (f formula) compute(field func(path []string) any, argument func(name string) any) any {
	value := func(p part) any {
		switch {
		case p.path != nil:
			return field(p.path)
		case p.argument != "":
			return argument(p.argument)
		}
		return p.text
	}
	if len(f) == 1 {
		return value(f[0])
	}
	var b strings.Builder
	for _, p := range f {
		b.WriteString(inline(value(p)))
	}
	return b.String()
}

// inline is a value inside a text.
func inline(value any) string {
	switch value := value.(type) {
	case string:
		return value
	case []any:
		items := make([]string, len(value))
		for i, item := range value {
			items[i] = inline(item)
		}
		return strings.Join(items, ",")
	case map[string]any:
		var members []string
		for _, name := range sortedKeys(value) {
			members = append(members, name+": "+inline(value[name]))
		}
		return "{" + strings.Join(members, ", ") + "}"
	case json.Number: // 2.0 and 2 are one value
		if number, err := value.Float64(); err == nil && math.Abs(number) < 1<<53 {
			return strconv.FormatFloat(number, 'f', -1, 64)
		}
	case nil, failure:
		return "null"
	}
	return fmt.Sprint(value)
}

// at returns the value at a path of an object of the universe, through lists and references.
func (u *Universe) at(value any, path []string) any {
	switch value := u.follow(value).(type) {
	case []any:
		out := make([]any, len(value))
		for i, item := range value {
			out[i] = u.at(item, path)
		}
		return out
	case *object:
		if len(path) == 0 {
			return value
		}
		name, arguments := splitArguments(path[0])
		found := value.lookup(name, arguments)
		if f, computed := found.(formula); computed {
			given := u.given(value.typename, name, arguments)
			found = f.compute(func(path []string) any { return u.at(value, path) }, given.value)
		}
		return u.at(found, path[1:])
	default:
		if len(path) > 0 {
			return nil
		}
		return value
	}
}

// given returns the arguments of a field in a path, with the defaults of those that are not there.
func (u *Universe) given(typename, field, text string) arguments {
	def := u.schema.Types[typename]
	if def == nil || def.Fields.ForName(field) == nil {
		return arguments{}
	}
	doc, err := parser.ParseQuery(&ast.Source{Name: "path", Input: "{" + field + text + "}"})
	if err != nil {
		panic("bug: a path that is no field: " + err.Error())
	}
	x := &execution{schema: u.schema}
	return x.arguments(def.Fields.ForName(field), doc.Operations[0].SelectionSet[0].(*ast.Field))
}

// splitArguments splits price(currency: "USD") before the parenthesis.
func splitArguments(field string) (name, arguments string) {
	if i := strings.IndexByte(field, '('); i >= 0 {
		return field[:i], field[i:]
	}
	return field, ""
}

// isA tells whether an object of the type can stand where the named type is wanted, in the whole graph.
func (u *Universe) isA(typename, wanted string) bool {
	if typename == wanted {
		return true
	}
	def := u.schema.Types[wanted]
	return def != nil && slices.ContainsFunc(u.schema.GetPossibleTypes(def), func(p *ast.Definition) bool { return p.Name == typename })
}

func sortedKeys[V any](m map[string]V) []string {
	keys := make([]string, 0, len(m))
	for key := range m {
		keys = append(keys, key)
	}
	sort.Strings(keys)
	return keys
}
