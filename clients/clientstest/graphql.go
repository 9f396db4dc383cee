package clientstest

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/99designs/gqlgen/graphql/introspection"
	"github.com/vektah/gqlparser/v2"
	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/gqlerror"
	"github.com/vektah/gqlparser/v2/parser"
	"github.com/vektah/gqlparser/v2/validator"
	"github.com/vektah/gqlparser/v2/validator/rules"
)

// What one operation may cost where Limits says nothing. They are far above what a portal asks, and low enough that the worst
// operation a client can write ends within seconds.
const (
	defaultTokens = 40_000
	defaultDepth  = 40
	defaultValues = 1_000_000
)

// Limits bounds one operation. Zero means the default of each.
type Limits struct {
	Tokens int // of the document
	Depth  int // levels of selection sets
	Values int // fields and list elements of the answer
}

// A Resolve gives the value of one field. An error makes the field null, as GraphQL has it; an *Error keeps its type and extensions.
type Resolve func(ctx context.Context, at Field) (any, error)

// Field is the field that a Resolve is asked for.
type Field struct {
	Object     any // the value of the object the field belongs to; nil at the root
	Args       Args
	Definition *ast.FieldDefinition
	Operation  *Operation
	Selections []ast.SelectionSet // what is asked of its value
}

// Selects reports whether any of the fields is asked of the value, by its name in the schema, whatever the type.
func (f Field) Selects(names ...string) bool {
	var within func(ast.SelectionSet, int) bool
	within = func(set ast.SelectionSet, depth int) bool {
		if depth > defaultDepth {
			return true // nothing that validates is nested as deep
		}
		for _, selection := range set {
			switch s := selection.(type) {
			case *ast.Field:
				if slices.Contains(names, s.Name) {
					return true
				}
			case *ast.InlineFragment:
				if within(s.SelectionSet, depth+1) {
					return true
				}
			case *ast.FragmentSpread:
				if d := f.Operation.Document.Fragments.ForName(s.Name); d != nil && within(d.SelectionSet, depth+1) {
					return true
				}
			}
		}
		return false
	}
	for _, set := range f.Selections {
		if within(set, 0) {
			return true
		}
	}
	return false
}

// Resolvers are the fields that need code, by "Type.field" with the name of the object type or of one of its interfaces. Any
// other field is looked up in its object: a key of a map[string]any, a field of a struct (in any letter case) or a method
// without arguments that returns a value, or a value and an error. A value that is a func() (any, error) is called.
type Resolvers map[string]Resolve

// Typed is implemented by values that stand for an interface or union. Other values tell their type by the key "__typename"
// of a map, or by the name of their Go type.
type Typed interface{ GraphQLType() string }

// Scalar turns a value into what encoding/json writes for it.
type Scalar func(value any) (any, error)

// GraphQL answers operations over a schema. It does not change while it answers.
type GraphQL struct {
	Schema    *ast.Schema
	Resolvers Resolvers
	Scalars   map[string]Scalar // by type; a time.Time is written as RFC 3339 in UTC where nothing else is said
	Absent    func(any) bool    // reports whether a value stands for none, such as an empty string: null, where null may be
	Accepts   func(*Error) bool // reports whether the vendor lets pass what validation complains about; nothing where nil
	Limits    Limits

	introspected *introspection.Schema
	rules        *rules.Rules
}

// NewGraphQL reads a schema in SDL. It fails where a resolver names no field of it.
func NewGraphQL(sdl string, resolvers Resolvers) (*GraphQL, error) {
	schema, err := gqlparser.LoadSchema(&ast.Source{Name: "schema.graphqls", Input: sdl})
	if err != nil {
		return nil, fmt.Errorf("reading the schema: %w", err)
	}
	for _, coordinate := range slices.Sorted(maps.Keys(resolvers)) {
		name, field, _ := strings.Cut(coordinate, ".")
		if t := schema.Types[name]; t == nil || t.Fields.ForName(field) == nil {
			return nil, fmt.Errorf("resolver %q names no field of the schema", coordinate)
		}
	}
	return &GraphQL{Schema: schema, Resolvers: resolvers, introspected: introspection.WrapSchema(schema), rules: rules.NewDefaultRules()}, nil
}

// Request is what a client sends.
type Request struct {
	Query         string         `json:"query"`
	OperationName string         `json:"operationName"`
	Variables     map[string]any `json:"variables"` // as encoding/json decodes them, with or without UseNumber
}

// Answer is what a client gets. Data is nil where the operation was not executed, and "null" where nothing of it is left.
type Answer struct {
	Data       json.RawMessage `json:"data,omitempty"`
	Errors     []*Error        `json:"errors,omitempty"`
	Extensions map[string]any  `json:"extensions,omitempty"`
}

// Error is one error of an answer.
type Error struct {
	Type       string         `json:"type,omitempty"` // as GitHub has it; others leave it empty
	Path       []any          `json:"path,omitempty"` // names and positions
	Extensions map[string]any `json:"extensions,omitempty"`
	Locations  []Location     `json:"locations,omitempty"`
	Message    string         `json:"message"`

	Rule string `json:"-"` // the validation rule that was broken
}

func (e *Error) Error() string { return e.Message }

