package plan

import (
	"context"
	"fmt"
	"strings"

	"github.com/vektah/gqlparser/v2/ast"

	"callboard.dev/callboard/gateway/operation"
	"callboard.dev/callboard/gateway/supergraph"
)

// Stages is what each stage of planning made of an operation, as text, for looking at them in order and stopping at the first that is wrong.
type Stages struct {
	Choices string // which subgraph answers each field, and which are entered for that
	Fetches string // what becomes of the choices: Plan.String
	Shape   string // what the client sees
}

// Explain plans the operation as Plan does and returns the text of every stage. Where one fails, the stages before it are there beside the error.
func (p *Planner) Explain(ctx context.Context, op *operation.Operation, label func(name string) bool) (Stages, error) {
	var out Stages
	made, err := p.plan(ctx, op, label, func(choice *siteChoice) {
		w := &choiceWriter{seen: map[*siteChoice]bool{}}
		w.site(choice, "")
		out.Choices += w.String()
	})
	if err != nil {
		return out, err
	}
	out.Fetches, out.Shape = made.String(), made.Shape.text("", made.Root)
	return out, nil
}

// choiceWriter prints choices, one field a line.
type choiceWriter struct {
	strings.Builder
	seen map[*siteChoice]bool
}

func (w *choiceWriter) site(s *siteChoice, indent string) {
	if w.seen[s] {
		return
	}
	w.seen[s] = true
	for _, unit := range s.units {
		inner := indent
		if unit.unit != s.def {
			fmt.Fprintf(w, "%son %s\n", indent, unit.unit.Name)
			inner += "  "
		}
		for _, t := range unit.targets {
			w.target(t, inner)
		}
		for _, f := range unit.fields {
			from := make([]string, len(f.sources))
			for i, source := range f.sources {
				from[i] = source.at.view.Subgraph.Name
			}
			name := f.field.Name + f.field.Arguments.Text
			switch {
			case len(from) > 0:
				fmt.Fprintf(w, "%s%s from %s\n", inner, name, strings.Join(from, " and "))
			case unit.unit.Kind == ast.Object:
				fmt.Fprintf(w, "%s%s is known\n", inner, name)
			}
			if f.below != nil {
				w.site(f.below, inner+"  ")
			}
		}
	}
}

// target prints an entry, and what it is made of.
func (w *choiceWriter) target(t *target, indent string) {
	fmt.Fprintf(w, "%senter %s", indent, t.to.view.Subgraph.Name)
	if t.to.view.InterfaceObject || supergraph.Abstract(t.to.view.Type.Def) {
		fmt.Fprintf(w, " as %s", t.to.view.Type.Name)
	}
	if t.requires != "" {
		fmt.Fprintf(w, " for what requires %q", t.requires)
	}
	if t.supply == nil {
		w.WriteByte('\n')
		return
	}
	names := make([]string, len(t.supply.fields))
	for i, f := range t.supply.fields {
		names[i] = f.field.Name + f.field.Arguments.Text
		for _, source := range f.sources {
			names[i] += " of " + source.at.view.Subgraph.Name
		}
	}
	fmt.Fprintf(w, " with %s\n", strings.Join(names, ", "))
}

// text prints the shape: response keys, with the slot each comes from, its type, and the object types it is for.
func (s *Shape) text(indent string, layout *Object) string {
	var b strings.Builder
	for i := range s.Fields {
		f := &s.Fields[i]
		b.WriteString(indent + f.Key + ": ")
		switch {
		case f.Typename:
			b.WriteString("the object's type")
		case f.Unasked:
			b.WriteString("null")
		default:
			fmt.Fprintf(&b, "slot %d, %s as %s", f.Slot, layout.Slots[f.Slot].Name, f.Type)
		}
		if f.On != nil {
			b.WriteString(" on " + strings.Join(f.On, " | "))
		}
		b.WriteByte('\n')
		if f.Shape != nil {
			b.WriteString(f.Shape.text(indent+"  ", layout.Slots[f.Slot].Object))
		}
	}
	return b.String()
}

// String prints the type as GraphQL does.
func (t *Type) String() string {
	text := t.Name
	if t.Element != nil {
		text = "[" + t.Element.String() + "]"
	}
	if t.NonNull {
		text += "!"
	}
	return text
}
