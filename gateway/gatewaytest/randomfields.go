package gatewaytest

import (
	"fmt"
	"slices"
	"strings"
)

// wrappings are the shapes of a field's type.
var wrappings = []string{"%s", "%s", "%s", "%s!", "%s!", "[%s]", "[%s!]", "[%s]!", "[%s!]!", "[[%s]]", "[[%s!]!]!"}

// newField makes up a field whose type every one of the subgraphs can have.
func (g *graphMaker) newField(in []*madeSubgraph, composite bool) *madeField {
	g.counter++
	f := &madeField{typ: pick(g, wrappings)}
	if composite {
		var able []*madeType
		for _, t := range g.types {
			fits := t.kind != madeRoot && (t.split == nil || len(in) == len(t.split))
			for _, s := range in {
				fits = fits && g.allowed(t, s)
			}
			if fits {
				able = append(able, t)
			}
		}
		if len(able) > 0 {
			f.below = pick(g, able)
			f.name = fmt.Sprintf("%s%d", lower(f.below.name), g.counter)
		}
	}
	if f.below == nil {
		f.leaf = pick(g, []string{"Int", "Float", "String", "String", "String", "Boolean", "ID", "Hue", "Mode", "Stamp"})
		f.name = fmt.Sprintf("%s%d", lower(f.leaf), g.counter)
	}
	if g.chance(4) {
		shapes := [][2]string{
			{"(n: Int = 1)", "(n: 2)"}, {"(n: Int)", ""}, {"(n: Int!)", "(n: 3)"}, {"(mode: Mode = FAST)", "(mode: SLOW)"}, {"(side: Side)", "(side: LEFT)"},
			{"(range: Range)", "(range: {low: 2})"}, {"(ids: [ID!], text: String = \"x\")", `(ids: ["7"])`}, {"(pick: Pick)", `(pick: {n: 4})`}, {"(sides: [[Side]])", "(sides: [[LEFT]])"},
			{"(range: Range! = {low: 5})", ""}, {"(ranges: [Range!]! = [{low: 1}], f: Float)", "(f: 1.5)"},
		}
		if f.leaf != "" { // so that what was given shows in the answer
			f.leaf, f.typ, f.name = "String", pick(g, []string{"%s", "%s!"}), fmt.Sprintf("text%d", g.counter)
		}
		shape := pick(g, shapes)
		f.arguments, f.given = shape[0], shape[1]
	}
	return f
}

// makeFields gives a type its fields, and each to the subgraphs that resolve it.
func (g *graphMaker) makeFields(t *madeType) {
	switch t.kind {
	case madeValue:
		for range 1 + g.random.IntN(3) {
			f := g.newField(nil, false)
			if below := g.typeNamed(pick(g, []string{"Ant", "Bee", "Item", "Either", "Wax"})); below != nil && below.split == nil && t.split == nil && t.name != "Home" && g.chance(3) {
				f.leaf, f.below, f.arguments, f.name, f.typ = "", below, "", fmt.Sprintf("%s%d", lower(below.name), g.counter), pick(g, []string{"%s", "[%s]"})
			}
			t.fields = append(t.fields, f)
			for _, s := range t.split {
				if g.chance(2) {
					f.owners = append(f.owners, s)
				}
			}
			if t.split != nil && len(f.owners) == 0 {
				f.owners = []*madeSubgraph{pick(g, t.split)}
			}
			for _, s := range g.subgraphs {
				if s.parts[t] != nil && (t.split == nil || slices.Contains(f.owners, s)) {
					g.add(t, s, f)
				}
			}
		}
		for _, s := range t.split {
			if !slices.ContainsFunc(t.fields, func(f *madeField) bool { return slices.Contains(f.owners, s) }) {
				f := g.newField(nil, false)
				f.owners = []*madeSubgraph{s}
				t.fields = append(t.fields, f)
			}
		}
		if t.split != nil {
			f := &madeField{name: "own" + lower(t.name), typ: "%s", below: t}
			g.query.fields = append(g.query.fields, f)
			for _, s := range t.split {
				g.root(g.query, s)
				g.add(g.query, s, f)
			}
		}
	case madeEntity:
		for range 1 + g.random.IntN(4) {
			g.entityField(t, g.newField)
		}
	case madeInterface:
		for range 1 + g.random.IntN(2) {
			g.interfaceField(t)
		}
	case madeBeing:
		g.identity(t)
		for range 1 + g.random.IntN(2) {
			g.interfaceField(t)
		}
		for _, s := range t.standing {
			g.ensure(t, s)
			for range 1 + g.random.IntN(2) {
				f := g.newField([]*madeSubgraph{s}, g.chance(3))
				t.fields = append(t.fields, f)
				g.add(t, s, f)
			}
		}
	}
}

