package index_test

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"callboard.dev/callboard/subgraphs/catalog/descriptor"
	"callboard.dev/callboard/subgraphs/catalog/index"
	"callboard.dev/callboard/subgraphs/relay"
)

// fields are those an entity has a value of.
var fields = []index.Field{
	index.FieldName, index.FieldTitle, index.FieldKind, index.FieldNamespace, index.FieldType, index.FieldLifecycle,
	index.FieldOwner, index.FieldSystem, index.FieldDomain,
}

func randomFilter(r *rand.Rand, depth int) index.Filter {
	if depth > 0 {
		switch r.IntN(5) {
		case 0:
			return index.All{randomFilter(r, depth-1), randomFilter(r, depth-1)}
		case 1:
			return index.Any{randomFilter(r, depth-1), randomFilter(r, depth-1)}
		case 2:
			return index.Not{Filter: randomFilter(r, depth-1)}
		case 3:
			return pick(r, []index.Filter{index.All{}, index.Any{}})
		}
	}
	value := func() *string {
		if r.IntN(2) == 0 {
			return nil
		}
		v := pick(r, mapValues)
		return &v
	}
	ref := func(kind string) descriptor.Ref { return newRef(kind, pick(r, namespaces), pick(r, names)) }
	switch r.IntN(9) {
	case 0:
		return index.Is{Field: index.FieldKind, Values: []string{pick(r, kinds), strings.ToUpper(pick(r, kinds))}}
	case 1:
		return index.Is{Field: pick(r, fields), Values: []string{pick(r, types), pick(r, lifecycles), pick(r, titles), pick(r, names)}}
	case 2:
		return index.Is{Field: index.FieldOwner, Values: []string{ref(pick(r, []string{"group", "user"})).String()}}
	case 3:
		return index.Tagged{pick(r, tagNames)}
	case 4:
		return index.Labelled{Key: pick(r, mapKeys), Value: value()}
	case 5:
		return index.Annotated{Key: pick(r, mapKeys), Value: value()}
	case 6:
		return index.Among{ref("component"), ref("group"), ref("api")}
	case 7:
		return pick(r, []index.Filter{index.Dangling{}, index.Orphaned{}, index.Has{Field: pick(r, fields)}})
	}
	return index.OwnedBy{
		Owner: ref(pick(r, []string{"group", "user"})), Descendants: r.IntN(2) == 0, Ancestors: r.IntN(2) == 0,
	}
}

