package compose

import (
	"fmt"
	"slices"
	"strings"

	"github.com/vektah/gqlparser/v2/ast"
)

// print writes the supergraph: what it links, the machinery of the join notation, then the types by name.
func (c *composition) print() string {
	var b strings.Builder
	c.writeSchema(&b)
	b.WriteString("\n" + c.machineryText())
	for _, d := range c.directives {
		b.WriteByte('\n')
		writeDirectiveDefinition(&b, d)
	}
	for _, name := range sortedKeys(c.types) {
		b.WriteByte('\n')
		writeDefinition(&b, c.types[name])
	}
	return b.String()
}

// joinVersion is the oldest join specification that can say what this supergraph says, so that as many gateways as possible read it.
func (c *composition) joinVersion() string {
	switch {
	case c.contexts:
		return "v0.5"
	case c.labels:
		return "v0.4"
	}
	return "v0.3"
}

func (c *composition) writeSchema(b *strings.Builder) {
	b.WriteString("schema\n")
	link := func(args string) { b.WriteString("  @link(" + args + ")\n") }
	link(`url: "` + specIdentity + `link/v1.0"`)
	link(`url: "` + specIdentity + `join/` + c.joinVersion() + `", for: EXECUTION`)
	for _, f := range c.usedFeatures() {
		args := `url: "` + specIdentity + f.name + "/" + f.version + `"`
		if f.name == "cost" {
			args += `, import: ["@cost", "@listSize"]`
		}
		if f.purpose != "" {
			args += ", for: " + f.purpose
		}
		link(args)
	}
	if c.hinted {
		link(`url: "` + cacheHintLink + `"`)
	}
	c.writeComposedLinks(link)
	for _, d := range c.onSchema {
		b.WriteString("  ")
		writeDirective(b, d)
		b.WriteByte('\n')
	}
	b.WriteString("{\n")
	for _, operation := range []ast.Operation{ast.Query, ast.Mutation, ast.Subscription} {
		if c.types[rootNames[operation]] != nil {
			fmt.Fprintf(b, "  %s: %s\n", operation, rootNames[operation])
		}
	}
	b.WriteString("}\n")
}

// usedFeatures returns the features whose directives the supergraph applies, by name.
func (c *composition) usedFeatures() []feature {
	return slices.DeleteFunc(slices.Clone(features), func(f feature) bool {
		return !slices.ContainsFunc(f.directives, func(name string) bool { return c.features[name] })
	})
}

// writeComposedLinks links the specifications of composed directives: each once, in its newest version.
func (c *composition) writeComposedLinks(link func(string)) {
	byIdentity := map[string][]*composed{}
	for _, name := range sortedKeys(c.composed) {
		one := c.composed[name]
		byIdentity[one.link.identity] = append(byIdentity[one.link.identity], one)
	}
	for _, identity := range sortedKeys(byIdentity) {
		newest := byIdentity[identity][0].link
		var imports []string
		for _, one := range byIdentity[identity] {
			if one.link.version.minor > newest.version.minor {
				newest = one.link
			}
			if one.name == one.from {
				imports = append(imports, quote("@"+one.name))
			} else {
				imports = append(imports, "{name: "+quote("@"+one.from)+", as: "+quote("@"+one.name)+"}")
			}
		}
		link("url: " + quote(newest.url) + ", import: [" + strings.Join(imports, ", ") + "]")
	}
}

