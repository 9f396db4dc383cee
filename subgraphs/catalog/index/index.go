// Package index answers questions about one snapshot of the catalog from memory. A descriptor.Snapshot goes in; filters,
// orders, pages, facets, text search and relations in both directions come out. The one rule: an Index never changes once
// Build has returned it, so any number of requests may read one without a lock, and a newer catalog is a newer Index.
//
// Entities are numbered from 0 in the order of their reference texts, and everything else is an array over those numbers:
// a column per field (column.go), a list of numbers per tag, label and annotation key (list.go), one array of edges
// (edge.go), some long texts for searching (search.go). A filter is a set of numbers (set.go, filter.go), and a page is the
// best few of a set in some order (order.go). What is wrong with the catalog as a whole is found while it is built
// (finding.go). Open build.go first; next.go makes an Index out of the one before it, where little has changed.
package index

import (
	"slices"
	"sort"

	"callboard.dev/callboard/subgraphs/catalog/descriptor"
)

// ID is the number of an entity in one Index. It means nothing in another.
type ID = uint32

// Index is one snapshot of the catalog, ready to be asked. It is immutable.
type Index struct {
	entities []*descriptor.Entity
	refs     []string // reference texts, by ID; sorted

	columns     [fieldCount]column
	owners      []uint32 // the target of the edge that each value of FieldOwner comes from
	tags        lists
	labels      lists
	annotations lists
	edges       edges
	text        text

	dangling Set // has a relation to something that is not there
	orphaned Set // could have an owner and has none that is there
	troubled Set // has an issue

	issues      []descriptor.Issue
	issueStarts []uint32 // of the issues of each ID in issueOrder
	issueOrder  []uint32 // positions in issues
	refused     map[descriptor.Ref]struct{}
}

// Len tells how many entities there are.
func (x *Index) Len() int { return len(x.entities) }

// Lookup returns the ID of the entity that ref names, or false where there is none.
func (x *Index) Lookup(ref descriptor.Ref) (ID, bool) {
	at, ok := slices.BinarySearch(x.refs, ref.String())
	if !ok || x.entities[at].Ref != ref { // different parts may make one text
		return 0, false
	}
	return ID(at), true
}

// Entity returns the entity with that ID.
func (x *Index) Entity(id ID) *descriptor.Entity { return x.entities[id] }

// RefText returns the canonical reference text of the entity with that ID.
func (x *Index) RefText(id ID) string { return x.refs[id] }

// All returns the set of every entity. The caller may change it.
func (x *Index) All() Set {
	all := newSet(x.Len())
	all.fill(x.Len())
	return all
}

// Issues returns everything that is wrong with the catalog, sorted by file, document, line and rule. The caller must not
// change it.
func (x *Index) Issues() []descriptor.Issue { return x.issues }

// IssuesOf returns what is wrong with one entity, in the order of Issues.
func (x *Index) IssuesOf(id ID) []descriptor.Issue {
	positions := x.issueOrder[x.issueStarts[id]:x.issueStarts[id+1]]
	if len(positions) == 0 {
		return nil
	}
	out := make([]descriptor.Issue, len(positions))
	for i, at := range positions {
		out[i] = x.issues[at]
	}
	return out
}

// place returns where ref stands among the entities: twice its ID and one where it is there, and the even number of the gap
// it would fill where it is not.
func (x *Index) place(ref string) uint32 {
	at := sort.SearchStrings(x.refs, ref)
	if at < len(x.refs) && x.refs[at] == ref {
		return 2*uint32(at) + 1
	}
	return 2 * uint32(at)
}
