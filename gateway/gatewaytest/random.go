package gatewaytest

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"

	"github.com/vektah/gqlparser/v2"
	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/validator/rules"
)

// RandomOperation makes up a valid request for the schema: aliases, one response key more than once, named and inline fragments that
// narrow interfaces and unions, conditions, arguments of every kind of input, and variables in place of them or inside them. Equal seeds give equal requests.
func RandomOperation(schema *ast.Schema, seed uint64) Request {
	random := rand.New(rand.NewPCG(seed, 0))
	for depth := 4; depth > 0; depth-- {
		for range 15 { // fields that conflict make an operation invalid; smaller ones conflict less
			g := &generator{schema: schema, random: random, values: map[string]any{}}
			r := g.request(depth)
			if _, errs := gqlparser.LoadQueryWithRules(schema, r.Query, rules.NewDefaultRules()); errs == nil {
				return r
			}
		}
	}
	return Request{Query: "{ __typename }"}
}

// generator makes up one request.
type generator struct {
	schema     *ast.Schema
	random     *rand.Rand
	fields     int
	named      int      // variables of arguments and inside them
	constant   bool     // a literal is being written in which no variable may be
	variables  []string // definitions
	values     map[string]any
	conditions []string // names of variables used in conditions
	fragments  []fragment
}

type fragment struct {
	name, on, text string
}

// maxRandomFields bounds a random operation as written.
const maxRandomFields = 40

func (g *generator) request(depth int) Request {
	kind, root := "query", g.schema.Query
	if g.schema.Mutation != nil && g.random.IntN(4) == 0 {
		kind, root = "mutation", g.schema.Mutation
	}
	text := g.selections(root, depth)
	var b strings.Builder
	b.WriteString(kind + " Random")
	if len(g.variables) > 0 {
		b.WriteString("(" + strings.Join(g.variables, ", ") + ")")
	}
	b.WriteString(" " + text + "\n")
	for _, f := range g.fragments {
		fmt.Fprintf(&b, "fragment %s on %s %s\n", f.name, f.on, f.text)
	}
	return Request{Query: b.String(), Variables: json.RawMessage(marshal(g.values))}
}

// chance is true once in n.
func (g *generator) chance(n int) bool { return g.random.IntN(n) == 0 }

func (g *generator) selections(def *ast.Definition, depth int) string {
	var parts []string
	for range 1 + g.random.IntN(4) {
		switch {
		case g.chance(8):
			parts = append(parts, g.aliased("__typename")+g.condition())
		case g.chance(4):
			parts = append(parts, "..."+g.inlineCondition(def, depth))
		case g.chance(6):
			parts = append(parts, "..."+g.spread(def, depth)+g.condition())
		default:
			if field := g.field(def, depth); field != "" {
				parts = append(parts, field)
			}
		}
	}
	if len(parts) == 0 {
		parts = append(parts, "__typename")
	}
	return "{ " + strings.Join(parts, " ") + " }"
}

// aliases are few, so that they meet.
var aliases = []string{"a", "b", "c", "id", "name"}

func (g *generator) aliased(name string) string {
	if g.chance(4) {
		return aliases[g.random.IntN(len(aliases))] + ": " + name
	}
	return name
}

func (g *generator) field(def *ast.Definition, depth int) string {
	var candidates []*ast.FieldDefinition
	for _, f := range def.Fields {
		if !strings.HasPrefix(f.Name, "__") && (depth > 0 || g.schema.Types[f.Type.Name()].IsLeafType()) {
			candidates = append(candidates, f)
		}
	}
	if len(candidates) == 0 || g.fields >= maxRandomFields {
		return ""
	}
	g.fields++
	f := candidates[g.random.IntN(len(candidates))]
	text := g.aliased(f.Name)
	var arguments []string
	for _, arg := range f.Arguments {
		if arg.Type.NonNull && arg.DefaultValue == nil || !g.chance(3) {
			arguments = append(arguments, arg.Name+": "+g.argument(arg.Type))
		}
	}
	if len(arguments) > 0 {
		text += "(" + strings.Join(arguments, ", ") + ")"
	}
	text += g.condition()
	if below := g.schema.Types[f.Type.Name()]; below.IsCompositeType() {
		text += " " + g.selections(below, depth-1)
	}
	return text
}

// conditionTypes lists the types a fragment on the type may be about.
func (g *generator) conditionTypes(def *ast.Definition) []string {
	names := []string{def.Name}
	for _, possible := range g.schema.GetPossibleTypes(def) {
		names = append(names, possible.Name)
		names = append(names, possible.Interfaces...)
	}
	for _, implemented := range g.schema.GetImplements(def) {
		names = append(names, implemented.Name)
	}
	slices.Sort(names)
	return slices.Compact(names)
}

func (g *generator) inlineCondition(def *ast.Definition, depth int) string {
	if g.chance(5) {
		return g.condition() + " " + g.selections(def, depth)
	}
	names := g.conditionTypes(def)
	on := names[g.random.IntN(len(names))]
	return " on " + on + g.condition() + " " + g.selections(g.schema.Types[on], depth-1)
}