// machineryText defines the directives and types the supergraph's notation is made of.
func (c *composition) machineryText() string {
	field := "graph: join__Graph, requires: join__FieldSet, provides: join__FieldSet, type: String, external: Boolean, override: String, usedOverridden: Boolean"
	if c.labels || c.contexts {
		field += ", overrideLabel: String"
	}
	if c.contexts {
		field += ", contextArguments: [join__ContextArgument!]"
	}
	blocks := []string{
		"directive @join__enumValue(graph: join__Graph!) repeatable on ENUM_VALUE",
		"directive @join__field(" + field + ") repeatable on FIELD_DEFINITION | INPUT_FIELD_DEFINITION",
		"directive @join__graph(name: String!, url: String!) on ENUM_VALUE",
		"directive @join__implements(graph: join__Graph!, interface: String!) repeatable on OBJECT | INTERFACE",
		"directive @join__type(graph: join__Graph!, key: join__FieldSet, extension: Boolean! = false, resolvable: Boolean! = true, isInterfaceObject: Boolean! = false) repeatable on OBJECT | INTERFACE | UNION | ENUM | INPUT_OBJECT | SCALAR",
		"directive @join__unionMember(graph: join__Graph!, member: String!) repeatable on UNION",
		"directive @link(url: String, as: String, for: link__Purpose, import: [link__Import]) repeatable on SCHEMA",
	}
	if c.hinted {
		blocks = append([]string{cacheHintDefinition}, blocks...)
	}
	if c.contexts {
		blocks = append(blocks, "input join__ContextArgument {\n  name: String!\n  type: String!\n  context: String!\n  selection: join__FieldValue!\n}", "scalar join__FieldValue")
	}
	var graphs strings.Builder
	graphs.WriteString("enum join__Graph {\n")
	for _, s := range c.subgraphs {
		fmt.Fprintf(&graphs, "  %s @join__graph(name: %s, url: %s)\n", s.graph, quote(s.Name), quote(s.URL))
	}
	graphs.WriteString("}")
	blocks = append(blocks, "scalar join__FieldSet", graphs.String(), "scalar link__Import",
		"enum link__Purpose {\n  \"\"\"\n  What is needed to resolve fields securely.\n  \"\"\"\n  SECURITY\n\n  \"\"\"\n  What is needed to execute operations.\n  \"\"\"\n  EXECUTION\n}")
	for _, f := range c.usedFeatures() {
		blocks = append(blocks, strings.TrimSuffix(f.definition, "\n"))
	}
	return strings.Join(blocks, "\n\n") + "\n"
}

func writeDirectiveDefinition(b *strings.Builder, d *ast.DirectiveDefinition) {
	writeDescription(b, "", d.Description)
	b.WriteString("directive @" + d.Name)
	writeArguments(b, "", d.Arguments)
	if d.IsRepeatable {
		b.WriteString(" repeatable")
	}
	locations := make([]string, len(d.Locations))
	for i, location := range d.Locations {
		locations[i] = string(location)
	}
	b.WriteString(" on " + strings.Join(locations, " | ") + "\n")
}

var keywords = map[ast.DefinitionKind]string{
	ast.Scalar: "scalar", ast.Object: "type", ast.Interface: "interface", ast.Union: "union", ast.Enum: "enum", ast.InputObject: "input",
}

func writeDefinition(b *strings.Builder, def *ast.Definition) {
	writeDescription(b, "", def.Description)
	b.WriteString(keywords[def.Kind] + " " + def.Name)
	if len(def.Interfaces) > 0 {
		b.WriteString(" implements " + strings.Join(def.Interfaces, " & "))
	}
	for _, d := range def.Directives {
		b.WriteString("\n  ")
		writeDirective(b, d)
	}
	b.WriteByte('\n')
	switch def.Kind {
	case ast.Scalar:
		return
	case ast.Union:
		b.WriteString("  = " + strings.Join(def.Types, " | ") + "\n")
		return
	}
	b.WriteString("{\n")
	for _, f := range def.Fields {
		writeDescription(b, "  ", f.Description)
		b.WriteString("  " + f.Name)
		writeArguments(b, "  ", f.Arguments)
		b.WriteString(": " + f.Type.String())
		writeRest(b, f.DefaultValue, f.Directives)
		b.WriteByte('\n')
	}
	for _, v := range def.EnumValues {
		writeDescription(b, "  ", v.Description)
		b.WriteString("  " + v.Name)
		writeRest(b, nil, v.Directives)
		b.WriteByte('\n')
	}
	b.WriteString("}\n")
}

// writeArguments writes arguments in one line, or each on its own where one is described.
func writeArguments(b *strings.Builder, indent string, args ast.ArgumentDefinitionList) {
	if len(args) == 0 {
		return
	}
	apart := slices.ContainsFunc(args, func(a *ast.ArgumentDefinition) bool { return a.Description != "" })
	b.WriteByte('(')
	for i, arg := range args {
		switch {
		case apart:
			b.WriteByte('\n')
			writeDescription(b, indent+"  ", arg.Description)
			b.WriteString(indent + "  ")
		case i > 0:
			b.WriteString(", ")
		}
		b.WriteString(arg.Name + ": " + arg.Type.String())
		writeRest(b, arg.DefaultValue, arg.Directives)
	}
	if apart {
		b.WriteString("\n" + indent)
	}
	b.WriteByte(')')
}

