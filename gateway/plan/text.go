package plan

import (
	"bytes"
	"encoding/json"
	"maps"
	"slices"
	"sort"
	"strconv"
	"strings"

	"github.com/vektah/gqlparser/v2/ast"

	"callboard.dev/callboard/gateway/operation"
)

// printer prints the operation of one fetch, and notes how its answer is read.
type printer struct {
	*budget
	operation *operation.Operation
	layouts   *layouts
	text      bytes.Buffer
	variables map[string]bool
	contexts  int              // variables named so far that fill arguments
	filled    map[*fill]string // what they are in the text, for the fetch being printed
	keys      map[*node]map[*child]string
	shapes    map[*node]map[string]string
}

// declarations returns the declarations of the client's variables that the fetch uses, and their names.
func (t *printer) declarations(op *operation.Operation) (declared, used []string) {
	for name := range t.variables {
		used = append(used, name)
	}
	sort.Strings(used)
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
	return declared, used
}

// free returns the name of a variable that the client's operation does not have, in no group either.
func (t *printer) free(name string) string {
	for slices.ContainsFunc(t.operation.Variables, func(v *ast.VariableDefinition) bool {
		return v.Variable == name || strings.HasPrefix(v.Variable, name+groupMark)
	}) {
		name = "_" + name
	}
	return name
}

// contextVariables names the variables that fill arguments of the fetch.
func (t *printer) contextVariables(f *fetch) []ContextVariable {
	t.filled = map[*fill]string{}
	var list []ContextVariable
	for _, filled := range f.filled {
		var arguments []string
		for _, v := range filled.variables {
			v.Variable = t.free("c" + strconv.Itoa(t.contexts))
			t.contexts++
			list = append(list, v)
			arguments = append(arguments, v.Argument+": $"+v.Variable+hole)
		}
		for fill := range filled.fills {
			t.filled[fill] = strings.Join(arguments, ", ")
		}
	}
	return list
}

// hole stands after the names that differ where an _entities field is asked more than once. No text of a client has it: strings are escaped.
const hole = "\x00"

// TextFor returns the operation, and the JSON of the request up to its variables, where the n-th of the fetch's Entities is asked times[n] times; nil
// is once each. GroupName tells what the names are followed by. Variables that only those use that are not asked at all are not declared.
func (f *Fetch) TextFor(times []int) (text string, prefix []byte) {
	var b strings.Builder
	each := func(do func(e *Entities, suffix string)) {
		for i, e := range f.Entities {
			n := 1
			if times != nil {
				n = times[i]
			}
			for g := range n {
				do(e, GroupName("", g))
			}
		}
	}
	var declared []string
	for i, name := range f.Variables {
		used := f.Root != nil
		each(func(e *Entities, _ string) { used = used || slices.Contains(e.Uses, name) })
		if used {
			declared = append(declared, f.declared[i])
		}
	}
	each(func(e *Entities, suffix string) {
		declared = append(declared, "$"+e.Variable+suffix+":[_Any!]!")
		for _, v := range e.Context {
			declared = append(declared, "$"+v.Variable+suffix+":"+v.Type)
		}
	})
	if f.Kind != ast.Query || len(declared) > 0 {
		b.WriteString(string(f.Kind))
		if len(declared) > 0 {
			b.WriteString("(" + strings.Join(declared, ",") + ")")
		}
	}
	if f.Root != nil {
		b.WriteString(f.rootText)
	} else {
		b.WriteByte('{')
		first := true
		each(func(e *Entities, suffix string) {
			if !first {
				b.WriteByte(' ')
			}
			first = false
			if key := e.Key + suffix; key != "_entities" {
				b.WriteString(key + ":")
			}
			b.WriteString("_entities" + strings.ReplaceAll(e.text, hole, suffix))
		})
		b.WriteByte('}')
	}
	quoted, err := json.Marshal(b.String())
	if err != nil {
		panic("bug: a string that is not JSON: " + err.Error())
	}
	return b.String(), append([]byte(`{"query":`), quoted...)
}

// GroupName returns the name that a key or variable of Entities has in the n-th of several groups.
func GroupName(name string, n int) string {
	if n == 0 {
		return name
	}
	return name + groupMark + strconv.Itoa(n)
}

const groupMark = "__g"

