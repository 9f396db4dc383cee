package gatewaytest

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// finishAbstract decides which object types of a subgraph are in its interfaces and unions beside those that must be.
func (g *graphMaker) finishAbstract() {
	for _, s := range g.subgraphs {
		for _, t := range g.types {
			if s.parts[t] == nil || t.kind != madeInterface && t.kind != madeUnion {
				continue
			}
			for _, m := range t.members {
				if part := s.parts[m]; part != nil && !slices.Contains(part.implements, t) && g.chance(2) {
					part.implements = append(part.implements, t)
				}
			}
		}
		for _, t := range g.types {
			if t.extends == nil || s.parts[t] == nil || s.parts[t.extends] == nil {
				continue
			}
			for _, m := range t.members {
				if part := s.parts[m]; part != nil && slices.Contains(part.implements, t) {
					g.join(t.extends, s, m)
				}
			}
		}
	}
}

var typeName = regexp.MustCompile(`\b(Hue|Mode|Side|Range|Pick|Stamp)\b`)

// print writes the schema of a subgraph, one field a line.
func (g *graphMaker) print(s *madeSubgraph) string {
	var b strings.Builder
	for _, t := range g.types {
		part := s.parts[t]
		if part == nil {
			continue
		}
		switch {
		case t.kind == madeUnion:
			var members []string
			for _, m := range t.members {
				if own := s.parts[m]; own != nil && slices.Contains(own.implements, t) {
					members = append(members, m.name)
				}
			}
			fmt.Fprintf(&b, "union %s%s = %s\n", t.name, g.hidden(t.hidden, s), strings.Join(members, " | "))
		case t.kind == madeInterface, t.kind == madeBeing && !slices.Contains(t.standing, s):
			g.printInterface(&b, t, s)
		default:
			g.printObject(&b, t, s)
		}
	}
	g.printInputs(&b, s)
	if s.first {
		return b.String()
	}
	var imports []string
	for _, name := range []string{"external", "inaccessible", "interfaceObject", "key", "override", "provides", "requires", "shareable"} {
		if strings.Contains(b.String(), "@"+name) {
			imports = append(imports, `"@`+name+`"`)
		}
	}
	return link(strings.Join(imports, ", ")) + "\n\n" + b.String()
}

func (g *graphMaker) hidden(hidden bool, s *madeSubgraph) string {
	if hidden && !s.first {
		return " @inaccessible"
	}
	return ""
}

func (g *graphMaker) printObject(b *strings.Builder, t *madeType, s *madeSubgraph) {
	part := s.parts[t]
	extends := s.first && (t.kind == madeRoot && g.chance(2) || t.kind == madeEntity && t.hub != s)
	if extends {
		b.WriteString("extend ")
	}
	b.WriteString("type " + t.name)
	var interfaces []string
	for _, i := range part.implements {
		if i.kind != madeUnion {
			interfaces = append(interfaces, i.name)
		}
	}
	if len(interfaces) > 0 {
		b.WriteString(" implements " + strings.Join(interfaces, " & "))
	}
	for _, key := range part.keys {
		b.WriteString(" @key(" + key + ")")
	}
	if t.kind == madeBeing {
		b.WriteString(" @interfaceObject")
	}
	b.WriteString(g.hidden(t.hidden, s) + " {\n")
	for _, f := range part.fields {
		b.WriteString("  " + f.name + f.arguments + ": " + g.typeText(f, s))
		if f.external || extends && f.key {
			b.WriteString(" @external")
		}
		if !s.first && !f.external && !f.key && (len(f.owners) > 1 || f.provided || f.shared && !f.moved) {
			b.WriteString(" @shareable")
		}
		if f.override != "" {
			fmt.Fprintf(b, " @override(from: %q)", f.override)
		}
		if f.requires != "" {
			fmt.Fprintf(b, " @requires(fields: %s)", marshal(f.requires))
		}
		if f.provides != "" {
			fmt.Fprintf(b, " @provides(fields: %s)", marshal(f.provides))
		}
		if !f.external {
			b.WriteString(g.hidden(f.hidden, s))
		}
		b.WriteByte('\n')
	}
	b.WriteString("}\n")
}

