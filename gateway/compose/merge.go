package compose

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/vektah/gqlparser/v2/ast"
)

// merge puts the subgraphs together into one schema.
func (c *composition) merge() {
	c.types, c.features = map[string]*ast.Definition{}, map[string]bool{}
	c.indexTypes()
	c.readOverrides()
	c.readComposed()
	c.mergeExecutableDirectives()
	if len(c.errors) > 0 {
		return // types would fail for the same reasons again
	}
	c.onSchema = c.mergeComposed("the schema", each(c.subgraphs, func(s *subgraph) applied { return applied{s, s.onSchema} }))
	all := map[string]bool{rootNames[ast.Query]: true}
	for _, s := range c.subgraphs {
		for name := range s.types {
			all[name] = true
		}
	}
	for _, name := range sortedKeys(all) {
		if def := c.mergeType(name); def != nil {
			c.types[name] = def
		}
	}
	c.indexImplementations()
	c.addInterfaceObjectFields()
	c.checkCacheHints()
}

// indexTypes notes what merging a field needs to know of other types: what can stand for what, and which enums go in and out.
func (c *composition) indexTypes() {
	c.implements, c.members = map[string]map[string]bool{}, map[string]map[string]bool{}
	c.inputUse, c.outputUse = map[string]bool{}, map[string]bool{}
	note := func(in map[string]map[string]bool, key string, values []string) {
		if in[key] == nil {
			in[key] = map[string]bool{}
		}
		for _, value := range values {
			in[key][value] = true
		}
	}
	for _, s := range c.subgraphs {
		for name, def := range s.types {
			note(c.implements, name, def.Interfaces)
			note(c.members, name, def.Types)
			for _, f := range def.Fields {
				if def.Kind == ast.InputObject {
					c.inputUse[f.Type.Name()] = true
				} else {
					c.outputUse[f.Type.Name()] = true
				}
				for _, arg := range f.Arguments {
					c.inputUse[arg.Type.Name()] = true
				}
			}
		}
		for _, d := range s.directives {
			for _, arg := range d.Arguments {
				c.inputUse[arg.Type.Name()] = true
			}
		}
	}
}

func (c *composition) indexImplementations() {
	c.implementations = map[string][]string{}
	for _, name := range sortedKeys(c.types) {
		if def := c.types[name]; def.Kind == ast.Object {
			for _, i := range def.Interfaces {
				c.implementations[i] = append(c.implementations[i], name)
			}
		}
	}
}

// mergeType merges one type, or returns nil where it cannot or nothing is left of it.
func (c *composition) mergeType(name string) *ast.Definition {
	subgraphs := c.with(name)
	if len(subgraphs) == 0 {
		c.fail(NoQueries, "no subgraph has a field on its query type; add one, such as type Query { ... }")
		return nil
	}
	kind, ok := c.mergeKind(name, subgraphs)
	if !ok {
		return nil
	}
	def := &ast.Definition{Kind: kind, Name: name, Position: subgraphs[0].types[name].Position}
	def.Description = c.mergeDescription(name, each(subgraphs, func(s *subgraph) described {
		return described{s, s.types[name].Description, s.types[name].Position}
	}))
	c.joinType(def, subgraphs)
	def.Directives = append(def.Directives, c.mergeApplied(name, each(subgraphs, func(s *subgraph) applied {
		return applied{s, s.types[name].Directives}
	}))...)
	if kind == ast.Object || kind == ast.Interface || kind == ast.Union {
		def.Directives = append(def.Directives, c.mergeCacheHints(each(subgraphs, func(s *subgraph) applied {
			return applied{s, s.types[name].Directives}
		}))...)
	}
	switch kind {
	case ast.Object, ast.Interface:
		c.mergeComposite(def, subgraphs)
	case ast.Union:
		c.mergeUnion(def, subgraphs)
	case ast.Enum:
		c.mergeEnum(def, subgraphs)
	case ast.InputObject:
		c.mergeInput(def, subgraphs)
	}
	return def
}

// without returns the subgraphs that are not among others.
func without(subgraphs, others []*subgraph) []*subgraph {
	return slices.DeleteFunc(slices.Clone(subgraphs), func(s *subgraph) bool { return slices.Contains(others, s) })
}

// each maps subgraphs.
func each[T any](subgraphs []*subgraph, f func(*subgraph) T) []T {
	out := make([]T, len(subgraphs))
	for i, s := range subgraphs {
		out[i] = f(s)
	}
	return out
}

