package index_test

import (
	"fmt"
	"runtime"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"callboard.dev/callboard/subgraphs/catalog/catalogtest"
	"callboard.dev/callboard/subgraphs/catalog/descriptor"
	"callboard.dev/callboard/subgraphs/catalog/index"
	"callboard.dev/callboard/subgraphs/relay"
)

// sizes are the catalogs measured: one that pains today's portals, and the largest that is talked about in public but two.
var sizes = []int{10_000, 100_000}

var generated = map[int]func() descriptor.Snapshot{}

func init() {
	for _, n := range sizes {
		generated[n] = sync.OnceValue(func() descriptor.Snapshot {
			var out descriptor.Snapshot
			for _, file := range catalogtest.Generate(n) {
				for _, document := range descriptor.Parse([]byte(file.Text), descriptor.Input{File: "/" + file.Path}).Documents {
					out.Entities = append(out.Entities, document.Entity)
				}
			}
			slices.SortFunc(out.Entities, func(a, b *descriptor.Entity) int { return strings.Compare(a.Ref.String(), b.Ref.String()) })
			return out
		})
	}
}

func each(b *testing.B, run func(b *testing.B, x *index.Index, team descriptor.Ref)) {
	for _, n := range sizes {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			x := index.Build(generated[n]())
			var team descriptor.Ref
			most := 0
			for id := range x.All().Each() {
				if ref := x.Entity(id).Ref; ref.Kind == "group" {
					if owned := x.Select(index.OwnedBy{Owner: ref, Descendants: true}).Count(); owned > most {
						team, most = ref, owned
					}
				}
			}
			b.ReportAllocs()
			b.ResetTimer()
			stop := cpu(b)
			run(b, x, team)
			stop()
		})
	}
}

// cpu reports the processor time of an operation, which a busy machine does not change.
func cpu(b *testing.B) func() {
	now := func() time.Duration {
		var usage syscall.Rusage
		if err := syscall.Getrusage(syscall.RUSAGE_SELF, &usage); err != nil {
			b.Fatal(err)
		}
		return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
	}
	from := now()
	return func() { b.ReportMetric(float64(now()-from)/float64(b.N)/1e6, "cpu-ms/op") }
}

func page(b *testing.B, x *index.Index, filter index.Filter, query string, keys ...index.Key) {
	twenty, matches := 20, 0
	for b.Loop() {
		set := x.Select(filter)
		scores := x.Search(query, set)
		page, err := x.Page(set, keys, scores, relay.Args{First: &twenty})
		if err != nil {
			b.Fatal(err)
		}
		matches = page.Total
	}
	b.ReportMetric(float64(matches), "matches")
}

var (
	isComponent = index.Is{Field: index.FieldKind, Values: []string{"component"}}
	isService   = index.Is{Field: index.FieldType, Values: []string{"service"}}
	byLifecycle = []index.Key{{Field: index.FieldLifecycle}, {Field: index.FieldName}}
)

func BenchmarkEntitiesKindAndType(b *testing.B) {
	each(b, func(b *testing.B, x *index.Index, _ descriptor.Ref) {
		page(b, x, index.All{isComponent, isService}, "", index.Key{Field: index.FieldTitle}, index.Key{Field: index.FieldName, Descending: true})
	})
}

func BenchmarkEntitiesTeamPortfolio(b *testing.B) {
	each(b, func(b *testing.B, x *index.Index, team descriptor.Ref) {
		page(b, x, index.All{isComponent, index.OwnedBy{Owner: team, Descendants: true}}, "", byLifecycle...)
	})
}

func BenchmarkEntitiesAllOrdered(b *testing.B) {
	each(b, func(b *testing.B, x *index.Index, _ descriptor.Ref) { page(b, x, index.All{}, "", byLifecycle...) })
}

func BenchmarkEntitiesText(b *testing.B) {
	each(b, func(b *testing.B, x *index.Index, _ descriptor.Ref) {
		page(b, x, isComponent, "checkout service", index.Key{Field: index.FieldRelevance})
	})
}

func BenchmarkFacets(b *testing.B) {
	each(b, func(b *testing.B, x *index.Index, _ descriptor.Ref) {
		for b.Loop() {
			set := x.Select(isComponent)
			x.Facet(set, index.FieldType, 100)
			x.Facet(set, index.FieldLifecycle, 100)
			x.FacetTags(set, 100)
		}
	})
}

func BenchmarkBuild(b *testing.B) {
	for _, n := range sizes {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			snapshot := generated[n]()
			var before, after runtime.MemStats
			runtime.GC()
			runtime.ReadMemStats(&before)
			kept := index.Build(snapshot)
			runtime.GC()
			runtime.ReadMemStats(&after)
			b.ReportAllocs()
			b.ResetTimer()
			stop := cpu(b)
			for b.Loop() {
				index.Build(snapshot)
			}
			stop()
			b.ReportMetric(float64(after.HeapAlloc-before.HeapAlloc)/1e6, "MB-kept")
			runtime.KeepAlive(kept)
		})
	}
}

// BenchmarkNext edits one entity among many: its title, or its title and what it relates to; or takes it out and puts it back.
func BenchmarkNext(b *testing.B) {
	for _, n := range sizes {
		snapshot := generated[n]()
		at := n / 3 // a component
		edited := *snapshot.Entities[at]
		edited.Metadata.Title = "Edited"
		related := edited
		related.Relations = related.Relations[:len(related.Relations)-1]
		with := func(e *descriptor.Entity) descriptor.Snapshot {
			return descriptor.Snapshot{Entities: slices.Concat(snapshot.Entities[:at], []*descriptor.Entity{e}, snapshot.Entities[at+1:])}
		}
		for _, c := range []struct {
			name string
			to   descriptor.Snapshot
		}{
			{"title", with(&edited)},
			{"relations", with(&related)},
			{"entity", descriptor.Snapshot{Entities: slices.Concat(snapshot.Entities[:at], snapshot.Entities[at+1:])}},
		} {
			b.Run(fmt.Sprint(n, "/", c.name), func(b *testing.B) {
				x := index.Build(snapshot)
				there := false
				b.ReportAllocs()
				b.ResetTimer()
				stop := cpu(b)
				for b.Loop() {
					if there = !there; there {
						x = x.Next(c.to)
					} else {
						x = x.Next(snapshot)
					}
				}
				stop()
			})
		}
	}
}
