package gatewaytest

import (
	"bytes"
	"encoding/json"
	"fmt"
	"sort"
	"strconv"
	"strings"

	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/parser"
	"github.com/vektah/gqlparser/v2/validator"
	"github.com/vektah/gqlparser/v2/validator/rules"

	"callboard.dev/callboard/gateway/supergraph"
)

// exchange is one recorded request to a subgraph, with its answer.
type exchange struct {
	To        string         `json:"to"`
	Query     string         `json:"query"`
	Operation string         `json:"-"` // its name, where the query has several
	Variables map[string]any `json:"variables"`
	Response  struct {
		Data   map[string]any `json:"data"`
		Errors []struct {
			Message string `json:"message"`
			Path    []any  `json:"path"`
		} `json:"errors"`
	} `json:"response"`
}

// Answered is a request that some gateway was seen to answer, with the data it gave.
type Answered struct {
	Request Request
	Data    json.RawMessage
}

// UniverseOf rebuilds the data behind a whole graph from answers to clients. Objects of one type with equal keys are one object, which has all that was seen
// of it anywhere. What nobody asked for is null. A request that is not valid is an error, and so is an object whose type cannot be told: at a position of several
// types the request must ask for __typename.
func UniverseOf(graph *supergraph.Supergraph, answered []Answered) (*Universe, error) {
	r := newRecordings(&subgraphSchema{Schema: graph.API, keys: wholeKeys(graph)})
	for _, one := range answered {
		e := exchange{Query: one.Request.Query, Operation: one.Request.OperationName}
		if err := decode(one.Request.Variables, &e.Variables); err != nil {
			return nil, fmt.Errorf("reading the variables of a request: %w", err)
		}
		if err := decode(one.Data, &e.Response.Data); err != nil {
			return nil, fmt.Errorf("reading the data of an answer: %w", err)
		}
		if err := r.add(e); err != nil {
			return nil, fmt.Errorf("reading an answer: %w", err)
		}
	}
	u := r.universe(graph.Full)
	for _, name := range u.names {
		if o := u.objects[name]; o.typename == "" {
			return nil, fmt.Errorf("reading an answer: the type of an object is not known; it has %s", strings.Join(sortedKeys(o.fields), ", "))
		}
	}
	return u, nil
}

// wholeKeys lists the keys of each type in any subgraph.
func wholeKeys(graph *supergraph.Supergraph) map[string][]key {
	keys := map[string][]key{}
	for typename := range graph.Full.Types {
		for _, view := range graph.Type(typename).Views {
			if view == nil {
				continue
			}
			for _, own := range view.Keys {
				keys[typename] = append(keys[typename], key{set: own.Fields.Selections, resolvable: own.Resolvable})
			}
		}
	}
	return keys
}

// decode reads JSON, numbers as they are written. Nothing stands for nothing.
func decode(text []byte, into any) error {
	if len(text) == 0 {
		return nil
	}
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.UseNumber()
	return decoder.Decode(into)
}

// recordings rebuilds data from what was seen of it in answers: that of one subgraph, or of a whole graph. What was seen of one object, at one position or by one
// key, is put together.
type recordings struct {
	schema *subgraphSchema
	roots  map[string]*cell
	cells  []*cell
}

// cell is an object seen in some answers. Cells that turn out to be one object are merged: the others then point to it.
type cell struct {
	into     *cell
	typename string
	fields   map[string]any // *cell, []any, failure, answers, or plain JSON
}

func newRecordings(schema *subgraphSchema) *recordings {
	r := &recordings{schema: schema, roots: map[string]*cell{}}
	r.roots[schema.Query.Name] = r.newCell(schema.Query.Name)
	return r
}

func (r *recordings) newCell(typename string) *cell {
	c := &cell{typename: typename, fields: map[string]any{}}
	r.cells = append(r.cells, c)
	return c
}

func (c *cell) find() *cell {
	for c.into != nil {
		c = c.into
	}
	return c
}

