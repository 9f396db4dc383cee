package check

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/parser"
	"github.com/vektah/gqlparser/v2/validator"
	"github.com/vektah/gqlparser/v2/validator/rules"

	"callboard.dev/callboard/gateway/operation"
	"callboard.dev/callboard/gateway/plan"
)

// requests checks each request by itself: its text is valid for its subgraph, its variables are the ones it says, and the way it is read fits
// the layout of the response.
func (k *checking) requests() {
	root := k.graph.Root(k.operation.Kind)
	if k.plan.Kind != k.operation.Kind || root == nil || k.plan.Root == nil || k.plan.Root.Type != root.Name {
		k.found(nil, "", "its kind and root are not those of a %s", k.operation.Kind)
		return
	}
	filled := false
	for _, f := range k.plan.Fetches {
		d := k.request(f)
		if d == nil {
			continue
		}
		k.documents[f] = d
		switch {
		case f.Root != nil && f.At != nil && len(f.Entities) == 0 && f.Kind == ast.Query:
			k.below(f)
		case f.Root != nil && f.At == nil && len(f.Entities) == 0 && f.Kind == k.plan.Kind:
			k.read(f, f.Root, k.plan.Root)
		case f.Root == nil && len(f.Entities) > 0 && f.Kind == ast.Query:
			for _, e := range f.Entities {
				filled = filled || e.Context != nil
				k.targets(f, e)
			}
		default:
			k.found(f, "", "it must be for root fields of the operation's kind, or a query for entities")
		}
	}
	if filled != k.plan.Filled {
		k.found(nil, "", "Filled is %t, and is %t of its fetches", k.plan.Filled, filled)
	}
}

// below checks a fetch of root fields for objects below the root.
func (k *checking) below(f *plan.Fetch) {
	way, err := k.layouts(f.At)
	if err != nil {
		k.found(f, "", "%v", err)
		return
	}
	layout := way[len(way)-1]
	if layout.Type != k.graph.Root(ast.Query).Name {
		k.found(f, pathText(f.At), "its objects are not of the root type of queries")
	}
	k.read(f, f.Root, layout)
}

// request checks the text of a fetch, and returns it read, or nil.
func (k *checking) request(f *plan.Fetch) *document {
	s := k.checker.schema(f.Subgraph)
	if s == nil {
		k.found(f, "", "the supergraph has no such subgraph")
		return nil
	}
	d := k.text(f, s, f.Text, f.Prefix, nil)
	if d == nil || !slices.ContainsFunc(f.Entities, func(e *plan.Entities) bool { return e.Context != nil }) {
		return d
	}
	if text, _ := f.TextFor(nil); text != f.Text {
		k.found(f, "", "its text and that for one group each differ")
		return nil
	}
	tried := []int{maxGroupsTried}
	if len(f.Entities) > 1 {
		tried = []int{maxGroupsTried, 0}
	}
	for i, e := range f.Entities {
		for _, n := range tried {
			if e.Context == nil {
				continue
			}
			times := slices.Repeat([]int{1}, len(f.Entities))
			times[i] = n
			if text, prefix := f.TextFor(times); k.text(f, s, text, prefix, times) == nil {
				return nil
			}
		}
	}
	return d
}

// maxGroupsTried is how many groups of equal arguments are tried: their names are made alike from the second on.
const maxGroupsTried = 3

// text checks one text of a fetch, in which each of its Entities is asked as often as times says; nil is once.
func (k *checking) text(f *plan.Fetch, s *schema, text string, prefix []byte, times []int) *document {
	var sent struct{ Query *string }
	if err := json.Unmarshal(append(slices.Clone(prefix), '}'), &sent); err != nil || sent.Query == nil || *sent.Query != text {
		k.found(f, "", "the prefix of the request is not the JSON of its text %s", text)
		return nil
	}
	doc, err := parser.ParseQuery(&ast.Source{Input: text})
	if err != nil {
		k.found(f, "", "its text does not parse: %v in %s", err, text)
		return nil
	}
	if list := validator.ValidateWithRules(s.Schema, doc, rules.NewDefaultRules()); len(list) > 0 {
		for _, e := range list {
			k.found(f, "", "its text is not valid for its subgraph: %s in %s", e.Message, text)
		}
		return nil
	}
	if len(doc.Operations) != 1 || len(doc.Fragments) > 0 || doc.Operations[0].Operation != f.Kind {
		k.found(f, "", "its text must be one %s without named fragments: %s", f.Kind, text)
		return nil
	}
	before := len(k.findings)
	d := &document{schema: s, root: doc.Operations[0].SelectionSet}
	own := k.entityFields(f, d, times)
	k.variables(f, text, doc.Operations[0], own)
	if len(k.findings) > before {
		return nil
	}
	return d
}

// entityFields checks that the text asks for the fetch's Entities and nothing else, and returns the variables they take with their types.
func (k *checking) entityFields(f *plan.Fetch, d *document, times []int) map[string]string {
	own := map[string]string{}
	if f.Root != nil {
		return own
	}
	at := 0
	for i, e := range f.Entities {
		n := 1
		if times != nil {
			n = times[i]
		}
		for g := range n {
			key, variable := plan.GroupName(e.Key, g), plan.GroupName(e.Variable, g)
			own[variable] = "[" + anyScalar + "!]!"
			for _, v := range e.Context {
				own[plan.GroupName(v.Variable, g)] = v.Type
			}
			var field *ast.Field
			if at < len(d.root) {
				field, _ = d.root[at].(*ast.Field)
			}
			at++
			if field == nil || field.Alias != key || field.Name != entitiesField || argumentsText(field.Arguments) != "(representations: $"+variable+")" {
				k.found(f, "", "its text must have %s: %s(representations: $%s) in this place", key, entitiesField, variable)
				return own
			}
			if g == 0 {
				d.entities = append(d.entities, field.SelectionSet)
			}
		}
	}
	if at != len(d.root) {
		k.found(f, "", "its text asks for more than its entities")
	}
	return own
}

