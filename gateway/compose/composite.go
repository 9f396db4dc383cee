package compose

import (
	"fmt"
	"slices"
	"strings"

	"github.com/vektah/gqlparser/v2/ast"
)

// source is one subgraph's declaration of a field.
type source struct {
	s        *subgraph
	def      *ast.Definition
	field    *ast.FieldDefinition
	at       string    // coordinate
	external bool      // declared, not resolved
	taken    *override // another subgraph takes the field over; nil where none does
	moves    *ast.Directive
}

// resolves says whether the subgraph resolves the field, on some path at least.
func (f source) resolves() bool {
	return f.taken == nil && (!f.external || f.s.uses.provided[f.at])
}

func (f source) place() Place { return f.s.place(f.field.Position) }

// mergeComposite merges the interfaces and fields of an object or interface type.
func (c *composition) mergeComposite(def *ast.Definition, subgraphs []*subgraph) {
	var order []string
	sources := map[string][]source{}
	for _, s := range subgraphs {
		own := s.types[def.Name]
		for _, i := range own.Interfaces {
			if !slices.Contains(def.Interfaces, i) {
				def.Interfaces = append(def.Interfaces, i)
			}
			def.Directives = append(def.Directives, join("implements", graphArgument(s), stringValue("interface", i)))
		}
		for _, f := range own.Fields {
			if sources[f.Name] == nil {
				order = append(order, f.Name)
			}
			at := coordinate(def.Name, f.Name)
			sources[f.Name] = append(sources[f.Name], source{
				s: s, def: own, field: f, at: at, external: s.uses.external[at], taken: c.overridden(s, at), moves: s.find(f.Directives, "override"),
			})
		}
	}
	slices.Sort(def.Interfaces)
	having := len(subgraphs)
	if def.Name == rootNames[ast.Query] {
		having = len(c.subgraphs) // every subgraph has a query type, if only for the protocol
	}
	for _, name := range order {
		if f := c.mergeField(def, sources[name], having); f != nil {
			def.Fields = append(def.Fields, f)
		}
	}
}

// mergeField merges the declarations of one field. having is how many subgraphs have its type.
func (c *composition) mergeField(def *ast.Definition, sources []source, having int) *ast.FieldDefinition {
	at := sources[0].at
	stand := c.standIns(def, sources)
	var stating []source // what the field is, they say; external declarations only repeat it
	for _, one := range sources {
		if !one.external {
			stating = append(stating, one)
		}
	}
	if len(stating) == 0 {
		if len(stand) == 0 {
			c.fail(ExternalMissingOnBase, fmt.Sprintf("%s is @external in every subgraph that has it, so none resolves it; remove @external in the one that does", at), places(sources)...)
			return nil
		}
		stating = sources
	}
	c.checkSharing(def, at, append(slices.Clone(sources), stand...))
	f := &ast.FieldDefinition{Name: stating[0].field.Name, Position: stating[0].field.Position}
	if f.Type = c.mergeFieldType(at, stating); f.Type == nil {
		return nil
	}
	f.Description = c.mergeDescription(at, eachSource(stating, func(one source) described { return described{one.s, one.field.Description, one.field.Position} }))
	f.Arguments = c.mergeArguments(at, stating)
	for _, one := range sources {
		if one.external {
			c.checkExternalSource(f, one)
		}
	}
	f.Directives = slices.Concat(c.joinFields(f, sources, having),
		c.mergeApplied(at, eachSource(stating, func(one source) applied { return applied{one.s, one.field.Directives} })),
		c.mergeCacheHints(eachSource(sources, func(one source) applied { return applied{one.s, one.field.Directives} })))
	return f
}

func eachSource[T any](sources []source, f func(source) T) []T {
	out := make([]T, len(sources))
	for i, one := range sources {
		out[i] = f(one)
	}
	return out
}

func places(sources []source) []Place { return eachSource(sources, source.place) }

