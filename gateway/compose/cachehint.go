package compose

import (
	"fmt"
	"strconv"

	"github.com/vektah/gqlparser/v2/ast"
)

// What subgraphs say with @cacheControl of how long an answer may be remembered is a matter of each subgraph alone: it goes into the supergraph for
// each of them apart, as @cacheHint with the subgraph's name, of a linked specification of our own that no gateway needs to know.
//
// Why not @join__directive, the join notation's own word for what belongs to a subgraph (2026-11): gateways that know it put the directive back into
// the subgraph's schema, and Apollo Router refuses a supergraph whose schema then has a directive that nothing defines, as @cacheControl is outside
// of federation; nor may it stand on a union. Package supergraph reads it all the same, should another composition write it.
const (
	cacheControl  = "cacheControl"
	cacheScope    = "CacheControlScope"
	cacheHint     = "cacheHint"
	cacheHintLink = "https://callboard.dev/specs/cacheHint/v0.1"
)

const cacheHintDefinition = "directive @" + cacheHint + "(graph: join__Graph!, maxAge: Int, scope: String, inheritMaxAge: Boolean) repeatable on FIELD_DEFINITION | OBJECT | INTERFACE | UNION"

// impliedCacheControl returns the definitions that a document lacks to use @cacheControl, as the documentation of Apollo Server has them. What is implied is
// of no concern to clients.
func (s *subgraph) impliedCacheControl(doc *ast.SchemaDocument) string {
	if s.canonical[cacheControl] != "" || doc.Directives.ForName(cacheControl) != nil || !usesCacheControl(doc) {
		return ""
	}
	text := "directive @" + cacheControl + "(maxAge: Int, scope: " + cacheScope + ", inheritMaxAge: Boolean) on FIELD_DEFINITION | OBJECT | INTERFACE | UNION\n"
	if doc.Definitions.ForName(cacheScope) == nil {
		s.machinery[cacheScope] = true
		text += "enum " + cacheScope + " { PUBLIC PRIVATE }\n"
	}
	return text
}

func usesCacheControl(doc *ast.SchemaDocument) bool {
	for _, list := range []ast.DefinitionList{doc.Definitions, doc.Extensions} {
		for _, def := range list {
			if def.Directives.ForName(cacheControl) != nil {
				return true
			}
			for _, f := range def.Fields {
				if f.Directives.ForName(cacheControl) != nil {
					return true
				}
			}
		}
	}
	return false
}

// mergeCacheHints keeps what each subgraph says of an element.
func (c *composition) mergeCacheHints(all []applied) ast.DirectiveList {
	var out ast.DirectiveList
	for _, one := range all {
		d := one.list.ForName(cacheControl)
		if d == nil || one.s.canonical[cacheControl] != "" {
			continue
		}
		hint := &ast.Directive{Name: cacheHint, Position: d.Position, Arguments: ast.ArgumentList{graphArgument(one.s)}}
		if v := one.s.cacheArgument(d, "maxAge"); v != nil {
			seconds, err := strconv.ParseInt(v.Raw, 10, 32)
			if v.Kind != ast.IntValue || err != nil {
				seconds = 0 // whatever it means, not this
			}
			hint.Arguments = append(hint.Arguments, intValue("maxAge", int(max(seconds, 0))))
		}
		if v := one.s.cacheArgument(d, "scope"); v != nil {
			scope := "PRIVATE"
			if v.Raw == "PUBLIC" {
				scope = v.Raw
			}
			hint.Arguments = append(hint.Arguments, stringValue("scope", scope))
		}
		if v := one.s.cacheArgument(d, "inheritMaxAge"); v != nil && v.Raw == "true" {
			hint.Arguments = append(hint.Arguments, boolValue("inheritMaxAge", true))
		}
		if len(hint.Arguments) > 1 {
			out = append(out, hint)
			c.hinted = true
		}
	}
	return out
}

// cacheArgument returns the value of an argument, or the default that the subgraph's own definition has for it; nil for none.
func (s *subgraph) cacheArgument(d *ast.Directive, name string) *ast.Value {
	value := (*ast.Value)(nil)
	if arg := d.Arguments.ForName(name); arg != nil {
		value = arg.Value
	} else if def := s.directives[cacheControl]; def != nil {
		if arg := def.Arguments.ForName(name); arg != nil {
			value = arg.DefaultValue
		}
	}
	if value == nil || value.Kind == ast.NullValue {
		return nil
	}
	return value
}

// checkCacheHints: the supergraph can hold one directive of the name.
func (c *composition) checkCacheHints() {
	if !c.hinted {
		return
	}
	for _, d := range c.directives {
		if d.Name == cacheHint {
			c.fail(DirectiveComposition, fmt.Sprintf("@%s is what the supergraph calls what subgraphs say with @%s; rename the directive", cacheHint, cacheControl), c.definers(cacheHint)...)
		}
	}
}

// definers returns where a directive is defined.
func (c *composition) definers(name string) []Place {
	var out []Place
	for _, s := range c.subgraphs {
		if d := s.directives[name]; d != nil {
			out = append(out, s.place(d.Position))
		}
	}
	return out
}
