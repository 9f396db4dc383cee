package plan

import (
	"slices"
	"strconv"
	"strings"

	"github.com/vektah/gqlparser/v2/ast"

	"callboard.dev/callboard/gateway/operation"
	"callboard.dev/callboard/gateway/supergraph"
)

// fill is the arguments that a field takes from objects above it. Fields at one position that take the same arguments share one.
type fill struct {
	id        int
	text      string // what the subgraph declares
	arguments []fillArgument
}

type fillArgument struct {
	name    string
	typ     *ast.Type
	sources []fillSource // the nearest object first
}

// fillSource is a place above a field where the value of an argument may be.
type fillSource struct {
	up     int                   // how many objects above the field's own
	on     []string              // object types there that it is for; nil means all
	demand *operation.Selections // one value, however deep
}

// String tells one fill from another of the same plan.
func (f *fill) String() string {
	if f == nil {
		return ""
	}
	return " with arguments " + strconv.Itoa(f.id)
}

// fillOf returns what fills the arguments of a field that a subgraph declares so; nil where it takes none, or where what it takes is nowhere above.
func (c *chooser) fillOf(field *operation.Field, declared *supergraph.Field) *fill {
	if len(declared.Context) == 0 {
		return nil
	}
	return c.fills[fillKey{field, contextText(declared.Context)}]
}

type fillKey struct {
	field *operation.Field
	text  string
}

func contextText(arguments []supergraph.ContextArgument) string {
	var b strings.Builder
	for _, a := range arguments {
		b.WriteString(a.Name + " " + a.Type.String() + " " + a.Context + " " + a.Selections.Text + "\n")
	}
	return b.String()
}

// fillArguments returns the selections with what the arguments of fields below take from a context added to the objects that set it. The client does
// not see what is added: the shape is made of what it asked for.
func (c *chooser) fillArguments(root *operation.Selections, mutation bool) *operation.Selections {
	if !c.supergraph.Contexts {
		return root
	}
	f := &filler{chooser: c, added: map[addedKey]bool{}}
	copied := f.copy(root)
	if mutation { // its own fields run one by one: nothing is read beside them
		for _, field := range copied.Fields {
			f.walk(field.Selections, nil)
		}
		return copied
	}
	f.walk(copied, nil)
	return copied
}

type filler struct {
	chooser *chooser
	added   map[addedKey]bool
}

type addedKey struct {
	to       *operation.Selections
	typename string
	text     string
}

// level is an object on the way from the root to a field.
type level struct {
	selections *operation.Selections
	types      []string // object types it can have on this way
}

func (f *filler) copy(s *operation.Selections) *operation.Selections {
	if s == nil {
		return nil
	}
	f.chooser.must(1 + len(s.Fields))
	f.chooser.hold(len(s.Fields), 0)
	out := &operation.Selections{Type: s.Type, Fields: make([]*operation.Field, len(s.Fields))}
	for i, field := range s.Fields {
		copied := *field
		copied.Selections = f.copy(field.Selections)
		out.Fields[i] = &copied
	}
	return out
}

func (f *filler) walk(s *operation.Selections, above []level) {
	if s == nil {
		return
	}
	graph := f.chooser.supergraph
	for _, field := range slices.Clone(s.Fields) { // what is added meanwhile takes nothing from a context
		types := field.On
		if types == nil {
			types = graph.Possible(s.Type.Name)
		}
		for _, typename := range types {
			f.chooser.must(1 + len(graph.Type(typename).Views)/8)
			for _, view := range graph.Type(typename).Views {
				if view != nil && view.Fields[field.Name] != nil && len(view.Fields[field.Name].Context) > 0 {
					f.fill(field, view.Fields[field.Name].Context, above)
				}
			}
		}
		f.walk(field.Selections, append(above[:len(above):len(above)], level{s, types}))
	}
}

// fill finds the sources of a field's arguments.
func (f *filler) fill(field *operation.Field, arguments []supergraph.ContextArgument, above []level) {
	key := fillKey{field, contextText(arguments)}
	c := f.chooser
	if c.fills[key] != nil {
		return
	}
	out := &fill{id: len(c.fills), text: key.text}
	for _, a := range arguments {
		filled := fillArgument{name: a.Name, typ: a.Type}
		for i := len(above) - 1; i >= 0; i-- {
			sources, all := f.sources(above[i], a)
			for _, s := range sources {
				s.up = len(above) - i
				filled.sources = append(filled.sources, s)
			}
			if all {
				break
			}
		}
		if len(filled.sources) == 0 {
			return
		}
		out.arguments = append(out.arguments, filled)
	}
	if c.fills == nil {
		c.fills = map[fillKey]*fill{}
	}
	c.fills[key] = out
}