// standIns returns the fields of @interfaceObject types that stand for a field of an object type: whoever implements the interface
// has the field from there.
func (c *composition) standIns(def *ast.Definition, sources []source) []source {
	if def.Kind != ast.Object {
		return nil
	}
	name := sources[0].field.Name
	var out []source
	for _, i := range def.Interfaces {
		for _, s := range c.interfaceObjects(i) {
			own := s.types[i]
			if f := s.fields(own)[name]; f != nil {
				at := coordinate(i, name)
				out = append(out, source{s: s, def: own, field: f, at: at, external: s.uses.external[at], taken: c.overridden(s, at)})
			}
		}
	}
	return slices.DeleteFunc(out, func(one source) bool { return one.external })
}

// interfaceObjects returns the subgraphs in which an interface is an @interfaceObject.
func (c *composition) interfaceObjects(name string) []*subgraph {
	if c.standing == nil {
		c.standing = map[string][]*subgraph{}
		for _, s := range c.subgraphs {
			for _, name := range s.order {
				if s.isInterfaceObject(s.types[name]) {
					c.standing[name] = append(c.standing[name], s)
				}
			}
		}
	}
	return c.standing[name]
}

// checkSharing: where several subgraphs resolve a field, all of them must have agreed to.
func (c *composition) checkSharing(def *ast.Definition, at string, sources []source) {
	var resolving []source
	var silent []*subgraph
	for _, one := range sources {
		if one.def.Kind == ast.Interface || !one.resolves() {
			continue
		}
		resolving = append(resolving, one)
		if !one.s.isShareable(one.def, one.field) {
			silent = append(silent, one.s)
		}
	}
	if len(resolving) < 2 {
		return
	}
	all := eachSource(resolving, func(one source) *subgraph { return one.s })
	if len(silent) > 0 {
		what := "add @shareable there, or resolve it in one subgraph"
		if def.Name == rootNames[ast.Subscription] {
			what = "a subscription can be run by one subgraph only"
		}
		c.fail(InvalidFieldSharing, fmt.Sprintf("%s is resolved by %s, and not @shareable in %s; %s", at, names(all), names(silent), what), places(resolving)...)
		return
	}
	c.checkRuntimeTypes(at, resolving)
}

// checkRuntimeTypes: a shared field may be asked of any of its subgraphs, so what it returns should not depend on which.
func (c *composition) checkRuntimeTypes(at string, sources []source) {
	var common []string
	differ := false
	for i, one := range sources {
		target := one.s.types[one.field.Type.Name()]
		if target == nil || !target.IsAbstractType() {
			return // an object type, or one that stands for an interface and can be anything
		}
		possible := slices.Clone(one.s.possible(target))
		slices.Sort(possible)
		if i == 0 {
			common = possible
			continue
		}
		differ = differ || !slices.Equal(common, possible)
		common = slices.DeleteFunc(common, func(name string) bool {
			_, found := slices.BinarySearch(possible, name)
			return !found
		})
	}
	if len(common) == 0 {
		c.fail(ShareableRuntimeTypes, fmt.Sprintf("%s is shared, but no object type is possible for it in all of %s; make them agree", at, names(eachSource(sources, func(one source) *subgraph { return one.s }))), places(sources)...)
	} else if differ {
		c.hint(InconsistentRuntimeTypes, fmt.Sprintf("%s is shared, but its possible object types differ between subgraphs", at), places(sources)...)
	}
}

// mergeFieldType returns the type that covers what all subgraphs return, or nil where there is none.
func (c *composition) mergeFieldType(at string, sources []source) *ast.Type {
	widest := sources[0]
	for _, one := range sources[1:] {
		switch {
		case c.accepts(widest.field.Type, one.field.Type):
		case c.accepts(one.field.Type, widest.field.Type):
			widest = one
		default:
			c.fail(FieldTypeMismatch, fmt.Sprintf("%s is %s in %q but %s in %q; make one cover the other", at, widest.field.Type, widest.s.Name, one.field.Type, one.s.Name), widest.place(), one.place())
			return nil
		}
	}
	return widest.field.Type
}

