package gatewaytest

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"callboard.dev/callboard/gateway/supergraph"
)

// randomGraph makes up the text of a supergraph: a few subgraphs, types that some of them have, with keys, requirements, provisions, interfaces,
// interface objects and a union, with no care whether all of it can be reached. Equal seeds give equal texts.
func randomGraph(seed uint64) string {
	g := &graphGenerator{random: rand.New(rand.NewPCG(seed, 1))}
	g.subgraphs = 2 + g.random.IntN(3)
	for i := range 3 + g.random.IntN(3) {
		g.types = append(g.types, g.newType(fmt.Sprintf("T%d", i)))
	}
	return g.write()
}

type graphGenerator struct {
	random    *rand.Rand
	subgraphs int
	types     []*randomType
}

type randomType struct {
	name       string
	in         []int // subgraphs
	implements []int // of those, the ones in which it implements I
	member     []int // of those, the ones in which it is a member of U
}

func (g *graphGenerator) chance(n int) bool { return g.random.IntN(n) == 0 }

// some returns some of the subgraphs, at least one.
func (g *graphGenerator) some(of []int) []int {
	var out []int
	for _, i := range of {
		if !g.chance(3) {
			out = append(out, i)
		}
	}
	if len(out) == 0 && len(of) > 0 {
		out = append(out, of[g.random.IntN(len(of))])
	}
	return out
}

func (g *graphGenerator) all() []int {
	out := make([]int, g.subgraphs)
	for i := range out {
		out[i] = i
	}
	return out
}

func (g *graphGenerator) newType(name string) *randomType {
	t := &randomType{name: name, in: g.some(g.all())}
	if g.chance(2) {
		t.implements = g.some(t.in)
	}
	if g.chance(2) {
		t.member = g.some(t.in)
	}
	return t
}

var randomKeys = []string{"a", "b", "a b", "r { a }", "r { b r { a } }"}

func (g *graphGenerator) write() string {
	var b strings.Builder
	b.WriteString(`schema @link(url: "https://specs.apollo.dev/link/v1.0") @link(url: "https://specs.apollo.dev/join/v0.3", for: EXECUTION) { query: Query }
directive @join__enumValue(graph: join__Graph!) repeatable on ENUM_VALUE
directive @join__field(graph: join__Graph, requires: join__FieldSet, provides: join__FieldSet, type: String, external: Boolean, override: String, usedOverridden: Boolean) repeatable on FIELD_DEFINITION
directive @join__graph(name: String!, url: String!) on ENUM_VALUE
directive @join__implements(graph: join__Graph!, interface: String!) repeatable on OBJECT | INTERFACE
directive @join__type(graph: join__Graph!, key: join__FieldSet, extension: Boolean! = false, resolvable: Boolean! = true, isInterfaceObject: Boolean! = false) repeatable on OBJECT | INTERFACE | UNION | SCALAR
directive @join__unionMember(graph: join__Graph!, member: String!) repeatable on UNION
directive @link(url: String, as: String, for: link__Purpose, import: [link__Import]) repeatable on SCHEMA
scalar join__FieldSet
scalar link__Import
enum link__Purpose { SECURITY EXECUTION }
enum join__Graph {`)
	for i := range g.subgraphs {
		fmt.Fprintf(&b, " G%d @join__graph(name: \"g%d\", url: \"\")", i, i)
	}
	b.WriteString(" }\n")
	members, implementations := "", false
	for _, t := range g.types {
		if len(t.member) > 0 {
			members += " | " + t.name
		}
		implementations = implementations || len(t.implements) > 0
	}
	returned := []string{}
	for _, t := range g.types {
		returned = append(returned, t.name)
	}
	known := map[string][]int{}
	for _, t := range g.types {
		known[t.name] = t.in
	}
	if members != "" {
		returned = append(returned, "U")
		b.WriteString("union U")
		for _, i := range g.all() {
			for _, t := range g.types {
				for _, in := range t.member {
					if in == i {
						fmt.Fprintf(&b, " @join__unionMember(graph: G%d, member: %q)", i, t.name)
						if len(known["U"]) == 0 || known["U"][len(known["U"])-1] != i {
							known["U"] = append(known["U"], i)
						}
					}
				}
			}
		}
		for _, i := range known["U"] {
			fmt.Fprintf(&b, " @join__type(graph: G%d)", i)
		}
		b.WriteString(" =" + members + "\n")
	}
	objects, keyed := map[int]bool{}, map[int]string{}
	if implementations {
		returned = append(returned, "I")
		b.WriteString("interface I")
		for _, i := range g.all() {
			// An interface object stands beside none of the implementations, and an interface with a key beside all.
			some, beside, every := false, false, true
			for _, t := range g.types {
				if len(t.implements) > 0 {
					some = some || has(t.implements, i)
					beside = beside || has(t.in, i)
					every = every && has(t.implements, i)
				}
			}
			objects[i] = !beside && g.chance(2)
			if !some && !objects[i] {
				continue
			}
			known["I"] = append(known["I"], i)
			key := randomKeys[g.random.IntN(2)]
			switch {
			case objects[i]:
				fmt.Fprintf(&b, " @join__type(graph: G%d, key: %q, isInterfaceObject: true)", i, key)
			case !every || g.chance(2):
				fmt.Fprintf(&b, " @join__type(graph: G%d)", i)
			default:
				keyed[i] = key
				fmt.Fprintf(&b, " @join__type(graph: G%d, key: %q)", i, key)
			}
		}
		b.WriteString(" {\n")
		g.writeFields(&b, "I", known["I"], returned, known, func(i int) bool { return objects[i] })
		b.WriteString("}\n")
	}
	for _, t := range g.types {
		b.WriteString("type " + t.name)
		if len(t.implements) > 0 {
			b.WriteString(" implements I")
		}
		for _, i := range t.implements {
			fmt.Fprintf(&b, " @join__implements(graph: G%d, interface: \"I\")", i)
		}
		for _, i := range t.in {
			n := g.random.IntN(3)
			key := keyed[i] // every implementation has the interface's key
			switch {
			case key != "" && has(t.implements, i):
				fmt.Fprintf(&b, " @join__type(graph: G%d, key: %q)", i, key)
			case n == 0:
				fmt.Fprintf(&b, " @join__type(graph: G%d)", i)
			}
			for range n {
				fmt.Fprintf(&b, " @join__type(graph: G%d, key: %q", i, randomKeys[g.random.IntN(len(randomKeys))])
				if g.chance(6) {
					b.WriteString(", resolvable: false")
				}
				b.WriteByte(')')
			}
		}
		b.WriteString(" {\n")
		g.writeFields(&b, t.name, t.in, returned, known, func(int) bool { return true })
		b.WriteString("}\n")
	}
	b.WriteString("type Query")
	for i := range g.subgraphs {
		fmt.Fprintf(&b, " @join__type(graph: G%d)", i)
	}
	b.WriteString(" {\n")
	for i, name := range returned {
		fmt.Fprintf(&b, "  q%d: %s", i, name)
		for _, in := range g.some(known[name]) {
			provides := g.provides()
			if name == "U" && provides != "" {
				provides = fmt.Sprintf(", provides: \"... on %s { a r { x } }\"", g.members(in)[0])
			}
			fmt.Fprintf(&b, " @join__field(graph: G%d%s)", in, provides)
		}
		b.WriteByte('\n')
	}
	b.WriteString("}\n")
	return b.String()
}

