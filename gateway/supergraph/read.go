package supergraph

import (
	"fmt"
	"maps"
	"slices"
	"sort"
	"strings"

	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/gqlerror"
	"github.com/vektah/gqlparser/v2/parser"
	"github.com/vektah/gqlparser/v2/validator"
)

// Read makes a Supergraph of the text that a composition printed. name is what errors call the text.
func Read(name, text string) (*Supergraph, error) {
	source := &ast.Source{Name: name, Input: text}
	raw, err := parser.ParseSchema(source)
	if err != nil {
		return nil, readError(name, err)
	}
	full, err := schemaOf(source, false)
	if err != nil {
		return nil, readError(name, err)
	}
	api, err := schemaOf(source, true)
	if err != nil {
		return nil, readError(name, err)
	}
	r := &reader{
		supergraph: &Supergraph{Text: text, API: api, Full: full, types: map[string]*Type{}},
		graphs:     map[string]*Subgraph{},
		fieldSets:  map[string]FieldSet{},
		context:    contextDirective(raw),
	}
	r.readGraphs(raw)
	if len(r.graphs) == 0 {
		return nil, fmt.Errorf("reading supergraph %s: it has no enum join__Graph that lists subgraphs; is this the output of a composition?", name)
	}
	r.readTypes(raw)
	r.early(raw)
	slices.Sort(r.supergraph.Labels)
	r.supergraph.Labels = slices.Compact(r.supergraph.Labels)
	r.readCacheHints(raw)
	r.readPossible(raw)
	r.readImplements(raw)
	r.addIntrospection()
	r.sortNames()
	if r.err != nil {
		return nil, readError(name, r.err)
	}
	return r.supergraph, nil
}

func readError(name string, err error) error {
	if list, ok := err.(gqlerror.List); ok && len(list) > 0 {
		err = list[0]
	}
	return fmt.Errorf("reading supergraph %s: %w", name, err)
}

type reader struct {
	supergraph *Supergraph
	graphs     map[string]*Subgraph // by enum value
	fieldSets  map[string]FieldSet
	context    string // the name of the directive that sets a context
	err        error
}

// readGraphs numbers the values of the enum join__Graph.
func (r *reader) readGraphs(doc *ast.SchemaDocument) {
	add := func(enum, name, url string) {
		subgraph := &Subgraph{Index: len(r.supergraph.Subgraphs), Name: name, URL: url}
		r.supergraph.Subgraphs = append(r.supergraph.Subgraphs, subgraph)
		r.graphs[enum] = subgraph
	}
	for _, def := range doc.Definitions {
		if def.Name != "join__Graph" {
			continue
		}
		for _, value := range def.EnumValues {
			if d := value.Directives.ForName("join__graph"); d != nil {
				add(value.Name, argument(d, "name"), argument(d, "url"))
			}
		}
	}
	if len(r.graphs) > 0 {
		add(IntrospectionName, IntrospectionName, "")
	}
}

// readTypes makes the views of every type from its join__type and its fields' join__field directives.
func (r *reader) readTypes(doc *ast.SchemaDocument) {
	for _, def := range doc.Definitions {
		fullDef := r.supergraph.Full.Types[def.Name]
		if fullDef == nil {
			continue
		}
		t := &Type{Name: def.Name, Def: fullDef, Views: make([]*View, len(r.supergraph.Subgraphs))}
		r.supergraph.types[def.Name] = t
		for _, d := range def.Directives.ForNames(r.context) {
			t.Contexts = append(t.Contexts, argument(d, "name"))
		}
		for _, d := range def.Directives.ForNames("join__type") {
			subgraph := r.graph(d)
			if subgraph == nil {
				continue
			}
			view := t.Views[subgraph.Index]
			if view == nil {
				view = &View{Type: t, Subgraph: subgraph}
				t.Views[subgraph.Index] = view
			}
			view.InterfaceObject = view.InterfaceObject || argument(d, "isInterfaceObject") == "true"
			if key := argument(d, "key"); key != "" {
				view.Keys = append(view.Keys, Key{Fields: r.fieldSet(key, d.Position), Resolvable: argument(d, "resolvable") != "false"})
			}
		}
		if len(def.Directives.ForNames("join__type")) == 0 { // a value type of an early join version is in every subgraph
			for _, subgraph := range r.supergraph.Subgraphs[:len(r.supergraph.Subgraphs)-1] {
				t.Views[subgraph.Index] = &View{Type: t, Subgraph: subgraph}
			}
		}
		r.readFields(def, t)
		r.readEnum(def, t)
	}
}

func (r *reader) readFields(def *ast.Definition, t *Type) {
	for _, view := range t.Views {
		if view != nil && len(def.Fields) > 0 {
			view.Fields = make(map[string]*Field, len(def.Fields))
		}
	}
	for _, field := range def.Fields {
		directives := field.Directives.ForNames("join__field")
		if len(directives) == 0 {
			for _, view := range t.Views {
				if view != nil {
					view.Fields[field.Name] = &Field{Name: field.Name, Type: field.Type, Arguments: field.Arguments}
				}
			}
			continue
		}
		for _, d := range directives {
			subgraph := r.graph(d)
			if subgraph == nil || t.Views[subgraph.Index] == nil {
				continue
			}
			t.Views[subgraph.Index].Fields[field.Name] = r.readField(field, d)
		}
	}
}

