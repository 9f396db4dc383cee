package operation

import (
	"encoding/binary"
	"slices"
	"strings"

	"github.com/vektah/gqlparser/v2/ast"
)

// maxNormalFields bounds the fields of the normal form. It exceeds Limits.Fields because a field wanted differently for
// different types is kept once for each.
const maxNormalFields = 200_000

// maxNormalWork bounds the steps that lead there: selections looked at, and object types that fragments are compared with. Real operations take some
// thousands; as many as this are well below a tenth of a second.
const maxNormalWork = 5_000_000

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
	if n.work > maxNormalWork {
		return nil, Failure(CodeLimit, "the fragments of the operation apply to too many types in too many ways: split it into smaller operations")
	}
	return &Operation{Kind: op.Operation, Name: op.Name, Selections: selections, Variables: op.VariableDefinitions}, nil
}

type normalizer struct {
	document   *Document
	conditions map[string]bool
	possible   map[string][]string
	fields     int
	work       int
}

// spend counts steps of work and tells whether to go on.
func (n *normalizer) spend(steps int) bool {
	n.work += steps
	return n.work <= maxNormalWork
}

// typeSet is the object types that fragments leave of a position. nil is all of them. Those of one position are interned, so pointers compare.
type typeSet struct {
	names []string // sorted
}

// collected is one field as the client wrote it, with the object types its fragments leave.
type collected struct {
	field *ast.Field
	on    *typeSet
	at    int // position among the fields of the object, in the client's order
}

