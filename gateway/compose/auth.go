package compose

import (
	"fmt"
	"slices"

	"github.com/vektah/gqlparser/v2/ast"
)

// maxAuthTerms is how many alternatives a merged authorisation rule may have: the rules of several subgraphs are multiplied out, and
// nobody can review hundreds of alternatives anyway.
const maxAuthTerms = 500

// maxAuthNames is how many names one alternative of a subgraph's rule may have.
const maxAuthNames = 100

// authRule is what a caller must hold to see an element: to be authenticated, and one alternative of scopes and one of
// policies. An alternative is a sorted list of names that are all needed. The zero value asks for nothing.
type authRule struct {
	authenticated bool
	scopes        [][]string // nil: none asked for
	policies      [][]string
}

// authDirectives are the directives an authRule comes from.
var authDirectives = []string{"authenticated", "requiresScopes", "policy"}

func (r authRule) empty() bool { return !r.authenticated && r.scopes == nil && r.policies == nil }

// and returns the rule that asks for both; false where it would have too many alternatives.
func (r authRule) and(other authRule) (authRule, bool) {
	scopes, okScopes := conjunction(r.scopes, other.scopes)
	policies, okPolicies := conjunction(r.policies, other.policies)
	return authRule{r.authenticated || other.authenticated, scopes, policies}, okScopes && okPolicies
}

// implies says whether whoever satisfies r satisfies other.
func (r authRule) implies(other authRule) bool {
	return (r.authenticated || !other.authenticated) && allCovered(r.scopes, other.scopes) && allCovered(r.policies, other.policies)
}

// allCovered says whether each alternative of stricter contains all of some alternative of weaker.
func allCovered(stricter, weaker [][]string) bool {
	if weaker == nil {
		return true
	}
	if stricter == nil {
		return false
	}
	return !slices.ContainsFunc(stricter, func(have []string) bool {
		return !slices.ContainsFunc(weaker, func(need []string) bool { return isSubset(need, have) })
	})
}

func isSubset(small, large []string) bool {
	return !slices.ContainsFunc(small, func(item string) bool { return !slices.Contains(large, item) })
}

// conjunction multiplies two lists of alternatives: (a or b) and c is (a and c) or (b and c).
func conjunction(a, b [][]string) ([][]string, bool) {
	if a == nil {
		return b, true
	}
	if b == nil {
		return a, true
	}
	if len(a)*len(b) > 4*maxAuthTerms {
		return nil, false
	}
	var out [][]string
	for _, left := range a {
		for _, right := range b {
			both := slices.Concat(left, right)
			slices.Sort(both)
			out = append(out, slices.Compact(both))
		}
	}
	out = normalForm(out)
	return out, len(out) <= maxAuthTerms
}

// normalForm sorts alternatives and drops those that ask for more than another does.
func normalForm(alternatives [][]string) [][]string {
	slices.SortFunc(alternatives, func(a, b []string) int {
		if len(a) != len(b) {
			return len(a) - len(b)
		}
		return slices.Compare(a, b)
	})
	out := [][]string{}
	for _, candidate := range alternatives {
		if !slices.ContainsFunc(out, func(kept []string) bool { return isSubset(kept, candidate) }) {
			out = append(out, candidate)
		}
	}
	slices.SortFunc(out, slices.Compare[[]string])
	return out
}

// readAuth reads the rule that directives ask for.
func (s *subgraph) readAuth(applied ast.DirectiveList) (authRule, *ast.Directive, string) {
	var r authRule
	for _, d := range applied {
		switch s.canonical[d.Name] {
		case "authenticated":
			r.authenticated = true
		case "requiresScopes", "policy":
			argument := map[string]string{"requiresScopes": "scopes", "policy": "policies"}[s.canonical[d.Name]]
			alternatives, ok := readAlternatives(d, argument)
			if !ok {
				return r, d, fmt.Sprintf(`the %s of @%s must be a list of at most %d lists of strings such as [["read"], ["admin"]], each of at most %d`, argument, d.Name, maxAuthTerms, maxAuthNames)
			}
			into := &r.scopes
			if argument == "policies" {
				into = &r.policies
			}
			var fine bool
			if *into, fine = conjunction(*into, alternatives); !fine {
				return r, d, fmt.Sprintf("@%s here and elsewhere multiply to more than %d alternatives", d.Name, maxAuthTerms)
			}
		}
	}
	return r, nil, ""
}

