package gatewaytest

import (
	"fmt"
	"strings"

	"github.com/vektah/gqlparser/v2/ast"

	"callboard.dev/callboard/gateway/compose"
	"callboard.dev/callboard/gateway/supergraph"
)

// SubgraphsOf writes schemas that the supergraph could have been composed from, in its order, for stand-ins of a graph whose own schemas are not at hand.
// They have no descriptions and none of the directives that say nothing about resolving; a field that moved to another subgraph is external.
func SubgraphsOf(graph *supergraph.Supergraph) []compose.Subgraph {
	var list []compose.Subgraph
	for _, subgraph := range graph.Subgraphs {
		if subgraph.Name == supergraph.IntrospectionName {
			continue
		}
		d := &deriver{graph: graph, subgraph: subgraph}
		d.schema()
		for _, typename := range sortedKeys(graph.Full.Types) {
			if view := graph.View(typename, subgraph); view != nil {
				d.definition(view)
			}
		}
		list = append(list, compose.Subgraph{Name: subgraph.Name, URL: subgraph.URL, SDL: d.String()})
	}
	return list
}

type deriver struct {
	strings.Builder
	graph    *supergraph.Supergraph
	subgraph *supergraph.Subgraph
}

func (d *deriver) schema() {
	d.WriteString(`extend schema @link(url: "https://specs.apollo.dev/federation/v2.3", import: ["@key", "@external", "@requires", "@provides", "@interfaceObject"])`)
	usual := map[ast.Operation]string{ast.Query: "Query", ast.Mutation: "Mutation", ast.Subscription: "Subscription"}
	var roots []string
	for _, kind := range []ast.Operation{ast.Query, ast.Mutation, ast.Subscription} {
		root := d.graph.Root(kind)
		if root == nil || root.Name == usual[kind] {
			continue
		}
		if view := d.graph.View(root.Name, d.subgraph); view != nil && len(view.Fields) > 0 {
			roots = append(roots, string(kind)+": "+root.Name)
		}
	}
	if roots != nil {
		fmt.Fprintf(d, " { %s }", strings.Join(roots, " "))
	}
	d.WriteString("\n")
}

func (d *deriver) definition(view *supergraph.View) {
	def := view.Type.Def
	switch {
	case def.Kind == ast.Scalar:
		fmt.Fprintf(d, "scalar %s\n", def.Name)
	case def.Kind == ast.Enum:
		fmt.Fprintf(d, "enum %s { %s }\n", def.Name, strings.Join(sortedKeys(view.EnumValues), " "))
	case def.Kind == ast.Union:
		fmt.Fprintf(d, "union %s = %s\n", def.Name, strings.Join(sortedKeys(view.Possible), " | "))
	case len(view.Fields) == 0: // a root type of which the subgraph has nothing
	case def.Kind == ast.InputObject:
		fmt.Fprintf(d, "input %s {\n", def.Name)
		d.fields(view)
	default:
		word := "type"
		if def.Kind == ast.Interface && !view.InterfaceObject {
			word = "interface"
		}
		fmt.Fprintf(d, "%s %s%s", word, def.Name, d.interfaces(view))
		for _, key := range view.Keys {
			fmt.Fprintf(d, " @key(fields: %s", quoted(key.Fields.Text))
			if !key.Resolvable {
				d.WriteString(", resolvable: false")
			}
			d.WriteString(")")
		}
		if view.InterfaceObject {
			d.WriteString(" @interfaceObject")
		}
		d.WriteString(" {\n")
		d.fields(view)
	}
}

// interfaces returns the implements clause. What an interface implements in one subgraph alone is not in a view: it is taken to be so wherever it could be.
func (d *deriver) interfaces(view *supergraph.View) string {
	if view.InterfaceObject {
		return ""
	}
	var names []string
	for _, name := range view.Type.Def.Interfaces {
		above := d.graph.View(name, d.subgraph)
		if above == nil || above.InterfaceObject {
			continue
		}
		implements := above.Possible[view.Type.Name]
		if view.Type.Def.Kind == ast.Interface {
			implements = true
			for field := range above.Fields {
				implements = implements && view.Fields[field] != nil
			}
		}
		if implements {
			names = append(names, name)
		}
	}
	if names == nil {
		return ""
	}
	return " implements " + strings.Join(names, " & ")
}

func (d *deriver) fields(view *supergraph.View) {
	def := view.Type.Def
	for _, whole := range def.Fields {
		f := view.Fields[whole.Name]
		if f == nil {
			continue
		}
		d.WriteString("  " + f.Name)
		var arguments []string
		for _, argument := range f.Arguments {
			arguments = append(arguments, argument.Name+": "+argument.Type.String()+preset(argument.DefaultValue))
		}
		for _, argument := range f.Context {
			arguments = append(arguments, argument.Name+": "+argument.Type.String())
		}
		if arguments != nil {
			d.WriteString("(" + strings.Join(arguments, ", ") + ")")
		}
		d.WriteString(": " + f.Type.String())
		if def.Kind == ast.InputObject {
			d.WriteString(preset(whole.DefaultValue))
		}
		if !f.Resolvable() {
			d.WriteString(" @external")
		}
		if !f.Requires.Empty() {
			fmt.Fprintf(d, " @requires(fields: %s)", quoted(f.Requires.Text))
		}
		if !f.Provides.Empty() {
			fmt.Fprintf(d, " @provides(fields: %s)", quoted(f.Provides.Text))
		}
		d.WriteString("\n")
	}
	d.WriteString("}\n")
}

func preset(v *ast.Value) string {
	if v == nil {
		return ""
	}
	return " = " + v.String()
}

// quoted writes a GraphQL string; JSON's escapes are GraphQL's too.
func quoted(text string) string { return string(marshal(text)) }
