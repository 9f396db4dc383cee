package compose

import (
	"fmt"
	"slices"

	"github.com/vektah/gqlparser/v2/ast"
)

// validate judges each subgraph by itself.
func (c *composition) validate() {
	for _, s := range c.subgraphs {
		errs := s.readUsage()
		s.uses.certain = len(errs) == 0
		c.errors = append(c.errors, errs...)
		if s.version == federation1 {
			c.errors = append(c.errors, s.dropUnusedExternal()...)
		}
		for _, name := range sortedKeys(s.directives) {
			for _, arg := range s.directives[name].Arguments {
				if d := s.find(arg.Directives, "inaccessible"); d != nil {
					c.errors = append(c.errors, s.failure(DisallowedInaccessible, d.Position, "@%s is on the argument %s of @%s; clients see directives whole, so remove it", d.Name, arg.Name, name)...)
				}
			}
		}
		rules := []func(*subgraph, *ast.Definition) Errors{
			(*subgraph).checkInterfaceKeys,
			(*subgraph).checkInterfaceObject,
			(*subgraph).checkExternal,
			(*subgraph).checkShareable,
			(*subgraph).checkOverride,
			(*subgraph).checkAuth,
			(*subgraph).checkCost,
		}
		c.hintDropped(s)
		for _, name := range s.order {
			for _, rule := range rules {
				c.errors = append(c.errors, rule(s, s.types[name])...)
			}
		}
		if len(c.errors) > maxErrors {
			c.errors = c.errors[:maxErrors]
			return
		}
	}
}

// hintDropped tells of federation directives that the join notation has no word for.
func (c *composition) hintDropped(s *subgraph) {
	for _, name := range s.order {
		def := s.types[name]
		lists := []ast.DirectiveList{def.Directives}
		for _, f := range def.Fields {
			lists = append(lists, f.Directives)
		}
		for _, list := range lists {
			if d := s.find(list, "cacheTag"); d != nil {
				c.hint(DirectiveDropped, fmt.Sprintf("@%s is left out, as gateways that read this supergraph would not know it", d.Name), s.place(d.Position))
				return
			}
		}
	}
}

func (s *subgraph) failure(code Code, pos *ast.Position, format string, args ...any) Errors {
	return Errors{{code, fmt.Sprintf(format, args...), []Place{s.place(pos)}}}
}

// checkInterfaceKeys: an entity interface is entered through its implementations, so each must have its keys.
func (s *subgraph) checkInterfaceKeys(def *ast.Definition) Errors {
	if def.Kind != ast.Interface {
		return nil
	}
	var errs Errors
	for _, k := range s.uses.keys[def.Name] {
		if s.version.minor < 3 {
			return s.failure(KeyUnsupportedOnInterface, k.pos, "a @key on the interface %s needs federation v2.3; link %sfederation/v2.3 or later", def.Name, specIdentity)
		}
		var missing []string
		for _, name := range s.implements[def.Name] {
			if s.types[name].Kind == ast.Object && !s.hasKey(name, k) {
				missing = append(missing, name)
			}
		}
		if len(missing) > 0 {
			errs = append(errs, s.failure(InterfaceKeyNotOnImpl, k.pos, `the interface %s has the key "%s", which its implementation %s lacks; add @key(fields: "%s") there`, def.Name, k.text, list(missing), k.text)...)
		}
	}
	return errs
}

// hasKey says whether a type has the same key; the order of its fields does not count.
func (s *subgraph) hasKey(name string, k key) bool {
	return slices.ContainsFunc(s.uses.keys[name], func(other key) bool { return sameFields(other.set, k.set) })
}

// sameFields compares two field sets without their order.
func sameFields(a, b ast.SelectionSet) bool {
	return sortedFieldSet(a) == sortedFieldSet(b)
}

func sortedFieldSet(set ast.SelectionSet) string {
	parts := make([]string, len(set))
	for i, selection := range set {
		switch node := selection.(type) {
		case *ast.Field:
			parts[i] = node.Name
			if len(node.SelectionSet) > 0 {
				parts[i] += "{" + sortedFieldSet(node.SelectionSet) + "}"
			}
		case *ast.InlineFragment:
			parts[i] = "... on " + node.TypeCondition + "{" + sortedFieldSet(node.SelectionSet) + "}"
		}
	}
	slices.Sort(parts)
	return fmt.Sprint(parts)
}

func (s *subgraph) isInterfaceObject(def *ast.Definition) bool {
	return def != nil && def.Kind == ast.Object && s.find(def.Directives, "interfaceObject") != nil
}

func (s *subgraph) checkInterfaceObject(def *ast.Definition) Errors {
	if !s.isInterfaceObject(def) || len(s.uses.keys[def.Name]) > 0 {
		return nil
	}
	return s.failure(InterfaceObjectUsage, def.Position, "%s is an @interfaceObject without a @key, so it could never be entered; give it a key of the interface", def.Name)
}

// ofTheField are directives that say something of the field itself, which an @external declaration is not. A rule that only such a
// declaration carried would protect nothing.
var ofTheField = []string{"tag", "inaccessible", "authenticated", "requiresScopes", "policy"}

