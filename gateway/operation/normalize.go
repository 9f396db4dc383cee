package operation

import (
	"slices"

	"github.com/vektah/gqlparser/v2/ast"
)

// maxNormalFields bounds the fields of the normal form. It exceeds Limits.Fields because a field wanted differently for
// different types is kept once for each.
const maxNormalFields = 200_000

// Normalize returns the named operation in normal form. conditions holds the values of the variables that Conditions lists; an absent one
// counts as false.
func (d *Document) Normalize(name string, conditions map[string]bool) (*Operation, Errors) {
	op, errs := d.operation(name)
	if errs != nil {
		return nil, errs
	}
	n := &normalizer{document: d, conditions: conditions, possible: map[string][]string{}}
	var root *ast.Definition
	switch op.Operation {
	case ast.Mutation:
		root = d.schema.Mutation
	case ast.Subscription:
		root = d.schema.Subscription
	default:
		root = d.schema.Query
	}
	selections := n.merge(root, []ast.SelectionSet{op.SelectionSet})
	if n.fields > maxNormalFields {
		return nil, Failure(CodeLimit, "the operation has more than %d fields once its fragments are spread over the types they apply to: split it", maxNormalFields)
	}
	return &Operation{Kind: op.Operation, Name: op.Name, Selections: selections, Variables: op.VariableDefinitions}, nil
}

type normalizer struct {
	document   *Document
	conditions map[string]bool
	possible   map[string][]string
	fields     int
}

// collected is one field as the client wrote it, with the object types its fragments leave.
type collected struct {
	field *ast.Field
	on    []string // nil: all
	at    int      // position among the fields of the object, in the client's order
}

// merge returns the normal form of selection sets that all apply to one object of the type.
func (n *normalizer) merge(parent *ast.Definition, sets []ast.SelectionSet) *Selections {
	out := &Selections{Type: parent}
	var keys []string
	count := 0
	byKey := map[string][]collected{}
	var collect func(set ast.SelectionSet, on []string)
	collect = func(set ast.SelectionSet, on []string) {
		for _, selection := range set {
			switch s := selection.(type) {
			case *ast.Field:
				if n.included(s.Directives) {
					if byKey[s.Alias] == nil {
						keys = append(keys, s.Alias)
					}
					byKey[s.Alias] = append(byKey[s.Alias], collected{s, on, count})
					count++
				}
			case *ast.InlineFragment:
				if narrowed, some := n.narrow(parent, on, s.TypeCondition); some && n.included(s.Directives) {
					collect(s.SelectionSet, narrowed)
				}
			case *ast.FragmentSpread:
				definition := n.document.doc.Fragments.ForName(s.Name)
				if narrowed, some := n.narrow(parent, on, definition.TypeCondition); some && n.included(s.Directives) {
					collect(definition.SelectionSet, narrowed)
				}
			}
		}
	}
	for _, set := range sets {
		collect(set, nil)
	}
	var groups []group
	for _, key := range keys {
		groups = append(groups, n.groups(parent, byKey[key])...)
	}
	// Each type's fields stand in the order in which they first apply to it.
	slices.SortStableFunc(groups, func(a, b group) int { return a.at - b.at })
	for _, group := range groups {
		if n.fields++; n.fields > maxNormalFields {
			return out
		}
		out.Fields = append(out.Fields, n.field(parent, group))
	}
	return out
}

// group is the occurrences of one response key that apply to the same object types.
type group struct {
	on     []string
	fields []*ast.Field
	at     int // position of the first
}

// groups splits the occurrences of one response key so that each object type has one field.
func (n *normalizer) groups(parent *ast.Definition, list []collected) []group {
	same := true
	for _, c := range list[1:] {
		same = same && slices.Equal(c.on, list[0].on) && (c.on == nil) == (list[0].on == nil)
	}
	if same {
		g := group{on: list[0].on, at: list[0].at}
		for _, c := range list {
			g.fields = append(g.fields, c.field)
		}
		return []group{g}
	}
	var groups []group
	index := map[string]int{}
	signature := make([]byte, len(list))
	possible := n.possibleTypes(parent)
	for _, name := range possible {
		some := false
		for i, c := range list {
			signature[i] = 0
			if c.on == nil || slices.Contains(c.on, name) {
				signature[i], some = 1, true
			}
		}
		if !some {
			continue
		}
		at, seen := index[string(signature)]
		if !seen {
			at = len(groups)
			index[string(signature)] = at
			g := group{on: []string{}, at: -1}
			for i, c := range list {
				if signature[i] == 1 {
					if g.at < 0 {
						g.at = c.at
					}
					g.fields = append(g.fields, c.field)
				}
			}
			groups = append(groups, g)
		}
		groups[at].on = append(groups[at].on, name)
	}
	for i := range groups {
		if len(groups[i].on) == len(possible) {
			groups[i].on = nil
		}
	}
	return groups
}

func (n *normalizer) field(parent *ast.Definition, g group) *Field {
	first := g.fields[0]
	f := &Field{Key: first.Alias, Name: first.Name, Definition: first.Definition, On: g.on, Arguments: NewArguments(first.Arguments)}
	// Where one object type is meant, its own definition counts: an interface that the client went through may promise less.
	only := parent
	if len(g.on) == 1 {
		only = n.document.schema.Types[g.on[0]]
	}
	if own := only.Fields.ForName(f.Name); only.Kind == ast.Object && own != nil {
		f.Definition = own
	}
	var below []ast.SelectionSet
	for _, field := range g.fields {
		if len(field.SelectionSet) > 0 {
			below = append(below, field.SelectionSet)
		}
	}
	if len(below) > 0 {
		f.Selections = n.merge(n.document.schema.Types[f.Definition.Type.Name()], below)
	}
	return f
}

// narrow intersects the types that on leaves of parent with those of a type condition. some is false where none are left.
func (n *normalizer) narrow(parent *ast.Definition, on []string, condition string) (narrowed []string, some bool) {
	if condition == "" || condition == parent.Name {
		return on, true
	}
	definition := n.document.schema.Types[condition]
	if definition == nil {
		return nil, false
	}
	all := n.possibleTypes(parent)
	if on == nil {
		on = all
	}
	wanted := n.possibleTypes(definition)
	for _, name := range on {
		if _, found := slices.BinarySearch(wanted, name); found {
			narrowed = append(narrowed, name)
		}
	}
	if len(narrowed) == len(all) {
		return nil, len(all) > 0
	}
	return narrowed, len(narrowed) > 0
}

// possibleTypes returns the sorted names of the object types that a value of the type can be.
func (n *normalizer) possibleTypes(def *ast.Definition) []string {
	if def.Kind == ast.Object {
		return []string{def.Name}
	}
	names, seen := n.possible[def.Name]
	if !seen {
		for _, t := range n.document.schema.GetPossibleTypes(def) {
			if t.Kind == ast.Object {
				names = append(names, t.Name)
			}
		}
		slices.Sort(names)
		names = slices.Compact(names)
		n.possible[def.Name] = names
	}
	return names
}

// included decides @skip and @include.
func (n *normalizer) included(directives ast.DirectiveList) bool {
	for _, d := range directives {
		if d.Name != "skip" && d.Name != "include" {
			continue
		}
		arg := d.Arguments.ForName("if")
		if arg == nil {
			continue
		}
		value := arg.Value.Raw == "true"
		if arg.Value.Kind == ast.Variable {
			value = n.conditions[arg.Value.Raw]
		}
		if value == (d.Name == "skip") {
			return false
		}
	}
	return true
}
