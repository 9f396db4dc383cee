package compose

import (
	"fmt"
	"slices"
	"strconv"

	"github.com/vektah/gqlparser/v2/ast"
)

// applied is what one subgraph applies to an element.
type applied struct {
	s    *subgraph
	list ast.DirectiveList
}

// mergeApplied merges what subgraphs apply to an element, into directives under the names of their specifications.
func (c *composition) mergeApplied(at string, all []applied) ast.DirectiveList {
	var out ast.DirectiveList
	if slices.ContainsFunc(all, func(one applied) bool { return len(one.list) > 0 }) {
		out = append(out, c.mergeBuiltIn(all)...)
		out = append(out, c.mergeTags(all)...)
		out = append(out, c.mergeAuth(at, all)...)
		out = append(out, c.mergeCosts(all)...)
		out = append(out, c.mergeContexts(all)...)
		out = append(out, c.mergeComposed(at, all)...)
	}
	return out
}

// mergeBuiltIn takes the first of each of GraphQL's own directives, as they cannot be repeated.
func (c *composition) mergeBuiltIn(all []applied) ast.DirectiveList {
	var out ast.DirectiveList
	for _, name := range []string{"deprecated", "oneOf", "specifiedBy"} {
		for _, one := range all {
			if d := one.list.ForName(name); d != nil && one.s.canonical[name] == "" {
				out = append(out, &ast.Directive{Name: name, Arguments: d.Arguments, Position: d.Position})
				break
			}
		}
	}
	return out
}

// mergeTags keeps @inaccessible where any subgraph says so, and every tag.
func (c *composition) mergeTags(all []applied) ast.DirectiveList {
	var out ast.DirectiveList
	tags := map[string]*ast.Directive{}
	for _, one := range all {
		if d := one.s.find(one.list, "inaccessible"); d != nil && len(out) == 0 {
			out = append(out, &ast.Directive{Name: "inaccessible", Position: d.Position})
			c.features["inaccessible"] = true
		}
		for _, d := range one.s.all(one.list, "tag") {
			tags[stringArgument(d, "name")] = d
			c.features["tag"] = true
		}
	}
	for _, name := range sortedKeys(tags) {
		out = append(out, &ast.Directive{Name: "tag", Position: tags[name].Position, Arguments: ast.ArgumentList{stringValue("name", name)}})
	}
	return out
}

// mergeAuth asks for what every subgraph asks for: whichever of them answers, none of their rules may be walked round.
func (c *composition) mergeAuth(at string, all []applied) ast.DirectiveList {
	var rule authRule
	var last *ast.Directive
	for _, one := range all {
		next, _, _ := one.s.readAuth(one.list) // flaws were reported when the subgraph was judged
		if next.empty() {
			continue
		}
		for _, name := range authDirectives {
			if d := one.s.find(one.list, name); d != nil {
				last = d
			}
		}
		var ok bool
		if rule, ok = rule.and(next); !ok {
			c.fail(AuthInvalid, fmt.Sprintf("the rules that subgraphs set for %s multiply to more than %d alternatives", at, maxAuthTerms), one.s.place(last.Position))
			return nil
		}
	}
	if last == nil {
		return nil
	}
	out := rule.directives(last.Position)
	for _, d := range out {
		c.features[d.Name] = true
	}
	return out
}

