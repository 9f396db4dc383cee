package compose

import (
	"fmt"
	"slices"
	"strings"

	"callboard.dev/callboard/gateway/compose/satisfy"
	"callboard.dev/callboard/gateway/supergraph"
)

// checkSatisfiable asks whether every field that clients can see can be answered on every path to it. What is checked is the text that
// gateways will read.
func (c *composition) checkSatisfiable() {
	c.text = c.print()
	graph, err := supergraph.Read("supergraph", c.text)
	if err != nil {
		c.fail(InvalidGraphQL, "merged, the subgraphs make a schema that no gateway could read: "+sentence(err.Error()))
		return
	}
	checker := satisfy.Checker{Supergraph: graph}
	result := checker.Check()
	for _, f := range result.Findings {
		c.fail(Unsatisfiable, c.unsatisfiable(f), c.unsatisfiablePlaces(f)...)
	}
	if !result.Complete && len(result.Findings) == 0 {
		c.hint(SatisfiabilityUnknown, "the subgraphs are connected in so many ways that not all were tried: some field may turn out to be out of reach when it is asked for")
	}
}

// unsatisfiable writes a finding.
func (c *composition) unsatisfiable(f satisfy.Finding) string {
	var b strings.Builder
	switch f.Kind {
	case satisfy.Untyped:
		fmt.Fprintf(&b, "nothing tells the object type of %s in %s, where it is an @interfaceObject in %s", f.Type, operationText(f), quoted(f.AtHand))
	case satisfy.Divided:
		fmt.Fprintf(&b, "%s is shared and a mutation runs once, but no subgraph that resolves it leads to everything below it in %s", coordinates(f), operationText(f))
		for _, part := range f.Parts {
			fmt.Fprintf(&b, "; from %q %s cannot be answered in %s", part.From, coordinates(part), operationText(part))
		}
		b.WriteString("; resolve all of it in one of them, or add keys by which the rest is reached")
		return b.String()
	default:
		fmt.Fprintf(&b, "%s cannot be answered in %s, where %s is at hand in %s", coordinates(f), operationText(f), f.Type, quoted(f.AtHand))
	}
	for i, r := range f.Reasons {
		b.WriteString(map[bool]string{true: ": ", false: "; "}[i == 0] + reasonText(r))
	}
	if len(f.Reasons) == 0 {
		b.WriteString(": no subgraph resolves it")
	}
	b.WriteString("; " + c.remedy(f))
	if f.Others > 0 {
		b.WriteString(", and the same on other paths")
	}
	return b.String()
}

func operationText(f satisfy.Finding) string {
	text := `"` + f.Path.Operation() + `"`
	if len(f.Labels) == 0 {
		return text
	}
	labels := make([]string, len(f.Labels))
	for i, l := range f.Labels {
		labels[i] = labelText(l)
	}
	return text + " while " + list(labels)
}

func labelText(l satisfy.Label) string {
	return fmt.Sprintf("the label %q is %s", l.Name, map[bool]string{true: "on", false: "off"}[l.On])
}

func coordinates(f satisfy.Finding) string {
	if len(f.Fields) == 0 {
		return f.Type
	}
	out := make([]string, len(f.Fields))
	for i, field := range f.Fields {
		out[i] = coordinate(f.Type, field)
	}
	return list(out)
}

func quoted(names []string) string {
	out := make([]string, len(names))
	for i, name := range names {
		out[i] = `"` + name + `"`
	}
	return list(out)
}

