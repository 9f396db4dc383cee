package gatewaytest

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"

	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/parser"
	"github.com/vektah/gqlparser/v2/validator"
	"github.com/vektah/gqlparser/v2/validator/rules"

	"callboard.dev/callboard/gateway/execute"
)

// StandIn is a subgraph that answers from a universe what its own schema lets it answer. It is an execute.Subgraph, and an http.Handler.
type StandIn struct {
	name     string
	schema   *subgraphSchema
	universe *Universe
	recorder *Recorder
	refuse   map[string]bool // coordinates that moved to another subgraph
}

// NewStandIn returns the subgraph with the schema (with federation directives, as composed).
func NewStandIn(name, sdl string, universe *Universe, recorder *Recorder) (*StandIn, error) {
	schema, err := readSubgraph(name, sdl)
	if err != nil {
		return nil, err
	}
	return &StandIn{name: name, schema: schema, universe: universe, recorder: recorder}, nil
}

// Fetch answers a request of the gateway.
func (s *StandIn) Fetch(_ context.Context, r *execute.Request) (*execute.Answer, error) {
	return s.answer(r.Text, r.Variables), nil
}

// Stream answers a subscription with one event: what the universe has now.
func (s *StandIn) Stream(_ context.Context, r *execute.Request) (execute.Stream, error) {
	return &once{s.answer(r.Text, r.Variables)}, nil
}

// once is a stream of one answer.
type once struct{ answer *execute.Answer }

func (o *once) Next() (*execute.Answer, error) {
	answer := o.answer
	if o.answer = nil; answer == nil {
		return nil, io.EOF
	}
	return answer, nil
}

func (o *once) Close() {}

// ServeHTTP answers GraphQL over HTTP.
func (s *StandIn) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		s.recorder.fault(s.name, "a request whose body ends early: %v", err)
		return
	}
	answer, err := s.Answer(body)
	if err != nil {
		http.Error(w, "the body must be JSON", http.StatusBadRequest)
		return
	}
	w.Header().Set("Content-Type", "application/graphql-response+json")
	w.Write(answer)
}

// Answer returns the body of the response to the body of a request over HTTP. A body that is not JSON is an error.
func (s *StandIn) Answer(request []byte) ([]byte, error) {
	var body struct {
		Query     string          `json:"query"`
		Variables json.RawMessage `json:"variables"`
	}
	if err := json.Unmarshal(request, &body); err != nil {
		s.recorder.fault(s.name, "a request whose body is not JSON: %v", err)
		return nil, fmt.Errorf("reading a request to subgraph %s: %w", s.name, err)
	}
	answer := s.answer(body.Query, body.Variables)
	out := map[string]any{}
	if answer.Data != nil {
		out["data"] = json.RawMessage(answer.Data)
	}
	if len(answer.Errors) > 0 {
		out["errors"] = answer.Errors
	}
	return marshal(out), nil
}

func (s *StandIn) answer(text string, variables []byte) *execute.Answer {
	refused := func(format string, args ...any) *execute.Answer {
		message := fmt.Sprintf(format, args...)
		s.recorder.fault(s.name, "%s\n  %s\n  %s", message, text, variables)
		return &execute.Answer{Errors: []execute.SubgraphError{{Message: message}}}
	}
	doc, err := parser.ParseQuery(&ast.Source{Name: "gateway", Input: text})
	if err != nil {
		return refused("the operation does not parse: %v", err)
	}
	if errs := validator.ValidateWithRules(s.schema.Schema, doc, rules.NewDefaultRules()); len(errs) > 0 {
		return refused("the operation is not valid: %v", errs)
	}
	var given map[string]any
	if len(variables) > 0 {
		decoder := json.NewDecoder(bytes.NewReader(variables))
		decoder.UseNumber()
		if err := decoder.Decode(&given); err != nil {
			return refused("the variables are not a JSON object: %v", err)
		}
	}
	if twice := duplicate(variables); twice != "" {
		return refused("an object in the variables has %q twice", twice)
	}
	if len(doc.Operations) != 1 {
		return refused("the document has %d operations", len(doc.Operations))
	}
	coerced, err := validator.VariableValues(s.schema.Schema, doc.Operations[0], given)
	if err != nil {
		return refused("the variables do not fit: %v", err)
	}
	return s.execute(doc, doc.Operations[0], coerced)
}