// entityField places a field of an entity: usually in one subgraph, sometimes shared, sometimes on its way from one to another.
func (g *graphMaker) entityField(t *madeType, make func(in []*madeSubgraph, composite bool) *madeField) {
	in := g.contributors(t)
	owners := []*madeSubgraph{pick(g, in)}
	if g.chance(4) {
		owners = some(g, in, 1)
	}
	f := make(owners, g.chance(2))
	if vat := g.typeNamed("Vat"); vat != nil && vat.split != nil && !f.shared && g.chance(4) && slices.Contains(in, vat.split[0]) && slices.Contains(in, vat.split[1]) {
		owners = vat.split
		f = &madeField{name: fmt.Sprintf("vat%d", g.counter), typ: pick(g, wrappings), below: vat}
	}
	t.fields = append(t.fields, f)
	for _, s := range owners {
		g.add(t, s, f)
	}
	if to := pick(g, in); len(owners) == 1 && to != owners[0] && !to.first && g.chance(6) && (f.below == nil || g.allowed(f.below, to)) && (f.below == nil || f.below.split == nil) {
		g.add(t, to, f).override = owners[0].name
		f.owners, f.moved = []*madeSubgraph{to}, true
	}
}

// interfaceField makes up a field for every type of an interface, in whichever subgraphs. Where the interface says an abstract type, an
// implementation may say which object type it is.
func (g *graphMaker) interfaceField(t *madeType) {
	pattern := g.newField(nil, false)
	if g.chance(2) {
		pattern.below = pick(g, g.types)
		for pattern.below.kind == madeRoot || pattern.below.split != nil || pattern.below.being != nil || pattern.below.kind == madeBeing {
			pattern.below = pick(g, g.types)
		}
		pattern.leaf, pattern.name = "", fmt.Sprintf("%s%d", lower(pattern.below.name), g.counter)
	}
	pattern.shared = true
	t.fields = append(t.fields, pattern)
	for _, member := range t.members {
		f := *pattern
		f.owners = nil
		if f.below != nil && (f.below.kind == madeInterface || f.below.kind == madeUnion) && g.chance(3) {
			f.below, f.beside = pick(g, f.below.members), f.below
		}
		if member.kind == madeValue {
			member.fields = append(member.fields, &f)
			for _, s := range g.subgraphs {
				if s.parts[member] != nil {
					g.add(member, s, &f)
				}
			}
			continue
		}
		g.entityField(member, func([]*madeSubgraph, bool) *madeField { return &f })
	}
}

func (g *graphMaker) root(t *madeType, s *madeSubgraph) {
	if s.parts[t] == nil {
		s.parts[t] = &madePart{}
	}
}

// makeRoots gives every subgraph root fields, and some of them the same ones.
func (g *graphMaker) makeRoots() {
	place := func(root *madeType, in []*madeSubgraph) {
		f := g.newField(in, !g.chance(5))
		root.fields = append(root.fields, f)
		for _, s := range in {
			g.root(root, s)
			g.add(root, s, f)
		}
	}
	for _, s := range g.subgraphs {
		for range 1 + g.random.IntN(2) {
			place(g.query, []*madeSubgraph{s})
		}
	}
	for range g.random.IntN(3) {
		place(g.query, some(g, g.subgraphs, 2))
	}
	if g.mutation != nil {
		for range 1 + g.random.IntN(3) {
			place(g.mutation, []*madeSubgraph{pick(g, g.subgraphs)})
		}
	}
}