func writeRest(b *strings.Builder, value *ast.Value, directives ast.DirectiveList) {
	if value != nil {
		b.WriteString(" = ")
		writeValue(b, value)
	}
	for _, d := range directives {
		b.WriteByte(' ')
		writeDirective(b, d)
	}
}

func writeDirective(b *strings.Builder, d *ast.Directive) {
	b.WriteString("@" + d.Name)
	for i, arg := range d.Arguments {
		if i == 0 {
			b.WriteByte('(')
		} else {
			b.WriteString(", ")
		}
		b.WriteString(arg.Name + ": ")
		writeValue(b, arg.Value)
	}
	if len(d.Arguments) > 0 {
		b.WriteByte(')')
	}
}

// valueText writes a literal, "" for none.
func valueText(v *ast.Value) string {
	if v == nil {
		return ""
	}
	var b strings.Builder
	writeValue(&b, v)
	return b.String()
}

func writeValue(b *strings.Builder, v *ast.Value) {
	switch v.Kind {
	case ast.StringValue, ast.BlockValue:
		b.WriteString(quote(v.Raw))
	case ast.ListValue, ast.ObjectValue:
		brackets := "[]"
		if v.Kind == ast.ObjectValue {
			brackets = "{}"
		}
		b.WriteByte(brackets[0])
		for i, child := range v.Children {
			if i > 0 {
				b.WriteString(", ")
			}
			if v.Kind == ast.ObjectValue {
				b.WriteString(child.Name + ": ")
			}
			writeValue(b, child.Value)
		}
		b.WriteByte(brackets[1])
	case ast.Variable:
		b.WriteString("$" + v.Raw)
	case ast.NullValue:
		b.WriteString("null")
	default:
		b.WriteString(v.Raw)
	}
}

// quote writes a GraphQL string: control characters escaped, all else as it is.
func quote(text string) string {
	var b strings.Builder
	b.WriteByte('"')
	for _, r := range text {
		switch {
		case r == '"' || r == '\\':
			b.WriteByte('\\')
			b.WriteRune(r)
		case r == '\n':
			b.WriteString(`\n`)
		case r == '\t':
			b.WriteString(`\t`)
		case r == '\r':
			b.WriteString(`\r`)
		case r < ' ' || r >= 0x7f && r < 0xa0 || r == '\u2028' || r == '\u2029' || r == '\ufeff':
			fmt.Fprintf(&b, `\u%04x`, r)
		default:
			b.WriteRune(r)
		}
	}
	b.WriteByte('"')
	return b.String()
}

// writeDescription writes a description as a block string where reading that gives the same text again, else as a plain one.
func writeDescription(b *strings.Builder, indent, text string) {
	if text == "" {
		return
	}
	if !fitsBlock(text) {
		b.WriteString(indent + quote(text) + "\n")
		return
	}
	if !strings.ContainsAny(text, "\n\"") {
		b.WriteString(indent + `"""` + text + `"""` + "\n")
		return
	}
	b.WriteString(indent + "\"\"\"\n")
	for line := range strings.SplitSeq(strings.ReplaceAll(text, `"""`, `\"""`), "\n") {
		if line != "" {
			b.WriteString(indent + line)
		}
		b.WriteByte('\n')
	}
	b.WriteString(indent + "\"\"\"\n")
}

// fitsBlock says whether a block string can hold the text: a reader takes blank lines off both ends and the indentation that
// all lines share, and knows no escapes but that of three quotes.
func fitsBlock(text string) bool {
	if strings.ContainsFunc(text, func(r rune) bool { return r < ' ' && r != '\n' && r != '\t' || r == 0x7f }) || strings.Contains(text, `\"""`) || strings.HasSuffix(text, `\`) {
		return false
	}
	lines := strings.Split(text, "\n")
	blank := func(line string) bool { return strings.Trim(line, " \t") == "" }
	if blank(lines[0]) || blank(lines[len(lines)-1]) {
		return false
	}
	return slices.ContainsFunc(lines, func(line string) bool { return !blank(line) && line[0] != ' ' && line[0] != '\t' }) &&
		!slices.ContainsFunc(lines, func(line string) bool { return line != "" && blank(line) })
}