// mergeArguments keeps the arguments that every subgraph understands, apart from those the gateway fills in itself.
func (c *composition) mergeArguments(at string, sources []source) ast.ArgumentDefinitionList {
	var out ast.ArgumentDefinitionList
	var order []string
	holders := map[string][]input{}
	contextual := map[string]source{}
	for _, one := range sources {
		for _, arg := range one.field.Arguments {
			if slices.ContainsFunc(one.s.contextual[one.at], func(a contextArgument) bool { return a.name == arg.Name }) {
				contextual[arg.Name] = one
				continue
			}
			if holders[arg.Name] == nil {
				order = append(order, arg.Name)
			}
			holders[arg.Name] = append(holders[arg.Name], input{one.s, arg.Name, arg.Description, arg.Type, arg.DefaultValue, arg.Directives, arg.Position})
		}
	}
	for _, name := range order {
		have, what := holders[name], at+"("+name+":)"
		if by, ok := contextual[name]; ok {
			for _, one := range have {
				if one.required() {
					c.fail(ContextArgumentElsewhere, fmt.Sprintf("%s is taken from a context in %q but required from the client in %q; make it optional there", what, by.s.Name, one.s.Name), one.s.place(one.pos), by.place())
				}
			}
			continue
		}
		if len(have) < len(sources) {
			var missing []*subgraph
			for _, one := range sources {
				if one.field.Arguments.ForName(name) == nil {
					missing = append(missing, one.s)
				}
			}
			c.dropInput(what, have, missing, RequiredArgumentMissing, InconsistentArgument)
			continue
		}
		if merged, _ := c.mergeInputs(what, have, ArgumentTypeMismatch, ArgumentDefaultMismatch); merged != nil {
			out = append(out, &ast.ArgumentDefinition{Name: name, Description: merged.description, Type: merged.typ, DefaultValue: merged.value, Directives: merged.directives, Position: merged.pos})
		}
	}
	return out
}

// checkExternalSource compares a declaration that only repeats a field with the field.
func (c *composition) checkExternalSource(f *ast.FieldDefinition, one source) {
	if !c.accepts(f.Type, one.field.Type) {
		c.fail(ExternalTypeMismatch, fmt.Sprintf("%s is @external in %q as %s, but %s where it is resolved; write the same", one.at, one.s.Name, one.field.Type, f.Type), one.place())
	}
	for _, arg := range f.Arguments {
		own := one.field.Arguments.ForName(arg.Name)
		what := one.at + "(" + arg.Name + ":)"
		switch {
		case own == nil:
			c.fail(ExternalArgumentMissing, fmt.Sprintf("%s is missing in the @external declaration of %q; add it", what, one.s.Name), one.place())
		case !acceptsInput(own.Type, arg.Type) && !acceptsInput(arg.Type, own.Type):
			c.fail(ExternalArgumentType, fmt.Sprintf("%s is %s in the @external declaration of %q, but %s where it is resolved; write the same", what, own.Type, one.s.Name, arg.Type), one.s.place(own.Position))
		case valueText(own.DefaultValue) != valueText(arg.DefaultValue):
			c.fail(ExternalArgumentDefault, fmt.Sprintf("%s has %s in the @external declaration of %q, but %s where it is resolved; write the same", what, defaultText(own.DefaultValue), one.s.Name, defaultText(arg.DefaultValue)), one.s.place(own.Position))
		}
	}
}

// joinType says which subgraphs have a type, and by which keys it is entered there.
func (c *composition) joinType(def *ast.Definition, subgraphs []*subgraph) {
	if def.Name == rootNames[ast.Query] {
		subgraphs = c.subgraphs
	}
	for _, s := range subgraphs {
		var stands []*ast.Argument
		if s.isInterfaceObject(s.types[def.Name]) {
			stands = append(stands, boolValue("isInterfaceObject", true))
		}
		keys := s.uses.keys[def.Name]
		if len(keys) == 0 {
			def.Directives = append(def.Directives, join("type", append([]*ast.Argument{graphArgument(s)}, stands...)...))
		}
		for _, k := range keys {
			args := []*ast.Argument{graphArgument(s), stringValue("key", k.text)}
			if k.extension {
				args = append(args, boolValue("extension", true))
			}
			if !k.resolvable {
				args = append(args, boolValue("resolvable", false))
			}
			def.Directives = append(def.Directives, join("type", append(args, stands...)...))
		}
	}
}

