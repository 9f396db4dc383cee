package compose

import (
	"fmt"
	"slices"
	"strings"

	"github.com/vektah/gqlparser/v2/ast"
)

// composed is a directive that subgraphs ask to have carried into the supergraph with @composeDirective.
type composed struct {
	name string // in the supergraph, without "@"
	link link   // of the newest version any subgraph links
	from string // the specification's own name for it
	def  *ast.DirectiveDefinition
	by   map[*subgraph]bool
	pos  Place
}

// readComposed reads every @composeDirective.
func (c *composition) readComposed() {
	c.composed = map[string]*composed{}
	for _, s := range c.subgraphs {
		for _, d := range s.all(s.onSchema, "composeDirective") {
			c.readComposeDirective(s, d)
		}
	}
	for _, name := range sortedKeys(c.composed) {
		one := c.composed[name]
		c.directives = append(c.directives, plain(one.def))
		for _, s := range c.subgraphs {
			if !one.by[s] && s.directives[name] != nil {
				c.hint(DirectiveDropped, fmt.Sprintf("%q defines @%s but does not compose it; what it applies is left out", s.Name, name), s.place(s.directives[name].Position))
			}
		}
	}
}

func (c *composition) readComposeDirective(s *subgraph, d *ast.Directive) {
	fail := func(format string, args ...any) {
		c.fail(DirectiveComposition, fmt.Sprintf(format, args...), s.place(d.Position))
	}
	name, ok := strings.CutPrefix(stringArgument(d, "name"), "@")
	if !ok || !isName(name) {
		fail(`the name of @%s must be a directive's, with its "@"`, d.Name)
		return
	}
	if canonical, ok := s.canonical[name]; ok {
		fail("@%s is federation's own @%s, which is composed as it should be; remove @%s", name, canonical, d.Name)
		return
	}
	if builtInDirectives[name] || slices.ContainsFunc(federationDirectives, func(f federationDirective) bool { return f.name == name }) || name == "link" {
		fail("@%s would stand for GraphQL's or federation's own directive in the supergraph; import it under another name", name)
		return
	}
	def := s.directives[name]
	if def == nil {
		fail("@%s is not defined in this subgraph; define it", name)
		return
	}
	l, original, ok := s.linkOf(name)
	if !ok {
		fail(`@%s belongs to no linked specification; add @link(url: ".../v1.0", import: ["@%s"])`, name, name)
		return
	}
	before := c.composed[name]
	switch {
	case before == nil:
		c.composed[name] = &composed{name, l, original, def, map[*subgraph]bool{s: true}, s.place(d.Position)}
		return
	case before.link.identity != l.identity || before.from != original:
		c.fail(DirectiveComposition, fmt.Sprintf("@%s is %s of %s in one subgraph and %s of %s in another; import one of them under another name", name, before.from, before.link.identity, original, l.identity), before.pos, s.place(d.Position))
	case before.link.version.major != l.version.major:
		c.fail(DirectiveComposition, fmt.Sprintf("@%s is linked in versions %s and %s, which cannot be composed; link the same major version", name, before.link.url, l.url), before.pos, s.place(d.Position))
	case before.link.version.minor < l.version.minor:
		before.link, before.def = l, def
	case before.link.version.minor == l.version.minor:
		before.def = withDefaults(before.def, def)
	}
	before.by[s] = true
}

// withDefaults returns def with the defaults that only the other definition of the same version has. Directives of an operation are not sent on, so
// what one subgraph lets clients leave out no other will miss.
func withDefaults(def, other *ast.DirectiveDefinition) *ast.DirectiveDefinition {
	out := plain(def)
	for _, arg := range out.Arguments {
		if theirs := other.Arguments.ForName(arg.Name); arg.DefaultValue == nil && theirs != nil && theirs.Type.String() == arg.Type.String() {
			arg.DefaultValue = theirs.DefaultValue
		}
	}
	return out
}

// linkOf returns the link a directive comes from, and the specification's own name for it.
func (s *subgraph) linkOf(name string) (link, string, bool) {
	for _, l := range s.links {
		for _, i := range l.imports {
			if i.as == "@"+name {
				return l, strings.TrimPrefix(i.name, "@"), true
			}
		}
		if rest, ok := strings.CutPrefix(name, l.prefix+"__"); ok && rest != "" {
			return l, rest, true
		}
		if name == l.prefix && l.prefix != "" {
			return l, l.name, true
		}
	}
	return link{}, "", false
}

// plain returns a definition without the directives on its own arguments, which nothing in the supergraph need define.
func plain(def *ast.DirectiveDefinition) *ast.DirectiveDefinition {
	out := *def
	out.Directives, out.Arguments = nil, nil
	for _, arg := range def.Arguments {
		bare := *arg
		bare.Directives = nil
		out.Arguments = append(out.Arguments, &bare)
	}
	return &out
}