// mergeCosts takes the highest cost and the largest list.
func (c *composition) mergeCosts(all []applied) ast.DirectiveList {
	var out ast.DirectiveList
	var weight, assumed *int
	var slicing, sized []string
	var one, listed bool
	var strict *bool
	var pos *ast.Position
	raise := func(into **int, d *ast.Directive, name string) {
		if arg := d.Arguments.ForName(name); arg != nil && arg.Value.Kind == ast.IntValue {
			if n, err := strconv.Atoi(arg.Value.Raw); err == nil && (*into == nil || n > **into) {
				*into = &n
			}
		}
	}
	for _, a := range all {
		if d := a.s.find(a.list, "cost"); d != nil {
			raise(&weight, d, "weight")
			one, pos = true, d.Position
		}
		if d := a.s.find(a.list, "listSize"); d != nil {
			raise(&assumed, d, "assumedSize")
			slicing = append(slicing, stringsOf(d, "slicingArguments")...)
			sized = append(sized, stringsOf(d, "sizedFields")...)
			if arg := d.Arguments.ForName("requireOneSlicingArgument"); arg != nil && arg.Value.Kind == ast.BooleanValue {
				both := arg.Value.Raw == "true" && (strict == nil || *strict)
				strict = &both
			}
			listed, pos = true, d.Position
		}
	}
	if one && weight != nil {
		c.features["cost"] = true
		out = append(out, &ast.Directive{Name: "cost", Position: pos, Arguments: ast.ArgumentList{intValue("weight", *weight)}})
	}
	if listed {
		c.features["listSize"] = true
		d := &ast.Directive{Name: "listSize", Position: pos}
		if assumed != nil {
			d.Arguments = append(d.Arguments, intValue("assumedSize", *assumed))
		}
		for _, pair := range []struct {
			name  string
			items []string
		}{{"slicingArguments", slicing}, {"sizedFields", sized}} {
			if slices.Sort(pair.items); len(pair.items) > 0 {
				d.Arguments = append(d.Arguments, &ast.Argument{Name: pair.name, Value: stringList(slices.Compact(pair.items))})
			}
		}
		if strict != nil {
			d.Arguments = append(d.Arguments, boolValue("requireOneSlicingArgument", *strict))
		}
		out = append(out, d)
	}
	return out
}

func intValue(name string, n int) *ast.Argument {
	return &ast.Argument{Name: name, Value: &ast.Value{Kind: ast.IntValue, Raw: strconv.Itoa(n)}}
}

func stringsOf(d *ast.Directive, name string) []string {
	arg := d.Arguments.ForName(name)
	if arg == nil || arg.Value.Kind != ast.ListValue {
		return nil
	}
	var out []string
	for _, child := range arg.Value.Children {
		out = append(out, child.Value.Raw)
	}
	return out
}

// mergeContexts keeps the contexts of each subgraph apart.
func (c *composition) mergeContexts(all []applied) ast.DirectiveList {
	var out ast.DirectiveList
	for _, one := range all {
		for _, d := range one.s.all(one.list, "context") {
			out = append(out, &ast.Directive{Name: "context", Position: d.Position, Arguments: ast.ArgumentList{stringValue("name", one.s.contextName(stringArgument(d, "name")))}})
			c.features["context"] = true
		}
	}
	return out
}

// checkCost: the arguments of @cost and @listSize must be what their specification says, or a gateway would count wrong.
func (s *subgraph) checkCost(def *ast.Definition) Errors {
	var errs Errors
	check := func(list ast.DirectiveList) {
		for _, d := range list {
			name := s.canonical[d.Name]
			if name != "cost" && name != "listSize" {
				continue
			}
			for _, arg := range d.Arguments {
				if !costArgumentFits(arg) {
					errs = append(errs, s.failure(CostInvalid, d.Position, "%s is no value for the argument %s of @%s", arg.Value, arg.Name, d.Name)...)
				}
			}
		}
	}
	check(def.Directives)
	for _, f := range def.Fields {
		check(f.Directives)
		for _, arg := range f.Arguments {
			check(arg.Directives)
		}
	}
	return errs
}

func costArgumentFits(arg *ast.Argument) bool {
	switch arg.Name {
	case "weight", "assumedSize":
		n, err := strconv.ParseInt(arg.Value.Raw, 10, 32)
		return arg.Value.Kind == ast.IntValue && err == nil && (n >= 0 || arg.Name == "weight") || arg.Value.Kind == ast.NullValue && arg.Name == "assumedSize"
	case "requireOneSlicingArgument":
		return arg.Value.Kind == ast.BooleanValue || arg.Value.Kind == ast.NullValue
	}
	if arg.Value.Kind == ast.NullValue {
		return true
	}
	return arg.Value.Kind == ast.ListValue && !slices.ContainsFunc(arg.Value.Children, func(child *ast.ChildValue) bool {
		return child.Value.Kind != ast.StringValue && child.Value.Kind != ast.BlockValue
	})
}
