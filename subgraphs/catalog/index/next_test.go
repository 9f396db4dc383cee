package index_test

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"testing"

	"callboard.dev/callboard/subgraphs/catalog/descriptor"
	"callboard.dev/callboard/subgraphs/catalog/index"
	"callboard.dev/callboard/subgraphs/relay"
)

// TestNextIsBuild follows random changes of random catalogs, and asks everything there is to ask of what Next made of the index
// before and of what Build makes of nothing.
func TestNextIsBuild(t *testing.T) {
	for seed := range uint64(60) {
		r := rand.New(rand.NewPCG(seed, 11))
		world := map[descriptor.Ref]*descriptor.Entity{}
		become(world, r, "", 1+r.IntN(90))
		x := index.Build(snapshotOf(world, r))
		for step := range 12 {
			for range r.IntN(3) {
				alter(world, r)
			}
			become(world, r, "", r.IntN(4))
			s := snapshotOf(world, r)
			x = x.Next(s)
			compareIndexes(t, fmt.Sprintf("seed %d, step %d", seed, step), x, index.Build(s), r)
		}
	}
}

// TestNextIsBuildWhereThereIsMuch does the same to catalogs of thousands, where texts come in several stretches, and where changes
// are sometimes so many that all is built anew.
func TestNextIsBuildWhereThereIsMuch(t *testing.T) {
	for seed := range uint64(2) {
		r := rand.New(rand.NewPCG(seed, 13))
		world := map[descriptor.Ref]*descriptor.Entity{}
		for part := range 30 {
			become(world, r, fmt.Sprint("-", part), 90)
		}
		x := index.Build(snapshotOf(world, r))
		for step := range 12 {
			switch step {
			case 4: // more than two stretches of names that come together
				for part := range 25 {
					become(world, r, fmt.Sprint("-9", part), 20)
				}
			case 7: // whole stretches go
				maps.DeleteFunc(world, func(ref descriptor.Ref, _ *descriptor.Entity) bool { return ref.Kind == "domain" })
			default:
				for range r.IntN(5) {
					alter(world, r)
				}
				become(world, r, fmt.Sprint("-", r.IntN(40)), r.IntN(3))
			}
			s := snapshotOf(world, r)
			x = x.Next(s)
			compareIndexes(t, fmt.Sprintf("seed %d, step %d", seed, step), x, index.Build(s), r)
		}
	}
}

// TestNextOfDisorder gives Next what no discovery makes: entities that are not sorted, or twice.
func TestNextOfDisorder(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 3))
	world := map[descriptor.Ref]*descriptor.Entity{}
	become(world, r, "", 40)
	s := snapshotOf(world, r)
	x := index.Build(s)
	twice := s
	twice.Entities = slices.Insert(slices.Clone(s.Entities), 3, s.Entities[2])
	compareIndexes(t, "twice", x.Next(twice), index.Build(twice), r)
	shuffled := s
	shuffled.Entities = slices.Clone(s.Entities)
	r.Shuffle(len(shuffled.Entities), func(i, j int) {
		shuffled.Entities[i], shuffled.Entities[j] = shuffled.Entities[j], shuffled.Entities[i]
	})
	compareIndexes(t, "shuffled", x.Next(shuffled), index.Build(shuffled), r)
	compareIndexes(t, "nothing", x.Next(descriptor.Snapshot{}), index.Build(descriptor.Snapshot{}), r)
	compareIndexes(t, "out of nothing", index.Build(descriptor.Snapshot{}).Next(s), x, r)
}

// become puts up to n made-up entities in the place of those of their references, with a part added to all names.
func become(world map[descriptor.Ref]*descriptor.Entity, r *rand.Rand, part string, n int) {
	for _, e := range madeUp(r, n).Entities {
		e.Name += part
		e.Ref.Name += part
		for i := range e.Relations {
			e.Relations[i].Target.Name += part
		}
		world[e.Ref] = e
	}
}