// mergeKind returns the kind all subgraphs give a type. An @interfaceObject is an object type that stands for an interface.
func (c *composition) mergeKind(name string, subgraphs []*subgraph) (ast.DefinitionKind, bool) {
	var kind ast.DefinitionKind
	var first *subgraph
	var standing []*subgraph
	for _, s := range subgraphs {
		def := s.types[name]
		if s.isInterfaceObject(def) {
			standing = append(standing, s)
			continue
		}
		if first == nil {
			first, kind = s, def.Kind
		} else if def.Kind != kind {
			c.fail(TypeKindMismatch, fmt.Sprintf("%s is %s in %q and %s in %q; make them agree or rename one", name, kindText(kind), first.Name, kindText(def.Kind), s.Name),
				first.place(first.types[name].Position), s.place(def.Position))
			return "", false
		}
	}
	if len(standing) == 0 {
		return kind, true
	}
	place := standing[0].place(standing[0].types[name].Position)
	if first == nil {
		c.fail(InterfaceObjectUsage, fmt.Sprintf("%s is an @interfaceObject in %s, but no subgraph defines it as an interface; define it, or remove @interfaceObject", name, names(standing)), place)
		return "", false
	}
	if kind != ast.Interface {
		c.fail(TypeKindMismatch, fmt.Sprintf("%s is an @interfaceObject in %q but %s in %q; it must be an interface there", name, standing[0].Name, kindText(kind), first.Name), place, first.place(first.types[name].Position))
		return "", false
	}
	return kind, true
}

func kindText(kind ast.DefinitionKind) string {
	return map[ast.DefinitionKind]string{
		ast.Scalar: "a scalar", ast.Object: "an object type", ast.Interface: "an interface", ast.Union: "a union",
		ast.Enum: "an enum", ast.InputObject: "an input type",
	}[kind]
}

// described is a description somewhere.
type described struct {
	s    *subgraph
	text string
	pos  *ast.Position
}

// mergeDescription returns the description most subgraphs give, or the first of those that as many give.
func (c *composition) mergeDescription(what string, all []described) string {
	counts := map[string]int{}
	best, differ := "", false
	var places []Place
	for _, one := range all {
		if one.text == "" {
			continue
		}
		counts[one.text]++
		differ = differ || len(counts) > 1
		places = append(places, one.s.place(one.pos))
	}
	for _, one := range all {
		if counts[one.text] > counts[best] {
			best = one.text
		}
	}
	if differ {
		c.hint(InconsistentDescription, fmt.Sprintf("subgraphs describe %s differently; the description most of them give is used, or the first", what), places...)
	}
	return best
}

// mergeUnion takes every member that any subgraph has.
func (c *composition) mergeUnion(def *ast.Definition, subgraphs []*subgraph) {
	for _, s := range subgraphs {
		for _, member := range s.types[def.Name].Types {
			if !slices.Contains(def.Types, member) {
				def.Types = append(def.Types, member)
			}
			def.Directives = append(def.Directives, join("unionMember", graphArgument(s), stringValue("member", member)))
		}
	}
}

// mergeEnum: what clients may send must be understood everywhere, what they may receive must be known to them, and what is both
// must be the same everywhere. A value that some subgraph hides is nobody's to send, so it is no conflict.
func (c *composition) mergeEnum(def *ast.Definition, subgraphs []*subgraph) {
	before := len(c.errors)
	in, out := c.inputUse[def.Name], c.outputUse[def.Name]
	if !in && !out {
		c.hint(UnusedEnum, fmt.Sprintf("the enum %s is used nowhere; all values are kept", def.Name), subgraphs[0].place(def.Position))
	}
	var order []string
	holders := map[string][]*subgraph{}
	values := map[string]map[*subgraph]*ast.EnumValueDefinition{}
	for _, s := range subgraphs {
		for _, v := range s.types[def.Name].EnumValues {
			if holders[v.Name] == nil {
				order = append(order, v.Name)
				values[v.Name] = map[*subgraph]*ast.EnumValueDefinition{}
			}
			holders[v.Name] = append(holders[v.Name], s)
			values[v.Name][s] = v
		}
	}
	for _, name := range order {
		have := holders[name]
		value := func(s *subgraph) *ast.EnumValueDefinition { return values[name][s] }
		at := coordinate(def.Name, name)
		hidden := slices.ContainsFunc(have, func(s *subgraph) bool { return s.find(value(s).Directives, "inaccessible") != nil })
		if in && len(have) < len(subgraphs) && !hidden {
			missing := without(subgraphs, have)
			place := have[0].place(value(have[0]).Position)
			if out {
				c.fail(EnumValueMismatch, fmt.Sprintf("%s is missing in %s, and the enum is used both as input and as output; add it there, or mark it @inaccessible", at, names(missing)), place)
			} else {
				c.hint(InconsistentEnumValue, fmt.Sprintf("%s is left out, as %s would not understand it", at, names(missing)), place)
			}
			continue
		}
		merged := &ast.EnumValueDefinition{Name: name, Position: value(have[0]).Position}
		merged.Description = c.mergeDescription(at, each(have, func(s *subgraph) described { return described{s, value(s).Description, value(s).Position} }))
		for _, s := range have {
			merged.Directives = append(merged.Directives, join("enumValue", graphArgument(s)))
		}
		merged.Directives = append(merged.Directives, c.mergeApplied(at, each(have, func(s *subgraph) applied { return applied{s, value(s).Directives} }))...)
		def.EnumValues = append(def.EnumValues, merged)
	}
	if len(def.EnumValues) == 0 && len(c.errors) == before {
		c.fail(EmptyMergedEnum, fmt.Sprintf("%s have no value of the enum %s in common, and it is used as input; give them one", names(subgraphs), def.Name), each(subgraphs, func(s *subgraph) Place { return s.place(s.types[def.Name].Position) })...)
	}
}