// merge returns the normal form of selection sets that all apply to one object of the type.
func (n *normalizer) merge(parent *ast.Definition, sets []ast.SelectionSet) *Selections {
	out := &Selections{Type: parent}
	var keys []string
	count := 0
	byKey := map[string][]collected{}
	at := position{normalizer: n, parent: parent}
	var collect func(set ast.SelectionSet, on *typeSet)
	collect = func(set ast.SelectionSet, on *typeSet) {
		if !n.spend(len(set)) {
			return
		}
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
				if narrowed, some := at.narrow(on, s.TypeCondition); some && n.included(s.Directives) {
					collect(s.SelectionSet, narrowed)
				}
			case *ast.FragmentSpread:
				definition := n.document.doc.Fragments.ForName(s.Name)
				if narrowed, some := at.narrow(on, definition.TypeCondition); some && n.included(s.Directives) && at.first(s.Name, narrowed) {
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
		same = same && c.on == list[0].on
	}
	// A leaf that every object has in this place anyway is not wanted again by a fragment further on.
	same = same || list[0].on == nil && len(list[0].field.SelectionSet) == 0
	if same {
		g := group{at: list[0].at}
		if list[0].on != nil {
			g.on = list[0].on.names
		}
		for _, c := range list {
			g.add(c.field)
		}
		return []group{g}
	}
	possible := n.possibleTypes(parent)
	signatures := n.signatures(possible, list)
	var groups []group
	index := map[string]int{}
	for i, name := range possible {
		if signatures[i] == nil {
			continue
		}
		at, seen := index[string(signatures[i])]
		if !seen {
			if !n.spend(len(list)) {
				return groups
			}
			at = len(groups)
			index[string(signatures[i])] = at
			g := group{on: []string{}, at: -1}
			for _, c := range list {
				if c.on == nil || c.on.has(name) {
					if g.at < 0 {
						g.at = c.at
					}
					g.add(c.field)
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

// signatures returns for each object type, in order, which of the occurrences' sets of types it is in: equal for types that have equal occurrences, nil
// for a type that has none.
func (n *normalizer) signatures(possible []string, list []collected) [][]byte {
	out := make([][]byte, len(possible))
	known := map[*typeSet]bool{}
	for _, c := range list {
		if known[c.on] {
			continue
		}
		id := uint32(len(known))
		known[c.on] = true
		names := possible
		if c.on != nil {
			names = c.on.names
		}
		if !n.spend(len(names)) {
			return out
		}
		at := 0
		for _, name := range names {
			for possible[at] != name { // both are sorted, and names are among those possible
				at++
			}
			out[at] = binary.LittleEndian.AppendUint32(out[at], id)
		}
	}
	return out
}

// add adds an occurrence. Of a leaf the first says everything.
func (g *group) add(field *ast.Field) {
	if len(g.fields) == 0 || len(field.SelectionSet) > 0 {
		g.fields = append(g.fields, field)
	}
}

func (s *typeSet) has(name string) bool {
	_, found := slices.BinarySearch(s.names, name)
	return found
}

func (n *normalizer) field(parent *ast.Definition, g group) *Field {
	first := g.fields[0]
	f := &Field{Key: first.Alias, Name: first.Name, Definition: first.Definition, On: g.on, Arguments: NewArguments(first.Arguments)}
	only := parent // the object type that declares the field, where there is just one: the field may have been written on an interface of it
	if len(g.on) == 1 {
		only = n.document.schema.Types[g.on[0]]
	}
	if own := only.Fields.ForName(f.Name); own != nil && only.Kind == ast.Object {
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

// position is one object position while what is wanted of it is collected.
type position struct {
	*normalizer
	parent   *ast.Definition
	narrowed map[narrowing]*typeSet
	sets     map[string]*typeSet // by their names
	spread   map[spreading]bool
}

type narrowing struct {
	on        *typeSet
	condition string
}

type spreading struct {
	fragment string
	on       *typeSet
}

// none is the set of no types.
var none = &typeSet{}

// first tells whether the fragment was not spread for these types before: a second time adds nothing.
func (p *position) first(fragment string, on *typeSet) bool {
	key := spreading{fragment, on}
	if p.spread[key] {
		return false
	}
	if p.spread == nil {
		p.spread = map[spreading]bool{}
	}
	p.spread[key] = true
	return true
}

// narrow intersects the types that on leaves of the position with those of a type condition. some is false where none are left.
func (p *position) narrow(on *typeSet, condition string) (narrowed *typeSet, some bool) {
	if condition == "" || condition == p.parent.Name {
		return on, true
	}
	key := narrowing{on, condition}
	narrowed, known := p.narrowed[key]
	if !known {
		narrowed = p.intersect(on, condition)
		if p.narrowed == nil {
			p.narrowed = map[narrowing]*typeSet{}
		}
		p.narrowed[key] = narrowed
	}
	return narrowed, narrowed != none
}

func (p *position) intersect(on *typeSet, condition string) *typeSet {
	definition := p.document.schema.Types[condition]
	if definition == nil {
		return none
	}
	all := p.possibleTypes(p.parent)
	from, wanted := all, p.possibleTypes(definition)
	if on != nil {
		from = on.names
	}
	names := p.both(from, wanted)
	if names == nil {
		return none
	}
	if len(names) == len(all) {
		return nil
	}
	text := strings.Join(names, " ")
	set := p.sets[text]
	if set == nil {
		set = &typeSet{names}
		if p.sets == nil {
			p.sets = map[string]*typeSet{}
		}
		p.sets[text] = set
	}
	return set
}

// both returns the names in both lists, which are sorted.
func (n *normalizer) both(a, b []string) []string {
	if len(a) > len(b) {
		a, b = b, a
	}
	few := 16*len(a) < len(b) // then each is looked up, else the lists are walked side by side
	steps := len(a) + len(b)
	if few {
		steps = 16 * len(a)
	}
	if !n.spend(steps) {
		return nil
	}
	var names []string
	for _, name := range a {
		at := 0
		if few {
			at, _ = slices.BinarySearch(b, name)
		} else {
			for at < len(b) && b[at] < name {
				at++
			}
		}
		if b = b[at:]; len(b) > 0 && b[0] == name {
			names = append(names, name)
		}
	}
	return names
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
