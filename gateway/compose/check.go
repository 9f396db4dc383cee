package compose

import (
	"errors"
	"fmt"
	"slices"

	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/gqlerror"
	"github.com/vektah/gqlparser/v2/parser"
	"github.com/vektah/gqlparser/v2/validator"
)

// check judges the merged schema, last of all whether every query can be planned over it.
func (c *composition) check() {
	c.checkImplementations()
	c.checkInterfaceEntities()
	c.checkRequiredArguments()
	c.checkInaccessible()
	c.checkTransitiveAuth()
	if len(c.errors) == 0 {
		c.checkGraphQL()
	}
	if len(c.errors) == 0 {
		c.checkSatisfiable()
	}
}

// checkImplementations: subgraphs that are right about their own part of a type can still be wrong about the whole.
func (c *composition) checkImplementations() {
	for _, name := range sortedKeys(c.types) {
		def := c.types[name]
		if def.Kind != ast.Object && def.Kind != ast.Interface {
			continue
		}
		own := c.fields(def)
		for _, i := range def.Interfaces {
			for _, f := range c.types[i].Fields {
				if own[f.Name] != nil {
					continue
				}
				var claim, lack []*subgraph
				for _, s := range c.subgraphs {
					if slices.Contains(s.implements[i], name) {
						lack = append(lack, s)
					}
					if d := s.types[i]; d != nil && s.fields(d)[f.Name] != nil {
						claim = append(claim, s)
					}
				}
				places := each(lack, func(s *subgraph) Place { return s.place(s.types[name].Position) })
				c.fail(InterfaceFieldNoImpl, fmt.Sprintf("%s implements %s in %s but has no field %s, which %s put on the interface; add the field to %s in some subgraph", name, i, names(lack), f.Name, names(claim), name), places...)
			}
		}
	}
}

// checkGraphQL is the last line: the merged schema, with all its join directives, must be valid GraphQL. What fails here is two
// valid subgraphs that contradict each other in a way no rule above names.
func (c *composition) checkGraphQL() {
	whole := validator.PreludeDocument()
	own, err := parser.ParseSchema(&ast.Source{Name: "supergraph", Input: c.machineryText(), BuiltIn: true})
	if err == nil {
		whole.Merge(own)
		for _, name := range sortedKeys(c.types) {
			def := *c.types[name]
			whole.Definitions = append(whole.Definitions, &def)
		}
		whole.Directives = append(whole.Directives, c.directives...)
		_, err = validator.ValidateSchemaDocument(whole)
	}
	if err == nil {
		return
	}
	message, places := err.Error(), []Place(nil)
	var g *gqlerror.Error
	if errors.As(err, &g) {
		message = sentence(g.Message)
		if file, ok := g.Extensions["file"].(string); ok && len(g.Locations) > 0 && g.Locations[0].Line > 0 {
			for _, s := range c.subgraphs {
				if s.source.Name == file {
					places = append(places, Place{s.Name, s.File, g.Locations[0].Line, g.Locations[0].Column})
					break
				}
			}
		}
	}
	c.fail(InvalidGraphQL, "merged, the subgraphs contradict each other: "+message, places...)
}
