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

// RandomUniverse makes up data for a graph: some objects of every type, values that no two objects share, null here and there where every subgraph allows
// it and no key needs a value, references that every subgraph can follow. Text fields with a requirement are computed from it, so that what is sent shows in the answer. Equal seeds give equal data.
func RandomUniverse(graph *supergraph.Supergraph, seed uint64) *Universe {
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
	return u
}

func memberName(typename string, i int) string { return typename + ":" + strconv.Itoa(i) }

type universeGenerator struct {
	graph   *supergraph.Supergraph
	seed    uint64
	numbers int
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
		for _, own := range fields {
			if paths := requiredPaths(own.Requires.Selections, nil); len(paths) > 0 {
				return append(formula{{text: memberName(def.Name, i) + "." + f.Name + " of"}}, spaced(paths)...)
			}
		}
	}
	if g.nullable(def, f, fields) && g.hash(def.Name, f.Name, strconv.Itoa(i), "null")%6 == 0 {
		return nil
	}
	below := g.graph.Full.Types[f.Type.Name()]
	if below.IsLeafType() {
		return g.shape(f.Type, func(n int) any { return g.leaf(def, f, below, i+n, subgraphs) })
	}
	candidates := g.graph.Possible(below.Name)
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
		return nil
	}
	start := i + int(g.hash(def.Name, f.Name)%uint64(len(members)))
	return g.shape(f.Type, func(n int) any { return reference(members[(start+n)%len(members)]) })
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

// nullable tells whether null may stand in a field in every subgraph, and no key needs it.
func (g *universeGenerator) nullable(def *ast.Definition, f *ast.FieldDefinition, fields []*supergraph.Field) bool {
	if f.Type.NonNull || slices.ContainsFunc(fields, func(own *supergraph.Field) bool { return own.Type.NonNull }) {
		return false
	}
	for _, t := range g.graph.Full.Types {
		known := g.graph.Type(t.Name)
		if known == nil {
			continue
		}
		for _, view := range known.Views {
			if view == nil {
				continue
			}
			for _, key := range view.Keys {
				if names(key.Fields.Selections, f.Name) {
					return false
				}
			}
		}
	}
	return true
}

// names tells whether a field of the name is anywhere in the set.
func names(set ast.SelectionSet, name string) bool {
	return slices.ContainsFunc(set, func(selection ast.Selection) bool {
		f, ok := selection.(*ast.Field)
		return ok && (f.Name == name || names(f.SelectionSet, name))
	})
}

// shape returns one value, or a list of two where the type is a list.
func (g *universeGenerator) shape(t *ast.Type, one func(n int) any) any {
	if t.Elem == nil {
		return one(0)
	}
	return []any{g.shape(t.Elem, one), g.shape(t.Elem, func(n int) any { return one(n + 1) })}
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

// requiredPaths lists the paths to the leaves of a requirement, those under type conditions left out.
func requiredPaths(set ast.SelectionSet, above []string) [][]string {
	var paths [][]string
	for _, selection := range set {
		f, ok := selection.(*ast.Field)
		if !ok || f.Name == "__typename" {
			continue
		}
		path := append(above[:len(above):len(above)], f.Name+operation.NewArguments(f.Arguments).Text)
		if len(f.SelectionSet) > 0 {
			paths = append(paths, requiredPaths(f.SelectionSet, path)...)
		} else {
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