// reasonText says why one subgraph does not answer.
func reasonText(r satisfy.Reason) string {
	switch r.Obstacle {
	case satisfy.External:
		return fmt.Sprintf("in %q it is @external and not provided on this path", r.Subgraph)
	case satisfy.Overridden:
		return fmt.Sprintf("%q has given it up to an @override", r.Subgraph)
	case satisfy.OtherLabel:
		return fmt.Sprintf("%q resolves it only while %s", r.Subgraph, labelText(r.Label))
	case satisfy.NoKey:
		return fmt.Sprintf("%q has no @key of %s to be entered by", r.Subgraph, r.Type)
	case satisfy.KeyNotEntered:
		return fmt.Sprintf("%q has %s of %s with resolvable: false", r.Subgraph, keyTexts(r.Keys, func(k satisfy.Lack) string { return fmt.Sprintf("the key %q", k.Set) }), r.Type)
	case satisfy.KeyOutOfReach:
		return fmt.Sprintf("%q is entered only by %s", r.Subgraph, keyTexts(r.Keys, func(k satisfy.Lack) string {
			return fmt.Sprintf("the key %q, for which %s is not to be had", k.Set, k.Field)
		}))
	case satisfy.RequirementOut:
		return fmt.Sprintf("in %q it requires %q, of which %s is not to be had", r.Subgraph, r.Lack.Set, r.Lack.Field)
	default:
		return fmt.Sprintf("in %q its argument %s comes from the context %q, which is not to be had from anything above it on this path", r.Subgraph, r.Lack.Field, contextOf(r))
	}
}

// contextOf returns what the subgraph itself calls a context.
func contextOf(r satisfy.Reason) string { return strings.TrimPrefix(r.Lack.Set, r.Subgraph+"__") }

func keyTexts(keys []satisfy.Lack, text func(satisfy.Lack) string) string {
	out := make([]string, len(keys))
	for i, k := range keys {
		out[i] = text(k)
	}
	return strings.Join(out, ", or ")
}

// remedy says what to do about the reason that is the easiest to do something about.
func (c *composition) remedy(f satisfy.Finding) string {
	best := satisfy.Reason{Obstacle: -1}
	order := []satisfy.Obstacle{
		satisfy.ContextNotSet, satisfy.RequirementOut, satisfy.KeyOutOfReach, satisfy.NoKey, satisfy.KeyNotEntered, satisfy.OtherLabel, satisfy.External, satisfy.Overridden,
	}
	for _, r := range f.Reasons {
		if best.Obstacle < 0 || slices.Index(order, r.Obstacle) < slices.Index(order, best.Obstacle) {
			best = r
		}
	}
	here := quoted(f.AtHand)
	switch best.Obstacle {
	case satisfy.External:
		return "provide it on this path, or resolve it in a subgraph that is reached"
	case satisfy.OtherLabel:
		return "let a subgraph that is reached resolve it for the other requests too"
	case satisfy.NoKey:
		return fmt.Sprintf("add a @key to %s in %q whose fields can be had there, or resolve it in %s", best.Type, best.Subgraph, here)
	case satisfy.KeyNotEntered:
		return fmt.Sprintf("let %q be entered by its key, or resolve it in %s", best.Subgraph, here)
	case satisfy.KeyOutOfReach:
		return fmt.Sprintf("resolve %s in %s, or add a key to %s in %q that can be had there", best.Keys[0].Field, here, best.Type, best.Subgraph)
	case satisfy.RequirementOut:
		return fmt.Sprintf("make sure that %s can be answered there", best.Lack.Field)
	case satisfy.ContextNotSet:
		return fmt.Sprintf("add @context(name: %q) to a type that is on every path", contextOf(best))
	}
	return fmt.Sprintf("resolve it in %s", here)
}

// unsatisfiablePlaces returns where the fields, or the type, of a finding are written in the subgraphs that have them.
func (c *composition) unsatisfiablePlaces(f satisfy.Finding) []Place {
	var out []Place
	fields := func(s *subgraph, typeName string) {
		def := s.types[typeName]
		if def == nil {
			return
		}
		for _, name := range f.Fields {
			if field := s.fields(def)[name]; field != nil {
				out = append(out, s.place(field.Position))
			}
		}
		if len(f.Fields) == 0 {
			out = append(out, s.place(def.Position))
		}
	}
	for _, s := range c.subgraphs {
		for _, r := range f.Reasons {
			if r.Subgraph == s.Name {
				fields(s, r.Type)
			}
		}
		if f.Kind != satisfy.Unanswered && slices.Contains(append(parts(f), f.AtHand...), s.Name) {
			fields(s, f.Type)
		}
	}
	return out
}

// parts names the subgraphs that a divided field could be asked of.
func parts(f satisfy.Finding) []string {
	var out []string
	for _, part := range f.Parts {
		out = append(out, part.From)
	}
	return out
}