func readAlternatives(d *ast.Directive, argument string) ([][]string, bool) {
	arg := d.Arguments.ForName(argument)
	if arg == nil || arg.Value.Kind != ast.ListValue || len(arg.Value.Children) > maxAuthTerms {
		return nil, false
	}
	out := [][]string{}
	for _, child := range arg.Value.Children {
		if child.Value.Kind != ast.ListValue || len(child.Value.Children) > maxAuthNames {
			return nil, false
		}
		one := []string{}
		for _, item := range child.Value.Children {
			if item.Value.Kind != ast.StringValue && item.Value.Kind != ast.BlockValue {
				return nil, false
			}
			one = append(one, item.Value.Raw)
		}
		slices.Sort(one)
		out = append(out, slices.Compact(one))
	}
	return normalForm(out), true
}

// checkAuth: a rule on an interface would bind only those who ask through the interface, so it is refused there. A field of
// an @interfaceObject is the one exception: it exists nowhere else, and merging puts its rule on every implementation.
func (s *subgraph) checkAuth(def *ast.Definition) Errors {
	var errs Errors
	check := func(applied ast.DirectiveList, refused bool, what string) {
		for _, d := range applied {
			if slices.Contains(authDirectives, s.canonical[d.Name]) && refused {
				errs = append(errs, s.failure(AuthOnInterface, d.Position, "@%s is on %s, and whoever asks through an object type would walk round it; put it on the implementations", d.Name, what)...)
				return
			}
		}
		if _, d, problem := s.readAuth(applied); d != nil {
			errs = append(errs, s.failure(AuthInvalid, d.Position, "%s", problem)...)
		}
	}
	isInterface := def.Kind == ast.Interface
	what := "the interface " + def.Name
	if !isInterface {
		what = "the @interfaceObject " + def.Name
	}
	check(def.Directives, isInterface || s.isInterfaceObject(def), what)
	for _, f := range def.Fields {
		check(f.Directives, isInterface, coordinate(def.Name, f.Name)+", a field of an interface")
	}
	return errs
}

// checkTransitiveAuth: a field computed from another with @requires or @fromContext shows what the other holds, so it must ask
// for at least as much. As this holds for each field by itself, it holds along chains.
func (c *composition) checkTransitiveAuth() {
	if !c.features["authenticated"] && !c.features["requiresScopes"] && !c.features["policy"] {
		return
	}
	for _, s := range c.subgraphs {
		for _, name := range s.order {
			def := s.types[name]
			for _, f := range def.Fields {
				at := coordinate(name, f.Name)
				if set := s.uses.requires[at]; set != nil {
					c.checkSelectionAuth(s, def, f, name, set, "@requires")
				}
				for _, arg := range s.contextual[at] {
					for _, context := range sortedKeys(s.contexts) {
						for _, from := range s.contexts[context] {
							if s.contextName(context) == arg.context {
								c.checkSelectionAuth(s, def, f, from, arg.set, "@fromContext")
							}
						}
					}
				}
			}
		}
	}
}

// checkSelectionAuth compares what a field asks for with what the selection it is computed from asks for.
func (c *composition) checkSelectionAuth(s *subgraph, def *ast.Definition, f *ast.FieldDefinition, from string, set ast.SelectionSet, by string) {
	holders := []string{def.Name}
	if s.isInterfaceObject(def) {
		holders = append(holders, c.objects(def.Name)...)
	}
	for _, holder := range holders {
		merged := c.types[holder]
		if merged == nil || c.fields(merged)[f.Name] == nil || merged.Kind == ast.Interface && len(holders) > 1 {
			continue
		}
		own := c.ruleOf(holder, f.Name)
		start := from
		if from == def.Name {
			start = holder
		}
		var missing []string
		c.eachMerged(start, set, func(parent, field string) {
			needs := c.fieldRule(parent, field)
			if parent != start {
				needs, _ = needs.and(c.typeRule(parent))
			}
			if !own.implies(needs) {
				missing = append(missing, coordinate(parent, field))
			}
		})
		if len(missing) > 0 {
			slices.Sort(missing)
			missing = slices.Compact(missing)
			c.fail(AuthMissingTransitive, fmt.Sprintf("%s is computed by %s from %s, which asks for authorisation that %s does not; ask for at least as much", coordinate(holder, f.Name), by, list(missing), coordinate(holder, f.Name)), s.place(f.Position))
		}
	}
}