// typeText returns the type of a field as a subgraph has it: where others have the field too, sometimes with null where they have none.
func (g *graphMaker) typeText(f *partField, s *madeSubgraph) string {
	typ := f.typ
	declared := false
	for _, other := range g.subgraphs {
		for _, t := range g.types {
			part := other.parts[t]
			declared = declared || part != nil && part.find(f.madeField) != nil && part.find(f.madeField).external
		}
	}
	if !declared && !f.shared && len(f.owners) > 1 && s != f.owners[0] && g.chance(2) {
		typ = strings.Replace(typ, "!", "", 1+g.random.IntN(2))
	}
	return fmt.Sprintf(typ, f.named())
}

func (f *madeField) named() string {
	if f.below != nil {
		return f.below.name
	}
	return f.leaf
}

// declaration is a field of an interface as a subgraph writes it.
type declaration struct{ name, text string }

func (g *graphMaker) printInterface(b *strings.Builder, t *madeType, s *madeSubgraph) {
	b.WriteString("interface " + t.name)
	if t.extends != nil && s.parts[t.extends] != nil {
		b.WriteString(" implements " + t.extends.name)
	}
	for _, key := range s.parts[t].keys {
		b.WriteString(" @key(" + key + ")")
	}
	b.WriteString(" {\n")
	for _, d := range g.declarations(t, s) {
		b.WriteString(d.text)
	}
	b.WriteString("}\n")
}

// declarations are fields that all object types of the interface declare in the subgraph.
func (g *graphMaker) declarations(t *madeType, s *madeSubgraph) []declaration {
	if made, found := g.declared[s][t]; found {
		return made
	}
	var list []declaration
	if t.extends != nil && s.parts[t.extends] != nil {
		list = slices.Clone(g.declarations(t.extends, s))
	}
	fields := t.fields
	if t.kind == madeInterface {
		fields = append([]*madeField{{name: "id", typ: "%s!", leaf: "ID"}}, fields...)
	}
	for i, f := range fields {
		if slices.ContainsFunc(list, func(d declaration) bool { return d.name == f.name }) || !g.everywhere(t, s, f) || i > 0 && g.chance(5) {
			continue
		}
		typ := f.typ
		if g.chance(3) && f.name != "id" {
			typ = strings.ReplaceAll(typ, "!", "")
		}
		list = append(list, declaration{f.name, "  " + f.name + f.arguments + ": " + fmt.Sprintf(typ, f.named()) + "\n"})
	}
	if g.declared == nil {
		g.declared = map[*madeSubgraph]map[*madeType][]declaration{}
	}
	if g.declared[s] == nil {
		g.declared[s] = map[*madeType][]declaration{}
	}
	g.declared[s][t] = list
	return list
}

// printInputs writes the scalars, enums and inputs that are used so far. What subgraphs have of an enum that is only answered differs, and of what is
// only given.
func (g *graphMaker) printInputs(b *strings.Builder, s *madeSubgraph) {
	maybe := func(text string) string {
		if g.chance(4) {
			return ""
		}
		return text
	}
	written := map[string]bool{}
	for {
		before := len(written)
		for _, name := range typeName.FindAllString(b.String(), -1) {
			if written[name] {
				continue
			}
			written[name] = true
			switch name {
			case "Stamp":
				b.WriteString("scalar Stamp\n")
			case "Hue":
				b.WriteString("enum Hue {\n  RED\n" + maybe("  GREEN\n") + "  BLUE" + g.hidden(g.hiddenHue, s) + "\n" + maybe("  GREY\n") + "}\n")
			case "Mode":
				b.WriteString("enum Mode {\n  FAST\n  SLOW\n}\n")
			case "Side":
				b.WriteString("enum Side {\n  LEFT\n" + maybe("  RIGHT\n") + "}\n")
			case "Range":
				b.WriteString("input Range {\n  low: Int!\n  high: Int = 3\n  mode: Mode = SLOW\n" + maybe("  sides: [Side!]\n") + maybe("  inner: Range\n") + maybe("  pick: Pick\n") + "}\n")
			case "Pick":
				b.WriteString("input Pick @oneOf {\n  n: Int\n  text: String\n" + maybe("  range: Range\n") + "}\n")
			}
		}
		if len(written) == before {
			return
		}
	}
}