func (g *generator) spread(def *ast.Definition, depth int) string {
	names := g.conditionTypes(def)
	on := names[g.random.IntN(len(names))]
	for _, f := range g.fragments {
		if f.on == on && f.text != "" && g.chance(2) {
			return f.name
		}
	}
	at := len(g.fragments)
	f := fragment{name: fmt.Sprintf("f%d", at), on: on}
	g.fragments = append(g.fragments, f) // without text it is not spread inside itself
	f.text = g.selections(g.schema.Types[on], depth-1)
	g.fragments[at] = f
	return f.name
}

func (g *generator) condition() string {
	if !g.chance(8) {
		return ""
	}
	directive := [...]string{"skip", "include"}[g.random.IntN(2)]
	switch {
	case g.chance(3):
		return fmt.Sprintf(" @%s(if: %t)", directive, g.chance(2))
	case len(g.conditions) > 0 && g.chance(2):
		return fmt.Sprintf(" @%s(if: $%s)", directive, g.conditions[g.random.IntN(len(g.conditions))])
	}
	name := fmt.Sprintf("c%d", len(g.conditions))
	g.conditions = append(g.conditions, name)
	definition := "$" + name + ": Boolean!"
	if g.chance(3) {
		definition += fmt.Sprintf(" = %t", g.chance(2))
	} else {
		g.values[name] = g.chance(2)
	}
	g.variables = append(g.variables, definition)
	return fmt.Sprintf(" @%s(if: $%s)", directive, name)
}

// argument returns a literal, or a variable of its own.
func (g *generator) argument(t *ast.Type) string {
	if g.chance(3) {
		return g.variable(t)
	}
	return g.literal(g.value(t, 2), t)
}

// variable defines a variable of the type, with a value, a default, both or, where null will do, neither.
func (g *generator) variable(t *ast.Type) string {
	name := fmt.Sprintf("v%d", g.named)
	g.named++
	definition := "$" + name + ": " + t.String()
	value := g.value(t, 2)
	if value != nil && g.chance(3) {
		g.constant = true // a default has no variables in it
		definition += " = " + g.literal(value, t)
		g.constant = false
		if g.chance(2) {
			g.values[name] = g.value(t, 2)
		}
	} else if value != nil || t.NonNull || g.chance(2) {
		g.values[name] = value
	}
	g.variables = append(g.variables, definition)
	return "$" + name
}

// enumValue is the name of an enum value.
type enumValue string

func (g *generator) value(t *ast.Type, depth int) any {
	if !t.NonNull && g.chance(6) {
		return nil
	}
	if t.Elem != nil {
		if item := g.value(t.Elem, depth); item != nil && g.chance(5) {
			return item // a list of it alone
		}
		out := []any{}
		for range g.random.IntN(3) {
			out = append(out, g.value(t.Elem, depth))
		}
		return out
	}
	switch t.NamedType {
	case "Int":
		return g.random.IntN(4)
	case "Float":
		if g.chance(3) {
			return g.random.IntN(4)
		}
		return float64(g.random.IntN(8)) / 2
	case "Boolean":
		return g.chance(2)
	case "ID":
		return [...]any{"1", "2", "x", 3}[g.random.IntN(4)]
	case "String":
		return [...]string{"", "en", "sv", "EUR", "say \"hi\" {$x} \\ \n"}[g.random.IntN(5)]
	}
	def := g.schema.Types[t.NamedType]
	switch def.Kind {
	case ast.Enum:
		return enumValue(def.EnumValues[g.random.IntN(len(def.EnumValues))].Name)
	case ast.InputObject:
		out := map[string]any{}
		if def.Directives.ForName("oneOf") != nil {
			field := def.Fields[g.random.IntN(len(def.Fields))]
			for depth < 1 && g.schema.Types[field.Type.Name()].Kind == ast.InputObject {
				field = def.Fields[g.random.IntN(len(def.Fields))]
			}
			some := *field.Type
			some.NonNull = true
			out[field.Name] = g.value(&some, depth-1)
			return out
		}
		for _, field := range def.Fields {
			required := field.Type.NonNull && field.DefaultValue == nil
			if required || depth > 0 && g.chance(2) {
				out[field.Name] = g.value(field.Type, depth-1)
			}
		}
		return out
	}
	return [...]any{"any", 7, true}[g.random.IntN(3)]
}

// literal writes a value as GraphQL, now and then with variables in it.
func (g *generator) literal(value any, t *ast.Type) string {
	inner := func(value any, t *ast.Type) string {
		if !g.constant && g.chance(8) {
			return g.variable(t)
		}
		return g.literal(value, t)
	}
	switch value := value.(type) {
	case enumValue:
		return string(value)
	case []any:
		if t.Elem != nil {
			t = t.Elem
		}
		items := make([]string, len(value))
		for i, item := range value {
			items[i] = inner(item, t)
		}
		return "[" + strings.Join(items, ", ") + "]"
	case map[string]any:
		def := g.schema.Types[t.Name()]
		var members []string
		for _, name := range sortedKeys(value) {
			member := *def.Fields.ForName(name).Type
			member.NonNull = member.NonNull || def.Directives.ForName("oneOf") != nil
			members = append(members, name+": "+inner(value[name], &member))
		}
		return "{" + strings.Join(members, ", ") + "}"
	case float64:
		return fmt.Sprintf("%.1f", value)
	}
	return string(marshal(value))
}