// TestAgainstNaive compares filters, text search, orders, pages and counts with a plain evaluation over random catalogs.
func TestAgainstNaive(t *testing.T) {
	selected := 0
	for seed := range uint64(400) {
		r := rand.New(rand.NewPCG(seed, 7))
		snapshot := madeUp(r, r.IntN(90))
		x, plain := index.Build(snapshot), naive{snapshot.Entities}
		for range 5 {
			filter, query := randomFilter(r, 3), ""
			if r.IntN(3) == 0 {
				query = pick(r, words)
			}
			var keys []index.Key
			for range r.IntN(4) {
				keys = append(keys, index.Key{Field: pick(r, append(fields, index.FieldRef)), Descending: r.IntN(2) == 0})
			}
			what := fmt.Sprintf("seed %d, filter %#v, query %q, keys %v", seed, filter, query, keys)
			set := x.Select(filter)
			scores := x.Search(query, set)
			wanted := plain.list(filter, query, keys)
			selected += len(wanted)
			if got := pages(t, x, set, keys, scores, 1+r.IntN(9), false); !slices.Equal(got, wanted) {
				t.Fatalf("%s: going on\n got %v\nwant %v", what, got, wanted)
			}
			if got := pages(t, x, set, keys, scores, 1+r.IntN(9), true); !slices.Equal(got, wanted) {
				t.Fatalf("%s: going back\n got %v\nwant %v", what, got, wanted)
			}
			for _, field := range fields {
				compareCounts(t, what, x.Facet(set, field, 1000), len(wanted),
					plain.count(wanted, func(e *descriptor.Entity) []string { return []string{plain.ordered(e, field)} }))
			}
			compareCounts(t, what, x.FacetTags(set, 1000), -1,
				plain.count(wanted, func(e *descriptor.Entity) []string { return e.Metadata.Tags }))
			compareCounts(t, what, x.FacetLabels(set, 1000), -1, plain.count(wanted, func(e *descriptor.Entity) []string {
				return slices.Collect(maps.Keys(e.Metadata.Labels))
			}))
		}
		for _, e := range snapshot.Entities {
			id, ok := x.Lookup(e.Ref)
			if !ok {
				t.Fatalf("seed %d: %s is lost", seed, e.Ref)
			}
			for _, relation := range []string{"ownedBy", "ownerOf", "partOf", "hasPart", "dependsOn", "dependencyOf", "childOf", "memberOf"} {
				var got []string
				for _, edge := range x.Relations(id, relation) {
					got = append(got, edge.Target.String())
					if there := plain.find(edge.Target) != nil; there != (edge.Reason == "") {
						t.Fatalf("seed %d: %s of %s: %s has the reason %q", seed, relation, e.Ref, edge.Target, edge.Reason)
					}
				}
				if wanted := plain.targets(e, relation); !slices.Equal(got, wanted) {
					t.Fatalf("seed %d: %s of %s\n got %v\nwant %v", seed, relation, e.Ref, got, wanted)
				}
			}
		}
	}
	if selected < 1000 {
		t.Fatalf("the filters select only %d entities in all: they test nothing", selected)
	}
}

// pages reads a whole list page by page, from one end to the other, and returns it from the start.
func pages(t *testing.T, x *index.Index, set index.Set, keys []index.Key, scores index.Scores, size int, back bool) []string {
	t.Helper()
	var out []string
	args := relay.Args{First: &size}
	if back {
		args = relay.Args{Last: &size}
	}
	for range x.Len() + 2 {
		page, err := x.Page(set, keys, scores, args)
		if err != nil {
			t.Fatal(err)
		}
		if page.Total != set.Count() {
			t.Fatalf("a total of %d for a set of %d", page.Total, set.Count())
		}
		var refs []string
		for _, id := range page.IDs {
			refs = append(refs, x.RefText(id))
		}
		if back {
			out = append(refs, out...)
			if !page.Info.HasPreviousPage {
				return out
			}
			args.Before = page.Info.StartCursor
			continue
		}
		out = append(out, refs...)
		if !page.Info.HasNextPage {
			return out
		}
		args.After = page.Info.EndCursor
	}
	t.Fatal("paging does not end")
	return nil
}

func compareCounts(t *testing.T, what string, got index.Facet, total int, wanted map[string]int) {
	t.Helper()
	sum := got.Without
	counts := make(map[string]int)
	last := index.Count{Count: 1 << 30}
	for _, count := range got.Counts {
		counts[strings.ToLower(count.Value)] = count.Count
		sum += count.Count
		if count.Count > last.Count || count.Count == last.Count && strings.ToLower(count.Value) <= strings.ToLower(last.Value) {
			t.Fatalf("%s: %v comes after %v", what, count, last)
		}
		last = count
	}
	if !maps.Equal(counts, wanted) || got.Distinct != len(wanted) {
		t.Fatalf("%s: counts\n got %v\nwant %v", what, counts, wanted)
	}
	if total >= 0 && sum != total {
		t.Fatalf("%s: values and entities without one are %d, of %d", what, sum, total)
	}
}