// execute runs a valid operation.
func (s *StandIn) execute(doc *ast.QueryDocument, op *ast.OperationDefinition, variables map[string]any) *execute.Answer {
	x := &execution{schema: s.schema.Schema, document: doc, source: s}
	x.coerce(op, variables)
	root := s.schema.Query
	switch op.Operation {
	case ast.Mutation:
		root = s.schema.Mutation
	case ast.Subscription:
		root = s.schema.Subscription
	}
	data := x.run(op, &held{object: s.universe.root(root.Name), typename: root.Name})
	return &execute.Answer{Data: data, Errors: x.errors}
}

// held is an object as a stand-in has it in hand.
type held struct {
	object         *object
	typename       string             // where it is certain
	representation map[string]any     // where it was entered by one
	provides       []ast.SelectionSet // what is provided of it here
}

func (s *StandIn) field(of any, parent *ast.Definition, f *ast.Field, a arguments) any {
	h := of.(*held)
	switch {
	case f.Name == "_entities":
		return s.entities(a)
	case f.Name == "_service":
		return nil
	}
	coordinate := parent.Name + "." + f.Name
	own := s.schema.fields[coordinate]
	if own == nil {
		own = &federationField{}
	}
	provided := providedBelow(h.provides, f.Name, parent.Name)
	if own.external && !s.schema.keyed[coordinate] && provided == nil {
		s.recorder.fault(s.name, "%s is external and not provided here", coordinate)
		return nil
	}
	if s.refuse[coordinate] {
		s.recorder.fault(s.name, "%s has moved to another subgraph", coordinate)
		return nil
	}
	value := h.object.lookup(f.Name, a.text)
	if value == nil && h.object.lacks(f.Name, a.text) {
		s.recorder.gap(s.name, coordinate+a.text)
	}
	if own.requires != nil {
		if h.representation == nil {
			s.recorder.fault(s.name, "%s was asked of an object that was not entered by a representation", coordinate)
			return nil
		}
		if err := s.schema.carries(h.representation, own.requires); err != nil {
			s.recorder.fault(s.name, "%s: the representation %s lacks what the field requires: %v", coordinate, marshal(h.representation), err)
			return nil
		}
	}
	switch computed := value.(type) {
	case answers:
		var found bool
		if value, found = computed[requirement(h.representation, own.requires)]; !found {
			s.recorder.fault(s.name, "%s: no answer is known for the representation %s", coordinate, marshal(h.representation))
			return nil
		}
	case formula:
		value = computed.compute(func(path []string) any {
			if own.requires != nil {
				return sentAt(h.representation, path)
			}
			return s.universe.at(h.object, path)
		}, a.value)
	}
	if own.provides != nil {
		provided = append(provided, own.provides)
	}
	return s.hold(value, provided)
}

// hold wraps the objects in a value.
func (s *StandIn) hold(value any, provides []ast.SelectionSet) any {
	switch value := value.(type) {
	case reference:
		return s.hold(s.universe.objects[string(value)], provides)
	case *object:
		if slices.Contains(value.missing, s.name) {
			// Others know the object; this subgraph knows no more of it than the key it was found by.
			return &held{object: &object{typename: value.typename, fields: s.keyFields(value)}, provides: provides}
		}
		return &held{object: value, provides: provides}
	case []any:
		out := make([]any, len(value))
		for i, item := range value {
			out[i] = s.hold(item, provides)
		}
		return out
	}
	return value
}

func (s *StandIn) keyFields(o *object) map[string]any {
	fields := map[string]any{}
	for _, k := range s.schema.keys[o.typename] {
		for _, selection := range k.set {
			if f, ok := selection.(*ast.Field); ok {
				fields[f.Name] = o.fields[f.Name]
			}
		}
	}
	return fields
}

