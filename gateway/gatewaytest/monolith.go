package gatewaytest

import (
	"encoding/json"
	"fmt"
	"slices"
	"strconv"

	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/parser"
	"github.com/vektah/gqlparser/v2/validator"
	"github.com/vektah/gqlparser/v2/validator/rules"

	"callboard.dev/callboard/gateway/execute"
	"callboard.dev/callboard/gateway/supergraph"
)

// Monolith answers operations over the API schema straight from a universe, as one server that had all the data would. What it answers is
// what the gateway must answer.
type Monolith struct {
	Supergraph *supergraph.Supergraph
	Universe   *Universe
	Down       []string // subgraphs that do not answer: fields that only they resolve fail
}

// Execute answers the request: data, and what went wrong. A request that is not valid is an error.
func (m *Monolith) Execute(r Request) (data []byte, errors []execute.SubgraphError, err error) {
	doc, err := parser.ParseQuery(&ast.Source{Input: r.Query})
	if err != nil {
		return nil, nil, err
	}
	if errs := validator.ValidateWithRules(m.Supergraph.API, doc, rules.NewDefaultRules()); len(errs) > 0 {
		return nil, nil, errs
	}
	op := doc.Operations.ForName(r.OperationName)
	if r.OperationName == "" && len(doc.Operations) == 1 {
		op = doc.Operations[0]
	}
	if op == nil {
		return nil, nil, fmt.Errorf("the document has no operation %q", r.OperationName)
	}
	var given map[string]any
	if len(r.Variables) > 0 {
		if err := json.Unmarshal(r.Variables, &given); err != nil {
			return nil, nil, err
		}
	}
	variables, err := validator.VariableValues(m.Supergraph.API, op, given)
	if err != nil {
		return nil, nil, err
	}
	x := &execution{schema: m.Supergraph.API, document: doc}
	x.source = &monolithSource{m, x}
	x.coerce(op, variables)
	data = x.run(op, m.Universe.root(m.Supergraph.Root(op.Operation).Name))
	return data, x.errors, nil
}

// monolithSource is a monolith as one execution sees it.
type monolithSource struct {
	*Monolith
	execution *execution
}

func (m *monolithSource) field(of any, parent *ast.Definition, f *ast.Field, a arguments) any {
	o := of.(*object)
	switch m.knows(o, parent, f.Name) {
	case unknown:
		return nil
	case unreachable:
		return failure{message: "the subgraph is down"}
	}
	a = m.filled(parent, f, a)
	value := o.lookup(f.Name, a.text)
	if computed, ok := value.(formula); ok {
		value = computed.compute(
			func(path []string) any { return m.Universe.at(o, path) },
			a.value)
	}
	return m.shown(m.Universe.follow(value), parent.Fields.ForName(f.Name).Type.Name())
}

// filled adds the arguments that some subgraph takes from a context: from the nearest object above whose type sets it.
func (m *monolithSource) filled(parent *ast.Definition, f *ast.Field, a arguments) arguments {
	if !m.Supergraph.Contexts {
		return a
	}
	for _, view := range m.Supergraph.Type(parent.Name).Views {
		if view == nil || view.Fields[f.Name] == nil || len(view.Fields[f.Name].Context) == 0 {
			continue
		}
		own := view.Fields[f.Name]
		types := map[string]*ast.Type{}
		for _, arg := range own.Arguments {
			types[arg.Name] = arg.Type
		}
		values := map[string]any{}
		for name, value := range a.values {
			values[name] = value
		}
		for _, arg := range own.Context {
			types[arg.Name] = arg.Type
			values[arg.Name] = m.fromContext(arg)
		}
		return m.execution.canonicalArguments(values, types)
	}
	return a
}

func (m *monolithSource) fromContext(arg supergraph.ContextArgument) any {
	above := m.execution.above
	for i := len(above) - 2; i >= 0; i-- {
		o := above[i].(*object)
		if !m.setsContext(o.typename, arg.Context) {
			continue
		}
		return m.Universe.at(o, m.pathFor(o, arg.Selections.Selections))
	}
	return nil
}