func TestShufflingChangesNothing(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 3))
	snapshot := madeUp(r, 80)
	before := index.Build(snapshot)
	shuffled := descriptor.Snapshot{Entities: slices.Clone(snapshot.Entities)}
	r.Shuffle(len(shuffled.Entities), func(i, j int) {
		shuffled.Entities[i], shuffled.Entities[j] = shuffled.Entities[j], shuffled.Entities[i]
	})
	after := index.Build(shuffled)
	if !slices.Equal(before.Issues(), after.Issues()) {
		t.Error("the issues depend on the order of the snapshot")
	}
	for id := range index.ID(before.Len()) {
		if before.RefText(id) != after.RefText(id) || !slices.Equal(before.AllRelations(id), after.AllRelations(id)) {
			t.Fatalf("%s depends on the order of the snapshot", before.RefText(id))
		}
	}
}

// A cursor keeps its place although the entity it names has gone, or has another title now.
func TestCursorOutlivesItsEntity(t *testing.T) {
	entity := func(name, title string) *descriptor.Entity {
		return &descriptor.Entity{
			Ref: newRef("Component", "default", name), Kind: "Component", Namespace: "default", Name: name,
			Metadata: descriptor.Metadata{Title: title},
		}
	}
	keys := []index.Key{{Field: index.FieldTitle, Descending: true}}
	before := index.Build(descriptor.Snapshot{Entities: []*descriptor.Entity{
		entity("a", "4"), entity("b", "3"), entity("c", "2"), entity("d", "1"), entity("e", ""),
	}})
	two := 2
	first, err := before.Page(before.All(), keys, nil, relay.Args{First: &two})
	if err != nil {
		t.Fatal(err)
	}
	for name, changed := range map[string]*index.Index{
		"gone": index.Build(descriptor.Snapshot{Entities: []*descriptor.Entity{entity("a", "4"), entity("c", "2"), entity("d", "1"), entity("e", "")}}),
		"moved": index.Build(descriptor.Snapshot{Entities: []*descriptor.Entity{
			entity("a", "4"), entity("b", "9"), entity("c", "2"), entity("d", "1"), entity("e", ""),
		}}),
	} {
		next, err := changed.Page(changed.All(), keys, nil, relay.Args{First: &two, After: first.Info.EndCursor})
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if got := []string{changed.RefText(next.IDs[0]), changed.RefText(next.IDs[1])}; !slices.Equal(got, []string{"component:default/c", "component:default/d"}) {
			t.Errorf("%s: the next page is %v", name, got)
		}
		if !next.Info.HasNextPage || !next.Info.HasPreviousPage {
			t.Errorf("%s: the next page says %+v", name, next.Info)
		}
	}
	if _, err := before.Page(before.All(), nil, nil, relay.Args{After: first.Info.EndCursor}); err == nil || !strings.Contains(err.Error(), "another order") {
		t.Errorf("a cursor of another order gives %v", err)
	}
}