// eachMerged calls visit for each field of a field set in the merged schema: of an interface's field, for each implementation, as
// rules stand only there.
func (c *composition) eachMerged(parent string, set ast.SelectionSet, visit func(parent, field string)) {
	def := c.types[parent]
	if def == nil {
		return
	}
	for _, selection := range set {
		switch node := selection.(type) {
		case *ast.InlineFragment:
			target := parent
			if node.TypeCondition != "" {
				target = node.TypeCondition
			}
			c.eachMerged(target, node.SelectionSet, visit)
		case *ast.Field:
			objects := c.objects(parent)
			if c.picks += 1 + len(objects); c.picks > maxPicks {
				c.fail(TooLarge, "the field sets of fields that ask for authorisation select too much to be checked")
				return
			}
			visit(parent, node.Name)
			for _, object := range objects {
				if object != parent {
					visit(object, node.Name)
				}
			}
			if f := c.fields(def)[node.Name]; f != nil && len(node.SelectionSet) > 0 {
				c.eachMerged(f.Type.Name(), node.SelectionSet, visit)
			}
		}
	}
}

// objects returns the object types a value of a merged type can be, sorted.
func (c *composition) objects(name string) []string {
	def := c.types[name]
	switch {
	case def == nil:
		return nil
	case def.Kind == ast.Object:
		return []string{name}
	case def.Kind == ast.Union:
		return def.Types
	}
	return c.implementations[name]
}

// ruleOf is what a caller must hold to see a field: the field's own rule, its type's and its parent's.
func (c *composition) ruleOf(parent, field string) authRule {
	r, _ := c.fieldRule(parent, field).and(c.typeRule(parent))
	return r
}

func (c *composition) fieldRule(parent, field string) authRule {
	def := c.types[parent]
	if def == nil {
		return authRule{}
	}
	f := c.fields(def)[field]
	if f == nil {
		return authRule{}
	}
	r, _ := mergedAuth(f.Directives).and(c.typeRule(f.Type.Name()))
	return r
}

func (c *composition) typeRule(name string) authRule {
	def := c.types[name]
	if def == nil || !slices.ContainsFunc(def.Directives, func(d *ast.Directive) bool { return slices.Contains(authDirectives, d.Name) }) {
		return authRule{}
	}
	return mergedAuth(def.Directives)
}

// mergedAuth reads the rule from directives of the merged schema, which go by their specification's names.
func mergedAuth(applied ast.DirectiveList) authRule {
	s := subgraph{canonical: map[string]string{"authenticated": "authenticated", "requiresScopes": "requiresScopes", "policy": "policy"}}
	r, _, _ := s.readAuth(applied)
	return r
}

// directives returns the rule as directives of the supergraph.
func (r authRule) directives(pos *ast.Position) ast.DirectiveList {
	var out ast.DirectiveList
	if r.authenticated {
		out = append(out, &ast.Directive{Name: "authenticated", Position: pos})
	}
	add := func(name, argument string, alternatives [][]string) {
		if alternatives == nil {
			return
		}
		outer := &ast.Value{Kind: ast.ListValue}
		for _, one := range alternatives {
			outer.Children = append(outer.Children, &ast.ChildValue{Value: stringList(one)})
		}
		out = append(out, &ast.Directive{Name: name, Position: pos, Arguments: ast.ArgumentList{{Name: argument, Value: outer}}})
	}
	add("requiresScopes", "scopes", r.scopes)
	add("policy", "policies", r.policies)
	return out
}

func stringList(items []string) *ast.Value {
	v := &ast.Value{Kind: ast.ListValue}
	for _, item := range items {
		v.Children = append(v.Children, &ast.ChildValue{Value: &ast.Value{Kind: ast.StringValue, Raw: item}})
	}
	return v
}