// variables checks that the text declares its own variables and the client's that the fetch lists, each with its type. That all of them are
// used, and may stand where they do, the rules of validation have said.
func (k *checking) variables(f *plan.Fetch, text string, op *ast.OperationDefinition, own map[string]string) {
	var clients []string
	for _, v := range op.VariableDefinitions {
		if want, ok := own[v.Variable]; ok {
			if v.Type.String() != want || k.operation.Variables.ForName(v.Variable) != nil {
				k.found(f, "", "$%s must be of type %s, and no name of the client's", v.Variable, want)
			}
			delete(own, v.Variable)
			continue
		}
		clients = append(clients, v.Variable)
		declared := k.operation.Variables.ForName(v.Variable)
		if declared == nil {
			k.found(f, "", "$%s is neither the client's nor its own", v.Variable)
		} else if have, want := variableText(v), variableText(declared); have != want {
			k.found(f, "", "it declares %s; the client declares %s", have, want)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(own)) {
		k.found(f, "", "its text does not declare $%s", name)
	}
	slices.Sort(clients)
	if more := slices.ContainsFunc(clients, func(name string) bool { return !slices.Contains(f.Variables, name) }); more || f.Text == text && !slices.Equal(clients, f.Variables) {
		k.found(f, "", "it lists the variables %v; its text has %v", f.Variables, clients)
	}
}

func variableText(v *ast.VariableDefinition) string {
	var b strings.Builder
	b.WriteString("$" + v.Variable + ": " + v.Type.String())
	if v.DefaultValue != nil {
		b.WriteString(" = ")
		operation.WriteValue(&b, v.DefaultValue)
	}
	return b.String()
}

// targets checks that each target's path leads to objects, and that what they are sent as and how they are read fits their layout.
func (k *checking) targets(f *plan.Fetch, e *plan.Entities) {
	if len(e.Targets) == 0 {
		k.found(f, "", "%s has no targets", e.Key)
	}
	for _, t := range e.Targets {
		way, err := k.layouts(t.Path)
		if err != nil {
			k.found(f, "", "%s: %v", e.Key, err)
			continue
		}
		path := pathText(t.Path)
		k.read(f, t.Selection, way[len(way)-1])
		for _, r := range t.Representations {
			k.fields(f, path, way[len(way)-1], r.Fields)
		}
		for _, v := range e.Context {
			for _, source := range v.Sources {
				if source.Up < 0 || source.Up >= len(way) {
					k.found(f, path, "$%s is looked for %d objects above", v.Variable, source.Up)
					continue
				}
				k.fields(f, path, way[len(way)-1-source.Up], source.Fields)
			}
		}
	}
}

// layouts returns the layouts along a path, the root's first.
func (k *checking) layouts(path []plan.Step) ([]*plan.Object, error) {
	way := []*plan.Object{k.plan.Root}
	for _, step := range path {
		at := way[len(way)-1]
		if step.Slot <= 0 || step.Slot >= len(at.Slots) || at.Slots[step.Slot].Object == nil || fieldName(at.Slots[step.Slot]) != step.Name {
			return nil, fmt.Errorf("the path %s does not lead to objects at %s", pathText(path), step.Name)
		}
		way = append(way, at.Slots[step.Slot].Object)
	}
	return way, nil
}

// fields checks that the slots a representation is made of are there.
func (k *checking) fields(f *plan.Fetch, path string, layout *plan.Object, fields []plan.RepresentationField) {
	for _, field := range fields {
		if field.Slot <= 0 || field.Slot >= len(layout.Slots) || fieldName(layout.Slots[field.Slot]) != field.Name {
			k.found(f, path, "the representation's %s is not in slot %d", field.Name, field.Slot)
			continue
		}
		below := layout.Slots[field.Slot].Object
		if (below != nil) != (len(field.Fields) > 0 || field.Typed) {
			k.found(f, path, "the representation's %s must have fields if and only if its slot has", field.Name)
		} else if below != nil {
			k.fields(f, path, below, field.Fields)
		}
	}
}

// read checks that a selection fits the layout it is read into.
func (k *checking) read(f *plan.Fetch, s *plan.Selection, layout *plan.Object) {
	if s == nil || s.Object != layout {
		k.found(f, "", "an answer is read into another layout than that of its place")
		return
	}
	keys := map[string]bool{}
	for _, field := range s.Fields {
		if keys[field.Key] || field.Slot < 0 || field.Slot >= len(layout.Slots) {
			k.found(f, "", "%s of its answer has no slot, or more than one", field.Key)
			continue
		}
		keys[field.Key] = true
		below := layout.Slots[field.Slot].Object
		if (below != nil) != (field.Selection != nil) {
			k.found(f, "", "%s of its answer must be read as an object if and only if its slot holds one", field.Key)
		} else if below != nil {
			k.read(f, field.Selection, below)
		}
	}
}

// fieldName returns the name of the field in a slot, without its arguments.
func fieldName(slot plan.Slot) string {
	name, _, _ := strings.Cut(slot.Name, "(")
	return name
}

func pathText(path []plan.Step) string {
	names := make([]string, len(path))
	for i, step := range path {
		names[i] = step.Name
	}
	return strings.Join(names, ".")
}