// providedBelow returns what the sets say of a field: nil where none names it, else the sets below it.
func providedBelow(sets []ast.SelectionSet, name, typename string) []ast.SelectionSet {
	var out []ast.SelectionSet
	for _, set := range sets {
		for _, selection := range set {
			switch selection := selection.(type) {
			case *ast.Field:
				if selection.Name == name {
					out = append(out, selection.SelectionSet)
				}
			case *ast.InlineFragment:
				if selection.TypeCondition == "" || selection.TypeCondition == typename {
					out = append(out, providedBelow([]ast.SelectionSet{selection.SelectionSet}, name, typename)...)
				}
			}
		}
	}
	return out
}

// answers are the values of a field with a requirement, by what was sent for it.
type answers map[string]any

// requirement returns the canonical text of what a representation carries for a requirement.
func requirement(sent any, set ast.SelectionSet) string {
	switch sent := sent.(type) {
	case []any:
		items := make([]string, len(sent))
		for i, item := range sent {
			items[i] = requirement(item, set)
		}
		return "[" + strings.Join(items, ",") + "]"
	case map[string]any:
		values := map[string]string{}
		var walk func(set ast.SelectionSet)
		walk = func(set ast.SelectionSet) {
			for _, selection := range set {
				switch selection := selection.(type) {
				case *ast.Field:
					if value, found := sent[selection.Name]; found {
						values[selection.Name] = requirement(value, selection.SelectionSet)
					}
				case *ast.InlineFragment:
					walk(selection.SelectionSet)
				}
			}
		}
		walk(set)
		var members []string
		for _, name := range sortedKeys(values) {
			members = append(members, name+":"+values[name])
		}
		return "{" + strings.Join(members, ",") + "}"
	}
	return string(marshal(sent))
}