// makeProvisions lets fields provide what their subgraph does not resolve otherwise.
func (g *graphMaker) makeProvisions() {
	for _, s := range g.subgraphs {
		for _, t := range g.types {
			part := s.parts[t]
			if part == nil || t.kind == madeInterface || t.kind == madeUnion || t.kind == madeBeing {
				continue
			}
			for _, f := range slices.Clone(part.fields) {
				if f.external || f.below == nil || f.key || f.moved || !g.chance(3) {
					continue
				}
				f.provides = g.provision(f.below, s, 2)
			}
		}
	}
}

// external declares a field of an entity that the subgraph does not resolve, or returns nil where it does.
func (g *graphMaker) external(t *madeType, s *madeSubgraph, f *madeField) *partField {
	part := s.parts[t]
	if own := part.find(f); own != nil {
		if own.external {
			return own
		}
		return nil
	}
	if f.below != nil {
		if !g.allowed(f.below, s) || f.below.split != nil || f.beside != nil && !g.allowed(f.beside, s) {
			return nil
		}
		g.ensure(f.below, s)
		if f.beside != nil {
			g.ensure(f.beside, s)
		}
	}
	own := &partField{madeField: f, external: true}
	part.fields = append(part.fields, own)
	return own
}

// provision makes up a selection of external fields; "" where there is nothing to select.
func (g *graphMaker) provision(t *madeType, s *madeSubgraph, depth int) string {
	part := s.parts[t]
	var parts []string
	switch t.kind {
	case madeEntity, madeValue:
		for _, f := range t.fields {
			if !g.chance(2) || f.arguments != "" || f.moved || f.requiring(g) {
				continue
			}
			if f.below == nil {
				if t.kind == madeEntity && g.external(t, s, f) != nil {
					f.provided = true
					parts = append(parts, f.name)
				}
				continue
			}
			own := part.find(f)
			before := own != nil
			if depth == 0 || f.below == t || !before && t.kind == madeValue {
				continue
			}
			if !before {
				if own = g.external(t, s, f); own == nil {
					continue
				}
			}
			if below := g.provision(f.below, s, depth-1); below != "" {
				f.provided = f.provided || own.external
				parts = append(parts, f.name+" { "+below+" }")
			} else if !before {
				part.fields = slices.DeleteFunc(part.fields, func(o *partField) bool { return o == own })
			}
		}
	case madeBeing:
		for _, f := range t.fields {
			if slices.Contains(t.standing, s) && g.chance(2) && f.below == nil && f.arguments == "" && len(f.owners) == 0 && f.name != "id" && g.external(t, s, f) != nil {
				parts = append(parts, f.name)
				for _, m := range t.members {
					for _, own := range m.fields {
						own.provided = own.provided || own.name == f.name
					}
				}
			}
		}
	case madeInterface, madeUnion:
		for _, m := range t.members {
			own := s.parts[m]
			if own == nil || !slices.Contains(own.implements, t) || g.chance(3) {
				continue
			}
			if below := g.provision(m, s, depth); below != "" {
				parts = append(parts, "... on "+m.name+" { "+below+" }")
			}
		}
	}
	return strings.Join(parts, " ")
}

// requiring tells whether some subgraph resolves the field from a requirement.
func (f *madeField) requiring(g *graphMaker) bool {
	for _, s := range f.owners {
		for _, t := range g.types {
			if part := s.parts[t]; part != nil && part.find(f) != nil && part.find(f).requires != "" {
				return true
			}
		}
	}
	return false
}