func (s *subgraph) checkExternal(def *ast.Definition) Errors {
	var errs Errors
	for _, f := range def.Fields {
		at := coordinate(def.Name, f.Name)
		d := s.find(f.Directives, "external")
		if d != nil && def.Kind == ast.Interface {
			errs = append(errs, s.failure(ExternalOnInterface, d.Position, "@%s is on %s, a field of an interface, where it means nothing; remove it", d.Name, at)...)
			continue
		}
		if !s.uses.external[at] || s.version == federation1 {
			continue
		}
		if d != nil && !s.uses.used[at] && s.uses.certain {
			errs = append(errs, s.failure(ExternalUnused, f.Position, "%s is @external, but no @key, @requires, @provides or interface of this subgraph uses it; remove the field", at)...)
		}
		for _, name := range []string{"requires", "provides"} {
			if other := s.find(f.Directives, name); other != nil {
				errs = append(errs, s.failure(ExternalCollision, other.Position, "%s is @external, so it is not resolved here and cannot have @%s; remove one of the two", at, other.Name)...)
			}
		}
		for _, name := range ofTheField {
			if other := s.find(f.Directives, name); other != nil {
				errs = append(errs, s.failure(MergedDirectiveOnExternal, other.Position, "%s is @external, so @%s says nothing of it here; put it where the field is resolved", at, other.Name)...)
			}
		}
	}
	return errs
}

// dropUnusedExternal removes the fields that a Federation 1 subgraph declares and never uses, which Federation 1 let pass.
func (s *subgraph) dropUnusedExternal() Errors {
	var errs Errors
	for _, name := range slices.Clone(s.order) {
		def := s.types[name]
		if def.Kind != ast.Object {
			continue
		}
		var kept ast.FieldList
		for _, f := range def.Fields {
			at := coordinate(name, f.Name)
			if s.uses.external[at] && !s.uses.used[at] {
				delete(s.uses.external, at)
				continue
			}
			kept = append(kept, f)
		}
		if len(kept) == 0 {
			errs = append(errs, s.failure(TypeOnlyUnusedExternal, def.Position, "%s has only @external fields that nothing uses; remove the type", name)...)
			continue
		}
		def.Fields = kept
		delete(s.byName, def)
	}
	return errs
}

func (s *subgraph) checkShareable(def *ast.Definition) Errors {
	if def.Kind != ast.Interface && def.Name != rootNames[ast.Subscription] {
		return nil
	}
	var errs Errors
	for _, f := range def.Fields {
		if d := s.find(f.Directives, "shareable"); d != nil {
			what := "a field of an interface, which no subgraph resolves"
			if def.Kind != ast.Interface {
				what = "a subscription, which one subgraph alone can run"
			}
			errs = append(errs, s.failure(InvalidShareable, d.Position, "@%s is on %s.%s, %s; remove it", d.Name, def.Name, f.Name, what)...)
		}
	}
	return errs
}

// isShareable says whether the subgraph agrees to resolve a field beside others. In Federation 1 every value type and every key
// was shared without a word, so all but subscriptions count.
func (s *subgraph) isShareable(def *ast.Definition, f *ast.FieldDefinition) bool {
	if s.version == federation1 {
		return def.Name != rootNames[ast.Subscription]
	}
	at := coordinate(def.Name, f.Name)
	return s.uses.key[at] || s.uses.external[at] || s.find(f.Directives, "shareable") != nil || s.find(s.beside[f], "shareable") != nil
}

func (s *subgraph) checkOverride(def *ast.Definition) Errors {
	var errs Errors
	for _, f := range def.Fields {
		d := s.find(f.Directives, "override")
		if d == nil {
			continue
		}
		at := coordinate(def.Name, f.Name)
		switch {
		case def.Kind == ast.Interface:
			errs = append(errs, s.failure(OverrideOnInterface, d.Position, "@%s is on %s, a field of an interface; put it on the implementations", d.Name, at)...)
		case s.isInterfaceObject(def):
			errs = append(errs, s.failure(OverrideCollision, d.Position, "@%s is on %s, a field of an @interfaceObject; it cannot move away from a subgraph there", d.Name, at)...)
		case stringArgument(d, "from") == s.Name:
			errs = append(errs, s.failure(OverrideFromSelf, d.Position, "%s overrides itself: from names this subgraph; name the one the field moves away from", at)...)
		case s.uses.external[at]:
			errs = append(errs, s.failure(OverrideCollision, d.Position, "%s is @external, so it is not resolved here and cannot override another; remove one of the two", at)...)
		}
		label := d.Arguments.ForName("label")
		if label == nil || label.Value.Kind == ast.NullValue {
			continue
		}
		if s.version.minor < 7 {
			errs = append(errs, s.failure(OverrideLabelInvalid, d.Position, "the label of @%s needs federation v2.7; link %sfederation/v2.7 or later", d.Name, specIdentity)...)
		} else if !isLabel(stringArgument(d, "label")) {
			errs = append(errs, s.failure(OverrideLabelInvalid, d.Position, `the label %s of @%s on %s is neither a name nor "percent(x)" with x from 0 to 100`, label.Value, d.Name, at)...)
		}
	}
	return errs
}
