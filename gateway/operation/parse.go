package operation

import (
	"fmt"
	"sort"

	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/gqlerror"
	"github.com/vektah/gqlparser/v2/parser"
	"github.com/vektah/gqlparser/v2/validator"
	"github.com/vektah/gqlparser/v2/validator/rules"
)

// Document is a parsed and validated text. It is immutable and may serve any number of requests.
type Document struct {
	schema     *ast.Schema
	doc        *ast.QueryDocument
	conditions map[*ast.OperationDefinition][]string
}

// Errors are what is wrong with a request, for the client: at least one, each with a code in its extensions. It is not an error, so that an
// empty list can never pass for one.
type Errors []*gqlerror.Error

// The codes of request errors. They are stable.
const (
	CodeParse     = "GRAPHQL_PARSE_FAILED"
	CodeInvalid   = "GRAPHQL_VALIDATION_FAILED"
	CodeLimit     = "OPERATION_LIMIT_EXCEEDED"
	CodeVariables = "BAD_USER_INPUT"
	CodeOperation = "OPERATION_RESOLUTION_FAILED"
)

// Failure returns a list of one error with the code.
func Failure(code, format string, args ...any) Errors {
	return Errors{{Message: fmt.Sprintf(format, args...), Extensions: map[string]any{"code": code}}}
}

// maxErrors bounds how many validation errors one answer lists; the first ones say enough.
const maxErrors = 20

// Parse parses and validates the text against the API schema, within the limits.
func Parse(schema *ast.Schema, text string, limits Limits) (*Document, Errors) {
	limits = limits.orDefault()
	doc, err := parser.ParseQueryWithTokenLimit(&ast.Source{Input: text}, limits.Tokens)
	if err != nil {
		return nil, coded(CodeParse, err)
	}
	if len(doc.Operations) == 0 {
		return nil, Failure(CodeParse, "the document has no operation")
	}
	if errs := limits.check(doc); errs != nil {
		return nil, errs
	}
	if list := validator.ValidateWithRules(schema, doc, validationRules); len(list) > 0 {
		var errs Errors
		for _, e := range list[:min(len(list), maxErrors)] {
			errs = append(errs, coded(CodeInvalid, e)...)
		}
		return nil, errs
	}
	d := &Document{schema: schema, doc: doc, conditions: map[*ast.OperationDefinition][]string{}}
	for _, op := range doc.Operations {
		d.conditions[op] = d.conditionsOf(op)
	}
	return d, nil
}

// validationRules are the specification's rules, and the one that lets introspection follow at most two lists of fields or types into each other.
var validationRules = rules.NewDefaultRules()

func coded(code string, err error) Errors {
	e, ok := err.(*gqlerror.Error)
	if !ok {
		e = &gqlerror.Error{Message: err.Error()}
	}
	if e.Extensions == nil {
		e.Extensions = map[string]any{}
	}
	e.Extensions = map[string]any{"code": code}
	e.Rule = ""
	return Errors{e}
}

// operation finds the operation the request means.
func (d *Document) operation(name string) (*ast.OperationDefinition, Errors) {
	if name == "" {
		if len(d.doc.Operations) > 1 {
			return nil, Failure(CodeOperation, "the document has %d operations: say which with operationName", len(d.doc.Operations))
		}
		return d.doc.Operations[0], nil
	}
	if op := d.doc.Operations.ForName(name); op != nil {
		return op, nil
	}
	return nil, Failure(CodeOperation, "the document has no operation named %q", name)
}

// Kind tells whether the named operation is a query, a mutation or a subscription.
func (d *Document) Kind(name string) (ast.Operation, Errors) {
	op, errs := d.operation(name)
	if errs != nil {
		return "", errs
	}
	return op.Operation, nil
}

// Conditions lists, sorted, the variables that decide a @skip or @include of the named operation. Together with their values they decide
// what Normalize returns.
func (d *Document) Conditions(name string) []string {
	op, errs := d.operation(name)
	if errs != nil {
		return nil
	}
	return d.conditions[op]
}

func (d *Document) conditionsOf(op *ast.OperationDefinition) []string {
	found := map[string]bool{}
	seen := map[string]bool{}
	var walk func(set ast.SelectionSet)
	directives := func(list ast.DirectiveList) {
		for _, d := range list {
			if arg := d.Arguments.ForName("if"); (d.Name == "skip" || d.Name == "include") && arg != nil && arg.Value.Kind == ast.Variable {
				found[arg.Value.Raw] = true
			}
		}
	}
	walk = func(set ast.SelectionSet) {
		for _, selection := range set {
			switch s := selection.(type) {
			case *ast.Field:
				directives(s.Directives)
				walk(s.SelectionSet)
			case *ast.InlineFragment:
				directives(s.Directives)
				walk(s.SelectionSet)
			case *ast.FragmentSpread:
				directives(s.Directives)
				if fragment := d.doc.Fragments.ForName(s.Name); fragment != nil && !seen[s.Name] {
					seen[s.Name] = true
					walk(fragment.SelectionSet)
				}
			}
		}
	}
	walk(op.SelectionSet)
	if len(found) == 0 {
		return nil
	}
	names := make([]string, 0, len(found))
	for name := range found {
		names = append(names, name)
	}
	sort.Strings(names)
	return names
}