// sources returns where the argument's value is in an object above, and whether it is there for every object type.
func (f *filler) sources(at level, a supergraph.ContextArgument) (list []fillSource, all bool) {
	var on []string
	for _, typename := range at.types {
		if f.sets(typename, a.Context) {
			on = append(on, typename)
		}
	}
	if len(on) == 0 {
		return nil, false
	}
	all = len(on) == len(at.types)
	graph := f.chooser.supergraph
	declared := graph.Full.Types[at.selections.Type.Name]
	if len(on) == len(graph.Possible(declared.Name)) { // one selection does for all where the declared type has what is selected
		demand, err := operation.FromFieldSet(graph.Full, declared, a.Selections.Selections)
		if err == nil && len(demand.Fields) > 0 && !slices.ContainsFunc(demand.Fields, func(field *operation.Field) bool { return field.On != nil }) {
			f.add(at.selections, "", a.Selections.Text, demand.Fields)
			return []fillSource{{demand: demand}}, all
		}
	}
	for _, typename := range on {
		demand, err := operation.FromFieldSet(graph.Full, graph.Full.Types[typename], a.Selections.Selections)
		if err != nil || len(demand.Fields) == 0 {
			return nil, false
		}
		fields := make([]*operation.Field, len(demand.Fields))
		for i, field := range demand.Fields {
			narrowed := *field
			narrowed.On = []string{typename}
			fields[i] = &narrowed
		}
		f.add(at.selections, typename, a.Selections.Text, fields)
		list = append(list, fillSource{on: []string{typename}, demand: demand})
	}
	return list, all
}

func (f *filler) add(to *operation.Selections, typename, text string, fields []*operation.Field) {
	key := addedKey{to, typename, text}
	if f.added[key] {
		return
	}
	f.added[key] = true
	to.Fields = append(to.Fields, fields...)
}

// sets tells whether objects of the type set the context: by themselves, or as one of an interface or union.
func (f *filler) sets(typename, context string) bool {
	graph := f.chooser.supergraph
	t := graph.Type(typename)
	if t == nil {
		return false
	}
	if slices.Contains(t.Contexts, context) {
		return true
	}
	for _, abstract := range graph.Full.GetImplements(t.Def) {
		if of := graph.Type(abstract.Name); of != nil && slices.Contains(of.Contexts, context) {
			return true
		}
	}
	return false
}

// fill has a fetch wait for the values its arguments are filled with, and notes where they are. It comes after everything else was built: what it
// waits for is further up, and waits for nothing of the fetch.
func (b *build) fill(s *site, f *fetch, filled *fill) {
	at := slices.IndexFunc(f.filled, func(have *filledArguments) bool { return have.text == filled.text })
	if at < 0 {
		at = len(f.filled)
		have := &filledArguments{text: filled.text, fills: map[*fill]bool{}}
		for _, a := range filled.arguments {
			have.variables = append(have.variables, ContextVariable{Argument: a.name, Type: a.typ.String()})
		}
		f.filled = append(f.filled, have)
	}
	have := f.filled[at]
	if have.fills[filled] {
		return
	}
	have.fills[filled] = true
	needs := map[*fetch]bool{}
	for i, a := range filled.arguments {
		for _, from := range a.sources {
			at := s
			for range from.up {
				at = at.parent
			}
			if from.on != nil {
				at.asks = true
				at.needType(needs)
			}
			have.variables[i].add(ContextSource{Up: from.up, On: from.on, Fields: b.representation(at, from.demand, f.subgraph)})
			b.brought(at, from.demand, needs)
		}
	}
	for before := range needs {
		if before != f {
			f.after[before] = true
		}
	}
}

// add adds a source after those that are as near; one that is there already says the same.
func (v *ContextVariable) add(source ContextSource) {
	at := 0
	for ; at < len(v.Sources) && v.Sources[at].Up <= source.Up; at++ {
		if v.Sources[at].Up == source.Up && slices.Equal(v.Sources[at].On, source.On) {
			return
		}
	}
	v.Sources = slices.Insert(v.Sources, at, source)
}

// brought adds the fetches that bring the selected values of a site's objects.
func (b *build) brought(s *site, selections *operation.Selections, to map[*fetch]bool) {
	for _, field := range selections.Fields {
		own := s.find(field, "")
		if own == nil {
			continue
		}
		for f := range own.from {
			to[f] = true
		}
		if field.Selections != nil {
			b.brought(own.site, field.Selections, to)
		}
	}
}

// filledArguments are the variables of a fetch that fill the arguments of one field. Where the client asks for the field at one position in several ways,
// each way has a fill of its own; together they say where the values are.
type filledArguments struct {
	text      string
	fills     map[*fill]bool
	variables []ContextVariable
}
