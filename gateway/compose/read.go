package compose

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/gqlerror"
	"github.com/vektah/gqlparser/v2/parser"
	"github.com/vektah/gqlparser/v2/validator"
)

// Limits on what is read. The largest public schemas have some 300,000 tokens and, generated from databases, a few thousand
// fields on one type; past these the text is hostile or a generator ran wild, and some checks grow with the square of a type.
const (
	maxSubgraphs  = 1_000
	maxBytes      = 16 << 20
	maxTokens     = 1_000_000
	maxFields     = 5_000 // of a type, values of an enum, members of a union
	maxArguments  = 250
	maxInterfaces = 100
	maxName       = 200        // bytes of a subgraph's name
	maxPicks      = 10_000_000 // fields that all field sets of a subgraph select, with the implementations that stand for them
)

// subgraph is one schema after reading: checked by itself, in the words of the supergraph (its root types are called Query,
// Mutation and Subscription), without the machinery of the subgraph protocol.
type subgraph struct {
	Subgraph
	source   *ast.Source
	graph    string // its value of join__Graph
	version  version
	linkName string // what it calls @link
	links    []link

	canonical map[string]string // federation directives by what the subgraph calls them
	machinery map[string]bool   // types of linked specifications
	roots     map[string]bool   // names of its root types

	types       map[string]*ast.Definition // extensions merged in
	order       []string                   // names of types, sorted
	directives  map[string]*ast.DirectiveDefinition
	onSchema    ast.DirectiveList
	defined     map[string]bool                            // types with a definition, not only extensions
	onExtension map[*ast.Directive]bool                    // directives written on an extension
	beside      map[*ast.FieldDefinition]ast.DirectiveList // directives of the definition or extension a field is written in
	implements  map[string][]string                        // object and interface types by interface
	uses        usage
	contexts    map[string][]string          // types that set a context, by its name
	contextual  map[string][]contextArgument // arguments filled from a context, by coordinate
	picks       int                          // of maxPicks
	byName      map[*ast.Definition]map[string]*ast.FieldDefinition
}

// read turns the input into subgraphs, sorted by name.
func (c *composition) read() {
	input := slices.Clone(c.input)
	slices.SortStableFunc(input, func(a, b Subgraph) int {
		return cmp.Or(cmp.Compare(a.Name, b.Name), cmp.Compare(a.File, b.File), cmp.Compare(a.SDL, b.SDL))
	})
	if len(input) > maxSubgraphs {
		c.fail(TooLarge, fmt.Sprintf("%d subgraphs are more than the %d that are composed at once", len(input), maxSubgraphs))
		return
	}
	graphs := map[string]bool{}
	for i, one := range input {
		s := &subgraph{Subgraph: one}
		switch {
		case !usableName(one.Name):
			c.fail(InvalidSubgraphName, fmt.Sprintf("%q cannot be the name of a subgraph; use letters, digits and dashes", one.Name), s.place(nil))
			continue
		case i > 0 && input[i-1].Name == one.Name:
			c.fail(InvalidSubgraphName, fmt.Sprintf("two subgraphs are named %q; rename one", one.Name), s.place(nil))
			continue
		}
		s.graph = graphName(one.Name, graphs)
		c.errors = append(c.errors, s.read()...)
		c.subgraphs = append(c.subgraphs, s)
	}
	if len(c.errors) == 0 {
		c.upgrade()
	}
}

func usableName(name string) bool {
	return name != "" && len(name) <= maxName && utf8.ValidString(name) && strings.TrimSpace(name) == name &&
		!strings.ContainsFunc(name, unicode.IsControl)
}

// graphName returns the value of join__Graph for a subgraph, and takes it: upper case, what a name cannot hold replaced by "_". Names
// that end in a number get a "_" more, so that the number which tells two equal ones apart is never mistaken for theirs.
func graphName(name string, taken map[string]bool) string {
	var b strings.Builder
	for i, r := range name {
		switch {
		case r < utf8.RuneSelf && (r == '_' || unicode.IsLetter(r) || unicode.IsDigit(r)):
			if i == 0 && unicode.IsDigit(r) {
				b.WriteByte('_')
			}
			b.WriteRune(unicode.ToUpper(r))
		default:
			b.WriteByte('_')
		}
	}
	graph := b.String()
	if tail := strings.TrimRight(graph, "0123456789"); tail != graph && strings.HasSuffix(tail, "_") {
		graph += "_"
	}
	if strings.HasPrefix(graph, "__") {
		graph = "G" + graph // names that start with "__" belong to introspection
	}
	unique := graph
	for n := 1; taken[unique]; n++ {
		unique = fmt.Sprintf("%s_%d", graph, n)
	}
	taken[unique] = true
	return unique
}

// place returns where something of the subgraph is written.
func (s *subgraph) place(pos *ast.Position) Place {
	p := Place{Subgraph: s.Name, File: s.File}
	if pos != nil && pos.Src == s.source {
		p.Line, p.Column = pos.Line, pos.Column
	}
	return p
}