// Location is a place in the document, counted from 1.
type Location struct {
	Line   int `json:"line"`
	Column int `json:"column"`
}

// Operation is a valid operation with its variables.
type Operation struct {
	Definition *ast.OperationDefinition
	Document   *ast.QueryDocument
	Variables  map[string]any // coerced

	graph *GraphQL
}

// Included reports whether a selection with the directives is part of the answer, as @skip and @include say.
func (o *Operation) Included(directives ast.DirectiveList) bool {
	for _, name := range []string{"skip", "include"} {
		d := directives.ForName(name)
		if d == nil {
			continue
		}
		args, err := o.graph.arguments(o.graph.Schema.Directives[name].Arguments, d.Arguments, o.Variables)
		if err == nil && args.True("if") == (name == "skip") {
			return false
		}
	}
	return true
}

// Args returns the coerced arguments of a field of the operation.
func (o *Operation) Args(field *ast.Field) (Args, error) {
	return o.graph.arguments(field.Definition.Arguments, field.Arguments, o.Variables)
}

// Do prepares and executes a request.
func (g *GraphQL) Do(ctx context.Context, request Request) Answer {
	operation, failed := g.Prepare(request)
	if len(failed) > 0 {
		return Answer{Errors: failed}
	}
	return operation.Execute(ctx)
}

// Prepare reads, validates and chooses the operation of a request, and coerces its variables.
func (g *GraphQL) Prepare(request Request) (*Operation, []*Error) {
	tokens := orDefault(g.Limits.Tokens, defaultTokens)
	document, err := parser.ParseQueryWithTokenLimit(&ast.Source{Input: request.Query}, tokens)
	if err != nil {
		return nil, []*Error{fromParser(err)}
	}
	if depth := orDefault(g.Limits.Depth, defaultDepth); deeper(document, depth) {
		return nil, []*Error{{Message: fmt.Sprintf("Query has depth of more than %d", depth)}}
	}
	if broken := validator.ValidateWithRules(g.Schema, document, g.rules); len(broken) > 0 {
		var failed []*Error
		for _, b := range broken {
			if e := fromParser(b); g.Accepts == nil || !g.Accepts(e) {
				failed = append(failed, e)
			}
		}
		if len(failed) > 0 {
			return nil, failed
		}
	}
	definition, err := choose(document, request.OperationName)
	if err != nil {
		return nil, []*Error{{Message: err.Error()}}
	}
	variables, failure := g.variables(definition, request.Variables)
	if failure != nil {
		return nil, []*Error{failure}
	}
	return &Operation{Definition: definition, Document: document, Variables: variables, graph: g}, nil
}

// choose returns the operation with the name, or the only one.
func choose(document *ast.QueryDocument, name string) (*ast.OperationDefinition, error) {
	switch {
	case len(document.Operations) == 0:
		return nil, says("A query attribute must be specified and must be a string.")
	case name == "" && len(document.Operations) > 1:
		return nil, says("An operation name is required")
	case name == "":
		return document.Operations[0], nil
	}
	if operation := document.Operations.ForName(name); operation != nil {
		return operation, nil
	}
	return nil, says("No operation named %q", name)
}

// says returns an error in the words that clients are shown.
func says(format string, args ...any) error { return &Error{Message: fmt.Sprintf(format, args...)} }

// deeper reports whether selections are nested more than limit levels deep, fragments counted where they are spread.
func deeper(document *ast.QueryDocument, limit int) bool {
	// A fragment's own depth is found once; one that is being looked at already is a cycle, which validation reports.
	depths := map[string]int{}
	var depth func(ast.SelectionSet) int
	depth = func(selections ast.SelectionSet) int {
		deepest := 0
		for _, selection := range selections {
			below := 0
			switch s := selection.(type) {
			case *ast.Field:
				below = 1 + depth(s.SelectionSet)
			case *ast.InlineFragment:
				below = depth(s.SelectionSet)
			case *ast.FragmentSpread:
				known, ok := depths[s.Name]
				if definition := document.Fragments.ForName(s.Name); !ok && definition != nil {
					depths[s.Name] = 0
					known = depth(definition.SelectionSet)
					depths[s.Name] = known
				}
				below = known
			}
			deepest = max(deepest, below)
		}
		return deepest
	}
	for _, operation := range document.Operations {
		if depth(operation.SelectionSet) > limit {
			return true
		}
	}
	for _, fragment := range document.Fragments {
		if depth(fragment.SelectionSet) > limit {
			return true
		}
	}
	return false
}

func fromParser(err error) *Error {
	var known *gqlerror.Error
	if !errors.As(err, &known) {
		return &Error{Message: err.Error()}
	}
	out := &Error{Message: known.Message, Extensions: known.Extensions, Rule: known.Rule}
	for _, l := range known.Locations {
		out.Locations = append(out.Locations, Location{Line: l.Line, Column: l.Column})
	}
	for _, step := range known.Path {
		switch s := step.(type) {
		case ast.PathName:
			out.Path = append(out.Path, string(s))
		case ast.PathIndex:
			out.Path = append(out.Path, int(s))
		}
	}
	return out
}

func orDefault(n, fallback int) int {
	if n == 0 {
		return fallback
	}
	return n
}

func plainTime(at time.Time) string { return at.UTC().Format(time.RFC3339) }