// makeRequirements gives entities fields that are computed from others.
func (g *graphMaker) makeRequirements() {
	for range 2 { // the second time over what the first time made
		for _, s := range g.subgraphs {
			for _, t := range g.types {
				part := s.parts[t]
				standing := t.kind == madeBeing && slices.Contains(t.standing, s)
				if part == nil || part.stub || t.kind != madeEntity && !standing || !g.chance(3) {
					continue
				}
				if !slices.ContainsFunc(part.keys, func(key string) bool { return !strings.Contains(key, "resolvable") }) {
					continue
				}
				f := g.newField([]*madeSubgraph{s}, false)
				f.leaf, f.name = "String", fmt.Sprintf("req%d", g.counter)
				f.typ = pick(g, []string{"%s", "%s!"})
				if g.chance(6) {
					f = g.newField([]*madeSubgraph{s}, true)
				}
				set := g.requirement(t, s, 2, false)
				if set == "" {
					continue
				}
				t.fields = append(t.fields, f)
				g.add(t, s, f).requires = set
			}
		}
	}
}

// requirement makes up a selection of fields that the subgraph is sent; "" where there is nothing to select. below tells that an external
// field is above, so that fields the subgraph resolves count too.
func (g *graphMaker) requirement(t *madeType, s *madeSubgraph, depth int, below bool) string {
	part := s.parts[t]
	var parts []string
	kind := t.kind
	if kind == madeBeing && !slices.Contains(t.standing, s) {
		kind = madeInterface
	}
	switch kind {
	case madeEntity, madeValue, madeBeing:
		for _, f := range slices.Clone(t.fields) {
			if len(parts) > 2 || !g.chance(3) || f.moved || len(f.owners) == 0 && t.kind != madeBeing {
				continue
			}
			own := part.find(f)
			resolved := own != nil && !own.external
			if resolved && own.requires != "" {
				continue
			}
			if f.below == nil {
				if own == nil && t.kind == madeValue || resolved && !below || !resolved && g.external(t, s, f) == nil {
					continue
				}
				parts = append(parts, f.name+f.given)
				continue
			}
			if depth == 0 || t.kind == madeBeing || own == nil && (t.kind == madeValue || g.external(t, s, f) == nil) {
				continue
			}
			if inner := g.requirement(f.below, s, depth-1, below || !resolved); inner != "" {
				parts = append(parts, f.name+f.given+" { "+inner+" }")
			} else if own == nil {
				part.fields = slices.DeleteFunc(part.fields, func(o *partField) bool { return o.madeField == f })
			}
		}
	case madeInterface, madeUnion:
		for _, f := range t.fields {
			if f.below == nil && below && g.chance(3) && g.everywhere(t, s, f) {
				parts = append(parts, f.name+f.given)
			}
		}
		for _, m := range t.members {
			own := s.parts[m]
			if own == nil || !slices.Contains(own.implements, t) {
				continue
			}
			if inner := g.requirement(m, s, depth, below); inner != "" {
				parts = append(parts, "... on "+m.name+" { "+inner+" }")
			}
		}
	}
	return strings.Join(parts, " ")
}

// everywhere tells whether all object types that an interface has in a subgraph have the field there.
func (g *graphMaker) everywhere(t *madeType, s *madeSubgraph, f *madeField) bool {
	for _, m := range t.members {
		own := s.parts[m]
		if own == nil || !slices.Contains(own.implements, t) {
			continue
		}
		if !slices.ContainsFunc(own.fields, func(o *partField) bool { return o.name == f.name }) {
			return false
		}
	}
	return true
}

// hide makes something inaccessible, now and then.
func (g *graphMaker) hide() {
	g.hiddenHue = g.chance(4)
	for _, t := range g.types {
		switch {
		case t.kind == madeEntity && g.chance(6):
			if f := pick(g, t.fields); !f.shared {
				f.hidden = true
			}
		case (t.kind == madeUnion || t.kind == madeValue && t.name != "Home") && !t.interfaced && g.chance(8):
			t.hidden = true
			for _, other := range g.types {
				for _, f := range other.fields {
					f.hidden = f.hidden || f.below == t
				}
			}
		}
	}
}
