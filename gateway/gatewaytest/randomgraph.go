package gatewaytest

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"

	"callboard.dev/callboard/gateway/compose"
	"callboard.dev/callboard/gateway/supergraph"
)

// RandomSubgraphs makes up subgraph schemas that compose: entities with several, compound and nested keys, value types, interfaces with keys,
// interface objects, unions, requirements, provisions and overrides, in either version of Federation. Equal seeds give equal schemas.
//
// What is made up can be answered from everywhere: the subgraphs of an entity lead to each other, through one that knows all its keys or along a chain. Loose
// tells which seeds give graphs of which that is not true.
func RandomSubgraphs(seed uint64) []compose.Subgraph {
	for attempt := range uint64(maxAttempts) {
		g := &graphMaker{random: rand.New(rand.NewPCG(seed, attempt)), loose: Loose(seed)}
		list := g.make()
		composed, errs := compose.Compose(list)
		if errs != nil {
			continue
		}
		graph, err := supergraph.Read("random", composed.SDL)
		if err != nil {
			return list // whoever reads it sees why
		}
		if _, whole := randomUniverse(graph, seed); whole {
			return list
		}
	}
	return []compose.Subgraph{{Name: "a", SDL: link("") + "\ntype Query {\n  int1: Int\n}\n"}}
}

// maxAttempts bounds how many graphs are made for one seed. About four in five compose.
const maxAttempts = 20

// Loose tells whether the graph of a seed may have fields that no way leads to.
func Loose(seed uint64) bool { return seed%8 == 7 }

// graphMaker makes up the schemas of one graph. Types and fields are made for the whole graph; parts say what of them a subgraph has.
type graphMaker struct {
	random    *rand.Rand
	loose     bool
	subgraphs []*madeSubgraph
	types     []*madeType
	query     *madeType
	mutation  *madeType
	hiddenHue bool
	declared  map[*madeSubgraph]map[*madeType][]declaration
	counter   int
}

type madeSubgraph struct {
	name  string
	first bool // written for Federation 1
	parts map[*madeType]*madePart
}

type madeType struct {
	name       string
	kind       madeKind
	keys       []madeKey
	fields     []*madeField
	members    []*madeType     // of an interface or union
	split      []*madeSubgraph // a value type whose fields differ: where it is
	typed      []*madeSubgraph // an interface with a key: where its implementations are defined
	standing   []*madeSubgraph // and where it is an interface object
	interfaced bool            // in some interface or key, so that it has an id everywhere
	being      *madeType       // the interface with a key that it implements
	hub        *madeSubgraph   // an entity's subgraph with all its keys
	extends    *madeType       // an interface's own interface
	hidden     bool
}

type madeKind int

const (
	madeRoot madeKind = iota
	madeEntity
	madeValue
	madeInterface
	madeUnion
	madeBeing // an interface with a key
)

// madeKey is a key with the fields it is made of.
type madeKey struct {
	text   string
	fields []*madeField
	nested *madeField // the id of the type in the last of fields
}

type madeField struct {
	name      string
	typ       string    // with %s for the named type
	leaf      string    // named type of a leaf
	below     *madeType // type of a composite
	beside    *madeType // type of the interface's field that this one implements, where it is another
	arguments string
	given     string // arguments for a requirement
	owners    []*madeSubgraph
	moved     bool
	provided  bool
	shared    bool // in an interface or key: the same everywhere
	hidden    bool
}

// madePart is a subgraph's part of a type.
type madePart struct {
	keys       []string // arguments of @key
	implements []*madeType
	fields     []*partField
	stub       bool
}

type partField struct {
	*madeField
	external bool
	key      bool
	provides string
	requires string
	override string
}

func (p *madePart) find(f *madeField) *partField {
	for _, own := range p.fields {
		if own.madeField == f {
			return own
		}
	}
	return nil
}

func (g *graphMaker) chance(n int) bool { return g.random.IntN(n) == 0 }

