package compose

import (
	"fmt"
	"slices"

	"github.com/vektah/gqlparser/v2/ast"
)

// maxAdded is how many fields @interfaceObject types may add to implementations in all: a few lines of schema can ask for the
// product of two lists.
const maxAdded = 1_000_000

// addInterfaceObjectFields gives every implementation of an interface the fields that @interfaceObject subgraphs add to it. Where
// an implementation has the field already, only the rules that the added one carries are put on it.
func (c *composition) addInterfaceObjectFields() {
	added := 0
	for _, name := range sortedKeys(c.types) {
		def := c.types[name]
		standing := c.interfaceObjects(name)
		if len(standing) == 0 || def.Kind != ast.Interface {
			continue
		}
		c.checkInterfaceObjectUse(name, standing)
		var heirs []*ast.Definition
		for _, other := range sortedKeys(c.types) {
			if t := c.types[other]; t != def && slices.Contains(t.Interfaces, name) {
				heirs = append(heirs, t)
			}
		}
		if added += len(heirs) * len(def.Fields); added > maxAdded {
			c.fail(TooLarge, fmt.Sprintf("the fields of @interfaceObject types, on every implementation, are more than the %d that are accepted", maxAdded), standing[0].place(standing[0].types[name].Position))
			return
		}
		for _, f := range def.Fields {
			at := coordinate(name, f.Name)
			resolved := slices.ContainsFunc(standing, func(s *subgraph) bool {
				return s.fields(s.types[name])[f.Name] != nil && !s.uses.external[at] && !s.uses.key[at]
			})
			if !resolved {
				continue
			}
			for _, t := range heirs {
				c.addField(t, f)
			}
		}
	}
}

// addField gives a type a field of an interface, resolved by no subgraph of its own.
func (c *composition) addField(t *ast.Definition, f *ast.FieldDefinition) {
	own := c.fields(t)[f.Name]
	if own == nil {
		added := *f
		added.Directives = slices.Concat(ast.DirectiveList{join("field")}, withoutJoins(f.Directives))
		t.Fields = append(t.Fields, &added)
		c.byName[t][f.Name] = &added
		return
	}
	rule := mergedAuth(f.Directives)
	if rule.empty() {
		return
	}
	both, ok := mergedAuth(own.Directives).and(rule)
	if !ok {
		c.fail(AuthInvalid, fmt.Sprintf("the rules of %s and of the @interfaceObject multiply to more than %d alternatives", coordinate(t.Name, f.Name), maxAuthTerms))
		return
	}
	kept := slices.DeleteFunc(slices.Clone(own.Directives), func(d *ast.Directive) bool { return slices.Contains(authDirectives, d.Name) })
	own.Directives = append(kept, both.directives(own.Position)...)
}

// withoutJoins leaves out what subgraphs say each for themselves.
func withoutJoins(list ast.DirectiveList) ast.DirectiveList {
	return slices.DeleteFunc(slices.Clone(list), func(d *ast.Directive) bool { return isJoin(d) || d.Name == cacheHint })
}

// checkInterfaceObjectUse: a subgraph that has the interface as an object type cannot tell implementations apart, so it must not
// define any.
func (c *composition) checkInterfaceObjectUse(name string, standing []*subgraph) {
	for _, s := range standing {
		for _, object := range c.implementations[name] {
			if own := s.types[object]; own != nil {
				c.fail(InterfaceObjectUsage, fmt.Sprintf("%q has %s as an @interfaceObject and also defines %s, which implements it; add fields to the one or the other", s.Name, name, object), s.place(own.Position))
			}
		}
	}
}

// checkInterfaceEntities: whoever resolves an interface by key answers for every implementation, so it must define them all.
func (c *composition) checkInterfaceEntities() {
	for _, s := range c.subgraphs {
		for _, name := range s.order {
			def := s.types[name]
			if def.Kind != ast.Interface || !slices.ContainsFunc(s.uses.keys[name], func(k key) bool { return k.resolvable }) {
				continue
			}
			var missing []string
			for _, object := range c.implementations[name] {
				if !slices.Contains(s.implements[name], object) {
					missing = append(missing, object)
				}
			}
			if len(missing) > 0 {
				c.fail(InterfaceKeyMissingImpl, fmt.Sprintf("%q resolves the interface %s by its key, but does not define its implementation %s; define it, or write resolvable: false", s.Name, name, list(missing)), s.place(def.Position))
			}
		}
	}
}