// mergeInput keeps the fields that every subgraph understands.
func (c *composition) mergeInput(def *ast.Definition, subgraphs []*subgraph) {
	before := len(c.errors)
	var order []string
	holders := map[string][]*subgraph{}
	for _, s := range subgraphs {
		for _, f := range s.types[def.Name].Fields {
			if holders[f.Name] == nil {
				order = append(order, f.Name)
			}
			holders[f.Name] = append(holders[f.Name], s)
		}
	}
	for _, name := range order {
		have, at := holders[name], coordinate(def.Name, name)
		inputs := each(have, func(s *subgraph) input {
			f := s.fields(s.types[def.Name])[name]
			return input{s, f.Name, f.Description, f.Type, f.DefaultValue, f.Directives, f.Position}
		})
		if len(have) < len(subgraphs) {
			c.dropInput(at, inputs, without(subgraphs, have), RequiredInputFieldMissing, InconsistentInputField)
			continue
		}
		merged, same := c.mergeInputs(at, inputs, FieldTypeMismatch, InputFieldDefaultMismatch)
		if merged == nil {
			continue
		}
		f := &ast.FieldDefinition{Name: name, Description: merged.description, Type: merged.typ, DefaultValue: merged.value, Directives: merged.directives, Position: merged.pos}
		if !same {
			var joins ast.DirectiveList
			for _, one := range inputs {
				joins = append(joins, join("field", graphArgument(one.s), stringValue("type", one.typ.String())))
			}
			f.Directives = slices.Concat(joins, f.Directives)
		}
		def.Fields = append(def.Fields, f)
	}
	if len(def.Fields) == 0 && len(c.errors) == before {
		c.fail(EmptyMergedInput, fmt.Sprintf("%s have no field of the input type %s in common; give them one", names(subgraphs), def.Name), each(subgraphs, func(s *subgraph) Place { return s.place(s.types[def.Name].Position) })...)
	}
}

// input is an argument or an input field somewhere.
type input struct {
	s           *subgraph
	name        string
	description string
	typ         *ast.Type
	value       *ast.Value // the default; nil where there is none
	directives  ast.DirectiveList
	pos         *ast.Position
}

func (i input) required() bool { return i.typ.NonNull && i.value == nil }

// dropInput leaves out what some subgraphs would not understand, unless others cannot do without it.
func (c *composition) dropInput(at string, have []input, missing []*subgraph, code Code, hint HintCode) {
	for _, one := range have {
		if one.required() {
			c.fail(code, fmt.Sprintf("%s is required in %q but missing in %s; add it there, or make it optional", at, one.s.Name, names(missing)), one.s.place(one.pos))
			return
		}
	}
	c.hint(hint, fmt.Sprintf("%s is left out, as %s would not understand it", at, names(missing)), have[0].s.place(have[0].pos))
}

// mergeInputs merges what all subgraphs have: the strictest type, and the one default. It also says whether the types were the same.
func (c *composition) mergeInputs(at string, have []input, typeCode, defaultCode Code) (*input, bool) {
	first := have[0]
	merged := first
	same := true
	for _, one := range have[1:] {
		same = same && one.typ.String() == first.typ.String()
		switch {
		case acceptsInput(one.typ, merged.typ):
		case acceptsInput(merged.typ, one.typ):
			merged.typ = one.typ
		default:
			c.fail(typeCode, fmt.Sprintf("%s is %s in %q but %s in %q; make them agree", at, first.typ, first.s.Name, one.typ, one.s.Name), first.s.place(first.pos), one.s.place(one.pos))
			return nil, false
		}
		if valueText(one.value) != valueText(first.value) {
			c.fail(defaultCode, fmt.Sprintf("%s has %s in %q but %s in %q; make them the same", at, defaultText(first.value), first.s.Name, defaultText(one.value), one.s.Name), first.s.place(first.pos), one.s.place(one.pos))
			return nil, false
		}
	}
	var descriptions []described
	var directives []applied
	for _, one := range have {
		descriptions = append(descriptions, described{one.s, one.description, one.pos})
		directives = append(directives, applied{one.s, one.directives})
	}
	merged.description = c.mergeDescription(at, descriptions)
	merged.directives = c.mergeApplied(at, directives)
	return &merged, same
}

func defaultText(v *ast.Value) string {
	if v == nil {
		return "no default"
	}
	return "the default " + valueText(v)
}

// accepts says whether a value of type given is a value of type wanted: given is the same, stricter about null, an implementation or
// a member.
func (c *composition) accepts(wanted, given *ast.Type) bool {
	if wanted.NonNull && !given.NonNull {
		return false
	}
	if wanted.Elem != nil || given.Elem != nil {
		return wanted.Elem != nil && given.Elem != nil && c.accepts(wanted.Elem, given.Elem)
	}
	a, b := wanted.NamedType, given.NamedType
	return a == b || c.implements[b][a] || c.members[a][b]
}

// byName sorts definitions of directives.
func byName(a, b *ast.DirectiveDefinition) int { return cmp.Compare(a.Name, b.Name) }