// selection prints a selection set and returns how an answered object is read.
func (t *printer) selection(n *node) *Selection {
	keys := t.wireKeys(n)
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
	inside := map[string][]*child{}
	for _, c := range n.children {
		if c.on == "" {
			separate()
			t.add(out, t.field(c, keys[c]))
			continue
		}
		if inside[c.on] == nil {
			fragments = append(fragments, c.on)
		}
		inside[c.on] = append(inside[c.on], c)
	}
	for _, on := range fragments {
		separate()
		t.text.WriteString("...on " + on + "{")
		for i, c := range inside[on] {
			if i > 0 {
				t.text.WriteByte(' ')
			}
			t.add(out, t.field(c, keys[c]))
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
	t.must(1)
	if key != c.slot.name {
		t.text.WriteString(key + ":")
	}
	arguments := c.slot.arguments.Text
	if c.fill != nil {
		if arguments == "" {
			arguments = "(" + t.filled[c.fill] + ")"
		} else {
			arguments = strings.TrimSuffix(arguments, ")") + ", " + t.filled[c.fill] + ")"
		}
	}
	t.text.WriteString(c.slot.name + arguments)
	c.slot.arguments.VariablesIn(func(name string) { t.variables[name] = true })
	f := SelectionField{Key: key, Member: `"` + key + `":`, Slot: c.slot.index}
	if c.node != nil {
		f.Selection = t.selection(c.node)
	}
	return f
}

// add adds a field; one that is there already is widened.
func (t *printer) add(s *Selection, f SelectionField) {
	t.must(1 + len(s.Fields)/8)
	t.hold(0, 2*heldBytes)
	for i, have := range s.Fields {
		if have.Key != f.Key || have.Slot != f.Slot {
			continue
		}
		if f.Selection != nil {
			merged := &Selection{Object: have.Selection.Object, Fields: slices.Clone(have.Selection.Fields)}
			for _, below := range f.Selection.Fields {
				t.add(merged, below)
			}
			s.Fields[i].Selection = merged
		}
		return
	}
	s.Fields = append(s.Fields, f)
}

// wireKeys gives each field of a selection set the response key it has in the subgraph's answer: its name, or where two fields of one
// name would not merge there, because their arguments or the types of anything in them differ, a name of its own.
func (t *printer) wireKeys(n *node) map[*child]string {
	if known := t.keys[n]; known != nil {
		return known
	}
	type taken struct {
		slot   *slot
		shape  string
		node   *node             // of the first field
		fields map[string]string // of all of them, once there are two
	}
	t.must(1 + len(n.children))
	t.hold(len(n.children), 0)
	used := map[string]*taken{}
	keys := make(map[*child]string, len(n.children))
	for _, c := range n.children {
		shape := wrapping(c)
		key := c.slot.name
		for i := 2; ; i++ {
			have := used[key]
			if have == nil {
				used[key] = &taken{slot: c.slot, shape: shape, node: c.node}
				break
			}
			if have.slot == c.slot && have.shape == shape {
				if c.node == nil {
					break
				}
				if have.fields == nil {
					have.fields = maps.Clone(t.shape(have.node))
				}
				more := t.shape(c.node)
				t.must(len(more))
				if merge(have.fields, more) {
					break
				}
			}
			key = c.slot.name + "__" + strconv.Itoa(i)
		}
		keys[c] = key
	}
	t.keys[n] = keys
	return keys
}

// shape returns what must be equal in everything below a composite field where it merges with another: what wrapping says of each field, by its
// path of response keys.
func (t *printer) shape(n *node) map[string]string {
	if n == nil {
		return nil
	}
	if known := t.shapes[n]; known != nil {
		return known
	}
	fields := map[string]string{}
	for c, key := range t.wireKeys(n) {
		fields[key] = wrapping(c)
		inside := t.shape(c.node)
		t.must(len(inside))
		t.hold(0, len(inside)*(2*heldBytes+len(key)))
		for path, below := range inside {
			fields[key+"."+path] = below
		}
	}
	t.shapes[n] = fields
	return fields
}

// merge adds more to fields where they agree; where they do not, it returns false and adds nothing.
func merge(fields, more map[string]string) bool {
	for path, below := range more {
		if have, both := fields[path]; both && have != below {
			return false
		}
	}
	maps.Copy(fields, more)
	return true
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