func TestFindings(t *testing.T) {
	group := func(name string, relations ...descriptor.Relation) *descriptor.Entity {
		return &descriptor.Entity{Ref: newRef("Group", "default", name), Kind: "Group", Name: name, Relations: relations, Source: descriptor.Source{File: "/" + name, Line: 1}}
	}
	parent := func(name string) descriptor.Relation {
		return descriptor.Relation{Type: "childOf", Inverse: "parentOf", Field: "parent", Target: newRef("Group", "default", name), Line: 9}
	}
	component := &descriptor.Entity{
		Ref: newRef("Component", "default", "web"), Kind: "Component", Name: "web", Source: descriptor.Source{File: "/web", Line: 1},
		Relations: []descriptor.Relation{
			{Type: "ownedBy", Inverse: "ownerOf", Field: "owner", Target: newRef("User", "default", "alone"), Line: 3},
			{Type: "dependsOn", Inverse: "dependencyOf", Field: "dependsOn", Target: newRef("Component", "default", "refused"), Line: 5},
		},
	}
	x := index.Build(descriptor.Snapshot{
		Entities: []*descriptor.Entity{
			component, group("top"), group("alone", parent("top"), parent("ring-a")),
			group("ring-a", parent("ring-b")), group("ring-b", parent("ring-a")),
		},
		Issues: []descriptor.Issue{{Severity: descriptor.SeverityError, Rule: "x", File: "/r", Ref: newRef("Component", "default", "refused")}},
	})
	var got []string
	for _, issue := range x.Issues() {
		if issue.Severity == descriptor.SeverityWarning {
			got = append(got, fmt.Sprintf("%s:%d %s %s", issue.File, issue.Line, issue.Rule, issue.Message))
		}
	}
	wanted := []string{
		"/alone:9 group-parents the group has 2 parents, group:default/ring-a and group:default/top; keep it in spec.parent, and in spec.children of that group only",
		"/ring-a:9 relation-cycle childOf leads in a circle: group:default/ring-a, group:default/ring-b; take one of them out",
		"/ring-b:9 relation-cycle childOf leads in a circle: group:default/ring-a, group:default/ring-b; take one of them out",
		"/web:3 relation-target-missing spec.owner names user:default/alone, which no document declares; did you mean group:default/alone?",
		"/web:5 relation-target-missing spec.dependsOn names component:default/refused, whose document was refused; see the issues of that entity",
	}
	if !slices.Equal(got, wanted) {
		t.Errorf("findings\n got %s\nwant %s", strings.Join(got, "\n     "), strings.Join(wanted, "\n     "))
	}
	id, _ := x.Lookup(component.Ref)
	if edges := x.Relations(id, "dependsOn"); edges[0].Reason != index.MissingRefused {
		t.Errorf("the refused target has the reason %q", edges[0].Reason)
	}
	if len(x.IssuesOf(id)) != 2 {
		t.Errorf("the component has the issues %v", x.IssuesOf(id))
	}
}

func TestBestMatchesComeFirst(t *testing.T) {
	entity := func(name, title, description string) *descriptor.Entity {
		return &descriptor.Entity{
			Ref: newRef("Component", "default", name), Kind: "Component", Name: name,
			Metadata: descriptor.Metadata{Title: title, Description: description},
		}
	}
	x := index.Build(descriptor.Snapshot{Entities: []*descriptor.Entity{
		entity("a", "", "pay what you want"), entity("b", "How to Pay", ""), entity("c-pay", "", ""), entity("pay-z", "", ""),
		entity("pay", "", ""), entity("nothing", "", ""),
	}})
	set := x.All()
	page, err := x.Page(set, []index.Key{{Field: index.FieldRelevance}}, x.Search("PAY", set), relay.Args{})
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, id := range page.IDs {
		got = append(got, x.Entity(id).Name)
	}
	if wanted := []string{"pay", "pay-z", "c-pay", "b", "a"}; !slices.Equal(got, wanted) {
		t.Errorf("got %v, want %v", got, wanted)
	}
}

func FuzzCursor(f *testing.F) {
	x := index.Build(madeUp(rand.New(rand.NewPCG(1, 1)), 40))
	keys := []index.Key{{Field: index.FieldTitle, Descending: true}, {Field: index.FieldRef}, {Field: index.FieldRelevance}}
	page, err := x.Page(x.All(), keys, nil, relay.Args{})
	if err != nil {
		f.Fatal(err)
	}
	f.Add(*page.Info.EndCursor)
	f.Add(relay.Cursor(`{"o":"-1,9,10","r":"component:default/x","v":["a",null,"300"]}`))
	f.Add(relay.Cursor(`{"o":"-1,9,10","v":[]}`))
	f.Fuzz(func(t *testing.T, cursor string) {
		if _, err := x.Page(x.All(), keys, nil, relay.Args{After: &cursor, Before: &cursor}); err == nil {
			page, err := x.Page(x.All(), keys, nil, relay.Args{After: &cursor})
			if err != nil || page.Total != x.Len() {
				t.Fatalf("after the same cursor: %v, %d", err, page.Total)
			}
		}
	})
}