func pick[T any](g *graphMaker, list []T) T { return list[g.random.IntN(len(list))] }

// some returns a random part of the list with at least n items, in order.
func some[T any](g *graphMaker, list []T, n int) []T {
	n += g.random.IntN(max(1, len(list)-n+1))
	at := g.random.Perm(len(list))[:min(n, len(list))]
	slices.Sort(at)
	var out []T
	for _, i := range at {
		out = append(out, list[i])
	}
	return out
}

// make names the stages.
func (g *graphMaker) make() []compose.Subgraph {
	for i := range pick(g, []int{2, 2, 3, 3, 3, 4, 5}) {
		g.subgraphs = append(g.subgraphs, &madeSubgraph{name: string(rune('a' + i)), first: g.chance(6), parts: map[*madeType]*madePart{}})
	}
	g.query = g.newType("Query", madeRoot)
	g.makeTypes()
	for _, t := range g.types {
		if t.kind == madeEntity {
			g.placeEntity(t)
		}
	}
	for _, t := range g.types {
		g.makeFields(t)
	}
	g.makeRoots()
	g.makeProvisions()
	g.makeRequirements()
	g.hide()
	g.finishAbstract()
	var list []compose.Subgraph
	for _, s := range g.subgraphs {
		list = append(list, compose.Subgraph{Name: s.name, SDL: g.print(s)})
	}
	return list
}

func (g *graphMaker) newType(name string, kind madeKind) *madeType {
	t := &madeType{name: name, kind: kind}
	g.types = append(g.types, t)
	return t
}

// makeTypes decides which types there are.
func (g *graphMaker) makeTypes() {
	var values, entities []*madeType
	for _, name := range []string{"Vat", "Wax"}[:g.random.IntN(3)] {
		t := g.newType(name, madeValue)
		if len(g.subgraphs) > 1 && g.chance(3) {
			t.split = some(g, g.subgraphs, 2)
			t.split = t.split[:2]
		} else {
			values = append(values, t)
		}
	}
	for _, name := range []string{"Ant", "Bee", "Cat", "Dog"}[:2+g.random.IntN(3)] {
		entities = append(entities, g.newType(name, madeEntity))
	}
	g.makeBeing()
	for _, name := range []string{"Item", "Thing"}[:g.random.IntN(3)] {
		t := g.newType(name, madeInterface)
		t.members = some(g, slices.Concat(entities, values), 1)
		for _, member := range t.members {
			member.interfaced = true
		}
	}
	if item, thing := g.typeNamed("Item"), g.typeNamed("Thing"); thing != nil && g.chance(3) {
		thing.extends = item
		for _, m := range thing.members {
			if !slices.Contains(item.members, m) {
				item.members = append(item.members, m)
			}
		}
	}
	if g.chance(2) {
		t := g.newType("Either", madeUnion)
		t.members = some(g, slices.Concat(entities, values), 1)
	}
	if g.chance(3) {
		g.mutation = g.newType("Mutation", madeRoot)
	}
	for _, t := range g.types {
		if t.kind == madeEntity {
			g.makeKeys(t)
		} else if t.kind == madeValue && t.interfaced {
			g.identity(t)
		}
	}
}

// makeBeing makes an interface with a key, which some subgraphs have as an interface object.
func (g *graphMaker) makeBeing() {
	var able []*madeSubgraph
	for _, s := range g.subgraphs {
		if !s.first {
			able = append(able, s)
		}
	}
	if len(able) < 2 || !g.chance(3) {
		return
	}
	being := g.newType("Being", madeBeing)
	for _, name := range []string{"Elf", "Orc"}[:1+g.random.IntN(2)] {
		member := g.newType(name, madeEntity)
		member.being, member.interfaced = being, true
		being.members = append(being.members, member)
	}
	being.typed = []*madeSubgraph{able[0]}
	being.standing = []*madeSubgraph{able[1]}
	for _, s := range able[2:] {
		switch g.random.IntN(3) {
		case 0:
			being.typed = append(being.typed, s)
		case 1:
			being.standing = append(being.standing, s)
		}
	}
}