// members returns the types that the union can be in a subgraph.
func (g *graphGenerator) members(in int) []string {
	var out []string
	for _, t := range g.types {
		if has(t.member, in) {
			out = append(out, t.name)
		}
	}
	return out
}

var randomProvided = []string{"a", "b", "x", "r { a }", "r { x }", "l { y }"}

func (g *graphGenerator) provides() string {
	if !g.chance(5) {
		return ""
	}
	return fmt.Sprintf(", provides: %q", randomProvided[g.random.IntN(len(randomProvided))])
}

// writeFields gives a type leaves a, b, x, y, a reference r to one fixed type, so that field sets can go through it, and a link l to any. Where free says no,
// the subgraph has an interface, of which it says neither external nor what is required.
func (g *graphGenerator) writeFields(b *strings.Builder, name string, in []int, returned []string, known map[string][]int, free func(int) bool) {
	for _, f := range []string{"a", "b", "x", "y", "r", "l"} {
		typeName := "String"
		switch f {
		case "r":
			typeName = "T0"
		case "l":
			typeName = "T1"
		}
		fmt.Fprintf(b, "  %s: %s", f, typeName)
		some := false
		for _, i := range g.some(in) {
			if typeName != "String" && !has(known[typeName], i) {
				continue
			}
			some = true
			fmt.Fprintf(b, " @join__field(graph: G%d", i)
			switch {
			case !free(i):
			case g.chance(5):
				b.WriteString(", external: true")
			case f == "x" || f == "y":
				if g.chance(3) {
					fmt.Fprintf(b, ", requires: %q", []string{"a", "b", "y", "x", "r { x }", "l { b }"}[g.random.IntN(6)])
				}
			case typeName != "String":
				b.WriteString(g.provides())
			}
			b.WriteByte(')')
		}
		if !some {
			b.WriteString(" @join__field")
		}
		b.WriteByte('\n')
	}
}

func has(list []int, i int) bool { return slices.Contains(list, i) }

// TestRandomGraphs holds the check against the planner on graphs that nobody thought of.
func TestRandomGraphs(t *testing.T) {
	graphs := uint64(300)
	if testing.Short() {
		graphs = 100
	}
	for seed := range graphs {
		t.Run(fmt.Sprint(seed), func(t *testing.T) { compareRandom(t, seed) })
	}
}

// FuzzRandomGraphs does the same without end.
func FuzzRandomGraphs(f *testing.F) {
	f.Add(uint64(1))
	f.Fuzz(func(t *testing.T, seed uint64) { compareRandom(t, seed) })
}

func compareRandom(t *testing.T, seed uint64) {
	text := randomGraph(seed)
	graph, err := supergraph.Read("random", text)
	if err != nil {
		t.Fatalf("%v in\n%s", err, text)
	}
	compareReached(t, graph)
	if t.Failed() {
		t.Log(text)
	}
}