func (r *reader) readField(field *ast.FieldDefinition, d *ast.Directive) *Field {
	f := &Field{
		Name:       field.Name,
		Type:       field.Type,
		Arguments:  field.Arguments,
		External:   argument(d, "external") == "true",
		Overridden: argument(d, "usedOverridden") == "true",
		Requires:   r.fieldSet(argument(d, "requires"), d.Position),
		Provides:   r.fieldSet(argument(d, "provides"), d.Position),
	}
	if text := argument(d, "type"); text != "" {
		f.Type = r.parseType(text, d.Position)
	}
	if f.Label = argument(d, "overrideLabel"); f.Label != "" {
		f.LabelOn = argument(d, "override") != ""
		f.Overridden = false // for the other operations it is asked here
		r.supergraph.Labels = append(r.supergraph.Labels, f.Label)
	}
	f.Context = r.readContext(d)
	r.supergraph.Contexts = r.supergraph.Contexts || len(f.Context) > 0
	return f
}

// readContext reads the arguments that are taken from a context.
func (r *reader) readContext(d *ast.Directive) []ContextArgument {
	list := d.Arguments.ForName("contextArguments")
	if list == nil || list.Value == nil {
		return nil
	}
	var arguments []ContextArgument
	for _, item := range list.Value.Children {
		member := func(name string) string {
			if v := item.Value.Children.ForName(name); v != nil {
				return v.Raw
			}
			return ""
		}
		a := ContextArgument{Name: member("name"), Context: member("context"), Type: r.parseType(member("type"), d.Position), Selections: r.fieldSet(member("selection"), d.Position)}
		if a.Name == "" || a.Context == "" || a.Selections.Empty() {
			r.fail(d.Position, "an entry of contextArguments needs name, type, context and selection")
			return nil
		}
		arguments = append(arguments, a)
	}
	return arguments
}

// contextDirective returns the name of the directive by which types set a context: context, unless the link of its specification says otherwise.
func contextDirective(doc *ast.SchemaDocument) string {
	for _, schema := range doc.Schema {
		for _, d := range schema.Directives.ForNames("link") {
			if as := argument(d, "as"); as != "" && strings.Contains(argument(d, "url"), "/context/") {
				return as
			}
		}
	}
	return "context"
}

func (r *reader) readEnum(def *ast.Definition, t *Type) {
	if def.Kind != ast.Enum {
		return
	}
	for _, view := range t.Views {
		if view == nil {
			continue
		}
		view.EnumValues = map[string]bool{}
		for _, value := range def.EnumValues {
			directives := value.Directives.ForNames("join__enumValue")
			in := len(directives) == 0
			for _, d := range directives {
				in = in || r.graph(d) == view.Subgraph
			}
			if in {
				view.EnumValues[value.Name] = true
			}
		}
	}
}

// readPossible works out, subgraph by subgraph, which object types a value can be.
func (r *reader) readPossible(doc *ast.SchemaDocument) {
	s := r.supergraph
	add := func(abstract, object string, subgraph *Subgraph) {
		if view := s.View(abstract, subgraph); view != nil && s.View(object, subgraph) != nil {
			view.Possible[object] = true
		}
	}
	for _, t := range s.types {
		for _, view := range t.Views {
			if view == nil {
				continue
			}
			view.Possible = map[string]bool{}
			if t.Def.Kind == ast.Object || view.InterfaceObject {
				for _, name := range possibleNames(s.Full, t.Def) {
					view.Possible[name] = true
				}
			}
		}
	}
	for _, def := range doc.Definitions {
		switch def.Kind {
		case ast.Object:
			directives := def.Directives.ForNames("join__implements")
			for _, d := range directives {
				if subgraph := r.graph(d); subgraph != nil {
					add(argument(d, "interface"), def.Name, subgraph)
				}
			}
			if len(directives) == 0 && len(def.Interfaces) > 0 {
				for _, subgraph := range s.Subgraphs {
					for _, name := range def.Interfaces {
						add(name, def.Name, subgraph)
					}
				}
			}
		case ast.Union:
			directives := def.Directives.ForNames("join__unionMember")
			for _, d := range directives {
				if subgraph := r.graph(d); subgraph != nil {
					add(def.Name, argument(d, "member"), subgraph)
				}
			}
			if len(directives) == 0 {
				for _, subgraph := range s.Subgraphs {
					for _, member := range def.Types {
						add(def.Name, member, subgraph)
					}
				}
			}
		}
	}
}

// sortNames notes the sorted names of object types, which planning goes through in order.
func (r *reader) sortNames() {
	for _, t := range r.supergraph.types {
		t.possible = slices.Clip(possibleNames(r.supergraph.Full, t.Def))
		for _, view := range t.Views {
			if view != nil {
				view.Objects = slices.Sorted(maps.Keys(view.Possible))
			}
		}
	}
}

