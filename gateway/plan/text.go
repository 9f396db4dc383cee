package plan

import (
	"slices"
	"sort"
	"strconv"
	"strings"

	"github.com/vektah/gqlparser/v2/ast"

	"callboard.dev/callboard/gateway/operation"
)

// printer prints the operation of one fetch, and notes how its answer is read.
type printer struct {
	planner   *Planner
	layouts   *layouts
	text      strings.Builder
	texts     []string // selection texts of the _entities fields
	variables map[string]bool
}

// operation returns the whole text, and the variables of the client it uses.
func (t *printer) operation(f *Fetch, op *operation.Operation) (string, []string) {
	var used []string
	for name := range t.variables {
		used = append(used, name)
	}
	sort.Strings(used)
	var declared []string
	for _, name := range used {
		if v := op.Variables.ForName(name); v != nil {
			declaration := "$" + name + ":" + v.Type.String()
			if v.DefaultValue != nil { // a nullable variable with a default may stand where null may not
				var text strings.Builder
				operation.WriteValue(&text, v.DefaultValue)
				declaration += "=" + text.String()
			}
			declared = append(declared, declaration)
		}
	}
	for _, e := range f.Entities {
		for e.Variable == "" || slices.Contains(used, e.Variable) {
			e.Variable = "_" + e.Variable
		}
		declared = append(declared, "$"+e.Variable+":[_Any!]!")
	}
	var b strings.Builder
	if f.Kind != ast.Query || len(declared) > 0 {
		b.WriteString(string(f.Kind))
		if len(declared) > 0 {
			b.WriteString("(" + strings.Join(declared, ",") + ")")
		}
	}
	if f.Root != nil {
		b.WriteString(t.text.String())
		return b.String(), used
	}
	b.WriteByte('{')
	for i, e := range f.Entities {
		if i > 0 {
			b.WriteByte(' ')
		}
		if e.Key != "_entities" {
			b.WriteString(e.Key + ":")
		}
		b.WriteString("_entities(representations:$" + e.Variable + ")" + t.texts[i])
	}
	b.WriteByte('}')
	return b.String(), used
}

// selection prints a selection set and returns how an answered object is read.
func (t *printer) selection(n *node) *Selection {
	keys := wireKeys(n)
	out := &Selection{Object: t.layouts.object(n.site)}
	t.text.WriteByte('{')
	first := true
	separate := func() {
		if !first {
			t.text.WriteByte(' ')
		}
		first = false
	}
	var fragments []string
	for _, c := range n.children {
		if c.on == "" {
			separate()
			out.add(t.field(c, keys[c]))
		} else if !slices.Contains(fragments, c.on) {
			fragments = append(fragments, c.on)
		}
	}
	for _, on := range fragments {
		separate()
		t.text.WriteString("...on " + on + "{")
		inner := true
		for _, c := range n.children {
			if c.on == on {
				if !inner {
					t.text.WriteByte(' ')
				}
				inner = false
				out.add(t.field(c, keys[c]))
			}
		}
		t.text.WriteByte('}')
	}
	if first {
		t.text.WriteString("__typename")
	}
	t.text.WriteByte('}')
	return out
}

func (t *printer) field(c *child, key string) SelectionField {
	if key != c.slot.name {
		t.text.WriteString(key + ":")
	}
	t.text.WriteString(c.slot.name + c.slot.arguments.Text)
	c.slot.arguments.VariablesIn(func(name string) { t.variables[name] = true })
	f := SelectionField{Key: key, Slot: c.slot.index}
	if c.node != nil {
		f.Selection = t.selection(c.node)
	}
	return f
}

// add adds a field; one that is there already is widened.
func (s *Selection) add(f SelectionField) {
	for i, have := range s.Fields {
		if have.Key != f.Key || have.Slot != f.Slot {
			continue
		}
		if f.Selection != nil {
			merged := &Selection{Object: have.Selection.Object, Fields: slices.Clone(have.Selection.Fields)}
			for _, below := range f.Selection.Fields {
				merged.add(below)
			}
			s.Fields[i].Selection = merged
		}
		return
	}
	s.Fields = append(s.Fields, f)
}

// wireKeys gives each field of a selection set the response key it has in the subgraph's answer: its name, or where two fields of one
// name would not merge there, because their arguments or types differ, a name of its own.
func wireKeys(n *node) map[*child]string {
	type taken struct {
		slot  *slot
		shape string
	}
	used := map[string]taken{}
	keys := make(map[*child]string, len(n.children))
	for _, c := range n.children {
		mine := taken{c.slot, wrapping(c)}
		key := c.slot.name
		for i := 2; ; i++ {
			have, found := used[key]
			if !found {
				used[key] = mine
			}
			if !found || have == mine {
				break
			}
			key = c.slot.name + "__" + strconv.Itoa(i)
		}
		keys[c] = key
	}
	return keys
}

// wrapping is what must be equal in two fields of one response key: lists and nullability, and for leaves the type.
func wrapping(c *child) string {
	if c.typ == nil {
		return ""
	}
	text := c.typ.String()
	if c.node != nil {
		text = strings.Replace(text, c.typ.Name(), "", 1)
	}
	return text
}
