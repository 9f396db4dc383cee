package compose

import (
	"fmt"
)

// checkRequiredArguments: a requirement may give a field an argument that only some of its subgraphs take. The whole field then has no such
// argument, and whoever resolves it could not be asked.
func (c *composition) checkRequiredArguments() {
	for _, s := range c.subgraphs {
		for _, name := range s.order {
			for _, f := range s.types[name].Fields {
				at := coordinate(name, f.Name)
				set := s.uses.requires[at]
				if set == nil {
					continue
				}
				_ = s.walk(s.types[name], set, func(p pick) *fieldSetError { // it was walked before, without an error
					whole := c.types[p.parent.Name]
					if whole == nil || c.fields(whole)[p.field.Name] == nil {
						return nil
					}
					merged := c.fields(whole)[p.field.Name]
					for _, arg := range p.node.Arguments {
						if merged.Arguments.ForName(arg.Name) == nil {
							c.fail(RequiresInvalidFields, fmt.Sprintf("@requires on %s gives %s(%s:), an argument that not every subgraph with the field takes; drop it, or add it to the others",
								at, coordinate(p.parent.Name, p.field.Name), arg.Name), s.place(f.Position))
						}
					}
					return nil
				})
			}
		}
	}
}