// joinFields says what each subgraph has of a field. Where every subgraph that has the type has the same field, nothing needs saying.
func (c *composition) joinFields(f *ast.FieldDefinition, sources []source, having int) ast.DirectiveList {
	plain := len(sources) == having
	differ := false
	for _, one := range sources {
		differ = differ || one.field.Type.String() != f.Type.String()
		u := one.s.uses
		if one.external || one.taken != nil || one.moves != nil || u.requires[one.at] != nil || u.provides[one.at] != nil || len(one.s.contextual[one.at]) > 0 {
			plain = false
		}
	}
	if plain && !differ {
		return nil
	}
	var out ast.DirectiveList
	for _, one := range sources {
		u := one.s.uses
		args := []*ast.Argument{graphArgument(one.s)}
		used := one.taken != nil && u.used[one.at]
		if one.taken != nil && one.taken.label == "" && !used {
			continue
		}
		if set := u.requires[one.at]; set != nil {
			args = append(args, stringValue("requires", fieldSetText(set)))
		}
		if set := u.provides[one.at]; set != nil {
			args = append(args, stringValue("provides", fieldSetText(set)))
		}
		if differ {
			args = append(args, stringValue("type", one.field.Type.String()))
		}
		if one.external {
			args = append(args, boolValue("external", true))
		}
		label := ""
		if one.moves != nil {
			args = append(args, stringValue("override", stringArgument(one.moves, "from")))
			label = stringArgument(one.moves, "label")
		}
		if used {
			args = append(args, boolValue("usedOverridden", true))
		}
		if one.taken != nil {
			label = one.taken.label
		}
		if label != "" {
			args = append(args, stringValue("overrideLabel", label))
			c.labels = true
		}
		if taken := one.s.contextual[one.at]; len(taken) > 0 {
			args = append(args, contextArguments(taken))
			c.contexts = true
		}
		out = append(out, join("field", args...))
	}
	return out
}

// contextArguments says which arguments the gateway fills in, and from what.
func contextArguments(taken []contextArgument) *ast.Argument {
	outer := &ast.Value{Kind: ast.ListValue}
	for _, one := range taken {
		object := &ast.Value{Kind: ast.ObjectValue}
		for _, pair := range [][2]string{{"context", one.context}, {"name", one.name}, {"type", one.typ.String()}, {"selection", one.selection}} {
			object.Children = append(object.Children, &ast.ChildValue{Name: pair[0], Value: &ast.Value{Kind: ast.StringValue, Raw: pair[1]}})
		}
		outer.Children = append(outer.Children, &ast.ChildValue{Value: object})
	}
	return &ast.Argument{Name: "contextArguments", Value: outer}
}

// join makes a directive of the join specification.
func join(what string, args ...*ast.Argument) *ast.Directive {
	return &ast.Directive{Name: joinPrefix + what, Arguments: args}
}

const joinPrefix = "join__"

func isJoin(d *ast.Directive) bool { return strings.HasPrefix(d.Name, joinPrefix) }

func graphArgument(s *subgraph) *ast.Argument {
	return &ast.Argument{Name: "graph", Value: &ast.Value{Kind: ast.EnumValue, Raw: s.graph}}
}

func stringValue(name, text string) *ast.Argument {
	return &ast.Argument{Name: name, Value: &ast.Value{Kind: ast.StringValue, Raw: text}}
}

func boolValue(name string, value bool) *ast.Argument {
	return &ast.Argument{Name: name, Value: &ast.Value{Kind: ast.BooleanValue, Raw: fmt.Sprint(value)}}
}