func (m *monolithSource) setsContext(typename, context string) bool {
	for name := range m.Supergraph.Full.Types {
		if t := m.Supergraph.Type(name); t != nil && slices.Contains(t.Contexts, context) && m.Universe.isA(typename, name) {
			return true
		}
	}
	return false
}

// pathFor returns the path to the one value that the set selects of the object.
func (m *monolithSource) pathFor(o *object, set ast.SelectionSet) []string {
	for _, selection := range set {
		switch s := selection.(type) {
		case *ast.Field:
			path := []string{s.Name}
			if len(s.SelectionSet) > 0 {
				if below, ok := m.Universe.at(o, path).(*object); ok {
					path = append(path, m.pathFor(below, s.SelectionSet)...)
				}
			}
			return path
		case *ast.InlineFragment:
			if s.TypeCondition == "" || m.Universe.isA(o.typename, s.TypeCondition) {
				return m.pathFor(o, s.SelectionSet)
			}
		}
	}
	return nil
}

// shown replaces what is hidden from clients by null: values of enums, and objects whose type they may not see.
func (m *Monolith) shown(value any, typename string) any {
	full, api := m.Supergraph.Full.Types, m.Supergraph.API.Types
	switch value := value.(type) {
	case []any:
		out := make([]any, len(value))
		for i, item := range value {
			out[i] = m.shown(item, typename)
		}
		return out
	case *object:
		if full[value.typename] != nil && api[value.typename] == nil {
			return nil
		}
	case string:
		if def := full[typename]; def.Kind == ast.Enum && def.EnumValues.ForName(value) != nil && api[typename].EnumValues.ForName(value) == nil {
			return nil
		}
	}
	return value
}

// knowledge tells whether some subgraph can answer a field of an object.
type knowledge int

const (
	known knowledge = iota
	unknown
	unreachable
)

func (m *Monolith) knows(o *object, parent *ast.Definition, field string) knowledge {
	if len(o.missing) == 0 && len(m.Down) == 0 {
		return known
	}
	out := known
	for _, typename := range append([]string{parent.Name}, parent.Interfaces...) {
		t := m.Supergraph.Type(typename)
		if t == nil {
			continue
		}
		for _, view := range t.Views {
			if view == nil || typename != parent.Name && !view.InterfaceObject {
				continue
			}
			own := view.Fields[field]
			switch {
			case own == nil || !own.Resolvable():
			case slices.Contains(m.Down, view.Subgraph.Name):
				out = unreachable
			case slices.Contains(o.missing, view.Subgraph.Name):
				out = max(out, unknown)
			default:
				return known
			}
		}
	}
	return out
}

func (m *Monolith) typename(of any, declared *ast.Definition) string {
	o := of.(*object)
	if declared.Kind == ast.Object {
		if o.typename == "" || o.typename == declared.Name {
			return declared.Name
		}
		return ""
	}
	for _, def := range m.Supergraph.API.GetPossibleTypes(declared) {
		if def.Name == o.typename {
			return def.Name
		}
	}
	return ""
}

func (m *Monolith) composite(value any) bool {
	_, ok := value.(*object)
	return ok
}

func (m *Monolith) lenient() bool { return false }

// leaf checks a value by the rules of result coercion: strict, but for an ID that is a whole number.
func (m *Monolith) leaf(value any, def *ast.Definition) []byte {
	if def.Kind == ast.Enum {
		if text, ok := value.(string); ok && def.EnumValues.ForName(text) != nil {
			return marshal(text)
		}
		return nil
	}
	ok := true
	switch def.Name {
	case "Int":
		number, isNumber := value.(json.Number)
		_, err := strconv.ParseInt(string(number), 10, 32)
		ok = isNumber && err == nil
	case "Float":
		_, ok = value.(json.Number)
	case "String":
		_, ok = value.(string)
	case "Boolean":
		_, ok = value.(bool)
	case "ID":
		if number, isNumber := value.(json.Number); isNumber {
			_, err := strconv.ParseInt(string(number), 10, 64)
			if err != nil {
				return nil
			}
			return marshal(string(number))
		}
		_, ok = value.(string)
	}
	if !ok {
		return nil
	}
	return marshal(plain(value))
}
