package index_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"

	"callboard.dev/callboard/subgraphs/catalog/descriptor"
)

// Vocabularies small enough that random entities and random filters meet, with values that differ in case only.
var (
	kinds      = []string{"Component", "API", "Resource", "System", "Domain", "Group", "User"}
	names      = []string{"alpha", "Beta", "gamma", "delta", "eps-ilon", "zeta_1", "eta.x", "theta"}
	namespaces = []string{"default", "payments"}
	types      = []string{"service", "Service", "SERVICE", "library", "100%", "web_site", ""}
	lifecycles = []string{"production", "Production", "experimental", ""}
	titles     = []string{"", "", "The Alpha", "the alpha", "Ünïcode", "zz top", strings.Repeat("long ", 80)}
	tagNames   = []string{"go", "Go", "java", "c++", "a-b"}
	mapKeys    = []string{"tier", "Tier", "example.com/team"}
	mapValues  = []string{"one", "ONE", "two", ""}
	words      = []string{"alpha", "THE", "%", "_", "go", "payments", "nothing-at-all", "component:", "top zz"}
)

func pick[T any](r *rand.Rand, from []T) T { return from[r.IntN(len(from))] }

// relationFields are the relations that made-up entities state.
var relationFields = []struct{ field, relation, inverse, kind string }{
	{"owner", "ownedBy", "ownerOf", "Group"}, {"owner", "ownedBy", "ownerOf", "User"},
	{"system", "partOf", "hasPart", "System"}, {"domain", "partOf", "hasPart", "Domain"},
	{"dependsOn", "dependsOn", "dependencyOf", "Component"}, {"dependencyOf", "dependencyOf", "dependsOn", "Component"},
	{"parent", "childOf", "parentOf", "Group"}, {"children", "parentOf", "childOf", "Group"},
	{"memberOf", "memberOf", "hasMember", "Group"}, {"providesApis", "providesApi", "apiProvidedBy", "API"},
}

func newRef(kind, namespace, name string) descriptor.Ref {
	return descriptor.Ref{Kind: strings.ToLower(kind), Namespace: strings.ToLower(namespace), Name: strings.ToLower(name)}
}

// madeUp returns a random snapshot of at most n entities.
func madeUp(r *rand.Rand, n int) descriptor.Snapshot {
	var out descriptor.Snapshot
	seen := make(map[descriptor.Ref]bool)
	for range n {
		e := &descriptor.Entity{
			APIVersion: "backstage.io/v1alpha1", Kind: pick(r, kinds), Namespace: pick(r, namespaces), Name: pick(r, names),
			Spec: map[string]any{},
		}
		e.Ref = newRef(e.Kind, e.Namespace, e.Name)
		if seen[e.Ref] {
			continue
		}
		seen[e.Ref] = true
		if t := pick(r, types); t != "" {
			e.Spec["type"] = t
		}
		if l := pick(r, lifecycles); l != "" {
			e.Spec["lifecycle"] = l
		}
		e.Metadata.Title = pick(r, titles)
		e.Metadata.Description = fmt.Sprintf("what %s does", pick(r, words))
		for range r.IntN(3) {
			e.Metadata.Tags = append(e.Metadata.Tags, pick(r, tagNames))
		}
		for range r.IntN(3) {
			if e.Metadata.Labels == nil {
				e.Metadata.Labels, e.Metadata.Annotations = map[string]string{}, map[string]string{}
			}
			e.Metadata.Labels[pick(r, mapKeys)] = pick(r, mapValues)
			e.Metadata.Annotations[pick(r, mapKeys)] = pick(r, mapValues)
		}
		owned := false
		for range r.IntN(5) {
			f := pick(r, relationFields)
			if f.field == "owner" {
				if owned {
					continue
				}
				owned = true
			}
			e.Relations = append(e.Relations, descriptor.Relation{
				Type: f.relation, Inverse: f.inverse, Field: f.field, Target: newRef(f.kind, pick(r, namespaces), pick(r, names)),
			})
		}
		e.Source = descriptor.Source{File: "/catalog/" + e.Ref.String(), Line: 1}
		out.Entities = append(out.Entities, e)
	}
	slices.SortFunc(out.Entities, func(a, b *descriptor.Entity) int { return strings.Compare(a.Ref.String(), b.Ref.String()) })
	return out
}
