package index

import (
	"slices"
	"strings"
	"sync"

	"callboard.dev/callboard/subgraphs/catalog/descriptor"
)

// The relation types the index itself understands; all others it only stores.
const (
	relationOwnedBy  = "ownedBy"
	relationPartOf   = "partOf"
	relationChildOf  = "childOf"
	relationParentOf = "parentOf"
	relationMemberOf = "memberOf"
)

// Build makes the index of a snapshot. Entities that share a reference with an earlier one are left out; a snapshot that keeps
// its promise has none.
func Build(s descriptor.Snapshot) *Index {
	x := &Index{}
	x.number(s.Entities)
	x.edges = newEdges(x.entities, x.refs)

	// What follows only reads entities and edges, and each part writes its own fields.
	var parts sync.WaitGroup
	parts.Go(func() { x.text = x.newText() })
	parts.Go(func() {
		x.labels = newLists(x.entities, listedLabels)
		x.annotations = newLists(x.entities, listedAnnotations)
		x.tags = newLists(x.entities, listedTags)
	})
	for _, own := range ownFields {
		x.columns[own.field] = newColumn(x.entities, own.of)
	}
	x.fillRelated()
	x.fillIssues(s.Issues)
	parts.Wait()
	return x
}

// number sorts the entities by reference and numbers them.
func (x *Index) number(entities []*descriptor.Entity) {
	x.entities = make([]*descriptor.Entity, 0, len(entities))
	x.refs = make([]string, 0, len(entities))
	type named struct {
		ref    string
		entity *descriptor.Entity
	}
	all := make([]named, len(entities))
	for i, entity := range entities {
		all[i] = named{entity.Ref.String(), entity}
	}
	byRef := func(a, b named) int { return strings.Compare(a.ref, b.ref) }
	if !slices.IsSortedFunc(all, byRef) {
		slices.SortStableFunc(all, byRef)
	}
	for i, one := range all {
		if i > 0 && all[i-1].ref == one.ref {
			continue
		}
		x.entities = append(x.entities, one.entity)
		x.refs = append(x.refs, one.ref)
	}
}

// ownFields are the fields whose values follow from the entity alone.
var ownFields = [...]struct {
	field Field
	of    func(*descriptor.Entity) string
}{
	{FieldName, func(e *descriptor.Entity) string { return e.Name }},
	{FieldTitle, func(e *descriptor.Entity) string { return e.Metadata.Title }},
	{FieldKind, func(e *descriptor.Entity) string { return e.Kind }},
	{FieldNamespace, func(e *descriptor.Entity) string { return e.Namespace }},
	{FieldType, func(e *descriptor.Entity) string { return specText(e, "type") }},
	{FieldLifecycle, func(e *descriptor.Entity) string { return specText(e, "lifecycle") }},
}

// fillRelated fills in what follows from the edges alone: columns of references, and who is without an owner or a target.
func (x *Index) fillRelated() {
	n := uint32(x.Len())
	ownedBy, partOf := x.edges.kind(relationOwnedBy), x.edges.kind(relationPartOf)
	x.columns[FieldOwner] = x.newTargetColumn(func(id ID) uint32 { return x.firstTarget(x.edges.ofKind(id, ownedBy), "") })
	x.owners = make([]uint32, len(x.columns[FieldOwner].values))
	for id, code := range x.columns[FieldOwner].codes {
		if code != 0 {
			x.owners[code-1] = x.edges.ofKind(ID(id), ownedBy)[0].target
		}
	}
	x.columns[FieldSystem] = x.newTargetColumn(func(id ID) uint32 { return x.firstTarget(x.edges.ofKind(id, partOf), "system") })
	x.columns[FieldDomain] = x.newTargetColumn(func(id ID) uint32 {
		wholes := x.edges.ofKind(id, partOf)
		if own := x.firstTarget(wholes, "domain"); own != noID {
			return own
		}
		for _, whole := range wholes {
			if whole.target < n && x.entities[whole.target].Ref.Kind == "system" {
				return x.firstTarget(x.edges.ofKind(whole.target, partOf), "domain")
			}
		}
		return noID
	})

	x.dangling, x.orphaned = newSet(x.Len()), newSet(x.Len())
	there := func(one edge) bool { return one.target < n }
	for id := range n {
		own := x.edges.list[x.edges.starts[id]:x.edges.starts[id+1]]
		if slices.ContainsFunc(own, func(one edge) bool { return !there(one) }) {
			x.dangling.add(id)
		}
		if ownedKinds[x.entities[id].Ref.Kind] && !slices.ContainsFunc(x.edges.ofKind(id, ownedBy), there) {
			x.orphaned.add(id)
		}
	}
}

// specText returns a text of the spec, or the empty text where it is not one.
func specText(e *descriptor.Entity, field string) string {
	text, _ := e.Spec[field].(string)
	return text
}

// firstTarget returns the target of the first edge that leads to the kind, or to any where kind is empty; noID where none does.
func (x *Index) firstTarget(list []edge, kind string) uint32 {
	for _, one := range list {
		if kind == "" || x.targetRef(one).Kind == kind {
			return one.target
		}
	}
	return noID
}

// ownedKinds are the kinds whose entities have an owner.
var ownedKinds = map[string]bool{
	"component": true, "api": true, "resource": true, "system": true, "domain": true, "template": true, "airesource": true,
}

// fillIssues joins the issues of the snapshot with what is wrong with the catalog as a whole.
func (x *Index) fillIssues(given []descriptor.Issue) {
	x.refused = make(map[descriptor.Ref]struct{})
	for _, issue := range given {
		if issue.Severity != descriptor.SeverityError || issue.Ref == (descriptor.Ref{}) {
			continue
		}
		if _, ok := x.Lookup(issue.Ref); !ok {
			x.refused[issue.Ref] = struct{}{}
		}
	}
	x.issues = append(slices.Clone(given), x.findings()...)
	slices.SortStableFunc(x.issues, compareIssues)
	x.issues = slices.Compact(x.issues)

	x.troubled = newSet(x.Len())
	x.issueStarts = make([]uint32, x.Len()+1)
	of := make([]ID, len(x.issues))
	for at, issue := range x.issues {
		id, ok := x.Lookup(issue.Ref)
		if !ok {
			of[at] = noID
			continue
		}
		of[at] = id
		x.troubled.add(id)
		x.issueStarts[id+1]++
	}
	for i := 1; i < len(x.issueStarts); i++ {
		x.issueStarts[i] += x.issueStarts[i-1]
	}
	x.issueOrder = make([]uint32, x.issueStarts[x.Len()])
	next := slices.Clone(x.issueStarts)
	for at, id := range of {
		if id != noID {
			x.issueOrder[next[id]] = uint32(at)
			next[id]++
		}
	}
}

func compareIssues(a, b descriptor.Issue) int {
	if a.File != b.File {
		return strings.Compare(a.File, b.File)
	}
	if a.Document != b.Document {
		return a.Document - b.Document
	}
	if a.Line != b.Line {
		return a.Line - b.Line
	}
	if a.Rule != b.Rule {
		return strings.Compare(a.Rule, b.Rule)
	}
	if a.Message != b.Message {
		return strings.Compare(a.Message, b.Message)
	}
	if a.Severity != b.Severity {
		return strings.Compare(string(a.Severity), string(b.Severity))
	}
	return strings.Compare(a.Ref.String(), b.Ref.String())
}