// add takes in one exchange.
func (r *recordings) add(e exchange) error {
	doc, err := parser.ParseQuery(&ast.Source{Input: e.Query})
	if err != nil {
		return err
	}
	if errs := validator.ValidateWithRules(r.schema.Schema, doc, rules.NewDefaultRules()); len(errs) > 0 {
		return fmt.Errorf("%s: %v", e.Query, errs)
	}
	op := doc.Operations[0]
	if e.Operation != "" {
		op = doc.Operations.ForName(e.Operation)
	}
	if op == nil {
		return fmt.Errorf("%s: there is no operation %q", e.Query, e.Operation)
	}
	variables, err := validator.VariableValues(r.schema.Schema, op, e.Variables)
	if err != nil {
		return err
	}
	failed := map[string]string{}
	for _, one := range e.Response.Errors {
		failed[pathText(one.Path)] = one.Message
	}
	root := r.schema.Query
	if op.Operation == ast.Mutation {
		root = r.schema.Mutation
	}
	if r.roots[root.Name] == nil {
		r.roots[root.Name] = r.newCell(root.Name)
	}
	reader := &answerReader{recordings: r, execution: &execution{schema: r.schema.Schema, document: doc}, failed: failed}
	reader.execution.coerce(op, variables)
	reader.object(root, op.SelectionSet, e.Response.Data, r.roots[root.Name], nil, nil)
	return nil
}

// answerReader reads one answer into cells.
type answerReader struct {
	*recordings
	execution *execution
	failed    map[string]string
}

func (a *answerReader) object(def *ast.Definition, set ast.SelectionSet, raw map[string]any, into *cell, sent map[string]any, path []any) {
	into = into.find()
	if name, known := raw["__typename"].(string); known {
		into.typename = name
	} else if into.typename == "" && def.Kind == ast.Object {
		into.typename = def.Name
	}
	for _, selection := range set {
		switch s := selection.(type) {
		case *ast.InlineFragment:
			on := def
			if s.TypeCondition != "" {
				on = a.schema.Types[s.TypeCondition]
			}
			if own := a.schema.Types[into.typename]; own != nil && !a.execution.applies(own, on.Name) {
				continue
			}
			a.object(on, s.SelectionSet, raw, into, sent, path)
		case *ast.FragmentSpread:
			fragment := a.execution.document.Fragments.ForName(s.Name)
			on := a.schema.Types[fragment.TypeCondition]
			if own := a.schema.Types[into.typename]; own != nil && !a.execution.applies(own, on.Name) {
				continue
			}
			a.object(on, fragment.SelectionSet, raw, into, sent, path)
		case *ast.Field:
			value, found := raw[s.Alias]
			if !found || s.Name == "__typename" {
				continue
			}
			definition := def.Fields.ForName(s.Name)
			arguments := a.execution.arguments(definition, s)
			at := append(path[:len(path):len(path)], s.Alias)
			if s.Name == "_entities" {
				a.entities(s.SelectionSet, value, arguments)
				continue
			}
			seen := a.value(a.schema.Types[definition.Type.Name()], s.SelectionSet, value, at)
			if own := a.schema.fields[def.Name+"."+s.Name]; own != nil && own.requires != nil {
				seen = answers{requirement(sent, own.requires): seen}
			}
			name := s.Name + arguments.text
			into.fields[name] = a.merge(into.fields[name], seen)
		}
	}
}

func (a *answerReader) value(def *ast.Definition, set ast.SelectionSet, raw any, path []any) any {
	switch value := raw.(type) {
	case map[string]any:
		if !def.IsCompositeType() {
			return value
		}
		c := a.newCell("")
		a.object(def, set, value, c, nil, path)
		return c
	case []any:
		out := make([]any, len(value))
		for i, item := range value {
			out[i] = a.value(def, set, item, append(path[:len(path):len(path)], float64(i)))
		}
		return out
	case nil:
		if message, found := a.failed[pathText(path)]; found {
			return failure{message: message}
		}
	case float64:
		return json.Number(strconv.FormatFloat(value, 'f', -1, 64))
	}
	return raw
}

func (a *answerReader) entities(set ast.SelectionSet, raw any, arguments arguments) {
	list, _ := raw.([]any)
	representations, _ := arguments.values["representations"].([]any)
	for i, item := range list {
		members, some := item.(map[string]any)
		if !some || i >= len(representations) {
			continue
		}
		sent := representations[i].(map[string]any)
		typename := sent["__typename"].(string)
		c := a.newCell("")
		if a.schema.Types[typename].Kind == ast.Object {
			c.typename = typename
		}
		for _, k := range a.schema.keys[typename] {
			if a.schema.carries(sent, k.set) == nil {
				a.key(c, k.set, sent)
			}
		}
		a.object(a.schema.Types[typename], set, members, c, sent, []any{"_entities", float64(i)})
		if c.find().typename == "" {
			c.find().typename = typename
		}
	}
}

// key gives a cell the fields of a key as they were sent.
func (a *answerReader) key(c *cell, set ast.SelectionSet, sent map[string]any) {
	for _, selection := range set {
		if f, ok := selection.(*ast.Field); ok {
			c.fields[f.Name] = a.merge(c.fields[f.Name], a.keyValue(f.SelectionSet, sent[f.Name]))
		}
	}
}