// identity returns the id of a type, which is the same in every subgraph.
func (g *graphMaker) identity(t *madeType) *madeField {
	for _, f := range t.fields {
		if f.name == "id" {
			return f
		}
	}
	f := &madeField{name: "id", typ: "%s!", leaf: "ID", shared: true}
	t.fields = append(t.fields, f)
	return f
}

func (g *graphMaker) makeKeys(t *madeType) {
	if t.being != nil {
		t.keys = []madeKey{{text: "id", fields: []*madeField{g.identity(t)}}}
		return
	}
	field := func(name, typ, leaf string, below *madeType) *madeField {
		f := &madeField{name: name, typ: typ, leaf: leaf, below: below, shared: true}
		t.fields = append(t.fields, f)
		return f
	}
	if t.interfaced {
		g.identity(t)
	}
	for range 1 + g.random.IntN(3) {
		shape := pick(g, []string{"id", "id", "id", "sku", "code region", "home { id }", "boss { id }"})
		if slices.ContainsFunc(t.keys, func(k madeKey) bool { return k.text == shape }) {
			continue
		}
		k := madeKey{text: shape}
		switch shape {
		case "id":
			k.fields = []*madeField{g.identity(t)}
		case "sku":
			k.fields = []*madeField{field("sku", pick(g, []string{"%s!", "%s"}), "String", nil)}
		case "code region":
			k.fields = []*madeField{field("code", "%s!", "Int", nil), field("region", "%s!", "String", nil)}
		case "home { id }":
			home := g.typeNamed("Home")
			if home == nil {
				home = g.newType("Home", madeValue)
			}
			k.fields, k.nested = []*madeField{field("home", "%s!", "", home)}, g.identity(home)
		case "boss { id }":
			boss := g.typeNamed("Ant")
			if boss == t {
				boss = g.typeNamed("Bee")
			}
			boss.interfaced = true
			k.fields, k.nested = []*madeField{field("boss", "%s!", "", boss)}, g.identity(boss)
		}
		t.keys = append(t.keys, k)
	}
}

func (g *graphMaker) typeNamed(name string) *madeType {
	for _, t := range g.types {
		if t.name == name {
			return t
		}
	}
	return nil
}

// allowed tells whether a subgraph can have the type.
func (g *graphMaker) allowed(t *madeType, s *madeSubgraph) bool {
	switch t.kind {
	case madeEntity:
		return t.being == nil || !slices.Contains(t.being.standing, s)
	case madeValue:
		return t.split == nil || slices.Contains(t.split, s)
	case madeBeing:
		return slices.Contains(t.typed, s) || slices.Contains(t.standing, s)
	}
	return t.kind != madeRoot && slices.ContainsFunc(t.members, func(m *madeType) bool { return g.allowed(m, s) })
}

// ensure makes the type one of the subgraph's, with as little as it must have there.
func (g *graphMaker) ensure(t *madeType, s *madeSubgraph) *madePart {
	if part := s.parts[t]; part != nil {
		return part
	}
	part := &madePart{}
	s.parts[t] = part
	switch t.kind {
	case madeEntity:
		part.stub = true
		g.addKey(t, s, pick(g, t.keys), !s.first && g.chance(2))
	case madeValue:
		for _, f := range t.fields {
			if t.split == nil || slices.Contains(f.owners, s) {
				g.add(t, s, f)
			}
		}
	case madeInterface, madeUnion:
		var able []*madeType
		for _, m := range t.members {
			if g.allowed(m, s) {
				able = append(able, m)
			}
		}
		g.join(t, s, pick(g, able))
	case madeBeing:
		if slices.Contains(t.standing, s) {
			g.addKey(t, s, madeKey{text: "id", fields: []*madeField{g.identity(t)}}, false)
			break
		}
		part.keys = []string{`fields: "id"`}
		for _, m := range t.members {
			g.join(t, s, m)
			if !slices.ContainsFunc(s.parts[m].keys, func(key string) bool { return key == `fields: "id"` }) {
				s.parts[m].keys = append(s.parts[m].keys[:0], `fields: "id"`)
			}
		}
	}
	if t.interfaced && part.find(g.identity(t)) == nil {
		g.add(t, s, g.identity(t))
	}
	return part
}

