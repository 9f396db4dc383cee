// Package compose makes one supergraph out of subgraph schemas. The text of each subgraph goes in, Federation 2 or Federation 1;
// the text of a supergraph comes out, in the join notation every Federation gateway reads, or a list of coded errors that each
// name a subgraph, a line and what to do.
//
// The one rule: the same subgraphs give the same text, whatever order they come in. Subgraphs are sorted by name before
// anything else happens, types are sorted by name, and fields keep the order in which the sorted subgraphs first state them.
//
// Start with Compose, below, which names the stages. read.go and link.go turn a text into a subgraph; fieldset.go, usage.go and
// validate.go judge each subgraph alone; merge*.go put them together; check.go, inaccessible.go, auth.go and satisfiable.go judge the
// whole; print.go writes it. Every code an error can carry is in codes.go.
package compose

import (
	"cmp"
	"slices"
	"strings"

	"github.com/vektah/gqlparser/v2/ast"
)

// Subgraph is one schema to compose.
type Subgraph struct {
	Name string // unique among the subgraphs; the gateway and @override call it by this name
	URL  string // where requests for it go; may be empty where the gateway learns it elsewhere
	SDL  string // the schema, with its federation directives
	File string // where SDL was read, for messages; may be empty
}

// Result is a composed supergraph.
type Result struct {
	SDL   string // the supergraph, in join notation
	Hints []Hint // what composed, but perhaps not as its authors think
}

// Compose composes subgraphs. It returns a result or at least one error, never both, and errors in the order of the subgraphs and
// lines they name.
func Compose(subgraphs []Subgraph) (*Result, Errors) {
	c := &composition{}
	stages := []func(*composition){
		(*composition).read,     // texts to subgraphs
		(*composition).validate, // each subgraph by itself
		(*composition).merge,    // subgraphs to one schema
		(*composition).check,    // the one schema
	}
	c.input = subgraphs
	for _, stage := range stages {
		if stage(c); len(c.errors) > 0 {
			return nil, c.errors.sorted()
		}
	}
	slices.SortStableFunc(c.hints, func(a, b Hint) int {
		return cmp.Or(comparePlaces(a.Places, b.Places), cmp.Compare(a.Code, b.Code), cmp.Compare(a.Message, b.Message))
	})
	return &Result{SDL: c.text, Hints: c.hints}, nil
}

// composition is what the stages hand on: subgraphs first, then what they merged into.
type composition struct {
	input     []Subgraph
	subgraphs []*subgraph // sorted by name
	errors    Errors
	hints     []Hint

	overrides  map[string]map[string]*override // by the name of the overridden subgraph, then by coordinate
	implements map[string]map[string]bool      // every interface that any subgraph says a type implements
	members    map[string]map[string]bool      // every member that any subgraph gives a union
	inputUse   map[string]bool                 // enums that an argument or input field takes
	outputUse  map[string]bool                 // enums that a field returns

	text       string                     // the supergraph
	types      map[string]*ast.Definition // the merged types, with their join directives
	directives []*ast.DirectiveDefinition // the merged executable directives and the composed ones, sorted by name
	composed   map[string]*composed       // composed directives by name
	onSchema   ast.DirectiveList          // composed directives of the schema
	features   map[string]bool            // federation directives that the supergraph applies
	labels     bool                       // some field is overridden for part of the requests only
	contexts   bool                       // some argument comes from a context
	hinted     bool                       // some subgraph says how long answers may be remembered

	byName          map[*ast.Definition]map[string]*ast.FieldDefinition
	implementations map[string][]string    // object types by interface, sorted
	standing        map[string][]*subgraph // subgraphs in which an interface is an @interfaceObject
	picks           int                    // of maxPicks
}

// fail records an error.
func (c *composition) fail(code Code, message string, places ...Place) {
	if len(c.errors) < maxErrors {
		c.errors = append(c.errors, Error{Code: code, Message: message, Places: places})
	}
}

// hint records a hint.
func (c *composition) hint(code HintCode, message string, places ...Place) {
	if len(c.hints) < maxErrors {
		c.hints = append(c.hints, Hint{Code: code, Message: message, Places: places})
	}
}

// with returns the subgraphs that have the type, in order.
func (c *composition) with(name string) []*subgraph {
	var out []*subgraph
	for _, s := range c.subgraphs {
		if s.types[name] != nil {
			out = append(out, s)
		}
	}
	return out
}

// fields returns the fields of a merged type by name.
func (c *composition) fields(def *ast.Definition) map[string]*ast.FieldDefinition {
	if c.byName == nil {
		c.byName = map[*ast.Definition]map[string]*ast.FieldDefinition{}
	}
	return indexed(c.byName, def)
}

// indexed returns the fields of a type by name, from an index that grows with the types asked for.
func indexed(index map[*ast.Definition]map[string]*ast.FieldDefinition, def *ast.Definition) map[string]*ast.FieldDefinition {
	fields := index[def]
	if fields == nil {
		fields = make(map[string]*ast.FieldDefinition, len(def.Fields))
		for _, f := range def.Fields {
			fields[f.Name] = f
		}
		index[def] = fields
	}
	return fields
}

// names joins the names of subgraphs for a message.
func names(subgraphs []*subgraph) string {
	quoted := make([]string, len(subgraphs))
	for i, s := range subgraphs {
		quoted[i] = `"` + s.Name + `"`
	}
	return list(quoted)
}

// list writes "a", "a and b", or "a, b and c".
func list(items []string) string {
	if len(items) < 2 {
		return strings.Join(items, "")
	}
	last := len(items) - 1
	return strings.Join(items[:last], ", ") + " and " + items[last]
}