// read parses and checks the subgraph's text.
func (s *subgraph) read() Errors {
	s.version = federation1
	s.canonical, s.machinery = map[string]string{}, map[string]bool{}
	if len(s.SDL) > maxBytes {
		return s.failure(TooLarge, nil, "the schema has %d bytes, more than the %d that are accepted", len(s.SDL), maxBytes)
	}
	s.source = &ast.Source{Name: cmp.Or(s.File, s.Name), Input: s.SDL}
	doc, err := parser.ParseSchemaWithLimit(s.source, maxTokens)
	if err != nil {
		return Errors{s.invalid(err)}
	}
	if errs := s.limit(doc); len(errs) > 0 {
		return errs
	}
	applied := schemaDirectives(doc)
	s.linkName = linkName(applied)
	if errs := s.readLinks(applied); len(errs) > 0 {
		return errs
	}
	if errs := s.normalize(doc); len(errs) > 0 {
		return errs
	}
	s.remember(doc)
	schema, err := validator.ValidateSchemaDocument(s.complete(doc))
	if err != nil {
		return Errors{s.invalid(err)}
	}
	s.directives = map[string]*ast.DirectiveDefinition{}
	for _, d := range doc.Directives {
		s.directives[d.Name] = d
	}
	s.onSchema = schema.SchemaDirectives
	s.types = map[string]*ast.Definition{}
	for name, def := range schema.Types {
		if def.BuiltIn || strings.HasPrefix(name, "__") || s.machinery[name] {
			continue
		}
		def.Fields = slices.DeleteFunc(def.Fields, func(f *ast.FieldDefinition) bool { return strings.HasPrefix(f.Name, "__") })
		s.types[name] = def
		s.order = append(s.order, name)
	}
	slices.Sort(s.order)
	s.implements = map[string][]string{}
	for _, name := range s.order {
		for _, i := range s.types[name].Interfaces {
			s.implements[i] = append(s.implements[i], name)
		}
	}
	return nil
}

// invalid turns an error of the parser or the validator into one of ours.
func (s *subgraph) invalid(err error) Error {
	e := Error{Code: InvalidGraphQL, Message: err.Error(), Places: []Place{s.place(nil)}}
	var g *gqlerror.Error
	if !errors.As(err, &g) {
		return e
	}
	e.Message = sentence(g.Message)
	if len(g.Locations) > 0 && g.Locations[0].Line > 0 {
		e.Places[0].Line, e.Places[0].Column = g.Locations[0].Line, g.Locations[0].Column
	}
	if name, ok := strings.CutPrefix(e.Message, "undefined directive "); ok {
		e.Message += s.howToImport(name)
	}
	return e
}

// sentence writes a message of the parser or validator the way ours are written.
func sentence(message string) string {
	message = strings.TrimSuffix(message, ".")
	if len(message) > 1 && unicode.IsUpper(rune(message[0])) && !unicode.IsUpper(rune(message[1])) {
		message = strings.ToLower(message[:1]) + message[1:]
	}
	return message
}

// howToImport says what makes a federation directive known where it is not.
func (s *subgraph) howToImport(name string) string {
	d, ok := directiveNamed(name)
	switch {
	case !ok:
		return "; define it, or import it with @link"
	case s.version == federation1:
		return fmt.Sprintf(`; for Federation 2 directives write extend schema @link(url: "%sfederation/v2.%d", import: ["@%s"])`, specIdentity, d.since, name)
	case d.since > s.version.minor:
		return fmt.Sprintf(`; link %sfederation/v2.%d or later and import "@%s"`, specIdentity, d.since, name)
	}
	return fmt.Sprintf(`; add "@%s" to the import list of the federation @link`, name)
}

// limit refuses a document whose parts are too large to check.
func (s *subgraph) limit(doc *ast.SchemaDocument) Errors {
	var errs Errors
	over := func(pos *ast.Position, what, of string, n, limit int) {
		if n > limit {
			errs = append(errs, Error{TooLarge, fmt.Sprintf("%s has %d %s, more than the %d that are accepted", of, n, what, limit), []Place{s.place(pos)}})
		}
	}
	fields := map[string]int{}
	for _, defs := range []ast.DefinitionList{doc.Definitions, doc.Extensions} {
		for _, def := range defs {
			fields[def.Name] += len(def.Fields) + len(def.EnumValues) + len(def.Types)
			over(def.Position, "fields, values or members", def.Name, fields[def.Name], maxFields)
			over(def.Position, "interfaces", def.Name, len(def.Interfaces), maxInterfaces)
			for _, f := range def.Fields {
				over(f.Position, "arguments", def.Name+"."+f.Name, len(f.Arguments), maxArguments)
			}
		}
	}
	for _, d := range doc.Directives {
		over(d.Position, "arguments", "@"+d.Name, len(d.Arguments), maxArguments)
	}
	return errs
}

// remember keeps what is lost when extensions are merged into definitions.
func (s *subgraph) remember(doc *ast.SchemaDocument) {
	s.defined, s.onExtension, s.beside = map[string]bool{}, map[*ast.Directive]bool{}, map[*ast.FieldDefinition]ast.DirectiveList{}
	for _, def := range doc.Definitions {
		s.defined[def.Name] = s.find(def.Directives, "extends") == nil
		for _, f := range def.Fields {
			s.beside[f] = def.Directives
		}
		if !s.defined[def.Name] {
			for _, d := range def.Directives {
				s.onExtension[d] = true
			}
		}
	}
	for _, ext := range doc.Extensions {
		for _, d := range ext.Directives {
			s.onExtension[d] = true
		}
		for _, f := range ext.Fields {
			s.beside[f] = ext.Directives
		}
	}
}

// find returns the first application of a federation directive, by the specification's name for it.
func (s *subgraph) find(applied ast.DirectiveList, name string) *ast.Directive {
	for _, d := range applied {
		if s.canonical[d.Name] == name {
			return d
		}
	}
	return nil
}

// all returns every application of a federation directive.
func (s *subgraph) all(applied ast.DirectiveList, name string) []*ast.Directive {
	var out []*ast.Directive
	for _, d := range applied {
		if s.canonical[d.Name] == name {
			out = append(out, d)
		}
	}
	return out
}