// readImplements notes which interfaces each type implements in each subgraph.
func (r *reader) readImplements(doc *ast.SchemaDocument) {
	s := r.supergraph
	add := func(name string, subgraph *Subgraph, of string) {
		view := s.View(name, subgraph)
		if view != nil && s.View(of, subgraph) != nil && !slices.Contains(view.Implements, of) {
			view.Implements = append(view.Implements, of)
			slices.Sort(view.Implements)
		}
	}
	for _, def := range doc.Definitions {
		directives := def.Directives.ForNames("join__implements")
		for _, d := range directives {
			if subgraph := r.graph(d); subgraph != nil {
				add(def.Name, subgraph, argument(d, "interface"))
			}
		}
		if len(directives) == 0 {
			for _, subgraph := range s.Subgraphs {
				for _, name := range def.Interfaces {
					add(def.Name, subgraph, name)
				}
			}
		}
	}
}

// addIntrospection gives the introspection subgraph its views: the introspection types, and the two root fields.
func (r *reader) addIntrospection() {
	s := r.supergraph
	subgraph := s.Subgraphs[len(s.Subgraphs)-1]
	viewOf := func(def *ast.Definition, keep func(name string) bool) {
		t := s.types[def.Name]
		if t == nil {
			t = &Type{Name: def.Name, Def: def, Views: make([]*View, len(s.Subgraphs))}
			s.types[def.Name] = t
		}
		view := &View{Type: t, Subgraph: subgraph, Fields: map[string]*Field{}, Possible: map[string]bool{def.Name: true}}
		for _, field := range def.Fields {
			if keep(field.Name) {
				view.Fields[field.Name] = &Field{Name: field.Name, Type: field.Type, Arguments: field.Arguments}
			}
		}
		t.Views[subgraph.Index] = view
	}
	for name, def := range s.Full.Types {
		if strings.HasPrefix(name, "__") && def.Kind == ast.Object {
			viewOf(def, func(string) bool { return true })
		}
	}
	if s.Full.Query != nil {
		viewOf(s.Full.Query, func(name string) bool { return name == "__schema" || name == "__type" })
	}
	for name, def := range s.Full.Types { // scalars and enums without a join__type: the built-in ones
		if s.types[name] == nil {
			s.types[name] = &Type{Name: name, Def: def, Views: make([]*View, len(s.Subgraphs))}
		}
	}
}

func (r *reader) graph(d *ast.Directive) *Subgraph { return r.graphs[argument(d, "graph")] }

// fieldSet parses the text of a set once; equal texts share one value.
func (r *reader) fieldSet(text string, at *ast.Position) FieldSet {
	text = strings.TrimSpace(text)
	if text == "" {
		return FieldSet{}
	}
	if set, ok := r.fieldSets[text]; ok {
		return set
	}
	braced := text
	if !strings.HasPrefix(braced, "{") {
		braced = "{" + braced + "}"
	}
	doc, err := parser.ParseQueryWithTokenLimit(&ast.Source{Input: braced}, fieldSetTokens)
	if err != nil || len(doc.Operations) != 1 {
		r.fail(at, "the field set %q is not a selection: %v", text, err)
		return FieldSet{}
	}
	set := FieldSet{Text: text, Selections: doc.Operations[0].SelectionSet}
	r.fieldSets[text] = set
	return set
}

// fieldSetTokens bounds the text of one key or requirement; real ones have a handful.
const fieldSetTokens = 10_000

func (r *reader) parseType(text string, at *ast.Position) *ast.Type {
	doc, err := parser.ParseSchema(&ast.Source{Input: "type T { f: " + text + " }"})
	if err != nil || len(doc.Definitions) != 1 || len(doc.Definitions[0].Fields) != 1 {
		r.fail(at, "%q is not a type", text)
		return ast.NamedType("String", at)
	}
	return doc.Definitions[0].Fields[0].Type
}

func (r *reader) fail(at *ast.Position, format string, args ...any) {
	if r.err == nil {
		r.err = gqlerror.ErrorPosf(at, format, args...)
	}
}

// argument returns the text of a directive's argument, "" where it is absent.
func argument(d *ast.Directive, name string) string {
	if arg := d.Arguments.ForName(name); arg != nil && arg.Value != nil && arg.Value.Kind != ast.NullValue {
		return arg.Value.Raw
	}
	return ""
}

func possibleNames(schema *ast.Schema, def *ast.Definition) []string {
	if def.Kind == ast.Object {
		return []string{def.Name}
	}
	var names []string
	for _, possible := range schema.GetPossibleTypes(def) {
		if possible.Kind == ast.Object {
			names = append(names, possible.Name)
		}
	}
	sort.Strings(names)
	return slices.Compact(names)
}

// schemaOf builds the schema without federation machinery, and for the API without what is inaccessible.
func schemaOf(source *ast.Source, api bool) (*ast.Schema, error) {
	doc, err := parser.ParseSchemas(validator.Prelude, source)
	if err != nil {
		return nil, err
	}
	strip(doc, api)
	schema, err := validator.ValidateSchemaDocument(doc)
	if err != nil {
		return nil, err
	}
	return schema, nil
}
