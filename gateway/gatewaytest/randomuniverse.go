package gatewaytest

import (
	"encoding/json"
	"hash/fnv"
	"slices"
	"sort"
	"strconv"
	"strings"

	"github.com/vektah/gqlparser/v2/ast"

	"callboard.dev/callboard/gateway/operation"
	"callboard.dev/callboard/gateway/supergraph"
)

// objectsPerType is enough for lists that differ and short enough to read in a failure.
const objectsPerType = 3

// RandomUniverse makes up data for a graph: some objects of every type, values that no two objects share, null, an empty list or a failure here and
// there where every subgraph allows it and no key needs a value, references that every subgraph can follow. Text fields with a requirement or
// arguments are computed from them, so that what is sent shows in the answer. Equal seeds give equal data.
func RandomUniverse(graph *supergraph.Supergraph, seed uint64) *Universe {
	u, _ := randomUniverse(graph, seed)
	return u
}

// randomUniverse tells also whether every field has a value that all its subgraphs allow.
func randomUniverse(graph *supergraph.Supergraph, seed uint64) (_ *Universe, whole bool) {
	u := &Universe{schema: graph.Full, objects: map[string]*object{}}
	g := &universeGenerator{graph: graph, seed: seed}
	for _, typename := range sortedKeys(graph.Full.Types) {
		def := graph.Full.Types[typename]
		if def.Kind != ast.Object || strings.HasPrefix(typename, "__") {
			continue
		}
		n := objectsPerType
		if g.isRoot(typename) {
			n = 1
		}
		for i := range n {
			name := memberName(typename, i)
			if n == 1 {
				name = typename
			}
			o := &object{typename: typename, fields: map[string]any{}}
			for _, f := range def.Fields {
				if !strings.HasPrefix(f.Name, "__") {
					o.fields[f.Name] = g.field(def, f, i)
				}
			}
			u.objects[name] = o
			u.names = append(u.names, name)
		}
	}
	sort.Strings(u.names)
	return u, !g.lacking
}

func memberName(typename string, i int) string { return typename + ":" + strconv.Itoa(i) }

type universeGenerator struct {
	graph   *supergraph.Supergraph
	seed    uint64
	numbers int
	lists   int
	lacking bool // some field that must have a value has none that its subgraphs agree on
}

// resolvers lists the fields that answer a field of an object type, in all subgraphs, with their subgraphs.
func (g *universeGenerator) resolvers(def *ast.Definition, name string) (fields []*supergraph.Field, subgraphs []*supergraph.Subgraph) {
	for _, typename := range append([]string{def.Name}, def.Interfaces...) {
		t := g.graph.Type(typename)
		if t == nil {
			continue
		}
		for _, view := range t.Views {
			if view == nil || typename != def.Name && !view.InterfaceObject {
				continue
			}
			if own := view.Fields[name]; own != nil {
				fields = append(fields, own)
				subgraphs = append(subgraphs, view.Subgraph)
			}
		}
	}
	return fields, subgraphs
}

func (g *universeGenerator) field(def *ast.Definition, f *ast.FieldDefinition, i int) any {
	fields, subgraphs := g.resolvers(def, f.Name)
	if f.Type.NamedType == "String" {
		computed := formula{{text: memberName(def.Name, i) + "." + f.Name + " of"}}
		for _, own := range fields {
			if paths := g.requiredPaths(def, own.Requires.Selections, nil); len(paths) > 0 {
				computed = append(computed, spaced(paths)...)
				break
			}
		}
		for _, arg := range f.Arguments {
			computed = append(computed, part{text: " " + arg.Name + ": "}, part{argument: arg.Name})
		}
		if len(computed) > 1 {
			return computed
		}
	}
	types := []*ast.Type{f.Type}
	for _, own := range fields {
		types = append(types, own.Type)
	}
	free := !g.keyed(f.Name)
	if free && nullable(types) {
		switch chance := g.hash(def.Name, f.Name, strconv.Itoa(i), "null") % 60; {
		case chance < 10:
			return nil
		case chance == 10 && !g.required(f.Name):
			return failure{message: "no " + f.Name + " today", code: "NOT_TODAY"}
		}
	}
	below := g.graph.Full.Types[f.Type.Name()]
	if below.IsLeafType() {
		return g.shape(types, free, func(n int) any { return g.leaf(def, f, below, i+n, subgraphs) })
	}
	candidates := slices.Clone(g.graph.Possible(below.Name))
	for at, own := range fields {
		view := g.graph.View(own.Type.Name(), subgraphs[at])
		candidates = slices.DeleteFunc(candidates, func(name string) bool { return view == nil || !view.Possible[name] })
	}
	var members []string
	for n := range objectsPerType {
		for _, typename := range candidates {
			if name := memberName(typename, n); !g.isRoot(typename) {
				members = append(members, name)
			} else if n == 0 {
				members = append(members, typename)
			}
		}
	}
	if len(members) == 0 {
		switch {
		case nullable(types):
		case f.Type.Elem != nil:
			return []any{}
		default:
			g.lacking = true
		}
		return nil
	}
	start := i + int(g.hash(def.Name, f.Name)%uint64(len(members)))
	return g.shape(types, free, func(n int) any { return reference(members[(start+n)%len(members)]) })
}

