package compose

import (
	"fmt"
	"slices"

	"github.com/vektah/gqlparser/v2/ast"
)

// hidden says whether an element is left out of the schema that clients see.
func hidden(list ast.DirectiveList) bool { return list.ForName("inaccessible") != nil }

// checkInaccessible: what clients see must be a schema by itself, once everything hidden is taken out.
func (c *composition) checkInaccessible() {
	if !c.features["inaccessible"] {
		return
	}
	if query := c.types[rootNames[ast.Query]]; query != nil && hidden(query.Directives) {
		c.fail(QueryRootInaccessible, "the query type is @inaccessible, so nothing could be asked; hide its fields instead", c.placeOf(query.Position))
	}
	for _, name := range sortedKeys(c.types) {
		def := c.types[name]
		if hidden(def.Directives) {
			continue
		}
		c.checkChildren(def)
		for _, f := range def.Fields {
			if hidden(f.Directives) {
				c.checkHiddenField(def, f)
				continue
			}
			at := coordinate(name, f.Name)
			c.checkReference(at, f.Type, f.Position)
			c.checkDefault(at, f.Type, f.DefaultValue, f.Position)
			for _, arg := range f.Arguments {
				c.checkArgument(def, f, arg)
			}
		}
	}
	for _, d := range c.directives {
		for _, arg := range d.Arguments {
			c.checkReference("@"+d.Name+"("+arg.Name+":)", arg.Type, arg.Position)
			c.checkDefault("@"+d.Name+"("+arg.Name+":)", arg.Type, arg.DefaultValue, arg.Position)
		}
	}
}

// placeOf finds the subgraph whose text a position is in.
func (c *composition) placeOf(pos *ast.Position) Place {
	if pos != nil && pos.Src != nil {
		for _, s := range c.subgraphs {
			if s.source == pos.Src {
				return s.place(pos)
			}
		}
	}
	return Place{}
}

// checkChildren: a visible type must keep something visible.
func (c *composition) checkChildren(def *ast.Definition) {
	var total, gone int
	count := func(isHidden bool) {
		total++
		if isHidden {
			gone++
		}
	}
	for _, f := range def.Fields {
		count(hidden(f.Directives))
	}
	for _, v := range def.EnumValues {
		count(hidden(v.Directives))
	}
	for _, member := range def.Types {
		t := c.types[member]
		count(t != nil && hidden(t.Directives))
	}
	if total > 0 && gone == total {
		c.fail(OnlyInaccessibleChildren, fmt.Sprintf("everything in %s is @inaccessible, but the type is not; hide the type as well, or show something of it", def.Name), c.placeOf(def.Position))
	}
}

// checkHiddenField: a hidden field must not be one that clients have to give, or that a visible interface promises.
func (c *composition) checkHiddenField(def *ast.Definition, f *ast.FieldDefinition) {
	at := coordinate(def.Name, f.Name)
	if def.Kind == ast.InputObject {
		if f.Type.NonNull && f.DefaultValue == nil {
			c.fail(RequiredInaccessible, fmt.Sprintf("%s is @inaccessible but required, so nobody could give it; make it optional", at), c.placeOf(f.Position))
		}
		return
	}
	for _, i := range def.Interfaces {
		t := c.types[i]
		if t == nil || hidden(t.Directives) {
			continue
		}
		if promised := c.fields(t)[f.Name]; promised != nil && !hidden(promised.Directives) {
			c.fail(ImplementedByInaccessible, fmt.Sprintf("%s is @inaccessible, but %s is not; hide both or neither", at, coordinate(i, f.Name)), c.placeOf(f.Position))
		}
	}
}

// checkArgument: a hidden argument must be optional, in the field and in the interfaces that promise it; a visible one must refer
// to nothing hidden.
func (c *composition) checkArgument(def *ast.Definition, f *ast.FieldDefinition, arg *ast.ArgumentDefinition) {
	at := coordinate(def.Name, f.Name) + "(" + arg.Name + ":)"
	if !hidden(arg.Directives) {
		c.checkReference(at, arg.Type, arg.Position)
		c.checkDefault(at, arg.Type, arg.DefaultValue, arg.Position)
		return
	}
	if arg.Type.NonNull && arg.DefaultValue == nil {
		c.fail(RequiredInaccessible, fmt.Sprintf("%s is @inaccessible but required, so nobody could give it; make it optional", at), c.placeOf(arg.Position))
	}
	for _, i := range def.Interfaces {
		t := c.types[i]
		if t == nil || hidden(t.Directives) {
			continue
		}
		promised := c.fields(t)[f.Name]
		if promised == nil || hidden(promised.Directives) {
			continue
		}
		if same := promised.Arguments.ForName(arg.Name); same != nil && !hidden(same.Directives) {
			c.fail(ImplementedByInaccessible, fmt.Sprintf("%s is @inaccessible, but the same argument of %s is not; hide both or neither", at, coordinate(i, f.Name)), c.placeOf(arg.Position))
		}
	}
}

func (c *composition) checkReference(at string, t *ast.Type, pos *ast.Position) {
	if target := c.types[t.Name()]; target != nil && hidden(target.Directives) {
		c.fail(ReferencedInaccessible, fmt.Sprintf("%s refers to %s, which is @inaccessible; hide it as well, or show the type", at, target.Name), c.placeOf(pos))
	}
}

// checkDefault: a default that clients can see must not name a hidden enum value or input field.
func (c *composition) checkDefault(at string, t *ast.Type, v *ast.Value, pos *ast.Position) {
	if v == nil {
		return
	}
	if v.Kind == ast.ListValue {
		if t.Elem != nil {
			t = t.Elem
		}
		for _, child := range v.Children {
			c.checkDefault(at, t, child.Value, pos)
		}
		return
	}
	def := c.types[t.Name()]
	if def == nil {
		return
	}
	switch v.Kind {
	case ast.EnumValue:
		if i := slices.IndexFunc(def.EnumValues, func(e *ast.EnumValueDefinition) bool { return e.Name == v.Raw }); i >= 0 && hidden(def.EnumValues[i].Directives) {
			c.fail(DefaultUsesInaccessible, fmt.Sprintf("the default of %s is %s, which is @inaccessible; choose another", at, v.Raw), c.placeOf(pos))
		}
	case ast.ObjectValue:
		for _, child := range v.Children {
			f := c.fields(def)[child.Name]
			if f == nil {
				continue
			}
			if hidden(f.Directives) {
				c.fail(DefaultUsesInaccessible, fmt.Sprintf("the default of %s sets %s, which is @inaccessible; leave it out", at, coordinate(def.Name, f.Name)), c.placeOf(pos))
			}
			c.checkDefault(at, f.Type, child.Value, pos)
		}
	}
}
