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
	var targets []uint32
	x.edges, targets = newEdges(x.entities, x.refs, x.byRef)

	// What follows only reads entities and edges, and each part writes its own fields.
	var parts sync.WaitGroup
	parts.Go(func() { x.text = x.newText() })
	parts.Go(func() {
		x.labels = x.newMapLists(func(e *descriptor.Entity) map[string]string { return e.Metadata.Labels })
		x.annotations = x.newMapLists(func(e *descriptor.Entity) map[string]string { return e.Metadata.Annotations })
		x.tags = x.newTags()
	})
	x.fillColumns()
	x.fillOwnership()
	x.fillIssues(s.Issues, targets)
	parts.Wait()
	return x
}

// number sorts the entities by reference and numbers them.
func (x *Index) number(entities []*descriptor.Entity) {
	x.entities = make([]*descriptor.Entity, 0, len(entities))
	x.refs = make([]string, 0, len(entities))
	x.byRef = make(map[descriptor.Ref]ID, len(entities))
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
	for _, one := range all {
		if _, ok := x.byRef[one.entity.Ref]; ok {
			continue
		}
		x.byRef[one.entity.Ref] = ID(len(x.entities))
		x.entities = append(x.entities, one.entity)
		x.refs = append(x.refs, one.ref)
	}
}

func (x *Index) fillColumns() {
	n := x.Len()
	metadata := func(field Field, of func(*descriptor.Entity) string) {
		x.columns[field] = newColumn(n, func(id ID) string { return of(x.entities[id]) })
	}
	metadata(FieldName, func(e *descriptor.Entity) string { return e.Name })
	metadata(FieldTitle, func(e *descriptor.Entity) string { return e.Metadata.Title })
	metadata(FieldKind, func(e *descriptor.Entity) string { return e.Kind })
	metadata(FieldNamespace, func(e *descriptor.Entity) string { return e.Namespace })
	metadata(FieldType, func(e *descriptor.Entity) string { return specText(e, "type") })
	metadata(FieldLifecycle, func(e *descriptor.Entity) string { return specText(e, "lifecycle") })
	x.columns[FieldOwner] = newColumn(n, func(id ID) string { return x.targetText(x.edges.of(id, relationOwnedBy), "") })
	x.owners = make([]uint32, len(x.columns[FieldOwner].values))
	for id, code := range x.columns[FieldOwner].codes {
		if code != 0 {
			x.owners[code-1] = x.edges.of(ID(id), relationOwnedBy)[0].target
		}
	}
	x.columns[FieldSystem] = newColumn(n, func(id ID) string {
		return x.targetText(x.edges.of(id, relationPartOf), "system")
	})
	x.columns[FieldDomain] = newColumn(n, func(id ID) string {
		wholes := x.edges.of(id, relationPartOf)
		if own := x.targetText(wholes, "domain"); own != "" {
			return own
		}
		for _, whole := range wholes {
			if whole.target < uint32(n) && x.entities[whole.target].Ref.Kind == "system" {
				return x.targetText(x.edges.of(whole.target, relationPartOf), "domain")
			}
		}
		return ""
	})
}

// specText returns a text of the spec, or the empty text where it is not one.
func specText(e *descriptor.Entity, field string) string {
	text, _ := e.Spec[field].(string)
	return text
}

// targetText returns the reference text of the first edge that leads to the kind, or to any where kind is empty.
func (x *Index) targetText(list []edge, kind string) string {
	for _, one := range list {
		if one.target < uint32(x.Len()) {
			if kind == "" || x.entities[one.target].Ref.Kind == kind {
				return x.refs[one.target]
			}
		} else if ref := x.targetRef(one); kind == "" || ref.Kind == kind {
			return ref.String()
		}
	}
	return ""
}

func (x *Index) newTags() lists {
	var written spellingCount
	var entries []entry
	for id, entity := range x.entities {
		for _, tag := range entity.Metadata.Tags {
			entries = append(entries, entry{code: written.add(tag), id: ID(id)})
		}
	}
	return newLists(&written, entries, false)
}

func (x *Index) newMapLists(of func(*descriptor.Entity) map[string]string) lists {
	var written spellingCount
	count := 0
	for _, entity := range x.entities {
		count += len(of(entity))
	}
	entries := make([]entry, 0, count)
	for id, entity := range x.entities {
		for key, value := range of(entity) {
			entries = append(entries, entry{written.add(key), ID(id), hashFolded(fold(value))})
		}
	}
	return newLists(&written, entries, true)
}

// ownedKinds are the kinds whose entities have an owner.
var ownedKinds = map[string]bool{
	"component": true, "api": true, "resource": true, "system": true, "domain": true, "template": true, "airesource": true,
}

// fillOwnership finds the entities that no one owns and those with a relation that leads nowhere.
func (x *Index) fillOwnership() {
	x.dangling, x.orphaned = newSet(x.Len()), newSet(x.Len())
	n := uint32(x.Len())
	for id := range n {
		for _, one := range x.edges.list[x.edges.starts[id]:x.edges.starts[id+1]] {
			if one.target >= n {
				x.dangling.add(id)
				break
			}
		}
		if !ownedKinds[x.entities[id].Ref.Kind] {
			continue
		}
		there := func(one edge) bool { return one.target < n }
		if !slices.ContainsFunc(x.edges.of(id, relationOwnedBy), there) {
			x.orphaned.add(id)
		}
	}
}

// fillIssues joins the issues of the snapshot with what is wrong with the catalog as a whole.
func (x *Index) fillIssues(given []descriptor.Issue, targets []uint32) {
	x.refused = make(map[descriptor.Ref]struct{})
	for _, issue := range given {
		if _, ok := x.byRef[issue.Ref]; !ok && issue.Severity == descriptor.SeverityError && issue.Ref != (descriptor.Ref{}) {
			x.refused[issue.Ref] = struct{}{}
		}
	}
	x.issues = append(slices.Clone(given), x.findings(targets)...)
	slices.SortStableFunc(x.issues, compareIssues)
	x.issues = slices.Compact(x.issues)

	x.troubled = newSet(x.Len())
	x.issueStarts = make([]uint32, x.Len()+1)
	for _, issue := range x.issues {
		if id, ok := x.byRef[issue.Ref]; ok {
			x.troubled.add(id)
			x.issueStarts[id+1]++
		}
	}
	for i := 1; i < len(x.issueStarts); i++ {
		x.issueStarts[i] += x.issueStarts[i-1]
	}
	x.issueOrder = make([]uint32, x.issueStarts[x.Len()])
	next := slices.Clone(x.issueStarts)
	for at, issue := range x.issues {
		if id, ok := x.byRef[issue.Ref]; ok {
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