// isRoot tells whether the type is a root type, of which there is one object.
func (g *universeGenerator) isRoot(typename string) bool {
	full := g.graph.Full
	for _, root := range []*ast.Definition{full.Query, full.Mutation, full.Subscription} {
		if root != nil && root.Name == typename {
			return true
		}
	}
	return false
}

// nullable tells whether null may stand where each of the types is wanted.
func nullable(types []*ast.Type) bool {
	return !slices.ContainsFunc(types, func(t *ast.Type) bool { return t.NonNull })
}

// keyed tells whether some key has a field of the name in it.
func (g *universeGenerator) keyed(name string) bool {
	return g.somewhere(func(view *supergraph.View) bool {
		return slices.ContainsFunc(view.Keys, func(key supergraph.Key) bool { return names(key.Fields.Selections, name) })
	})
}

// required tells whether some requirement has a field of the name in it.
func (g *universeGenerator) required(name string) bool {
	return g.somewhere(func(view *supergraph.View) bool {
		for _, f := range view.Fields {
			if names(f.Requires.Selections, name) {
				return true
			}
		}
		return false
	})
}

func (g *universeGenerator) somewhere(holds func(view *supergraph.View) bool) bool {
	for name := range g.graph.Full.Types {
		if t := g.graph.Type(name); t != nil && slices.ContainsFunc(t.Views, func(v *supergraph.View) bool { return v != nil && holds(v) }) {
			return true
		}
	}
	return false
}

// names tells whether a field of the name is anywhere in the set.
func names(set ast.SelectionSet, name string) bool {
	return slices.ContainsFunc(set, func(selection ast.Selection) bool {
		switch s := selection.(type) {
		case *ast.Field:
			return s.Name == name || names(s.SelectionSet, name)
		case *ast.InlineFragment:
			return names(s.SelectionSet, name)
		}
		return false
	})
}

// shape returns one value, or a list of none to two where the types are lists; with free, null among them where it may be.
func (g *universeGenerator) shape(types []*ast.Type, free bool, one func(n int) any) any {
	if types[0].Elem == nil {
		return one(0)
	}
	items := make([]*ast.Type, len(types))
	for i, t := range types {
		items[i] = t.Elem
	}
	g.lists++
	out := []any{}
	for n := range 2 {
		switch chance := g.hash("list", strconv.Itoa(g.lists), strconv.Itoa(n)) % 30; {
		case free && chance < 2:
			return out
		case free && chance < 6 && nullable(items):
			out = append(out, nil)
		default:
			out = append(out, g.shape(items, free, func(m int) any { return one(n + m) }))
		}
	}
	return out
}

func (g *universeGenerator) leaf(def *ast.Definition, f *ast.FieldDefinition, t *ast.Definition, i int, subgraphs []*supergraph.Subgraph) any {
	g.numbers++
	switch t.Name {
	case "Int":
		return json.Number(strconv.Itoa(g.numbers))
	case "Float":
		return json.Number(strconv.Itoa(g.numbers) + ".5")
	case "Boolean":
		return g.hash(def.Name, f.Name, strconv.Itoa(i))%2 == 0
	}
	if t.Kind == ast.Enum {
		var values []string
		for _, value := range t.EnumValues {
			everywhere := true
			for _, subgraph := range subgraphs {
				view := g.graph.View(t.Name, subgraph)
				everywhere = everywhere && (view == nil || view.EnumValues[value.Name])
			}
			if everywhere {
				values = append(values, value.Name)
			}
		}
		if len(values) == 0 {
			g.lacking = true
			return nil
		}
		return values[i%len(values)]
	}
	return memberName(def.Name, i) + "." + f.Name
}

func (g *universeGenerator) hash(parts ...string) uint64 {
	h := fnv.New64a()
	h.Write([]byte(strconv.FormatUint(g.seed, 10) + " " + strings.Join(parts, ".")))
	return h.Sum64() >> 8
}

// requiredPaths lists the paths to the leaves of a requirement. Of those under a type condition, it has the ones that can be of no other type.
func (g *universeGenerator) requiredPaths(def *ast.Definition, set ast.SelectionSet, above []string) [][]string {
	var paths [][]string
	for _, selection := range set {
		switch s := selection.(type) {
		case *ast.InlineFragment:
			if s.TypeCondition == "" || s.TypeCondition == def.Name {
				paths = append(paths, g.requiredPaths(def, s.SelectionSet, above)...)
				continue
			}
			var alone ast.SelectionSet
			for _, inner := range s.SelectionSet {
				if f, ok := inner.(*ast.Field); ok && !slices.ContainsFunc(g.graph.Full.GetPossibleTypes(def), func(p *ast.Definition) bool {
					return p.Name != s.TypeCondition && p.Fields.ForName(f.Name) != nil
				}) {
					alone = append(alone, f)
				}
			}
			paths = append(paths, g.requiredPaths(g.graph.Full.Types[s.TypeCondition], alone, above)...)
		case *ast.Field:
			field := def.Fields.ForName(s.Name)
			if field == nil {
				continue
			}
			path := append(above[:len(above):len(above)], s.Name+operation.NewArguments(s.Arguments).Text)
			if len(s.SelectionSet) > 0 {
				paths = append(paths, g.requiredPaths(g.graph.Full.Types[field.Type.Name()], s.SelectionSet, path)...)
				continue
			}
			paths = append(paths, path)
		}
	}
	return paths
}

func spaced(paths [][]string) []part {
	var out []part
	for _, path := range paths {
		out = append(out, part{text: " "}, part{path: path})
	}
	return out
}