func (a *answerReader) keyValue(set ast.SelectionSet, sent any) any {
	switch sent := sent.(type) {
	case map[string]any:
		c := a.newCell("")
		a.key(c, set, sent)
		return c
	case []any:
		out := make([]any, len(sent))
		for i, item := range sent {
			out[i] = a.keyValue(set, item)
		}
		return out
	}
	return sent
}

// merge puts together what was seen of one value.
func (r *recordings) merge(have, seen any) any {
	switch seen := seen.(type) {
	case *cell:
		if c, ok := have.(*cell); ok {
			return r.unite(c, seen)
		}
	case []any:
		if list, ok := have.([]any); ok && len(list) == len(seen) {
			out := make([]any, len(list))
			for i := range list {
				out[i] = r.merge(list[i], seen[i])
			}
			return out
		}
	case answers:
		if known, ok := have.(answers); ok {
			for key, value := range seen {
				known[key] = r.merge(known[key], value)
			}
			return known
		}
	case failure, nil:
		if have != nil {
			return have
		}
	}
	return seen
}

func (r *recordings) unite(x, y *cell) *cell {
	x, y = x.find(), y.find()
	if x == y {
		return x
	}
	y.into = x
	if x.typename == "" || r.schema.Types[x.typename].Kind != ast.Object && y.typename != "" {
		x.typename = y.typename
	}
	for _, name := range sortedKeys(y.fields) {
		merged := r.merge(x.find().fields[name], y.fields[name])
		x.find().fields[name] = merged
	}
	return x.find()
}

// universe returns all that was seen, after uniting objects with equal keys.
func (r *recordings) universe(schema *ast.Schema) *Universe {
	for again := true; again; {
		again = false
		byKey := map[string]*cell{}
		for _, c := range r.cells {
			if c.into != nil {
				continue
			}
			for _, id := range r.identities(c) {
				if c = c.find(); byKey[id] != nil && byKey[id].find() != c {
					r.unite(byKey[id], c)
					again = true
				}
				byKey[id] = c.find()
			}
		}
	}
	u := &Universe{schema: schema, objects: map[string]*object{}}
	objects := map[*cell]*object{}
	var convert func(value any) any
	convert = func(value any) any {
		switch value := value.(type) {
		case *cell:
			c := value.find()
			if objects[c] == nil {
				objects[c] = &object{typename: c.typename, fields: map[string]any{}}
				for name, field := range c.fields {
					objects[c].fields[name] = convert(field)
				}
			}
			return objects[c]
		case []any:
			out := make([]any, len(value))
			for i, item := range value {
				out[i] = convert(item)
			}
			return out
		case answers:
			out := answers{}
			for key, item := range value {
				out[key] = convert(item)
			}
			return out
		}
		return value
	}
	for i, c := range r.cells {
		if c.into == nil {
			u.objects[fmt.Sprintf("%06d", i)] = convert(c).(*object)
		}
	}
	for name, c := range r.roots {
		u.objects[name] = convert(c).(*object)
	}
	for name := range u.objects {
		u.names = append(u.names, name)
	}
	sort.Strings(u.names)
	return u
}

// identities returns a text for each complete key of the cell.
func (r *recordings) identities(c *cell) []string {
	def := r.schema.Types[c.typename]
	if def == nil {
		return nil
	}
	var ids []string
	for _, typename := range append([]string{c.typename}, def.Interfaces...) {
		for _, k := range r.schema.keys[typename] {
			if text, ok := identity(c, k.set); ok {
				ids = append(ids, typename+text)
			}
		}
	}
	return ids
}

func identity(value any, set ast.SelectionSet) (string, bool) {
	switch value := value.(type) {
	case nil, failure:
		return "", false
	case []any:
		var items []string
		for _, item := range value {
			text, ok := identity(item, set)
			if !ok {
				return "", false
			}
			items = append(items, text)
		}
		return "[" + strings.Join(items, ",") + "]", true
	case *cell:
		out := "{"
		for _, selection := range set {
			f, ok := selection.(*ast.Field)
			if !ok {
				return "", false
			}
			text, ok := identity(value.find().fields[f.Name], f.SelectionSet)
			if !ok {
				return "", false
			}
			out += f.Name + ":" + text + ","
		}
		return out + "}", true
	}
	return inline(value), true
}

func pathText(path []any) string {
	parts := make([]string, len(path))
	for i, step := range path {
		parts[i] = fmt.Sprint(step)
	}
	return strings.Join(parts, "/")
}
