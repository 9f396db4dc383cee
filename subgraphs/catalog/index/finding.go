package index

import (
	"fmt"
	"slices"
	"strings"

	"callboard.dev/callboard/subgraphs/catalog/descriptor"
)

// The rules that only the whole catalog can tell to be broken. All of them are warnings: the entity is served.
const (
	RuleTargetMissing = "relation-target-missing" // a relation leads to something that is not there
	RuleCycle         = "relation-cycle"          // a group is above itself, or an entity is part of itself
	RuleParents       = "group-parents"           // a group has more than one parent
)

// fieldKinds are the kinds that the fields of a spec mean, to tell which of several entities of one name a broken reference meant.
var fieldKinds = map[string][]string{
	"owner": {"group", "user"}, "system": {"system"}, "subcomponentOf": {"component"}, "domain": {"domain"},
	"subdomainOf": {"domain"}, "providesApis": {"api"}, "consumesApis": {"api"}, "parent": {"group"}, "children": {"group"},
	"members": {"user"}, "memberOf": {"group"},
}

// findings returns what is wrong with the catalog as a whole.
func (x *Index) findings() []descriptor.Issue {
	var out []descriptor.Issue
	var near map[string][]ID
	all, childOf := x.edges.stated, x.edges.kind(relationChildOf)
	for id, entity := range x.entities {
		own := all[:len(entity.Relations)]
		all = all[len(own):]
		for i, one := range own {
			if one.target >= uint32(x.Len()) {
				relation := entity.Relations[i]
				if near == nil {
					near = x.byName()
				}
				out = append(out, warning(entity, relation.Line, RuleTargetMissing, x.missingMessage(relation, near)))
			}
		}
		if entity.Ref.Kind != "group" {
			continue
		}
		if parents := x.edges.ofKind(ID(id), childOf); len(parents) > 1 {
			names := make([]string, len(parents))
			for i, parent := range parents {
				names[i] = x.targetRef(parent).String()
			}
			out = append(out, warning(entity, relationLine(entity, "parent"), RuleParents, fmt.Sprintf(
				"the group has %d parents, %s; keep it in spec.parent, and in spec.children of that group only", len(parents),
				strings.Join(names, " and "))))
		}
	}
	return append(out, x.cycles()...)
}

func warning(entity *descriptor.Entity, line int, rule, message string) descriptor.Issue {
	if line == 0 {
		line = entity.Source.Line
	}
	return descriptor.Issue{
		Severity: descriptor.SeverityWarning, Rule: rule, Message: message,
		File: entity.Source.File, Document: entity.Source.Document, Line: line, Ref: entity.Ref,
	}
}

func relationLine(entity *descriptor.Entity, field string) int {
	for _, relation := range entity.Relations {
		if relation.Field == field {
			return relation.Line
		}
	}
	return 0
}

// byName lists the entities of each name, so that a reference with the wrong kind or namespace can be put right.
func (x *Index) byName() map[string][]ID {
	out := make(map[string][]ID, x.Len())
	for id, entity := range x.entities {
		out[entity.Ref.Name] = append(out[entity.Ref.Name], ID(id))
	}
	return out
}

func (x *Index) missingMessage(relation descriptor.Relation, near map[string][]ID) string {
	where := "the relation " + relation.Type
	if relation.Field != "" {
		where = "spec." + relation.Field
	}
	if x.whyMissing(relation.Target) == MissingRefused {
		return fmt.Sprintf("%s names %s, whose document was refused; see the issues of that entity", where, relation.Target)
	}
	advice := "add it or correct the reference"
	if ids := near[relation.Target.Name]; len(ids) > 0 {
		advice = "did you mean " + x.refs[x.nearest(relation, ids)] + "?"
	}
	return fmt.Sprintf("%s names %s, which no document declares; %s", where, relation.Target, advice)
}

// nearest prefers the kinds the field can lead to, then the kind that was named, then the first.
func (x *Index) nearest(relation descriptor.Relation, ids []ID) ID {
	best, bestScore := ids[0], -1
	for _, id := range ids {
		score := 0
		if slices.Contains(fieldKinds[relation.Field], x.entities[id].Ref.Kind) {
			score += 2
		}
		if x.entities[id].Ref.Kind == relation.Target.Kind {
			score++
		}
		if score > bestScore {
			best, bestScore = id, score
		}
	}
	return best
}

// cycles finds the groups that are above themselves, and the entities that are part of themselves.
func (x *Index) cycles() []descriptor.Issue {
	var out []descriptor.Issue
	for _, relation := range [...]string{relationChildOf, relationPartOf} {
		for _, ring := range x.rings(relation) {
			names := make([]string, len(ring))
			for i, id := range ring {
				names[i] = x.refs[id]
			}
			for _, id := range ring {
				line := 0
				for _, stated := range x.entities[id].Relations {
					if stated.Type == relation && slices.Contains(names, stated.Target.String()) {
						line = stated.Line
						break
					}
				}
				out = append(out, warning(x.entities[id], line, RuleCycle, fmt.Sprintf(
					"%s leads in a circle: %s; take one of them out", relation, circle(names))))
			}
		}
	}
	return out
}

// circleNames is how many members of a circle a message names.
const circleNames = 5

func circle(names []string) string {
	if len(names) > circleNames {
		return strings.Join(names[:circleNames], ", ") + fmt.Sprintf(" and %d more", len(names)-circleNames)
	}
	return strings.Join(names, ", ")
}

// rings returns the sets of entities that reach each other over relations of one type, each sorted by reference: Tarjan's
// algorithm, with a stack of its own since a chain can be as long as the catalog.
func (x *Index) rings(relation string) [][]ID {
	type frame struct {
		id   ID
		next int // the edge to follow next
	}
	n, kind := uint32(x.Len()), x.edges.kind(relation)
	order := make([]uint32, n) // when an entity was reached, from 1
	low := make([]uint32, n)
	open := newSet(x.Len())
	var rings [][]ID
	var path []ID
	var stack []frame
	var count uint32
	enter := func(id ID) {
		count++
		order[id], low[id] = count, count
		open.add(id)
		path = append(path, id)
		stack = append(stack, frame{id: id})
	}
	for root := range n {
		if order[root] != 0 || len(x.edges.ofKind(root, kind)) == 0 {
			continue
		}
		enter(root)
		for len(stack) > 0 {
			top := &stack[len(stack)-1]
			id, list := top.id, x.edges.ofKind(top.id, kind)
			if top.next < len(list) {
				target := list[top.next].target
				top.next++
				switch {
				case target >= n:
				case order[target] == 0:
					enter(target)
				case open.Has(target):
					low[id] = min(low[id], order[target])
				}
				continue
			}
			stack = stack[:len(stack)-1]
			if len(stack) > 0 {
				above := stack[len(stack)-1].id
				low[above] = min(low[above], low[id])
			}
			if low[id] != order[id] {
				continue
			}
			at := slices.Index(path, id)
			ring := path[at:]
			path = path[:at]
			for _, member := range ring {
				open[member/64] &^= 1 << (member % 64)
			}
			if len(ring) > 1 || slices.ContainsFunc(list, func(one edge) bool { return one.target == id }) {
				slices.Sort(ring)
				rings = append(rings, slices.Clone(ring))
			}
		}
	}
	return rings
}