// alter changes one entity a little, or takes it out.
func alter(world map[descriptor.Ref]*descriptor.Entity, r *rand.Rand) {
	refs := slices.SortedFunc(maps.Keys(world), descriptor.CompareRefs)
	if len(refs) == 0 {
		return
	}
	ref := pick(r, refs)
	e := *world[ref]
	switch r.IntN(7) {
	case 0:
		delete(world, ref)
		return
	case 1:
		e.Metadata.Title = pick(r, titles)
	case 2:
		e.Metadata.Tags = append(slices.Clone(e.Metadata.Tags), pick(r, tagNames))
	case 3:
		e.Metadata.Labels = map[string]string{pick(r, mapKeys): pick(r, mapValues)}
	case 4:
		e.Name = strings.ToUpper(e.Name)
	case 5:
		e.Relations = e.Relations[:len(e.Relations)/2]
	case 6:
		e.Relations = append(slices.Clone(e.Relations), descriptor.Relation{
			Type: pick(r, []string{"dependsOn", "uses"}), Inverse: pick(r, []string{"dependencyOf", ""}), Target: pick(r, refs), Line: r.IntN(9),
		})
	}
	world[ref] = &e
}

// snapshotOf sorts the entities, and makes up some issues.
func snapshotOf(world map[descriptor.Ref]*descriptor.Entity, r *rand.Rand) descriptor.Snapshot {
	var s descriptor.Snapshot
	for _, e := range world {
		s.Entities = append(s.Entities, e)
	}
	slices.SortFunc(s.Entities, func(a, b *descriptor.Entity) int { return strings.Compare(a.Ref.String(), b.Ref.String()) })
	for range r.IntN(3) {
		s.Issues = append(s.Issues, descriptor.Issue{
			Severity: pick(r, []descriptor.Severity{descriptor.SeverityError, descriptor.SeverityWarning}), Rule: "made-up",
			File: "/catalog/x", Ref: newRef(pick(r, kinds), pick(r, namespaces), pick(r, names)),
		})
	}
	return s
}

// compareIndexes asks both the same.
func compareIndexes(t *testing.T, what string, got, want *index.Index, r *rand.Rand) {
	t.Helper()
	same := func(question string, g, w any) {
		t.Helper()
		if !reflect.DeepEqual(g, w) {
			t.Fatalf("%s: %s\n got %v\nwant %v", what, question, g, w)
		}
	}
	same("number of entities", got.Len(), want.Len())
	for id := range want.All().Each() {
		if got.Entity(id) != want.Entity(id) || got.RefText(id) != want.RefText(id) {
			t.Fatalf("%s: %d is %s, want %s", what, id, got.RefText(id), want.RefText(id))
		}
		if at, ok := got.Lookup(want.Entity(id).Ref); !ok || at != id {
			t.Fatalf("%s: %s is found at %d %t, want %d", what, want.RefText(id), at, ok, id)
		}
		same("relations of "+want.RefText(id), got.AllRelations(id), want.AllRelations(id))
		same("issues of "+want.RefText(id), got.IssuesOf(id), want.IssuesOf(id))
	}
	same("issues", got.Issues(), want.Issues())
	for _, field := range fields {
		same(fmt.Sprint("facet ", field), got.Facet(got.All(), field, 10_000), want.Facet(want.All(), field, 10_000))
		for _, descending := range []bool{false, true} {
			fifty := 50
			keys := []index.Key{{Field: field, Descending: descending}}
			g, err := got.Page(got.All(), keys, nil, relay.Args{First: &fifty})
			if err != nil {
				t.Fatal(err)
			}
			w, err := want.Page(want.All(), keys, nil, relay.Args{First: &fifty})
			if err != nil {
				t.Fatal(err)
			}
			same(fmt.Sprint("page by ", keys), g, w)
		}
	}
	same("tags", got.FacetTags(got.All(), 1000), want.FacetTags(want.All(), 1000))
	same("labels", got.FacetLabels(got.All(), 1000), want.FacetLabels(want.All(), 1000))
	same("annotations", got.FacetAnnotations(got.All(), 1000), want.FacetAnnotations(want.All(), 1000))
	for _, word := range append([]string{"9", "-1", "e"}, words...) {
		g, w := got.All(), want.All()
		gs, ws := got.Search(word, g), want.Search(word, w)
		same("search "+word, g, w)
		same("scores of "+word, gs, ws)
	}
	filters := []index.Filter{index.Troubled{}, index.Dangling{}, index.Orphaned{}}
	for _, tag := range tagNames {
		filters = append(filters, index.Tagged{tag})
	}
	for _, key := range mapKeys {
		for _, value := range mapValues {
			filters = append(filters, index.Labelled{Key: key, Value: &value}, index.Annotated{Key: key, Value: &value})
		}
	}
	for range 20 {
		filters = append(filters, randomFilter(r, 2))
	}
	for _, filter := range filters {
		same(fmt.Sprintf("select %#v", filter), got.Select(filter), want.Select(filter))
	}
}