// carries tells whether a representation has every field of a requirement.
func (s *subgraphSchema) carries(sent any, set ast.SelectionSet) error {
	switch sent := sent.(type) {
	case []any:
		for _, item := range sent {
			if err := s.carries(item, set); err != nil {
				return err
			}
		}
	case map[string]any:
		for _, selection := range set {
			switch selection := selection.(type) {
			case *ast.Field:
				value, found := sent[selection.Name]
				if !found {
					return fmt.Errorf("%s is not there", selection.Name)
				}
				if err := s.carries(value, selection.SelectionSet); err != nil {
					return fmt.Errorf("%s: %w", selection.Name, err)
				}
			case *ast.InlineFragment:
				typename, known := sent["__typename"].(string)
				if selection.TypeCondition != "" && !known {
					return fmt.Errorf("there is no __typename to decide whether it is of type %s", selection.TypeCondition)
				}
				if selection.TypeCondition != "" && !s.applies(typename, selection.TypeCondition) {
					continue
				}
				if err := s.carries(sent, selection.SelectionSet); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

// applies tells whether an object of the type is one of those that a type condition means.
func (s *subgraphSchema) applies(typename, condition string) bool {
	on := s.Types[condition]
	return on != nil && slices.ContainsFunc(s.GetPossibleTypes(on), func(def *ast.Definition) bool { return def.Name == typename })
}

// sentAt returns the value at a path of a representation, through lists. Arguments in the path say which value is wanted; a
// representation has one.
func sentAt(sent any, path []string) any {
	switch sent := sent.(type) {
	case []any:
		out := make([]any, len(sent))
		for i, item := range sent {
			out[i] = sentAt(item, path)
		}
		return out
	case map[string]any:
		if len(path) == 0 {
			return sent
		}
		name, _ := splitArguments(path[0])
		return sentAt(sent[name], path[1:])
	}
	if len(path) > 0 {
		return nil
	}
	return sent
}

// entities finds the objects of a list of representations.
func (s *StandIn) entities(a arguments) any {
	list, _ := a.values["representations"].([]any)
	seen := map[string]bool{}
	out := make([]any, len(list))
	for i, item := range list {
		text := string(marshal(item))
		if seen[text] {
			s.recorder.fault(s.name, "the representation %s was sent twice", text)
		}
		seen[text] = true
		representation, _ := item.(map[string]any)
		typename, _ := representation["__typename"].(string)
		if def := s.schema.Types[typename]; def == nil || len(s.schema.keys[typename]) == 0 {
			s.recorder.fault(s.name, "the representation %s is of no type with a key here", text)
			continue
		}
		found, err := s.entity(typename, representation)
		if err != nil {
			s.recorder.fault(s.name, "the representation %s: %v", text, err)
			continue
		}
		if found == nil || slices.Contains(found.missing, s.name) {
			continue
		}
		h := &held{object: found, representation: representation}
		if s.schema.Types[typename].Kind == ast.Object {
			h.typename = typename
		}
		out[i] = h
	}
	return out
}

// entity finds the object a representation stands for, or nil.
func (s *StandIn) entity(typename string, representation map[string]any) (*object, error) {
	var complete []key
	for _, k := range s.schema.keys[typename] {
		if k.resolvable && s.schema.carries(representation, k.set) == nil && !holdsNull(representation, k.set) {
			complete = append(complete, k)
		}
	}
	if len(complete) == 0 {
		return nil, fmt.Errorf("it has no complete key")
	}
	for _, name := range s.universe.names {
		o := s.universe.objects[name]
		if !s.universe.isA(o.typename, typename) {
			continue
		}
		for _, k := range complete {
			if s.matches(o, representation, k.set) {
				return o, nil
			}
		}
	}
	return nil, nil
}

// holdsNull tells whether a field of the key is null itself.
func holdsNull(representation map[string]any, set ast.SelectionSet) bool {
	return slices.ContainsFunc(set, func(selection ast.Selection) bool {
		f, ok := selection.(*ast.Field)
		return ok && representation[f.Name] == nil
	})
}

// matches tells whether the object has the key's values.
func (s *StandIn) matches(value any, sent any, set ast.SelectionSet) bool {
	value = s.universe.follow(value)
	if list, ok := sent.([]any); ok {
		own, ok := value.([]any)
		if !ok || len(own) != len(list) {
			return false
		}
		for i := range list {
			if !s.matches(own[i], list[i], set) {
				return false
			}
		}
		return true
	}
	o, isObject := value.(*object)
	members, isMap := sent.(map[string]any)
	if !isObject || !isMap {
		return isObject == isMap && inline(value) == inline(sent)
	}
	for _, selection := range set {
		f, ok := selection.(*ast.Field)
		if ok && !s.matches(s.universe.at(o, []string{f.Name}), members[f.Name], f.SelectionSet) {
			return false
		}
	}
	return true
}

func (s *StandIn) typename(of any, declared *ast.Definition) string {
	h := of.(*held)
	switch {
	case h.typename != "":
		return h.typename
	case declared.Kind == ast.Object && (h.object.typename == "" || s.universe.isA(h.object.typename, declared.Name)):
		return declared.Name
	}
	possible := s.schema.GetPossibleTypes(declared)
	for _, def := range possible {
		if def.Name == h.object.typename {
			return def.Name
		}
	}
	for _, def := range possible {
		if s.schema.interfaceObjects[def.Name] && s.universe.isA(h.object.typename, def.Name) {
			return def.Name
		}
	}
	return ""
}

func (s *StandIn) composite(value any) bool {
	_, ok := value.(*held)
	return ok
}

func (s *StandIn) leaf(value any, def *ast.Definition) []byte {
	if text, ok := value.(string); ok && def.Kind == ast.Enum && !strings.HasPrefix(def.Name, "__") && def.EnumValues.ForName(text) == nil {
		return nil
	}
	return marshal(plain(value))
}

func (s *StandIn) lenient() bool { return true }

// plain turns objects of the universe back into the JSON they were read from, for custom scalars.
func plain(value any) any {
	switch value := value.(type) {
	case *held:
		return plain(value.object)
	case *object:
		out := map[string]any{}
		for name, field := range value.fields {
			out[name] = plain(field)
		}
		return out
	case []any:
		out := make([]any, len(value))
		for i, item := range value {
			out[i] = plain(item)
		}
		return out
	}
	return value
}