// mergeComposed keeps what subgraphs apply of the directives they compose, each once.
func (c *composition) mergeComposed(at string, all []applied) ast.DirectiveList {
	if len(c.composed) == 0 {
		return nil
	}
	var out ast.DirectiveList
	seen, single := map[string]bool{}, map[string]bool{}
	for _, one := range all {
		for _, d := range one.list {
			by := c.composed[d.Name]
			if by == nil || !by.by[one.s] {
				continue
			}
			kept := &ast.Directive{Name: d.Name, Arguments: d.Arguments, Position: d.Position}
			var b strings.Builder
			writeDirective(&b, kept)
			if seen[b.String()] {
				continue
			}
			seen[b.String()] = true
			if !by.def.IsRepeatable && single[d.Name] {
				c.hint(InconsistentNonRepeatable, fmt.Sprintf("subgraphs apply @%s to %s with different arguments; the first is kept", d.Name, at), one.s.place(d.Position))
				continue
			}
			single[d.Name] = true
			out = append(out, kept)
		}
	}
	return out
}

// executable are the places in a client's document.
var executable = []ast.DirectiveLocation{
	ast.LocationQuery, ast.LocationMutation, ast.LocationSubscription, ast.LocationField,
	ast.LocationFragmentDefinition, ast.LocationFragmentSpread, ast.LocationInlineFragment, ast.LocationVariableDefinition,
}

func executableLocations(def *ast.DirectiveDefinition) []ast.DirectiveLocation {
	var out []ast.DirectiveLocation
	for _, location := range executable {
		if slices.Contains(def.Locations, location) {
			out = append(out, location)
		}
	}
	return out
}

// mergeExecutableDirectives keeps the directives that clients may use wherever their operation goes: those that every subgraph
// defines, in the places and with the arguments that all of them know.
func (c *composition) mergeExecutableDirectives() {
	holders := map[string][]*subgraph{}
	for _, s := range c.subgraphs {
		for name, def := range s.directives {
			if len(executableLocations(def)) > 0 {
				holders[name] = append(holders[name], s)
			}
		}
	}
	for _, name := range sortedKeys(holders) {
		have := holders[name]
		first := have[0].directives[name]
		place := have[0].place(first.Position)
		locations := executableLocations(first)
		for _, s := range have[1:] {
			own := executableLocations(s.directives[name])
			locations = slices.DeleteFunc(locations, func(l ast.DirectiveLocation) bool { return !slices.Contains(own, l) })
		}
		_, clashes := directiveNamed(name)
		switch {
		case c.composed[name] != nil:
			continue // already kept, as its specification defines it
		case clashes || name == "link":
			c.fail(DirectiveComposition, fmt.Sprintf("@%s has the name of a federation directive; rename it", name), place)
			continue
		case len(have) < len(c.subgraphs):
			c.hint(InconsistentDirective, fmt.Sprintf("@%s is left out, as it is defined in %s only; clients can use a directive that every subgraph defines", name, names(have)), place)
			continue
		case len(locations) == 0:
			c.hint(InconsistentDirective, fmt.Sprintf("@%s is left out, as there is no place where every subgraph allows it", name), place)
			continue
		}
		if def := c.mergeExecutable(name, have, locations); def != nil {
			c.directives = append(c.directives, def)
		}
	}
	slices.SortFunc(c.directives, byName)
}

func (c *composition) mergeExecutable(name string, have []*subgraph, locations []ast.DirectiveLocation) *ast.DirectiveDefinition {
	first := have[0].directives[name]
	out := &ast.DirectiveDefinition{Name: name, Locations: locations, IsRepeatable: true, Position: first.Position}
	out.Description = c.mergeDescription("@"+name, each(have, func(s *subgraph) described {
		return described{s, s.directives[name].Description, s.directives[name].Position}
	}))
	var order []string
	holders := map[string][]input{}
	for _, s := range have {
		def := s.directives[name]
		out.IsRepeatable = out.IsRepeatable && def.IsRepeatable
		for _, arg := range def.Arguments {
			if holders[arg.Name] == nil {
				order = append(order, arg.Name)
			}
			holders[arg.Name] = append(holders[arg.Name], input{s, arg.Name, arg.Description, arg.Type, arg.DefaultValue, nil, arg.Position})
		}
	}
	for _, arg := range order {
		inputs, what := holders[arg], "@"+name+"("+arg+":)"
		if len(inputs) < len(have) {
			var missing []*subgraph
			for _, s := range have {
				if s.directives[name].Arguments.ForName(arg) == nil {
					missing = append(missing, s)
				}
			}
			c.dropInput(what, inputs, missing, RequiredArgumentMissing, InconsistentArgument)
			continue
		}
		if merged, _ := c.mergeInputs(what, inputs, ArgumentTypeMismatch, ArgumentDefaultMismatch); merged != nil {
			out.Arguments = append(out.Arguments, &ast.ArgumentDefinition{Name: arg, Description: merged.description, Type: merged.typ, DefaultValue: merged.value, Position: merged.pos})
		}
	}
	return out
}
