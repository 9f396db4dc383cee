package supergraph

import (
	"path"
	"slices"
	"strings"

	"github.com/vektah/gqlparser/v2/ast"
)

// strip removes from doc every definition and directive that belongs to a linked specification (join, link, tag, ...), and, for the
// API schema, everything that is inaccessible.
func strip(doc *ast.SchemaDocument, api bool) {
	s := stripper{linked: linkedNames(doc), inaccessible: inaccessibleName(doc), api: api}
	doc.Definitions = slices.DeleteFunc(doc.Definitions, func(def *ast.Definition) bool {
		// A linked specification may be a subgraph's own: its types are then like any other of that subgraph.
		return s.belongs(def.Name) && def.Directives.ForName("join__type") == nil || s.hidden(def.Directives)
	})
	doc.Directives = slices.DeleteFunc(doc.Directives, func(def *ast.DirectiveDefinition) bool {
		return def.Position != nil && def.Position.Src != nil && !def.Position.Src.BuiltIn && !executable(def) // the machinery has no executable directives
	})
	for _, schema := range doc.Schema {
		schema.Directives = nil
	}
	for _, def := range doc.Definitions {
		s.definition(def)
	}
	if api {
		s.dropHiddenNames(doc)
	}
}

type stripper struct {
	linked       map[string]bool
	inaccessible string // the directive that hides things from clients
	api          bool
}

// inaccessibleName returns what the document calls @inaccessible: what is hidden must stay so under any name.
func inaccessibleName(doc *ast.SchemaDocument) string {
	for _, schema := range doc.Schema {
		for _, d := range schema.Directives {
			if url := argument(d, "url") + argument(d, "feature"); (d.Name != "link" && d.Name != "core") || specification(url) != "inaccessible" {
				continue
			}
			if list := d.Arguments.ForName("import"); list != nil && list.Value != nil {
				for _, child := range list.Value.Children {
					name, as := child.Value.Children.ForName("name"), child.Value.Children.ForName("as")
					if name != nil && as != nil && name.Raw == "@inaccessible" {
						return strings.TrimPrefix(as.Raw, "@")
					}
					if child.Value.Raw == "@inaccessible" {
						return "inaccessible"
					}
				}
			}
			if as := argument(d, "as"); as != "" {
				return as
			}
		}
	}
	return "inaccessible"
}

// specification returns the name of a linked specification: the last part of its address without the version.
func specification(url string) string {
	if i := strings.LastIndexByte(url, '/'); i > 0 && strings.HasPrefix(url[i+1:], "v") {
		url = url[:i]
	}
	return path.Base(url)
}

// linkedNames returns the names by which the document's links are known: the last path part of the URL without its version, or `as`.
func linkedNames(doc *ast.SchemaDocument) map[string]bool {
	names := map[string]bool{"link": true, "core": true, "join": true, "tag": true, "inaccessible": true, "federation": true}
	for _, schema := range doc.Schema {
		for _, d := range schema.Directives {
			if d.Name != "link" && d.Name != "core" {
				continue
			}
			if name := specification(argument(d, "url") + argument(d, "feature")); name != "." && name != "/" {
				names[name] = true
			}
			if as := argument(d, "as"); as != "" {
				names[as] = true
			}
			if list := d.Arguments.ForName("import"); list != nil && list.Value != nil {
				for _, child := range list.Value.Children {
					names[strings.TrimPrefix(child.Value.Raw, "@")] = true
				}
			}
		}
	}
	delete(names, "")
	return names
}

// belongs tells whether a name is a linked specification's: the link's own name, or one below its prefix.
func (s stripper) belongs(name string) bool {
	if s.linked[name] {
		return true
	}
	prefix, _, found := strings.Cut(name, "__")
	return found && prefix != "" && s.linked[prefix]
}

func (s stripper) hidden(directives ast.DirectiveList) bool {
	return s.api && directives.ForName(s.inaccessible) != nil
}

// definition removes hidden members and foreign directives inside def.
func (s stripper) definition(def *ast.Definition) {
	def.Directives = kept(def.Directives)
	def.Fields = slices.DeleteFunc(def.Fields, func(f *ast.FieldDefinition) bool { return s.hidden(f.Directives) })
	for _, field := range def.Fields {
		field.Directives = kept(field.Directives)
		field.Arguments = slices.DeleteFunc(field.Arguments, func(a *ast.ArgumentDefinition) bool { return s.hidden(a.Directives) })
		for _, arg := range field.Arguments {
			arg.Directives = kept(arg.Directives)
		}
	}
	def.EnumValues = slices.DeleteFunc(def.EnumValues, func(v *ast.EnumValueDefinition) bool { return s.hidden(v.Directives) })
	for _, value := range def.EnumValues {
		value.Directives = kept(value.Directives)
	}
}

// dropHiddenNames removes references to types that are gone: from unions and from implements lists.
func (s stripper) dropHiddenNames(doc *ast.SchemaDocument) {
	present := map[string]bool{}
	for _, def := range doc.Definitions {
		present[def.Name] = true
	}
	gone := func(name string) bool { return !present[name] }
	for _, def := range doc.Definitions {
		def.Types = slices.DeleteFunc(def.Types, gone)
		def.Interfaces = slices.DeleteFunc(def.Interfaces, gone)
	}
	for _, schema := range doc.Schema {
		schema.OperationTypes = slices.DeleteFunc(schema.OperationTypes, func(o *ast.OperationTypeDefinition) bool { return gone(o.Type) })
	}
}

// kept returns the applied directives that mean something to clients.
func kept(directives ast.DirectiveList) ast.DirectiveList {
	return slices.DeleteFunc(directives, func(d *ast.Directive) bool {
		return d.Name != "deprecated" && d.Name != "specifiedBy" && d.Name != "oneOf"
	})
}

// executable tells whether clients may write the directive in an operation.
func executable(def *ast.DirectiveDefinition) bool {
	for _, location := range def.Locations {
		switch location {
		case ast.LocationQuery, ast.LocationMutation, ast.LocationSubscription, ast.LocationField,
			ast.LocationFragmentDefinition, ast.LocationFragmentSpread, ast.LocationInlineFragment, ast.LocationVariableDefinition:
			return true
		}
	}
	return false
}
