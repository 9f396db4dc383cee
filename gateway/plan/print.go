package plan

import (
	"fmt"
	"strings"
)

// String prints the plan: each fetch with what it waits for, where its objects are, what is sent for them, and the operation.
func (p *Plan) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s in %d fetches\n", p.Kind, len(p.Fetches))
	for _, f := range p.Fetches {
		fmt.Fprintf(&b, "\nfetch %d from %s", f.ID, f.Subgraph)
		if len(f.After) > 0 {
			after := make([]string, len(f.After))
			for i, id := range f.After {
				after[i] = fmt.Sprint(id)
			}
			b.WriteString(" after " + strings.Join(after, ", "))
		}
		b.WriteByte('\n')
		if f.At != nil {
			fmt.Fprintf(&b, "  for %s\n", pathText(f.At))
		}
		for _, e := range f.Entities {
			for _, target := range e.Targets {
				fmt.Fprintf(&b, "  $%s at %s\n", e.Variable, pathText(target.Path))
				for _, v := range e.Context {
					fmt.Fprintf(&b, "    $%s for %s:", v.Variable, v.Argument)
					for _, from := range v.Sources {
						b.WriteString(" " + pathText(target.Path[:len(target.Path)-from.Up]))
						if from.On != nil {
							b.WriteString(" on " + strings.Join(from.On, " | "))
						}
						b.WriteString(representationText(from.Fields))
					}
					b.WriteByte('\n')
				}
				for _, r := range target.Representations {
					b.WriteString("    ")
					if r.On != nil {
						b.WriteString("on " + strings.Join(r.On, " | ") + ": ")
					}
					name := r.Typename
					if name == "" {
						name = "its own type"
					}
					b.WriteString(name + representationText(r.Fields) + "\n")
				}
			}
			if text := e.Cache.String(); text != "" {
				b.WriteString("    " + text + "\n")
			}
		}
		if text := f.Cache.String(); text != "" {
			b.WriteString("  " + text + "\n")
		}
		b.WriteString("  " + f.Text + "\n")
	}
	return b.String()
}

func pathText(path []Step) string {
	names := make([]string, len(path))
	for i, step := range path {
		names[i] = step.Name
		if i > 0 && step.On != nil {
			names[i-1] += "[" + strings.Join(step.On, " | ") + "]"
		}
	}
	return strings.Join(names, ".")
}

func representationText(fields []RepresentationField) string {
	var b strings.Builder
	b.WriteString(" {")
	for _, f := range fields {
		b.WriteByte(' ')
		if f.On != nil {
			b.WriteString("... on " + strings.Join(f.On, " | ") + " ")
		}
		b.WriteString(f.Name)
		if f.Typed {
			b.WriteString(" { __typename" + strings.TrimPrefix(representationText(f.Fields), " {"))
		} else if f.Fields != nil {
			b.WriteString(representationText(f.Fields))
		}
	}
	b.WriteString(" }")
	return b.String()
}