// join makes an object type of the subgraph a member of an abstract type there.
func (g *graphMaker) join(t *madeType, s *madeSubgraph, member *madeType) {
	part := g.ensure(member, s)
	if !slices.Contains(part.implements, t) {
		part.implements = append(part.implements, t)
	}
}

// addKey makes the subgraph have a key of the entity.
func (g *graphMaker) addKey(t *madeType, s *madeSubgraph, k madeKey, unresolvable bool) {
	part := s.parts[t]
	text := fmt.Sprintf("fields: %q", k.text)
	if unresolvable {
		text += ", resolvable: false"
	}
	part.keys = append(part.keys, text)
	for _, f := range k.fields {
		g.add(t, s, f).key = true
	}
	if k.nested != nil {
		below := k.fields[len(k.fields)-1].below
		g.ensure(below, s)
		g.add(below, s, k.nested)
	}
}

// add makes the subgraph resolve a field.
func (g *graphMaker) add(t *madeType, s *madeSubgraph, f *madeField) *partField {
	part := s.parts[t]
	if own := part.find(f); own != nil {
		return own
	}
	own := &partField{madeField: f}
	part.fields = append(part.fields, own)
	if !slices.Contains(f.owners, s) {
		f.owners = append(f.owners, s)
	}
	if f.below != nil {
		g.ensure(f.below, s)
	}
	if f.beside != nil && g.allowed(f.beside, s) {
		g.ensure(f.beside, s)
	}
	return own
}

// placeEntity decides which subgraphs contribute to an entity, and by which keys they are entered.
func (g *graphMaker) placeEntity(t *madeType) {
	var able []*madeSubgraph
	for _, s := range g.subgraphs {
		if g.allowed(t, s) && (t.being == nil || slices.Contains(t.being.typed, s) || g.chance(2)) {
			able = append(able, s)
		}
	}
	in := some(g, able, 1)
	t.hub = pick(g, in)
	if t.being != nil {
		in, t.hub = able, t.being.typed[0]
		for _, s := range t.being.typed {
			g.ensure(t.being, s)
		}
	}
	chained := t.being == nil && g.chance(3)
	for at, s := range in {
		keys := t.keys
		switch {
		case g.loose:
			keys = some(g, t.keys, 1)
		case chained: // no subgraph need have all keys if each has two and hands on to the next
			from := min(at, len(t.keys)-1)
			if keys = t.keys[from:]; at < len(in)-1 {
				keys = keys[:min(2, len(keys))]
			}
		case s != t.hub:
			keys = some(g, t.keys, 1)
		}
		part := s.parts[t]
		if part == nil {
			part = &madePart{}
			s.parts[t] = part
		}
		part.stub, part.keys = false, nil
		for i, k := range keys {
			g.addKey(t, s, k, !s.first && t.being == nil && (i > 0 && s != t.hub && !chained && g.chance(3) || g.loose && g.chance(6)))
		}
		if t.interfaced {
			g.add(t, s, g.identity(t))
		}
	}
}

// contributors lists the subgraphs that have more than a stub of the type.
func (g *graphMaker) contributors(t *madeType) []*madeSubgraph {
	var list []*madeSubgraph
	for _, s := range g.subgraphs {
		if part := s.parts[t]; part != nil && !part.stub {
			list = append(list, s)
		}
	}
	return list
}

func link(imports string) string {
	return `extend schema @link(url: "https://specs.apollo.dev/federation/v2.5", import: [` + imports + `])`
}

// lower is a type's name as part of a field's.
func lower(name string) string { return strings.ToLower(name) }
